/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent to token endpoints and added to calls, and which callbacks
 * are believed, as each default service wants it.
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
	struct secret *s = secret_from(text, strlen(text));

	assert_non_null(s);
	return s;
}

static bool
has(const struct secret *s, const char *text)
{
	return memmem(secret_peek(s), secret_len(s), text, strlen(text));
}

/* A request of the app "id" with the secret "hush" and the tokens "at" and
 * "rt". */
static struct method_http
request(const struct binding *b, enum method_request what)
{
	struct secret *hush = secret("hush"), *code = secret("c0de"),
		      *rt = secret("rt"), *at = secret("at");
	struct method_request_input in = {
		.what = what,
		.binding = b,
		.client_id = "id",
		.client_secret = hush,
		.code = what == METHOD_EXCHANGE ? code : NULL,
		.redirect_uri = what == METHOD_EXCHANGE
					? "https://db.example/oauth/callback"
					: NULL,
		.refresh_token = what == METHOD_EXCHANGE ? NULL : rt,
		.access_token = at,
		.scope = "s1 s2",
	};
	struct method_http out;

	assert_int_equal(method_oauth2_request(&in, &out), 0);
	secret_free(hush);
	secret_free(code);
	secret_free(rt);
	secret_free(at);
	return out;
}

/* ---- token requests ---- */

static void
notion_wants_json_basic_and_its_version(void **state)
{
	struct binding *b = bound_with("notion", "oauth", NULL);
	struct method_http h = request(b, METHOD_EXCHANGE);

	(void)state;
	assert_string_equal(h.url, "https://api.notion.com/v1/oauth/token");
	assert_true(has(h.fields, "Authorization: Basic aWQ6aHVzaA==\r\n"));
	assert_true(has(h.fields, "Notion-Version: 2022-06-28\r\n"));
	assert_true(has(h.fields, "Content-Type: application/json\r\n"));
	assert_true(has(h.body, "\"grant_type\":\"authorization_code\""));
	assert_false(has(h.body, "hush"));
	method_http_release(&h);
	binding_free(b);
}

static void
airtable_wants_basic_and_a_form(void **state)
{
	struct binding *b = bound_with("airtable", "oauth", NULL);
	struct method_http h = request(b, METHOD_REFRESH);

	(void)state;
	assert_true(has(h.fields, "Authorization: Basic aWQ6aHVzaA==\r\n"));
	assert_true(has(h.body, "grant_type=refresh_token&refresh_token=rt"));
	assert_true(b->method->authorize->pkce);
	method_http_release(&h);
	binding_free(b);
}

static void
zoho_has_the_client_in_the_form(void **state)
{
	struct binding *b = bound_with("zoho_books", "oauth", NULL);
	struct method_http h = request(b, METHOD_REFRESH);

	(void)state;
	assert_string_equal(h.url, "https://accounts.zoho.com/oauth/v2/token");
	assert_true(has(h.body, "client_id=id&client_secret=hush"));
	assert_false(has(h.fields, "Authorization"));
	method_http_release(&h);
	binding_free(b);
}

static void
jira_speaks_json_with_the_client_in_it(void **state)
{
	struct binding *b = bound_with("jira", "oauth", NULL);
	struct method_http h = request(b, METHOD_REFRESH);

	(void)state;
	assert_true(has(h.body, "\"client_secret\":\"hush\""));
	assert_true(has(h.body, "\"refresh_token\":\"rt\""));
	method_http_release(&h);
	binding_free(b);
}

static void
stripe_takes_the_secret_as_user_name(void **state)
{
	struct binding *b = bound_with("stripe", "oauth", NULL);
	struct method_http h = request(b, METHOD_REFRESH);

	(void)state;
	/* "hush:" */
	assert_true(has(h.fields, "Authorization: Basic aHVzaDo=\r\n"));
	assert_false(has(h.body, "hush"));
	method_http_release(&h);
	binding_free(b);
}

static void
shopify_and_zendesk_ask_for_tokens_that_expire(void **state)
{
	struct binding *b =
		bound_with("shopify", "oauth", "{\"shop\":\"acme\"}");
	struct method_http h = request(b, METHOD_EXCHANGE);

	(void)state;
	assert_true(has(h.body, "expiring=1"));
	method_http_release(&h);
	binding_free(b);
	b = bound_with("zendesk", "oauth", "{\"subdomain\":\"acme\"}");
	h = request(b, METHOD_EXCHANGE);
	assert_string_equal(h.url, "https://acme.zendesk.com/oauth/tokens");
	assert_true(has(h.body, "expires_in=86400"));
	assert_true(has(h.body, "scope=s1+s2"));
	method_http_release(&h);
	binding_free(b);
}

