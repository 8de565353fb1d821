/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between front and keeper, packed and unpacked.
 *
 * Each pair stands together, in the order of message.h, so that a field
 * which one side forgets is seen at a glance.
 *
 * Runs in the front and in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/message_priv.h"

/* ---- pieces ---- */

int
connect_msg_done(const struct proc_unpack *u)
{
	return proc_unpack_done(u) ? 0 : ERR_PROTOCOL;
}

void
connect_msg_pack_binding(struct proc_pack *p, const struct binding *b)
{
	struct buf json;

	buf_init(&json, BINDING_JSON_MAX);
	if (binding_to_json(b, &json)) /* too large: let the pack fail */
		proc_pack_bytes(p, slice_of(NULL, PROC_MESSAGE_MAX + 1));
	else
		proc_pack_bytes(p, buf_slice(&json));
	buf_release(&json);
}

struct binding *
connect_msg_unpack_binding(struct proc_unpack *u)
{
	struct slice json = proc_unpack_bytes(u, BINDING_JSON_MAX);
	struct json_problem problem = { 0 };
	struct binding *b = NULL;

	if (u->failed || binding_from_json(json, &b, &problem))
		u->failed = true;
	return b;
}

void
connect_msg_unpack_raw(struct proc_unpack *u, void *out, size_t size)
{
	struct slice s = proc_unpack_bytes(u, size);

	if (u->failed || s.len != size) {
		u->failed = true;
		memset(out, 0, size);
		return;
	}
	memcpy(out, s.ptr, size);
}

uint64_t
connect_msg_unpack_most(struct proc_unpack *u, uint64_t most)
{
	uint64_t v = proc_unpack_u64(u);

	if (v <= most)
		return v;
	u->failed = true;
	return 0;
}

static void
pack_subject(struct proc_pack *p, const struct connect_msg_subject *m)
{
	proc_pack_str(p, m->org);
	proc_pack_str(p, m->connection);
	proc_pack_str(p, m->subject);
	proc_pack_u64(p, m->generation);
}

static void
unpack_subject(struct proc_unpack *u, struct connect_msg_subject *m)
{
	proc_unpack_str(u, m->org, sizeof(m->org));
	proc_unpack_str(u, m->connection, sizeof(m->connection));
	proc_unpack_str(u, m->subject, sizeof(m->subject));
	m->generation = proc_unpack_u64(u);
}

/* ---- subject ---- */

void
connect_msg_subject_pack(const struct connect_msg_subject *m,
			 struct proc_pack *p)
{
	pack_subject(p, m);
}

int
connect_msg_subject_read(struct proc_unpack *u, struct connect_msg_subject *m)
{
	memset(m, 0, sizeof(*m));
	unpack_subject(u, m);
	return u->failed ? ERR_PROTOCOL : 0;
}

int
connect_msg_subject_unpack(struct proc_unpack *u, struct connect_msg_subject *m)
{
	int rc = connect_msg_subject_read(u, m);

	return rc ? rc : connect_msg_done(u);
}

/* ---- problem ---- */

void
connect_msg_problem_pack(const struct connect_msg_problem *m,
			 struct proc_pack *p)
{
	proc_pack_str(p, m->code);
	proc_pack_str(p, m->detail);
	proc_pack_str(p, m->pointer);
	proc_pack_u64(p, m->status);
	proc_pack_u64(p, m->retry_after_s);
}

void
connect_msg_problem_unpack(struct proc_unpack *u, int err,
			   struct connect_msg_problem *m)
{
	memset(m, 0, sizeof(*m));
	if (u) {
		proc_unpack_str(u, m->code, sizeof(m->code));
		proc_unpack_str(u, m->detail, sizeof(m->detail));
		proc_unpack_str(u, m->pointer, sizeof(m->pointer));
		m->status = (enum connect_status)connect_msg_unpack_most(
			u, CONNECT_REVOKED);
		m->retry_after_s =
			(uint32_t)connect_msg_unpack_most(u, UINT32_MAX);
	}
	if (u && proc_unpack_done(u) && m->detail[0])
		return;
	memset(m, 0, sizeof(*m));
	m->status = CONNECT_CONNECTED;
	snprintf(m->detail, sizeof(m->detail),
		 err == ERR_TIMEOUT || err == ERR_CLOSED
			 ? "The keeper of credentials does not answer at the "
			   "moment."
			 : "The credential could not be had: %s.",
		 err_text(err));
}

