/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings, instants as text, identifiers: one spelling out, and nothing
 * but that spelling in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base.h"

/* ---- hex and base64 ---- */

static void
hex_goes_both_ways(void **state)
{
	static const char *const bad[] = { "0", "0g", "g0", " 00", "0x" };
	unsigned char bytes[4];
	char text[CODEC_HEX_SIZE(4)];
	size_t len, i;

	(void)state;
	codec_hex("\x00\x7f\x80\xff", 4, text);
	assert_string_equal(text, "007f80ff");
	assert_int_equal(codec_hex_decode(SLICE("007F80fF"), bytes, 4, &len),
			 0);
	assert_int_equal(len, 4);
	assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
	assert_int_equal(codec_hex_decode(SLICE("0011223344"), bytes, 4, &len),
			 ERR_TOO_LARGE);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		len = 9;
		assert_int_equal(
			codec_hex_decode(slice_str(bad[i]), bytes, 4, &len),
			ERR_INVALID);
		assert_int_equal(len, 0);
	}
}

/* The vectors of RFC 4648, section 10. */
static const char *const vectors[][3] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
};

static void
base64_goes_both_ways(void **state)
{
	char text[CODEC_BASE64_SIZE(6)], bytes[6];
	size_t i, n, len;

	(void)state;
	for (i = 0; i < ARRAY_LEN(vectors); i++) {
		n = strlen(vectors[i][0]);
		codec_base64(vectors[i][0], n, text);
		assert_string_equal(text, vectors[i][1]);
		assert_int_equal(
			codec_base64_decode(slice_str(text), bytes, 6, &len),
			0);
		assert_int_equal(len, n);
		assert_memory_equal(bytes, vectors[i][0], n);
		codec_base64url(vectors[i][0], n, text);
		assert_string_equal(text, vectors[i][2]);
		assert_int_equal(
			codec_base64url_decode(slice_str(text), bytes, 6, &len),
			0);
		assert_int_equal(len, n);
		assert_memory_equal(bytes, vectors[i][0], n);
	}
}

static void
the_two_alphabets_do_not_mix(void **state)
{
	char text[CODEC_BASE64_SIZE(3)], bytes[6];
	size_t len;

	(void)state;
	codec_base64("\xfb\xff\xbf", 3, text);
	assert_string_equal(text, "+/+/");
	codec_base64url("\xfb\xff\xbf", 3, text);
	assert_string_equal(text, "-_-_");
	assert_int_equal(codec_base64_decode(SLICE("-_-_"), bytes, 6, &len),
			 ERR_INVALID);
	assert_int_equal(codec_base64url_decode(SLICE("+/+/"), bytes, 6, &len),
			 ERR_INVALID);
}

static void
base64_is_strict(void **state)
{
	static const struct slice bad[] = {
		SLICE("Zg"),	SLICE("Zg="),  SLICE("Zg==="),
		SLICE("Z==="),	SLICE("===="), SLICE("Zm9v\n"),
		SLICE("Zm 9"),	SLICE("=Zm9"), SLICE("Zg==Zg=="),
		SLICE("Zh=="), /* stray bits */
		SLICE("Zm9="), /* stray bits */
		SLICE("Zm9\0"),
	};
	static const struct slice bad_url[] = {
		SLICE("Z"),	SLICE("Zg=="), SLICE("Zh"),
		SLICE("Zm9v "), SLICE("Zm8="), SLICE("Zm\0v"),
	};
	char bytes[16];
	size_t len, i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (codec_base64_decode(bad[i], bytes, 16, &len) != ERR_INVALID)
			fail_msg("%.*s was taken", SLICE_ARG(bad[i]));
	for (i = 0; i < ARRAY_LEN(bad_url); i++)
		if (codec_base64url_decode(bad_url[i], bytes, 16, &len) !=
		    ERR_INVALID)
			fail_msg("%.*s was taken", SLICE_ARG(bad_url[i]));
	assert_int_equal(codec_base64_decode(SLICE("Zm9v"), bytes, 2, &len),
			 ERR_TOO_LARGE);
	assert_int_equal(codec_base64_decode(SLICE("Zm9v"), bytes, 3, &len), 0);
}

