/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: when timers fire, what a cancel means in the middle of a turn,
 * edges of sockets, and what comes from other threads.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"

enum { LATE_MS = 1000 }; /* for a machine that is busy otherwise */

/* The loop of the running test, what happened in it, and what ends it. */
static struct {
	struct loop *loop;
	char trace[256];
	struct loop_timer end;
} world;

static void
note(char what)
{
	size_t n = strlen(world.trace);

	assert_true(n + 1 < sizeof(world.trace));
	world.trace[n] = what;
	world.trace[n + 1] = 0;
}

static int
world_begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	return loop_new(&world.loop);
}

static int
world_end(void **state)
{
	(void)state;
	loop_timer_cancel(&world.end);
	loop_free(world.loop);
	return 0;
}

static void
end_fire(struct loop_timer *t)
{
	(void)t;
	loop_stop(world.loop);
}

static void
run_for(uint64_t ms)
{
	loop_timer_start(world.loop, &world.end, ms, end_fire);
	loop_run(world.loop);
}

/* ---- timers ---- */

struct alarm {
	struct loop_timer timer;
	char name;
	uint64_t started_ms, fired_ms;
	struct alarm *victim; /* cancelled when this one fires */
	unsigned again;	      /* how often to start anew */
};

static void
alarm_fire(struct loop_timer *t)
{
	struct alarm *a = CONTAINER_OF(t, struct alarm, timer);

	a->fired_ms = clock_mono_ms();
	note(a->name);
	if (a->victim)
		loop_timer_cancel(&a->victim->timer);
	if (a->again) {
		a->again--;
		loop_timer_start(world.loop, t, 0, alarm_fire);
	}
}

static void
alarm_start(struct alarm *a, char name, uint64_t delay_ms)
{
	a->name = name;
	a->started_ms = loop_now_ms(world.loop);
	loop_timer_start(world.loop, &a->timer, delay_ms, alarm_fire);
}

static void
timers_fire_in_the_order_of_their_times(void **state)
{
	struct alarm a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	alarm_start(&c, 'c', 80);
	alarm_start(&a, 'a', 0);
	alarm_start(&d, 'd', 120);
	alarm_start(&b, 'b', 40);
	run_for(200);
	assert_string_equal(world.trace, "abcd");
}

static void
a_timer_is_never_early(void **state)
{
	struct alarm alarms[60];
	size_t i;

	(void)state;
	memset(alarms, 0, sizeof(alarms));
	for (i = 0; i < ARRAY_LEN(alarms); i++)
		alarm_start(&alarms[i], '.', i);
	run_for(150);
	for (i = 0; i < ARRAY_LEN(alarms); i++) {
		assert_true(alarms[i].fired_ms >= alarms[i].started_ms + i);
		assert_true(alarms[i].fired_ms <=
			    alarms[i].started_ms + i + LATE_MS);
	}
}

static void
a_cancelled_timer_does_not_fire(void **state)
{
	struct alarm a = { 0 }, never_started = { 0 };

	(void)state;
	alarm_start(&a, 'a', 20);
	loop_timer_cancel(&a.timer);
	loop_timer_cancel(&a.timer);
	loop_timer_cancel(&never_started.timer);
	run_for(60);
	assert_string_equal(world.trace, "");
}

static void
a_start_again_moves_the_time(void **state)
{
	struct alarm a = { 0 }, b = { 0 };

	(void)state;
	alarm_start(&a, 'a', 20);
	alarm_start(&b, 'b', 60);
	alarm_start(&a, 'a', 120);
	run_for(200);
	assert_string_equal(world.trace, "ba");
}

static void
a_timer_cancels_another_of_its_own_slot(void **state)
{
	struct alarm a = { 0 }, *b = calloc(1, sizeof(*b));

	(void)state;
	a.victim = b;
	b->victim = &a;
	alarm_start(&a, 'x', 40);
	alarm_start(b, 'x', 40);
	run_for(100);
	/* Whichever came first, the other one did not. */
	assert_string_equal(world.trace, "x");
	free(b);
}

