/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters: what each makes of what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/template_world.h"
#include "template/template_priv.h"

struct row {
	const char *filters; /* behind {{x */
	const char *x;	     /* JSON; NULL: there is none */
	const char *result;  /* JSON */
};

static void
rows_are(const struct row *rows, size_t count)
{
	char text[600], values[600];
	const char *result;
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "{{x%s}}", rows[i].filters);
		snprintf(values, sizeof(values),
			 rows[i].x ? "{\"x\":%s}" : "{}", rows[i].x);
		result = world_value(text, values);
		if (strcmp(result, rows[i].result))
			fail_msg("%s of %s gave %s (%s), not %s",
				 rows[i].filters, rows[i].x, result,
				 world_problem.text, rows[i].result);
	}
}

static void
default_takes_the_place_of_nothing(void **state)
{
	static const struct row rows[] = {
		{ "|default:\"none\"", NULL, "\"none\"" },
		{ "|default:'none'", "null", "\"none\"" },
		{ "|default:\"none\"", "\"\"", "\"none\"" },
		{ "|default:\"none\"", "\" \"", "\" \"" },
		{ "|default:\"none\"", "0", "0" },
		{ "|default:\"none\"", "false", "false" },
		{ "|default:\"none\"", "[]", "[]" },
		{ " | default : 5 ", NULL, "5" },
		{ "|default:-1.5e2", NULL, "-150.0" },
		{ "|default:true", NULL, "true" },
		{ "|default:false", NULL, "false" },
		{ "|default:null", NULL, "null" },
		{ "|default:\"a\\n\\t\\\"\\\\'\"", NULL,
		  "\"a\\n\\t\\\"\\\\'\"" },
		{ "|default:\"}} {{y}} @input.y\"", NULL,
		  "\"}} {{y}} @input.y\"" },
		{ "|upper|default:\"none\"", NULL, "\"none\"" },
		{ "|default:\"none\"|upper", NULL, "\"NONE\"" },
		{ "|trim|default:\"none\"", "\"  \"", "\"none\"" },
		{ "|number|default:0", "\"abc\"", "0" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
texts_are_changed_by_characters_not_bytes(void **state)
{
	static const struct row rows[] = {
		{ "|upper",
		  "\"stra\xc3\x9f"
		  "e \xc3\xa9\xc3\xbf\"",
		  "\"STRA\xc3\x9f"
		  "E \xc3\x89\xc5\xb8\"" },
		{ "|lower",
		  "\"\xc3\x89\xc5\xb8 \xc5\x81\xc3\x93"
		  "D\xc5\xb9\"",
		  "\"\xc3\xa9\xc3\xbf \xc5\x82\xc3\xb3"
		  "d\xc5\xba\"" },
		{ "|upper", "\"\xcf\x83\xce\xbf\xcf\x86\xce\xaf\xcf\x82\"",
		  "\"\xce\xa3\xce\x9f\xce\xa6\xce\x8a\xce\xa3\"" },
		{ "|upper", "\"\xd0\xbf\xd1\x80\xd1\x91\"",
		  "\"\xd0\x9f\xd0\xa0\xd0\x81\"" },
		{ "|upper", "\"\xe1\xba\xa1 \xe7\xa5\xa8 \xf0\x9f\x98\x80\"",
		  "\"\xe1\xba\xa0 \xe7\xa5\xa8 \xf0\x9f\x98\x80\"" },
		{ "|upper", "true", "\"TRUE\"" },
		{ "|trim", "\" \\t\\r\\n a b \\u00a0\"", "\"a b\"" },
		{ "|trim", "\"\"", "\"\"" },
		{ "|truncate:5", "\"12345\"", "\"12345\"" },
		{ "|truncate:5", "\"123456\"", "\"1234\xe2\x80\xa6\"" },
		{ "|truncate:3", "\"\xf0\x9f\x98\x80\xc3\xa9z!\"",
		  "\"\xf0\x9f\x98\x80\xc3\xa9\xe2\x80\xa6\"" },
		{ "|truncate:5,\"\"", "\"123456\"", "\"12345\"" },
		{ "|truncate:5,\"...\"", "\"123456\"", "\"12...\"" },
		{ "|truncate:2,\"...\"", "\"123456\"", "\"..\"" },
		{ "|replace:\"a\",\"b\"", "\"banana\"", "\"bbnbnb\"" },
		{ "|replace:\"aa\",\"a\"", "\"aaaa\"", "\"aa\"" },
		{ "|replace:\"a\",\"\"", "\"banana\"", "\"bnn\"" },
		{ "|replace:\"a\",\"aa\"", "\"aba\"", "\"aabaa\"" },
		{ "|replace:\"\\n\",\" \"", "\"a\\nb\"", "\"a b\"" },
		{ "|replace:\".\",\"\"", "12.5", "\"125\"" },
		{ "|urlencode", "\"a b&\xc3\xa9/\"", "\"a%20b%26%C3%A9%2F\"" },
		{ "|base64", "\"user:pass\"", "\"dXNlcjpwYXNz\"" },
		{ "|base64", "\"\"", "\"\"" },
		{ "|base64", "\"a\"", "\"YQ==\"" },
		{ "|text", "5", "\"5\"" },
		{ "|text", "null", "\"\"" },
		{ "|text", "[1,\"a\"]", "\"[1,\\\"a\\\"]\"" },
		{ "|upper", "null", "null" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
length_counts_what_there_is(void **state)
{
	static const struct row rows[] = {
		{ "|length", "\"h\xc3\xa9\xf0\x9f\x98\x80\"", "3" },
		{ "|length", "\"\"", "0" },
		{ "|length", "[1,[2,3]]", "2" },
		{ "|length", "{\"a\":1}", "1" },
		{ "|length", "null", "0" },
		{ "|length", "1234", "4" },
		{ "|length", NULL, "null" },
		{ "|length|default:0", NULL, "0" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
lists_are_taken_apart_and_joined(void **state)
{
	static const struct row rows[] = {
		{ "|first", "[\"a\",\"b\"]", "\"a\"" },
		{ "|last", "[\"a\",{\"b\":1}]", "{\"b\":1}" },
		{ "|first", "[]", "null" },
		{ "|last|default:\"-\"", "[]", "\"-\"" },
		{ "|first", "\"text\"", "null" },
		{ "|join", "[\"a\",1,true,null,[2]]", "\"a, 1, true, , [2]\"" },
		{ "|join:\"\"", "[\"a\",\"b\"]", "\"ab\"" },
		{ "|join", "[]", "\"\"" },
		{ "|join", "\"text\"", "null" },
		{ "|split:\",\"", "\"a,b,,c\"", "[\"a\",\"b\",\"\",\"c\"]" },
		{ "|split:\", \"", "\"a, b\"", "[\"a\",\"b\"]" },
		{ "|split:\",\"", "\"\"", "[]" },
		{ "|split:\",\"|last", "\"a,b\"", "\"b\"" },
		{ "|split:\",\"|join:\"+\"", "\"a,b\"", "\"a+b\"" },
		{ "|json", "{\"a\":[1.5,\"b\"]}",
		  "\"{\\\"a\\\":[1.5,\\\"b\\\"]}\"" },
		{ "|json", "\"a\"", "\"\\\"a\\\"\"" },
		{ "|json", "null", "\"null\"" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
numbers_are_read_strictly(void **state)
{
	static const struct row rows[] = {
		{ "|number", "\"42\"", "42" },
		{ "|number", "\" -42 \"", "-42" },
		{ "|number", "\"4.50\"", "4.5" },
		{ "|number", "\"1e3\"", "1000.0" },
		{ "|number", "7", "7" },
		{ "|number", "7.25", "7.25" },
		{ "|number", "\"9223372036854775807\"", "9223372036854775807" },
		{ "|number", "\"9223372036854775808\"", "null" },
		{ "|number", "\"1e400\"", "null" },
		{ "|number", "\"042\"", "null" },
		{ "|number", "\"+1\"", "null" },
		{ "|number", "\"1,000\"", "null" },
		{ "|number", "\"0x10\"", "null" },
		{ "|number", "\"1.\"", "null" },
		{ "|number", "\".5\"", "null" },
		{ "|number", "\"1e\"", "null" },
		{ "|number", "\"nan\"", "null" },
		{ "|number", "\"\"", "null" },
		{ "|number", "true", "null" },
		{ "|number", "[1]", "null" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
numbers_are_rounded_as_on_paper(void **state)
{
	static const struct row rows[] = {
		{ "|round", "2.5", "3" },
		{ "|round", "0.5", "1" },
		{ "|round", "-2.5", "-3" },
		{ "|round", "2.4999", "2" },
		{ "|round", "0.49999999999999994", "1" }, /* 15 digits: 0.5 */
		{ "|round", "-0.4", "0" },
		{ "|round", "7", "7" },
		{ "|round", "\"19.95\"", "20" },
		{ "|round:2", "2.675", "2.68" },
		{ "|round:2", "1.005", "1.01" },
		{ "|round:1", "19.94", "19.9" },
		{ "|round:2", "20.0", "20.0" },
		{ "|round:2", "7", "7" },
		{ "|round", "999.5", "1000" },
		{ "|round", "1e15", "null" },
		{ "|round", "999999999999999.5", "1000000000000000" },
		{ "|round", "\"many\"", "null" },
		{ "|fixed:2", "19.9", "\"19.90\"" },
		{ "|fixed:2", "20", "\"20.00\"" },
		{ "|fixed:2", "9.999", "\"10.00\"" },
		{ "|fixed:0", "9.5", "\"10\"" },
		{ "|fixed:0", "-7", "\"-7\"" },
		{ "|fixed:2", "-0.001", "\"0.00\"" },
		{ "|fixed:9", "1e-7", "\"0.000000100\"" },
		{ "|fixed:2", "\"abc\"", "null" },
		{ "|fixed:9", "123456789012345.5",
		  "\"123456789012345.500000000\"" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
dates_are_written_in_a_few_formats(void **state)
{
	static const char x[] = "\"2026-01-02T23:04:05.678+02:00\"";
	static const struct row rows[] = {
		{ "|date:\"date\"", x, "\"2026-01-02\"" },
		{ "|date:\"time\"", x, "\"21:04\"" },
		{ "|date:\"datetime\"", x, "\"2026-01-02 21:04\"" },
		{ "|date:\"dmy\"", x, "\"02.01.2026\"" },
		{ "|date:\"mdy\"", x, "\"01/02/2026\"" },
		{ "|date:\"weekday\"", x, "\"Friday\"" },
		{ "|date:\"rfc3339\"", x, "\"2026-01-02T21:04:05Z\"" },
		{ "|date:\"http\"", x, "\"Fri, 02 Jan 2026 21:04:05 GMT\"" },
		{ "|date:\"unix\"", x, "1767387845" },
		{ "|date:\"unix_ms\"", x, "1767387845678" },
		{ "|date:\"datetime\",\"+05:30\"", x, "\"2026-01-03 02:34\"" },
		{ "|date:\"date\",\"-23:00\"", x, "\"2026-01-01\"" },
		{ "|date:\"rfc3339\",\"-03:30\"", x,
		  "\"2026-01-02T17:34:05-03:30\"" },
		{ "|date:\"rfc3339\",\"Z\"", x, "\"2026-01-02T21:04:05Z\"" },
		{ "|date:\"dmy\"", "\"2026-01-02\"", "\"02.01.2026\"" },
		{ "|date:\"rfc3339\"", "1767387845",
		  "\"2026-01-02T21:04:05Z\"" },
		{ "|date:\"rfc3339\"", "1767387845678",
		  "\"2026-01-02T21:04:05Z\"" },
		{ "|date:\"rfc3339\"", "\"1767387845678\"",
		  "\"2026-01-02T21:04:05Z\"" },
		{ "|date:\"rfc3339\"", "\"1767387845\"",
		  "\"2026-01-02T21:04:05Z\"" },
		{ "|date:\"rfc3339\"", "0", "\"1970-01-01T00:00:00Z\"" },
		{ "|date:\"unix\"", "\"1969-12-31T23:59:59.500Z\"", "-1" },
		{ "|date:\"date\"", "\"0001-01-01\"", "\"0001-01-01\"" },
		{ "|date:\"date\"", "\"9999-12-31\"", "\"9999-12-31\"" },
		{ "|date:\"datetime\",\"+01:00\"", "\"9999-12-31T23:30:00Z\"",
		  "null" },
		{ "|date:\"date\"", "\"tomorrow\"", "null" },
		{ "|date:\"date\"", "\"2026-02-30\"", "null" },
		{ "|date:\"date\"", "\"2026-01-02T25:00:00Z\"", "null" },
		{ "|date:\"date\"", "1.5", "null" },
		{ "|date:\"date\"", "9223372036854775807", "null" },
		{ "|date:\"date\"", "-9223372036854775807", "null" },
		{ "|date:\"date\"", "true", "null" },
	};

	(void)state;
	rows_are(rows, ARRAY_LEN(rows));
}

static void
a_value_that_a_filter_cannot_take_is_missing(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "{{x | date: \"date\"}}", "x is no date." },
		{ "{{x | number | upper}}", "x is no number." },
		{ "{{x | first}}", "x is no list." },
		{ "{{e | last}}", "e is an empty list." },
		{ "{{big | number}}", "big is too large a number." },
	};
	json_t *values = world_json("{\"x\":\"abc\",\"e\":[],"
				    "\"big\":\"99999999999999999999\"}");
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(world_render(rows[i].text, TEMPLATE_IN_TEXT,
						 values,
						 TEMPLATE_MISSING_ERROR),
				    "<not found>");
		assert_string_equal(world_problem.text, rows[i].problem);
		assert_string_equal(world_render(rows[i].text, TEMPLATE_IN_TEXT,
						 values,
						 TEMPLATE_MISSING_EMPTY),
				    "");
	}
	assert_string_equal(world_render("{{x | date: \"date\" | default: 1}}",
					 TEMPLATE_IN_TEXT, values,
					 TEMPLATE_MISSING_ERROR),
			    "1");
	json_decref(values);
}

static void
what_filters_make_is_bounded(void **state)
{
	static char text[40000];
	json_t *values = json_object();

	(void)state;
	memset(text, 'a', sizeof(text));
	json_object_set_new(values, "x", json_stringn(text, sizeof(text)));
	/* Each step would double it; the last one makes it small again. */
	assert_string_equal(
		world_render("{{x|replace:\"a\",\"aa\"|replace:\"a\",\"aa\""
			     "|truncate:1}}",
			     TEMPLATE_IN_TEXT, values, TEMPLATE_MISSING_ERROR),
		"<too large>");
	assert_string_equal(world_problem.text,
			    "x is too large for what it is put in.");
	assert_string_equal(world_render("{{x|split:\"a\"|length}}",
					 TEMPLATE_IN_TEXT, values,
					 TEMPLATE_MISSING_ERROR),
			    "<too large>");
	assert_string_equal(world_render("{{x|base64|truncate:2,\"\"}}",
					 TEMPLATE_IN_TEXT, values,
					 TEMPLATE_MISSING_ERROR),
			    "YW");
	json_decref(values);
}

static void
the_list_of_filters_is_for_people(void **state)
{
	const struct template_filter *f, *before = NULL;
	char text[200];
	size_t i;
	int err;

	(void)state;
	for (i = 0; (f = template_filter_at(i)); i++) {
		assert_true(!before || strcmp(before->name, f->name) < 0);
		assert_true(f->help[strlen(f->help) - 1] == '.');
		/* The example compiles. */
		snprintf(text, sizeof(text), "{{x | %s}}", f->usage);
		template_free(world_compile(text, TEMPLATE_IN_TEXT, &err));
		assert_int_equal(err, 0);
		before = f;
	}
	assert_int_equal(i, 19);
}

/* Every character in its partner's place, and back. */
static void
letters_with_a_case_are_pairs(void **state)
{
	uint32_t c, up, low;
	size_t uppers = 0, lowers = 0;

	(void)state;
	for (c = 1; c < 0x110000; c++) {
		up = template_case_upper(c);
		low = template_case_lower(c);
		uppers += up != c;
		lowers += low != c;
		assert_true(up == c || low == c);
		assert_int_equal(template_case_upper(low), low == c ? up : c);
		if (c != 0x03c2) /* sigma at the end of a word */
			assert_int_equal(template_case_lower(up),
					 up == c ? low : c);
	}
	assert_int_equal(uppers, 512);
	assert_int_equal(lowers, 511);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_takes_the_place_of_nothing),
		cmocka_unit_test(texts_are_changed_by_characters_not_bytes),
		cmocka_unit_test(length_counts_what_there_is),
		cmocka_unit_test(lists_are_taken_apart_and_joined),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(numbers_are_rounded_as_on_paper),
		cmocka_unit_test(dates_are_written_in_a_few_formats),
		cmocka_unit_test(a_value_that_a_filter_cannot_take_is_missing),
		cmocka_unit_test(what_filters_make_is_bounded),
		cmocka_unit_test(the_list_of_filters_is_for_people),
		cmocka_unit_test(letters_with_a_case_are_pairs),
	};

	return cmocka_run_group_tests_name("template filters", tests, NULL,
					   NULL);
}
