/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On whose behalf the calls of a conversation are made.
 *
 * A version's: with the permission of its publisher, as it was written down
 * then (flow_uses).  A draft's: with that of the member who tries it, as far
 * as the one who saved it last has it, too; and a trial is of the draft that
 * it began with (flows.updated_at), until he himself saves another.
 *
 * Runs on the front's work threads.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

/* ---- a version ---- */

static int
actor_of_flow(struct store_conn *c, const struct flow_talk *t,
	      struct people_actor *a)
{
	struct store_stmt *st = NULL;
	size_t room = FLOW_BLOCKS_MAX;
	int rc;

	slice_copy(slice_str(t->flow), a->flow, sizeof(a->flow));
	a->connections = calloc(room, sizeof(char *));
	if (!a->connections)
		return ERR_NOMEM;
	rc = store_query(c, &st,
			 "SELECT connection FROM flow_uses WHERE flow = ?1 AND "
			 "version = ?2",
			 "si", t->flow, t->flow_version);
	while (!rc && a->connection_count < room &&
	       (rc = store_step(st)) == 1) {
		a->connections[a->connection_count] =
			slice_dup(store_col(st, 0));
		rc = a->connections[a->connection_count++] ? 0 : ERR_NOMEM;
	}
	store_done(st);
	return rc;
}

/* ---- a draft ---- */

const char flow_draft_changed[] =
	"draft_changed: another member has saved the draft since this trial "
	"began. Begin again to try it as it is now.";

int
flow_draft_pinned(const struct flow_talk *t, const struct flow_saved *saved)
{
	return t->flow_version || saved->at == t->draft_saved ||
			       !strcmp(saved->by, t->member)
		       ? 0
		       : ERR_CONFLICT;
}

/* Whether this member may use the connection now: 0 with its id. */
static int
saver_may_use(struct store_conn *c, const char *org, const char *member,
	      const char *link, char id[PEOPLE_ID_SIZE])
{
	struct people_actor *saver = NULL;
	int rc = people_actor_of_member(c, org, member, &saver);

	if (!rc)
		rc = flow_may_use(c, saver, link, id);
	people_actor_unref(saver);
	return rc;
}

/* Of another's draft: what that other may use, too.  Nothing else, so that
 * nobody writes calls which go out with somebody else's permission alone. */
static int
actor_of_draft(struct store_conn *c, const struct flow_talk *t,
	       const struct flow_saved *saved, const char *link,
	       struct people_actor *a)
{
	char id[PEOPLE_ID_SIZE];
	int rc = ERR_NOT_FOUND;

	if (!strcmp(saved->by, t->member))
		return 0;
	a->connections = calloc(1, sizeof(char *));
	if (!a->connections)
		return ERR_NOMEM;
	if (link[0])
		rc = saver_may_use(c, t->org, saved->by, link, id);
	if (rc == ERR_NOT_FOUND || rc == ERR_FORBIDDEN)
		return 0;
	if (!rc)
		a->connections[0] = slice_dup(slice_str(id));
	if (!rc && !a->connections[0])
		rc = ERR_NOMEM;
	a->connection_count = !rc;
	return rc;
}

/* ---- both ---- */

int
flow_talk_actor(struct store_conn *c, const struct flow_talk *t,
		const struct flow_saved *saved, const char *link,
		struct people_actor **out)
{
	char member[27], name[PEOPLE_NAME_SIZE];
	enum people_role role = PEOPLE_BUILDER;
	struct store_stmt *st = NULL;
	int rc;

	*out = NULL;
	if (t->flow_version)
		rc = store_query(c, &st,
				 "SELECT v.published_by, f.name, 'builder' "
				 "FROM flow_versions v JOIN flows f ON f.id = "
				 "v.flow WHERE v.flow = ?1 AND v.number = ?2",
				 "si", t->flow, t->flow_version);
	else
		rc = store_query(c, &st,
				 "SELECT id, name, role FROM members WHERE id "
				 "= ?1 AND disabled_at = 0",
				 "s", t->member);
	if (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), member, sizeof(member));
		slice_copy(slice_head(store_col(st, 1), sizeof(name) - 1), name,
			   sizeof(name));
		rc = people_role_parse(store_col(st, 2), &role);
		if (!rc)
			*out = people_actor_new(t->org, member, role, name);
		rc = rc ? rc : *out ? 0 : ERR_NOMEM;
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	if (!rc && t->flow_version)
		rc = actor_of_flow(c, t, *out);
	else if (!rc)
		rc = actor_of_draft(c, t, saved, link, *out);
	if (rc) {
		people_actor_unref(*out);
		*out = NULL;
	}
	return rc;
}
