/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands, what runs them, and help, which is made from it.
 *
 * Each file has the rows of its own commands; here they stand in the order
 * in which people are shown them.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "cli/cli_priv.h"

enum { ARENA_MAX = 64 * 1024 * 1024, HELP_MAX = 256 * 1024 };

static int version_run(struct cli *c);
static int help_run(struct cli *c);

/* Their arguments are for the hook: nothing here reads them. */
static const struct {
	const char *name, *summary;
	size_t hook; /* where in struct cli_hooks */
} hooked[] = {
	{ "serve", "run the server", offsetof(struct cli_hooks, serve) },
	{ "demo", "run everything on this machine, with a practice service",
	  offsetof(struct cli_hooks, demo) },
	{ "practice", "run the practice service alone",
	  offsetof(struct cli_hooks, practice) },
};

static const struct cli_command other_commands[] = {
	{ "version", "", "which Drawbridge this is", NULL, version_run },
	{ "help", "[COMMAND]", "what there is, and how it is used", NULL,
	  help_run, NULL, 0, 2 },
	{ NULL },
};

static const struct cli_command *const tables[] = {
	cli_init_commands,	     cli_service_commands, cli_app_commands,
	cli_connection_commands,     cli_bulk_commands,	   cli_user_commands,
	cli_share_commands,	     cli_call_commands,	   cli_webhook_commands,
	cli_webhook_import_commands, cli_flow_commands,	   cli_key_commands,
	cli_member_commands,	     cli_egress_commands,  cli_audit_commands,
	cli_keyring_commands,	     cli_backup_commands,  cli_restore_commands,
	cli_renew_commands,	     cli_doctor_commands,  other_commands,
};

/* ---- saying what is wrong ---- */

/* Everything may have come from elsewhere: no control characters. */
__attribute__((format(printf, 1, 0))) static void
complain(const char *fmt, va_list ap)
{
	struct buf text, safe;

	buf_init(&text, 16 * 1024);
	buf_init(&safe, 64 * 1024);
	buf_vprintf(&text, fmt, ap);
	cli_safe(&safe, buf_slice(&text));
	fprintf(stderr, "drawbridge: %.*s\n", SLICE_ARG(buf_slice(&safe)));
	buf_release(&safe);
	buf_release(&text);
}

int
cli_fail(enum cli_exit code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return (int)code;
}

int
cli_misused(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	fprintf(stderr,
		"usage: drawbridge %s%s%s [options]; --help tells "
		"more\n",
		c->command->name, c->command->arguments[0] ? " " : "",
		c->command->arguments);
	return CLI_USAGE;
}

/* ---- help ---- */

static void
help_row(struct buf *out, const char *name, const char *arguments,
	 const char *summary)
{
	char left[80];

	snprintf(left, sizeof(left), "%s%s%s", name, arguments[0] ? " " : "",
		 arguments);
	buf_printf(out, "  %-36s %s\n", left, summary);
}

/* Whether "key create" is among the commands of "key". */
static bool
is_under(const char *name, struct slice group)
{
	return slice_starts(slice_str(name), group) &&
	       (!name[group.len] || name[group.len] == ' ');
}

/* Rows of all commands, or of a group's; how many. */
static size_t
help_rows(struct buf *out, struct slice group)
{
	const struct cli_command *command;
	size_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(hooked) && !group.len; i++, n++)
		help_row(out, hooked[i].name, "", hooked[i].summary);
	for (i = 0; i < ARRAY_LEN(tables); i++) {
		for (command = tables[i]; command->name; command++) {
			if (group.len && !is_under(command->name, group))
				continue;
			help_row(out, command->name, command->arguments,
				 command->summary);
			n++;
		}
	}
	return n;
}

static int
help_print(struct buf *out, FILE *to)
{
	fwrite(out->data ? out->data : "", 1, out->len, to);
	buf_release(out);
	return fflush(to) ? CLI_FAILED : CLI_OK;
}

static int
help_all(FILE *to)
{
	struct buf out;

	buf_init(&out, HELP_MAX);
	buf_puts(&out, "Drawbridge keeps credentials for APIs and attaches "
		       "them to calls.\n\n"
		       "usage: drawbridge COMMAND [arguments] [options]\n\n");
	help_rows(&out, SLICE_NONE);
	buf_puts(&out, "\nOptions of every command but the first three:\n");
	cli_options_help(&out, cli_common_options);
	buf_puts(&out, "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 no "
		       "such thing,\n4 refused, 5 server not reachable.\n");
	return help_print(&out, to);
}

static int
help_group(const char *group, FILE *to)
{
	struct buf out;

	buf_init(&out, HELP_MAX);
	buf_printf(&out,
		   "usage: drawbridge %s COMMAND [arguments] "
		   "[options]\n\n",
		   group);
	help_rows(&out, slice_str(group));
	buf_printf(&out, "\n`drawbridge %s COMMAND --help` tells more.\n",
		   group);
	return help_print(&out, to);
}

