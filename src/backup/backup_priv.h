/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of backup/: the head.
 */
#ifndef BACKUP_BACKUP_PRIV_H
#define BACKUP_BACKUP_PRIV_H

#include "backup/backup.h"
#include "json/json.h"

#define BACKUP_MAGIC "drawbridge-backup "

enum {
	BACKUP_VERSION = 1,
	BACKUP_HEAD_MAX = 4096,
	BACKUP_SUM = 8,
	BACKUP_PIECE = 64 * 1024, /* of plain bytes, its kind included */
};

/* The kind of a piece: its first plain byte. */
enum {
	BACKUP_KIND_MANIFEST = 'M',
	BACKUP_KIND_PART = 'P',
	BACKUP_KIND_DATA = 'D',
	BACKUP_KIND_END = 'E',
};

/* How the key is made, which is written in the open. */
struct backup_head {
	bool passphrase;
	struct vault_kdf kdf;		/* of a passphrase */
	char key_id[VAULT_KEY_ID_SIZE]; /* of the key that comes of it */
};

int backup_head_write(const struct backup_head *h, struct buf *json);
/* ERR_INVALID; ERR_UNSUPPORTED: a way that this program does not know. */
int backup_head_parse(struct slice json, struct backup_head *out);
/* The key, and whether it is the one.  ERR_CRYPTO; ERR_INVALID: the other
 * kind of secret is wanted; ERR_NOMEM. */
int backup_head_key(const struct backup_head *h, const struct backup_secret *s,
		    struct secret **out);

int backup_manifest_write(const struct backup_manifest *m, struct buf *json);
int backup_manifest_parse(struct slice json, struct backup_manifest *out);

static inline void
backup_put_u32(unsigned char out[4], uint32_t n)
{
	out[0] = (unsigned char)(n >> 24);
	out[1] = (unsigned char)(n >> 16);
	out[2] = (unsigned char)(n >> 8);
	out[3] = (unsigned char)n;
}

static inline uint32_t
backup_get_u32(const unsigned char in[4])
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 |
	       (uint32_t)in[2] << 8 | in[3];
}

#endif
