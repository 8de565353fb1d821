/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A definition that has changed: what a grant was given for goes nowhere else
 * for that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/anchors.h"
#include "../support/catalog_world.h"
#include "net/net.h"

static struct json_problem problem;

static const char plain[] =
	"{\"id\":\"acme\",\"name\":\"Acme\",\"methods\":{\"key\":{"
	"\"kind\":\"bearer\",\"name\":\"Key\"}},\"api\":{"
	"\"base_url\":\"https://api.acme.example\",\"hosts\":[%s]}%s}";

static struct binding *
acme_with(const char *hosts, const char *more)
{
	struct catalog_source source = { .org = "o", .file = "acme" };
	struct catalog *c;
	struct binding *b;
	char text[8192];

	snprintf(text, sizeof(text), plain, hosts, more);
	source.text = slice_str(text);
	assert_int_equal(catalog_new(&source, 1, &c, NULL), 0);
	assert_int_equal(bind_json(catalog_find(c, "o", "acme"), NULL, NULL, &b,
				   &problem),
			 0);
	/* A binding does not need its catalogue. */
	catalog_unref(c);
	return b;
}

static struct binding *
acme(const char *hosts)
{
	return acme_with(hosts, "");
}

static void
widened_hosts_are_not_covered_and_narrowed_ones_are(void **state)
{
	struct binding *narrow = acme("\"api.acme.example\"");
	struct binding *wide = acme("\"api.acme.example\",\"evil.example\"");
	struct binding *star = acme("\"*.acme.example\"");
	char detail[256];

	(void)state;
	assert_false(binding_covers(narrow, wide, detail, sizeof(detail)));
	assert_string_equal(detail, "host evil.example is new");
	assert_true(binding_covers(wide, narrow, detail, sizeof(detail)));
	assert_true(binding_covers(star, narrow, detail, sizeof(detail)));
	assert_false(binding_covers(narrow, star, detail, sizeof(detail)));
	assert_true(binding_covers(narrow, narrow, detail, sizeof(detail)));
	binding_free(narrow);
	binding_free(wide);
	binding_free(star);
}

static void
plain_http_is_not_covered_when_it_is_new(void **state)
{
	struct binding *before = acme("\"api.acme.example\"");
	struct binding *now =
		acme_with("\"api.acme.example\"", ",\"allow_http\":true");
	char detail[256];

	(void)state;
	assert_false(binding_covers(before, now, detail, sizeof(detail)));
	assert_string_equal(detail, "plain http is new");
	assert_true(binding_covers(now, before, detail, sizeof(detail)));
	assert_true(
		binding_hosts_allow(now, false, SLICE("api.acme.example"), 80));
	assert_false(binding_hosts_allow(before, false,
					 SLICE("api.acme.example"), 80));
	binding_free(before);
	binding_free(now);
}

/* With "ca" (NULL: without), as it comes out of its sealed form. */
static struct binding *
vouched(const char *ca)
{
	struct binding *b, *sealed_one;
	struct buf more;
	char *text;

	buf_init(&more, 8192);
	if (ca) {
		buf_puts(&more, ",\"ca\":\"");
		codec_json(&more, slice_str(ca));
		buf_putc(&more, '"');
	}
	b = acme_with("\"api.acme.example\"", ca ? buf_cstr(&more) : "");
	buf_release(&more);
	text = sealed(b);
	assert_int_equal(binding_from_json(slice_str(text), &sealed_one, NULL),
			 0);
	free(text);
	binding_free(b);
	if (ca)
		assert_string_equal(sealed_one->service->ca, ca);
	else
		assert_null(sealed_one->service->ca);
	return sealed_one;
}