static int
help_command(const struct cli_command *command)
{
	const char *summary = command->summary;
	bool asks = summary[strlen(summary) - 1] == '?';
	struct buf out;

	buf_init(&out, HELP_MAX);
	buf_printf(&out, "usage: drawbridge %s%s%s [options]\n\n%s%s\n",
		   command->name, command->arguments[0] ? " " : "",
		   command->arguments, summary, asks ? "" : ".");
	if (command->help)
		buf_printf(&out, "\n%s\n", command->help);
	if (command->options) {
		buf_puts(&out, "\nOptions:\n");
		cli_options_help(&out, command->options);
	}
	buf_puts(&out, "\nOptions of every command:\n");
	cli_options_help(&out, cli_common_options);
	return help_print(&out, stdout);
}

static int
version_run(struct cli *c)
{
	if (c->json)
		printf("{\"version\":\"%s\"}\n", c->hooks->version);
	else
		printf("drawbridge %s\n", c->hooks->version);
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}

/* ---- finding ---- */

/* The command of the first one or two words; *used tells how many. */
static const struct cli_command *
command_find(int argc, const char *const *argv, int *used)
{
	const struct cli_command *command;
	char name[64];
	size_t i;

	for (*used = argc < 2 ? argc : 2; *used > 0; --*used) {
		snprintf(name, sizeof(name), "%.30s%s%.30s", argv[0],
			 *used == 2 ? " " : "", *used == 2 ? argv[1] : "");
		for (i = 0; i < ARRAY_LEN(tables); i++)
			for (command = tables[i]; command->name; command++)
				if (!strcmp(command->name, name))
					return command;
	}
	return NULL;
}

static bool
is_group(const char *name)
{
	struct buf none;
	bool found;

	buf_init(&none, HELP_MAX);
	found = name[0] && name[0] != '-' &&
		help_rows(&none, slice_str(name)) > 0;
	buf_release(&none);
	return found;
}

static int
hook_run(const struct cli_hooks *hooks, size_t i, int argc, char **argv)
{
	cli_hook *hook;

	memcpy(&hook, (const char *)hooks + hooked[i].hook, sizeof(hook));
	if (!hook)
		return cli_fail(CLI_FAILED, "%s is not part of this build",
				hooked[i].name);
	return hook(argc, argv);
}

static int
help_run(struct cli *c)
{
	char help[] = "--help", *hook_argv[] = { help, NULL };
	const struct cli_command *command;
	const char *first = cli_word(c, 0);
	int used;
	size_t i;

	if (!first)
		return help_all(stdout);
	for (i = 0; i < ARRAY_LEN(hooked); i++)
		if (!strcmp(first, hooked[i].name))
			return hook_run(c->hooks, i, 1, hook_argv);
	command = command_find((int)c->args.word_count, c->args.words, &used);
	if (command && used == (int)c->args.word_count)
		return help_command(command);
	if (is_group(first))
		return help_group(first, stdout);
	return cli_misused(c, "there is no command \"%s\"", first);
}

/* ---- running ---- */

static int
command_run(const struct cli_hooks *hooks, const struct cli_command *command,
	    int argc, const char *const *argv)
{
	struct cli c = { .hooks = hooks, .command = command };
	char why[256];
	int rc;

	if (cli_args_parse(command->options, argc, argv, &c.args, why,
			   sizeof(why)))
		return cli_misused(&c, "%s", why);
	if (cli_flag(&c.args, "help"))
		return help_command(command);
	if (c.args.word_count < command->min_words)
		return cli_misused(&c, "something is missing");
	if (c.args.word_count > command->max_words)
		return cli_misused(&c, "\"%s\" is one argument too many",
				   c.args.words[command->max_words]);
	c.json = cli_flag(&c.args, "json");
	c.arena = arena_new(ARENA_MAX);
	if (!c.arena)
		return cli_fail(CLI_FAILED, "out of memory");
	rc = command->run(&c);
	cli_client_close(&c);
	arena_free(c.arena);
	return rc;
}

/* Closed standard descriptors would be given to the next file opened, and
 * then written to by mistake. */
static bool
descriptors_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int
cli_main(int argc, char **argv, const struct cli_hooks *hooks)
{
	static char version[] = "version";
	const struct cli_command *command;
	int used;
	size_t i;

	if (!descriptors_fill())
		return CLI_FAILED;
	argc--, argv++;
	if (argc < 1) {
		help_all(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))
		return help_all(stdout);
	for (i = 0; i < ARRAY_LEN(hooked); i++)
		if (!strcmp(argv[0], hooked[i].name))
			return hook_run(hooks, i, argc - 1, argv + 1);
	if (!strcmp(argv[0], "--version"))
		argv[0] = version;
	command = command_find(argc, (const char *const *)argv, &used);
	if (command)
		return command_run(hooks, command, argc - used,
				   (const char *const *)argv + used);
	if (is_group(argv[0])) {
		if (argc > 1 &&
		    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
			return help_group(argv[0], stdout);
		help_group(argv[0], stderr);
		return CLI_USAGE;
	}
	return cli_fail(CLI_USAGE,
			"there is no command \"%s\"; `drawbridge "
			"help` lists them",
			argv[0]);
}
