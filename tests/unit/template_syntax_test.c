/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax of templates: what is a variable, what is text, and how a
 * mistake is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/template_world.h"

static const char values[] =
	"{\"input\":{\"id\":\"7\",\"name\":\"Ada\",\"a-b\":\"hyphen\","
	"\"two words\":\"spaces\",\"caf\xc3\xa9\":\"accent\",\"n\":5,"
	"\"list\":[\"zero\",{\"deep\":[\"x\",\"y\"]}]},"
	"\"zoho\":{\"im\":{\"user\":{\"id\":\"u1\"}}},"
	"\"ticket\":{\"status\":\"Open\"},\"other\":\"unscoped\"}";

struct row {
	const char *text, *result;
};

static void
rows_are(const struct row *rows, size_t count)
{
	const char *result;
	size_t i;

	for (i = 0; i < count; i++) {
		result = world_expand(rows[i].text, TEMPLATE_IN_TEXT, values);
		if (strcmp(result, rows[i].result))
			fail_msg("%s gave \"%s\" (%s), not \"%s\"",
				 rows[i].text, result, world_problem.text,
				 rows[i].result);
	}
}

static void
three_spellings_mean_the_same(void **state)
{
	static const struct row rows[] = {
		{ "No. @input.id!", "No. 7!" },
		{ "No. @{input.id}!", "No. 7!" },
		{ "No. {{input.id}}!", "No. 7!" },
		{ "@{ input.id }", "7" },
		{ "{{\n\tinput . id }}", "7" },
		{ "@{zoho.im.user.id}", "u1" },
		{ "@zoho.im.user.id", "u1" },
		{ "{{zoho.im.user.id}}", "u1" },
		{ "{{ticket.status}}@ticket.status@{ticket.status}",
		  "OpenOpenOpen" },
		{ "@{input.name|upper} {{input.name|upper}}", "ADA ADA" },
		{ "", "" },
		{ "plain", "plain" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
a_bare_variable_ends_where_its_name_does(void **state)
{
	static const struct row rows[] = {
		{ "Hello @input.name.", "Hello Ada." },
		{ "Hello @input.name, bye", "Hello Ada, bye" },
		{ "@input.name...", "Ada..." },
		{ "@input.id-@input.name", "7-Ada" },
		{ "(@input.id)", "(7)" },
		{ "@input.list[0]", "zero" },
		{ "@input.list[1].deep[1]!", "y!" },
		{ "@input.id[x]", "7[x]" },
		{ "@input.id[]", "7[]" },
		{ "@input.id[ 0]", "7[ 0]" },
		{ "@input.id|upper", "7|upper" },
		{ "@input.id}}", "7}}" },
		{ "@input.caf\xc3\xa9", "\xc3\xa9" }, /* input.caf */
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
an_at_sign_is_text_unless_a_scope_follows(void **state)
{
	static const struct row rows[] = {
		{ "@@input.id", "@input.id" },
		{ "a@@b", "a@b" },
		{ "@@@input.id", "@7" },
		{ "@@@@", "@@" },
		{ "ada@example.com", "ada@example.com" },
		{ "ada@input.id", "ada@input.id" },
		{ "a_@input.id", "a_@input.id" },
		{ "9@input.id", "9@input.id" },
		{ ".@input.id", ".7" },
		{ "@input.id@input.name", "7@input.name" },
		{ "{{input.id}}@input.name", "7Ada" },
		{ "@input.name@@@input.id", "Ada@7" },
		{ "@acme", "@acme" },
		{ "follow @acme, @media (x)", "follow @acme, @media (x)" },
		{ "@inputs.id", "@inputs.id" },
		{ "@other", "@other" },
		{ "@", "@" },
		{ "@ input.id", "@ input.id" },
		{ "@1", "@1" },
		{ "user@{input.id}", "user7" },
		{ "user@{{input.name}}", "user@Ada" },
		{ "\xe7\xa5\xa8@input.id", "\xe7\xa5\xa8"
					   "7" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
braces_are_text_unless_doubled(void **state)
{
	static const struct row rows[] = {
		{ "{", "{" },
		{ "{input.id}", "{input.id}" },
		{ "}} } }}}", "}} } }}}" },
		{ "{{{{", "{{" },
		{ "{{{{input.id}}", "{{input.id}}" },
		{ "{{{{{{input.id}}", "{{7" },
		{ "{{{input.id}}}", "{7}" },
		{ "{\"a\":{\"b\":{{input.n}}}}", "{\"a\":{\"b\":5}}" },
		{ "{ {input.id}}", "{ {input.id}}" },
		{ "@@{input.id}", "@{input.id}" },
		{ "query { a { b } }", "query { a { b } }" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
in_braces_any_name_can_be_said(void **state)
{
	static const struct row rows[] = {
		{ "{{other}}", "unscoped" },
		{ "{{input.a-b}}", "hyphen" },
		{ "{{input.caf\xc3\xa9}}", "accent" },
		{ "{{input[\"two words\"]}}", "spaces" },
		{ "{{input['two words']}}", "spaces" },
		{ "{{ input [ \"list\" ] [ 1 ] . deep [ 0] }}", "x" },
		{ "@{input.list[1][\"deep\"][1]}", "y" },
		{ "{{input[\"no\\\"such\"]}}", "" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
what_is_not_there_is_missing(void **state)
{
	static const char *const missing[] = {
		"{{input.nothing}}",	 "{{nothing}}",
		"{{input.list[2]}}",	 "{{input.list.name}}",
		"{{input.name.length}}", "{{input.name[0]}}",
		"{{input[0]}}",		 "{{input.list[0].x}}",
		"@input.__proto__",	 "{{input.n.n}}",
	};
	json_t *tree = world_json(values);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(missing); i++) {
		assert_string_equal(world_render(missing[i], TEMPLATE_IN_TEXT,
						 tree, TEMPLATE_MISSING_EMPTY),
				    "");
		assert_string_equal(world_render(missing[i], TEMPLATE_IN_TEXT,
						 tree, TEMPLATE_MISSING_ERROR),
				    "<not found>");
	}
	assert_string_equal(world_problem.text, "input.n.n has no value.");
	assert_string_equal(world_problem.name, "input.n.n");
	/* No values at all. */
	assert_string_equal(world_render("{{a}}", TEMPLATE_IN_TEXT, NULL,
					 TEMPLATE_MISSING_EMPTY),
			    "");
	json_decref(tree);
}

static void
values_are_never_read_as_templates(void **state)
{
	static const char hostile[] =
		"{\"input\":{\"a\":\"{{input.b}} @input.b @{input.b} @@ {{{{\","
		"\"b\":\"secret\"}}";

	(void)state;
	assert_string_equal(
		world_expand("{{input.a}}", TEMPLATE_IN_TEXT, hostile),
		"{{input.b}} @input.b @{input.b} @@ {{{{");
	assert_string_equal(world_value("{{input.a}}!", hostile),
			    "\"{{input.b}} @input.b @{input.b} @@ {{{{!\"");
}

/* ---- mistakes ---- */

static const struct {
	const char *text;
	size_t at, len;
	const char *problem;
} mistakes[] = {
	{ "ab{{input.id", 2, 10,
	  "This variable does not end with }} here.  (A literal {{ is "
	  "written {{{{.)" },
	{ "@{input.id!}", 0, 10,
	  "This variable does not end with } here.  (A literal @{ is "
	  "written @@{.)" },
	{ "{{input.id}", 0, 10, "This variable does not end with }}" },
	{ "{{", 0, 2, "The variable that begins here is not closed." },
	{ "{{}}", 2, 1, "A name such as input.email must stand here." },
	{ "{{ 1 }}", 3, 1, "A name such as" },
	{ "{{input.}}", 8, 1, "A name such as" },
	{ "{{input..id}}", 8, 1, "A name such as" },
	{ "{{-a}}", 2, 1, "A name such as" },
	{ "{{a[x]}}", 4, 1, "In [ ] stands a number" },
	{ "{{a[100000]}}", 4, 1, "In [ ] stands a number" },
	{ "{{a[-1]}}", 4, 1, "In [ ] stands a number" },
	{ "{{a[\"b\"}}", 7, 1, "] is missing here." },
	{ "{{a[0.5]}}", 5, 1, "] is missing here." },
	{ "{{a + b}}", 0, 4, "This variable does not end with }}" },
	{ "{{a | }}", 6, 1, "A filter's name must stand here." },
	{ "{{a | uper}}", 6, 4,
	  "There is no filter \"uper\"; did you mean \"upper\"?" },
	{ "{{a | exec: \"x\"}}", 6, 4, "There is no filter \"exec\"." },
	{ "{{a | upper: \"x\"}}", 6, 10, "upper: too many arguments." },
	{ "{{a | default}}", 6, 7,
	  "default: an argument is missing.  It is used like this: "
	  "default: \"none\"" },
	{ "{{a | default: \"a\", \"b\"}}", 6, 17,
	  "default: too many arguments." },
	{ "{{a | replace: \"a\", \"b\", \"c\"}}", 6, 22,
	  "replace: too many arguments." },
	{ "{{a | default: b}}", 15, 1, "A text in quotes, a number" },
	{ "{{a | default: \"b}}", 0, 2, "The variable that begins" },
	{ "{{a | default: \"\\x\"}}", 17, 1, "After \\ stands" },
	{ "{{a | default: 01}}", 15, 1, "This is no number" },
	{ "{{a | default: 1e999}}", 15, 1, "This is no number" },
	{ "{{a | truncate: \"5\"}}", 6, 13,
	  "truncate: the number is not whole, or out of range." },
	{ "{{a | truncate: 0}}", 6, 11, "truncate: the number" },
	{ "{{a | round: 1.5}}", 6, 10, "round: the number" },
	{ "{{a | replace: \"\", \"b\"}}", 6, 16,
	  "replace: the first text must not be empty." },
	{ "{{a | date: \"%Y\"}}", 6, 10, "date: the format is date," },
	{ "{{a | date: \"date\", \"2\"}}", 6, 17,
	  "date: an offset looks like" },
	{ "{{a | date: \"http\", \"Z\"}}", 6, 17,
	  "date: this format has no offset." },
};

static void
a_mistake_is_told_with_its_place(void **state)
{
	struct template *t;
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_LEN(mistakes); i++) {
		t = world_compile(mistakes[i].text, TEMPLATE_IN_TEXT, &err);
		if (t || err != ERR_INVALID)
			fail_msg("%s was taken", mistakes[i].text);
		if (!slice_starts(slice_str(world_problem.text),
				  slice_str(mistakes[i].problem)) ||
		    world_problem.at != mistakes[i].at ||
		    world_problem.len != mistakes[i].len)
			fail_msg("%s: at %zu, %zu: %s", mistakes[i].text,
				 world_problem.at, world_problem.len,
				 world_problem.text);
	}
	/* Without anybody who wants to know: */
	assert_int_equal(template_compile(SLICE("{{"), TEMPLATE_IN_TEXT,
					  template_usual_scopes, &t, NULL),
			 ERR_INVALID);
}

static void
a_template_is_utf8(void **state)
{
	int err;

	(void)state;
	assert_null(world_compile("a\xff", TEMPLATE_IN_TEXT, &err));
	assert_int_equal(err, ERR_INVALID);
	assert_string_equal(world_problem.text, "The template is not UTF-8.");
}

/* ---- limits ---- */

/* `count` times the piece, between two texts. */
static char *
repeated(const char *begin, const char *piece, size_t count, const char *end)
{
	struct buf b;
	size_t i;

	buf_init(&b, 1 << 20);
	buf_puts(&b, begin);
	for (i = 0; i < count; i++)
		buf_puts(&b, piece);
	buf_puts(&b, end);
	return buf_detach(&b);
}

static void
limit_is(const char *begin, const char *piece, size_t most, const char *end,
	 const char *problem)
{
	char *text = repeated(begin, piece, most, end);
	struct template *t;
	int err;

	t = world_compile(text, TEMPLATE_IN_TEXT, &err);
	if (err)
		fail_msg("%zu of %s: %s", most, piece, world_problem.text);
	template_free(t);
	free(text);
	text = repeated(begin, piece, most + 1, end);
	assert_null(world_compile(text, TEMPLATE_IN_TEXT, &err));
	assert_int_equal(err, ERR_TOO_LARGE);
	assert_string_equal(world_problem.text, problem);
	free(text);
}

static void
everything_has_its_limit(void **state)
{
	(void)state;
	limit_is("", "x", TEMPLATE_TEXT_MAX, "",
		 "A template has at most 65536 bytes.");
	limit_is("", "{{a}}", TEMPLATE_PARTS_MAX, "",
		 "A template has at most 2000 parts.");
	limit_is("", "@@", TEMPLATE_PARTS_MAX, "",
		 "A template has at most 2000 parts.");
	limit_is("{{a", ".b", TEMPLATE_STEPS_MAX - 1, "}}",
		 "At most 16 steps in a variable's name.");
	limit_is("@input", "[0]", TEMPLATE_STEPS_MAX - 1, "",
		 "At most 16 steps in a variable's name.");
	limit_is("{{a[\"", "b", TEMPLATE_NAME_MAX - 5, "\"]}}",
		 "At most 200 bytes in a variable's name.");
	limit_is("{{", "b", TEMPLATE_NAME_MAX, "}}",
		 "At most 200 bytes in a variable's name.");
	limit_is("{{a", "|trim", TEMPLATE_FILTERS_MAX, "}}",
		 "At most 8 filters on a variable.");
	limit_is("{{a|default:\"", "b", TEMPLATE_ARGUMENT_MAX, "\"}}",
		 "At most 256 bytes in quotes.");
}

static void
the_result_has_the_callers_limit(void **state)
{
	json_t *tree = world_json("{\"input\":{\"a\":\"1234567890\"}}");
	struct template *t;
	struct buf out;
	int err;

	(void)state;
	t = world_compile("<{{input.a}}{{input.a}}>", TEMPLATE_IN_TEXT, &err);
	buf_init(&out, 25);
	buf_puts(&out, "abc");
	assert_int_equal(template_render(t, tree, TEMPLATE_MISSING_EMPTY, &out,
					 &world_problem),
			 0);
	assert_string_equal(buf_cstr(&out), "abc<12345678901234567890>");
	buf_reset(&out);
	buf_puts(&out, "abcd");
	assert_int_equal(template_render(t, tree, TEMPLATE_MISSING_EMPTY, &out,
					 &world_problem),
			 ERR_TOO_LARGE);
	assert_string_equal(world_problem.text,
			    "The result would be larger than 25 bytes.");
	/* What was there before is still there, and nothing else. */
	assert_true(slice_eq(buf_slice(&out), SLICE("abcd")));
	buf_release(&out);
	template_free(t);
	json_decref(tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_spellings_mean_the_same),
		cmocka_unit_test(a_bare_variable_ends_where_its_name_does),
		cmocka_unit_test(an_at_sign_is_text_unless_a_scope_follows),
		cmocka_unit_test(braces_are_text_unless_doubled),
		cmocka_unit_test(in_braces_any_name_can_be_said),
		cmocka_unit_test(what_is_not_there_is_missing),
		cmocka_unit_test(values_are_never_read_as_templates),
		cmocka_unit_test(a_mistake_is_told_with_its_place),
		cmocka_unit_test(a_template_is_utf8),
		cmocka_unit_test(everything_has_its_limit),
		cmocka_unit_test(the_result_has_the_callers_limit),
	};

	return cmocka_run_group_tests_name("template syntax", tests, NULL,
					   NULL);
}
