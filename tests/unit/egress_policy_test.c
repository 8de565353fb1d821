/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's judgement of addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "egress/egress.h"

static struct egress_policy *
policy(const char *const *allow, size_t count)
{
	struct egress_policy_config c = { .allow = allow,
					  .allow_count = count };
	struct egress_policy *p;
	char detail[200];

	assert_int_equal(egress_policy_new(&c, &p, detail, sizeof(detail)), 0);
	return p;
}

static int
judge(const struct egress_policy *p, const char *ip, uint16_t port)
{
	struct net_addr a;
	const char *why = NULL;
	int rc;

	assert_int_equal(net_addr_from_ip(slice_str(ip), port, &a), 0);
	rc = egress_address_check(p, NULL, &a, &why);
	assert_true((rc == 0) == (why == NULL));
	return rc;
}

static void
only_public_addresses_are_reached(void **state)
{
	static const char *const bad[] = {
		"0.0.0.0",
		"0.1.2.3",
		"10.0.0.1",
		"100.64.0.1",
		"127.0.0.1",
		"127.255.255.254",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.0.0.8",
		"192.0.2.1",
		"192.88.99.1",
		"192.168.1.1",
		"198.18.0.1",
		"198.19.255.255",
		"198.51.100.1",
		"203.0.113.9",
		"224.0.0.1",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"::ffff:127.0.0.1",
		"::ffff:10.1.2.3",
		"::127.0.0.1",
		"64:ff9b::7f00:1",
		"64:ff9b::a9fe:a9fe",
		"64:ff9b:1::1",
		"fe80::1",
		"fc00::1",
		"fd00:ec2::254",
		"fec0::1",
		"ff02::1",
		"2001::1",
		"2001:db8::1",
		"2002:7f00:1::",
		"100::1",
		"3fff::1",
	};
	static const char *const good[] = {
		"1.1.1.1",	  "8.8.8.8",	     "172.15.255.255",
		"172.32.0.1",	  "100.63.255.255",  "100.128.0.1",
		"169.253.0.1",	  "198.17.255.255",  "198.20.0.1",
		"223.255.255.1",  "2606:4700::1111", "2a00:1450::1",
		"::ffff:1.1.1.1",
	};
	struct egress_policy *p = policy(NULL, 0);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (judge(p, bad[i], 443) != ERR_BLOCKED)
			fail_msg("%s was let through", bad[i]);
	for (i = 0; i < ARRAY_LEN(good); i++)
		if (judge(p, good[i], 443))
			fail_msg("%s was refused", good[i]);
	egress_policy_free(p);
}

static void
exceptions_are_as_narrow_as_they_say(void **state)
{
	static const char *const allow[] = { "10.1.0.0/16:8443", "127.0.0.1",
					     "[fd00::]/8:443",
					     "192.168.7.9:80" };
	struct egress_policy *p = policy(allow, ARRAY_LEN(allow));
	struct net_addr a;

	(void)state;
	assert_int_equal(judge(p, "10.1.2.3", 8443), 0);
	assert_int_equal(judge(p, "::ffff:10.1.2.3", 8443), 0);
	assert_int_equal(judge(p, "10.1.2.3", 443), ERR_BLOCKED);
	assert_int_equal(judge(p, "10.2.0.1", 8443), ERR_BLOCKED);
	assert_int_equal(judge(p, "127.0.0.1", 1), 0);
	assert_int_equal(judge(p, "127.0.0.2", 1), ERR_BLOCKED);
	assert_int_equal(judge(p, "fd12::1", 443), 0);
	assert_int_equal(judge(p, "fd12::1", 444), ERR_BLOCKED);
	assert_int_equal(judge(p, "fe80::1", 443), ERR_BLOCKED);
	net_addr_from_ip(SLICE("192.168.7.9"), 80, &a);
	assert_true(egress_address_is_excepted(p, NULL, &a));
	net_addr_from_ip(SLICE("1.1.1.1"), 80, &a);
	assert_false(egress_address_is_excepted(p, NULL, &a));
	egress_policy_free(p);
}

static void
malformed_exceptions_are_named(void **state)
{
	static const char *const bad[] = {
		"",	     "10.0.0.0/33", "10.0.0.0/8:0",	"10.0.0/8",
		"localhost", "10.0.0.0/8:", "10.0.0.0/8:65536", "[::1",
		"::1/129",   "10.0.0.0/",   "1.2.3.4:80:90",
	};
	struct egress_policy *p;
	char detail[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		struct egress_policy_config c = { .allow = &bad[i],
						  .allow_count = 1 };

		detail[0] = 0;
		if (!egress_policy_new(&c, &p, detail, sizeof(detail)))
			fail_msg("%s was taken", bad[i]);
		assert_null(p);
		assert_non_null(strstr(detail, bad[i]));
	}
}

