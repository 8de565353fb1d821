/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refresh that does not lose tokens.
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
 * Why a request failed decides what happens: throttled and transient wait,
 * a misconfigured app is flagged and the connection stays, a dead grant
 * needs a person.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

enum {
	LEASE_MS = CONNECT_TOKEN_MS + 10 * 1000,
	MARGIN_MAX_MS = 5 * 60 * 1000,
	UNSAFE_MAX_MS = 30 * 1000,
	THROTTLED_MS = 60 * 1000, /* when the provider does not say */
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_MAX_MS = 5 * 60 * 1000,
	FLAGGED_MS = 10 * 1000,
	STORE_AGAIN_MS = 1000,
};

/* ---- when ---- */

static int64_t
row_lifetime(const struct keeper_row *r)
{
	int64_t life = r->expires_at - r->obtained_at;

	return life > 0 ? life : 0;
}

int64_t
keeper_refresh_unsafe_at(const struct keeper_row *r)
{
	int64_t margin = row_lifetime(r) / 20;

	if (margin > UNSAFE_MAX_MS)
		margin = UNSAFE_MAX_MS;
	return r->expires_at - margin;
}

int64_t
keeper_refresh_due_at(const struct keeper_row *r, const struct binding *b)
{
	const struct catalog_refresh *rule = b->method->refresh;
	int64_t margin = row_lifetime(r) / 10;

	if (margin > MARGIN_MAX_MS)
		margin = MARGIN_MAX_MS;
	if (rule && rule->margin_s)
		margin = (int64_t)rule->margin_s * 1000;
	if (rule && rule->window_s && margin > (int64_t)rule->window_s * 1000)
		margin = (int64_t)rule->window_s * 1000;
	return r->expires_at - margin;
}

bool
keeper_refresh_possible(const struct keeper_payload *p)
{
	if (p->binding->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		return true;
	return p->binding->kind == CATALOG_OAUTH2_CODE &&
	       p->binding->refresh_url && p->binding->method->refresh &&
	       p->binding->method->refresh->supported &&
	       method_credential_get(&p->fields, SLICE("refresh_token"));
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
	    a->row.status == CONNECT_CONNECTED && !a->row.suspended)
		keeper_refresh_start(a, &problem);
	keeper_active_put(a);
}

void
keeper_refresh_ahead(struct keeper_active *a, const struct binding *b)
{
	int64_t now = clock_wall_ms(), at;

	a->in_use = true;
	if (!a->row.expires_at || a->timer.prev || a->state != KEEPER_IDLE)
		return;
	at = keeper_refresh_due_at(&a->row, b);
	if (at < a->row.retry_at)
		at = a->row.retry_at;
	loop_timer_start(a->keeper->loop, &a->timer,
			 at > now ? (uint64_t)(at - now) : 1, refresh_fire);
}

/* ---- outcomes ---- */

static int
row_store(struct keeper *k, const struct keeper_row *r, struct slice sealed)
{
	int rc = store_begin(k->db);

	if (!rc)
		rc = keeper_row_save(k, r, sealed);
	if (!rc)
		rc = store_commit(k->db);
	if (rc) {
		store_rollback(k->db);
		log_error("grant not stored",
			  LOG_S("connection", r->who.connection), LOG_E(rc),
			  LOG_S("why", store_message(k->db)));
	}
	return rc;
}

void
keeper_refresh_dead(struct keeper *k, struct keeper_row *r, const char *reason)
{
	r->status = CONNECT_NEEDS_RECONNECT;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	slice_trim_utf8(r->reason);
	keeper_restore_words(k, &r->who, r->reason, sizeof(r->reason));
	r->degraded = false;
	r->health_reason[0] = '\0';
	r->intent = 0;
	r->retry_at = 0;
	if (!row_store(k, r, SLICE_NONE))
		keeper_row_tell(k, r, NULL, NULL);
	log_warn("connection needs to be connected again",
		 LOG_S("connection", r->who.connection),
		 LOG_S("reason", r->reason));
}

/* The work is over, one way or another. */
static void
refresh_end(struct keeper_active *a, int err,
	    const struct connect_msg_problem *problem)
{
	a->state = KEEPER_IDLE;
	loop_timer_cancel(&a->timer);
	keeper_app_release(&a->app);
	keeper_inject_answer_all(a, err, problem);
	/* in use and not renewed: try again when that makes sense */
	if (err == ERR_BUSY && a->in_use && a->payload.binding &&
	    a->row.status == CONNECT_CONNECTED)
		keeper_refresh_ahead(a, a->payload.binding);
	keeper_payload_release(&a->payload);
	keeper_active_put(a);
}

