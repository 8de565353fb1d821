/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection is deleted: not while a flow calls it, unless by force.  The
 * grant is revoked upstream, and all grants, whosesoever, are the keeper's no
 * more before the rows go.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

/* All grants of the connection, whosesoever, are the keeper's no more. */
static int
forget_all(struct connect_front *f, const struct front_row *r,
	   struct connect_problem *p)
{
	const struct connect_who nobody = { .actor = NULL };

	return front_grant_ask(f, r, &nobody, CONNECT_KEEPER_FORGET, 0,
			       CONNECT_QUICK_MS, NULL, p, NULL);
}

static int
delete_rows(struct store_conn *c, const struct front_row *r)
{
	static const char *const statements[] = {
		"DELETE FROM connection_users WHERE connection = ?1",
		"DELETE FROM shares WHERE connection = ?1",
		"DELETE FROM connect_tickets WHERE connection = ?1",
		"DELETE FROM flow_uses WHERE connection = ?1",
		"DELETE FROM oauth_states WHERE connection = ?1",
		"DELETE FROM connections WHERE id = ?1",
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_LEN(statements) && !rc; i++)
		rc = store_exec(c, NULL, statements[i], "s", r->info.id);
	return rc;
}

int
connect_front_uses(struct store_conn *c, const char *connection, size_t limit,
		   struct arena *arena, struct connect_use **out, size_t *count)
{
	struct store_stmt *st = NULL;
	struct connect_use *u;
	int rc;

	*count = 0;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	rc = *out ? store_query(
			    c, &st,
			    "SELECT f.link_name, f.name, max(CASE WHEN "
			    "u.version = 0 THEN 1 ELSE 0 END), max(CASE WHEN "
			    "u.version > 0 THEN 1 ELSE 0 END) FROM flow_uses u "
			    "JOIN flows f ON f.id = u.flow WHERE u.connection "
			    "= ?1 AND (u.version = 0 OR u.version = "
			    "f.published_version) GROUP BY f.link_name, f.name "
			    "ORDER BY f.link_name LIMIT ?2",
			    "si", connection, (int64_t)limit)
		  : ERR_NOMEM;
	while (!rc && (rc = store_step(st)) == 1) {
		u = &(*out)[(*count)++];
		u->link = arena_slice(arena, store_col(st, 0));
		u->name = arena_slice(arena, store_col(st, 1));
		u->draft = store_col_int(st, 2) != 0;
		u->published = store_col_int(st, 3) != 0;
		rc = u->link && u->name ? 0 : ERR_NOMEM;
	}
	store_done(st);
	return rc;
}

/* Flows that call it, in force or as a draft: an error that lists them. */
static int
delete_check_uses(struct store_conn *c, const struct front_row *r,
		  struct arena *arena, struct connect_problem *p)
{
	enum { LISTED = 5 };
	struct connect_use *list, *u;
	size_t count, i;
	struct buf text;
	int rc = connect_front_uses(c, r->info.id, LISTED + 1, arena, &list,
				    &count);

	if (rc)
		return front_fail_store(p, c, rc);
	if (!count)
		return 0;
	buf_init(&text, 4096);
	for (i = 0; i < count && i < LISTED; i++) {
		u = &list[i];
		buf_printf(&text, "%s%s (%s, %s)", i ? "; " : "", u->link,
			   u->name,
			   !u->draft	  ? "published"
			   : u->published ? "draft and published"
					  : "draft");
	}
	rc = connect_fail(p, ERR_WRONG_STATE, CONNECT_P_IN_USE,
			  "Take it out of them, or let an admin delete it with "
			  "force=true.",
			  "It is used by these flows: %.*s%s.",
			  SLICE_ARG(buf_slice(&text)),
			  count > LISTED ? "; and more" : "");
	buf_release(&text);
	return rc;
}

/* What is known of one that was revoked before ("" where it was not): what the
 * provider has not confirmed then is not confirmed by its end here. */
