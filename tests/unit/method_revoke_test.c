/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back upstream as each default service wants it: the whole request,
 * and which answers count as done.
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

/* A revocation of the app "id", "hush" with the tokens "at" and, unless it is
 * NULL, refresh. */
static struct method_http
revocation(const struct binding *b, const char *refresh)
{
	struct secret *hush = secret("hush"), *at = secret("at"),
		      *rt = refresh ? secret(refresh) : NULL;
	struct method_request_input in = {
		.what = METHOD_REVOKE,
		.binding = b,
		.client_id = "id",
		.client_secret = hush,
		.refresh_token = rt,
		.access_token = at,
	};
	struct method_http out;

	assert_int_equal(method_oauth2_request(&in, &out), 0);
	secret_free(hush);
	secret_free(at);
	secret_free(rt);
	return out;
}

static void
assert_text(const char *service, const struct secret *s, const char *want)
{
	if (!slice_eq(slice_of(secret_peek(s), secret_len(s)), slice_str(want)))
		fail_msg("%s: \"%.*s\", not \"%s\"", service,
			 (int)secret_len(s), (const char *)secret_peek(s),
			 want);
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON "Content-Type: application/json\r\n"
#define OURS "Accept: application/json\r\nUser-Agent: Drawbridge\r\n"
#define BASIC "Authorization: Basic aWQ6aHVzaA==\r\n" /* id:hush */

static void
each_is_what_its_service_wants_to_the_letter(void **state)
{
	static const struct {
		const char *service, *method, *verb, *url, *fields, *body;
	} all[] = {
		{ "slack", "oauth", "POST", "https://slack.com/api/auth.revoke",
		  "Authorization: Bearer at\r\n" OURS FORM, "" },
		{ "slack", "oauth_user", "POST",
		  "https://slack.com/api/auth.revoke",
		  "Authorization: Bearer at\r\n" OURS FORM, "" },
		{ "github", "oauth", "DELETE",
		  "https://api.github.com/applications/id/grant",
		  "Accept: application/vnd.github+json\r\n"
		  "User-Agent: Drawbridge\r\n" BASIC JSON,
		  "{\"access_token\":\"at\"}" },
		{ "google_drive", "oauth", "POST",
		  "https://oauth2.googleapis.com/revoke", OURS FORM,
		  "token=rt&client_id=id" },
		{ "gitlab", "oauth", "POST", "https://gitlab.com/oauth/revoke",
		  OURS FORM, "token=rt&client_id=id&client_secret=hush" },
		{ "salesforce", "oauth", "POST",
		  "https://login.salesforce.com/services/oauth2/revoke",
		  OURS FORM, "token=rt&client_id=id" },
		{ "notion", "oauth", "POST",
		  "https://api.notion.com/v1/oauth/revoke",
		  "Notion-Version: 2022-06-28\r\n" BASIC OURS JSON,
		  "{\"token\":\"at\"}" },
		{ "dropbox", "oauth", "POST",
		  "https://api.dropboxapi.com/2/auth/token/revoke",
		  "Authorization: Bearer at\r\n" OURS, "" },
		{ "zendesk", "oauth", "DELETE",
		  "https://acme.zendesk.com/api/v2/oauth/tokens/current.json",
		  "Authorization: Bearer at\r\n" OURS FORM, "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound_with(all[i].service, all[i].method,
					       parameters_of(all[i].service));
		struct method_http h = revocation(b, "rt");

		assert_string_equal(h.method, all[i].verb);
		assert_string_equal(h.url, all[i].url);
		assert_text(all[i].service, h.fields, all[i].fields);
		assert_text(all[i].service, h.body, all[i].body);
		method_http_release(&h);
		binding_free(b);
	}
}

static void
access_token_stands_in_where_there_is_no_refresh_token(void **state)
{
	static const char *const all[] = { "google_drive", "salesforce" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound(all[i]);
		struct method_http h = revocation(b, NULL);

		assert_text(all[i], h.body, "token=at&client_id=id");
		method_http_release(&h);
		binding_free(b);
	}
}

/* For these one that has run out is renewed before. */
static void
who_wants_to_see_the_access_token_is_known(void **state)
{
	static const struct {
		const char *service;
		bool shows;
	} all[] = {
		{ "slack", true },    { "github", true },
		{ "notion", true },   { "dropbox", true },
		{ "zendesk", true },  { "google_drive", false },
		{ "gitlab", false },  { "salesforce", false },
		{ "stripe", false },  { "zoho_desk", false },
		{ "hubspot", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound(all[i].service);

		if (method_oauth2_revoke_shows_access(b) != all[i].shows)
			fail_msg("%s", all[i].service);
		binding_free(b);
	}
}

/* What another app may be asked to take back, and whether its word counts. */
static void
who_asks_and_for_what_is_known(void **state)
{
	static const struct {
		const char *service;
		bool token, client;
	} all[] = {
		{ "slack", true, false },
		{ "github", true, true },
		{ "notion", true, true },
		{ "dropbox", true, false },
		{ "zendesk", true, false },
		{ "google_drive", true, false },
		{ "gitlab", true, true },
		{ "salesforce", true, false },
		{ "zoho_desk", true, false },
		{ "hubspot", false, false }, /* has no way to */
	};
	struct binding *stripe = bound_with("stripe", "oauth", NULL);
	size_t i;

	(void)state;
	assert_true(method_oauth2_revoke_proves_client(stripe));
	assert_false(method_oauth2_revoke_shows_token(stripe));
	binding_free(stripe);
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound(all[i].service);

		if (method_oauth2_revoke_shows_token(b) != all[i].token ||
		    method_oauth2_revoke_proves_client(b) != all[i].client)
			fail_msg("%s", all[i].service);
		binding_free(b);
	}
}

static void
client_id_in_a_url_cannot_leave_its_place(void **state)
{
	struct binding *b = bound("github");
	struct secret *at = secret("at");
	struct method_request_input in = {
		.what = METHOD_REVOKE,
		.binding = b,
		.client_id = "../orgs/evil?x#",
		.access_token = at,
	};
	struct method_http h;

	(void)state;
	assert_int_equal(method_oauth2_request(&in, &h), 0);
	assert_string_equal(h.url, "https://api.github.com/applications/"
				   "..%2Forgs%2Fevil%3Fx%23/grant");
	method_http_release(&h);
	secret_free(at);
	binding_free(b);
}

static void
token_that_would_break_a_header_is_not_sent(void **state)
{
	struct binding *b = bound("slack");
	struct secret *at = secret("at\r\nX-Evil: 1");
	struct method_request_input in = { .what = METHOD_REVOKE,
					   .binding = b,
					   .access_token = at };
	struct method_http h;

	(void)state;
	assert_int_equal(method_oauth2_request(&in, &h), ERR_INVALID);
	assert_null(h.fields);
	secret_free(at);
	binding_free(b);
}

static size_t
times(const struct secret *s, const char *text)
{
	const char *at = secret_peek(s), *end = at + secret_len(s);
	size_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), text, strlen(text)))) {
		at += strlen(text);
		n++;
	}
	return n;
}

