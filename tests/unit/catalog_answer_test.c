/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers mean, service by service: the API's (a dead token, a missing
 * scope, a throttle, or none of them) and refusals of token endpoints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/catalog_world.h"

/* ---- the API's answers ---- */

enum { NOTHING = 0, REFRESH = 1, SCOPE = 2, THROTTLE = 4 };

static const struct {
	const char *service;
	int status;
	const char *body;
	int means;
} answers[] = {
	{ "zoho_desk", 401, "{\"errorCode\":\"INVALID_OAUTH\"}", REFRESH },
	{ "zoho_desk", 403, "{\"errorCode\":\"SCOPE_MISMATCH\"}", SCOPE },
	{ "zoho_desk", 401, "{\"errorCode\":\"SCOPE_MISMATCH\"}", SCOPE },
	{ "zoho_desk", 429, "{\"errorCode\":\"THRESHOLD_EXCEEDED\"}",
	  THROTTLE },
	{ "zoho_desk", 429, "{\"errorCode\":\"TOO_MANY_REQUESTS\"}", THROTTLE },
	{ "zoho_desk", 403, "{\"errorCode\":\"FORBIDDEN\"}", NOTHING },
	{ "zoho_crm", 401, "{\"code\":\"INVALID_TOKEN\"}", REFRESH },
	{ "zoho_crm", 401, "{\"code\":\"OAUTH_SCOPE_MISMATCH\"}", SCOPE },
	{ "zoho_books", 401, "{\"code\":14,\"message\":\"Invalid value\"}",
	  REFRESH },
	{ "zoho_books", 401, "{\"code\":57,\"message\":\"You are not\"}",
	  SCOPE },
	{ "zoho_books", 200, "{\"code\":0,\"message\":\"success\"}", NOTHING },
	{ "zoho_books", 200, "{\"code\":14}", REFRESH },
	{ "zoho_inventory", 401, "{\"code\":57}", SCOPE },
	{ "zoho_inventory", 429, "{\"code\":45}", THROTTLE },
	{ "zoho_mail", 401,
	  "{\"status\":{\"code\":401},\"data\":{\"errorCode\":"
	  "\"INVALID_OAUTHTOKEN\"}}",
	  REFRESH },
	{ "zoho_mail", 401, "{\"data\":{\"errorCode\":\"INVALID_OAUTHSCOPE\"}}",
	  SCOPE },
	{ "zoho_projects", 400,
	  "{\"error\":{\"status_code\":\"400\",\"title\":"
	  "\"INVALID_OAUTHTOKEN\"}}",
	  REFRESH },
	{ "zoho_projects", 401,
	  "{\"error\":{\"title\":\"INVALID_OAUTHSCOPE\"}}", SCOPE },
	{ "zoho_creator", 401, "{\"code\":1030,\"message\":\"Authorization\"}",
	  REFRESH },
	{ "zoho_creator", 401, "{\"code\":1000}", NOTHING },
	{ "zoho_cliq", 401, "{\"code\":\"oauthtoken_invalid\"}", REFRESH },
	{ "zoho_cliq", 401, "{\"code\":\"oauthtoken_scope_invalid\"}", SCOPE },
	{ "zoho_cliq", 400,
	  "{\"message\":\"You have exceeded the URL throttle limits.\"}",
	  THROTTLE },
	{ "zoho", 401, "{\"errorCode\":\"INVALID_OAUTH\"}", REFRESH },
	{ "zoho", 401, "{\"code\":\"oauthtoken_scope_invalid\"}", SCOPE },
	{ "zoho", 429, "{\"code\":\"LIMIT_EXCEEDED\"}", THROTTLE },
	{ "zoho_people", 400,
	  "{\"response\":{\"errors\":{\"code\":7202,\"message\":\"…\"}}}",
	  REFRESH },
	{ "zoho_people", 403, "{\"error\":\"OAUTH_SCOPE_MISMATCH\"}", SCOPE },
	{ "zoho_people", 429, "{\"code\":2955}", THROTTLE },
	{ "zoho_salesiq", 200,
	  "{\"error\":{\"code\":1009,\"message\":\"INVALID_OAUTHTOKEN\"}}",
	  REFRESH },
	{ "zoho_salesiq", 200,
	  "{\"error\":{\"code\":1010,\"message\":\"OAUTH_SCOPE_MISMATCH\"}}",
	  SCOPE },
	{ "zoho_salesiq", 200, "{\"data\":[]}", NOTHING },
	{ "practice_desk", 401, "{\"errorCode\":\"INVALID_OAUTH\"}", REFRESH },
	{ "practice_desk", 403, "{\"errorCode\":\"SCOPE_MISMATCH\"}", SCOPE },
	{ "practice_desk", 429, "{\"errorCode\":\"TOO_MANY_REQUESTS\"}",
	  THROTTLE },
	{ "google_calendar", 403,
	  "{\"error\":{\"errors\":[{\"reason\":"
	  "\"insufficientPermissions\"}]}}",
	  SCOPE },
	{ "google_sheets", 429,
	  "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", THROTTLE },
	{ "slack", 200, "{\"ok\":false,\"error\":\"token_expired\"}", REFRESH },
	{ "slack", 200, "{\"ok\":false,\"error\":\"missing_scope\"}", SCOPE },
	{ "slack", 200, "{\"ok\":false,\"error\":\"ratelimited\"}", THROTTLE },
	{ "slack", 200, "{\"ok\":true}", NOTHING },
	{ "github", 401, "{\"message\":\"Bad credentials\"}", REFRESH },
	{ "github", 403, "{\"message\":\"API rate limit exceeded for …\"}",
	  THROTTLE },
	{ "gmail", 401, "{}", REFRESH },
	{ "gmail", 403,
	  "{\"error\":{\"details\":[{\"reason\":"
	  "\"ACCESS_TOKEN_SCOPE_INSUFFICIENT\"}]}}",
	  SCOPE },
	{ "google_drive", 403,
	  "{\"error\":{\"errors\":[{\"reason\":\"userRateLimitExceeded\"}]}}",
	  THROTTLE },
	{ "gitlab", 401, "{\"error\":\"invalid_token\"}", REFRESH },
	{ "gitlab", 403, "{\"error\":\"insufficient_scope\"}", SCOPE },
	{ "microsoft_graph", 401,
	  "{\"error\":{\"code\":\"InvalidAuthenticationToken\"}}", REFRESH },
	{ "microsoft_graph", 403,
	  "{\"error\":{\"code\":\"Authorization_RequestDenied\"}}", SCOPE },
	{ "notion", 401, "{\"object\":\"error\",\"code\":\"unauthorized\"}",
	  REFRESH },
	{ "notion", 403, "{\"code\":\"restricted_resource\"}", SCOPE },
	{ "hubspot", 401, "{\"category\":\"EXPIRED_AUTHENTICATION\"}",
	  REFRESH },
	{ "hubspot", 403, "{\"category\":\"MISSING_SCOPES\"}", SCOPE },
	{ "hubspot", 429, "{\"category\":\"RATE_LIMITS\"}", THROTTLE },
	{ "salesforce", 401,
	  "[{\"message\":\"Session expired or invalid\",\"errorCode\":"
	  "\"INVALID_SESSION_ID\"}]",
	  REFRESH },
	{ "salesforce", 403, "[{\"errorCode\":\"REQUEST_LIMIT_EXCEEDED\"}]",
	  THROTTLE },
	{ "salesforce", 403, "[{\"errorCode\":\"INSUFFICIENT_ACCESS\"}]",
	  NOTHING },
	{ "jira", 401, "{\"code\":401,\"message\":\"Unauthorized\"}", REFRESH },
	{ "jira", 401,
	  "{\"code\":401,\"message\":\"Unauthorized; scope does not match\"}",
	  SCOPE },
	{ "airtable", 401, "{}", REFRESH },
	{ "shopify", 401,
	  "{\"errors\":\"[API] Invalid API key or access token (…)\"}",
	  REFRESH },
	{ "shopify", 403,
	  "{\"errors\":\"[API] This action requires merchant approval for "
	  "read_orders scope.\"}",
	  SCOPE },
	{ "shopify", 200,
	  "{\"errors\":[{\"extensions\":{\"code\":\"THROTTLED\"}}]}",
	  THROTTLE },
	{ "dropbox", 401,
	  "{\"error_summary\":\"expired_access_token/\",\"error\":{\".tag\":"
	  "\"expired_access_token\"}}",
	  REFRESH },
	{ "dropbox", 401, "{\"error\":{\".tag\":\"missing_scope\"}}", SCOPE },
	{ "zendesk", 401, "{\"error\":\"invalid_token\"}", REFRESH },
	{ "zendesk", 401, "{\"error\":\"Couldn't authenticate you\"}",
	  NOTHING },
	{ "openai", 429, "{\"error\":{\"code\":\"insufficient_quota\"}}",
	  THROTTLE },
	{ "twilio", 429, "{\"code\":20429}", THROTTLE },
	{ "twilio", 403, "{\"code\":70051,\"status\":403}", SCOPE },
	{ "twilio", 401, "{\"code\":20006,\"status\":401}", SCOPE },
	{ "twilio", 401, "{\"code\":20003,\"status\":401}", NOTHING },
	{ "stripe", 429, "{\"error\":{\"code\":\"rate_limit\"}}", THROTTLE },
	{ "stripe", 429, "{\"error\":{\"code\":\"lock_timeout\"}}", THROTTLE },
	{ "stripe", 403,
	  "{\"error\":{\"message\":\"The provided key 'rk_…' does not have the "
	  "required permissions for this endpoint\"}}",
	  SCOPE },
	{ "stripe", 402, "{\"error\":{\"code\":\"card_declined\"}}", NOTHING },
	{ "intercom", 429,
	  "{\"type\":\"error.list\",\"errors\":[{\"code\":"
	  "\"rate_limit_exceeded\"}]}",
	  THROTTLE },
	{ "intercom", 403,
	  "{\"type\":\"error.list\",\"errors\":[{\"code\":"
	  "\"api_plan_restricted\"}]}",
	  SCOPE },
	{ "intercom", 401, "{\"errors\":[{\"code\":\"unauthorized\"}]}",
	  REFRESH },
	{ "intercom", 403, "{\"errors\":[{\"code\":\"other\"}]}", NOTHING },
	{ "sendgrid", 429,
	  "{\"errors\":[{\"field\":null,\"message\":\"too many requests\"}]}",
	  THROTTLE },
	{ "sendgrid", 403, "{\"errors\":[{\"message\":\"access forbidden\"}]}",
	  SCOPE },
	{ "sendgrid", 401, "{\"errors\":[{\"message\":\"invalid\"}]}",
	  NOTHING },
};

