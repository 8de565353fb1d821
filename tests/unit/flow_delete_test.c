/* SPDX-License-Identifier: Apache-2.0 */
/* A deleted flow: what it had goes bit by bit, and nobody meets it. */
#include <stdio.h>

#include "../support/flow_world.h"
#include "../support/store_world.h"

enum { TALKS = 350 };

static struct loop *loop;
static struct loop_pool *pool;
static struct flow_engine *engine;
static struct people_actor *ada;
static struct connect_problem problem;

static void
run(const char *sql)
{
	assert_int_equal(store_exec(conn, NULL, sql, ""), 0);
}

static int
begin(void **state)
{
	struct flow_engine_config config = { 0 };

	if (store_world_begin(state) || loop_new(&loop) ||
	    loop_pool_new(1, &pool))
		return -1;
	config.store = db;
	config.loop = loop;
	config.pool = pool;
	ada = people_actor_new("o", "m", PEOPLE_ADMIN, "Ada");
	run("INSERT INTO organisations (id, name, created_at) VALUES ('o', "
	    "'O', 0)");
	run("INSERT INTO members (id, org, email, name, role, created_at) "
	    "VALUES ('m', 'o', 'a@b.c', 'Ada', 'admin', 0)");
	return ada ? flow_engine_new(&config, &engine) : -1;
}

static int
end(void **state)
{
	people_actor_unref(ada);
	flow_engine_stop(engine);
	loop_pool_free(pool);
	flow_engine_free(engine);
	loop_free(loop);
	return store_world_end(state);
}

/* A flow and its conversations, each with a message. */
static void
add_flow(const char *flow)
{
	char id[27];
	int i;

	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(store_exec(conn, NULL,
				    "INSERT INTO flows (id, org, link_name, "
				    "name, owner, draft, published_version, "
				    "created_at, updated_at, updated_by) "
				    "VALUES (?1, 'o', ?1, 'F', 'm', '{}', 1, "
				    "0, 0, 'm')",
				    "s", flow),
			 0);
	for (i = 0; i < TALKS; i++) {
		snprintf(id, sizeof(id), "%s%d", flow, i);
		assert_int_equal(
			store_exec(conn, NULL,
				   "INSERT INTO conversations (id, org, flow, "
				   "flow_version, started_with, token, "
				   "subject, state, status, created_at, "
				   "updated_at) VALUES (?1, 'o', ?2, 1, ?2, "
				   "CAST(?1 AS BLOB), ?1, '{}', 'waiting', 0, "
				   "0)",
				   "ss", id, flow),
			0);
		assert_int_equal(store_exec(conn, NULL,
					    "INSERT INTO messages "
					    "(conversation, seq, sender, "
					    "content, at) VALUES (?1, 1, "
					    "'bot', '{}', 0)",
					    "s", id),
				 0);
	}
	assert_int_equal(store_commit(conn), 0);
}

static void
a_flow_goes_with_its_conversations(void **state)
{
	struct connect_who who = { .actor = ada };

	(void)state;
	add_flow("f");
	add_flow("g");
	assert_int_equal(flow_delete(conn, &who, "f", 0, &problem), 0);
	assert_int_equal(number_of("SELECT count(*) FROM flows"), 1);
	assert_int_equal(number_of("SELECT count(*) FROM conversations WHERE "
				   "flow = 'g'"),
			 TALKS);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"),
			 TALKS);
	assert_int_equal(number_of("SELECT count(*) FROM messages"), TALKS);
	assert_int_equal(number_of("SELECT count(*) FROM flows_deleted"), 0);
}

/* The store fails in the middle, as when the process ends there: what was
 * removed stays so, what was not is met by nobody, and goes later. */
static void
what_could_not_go_is_met_by_nobody_and_goes_later(void **state)
{
	struct connect_who who = { .actor = ada };
	struct flow_talk t;

	(void)state;
	add_flow("f");
	run("CREATE TRIGGER stop BEFORE DELETE ON conversations WHEN (SELECT "
	    "count(*) FROM conversations) <= 100 BEGIN SELECT RAISE(ABORT, "
	    "'stop'); END");
	assert_int_equal(flow_delete(conn, &who, "f", 0, &problem), 0);
	assert_int_equal(number_of("SELECT count(*) FROM flows"), 0);
	assert_int_equal(number_of("SELECT count(*) FROM audit WHERE action = "
				   "'flow.delete'"),
			 1);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 150);
	assert_int_equal(flow_talk_load(conn, "f349", &t), ERR_NOT_FOUND);
	run("DROP TRIGGER stop");
	assert_int_equal(flow_tidy(engine, conn, 1, 0, 0), 0);
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 0);
	assert_int_equal(number_of("SELECT count(*) FROM messages"), 0);
	assert_int_equal(number_of("SELECT count(*) FROM flows_deleted"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_flow_goes_with_its_conversations, begin, end),
		cmocka_unit_test_setup_teardown(
			what_could_not_go_is_met_by_nobody_and_goes_later,
			begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
