/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: what compiles, and what is said of what does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/hook_world.h"

#define GET "\"method\":\"GET\",\"url\":\"https://h.example/\""
#define POST "\"method\":\"POST\",\"url\":\"https://h.example/\""

static void
a_small_document_has_the_usual_limits(void **state)
{
	struct hook_document *d =
		hook_world_document("{\"request\":{" GET "}}");

	(void)state;
	assert_int_equal(d->timeout_ms, 10000);
	assert_int_equal(d->max_bytes, 1024 * 1024);
	assert_int_equal(d->max_redirects, 3);
	assert_int_equal(d->retries.max, 0);
	assert_string_equal(hook_document_connection(d), "");
	assert_string_equal(hook_document_method(d), "GET");
	assert_string_equal(hook_document_path(d, 0), "other");
	assert_string_equal(hook_document_path(d, 1), "no_answer");
	assert_null(hook_document_path(d, 2));
	hook_document_unref(d);
}

static void
every_limit_and_part_can_be_said(void **state)
{
	struct hook_document *d = hook_world_document(
		"{\"request\":{\"method\":\"PUT\",\"url\":\"/a/{{input.a}}\","
		"\"query\":[{\"name\":\"q\",\"value\":\"@input.b\"},"
		"{\"name\":\"\",\"value\":\"{{\",\"off\":true}],"
		"\"headers\":[{\"name\":\"X-A\",\"value\":\"1\"},"
		"{\"name\":\"Authorization\",\"value\":\"{{input.d}}\"}],"
		"\"body\":{\"type\":\"json\",\"content\":{\"n\":\"@input.c\"}},"
		"\"timeout_ms\":120000,\"max_bytes\":16777216,"
		"\"max_redirects\":0,\"retries\":{\"max\":5,"
		"\"on\":[429,\"transport\"]},\"idempotency_key\":\"k\"},"
		"\"connection\":\"desk_1\","
		"\"response_list\":[{\"codes\":[\"200\",\"2xx\"],\"mappings\":["
		"{\"variable\":\"subject\",\"from\":\"$.data[0].subject\"},"
		"{\"variable\":\"flow.all\",\"from\":\"$..id\"},"
		"{\"variable\":\"block.kind\",\"from\":\"header:Content-Type\","
		"\"default\":null}]},{\"codes\":[\"404\"]}]}");
	const char *pointer;

	(void)state;
	assert_string_equal(hook_world_problems, "");
	assert_int_equal(d->query.count, 1);
	assert_int_equal(d->retries.on, HOOK_ON_429 | HOOK_ON_TRANSPORT);
	assert_string_equal(hook_document_path(d, 0), "200,2xx");
	assert_string_equal(hook_document_path(d, 1), "404");
	assert_string_equal(hook_document_path(d, 2), "other");
	assert_string_equal(hook_document_sets(d, 0, 0), "block.subject");
	assert_string_equal(hook_document_sets(d, 0, 1), "flow.all");
	assert_string_equal(hook_document_sets(d, 0, 2), "block.kind");
	assert_null(hook_document_sets(d, 0, 3));
	assert_null(hook_document_sets(d, 1, 0));
	assert_null(hook_document_sets(d, 2, 0));
	assert_true(hook_document_is_repeatable(d));
	assert_non_null(hook_document_template(d, 0, &pointer));
	assert_string_equal(pointer, "/request/url");
	hook_document_unref(d);
}

static void
variables_that_cannot_be_are_found_where_they_stand(void **state)
{
	static const char *const known[] = { "input.a", "session.*", NULL };
	struct hook_document *d = hook_world_document(
		"{\"request\":{\"method\":\"POST\","
		"\"url\":\"https://h.example/{{input.a}}\","
		"\"headers\":[{\"name\":\"X\",\"value\":\"@session.x\"},"
		"{\"name\":\"Y\",\"value\":\"@input.aa\"}],"
		"\"body\":{\"type\":\"json\",\"content\":"
		"[{\"k/\":\"@flow.x\"}]}}}");

	(void)state;
	hook_world_problems[0] = '\0';
	assert_int_equal(hook_document_check(d, known, hook_world_report, NULL),
			 2);
	assert_string_equal(hook_world_problems,
			    "/request/headers/1/value unknown_variable\n"
			    "/request/body/content/0/k~1 unknown_variable\n");
	hook_document_unref(d);
}

