/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refresh that does not lose tokens: how one is begun.
 *
 *   claim    the intent is committed: this generation, by us, until then
 *   ask      one token request, through the exchanger
 *   store    the new tokens are committed as the next generation
 *   use      only then does anybody get the new access token
 *
 * A kill before `ask` loses nothing, one after `store` neither.  In between
 * the provider may have rotated the refresh token: the stored one is tried
 * once more, and if that is refused the grant is in doubt and says so.
 *
 * Whoever finds the claim taken watches the row until its generation has
 * moved on, the claim is given back, or its lease is over.  What comes of a
 * request is keeper_outcome.c; docs/design/refresh.md draws the whole and
 * tests/model/refresh.pml checks it.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

enum {
	WATCH_MS = 100,
	FLAGGED_MS = KEEPER_FLAGGED_MS,
};
_Static_assert((int)KEEPER_LEASE_MS > (int)CONNECT_TOKEN_MS,
	       "a lease must outlive the request that it is for");

/* ---- ahead of expiry ---- */

static void refresh_fire(struct loop_timer *t);

static void
refresh_fire_at(struct keeper_active *a, int64_t at, int64_t now)
{
	loop_timer_start(a->keeper->loop, &a->timer,
			 at > now ? (uint64_t)(at - now) : 1, refresh_fire);
}

/* It could not be begun now: again as soon as it can, while there is a token
 * to be ahead of. */
static void
refresh_fire_later(struct keeper_active *a, uint32_t wait_s)
{
	int64_t now = keeper_row_now(a->keeper, &a->row);
	int64_t at = now + (wait_s ? (int64_t)wait_s * 1000 : 1000);

	if (at < a->row.expires_at)
		refresh_fire_at(a, at, now);
}

static void
refresh_fire(struct loop_timer *t)
{
	struct keeper_active *a = CONTAINER_OF(t, struct keeper_active, timer);
	struct connect_msg_problem problem = { 0 };
	struct connect_msg_subject who = a->row.who;
	struct keeper_active *same;

	/* in_use: not when the credential was replaced meanwhile */
	if (a->state == KEEPER_IDLE &&
	    !keeper_active_get(a->keeper, &who, &same) && a->in_use &&
	    a->row.status == CONNECT_CONNECTED && !a->row.suspended &&
	    !a->keeper->stopping &&
	    keeper_refresh_start(a, &problem) == ERR_BUSY)
		refresh_fire_later(a, problem.retry_after_s);
	keeper_active_put(a);
}

void
keeper_refresh_ahead(struct keeper_active *a, const struct binding *b)
{
	int64_t now = keeper_row_now(a->keeper, &a->row), at;

	a->in_use = true;
	if (!a->row.expires_at || a->timer.prev || a->state != KEEPER_IDLE)
		return;
	at = keeper_refresh_due_at(&a->row, b);
	if (at < a->row.retry_at)
		at = a->row.retry_at;
	refresh_fire_at(a, at, now);
}

/* ---- start ---- */

