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

/* A key is a secret of VAULT_KEY_SIZE bytes.  A random one; NULL. */
struct secret *vault_key_new(void);

enum { VAULT_KEY_ID_SIZE = 17 };
/* The id of a master key, 16 hex digits and NUL: the begin of a keyed hash.
 * It tells keys apart and is no secret. */
void vault_key_id(const struct secret *key, char out[VAULT_KEY_ID_SIZE]);

/*
 * The master key from a file: 32 raw bytes, perhaps with the 8 of its id
 * behind them (*has_id, may be NULL).  With `create`, a missing file is made
 * with a random key and its id, mode 0600.  ERR_NOT_FOUND; ERR_FORBIDDEN when
 * others than its owner may read it (a file of root's may be 0440, as systemd
 * hands credentials over); ERR_INVALID for another size; ERR_CRYPTO when key
 * and id do not fit (damaged).  detail is for people.
 */
int vault_key_from_file(const char *path, bool create, struct secret **out,
			bool *has_id, char *detail, size_t size);
/* Key and id into a file, 0600, whole and on disk or not at all.  `over`: in
 * the place of one that is there, which stays until then; else ERR_EXISTS. */
int vault_key_to_file(const char *path, const struct secret *key, bool over,
		      char *detail, size_t size);

/* How a passphrase becomes a key (Argon2id). */
struct vault_kdf {
	uint64_t ops, mem; /* mem in bytes */
	unsigned char salt[16];
};
enum { VAULT_KDF_OPS_MAX = 20, VAULT_KDF_MEM_MAX = 1 << 30 };
/* Today's costs and a random salt. */
void vault_kdf_new(struct vault_kdf *out);
/* ERR_INVALID beyond the limits above, or an empty passphrase; ERR_NOMEM. */
int vault_kdf(const struct vault_kdf *p, const struct secret *passphrase,
	      struct secret **out);

/* Ends of lines behind a passphrase are the file's, not its own: whoever makes
 * a key of one does this first, or it is another key. */
void vault_passphrase_trim(struct secret *passphrase);
/*
 * What a passphrase takes as text, which is no secret, and belongs to one key
 * as long as that is needed:
 *
 *   argon2id <opslimit> <memlimit in bytes> <salt in hex> <check>\n
 *
 * where the check is the begin of the SHA-256 of what is before it: a damaged
 * file is told from a mistyped passphrase.
 */
enum { VAULT_PARAMS_SIZE = 160 };
void vault_params_write(const struct vault_kdf *p, char out[VAULT_PARAMS_SIZE]);
/* ERR_INVALID: not what it writes, or beyond what vault_kdf() takes. */
int vault_params_read(struct slice text, struct vault_kdf *out);
/* Into the file, in the place of what is there: whole and on disk, or as it
 * was. */
int vault_params_to_file(const char *path, const struct vault_kdf *p,
			 char *detail, size_t size);
/* With `create` made anew where it is missing, 0600.  ERR_NOT_FOUND;
 * ERR_INVALID when it is damaged; as vault_key_from_file() else. */
int vault_params_from_file(const char *path, bool create, struct vault_kdf *out,
			   char *detail, size_t size);
/* The master key from a passphrase, with what is in the file; used: that.
 * Errors of both. */
int vault_key_from_passphrase(const struct secret *passphrase,
			      const char *params_path, bool create,
			      struct secret **out, struct vault_kdf *used,
			      char *detail, size_t size);

/*
 * Handing a secret over through somebody who must not read it: the receiver
 * makes a paper (in a file that the sender can read, and the one between them
 * cannot), the sender seals for it, the receiver opens, once.  Only who has
 * seen the paper can make what opens.
 */
enum { VAULT_PAPER_SIZE = 64, VAULT_HANDOVER_OVERHEAD = 48 + 32 };
/* *own is the receiver's half. */
int vault_handover_new(struct secret **own,
		       unsigned char paper[VAULT_PAPER_SIZE]);
/* Appends. */
int vault_handover_seal(const unsigned char paper[VAULT_PAPER_SIZE],
			const struct secret *s, struct buf *out);
/* ERR_CRYPTO. */
int vault_handover_open(const struct secret *own, struct slice sealed,
			struct secret **out);

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

/* ---- streams ---- */

/*
 * A file sealed piece by piece (libsodium's secretstream): no piece can be
 * changed, left out, moved or cut off unseen.
 */
struct vault_stream {
	_Alignas(16) unsigned char state[64];
};
enum { VAULT_STREAM_HEADER = 24, VAULT_STREAM_OVERHEAD = 17 };

void vault_stream_seal_begin(struct vault_stream *s, const struct secret *key,
			     unsigned char header[VAULT_STREAM_HEADER]);
/* Appends the sealed piece.  also: authenticated with it, not kept. */
int vault_stream_seal(struct vault_stream *s, struct slice plain,
		      struct slice also, bool last, struct buf *out);
/* ERR_CRYPTO. */
int vault_stream_open_begin(struct vault_stream *s, const struct secret *key,
			    const unsigned char header[VAULT_STREAM_HEADER]);
/* The next piece; *last tells that it was sealed as such.  ERR_CRYPTO
 * whatever is wrong. */
int vault_stream_open(struct vault_stream *s, struct slice sealed,
		      struct slice also, bool *last, struct secret **out);
void vault_stream_wipe(struct vault_stream *s);

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
