/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes of a refresh.
 *
 * New tokens are committed before anybody may use them.  Why a request
 * failed decides what happens: throttled and transient wait, a misconfigured
 * app is flagged and the connection stays, a dead grant needs a person.
 *
 * Every outcome is written through the fence (keeper_row_save): who finds
 * that the grant has moved on drops what he has and goes by the row; tokens
 * that nobody will use are given back to the provider.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

enum {
	THROTTLED_MS = 60 * 1000, /* when the provider does not say */
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_MAX_MS = 5 * 60 * 1000,
	STORE_AGAIN_MS = 1000,
	DECLINED_MS = 1000,
};

/* ---- stored ---- */

/* ERR_CONFLICT with *r as it is now: the grant has moved on. */
static int
row_store(struct keeper *k, struct keeper_row *r, struct slice sealed)
{
	struct keeper_row now;
	int rc = store_begin(k->db);

	if (!rc)
		rc = keeper_row_save(k, r, sealed);
	if (!rc)
		rc = store_commit(k->db);
	if (!rc)
		return 0;
	store_rollback(k->db);
	if (rc == ERR_CONFLICT) {
		if (!keeper_row_load(k, &r->who, &now))
			*r = now;
		else /* it was deleted */
			r->status = CONNECT_REVOKED;
		return rc;
	}
	log_error("grant not stored", LOG_S("connection", r->who.connection),
		  LOG_E(rc), LOG_S("why", store_message(k->db)));
	return rc;
}

int
keeper_refresh_dead(struct keeper *k, struct keeper_row *r, const char *reason)
{
	int rc;

	r->status = CONNECT_NEEDS_RECONNECT;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	slice_mend_utf8(r->reason);
	keeper_restore_words(k, &r->who, r->reason, sizeof(r->reason));
	r->degraded = false;
	r->health_reason[0] = '\0';
	r->intent = 0;
	r->retry_at = 0;
	r->keep_at = r->ends_at = r->idle_ends_at = 0;
	r->ends_why[0] = '\0';
	rc = row_store(k, r, SLICE_NONE);
	if (rc)
		return rc;
	k->counts.needs_reconnect++;
	keeper_token_forget(k, r);
	keeper_row_tell(k, r, NULL, NULL);
	log_warn("connection needs to be connected again",
		 LOG_S("connection", r->who.connection),
		 LOG_S("reason", r->reason));
	return 0;
}

/* In use and not renewed: again when that makes sense, while there is a token
 * to be ahead of.  After its end the next caller begins one. */
static bool
refresh_goes_on(const struct keeper_active *a)
{
	const struct keeper_row *r = &a->row;

	return a->in_use && r->status == CONNECT_CONNECTED && !r->suspended &&
	       r->retry_at < r->expires_at &&
	       keeper_row_now(a->keeper, r) < r->expires_at;
}

void
keeper_refresh_end(struct keeper_active *a, int err,
		   const struct connect_msg_problem *problem)
{
	a->state = KEEPER_IDLE;
	a->forced = false;
	loop_timer_cancel(&a->timer);
	keeper_keep_ended(a);
	keeper_app_release(&a->app);
	keeper_inject_answer_all(a, err, problem);
	if (err == ERR_BUSY && a->payload.binding && refresh_goes_on(a))
		keeper_refresh_ahead(a, a->payload.binding);
	keeper_payload_release(&a->payload);
	keeper_active_put(a);
}

/* ---- failures ---- */

