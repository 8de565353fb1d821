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

#include "../support/catalog_world.h"

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

		assert_int_equal(take(b, "accounts_server",
				      "https://accounts.zohocloud.ca"),
				 0);
		assert_int_equal(take(b, "location", "ca"), 0);
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
grant_of_another_data_centre_is_judged_there(void **state)
{
	struct binding *now = bound("zoho_desk"), *sealed;

	(void)state;
	sealed = bound_with("zoho_desk", NULL, "{\"data_centre\":\"eu\"}");
	assert_true(binding_hosts_allow_grant(now, sealed, true,
					      SLICE("desk.zoho.eu"), 0));
	assert_false(binding_hosts_allow_grant(now, sealed, true,
					       SLICE("desk.zoho.com"), 0));
	assert_false(binding_hosts_allow_grant(now, sealed, true,
					       SLICE("accounts.zoho.eu"), 0));
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

/* ---- where an app's secret may go ---- */

static int
endpoint(const char *service, const char *parameters, char out[256])
{
	const struct service *s = catalog_find(cat, NULL, service);
	const struct catalog_method *m = service_method(s, "oauth");
	json_t *p = parameters ? json_loads(parameters, 0, NULL) : NULL;
	struct buf b;
	int rc;

	buf_init(&b, 256);
	rc = catalog_endpoint(s, m, m->token->url, s->default_data_centre, p,
			      &b);
	snprintf(out, 256, "%s", rc ? "" : buf_cstr(&b));
	buf_release(&b);
	json_decref(p);
	return rc;
}

static void
secret_of_an_app_is_for_every_tenant_of_the_vendor_s_domain(void **state)
{
	static const struct {
		const char *service, *parameters, *want;
	} all[] = {
		{ "shopify", NULL,
		  "https://*.myshopify.com/admin/oauth/access_token" },
		{ "shopify", "{\"shop\":\"acme\"}",
		  "https://acme.myshopify.com/admin/oauth/access_token" },
		{ "zendesk", NULL, "https://*.zendesk.com/oauth/tokens" },
		{ "microsoft_graph", NULL,
		  "https://login.microsoftonline.com/*/oauth2/v2.0/token" },
		{ "gitlab", NULL, "https://gitlab.com/oauth/token" },
		{ "gitlab", "{\"host\":\"git.acme.example\"}",
		  "https://git.acme.example/oauth/token" },
		{ "salesforce", NULL,
		  "https://login.salesforce.com/services/oauth2/token" },
		{ "zoho_desk", NULL,
		  "https://accounts.zoho.com/oauth/v2/token" },
	};
	char url[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		assert_int_equal(
			endpoint(all[i].service, all[i].parameters, url), 0);
		assert_string_equal(url, all[i].want);
	}
	assert_int_equal(endpoint("shopify", "{\"shop\":\"a.evil\"}", url),
			 ERR_INVALID);
	assert_int_equal(endpoint("salesforce",
				  "{\"login_host\":\"evil.example\"}", url),
			 ERR_INVALID);
}

static void
tenant_is_one_label_or_one_piece_of_a_path(void **state)
{
	static const char shop[] = "https://*.myshopify.com/token";
	static const char tenant[] = "https://login.example.com/*/token";
	static const char *const bad[] = {
		"https://evil.example/.myshopify.com/token",
		"https://evil.example#.myshopify.com/token",
		"https://a.b.myshopify.com/token",
		"https://.myshopify.com/token",
		"https://A.myshopify.com/token",
		"https://a@evil.myshopify.com/token",
		"https://acme.myshopify.com/token/",
		"https://acme.myshopify.com:444/token",
		"http://acme.myshopify.com/token",
		"https://acme.myshopify.com",
		"",
	};
	static const char *const bad_paths[] = {
		"https://login.example.com/a/b/token",
		"https://login.example.com/../token",
		"https://login.example.com/./token",
		"https://login.example.com//token",
		"https://login.example.com/a?b/token",
		"https://login.example.com/a\\b/token",
	};
	size_t i;

	(void)state;
	assert_true(catalog_endpoint_fits(
		shop, SLICE("https://acme-2.myshopify.com/token")));
	assert_true(catalog_endpoint_fits(
		tenant,
		SLICE("https://login.example.com/contoso.onmicrosoft.com/"
		      "token")));
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (catalog_endpoint_fits(shop, slice_str(bad[i])))
			fail_msg("%s", bad[i]);
	for (i = 0; i < ARRAY_LEN(bad_paths); i++)
		if (catalog_endpoint_fits(tenant, slice_str(bad_paths[i])))
			fail_msg("%s", bad_paths[i]);
}

static void
tenant_of_a_custom_definition_chooses_no_host(void **state)
{
	static const char text[] =
		"{\"id\":\"own\",\"name\":\"Own\",\"parameters\":[{\"name\":"
		"\"x\",\"label\":\"X\"}],\"methods\":{\"oauth\":{\"kind\":"
		"\"oauth2_code\",\"name\":\"O\",\"authorize\":{\"url\":"
		"\"https://{x}.co.uk/a\"},\"token\":{\"url\":"
		"\"https://{x}.co.uk/t\"}}},\"api\":{\"base_url\":"
		"\"https://{x}.co.uk\",\"hosts\":[\"{x}.co.uk\"]}}";
	struct catalog_source source = { .org = "o" };
	const struct catalog_method *m;
	const struct service *s;
	struct catalog *own;
	struct buf b;

	(void)state;
	source.text = slice_str(text);
	assert_int_equal(catalog_new(&source, 1, &own, NULL), 0);
	s = catalog_find(own, "o", "own");
	assert_non_null(s);
	m = service_method(s, NULL);
	buf_init(&b, 256);
	assert_int_equal(catalog_endpoint(s, m, m->token->url, NULL, NULL, &b),
			 ERR_WRONG_STATE);
	buf_release(&b);
	catalog_unref(own);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_more_than_thirty_services),
		cmocka_unit_test(
			every_service_can_be_found_understood_and_tested),
		cmocka_unit_test(every_secret_says_where_it_is_found),
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
		cmocka_unit_test(grant_of_another_data_centre_is_judged_there),
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
		cmocka_unit_test(
			secret_of_an_app_is_for_every_tenant_of_the_vendor_s_domain),
		cmocka_unit_test(tenant_is_one_label_or_one_piece_of_a_path),
		cmocka_unit_test(tenant_of_a_custom_definition_chooses_no_host),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
