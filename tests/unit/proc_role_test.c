/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A role's own side: a process with a control channel as descriptor 3, whose
 * parent is the test.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/control.h"
#include "proc/proc_priv.h"

enum { WAIT_MS = 10000, SECONDS = 20, TELL = 1, STOPS = 32 };

static char buffer[PROC_CONTROL_MAX];
static pid_t pid;
static int control;

/* ---- in the role: a keeper of one message ---- */

static struct proc_channel *front;
static int stops;

static void
on_tell(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)in;
	(void)arg;
	proc_reply(rq, 0, NULL);
}

static const struct proc_message table[] = {
	{ TELL, "tell", 1u << PROC_FRONT, on_tell },
	{ 0, NULL, 0, NULL },
};

static void
keeper_peer(struct proc_env *env, enum proc_role peer, int fd)
{
	(void)env;
	(void)peer;
	proc_channel_replace(front, fd);
}

/* Its status says how often it was told to stop, and how the last time. */
static void
keeper_stop(struct proc_env *env)
{
	stops += env->gentle ? 1 : STOPS;
	if (!env->gentle)
		loop_stop(env->loop);
}

static int
keeper_main(struct proc_env *env)
{
	env->peer = keeper_peer;
	env->stop = keeper_stop;
	if (proc_channel_new(env->loop, -1, PROC_FRONT, table, NULL, &front))
		return 1;
	proc_env_ready(env);
	loop_run(env->loop);
	proc_channel_free(front);
	return stops;
}

static void
role_process(int fd)
{
	static char name[] = "drawbridge", role[] = "--role=keeper";
	static proc_role_main *const mains[PROC_ROLES] = {
		[PROC_KEEPER] = keeper_main,
	};
	char *argv[] = { name, role, NULL };

	alarm(SECONDS);
	close(control); /* the parent's end is the parent's alone */
	close(PROC_CONTROL_FD);
	if (dup2(fd, PROC_CONTROL_FD) < 0)
		_exit(1);
	close(STDERR_FILENO);
	_exit(proc_role_run(2, argv, mains));
}

/* ---- its parent ---- */

static void
tell(enum proc_control_kind kind, unsigned number, struct slice text, int fd)
{
	assert_int_equal(proc_control_send(control, kind, number, text, fd), 0);
}

static struct proc_control
hear(void)
{
	struct pollfd p = { .fd = control, .events = POLLIN };
	struct proc_control m;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(proc_control_receive(control, buffer, &m), 0);
	return m;
}

/* Nothing else comes before it but what is said of one's own life. */
static void
hear_this(enum proc_control_kind kind, unsigned number)
{
	struct proc_control m = hear();

	while (m.kind == PROC_CONTROL_BEAT)
		m = hear();
	assert_int_equal(m.kind, kind);
	assert_int_equal(m.number, number);
}

/* Whether there is more, when it has ended. */
static bool
said_but_beats(void)
{
	struct proc_control m;
	int rc;

	while (!(rc = proc_control_receive(control, buffer, &m)))
		if (m.kind != PROC_CONTROL_BEAT)
			return true;
	assert_int_equal(rc, ERR_CLOSED);
	return false;
}

static int
begin(void **state)
{
	int fds[2];

	(void)state;
	/* far from descriptor 3, in the child too */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -1;
	control = fcntl(fds[0], F_DUPFD_CLOEXEC, 10);
	close(fds[0]);
	pid = fork();
	if (!pid)
		role_process(fcntl(fds[1], F_DUPFD_CLOEXEC, 10));
	close(fds[1]);
	if (pid < 0 || control < 0)
		return -1;
	tell(PROC_CONTROL_SETTINGS, 0, SLICE_NONE, -1);
	tell(PROC_CONTROL_DATA, 0, slice_str("/nonexistent"), -1);
	tell(PROC_CONTROL_GO, 0, SLICE_NONE, -1);
	hear_this(PROC_CONTROL_READY, 0);
	return 0;
}

static int
end(void **state)
{
	int status = 0;

	(void)state;
	close(control); /* a role does not outlive its parent */
	if (pid > 0)
		waitpid(pid, &status, 0);
	return WIFEXITED(status) ? 0 : -1;
}

static int
status_of_end(void)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- channels that break ---- */

static int
give_channel(void)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   fds),
		0);
	tell(PROC_CONTROL_PEER, PROC_FRONT, SLICE_NONE, fds[1]);
	close(fds[1]);
	return fds[0];
}

static void
assert_answers(int fd)
{
	/* kind, type (2), zero, id (4), error (8), until (8) */
	const char asks[PROC_HEADER] = { PROC_REQUEST, TELL, 0, 0, 1 };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer[PROC_HEADER];

	assert_int_equal(send(fd, asks, sizeof(asks), MSG_NOSIGNAL),
			 sizeof(asks));
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(answer[0], PROC_REPLY);
}

/* len bytes that begin like a request. */
static void
send_long(int fd, size_t len)
{
	char *bytes = calloc(1, len);

	assert_non_null(bytes);
	bytes[0] = PROC_REQUEST;
	bytes[1] = TELL;
	bytes[4] = 1;
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
	free(bytes);
}

/* The channel is closed, and the parent is asked for another. */
static void
assert_breaks(size_t len)
{
	int fd = give_channel();
	char byte;

	assert_answers(fd);
	send_long(fd, len);
	hear_this(PROC_CONTROL_LOST, PROC_FRONT);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	fd = give_channel();
	assert_answers(fd);
	close(fd);
}

static void
who_gets_a_message_too_long_asks_for_a_channel(void **state)
{
	(void)state;
	assert_breaks(PROC_MESSAGE_MAX + 1);
}

static void
who_gets_what_is_no_message_asks_for_a_channel(void **state)
{
	(void)state;
	assert_breaks(PROC_HEADER - 1);
}

/* Its parent has seen that, and gives another by itself. */
static void
whose_peer_ends_asks_for_nothing(void **state)
{
	int fd;

	(void)state;
	close(give_channel());
	fd = give_channel();
	assert_answers(fd);
	close(fd);
	tell(PROC_CONTROL_STOP, 0, SLICE_NONE, -1);
	assert_int_equal(status_of_end(), STOPS);
	assert_false(said_but_beats());
}

/* ---- stopping ---- */

static void
who_stops_is_told_again_when_there_is_less_time(void **state)
{
	(void)state;
	tell(PROC_CONTROL_STOP, 1, SLICE_NONE, -1);
	tell(PROC_CONTROL_STOP, 1, SLICE_NONE, -1);
	tell(PROC_CONTROL_STOP, 0, SLICE_NONE, -1); /* it ends now */
	assert_int_equal(status_of_end(), 1 + STOPS);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_gets_a_message_too_long_asks_for_a_channel),
		CASE(who_gets_what_is_no_message_asks_for_a_channel),
		CASE(whose_peer_ends_asks_for_nothing),
		CASE(who_stops_is_told_again_when_there_is_less_time),
	};

	return cmocka_run_group_tests_name("proc role", tests, NULL, NULL);
}
