/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices, numbers, buffers, arenas, tables and the list of errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base.h"

#define assert_slice(s, lit) assert_true(slice_eq(s, SLICE(lit)))

/* ---- slices ---- */

static void
slices_are_compared_with_and_without_case(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE_NONE, SLICE("")));
	assert_false(slice_eq(SLICE("a"), SLICE("A")));
	assert_true(
		slice_eq_nocase(SLICE("Content-Type"), SLICE("cONTENT-tYPE")));
	/* Only letters fold: '@' and '`' are one bit apart as 'A' and 'a'. */
	assert_false(slice_eq_nocase(SLICE("@"), SLICE("`")));
	assert_false(slice_eq_nocase(SLICE("\xc4"), SLICE("\xe4")));
	assert_true(slice_starts(SLICE("bearer x"), SLICE("bearer ")));
	assert_false(slice_starts(SLICE("be"), SLICE("bearer ")));
	assert_true(slice_starts_nocase(SLICE("BEARER x"), SLICE("bearer ")));
	assert_true(slice_ends(SLICE("a.json"), SLICE(".json")));
	assert_false(slice_ends(SLICE("json"), SLICE(".json")));
	assert_true(slice_ends(SLICE("x"), SLICE("")));
}

static void
cutting_stays_inside(void **state)
{
	struct slice s = SLICE("abc");

	(void)state;
	assert_slice(slice_from(s, 1), "bc");
	assert_slice(slice_from(s, 9), "");
	assert_slice(slice_head(s, 2), "ab");
	assert_slice(slice_head(s, 9), "abc");
	assert_int_equal(slice_from(SLICE_NONE, 3).len, 0);
	assert_int_equal(slice_find(s, 'c'), 2);
	assert_int_equal(slice_find(s, 'x'), 3);
	assert_int_equal(slice_find(SLICE_NONE, 'x'), 0);
	assert_slice(slice_trim(SLICE(" \t a b \t")), "a b");
	assert_slice(slice_trim(SLICE("\t ")), "");
	assert_slice(slice_trim(SLICE("\na")), "\na");
}

static void
tokens_come_off_the_front(void **state)
{
	struct slice rest = SLICE("a,,b,"), token;

	(void)state;
	assert_true(slice_next(&rest, ',', &token));
	assert_slice(token, "a");
	assert_true(slice_next(&rest, ',', &token));
	assert_slice(token, "");
	assert_true(slice_next(&rest, ',', &token));
	assert_slice(token, "b");
	assert_false(slice_next(&rest, ',', &token));
}

