/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request as it goes out: target, Host, framing, the client's fields
 * that may pass, the service's default fields, and last the injection.
 *
 * The head is written straight into the connection's block.  Which of the
 * client's fields are in it, field.c says.
 */
#include <stdio.h>

#include "call/call_priv.h"

/* ---- the target ---- */

/* The pieces are appended one by one; errors stick in *failed.  Into the
 * request, or (shown) into what people see of it, where no secret goes. */
struct out {
	struct http_writer *w;
	struct buf *shown;
	bool failed;
};

static void
out_put(struct out *o, struct slice s)
{
	if (o->shown)
		buf_put_slice(o->shown, s);
	else if (s.len && http_writer_put(o->w, s))
		o->failed = true;
}

/* What the injection adds in this place. */
static void
out_secret(struct out *o, const struct call *c, enum catalog_place place)
{
	const struct connect_injection *in = c->injection;
	const struct secret *s = place == CATALOG_IN_HEADER  ? in->headers
				 : place == CATALOG_IN_QUERY ? in->query
				 : place == CATALOG_IN_FORM  ? in->form
							     : in->path;

	if (!s)
		return;
	if (o->shown)
		call_show_place(c, place, o->shown);
	else
		out_put(o, slice_of(secret_peek(s), secret_len(s)));
}

/* Whether the injection has a query parameter of this (encoded) name. */
static bool
query_is_injected(const struct call *c, struct slice name)
{
	const struct catalog_injections *in = &c->injection->binding->inject;
	struct buf decoded;
	bool found = false;
	size_t i;

	buf_init(&decoded, 4096);
	if (codec_percent_decode(&decoded, name, true)) {
		buf_release(&decoded);
		return true; /* nobody knows how the service reads it */
	}
	for (i = 0; i < in->count && !found; i++)
		found = in->items[i].place == CATALOG_IN_QUERY &&
			slice_eq_nocase(buf_slice(&decoded),
					slice_str(in->items[i].name));
	buf_release(&decoded);
	return found;
}

/* Some servers take ';' for '&' still: a name behind one counts as well. */
static bool
pair_is_injected(const struct call *c, struct slice pair)
{
	struct slice one;

	while (slice_next(&pair, ';', &one))
		if (query_is_injected(c, slice_head(one, slice_find(one, '='))))
			return true;
	return false;
}

/* The client's query, without what the injection sets and without our key.
 * Rewritten pair by pair only where there is reason to. */
static void
out_query(struct out *o, struct call *c, struct slice query, bool mark)
{
	struct slice rest = query, pair;
	char sep = mark ? '?' : 0;
	bool plain = !c->injection->query &&
		     (!c->key.len || query.len < c->key.len ||
		      !memmem(query.ptr, query.len, c->key.ptr, c->key.len));

	if (plain) {
		if (mark)
			out_put(o, SLICE("?"));
		out_put(o, query);
		return;
	}
	while (slice_next(&rest, '&', &pair)) {
		if (pair_is_injected(c, pair) ||
		    (c->key.len && pair.len >= c->key.len &&
		     memmem(pair.ptr, pair.len, c->key.ptr, c->key.len)))
			continue;
		out_put(o, slice_of(&sep, sep ? 1 : 0));
		out_put(o, pair);
		sep = '&';
	}
	if (c->injection->query) {
		sep = sep == '&' ? '&' : '?';
		out_put(o, slice_of(&sep, 1));
		out_secret(o, c, CATALOG_IN_QUERY);
	}
}

static void
out_target(struct out *o, struct call *c)
{
	struct slice path, query;
	bool mark = slice_find(c->path, '?') < c->path.len;

	http_path_split(c->path, &path, &query);
	out_secret(o, c, CATALOG_IN_PATH);
	out_put(o, c->base_path);
	out_put(o, path);
	if (!c->base_path.len && !path.len)
		out_put(o, SLICE("/"));
	if (mark || c->injection->query)
		out_query(o, c, query, mark);
}

/* ---- body ---- */

