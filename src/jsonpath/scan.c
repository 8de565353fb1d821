/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest parts of a query: blanks, names, numbers, quoted strings.
 *
 * The text is known to be UTF-8.  The grammar is that of RFC 9535, appendix
 * A, to the letter: what it does not let through is refused here with the
 * place and a hint of what was expected.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "jsonpath/jsonpath_priv.h"

/* The range of I-JSON's exact integers (RFC 7493 section 2.2). */
#define INT_RANGE_MAX 9007199254740991

__attribute__((format(printf, 3, 0))) static void
problem_set(struct parser *p, const char *at, const char *fmt, va_list ap)
{
	struct jsonpath_problem *problem = p->problem;
	const char *s;

	if (!problem)
		return;
	problem->offset = (size_t)(at - p->begin);
	problem->column = 1;
	for (s = p->begin; s < at; s++)
		problem->column += (*s & 0xc0) != 0x80;
	vsnprintf(problem->detail, sizeof(problem->detail), fmt, ap);
	slice_mend_utf8(problem->detail);
}

int
parser_fail(struct parser *p, const char *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_set(p, at, fmt, ap);
	va_end(ap);
	return ERR_INVALID;
}

int
parser_too_large(struct parser *p, const char *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_set(p, at, fmt, ap);
	va_end(ap);
	return ERR_TOO_LARGE;
}

int
parser_enter(struct parser *p)
{
	if (++p->depth <= p->limits.query_depth)
		return 0;
	return parser_too_large(p, p->at, "nested deeper than %u levels",
				p->limits.query_depth);
}

void
parser_leave(struct parser *p)
{
	p->depth--;
}

void
scan_blanks(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' ||
				  *p->at == '\n' || *p->at == '\r'))
		p->at++;
}

char
scan_peek(const struct parser *p)
{
	return p->at < p->end ? *p->at : 0;
}

bool
scan_take(struct parser *p, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(p->end - p->at) < len || memcmp(p->at, text, len))
		return false;
	p->at += len;
	return true;
}

bool
scan_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
scan_is_name_first(const struct parser *p)
{
	char c = scan_peek(p);

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c & 0x80;
}

int
scan_name(struct parser *p, struct slice *out)
{
	const char *begin = p->at;

	if (scan_is_digit(scan_peek(p)))
		return parser_fail(p, p->at,
				   "a name after a dot cannot begin with a"
				   " digit: write ['…'], or [0] for an index");
	if (!scan_is_name_first(p))
		return parser_fail(p, p->at,
				   "expected a name or * (other names are"
				   " written ['…'])");
	while (scan_is_name_first(p) || scan_is_digit(scan_peek(p)))
		p->at++;
	*out = slice_of(p->strings, (size_t)(p->at - begin));
	memcpy(p->strings, begin, out->len);
	p->strings += out->len;
	*p->strings++ = 0;
	return 0;
}

/* ---- numbers ---- */

static void
scan_digits(struct parser *p)
{
	while (scan_is_digit(scan_peek(p)))
		p->at++;
}

/* The digits of an int, without its sign: 0, or not beginning with it. */
static int
scan_magnitude(struct parser *p)
{
	const char *begin = p->at;

	if (!scan_is_digit(scan_peek(p)))
		return parser_fail(p, p->at, "expected a digit");
	scan_digits(p);
	if (*begin == '0' && p->at - begin > 1)
		return parser_fail(p, begin,
				   "a number cannot begin with a zero");
	return 0;
}

int
scan_int(struct parser *p, int64_t *out)
{
	const char *begin = p->at;
	bool minus = scan_take(p, "-");
	struct slice digits;
	uint64_t n;
	int rc;

	digits.ptr = p->at;
	rc = scan_magnitude(p);
	if (rc)
		return rc;
	digits.len = (size_t)(p->at - digits.ptr);
	if (minus && *digits.ptr == '0')
		return parser_fail(p, begin, "-0 is no index: write 0");
	if (slice_to_u64(digits, INT_RANGE_MAX, &n))
		return parser_fail(p, begin,
				   "out of range: indexes go from -(2^53)+1"
				   " to 2^53-1");
	*out = minus ? -(int64_t)n : (int64_t)n;
	return 0;
}

