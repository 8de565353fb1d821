/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs and forms: whatever a value holds, the host stays the template's, the
 * path keeps its segments and the query its parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/template_hostile.h"
#include "http/http.h"

/* ---- URLs ---- */

static void
in_a_path_a_value_is_one_segment(void **state)
{
	static const char *const results[HOSTILE_COUNT] = {
		[QUOTE] = "https://h.example/v1/a%22b/x?y=z",
		[APOSTROPHE] = "https://h.example/v1/a%27b/x?y=z",
		[BACKSLASH] = "https://h.example/v1/a%5C/x?y=z",
		[PARAMETER] = "https://h.example/v1/a%26x%3D1/x?y=z",
		[SLASH] = "https://h.example/v1/a%2Fb/x?y=z",
		[FRAGMENT] = "https://h.example/v1/%23a/x?y=z",
		[QUESTION] = "https://h.example/v1/%3Fa%3Db/x?y=z",
		[ENCODED_DOTS] = "https://h.example/v1/%252e%252e/x?y=z",
		[CDATA_END] = "https://h.example/v1/a%5D%5D%3Eb%5D/x?y=z",
		[MARKUP] = "https://h.example/v1/%3Ca%20b%3D%27c%27%2F%3E"
			   "%26lt%3B/x?y=z",
		[COMMENT_END] = "https://h.example/v1/--%3E/x?y=z",
		[NEXT_LINE] = "https://h.example/v1/a%C2%85b/x?y=z",
		[BRACES] = "https://h.example/v1/%7B%7Binput.other%7D%7D/"
			   "x?y=z",
		[AT_SIGN] = "https://h.example/v1/%40input.other/x?y=z",
		[ACCENT] = "https://h.example/v1/%C3%A9%20%2B/x?y=z",
	};

	(void)state;
	table_is("https://h.example/v1/{{input.v}}/x?y=z", TEMPLATE_IN_URL,
		 results);
}

static void
no_path_gets_a_segment_more_or_less(void **state)
{
	struct slice target, path, query, rest, segment;
	const char *result, *why;
	struct http_url url;
	int h, count;

	(void)state;
	for (h = 0; h < HOSTILE_COUNT; h++) {
		result = expand_hostile("https://h.example/a/{{input.v}}/b",
					TEMPLATE_IN_URL, (enum hostile)h);
		if (!strcmp(result, refused))
			continue;
		assert_int_equal(http_url_parse(slice_str(result), &url, &why),
				 0);
		assert_string_equal(url.host, "h.example");
		target = url.path;
		assert_int_equal(http_path_check(target, &why), 0);
		http_path_split(target, &path, &query);
		assert_int_equal(query.len, 0);
		rest = slice_from(path, 1);
		for (count = 0; slice_next(&rest, '/', &segment); count++)
			assert_true(segment.len > 0);
		assert_int_equal(count, 3);
	}
}

static void
dot_segments_do_not_come_about_in_pieces(void **state)
{
	static const char *const texts[] = {
		"/a/{{input.v}}{{input.v}}/b",
		"/a/.{{input.v}}/b",
		"/a/{{input.v}}./b",
		"/a/{{input.v}};x/b",
		"/a/{{input.v}}",
		"/a/{{input.v}}?q=1",
		"/a/%2e{{input.v}}/b",
		"/a/b%2F{{input.v}}/c",
	};
	json_t *values = values_of(SLICE("."));
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		assert_string_equal(world_render(texts[i], TEMPLATE_IN_URL,
						 values,
						 TEMPLATE_MISSING_ERROR),
				    refused);
		assert_string_equal(world_problem.text,
				    "input.v cannot stand in the path: that "
				    "would be a dot segment.");
	}
	assert_string_equal(world_render("/a/v{{input.v}}1", TEMPLATE_IN_URL,
					 values, TEMPLATE_MISSING_ERROR),
			    "/a/v.1");
	assert_string_equal(world_render("/a?b=../{{input.v}}", TEMPLATE_IN_URL,
					 values, TEMPLATE_MISSING_ERROR),
			    "/a?b=../.");
	json_decref(values);
}

static void
a_segment_of_variables_is_not_empty(void **state)
{
	json_t *values = values_of(SLICE(""));

	(void)state;
	/* DELETE /tickets/{id} must not become DELETE /tickets/. */
	assert_string_equal(world_render("/tickets/{{input.v}}",
					 TEMPLATE_IN_URL, values,
					 TEMPLATE_MISSING_EMPTY),
			    refused);
	assert_string_equal(world_problem.text,
			    "input.v cannot stand in the path: that would be "
			    "an empty segment.");
	assert_string_equal(world_render("/tickets/{{input.none}}?a",
					 TEMPLATE_IN_URL, values,
					 TEMPLATE_MISSING_EMPTY),
			    refused);
	assert_string_equal(world_render("/t/{{input.v | default: 0}}/",
					 TEMPLATE_IN_URL, values,
					 TEMPLATE_MISSING_EMPTY),
			    "/t/0/");
	assert_string_equal(world_render("/t/x{{input.v}}//y", TEMPLATE_IN_URL,
					 values, TEMPLATE_MISSING_EMPTY),
			    "/t/x//y");
	assert_string_equal(world_render("/t?a={{input.v}}", TEMPLATE_IN_URL,
					 values, TEMPLATE_MISSING_EMPTY),
			    "/t?a=");
	json_decref(values);
}

