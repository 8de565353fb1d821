/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking at save time: which variables a template uses, which of them
 * cannot exist, and what was probably meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/template_world.h"

static const char *const known[] = { "input.ticketNumber",
				     "input.email",
				     "block.ticket",
				     "flow.items[0].id",
				     "session.*",
				     "zoho.im.user.id",
				     "answer",
				     NULL };

static void
the_variables_are_listed_in_one_spelling(void **state)
{
	static const struct {
		const char *name;
		size_t at, len;
		bool has_default;
	} want[] = {
		{ "input.a", 1, 8, false },
		{ "input.list[0].b", 10, 22, false },
		{ "input.a", 33, 26, true },
		{ "x[\"two \\\"words\"].c", 60, 26, false },
	};
	const struct template_variable *list;
	struct template *t;
	size_t i;
	int err;

	(void)state;
	t = world_compile("<@input.a @{input.list [0] . b } "
			  "{{input.a | default: \"\" }} "
			  "{{x['two \"words'].c|json}} @@input.d e@input.f",
			  TEMPLATE_IN_TEXT, &err);
	assert_int_equal(template_variables(t, &list), ARRAY_LEN(want));
	for (i = 0; i < ARRAY_LEN(want); i++) {
		assert_string_equal(list[i].name, want[i].name);
		assert_int_equal(list[i].at, want[i].at);
		assert_int_equal(list[i].len, want[i].len);
		assert_int_equal(list[i].has_default, want[i].has_default);
	}
	template_free(t);
}

/* The one finding of a template, or "" for none. */
static const char *
finding_of(const char *text, enum template_finding_kind kind)
{
	static struct template_finding found[4];
	struct template *t;
	size_t n;
	int err;

	t = world_compile(text, TEMPLATE_IN_TEXT, &err);
	if (err)
		fail_msg("%s: %s", text, world_problem.text);
	n = template_check(t, known, found, ARRAY_LEN(found));
	template_free(t);
	if (!n)
		return "";
	assert_int_equal(n, 1);
	assert_int_equal(found[0].kind, kind);
	assert_int_equal(found[0].at, 1);
	assert_int_equal(found[0].len, strcspn(text + 1, " ."));
	assert_string_equal(found[0].pointer, "");
	return found[0].text;
}

static void
what_is_at_above_or_below_a_known_name_is_fine(void **state)
{
	static const char *const good[] = {
		" {{input.ticketNumber}}",
		" {{input.ticketNumber.length}}",
		" {{input}}",
		" {{block.ticket.status[0]}}",
		" {{block.ticket[0]}}",
		" {{flow.items}}",
		" {{flow.items[0].id.x}}",
		" {{session.anything.at.all}}",
		" {{session}}",
		" {{zoho.im}}",
		" {{answer}}",
		" plain, a@@b, ada@example.com",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++)
		assert_string_equal(finding_of(good[i], TEMPLATE_UNKNOWN), "");
}

static void
what_cannot_exist_is_told_with_what_was_meant(void **state)
{
	static const char *const rows[][2] = {
		{ " {{input.tiketNumber}}",
		  "There is no variable input.tiketNumber; did you mean "
		  "input.ticketNumber?" },
		{ " {{inptu.email}}",
		  "There is no variable inptu.email; did you mean "
		  "input.email?" },
		{ " {{block.tickets[0]}}",
		  "There is no variable block.tickets[0]; did you mean "
		  "block.ticket[0]?" },
		{ " {{ticketNumber}}",
		  "There is no variable ticketNumber; did you mean "
		  "input.ticketNumber?" },
		{ " {{sesion.user}}",
		  "There is no variable sesion.user; did you mean "
		  "session.user?" },
		{ " {{Input.email}}",
		  "There is no variable Input.email; did you mean "
		  "input.email?" },
		{ " {{flow.items[1].id}}",
		  "There is no variable flow.items[1].id; did you mean "
		  "flow.items[0].id?" },
		{ " {{input.phoneNumber}}",
		  "There is no variable input.phoneNumber." },
		{ " {{something.else}}",
		  "There is no variable something.else." },
		{ " {{input.emailx.y}}",
		  "There is no variable input.emailx.y; did you mean "
		  "input.email.y?" },
	};
	struct template_finding found[1];
	struct template *t;
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		t = world_compile(rows[i][0], TEMPLATE_IN_TEXT, &err);
		assert_int_equal(template_check(t, known, found, 1), 1);
		assert_int_equal(found[0].kind, TEMPLATE_UNKNOWN);
		assert_int_equal(found[0].at, 1);
		assert_int_equal(found[0].len, strlen(rows[i][0]) - 1);
		assert_string_equal(found[0].text, rows[i][1]);
		template_free(t);
	}
}

static void
an_at_sign_that_stays_text_is_hinted_at(void **state)
{
	static const char *const rows[][2] = {
		{ "<@inptu .", "@inptu is text, for there is no such scope; "
			       "did you mean @input?" },
		{ "<@acme .", "@acme is text, for there is no such scope." },
		{ "a@input.email", "@input is text here, as in an e-mail "
				   "address; the variable would be "
				   "{{input\xe2\x80\xa6}}." },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(finding_of(rows[i][0], TEMPLATE_AS_TEXT),
				    rows[i][1]);
}

static void
more_findings_than_room_are_counted(void **state)
{
	struct template_finding found[2];
	struct template *t;
	int err;

	(void)state;
	memset(found, 'x', sizeof(found));
	t = world_compile("{{a}}{{b}} @c", TEMPLATE_IN_TEXT, &err);
	assert_int_equal(template_check(t, known, found, 1), 3);
	assert_int_equal(found[0].at, 0);
	assert_int_equal(found[1].text[0], 'x');
	assert_int_equal(template_check(t, known, NULL, 0), 3);
	template_free(t);
}

static void
findings_in_a_json_template_have_a_pointer(void **state)
{
	json_t *tree = world_json("{\"a\":\"@input.email\","
				  "\"b\":[\"x\",\"{{nope}}\"],"
				  "\"c\":\"{{c}} {{d}}\"}");
	const struct template_variable *list;
	struct template_finding found[2];
	struct template_json *t;
	const struct template *text;
	const char *pointer;

	(void)state;
	assert_int_equal(template_json_compile(tree, template_usual_scopes, &t,
					       &world_problem),
			 0);
	assert_int_equal(template_json_check(t, known, found, 2), 3);
	assert_string_equal(found[0].pointer, "/b/1");
	assert_string_equal(found[1].pointer, "/c");
	assert_string_equal(found[1].text, "There is no variable c.");
	text = template_json_at(t, 1, &pointer);
	assert_string_equal(pointer, "/b/1");
	assert_int_equal(template_variables(text, &list), 1);
	assert_string_equal(list[0].name, "nope");
	assert_non_null(template_json_at(t, 2, &pointer));
	assert_null(template_json_at(t, 3, &pointer));
	template_json_free(t);
	json_decref(tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_variables_are_listed_in_one_spelling),
		cmocka_unit_test(
			what_is_at_above_or_below_a_known_name_is_fine),
		cmocka_unit_test(what_cannot_exist_is_told_with_what_was_meant),
		cmocka_unit_test(an_at_sign_that_stays_text_is_hinted_at),
		cmocka_unit_test(more_findings_than_room_are_counted),
		cmocka_unit_test(findings_in_a_json_template_have_a_pointer),
	};

	return cmocka_run_group_tests_name("template check", tests, NULL, NULL);
}
