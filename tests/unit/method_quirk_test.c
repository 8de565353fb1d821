/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token endpoints' answers, byte for byte, as each default service makes
 * them: what is a success, what is taken out of it, and what a refusal means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "method/method.h"
#include "../support/catalog_world.h"

enum { NOW = 1700000000 };
static const int64_t now_ms = (int64_t)NOW * 1000;

static struct binding *binding;
static struct method_answer answer;

static int
release(void **state)
{
	(void)state;
	method_answer_release(&answer);
	binding_free(binding);
	binding = NULL;
	return 0;
}

static struct slice
content_type(void *arg, struct slice name)
{
	return slice_eq_nocase(name, SLICE("content-type")) ? slice_str(arg)
							    : SLICE_NONE;
}

/* Reads an answer with the service's own definition. */
static void
read_typed(const char *service, const char *method, const char *parameters,
	   enum method_request what, int status, const char *body,
	   const char *type)
{
	char *copy = strdup(body);

	method_answer_release(&answer);
	binding_free(binding);
	binding = bound_with(service, method, parameters);
	assert_non_null(copy);
	method_oauth2_answer(binding, what, status, copy, strlen(copy),
			     content_type, (void *)(uintptr_t)type, now_ms,
			     &answer);
	free(copy);
}

static void
read_answer(const char *service, enum method_request what, int status,
	    const char *body)
{
	read_typed(service, "oauth", NULL, what, status, body,
		   "application/json");
}

static void
assert_secret(const struct secret *s, const char *text)
{
	assert_non_null(s);
	assert_true(slice_eq(slice_of(secret_peek(s), secret_len(s)),
			     slice_str(text)));
}

static void
assert_lifetime(int64_t seconds)
{
	assert_int_equal(answer.expires_at, now_ms + seconds * 1000);
}

/* ---- Zoho ---- */

static void
zoho_success_is_read(void **state)
{
	(void)state;
	read_answer("zoho_crm", METHOD_EXCHANGE, 200,
		    "{\"access_token\":\"1000.a\",\"refresh_token\":\"1000.r\","
		    "\"scope\":\"ZohoCRM.modules.READ,ZohoCRM.org.READ\","
		    "\"api_domain\":\"https://www.zohoapis.eu\","
		    "\"token_type\":\"Bearer\",\"expires_in\":3600}");
	assert_true(answer.ok);
	assert_secret(answer.access_token, "1000.a");
	assert_secret(answer.refresh_token, "1000.r");
	assert_lifetime(3600);
	assert_string_equal(answer.scope,
			    "ZohoCRM.modules.READ ZohoCRM.org.READ");
	assert_int_equal(answer.capture_count, 1);
	assert_string_equal(answer.captures[0].value,
			    "https://www.zohoapis.eu");
}

static void
zoho_milliseconds_of_old_apps_are_not_years(void **state)
{
	(void)state;
	read_answer("zoho_desk", METHOD_REFRESH, 200,
		    "{\"access_token\":\"1000.a\",\"expires_in_sec\":3600,"
		    "\"expires_in\":3600000}");
	assert_true(answer.ok);
	assert_lifetime(3600);
	assert_null(answer.refresh_token); /* the old one is kept */
}

static void
zoho_milliseconds_of_a_self_client_are_not_years(void **state)
{
	(void)state;
	read_typed("zoho_crm", "self_client", "{\"soid\":\"ZohoCRM.600\"}",
		   METHOD_CLIENT_CREDENTIALS, 200,
		   "{\"access_token\":\"1000.a\",\"expires_in_sec\":3600,"
		   "\"expires_in\":3600000}",
		   "application/json");
	assert_true(answer.ok);
	assert_lifetime(3600);
	read_typed("zoho_crm", "self_client", "{\"soid\":\"ZohoCRM.600\"}",
		   METHOD_CLIENT_CREDENTIALS, 200,
		   "{\"access_token\":\"1000.a\",\"expires_in\":1800}",
		   "application/json");
	assert_lifetime(1800);
}

