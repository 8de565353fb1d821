/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are got: of a code that came by consent, or with the app's own
 * secret (client credentials).
 *
 *   app -> token request -> captures of the token answer -> look-ups
 *   (keeper_lookup.c) -> sealed, committed (keeper_granted.c)
 *
 * No client secret goes to an endpoint that it was not given for.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_getting_priv.h"

void
keeper_getting_free(struct keeper_getting *g)
{
	if (!g)
		return;
	keeper_payload_release(&g->payload);
	keeper_app_release(&g->app);
	secret_free(g->verifier);
	method_answer_release(&g->answer);
	free(g);
}

/* What came, and that nobody will use; as keeper_revoke_unstored(). */
static const char *
getting_give_back(struct keeper_getting *g)
{
	struct method_credential *f = &g->payload.fields;
	struct method_answer *a = &g->answer;

	if (a->access_token)
		method_credential_set(f, "access_token", a->access_token);
	if (a->refresh_token)
		method_credential_set(f, "refresh_token", a->refresh_token);
	a->access_token = a->refresh_token = NULL;
	return f->count
		       ? keeper_revoke_unstored(g->keeper, &g->who, &g->payload)
		       : NULL;
}

void
keeper_getting_fail(struct keeper_getting *g, int err, const char *code,
		    const char *detail)
{
	const char *left = getting_give_back(g);
	size_t len = strlen(detail);
	bool stop = len && detail[len - 1] == '.';

	if (left && !proc_request_is_awaited(g->rq))
		log_warn("tokens of a consent that nobody waits for are left "
			 "at the provider",
			 LOG_S("connection", g->who.connection),
			 LOG_S("why", left));
	keeper_fail_with(g->rq, err, code, CONNECT_NOT_CONNECTED, "%s%s%s",
			 detail,
			 !left	? ""
			 : stop ? " "
				: ". ",
			 left ? left : "");
	keeper_getting_free(g);
}

/* ---- the token answer ---- */

static void
token_failed(struct keeper_getting *g, const struct connect_msg_token_answer *m)
{
	struct connect_msg_problem problem;
	char words[256];
	int err = ERR_PROTOCOL;

	keeper_refresh_words(m, words, sizeof(words));
	if (keeper_refresh_was_declined(m)) {
		keeper_problem_set(&problem, "provider_unreachable",
				   CONNECT_NOT_CONNECTED,
				   "The provider was not asked for a token: "
				   "%s. Connect again in a moment.",
				   words);
		err = ERR_CONNECT;
	} else if (m->err) {
		keeper_problem_set(&problem, "provider_unreachable",
				   CONNECT_NOT_CONNECTED,
				   "The provider could not be asked for a "
				   "token: %s.",
				   words);
		err = m->err == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_CONNECT;
	} else if (m->answer.class == CATALOG_MISCONFIGURED) {
		keeper_app_flag(g->keeper, &g->app);
		keeper_problem_set(
			&problem, "app_refused", CONNECT_NOT_CONNECTED,
			"The provider refuses the OAuth app: %s.", words);
		keeper_app_tell(g->keeper, &g->app, problem.detail);
	} else if (m->answer.class == CATALOG_THROTTLED) {
		keeper_problem_set(&problem, "throttled", CONNECT_NOT_CONNECTED,
				   "The provider asks to wait: %s.", words);
		problem.retry_after_s = m->answer.wait_s;
		err = ERR_BUSY;
	} else {
		keeper_problem_set(&problem, "provider_refused",
				   CONNECT_NOT_CONNECTED,
				   "The provider gave no token: %s.", words);
	}
	keeper_fail(g->rq, err, &problem);
	keeper_getting_free(g);
}

static void
token_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct keeper_getting *g =
		CONTAINER_OF(call, struct keeper_getting, call);
	struct connect_msg_token_answer m;
	char detail[256] = "";

	step_reached("consent.answered");
	keeper_refresh_read(g->keeper, err, in, &m);
	if (m.err || !m.answer.ok) {
		token_failed(g, &m);
		connect_msg_token_answer_release(&m);
		return;
	}
	g->answer = m.answer; /* takes what it owns */
	snprintf(g->account, sizeof(g->account), "%s", g->answer.account);
	if (keeper_captures_of_token(g, detail, sizeof(detail)))
		keeper_getting_fail(g, ERR_FORBIDDEN, "captured_value_refused",
				    detail);
	else
		keeper_getting_look_up(g);
}

/* ---- the token request ---- */

/* The app must be there, and its secret meant for this endpoint. */
int
keeper_getting_app(struct keeper_getting *g)
{
	int rc = keeper_app_load(g->keeper, g->who.org, g->payload.binding,
				 &g->app);

	if (rc) {
		keeper_fail_with(g->rq, ERR_NOT_FOUND, "app_missing",
				 CONNECT_NOT_CONNECTED,
				 "The service's OAuth app is missing: set its "
				 "client id and secret.");
		return rc;
	}
	if (!keeper_app_allows(&g->app, g->payload.binding,
			       g->payload.binding->token_url)) {
		keeper_fail_with(g->rq, ERR_FORBIDDEN,
				 "destination_not_allowed",
				 CONNECT_NOT_CONNECTED,
				 "The OAuth app's secret was not given for "
				 "this token endpoint, or not for whom it now "
				 "trusts: set the app again.");
		return ERR_FORBIDDEN;
	}
	snprintf(g->payload.client_id, sizeof(g->payload.client_id), "%s",
		 g->app.client_id);
	return 0;
}

void
keeper_getting_ask(struct keeper_getting *g, enum method_request what,
		   struct secret *code)
{
	struct connect_msg_token m = {
		.what = what,
		.binding = g->payload.binding,
		.client_secret = g->app.client_secret,
		.code = code,
		.verifier = g->verifier,
	};

	snprintf(m.client_id, sizeof(m.client_id), "%s", g->app.client_id);
	snprintf(m.redirect_uri, sizeof(m.redirect_uri), "%s", g->redirect_uri);
	snprintf(m.scope, sizeof(m.scope), "%s", g->payload.scope);
	g->asked_at = keeper_now(g->keeper);
	keeper_refresh_ask(g->keeper, &m, &g->call, token_done);
}
