/* SPDX-License-Identifier: Apache-2.0 */
/* How conversations go: what is removed when, and that nothing else is. */
#include <stdio.h>

#include "../support/flow_world.h"
#include "../support/store_world.h"

enum { DAY = 24 * 3600 * 1000, NOW_DAYS = 20000 };
static const int64_t now = (int64_t)NOW_DAYS * DAY;

static struct loop *loop;
static struct loop_pool *pool;
static struct flow_engine *engine;

static int
begin(void **state)
{
	struct flow_engine_config config = { 0 };

	if (store_world_begin(state) || loop_new(&loop) ||
	    loop_pool_new(1, &pool))
		return -1;
	if (store_exec(conn, NULL,
		       "INSERT INTO organisations (id, name, created_at) "
		       "VALUES ('o', 'O', 0)",
		       "") ||
	    store_exec(conn, NULL,
		       "INSERT INTO members (id, org, email, name, role, "
		       "created_at) VALUES ('m', 'o', 'a@b.c', 'Ada', "
		       "'admin', 0)",
		       "") ||
	    store_exec(conn, NULL,
		       "INSERT INTO flows (id, org, link_name, name, owner, "
		       "draft, created_at, updated_at, updated_by) VALUES "
		       "('f', 'o', 'f', 'F', 'm', '{}', 0, 0, 'm')",
		       ""))
		return -1;
	config.store = db;
	config.loop = loop;
	config.pool = pool;
	return flow_engine_new(&config, &engine);
}

static int
end(void **state)
{
	flow_engine_stop(engine);
	loop_pool_free(pool);
	flow_engine_free(engine);
	loop_free(loop);
	return store_world_end(state);
}

static void
add(const char *id, const char *status, int64_t days_ago)
{
	assert_int_equal(
		store_exec(conn, NULL,
			   "INSERT INTO conversations (id, org, flow, "
			   "flow_version, started_with, token, subject, state, "
			   "status, created_at, updated_at) VALUES (?1, 'o', "
			   "'f', 1, 'f', CAST(?1 AS BLOB), ?1, '{}', ?2, 0, "
			   "?3)",
			   "ssi", id, status, now - days_ago * DAY),
		0);
	assert_int_equal(store_exec(conn, NULL,
				    "INSERT INTO messages (conversation, seq, "
				    "sender, content, at) VALUES (?1, 1, "
				    "'bot', '{}', 0)",
				    "s", id),
			 0);
}

static void
add_handoff(const char *id, int64_t closed_at)
{
	assert_int_equal(
		store_exec(conn, NULL,
			   "INSERT INTO handoffs (id, org, flow, flow_name, "
			   "conversation, message, email, at, closed_at) "
			   "VALUES (?1, 'o', 'f', 'F', 'c', 'm', 'e', 0, ?2)",
			   "si", id, closed_at),
		0);
}

static void
old_ones_go_with_their_messages(void **state)
{
	(void)state;
	add("old", "ended", 100);
	add("handed", "handed_off", 100);
	add("fresh", "ended", 80);
	add("calling", "calling", 100);
	assert_int_equal(flow_tidy(engine, conn, now, 90LL * DAY, 200LL * DAY),
			 0);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 2);
	assert_int_equal(number_of("SELECT count(*) FROM messages WHERE "
				   "conversation IN ('fresh', 'calling')"),
			 2);
	assert_int_equal(number_of("SELECT count(*) FROM messages"), 2);
	assert_int_equal(flow_tidy(engine, conn, now, 0, 0), 0);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 2);
}

static void
silent_ones_are_over_and_say_so(void **state)
{
	(void)state;
	add("silent", "waiting", 8);
	add("talking", "waiting", 6);
	add("busy", "calling", 8);
	assert_int_equal(flow_tidy(engine, conn, now, 90LL * DAY, 7LL * DAY),
			 0);
	assert_int_equal(
		number_of("SELECT count(*) FROM conversations WHERE status = "
			  "'ended' AND problem = 'The visitor was silent for 7 "
			  "days.'"),
		1);
	assert_int_equal(
		number_of("SELECT count(*) FROM conversations WHERE id "
			  "= 'talking' AND status = 'waiting'"),
		1);
	assert_int_equal(
		number_of("SELECT count(*) FROM conversations WHERE id "
			  "= 'busy' AND status = 'calling'"),
		1);
}

