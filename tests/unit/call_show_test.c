/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people see of an injection: where it is put, and never what it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "call/call_priv.h"

static struct catalog_injection parts[] = {
	{ CATALOG_IN_HEADER, "Authorization",
	  "Zoho-oauthtoken {access_token}" },
	{ CATALOG_IN_HEADER, "X-User", "{username}:{password}" },
	{ CATALOG_IN_QUERY, "api key", "{api_key}" },
	{ CATALOG_IN_QUERY, "v", "1" },
	{ CATALOG_IN_FORM, "api key", "{api_key}" },
	{ CATALOG_IN_PATH, "", "/bot{token}" },
};
static struct service service = { .name = "Desk" };
static struct binding binding = {
	.service = &service,
	.inject = { parts, ARRAY_LEN(parts) },
	.base_url = "https://desk.example",
};
static struct connect_injection injection = { .binding = &binding };
static struct connect_snapshot snapshot;
static struct call call = { .injection = &injection, .snapshot = &snapshot };

static void
each_place_is_named_and_each_secret_masked(void **state)
{
	static const struct {
		enum catalog_place place;
		const char *shown;
	} table[] = {
		{ CATALOG_IN_HEADER,
		  "Authorization: Zoho-oauthtoken " CALL_MASK "\r\n"
		  "X-User: " CALL_MASK ":" CALL_MASK "\r\n" },
		{ CATALOG_IN_QUERY, "api%20key=" CALL_MASK "&v=1" },
		{ CATALOG_IN_FORM, "api+key=" CALL_MASK },
		{ CATALOG_IN_PATH, "/bot" CALL_MASK },
	};
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1000);
	for (i = 0; i < ARRAY_LEN(table); i++) {
		buf_reset(&b);
		call_show_place(&call, table[i].place, &b);
		assert_string_equal(buf_cstr(&b), table[i].shown);
	}
	buf_release(&b);
}

static const char *
rule(const char *target, const char *host, uint16_t port)
{
	static char text[256];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	call.target = slice_str(target);
	snprintf(call.url.host, sizeof(call.url.host), "%s", host);
	call.url.https = true;
	call.url.port = port;
	assert_int_equal(call_show_rule(&call, &b), 0);
	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(buf_slice(&b)));
	buf_release(&b);
	return text;
}

static void
the_rule_that_let_it_go_is_named(void **state)
{
	struct binding_host hosts[] = { { "desk.example", false, 0 },
					{ ".desk.example", true, 8443 } };

	(void)state;
	binding.hosts = hosts;
	binding.host_count = ARRAY_LEN(hosts);
	assert_string_equal(rule("/x", "desk.example", 443),
			    "base URL https://desk.example of Desk");
	assert_string_equal(rule("https://desk.example/x", "desk.example", 443),
			    "allowed host desk.example of Desk");
	assert_string_equal(
		rule("https://eu.desk.example:8443/", "eu.desk.example", 8443),
		"allowed host *.desk.example:8443 of Desk");
	call.host_replaced = true;
	assert_string_equal(rule("https://desk.other/x", "desk.example", 443),
			    "allowed host desk.example of Desk; desk.other was "
			    "replaced by desk.example, of the connection's own "
			    "data centre");
	call.snapshot = NULL;
	assert_string_equal(rule("https://o.example/", "o.example", 443),
			    "no connection: public addresses by https");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_place_is_named_and_each_secret_masked),
		cmocka_unit_test(the_rule_that_let_it_go_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