/* Waits until `retry_at`, with a reason that people see. */
static void
refresh_wait(struct keeper_active *a, int64_t retry_at, const char *reason,
	     const char *code, const struct keeper_app *flagged)
{
	struct connect_msg_problem problem;
	struct keeper *k = a->keeper;
	struct keeper_row *r = &a->row;
	int64_t now = keeper_now(k);
	int rc;

	r->degraded = true;
	r->retry_at = retry_at;
	if (r->keep_at && r->keep_at < retry_at)
		r->keep_at = retry_at;
	snprintf(r->health_reason, sizeof(r->health_reason), "%s", reason);
	slice_mend_utf8(r->health_reason);
	k->counts.failed++;
	rc = row_store(k, r, SLICE_NONE);
	if (rc == ERR_CONFLICT) {
		keeper_refresh_end(a, 0, NULL);
		return;
	}
	if (!rc)
		keeper_row_tell(k, r, flagged ? flagged->app : NULL,
				flagged ? flagged->data_centre : NULL);
	keeper_problem_set(&problem, code, CONNECT_CONNECTED, "%s", reason);
	problem.retry_after_s =
		retry_at > now ? (uint32_t)((retry_at - now + 999) / 1000) : 1;
	keeper_refresh_end(a, ERR_BUSY, &problem);
}

static int64_t
backoff_ms(unsigned failures)
{
	int64_t ms = BACKOFF_FIRST_MS;

	while (failures-- > 1 && ms < BACKOFF_MAX_MS)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	/* between half and all of it, so that many do not come at once */
	return ms / 2 + (int64_t)(random_u64() % (uint64_t)(ms / 2 + 1));
}

/* The provider's code and words, cut: they are made for programmers. */
static void
words_said(const struct method_answer *m, char out[80])
{
	enum { CUT = 74 };
	char all[sizeof(m->error) + sizeof(m->description) + 2];
	bool cut;

	snprintf(all, sizeof(all), "%s%s%s", m->error,
		 m->description[0] ? ": " : "", m->description);
	cut = strlen(all) > CUT;
	if (cut) {
		all[CUT] = '\0';
		slice_mend_utf8(all);
	}
	snprintf(out, 80, "%.74s%s", all, cut ? "…" : "");
}

/* Why, and what to do; then what the provider has said. */
static void
refresh_died(struct keeper_active *a, const struct method_answer *m)
{
	static const char usual[] =
		"The provider no longer accepts this access: it was taken back "
		"there, or has run out.";
	struct keeper_row *r = &a->row;
	bool doubt =
		r->in_doubt && a->payload.binding->kind == CATALOG_OAUTH2_CODE;
	char reason[256], said[80];

	words_said(m, said);
	if (doubt)
		snprintf(reason, sizeof(reason),
			 "In doubt: a request for a new token was interrupted "
			 "before its answer could be stored, and the provider "
			 "has refused the old token since (%s). Connect again.",
			 said);
	else
		snprintf(reason, sizeof(reason), "%.150s Connect again. (%s)",
			 m->hint[0] ? m->hint : usual, said);
	a->keeper->counts.failed++;
	if (!keeper_refresh_dead(a->keeper, r, reason) && doubt)
		a->keeper->counts.lost_in_doubt++;
	keeper_refresh_end(a, 0, NULL);
}

/* Nothing was sent: that says nothing of the grant. */
static void
refresh_declined(struct keeper_active *a,
		 const struct connect_msg_token_answer *m)
{
	int64_t wait = DECLINED_MS + (int64_t)(random_u64() % DECLINED_MS);
	char reason[256];

	a->row.intent = 0;
	a->row.lease_until = 0;
	snprintf(reason, sizeof(reason), "The provider was not asked: %.160s.",
		 m->detail);
	refresh_wait(a, keeper_now(a->keeper) + wait, reason, "transient",
		     NULL);
}

