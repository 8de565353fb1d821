/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a definition says that a scope is told otherwise than it was asked for:
 * what its rules cover, and which rules are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "catalog/catalog_priv.h"

/* %s: more of authorize, and of answer. */
#define DEFINITION \
	"{\"id\":\"acme\",\"name\":\"Acme\",\"methods\":{\"oauth\":{" \
	"\"kind\":\"oauth2_code\",\"name\":\"Sign in\",\"authorize\":{" \
	"\"url\":\"https://acme.example/authorize\"%s},\"token\":{" \
	"\"url\":\"https://acme.example/token\"},\"answer\":{%s}}}," \
	"\"api\":{\"base_url\":\"https://api.acme.example\"," \
	"\"hosts\":[\"api.acme.example\"]}}"

static struct catalog_report report;
static struct catalog *cat;
static struct binding *b;

static char *
definition(const char *authorize, const char *answer)
{
	static char text[64 * 1024];

	snprintf(text, sizeof(text), DEFINITION, authorize, answer);
	return text;
}

static int
check(const char *authorize, const char *answer)
{
	char id[CATALOG_ID_MAX + 1];

	return catalog_check(NULL, slice_str(definition(authorize, answer)), id,
			     &report);
}

static void
assert_problem(const char *pointer, const char *part)
{
	size_t i;

	for (i = 0; i < report.count; i++)
		if (!strcmp(report.items[i].pointer, pointer) &&
		    strstr(report.items[i].detail, part))
			return;
	for (i = 0; i < report.count; i++)
		print_message("has: %s: %s\n", report.items[i].pointer,
			      report.items[i].detail);
	fail_msg("no problem \"%s\" at %s", part, pointer);
}

static int
release(void **state)
{
	(void)state;
	binding_free(b);
	b = NULL;
	catalog_unref(cat);
	cat = NULL;
	return 0;
}

static void
bind_acme(const char *answer)
{
	struct catalog_source s = { "org", NULL,
				    slice_str(definition("", answer)) };
	struct json_problem problem = { 0 };

	release(NULL);
	assert_int_equal(catalog_new(&s, 1, &cat, &report), 0);
	assert_int_equal(report.count, 0);
	assert_int_equal(catalog_bind(catalog_find(cat, "org", "acme"), NULL,
				      NULL, &b, &problem),
			 0);
}

static bool
covers(const char *asked, const char *granted)
{
	return binding_scope_covers(b, slice_str(asked), slice_str(granted));
}

static bool
told(const char *asked)
{
	return binding_scope_is_told(b, slice_str(asked));
}

/* ---- what rules cover ---- */

static void
without_rules_names_are_compared_to_the_letter(void **state)
{
	(void)state;
	bind_acme("");
	assert_true(covers("a.read", "a.read"));
	assert_false(covers("a.read", "A.read"));
	assert_false(covers("a.read", "a.rea"));
	assert_false(covers("a.read", "a.reads"));
	assert_false(covers("a*", "abc")); /* no pattern of the asker's */
	assert_true(told("a.read"));
}

static void
another_name_covers_in_one_direction(void **state)
{
	(void)state;
	bind_acme("\"scope_rules\":[{\"asked\":\"email\",\"granted_as\":"
		  "[\"mail\",\"https://a.example/email\"]}]");
	assert_true(covers("email", "mail"));
	assert_true(covers("email", "https://a.example/email"));
	assert_true(covers("email", "email"));
	assert_false(covers("mail", "email"));
	assert_false(covers("email", "MAIL"));
	assert_false(covers("email2", "mail"));
}

static void
star_is_the_same_text_on_both_sides(void **state)
{
	(void)state;
	bind_acme("\"scope_rules\":[{\"asked\":\"read_*\",\"granted_as\":"
		  "[\"write_*\",\"all\"]},{\"asked\":\"x.*.y\",\"granted_as\":"
		  "\"y.*.x\"}]");
	assert_true(covers("read_a", "write_a"));
	assert_false(covers("read_a", "write_b"));
	assert_false(covers("read_a", "write_ab"));
	assert_false(covers("read_", "write_"));
	assert_false(covers("write_a", "read_a"));
	assert_true(covers("read_a", "all"));
	assert_false(covers("read_", "all"));
	assert_true(covers("x.1.y", "y.1.x"));
	assert_false(covers("x.y", "y.x")); /* the ends may not overlap */
	assert_false(covers("x..y", "y..x"));
	assert_false(covers("x.1.y", "y.2.x"));
}

