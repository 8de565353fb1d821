/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's own program is replaced: execve() in place, so that it stays
 * the process that others know by its id.
 *
 *   exec  tells itself all that it has, over a socket pair that it holds by
 *         both ends: settings, lock, keys, listening sockets, roles
 *   take  the new program reads that, and goes on
 *
 * Keys are in the kernel's memory meanwhile, and in no file.  The new
 * program's roles have proven by then that it works; if it cannot even be
 * executed, the old one stays the parent of the new roles.
 *
 * Runs in the parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/parent_priv.h"

#define VARIABLE "DRAWBRIDGE_PARENT"

enum { ARGUMENTS_MAX = 512, LINE_SIZE = 256 * 1024 };

/* ---- telling oneself ---- */

static int
tell_keys(const struct parent *p, int to)
{
	const struct secret *key;
	size_t i;
	int rc = 0;

	for (i = 0; i < PROC_KEYS && !rc; i++) {
		key = p->prepared.keys[i];
		if (key)
			rc = proc_control_send(
				to, PROC_CONTROL_KEY, (unsigned)i,
				slice_of(secret_peek(key), secret_len(key)),
				-1);
	}
	return rc;
}

static int
tell_roles(const struct parent *p, int to)
{
	const struct child *c;
	char pid[16];
	size_t i;
	int n, rc = 0;

	for (i = 0; i < PROC_ROLES && !rc; i++) {
		c = &p->now->children[i];
		if (!c->pid)
			continue; /* the next parent starts it again */
		n = snprintf(pid, sizeof(pid), "%d", (int)c->pid);
		rc = proc_control_send(to, PROC_CONTROL_CHILD, (unsigned)i,
				       slice_of(pid, (size_t)n), c->control);
	}
	return rc;
}

static int
tell_all(const struct parent *p, int to)
{
	const struct proc_listener *l;
	size_t i;
	int rc;

	rc = proc_control_send(to, PROC_CONTROL_SETTINGS, 0,
			       buf_slice(&p->now->settings), -1);
	if (!rc)
		rc = proc_control_send(to, PROC_CONTROL_DATA, 0,
				       slice_str(p->prepared.data), -1);
	if (!rc)
		rc = proc_control_send(to, PROC_CONTROL_LOCK, 0, SLICE_NONE,
				       p->prepared.lock);
	if (!rc)
		rc = tell_keys(p, to);
	for (i = 0; i < p->prepared.listener_count && !rc; i++) {
		l = &p->prepared.listeners[i];
		rc = proc_control_send(to, PROC_CONTROL_LISTENER, l->local,
				       slice_str(l->address), l->fd);
	}
	if (!rc)
		rc = tell_roles(p, to);
	if (!rc)
		rc = proc_control_send(to, PROC_CONTROL_GO, 0, SLICE_NONE, -1);
	return rc;
}

/* Our own arguments, as the kernel has them. */
static char **
arguments_read(char *line)
{
	char **argv = calloc(ARGUMENTS_MAX + 1, sizeof(*argv));
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = 0, n = 1, at;
	size_t count = 0;

	while (fd >= 0 && n > 0 && len < LINE_SIZE - 1) {
		n = read(fd, line + len, (size_t)(LINE_SIZE - 1 - len));
		len += n > 0 ? n : 0;
	}
	if (fd >= 0)
		close(fd);
	for (at = 0; argv && at < len && count < ARGUMENTS_MAX; count++) {
		argv[count] = line + at;
		at += (ssize_t)strlen(line + at) + 1;
	}
	if (argv && count)
		return argv;
	free(argv);
	return NULL;
}

