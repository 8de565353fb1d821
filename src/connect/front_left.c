/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users' grants whose end was begun and not noted.
 *
 * The keeper is told first that a grant is given to nobody any more, and what
 * is to be done then is noted in the front's store (front_withdraw.c).  Who
 * dies between the two, or cannot write (the store is busy, the disk full),
 * leaves a grant that works for nobody and that nobody revokes.  So the keeper
 * is asked for those that were left, and each that is not noted is: it is
 * revoked, and the user's row says so.  What was to follow (a connection that
 * is deleted, a user who is removed) can be asked for again.
 *
 * A grant that was given anew meanwhile is of a later generation, and stays.
 *
 * Runs on the front's work threads.
 */
#include "connect/front_priv.h"

enum { LOOK_MS = 3600 * 1000 };

void
front_left_unnoted(struct connect_front *f)
{
	atomic_store(&f->unnoted, true);
}

/* Unless there is a row of his with this status ("": with any). */
static int
left_insert(struct store_conn *c, const struct connect_msg_subject *m,
	    const char *unless, int64_t *added)
{
	return store_exec(
		c, added,
		"INSERT INTO withdrawals (org, connection, name, service, "
		"subject, because, asked_at, next_at) SELECT ?1, ?2, "
		"coalesce((SELECT name FROM connections WHERE id = ?2), ''), "
		"coalesce((SELECT service FROM connections WHERE id = ?2), "
		"''), ?3, CASE "
		"WHEN NOT EXISTS (SELECT 1 FROM connections WHERE id = ?2) "
		"THEN 'delete' "
		"WHEN EXISTS (SELECT 1 FROM connection_users WHERE connection "
		"= ?2 AND subject = ?3) THEN 'revoke' ELSE 'user' END, ?4, ?4 "
		"WHERE NOT EXISTS (SELECT 1 FROM connection_users WHERE "
		"connection = ?2 AND subject = ?3 AND (?5 = '' OR status = ?5))"
		" ON CONFLICT (connection, subject) DO NOTHING",
		"sssis", m->org, m->connection, m->subject, clock_wall_ms(),
		unless);
}

int
front_left_told(struct store_conn *c, const struct connect_msg_subject *m)
{
	return left_insert(c, m, "", NULL);
}

/* Noted already; or one of many, which are each noted at their turn, for the
 * report (front_bulk.c).  Looking alone holds up nobody who writes. */
static int
left_is_known(struct store_conn *c, const struct connect_msg_subject *m)
{
	struct store_stmt *st = NULL;
	int rc = store_query(
		c, &st,
		"SELECT 1 FROM withdrawals WHERE connection = ?1 AND subject = "
		"?2 UNION ALL SELECT 1 FROM bulk_items i JOIN bulks b ON b.id "
		"= i.bulk WHERE i.connection = ?1 AND i.subject = '' AND "
		"i.state = 'waiting' AND b.action = 'revoke' LIMIT 1",
		"ss", m->connection, m->subject);

	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc;
}

static int
left_note_one(struct connect_front *f, struct store_conn *c,
	      const struct connect_msg_subject *m)
{
	int64_t added = 0;
	int rc = left_is_known(c, m);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = store_begin(c);
	/* the keeper kept what it could not revoke: that is done with */
	if (!rc)
		rc = left_insert(c, m, "revoked", &added);
	if (!rc && added)
		rc = front_withdraw_user_row(c, m->connection, m->subject,
					     (int64_t)m->generation);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		return rc;
	}
	if (added) {
		log_warn("a user's end was begun and not noted: it is revoked",
			 LOG_S("connection", m->connection));
		connect_views_withdraw(f->views, m->connection);
	}
	return 0;
}

/* The next of them; how many, or an error.  *after is the last. */
static int
left_batch(struct connect_front *f, struct store_conn *c,
	   struct connect_msg_subject *after)
{
	struct proc_pack *body = proc_pack_new();
	struct secret *reply = NULL;
	struct connect_problem p;
	struct proc_unpack u;
	uint64_t i, n;
	int rc;

	connect_msg_subject_pack(after, body);
	rc = front_ask(f, CONNECT_KEEPER_LEFT, body, CONNECT_QUICK_MS, &reply,
		       &p, NULL);
	if (rc)
		return rc;
	u = proc_unpack_from(reply);
	n = proc_unpack_u64(&u);
	for (i = 0; i < n && !rc; i++) {
		rc = connect_msg_subject_read(&u, after);
		if (!rc)
			rc = left_note_one(f, c, after);
	}
	secret_free(reply);
	return rc ? rc : (int)n;
}

int
front_left_note(struct connect_front *f, struct store_conn *c)
{
	struct connect_msg_subject after = { .generation = 0 };
	uint64_t now = clock_mono_ms();
	int rc;

	if (!atomic_exchange(&f->unnoted, false) &&
	    now - f->left_looked_ms < LOOK_MS)
		return 0;
	f->left_looked_ms = now;
	while ((rc = left_batch(f, c, &after)) == CONNECT_LEFT_MAX)
		;
	if (rc < 0)
		front_left_unnoted(f);
	return rc < 0 ? rc : 0;
}
