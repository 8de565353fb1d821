/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels that break: a peer that breaks the protocol, or asks what it may
 * not, loses its channel; one that is started again finds what has waited
 * for it, and nothing that was meant for the one before.
 */
#include "../support/channel_world.h"

/* ---- a peer that is started again ---- */

static void
what_was_asked_of_a_dead_peer_is_lost(void **state)
{
	struct asked a;

	(void)state;
	ask(&a, HOLD, LONG);
	run(20);
	assert_non_null(w.held);
	proc_channel_free(w.keeper);
	w.keeper = NULL;
	run_until(&a.done);
	assert_int_equal(a.err, ERR_CLOSED);
	proc_reply(w.held, 0, NULL); /* to nobody: fine */
}

static void
what_waits_goes_to_the_new_peer(void **state)
{
	struct asked lost, waits;
	int fds[2];

	(void)state;
	ask(&lost, HOLD, LONG);
	run(20);
	proc_channel_replace(w.front, -1);
	assert_true(lost.done);
	assert_int_equal(lost.err, ERR_CLOSED);
	ask(&waits, ADD, LONG);
	run(20);
	assert_false(waits.done);
	pair(fds);
	proc_channel_replace(w.keeper, fds[1]);
	proc_channel_replace(w.front, fds[0]);
	run_until(&waits.done);
	assert_int_equal(waits.err, 0);
	assert_int_equal(waits.number, 42);
	assert_false(proc_request_is_awaited(w.held));
	proc_reply(w.held, 0, NULL); /* nobody waits for it any more */
	w.held = NULL;
}

static void
what_a_peer_has_answered_before_it_died_is_heard(void **state)
{
	struct proc_pack *sum = proc_pack_new();
	struct asked a;
	unsigned told;

	(void)state;
	ask(&a, HOLD, LONG);
	run(20);
	told = w.told;
	proc_pack_u64(sum, 42);
	proc_reply(w.held, 0, sum);
	w.held = NULL;
	proc_notify(w.keeper, TELL, NULL);
	/* the front was busy meanwhile, and hears of a successor first */
	proc_channel_replace(w.front, -1);
	assert_true(a.done);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.number, 42);
	run(20);
	assert_int_equal(w.told, told); /* what it wanted itself is gone */
}

static void
an_answer_does_not_go_to_who_has_not_asked(void **state)
{
	struct proc_request *old;
	struct asked a, b;
	int fds[2];

	(void)state;
	ask(&a, HOLD, LONG);
	run(20);
	old = w.held;
	pair(fds);
	proc_channel_replace(w.front, fds[0]);
	proc_channel_replace(w.keeper, fds[1]);
	ask(&b, HOLD, LONG);
	run(20);
	proc_reply(old, ERR_FORBIDDEN, NULL);
	run(20);
	assert_false(b.done);
	proc_reply(w.held, 0, NULL);
	run_until(&b.done);
	assert_int_equal(b.err, 0);
}

static void
an_answer_that_could_not_be_sent_is_dropped_with_its_asker(void **state)
{
	char packet[PROC_HEADER] = { PROC_REQUEST, HOLD, 0, 0, 1 };
	int first[2], second[2];

	(void)state;
	pair(first);
	proc_channel_replace(w.keeper, first[1]);
	assert_int_equal(send(first[0], packet, sizeof(packet), 0),
			 PROC_HEADER);
	run(20);
	close(first[0]);
	proc_reply(w.held, ERR_FORBIDDEN, NULL); /* before the end is seen */
	proc_notify(w.keeper, TELL, NULL);	 /* this one may wait */
	run(20);
	pair(second);
	proc_channel_replace(w.keeper, second[1]);
	run(20);
	assert_int_equal(recv(second[0], packet, sizeof(packet), 0),
			 PROC_HEADER);
	assert_int_equal(packet[0], PROC_NOTICE);
	assert_int_equal(recv(second[0], packet, sizeof(packet), 0), -1);
	close(second[0]);
}

static unsigned missed;

static void
on_missed(struct proc_channel *c, void *arg)
{
	(void)arg;
	missed++;
	proc_notify(c, TELL, NULL);
}

