/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header fields of a command: -H and its kin, -u, --oauth2-bearer, -b.
 */
#include "hook/curl_priv.h"

enum { HEADER_VALUE_MAX = 8 * 1024 };

/* ---- credentials ---- */

static const char *
kind_of_scheme(const char *scheme)
{
	static const char *const tokens[] = { "Bearer ", "OAuth ",
					      "Zoho-oauthtoken " };
	size_t i;

	if (scheme && !strcmp(scheme, "Basic "))
		return "basic";
	for (i = 0; scheme && i < ARRAY_LEN(tokens); i++)
		if (!strcmp(scheme, tokens[i]))
			return "bearer";
	return "api_key";
}

static void
offer_header(struct curl_command *c, struct slice name, struct slice value)
{
	const char *scheme = hook_secret_scheme(value);

	if (scheme && !strcmp(scheme, "Digest ")) {
		curl_note(c->out, "--header",
			  "An answer to a Digest challenge is good for one "
			  "request: it is left out.");
		return;
	}
	curl_offer(c, kind_of_scheme(scheme), "header", name, scheme);
}

static void
offer_cookie(struct curl_command *c)
{
	curl_note(c->out, "--cookie",
		  "Cookies are left out: they are a browser's session, which "
		  "ends. Where the API has keys, use one.");
	curl_offer(c, "cookie", "header", SLICE("Cookie"), NULL);
}

/* ---- fields ---- */

/* Set anew for each request, or the connection's own affair. */
static const char *const dropped[] = {
	"Accept-Encoding",
	"Connection",
	"Content-Length",
	"Expect",
	"Host",
	"HTTP2-Settings",
	"Keep-Alive",
	"Proxy-Connection",
	"TE",
	"Trailer",
	"Transfer-Encoding",
	"Upgrade",
};

/* A browser's, which mean nothing to an API: kept, and switched off. */
static const char *const browser[] = { "DNT", "Priority",
				       "Upgrade-Insecure-Requests",
				       "X-Client-Data" };

static bool
among(struct slice name, const char *const *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (slice_eq_nocase(name, slice_str(list[i])))
			return true;
	return false;
}

static void
put_field(struct curl_command *c, struct slice name, struct slice value)
{
	bool off = slice_starts_nocase(name, SLICE("Sec-")) ||
		   among(name, browser, ARRAY_LEN(browser));

	if (json_array_size(c->header_rows) >= CURL_ROWS_MAX) {
		curl_note(c->out, "--header",
			  "There are more headers than a "
			  "request may have.");
		return;
	}
	if (off)
		curl_note(c->out, "--header",
			  "Headers that are a browser's own are switched "
			  "off.");
	c->has_accept |= slice_eq_nocase(name, SLICE("Accept"));
	curl_row(c, c->header_rows, name, value, false, off);
}

static void
take_field(struct curl_command *c, struct slice name, struct slice value,
	   bool variable)
{
	if (slice_eq_nocase(name, SLICE("Content-Type")) &&
	    !hook_secret_shape(value)) {
		slice_copy(slice_head(value, sizeof(c->content_type) - 1),
			   c->content_type, sizeof(c->content_type));
		return;
	}
	if (slice_eq_nocase(name, SLICE("Cookie"))) {
		offer_cookie(c);
		return;
	}
	if (hook_secret_name(name) || curl_is_secret(name, value)) {
		offer_header(c, name, value);
		return;
	}
	if (among(name, dropped, ARRAY_LEN(dropped))) {
		curl_note(c->out, "--header",
			  "Headers that belong to the transfer (Host, "
			  "Content-Length, Accept-Encoding …) are set anew.");
		return;
	}
	if (variable)
		curl_note(c->out, "--header",
			  "A variable or command of your shell stands in a "
			  "header: put a variable of the flow in its place.");
	put_field(c, name, value);
}

/* "Name: value", "Name;" (empty), "Name:" (taken away), "@file". */
static void
take_header(struct curl_command *c, const struct curl_item *h)
{
	size_t colon = slice_find(h->text, ':');
	struct slice name = slice_trim(slice_head(h->text, colon));
	struct slice value = slice_trim(slice_from(h->text, colon + 1));

	if (slice_starts(h->text, SLICE("@"))) {
		curl_note(c->out, "--header",
			  "Headers in a file are not seen here.");
		return;
	}
	if (colon == h->text.len && slice_ends(name, SLICE(";")))
		name = slice_head(name, name.len - 1);
	else if (colon == h->text.len || !value.len) {
		if (colon == h->text.len)
			curl_note(c->out, "--header",
				  "A header without a colon is left out, as "
				  "curl does.");
		return;
	}
	if (!http_is_token(name) || name.len > HOOK_CURL_NAME_MAX ||
	    hook_secret_shape(name) || slice_has_control(value) ||
	    value.len > HEADER_VALUE_MAX) {
		curl_note(c->out, "--header",
			  "A header that is none (its name, a line break, or "
			  "its length) is left out.");
		return;
	}
	take_field(c, name, value, h->variable);
}

static void
take_cookie(struct curl_command *c, const struct curl_item *h)
{
	if (memchr(h->text.ptr, '=', h->text.len) || h->variable)
		offer_cookie(c);
	else
		curl_note(c->out, "--cookie",
			  "Cookies in a file are not seen here.");
}

static void
take_special(struct curl_command *c, const struct curl_item *h)
{
	struct slice text = h->text;
	char range[64];

	if (h->act == CURL_AGENT && text.len && !slice_has_control(text)) {
		take_field(c, SLICE("User-Agent"), text, h->variable);
	} else if (h->act == CURL_REFERER && !slice_has_control(text)) {
		if (slice_ends(text, SLICE(";auto")))
			text = slice_head(text, text.len - 5);
		if (text.len)
			take_field(c, SLICE("Referer"), text, h->variable);
	} else if (h->act == CURL_RANGE && text.len < 40 &&
		   !slice_has_control(text)) {
		snprintf(range, sizeof(range), "bytes=%.*s", SLICE_ARG(text));
		take_field(c, SLICE("Range"), slice_str(range), h->variable);
	}
}

/* -u, user information in the URL, --oauth2-bearer. */
static void
take_users(struct curl_command *c)
{
	if (c->bearer)
		curl_offer(c, "bearer", "header", SLICE("Authorization"),
			   "Bearer ");
	else if (c->user && !c->auth_other)
		curl_offer(c, "basic", "header", SLICE("Authorization"),
			   "Basic ");
}

void
curl_headers_read(struct curl_command *c)
{
	const struct curl_item *h;
	size_t i;

	take_users(c);
	for (i = 0; i < c->headers.count; i++) {
		h = &c->headers.items[i];
		if (h->act == CURL_HEADER)
			take_header(c, h);
		else if (h->act == CURL_COOKIE)
			take_cookie(c, h);
		else
			take_special(c, h);
	}
	if (c->json && !c->has_accept)
		put_field(c, SLICE("Accept"), SLICE("application/json"));
}
