/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that a provider repeats in its words, whole, encoded or cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "method/method.h"

#define MASK "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2"

static const char token[] = "1000.8cb9/3e+1f0a7b2c4d5e6f";

static const char *
redacted(const char *words, const char *secret)
{
	static char text[256];
	struct secret *s = secret_from(secret, strlen(secret));

	assert_non_null(s);
	snprintf(text, sizeof(text), "%s", words);
	method_words_redact(text, sizeof(text), s);
	secret_free(s);
	return text;
}

static void
what_is_repeated_is_taken_out_wherever_it_stands(void **state)
{
	static const struct {
		const char *words, *left;
	} cases[] = {
		{ "invalid_code", "invalid_code" },
		{ "1000.8cb9/3e+1f0a7b2c4d5e6f", MASK },
		{ "the code 1000.8cb9/3e+1f0a7b2c4d5e6f is used",
		  "the code " MASK " is used" },
		{ "1000.8cb9/3e+1f0a7b2c4d5e6f1000.8cb9/3e+1f0a7b2c4d5e6f",
		  MASK MASK },
		{ "code=1000.8cb9%2F3e%2B1f0a7b2c4d5e6f&x=1",
		  "code=" MASK "&x=1" },
		/* cut by the provider */
		{ "code 1000.8cb9/3e+1f0... is used",
		  "code " MASK "... is used" },
		/* cut at our end of the text */
		{ "code 1000.8cb", "code " MASK },
		/* nothing of it */
		{ "error 1000 at 1000.8c of them", "error 1000 at 1000.8c of "
						   "them" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(redacted(cases[i].words, token),
				    cases[i].left);
}

static void
short_secret_and_none_change_nothing(void **state)
{
	char text[32] = "the word is in a sentence";

	(void)state;
	assert_string_equal(redacted("the word is in a sentence", "word"),
			    "the word is in a sentence");
	method_words_redact(text, sizeof(text), NULL);
	assert_string_equal(text, "the word is in a sentence");
}

/* The mask is longer than a tail that it replaces. */
static void
full_text_stays_within_its_room(void **state)
{
	struct secret *s = secret_from(token, strlen(token));
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%s", "xxxxxxxxxxxxxxxxxxxxxxxxx1000.8");
	assert_int_equal(strlen(text), sizeof(text) - 1);
	method_words_redact(text, sizeof(text), s);
	assert_int_equal(strlen(text), 31);
	assert_null(strstr(text, "1000"));
	snprintf(text, sizeof(text), "%s", "xxxxxxxxxxxxxxxxxxxxxxxx1000.8c");
	method_words_redact(text, sizeof(text), s);
	assert_true(slice_is_utf8(slice_str(text)));
	secret_free(s);
}

/*
 * A mask in the middle pushes the rest out, and what is not whole of a
 * character at the end goes: either may leave a secret's beginning there.
 */
static void
no_beginning_is_left_at_a_new_end(void **state)
{
	struct secret *s = secret_from("sk_livek", 8);
	char text[32] = "a sk_livek sk_live\xe2";

	(void)state;
	method_words_redact(text, sizeof(text), s);
	assert_string_equal(text, "a " MASK " ");
	slice_copy(SLICE("a sk_livek sk_liveZ"), text, 20);
	method_words_redact(text, 20, s);
	assert_string_equal(text, "a " MASK " ");
	slice_copy(SLICE("a sk_livek sk_liveZ"), text, 20);
	method_words_redact(text, sizeof(text), s);
	assert_string_equal(text, "a " MASK " sk_liveZ");
	secret_free(s);
}

static void
both_of_an_answers_words(void **state)
{
	struct method_answer *a = calloc(1, sizeof(*a));
	struct secret *s = secret_from(token, strlen(token));

	(void)state;
	snprintf(a->error, sizeof(a->error), "no %s", token);
	snprintf(a->description, sizeof(a->description), "%s!", token);
	method_answer_redact(a, s);
	assert_string_equal(a->error, "no " MASK);
	assert_string_equal(a->description, MASK "!");
	secret_free(s);
	free(a);
}

#define TEST(name) cmocka_unit_test(name)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_repeated_is_taken_out_wherever_it_stands),
		TEST(short_secret_and_none_change_nothing),
		TEST(full_text_stays_within_its_room),
		TEST(no_beginning_is_left_at_a_new_end),
		TEST(both_of_an_answers_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
