/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, picking and writing JSON: what is taken, and how a refusal is
 * told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "json/json.h"

/* ---- reading ---- */

static json_t *
read_good(const char *text)
{
	struct json_problem p = { 0 };
	json_t *tree;

	if (json_read(slice_str(text), 1 << 20, &tree, &p))
		fail_msg("%s was refused: %s", text, p.detail);
	assert_false(p.set);
	return tree;
}

static void
one_value_of_any_kind_is_read(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"\"\"",
		"0",
		"-1.5e3",
		"true",
		"null",
		" [1]\n",
		"{\"a\":{\"b\":[1,{\"c\":null}]}}",
		"\"\\ud83d\\ude00\"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++)
		json_decref(read_good(good[i]));
}

static void
everything_else_is_refused_with_its_place(void **state)
{
	static const struct slice bad[] = {
		SLICE_NONE,
		SLICE(" "),
		SLICE("{} {}"),
		SLICE("{\"a\":1,}"),
		SLICE("[1,]"),
		SLICE("{a:1}"),
		SLICE("{'a':1}"),
		SLICE("[01]"),
		SLICE("[+1]"),
		SLICE("[.5]"),
		SLICE("[NaN]"),
		SLICE("[1e999]"),
		SLICE("[1] // comment"),
		SLICE("\"a\nb\""),
		SLICE("\"\\x41\""),
		SLICE("\"\\ud800\""),
		SLICE("\"\\u0000\""),
		SLICE("\"\xff\""),
		SLICE("\"\xc0\xaf\""),
		SLICE("\xef\xbb\xbf{}"), /* a byte order mark */
		SLICE("{}\0"),
		SLICE("{\"a\":1,\"a\":1}"),
		SLICE("{\"a\":1,\"\\u0061\":1}"),
	};
	struct json_problem p;
	json_t *tree;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		p.set = false;
		if (json_read(bad[i], 1 << 20, &tree, &p) != ERR_INVALID)
			fail_msg("%.*s was taken", SLICE_ARG(bad[i]));
		assert_null(tree);
		assert_true(p.set);
		assert_string_equal(p.pointer, "");
		assert_non_null(strstr(p.detail, "line "));
	}
	p.set = false;
	json_read(SLICE("{\n \"a\": x}"), 100, &tree, &p);
	assert_non_null(strstr(p.detail, "line 2, column 7"));
	/* Without anybody who wants to know: */
	assert_int_equal(json_read(SLICE("x"), 100, &tree, NULL), ERR_INVALID);
}

static void
size_and_depth_are_bounded(void **state)
{
	struct json_problem p = { 0 };
	char text[80];
	json_t *tree;
	int depth;

	(void)state;
	assert_int_equal(json_read(SLICE("[1,2]"), 5, &tree, &p), 0);
	json_decref(tree);
	assert_int_equal(json_read(SLICE("[1,2]"), 4, &tree, &p),
			 ERR_TOO_LARGE);
	assert_null(tree);
	assert_string_equal(p.detail, "larger than 4 bytes");
	for (depth = 32; depth <= 33; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = 0;
		p.set = false;
		assert_int_equal(json_read(slice_str(text), 100, &tree, &p),
				 depth == 32 ? 0 : ERR_INVALID);
		json_decref(tree);
	}
	assert_string_equal(p.detail, "nested deeper than 32 levels");
	/* Brackets in strings are no levels, nor those behind a quote. */
	memset(text, '[', 60);
	memcpy(text, "[\"\\\"", 4);
	strcpy(text + 60, "\"]");
	json_decref(read_good(text));
}

static void
what_was_read_is_written_compactly_and_in_order(void **state)
{
	json_t *tree = read_good(" { \"z\" : [ 1 , \"\\u00f6\\n\" ],"
				 " \"a\" : null, \"m\": -0.5 } ");
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(json_write(tree, &out), 0);
	assert_string_equal(
		buf_cstr(&out),
		"{\"z\":[1,\"\xc3\xb6\\n\"],\"a\":null,\"m\":-0.5}");
	buf_release(&out);
	buf_init(&out, 10);
	assert_int_equal(json_write(tree, &out), ERR_TOO_LARGE);
	buf_release(&out);
	json_decref(tree);
}

static void
reals_are_written_with_the_fewest_digits(void **state)
{
	static const struct {
		double real;
		const char *text;
	} rows[] = {
		{ 0.1, "0.1" },
		{ 19.9, "19.9" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1.0, "1.0" },
		{ -20.0, "-20.0" },
		{ 0.0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1234.5, "1234.5" },
		{ 100.25, "100.25" },
		{ 1e15, "1000000000000000.0" },
		{ 123456789012345680.0, "123456789012345680.0" },
		{ 1e20, "100000000000000000000.0" },
		{ 1e21, "1e21" },
		{ 1.25e300, "1.25e300" },
		{ 0.000001, "0.000001" },
		{ 0.00000125, "0.00000125" },
		{ 1e-7, "1e-7" },
		{ -2.5e-9, "-2.5e-9" },
		{ 1.7976931348623157e308, "1.7976931348623157e308" },
		{ 5e-324, "5e-324" },
	};
	json_t *value, *again;
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, 100);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		value = json_real(rows[i].real);
		buf_reset(&out);
		assert_int_equal(json_write(value, &out), 0);
		assert_string_equal(buf_cstr(&out), rows[i].text);
		again = read_good(buf_cstr(&out));
		assert_true(json_is_real(again));
		assert_true(json_real_value(again) == rows[i].real);
		json_decref(again);
		json_decref(value);
	}
	buf_release(&out);
}

