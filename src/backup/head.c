/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head, which says how the key is made, and the manifest, which says what
 * is in a backup: small JSON objects, both.
 */
#include <stdio.h>

#include "backup/backup_priv.h"

static const char *const paths[BACKUP_PARTS] = {
	[BACKUP_MAIN] = "store/drawbridge.db",
	[BACKUP_KEEPER] = "keeper/grants.db",
	[BACKUP_PARAMS] = "keeper/passphrase.params",
	[BACKUP_KEY] = "keeper/master.key",
};

const char *
backup_part_path(enum backup_part part)
{
	ASSERT(part < BACKUP_PARTS);
	return paths[part];
}

/* ---- the head ---- */

static int
json_out(json_t *value, struct buf *json)
{
	int rc = value ? json_write(value, json) : ERR_NOMEM;

	json_decref(value);
	return rc;
}

int
backup_head_write(const struct backup_head *h, struct buf *json)
{
	char salt[CODEC_HEX_SIZE(sizeof(h->kdf.salt))];

	if (!h->passphrase)
		return json_out(json_pack("{s:s, s:s}", "key", "file", "key_id",
					  h->key_id),
				json);
	codec_hex(h->kdf.salt, sizeof(h->kdf.salt), salt);
	return json_out(json_pack("{s:s, s:s, s:I, s:I, s:s}", "key",
				  "argon2id", "key_id", h->key_id, "ops",
				  (json_int_t)h->kdf.ops, "mem",
				  (json_int_t)h->kdf.mem, "salt", salt),
			json);
}

static void
head_read_kdf(const struct json_at *at, struct backup_head *out)
{
	const char *salt = json_get_str(at, "salt", JSON_REQUIRED, 64, "");
	size_t len;

	out->kdf.ops = (uint64_t)json_get_int(at, "ops", JSON_REQUIRED, 1,
					      VAULT_KDF_OPS_MAX, 1);
	out->kdf.mem = (uint64_t)json_get_int(at, "mem", JSON_REQUIRED, 8192,
					      VAULT_KDF_MEM_MAX, 8192);
	if (codec_hex_decode(slice_str(salt), out->kdf.salt,
			     sizeof(out->kdf.salt), &len) ||
	    len != sizeof(out->kdf.salt))
		json_problem_set(at->problem, "/salt", "is no salt");
}

int
backup_head_parse(struct slice text, struct backup_head *out)
{
	struct json_problem problem = { 0 };
	struct json_at at;
	json_t *json = NULL;
	const char *kind = "";
	int rc;

	memset(out, 0, sizeof(*out));
	rc = json_read(text, BACKUP_HEAD_MAX, &json, &problem);
	if (!rc && !json_at_object(&at, json, "", &problem))
		rc = ERR_INVALID;
	if (!rc) {
		kind = json_get_str(&at, "key", JSON_REQUIRED, 32, "");
		slice_copy(slice_str(json_get_str(&at, "key_id", JSON_REQUIRED,
						  VAULT_KEY_ID_SIZE - 1, "")),
			   out->key_id, sizeof(out->key_id));
		out->passphrase = !strcmp(kind, "argon2id");
		if (out->passphrase)
			head_read_kdf(&at, out);
		else if (strcmp(kind, "file") != 0)
			rc = ERR_UNSUPPORTED;
	}
	json_decref(json);
	return rc ? rc : problem.set ? ERR_INVALID : 0;
}

int
backup_head_key(const struct backup_head *h, const struct backup_secret *s,
		struct secret **out)
{
	char id[VAULT_KEY_ID_SIZE];
	int rc = 0;

	*out = NULL;
	if (h->passphrase ? !s->passphrase : !s->key)
		return ERR_INVALID;
	if (h->passphrase) {
		rc = vault_kdf(&h->kdf, s->passphrase, out);
	} else {
		*out = secret_dup(s->key);
		rc = *out ? 0 : ERR_NOMEM;
	}
	if (rc)
		return rc;
	vault_key_id(*out, id);
	if (!strcmp(id, h->key_id))
		return 0;
	secret_free(*out);
	*out = NULL;
	return ERR_CRYPTO;
}

/* ---- the manifest ---- */

int
backup_manifest_write(const struct backup_manifest *m, struct buf *json)
{
	return json_out(json_pack("{s:I, s:s, s:I, s:I, s:s, s:s}", "made_at",
				  (json_int_t)m->made_at, "made_by", m->made_by,
				  "schema_main", (json_int_t)m->schema_main,
				  "schema_keeper", (json_int_t)m->schema_keeper,
				  "key_id", m->key_id, "key_source",
				  m->key_source),
			json);
}

int
backup_manifest_parse(struct slice text, struct backup_manifest *out)
{
	struct json_problem problem = { 0 };
	struct json_at at;
	json_t *json = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = json_read(text, BACKUP_HEAD_MAX, &json, &problem);
	if (!rc && !json_at_object(&at, json, "", &problem))
		rc = ERR_INVALID;
	if (!rc) {
		out->made_at = json_get_int(&at, "made_at", JSON_REQUIRED, 0,
					    INT64_MAX, 0);
		out->schema_main = json_get_int(&at, "schema_main",
						JSON_REQUIRED, 0, INT64_MAX, 0);
		out->schema_keeper = json_get_int(
			&at, "schema_keeper", JSON_REQUIRED, 0, INT64_MAX, 0);
		slice_copy(slice_str(json_get_str(&at, "made_by", 0,
						  BACKUP_TEXT_SIZE - 1, "")),
			   out->made_by, sizeof(out->made_by));
		slice_copy(slice_str(json_get_str(&at, "key_id", JSON_REQUIRED,
						  VAULT_KEY_ID_SIZE - 1, "")),
			   out->key_id, sizeof(out->key_id));
		slice_copy(
			slice_str(json_get_str(&at, "key_source", JSON_REQUIRED,
					       BACKUP_TEXT_SIZE - 1, "")),
			out->key_source, sizeof(out->key_source));
	}
	json_decref(json);
	return rc ? rc : problem.set ? ERR_INVALID : 0;
}
