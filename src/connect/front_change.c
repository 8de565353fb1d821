/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with a connection that is there.
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

/* Asks the keeper something about this connection's grant. */
static int
ask_grant(struct connect_front *f, const struct front_row *r,
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

/* All grants of the connection, whosesoever, are the keeper's no more. */
static int
forget_all(struct connect_front *f, const struct front_row *r,
	   struct connect_problem *p)
{
	const struct connect_who nobody = { .actor = NULL };

	return ask_grant(f, r, &nobody, CONNECT_KEEPER_FORGET, 0,
			 CONNECT_QUICK_MS, NULL, p, NULL);
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

/* ---- change ---- */

static int
change_check(struct connect_front *f, const struct connect_who *who,
	     struct store_conn *c, struct front_row *r,
	     const struct connect_change *ch, struct connect_problem *p)
{
	struct people_object o = { .member = r->info.owner,
				   .sharing = &r->sharing };
	struct connect_service s = { 0 };
	struct binding *b = NULL;
	int rc = 0;

	if (ch->owner)
		rc = front_may(c, who, PEOPLE_CONNECTION_TRANSFER, &o,
			       r->info.id, p);
	if (!rc && (ch->scopes || ch->second_scopes))
		rc = connect_front_service(f, c, who, r->info.service, &s, p);
	if (!rc && ch->scopes)
		rc = front_scopes_check(s.service, false, ch->scopes, "/scopes",
					p);
	if (!rc && ch->second_scopes)
		rc = front_scopes_check(s.service, true, ch->second_scopes,
					"/second_scopes", p);
	if (s.catalog)
		catalog_unref(s.catalog);
	if (!rc && ch->parameters) {
		json_decref(r->parameters);
		r->parameters = json_deep_copy(ch->parameters);
		rc = front_row_bind(f, r, &b, p);
		binding_free(b);
	}
	return rc;
}

static int
change_texts(struct store_conn *c, const struct front_row *r,
	     const struct connect_texts *t, const char *sql)
{
	struct buf json;
	int rc;

	if (!t)
		return 0;
	buf_init(&json, 64 * 1024);
	rc = front_texts_json(t, &json);
	if (!rc)
		rc = store_exec(c, NULL, sql, "sl", r->info.id,
				buf_slice(&json));
	buf_release(&json);
	return rc;
}

static int
change_parameters(struct store_conn *c, const struct front_row *r,
		  const json_t *parameters)
{
	struct buf json;
	int rc;

	if (!parameters)
		return 0;
	buf_init(&json, 64 * 1024);
	rc = json_write(parameters, &json);
	if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE connections SET parameters = ?2 "
				"WHERE id = ?1",
				"sl", r->info.id, buf_slice(&json));
	buf_release(&json);
	return rc;
}

static int
change_owner(struct store_conn *c, const struct front_row *r, const char *owner)
{
	int64_t changed;
	int rc;

	if (!owner)
		return 0;
	rc = store_exec(c, &changed,
			"UPDATE connections SET owner = ?2 WHERE id = ?1 "
			"AND EXISTS (SELECT 1 FROM members WHERE id = ?2 "
			"AND org = ?3 AND disabled_at = 0)",
			"sss", r->info.id, owner, r->org);
	return rc ? rc : changed ? 0 : ERR_NOT_FOUND;
}

static int
change_write(struct store_conn *c, const struct front_row *r, int64_t if_match,
	     const struct connect_change *ch)
{
	int64_t changed;
	int rc;

	rc = store_exec(c, &changed,
			"UPDATE connections SET name = ?2, updated_at = ?3, "
			"version = version + 1 WHERE id = ?1 AND version = ?4",
			"ssii", r->info.id, ch->name ? ch->name : r->info.name,
			clock_wall_ms(), if_match ? if_match : r->info.version);
	if (!rc && !changed)
		rc = ERR_CONFLICT;
	if (!rc)
		rc = change_texts(c, r, ch->scopes,
				  "UPDATE connections SET scopes_asked = ?2 "
				  "WHERE id = ?1");
	if (!rc)
		rc = change_texts(c, r, ch->second_scopes,
				  "UPDATE connections SET "
				  "second_scopes_asked = ?2 WHERE id = ?1");
	if (!rc)
		rc = change_parameters(c, r, ch->parameters);
	return rc ? rc : change_owner(c, r, ch->owner);
}

/* As it is now: also for who has just given it away, and may not see it any
 * more. */
static int
change_answer(struct store_conn *c, const struct connect_who *who,
	      struct front_row *r, struct arena *arena,
	      struct connect_info *out)
{
	char id[CONNECT_ID_SIZE];
	int rc;

	memcpy(id, r->info.id, sizeof(id));
	front_row_release(r);
	rc = front_row_load_id(c, id, arena, r);
	r->info.may_manage = !rc && front_row_may_manage(who, r);
	*out = r->info;
	return rc;
}

int
connect_front_change(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     int64_t if_match, const struct connect_change *ch,
		     struct arena *arena, struct connect_info *out,
		     struct connect_problem *p)
{
	struct json_problem jp = { 0 };
	struct front_row r;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (!rc && ch->name)
		rc = front_name_check(ch->name, p);
	if (!rc)
		rc = change_check(f, who, c, &r, ch, p);
	if (rc)
		goto out;
	rc = store_begin(c);
	if (!rc)
		rc = change_write(c, &r, if_match, ch);
	if (!rc)
		rc = front_audit(c, who, r.org,
				 ch->owner ? "connection.transfer"
					   : "connection.change",
				 r.info.id, r.info.name, ch->owner);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		if (rc == ERR_NOT_FOUND) {
			json_problem_set(&jp, "/owner",
					 "there is no such member");
			rc = front_fail_json(p, &jp);
		} else {
			front_fail_store(p, c, rc);
		}
		goto out;
	}
	connect_views_withdraw(f->views, r.info.id);
	rc = change_answer(c, who, &r, arena, out);
	if (rc)
		front_fail_store(p, c, rc);
out:
	front_row_release(&r);
	return rc;
}

