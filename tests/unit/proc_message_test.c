/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of messages between processes: what is packed is unpacked, and
 * nothing else; whatever is cut, lengthened or lies about its length is a
 * mistake, and a mistake sticks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proc/proc_priv.h"

static struct proc_unpack
unpack(const void *bytes, size_t len)
{
	return (struct proc_unpack){ .rest = slice_of(bytes, len) };
}

/* A message of each kind of field. */
static struct secret *
one_of_each(void)
{
	struct secret *s = secret_from("s3cret", 6), *out;
	struct proc_pack *p = proc_pack_new();

	proc_pack_u64(p, 0x0102030405060708);
	proc_pack_bytes(p, slice_of("a\0b", 3));
	proc_pack_str(p, "text");
	proc_pack_str(p, NULL);
	proc_pack_secret(p, s);
	proc_pack_secret(p, NULL);
	secret_free(s);
	out = proc_pack_detach(p);
	assert_non_null(out);
	return out;
}

/* Whether all of it is there, field by field. */
static bool
is_one_of_each(struct slice message)
{
	struct proc_unpack u = { .rest = message };
	struct secret *s, *none;
	struct slice bytes;
	char *empty, text[5];
	bool good;

	good = proc_unpack_u64(&u) == 0x0102030405060708;
	bytes = proc_unpack_bytes(&u, 3);
	good = good && slice_eq(bytes, slice_of("a\0b", 3));
	proc_unpack_str(&u, text, sizeof(text));
	good = good && !strcmp(text, "text");
	empty = proc_unpack_dup(&u, 0);
	good = good && empty && !empty[0];
	s = proc_unpack_secret(&u, 6);
	good = good && s && secret_len(s) == 6 &&
	       !memcmp(secret_peek(s), "s3cret", 6);
	none = proc_unpack_secret(&u, 6);
	good = good && !none && proc_unpack_done(&u);
	free(empty);
	secret_free(s);
	secret_free(none);
	return good;
}

/* ---- well ---- */

static void
what_is_packed_is_unpacked(void **state)
{
	struct secret *message = one_of_each();

	(void)state;
	assert_true(is_one_of_each(proc_unpack_from(message).rest));
	secret_free(message);
}

static void
numbers_are_eight_bytes_from_the_least(void **state)
{
	static const uint64_t numbers[] = { 0,	 1,	     255,
					    256, UINT32_MAX, UINT64_MAX };
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(numbers); i++)
		proc_pack_u64(p, numbers[i]);
	m = proc_pack_detach(p);
	assert_int_equal(secret_len(m), 8 * ARRAY_LEN(numbers));
	assert_memory_equal(secret_peek(m) + 24, "\0\1\0\0\0\0\0\0", 8);
	u = proc_unpack_from(m);
	for (i = 0; i < ARRAY_LEN(numbers); i++)
		assert_true(proc_unpack_u64(&u) == numbers[i]);
	assert_true(proc_unpack_done(&u));
	secret_free(m);
}

static void
a_message_may_be_empty(void **state)
{
	struct secret *m = proc_pack_detach(proc_pack_new());
	struct proc_unpack u = proc_unpack_from(m);

	(void)state;
	assert_int_equal(secret_len(m), 0);
	assert_true(proc_unpack_done(&u));
	u = proc_unpack_from(NULL);
	assert_true(proc_unpack_done(&u));
	secret_free(m);
}

/* ---- limits ---- */

static struct secret *
of_size(size_t len)
{
	char *bytes = calloc(1, len);
	struct proc_pack *p = proc_pack_new();

	proc_pack_bytes(p, slice_of(bytes, len));
	free(bytes);
	return proc_pack_detach(p);
}

static void
a_message_ends_at_its_limit(void **state)
{
	const size_t most = PROC_MESSAGE_MAX - PROC_HEADER - 8;
	struct secret *m = of_size(most);

	(void)state;
	assert_non_null(m);
	assert_int_equal(secret_len(m), most + 8);
	secret_free(m);
	assert_null(of_size(most + 1));
	assert_null(of_size(PROC_MESSAGE_MAX + 1));
}

