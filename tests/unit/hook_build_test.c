/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: whatever a value holds, it stays the value of the place that it
 * was put in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/hook_world.h"
#include "../support/multipart.h"

#define HOSTILE_BOUNDARY \
	"x\r\n--b\r\nContent-Disposition: form-data; name=\"y\""

static const struct slice values[] = {
	{ "plain", 5 },
	{ "", 0 },
	{ "a\"b", 3 },
	{ "a'b", 3 },
	{ "a\\", 2 },
	{ "a\r\nX-Evil: 1", 13 },
	{ "a\nb", 3 },
	{ "a&evil=1", 8 },
	{ "a;evil=1", 8 },
	{ "a+b c%41", 8 },
	{ "/../../etc", 10 },
	{ "..", 2 },
	{ ".", 1 },
	{ "a/b?c#d", 7 },
	{ "%2e%2e", 6 },
	{ "]]><x/>&lt;", 11 },
	{ "a\0b", 3 },
	{ "a\tb", 3 },
	{ "{{input.other}}", 15 },
	{ "@input.other", 12 },
	{ "\",\"evil\":\"1", 11 },
	{ "\xc3\xa9\xe2\x82\xac", 5 },
	{ HOSTILE_BOUNDARY, sizeof(HOSTILE_BOUNDARY) - 1 },
};

static json_t *
scope_of(struct slice v)
{
	return json_pack("{s:{s:o,s:s}}", "input", "v",
			 json_stringn(v.ptr, v.len), "other", "SECOND");
}

/* Each value in the document's place; check() is called where it was built,
 * and `refused` tells which must not be. */
static void
each_value(const char *json, void (*check)(struct slice v),
	   bool (*refused)(struct slice v))
{
	struct hook_document *d = hook_world_document(json);
	json_t *scope;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_LEN(values); i++) {
		scope = scope_of(values[i]);
		rc = hook_world_build(d, scope);
		json_decref(scope);
		if (refused && refused(values[i])) {
			assert_int_equal(rc, ERR_INVALID);
			assert_true(hook_world_built.why[0]);
			continue;
		}
		if (rc)
			fail_msg("value %zu: %s", i, hook_world_built.why);
		assert_null(strstr(hook_world_built.url, "SECOND"));
		check(values[i]);
	}
	hook_document_unref(d);
}

static struct slice
body(void)
{
	return buf_slice(&hook_world_built.body);
}

static bool
has_nul(struct slice v)
{
	return memchr(v.len ? v.ptr : "x", 0, v.len) != NULL;
}

/* ---- URL and query ---- */

static bool
no_segment(struct slice v)
{
	return !v.len || slice_eq(v, SLICE("..")) || slice_eq(v, SLICE(".")) ||
	       slice_eq(v, SLICE("/../../etc"));
}

static void
check_path(struct slice v)
{
	struct slice path, query, rest, segment;
	struct http_url url;
	struct buf decoded;
	const char *why;
	int n = 0;

	assert_int_equal(
		http_url_parse(slice_str(hook_world_built.url), &url, &why), 0);
	assert_string_equal(url.host, "h.example");
	http_path_split(url.path, &path, &query);
	assert_true(slice_eq(query, SLICE("z=1&y=2")));
	rest = slice_from(path, 1);
	buf_init(&decoded, 1000);
	while (slice_next(&rest, '/', &segment))
		if (++n == 2)
			assert_int_equal(
				codec_percent_decode(&decoded, segment, false),
				0);
	assert_int_equal(n, 3);
	assert_true(slice_eq(buf_slice(&decoded), v));
	buf_release(&decoded);
}

static bool
no_path(struct slice v)
{
	return has_nul(v) || slice_has_control(v) || no_segment(v);
}

static void
in_the_path(void **state)
{
	(void)state;
	/* What climbs out is refused by the template; an encoded slash is a
	 * value. */
	each_value("{\"request\":{\"method\":\"GET\",\"url\":"
		   "\"https://h.example/a/{{input.v}}/b?z=1\",\"query\":"
		   "[{\"name\":\"y\",\"value\":\"2\"}]}}",
		   check_path, no_path);
}

static void
check_query(struct slice v)
{
	struct slice rest = slice_str(strchr(hook_world_built.url, '?') + 1);
	struct slice name, value;
	struct buf decoded;

	buf_init(&decoded, 1000);
	assert_true(http_query_next(&rest, &name, &value));
	assert_true(slice_eq(name, SLICE("a")));
	assert_int_equal(codec_percent_decode(&decoded, value, false), 0);
	assert_true(slice_eq(buf_slice(&decoded), v));
	assert_null(memchr(value.ptr, ';', value.len));
	assert_true(http_query_next(&rest, &name, &value));
	assert_true(slice_eq(name, SLICE("b")));
	assert_false(http_query_next(&rest, &name, &value));
	buf_release(&decoded);
}

