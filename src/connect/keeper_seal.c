/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper seals, and how it is identified.
 *
 *   grant     "grant/<connection>/<subject>/<generation>"
 *   app       "app/<org>/<app>/<data centre>/<version>"
 *   consent   "consent/<state, hex>"
 *
 * The identity is authenticated with the bytes: a row that was copied to
 * another connection, or an older generation that was put back, does not
 * open.  A grant is sealed together with its binding, so that where it may
 * go cannot be changed without the key either.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_keys_priv.h"

enum { WRAPPED_MAX = 512, SEALED_MAX = 128 * 1024, PAYLOAD_VERSION = 1 };

/* ---- data keys ---- */

int
keeper_datakey_read(struct keeper *k, const char *owner, struct secret **out)
{
	const struct secret *master;
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT wrapped, master FROM datakeys "
			 "WHERE owner = ?1",
			 "s", owner);
	*out = NULL;
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		master = keeper_ring_key(k, store_col(st, 1));
		rc = master ? vault_datakey_open(master, owner,
						 store_col(st, 0), out)
			    : ERR_CRYPTO;
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	return rc;
}

static int
datakey_make(struct keeper *k, const char *owner, struct secret **out)
{
	const struct secret *master;
	struct buf wrapped;
	const char *id;
	int rc;

	buf_init(&wrapped, WRAPPED_MAX);
	master = keeper_ring_newest(k, &id);
	rc = vault_datakey_new(master, owner, out, &wrapped);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"INSERT INTO datakeys (owner, wrapped, "
				"created_at, master, turn) "
				"VALUES (?1, ?2, ?3, ?4, ?5)",
				"sbisi", owner, buf_slice(&wrapped),
				clock_wall_ms(), id, (int64_t)k->ring->turn);
	buf_release(&wrapped);
	if (rc) {
		secret_free(*out);
		*out = NULL;
	}
	return rc;
}

int
keeper_seal(struct keeper *k, const char *owner, const char *identity,
	    struct proc_pack *fields, struct buf *out)
{
	struct secret *plain = proc_pack_detach(fields), *key = NULL;
	int rc = plain ? keeper_datakey_read(k, owner, &key) : ERR_TOO_LARGE;

	if (rc == ERR_NOT_FOUND)
		rc = datakey_make(k, owner, &key);
	if (!rc)
		rc = vault_seal(key, identity,
				slice_of(secret_peek(plain), secret_len(plain)),
				out);
	secret_free(plain);
	secret_free(key);
	return rc;
}

int
keeper_open(struct keeper *k, const char *owner, const char *identity,
	    struct slice sealed, struct secret **out)
{
	struct secret *key = NULL;
	int rc;

	*out = NULL;
	rc = keeper_datakey_read(k, owner, &key);
	if (!rc)
		rc = vault_open(key, identity, sealed, out);
	secret_free(key);
	return rc;
}

/* ---- grants ---- */

void
keeper_payload_release(struct keeper_payload *p)
{
	binding_free(p->binding);
	method_credential_release(&p->fields);
	secret_wipe(p, sizeof(*p));
}

void
keeper_grant_identity(const struct connect_msg_subject *who, char *out,
		      size_t size)
{
	snprintf(out, size, "grant/%s/%s/%llu", who->connection, who->subject,
		 (unsigned long long)who->generation);
}

static void
grant_names(const struct connect_msg_subject *who, char *owner,
	    size_t owner_size, char *identity, size_t identity_size)
{
	snprintf(owner, owner_size, "connection/%s", who->connection);
	keeper_grant_identity(who, identity, identity_size);
}

int
keeper_payload_seal(struct keeper *k, const struct connect_msg_subject *who,
		    const struct keeper_payload *p, struct buf *out)
{
	struct proc_pack *fields;
	char owner[64], identity[192];
	struct buf json;
	size_t i;
	int rc;

	grant_names(who, owner, sizeof(owner), identity, sizeof(identity));
	buf_init(&json, BINDING_JSON_MAX);
	rc = binding_to_json(p->binding, &json);
	if (rc)
		goto out;
	fields = proc_pack_new();
	proc_pack_u64(fields, PAYLOAD_VERSION);
	proc_pack_bytes(fields, buf_slice(&json));
	proc_pack_str(fields, p->client_id);
	proc_pack_str(fields, p->scope);
	proc_pack_u64(fields, (uint64_t)p->refresh_expires_at);
	proc_pack_u64(fields, p->fields.count);
	for (i = 0; i < p->fields.count; i++) {
		proc_pack_str(fields, p->fields.items[i].name);
		proc_pack_secret(fields, p->fields.items[i].value);
	}
	rc = keeper_seal(k, owner, identity, fields, out);
out:
	buf_release(&json);
	return rc;
}

static int
payload_read(struct proc_unpack *u, struct keeper_payload *out)
{
	struct json_problem problem = { 0 };
	char name[METHOD_NAME_SIZE];
	struct secret *value;
	struct slice json;
	uint64_t i, n;
	int rc;

	if (proc_unpack_u64(u) != PAYLOAD_VERSION)
		return ERR_UNSUPPORTED;
	json = proc_unpack_bytes(u, BINDING_JSON_MAX);
	proc_unpack_str(u, out->client_id, sizeof(out->client_id));
	proc_unpack_str(u, out->scope, sizeof(out->scope));
	out->refresh_expires_at = (int64_t)proc_unpack_u64(u);
	n = proc_unpack_u64(u);
	for (i = 0; i < n && i < METHOD_FIELDS_MAX && !u->failed; i++) {
		proc_unpack_str(u, name, sizeof(name));
		value = proc_unpack_secret(u, SECRET_MAX);
		if (!value && !u->failed) /* "" is one, too */
			value = secret_new(0);
		rc = method_credential_set(&out->fields, name, value);
		if (rc)
			return rc;
	}
	if (!proc_unpack_done(u))
		return ERR_PROTOCOL;
	return binding_from_json(json, &out->binding, &problem);
}

int
keeper_payload_open(struct keeper *k, const struct keeper_row *r,
		    struct keeper_payload *out)
{
	char owner[64], identity[192];
	struct secret *plain = NULL;
	struct proc_unpack u;
	struct buf sealed;
	int rc;

	memset(out, 0, sizeof(*out));
	grant_names(&r->who, owner, sizeof(owner), identity, sizeof(identity));
	buf_init(&sealed, SEALED_MAX);
	rc = keeper_row_sealed(k, r, &sealed);
	if (!rc)
		rc = keeper_open(k, owner, identity, buf_slice(&sealed),
				 &plain);
	if (!rc) {
		u = proc_unpack_from(plain);
		rc = payload_read(&u, out);
	}
	secret_free(plain);
	buf_release(&sealed);
	if (rc)
		keeper_payload_release(out);
	return rc;
}
