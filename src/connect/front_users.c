/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that each user gives for himself ("use credentials of login user"),
 * as the front has them: whose they are, how they stand, when they end.
 *
 * Who manages a connection sees which members must connect again, and may
 * remove each; nobody else does, but each for himself.
 *
 * Runs in the front, on a work thread.
 */
#include "connect/front_priv.h"

/* ---- stored ---- */

int
front_user_connected(struct store_conn *c, const char *connection,
		     const char *subject, const struct connect_msg_grant *g,
		     struct slice granted, const char *not_granted,
		     int64_t *changed)
{
	return store_exec(
		c, changed,
		"INSERT INTO connection_users (connection, subject, status, "
		"account, scopes_granted, connected_at, expires_at, ends_at, "
		"ends_why, idle_ends_at, not_granted, generation, granted) "
		"SELECT ?1, ?2, 'connected', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
		"?11, ?11 FROM connections WHERE id = ?1 "
		"ON CONFLICT (connection, subject) DO UPDATE SET "
		"status = 'connected', reason = '', account = ?3, "
		"scopes_granted = ?4, connected_at = ?5, expires_at = ?6, "
		"ends_at = ?7, ends_why = ?8, idle_ends_at = ?9, "
		"not_granted = ?10, " VIEW_HEALTH_WELL
		", unconfirmed = '', generation = ?11, granted = ?11 "
		"WHERE connection_users.generation <= ?11",
		"sssliiisisi", connection, subject, g->account, granted,
		clock_wall_ms(), g->expires_at, g->ends_at, g->ends_why,
		g->idle_ends_at, not_granted, (int64_t)g->generation);
}

int
front_user_brought(struct store_conn *c, const char *connection,
		   const char *subject, const struct connect_msg_grant *g,
		   struct slice granted, const char *not_granted,
		   int64_t *changed)
{
	return store_exec(
		c, changed,
		"UPDATE connection_users SET account = ?3, scopes_granted = "
		"?4, granted = ?5, connected_at = ?6, not_granted = ?7 "
		"WHERE connection = ?1 AND subject = ?2 AND granted <= ?5",
		"sssliis", connection, subject, g->account, granted,
		(int64_t)g->generation, clock_wall_ms(), not_granted);
}

/* That he is connected may be news here: this front, or the one before, may
 * have ended between his grant and his row. */
static int
user_is_connected(struct store_conn *c, const struct connect_msg_status *m,
		  bool *changed)
{
	int64_t count = 0;
	int rc = store_exec(
		c, &count,
		"INSERT INTO connection_users (connection, subject, "
		"status, connected_at) "
		"SELECT ?1, ?2, 'connected', ?3 FROM connections "
		"WHERE id = ?1 "
		"ON CONFLICT (connection, subject) DO UPDATE SET "
		"connected_at = CASE WHEN connection_users.status = "
		"'connected' THEN connection_users.connected_at "
		"ELSE ?3 END WHERE connection_users.generation <= ?4",
		"ssii", m->who.connection, m->who.subject, clock_wall_ms(),
		(int64_t)m->who.generation);

	*changed = count > 0;
	return rc;
}

/* A grant whose connection was deleted before it was heard of is given back;
 * one that has a row, and a newer one, is not. */
static int
user_is_left(struct store_conn *c, const struct connect_msg_status *m)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st, "SELECT 1 FROM connections WHERE id = ?1",
			     "s", m->who.connection);

	if (!rc)
		rc = store_step(st);
	store_done(st);
	if (rc)
		return rc < 0 ? rc : 0;
	return front_withdraw_note(c, m->who.org, m->who.connection,
				   m->who.subject, "delete");
}

#define IS_FINE "?5 = 'ok' AND ?3 = 'connected'"
#define STAYS FRONT_HEALTH_STAYS("?9")

/* As front_notice.c's of a connection; one that is not connected has no
 * health. */
static int
user_stands(struct store_conn *c, const struct connect_msg_status *m)
{
	bool degraded = m->degraded && m->status == CONNECT_CONNECTED;

	return store_exec(
		c, NULL,
		"UPDATE connection_users SET status = ?3, reason = ?4, "
		"health = CASE WHEN " IS_FINE " AND " STAYS " "
		"THEN health ELSE ?5 END, "
		"health_reason = CASE WHEN " IS_FINE " AND " STAYS " "
		"THEN health_reason ELSE ?6 END, "
		"health_since = CASE WHEN ?5 = 'ok' AND "
		"(?3 <> 'connected' OR NOT " STAYS ") THEN 0 "
		"WHEN health = 'ok' THEN ?7 ELSE health_since END, "
		"retry_at = CASE WHEN " IS_FINE " AND " STAYS " "
		"THEN retry_at ELSE ?8 END, "
		"generation = ?9, expires_at = ?10, "
		"ends_at = ?11, ends_why = ?12, idle_ends_at = ?13, "
		"unconfirmed = " FRONT_UNCONFIRMED(
			"?3", "?4",
			"?14") " "
			       "WHERE connection = ?1 AND subject = ?2 AND generation <= ?9",
		"ssssssiiiiisii", m->who.connection, m->who.subject,
		connect_status_name(m->status), m->reason,
		degraded ? "degraded" : "ok", degraded ? m->health_reason : "",
		clock_wall_ms(), degraded ? m->retry_at : 0,
		(int64_t)m->who.generation, m->expires_at, m->ends_at,
		m->ends_why, m->idle_ends_at, (int64_t)m->lives);
}

