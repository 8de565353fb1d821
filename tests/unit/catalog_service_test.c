/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is particular to each default service, as its definition says it:
 * what answers mean, what is captured, and where calls then go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "catalog/catalog.h"

static struct catalog *cat;

static int
load(void **state)
{
	(void)state;
	return catalog_new(NULL, 0, &cat, NULL);
}

static int
unload(void **state)
{
	(void)state;
	catalog_unref(cat);
	return 0;
}

/* Parameters that the service wants, whatever it is. */
static const char *
parameters_of(const char *service)
{
	static const char *const all[][2] = {
		{ "shopify", "{\"shop\":\"acme\"}" },
		{ "zendesk", "{\"subdomain\":\"acme\"}" },
		{ "zoho_salesiq", "{\"screen_name\":\"zylker\"}" },
		{ "twilio",
		  "{\"account_sid\":\"AC0123456789abcdef0123456789abcdef\"}" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++)
		if (!strcmp(all[i][0], service))
			return all[i][1];
	return NULL;
}

static struct binding *
bound_with(const char *service, const char *method, const char *parameters)
{
	json_t *p = parameters ? json_loads(parameters, 0, NULL) : NULL;
	struct json_problem problem = { 0 };
	struct binding *b = NULL;

	if (catalog_bind(catalog_find(cat, NULL, service), method, p, &b,
			 &problem))
		fail_msg("%s: %s %s", service, problem.pointer, problem.detail);
	json_decref(p);
	return b;
}

static struct binding *
bound(const char *service)
{
	return bound_with(service, NULL, parameters_of(service));
}

static bool
allows(const struct binding *b, const char *host)
{
	return binding_hosts_allow(b, true, slice_str(host), 0);
}

static int
take(struct binding *b, const char *name, const char *value)
{
	char detail[256];
	size_t i;

	for (i = 0; i < b->method->captures.count; i++)
		if (!strcmp(b->method->captures.items[i].name, name))
			return binding_capture(b, &b->method->captures.items[i],
					       slice_str(value), detail,
					       sizeof(detail));
	fail_msg("no capture %s", name);
	return -1;
}

/* ---- the whole catalogue ---- */

static void
there_are_more_than_thirty_services(void **state)
{
	size_t cursor = 0, count = 0;

	(void)state;
	while (catalog_next(cat, NULL, &cursor))
		count++;
	assert_true(count > 30);
}

static void
every_service_can_be_found_understood_and_tested(void **state)
{
	const struct service *s;
	size_t cursor = 0, i;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor)) != NULL) {
		if (!s->categories.count || !s->description[0])
			fail_msg("%s: category, description", s->id);
		if (strcmp(s->id, "practice_desk") &&
		    ((!s->docs && strcmp(s->id, "zoho")) || !s->sources.count))
			fail_msg("%s: docs, sources", s->id);
		if (!s->api.tests.count)
			fail_msg("%s: no test", s->id);
		for (i = 0; i < s->scopes.count; i++)
			if (!strcmp(s->scopes.items[i].description,
				    s->scopes.items[i].name))
				fail_msg("%s: %s", s->id,
					 s->scopes.items[i].name);
	}
}

static void
every_secret_says_where_it_is_found(void **state)
{
	const struct service *s;
	size_t cursor = 0, i, j;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor)) != NULL)
		for (i = 0; i < s->methods.count; i++)
			for (j = 0; j < s->methods.items[i].fields.count; j++) {
				const struct catalog_field *f =
					&s->methods.items[i].fields.items[j];

				if (f->secret && !f->help)
					fail_msg("%s: %s", s->id, f->name);
			}
}

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
		means |= binding_match_any(&api->throttled_on, &a) ? THROTTLE
								   : 0;
		if (means != answers[i].means)
			fail_msg("%s %d %s: %d", answers[i].service,
				 answers[i].status, answers[i].body, means);
		binding_free(b);
	}
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

/* ---- Zoho ---- */

