/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes: Argon2id for passwords, SHA-256 for tokens and chains.
 */
#include <sodium.h>
#include <stdio.h>

#include "vault/vault.h"

_Static_assert(VAULT_PASSWORD_SIZE == crypto_pwhash_STRBYTES, "text form");
_Static_assert(VAULT_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(sizeof(struct vault_hasher) >= sizeof(crypto_hash_sha256_state),
	       "room for the state");

int
vault_password_hash(const struct secret *password,
		    char out[VAULT_PASSWORD_SIZE])
{
	if (crypto_pwhash_str(out, secret_peek(password), secret_len(password),
			      crypto_pwhash_OPSLIMIT_INTERACTIVE,
			      crypto_pwhash_MEMLIMIT_INTERACTIVE))
		return ERR_NOMEM;
	return 0;
}

int
vault_password_verify(const struct secret *password, const char *hash)
{
	char waste[VAULT_PASSWORD_SIZE];

	if (!hash) {
		/* As much work as for an account that exists. */
		vault_password_hash(password, waste);
		return ERR_FORBIDDEN;
	}
	if (crypto_pwhash_str_verify(hash, secret_peek(password),
				     secret_len(password)))
		return ERR_FORBIDDEN;
	return 0;
}

void
vault_hash(struct slice data, uint8_t out[VAULT_HASH_SIZE])
{
	crypto_hash_sha256(out, (const unsigned char *)data.ptr, data.len);
}

void
vault_hmac(const struct secret *key, struct slice data,
	   uint8_t out[VAULT_HASH_SIZE])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(
		&st, (const unsigned char *)secret_peek(key), secret_len(key));
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)data.ptr,
				      data.len);
	crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof(st));
}

void
vault_hasher_init(struct vault_hasher *h)
{
	crypto_hash_sha256_init((void *)h->state);
}

void
vault_hasher_add(struct vault_hasher *h, struct slice data)
{
	crypto_hash_sha256_update((void *)h->state,
				  (const unsigned char *)data.ptr, data.len);
}

void
vault_hasher_end(struct vault_hasher *h, uint8_t out[VAULT_HASH_SIZE])
{
	crypto_hash_sha256_final((void *)h->state, out);
}
