/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between keeper and exchanger, packed and unpacked.
 *
 * Runs in the keeper and in the exchanger.
 */
#include "connect/message_priv.h"

/* ---- token ---- */

void
connect_msg_token_pack(const struct connect_msg_token *m, struct proc_pack *p)
{
	proc_pack_u64(p, m->what);
	connect_msg_pack_binding(p, m->binding);
	proc_pack_str(p, m->client_id);
	proc_pack_secret(p, m->client_secret);
	proc_pack_secret(p, m->code);
	proc_pack_secret(p, m->verifier);
	proc_pack_secret(p, m->refresh_token);
	proc_pack_secret(p, m->access_token);
	proc_pack_str(p, m->redirect_uri);
	proc_pack_str(p, m->scope);
}

int
connect_msg_token_unpack(struct proc_unpack *u, struct connect_msg_token *m)
{
	memset(m, 0, sizeof(*m));
	m->what =
		(enum method_request)connect_msg_unpack_most(u, METHOD_REVOKE);
	m->binding = connect_msg_unpack_binding(u);
	proc_unpack_str(u, m->client_id, sizeof(m->client_id));
	m->client_secret = proc_unpack_secret(u, SECRET_MAX);
	m->code = proc_unpack_secret(u, SECRET_MAX);
	m->verifier = proc_unpack_secret(u, SECRET_MAX);
	m->refresh_token = proc_unpack_secret(u, SECRET_MAX);
	m->access_token = proc_unpack_secret(u, SECRET_MAX);
	proc_unpack_str(u, m->redirect_uri, sizeof(m->redirect_uri));
	proc_unpack_str(u, m->scope, sizeof(m->scope));
	if (!connect_msg_done(u))
		return 0;
	connect_msg_token_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_token_release(struct connect_msg_token *m)
{
	binding_free(m->binding);
	secret_free(m->client_secret);
	secret_free(m->code);
	secret_free(m->verifier);
	secret_free(m->refresh_token);
	secret_free(m->access_token);
	memset(m, 0, sizeof(*m));
}

/* ---- token answer ---- */

static void
pack_answer(struct proc_pack *p, const struct method_answer *a)
{
	size_t i;

	proc_pack_u64(p, a->ok);
	proc_pack_u64(p, a->class);
	proc_pack_u64(p, a->wait_s);
	proc_pack_str(p, a->error);
	proc_pack_str(p, a->description);
	proc_pack_str(p, a->hint);
	proc_pack_secret(p, a->access_token);
	proc_pack_secret(p, a->refresh_token);
	proc_pack_u64(p, (uint64_t)a->expires_at);
	proc_pack_u64(p, (uint64_t)a->refresh_expires_at);
	proc_pack_str(p, a->scope);
	proc_pack_str(p, a->second_scope);
	proc_pack_u64(p, a->has_scope);
	proc_pack_str(p, a->account);
	proc_pack_u64(p, a->capture_count);
	for (i = 0; i < a->capture_count; i++) {
		proc_pack_u64(p, a->captures[i].index);
		proc_pack_str(p, a->captures[i].value);
	}
}

static void
unpack_answer(struct proc_unpack *u, struct method_answer *a)
{
	uint64_t i, n;

	a->ok = connect_msg_unpack_most(u, 1);
	a->class =
		(enum catalog_class)connect_msg_unpack_most(u, CATALOG_REFUSED);
	a->wait_s = (uint32_t)connect_msg_unpack_most(u, UINT32_MAX);
	proc_unpack_str(u, a->error, sizeof(a->error));
	proc_unpack_str(u, a->description, sizeof(a->description));
	proc_unpack_str(u, a->hint, sizeof(a->hint));
	a->access_token = proc_unpack_secret(u, SECRET_MAX);
	a->refresh_token = proc_unpack_secret(u, SECRET_MAX);
	a->expires_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	a->refresh_expires_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	proc_unpack_str(u, a->scope, sizeof(a->scope));
	proc_unpack_str(u, a->second_scope, sizeof(a->second_scope));
	a->has_scope = connect_msg_unpack_most(u, 1);
	proc_unpack_str(u, a->account, sizeof(a->account));
	n = connect_msg_unpack_most(u, METHOD_CAPTURES_MAX);
	for (i = 0; i < n; i++) {
		a->captures[i].index = connect_msg_unpack_most(u, 255);
		proc_unpack_str(u, a->captures[i].value,
				sizeof(a->captures[i].value));
	}
	a->capture_count = n;
	if (a->ok && !a->access_token)
		u->failed = true;
}

void
connect_msg_token_answer_pack(const struct connect_msg_token_answer *m,
			      struct proc_pack *p)
{
	proc_pack_u64(p, m->sent);
	proc_pack_u64(p, (uint64_t)-m->err);
	proc_pack_str(p, m->detail);
	proc_pack_u64(p, m->revoked);
	pack_answer(p, &m->answer);
}

int
connect_msg_token_answer_unpack(struct proc_unpack *u,
				struct connect_msg_token_answer *m)
{
	memset(m, 0, sizeof(*m));
	m->sent = connect_msg_unpack_most(u, 1);
	m->err = -(int)connect_msg_unpack_most(u, 1000);
	proc_unpack_str(u, m->detail, sizeof(m->detail));
	m->revoked = connect_msg_unpack_most(u, 1);
	unpack_answer(u, &m->answer);
	if (!connect_msg_done(u))
		return 0;
	connect_msg_token_answer_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_token_answer_release(struct connect_msg_token_answer *m)
{
	method_answer_release(&m->answer);
	memset(m, 0, sizeof(*m));
}

/* ---- look-ups ---- */

void
connect_msg_lookup_pack(const struct connect_msg_lookup *m, struct proc_pack *p)
{
	connect_msg_pack_binding(p, m->binding);
	proc_pack_u64(p, m->index);
	proc_pack_secret(p, m->headers);
	proc_pack_secret(p, m->query);
}

int
connect_msg_lookup_unpack(struct proc_unpack *u, struct connect_msg_lookup *m)
{
	memset(m, 0, sizeof(*m));
	m->binding = connect_msg_unpack_binding(u);
	m->index = connect_msg_unpack_most(u, 255);
	m->headers = proc_unpack_secret(u, SECRET_MAX);
	m->query = proc_unpack_secret(u, SECRET_MAX);
	if (!connect_msg_done(u))
		return 0;
	connect_msg_lookup_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_lookup_release(struct connect_msg_lookup *m)
{
	binding_free(m->binding);
	secret_free(m->headers);
	secret_free(m->query);
	memset(m, 0, sizeof(*m));
}

void
connect_msg_looked_up_pack(const struct connect_msg_looked_up *m,
			   struct proc_pack *p)
{
	size_t i;

	proc_pack_u64(p, (uint64_t)-m->err);
	proc_pack_str(p, m->detail);
	proc_pack_str(p, m->account);
	proc_pack_u64(p, m->value_count);
	for (i = 0; i < m->value_count; i++)
		proc_pack_str(p, m->values[i]);
}

int
connect_msg_looked_up_unpack(struct proc_unpack *u,
			     struct connect_msg_looked_up *m)
{
	uint64_t i;

	memset(m, 0, sizeof(*m));
	m->err = -(int)connect_msg_unpack_most(u, 1000);
	proc_unpack_str(u, m->detail, sizeof(m->detail));
	proc_unpack_str(u, m->account, sizeof(m->account));
	m->value_count = connect_msg_unpack_most(u, METHOD_CAPTURES_MAX);
	for (i = 0; i < m->value_count; i++)
		proc_unpack_str(u, m->values[i], sizeof(m->values[i]));
	return connect_msg_done(u);
}

/* ---- tests ---- */

void
connect_msg_test_pack(const struct connect_msg_test *m, struct proc_pack *p)
{
	connect_msg_pack_binding(p, m->binding);
	proc_pack_u64(p, m->index);
	proc_pack_secret(p, m->add.headers);
	proc_pack_secret(p, m->add.query);
	proc_pack_secret(p, m->add.form);
	proc_pack_secret(p, m->add.path);
}

int
connect_msg_test_unpack(struct proc_unpack *u, struct connect_msg_test *m)
{
	memset(m, 0, sizeof(*m));
	m->binding = connect_msg_unpack_binding(u);
	m->index = connect_msg_unpack_most(u, 255);
	m->add.headers = proc_unpack_secret(u, SECRET_MAX);
	m->add.query = proc_unpack_secret(u, SECRET_MAX);
	m->add.form = proc_unpack_secret(u, SECRET_MAX);
	m->add.path = proc_unpack_secret(u, SECRET_MAX);
	if (!connect_msg_done(u))
		return 0;
	connect_msg_test_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_test_release(struct connect_msg_test *m)
{
	binding_free(m->binding);
	method_injection_release(&m->add);
	memset(m, 0, sizeof(*m));
}

void
connect_msg_tested_pack(const struct connect_msg_tested *m, struct proc_pack *p)
{
	proc_pack_u64(p, (uint64_t)-m->err);
	proc_pack_u64(p, m->verdict);
	proc_pack_str(p, m->detail);
	proc_pack_u64(p, (uint64_t)m->status);
	proc_pack_u64(p, m->wait_s);
	proc_pack_str(p, m->said);
	proc_pack_str(p, m->account);
}

int
connect_msg_tested_unpack(struct proc_unpack *u, struct connect_msg_tested *m)
{
	memset(m, 0, sizeof(*m));
	m->err = -(int)connect_msg_unpack_most(u, 1000);
	m->verdict = (enum connect_verdict)connect_msg_unpack_most(
		u, CONNECT_TEST_UNSURE);
	proc_unpack_str(u, m->detail, sizeof(m->detail));
	m->status = (int)connect_msg_unpack_most(u, 999);
	m->wait_s = (uint32_t)connect_msg_unpack_most(u, UINT32_MAX);
	proc_unpack_str(u, m->said, sizeof(m->said));
	proc_unpack_str(u, m->account, sizeof(m->account));
	/* what came to nothing has passed nothing */
	if (m->err && m->verdict != CONNECT_TEST_UNSURE)
		u->failed = true;
	return connect_msg_done(u);
}