static void
a_timer_starts_itself_anew(void **state)
{
	struct alarm a = { .again = 3 };

	(void)state;
	alarm_start(&a, 'a', 0);
	run_for(250);
	assert_string_equal(world.trace, "aaaa");
}

static void
a_time_beyond_one_round_of_the_wheel_is_waited_for(void **state)
{
	struct alarm later = { 0 }, soon = { 0 };

	(void)state;
	/* Its slot comes by within these 150 ms, a round too early. */
	alarm_start(&later, 'l', 4096 * 16 + 32);
	alarm_start(&soon, 's', 100);
	run_for(150);
	assert_string_equal(world.trace, "s");
	loop_timer_cancel(&later.timer);
}

/* ---- file descriptors ---- */

struct end {
	struct loop_io io;
	int fd;
	unsigned calls, seen;
	struct end *victim;
};

static void
end_ready(struct loop_io *io, unsigned events)
{
	struct end *e = CONTAINER_OF(io, struct end, io);

	e->calls++;
	e->seen |= events;
	if (e->victim)
		loop_io_cancel(&e->victim->io);
}

static void
pair_open(struct end *a, struct end *b)
{
	int fds[2];

	memset(a, 0, sizeof(*a));
	memset(b, 0, sizeof(*b));
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	a->fd = fds[0];
	b->fd = fds[1];
}

static void
pair_close(struct end *a, struct end *b)
{
	loop_io_cancel(&a->io);
	loop_io_cancel(&b->io);
	close(a->fd);
	close(b->fd);
}

static void
readiness_is_told_once_an_edge(void **state)
{
	struct end a, b;

	(void)state;
	pair_open(&a, &b);
	assert_int_equal(loop_io_start(world.loop, &a.io, a.fd, end_ready), 0);
	run_for(0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.seen, LOOP_WRITE);
	/* Bytes that nobody reads are told of once. */
	assert_int_equal(write(b.fd, "x", 1), 1);
	run_for(50);
	assert_int_equal(a.calls, 2);
	assert_true(a.seen & LOOP_READ);
	assert_false(a.seen & LOOP_HANGUP);
	run_for(50);
	assert_int_equal(a.calls, 2);
	/* More bytes are another edge, and so is the end. */
	assert_int_equal(write(b.fd, "y", 1), 1);
	run_for(20);
	assert_int_equal(a.calls, 3);
	shutdown(b.fd, SHUT_WR);
	run_for(20);
	assert_int_equal(a.calls, 4);
	assert_true(a.seen & LOOP_HANGUP);
	pair_close(&a, &b);
}

static void
a_cancelled_io_is_silent_and_its_fd_open(void **state)
{
	struct end a, b;
	char c;

	(void)state;
	pair_open(&a, &b);
	loop_io_start(world.loop, &a.io, a.fd, end_ready);
	loop_io_cancel(&a.io);
	assert_int_equal(a.io.fd, -1);
	loop_io_cancel(&a.io);
	assert_int_equal(write(b.fd, "x", 1), 1);
	run_for(20);
	assert_int_equal(a.calls, 0);
	assert_int_equal(read(a.fd, &c, 1), 1);
	/* It may be started anew. */
	assert_int_equal(loop_io_start(world.loop, &a.io, a.fd, end_ready), 0);
	run_for(0);
	assert_int_equal(a.calls, 1);
	pair_close(&a, &b);
}

static void
a_cancel_holds_for_events_already_fetched(void **state)
{
	struct end a, b;

	(void)state;
	/* Both ends become ready in one turn; the first one called cancels
	 * the other. */
	pair_open(&a, &b);
	a.victim = &b;
	b.victim = &a;
	loop_io_start(world.loop, &a.io, a.fd, end_ready);
	loop_io_start(world.loop, &b.io, b.fd, end_ready);
	run_for(20);
	assert_int_equal(a.calls + b.calls, 1);
	pair_close(&a, &b);
}