int
front_user_status(struct store_conn *c, const struct connect_msg_status *m)
{
	bool changed = true;
	int rc = 0;

	if (m->leaving)
		return front_left_told(c, &m->who);
	if (m->status == CONNECT_CONNECTED)
		rc = user_is_connected(c, m, &changed);
	if (!rc && !changed)
		rc = user_is_left(c, m);
	return rc ? rc : user_stands(c, m);
}

/* ---- read ---- */

/* The first that applies; SQL counts and filters the same. */
static const char *
user_attention(const struct connect_user *u)
{
	if (u->status == CONNECT_NEEDS_RECONNECT)
		return "needs_reconnect";
	if (u->status == CONNECT_REVOKED)
		return "revoked";
	if (u->status == CONNECT_CONNECTED && u->degraded)
		return "degraded";
	if (u->status == CONNECT_CONNECTED && u->forecast.at > 0 &&
	    u->forecast.at < front_row_soon())
		return "expiring";
	return "";
}

static int
user_read(struct store_stmt *st, struct arena *arena, struct connect_user *u)
{
	u->subject = arena_slice(arena, store_col(st, 0));
	u->name = arena_slice(arena, store_col(st, 1));
	u->email = arena_slice(arena, store_col(st, 2));
	u->reason = arena_slice(arena, store_col(st, 4));
	u->account = arena_slice(arena, store_col(st, 5));
	u->health_reason = arena_slice(arena, store_col(st, 13));
	if (!u->subject || !u->name || !u->email || !u->reason || !u->account ||
	    !u->health_reason)
		return ERR_NOMEM;
	connect_status_parse(store_col(st, 3), &u->status);
	u->connected_at = store_col_int(st, 7);
	u->expires_at = store_col_int(st, 8);
	u->forecast = front_forecast(u->status, store_col_int(st, 9),
				     store_col(st, 10), store_col_int(st, 11));
	u->degraded = slice_eq(store_col(st, 12), SLICE("degraded"));
	u->health_since = store_col_int(st, 14);
	u->retry_at = store_col_int(st, 15);
	u->attention = user_attention(u);
	return front_texts_of_json(store_col(st, 6), arena, &u->scopes_granted);
}

#define USER_HEALTH FRONT_HEALTH_TOLD("u.")
#define USER_COLUMNS \
	"SELECT u.subject, coalesce(m.name, ''), coalesce(m.email, ''), " \
	"u.status, u.reason, u.account, u.scopes_granted, u.connected_at, " \
	"u.expires_at, u.ends_at, u.ends_why, u.idle_ends_at, " USER_HEALTH \
	", u.retry_at "
#define USER_MEMBER "LEFT JOIN members m ON m.id = u.subject "
/*
 * Subjects after ?2 in a range of connection_users_standing.  They are an
 * expression lest the order of the table's key be taken instead, where all
 * users are walked over to find the few.
 */
#define USER_RANGE(which) \
	"SELECT subject || '' AS who FROM connection_users " \
	"WHERE connection = ?1 AND subject || '' > ?2 AND " which

#define USERS_BROKEN USER_RANGE("status IN ('needs_reconnect', 'revoked')")
#define USERS_TROUBLED USER_RANGE(FRONT_USER_TROUBLED(""))
#define USERS_SHORT USER_RANGE(FRONT_USER_SHORT(""))
#define USERS_EXPIRING USER_RANGE(FRONT_USER_EXPIRING("", "?3"))

static int
users_query(struct store_conn *c, const char *connection,
	    const struct connect_filter *filter, struct store_stmt **st)
{
	if (filter->attention)
		return store_query(
			c, st,
			USER_COLUMNS
			"FROM (" USERS_BROKEN " UNION ALL " USERS_TROUBLED
			" UNION ALL " USERS_SHORT " UNION ALL " USERS_EXPIRING
			" ORDER BY who LIMIT ?4) a "
			"JOIN connection_users u ON u.connection = ?1 "
			"AND u.subject = a.who " USER_MEMBER
			"ORDER BY u.subject",
			"ssii", connection, filter->after, front_row_soon(),
			(int64_t)filter->limit);
	return store_query(c, st,
			   USER_COLUMNS
			   "FROM connection_users u " USER_MEMBER
			   "WHERE u.connection = ?1 AND u.subject > ?2 "
			   "AND (?3 = '' OR u.status = ?3) "
			   "ORDER BY u.subject LIMIT ?4",
			   "sssi", connection, filter->after, filter->status,
			   (int64_t)filter->limit);
}

static int
users_read(struct store_conn *c, const char *connection,
	   const struct connect_filter *filter, struct arena *arena,
	   struct connect_user *out, size_t *count)
{
	struct store_stmt *st = NULL;
	int rc = users_query(c, connection, filter, &st);