/* ---- escapes ---- */

static void
escapes(int (*codec)(struct buf *, struct slice), struct slice in,
	const char *out)
{
	struct buf b;

	buf_init(&b, 1000);
	assert_int_equal(codec(&b, in), 0);
	assert_string_equal(buf_cstr(&b), out);
	buf_release(&b);
	/* One byte short: the error of the buffer comes back. */
	buf_init(&b, strlen(out) - 1);
	assert_int_equal(codec(&b, in), ERR_TOO_LARGE);
	buf_release(&b);
}

static void
text_is_escaped_for_where_it_goes(void **state)
{
	(void)state;
	escapes(codec_percent, SLICE("aZ09-._~"), "aZ09-._~");
	escapes(codec_percent, SLICE("a b+c/%\0\xc3\xb6"),
		"a%20b%2Bc%2F%25%00%C3%B6");
	escapes(codec_form, SLICE("a b+c&d=e"), "a+b%2Bc%26d%3De");
	escapes(codec_json, SLICE("a\"b\\c/\n\r\t\b\0\x1f\x7f\xc3\xb6"),
		"a\\\"b\\\\c/\\n\\r\\t\\u0008\\u0000\\u001f\\u007f\xc3\xb6");
	escapes(codec_json_bytes, SLICE("\xc3\"\n\xff\xc3\xb6\xe2\x82"),
		"\xef\xbf\xbd\\\"\\n\xef\xbf\xbd\xc3\xb6"
		"\xef\xbf\xbd\xef\xbf\xbd");
	escapes(codec_html, SLICE("<a href=\"x\">'&amp;"),
		"&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;");
}

static void
percent_escapes_are_undone(void **state)
{
	static const char *const bad[] = { "%",	  "a%2", "%2",
					   "%g0", "%0g", "%%20" };
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(codec_percent_decode(&b, SLICE("a%20b+%2B%2f"), false),
			 0);
	assert_string_equal(buf_cstr(&b), "a b++/");
	buf_reset(&b);
	assert_int_equal(codec_percent_decode(&b, SLICE("a+b%2B"), true), 0);
	assert_string_equal(buf_cstr(&b), "a b+");
	/* Once, not twice. */
	buf_reset(&b);
	assert_int_equal(codec_percent_decode(&b, SLICE("%2541"), false), 0);
	assert_string_equal(buf_cstr(&b), "%41");
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (codec_percent_decode(&b, slice_str(bad[i]), false) !=
		    ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
	/* Digits behind the end are somebody else's. */
	assert_int_equal(
		codec_percent_decode(&b, slice_head(SLICE("a%20"), 3), false),
		ERR_INVALID);
	buf_release(&b);
}

/* ---- instants ---- */

static void
instants_are_written_in_one_form(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	clock_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	clock_format(1767323045678, text);
	assert_string_equal(text, "2026-01-02T03:04:05.678Z");
	clock_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void
instants_are_read_with_any_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "2026-01-02T03:04:05.678Z", 1767323045678 },
		{ "2026-01-02t03:04:05.678z", 1767323045678 },
		{ "2026-01-02 03:04:05.6789999Z", 1767323045678 },
		{ "2026-01-02T04:34:05.678+01:30", 1767323045678 },
		{ "2026-01-01T23:04:05.678-04:00", 1767323045678 },
		{ "2026-01-02T03:04:05Z", 1767323045000 },
		{ "2026-01-02T03:04:05.6Z", 1767323045600 },
		{ "2024-02-29T00:00:00Z", 1709164800000 },
		{ "1969-12-31T23:59:59.999Z", -1 },
		/* A leap second is the first of the next minute. */
		{ "2016-12-31T23:59:60Z", 1483228800000 },
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		if (clock_parse(slice_str(cases[i].text), &ms))
			fail_msg("%s was refused", cases[i].text);
		assert_true(ms == cases[i].ms);
	}
}

