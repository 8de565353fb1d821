/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials come in: typed by a person, or by consent.
 *
 *   begin    the PKCE verifier is made and sealed under the state's hash
 *   finish   state spent -> captures of the callback -> code exchanged ->
 *            captures of the token answer -> look-ups -> sealed, committed
 *
 * A captured value that is not in the definition's own table refuses the
 * whole consent, before or after the exchange.  The grant that was there
 * works until the new one is committed, in the same statement.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_priv.h"

/* Tokens being got for one request of the front's. */
struct getting {
	struct keeper *keeper;
	struct proc_request *rq;
	struct connect_msg_subject who;
	struct keeper_payload payload;
	struct keeper_app app;
	struct secret *verifier;
	int64_t asked_at;
	char redirect_uri[CONNECT_URL_SIZE];
	struct proc_call call;
	struct method_answer answer;
	char account[256];
	size_t lookup;
};

static void
getting_free(struct getting *g)
{
	if (!g)
		return;
	keeper_payload_release(&g->payload);
	keeper_app_release(&g->app);
	secret_free(g->verifier);
	method_answer_release(&g->answer);
	free(g);
}

static void
getting_fail(struct getting *g, int err, const char *code, const char *detail)
{
	keeper_fail_with(g->rq, err, code, CONNECT_NOT_CONNECTED, "%s", detail);
	getting_free(g);
}

/* ---- the end: sealed and committed ---- */

static int
grant_store(struct keeper *k, struct keeper_row *r,
	    const struct keeper_payload *p)
{
	struct buf sealed;
	int rc;

	buf_init(&sealed, 128 * 1024);
	rc = store_begin(k->db);
	if (!rc)
		rc = keeper_payload_seal(k, &r->who, p, &sealed);
	if (!rc)
		rc = keeper_row_save(k, r, buf_slice(&sealed));
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	buf_release(&sealed);
	return rc;
}

/* The row that a new credential goes into. */
static int
grant_row(struct keeper *k, const struct connect_msg_subject *who,
	  struct keeper_row *out)
{
	int rc = keeper_row_load(k, who, out);

	if (rc == ERR_NOT_FOUND) {
		memset(out, 0, sizeof(*out));
		out->who = *who;
		out->who.generation = 0;
		rc = 0;
	}
	return rc;
}

/* The grant and what is counted of it, together. */
static int
getting_store(struct getting *g, struct keeper_row *row)
{
	struct keeper *k = g->keeper;
	struct buf sealed;
	int rc;

	buf_init(&sealed, 128 * 1024);
	rc = store_begin(k->db);
	if (!rc)
		rc = keeper_payload_seal(k, &row->who, &g->payload, &sealed);
	if (!rc)
		rc = keeper_row_save(k, row, buf_slice(&sealed));
	if (!rc &&
	    method_credential_get(&g->payload.fields, SLICE("refresh_token")))
		rc = keeper_token_note(k, row, g->app.client_id, g->account);
	if (!rc) /* quotas of a refresh token begin anew with it */
		rc = keeper_row_forget_requests(k, row);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	buf_release(&sealed);
	return rc;
}

static int
getting_take(struct getting *g, struct keeper_row *row)
{
	int rc = grant_row(g->keeper, &g->who, row);

	row->granted_at = g->asked_at;
	row->refused = 0;
	row->in_doubt = 0;
	row->refusals = 0;
	snprintf(row->app, sizeof(row->app), "%s", g->app.app);
	if (!rc)
		rc = keeper_refresh_take(row, &g->payload, &g->answer,
					 g->asked_at);
	row->issue = row->who.generation;
	return rc ? rc : getting_store(g, row);
}

static void
getting_finish(struct getting *g)
{
	struct keeper *k = g->keeper;
	struct keeper_row row;
	struct method_answer told = g->answer;
	struct revoking *old = keeper_revoke_prepare(k, &g->who);
	char warning[CONNECT_WARNING_SIZE];
	int rc;

	/* told keeps what is no secret; take() moves the tokens out */
	rc = getting_take(g, &row);
	if (rc) {
		keeper_revoke_replaced(old, NULL);
		getting_fail(g, rc, "", "The credential could not be stored.");
		return;
	}
	step_reached("consent.stored");
	if (g->app.flagged_at)
		keeper_app_flag(k, &g->app, false);
	keeper_keep_sooner(k, &row);
	keeper_row_tell(k, &row, NULL, NULL);
	keeper_token_warn(k, &row, g->payload.binding, g->app.client_id,
			  g->account, warning, sizeof(warning));
	told.access_token = told.refresh_token = NULL;
	keeper_reply_grant(k, g->rq, &row, &g->payload, &told, g->account,
			   warning);
	step_reached("consent.told");
	keeper_revoke_replaced(old, &g->payload);
	getting_free(g);
}