/* ---- what the owner allows ---- */

static struct egress_allowed *
allowed(const char *text)
{
	struct egress_allowed *l;
	size_t left_out;

	l = egress_allowed_new(&text, 1, &left_out);
	assert_non_null(l);
	assert_int_equal(left_out, 0);
	return l;
}

static int
judge_allowed(const struct egress_policy *p, const struct egress_allowed *l,
	      const char *ip, uint16_t port)
{
	struct net_addr a;
	const char *why = NULL;
	int rc;

	assert_int_equal(net_addr_from_ip(slice_str(ip), port, &a), 0);
	rc = egress_address_check(p, l, &a, &why);
	assert_true((rc == 0) == (why == NULL));
	assert_true(!rc || !egress_address_is_excepted(p, l, &a));
	return rc;
}

static void
what_the_owner_allows_is_as_narrow_as_it_says(void **state)
{
	struct egress_allowed *l = allowed("10.1.2.0/24:443");
	struct egress_allowed *six = allowed("[fd12:3456::]/48:443");
	struct egress_policy *p = policy(NULL, 0);
	struct net_addr a;

	(void)state;
	assert_int_equal(judge_allowed(p, l, "10.1.2.0", 443), 0);
	assert_int_equal(judge_allowed(p, l, "10.1.2.255", 443), 0);
	assert_int_equal(judge_allowed(p, l, "::ffff:10.1.2.3", 443), 0);
	assert_int_equal(judge_allowed(p, l, "10.1.2.3", 80), ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, l, "10.1.3.0", 443), ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, l, "10.1.1.255", 443), ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, l, "64:ff9b::a01:203", 443),
			 ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, six, "fd12:3456:0:1::9", 443), 0);
	assert_int_equal(judge_allowed(p, six, "fd12:3457::9", 443),
			 ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, NULL, "10.1.2.3", 443), ERR_BLOCKED);
	/* plain http goes there, and to nothing that is public */
	net_addr_from_ip(SLICE("10.1.2.3"), 443, &a);
	assert_true(egress_address_is_excepted(p, l, &a));
	net_addr_from_ip(SLICE("1.1.1.1"), 443, &a);
	assert_false(egress_address_is_excepted(p, l, &a));
	egress_allowed_unref(six);
	egress_allowed_unref(l);
	egress_policy_free(p);
}

static void
no_metadata_address_is_within_it(void **state)
{
	struct egress_allowed *shared = allowed("100.64.0.0/10:80");
	struct egress_policy *p = policy(NULL, 0);

	(void)state;
	assert_int_equal(judge_allowed(p, shared, "100.100.100.199", 80), 0);
	assert_int_equal(judge_allowed(p, shared, "100.100.100.200", 80),
			 ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, shared, "::ffff:100.100.100.200", 80),
			 ERR_BLOCKED);
	egress_allowed_unref(shared);
	egress_policy_free(p);
}

static void
a_lock_leaves_the_operators_exceptions_alone(void **state)
{
	static const char *const allow[] = { "10.9.0.0/16:443" };
	struct egress_policy_config c = { .allow = allow,
					  .allow_count = 1,
					  .locked = true };
	struct egress_allowed *l = allowed("10.1.2.0/24:443");
	struct egress_policy *p;
	char detail[200];

	(void)state;
	assert_int_equal(egress_policy_new(&c, &p, detail, sizeof(detail)), 0);
	assert_true(egress_policy_is_locked(p));
	assert_int_equal(judge_allowed(p, l, "10.1.2.3", 443), ERR_BLOCKED);
	assert_int_equal(judge(p, "10.9.1.1", 443), 0);
	egress_allowed_unref(l);
	egress_policy_free(p);
}

static void
drawbridge_itself_is_not_within_it(void **state)
{
	static const char *const own[] = { "unix:/run/x.sock", "10.7.7.7:7070",
					   "0.0.0.0:7071", "[::]:7072" };
	static const char *const texts[] = {
		"10.0.0.0/8:7070",  "127.0.0.0/8:7070", "10.0.0.0/8:7071",
		"127.0.0.0/8:7071", "127.0.0.0/8:7072", "[::1]:7072",
		"10.0.0.0/8:7072",
	};
	struct egress_policy_config c = { .own = own,
					  .own_count = ARRAY_LEN(own) };
	struct egress_allowed *l;
	struct egress_policy *p;
	char detail[200];
	size_t left_out;

	(void)state;
	assert_int_equal(egress_policy_new(&c, &p, detail, sizeof(detail)), 0);
	l = egress_allowed_new(texts, ARRAY_LEN(texts), &left_out);
	assert_int_equal(left_out, 0);
	assert_int_equal(judge_allowed(p, l, "10.7.7.7", 7070), ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, l, "10.7.7.8", 7070), 0);
	assert_int_equal(judge_allowed(p, l, "127.0.0.1", 7070), 0);
	/* on all addresses: on those that this machine has */
	assert_int_equal(judge_allowed(p, l, "127.0.0.1", 7071), ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, l, "127.9.9.9", 7072), ERR_BLOCKED);
	assert_int_equal(judge_allowed(p, l, "10.77.88.99", 7071), 0);
	egress_allowed_unref(l);
	egress_policy_free(p);
}

