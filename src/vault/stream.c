/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: a long file sealed piece by piece (secretstream, which is
 * XChaCha20-Poly1305 with a running state).
 */
#include <sodium.h>

#include "vault/vault.h"

_Static_assert(sizeof(struct vault_stream) >=
		       sizeof(crypto_secretstream_xchacha20poly1305_state),
	       "room for the state");
_Static_assert(VAULT_STREAM_HEADER ==
		       crypto_secretstream_xchacha20poly1305_HEADERBYTES,
	       "header");
_Static_assert(VAULT_STREAM_OVERHEAD ==
		       crypto_secretstream_xchacha20poly1305_ABYTES,
	       "overhead");

static crypto_secretstream_xchacha20poly1305_state *
state_of(struct vault_stream *s)
{
	return (void *)s->state;
}

void
vault_stream_seal_begin(struct vault_stream *s, const struct secret *key,
			unsigned char header[VAULT_STREAM_HEADER])
{
	ASSERT(secret_len(key) == VAULT_KEY_SIZE);
	crypto_secretstream_xchacha20poly1305_init_push(
		state_of(s), header, (const unsigned char *)secret_peek(key));
}

int
vault_stream_seal(struct vault_stream *s, struct slice plain, struct slice also,
		  bool last, struct buf *out)
{
	unsigned char tag =
		last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
		     : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
	unsigned long long written;

	if (buf_reserve(out, plain.len + VAULT_STREAM_OVERHEAD))
		return buf_err(out);
	crypto_secretstream_xchacha20poly1305_push(
		state_of(s), (unsigned char *)out->data + out->len, &written,
		(const unsigned char *)plain.ptr, plain.len,
		(const unsigned char *)also.ptr, also.len, tag);
	out->len += (size_t)written;
	return 0;
}

int
vault_stream_open_begin(struct vault_stream *s, const struct secret *key,
			const unsigned char header[VAULT_STREAM_HEADER])
{
	ASSERT(secret_len(key) == VAULT_KEY_SIZE);
	return crypto_secretstream_xchacha20poly1305_init_pull(
		       state_of(s), header,
		       (const unsigned char *)secret_peek(key))
		       ? ERR_CRYPTO
		       : 0;
}

int
vault_stream_open(struct vault_stream *s, struct slice sealed,
		  struct slice also, bool *last, struct secret **out)
{
	unsigned long long written;
	unsigned char tag = 0;

	*out = NULL;
	*last = false;
	if (sealed.len < VAULT_STREAM_OVERHEAD ||
	    sealed.len - VAULT_STREAM_OVERHEAD > SECRET_MAX)
		return ERR_CRYPTO;
	*out = secret_new(sealed.len - VAULT_STREAM_OVERHEAD);
	if (!*out)
		return ERR_NOMEM;
	if (crypto_secretstream_xchacha20poly1305_pull(
		    state_of(s), (unsigned char *)secret_bytes(*out), &written,
		    &tag, (const unsigned char *)sealed.ptr, sealed.len,
		    (const unsigned char *)also.ptr, also.len)) {
		secret_free(*out);
		*out = NULL;
		return ERR_CRYPTO;
	}
	*last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	return 0;
}

void
vault_stream_wipe(struct vault_stream *s)
{
	secret_wipe(s, sizeof(*s));
}