/* ---- look-ups ---- */

static void getting_look_up(struct getting *g);

static bool
scope_has(const char *list, const char *scope)
{
	struct slice rest = slice_str(list), one;

	while (slice_next(&rest, ' ', &one))
		if (slice_eq(one, slice_str(scope)))
			return true;
	return false;
}

static bool
look_up_applies(const struct getting *g, const struct catalog_lookup *l)
{
	size_t i;

	if (!l->needs_scope.count || !g->answer.has_scope)
		return true;
	for (i = 0; i < l->needs_scope.count; i++)
		if (scope_has(g->answer.scope, l->needs_scope.items[i]))
			return true;
	return false;
}

static int
look_up_take(struct getting *g, const struct catalog_lookup *l,
	     const struct connect_msg_looked_up *m, char *detail, size_t size)
{
	size_t i;
	int rc = m->err;

	if (rc)
		snprintf(detail, size, "%s", m->detail);
	for (i = 0; i < l->values.count && i < m->value_count && !rc; i++) {
		if (m->values[i][0])
			rc = binding_set_value(
				g->payload.binding, &l->values.items[i],
				slice_str(m->values[i]), detail, size);
		else if (l->required)
			rc = ERR_NOT_FOUND;
	}
	if (!rc && m->account[0])
		snprintf(g->account, sizeof(g->account), "%s", m->account);
	return rc;
}

static void
look_up_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct getting *g = CONTAINER_OF(call, struct getting, call);
	const struct catalog_lookup *l =
		&g->payload.binding->method->lookups.items[g->lookup];
	struct connect_msg_looked_up *m = calloc(1, sizeof(*m));
	char detail[256] = "the look-up after consent was interrupted";
	int rc = m ? err : ERR_NOMEM;

	g->keeper->under_way--;
	if (!rc)
		rc = in ? connect_msg_looked_up_unpack(in, m) : ERR_PROTOCOL;
	if (!rc)
		rc = look_up_take(g, l, m, detail, sizeof(detail));
	free(m);
	if (rc && l->required) {
		getting_fail(g, ERR_PROTOCOL, "lookup_failed", detail);
		return;
	}
	g->lookup++;
	getting_look_up(g);
}

/* Sends look-up number g->lookup with the new token, or goes on. */
static void
getting_look_up(struct getting *g)
{
	const struct binding *b = g->payload.binding;
	struct connect_msg_lookup m = { .binding = g->payload.binding };
	struct method_credential fields = { 0 };
	struct method_injection add;
	struct proc_pack *p;
	int rc;

	while (g->lookup < b->method->lookups.count &&
	       (!look_up_applies(g, &b->method->lookups.items[g->lookup]) ||
		!b->lookup_urls[g->lookup]))
		g->lookup++;
	if (g->lookup >= b->method->lookups.count) {
		getting_finish(g);
		return;
	}
	rc = method_credential_set(&fields, "access_token",
				   secret_dup(g->answer.access_token));
	if (!rc)
		rc = method_inject(b, &fields, &add);
	method_credential_release(&fields);
	if (rc) {
		getting_fail(g, rc, "", "The token cannot be sent.");
		return;
	}
	m.index = g->lookup;
	m.headers = add.headers;
	m.query = add.query;
	p = proc_pack_new();
	connect_msg_lookup_pack(&m, p);
	g->keeper->under_way++;
	proc_call_start(g->keeper->exchanger, CONNECT_EXCHANGER_LOOKUP, p,
			CONNECT_TOKEN_MS, &g->call, look_up_done);
	method_injection_release(&add);
}

/* ---- the token answer ---- */

/* Every required capture of this kind must have come. */
static int
captures_complete(const struct binding *b, enum catalog_capture_from from,
		  const bool *seen, char *detail, size_t size)
{
	const struct catalog_capture *c;
	size_t i;

	for (i = 0; i < b->method->captures.count; i++) {
		c = &b->method->captures.items[i];
		if (c->from != from || !c->required || seen[i])
			continue;
		snprintf(detail, size, "the provider did not send \"%s\"",
			 c->name);
		return ERR_FORBIDDEN;
	}
	return 0;
}