static void
a_field_that_does_not_fit_spoils_the_message(void **state)
{
	struct proc_pack *p = proc_pack_new();

	(void)state;
	proc_pack_str(p, "before");
	proc_pack_bytes(p, slice_of("", SIZE_MAX)); /* not even looked at */
	proc_pack_str(p, "after");
	assert_null(proc_pack_detach(p));
	proc_pack_u64(NULL, 1); /* out of memory: not there */
	proc_pack_bytes(NULL, slice_of("", SIZE_MAX));
	proc_pack_str(NULL, "x");
	assert_null(proc_pack_detach(NULL));
	proc_pack_free(NULL);
}

static void
a_field_longer_than_the_reader_allows_is_a_mistake(void **state)
{
	struct secret *m = one_of_each(), *s;
	struct proc_unpack u;
	char four[4];

	(void)state;
	u = proc_unpack_from(m);
	proc_unpack_u64(&u);
	assert_int_equal(proc_unpack_bytes(&u, 2).len, 0);
	assert_false(proc_unpack_done(&u));
	u = proc_unpack_from(m);
	proc_unpack_u64(&u);
	proc_unpack_bytes(&u, 3);
	strcpy(four, "???");
	proc_unpack_str(&u, four, sizeof(four)); /* "text" and NUL: five */
	assert_string_equal(four, "");
	assert_true(u.failed);
	u = unpack("\3\0\0\0\0\0\0\0abc", 11);
	assert_null(proc_unpack_dup(&u, 2));
	assert_true(u.failed);
	u = unpack("\3\0\0\0\0\0\0\0abc", 11);
	s = proc_unpack_secret(&u, 2);
	assert_null(s);
	assert_true(u.failed);
	secret_free(m);
}

/* ---- mistakes ---- */

static void
a_cut_message_is_a_mistake_wherever_it_is_cut(void **state)
{
	struct secret *m = one_of_each();
	size_t len;
	char *cut;

	(void)state;
	for (len = 0; len < secret_len(m); len++) {
		/* Of its own size, so that a read beyond it is seen. */
		cut = malloc(len ? len : 1);
		memcpy(cut, secret_peek(m), len);
		assert_false(is_one_of_each(slice_of(cut, len)));
		free(cut);
	}
	secret_free(m);
}

static void
what_is_left_over_is_a_mistake(void **state)
{
	struct secret *m = one_of_each();
	char longer[256] = { 0 };

	(void)state;
	memcpy(longer, secret_peek(m), secret_len(m));
	assert_true(is_one_of_each(slice_of(longer, secret_len(m))));
	assert_false(is_one_of_each(slice_of(longer, secret_len(m) + 1)));
	assert_false(is_one_of_each(slice_of(longer, secret_len(m) + 8)));
	secret_free(m);
}

static void
a_length_that_lies_is_a_mistake(void **state)
{
	static const char *const lengths[] = {
		"\4\0\0\0\0\0\0\0", /* one more than there is */
		"\0\0\0\0\1\0\0\0", /* 2^32 */
		"\3\0\0\0\1\0\0\0", /* 3, in 32 bits */
		"\xff\xff\xff\xff\xff\xff\xff\xff",
		"\xfb\xff\xff\xff\xff\xff\xff\xff", /* -5 */
	};
	struct proc_unpack u;
	char bytes[11];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		memcpy(bytes, lengths[i], 8);
		memcpy(bytes + 8, "abc", 3);
		u = unpack(bytes, sizeof(bytes));
		assert_int_equal(proc_unpack_bytes(&u, SIZE_MAX).len, 0);
		assert_true(u.failed);
	}
}

static void
text_with_nul_inside_is_a_mistake(void **state)
{
	static const char bytes[] = "\3\0\0\0\0\0\0\0a\0b";
	struct proc_unpack u = unpack(bytes, 11);
	char text[8] = "before";

	(void)state;
	proc_unpack_str(&u, text, sizeof(text));
	assert_string_equal(text, "");
	assert_true(u.failed);
	u = unpack(bytes, 11);
	assert_null(proc_unpack_dup(&u, 8));
	assert_true(u.failed);
	u = unpack(bytes, 11);
	assert_int_equal(proc_unpack_bytes(&u, 8).len, 3); /* bytes may */
}

