/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of many (front_bulk.c): the keeper is told, and its row and
 * that of the report say so.
 *
 * Whatever is written is one transaction, which the report's row guards: who
 * finds it done has done nothing.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_bulk_priv.h"

static const struct connect_who nobody = { .actor = NULL };
static const char not_connected[] = "It was not connected.";

static int
item_state(struct store_conn *c, const struct bulk *b,
	   const struct bulk_item *i, const char *state, const char *detail)
{
	int64_t changed = 0;
	int rc = store_exec(c, &changed,
			    "UPDATE bulk_items SET state = ?3, detail = ?4 "
			    "WHERE bulk = ?1 AND connection = ?2 AND "
			    "subject = '' AND state = 'waiting'",
			    "ssss", b->id, i->connection, state, detail);

	/* another one has done it */
	return rc ? rc : changed ? 0 : ERR_CONFLICT;
}

static int
suspend_at_keeper(struct connect_front *f, const struct front_row *r,
		  enum connect_suspend how)
{
	struct connect_problem p;

	return front_grant_ask(f, r, &nobody, CONNECT_KEEPER_SUSPEND, how,
			       CONNECT_QUICK_MS, NULL, &p, NULL);
}

/* Whether there is such a row of the connection, ?1. */
static int
item_has(struct store_conn *c, const struct bulk_item *i, const char *sql,
	 bool *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st, sql, "s", i->connection);

	if (!rc)
		rc = store_step(st);
	*out = rc == 1;
	store_done(st);
	return rc < 0 ? rc : 0;
}

static int
row_is_enabled(struct store_conn *c, const struct bulk_item *i, bool *out)
{
	return item_has(c, i,
			"SELECT 1 FROM connections WHERE id = ?1 AND status "
			"<> 'disabled'",
			out);
}

static int
suspend_note(struct store_conn *c, const struct connect_who *who,
	     const struct bulk *b, const struct bulk_item *i,
	     const struct front_row *r)
{
	int64_t changed = 0;
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(c, &changed,
				"UPDATE bulk_items SET state = 'suspended' "
				"WHERE bulk = ?1 AND connection = ?2 AND "
				"subject = '' AND state = 'waiting' AND EXISTS "
				"(SELECT 1 FROM connections WHERE id = ?2 AND "
				"status = 'disabled')",
				"ss", b->id, i->connection);
	if (!rc && !changed)
		rc = ERR_CONFLICT;
	if (!rc)
		rc = front_audit(c, who, b->org, "connection.disable",
				 r->info.id, r->info.name,
				 "Together with others.");
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

/* Its row says already that it is disabled, unless somebody has enabled it. */
static int
item_suspend(struct connect_front *f, struct store_conn *c,
	     const struct connect_who *who, const struct bulk *b,
	     const struct bulk_item *i, const struct front_row *r)
{
	bool enabled = r->info.status != CONNECT_DISABLED;
	int rc = enabled ? 0 : suspend_at_keeper(f, r, CONNECT_SUSPEND);

	if (!rc && !enabled)
		rc = suspend_note(c, who, b, i, r);
	if (rc == ERR_CONFLICT) { /* just now, or another one has done it */
		rc = row_is_enabled(c, i, &enabled);
		if (!rc && enabled)
			rc = suspend_at_keeper(f, r, CONNECT_RESUME);
	}
	if (!rc && enabled)
		rc = item_state(c, b, i, "nothing",
				"Somebody has enabled it meanwhile.");
	return rc;
}

/* What is known of one that was revoked before, or never connected; "" where
 * there is something to revoke. */
struct before {
	char state[20], detail[CONNECT_DETAIL_SIZE];
};

static int
item_before(struct store_conn *c, const struct bulk_item *i, struct before *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(
		c, &st,
		"SELECT CASE WHEN status = 'disabled' AND status_before IN "
		"('', 'not_connected') THEN 'nothing' WHEN EXISTS (SELECT 1 "
		"FROM withdrawals WHERE connection = ?1 AND subject = '' AND "
		"outcome = '') THEN 'pending' WHEN unconfirmed <> '' THEN "
		"'by_hand' ELSE 'already' END, unconfirmed FROM connections "
		"WHERE id = ?1 AND per_user = 0 AND (status = 'revoked' OR "
		"status = 'disabled' AND status_before IN ('revoked', '', "
		"'not_connected'))",
		"s", i->connection);

	memset(out, 0, sizeof(*out));
	if (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), out->state, sizeof(out->state));
		slice_copy(store_col(st, 1), out->detail, sizeof(out->detail));
		rc = 0;
	}
	store_done(st);
	if (!strcmp(out->state, "nothing"))
		snprintf(out->detail, sizeof(out->detail), "%s", not_connected);
	else if (strcmp(out->state, "by_hand") != 0)
		out->detail[0] = '\0';
	return rc;
}

