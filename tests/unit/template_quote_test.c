/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text written as a template: it says the same text again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/template_world.h"

static void
quoted_is(const char *text, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(template_quote(&b, slice_str(text)), 0);
	if (want)
		assert_string_equal(buf_cstr(&b), want);
	assert_string_equal(
		world_expand(buf_cstr(&b), TEMPLATE_IN_TEXT, "{\"input\":1}"),
		text);
	buf_release(&b);
}

static void
only_what_could_be_a_variable_is_written_twice(void **state)
{
	(void)state;
	quoted_is("plain", "plain");
	quoted_is("@input.x", "@@input.x");
	quoted_is("@{input.x}", "@@{input.x}");
	quoted_is("{{input.x}}", "{{{{input.x}}");
	quoted_is("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
	quoted_is("ada@example.com", "ada@example.com");
	quoted_is("ada@{input}", "ada@@{input}");
	quoted_is("ada@", "ada@@");
	quoted_is("a@@b", "a@@@@b");
	quoted_is("{{{x", "{{{{{x");
}

/* Every text of up to six of these characters. */
static void
any_text_comes_back(void **state)
{
	static const char letters[] = "@{}ai";
	char text[8];
	size_t n, i, k, total = 1;

	(void)state;
	for (n = 1; n <= 6; n++) {
		total *= 5;
		for (i = 0; i < total; i++) {
			size_t rest = i;

			for (k = 0; k < n; k++, rest /= 5)
				text[k] = letters[rest % 5];
			text[n] = '\0';
			quoted_is(text, NULL);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			only_what_could_be_a_variable_is_written_twice),
		cmocka_unit_test(any_text_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
