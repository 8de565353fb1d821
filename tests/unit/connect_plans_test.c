/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper looks for among all grants, again and again: it has one
 * thread, and a row has several KB, so that each goes by an index.
 */
#include "../support/keeper_world.h"

/* As SQLite would go, each step with a bar behind it. */
static const char *
plan_of(const char *query)
{
	/* statements are kept by their address */
	static char plan[800], texts[3 + KEEPER_COUNTED][1024];
	static size_t count;
	struct store_stmt *st;
	char step[400], *sql = texts[count++];
	size_t len = 0;

	assert_true(count <= ARRAY_LEN(texts));
	plan[0] = 0;
	snprintf(sql, sizeof(texts[0]), "EXPLAIN QUERY PLAN %s", query);
	assert_int_equal(store_query(w.k[0].db, &st, sql, ""), 0);
	while (store_step(st) == 1) {
		slice_copy(store_col(st, 3), step, sizeof(step));
		snprintf(plan + len, sizeof(plan) - len, "%s|", step);
		len = strlen(plan);
	}
	store_done(st);
	return plan;
}

static void
those_that_were_left_are_found_by_their_index(void **state)
{
	(void)state;
	assert_string_equal(plan_of(keeper_row_left_sql),
			    "SEARCH grants USING INDEX grants_left "
			    "((connection,subject)>(?,?))|");
}

/* Each of a hundred thousand users' is found without the ones before it. */
static void
next_to_be_sealed_anew_is_found_by_its_index(void **state)
{
	(void)state;
	assert_string_equal(plan_of(keeper_reseal_grants_sql[0]),
			    "SEARCH grants USING INDEX "
			    "sqlite_autoindex_grants_1 (connection=? AND "
			    "subject>?)|");
	assert_string_equal(plan_of(keeper_reseal_grants_sql[1]),
			    "SEARCH grants USING INDEX "
			    "sqlite_autoindex_grants_1 (connection=? AND "
			    "subject>?)|");
}

static void
counting_looks_into_no_row(void **state)
{
	const char *plan, *at, *next;
	size_t i;

	(void)state;
	for (i = 0; i < KEEPER_COUNTED; i++) {
		plan = plan_of(keeper_counts_sql[i]);
		for (at = plan; (at = strstr(at, " grants")); at = next) {
			next = strchr(at, '|');
			if (strncmp(at, " grants USING COVERING INDEX ", 29))
				fail_msg("%s: %s", keeper_counts_sql[i], plan);
		}
	}
}

/* Another user's grant of the connection, in this state. */
static void
add_user(const char *subject, const char *status, int intent, int in_doubt)
{
	static int change = 100;

	assert_int_equal(
		store_exec(
			w.k[0].db, NULL,
			"INSERT INTO grants (connection, subject, org, "
			"generation, sealed, status, obtained_at, intent, "
			"in_doubt, change) VALUES ('c', ?1, 'org', 1, x'00', "
			"?2, 1, ?3, ?4, ?5)",
			"ssiii", subject, status, (int64_t)intent,
			(int64_t)in_doubt, (int64_t)++change),
		0);
}

static void
they_are_counted(void **state)
{
	struct connect_counts n;

	(void)state;
	add_user("v_one", "connected", 1, 2);
	add_user("v_two", "connected", 0, 1);
	add_user("v_three", "needs_reconnect", 0, 2);
	add_user("v_four", "revoked", 0, 0);
	add_user("", "needs_reconnect", 0, 0);
	n = counts(0);
	assert_int_equal(n.grants, 6); /* with the world's own */
	assert_int_equal(n.usable, 3);
	assert_int_equal(n.user_grants, 4);
	assert_int_equal(n.user_needs_reconnect, 1);
	assert_int_equal(n.refreshing, 1);
	assert_int_equal(n.in_doubt, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(those_that_were_left_are_found_by_their_index),
		CASE(next_to_be_sealed_anew_is_found_by_its_index),
		CASE(counting_looks_into_no_row),
		CASE(they_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