/* ---- a new credential ---- */

static int
credentials_set(struct connect_front *f, struct store_conn *c,
		const struct connect_who *who, struct front_row *r,
		struct json_secret *values, size_t count,
		struct connect_problem *p)
{
	struct connect_msg_grant *g = calloc(1, sizeof(*g));
	struct binding *b = NULL;
	int rc = g ? front_row_bind(f, r, &b, p) : ERR_NOMEM;

	if (!g)
		return front_fail_store(p, c, rc);
	if (!rc && b->kind == CATALOG_OAUTH2_CODE)
		rc = connect_fail(p, ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD,
				  "Press Connect instead.",
				  "This connection gets its credential by "
				  "consent, not by typing it in.");
	if (!rc)
		rc = front_credential_send(f, r, who, b, values, count, g, p);
	if (!rc)
		rc = front_row_connected(f, c, who, r,
					 r->info.per_user ? who->actor->member
							  : "",
					 "connection.credentials", g, p);
	binding_free(b);
	free(g);
	return rc;
}

int
connect_front_credentials(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, const char *link,
			  struct json_secret *values, size_t count,
			  struct arena *arena, struct connect_info *out,
			  struct connect_problem *p)
{
	struct front_row r;
	size_t i;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (!rc)
		rc = credentials_set(f, c, who, &r, values, count, p);
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
	struct front_row r;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (rc)
		goto out;
	rc = ask_grant(f, &r, who, CONNECT_KEEPER_REFRESH, 0, CONNECT_INJECT_MS,
		       NULL, p, NULL);
	front_catch_up(f, c);
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

/* Upstream first, then here.  A grant that was never there is no error. */
static int
revoke_grant(struct connect_front *f, const struct front_row *r,
	     const struct connect_who *who, struct connect_revoked *revoked,
	     struct connect_problem *p)
{
	struct connect_msg_revoked m = { 0 };
	struct secret *reply = NULL;
	struct proc_unpack u;
	int rc;