static void
answers_mean_what_the_service_means(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		struct binding *b = bound(answers[i].service);
		const struct catalog_api *api = &b->service->api;
		struct binding_answer a = {
			.status = answers[i].status,
			.body = slice_str(answers[i].body),
		};
		int means = NOTHING;

		means |= binding_refresh_on(b, &a) ? REFRESH : 0;
		means |= binding_match_any(&api->missing_scope_on, &a) ? SCOPE
								       : 0;
		means |= binding_throttled(b, &a) ? THROTTLE : 0;
		if (means != answers[i].means)
			fail_msg("%s %d %s: %d", answers[i].service,
				 answers[i].status, answers[i].body, means);
		binding_free(b);
	}
}

/* A rule that no answer here is for could have any typing error in it. */
static void
every_service_with_rules_has_an_answer(void **state)
{
	const struct service *s;
	size_t cursor = 0, without = 0, i;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor))) {
		if (!s->api.refresh_on.count && !s->api.throttled_on.count &&
		    !s->api.missing_scope_on.count)
			continue;
		for (i = 0; i < ARRAY_LEN(answers); i++)
			if (!strcmp(answers[i].service, s->id) &&
			    answers[i].means != NOTHING)
				break;
		if (i == ARRAY_LEN(answers)) {
			print_error("no answer of %s\n", s->id);
			without++;
		}
	}
	assert_int_equal(without, 0);
}

