/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Injections: templates over a credential, expanded into locked memory.
 *
 * {name} stands for a field of the credential; {basic} for the base64 of
 * user name and password (RFC 7617), which are templates themselves.  Values
 * are percent-encoded in query, form and path, and refused in a header if
 * they hold control characters.
 *
 * Runs in the keeper.  The buffers used on the way are wiped.
 */
#include "method/method_priv.h"

static int
expand_basic(const struct binding *b, const struct method_credential *c,
	     struct buf *out)
{
	struct buf pair;
	int rc;

	buf_init(&pair, METHOD_EXPANDED_MAX);
	rc = method_expand(b, c, b->basic.username, &pair);
	if (!rc && memchr(pair.data ? pair.data : "", ':', pair.len))
		rc = ERR_INVALID; /* RFC 7617 2: no colon in the user name */
	if (!rc)
		rc = buf_putc(&pair, ':');
	if (!rc)
		rc = method_expand(b, c, b->basic.password, &pair);
	if (!rc)
		rc = buf_reserve(out, CODEC_BASE64_SIZE(pair.len));
	if (!rc) {
		codec_base64(pair.data, pair.len, out->data + out->len);
		out->len += CODEC_BASE64_SIZE(pair.len) - 1;
	}
	buf_wipe(&pair);
	return rc;
}

int
method_expand(const struct binding *b, const struct method_credential *c,
	      const char *template, struct buf *out)
{
	struct slice rest = slice_str(template), piece;
	const struct secret *value;
	bool is_name;

	while (binding_template_next(&rest, &piece, &is_name)) {
		if (!is_name) {
			buf_put_slice(out, piece);
			continue;
		}
		value = method_credential_get(c, piece);
		if (value)
			buf_put(out, secret_peek(value), secret_len(value));
		else if (!slice_eq(piece, SLICE("basic")) ||
			 expand_basic(b, c, out))
			return ERR_INVALID;
	}
	return buf_err(out);
}

/* One part, as it stands in the request. */
static int
put_part(const struct catalog_injection *part, struct slice value,
	 struct buf *out)
{
	switch (part->place) {
	case CATALOG_IN_HEADER:
		if (slice_has_control(value))
			return ERR_INVALID;
		buf_printf(out, "%s: ", part->name);
		buf_put_slice(out, value);
		return buf_puts(out, "\r\n");
	case CATALOG_IN_PATH:
		return buf_put_slice(out, value);
	case CATALOG_IN_QUERY:
	case CATALOG_IN_FORM:
		break;
	}
	if (out->len)
		buf_putc(out, '&');
	if (part->place == CATALOG_IN_FORM) {
		codec_form(out, slice_str(part->name));
		buf_putc(out, '=');
		return codec_form(out, value);
	}
	codec_percent(out, slice_str(part->name));
	buf_putc(out, '=');
	return codec_percent(out, value);
}

/* A path's template has slashes of its own: values are encoded in it. */
static int
expand_path(const struct method_credential *c, const char *template,
	    struct buf *out)
{
	struct slice rest = slice_str(template), piece;
	const struct secret *value;
	bool is_name;

	while (binding_template_next(&rest, &piece, &is_name)) {
		if (!is_name) {
			buf_put_slice(out, piece);
			continue;
		}
		value = method_credential_get(c, piece);
		if (!value)
			return ERR_INVALID;
		codec_percent(out,
			      slice_of(secret_peek(value), secret_len(value)));
	}
	return buf_err(out);
}

/* All parts of one place; *out stays NULL where there are none. */
static int
inject_place(const struct binding *b, const struct method_credential *c,
	     enum catalog_place place, struct secret **out)
{
	const struct catalog_injection *part;
	struct buf all, value;
	size_t i;
	int rc = 0;

	*out = NULL;
	buf_init(&all, METHOD_EXPANDED_MAX);
	buf_init(&value, METHOD_EXPANDED_MAX);
	for (i = 0; i < b->inject.count && !rc; i++) {
		part = &b->inject.items[i];
		if (part->place != place)
			continue;
		buf_reset(&value);
		rc = place == CATALOG_IN_PATH
			     ? expand_path(c, part->value, &value)
			     : method_expand(b, c, part->value, &value);
		if (!rc)
			rc = put_part(part, buf_slice(&value), &all);
	}
	if (!rc && all.len) {
		*out = secret_from(all.data, all.len);
		rc = *out ? 0 : ERR_NOMEM;
	}
	buf_wipe(&all);
	buf_wipe(&value);
	return rc;
}

void
method_injection_release(struct method_injection *i)
{
	secret_free(i->headers);
	secret_free(i->query);
	secret_free(i->form);
	secret_free(i->path);
	memset(i, 0, sizeof(*i));
}

int
method_inject(const struct binding *b, const struct method_credential *c,
	      struct method_injection *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = inject_place(b, c, CATALOG_IN_HEADER, &out->headers);
	if (!rc)
		rc = inject_place(b, c, CATALOG_IN_QUERY, &out->query);
	if (!rc)
		rc = inject_place(b, c, CATALOG_IN_FORM, &out->form);
	if (!rc)
		rc = inject_place(b, c, CATALOG_IN_PATH, &out->path);
	if (rc)
		method_injection_release(out);
	return rc;
}
