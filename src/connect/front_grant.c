/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do with a connection's grant: typed anew, refreshed, revoked,
 * suspended and put into force again.
 *
 * Whatever takes something away goes to the keeper first and to the views
 * before the answer, so that no later call carries what was taken.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

static void
subject_of(const struct front_row *r, const struct connect_who *who,
	   struct connect_msg_subject *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->org, sizeof(out->org), "%s", r->org);
	snprintf(out->connection, sizeof(out->connection), "%s", r->info.id);
	if (r->info.per_user && who->actor)
		snprintf(out->subject, sizeof(out->subject), "%s",
			 who->actor->member);
}

int
front_grant_ask(struct connect_front *f, const struct front_row *r,
		const struct connect_who *who, enum connect_message type,
		uint64_t generation, uint32_t timeout_ms, struct secret **reply,
		struct connect_problem *p, struct connect_msg_problem *why)
{
	struct connect_msg_subject m;
	struct proc_pack *body = proc_pack_new();

	subject_of(r, who, &m);
	m.generation = generation;
	connect_msg_subject_pack(&m, body);
	return front_ask(f, type, body, timeout_ms, reply, p, why);
}

/* Ends the transaction in which a row was written (rc), with its record. */
static int
row_written(struct store_conn *c, const struct connect_who *who,
	    const struct front_row *r, const char *action, const char *detail,
	    int rc, struct connect_problem *p)
{
	if (!rc)
		rc = front_audit(c, who, r->org, action, r->info.id,
				 r->info.name, detail);
	if (!rc)
		rc = store_commit(c);
	if (!rc)
		return 0;
	store_rollback(c);
	return front_fail_store(p, c, rc);
}

/* One statement about the row and its audit record, together. */
static int
row_update(struct store_conn *c, const struct connect_who *who,
	   const struct front_row *r, const char *sql, const char *value,
	   const char *action, const char *detail, struct connect_problem *p)
{
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(c, NULL, sql, "sis", r->info.id,
				clock_wall_ms(), value);
	return row_written(c, who, r, action, detail, rc, p);
}

/* ---- a new credential ---- */

/* Somebody tried one that the service did not take, or that could not be
 * tested; the one in use has stayed. */
static void
credentials_note(struct store_conn *c, const struct connect_who *who,
		 const struct front_row *r, const struct connect_problem *p)
{
	int rc = store_begin(c);

	if (!rc)
		rc = front_audit(c, who, r->org,
				 "connection.credentials_refused", r->info.id,
				 r->info.name, p->code);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		log_warn("a refused credential could not be written down",
			 LOG_E(rc));
	}
}

static bool
credentials_failed_test(const struct connect_problem *p)
{
	return !strcmp(p->code, "credential_refused") ||
	       !strcmp(p->code, "credential_untested");
}

static int
credentials_set(struct connect_front *f, struct store_conn *c,
		const struct connect_who *who, struct front_row *r,
		struct json_secret *values, size_t count, bool untested,
		struct connect_problem *p)
{
	const char *subject = r->info.per_user ? who->actor->member : "";
	struct connect_msg_grant *g = calloc(1, sizeof(*g));
	struct front_awaited awaited;
	struct binding *b = NULL;
	int rc = g ? front_row_bind(f, r, &b, p) : ERR_NOMEM;

	if (!g)
		return front_fail_store(p, c, rc);
	front_await(f, &awaited, r->info.id, subject);
	if (!rc && b->kind == CATALOG_OAUTH2_CODE)
		rc = connect_fail(p, ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD,
				  "Press Connect instead.",
				  "This connection gets its credential by "
				  "consent, not by typing it in.");
	if (!rc) {
		rc = front_credential_send(f, r, who, b, values, count,
					   untested, g, p);
		if (rc && credentials_failed_test(p))
			credentials_note(c, who, r, p);
	}
	if (!rc)
		rc = front_row_connected(f, c, who, b, r, subject,
					 untested ? "connection.credentials_"
						    "forced"
						  : "connection.credentials",
					 "", g, p);
	front_await_end(f, &awaited);
	binding_free(b);
	free(g);
	return rc;
}

/* The connection whose grant somebody changes: his own, where each user has
 * one, takes no more than the right to use it. */
static int
grant_row_load(struct connect_front *f, struct store_conn *c,
	       const struct connect_who *who, const char *link,
	       struct arena *arena, struct front_row *r,
	       struct connect_problem *p)
{
	struct people_object o = { 0 };
	int rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_SEE, arena,
				r, p);

	o.member = r->info.owner;
	o.sharing = &r->sharing;
	if (!rc)
		rc = front_may(c, who,
			       r->info.per_user ? PEOPLE_CONNECTION_USE
						: PEOPLE_CONNECTION_MANAGE,
			       &o, r->info.id, p);
	return rc;
}

