/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output: columns that fit, and texts that a terminal does not obey; and
 * bodies, in which secrets are escaped as they must be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/cli_priv.h"

static struct buf out;

static int
start(void **state)
{
	(void)state;
	buf_init(&out, 64 * 1024);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	buf_release(&out);
	return 0;
}

static void
columns_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const heads[] = { "LINK", "STATUS", "NAME" };
	struct cli_table t;

	(void)state;
	cli_table_init(&t, heads, 3);
	cli_table_put(&t, "desk_reader");
	cli_table_put(&t, "connected");
	cli_table_put(&t, "Desk reader");
	cli_table_put(&t, "x");
	cli_table_put(&t, NULL);
	cli_table_put(&t, "");
	assert_int_equal(cli_table_write(&t, &out), 0);
	assert_string_equal(buf_cstr(&out),
			    "LINK         STATUS     NAME\n"
			    "desk_reader  connected  Desk reader\n"
			    "x            -          -\n");
	cli_table_release(&t);
}

static void
characters_count_not_bytes(void **state)
{
	static const char *const heads[] = { "A", "B" };
	struct cli_table t;

	(void)state;
	cli_table_init(&t, heads, 2);
	cli_table_put(&t, "h\xc3\xb6h\xc3\xa9");
	cli_table_put(&t, "1");
	assert_int_equal(cli_table_write(&t, &out), 0);
	assert_string_equal(buf_cstr(&out), "A     B\n"
					    "h\xc3\xb6h\xc3\xa9  1\n");
	cli_table_release(&t);
}

static void
nothing_reaches_the_terminal_that_it_obeys(void **state)
{
	static const struct {
		const char *text, *safe;
	} cases[] = {
		{ "plain", "plain" },
		{ "\x1b[2Jgone", "?[2Jgone" },
		{ "a\nb\tc\x7f", "a?b?c?" },
		{ "\xc2\x9b"
		  "31m",
		  "??31m" },			   /* C1 */
		{ "\xe2\x80\xaetxt", "???txt" },   /* writes backwards */
		{ "\xe2\x82\xac \xf0\x9f\x98\x80", /* euro, a face */
		  "\xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff\xfe", "??" },
		{ "cut \xe2\x82", "cut ??" },
		{ "\xc0\xaf", "??" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_reset(&out);
		cli_safe(&out, slice_str(cases[i].text));
		assert_string_equal(buf_cstr(&out), cases[i].safe);
	}
}

static void
a_text_in_pieces_keeps_its_lines_and_no_command(void **state)
{
	static const char *const pieces[] = {
		"a\tb\r\n\x1b[2J",
		"\xe2\x82",
		"\xac\xc2",
		"\x9b"
		"1m\xff;;;\n",
		"\xe2\x80\xae"
		"end",
	};
	struct buf rest;
	size_t i;

	(void)state;
	buf_reset(&out);
	buf_init(&rest, 1024);
	for (i = 0; i < ARRAY_LEN(pieces); i++)
		cli_safe_text(&out, &rest, slice_str(pieces[i]));
	assert_string_equal(buf_cstr(&out), "a\tb\n?[2J\xe2\x82\xac??1m?;;;\n"
					    "???end");
	assert_int_equal(rest.len, 0);
	buf_release(&rest);
}

static void
values_become_a_few_words(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{ "\"text\"", "text" },
		{ "12", "12" },
		{ "1.25", "1.2" },
		{ "true", "yes" },
		{ "false", "no" },
		{ "null", "" },
		{ "[\"a\",\"b\"]", "a, b" },
		{ "[]", "" },
		{ "{\"id\":\"x\",\"name\":\"Ada\"}", "Ada" },
		{ "{\"a\":1}", "{\"a\":1}" },
	};
	json_t *value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		assert_non_null(value);
		buf_reset(&out);
		cli_value_text(value, &out);
		assert_string_equal(buf_cstr(&out), cases[i].text);
		json_decref(value);
	}
}

static void
a_body_holds_members_and_secrets(void **state)
{
	struct secret *s = secret_from("a\"b\\c\n", 6);
	struct cli_body b;
	struct slice text;

	(void)state;
	cli_body_init(&b);
	cli_body_members(&b, json_pack("{s:s}", "name", "x"));
	cli_body_open(&b, "credentials");
	cli_body_secret(&b, "api_key", s);
	cli_body_secret(&b, "second", s);
	cli_body_close(&b);
	assert_int_equal(cli_body_end(&b, &text), 0);
	buf_put_slice(&out, text);
	assert_string_equal(buf_cstr(&out), "{\"name\":\"x\",\"credentials\":{"
					    "\"api_key\":\"a\\\"b\\\\c\\n\","
					    "\"second\":\"a\\\"b\\\\c\\n\"}}");
	cli_body_release(&b);
	secret_free(s);
}

static void
a_body_can_be_empty_or_impossible(void **state)
{
	struct cli_body b;
	struct slice text;

	(void)state;
	cli_body_init(&b);
	cli_body_members(&b, json_object());
	assert_int_equal(cli_body_end(&b, &text), 0);
	assert_true(slice_eq(text, SLICE("{}")));
	cli_body_release(&b);
	cli_body_init(&b);
	/* What is no UTF-8 makes no object. */
	cli_body_members(&b, json_pack("{s:s}", "name", "\xff"));
	assert_int_not_equal(cli_body_end(&b, &text), 0);
	cli_body_release(&b);
}

static void
statuses_have_their_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(cli_exit_of_status(200), CLI_OK);
	assert_int_equal(cli_exit_of_status(302), CLI_OK);
	assert_int_equal(cli_exit_of_status(401), CLI_REFUSED);
	assert_int_equal(cli_exit_of_status(403), CLI_REFUSED);
	assert_int_equal(cli_exit_of_status(404), CLI_NOT_FOUND);
	assert_int_equal(cli_exit_of_status(409), CLI_FAILED);
	assert_int_equal(cli_exit_of_status(500), CLI_FAILED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(columns_are_as_wide_as_their_widest_cell),
		TEST(characters_count_not_bytes),
		TEST(nothing_reaches_the_terminal_that_it_obeys),
		TEST(a_text_in_pieces_keeps_its_lines_and_no_command),
		TEST(values_become_a_few_words),
		TEST(a_body_holds_members_and_secrets),
		TEST(a_body_can_be_empty_or_impossible),
		TEST(statuses_have_their_exit_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
