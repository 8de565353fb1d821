/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant was given: what it brought with it is written into the row of its
 * connection, or of the user whose it is.
 *
 * The keeper commits a grant before its front hears of it.  So the grants of
 * two consents that end at once, or a consent and a revocation, come here in
 * either order, and a front may die before it has written.  Each has the
 * generation that it made, and a row knows that of the grant whose account,
 * scopes and data centre stand in it (granted), and the last that it has
 * heard of (generation):
 *
 *   - what is of an older one is never written over what is of a newer;
 *   - what the keeper tells of a grant that is not in its row yet is written
 *     from what it remembers of it, unless somebody waits for that grant: he
 *     knows who gave it.  If he dies, the next front is told again.
 *
 * Runs in the front, on a work thread.
 */
#include <stdio.h>

#include "connect/front_priv.h"

/* What is to be written of one. */
struct brought {
	const struct connect_msg_grant *grant;
	const char *connection, *subject;
	struct buf scopes; /* granted, in JSON */
	char not_granted[FRONT_NOT_GRANTED_SIZE];
};

/* b NULL: the service is in no catalogue any more. */
static int
brought_fill(struct brought *n, const struct binding *b,
	     const struct front_row *r, const char *subject,
	     const struct connect_msg_grant *g, struct arena *arena)
{
	const char *missing = b ? front_scopes_missing(b, r, g, arena) : "";

	n->grant = g;
	n->connection = r->info.id;
	n->subject = subject;
	snprintf(n->not_granted, sizeof(n->not_granted), "%s", missing);
	slice_mend_utf8(n->not_granted);
	return front_scopes_granted(b, r, g, arena, &n->scopes);
}

/* ---- as the keeper has answered ---- */

static int
row_connected(struct store_conn *c, const struct brought *n, int64_t *changed)
{
	const struct connect_msg_grant *g = n->grant;

	if (n->subject[0])
		return front_user_connected(c, n->connection, n->subject, g,
					    buf_slice(&n->scopes),
					    n->not_granted, changed);
	return store_exec(
		c, changed,
		/* what a person has disabled stays so */
		"UPDATE connections SET "
		"status_before = CASE WHEN status = 'disabled' "
		"THEN 'connected' ELSE '' END, "
		"reason = CASE WHEN status = 'disabled' THEN reason "
		"ELSE '' END, "
		"status = CASE WHEN status = 'disabled' THEN status "
		"ELSE 'connected' END, " VIEW_HEALTH_WELL
		", not_granted = ?8, scopes_granted = ?2, account = ?3, "
		"data_centre = ?4, generation = ?5, granted = ?5, "
		"connected_at = ?6, updated_at = ?6, expires_at = ?7, "
		"ends_at = ?9, ends_why = ?10, idle_ends_at = ?11, "
		"warning = ?12, unconfirmed = '', version = version + 1 "
		"WHERE id = ?1 AND generation <= ?5",
		"slssiiisisis", n->connection, buf_slice(&n->scopes),
		g->account, g->data_centre, (int64_t)g->generation,
		clock_wall_ms(), g->expires_at, n->not_granted, g->ends_at,
		g->ends_why, g->idle_ends_at, g->warning);
}

/* ---- beside what is known of how it stands ---- */

static int
row_brought(struct store_conn *c, const struct brought *n, int64_t *changed)
{
	const struct connect_msg_grant *g = n->grant;

	if (n->subject[0])
		return front_user_brought(c, n->connection, n->subject, g,
					  buf_slice(&n->scopes), n->not_granted,
					  changed);
	return store_exec(
		c, changed,
		"UPDATE connections SET scopes_granted = ?2, account = ?3, "
		"data_centre = ?4, granted = ?5, connected_at = ?6, "
		"warning = ?7, not_granted = ?8 "
		"WHERE id = ?1 AND granted <= ?5",
		"slssiiss", n->connection, buf_slice(&n->scopes), g->account,
		g->data_centre, (int64_t)g->generation, clock_wall_ms(),
		g->warning, n->not_granted);
}

