/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zoho, as its definitions say it: each data centre by the table of Zoho's
 * pages, the kinds of its throttles, and what its products answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/catalog_world.h"

static const char *const products[] = {
	"zoho",		  "zoho_desk",	  "zoho_crm",	  "zoho_books",
	"zoho_inventory", "zoho_creator", "zoho_salesiq", "zoho_mail",
	"zoho_projects",  "zoho_cliq",	  "zoho_people",
};

/* ---- data centres ---- */

/* accounts.zoho.com/oauth/serverinfo, the pages on Multi DC; NULL: no such
 * host is known, and the service is not offered there. */
static const struct {
	const char *id, *accounts, *api, *desk;
} centres[] = {
	{ "us", "accounts.zoho.com", "www.zohoapis.com", "desk.zoho.com" },
	{ "eu", "accounts.zoho.eu", "www.zohoapis.eu", "desk.zoho.eu" },
	{ "in", "accounts.zoho.in", "www.zohoapis.in", "desk.zoho.in" },
	{ "au", "accounts.zoho.com.au", "www.zohoapis.com.au",
	  "desk.zoho.com.au" },
	{ "jp", "accounts.zoho.jp", "www.zohoapis.jp", "desk.zoho.jp" },
	{ "ca", "accounts.zohocloud.ca", "www.zohoapis.ca",
	  "desk.zohocloud.ca" },
	{ "sa", "accounts.zoho.sa", "www.zohoapis.sa", "desk.zoho.sa" },
	{ "uk", "accounts.zoho.uk", "www.zohoapis.uk", NULL },
	{ "cn", "accounts.zoho.com.cn", "www.zohoapis.com.cn",
	  "desk.zoho.com.cn" },
	{ "sg", "accounts.zoho.sg", NULL, "desk.zoho.sg" },
	{ "ae", "accounts.zoho.ae", NULL, "desk.zoho.ae" },
};

static void
https(const char *host, const char *path, char out[128])
{
	snprintf(out, 128, "https://%s%s", host, path);
}

/* The account's data centre comes with the callback; host NULL: refused. */
static void
moves(const char *service, size_t at, const char *host)
{
	struct binding *b =
		bound_with(service, "oauth", parameters_of(service));
	char url[128];

	https(centres[at].accounts, "", url);
	if (!host) {
		assert_int_equal(take(b, "accounts_server", url),
				 ERR_FORBIDDEN);
		binding_free(b);
		return;
	}
	assert_int_equal(take(b, "accounts_server", url), 0);
	assert_int_equal(take(b, "location", centres[at].id), 0);
	assert_string_equal(b->data_centre, centres[at].id);
	https(centres[at].accounts, "/oauth/v2/token", url);
	assert_string_equal(b->token_url, url);
	assert_string_equal(b->refresh_url, url);
	https(centres[at].accounts, "/oauth/v2/token/revoke", url);
	assert_string_equal(b->revoke_url, url);
	https(host, "", url);
	assert_string_equal(b->base_url, url);
	assert_true(allows(b, host));
	binding_free(b);
}

static void
each_data_centre_has_the_hosts_of_zohos_own_table(void **state)
{
	const struct service *s = catalog_find(cat, NULL, "zoho_desk");
	size_t i;

	(void)state;
	assert_int_equal(s->data_centres.count, ARRAY_LEN(centres));
	for (i = 0; i < ARRAY_LEN(centres); i++) {
		moves("zoho_desk", i, centres[i].desk);
		moves("zoho_crm", i, centres[i].api);
		moves("zoho_books", i, centres[i].api);
	}
}

/* The same for products with hosts of their own, letter by letter: a typing
 * error in one of them would be seen nowhere else. */
