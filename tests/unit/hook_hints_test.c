/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints on a request: where a literal secret is seen, where it is not, and
 * the traps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../support/hook_world.h"

static void
hint_put(void *arg, const struct hook_hint *hint)
{
	struct buf *b = arg;

	assert_int_equal(hint->soft,
			 strcmp(hint->code, "literal_secret") &&
				 strcmp(hint->code, "filter_ignored"));
	assert_true(hint->detail[0]);
	buf_printf(b, "%s%s %s", b->len ? "; " : "", hint->pointer, hint->code);
}

static void
hints_are(const char *request, const char *want)
{
	json_t *tree = json_loads(request, 0, NULL);
	struct buf b;
	size_t n;

	assert_non_null(tree);
	buf_init(&b, 4096);
	n = hook_hints(tree, hint_put, &b);
	if (strcmp(b.len ? buf_cstr(&b) : "", want))
		fail_msg("%s: %s, not %s", request, buf_cstr(&b), want);
	assert_int_equal(n > 0, want[0] != 0);
	buf_release(&b);
	json_decref(tree);
}

static void
literal_secrets_are_seen_by_name_and_by_shape(void **state)
{
	(void)state;
	hints_are("{\"headers\":[{\"name\":\"Authorization\",\"value\":\"x\"},"
		  "{\"name\":\"X-API-Key\",\"value\":\"a\"},"
		  "{\"name\":\"Accept\",\"value\":\"text/plain\"}]}",
		  "/headers/0/value literal_secret; "
		  "/headers/1/value literal_secret");
	hints_are("{\"query\":[{\"name\":\"q\",\"value\":"
		  "\"ghp_16C7e42F292c6912E7710c838347Ae178B4a\"}]}",
		  "/query/0/value literal_secret");
	hints_are("{\"url\":\"https://h.example/x?access_token=abc&b=c\"}",
		  "/url literal_secret");
	hints_are("{\"body\":{\"type\":\"form\",\"content\":["
		  "{\"name\":\"client_secret\",\"value\":\"x\"}]}}",
		  "/body/content/0/value literal_secret");
	hints_are("{\"body\":{\"type\":\"json\",\"content\":"
		  "{\"a/b\":[{\"password\":\"x\"}],\"keys\":\"y\"}}}",
		  "/body/content/a~1b/0/password literal_secret");
	hints_are("{\"body\":{\"type\":\"text\",\"content\":"
		  "\"-----BEGIN PRIVATE KEY-----\"}}",
		  "/body/content literal_secret");
}

static void
a_variable_gives_a_softer_hint_or_none(void **state)
{
	(void)state;
	hints_are("{\"headers\":[{\"name\":\"Authorization\",\"value\":"
		  "\"Bearer {{session.token}}\"},"
		  "{\"name\":\"X-Name\",\"value\":\"@input.name\"}]}",
		  "/headers/0/value variable_secret");
	hints_are("{\"headers\":[{\"name\":\"X-A\",\"value\":"
		  "\"sk_live_0123456789abcdef {{input.a}}\"}]}",
		  "/headers/0/value literal_secret");
}

static void
what_is_ordinary_gives_none(void **state)
{
	(void)state;
	hints_are("{}", "");
	hints_are("[]", "");
	hints_are("{\"url\":5,\"query\":{},\"headers\":[1,{}],\"body\":[]}",
		  "");
	hints_are("{\"url\":\"/v1/x\",\"query\":[{\"name\":\"page_token\","
		  "\"value\":\"CAUQAA\"},{\"name\":\"token\",\"off\":true,"
		  "\"value\":\"x\"}],\"headers\":[{\"name\":"
		  "\"Idempotency-Key\",\"value\":"
		  "\"0a1b2c3d-1111-2222-3333-444455556666\"}]}",
		  "");
	hints_are("{\"body\":{\"type\":\"json\",\"content\":"
		  "{\"max_tokens\":5,\"password\":\"\",\"author\":\"x\"}}}",
		  "");
}