/* One fault each, and what is said of it. */
static const struct {
	const char *json, *problems;
} faults[] = {
	{ "[]", " wrong_type\n" },
	{ "{}", "/request missing\n" },
	{ "{\"request\":null}", "/request missing\n" },
	{ "{\"request\":7}", "/request wrong_type\n" },
	{ "{\"request\":{" GET "},\"requests\":{}}",
	  "/requests unknown_field\n" },
	{ "{\"request\":{\"url\":\"https://h.example/\"}}",
	  "/request/method missing\n" },
	{ "{\"request\":{\"method\":1,\"url\":\"https://h.example/\"}}",
	  "/request/method wrong_type\n" },
	{ "{\"request\":{\"method\":\"get\",\"url\":\"https://h.example/\"}}",
	  "/request/method invalid_value\n" },
	{ "{\"request\":{\"method\":\"TRACE\",\"url\":\"https://h.example/\"}}",
	  "/request/method invalid_value\n" },
	{ "{\"request\":{\"method\":\"GET\"}}", "/request/url missing\n" },
	/* the host is the author's */
	{ "{\"request\":{\"method\":\"GET\",\"url\":\"{{input.url}}\"}}",
	  "/request/url template\n" },
	{ "{\"request\":{\"method\":\"GET\","
	  "\"url\":\"https://{{input.h}}.example/\"}}",
	  "/request/url template\n" },
	{ "{\"request\":{\"method\":\"GET\","
	  "\"url\":\"https://h.example{{input.h}}/\"}}",
	  "/request/url template\n" },
	{ "{\"request\":{\"method\":\"GET\","
	  "\"url\":\"https://u@h.example/\"}}",
	  "/request/url template\n" },
	{ "{\"request\":{\"method\":\"GET\",\"url\":\"ftp://h.example/\"}}",
	  "/request/url template\n" },
	{ "{\"request\":{\"method\":\"GET\",\"url\":\"/relative\"}}",
	  "/request/url url\n" },
	{ "{\"request\":{\"method\":\"GET\",\"url\":\"http://h.example/\"}}",
	  "/request/url url\n" },
	{ "{\"request\":{" GET "},\"connection\":\"Desk\"}",
	  "/connection invalid_value\n" },
	{ "{\"request\":{" GET "},\"connection\":\"\"}",
	  "/connection invalid_value\n" },
	{ "{\"request\":{" GET ",\"query\":{}}}",
	  "/request/query wrong_type\n" },
	{ "{\"request\":{" GET ",\"query\":[1]}}",
	  "/request/query/0 wrong_type\n" },
	{ "{\"request\":{" GET ",\"query\":[{\"name\":\"\",\"value\":\"\"}]}}",
	  "/request/query/0/name missing\n" },
	{ "{\"request\":{" GET ",\"query\":[{\"name\":\"a\"}]}}",
	  "/request/query/0/value missing\n" },
	{ "{\"request\":{" GET
	  ",\"query\":[{\"name\":\"a\",\"value\":\"{{\"}]}}",
	  "/request/query/0/value template\n" },
	{ "{\"request\":{" GET
	  ",\"headers\":[{\"name\":\"a b\",\"value\":\"\"}]}}",
	  "/request/headers/0/name invalid_value\n" },
	{ "{\"request\":{" GET
	  ",\"headers\":[{\"name\":\"Host\",\"value\":\"\"}]}}",
	  "/request/headers/0/name not_allowed\n" },
	{ "{\"request\":{" GET
	  ",\"headers\":[{\"name\":\"content_length\",\"value\":\"\"}]}}",
	  "/request/headers/0/name not_allowed\n" },
	{ "{\"request\":{" GET
	  ",\"headers\":[{\"name\":\"Metadata_Flavor\",\"value\":\"\"}]}}",
	  "/request/headers/0/name not_allowed\n" },
	{ "{\"request\":{" GET
	  ",\"headers\":[{\"name\":\"X\",\"value\":\"a\\r\\nb\"}]}}",
	  "/request/headers/0/value template\n" },
	{ "{\"request\":{" GET
	  ",\"body\":{\"type\":\"text\",\"content\":\"x\"}}}",
	  "/request/body not_allowed\n" },
	{ "{\"request\":{" POST ",\"body\":{}}}",
	  "/request/body/type missing\n" },
	{ "{\"request\":{" POST ",\"body\":{\"type\":\"jsn\"}}}",
	  "/request/body/type invalid_value\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"none\",\"content\":\"x\"}}}",
	  "/request/body/content not_allowed\n" },
	{ "{\"request\":{" POST ",\"body\":{\"type\":\"json\"}}}",
	  "/request/body/content missing\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"json\",\"content\":[1,\"{{x\"]}}}",
	  "/request/body/content/1 template\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"json\",\"content\":{\"a\":\"{{x\",\"b\":"
	  "[\"fine\",{\"c/\":\"@{y\"}]}}}}",
	  "/request/body/content/a template\n"
	  "/request/body/content/b/1/c~1 template\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"form\",\"content\":\"x\"}}}",
	  "/request/body/content wrong_type\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"xml\",\"content\":\"<a {{input.x}}/>\"}}}",
	  "/request/body/content template\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"graphql\",\"content\":{\"query\":\"{a}\","
	  "\"variables\":[]}}}}",
	  "/request/body/content/variables wrong_type\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"multipart\",\"content\":["
	  "{\"name\":\"f\",\"content_base64\":\"@@\"}]}}}",
	  "/request/body/content/0/content_base64 invalid_value\n" },
	{ "{\"request\":{" POST
	  ",\"body\":{\"type\":\"multipart\",\"content\":["
	  "{\"name\":\"f\",\"value\":\"x\",\"content_type\":\"a\\nb\"}]}}}",
	  "/request/body/content/0/content_type invalid_value\n" },
	{ "{\"request\":{" GET ",\"timeout_ms\":999}}",
	  "/request/timeout_ms invalid_value\n" },
	{ "{\"request\":{" GET ",\"timeout_ms\":120001}}",
	  "/request/timeout_ms invalid_value\n" },
	{ "{\"request\":{" GET ",\"timeout_ms\":1e4}}",
	  "/request/timeout_ms wrong_type\n" },
	{ "{\"request\":{" GET ",\"max_bytes\":16777217}}",
	  "/request/max_bytes invalid_value\n" },
	{ "{\"request\":{" GET ",\"max_redirects\":6}}",
	  "/request/max_redirects invalid_value\n" },
	{ "{\"request\":{" POST ",\"retries\":{\"max\":1}}}",
	  "/request/retries not_allowed\n" },
	{ "{\"request\":{" GET ",\"retries\":{\"max\":6}}}",
	  "/request/retries/max invalid_value\n" },
	{ "{\"request\":{" GET ",\"retries\":{\"max\":1,\"on\":[500]}}}",
	  "/request/retries/on/0 invalid_value\n" },
	{ "{\"request\":{" GET "},\"response_list\":[{\"codes\":[]}]}",
	  "/response_list/0/codes missing\n" },
	{ "{\"request\":{" GET "},\"response_list\":[{\"codes\":[200]}]}",
	  "/response_list/0/codes/0 invalid_value\n" },
	{ "{\"request\":{" GET "},\"response_list\":[{\"codes\":[\"1xx\"]}]}",
	  "/response_list/0/codes/0 invalid_value\n" },
	{ "{\"request\":{" GET "},\"response_list\":[{\"codes\":[\"2XX\"]}]}",
	  "/response_list/0/codes/0 invalid_value\n" },
	{ "{\"request\":{" GET "},\"response_list\":[{\"codes\":[\"600\"]}]}",
	  "/response_list/0/codes/0 invalid_value\n" },
	{ "{\"request\":{" GET
	  "},\"response_list\":[{\"codes\":[\"200\",\"200\"]}]}",
	  "/response_list/0/codes/1 duplicate\n" },
	{ "{\"request\":{" GET "},\"response_list\":[{\"codes\":[\"2xx\"]},"
	  "{\"codes\":[\"404\",\"2xx\"]}]}",
	  "/response_list/1/codes/1 duplicate\n" },
#define MAPPED(m) \
	"{\"request\":{" GET "},\"response_list\":[{\"codes\":[\"200\"]," \
	"\"mappings\":[" m "]}]}"
	{ MAPPED("{\"variable\":\"a-b\",\"from\":\"body\"}"),
	  "/response_list/0/mappings/0/variable variable\n" },
	{ MAPPED("{\"variable\":\"input.a\",\"from\":\"body\"}"),
	  "/response_list/0/mappings/0/variable variable\n" },
	{ MAPPED("{\"variable\":\"flow.a.b\",\"from\":\"body\"}"),
	  "/response_list/0/mappings/0/variable variable\n" },
	{ MAPPED("{\"variable\":\"a\",\"from\":\"bdy\"}"),
	  "/response_list/0/mappings/0/from invalid_value\n" },
	{ MAPPED("{\"variable\":\"a\",\"from\":\"header:\"}"),
	  "/response_list/0/mappings/0/from invalid_value\n" },
	{ MAPPED("{\"variable\":\"a\",\"from\":\"$.[\"}"),
	  "/response_list/0/mappings/0/from jsonpath\n" },
	{ MAPPED("{\"variable\":\"a\",\"from\":\"body\","
		 "\"missing\":\"default\"}"),
	  "/response_list/0/mappings/0/default missing\n" },
	{ MAPPED("{\"variable\":\"a\",\"from\":\"body\","
		 "\"missing\":\"error\",\"default\":1}"),
	  "/response_list/0/mappings/0/default not_allowed\n" },
	{ MAPPED("{\"variable\":\"a\",\"from\":\"body\",\"shape\":\"set\"}"),
	  "/response_list/0/mappings/0/shape invalid_value\n" },
	{ MAPPED("{\"variable\":\"a\",\"from\":\"body\"},"
		 "{\"variable\":\"block.a\",\"from\":\"status\"}"),
	  "/response_list/0/mappings/1/variable duplicate\n" },
};