static void
numbers_are_digits_only_and_bounded(void **state)
{
	static const char *const bad[] = { "",	 "+1", "-1",  " 1",
					   "1 ", "1a", "0x1", "1.0" };
	char text[SLICE_U64_SIZE];
	uint64_t n = 7;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(slice_to_u64(slice_str(bad[i]), 99, &n),
				 ERR_INVALID);
	assert_int_equal(slice_to_u64(SLICE("0\0"), 99, &n), ERR_INVALID);
	assert_int_equal(slice_to_u64(SLICE("99"), 99, &n), 0);
	assert_int_equal(n, 99);
	assert_int_equal(slice_to_u64(SLICE("100"), 99, &n), ERR_TOO_LARGE);
	assert_int_equal(n, 0);
	assert_int_equal(
		slice_to_u64(SLICE("18446744073709551615"), UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_slice(slice_u64(n, text), "18446744073709551615");
	assert_slice(slice_u64(0, text), "0");
	assert_int_equal(
		slice_to_u64(SLICE("18446744073709551616"), UINT64_MAX, &n),
		ERR_TOO_LARGE);
	assert_int_equal(
		slice_to_u64(SLICE("99999999999999999999"), UINT64_MAX, &n),
		ERR_TOO_LARGE);
}

static void
copies_end_with_nul(void **state)
{
	char small[4], *copy = slice_dup(SLICE("abc"));

	(void)state;
	assert_string_equal(copy, "abc");
	free(copy);
	copy = slice_dup(SLICE_NONE);
	assert_string_equal(copy, "");
	free(copy);
	assert_int_equal(slice_copy(SLICE("abc"), small, sizeof(small)), 0);
	assert_string_equal(small, "abc");
	assert_int_equal(slice_copy(SLICE("abcd"), small, sizeof(small)),
			 ERR_TOO_LARGE);
	assert_string_equal(small, "");
}

static void
control_bytes_are_seen(void **state)
{
	(void)state;
	assert_false(slice_has_control(SLICE("a b~\x80\xff")));
	assert_true(slice_has_control(SLICE("a\0b")));
	assert_true(slice_has_control(SLICE("a\x1f")));
	assert_true(slice_has_control(SLICE("\x7f")));
}

static void
a_distance_counts_changed_letters(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "input", "input", 0 },
		{ "inptu", "input", 2 },
		{ "input", "inputs", 1 },
		{ "kitten", "sitting", 3 },
	};
	char long_name[62];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(slice_distance(slice_str(rows[i].a),
						slice_str(rows[i].b)),
				 rows[i].distance);
		assert_int_equal(slice_distance(slice_str(rows[i].b),
						slice_str(rows[i].a)),
				 rows[i].distance);
	}
	memset(long_name, 'a', sizeof(long_name));
	assert_int_equal(slice_distance(slice_of(long_name, 60), SLICE("a")),
			 59);
	assert_int_equal(slice_distance(slice_of(long_name, 61), SLICE("a")),
			 SLICE_DISTANCE_NONE);
}

static void
only_well_formed_utf8_is_utf8(void **state)
{
	static const char *const good[] = { "",
					    "a",
					    "\xc2\x80",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xed\x9f\xbf",
					    "\xee\x80\x80",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = {
		"\x80",		    /* a tail alone */
		"\xc3",		    /* cut */
		"\xc3(",	    /* no tail */
		"\xc0\xaf",	    /* '/' spelled long */
		"\xe0\x9f\xbf",	    /* long */
		"\xf0\x8f\xbf\xbf", /* long */
		"\xed\xa0\x80",	    /* a surrogate */
		"\xf4\x90\x80\x80", /* beyond U+10FFFF */
		"\xf8\x88\x80\x80\x80",
		"\xff",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++)
		if (!slice_is_utf8(slice_str(good[i])))
			fail_msg("good %zu was refused", i);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (slice_is_utf8(slice_str(bad[i])))
			fail_msg("bad %zu was taken", i);
}

static void
what_is_cut_is_mended_at_whole_characters(void **state)
{
	static const char *const cases[][2] = {
		{ "abc", "abc" },
		{ "a\xc3\xb6", "a\xc3\xb6" },
		{ "a\xc3", "a" },
		{ "a\xe2\x82", "a" },
		{ "a\xf0\x9f\x98", "a" },
		{ "a\xf0\x9f\x98\x80", "a\xf0\x9f\x98\x80" },
		{ "", "" },
		{ "\"a\xc3\" it says", "\"a\" it says" },
		{ "\xe2\x82(\xf0\x9f\x98)\xc3\xb6.", "()\xc3\xb6." },
		{ "\x80\x80", "" },
		{ "a\xff\xed\xa0\x80z", "az" },
	};
	char text[32];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i][0]);
		slice_mend_utf8(text);
		assert_string_equal(text, cases[i][1]);
	}
}

/* ---- buffers ---- */

static void
a_buffer_grows_to_its_limit_and_no_further(void **state)
{
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 1000);
	for (i = 0; i < 100; i++)
		assert_int_equal(buf_printf(&b, "%010d", i), 0);
	assert_int_equal(b.len, 1000);
	assert_int_equal(strlen(buf_cstr(&b)), 1000);
	assert_memory_equal(b.data + 990, "0000000099", 10);
	assert_int_equal(buf_putc(&b, 'x'), ERR_TOO_LARGE);
	assert_int_equal(b.len, 1000);
	buf_release(&b);
	/* The limit stays. */
	assert_int_equal(buf_reserve(&b, 1001), ERR_TOO_LARGE);
	buf_release(&b);
}