/* Its grants have to be taken back first. */
static void
who_has_grants_stays_behind_empty(void **state)
{
	struct connect_problem p = { 0 };
	struct people_actor *actor;
	struct flow_talk t;

	(void)state;
	add("granted", "waiting", 100);
	assert_int_equal(store_exec(conn, NULL,
				    "UPDATE conversations SET grants = 1, "
				    "awaits = 'c', state = '{\"values\": 1}'",
				    ""),
			 0);
	assert_int_equal(flow_tidy(engine, conn, now, 90LL * DAY, 0), 0);
	assert_int_equal(number_of("SELECT count(*) FROM messages"), 0);
	assert_int_equal(
		number_of(
			"SELECT count(*) FROM conversations WHERE subject = "
			"'granted' AND grants = 1 AND flow = '' AND awaits = '' "
			"AND state = '{}' AND status = 'ended'"),
		1);
	assert_int_equal(flow_talk_load(conn, "granted", &t), ERR_NOT_FOUND);
	/* for who knows of it, it is gone: that is no failure of ours */
	actor = people_actor_new("o", "m", PEOPLE_ADMIN, "Ada");
	assert_int_equal(flow_talk_find(conn, "granted", NULL, actor, &t, &p),
			 ERR_NOT_FOUND);
	assert_int_equal(p.status, 404);
	people_actor_unref(actor);
	assert_int_equal(flow_talk_remove(conn, "granted"), 0);
	assert_int_equal(store_exec(conn, NULL,
				    "UPDATE conversations SET grants = 0", ""),
			 0);
	assert_int_equal(flow_talk_remove(conn, "granted"), 0);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 0);
}

static void
hand_offs_stay_until_somebody_has_closed_them(void **state)
{
	(void)state;
	add_handoff("open", 0);
	add_handoff("closed", now - 80LL * DAY);
	add_handoff("long closed", now - 91LL * DAY);
	assert_int_equal(flow_tidy(engine, conn, now, 90LL * DAY, 0), 0);
	assert_int_equal(number_of("SELECT count(*) FROM handoffs WHERE id IN "
				   "('open', 'closed')"),
			 2);
	assert_int_equal(number_of("SELECT count(*) FROM handoffs"), 2);
}

/* And not by all that ended since: they are looked for each hour. */
static void
silent_ones_are_found_by_their_index(void **state)
{
	struct store_stmt *st;
	char sql[300], plan[200];

	(void)state;
	snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", flow_silent_sql);
	assert_int_equal(store_query(conn, &st, sql, "ii", now, (int64_t)100),
			 0);
	assert_int_equal(store_step(st), 1);
	slice_copy(store_col(st, 3), plan, sizeof(plan));
	store_done(st);
	assert_non_null(strstr(plan, "conversations_silent"));
}

static void
a_run_takes_no_more_than_its_part(void **state)
{
	char id[27];
	int i;

	(void)state;
	assert_int_equal(store_begin(conn), 0);
	for (i = 0; i < 10001; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		add(id, "ended", 100);
	}
	assert_int_equal(store_commit(conn), 0);
	assert_int_equal(flow_tidy(engine, conn, now, 90LL * DAY, 0), 1);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 1);
	assert_int_equal(flow_tidy(engine, conn, now, 90LL * DAY, 0), 0);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_ones_go_with_their_messages,
						begin, end),
		cmocka_unit_test_setup_teardown(silent_ones_are_over_and_say_so,
						begin, end),
		cmocka_unit_test_setup_teardown(
			who_has_grants_stays_behind_empty, begin, end),
		cmocka_unit_test_setup_teardown(
			hand_offs_stay_until_somebody_has_closed_them, begin,
			end),
		cmocka_unit_test_setup_teardown(
			silent_ones_are_found_by_their_index, begin, end),
		cmocka_unit_test_setup_teardown(
			a_run_takes_no_more_than_its_part, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
