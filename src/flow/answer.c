/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a visitor's text means: numbers, e-mail addresses, telephone numbers,
 * dates, one of some choices.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

enum {
	NUMBER_DIGITS = 30,
	PHONE_DIGITS_MIN = 5,
	PHONE_DIGITS_MAX = 15, /* ITU-T E.164 */
	EMAIL_MAX = 254,       /* RFC 5321 4.5.3.1.3 less the brackets */
	LOCAL_MAX = 64,
	LABEL_MAX = 63,
};

const char *const flow_kind_names[FLOW_KINDS] = {
	"text", "number", "email", "phone", "date", "choice", "yes_no",
};

/* ---- text ---- */

int
flow_pattern_compile(const char *pattern, struct jsonpath **out)
{
	struct buf query;
	int rc;

	*out = NULL;
	buf_init(&query, 8192);
	buf_puts(&query, "$[?match(@, \"");
	codec_json(&query, slice_str(pattern));
	buf_puts(&query, "\")]");
	rc = buf_err(&query);
	if (!rc)
		rc = jsonpath_pattern_check(slice_str(pattern));
	if (!rc)
		rc = jsonpath_compile(buf_slice(&query), NULL, out, NULL);
	buf_release(&query);
	return rc;
}

static size_t
characters(struct slice s)
{
	size_t i, n = 0;

	for (i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static bool
pattern_holds(const struct jsonpath *pattern, struct slice text)
{
	json_t *doc = json_pack("[s%]", text.ptr, text.len), *found;
	bool yes = doc && !jsonpath_first(pattern, doc, NULL, &found);

	json_decref(doc);
	return yes;
}

static bool
text_is_within(struct slice text, const struct flow_limits *l)
{
	size_t n = characters(text);

	if (!l)
		return true;
	if (n < l->min_length || (l->max_length && n > l->max_length))
		return false;
	return !l->pattern || pattern_holds(l->pattern, text);
}

/* ---- number ---- */

/*
 * Digits with an optional sign and fraction.  A comma is a decimal comma,
 * but where it may separate thousands ("1,234"): then nobody knows.
 */
static bool
number_shape(struct slice s, char out[NUMBER_DIGITS + 4], bool *fraction)
{
	size_t i = 0, n = 0, digits = 0, point = s.len;

	*fraction = false;
	if (!s.len || s.len > NUMBER_DIGITS)
		return false;
	if (s.ptr[0] == '-' || s.ptr[0] == '+')
		i = 1;
	if (s.ptr[0] == '-')
		out[n++] = '-';
	for (; i < s.len; i++) {
		if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
			out[n++] = s.ptr[i];
			digits++;
		} else if ((s.ptr[i] == '.' || s.ptr[i] == ',') && digits &&
			   point == s.len) {
			point = i;
			out[n++] = '.';
		} else {
			return false;
		}
	}
	out[n] = '\0';
	*fraction = point < s.len;
	if (*fraction &&
	    (point + 1 == s.len || (s.ptr[point] == ',' && s.len - point == 4)))
		return false;
	return digits > 0;
}

static json_t *
number_value(struct slice s, const struct flow_limits *l)
{
	char text[NUMBER_DIGITS + 4];
	bool fraction;
	long long n;
	double x;

	if (!number_shape(s, text, &fraction))
		return NULL;
	x = strtod(text, NULL);
	if (l && ((l->has_min && x < l->min) || (l->has_max && x > l->max)))
		return NULL;
	errno = 0;
	n = fraction ? 0 : strtoll(text, NULL, 10);
	if (fraction || errno)
		return json_real(x);
	return json_integer(n);
}

/* ---- e-mail ---- */

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool
label_is_fine(struct slice s)
{
	size_t i;

	if (!s.len || s.len > LABEL_MAX || s.ptr[0] == '-' ||
	    s.ptr[s.len - 1] == '-')
		return false;
	for (i = 0; i < s.len; i++)
		if (!is_alnum(s.ptr[i]) && s.ptr[i] != '-' &&
		    !((unsigned char)s.ptr[i] & 0x80))
			return false;
	return true;
}

/* RFC 5321's Dot-string, and RFC 6531's beside ASCII. */
static bool
local_is_fine(struct slice s)
{
	size_t i;

	if (!s.len || s.len > LOCAL_MAX || s.ptr[0] == '.' ||
	    s.ptr[s.len - 1] == '.')
		return false;
	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.' && s.ptr[i - 1] == '.')
			return false;
		if (!is_alnum(s.ptr[i]) && !((unsigned char)s.ptr[i] & 0x80) &&
		    !memchr(".!#$%&'*+/=?^_`{|}~-", s.ptr[i], 20))
			return false;
	}
	return true;
}

bool
flow_is_email(const char *text)
{
	struct slice s = slice_str(text), rest, label;
	size_t at = slice_find(s, '@'), labels = 0;

	if (s.len > EMAIL_MAX || at == s.len ||
	    !local_is_fine(slice_head(s, at)) || s.ptr[s.len - 1] == '.')
		return false;
	rest = slice_from(s, at + 1);
	while (slice_next(&rest, '.', &label)) {
		if (!label_is_fine(label))
			return false;
		labels++;
	}
	return labels >= 2;
}

