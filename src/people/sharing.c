/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharing: a connection is private until its owner shares it, with members,
 * teams or everyone, to use or to manage.
 */
#include <stdlib.h>

#include "people/people_priv.h"

/* One member id at the end of a list, which grows by doubling. */
static int
list_add(char ***items, size_t *count, struct slice id)
{
	char **grown;

	if ((*count & (*count - 1)) == 0) {
		grown = realloc(*items,
				(*count ? *count * 2 : 1) * sizeof(char *));
		if (!grown)
			return ERR_NOMEM;
		*items = grown;
	}
	(*items)[*count] = slice_dup(id);
	if (!(*items)[*count])
		return ERR_NOMEM;
	(*count)++;
	return 0;
}

static int
sharing_add(struct people_sharing *s, struct slice member, bool manage)
{
	if (member.len == 0) {
		s->everyone_may_use = true;
		s->everyone_may_manage |= manage;
		return 0;
	}
	if (manage)
		return list_add(&s->managers, &s->manager_count, member);
	return list_add(&s->users, &s->user_count, member);
}

int
people_sharing_load(struct store_conn *c, const char *connection,
		    const char *owner, struct people_sharing *out)
{
	static const char sql[] =
		"SELECT subject, level FROM shares WHERE connection = ?1 "
		"AND kind <> 'team' UNION SELECT t.member, s.level FROM "
		"shares s JOIN team_members t ON t.team = s.subject "
		"WHERE s.connection = ?1 AND s.kind = 'team'";
	struct store_stmt *st = NULL;
	int rc;

	*out = (struct people_sharing){ 0 };
	slice_copy(slice_str(owner), out->owner, sizeof(out->owner));
	rc = store_query(c, &st, sql, "s", connection);
	while (!rc && (rc = store_step(st)) == 1)
		rc = sharing_add(out, store_col(st, 0),
				 slice_eq(store_col(st, 1), SLICE("manage")));
	store_done(st);
	if (rc)
		people_sharing_release(out);
	return rc;
}

static void
list_free(char **items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(items[i]);
	free(items);
}

void
people_sharing_release(struct people_sharing *s)
{
	list_free(s->users, s->user_count);
	list_free(s->managers, s->manager_count);
	*s = (struct people_sharing){ 0 };
}

/* ---- as people set it ---- */

static const char *const kind_names[] = {
	[PEOPLE_SHARE_MEMBER] = "member",
	[PEOPLE_SHARE_TEAM] = "team",
	[PEOPLE_SHARE_EVERYONE] = "everyone",
};

static int
share_from_row(struct store_stmt *st, struct people_share *s)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(kind_names); i++)
		if (slice_eq(store_col(st, 0), slice_str(kind_names[i])))
			break;
	if (i == ARRAY_LEN(kind_names))
		return ERR_STORE;
	s->kind = (enum people_share_kind)i;
	people_col_copy(st, 1, s->subject, sizeof(s->subject));
	s->manage = slice_eq(store_col(st, 2), SLICE("manage"));
	s->created_at = store_col_int(st, 3);
	people_col_copy(st, 4, s->name, sizeof(s->name));
	return 0;
}

int
people_shares_list(struct store_conn *c, const char *connection,
		   struct arena *arena, struct people_share **out,
		   size_t *count)
{
	static const char sql[] =
		"SELECT s.kind, s.subject, s.level, s.created_at, "
		"COALESCE(m.name, t.name, '') FROM shares s "
		"LEFT JOIN members m ON s.kind = 'member' "
		"AND m.id = s.subject LEFT JOIN teams t ON s.kind = 'team' "
		"AND t.id = s.subject WHERE s.connection = ?1 "
		"ORDER BY s.kind, s.subject LIMIT ?2";
	enum { MAX = 500 };
	struct store_stmt *st = NULL;
	int rc;

	*count = 0;
	*out = arena_alloc(arena, (MAX + 1) * sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	rc = store_query(c, &st, sql, "si", connection, (int64_t)MAX);
	while (!rc && (rc = store_step(st)) == 1)
		rc = share_from_row(st, &(*out)[(*count)++]);
	store_done(st);
	return rc;
}

static int
subject_exists(struct store_conn *c, const char *org,
	       const struct people_share *s)
{
	struct store_stmt *st = NULL;
	int rc;

	if (s->kind == PEOPLE_SHARE_EVERYONE)
		return 0;
	rc = store_query(
		c, &st,
		s->kind == PEOPLE_SHARE_MEMBER
			? "SELECT 1 FROM members WHERE org = ?1 AND id = ?2"
			: "SELECT 1 FROM teams WHERE org = ?1 AND id = ?2",
		"ss", org, s->subject);
	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

static int
share_insert(struct store_conn *c, const char *connection, const char *by,
	     const struct people_share *s)
{
	static const char sql[] =
		"INSERT INTO shares (connection, kind, subject, level, "
		"created_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
		"ON CONFLICT (connection, kind, subject) DO UPDATE "
		"SET level = excluded.level";

	return store_exec(c, NULL, sql, "sssssi", connection,
			  kind_names[s->kind],
			  s->kind == PEOPLE_SHARE_EVERYONE ? "" : s->subject,
			  s->manage ? "manage" : "use", by, clock_wall_ms());
}

int
people_shares_set(struct store_conn *c, const char *org, const char *connection,
		  const char *by, const struct people_share *shares,
		  size_t count, size_t *bad)
{
	size_t i;
	int rc;

	*bad = 0;
	rc = store_exec(c, NULL, "DELETE FROM shares WHERE connection = ?1",
			"s", connection);
	for (i = 0; i < count && !rc; i++) {
		*bad = i;
		rc = subject_exists(c, org, &shares[i]);
		if (!rc)
			rc = share_insert(c, connection, by, &shares[i]);
	}
	return rc;
}