/* Its row as it is to be afterwards.  What was suspended before, or is to be
 * since, stays so, unless somebody has enabled it; of the others whoever
 * manages it may connect it anew. */
#define STAYS "?3 = 1 AND status = 'disabled'"
static int
revoke_row(struct store_conn *c, const struct bulk_item *i)
{
	bool was = !strcmp(i->was, "disabled");

	return store_exec(
		c, NULL,
		"UPDATE connections SET status_before = CASE WHEN " STAYS
		" THEN CASE WHEN per_user = 1 THEN status_before ELSE "
		"'revoked' END ELSE '' END, status = CASE WHEN " STAYS
		" THEN 'disabled' WHEN per_user = 0 THEN 'revoked' WHEN status "
		"= 'disabled' THEN status_before ELSE status END, "
		"reason = CASE WHEN " STAYS
		" THEN CASE WHEN reason = '" FRONT_BULK_REVOKING
		"' THEN '" FRONT_BULK_SUSPENDED
		"' ELSE reason END WHEN per_user = 0 THEN 'The access was "
		"revoked. Connect again to use it.' ELSE 'It is not connected: "
		"press Connect.' END, expires_at = 0, unconfirmed = '', "
		"not_granted = '', " VIEW_HEALTH_WELL ", updated_at = ?2, "
		"version = version + 1 WHERE id = ?1",
		"sii", i->connection, clock_wall_ms(), (int64_t)was);
}

/* Rows of a connection's users: what is now to be revoked at the provider, and
 * what was revoked before and not confirmed. */
static int
users_rows(struct store_conn *c, const struct bulk *b,
	   const struct bulk_item *i, const struct front_row *r, int64_t *count)
{
	return store_exec(
		c, count,
		"INSERT INTO bulk_items (bulk, connection, subject, link_name, "
		"name, service, account, state, detail) "
		"SELECT ?1, w.connection, w.subject, ?3, ?4, ?5, "
		"coalesce(u.account, ''), 'pending', '' FROM withdrawals w "
		"LEFT JOIN connection_users u ON u.connection = w.connection "
		"AND u.subject = w.subject WHERE w.connection = ?2 AND "
		"w.outcome = '' AND w.subject <> '' "
		"UNION ALL "
		"SELECT ?1, u.connection, u.subject, ?3, ?4, ?5, u.account, "
		"'by_hand', u.unconfirmed FROM connection_users u WHERE "
		"u.connection = ?2 AND u.status = 'revoked' AND u.unconfirmed "
		"<> '' AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE "
		"w.connection = ?2 AND w.subject = u.subject AND w.outcome = "
		"'')",
		"sssss", b->id, i->connection, r->info.link, r->info.name,
		r->info.service);
}

/* Whether some of its users had connected an account, and it was revoked. */
static int
users_were_revoked(struct store_conn *c, const struct bulk_item *i, bool *out)
{
	return item_has(c, i,
			"SELECT 1 FROM connection_users WHERE connection = ?1 "
			"AND status = 'revoked' LIMIT 1",
			out);
}

/* Each user's is a row of its own. */
static int
revoke_pending(struct store_conn *c, const struct bulk *b,
	       const struct bulk_item *i, const struct front_row *r)
{
	int64_t count = 0;
	bool before;
	int rc = users_were_revoked(c, i, &before);

	/* first, since it tells whether another one has done all this */
	if (!rc)
		rc = item_state(c, b, i, before ? "already" : "nothing",
				before ? ""
				       : "No user had connected an account.");
	if (!rc)
		rc = front_withdraw_note_all(c, r, "revoke");
	if (!rc)
		rc = front_withdraw_user_row(c, r->info.id, "", 0);
	if (!rc)
		rc = users_rows(c, b, i, r, &count);
	if (!rc && count)
		rc = store_exec(c, NULL,
				"DELETE FROM bulk_items WHERE bulk = ?1 AND "
				"connection = ?2 AND subject = ''",
				"ss", b->id, i->connection);
	return rc;
}

