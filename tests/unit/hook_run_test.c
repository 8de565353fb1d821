/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run while a work thread builds its request: its time goes on, and it can
 * be called off.
 */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/hook_world.h"

static struct loop *loop;
static struct loop_pool *pool;
static struct hook_document *document;
static struct people_actor *actor;
static json_t *values;

static int
world_begin(void **state)
{
	(void)state;
	document = hook_world_document(
		"{\"request\":{\"method\":\"GET\",\"url\":"
		"\"https://h.example/{{input.a}}\",\"timeout_ms\":1000}}");
	values = hook_world_json("{\"input\":{\"a\":\"x\"}}");
	actor = people_actor_new("org", "member", PEOPLE_BUILDER, "Ann");
	return !actor || loop_new(&loop) || loop_pool_new(1, &pool);
}

static int
world_end(void **state)
{
	(void)state;
	loop_pool_free(pool);
	loop_free(loop);
	people_actor_unref(actor);
	json_decref(values);
	hook_document_unref(document);
	return 0;
}

/* ---- a pool whose one thread is busy ---- */

static sem_t way;
static struct loop_work busy, last;
static struct loop_timer opener;

static void
busy_work(struct loop_work *w)
{
	(void)w;
	while (sem_wait(&way))
		;
}

static void
busy_begin(void)
{
	assert_int_equal(sem_init(&way, 0, 0), 0);
	busy.work = busy_work;
	loop_work_start(pool, &busy);
}

static void
way_open(struct loop_timer *t)
{
	(void)t;
	sem_post(&way);
}

static void
last_work(struct loop_work *w)
{
	(void)w;
}

static void
last_done(struct loop_work *w)
{
	(void)w;
	loop_stop(loop);
}

/* Runs until all that is queued now is done. */
static void
run_all(void)
{
	last.work = last_work;
	last.done = last_done;
	last.loop = loop;
	loop_work_start(pool, &last);
	loop_run(loop);
}

/* ---- runs ---- */

static struct hook_result *given;
static unsigned done;

static void
run_done(void *arg, struct hook_result *result)
{
	assert_ptr_equal(arg, &given);
	given = result;
	done++;
}

static struct hook_run *
run_begin(void)
{
	struct hook_run_config c = {
		.document = document,
		.loop = loop,
		.pool = pool,
		.actor = actor,
		.values = values,
		.done = run_done,
		.arg = &given,
	};
	struct hook_run *r;

	done = 0;
	given = NULL;
	assert_int_equal(hook_run_start(&c, &r), 0);
	return r;
}

static void
the_time_of_a_run_begins_before_it_is_built(void **state)
{
	(void)state;
	busy_begin();
	run_begin();
	loop_timer_start(loop, &opener, 1100, way_open);
	run_all();
	assert_int_equal(done, 1);
	assert_string_equal(given->path, "no_answer");
	assert_string_equal(given->problem.code, "upstream_timeout");
	assert_true(given->problem.detail[0]);
	assert_false(given->problem.outcome_unknown);
	assert_int_equal(given->attempts, 0);
	hook_result_free(given);
}

static void
a_run_can_be_called_off_before_it_is_built(void **state)
{
	(void)state;
	busy_begin();
	hook_run_cancel(run_begin());
	sem_post(&way);
	run_all();
	assert_int_equal(done, 0);
}

static void
building_stops_between_two_templates(void **state)
{
	struct arena *arena = arena_new(1 << 20);
	_Atomic bool stop = false;
	struct hook_built b;

	(void)state;
	assert_int_equal(hook_build(document, values, arena, &stop, &b), 0);
	hook_built_release(&b);
	stop = true;
	assert_int_equal(hook_build(document, values, arena, &stop, &b),
			 ERR_CANCELLED);
	hook_built_release(&b);
	arena_free(arena);
}

/* ---- what building may take ---- */

/* A form whose fields are one letter each, and work in between. */
static struct hook_document *
laborious(const char *type, size_t fields)
{
	struct hook_document *d;
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_printf(&text,
		   "{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"%s\","
		   "\"content\":[",
		   type);
	while (fields--)
		buf_printf(&text,
			   "{\"name\":\"n\",\"value\":"
			   "\"{{input.a|upper|lower|upper|length}}\"}%s",
			   fields ? "," : "");
	buf_puts(&text, "]}}}");
	d = hook_world_document(buf_cstr(&text));
	buf_release(&text);
	return d;
}

static void
all_templates_of_a_request_share_one_budget(void **state)
{
	static const char *const types[] = { "form", "multipart", "json" };
	json_t *with;
	struct hook_document *d;
	struct buf text;
	size_t i;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_puts(&text, "{\"input\":{\"a\":\"");
	while (text.len < 900 * 1000)
		buf_puts(&text, "Abcdefghi ");
	buf_puts(&text, "\"}}");
	with = hook_world_json(buf_cstr(&text));
	buf_release(&text);
	for (i = 0; i < ARRAY_LEN(types); i++) {
		d = laborious(types[i], 4);
		assert_int_equal(hook_world_build(d, with), 0);
		hook_document_unref(d);
		d = laborious(types[i], 6);
		if (hook_world_build(d, with) != ERR_INVALID)
			fail_msg("%s", types[i]);
		assert_non_null(strstr(hook_world_built.why, "so many "
							     "filters"));
		hook_document_unref(d);
	}
	hook_world_end();
	json_decref(with);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_time_of_a_run_begins_before_it_is_built,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			a_run_can_be_called_off_before_it_is_built, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			building_stops_between_two_templates, world_begin,
			world_end),
		cmocka_unit_test(all_templates_of_a_request_share_one_budget),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
