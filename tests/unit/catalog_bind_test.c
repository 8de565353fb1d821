/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bindings: a definition with a connection's choices put in says where a
 * credential may go, and nothing moves it elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/catalog_world.h"

static struct json_problem problem;

/* ---- data centres ---- */

static void
usual_data_centre_is_taken_where_none_is_chosen(void **state)
{
	struct binding *b = bound_with("zoho_desk", NULL, NULL);

	(void)state;
	assert_string_equal(b->data_centre, "us");
	assert_string_equal(b->base_url, "https://desk.zoho.com");
	assert_string_equal(b->authorize_url,
			    "https://accounts.zoho.com/oauth/v2/auth");
	assert_string_equal(b->token_url,
			    "https://accounts.zoho.com/oauth/v2/token");
	assert_string_equal(b->refresh_url, b->token_url);
	assert_string_equal(b->app_id, "zoho");
	assert_string_equal(b->inject.items[0].value,
			    "Zoho-oauthtoken {access_token}");
	binding_free(b);
}

static void
chosen_data_centre_moves_every_url(void **state)
{
	struct binding *b =
		bound_with("zoho_desk", "oauth", "{\"data_centre\":\"ca\"}");

	(void)state;
	assert_string_equal(b->base_url, "https://desk.zohocloud.ca");
	assert_string_equal(b->token_url,
			    "https://accounts.zohocloud.ca/oauth/v2/token");
	assert_true(allows(b, "desk.zohocloud.ca"));
	assert_false(allows(b, "desk.zoho.com"));
	binding_free(b);
}

static void
data_centre_without_the_service_is_refused(void **state)
{
	const struct service *crm = catalog_find(cat, NULL, "zoho_crm");
	struct binding *b;

	(void)state;
	assert_int_equal(
		bind_json(crm, NULL, "{\"data_centre\":\"sg\"}", &b, &problem),
		ERR_INVALID);
	assert_null(b);
	assert_string_equal(problem.pointer, "/parameters/data_centre");
	assert_int_equal(
		bind_json(crm, NULL, "{\"data_centre\":\"xx\"}", &b, &problem),
		ERR_INVALID);
	assert_int_equal(
		bind_json(crm, NULL, "{\"data_centre\":7}", &b, &problem),
		ERR_INVALID);
}

static void
callback_moves_the_binding_to_the_accounts_data_centre(void **state)
{
	struct binding *b = bound_with("zoho_desk", NULL, NULL);

	(void)state;
	assert_int_equal(take(b, "accounts_server", "https://accounts.zoho.eu"),
			 0);
	assert_string_equal(b->data_centre, "eu");
	assert_string_equal(b->token_url,
			    "https://accounts.zoho.eu/oauth/v2/token");
	assert_string_equal(b->base_url, "https://desk.zoho.eu");
	assert_false(allows(b, "desk.zoho.com"));
	binding_free(b);
}

