/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The URL of a command, its query, and what -G and --url-query add to it.
 *
 * The user information of a URL is a credential; so may be a parameter, and
 * some services have theirs in the path.
 */
#include "hook/curl_priv.h"

/* ---- text and rows ---- */

json_t *
curl_text(struct curl_command *c, struct slice text)
{
	json_t *value = NULL;
	struct buf b;

	if (!slice_is_utf8(text) ||
	    memchr(text.ptr ? text.ptr : "", 0, text.len)) {
		curl_note(c->out, "",
			  "Bytes that are no UTF-8 text are left "
			  "out.");
		return json_string("");
	}
	if (memmem(text.ptr, text.len, "{{", 2))
		curl_note(c->out, "",
			  "{{ in the command is text: it is written twice. "
			  "Put a variable of the flow where one is meant.");
	buf_init(&b, CURL_TEXT_MAX);
	if (!template_quote(&b, text))
		value = json_stringn(b.len ? b.data : "", b.len);
	buf_release(&b);
	return value;
}

void
curl_row(struct curl_command *c, json_t *rows, struct slice name,
	 struct slice value, bool name_is_template, bool off)
{
	json_t *row = json_object();

	json_object_set_new(row, "name",
			    name_is_template
				    ? curl_text(c, name)
				    : json_stringn(name.ptr, name.len));
	json_object_set_new(row, "value", curl_text(c, value));
	if (off)
		json_object_set_new(row, "off", json_true());
	json_array_append_new(rows, row);
}

/* ---- pairs ---- */

static bool
decode(struct buf *out, struct slice text)
{
	buf_wipe(out);
	buf_init(out, HOOK_CURL_MAX);
	return !buf_reserve(out, text.len + 1) &&
	       !codec_percent_decode(out, text, true) &&
	       slice_is_utf8(buf_slice(out)) &&
	       !slice_has_control(buf_slice(out));
}

/* One pair of a query or form; false: it is of another form. */
static bool
pair_split(struct slice pair, struct slice *name, struct slice *value)
{
	size_t equals = slice_find(pair, '=');

	*name = slice_head(pair, equals);
	*value = slice_from(pair, equals + 1);
	return equals < pair.len && equals > 0;
}

static bool
pairs_are_rows(struct slice text, size_t room)
{
	struct slice pair, name, value;
	struct buf b;
	bool ok = true;

	buf_init(&b, 0);
	while (ok && slice_next(&text, '&', &pair))
		ok = room-- > 0 && pair_split(pair, &name, &value) &&
		     decode(&b, name) && decode(&b, value);
	buf_wipe(&b);
	return ok;
}

bool
curl_pairs(struct curl_command *c, struct slice text, const char *place,
	   json_t *rows)
{
	struct slice pair, name, value;
	struct buf n, v;

	if (!pairs_are_rows(text, CURL_ROWS_MAX - json_array_size(rows)))
		return false;
	buf_init(&n, 0);
	buf_init(&v, 0);
	while (slice_next(&text, '&', &pair)) {
		if (!pair_split(pair, &name, &value) || !decode(&n, name) ||
		    !decode(&v, value))
			continue;
		if (curl_is_secret(buf_slice(&n), buf_slice(&v)))
			curl_offer(c, "api_key", place, buf_slice(&n), NULL);
		else
			curl_row(c, rows, buf_slice(&n), buf_slice(&v), true,
				 false);
	}
	buf_wipe(&n);
	buf_wipe(&v);
	return true;
}

/* Copies what may stand in a URL; a broken escape or backslash is encoded. */
static void
put_url(struct buf *out, struct slice text)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\\')
			buf_puts(out, "%5C");
		else if (text.ptr[i] == '%' &&
			 (i + 2 >= text.len || !text.ptr[i + 1] ||
			  !strchr(hex, text.ptr[i + 1]) || !text.ptr[i + 2] ||
			  !strchr(hex, text.ptr[i + 2])))
			buf_puts(out, "%25");
		else
			buf_putc(out, text.ptr[i]);
	}
}