static void
no_variable_stands_before_the_path(void **state)
{
	static const char *const bad[] = {
		"{{input.v}}",
		"{{input.v}}/path",
		"https://{{input.v}}/path",
		"https://{{flow.host}}/path",
		"https://h.{{input.v}}/path",
		"https://h.example{{input.v}}",
		"https://h.example:{{input.v}}/",
		"https://{{input.v}}@h.example/",
		"https:{{input.v}}",
		"//{{input.v}}",
		"//h.example/{{input.v}}",
		"h.example/{{input.v}}",
		"@input.v",
	};
	struct template *t;
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		t = world_compile(bad[i], TEMPLATE_IN_URL, &err);
		if (t)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(err, ERR_INVALID);
	}
	world_compile("https://{{input.v}}/", TEMPLATE_IN_URL, &err);
	assert_string_equal(world_problem.text,
			    "A variable cannot stand before the path: end the "
			    "host with a slash.");
	assert_int_equal(world_problem.at, 8);
	world_compile("{{input.v}}/", TEMPLATE_IN_URL, &err);
	assert_string_equal(world_problem.text,
			    "A variable cannot stand before the path: the host "
			    "is not for variables to choose.");
}

static void
the_text_of_a_url_must_be_one(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *problem;
	} bad[] = {
		{ "", 0, "The URL is empty." },
		{ "https://", 0, "This is no URL: the host is not a host." },
		{ "ftp://h/", 0, "This is no URL: neither https nor http." },
		{ "https://u@h/", 0, "This is no URL: user information" },
		{ "https://u@@h/", 11, "This is no URL: the host is not" },
		{ "https://h h/", 0, "This is no URL: a character" },
		{ "https://h/a#b", 11, "A fragment (#" },
		{ "https://h/{{a}}#b", 15, "A fragment (#" },
		{ "https://h/a\\b", 11, "A backslash does not" },
		{ "https://h/a%2", 11, "After % two hexadecimal digits" },
		{ "https://h/a%{{a}}", 11, "After % two hexadecimal digits" },
		{ "https://h/a\nb", 11, "A control character" },
		{ "https://h/a/../b", 0, "The URL has a dot segment." },
		{ "/a/%2e%2E/{{b}}", 0, "The URL has a dot segment." },
	};
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(world_compile(bad[i].text, TEMPLATE_IN_URL, &err));
		if (!slice_starts(slice_str(world_problem.text),
				  slice_str(bad[i].problem)) ||
		    world_problem.at != bad[i].at)
			fail_msg("%s: at %zu: %s", bad[i].text,
				 world_problem.at, world_problem.text);
	}
}

