/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X-Forwarded-For: the client is the last who is no trusted proxy, and
 * whatever a client makes up is behind that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/http.h"

static struct http_proxies trusted;

static int
begin(void **state)
{
	static const char *const items[] = { "10.0.0.0/8", "192.0.2.1",
					     "2001:db8:f::/48", "unix" };
	size_t i;

	(void)state;
	memset(&trusted, 0, sizeof(trusted));
	for (i = 0; i < ARRAY_LEN(items); i++)
		if (http_proxy_parse(slice_str(items[i]),
				     &trusted.items[trusted.count++]))
			return -1;
	return 0;
}

/* The client of a request from this peer with these fields (NULL ends). */
static const char *
client_of(const char *peer, const char *one, const char *two)
{
	static char text[NET_ADDR_TEXT];
	static struct http_head h;
	struct net_addr a, out;

	h.count = 0;
	h.fields[h.count].name = SLICE("Host");
	h.fields[h.count++].value = SLICE("8.8.8.8");
	if (one) {
		h.fields[h.count].name = SLICE("X-Forwarded-For");
		h.fields[h.count++].value = slice_str(one);
	}
	if (two) {
		h.fields[h.count].name = SLICE("x-forwarded-FOR");
		h.fields[h.count++].value = slice_str(two);
	}
	assert_int_equal(net_addr_parse(slice_str(peer), &a), 0);
	http_forwarded_client(&trusted, &a, &h, &out);
	net_addr_format_ip(&out, text);
	return text;
}

#define CLIENT(wanted, peer, one, two) \
	assert_string_equal(client_of(peer, one, two), wanted)

static void
a_trusted_peer_says_who_has_asked_it(void **state)
{
	(void)state;
	CLIENT("203.0.113.7", "10.1.2.3:5", "203.0.113.7", NULL);
	CLIENT("203.0.113.7", "192.0.2.1:5", " 203.0.113.7 ", NULL);
	CLIENT("203.0.113.7", "unix:/run/s", "203.0.113.7", NULL);
	CLIENT("2001:db8::7", "[2001:db8:f::1]:5", "2001:db8::7", NULL);
	CLIENT("203.0.113.7", "[::ffff:10.1.2.3]:5", "::ffff:203.0.113.7",
	       NULL);
}

static void
nobody_else_is_believed(void **state)
{
	(void)state;
	CLIENT("203.0.113.1", "203.0.113.1:5", "10.0.0.1", NULL);
	CLIENT("192.0.2.2", "192.0.2.2:5", "203.0.113.7", NULL);
	CLIENT("127.0.0.1", "127.0.0.1:5", "203.0.113.7", NULL);
	CLIENT("2001:db8:e::1", "[2001:db8:e::1]:5", "203.0.113.7", NULL);
	memset(&trusted, 0, sizeof(trusted));
	CLIENT("10.1.2.3", "10.1.2.3:5", "203.0.113.7", NULL);
	CLIENT("unix", "unix:/run/s", "203.0.113.7", NULL);
}

static void
what_a_client_has_made_up_counts_for_nothing(void **state)
{
	(void)state;
	CLIENT("203.0.113.7", "10.1.2.3:5", "8.8.8.8, 203.0.113.7", NULL);
	CLIENT("203.0.113.7", "10.1.2.3:5", "10.9.9.9,203.0.113.7", NULL);
	CLIENT("203.0.113.7", "10.1.2.3:5", "'\"\x01,, x,203.0.113.7", NULL);
	CLIENT("203.0.113.7", "10.1.2.3:5", "8.8.8.8", "203.0.113.7");
	CLIENT("203.0.113.7", "10.1.2.3:5", "10.9.9.9",
	       "8.8.8.8, 203.0.113.7, 10.4.4.4");
}

static void
proxies_behind_one_another_are_walked_through(void **state)
{
	(void)state;
	CLIENT("203.0.113.7", "unix:/run/s", "203.0.113.7, 192.0.2.1, 10.0.0.2",
	       NULL);
	CLIENT("203.0.113.7", "unix:/run/s", "203.0.113.7, 192.0.2.1",
	       "10.0.0.2");
	/* all of them are ours: the one farthest away */
	CLIENT("10.0.0.9", "10.1.2.3:5", "10.0.0.9, 10.0.0.2", NULL);
}

static void
what_is_no_address_ends_the_walk(void **state)
{
	(void)state;
	CLIENT("10.1.2.3", "10.1.2.3:5", NULL, NULL);
	CLIENT("10.1.2.3", "10.1.2.3:5", "", NULL);
	CLIENT("10.1.2.3", "10.1.2.3:5", "203.0.113.7,", NULL);
	CLIENT("10.1.2.3", "10.1.2.3:5", "203.0.113.7, unknown", NULL);
	CLIENT("10.1.2.3", "10.1.2.3:5", "203.0.113.7:99", NULL);
	CLIENT("10.1.2.3", "10.1.2.3:5", "0203.0.113.7", NULL);
	CLIENT("10.1.2.3", "10.1.2.3:5", "203.0.113.7 10.0.0.1", NULL);
	CLIENT("10.1.2.3", "10.1.2.3:5", "unix", NULL);
	CLIENT("10.0.0.2", "10.1.2.3:5", "203.0.113.7, _hidden, 10.0.0.2",
	       NULL);
}

static void
no_more_hops_are_read_than_there_can_be(void **state)
{
	char list[HTTP_HOPS_MAX * 12 + 40] = "203.0.113.7";
	int i;

	(void)state;
	for (i = 0; i < HTTP_HOPS_MAX - 1; i++)
		strcat(list, ",10.0.0.2");
	CLIENT("203.0.113.7", "10.1.2.3:5", list, NULL);
	strcat(list, ",10.0.0.2");
	CLIENT("10.0.0.2", "10.1.2.3:5", list, NULL);
}

static void
a_proxy_is_a_network_an_address_or_unix(void **state)
{
	static const char *const bad[] = {
		"",
		"proxy.example",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/0",
		"::/0",
		"::/129",
		"10.0.0.1:80",
		"[::1]",
		"Unix",
		"unix:/a",
		"10.0.0/8",
		"10.0.0.1/8x",
	};
	struct http_proxy p;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (http_proxy_parse(slice_str(bad[i]), &p) != ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(http_proxy_parse(SLICE("::ffff:10.0.0.1"), &p), 0);
	assert_int_equal(p.family, AF_INET);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_trusted_peer_says_who_has_asked_it),
		TEST(nobody_else_is_believed),
		TEST(what_a_client_has_made_up_counts_for_nothing),
		TEST(proxies_behind_one_another_are_walked_through),
		TEST(what_is_no_address_ends_the_walk),
		TEST(no_more_hops_are_read_than_there_can_be),
		TEST(a_proxy_is_a_network_an_address_or_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