static void
any_real_reads_back_as_itself(void **state)
{
	json_t *value, *again;
	struct buf out;
	uint64_t bits;
	double real;
	int i;

	(void)state;
	buf_init(&out, 100);
	for (i = 0; i < 20000; i++) {
		bits = table_hash(slice_of(&i, sizeof(i)));
		memcpy(&real, &bits, sizeof(real));
		value = json_real(real);
		if (!value)
			continue; /* no number */
		buf_reset(&out);
		assert_int_equal(json_write(value, &out), 0);
		again = read_good(buf_cstr(&out));
		assert_true(json_real_value(again) == real);
		json_decref(again);
		json_decref(value);
	}
	buf_release(&out);
}

static void
what_is_no_text_or_too_deep_is_not_written(void **state)
{
	json_t *value = json_stringn_nocheck("a\xff", 2), *list;
	struct buf out;
	int depth;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(json_write(value, &out), ERR_INVALID);
	json_decref(value);
	value = json_integer(1);
	for (depth = 1; depth <= 65; depth++) {
		list = json_array();
		json_array_append_new(list, value);
		value = list;
		buf_reset(&out);
		assert_int_equal(json_write(value, &out),
				 depth <= 64 ? 0 : ERR_INVALID);
	}
	json_decref(value);
	buf_release(&out);
}

/* ---- picking ---- */

/* A document to pick from; each test asks one thing and looks. */
static const char document[] =
	"{\"s\":\"text\",\"n\":5,\"big\":9007199254740993,\"r\":1.0,"
	"\"yes\":true,\"no\":false,\"nil\":null,\"o\":{\"in\":1},"
	"\"l\":[1,2,3],\"empty\":\"\","
	"\"a/b~c\":1}";

struct world {
	json_t *tree;
	struct json_problem problem;
	struct json_at at;
};

static int
world_begin(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.tree = read_good(document);
	/* From elsewhere than a text, where NUL is refused at once. */
	json_object_set_new(w.tree, "nul", json_stringn("a\0b", 3));
	*state = &w;
	return json_at_object(&w.at, w.tree, "/doc", &w.problem) ? 0 : -1;
}

static int
world_end(void **state)
{
	struct world *w = *state;

	json_decref(w->tree);
	return 0;
}

/* That the last question gave this problem; forgets it. */
static void
problem_is(struct world *w, const char *pointer, const char *detail)
{
	assert_true(w->problem.set);
	assert_string_equal(w->problem.pointer, pointer);
	assert_string_equal(w->problem.detail, detail);
	w->problem.set = false;
}

static void
strings_are_picked(void **state)
{
	struct world *w = *state;

	assert_string_equal(json_get_str(&w->at, "s", JSON_REQUIRED, 4, "-"),
			    "text");
	assert_string_equal(
		json_get_str(&w->at, "empty", JSON_REQUIRED, 0, "-"), "");
	assert_string_equal(json_get_str(&w->at, "gone", 0, 4, "-"), "-");
	assert_null(json_get_str(&w->at, "nil", 0, 4, NULL));
	assert_false(w->problem.set);
	assert_string_equal(json_get_str(&w->at, "s", 0, 3, "-"), "-");
	problem_is(w, "/doc/s", "must not be longer than 3 bytes");
	assert_string_equal(json_get_str(&w->at, "n", 0, 3, "-"), "-");
	problem_is(w, "/doc/n", "must be a string");
	assert_string_equal(json_get_str(&w->at, "nul", 0, 9, "-"), "-");
	problem_is(w, "/doc/nul", "must not contain NUL");
	json_get_str(&w->at, "gone", JSON_REQUIRED, 9, "-");
	problem_is(w, "/doc/gone", "is required");
	json_get_str(&w->at, "nil", JSON_REQUIRED, 9, "-");
	problem_is(w, "/doc/nil", "is required");
}

static void
numbers_are_whole_and_in_range(void **state)
{
	struct world *w = *state;

	assert_int_equal(json_get_int(&w->at, "n", 0, 5, 5, 0), 5);
	assert_true(json_get_int(&w->at, "big", 0, 0, INT64_MAX, 0) ==
		    9007199254740993);
	assert_int_equal(json_get_int(&w->at, "gone", 0, 1, 9, -7), -7);
	assert_false(w->problem.set);
	assert_int_equal(json_get_int(&w->at, "n", 0, 6, 9, 7), 7);
	problem_is(w, "/doc/n", "must be a whole number from 6 to 9");
	assert_int_equal(json_get_int(&w->at, "n", 0, -9, 4, 0), 0);
	problem_is(w, "/doc/n", "must be a whole number from -9 to 4");
	assert_int_equal(json_get_int(&w->at, "r", 0, 0, 9, 3), 3);
	problem_is(w, "/doc/r", "must be a whole number from 0 to 9");
	assert_int_equal(json_get_int(&w->at, "s", 0, 0, 9, 3), 3);
	problem_is(w, "/doc/s", "must be a whole number from 0 to 9");
}

