/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign text on its way to a terminal: what comes out is UTF-8 without
 * control characters and without marks that turn the direction or part a
 * line, however the text is cut; and what is clean already stays as it is.
 *
 * Input: a seed for the cuts, then the text.
 */
#include "../support/fuzz_wire.h"
#include "cli/cli_priv.h"

enum { TEXT_BYTES = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The code point at the start of UTF-8, and its length. */
static size_t
code_point(struct slice s, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4, i;

	*code = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (i = 1; i < n; i++)
		*code = *code << 6 | (p[i] & 0x3f);
	return n;
}

/* lines: of many lines, with tabs. */
static void
check_clean(struct slice s, bool lines)
{
	uint32_t c;

	ASSERT(slice_is_utf8(s));
	while (s.len) {
		s = slice_from(s, code_point(s, &c));
		if (lines && (c == '\n' || c == '\t'))
			continue;
		ASSERT(c >= 0x20 && (c < 0x7f || c > 0x9f));
		ASSERT(c < 0x2028 || c > 0x202e); /* separators, overrides */
		ASSERT(c < 0x2066 || c > 0x2069); /* isolates */
	}
}

static void
in_pieces(struct slice text, uint32_t cuts, struct buf *out)
{
	struct buf rest;
	size_t at, n;

	buf_init(&rest, TEXT_BYTES);
	for (at = 0; at < text.len; at += n) {
		n = fuzz_cut(&cuts, at, text.len);
		cli_safe_text(out, &rest, slice_head(slice_from(text, at), n));
		ASSERT(rest.len < 4); /* a character that is not whole */
	}
	buf_release(&rest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf line, again, whole, pieces;
	struct slice text;

	if (size < 1 || size > TEXT_BYTES)
		return 0;
	text = slice_of(data + 1, size - 1);
	buf_init(&line, TEXT_BYTES);
	buf_init(&again, TEXT_BYTES);
	buf_init(&whole, TEXT_BYTES);
	buf_init(&pieces, TEXT_BYTES);
	cli_safe(&line, text);
	cli_safe(&again, buf_slice(&line));
	check_clean(buf_slice(&line), false);
	ASSERT(slice_eq(buf_slice(&line), buf_slice(&again)));
	ASSERT(cli_width(buf_slice(&line)) <= text.len);
	in_pieces(text, 0, &whole);
	in_pieces(text, (data[0] + 1U) * 2654435761U, &pieces);
	check_clean(buf_slice(&whole), true);
	ASSERT(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	buf_release(&line);
	buf_release(&again);
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
