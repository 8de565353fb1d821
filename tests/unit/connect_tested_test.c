/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the answer to a test request says of the credential, by the rules of
 * the definitions as they are delivered; and where a test request goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/catalog_world.h"
#include "connect/exchanger_priv.h"

static struct slice
field(void *arg, struct slice name)
{
	const char *retry_after = arg;

	return retry_after && slice_eq_nocase(name, SLICE("retry-after"))
		       ? slice_str(retry_after)
		       : SLICE_NONE;
}

static struct connect_msg_tested
told(const struct binding *b, int status, const char *body,
     const char *retry_after)
{
	struct connect_msg_tested m = { 0 };
	struct binding_answer a = {
		.status = status,
		.body = slice_str(body),
		.header = field,
		.header_arg = (void *)(uintptr_t)retry_after,
	};

	connect_test_read(b, 0, &a, &m);
	return m;
}

#define P CONNECT_TEST_PASSED
#define R CONNECT_TEST_REFUSED
#define L CONNECT_TEST_LACKS
#define U CONNECT_TEST_UNSURE

static const struct {
	const char *service, *method, *parameters;
	int status;
	const char *body;
	enum connect_verdict verdict;
	const char *words; /* of the service; or the account's name */
} cases[] = {
	{ "stripe", "key", NULL, 200,
	  "{\"settings\":{\"dashboard\":{\"display_name\":\"Acme\"}}}", P,
	  "Acme" },
	{ "stripe", "key", NULL, 401,
	  "{\"error\":{\"message\":\"Invalid API Key provided\"}}", R,
	  "Invalid API Key provided" },
	{ "stripe", "key", NULL, 403,
	  "{\"error\":{\"message\":\"The provided key does not have the "
	  "required permissions for this endpoint\"}}",
	  L,
	  "The provided key does not have the required permissions for this "
	  "endpoint" },
	{ "slack", "token", NULL, 200, "{\"ok\":true,\"team\":\"Acme\"}", P,
	  "Acme" },
	{ "slack", "token", NULL, 200,
	  "{\"ok\":false,\"error\":\"invalid_auth\"}", R, "invalid_auth" },
	{ "slack", "token", NULL, 200,
	  "{\"ok\":false,\"error\":\"missing_scope\"}", L, "missing_scope" },
	{ "openai", "key", NULL, 401,
	  "{\"error\":{\"message\":\"Missing scopes: model.read\"}}", L,
	  "Missing scopes: model.read" },
	{ "github", "token", NULL, 200, "{\"login\":\"ada\"}", P, "ada" },
	{ "github", "token", NULL, 401, "{\"message\":\"Bad credentials\"}", R,
	  "Bad credentials" },
	/* neither the path nor the state of the service is the key's fault */
	{ "github", "token", NULL, 404, "{\"message\":\"Not Found\"}", U,
	  "Not Found" },
	{ "github", "token", NULL, 429, "", U, "" },
	{ "github", "token", NULL, 403,
	  "{\"message\":\"You have exceeded a secondary rate limit\"}", U,
	  "You have exceeded a secondary rate limit" },
	{ "github", "token", NULL, 500, "", U, "" },
	{ "github", "token", NULL, 503, "<html>", U, "" },
	{ "github", "token", NULL, 302, "", U, "" },
	{ "github", "token", NULL, 408, "", U, "" },
	{ "github", "token", NULL, 400, "", R, "" },
	{ "github", "token", NULL, 403, "", R, "" },
	/* what is no text, or none for people */
	{ "github", "token", NULL, 401, "{\"message\":7}", R, "" },
	{ "github", "token", NULL, 401, "{\"message\":\"a\\u0007b\"}", R, "" },
	{ "github", "token", NULL, 401, "{\"message\":\"a\\u0000b\"}", R, "" },
	{ "github", "token", NULL, 200, "{\"login\":7}", P, "" },
	{ "github", "token", NULL, 200, "not JSON", P, "" },
};

