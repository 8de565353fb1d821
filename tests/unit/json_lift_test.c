/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lifting secrets out of a JSON text: what is taken, what is left, and that
 * nothing of what is taken stays behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/json.h"

enum { MAX = 3 };

static const char *const token[] = { "token", NULL };
static const char *const token_and_secret[] = { "token", "secret", NULL };

/* One lifting: the text afterwards and what came out. */
struct lift {
	char *text;
	size_t len;
	struct json_secret out[MAX];
	size_t count;
};

static int
lift(struct lift *l, struct slice text, const char *under,
     const char *const *names)
{
	l->count = 99;
	l->len = text.len;
	l->text = malloc(text.len + 1);
	memcpy(l->text, text.ptr, text.len);
	l->text[text.len] = 0;
	return json_lift_secrets(l->text, l->len, under, names, l->out, MAX,
				 &l->count);
}

static void
lift_end(struct lift *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		secret_free(l->out[i].value);
	free(l->text);
}

static void
came_out(const struct lift *l, size_t i, const char *name, struct slice value)
{
	assert_true(i < l->count);
	assert_string_equal(l->out[i].name, name);
	assert_int_equal(secret_len(l->out[i].value), value.len);
	assert_memory_equal(secret_peek(l->out[i].value), value.ptr, value.len);
}

static void
a_secret_leaves_stars_of_its_length(void **state)
{
	struct lift l;

	(void)state;
	assert_int_equal(lift(&l,
			      SLICE("{\"name\":\"n\", \"token\" : \"s3cret\"}"),
			      "", token),
			 0);
	assert_int_equal(l.count, 1);
	came_out(&l, 0, "token", SLICE("s3cret"));
	assert_string_equal(l.text, "{\"name\":\"n\", \"token\" : \"******\"}");
	lift_end(&l);
}

static void
several_are_lifted_in_their_order(void **state)
{
	struct lift l;

	(void)state;
	assert_int_equal(lift(&l,
			      SLICE("{\"secret\":\"a\",\"x\":[{\"y\":[]}],"
				    "\"token\":\"\"}"),
			      "", token_and_secret),
			 0);
	assert_int_equal(l.count, 2);
	came_out(&l, 0, "secret", SLICE("a"));
	came_out(&l, 1, "token", SLICE(""));
	assert_string_equal(l.text, "{\"secret\":\"*\",\"x\":[{\"y\":[]}],"
				    "\"token\":\"\"}");
	lift_end(&l);
}

static void
a_pointer_names_the_object(void **state)
{
	static const char text[] =
		"{\"token\":\"outer\",\"a\":{\"token\":1,\"b\":{\"token\":"
		"\"inner\",\"c\":{\"token\":\"deeper\"}}},\"z\":{}}";
	struct lift l;

	(void)state;
	assert_int_equal(lift(&l, slice_str(text), "/a/b", token), 0);
	assert_int_equal(l.count, 1);
	came_out(&l, 0, "token", SLICE("inner"));
	assert_string_equal(
		l.text, "{\"token\":\"outer\",\"a\":{\"token\":1,\"b\":"
			"{\"token\":\"*****\",\"c\":{\"token\":\"deeper\"}}},"
			"\"z\":{}}");
	lift_end(&l);
	assert_int_equal(lift(&l, slice_str(text), "", token), 0);
	assert_int_equal(l.count, 1);
	came_out(&l, 0, "token", SLICE("outer"));
	lift_end(&l);
}

static void
without_names_every_string_is_lifted(void **state)
{
	struct lift l;

	(void)state;
	assert_int_equal(lift(&l,
			      SLICE("{\"c\":{\"a\":\"1\",\"b\":2,\"c\":null,"
				    "\"d\":\"4\"}}"),
			      "/c", NULL),
			 0);
	assert_int_equal(l.count, 2);
	came_out(&l, 0, "a", SLICE("1"));
	came_out(&l, 1, "d", SLICE("4"));
	lift_end(&l);
}

static void
only_strings_are_lifted(void **state)
{
	static const char *const texts[] = {
		"{\"token\":5}",
		"{\"token\":null}",
		"{\"token\":[\"x\"]}",
		"{\"token\":{\"token\":\"x\"}}",
		"{\"tokens\":\"x\"}",
		"{\"Token\":\"x\"}",
		"{\"x\":\"\\\"token\\\":\\\"y\\\"\"}",
		"{}",
	};
	struct lift l;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(lift(&l, slice_str(texts[i]), "", token), 0);
		assert_int_equal(l.count, 0);
		assert_string_equal(l.text, texts[i]);
		lift_end(&l);
	}
}