uint64_t
call_request_form_length(const struct call *c)
{
	if (!c->injection->form || !c->body_is_form)
		return 0;
	return secret_len(c->injection->form) + (c->body_length ? 1 : 0);
}

int
call_request_put_form(struct call *c)
{
	struct http_writer *w = &c->conn->writer;
	struct out o = { .w = w };
	int rc;

	if (!c->form_tail)
		return 0;
	rc = http_writer_flush(w); /* an empty block takes it whole */
	if (rc)
		return rc;
	if (c->body_length)
		out_put(&o, SLICE("&"));
	out_secret(&o, c, CATALOG_IN_FORM);
	w->left -= c->form_tail;
	c->form_tail = 0;
	return o.failed ? ERR_NOMEM : 0;
}

static void
out_framing(struct out *o, struct call *c)
{
	enum http_body body = c->body;
	uint64_t length = c->body_length;
	char digits[SLICE_U64_SIZE];

	c->form_tail = call_request_form_length(c);
	length += c->form_tail;
	if (c->form_tail && body == HTTP_BODY_NONE)
		body = HTTP_BODY_LENGTH;
	if (body == HTTP_BODY_CHUNKED) {
		out_put(o, SLICE("Transfer-Encoding: chunked\r\n"));
	} else if (body == HTTP_BODY_LENGTH) {
		out_put(o, SLICE("Content-Length: "));
		out_put(o, slice_u64(length, digits));
		out_put(o, SLICE("\r\n"));
	} else if (slice_eq(c->method, SLICE("POST")) ||
		   slice_eq(c->method, SLICE("PUT")) ||
		   slice_eq(c->method, SLICE("PATCH"))) {
		out_put(o, SLICE("Content-Length: 0\r\n"));
	}
	http_writer_start_body(o->w, body, length);
}

/* The service's own fields, where the client has not sent them. */
static void
out_service_fields(struct out *o, struct call *c)
{
	const struct catalog_pairs *headers = &c->injection->binding->headers;
	size_t i;

	for (i = 0; i < headers->count; i++) {
		if (c->client->has_field &&
		    c->client->has_field(c, slice_str(headers->items[i].name)))
			continue;
		out_put(o, slice_str(headers->items[i].name));
		out_put(o, SLICE(": "));
		out_put(o, slice_str(headers->items[i].value));
		out_put(o, SLICE("\r\n"));
	}
}

int
call_request_put_head(struct call *c)
{
	struct out o = { .w = &c->conn->writer };
	int rc;

	out_put(&o, c->method);
	out_put(&o, SLICE(" "));
	out_target(&o, c);
	out_put(&o, SLICE(" HTTP/1.1\r\nHost: "));
	out_put(&o, egress_dest_authority(c->dest));
	out_put(&o, SLICE("\r\n"));
	out_framing(&o, c);
	rc = c->client->put_fields(c, o.w);
	if (rc)
		return rc;
	out_service_fields(&o, c);
	out_secret(&o, c, CATALOG_IN_HEADER);
	out_put(&o, SLICE("\r\n"));
	return o.failed ? ERR_TOO_LARGE : 0;
}

/* ---- the same, for people ---- */

int
call_show_url(struct call *c, struct buf *out)
{
	struct out o = { .shown = out };

	out_put(&o, c->url.https ? SLICE("https://") : SLICE("http://"));
	out_put(&o, egress_dest_authority(c->dest));
	out_target(&o, c);
	return buf_err(out);
}

int
call_show_fields(struct call *c, struct buf *out)
{
	struct out o = { .shown = out };

	out_service_fields(&o, c);
	out_secret(&o, c, CATALOG_IN_HEADER);
	return buf_err(out);
}

int
call_show_form(struct call *c, struct buf *out)
{
	struct out o = { .shown = out };

	if (!c->body_is_form || !c->injection->form)
		return 0;
	if (c->body_length)
		out_put(&o, SLICE("&"));
	out_secret(&o, c, CATALOG_IN_FORM);
	return buf_err(out);
}
