/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a redirect leads (RFC 9110 10.2.2, RFC 3986 5.2).
 *
 * What cannot be read in one way alone is not followed: then the answer is
 * the redirect itself.
 */
#include "hook/hook_priv.h"

bool
hook_redirect_status(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

bool
hook_redirect_keeps(struct slice name)
{
	static const struct slice kept[] = {
		{ "accept", 6 },
		{ "accept-language", 15 },
		{ "accept-encoding", 15 },
		{ "user-agent", 10 },
		{ "range", 5 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(kept); i++)
		if (slice_eq_nocase(name, kept[i]))
			return true;
	return false;
}

/* Appends the path's segments with dot segments walked, never above the
 * root (RFC 3986 5.2.4). */
static void
put_path(struct buf *out, struct slice path)
{
	size_t root = out->len;
	struct slice segment;
	bool last = false;

	path = slice_from(path, 1); /* begins with '/' */
	buf_putc(out, '/');
	while (!last && !buf_err(out)) {
		segment = slice_head(path, slice_find(path, '/'));
		last = segment.len == path.len;
		path = slice_from(path, segment.len + 1);
		if (slice_eq(segment, SLICE("..")) && out->len > root + 1) {
			out->len--;
			while (out->data[out->len - 1] != '/')
				out->len--;
		} else if (!slice_eq(segment, SLICE(".")) &&
			   !slice_eq(segment, SLICE(".."))) {
			buf_put_slice(out, segment);
			if (!last)
				buf_putc(out, '/');
		}
	}
}

static bool
has_scheme(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] == ':')
			return i > 0;
		if (strchr("/?", s.ptr[i]))
			return false;
	}
	return false;
}

/* A reference without scheme and host, against the URL that was called. */
static void
put_relative(struct slice origin, struct slice called, struct slice ref,
	     struct buf *out)
{
	struct slice path = slice_head(called, slice_find(called, '?')), own;
	size_t end = slice_find(ref, '?'), folder;
	struct buf whole;

	buf_init(&whole, out->max);
	own = slice_head(ref, end);
	if (slice_starts(own, SLICE("/"))) {
		buf_put_slice(&whole, own);
	} else if (own.len) {
		folder = path.len;
		while (folder && path.ptr[folder - 1] != '/')
			folder--;
		buf_puts(&whole, folder ? "" : "/");
		buf_put_slice(&whole, slice_head(path, folder));
		buf_put_slice(&whole, own);
	} else {
		buf_put_slice(&whole, path.len ? path : SLICE("/"));
	}
	buf_put_slice(out, origin);
	if (whole.len)
		put_path(out, buf_slice(&whole));
	buf_put_slice(out, slice_from(ref, end));
	if (buf_err(&whole))
		out->err = buf_err(&whole);
	buf_release(&whole);
}

/* An absolute URL with its dot segments walked. */
static int
put_absolute(struct slice url, struct buf *out)
{
	struct http_url u;
	size_t query;

	if (http_url_parse(url, &u, NULL))
		return ERR_INVALID;
	buf_put_slice(out, slice_head(url, url.len - u.path.len));
	query = slice_find(u.path, '?');
	if (query)
		put_path(out, slice_head(u.path, query));
	return buf_put_slice(out, slice_from(u.path, query));
}

static int
resolve_into(struct slice base, struct slice ref, struct buf *out)
{
	struct slice origin;
	struct http_url from;
	struct buf whole;
	int rc;

	if (http_url_parse(base, &from, NULL))
		return ERR_INVALID;
	if (has_scheme(ref))
		return put_absolute(ref, out);
	origin = slice_head(base, base.len - from.path.len);
	if (!slice_starts(ref, SLICE("//"))) {
		put_relative(origin, from.path, ref, out);
		return buf_err(out);
	}
	buf_init(&whole, out->max);
	buf_puts(&whole, from.https ? "https:" : "http:");
	rc = buf_put_slice(&whole, ref);
	if (!rc)
		rc = put_absolute(buf_slice(&whole), out);
	buf_release(&whole);
	return rc;
}

int
hook_redirect_resolve(struct slice base, struct slice location, struct buf *out)
{
	struct http_url u;
	struct slice ref = slice_head(location, slice_find(location, '#'));
	const char *why;
	size_t i;

	for (i = 0; i < ref.len; i++)
		if (ref.ptr[i] <= ' ' || ref.ptr[i] >= 0x7f ||
		    ref.ptr[i] == '\\')
			return ERR_INVALID;
	if (resolve_into(base, ref, out))
		return ERR_INVALID;
	if (http_url_parse(buf_slice(out), &u, &why) ||
	    (u.path.len && u.path.ptr[0] == '/' &&
	     http_path_check(u.path, &why)))
		return ERR_INVALID;
	return 0;
}