static void
where_the_pointer_leads_to_no_object_there_is_none(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"\"token\"",
		"{\"b\":{\"token\":\"x\"}}",
		"{\"a\":null}",
		"{\"a\":[{\"token\":\"x\"}]}",
		"{\"a\":\"token\"}",
	};
	struct lift l;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(lift(&l, slice_str(texts[i]), "/a", token), 0);
		assert_int_equal(l.count, 0);
		assert_string_equal(l.text, texts[i]);
		lift_end(&l);
	}
}

static void
escapes_are_decoded_into_the_secret(void **state)
{
	struct lift l;

	(void)state;
	assert_int_equal(
		lift(&l,
		     SLICE("{\"token\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"
			   "\\u00f6\\u20AC\\ud83d\\ude00\xc3\xb6\"}"),
		     "", token),
		0);
	came_out(&l, 0, "token",
		 SLICE("\"\\/\b\f\n\r\tA\xc3\xb6\xe2\x82\xac"
		       "\xf0\x9f\x98\x80\xc3\xb6"));
	/* As many stars as there were characters, escapes counted whole. */
	assert_int_equal(strspn(l.text + 10, "*"), l.len - 12);
	assert_string_equal(l.text + l.len - 2, "\"}");
	lift_end(&l);
}

static void
bad_values_are_refused_and_nothing_is_owed(void **state)
{
	static const struct slice bad[] = {
		SLICE("{\"token\":\"\\x\"}"),
		SLICE("{\"token\":\"\\u00\"}"),
		SLICE("{\"token\":\"\\u00g0\"}"),
		SLICE("{\"token\":\"\\u0000\"}"),
		SLICE("{\"token\":\"\\ud800\"}"),
		SLICE("{\"token\":\"\\ud800\\u0041\"}"),
		SLICE("{\"token\":\"\\ude00\\ud83d\"}"),
		SLICE("{\"token\":\"\\"),
		SLICE("{\"token\":\"\\\"}"),
		SLICE("{\"token\":\"a\nb\"}"),
		SLICE("{\"token\":\"a\0b\"}"),
		SLICE("{\"token\":\"\xff\"}"),
		SLICE("{\"token\":\"\xc3\"}"),
		SLICE("{\"token\":\"\\ud83d"),
		/* Good ones before are given back. */
		SLICE("{\"secret\":\"kept?\",\"token\":\"\\x\"}"),
	};
	struct lift l;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		if (lift(&l, bad[i], "", token_and_secret) != ERR_INVALID)
			fail_msg("%.*s was taken", SLICE_ARG(bad[i]));
		assert_int_equal(l.count, 0);
		assert_null(strstr(l.text, "kept?"));
		lift_end(&l);
	}
}

static void
what_was_lifted_before_an_error_is_freed(void **state)
{
	struct secret *s = secret_from("12345", 5);
	const char *place = secret_peek(s);
	struct lift l;

	(void)state;
	/* The place that was freed last is the next one to be taken: by the
	 * first of the two here, and then by us again. */
	secret_free(s);
	assert_int_equal(lift(&l,
			      SLICE("{\"secret\":\"kept?\",\"token\":\"\\x\"}"),
			      "", token_and_secret),
			 ERR_INVALID);
	lift_end(&l);
	s = secret_from("12345", 5);
	assert_ptr_equal(secret_peek(s), place);
	secret_free(s);
}

static void
a_name_has_one_spelling(void **state)
{
	struct lift l;

	(void)state;
	/* json_read() would take these for "token" and for "a". */
	assert_int_equal(lift(&l, SLICE("{\"\\u0074oken\":\"x\"}"), "", token),
			 ERR_INVALID);
	lift_end(&l);
	assert_int_equal(
		lift(&l, SLICE("{\"\\u0061\":{\"token\":\"x\"}}"), "/a", token),
		ERR_INVALID);
	lift_end(&l);
}