static void
zoho_200_with_an_error_is_a_refusal(void **state)
{
	(void)state;
	read_answer("zoho_desk", METHOD_REFRESH, 200,
		    "{\"error\":\"invalid_client\"}");
	assert_false(answer.ok);
	assert_int_equal(answer.class, CATALOG_MISCONFIGURED);
	assert_string_equal(answer.error, "invalid_client");
	read_answer("zoho_desk", METHOD_REFRESH, 200,
		    "{\"access_token\":\"1000.a\",\"error\":\"odd\"}");
	assert_false(answer.ok);
	assert_null(answer.access_token);
	read_answer("zoho_desk", METHOD_REFRESH, 200,
		    "{\"access_token\":\"\"}");
	assert_false(answer.ok);
}

static void
zoho_throttle_waits_in_both_shapes(void **state)
{
	(void)state;
	read_answer("zoho_desk", METHOD_REFRESH, 200,
		    "{\"error\":\"Access Denied\"}");
	assert_int_equal(answer.class, CATALOG_THROTTLED);
	assert_int_equal(answer.wait_s, 600);
	read_answer("zoho_desk", METHOD_REFRESH, 400,
		    "{\"error_description\":\"You have made too many requests "
		    "continuously. Please try again after some time.\","
		    "\"error\":\"Access Denied\",\"status\":\"failure\"}");
	assert_int_equal(answer.class, CATALOG_THROTTLED);
	assert_int_equal(answer.wait_s, 600);
	assert_non_null(strstr(answer.description, "too many requests"));
}

static void
zoho_evicted_refresh_token_is_dead(void **state)
{
	(void)state;
	read_answer("zoho_desk", METHOD_REFRESH, 200,
		    "{\"error\":\"invalid_code\"}");
	assert_int_equal(answer.class, CATALOG_DEAD_GRANT);
	assert_non_null(strstr(answer.hint, "twenty-first"));
}

/* ---- where tokens are ---- */

static void
slack_person_s_token_is_in_authed_user(void **state)
{
	static const char body[] =
		"{\"ok\":true,\"access_token\":\"xoxb-1\",\"scope\":"
		"\"chat:write,channels:read\",\"team\":{\"name\":\"Acme\"},"
		"\"authed_user\":{\"id\":\"U1\",\"scope\":\"search:read\","
		"\"access_token\":\"xoxp-1\"}}";

	(void)state;
	read_answer("slack", METHOD_EXCHANGE, 200, body);
	assert_true(answer.ok);
	assert_secret(answer.access_token, "xoxb-1");
	assert_string_equal(answer.scope, "chat:write channels:read");
	assert_string_equal(answer.account, "Acme");
	assert_int_equal(answer.expires_at, 0);
	read_typed("slack", "oauth_user", NULL, METHOD_EXCHANGE, 200, body,
		   "application/json");
	assert_secret(answer.access_token, "xoxp-1");
	assert_string_equal(answer.second_scope, "search:read");
}

/* Who acts as a person must not come to act as the bot. */
static void
slack_bot_s_token_is_never_taken_for_a_person_s(void **state)
{
	static const char *const bodies[] = {
		"{\"ok\":true,\"token_type\":\"bot\",\"access_token\":"
		"\"xoxb-1\",\"refresh_token\":\"xoxe-1\",\"expires_in\":43200,"
		"\"scope\":\"chat:write\",\"authed_user\":{\"id\":\"U1\"}}",
		"{\"ok\":true,\"access_token\":\"xoxb-1\"}",
		"{\"ok\":true,\"access_token\":\"xoxb-1\","
		"\"authed_user\":{\"access_token\":\"\"}}",
		"{\"ok\":true,\"access_token\":\"xoxb-1\","
		"\"authed_user\":{\"access_token\":null}}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bodies); i++) {
		read_typed("slack", "oauth_user", NULL, METHOD_EXCHANGE, 200,
			   bodies[i], "application/json");
		assert_false(answer.ok);
		assert_null(answer.access_token);
		assert_null(answer.refresh_token);
		assert_int_equal(answer.class, CATALOG_DEAD_GRANT);
		assert_non_null(strstr(answer.hint, "user scope"));
	}
	/* with both, what belongs to the bot stays out altogether */
	read_typed("slack", "oauth_user", NULL, METHOD_EXCHANGE, 200,
		   "{\"ok\":true,\"access_token\":\"xoxb-1\","
		   "\"refresh_token\":\"xoxe-bot\",\"expires_in\":10,"
		   "\"authed_user\":{\"access_token\":\"xoxp-1\"}}",
		   "application/json");
	assert_true(answer.ok);
	assert_secret(answer.access_token, "xoxp-1");
	assert_null(answer.refresh_token);
	assert_int_equal(answer.expires_at, 0);
}

