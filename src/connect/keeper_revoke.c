/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a grant back: upstream first, then here.
 *
 * It takes the same claim as a refresh, and waits for one that is under way:
 * tokens that came in between would live on upstream, known to nobody.
 *
 * Upstream is asked once.  Whatever it says, the grant is of no use here
 * afterwards; the answer tells honestly whether the provider has confirmed.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_priv.h"

enum { CLAIM_MS = CONNECT_TOKEN_MS + 10 * 1000, AGAIN_MS = 100 };

struct revoking {
	struct keeper *keeper;
	struct revoking *next, **prev; /* while it waits */
	struct loop_timer timer;
	struct proc_request *rq; /* NULL: of a grant that was replaced */
	struct keeper_row row;
	struct keeper_payload payload;
	struct keeper_app app;
	struct proc_call call;
	enum connect_revoke how;
};

/* What a revoked row says, from which it is also known later. */
static const char confirmed[] =
	"The access was revoked. Connect again to use it.";
static const char unconfirmed[] =
	"The access was revoked here; the provider has not confirmed it. "
	"Connect again to use it.";
/* What is told of a confirmed one that took more than was asked for. */
static const char took_all[] =
	"The provider has ended every access that the OAuth app had to this "
	"account: other connections of the same account have to be connected "
	"again.";

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

static void
revoking_free(struct revoking *v)
{
	revoking_unlink(v);
	keeper_payload_release(&v->payload);
	keeper_app_release(&v->app);
	free(v);
}

/* Why upstream cannot be asked; NULL when it can. */
static const char *
revoke_obstacle(struct revoking *v)
{
	const struct binding *b = v->payload.binding;

	if (b->kind != CATALOG_OAUTH2_CODE &&
	    b->kind != CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		return "A key or password cannot be revoked from here: change "
		       "or delete it at the service.";
	if (!b->method->revoke || !b->revoke_url)
		return "The service offers no way to revoke: take the access "
		       "back in the account's own settings there.";
	if (keeper_app_load(v->keeper, v->row.who.org, b, &v->app) ||
	    !keeper_app_allows(&v->app, b->revoke_url))
		return "The OAuth app needed for revoking is missing: take "
		       "the access back in the account's own settings.";
	return NULL;
}

static bool
takes_all(const struct revoking *v)
{
	const struct catalog_revoke *r = v->payload.binding->method->revoke;

	return r && r->takes_all;
}

static void
revoke_ask(struct revoking *v,
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

	snprintf(m.client_id, sizeof(m.client_id), "%s", v->app.client_id);
	keeper_refresh_ask(v->keeper, &m, &v->call, done);
}

/* ---- a grant that was replaced ---- */

static void
old_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct revoking *v = CONTAINER_OF(call, struct revoking, call);
	struct connect_msg_token_answer m;
	char words[256];

	keeper_refresh_read(v->keeper, err, in, &m);
	if (m.err || !m.revoked) {
		keeper_refresh_words(&m, words, sizeof(words));
		log_warn("the replaced grant was not revoked upstream",
			 LOG_S("connection", v->row.who.connection),
			 LOG_S("why", words));
	} else {
		keeper_token_forget(v->keeper, &v->row);
	}
	connect_msg_token_answer_release(&m);
	revoking_free(v);
}

/* The same token again (some providers have one for each account) is not to
 * be revoked. */
static bool
tokens_are_shared(const struct method_credential *a,
		  const struct method_credential *b)
{
	static const char *const names[] = { "access_token", "refresh_token" };
	const struct secret *x, *y;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		x = method_credential_get(a, slice_str(names[i]));
		y = method_credential_get(b, slice_str(names[i]));
		if (x && y && secret_eq(x, y))
			return true;
	}
	return false;
}

struct revoking *
keeper_revoke_prepare(struct keeper *k, const struct connect_msg_subject *who)
{
	struct revoking *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->keeper = k;
	if (keeper_row_load(k, who, &v->row) ||
	    v->row.status != CONNECT_CONNECTED ||
	    keeper_payload_open(k, &v->row, &v->payload) ||
	    revoke_obstacle(v) || takes_all(v)) {
		revoking_free(v);
		return NULL;
	}
	return v;
}