static void
a_long_random_text_is_asked_about(void **state)
{
	(void)state;
	hints_are("{\"query\":[{\"name\":\"id\",\"value\":"
		  "\"a8f3k2l9q0w7e6r5t4y3u2i1\"}]}",
		  "/query/0/value looks_secret");
	hints_are("{\"query\":[{\"name\":\"id\",\"value\":"
		  "\"an-ordinary-name-of-some-thing\"}]}",
		  "");
}

static void
the_list_that_ignores_its_filter_is_told(void **state)
{
	(void)state;
	hints_are("{\"url\":\"https://desk.zoho.eu/api/v1/tickets\",\"query\":"
		  "[{\"name\":\"ticketNumber\",\"value\":\"@input.n\"}]}",
		  "/url filter_ignored");
	hints_are("{\"url\":\"/api/v1/tickets?ticketNumber=1\"}",
		  "/url filter_ignored");
	hints_are("{\"url\":\"/api/v1/tickets/search?ticketNumber=1\"}", "");
	hints_are("{\"url\":\"/api/v1/tickets?limit=1\"}", "");
}

static void
hints_are_bounded(void **state)
{
	json_t *rows = json_array(), *request;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * HOOK_HINTS_MAX; i++)
		json_array_append_new(rows, json_pack("{s:s, s:s}", "name",
						      "token", "value", "x"));
	request = json_pack("{s:o}", "headers", rows);
	assert_int_equal(hook_hints(request, NULL, NULL), HOOK_HINTS_MAX);
	json_decref(request);
}

static void
names_are_one_however_they_are_spelt(void **state)
{
	static const char *const secret[] = {
		"api_key", "apiKey",	     "X-API-KEY",  "client-secret",
		"Token",   "user[password]", "auth.token", "PRIVATE-TOKEN",
	};
	static const char *const plain[] = {
		"",	      "keyboard",	 "tokens",    "author",
		"page_token", "idempotency-key", "passenger", "secretary",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(secret); i++)
		if (!hook_secret_name(slice_str(secret[i])))
			fail_msg("%s is one", secret[i]);
	for (i = 0; i < ARRAY_LEN(plain); i++)
		if (hook_secret_name(slice_str(plain[i])))
			fail_msg("%s is none", plain[i]);
}

static void
a_secret_that_was_typed_in_is_a_warning(void **state)
{
	(void)state;
	hook_document_unref(hook_world_document(
		"{\"request\":{\"method\":\"PUT\","
		"\"url\":\"https://h.example/?api_key=abc\",\"headers\":["
		"{\"name\":\"Authorization\",\"value\":\"Bearer abc\"},"
		"{\"name\":\"X-API-Key\",\"value\":\"{{session.key}}\"},"
		"{\"name\":\"X-Id\",\"value\":"
		"\"9f86d081884c7d659a2feaa0c55ad015\"}],"
		"\"body\":{\"type\":\"json\",\"content\":"
		"{\"a/b\":[{\"password\":\"x\"}]}}}}"));
	assert_string_equal(hook_world_problems,
			    "-/request/url literal_secret\n"
			    "-/request/headers/0/value literal_secret\n"
			    "-/request/headers/2/value looks_secret\n"
			    "-/request/body/content/a~1b/0/password "
			    "literal_secret\n");
	assert_null(
		hook_world_compile("{\"request\":{\"method\":\"GET\","
				   "\"url\":\"https://h.example/?token=abc\","
				   "\"timeout_ms\":1}}"));
	assert_string_equal(hook_world_problems,
			    "/request/timeout_ms invalid_value\n"
			    "-/request/url literal_secret\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literal_secrets_are_seen_by_name_and_by_shape),
		cmocka_unit_test(a_variable_gives_a_softer_hint_or_none),
		cmocka_unit_test(what_is_ordinary_gives_none),
		cmocka_unit_test(a_long_random_text_is_asked_about),
		cmocka_unit_test(the_list_that_ignores_its_filter_is_told),
		cmocka_unit_test(hints_are_bounded),
		cmocka_unit_test(names_are_one_however_they_are_spelt),
		cmocka_unit_test(a_secret_that_was_typed_in_is_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