static void
assert_same_anchors(const char *got, const char *want)
{
	char a[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	char b[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	size_t n = catalog_anchor_ids(got, a), i;
	char detail[200];

	assert_true(n > 0);
	assert_int_equal(
		net_anchors_check(slice_str(got), detail, sizeof(detail)), 0);
	assert_int_equal(catalog_anchor_ids(want, b), n);
	for (i = 0; i < n; i++)
		assert_string_equal(a[i], b[i]);
}

/* What a grant of `before` trusts when the definition says `after`: NULL is
 * the system, "-" nobody. */
static void
assert_common(const char *before, const char *after, const char *want,
	      bool covered)
{
	struct binding *sealed_one = vouched(before), *now = vouched(after);
	const char *got = NULL;
	char detail[256];
	struct buf common;
	int rc;

	buf_init(&common, 32768);
	rc = binding_anchors(now, sealed_one, &common, &got);
	if (want && !strcmp(want, "-"))
		assert_int_equal(rc, ERR_BLOCKED);
	else
		assert_int_equal(rc, 0);
	if (!rc && want)
		assert_same_anchors(got, want);
	else if (!rc)
		assert_null(got);
	assert_int_equal(
		binding_covers(sealed_one, now, detail, sizeof(detail)),
		covered);
	if (!covered)
		assert_string_equal(detail, "a trust anchor is new");
	buf_release(&common);
	binding_free(sealed_one);
	binding_free(now);
}

static void
nobody_new_vouches_for_what_a_grant_goes_to(void **state)
{
	(void)state;
	assert_common(NULL, NULL, NULL, true);
	assert_common(ANCHOR_A, ANCHOR_A, ANCHOR_A, true);
	assert_common(ANCHOR_A ANCHOR_B, ANCHOR_B, ANCHOR_B, true);
	assert_common(ANCHOR_A, ANCHOR_A ANCHOR_B, ANCHOR_A, false);
	assert_common(ANCHOR_A, ANCHOR_B ANCHOR_A, ANCHOR_A, false);
	assert_common(ANCHOR_A, ANCHOR_B, "-", false);
	assert_common(NULL, ANCHOR_A, "-", false);
	assert_common(ANCHOR_A, NULL, "-", false);
}

/* It is the certificate that counts, not how it is written. */
static void
anchor_is_the_same_however_it_is_written(void **state)
{
	static const char in_one_line[] =
		"-----BEGIN CERTIFICATE-----" ANCHOR_A_BODY
		"-----END CERTIFICATE-----";

	(void)state;
	assert_common(ANCHOR_A, in_one_line, in_one_line, true);
	assert_common(in_one_line, "\n" ANCHOR_A, "\n" ANCHOR_A, true);
}

static void
custom_service_does_not_pass_for_a_default_one(void **state)
{
	struct binding *own = bound_with("stripe", NULL, NULL), *custom;
	char *text = sealed(own), detail[256], *at;

	(void)state;
	at = strstr(text, "\"custom\":false");
	assert_non_null(at);
	memcpy(at, "\"custom\":true ", 14);
	assert_int_equal(binding_from_json(slice_str(text), &custom, NULL), 0);
	assert_false(binding_covers(own, custom, detail, sizeof(detail)));
	free(text);
	binding_free(own);
	binding_free(custom);
}

static void
wildcard_is_for_names_below_it(void **state)
{
	struct binding *star = acme("\"*.acme.example\"");

	(void)state;
	assert_true(allows(star, "a.acme.example"));
	assert_true(allows(star, "a.b.acme.example"));
	assert_false(allows(star, "acme.example"));
	assert_false(allows(star, "e"));
	assert_false(allows(star, "evilacme.example"));
	assert_false(allows(star, "a.acme.example.evil.example"));
	binding_free(star);
}

static void
data_centre_of_the_grant_counts_when_comparing(void **state)
{
	struct binding *grant =
		bound_with("zoho_desk", NULL, "{\"data_centre\":\"eu\"}");
	struct binding *now = bound_with("zoho_desk", NULL, NULL);
	char detail[256];

	(void)state;
	assert_true(binding_covers(grant, now, detail, sizeof(detail)));
	binding_free(grant);
	binding_free(now);
}

static void
another_service_is_not_covered(void **state)
{
	struct binding *desk = bound_with("zoho_desk", NULL, NULL);
	struct binding *crm = bound_with("zoho_crm", NULL, NULL);
	char detail[256];

	(void)state;
	assert_false(binding_covers(desk, crm, detail, sizeof(detail)));
	binding_free(desk);
	binding_free(crm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			widened_hosts_are_not_covered_and_narrowed_ones_are),
		cmocka_unit_test(plain_http_is_not_covered_when_it_is_new),
		cmocka_unit_test(nobody_new_vouches_for_what_a_grant_goes_to),
		cmocka_unit_test(anchor_is_the_same_however_it_is_written),
		cmocka_unit_test(
			custom_service_does_not_pass_for_a_default_one),
		cmocka_unit_test(wildcard_is_for_names_below_it),
		cmocka_unit_test(
			data_centre_of_the_grant_counts_when_comparing),
		cmocka_unit_test(another_service_is_not_covered),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
