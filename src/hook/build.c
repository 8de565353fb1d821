/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request of one run: URL, query, header fields, body, each template
 * rendered for its place.
 *
 * A value is encoded by where it stands, so that it never becomes a further
 * parameter, segment, field or part.  What cannot stand in its place (a
 * line's end in a header) makes the request unbuildable; the sentence says
 * where, and never quotes the value.
 *
 * Runs on a work thread; sees no credential.
 */
#include <stdarg.h>
#include <stdio.h>

#include "hook/hook_priv.h"

enum { URL_MAX = 16 * 1024, FIELD_MAX = 16 * 1024, OWN_FIELDS = 6 };

void
hook_note_unset(struct hook_built *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->unset_count; i++)
		if (!strcmp(b->unset[i], name))
			return;
	if (b->unset_count == ARRAY_LEN(b->unset) || !name[0])
		return;
	b->unset[b->unset_count] = arena_strdup(b->arena, name);
	if (b->unset[b->unset_count])
		b->unset_count++;
}

int
hook_build_goes_on(const struct hook_built *b)
{
	return b->stop && atomic_load_explicit(b->stop, memory_order_relaxed)
		       ? ERR_CANCELLED
		       : 0;
}

int
hook_render(struct hook_built *b, const struct template *t,
	    const json_t *values, const char *what, struct buf *out)
{
	struct template_problem p = { 0 };
	int rc = hook_build_goes_on(b);

	if (!rc)
		rc = template_render_within(t, values, TEMPLATE_MISSING_ERROR,
					    &b->work, out, &p);
	if (rc == ERR_NOT_FOUND) {
		hook_note_unset(b, p.name);
		rc = template_render_within(t, values, TEMPLATE_MISSING_EMPTY,
					    &b->work, out, &p);
	}
	if (!rc || rc == ERR_NOMEM || rc == ERR_CANCELLED)
		return rc;
	snprintf(b->why, sizeof(b->why), "%s: %s", what, p.text);
	return ERR_INVALID;
}

/* ---- URL ---- */

static int
build_query(const struct hook_document *d, const json_t *values,
	    struct hook_built *b, struct buf *url)
{
	char sep = '?';
	size_t i;
	int rc = 0;

	for (i = 0; i < url->len; i++)
		if (url->data[i] == '?')
			sep = '&';
	if (sep == '&' && strchr("?&", url->data[url->len - 1]))
		sep = '\0';
	for (i = 0; i < d->query.count && !rc; i++) {
		if (sep)
			buf_putc(url, sep);
		sep = '&';
		rc = hook_render(b, d->query.items[i].name, values,
				 "A query parameter's name", url);
		if (!rc)
			rc = buf_putc(url, '=');
		if (!rc)
			rc = hook_render(b, d->query.items[i].value, values,
					 "A query parameter", url);
	}
	return rc;
}

static int
build_url(const struct hook_document *d, const json_t *values,
	  struct hook_built *b)
{
	struct buf url;
	int rc;

	buf_init(&url, URL_MAX);
	rc = hook_render(b, d->url, values, "The URL", &url);
	if (!rc)
		rc = build_query(d, values, b, &url);
	if (buf_err(&url) == ERR_TOO_LARGE || rc == ERR_TOO_LARGE) {
		snprintf(b->why, sizeof(b->why),
			 "The URL is longer than %d bytes.", URL_MAX);
		rc = ERR_INVALID;
	}
	if (!rc) {
		b->url = arena_slice(b->arena, buf_slice(&url));
		rc = b->url ? 0 : ERR_NOMEM;
	}
	buf_release(&url);
	return rc;
}

/* ---- header fields ---- */

const char *
hook_built_header(const struct hook_built *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->headers.count; i++)
		if (slice_eq_nocase(slice_str(b->headers.items[i].name),
				    slice_str(name)))
			return b->headers.items[i].value;
	return NULL;
}

/* There is room for all rows and our own. */
static int
add_field(struct hook_built *b, const char *name, struct slice value)
{
	struct hook_field *f = &b->headers.items[b->headers.count];

	f->name = name;
	f->value = arena_slice(b->arena, slice_trim(value));
	if (!f->value)
		return ERR_NOMEM;
	b->headers.count++;
	return 0;
}

static int
add_rendered(struct hook_built *b, const char *name, const struct template *t,
	     const json_t *values)
{
	char what[160];
	struct buf value;
	int rc;

	snprintf(what, sizeof(what), "The header field %.100s", name);
	buf_init(&value, FIELD_MAX);
	rc = hook_render(b, t, values, what, &value);
	if (!rc)
		rc = add_field(b, name, buf_slice(&value));
	buf_release(&value);
	return rc;
}

static int
add_default(struct hook_built *b, const char *name, const char *value)
{
	if (!value || hook_built_header(b, name))
		return 0;
	return add_field(b, name, slice_str(value));
}

static int
build_key(const struct hook_document *d, const json_t *values,
	  struct hook_built *b)
{
	static const char name[] = "Idempotency-Key";
	size_t at = b->headers.count;
	int rc;

	if (!d->key)
		return 0;
	rc = add_rendered(b, name, d->key, values);
	if (rc)
		return rc;
	if (b->headers.items[at].value[0])
		b->keyed = true;
	else
		b->headers.count--;
	return 0;
}

static int
build_headers(const struct hook_document *d, const json_t *values,
	      struct hook_built *b, const char *type)
{
	bool graphql = d->body == HOOK_BODY_GRAPHQL;
	const struct hook_row *row;
	size_t i;
	int rc = 0;

	for (i = 0; i < d->headers.count && !rc; i++) {
		row = &d->headers.items[i];
		if (d->body == HOOK_BODY_MULTIPART &&
		    slice_eq_nocase(slice_str(row->header),
				    SLICE("Content-Type")))
			continue;
		rc = add_rendered(b, row->header, row->value, values);
	}
	if (!rc)
		rc = build_key(d, values, b);
	if (!rc)
		rc = add_default(b, "Content-Type", type);
	b->firm = b->headers.count;
	if (!rc)
		rc = add_default(b, "Accept",
				 graphql ? "application/graphql-response+json, "
					   "application/json"
					 : "*/*");
	if (!rc)
		rc = add_default(b, "Accept-Encoding", http_coding_accept);
	if (!rc)
		rc = add_default(b, "User-Agent", "Drawbridge");
	return rc;
}

/* ---- the whole ---- */

int
hook_build(const struct hook_document *d, const json_t *values,
	   struct arena *arena, const _Atomic bool *stop,
	   struct hook_built *out)
{
	const char *type = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	out->arena = arena;
	out->work.left = TEMPLATE_WORK_MAX;
	out->stop = stop;
	buf_init(&out->body, HOOK_BODY_MAX);
	out->headers.items =
		arena_alloc(arena, (d->headers.count + OWN_FIELDS) *
					   sizeof(*out->headers.items));
	if (!out->headers.items)
		return ERR_NOMEM;
	rc = build_url(d, values, out);
	if (!rc)
		rc = hook_build_body(d, values, out, &type);
	if (!rc)
		rc = build_headers(d, values, out, type);
	return rc;
}

void
hook_built_release(struct hook_built *b)
{
	buf_release(&b->body);
}
