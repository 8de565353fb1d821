/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers mean, as the default definitions say it; and scopes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/catalog_world.h"

static struct binding *desk, *crm, *slack, *github, *google;

static int
load(void **state)
{
	if (catalog_begin(state))
		return -1;
	desk = bound_with("zoho_desk", "oauth", NULL);
	crm = bound_with("zoho_crm", "oauth", NULL);
	slack = bound_with("slack", "oauth", NULL);
	github = bound_with("github", "oauth", NULL);
	google = bound_with("google_sheets", "oauth", NULL);
	return 0;
}

static int
unload(void **state)
{
	binding_free(desk);
	binding_free(crm);
	binding_free(slack);
	binding_free(github);
	binding_free(google);
	return catalog_end(state);
}

static struct binding_answer
answer(int status, const char *body)
{
	return (struct binding_answer){ .status = status,
					.body = slice_str(body) };
}

static void
assert_class(const struct binding *b, enum catalog_during during, int status,
	     const char *body, enum catalog_class class)
{
	struct binding_answer a = answer(status, body);
	enum catalog_class got = binding_error_class(b, during, &a, NULL);

	if (got != class)
		fail_msg("%s %d %s: %s, not %s", b->service_id, status, body,
			 catalog_class_name(got), catalog_class_name(class));
}

/* ---- token endpoints ---- */

static void
zoho_errors_mean_what_zoho_means(void **state)
{
	(void)state;
	assert_class(desk, CATALOG_DURING_REFRESH, 400,
		     "{\"error_description\":\"You have made too many requests "
		     "continuously.\",\"error\":\"Access Denied\","
		     "\"status\":\"failure\"}",
		     CATALOG_THROTTLED);
	assert_class(desk, CATALOG_DURING_REFRESH, 200,
		     "{\"error\":\"Access Denied\"}", CATALOG_THROTTLED);
	assert_class(desk, CATALOG_DURING_REFRESH, 200,
		     "{\"error\":\"invalid_code\"}", CATALOG_DEAD_GRANT);
	assert_class(desk, CATALOG_DURING_REFRESH, 200,
		     "{\"error\":\"invalid_client\"}", CATALOG_MISCONFIGURED);
	assert_class(desk, CATALOG_DURING_REFRESH, 200,
		     "{\"error\":\"general_error\"}", CATALOG_TRANSIENT);
}

static void
throttled_rule_says_how_long(void **state)
{
	struct binding_answer a = answer(400, "{\"error\":\"Access Denied\"}");
	const struct catalog_error *rule;

	(void)state;
	binding_error_class(desk, CATALOG_DURING_REFRESH, &a, &rule);
	assert_non_null(rule);
	assert_int_equal(rule->wait_s, 600);
}

static void
rule_counts_only_in_its_request(void **state)
{
	struct binding_answer a = answer(200, "{\"error\":\"invalid_code\"}");
	const struct catalog_error *rule;

	(void)state;
	binding_error_class(desk, CATALOG_DURING_EXCHANGE, &a, &rule);
	assert_non_null(strstr(rule->hint, "two minutes"));
	binding_error_class(desk, CATALOG_DURING_REFRESH, &a, &rule);
	assert_non_null(strstr(rule->hint, "revoked"));
	assert_class(slack, CATALOG_DURING_REFRESH, 200,
		     "{\"ok\":false,\"error\":\"code_already_used\"}",
		     CATALOG_REFUSED);
}

static void
usual_errors_are_known_without_saying(void **state)
{
	(void)state;
	assert_class(google, CATALOG_DURING_REFRESH, 400,
		     "{\"error\":\"invalid_grant\"}", CATALOG_DEAD_GRANT);
	assert_class(google, CATALOG_DURING_EXCHANGE, 401,
		     "{\"error\":\"invalid_client\"}", CATALOG_MISCONFIGURED);
	assert_class(google, CATALOG_DURING_REFRESH, 503, "<html>down</html>",
		     CATALOG_TRANSIENT);
	assert_class(google, CATALOG_DURING_REFRESH, 429, "",
		     CATALOG_THROTTLED);
	assert_class(google, CATALOG_DURING_REFRESH, 400, "", CATALOG_REFUSED);
	assert_class(google, CATALOG_DURING_REFRESH, 200, "{\"error\":\"odd\"}",
		     CATALOG_REFUSED);
	assert_class(google, CATALOG_DURING_REFRESH, 200, "<html></html>",
		     CATALOG_TRANSIENT);
}

