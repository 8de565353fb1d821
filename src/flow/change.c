/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing flows: drafts, publishing, restoring, deleting.
 *
 * A draft is stored with all that is wrong with it; what is published has no
 * errors, for somebody who may use every connection in it.  That permission
 * is written down with the version (flow_uses), and holds until the next
 * one, whoever the connections are shared with by then.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { LINK_TRIES = 1000, PROBLEMS_BYTES = 256 * 1024 };

/* A document on its way into the store. */
struct change {
	struct store_conn *c;
	const struct connect_who *who;
	struct arena *arena;
	struct connect_problem *p;
	const json_t *json;
	struct flow_document *document; /* NULL: it has errors */
	struct buf text, problems;
	int64_t errors, warnings;
	char name[4 * FLOW_NAME_MAX + 1];
};

static void
change_release(struct change *ch)
{
	flow_document_unref(ch->document);
	buf_release(&ch->text);
	buf_release(&ch->problems);
}

static void
count_problems(struct change *ch, const json_t *problems)
{
	const json_t *item;
	const char *severity;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)problems, i, item)
	{
		severity = json_string_value(json_object_get(item, "severity"));
		if (severity && !strcmp(severity, "error"))
			ch->errors++;
		else
			ch->warnings++;
	}
}

/* Checks and writes it out.  Problems are no failure here. */
static int
change_init(struct change *ch)
{
	json_t *problems = NULL;
	struct flow_org org;
	const char *name;
	int rc;

	buf_init(&ch->text, FLOW_TEXT_MAX);
	buf_init(&ch->problems, PROBLEMS_BYTES);
	name = json_string_value(json_object_get(ch->json, "name"));
	snprintf(ch->name, sizeof(ch->name), "%s", name ? name : "");
	slice_mend_utf8(ch->name);
	rc = flow_org_init(&org, ch->c, ch->who->actor, ch->arena);
	if (!rc)
		rc = flow_compile(ch->json, &org.world, &problems,
				  &ch->document);
	if (rc == ERR_INVALID)
		rc = 0;
	if (!rc) {
		count_problems(ch, problems);
		rc = json_write(problems, &ch->problems);
	}
	json_decref(problems);
	if (!rc)
		rc = json_write(ch->json, &ch->text);
	if (rc == ERR_TOO_LARGE)
		return connect_fail(ch->p, rc, CONNECT_P_TOO_LARGE, NULL,
				    "A flow may have %d bytes.", FLOW_TEXT_MAX);
	return rc ? flow_fail_store(ch->p, ch->c, rc) : 0;
}

static const char *
problems_out(struct change *ch)
{
	return arena_slice(ch->arena, buf_slice(&ch->problems));
}

/* ---- a new one ---- */

static bool
link_is_free(struct store_conn *c, const char *org, const char *link)
{
	struct store_stmt *st = NULL;
	bool is_free = true;

	if (!store_query(c, &st,
			 "SELECT 1 FROM flows WHERE org = ?1 AND link_name = "
			 "?2",
			 "ss", org, link))
		is_free = store_step(st) == 0;
	store_done(st);
	return is_free;
}

/* A number behind it on a clash; one that was asked for is not changed. */
static int
link_make(struct change *ch, const char *asked, char link[51])
{
	const char *org = ch->who->actor->org;
	char base[51], number[16];
	int i;

	if (asked) {
		connect_link_of_name(slice_str(asked), base);
		if (strcmp(base, asked) != 0)
			return connect_fail(
				ch->p, ERR_INVALID, CONNECT_P_INVALID, NULL,
				"A link name has 1 to 50 lower-case "
				"letters, digits and underscores, a "
				"letter first.");
		memcpy(link, base, sizeof(base));
		if (link_is_free(ch->c, org, link))
			return 0;
		return connect_fail(
			ch->p, ERR_EXISTS, CONNECT_P_EXISTS,
			"Choose another link name, or leave it out.",
			"There is a flow \"%s\" already.", link);
	}
	connect_link_of_name(slice_str(ch->name), base);
	if (!base[0])
		memcpy(base, "flow", 5);
	memcpy(link, base, sizeof(base));
	for (i = 2; i < LINK_TRIES && !link_is_free(ch->c, org, link); i++) {
		snprintf(number, sizeof(number), "_%d", i);
		snprintf(link, 51, "%.*s%s", (int)(50 - strlen(number)), base,
			 number);
	}
	return 0;
}

/* Ends the transaction: all of it is stored, or nothing and the problem is
 * told. */
static int
change_end(struct change *ch, int rc)
{
	if (!rc)
		rc = store_commit(ch->c);
	if (!rc)
		return 0;
	store_rollback(ch->c);
	return flow_fail_store(ch->p, ch->c, rc);
}

