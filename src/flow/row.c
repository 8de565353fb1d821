/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of flows: finding, listing, documents.
 *
 * Runs on the front's work threads.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

#define COLUMNS \
	"f.id, f.link_name, f.name, f.owner, m.name, f.version, " \
	"f.published_version, f.last_version, f.published_at, " \
	"f.created_at, f.updated_at, f.errors, f.warnings, f.updated_by, " \
	"s.name "
#define FROM \
	"FROM flows f LEFT JOIN members m ON m.id = f.owner LEFT JOIN " \
	"members s ON s.id = f.updated_by "

static int
row_read(struct store_stmt *st, struct arena *arena, struct flow_info *out)
{
	memset(out, 0, sizeof(*out));
	slice_copy(store_col(st, 0), out->id, sizeof(out->id));
	slice_copy(store_col(st, 1), out->link, sizeof(out->link));
	out->name = arena_slice(arena, store_col(st, 2));
	slice_copy(store_col(st, 3), out->owner, sizeof(out->owner));
	out->owner_name = arena_slice(arena, store_col(st, 4));
	out->version = store_col_int(st, 5);
	out->published_version = store_col_int(st, 6);
	out->last_version = store_col_int(st, 7);
	out->published_at = store_col_int(st, 8);
	out->created_at = store_col_int(st, 9);
	out->updated_at = store_col_int(st, 10);
	out->errors = store_col_int(st, 11);
	out->warnings = store_col_int(st, 12);
	slice_copy(store_col(st, 13), out->saved_by, sizeof(out->saved_by));
	out->saved_by_name = arena_slice(arena, store_col(st, 14));
	return out->name && out->owner_name && out->saved_by_name ? 0
								  : ERR_NOMEM;
}

int
flow_row_find(struct store_conn *c, const char *org, const char *id,
	      struct arena *arena, struct flow_info *out,
	      struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT " COLUMNS FROM
			     "WHERE f.org = ?1 AND (f.id = ?2 OR f.link_name "
			     "= ?2)",
			     "ss", org, id);

	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		rc = row_read(st, arena, out);
	else if (!rc)
		rc = ERR_NOT_FOUND;
	store_done(st);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_FLOW_NOT_FOUND, NULL,
				    "There is no flow \"%.60s\".", id);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_row_draft(struct store_conn *c, const char *flow, struct arena *arena,
	       const char **text, struct flow_saved *saved)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     text ? "SELECT updated_at, updated_by, draft FROM "
				    "flows WHERE id = ?1"
				  : "SELECT updated_at, updated_by FROM flows "
				    "WHERE id = ?1",
			     "s", flow);

	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		saved->at = store_col_int(st, 0);
		slice_copy(store_col(st, 1), saved->by, sizeof(saved->by));
		if (text)
			*text = arena_slice(arena, store_col(st, 2));
		rc = text && !*text ? ERR_NOMEM : 0;
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	return rc;
}

