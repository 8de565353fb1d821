/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving the studio's files.
 *
 * A path is turned into the name of an embedded file ("/js/app.js" is
 * "web/js/app.js"); the app's own paths all mean index.html, whose scripts
 * look at the address by themselves.  Every answer carries a policy that
 * lets scripts, styles and connections come from this origin alone, no frame
 * and no inline code.  Browsers revalidate each time, by ETag.
 *
 * The chat widget (/widget.js and /widget/…, docs/widget.md) is for pages of
 * other sites: they may load its files, as scripts, modules and under
 * Cross-Origin-Embedder-Policy.  /chat/{flow} is a page that is all widget.
 *
 * Runs on the front's loops.  Knows no session and sees no data.
 *
 * In a build without optimisation (VARIANT=debug) the environment variable
 * WEB_DIR names a folder to serve from instead, so that a change of a page is
 * seen at once; reading it blocks the loop, which is why others do not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "studio/studio.h"

enum { STUDIO_NAME_MAX = 200, STUDIO_DISK_MAX = 4 * 1024 * 1024 };

/* First segments that others answer. */
static const char *const kept[] = {
	"via",	 "v1",	    "connect", "oauth",
	"setup", "healthz", "readyz",  "metrics",
};

/* First segments of the app's own addresses; "" is "/". */
static const char *const pages[] = {
	"",	"connections", "services", "custom-service",
	"stop", "keys",	       "account",  "sign-in",
};

static const struct {
	const char *suffix;
	const char *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
	{ ".json", "application/json" },
	{ ".webmanifest", "application/manifest+json" },
	{ ".png", "image/png" },
	{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },
	{ ".txt", "text/plain; charset=utf-8" },
};

static const char policy[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; "
	"style-src 'self'; connect-src 'self'; img-src 'self' data:; "
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: same-origin\r\n"
	"Cache-Control: no-cache\r\n";

/* Of the page that is all widget: the bot's images may come from anywhere,
 * and the form of a Connect button leads on to the provider's page, which
 * form-action would rule too. */
static const char chat_policy[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; "
	"connect-src 'self'; img-src 'self' https:; frame-ancestors 'none'; "
	"base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: same-origin\r\n"
	"Cache-Control: no-cache\r\n";

/* Of the widget's files: every page may load them, and they hold nothing. */
static const char widget_policy[] =
	"Access-Control-Allow-Origin: *\r\n"
	"Cross-Origin-Resource-Policy: cross-origin\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Cache-Control: no-cache\r\n";

enum { POLICY_MAX = sizeof(chat_policy) };
_Static_assert(sizeof(policy) <= POLICY_MAX, "fields of answers");
_Static_assert(sizeof(widget_policy) <= POLICY_MAX, "fields of answers");

/* A file, embedded or read from WEB_DIR. */
struct file {
	struct slice bytes;
	char etag[48]; /* with quotes */
	bool gzip;
};

/* ---- paths ---- */

static struct slice
request_path(const struct http_head *h)
{
	struct slice path, query;

	http_path_split(h->target, &path, &query);
	return path;
}

static struct slice
first_segment(struct slice path)
{
	path = slice_from(path, 1);
	return slice_head(path, slice_find(path, '/'));
}

static bool
among(struct slice word, const char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (slice_eq(word, slice_str(list[i])))
			return true;
	}
	return false;
}

bool
studio_takes(const struct http_head *h)
{
	struct slice path = request_path(h);

	if (!slice_eq(h->method, SLICE("GET")) &&
	    !slice_eq(h->method, SLICE("HEAD")))
		return false;
	return slice_starts(path, SLICE("/")) &&
	       !among(first_segment(path), kept, ARRAY_LEN(kept));
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("._-/", c));
}

/*
 * The file's name: "web/…".  Only plain characters, and no segment that is
 * empty or begins with a dot, so that it means the same on a disk.
 */
static int
file_name(struct slice path, char out[STUDIO_NAME_MAX])
{
	size_t i;

	if (among(first_segment(path), pages, ARRAY_LEN(pages)))
		path = SLICE("/index.html");
	else if (slice_eq(first_segment(path), SLICE("chat")))
		path = SLICE("/chat.html");
	for (i = 0; i < path.len; i++) {
		char next = i + 1 < path.len ? path.ptr[i + 1] : '/';

		if (!is_name_char(path.ptr[i]) ||
		    (path.ptr[i] == '/' && (next == '/' || next == '.')))
			return ERR_NOT_FOUND;
	}
	if (path.len + sizeof("web") > STUDIO_NAME_MAX)
		return ERR_NOT_FOUND;
	snprintf(out, STUDIO_NAME_MAX, "web%.*s", SLICE_ARG(path));
	return 0;
}

static const char *
content_type(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		if (slice_ends(slice_str(name), slice_str(types[i].suffix)))
			return types[i].type;
	}
	return "application/octet-stream";
}