static void
a_second_of_the_same_name_is_lifted_too(void **state)
{
	struct lift l;

	(void)state;
	assert_int_equal(lift(&l,
			      SLICE("{\"token\":\"one\",\"token\":\"two\"}"),
			      "", token),
			 0);
	assert_int_equal(l.count, 2);
	assert_string_equal(l.text, "{\"token\":\"***\",\"token\":\"***\"}");
	lift_end(&l);
}

static void
what_is_no_json_on_the_way_is_refused(void **state)
{
	static const char *const bad[] = {
		"{",
		"{\"token\"",
		"{\"token\":",
		"{\"token\":\"x",
		"{\"token\":\"x\"",
		"{\"token\":\"x\" \"b\":1}",
		"{\"a\":}",
		"{\"a\":[1 2],\"token\":\"x\"}",
		"{\"a\":{\"b\"},\"token\":\"x\"}",
		"{\"a\":[,\"token\":\"x\"}",
		"{token:\"x\"}",
		"{'token':'x'}",
		"{\"a\":1;\"token\":\"x\"}",
	};
	struct lift l;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		if (lift(&l, slice_str(bad[i]), "", token) != ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(l.count, 0);
		lift_end(&l);
	}
}

static void
too_many_and_too_long_are_refused(void **state)
{
	static char text[SECRET_MAX + 64];
	int n;
	struct lift l;

	(void)state;
	assert_int_equal(lift(&l,
			      SLICE("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}"),
			      "", NULL),
			 0);
	assert_int_equal(l.count, MAX);
	lift_end(&l);
	assert_int_equal(lift(&l,
			      SLICE("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\","
				    "\"d\":\"4\"}"),
			      "", NULL),
			 ERR_TOO_LARGE);
	assert_int_equal(l.count, 0);
	lift_end(&l);
	n = snprintf(text, sizeof(text), "{\"token\":\"%0*d\"}", SECRET_MAX, 1);
	assert_int_equal(lift(&l, slice_of(text, (size_t)n), "", token), 0);
	assert_int_equal(secret_len(l.out[0].value), SECRET_MAX);
	lift_end(&l);
	n = snprintf(text, sizeof(text), "{\"token\":\"%0*d\"}", SECRET_MAX + 1,
		     1);
	assert_int_equal(lift(&l, slice_of(text, (size_t)n), "", token),
			 ERR_TOO_LARGE);
	lift_end(&l);
}

static void
depth_and_long_names_are_bounded(void **state)
{
	char text[8192];
	struct lift l;
	size_t n;

	(void)state;
	/* Skipping does not go deeper than any tree could. */
	n = (size_t)sprintf(text, "{\"a\":");
	memset(text + n, '[', 3000);
	memset(text + n + 3000, ']', 3000);
	strcpy(text + n + 6000, ",\"token\":\"x\"}");
	assert_int_equal(lift(&l, slice_str(text), "", token), ERR_INVALID);
	lift_end(&l);
	/* A name that a caller cannot be told of is not lifted in silence. */
	n = (size_t)sprintf(text, "{\"%064d\":\"x\"}", 1);
	assert_int_equal(lift(&l, slice_of(text, n), "", NULL), ERR_INVALID);
	lift_end(&l);
	n = (size_t)sprintf(text, "{\"%063d\":\"x\"}", 1);
	assert_int_equal(lift(&l, slice_of(text, n), "", NULL), 0);
	assert_int_equal(l.count, 1);
	lift_end(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_leaves_stars_of_its_length),
		cmocka_unit_test(several_are_lifted_in_their_order),
		cmocka_unit_test(a_pointer_names_the_object),
		cmocka_unit_test(without_names_every_string_is_lifted),
		cmocka_unit_test(only_strings_are_lifted),
		cmocka_unit_test(
			where_the_pointer_leads_to_no_object_there_is_none),
		cmocka_unit_test(escapes_are_decoded_into_the_secret),
		cmocka_unit_test(bad_values_are_refused_and_nothing_is_owed),
		cmocka_unit_test(what_was_lifted_before_an_error_is_freed),
		cmocka_unit_test(a_name_has_one_spelling),
		cmocka_unit_test(a_second_of_the_same_name_is_lifted_too),
		cmocka_unit_test(what_is_no_json_on_the_way_is_refused),
		cmocka_unit_test(too_many_and_too_long_are_refused),
		cmocka_unit_test(depth_and_long_names_are_bounded),
	};

	return cmocka_run_group_tests_name("json lift", tests, NULL, NULL);
}
