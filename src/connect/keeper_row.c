/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of grants: the keeper's SQL.
 *
 * Every write is fenced: it is done only if the row still has the generation
 * that it was loaded with, so that of two who have worked on one generation
 * (two keepers on one database, say) one writes and the other one is told.
 *
 * Every change that people are to see gets a number that counts up, so that
 * a front which was away asks for what it has missed.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

static const struct {
	enum connect_status status;
	const char *name;
} statuses[] = {
	{ CONNECT_CONNECTED, "connected" },
	{ CONNECT_NEEDS_RECONNECT, "needs_reconnect" },
	{ CONNECT_REVOKED, "revoked" },
};

static const char *
status_name(enum connect_status s)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].status == s)
			return statuses[i].name;
	ASSERT(!"a status that grants do not have");
}

static enum connect_status
status_parse(struct slice name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(statuses); i++)
		if (slice_eq(slice_str(statuses[i].name), name))
			return statuses[i].status;
	return CONNECT_NEEDS_RECONNECT; /* fail closed */
}

#define ROW_COLUMNS \
	"org, connection, subject, generation, app, status, reason, " \
	"suspended, obtained_at, expires_at, intent, lease_until, in_doubt, " \
	"failures, degraded, health_reason, retry_at, refused, lease_by, " \
	"good_until, refusals, granted_at, issue, keep_at, ends_at, " \
	"ends_why, idle_ends_at, unexplained, foreign_app"
enum { ROW_COLUMN_COUNT = 29 };

static void
row_read(struct store_stmt *st, struct keeper_row *r)
{
	memset(r, 0, sizeof(*r));
	slice_copy(store_col(st, 0), r->who.org, sizeof(r->who.org));
	slice_copy(store_col(st, 1), r->who.connection,
		   sizeof(r->who.connection));
	slice_copy(store_col(st, 2), r->who.subject, sizeof(r->who.subject));
	r->who.generation = (uint64_t)store_col_int(st, 3);
	r->base = r->who.generation;
	slice_copy(store_col(st, 4), r->app, sizeof(r->app));
	r->status = status_parse(store_col(st, 5));
	slice_copy(store_col(st, 6), r->reason, sizeof(r->reason));
	r->suspended = store_col_int(st, 7) != CONNECT_RESUME;
	r->leaving = store_col_int(st, 7) == CONNECT_LEAVE;
	r->obtained_at = store_col_int(st, 8);
	r->expires_at = store_col_int(st, 9);
	r->intent = (uint64_t)store_col_int(st, 10);
	r->lease_until = store_col_int(st, 11);
	r->in_doubt = (unsigned)store_col_int(st, 12);
	r->failures = (unsigned)store_col_int(st, 13);
	r->degraded = store_col_int(st, 14) != 0;
	slice_copy(store_col(st, 15), r->health_reason,
		   sizeof(r->health_reason));
	r->retry_at = store_col_int(st, 16);
	r->refused = (uint64_t)store_col_int(st, 17);
	slice_copy(store_col(st, 18), r->lease_by, sizeof(r->lease_by));
	r->good_until = store_col_int(st, 19);
	r->refusals = (unsigned)store_col_int(st, 20);
	r->granted_at = store_col_int(st, 21);
	r->issue = (uint64_t)store_col_int(st, 22);
	r->keep_at = store_col_int(st, 23);
	if (r->keep_at < 0) /* suspended: the row says so besides */
		r->keep_at = -r->keep_at;
	r->ends_at = store_col_int(st, 24);
	slice_copy(store_col(st, 25), r->ends_why, sizeof(r->ends_why));
	r->idle_ends_at = store_col_int(st, 26);
	r->unexplained = (unsigned)store_col_int(st, 27);
	r->foreign_app = store_col_int(st, 28) != 0;
}