static void
refresh_failed(struct keeper_active *a,
	       const struct connect_msg_token_answer *m)
{
	struct keeper_row *r = &a->row;
	enum catalog_class class = m->err ? CATALOG_TRANSIENT : m->answer.class;
	int64_t now = keeper_now(a->keeper), wait;
	char words[256], reason[256];

	keeper_refresh_words(m, words, sizeof(words));
	/* Only a request that has brought no answer leaves its intent. */
	if (!m->err || !m->sent)
		r->intent = 0;
	r->lease_until = 0;
	r->failures++;
	if (class == CATALOG_REFUSED)
		class = ++r->unexplained > 1 ? CATALOG_DEAD_GRANT
					     : CATALOG_TRANSIENT;
	switch (class) {
	case CATALOG_DEAD_GRANT:
		refresh_died(a, &m->answer);
		return;
	case CATALOG_MISCONFIGURED:
		keeper_app_flag(a->keeper, &a->app);
		snprintf(reason, sizeof(reason),
			 "The provider refuses the OAuth app: %.160s", words);
		refresh_wait(a, now + KEEPER_FLAGGED_MS, reason, "app_refused",
			     &a->app);
		return;
	case CATALOG_THROTTLED:
		r->failures = 0;
		wait = m->answer.wait_s ? (int64_t)m->answer.wait_s * 1000
					: THROTTLED_MS;
		snprintf(reason, sizeof(reason),
			 "The provider asks to wait before the next token: "
			 "%.140s",
			 words);
		refresh_wait(a, now + wait, reason, "throttled", NULL);
		return;
	case CATALOG_TRANSIENT:
	case CATALOG_REFUSED:
		break;
	}
	snprintf(reason, sizeof(reason),
		 "The provider gave no token at the moment: %.160s", words);
	wait = backoff_ms(r->failures);
	if (!m->err && (int64_t)m->answer.wait_s * 1000 > wait)
		wait = (int64_t)m->answer.wait_s * 1000;
	refresh_wait(a, now + wait, reason, "transient", NULL);
}

/* ---- success ---- */

int
keeper_refresh_take(struct keeper_row *r, struct keeper_payload *p,
		    struct method_answer *a, int64_t asked_at)
{
	int64_t off = asked_at - clock_wall_ms();
	int rc;

	rc = method_credential_set(&p->fields, "access_token", a->access_token);
	a->access_token = NULL;
	/* None came back: the one we have stays. */
	if (!rc && a->refresh_token)
		rc = method_credential_set(&p->fields, "refresh_token",
					   a->refresh_token);
	if (!rc)
		a->refresh_token = NULL;
	/* Lives count from when they were asked for: the provider's began
	 * after that. */
	if (a->refresh_expires_at)
		p->refresh_expires_at = a->refresh_expires_at + off;
	r->who.generation++;
	r->obtained_at = asked_at;
	r->expires_at = 0;
	if (a->expires_at)
		r->expires_at = a->expires_at + off > asked_at
					? a->expires_at + off
					: asked_at + 1;
	r->status = CONNECT_CONNECTED;
	r->reason[0] = '\0';
	r->intent = 0;
	r->lease_until = 0;
	/* a request that was given up may still be worked on, and end what
	 * has come since */
	r->in_doubt /= 2;
	r->failures = r->unexplained = 0;
	r->foreign_app = false;
	r->degraded = false;
	r->health_reason[0] = '\0';
	r->retry_at = 0;
	keeper_when_set(r, p);
	return rc;
}

static void refresh_store(struct keeper_active *a);

static void
refresh_store_again(struct loop_timer *t)
{
	refresh_store(CONTAINER_OF(t, struct keeper_active, timer));
}

/* The grant has moved on: by another consent, a revocation, or whoever took
 * the claim over.  In the last case the tokens are of the same family as the
 * stored ones, and giving them back could end those. */
static void
refresh_lost(struct keeper_active *a, const struct keeper_row *now)
{
	bool taken_over =
		now->status == CONNECT_CONNECTED && now->issue == a->row.issue;

	log_info("a refreshed token comes too late",
		 LOG_S("connection", a->row.who.connection));
	if (!taken_over)
		keeper_revoke_orphan(a->keeper, &a->row, &a->payload);
	a->row = *now;
	keeper_refresh_end(a, 0, NULL);
}

/*
 * The new tokens are committed before anybody may use them.  When that
 * fails (disk full) they stay here, and it is tried until it works: the
 * provider may have invalidated the old ones.
 */