static void
each_fault_is_told_at_its_place(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(faults); i++) {
		if (hook_world_compile(faults[i].json))
			fail_msg("%s compiles", faults[i].json);
		if (strcmp(hook_world_problems, faults[i].problems))
			fail_msg("%s: %s(%s)", faults[i].json,
				 hook_world_problems, hook_world_detail);
	}
}

static void
all_faults_are_told_at_once(void **state)
{
	(void)state;
	assert_null(hook_world_compile(
		"{\"request\":{\"method\":\"POTS\",\"url\":\"/x\","
		"\"hedaers\":[],\"timeout_ms\":0,\"query\":[{\"nam\":\"a\"}]},"
		"\"response_list\":[{\"codes\":[\"20\"],\"mappings\":[{}]}]}"));
	assert_string_equal(hook_world_problems,
			    "/request/hedaers unknown_field\n"
			    "/request/method invalid_value\n"
			    "/request/url url\n"
			    "/request/query/0/nam unknown_field\n"
			    "/request/query/0/name missing\n"
			    "/request/query/0/value missing\n"
			    "/request/timeout_ms invalid_value\n"
			    "/response_list/0/codes/0 invalid_value\n"
			    "/response_list/0/mappings/0/variable missing\n"
			    "/response_list/0/mappings/0/from missing\n");
}

