/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of token endpoints: what is a success, when tokens end, and what
 * people get to read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "method/method.h"

enum { NOW = 1000000000 };

static const char definition[] =
	"{\"id\":\"test_desk\",\"name\":\"Test Desk\",\"categories\":[\"Test\"],"
	"\"methods\":{\"oauth\":{\"kind\":\"oauth2_code\",\"name\":\"Sign in\","
	"\"authorize\":{\"url\":\"https://login.example.com/auth\"},"
	"\"token\":{\"url\":\"https://login.example.com/token\"},"
	"\"answer\":{\"expires\":[{\"path\":\"expiry\",\"unit\":\"rfc3339\"},"
	"{\"path\":\"expires_in\",\"unit\":\"s\"},"
	"{\"path\":\"life.ms\",\"unit\":\"ms\"},"
	"{\"path\":\"ends_s\",\"unit\":\"at_s\"},"
	"{\"path\":\"ends_ms\",\"unit\":\"at_ms\"}]}}},"
	"\"api\":{\"base_url\":\"https://api.example.com\","
	"\"hosts\":[\"api.example.com\"]}}";

static struct catalog *catalog;
static struct binding *binding;
static struct method_answer answer;

static int
begin_all(void **state)
{
	struct catalog_source source = { .org = "o", .text = SLICE_NONE };
	struct catalog_report report = { 0 };
	struct json_problem problem = { 0 };

	(void)state;
	source.text = slice_str(definition);
	if (catalog_new(&source, 1, &catalog, &report) || report.count) {
		print_error("%s %s\n", report.items[0].pointer,
			    report.items[0].detail);
		return -1;
	}
	return catalog_bind(catalog_find(catalog, "o", "test_desk"), NULL, NULL,
			    &binding, &problem);
}

static int
end_all(void **state)
{
	(void)state;
	binding_free(binding);
	catalog_unref(catalog);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	method_answer_release(&answer);
	return 0;
}

static void
take(int status, const char *text)
{
	char body[2048];

	snprintf(body, sizeof(body), "%s", text);
	method_answer_release(&answer);
	method_oauth2_answer(binding, METHOD_REFRESH, status, body,
			     strlen(body), NULL, NULL, NOW, &answer);
	if (answer.ok) /* lifted, not copied */
		assert_null(strstr(body, "at-1"));
}

static void
a_token_makes_success_whatever_else_does_not(void **state)
{
	(void)state;
	take(200, "{\"access_token\":\"at-1\",\"refresh_token\":\"rt-1\"}");
	assert_true(answer.ok);
	assert_memory_equal(secret_peek(answer.access_token), "at-1", 5);
	assert_memory_equal(secret_peek(answer.refresh_token), "rt-1", 5);
	take(200, "{\"access_token\":\"\"}");
	assert_false(answer.ok);
	take(200, "{\"access_token\":\"at-1\",\"error\":\"no\"}");
	assert_false(answer.ok);
	assert_null(answer.access_token);
	take(200, "{\"access_token\":\"at-1\\r\\nX: y\"}");
	assert_false(answer.ok);
	take(400, "{\"access_token\":\"at-1\"}");
	assert_false(answer.ok);
	take(200, "no JSON");
	assert_false(answer.ok);
}

static void
expiry_is_read_as_it_comes(void **state)
{
	static const struct {
		const char *text;
		int64_t at;
	} cases[] = {
		{ "\"expires_in\":3600", NOW + 3600000 },
		{ "\"expires_in\":\"3600\"", NOW + 3600000 },
		{ "\"expires_in\":3600.5", NOW + 3600000 },
		{ "\"expiry\":\"2001-09-09T01:46:40Z\"", 1000000000000 },
		{ "\"expiry\":\"1970-01-01T00:00:01Z\"", 1000 },
		{ "\"life\":{\"ms\":3600000}", NOW + 3600000 },
		{ "\"life\":{\"ms\":\"3600000\"}", NOW + 3600000 },
		{ "\"ends_s\":1700000000", 1700000000000 },
		{ "\"ends_s\":\"1700000000\"", 1700000000000 },
		{ "\"ends_ms\":1700000000000", 1700000000000 },
		{ "\"ends_ms\":1.7e12", 1700000000000 },
		/* the first place that says something, not the first at all */
		{ "\"expires_in\":60,\"life\":{\"ms\":1}", NOW + 60000 },
		{ "\"expires_in\":0,\"life\":{\"ms\":7}", NOW + 7 },
		{ "\"expires_in\":\"soon\",\"ends_s\":5", 5000 },
		{ "\"expiry\":\"never\",\"expires_in\":60", NOW + 60000 },
	};
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "{\"access_token\":\"at-1\",%s}",
			 cases[i].text);
		take(200, text);
		assert_true(answer.ok);
		if (answer.expires_at != cases[i].at)
			fail_msg("%s gives %lld", cases[i].text,
				 (long long)answer.expires_at);
	}
}

/* What is sent on between the processes is not below zero: such an answer
 * would count as none, and a rotated token as lost. */
static void
a_time_that_is_none_is_never_below_zero(void **state)
{
	static const char *const odd[] = {
		"\"expiry\":\"0001-01-01T00:00:00Z\"",
		"\"expiry\":\"1969-12-31T23:59:59Z\"",
		"\"expires_in\":-1",
		"\"expires_in\":-1e300",
		"\"expires_in\":1e300",
		"\"expires_in\":9223372036854775807",
	};
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(odd); i++) {
		snprintf(text, sizeof(text), "{\"access_token\":\"at-1\",%s}",
			 odd[i]);
		take(200, text);
		assert_true(answer.ok);
		if (answer.expires_at < 0)
			fail_msg("%s gives %lld", odd[i],
				 (long long)answer.expires_at);
	}
}