/* With token rotation: what was inside authed_user is outermost then. */
static void
slack_person_s_token_is_renewed_outermost(void **state)
{
	(void)state;
	read_typed("slack", "oauth_user", NULL, METHOD_EXCHANGE, 200,
		   "{\"ok\":true,\"authed_user\":{\"id\":\"U1\",\"scope\":"
		   "\"search:read\",\"access_token\":\"xoxe.xoxp-1\","
		   "\"refresh_token\":\"xoxe-1\",\"expires_in\":43200,"
		   "\"token_type\":\"user\"},\"team\":{\"name\":\"Acme\"}}",
		   "application/json");
	assert_true(answer.ok);
	assert_secret(answer.access_token, "xoxe.xoxp-1");
	assert_secret(answer.refresh_token, "xoxe-1");
	assert_lifetime(43200);
	read_typed("slack", "oauth_user", NULL, METHOD_REFRESH, 200,
		   "{\"ok\":true,\"access_token\":\"xoxe.xoxp-2\","
		   "\"refresh_token\":\"xoxe-2\",\"expires_in\":43200,"
		   "\"token_type\":\"user\",\"scope\":\"search:read\"}",
		   "application/json");
	assert_true(answer.ok);
	assert_secret(answer.access_token, "xoxe.xoxp-2");
	assert_secret(answer.refresh_token, "xoxe-2");
	assert_lifetime(43200);
	read_typed("slack", "oauth_user", NULL, METHOD_REFRESH, 200,
		   "{\"ok\":false,\"error\":\"invalid_refresh_token\","
		   "\"access_token\":\"xoxb-1\"}",
		   "application/json");
	assert_false(answer.ok);
	assert_null(answer.access_token);
	assert_int_equal(answer.class, CATALOG_DEAD_GRANT);
}

/* 62515 is the account's number; what is optional is told among the rest. */
static void
hubspot_names_its_account_by_a_number(void **state)
{
	(void)state;
	read_answer("hubspot", METHOD_EXCHANGE, 200,
		    "{\"token_type\":\"bearer\",\"refresh_token\":\"na1-r\","
		    "\"hub_id\":62515,\"scopes\":[\"oauth\","
		    "\"crm.objects.contacts.read\"],\"access_token\":\"CK\","
		    "\"expires_in\":1800}");
	assert_true(answer.ok);
	assert_string_equal(answer.account, "62515");
	assert_string_equal(answer.scope, "oauth crm.objects.contacts.read");
}

/* While the consent screen is in Testing, or for so long as a person chose. */
static void
google_tells_when_a_refresh_token_ends_if_it_does(void **state)
{
	(void)state;
	read_answer("gmail", METHOD_EXCHANGE, 200,
		    "{\"access_token\":\"ya29.a\",\"expires_in\":3599,"
		    "\"refresh_token\":\"1//r\",\"token_type\":\"Bearer\","
		    "\"refresh_token_expires_in\":604799}");
	assert_true(answer.ok);
	assert_int_equal(answer.refresh_expires_at, now_ms + 604799000LL);
	read_answer("gmail", METHOD_EXCHANGE, 200,
		    "{\"access_token\":\"ya29.a\",\"expires_in\":3599,"
		    "\"refresh_token\":\"1//r\"}");
	assert_int_equal(answer.refresh_expires_at, 0);
}