	memset(revoked, 0, sizeof(*revoked));
	rc = ask_grant(f, r, who, CONNECT_KEEPER_REVOKE, 0, CONNECT_INJECT_MS,
		       &reply, p, NULL);
	if (rc == ERR_NOT_FOUND) {
		snprintf(revoked->detail, sizeof(revoked->detail),
			 "There was no credential to revoke.");
		rc = 0;
	} else if (!rc) {
		u = proc_unpack_from(reply);
		connect_msg_revoked_unpack(&u, &m);
		revoked->upstream = m.upstream;
		snprintf(revoked->detail, sizeof(revoked->detail), "%.255s",
			 m.detail);
		slice_trim_utf8(revoked->detail);
	}
	secret_free(reply);
	return rc;
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
	if (!rc)
		rc = revoke_grant(f, &r, who, revoked, p);
	if (!rc)
		rc = row_update(
			c, who, &r,
			"UPDATE connections SET status = 'revoked', "
			"reason = ?3, updated_at = ?2, expires_at = 0, "
			"health = 'ok', health_reason = '', "
			"health_since = 0, retry_at = 0, "
			"version = version + 1 WHERE id = ?1",
			"The access was revoked. Connect again to use it.",
			"connection.revoke", revoked->detail, p);
	if (r.info.id[0])
		connect_views_withdraw(f->views, r.info.id);
	front_row_release(&r);
	return rc ? rc : connect_front_get(f, c, who, link, arena, out, p);
}

/* ---- enable, disable ---- */

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
	rc = ask_grant(f, &r, who, CONNECT_KEEPER_SUSPEND, enable ? 0 : 1,
		       CONNECT_QUICK_MS, NULL, p, NULL);
	if (!rc && enable)
		rc = row_update(c, who, &r,
				"UPDATE connections SET "
				"status = CASE WHEN status_before = '' THEN "
				"'not_connected' ELSE status_before END, "
				"reason = CASE status_before "
				"WHEN 'connected' THEN ?3 WHEN 'revoked' THEN "
				"'The access was revoked. Connect again to "
				"use it.' WHEN 'needs_reconnect' THEN 'The "
				"credential did not work any more: connect "
				"again.' ELSE 'It is not connected: press "
				"Connect.' END, status_before = '', "
				"updated_at = ?2, version = version + 1 "
				"WHERE id = ?1",
				"", "connection.enable", NULL, p);
	else if (!rc)
		rc = row_update(c, who, &r,
				"UPDATE connections SET "
				"status_before = status, status = 'disabled', "
				"reason = ?3, updated_at = ?2, "
				"version = version + 1 WHERE id = ?1",
				"It was disabled by a person.",
				"connection.disable", NULL, p);
	connect_views_withdraw(f->views, r.info.id);
	front_row_release(&r);
	return rc ? rc : connect_front_get(f, c, who, link, arena, out, p);
}

/* ---- delete ---- */

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

int
connect_front_delete(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     bool force, int64_t if_match, struct connect_problem *p)
{
	struct arena *arena = arena_new(1 << 20);
	struct connect_revoked revoked = { 0 };
	struct front_row r = { 0 };
	int rc = arena ? 0 : ERR_NOMEM;

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
	if (!rc && r.info.status != CONNECT_REVOKED)
		rc = revoke_grant(f, &r, who, &revoked, p);
	if (!rc)
		rc = forget_all(f, &r, p);
	if (rc)
		goto out;
	rc = store_begin(c);
	if (!rc)
		rc = delete_rows(c, &r);
	if (!rc)
		rc = front_audit(c, who, r.org, "connection.delete", r.info.id,
				 r.info.name, revoked.detail);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		front_fail_store(p, c, rc);
	}
	connect_views_withdraw(f->views, r.info.id);
out:
	front_row_release(&r);
	arena_free(arena);
	return rc;
}

/* ---- sharing ---- */

int
connect_front_shares(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     struct arena *arena, struct people_share **out,
		     size_t *count, struct connect_problem *p)
{
	struct front_row r;
	int rc;

	*count = 0;
	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_SEE, arena, &r,
			    p);
	if (!rc && people_shares_list(c, r.info.id, arena, out, count))
		rc = front_fail_store(p, c, ERR_STORE);
	front_row_release(&r);
	return rc;
}