static void
rules_do_not_chain(void **state)
{
	(void)state;
	bind_acme("\"scope_rules\":[{\"asked\":\"a\",\"granted_as\":\"b\"},"
		  "{\"asked\":\"b\",\"granted_as\":\"c\"}]");
	assert_true(covers("a", "b"));
	assert_false(covers("a", "c"));
}

static void
letters_of_either_case_are_the_same_where_it_is_said(void **state)
{
	(void)state;
	bind_acme(
		"\"scope_any_case\":true,\"scope_rules\":[{\"asked\":\"Read_*\","
		"\"granted_as\":\"Write_*\"},{\"asked\":\"Off\","
		"\"never_told\":true}]");
	assert_true(covers("user.read", "User.Read"));
	assert_true(covers("READ_A", "write_a"));
	assert_false(covers("READ_A", "write_b"));
	assert_false(told("off"));
}

static void
what_is_never_told_is_not_granted_by_that(void **state)
{
	(void)state;
	bind_acme(
		"\"scope_rules\":[{\"asked\":\"*.offline\",\"never_told\":true}]");
	assert_false(told("a.offline"));
	assert_true(told(".offline"));
	assert_true(told("offline"));
	assert_false(covers("a.offline", "b.offline"));
}

static void
grant_keeps_the_rules_of_its_definition(void **state)
{
	struct json_problem problem = { 0 };
	struct binding *again;
	struct buf sealed;

	(void)state;
	bind_acme("\"scope_rules\":[{\"asked\":\"a\",\"granted_as\":\"b\"}]");
	buf_init(&sealed, BINDING_JSON_MAX);
	assert_int_equal(binding_to_json(b, &sealed), 0);
	assert_int_equal(
		binding_from_json(buf_slice(&sealed), &again, &problem), 0);
	assert_true(binding_scope_covers(again, SLICE("a"), SLICE("b")));
	binding_free(again);
	buf_release(&sealed);
}

/* ---- which lists ---- */

static void
method_asks_for_the_lists_that_it_says(void **state)
{
	static const struct {
		const char *lists, *parameter;
		bool first, second;
	} rows[] = {
		{ "both", "u", true, true },
		{ "both", "", true, false },
		{ "first", "u", true, false },
		{ "second", "u", false, true },
	};
	struct catalog_authorize a = { 0 };
	struct catalog_method m = { .authorize = &a };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		a.second_scope_parameter =
			rows[i].parameter[0] ? rows[i].parameter : NULL;
		a.scope_lists = !strcmp(rows[i].lists, "both")
					? CATALOG_SCOPES_BOTH
				: !strcmp(rows[i].lists, "first")
					? CATALOG_SCOPES_FIRST
					: CATALOG_SCOPES_SECOND;
		assert_int_equal(catalog_method_asks(&m, false), rows[i].first);
		assert_int_equal(catalog_method_asks(&m, true), rows[i].second);
	}
}

/* ---- rules that are refused ---- */

#define RULE "/methods/oauth/answer/scope_rules/0"

static void
rule_that_says_nothing_or_too_much_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check("", "\"scope_rules\":[{\"asked\":\"a\"}]"),
			 ERR_INVALID);
	assert_problem(RULE, "\"granted_as\" or \"never_told\"");
	assert_int_equal(check("",
			       "\"scope_rules\":[{\"asked\":\"a\","
			       "\"granted_as\":\"b\",\"never_told\":true}]"),
			 ERR_INVALID);
	assert_problem(RULE, "both \"granted_as\" and");
	assert_int_equal(check("", "\"scope_rules\":[{\"granted_as\":\"b\"}]"),
			 ERR_INVALID);
	assert_problem(RULE, "\"asked\" is missing");
	assert_int_equal(check("", "\"scope_rules\":[{\"asked\":\"a\","
				   "\"granted_a\":\"b\"}]"),
			 ERR_INVALID);
	assert_problem(RULE "/granted_a", "did you mean \"granted_as\"");
}

