/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices: comparing, cutting, reading numbers and UTF-8.
 */
#include <stdlib.h>

#include "base/base.h"

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool
slice_eq_nocase(struct slice a, struct slice b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool
slice_starts(struct slice s, struct slice prefix)
{
	return slice_eq(slice_head(s, prefix.len), prefix);
}

bool
slice_starts_nocase(struct slice s, struct slice prefix)
{
	return slice_eq_nocase(slice_head(s, prefix.len), prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

size_t
slice_find(struct slice s, char c)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return at ? (size_t)(at - s.ptr) : s.len;
}

struct slice
slice_from(struct slice s, size_t from)
{
	if (from > s.len)
		from = s.len;
	return slice_of(s.ptr ? s.ptr + from : NULL, s.len - from);
}

struct slice
slice_head(struct slice s, size_t len)
{
	return slice_of(s.ptr, len < s.len ? len : s.len);
}

struct slice
slice_trim(struct slice s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = slice_from(s, 1);
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool
slice_next(struct slice *rest, char sep, struct slice *token)
{
	size_t at;

	if (!rest->len)
		return false;
	at = slice_find(*rest, sep);
	*token = slice_head(*rest, at);
	*rest = slice_from(*rest, at + 1);
	return true;
}

int
slice_to_u64(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	unsigned digit;
	size_t i;

	*out = 0;
	if (!s.len)
		return ERR_INVALID;
	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return ERR_INVALID;
		digit = (unsigned)(s.ptr[i] - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return ERR_TOO_LARGE;
		n = n * 10 + digit;
	}
	if (n > max)
		return ERR_TOO_LARGE;
	*out = n;
	return 0;
}

struct slice
slice_u64(uint64_t n, char buf[SLICE_U64_SIZE])
{
	size_t at = SLICE_U64_SIZE;

	do {
		buf[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return slice_of(buf + at, SLICE_U64_SIZE - at);
}

char *
slice_dup(struct slice s)
{
	char *copy = malloc(s.len + 1);

	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = 0;
	return copy;
}

int
slice_copy(struct slice s, char *buf, size_t size)
{
	if (s.len >= size) {
		if (size)
			buf[0] = 0;
		return ERR_TOO_LARGE;
	}
	if (s.len)
		memcpy(buf, s.ptr, s.len);
	buf[s.len] = 0;
	return 0;
}

void
slice_cut(struct slice s, char *buf, size_t size)
{
	slice_copy(slice_head(s, size - 1), buf, size);
	if (s.len >= size)
		slice_mend_utf8(buf);
}

/* Levenshtein's, one row at a time. */
unsigned
slice_distance(struct slice a, struct slice b)
{
	unsigned row[61], before, above, best;
	size_t i, j;

	if (a.len >= ARRAY_LEN(row) || b.len >= ARRAY_LEN(row))
		return SLICE_DISTANCE_NONE;
	for (j = 0; j <= b.len; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= a.len; i++) {
		before = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= b.len; j++) {
			above = row[j];
			best = before + (a.ptr[i - 1] != b.ptr[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			before = above;
		}
	}
	return row[b.len];
}

bool
slice_has_control(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return true;
	return false;
}

/* The length of the sequence that begins here; 0: malformed. */
static size_t
utf8_sequence(const unsigned char *p, size_t left)
{
	uint32_t cp;
	size_t n, i;

	if (p[0] < 0x80)
		return 1;
	if ((p[0] & 0xe0) == 0xc0)
		n = 2, cp = p[0] & 0x1f;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3, cp = p[0] & 0x0f;
	else if ((p[0] & 0xf8) == 0xf0)
		n = 4, cp = p[0] & 0x07;
	else
		return 0;
	if (n > left)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < (n == 2   ? 0x80u
		  : n == 3 ? 0x800u
			   : 0x10000u) ||
	    cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	return n;
}

size_t
slice_utf8_run(struct slice s)
{
	size_t i = 0, n;

	while (i < s.len) {
		n = utf8_sequence((const unsigned char *)s.ptr + i, s.len - i);
		if (!n)
			break;
		i += n;
	}
	return i;
}

bool
slice_is_utf8(struct slice s)
{
	return slice_utf8_run(s) == s.len;
}

void
slice_mend_utf8(char *text)
{
	size_t len = strlen(text), from, to, n;

	to = from = slice_utf8_run(slice_of(text, len));
	while (from < len) {
		from++;
		n = slice_utf8_run(slice_of(text + from, len - from));
		memmove(text + to, text + from, n);
		from += n;
		to += n;
	}
	text[to] = '\0';
}