static void
refresh_store(struct keeper_active *a)
{
	struct keeper *k = a->keeper;
	struct keeper_row next = a->next;
	struct buf sealed;
	int rc;

	a->state = KEEPER_STORING;
	buf_init(&sealed, 128 * 1024);
	rc = keeper_payload_seal(k, &next.who, &a->payload, &sealed);
	if (!rc)
		rc = row_store(k, &next, buf_slice(&sealed));
	buf_release(&sealed);
	if (rc == ERR_CONFLICT) {
		refresh_lost(a, &next);
		return;
	}
	if (rc) {
		loop_timer_start(k->loop, &a->timer, STORE_AGAIN_MS,
				 refresh_store_again);
		return;
	}
	step_reached("refresh.stored");
	a->row = next;
	a->in_use = false;
	k->counts.refreshed++;
	keeper_keep_sooner(k, &a->row);
	if (a->keeping)
		k->counts.kept_alive++;
	keeper_row_tell(k, &a->row, NULL, NULL);
	keeper_app_works(k, &a->app);
	keeper_refresh_end(a, 0, NULL);
	step_reached("refresh.given");
}

static void
refresh_succeeded(struct keeper_active *a, struct connect_msg_token_answer *m)
{
	int rc;

	a->next = a->row;
	if (a->row.refused != a->row.who.generation + 1)
		a->next.refusals = 0; /* asked for another reason */
	rc = keeper_refresh_take(&a->next, &a->payload, &m->answer,
				 a->asked_at);
	if (!rc) {
		refresh_store(a);
		return;
	}
	/* the provider has rotated, and what came is lost here */
	m->err = rc;
	m->sent = true;
	snprintf(m->detail, sizeof(m->detail),
		 "the token that came could not be taken (%s)", err_text(rc));
	refresh_failed(a, m);
}

void
keeper_refresh_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct keeper_active *a =
		CONTAINER_OF(call, struct keeper_active, call);
	struct connect_msg_token_answer m;

	step_reached("refresh.answered");
	keeper_refresh_read(a->keeper, err, in, &m);
	if (keeper_refresh_was_declined(&m)) {
		refresh_declined(a, &m);
	} else if (m.err || !m.answer.ok) {
		refresh_failed(a, &m);
	} else {
		refresh_succeeded(a, &m);
	}
	connect_msg_token_answer_release(&m);
}

/* ---- answers ---- */

void
keeper_refresh_read(struct keeper *k, int err, struct proc_unpack *in,
		    struct connect_msg_token_answer *out)
{
	ASSERT(k->under_way > 0);
	k->under_way--;
	memset(out, 0, sizeof(*out));
	if (!err && in && !connect_msg_token_answer_unpack(in, out))
		return;
	/* The exchanger died or said nothing: it may have asked.  Not so where
	 * it, or the channel, had no room for the request. */
	memset(out, 0, sizeof(*out));
	out->sent = err != ERR_BUSY && err != ERR_NOMEM;
	out->err = err ? err : ERR_PROTOCOL;
	snprintf(out->detail, sizeof(out->detail), "%s",
		 out->sent ? "the token request was interrupted"
		 : err == ERR_BUSY
			 ? "Drawbridge makes only so many requests at once"
			 : "Drawbridge is out of memory");
}

bool
keeper_refresh_was_declined(const struct connect_msg_token_answer *a)
{
	return !a->sent && (a->err == ERR_BUSY || a->err == ERR_NOMEM);
}

void
keeper_refresh_words(const struct connect_msg_token_answer *a, char *out,
		     size_t size)
{
	const struct method_answer *m = &a->answer;

	if (a->err)
		snprintf(out, size, "%s",
			 a->detail[0] ? a->detail : err_text(a->err));
	else
		snprintf(out, size, "%s%s%s%s%s%s", m->hint,
			 m->hint[0] ? " (" : "", m->error,
			 m->description[0] ? ": " : "", m->description,
			 m->hint[0] ? ")" : "");
	slice_mend_utf8(out);
}