static int
capture_take(struct binding *b, enum catalog_capture_from from, size_t index,
	     const char *value, bool *seen, char *detail, size_t size)
{
	const struct catalog_capture *c;

	if (index >= b->method->captures.count || index >= METHOD_CAPTURES_MAX)
		return ERR_PROTOCOL;
	c = &b->method->captures.items[index];
	if (c->from != from || seen[index])
		return ERR_PROTOCOL;
	seen[index] = true;
	return binding_capture(b, c, slice_str(value), detail, size);
}

static int
captures_of_token(struct getting *g, char *detail, size_t size)
{
	struct binding *b = g->payload.binding;
	bool seen[METHOD_CAPTURES_MAX] = { false };
	size_t i;
	int rc = 0;

	for (i = 0; i < g->answer.capture_count && !rc; i++)
		rc = capture_take(
			b, CATALOG_FROM_TOKEN, g->answer.captures[i].index,
			g->answer.captures[i].value, seen, detail, size);
	return rc ? rc
		  : captures_complete(b, CATALOG_FROM_TOKEN, seen, detail,
				      size);
}

static void
token_failed(struct getting *g, const struct connect_msg_token_answer *m)
{
	struct connect_msg_problem problem;
	char words[256];
	int err = ERR_PROTOCOL;

	keeper_refresh_words(m, words, sizeof(words));
	if (m->err) {
		keeper_problem_set(&problem, "provider_unreachable",
				   CONNECT_NOT_CONNECTED,
				   "The provider could not be asked for a "
				   "token: %s.",
				   words);
		err = m->err == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_CONNECT;
	} else if (m->answer.class == CATALOG_MISCONFIGURED) {
		keeper_app_flag(g->keeper, &g->app, true);
		keeper_problem_set(
			&problem, "app_refused", CONNECT_NOT_CONNECTED,
			"The provider refuses the OAuth app: %s.", words);
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
	getting_free(g);
}

static void
token_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct getting *g = CONTAINER_OF(call, struct getting, call);
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
	if (captures_of_token(g, detail, sizeof(detail)))
		getting_fail(g, ERR_FORBIDDEN, "captured_value_refused",
			     detail);
	else
		getting_look_up(g);
}

/* The app must be there, and its secret meant for this endpoint. */
static int
getting_app(struct getting *g)
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
	if (!keeper_app_allows(&g->app, g->payload.binding->token_url)) {
		keeper_fail_with(g->rq, ERR_FORBIDDEN,
				 "destination_not_allowed",
				 CONNECT_NOT_CONNECTED,
				 "The OAuth app's secret was not given for "
				 "this token endpoint: set the app again.");
		return ERR_FORBIDDEN;
	}
	snprintf(g->payload.client_id, sizeof(g->payload.client_id), "%s",
		 g->app.client_id);
	return 0;
}

static void
getting_ask(struct getting *g, enum method_request what, struct secret *code)
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

/* ---- begin ---- */

static void
consent_identity(const unsigned char *state, char *out, size_t size)
{
	char hex[CODEC_HEX_SIZE(CONNECT_STATE_SIZE)];

	codec_hex(state, CONNECT_STATE_SIZE, hex);
	snprintf(out, size, "consent/%s", hex);
}

static int
consent_store(struct keeper *k, const struct connect_msg_begin *m,
	      const char *verifier)
{
	char owner[64], identity[96];
	struct buf json, sealed;
	struct proc_pack *p;
	int rc;

	snprintf(owner, sizeof(owner), "connection/%s", m->who.connection);
	consent_identity(m->state, identity, sizeof(identity));
	buf_init(&json, BINDING_JSON_MAX);
	buf_init(&sealed, 128 * 1024);
	rc = binding_to_json(m->binding, &json);
	if (!rc) {
		p = proc_pack_new();
		proc_pack_str(p, verifier);
		proc_pack_bytes(p, buf_slice(&json));
		proc_pack_str(p, m->scope);
		proc_pack_str(p, m->redirect_uri);
		rc = keeper_seal(k, owner, identity, p, &sealed);
	}
	if (!rc)
		rc = store_exec(k->db, NULL,
				"INSERT INTO consents (state, org, connection, "
				"subject, sealed, expires_at) "
				"VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
				"bsssbi", slice_of(m->state, sizeof(m->state)),
				m->who.org, m->who.connection, m->who.subject,
				buf_slice(&sealed), m->expires_at);
	buf_release(&json);
	buf_release(&sealed);
	return rc;
}

