/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consent pages: the one with the Connect button, and the one that the
 * provider sends back to.
 *
 *   GET  /connect/{ticket}   looks at the ticket, spends nothing
 *   POST /connect/{ticket}   the button: sets this browser's cookie, goes on
 *                            to the provider (303)
 *   GET  /oauth/callback     connected, or what went wrong
 *
 * Nobody needs to be signed in: the ticket is the capability.
 */
#include <stdio.h>

#include "api/api_priv.h"

static void
put_scopes(struct buf *b, const struct connect_page *page)
{
	size_t i;

	if (!page->scope_count)
		return;
	buf_puts(b, "<p>It will be asked for:</p><ul>");
	for (i = 0; i < page->scope_count; i++) {
		buf_puts(b, "<li>");
		codec_html(b, slice_str(page->scopes[i].description[0]
						? page->scopes[i].description
						: page->scopes[i].name));
		if (page->scopes[i].description[0]) {
			buf_puts(b, " <span class=\"soft\">(");
			codec_html(b, slice_str(page->scopes[i].name));
			buf_puts(b, ")</span>");
		}
		buf_puts(b, "</li>");
	}
	buf_puts(b, "</ul>");
}

static void
put_text(struct buf *b, const char *before, const char *text, const char *after)
{
	buf_puts(b, before);
	codec_html(b, slice_str(text));
	buf_puts(b, after);
}

int
api_connect_page(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_page page;
	struct connect_who who;
	char title[256];
	struct buf b;

	api_who(r, &who);
	if (connect_front_page(r->api->config.connect, r->db, &who,
			       slice_str(r->params[0]), r->arena, &page, &p))
		return api_page_message(r, p.status, p.title, p.detail, p.hint);
	buf_init(&b, 64 * 1024);
	put_text(&b, "<p>The connection <b>", page.connection, "</b>");
	put_text(&b, " wants access to your account at <b>", page.service,
		 "</b>.");
	if (page.asked_by[0])
		put_text(&b, " It was made by ", page.asked_by, ".");
	buf_puts(&b, "</p>");
	put_scopes(&b, &page);
	if (page.reconnect)
		buf_puts(&b, "<p>It is connected now; that goes on until you "
			     "have accepted.</p>");
	buf_puts(&b, "<form method=\"post\"><p><button>Connect</button></p>"
		     "</form>");
	put_text(&b, "<p class=\"soft\">The button leads to ", page.host,
		 ", where you sign in and accept. Nobody sees your password "
		 "or the access token.</p>");
	snprintf(title, sizeof(title), "Connect %s", page.service);
	slice_trim_utf8(title);
	return api_page(r, 200, title, &b);
}

int
api_connect_go(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;
	const char *url;

	/* The button is on a page of this server's own. */
	if (r->cross_site || (r->origin_given && !r->origin_ours))
		return api_problem(r, API_WRONG_ORIGIN, "Open the link itself.",
				   "The button was pressed on another site's "
				   "page.");
	if (!r->has_browser)
		random_token(r->browser);
	api_who(r, &who);
	if (connect_front_press(r->api->config.connect, r->db, &who,
				slice_str(r->params[0]), slice_str(r->browser),
				r->arena, &url, &p))
		return api_page_message(r, p.status, p.title, p.detail, p.hint);
	api_cookie_set(r, api_cookie_browser, r->browser, CONNECT_STATE_LIFE_S);
	api_field_long(r, "Location", url);
	r->csp = r->api->page_csp;
	r->status = 303;
	r->type = NULL;
	return 0;
}

int
api_callback(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_consent c;
	struct connect_who who;
	struct buf detail;
	int rc;

	api_who(r, &who);
	if (connect_front_callback(
		    r->api->config.connect, r->db, &who, r->query,
		    r->has_browser ? slice_str(r->browser) : SLICE_NONE,
		    r->arena, &c, &p))
		return api_page_consent(r, p.status, p.title,
					c.link ? c.link : "", false, p.detail,
					p.hint);
	buf_init(&detail, 64 * 1024);
	buf_printf(&detail, "%s is connected%s%s.", c.connection,
		   c.account[0] ? " as " : "", c.account);
	if (c.missing[0])
		buf_printf(&detail, " Not granted were: %s", c.missing);
	rc = buf_err(&detail);
	if (!rc)
		rc = api_page_consent(r, 200, "Connected", c.link, true,
				      buf_cstr(&detail),
				      "You can close this window.");
	buf_release(&detail);
	return rc;
}