/* Opens what is needed; the problem when it cannot go on. */
static int
refresh_prepare(struct keeper_active *a, struct connect_msg_problem *problem)
{
	struct keeper *k = a->keeper;
	struct keeper_row *r = &a->row;
	const char *url;
	int rc;

	rc = keeper_payload_open(k, r, &a->payload);
	if (rc) {
		keeper_problem_set(problem, "sealed", r->status,
				   "The stored credential does not open: %s.",
				   err_text(rc));
		return ERR_WRONG_STATE;
	}
	if (!keeper_refresh_possible(&a->payload)) {
		if (r->expires_at && keeper_row_now(k, r) >= r->expires_at)
			keeper_refresh_dead(k, r,
					    "The access has expired, and the "
					    "provider gave no means to renew "
					    "it. Connect again.");
		keeper_problem_set(problem, "no_refresh", r->status, "%s",
				   r->reason[0] ? r->reason
						: "The provider gave no means "
						  "to renew the access.");
		return ERR_WRONG_STATE;
	}
	rc = keeper_app_of(k, r->who.org, a->payload.binding,
			   a->payload.client_id, &a->app);
	if (rc == ERR_CONFLICT) {
		keeper_foreign_wait(a, problem);
		return ERR_BUSY;
	}
	if (rc) {
		keeper_problem_set(problem, "app_missing", r->status,
				   "The service's OAuth app is missing: set "
				   "its client id and secret.");
		return ERR_NOT_FOUND;
	}
	url = a->payload.binding->kind == CATALOG_OAUTH2_CODE
		      ? a->payload.binding->refresh_url
		      : a->payload.binding->token_url;
	if (!keeper_app_allows(&a->app, a->payload.binding, url)) {
		keeper_problem_set(problem, "destination_not_allowed",
				   r->status,
				   "The OAuth app's secret was not given for "
				   "the token endpoint that renews this "
				   "access, or not for whom that now trusts. "
				   "Connect again, or set the app again.");
		return ERR_FORBIDDEN;
	}
	return 0;
}

/* Since when it is allowed to ask, with the reason why not before. */
static int64_t
refresh_allowed_at(struct keeper_active *a, const char **code, char *why,
		   size_t size)
{
	struct keeper_row *r = &a->row;
	struct keeper *k = a->keeper;
	int64_t now = keeper_now(k), at = r->retry_at;

	*code = "throttled";
	snprintf(why, size, "%s", r->health_reason);
	/* A person who asks need not wait for our own backoff; what the
	 * provider has asked for is another thing (failures is 0 then). */
	if (at > now && !(a->forced && r->failures))
		return at;
	at = a->app.flagged_at + FLAGGED_MS;
	if (a->app.flagged_at && !a->forced && at > now) {
		*code = "app_refused";
		snprintf(why, size,
			 "The provider refuses the OAuth app: check its client "
			 "id and secret.");
		return at;
	}
	at = keeper_refresh_opens_at(r, a->payload.binding);
	if (at > keeper_row_now(k, r)) {
		*code = "too_early";
		snprintf(why, size,
			 "The service renews a token in its last seconds "
			 "alone.");
		return at;
	}
	at = keeper_row_quota(k, r, a->payload.binding, now);
	if (at > now)
		snprintf(why, size,
			 "The provider allows only so many token requests in "
			 "a time, and they are used up.");
	return at;
}

/* Whether now is no time to ask. */
static int
refresh_may_ask(struct keeper_active *a, struct connect_msg_problem *problem)
{
	int64_t now = keeper_now(a->keeper), at;
	char why[256];
	const char *code;

	at = refresh_allowed_at(a, &code, why, sizeof(why));
	if (at <= now)
		return 0;
	keeper_problem_set(problem, code, a->row.status, "%s", why);
	problem->retry_after_s = (uint32_t)((at - now + 999) / 1000);
	return ERR_BUSY;
}

static int
refresh_claim(struct keeper_active *a)
{
	struct keeper *k = a->keeper;
	int rc = store_begin(k->db);

	if (!rc)
		rc = keeper_row_claim(k, &a->row);
	if (!rc)
		rc = keeper_row_note_request(k, &a->row, keeper_now(k));
	if (!rc && a->app.flagged_at) /* one try for all of its grants */
		rc = keeper_app_flag(k, &a->app);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	return rc;
}

void
keeper_refresh_ask(struct keeper *k, const struct connect_msg_token *m,
		   struct proc_call *call,
		   void (*done)(struct proc_call *, int, struct proc_unpack *))
{
	struct proc_pack *p = proc_pack_new();

	connect_msg_token_pack(m, p);
	k->counts.token_requests++;
	k->under_way++;
	proc_call_start(k->exchanger, CONNECT_EXCHANGER_TOKEN, p,
			CONNECT_TOKEN_MS, call, done);
}