static void
app_permissions_of_microsoft_have_their_scope(void **state)
{
	struct binding *b =
		bound_with("microsoft_graph", "app",
			   "{\"tenant\":\"contoso.onmicrosoft.com\"}");
	struct secret *hush = secret("hush");
	struct method_request_input in = { .what = METHOD_CLIENT_CREDENTIALS,
					   .binding = b,
					   .client_id = "id",
					   .client_secret = hush };
	struct method_http h;

	(void)state;
	assert_int_equal(method_oauth2_request(&in, &h), 0);
	assert_true(has(h.body, "grant_type=client_credentials"));
	assert_true(has(h.body, "scope=https%3A%2F%2Fgraph.microsoft.com"
				"%2F.default"));
	method_http_release(&h);
	secret_free(hush);
	binding_free(b);
}

/* ---- revocations ---- */

static void
revocation_can_use_a_captured_value(void **state)
{
	struct binding *b = bound_with("stripe", "oauth", NULL);
	struct method_http h;
	char detail[128];

	(void)state;
	assert_int_equal(binding_capture(b, &b->method->captures.items[0],
					 SLICE("acct_1A2b3C"), detail,
					 sizeof(detail)),
			 0);
	h = request(b, METHOD_REVOKE);
	assert_string_equal(h.url, "https://connect.stripe.com/oauth/"
				   "deauthorize");
	assert_true(has(h.body, "client_id=id&stripe_user_id=acct_1A2b3C"));
	method_http_release(&h);
	binding_free(b);
}

static void
revocations_are_as_each_service_wants_them(void **state)
{
	struct binding *b = bound_with("dropbox", "oauth", NULL);
	struct method_http h = request(b, METHOD_REVOKE);

	(void)state;
	assert_true(has(h.fields, "Authorization: Bearer at\r\n"));
	assert_false(has(h.fields, "Content-Type"));
	assert_int_equal(secret_len(h.body), 0);
	method_http_release(&h);
	binding_free(b);
	b = bound_with("zendesk", "oauth", "{\"subdomain\":\"acme\"}");
	h = request(b, METHOD_REVOKE);
	assert_string_equal(h.method, "DELETE");
	assert_true(has(h.fields, "Authorization: Bearer at\r\n"));
	method_http_release(&h);
	binding_free(b);
}

/* ---- injections ---- */

/* The header fields that this credential (name, value, name, value …) adds. */
static void
assert_injects(const char *service, const char *method, const char *parameters,
	       const char *const *fields, const char *want)
{
	struct binding *b = bound_with(service, method, parameters);
	struct method_credential c = { 0 };
	struct json_problem problem = { 0 };
	struct method_injection add;
	size_t i;

	for (i = 0; fields[i]; i += 2)
		assert_int_equal(method_credential_set(&c, fields[i],
						       secret(fields[i + 1])),
				 0);
	if (b->kind != CATALOG_OAUTH2_CODE &&
	    method_credential_check(b, &c, &problem))
		fail_msg("%s: %s %s", service, problem.pointer, problem.detail);
	assert_int_equal(method_inject(b, &c, &add), 0);
	if (!has(add.headers, want))
		fail_msg("%s: not %s", service, want);
	assert_int_equal(secret_len(add.headers), strlen(want));
	method_injection_release(&add);
	method_credential_release(&c);
	binding_free(b);
}

static void
tokens_go_where_each_service_wants_them(void **state)
{
	static const char *const token[] = { "access_token", "t0k", NULL };

	(void)state;
	assert_injects("zoho_mail", "oauth", NULL, token,
		       "Authorization: Zoho-oauthtoken t0k\r\n");
	assert_injects("shopify", "oauth", "{\"shop\":\"acme\"}", token,
		       "X-Shopify-Access-Token: t0k\r\n");
	assert_injects("gmail", "oauth", NULL, token,
		       "Authorization: Bearer t0k\r\n");
}

static void
keys_go_where_each_service_wants_them(void **state)
{
	static const char *const gitlab[] = { "token",
					      "glpat-0123456789abcdefghij",
					      NULL };
	static const char *const zendesk[] = { "email", "ada@example.com",
					       "api_token",
					       "0123456789abcdefghij", NULL };
	static const char *const jira[] = { "email", "ada@example.com",
					    "api_token", "ATATT3x", NULL };
	static const char *const twilio[] = {
		"auth_token", "0123456789abcdef0123456789abcdef", NULL
	};

	(void)state;
	assert_injects("gitlab", "token", NULL, gitlab,
		       "PRIVATE-TOKEN: glpat-0123456789abcdefghij\r\n");
	/* ada@example.com/token:… */
	assert_injects(
		"zendesk", "token", "{\"subdomain\":\"acme\"}", zendesk,
		"Authorization: Basic YWRhQGV4YW1wbGUuY29tL3Rva2VuOjAxMjM0NTY3ODlhYmNkZWZnaGlq\r\n");
	assert_injects(
		"jira", "token", "{\"site\":\"acme\"}", jira,
		"Authorization: Basic YWRhQGV4YW1wbGUuY29tOkFUQVRUM3g=\r\n");
	/* the account's SID is a parameter: it is in paths too */
	assert_injects(
		"twilio", "token",
		"{\"account_sid\":"
		"\"AC0123456789abcdef0123456789abcdef\"}",
		twilio,
		"Authorization: Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==\r\n");
}