int
connect_front_credentials(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, const char *link,
			  struct json_secret *values, size_t count,
			  bool untested, struct arena *arena,
			  struct connect_info *out, struct connect_problem *p)
{
	struct front_row r;
	size_t i;
	int rc;

	rc = grant_row_load(f, c, who, link, arena, &r, p);
	if (!rc)
		rc = credentials_set(f, c, who, &r, values, count, untested, p);
	for (i = 0; i < count; i++) {
		secret_free(values[i].value);
		values[i].value = NULL;
	}
	front_row_release(&r);
	return rc ? rc : connect_front_get(f, c, who, link, arena, out, p);
}

/* ---- refresh, revoke ---- */

int
connect_front_refresh(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const char *link,
		      struct arena *arena, struct connect_info *out,
		      struct connect_problem *p)
{
	struct connect_problem behind; /* nothing here waits for it */
	struct front_row r;
	int rc;

	rc = grant_row_load(f, c, who, link, arena, &r, p);
	if (rc)
		goto out;
	rc = front_grant_ask(f, &r, who, CONNECT_KEEPER_REFRESH, 0,
			     CONNECT_INJECT_MS, NULL, p, NULL);
	front_catch_up(f, c, &behind);
	connect_views_withdraw(f->views, r.info.id);
	if (!rc)
		rc = row_update(c, who, &r,
				"UPDATE connections SET updated_at = ?2 "
				"WHERE id = ?1 AND ?3 = ''",
				"", "connection.refresh", NULL, p);
out:
	front_row_release(&r);
	return rc ? rc : connect_front_get(f, c, who, link, arena, out, p);
}

int
front_grant_revoke(struct connect_front *f, const struct front_row *r,
		   const struct connect_who *who,
		   struct connect_revoked *revoked, struct connect_problem *p)
{
	struct connect_msg_revoked m = { 0 };
	struct secret *reply = NULL;
	struct proc_unpack u;
	int rc;

	memset(revoked, 0, sizeof(*revoked));
	revoked->generation = r->generation;
	rc = front_grant_ask(f, r, who, CONNECT_KEEPER_REVOKE, 0,
			     CONNECT_REVOKE_MS, &reply, p, NULL);
	if (rc == ERR_NOT_FOUND) {
		snprintf(revoked->detail, sizeof(revoked->detail),
			 "There was no credential to revoke.");
		rc = 0;
	} else if (!rc) {
		u = proc_unpack_from(reply);
		connect_msg_revoked_unpack(&u, &m);
		revoked->upstream = m.upstream;
		revoked->generation = (int64_t)m.generation;
		revoked->lives = !m.upstream;
		snprintf(revoked->detail, sizeof(revoked->detail), "%.255s",
			 m.detail);
		slice_mend_utf8(revoked->detail);
	}
	secret_free(reply);
	return rc;
}

/* Unless it was connected anew before this could be written: then the row is
 * that one's. */
static int
revoked_store(struct store_conn *c, const struct connect_who *who,
	      const struct front_row *r, const struct connect_revoked *revoked,
	      struct connect_problem *p)
{
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(
			c, NULL,
			"UPDATE connections SET status = 'revoked', "
			"reason = 'The access was revoked. Connect again to "
			"use it.', updated_at = ?2, expires_at = 0, "
			"not_granted = '', " VIEW_HEALTH_WELL ", "
			"unconfirmed = ?3, generation = ?4, version = version + 1 "
			"WHERE id = ?1 AND generation <= ?4",
			"sisi", r->info.id, clock_wall_ms(),
			revoked->lives ? revoked->detail : "",
			revoked->generation);
	return row_written(c, who, r, "connection.revoke", revoked->detail, rc,
			   p);
}

int
connect_front_revoke(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     struct arena *arena, struct connect_info *out,
		     struct connect_revoked *revoked, struct connect_problem *p)
{
	struct front_row r;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (!rc && r.info.per_user) {
		rc = front_withdraw_revoke(f, c, who, &r, revoked, p);
		goto out;
	}
	if (!rc)
		rc = front_grant_revoke(f, &r, who, revoked, p);
	/* of one that was revoked before the keeper says less than it did */
	if (!rc && r.info.status == CONNECT_REVOKED)
		rc = row_update(c, who, &r,
				"UPDATE connections SET updated_at = ?2 WHERE "
				"id = ?1 AND ?3 = ''",
				"", "connection.revoke", revoked->detail, p);
	else if (!rc)
		rc = revoked_store(c, who, &r, revoked, p);
out:
	if (r.info.id[0])
		connect_views_withdraw(f->views, r.info.id);
	front_row_release(&r);
	return rc ? rc : connect_front_get(f, c, who, link, arena, out, p);
}