static const char *
policy_of(const char *name)
{
	if (!strcmp(name, "web/widget.js") ||
	    slice_starts(slice_str(name), SLICE("web/widget/")))
		return widget_policy;
	return strcmp(name, "web/chat.html") ? policy : chat_policy;
}

/* ---- files ---- */

static int
embedded(const char *name, bool gzip, struct file *out)
{
	const struct embed_file *plain = embed_find(name), *packed = NULL;
	char twin[STUDIO_NAME_MAX + 4];

	if (!plain)
		return ERR_NOT_FOUND;
	snprintf(twin, sizeof(twin), "%s.gz", name);
	if (gzip)
		packed = embed_find(twin);
	out->gzip = packed && packed->size < plain->size;
	if (out->gzip)
		plain = packed;
	out->bytes = slice_of(plain->data, plain->size);
	snprintf(out->etag, sizeof(out->etag), "\"%.40s\"", plain->etag);
	return 0;
}

#ifndef __OPTIMIZE__

/* From WEB_DIR, into memory that the next call reuses. */
static int
from_disk(const char *dir, const char *name, struct file *out)
{
	static _Thread_local char *bytes;
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%.3800s%s", dir, name + strlen("web"));
	f = fopen(path, "re");
	if (!f)
		return ERR_NOT_FOUND;
	if (!bytes)
		bytes = malloc(STUDIO_DISK_MAX);
	out->bytes.ptr = bytes;
	out->bytes.len = bytes ? fread(bytes, 1, STUDIO_DISK_MAX, f) : 0;
	fclose(f);
	out->gzip = false;
	out->etag[0] = 0;
	return bytes ? 0 : ERR_NOMEM;
}

static int
file_find(const char *name, bool gzip, struct file *out)
{
	const char *dir = getenv("WEB_DIR");

	return dir && *dir ? from_disk(dir, name, out)
			   : embedded(name, gzip, out);
}

#else

static int
file_find(const char *name, bool gzip, struct file *out)
{
	return embedded(name, gzip, out);
}

#endif

/* ---- conditions ---- */

/* A coding that is named and not refused by q=0 (RFC 9110 12.5.3). */
static bool
accepts_gzip(const struct http_head *h)
{
	const struct http_field *f = http_head_find(h, HTTP_ACCEPT_ENCODING);
	struct slice rest = f ? f->value : SLICE_NONE, one, name, q;

	while (slice_next(&rest, ',', &one)) {
		size_t semicolon = slice_find(one, ';');

		name = slice_trim(slice_head(one, semicolon));
		q = slice_trim(slice_from(one, semicolon + 1));
		if (slice_eq_nocase(name, SLICE("gzip")))
			return !slice_starts_nocase(q, SLICE("q=0")) ||
			       slice_starts_nocase(q, SLICE("q=0."));
	}
	return false;
}

/* If-None-Match: a list of tags, compared weakly (RFC 9110 13.1.2), or *. */
static bool
client_has(const struct http_head *h, const char *etag)
{
	const struct http_field *f = http_head_find(h, HTTP_IF_NONE_MATCH);
	struct slice rest = f ? f->value : SLICE_NONE, one;

	if (!*etag)
		return false;
	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (slice_starts(one, SLICE("W/")))
			one = slice_from(one, 2);
		if (slice_eq(one, slice_str(etag)) || slice_eq(one, SLICE("*")))
			return true;
	}
	return false;
}

/* ---- answering ---- */

static void
answer_missing(struct http_exchange *x)
{
	char fields[sizeof(policy) + 64];

	snprintf(fields, sizeof(fields), "%sContent-Type: %s\r\n", policy,
		 content_type(".txt"));
	http_exchange_answer(x, 404, fields, SLICE("There is no such page.\n"));
}

static void
answer_file(struct http_exchange *x, const char *name, const struct file *f)
{
	bool same = client_has(http_exchange_head(x), f->etag);
	char fields[POLICY_MAX + 256];

	snprintf(fields, sizeof(fields),
		 "%sVary: Accept-Encoding\r\n%s%s%s%sContent-Type: %s\r\n",
		 policy_of(name), f->gzip ? "Content-Encoding: gzip\r\n" : "",
		 *f->etag ? "ETag: " : "", f->etag, *f->etag ? "\r\n" : "",
		 content_type(name));
	http_exchange_answer(x, same ? 304 : 200, fields,
			     same ? SLICE_NONE : f->bytes);
}

void
studio_handle(struct http_exchange *x)
{
	const struct http_head *h = http_exchange_head(x);
	char name[STUDIO_NAME_MAX];
	struct file f;

	ASSERT(studio_takes(h));
	if (file_name(request_path(h), name) ||
	    file_find(name, accepts_gzip(h), &f))
		answer_missing(x);
	else
		answer_file(x, name, &f);
}
