/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection that is disabled and enabled, by several at once: what it was
 * before is not lost, one of them did it, and the keeper is told what the row
 * says.
 */
#include "../support/front_world.h"

#define AUDITED(a) \
	"SELECT count(*) FROM audit WHERE action = '" a "' AND object = ?1"

static char link_name[80];

/* Somebody else's, from its begin to its end, on this thread. */
static void
other_writes(const char *sql)
{
	struct store_conn *c;

	assert_int_equal(store_acquire(w.store, &c), 0);
	assert_int_equal(store_exec(c, NULL, sql, "s", link_name), 0);
	store_release(c);
}

static void
other_enables(void)
{
	other_writes("UPDATE connections SET status = status_before, "
		     "status_before = '', reason = '' WHERE link_name = ?1 AND "
		     "status = 'disabled'");
}

static void
other_disables(void)
{
	other_writes("UPDATE connections SET status_before = status, status = "
		     "'disabled' WHERE link_name = ?1 AND status <> "
		     "'disabled'");
}

static struct connect_info
made(void)
{
	struct connect_new n = { .name = "Switched", .service = "test_desk" };
	struct connect_info i;

	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &i, &w.p))
		fail_msg("%s", w.p.detail);
	snprintf(link_name, sizeof(link_name), "%s", i.link);
	other_writes("UPDATE connections SET status = 'connected' WHERE "
		     "link_name = ?1");
	return i;
}

static struct connect_info
switched(bool enable)
{
	struct connect_info out;

	if (connect_front_enable(w.front, w.c, &w.who, link_name, enable,
				 w.arena, &out, &w.p))
		fail_msg("%s", w.p.detail);
	return out;
}

static void
of_two_that_enable_it_one_did(void **state)
{
	struct connect_info i = made();

	(void)state;
	switched(false);
	keeper.meanwhile = other_enables;
	assert_int_equal(switched(true).status, CONNECT_CONNECTED);
	assert_int_equal(number(AUDITED("connection.enable"), i.id), 0);
	assert_int_equal(switched(false).status, CONNECT_DISABLED);
	assert_int_equal(switched(true).status, CONNECT_CONNECTED);
	assert_int_equal(number(AUDITED("connection.enable"), i.id), 1);
}

static void
of_two_that_disable_it_one_did(void **state)
{
	struct connect_info i = made();

	(void)state;
	keeper.meanwhile = other_disables;
	assert_int_equal(switched(false).status, CONNECT_DISABLED);
	assert_int_equal(number(AUDITED("connection.disable"), i.id), 0);
	assert_int_equal(switched(true).status, CONNECT_CONNECTED);
}

/* Somebody who enables it may tell the keeper so late, when its row is about to
 * be disabled. */
static void
the_keeper_is_told_once_more_what_the_row_says(void **state)
{
	(void)state;
	made();
	switched(false);
	assert_int_equal(keeper.suspended, 2); /* before its row, and after */
	assert_int_equal(keeper.resumed, 0);
	switched(true);
	assert_int_equal(keeper.suspended, 2);
	assert_int_equal(keeper.resumed, 2);
}

#define IN_WORLD(test) \
	cmocka_unit_test_setup_teardown(test, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(of_two_that_enable_it_one_did),
		IN_WORLD(of_two_that_disable_it_one_did),
		IN_WORLD(the_keeper_is_told_once_more_what_the_row_says),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