static void
zoho_products_are_in_the_account_s_data_centre(void **state)
{
	static const char *const all[][2] = {
		{ "zoho_desk", "https://desk.zohocloud.ca" },
		{ "zoho_crm", "https://www.zohoapis.ca" },
		{ "zoho_books", "https://www.zohoapis.ca" },
		{ "zoho_inventory", "https://www.zohoapis.ca" },
		{ "zoho_creator", "https://www.zohoapis.ca" },
		{ "zoho_salesiq", "https://salesiq.zohocloud.ca" },
		{ "zoho_mail", "https://mail.zohocloud.ca" },
		{ "zoho_projects", "https://projectsapi.zohocloud.ca" },
		{ "zoho_cliq", "https://cliq.zohocloud.ca" },
		{ "zoho_people", "https://people.zohocloud.ca" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound(all[i][0]);

		assert_int_equal(take(b, "location", "ca"), 0);
		assert_int_equal(take(b, "accounts_server",
				      "https://accounts.zohocloud.ca"),
				 0);
		assert_string_equal(b->base_url, all[i][1]);
		assert_string_equal(
			b->token_url,
			"https://accounts.zohocloud.ca/oauth/v2/token");
		assert_int_equal(take(b, "location", "xx"), ERR_FORBIDDEN);
		assert_int_equal(take(b, "location", "eu.evil.example"),
				 ERR_FORBIDDEN);
		assert_int_equal(b->method->refresh->tokens_per_account, 20);
		assert_string_equal(b->app_id, "zoho");
		binding_free(b);
	}
}

static void
zoho_two_label_domains_are_whole(void **state)
{
	struct binding *b = bound("zoho_books");

	(void)state;
	assert_int_equal(
		take(b, "accounts_server", "https://accounts.zoho.com.au"), 0);
	assert_int_equal(take(b, "api_domain", "https://www.zohoapis.com.au"),
			 0);
	assert_true(allows(b, "www.zohoapis.com.au"));
	assert_false(allows(b, "www.zohoapis.com"));
	assert_int_equal(take(b, "api_domain", "https://www.zohoapis.com"),
			 ERR_FORBIDDEN);
	assert_int_equal(
		take(b, "accounts_server", "https://accounts.zoho.com.cn"),
		ERR_FORBIDDEN); /* what was captured stays put */
	binding_free(b);
}

static void
zoho_organisation_is_a_header(void **state)
{
	struct binding *b = bound_with("zoho_books", NULL,
				       "{\"organization_id\":\"10234695\"}");

	(void)state;
	assert_int_equal(b->headers.count, 1);
	assert_string_equal(b->headers.items[0].name,
			    "X-com-zoho-books-organizationid");
	assert_string_equal(b->headers.items[0].value, "10234695");
	binding_free(b);
}

static void
the_article_s_scopes_are_offered_as_real_ones(void **state)
{
	static const char *const all[][3] = {
		{ "zoho_desk", "ZohoDesk.tickets.READ", "Desk.tickets.READ" },
		{ "zoho_salesiq", "ZohoSalesIQ.visitors.READ",
		  "SalesIQ.visitors.READ" },
		{ "zoho_people", "ZohoPeople.forms.READ",
		  "ZOHOPEOPLE.forms.READ" },
		{ "zoho_books", "books.invoices.read",
		  "ZohoBooks.invoices.READ" },
		{ "gmail", "gmail.send",
		  "https://www.googleapis.com/auth/gmail.send" },
	};
	struct catalog_suggestion s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		catalog_scope_suggest(catalog_find(cat, NULL, all[i][0]), false,
				      slice_str(all[i][1]), &s);
		if (s.known || !s.scope || strcmp(s.scope->name, all[i][2]))
			fail_msg("%s", all[i][1]);
	}
}

/* ---- Salesforce: the instance's own address ---- */

static void
salesforce_calls_go_to_the_captured_instance_alone(void **state)
{
	struct binding *b = bound("salesforce");

	(void)state;
	assert_null(b->base_url);
	assert_int_equal(b->host_count, 0);
	assert_false(allows(b, "acme.my.salesforce.com"));
	assert_int_equal(
		take(b, "instance_url", "https://acme.my.salesforce.com"), 0);
	assert_string_equal(b->base_url, "https://acme.my.salesforce.com");
	assert_true(allows(b, "acme.my.salesforce.com"));
	assert_false(allows(b, "evil.my.salesforce.com"));
	assert_false(allows(b, "login.salesforce.com"));
	assert_string_equal(b->lookup_urls[0],
			    "https://acme.my.salesforce.com/services/oauth2/"
			    "userinfo");
	binding_free(b);
}

