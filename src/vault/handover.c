/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing a secret over through somebody who must not read it.
 *
 *   paper  public key (32) | token (32)
 *   own    secret key (32) | paper
 *   sealed crypto_box_seal(public key, token | secret)
 *
 * The token makes the sender one who has seen the paper: the public key
 * alone would let anybody seal.
 */
#include <sodium.h>

#include "vault/vault.h"

enum {
	PUBLIC = crypto_box_PUBLICKEYBYTES,
	SECRET = crypto_box_SECRETKEYBYTES,
	TOKEN = 32,
};

_Static_assert(VAULT_PAPER_SIZE == PUBLIC + TOKEN, "paper");
_Static_assert(VAULT_HANDOVER_OVERHEAD == crypto_box_SEALBYTES + TOKEN,
	       "overhead");

int
vault_handover_new(struct secret **own, unsigned char paper[VAULT_PAPER_SIZE])
{
	unsigned char *at;

	*own = secret_new(SECRET + VAULT_PAPER_SIZE);
	if (!*own)
		return ERR_NOMEM;
	at = (unsigned char *)secret_bytes(*own);
	crypto_box_keypair(at + SECRET, at);
	randombytes_buf(at + SECRET + PUBLIC, TOKEN);
	memcpy(paper, at + SECRET, VAULT_PAPER_SIZE);
	return 0;
}

int
vault_handover_seal(const unsigned char paper[VAULT_PAPER_SIZE],
		    const struct secret *s, struct buf *out)
{
	struct secret *plain = secret_new(TOKEN + secret_len(s));
	int rc = 0;

	if (!plain)
		return ERR_NOMEM;
	memcpy(secret_bytes(plain), paper + PUBLIC, TOKEN);
	memcpy(secret_bytes(plain) + TOKEN, secret_peek(s), secret_len(s));
	if (buf_reserve(out, secret_len(plain) + crypto_box_SEALBYTES)) {
		rc = buf_err(out);
	} else {
		crypto_box_seal((unsigned char *)out->data + out->len,
				(const unsigned char *)secret_peek(plain),
				secret_len(plain), paper);
		out->len += secret_len(plain) + crypto_box_SEALBYTES;
	}
	secret_free(plain);
	return rc;
}

int
vault_handover_open(const struct secret *own, struct slice sealed,
		    struct secret **out)
{
	const unsigned char *at = (const unsigned char *)secret_peek(own);
	struct secret *plain;
	int rc = ERR_CRYPTO;

	*out = NULL;
	ASSERT(secret_len(own) == SECRET + VAULT_PAPER_SIZE);
	if (sealed.len < VAULT_HANDOVER_OVERHEAD ||
	    sealed.len - crypto_box_SEALBYTES > SECRET_MAX)
		return ERR_CRYPTO;
	plain = secret_new(sealed.len - crypto_box_SEALBYTES);
	if (!plain)
		return ERR_NOMEM;
	if (!crypto_box_seal_open((unsigned char *)secret_bytes(plain),
				  (const unsigned char *)sealed.ptr, sealed.len,
				  at + SECRET, at) &&
	    secret_eq_bytes(secret_peek(plain), at + SECRET + PUBLIC, TOKEN)) {
		*out = secret_from(secret_peek(plain) + TOKEN,
				   secret_len(plain) - TOKEN);
		rc = *out ? 0 : ERR_NOMEM;
	}
	secret_free(plain);
	return rc;
}