/* ---- enable, disable ---- */

static int
grant_suspend(struct connect_front *f, const struct connect_who *who,
	      const struct front_row *r, enum connect_suspend how,
	      struct connect_problem *p)
{
	return front_grant_ask(f, r, who, CONNECT_KEEPER_SUSPEND, how,
			       CONNECT_QUICK_MS, NULL, p, NULL);
}

static int
row_is_disabled(struct store_conn *c, const struct front_row *r, bool *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT 1 FROM connections WHERE id = ?1 AND "
			     "status = 'disabled'",
			     "s", r->info.id);

	if (!rc)
		rc = store_step(st);
	*out = rc == 1;
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Others may have enabled or disabled it meanwhile, also together with others
 * (front_bulk.c), and told the keeper so before or after this did.  The row
 * counts; and whoever changes it after the last look tells the keeper after
 * that. */
static void
grant_as_row(struct connect_front *f, struct store_conn *c,
	     const struct connect_who *who, const struct front_row *r)
{
	enum { LOOKS = 5 };
	struct connect_problem p;
	bool told, disabled;
	int i, rc = row_is_disabled(c, r, &disabled);

	for (i = 0; !rc && i < LOOKS; i++) {
		told = disabled;
		rc = grant_suspend(f, who, r,
				   told ? CONNECT_SUSPEND : CONNECT_RESUME, &p);
		if (!rc)
			rc = row_is_disabled(c, r, &disabled);
		if (told == disabled)
			break;
	}
	if (rc)
		log_warn("the keeper could not be told once more whether a "
			 "connection is enabled",
			 LOG_E(rc), LOG_S("connection", r->info.id));
}

/* By this statement, which changes nothing where somebody else was faster:
 * then it is so already, and his is the record. */
static int
row_switch(struct store_conn *c, const struct connect_who *who,
	   const struct front_row *r, const char *sql, const char *reason,
	   const char *action, struct connect_problem *p)
{
	int64_t changed = 0;
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(c, &changed, sql, "sis", r->info.id,
				clock_wall_ms(), reason);
	if (!rc && !changed) {
		store_rollback(c);
		return 0;
	}
	return row_written(c, who, r, action, NULL, rc, p);
}

static int
row_enable(struct store_conn *c, const struct connect_who *who,
	   const struct front_row *r, struct connect_problem *p)
{
	return row_switch(
		c, who, r,
		"UPDATE connections SET status = CASE WHEN status_before = '' "
		"THEN 'not_connected' ELSE status_before END, "
		"reason = CASE status_before WHEN 'connected' THEN ?3 "
		"WHEN 'revoked' THEN 'The access was revoked. Connect again "
		"to use it.' WHEN 'needs_reconnect' THEN 'The credential did "
		"not work any more: connect again.' ELSE 'It is not connected: "
		"press Connect.' END, status_before = '', updated_at = ?2, "
		"version = version + 1 WHERE id = ?1 AND status = 'disabled'",
		"", "connection.enable", p);
}

static int
row_disable(struct store_conn *c, const struct connect_who *who,
	    const struct front_row *r, struct connect_problem *p)
{
	return row_switch(
		c, who, r,
		"UPDATE connections SET status_before = status, status = "
		"'disabled', reason = ?3, updated_at = ?2, version = version "
		"+ 1 WHERE id = ?1 AND status <> 'disabled'",
		"It was disabled by a person.", "connection.disable", p);
}

/* The keeper first: what it does not know of is not changed. */
static int
grant_switch(struct connect_front *f, struct store_conn *c,
	     const struct connect_who *who, const struct front_row *r,
	     bool enable, struct connect_problem *p)
{
	int rc = grant_suspend(f, who, r,
			       enable ? CONNECT_RESUME : CONNECT_SUSPEND, p);

	if (!rc)
		rc = enable ? row_enable(c, who, r, p)
			    : row_disable(c, who, r, p);
	if (!rc)
		grant_as_row(f, c, who, r);
	return rc;
}

int
connect_front_enable(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     bool enable, struct arena *arena, struct connect_info *out,
		     struct connect_problem *p)
{
	struct front_row r;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (rc || (r.info.status == CONNECT_DISABLED) != enable) {
		*out = r.info; /* it is so already */
		front_row_release(&r);
		return rc;
	}
	rc = grant_switch(f, c, who, &r, enable, p);
	connect_views_withdraw(f->views, r.info.id);
	front_row_release(&r);
	return rc ? rc : connect_front_get(f, c, who, link, arena, out, p);
}