static const struct {
	const char *id, *mail, *cliq, *people, *salesiq, *projects;
} product_hosts[] = {
	{ "us", "mail.zoho.com", "cliq.zoho.com", "people.zoho.com",
	  "salesiq.zoho.com", "projectsapi.zoho.com" },
	{ "eu", "mail.zoho.eu", "cliq.zoho.eu", "people.zoho.eu",
	  "salesiq.zoho.eu", "projectsapi.zoho.eu" },
	{ "in", "mail.zoho.in", "cliq.zoho.in", "people.zoho.in",
	  "salesiq.zoho.in", "projectsapi.zoho.in" },
	{ "au", "mail.zoho.com.au", "cliq.zoho.com.au", "people.zoho.com.au",
	  "salesiq.zoho.com.au", "projectsapi.zoho.com.au" },
	{ "jp", "mail.zoho.jp", "cliq.zoho.jp", "people.zoho.jp",
	  "salesiq.zoho.jp", "projectsapi.zoho.jp" },
	{ "ca", "mail.zohocloud.ca", "cliq.zohocloud.ca", "people.zohocloud.ca",
	  "salesiq.zohocloud.ca", "projectsapi.zohocloud.ca" },
	{ "sa", "mail.zoho.sa", "cliq.zoho.sa", "people.zoho.sa",
	  "salesiq.zoho.sa", "projectsapi.zoho.sa" },
	{ "uk", "mail.zoho.uk", "cliq.zoho.uk", "people.zoho.uk",
	  "salesiq.zoho.uk", "projectsapi.zoho.uk" },
	{ "cn", "mail.zoho.com.cn", "cliq.zoho.com.cn", "people.zoho.com.cn",
	  "salesiq.zoho.com.cn", "projectsapi.zoho.com.cn" },
	{ "sg", NULL, NULL, NULL, NULL, NULL },
	{ "ae", NULL, NULL, NULL, NULL, NULL },
};

static void
each_product_has_its_own_host_in_each_data_centre(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(ARRAY_LEN(product_hosts), ARRAY_LEN(centres));
	for (i = 0; i < ARRAY_LEN(product_hosts); i++) {
		assert_string_equal(product_hosts[i].id, centres[i].id);
		moves("zoho_mail", i, product_hosts[i].mail);
		moves("zoho_cliq", i, product_hosts[i].cliq);
		moves("zoho_people", i, product_hosts[i].people);
		moves("zoho_salesiq", i, product_hosts[i].salesiq);
		moves("zoho_projects", i, product_hosts[i].projects);
	}
}

static void
credential_of_one_data_centre_goes_to_no_other(void **state)
{
	char url[128];
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(centres); i++) {
		struct binding *b = bound_with("zoho_desk", "oauth", NULL);

		https(centres[i].accounts, "", url);
		if (!centres[i].desk || take(b, "accounts_server", url)) {
			binding_free(b);
			continue;
		}
		for (j = 0; j < ARRAY_LEN(centres); j++)
			if (centres[j].desk)
				assert_int_equal(allows(b, centres[j].desk),
						 i == j);
		binding_free(b);
	}
}

static void
location_that_contradicts_the_accounts_server_is_refused(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(products); i++) {
		struct binding *b = bound(products[i]);

		assert_int_equal(take(b, "location", "us"), 0);
		assert_int_equal(take(b, "location", "eu"), ERR_FORBIDDEN);
		assert_int_equal(
			take(b, "accounts_server", "https://accounts.zoho.eu"),
			0);
		assert_int_equal(take(b, "location", "eu"), 0);
		assert_int_equal(take(b, "location", "us"), ERR_FORBIDDEN);
		binding_free(b);
	}
}

/* Zoho's Accounts pages have other hosts in their examples of a token answer
 * than the products' pages; these two are told there, others nowhere. */
