/* SPDX-License-Identifier: Apache-2.0 */
/* How conversations begin, and what is left where they cannot. */
#include "../support/flow_world.h"
#include "../support/store_world.h"

static struct loop *loop;
static struct loop_pool *pool;
static struct flow_engine *engine;
static struct people_actor *ada;
static char token[FLOW_TOKEN_SIZE];
static struct connect_problem problem;

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
	if (!ada ||
	    store_exec(conn, NULL,
		       "INSERT INTO organisations (id, name, created_at) "
		       "VALUES ('o', 'O', 0)",
		       "") ||
	    store_exec(conn, NULL,
		       "INSERT INTO members (id, org, email, name, role, "
		       "created_at) VALUES ('m', 'o', 'a@b.c', 'Ada', "
		       "'admin', 0)",
		       ""))
		return -1;
	return flow_engine_new(&config, &engine);
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

/* A published flow that asks one question. */
static void
publish(const char *flow)
{
	json_t *json = flow_of(
		"{'id':'s','type':'start','paths':{'next':'q'}},{'id':'q',"
		"'type':'question','text':'?','variable':'v','paths':{"
		"'next':'e'}},{'id':'e','type':'end'}");
	char *text = json_dumps(json, 0);

	assert_int_equal(store_exec(conn, NULL,
				    "INSERT INTO flows (id, org, link_name, "
				    "name, owner, draft, published_version, "
				    "created_at, updated_at, updated_by) "
				    "VALUES (?1, 'o', ?1, 'F', 'm', '{}', 1, "
				    "0, 0, 'm')",
				    "s", flow),
			 0);
	assert_int_equal(store_exec(conn, NULL,
				    "INSERT INTO flow_versions (flow, number, "
				    "document, published_by, published_at) "
				    "VALUES (?1, 1, ?2, 'm', 0)",
				    "ss", flow, text),
			 0);
	free(text);
	json_decref(json);
}

static int
start(const char *flow, const json_t *input, struct flow_talk *t)
{
	struct flow_begin b = {
		.org = "", .flow = flow, .actor = ada, .input = input
	};

	return flow_talk_begin(engine, conn, &b, token, t, &problem);
}

/* It is over, says why, and can be read. */
static void
assert_failed(struct flow_talk *t, const char *why)
{
	struct flow_talk again;

	assert_int_equal(t->status, FLOW_S_FAILED);
	assert_non_null(strstr(t->problem, why));
	assert_int_equal(flow_talk_load(conn, t->id, &again), 0);
	assert_int_equal(again.status, FLOW_S_FAILED);
	flow_talk_release(&again);
	flow_talk_release(t);
}

static void
one_that_cannot_be_stored_leaves_nothing_behind(void **state)
{
	static const struct flow_talk nothing;
	struct flow_talk t;

	(void)state;
	publish("f");
	assert_int_equal(start("f", NULL, &t), 0);
	assert_int_equal(t.status, FLOW_S_WAITING);
	assert_int_equal(strncmp(token, "dbc_", 4), 0);
	flow_talk_release(&t);
	assert_int_equal(
		store_exec(conn, NULL, "ALTER TABLE messages RENAME TO x", ""),
		0);
	assert_int_not_equal(start("f", NULL, &t), 0);
	assert_null(t.state);
	assert_memory_equal(&t, &nothing, sizeof(t));
	assert_int_equal(token[0], '\0');
	assert_int_equal(number_of("SELECT count(*) FROM conversations"), 1);
}

static void
one_that_cannot_be_kept_is_over_and_can_be_read(void **state)
{
	json_t *list = json_array(), *input;
	struct flow_talk t;
	int i;

	(void)state;
	publish("f");
	for (i = 0; i < 200000; i++)
		json_array_append_new(list, json_array());
	input = json_pack("{s:o}", "list", list);
	assert_int_equal(start("f", input, &t), 0);
	json_decref(input);
	assert_failed(&t, "too_large: ");
}

/* {"a": [[…]]} with so many levels, itself included. */
static json_t *
nested(unsigned levels)
{
	json_t *value = json_array();

	while (--levels > 1)
		value = json_pack("[o]", value);
	return json_pack("{s:o}", "a", value);
}

static void
the_deepest_one_that_is_taken_can_be_read_again(void **state)
{
	json_t *input = nested(FLOW_GIVEN_DEPTH);
	struct flow_talk t, again;

	(void)state;
	publish("f");
	assert_true(flow_value_is_shallow(input, FLOW_GIVEN_DEPTH));
	assert_int_equal(start("f", input, &t), 0);
	assert_int_equal(t.status, FLOW_S_WAITING);
	assert_int_equal(flow_talk_load(conn, t.id, &again), 0);
	flow_talk_release(&again);
	flow_talk_release(&t);
	json_decref(input);
}

static void
one_that_is_nested_too_deep_is_over_and_can_be_read(void **state)
{
	json_t *input = nested(FLOW_GIVEN_DEPTH + 1);
	struct flow_talk t;

	(void)state;
	publish("f");
	assert_false(flow_value_is_shallow(input, FLOW_GIVEN_DEPTH));
	assert_int_equal(start("f", input, &t), 0);
	json_decref(input);
	assert_failed(&t, "nested too deep");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_that_cannot_be_stored_leaves_nothing_behind, begin,
			end),
		cmocka_unit_test_setup_teardown(
			one_that_cannot_be_kept_is_over_and_can_be_read, begin,
			end),
		cmocka_unit_test_setup_teardown(
			the_deepest_one_that_is_taken_can_be_read_again, begin,
			end),
		cmocka_unit_test_setup_teardown(
			one_that_is_nested_too_deep_is_over_and_can_be_read,
			begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
