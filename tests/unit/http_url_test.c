/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs, hosts and paths: one spelling each, and what is no host at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/http.h"

static void
a_url_is_taken_apart(void **state)
{
	struct http_url u;

	(void)state;
	assert_int_equal(
		http_url_parse(SLICE("https://API.Example.com./a?b"), &u, NULL),
		0);
	assert_true(u.https);
	assert_string_equal(u.host, "api.example.com");
	assert_int_equal(u.port, 443);
	assert_true(slice_eq(u.path, SLICE("/a?b")));
	assert_int_equal(http_url_parse(SLICE("http://[::1]:8080"), &u, NULL),
			 0);
	assert_string_equal(u.host, "[::1]");
	assert_int_equal(u.port, 8080);
	assert_int_equal(u.path.len, 0);
	assert_int_equal(http_url_parse(SLICE("https://h?q=1"), &u, NULL), 0);
	assert_true(slice_eq(u.path, SLICE("?q=1")));
}

static void
odd_urls_are_refused(void **state)
{
	static const char *const bad[] = {
		"https://user@host/",
		"https://user:pw@host/",
		"https://host@evil/",
		"https://host:0/",
		"https://host:65536/",
		"https://host:/",
		"https://host:8a/",
		"https://host/#fragment",
		"https://ho st/",
		"https://host\\@evil/",
		"https:///path",
		"https://",
		"ftp://host/",
		"//host/",
		"/path",
		"https://[::1/",
		"https://[v1.x]/",
		"https://[1.2.3.4]/",
		"https://h%6fst/",
		"https://h\xc3\xb6st/",
		"https://a..b/",
		"https://-a.com/",
		"https://a-.com/",
		"https://.a.com/",
	};
	struct http_url u;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		why = NULL;
		if (!http_url_parse(slice_str(bad[i]), &u, &why))
			fail_msg("%s was taken", bad[i]);
		assert_non_null(why);
	}
}

static void
international_names_are_told_how_to_be_written(void **state)
{
	struct http_url u;
	const char *why = "";

	(void)state;
	assert_int_equal(
		http_url_parse(SLICE("https://m\xc3\xbcnchen.example/"), &u,
			       &why),
		ERR_INVALID);
	assert_non_null(strstr(why, "xn--"));
	assert_int_equal(
		http_url_parse(SLICE("https://xn--mnchen-3ya.example/"), &u,
			       &why),
		0);
	assert_string_equal(u.host, "xn--mnchen-3ya.example");
}

static void
disguised_addresses_are_no_hosts(void **state)
{
	static const char *const bad[] = {
		"2130706433",	 "0x7f000001",	     "0x7f.1", "127.1",
		"0177.0.0.1",	 "127.0.0.01",	     "1.2.3",  "1.2.3.4.5",
		"256.256.256.1", "0x7f.0x0.0x0.0x1",
	};
	char host[HTTP_HOST_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (!http_host_canonical(slice_str(bad[i]), host))
			fail_msg("%s was taken as %s", bad[i], host);
	assert_int_equal(http_host_canonical(SLICE("127.0.0.1"), host), 0);
	assert_int_equal(
		http_host_canonical(SLICE("[0:0:0:0:0:ffff:7f00:1]"), host), 0);
	assert_string_equal(host, "[::ffff:127.0.0.1]");
}

static void
dot_segments_are_refused_in_every_spelling(void **state)
{
	static const char *const bad[] = {
		"/..",
		"/.",
		"/a/../b",
		"/a/./b",
		"/a/%2e%2e/b",
		"/a/%2E./b",
		"/a/.%2e",
		"/%2e",
		"/a%2f..%2fb",
		"/a/..%2fb",
		"/a%2f%2e%2e",
		"/a/..;/b",
		"/a/..;x=1/b",
		"/a/%5c../b",
		"/a/..%5cb",
		"/a\\b",
		"/a%00b",
		"/a%0d%0ab",
		"/a%",
		"/a%4",
		"/a%zz",
		"a/b",
		"",
		"/a/%7f",
		"/a#b",
		"/a?b#c",
	};
	static const char *const good[] = {
		"/",	"/a//b",   "/a%2Fb", "/a;b=c", "/...",	   "/a..b",
		"/..a", "/a/.b/c", "/%41",   "/a?../", "/a?x=%00", "/~x",
	};
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (!http_path_check(slice_str(bad[i]), &why))
			fail_msg("%s was taken", bad[i]);
	for (i = 0; i < ARRAY_LEN(good); i++)
		if (http_path_check(slice_str(good[i]), &why))
			fail_msg("%s: %s", good[i], why);
}

static void
query_parameters_are_found_and_decoded(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(http_query_get(SLICE("a=1&b%63=x+y%21&c"), "bc", &b),
			 0);
	assert_string_equal(buf_cstr(&b), "x y!");
	buf_reset(&b);
	assert_int_equal(http_query_get(SLICE("a=1"), "z", &b), ERR_NOT_FOUND);
	assert_int_equal(http_query_get(SLICE("a=%zz"), "a", &b), ERR_INVALID);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_taken_apart),
		cmocka_unit_test(odd_urls_are_refused),
		cmocka_unit_test(
			international_names_are_told_how_to_be_written),
		cmocka_unit_test(disguised_addresses_are_no_hosts),
		cmocka_unit_test(dot_segments_are_refused_in_every_spelling),
		cmocka_unit_test(query_parameters_are_found_and_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