static void
salesforce_instance_elsewhere_is_refused(void **state)
{
	static const char *const bad[] = {
		"https://salesforce.com.evil.example",
		"https://evil.example/.my.salesforce.com",
		"http://acme.my.salesforce.com",
		"https://acme.my.salesforce.com@evil.example",
		"https://acme.my.salesforce.com:8443",
		"https://acme.my.salesforce.com/path",
		"https://evilsalesforce.com",
		"",
	};
	struct binding *b = bound("salesforce");
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (take(b, "instance_url", bad[i]) != ERR_FORBIDDEN)
			fail_msg("%s was taken", bad[i]);
	assert_null(b->base_url);
	binding_free(b);
}

static void
salesforce_sign_in_host_is_salesforce_s_own(void **state)
{
	struct json_problem problem = { 0 };
	json_t *p =
		json_loads("{\"login_host\":\"login.evil.example\"}", 0, NULL);
	struct binding *b;

	(void)state;
	assert_int_equal(catalog_bind(catalog_find(cat, NULL, "salesforce"),
				      NULL, p, &b, &problem),
			 ERR_INVALID);
	json_decref(p);
	b = bound_with("salesforce", NULL,
		       "{\"login_host\":\"acme--uat.sandbox.my.salesforce.com\""
		       "}");
	assert_string_equal(b->token_url,
			    "https://acme--uat.sandbox.my.salesforce.com/"
			    "services/oauth2/token");
	binding_free(b);
}

static void
definition_of_now_takes_the_grant_s_captured_host(void **state)
{
	struct binding *now = bound("salesforce"),
		       *sealed = bound("salesforce");
	const struct slice acme = SLICE("acme.my.salesforce.com");
	char detail[128];

	(void)state;
	assert_int_equal(
		take(sealed, "instance_url", "https://acme.my.salesforce.com"),
		0);
	assert_false(binding_hosts_allow(now, true, acme, 0));
	assert_true(binding_hosts_allow_grant(now, sealed, true, acme, 0));
	assert_true(binding_hosts_allow_grant(now, sealed, true, acme, 443));
	assert_false(binding_hosts_allow_grant(now, sealed, true, acme, 8443));
	assert_false(binding_hosts_allow_grant(now, sealed, false, acme, 80));
	assert_false(binding_hosts_allow_grant(
		now, sealed, true, SLICE("evil.my.salesforce.com"), 0));
	assert_true(binding_covers(sealed, now, detail, sizeof(detail)));
	binding_free(now);
	binding_free(sealed);
}

static void
host_that_a_data_centre_lost_stays_lost(void **state)
{
	struct binding *now = bound("zoho_desk"), *sealed;

	(void)state;
	sealed = bound_with("zoho_desk", NULL, "{\"data_centre\":\"eu\"}");
	assert_false(binding_hosts_allow_grant(now, sealed, true,
					       SLICE("desk.zoho.eu"), 0));
	binding_free(now);
	binding_free(sealed);
}

/* ---- Jira: the site is looked up ---- */

#define SITES \
	"[{\"id\":\"11111111-2222-3333-4444-555555555555\"," \
	"\"url\":\"https://other.atlassian.net\"}," \
	"{\"id\":\"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\"," \
	"\"url\":\"https://acme.atlassian.net\"}]"