void
keeper_consent_begin(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	char verifier[RANDOM_TOKEN_SIZE] = "";
	unsigned char hash[VAULT_HASH_SIZE];
	struct connect_msg_begun out = { 0 };
	struct keeper_app app = { 0 };
	struct connect_msg_begin m;
	struct keeper *k = arg;
	struct proc_pack *p;
	int rc;

	rc = connect_msg_begin_unpack(in, &m);
	if (!rc && !m.binding->method->authorize)
		rc = ERR_UNSUPPORTED;
	if (!rc)
		rc = keeper_app_load(k, m.who.org, m.binding, &app);
	if (!rc && m.binding->method->authorize->pkce) {
		/* RFC 7636 4.1: 43 characters of the unreserved */
		random_token(verifier);
		vault_hash(slice_str(verifier), hash);
		codec_base64url(hash, sizeof(hash), out.challenge);
	}
	if (!rc)
		rc = store_begin(k->db);
	if (!rc)
		rc = consent_store(k, &m, verifier);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	secret_wipe(verifier, sizeof(verifier));
	connect_msg_begin_release(&m);
	if (rc) {
		keeper_fail_with(
			rq, rc, rc == ERR_NOT_FOUND ? "app_missing" : "",
			CONNECT_NOT_CONNECTED, "%s",
			rc == ERR_NOT_FOUND
				? "The service's OAuth app is missing: "
				  "set its client id and secret."
				: err_text(rc));
	} else {
		step_reached("consent.begun");
		snprintf(out.client_id, sizeof(out.client_id), "%s",
			 app.client_id);
		p = proc_pack_new();
		connect_msg_begun_pack(&out, p);
		proc_reply(rq, 0, p);
	}
	keeper_app_release(&app);
}

/* ---- finish ---- */

static int
consent_read(const struct secret *plain, struct getting *g)
{
	struct proc_unpack u = proc_unpack_from(plain);
	struct json_problem problem = { 0 };
	struct slice json;

	g->verifier = proc_unpack_secret(&u, 256);
	json = proc_unpack_bytes(&u, BINDING_JSON_MAX);
	proc_unpack_str(&u, g->payload.scope, sizeof(g->payload.scope));
	proc_unpack_str(&u, g->redirect_uri, sizeof(g->redirect_uri));
	if (!proc_unpack_done(&u))
		return ERR_PROTOCOL;
	return binding_from_json(json, &g->payload.binding, &problem);
}

/* Spends the state: whatever comes of it, it is there no more. */
static int
consent_spend(struct keeper *k, const unsigned char *state, struct getting *g)
{
	struct slice hash = slice_of(state, CONNECT_STATE_SIZE);
	char owner[64], identity[96];
	struct secret *plain = NULL;
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "DELETE FROM consents WHERE state = ?1 "
			 "RETURNING org, connection, subject, sealed, "
			 "expires_at",
			 "b", hash);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), g->who.org, sizeof(g->who.org));
		slice_copy(store_col(st, 1), g->who.connection,
			   sizeof(g->who.connection));
		slice_copy(store_col(st, 2), g->who.subject,
			   sizeof(g->who.subject));
		snprintf(owner, sizeof(owner), "connection/%s",
			 g->who.connection);
		consent_identity(state, identity, sizeof(identity));
		rc = store_col_int(st, 4) < clock_wall_ms()
			     ? ERR_NOT_FOUND
			     : keeper_open(k, owner, identity, store_col(st, 3),
					   &plain);
		while (store_step(st) == 1)
			; /* the statement must run to its end */
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	if (!rc)
		rc = consent_read(plain, g);
	secret_free(plain);
	return rc;
}

static int
captures_of_callback(struct getting *g, const struct connect_msg_finish *m,
		     char *detail, size_t size)
{
	struct binding *b = g->payload.binding;
	bool seen[METHOD_CAPTURES_MAX] = { false };
	size_t i;
	int rc = 0;

	for (i = 0; i < m->capture_count && !rc; i++)
		rc = capture_take(b, CATALOG_FROM_CALLBACK,
				  m->captures[i].index, m->captures[i].value,
				  seen, detail, size);
	return rc ? rc
		  : captures_complete(b, CATALOG_FROM_CALLBACK, seen, detail,
				      size);
}

/* The provider's signature on the callback, where it makes one. */
static int
callback_signed(struct getting *g, const struct connect_msg_finish *m)
{
	struct slice query = SLICE_NONE;
	int rc;

	if (m->query)
		query = slice_of(secret_peek(m->query), secret_len(m->query));
	rc = method_callback_check(g->payload.binding, query,
				   g->app.client_secret);
	if (rc)
		keeper_fail_with(g->rq, ERR_FORBIDDEN, "captured_value_refused",
				 CONNECT_NOT_CONNECTED,
				 "The provider's answer is not signed with "
				 "the OAuth app's secret: it was changed on "
				 "its way, or the secret is another one.");
	return rc;
}