static void
a_buffers_error_sticks_until_reset(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(buf_puts(&b, "abc"), 0);
	assert_int_equal(buf_puts(&b, "de"), ERR_TOO_LARGE);
	/* There would be room for this one. */
	assert_int_equal(buf_putc(&b, 'd'), ERR_TOO_LARGE);
	assert_int_equal(buf_put(&b, "", 0), ERR_TOO_LARGE);
	assert_int_equal(buf_printf(&b, "d"), ERR_TOO_LARGE);
	assert_int_equal(buf_err(&b), ERR_TOO_LARGE);
	assert_null(buf_cstr(&b));
	assert_null(buf_detach(&b));
	assert_slice(buf_slice(&b), "abc");
	buf_reset(&b);
	assert_int_equal(buf_puts(&b, "defg"), 0);
	assert_string_equal(buf_cstr(&b), "defg");
	assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_TOO_LARGE);
	buf_release(&b);
}

static void
a_buffer_is_taken_from_and_given_away(void **state)
{
	struct buf b;
	char *text;

	(void)state;
	buf_init(&b, 64);
	buf_puts(&b, "first second");
	buf_consume(&b, 6);
	assert_slice(buf_slice(&b), "second");
	buf_put_slice(&b, SLICE("\0third"));
	assert_int_equal(b.len, 12);
	text = buf_detach(&b);
	assert_memory_equal(text, "second\0third", 13);
	free(text);
	assert_int_equal(b.len, 0);
	text = buf_detach(&b);
	assert_string_equal(text, "");
	free(text);
	buf_release(&b);
}

/* ---- arenas ---- */

static void
an_arena_hands_out_zeroed_aligned_memory(void **state)
{
	struct arena *a = arena_new(64 * 1024);
	char *p, *before = NULL;
	size_t i, n;

	(void)state;
	for (n = 1; n < 300; n++) {
		p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_ptr_not_equal(p, before);
		for (i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
		before = p;
	}
	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_string_equal(arena_slice(a, SLICE_NONE), "");
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	arena_free(a);
	arena_free(NULL);
}

static void
an_arena_keeps_to_its_limit(void **state)
{
	struct arena *a = arena_new(8192);

	(void)state;
	assert_null(arena_alloc(a, 8193));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 15));
	assert_non_null(arena_alloc(a, 8000));
	assert_null(arena_printf(a, "%300d", 1));
	assert_non_null(arena_alloc(a, 192));
	assert_null(arena_alloc(a, 1));
	arena_free(a);
}

/* ---- tables ---- */

static void
a_table_sets_replaces_and_removes(void **state)
{
	struct table *t = table_new();
	int one, two;
	void *old = &one;

	(void)state;
	assert_null(table_get(t, SLICE("a")));
	assert_null(table_remove(t, SLICE("a")));
	assert_int_equal(table_set(t, SLICE("a"), &one, &old), 0);
	assert_null(old);
	assert_int_equal(table_set(t, SLICE("a"), &two, &old), 0);
	assert_ptr_equal(old, &one);
	assert_int_equal(table_count(t), 1);
	/* Keys are bytes: NUL and the empty key are keys like others. */
	assert_null(table_get(t, SLICE("a\0")));
	assert_int_equal(table_set(t, SLICE_NONE, &one, NULL), 0);
	assert_ptr_equal(table_get(t, SLICE("")), &one);
	assert_ptr_equal(table_remove(t, SLICE("a")), &two);
	assert_null(table_get(t, SLICE("a")));
	assert_int_equal(table_count(t), 1);
	table_free(t);
	table_free(NULL);
}

enum { MANY = 3000 };

static struct slice
nth_key(int i, char key[16])
{
	return slice_of(key, (size_t)snprintf(key, 16, "key-%d", i));
}

