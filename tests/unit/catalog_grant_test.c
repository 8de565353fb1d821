/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a definition says now of a grant: in the grant's own data centre,
 * whichever one it is read in, and of nothing that it says no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../support/catalog_world.h"

#define US "\"us\":{\"name\":\"US\",\"hosts\":{\"api\":\"api.acme.example\"}}"
#define EU(hosts) "\"eu\":{\"name\":\"Europe\",\"hosts\":{" hosts "}}"
#define EU_API "\"api\":\"api.acme-eu.example\""
#define BOTH US "," EU(EU_API)
#define OWN "\"{dc.api}\""

/* A binding of a definition with these data centres and hosts. */
static struct binding *
acme(const char *centres, const char *hosts, const char *centre)
{
	struct catalog_source source = { .org = "o", .file = "acme" };
	struct json_problem problem;
	char text[4096], parameters[64];
	struct catalog *c;
	struct binding *b;

	snprintf(text, sizeof(text),
		 "{\"id\":\"acme\",\"name\":\"Acme\",\"methods\":{\"key\":{"
		 "\"kind\":\"bearer\",\"name\":\"Key\"}},"
		 "\"default_data_centre\":\"us\",\"data_centres\":{%s},"
		 "\"api\":{\"base_url\":\"https://{dc.api}\","
		 "\"hosts\":[%s]}}",
		 centres, hosts);
	snprintf(parameters, sizeof(parameters), "{\"data_centre\":\"%s\"}",
		 centre);
	source.text = slice_str(text);
	assert_int_equal(catalog_new(&source, 1, &c, NULL), 0);
	if (bind_json(catalog_find(c, "o", "acme"), NULL, parameters, &b,
		      &problem))
		fail_msg("%s %s", problem.pointer, problem.detail);
	catalog_unref(c);
	return b;
}

static bool
now_allows(const struct binding *now, const struct binding *sealed,
	   const char *host)
{
	return binding_hosts_allow_grant(now, sealed, true, slice_str(host), 0);
}

static void
grant_is_judged_in_its_own_data_centre_and_in_no_other(void **state)
{
	struct binding *us = acme(BOTH, OWN, "us"), *eu = acme(BOTH, OWN, "eu");

	(void)state;
	assert_true(now_allows(us, eu, "api.acme-eu.example"));
	assert_true(now_allows(us, eu, "API.acme-eu.example."));
	assert_false(now_allows(us, eu, "api.acme.example"));
	assert_true(now_allows(eu, us, "api.acme.example"));
	assert_false(now_allows(eu, us, "api.acme-eu.example"));
	assert_true(now_allows(eu, eu, "api.acme-eu.example"));
	assert_false(now_allows(eu, eu, "api.acme.example"));
	assert_false(now_allows(us, eu, "x.api.acme-eu.example"));
	assert_false(binding_hosts_allow_grant(
		us, eu, false, SLICE("api.acme-eu.example"), 0));
	assert_false(binding_hosts_allow_grant(
		us, eu, true, SLICE("api.acme-eu.example"), 8443));
	assert_true(binding_grant_is_abroad(us, eu));
	assert_false(binding_grant_is_abroad(us, us));
	assert_string_equal(binding_grant_centre(us, eu), "eu");
	binding_free(us);
	binding_free(eu);
}

/* Read in each of them: one that the definition has no more is in none. */
static void
host_that_a_data_centre_lost_stays_lost(void **state)
{
	static const char *const now_says[] = {
		US "," EU("\"login\":\"login.acme-eu.example\""),
		US "," EU("\"api\":\"api.new-eu.example\""),
		US,
	};
	struct binding *sealed = acme(BOTH, OWN, "eu"), *now;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(now_says); i++) {
		now = acme(now_says[i], OWN, "us");
		if (now_allows(now, sealed, "api.acme-eu.example") ||
		    now_allows(now, sealed, "api.acme.example"))
			fail_msg("%s allows it", now_says[i]);
		assert_true(now_allows(now, now, "api.acme.example"));
		binding_free(now);
	}
	binding_free(sealed);
}

static void
hosts_around_a_data_centre_are_the_grant_s_too(void **state)
{
	static const char hosts[] =
		OWN ",\"*.files.{dc.api}\",\"{data_centre}.acme.example\","
		    "\"static.acme.example\"";
	struct binding *us = acme(BOTH, hosts, "us"),
		       *eu = acme(BOTH, hosts, "eu"),
		       *gone = acme(US, hosts, "us");

	(void)state;
	assert_true(now_allows(us, eu, "a.files.api.acme-eu.example"));
	assert_false(now_allows(us, eu, "files.api.acme-eu.example"));
	assert_false(now_allows(us, eu, "a.files.api.acme.example"));
	assert_true(now_allows(us, eu, "eu.acme.example"));
	assert_false(now_allows(us, eu, "us.acme.example"));
	assert_true(now_allows(us, eu, "static.acme.example"));
	assert_false(now_allows(gone, eu, "a.files.api.acme-eu.example"));
	assert_false(now_allows(gone, eu, "eu.acme.example"));
	assert_false(now_allows(gone, eu, "us.acme.example"));
	binding_free(us);
	binding_free(eu);
	binding_free(gone);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			grant_is_judged_in_its_own_data_centre_and_in_no_other),
		cmocka_unit_test(host_that_a_data_centre_lost_stays_lost),
		cmocka_unit_test(
			hosts_around_a_data_centre_are_the_grant_s_too),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
