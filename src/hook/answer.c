/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an answer's bytes to values.
 *
 * Services write JSON that no strict reader takes: numbers of twenty digits,
 * NULs, halves of surrogate pairs, names that come twice.  A flow should
 * reach their data all the same, so such a text is first rewritten to one
 * that means the same as far as it can, and then read by jansson; nesting is
 * counted before anything recurses.
 *
 * Runs on a work thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "hook/hook_priv.h"

/* ---- JSON, rewritten ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number at the front, as far as its bytes go. */
static size_t
number_length(struct slice s)
{
	size_t n;

	for (n = 0; n < s.len; n++)
		if (!is_digit(s.ptr[n]) && !strchr("+-.eE", s.ptr[n]))
			break;
	return n;
}

/* Whether jansson can hold it: a 64-bit integer, or a finite real. */
static bool
number_fits(struct slice s)
{
	char text[400], *end;
	bool whole = true;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (strchr(".eE", s.ptr[i]))
			whole = false;
	if (slice_copy(s, text, sizeof(text)))
		return false;
	errno = 0;
	if (whole)
		strtoll(text, &end, 10);
	else
		strtod(text, &end);
	/* Too small a real is 0, which is fine. */
	return errno != ERANGE ||
	       (!whole && strtod(text, NULL) < 1 && strtod(text, NULL) > -1);
}

/* "\uXXXX": its value, or -1. */
static int
escape_value(struct slice s)
{
	unsigned char bytes[2];
	size_t len;

	if (s.len < 6 || s.ptr[0] != '\\' || s.ptr[1] != 'u' ||
	    codec_hex_decode(slice_of(s.ptr + 2, 4), bytes, 2, &len))
		return -1;
	return bytes[0] << 8 | bytes[1];
}

/* An escape at the front; how many bytes it is. */
static size_t
put_escape(struct buf *out, struct slice s)
{
	int first = escape_value(s), second;

	if (first < 0) {
		buf_put_slice(out, slice_head(s, 2));
		return s.len < 2 ? s.len : 2;
	}
	if (first >= 0xd800 && first < 0xdc00) {
		second = escape_value(slice_from(s, 6));
		if (second >= 0xdc00 && second < 0xe000) {
			buf_put_slice(out, slice_head(s, 12));
			return 12;
		}
	}
	if (first == 0 || (first >= 0xd800 && first < 0xe000))
		buf_puts(out, "\\ufffd");
	else
		buf_put_slice(out, slice_head(s, 6));
	return 6;
}

/* A string's inside and its closing quote, the opening one being written. */
static size_t
put_string(struct buf *out, struct slice s)
{
	size_t i = 0, from = 0;

	while (i < s.len && s.ptr[i] != '"') {
		if (s.ptr[i] != '\\') {
			i++;
			continue;
		}
		buf_put(out, s.ptr + from, i - from);
		i += put_escape(out, slice_from(s, i));
		from = i;
	}
	i += i < s.len;
	buf_put(out, s.ptr + from, i - from);
	return i;
}

static size_t
put_number(struct buf *out, struct slice s, bool *fits)
{
	size_t n = number_length(s);

	*fits = number_fits(slice_head(s, n));
	if (!*fits)
		buf_putc(out, '"');
	buf_put_slice(out, slice_head(s, n));
	if (!*fits)
		buf_putc(out, '"');
	return n;
}

/* Bytes of the heap that a value takes in jansson, as measured, or what stands
 * before it in a list or an object; a string's or a name's beside its own. */
enum {
	OBJECT_COST = 232,
	ARRAY_COST = 136,
	STRING_COST = 96,
	NUMBER_COST = 40,
	PLACE_COST = 12,
};

