/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master key out of a passphrase, and the file with what that takes.
 */
#include <sodium.h>
#include <stdio.h>

#include "vault/vault_priv.h"

_Static_assert(sizeof(((struct vault_kdf *)0)->salt) == crypto_pwhash_SALTBYTES,
	       "salt");

void
vault_kdf_new(struct vault_kdf *out)
{
	out->ops = crypto_pwhash_OPSLIMIT_MODERATE;
	out->mem = crypto_pwhash_MEMLIMIT_MODERATE;
	randombytes_buf(out->salt, sizeof(out->salt));
}

int
vault_kdf(const struct vault_kdf *p, const struct secret *passphrase,
	  struct secret **out)
{
	*out = NULL;
	if (!secret_len(passphrase) || p->ops < crypto_pwhash_OPSLIMIT_MIN ||
	    p->ops > VAULT_KDF_OPS_MAX || p->mem < crypto_pwhash_MEMLIMIT_MIN ||
	    p->mem > VAULT_KDF_MEM_MAX)
		return ERR_INVALID;
	*out = secret_new(VAULT_KEY_SIZE);
	if (!*out)
		return ERR_NOMEM;
	if (!crypto_pwhash((unsigned char *)secret_bytes(*out), VAULT_KEY_SIZE,
			   secret_peek(passphrase), secret_len(passphrase),
			   p->salt, p->ops, (size_t)p->mem,
			   crypto_pwhash_ALG_ARGON2ID13))
		return 0;
	secret_free(*out);
	*out = NULL;
	return ERR_NOMEM;
}

void
vault_passphrase_trim(struct secret *passphrase)
{
	const char *bytes = secret_peek(passphrase);
	size_t n = secret_len(passphrase);

	while (n && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r' ||
		     bytes[n - 1] == '\0'))
		n--;
	secret_truncate(passphrase, n);
}

/* ---- the file ---- */

enum { CHECK_BYTES = 8, CHECK_HEX = CODEC_HEX_SIZE(CHECK_BYTES) };

static void
params_check(struct slice text, char out[CHECK_HEX])
{
	uint8_t hash[VAULT_HASH_SIZE];

	vault_hash(text, hash);
	codec_hex(hash, CHECK_BYTES, out);
}

void
vault_params_write(const struct vault_kdf *p, char out[VAULT_PARAMS_SIZE])
{
	char salt[CODEC_HEX_SIZE(sizeof(p->salt))], check[CHECK_HEX];
	int n;

	codec_hex(p->salt, sizeof(p->salt), salt);
	n = snprintf(out, VAULT_PARAMS_SIZE, "argon2id %llu %llu %s",
		     (unsigned long long)p->ops, (unsigned long long)p->mem,
		     salt);
	params_check(slice_of(out, (size_t)n), check);
	snprintf(out + n, VAULT_PARAMS_SIZE - (size_t)n, " %s\n", check);
}

int
vault_params_read(struct slice text, struct vault_kdf *out)
{
	struct slice word[5], whole = text;
	char check[CHECK_HEX];
	size_t len;
	int i;

	for (i = 0; i < 5; i++)
		if (!slice_next(&text, i < 4 ? ' ' : '\n', &word[i]))
			return ERR_INVALID;
	params_check(slice_head(whole, (size_t)(word[4].ptr - whole.ptr) - 1),
		     check);
	if (text.len || !slice_eq(word[0], SLICE("argon2id")) ||
	    !slice_eq(word[4], slice_str(check)) ||
	    slice_to_u64(word[1], VAULT_KDF_OPS_MAX, &out->ops) ||
	    slice_to_u64(word[2], VAULT_KDF_MEM_MAX, &out->mem) ||
	    out->ops < crypto_pwhash_OPSLIMIT_MIN ||
	    out->mem < crypto_pwhash_MEMLIMIT_MIN ||
	    codec_hex_decode(word[3], out->salt, sizeof(out->salt), &len) ||
	    len != sizeof(out->salt))
		return ERR_INVALID;
	return 0;
}

static int
params_put(const char *path, const struct vault_kdf *p, bool over, char *detail,
	   size_t size)
{
	char text[VAULT_PARAMS_SIZE];

	vault_params_write(p, text);
	return vault_file_write(path, text, strlen(text), over, detail, size);
}

int
vault_params_to_file(const char *path, const struct vault_kdf *p, char *detail,
		     size_t size)
{
	return params_put(path, p, true, detail, size);
}

int
vault_params_from_file(const char *path, bool create, struct vault_kdf *out,
		       char *detail, size_t size)
{
	char text[256];
	size_t len;
	int rc = vault_file_read(path, text, sizeof(text), &len, detail, size);

	if (rc == ERR_NOT_FOUND && create) {
		vault_kdf_new(out);
		return params_put(path, out, false, detail, size);
	}
	if (rc || !vault_params_read(slice_of(text, len), out))
		return rc;
	snprintf(detail, size,
		 "%s is damaged: without the salt in it the passphrase gives "
		 "another key; take it from a copy or a backup",
		 path);
	return ERR_INVALID;
}

int
vault_key_from_passphrase(const struct secret *passphrase,
			  const char *params_path, bool create,
			  struct secret **out, struct vault_kdf *used,
			  char *detail, size_t size)
{
	int rc;

	*out = NULL;
	if (!secret_len(passphrase)) {
		snprintf(detail, size, "the passphrase is empty");
		return ERR_INVALID;
	}
	rc = vault_params_from_file(params_path, create, used, detail, size);
	if (rc)
		return rc;
	rc = vault_kdf(used, passphrase, out);
	if (rc)
		snprintf(detail, size,
			 "Argon2id needs %llu MiB of memory, which are not "
			 "there",
			 (unsigned long long)used->mem >> 20);
	return rc;
}