static void
slack_ok_false_is_a_refusal(void **state)
{
	(void)state;
	read_answer("slack", METHOD_REFRESH, 200,
		    "{\"ok\":false,\"error\":\"invalid_refresh_token\"}");
	assert_false(answer.ok);
	assert_int_equal(answer.class, CATALOG_DEAD_GRANT);
}

static void
github_form_is_read_as_well(void **state)
{
	(void)state;
	read_typed("github", "oauth", NULL, METHOD_EXCHANGE, 200,
		   "access_token=gho_1&scope=repo%2Cuser&token_type=bearer",
		   "application/x-www-form-urlencoded; charset=utf-8");
	assert_true(answer.ok);
	assert_secret(answer.access_token, "gho_1");
	assert_string_equal(answer.scope, "repo user");
	assert_int_equal(answer.expires_at, 0);
	read_typed("github", "oauth", NULL, METHOD_EXCHANGE, 200,
		   "error=bad_verification_code&error_description=The+code",
		   "application/x-www-form-urlencoded");
	assert_false(answer.ok);
	assert_int_equal(answer.class, CATALOG_DEAD_GRANT);
}

static void
intercom_token_has_two_names(void **state)
{
	(void)state;
	read_answer("intercom", METHOD_EXCHANGE, 200,
		    "{\"token_type\":\"Bearer\",\"token\":\"dG9r\"}");
	assert_true(answer.ok);
	assert_secret(answer.access_token, "dG9r");
	assert_int_equal(answer.expires_at, 0);
}

static void
notion_does_not_expire_and_names_its_workspace(void **state)
{
	(void)state;
	read_answer("notion", METHOD_EXCHANGE, 200,
		    "{\"access_token\":\"ntn_1\",\"token_type\":\"bearer\","
		    "\"refresh_token\":\"nrt_1\",\"workspace_name\":\"Acme\","
		    "\"duplicated_template_id\":null}");
	assert_true(answer.ok);
	assert_int_equal(answer.expires_at, 0);
	assert_secret(answer.refresh_token, "nrt_1");
	assert_string_equal(answer.account, "Acme");
	assert_false(answer.has_scope);
}

/* ---- lifetimes ---- */

static void
salesforce_tells_no_lifetime(void **state)
{
	(void)state;
	read_answer("salesforce", METHOD_EXCHANGE, 200,
		    "{\"access_token\":\"00D!a\",\"refresh_token\":\"5Aep\","
		    "\"instance_url\":\"https://acme.my.salesforce.com\","
		    "\"id\":\"https://login.salesforce.com/id/00D/005\","
		    "\"issued_at\":\"1700000000000\",\"scope\":\"api id\"}");
	assert_true(answer.ok);
	assert_lifetime(7200);
	assert_int_equal(answer.capture_count, 1);
	assert_string_equal(answer.captures[0].value,
			    "https://acme.my.salesforce.com");
	assert_string_equal(answer.scope, "api id");
}

static void
airtable_tells_both_lives(void **state)
{
	(void)state;
	read_answer("airtable", METHOD_REFRESH, 200,
		    "{\"access_token\":\"oaa\",\"refresh_token\":\"oar\","
		    "\"token_type\":\"Bearer\",\"scope\":\"data.records:read\","
		    "\"expires_in\":3600,\"refresh_expires_in\":5184000}");
	assert_true(answer.ok);
	assert_lifetime(3600);
	assert_int_equal(answer.refresh_expires_at,
			 now_ms + INT64_C(5184000) * 1000);
	assert_secret(answer.refresh_token, "oar");
}

