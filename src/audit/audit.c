/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the chain, and reading it.
 *
 * The row of audit_heads is the lock: whoever appends moves it on, so two
 * that append at once come one after the other, on every engine.
 */
#include "audit/audit.h"

enum { RECORD_MAX = 16 * 1024 };

struct head {
	int64_t seq;
	unsigned char hash[AUDIT_HASH_SIZE];
};

/* Takes the next number; hash is that of the record before (zeros for the
 * first). */
static int
head_advance(struct store_conn *c, const char *org, struct head *h)
{
	static const unsigned char zeros[AUDIT_HASH_SIZE];
	static const char sql[] =
		"INSERT INTO audit_heads AS h (org, seq, hash) "
		"VALUES (?1, 1, ?2) ON CONFLICT (org) DO UPDATE "
		"SET seq = h.seq + 1 RETURNING seq, hash";
	struct store_stmt *st = NULL;
	struct slice hash;
	int rc;

	rc = store_query(c, &st, sql, "sb", org,
			 slice_of(zeros, sizeof(zeros)));
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		h->seq = store_col_int(st, 0);
		hash = store_col(st, 1);
		rc = hash.len == AUDIT_HASH_SIZE ? 0 : ERR_STORE;
		if (!rc)
			memcpy(h->hash, hash.ptr, AUDIT_HASH_SIZE);
		while (!rc && store_step(st) == 1)
			;
	} else if (!rc) {
		rc = ERR_STORE;
	}
	store_done(st);
	return rc;
}

static void
put_member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, ",\"%s\":\"", name);
	codec_json_bytes(b, slice_str(text));
	buf_putc(b, '"');
}

/* Cut at a character's beginning. */
static struct slice
detail_cut(const char *detail)
{
	struct slice s = slice_str(detail);
	size_t len = AUDIT_DETAIL_MAX;

	if (s.len <= len)
		return s;
	while (len && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
		len--;
	return slice_head(s, len);
}

/* The canonical text: these members, in this order, nothing left out. */
static int
record_write(struct buf *b, const struct audit_event *e, int64_t seq,
	     int64_t at)
{
	const struct people_actor *a = e->actor;
	char when[CLOCK_TEXT_SIZE];

	clock_format(at, when);
	buf_printf(b, "{\"v\":1,\"seq\":%lld", (long long)seq);
	put_member(b, "at", when);
	put_member(b, "org", e->org);
	put_member(b, "actor", a ? a->member : "");
	put_member(b, "actor_name", a ? a->name : "");
	put_member(b, "role", a ? people_role_name(a->role) : "");
	put_member(b, "key", a ? a->key : "");
	put_member(b, "address", e->address);
	put_member(b, "action", e->action);
	put_member(b, "object", e->object);
	put_member(b, "object_name", e->object_name);
	put_member(b, "outcome", e->refused ? "refused" : "done");
	buf_puts(b, ",\"detail\":\"");
	codec_json_bytes(b, detail_cut(e->detail));
	return buf_puts(b, "\"}");
}

static int
record_insert(struct store_conn *c, const struct audit_event *e,
	      const struct head *h, int64_t at, struct slice text)
{
	static const char sql[] =
		"INSERT INTO audit (org, seq, at, actor, action, object, "
		"outcome, record, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
		"?8, ?9)";

	return store_exec(c, NULL, sql, "siisssslb", e->org, h->seq, at,
			  e->actor ? e->actor->member : "", e->action,
			  e->object ? e->object : "",
			  e->refused ? "refused" : "done", text,
			  slice_of(h->hash, AUDIT_HASH_SIZE));
}

int
audit_append(struct store_conn *c, const struct audit_event *e)
{
	int64_t at = clock_wall_ms();
	struct vault_hasher hasher;
	struct head h;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	rc = head_advance(c, e->org, &h);
	if (rc)
		goto out;
	rc = record_write(&b, e, h.seq, at);
	if (rc)
		goto out;
	vault_hasher_init(&hasher);
	vault_hasher_add(&hasher, slice_of(h.hash, AUDIT_HASH_SIZE));
	vault_hasher_add(&hasher, buf_slice(&b));
	vault_hasher_end(&hasher, h.hash);
	rc = record_insert(c, e, &h, at, buf_slice(&b));
	if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE audit_heads SET hash = ?2 "
				"WHERE org = ?1",
				"sb", e->org,
				slice_of(h.hash, AUDIT_HASH_SIZE));
out:
	buf_release(&b);
	return rc;
}

int
audit_list(struct store_conn *c, const char *org, const char *object,
	   int64_t before, size_t limit, struct arena *arena,
	   struct audit_record **out, size_t *count)
{
	static const char sql[] =
		"SELECT a.seq, a.at, a.record, a.hash, r.count "
		"FROM audit a LEFT JOIN audit_refusals r "
		"ON r.org = a.org AND r.seq = a.seq WHERE a.org = ?1 "
		"AND (?2 = '' OR a.object = ?2) "
		"AND (?3 = 0 OR a.seq < ?3) ORDER BY a.seq DESC LIMIT ?4";
	struct audit_record *r;
	struct store_stmt *st = NULL;
	struct slice hash;
	int rc;

	*count = 0;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	rc = store_query(c, &st, sql, "ssii", org, object ? object : "", before,
			 (int64_t)limit);
	while (!rc && (rc = store_step(st)) == 1) {
		r = &(*out)[(*count)++];
		r->seq = store_col_int(st, 0);
		r->at = store_col_int(st, 1);
		r->text = arena_slice(arena, store_col(st, 2));
		r->count = store_col_is_null(st, 4) ? 1 : store_col_int(st, 4);
		hash = store_col(st, 3);
		if (hash.len == AUDIT_HASH_SIZE)
			memcpy(r->hash, hash.ptr, AUDIT_HASH_SIZE);
		rc = r->text ? 0 : ERR_NOMEM;
	}
	store_done(st);
	return rc;
}
