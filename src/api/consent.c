/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consent pages: the one with the Connect button, and the one that the
 * provider sends back to.
 *
 *   GET  /connect/{ticket}   looks at the ticket, spends nothing
 *   POST /connect/{ticket}   the button: sets this browser's cookie, goes on
 *                            to the provider (303)
 *   GET  /oauth/callback     connected, or what went wrong
 *   GET  /oauth/services/{id}/callback
 *                            the same, of a custom service
 *
 * Nobody needs to be signed in: the ticket is the capability; but one for a
 * user's own grant is good in his own browser alone.  A conversation that
 * waits for the consent is taken on by the callback.
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

/* False, and answered: the ticket is for a conversation that does not wait
 * for it any more. */
static bool
conversation_waits(struct api_request *r, const struct connect_about *a,
		   struct flow_talk *out)
{
	memset(out, 0, sizeof(*out));
	if (!a->conversation[0] ||
	    !flow_consent_waits(r->db, a->conversation, a->connection, out))
		return true;
	api_page_message(r, 409, "The chat does not wait for this any more",
			 "It has gone on, or is over.",
			 "Close this window, and look at the chat.");
	return false;
}

/* Who wants what, for how long. */
static void
put_bot(struct api_request *r, struct buf *b, const struct connect_page *page,
	const struct flow_talk *t)
{
	put_text(b, "<p>The bot <b>", flow_consent_bot(r->db, t, r->arena),
		 "</b>");
	if (t->origin[0])
		put_text(b, " on <b>", t->origin, "</b>");
	put_text(b, " wants access to your account at <b>", page->service,
		 "</b>, for the chat that you have with it.</p>");
}

static void
put_connection(struct buf *b, const struct connect_page *page)
{
	put_text(b, "<p>The connection <b>", page->connection, "</b>");
	put_text(b, " wants access to your account at <b>", page->service,
		 "</b>.");
	if (page->asked_by[0])
		put_text(b, " It was made by ", page->asked_by, ".");
	buf_puts(b, "</p>");
}

int
api_connect_page(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_page page;
	struct connect_who who;
	struct flow_talk talk;
	char title[256];
	struct buf b;

	api_who(r, &who);
	if (connect_front_page(r->api->config.connect, r->db, &who,
			       slice_str(r->params[0]), r->arena, &page, &p))
		return api_page_message(r, p.status, p.title, p.detail, p.hint);
	if (!conversation_waits(r, &page.about, &talk))
		return 0;
	buf_init(&b, 64 * 1024);
	if (talk.id[0])
		put_bot(r, &b, &page, &talk);
	else
		put_connection(&b, &page);
	put_scopes(&b, &page);
	if (talk.id[0])
		buf_puts(&b, "<p>The access ends when the chat does, or when "
			     "nobody has written in it for a day.</p>");
	flow_talk_release(&talk);
	if (page.reconnect)
		buf_puts(&b, "<p>It is connected now; that goes on until you "
			     "have accepted.</p>");
	buf_puts(&b, "<form method=\"post\"><p><button>Connect</button></p>"
		     "</form>");
	put_text(&b, "<p class=\"soft\">The button leads to ", page.host,
		 ", where you sign in and accept. Nobody sees your password "
		 "or the access token.</p>");
	snprintf(title, sizeof(title), "Connect %s", page.service);
	slice_mend_utf8(title);
	return api_page(r, 200, title, &b);
}

int
api_connect_go(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_about about;
	struct connect_who who;
	struct flow_talk talk;
	const char *url;
	int rc;

	/* The button is on a page of this server's own. */
	if (r->cross_site || (r->origin_given && !r->origin_ours))
		return api_problem(r, CONNECT_P_WRONG_ORIGIN,
				   "Open the link itself.",
				   "The button was pressed on another site's "
				   "page.");
	if (!r->has_browser)
		random_token(r->browser);
	api_who(r, &who);
	rc = connect_front_about(r->db, &who, slice_str(r->params[0]), &about,
				 &p);
	if (!rc && !conversation_waits(r, &about, &talk))
		return 0;
	if (!rc)
		flow_talk_release(&talk);
	if (!rc)
		rc = connect_front_press(r->api->config.connect, r->db, &who,
					 slice_str(r->params[0]),
					 slice_str(r->browser), r->arena, &url,
					 &p);
	if (rc)
		return api_page_message(r, p.status, p.title, p.detail, p.hint);
	api_cookie_set(r, api_cookie_browser, r->browser, CONNECT_STATE_LIFE_S);
	api_field_long(r, "Location", url);
	r->csp = r->api->page_csp;
	r->status = 303;
	r->type = NULL;
	return 0;
}

