/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master key in a file (passphrase.c: out of a passphrase).
 *
 * A systemd credential is a file like any other ($CREDENTIALS_DIRECTORY).
 * A key file that is made here is the key and then its id, so that a damaged
 * one is told from another key; one of the operator's own making may be the
 * 32 bytes alone.
 */
#include <sodium.h>
#include <stdio.h>

#include "vault/vault_priv.h"

enum { ID_BYTES = 8, FILE_SIZE = VAULT_KEY_SIZE + ID_BYTES };

static const char id_message[] = "drawbridge master key id 1";

/* ---- ids ---- */

static void
key_id_bytes(const struct secret *key, unsigned char out[ID_BYTES])
{
	unsigned char hash[crypto_generichash_BYTES];

	ASSERT(secret_len(key) == VAULT_KEY_SIZE);
	crypto_generichash(
		hash, sizeof(hash), (const unsigned char *)id_message,
		sizeof(id_message) - 1, (const unsigned char *)secret_peek(key),
		VAULT_KEY_SIZE);
	memcpy(out, hash, ID_BYTES);
}

void
vault_key_id(const struct secret *key, char out[VAULT_KEY_ID_SIZE])
{
	unsigned char id[ID_BYTES];

	key_id_bytes(key, id);
	codec_hex(id, sizeof(id), out);
}

struct secret *
vault_key_new(void)
{
	struct secret *key = secret_new(VAULT_KEY_SIZE);

	if (key)
		randombytes_buf(secret_bytes(key), VAULT_KEY_SIZE);
	return key;
}

/* ---- files ---- */

int
vault_key_to_file(const char *path, const struct secret *key, bool over,
		  char *detail, size_t size)
{
	struct secret *bytes = secret_new(FILE_SIZE);
	int rc;

	if (!bytes)
		return ERR_NOMEM;
	memcpy(secret_bytes(bytes), secret_peek(key), VAULT_KEY_SIZE);
	key_id_bytes(key,
		     (unsigned char *)secret_bytes(bytes) + VAULT_KEY_SIZE);
	rc = vault_file_write(path, secret_peek(bytes), FILE_SIZE, over, detail,
			      size);
	secret_free(bytes);
	return rc;
}

static int
file_make(const char *path, struct secret **out, char *detail, size_t size)
{
	int rc;

	*out = vault_key_new();
	rc = *out ? vault_key_to_file(path, *out, false, detail, size)
		  : ERR_NOMEM;
	if (rc) {
		secret_free(*out);
		*out = NULL;
	}
	return rc;
}

/* What was read, judged. */
static int
file_check(const char *path, struct secret *key, size_t len, bool *has_id,
	   char *detail, size_t size)
{
	unsigned char told[ID_BYTES], id[ID_BYTES];

	*has_id = len == FILE_SIZE;
	if (len != VAULT_KEY_SIZE && len != FILE_SIZE) {
		snprintf(detail, size,
			 "%s does not hold a key of %d bytes: it is no key "
			 "file, or was cut; take it from a copy",
			 path, VAULT_KEY_SIZE);
		return ERR_INVALID;
	}
	memcpy(told, secret_peek(key) + VAULT_KEY_SIZE, ID_BYTES);
	secret_truncate(key, VAULT_KEY_SIZE);
	key_id_bytes(key, id);
	if (*has_id && memcmp(told, id, ID_BYTES) != 0) {
		snprintf(detail, size,
			 "%s is damaged: key and check in it do not belong "
			 "together; take it from a copy or a backup",
			 path);
		return ERR_CRYPTO;
	}
	return 0;
}

int
vault_key_from_file(const char *path, bool create, struct secret **out,
		    bool *has_id, char *detail, size_t size)
{
	struct secret *key;
	bool unused;
	size_t len;
	int rc;

	*out = NULL;
	key = secret_new(FILE_SIZE + 1);
	if (!key)
		return ERR_NOMEM;
	rc = vault_file_read(path, secret_bytes(key), FILE_SIZE + 1, &len,
			     detail, size);
	if (!rc)
		rc = file_check(path, key, len, has_id ? has_id : &unused,
				detail, size);
	if (!rc) {
		*out = key;
		return 0;
	}
	secret_free(key);
	if (rc != ERR_NOT_FOUND || !create)
		return rc;
	if (has_id)
		*has_id = true;
	return file_make(path, out, detail, size);
}
