/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of filters: bounded as a whole, whatever the results are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../support/template_world.h"

/* The budget is in the usual proportion to the text, and small, since
 * sanitizers make all of it many times as slow. */
enum { LONG = 64 * 1024, RESULT = 2 * LONG, WORK = 32 * LONG };

/* {"input": {"a": a long text}} */
static json_t *
long_text(void)
{
	char *text = malloc(LONG);
	json_t *values;

	memset(text, '7', LONG);
	values = json_pack("{s:{s:o}}", "input", "a",
			   json_stringn_nocheck(text, LONG));
	free(text);
	return values;
}

/* {"input": {"a": a list that is long as text}} */
static json_t *
long_list(void)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < LONG / 6; i++)
		json_array_append_new(list, json_real(0.125));
	return json_pack("{s:{s:o}}", "input", "a", list);
}

/* The variable n times, with these filters. */
static struct template *
many(const char *filters, size_t n)
{
	struct template *t;
	struct buf text;
	int err;

	buf_init(&text, TEMPLATE_TEXT_MAX);
	while (n--)
		buf_printf(&text, "{{input.a|%s}}", filters);
	t = world_compile(buf_cstr(&text), TEMPLATE_IN_TEXT, &err);
	assert_int_equal(err, 0);
	buf_release(&text);
	return t;
}

static int
renders(const struct template *t, const json_t *values)
{
	struct template_budget work = { WORK };
	struct buf out;
	int err;

	buf_init(&out, RESULT);
	err = template_render_within(t, values, TEMPLATE_MISSING_ERROR, &work,
				     &out, &world_problem);
	assert_true(!err || !out.len);
	buf_release(&out);
	return err;
}

#define WORK_SENTENCE "input.a is too large for so many filters."

static void
results_of_a_byte_do_not_hide_what_filters_do(void **state)
{
	static const char *const filters[] = {
		"upper|lower|upper|lower|upper|lower|upper|length",
		"trim|truncate:1|default:\"x\"",
		"replace:\"77\",\"7\"|replace:\"77\",\"7\"|length",
		"base64|truncate:1",
		"text|json|length",
		"truncate:100000|split:\"x\"|join|length",
		"number|default:1",
		"date:\"date\"|default:1",
		"length",
	};
	json_t *values = long_text();
	struct template *t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(filters); i++) {
		t = many(filters[i], 1);
		assert_int_equal(renders(t, values), 0);
		template_free(t);
		t = many(filters[i], 40);
		if (renders(t, values) != ERR_TOO_LARGE)
			fail_msg("%s", filters[i]);
		assert_string_equal(world_problem.text, WORK_SENTENCE);
		template_free(t);
	}
	json_decref(values);
}

static void
who_gives_no_budget_has_the_usual_one(void **state)
{
	json_t *values = long_text();
	struct template *t = many("length", TEMPLATE_WORK_MAX / LONG + 1);
	struct buf out;

	(void)state;
	buf_init(&out, RESULT);
	assert_int_equal(template_render(t, values, TEMPLATE_MISSING_ERROR,
					 &out, &world_problem),
			 ERR_TOO_LARGE);
	assert_string_equal(world_problem.text, WORK_SENTENCE);
	template_free(t);
	t = many("length", TEMPLATE_WORK_MAX / LONG);
	assert_int_equal(template_render(t, values, TEMPLATE_MISSING_ERROR,
					 &out, &world_problem),
			 0);
	template_free(t);
	buf_release(&out);
	json_decref(values);
}

static void
to_write_a_list_as_text_is_work(void **state)
{
	static const char *const filters[] = { "json|length", "text|truncate:1",
					       "join:\"\"|length" };
	json_t *values = long_list();
	struct template *t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(filters); i++) {
		t = many(filters[i], 1);
		assert_int_equal(renders(t, values), 0);
		template_free(t);
		t = many(filters[i], 40);
		if (renders(t, values) != ERR_TOO_LARGE)
			fail_msg("%s", filters[i]);
		template_free(t);
	}
	json_decref(values);
}

static void
what_costs_nothing_is_not_counted(void **state)
{
	json_t *values = long_list();
	struct template *t = many("first", 1000);

	(void)state;
	assert_int_equal(renders(t, values), 0);
	template_free(t);
	t = many("length", 1000);
	assert_int_equal(renders(t, values), 0);
	template_free(t);
	json_decref(values);
}

static void
several_renderings_may_share_one_budget(void **state)
{
	struct template_budget work = { 3 * LONG };
	json_t *values = long_text(), *value;
	struct template *t = many("upper|length", 1), *v;
	struct template_json *tree;
	struct buf out;
	int err;

	(void)state;
	buf_init(&out, RESULT);
	/* Read, written, read. */
	assert_int_equal(template_render_within(t, values,
						TEMPLATE_MISSING_EMPTY, &work,
						&out, &world_problem),
			 0);
	assert_int_equal(work.left, 0);
	assert_int_equal(template_render_within(t, values,
						TEMPLATE_MISSING_EMPTY, &work,
						&out, &world_problem),
			 ERR_TOO_LARGE);
	assert_string_equal(world_problem.text, WORK_SENTENCE);
	assert_string_equal(buf_cstr(&out), "65536"); /* of the first */
	template_free(t);
	buf_release(&out);

	v = world_compile("{{input.a|length}}", TEMPLATE_IN_VALUE, &err);
	work.left = LONG;
	assert_int_equal(template_value_within(v, values,
					       TEMPLATE_MISSING_EMPTY, &work,
					       RESULT, &value, NULL),
			 0);
	json_decref(value);
	assert_int_equal(work.left, 0);
	template_free(v);

	value = json_pack("[s, s]", "{{input.a|length}}", "{{input.a|length}}");
	assert_int_equal(template_json_compile(value, template_usual_scopes,
					       &tree, NULL),
			 0);
	json_decref(value);
	work.left = 2 * LONG - 1;
	assert_int_equal(template_json_render_within(
				 tree, values, TEMPLATE_MISSING_EMPTY, &work,
				 RESULT, &value, &world_problem),
			 ERR_TOO_LARGE);
	assert_string_equal(world_problem.pointer, "/1");
	assert_string_equal(world_problem.text, WORK_SENTENCE);
	assert_int_equal(work.left, 0);
	template_json_free(tree);
	json_decref(values);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_of_a_byte_do_not_hide_what_filters_do),
		cmocka_unit_test(who_gives_no_budget_has_the_usual_one),
		cmocka_unit_test(to_write_a_list_as_text_is_work),
		cmocka_unit_test(what_costs_nothing_is_not_counted),
		cmocka_unit_test(several_renderings_may_share_one_budget),
	};

	return cmocka_run_group_tests_name("template work", tests, NULL, NULL);
}