static void
what_people_type_into_a_url_is_encoded(void **state)
{
	static const char *const rows[][2] = {
		{ "https://h.example", "https://h.example" },
		{ "https://h.example?a={{input.a}}", "https://h.example?a=1" },
		{ "/search?q=two words&l=\xc3\xa9",
		  "/search?q=two%20words&l=%C3%A9" },
		{ "/a%20b/{c}/[d]|<e>", "/a%20b/%7Bc%7D/[d]%7C%3Ce%3E" },
		{ "/@@me/@acme/it's(1)*+,;=!$:~",
		  "/@me/@acme/it's(1)*+,;=!$:~" },
		{ "/a;b=c//d", "/a;b=c//d" },
		{ "/{{input.a}}:batch", "/1:batch" },
		{ "/?{{input.p}}={{input.p}}&{{input.p}}",
		  "/?x%26y%3D%231=x%26y%3D%231&x%26y%3D%231" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(
			world_expand(rows[i][0], TEMPLATE_IN_URL,
				     "{\"input\":{\"a\":1,\"p\":\"x&y=#1\"}}"),
			rows[i][1]);
}

static void
a_single_segment_is_held_to_the_same(void **state)
{
	static const char *const results[HOSTILE_COUNT] = {
		[QUOTE] = "a%22b",
		[APOSTROPHE] = "a%27b",
		[BACKSLASH] = "a%5C",
		[PARAMETER] = "a%26x%3D1",
		[SLASH] = "a%2Fb",
		[FRAGMENT] = "%23a",
		[QUESTION] = "%3Fa%3Db",
		[ENCODED_DOTS] = "%252e%252e",
		[CDATA_END] = "a%5D%5D%3Eb%5D",
		[MARKUP] = "%3Ca%20b%3D%27c%27%2F%3E%26lt%3B",
		[COMMENT_END] = "--%3E",
		[NEXT_LINE] = "a%C2%85b",
		[BRACES] = "%7B%7Binput.other%7D%7D",
		[AT_SIGN] = "%40input.other",
		[ACCENT] = "%C3%A9%20%2B",
	};
	int err;

	(void)state;
	table_is("{{input.v}}", TEMPLATE_IN_PATH, results);
	assert_string_equal(world_expand("a/b {{input.x}}?", TEMPLATE_IN_PATH,
					 "{\"input\":{\"x\":\"c\"}}"),
			    "a%2Fb%20c%3F");
	assert_null(world_compile("..", TEMPLATE_IN_PATH, &err));
	assert_string_equal(world_problem.text, "This would be a dot segment.");
	assert_null(world_compile("", TEMPLATE_IN_PATH, &err));
	assert_string_equal(world_problem.text,
			    "This would be an empty segment.");
}

static void
a_query_parameter_stays_one(void **state)
{
	static const char *const results[HOSTILE_COUNT] = {
		[QUOTE] = "p%26%20a%22b",
		[APOSTROPHE] = "p%26%20a%27b",
		[BACKSLASH] = "p%26%20a%5C",
		[LINE_BREAK] = "p%26%20a%0D%0AX%3A%20y",
		[PARAMETER] = "p%26%20a%26x%3D1",
		[TRAVERSAL] = "p%26%20%2F..%2F",
		[DOTS] = "p%26%20..",
		[DOT] = "p%26%20.",
		[SLASH] = "p%26%20a%2Fb",
		[FRAGMENT] = "p%26%20%23a",
		[QUESTION] = "p%26%20%3Fa%3Db",
		[ENCODED_DOTS] = "p%26%20%252e%252e",
		[SEMICOLON] = "p%26%20..%3Bx",
		[CDATA_END] = "p%26%20a%5D%5D%3Eb%5D",
		[MARKUP] = "p%26%20%3Ca%20b%3D%27c%27%2F%3E%26lt%3B",
		[COMMENT_END] = "p%26%20--%3E",
		[NUL] = "p%26%20a%00b",
		[TAB] = "p%26%20a%09b",
		[NEXT_LINE] = "p%26%20a%C2%85b",
		[BRACES] = "p%26%20%7B%7Binput.other%7D%7D",
		[AT_SIGN] = "p%26%20%40input.other",
		[EMPTY] = "p%26%20",
		[ACCENT] = "p%26%20%C3%A9%20%2B",
	};

	(void)state;
	table_is("p& {{input.v}}", TEMPLATE_IN_QUERY, results);
}

static void
a_form_field_stays_one_and_reads_back(void **state)
{
	struct slice rest, name, value;
	struct buf decoded;
	char form[256];
	int h;

	(void)state;
	buf_init(&decoded, 1000);
	for (h = 0; h < HOSTILE_COUNT; h++) {
		if (h == NOT_UTF8)
			continue;
		snprintf(form, sizeof(form), "a=%s&b=2",
			 expand_hostile("{{input.v}}", TEMPLATE_IN_FORM,
					(enum hostile)h));
		rest = slice_str(form);
		assert_true(http_query_next(&rest, &name, &value));
		buf_reset(&decoded);
		assert_int_equal(codec_percent_decode(&decoded, value, true),
				 0);
		assert_true(slice_eq(buf_slice(&decoded), hostile[h]));
		assert_true(http_query_next(&rest, &name, &value));
		assert_true(slice_eq(name, SLICE("b")));
		assert_false(http_query_next(&rest, &name, &value));
	}
	buf_release(&decoded);
	assert_string_equal(
		expand_hostile("a b={{input.v}}", TEMPLATE_IN_FORM, ACCENT),
		"a+b%3D%C3%A9+%2B");
	assert_string_equal(
		expand_hostile("{{input.v}}", TEMPLATE_IN_FORM, NOT_UTF8),
		refused);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_path_a_value_is_one_segment),
		cmocka_unit_test(no_path_gets_a_segment_more_or_less),
		cmocka_unit_test(dot_segments_do_not_come_about_in_pieces),
		cmocka_unit_test(a_segment_of_variables_is_not_empty),
		cmocka_unit_test(no_variable_stands_before_the_path),
		cmocka_unit_test(the_text_of_a_url_must_be_one),
		cmocka_unit_test(what_people_type_into_a_url_is_encoded),
		cmocka_unit_test(a_single_segment_is_held_to_the_same),
		cmocka_unit_test(a_query_parameter_stays_one),
		cmocka_unit_test(a_form_field_stays_one_and_reads_back),
	};

	return cmocka_run_group_tests_name("template URLs", tests, NULL, NULL);
}
