/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: how they read as text, when they keep their type, and JSON
 * templates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/template_world.h"

static const char values[] =
	"{\"input\":{\"s\":\"a\\\"b\",\"n\":5,\"r\":19.9,\"w\":1.0,"
	"\"yes\":true,\"no\":false,\"nil\":null,\"o\":{\"k\":[1,0.1,\"\xc3\xa9\"]},"
	"\"l\":[],\"e\":\"\"}}";

static void
values_read_as_json_writes_them(void **state)
{
	static const char *const rows[][2] = {
		{ "@input.s", "a\"b" },
		{ "@input.n", "5" },
		{ "@input.r", "19.9" },
		{ "@input.w", "1.0" },
		{ "@input.yes @input.no", "true false" },
		{ "<@input.nil>", "<>" },
		{ "@input.o", "{\"k\":[1,0.1,\"\xc3\xa9\"]}" },
		{ "@input.l", "[]" },
		{ "<@input.e>", "<>" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(
			world_expand(rows[i][0], TEMPLATE_IN_TEXT, values),
			rows[i][1]);
}

static void
a_variable_alone_keeps_its_type(void **state)
{
	static const char *const rows[][2] = {
		{ "@input.s", "\"a\\\"b\"" },
		{ "@{input.n}", "5" },
		{ "{{input.r}}", "19.9" },
		{ "@input.w", "1.0" },
		{ "@input.yes", "true" },
		{ "@input.no", "false" },
		{ "@input.nil", "null" },
		{ "@input.o", "{\"k\":[1,0.1,\"\xc3\xa9\"]}" },
		{ "@input.o.k[0]", "1" },
		{ "@input.l", "[]" },
		{ "@input.none", "null" },
		{ "{{input.none | default: 7}}", "7" },
		{ "{{input.n | text}}", "\"5\"" },
		/* With anything beside it, it is text. */
		{ " @input.n", "\" 5\"" },
		{ "@input.n@@", "\"5@\"" },
		{ "{{input.n}}{{input.n}}", "\"55\"" },
		{ "<@input.none>", "\"<>\"" },
		{ "@input.s!", "\"a\\\"b!\"" },
		{ "plain", "\"plain\"" },
		{ "", "\"\"" },
		{ "@@input.n", "\"@input.n\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(world_value(rows[i][0], values),
				    rows[i][1]);
}

/* ---- JSON templates ---- */

static const char *const scopes[] = { "input", NULL };

/* The tree rendered and written as JSON, or an error's sentence. */
static const char *
tree_is(const char *text, enum template_missing missing, size_t max)
{
	static char result[4096];
	json_t *tree = world_json(text), *with = world_json(values), *out;
	struct template_json *t;
	struct buf written;
	int err;

	memset(&world_problem, 0, sizeof(world_problem));
	err = template_json_compile(tree, scopes, &t, &world_problem);
	/* A copy is kept. */
	json_decref(tree);
	if (!err)
		err = template_json_render(t, with, missing, max, &out,
					   &world_problem);
	if (err) {
		snprintf(result, sizeof(result), "<%s>", err_text(err));
	} else {
		buf_init(&written, sizeof(result) - 1);
		assert_int_equal(json_write(out, &written), 0);
		assert_true(written.len <= max);
		memcpy(result, buf_cstr(&written), written.len + 1);
		buf_release(&written);
		json_decref(out);
	}
	template_json_free(t);
	json_decref(with);
	return result;
}

static void
the_strings_of_a_tree_are_templates(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"a\":\"@input.n\",\"b\":\"n: @input.n\",\"c\":5,"
		  "\"d\":[true,null,\"{{input.o}}\",\"x\"]}",
		  "{\"a\":5,\"b\":\"n: 5\",\"c\":5,"
		  "\"d\":[true,null,{\"k\":[1,0.1,\"\xc3\xa9\"]},\"x\"]}" },
		{ "\"@input.yes\"", "true" },
		{ "[\"@input.none\"]", "[null]" },
		{ "[\"a@@b\",\"{{{{\",\"ada@example.com\"]",
		  "[\"a@b\",\"{{\",\"ada@example.com\"]" },
		{ "{}", "{}" },
		{ "7", "7" },
		{ "{\"price\":19.9}", "{\"price\":19.9}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(
			tree_is(rows[i][0], TEMPLATE_MISSING_EMPTY, 1000),
			rows[i][1]);
}

static void
names_of_members_are_literal(void **state)
{
	(void)state;
	assert_string_equal(
		tree_is("{\"@input.s\":1,\"{{input.s}}\":2,\"@@\":3,\"{{\":4}",
			TEMPLATE_MISSING_ERROR, 1000),
		"{\"@input.s\":1,\"{{input.s}}\":2,\"@@\":3,\"{{\":4}");
	assert_string_equal(tree_is("{\"@type\":\"@id\",\"@id\":\"@input.s\"}",
				    TEMPLATE_MISSING_ERROR, 1000),
			    "{\"@type\":\"@id\",\"@id\":\"a\\\"b\"}");
}

static void
a_problem_in_a_tree_has_a_pointer(void **state)
{
	(void)state;
	assert_string_equal(tree_is("{\"a\":[1,{\"b/c\":\"x {{\"}]}",
				    TEMPLATE_MISSING_EMPTY, 1000),
			    "<a value is not of its form>");
	assert_string_equal(world_problem.pointer, "/a/1/b~1c");
	assert_int_equal(world_problem.at, 2);
	assert_string_equal(tree_is("{\"a\":\"@input.n\",\"b\":"
				    "[\"@input.none\"]}",
				    TEMPLATE_MISSING_ERROR, 1000),
			    "<no such thing>");
	assert_string_equal(world_problem.pointer, "/b/0");
	assert_string_equal(world_problem.name, "input.none");
	assert_string_equal(world_problem.text, "input.none has no value.");
}

static void
a_tree_is_bounded_in_size(void **state)
{
	static const char text[] = "{\"a\":\"@input.s@input.s\"}";

	(void)state;
	/* "@input.s" again behind a word is text. */
	assert_string_equal(tree_is(text, TEMPLATE_MISSING_EMPTY, 20),
			    "{\"a\":\"a\\\"b@input.s\"}");
	assert_string_equal(tree_is(text, TEMPLATE_MISSING_EMPTY, 19),
			    "<larger than its limit>");
	assert_string_equal(world_problem.text,
			    "The result would be larger than 19 bytes.");
	assert_string_equal(
		tree_is("[\"@input.o\"]", TEMPLATE_MISSING_EMPTY, 10),
		"<larger than its limit>");
	assert_string_equal(world_problem.pointer, "/0");
	/* All together, and told where it became too much. */
	assert_string_equal(tree_is("[\"@input.o\",\"@input.o\",\"x\"]",
				    TEMPLATE_MISSING_EMPTY, 30),
			    "<larger than its limit>");
	assert_string_equal(world_problem.pointer, "/1");
}

/* n lists in each other around a text. */
static char *
nested(int n, const char *inside)
{
	struct buf b;
	int i;

	buf_init(&b, 1000);
	for (i = 0; i < n; i++)
		buf_putc(&b, '[');
	buf_puts(&b, inside);
	for (i = 0; i < n; i++)
		buf_putc(&b, ']');
	return buf_detach(&b);
}

static void
a_tree_is_bounded_in_depth(void **state)
{
	char *text = nested(32, "\"@input.n\"");
	json_t *tree;
	struct template_json *t;

	(void)state;
	assert_int_equal(tree_is(text, TEMPLATE_MISSING_EMPTY, 1000)[32], '5');
	free(text);
	/* input.o has two levels more. */
	text = nested(30, "\"@input.o\"");
	assert_int_equal(tree_is(text, TEMPLATE_MISSING_EMPTY, 1000)[30], '{');
	free(text);
	text = nested(31, "\"@input.o\"");
	assert_string_equal(tree_is(text, TEMPLATE_MISSING_EMPTY, 1000),
			    "<larger than its limit>");
	assert_string_equal(
		world_problem.text,
		"The result would be nested deeper than 32 levels.");
	free(text);
	text = nested(32, "1");
	tree = json_array();
	json_array_append_new(tree, world_json(text));
	assert_int_equal(
		template_json_compile(tree, scopes, &t, &world_problem),
		ERR_TOO_LARGE);
	assert_null(t);
	assert_string_equal(world_problem.text,
			    "A JSON template has at most 32 levels.");
	json_decref(tree);
	free(text);
}

static void
a_tree_has_a_bounded_number_of_templates(void **state)
{
	json_t *tree = json_array();
	struct template_json *t;
	int i;

	(void)state;
	for (i = 0; i < TEMPLATE_JSON_TEXTS_MAX; i++)
		json_array_append_new(tree, json_string("{{input.n}}"));
	for (i = 0; i < TEMPLATE_JSON_TEXTS_MAX; i++)
		json_array_append_new(tree, json_string("plain"));
	assert_int_equal(
		template_json_compile(tree, scopes, &t, &world_problem), 0);
	template_json_free(t);
	json_array_append_new(tree, json_string("{{input.n}}"));
	assert_int_equal(
		template_json_compile(tree, scopes, &t, &world_problem),
		ERR_TOO_LARGE);
	assert_string_equal(world_problem.pointer, "/4000");
	json_decref(tree);
	tree = json_array();
	for (i = 0; i < 5; i++) {
		char *text = malloc(60001);

		memset(text, '@', 60000);
		text[60000] = 0;
		json_array_append_new(tree, json_string(text));
		free(text);
	}
	assert_int_equal(
		template_json_compile(tree, scopes, &t, &world_problem),
		ERR_TOO_LARGE);
	json_decref(tree);
}

static void
changing_a_result_changes_no_template(void **state)
{
	json_t *tree = world_json("{\"a\":5,\"b\":\"x\",\"c\":[1]}"), *out;
	struct template_json *t;

	(void)state;
	assert_int_equal(template_json_compile(tree, scopes, &t, NULL), 0);
	assert_int_equal(template_json_render(t, NULL, TEMPLATE_MISSING_ERROR,
					      1000, &out, NULL),
			 0);
	json_integer_set(json_object_get(out, "a"), 6);
	json_string_set(json_object_get(out, "b"), "y");
	json_array_clear(json_object_get(out, "c"));
	json_decref(out);
	assert_int_equal(template_json_render(t, NULL, TEMPLATE_MISSING_ERROR,
					      1000, &out, NULL),
			 0);
	assert_true(json_equal(tree, out));
	json_decref(out);
	json_decref(tree);
	template_json_free(t);
}

static void
what_is_not_utf8_is_refused_within_lists_too(void **state)
{
	json_t *with = json_object(), *list = json_array(), *out;
	struct template *t;
	int err;

	(void)state;
	json_array_append_new(list, json_stringn_nocheck("\xff", 1));
	json_object_set_new(with, "x", list);
	assert_string_equal(world_render("{{x}}", TEMPLATE_IN_TEXT, with,
					 TEMPLATE_MISSING_ERROR),
			    "<invalid>");
	assert_string_equal(world_problem.text,
			    "x is not UTF-8, or nested too deeply.");
	assert_string_equal(world_render("{{x|join}}", TEMPLATE_IN_TEXT, with,
					 TEMPLATE_MISSING_ERROR),
			    "<invalid>");
	assert_string_equal(world_render("{{x|first|upper}}", TEMPLATE_IN_TEXT,
					 with, TEMPLATE_MISSING_ERROR),
			    "<invalid>");
	t = world_compile("{{x}}", TEMPLATE_IN_VALUE, &err);
	assert_int_equal(template_value(t, with, TEMPLATE_MISSING_ERROR, 1000,
					&out, &world_problem),
			 ERR_INVALID);
	assert_null(out);
	template_free(t);
	json_decref(with);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_read_as_json_writes_them),
		cmocka_unit_test(a_variable_alone_keeps_its_type),
		cmocka_unit_test(the_strings_of_a_tree_are_templates),
		cmocka_unit_test(names_of_members_are_literal),
		cmocka_unit_test(a_problem_in_a_tree_has_a_pointer),
		cmocka_unit_test(a_tree_is_bounded_in_size),
		cmocka_unit_test(a_tree_is_bounded_in_depth),
		cmocka_unit_test(a_tree_has_a_bounded_number_of_templates),
		cmocka_unit_test(changing_a_result_changes_no_template),
		cmocka_unit_test(what_is_not_utf8_is_refused_within_lists_too),
	};

	return cmocka_run_group_tests_name("template values", tests, NULL,
					   NULL);
}