/* A field sent twice is for the other side to make sense of. */
static void
no_field_is_sent_twice_whatever_the_request(void **state)
{
	static const char *const names[] = {
		"Accept: ", "User-Agent: ", "Content-Type: ", "Authorization: "
	};
	static const enum method_request whats[] = { METHOD_EXCHANGE,
						     METHOD_REFRESH,
						     METHOD_REVOKE };
	struct secret *t = secret("t0k");
	const struct service *s;
	size_t cursor = 0, i, n;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor)) != NULL) {
		struct binding *b = bound(s->id);

		for (i = 0; i < ARRAY_LEN(whats); i++) {
			struct method_request_input in = {
				.what = whats[i],
				.binding = b,
				.client_id = "id",
				.client_secret = t,
				.code = t,
				.refresh_token = t,
				.access_token = t,
			};
			struct method_http h;

			if (b->kind != CATALOG_OAUTH2_CODE ||
			    method_oauth2_request(&in, &h))
				continue;
			for (n = 0; n < ARRAY_LEN(names); n++)
				if (times(h.fields, names[n]) > 1)
					fail_msg("%s: %s twice", s->id,
						 names[n]);
			method_http_release(&h);
		}
		binding_free(b);
	}
	secret_free(t);
}

/* ---- answers ---- */

static void
only_what_the_service_calls_done_is_done(void **state)
{
	static const struct {
		const char *service;
		int status;
		const char *body;
		bool done;
	} all[] = {
		{ "slack", 200, "{\"ok\":true,\"revoked\":true}", true },
		{ "slack", 200, "{\"ok\":false,\"error\":\"invalid_auth\"}",
		  false },
		{ "slack", 200, "", false },
		{ "slack", 200, "not json", false },
		{ "zoho_desk", 200, "{\"status\":\"success\"}", true },
		{ "zoho_desk", 200, "{\"status\":\"failure\"}", false },
		{ "zoho_desk", 200, "{\"error\":\"invalid_code\"}", false },
		{ "github", 204, "", true },
		{ "github", 404, "{\"message\":\"Not Found\"}", true },
		{ "github", 200, "", false },
		{ "github", 401, "", false },
		{ "github", 422, "{\"message\":\"Validation Failed\"}", false },
		{ "stripe", 200, "{\"stripe_user_id\":\"acct_1A2b3C\"}", true },
		{ "stripe", 200, "{}", false },
		{ "stripe", 400, "{\"stripe_user_id\":\"acct_1A2b3C\"}",
		  false },
		{ "google_drive", 200, "{}", true },
		{ "google_drive", 400, "{\"error\":\"invalid_token\"}", false },
		{ "gitlab", 200, "{}", true },
		{ "gitlab", 403, "{\"error\":\"unauthorized_client\"}", false },
		{ "salesforce", 200, "", true },
		{ "salesforce", 400, "error=unsupported_token_type", false },
		{ "notion", 200, "{\"request_id\":\"1\"}", true },
		{ "notion", 401, "{\"error\":\"invalid_client\"}", false },
		{ "dropbox", 200, "null", true },
		{ "zendesk", 204, "", true },
		{ "zendesk", 401, "{\"error\":\"invalid_token\"}", false },
		/* there is no way to */
		{ "hubspot", 200, "{\"ok\":true}", false },
		{ "jira", 204, "", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound_with(all[i].service, "oauth",
					       parameters_of(all[i].service));

		if (method_oauth2_revoked(b, all[i].status,
					  slice_str(all[i].body)) !=
		    all[i].done)
			fail_msg("%s %d %s", all[i].service, all[i].status,
				 all[i].body);
		binding_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_what_its_service_wants_to_the_letter),
		cmocka_unit_test(
			access_token_stands_in_where_there_is_no_refresh_token),
		cmocka_unit_test(who_wants_to_see_the_access_token_is_known),
		cmocka_unit_test(who_asks_and_for_what_is_known),
		cmocka_unit_test(client_id_in_a_url_cannot_leave_its_place),
		cmocka_unit_test(token_that_would_break_a_header_is_not_sent),
		cmocka_unit_test(no_field_is_sent_twice_whatever_the_request),
		cmocka_unit_test(only_what_the_service_calls_done_is_done),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
