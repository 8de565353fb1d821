/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of answers: how much one may take as values, and all together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/hook_world.h"

enum { MIB = 1024 * 1024, RUNS = HOOK_HOLD_MAX / (8 * MIB) };

/* ---- one answer ---- */

/* A list of `size` bytes that says this over and over, read: the error. */
static int
read_many(const char *item, size_t size)
{
	struct buf text;
	json_t *v = NULL;
	int rc;

	buf_init(&text, size + 100);
	buf_putc(&text, '[');
	while (text.len < size)
		buf_printf(&text, "%s,", item);
	text.data[text.len - 1] = ']';
	rc = hook_json_read(buf_slice(&text), &v);
	assert_true(!rc == (v != NULL));
	json_decref(v);
	buf_release(&text);
	return rc;
}

static void
values_that_take_too_much_are_no_json(void **state)
{
	(void)state;
	assert_int_equal(read_many("{}", MIB), ERR_TOO_LARGE);
	assert_int_equal(read_many("{\"a\":{}}", 4 * MIB), ERR_TOO_LARGE);
	assert_int_equal(read_many("[[],[]]", 4 * MIB), ERR_TOO_LARGE);
	assert_int_equal(read_many("1", 16 * MIB), ERR_TOO_LARGE);
	assert_int_equal(read_many("\"\"", 16 * MIB), ERR_TOO_LARGE);
}

static void
what_services_answer_is_json_up_to_the_limit(void **state)
{
	static const char row[] =
		"{\"id\":\"1892000000042034\",\"ticketNumber\":\"101\","
		"\"subject\":\"A printer that prints nothing\",\"open\":true,"
		"\"created\":\"2026-01-31T10:00:00.000Z\",\"hours\":1.5,"
		"\"contact\":{\"id\":\"1892000000042032\",\"name\":\"Ann\"}}";

	(void)state;
	assert_int_equal(read_many(row, HOOK_BYTES_MAX - 1000), 0);
	assert_int_equal(read_many("{\"id\":1}", MIB), 0);
	assert_int_equal(read_many("12345678", 8 * MIB), 0);
}

/* ---- paths ---- */

/* The paths of the values, and the bytes of all of them. */
static json_t *
paths_of(json_t *body, size_t *bytes)
{
	struct hook_result *r = hook_result_new();
	json_t *list;
	size_t i;

	r->body = body;
	r->body_is_json = true;
	assert_int_equal(hook_result_paths(r, 500, &list), 0);
	for (i = *bytes = 0; i < json_array_size(list); i++)
		*bytes += json_string_length(
			json_object_get(json_array_get(list, i), "path"));
	hook_result_free(r);
	return list;
}

/* {name: [1, 1, …], "near": 2} */
static json_t *
under_name(size_t length, size_t count)
{
	char *name = malloc(length + 1);
	json_t *o = json_object(), *list = json_array();

	memset(name, 'x', length);
	name[length] = '\0';
	while (count--)
		json_array_append_new(list, json_integer(1));
	json_object_set_new(o, name, list);
	json_object_set_new(o, "near", json_integer(2));
	free(name);
	return o;
}

static void
a_path_is_told_where_it_can_be_mapped(void **state)
{
	char longest[HOOK_SOURCE_MAX + 1];
	json_t *list, *inner;
	size_t bytes;

	(void)state;
	/* $['…'][499] has 10 bytes around the name */
	list = paths_of(under_name(HOOK_SOURCE_MAX - 10, 500), &bytes);
	assert_int_equal(json_array_size(list), 500);
	assert_int_equal(json_string_length(json_object_get(
				 json_array_get(list, 499), "path")),
			 HOOK_SOURCE_MAX);
	json_decref(list);
	list = paths_of(under_name(HOOK_SOURCE_MAX - 9, 500), &bytes);
	/* those below [100], and the one beside */
	assert_int_equal(json_array_size(list), 101);
	json_decref(list);
	list = paths_of(under_name(4 * MIB, 500), &bytes);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(bytes, strlen("$['near']"));
	json_decref(list);
	/* a name that grows when it is written */
	memset(longest, '\'', HOOK_SOURCE_MAX);
	longest[HOOK_SOURCE_MAX / 2] = '\0';
	inner = json_object();
	json_object_set_new(inner, longest, json_integer(1));
	list = paths_of(inner, &bytes);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

/* ---- all together ---- */

static void
all_runs_share_what_there_is(void **state)
{
	struct hook_result *runs[RUNS + 1];
	size_t i;

	(void)state;
	for (i = 0; i < RUNS; i++) {
		runs[i] = hook_result_new();
		assert_true(hook_hold(runs[i], 8 * MIB + HOOK_HOLD_FREE));
	}
	runs[RUNS] = hook_result_new();
	/* A small one has its place. */
	assert_true(hook_hold(runs[RUNS], HOOK_HOLD_FREE));
	assert_null(runs[RUNS]->problem.code);
	assert_false(hook_hold(runs[RUNS], HOOK_HOLD_FREE + 1));
	assert_string_equal(runs[RUNS]->problem.code, "overloaded");
	assert_true(runs[RUNS]->problem.detail[0]);
	/* It was not taken. */
	assert_true(hook_hold(runs[0], 8 * MIB - 1 + HOOK_HOLD_FREE));
	assert_true(hook_hold(runs[RUNS], HOOK_HOLD_FREE + 1));
	assert_false(hook_hold(runs[RUNS], HOOK_HOLD_FREE + 2));
	/* Each gives back what it has, and no more. */
	for (i = 0; i < RUNS; i++)
		hook_result_free(runs[i]);
	assert_true(hook_hold(runs[RUNS], HOOK_HOLD_MAX + HOOK_HOLD_FREE));
	assert_false(hook_hold(runs[RUNS], HOOK_HOLD_MAX + HOOK_HOLD_FREE + 1));
	hook_result_slim(runs[RUNS]);
	hook_result_free(runs[RUNS]);
	runs[0] = hook_result_new();
	assert_true(hook_hold(runs[0], HOOK_HOLD_MAX + HOOK_HOLD_FREE));
	assert_true(hook_hold(runs[0], 0));
	hook_result_free(runs[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_take_too_much_are_no_json),
		cmocka_unit_test(what_services_answer_is_json_up_to_the_limit),
		cmocka_unit_test(a_path_is_told_where_it_can_be_mapped),
		cmocka_unit_test(all_runs_share_what_there_is),
	};

	return cmocka_run_group_tests_name("answers' memory", tests, NULL,
					   NULL);
}