/* ---- signed callbacks ---- */

#define SIGNED \
	"code=0907a61c0c8d55e99db179b68161bc00&shop=acme.myshopify.com&" \
	"state=0.6784241404160823&timestamp=1337178173&host=YWRtaW4%3D"
/* openssl dgst -sha256 -hmac hush of the parameters in their order */
#define HMAC "fe943bedec6680535d31b434ba635a5df0e425afcc31d8e39705ff41edbe7333"

static int
callback(const char *service, const char *query, const char *key)
{
	struct binding *b = bound_with(
		service, "oauth",
		strcmp(service, "shopify") ? NULL : "{\"shop\":\"acme\"}");
	struct secret *hush = key ? secret(key) : NULL;
	int rc = method_callback_check(b, slice_str(query), hush);

	secret_free(hush);
	binding_free(b);
	return rc;
}

/* The examples that Shopify's documentation has had, of the secret "hush". */
static void
examples_of_the_vendor_s_are_believed(void **state)
{
	static const char *const all[] = {
		"code=0907a61c0c8d55e99db179b68161bc00&hmac="
		"4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d"
		"20&shop=some-shop.myshopify.com&timestamp=1337178173",
		"code=0907a61c0c8d55e99db179b68161bc00&hmac="
		"700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4"
		"bf&shop=some-shop.myshopify.com&state=0.6784241404160823&"
		"timestamp=1337178173",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++)
		assert_int_equal(callback("shopify", all[i], "hush"), 0);
}

static void
signed_callback_is_believed(void **state)
{
	(void)state;
	assert_int_equal(callback("shopify", SIGNED "&hmac=" HMAC, "hush"), 0);
	assert_int_equal(callback("shopify", "hmac=" HMAC "&" SIGNED, "hush"),
			 0);
}

static void
unsigned_and_forged_callbacks_are_not(void **state)
{
	static const char *const bad[] = {
		SIGNED,
		SIGNED "&hmac=",
		SIGNED "&hmac=00",
		SIGNED "&hmac=" HMAC "00",
		SIGNED "&hmac=zz" HMAC,
		SIGNED "&hmac=" HMAC "&hmac=" HMAC,
		SIGNED "&extra=1&hmac=" HMAC,
		SIGNED "&shop=evil.myshopify.com&hmac=" HMAC,
		"code=0907a61c0c8d55e99db179b68161bc00&shop=evil.myshopify.com"
		"&state=0.6784241404160823&timestamp=1337178173"
		"&host=YWRtaW4%3D&hmac=" HMAC,
		"hmac=" HMAC,
		"%zz=1&hmac=" HMAC,
		"=",
		"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (callback("shopify", bad[i], "hush") != ERR_FORBIDDEN)
			fail_msg("%s is believed", bad[i]);
	assert_int_equal(callback("shopify", SIGNED "&hmac=" HMAC, "other"),
			 ERR_FORBIDDEN);
	assert_int_equal(callback("shopify", SIGNED "&hmac=" HMAC, NULL),
			 ERR_FORBIDDEN);
}

static void
callback_with_too_many_parameters_is_refused(void **state)
{
	struct buf query;
	size_t i;

	(void)state;
	buf_init(&query, 4096);
	for (i = 0; i < 50; i++)
		buf_printf(&query, "p%zu=1&", i);
	buf_puts(&query, "hmac=" HMAC);
	assert_int_equal(callback("shopify", buf_cstr(&query), "hush"),
			 ERR_FORBIDDEN);
	buf_release(&query);
}

static void
service_that_signs_nothing_asks_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(callback("zoho_desk", "code=1", NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notion_wants_json_basic_and_its_version),
		cmocka_unit_test(airtable_wants_basic_and_a_form),
		cmocka_unit_test(zoho_has_the_client_in_the_form),
		cmocka_unit_test(jira_speaks_json_with_the_client_in_it),
		cmocka_unit_test(stripe_takes_the_secret_as_user_name),
		cmocka_unit_test(
			shopify_and_zendesk_ask_for_tokens_that_expire),
		cmocka_unit_test(app_permissions_of_microsoft_have_their_scope),
		cmocka_unit_test(revocation_can_use_a_captured_value),
		cmocka_unit_test(revocations_are_as_each_service_wants_them),
		cmocka_unit_test(tokens_go_where_each_service_wants_them),
		cmocka_unit_test(keys_go_where_each_service_wants_them),
		cmocka_unit_test(examples_of_the_vendor_s_are_believed),
		cmocka_unit_test(signed_callback_is_believed),
		cmocka_unit_test(unsigned_and_forged_callbacks_are_not),
		cmocka_unit_test(callback_with_too_many_parameters_is_refused),
		cmocka_unit_test(service_that_signs_nothing_asks_for_nothing),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