void
curl_pairs_clean(struct curl_command *c, char *text, size_t *len,
		 const char *place)
{
	size_t at = 0, n, end;
	struct slice pair, name, value;
	bool pairs;

	while (at < *len) {
		end = slice_find(slice_of(text + at, *len - at), '&');
		pair = slice_of(text + at, end);
		pairs = pair_split(pair, &name, &value);
		if (pairs ? !curl_is_secret(name, value)
			  : !hook_secret_shape(pair)) {
			at += end + 1;
			continue;
		}
		curl_offer(c, "api_key", place, pairs ? name : SLICE_NONE,
			   NULL);
		n = at + end < *len ? end + 1 : end;
		if (at + n == *len && at > 0) { /* the & before the last */
			at--;
			n++;
		}
		memmove(text + at, text + at + n, *len - at - n);
		secret_wipe(text + *len - n, n);
		*len -= n;
	}
}

static void
query_add(struct curl_command *c, struct buf *url, struct slice text)
{
	struct secret *copy;
	size_t len = text.len;

	if (curl_pairs(c, text, "query", c->query))
		return;
	copy = secret_from(text.ptr, text.len);
	if (!copy) {
		url->err = ERR_NOMEM;
		return;
	}
	curl_pairs_clean(c, secret_bytes(copy), &len, "query");
	if (len) {
		buf_putc(url, memchr(url->data, '?', url->len) ? '&' : '?');
		put_url(url, slice_of(secret_peek(copy), len));
	}
	secret_free(copy);
}

/* ---- the path ---- */

/* Hosts whose paths are secrets as a whole. */
static const struct secret_path {
	const char *host, *begin;
} secret_paths[] = {
	{ "hooks.slack.com", "/services/" },
	{ "hooks.slack.com", "/workflows/" },
	{ "hooks.slack.com", "/triggers/" },
	{ "discord.com", "/api/webhooks/" },
	{ "discordapp.com", "/api/webhooks/" },
	{ "hooks.zapier.com", "/hooks/catch/" },
};

/* bot<digits>:<letters>, as Telegram writes it. */
static bool
is_bot(struct slice segment)
{
	size_t colon = slice_find(segment, ':'), i;

	if (!slice_starts(segment, SLICE("bot")) || colon == segment.len)
		return false;
	for (i = 3; i < colon; i++)
		if (segment.ptr[i] < '0' || segment.ptr[i] > '9')
			return false;
	return colon > 3 && segment.len - colon > 20;
}

static void
put_path(struct curl_command *c, struct buf *out, struct slice path)
{
	struct slice rest, segment;
	size_t i;

	for (i = 0; i < ARRAY_LEN(secret_paths); i++)
		if (!strcmp(c->host, secret_paths[i].host) &&
		    slice_starts(path, slice_str(secret_paths[i].begin))) {
			curl_offer(c, "api_key", "path", SLICE_NONE, NULL);
			buf_putc(out, '/');
			return;
		}
	rest = slice_from(path, 1);
	while (slice_next(&rest, '/', &segment)) {
		if (is_bot(segment) || hook_secret_shape(segment)) {
			curl_offer(c, "api_key", "path", SLICE_NONE,
				   is_bot(segment) ? "bot" : NULL);
			continue;
		}
		buf_putc(out, '/');
		put_url(out, segment);
	}
	if (slice_ends(path, SLICE("/")))
		buf_putc(out, '/');
}

/* What --url-query and -G add. */
static int
more_query(struct curl_command *c, struct buf *url)
{
	struct buf b;
	size_t i;
	int rc = 0;

	for (i = 0; i < c->queries.count && !rc; i++) {
		rc = curl_data_begin(&c->queries, &b);
		if (!rc)
			rc = curl_urlencode(c, &c->queries.items[i], &b);
		query_add(c, url, buf_slice(&b));
		buf_wipe(&b);
	}
	if (c->get && c->data.count && !rc) {
		rc = curl_data_join(c, &b);
		query_add(c, url, buf_slice(&b));
		buf_wipe(&b);
	}
	return rc;
}

/* ---- the whole ---- */

