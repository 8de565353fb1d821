/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connect, pressed in a conversation.
 *
 *   POST /connect/visitor               a page's chat, by a form in a new
 *                                       window: token, connection
 *   POST /v1/conversations/{id}/connect a member who tries a flow
 *
 * Who collects another's consent would use another's account.  So a visitor
 * gets no link that could be handed on: the form's answer sets a cookie in
 * the very browser that has sent it, from a page on which the conversation
 * was begun, and the ticket behind the redirect is good with that cookie
 * alone.  A member's link opens only where he is signed in himself.
 * (docs/design/visitors.md)
 */
#include "api/api_priv.h"

enum { VISIT_PER_MINUTE = 20, VISIT_BURST = 10 }; /* of a conversation */

static int
visit_refuse(struct api_request *r, int status, const char *detail,
	     const char *hint)
{
	return api_page_message(r, status, "Connecting has not begun", detail,
				hint);
}

/* The conversation of the form's token, if the page may speak for it. */
static int
visit_find(struct api_request *r, struct flow_talk *out)
{
	const struct secret *token = api_secret(r, "token");
	unsigned char hash[PEOPLE_HASH_SIZE];
	int rc = ERR_NOT_FOUND;

	if (token) {
		people_token_hash(
			slice_of(secret_peek(token), secret_len(token)), hash);
		rc = flow_talk_of_token(r->db, hash, out);
	}
	if (rc)
		return rc;
	/* Pages of our own speak for conversations that began on none. */
	if (r->origin_ours && !r->cross_site && !out->origin[0])
		return 0;
	rc = flow_talk_is_of_page(r->api->config.flows, r->db, out, r->origin,
				  r->api->origin);
	if (rc)
		flow_talk_release(out);
	return rc;
}

/* Whether it waits for the consent to this connection. */
static bool
talk_waits_for(const struct flow_talk *t, const char *link)
{
	const json_t *expects = flow_talk_expects(t);
	const char *want =
		json_string_value(json_object_get(expects, "connection"));

	return t->awaits[0] && want && !strcmp(want, link);
}

static int
visit_go(struct api_request *r, const struct flow_talk *t)
{
	struct connect_visit v = { .org = t->org,
				   .connection = t->awaits,
				   .conversation = t->id,
				   .subject = t->subject,
				   .visitor = r->visitor_hash,
				   .member = "" };
	struct connect_who who = { .address = r->peer };
	struct connect_problem p = { 0 };
	struct connect_ticket ticket;
	int rc = flow_consent_begun(r->db, t->id);

	if (rc)
		return rc;
	if (!r->has_visitor) {
		random_token(r->visitor);
		people_token_hash(slice_str(r->visitor), r->visitor_hash);
	}
	if (connect_front_visit(r->api->config.connect, r->db, &who, &v,
				r->arena, &ticket, &p))
		return api_page_message(r, p.status, p.title, p.detail, p.hint);
	api_cookie_set(r, api_cookie_visitor, r->visitor,
		       CONNECT_TICKET_LIFE_S);
	api_field_long(r, "Location", ticket.url);
	r->csp = r->api->page_csp;
	r->status = 303;
	r->type = NULL;
	return 0;
}

int
api_visit(struct api_request *r)
{
	struct flow_talk talk;
	int rc;

	/* Browsers send it with every POST; "null" is nobody's page. */
	if (!r->origin_given)
		return visit_refuse(r, 403,
				    "The request does not say which page it "
				    "comes from.",
				    "Press Connect in the chat itself.");
	rc = visit_find(r, &talk);
	if (rc && rc != ERR_NOT_FOUND && rc != ERR_FORBIDDEN)
		return rc;
	if (rc) { /* which of the two is nobody's business */
		audit_stranger(r->db, r->peer, "visit");
		return visit_refuse(r, 403,
				    "This page may not connect anything for "
				    "the chat.",
				    "Press Connect in the chat itself.");
	}
	if (!talk_waits_for(&talk, api_form(r, "connection")))
		rc = visit_refuse(r, 409,
				  "The chat does not wait for this (any "
				  "more).",
				  "Close this window, and go on in the chat.");
	else if (api_rate_allows(r, "visit", talk.id, VISIT_PER_MINUTE,
				 VISIT_BURST))
		rc = visit_go(r, &talk);
	flow_talk_release(&talk);
	return rc;
}

/* ---- a member's ---- */

static int
member_go(struct api_request *r, const struct flow_talk *t)
{
	struct connect_visit v = { .org = t->org,
				   .connection = t->awaits,
				   .conversation = t->id,
				   .subject = t->subject,
				   .member = r->actor->member };
	struct connect_problem p = { 0 };
	struct connect_ticket ticket;
	struct connect_who who;
	int rc = flow_consent_begun(r->db, t->id);

	if (rc)
		return rc;
	api_who(r, &who);
	if (connect_front_visit(r->api->config.connect, r->db, &who, &v,
				r->arena, &ticket, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 201,
			  json_pack("{s:s, s:o}", "url", ticket.url,
				    "expires_at",
				    api_json_time(ticket.expires_at)));
}

int
api_talk_connect(struct api_request *r)
{
	static const char *const names[] = { "connection", NULL };
	struct flow_talk talk;
	const char *link;
	int rc = api_talk_find(r, &talk);

	if (rc)
		return rc == API_PENDING ? 0 : rc;
	if (!r->actor) /* it was found by its token */
		rc = api_problem(r, CONNECT_P_FORBIDDEN,
				 "A visitor presses Connect in the page's "
				 "chat.",
				 "A conversation's token gets no link.");
	else if ((rc = api_talk_is_his(r, &talk)))
		rc = rc == API_PENDING ? 0 : rc;
	else if (!api_rate_allows(r, "visit", talk.id, VISIT_PER_MINUTE,
				  VISIT_BURST) ||
		 !api_body_only(r, names))
		rc = 0;
	else {
		link = json_get_str(&r->body, "connection", JSON_REQUIRED, 50,
				    "");
		if (!api_input_ok(r))
			rc = 0;
		else if (talk_waits_for(&talk, link))
			rc = member_go(r, &talk);
		else
			rc = api_problem(r, CONNECT_P_WRONG_STATE, NULL,
					 "The conversation does not wait for "
					 "this.");
	}
	flow_talk_release(&talk);
	return rc;
}
