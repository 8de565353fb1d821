/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload, upgrade: a signal to the server's parent, and what came of it.
 *
 * DATA/server.json has its process id and how the last one went; the lock of
 * the folder says whether it is there at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/cli_priv.h"

enum { TOLD_MAX = 16 * 1024, POLL_US = 100 * 1000, PATIENCE_MS = 120 * 1000 };

/* What the parent has told; NULL (and said why) when there is none. */
static json_t *
told_read(const struct cli_place *place)
{
	struct json_problem problem = { 0 };
	char path[4200], text[TOLD_MAX];
	json_t *told = NULL;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/server.json", place->data);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	if (n < 0 && errno == EACCES)
		cli_fail(CLI_REFUSED, "%s belongs to another user", path);
	else if (n < 0 || json_read(slice_of(text, (size_t)n), sizeof(text),
				    &told, &problem))
		cli_fail(CLI_UNREACHABLE, "no server that stays is at %s",
			 place->data);
	return told;
}

/* Whether a process holds the folder's lock: a process id alone may be
 * somebody else's by now. */
static bool
server_is_there(const struct cli_place *place)
{
	char path[4200];
	bool locked;
	int fd;

	snprintf(path, sizeof(path), "%s/lock", place->data);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

static json_int_t
number_of(const json_t *told)
{
	return json_integer_value(
		json_object_get(json_object_get(told, "renewal"), "number"));
}

static const char *
text_of(const json_t *told, const char *name)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(told, "renewal"), name));

	return text ? text : "";
}

/* Until it is another one than `before`, and over. */
static int
renewal_wait(const struct cli_place *place, json_int_t before, json_t **out)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;
	json_t *told;

	for (*out = NULL; clock_mono_ms() < until; usleep(POLL_US)) {
		told = told_read(place);
		if (!told)
			return CLI_UNREACHABLE;
		if (number_of(told) != before &&
		    strcmp(text_of(told, "state"), "running") != 0) {
			*out = told;
			return CLI_OK;
		}
		json_decref(told);
	}
	return cli_fail(CLI_FAILED,
			"it is not over yet, or was refused since another is "
			"under way; the log tells");
}

static int
renewal_tell(struct cli *c, const json_t *told, const char *done)
{
	const char *why = text_of(told, "why");
	struct buf out;
	int rc = CLI_OK;

	if (c->json) {
		buf_init(&out, TOLD_MAX);
		if (!json_write(told, &out) && !buf_putc(&out, '\n'))
			rc = cli_put(buf_slice(&out));
		buf_release(&out);
	}
	if (!strcmp(text_of(told, "state"), "failed"))
		return cli_fail(CLI_FAILED,
				"it has failed, and the server "
				"goes on as before: %s",
				why);
	cli_say(c, "%s", done);
	if (text_of(told, "needs_restart")[0])
		cli_say(c,
			"These have changed, and want a new start of the "
			"server: %s",
			text_of(told, "needs_restart"));
	return rc;
}

static int
renew(struct cli *c, int signal_number, const char *done)
{
	struct cli_place place;
	json_int_t before;
	json_t *told;
	pid_t pid;
	int rc = cli_place_find(c, &place);

	if (!rc && !place.local)
		rc = cli_fail(CLI_USAGE, "this works on the server's own "
					 "machine: with --data");
	if (rc)
		return rc;
	told = told_read(&place);
	if (!told)
		return CLI_UNREACHABLE;
	before = number_of(told);
	pid = (pid_t)json_integer_value(json_object_get(told, "pid"));
	json_decref(told);
	if (pid <= 1 || !server_is_there(&place))
		return cli_fail(CLI_UNREACHABLE, "no server is at %s",
				place.data);
	if (kill(pid, signal_number))
		return cli_fail(CLI_REFUSED, "the server (process %d): %s",
				(int)pid, strerror(errno));
	rc = renewal_wait(&place, before, &told);
	if (!rc)
		rc = renewal_tell(c, told, done);
	json_decref(told);
	return rc;
}

static int
reload_run(struct cli *c)
{
	return renew(c, SIGHUP, "The server has taken the settings over.");
}

static int
upgrade_run(struct cli *c)
{
	return renew(c, SIGUSR2, "The server is the new program now.");
}

const struct cli_command cli_renew_commands[] = {
	{ "reload", "", "let the server take changed settings over",
	  "As SIGHUP does: settings file, certificates and trust anchors are "
	  "read anew by new\nprocesses beside the old ones, which end their "
	  "calls (--drain) and go.  If\nanything in them is wrong, the old "
	  "ones go on.  `serve --help` marks what wants a\nnew start.",
	  reload_run },
	{ "upgrade", "",
	  "let the server go on as the program that is there now",
	  "As SIGUSR2 does, after another program was put in the place of the "
	  "running one:\nits processes start beside the old ones, on the same "
	  "sockets; no connection is\nrefused, and calls have the drain time to "
	  "end.  If the new program does not start,\nthe old one goes on.  Run "
	  "this with the new program.",
	  upgrade_run },
	{ NULL },
};
