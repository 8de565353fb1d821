/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is around a flow in its organisation: constants, connections, other
 * flows; for checks, and for what a version may use.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

int
flow_may_use(struct store_conn *c, const struct people_actor *actor,
	     const char *link, char id[PEOPLE_ID_SIZE])
{
	struct people_sharing sharing = { 0 };
	struct people_object object = { .sharing = &sharing };
	char owner[PEOPLE_ID_SIZE];
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT id, owner FROM connections WHERE org = "
			     "?1 AND link_name = ?2",
			     "ss", actor->org, link);

	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), id, PEOPLE_ID_SIZE);
		slice_copy(store_col(st, 1), owner, sizeof(owner));
	}
	store_done(st);
	if (rc != 1)
		return rc ? rc : ERR_NOT_FOUND;
	object.member = owner;
	rc = people_sharing_load(c, id, owner, &sharing);
	if (!rc)
		rc = people_may(actor, PEOPLE_CONNECTION_USE, &object, NULL);
	people_sharing_release(&sharing);
	return rc;
}

static int
connection_usable(void *arg, const char *link)
{
	struct flow_org *o = arg;
	char id[PEOPLE_ID_SIZE];

	return flow_may_use(o->c, o->actor, link, id);
}

static int
flow_published(void *arg, const char *link)
{
	struct flow_org *o = arg;
	struct store_stmt *st = NULL;
	int rc = store_query(o->c, &st,
			     "SELECT 1 FROM flows WHERE org = ?1 AND link_name "
			     "= ?2 AND published_version > 0",
			     "ss", o->actor->org, link);

	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc == 1 ? 0 : rc ? rc : ERR_NOT_FOUND;
}

int
flow_org_init(struct flow_org *o, struct store_conn *c,
	      const struct people_actor *actor, struct arena *arena)
{
	struct store_stmt *st = NULL;
	int rc;

	memset(o, 0, sizeof(*o));
	o->c = c;
	o->actor = actor;
	o->names = arena_alloc(arena, (FLOW_GLOBALS_MAX + 1) * sizeof(char *));
	o->world = (struct flow_world){ .globals = o->names,
					.connection = connection_usable,
					.flow = flow_published,
					.arg = o };
	if (!o->names)
		return ERR_NOMEM;
	rc = store_query(c, &st,
			 "SELECT name FROM globals WHERE org = ?1 ORDER BY "
			 "name",
			 "s", actor->org);
	while (!rc && o->count < FLOW_GLOBALS_MAX &&
	       (rc = store_step(st)) == 1) {
		o->names[o->count] = arena_slice(arena, store_col(st, 0));
		rc = o->names[o->count++] ? 0 : ERR_NOMEM;
	}
	store_done(st);
	return rc;
}

int
flow_uses_set(struct store_conn *c, const char *org, const char *flow,
	      int64_t version, const struct flow_document *d)
{
	const char *link;
	size_t i;
	int rc;

	rc = store_exec(c, NULL,
			"DELETE FROM flow_uses WHERE flow = ?1 AND version = "
			"?2",
			"si", flow, version);
	for (i = 0; !rc && d && (link = flow_document_connection(d, i)); i++)
		rc = store_exec(
			c, NULL,
			"INSERT INTO flow_uses (flow, version, connection) "
			"SELECT ?1, ?2, id FROM connections WHERE org = ?3 AND "
			"link_name = ?4 ON CONFLICT DO NOTHING",
			"siss", flow, version, org, link);
	return rc;
}

/* ---- what was shared once ---- */

enum { BORROWED_MAX = 50 };

/* Of the version in force: the publisher, and connections that are not his
 * own. */
static int
borrowed_list(struct store_conn *c, const struct flow_info *f,
	      struct arena *arena, struct people_actor **publisher,
	      const char *org, const char **links, size_t *count)
{
	enum people_role role = PEOPLE_VIEWER;
	struct store_stmt *st = NULL;
	char member[PEOPLE_ID_SIZE];
	int rc = store_query(c, &st,
			     "SELECT m.id, m.role, k.link_name FROM flow_uses "
			     "u JOIN connections k ON k.id = u.connection JOIN "
			     "flow_versions v ON v.flow = u.flow AND v.number "
			     "= u.version JOIN members m ON m.id = "
			     "v.published_by WHERE u.flow = ?1 AND u.version = "
			     "?2 AND k.owner <> m.id ORDER BY k.link_name",
			     "si", f->id, f->published_version);

	while (!rc && *count < BORROWED_MAX && (rc = store_step(st)) == 1) {
		links[(*count)++] = arena_slice(arena, store_col(st, 2));
		slice_copy(store_col(st, 0), member, sizeof(member));
		rc = people_role_parse(store_col(st, 1), &role);
		if (!rc && !*publisher) {
			*publisher = people_actor_new(org, member, role, "");
			rc = *publisher ? 0 : ERR_NOMEM;
		}
		if (!rc && !links[*count - 1])
			rc = ERR_NOMEM;
	}
	store_done(st);
	return rc;
}

int
flow_unshared_find(struct store_conn *c, const char *org, struct flow_info *f,
		   struct arena *arena)
{
	struct people_actor *publisher = NULL;
	char id[PEOPLE_ID_SIZE];
	size_t count = 0, i;
	int rc;

