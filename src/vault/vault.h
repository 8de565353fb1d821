/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of vault/: sealing, keys, hashes of passwords and tokens.
 *
 *   master key --wraps--> data key of a connection --seals--> its records
 *
 * Sealing is XChaCha20-Poly1305 (libsodium) with a random nonce; the
 * record's identity is the associated data, so that a row which was copied
 * to another place does not open there.
 *
 * Roles: the keeper holds the master key and seals; the front uses the
 * password and token hashes alone.  The only folder that includes sodium.h.
 */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "base/base.h"

/* Call once per process, before all else; ERR_CRYPTO. */
int vault_init(void);

/* ---- keys ---- */

enum { VAULT_KEY_SIZE = 32 };

/* A key is a secret of VAULT_KEY_SIZE bytes. */

/*
 * The master key from a file of 32 raw bytes.  With `create`, a missing file
 * is made with a random key, mode 0600.  ERR_NOT_FOUND; ERR_FORBIDDEN when
 * others than its owner may read it (a file of root's may be 0440, as systemd
 * hands credentials over); ERR_INVALID for another size.  detail is for
 * people.
 */
int vault_key_from_file(const char *path, bool create, struct secret **out,
			char *detail, size_t size);
/*
 * The master key from a passphrase: Argon2id with the salt and parameters in
 * params_path (made on first use, 0600).
 */
int vault_key_from_passphrase(const struct secret *passphrase,
			      const char *params_path, struct secret **out,
			      char *detail, size_t size);
/*
 * Checks the key against a known value sealed beside the database, which is
 * made on first use.  ERR_CRYPTO: this is another key; ERR_INVALID: the
 * check file is damaged.
 */
int vault_key_check(const struct secret *master, const char *check_path,
		    char *detail, size_t size);

/* A new random data key, and its wrapped form for the database.  context is
 * the identity of what it belongs to ("connection/<id>"). */
int vault_datakey_new(const struct secret *master, const char *context,
		      struct secret **key, struct buf *wrapped);
/* ERR_CRYPTO when master, context or bytes are not the right ones. */
int vault_datakey_open(const struct secret *master, const char *context,
		       struct slice wrapped, struct secret **key);
/* The same data key under another master key. */
int vault_datakey_rewrap(const struct secret *from, const struct secret *to,
			 const char *context, struct slice wrapped,
			 struct buf *out);

/* ---- sealing ---- */

enum { VAULT_OVERHEAD = 1 + 24 + 16 }; /* version, nonce, tag */

/* Appends the sealed form of plain.  identity is authenticated, not kept. */
int vault_seal(const struct secret *key, const char *identity,
	       struct slice plain, struct buf *out);
/* ERR_CRYPTO whatever is wrong; *out is owned. */
int vault_open(const struct secret *key, const char *identity,
	       struct slice sealed, struct secret **out);

/* ---- hashes ---- */

enum { VAULT_PASSWORD_SIZE = 128 };

/* Argon2id in its own text form, with NUL.  Takes a quarter of a second and
 * 64 MiB: on work threads only. */
int vault_password_hash(const struct secret *password,
			char out[VAULT_PASSWORD_SIZE]);
/* 0, or ERR_FORBIDDEN. A NULL hash takes the same time and fails. */
int vault_password_verify(const struct secret *password, const char *hash);

enum { VAULT_HASH_SIZE = 32 };

/* SHA-256: for tokens of 256 random bits, and for chains. */
void vault_hash(struct slice data, uint8_t out[VAULT_HASH_SIZE]);

/* HMAC-SHA256 (RFC 2104) of data, for signatures that others make with a
 * secret that they share with us. */
void vault_hmac(const struct secret *key, struct slice data,
		uint8_t out[VAULT_HASH_SIZE]);

/* A running SHA-256 over several pieces. */
struct vault_hasher {
	_Alignas(16) unsigned char state[128];
};
void vault_hasher_init(struct vault_hasher *h);
void vault_hasher_add(struct vault_hasher *h, struct slice data);
void vault_hasher_end(struct vault_hasher *h, uint8_t out[VAULT_HASH_SIZE]);

#endif
