/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lifting secrets out of a JSON text before a tree is made of it.
 *
 * A scanner walks the text down to the object that a pointer names, takes
 * the string values of its members into locked memory, and overwrites their
 * characters with '*'.  It understands just enough JSON to skip what it does
 * not want; whether the text is JSON at all is for json_read() to say
 * afterwards, so the scanner is strict where it matters and stops at the
 * first thing that it does not understand.
 */
#include <stdio.h>

#include "json/json.h"

struct scan {
	char *at, *end;
	unsigned depth;
};

static void
scan_space(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' ||
				  *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

/* Takes this character, after white space. */
static bool
scan_char(struct scan *s, char c)
{
	scan_space(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool
scan_peek(struct scan *s, char c)
{
	scan_space(s);
	return s->at < s->end && *s->at == c;
}

static int scan_string(struct scan *s, char **inside, size_t *len);

/* A member's name and its colon.  A name with an escape could be spelled in
 * many ways: nobody writes one here, so it is refused. */
static int
scan_name(struct scan *s, struct slice *name)
{
	char *text;
	size_t len;

	if (scan_string(s, &text, &len) || !scan_char(s, ':') ||
	    memchr(text, '\\', len))
		return ERR_INVALID;
	*name = slice_of(text, len);
	return 0;
}

/* A string; inside gets what is between the quotes, still escaped. */
static int
scan_string(struct scan *s, char **inside, size_t *len)
{
	if (!scan_char(s, '"'))
		return ERR_INVALID;
	*inside = s->at;
	while (s->at < s->end && *s->at != '"') {
		if ((unsigned char)*s->at < 0x20)
			return ERR_INVALID;
		if (*s->at == '\\')
			s->at++;
		if (s->at < s->end)
			s->at++;
	}
	if (s->at == s->end)
		return ERR_INVALID;
	*len = (size_t)(s->at - *inside);
	s->at++;
	return 0;
}

static int scan_skip(struct scan *s);

/* The members of an object or the items of a list, without looking. */
static int
scan_skip_nest(struct scan *s, char close)
{
	char *text;
	size_t len;
	int rc = 0;

	s->at++;
	if (++s->depth > 64)
		return ERR_INVALID;
	while (!rc && !scan_char(s, close)) {
		if (close == '}') {
			rc = scan_string(s, &text, &len);
			if (!rc && !scan_char(s, ':'))
				rc = ERR_INVALID;
		}
		if (!rc)
			rc = scan_skip(s);
		if (!rc && !scan_char(s, ',') && !scan_peek(s, close))
			rc = ERR_INVALID;
	}
	s->depth--;
	return rc;
}

static int
scan_skip(struct scan *s)
{
	char *text;
	size_t len;

	if (scan_peek(s, '"'))
		return scan_string(s, &text, &len);
	if (scan_peek(s, '{'))
		return scan_skip_nest(s, '}');
	if (scan_peek(s, '['))
		return scan_skip_nest(s, ']');
	text = s->at;
	while (s->at < s->end && !strchr(",]} \t\r\n\"{[:", *s->at))
		s->at++;
	return s->at == text ? ERR_INVALID : 0;
}

/* ---- decoding a value into locked memory ---- */

static int
hex4(const char *p, const char *end, uint32_t *out)
{
	int i;

	*out = 0;
	if (end - p < 4)
		return ERR_INVALID;
	for (i = 0; i < 4; i++) {
		*out <<= 4;
		if (p[i] >= '0' && p[i] <= '9')
			*out |= (uint32_t)(p[i] - '0');
		else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')
			*out |= (uint32_t)((p[i] | 0x20) - 'a' + 10);
		else
			return ERR_INVALID;
	}
	return 0;
}

static char *
put_utf8(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		*out++ = (char)cp;
	} else if (cp < 0x800) {
		*out++ = (char)(0xc0 | cp >> 6);
		*out++ = (char)(0x80 | (cp & 63));
	} else if (cp < 0x10000) {
		*out++ = (char)(0xe0 | cp >> 12);
		*out++ = (char)(0x80 | (cp >> 6 & 63));
		*out++ = (char)(0x80 | (cp & 63));
	} else {
		*out++ = (char)(0xf0 | cp >> 18);
		*out++ = (char)(0x80 | (cp >> 12 & 63));
		*out++ = (char)(0x80 | (cp >> 6 & 63));
		*out++ = (char)(0x80 | (cp & 63));
	}
	return out;
}

/* \uXXXX, with its second half where it is a surrogate. */
static int
unescape_unicode(const char **p, const char *end, char **out)
{
	uint32_t cp, low;

	if (hex4(*p, end, &cp))
		return ERR_INVALID;
	*p += 4;
	if (cp >= 0xd800 && cp < 0xdc00) {
		if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' ||
		    hex4(*p + 2, end, &low) || low < 0xdc00 || low > 0xdfff)
			return ERR_INVALID;
		*p += 6;
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	} else if (cp >= 0xdc00 && cp <= 0xdfff) {
		return ERR_INVALID;
	}
	if (!cp)
		return ERR_INVALID;
	*out = put_utf8(*out, cp);
	return 0;
}

static int
unescape(const char **p, const char *end, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c = *(*p)++;

	if (c == 'u')
		return unescape_unicode(p, end, out);
	found = c ? strchr(from, c) : NULL;
	if (!found)
		return ERR_INVALID;
	*(*out)++ = to[found - from];
	return 0;
}

static int
lift_value(char *inside, size_t len, struct secret **out)
{
	const char *p = inside, *end = inside + len;
	struct secret *s = secret_new(len); /* decoding never grows */
	char *to;
	int rc = 0;

	*out = NULL;
	if (!s)
		return len > SECRET_MAX ? ERR_TOO_LARGE : ERR_NOMEM;
	to = secret_bytes(s);
	while (p < end && !rc) {
		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		p++;
		rc = p < end ? unescape(&p, end, &to) : ERR_INVALID;
	}
	if (!rc)
		secret_truncate(s, (size_t)(to - secret_bytes(s)));
	if (!rc && !slice_is_utf8(slice_of(secret_peek(s), secret_len(s))))
		rc = ERR_INVALID;
	memset(inside, '*', len);
	if (rc)
		secret_free(s);
	else
		*out = s;
	return rc;
}

/* ---- finding ---- */

static bool
name_is_wanted(struct slice name, const char *const *names)
{
	if (!names)
		return true;
	for (; *names; names++)
		if (slice_eq(name, slice_str(*names)))
			return true;
	return false;
}

/* The members of the object that the pointer names. */
static int
lift_members(struct scan *s, const char *const *names, struct json_secret *out,
	     size_t max, size_t *count)
{
	struct json_secret *found;
	struct slice name;
	char *inside;
	size_t len;
	int rc;

	if (!scan_char(s, '{'))
		return 0; /* no object: json_read and the caller will say */
	while (!scan_char(s, '}')) {
		if (scan_name(s, &name))
			return ERR_INVALID;
		if (scan_peek(s, '"') && name_is_wanted(name, names)) {
			if (*count == max)
				return ERR_TOO_LARGE;
			found = &out[*count];
			if (slice_copy(name, found->name, sizeof(found->name)))
				return ERR_INVALID;
			rc = scan_string(s, &inside, &len);
			if (!rc)
				rc = lift_value(inside, len, &found->value);
			if (rc)
				return rc;
			++*count;
		} else {
			rc = scan_skip(s);
			if (rc)
				return rc;
		}
		if (!scan_char(s, ',') && !scan_peek(s, '}'))
			return ERR_INVALID;
	}
	return 0;
}

/* Goes down one step of the pointer: the cursor then stands on the value.
 * ERR_NOT_FOUND where there is no such member. */
static int
scan_enter(struct scan *s, struct slice step)
{
	struct slice name;
	int rc;

	if (!scan_char(s, '{'))
		return ERR_NOT_FOUND;
	while (!scan_char(s, '}')) {
		if (scan_name(s, &name))
			return ERR_INVALID;
		if (slice_eq(name, step))
			return 0;
		rc = scan_skip(s);
		if (!rc && !scan_char(s, ',') && !scan_peek(s, '}'))
			rc = ERR_INVALID;
		if (rc)
			return rc;
	}
	return ERR_NOT_FOUND;
}

int
json_lift_secrets(char *text, size_t len, const char *under,
		  const char *const *names, struct json_secret *out, size_t max,
		  size_t *count)
{
	struct scan s = { .at = text, .end = text + len };
	struct slice rest = slice_str(under), step;
	int rc = 0;
	size_t i;

	*count = 0;
	if (slice_starts(rest, SLICE("/")))
		rest = slice_from(rest, 1);
	while (!rc && slice_next(&rest, '/', &step))
		rc = scan_enter(&s, step);
	if (!rc)
		rc = lift_members(&s, names, out, max, count);
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (!rc)
		return 0;
	for (i = 0; i < *count; i++)
		secret_free(out[i].value);
	*count = 0;
	return rc;
}