void
keeper_refresh_fill(const struct keeper_payload *p,
		    const struct keeper_app *app, struct connect_msg_token *m)
{
	memset(m, 0, sizeof(*m));
	m->what = METHOD_REFRESH;
	m->binding = p->binding;
	m->client_secret = app->client_secret;
	if (p->binding->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		m->what = METHOD_CLIENT_CREDENTIALS;
	else /* borrowed: packing only reads */
		m->refresh_token = (struct secret *)method_credential_get(
			&p->fields, SLICE("refresh_token"));
	snprintf(m->client_id, sizeof(m->client_id), "%s", app->client_id);
	snprintf(m->scope, sizeof(m->scope), "%s", p->scope);
}

static void
refresh_ask(struct keeper_active *a)
{
	struct connect_msg_token m;

	keeper_refresh_fill(&a->payload, &a->app, &m);
	loop_timer_cancel(&a->timer);
	a->state = KEEPER_ASKING;
	a->asked_at = keeper_now(a->keeper);
	keeper_refresh_ask(a->keeper, &m, &a->call, keeper_refresh_done);
}

/* ---- somebody else has the claim, or there is no room ---- */

static bool
refresh_is_one_too_many(const struct keeper *k)
{
	return k->under_way >= KEEPER_REFRESHES_MOST;
}

static void
refresh_look(struct loop_timer *t)
{
	struct keeper_active *a = CONTAINER_OF(t, struct keeper_active, timer);
	struct connect_msg_problem problem = { 0 };
	struct keeper *k = a->keeper;
	int64_t now = keeper_now(k);
	struct keeper_row row;
	int rc;

	if (a->queued && (k->stopping || refresh_is_one_too_many(k))) {
		loop_timer_start(k->loop, &a->timer, WATCH_MS, refresh_look);
		return;
	}
	rc = keeper_row_load(k, &a->row.who, &row);
	if (!rc && row.base == a->row.base && row.status == CONNECT_CONNECTED &&
	    row.intent && row.lease_until > now &&
	    row.lease_until <= now + KEEPER_LEASE_MOST_MS) {
		loop_timer_start(k->loop, &a->timer, WATCH_MS, refresh_look);
		return;
	}
	a->state = KEEPER_IDLE;
	a->queued = false;
	if (rc || row.base != a->row.base || row.status != CONNECT_CONNECTED) {
		if (!rc)
			a->row = row;
		keeper_refresh_end(a, 0, NULL);
		return;
	}
	/* it has failed, or its lease is over: what is to be done is seen
	 * from the row as it is now */
	a->row = row;
	rc = keeper_refresh_start(a, &problem);
	if (rc)
		keeper_refresh_end(a, rc, &problem);
}

static void
refresh_watch(struct keeper_active *a)
{
	keeper_app_release(&a->app);
	keeper_payload_release(&a->payload);
	a->state = KEEPER_WATCHING;
	loop_timer_start(a->keeper->loop, &a->timer, WATCH_MS, refresh_look);
}

/* ---- the start ---- */

int
keeper_refresh_start(struct keeper_active *a,
		     struct connect_msg_problem *problem)
{
	int rc;

	if (a->state != KEEPER_IDLE)
		return 0;
	rc = refresh_prepare(a, problem);
	if (!rc)
		rc = refresh_may_ask(a, problem);
	if (!rc && refresh_is_one_too_many(a->keeper)) {
		a->queued = true;
		refresh_watch(a);
		return 0;
	}
	if (!rc) {
		rc = refresh_claim(a);
		if (rc == ERR_CONFLICT) {
			refresh_watch(a);
			return 0;
		}
		if (rc) {
			keeper_problem_set(problem, "", a->row.status,
					   "The refresh could not be begun: "
					   "%s.",
					   err_text(rc));
			problem->retry_after_s = 1;
			rc = ERR_BUSY;
		}
	}
	a->forced = false;
	if (rc) {
		keeper_app_release(&a->app);
		keeper_payload_release(&a->payload);
		return rc;
	}
	step_reached("refresh.claimed");
	refresh_ask(a);
	step_reached("refresh.asked");
	return 0;
}
