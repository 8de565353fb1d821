/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust anchors as text: certificates and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../support/anchors.h"
#include "net/net.h"

static char detail[200];

static int
check(const char *pem)
{
	struct net_tls *t = NULL;
	int rc;

	detail[0] = 0;
	rc = net_anchors_check(slice_str(pem), detail, sizeof(detail));
	assert_true((rc == 0) == (detail[0] == 0));
	/* what is sound can be trusted, and what is not never is */
	assert_true((net_tls_client_of(slice_str(pem), &t) == 0) == (rc == 0));
	assert_true((t != NULL) == (rc == 0));
	net_tls_free(t);
	return rc;
}

static void
certificates_with_white_space_around_are_taken(void **state)
{
	(void)state;
	assert_int_equal(check(ANCHOR_A), 0);
	assert_int_equal(check(ANCHOR_A ANCHOR_B), 0);
	assert_int_equal(check("\r\n " ANCHOR_A "\n\n" ANCHOR_B "\t\n"), 0);
}

static void
nothing_else_is_taken(void **state)
{
	static const char *const texts[] = {
		"",
		" \n",
		"certificate",
		"Subject: A\n" ANCHOR_A,
		ANCHOR_A "# ours\n",
		ANCHOR_A "-----BEGIN PRIVATE KEY-----\nMAA=\n"
			 "-----END PRIVATE KEY-----\n",
		"-----BEGIN CERTIFICATE-----\n" ANCHOR_A_BODY,
		"-----BEGIN CERTIFICATE-----\n" ANCHOR_A_BODY
		"-----END PRIVATE KEY-----\n",
		"-----BEGIN TRUSTED CERTIFICATE-----\n" ANCHOR_A_BODY
		"-----END TRUSTED CERTIFICATE-----\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++)
		if (check(texts[i]) != ERR_INVALID)
			fail_msg("taken: %s", texts[i]);
	assert_int_equal(check(ANCHOR_A "# ours"), ERR_INVALID);
	assert_non_null(strstr(detail, "behind the first 1"));
}

static void
broken_certificate_is_named(void **state)
{
	static const char *const bodies[] = {
		"",
		"MAA=\n",
		"!!!!\n",
		"AAAA\n",
		ANCHOR_A_BODY "MAA=\n",
		"Proc-Type: 4,ENCRYPTED\n" ANCHOR_A_BODY,
	};
	char text[8192];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bodies); i++) {
		snprintf(text, sizeof(text),
			 "%s-----BEGIN CERTIFICATE-----\n%s"
			 "-----END CERTIFICATE-----\n",
			 ANCHOR_B, bodies[i]);
		assert_int_equal(check(text), ERR_INVALID);
		assert_true(strstr(detail, "certificate 2 ") ||
			    strstr(detail, "behind the first 1"));
	}
}

/* Each byte of one cut away, and each changed: it is refused, or still a
 * certificate; never anything between. */
static void
cut_and_changed_ones_are_told(void **state)
{
	char text[] = ANCHOR_A;
	size_t i;

	(void)state;
	for (i = 0; i + 2 < sizeof(text); i++) {
		text[i] ^= 1;
		check(text);
		text[i] ^= 1;
	}
	for (i = sizeof(text) - 3; i; i--) {
		text[i] = 0;
		assert_int_equal(check(text), ERR_INVALID);
	}
}

static void
there_is_an_end_to_it(void **state)
{
	static char text[NET_ANCHORS_TEXT + 2];
	size_t len = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < NET_ANCHORS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
					ANCHOR_A);
	assert_int_equal(check(text), 0);
	snprintf(text + len, sizeof(text) - len, "%s", ANCHOR_B);
	assert_int_equal(check(text), ERR_TOO_LARGE);
	assert_string_equal(detail, "has more than 8 certificates");
	memset(text, '\n', sizeof(text) - 1);
	assert_int_equal(
		net_anchors_check(slice_str(text), detail, sizeof(detail)),
		ERR_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			certificates_with_white_space_around_are_taken),
		cmocka_unit_test(nothing_else_is_taken),
		cmocka_unit_test(broken_certificate_is_named),
		cmocka_unit_test(cut_and_changed_ones_are_told),
		cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
