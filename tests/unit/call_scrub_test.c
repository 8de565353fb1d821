/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call/scrub: what a service echoes of a secret does not come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "call/scrub.h"

static struct call_scrub *
scrub_for(const char *const *texts, size_t count)
{
	struct secret *secrets[8] = { NULL };
	struct call_scrub *s;
	size_t i;

	for (i = 0; i < count; i++)
		secrets[i] = secret_from(texts[i], strlen(texts[i]));
	assert_int_equal(call_scrub_new(secrets, count, &s), 0);
	for (i = 0; i < count; i++)
		secret_free(secrets[i]);
	return s;
}

static struct call_scrub *
scrub_one(const char *text)
{
	return scrub_for(&text, 1);
}

static void
assert_masked(struct call_scrub *s, const char *text, const char *wanted)
{
	char *copy = strdup(text);

	assert_int_equal(call_scrub_mask(s, copy, strlen(copy), true),
			 strlen(copy));
	assert_string_equal(copy, wanted);
	free(copy);
}

static void
the_secret_itself_becomes_stars(void **state)
{
	struct call_scrub *s = scrub_one("hunter2!");

	(void)state;
	assert_masked(s, "{\"you\":\"hunter2!\"}", "{\"you\":\"********\"}");
	assert_masked(s, "hunter2!hunter2!", "****************");
	assert_int_equal(call_scrub_found(s), 3);
	assert_masked(s, "hunter2", "hunter2");
	assert_masked(s, "", "");
	call_scrub_free(s);
}

static void
short_secrets_are_left_alone(void **state)
{
	struct call_scrub *s = scrub_one("admin");

	(void)state;
	assert_masked(s, "admin", "admin");
	call_scrub_free(s);
}

static void
escaped_spellings_are_found(void **state)
{
	struct call_scrub *s = scrub_one("a/b+c d&\"<'");

	(void)state;
	assert_masked(s, "x=a%2Fb%2Bc%20d%26%22%3C%27;",
		      "x=*************************;");
	assert_masked(s, "x=a%2fb%2bc%20d%26%22%3c%27;",
		      "x=*************************;");
	assert_masked(s, "x=a%2Fb%2Bc+d%26%22%3C%27;",
		      "x=***********************;");
	assert_masked(s, "\"a/b+c d&\\\"<'\"", "\"************\"");
	assert_masked(s, "\"a\\/b+c d&\\\"<'\"", "\"*************\"");
	assert_masked(s, "\"a/b+c d\\u0026\\\"\\u003c\\u0027\"",
		      "\"***************************\"");
	call_scrub_free(s);
}

/* Each base64 character that holds bits of the secret alone is masked. */
static void
base64_is_found_at_every_alignment(void **state)
{
	static const char secret[] = "correct horse/battery+staple?~>";
	struct call_scrub *s = scrub_one(secret);
	char plain[128], text[256], got[256];
	size_t before, after, i, n;

	(void)state;
	for (before = 0; before < 7; before++) {
		for (after = 0; after < 4; after++) {
			n = (size_t)snprintf(plain, sizeof(plain), "%.*s%s%.*s",
					     (int)before, "user@x:", secret,
					     (int)after, "tail");
			codec_base64(plain, n, text);
			memcpy(got, text, strlen(text) + 1);
			call_scrub_mask(s, got, strlen(got), true);
			for (i = (before * 8 + 5) / 6;
			     i < (before + strlen(secret)) * 8 / 6; i++)
				assert_int_equal(got[i], '*');
			for (i = 0; i < before * 8 / 6; i++)
				assert_int_equal(got[i], text[i]);
		}
	}
	codec_base64url(secret, strlen(secret), text);
	call_scrub_mask(s, text, strlen(text), true);
	assert_memory_equal(text, "****************************************",
			    40);
	call_scrub_free(s);
}

/* Through a window, cut at every place, the result is the same. */
static void
borders_of_pieces_hide_nothing(void **state)
{
	static const char *const secrets[] = { "abcdefgh", "efghijklmn",
					       "ghabcd" };
	static const char text[] = "xxabcdefghabcdefghijklmnyyabcdefgabcdefgh";
	struct call_scrub *s = scrub_for(secrets, 3);
	char whole[64], out[64], window[64];
	size_t piece, at, out_len, held, n;

	(void)state;
	memcpy(whole, text, sizeof(text));
	call_scrub_mask(s, whole, strlen(whole), true);
	assert_string_equal(whole, "xx**********************yyabcdefg********");
	for (piece = 1; piece < sizeof(text); piece++) {
		out_len = held = 0;
		for (at = 0; at < strlen(text); at += n) {
			bool last;

			n = strlen(text) - at;
			if (n > piece)
				n = piece;
			memcpy(window + held, text + at, n);
			held += n;
			last = at + n == strlen(text);
			size_t done = call_scrub_mask(s, window, held, last);

			memcpy(out + out_len, window, done);
			out_len += done;
			memmove(window, window + done, held - done);
			held -= done;
			assert_true(held < call_scrub_longest(s));
		}
		out[out_len] = 0;
		assert_string_equal(out, whole);
	}
	call_scrub_free(s);
}

static void
without_secrets_nothing_changes(void **state)
{
	struct call_scrub *s = scrub_for(NULL, 0);

	(void)state;
	assert_masked(s, "anything at all", "anything at all");
	assert_int_equal(call_scrub_longest(s), 0);
	call_scrub_free(s);
	call_scrub_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_secret_itself_becomes_stars),
		cmocka_unit_test(short_secrets_are_left_alone),
		cmocka_unit_test(escaped_spellings_are_found),
		cmocka_unit_test(base64_is_found_at_every_alignment),
		cmocka_unit_test(borders_of_pieces_hide_nothing),
		cmocka_unit_test(without_secrets_nothing_changes),
	};

	return cmocka_run_group_tests_name("call scrub", tests, NULL, NULL);
}