int
flow_row_document(struct store_conn *c, const char *flow, int64_t version,
		  struct arena *arena, const char **text,
		  struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	int rc;

	*text = NULL;
	if (version)
		rc = store_query(c, &st,
				 "SELECT document FROM flow_versions WHERE "
				 "flow = ?1 AND number = ?2",
				 "si", flow, version);
	else
		rc = store_query(c, &st,
				 "SELECT draft FROM flows WHERE id = ?1", "s",
				 flow);
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		*text = arena_slice(arena, store_col(st, 0));
		rc = *text ? 0 : ERR_NOMEM;
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_VERSION_NOT_FOUND, NULL,
				    "The flow has no version %lld.",
				    (long long)version);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_list(struct store_conn *c, const struct connect_who *who,
	  const char *after, size_t limit, struct arena *arena,
	  struct flow_info **out, size_t *count, struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	size_t i;
	int rc = flow_may(c, who, PEOPLE_FLOW_SEE, NULL, NULL, p);

	*count = 0;
	if (rc)
		return rc;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	rc = *out ? store_query(c, &st,
				"SELECT " COLUMNS FROM
				"WHERE f.org = ?1 AND f.link_name > ?2 ORDER "
				"BY f.link_name LIMIT ?3",
				"ssi", who->actor->org, after, (int64_t)limit)
		  : ERR_NOMEM;
	while (!rc && (rc = store_step(st)) == 1)
		rc = row_read(st, arena, &(*out)[(*count)++]);
	store_done(st);
	for (i = 0; !rc && i < *count; i++)
		rc = flow_unshared_find(c, who->actor->org, &(*out)[i], arena);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_get(struct store_conn *c, const struct connect_who *who, const char *id,
	 struct arena *arena, struct flow_info *out, const char **draft,
	 const char **problems, struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	int rc = flow_may(c, who, PEOPLE_FLOW_SEE, NULL, NULL, p);

	if (!rc)
		rc = flow_row_find(c, who->actor->org, id, arena, out, p);
	if (!rc && draft)
		rc = flow_row_document(c, out->id, 0, arena, draft, p);
	if (rc || !problems)
		return rc;
	*problems = NULL;
	rc = flow_unshared_find(c, who->actor->org, out, arena);
	if (rc)
		return flow_fail_store(p, c, rc);
	rc = store_query(c, &st,
			 "SELECT draft_problems FROM flows WHERE id = ?1", "s",
			 out->id);
	if (!rc && store_step(st) == 1)
		*problems = arena_slice(arena, store_col(st, 0));
	store_done(st);
	return *problems ? 0 : flow_fail_store(p, c, rc ? rc : ERR_STORE);
}

/* ---- versions ---- */

int
flow_versions(struct store_conn *c, const struct connect_who *who,
	      const char *id, int64_t before, size_t limit, struct arena *arena,
	      struct flow_version **out, size_t *count,
	      struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	struct flow_version *v;
	struct flow_info info;
	int rc = flow_get(c, who, id, arena, &info, NULL, NULL, p);

	*count = 0;
	if (rc)
		return rc;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	rc = *out ? store_query(c, &st,
				"SELECT v.number, v.published_at, m.name, "
				"v.note FROM flow_versions v LEFT JOIN members "
				"m ON m.id = v.published_by WHERE v.flow = ?1 "
				"AND v.number < ?2 ORDER BY v.number DESC "
				"LIMIT ?3",
				"sii", info.id, before ? before : INT64_MAX,
				(int64_t)limit)
		  : ERR_NOMEM;
	while (!rc && (rc = store_step(st)) == 1) {
		v = &(*out)[(*count)++];
		v->number = store_col_int(st, 0);
		v->published_at = store_col_int(st, 1);
		v->published_by = arena_slice(arena, store_col(st, 2));
		v->note = arena_slice(arena, store_col(st, 3));
		rc = v->published_by && v->note ? 0 : ERR_NOMEM;
	}
	store_done(st);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_version_get(struct store_conn *c, const struct connect_who *who,
		 const char *id, int64_t number, struct arena *arena,
		 struct flow_version *out, struct connect_problem *p)
{
	struct flow_version *list;
	struct flow_info info;
	size_t count;
	int rc = flow_versions(c, who, id, number + 1, 1, arena, &list, &count,
			       p);

	if (!rc && (!count || list[0].number != number))
		rc = connect_fail(p, ERR_NOT_FOUND, CONNECT_P_VERSION_NOT_FOUND,
				  NULL, "The flow has no version %lld.",
				  (long long)number);
	if (!rc)
		rc = flow_row_find(c, who->actor->org, id, arena, &info, p);
	if (rc)
		return rc;
	*out = list[0];
	return flow_row_document(c, info.id, number, arena, &out->document, p);
}

/* ---- what has changed ---- */

/* Its blocks by their ids, the first one of each; a draft may have any number
 * of them.  Owned. */
static json_t *
blocks_by_id(const json_t *document)
{
	json_t *out = json_object(), *b;
	const char *id;
	size_t i;

	json_array_foreach(json_object_get(document, "blocks"), i, b)
	{
		id = json_string_value(json_object_get(b, "id"));
		if (id && !json_object_get(out, id))
			json_object_set(out, id, b);
	}
	return out;
}

static void
diff_blocks(const json_t *from, const json_t *to, json_t *out)
{
	json_t *added = json_object_get(out, "added"), *b;
	json_t *removed = json_object_get(out, "removed");
	json_t *changed = json_object_get(out, "changed");
	json_t *before = blocks_by_id(from), *after = blocks_by_id(to);
	const json_t *other;
	const char *id;
	size_t i;

	json_array_foreach(json_object_get(to, "blocks"), i, b)
	{
		id = json_string_value(json_object_get(b, "id"));
		other = id ? json_object_get(before, id) : NULL;
		if (id && !other)
			json_array_append_new(added, json_string(id));
		else if (id && !json_equal(b, other))
			json_array_append_new(changed, json_string(id));
	}
	json_array_foreach(json_object_get(from, "blocks"), i, b)
	{
		id = json_string_value(json_object_get(b, "id"));
		if (id && !json_object_get(after, id))
			json_array_append_new(removed, json_string(id));
	}
	json_decref(before);
	json_decref(after);
}

/* Whatever else differs, of this side's members; "known": the other side's
 * that were looked at before. */
static void
diff_members(const json_t *side, const json_t *other, const json_t *known,
	     json_t *out)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)side, name, value)
	{
		if (strcmp(name, "blocks") != 0 &&
		    !json_object_get(known, name) &&
		    !json_equal(value, json_object_get(other, name)))
			json_array_append_new(out, json_string(name));
	}
}

json_t *
flow_diff_documents(const json_t *from, const json_t *to)
{
	json_t *out = json_pack("{s:[], s:[], s:[], s:[]}", "added", "removed",
				"changed", "other");

	if (!out)
		return NULL;
	diff_blocks(from, to, out);
	diff_members(from, to, NULL, json_object_get(out, "other"));
	diff_members(to, from, from, json_object_get(out, "other"));
	return out;
}

static int
diff_read(struct store_conn *c, const char *flow, int64_t version,
	  struct arena *arena, json_t **out, struct connect_problem *p)
{
	struct json_problem ignored = { 0 };
	const char *text;
	int rc = flow_row_document(c, flow, version, arena, &text, p);

	*out = NULL;
	if (rc)
		return rc;
	rc = json_read(slice_str(text), FLOW_TEXT_MAX, out, &ignored);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_diff(struct store_conn *c, const struct connect_who *who, const char *id,
	  int64_t from, int64_t to, struct arena *arena, json_t **out,
	  struct connect_problem *p)
{
	json_t *a = NULL, *b = NULL;
	struct flow_info info;
	int rc = flow_get(c, who, id, arena, &info, NULL, NULL, p);

	*out = NULL;
	if (!rc)
		rc = diff_read(c, info.id, from, arena, &a, p);
	if (!rc)
		rc = diff_read(c, info.id, to, arena, &b, p);
	if (!rc)
		*out = flow_diff_documents(a, b);
	if (!rc && !*out)
		rc = flow_fail_store(p, c, ERR_NOMEM);
	json_decref(a);
	json_decref(b);
	return rc;
}