static void
accounts_server_outside_the_table_is_refused(void **state)
{
	static const char *const bad[] = {
		"https://accounts.evil.example",
		"http://accounts.zoho.eu",
		"http://accounts.zoho.eu:443",
		"https://accounts.zoho.eu.evil.example",
		"https://accounts.zoho.eu@evil.example",
		"https://accounts.zoho.eu:8443",
		"https://accounts.zoho.eu/oauth",
		"https://evil.example/accounts.zoho.eu",
		"accounts.zoho.eu",
		"https://desk.zoho.eu",
		"",
	};
	struct binding *b = bound_with("zoho_desk", NULL, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (take(b, "accounts_server", bad[i]) != ERR_FORBIDDEN)
			fail_msg("%s was taken", bad[i]);
	assert_string_equal(b->data_centre, "us");
	assert_string_equal(b->token_url,
			    "https://accounts.zoho.com/oauth/v2/token");
	binding_free(b);
}

static void
account_in_a_data_centre_without_the_service_is_refused(void **state)
{
	struct binding *b = bound_with("zoho_crm", NULL, NULL);

	(void)state;
	assert_int_equal(take(b, "accounts_server", "https://accounts.zoho.sg"),
			 ERR_FORBIDDEN);
	assert_string_equal(b->data_centre, "us");
	binding_free(b);
}

static void
api_domain_sets_the_base_url_within_its_data_centre(void **state)
{
	struct binding *b =
		bound_with("zoho_crm", NULL, "{\"data_centre\":\"eu\"}");

	(void)state;
	assert_string_equal(b->base_url, "https://www.zohoapis.eu");
	assert_int_equal(take(b, "api_domain", "https://sandbox.zohoapis.eu"),
			 0);
	assert_string_equal(b->base_url, "https://sandbox.zohoapis.eu");
	assert_int_equal(take(b, "api_domain", "https://www.zohoapis.com"),
			 ERR_FORBIDDEN);
	assert_int_equal(take(b, "api_domain", "https://evil.example"),
			 ERR_FORBIDDEN);
	/* a host, and nothing behind it */
	assert_int_equal(take(b, "api_domain", "https://www.zohoapis.eu?x"),
			 ERR_FORBIDDEN);
	assert_int_equal(take(b, "api_domain", "https://www.zohoapis.eu/?x"),
			 ERR_FORBIDDEN);
	assert_int_equal(take(b, "api_domain", "https://www.zohoapis.eu/crm"),
			 ERR_FORBIDDEN);
	assert_string_equal(b->base_url, "https://sandbox.zohoapis.eu");
	binding_free(b);
}

static void
equivalent_host_is_the_grants_own_data_centre(void **state)
{
	const struct service *desk = catalog_find(cat, NULL, "zoho_desk");
	struct binding *b =
		bound_with("zoho_desk", NULL, "{\"data_centre\":\"eu\"}");

	(void)state;
	assert_string_equal(
		catalog_equivalent_host(desk, SLICE("desk.zoho.com"), "eu"),
		"desk.zoho.eu");
	assert_string_equal(catalog_equivalent_host(b->service,
						    SLICE("Desk.Zoho.COM."),
						    b->data_centre),
			    "desk.zoho.eu");
	assert_null(catalog_equivalent_host(desk, SLICE("desk.zoho.eu"), "eu"));
	assert_null(catalog_equivalent_host(desk, SLICE("desk.evil.example"),
					    "eu"));
	/* Accounts hosts are not for calls. */
	assert_null(catalog_equivalent_host(desk, SLICE("accounts.zoho.com"),
					    "eu"));
	assert_null(
		catalog_equivalent_host(desk, SLICE("desk.zoho.com"), "uk"));
	binding_free(b);
}

/* ---- parameters ---- */

static void
unknown_parameter_is_named(void **state)
{
	struct binding *b;

	(void)state;
	assert_int_equal(bind_json(catalog_find(cat, NULL, "stripe"), NULL,
				   "{\"acount\":\"x\"}", &b, &problem),
			 ERR_INVALID);
	assert_string_equal(problem.pointer, "/parameters/acount");
	assert_non_null(strstr(problem.detail, "unknown"));
}

static void
value_not_of_its_pattern_is_refused_by_name(void **state)
{
	static const char *const bad[] = {
		"{\"port\":\"7171/x\"}",
		"{\"port\":\"7171@evil\"}",
		"{\"port\":\"\"}",
		"{\"port\":\"0\"}",
		"{\"port\":\"99999\"}",
		"{\"port\":true}",
		"{\"port\":\"71.example\"}",
		"{\"port\":\"{dc.api}\"}",
		"{\"port\":\"7171\\u0000\"}",
	};
	const struct service *s = catalog_find(cat, NULL, "practice_desk");
	struct binding *b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *p = json_loads(bad[i], JSON_ALLOW_NUL, NULL);

		memset(&problem, 0, sizeof(problem));
		if (catalog_bind(s, NULL, p, &b, &problem) != ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
		assert_null(b);
		assert_true(problem.set);
		json_decref(p);
	}
}

static void
pattern_of_a_text_is_kept_to(void **state)
{
	static const char *const bad[] = { "{\"org_id\":\"12a\"}",
					   "{\"org_id\":-1}",
					   "{\"org_id\":\"1 2\"}",
					   "{\"org_id\":null,\"x\":1}" };
	struct binding *b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(bind_json(catalog_find(cat, NULL, "zoho_desk"),
					   NULL, bad[i], &b, &problem),
				 ERR_INVALID);
	assert_int_equal(bind_json(catalog_find(cat, NULL, "zoho_desk"), NULL,
				   bad[0], &b, &problem),
			 ERR_INVALID);
	assert_string_equal(problem.pointer, "/parameters/org_id");
}

static void
optional_parameter_makes_its_header_or_none(void **state)
{
	struct binding *b = bound_with("zoho_desk", NULL, NULL);

	(void)state;
	assert_int_equal(b->headers.count, 0);
	binding_free(b);
	b = bound_with("zoho_desk", NULL, "{\"org_id\":2389290}");
	assert_int_equal(b->headers.count, 1);
	assert_string_equal(b->headers.items[0].name, "orgId");
	assert_string_equal(b->headers.items[0].value, "2389290");
	binding_free(b);
}

static void
missing_parameter_is_named(void **state)
{
	struct binding *b;

	(void)state;
	assert_int_equal(bind_json(catalog_find(cat, NULL, "zoho_crm"),
				   "self_client", NULL, &b, &problem),
			 ERR_INVALID);
	assert_string_equal(problem.pointer, "/parameters/soid");
	b = bound_with("zoho_crm", "self_client", "{\"soid\":\"ZohoCRM.600\"}");
	assert_int_equal(b->kind, CATALOG_OAUTH2_CLIENT_CREDENTIALS);
	assert_string_equal(b->token_parameters.items[0].value, "ZohoCRM.600");
	binding_free(b);
}

static void
unknown_method_is_not_found(void **state)
{
	struct binding *b;

	(void)state;
	assert_int_equal(bind_json(catalog_find(cat, NULL, "stripe"), "basic",
				   NULL, &b, &problem),
			 ERR_NOT_FOUND);
	assert_null(b);
}

/* ---- where a credential may go ---- */

static void
credential_goes_to_its_hosts_alone(void **state)
{
	static const char *const no[] = {
		"api.stripe.com.evil.example",
		"evil-api.stripe.com",
		"stripe.com",
		"xapi.stripe.com",
		"api.stripe.com..",
		"api.stripe.com/",
		"api.stripe.com@evil.example",
		"127.0.0.1",
		"",
		"api.stripe.co",
		"api.str\xc4\xb1pe.com",
	};
	struct binding *b = bound_with("stripe", NULL, NULL);
	size_t i;

	(void)state;
	assert_true(allows(b, "api.stripe.com"));
	assert_true(allows(b, "API.Stripe.com"));
	assert_true(allows(b, "api.stripe.com."));
	assert_true(
		binding_hosts_allow(b, true, SLICE("files.stripe.com"), 443));
	assert_false(
		binding_hosts_allow(b, true, SLICE("api.stripe.com"), 8443));
	assert_false(
		binding_hosts_allow(b, false, SLICE("api.stripe.com"), 80));
	for (i = 0; i < ARRAY_LEN(no); i++)
		if (allows(b, no[i]))
			fail_msg("%s is allowed", no[i]);
	binding_free(b);
}

static void
practice_service_is_on_loopback_alone(void **state)
{
	struct binding *b =
		bound_with("practice_desk", NULL, "{\"port\":7300}");

	(void)state;
	assert_string_equal(b->base_url, "http://127.0.0.1:7300");
	assert_string_equal(b->token_url,
			    "http://127.0.0.1:7300/oauth/v2/token");
	assert_true(binding_hosts_allow(b, false, SLICE("127.0.0.1"), 7300));
	assert_false(binding_hosts_allow(b, false, SLICE("127.0.0.1"), 7301));
	assert_false(binding_hosts_allow(b, false, SLICE("127.0.0.2"), 7300));
	assert_false(binding_hosts_allow(b, false, SLICE("localhost"), 7300));
	binding_free(b);
}

static void
endpoints_are_compared_to_the_letter(void **state)
{
	struct binding *b = bound_with("github", "oauth", NULL);

	(void)state;
	assert_true(binding_endpoint_allows(
		b, SLICE("https://github.com/login/oauth/access_token")));
	assert_true(binding_endpoint_allows(
		b, SLICE("https://api.github.com/applications/Iv1.x/grant")));
	assert_false(binding_endpoint_allows(
		b, SLICE("https://api.github.com/applications/../grant")));
	assert_false(binding_endpoint_allows(
		b, SLICE("https://api.github.com/applications/a/b/grant")));
	assert_false(binding_endpoint_allows(
		b, SLICE("https://github.com/login/oauth/access_token/x")));
	assert_false(binding_endpoint_allows(
		b, SLICE("https://github.com.evil.example/login/oauth/"
			 "access_token")));
	binding_free(b);
}

static void
test_calls_go_to_allowed_hosts(void **state)
{
	struct binding *b = bound_with("zoho_desk", NULL, NULL);

	(void)state;
	assert_string_equal(b->test_urls[0],
			    "https://desk.zoho.com/api/v1/organizations");
	binding_free(b);
	b = bound_with("zoho", NULL, "{\"data_centre\":\"jp\"}");
	assert_string_equal(b->test_urls[0],
			    "https://desk.zoho.jp/api/v1/organizations");
	assert_string_equal(b->test_urls[1],
			    "https://www.zohoapis.jp/crm/v8/org");
	binding_free(b);
}

/* ---- what a person's own service can do ---- */

static void
captured_tenant_host_must_be_of_the_pattern_and_the_hosts(void **state)
{
	static const char text[] =
		"{\"id\":\"sf\",\"name\":\"SF\",\"methods\":{\"oauth\":{"
		"\"kind\":\"oauth2_code\",\"name\":\"O\","
		"\"authorize\":{\"url\":\"https://login.sf.example/a\"},"
		"\"token\":{\"url\":\"https://login.sf.example/t\"},"
		"\"captures\":[{\"name\":\"instance_url\",\"from\":\"token\","
		"\"field\":\"instance_url\",\"sets\":\"base_url\","
		"\"pattern\":\"^https://[a-z0-9.-]+$\"}]}},"
		"\"api\":{\"hosts\":[\"*.my.sf.example\"]}}";
	struct catalog_source source = { .org = "o", .text = SLICE("") };
	struct catalog *c;
	struct binding *b;

	(void)state;
	source.text = slice_str(text);
	assert_int_equal(catalog_new(&source, 1, &c, NULL), 0);
	assert_int_equal(
		bind_json(catalog_find(c, "o", "sf"), NULL, NULL, &b, &problem),
		0);
	assert_null(b->base_url);
	assert_int_equal(take(b, "instance_url", "https://evil.example"),
			 ERR_FORBIDDEN);
	assert_int_equal(take(b, "instance_url", "http://a.my.sf.example"),
			 ERR_FORBIDDEN);
	assert_int_equal(take(b, "instance_url", "https://a.my.sf.example"), 0);
	assert_string_equal(b->base_url, "https://a.my.sf.example");
	binding_free(b);
	catalog_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			usual_data_centre_is_taken_where_none_is_chosen),
		cmocka_unit_test(chosen_data_centre_moves_every_url),
		cmocka_unit_test(data_centre_without_the_service_is_refused),
		cmocka_unit_test(
			callback_moves_the_binding_to_the_accounts_data_centre),
		cmocka_unit_test(accounts_server_outside_the_table_is_refused),
		cmocka_unit_test(
			account_in_a_data_centre_without_the_service_is_refused),
		cmocka_unit_test(
			api_domain_sets_the_base_url_within_its_data_centre),
		cmocka_unit_test(equivalent_host_is_the_grants_own_data_centre),
		cmocka_unit_test(unknown_parameter_is_named),
		cmocka_unit_test(value_not_of_its_pattern_is_refused_by_name),
		cmocka_unit_test(pattern_of_a_text_is_kept_to),
		cmocka_unit_test(optional_parameter_makes_its_header_or_none),
		cmocka_unit_test(missing_parameter_is_named),
		cmocka_unit_test(unknown_method_is_not_found),
		cmocka_unit_test(credential_goes_to_its_hosts_alone),
		cmocka_unit_test(practice_service_is_on_loopback_alone),
		cmocka_unit_test(endpoints_are_compared_to_the_letter),
		cmocka_unit_test(test_calls_go_to_allowed_hosts),
		cmocka_unit_test(
			captured_tenant_host_must_be_of_the_pattern_and_the_hosts),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