/* Of a firewall, a proxy or a deploy, as it were: what has not come from the
 * authorization server says nothing of the grant. */
static void
page_of_somebody_else_is_no_refusal(void **state)
{
	static const struct {
		int status;
		const char *body;
	} pages[] = {
		{ 400, "<html><h1>400 Bad Request</h1></html>" },
		{ 401, "<!DOCTYPE html><title>Sign in</title>" },
		{ 400, "upstream sent too much" },
		{ 403, "" },
		{ 403, "<html><center>nginx</center></html>" },
		{ 403, "{\"message\":\"Forbidden\"}" },
		{ 403, "{\"error\":{\"code\":403,\"status\":\"DENIED\"}}" },
		{ 404, "" },
		{ 404, "<html>404 Not Found</html>" },
		{ 404, "404 page not found\n" },
		{ 404, "{\"status\":404,\"error\":\"Not Found\"}" },
		{ 405, "{\"error\":\"Method Not Allowed\"}" },
		{ 407, "" },
		{ 410, "" },
		{ 413, "<html>413</html>" },
		{ 414, "" },
		{ 418, "" },
		{ 421, "" },
		{ 431, "" },
		{ 451, "<html>blocked by your provider</html>" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(pages); i++)
		assert_class(google, CATALOG_DURING_REFRESH, pages[i].status,
			     pages[i].body, CATALOG_TRANSIENT);
}

static void
answer_of_a_token_endpoint_is_a_refusal(void **state)
{
	static const struct {
		int status;
		const char *body;
	} answers[] = {
		{ 400, "" }, /* glewlwyd */
		{ 401, "" },
		{ 400, " \r\n" },
		{ 400, "{}" },
		{ 400, "{\"message\":\"no such token\"}" },
		{ 401, "{\"error\":{\"type\":\"OAuthException\"}}" },
		{ 400, "{\"error\":\"odd\"}" },
		{ 403, "{\"error\":\"odd\"}" },
		{ 403, "error=odd&error_description=Really" },
		{ 422, "{\"error\":\"odd\"}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(answers); i++)
		assert_class(google, CATALOG_DURING_REFRESH, answers[i].status,
			     answers[i].body, CATALOG_REFUSED);
	/* what is known counts, whatever the status is */
	assert_class(google, CATALOG_DURING_REFRESH, 404,
		     "{\"error\":\"invalid_grant\"}", CATALOG_DEAD_GRANT);
}

/* Of which the first 4 KiB alone are looked at. */
static void
long_answer_is_judged_by_how_it_begins(void **state)
{
	static char text[6000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "{\"a\":\"", 6);
	assert_class(google, CATALOG_DURING_REFRESH, 400, text,
		     CATALOG_REFUSED);
	memcpy(text, "<html>", 6);
	assert_class(google, CATALOG_DURING_REFRESH, 400, text,
		     CATALOG_TRANSIENT);
}

static void
test_that_says_nothing_of_its_success_wants_2xx(void **state)
{
	const struct catalog_match *m =
		&github->service->api.tests.items[0].success;
	struct binding_answer a = { .status = 200 };

	(void)state;
	assert_true(binding_match(m, &a));
	a.status = 204;
	assert_true(binding_match(m, &a));
	for (a.status = 300; a.status < 600; a.status++)
		assert_false(binding_match(m, &a));
}

static void
error_in_a_form_body_is_read(void **state)
{
	(void)state;
	assert_class(github, CATALOG_DURING_EXCHANGE, 200,
		     "error=bad_verification_code&error_description=The+code",
		     CATALOG_DEAD_GRANT);
	assert_class(github, CATALOG_DURING_REFRESH, 200,
		     "error=incorrect_client_credentials",
		     CATALOG_MISCONFIGURED);
}

static void
slack_success_is_told_by_the_body(void **state)
{
	const struct catalog_matches *m = &slack->method->answer->success;
	struct binding_answer yes = answer(200, "{\"ok\":true}");
	struct binding_answer no = answer(200, "{\"ok\":false}");
	struct binding_answer none = answer(200, "{}");
	struct binding_answer text = answer(200, "{\"ok\":\"yes\"}");

	(void)state;
	assert_true(binding_match_all(m, &yes));
	assert_false(binding_match_all(m, &no));
	assert_false(binding_match_all(m, &none));
	assert_false(binding_match_all(m, &text));
}

/* ---- the API's answers ---- */

static bool
refreshes(const struct binding *b, int status, const char *body)
{
	struct binding_answer a = answer(status, body);
	const struct catalog_refresh_on *on = binding_refresh_on(b, &a);

	if (on)
		assert_true(on->executed_nothing);
	return on != NULL;
}

static void
dead_token_is_recognised_and_other_refusals_are_not(void **state)
{
	(void)state;
	assert_true(refreshes(desk, 401, "{\"errorCode\":\"INVALID_OAUTH\"}"));
	assert_false(refreshes(desk, 403, "{\"errorCode\":\"INVALID_OAUTH\"}"));
	assert_false(
		refreshes(desk, 403, "{\"errorCode\":\"SCOPE_MISMATCH\"}"));
	assert_true(refreshes(crm, 401, "{\"code\":\"INVALID_TOKEN\"}"));
	assert_false(
		refreshes(crm, 401, "{\"code\":\"OAUTH_SCOPE_MISMATCH\"}"));
	assert_true(refreshes(slack, 200,
			      "{\"ok\":false,\"error\":\"token_expired\"}"));
	assert_false(refreshes(slack, 200, "{\"ok\":true}"));
	assert_true(refreshes(google, 401, ""));
	assert_false(refreshes(google, 200, ""));
}

static void
missing_scope_is_recognised(void **state)
{
	struct binding_answer a =
		answer(403, "{\"errorCode\":\"SCOPE_MISMATCH\"}");
	struct binding_answer b =
		answer(401, "{\"code\":\"OAUTH_SCOPE_MISMATCH\"}");

	(void)state;
	assert_true(binding_match_any((const struct catalog_matches *)&desk
					      ->service->api.missing_scope_on,
				      &a));
	assert_false(
		binding_match_any(&desk->service->api.missing_scope_on, &b));
	assert_true(binding_match_any(&crm->service->api.missing_scope_on, &b));
}

static void
only_the_first_four_kib_are_looked_at(void **state)
{
	char body[8192];
	struct binding_answer a;

	(void)state;
	memset(body, ' ', sizeof(body));
	memcpy(body + 5000, "Bad credentials", 15);
	a = (struct binding_answer){ .status = 401,
				     .body = slice_of(body, sizeof(body)) };
	assert_null(binding_refresh_on(github, &a));
	memcpy(body + 3000, "Bad credentials", 15);
	assert_non_null(binding_refresh_on(github, &a));
}

static struct slice
one_header(void *arg, struct slice name)
{
	return slice_eq_nocase(name, SLICE("www-authenticate")) ? slice_str(arg)
								: SLICE_NONE;
}

static void
body_is_wanted_only_where_the_status_leaves_it_open(void **state)
{
	struct catalog_status range = { 400, 403 };
	struct catalog_match m = { .status = { &range, 1 }, .json = "error" };

	(void)state;
	assert_true(binding_match_wants_body(&m, 400));
	assert_true(binding_match_wants_body(&m, 403));
	assert_false(binding_match_wants_body(&m, 404));
	m.json = NULL;
	assert_false(binding_match_wants_body(&m, 400));
	m.body_has.count = 1;
	assert_true(binding_match_wants_body(&m, 400));
	m.status.count = 0; /* any */
	assert_true(binding_match_wants_body(&m, 200));
}

static void
header_of_an_answer_can_be_asked_for(void **state)
{
	struct catalog_match m = { .header = "WWW-Authenticate",
				   .header_has = "invalid_token" };
	struct binding_answer a = { .status = 401, .header = one_header };

	(void)state;
	a.header_arg = (void *)(uintptr_t) "Bearer error=\"invalid_token\"";
	assert_true(binding_match(&m, &a));
	a.header_arg = (void *)(uintptr_t) "Bearer";
	assert_false(binding_match(&m, &a));
	a.header = NULL;
	assert_false(binding_match(&m, &a));
}

static void
paths_reach_into_objects_and_lists(void **state)
{
	json_t *v = json_loads("{\"a\":{\"b\":[{\"c\":7}]}}", 0, NULL);

	(void)state;
	assert_int_equal(json_integer_value(binding_path_get(v, "a.b.0.c")), 7);
	assert_null(binding_path_get(v, "a.b.1.c"));
	assert_null(binding_path_get(v, "a.b.x"));
	assert_null(binding_path_get(v, "a.b.0.c.d"));
	json_decref(v);
}

/* ---- patterns ---- */

static void
pattern_sees_the_whole_value(void **state)
{
	(void)state;
	assert_true(binding_pattern_matches("^[0-9]{1,3}$", SLICE("123")));
	assert_false(binding_pattern_matches("^[0-9]{1,3}$", SLICE("1234")));
	assert_false(binding_pattern_matches("^[0-9]+$", SLICE("1\0002")));
	assert_false(binding_pattern_matches("^[0-9]+$", SLICE("")));
	assert_false(binding_pattern_matches("^[$", SLICE("[")));
}

static void
pattern_with_alternatives_still_covers_the_whole(void **state)
{
	(void)state;
	assert_true(binding_pattern_matches("^a|b$", SLICE("a")));
	assert_false(binding_pattern_matches("^a|b$", SLICE("a.evil")));
	assert_false(binding_pattern_matches("^a|b$", SLICE("evil.b")));
}

static void
pattern_that_would_grow_without_end_matches_nothing(void **state)
{
	static const char *const bad[] = {
		"^((a{1,200}){1,200}){1,200}$",
		"^(((((a{9}){9}){9}){9}){9}){9}$",
		"^(a)\\1$",
		"^a{1,9999}$",
		"^((((((((((((((((a))))))))))))))))$",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (binding_pattern_matches(bad[i], SLICE("aa")))
			fail_msg("%s", bad[i]);
	assert_true(binding_pattern_matches("^((gh[ps]_)[a-z]{1,251}|x{40})$",
					    SLICE("ghp_abc")));
	assert_true(
		binding_pattern_matches("^[]{}a-z]{1,9}[.]$", SLICE("a{].")));
}

/* ---- scopes ---- */

static struct catalog_suggestion
suggest(const char *service, const char *typed)
{
	struct catalog_suggestion s;

	catalog_scope_suggest(catalog_find(cat, NULL, service), false,
			      slice_str(typed), &s);
	return s;
}

static void
known_scope_is_known(void **state)
{
	struct catalog_suggestion s = suggest("zoho_desk", "Desk.tickets.READ");

	(void)state;
	assert_true(s.valid && s.known);
	assert_string_equal(s.scope->name, "Desk.tickets.READ");
	assert_true(strlen(s.scope->description) > 0);
}

static void
the_articles_spelling_is_offered_as_the_real_scope(void **state)
{
	struct catalog_suggestion s =
		suggest("zoho_desk", "ZohoDesk.tickets.READ");

	(void)state;
	assert_true(s.valid);
	assert_false(s.known);
	assert_true(s.alias);
	assert_string_equal(s.scope->name, "Desk.tickets.READ");
	/* another case alone is no word of the definition's */
	s = suggest("zoho_desk", "desk.tickets.read");
	assert_false(s.known || s.alias);
	assert_string_equal(s.scope->name, "Desk.tickets.READ");
	s = suggest("zoho", "ZohoDesk.search.READ");
	assert_string_equal(s.scope->name, "Desk.search.READ");
}

static void
unknown_scope_is_allowed_and_marked(void **state)
{
	struct catalog_suggestion s = suggest("zoho_desk", "Desk.moon.READ");

	(void)state;
	assert_true(s.valid);
	assert_false(s.known);
	assert_null(s.scope);
	s = suggest("zoho_desk", "ZohoDesk.moon.READ");
	assert_null(s.scope);
	assert_false(s.alias);
	assert_string_equal(s.meant, "Desk.moon.READ");
}

static void
guess_that_would_be_no_scope_is_none(void **state)
{
	char typed[CATALOG_SCOPE_MAX + 1];
	struct catalog_suggestion s;

	(void)state;
	memset(typed, 'x', sizeof(typed));
	memcpy(typed, "gmail.", strlen("gmail."));
	typed[CATALOG_SCOPE_MAX] = '\0';
	s = suggest("gmail", typed);
	assert_true(s.valid);
	assert_null(s.scope);
	assert_string_equal(s.meant, "");
	typed[CATALOG_SCOPE_MAX - 40] = '\0';
	s = suggest("gmail", typed);
	assert_string_equal(
		slice_from(slice_str(s.meant),
			   strlen("https://www.googleapis.com/auth/"))
			.ptr,
		typed);
}

static void
what_can_be_no_scope_is_not_valid(void **state)
{
	(void)state;
	assert_false(suggest("zoho_desk", "").valid);
	assert_false(suggest("zoho_desk", "a b").valid);
	assert_false(suggest("zoho_desk", "a,b").valid);
	assert_false(suggest("zoho_desk", "a\"b").valid);
	assert_false(suggest("zoho_desk", "a\nb").valid);
}

static void
second_list_is_its_own(void **state)
{
	struct catalog_suggestion s;

	(void)state;
	catalog_scope_suggest(catalog_find(cat, NULL, "slack"), true,
			      SLICE("search:read"), &s);
	assert_true(s.known);
	catalog_scope_suggest(catalog_find(cat, NULL, "slack"), false,
			      SLICE("search:read"), &s);
	assert_false(s.known);
}

static void
template_falls_into_text_and_names(void **state)
{
	struct slice rest = SLICE("Bearer {access_token}!"), piece;
	bool is_name;

	(void)state;
	assert_true(binding_template_next(&rest, &piece, &is_name));
	assert_false(is_name);
	assert_true(slice_eq(piece, SLICE("Bearer ")));
	assert_true(binding_template_next(&rest, &piece, &is_name));
	assert_true(is_name);
	assert_true(slice_eq(piece, SLICE("access_token")));
	assert_true(binding_template_next(&rest, &piece, &is_name));
	assert_true(slice_eq(piece, SLICE("!")));
	assert_false(binding_template_next(&rest, &piece, &is_name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zoho_errors_mean_what_zoho_means),
		cmocka_unit_test(throttled_rule_says_how_long),
		cmocka_unit_test(rule_counts_only_in_its_request),
		cmocka_unit_test(usual_errors_are_known_without_saying),
		cmocka_unit_test(page_of_somebody_else_is_no_refusal),
		cmocka_unit_test(answer_of_a_token_endpoint_is_a_refusal),
		cmocka_unit_test(long_answer_is_judged_by_how_it_begins),
		cmocka_unit_test(
			test_that_says_nothing_of_its_success_wants_2xx),
		cmocka_unit_test(error_in_a_form_body_is_read),
		cmocka_unit_test(slack_success_is_told_by_the_body),
		cmocka_unit_test(
			dead_token_is_recognised_and_other_refusals_are_not),
		cmocka_unit_test(missing_scope_is_recognised),
		cmocka_unit_test(only_the_first_four_kib_are_looked_at),
		cmocka_unit_test(
			body_is_wanted_only_where_the_status_leaves_it_open),
		cmocka_unit_test(header_of_an_answer_can_be_asked_for),
		cmocka_unit_test(paths_reach_into_objects_and_lists),
		cmocka_unit_test(pattern_sees_the_whole_value),
		cmocka_unit_test(
			pattern_with_alternatives_still_covers_the_whole),
		cmocka_unit_test(
			pattern_that_would_grow_without_end_matches_nothing),
		cmocka_unit_test(known_scope_is_known),
		cmocka_unit_test(
			the_articles_spelling_is_offered_as_the_real_scope),
		cmocka_unit_test(unknown_scope_is_allowed_and_marked),
		cmocka_unit_test(guess_that_would_be_no_scope_is_none),
		cmocka_unit_test(what_can_be_no_scope_is_not_valid),
		cmocka_unit_test(second_list_is_its_own),
		cmocka_unit_test(template_falls_into_text_and_names),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
