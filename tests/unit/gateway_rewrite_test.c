/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References in answers: whatever a service writes into Location, a client
 * that follows it stays with this connection, or leaves Drawbridge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "gateway/gateway_priv.h"

static struct binding_host hosts[] = {
	{ "api.example.com", false, 0 },
	{ ".eu.example.com", true, 0 },
};
static const struct binding binding = {
	.hosts = hosts,
	.host_count = ARRAY_LEN(hosts),
};
static const struct gateway_url_base base = {
	.link = { "desk", 4 },
	.binding = &binding,
	.https = true,
	.authority = { "api.example.com", 15 },
	.base_path = { "/v1", 3 },
	.path = { "/tickets/7?x=/y/", 16 },
	.own_host = { "Bridge.Internal:7070", 20 },
};

static void
assert_rewritten(const char *url, const char *want)
{
	struct buf out;

	buf_init(&out, HTTP_HEAD_MAX);
	gateway_url_rewrite(&base, slice_str(url), &out);
	if (strcmp(buf_cstr(&out), want))
		fail_msg("%s became %s, not %s", url, buf_cstr(&out), want);
	buf_release(&out);
}

#define OWN "/via/desk/https://api.example.com"

static void
urls_of_the_service_take_the_gateways_form(void **state)
{
	(void)state;
	assert_rewritten("https://api.example.com/a?b=/../c#d",
			 OWN "/a?b=/../c#d");
	assert_rewritten("HTTPS://API.example.com:443/a",
			 "/via/desk/https://API.example.com:443/a");
	assert_rewritten("https://x.eu.example.com",
			 "/via/desk/https://x.eu.example.com");
	assert_rewritten("//api.example.com/a", OWN "/a");
	assert_rewritten("/a//b;c=1", OWN "/a//b;c=1");
	assert_rewritten("/", OWN "/");
}

static void
relative_references_are_read_against_what_was_called(void **state)
{
	(void)state;
	assert_rewritten("8", OWN "/v1/tickets/8");
	assert_rewritten("./8?a=b", OWN "/v1/tickets/8?a=b");
	assert_rewritten("../users/", OWN "/v1/users/");
	assert_rewritten("..", OWN "/v1/");
	assert_rewritten("?page=2", OWN "/v1/tickets/7?page=2");
	assert_rewritten("a:b/c", "a:b/c"); /* a scheme, by RFC 3986 4.2 */
	assert_rewritten("./a:b", OWN "/v1/tickets/a:b");
}

static void
foreign_urls_stay_as_they_are(void **state)
{
	static const char *const urls[] = {
		"https://other.example.com/a",
		"http://api.example.com/a", /* not over plain http */
		"https://api.example.com:8443/a",
		"https://eu.example.com/",
		"https://api.example.com.attacker.test/",
		"http://169.254.169.254/latest/meta-data/",
		"http://10.0.0.1/",
		"//169.254.169.254/latest/",
		"//other.example.com/a",
		"mailto:someone@example.com",
		"app.example:/callback",
		"#part",
		"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(urls); i++)
		assert_rewritten(urls[i], urls[i]);
}

static void
no_reference_leads_to_another_connection(void **state)
{
	(void)state;
	assert_rewritten("/via/other/charge", OWN "/via/other/charge");
	assert_rewritten("/../../../../via/other/charge",
			 OWN "/via/other/charge");
	assert_rewritten("../../../../../../via/other/x", OWN "/via/other/x");
	assert_rewritten("/a/%2e%2E/.%2e/%2e/../../../via/other",
			 OWN "/via/other");
	assert_rewritten("https://api.example.com/../../../via/other",
			 OWN "/via/other");
	assert_rewritten("/..\\..\\via\\other", OWN "/..%5C..%5Cvia%5Cother");
	assert_rewritten("/.\t./.\t./via/other", OWN "/.%09./.%09./via/other");
	assert_rewritten("\\\\bridge.internal:7070\\via\\other",
			 OWN "/v1/tickets/%5C%5Cbridge.internal:7070%5Cvia"
			     "%5Cother");
	/* to this server itself: in the gateway's form it is refused */
	assert_rewritten("https://bridge.internal:7070/via/other",
			 "/via/desk/https://bridge.internal:7070/via/other");
	assert_rewritten("http://BRIDGE.internal:7070/via/other",
			 "/via/desk/http://BRIDGE.internal:7070/via/other");
	assert_rewritten("//bridge.internal.:7070/via/other",
			 "/via/desk/https://bridge.internal.:7070/via/other");
}

static void
urls_that_clients_read_differently_are_left_out(void **state)
{
	static const char *const urls[] = {
		"https:/via/other",
		"http:via/other",
		"https:///via/other",
		"https:\\\\bridge.internal:7070\\via\\other",
		"https://a@api.example.com/",
		"https://api.example.com:99999/",
		"//api.example.com@bridge.internal:7070/via/other",
		"///via/other",
		"https://0x7f.1/",
		"https://[::1/",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(urls); i++)
		assert_rewritten(urls[i], "");
	assert_rewritten("ht\ttps://bridge.internal:7070/via/other",
			 OWN "/v1/tickets/ht%09tps://bridge.internal:7070/via/"
			     "other");
}

static void
other_bytes_are_percent_encoded(void **state)
{
	(void)state;
	assert_rewritten("/a b/\xc3\xa4?\xc3\xb6 ", OWN "/a%20b/%C3%A4?%C3%B6"
							"%20");
	assert_rewritten("https://other.example.com/a b",
			 "https://other.example.com/a%20b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_of_the_service_take_the_gateways_form),
		cmocka_unit_test(
			relative_references_are_read_against_what_was_called),
		cmocka_unit_test(foreign_urls_stay_as_they_are),
		cmocka_unit_test(no_reference_leads_to_another_connection),
		cmocka_unit_test(
			urls_that_clients_read_differently_are_left_out),
		cmocka_unit_test(other_bytes_are_percent_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