/* ---- back in the conversation ---- */

struct conversation {
	char id[27], flow[27];
};

/* On the loop.  One that finds no room is found again by the engine. */
static void
conversation_drive(struct api_request *r)
{
	struct conversation *v = r->state;

	flow_drive_start(r->worker->flows, v->id, v->flow);
	api_finish(r);
}

/* It calls: the page is answered all the same. */
static int
conversation_calls(struct api_request *r, const struct connect_about *a,
		   const char *flow)
{
	struct conversation *v = arena_alloc(r->arena, sizeof(*v));

	if (!v)
		return ERR_NOMEM;
	slice_copy(slice_str(a->conversation), v->id, sizeof(v->id));
	slice_copy(slice_str(flow), v->flow, sizeof(v->flow));
	r->state = v;
	r->later = conversation_drive;
	return API_PENDING;
}

/* The origin of the page with the chat; "": it is on none. */
static const char *
conversation_origin(struct api_request *r, const struct connect_about *a)
{
	struct connect_problem p = { 0 };
	const char *origin = NULL;
	struct flow_talk talk;

	if (!flow_talk_get(r->db, a->conversation, &talk, &p))
		origin = arena_strdup(r->arena, talk.origin);
	flow_talk_release(&talk);
	return origin ? origin : "";
}

static int
conversation_refused(struct api_request *r, const struct connect_consent *c,
		     const struct connect_problem *p)
{
	bool calling = false;
	char flow[27] = "";
	int rc;

	if (flow_consent_failed(r->api->config.flows, r->db,
				c->about.conversation, c->about.connection,
				c->denied, flow, &calling))
		log_debug("a chat that wants no consent any more");
	rc = api_page_consent(r, p->status, p->title, "", false, p->detail,
			      "You can close this window; the chat goes on, "
			      "and you can press Connect there again.",
			      conversation_origin(r, &c->about));
	return rc || !calling ? rc : conversation_calls(r, &c->about, flow);
}

/* The chat goes on, or has already. */
static int
conversation_told(struct api_request *r, const struct connect_consent *c)
{
	return api_page_consent(r, 200, "Connected", "", true,
				"You can close this window; the chat goes on.",
				"", conversation_origin(r, &c->about));
}

static int
conversation_given(struct api_request *r, const struct connect_consent *c)
{
	struct connect_problem p = { 0 };
	struct flow_talk talk;
	char flow[27];
	bool over;
	int rc = flow_consent_given(r->api->config.flows, r->db,
				    c->about.conversation, c->about.connection,
				    flow);

	if (!rc) {
		rc = conversation_told(r, c);
		return rc ? rc : conversation_calls(r, &c->about, flow);
	}
	over = flow_talk_get(r->db, c->about.conversation, &talk, &p) ||
	       (talk.status != FLOW_S_WAITING && talk.status != FLOW_S_CALLING);
	flow_talk_release(&talk);
	if (over)
		return api_page_message(
			r, 409, "The chat is over",
			"It has ended meanwhile; the access is taken back.",
			"You can close this window.");
	return conversation_told(r, c);
}

int
api_callback(struct api_request *r)
{
	const struct connect_back back = {
		.service = r->params[0],
		.query = r->query,
		.browser = r->has_browser ? slice_str(r->browser) : SLICE_NONE,
	};
	struct connect_problem p = { 0 };
	struct connect_consent c;
	struct connect_who who;
	struct buf detail;
	int rc;

	api_who(r, &who);
	if (connect_front_callback(r->api->config.connect, r->db, &who, &back,
				   r->arena, &c, &p)) {
		if (c.about.conversation[0])
			return conversation_refused(r, &c, &p);
		return api_page_consent(r, p.status, p.title,
					c.link ? c.link : "", false, p.detail,
					p.hint, "");
	}
	if (c.about.conversation[0])
		return conversation_given(r, &c);
	buf_init(&detail, 64 * 1024);
	buf_printf(&detail, "%s is connected%s%s.", c.connection,
		   c.account[0] ? " as " : "", c.account);
	if (c.missing[0])
		buf_printf(&detail, " Not granted were: %s%s", c.missing,
			   c.left[0] ? "." : "");
	if (c.left[0])
		buf_printf(&detail, " %s", c.left);
	rc = buf_err(&detail);
	if (!rc)
		rc = api_page_consent(r, 200, "Connected", c.link, true,
				      buf_cstr(&detail),
				      "You can close this window.", "");
	buf_release(&detail);
	return rc;
}