static void
after_a_mistake_there_is_nothing_more(void **state)
{
	/* A text that is too long, then a number that is sound. */
	struct proc_unpack u = unpack("\1\0\0\0\0\0\0\0x"
				      "\7\0\0\0\0\0\0\0",
				      17);
	char text[8];

	(void)state;
	assert_int_equal(proc_unpack_bytes(&u, 0).len, 0);
	assert_int_equal(proc_unpack_u64(&u), 0);
	assert_int_equal(proc_unpack_bytes(&u, 8).len, 0);
	assert_null(proc_unpack_dup(&u, 8));
	assert_null(proc_unpack_secret(&u, 8));
	proc_unpack_str(&u, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(proc_unpack_done(&u));
}

/* ---- headers ---- */

static void
a_header_is_read_as_it_was_written(void **state)
{
	struct proc_header in = { PROC_REPLY, 0xabcd, 0xfedcba98, ERR_BUSY,
				  0x123456789abc };
	struct proc_pack *p = proc_pack_new();
	struct proc_header out;
	struct proc_unpack u;

	(void)state;
	proc_pack_u64(p, 42);
	proc_header_write(p, &in);
	assert_int_equal(
		proc_header_read(slice_of(secret_peek(p->bytes), p->len), &out,
				 &u),
		0);
	assert_int_equal(out.kind, PROC_REPLY);
	assert_int_equal(out.type, 0xabcd);
	assert_true(out.id == 0xfedcba98);
	assert_int_equal(out.err, ERR_BUSY);
	assert_true(out.until_ms == 0x123456789abc);
	assert_int_equal(proc_unpack_u64(&u), 42);
	assert_true(proc_unpack_done(&u));
	proc_pack_free(p);
}

static void
a_header_that_is_none_is_refused(void **state)
{
	static const char good[PROC_HEADER] = { PROC_REQUEST, 7, 0, 0, 1 };
	struct proc_header h;
	struct proc_unpack u;
	char bad[PROC_HEADER];
	size_t len;

	(void)state;
	assert_int_equal(proc_header_read(slice_of(good, PROC_HEADER), &h, &u),
			 0);
	for (len = 0; len < PROC_HEADER; len++)
		assert_int_equal(proc_header_read(slice_of(good, len), &h, &u),
				 ERR_PROTOCOL);
	memcpy(bad, good, sizeof(bad));
	bad[3] = 1; /* reserved */
	assert_int_equal(proc_header_read(slice_of(bad, PROC_HEADER), &h, &u),
			 ERR_PROTOCOL);
	memcpy(bad, good, sizeof(bad));
	bad[8] = 1; /* a positive error */
	assert_int_equal(proc_header_read(slice_of(bad, PROC_HEADER), &h, &u),
			 ERR_PROTOCOL);
	memset(bad + 8, 0xff, 8);
	memcpy(bad + 8, "\x17\xfc", 2); /* -1001 */
	assert_int_equal(proc_header_read(slice_of(bad, PROC_HEADER), &h, &u),
			 ERR_PROTOCOL);
	memcpy(bad + 8, "\x18\xfc", 2); /* -1000 */
	assert_int_equal(proc_header_read(slice_of(bad, PROC_HEADER), &h, &u),
			 0);
	assert_int_equal(h.err, -1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(numbers_are_eight_bytes_from_the_least),
		cmocka_unit_test(a_message_may_be_empty),
		cmocka_unit_test(a_message_ends_at_its_limit),
		cmocka_unit_test(a_field_that_does_not_fit_spoils_the_message),
		cmocka_unit_test(
			a_field_longer_than_the_reader_allows_is_a_mistake),
		cmocka_unit_test(a_cut_message_is_a_mistake_wherever_it_is_cut),
		cmocka_unit_test(what_is_left_over_is_a_mistake),
		cmocka_unit_test(a_length_that_lies_is_a_mistake),
		cmocka_unit_test(text_with_nul_inside_is_a_mistake),
		cmocka_unit_test(after_a_mistake_there_is_nothing_more),
		cmocka_unit_test(a_header_is_read_as_it_was_written),
		cmocka_unit_test(a_header_that_is_none_is_refused),
	};

	return cmocka_run_group_tests_name("proc message", tests, NULL, NULL);
}