static int
delete_known(struct store_conn *c, const struct front_row *r, char *out,
	     size_t size)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT CASE WHEN unconfirmed = '' THEN 'It was "
			     "revoked before.' ELSE unconfirmed END FROM "
			     "connections WHERE id = ?1 AND (status = "
			     "'revoked' OR status = 'disabled' AND "
			     "status_before = 'revoked')",
			     "s", r->info.id);

	out[0] = '\0';
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		snprintf(out, size, "%.*s", SLICE_ARG(store_col(st, 0)));
	store_done(st);
	slice_mend_utf8(out);
	return rc < 0 ? rc : 0;
}

/* The connection's own. */
static int
delete_grant(struct connect_front *f, struct store_conn *c,
	     const struct connect_who *who, const struct front_row *r,
	     struct connect_revoked *revoked, struct connect_problem *p)
{
	char known[sizeof(revoked->detail)];
	int rc = delete_known(c, r, known, sizeof(known));

	if (rc)
		return front_fail_store(p, c, rc);
	if (r->info.status != CONNECT_REVOKED)
		rc = front_grant_revoke(f, r, who, revoked, p);
	if (!rc && known[0] && !revoked->upstream)
		memcpy(revoked->detail, known, sizeof(known));
	return rc;
}

/* Users' own are revoked in the background: there may be many.  So is one that
 * is being revoked already. */
static int
delete_grants(struct connect_front *f, struct store_conn *c,
	      const struct connect_who *who, const struct front_row *r,
	      struct connect_revoked *revoked, struct connect_problem *p)
{
	int64_t users = 0;
	int rc = 0;

	if (r->info.per_user)
		rc = front_withdraw_mark(f, c, r->org, r->info.id, "", p);
	if (!rc) {
		rc = front_withdraw_count(c, r->info.id, &users);
		if (rc) {
			front_left_unnoted(f);
			front_fail_store(p, c, rc);
		}
	}
	if (rc)
		return rc;
	if (r->info.per_user) {
		front_withdraw_words(users, front_ends_all(f, r),
				     revoked->detail, sizeof(revoked->detail));
	} else if (users) {
		snprintf(revoked->detail, sizeof(revoked->detail),
			 "It is being revoked at the provider; the audit will "
			 "tell how that went.");
	} else {
		rc = delete_grant(f, c, who, r, revoked, p);
	}
	return rc || users ? rc : forget_all(f, r, p);
}

int
connect_front_delete(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     bool force, int64_t if_match,
		     struct connect_revoked *revoked, struct connect_problem *p)
{
	struct arena *arena = arena_new(1 << 20);
	struct front_row r = { 0 };
	int rc = arena ? 0 : front_fail_store(p, c, ERR_NOMEM);

	memset(revoked, 0, sizeof(*revoked));
	if (!rc)
		rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE,
				    arena, &r, p);
	if (!rc && force)
		rc = front_may(c, who, PEOPLE_CONNECTION_FORCE,
			       &(struct people_object){ .member = r.info.owner,
							.sharing = &r.sharing },
			       r.info.id, p);
	if (!rc && if_match && if_match != r.info.version)
		rc = front_fail_store(p, c, ERR_CONFLICT);
	if (!rc && !force)
		rc = delete_check_uses(c, &r, arena, p);
	if (!rc)
		rc = delete_grants(f, c, who, &r, revoked, p);
	if (rc)
		goto out;
	rc = store_begin(c);
	if (!rc)
		rc = front_withdraw_note_all(c, &r, "delete");
	if (!rc)
		rc = delete_rows(c, &r);
	if (!rc)
		rc = front_audit(c, who, r.org, "connection.delete", r.info.id,
				 r.info.name, revoked->detail);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		front_left_unnoted(f);
		front_fail_store(p, c, rc);
	}
	connect_views_withdraw(f->views, r.info.id);
out:
	front_row_release(&r);
	arena_free(arena);
	return rc;
}
