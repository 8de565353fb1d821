/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a grant back: upstream first, then here.
 *
 * It takes the same claim as a refresh, and waits for one that is under way:
 * tokens that came in between would live on upstream, known to nobody.
 *
 * Some providers want to see the access token itself.  One that has run out
 * is renewed first, by a refresh as any other (keeper_refresh.c: its claim,
 * its fence, stored before it is used); what comes of that is seen from the
 * row.  Where it cannot be renewed, the provider is not asked: what it says
 * of a token that it does not know is no confirmation.
 *
 * Upstream is asked once; once more where the exchanger has died over it, so
 * that nobody knows what it said.  (What is revoked already is told to be so,
 * RFC 7009 2.2.)  Whatever it says, the grant is of no use here afterwards; the
 * answer tells honestly whether the provider has confirmed.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_revoking_priv.h"

enum {
	AGAIN_MS = 100,
	DIED_SOON_MS = 5 * 1000,
};
_Static_assert((int)DIED_SOON_MS + (int)CONNECT_TOKEN_MS < (int)KEEPER_LEASE_MS,
	       "the claim must outlive the second request, too");

/* What a revoked row says, from which it is also known later. */
static const char confirmed[] =
	"The access was revoked. Connect again to use it.";
static const char unconfirmed[] =
	"The access was revoked here; the provider has not confirmed it. "
	"Connect again to use it.";
bool
keeper_revoke_lives(const struct keeper_row *r)
{
	return r->status == CONNECT_REVOKED &&
	       strcmp(r->reason, confirmed) != 0;
}

/* What is told of a confirmed one that took more than was asked for. */
static const char took_all[] =
	"The provider has ended every access that the OAuth app had to this "
	"account: other connections of the same account have to be connected "
	"again.";

/* What is told of one that the provider calls revoked to another OAuth app. */
static const char to_another[] =
	"The provider was asked in the name of another OAuth app than the one "
	"that this access was given to, so that its answer confirms nothing. "
	"Take the access back in the account's own settings there.";

/* Waits no more. */
static void
revoking_unlink(struct revoking *v)
{
	loop_timer_cancel(&v->timer);
	if (!v->prev)
		return;
	*v->prev = v->next;
	if (v->next)
		v->next->prev = v->prev;
	v->prev = NULL;
}

void
keeper_revoking_free(struct revoking *v)
{
	revoking_unlink(v);
	keeper_payload_release(&v->payload);
	keeper_app_release(&v->app);
	free(v);
}

static bool
revoking_has_other_app(const struct revoking *v)
{
	return strcmp(v->app.client_id, v->payload.client_id) != 0;
}

bool
keeper_revoking_is_for_another(const struct revoking *v)
{
	return revoking_has_other_app(v) &&
	       method_oauth2_revoke_proves_client(v->payload.binding);
}

