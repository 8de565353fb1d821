/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that each user gives for himself ("use credentials of login user"),
 * as the front has them: whose they are, how they stand, when they end.
 *
 * Who manages a connection sees which members must connect again; nobody
 * else does.
 *
 * Runs in the front, on a work thread.
 */
#include "connect/front_priv.h"

/* ---- stored ---- */

int
front_user_connected(struct store_conn *c, const char *connection,
		     const char *subject, const struct connect_msg_grant *g,
		     struct slice granted)
{
	return store_exec(
		c, NULL,
		"INSERT INTO connection_users (connection, subject, status, "
		"account, scopes_granted, connected_at, expires_at, ends_at, "
		"ends_why, idle_ends_at) "
		"VALUES (?1, ?2, 'connected', ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
		"ON CONFLICT (connection, subject) DO UPDATE SET "
		"status = 'connected', reason = '', account = ?3, "
		"scopes_granted = ?4, connected_at = ?5, expires_at = ?6, "
		"ends_at = ?7, ends_why = ?8, idle_ends_at = ?9",
		"sssliiisi", connection, subject, g->account, granted,
		clock_wall_ms(), g->expires_at, g->ends_at, g->ends_why,
		g->idle_ends_at);
}

/*
 * That he is connected may be news here: this front, or the one before, may
 * have ended between his grant and his row.
 */
static int
user_is_connected(struct store_conn *c, const struct connect_msg_status *m)
{
	return store_exec(
		c, NULL,
		"INSERT INTO connection_users (connection, subject, status, "
		"reason, connected_at, expires_at, ends_at, ends_why, "
		"idle_ends_at) SELECT ?1, ?2, 'connected', ?3, ?4, ?5, ?6, "
		"?7, ?8 FROM connections WHERE id = ?1 "
		"ON CONFLICT (connection, subject) DO UPDATE SET "
		"connected_at = CASE WHEN connection_users.status = "
		"'connected' THEN connection_users.connected_at ELSE ?4 END, "
		"status = 'connected', reason = ?3, expires_at = ?5, "
		"ends_at = ?6, ends_why = ?7, idle_ends_at = ?8",
		"sssiiisi", m->who.connection, m->who.subject, m->reason,
		clock_wall_ms(), m->expires_at, m->ends_at, m->ends_why,
		m->idle_ends_at);
}

int
front_user_status(struct store_conn *c, const struct connect_msg_status *m)
{
	if (m->status == CONNECT_CONNECTED)
		return user_is_connected(c, m);
	return store_exec(c, NULL,
			  "UPDATE connection_users SET status = ?3, "
			  "reason = ?4, expires_at = ?5, ends_at = ?6, "
			  "ends_why = ?7, idle_ends_at = ?8 "
			  "WHERE connection = ?1 AND subject = ?2",
			  "ssssiisi", m->who.connection, m->who.subject,
			  connect_status_name(m->status), m->reason,
			  m->expires_at, m->ends_at, m->ends_why,
			  m->idle_ends_at);
}

/* ---- read ---- */

static int
user_read(struct store_stmt *st, struct arena *arena, struct connect_user *u)
{
	u->subject = arena_slice(arena, store_col(st, 0));
	u->name = arena_slice(arena, store_col(st, 1));
	u->email = arena_slice(arena, store_col(st, 2));
	u->reason = arena_slice(arena, store_col(st, 4));
	u->account = arena_slice(arena, store_col(st, 5));
	if (!u->subject || !u->name || !u->email || !u->reason || !u->account)
		return ERR_NOMEM;
	connect_status_parse(store_col(st, 3), &u->status);
	u->connected_at = store_col_int(st, 7);
	u->expires_at = store_col_int(st, 8);
	u->forecast = front_forecast(u->status, store_col_int(st, 9),
				     store_col(st, 10), store_col_int(st, 11));
	return front_texts_of_json(store_col(st, 6), arena, &u->scopes_granted);
}

static int
users_read(struct store_conn *c, const char *connection,
	   const struct connect_filter *filter, struct arena *arena,
	   struct connect_user *out, size_t *count)
{
	struct store_stmt *st;
	int rc;

	rc = store_query(c, &st,
			 "SELECT u.subject, coalesce(m.name, ''), "
			 "coalesce(m.email, ''), u.status, u.reason, "
			 "u.account, u.scopes_granted, u.connected_at, "
			 "u.expires_at, u.ends_at, u.ends_why, u.idle_ends_at "
			 "FROM connection_users u "
			 "LEFT JOIN members m ON m.id = u.subject "
			 "WHERE u.connection = ?1 AND u.subject > ?2 "
			 "AND (?3 = '' OR u.status = ?3) ORDER BY u.subject",
			 "sss", connection, filter->after, filter->status);
	while (!rc && *count < filter->limit && (rc = store_step(st)) == 1) {
		rc = user_read(st, arena, &out[*count]);
		++*count;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

int
connect_front_users(struct connect_front *f, struct store_conn *c,
		    const struct connect_who *who, const char *link,
		    const struct connect_filter *filter, struct arena *arena,
		    struct connect_user **out, size_t *count,
		    struct connect_problem *p)
{
	struct front_row r;
	int rc;

	*count = 0;
	*out = arena_alloc(arena, filter->limit * sizeof(**out));
	if (!*out)
		return front_fail_store(p, c, ERR_NOMEM);
	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (!rc && users_read(c, r.info.id, filter, arena, *out, count))
		rc = front_fail_store(p, c, ERR_STORE);
	front_row_release(&r);
	return rc;
}