static int
put_scheme(struct curl_command *c, struct buf *out, struct slice *rest)
{
	struct slice scheme = slice_head(*rest, slice_find(*rest, ':'));

	if (!slice_starts(slice_from(*rest, scheme.len), SLICE("://")) ||
	    memchr(scheme.ptr, '/', scheme.len) ||
	    memchr(scheme.ptr, '?', scheme.len)) {
		scheme = SLICE("https");
		curl_note(c->out, "",
			  "The URL has no scheme: curl takes http, and here "
			  "https is used.");
	} else {
		*rest = slice_from(*rest, scheme.len + 3);
	}
	if (slice_eq_nocase(scheme, SLICE("http")))
		curl_note(c->out, "",
			  "The URL is one of http: without a connection calls "
			  "go by https alone.");
	else if (!slice_eq_nocase(scheme, SLICE("https")))
		return curl_refuse(
			c->out, "The URL is not one of http or https.", NULL);
	buf_puts(out, scheme.len == 4 ? "http://" : "https://");
	return 0;
}

/* The host for offers, in canonical form with a port that is given. */
static void
host_set(struct curl_command *c, struct slice authority)
{
	char host[HTTP_HOST_MAX + 1];
	struct slice name = authority;
	size_t colon = authority.len;
	uint64_t port = 0;

	while (colon > 0 && authority.ptr[colon - 1] != ':' &&
	       authority.ptr[colon - 1] != ']')
		colon--;
	if (colon > 1 && authority.ptr[colon - 1] == ':') {
		name = slice_head(authority, colon - 1);
		if (slice_to_u64(slice_from(authority, colon), 65535, &port))
			return;
	}
	if (http_host_canonical(name, host))
		return;
	if (!port || port == 443)
		snprintf(c->host, sizeof(c->host), "%s", host);
	else
		snprintf(c->host, sizeof(c->host), "%s:%u", host,
			 (unsigned)port);
}

static void
put_authority(struct curl_command *c, struct buf *out, struct slice authority)
{
	size_t i;

	for (i = authority.len; i > 0 && authority.ptr[i - 1] != '@'; i--)
		;
	if (i > 0) {
		c->user |= i > 1;
		authority = slice_from(authority, i);
	}
	host_set(c, authority);
	if (c->host[0]) {
		buf_puts(out, c->host);
		return;
	}
	curl_note(c->out, "",
		  "The URL's host is not a host yet: fill it in. It takes no "
		  "variable.");
	if (!hook_secret_shape(authority))
		buf_put_slice(out, authority);
}

static void
note_url(struct curl_command *c, struct slice url)
{
	if (c->url.variable)
		curl_note(c->out, "",
			  "A variable or command of your shell stands in the "
			  "URL: put a variable of the flow in its place.");
	if (!c->globoff && !c->url.variable &&
	    (memchr(url.ptr, '[', url.len) || memchr(url.ptr, '{', url.len)) &&
	    !memmem(url.ptr, url.len, "{{", 2))
		curl_note(c->out, "",
			  "curl would take brackets and braces in the URL as "
			  "a pattern for several URLs: they are taken as "
			  "text.");
}

int
curl_url_read(struct curl_command *c, json_t *request)
{
	struct slice rest = c->url.text, query;
	struct buf url;
	size_t end;
	int rc;

	rest = slice_head(rest, slice_find(rest, '#'));
	note_url(c, rest);
	buf_init(&url, CURL_TEXT_MAX);
	rc = put_scheme(c, &url, &rest);
	for (end = 0; !rc && end < rest.len; end++)
		if (rest.ptr[end] == '/' || rest.ptr[end] == '?')
			break;
	if (!rc) {
		put_authority(c, &url, slice_head(rest, end));
		rest = slice_from(rest, end);
		end = slice_find(rest, '?');
		query = slice_from(rest, end + 1);
		put_path(c, &url, end ? slice_head(rest, end) : SLICE("/"));
		query_add(c, &url, query);
		rc = more_query(c, &url);
	}
	if (!rc && !buf_err(&url))
		json_object_set_new(request, "url",
				    curl_text(c, buf_slice(&url)));
	rc = rc ? rc : buf_err(&url);
	buf_release(&url);
	return rc;
}