/* What comes next, and what its value takes; ERR_INVALID: too deep. */
static int
rewrite_one(struct slice s, struct buf *out, unsigned *depth, size_t *n,
	    size_t *size)
{
	bool fits;

	*n = 1;
	if (*s.ptr == '-' || is_digit(*s.ptr)) {
		*n = put_number(out, s, &fits);
		*size += fits ? NUMBER_COST : STRING_COST + *n;
		return 0;
	}
	buf_putc(out, *s.ptr);
	switch (*s.ptr) {
	case '"':
		*n += put_string(out, slice_from(s, 1));
		*size += STRING_COST + *n;
		return 0;
	case '{':
	case '[':
		*size += *s.ptr == '{' ? OBJECT_COST : ARRAY_COST;
		return ++*depth > HOOK_JSON_DEPTH ? ERR_INVALID : 0;
	case '}':
	case ']':
		*depth -= *depth > 0;
		return 0;
	case ',':
		*size += PLACE_COST;
		return 0;
	default:
		return 0;
	}
}

int
hook_json_clean(struct slice s, struct buf *clean, size_t *size)
{
	size_t n, max = HOOK_TREE_BASE + HOOK_TREE_TIMES * s.len;
	unsigned depth = 0;
	int rc = 0;

	*size = 0;
	if (slice_starts(s, SLICE("\xef\xbb\xbf"))) /* RFC 8259 8.1 */
		s = slice_from(s, 3);
	for (; s.len && !rc && !buf_err(clean); s = slice_from(s, n)) {
		rc = rewrite_one(s, clean, &depth, &n, size);
		if (!rc && *size > max)
			rc = ERR_TOO_LARGE;
	}
	return rc ? rc : buf_err(clean);
}

int
hook_json_load(const struct buf *clean, json_t **out)
{
	json_error_t error;

	*out = json_loadb(clean->data ? clean->data : "", clean->len,
			  JSON_DECODE_ANY, &error);
	return *out ? 0 : ERR_INVALID;
}

int
hook_json_read(struct slice text, json_t **out)
{
	struct buf clean;
	size_t size;
	int rc;

	*out = NULL;
	/* Two bytes more for each number that must become a string. */
	buf_init(&clean, text.len * 2 + 16);
	rc = hook_json_clean(text, &clean, &size);
	if (!rc)
		rc = hook_json_load(&clean, out);
	buf_wipe(&clean);
	return rc;
}

/* ---- scrubbing values ---- */

static int
scrub_string(struct call_scrub *s, json_t **value)
{
	size_t len = json_string_length(*value), found;
	char *copy = malloc(len + 1);
	int rc = 0;

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, json_string_value(*value), len);
	found = call_scrub_found(s);
	call_scrub_mask(s, copy, len, true);
	if (call_scrub_found(s) != found) {
		json_decref(*value);
		*value = json_stringn_nocheck(copy, len);
		rc = *value ? 0 : ERR_NOMEM;
	}
	secret_wipe(copy, len);
	free(copy);
	return rc;
}

static int
scrub_array(struct call_scrub *s, json_t *array)
{
	size_t i, n = json_array_size(array);
	json_t *item;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		item = json_incref(json_array_get(array, i));
		rc = hook_json_scrub(s, &item);
		if (!rc && json_array_set(array, i, item))
			rc = ERR_NOMEM;
		json_decref(item);
	}
	return rc;
}

/* Into a new object: names may change. */
static int
scrub_object(struct call_scrub *s, json_t **object)
{
	json_t *n = json_object(), *item, *name;
	const char *key;
	json_t *value;
	int rc = n ? 0 : ERR_NOMEM;

	json_object_foreach(*object, key, value)
	{
		item = json_incref(value);
		name = json_string_nocheck(key);
		rc = name ? scrub_string(s, &name) : ERR_NOMEM;
		if (!rc)
			rc = hook_json_scrub(s, &item);
		if (!rc &&
		    json_object_set_nocheck(n, json_string_value(name), item))
			rc = ERR_NOMEM;
		json_decref(item);
		json_decref(name);
		if (rc)
			break;
	}
	if (rc) {
		json_decref(n);
		return rc;
	}
	json_decref(*object);
	*object = n;
	return 0;
}

int
hook_json_scrub(struct call_scrub *s, json_t **value)
{
	if (!s)
		return 0;
	if (json_is_string(*value))
		return scrub_string(s, value);
	if (json_is_array(*value))
		return scrub_array(s, *value);
	if (json_is_object(*value))
		return scrub_object(s, value);
	return 0;
}