static void
jira_site_is_the_one_that_was_named(void **state)
{
	struct binding *b = bound_with("jira", NULL, "{\"site\":\"acme\"}");
	json_t *tree = json_loads(SITES, 0, NULL);
	const json_t *item;
	char detail[256];

	(void)state;
	assert_null(b->base_url);
	item = binding_lookup_item(b, 0, tree, detail, sizeof(detail));
	assert_non_null(item);
	assert_int_equal(
		binding_set_value(b,
				  &b->method->lookups.items[0].values.items[0],
				  slice_str(json_string_value(
					  binding_path_get(item, "id"))),
				  detail, sizeof(detail)),
		0);
	assert_string_equal(b->base_url,
			    "https://api.atlassian.com/ex/jira/"
			    "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
	json_decref(tree);
	binding_free(b);
}

static void
jira_without_a_site_takes_the_first(void **state)
{
	struct binding *b = bound("jira");
	json_t *tree = json_loads(SITES, 0, NULL), *none = json_array();
	char detail[256];

	(void)state;
	assert_ptr_equal(binding_lookup_item(b, 0, tree, detail, 256),
			 json_array_get(tree, 0));
	assert_null(binding_lookup_item(b, 0, none, detail, 256));
	assert_true(detail[0]);
	json_decref(tree);
	json_decref(none);
	binding_free(b);
}

static void
jira_site_out_of_reach_is_named(void **state)
{
	struct binding *b = bound_with("jira", NULL, "{\"site\":\"evil\"}");
	json_t *tree = json_loads(SITES, 0, NULL);
	char detail[256];

	(void)state;
	assert_null(binding_lookup_item(b, 0, tree, detail, 256));
	assert_non_null(strstr(detail, "https://evil.atlassian.net"));
	json_decref(tree);
	binding_free(b);
}

static void
jira_id_of_another_form_is_refused(void **state)
{
	struct binding *b = bound("jira");
	char detail[256];

	(void)state;
	assert_int_equal(
		binding_set_value(b,
				  &b->method->lookups.items[0].values.items[0],
				  SLICE("../../evil"), detail, sizeof(detail)),
		ERR_FORBIDDEN);
	assert_null(b->base_url);
	binding_free(b);
}

static void
jira_token_has_a_place_of_its_own(void **state)
{
	struct binding *b = bound_with("jira", "token", "{\"site\":\"acme\"}");

	(void)state;
	assert_string_equal(b->base_url, "https://acme.atlassian.net");
	assert_true(allows(b, "acme.atlassian.net"));
	assert_false(allows(b, "api.atlassian.com"));
	assert_string_equal(b->test_urls[0],
			    "https://acme.atlassian.net/rest/api/3/myself");
	binding_free(b);
	b = bound("jira");
	assert_string_equal(b->test_urls[0], "/rest/api/3/myself");
	binding_free(b);
}

/* ---- others ---- */

static void
shopify_callback_must_be_of_the_store_that_was_asked(void **state)
{
	struct binding *b = bound("shopify");

	(void)state;
	assert_string_equal(b->token_url, "https://acme.myshopify.com/admin/"
					  "oauth/access_token");
	assert_int_equal(take(b, "callback_shop", "acme.myshopify.com"), 0);
	assert_int_equal(take(b, "callback_shop", "evil.myshopify.com"),
			 ERR_FORBIDDEN);
	assert_int_equal(
		take(b, "callback_shop", "acme.myshopify.com.evil.example"),
		ERR_FORBIDDEN);
	assert_string_equal(b->method->authorize->hmac_parameter, "hmac");
	assert_false(b->method->authorize->pkce);
	binding_free(b);
}

static void
self_managed_gitlab_is_everywhere_itself(void **state)
{
	struct binding *b = bound_with("gitlab", NULL,
				       "{\"host\":\"git.acme.example:8443\"}");

	(void)state;
	assert_string_equal(b->base_url, "https://git.acme.example:8443");
	assert_string_equal(b->token_url,
			    "https://git.acme.example:8443/oauth/token");
	assert_true(
		binding_hosts_allow(b, true, SLICE("git.acme.example"), 8443));
	assert_false(allows(b, "gitlab.com"));
	binding_free(b);
	b = bound("gitlab");
	assert_string_equal(b->base_url, "https://gitlab.com");
	binding_free(b);
}

static void
microsoft_has_its_tenant_in_the_path(void **state)
{
	struct binding *b = bound("microsoft_graph");

	(void)state;
	assert_string_equal(b->token_url,
			    "https://login.microsoftonline.com/common/oauth2/"
			    "v2.0/token");
	binding_free(b);
	b = bound_with("microsoft_graph", "app",
		       "{\"tenant\":\"contoso.onmicrosoft.com\","
		       "\"data_centre\":\"usgov\"}");
	assert_string_equal(b->token_url,
			    "https://login.microsoftonline.us/"
			    "contoso.onmicrosoft.com/oauth2/v2.0/token");
	assert_string_equal(b->token_parameters.items[0].value,
			    "https://graph.microsoft.us/.default");
	binding_free(b);
}

static void
regions_have_hosts_of_their_own(void **state)
{
	static const char *const all[][3] = {
		{ "intercom", "{\"data_centre\":\"eu\"}",
		  "https://api.eu.intercom.io" },
		{ "sendgrid", "{\"data_centre\":\"eu\"}",
		  "https://api.eu.sendgrid.com" },
		{ "openai", "{\"data_centre\":\"eu\"}",
		  "https://eu.api.openai.com" },
		{ "twilio",
		  "{\"data_centre\":\"ie1\",\"account_sid\":"
		  "\"AC0123456789abcdef0123456789abcdef\"}",
		  "https://api.dublin.ie1.twilio.com" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound_with(all[i][0], NULL, all[i][1]);

		assert_string_equal(b->base_url, all[i][2]);
		binding_free(b);
	}
}

static void
consent_pages_get_what_they_need(void **state)
{
	static const char *const all[][3] = {
		{ "gmail", "access_type", "offline" },
		{ "gmail", "prompt", "consent" },
		{ "google_drive", "access_type", "offline" },
		{ "zoho_mail", "access_type", "offline" },
		{ "dropbox", "token_access_type", "offline" },
		{ "notion", "owner", "user" },
		{ "jira", "audience", "api.atlassian.com" },
		{ "jira", "prompt", "consent" },
		{ "microsoft_graph", "response_mode", "query" },
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound(all[i][0]);
		const struct catalog_pairs *p = &b->authorize_parameters;

		for (j = 0; j < p->count; j++)
			if (!strcmp(p->items[j].name, all[i][1]))
				break;
		if (j == p->count || strcmp(p->items[j].value, all[i][2]))
			fail_msg("%s: %s", all[i][0], all[i][1]);
		binding_free(b);
	}
}

static void
lives_of_refresh_tokens_are_told(void **state)
{
	static const struct {
		const char *service;
		bool rotates;
		uint32_t idle_s, total_s, per_account;
	} all[] = {
		{ "jira", true, 7776000, 31536000, 0 },
		{ "airtable", true, 5184000, 0, 0 },
		{ "microsoft_graph", false, 7776000, 0, 0 },
		{ "gmail", false, 15552000, 0, 100 },
		{ "shopify", true, 0, 7776000, 0 },
		{ "gitlab", true, 0, 0, 0 },
		{ "zoho_desk", false, 0, 0, 20 },
		{ "zendesk", true, 0, 7776000, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound(all[i].service);
		const struct catalog_refresh *r = b->method->refresh;

		if (r->rotates != all[i].rotates ||
		    r->idle_life_s != all[i].idle_s ||
		    r->total_life_s != all[i].total_s ||
		    r->tokens_per_account != all[i].per_account)
			fail_msg("%s", all[i].service);
		binding_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_more_than_thirty_services),
		cmocka_unit_test(
			every_service_can_be_found_understood_and_tested),
		cmocka_unit_test(every_secret_says_where_it_is_found),
		cmocka_unit_test(answers_mean_what_the_service_means),
		cmocka_unit_test(refusals_are_of_the_right_class),
		cmocka_unit_test(
			zoho_products_are_in_the_account_s_data_centre),
		cmocka_unit_test(zoho_two_label_domains_are_whole),
		cmocka_unit_test(zoho_organisation_is_a_header),
		cmocka_unit_test(the_article_s_scopes_are_offered_as_real_ones),
		cmocka_unit_test(
			salesforce_calls_go_to_the_captured_instance_alone),
		cmocka_unit_test(salesforce_instance_elsewhere_is_refused),
		cmocka_unit_test(salesforce_sign_in_host_is_salesforce_s_own),
		cmocka_unit_test(
			definition_of_now_takes_the_grant_s_captured_host),
		cmocka_unit_test(host_that_a_data_centre_lost_stays_lost),
		cmocka_unit_test(jira_site_is_the_one_that_was_named),
		cmocka_unit_test(jira_without_a_site_takes_the_first),
		cmocka_unit_test(jira_site_out_of_reach_is_named),
		cmocka_unit_test(jira_id_of_another_form_is_refused),
		cmocka_unit_test(jira_token_has_a_place_of_its_own),
		cmocka_unit_test(
			shopify_callback_must_be_of_the_store_that_was_asked),
		cmocka_unit_test(self_managed_gitlab_is_everywhere_itself),
		cmocka_unit_test(microsoft_has_its_tenant_in_the_path),
		cmocka_unit_test(regions_have_hosts_of_their_own),
		cmocka_unit_test(consent_pages_get_what_they_need),
		cmocka_unit_test(lives_of_refresh_tokens_are_told),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