/* Why no such grant can be taken back from here; NULL where some can. */
static const char *
revoking_has_no_way(const struct binding *b)
{
	if (b->kind != CATALOG_OAUTH2_CODE &&
	    b->kind != CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		return "A key or password cannot be revoked from here: change "
		       "or delete it at the service.";
	if (!b->method->revoke || !b->revoke_url)
		return "The service offers no way to revoke: take the access "
		       "back in the account's own settings there.";
	return NULL;
}

const char *
keeper_revoking_obstacle(struct revoking *v)
{
	const struct binding *b = v->payload.binding;
	const char *no_way = revoking_has_no_way(b);
	int rc;

	if (no_way)
		return no_way;
	rc = keeper_app_of(v->keeper, v->row.who.org, b, v->payload.client_id,
			   &v->app);
	if ((rc && rc != ERR_CONFLICT) ||
	    !keeper_app_allows(&v->app, b, b->revoke_url))
		return "The OAuth app needed for revoking is missing: take "
		       "the access back in the account's own settings.";
	/* it would end what the account has granted to the other one */
	if (keeper_revoking_is_for_another(v) &&
	    !method_oauth2_revoke_shows_token(b))
		return "The OAuth app was replaced by another, which cannot "
		       "take this access back: do so in the account's own "
		       "settings.";
	return NULL;
}

bool
keeper_revoking_takes_all(const struct revoking *v)
{
	const struct catalog_revoke *r = v->payload.binding->method->revoke;

	return r && r->takes_all;
}

bool
keeper_revoking_has_run_out(const struct revoking *v)
{
	const struct keeper_row *r = &v->row;

	return v->payload.binding->kind == CATALOG_OAUTH2_CODE &&
	       r->good_until && keeper_row_now(v->keeper, r) >= r->good_until &&
	       method_oauth2_revoke_shows_access(v->payload.binding);
}

const char *
keeper_revoking_cannot_renew(const struct revoking *v)
{
	if (v->row.status != CONNECT_CONNECTED)
		return v->row.reason;
	if (!keeper_refresh_possible(&v->payload))
		return "there is no refresh token";
	if (revoking_has_other_app(v))
		return "the OAuth app was replaced by another";
	if (!keeper_app_allows(&v->app, v->payload.binding,
			       v->payload.binding->refresh_url))
		return "the OAuth app's secret was not given for this token "
		       "endpoint";
	return NULL;
}

void
keeper_revoking_ask(struct revoking *v,
		    void (*done)(struct proc_call *, int, struct proc_unpack *))
{
	const struct method_credential *f = &v->payload.fields;
	struct connect_msg_token m = {
		.what = METHOD_REVOKE,
		.binding = v->payload.binding,
		.client_secret = v->app.client_secret,
		/* borrowed: packing only reads */
		.refresh_token = (struct secret *)method_credential_get(
			f, SLICE("refresh_token")),
		.access_token = (struct secret *)method_credential_get(
			f, SLICE("access_token")),
	};

	v->sent_ms = clock_mono_ms();
	/* Who need not prove who he is says whose the token is. */
	snprintf(m.client_id, sizeof(m.client_id), "%s",
		 method_oauth2_revoke_proves_client(m.binding)
			 ? v->app.client_id
			 : v->payload.client_id);
	keeper_refresh_ask(v->keeper, &m, &v->call, done);
}

/* ---- when it is asked for ---- */

/* Stores that it is revoked here, wipes the tokens, and answers. */
static void
revoking_end(struct revoking *v, bool upstream, const char *detail)
{
	struct connect_msg_revoked m = { .upstream = upstream };
	struct keeper *k = v->keeper;
	struct keeper_row *r = &v->row;
	struct proc_pack *p;
	int rc;

	method_credential_release(&v->payload.fields);
	r->who.generation++;
	r->status = CONNECT_REVOKED;
	r->intent = 0;
	r->expires_at = r->good_until = 0;
	r->keep_at = r->ends_at = r->idle_ends_at = 0;
	r->ends_why[0] = '\0';
	r->degraded = false;
	r->health_reason[0] = '\0';
	snprintf(r->reason, sizeof(r->reason), "%s",
		 upstream ? confirmed : unconfirmed);
	rc = keeper_row_store(k, r, &v->payload, NULL);
	if (rc == ERR_CONFLICT) {
		keeper_fail_with(v->rq, ERR_BUSY, "", CONNECT_CONNECTED,
				 "The connection was connected anew meanwhile. "
				 "Revoke it again, if that is what you want.");
	} else if (rc) {
		keeper_fail_with(v->rq, rc, "", CONNECT_CONNECTED,
				 "The revocation could not be stored: %s.",
				 err_text(rc));
	} else {
		step_reached("revoke.stored");
		if (upstream)
			keeper_token_forget(k, r);
		keeper_row_tell(k, r, NULL, NULL);
		m.generation = r->who.generation;
		snprintf(m.detail, sizeof(m.detail), "%s", detail);
		p = proc_pack_new();
		connect_msg_revoked_pack(&m, p);
		proc_reply(v->rq, 0, p);
	}
	keeper_revoking_free(v);
}

/* Another time: nothing is lost, and refreshing stays forbidden. */
static void
revoking_later(struct revoking *v, const char *words)
{
	keeper_fail_with(v->rq, ERR_BUSY, "", v->row.status, "%s", words);
	keeper_revoking_free(v);
}

/* So, and the claim is given back. */
static void
revoking_keep(struct revoking *v, const char *words)
{
	struct keeper *k = v->keeper;
	struct keeper_row *r = &v->row;
	int rc = store_begin(k->db);

	r->intent = 0;
	r->lease_until = 0;
	if (!rc)
		rc = keeper_row_save(k, r, SLICE_NONE);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db); /* the lease runs out */
	revoking_later(v, words);
}

/* Whether the provider may say something else another time. */
static bool
answer_may_change(const struct connect_msg_token_answer *m)
{
	const char *e = m->answer.error;

	return m->err || !strncmp(e, "HTTP 5", 6) || !strcmp(e, "HTTP 408") ||
	       !strcmp(e, "HTTP 429");
}

static void revoke_done(struct proc_call *call, int err,
			struct proc_unpack *in);