static void
rule_of_no_possible_scope_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check("", "\"scope_rules\":[{\"asked\":\"a b\","
				   "\"granted_as\":[\"c\",\"d\\\"e\"]}]"),
			 ERR_INVALID);
	assert_problem(RULE "/asked", "can be no scope");
	assert_problem(RULE "/granted_as/1", "can be no scope");
	assert_int_equal(check("", "\"scope_rules\":[{\"asked\":\"a\","
				   "\"granted_as\":\"\"}]"),
			 ERR_INVALID);
	assert_problem(RULE "/granted_as", "is empty");
}

static void
star_without_a_meaning_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check("", "\"scope_rules\":[{\"asked\":\"*.*\","
				   "\"never_told\":true}]"),
			 ERR_INVALID);
	assert_problem(RULE "/asked", "more than one *");
	assert_int_equal(check("", "\"scope_rules\":[{\"asked\":\"a\","
				   "\"granted_as\":[\"b\",\"c.*\"]}]"),
			 ERR_INVALID);
	assert_problem(RULE "/granted_as/1", "has a *, and \"asked\" none");
}

static void
number_of_rules_and_names_is_bounded(void **state)
{
	char rules[8192] = "\"scope_rules\":[";
	size_t i, n = strlen(rules);

	(void)state;
	for (i = 0; i < 61; i++)
		n += (size_t)snprintf(rules + n, sizeof(rules) - n,
				      "%s{\"asked\":\"a%zu\","
				      "\"never_told\":true}",
				      i ? "," : "", i);
	snprintf(rules + n, sizeof(rules) - n, "]");
	assert_int_equal(check("", rules), ERR_INVALID);
	assert_problem("/methods/oauth/answer/scope_rules",
		       "more than 60 items");
	assert_int_equal(check("", "\"scope_rules\":[{\"asked\":\"a\","
				   "\"granted_as\":[\"1\",\"2\",\"3\",\"4\","
				   "\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
				   "\"11\"]}]"),
			 ERR_INVALID);
	assert_problem(RULE "/granted_as", "more than 10 items");
}

static void
second_list_needs_its_parameter(void **state)
{
	(void)state;
	assert_int_equal(check(",\"scope_lists\":\"second\"", ""), ERR_INVALID);
	assert_problem("/methods/oauth/authorize/scope_lists",
		       "second_scope_parameter");
	assert_int_equal(check(",\"second_scopes_optional\":true", ""),
			 ERR_INVALID);
	assert_problem("/methods/oauth/authorize/second_scopes_optional",
		       "second_scope_parameter");
	assert_int_equal(check(",\"scope_lists\":\"third\"", ""), ERR_INVALID);
	assert_problem("/methods/oauth/authorize/scope_lists",
		       "both, first, second");
	assert_int_equal(check(",\"scope_lists\":\"second\","
			       "\"second_scope_parameter\":\"u\"",
			       ""),
			 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			without_rules_names_are_compared_to_the_letter,
			release),
		cmocka_unit_test_teardown(another_name_covers_in_one_direction,
					  release),
		cmocka_unit_test_teardown(star_is_the_same_text_on_both_sides,
					  release),
		cmocka_unit_test_teardown(rules_do_not_chain, release),
		cmocka_unit_test_teardown(
			letters_of_either_case_are_the_same_where_it_is_said,
			release),
		cmocka_unit_test_teardown(
			what_is_never_told_is_not_granted_by_that, release),
		cmocka_unit_test_teardown(
			grant_keeps_the_rules_of_its_definition, release),
		cmocka_unit_test(method_asks_for_the_lists_that_it_says),
		cmocka_unit_test(rule_that_says_nothing_or_too_much_is_refused),
		cmocka_unit_test(rule_of_no_possible_scope_is_refused),
		cmocka_unit_test(star_without_a_meaning_is_refused),
		cmocka_unit_test(number_of_rules_and_names_is_bounded),
		cmocka_unit_test(second_list_needs_its_parameter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
