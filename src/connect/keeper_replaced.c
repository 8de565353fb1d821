/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that nobody has any more, given back to the provider: of a grant
 * that a new consent has replaced, and tokens that came and are not stored.
 *
 * It is done beside what people wait for.  The provider is asked once; that
 * it has not confirmed is in the log.
 *
 * An access token that has run out, where the provider wants to see one, is
 * renewed before.  The new one is stored nowhere and goes to nobody but the
 * provider's own revocation.  Where it cannot be renewed, the provider is not
 * asked: what it says of a token that it does not know is no confirmation
 * (RFC 7009 2.2).
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_revoking_priv.h"

static void
old_lives_on(const struct revoking *v, const char *why)
{
	log_warn("a grant that nobody uses was not revoked upstream",
		 LOG_S("connection", v->row.who.connection), LOG_S("why", why));
}

static void
old_end(struct revoking *v, const struct connect_msg_token_answer *m)
{
	char words[256];

	keeper_refresh_words(m, words, sizeof(words));
	if (!m->revoked)
		old_lives_on(v, words);
	else if (keeper_revoking_is_for_another(v))
		old_lives_on(v, "the OAuth app was replaced by another, and "
				"what is said to that one confirms nothing");
	else if (v->row.issue)
		keeper_token_forget(v->keeper, &v->row);
	keeper_revoking_free(v);
}

static void
old_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct revoking *v = CONTAINER_OF(call, struct revoking, call);
	struct connect_msg_token_answer m;

	keeper_refresh_read(v->keeper, err, in, &m);
	old_end(v, &m);
	connect_msg_token_answer_release(&m);
}

/* ---- a grant that was replaced ---- */

static void
old_renewed(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct revoking *v = CONTAINER_OF(call, struct revoking, call);
	struct connect_msg_token_answer m;

	keeper_refresh_read(v->keeper, err, in, &m);
	if (!m.err && m.answer.ok &&
	    !keeper_refresh_take(&v->row, &v->payload, &m.answer, v->asked_at))
		keeper_revoking_ask(v, old_done);
	else
		old_end(v, &m);
	connect_msg_token_answer_release(&m);
}

/* Why there is no new token to ask with; "": a refresh that is under way gives
 * back what it brings itself.  NULL: there may be. */
static const char *
old_cannot_renew(const struct revoking *v)
{
	const struct keeper_row *r = &v->row;

	if (!r->intent)
		return keeper_revoking_cannot_renew(v);
	return r->lease_until > keeper_now(v->keeper)
		       ? ""
		       : "a refresh of it has brought no answer";
}

static void
old_ask(struct revoking *v)
{
	int64_t now = keeper_row_now(v->keeper, &v->row);
	struct connect_msg_token m;
	const char *cannot;

	if (!keeper_revoking_has_run_out(v)) {
		keeper_revoking_ask(v, old_done);
		return;
	}
	cannot = old_cannot_renew(v);
	if (cannot && now < v->row.expires_at) {
		/* in its last seconds, and still a token */
		keeper_revoking_ask(v, old_done);
	} else if (cannot) {
		if (cannot[0])
			old_lives_on(v, cannot);
		keeper_revoking_free(v);
	} else {
		keeper_refresh_fill(&v->payload, &v->app, &m);
		v->asked_at = keeper_now(v->keeper);
		keeper_refresh_ask(v->keeper, &m, &v->call, old_renewed);
	}
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
	    keeper_revoking_obstacle(v) || keeper_revoking_takes_all(v)) {
		keeper_revoking_free(v);
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
		keeper_revoking_free(v);
	} else if (tokens_are_shared(&v->payload.fields, &now->fields)) {
		keeper_token_forget(v->keeper, &v->row); /* noted anew */
		keeper_revoking_free(v);
	} else {
		old_ask(v);
	}
}

/* ---- tokens that are not stored ---- */

/* Whether the grant as it is stored uses one of these tokens. */
static bool
tokens_are_stored(struct revoking *v)
{
	struct keeper_payload pl;
	struct keeper_row r;
	bool shared;

	int rc = keeper_row_load(v->keeper, &v->row.who, &r);

	if (rc == ERR_NOT_FOUND || (!rc && r.status != CONNECT_CONNECTED))
		return false;
	if (rc || keeper_revoking_takes_all(v) ||
	    keeper_payload_open(v->keeper, &r, &pl))
		return true; /* rather keep than break */
	shared = tokens_are_shared(&v->payload.fields, &pl.fields);
	keeper_payload_release(&pl);
	return shared;
}

/* r: whose they are.  NULL: out of memory. */
static struct revoking *
orphan_new(struct keeper *k, const struct keeper_row *r,
	   struct keeper_payload *p)
{
	struct revoking *v = calloc(1, sizeof(*v));

	if (!v) {
		keeper_payload_release(p);
		return NULL;
	}
	v->keeper = k;
	v->row = *r;
	v->payload = *p;
	memset(p, 0, sizeof(*p));
	return v;
}

void
keeper_revoke_orphan(struct keeper *k, const struct keeper_row *r,
		     struct keeper_payload *p)
{
	struct revoking *v = orphan_new(k, r, p);

	if (!v)
		return;
	if (keeper_revoking_obstacle(v) || tokens_are_stored(v))
		keeper_revoking_free(v);
	else
		keeper_revoking_ask(v, old_done);
}

const char *
keeper_revoke_unstored(struct keeper *k, const struct connect_msg_subject *who,
		       struct keeper_payload *p)
{
	/* no issue: the next consent's may have the number */
	struct keeper_row r = { .who = *who };
	struct revoking *v = orphan_new(k, &r, p);
	const char *obstacle;

	if (!v)
		return NULL;
	obstacle = keeper_revoking_obstacle(v);
	if (!obstacle && keeper_revoking_takes_all(v))
		obstacle = "What the account has granted stays at the "
			   "provider, since revoking it would end its other "
			   "connections: connect again, or take the access "
			   "back in the account's own settings there.";
	if (!obstacle && !tokens_are_stored(v)) {
		keeper_revoking_ask(v, old_done);
		return NULL;
	}
	/* what an app has got for itself is nobody's to take back */
	if (v->payload.binding->kind != CATALOG_OAUTH2_CODE)
		obstacle = NULL;
	keeper_revoking_free(v);
	return obstacle;
}
