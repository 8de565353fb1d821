/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URL references of an answer (Location, Link) in the gateway's own form.
 *
 *   https://own.host/p     /via/{link}/https://own.host/p
 *   /p                     /via/{link}/https://own.host/p
 *   p, ../p, ?q            the same, resolved against what was called
 *   //else/p, https://…    as it is, since the host is another's
 *   http:p, https://a@b/   nothing: no two clients agree where it leads
 *
 * Relative references and dot segments are resolved here and not by the
 * client: for the client the path begins with /via/{link}, and enough "../"
 * would lead it to another connection, where it would take its key.  For the
 * same reason "%2e" is a dot here, and bytes that some clients skip (tab) or
 * take for a slash (backslash) are percent-encoded.
 *
 * Runs on a worker's loop in the front.
 */
#include "gateway/gateway_priv.h"

/* Bytes that no URL holds as they are, percent-encoded: a '<' in a Link would
 * begin another reference for some clients. */
static void
put_clean(struct buf *out, struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] > ' ' && text.ptr[i] < 0x7f &&
		    !strchr("\\<>\"", text.ptr[i]))
			buf_putc(out, text.ptr[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)text.ptr[i]);
	}
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "scheme:" in front (RFC 3986 3.1) */
static struct slice
url_scheme(struct slice url)
{
	size_t i;

	for (i = 0; i < url.len && url.ptr[i] != ':'; i++)
		if (!is_letter(url.ptr[i]) &&
		    (!i || !strchr("0123456789+-.", url.ptr[i])))
			return SLICE_NONE;
	return i == url.len ? SLICE_NONE : slice_head(url, i);
}

/* Whether the URL names this very server, as the client calls it. */
static bool
url_is_own(const struct gateway_url_base *from, const struct http_url *u)
{
	struct http_url own;
	struct buf text;
	bool same;

	buf_init(&text, HTTP_HOST_MAX * 2);
	buf_puts(&text, u->https ? "https://" : "http://");
	buf_put_slice(&text, from->own_host);
	same = !buf_err(&text) &&
	       !http_url_parse(buf_slice(&text), &own, NULL) &&
	       !strcmp(own.host, u->host) && own.port == u->port;
	buf_release(&text);
	return same;
}

/* ---- paths ---- */

/* How many dots a segment is, "%2e" counted as one; 0: it is more. */
static unsigned
segment_dots(struct slice s)
{
	unsigned dots = 0;

	while (s.len) {
		if (slice_starts(s, SLICE(".")))
			s = slice_from(s, 1);
		else if (slice_starts_nocase(s, SLICE("%2e")))
			s = slice_from(s, 3);
		else
			return 0;
		dots++;
	}
	return dots <= 2 ? dots : 0;
}

/* Takes the last segment off a path that begins at `root` and ends in '/'. */
static void
drop_segment(struct buf *out, size_t root)
{
	if (out->len <= root + 1)
		return;
	out->len--;
	while (out->data[out->len - 1] != '/')
		out->len--;
}

/* Appends segments to the path that begins at `root` and ends in '/'; dot
 * segments are walked (RFC 3986 5.2.4), never above the root. */
static void
put_segments(struct buf *out, size_t root, struct slice text)
{
	struct slice segment;
	unsigned dots;
	bool last = !text.len;

	while (!last && !buf_err(out)) {
		segment = slice_head(text, slice_find(text, '/'));
		last = segment.len == text.len;
		text = slice_from(text, segment.len + 1);
		dots = segment_dots(segment);
		if (dots == 2)
			drop_segment(out, root);
		if (dots)
			continue;
		buf_put_slice(out, segment);
		if (!last)
			buf_putc(out, '/');
	}
}

/* An absolute path (or none), then query and fragment as they are. */
static void
put_path(struct buf *out, struct slice rest)
{
	size_t end, root = out->len;

	for (end = 0; end < rest.len; end++)
		if (rest.ptr[end] == '?' || rest.ptr[end] == '#')
			break;
	if (end) {
		buf_putc(out, '/');
		put_segments(out, root, slice_from(slice_head(rest, end), 1));
	}
	buf_put_slice(out, slice_from(rest, end));
}