/* The exchanger is gone; what is asked now waits for the next one. */
static bool
revoking_repeat(struct revoking *v)
{
	if (v->repeated || v->keeper->stopping ||
	    clock_mono_ms() - v->sent_ms > DIED_SOON_MS)
		return false;
	v->repeated = true;
	keeper_revoking_ask(v, revoke_done);
	return true;
}

static void
revoke_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct revoking *v = CONTAINER_OF(call, struct revoking, call);
	struct connect_msg_token_answer m;
	char words[256], detail[CONNECT_DETAIL_SIZE];

	step_reached("revoke.answered");
	keeper_refresh_read(v->keeper, err, in, &m);
	if (err == ERR_CLOSED && revoking_repeat(v))
		return;
	if (!m.err && m.revoked && keeper_revoking_is_for_another(v)) {
		revoking_end(v, false, to_another);
	} else if (!m.err && m.revoked) {
		revoking_end(v, true,
			     keeper_revoking_takes_all(v) ? took_all : "");
	} else if (v->how != CONNECT_REVOKE_LAST &&
		   keeper_refresh_was_declined(&m)) {
		snprintf(words, sizeof(words),
			 "The provider was not asked: %.120s. Nothing has "
			 "changed; try again in a moment.",
			 m.detail);
		revoking_keep(v, words);
	} else if (v->how == CONNECT_REVOKE_TRY && answer_may_change(&m)) {
		keeper_refresh_words(&m, words, sizeof(words));
		revoking_keep(v, words);
	} else {
		keeper_refresh_words(&m, words, sizeof(words));
		snprintf(detail, sizeof(detail),
			 "The provider has not confirmed the revocation "
			 "(%.120s). Take the access back in the account's own "
			 "settings there.",
			 words);
		revoking_end(v, false, detail);
	}
	connect_msg_token_answer_release(&m);
}

/* The claim, durable; ERR_CONFLICT while somebody refreshes. */
static int
revoke_claim(struct revoking *v)
{
	struct keeper *k = v->keeper;
	int rc;

	if (v->row.status != CONNECT_CONNECTED)
		return 0;
	rc = store_begin(k->db);
	if (!rc)
		rc = keeper_row_claim(k, &v->row);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	return rc;
}

static void revoke_begin(struct revoking *v);

static void
revoke_again(struct loop_timer *t)
{
	struct revoking *v = CONTAINER_OF(t, struct revoking, timer);

	revoking_unlink(v);
	revoke_begin(v);
}

static void
revoke_wait(struct revoking *v)
{
	struct keeper *k = v->keeper;

	/* after a refresh there are other tokens */
	keeper_payload_release(&v->payload);
	keeper_app_release(&v->app);
	v->next = k->revoking;
	v->prev = &k->revoking;
	if (v->next)
		v->next->prev = &v->next;
	k->revoking = v;
	loop_timer_start(k->loop, &v->timer, AGAIN_MS, revoke_again);
}

/* ---- a new access token first ---- */

/* 0: it is being got.  ERR_BUSY: another time it may be had. */
static int
renewal_start(struct revoking *v, struct connect_msg_problem *why)
{
	const char *cannot = keeper_revoking_cannot_renew(v);
	struct keeper_active *a = NULL;
	int rc = cannot ? ERR_WRONG_STATE
			: keeper_active_get(v->keeper, &v->row.who, &a);

	if (rc) {
		keeper_problem_set(why, "", v->row.status, "%s",
				   cannot ? cannot : err_text(rc));
		return rc;
	}
	a->forced = true;
	rc = keeper_refresh_start(a, why);
	keeper_active_put(a);
	return rc;
}

static bool
renewal_under_way(const struct revoking *v)
{
	struct keeper_active *a;
	bool busy;

	if (keeper_active_get(v->keeper, &v->row.who, &a))
		return false;
	busy = a->state != KEEPER_IDLE;
	keeper_active_put(a);
	return busy;
}

/* It is over, and the row is as before, or worse. */
static int
renewal_failed(const struct revoking *v, struct connect_msg_problem *why)
{
	const struct keeper_row *r = &v->row;
	bool connected = r->status == CONNECT_CONNECTED;

	keeper_problem_set(why, "", r->status, "%s",
			   connected ? r->health_reason : r->reason);
	return connected ? ERR_BUSY : ERR_WRONG_STATE;
}

/* There is no token to ask the provider with. */
static void
revoke_unasked(struct revoking *v, int err, const char *why)
{
	char words[96], detail[CONNECT_DETAIL_SIZE];

	if (v->how == CONNECT_REVOKE_TRY && err == ERR_BUSY) {
		revoking_later(v, why);
		return;
	}
	snprintf(words, sizeof(words), "%.95s", why);
	slice_mend_utf8(words);
	snprintf(detail, sizeof(detail),
		 "The access token has run out and could not be renewed (%s), "
		 "so that the provider could not be asked. Take the access "
		 "back in the account's own settings there.",
		 words);
	revoking_end(v, false, detail);
}

