/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server for one command alone.
 *
 *   fork, exec "serve --private" -> "ready" on its standard output -> the
 *   command's requests -> its standard input closes -> it ends
 *
 * So commands are the same with and without a running server: there is one
 * way to the databases.  When this process dies, the pipe closes, and the
 * server ends by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_priv.h"

enum { START_MS = 60 * 1000, STOP_MS = 15 * 1000, NAP_US = 10 * 1000 };

struct cli_private_server {
	pid_t pid;
	int input;  /* closing it ends the server */
	int output; /* says "ready" */
};

/* In the child. */
static _Noreturn void
server_run(const char *data, int input, int output)
{
	char *const argv[] = {
		(char[]){ "drawbridge" }, (char[]){ "serve" },
		(char[]){ "--private" },  (char[]){ "--log-level" },
		(char[]){ "error" },	  (char[]){ "--data" },
		(char *)(uintptr_t)data,  NULL
	};

	/* dup2 to itself would leave close-on-exec on; pipe ends are never
	 * 0 or 1 where those are open, as they are after cli_main. */
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
		_exit(CLI_FAILED);
	unsetenv("DRAWBRIDGE_KEY");
	execv("/proc/self/exe", argv);
	_exit(CLI_FAILED);
}

static int
server_fork(const char *data, struct cli_private_server *s)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC))
		return ERR_SYSTEM;
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]), close(in[1]);
		return ERR_SYSTEM;
	}
	s->pid = fork();
	if (s->pid == 0)
		server_run(data, in[0], out[1]);
	close(in[0]), close(out[1]);
	s->input = in[1];
	s->output = out[0];
	return s->pid < 0 ? ERR_SYSTEM : 0;
}

/* Waits for more on the server's output: 0; ERR_TIMEOUT; ERR_CLOSED. */
static int
output_read(struct cli_private_server *s, uint64_t until, char *out,
	    size_t size, size_t *len)
{
	struct pollfd p = { .fd = s->output, .events = POLLIN };
	uint64_t now = clock_mono_ms();
	ssize_t n;

	if (now >= until)
		return ERR_TIMEOUT;
	if (poll(&p, 1, (int)(until - now)) <= 0)
		return 0;
	n = read(s->output, out + *len, size - *len);
	if (n < 0)
		return errno == EINTR ? 0 : ERR_SYSTEM;
	*len += (size_t)n;
	return n == 0 ? ERR_CLOSED : 0;
}

/* Whether a whole line "ready" is among them. */
static bool
says_ready(struct slice text)
{
	struct slice line;

	while (slice_find(text, '\n') < text.len) {
		slice_next(&text, '\n', &line);
		if (slice_eq(line, SLICE("ready")))
			return true;
	}
	return false;
}

static int
server_wait_ready(struct cli_private_server *s)
{
	uint64_t until = clock_mono_ms() + START_MS;
	char text[1024];
	size_t len = 0;
	int rc;

	for (;;) {
		rc = output_read(s, until, text, sizeof(text), &len);
		if (says_ready(slice_of(text, len)))
			return 0;
		if (rc)
			return rc;
		if (len == sizeof(text))
			return ERR_PROTOCOL;
	}
}

/* Whether it has ended within this time; then with which exit code. */
static bool
server_ended(pid_t pid, uint64_t patience_ms, int *code)
{
	uint64_t until = clock_mono_ms() + patience_ms;
	int status;
	pid_t rc;

	for (;;) {
		rc = waitpid(pid, &status, WNOHANG);
		if (rc == pid && WIFEXITED(status))
			*code = WEXITSTATUS(status);
		if (rc == pid || (rc < 0 && errno != EINTR))
			return true;
		if (clock_mono_ms() >= until)
			return false;
		usleep(NAP_US);
	}
}

/* Ends it, politely at first; its exit code, or -1. */
static int
server_end(struct cli_private_server *s)
{
	int code = -1;

	if (s->input >= 0)
		close(s->input);
	if (s->pid > 0 && !server_ended(s->pid, STOP_MS, &code)) {
		kill(s->pid, SIGTERM);
		if (!server_ended(s->pid, STOP_MS, &code)) {
			kill(s->pid, SIGKILL);
			server_ended(s->pid, STOP_MS, &code);
		}
	}
	/* Until here it could write to it. */
	if (s->output >= 0)
		close(s->output);
	free(s);
	return code;
}

void
cli_private_server_stop(struct cli_private_server *s)
{
	if (s)
		server_end(s);
}

int
cli_private_server_start(const char *data, struct cli_private_server **out)
{
	struct cli_private_server *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return ERR_NOMEM;
	s->pid = s->input = s->output = -1;
	fflush(NULL);
	rc = server_fork(data, s);
	if (!rc)
		rc = server_wait_ready(s);
	if (!rc)
		*out = s;
	else if (server_end(s) == CLI_SERVER_TAKEN && rc == ERR_CLOSED)
		rc = ERR_BUSY;
	return rc;
}
