/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refreshes as each default service wants them: what is sent besides the
 * refresh token, which is easily forgotten since the first exchange went well
 * without, and what comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "method/method.h"
#include "../support/catalog_world.h"

static struct secret *
secret(const char *text)
{
	return secret_from(text, strlen(text));
}

static bool
has(const struct secret *s, const char *text)
{
	return memmem(secret_peek(s), secret_len(s), text, strlen(text));
}

/* Of the app "id", "hush" with the tokens "at" and "rt". */
static struct method_http
refresh(const struct binding *b)
{
	struct secret *hush = secret("hush"), *rt = secret("rt"),
		      *at = secret("at");
	struct method_request_input in = {
		.what = METHOD_REFRESH,
		.binding = b,
		.client_id = "id",
		.client_secret = hush,
		.refresh_token = rt,
		.access_token = at,
		.scope = "s1 s2",
	};
	struct method_http out;

	assert_int_equal(method_oauth2_request(&in, &out), 0);
	secret_free(hush);
	secret_free(rt);
	secret_free(at);
	return out;
}

/* ---- what is sent ---- */

static void
fields_and_parameters_of_a_service_are_on_its_refresh_too(void **state)
{
	static const struct {
		const char *service, *method, *field, *part;
	} all[] = {
		{ "notion", "oauth", "Notion-Version: 2022-06-28\r\n",
		  "\"refresh_token\":\"rt\"" },
		{ "notion", "oauth", "Authorization: Basic aWQ6aHVzaA==\r\n",
		  "\"grant_type\":\"refresh_token\"" },
		{ "zendesk", "oauth", "Accept: application/json\r\n",
		  "expires_in=86400" },
		{ "zendesk", "oauth", "", "refresh_token_expires_in=7776000" },
		{ "zendesk", "oauth", "", "scope=s1+s2" },
		{ "github", "oauth", "Accept: application/json\r\n",
		  "refresh_token=rt" },
		{ "slack", "oauth", "Authorization: Basic aWQ6aHVzaA==\r\n",
		  "grant_type=refresh_token&refresh_token=rt" },
		{ "slack", "oauth_user",
		  "Authorization: Basic aWQ6aHVzaA==\r\n",
		  "grant_type=refresh_token&refresh_token=rt" },
		{ "hubspot", "oauth", "", "client_id=id&client_secret=hush" },
		{ "shopify", "oauth", "", "refresh_token=rt" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound_with(all[i].service, all[i].method,
					       parameters_of(all[i].service));
		struct method_http h = refresh(b);

		if (!has(h.fields, all[i].field))
			fail_msg("%s: no %s", all[i].service, all[i].field);
		if (!has(h.body, all[i].part))
			fail_msg("%s: no %s", all[i].service, all[i].part);
		method_http_release(&h);
		binding_free(b);
	}
}

static void
version_that_a_connection_chose_is_sent_on_its_refresh(void **state)
{
	struct binding *b = bound_with("notion", "oauth",
				       "{\"notion_version\":\"2025-09-03\"}");
	struct method_http h = refresh(b);

	(void)state;
	assert_true(has(h.fields, "Notion-Version: 2025-09-03\r\n"));
	method_http_release(&h);
	binding_free(b);
}

static void
what_only_the_exchange_needs_is_not_on_a_refresh(void **state)
{
	struct binding *b = bound("shopify");
	struct method_http h = refresh(b);

	(void)state;
	assert_false(has(h.body, "expiring"));
	assert_false(has(h.body, "redirect_uri"));
	assert_false(has(h.body, "code"));
	assert_false(has(h.body, "scope"));
	method_http_release(&h);
	binding_free(b);
}

/* ---- what comes back ---- */

enum { NOW = 1700000000 };
static const int64_t now_ms = (int64_t)NOW * 1000;

static struct method_answer
answered_by(const char *service, const char *method, enum method_request what,
	    const char *body)
{
	struct binding *b = bound_with(service, method, parameters_of(service));
	struct method_answer a;
	char *copy = strdup(body);

	memset(&a, 0, sizeof(a));
	assert_non_null(copy);
	method_oauth2_answer(b, what, 200, copy, strlen(copy), NULL, NULL,
			     now_ms, &a);
	free(copy);
	binding_free(b);
	return a;
}

static struct method_answer
answered(const char *method, enum method_request what, const char *body)
{
	return answered_by("slack", method, what, body);
}

static void
assert_tokens(struct method_answer *a, const char *access, const char *fresh,
	      int64_t life_s)
{
	assert_true(a->ok);
	assert_true(a->access_token && has(a->access_token, access));
	assert_int_equal(secret_len(a->access_token), strlen(access));
	assert_true(a->refresh_token && has(a->refresh_token, fresh));
	assert_int_equal(secret_len(a->refresh_token), strlen(fresh));
	assert_int_equal(a->expires_at, now_ms + life_s * 1000);
	method_answer_release(a);
}

/* Stripe and Salesforce tell no life; who believed that there is no end would
 * never refresh. */
static void
life_that_is_not_told_is_the_usual_one(void **state)
{
	static const struct {
		const char *service;
		int64_t life_s;
	} all[] = {
		{ "stripe", 3600 },    { "hubspot", 1800 },
		{ "dropbox", 14400 },  { "gitlab", 7200 },
		{ "airtable", 3600 },  { "jira", 3600 },
		{ "zoho_desk", 3600 }, { "microsoft_graph", 3600 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct method_answer a =
			answered_by(all[i].service, "oauth", METHOD_REFRESH,
				    "{\"access_token\":\"at2\"}");

		if (!a.ok || a.expires_at != now_ms + all[i].life_s * 1000)
			fail_msg("%s", all[i].service);
		method_answer_release(&a);
	}
}

static void
github_tells_both_lives_where_tokens_expire(void **state)
{
	struct method_answer a = answered_by(
		"github", "oauth", METHOD_REFRESH,
		"{\"access_token\":\"ghu_1\",\"expires_in\":28800,"
		"\"refresh_token\":\"ghr_1\",\"refresh_token_expires_in\":"
		"15897600,\"scope\":\"\",\"token_type\":\"bearer\"}");

	(void)state;
	assert_int_equal(a.refresh_expires_at,
			 now_ms + INT64_C(15897600) * 1000);
	assert_tokens(&a, "ghu_1", "ghr_1", 28800);
}

/* ---- Slack's rotation ---- */

/* The bot's and the person's, which live apart. */
static const char both[] =
	"{\"ok\":true,\"access_token\":\"xoxe.xoxb-1-a\",\"token_type\":"
	"\"bot\",\"scope\":\"chat:write\",\"expires_in\":43200,"
	"\"refresh_token\":\"xoxe-1-bot\",\"team\":{\"name\":\"Acme\","
	"\"id\":\"T1\"},\"authed_user\":{\"id\":\"U1\",\"scope\":"
	"\"search:read\",\"access_token\":\"xoxe.xoxp-1-a\",\"token_type\":"
	"\"user\",\"expires_in\":40000,\"refresh_token\":\"xoxe-1-user\"}}";

static void
slack_s_bot_has_the_tokens_and_the_life_of_the_bot(void **state)
{
	struct method_answer a = answered("oauth", METHOD_EXCHANGE, both);

	(void)state;
	assert_tokens(&a, "xoxe.xoxb-1-a", "xoxe-1-bot", 43200);
	a = answered("oauth", METHOD_REFRESH,
		     "{\"ok\":true,\"access_token\":\"xoxe.xoxb-1-b\","
		     "\"token_type\":\"bot\",\"expires_in\":43200,"
		     "\"refresh_token\":\"xoxe-1-bot2\"}");
	assert_tokens(&a, "xoxe.xoxb-1-b", "xoxe-1-bot2", 43200);
}

static void
slack_s_person_has_the_tokens_and_the_life_of_the_person(void **state)
{
	struct method_answer a = answered("oauth_user", METHOD_EXCHANGE, both);

	(void)state;
	assert_tokens(&a, "xoxe.xoxp-1-a", "xoxe-1-user", 40000);
}

/* A refresh knows no authed_user. */
static void
slack_s_person_is_refreshed_by_what_is_at_the_top(void **state)
{
	struct method_answer a =
		answered("oauth_user", METHOD_REFRESH,
			 "{\"ok\":true,\"access_token\":\"xoxe.xoxp-1-b\","
			 "\"token_type\":\"user\",\"expires_in\":43200,"
			 "\"refresh_token\":\"xoxe-1-user2\",\"team\":{"
			 "\"id\":\"T1\",\"name\":\"Acme\"}}");

	(void)state;
	assert_tokens(&a, "xoxe.xoxp-1-b", "xoxe-1-user2", 43200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			fields_and_parameters_of_a_service_are_on_its_refresh_too),
		cmocka_unit_test(
			version_that_a_connection_chose_is_sent_on_its_refresh),
		cmocka_unit_test(
			what_only_the_exchange_needs_is_not_on_a_refresh),
		cmocka_unit_test(life_that_is_not_told_is_the_usual_one),
		cmocka_unit_test(github_tells_both_lives_where_tokens_expire),
		cmocka_unit_test(
			slack_s_bot_has_the_tokens_and_the_life_of_the_bot),
		cmocka_unit_test(
			slack_s_person_has_the_tokens_and_the_life_of_the_person),
		cmocka_unit_test(
			slack_s_person_is_refreshed_by_what_is_at_the_top),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
