/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/coding: compressed bodies are opened, and cannot become large.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "http/coding.h"

static const char text[] = "hello, hello, hello, bridge\n";

/* The text above, and 100,000 zeroes, out of the brotli command. */
static const unsigned char text_br[] = { 0xa1, 0xd8, 0x00, 0xc0, 0x6f, 0xa4,
					 0x74, 0xf3, 0x26, 0x4a, 0x90, 0x32,
					 0xb4, 0x56, 0x60, 0x61, 0x7b, 0x93,
					 0x84, 0x28, 0x22, 0x4f, 0x25, 0x10,
					 0xcb, 0xb9, 0x5a, 0x44, 0x00 };
static const unsigned char zeroes_br[] = { 0x5f, 0x9f, 0x86, 0x81, 0x7f,
					   0x02, 0x20, 0x1e, 0x0b, 0x04,
					   0xb2, 0xfc, 0x02, 0x00 };

struct body {
	char bytes[8192];
	size_t len;
};

/* window_bits as deflateInit2 has it: 31 gzip, 15 zlib, -15 raw. */
static void
pack_zlib(struct body *b, const void *from, size_t len, int window_bits)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, 0),
			 Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)from;
	z.avail_in = (uInt)len;
	z.next_out = (unsigned char *)b->bytes + b->len;
	z.avail_out = (uInt)(sizeof(b->bytes) - b->len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b->len = sizeof(b->bytes) - z.avail_out;
	deflateEnd(&z);
}

static void
pack_zstd(struct body *b, const void *from, size_t len)
{
	b->len = ZSTD_compress(b->bytes, sizeof(b->bytes), from, len, 3);
	assert_false(ZSTD_isError(b->len));
}

static int
decode(const char *coding, const void *bytes, size_t len, size_t max,
       struct buf *out)
{
	buf_init(out, max);
	return http_coding_decode(slice_str(coding), slice_of(bytes, len), out);
}

static void
assert_opens(const char *coding, const void *bytes, size_t len)
{
	struct buf out;

	assert_int_equal(decode(coding, bytes, len, 1024, &out), 0);
	assert_int_equal(out.len, strlen(text));
	assert_memory_equal(out.data, text, out.len);
	buf_release(&out);
}

static void
every_coding_is_opened(void **state)
{
	struct body b = { .len = 0 };

	(void)state;
	assert_opens("", text, strlen(text));
	assert_opens("identity", text, strlen(text));
	pack_zlib(&b, text, strlen(text), 31);
	assert_opens("gzip", b.bytes, b.len);
	assert_opens("X-GZip", b.bytes, b.len);
	b.len = 0;
	pack_zlib(&b, text, strlen(text), 15);
	assert_opens("deflate", b.bytes, b.len);
	b.len = 0;
	pack_zlib(&b, text, strlen(text), -15);
	assert_opens("deflate", b.bytes, b.len);
	assert_opens("br", text_br, sizeof(text_br));
	pack_zstd(&b, text, strlen(text));
	assert_opens("zstd", b.bytes, b.len);
}

static void
gzip_members_follow_one_another(void **state)
{
	struct body b = { .len = 0 };

	(void)state;
	pack_zlib(&b, text, 7, 31);
	pack_zlib(&b, text + 7, strlen(text) - 7, 31);
	assert_opens("gzip", b.bytes, b.len);
}

static void
codings_over_one_another_are_opened_in_turn(void **state)
{
	struct body inner = { .len = 0 }, outer = { .len = 0 };

	(void)state;
	pack_zlib(&inner, text, strlen(text), 31);
	pack_zstd(&outer, inner.bytes, inner.len);
	assert_opens("gzip, zstd", outer.bytes, outer.len);
	assert_opens("gzip , identity,zstd", outer.bytes, outer.len);
}

static void
what_is_unknown_or_too_much_is_refused(void **state)
{
	struct buf out;

	(void)state;
	assert_int_equal(decode("compress", text, 8, 99, &out),
			 ERR_UNSUPPORTED);
	assert_int_equal(decode("br, aes128gcm", text, 8, 99, &out),
			 ERR_UNSUPPORTED);
	assert_int_equal(decode("gzip,gzip,gzip,gzip", text, 8, 99, &out),
			 ERR_UNSUPPORTED);
}

