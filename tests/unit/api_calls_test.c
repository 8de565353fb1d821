/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of calls: whoever asks reads his own, and not everybody's to find
 * that he has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/api_priv.h"
#include "../support/store_world.h"

/* How the engine goes about the list. */
static const char *
plan_of(const char *member, const char *connection)
{
	static char text[512];
	char sql[2048];
	struct store_stmt *st;

	snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s",
		 api_calls_sql(member, connection));
	assert_int_equal(store_query(conn, &st, sql, "sssisi", "org", "",
				     member, (int64_t)1, connection,
				     (int64_t)51),
			 0);
	assert_int_equal(store_step(st), 1);
	slice_copy(store_col(st, 3), text, sizeof(text));
	store_done(st);
	return text;
}

static void
a_members_calls_are_found_by_their_index(void **state)
{
	(void)state;
	assert_non_null(strstr(plan_of("ann", ""), "calls_member"));
}

static void
a_connections_calls_are_found_by_theirs(void **state)
{
	(void)state;
	assert_non_null(strstr(plan_of("", "desk"), "calls_connection"));
	assert_non_null(strstr(plan_of("ann", "desk"), "calls_connection"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_members_calls_are_found_by_their_index,
			store_world_begin, store_world_end),
		cmocka_unit_test_setup_teardown(
			a_connections_calls_are_found_by_theirs,
			store_world_begin, store_world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