/* ---- by what the row says already ---- */

enum standing { STANDS_GONE, STANDS_ANOTHER, STANDS_REVOKED, STANDS_SO };

static int
row_standing(struct store_conn *c, const struct brought *n, enum standing *out)
{
	struct store_stmt *st = NULL;
	int rc;

	*out = STANDS_GONE;
	rc = n->subject[0]
		     ? store_query(c, &st,
				   "SELECT granted, status = 'revoked' FROM "
				   "connection_users WHERE connection = ?1 "
				   "AND subject = ?2",
				   "ss", n->connection, n->subject)
		     : store_query(c, &st,
				   "SELECT granted, status = 'revoked' OR "
				   "(status = 'disabled' AND status_before = "
				   "'revoked') FROM connections WHERE id = ?1",
				   "s", n->connection);
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		*out = store_col_int(st, 0) > (int64_t)n->grant->generation
			       ? STANDS_ANOTHER
		       : store_col_int(st, 1) ? STANDS_REVOKED
					      : STANDS_SO;
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* More was heard of it, or of another, before this: it has been renewed, or
 * replaced, or revoked. */
static int
brought_write(struct store_conn *c, const struct brought *n, enum standing *how)
{
	int64_t changed = 0;
	int rc = row_connected(c, n, &changed);

	*how = STANDS_SO;
	if (rc || changed)
		return rc;
	rc = row_standing(c, n, how);
	if (!rc && *how == STANDS_SO)
		rc = row_brought(c, n, &changed);
	return rc;
}

static int
granted_fail(enum standing how, struct connect_problem *p)
{
	switch (how) {
	case STANDS_GONE:
		return connect_fail(p, ERR_NOT_FOUND,
				    CONNECT_P_CONNECTION_NOT_FOUND, NULL,
				    "The connection was deleted meanwhile.");
	case STANDS_ANOTHER:
		return connect_fail(p, ERR_CONFLICT, CONNECT_P_CHANGED,
				    "Look at the connection: it shows whose "
				    "account is in use.",
				    "It was connected once more meanwhile, and "
				    "the later one is in use.");
	case STANDS_REVOKED:
		return connect_fail(p, ERR_CONFLICT, CONNECT_P_CHANGED,
				    "Connect again to use it.",
				    "The access was revoked meanwhile.");
	default:
		return 0;
	}
}

int
front_row_connected(struct connect_front *f, struct store_conn *c,
		    const struct connect_who *who, const struct binding *b,
		    struct front_row *r, const char *subject,
		    const char *action, const char *more,
		    const struct connect_msg_grant *g,
		    struct connect_problem *p)
{
	struct arena *arena = arena_new(256 * 1024);
	char detail[sizeof(g->account) + CONNECT_WARNING_SIZE +
		    FRONT_ASKED_SIZE + 2];
	enum standing how = STANDS_SO;
	struct brought n = { 0 };
	int rc;

	snprintf(detail, sizeof(detail), "%s%s%s", g->account,
		 g->account[0] && more[0] ? ". " : "", more);
	buf_init(&n.scopes, FRONT_ROW_JSON_MAX);
	rc = arena ? brought_fill(&n, b, r, subject, g, arena) : ERR_NOMEM;
	if (!rc)
		rc = store_begin(c);
	if (!rc)
		rc = brought_write(c, &n, &how);
	if (!rc && how == STANDS_GONE)
		rc = front_withdraw_note(c, r->org, r->info.id, subject,
					 "delete");
	else if (!rc)
		rc = front_audit(c, who, r->org, action, r->info.id,
				 r->info.name, detail);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		front_fail_store(p, c, rc);
	} else {
		rc = granted_fail(how, p);
	}
	connect_views_withdraw(f->views, r->info.id);
	buf_release(&n.scopes);
	arena_free(arena);
	return rc;
}

/* ---- who waits for one ---- */

