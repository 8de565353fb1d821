/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of backup/: one file with all that a data folder keeps.
 *
 *   "drawbridge-backup 1\n"
 *   u32 length | head: JSON, how the key is made | 8 bytes of its SHA-256
 *   24 bytes of the stream | pieces: u32 length, sealed bytes
 *
 * Numbers are big-endian.  The pieces are one stream (vault_stream): a
 * manifest, parts (name and size, then their bytes), and an end that says
 * that it is one; the head is authenticated with each.  So damage,
 * truncation and reordering are found, and the same file restores on any
 * machine.
 *
 * Runs in the command line alone.
 */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include <sys/types.h>

#include "vault/vault.h"

/* What there is in a backup; in this order, each at most once. */
enum backup_part {
	BACKUP_MAIN,   /* store/drawbridge.db */
	BACKUP_KEEPER, /* keeper/grants.db */
	BACKUP_PARAMS, /* keeper/passphrase.params */
	BACKUP_KEY,    /* keeper/master.key */
	BACKUP_PARTS,
};
/* Where it belongs in a data folder. */
const char *backup_part_path(enum backup_part part);

enum { BACKUP_TEXT_SIZE = 64 };

/* What a backup says of itself. */
struct backup_manifest {
	int64_t made_at;
	char made_by[BACKUP_TEXT_SIZE];	    /* Drawbridge's version */
	int64_t schema_main, schema_keeper; /* newest migrations */
	char key_id[VAULT_KEY_ID_SIZE];	    /* of the master key */
	char key_source[BACKUP_TEXT_SIZE];  /* where it was kept */
};

/* With what it is encrypted: one of the two; borrowed. */
struct backup_secret {
	const struct secret *passphrase;
	const struct secret *key;
};

/* ---- writing ---- */

struct backup_writer;
/* Into fd, which stays the caller's.  ERR_SYSTEM (errno): disk full … */
int backup_writer_new(int fd, const struct backup_secret *s,
		      const struct backup_manifest *m,
		      struct backup_writer **out);
void backup_writer_free(struct backup_writer *w);
/* A part of exactly this size, whose bytes come after it. */
int backup_write_part(struct backup_writer *w, enum backup_part part,
		      uint64_t size);
int backup_write(struct backup_writer *w, struct slice bytes);
/* The end; what comes before is no backup without it. */
int backup_write_end(struct backup_writer *w);

/* ---- reading ---- */

struct backup_reader_config {
	/* Up to size bytes: how many; 0 at the end; negative ERR_. */
	ssize_t (*read)(void *arg, void *out, size_t size);
	/* A part begins, has further bytes, ends.  NULL: only checks. */
	int (*part)(void *arg, enum backup_part part, uint64_t size);
	int (*data)(void *arg, struct slice bytes);
	/* What it says of itself, once that is known to be true; an error
	 * ends it.  May be NULL. */
	int (*manifest)(void *arg, const struct backup_manifest *m);
	void *arg;
};

/* What was found wrong, for people. */
struct backup_problem {
	char text[512];
};

/* Whether the head asks for a passphrase (else a key file).  Reads it from
 * the begin.  Errors as below. */
int backup_wants_passphrase(const struct backup_reader_config *c, bool *out,
			    struct backup_problem *p);
/*
 * All of it, from the begin to its very end.  0 only if nothing is missing
 * or changed.  ERR_INVALID: no backup, or damaged; ERR_UNSUPPORTED: of a
 * newer version; ERR_CRYPTO: wrong passphrase or key; ERR_NOMEM; what the
 * callbacks have given.  p says what and where.
 */
int backup_read(const struct backup_reader_config *c,
		const struct backup_secret *s, struct backup_manifest *out,
		struct backup_problem *p);

#endif
