/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's side of a generation of roles: what it tells them, and what it
 * hears.  The roles are processes that sleep; their ends of the control
 * channels are the test's.  The rest is a matter of processes
 * (tests/system/processes.test.mjs, reload_stops.test.mjs).
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/parent_priv.h"

enum { WAIT_MS = 5000 };

static struct {
	struct proc_parent_config config;
	struct parent parent;
	struct generation *g;
	struct conf *conf;
	int ends[PROC_ROLES]; /* the roles' */
	struct loop_timer timer;
	char buffer[PROC_CONTROL_MAX];
} w;

static void
role_begin(enum proc_role role, bool ready)
{
	struct child *c = &w.g->children[role];
	pid_t pid;
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	if (!pid) {
		alarm(60);
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	w.ends[role] = fds[1];
	assert_int_equal(parent_child_adopt(c, pid, fds[0]), 0);
	c->ready = ready;
}

/* The signal that it has ended by; 0: it goes on. */
static int
role_signal(enum proc_role role, bool wait)
{
	siginfo_t info = { 0 };

	assert_int_equal(waitid(P_PID, (id_t)w.g->children[role].pid, &info,
				WEXITED | WNOWAIT | (wait ? 0 : WNOHANG)),
			 0);
	return info.si_pid ? info.si_status : 0;
}

static void
role_end(enum proc_role role)
{
	struct child *c = &w.g->children[role];

	if (!c->pid)
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	loop_io_cancel(&c->io);
	close(c->control);
	close(w.ends[role]);
	c->pid = 0;
}

static int
begin(void **state)
{
	struct conf_problem problem;

	(void)state;
	memset(&w, 0, sizeof(w));
	log_setup("test", LOG_ERROR + 1);
	w.parent.config = &w.config;
	w.parent.state = PARENT_RUNNING;
	if (loop_new(&w.parent.loop) || conf_load(0, NULL, &w.conf, &problem))
		return -1;
	w.g = parent_generation_new(&w.parent, w.conf, "/nonexistent");
	return w.g ? 0 : -1;
}

static int
end(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < PROC_ROLES; i++)
		role_end((enum proc_role)i);
	loop_timer_cancel(&w.timer);
	parent_generation_free(w.g);
	loop_free(w.parent.loop);
	conf_free(w.conf);
	return 0;
}

static void
turn_ended(struct loop_timer *t)
{
	loop_stop(t->loop);
}

static void
run(uint32_t ms)
{
	loop_timer_start(w.parent.loop, &w.timer, ms, turn_ended);
	loop_run(w.parent.loop);
}

static void
role_says(enum proc_role role, enum proc_control_kind kind, unsigned number)
{
	assert_int_equal(
		proc_control_send(w.ends[role], kind, number, SLICE_NONE, -1),
		0);
}

/* The next that a role is told; false: nothing for now. */
static bool
role_hears(enum proc_role role, struct proc_control *m)
{
	struct pollfd p = { .fd = w.ends[role], .events = POLLIN };

	if (poll(&p, 1, 0) != 1)
		return false;
	assert_int_equal(proc_control_receive(w.ends[role], w.buffer, m), 0);
	return true;
}

/* ---- who has something to end ---- */

static void
who_has_said_that_it_is_ready_is_not_killed(void **state)
{
	(void)state;
	w.parent.coming = w.g;
	role_begin(PROC_EXCHANGER, true);
	role_begin(PROC_KEEPER, false);
	role_begin(PROC_FRONT, false);
	role_says(PROC_KEEPER, PROC_CONTROL_BEAT, 0);
	role_says(PROC_KEEPER, PROC_CONTROL_READY, 0); /* not read yet */
	parent_generation_kill_unready(w.g);
	assert_int_equal(role_signal(PROC_FRONT, true), SIGKILL);
	assert_int_equal(role_signal(PROC_KEEPER, false), 0);
	assert_int_equal(role_signal(PROC_EXCHANGER, false), 0);
	assert_true(w.g->children[PROC_KEEPER].ready);
}

/* ---- stopping ---- */

static void
assert_told(enum proc_role role, bool gentle)
{
	struct proc_control m;

	assert_true(role_hears(role, &m));
	assert_int_equal(m.kind, PROC_CONTROL_STOP);
	assert_int_equal(m.number, gentle);
	assert_false(role_hears(role, &m));
}

static void
who_stops_gently_is_told_once_when_that_is_over(void **state)
{
	struct proc_control m;
	uint64_t due;

	(void)state;
	role_begin(PROC_KEEPER, true);
	role_begin(PROC_FRONT, true);
	assert_false(parent_generation_stop(w.g, true));
	assert_told(PROC_FRONT, true);
	due = w.g->patience.at_ms;
	run(5);
	assert_false(parent_generation_stop(w.g, true));
	assert_false(role_hears(PROC_FRONT, &m));
	assert_false(parent_generation_stop(w.g, false));
	assert_told(PROC_FRONT, false);
	assert_int_equal(w.g->patience.at_ms, due); /* its time goes on */
	assert_false(parent_generation_stop(w.g, false));
	assert_false(parent_generation_stop(w.g, true));
	assert_false(role_hears(PROC_FRONT, &m));
	assert_false(role_hears(PROC_KEEPER, &m)); /* it is not its turn */
	role_end(PROC_FRONT);
	assert_false(parent_generation_stop(w.g, false));
	assert_told(PROC_KEEPER, false);
	role_end(PROC_KEEPER);
	assert_true(parent_generation_stop(w.g, false));
}