static void
what_is_no_instant_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04Z",
		"2026-1-02T03:04:05Z",
		"26-01-02T03:04:05Z",
		"2026-00-02T03:04:05Z",
		"2026-13-02T03:04:05Z",
		"2026-01-00T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"2026-02-31T03:04:05Z",
		"2026-02-31T23:59:60Z",
		"2025-02-29T03:04:05Z",
		"2026-01-02T24:00:00Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:61Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05,6Z",
		"2026-01-02T03:04:05+24:00",
		"2026-01-02T03:04:05+01:60",
		"2026-01-02T03:04:05+0100",
		"2026-01-02T03:04:05ZZ",
		" 2026-01-02T03:04:05Z",
		"+026-01-02T03:04:05Z",
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		ms = 1;
		if (clock_parse(slice_str(bad[i]), &ms) != ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
		assert_true(ms == 0);
	}
}

static void
the_monotonic_clock_does_not_go_back(void **state)
{
	uint64_t ms = clock_mono_ms(), us = clock_mono_us(), later;
	int i;

	(void)state;
	assert_in_range(us / 1000, ms, ms + 1000);
	for (i = 0; i < 1000; i++, us = later) {
		later = clock_mono_us();
		assert_true(later >= us);
	}
	/* The wall clock is in milliseconds: after 2020, before 2200. */
	assert_in_range(clock_wall_ms(), 1577836800000, 7258118400000);
}

/* ---- identifiers and tokens ---- */

static void
identifiers_sort_by_time(void **state)
{
	char early[RANDOM_ID_SIZE], late[RANDOM_ID_SIZE], now[RANDOM_ID_SIZE];

	(void)state;
	random_id_at(1767323045678, early);
	random_id_at(1767323045679, late);
	assert_true(strcmp(early, late) < 0);
	random_id_at(-5, early);
	assert_string_equal(early, "00000000000000000000000000");
	random_id_at(clock_wall_ms(), early);
	random_id(now);
	random_id_at(clock_wall_ms() + 1, late);
	assert_true(strcmp(early, now) <= 0);
	assert_true(strcmp(now, late) < 0);
	assert_int_equal(strlen(now), 26);
	assert_int_equal(strspn(now, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
}

static void
the_next_identifier_is_one_greater(void **state)
{
	char id[RANDOM_ID_SIZE] = "01kdyk5n5e000000000000009z";

	(void)state;
	random_id_next(id);
	assert_string_equal(id, "01kdyk5n5e00000000000000a0");
	random_id_next(id);
	assert_string_equal(id, "01kdyk5n5e00000000000000a1");
	memset(id + 10, 'z', 16);
	random_id_next(id);
	assert_string_equal(id, "01kdyk5n5f0000000000000000");
}

static void
tokens_are_256_bits_and_never_the_same(void **state)
{
	char a[RANDOM_TOKEN_SIZE], b[RANDOM_TOKEN_SIZE];
	unsigned char bytes[32], ones = 0, zeros = 0;
	size_t len;
	int i;

	(void)state;
	random_token(a);
	random_token(b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 43);
	assert_int_equal(codec_base64url_decode(slice_str(a), bytes, 32, &len),
			 0);
	assert_int_equal(len, 32);
	/* Each bit is seen as one and as zero in 64 draws (but for 2^-60). */
	for (i = 0; i < 64; i++) {
		random_bytes(bytes, 1);
		ones |= bytes[0];
		zeros |= (unsigned char)~bytes[0];
	}
	assert_int_equal(ones & zeros, 0xff);
	assert_true(random_u64() != random_u64());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(base64_goes_both_ways),
		cmocka_unit_test(the_two_alphabets_do_not_mix),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(text_is_escaped_for_where_it_goes),
		cmocka_unit_test(percent_escapes_are_undone),
		cmocka_unit_test(instants_are_written_in_one_form),
		cmocka_unit_test(instants_are_read_with_any_offset),
		cmocka_unit_test(what_is_no_instant_is_refused),
		cmocka_unit_test(the_monotonic_clock_does_not_go_back),
		cmocka_unit_test(identifiers_sort_by_time),
		cmocka_unit_test(the_next_identifier_is_one_greater),
		cmocka_unit_test(tokens_are_256_bits_and_never_the_same),
	};

	return cmocka_run_group_tests_name("base codec", tests, NULL, NULL);
}
