/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's judgement of addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_public_addresses_are_reached),
		cmocka_unit_test(exceptions_are_as_narrow_as_they_say),
		cmocka_unit_test(malformed_exceptions_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