/* ---- channels between roles ---- */

/* Its end of the channel to that peer; -1: it has got none. */
static int
role_peer(enum proc_role role, enum proc_role peer)
{
	struct proc_control m;
	int fd = -1;

	while (role_hears(role, &m)) {
		if (m.kind != PROC_CONTROL_PEER)
			continue;
		assert_int_equal(m.number, peer);
		assert_int_equal(fd, -1); /* one */
		fd = m.fd;
	}
	return fd;
}

static void
assert_linked(int a, int b)
{
	char byte = 'x';

	assert_true(a >= 0 && b >= 0);
	assert_int_equal(send(a, &byte, 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(b, &byte, 1, MSG_DONTWAIT), 1);
	close(a);
	close(b);
}

static void
two_roles_get_a_channel_when_one_asks(void **state)
{
	(void)state;
	role_begin(PROC_KEEPER, true);
	role_begin(PROC_FRONT, true);
	role_says(PROC_FRONT, PROC_CONTROL_LOST, PROC_KEEPER);
	run(50);
	assert_linked(role_peer(PROC_KEEPER, PROC_FRONT),
		      role_peer(PROC_FRONT, PROC_KEEPER));
}

static void
role_fill(enum proc_role role)
{
	while (proc_control_send(w.g->children[role].control,
				 PROC_CONTROL_ALONE, 1, SLICE_NONE,
				 -1) != ERR_AGAIN)
		;
}

/* Whichever of the two it is that takes no messages. */
static void
a_channel_waits_until_both_take_messages(void **state)
{
	static const enum proc_role full[] = { PROC_FRONT, PROC_KEEPER };
	int ends[PROC_ROLES], waited;
	enum proc_role other;
	size_t i;

	(void)state;
	role_begin(PROC_KEEPER, true);
	role_begin(PROC_FRONT, true);
	for (i = 0; i < ARRAY_LEN(full); i++) {
		other = full[1 - i];
		role_fill(full[i]);
		role_says(other, PROC_CONTROL_LOST, full[i]);
		run(50);
		assert_int_equal(role_peer(other, full[i]), -1);
		ends[full[i]] = role_peer(full[i], other);
		assert_int_equal(ends[full[i]], -1);
		for (waited = 0; ends[full[i]] < 0 && waited < WAIT_MS;
		     waited += 50) {
			run(50);
			ends[full[i]] = role_peer(full[i], other);
		}
		assert_linked(ends[full[i]], role_peer(other, full[i]));
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* ---- keys ---- */

static void
role_hands(enum proc_role role, enum proc_key slot, const char *key)
{
	assert_int_equal(proc_control_send(w.ends[role], PROC_CONTROL_KEY, slot,
					   slice_str(key), -1),
			 0);
	run(5);
}

static void
assert_kept(enum proc_key slot, const char *key)
{
	const struct secret *kept = w.parent.prepared.keys[slot];

	if (!key)
		assert_null(kept);
	else
		assert_true(kept && slice_eq(slice_of(secret_peek(kept),
						      secret_len(kept)),
					     slice_str(key)));
}

static void
keys_of_the_keeper_are_kept_each_in_its_place(void **state)
{
	size_t i;

	(void)state;
	role_begin(PROC_KEEPER, true);
	role_begin(PROC_FRONT, true);
	role_hands(PROC_KEEPER, PROC_KEY_HANDED, "one");
	role_hands(PROC_KEEPER, PROC_KEY_OTHER, "two");
	role_hands(PROC_KEEPER, PROC_KEY_OTHER, "three");
	role_hands(PROC_KEEPER, PROC_KEY_MAIN, "from no passphrase");
	role_hands(PROC_FRONT, PROC_KEY_HANDED, "from a front");
	assert_kept(PROC_KEY_HANDED, "one");
	assert_kept(PROC_KEY_OTHER, "three");
	assert_kept(PROC_KEY_MAIN, NULL);
	for (i = 0; i < PROC_KEYS; i++) {
		secret_free(w.parent.prepared.keys[i]);
		w.parent.prepared.keys[i] = NULL;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_has_said_that_it_is_ready_is_not_killed),
		CASE(who_stops_gently_is_told_once_when_that_is_over),
		CASE(two_roles_get_a_channel_when_one_asks),
		CASE(a_channel_waits_until_both_take_messages),
		CASE(keys_of_the_keeper_are_kept_each_in_its_place),
	};

	return cmocka_run_group_tests_name("proc parent", tests, NULL, NULL);
}
