/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is tried again, and where redirects lead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/hook_world.h"

static const struct hook_retries three = { 3, HOOK_ON_ALL };

static bool
again(const char *method, bool keyed, int status)
{
	struct hook_outcome o = { .status = status, .transport = !status };
	int64_t delay;

	return hook_retry(&three, slice_str(method), keyed, &o, 1, 60000, 7,
			  &delay);
}

static void
the_table_of_methods_and_outcomes(void **state)
{
	static const char *const safe[] = { "GET", "HEAD", "OPTIONS", "PUT",
					    "DELETE" };
	static const int passing[] = { 0, 429, 502, 503, 504 };
	static const int standing[] = { 200, 301, 400, 401, 404,
					408, 500, 501, 505 };
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(passing); i++) {
		for (j = 0; j < ARRAY_LEN(safe); j++)
			assert_true(again(safe[j], false, passing[i]));
		assert_false(again("POST", false, passing[i]));
		assert_false(again("PATCH", false, passing[i]));
		assert_true(again("POST", true, passing[i]));
		assert_true(again("PATCH", true, passing[i]));
	}
	for (i = 0; i < ARRAY_LEN(standing); i++)
		assert_false(again("GET", true, standing[i]));
}

static void
only_what_was_asked_for(void **state)
{
	struct hook_retries r = { 2, HOOK_ON_503 };
	struct hook_outcome o = { .status = 503 };
	int64_t delay;

	(void)state;
	assert_true(
		hook_retry(&r, SLICE("GET"), false, &o, 1, 60000, 0, &delay));
	assert_true(
		hook_retry(&r, SLICE("GET"), false, &o, 2, 60000, 0, &delay));
	assert_false(
		hook_retry(&r, SLICE("GET"), false, &o, 3, 60000, 0, &delay));
	o.status = 502;
	assert_false(
		hook_retry(&r, SLICE("GET"), false, &o, 1, 60000, 0, &delay));
	r.max = 0;
	r.on = HOOK_ON_ALL;
	assert_false(
		hook_retry(&r, SLICE("GET"), false, &o, 1, 60000, 0, &delay));
}

static void
the_wait_doubles_with_chance_and_fits_the_time_left(void **state)
{
	struct hook_retries r = { 5, HOOK_ON_ALL };
	struct hook_outcome o = { .transport = true };
	int64_t delay, base = 250;
	unsigned n;
	uint64_t chance;

	(void)state;
	for (n = 1; n <= 5; n++, base *= 2)
		for (chance = 0; chance < 10000; chance += 7) {
			assert_true(hook_retry(&r, SLICE("GET"), false, &o, n,
					       60000, chance, &delay));
			assert_in_range(delay, base / 2, base);
		}
	assert_false(
		hook_retry(&r, SLICE("GET"), false, &o, 1, 100, 0, &delay));
	assert_true(hook_retry(&r, SLICE("GET"), false, &o, 1, 126, 0, &delay));
}

static void
the_service_may_ask_for_a_longer_wait(void **state)
{
	struct hook_outcome o = { .status = 429, .retry_after = SLICE("3") };
	int64_t delay;

	(void)state;
	assert_true(hook_retry(&three, SLICE("GET"), false, &o, 1, 3001, 0,
			       &delay));
	assert_int_equal(delay, 3000);
	assert_false(hook_retry(&three, SLICE("GET"), false, &o, 1, 3000, 0,
				&delay));
	o.retry_after = SLICE("0");
	assert_true(hook_retry(&three, SLICE("GET"), false, &o, 1, 3000, 0,
			       &delay));
	assert_int_equal(delay, 125);
}

