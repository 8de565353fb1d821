/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: whose turn it is when more conversations want to call than may at a
 * time.
 */
#include <stdio.h>

#include "../support/flow_world.h"

enum { DRIVES = 16 };

static struct flow_worker worker;
static struct flow_drive drives[DRIVES];

static void
world_begin(unsigned slots)
{
	memset(&worker, 0, sizeof(worker));
	memset(drives, 0, sizeof(drives));
	worker.slots = slots;
}

/* The i-th conversation, of this flow. */
static struct flow_drive *
wait(size_t i, const char *flow)
{
	drives[i].worker = &worker;
	assert_int_equal(flow_lane_wait(&drives[i], flow), 0);
	return &drives[i];
}

/* Its number; -1: nobody's turn. */
static int
next(void)
{
	const struct flow_drive *d = flow_lane_next(&worker);

	return d ? (int)(d - drives) : -1;
}

static void
leave(size_t i)
{
	flow_lane_leave(&drives[i]);
	assert_null(drives[i].lane);
	assert_false(drives[i].in_slot);
}

/* Whoever is left goes, and nothing stays behind. */
static void
world_end(void)
{
	size_t i;

	for (i = 0; i < DRIVES; i++)
		leave(i);
	assert_null(worker.lanes);
	assert_int_equal(worker.running, 0);
}

static void
no_more_run_than_there_are_slots(void **state)
{
	size_t i;

	(void)state;
	world_begin(3);
	for (i = 0; i < 5; i++)
		wait(i, "f");
	for (i = 0; i < 3; i++)
		assert_int_equal(next(), (int)i);
	assert_int_equal(worker.running, 3);
	assert_int_equal(next(), -1);
	leave(1);
	assert_int_equal(next(), 3);
	assert_int_equal(next(), -1);
	world_end();
}

static void
within_a_flow_who_came_first_is_first(void **state)
{
	size_t i;

	(void)state;
	world_begin(1);
	for (i = 0; i < 4; i++)
		wait(i, "f");
	for (i = 0; i < 4; i++) {
		assert_int_equal(next(), (int)i);
		leave(i);
	}
	assert_int_equal(next(), -1);
	world_end();
}

static void
flows_take_turns(void **state)
{
	static const int order[] = { 0, 4, 6, 1, 5, 2, 3 };
	size_t i;

	(void)state;
	world_begin(1);
	for (i = 0; i < 4; i++)
		wait(i, "many");
	wait(4, "two");
	wait(5, "two");
	wait(6, "one");
	for (i = 0; i < ARRAY_LEN(order); i++) {
		assert_int_equal(next(), order[i]);
		leave((size_t)order[i]);
	}
	world_end();
}

/* However many flows come in, each with one visitor: who waits gets on. */
static void
new_flows_come_behind_those_that_wait(void **state)
{
	char flow[16];
	size_t i;

	(void)state;
	world_begin(1);
	wait(0, "busy");
	assert_int_equal(next(), 0);
	wait(1, "early");
	for (i = 2; i < 8; i++) {
		snprintf(flow, sizeof(flow), "new %zu", i);
		wait(i, flow);
	}
	leave(0);
	for (i = 1; i < 8; i++) {
		assert_int_equal(next(), (int)i);
		leave(i);
	}
	world_end();
}

/* Its service hangs: the others go on. */
static void
one_flow_has_never_all_slots(void **state)
{
	size_t i;

	(void)state;
	world_begin(8);
	for (i = 0; i < 10; i++)
		wait(i, "hangs");
	for (i = 0; i < 6; i++)
		assert_int_equal(next(), (int)i);
	assert_int_equal(next(), -1);
	wait(10, "other");
	wait(11, "third");
	assert_int_equal(next(), 10);
	assert_int_equal(next(), 11);
	assert_int_equal(worker.running, 8);
	world_end();
}

static void
who_leaves_the_queue_leaves_the_others_in_it(void **state)
{
	size_t i;

	(void)state;
	world_begin(1);
	for (i = 0; i < 4; i++)
		wait(i, "f");
	leave(1);
	leave(3); /* the last: the next one comes behind 2 */
	wait(4, "f");
	assert_int_equal(next(), 0);
	leave(0);
	assert_int_equal(next(), 2);
	leave(2);
	assert_int_equal(next(), 4);
	leave(4);
	assert_int_equal(next(), -1);
	wait(5, "f"); /* the lane was empty, and is anew */
	assert_int_equal(next(), 5);
	world_end();
}

static void
leaving_twice_is_leaving_once(void **state)
{
	(void)state;
	world_begin(2);
	wait(0, "f");
	wait(1, "f");
	assert_int_equal(next(), 0);
	leave(0);
	leave(0);
	assert_int_equal(worker.running, 0);
	assert_int_equal(next(), 1);
	world_end();
}

static void
a_worker_that_leaves_begins_nothing(void **state)
{
	(void)state;
	world_begin(2);
	wait(0, "f");
	wait(1, "f");
	assert_int_equal(next(), 0);
	worker.leaving = true;
	assert_int_equal(next(), -1);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_run_than_there_are_slots),
		cmocka_unit_test(within_a_flow_who_came_first_is_first),
		cmocka_unit_test(flows_take_turns),
		cmocka_unit_test(new_flows_come_behind_those_that_wait),
		cmocka_unit_test(one_flow_has_never_all_slots),
		cmocka_unit_test(who_leaves_the_queue_leaves_the_others_in_it),
		cmocka_unit_test(leaving_twice_is_leaving_once),
		cmocka_unit_test(a_worker_that_leaves_begins_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