/* ---- telephone ---- */

/* "+43 (1) 234-56" becomes "+4312 3456" without the space. */
static json_t *
phone_value(struct slice s)
{
	char out[PHONE_DIGITS_MAX + 3];
	size_t i, n = 0, digits = 0;

	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
			if (digits++ == PHONE_DIGITS_MAX + 2)
				return NULL;
			if (n < sizeof(out) - 1)
				out[n++] = s.ptr[i];
		} else if (s.ptr[i] == '+' && !n) {
			out[n++] = '+';
		} else if (!strchr(" -()./", s.ptr[i])) {
			return NULL;
		}
	}
	out[n] = '\0';
	if (out[0] == '0' && out[1] == '0') { /* the international prefix */
		memmove(out + 1, out + 2, n - 1);
		out[0] = '+';
		digits -= 2;
	}
	if (digits < PHONE_DIGITS_MIN || digits > PHONE_DIGITS_MAX)
		return NULL;
	return json_string(out);
}

/* ---- date ---- */

static bool
date_exists(unsigned y, unsigned m, unsigned d)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30,
					      31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return y >= 1 && m >= 1 && m <= 12 && d >= 1 &&
	       d <= days[m - 1] + (unsigned)(leap && m == 2);
}

static bool
digits_at(const char *text, size_t n, unsigned *out)
{
	size_t i;

	*out = 0;
	for (i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*out = *out * 10 + (unsigned)(text[i] - '0');
	}
	return true;
}

bool
flow_is_date(const char *text)
{
	unsigned y, m, d;

	return strlen(text) == 10 && text[4] == '-' && text[7] == '-' &&
	       digits_at(text, 4, &y) && digits_at(text + 5, 2, &m) &&
	       digits_at(text + 8, 2, &d) && date_exists(y, m, d);
}

/* 2030-01-31, and 31.1.2030; with slashes the order differs by country. */
static json_t *
date_value(struct slice s, const struct flow_limits *l)
{
	unsigned parts[3] = { 0 };
	struct slice rest = s, word;
	char out[16];
	uint64_t n;
	size_t i = 0;

	if (s.len == 10 && s.ptr[4] == '-') {
		slice_copy(s, out, sizeof(out));
	} else {
		while (i < 3 && slice_next(&rest, '.', &word)) {
			if (slice_to_u64(slice_trim(word), 9999, &n))
				return NULL;
			parts[i++] = (unsigned)n;
		}
		if (i < 3 || rest.len || parts[2] < 1000)
			return NULL;
		snprintf(out, sizeof(out), "%04u-%02u-%02u", parts[2] % 10000,
			 parts[1] % 100, parts[0] % 100);
		if (parts[1] > 12 || parts[0] > 31)
			return NULL;
	}
	if (!flow_is_date(out))
		return NULL;
	if (l && ((l->min_date && strcmp(out, l->min_date) < 0) ||
		  (l->max_date && strcmp(out, l->max_date) > 0)))
		return NULL;
	return json_string(out);
}

/* ---- all of them ---- */

/* Lines and tabs around an answer are no part of it either. */
struct slice
flow_trim(const char *text)
{
	static const char blank[] = " \t\r\n\v\f";
	struct slice s = slice_from(slice_str(text), strspn(text, blank));

	while (s.len && strchr(blank, s.ptr[s.len - 1]))
		s.len--;
	return s;
}

json_t *
flow_answer_value(enum flow_kind kind, const char *text,
		  const struct flow_limits *l)
{
	struct slice s = flow_trim(text);
	char address[EMAIL_MAX + 1];

	if (!s.len || !slice_is_utf8(s) ||
	    (kind != FLOW_NUMBER && kind != FLOW_DATE && !text_is_within(s, l)))
		return NULL;
	switch (kind) {
	case FLOW_NUMBER:
		return number_value(s, l);
	case FLOW_EMAIL:
		if (slice_copy(s, address, sizeof(address)) ||
		    !flow_is_email(address))
			return NULL;
		return json_string(address);
	case FLOW_PHONE:
		return phone_value(s);
	case FLOW_DATE:
		return date_value(s, l);
	default:
		return json_stringn(s.ptr, s.len);
	}
}

/* ---- choices ---- */

int
flow_option_find(const struct flow_option *options, size_t count,
		 const struct flow_answer *a)
{
	const char *id = a->choice;
	struct slice text;
	uint64_t n;
	size_t i;

	if (!id && !a->text && json_is_string(a->value))
		id = json_string_value(a->value);
	for (i = 0; id && i < count; i++)
		if (!strcmp(options[i].id, id))
			return (int)i;
	if (!a->text)
		return -1;
	text = flow_trim(a->text);
	for (i = 0; i < count; i++)
		if (slice_eq_nocase(text, slice_str(options[i].id)) ||
		    slice_eq_nocase(text, slice_str(options[i].label)))
			return (int)i;
	if (!slice_to_u64(text, count, &n) && n)
		return (int)n - 1;
	return -1;
}

json_t *
flow_options_json(const struct flow_option *options, size_t count)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "id",
						      options[i].id, "label",
						      options[i].label));
	return list;
}
