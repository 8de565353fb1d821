/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a backup: piece by piece, none held longer than it takes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/backup_priv.h"

struct backup_writer {
	int fd;
	struct vault_stream stream;
	uint8_t head_hash[VAULT_HASH_SIZE];
	struct buf sealed;
	char *piece; /* of data that waits for more */
	size_t piece_len;
	uint64_t left; /* of the part under way */
	int last_part; /* -1: none yet */
};

static int
write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;
	ssize_t n;

	while (len) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_SYSTEM;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Takes what waits in w->piece. */
static int
piece_write(struct backup_writer *w, bool last)
{
	unsigned char length[4];
	int rc;

	buf_reset(&w->sealed);
	rc = vault_stream_seal(&w->stream, slice_of(w->piece, w->piece_len),
			       slice_of(w->head_hash, sizeof(w->head_hash)),
			       last, &w->sealed);
	secret_wipe(w->piece, w->piece_len);
	w->piece_len = 0;
	if (rc)
		return rc;
	backup_put_u32(length, (uint32_t)w->sealed.len);
	rc = write_all(w->fd, length, sizeof(length));
	return rc ? rc : write_all(w->fd, w->sealed.data, w->sealed.len);
}

static int
text_write(struct backup_writer *w, char kind, struct slice text, bool last)
{
	ASSERT(!w->piece_len && text.len < BACKUP_PIECE);
	w->piece[0] = kind;
	if (text.len)
		memcpy(w->piece + 1, text.ptr, text.len);
	w->piece_len = text.len + 1;
	return piece_write(w, last);
}

/* ---- the head ---- */

static int
head_make(const struct backup_secret *s, struct backup_head *h,
	  struct secret **key)
{
	int rc = 0;

	memset(h, 0, sizeof(*h));
	*key = NULL;
	h->passphrase = s->passphrase != NULL;
	if (h->passphrase) {
		vault_kdf_new(&h->kdf);
		rc = vault_kdf(&h->kdf, s->passphrase, key);
	} else {
		*key = secret_dup(s->key);
		rc = *key ? 0 : ERR_NOMEM;
	}
	if (!rc)
		vault_key_id(*key, h->key_id);
	return rc;
}

static int
head_write(struct backup_writer *w, const struct backup_head *h)
{
	unsigned char length[4];
	struct buf out, json;
	int rc;

	buf_init(&out, BACKUP_HEAD_MAX + 64);
	buf_init(&json, BACKUP_HEAD_MAX);
	rc = backup_head_write(h, &json);
	backup_put_u32(length, (uint32_t)json.len);
	buf_printf(&out, BACKUP_MAGIC "%d\n", BACKUP_VERSION);
	buf_put(&out, length, sizeof(length));
	buf_put_slice(&out, buf_slice(&json));
	if (!rc)
		rc = buf_err(&out);
	if (!rc) {
		vault_hash(buf_slice(&out), w->head_hash);
		rc = buf_put(&out, w->head_hash, BACKUP_SUM);
	}
	if (!rc)
		rc = write_all(w->fd, out.data, out.len);
	buf_release(&out);
	buf_release(&json);
	return rc;
}

static int
writer_begin(struct backup_writer *w, const struct backup_secret *s,
	     const struct backup_manifest *m)
{
	unsigned char header[VAULT_STREAM_HEADER];
	struct secret *key;
	struct backup_head h;
	struct buf json;
	int rc;

	buf_init(&json, BACKUP_HEAD_MAX);
	rc = head_make(s, &h, &key);
	if (!rc)
		rc = head_write(w, &h);
	if (!rc) {
		vault_stream_seal_begin(&w->stream, key, header);
		rc = write_all(w->fd, header, sizeof(header));
	}
	if (!rc)
		rc = backup_manifest_write(m, &json);
	if (!rc)
		rc = text_write(w, BACKUP_KIND_MANIFEST, buf_slice(&json),
				false);
	secret_free(key);
	buf_release(&json);
	return rc;
}

int
backup_writer_new(int fd, const struct backup_secret *s,
		  const struct backup_manifest *m, struct backup_writer **out)
{
	struct backup_writer *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (!w)
		return ERR_NOMEM;
	w->fd = fd;
	w->last_part = -1;
	buf_init(&w->sealed, BACKUP_PIECE + VAULT_STREAM_OVERHEAD);
	w->piece = malloc(BACKUP_PIECE);
	rc = w->piece ? writer_begin(w, s, m) : ERR_NOMEM;
	if (rc)
		backup_writer_free(w);
	else
		*out = w;
	return rc;
}

void
backup_writer_free(struct backup_writer *w)
{
	if (!w)
		return;
	if (w->piece)
		secret_wipe(w->piece, BACKUP_PIECE);
	free(w->piece);
	vault_stream_wipe(&w->stream);
	buf_release(&w->sealed);
	free(w);
}

/* ---- parts ---- */

int
backup_write_part(struct backup_writer *w, enum backup_part part, uint64_t size)
{
	char text[128];
	int n;

	ASSERT((int)part > w->last_part && !w->left);
	w->last_part = (int)part;
	w->left = size;
	n = snprintf(text, sizeof(text), "%s %llu", backup_part_path(part),
		     (unsigned long long)size);
	return text_write(w, BACKUP_KIND_PART, slice_of(text, (size_t)n),
			  false);
}

int
backup_write(struct backup_writer *w, struct slice bytes)
{
	size_t n;
	int rc = 0;

	ASSERT(bytes.len <= w->left);
	while (bytes.len && !rc) {
		if (!w->piece_len)
			w->piece[w->piece_len++] = BACKUP_KIND_DATA;
		n = BACKUP_PIECE - w->piece_len;
		if (n > bytes.len)
			n = bytes.len;
		memcpy(w->piece + w->piece_len, bytes.ptr, n);
		w->piece_len += n;
		w->left -= n;
		bytes = slice_from(bytes, n);
		if (w->piece_len == BACKUP_PIECE || !w->left)
			rc = piece_write(w, false);
	}
	return rc;
}

int
backup_write_end(struct backup_writer *w)
{
	ASSERT(!w->left);
	return text_write(w, BACKUP_KIND_END, SLICE_NONE, true);
}