static void
words_are_cut_at_whole_characters_alone(void **state)
{
	char text[800] = "{\"error\":\"invalid_grant\","
			 "\"error_description\":\"Jeton p\xc3\xa9rim\xc3\xa9";
	size_t i;

	(void)state;
	strcat(text, "\"}");
	take(400, text);
	assert_string_equal(answer.error, "invalid_grant");
	assert_string_equal(answer.description, "Jeton p\xc3\xa9rim\xc3\xa9");
	strcpy(text, "{\"error_description\":\"x");
	for (i = 0; i < 200; i++)
		strcat(text, "\xc3\xa9");
	strcat(text, "\"}");
	take(400, text);
	assert_int_equal(strlen(answer.description),
			 sizeof(answer.description) - 1);
	assert_true(slice_is_utf8(slice_str(answer.description)));
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

static struct slice
retry_after(void *value, struct slice name)
{
	return slice_eq(name, SLICE("retry-after")) ? slice_str(value)
						    : SLICE_NONE;
}

/* As for every call: seconds or a date, a day at most. */
static void
wait_is_read_in_each_of_its_forms(void **state)
{
	enum { DAY = 24 * 3600 };
	static const struct {
		int status;
		const char *value;
		uint32_t wait_s;
	} cases[] = {
		{ 429, "600", 600 },
		{ 503, " 7 ", 7 },
		/* NOW is a million seconds: Mon, 12 Jan 1970 13:46:40 */
		{ 429, "Mon, 12 Jan 1970 13:56:40 GMT", 600 },
		{ 503, "Monday, 12-Jan-70 13:46:45 GMT", 5 },
		{ 429, "Mon Jan 12 13:46:41 1970", 1 },
		{ 429, "Mon, 12 Jan 1970 13:46:40 GMT", 0 },
		{ 429, "Mon, 12 Jan 1970 13:00:00 GMT", 0 },
		{ 429, "Sat, 28 Nov 2026 12:00:00 GMT", DAY },
		{ 429, "86400", DAY },
		{ 429, "86401", DAY },
		{ 429, "99999999999999999999999", DAY },
		{ 429, "0", 0 },
		{ 429, "-5", 0 },
		{ 429, "soon", 0 },
		{ 429, "", 0 },
		{ 400, "600", 0 }, /* it is refused: nothing to wait for */
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		char body[] = "{\"error\":\"odd\"}";

		method_answer_release(&answer);
		method_oauth2_answer(binding, METHOD_REFRESH, cases[i].status,
				     body, strlen(body), retry_after,
				     (void *)(uintptr_t)cases[i].value, NOW,
				     &answer);
		if (answer.wait_s != cases[i].wait_s)
			fail_msg("%d %s: %u", cases[i].status, cases[i].value,
				 answer.wait_s);
	}
}

/* ---- scopes ---- */

static void
scopes_of_an_array_are_as_clean_as_those_of_a_text(void **state)
{
	(void)state;
	take(200, "{\"access_token\":\"at-1\",\"scope\":[\"a.\\u0007READ\\n\","
		  "7,\"\\u001b\",\"\",\"caf\\u00e9\"]}");
	assert_true(answer.ok);
	assert_string_equal(answer.scope, "a.READ caf\xc3\xa9");
	take(200, "{\"access_token\":\"at-1\",\"scope\":[\"\\u007f\"]}");
	assert_string_equal(answer.scope, "");
	assert_false(answer.has_scope);
}

/* A part of one could be the name of another. */
static void
scope_that_has_no_room_is_left_out_whole(void **state)
{
	static char body[2 * METHOD_SCOPE_SIZE];
	size_t n;

	(void)state;
	n = (size_t)snprintf(body, sizeof(body),
			     "{\"access_token\":\"at-1\",\"scope\":[\"");
	memset(body + n, 'x', METHOD_SCOPE_SIZE - 10);
	n += METHOD_SCOPE_SIZE - 10;
	snprintf(
		body + n, sizeof(body) - n,
		"\",\"tickets.readwrite\",\"\u00e9\u00e9\u00e9\u00e9\u00e9\",\"a.READ\"]}");
	method_answer_release(&answer);
	method_oauth2_answer(binding, METHOD_REFRESH, 200, body, strlen(body),
			     NULL, NULL, NOW, &answer);
	assert_true(answer.ok);
	assert_int_equal(strlen(answer.scope), METHOD_SCOPE_SIZE - 10 + 7);
	assert_string_equal(answer.scope + METHOD_SCOPE_SIZE - 10, " a.READ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_makes_success_whatever_else_does_not),
		TEST(expiry_is_read_as_it_comes),
		TEST(a_time_that_is_none_is_never_below_zero),
		TEST(words_are_cut_at_whole_characters_alone),
		TEST(wait_is_read_in_each_of_its_forms),
		TEST(scopes_of_an_array_are_as_clean_as_those_of_a_text),
		TEST(scope_that_has_no_room_is_left_out_whole),
	};

	return cmocka_run_group_tests(tests, begin_all, end_all);
}
