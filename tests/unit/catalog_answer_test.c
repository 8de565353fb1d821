/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers mean, service by service: the API's (a dead token, a missing
 * scope, a throttle, or none of them) and refusals of token endpoints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/catalog_answers.h"
#include "../support/catalog_refusals.h"

/* ---- the API's answers ---- */

static struct binding_answer
answer_of(size_t i)
{
	return (struct binding_answer){
		.status = api_answers[i].status,
		.body = slice_str(api_answers[i].body),
	};
}

static int
meaning(const struct binding *b, const struct binding_answer *a)
{
	int means = NOTHING;

	if (binding_refresh_on(b, a))
		means |= REFRESH;
	if (binding_match_any(&b->service->api.missing_scope_on, a))
		means |= SCOPE;
	if (binding_throttled(b, a))
		means |= THROTTLE;
	return means;
}

static void
answers_mean_what_the_service_means(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(api_answers); i++) {
		struct binding *b = bound(api_answers[i].service);
		struct binding_answer a = answer_of(i);
		int means = meaning(b, &a);

		if (means != api_answers[i].means)
			fail_msg("%s %d %s: %d", api_answers[i].service,
				 api_answers[i].status, api_answers[i].body,
				 means);
		binding_free(b);
	}
}

/* "zoho" may call all of them. */
static void
zoho_means_what_each_of_its_products_means(void **state)
{
	struct binding *b = bound("zoho");
	size_t i, differ = 0;

	(void)state;
	for (i = 0; i < ARRAY_LEN(api_answers); i++) {
		struct binding_answer a = answer_of(i);
		int means;

		if (strncmp(api_answers[i].service, "zoho_", 5))
			continue;
		means = meaning(b, &a);
		if (means == api_answers[i].means)
			continue;
		print_error("zoho, %s %d %s: %d\n", api_answers[i].service,
			    a.status, api_answers[i].body, means);
		differ++;
	}
	binding_free(b);
	assert_int_equal(differ, 0);
}

/* ---- what token endpoints refuse with ---- */

static struct binding_answer
refusal_of(size_t i)
{
	return (struct binding_answer){
		.status = token_refusals[i].status,
		.body = slice_str(token_refusals[i].body),
	};
}

static struct binding *
bound_refused(size_t i)
{
	const char *method = token_refusals[i].method;

	return bound_with(token_refusals[i].service, method ? method : "oauth",
			  parameters_of(token_refusals[i].service));
}

static void
refusals_are_of_the_right_class(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(token_refusals); i++) {
		struct binding *b = bound_refused(i);
		struct binding_answer a = refusal_of(i);
		enum catalog_class got = binding_error_class(
			b, token_refusals[i].during, &a, NULL);

		if (got != token_refusals[i].class)
			fail_msg("%s %s: %s", token_refusals[i].service,
				 token_refusals[i].body,
				 catalog_class_name(got));
		binding_free(b);
	}
}

/* ---- no rule without an answer ---- */

static bool
same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool
same_texts(const struct catalog_texts *a, const struct catalog_texts *b)
{
	size_t i;

	for (i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->items[i], b->items[i]))
			return false;
	return a->count == b->count;
}

/* Rules of a part are in each service that takes it. */
static bool
same_rule(const struct catalog_match *a, const struct catalog_match *b)
{
	size_t i;

	if (a->status.count != b->status.count)
		return false;
	for (i = 0; i < a->status.count; i++)
		if (a->status.items[i].from != b->status.items[i].from ||
		    a->status.items[i].to != b->status.items[i].to)
			return false;
	return same_text(a->json, b->json) && same_texts(&a->is, &b->is) &&
	       same_texts(&a->body_has, &b->body_has) &&
	       same_text(a->header, b->header) &&
	       same_text(a->header_has, b->header_has);
}

/* Whether this rule is what tells the meaning of an answer above. */
static bool
rule_tells(const struct binding *b, const struct catalog_match *rule, int kind,
	   const struct binding_answer *a)
{
	const struct catalog_matches *scopes =
		&b->service->api.missing_scope_on;
	const struct catalog_refresh_on *refresh = binding_refresh_on(b, a);
	const struct catalog_throttle *throttle = binding_throttled(b, a);
	size_t i;

	if (kind == REFRESH)
		return refresh && same_rule(rule, &refresh->when);
	if (kind == THROTTLE)
		return throttle && same_rule(rule, &throttle->when);
	for (i = 0; i < scopes->count; i++)
		if (binding_match(&scopes->items[i], a))
			return same_rule(rule, &scopes->items[i]);
	return false;
}

static size_t
unanswered(const char *service, const struct catalog_match *rule, int kind,
	   size_t number)
{
	static const char *const kinds[] = { [REFRESH] = "refresh_on",
					     [SCOPE] = "missing_scope_on",
					     [THROTTLE] = "throttled_on" };
	bool told = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(api_answers) && !told; i++) {
		struct binding_answer a = answer_of(i);
		struct binding *b;

		if (!(api_answers[i].means & kind))
			continue;
		b = bound(api_answers[i].service);
		told = rule_tells(b, rule, kind, &a);
		binding_free(b);
	}
	if (!told)
		print_error("%s: no answer for %s.%zu\n", service, kinds[kind],
			    number);
	return told ? 0 : 1;
}

/* A rule that no answer here is for could have any typing error in it. */
static void
every_rule_of_an_api_has_an_answer(void **state)
{
	const struct service *s;
	size_t cursor = 0, without = 0, i;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor))) {
		const struct catalog_api *api = &s->api;

		for (i = 0; i < api->refresh_on.count; i++)
			without += unanswered(s->id,
					      &api->refresh_on.items[i].when,
					      REFRESH, i);
		for (i = 0; i < api->missing_scope_on.count; i++)
			without += unanswered(s->id,
					      &api->missing_scope_on.items[i],
					      SCOPE, i);
		for (i = 0; i < api->throttled_on.count; i++)
			without += unanswered(s->id,
					      &api->throttled_on.items[i].when,
					      THROTTLE, i);
	}
	assert_int_equal(without, 0);
}

static bool
refused_by(const struct catalog_error *error)
{
	const struct catalog_error *rule;
	bool told = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(token_refusals) && !told; i++) {
		struct binding *b = bound_refused(i);
		struct binding_answer a = refusal_of(i);

		binding_error_class(b, token_refusals[i].during, &a, &rule);
		told = rule && rule->class == error->class &&
		       rule->during == error->during &&
		       same_rule(&rule->when, &error->when);
		binding_free(b);
	}
	return told;
}

static void
every_rule_of_a_token_endpoint_has_a_refusal(void **state)
{
	const struct service *s;
	size_t cursor = 0, without = 0, i, j;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor))) {
		for (i = 0; i < s->methods.count; i++) {
			const struct catalog_method *m = &s->methods.items[i];

			for (j = 0; j < m->errors.count; j++) {
				if (refused_by(&m->errors.items[j]))
					continue;
				print_error(
					"%s: no refusal for %s.errors.%zu\n",
					s->id, m->id, j);
				without++;
			}
		}
	}
	assert_int_equal(without, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_mean_what_the_service_means),
		cmocka_unit_test(zoho_means_what_each_of_its_products_means),
		cmocka_unit_test(refusals_are_of_the_right_class),
		cmocka_unit_test(every_rule_of_an_api_has_an_answer),
		cmocka_unit_test(every_rule_of_a_token_endpoint_has_a_refusal),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