/* True: v waits for a new access token, or there is none and it has ended. */
static bool
revoke_renew(struct revoking *v)
{
	struct connect_msg_problem why = { 0 };
	int rc;

	if (v->renewing && renewal_under_way(v)) {
		revoke_wait(v);
		return true;
	}
	if (!keeper_revoking_has_run_out(v))
		return false;
	rc = v->renewing ? renewal_failed(v, &why) : renewal_start(v, &why);
	if (!rc) {
		v->renewing = true;
		revoke_wait(v);
		return true;
	}
	/* it is given to nobody in its last seconds, and still a token */
	if (keeper_row_now(v->keeper, &v->row) < v->row.expires_at)
		return false;
	revoke_unasked(v, rc, why.detail);
	return true;
}

/* ---- from its beginning ---- */

void
keeper_revoke_free_all(struct keeper *k)
{
	while (k->revoking) {
		proc_reply(k->revoking->rq, ERR_CLOSED, NULL);
		keeper_revoking_free(k->revoking);
	}
}

/* What is known of one that was revoked before, and what is still to be done
 * about it. */
static const char *
revoked_words(const struct revoking *v, bool upstream)
{
	const char *no_way = revoking_has_no_way(v->payload.binding);

	if (!upstream)
		return no_way ? no_way
			      : "The provider has not confirmed the "
				"revocation. Take the access back in the "
				"account's own settings there.";
	if (keeper_revoking_takes_all(v))
		return took_all;
	return v->how == CONNECT_REVOKE_NOW ? "It was revoked already." : "";
}

/* It was done before, and whoever asked has died, or not heard of it, or asks
 * once more: the row stays as it is. */
static void
revoking_told(struct revoking *v)
{
	struct connect_msg_revoked m = {
		.upstream = !strcmp(v->row.reason, confirmed),
		.generation = v->row.who.generation,
	};
	struct proc_pack *p = proc_pack_new();

	snprintf(m.detail, sizeof(m.detail), "%s",
		 revoked_words(v, m.upstream));
	connect_msg_revoked_pack(&m, p);
	proc_reply(v->rq, 0, p);
	keeper_revoking_free(v);
}

static void
revoke_with_claim(struct revoking *v)
{
	int rc = revoke_claim(v);

	if (!rc) {
		step_reached("revoke.claimed");
		keeper_revoking_ask(v, revoke_done);
		step_reached("revoke.asked");
	} else if (rc == ERR_CONFLICT) {
		revoke_wait(v);
	} else {
		keeper_fail_with(v->rq, rc, "", CONNECT_CONNECTED,
				 "The revocation could not be begun: %s.",
				 err_text(rc));
		keeper_revoking_free(v);
	}
}

static void
revoke_begin(struct revoking *v)
{
	struct connect_msg_subject who = v->row.who;
	struct keeper *k = v->keeper;
	const char *obstacle;
	int rc = keeper_row_load(k, &who, &v->row);

	if (!rc && v->how != CONNECT_REVOKE_NOW && !v->row.leaving)
		rc = ERR_NOT_FOUND; /* connected anew meanwhile */
	if (!rc)
		rc = keeper_payload_open(k, &v->row, &v->payload);
	if (rc) {
		keeper_fail_with(v->rq, rc, "", CONNECT_NOT_CONNECTED,
				 "There is no credential to revoke.");
		keeper_revoking_free(v);
		return;
	}
	if (v->row.status == CONNECT_REVOKED) {
		revoking_told(v);
		return;
	}
	obstacle = keeper_revoking_obstacle(v);
	if (obstacle)
		revoking_end(v, false, obstacle);
	else if (!revoke_renew(v))
		revoke_with_claim(v);
}

void
keeper_revoke(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct revoking *v = calloc(1, sizeof(*v));
	int rc = v ? connect_msg_subject_unpack(in, &v->row.who) : ERR_NOMEM;

	if (!rc && v->row.who.generation > CONNECT_REVOKE_LAST)
		rc = ERR_PROTOCOL;
	if (rc) {
		keeper_fail_with(rq, rc, "", CONNECT_NOT_CONNECTED,
				 "There is no credential to revoke.");
		free(v);
		return;
	}
	v->keeper = arg;
	v->rq = rq;
	v->how = (enum connect_revoke)v->row.who.generation;
	revoke_begin(v);
}
