/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: who has one with whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/api_priv.h"

static struct api api;

static int
begin(void **state)
{
	(void)state;
	memset(&api, 0, sizeof(api));
	return 0;
}

/* Asks once, of one a minute. */
static bool
allowed(const char *who)
{
	struct api_request r = { .api = &api };
	bool yes;

	buf_init(&r.fields, 1024);
	buf_init(&r.answer, 4096);
	yes = api_rate_allows(&r, "begin", who, 1, 1);
	buf_release(&r.fields);
	buf_release(&r.answer);
	return yes;
}

static void
an_ipv6_network_has_one_rate(void **state)
{
	(void)state;
	assert_true(allowed("2001:db8::1"));
	assert_false(allowed("2001:db8::1"));
	assert_false(allowed("2001:db8::ffff:2"));
	assert_true(allowed("2001:db8:0:1::1"));
	assert_true(allowed("192.0.2.1"));
	assert_true(allowed("::ffff:192.0.2.2"));
	assert_false(allowed("192.0.2.2"));
}

static void
where_everybody_may_come_from_nobody_is_counted(void **state)
{
	static const char *const shared[] = { "127.0.0.1", "127.1.2.3", "::1",
					      "::ffff:127.0.0.1", "unix" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(shared); i++) {
		assert_true(allowed(shared[i]));
		assert_true(allowed(shared[i]));
	}
	assert_true(allowed("01abc")); /* an id */
	assert_false(allowed("01abc"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_ipv6_network_has_one_rate, begin),
		cmocka_unit_test_setup(
			where_everybody_may_come_from_nobody_is_counted, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
