/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: a cookie with 256 random bits, stored as its hash.
 *
 * What was noted under a wall clock that was set back afterwards is brought
 * back to the present, or it would live as much longer.
 *
 * One ends after a day without use, after two weeks in any case, when its
 * member is disabled, and when his password changes.
 */
#include "people/people_priv.h"

enum {
	SEEN_STEP_MS = 60 * 1000,
	KEYS_ENDED_MS = 7 * 24 * 3600 * 1000, /* then the audit has them */
};

#define IDLE_MS ((int64_t)PEOPLE_SESSION_IDLE_S * 1000)
#define LIFE_MS ((int64_t)PEOPLE_SESSION_LIFE_S * 1000)

int
people_session_create(struct store_conn *c, const char *member,
		      char value[RANDOM_TOKEN_SIZE])
{
	static const char sql[] =
		"INSERT INTO sessions (hash, org, member, created_at, "
		"seen_at, expires_at) SELECT ?1, org, id, ?3, ?3, ?4 FROM "
		"members WHERE id = ?2";
	unsigned char hash[PEOPLE_HASH_SIZE];
	int64_t now = clock_wall_ms(), changed = 0;
	int rc;

	random_token(value);
	people_token_hash(slice_str(value), hash);
	rc = store_exec(c, &changed, sql, "bsii", slice_of(hash, sizeof(hash)),
			member, now, now + LIFE_MS);
	return rc ? rc : changed ? 0 : ERR_NOT_FOUND;
}

/* Notes the use, at most once a minute. */
static int
session_touch(struct store_conn *c, const unsigned char *hash, int64_t now)
{
	return store_exec(c, NULL,
			  "UPDATE sessions SET seen_at = ?2 "
			  "WHERE hash = ?1",
			  "bi", slice_of(hash, PEOPLE_HASH_SIZE), now);
}

/* Whose it is, and when it was used last. */
static int
session_read(struct store_conn *c, const unsigned char *hash, int64_t now,
	     int64_t *seen, struct people_actor **out)
{
	static const char sql[] =
		"SELECT m.id, m.org, m.name, m.role, s.seen_at FROM sessions s "
		"JOIN members m ON m.id = s.member WHERE s.hash = ?1 "
		"AND m.disabled_at = 0 AND s.expires_at > ?2 "
		"AND s.seen_at > ?3";
	struct store_stmt *st = NULL;
	struct people_actor *a = NULL;
	int rc;

	*out = NULL;
	rc = store_query(c, &st, sql, "bii", slice_of(hash, PEOPLE_HASH_SIZE),
			 now, now - IDLE_MS);
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		rc = 0;
		a = people_actor_new("", "", PEOPLE_CALLER, "");
		if (!a) {
			rc = ERR_NOMEM;
			goto out;
		}
		people_col_copy(st, 0, a->member, sizeof(a->member));
		people_col_copy(st, 1, a->org, sizeof(a->org));
		people_col_copy(st, 2, a->name, sizeof(a->name));
		if (people_role_parse(store_col(st, 3), &a->role))
			rc = ERR_STORE;
		*seen = store_col_int(st, 4);
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
out:
	store_done(st);
	if (rc) {
		people_actor_unref(a);
		return rc;
	}
	*out = a;
	return 0;
}

int
people_session_look(struct store_conn *c,
		    const unsigned char hash[PEOPLE_HASH_SIZE],
		    struct people_actor **out)
{
	int64_t seen;

	return session_read(c, hash, clock_wall_ms(), &seen, out);
}

int
people_session_find(struct store_conn *c,
		    const unsigned char hash[PEOPLE_HASH_SIZE],
		    struct people_actor **out)
{
	int64_t now = clock_wall_ms(), seen;
	int rc = session_read(c, hash, now, &seen, out);

	if (!rc && now - seen > SEEN_STEP_MS)
		rc = session_touch(c, hash, now);
	if (rc) {
		people_actor_unref(*out);
		*out = NULL;
	}
	return rc;
}

int
people_session_end(struct store_conn *c,
		   const unsigned char hash[PEOPLE_HASH_SIZE])
{
	return store_exec(c, NULL, "DELETE FROM sessions WHERE hash = ?1", "b",
			  slice_of(hash, PEOPLE_HASH_SIZE));
}

int
people_sessions_end_all(struct store_conn *c, const char *member)
{
	return store_exec(c, NULL, "DELETE FROM sessions WHERE member = ?1",
			  "s", member);
}

int
people_tidy(struct store_conn *c)
{
	int64_t now = clock_settled_ms(), hour = 3600 * 1000;
	int64_t wall = clock_wall_ms();
	int rc;

	rc = store_exec(c, NULL,
			"UPDATE sessions SET seen_at = ?1, expires_at = CASE "
			"WHEN expires_at > ?2 THEN ?2 ELSE expires_at END "
			"WHERE seen_at > ?3 OR expires_at > ?2 + ?4",
			"iiii", wall, wall + LIFE_MS, wall + IDLE_MS, hour);
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM sessions WHERE expires_at < ?1 "
				"OR seen_at < ?2",
				"ii", now, now - IDLE_MS);
	if (!rc)
		rc = people_keys_tidy(c, now - KEYS_ENDED_MS);
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM one_time_links WHERE "
				"expires_at < ?1",
				"i", now);
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM sign_in_failures WHERE "
				"window_start < ?1",
				"i", now - hour);
	return rc;
}