/* Waits until `retry_at`, with a reason that people see. */
static void
refresh_wait(struct keeper_active *a, int64_t retry_at, const char *reason,
	     const char *code, const struct keeper_app *flagged)
{
	struct connect_msg_problem problem;
	struct keeper *k = a->keeper;
	struct keeper_row *r = &a->row;
	int64_t now = clock_wall_ms();

	r->degraded = true;
	r->retry_at = retry_at;
	snprintf(r->health_reason, sizeof(r->health_reason), "%s", reason);
	slice_trim_utf8(r->health_reason);
	if (!row_store(k, r, SLICE_NONE))
		keeper_row_tell(k, r, flagged ? flagged->app : NULL,
				flagged ? flagged->data_centre : NULL);
	keeper_problem_set(&problem, code, CONNECT_CONNECTED, "%s", reason);
	problem.retry_after_s =
		retry_at > now ? (uint32_t)((retry_at - now + 999) / 1000) : 1;
	k->counts.failed++;
	refresh_end(a, ERR_BUSY, &problem);
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

static void
refresh_died(struct keeper_active *a, const char *words)
{
	struct keeper_row *r = &a->row;
	char reason[256];

	if (r->in_doubt)
		snprintf(reason, sizeof(reason),
			 "In doubt: a request for a new token was interrupted "
			 "before its answer could be stored, and the provider "
			 "has refused the old token since (%.80s). Connect "
			 "again.",
			 words);
	else
		snprintf(reason, sizeof(reason),
			 "The provider does not renew the access: %.140s. "
			 "Connect again.",
			 words);
	if (r->in_doubt)
		a->keeper->counts.in_doubt++;
	a->keeper->counts.failed++;
	keeper_refresh_dead(a->keeper, r, reason);
	refresh_end(a, 0, NULL);
}

static void
refresh_failed(struct keeper_active *a,
	       const struct connect_msg_token_answer *m)
{
	struct keeper_row *r = &a->row;
	enum catalog_class class = m->err ? CATALOG_TRANSIENT : m->answer.class;
	int64_t now = clock_wall_ms(), wait;
	char words[256], reason[256];

	keeper_refresh_words(m, words, sizeof(words));
	/* Only a request that has brought no answer leaves its intent. */
	if (!m->err || !m->sent)
		r->intent = 0;
	r->lease_until = 0;
	r->failures++;
	if (class == CATALOG_REFUSED)
		class = r->failures > 1 ? CATALOG_DEAD_GRANT
					: CATALOG_TRANSIENT;
	switch (class) {
	case CATALOG_DEAD_GRANT:
		refresh_died(a, words);
		return;
	case CATALOG_MISCONFIGURED:
		keeper_app_flag(a->keeper, &a->app, true);
		snprintf(reason, sizeof(reason),
			 "The provider refuses the OAuth app: %.160s", words);
		refresh_wait(a, now + FLAGGED_MS, reason, "app_refused",
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
	refresh_wait(a, now + backoff_ms(r->failures), reason, "transient",
		     NULL);
}

/* ---- success ---- */

int
keeper_refresh_take(struct keeper_row *r, struct keeper_payload *p,
		    struct method_answer *a, int64_t now_ms)
{
	int rc;

	rc = method_credential_set(&p->fields, "access_token", a->access_token);
	a->access_token = NULL;
	/* None came back: the one we have stays. */
	if (!rc && a->refresh_token)
		rc = method_credential_set(&p->fields, "refresh_token",
					   a->refresh_token);
	if (!rc)
		a->refresh_token = NULL;
	if (a->refresh_expires_at)
		p->refresh_expires_at = a->refresh_expires_at;
	r->who.generation++;
	r->obtained_at = now_ms;
	r->expires_at = a->expires_at;
	r->status = CONNECT_CONNECTED;
	r->reason[0] = '\0';
	r->intent = 0;
	r->lease_until = 0;
	r->in_doubt = false;
	r->failures = 0;
	r->degraded = false;
	r->health_reason[0] = '\0';
	r->retry_at = 0;
	return rc;
}

static void refresh_store(struct keeper_active *a);

static void
refresh_store_again(struct loop_timer *t)
{
	refresh_store(CONTAINER_OF(t, struct keeper_active, timer));
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
	struct keeper_row now;
	struct buf sealed;
	int rc;

	a->state = KEEPER_STORING;
	rc = keeper_row_load(k, &a->row.who, &now);
	if (rc == ERR_NOT_FOUND ||
	    (!rc && now.who.generation != a->row.who.generation)) {
		/* connected anew meanwhile: that grant is the one */
		if (!rc)
			a->row = now;
		refresh_end(a, 0, NULL);
		return;
	}
	buf_init(&sealed, 128 * 1024);
	if (!rc)
		rc = keeper_payload_seal(k, &a->next.who, &a->payload, &sealed);
	if (!rc)
		rc = row_store(k, &a->next, buf_slice(&sealed));
	buf_release(&sealed);
	if (rc) {
		loop_timer_start(k->loop, &a->timer, STORE_AGAIN_MS,
				 refresh_store_again);
		return;
	}
	a->row = a->next;
	a->in_use = false;
	k->counts.refreshed++;
	if (a->app.flagged_at)
		keeper_app_flag(k, &a->app, false);
	keeper_row_tell(k, &a->row, NULL, NULL);
	refresh_end(a, 0, NULL);
}

static void
refresh_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct keeper_active *a =
		CONTAINER_OF(call, struct keeper_active, call);
	struct connect_msg_token_answer m;

	keeper_refresh_read(err, in, &m);
	if (m.err || !m.answer.ok) {
		refresh_failed(a, &m);
	} else {
		a->next = a->row;
		if (keeper_refresh_take(&a->next, &a->payload, &m.answer,
					clock_wall_ms()))
			refresh_failed(a, &m);
		else
			refresh_store(a);
	}
	connect_msg_token_answer_release(&m);
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
		if (r->expires_at && clock_wall_ms() >= r->expires_at)
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
	rc = keeper_app_load(k, r->who.org, a->payload.binding, &a->app);
	if (rc) {
		keeper_problem_set(problem, "app_missing", r->status,
				   "The service's OAuth app is missing: set "
				   "its client id and secret.");
		return ERR_NOT_FOUND;
	}
	if (strcmp(a->app.client_id, a->payload.client_id) != 0) {
		keeper_refresh_dead(k, r,
				    "The service's OAuth app was replaced by "
				    "another, which cannot renew this access. "
				    "Connect again.");
		keeper_problem_set(problem, "app_replaced", r->status, "%s",
				   r->reason);
		return ERR_WRONG_STATE;
	}
	url = a->payload.binding->kind == CATALOG_OAUTH2_CODE
		      ? a->payload.binding->refresh_url
		      : a->payload.binding->token_url;
	if (!keeper_app_allows(&a->app, url)) {
		keeper_problem_set(problem, "destination_not_allowed",
				   r->status,
				   "The OAuth app's secret was not given for "
				   "this token endpoint: set the app again.");
		return ERR_FORBIDDEN;
	}
	return 0;
}

/* Whether now is no time to ask. */
static int
refresh_may_ask(struct keeper_active *a, struct connect_msg_problem *problem)
{
	struct keeper_row *r = &a->row;
	int64_t now = clock_wall_ms(), at = r->retry_at;

	/* A person who asks need not wait for our own backoff; what the
	 * provider has asked for is another thing (failures is 0 then). */
	if (a->forced && r->failures)
		at = 0;
	a->forced = false;
	if (at <= now) {
		at = keeper_row_quota(a->keeper, r, a->payload.binding, now);
		if (at > now)
			snprintf(r->health_reason, sizeof(r->health_reason),
				 "The provider allows only so many token "
				 "requests in a time, and they are used up.");
	}
	if (at <= now)
		return 0;
	keeper_problem_set(problem, "throttled", r->status, "%s",
			   r->health_reason);
	problem->retry_after_s = (uint32_t)((at - now + 999) / 1000);
	return ERR_BUSY;
}

static int
refresh_claim(struct keeper_active *a)
{
	struct keeper *k = a->keeper;
	int rc = store_begin(k->db);

	if (!rc)
		rc = keeper_row_note_request(k, &a->row, clock_wall_ms());
	if (!rc)
		rc = keeper_row_claim(k, &a->row, LEASE_MS);
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
	proc_call_start(k->exchanger, CONNECT_EXCHANGER_TOKEN, p,
			CONNECT_TOKEN_MS, call, done);
}

static void
refresh_ask(struct keeper_active *a)
{
	struct keeper_payload *p = &a->payload;
	struct connect_msg_token m = {
		.what = METHOD_REFRESH,
		.binding = p->binding,
		.client_secret = a->app.client_secret,
	};

	if (p->binding->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		m.what = METHOD_CLIENT_CREDENTIALS;
	else /* borrowed: packing only reads */
		m.refresh_token = (struct secret *)method_credential_get(
			&p->fields, SLICE("refresh_token"));
	snprintf(m.client_id, sizeof(m.client_id), "%s", a->app.client_id);
	snprintf(m.scope, sizeof(m.scope), "%s", p->scope);
	loop_timer_cancel(&a->timer);
	a->state = KEEPER_ASKING;
	keeper_refresh_ask(a->keeper, &m, &a->call, refresh_done);
}

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
	if (!rc) {
		rc = refresh_claim(a);
		if (rc) {
			keeper_problem_set(problem, "", a->row.status,
					   "The refresh could not be begun: "
					   "%s.",
					   err_text(rc));
			problem->retry_after_s = 1;
			rc = ERR_BUSY;
		}
	}
	if (rc) {
		keeper_app_release(&a->app);
		keeper_payload_release(&a->payload);
		return rc;
	}
	refresh_ask(a);
	return 0;
}

/* ---- answers ---- */

void
keeper_refresh_read(int err, struct proc_unpack *in,
		    struct connect_msg_token_answer *out)
{
	memset(out, 0, sizeof(*out));
	if (!err && in && !connect_msg_token_answer_unpack(in, out))
		return;
	/* The exchanger died or said nothing: it may have asked. */
	memset(out, 0, sizeof(*out));
	out->sent = true;
	out->err = err ? err : ERR_PROTOCOL;
	snprintf(out->detail, sizeof(out->detail),
		 "the token request was interrupted");
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
		snprintf(out, size, "%s%s%s%s%s", m->error,
			 m->description[0] ? ": " : "", m->description,
			 m->hint[0] ? "; " : "", m->hint);
	slice_trim_utf8(out);
}
