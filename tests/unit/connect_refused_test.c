/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token that a service has refused, in the views of several workers: once
 * one of them was told of another, none gives the refused one out.  Nor does
 * any give one out that has expired, also while the machine was asleep.
 */
#include "../support/keeper_world.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "connect/view_priv.h"

/* The machine was suspended for so long: its steady clock stood still. */
static time_t asleep_s;

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, clock, ts);

	if (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME)
		ts->tv_sec += asleep_s;
	return (int)rc;
}

enum { VIEWS = 3 };

static struct loop_pool *pool;
static struct connect_views *views;
static struct connect_view *view[VIEWS];

static struct waiter {
	struct connect_wait wait;
	bool done;
	int err;
	bool others_forgot; /* when it was told */
} waiter;

static struct view_entry *
entry_of(size_t n, const char *link)
{
	return table_get(view[n]->entries, slice_str(link));
}

static void
told(struct connect_wait *wait, int err)
{
	size_t n;

	waiter.done = true;
	waiter.err = err;
	waiter.others_forgot = wait == &waiter.wait;
	for (n = 1; n < VIEWS; n++)
		if (view_entry_injection(entry_of(n, "desk"), ""))
			waiter.others_forgot = false;
}

static struct connect_wait *
waiting(void)
{
	memset(&waiter, 0, sizeof(waiter));
	waiter.wait.done = told;
	return &waiter.wait;
}

/* As a worker has it that has called already. */
static void
entry_add(size_t n, const char *link)
{
	struct view_entry *e = calloc(1, sizeof(*e));
	struct connect_snapshot *s = calloc(1, sizeof(*s));

	atomic_init(&s->refs, 1);
	s->status = CONNECT_CONNECTED;
	snprintf(s->id, sizeof(s->id), "%s", w.who.connection);
	snprintf(s->org, sizeof(s->org), "org");
	snprintf(s->link, sizeof(s->link), "%s", link);
	snprintf(e->link, sizeof(e->link), "%s", link);
	e->seen.snapshot = s;
	e->trouble.troubled_ms = 7;
	assert_int_equal(
		table_set(view[n]->entries, slice_str(e->link), e, NULL), 0);
}

static uint64_t
generation_at(size_t n, const char *link)
{
	struct connect_injection *i;
	int rc = connect_view_inject(view[n], &entry_of(n, link)->seen, "",
				     waiting(), &i);

	if (rc == ERR_AGAIN) {
		run_until(&waiter.done);
		assert_int_equal(waiter.err, 0);
		rc = connect_view_inject(view[n], &entry_of(n, link)->seen, "",
					 waiting(), &i);
	}
	assert_int_equal(rc, 0);
	return i->generation;
}

static int
begin_views(void **state)
{
	size_t n;

	if (begin(state) || loop_pool_new(1, &pool) ||
	    connect_views_new(NULL, pool, &views))
		return -1;
	connect_views_attach(views, w.loop, w.front[0]);
	for (n = 0; n < VIEWS; n++) {
		if (connect_view_new(views, w.loop, &view[n]))
			return -1;
		entry_add(n, "desk");
		entry_add(n, "other");
	}
	return 0;
}

static int
end_views(void **state)
{
	size_t n;

	for (n = 0; n < VIEWS; n++)
		connect_view_free(view[n]);
	loop_pool_free(pool);
	connect_views_free(views);
	return end(state);
}

static void
no_view_gives_out_a_refused_token_once_one_was_told(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n < VIEWS; n++) {
		assert_int_equal(generation_at(n, "desk"), 1);
		assert_int_equal(generation_at(n, "other"), 1);
	}
	connect_view_refuse(view[0], &entry_of(0, "desk")->seen, "", 1,
			    waiting());
	run_until(&waiter.done);
	assert_int_equal(waiter.err, 0);
	assert_true(waiter.others_forgot);
	for (n = 0; n < VIEWS; n++) {
		/* what else is known stays, and so do other connections */
		assert_int_equal(entry_of(n, "desk")->trouble.troubled_ms, 7);
		assert_non_null(view_entry_injection(entry_of(n, "other"), ""));
		assert_int_equal(generation_at(n, "desk"), 2);
	}
	assert_int_equal(provider.refreshes, 1);
}

static void
refusal_of_what_was_made_for_one_is_told_as_such(void **state)
{
	(void)state;
	assert_int_equal(generation_at(0, "desk"), 1);
	connect_view_refuse(view[0], &entry_of(0, "desk")->seen, "", 1,
			    waiting());
	run_until(&waiter.done);
	assert_int_equal(waiter.err, 0);
	assert_false(waiter.wait.refused_again);
	connect_view_refuse(view[0], &entry_of(0, "desk")->seen, "", 2,
			    waiting());
	run_until(&waiter.done);
	assert_int_equal(waiter.err, ERR_WRONG_STATE);
	assert_true(waiter.wait.refused_again);
}

/* Whoever has asked need not wait for it. */
static void
token_is_renewed_though_nobody_waits_any_more(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n < VIEWS; n++)
		assert_int_equal(generation_at(n, "desk"), 1);
	provider.says = HOLDS;
	connect_view_refuse(view[0], &entry_of(0, "desk")->seen, "", 1,
			    waiting());
	run(30);
	connect_wait_cancel(&waiter.wait);
	provider_release();
	for (n = 0; n < 500 && view_entry_injection(entry_of(2, "desk"), "");
	     n++)
		run(5);
	assert_false(waiter.done);
	for (n = 0; n < VIEWS; n++)
		assert_int_equal(generation_at(n, "desk"), 2);
}

static void
no_view_gives_out_what_has_expired_while_the_machine_slept(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n < VIEWS; n++)
		assert_int_equal(generation_at(n, "desk"), 1);
	asleep_s += 60; /* it is still good */
	for (n = 0; n < VIEWS; n++)
		assert_int_equal(generation_at(n, "desk"), 1);
	assert_int_equal(provider.refreshes, 0);
	asleep_s += 24 * 3600;
	for (n = 0; n < VIEWS; n++)
		assert_int_equal(generation_at(n, "desk"), 2);
	assert_int_equal(provider.refreshes, 1);
}

#define VIEWS_CASE(f) cmocka_unit_test_setup_teardown(f, begin_views, end_views)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VIEWS_CASE(no_view_gives_out_a_refused_token_once_one_was_told),
		VIEWS_CASE(refusal_of_what_was_made_for_one_is_told_as_such),
		VIEWS_CASE(token_is_renewed_though_nobody_waits_any_more),
		VIEWS_CASE(
			no_view_gives_out_what_has_expired_while_the_machine_slept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