int
keeper_row_load(struct keeper *k, const struct connect_msg_subject *who,
		struct keeper_row *out)
{
	struct store_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = store_query(k->db, &st,
			 "SELECT " ROW_COLUMNS " FROM grants "
			 "WHERE connection = ?1 AND subject = ?2 AND org = ?3",
			 "sss", who->connection, who->subject, who->org);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		row_read(st, out);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

/* A row that is there already keeps its sealed bytes if none are given. */
static int
row_update(struct keeper *k, const struct keeper_row *r, struct slice sealed)
{
	int64_t changed;
	int rc;

	rc = store_exec(
		k->db, &changed,
		"UPDATE grants SET generation = ?4, app = ?5, status = ?6, "
		"reason = ?7, obtained_at = ?8, expires_at = ?9, intent = ?10, "
		"lease_until = ?11, in_doubt = ?12, failures = ?13, "
		"degraded = ?14, health_reason = ?15, retry_at = ?16, "
		"refused = ?17, change = ?18, restored_at = "
		"CASE WHEN ?19 IS NULL THEN restored_at ELSE 0 END, "
		"sealed = coalesce(?19, sealed), "
		"lease_by = ?20, good_until = ?21, refusals = ?22, "
		"granted_at = ?23, issue = ?24, "
		/* who has left and consents anew has not left */
		"suspended = CASE WHEN suspended = 2 AND granted_at <> ?23 "
		"THEN 0 ELSE suspended END, keep_at = "
		"CASE WHEN suspended = 0 OR (suspended = 2 AND granted_at <> "
		"?23) THEN ?25 ELSE -?25 END, ends_at = ?26, "
		"ends_why = ?27, idle_ends_at = ?28, unexplained = ?29, "
		"foreign_app = ?30 "
		"WHERE connection = ?1 AND subject = ?2 AND generation = ?3",
		"ssiisssiiiiiiisiiibsiiiiiisiii", r->who.connection,
		r->who.subject, (int64_t)r->base, (int64_t)r->who.generation,
		r->app, status_name(r->status), r->reason, r->obtained_at,
		r->expires_at, (int64_t)r->intent, r->lease_until,
		(int64_t)r->in_doubt, (int64_t)r->failures,
		(int64_t)r->degraded, r->health_reason, r->retry_at,
		(int64_t)r->refused, (int64_t)k->change, sealed, r->lease_by,
		r->good_until, (int64_t)r->refusals, r->granted_at,
		(int64_t)r->issue, r->keep_at, r->ends_at, r->ends_why,
		r->idle_ends_at, (int64_t)r->unexplained,
		(int64_t)r->foreign_app);
	return rc ? rc : changed ? 0 : ERR_CONFLICT;
}

/* The rest of a row that was not there is written over its first lines. */
static int
row_insert(struct keeper *k, struct keeper_row *r, struct slice sealed)
{
	int rc = store_exec(k->db, NULL,
			    "INSERT INTO grants (connection, subject, org, "
			    "generation, sealed, status, obtained_at, change) "
			    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			    "sssibsii", r->who.connection, r->who.subject,
			    r->who.org, (int64_t)r->who.generation, sealed,
			    status_name(r->status), r->obtained_at,
			    (int64_t)k->change);

	if (rc)
		return rc == ERR_EXISTS ? ERR_CONFLICT : rc;
	r->base = r->who.generation;
	return row_update(k, r, SLICE_NONE);
}

/* Whether it is given out is not the row's to say: that may have been changed
 * since it was loaded. */
static int
row_standing(struct keeper *k, struct keeper_row *r)
{
	struct store_stmt *st;
	int rc = store_query(k->db, &st,
			     "SELECT suspended FROM grants WHERE connection = "
			     "?1 AND subject = ?2",
			     "ss", r->who.connection, r->who.subject);

	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		r->suspended = store_col_int(st, 0) != CONNECT_RESUME;
		r->leaving = store_col_int(st, 0) == CONNECT_LEAVE;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Two keepers on one database count with the same counter. */
static int
row_count_change(struct keeper *k)
{
	struct store_stmt *st;
	int rc = store_query(k->db, &st,
			     "UPDATE counters SET value = value + 1 "
			     "WHERE name = 'change' RETURNING value",
			     "");

	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		k->change = (uint64_t)store_col_int(st, 0);
		rc = store_step(st); /* it must run to its end */
	} else if (!rc) {
		rc = ERR_STORE;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

int
keeper_row_save(struct keeper *k, struct keeper_row *r, struct slice sealed)
{
	int rc = row_count_change(k);

	if (!rc)
		rc = r->base ? row_update(k, r, sealed)
			     : row_insert(k, r, sealed);
	if (!rc)
		rc = row_standing(k, r);
	if (!rc) /* no start after this one is at an earlier time */
		rc = keeper_row_seen(k);
	if (!rc)
		r->base = r->who.generation;
	return rc;
}

int
keeper_row_store(struct keeper *k, struct keeper_row *r,
		 const struct keeper_payload *p,
		 const struct connect_msg_grant *brought)
{
	struct buf sealed;
	int rc;

	buf_init(&sealed, 128 * 1024);
	rc = store_begin(k->db);
	if (!rc)
		rc = keeper_payload_seal(k, &r->who, p, &sealed);
	if (!rc)
		rc = keeper_row_save(k, r, buf_slice(&sealed));
	if (!rc && brought)
		rc = keeper_brought_save(k, r, brought);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	buf_release(&sealed);
	return rc;
}

static void
row_status(const struct keeper *k, const struct keeper_row *r, uint64_t change,
	   struct connect_msg_status *out)
{
	memset(out, 0, sizeof(*out));
	out->change = change;
	out->who = r->who;
	out->status = r->status;
	out->leaving = r->leaving && r->status != CONNECT_REVOKED;
	out->lives = keeper_revoke_lives(r);
	snprintf(out->reason, sizeof(out->reason), "%s", r->reason);
	out->degraded = r->degraded;
	snprintf(out->health_reason, sizeof(out->health_reason), "%s",
		 r->health_reason);
	out->retry_at = keeper_to_wall(k, r->retry_at);
	out->expires_at = keeper_to_wall(k, r->expires_at);
	out->ends_at = keeper_to_wall(k, r->ends_at);
	snprintf(out->ends_why, sizeof(out->ends_why), "%s", r->ends_why);
	out->idle_ends_at = keeper_to_wall(k, r->idle_ends_at);
}

void
keeper_row_tell(struct keeper *k, const struct keeper_row *r, const char *app,
		const char *data_centre)
{
	struct connect_msg_status m;
	struct proc_pack *p = proc_pack_new();

	row_status(k, r, k->change, &m);
	keeper_brought_load(k, &r->who, &m.brought);
	snprintf(m.flagged_app, sizeof(m.flagged_app), "%s", app ? app : "");
	snprintf(m.flagged_data_centre, sizeof(m.flagged_data_centre), "%s",
		 app && data_centre ? data_centre : "");
	connect_msg_status_pack(&m, p);
	proc_notify(k->front, CONNECT_FRONT_STATUS, p);
}

int
keeper_row_claim(struct keeper *k, struct keeper_row *r)
{
	int64_t now = keeper_now(k), until = now + KEEPER_LEASE_MS, changed;
	int rc;

	/* A lease that ends later than any can is of a clock that was wrong;
	 * one of a clock that is a little ahead is a lease. */
	rc = store_exec(k->db, &changed,
			"UPDATE grants SET intent = ?3, lease_until = ?4, "
			"lease_by = ?6, "
			"in_doubt = CASE WHEN intent = ?3 THEN 2 "
			"ELSE in_doubt END "
			"WHERE connection = ?1 AND subject = ?2 "
			"AND generation = ?3 AND status = 'connected' "
			"AND (intent = 0 OR lease_until <= ?5 "
			"OR lease_until > ?7)",
			"ssiiisi", r->who.connection, r->who.subject,
			(int64_t)r->base, until, now, k->node,
			now + KEEPER_LEASE_MOST_MS);
	if (rc || !changed)
		return rc ? rc : ERR_CONFLICT;
	if (r->intent == r->who.generation)
		r->in_doubt = 2;
	r->intent = r->who.generation;
	r->lease_until = until;
	snprintf(r->lease_by, sizeof(r->lease_by), "%s", k->node);
	return 0;
}

int
keeper_row_sealed(struct keeper *k, const struct keeper_row *r, struct buf *out)
{
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT sealed FROM grants WHERE connection = ?1 "
			 "AND subject = ?2 AND generation = ?3",
			 "ssi", r->who.connection, r->who.subject,
			 (int64_t)r->who.generation);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		rc = buf_put_slice(out, store_col(st, 0));
	else if (!rc)
		rc = ERR_NOT_FOUND;
	store_done(st);
	return rc;
}

/* ---- quotas ---- */

enum { REQUESTS_KEEP_MS = 24 * 3600 * 1000 };

int
keeper_row_note_request(struct keeper *k, const struct keeper_row *r,
			int64_t now_ms)
{
	int rc;

	rc = store_exec(k->db, NULL,
			"DELETE FROM token_requests WHERE connection = ?1 "
			"AND subject = ?2 AND at < ?3",
			"ssi", r->who.connection, r->who.subject,
			now_ms - REQUESTS_KEEP_MS);
	if (rc)
		return rc;
	return store_exec(
		k->db, NULL,
		"INSERT INTO token_requests (connection, subject, at) "
		"VALUES (?1, ?2, ?3)",
		"ssi", r->who.connection, r->who.subject, now_ms);
}

int
keeper_row_forget_requests(struct keeper *k, const struct keeper_row *r)
{
	return store_exec(k->db, NULL,
			  "DELETE FROM token_requests WHERE connection = ?1 "
			  "AND subject = ?2",
			  "ss", r->who.connection, r->who.subject);
}

#define QUOTA_TAIL "AND at > ?3 AND at <= ?4 ORDER BY at DESC LIMIT 1 OFFSET ?5"
static const char quota_of_grant[] =
	"SELECT at FROM token_requests WHERE connection = ?1 AND subject = ?2 " QUOTA_TAIL;
static const char quota_of_app[] =
	"SELECT at FROM token_requests t WHERE EXISTS (SELECT 1 FROM grants g "
	"WHERE g.org = ?1 AND g.app = ?2 AND g.connection = t.connection "
	"AND g.subject = t.subject) " QUOTA_TAIL;

/* When the oldest of the last `count` requests leaves the window; 0: there
 * were fewer. */
static int64_t
quota_free_at(struct keeper *k, const struct keeper_row *r,
	      const struct catalog_quota *q, int64_t now_ms)
{
	int64_t window_ms = (int64_t)q->window_s * 1000, at = 0;
	bool app = q->per == CATALOG_PER_APP && r->app[0];
	struct store_stmt *st;

	if (store_query(k->db, &st, app ? quota_of_app : quota_of_grant,
			"ssiii", app ? r->who.org : r->who.connection,
			app ? r->app : r->who.subject, now_ms - window_ms,
			now_ms, (int64_t)q->count - 1))
		return 0;
	if (store_step(st) == 1)
		at = store_col_int(st, 0) + window_ms;
	store_done(st);
	return at;
}

int64_t
keeper_row_quota(struct keeper *k, const struct keeper_row *r,
		 const struct binding *b, int64_t now_ms)
{
	const struct catalog_quota *q;
	int64_t latest = 0, at;
	size_t i;

	for (i = 0; i < b->method->quotas.count; i++) {
		q = &b->method->quotas.items[i];
		if (q->of != CATALOG_QUOTA_TOKEN_REQUESTS || !q->count ||
		    !q->window_s)
			continue;
		at = quota_free_at(k, r, q, now_ms);
		if (at > latest)
			latest = at;
	}
	return latest;
}

/* ---- whole connections ---- */

int
keeper_row_forget(struct keeper *k, const char *connection, const char *subject)
{
	/* The data key is the whole connection's. */
	static const char *const statements[] = {
		"DELETE FROM grants WHERE connection = ?1 AND "
		"(?2 = '' OR subject = ?2)",
		"DELETE FROM token_requests WHERE connection = ?1 AND "
		"(?2 = '' OR subject = ?2)",
		"DELETE FROM consents WHERE connection = ?1 AND "
		"(?2 = '' OR subject = ?2)",
		"DELETE FROM datakeys WHERE owner = 'connection/' || ?1 AND "
		"?2 = ''",
	};
	size_t i;
	int rc = store_begin(k->db);

	for (i = 0; i < ARRAY_LEN(statements) && !rc; i++)
		rc = store_exec(k->db, NULL, statements[i], "ss", connection,
				subject);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	return rc;
}

int
keeper_row_forget_left(struct keeper *k, const char *connection,
		       const char *subject)
{
	int64_t gone = 0;
	int rc = store_begin(k->db);

	if (!rc)
		rc = store_exec(k->db, &gone,
				"DELETE FROM grants WHERE connection = ?1 AND "
				"subject = ?2 AND suspended = ?3",
				"ssi", connection, subject,
				(int64_t)CONNECT_LEAVE);
	if (!rc && gone)
		rc = store_exec(k->db, NULL,
				"DELETE FROM token_requests WHERE connection "
				"= ?1 AND subject = ?2",
				"ss", connection, subject);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	return rc;
}

int
keeper_row_suspend(struct keeper *k, const struct connect_msg_subject *who,
		   enum connect_suspend how)
{
	/* What is suspended is not kept alive: its time is put aside. */
	return store_exec(k->db, NULL,
			  "UPDATE grants SET suspended = ?1, keep_at = "
			  "CASE WHEN (?1 > 0) = (keep_at > 0) THEN -keep_at "
			  "ELSE keep_at END "
			  "WHERE connection = ?2 AND org = ?3 AND "
			  "suspended <> 2 AND (?1 < 2 OR ?4 = '' OR "
			  "subject = ?4)",
			  "isss", (int64_t)how, who->connection, who->org,
			  who->subject);
}

static int
counter_read(struct keeper *k, const char *name, int64_t *out)
{
	struct store_stmt *st;
	int rc = store_query(k->db, &st,
			     "SELECT value FROM counters WHERE name = ?1", "s",
			     name);

	*out = 0;
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		*out = store_col_int(st, 0);
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Consents have as much time left as they had when a keeper looked last. */
static int
consents_recover(struct keeper *k, int64_t seen)
{
	int64_t off = k->clock.base_ms - seen;

	if (!seen || off <= 0)
		return 0;
	return store_exec(k->db, NULL,
			  "UPDATE consents SET expires_at = expires_at + ?1",
			  "i", off);
}

/* The clock, and what lives by it. */
static int
recover_clock(struct keeper *k)
{
	int64_t seen = 0, anchor = 0;
	bool same = false;
	int rc = counter_read(k, "seen", &seen);

	if (!rc && k->env->shared)
		rc = counter_read(k, "anchor", &anchor);
	if (k->env->shared)
		same = keeper_clock_share(&k->clock, clock_wall_ms(),
					  clock_boot_ms(), seen, anchor);
	else
		keeper_clock_start(&k->clock, clock_wall_ms(), clock_boot_ms(),
				   seen);
	if (rc || same)
		return rc;
	rc = store_exec(k->db, NULL,
			"INSERT INTO counters (name, value) VALUES ('anchor', "
			"?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
			"i", keeper_clock_anchor(&k->clock));
	return rc ? rc : consents_recover(k, seen);
}

int
keeper_row_recover(struct keeper *k)
{
	int64_t change = 0;
	int rc = 0;

	/* Of this node no other keeper runs (the data folder is locked), so
	 * that no lease of the one before means anything now; but while an
	 * upgrade is under way, when that one lives. */
	if (!k->env->shared)
		rc = store_exec(k->db, NULL,
				"UPDATE grants SET lease_until = 0 "
				"WHERE intent <> 0 AND lease_by IN ('', ?1)",
				"s", k->node);
	if (!rc)
		rc = counter_read(k, "change", &change);
	k->change = (uint64_t)change;
	return rc ? rc : recover_clock(k);
}

int
keeper_row_seen(struct keeper *k)
{
	return store_exec(k->db, NULL,
			  "UPDATE counters SET value = ?1 "
			  "WHERE name = 'seen' AND value < ?1",
			  "i", keeper_now(k));
}

enum { STATUS_MOST = sizeof(struct connect_msg_status) + 1024 }; /* packed */

/* As many as one message has room for. */
int
keeper_row_changes(struct keeper *k, uint64_t after, struct proc_pack *out)
{
	struct connect_msg_status m;
	struct keeper_row r;
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT " ROW_COLUMNS
			 ", change, " KEEPER_BROUGHT_COLUMNS " FROM grants "
			 "WHERE change > ?1 ORDER BY change LIMIT 64",
			 "i", (int64_t)after);
	if (rc)
		return rc;
	while (proc_pack_room(out) > STATUS_MOST &&
	       (rc = store_step(st)) == 1) {
		row_read(st, &r);
		row_status(k, &r, (uint64_t)store_col_int(st, ROW_COLUMN_COUNT),
			   &m);
		keeper_brought_read(st, ROW_COLUMN_COUNT + 1, &m.brought);
		connect_msg_status_pack(&m, out);
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Its conditions are those of the index grants_left, in the same words: so it
 * looks at what waits to be revoked alone, however many grants there are. */
const char keeper_row_left_sql[] =
	"SELECT org, connection, subject, generation FROM grants "
	"WHERE suspended = 2 AND subject <> '' AND status <> 'revoked' "
	"AND (connection, subject) > (?1, ?2) "
	"ORDER BY connection, subject LIMIT ?3";
_Static_assert(CONNECT_LEAVE == 2, "the index says so, too");

int
keeper_row_left(struct keeper *k, const struct connect_msg_subject *after,
		struct proc_pack *out)
{
	struct connect_msg_subject m[CONNECT_LEFT_MAX] = { 0 };
	struct store_stmt *st;
	size_t i, n = 0;
	int rc;

	rc = store_query(k->db, &st, keeper_row_left_sql, "ssi",
			 after->connection, after->subject,
			 (int64_t)CONNECT_LEFT_MAX);
	if (rc)
		return rc;
	for (; n < CONNECT_LEFT_MAX && (rc = store_step(st)) == 1; n++) {
		slice_copy(store_col(st, 0), m[n].org, sizeof(m[n].org));
		slice_copy(store_col(st, 1), m[n].connection,
			   sizeof(m[n].connection));
		slice_copy(store_col(st, 2), m[n].subject,
			   sizeof(m[n].subject));
		m[n].generation = (uint64_t)store_col_int(st, 3);
	}
	store_done(st);
	proc_pack_u64(out, n);
	for (i = 0; i < n; i++)
		connect_msg_subject_pack(&m[i], out);
	return rc < 0 ? rc : 0;
}