	while (!rc && *count < filter->limit && (rc = store_step(st)) == 1) {
		rc = user_read(st, arena, &out[*count]);
		++*count;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

const char front_users_degraded[] =
	"SELECT count(*) FROM connection_users WHERE status = 'connected' "
	"AND (health = 'degraded' OR not_granted > '')";

int
front_users_count(struct store *s, uint64_t *degraded)
{
	struct store_conn *c = NULL;
	struct store_stmt *st = NULL;
	int rc = store_acquire(s, &c);

	*degraded = 0;
	if (rc)
		return rc;
	rc = store_query(c, &st, front_users_degraded, "");
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		*degraded = (uint64_t)store_col_int(st, 0);
	store_done(st);
	store_release(c);
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
	if (!rc) {
		rc = users_read(c, r.info.id, filter, arena, *out, count);
		if (rc)
			front_fail_store(p, c, rc);
	}
	front_row_release(&r);
	return rc;
}

/* ---- one of them ---- */

static bool
user_is_who(const struct connect_who *who, const char *subject)
{
	return who->actor && !strcmp(subject, who->actor->member);
}

/* Another's are for who may manage the connection. */
static int
user_row(struct connect_front *f, struct store_conn *c,
	 const struct connect_who *who, const char *link, const char *subject,
	 struct arena *arena, struct front_row *out, struct connect_problem *p)
{
	int rc = front_row_load(f, c, who, link,
				user_is_who(who, subject)
					? PEOPLE_CONNECTION_USE
					: PEOPLE_CONNECTION_MANAGE,
				arena, out, p);

	if (!rc && !out->info.per_user)
		rc = connect_fail(
			p, ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD, NULL,
			"This connection is not made by each user for "
			"himself.");
	return rc;
}

/* none: a member who has connected nothing is given as such. */
static int
user_load(struct store_conn *c, const struct front_row *r, const char *subject,
	  bool none, struct arena *arena, struct connect_user *out,
	  struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     USER_COLUMNS
			     "FROM connection_users u " USER_MEMBER
			     "WHERE u.connection = ?1 AND u.subject = ?2 "
			     "UNION ALL SELECT m.id, m.name, m.email, "
			     "'not_connected', '', '', '[]', 0, 0, 0, '', 0, "
			     "'ok', '', 0, 0 FROM members m WHERE ?3 = 1 AND "
			     "m.id = ?2 AND NOT EXISTS (SELECT 1 FROM "
			     "connection_users WHERE connection = ?1 AND "
			     "subject = ?2)",
			     "ssi", r->info.id, subject, (int64_t)none);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = store_step(st);
	rc = rc == 1 ? user_read(st, arena, out) : rc ? rc : ERR_NOT_FOUND;
	store_done(st);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_NOT_FOUND, NULL,
				    "This user has no account connected here.");
	return rc ? front_fail_store(p, c, rc) : 0;
}

int
connect_front_user(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who, const char *link,
		   const char *subject, struct arena *arena,
		   struct connect_user *out, struct connect_problem *p)
{
	struct front_row r;
	int rc = user_row(f, c, who, link, subject, arena, &r, p);

	if (!rc)
		rc = user_load(c, &r, subject, user_is_who(who, subject), arena,
			       out, p);
	front_row_release(&r);
	return rc;
}

static int
user_remove(struct store_conn *c, const struct connect_who *who,
	    const struct front_row *r, const struct connect_user *u,
	    const char *words)
{
	char detail[600];
	int rc = store_begin(c);

	snprintf(detail, sizeof(detail), "For the user %s. %s",
		 u->email[0] ? u->email : u->subject, words);
	if (!rc)
		rc = front_withdraw_note(c, r->org, r->info.id, u->subject,
					 "user");
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM connection_users WHERE connection "
				"= ?1 AND subject = ?2",
				"ss", r->info.id, u->subject);
	if (!rc)
		rc = front_audit(c, who, r->org, "connection.revoke",
				 r->info.id, r->info.name, detail);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

static void
remove_words(bool all, struct connect_revoked *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->detail, sizeof(out->detail),
		 "It is being revoked at the provider.%s",
		 !all ? ""
		      : " That ends every access that the OAuth app has to "
			"this account: other connections of the same account "
			"have to be connected again.");
}

int
connect_front_user_remove(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, const char *link,
			  const char *subject, struct arena *arena,
			  struct connect_revoked *revoked,
			  struct connect_problem *p)
{
	struct connect_user u;
	struct front_row r;
	int rc = user_row(f, c, who, link, subject, arena, &r, p);

	if (!rc)
		rc = user_load(c, &r, subject, false, arena, &u, p);
	if (!rc)
		rc = front_withdraw_mark(f, c, r.org, r.info.id, subject, p);
	if (!rc) {
		step_reached("user.left");
		remove_words(front_ends_all(f, &r), revoked);
		rc = user_remove(c, who, &r, &u, revoked->detail);
		if (rc) {
			front_left_unnoted(f);
			rc = front_fail_store(p, c, rc);
		}
	}
	if (r.info.id[0])
		connect_views_withdraw(f->views, r.info.id);
	front_row_release(&r);
	return rc;
}
