/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: what a command line says, and what is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/cli_priv.h"

static const struct cli_option options[] = {
	{ "role", CLI_VALUE, "ROLE", "what it may do" },
	{ "credential", CLI_LIST, "NAME=@FILE", "a secret from a file" },
	{ "force", CLI_FLAG, NULL, "in any case" },
	{ "header", CLI_LIST, "FIELD", "a header field", 'H' },
	{ NULL },
};

static struct cli_args args;
static char why[256];

#define PARSE(...) parse((const char *[]){ __VA_ARGS__, NULL })

static int
parse(const char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return cli_args_parse(options, argc, argv, &args, why, sizeof(why));
}

static void
options_and_words_come_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(PARSE("one", "--role", "admin", "two", "--force"), 0);
	assert_int_equal(args.word_count, 2);
	assert_string_equal(args.words[0], "one");
	assert_string_equal(args.words[1], "two");
	assert_string_equal(cli_value(&args, "role"), "admin");
	assert_true(cli_flag(&args, "force"));
	assert_false(cli_flag(&args, "json"));
}

static void
a_value_stands_behind_or_after_its_option(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--role=a=b", "--json"), 0);
	assert_string_equal(cli_value(&args, "role"), "a=b");
	assert_int_equal(PARSE("--role="), 0);
	assert_string_equal(cli_value(&args, "role"), "");
	assert_int_equal(PARSE("-HA: b", "-H", "C: d"), 0);
	assert_string_equal(cli_value(&args, "header"), "C: d");
}

static void
what_looks_like_an_option_can_be_a_value(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--role", "--force"), 0);
	assert_string_equal(cli_value(&args, "role"), "--force");
	assert_false(cli_flag(&args, "force"));
}

static void
two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--", "--force", "-x", "-"), 0);
	assert_int_equal(args.word_count, 3);
	assert_false(cli_flag(&args, "force"));
	assert_int_equal(PARSE("-"), 0);
	assert_string_equal(args.words[0], "-");
}

static void
of_a_value_the_last_counts_of_a_list_all(void **state)
{
	size_t cursor = 0;

	(void)state;
	assert_int_equal(PARSE("--role", "a", "--credential", "x=@1", "--role",
			       "b", "--credential=y=@2"),
			 0);
	assert_string_equal(cli_value(&args, "role"), "b");
	assert_string_equal(cli_next(&args, "credential", &cursor), "x=@1");
	assert_string_equal(cli_next(&args, "credential", &cursor), "y=@2");
	assert_null(cli_next(&args, "credential", &cursor));
}

static void
unknown_options_are_refused_with_a_likely_one(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--rolle", "admin"), ERR_INVALID);
	assert_non_null(strstr(why, "--rolle"));
	assert_non_null(strstr(why, "is it --role?"));
	assert_int_equal(PARSE("-z"), ERR_INVALID);
	assert_int_equal(PARSE("--"), 0);
}

static void
a_missing_or_needless_value_is_refused(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--role"), ERR_INVALID);
	assert_non_null(strstr(why, "ROLE"));
	assert_int_equal(PARSE("--force=yes"), ERR_INVALID);
	assert_int_equal(PARSE("-H"), ERR_INVALID);
}

static void
a_problem_never_repeats_a_value(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--password=hunter2hunter2"), ERR_INVALID);
	assert_null(strstr(why, "hunter2"));
	assert_int_equal(PARSE("--force=hunter2hunter2"), ERR_INVALID);
	assert_null(strstr(why, "hunter2"));
}

static void
too_much_is_refused_and_not_written_over(void **state)
{
	static const char *many[CLI_GIVEN_MAX + 2];
	size_t i;

	(void)state;
	for (i = 0; i < CLI_GIVEN_MAX + 1; i++)
		many[i] = "--force";
	assert_int_equal(parse(many), ERR_INVALID);
	for (i = 0; i < CLI_GIVEN_MAX + 1; i++)
		many[i] = "word";
	assert_int_equal(parse(many), ERR_INVALID);
}

static void
pairs_have_a_name_and_a_value(void **state)
{
	char name[8];

	(void)state;
	assert_string_equal(cli_pair("a=b=c", name, sizeof(name)), "b=c");
	assert_string_equal(name, "a");
	assert_string_equal(cli_pair("a=", name, sizeof(name)), "");
	assert_null(cli_pair("=b", name, sizeof(name)));
	assert_null(cli_pair("ab", name, sizeof(name)));
	assert_null(cli_pair("longername=b", name, sizeof(name)));
}

static void
help_names_every_option(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	cli_options_help(&out, options);
	assert_string_equal(
		buf_cstr(&out),
		"  --role ROLE               what it may do\n"
		"  --credential NAME=@FILE   a secret from a file; "
		"repeatable\n"
		"  --force                   in any case\n"
		"  -H --header FIELD         a header field; repeatable\n");
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_come_in_any_order),
		cmocka_unit_test(a_value_stands_behind_or_after_its_option),
		cmocka_unit_test(what_looks_like_an_option_can_be_a_value),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(of_a_value_the_last_counts_of_a_list_all),
		cmocka_unit_test(unknown_options_are_refused_with_a_likely_one),
		cmocka_unit_test(a_missing_or_needless_value_is_refused),
		cmocka_unit_test(a_problem_never_repeats_a_value),
		cmocka_unit_test(too_much_is_refused_and_not_written_over),
		cmocka_unit_test(pairs_have_a_name_and_a_value),
		cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
