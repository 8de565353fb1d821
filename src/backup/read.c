/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a backup: strict, and to its very end.
 *
 *   HEAD -> MANIFEST -> (PART -> DATA …) … -> END -> nothing more
 *
 * Nothing is handed on before it was authenticated.  Whether all of it is
 * there is known at the end alone: whoever writes what comes out of this
 * keeps it apart until then.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "backup/backup_priv.h"

struct reader {
	const struct backup_reader_config *c;
	struct backup_problem *problem;
	uint64_t at; /* bytes read */
	uint8_t head_hash[VAULT_HASH_SIZE];
	struct vault_stream stream;
	char *piece;
	int last_part;
	uint64_t left; /* of the part under way */
	bool ended;
};

enum { SEALED_MAX = BACKUP_PIECE + VAULT_STREAM_OVERHEAD };

static int complain(struct reader *r, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int
complain(struct reader *r, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->problem->text, sizeof(r->problem->text), fmt, ap);
	va_end(ap);
	return err;
}

static int
damaged(struct reader *r)
{
	return complain(r, ERR_INVALID,
			"the backup is damaged, or not as it was written, at "
			"byte %llu",
			(unsigned long long)r->at);
}

/* Exactly so many; *len (may be NULL) tells of fewer at the end. */
static int
read_exactly(struct reader *r, void *out, size_t size, size_t *len)
{
	size_t n = 0;
	ssize_t got;

	while (n < size) {
		got = r->c->read(r->c->arg, (char *)out + n, size - n);
		if (got < 0)
			return complain(r, (int)got, "it cannot be read: %s",
					err_text((int)got));
		if (!got)
			break;
		n += (size_t)got;
	}
	r->at += n;
	if (len)
		*len = n;
	else if (n < size)
		return complain(r, ERR_INVALID,
				"the backup is cut off at byte %llu",
				(unsigned long long)r->at);
	return 0;
}

/* ---- the head ---- */

/* "drawbridge-backup 1\n", byte by byte: another version's number may be
 * longer. */
static int
read_magic(struct reader *r, struct buf *head)
{
	struct slice magic = SLICE(BACKUP_MAGIC);
	uint64_t version;
	char c = 0;
	int rc = 0;

	while (!rc && c != '\n' && head->len < magic.len + 8) {
		rc = read_exactly(r, &c, 1, NULL);
		if (!rc)
			rc = buf_putc(head, c);
	}
	if (rc || c != '\n' || !slice_starts(buf_slice(head), magic) ||
	    slice_to_u64(
		    slice_of(head->data + magic.len, head->len - magic.len - 1),
		    99999, &version) ||
	    !version)
		return rc < 0 && rc != ERR_INVALID
			       ? rc
			       : complain(r, ERR_INVALID,
					  "this is no backup of Drawbridge");
	if (version > BACKUP_VERSION)
		return complain(r, ERR_UNSUPPORTED,
				"this backup is of a newer version of "
				"Drawbridge (format %llu, this program knows "
				"%d)",
				(unsigned long long)version, BACKUP_VERSION);
	return 0;
}

static int
read_head(struct reader *r, struct backup_head *out)
{
	unsigned char length[4] = { 0 }, sum[BACKUP_SUM];
	size_t magic_len;
	struct buf head;
	uint32_t len;
	int rc;

	buf_init(&head, BACKUP_HEAD_MAX + 64);
	rc = read_magic(r, &head);
	if (!rc)
		rc = read_exactly(r, length, sizeof(length), NULL);
	len = backup_get_u32(length);
	if (!rc && (!len || len > BACKUP_HEAD_MAX))
		rc = damaged(r);
	if (!rc)
		rc = buf_put(&head, length, sizeof(length));
	magic_len = head.len;
	if (!rc)
		rc = buf_reserve(&head, len);
	if (!rc)
		rc = read_exactly(r, head.data + head.len, len, NULL);
	if (!rc) {
		head.len += len;
		vault_hash(buf_slice(&head), r->head_hash);
		rc = read_exactly(r, sum, sizeof(sum), NULL);
	}
	if (!rc && memcmp(sum, r->head_hash, sizeof(sum)) != 0)
		rc = damaged(r);
	if (!rc) {
		rc = backup_head_parse(slice_from(buf_slice(&head), magic_len),
				       out);
		if (rc == ERR_UNSUPPORTED)
			complain(r, rc,
				 "this backup's key is made in a way that this "
				 "program does not know: it is of a newer "
				 "version");
		else if (rc)
			rc = damaged(r);
	}
	buf_release(&head);
	return rc;
}

static int
read_key(struct reader *r, const struct backup_head *h,
	 const struct backup_secret *s)
{
	unsigned char header[VAULT_STREAM_HEADER];
	struct secret *key;
	int rc = backup_head_key(h, s, &key);

	if (rc == ERR_CRYPTO)
		return complain(r, rc, "%s",
				h->passphrase
					? "wrong passphrase: this backup was "
					  "encrypted with another one"
					: "this backup was encrypted with "
					  "another key file");
	if (rc)
		return complain(r, rc, "%s",
				rc != ERR_INVALID ? err_text(rc)
				: h->passphrase
					? "this backup wants a passphrase"
					: "this backup wants a key file");
	rc = read_exactly(r, header, sizeof(header), NULL);
	if (!rc && vault_stream_open_begin(&r->stream, key, header))
		rc = damaged(r);
	secret_free(key);
	return rc;
}