	if (!f->published_version)
		return 0;
	f->unshared = arena_alloc(arena, BORROWED_MAX * sizeof(char *));
	if (!f->unshared)
		return ERR_NOMEM;
	rc = borrowed_list(c, f, arena, &publisher, org, f->unshared, &count);
	for (i = 0; !rc && i < count; i++) {
		rc = flow_may_use(c, publisher, f->unshared[i], id);
		if (rc) /* kept, in place */
			f->unshared[f->unshared_count++] = f->unshared[i];
		if (rc == ERR_FORBIDDEN || rc == ERR_NOT_FOUND)
			rc = 0;
	}
	people_actor_unref(publisher);
	return rc;
}

/* ---- constants ---- */

int
flow_globals(struct store_conn *c, const struct connect_who *who,
	     struct arena *arena, struct flow_global **out, size_t *count,
	     struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	struct flow_global *g;
	int rc = flow_may(c, who, PEOPLE_GLOBAL_SEE, NULL, NULL, p);

	*count = 0;
	if (rc)
		return rc;
	*out = arena_alloc(arena, FLOW_GLOBALS_MAX * sizeof(**out));
	rc = *out ? store_query(c, &st,
				"SELECT name, value, version, updated_at FROM "
				"globals WHERE org = ?1 ORDER BY name",
				"s", who->actor->org)
		  : ERR_NOMEM;
	while (!rc && *count < FLOW_GLOBALS_MAX && (rc = store_step(st)) == 1) {
		g = &(*out)[(*count)++];
		g->name = arena_slice(arena, store_col(st, 0));
		g->value = arena_slice(arena, store_col(st, 1));
		g->version = store_col_int(st, 2);
		g->updated_at = store_col_int(st, 3);
		rc = g->name && g->value ? 0 : ERR_NOMEM;
	}
	store_done(st);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

static int
global_count(struct store_conn *c, const char *org, int64_t *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT count(*) FROM globals WHERE org = ?1", "s",
			     org);

	if (!rc)
		rc = store_step(st);
	*out = rc == 1 ? store_col_int(st, 0) : 0;
	store_done(st);
	return rc < 0 ? rc : 0;
}

static int
global_write(struct store_conn *c, const struct connect_who *who,
	     const char *name, struct slice value, int64_t if_match)
{
	int64_t now = clock_wall_ms(), changed = 0, count = 0;
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(
			c, &changed,
			"UPDATE globals SET value = ?3, version = version + 1, "
			"updated_by = ?4, updated_at = ?5 WHERE org = ?1 AND "
			"name = ?2 AND (?6 = 0 OR version = ?6)",
			"sslsii", who->actor->org, name, value,
			who->actor->member, now, if_match);
	if (!rc && !changed && if_match)
		rc = ERR_CONFLICT;
	if (!rc && !changed)
		rc = global_count(c, who->actor->org, &count);
	if (!rc && !changed && count >= FLOW_GLOBALS_MAX)
		rc = ERR_TOO_LARGE;
	if (!rc && !changed)
		rc = store_exec(c, NULL,
				"INSERT INTO globals (org, name, value, "
				"updated_by, updated_at) VALUES (?1, ?2, ?3, "
				"?4, ?5)",
				"sslsi", who->actor->org, name, value,
				who->actor->member, now);
	if (!rc)
		rc = flow_audit(c, who, "global.set", name, name, NULL);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

int
flow_global_set(struct store_conn *c, const struct connect_who *who,
		const char *name, const json_t *value, int64_t if_match,
		struct connect_problem *p)
{
	struct buf text;
	int rc = flow_may(c, who, PEOPLE_GLOBAL_SET, NULL, name, p);

	if (rc)
		return rc;
	if (!flow_is_id(name))
		return connect_fail(
			p, ERR_INVALID, CONNECT_P_INVALID, NULL,
			"A constant's name has lower-case letters, "
			"digits and underscores, a letter first, at "
			"most %d.",
			FLOW_ID_MAX);
	buf_init(&text, FLOW_GLOBAL_MAX);
	rc = json_write(value, &text);
	if (!rc)
		rc = global_write(c, who, name, buf_slice(&text), if_match);
	buf_release(&text);
	if (rc == ERR_TOO_LARGE)
		return connect_fail(
			p, rc, CONNECT_P_TOO_LARGE, NULL,
			"A constant may have %d bytes; there may be "
			"%d of them.",
			FLOW_GLOBAL_MAX, FLOW_GLOBALS_MAX);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_global_delete(struct store_conn *c, const struct connect_who *who,
		   const char *name, struct connect_problem *p)
{
	int64_t changed = 0;
	int rc = flow_may(c, who, PEOPLE_GLOBAL_SET, NULL, name, p);

	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = store_exec(c, &changed,
				"DELETE FROM globals WHERE org = ?1 AND name = "
				"?2",
				"ss", who->actor->org, name);
	if (!rc && !changed) {
		store_rollback(c);
		return connect_fail(p, ERR_NOT_FOUND,
				    CONNECT_P_GLOBAL_NOT_FOUND, NULL,
				    "There is no constant \"%.60s\".", name);
	}
	if (!rc)
		rc = flow_audit(c, who, "global.delete", name, name, NULL);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc ? flow_fail_store(p, c, rc) : 0;
}
