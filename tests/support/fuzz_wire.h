/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For fuzz targets that feed bytes in pieces: cuts that follow from a seed,
 * and a second opinion on chunked bodies.
 */
#ifndef TESTS_SUPPORT_FUZZ_WIRE_H
#define TESTS_SUPPORT_FUZZ_WIRE_H

#include "http/http_priv.h"

/* The next cut behind `at` of `size` bytes: small pieces mostly, at times a
 * large one.  A state of 0 gives all in one piece. */
static inline size_t
fuzz_cut(uint32_t *state, size_t at, size_t size)
{
	size_t n;

	if (!*state)
		return size - at;
	*state ^= *state << 13; /* Marsaglia's xorshift */
	*state ^= *state >> 17;
	*state ^= *state << 5;
	n = *state % 32 ? 1 + (*state >> 8) % 23 : 1 + (*state >> 8) % 5000;
	return n < size - at ? n : size - at;
}

/*
 * A chunked body (RFC 9112 7.1) at the start of `bytes`, read in the plainest
 * way: its data is appended, and its length told.  For bytes that a strict
 * reader has called whole; 0: they are not.
 */
static inline size_t
fuzz_unchunk(struct slice bytes, struct buf *out)
{
	struct slice rest = bytes, line;
	size_t size;

	do {
		size = 0;
		if (slice_find(rest, '\n') == rest.len)
			return 0;
		line = slice_head(rest, slice_find(rest, '\n') + 1);
		rest = slice_from(rest, line.len);
		while (line.len && http_hex_value(line.ptr[0]) >= 0) {
			size = size * 16 + (size_t)http_hex_value(line.ptr[0]);
			line = slice_from(line, 1);
		}
		if (size > rest.len)
			return 0;
		buf_put_slice(out, slice_head(rest, size));
		rest = slice_from(rest, size + (size ? 2 : 0));
	} while (size);
	do { /* trailers, and the empty line */
		if (slice_find(rest, '\n') == rest.len)
			return 0;
		line = slice_head(rest, slice_find(rest, '\n') + 1);
		rest = slice_from(rest, line.len);
	} while (line.len > 2);
	return bytes.len - rest.len;
}

#endif