static int
save_new(struct change *ch, const char *asked, char id[27])
{
	int64_t now = clock_wall_ms();
	char link[51];
	int rc = store_begin(ch->c);

	if (rc)
		return flow_fail_store(ch->p, ch->c, rc);
	rc = link_make(ch, asked, link);
	if (rc) {
		store_rollback(ch->c);
		return rc;
	}
	random_id(id);
	rc = store_exec(
		ch->c, NULL,
		"INSERT INTO flows (id, org, link_name, name, owner, draft, "
		"draft_problems, errors, warnings, created_at, updated_at, "
		"updated_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
		"?10, ?5)",
		"ssssslliii", id, ch->who->actor->org, link, ch->name,
		ch->who->actor->member, buf_slice(&ch->text),
		buf_slice(&ch->problems), ch->errors, ch->warnings, now);
	if (!rc)
		rc = flow_uses_set(ch->c, ch->who->actor->org, id, 0,
				   ch->document);
	if (!rc)
		rc = flow_audit(ch->c, ch->who, "flow.create", id, ch->name,
				NULL);
	return change_end(ch, rc);
}

/* ---- an old one ---- */

static int
save_old(struct change *ch, const struct flow_info *old, int64_t if_match,
	 const char *action, const char *detail)
{
	int64_t changed = 0;
	int rc = store_begin(ch->c);

	if (!rc)
		rc = store_exec(
			ch->c, &changed,
			"UPDATE flows SET name = ?2, draft = ?3, "
			"draft_problems = ?4, errors = ?5, warnings = ?6, "
			"updated_at = CASE WHEN updated_at < ?7 THEN ?7 ELSE "
			"updated_at + 1 END, updated_by = ?8, version = "
			"version + 1 WHERE id = ?1 AND (?9 = 0 OR version = "
			"?9)",
			"sslliiisi", old->id, ch->name, buf_slice(&ch->text),
			buf_slice(&ch->problems), ch->errors, ch->warnings,
			clock_wall_ms(), ch->who->actor->member, if_match);
	if (!rc && !changed)
		rc = ERR_CONFLICT;
	if (!rc)
		rc = flow_uses_set(ch->c, ch->who->actor->org, old->id, 0,
				   ch->document);
	if (!rc)
		rc = flow_audit(ch->c, ch->who, action, old->id, ch->name,
				detail);
	return change_end(ch, rc);
}

int
flow_save(struct store_conn *c, const struct connect_who *who, const char *id,
	  const char *link, int64_t if_match, const json_t *document,
	  struct arena *arena, struct flow_info *out, const char **problems,
	  struct connect_problem *p)
{
	struct change ch = {
		.c = c, .who = who, .arena = arena, .p = p, .json = document
	};
	char made[27];
	int rc = flow_may(c, who, PEOPLE_FLOW_CHANGE, NULL, id, p);

	if (!rc && id)
		rc = flow_row_find(c, who->actor->org, id, arena, out, p);
	if (rc)
		return rc;
	rc = change_init(&ch);
	if (!rc && id)
		rc = save_old(&ch, out, if_match, "flow.save", NULL);
	else if (!rc)
		rc = save_new(&ch, link, made);
	if (!rc)
		rc = flow_row_find(c, who->actor->org, id ? id : made, arena,
				   out, p);
	*problems = problems_out(&ch);
	change_release(&ch);
	return rc;
}

int
flow_restore(struct store_conn *c, const struct connect_who *who,
	     const char *id, int64_t number, int64_t if_match,
	     struct arena *arena, struct flow_info *out, const char **problems,
	     struct connect_problem *p)
{
	struct change ch = { .c = c, .who = who, .arena = arena, .p = p };
	struct json_problem ignored = { 0 };
	json_t *json = NULL;
	const char *text;
	char detail[40];
	int rc = flow_may(c, who, PEOPLE_FLOW_CHANGE, NULL, id, p);

	*problems = NULL;
	if (!rc)
		rc = flow_row_find(c, who->actor->org, id, arena, out, p);
	if (!rc)
		rc = flow_row_document(c, out->id, number, arena, &text, p);
	if (rc)
		return rc;
	rc = json_read(slice_str(text), FLOW_TEXT_MAX, &json, &ignored);
	if (rc)
		return flow_fail_store(p, c, rc);
	ch.json = json;
	snprintf(detail, sizeof(detail), "version %lld", (long long)number);
	rc = change_init(&ch);
	if (!rc)
		rc = save_old(&ch, out, if_match, "flow.restore", detail);
	if (!rc)
		rc = flow_row_find(c, who->actor->org, id, arena, out, p);
	*problems = problems_out(&ch);
	change_release(&ch);
	json_decref(json);
	return rc;
}