/* A fraction and an exponent, if they are there. */
static int
scan_fraction(struct parser *p, bool *found)
{
	*found = false;
	if (scan_take(p, ".")) {
		*found = true;
		if (!scan_is_digit(scan_peek(p)))
			return parser_fail(p, p->at,
					   "expected a digit after the point");
		scan_digits(p);
	}
	if (scan_take(p, "e") || scan_take(p, "E")) {
		*found = true;
		if (!scan_take(p, "-"))
			scan_take(p, "+");
		if (!scan_is_digit(scan_peek(p)))
			return parser_fail(p, p->at,
					   "expected the exponent's digits");
		scan_digits(p);
	}
	return 0;
}

/*
 * A whole number that fits is kept exactly, as one in a document is; others
 * as the nearest double, infinity beyond all of them.  The C locale is that
 * of the program throughout: nothing calls setlocale().
 */
int
scan_number(struct parser *p, struct value *out)
{
	const char *begin = p->at;
	struct slice digits;
	uint64_t n;
	bool minus = scan_take(p, "-"), has_fraction;
	char *copy;
	int rc;

	digits.ptr = p->at;
	rc = scan_magnitude(p);
	digits.len = (size_t)(p->at - digits.ptr);
	if (!rc)
		rc = scan_fraction(p, &has_fraction);
	if (rc)
		return rc;
	if (!has_fraction && !slice_to_u64(digits, INT64_MAX, &n)) {
		out->kind = VALUE_INTEGER;
		out->integer = minus ? -(int64_t)n : (int64_t)n;
		return 0;
	}
	copy = arena_slice(p->path->arena,
			   slice_of(begin, (size_t)(p->at - begin)));
	if (!copy)
		return ERR_NOMEM;
	out->kind = VALUE_REAL;
	out->real = strtod(copy, NULL);
	return 0;
}

/* ---- strings ---- */

static char *
put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 63));
		}
		*out++ = (char)(0x80 | (c >> 6 & 63));
	}
	*out++ = (char)(0x80 | (c & 63));
	return out;
}

static int
scan_hex4(struct parser *p, uint32_t *out)
{
	unsigned i;
	char c;

	*out = 0;
	for (i = 0; i < 4; i++, p->at++) {
		c = scan_peek(p);
		*out <<= 4;
		if (scan_is_digit(c))
			*out |= (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*out |= (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return parser_fail(p, p->at,
					   "expected four hexadecimal digits"
					   " after \\u");
	}
	return 0;
}

/* Behind \u: four digits, and the second half of a surrogate pair. */
static int
scan_unicode(struct parser *p, const char *escape, uint32_t *out)
{
	uint32_t high, low;
	int rc = scan_hex4(p, &high);

	*out = high;
	if (rc || high < 0xd800 || high > 0xdfff)
		return rc;
	if (high > 0xdbff || !scan_take(p, "\\u"))
		return parser_fail(p, escape, "half of a surrogate pair");
	rc = scan_hex4(p, &low);
	if (rc)
		return rc;
	if (low < 0xdc00 || low > 0xdfff)
		return parser_fail(p, escape, "half of a surrogate pair");
	*out = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

/* Behind a backslash in a string with these quotes. */
static int
scan_escape(struct parser *p, char quote, uint32_t *out)
{
	static const char from[] = "bfnrt/\\", to[] = "\b\f\n\r\t/\\";
	const char *begin = p->at - 1, *found;
	char c = scan_peek(p);

	if (p->at < p->end)
		p->at++;
	if (c == 'u')
		return scan_unicode(p, begin, out);
	found = c ? strchr(from, c) : NULL;
	if (found)
		*out = (unsigned char)to[found - from];
	else if (c == quote)
		*out = (unsigned char)quote;
	else
		return parser_fail(p, begin,
				   "no such escape: there are \\b \\f \\n \\r"
				   " \\t \\/ \\\\ \\%c \\uXXXX",
				   quote);
	return 0;
}

int
scan_string(struct parser *p, struct slice *out)
{
	const char *begin = p->at;
	char quote = *p->at++, *to = p->strings;
	uint32_t c = 0;
	int rc;

	while (scan_peek(p) != quote) {
		if (p->at == p->end)
			return parser_fail(p, begin,
					   "a string without its closing %c",
					   quote);
		if ((unsigned char)*p->at < 0x20)
			return parser_fail(p, p->at,
					   "a control character in a string:"
					   " write \\u%04x",
					   (unsigned)*p->at);
		if (*p->at != '\\') {
			*to++ = *p->at++;
			continue;
		}
		p->at++;
		rc = scan_escape(p, quote, &c);
		if (rc)
			return rc;
		to = put_utf8(to, c);
	}
	p->at++;
	*out = slice_of(p->strings, (size_t)(to - p->strings));
	*to++ = 0;
	p->strings = to;
	return 0;
}
