/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection is called, whose it is, what it asks for: changed.
 *
 * All of a change is one transaction with its audit record, and the views
 * have forgotten the connection before the answer.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

static int
change_check(struct connect_front *f, const struct connect_who *who,
	     struct store_conn *c, struct front_row *r,
	     const struct connect_change *ch, struct connect_problem *p)
{
	struct people_object o = { .member = r->info.owner,
				   .sharing = &r->sharing };
	struct binding *b = NULL;
	int rc = 0;

	if (ch->owner)
		rc = front_may(c, who, PEOPLE_CONNECTION_TRANSFER, &o,
			       r->info.id, p);
	if (!rc && ch->parameters) {
		json_decref(r->parameters);
		r->parameters = json_deep_copy(ch->parameters);
		rc = front_row_bind(f, r, &b, p);
		binding_free(b);
	}
	return rc;
}

/* The change with its scopes as the service's own definition names them. */
struct change_read {
	struct connect_change ch;
	struct connect_texts scopes, second_scopes;
	struct connect_scope_notes notes;
};

static int
change_scopes(struct connect_front *f, const struct connect_who *who,
	      struct store_conn *c, const struct front_row *r,
	      struct change_read *cr, struct arena *arena,
	      struct connect_problem *p)
{
	struct front_scope_reader reader = {
		.db = c, .arena = arena, .notes = &cr->notes, .problem = p
	};
	struct connect_change *ch = &cr->ch;
	struct connect_service s = { 0 };
	int rc;

	if (!ch->scopes && !ch->second_scopes)
		return 0;
	rc = connect_front_service(f, c, who, r->info.service, &s, p);
	reader.service = s.service;
	if (!rc)
		reader.method = service_method(s.service, r->info.method);
	if (!rc && ch->scopes) {
		cr->scopes = *ch->scopes;
		ch->scopes = &cr->scopes;
		rc = front_scopes_read(&reader, false, &cr->scopes);
	}
	if (!rc && ch->second_scopes) {
		cr->second_scopes = *ch->second_scopes;
		ch->second_scopes = &cr->second_scopes;
		rc = front_scopes_read(&reader, true, &cr->second_scopes);
	}
	if (s.catalog)
		catalog_unref(s.catalog);
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
	rc = front_row_load_id(c, id, true, arena, r);
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
	struct change_read cr = { .ch = *ch };
	struct json_problem jp = { 0 };
	struct front_row r;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (!rc && ch->name)
		rc = front_name_check(ch->name, p);
	if (!rc)
		rc = change_check(f, who, c, &r, ch, p);
	if (!rc)
		rc = change_scopes(f, who, c, &r, &cr, arena, p);
	if (rc)
		goto out;
	rc = store_begin(c);
	if (!rc)
		rc = change_write(c, &r, if_match, &cr.ch);
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
	out->scope_notes = cr.notes;
	if (rc)
		front_fail_store(p, c, rc);
out:
	front_row_release(&r);
	return rc;
}