static void
booleans_are_true_or_false_only(void **state)
{
	struct world *w = *state;

	assert_true(json_get_bool(&w->at, "yes", false));
	assert_false(json_get_bool(&w->at, "no", true));
	assert_true(json_get_bool(&w->at, "gone", true));
	assert_true(json_get_bool(&w->at, "nil", true));
	assert_false(w->problem.set);
	assert_true(json_get_bool(&w->at, "n", true));
	problem_is(w, "/doc/n", "must be true or false");
}

static void
objects_and_lists_are_picked(void **state)
{
	struct world *w = *state;
	struct json_at inner;

	assert_non_null(json_get_object(&w->at, "o", JSON_REQUIRED));
	assert_non_null(json_get_array(&w->at, "l", JSON_REQUIRED, 3));
	assert_null(json_get_object(&w->at, "gone", 0));
	assert_null(json_get_array(&w->at, "nil", 0, 3));
	assert_false(w->problem.set);
	assert_null(json_get_object(&w->at, "l", 0));
	problem_is(w, "/doc/l", "must be an object");
	assert_null(json_get_array(&w->at, "o", 0, 3));
	problem_is(w, "/doc/o", "must be a list");
	assert_null(json_get_array(&w->at, "l", 0, 2));
	problem_is(w, "/doc/l", "must not have more than 2 items");
	assert_false(json_at_object(&inner, json_object_get(w->tree, "l"),
				    "/doc/l", &w->problem));
	problem_is(w, "/doc/l", "must be an object");
	assert_false(json_at_object(&inner, NULL, "", &w->problem));
	problem_is(w, "", "must be an object");
}

static void
only_the_first_problem_is_kept(void **state)
{
	struct world *w = *state;

	json_get_str(&w->at, "n", 0, 9, "");
	json_get_bool(&w->at, "s", false);
	json_problem_set(&w->problem, "/x", "later");
	problem_is(w, "/doc/n", "must be a string");
}

static void
pointers_are_escaped_and_bounded(void **state)
{
	struct world *w = *state;
	char pointer[64], tiny[8];

	json_pointer(&w->at, "a/b~c", pointer, sizeof(pointer));
	assert_string_equal(pointer, "/doc/a~1b~0c");
	json_pointer(&w->at, "abcdef", tiny, sizeof(tiny));
	assert_int_equal(strncmp(tiny, "/doc/a", 6), 0);
	assert_true(strlen(tiny) < sizeof(tiny));
	json_pointer(&w->at, "ab", tiny, 3);
	assert_string_equal(tiny, "/d");
	json_get_str(&w->at, "a/b~c", 0, 9, "");
	problem_is(w, "/doc/a~1b~0c", "must be a string");
}

static void
unknown_members_are_named_with_what_was_meant(void **state)
{
	static const char *const all[] = { "s",	    "n",     "big", "r", "yes",
					   "no",    "nil",   "o",   "l", "nul",
					   "empty", "a/b~c", NULL };
	static const char *const names[] = { "address", "token", NULL };
	struct world *w = *state;
	json_t *typo = read_good("{\"tokne\":1}");
	json_t *stray = read_good("{\"colour\":1}");
	struct json_at at;

	assert_true(json_only(&w->at, all));
	assert_false(w->problem.set);
	json_at_object(&at, typo, "", &w->problem);
	assert_false(json_only(&at, names));
	problem_is(w, "/tokne", "unknown field; did you mean \"token\"?");
	json_at_object(&at, stray, "", &w->problem);
	assert_false(json_only(&at, names));
	problem_is(w, "/colour", "unknown field");
	json_decref(typo);
	json_decref(stray);
}

#define PICK(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_value_of_any_kind_is_read),
		cmocka_unit_test(everything_else_is_refused_with_its_place),
		cmocka_unit_test(size_and_depth_are_bounded),
		cmocka_unit_test(
			what_was_read_is_written_compactly_and_in_order),
		cmocka_unit_test(reals_are_written_with_the_fewest_digits),
		cmocka_unit_test(any_real_reads_back_as_itself),
		cmocka_unit_test(what_is_no_text_or_too_deep_is_not_written),
		PICK(strings_are_picked),
		PICK(numbers_are_whole_and_in_range),
		PICK(booleans_are_true_or_false_only),
		PICK(objects_and_lists_are_picked),
		PICK(only_the_first_problem_is_kept),
		PICK(pointers_are_escaped_and_bounded),
		PICK(unknown_members_are_named_with_what_was_meant),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
