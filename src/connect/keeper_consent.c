/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent: begun, and finished by the callback.
 *
 *   begin    the PKCE verifier is made and sealed under the state's hash
 *   finish   state spent -> captures of the callback (keeper_capture.c) ->
 *            its signature -> the code is exchanged (keeper_exchange.c)
 *
 * A state is spent once, whatever comes of it.  A captured value that is not
 * in the definition's own table refuses the whole consent, before or after
 * the exchange.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_getting_priv.h"

/* ---- begin ---- */

void
keeper_consent_identity(const unsigned char *state, char *out, size_t size)
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
	keeper_consent_identity(m->state, identity, sizeof(identity));
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
				buf_slice(&sealed),
				keeper_now(k) + (int64_t)m->life_s * 1000);
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
consent_read(const struct secret *plain, struct keeper_getting *g)
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

static int
consent_take(struct keeper *k, const unsigned char *state,
	     struct keeper_getting *g, struct secret **plain)
{
	struct slice hash = slice_of(state, CONNECT_STATE_SIZE);
	char owner[64], identity[96];
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
		keeper_consent_identity(state, identity, sizeof(identity));
		rc = store_col_int(st, 4) < keeper_now(k)
			     ? ERR_NOT_FOUND
			     : keeper_open(k, owner, identity, store_col(st, 3),
					   plain);
		while (store_step(st) == 1)
			; /* the statement must run to its end */
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	return rc;
}

/* Spends the state: whatever comes of it, it is there no more.  Nothing is
 * asked with a code before that is on disk. */
static int
consent_spend(struct keeper *k, const unsigned char *state,
	      struct keeper_getting *g)
{
	struct secret *plain = NULL;
	int rc, spent;

	rc = store_begin(k->db);
	if (rc)
		return rc;
	rc = consent_take(k, state, g, &plain);
	spent = store_commit(k->db);
	store_rollback(k->db);
	if (!rc)
		rc = spent;
	if (!rc)
		rc = consent_read(plain, g);
	secret_free(plain);
	return rc;
}

/* The provider's signature on the callback, where it makes one. */
static int
callback_signed(struct keeper_getting *g, const struct connect_msg_finish *m)
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
	struct keeper_getting *g = calloc(1, sizeof(*g));
	struct connect_msg_finish m = { 0 };
	struct keeper *k = arg;
	char detail[256] = "";
	int rc = g ? connect_msg_finish_unpack(in, &m) : ERR_NOMEM;

	if (!rc)
		rc = consent_spend(k, m.state, g);
	if (rc == ERR_NOT_FOUND)
		keeper_fail_with(rq, rc, "state_spent", CONNECT_NOT_CONNECTED,
				 "This consent has been used already, or took "
				 "too long.");
	else if (rc)
		keeper_fail_with(rq, rc, "", CONNECT_NOT_CONNECTED,
				 "This consent could not be read: %s.",
				 err_text(rc));
	if (rc)
		goto out;
	g->keeper = k;
	g->rq = rq;
	rc = keeper_captures_of_callback(g, &m, detail, sizeof(detail));
	if (rc)
		keeper_fail_with(rq, ERR_FORBIDDEN, "captured_value_refused",
				 CONNECT_NOT_CONNECTED, "%s", detail);
	else
		rc = keeper_getting_app(g);
	if (!rc)
		rc = callback_signed(g, &m);
	if (!rc) {
		step_reached("consent.spent");
		keeper_getting_ask(g, METHOD_EXCHANGE, m.code);
		g = NULL; /* its own now */
		step_reached("consent.asked");
	}
out:
	keeper_getting_free(g);
	connect_msg_finish_release(&m);
}