/* ---- pieces ---- */

static int
read_piece(struct reader *r, struct secret **out)
{
	unsigned char length[4];
	uint32_t len;
	int rc;

	*out = NULL;
	rc = read_exactly(r, length, sizeof(length), NULL);
	if (rc)
		return rc;
	len = backup_get_u32(length);
	if (len <= VAULT_STREAM_OVERHEAD || len > SEALED_MAX)
		return damaged(r);
	rc = read_exactly(r, r->piece, len, NULL);
	if (rc)
		return rc;
	rc = vault_stream_open(&r->stream, slice_of(r->piece, len),
			       slice_of(r->head_hash, sizeof(r->head_hash)),
			       &r->ended, out);
	return rc == ERR_CRYPTO ? damaged(r) : rc;
}

/* "<path> <size>": its path is one of the few that there are. */
static int
take_part(struct reader *r, struct slice text)
{
	struct slice path;
	uint64_t size;
	int i;

	if (r->left || !slice_next(&text, ' ', &path) ||
	    slice_to_u64(text, INT64_MAX, &size))
		return damaged(r);
	for (i = r->last_part + 1; i < BACKUP_PARTS; i++)
		if (slice_eq(path,
			     slice_str(backup_part_path((enum backup_part)i))))
			break;
	if (i == BACKUP_PARTS)
		return damaged(r);
	r->last_part = i;
	r->left = size;
	return r->c->part ? r->c->part(r->c->arg, (enum backup_part)i, size)
			  : 0;
}

static int
take_piece(struct reader *r, struct slice plain)
{
	struct slice text = slice_from(plain, 1);

	switch (plain.ptr[0]) {
	case BACKUP_KIND_PART:
		return take_part(r, text);
	case BACKUP_KIND_DATA:
		if (!text.len || text.len > r->left)
			return damaged(r);
		r->left -= text.len;
		return r->c->data ? r->c->data(r->c->arg, text) : 0;
	case BACKUP_KIND_END:
		return r->left || text.len || !r->ended ? damaged(r) : 0;
	default:
		return damaged(r);
	}
}

static int
read_manifest(struct reader *r, struct backup_manifest *out)
{
	struct secret *plain;
	struct slice text;
	int rc = read_piece(r, &plain);

	if (rc)
		return rc;
	text = slice_of(secret_peek(plain), secret_len(plain));
	rc = text.ptr[0] != BACKUP_KIND_MANIFEST || r->ended
		     ? ERR_INVALID
		     : backup_manifest_parse(slice_from(text, 1), out);
	secret_free(plain);
	if (rc)
		return damaged(r);
	return r->c->manifest ? r->c->manifest(r->c->arg, out) : 0;
}

static int
read_pieces(struct reader *r)
{
	struct secret *plain;
	size_t more;
	char c;
	int rc = 0;

	while (!rc && !r->ended) {
		rc = read_piece(r, &plain);
		if (!rc)
			rc = take_piece(r, slice_of(secret_peek(plain),
						    secret_len(plain)));
		if (!rc && r->ended && secret_peek(plain)[0] != BACKUP_KIND_END)
			rc = damaged(r);
		secret_free(plain);
	}
	if (!rc)
		rc = read_exactly(r, &c, 1, &more);
	if (!rc && more)
		rc = complain(r, ERR_INVALID,
			      "there is more behind the end of the backup, at "
			      "byte %llu",
			      (unsigned long long)r->at);
	return rc;
}

int
backup_wants_passphrase(const struct backup_reader_config *c, bool *out,
			struct backup_problem *p)
{
	struct reader r = { .c = c, .problem = p };
	struct backup_head h;
	int rc;

	p->text[0] = '\0';
	rc = read_head(&r, &h);
	*out = !rc && h.passphrase;
	return rc;
}

int
backup_read(const struct backup_reader_config *c, const struct backup_secret *s,
	    struct backup_manifest *out, struct backup_problem *p)
{
	struct reader r = { .c = c, .problem = p, .last_part = -1 };
	struct backup_head h;
	int rc;

	memset(out, 0, sizeof(*out));
	p->text[0] = '\0';
	r.piece = malloc(SEALED_MAX);
	rc = r.piece ? read_head(&r, &h) : ERR_NOMEM;
	if (!rc)
		rc = read_key(&r, &h, s);
	if (!rc)
		rc = read_manifest(&r, out);
	if (!rc)
		rc = read_pieces(&r);
	free(r.piece);
	vault_stream_wipe(&r.stream);
	if (rc && !p->text[0])
		snprintf(p->text, sizeof(p->text), "%s", err_text(rc));
	return rc;
}