int
connect_front_shares_set(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 const struct people_share *shares, size_t count,
			 struct connect_problem *p)
{
	struct arena *arena = arena_new(1 << 20);
	struct json_problem jp = { 0 };
	struct front_row r = { 0 };
	char at[64];
	size_t bad = 0;
	int rc = arena ? 0 : ERR_NOMEM;

	if (!rc)
		rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE,
				    arena, &r, p);
	if (rc)
		goto out;
	rc = store_begin(c);
	if (!rc)
		rc = people_shares_set(c, r.org, r.info.id, who->actor->member,
				       shares, count, &bad);
	if (!rc)
		rc = front_audit(c, who, r.org, "connection.share", r.info.id,
				 r.info.name, NULL);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		if (rc == ERR_NOT_FOUND) {
			snprintf(at, sizeof(at), "/items/%zu/subject", bad);
			json_problem_set(&jp, at,
					 "there is no such member or team");
			rc = front_fail_json(p, &jp);
		} else {
			front_fail_store(p, c, rc);
		}
	}
	connect_views_withdraw(f->views, r.info.id);
out:
	front_row_release(&r);
	arena_free(arena);
	return rc;
}

/* ---- the test ---- */

static bool
test_applies(const struct catalog_test *t, const struct front_row *r)
{
	const struct connect_texts *have = &r->info.scopes_granted;
	size_t i, j;

	if (!t->needs_scope.count)
		return true;
	for (i = 0; i < t->needs_scope.count; i++)
		for (j = 0; j < have->count; j++)
			if (!strcmp(t->needs_scope.items[i], have->items[j]))
				return true;
	return false;
}

int
connect_front_test(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who, const char *link,
		   struct arena *arena, struct connect_test *out,
		   struct connect_problem *p)
{
	const struct catalog_test *t;
	struct connect_service s = { 0 };
	struct json_problem jp = { 0 };
	struct binding *b = NULL;
	struct front_row r;
	size_t i;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_USE, arena, &r,
			    p);
	if (!rc)
		rc = connect_front_service(f, c, who, r.info.service, &s, p);
	/* of this very definition: another may have other tests */
	if (!rc &&
	    catalog_bind(s.service, r.info.method, r.parameters, &b, &jp))
		rc = front_fail_json(p, &jp);
	if (!rc && r.info.data_centre[0] && b->data_centre)
		binding_switch_data_centre(b, r.info.data_centre);
	for (i = 0; !rc && i < s.service->api.tests.count; i++) {
		t = &s.service->api.tests.items[i];
		if (out->url || !test_applies(t, &r) || !b->test_urls[i])
			continue;
		out->method = t->method;
		out->url = arena_strdup(arena, b->test_urls[i]);
		out->test = t;
		out->catalog = catalog_ref(s.catalog);
		memcpy(out->id, r.info.id, sizeof(out->id));
	}
	if (!rc && !out->url)
		rc = connect_fail(p, ERR_NOT_FOUND, CONNECT_P_NO_TEST,
				  "Call any path of the service instead.",
				  "The definition has no test request for the "
				  "scopes that were granted.");
	if (s.catalog)
		catalog_unref(s.catalog);
	binding_free(b);
	front_row_release(&r);
	return rc;
}

int
connect_front_tested(struct connect_front *f, struct store_conn *c,
		     const char *id, const char *account, const char *problem)
{
	int rc = 0;

	(void)f;
	if (account && account[0])
		rc = store_exec(c, NULL,
				"UPDATE connections SET account = ?2 "
				"WHERE id = ?1",
				"ss", id, account);
	if (!rc && problem)
		rc = store_exec(c, NULL,
				"UPDATE connections SET health = 'degraded', "
				"health_reason = ?2, health_since = ?3, "
				"retry_at = 0 WHERE id = ?1",
				"ssi", id, problem, clock_wall_ms());
	else if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE connections SET health = 'ok', "
				"health_reason = '', health_since = 0, "
				"retry_at = 0 WHERE id = ?1",
				"s", id);
	return rc;
}