/* ---- publishing ---- */

static int
publish_store(struct change *ch, const struct flow_info *old, int64_t if_match,
	      const char *note)
{
	int64_t now = clock_wall_ms(), number = old->last_version + 1;
	int64_t changed = 0;
	char detail[40];
	int rc = store_begin(ch->c);

	if (!rc)
		rc = store_exec(
			ch->c, &changed,
			"UPDATE flows SET published_version = ?2, last_version "
			"= ?2, published_at = ?3, draft_problems = ?4, errors "
			"= 0, warnings = ?5, version = version + 1 WHERE id = "
			"?1 AND version = ?6",
			"siilii", old->id, number, now,
			buf_slice(&ch->problems), ch->warnings,
			if_match ? if_match : old->version);
	if (!rc && !changed)
		rc = ERR_CONFLICT;
	if (!rc)
		rc = store_exec(ch->c, NULL,
				"INSERT INTO flow_versions (flow, number, "
				"document, published_by, published_at, note) "
				"VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
				"silsis", old->id, number, buf_slice(&ch->text),
				ch->who->actor->member, now, note);
	if (!rc)
		rc = flow_uses_set(ch->c, ch->who->actor->org, old->id, number,
				   ch->document);
	snprintf(detail, sizeof(detail), "version %lld", (long long)number);
	if (!rc)
		rc = flow_audit(ch->c, ch->who, "flow.publish", old->id,
				ch->name, detail);
	return change_end(ch, rc);
}

int
flow_publish(struct store_conn *c, const struct connect_who *who,
	     const char *id, int64_t if_match, const char *note,
	     struct arena *arena, struct flow_info *out, const char **problems,
	     struct connect_problem *p)
{
	struct change ch = { .c = c, .who = who, .arena = arena, .p = p };
	struct json_problem ignored = { 0 };
	json_t *json = NULL;
	const char *text;
	int rc = flow_may(c, who, PEOPLE_FLOW_CHANGE, NULL, id, p);

	*problems = NULL;
	if (!rc)
		rc = flow_row_find(c, who->actor->org, id, arena, out, p);
	if (!rc)
		rc = flow_row_document(c, out->id, 0, arena, &text, p);
	if (rc)
		return rc;
	rc = json_read(slice_str(text), FLOW_TEXT_MAX, &json, &ignored);
	if (rc)
		return flow_fail_store(p, c, rc);
	ch.json = json;
	rc = change_init(&ch);
	*problems = problems_out(&ch);
	if (!rc && !ch.document)
		rc = connect_fail(p, ERR_INVALID, CONNECT_P_HAS_PROBLEMS,
				  "Solve them in the draft, then publish.",
				  "The draft has %lld error%s.",
				  (long long)ch.errors,
				  ch.errors == 1 ? "" : "s");
	if (!rc)
		rc = publish_store(&ch, out, if_match, note);
	if (!rc)
		rc = flow_row_find(c, who->actor->org, id, arena, out, p);
	change_release(&ch);
	json_decref(json);
	return rc;
}

/* ---- deleting ---- */

int
flow_delete(struct store_conn *c, const struct connect_who *who, const char *id,
	    int64_t if_match, struct connect_problem *p)
{
	static const char *const statements[] = {
		("INSERT INTO flows_deleted (flow) VALUES (?1) ON CONFLICT "
		 "DO NOTHING"),
		"DELETE FROM flow_uses WHERE flow = ?1",
		"DELETE FROM flow_versions WHERE flow = ?1",
		"DELETE FROM flows WHERE id = ?1",
	};
	struct arena *arena = arena_new(1 << 20);
	struct people_object o = { 0 };
	struct flow_info info;
	size_t i;
	int rc;

	if (!arena)
		return flow_fail_store(p, c, ERR_NOMEM);
	rc = flow_row_find(c, who->actor->org, id, arena, &info, p);
	o.member = info.owner;
	if (!rc)
		rc = flow_may(c, who, PEOPLE_FLOW_DELETE, &o, info.id, p);
	if (!rc && if_match && if_match != info.version)
		rc = flow_fail_store(p, c, ERR_CONFLICT);
	if (rc)
		goto out;
	rc = store_begin(c);
	for (i = 0; i < ARRAY_LEN(statements) && !rc; i++)
		rc = store_exec(c, NULL, statements[i], "s", info.id);
	if (!rc)
		rc = flow_audit(c, who, "flow.delete", info.id, info.name,
				NULL);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		flow_fail_store(p, c, rc);
	} else if (flow_talks_remove(c, info.id)) {
		log_warn("a deleted flow's conversations are removed later",
			 LOG_S("flow", info.id));
	}
out:
	arena_free(arena);
	return rc;
}