static void
destinations_are_kept_in_one_form(void **state)
{
	static const char *const good[][2] = {
		{ "10.1.2.3:443", "10.1.2.3:443" },
		{ "10.1.2.3/32:443", "10.1.2.3:443" },
		{ "10.0.0.0/8:1", "10.0.0.0/8:1" },
		{ "[FD12:0::1]:443", "[fd12::1]:443" },
		{ "fd12:3456::/48:65535", "[fd12:3456::]/48:65535" },
		{ "[::1]/128:80", "[::1]:80" },
	};
	char out[EGRESS_ALLOWED_TEXT], why[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(egress_allowed_read(slice_str(good[i][0]), out,
						     why, sizeof(why)),
				 0);
		assert_string_equal(out, good[i][1]);
	}
}

static void
what_is_wider_than_a_private_network_is_not_read(void **state)
{
	static const char *const bad[] = {
		"",
		"10.1.2.3",
		"10.0.0.0/8",
		"10.1.2.3/8:443",
		"0.0.0.0/0:443",
		"8.0.0.0/6:443",
		"[::]/0:443",
		"[fc00::]/7:443",
		"[fd00::]/31:443",
		"[fd00::1]/48:443",
		"[::ffff:10.1.2.3]:443",
		"::ffff:10.0.0.0/8:443",
		"169.254.169.254:80",
		"169.254.0.0/16:80",
		"100.100.100.200:80",
		"[fd00:ec2::254]:80",
		"[fe80::1]:80",
		"224.0.0.1:80",
		"255.255.255.255:80",
		"192.0.2.1:80",
		"1.1.1.1:443",
		"[2606:4700::1111]:443",
		"10.1.2.3:0",
		"localhost:443",
	};
	char out[EGRESS_ALLOWED_TEXT], why[256];
	struct egress_allowed *l;
	size_t i, left_out;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		why[0] = '\0';
		if (!egress_allowed_read(slice_str(bad[i]), out, why,
					 sizeof(why)))
			fail_msg("%s was taken", bad[i]);
		assert_true(strlen(why) > 8 && !out[0]);
	}
	/* nor does it count when it is stored */
	l = egress_allowed_new(bad, ARRAY_LEN(bad), &left_out);
	assert_int_equal(left_out, ARRAY_LEN(bad));
	egress_allowed_unref(l);
}

static void
a_list_has_an_end(void **state)
{
	char texts[EGRESS_ALLOWED_MAX + 3][EGRESS_ALLOWED_TEXT];
	const char *items[EGRESS_ALLOWED_MAX + 3];
	struct egress_policy *p = policy(NULL, 0);
	struct egress_allowed *l;
	size_t i, left_out;

	(void)state;
	for (i = 0; i < ARRAY_LEN(items); i++) {
		snprintf(texts[i], sizeof(texts[i]), "10.1.2.%zu:443", i);
		items[i] = texts[i];
	}
	l = egress_allowed_new(items, ARRAY_LEN(items), &left_out);
	assert_int_equal(left_out, 3);
	assert_int_equal(judge_allowed(p, l, "10.1.2.63", 443), 0);
	assert_int_equal(judge_allowed(p, l, "10.1.2.64", 443), ERR_BLOCKED);
	egress_allowed_unref(l);
	egress_policy_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_public_addresses_are_reached),
		cmocka_unit_test(exceptions_are_as_narrow_as_they_say),
		cmocka_unit_test(malformed_exceptions_are_named),
		cmocka_unit_test(what_the_owner_allows_is_as_narrow_as_it_says),
		cmocka_unit_test(no_metadata_address_is_within_it),
		cmocka_unit_test(a_lock_leaves_the_operators_exceptions_alone),
		cmocka_unit_test(drawbridge_itself_is_not_within_it),
		cmocka_unit_test(destinations_are_kept_in_one_form),
		cmocka_unit_test(
			what_is_wider_than_a_private_network_is_not_read),
		cmocka_unit_test(a_list_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
