/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets and files on their way in.
 *
 * A secret comes from a file or standard input and goes into locked memory;
 * it is in no argument and no message.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli_priv.h"

static int
file_open(const char *file, int *fd)
{
	*fd = STDIN_FILENO;
	if (!strcmp(file, "-"))
		return CLI_OK;
	*fd = open(file, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return cli_fail(CLI_FAILED, "%s cannot be read: %s", file,
				strerror(errno));
	return CLI_OK;
}

static void
file_close(int fd)
{
	if (fd > STDIN_FILENO)
		close(fd);
}

/* ---- secrets ---- */

/* Ctrl-C at the prompt: not before the terminal shows again what is typed. */
static volatile sig_atomic_t interrupted;

/* Reads to the end (or, of a terminal, to the end of the line). */
static int
secret_fill(int fd, struct secret *s, bool line, size_t *len)
{
	size_t size = secret_len(s);
	ssize_t n;

	*len = 0;
	while (*len < size) {
		n = read(fd, secret_bytes(s) + *len, size - *len);
		if (n < 0 && errno == EINTR && !interrupted)
			continue;
		if (n < 0)
			return interrupted ? ERR_CANCELLED : ERR_SYSTEM;
		if (n == 0)
			return 0;
		*len += (size_t)n;
		if (line && secret_peek(s)[*len - 1] == '\n')
			return 0;
	}
	return ERR_TOO_LARGE;
}

static int
secret_read_fd(int fd, const char *what, bool line, size_t max,
	       struct secret **out)
{
	/* Room for one end of a line, and for seeing that there is more. */
	struct secret *s = secret_new(max + 3);
	size_t len = 0;
	int rc = s ? secret_fill(fd, s, line, &len) : ERR_NOMEM;

	if (!rc && len && secret_peek(s)[len - 1] == '\n')
		len--;
	if (!rc && len && secret_peek(s)[len - 1] == '\r')
		len--;
	if (!rc && len > max)
		rc = ERR_TOO_LARGE;
	if (rc || !len) {
		secret_free(s);
		if (!rc)
			return cli_fail(CLI_FAILED, "%s is empty", what);
		return cli_fail(CLI_FAILED, "%s: %s", what, err_text(rc));
	}
	secret_truncate(s, len);
	*out = s;
	return CLI_OK;
}

int
cli_secret_read(const char *file, size_t max, struct secret **out)
{
	int fd, rc;

	*out = NULL;
	if (!strcmp(file, "-"))
		return cli_secret_ask("Secret", max, out);
	rc = file_open(file, &fd);
	if (rc)
		return rc;
	rc = secret_read_fd(fd, file, false, max, out);
	file_close(fd);
	return rc;
}

static void
note_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static int
terminal_read(const struct termios *before, const char *prompt, size_t max,
	      struct secret **out)
{
	struct sigaction note = { .sa_handler = note_interrupt }, old;
	struct termios silent = *before;
	int rc;

	interrupted = 0;
	sigaction(SIGINT, &note, &old);
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(stderr, "%s (it is not shown): ", prompt);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	rc = secret_read_fd(STDIN_FILENO, prompt, true, max, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
	fputc('\n', stderr);
	sigaction(SIGINT, &old, NULL);
	if (interrupted)
		raise(SIGINT);
	return rc;
}

int
cli_secret_ask(const char *prompt, size_t max, struct secret **out)
{
	struct termios before;

	*out = NULL;
	if (tcgetattr(STDIN_FILENO, &before) == 0)
		return terminal_read(&before, prompt, max, out);
	return secret_read_fd(STDIN_FILENO, "standard input", false, max, out);
}

/* ---- files ---- */

int
cli_file_read(const char *file, size_t max, struct buf *out)
{
	char block[16 * 1024];
	ssize_t n = 1;
	int fd, rc;

	buf_init(out, max);
	rc = file_open(file, &fd);
	if (rc)
		return rc;
	while (n > 0 && !buf_err(out)) {
		n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			buf_put(out, block, (size_t)n);
	}
	secret_wipe(block, sizeof(block));
	file_close(fd);
	if (n >= 0 && !buf_err(out))
		return CLI_OK;
	rc = n < 0 ? ERR_SYSTEM : buf_err(out);
	buf_wipe(out);
	return cli_fail(CLI_FAILED, "%s: %s", file, err_text(rc));
}