static void
in_the_query(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"GET\",\"url\":"
		   "\"https://h.example/\",\"query\":["
		   "{\"name\":\"a\",\"value\":\"{{input.v}}\"},"
		   "{\"name\":\"b\",\"value\":\"1\"}]}}",
		   check_query, NULL);
}

/* ---- headers ---- */

static void
check_header(struct slice v)
{
	const char *value = hook_built_header(&hook_world_built, "X-A");

	assert_true(slice_eq(slice_str(value), slice_trim(v)));
	assert_null(hook_built_header(&hook_world_built, "X-Evil"));
}

static bool
no_header(struct slice v)
{
	return slice_has_control(v);
}

static void
in_a_header(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"GET\",\"url\":"
		   "\"https://h.example/\",\"headers\":["
		   "{\"name\":\"X-A\",\"value\":\"{{input.v}}\"}]}}",
		   check_header, no_header);
}

/* ---- bodies ---- */

static void
check_json(struct slice v)
{
	json_t *tree = json_loadb(body().ptr, body().len, JSON_ALLOW_NUL, NULL);
	const json_t *a;

	assert_non_null(tree);
	assert_int_equal(json_object_size(tree), 2);
	a = json_object_get(tree, "a");
	assert_true(slice_eq(
		slice_of(json_string_value(a), json_string_length(a)), v));
	json_decref(tree);
}

static void
in_json(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"json\","
		   "\"content\":{\"a\":\"{{input.v}}\",\"b\":[1,true]}}}}",
		   check_json, NULL);
}

static void
check_form(struct slice v)
{
	struct slice rest = body(), name, value;
	struct buf decoded;

	buf_init(&decoded, 1000);
	assert_true(http_query_next(&rest, &name, &value));
	assert_int_equal(codec_percent_decode(&decoded, value, true), 0);
	assert_true(slice_eq(buf_slice(&decoded), v));
	assert_true(http_query_next(&rest, &name, &value));
	assert_true(slice_eq(name, SLICE("b")));
	assert_false(http_query_next(&rest, &name, &value));
	buf_release(&decoded);
}

static void
in_a_form(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"form\","
		   "\"content\":[{\"name\":\"a\",\"value\":\"{{input.v}}\"},"
		   "{\"name\":\"b\",\"value\":\"\"}]}}}",
		   check_form, NULL);
}

static int
parts(struct multipart_part *out, int max)
{
	return multipart_read(
		slice_str(hook_built_header(&hook_world_built, "content-type")),
		body(), out, max);
}

static void
check_part(struct slice v)
{
	struct multipart_part p[4];

	assert_int_equal(parts(p, 4), 2);
	assert_true(slice_eq(p[0].name, SLICE("a")));
	assert_false(p[0].has_filename);
	assert_true(slice_eq(p[0].data, v));
	assert_true(slice_eq(p[1].filename, SLICE("f.bin")));
	assert_true(slice_eq(p[1].type, SLICE("image/png")));
	assert_true(slice_eq(p[1].data, slice_of("\0\1\r\n", 4)));
}

static void
in_a_part(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"multipart\","
		   "\"content\":[{\"name\":\"a\",\"value\":\"{{input.v}}\"},"
		   "{\"name\":\"b\",\"filename\":\"f.bin\",\"content_type\":"
		   "\"image/png\",\"content_base64\":\"AAENCg==\"}]}}}",
		   check_part, NULL);
}

static void
check_part_name(struct slice v)
{
	struct multipart_part p[4];

	(void)v;
	assert_int_equal(parts(p, 4), 2);
	assert_true(p[0].has_filename);
	assert_true(slice_eq(p[0].data, SLICE("1")));
	assert_true(slice_eq(p[0].type, SLICE("application/octet-stream")));
	assert_true(slice_eq(p[1].name, SLICE("b")));
	assert_false(p[1].has_filename);
}

static bool
no_part_name(struct slice v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < 0x20 &&
		    !strchr("\r\n", v.ptr[i] ? v.ptr[i] : 'x'))
			return true;
	return false;
}