static void
what_cannot_be_watched_is_refused(void **state)
{
	struct loop_io io = { 0 };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(loop_io_start(world.loop, &io, -1, end_ready),
			 ERR_SYSTEM);
	assert_int_equal(io.fd, -1);
	loop_io_cancel(&io);
	close(fd);
	assert_int_equal(loop_io_start(world.loop, &io, fd, end_ready),
			 ERR_SYSTEM);
	loop_io_cancel(&io);
}

static void
listener_ready(struct loop_io *io, unsigned events)
{
	struct end *e = CONTAINER_OF(io, struct end, io);
	char c;

	assert_true(events & LOOP_READ);
	if (++e->calls == 3)
		assert_int_equal(read(io->fd, &c, 1), 1);
}

static void
a_listener_is_told_until_it_has_taken(void **state)
{
	struct end a, b;

	(void)state;
	pair_open(&a, &b);
	assert_int_equal(write(b.fd, "x", 1), 1);
	assert_int_equal(
		loop_io_start_listener(world.loop, &a.io, a.fd, listener_ready),
		0);
	run_for(50);
	assert_int_equal(a.calls, 3);
	pair_close(&a, &b);
}

/* ---- once more ---- */

struct piece {
	struct loop_again again;
	char name;
	unsigned left;
	struct piece *victim;
};

static void
piece_run(struct loop_again *again)
{
	struct piece *p = CONTAINER_OF(again, struct piece, again);

	note(p->name);
	if (p->victim)
		loop_again_cancel(&p->victim->again);
	if (p->left && --p->left)
		loop_again_start(world.loop, again, piece_run);
}

static void
long_work_in_pieces_lets_others_have_their_turn(void **state)
{
	struct piece a = { .name = 'a', .left = 100 };
	struct alarm timer = { 0 };
	const char *t;

	(void)state;
	/* A piece that starts itself anew waits a turn: the loop goes on. */
	loop_again_start(world.loop, &a.again, piece_run);
	loop_again_start(world.loop, &a.again, piece_run);
	alarm_start(&timer, 't', 0);
	run_for(50);
	t = strchr(world.trace, 't');
	assert_non_null(t);
	assert_int_equal(strlen(world.trace), 101);
	assert_int_equal(strspn(world.trace, "at"), 101);
}

static void
pieces_are_called_off_even_by_each_other(void **state)
{
	struct piece a = { .name = 'x' }, b = { .name = 'x' };
	struct piece c = { .name = 'c' };

	(void)state;
	a.victim = &b;
	b.victim = &a;
	loop_again_start(world.loop, &a.again, piece_run);
	loop_again_start(world.loop, &b.again, piece_run);
	loop_again_start(world.loop, &c.again, piece_run);
	loop_again_cancel(&c.again);
	loop_again_cancel(&c.again);
	run_for(20);
	assert_string_equal(world.trace, "x");
}

#define LOOP(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP(timers_fire_in_the_order_of_their_times),
		LOOP(a_timer_is_never_early),
		LOOP(a_cancelled_timer_does_not_fire),
		LOOP(a_start_again_moves_the_time),
		LOOP(a_timer_cancels_another_of_its_own_slot),
		LOOP(a_timer_starts_itself_anew),
		LOOP(a_time_beyond_one_round_of_the_wheel_is_waited_for),
		LOOP(readiness_is_told_once_an_edge),
		LOOP(a_cancelled_io_is_silent_and_its_fd_open),
		LOOP(a_cancel_holds_for_events_already_fetched),
		LOOP(what_cannot_be_watched_is_refused),
		LOOP(a_listener_is_told_until_it_has_taken),
		LOOP(long_work_in_pieces_lets_others_have_their_turn),
		LOOP(pieces_are_called_off_even_by_each_other),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