static void
api_domain_may_be_that_of_the_accounts_pages(void **state)
{
	static const char *const takers[] = { "zoho_crm", "zoho_books",
					      "zoho_inventory",
					      "zoho_creator" };
	static const struct {
		const char *accounts, *api, *abroad;
		int err;
	} cases[] = {
		{ "https://accounts.zoho.com", "https://api.zoho.com",
		  "https://api.zoho.eu", 0 },
		{ "https://accounts.zoho.eu", "https://api.zoho.eu",
		  "https://api.zoho.com", 0 },
		{ "https://accounts.zoho.in", "https://api.zoho.in",
		  "https://api.zoho.com", ERR_FORBIDDEN },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(takers) * ARRAY_LEN(cases); i++) {
		struct binding *b = bound(takers[i / ARRAY_LEN(cases)]);
		size_t c = i % ARRAY_LEN(cases);

		assert_int_equal(take(b, "accounts_server", cases[c].accounts),
				 0);
		assert_int_equal(take(b, "api_domain", cases[c].abroad),
				 ERR_FORBIDDEN);
		assert_int_equal(take(b, "api_domain", cases[c].api),
				 cases[c].err);
		assert_int_equal(!strcmp(b->base_url, cases[c].api),
				 !cases[c].err);
		assert_int_equal(allows(b, cases[c].api + strlen("https://")),
				 !cases[c].err);
		binding_free(b);
	}
}

/* ---- throttles ---- */

static const struct {
	const char *service;
	int status;
	const char *body;
	enum catalog_limit limit;
	uint32_t wait_s;
} throttles[] = {
	{ "zoho_desk", 429, "{\"errorCode\":\"THRESHOLD_EXCEEDED\"}",
	  CATALOG_LIMIT_QUOTA, 0 },
	{ "zoho_desk", 429, "{\"errorCode\":\"TOO_MANY_REQUESTS\"}",
	  CATALOG_LIMIT_CONCURRENCY, 0 },
	{ "zoho", 429, "{\"errorCode\":\"THRESHOLD_EXCEEDED\"}",
	  CATALOG_LIMIT_QUOTA, 0 },
	{ "zoho", 429, "{\"errorCode\":\"TOO_MANY_REQUESTS\"}",
	  CATALOG_LIMIT_CONCURRENCY, 0 },
	{ "zoho_crm", 429, "{\"code\":\"TOO_MANY_REQUESTS\"}",
	  CATALOG_LIMIT_CONCURRENCY, 0 },
	{ "zoho", 429, "{\"code\":\"TOO_MANY_REQUESTS\"}",
	  CATALOG_LIMIT_CONCURRENCY, 0 },
	{ "zoho_books", 429, "{\"code\":44}", CATALOG_LIMIT_RATE, 0 },
	{ "zoho_books", 429, "{\"code\":45}", CATALOG_LIMIT_QUOTA, 0 },
	{ "zoho_books", 429, "{\"code\":1070}", CATALOG_LIMIT_CONCURRENCY, 0 },
	{ "zoho_inventory", 429, "{\"code\":45}", CATALOG_LIMIT_QUOTA, 0 },
	{ "zoho_books", 200, "{\"code\":43}", CATALOG_LIMIT_RATE, 0 },
	{ "zoho_books", 200, "{\"code\":45}", CATALOG_LIMIT_QUOTA, 0 },
	{ "zoho_inventory", 200, "{\"code\":1070}", CATALOG_LIMIT_CONCURRENCY,
	  0 },
	{ "zoho", 200, "{\"code\":45}", CATALOG_LIMIT_QUOTA, 0 },
	{ "zoho", 429, "{\"code\":45}", CATALOG_LIMIT_QUOTA, 0 },
	{ "zoho", 429, "{\"code\":44}", CATALOG_LIMIT_RATE, 0 },
	{ "zoho", 429, "{\"code\":1070}", CATALOG_LIMIT_CONCURRENCY, 0 },
	{ "zoho_projects", 400,
	  "{\"error\":{\"title\":\"URL_ROLLING_THROTTLES_LIMIT_EXCEEDED\"}}",
	  CATALOG_LIMIT_RATE, 1800 },
	{ "zoho", 400,
	  "{\"error\":{\"title\":\"URL_ROLLING_THROTTLES_LIMIT_EXCEEDED\"}}",
	  CATALOG_LIMIT_RATE, 1800 },
	{ "zoho_people", 429, "{\"code\":2955}", CATALOG_LIMIT_RATE, 0 },
};

