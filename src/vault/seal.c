/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing and data keys.
 *
 * A sealed record is  version (1) | nonce (24) | ciphertext and tag.  A
 * wrapped data key is the key sealed under the master key with the identity
 * "datakey/<context>".
 */
#include <sodium.h>

#include "vault/vault.h"

enum { VERSION = 1 };

_Static_assert(VAULT_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	       "key size");
_Static_assert(VAULT_OVERHEAD ==
		       1 + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
			       crypto_aead_xchacha20poly1305_ietf_ABYTES,
	       "overhead");

int
vault_init(void)
{
	return sodium_init() < 0 ? ERR_CRYPTO : 0;
}

int
vault_seal(const struct secret *key, const char *identity, struct slice plain,
	   struct buf *out)
{
	unsigned char *at, *nonce;
	unsigned long long written;

	ASSERT(secret_len(key) == VAULT_KEY_SIZE);
	if (buf_reserve(out, plain.len + VAULT_OVERHEAD))
		return buf_err(out);
	at = (unsigned char *)out->data + out->len;
	*at = VERSION;
	nonce = at + 1;
	randombytes_buf(nonce, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		nonce + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, &written,
		(const unsigned char *)plain.ptr, plain.len,
		(const unsigned char *)identity, strlen(identity), NULL, nonce,
		(const unsigned char *)secret_peek(key));
	out->len += 1 + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
		    (size_t)written;
	return 0;
}

int
vault_open(const struct secret *key, const char *identity, struct slice sealed,
	   struct secret **out)
{
	const unsigned char *at = (const unsigned char *)sealed.ptr;
	const unsigned char *nonce;
	unsigned long long written;
	size_t head = 1 + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;

	*out = NULL;
	ASSERT(secret_len(key) == VAULT_KEY_SIZE);
	if (sealed.len < VAULT_OVERHEAD ||
	    sealed.len - VAULT_OVERHEAD > SECRET_MAX || at[0] != VERSION)
		return ERR_CRYPTO;
	nonce = at + 1;
	*out = secret_new(sealed.len - VAULT_OVERHEAD);
	if (!*out)
		return ERR_NOMEM;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    (unsigned char *)secret_bytes(*out), &written, NULL,
		    at + head, sealed.len - head,
		    (const unsigned char *)identity, strlen(identity), nonce,
		    (const unsigned char *)secret_peek(key))) {
		secret_free(*out);
		*out = NULL;
		return ERR_CRYPTO;
	}
	return 0;
}

/* ---- data keys ---- */

static int
datakey_identity(const char *context, struct buf *out)
{
	buf_init(out, 512);
	return buf_printf(out, "datakey/%s", context);
}

static int
datakey_wrap(const struct secret *master, const char *context,
	     const struct secret *key, struct buf *wrapped)
{
	struct buf identity;
	int rc;

	rc = datakey_identity(context, &identity);
	if (!rc)
		rc = vault_seal(master, buf_cstr(&identity),
				slice_of(secret_peek(key), secret_len(key)),
				wrapped);
	buf_release(&identity);
	return rc;
}

int
vault_datakey_new(const struct secret *master, const char *context,
		  struct secret **key, struct buf *wrapped)
{
	int rc;

	*key = secret_new(VAULT_KEY_SIZE);
	if (!*key)
		return ERR_NOMEM;
	randombytes_buf(secret_bytes(*key), VAULT_KEY_SIZE);
	rc = datakey_wrap(master, context, *key, wrapped);
	if (rc) {
		secret_free(*key);
		*key = NULL;
	}
	return rc;
}

int
vault_datakey_open(const struct secret *master, const char *context,
		   struct slice wrapped, struct secret **key)
{
	struct buf identity;
	int rc;

	*key = NULL;
	rc = datakey_identity(context, &identity);
	if (!rc)
		rc = vault_open(master, buf_cstr(&identity), wrapped, key);
	buf_release(&identity);
	if (!rc && secret_len(*key) != VAULT_KEY_SIZE) {
		secret_free(*key);
		*key = NULL;
		rc = ERR_CRYPTO;
	}
	return rc;
}

int
vault_datakey_rewrap(const struct secret *from, const struct secret *to,
		     const char *context, struct slice wrapped, struct buf *out)
{
	struct secret *key;
	int rc;

	rc = vault_datakey_open(from, context, wrapped, &key);
	if (!rc)
		rc = datakey_wrap(to, context, key, out);
	secret_free(key);
	return rc;
}