static int
revoke_note(struct connect_front *f, struct store_conn *c,
	    const struct connect_who *who, const struct bulk *b,
	    const struct bulk_item *i, const struct front_row *r,
	    const struct front_withdraw_stamp *stamp)
{
	int rc = store_begin(c);

	if (!rc)
		rc = front_withdraw_stamp_holds(c, r->info.id, stamp);
	if (!rc && !r->info.per_user) {
		rc = item_state(c, b, i, "pending", "");
		if (!rc)
			rc = front_withdraw_note(c, r->org, r->info.id, "",
						 "revoke");
	} else if (!rc) {
		rc = revoke_pending(c, b, i, r);
	}
	if (!rc)
		rc = revoke_row(c, i);
	if (!rc)
		rc = front_audit(c, who, b->org, "connection.revoke",
				 r->info.id, r->info.name,
				 front_ends_all(f, r)
					 ? "Together with others. It ends "
					   "every access that the OAuth app "
					   "has to the same accounts."
					 : "Together with others.");
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

/* 0: there is nothing to do with it, and its row says why; 1: it is to be
 * revoked.  In one transaction, lest it get its outcome in between. */
static int
revoke_known(struct store_conn *c, const struct bulk *b,
	     const struct bulk_item *i)
{
	struct before before;
	int done, rc = store_begin(c);

	if (!rc)
		rc = item_before(c, i, &before);
	if (!rc && before.state[0])
		rc = item_state(c, b, i, before.state, before.detail);
	else if (!rc)
		rc = 1;
	done = rc < 0 ? rc : store_commit(c);
	if (done)
		rc = done;
	if (rc < 0)
		store_rollback(c);
	return rc;
}

/* Once: ERR_AGAIN if somebody has connected it meanwhile. */
static int
revoke_once(struct connect_front *f, struct store_conn *c,
	    const struct connect_who *who, const struct bulk *b,
	    const struct bulk_item *i, const struct front_row *r)
{
	struct front_withdraw_stamp stamp;
	struct connect_problem p;
	int rc = revoke_known(c, b, i);

	if (rc <= 0)
		return rc;
	rc = front_withdraw_stamp(c, r->info.id, &stamp);
	if (!rc)
		rc = front_withdraw_mark(f, c, r->org, r->info.id, "", &p);
	step_reached("bulk.marked");
	return rc ? rc : revoke_note(f, c, who, b, i, r, &stamp);
}

static int
item_revoke(struct connect_front *f, struct store_conn *c,
	    const struct connect_who *who, const struct bulk *b,
	    const struct bulk_item *i, const struct front_row *r)
{
	int n, rc = ERR_AGAIN;

	if (!r->info.per_user && !strcmp(i->was, "not_connected"))
		return item_state(c, b, i, "nothing", not_connected);
	for (n = 0; rc == ERR_AGAIN && n < FRONT_WITHDRAW_STAMPS; n++)
		rc = revoke_once(f, c, who, b, i, r);
	return rc;
}

int
front_bulk_item(struct connect_front *f, struct store_conn *c,
		const struct connect_who *who, const struct bulk *b,
		const struct bulk_item *i)
{
	struct arena *arena = arena_new(1 << 20);
	struct front_row r = { 0 };
	int rc = arena ? 0 : ERR_NOMEM;

	if (!rc)
		rc = front_row_load_id(c, i->connection, false, arena, &r);
	if (rc == ERR_NOT_FOUND)
		rc = item_state(c, b, i, "nothing",
				"It was deleted meanwhile; the audit tells "
				"what became of its access.");
	else if (!rc)
		rc = b->revoke ? item_revoke(f, c, who, b, i, &r)
			       : item_suspend(f, c, who, b, i, &r);
	connect_views_withdraw(f->views, i->connection);
	front_row_release(&r);
	arena_free(arena);
	return rc == ERR_CONFLICT ? 0 : rc;
}