static void
answers_are_judged_by_the_definitions_rules(void **state)
{
	struct connect_msg_tested m;
	struct binding *b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		b = bound_with(cases[i].service, cases[i].method,
			       cases[i].parameters);
		m = told(b, cases[i].status, cases[i].body, NULL);
		if (m.verdict != cases[i].verdict)
			fail_msg("row %zu: %u", i, m.verdict);
		assert_int_equal(m.status, cases[i].status);
		assert_string_equal(m.verdict == P ? m.account : m.said,
				    cases[i].words);
		binding_free(b);
	}
}

static void
throttle_says_when_to_come_again(void **state)
{
	struct binding *b = bound_with("github", "token", NULL);
	struct connect_msg_tested m = told(b, 429, "", "17");

	(void)state;
	assert_int_equal(m.wait_s, 17);
	m = told(b, 503, "", "soon");
	assert_int_equal(m.wait_s, 0);
	/* a refusal is no reason to wait */
	m = told(b, 401, "", "17");
	assert_int_equal(m.wait_s, 0);
	binding_free(b);
}

static void
long_words_are_cut_between_characters(void **state)
{
	struct binding *b = bound_with("github", "token", NULL);
	struct connect_msg_tested m;
	char body[600] = "{\"message\":\"x";
	size_t i;

	(void)state;
	for (i = 0; i < 200; i++)
		strcat(body, "\xc3\xa9");
	strcat(body, "\"}");
	m = told(b, 401, body, NULL);
	assert_true(strlen(m.said) > 150);
	assert_true(slice_is_utf8(slice_str(m.said)));
	binding_free(b);
}

/* ---- where it goes ---- */

static struct secret *
text(const char *s)
{
	return s ? secret_from(s, strlen(s)) : NULL;
}

static void
injection_is_put_where_a_call_has_it(void **state)
{
	static const struct {
		const char *url, *path, *query, *is;
	} rows[] = {
		{ "https://api.github.com/user", NULL, NULL,
		  "https://api.github.com/user" },
		{ "https://api.github.com/user", "/bot1%2F", NULL,
		  "https://api.github.com/bot1%2F/user" },
		{ "https://api.github.com", "/bot1", "key=a",
		  "https://api.github.com/bot1?key=a" },
		{ "https://api.github.com", NULL, "key=a",
		  "https://api.github.com/?key=a" },
		{ "https://api.github.com?x=1", NULL, "key=a",
		  "https://api.github.com/?x=1&key=a" },
		{ "https://api.github.com/v1/me?x=1", "/bot1", "key=a&b=c",
		  "https://api.github.com/bot1/v1/me?x=1&key=a&b=c" },
		/* no host of the service's, not over http, no URL */
		{ "https://api.github.com.example/user", NULL, NULL, NULL },
		{ "https://api.github.com:444/user", NULL, NULL, NULL },
		{ "http://api.github.com/user", NULL, NULL, NULL },
		{ "https://api.github.com@evil.example/user", NULL, NULL,
		  NULL },
		{ "/user", NULL, NULL, NULL },
	};
	struct binding *b = bound_with("github", "token", NULL);
	struct method_injection add;
	char detail[256];
	struct buf out;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		add = (struct method_injection){ .path = text(rows[i].path),
						 .query = text(rows[i].query) };
		detail[0] = '\0';
		buf_init(&out, 4096);
		rc = connect_test_url(b, rows[i].url, &add, &out, detail,
				      sizeof(detail));
		if (!rows[i].is) {
			assert_true(rc < 0 && detail[0]);
			assert_int_equal(out.len, 0);
		} else {
			assert_int_equal(rc, 0);
			assert_string_equal(buf_cstr(&out), rows[i].is);
		}
		method_injection_release(&add);
		buf_release(&out);
	}
	binding_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_judged_by_the_definitions_rules),
		cmocka_unit_test(throttle_says_when_to_come_again),
		cmocka_unit_test(long_words_are_cut_between_characters),
		cmocka_unit_test(injection_is_put_where_a_call_has_it),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
