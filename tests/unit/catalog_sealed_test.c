/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed form of bindings: what is put away with a grant comes back as it
 * was, and nothing else passes for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/catalog_world.h"

static struct json_problem problem;

static void
add_samples(json_t *to, const struct catalog_parameters *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		const struct catalog_parameter *q = &p->items[i];
		const char *text = q->choices.count ? q->choices.items[0].value
				   : q->example	    ? q->example
						    : q->fallback;

		if (!text && !q->optional)
			fail_msg("%s has neither example nor default", q->name);
		if (text)
			json_object_set_new(to, q->name, json_string(text));
	}
}

/* Bound with what the definition itself gives as examples: they must be of
 * their own pattern. */
static struct binding *
bound_by_examples(const struct service *s, const struct catalog_method *m)
{
	json_t *given = json_object();
	struct binding *b = NULL;

	add_samples(given, &s->parameters);
	add_samples(given, &m->parameters);
	memset(&problem, 0, sizeof(problem));
	if (catalog_bind(s, m->id, given, &b, &problem))
		fail_msg("%s %s: %s %s", s->id, m->id, problem.pointer,
			 problem.detail);
	json_decref(given);
	return b;
}

static bool
same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void
assert_survives(const struct binding *b)
{
	char *text = sealed(b), *again;
	struct binding *back;

	memset(&problem, 0, sizeof(problem));
	if (binding_from_json(slice_str(text), &back, &problem))
		fail_msg("%s: %s %s", b->service_id, problem.pointer,
			 problem.detail);
	again = sealed(back);
	assert_string_equal(text, again);
	assert_true(same_text(back->base_url, b->base_url));
	assert_true(same_text(back->token_url, b->token_url));
	assert_int_equal(back->host_count, b->host_count);
	assert_int_equal(back->inject.count, b->inject.count);
	assert_int_equal(back->method->errors.count, b->method->errors.count);
	free(text);
	free(again);
	binding_free(back);
}

static void
every_service_survives_sealing(void **state)
{
	const struct service *s;
	size_t cursor = 0, count = 0, i;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor)) != NULL) {
		for (i = 0; i < s->methods.count; i++) {
			struct binding *b =
				bound_by_examples(s, &s->methods.items[i]);

			assert_survives(b);
			binding_free(b);
		}
		count++;
	}
	assert_true(count > 10);
}

static void
captured_values_survive_sealing(void **state)
{
	struct binding *b = bound_with("zoho_crm", NULL, NULL), *back;
	char *text;

	(void)state;
	assert_int_equal(take(b, "accounts_server", "https://accounts.zoho.in"),
			 0);
	assert_int_equal(take(b, "api_domain", "https://sandbox.zohoapis.in"),
			 0);
	text = sealed(b);
	assert_int_equal(binding_from_json(slice_str(text), &back, NULL), 0);
	assert_string_equal(back->data_centre, "in");
	assert_string_equal(back->base_url, "https://sandbox.zohoapis.in");
	/* What was captured in one data centre goes to no other. */
	assert_int_equal(binding_switch_data_centre(back, "jp"), ERR_INVALID);
	free(text);
	binding_free(b);
	binding_free(back);
}

static void
sealed_form_holds_only_what_the_method_needs(void **state)
{
	struct binding *b = bound_with("zoho_desk", NULL, NULL);
	char *text = sealed(b);

	(void)state;
	assert_non_null(strstr(text, "accounts.zoho.jp"));
	assert_null(strstr(text, "mail.zoho.com"));
	assert_null(strstr(text, "self_client"));
	assert_null(strstr(text, "\"scopes\""));
	assert_true(strlen(text) < 8 * 1024);
	free(text);
	binding_free(b);
}

static void
broken_sealed_forms_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"v\":2}",
		"{\"v\":1,\"parameters\":{},\"values\":{},\"definition\":{}}",
	};
	struct binding *b = bound_with("practice_desk", NULL, NULL), *back;
	char *text = sealed(b);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
			binding_from_json(slice_str(bad[i]), &back, NULL),
			ERR_INVALID);
	/* Cut short anywhere. */
	for (i = 0; i < strlen(text); i += 97)
		assert_int_equal(
			binding_from_json(slice_of(text, i), &back, NULL),
			ERR_INVALID);
	free(text);
	binding_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_service_survives_sealing),
		cmocka_unit_test(captured_values_survive_sealing),
		cmocka_unit_test(sealed_form_holds_only_what_the_method_needs),
		cmocka_unit_test(broken_sealed_forms_are_refused),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
