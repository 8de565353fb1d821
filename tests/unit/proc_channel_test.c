/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: each request gets one answer, whatever happens, and much at once
 * is kept in order and bounded.
 */
#include <pthread.h>

#include "../support/channel_world.h"

/* ---- answers ---- */

static void
a_request_gets_its_answer(void **state)
{
	struct asked a, b, c;

	(void)state;
	ask(&a, ADD, LONG);
	ask(&b, FAIL, LONG);
	ask(&c, HUGE_ANSWER, LONG);
	run_until(&c.done);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.number, 42);
	assert_int_equal(b.err, ERR_CONFLICT);
	assert_string_equal(b.text, "why");
	assert_int_equal(c.err, ERR_TOO_LARGE);
}

static void
answers_may_come_in_another_order(void **state)
{
	struct asked late, early;

	(void)state;
	ask(&late, HOLD, LONG);
	ask(&early, ADD, LONG);
	run_until(&early.done);
	assert_false(late.done);
	proc_reply(w.held, 0, NULL);
	run_until(&late.done);
	assert_int_equal(late.err, 0);
}

static void
who_gets_no_answer_is_told_in_time(void **state)
{
	struct asked a, b;

	(void)state;
	ask(&a, HOLD, 30);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_TIMEOUT);
	/* An answer that comes after all is no mistake. */
	proc_reply(w.held, 0, NULL);
	ask(&b, ADD, LONG);
	run_until(&b.done);
	assert_int_equal(b.number, 42);
}

static void
a_call_that_is_called_off_does_not_end(void **state)
{
	struct asked a, b;

	(void)state;
	ask(&a, ADD, 20);
	proc_call_cancel(&a.call);
	proc_call_cancel(&a.call);
	ask(&b, ADD, LONG);
	run_until(&b.done);
	run(40);
	assert_false(a.done);
}

/* Somebody hung; what he was asked then must not happen now. */
static void
a_request_that_was_given_up_before_it_came_is_dropped(void **state)
{
	struct asked a, b;

	(void)state;
	ask(&a, ADD, 20);
	usleep(40 * 1000);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_TIMEOUT);
	ask(&b, ADD, LONG);
	run_until(&b.done);
	assert_int_equal(b.number, 42);
	assert_int_equal(w.handled, 1);
}

static void
who_is_asked_knows_for_how_long_the_other_waits(void **state)
{
	struct asked a;

	(void)state;
	ask(&a, HOLD, LONG);
	while (!w.held)
		run(1);
	assert_in_range(proc_request_left_ms(w.held), 1, LONG);
	assert_true(proc_request_is_awaited(w.held));
	proc_reply(w.held, 0, NULL);
	run_until(&a.done);
}

static void
a_notice_is_not_answered(void **state)
{
	struct proc_pack *p = proc_pack_new();
	struct asked a;

	(void)state;
	proc_pack_u64(p, 7);
	proc_notify(w.front, TELL, p);
	proc_notify(w.front, TELL, NULL);
	ask(&a, ADD, LONG);
	run_until(&a.done);
	assert_int_equal(w.told, 2);
	assert_int_equal(a.number, 42);
}

static void
what_is_too_large_to_send_ends_later(void **state)
{
	struct proc_pack *p = proc_pack_new();
	struct asked a = { 0 }, b;

	(void)state;
	proc_pack_bytes(p, slice_of("", PROC_MESSAGE_MAX + 1));
	proc_call_start(w.front, ADD, p, LONG, &a.call, on_done);
	assert_false(a.done);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_BUSY);
	assert_int_equal(w.handled, 0);
	ask(&b, ADD, LONG);
	run_until(&b.done);
	assert_int_equal(b.number, 42);
}

/* ---- much at once ---- */

static void
messages_keep_their_order_when_the_socket_is_full(void **state)
{
	enum { NOTICES = 100, EACH = 60000 };
	char *bytes = calloc(1, EACH);
	struct proc_pack *p;
	struct asked a;
	uint64_t i;

	(void)state;
	for (i = 1; i <= NOTICES; i++) {
		p = proc_pack_new();
		proc_pack_u64(p, i);
		proc_pack_bytes(p, slice_of(bytes, EACH));
		proc_notify(w.front, TELL, p);
		assert_int_equal(w.told, 0);
	}
	ask(&a, ADD, LONG);
	run_until(&a.done);
	assert_int_equal(w.told, NOTICES);
	assert_int_equal(w.last_told, NOTICES);
	free(bytes);
}

static void
what_waits_is_bounded(void **state)
{
	enum { MANY = 5000 };
	struct asked *all = calloc(MANY, sizeof(*all));
	unsigned i, busy = 0, lost = 0;

	(void)state;
	proc_channel_replace(w.front, -1); /* the peer is away */
	for (i = 0; i < MANY; i++)
		ask(&all[i], ADD, 100000);
	run(50);
	for (i = 0; i < MANY; i++)
		busy += all[i].done && all[i].err == ERR_BUSY;
	assert_in_range(busy, 1, MANY / 2);
	/* The end tells the rest. */
	proc_channel_free(w.front);
	w.front = NULL;
	for (i = 0; i < MANY; i++)
		lost += all[i].done && all[i].err == ERR_CLOSED;
	assert_int_equal(busy + lost, MANY);
	free(all);
}

/* ---- from another thread ---- */

static void *
run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void
a_work_thread_waits_for_its_answer(void **state)
{
	struct proc_pack *p = proc_pack_new();
	struct secret *reply = NULL;
	struct proc_unpack u;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, run_loop, w.loop), 0);
	proc_pack_u64(p, 1);
	proc_pack_u64(p, 2);
	assert_int_equal(proc_call_wait(w.front, ADD, p, LONG, &reply), 0);
	u = proc_unpack_from(reply);
	assert_int_equal(proc_unpack_u64(&u), 3);
	assert_true(proc_unpack_done(&u));
	secret_free(reply);
	assert_int_equal(proc_call_wait(w.front, FAIL, NULL, LONG, &reply),
			 ERR_CONFLICT);
	assert_non_null(reply);
	secret_free(reply);
	assert_int_equal(proc_call_wait(w.front, FAIL, NULL, LONG, NULL),
			 ERR_CONFLICT);
	assert_int_equal(proc_call_wait(w.front, HOLD, NULL, 30, &reply),
			 ERR_TIMEOUT);
	assert_null(reply);
	assert_int_equal(proc_call_wait(w.front, UNKNOWN, NULL, LONG, &reply),
			 ERR_CLOSED);
	assert_null(reply);
	loop_stop(w.loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	proc_reply(w.held, 0, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_gets_its_answer),
		CASE(answers_may_come_in_another_order),
		CASE(who_gets_no_answer_is_told_in_time),
		CASE(a_call_that_is_called_off_does_not_end),
		CASE(a_request_that_was_given_up_before_it_came_is_dropped),
		CASE(who_is_asked_knows_for_how_long_the_other_waits),
		CASE(a_notice_is_not_answered),
		CASE(what_is_too_large_to_send_ends_later),
		CASE(messages_keep_their_order_when_the_socket_is_full),
		CASE(what_waits_is_bounded),
		CASE(a_work_thread_waits_for_its_answer),
	};

	return cmocka_run_group_tests_name("proc channel", tests, NULL, NULL);
}
