/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: the one spelling of each, and every other that is none.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/net.h"

static void
reads_as(const char *text, const char *wanted)
{
	char again[NET_ADDR_TEXT];
	struct net_addr a;

	if (net_addr_parse(slice_str(text), &a))
		fail_msg("%s was refused", text);
	net_addr_format(&a, again);
	assert_string_equal(again, wanted);
}

static void
an_address_has_ip_and_port(void **state)
{
	struct net_addr a;

	(void)state;
	reads_as("127.0.0.1:80", "127.0.0.1:80");
	reads_as("255.255.255.255:65535", "255.255.255.255:65535");
	reads_as("0.0.0.0:0", "0.0.0.0:0");
	assert_int_equal(net_addr_parse(SLICE("192.0.2.7:8080"), &a), 0);
	assert_int_equal(a.u.sa.sa_family, AF_INET);
	assert_int_equal(a.len, sizeof(struct sockaddr_in));
	assert_int_equal(a.u.in.sin_addr.s_addr, htonl(0xc0000207));
	assert_int_equal(a.u.in.sin_port, htons(8080));
	assert_int_equal(net_addr_port(&a), 8080);
}

static void
every_spelling_of_ipv6_is_one_address(void **state)
{
	static const char *const spellings[] = {
		"[2001:db8::1]:443",
		"[2001:DB8::1]:443",
		"[2001:0db8:0000:0000:0000:0000:0000:0001]:443",
		"[2001:db8:0:0::1]:443",
		"[2001:db8::0:1]:443",
		"[2001:db8::0.0.0.1]:443",
	};
	struct net_addr first, a;
	size_t i;

	(void)state;
	assert_int_equal(net_addr_parse(slice_str(spellings[0]), &first), 0);
	assert_int_equal(first.u.sa.sa_family, AF_INET6);
	assert_int_equal(first.len, sizeof(struct sockaddr_in6));
	assert_int_equal(net_addr_port(&first), 443);
	for (i = 0; i < ARRAY_LEN(spellings); i++) {
		reads_as(spellings[i], "[2001:db8::1]:443");
		assert_int_equal(net_addr_parse(slice_str(spellings[i]), &a),
				 0);
		assert_true(net_addr_eq(&a, &first));
	}
	reads_as("[::]:1", "[::]:1");
	reads_as("[::1]:1", "[::1]:1");
	reads_as("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1");
	reads_as("[::ffff:c000:201]:1", "[::ffff:192.0.2.1]:1");
	reads_as("[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:1");
}

static void
all_are_refused(const struct slice *bad, size_t count)
{
	struct net_addr a;
	size_t i;

	for (i = 0; i < count; i++)
		if (net_addr_parse(bad[i], &a) != ERR_INVALID)
			fail_msg("%.*s was taken", SLICE_ARG(bad[i]));
}

/* What inet_aton(3) and browsers take for IPv4, and other near misses. */
static void
other_spellings_of_ipv4_are_no_addresses(void **state)
{
	static const struct slice bad[] = {
		SLICE(""),
		SLICE("127.0.0.1"),
		SLICE("127.0.0.1:"),
		SLICE(":80"),
		SLICE("80"),
		SLICE("localhost:80"),
		SLICE("127.1:80"),
		SLICE("2130706433:80"),
		SLICE("0x7f000001:80"),
		SLICE("0x7f.0.0.1:80"),
		SLICE("0177.0.0.1:80"),
		SLICE("127.0.0.01:80"),
		SLICE("127.0.0.256:80"),
		SLICE("127.0.0.1.:80"),
		SLICE("127.0.0.1.1:80"),
		SLICE(" 127.0.0.1:80"),
		SLICE("127.0.0.1 :80"),
		SLICE("127.0.0.1\0:80"),
		SLICE("127.0.0.1:80 "),
		SLICE("127.0.0.1:+80"),
		SLICE("127.0.0.1:-1"),
		SLICE("127.0.0.1:65536"),
		SLICE("127.0.0.1:18446744073709551696"),
		SLICE("127.0.0.1:80:80"),
		SLICE("127.0.0.1:http"),
		SLICE("127.0.0.1:80\0"),
		SLICE("\xef\xbc\x91.0.0.1:80"),
	};

	(void)state;
	all_are_refused(bad, ARRAY_LEN(bad));
}