void
parent_resume_exec(struct parent *p)
{
	char *line = calloc(1, LINE_SIZE), **argv, number[32];
	int pair[2] = { -1, -1 }, why;

	argv = line ? arguments_read(line) : NULL;
	if (argv &&
	    !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0, pair) &&
	    !tell_all(p, pair[0]) && !fcntl(pair[1], F_SETFD, 0)) {
		snprintf(number, sizeof(number), "%d %u", pair[1],
			 p->renewal.number);
		setenv(VARIABLE, number, 1);
		close(pair[0]);
		pair[0] = -1;
		execv(p->program, argv);
	}
	why = errno;
	unsetenv(VARIABLE);
	if (pair[0] >= 0)
		close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	free(argv);
	free(line);
	log_error("the parent itself stays the old program: it could not "
		  "execute the new one",
		  LOG_S("program", p->program), LOG_I("errno", why));
}

/* ---- taking over ---- */

bool
parent_resume_wanted(void)
{
	return getenv(VARIABLE) != NULL;
}

static int
take_listener(struct parent *p, const struct proc_control *m)
{
	struct proc_listener *l;

	if (p->prepared.listener_count == PROC_LISTENERS_MAX)
		return ERR_PROTOCOL;
	l = &p->prepared.listeners[p->prepared.listener_count++];
	l->fd = m->fd;
	l->local = m->number == 1;
	return slice_copy(m->text, l->address, sizeof(l->address));
}

static int
take_settings(struct parent *p, struct slice text)
{
	struct conf_problem problem;
	struct conf *conf;
	int rc = conf_read(text, &conf, &problem);

	if (rc)
		return rc;
	conf_free(p->conf);
	p->conf = conf;
	log_setup(proc_role_name(PROC_PARENT), proc_log_level(conf));
	p->now = parent_generation_new(p, conf, "/proc/self/exe");
	return p->now ? 0 : ERR_NOMEM;
}

static int
take_one(struct parent *p, const struct proc_control *m)
{
	uint64_t pid;

	switch (m->kind) {
	case PROC_CONTROL_SETTINGS:
		return p->now ? ERR_PROTOCOL : take_settings(p, m->text);
	case PROC_CONTROL_DATA:
		return slice_copy(m->text, p->prepared.data,
				  sizeof(p->prepared.data));
	case PROC_CONTROL_LOCK:
		p->prepared.lock = m->fd;
		return 0;
	case PROC_CONTROL_KEY:
		p->prepared.keys[m->number] =
			secret_from(m->text.ptr, m->text.len);
		secret_wipe((char *)(uintptr_t)m->text.ptr, m->text.len);
		return p->prepared.keys[m->number] ? 0 : ERR_NOMEM;
	case PROC_CONTROL_LISTENER:
		return take_listener(p, m);
	case PROC_CONTROL_CHILD:
		if (!p->now || slice_to_u64(m->text, INT32_MAX, &pid) || !pid)
			return ERR_PROTOCOL;
		return parent_child_adopt(&p->now->children[m->number],
					  (pid_t)pid, m->fd);
	default:
		return ERR_PROTOCOL;
	}
}

int
parent_resume_take(struct parent *p)
{
	static char buffer[PROC_CONTROL_MAX];
	struct slice rest = slice_str(getenv(VARIABLE)), word;
	struct proc_control m;
	uint64_t fd = 0, number = 0;
	int rc = ERR_PROTOCOL;

	if (slice_next(&rest, ' ', &word) && !slice_to_u64(word, 65535, &fd) &&
	    !slice_to_u64(rest, UINT32_MAX, &number))
		rc = 0;
	unsetenv(VARIABLE);
	p->renewal.number = (unsigned)number;
	p->renewal.upgrade = true;
	p->renewal.state = "done";
	p->renewal.at = clock_wall_ms();
	while (!rc) {
		rc = proc_control_receive((int)fd, buffer, &m);
		if (rc || m.kind == PROC_CONTROL_GO)
			break;
		rc = take_one(p, &m);
	}
	if (fd)
		close((int)fd);
	if (!rc && !p->now)
		rc = ERR_PROTOCOL;
	if (rc)
		log_error("what the parent before had cannot be taken over",
			  LOG_E(rc));
	return rc;
}