void
front_await(struct connect_front *f, struct front_awaited *a,
	    const char *connection, const char *subject)
{
	a->connection = connection;
	a->subject = subject;
	pthread_mutex_lock(&f->mutex);
	a->next = f->awaited;
	f->awaited = a;
	pthread_mutex_unlock(&f->mutex);
}

void
front_await_end(struct connect_front *f, struct front_awaited *a)
{
	struct front_awaited **link = &f->awaited;

	pthread_mutex_lock(&f->mutex);
	while (*link != a)
		link = &(*link)->next;
	*link = a->next;
	pthread_mutex_unlock(&f->mutex);
}

static bool
granted_is_awaited(struct connect_front *f, const struct connect_msg_status *m)
{
	const struct front_awaited *a;

	pthread_mutex_lock(&f->mutex);
	for (a = f->awaited; a; a = a->next)
		if (!strcmp(a->connection, m->who.connection) &&
		    !strcmp(a->subject, m->who.subject))
			break;
	pthread_mutex_unlock(&f->mutex);
	return a != NULL;
}

/* Whoever gave it, the process that knew him is gone. */
static int
granted_audit(struct connect_front *f, struct store_conn *c,
	      const struct connect_msg_status *m, const struct front_row *r)
{
	char detail[sizeof(m->brought.account) + sizeof(m->who.subject) + 200];
	struct audit_event e = { .org = m->who.org,
				 .action = "connection.connect",
				 .object = m->who.connection,
				 .object_name = r->info.name,
				 .detail = detail };

	if (f->shared) /* another front may be the one that waits */
		return 0;
	snprintf(detail, sizeof(detail),
		 "%s%sDrawbridge was interrupted before this could be written "
		 "down with who has done it.%s%s",
		 m->brought.account, m->brought.account[0] ? ". " : "",
		 m->who.subject[0] ? " For the user " : "", m->who.subject);
	return audit_append(c, &e);
}

/* ---- as the keeper remembers it ---- */

/* 1: it is in no row yet. */
static int
brought_is_news(struct store_conn *c, const struct connect_msg_status *m)
{
	int64_t generation = (int64_t)m->brought.generation;
	struct store_stmt *st = NULL;
	int rc;

	if (!generation || m->leaving)
		return 0;
	rc = m->who.subject[0]
		     ? store_query(c, &st,
				   "SELECT 1 FROM connection_users WHERE "
				   "connection = ?1 AND subject = ?2 AND "
				   "granted < ?3",
				   "ssi", m->who.connection, m->who.subject,
				   generation)
		     : store_query(c, &st,
				   "SELECT 1 FROM connections WHERE id = ?1 "
				   "AND granted < ?2",
				   "si", m->who.connection, generation);
	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc;
}

int
front_granted_told(struct connect_front *f, struct store_conn *c,
		   const struct connect_msg_status *m, enum front_granted *out)
{
	struct arena *arena = NULL;
	struct connect_problem ignored;
	struct front_row r = { 0 };
	struct brought n = { 0 };
	struct binding *b = NULL;
	int rc = brought_is_news(c, m);

	*out = rc != 1			  ? FRONT_GRANTED_KNOWN
	       : granted_is_awaited(f, m) ? FRONT_GRANTED_AWAITED
					  : FRONT_GRANTED_NEWS;
	if (*out != FRONT_GRANTED_NEWS)
		return rc < 0 ? rc : 0;
	arena = arena_new(256 * 1024);
	buf_init(&n.scopes, FRONT_ROW_JSON_MAX);
	rc = arena ? front_row_load_id(c, m->who.connection, false, arena, &r)
		   : ERR_NOMEM;
	if (!rc) {
		front_row_bind(f, &r, &b, &ignored);
		rc = brought_fill(&n, b, &r, m->who.subject, &m->brought,
				  arena);
	}
	if (!rc)
		rc = row_brought(c, &n, NULL);
	if (!rc)
		rc = granted_audit(f, c, m, &r);
	binding_free(b);
	front_row_release(&r);
	buf_release(&n.scopes);
	arena_free(arena);
	return rc;
}