static void
a_peer_that_missed_notices_is_told_so_once(void **state)
{
	unsigned i;
	int fds[2];

	(void)state;
	missed = 0;
	proc_channel_on_missed(w.front, on_missed);
	proc_channel_replace(w.front, -1);
	for (i = 0; i < 5000; i++)
		proc_notify(w.front, TELL, NULL);
	assert_int_equal(missed, 0);
	pair(fds);
	proc_channel_replace(w.keeper, fds[1]);
	proc_channel_replace(w.front, fds[0]);
	for (i = 0; i < 100 && !missed; i++)
		run(20);
	run(20);
	assert_int_equal(missed, 1);
	assert_int_equal(w.told, 4096 + 1);
}

/* ---- a peer that breaks the protocol ---- */

static void
what_a_peer_may_not_ask_closes_its_channel(void **state)
{
	static const uint16_t types[] = { NOT_FOR_FRONT, UNKNOWN, 0, 0xffff };
	struct asked a;
	int fds[2];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(types); i++) {
		ask(&a, types[i], LONG);
		run_until(&a.done);
		assert_int_equal(a.err, ERR_CLOSED);
		pair(fds);
		proc_channel_replace(w.keeper, fds[1]);
		proc_channel_replace(w.front, fds[0]);
	}
	assert_int_equal(w.handled, 0);
	ask(&a, ADD, LONG);
	run_until(&a.done);
	assert_int_equal(a.number, 42);
}

/* The keeper gets this packet; whether it closes its end. */
static bool
closes_at(const void *packet, size_t len)
{
	char byte;
	int fds[2];
	bool closed;

	pair(fds);
	proc_channel_replace(w.keeper, fds[1]);
	assert_int_equal(send(fds[0], packet, len, 0), (ssize_t)len);
	run(20);
	closed = recv(fds[0], &byte, 1, 0) == 0;
	close(fds[0]);
	return closed;
}

static void
what_is_no_message_closes_the_channel(void **state)
{
	/* kind, type (2), zero, id (4), error (8), until (8) */
	static const struct {
		char bytes[PROC_HEADER];
		size_t len;
		bool closes;
	} cases[] = {
		{ { PROC_REQUEST, HOLD, 0, 0, 1 }, PROC_HEADER, false },
		{ { PROC_NOTICE, TELL }, PROC_HEADER, false },
		{ { PROC_REPLY, ADD, 0, 0, 99 },
		  PROC_HEADER,
		  false }, /* given up */
		{ { PROC_REQUEST, HOLD, 0, 0, 1 }, PROC_HEADER - 1, true },
		{ { PROC_REQUEST }, 1, true },
		{ { 0, HOLD, 0, 0, 1 }, PROC_HEADER, true },
		{ { 4, HOLD, 0, 0, 1 }, PROC_HEADER, true },
		{ { PROC_REQUEST, HOLD, 0, 0, 0 },
		  PROC_HEADER,
		  true }, /* no id */
		{ { PROC_REQUEST, HOLD, 0, 1, 1 }, PROC_HEADER, true },
		{ { PROC_REQUEST, HOLD, 1, 0, 1 },
		  PROC_HEADER,
		  true }, /* type 0x103 */
		{ { PROC_REPLY, ADD, 0, 0, 1, 0, 0, 0, 1 }, PROC_HEADER, true },
		{ { PROC_REQUEST, HOLD, 0, 0, 1, 0, 0, 0, -1, -1, -1, -1, -1,
		    -1, -1, -1 },
		  PROC_HEADER,
		  true }, /* a request with an error */
	};
	char *huge = calloc(1, PROC_MESSAGE_MAX + 1);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (closes_at(cases[i].bytes, cases[i].len) != cases[i].closes)
			fail_msg("case %zu", i);
		if (w.held)
			proc_reply(w.held, 0, NULL);
		w.held = NULL;
	}
	memcpy(huge, cases[0].bytes, PROC_HEADER);
	assert_false(closes_at(huge, PROC_MESSAGE_MAX));
	assert_non_null(w.held);
	proc_reply(w.held, 0, NULL);
	assert_true(closes_at(huge, PROC_MESSAGE_MAX + 1));
	free(huge);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_asked_of_a_dead_peer_is_lost),
		CASE(what_waits_goes_to_the_new_peer),
		CASE(what_a_peer_has_answered_before_it_died_is_heard),
		CASE(an_answer_does_not_go_to_who_has_not_asked),
		CASE(an_answer_that_could_not_be_sent_is_dropped_with_its_asker),
		CASE(a_peer_that_missed_notices_is_told_so_once),
		CASE(what_a_peer_may_not_ask_closes_its_channel),
		CASE(what_is_no_message_closes_the_channel),
	};

	return cmocka_run_group_tests_name("proc channel lost", tests, NULL,
					   NULL);
}
