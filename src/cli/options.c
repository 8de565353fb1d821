/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: what a command line says, read after tables.
 *
 * A problem names the option, never its value: what somebody typed by
 * mistake may be a secret.
 */
#include "cli/cli_priv.h"

const struct cli_option cli_common_options[] = {
	{ "data", CLI_VALUE, "DIR",
	  "the data folder of a server on this machine "
	  "(DRAWBRIDGE_DATA; ./drawbridge-data)" },
	{ "url", CLI_VALUE, "URL",
	  "a server elsewhere (DRAWBRIDGE_URL), "
	  "with the key in DRAWBRIDGE_KEY" },
	{ "ca-file", CLI_VALUE, "PEM",
	  "trust anchors beside the system's, for --url" },
	{ "json", CLI_FLAG, NULL, "JSON instead of tables" },
	{ "help", CLI_FLAG, NULL, "what this command does", 'h' },
	{ NULL },
};

/* ---- finding ---- */

static const struct cli_option *
table_find(const struct cli_option *o, struct slice name, char letter)
{
	for (; o && o->name; o++) {
		if (letter ? o->letter == letter
			   : slice_eq(name, slice_str(o->name)))
			return o;
	}
	return NULL;
}

static const struct cli_option *
option_find(const struct cli_args *a, struct slice name, char letter)
{
	const struct cli_option *o = table_find(a->own, name, letter);

	return o ? o : table_find(cli_common_options, name, letter);
}

static size_t
common_start(struct slice a, const char *b)
{
	size_t n = 0;

	while (n < a.len && b[n] == a.ptr[n])
		n++;
	return n;
}

/* The option that begins most like this one; NULL when none does. */
static const char *
option_near(const struct cli_args *a, struct slice name)
{
	const struct cli_option *tables[] = { a->own, cli_common_options };
	const struct cli_option *o;
	const char *best = NULL;
	size_t i, n, most = 1;

	for (i = 0; i < ARRAY_LEN(tables); i++) {
		for (o = tables[i]; o && o->name; o++) {
			n = common_start(name, o->name);
			if (n > most) {
				most = n;
				best = o->name;
			}
		}
	}
	return best;
}

/* ---- reading ---- */

struct reading {
	struct cli_args *args;
	int argc;
	const char *const *argv;
	int at;
	char *why;
	size_t size;
};

static int
given_add(struct reading *r, const struct cli_option *o, const char *value)
{
	struct cli_args *a = r->args;

	if (a->given_count == CLI_GIVEN_MAX) {
		snprintf(r->why, r->size, "there are too many options");
		return ERR_INVALID;
	}
	a->given[a->given_count++] = (struct cli_given){ o, value };
	return 0;
}

/* The value of an option that wants one: behind it, or the next argument. */
static int
value_read(struct reading *r, const struct cli_option *o, const char *behind)
{
	if (o->kind == CLI_FLAG && behind) {
		snprintf(r->why, r->size, "--%s takes no value", o->name);
		return ERR_INVALID;
	}
	if (o->kind == CLI_FLAG)
		return given_add(r, o, "");
	if (!behind && r->at + 1 >= r->argc) {
		snprintf(r->why, r->size, "--%s wants a value: %s", o->name,
			 o->argument);
		return ERR_INVALID;
	}
	return given_add(r, o, behind ? behind : r->argv[++r->at]);
}

static int
long_read(struct reading *r, const char *arg)
{
	struct slice text = slice_str(arg + 2);
	size_t eq = slice_find(text, '=');
	struct slice name = slice_head(text, eq);
	const struct cli_option *o = option_find(r->args, name, 0);
	const char *near;

	if (o)
		return value_read(r, o, eq < text.len ? arg + 3 + eq : NULL);
	near = option_near(r->args, name);
	snprintf(r->why, r->size, "there is no option --%.*s%s%s%s",
		 SLICE_ARG(slice_head(name, 40)), near ? "; is it --" : "",
		 near ? near : "", near ? "?" : "");
	return ERR_INVALID;
}

/* -x, -xVALUE, -x VALUE. */
static int
short_read(struct reading *r, const char *arg)
{
	const struct cli_option *o = option_find(r->args, SLICE_NONE, arg[1]);

	if (!o) {
		snprintf(r->why, r->size, "there is no option -%c", arg[1]);
		return ERR_INVALID;
	}
	return value_read(r, o, arg[2] ? arg + 2 : NULL);
}

static int
word_read(struct reading *r, const char *arg)
{
	if (r->args->word_count == CLI_WORDS_MAX) {
		snprintf(r->why, r->size, "there are too many arguments");
		return ERR_INVALID;
	}
	r->args->words[r->args->word_count++] = arg;
	return 0;
}

int
cli_args_parse(const struct cli_option *own, int argc, const char *const *argv,
	       struct cli_args *out, char *why, size_t size)
{
	struct reading r = { out, argc, argv, 0, why, size };
	bool only_words = false;
	const char *arg;
	int rc = 0;

	*out = (struct cli_args){ .own = own };
	why[0] = '\0';
	for (; r.at < argc && !rc; r.at++) {
		arg = argv[r.at];
		if (only_words || arg[0] != '-' || !arg[1])
			rc = word_read(&r, arg);
		else if (!strcmp(arg, "--"))
			only_words = true;
		else if (arg[1] == '-')
			rc = long_read(&r, arg);
		else
			rc = short_read(&r, arg);
	}
	return rc;
}

/* ---- asking ---- */

const char *
cli_next(const struct cli_args *a, const char *name, size_t *cursor)
{
	const struct cli_option *o = option_find(a, slice_str(name), 0);

	ASSERT(o);
	while (*cursor < a->given_count) {
		if (a->given[(*cursor)++].option == o)
			return a->given[*cursor - 1].value;
	}
	return NULL;
}

const char *
cli_value(const struct cli_args *a, const char *name)
{
	const char *value, *last = NULL;
	size_t cursor = 0;

	while ((value = cli_next(a, name, &cursor)))
		last = value;
	return last;
}

bool
cli_flag(const struct cli_args *a, const char *name)
{
	return cli_value(a, name) != NULL;
}

const char *
cli_pair(const char *text, char *name, size_t size)
{
	size_t eq = slice_find(slice_str(text), '=');

	if (!eq || !text[eq] || slice_copy(slice_of(text, eq), name, size))
		return NULL;
	return text + eq + 1;
}

void
cli_options_help(struct buf *out, const struct cli_option *options)
{
	const struct cli_option *o;
	char text[64];

	for (o = options; o && o->name; o++) {
		snprintf(text, sizeof(text), "%s--%s%s%s",
			 o->letter ? "-? " : "", o->name,
			 o->argument ? " " : "",
			 o->argument ? o->argument : "");
		if (o->letter)
			text[1] = o->letter;
		/* A long one has its help on a line of its own. */
		if (strlen(text) > 24)
			buf_printf(out, "  %s\n  %-24s  %s%s\n", text, "",
				   o->help,
				   o->kind == CLI_LIST ? "; repeatable" : "");
		else
			buf_printf(out, "  %-24s  %s%s\n", text, o->help,
				   o->kind == CLI_LIST ? "; repeatable" : "");
	}
}