static void
what_is_odd_but_works_is_a_warning(void **state)
{
	struct hook_document *d = hook_world_document(
		"{\"request\":{" POST ",\"headers\":[{\"name\":"
		"\"content-type\",\"value\":\"multipart/form-data\"}],"
		"\"body\":{\"type\":\"multipart\",\"content\":[]}}}");

	(void)state;
	assert_string_equal(hook_world_problems,
			    "-/request/headers/0 not_allowed\n");
	hook_document_unref(d);
	d = hook_world_document(
		"{\"request\":{" POST ",\"body\":{\"type\":\"graphql\","
		"\"content\":{\"query\":\"{ a(id: {{input.x}}) }\"}}}}");
	assert_string_equal(hook_world_problems,
			    "-/request/body/content/query template\n");
	hook_document_unref(d);
	d = hook_world_document(
		"{\"request\":{" GET ",\"headers\":[{\"name\":\"range\","
		"\"value\":\"bytes=0-9\"}]},\"connection\":\"c\"}");
	assert_string_equal(hook_world_problems,
			    "-/request/headers/0/name not_allowed\n");
	hook_document_unref(d);
	d = hook_world_document(
		"{\"request\":{" GET ",\"headers\":[{\"name\":\"X_MS-Range\","
		"\"value\":\"bytes=0-9\"}]},\"connection\":\"c\"}");
	assert_string_equal(hook_world_problems,
			    "-/request/headers/0/name not_allowed\n");
	hook_document_unref(d);
	d = hook_world_document("{\"request\":{" GET
				",\"headers\":[{\"name\":\"range\","
				"\"value\":\"bytes=0-9\"}]}}");
	assert_string_equal(hook_world_problems, "");
	hook_document_unref(d);
}