/* The path that was called, up to its last slash. */
static void
put_folder(const struct gateway_url_base *from, struct buf *out)
{
	size_t root = out->len;

	buf_put_slice(out, from->base_path);
	buf_put_slice(out, slice_head(from->path, slice_find(from->path, '?')));
	if (buf_err(out))
		return;
	while (out->len > root && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len == root)
		buf_putc(out, '/');
}

/* ---- kinds of references ---- */

static void
put_prefix(const struct gateway_url_base *from, bool https, struct buf *out)
{
	buf_puts(out, "/via/");
	buf_put_slice(out, from->link);
	buf_puts(out, https ? "/https://" : "/http://");
}

static void
put_origin(const struct gateway_url_base *from, struct buf *out)
{
	put_prefix(from, from->https, out);
	buf_put_slice(out, from->authority);
}

/* A URL with a host; `whole` has the scheme that `url` may lack. */
static void
rewrite_absolute(const struct gateway_url_base *from, struct slice whole,
		 struct slice url, struct buf *out)
{
	struct slice authority;
	struct http_url u;

	if (http_url_parse(slice_head(whole, slice_find(whole, '#')), &u, NULL))
		return;
	if (!binding_hosts_allow(from->binding, u.https, slice_str(u.host),
				 u.port) &&
	    !url_is_own(from, &u)) {
		buf_put_slice(out, url);
		return;
	}
	authority = slice_from(whole, u.https ? 8 : 7);
	authority.len = (size_t)(u.path.ptr - authority.ptr);
	put_prefix(from, u.https, out);
	buf_put_slice(out, authority);
	put_path(out, slice_from(whole, (size_t)(u.path.ptr - whole.ptr)));
}

static void
rewrite_schemeless(const struct gateway_url_base *from, struct slice url,
		   struct buf *out)
{
	struct buf whole;

	buf_init(&whole, out->max);
	buf_puts(&whole, from->https ? "https:" : "http:");
	buf_put_slice(&whole, url);
	if (!buf_err(&whole))
		rewrite_absolute(from, buf_slice(&whole), url, out);
	buf_release(&whole);
}

static void
rewrite_relative(const struct gateway_url_base *from, struct slice url,
		 struct buf *out)
{
	size_t end, root;

	for (end = 0; end < url.len; end++)
		if (url.ptr[end] == '?' || url.ptr[end] == '#')
			break;
	put_origin(from, out);
	root = out->len;
	if (end) {
		put_folder(from, out);
		put_segments(out, root, slice_head(url, end));
	} else { /* "?query": the same resource */
		buf_put_slice(out, from->base_path);
		buf_put_slice(out, slice_head(from->path,
					      slice_find(from->path, '?')));
	}
	buf_put_slice(out, slice_from(url, end));
}

static void
rewrite_clean(const struct gateway_url_base *from, struct slice url,
	      struct buf *out)
{
	struct slice scheme = url_scheme(url);

	if (scheme.len && !slice_eq_nocase(scheme, SLICE("http")) &&
	    !slice_eq_nocase(scheme, SLICE("https"))) {
		buf_put_slice(out, url);
	} else if (scheme.len) {
		rewrite_absolute(from, url, url, out);
	} else if (slice_starts(url, SLICE("//"))) {
		rewrite_schemeless(from, url, out);
	} else if (slice_starts(url, SLICE("/"))) {
		put_origin(from, out);
		put_path(out, url);
	} else if (!url.len || slice_starts(url, SLICE("#"))) {
		buf_put_slice(out, url);
	} else {
		rewrite_relative(from, url, out);
	}
}

void
gateway_url_rewrite(const struct gateway_url_base *from, struct slice url,
		    struct buf *out)
{
	struct buf clean;

	buf_init(&clean, out->max);
	put_clean(&clean, url);
	if (buf_err(&clean))
		out->err = buf_err(&clean);
	else
		rewrite_clean(from, buf_slice(&clean), out);
	buf_release(&clean);
}