static struct binding_answer
answer(int status, const char *body)
{
	return (struct binding_answer){ .status = status,
					.body = slice_str(body) };
}

static void
throttle_says_of_what_there_was_too_much(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(throttles); i++) {
		struct binding *b = bound(throttles[i].service);
		struct binding_answer a =
			answer(throttles[i].status, throttles[i].body);
		const struct catalog_throttle *t = binding_throttled(b, &a);

		if (!t || t->limit != throttles[i].limit ||
		    t->wait_s != throttles[i].wait_s)
			fail_msg("%s %s: %d", throttles[i].service,
				 throttles[i].body, t ? (int)t->limit : -1);
		binding_free(b);
	}
}

static void
grant_that_was_sealed_keeps_the_kinds(void **state)
{
	struct binding *b = bound("zoho_desk"), *again;
	struct json_problem problem = { 0 };
	struct binding_answer a =
		answer(429, "{\"errorCode\":\"TOO_MANY_REQUESTS\"}");
	char *text = sealed(b);

	(void)state;
	assert_int_equal(binding_from_json(slice_str(text), &again, &problem),
			 0);
	assert_int_equal(binding_throttled(again, &a)->limit,
			 CATALOG_LIMIT_CONCURRENCY);
	free(text);
	binding_free(b);
	binding_free(again);
}

/* ---- what products answer ---- */

/* What a success of another product's may look like renews the token, and
 * no more: a call that was done is not done twice. */
static void
only_what_was_surely_not_done_is_sent_again(void **state)
{
	static const struct {
		const char *service;
		int status;
		bool again;
	} cases[] = {
		{ "zoho", 400, true },	     { "zoho", 401, true },
		{ "zoho", 200, false },	     { "zoho_books", 401, true },
		{ "zoho_books", 200, true }, { "zoho_inventory", 200, true },
	};
	const struct catalog_refresh_on *rule;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct binding *b = bound(cases[i].service);
		struct binding_answer a =
			answer(cases[i].status, "{\"code\":14}");

		rule = binding_refresh_on(b, &a);
		assert_non_null(rule);
		if (rule->executed_nothing != cases[i].again)
			fail_msg("%s %d", cases[i].service, cases[i].status);
		binding_free(b);
	}
}

/* ---- the account, scopes, the self client ---- */

static void
presets_of_each_product_tell_whose_account_it_is(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(products); i++) {
		const struct service *s = catalog_find(cat, NULL, products[i]);
		struct binding *b = bound_with(products[i], "oauth",
					       parameters_of(products[i]));
		bool asked = false, looked = false;

		for (j = 0; j < s->scopes.count; j++)
			asked |= s->scopes.items[j].preset &&
				 !strcmp(s->scopes.items[j].name,
					 "AaaServer.profile.READ");
		for (j = 0; j < b->method->lookups.count; j++)
			looked |= b->method->lookups.items[j].account &&
				  !strcmp(b->lookup_urls[j],
					  "https://accounts.zoho.com/oauth/"
					  "user/info");
		if (!asked || !looked)
			fail_msg("%s: the account stays unknown", products[i]);
		binding_free(b);
	}
}

/* Two scopes that read the same cannot be told apart by who consents. */
static void
scopes_are_told_in_words_of_their_own(void **state)
{
	size_t i, j, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(products); i++) {
		const struct catalog_scopes *s =
			&catalog_find(cat, NULL, products[i])->scopes;

		for (j = 0; j < s->count; j++) {
			const char *text = s->items[j].description;

			if (!strchr(text, ' ') || text[0] < 'A' ||
			    text[0] > 'Z')
				fail_msg("%s: %s", s->items[j].name, text);
			for (k = 0; k < j; k++)
				if (!strcmp(text, s->items[k].description) &&
				    !strcmp(s->items[j].group,
					    s->items[k].group))
					fail_msg("%s and %s: %s",
						 s->items[k].name,
						 s->items[j].name, text);
		}
	}
}

