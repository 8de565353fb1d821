/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys: credentials with which programs call Drawbridge.
 *
 * "dbk_" and 256 random bits; shown once, stored as a hash with its first
 * characters, by which people tell keys apart.
 */
#include "people/people_priv.h"

#define KEY_COLUMNS \
	"id, member, name, prefix, role, connections, methods, " \
	"path_prefixes, rate_per_minute, expires_at, created_at, revoked_at"

enum { PREFIX_LEN = 8 };

bool
people_key_has_form(struct slice text)
{
	size_t i;
	char c;

	if (text.len != PEOPLE_KEY_SIZE - 1 ||
	    !slice_starts(text, SLICE("dbk_")))
		return false;
	for (i = 4; i < text.len; i++) {
		c = text.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* The list as JSON for a column, or NULL. */
static const char *
texts_column(const struct people_texts *t, struct buf *b)
{
	buf_init(b, 64 * 1024);
	if (!t->items)
		return NULL;
	people_texts_write(t, b);
	return buf_cstr(b);
}

static int
key_insert(struct store_conn *c, const char *org, const struct people_key *k,
	   const unsigned char *hash)
{
	static const char sql[] =
		"INSERT INTO api_keys (id, org, member, name, hash, prefix, "
		"role, connections, methods, path_prefixes, rate_per_minute, "
		"expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
		"?8, ?9, ?10, ?11, ?12, ?13)";
	struct buf b[3];
	const char *lists[3];
	int rc = 0;
	size_t i;

	lists[0] = texts_column(&k->connections, &b[0]);
	lists[1] = texts_column(&k->methods, &b[1]);
	lists[2] = texts_column(&k->path_prefixes, &b[2]);
	for (i = 0; i < 3 && !rc; i++)
		rc = buf_err(&b[i]);
	if (!rc)
		rc = store_exec(c, NULL, sql, "ssssbsssssiii", k->id, org,
				k->member, k->name,
				slice_of(hash, PEOPLE_HASH_SIZE), k->prefix,
				people_role_name(k->role), lists[0], lists[1],
				lists[2], (int64_t)k->rate_per_minute,
				k->expires_at, k->created_at);
	for (i = 0; i < 3; i++)
		buf_release(&b[i]);
	return rc;
}

int
people_key_create(struct store_conn *c, const char *org, struct people_key *k,
		  char text[PEOPLE_KEY_SIZE])
{
	unsigned char hash[PEOPLE_HASH_SIZE];

	memcpy(text, "dbk_", 4);
	random_token(text + 4);
	memcpy(k->prefix, text, PREFIX_LEN);
	k->prefix[PREFIX_LEN] = '\0';
	random_id(k->id);
	k->created_at = clock_wall_ms();
	k->revoked_at = 0;
	people_token_hash(slice_str(text), hash);
	return key_insert(c, org, k, hash);
}

static int
key_list_from(struct store_stmt *st, int col, struct arena *arena,
	      struct people_texts *out)
{
	struct people_texts t;
	int rc = people_texts_parse(store_col(st, col), &t);

	if (!rc)
		rc = people_texts_arena(&t, arena, out);
	people_texts_release(&t);
	return rc == ERR_INVALID ? ERR_STORE : rc;
}

static int
key_from_row(struct store_stmt *st, struct arena *arena, struct people_key *k)
{
	int rc;

	people_col_copy(st, 0, k->id, sizeof(k->id));
	people_col_copy(st, 1, k->member, sizeof(k->member));
	people_col_copy(st, 2, k->name, sizeof(k->name));
	people_col_copy(st, 3, k->prefix, sizeof(k->prefix));
	if (people_role_parse(store_col(st, 4), &k->role))
		return ERR_STORE;
	k->rate_per_minute = (uint32_t)store_col_int(st, 8);
	k->expires_at = store_col_int(st, 9);
	k->created_at = store_col_int(st, 10);
	k->revoked_at = store_col_int(st, 11);
	rc = key_list_from(st, 5, arena, &k->connections);
	if (!rc)
		rc = key_list_from(st, 6, arena, &k->methods);
	if (!rc)
		rc = key_list_from(st, 7, arena, &k->path_prefixes);
	return rc;
}

int
people_keys_list(struct store_conn *c, const char *org, const char *member,
		 const char *after, size_t limit, struct arena *arena,
		 struct people_key **out, size_t *count)
{
	static const char sql[] = "SELECT " KEY_COLUMNS " FROM api_keys "
				  "WHERE org = ?1 AND (?2 = '' OR member = ?2) "
				  "AND id > ?3 ORDER BY id LIMIT ?4";
	struct store_stmt *st = NULL;
	int rc;

	*count = 0;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	rc = store_query(c, &st, sql, "sssi", org, member ? member : "", after,
			 (int64_t)limit);
	while (!rc && (rc = store_step(st)) == 1)
		rc = key_from_row(st, arena, &(*out)[(*count)++]);
	store_done(st);
	return rc;
}

int
people_key_find(struct store_conn *c, const char *org, const char *id,
		struct arena *arena, struct people_key *out)
{
	struct store_stmt *st = NULL;
	int rc;

	*out = (struct people_key){ 0 };
	rc = store_query(c, &st,
			 "SELECT " KEY_COLUMNS " FROM api_keys "
			 "WHERE org = ?1 AND id = ?2",
			 "ss", org, id);
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		rc = key_from_row(st, arena, out);
	else if (!rc)
		rc = ERR_NOT_FOUND;
	store_done(st);
	return rc;
}

int
people_key_revoke(struct store_conn *c, const char *org, const char *id)
{
	int64_t changed = 0;
	int rc;

	rc = store_exec(c, &changed,
			"UPDATE api_keys SET revoked_at = ?3 "
			"WHERE org = ?1 AND id = ?2 AND "
			"revoked_at = 0",
			"ssi", org, id, clock_wall_ms());
	return rc ? rc : changed ? 0 : ERR_NOT_FOUND;
}

int
people_key_remove(struct store_conn *c, const char *org, const char *id)
{
	int64_t changed = 0;
	int rc = store_exec(c, &changed,
			    "DELETE FROM api_keys WHERE org = ?1 AND id = ?2",
			    "ss", org, id);

	return rc ? rc : changed ? 0 : ERR_NOT_FOUND;
}

int
people_keys_tidy(struct store_conn *c, int64_t before)
{
	return store_exec(c, NULL,
			  "DELETE FROM api_keys WHERE (revoked_at > 0 AND "
			  "revoked_at < ?1) OR (expires_at > 0 AND "
			  "expires_at < ?1)",
			  "i", before);
}
