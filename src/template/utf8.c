/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters of well-formed UTF-8, and their upper and lower case.
 *
 * Case is a table of our own: that of the C library depends on the locales
 * installed.  It has the alphabets with case in everyday use (Latin with the
 * letters of Central Europe, Romanian and Vietnamese, Greek, Cyrillic,
 * Armenian) and only letters with one partner, as in the simple mappings of
 * UnicodeData.txt: ß stays what it is.
 */
#include "template/template_priv.h"

uint32_t
template_utf8_first(struct slice s, size_t *len)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t i, n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	ASSERT(n <= s.len);
	c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	*len = n;
	return c;
}

int
template_utf8_put(struct buf *out, uint32_t c)
{
	if (c < 0x80)
		return buf_putc(out, (char)c);
	if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_putc(out, (char)(0xe0 | c >> 12));
		} else {
			buf_putc(out, (char)(0xf0 | c >> 18));
			buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	return buf_putc(out, (char)(0x80 | (c & 0x3f)));
}

size_t
template_utf8_count(struct slice s)
{
	size_t i, n = 0;

	for (i = 0; i < s.len; i++)
		n += (s.ptr[i] & 0xc0) != 0x80;
	return n;
}

struct slice
template_utf8_head(struct slice s, size_t count)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((s.ptr[i] & 0xc0) != 0x80 && !count--)
			break;
	return slice_head(s, i);
}

/* Lower-case letters from `first` to `last` in steps, in their order; the
 * upper-case one is `up` away. */
static const struct case_range {
	uint16_t first, last, step;
	int16_t up;
} case_ranges[] = {
	{ 'a', 'z', 1, -32 },	    { 0x00e0, 0x00f6, 1, -32 },
	{ 0x00f8, 0x00fe, 1, -32 }, { 0x00ff, 0x00ff, 1, 121 },
	{ 0x0101, 0x012f, 2, -1 },  { 0x0133, 0x0137, 2, -1 },
	{ 0x013a, 0x0148, 2, -1 },  { 0x014b, 0x0177, 2, -1 },
	{ 0x017a, 0x017e, 2, -1 },  { 0x01a1, 0x01a5, 2, -1 },
	{ 0x01b0, 0x01b0, 2, -1 },  { 0x01ce, 0x01dc, 2, -1 },
	{ 0x01df, 0x01ef, 2, -1 },  { 0x01f5, 0x01f5, 2, -1 },
	{ 0x01f9, 0x021f, 2, -1 },  { 0x0223, 0x0233, 2, -1 },
	{ 0x03ac, 0x03ac, 1, -38 }, { 0x03ad, 0x03af, 1, -37 },
	{ 0x03b1, 0x03c1, 1, -32 }, { 0x03c3, 0x03cb, 1, -32 },
	{ 0x03cc, 0x03cc, 1, -64 }, { 0x03cd, 0x03ce, 1, -63 },
	{ 0x0430, 0x044f, 1, -32 }, { 0x0450, 0x045f, 1, -80 },
	{ 0x0461, 0x0481, 2, -1 },  { 0x048b, 0x04bf, 2, -1 },
	{ 0x04c2, 0x04ce, 2, -1 },  { 0x04cf, 0x04cf, 1, -15 },
	{ 0x04d1, 0x052f, 2, -1 },  { 0x0561, 0x0586, 1, -48 },
	{ 0x1e01, 0x1e95, 2, -1 },  { 0x1ea1, 0x1eff, 2, -1 },
};

/* The same ranges in the order of their upper-case letters. */
static const uint8_t by_upper[] = {
	0,  1,	2,  4,	5,  6,	7,  3,	8,  9,	10, 11, 12, 13, 14, 15,
	16, 17, 20, 21, 18, 19, 23, 22, 24, 25, 27, 26, 28, 29, 30, 31,
};
_Static_assert(ARRAY_LEN(by_upper) == ARRAY_LEN(case_ranges), "one each");

static bool
range_has(const struct case_range *r, int32_t low)
{
	return low >= r->first && low <= r->last &&
	       !((low - r->first) % r->step);
}

uint32_t
template_case_upper(uint32_t c)
{
	size_t from = 0, to = ARRAY_LEN(case_ranges), mid;

	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	if (c == 0x03c2) /* sigma at the end of a word */
		return 0x03a3;
	while (to - from > 1) { /* the last that begins at c or before */
		mid = (from + to) / 2;
		if (case_ranges[mid].first <= c)
			from = mid;
		else
			to = mid;
	}
	if (!range_has(&case_ranges[from], (int32_t)c))
		return c;
	return (uint32_t)((int32_t)c + case_ranges[from].up);
}

uint32_t
template_case_lower(uint32_t c)
{
	size_t from = 0, to = ARRAY_LEN(by_upper), mid;
	const struct case_range *r;

	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	while (to - from > 1) {
		mid = (from + to) / 2;
		r = &case_ranges[by_upper[mid]];
		if (r->first + r->up <= (int32_t)c)
			from = mid;
		else
			to = mid;
	}
	r = &case_ranges[by_upper[from]];
	return range_has(r, (int32_t)c - r->up) ? (uint32_t)((int32_t)c - r->up)
						: c;
}