static const struct {
	int status;
	const char *body;
	enum catalog_class class;
} refusals[] = {
	{ 200, "{\"error\":\"Access Denied\"}", CATALOG_THROTTLED },
	{ 400,
	  "{\"error\":\"denied\",\"error_description\":\"You have made too many "
	  "requests continuously.\"}",
	  CATALOG_THROTTLED },
	{ 200, "{\"error\":\"invalid_client\"}", CATALOG_MISCONFIGURED },
	{ 200, "{\"error\":\"invalid_client_secret\"}", CATALOG_MISCONFIGURED },
	{ 200, "{\"error\":\"general_error\"}", CATALOG_TRANSIENT },
	{ 503, "", CATALOG_TRANSIENT },
};

/* https://www.zoho.com/accounts/protocol/oauth/token-limits.html */
static void
ten_token_requests_in_ten_minutes(const struct binding *b)
{
	const struct catalog_quotas *q = &b->method->quotas;

	assert_true(q->count > 0);
	assert_int_equal(q->items[0].of, CATALOG_QUOTA_TOKEN_REQUESTS);
	assert_int_equal(q->items[0].per, CATALOG_PER_GRANT);
	assert_int_equal(q->items[0].count, 10);
	assert_int_equal(q->items[0].window_s, 600);
	assert_false(q->items[0].evicts);
}

static void
consent_is_refreshed_ten_times_in_ten_minutes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(products); i++) {
		struct binding *b = bound_with(products[i], "oauth",
					       parameters_of(products[i]));

		ten_token_requests_in_ten_minutes(b);
		assert_int_equal(b->method->refresh->tokens_per_account, 20);
		binding_free(b);
	}
}

static void
self_client_keeps_to_the_same_limits(void **state)
{
	struct binding *b = bound_with("zoho_crm", "self_client",
				       "{\"soid\":\"ZohoCRM.600\"}");
	size_t i;

	(void)state;
	ten_token_requests_in_ten_minutes(b);
	for (i = 0; i < ARRAY_LEN(refusals); i++) {
		struct binding_answer a =
			answer(refusals[i].status, refusals[i].body);
		const struct catalog_error *rule;
		enum catalog_class got = binding_error_class(
			b, CATALOG_DURING_EXCHANGE, &a, &rule);

		if (got != refusals[i].class)
			fail_msg("%s: %s", refusals[i].body,
				 catalog_class_name(got));
		if (got == CATALOG_THROTTLED)
			assert_int_equal(rule->wait_s, 600);
		if (got == CATALOG_MISCONFIGURED)
			assert_non_null(rule->hint);
	}
	binding_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_data_centre_has_the_hosts_of_zohos_own_table),
		cmocka_unit_test(
			each_product_has_its_own_host_in_each_data_centre),
		cmocka_unit_test(
			credential_of_one_data_centre_goes_to_no_other),
		cmocka_unit_test(
			location_that_contradicts_the_accounts_server_is_refused),
		cmocka_unit_test(api_domain_may_be_that_of_the_accounts_pages),
		cmocka_unit_test(throttle_says_of_what_there_was_too_much),
		cmocka_unit_test(grant_that_was_sealed_keeps_the_kinds),
		cmocka_unit_test(only_what_was_surely_not_done_is_sent_again),
		cmocka_unit_test(
			presets_of_each_product_tell_whose_account_it_is),
		cmocka_unit_test(scopes_are_told_in_words_of_their_own),
		cmocka_unit_test(consent_is_refreshed_ten_times_in_ten_minutes),
		cmocka_unit_test(self_client_keeps_to_the_same_limits),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
