/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the caller's key.
 *
 * An SDK puts its credential where its service wants it: behind Bearer or
 * Zoho-oauthtoken, in a field of its own, as user name or password of Basic,
 * in the query.  Drawbridge's keys are recognised by their "dbk_" wherever
 * that is.  Drawbridge-Key goes before all, and lets the client keep its own
 * Authorization to itself (it is dropped).
 */
#include "gateway/gateway_priv.h"

static bool
key_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* The key that begins at this text, if there is one. */
static bool
key_at(struct slice text, struct slice *key)
{
	size_t len = 4;

	if (!slice_starts(text, SLICE("dbk_")))
		return false;
	while (len < text.len && key_char(text.ptr[len]))
		len++;
	*key = slice_head(text, len);
	return len > 8 && len < GATEWAY_KEY_MAX;
}

/* What is found twice must be the same. */
static int
key_take(struct slice key, char *out, size_t *len)
{
	if (*len)
		return slice_eq(key, slice_of(out, *len)) ? 0 : ERR_INVALID;
	memcpy(out, key.ptr, key.len);
	*len = key.len;
	return 0;
}

static int
key_from_basic(struct slice value, char *out, size_t *len)
{
	char plain[1024];
	struct slice text, key;
	size_t size, colon;
	int rc = 0;

	if (codec_base64_decode(value, plain, sizeof(plain), &size))
		return 0; /* not ours to judge: it is dropped */
	text = slice_of(plain, size);
	colon = slice_find(text, ':');
	if (key_at(slice_head(text, colon), &key) ||
	    key_at(slice_from(text, colon + 1), &key))
		rc = key_take(key, out, len);
	secret_wipe(plain, sizeof(plain));
	return rc;
}

/* "dbk_…" or "Scheme dbk_…" or Basic. */
static int
key_from_value(struct slice value, bool basic, char *out, size_t *len)
{
	size_t space = slice_find(value, ' ');
	struct slice key;

	if (key_at(value, &key))
		return key_take(key, out, len);
	if (space == value.len)
		return 0;
	if (basic && slice_eq_nocase(slice_head(value, space), SLICE("Basic")))
		return key_from_basic(slice_trim(slice_from(value, space)), out,
				      len);
	if (key_at(slice_trim(slice_from(value, space)), &key))
		return key_take(key, out, len);
	return 0;
}

static int
key_from_query(struct slice target, char *out, size_t *len)
{
	struct slice path, query, name, value, key;
	int rc = 0;

	http_path_split(target, &path, &query);
	while (!rc && http_query_next(&query, &name, &value))
		if (key_at(value, &key) && key.len == value.len)
			rc = key_take(key, out, len);
	return rc;
}

int
gateway_key_find(const struct http_head *h, char out[GATEWAY_KEY_MAX],
		 size_t *len)
{
	const struct http_field *own = NULL, *f;
	unsigned i, authorizations = 0;
	int rc = 0;

	*len = 0;
	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		if (f->id == HTTP_DRAWBRIDGE_KEY) {
			if (own)
				return ERR_INVALID;
			own = f;
		}
		authorizations += f->id == HTTP_AUTHORIZATION;
	}
	if (authorizations > 1)
		return ERR_INVALID;
	if (own) {
		rc = key_from_value(own->value, false, out, len);
		return rc ? rc : *len ? 0 : ERR_NOT_FOUND;
	}
	for (i = 0; i < h->count && !rc; i++) {
		f = &h->fields[i];
		if (f->id == HTTP_AUTHORIZATION || f->id == HTTP_OTHER)
			rc = key_from_value(f->value,
					    f->id == HTTP_AUTHORIZATION, out,
					    len);
	}
	if (!rc && !*len)
		rc = key_from_query(h->target, out, len);
	return rc ? rc : *len ? 0 : ERR_NOT_FOUND;
}