/* ---- what token endpoints refuse with ---- */

static const struct {
	const char *service;
	enum catalog_during during;
	int status;
	const char *body;
	enum catalog_class class;
} refusals[] = {
	{ "zoho_books", CATALOG_DURING_REFRESH, 200,
	  "{\"error\":\"Access Denied\"}", CATALOG_THROTTLED },
	{ "zoho_mail", CATALOG_DURING_REFRESH, 400,
	  "{\"error_description\":\"You have made too many requests "
	  "continuously.\",\"error\":\"Access Denied\",\"status\":\"failure\"}",
	  CATALOG_THROTTLED },
	{ "zoho_cliq", CATALOG_DURING_REFRESH, 200,
	  "{\"error\":\"invalid_code\"}", CATALOG_DEAD_GRANT },
	{ "zoho_people", CATALOG_DURING_EXCHANGE, 200,
	  "{\"error\":\"invalid_client\"}", CATALOG_MISCONFIGURED },
	{ "google_calendar", CATALOG_DURING_REFRESH, 400,
	  "{\"error\":\"invalid_grant\"}", CATALOG_DEAD_GRANT },
	{ "google_calendar", CATALOG_DURING_REFRESH, 401,
	  "{\"error\":\"deleted_client\"}", CATALOG_MISCONFIGURED },
	{ "microsoft_graph", CATALOG_DURING_REFRESH, 400,
	  "{\"error\":\"interaction_required\"}", CATALOG_DEAD_GRANT },
	{ "microsoft_graph", CATALOG_DURING_REFRESH, 401,
	  "{\"error\":\"invalid_client\",\"error_description\":"
	  "\"AADSTS7000222\"}",
	  CATALOG_MISCONFIGURED },
	{ "jira", CATALOG_DURING_REFRESH, 403,
	  "{\"error\":\"unauthorized_client\",\"error_description\":"
	  "\"refresh_token is invalid\"}",
	  CATALOG_DEAD_GRANT },
	{ "jira", CATALOG_DURING_REFRESH, 401,
	  "{\"error\":\"unauthorized_client\"}", CATALOG_MISCONFIGURED },
	{ "salesforce", CATALOG_DURING_REFRESH, 400,
	  "{\"error\":\"invalid_grant\",\"error_description\":\"expired "
	  "access/refresh token\"}",
	  CATALOG_DEAD_GRANT },
	{ "salesforce", CATALOG_DURING_REFRESH, 400,
	  "{\"error\":\"invalid_grant\",\"error_description\":\"login rate "
	  "exceeded\"}",
	  CATALOG_THROTTLED },
	{ "salesforce", CATALOG_DURING_EXCHANGE, 400,
	  "{\"error\":\"invalid_client_id\"}", CATALOG_MISCONFIGURED },
	{ "hubspot", CATALOG_DURING_REFRESH, 400,
	  "{\"status\":\"BAD_REFRESH_TOKEN\"}", CATALOG_DEAD_GRANT },
	{ "hubspot", CATALOG_DURING_EXCHANGE, 400,
	  "{\"status\":\"BAD_CLIENT_SECRET\"}", CATALOG_MISCONFIGURED },
	{ "airtable", CATALOG_DURING_REFRESH, 400,
	  "{\"error\":\"invalid_grant\"}", CATALOG_DEAD_GRANT },
	{ "slack", CATALOG_DURING_REFRESH, 200,
	  "{\"ok\":false,\"error\":\"invalid_refresh_token\"}",
	  CATALOG_DEAD_GRANT },
	{ "slack", CATALOG_DURING_REFRESH, 200,
	  "{\"ok\":false,\"error\":\"ratelimited\"}", CATALOG_THROTTLED },
	{ "github", CATALOG_DURING_EXCHANGE, 200, "error=bad_verification_code",
	  CATALOG_DEAD_GRANT },
	{ "gitlab", CATALOG_DURING_REFRESH, 503, "", CATALOG_TRANSIENT },
	{ "dropbox", CATALOG_DURING_REFRESH, 400,
	  "{\"error\":\"invalid_grant\"}", CATALOG_DEAD_GRANT },
};

static void
refusals_are_of_the_right_class(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(refusals); i++) {
		struct binding *b =
			bound_with(refusals[i].service, "oauth",
				   parameters_of(refusals[i].service));
		struct binding_answer a = {
			.status = refusals[i].status,
			.body = slice_str(refusals[i].body),
		};
		enum catalog_class got =
			binding_error_class(b, refusals[i].during, &a, NULL);

		if (got != refusals[i].class)
			fail_msg("%s %s: %s", refusals[i].service,
				 refusals[i].body, catalog_class_name(got));
		binding_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_mean_what_the_service_means),
		cmocka_unit_test(every_service_with_rules_has_an_answer),
		cmocka_unit_test(refusals_are_of_the_right_class),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
