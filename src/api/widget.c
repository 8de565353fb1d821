/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pages of other sites may do (CORS, the Fetch standard 3.3), and what
 * the chat widget shows before anybody has said anything.
 *
 * A page gets fields for exactly its own origin, and never for credentials:
 * a cookie of the studio opens nothing to another site.  A refusal can be
 * read by the page that was refused where it tells no more than that; else
 * the widget could not tell "not for this page" from "no network".  Whether
 * a conversation is there is told only to its own origin, or by "there is
 * none": the token is asked for in any case.  The same pages may read what is
 * refused before a handler is asked (dispatch.c): a body that is too large,
 * another method.
 */
#include "api/api_priv.h"

static void
cors_allow(struct api_request *r)
{
	api_field(r, "Access-Control-Allow-Origin", "%s", r->origin);
	api_field(r, "Access-Control-Expose-Headers", "Retry-After");
}

static void
cors_answer(struct api_request *r, bool allowed)
{
	if (r->cors_told)
		return;
	r->cors_told = true;
	api_field(r, "Vary", "Origin");
	if (r->origin_given && allowed)
		cors_allow(r);
}

/* ---- preflights ---- */

static int
preflight(struct api_request *r, bool allowed)
{
	cors_answer(r, allowed);
	if (!r->origin_given || !allowed)
		return api_problem(r, CONNECT_P_WRONG_ORIGIN, NULL,
				   "Pages of this origin may not.");
	api_field(r, "Access-Control-Allow-Methods", "GET, POST, DELETE");
	api_field(r, "Access-Control-Allow-Headers",
		  "Authorization, Content-Type, Last-Event-ID");
	api_field(r, "Access-Control-Max-Age", "600");
	return api_answer_empty(r);
}

/* The flow's widget is for this page. */
static bool
flow_allows(struct api_request *r)
{
	struct flow_document *d;
	char id[27];
	bool yes;

	if (!r->origin_given ||
	    flow_widget_find(r->api->config.flows, r->db, r->params[0], id, &d))
		return false;
	yes = flow_widget_takes(flow_document_widget(d), r->origin,
				r->api->origin);
	flow_document_unref(d);
	return yes;
}

/* It was begun by a page of this origin, or is not there (any more). */
static bool
talk_allows(struct api_request *r)
{
	char origin[300];
	int rc;

	if (!r->origin_given)
		return false;
	rc = flow_talk_origin(r->db, r->params[0], origin);
	if (rc)
		return rc == ERR_NOT_FOUND;
	return origin[0] && !strcmp(origin, r->origin);
}

int
api_flow_preflight(struct api_request *r)
{
	return preflight(r, flow_allows(r));
}

int
api_talk_preflight(struct api_request *r)
{
	return preflight(r, talk_allows(r));
}

/* ---- answers ---- */

void
api_cors_flow(struct api_request *r)
{
	cors_answer(r, flow_allows(r));
}

void
api_cors_talk(struct api_request *r)
{
	cors_answer(r, talk_allows(r));
}

void
api_cors_widget(struct api_request *r)
{
	cors_answer(r, true);
}

/* ---- what it shows ---- */

static json_t *
widget_json(const char *id, const struct flow_widget *w)
{
	return json_pack("{s:s, s:o, s:o, s:o}", "flow", id, "title",
			 api_json_text(w->title), "greeting",
			 api_json_text(w->greeting), "colour",
			 api_json_text(w->colour));
}

int
api_widget_get(struct api_request *r)
{
	struct flow_document *d = NULL;
	char id[27];
	int rc = flow_widget_find(r->api->config.flows, r->db, r->params[0], id,
				  &d);

	api_cors_widget(r);
	if (rc == ERR_NOT_FOUND)
		return api_problem(r, CONNECT_P_NOT_FOUND,
				   "Publish the flow with channels.widget "
				   "switched on.",
				   "There is no chat of this name.");
	if (rc)
		return rc;
	/* A page of Drawbridge's own sends no Origin with GET. */
	if (r->origin_given && !flow_widget_takes(flow_document_widget(d),
						  r->origin, r->api->origin))
		rc = api_problem(r, CONNECT_P_WRONG_ORIGIN,
				 "Add the page's origin to channels.widget of "
				 "the flow, and publish.",
				 "This chat is not for pages of %.200s.",
				 r->origin);
	else
		rc = api_answer(r, 200,
				widget_json(id, flow_document_widget(d)));
	flow_document_unref(d);
	return rc;
}