static void
retry_after_in_each_form(void **state)
{
	int64_t now = 1700000000000;

	(void)state;
	assert_int_equal(http_retry_after_ms(SLICE("120"), now), 120000);
	assert_int_equal(http_retry_after_ms(SLICE(" 7 "), now), 7000);
	assert_int_equal(http_retry_after_ms(SLICE(""), now), 0);
	assert_int_equal(http_retry_after_ms(SLICE("-1"), now), 0);
	assert_int_equal(http_retry_after_ms(SLICE("soon"), now), 0);
	assert_int_equal(
		http_retry_after_ms(SLICE("99999999999999999999999"), now),
		24 * 3600 * 1000);
	assert_int_equal(http_retry_after_ms(
				 SLICE("Tue, 14 Nov 2023 22:13:30 GMT"), now),
			 10000);
	assert_int_equal(http_retry_after_ms(
				 SLICE("Tuesday, 14-Nov-23 22:13:30 GMT"), now),
			 10000);
	assert_int_equal(
		http_retry_after_ms(SLICE("Tue Nov 14 22:13:30 2023"), now),
		10000);
	assert_int_equal(http_retry_after_ms(
				 SLICE("Tue, 14 Nov 2023 22:13:10 GMT"), now),
			 0);
	assert_int_equal(http_retry_after_ms(
				 SLICE("Fri, 31 Dec 9999 23:59:59 GMT"), now),
			 24 * 3600 * 1000);
}

/* ---- redirects ---- */

static const char *
resolved(const char *location)
{
	static char text[1024];
	struct buf b;
	int rc;

	buf_init(&b, 1000);
	rc = hook_redirect_resolve(SLICE("https://h.example:8443/a/b/c?q=1"),
				   slice_str(location), &b);
	snprintf(text, sizeof(text), "%.*s",
		 SLICE_ARG(rc ? SLICE("<not followed>") : buf_slice(&b)));
	buf_release(&b);
	return text;
}

static void
a_location_is_resolved_as_rfc_3986_says(void **state)
{
	static const char *const table[][2] = {
		{ "https://o.example/x", "https://o.example/x" },
		{ "http://o.example", "http://o.example" },
		{ "HTTPS://O.example/X", "HTTPS://O.example/X" },
		{ "https://o.example/a/../b/./c?d=..#f",
		  "https://o.example/b/c?d=.." },
		{ "//o.example/x", "https://o.example/x" },
		{ "/x/y", "https://h.example:8443/x/y" },
		{ "/x/../../../y", "https://h.example:8443/y" },
		{ "d", "https://h.example:8443/a/b/d" },
		{ "./d?e", "https://h.example:8443/a/b/d?e" },
		{ "../d/", "https://h.example:8443/a/d/" },
		{ "../../../d", "https://h.example:8443/d" },
		{ "..", "https://h.example:8443/a/" },
		{ "?z=2", "https://h.example:8443/a/b/c?z=2" },
		{ "", "https://h.example:8443/a/b/c" },
		{ "#x", "https://h.example:8443/a/b/c" },
		/* what has no one reading */
		{ "ftp://o.example/", "<not followed>" },
		{ "javascript:alert(1)", "<not followed>" },
		{ "https:x", "<not followed>" },
		{ "https:///x", "<not followed>" },
		{ "https://u@o.example/", "<not followed>" },
		{ "https://0x7f.1/", "<not followed>" },
		{ "\\\\o.example\\x", "<not followed>" },
		{ "/a\tb", "<not followed>" },
		{ "/a b", "<not followed>" },
		{ "/%2e%2e/x", "<not followed>" },
		{ "/x%00", "<not followed>" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(resolved(table[i][0]), table[i][1]))
			fail_msg("%s led to %s", table[i][0],
				 resolved(table[i][0]));
}

static void
what_could_be_a_credential_stays_behind(void **state)
{
	(void)state;
	assert_true(hook_redirect_keeps(SLICE("Accept")));
	assert_true(hook_redirect_keeps(SLICE("user-agent")));
	assert_false(hook_redirect_keeps(SLICE("Authorization")));
	assert_false(hook_redirect_keeps(SLICE("Cookie")));
	assert_false(hook_redirect_keeps(SLICE("X-Api-Key")));
	assert_false(hook_redirect_keeps(SLICE("Idempotency-Key")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_methods_and_outcomes),
		cmocka_unit_test(only_what_was_asked_for),
		cmocka_unit_test(
			the_wait_doubles_with_chance_and_fits_the_time_left),
		cmocka_unit_test(the_service_may_ask_for_a_longer_wait),
		cmocka_unit_test(retry_after_in_each_form),
		cmocka_unit_test(a_location_is_resolved_as_rfc_3986_says),
		cmocka_unit_test(what_could_be_a_credential_stays_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