/* A bomb: a few bytes that want to be 100,000. */
static void
output_ends_at_its_limit(void **state)
{
	static const char zeroes[100000];
	struct body b = { .len = 0 };
	struct buf out;

	(void)state;
	pack_zlib(&b, zeroes, sizeof(zeroes), 31);
	assert_int_equal(decode("gzip", b.bytes, b.len, 70000, &out),
			 ERR_TOO_LARGE);
	assert_int_equal(out.len, 70000);
	buf_release(&out);
	assert_int_equal(decode("gzip", b.bytes, b.len, 100000, &out), 0);
	assert_int_equal(out.len, 100000);
	buf_release(&out);
	assert_int_equal(
		decode("br", zeroes_br, sizeof(zeroes_br), 70000, &out),
		ERR_TOO_LARGE);
	buf_release(&out);
	assert_int_equal(
		decode("br", zeroes_br, sizeof(zeroes_br), 100000, &out), 0);
	buf_release(&out);
	pack_zstd(&b, zeroes, sizeof(zeroes));
	assert_int_equal(decode("zstd", b.bytes, b.len, 70000, &out),
			 ERR_TOO_LARGE);
	buf_release(&out);
	assert_int_equal(decode("", zeroes, 11, 10, &out), ERR_TOO_LARGE);
	assert_int_equal(out.len, 10);
	buf_release(&out);
}

static void
a_bomb_within_another_coding_ends_too(void **state)
{
	static const char zeroes[100000];
	struct body inner = { .len = 0 }, outer = { .len = 0 };
	struct buf out;

	(void)state;
	pack_zlib(&inner, zeroes, sizeof(zeroes), 31);
	pack_zlib(&outer, inner.bytes, inner.len, 31);
	assert_int_equal(
		decode("gzip, gzip", outer.bytes, outer.len, 50000, &out),
		ERR_TOO_LARGE);
	assert_int_equal(out.len, 50000);
	buf_release(&out);
}

static void
an_early_end_gives_what_was_there(void **state)
{
	struct body b = { .len = 0 };
	struct buf out;

	(void)state;
	pack_zlib(&b, text, strlen(text), 31);
	assert_int_equal(decode("gzip", b.bytes, b.len - 9, 99, &out),
			 ERR_CLOSED);
	assert_true(out.len > 0);
	assert_memory_equal(out.data, text, out.len);
	buf_release(&out);
	assert_int_equal(decode("gzip", b.bytes, 0, 99, &out), ERR_CLOSED);
	assert_int_equal(decode("br", text_br, sizeof(text_br) - 3, 99, &out),
			 ERR_CLOSED);
	buf_release(&out);
	pack_zstd(&b, text, strlen(text));
	assert_int_equal(decode("zstd", b.bytes, b.len - 3, 99, &out),
			 ERR_CLOSED);
	buf_release(&out);
}

static void
what_is_broken_is_told(void **state)
{
	static const char *const all[] = { "gzip", "deflate", "br", "zstd" };
	struct body b = { .len = 0 };
	struct buf out;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(decode(all[i], "\xff\xff\xff\xff\xff\xff\xff",
					7, 99, &out),
				 ERR_PROTOCOL);
		buf_release(&out);
	}
	pack_zlib(&b, text, strlen(text), 31);
	b.bytes[b.len - 5] ^= 1; /* of the checksum */
	assert_int_equal(decode("gzip", b.bytes, b.len, 99, &out),
			 ERR_PROTOCOL);
	buf_release(&out);
	b.bytes[b.len - 5] ^= 1;
	b.bytes[b.len] = 'x'; /* behind the end */
	assert_int_equal(decode("gzip", b.bytes, b.len + 1, 99, &out),
			 ERR_CLOSED);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_coding_is_opened),
		cmocka_unit_test(gzip_members_follow_one_another),
		cmocka_unit_test(codings_over_one_another_are_opened_in_turn),
		cmocka_unit_test(what_is_unknown_or_too_much_is_refused),
		cmocka_unit_test(output_ends_at_its_limit),
		cmocka_unit_test(a_bomb_within_another_coding_ends_too),
		cmocka_unit_test(an_early_end_gives_what_was_there),
		cmocka_unit_test(what_is_broken_is_told),
	};

	return cmocka_run_group_tests_name("http coding", tests, NULL, NULL);
}