static void
other_spellings_of_ipv6_are_no_addresses(void **state)
{
	static const struct slice bad[] = {
		SLICE("::1:80"),
		SLICE("::1"),
		SLICE("[::1]"),
		SLICE("[::1]80"),
		SLICE("[::1]:"),
		SLICE("[::1]x:80"),
		SLICE("[::1:80"),
		SLICE("[]:80"),
		SLICE("["),
		SLICE("]:80"),
		SLICE("[::1]]:80"),
		SLICE("[[::1]]:80"),
		SLICE("[127.0.0.1]:80"),
		SLICE("[::1%lo]:80"),
		SLICE("[fe80::1%1]:80"),
		SLICE("[1::2::3]:80"),
		SLICE("[1:2:3:4:5:6:7]:80"),
		SLICE("[1:2:3:4:5:6:7:8:9]:80"),
		SLICE("[12345::]:80"),
		SLICE("[::g]:80"),
		SLICE("[::1.2.3]:80"),
		SLICE("[::0x1]:80"),
		SLICE("[::1\0]:80"),
		SLICE("[0000000000000000000000000000000000000000000000000::1]:"
		      "80"),
		SLICE("unix"),
		SLICE("unix:"),
		SLICE("unix:/a\0b"),
		SLICE("UNIX:/a"),
	};

	(void)state;
	all_are_refused(bad, ARRAY_LEN(bad));
}

static void
a_path_fits_into_its_socket_address(void **state)
{
	char text[160], again[NET_ADDR_TEXT];
	struct net_addr a;
	size_t room = sizeof(a.u.un.sun_path) - 1;

	(void)state;
	reads_as("unix:/run/x.sock", "unix:/run/x.sock");
	reads_as("unix:x:80", "unix:x:80");
	assert_int_equal(net_addr_parse(SLICE("unix:/a"), &a), 0);
	assert_int_equal(a.u.sa.sa_family, AF_UNIX);
	assert_int_equal(a.len, offsetof(struct sockaddr_un, sun_path) + 3);
	assert_int_equal(net_addr_port(&a), 0);
	snprintf(text, sizeof(text), "unix:/%0*d", (int)room - 1, 1);
	assert_int_equal(net_addr_parse(slice_str(text), &a), 0);
	net_addr_format(&a, again);
	assert_string_equal(again, text);
	snprintf(text, sizeof(text), "unix:/%0*d", (int)room, 1);
	assert_int_equal(net_addr_parse(slice_str(text), &a), ERR_INVALID);
}

static void
an_ip_stands_alone(void **state)
{
	static const char *const good[][2] = {
		{ "10.1.2.3", "10.1.2.3" },
		{ "::", "::" },
		{ "FE80::A", "fe80::a" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	static const struct slice bad[] = {
		SLICE(""),	     SLICE("10.1.2"),	  SLICE("10.1.2.3:80"),
		SLICE("[::1]"),	     SLICE("10.1.2.3\0"), SLICE("a.example"),
		SLICE("10.1.2.3/8"), SLICE("1"),	  SLICE("::1\0::1"),
	};
	char text[NET_ADDR_TEXT];
	struct net_addr a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(
			net_addr_from_ip(slice_str(good[i][0]), 99, &a), 0);
		assert_int_equal(net_addr_port(&a), 99);
		net_addr_format_ip(&a, text);
		assert_string_equal(text, good[i][1]);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (net_addr_from_ip(bad[i], 99, &a) != ERR_INVALID)
			fail_msg("%.*s was taken", SLICE_ARG(bad[i]));
}

static void
equal_is_who_is_the_same_in_every_part(void **state)
{
	static const char *const all[] = {
		"127.0.0.1:1", "127.0.0.1:2", "127.0.0.2:1",
		"[::1]:1",     "[::1]:2",     "[::ffff:127.0.0.1]:1",
		"unix:/a",     "unix:/b",     "unix:/ab",
	};
	struct net_addr a, b;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		for (j = 0; j < ARRAY_LEN(all); j++) {
			net_addr_parse(slice_str(all[i]), &a);
			net_addr_parse(slice_str(all[j]), &b);
			assert_int_equal(net_addr_eq(&a, &b), i == j);
		}
	}
	/* The scope of a link-local address is a part of it. */
	net_addr_parse(SLICE("[fe80::1]:1"), &a);
	b = a;
	b.u.in6.sin6_scope_id = 2;
	assert_false(net_addr_eq(&a, &b));
}

static void
what_is_no_address_is_told_as_such(void **state)
{
	struct net_addr a = { 0 };
	char text[NET_ADDR_TEXT];

	(void)state;
	a.u.sa.sa_family = AF_NETLINK;
	net_addr_format(&a, text);
	assert_string_equal(text, "unknown:0");
	net_addr_parse(SLICE("unix:/a"), &a);
	net_addr_format_ip(&a, text);
	assert_string_equal(text, "unix");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_ip_and_port),
		cmocka_unit_test(every_spelling_of_ipv6_is_one_address),
		cmocka_unit_test(other_spellings_of_ipv4_are_no_addresses),
		cmocka_unit_test(other_spellings_of_ipv6_are_no_addresses),
		cmocka_unit_test(a_path_fits_into_its_socket_address),
		cmocka_unit_test(an_ip_stands_alone),
		cmocka_unit_test(equal_is_who_is_the_same_in_every_part),
		cmocka_unit_test(what_is_no_address_is_told_as_such),
	};

	return cmocka_run_group_tests_name("net addr", tests, NULL, NULL);
}