static void
shopify_old_and_expiring_tokens_are_read(void **state)
{
	(void)state;
	read_typed("shopify", "oauth", "{\"shop\":\"acme\"}", METHOD_EXCHANGE,
		   200,
		   "{\"access_token\":\"shpat_1\","
		   "\"scope\":\"write_orders,read_customers\"}",
		   "application/json");
	assert_true(answer.ok);
	assert_int_equal(answer.expires_at, 0);
	assert_string_equal(answer.scope, "write_orders read_customers");
	read_typed("shopify", "oauth", "{\"shop\":\"acme\"}", METHOD_REFRESH,
		   200,
		   "{\"access_token\":\"shpat_2\",\"expires_in\":3600,"
		   "\"refresh_token\":\"shprt_2\","
		   "\"refresh_token_expires_in\":7776000}",
		   "application/json");
	assert_true(answer.ok);
	assert_lifetime(3600);
	assert_int_equal(answer.refresh_expires_at,
			 now_ms + INT64_C(7776000) * 1000);
}

static void
lifetime_may_be_a_text(void **state)
{
	(void)state;
	read_answer("gmail", METHOD_REFRESH, 200,
		    "{\"access_token\":\"ya29\",\"expires_in\":\"3599\"}");
	assert_true(answer.ok);
	assert_lifetime(3599);
	read_answer("gmail", METHOD_REFRESH, 200,
		    "{\"access_token\":\"ya29\",\"expires_in\":\"soon\"}");
	assert_lifetime(3600); /* the fallback */
	read_answer("gmail", METHOD_REFRESH, 200,
		    "{\"access_token\":\"ya29\",\"expires_in\":-5}");
	assert_lifetime(3600);
}

/* ---- other refusals ---- */

static void
jira_dead_token_is_told_from_a_wrong_app(void **state)
{
	(void)state;
	read_answer("jira", METHOD_REFRESH, 403,
		    "{\"error\":\"unauthorized_client\",\"error_description\":"
		    "\"refresh_token is invalid\"}");
	assert_int_equal(answer.class, CATALOG_DEAD_GRANT);
	assert_non_null(strstr(answer.hint, "ninety days"));
	read_answer("jira", METHOD_REFRESH, 401,
		    "{\"error\":\"access_denied\",\"error_description\":"
		    "\"Unauthorized\"}");
	assert_int_equal(answer.class, CATALOG_MISCONFIGURED);
}

static void
hubspot_words_are_known(void **state)
{
	(void)state;
	read_answer("hubspot", METHOD_REFRESH, 400,
		    "{\"status\":\"BAD_REFRESH_TOKEN\",\"message\":"
		    "\"missing or invalid refresh token\"}");
	assert_false(answer.ok);
	assert_int_equal(answer.class, CATALOG_DEAD_GRANT);
}

#define ONE(name) cmocka_unit_test_teardown(name, release)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(zoho_success_is_read),
		ONE(zoho_milliseconds_of_old_apps_are_not_years),
		ONE(zoho_milliseconds_of_a_self_client_are_not_years),
		ONE(zoho_200_with_an_error_is_a_refusal),
		ONE(zoho_throttle_waits_in_both_shapes),
		ONE(zoho_evicted_refresh_token_is_dead),
		ONE(slack_person_s_token_is_in_authed_user),
		ONE(slack_bot_s_token_is_never_taken_for_a_person_s),
		ONE(slack_person_s_token_is_renewed_outermost),
		ONE(slack_ok_false_is_a_refusal),
		ONE(hubspot_names_its_account_by_a_number),
		ONE(google_tells_when_a_refresh_token_ends_if_it_does),
		ONE(github_form_is_read_as_well),
		ONE(intercom_token_has_two_names),
		ONE(notion_does_not_expire_and_names_its_workspace),
		ONE(salesforce_tells_no_lifetime),
		ONE(airtable_tells_both_lives),
		ONE(shopify_old_and_expiring_tokens_are_read),
		ONE(lifetime_may_be_a_text),
		ONE(jira_dead_token_is_told_from_a_wrong_app),
		ONE(hubspot_words_are_known),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