static void
in_the_name_of_a_part_and_of_a_file(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"multipart\","
		   "\"content\":[{\"name\":\"a{{input.v}}\",\"filename\":"
		   "\"{{input.v}}\",\"value\":\"1\"},"
		   "{\"name\":\"b\",\"value\":\"2\"}]}}}",
		   check_part_name, no_part_name);
}

static void
check_text(struct slice v)
{
	assert_int_equal(body().len, v.len + 2);
	assert_memory_equal(body().ptr + 1, v.ptr, v.len);
}

static void
in_a_text(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"text\","
		   "\"content\":\"<{{input.v}}>\"}}}",
		   check_text, has_nul);
}

static void
check_xml(struct slice v)
{
	size_t i, tags = 0;

	(void)v;
	for (i = 0; i < body().len; i++)
		tags += body().ptr[i] == '<';
	assert_int_equal(tags, 2);
	assert_null(memmem(body().ptr, body().len, "]]>", 3));
}

static void
in_xml(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"xml\","
		   "\"content\":\"<a b='{{input.v}}'>{{input.v}}</a>\"}}}",
		   check_xml, has_nul);
}

static void
check_graphql(struct slice v)
{
	json_t *tree = json_loadb(body().ptr, body().len, JSON_ALLOW_NUL, NULL);
	const json_t *a;

	assert_non_null(tree);
	assert_string_equal(json_string_value(json_object_get(tree, "query")),
			    "query Q($v: ID!) { a(id: $v) @skip(if: false) }");
	assert_string_equal(
		json_string_value(json_object_get(tree, "operationName")), "Q");
	a = json_object_get(json_object_get(tree, "variables"), "v");
	assert_true(slice_eq(
		slice_of(json_string_value(a), json_string_length(a)), v));
	json_decref(tree);
}

static void
in_variables_of_graphql(void **state)
{
	(void)state;
	each_value("{\"request\":{\"method\":\"POST\",\"url\":"
		   "\"https://h.example/\",\"body\":{\"type\":\"graphql\","
		   "\"content\":{\"query\":\"query Q($v: ID!) { a(id: $v) "
		   "@skip(if: false) }\",\"operation_name\":\"Q\","
		   "\"variables\":{\"v\":\"{{input.v}}\"}}}}}",
		   check_graphql, NULL);
}

/* ---- what else there is ---- */

static void
json_keeps_types(void **state)
{
	struct hook_document *d = hook_world_document(
		"{\"request\":{\"method\":\"POST\",\"url\":"
		"\"https://h.example/\",\"body\":{\"type\":\"json\",\"content\":"
		"{\"n\":\"@input.n\",\"s\":\"n=@input.n\",\"l\":\"@input.l\","
		"\"b\":\"@input.b\",\"x\":\"@input.x\"}}}}");
	json_t *scope = hook_world_json(
		"{\"input\":{\"n\":5,\"l\":[1,{\"a\":null}],\"b\":true}}");

	(void)state;
	assert_int_equal(hook_world_build(d, scope), 0);
	assert_true(
		slice_eq(body(), SLICE("{\"n\":5,\"s\":\"n=5\",\"l\":[1,{\"a\":"
				       "null}],\"b\":true,\"x\":null}")));
	assert_int_equal(hook_world_built.unset_count, 1);
	assert_string_equal(hook_world_built.unset[0], "input.x");
	json_decref(scope);
	hook_document_unref(d);
}

static void
each_type_brings_its_content_type_and_the_authors_wins(void **state)
{
	static const char *const types[][2] = {
		{ "\"type\":\"json\",\"content\":1", "application/json" },
		{ "\"type\":\"form\",\"content\":[]",
		  "application/x-www-form-urlencoded" },
		{ "\"type\":\"text\",\"content\":\"\"",
		  "text/plain; charset=utf-8" },
		{ "\"type\":\"xml\",\"content\":\"<a/>\"", "application/xml" },
		{ "\"type\":\"graphql\",\"content\":{\"query\":\"{a}\"}",
		  "application/json" },
	};
	json_t *none = json_object();
	struct hook_document *d;
	char json[400];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(types); i++) {
		snprintf(json, sizeof(json),
			 "{\"request\":{\"method\":\"POST\",\"url\":"
			 "\"https://h.example/\",\"body\":{%s}}}",
			 types[i][0]);
		d = hook_world_document(json);
		assert_int_equal(hook_world_build(d, none), 0);
		assert_string_equal(
			hook_built_header(&hook_world_built, "Content-Type"),
			types[i][1]);
		hook_document_unref(d);
	}
	d = hook_world_document(
		"{\"request\":{\"method\":\"POST\",\"url\":"
		"\"https://h.example/\",\"headers\":[{\"name\":"
		"\"content-TYPE\",\"value\":\"application/soap+xml\"}],"
		"\"body\":{\"type\":\"xml\",\"content\":\"<a/>\"}}}");
	assert_int_equal(hook_world_build(d, none), 0);
	assert_string_equal(
		hook_built_header(&hook_world_built, "Content-Type"),
		"application/soap+xml");
	hook_document_unref(d);
	json_decref(none);
}