void
keeper_revoke_replaced(struct revoking *v, const struct keeper_payload *now)
{
	if (!v)
		return;
	if (!now) {
		revoking_free(v);
	} else if (tokens_are_shared(&v->payload.fields, &now->fields)) {
		keeper_token_forget(v->keeper, &v->row); /* noted anew */
		revoking_free(v);
	} else {
		revoke_ask(v, old_done);
	}
}

/* Whether the grant as it is stored uses one of these tokens. */
static bool
tokens_are_stored(struct revoking *v)
{
	struct keeper_payload pl;
	struct keeper_row r;
	bool shared;

	if (keeper_row_load(v->keeper, &v->row.who, &r) ||
	    r.status != CONNECT_CONNECTED)
		return false;
	if (takes_all(v))
		return true;
	if (keeper_payload_open(v->keeper, &r, &pl))
		return true; /* rather keep than break */
	shared = tokens_are_shared(&v->payload.fields, &pl.fields);
	keeper_payload_release(&pl);
	return shared;
}

void
keeper_revoke_orphan(struct keeper *k, const struct keeper_row *r,
		     struct keeper_payload *p)
{
	struct revoking *v = calloc(1, sizeof(*v));

	if (!v)
		return;
	v->keeper = k;
	v->row = *r;
	v->payload = *p;
	memset(p, 0, sizeof(*p));
	if (revoke_obstacle(v) || tokens_are_stored(v))
		revoking_free(v);
	else
		revoke_ask(v, old_done);
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
	rc = keeper_row_store(k, r, &v->payload);
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
		snprintf(m.detail, sizeof(m.detail), "%s", detail);
		p = proc_pack_new();
		connect_msg_revoked_pack(&m, p);
		proc_reply(v->rq, 0, p);
	}
	revoking_free(v);
}

/* Another time: nothing is lost, and refreshing stays forbidden. */
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
	keeper_fail_with(v->rq, ERR_BUSY, "", r->status, "%s", words);
	revoking_free(v);
}

/* Whether the provider may say something else another time. */
static bool
answer_may_change(const struct connect_msg_token_answer *m)
{
	const char *e = m->answer.error;

	return m->err || !strncmp(e, "HTTP 5", 6) || !strcmp(e, "HTTP 408") ||
	       !strcmp(e, "HTTP 429");
}

static void
revoke_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct revoking *v = CONTAINER_OF(call, struct revoking, call);
	struct connect_msg_token_answer m;
	char words[256], detail[CONNECT_DETAIL_SIZE];

	step_reached("revoke.answered");
	keeper_refresh_read(v->keeper, err, in, &m);
	if (!m.err && m.revoked) {
		revoking_end(v, true, takes_all(v) ? took_all : "");
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
		rc = keeper_row_claim(k, &v->row, CLAIM_MS);
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

void
keeper_revoke_free_all(struct keeper *k)
{
	while (k->revoking) {
		proc_reply(k->revoking->rq, ERR_CLOSED, NULL);
		revoking_free(k->revoking);
	}
}

/* It was done before, and whoever asked has died or not heard of it. */
static void
revoking_told(struct revoking *v)
{
	struct connect_msg_revoked m = { .upstream = !strcmp(v->row.reason,
							     confirmed) };
	struct proc_pack *p = proc_pack_new();

	if (!m.upstream)
		snprintf(m.detail, sizeof(m.detail),
			 "The provider has not confirmed the revocation.");
	else if (takes_all(v))
		snprintf(m.detail, sizeof(m.detail), "%s", took_all);
	connect_msg_revoked_pack(&m, p);
	proc_reply(v->rq, 0, p);
	revoking_free(v);
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
		revoking_free(v);
		return;
	}
	if (v->how != CONNECT_REVOKE_NOW && v->row.status == CONNECT_REVOKED) {
		revoking_told(v);
		return;
	}
	obstacle = v->row.status == CONNECT_REVOKED ? "It was revoked already."
						    : revoke_obstacle(v);
	if (obstacle) {
		revoking_end(v, false, obstacle);
		return;
	}
	rc = revoke_claim(v);
	if (!rc) {
		step_reached("revoke.claimed");
		revoke_ask(v, revoke_done);
		step_reached("revoke.asked");
	} else if (rc == ERR_CONFLICT) {
		revoke_wait(v);
	} else {
		keeper_fail_with(v->rq, rc, "", CONNECT_CONNECTED,
				 "The revocation could not be begun: %s.",
				 err_text(rc));
		revoking_free(v);
	}
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