/* ---- credential ---- */

void
connect_msg_credential_pack(const struct connect_msg_credential *m,
			    struct proc_pack *p)
{
	size_t i;

	pack_subject(p, &m->who);
	connect_msg_pack_binding(p, m->binding);
	proc_pack_u64(p, m->fields.count);
	for (i = 0; i < m->fields.count; i++) {
		proc_pack_str(p, m->fields.items[i].name);
		proc_pack_secret(p, m->fields.items[i].value);
	}
	proc_pack_str(p, m->scope);
	proc_pack_u64(p, m->untested);
}

int
connect_msg_credential_unpack(struct proc_unpack *u,
			      struct connect_msg_credential *m)
{
	uint64_t i, n;

	memset(m, 0, sizeof(*m));
	unpack_subject(u, &m->who);
	m->binding = connect_msg_unpack_binding(u);
	n = connect_msg_unpack_most(u, METHOD_FIELDS_MAX);
	for (i = 0; i < n; i++) {
		proc_unpack_str(u, m->fields.items[i].name, METHOD_NAME_SIZE);
		m->fields.items[i].value = proc_unpack_secret(u, SECRET_MAX);
		if (!m->fields.items[i].value) /* "" is one, too */
			m->fields.items[i].value = secret_new(0);
		m->fields.count++;
	}
	proc_unpack_str(u, m->scope, sizeof(m->scope));
	m->untested = connect_msg_unpack_most(u, 1);
	if (!connect_msg_done(u))
		return 0;
	connect_msg_credential_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_credential_release(struct connect_msg_credential *m)
{
	binding_free(m->binding);
	method_credential_release(&m->fields);
	memset(m, 0, sizeof(*m));
}

/* ---- grant ---- */

void
connect_msg_grant_pack(const struct connect_msg_grant *m, struct proc_pack *p)
{
	proc_pack_u64(p, m->generation);
	proc_pack_u64(p, (uint64_t)m->expires_at);
	proc_pack_str(p, m->scope);
	proc_pack_str(p, m->second_scope);
	proc_pack_u64(p, m->has_scope);
	proc_pack_str(p, m->account);
	proc_pack_str(p, m->data_centre);
	proc_pack_str(p, m->warning);
	proc_pack_u64(p, (uint64_t)m->ends_at);
	proc_pack_str(p, m->ends_why);
	proc_pack_u64(p, (uint64_t)m->idle_ends_at);
}

static void
unpack_grant(struct proc_unpack *u, struct connect_msg_grant *m)
{
	memset(m, 0, sizeof(*m));
	m->generation = connect_msg_unpack_most(u, INT64_MAX);
	m->expires_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	proc_unpack_str(u, m->scope, sizeof(m->scope));
	proc_unpack_str(u, m->second_scope, sizeof(m->second_scope));
	m->has_scope = connect_msg_unpack_most(u, 1);
	proc_unpack_str(u, m->account, sizeof(m->account));
	proc_unpack_str(u, m->data_centre, sizeof(m->data_centre));
	proc_unpack_str(u, m->warning, sizeof(m->warning));
	m->ends_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	proc_unpack_str(u, m->ends_why, sizeof(m->ends_why));
	m->idle_ends_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
}

int
connect_msg_grant_unpack(struct proc_unpack *u, struct connect_msg_grant *m)
{
	unpack_grant(u, m);
	return connect_msg_done(u);
}

/* ---- app ---- */

void
connect_msg_app_pack(const struct connect_msg_app *m, struct proc_pack *p)
{
	size_t i;

	proc_pack_str(p, m->org);
	proc_pack_str(p, m->app);
	proc_pack_u64(p, m->custom);
	proc_pack_str(p, m->data_centre);
	proc_pack_str(p, m->client_id);
	proc_pack_secret(p, m->client_secret);
	proc_pack_u64(p, m->endpoint_count);
	for (i = 0; i < m->endpoint_count; i++)
		proc_pack_str(p, m->endpoints[i]);
}

int
connect_msg_app_unpack(struct proc_unpack *u, struct connect_msg_app *m)
{
	uint64_t i, n;

	memset(m, 0, sizeof(*m));
	proc_unpack_str(u, m->org, sizeof(m->org));
	proc_unpack_str(u, m->app, sizeof(m->app));
	m->custom = connect_msg_unpack_most(u, 1);
	proc_unpack_str(u, m->data_centre, sizeof(m->data_centre));
	proc_unpack_str(u, m->client_id, sizeof(m->client_id));
	m->client_secret = proc_unpack_secret(u, 4096);
	n = connect_msg_unpack_most(u, CONNECT_ENDPOINTS_MAX);
	m->endpoints = calloc(n + 1, sizeof(*m->endpoints));
	for (i = 0; i < n && m->endpoints; i++) {
		m->endpoints[i] = proc_unpack_dup(u, CONNECT_URL_SIZE);
		m->endpoint_count++;
	}
	if (m->endpoints && !connect_msg_done(u))
		return 0;
	connect_msg_app_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_app_release(struct connect_msg_app *m)
{
	size_t i;

	secret_free(m->client_secret);
	for (i = 0; i < m->endpoint_count; i++)
		free(m->endpoints[i]);
	free(m->endpoints);
	memset(m, 0, sizeof(*m));
}

/* ---- consent: begin, begun, finish ---- */

void
connect_msg_begin_pack(const struct connect_msg_begin *m, struct proc_pack *p)
{
	pack_subject(p, &m->who);
	proc_pack_bytes(p, slice_of(m->state, sizeof(m->state)));
	connect_msg_pack_binding(p, m->binding);
	proc_pack_str(p, m->scope);
	proc_pack_str(p, m->redirect_uri);
	proc_pack_u64(p, m->life_s);
}

int
connect_msg_begin_unpack(struct proc_unpack *u, struct connect_msg_begin *m)
{
	memset(m, 0, sizeof(*m));
	unpack_subject(u, &m->who);
	connect_msg_unpack_raw(u, m->state, sizeof(m->state));
	m->binding = connect_msg_unpack_binding(u);
	proc_unpack_str(u, m->scope, sizeof(m->scope));
	proc_unpack_str(u, m->redirect_uri, sizeof(m->redirect_uri));
	m->life_s = connect_msg_unpack_most(u, 24 * 3600);
	if (!connect_msg_done(u))
		return 0;
	connect_msg_begin_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_begin_release(struct connect_msg_begin *m)
{
	binding_free(m->binding);
	memset(m, 0, sizeof(*m));
}

void
connect_msg_begun_pack(const struct connect_msg_begun *m, struct proc_pack *p)
{
	proc_pack_str(p, m->client_id);
	proc_pack_str(p, m->challenge);
}

int
connect_msg_begun_unpack(struct proc_unpack *u, struct connect_msg_begun *m)
{
	memset(m, 0, sizeof(*m));
	proc_unpack_str(u, m->client_id, sizeof(m->client_id));
	proc_unpack_str(u, m->challenge, sizeof(m->challenge));
	return connect_msg_done(u);
}

void
connect_msg_finish_pack(const struct connect_msg_finish *m, struct proc_pack *p)
{
	size_t i;

	proc_pack_bytes(p, slice_of(m->state, sizeof(m->state)));
	proc_pack_secret(p, m->code);
	proc_pack_u64(p, m->capture_count);
	for (i = 0; i < m->capture_count; i++) {
		proc_pack_u64(p, m->captures[i].index);
		proc_pack_str(p, m->captures[i].value);
	}
	proc_pack_secret(p, m->query);
}

int
connect_msg_finish_unpack(struct proc_unpack *u, struct connect_msg_finish *m)
{
	uint64_t i, n;

	memset(m, 0, sizeof(*m));
	connect_msg_unpack_raw(u, m->state, sizeof(m->state));
	m->code = proc_unpack_secret(u, 4096);
	n = connect_msg_unpack_most(u, METHOD_CAPTURES_MAX);
	for (i = 0; i < n; i++) {
		m->captures[i].index = connect_msg_unpack_most(u, 255);
		proc_unpack_str(u, m->captures[i].value,
				sizeof(m->captures[i].value));
	}
	m->capture_count = n;
	m->query = proc_unpack_secret(u, CONNECT_QUERY_MAX);
	if (!connect_msg_done(u))
		return 0;
	connect_msg_finish_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_finish_release(struct connect_msg_finish *m)
{
	secret_free(m->code);
	secret_free(m->query);
	memset(m, 0, sizeof(*m));
}

/* ---- injection ---- */

void
connect_msg_injection_pack(const struct connect_msg_injection *m,
			   struct proc_pack *p)
{
	size_t i;

	proc_pack_u64(p, m->generation);
	proc_pack_u64(p, m->fresh_ms);
	connect_msg_pack_binding(p, m->binding);
	proc_pack_secret(p, m->add.headers);
	proc_pack_secret(p, m->add.query);
	proc_pack_secret(p, m->add.form);
	proc_pack_secret(p, m->add.path);
	proc_pack_u64(p, m->scrub_count);
	for (i = 0; i < m->scrub_count; i++)
		proc_pack_secret(p, m->scrub[i]);
}

int
connect_msg_injection_unpack(struct proc_unpack *u,
			     struct connect_msg_injection *m)
{
	struct secret *s;
	uint64_t i, n;

	memset(m, 0, sizeof(*m));
	m->generation = proc_unpack_u64(u);
	m->fresh_ms = proc_unpack_u64(u);
	m->binding = connect_msg_unpack_binding(u);
	m->add.headers = proc_unpack_secret(u, SECRET_MAX);
	m->add.query = proc_unpack_secret(u, SECRET_MAX);
	m->add.form = proc_unpack_secret(u, SECRET_MAX);
	m->add.path = proc_unpack_secret(u, SECRET_MAX);
	n = connect_msg_unpack_most(u, METHOD_SECRETS_MAX);
	for (i = 0; i < n; i++) {
		s = proc_unpack_secret(u, SECRET_MAX);
		if (s)
			m->scrub[m->scrub_count++] = s;
	}
	if (!connect_msg_done(u))
		return 0;
	connect_msg_injection_release(m);
	return ERR_PROTOCOL;
}

void
connect_msg_injection_release(struct connect_msg_injection *m)
{
	size_t i;

	binding_free(m->binding);
	method_injection_release(&m->add);
	for (i = 0; i < m->scrub_count; i++)
		secret_free(m->scrub[i]);
	memset(m, 0, sizeof(*m));
}

/* ---- revoked, status, counts ---- */

void
connect_msg_revoked_pack(const struct connect_msg_revoked *m,
			 struct proc_pack *p)
{
	proc_pack_u64(p, m->upstream);
	proc_pack_u64(p, m->generation);
	proc_pack_str(p, m->detail);
}

int
connect_msg_revoked_unpack(struct proc_unpack *u, struct connect_msg_revoked *m)
{
	memset(m, 0, sizeof(*m));
	m->upstream = connect_msg_unpack_most(u, 1);
	m->generation = connect_msg_unpack_most(u, INT64_MAX);
	proc_unpack_str(u, m->detail, sizeof(m->detail));
	return connect_msg_done(u);
}

void
connect_msg_status_pack(const struct connect_msg_status *m, struct proc_pack *p)
{
	proc_pack_u64(p, m->change);
	pack_subject(p, &m->who);
	proc_pack_u64(p, m->status);
	proc_pack_u64(p, m->leaving);
	proc_pack_u64(p, m->lives);
	proc_pack_str(p, m->reason);
	proc_pack_u64(p, m->degraded);
	proc_pack_str(p, m->health_reason);
	proc_pack_u64(p, (uint64_t)m->retry_at);
	proc_pack_u64(p, (uint64_t)m->expires_at);
	proc_pack_u64(p, (uint64_t)m->ends_at);
	proc_pack_str(p, m->ends_why);
	proc_pack_u64(p, (uint64_t)m->idle_ends_at);
	proc_pack_str(p, m->flagged_app);
	proc_pack_str(p, m->flagged_data_centre);
	connect_msg_grant_pack(&m->brought, p);
}

int
connect_msg_status_read(struct proc_unpack *u, struct connect_msg_status *m)
{
	memset(m, 0, sizeof(*m));
	m->change = proc_unpack_u64(u);
	unpack_subject(u, &m->who);
	m->status = (enum connect_status)connect_msg_unpack_most(
		u, CONNECT_REVOKED);
	m->leaving = connect_msg_unpack_most(u, 1);
	m->lives = connect_msg_unpack_most(u, 1);
	proc_unpack_str(u, m->reason, sizeof(m->reason));
	m->degraded = connect_msg_unpack_most(u, 1);
	proc_unpack_str(u, m->health_reason, sizeof(m->health_reason));
	m->retry_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	m->expires_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	m->ends_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	proc_unpack_str(u, m->ends_why, sizeof(m->ends_why));
	m->idle_ends_at = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	proc_unpack_str(u, m->flagged_app, sizeof(m->flagged_app));
	proc_unpack_str(u, m->flagged_data_centre,
			sizeof(m->flagged_data_centre));
	unpack_grant(u, &m->brought);
	return u->failed ? ERR_PROTOCOL : 0;
}

int
connect_msg_status_unpack(struct proc_unpack *u, struct connect_msg_status *m)
{
	int rc = connect_msg_status_read(u, m);

	return rc ? rc : connect_msg_done(u);
}

void
connect_msg_counts_pack(const struct connect_counts *m, struct proc_pack *p)
{
	proc_pack_u64(p, m->grants);
	proc_pack_u64(p, m->usable);
	proc_pack_u64(p, m->in_doubt);
	proc_pack_u64(p, m->refreshing);
	proc_pack_u64(p, m->user_grants);
	proc_pack_u64(p, m->user_needs_reconnect);
	proc_pack_u64(p, m->token_requests);
	proc_pack_u64(p, m->refreshed);
	proc_pack_u64(p, m->failed);
	proc_pack_u64(p, m->kept_alive);
	proc_pack_u64(p, m->needs_reconnect);
	proc_pack_u64(p, m->lost_in_doubt);
}

int
connect_msg_counts_unpack(struct proc_unpack *u, struct connect_counts *m)
{
	memset(m, 0, sizeof(*m));
	m->grants = proc_unpack_u64(u);
	m->usable = proc_unpack_u64(u);
	m->in_doubt = proc_unpack_u64(u);
	m->refreshing = proc_unpack_u64(u);
	m->user_grants = proc_unpack_u64(u);
	m->user_needs_reconnect = proc_unpack_u64(u);
	m->token_requests = proc_unpack_u64(u);
	m->refreshed = proc_unpack_u64(u);
	m->failed = proc_unpack_u64(u);
	m->kept_alive = proc_unpack_u64(u);
	m->needs_reconnect = proc_unpack_u64(u);
	m->lost_in_doubt = proc_unpack_u64(u);
	return connect_msg_done(u);
}