static void
a_table_finds_all_while_it_grows_and_shrinks(void **state)
{
	struct table *t = table_new();
	static int values[MANY];
	char key[16];
	int i, j;

	(void)state;
	for (i = 0; i < MANY; i++)
		table_set(t, nth_key(i, key), &values[i], NULL);
	for (i = 0; i < MANY; i += 3)
		assert_ptr_equal(table_remove(t, nth_key(i, key)), &values[i]);
	assert_int_equal(table_count(t), MANY - MANY / 3);
	for (j = 0; j < MANY; j++)
		assert_ptr_equal(table_get(t, nth_key(j, key)),
				 j % 3 ? &values[j] : NULL);
	table_free(t);
}

static void
a_walk_sees_each_entry_once_even_when_it_removes(void **state)
{
	struct table *t = table_new();
	static int seen[MANY];
	char key[16];
	struct slice at;
	size_t cursor = 0;
	void *value;
	int i;

	(void)state;
	assert_false(table_next(t, &cursor, &at, &value));
	for (i = 0; i < MANY; i++)
		table_set(t, nth_key(i, key), &seen[i], NULL);
	for (cursor = 0; table_next(t, &cursor, &at, &value);) {
		i = (int)((int *)value - seen);
		assert_true(slice_eq(at, nth_key(i, key)));
		seen[i]++;
		if (i % 2)
			table_remove(t, nth_key(i, key));
	}
	for (i = 0; i < MANY; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(table_count(t), MANY / 2);
	table_free(t);
}

/* ---- errors ---- */

static void
every_error_has_its_own_sentence(void **state)
{
	static const int codes[] = {
#define CODE(name, value, text) name,
		ERR_LIST(CODE)
#undef CODE
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(codes); i++) {
		assert_true(codes[i] < 0);
		assert_string_not_equal(err_text(codes[i]), err_text(-9999));
		for (j = 0; j < i; j++) {
			assert_int_not_equal(codes[i], codes[j]);
			assert_string_not_equal(err_text(codes[i]),
						err_text(codes[j]));
		}
	}
	assert_string_equal(err_text(-9999), "unknown error");
	assert_string_equal(err_text(1), "unknown error");
}

static void
the_folder_of_a_path_is_brought_to_disk(void **state)
{
	(void)state;
	assert_int_equal(folder_sync_of("/tmp/any-name"), 0);
	assert_int_equal(folder_sync_of("/tmp/"), 0);
	assert_int_equal(folder_sync_of("a-name-alone"), 0);
	assert_int_equal(folder_sync_of("/no-such-folder-here/x"), ERR_SYSTEM);
	assert_int_equal(folder_sync_of("/etc/passwd/x"), ERR_SYSTEM);
}

/* ---- a wall clock that is set ---- */

static void
a_clock_set_forward_removes_nothing_for_a_day(void **state)
{
	const int64_t hour = 3600 * 1000, year = 365 * 24 * hour;
	struct clock_settled s = { 0 };

	(void)state;
	assert_int_equal(clock_settle(&s, year, hour), year);
	/* slewed, which is believed, then set by a year */
	assert_int_equal(clock_settle(&s, year + hour + 9, 2 * hour),
			 year + hour + 9);
	assert_int_equal(clock_settle(&s, 2 * year, 3 * hour),
			 year + 2 * hour + 9);
	assert_int_equal(clock_settle(&s, 2 * year + 20 * hour, 23 * hour),
			 year + 22 * hour + 9);
	/* it goes back: as if nothing had been */
	assert_int_equal(clock_settle(&s, year + 25 * hour, 26 * hour),
			 year + 25 * hour);
	assert_int_equal(clock_settle(&s, 3 * year, 27 * hour),
			 year + 26 * hour);
	/* or stays so for a day, and was right */
	assert_int_equal(clock_settle(&s, 3 * year + 23 * hour, 50 * hour),
			 year + 49 * hour);
	assert_int_equal(clock_settle(&s, 3 * year + 24 * hour, 51 * hour),
			 3 * year + 24 * hour);
	/* back is believed at once: it makes nothing older */
	assert_int_equal(clock_settle(&s, year, 52 * hour), year);
}

static void
the_day_of_a_clock_set_forward_is_counted_across_processes(void **state)
{
	const int64_t hour = 3600 * 1000, steady = (int64_t)clock_boot_ms();
	struct clock_settled before = {
		.known = true,
		.off_ms = clock_wall_ms() - steady - 2 * hour,
	};
	struct clock_settled now;

	(void)state;
	clock_settled_begin(&before); /* it finds it two hours ahead */
	assert_in_range(clock_wall_ms() - clock_settled_ms(), 2 * hour - 5000,
			2 * hour + 5000);
	clock_settled_get(&now);
	assert_int_equal(now.off_ms, before.off_ms);
	assert_in_range(now.ahead_since_ms, steady, steady + 5000);

	before.ahead_since_ms = steady - 23 * hour;
	clock_settled_begin(&before);
	clock_settled_get(&now);
	assert_int_equal(now.ahead_since_ms, steady - 23 * hour);
	assert_true(clock_wall_ms() - clock_settled_ms() > hour);

	before.ahead_since_ms = steady - 24 * hour;
	clock_settled_begin(&before);
	assert_true(clock_wall_ms() - clock_settled_ms() < 5000);
	clock_settled_get(&now);
	assert_int_equal(now.ahead_since_ms, 0);

	before.ahead_since_ms = steady + 24 * hour; /* cannot be */
	clock_settled_begin(&before);
	clock_settled_get(&now);
	assert_in_range(now.ahead_since_ms, steady, steady + 5000);

	clock_settled_begin(&(struct clock_settled){ 0 });
	assert_true(clock_wall_ms() - clock_settled_ms() < 5000);
}

static void
what_was_to_end_soon_does_not_live_as_long_as_a_clock_was_set_back(void **state)
{
	const int64_t life = 600 * 1000, now = clock_wall_ms();

	(void)state;
	assert_false(clock_is_to_come(now - 1, life));
	assert_true(clock_is_to_come(now + life, life));
	assert_true(clock_is_to_come(now + 2 * life, life));
	assert_false(clock_is_to_come(now + 3 * life, life));
	assert_true(clock_wrong_after_ms(life) >= now + 2 * life);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_folder_of_a_path_is_brought_to_disk),
		cmocka_unit_test(slices_are_compared_with_and_without_case),
		cmocka_unit_test(cutting_stays_inside),
		cmocka_unit_test(tokens_come_off_the_front),
		cmocka_unit_test(numbers_are_digits_only_and_bounded),
		cmocka_unit_test(copies_end_with_nul),
		cmocka_unit_test(control_bytes_are_seen),
		cmocka_unit_test(a_distance_counts_changed_letters),
		cmocka_unit_test(only_well_formed_utf8_is_utf8),
		cmocka_unit_test(what_is_cut_is_mended_at_whole_characters),
		cmocka_unit_test(a_buffer_grows_to_its_limit_and_no_further),
		cmocka_unit_test(a_buffers_error_sticks_until_reset),
		cmocka_unit_test(a_buffer_is_taken_from_and_given_away),
		cmocka_unit_test(an_arena_hands_out_zeroed_aligned_memory),
		cmocka_unit_test(an_arena_keeps_to_its_limit),
		cmocka_unit_test(a_table_sets_replaces_and_removes),
		cmocka_unit_test(a_table_finds_all_while_it_grows_and_shrinks),
		cmocka_unit_test(
			a_walk_sees_each_entry_once_even_when_it_removes),
		cmocka_unit_test(every_error_has_its_own_sentence),
		cmocka_unit_test(a_clock_set_forward_removes_nothing_for_a_day),
		cmocka_unit_test(
			the_day_of_a_clock_set_forward_is_counted_across_processes),
		cmocka_unit_test(
			what_was_to_end_soon_does_not_live_as_long_as_a_clock_was_set_back),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