static void
problems_are_bounded_and_so_are_lists(void **state)
{
	json_t *rows = json_array(), *doc;
	struct hook_document *d;
	size_t i, lines = 0;

	(void)state;
	for (i = 0; i < 100; i++)
		json_array_append_new(rows, json_object());
	doc = json_pack("{s:{s:s,s:s,s:O,s:O}}", "request", "method", "GET",
			"url", "https://h.example/", "query", rows, "headers",
			rows);
	hook_world_problems[0] = '\0';
	assert_int_equal(hook_compile(doc, NULL, hook_world_report, NULL, &d),
			 ERR_INVALID);
	for (i = 0; hook_world_problems[i]; i++)
		lines += hook_world_problems[i] == '\n';
	assert_int_equal(lines, HOOK_PROBLEMS_MAX);
	json_array_append_new(rows, json_object());
	hook_world_problems[0] = '\0';
	assert_int_equal(hook_compile(doc, NULL, hook_world_report, NULL, &d),
			 ERR_INVALID);
	assert_string_equal(hook_world_problems,
			    "/request/query too_large\n"
			    "/request/headers too_large\n");
	json_decref(doc);
	json_decref(rows);
}

static void
a_document_can_be_compiled_without_anybody_listening(void **state)
{
	json_t *doc = hook_world_json("{\"request\":{}}");
	struct hook_document *d;

	(void)state;
	assert_int_equal(hook_compile(doc, NULL, NULL, NULL, &d), ERR_INVALID);
	json_decref(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_document_has_the_usual_limits),
		cmocka_unit_test(every_limit_and_part_can_be_said),
		cmocka_unit_test(
			variables_that_cannot_be_are_found_where_they_stand),
		cmocka_unit_test(each_fault_is_told_at_its_place),
		cmocka_unit_test(all_faults_are_told_at_once),
		cmocka_unit_test(what_is_odd_but_works_is_a_warning),
		cmocka_unit_test(problems_are_bounded_and_so_are_lists),
		cmocka_unit_test(
			a_document_can_be_compiled_without_anybody_listening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