static void
an_idempotency_key_that_comes_out_empty_is_none(void **state)
{
	struct hook_document *d = hook_world_document(
		"{\"request\":{\"method\":\"POST\",\"url\":"
		"\"https://h.example/\",\"idempotency_key\":\"@input.k\"}}");
	json_t *none = json_object(),
	       *some = hook_world_json("{\"input\":{\"k\":\"k1\"}}");

	(void)state;
	assert_int_equal(hook_world_build(d, none), 0);
	assert_false(hook_world_built.keyed);
	assert_null(hook_built_header(&hook_world_built, "Idempotency-Key"));
	assert_int_equal(hook_world_build(d, some), 0);
	assert_true(hook_world_built.keyed);
	assert_string_equal(
		hook_built_header(&hook_world_built, "Idempotency-Key"), "k1");
	json_decref(none);
	json_decref(some);
	hook_document_unref(d);
}

static void
a_query_joins_the_one_of_the_url(void **state)
{
	static const char *const urls[][2] = {
		{ "https://h.example", "https://h.example?a=1" },
		{ "https://h.example/", "https://h.example/?a=1" },
		{ "https://h.example/?", "https://h.example/?a=1" },
		{ "https://h.example/?b=2", "https://h.example/?b=2&a=1" },
		{ "https://h.example/?b&", "https://h.example/?b&a=1" },
	};
	json_t *none = json_object();
	struct hook_document *d;
	char json[400];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(urls); i++) {
		snprintf(json, sizeof(json),
			 "{\"request\":{\"method\":\"GET\",\"url\":\"%s\","
			 "\"query\":[{\"name\":\"a\",\"value\":\"1\"}]}}",
			 urls[i][0]);
		d = hook_world_document(json);
		assert_int_equal(hook_world_build(d, none), 0);
		assert_string_equal(hook_world_built.url, urls[i][1]);
		hook_document_unref(d);
	}
	json_decref(none);
}

static void
what_grows_too_large_is_told_and_not_sent(void **state)
{
	struct hook_document *d = hook_world_document(
		"{\"request\":{\"method\":\"POST\",\"url\":"
		"\"https://h.example/\",\"body\":{\"type\":\"text\","
		"\"content\":\"{{input.v}}{{input.v}}\"}}}");
	char *long_text = calloc(1, HOOK_BODY_MAX);
	json_t *scope;

	(void)state;
	memset(long_text, 'x', HOOK_BODY_MAX);
	scope = scope_of(slice_of(long_text, HOOK_BODY_MAX / 2));
	assert_int_equal(hook_world_build(d, scope), 0);
	assert_int_equal(body().len, HOOK_BODY_MAX);
	json_decref(scope);
	scope = scope_of(slice_of(long_text, HOOK_BODY_MAX / 2 + 1));
	assert_int_equal(hook_world_build(d, scope), ERR_INVALID);
	assert_non_null(strstr(hook_world_built.why, "large"));
	assert_null(strstr(hook_world_built.why, "xxx"));
	json_decref(scope);
	hook_document_unref(d);
	free(long_text);
}

static int
end(void **state)
{
	(void)state;
	hook_world_end();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_path),
		cmocka_unit_test(in_the_query),
		cmocka_unit_test(in_a_header),
		cmocka_unit_test(in_json),
		cmocka_unit_test(in_a_form),
		cmocka_unit_test(in_a_part),
		cmocka_unit_test(in_the_name_of_a_part_and_of_a_file),
		cmocka_unit_test(in_a_text),
		cmocka_unit_test(in_xml),
		cmocka_unit_test(in_variables_of_graphql),
		cmocka_unit_test(json_keeps_types),
		cmocka_unit_test(
			each_type_brings_its_content_type_and_the_authors_wins),
		cmocka_unit_test(
			an_idempotency_key_that_comes_out_empty_is_none),
		cmocka_unit_test(a_query_joins_the_one_of_the_url),
		cmocka_unit_test(what_grows_too_large_is_told_and_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
