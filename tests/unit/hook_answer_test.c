/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: hostile bytes become values, echoes are masked, and the response
 * list chooses and maps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/hook_world.h"

/* ---- bytes ---- */

static const char *
utf8_of(struct slice bytes)
{
	static char text[256];
	struct buf b;

	buf_init(&b, 200);
	assert_int_equal(codec_utf8(&b, bytes), 0);
	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(buf_slice(&b)));
	buf_release(&b);
	return text;
}

static void
what_is_no_utf8_is_replaced(void **state)
{
	(void)state;
	assert_string_equal(utf8_of(SLICE("\xc3\xa9 ok")), "\xc3\xa9 ok");
	assert_string_equal(utf8_of(SLICE("a\xff\xfe z")),
			    "a\xef\xbf\xbd\xef\xbf\xbd z");
	assert_string_equal(utf8_of(SLICE("\xe2\x82")),
			    "\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(utf8_of(SLICE("\xed\xa0\x80")),
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(utf8_of(SLICE("a\0b")), "a\xef\xbf\xbd"
						    "b");
	assert_string_equal(utf8_of(SLICE("")), "");
}

static const char *
json_of(const char *text)
{
	static char out[1024];
	json_t *v;
	struct buf b;
	int rc = hook_json_read(slice_str(text), &v);

	if (rc)
		return rc == ERR_INVALID ? "<invalid>" : "<error>";
	buf_init(&b, sizeof(out) - 1);
	assert_int_equal(json_write(v, &b), 0);
	snprintf(out, sizeof(out), "%.*s", SLICE_ARG(buf_slice(&b)));
	buf_release(&b);
	json_decref(v);
	return out;
}

static void
json_that_strict_readers_refuse_is_read(void **state)
{
	static const char *const texts[][2] = {
		{ "{\"a\":1}", "{\"a\":1}" },
		{ " [1, 2.5, -0, 1e3]\n", "[1,2.5,0,1000.0]" },
		{ "7", "7" },
		{ "\"x\"", "\"x\"" },
		{ "\xef\xbb\xbf{}", "{}" },
		/* the last of equal names */
		{ "{\"a\":1,\"a\":2}", "{\"a\":2}" },
		/* what no 64 bits hold keeps its digits */
		{ "[9223372036854775807,9223372036854775808]",
		  "[9223372036854775807,\"9223372036854775808\"]" },
		{ "[-9223372036854775809]", "[\"-9223372036854775809\"]" },
		{ "[1e999,-1e999,1e-999]", "[\"1e999\",\"-1e999\",0.0]" },
		/* a number in a string is no number */
		{ "[\"99999999999999999999\\\"1e999\"]",
		  "[\"99999999999999999999\\\"1e999\"]" },
		{ "[\"a\\u0000b\"]", "[\"a\xef\xbf\xbd"
				     "b\"]" },
		{ "[\"\\ud83d\\ude00\"]", "[\"\xf0\x9f\x98\x80\"]" },
		{ "[\"\\ud83d\"]", "[\"\xef\xbf\xbd\"]" },
		{ "[\"\\ude00\\ud83d\"]", "[\"\xef\xbf\xbd\xef\xbf\xbd\"]" },
		{ "[\"\\ud83d\\u0041\"]", "[\"\xef\xbf\xbd"
					  "A\"]" },
		{ "[\"\\\\u0000\"]", "[\"\\\\u0000\"]" },
		{ "", "<invalid>" },
		{ "{", "<invalid>" },
		{ "[1,]", "<invalid>" },
		{ "[\"\\", "<invalid>" },
		{ "[\"\\u00", "<invalid>" },
		{ "[-]", "<invalid>" },
		{ "[1e]", "<invalid>" },
		{ "[01]", "<invalid>" },
		{ "{} {}", "<invalid>" },
		{ "nul", "<invalid>" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++)
		if (strcmp(json_of(texts[i][0]), texts[i][1]))
			fail_msg("%s gave %s", texts[i][0],
				 json_of(texts[i][0]));
}

static void
nesting_is_counted_before_anything_recurses(void **state)
{
	size_t deep = 2 * 1000 * 1000;
	char *text = malloc(deep);
	json_t *v;

	(void)state;
	memset(text, '[', deep);
	assert_int_equal(hook_json_read(slice_of(text, deep), &v), ERR_INVALID);
	memset(text, '[', HOOK_JSON_DEPTH);
	memset(text + HOOK_JSON_DEPTH, ']', HOOK_JSON_DEPTH);
	assert_int_equal(
		hook_json_read(slice_of(text, 2 * HOOK_JSON_DEPTH), &v), 0);
	json_decref(v);
	memset(text, '[', HOOK_JSON_DEPTH + 1);
	memset(text + HOOK_JSON_DEPTH + 1, ']', HOOK_JSON_DEPTH + 1);
	assert_int_equal(
		hook_json_read(slice_of(text, 2 * HOOK_JSON_DEPTH + 2), &v),
		ERR_INVALID);
	/* brackets in strings are none */
	memset(text, '[', deep);
	memcpy(text, "[\"", 2);
	memcpy(text + 1000, "\"]", 2);
	assert_int_equal(hook_json_read(slice_of(text, 1002), &v), 0);
	json_decref(v);
	free(text);
}

static void
an_echo_in_a_value_is_masked_in_names_too(void **state)
{
	static const char secret[] = "s3cret/\"key\"";
	struct secret *list[1];
	struct call_scrub *s;
	json_t *v = hook_world_json(
		"{\"a\":[\"x s3cret/\\\"key\\\" y\",{\"s3cret/\\\"key\\\"\":"
		"1}],\"fine\":\"other\"}");
	struct buf b;

	(void)state;
	list[0] = secret_from(secret, sizeof(secret) - 1);
	assert_int_equal(call_scrub_new(list, 1, &s), 0);
	assert_int_equal(hook_json_scrub(s, &v), 0);
	buf_init(&b, 1000);
	assert_int_equal(json_write(v, &b), 0);
	assert_string_equal(buf_cstr(&b),
			    "{\"a\":[\"x ************ y\",{\"************\":1}"
			    "],\"fine\":\"other\"}");
	assert_int_equal(call_scrub_found(s), 2);
	buf_release(&b);
	json_decref(v);
	call_scrub_free(s);
	secret_free(list[0]);
}

/* ---- which entry ---- */

#define LIST(entries) \
	"{\"request\":{\"method\":\"GET\",\"url\":\"https://h.example/\"}," \
	"\"response_list\":[" entries "]}"

static void
an_exact_code_goes_before_a_class(void **state)
{
	struct hook_document *d = hook_world_document(
		LIST("{\"codes\":[\"2xx\"]},{\"codes\":[\"404\",\"201\"]},"
		     "{\"codes\":[\"4xx\",\"5xx\"]}"));

	(void)state;
	assert_string_equal(hook_entry_find(d, 200)->name, "2xx");
	assert_string_equal(hook_entry_find(d, 299)->name, "2xx");
	assert_string_equal(hook_entry_find(d, 201)->name, "404,201");
	assert_string_equal(hook_entry_find(d, 404)->name, "404,201");
	assert_string_equal(hook_entry_find(d, 400)->name, "4xx,5xx");
	assert_string_equal(hook_entry_find(d, 503)->name, "4xx,5xx");
	assert_null(hook_entry_find(d, 302));
	assert_null(hook_entry_find(d, 999));
	hook_document_unref(d);
}

/* ---- mappings ---- */

static struct hook_field fields[] = {
	{ "Content-Type", "application/json" },
	{ "X-Page", "1" },
	{ "x-page", "2" },
};
static const struct hook_fields headers = { fields, ARRAY_LEN(fields) };
static char why[400];

/* The variables that these mappings give, as JSON; or the error. */
static const char *
mapped(const char *mappings, const char *body, bool is_json)
{
	static char out[1024];
	struct hook_answer a = { 200, &headers, NULL, is_json };
	struct hook_document *d;
	struct buf b;
	json_t *v;
	int rc;

	snprintf(out, sizeof(out),
		 LIST("{\"codes\":[\"200\"],\"mappings\":[%s]}"), mappings);
	d = hook_world_document(out);
	a.body = is_json ? hook_world_json(body) : json_string(body);
	rc = hook_map(hook_entry_find(d, 200), &a, &v, why, sizeof(why));
	json_decref(a.body);
	hook_document_unref(d);
	if (rc)
		return rc == ERR_NOT_FOUND   ? "<missing>"
		       : rc == ERR_TOO_LARGE ? "<too large>"
					     : "<error>";
	buf_init(&b, sizeof(out) - 1);
	assert_int_equal(json_write(v, &b), 0);
	snprintf(out, sizeof(out), "%.*s", SLICE_ARG(buf_slice(&b)));
	buf_release(&b);
	json_decref(v);
	return out;
}

static const char tickets[] =
	"{\"data\":[{\"id\":1,\"tags\":[\"a\",\"b\"]},{\"id\":2,\"tags\":[]}],"
	"\"none\":null}";

#define M(from, more) "{\"variable\":\"v\",\"from\":\"" from "\"" more "}"

static void
each_source_gives_its_value(void **state)
{
	static const char *const table[][2] = {
		{ M("status", ""), "{\"v\":200}" },
		{ M("header:x-page", ""), "{\"v\":\"1, 2\"}" },
		{ M("header:X-None", ""), "{\"v\":null}" },
		{ M("$.data[1].id", ""), "{\"v\":2}" },
		{ M("$.data[0].tags", ""), "{\"v\":[\"a\",\"b\"]}" },
		{ M("$.data[0]", ""),
		  "{\"v\":{\"id\":1,\"tags\":[\"a\",\"b\"]}}" },
		/* one value or many */
		{ M("$.data[*].id", ""), "{\"v\":[1,2]}" },
		{ M("$.data[*].id", ",\"shape\":\"single\""), "{\"v\":1}" },
		{ M("$.data[1].id", ",\"shape\":\"list\""), "{\"v\":[2]}" },
		{ M("$.data[?@.id > 1].id", ""), "{\"v\":[2]}" },
		{ M("status", ",\"shape\":\"list\""), "{\"v\":[200]}" },
		/* null is there */
		{ M("$.none", ",\"missing\":\"error\""), "{\"v\":null}" },
		/* missing */
		{ M("$.data[9].id", ""), "{\"v\":null}" },
		{ M("$.nope[*]", ""), "{\"v\":[]}" },
		{ M("$.nope", ",\"shape\":\"list\""), "{\"v\":[]}" },
		{ M("$.nope", ",\"default\":{\"a\":1}"), "{\"v\":{\"a\":1}}" },
		{ M("$.nope", ",\"default\":null"), "{\"v\":null}" },
		{ M("$.nope", ",\"missing\":\"error\""), "<missing>" },
		{ M("$.nope[*]", ",\"missing\":\"error\""), "<missing>" },
		{ M("header:X-None", ",\"missing\":\"error\""), "<missing>" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(mapped(table[i][0], tickets, true), table[i][1]))
			fail_msg("%s gave %s", table[i][0],
				 mapped(table[i][0], tickets, true));
	assert_non_null(strstr(why, "X-None"));
	assert_string_equal(mapped(M("body", ""), "[1]", true), "{\"v\":[1]}");
	assert_string_equal(mapped(M("body", ""), "hello", false),
			    "{\"v\":\"hello\"}");
	assert_string_equal(mapped(M("$", ""), "hello", false), "{\"v\":null}");
}

/* {"n": [0, 0, …]} */
static char *
zeros(size_t count)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "{\"n\":[0");
	while (--count)
		buf_puts(&b, ",0");
	buf_puts(&b, "]}");
	return buf_detach(&b);
}

static void
what_finds_too_much_is_not_missing(void **state)
{
	static const char *const mappings[] = {
		M("$.n[*]", ""),
		M("$.n[*]", ",\"default\":[]"),
		M("$.n[*]", ",\"missing\":\"error\""),
		M("$.n[?count($..*) > 99999]", ",\"shape\":\"single\""),
	};
	char *some = zeros(JSONPATH_NODES_MAX);
	char *more = zeros(JSONPATH_NODES_MAX + 1);
	struct hook_document *d;
	struct hook_answer a = { .status = 200,
				 .headers = &headers,
				 .body_is_json = true };
	json_t *v;
	size_t i;

	(void)state;
	d = hook_world_document(LIST(
		"{\"codes\":[\"200\"],\"mappings\":[" M("$.n[*]", "") "]}"));
	a.body = hook_world_json(some);
	assert_int_equal(
		hook_map(hook_entry_find(d, 200), &a, &v, why, sizeof(why)), 0);
	assert_int_equal(json_array_size(json_object_get(v, "v")),
			 JSONPATH_NODES_MAX);
	json_decref(v);
	json_decref(a.body);
	hook_document_unref(d);
	for (i = 0; i < ARRAY_LEN(mappings); i++) {
		why[0] = '\0';
		if (strcmp(mapped(mappings[i], more, true), "<too large>"))
			fail_msg("%s gave %s", mappings[i],
				 mapped(mappings[i], more, true));
		assert_non_null(strstr(why, "too much"));
	}
	/* The first of many is one. */
	assert_string_equal(
		mapped(M("$.n[*]", ",\"shape\":\"single\""), more, true),
		"{\"v\":0}");
	free(some);
	free(more);
}

static void
names_are_kept_as_they_were_written(void **state)
{
	(void)state;
	assert_string_equal(
		mapped("{\"variable\":\"a\",\"from\":\"status\"},"
		       "{\"variable\":\"block.b\",\"from\":\"status\"},"
		       "{\"variable\":\"flow.c\",\"from\":\"status\"}",
		       "{}", true),
		"{\"a\":200,\"block.b\":200,\"flow.c\":200}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_utf8_is_replaced),
		cmocka_unit_test(json_that_strict_readers_refuse_is_read),
		cmocka_unit_test(nesting_is_counted_before_anything_recurses),
		cmocka_unit_test(an_echo_in_a_value_is_masked_in_names_too),
		cmocka_unit_test(an_exact_code_goes_before_a_class),
		cmocka_unit_test(each_source_gives_its_value),
		cmocka_unit_test(what_finds_too_much_is_not_missing),
		cmocka_unit_test(names_are_kept_as_they_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