void
keeper_consent_finish(struct proc_request *rq, struct proc_unpack *in,
		      void *arg)
{
	struct getting *g = calloc(1, sizeof(*g));
	struct connect_msg_finish m = { 0 };
	struct keeper *k = arg;
	char detail[256] = "";
	int rc = g ? connect_msg_finish_unpack(in, &m) : ERR_NOMEM;

	if (!rc)
		rc = consent_spend(k, m.state, g);
	if (rc) {
		keeper_fail_with(rq, rc, "state_spent", CONNECT_NOT_CONNECTED,
				 "This consent has been used already, or took "
				 "too long.");
		goto out;
	}
	g->keeper = k;
	g->rq = rq;
	rc = captures_of_callback(g, &m, detail, sizeof(detail));
	if (rc)
		keeper_fail_with(rq, ERR_FORBIDDEN, "captured_value_refused",
				 CONNECT_NOT_CONNECTED, "%s", detail);
	else
		rc = getting_app(g);
	if (!rc)
		rc = callback_signed(g, &m);
	if (!rc) {
		step_reached("consent.spent");
		getting_ask(g, METHOD_EXCHANGE, m.code);
		g = NULL; /* its own now */
		step_reached("consent.asked");
	}
out:
	getting_free(g);
	connect_msg_finish_release(&m);
}

/* ---- a credential that somebody gave ---- */

static void
credential_client(struct keeper *k, struct proc_request *rq,
		  struct connect_msg_credential *m)
{
	struct getting *g = calloc(1, sizeof(*g));

	if (!g) {
		keeper_fail_with(rq, ERR_NOMEM, "", CONNECT_NOT_CONNECTED,
				 "Out of memory.");
		return;
	}
	g->keeper = k;
	g->rq = rq;
	g->who = m->who;
	g->payload.binding = m->binding;
	m->binding = NULL;
	snprintf(g->payload.scope, sizeof(g->payload.scope), "%s", m->scope);
	if (getting_app(g))
		getting_free(g);
	else
		getting_ask(g, METHOD_CLIENT_CREDENTIALS, NULL);
}

/* Key, Basic, bearer, none: what is given is the grant. */
static void
credential_store(struct keeper *k, struct proc_request *rq,
		 struct connect_msg_credential *m)
{
	struct keeper_payload p = { .binding = m->binding,
				    .fields = m->fields };
	struct method_injection probe;
	struct keeper_row row;
	int rc = grant_row(k, &m->who, &row);

	if (!rc) { /* can it be sent at all? */
		rc = method_inject(p.binding, &p.fields, &probe);
		if (!rc)
			method_injection_release(&probe);
	}
	if (!rc) {
		row.who.generation++;
		row.status = CONNECT_CONNECTED;
		row.reason[0] = row.health_reason[0] = '\0';
		row.degraded = false;
		row.intent = 0;
		row.in_doubt = 0;
		row.failures = 0;
		row.expires_at = row.retry_at = 0;
		row.obtained_at = row.granted_at = keeper_now(k);
		keeper_when_set(&row, &p);
		rc = grant_store(k, &row, &p);
	}
	if (rc) {
		keeper_fail_with(rq, rc, "", CONNECT_NOT_CONNECTED,
				 "The credential could not be stored: %s.",
				 err_text(rc));
		return;
	}
	step_reached("credential.stored");
	keeper_row_tell(k, &row, NULL, NULL);
	keeper_reply_grant(k, rq, &row, &p, NULL, "", "");
}

void
keeper_credential(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_problem problem;
	struct connect_msg_credential m;
	struct json_problem what = { 0 };
	struct keeper *k = arg;

	if (connect_msg_credential_unpack(in, &m)) {
		keeper_fail_with(rq, ERR_PROTOCOL, "", CONNECT_NOT_CONNECTED,
				 "The message was damaged.");
		return;
	}
	if (m.binding->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS) {
		credential_client(k, rq, &m);
	} else if (m.binding->kind == CATALOG_OAUTH2_CODE) {
		keeper_fail_with(rq, ERR_UNSUPPORTED, "wrong_method",
				 CONNECT_NOT_CONNECTED,
				 "This connection is made by consent.");
	} else if (method_credential_check(m.binding, &m.fields, &what)) {
		keeper_problem_set(&problem, "", CONNECT_NOT_CONNECTED, "%s",
				   what.detail);
		snprintf(problem.pointer, sizeof(problem.pointer), "%.127s",
			 what.pointer);
		keeper_fail(rq, ERR_INVALID, &problem);
	} else {
		credential_store(k, rq, &m);
	}
	connect_msg_credential_release(&m);
}
