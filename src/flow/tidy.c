/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How conversations go: removed one by one at a member's word, with their
 * flow, or when their time is over.
 *
 * flow_talk_remove() is the only place where a conversation is deleted:
 * whatever belongs to one is deleted there with it.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "flow/flow_priv.h"

enum {
	BATCH = 100,	   /* conversations of one transaction */
	BATCHES_MAX = 100, /* of one run */
	DAY_MS = 24 * 3600 * 1000,
};

typedef char batch_ids[BATCH][27];

/*
 * One whose visitor has given grants stays behind without anything in it,
 * as nobody's: forget.c takes them back, and then the row.
 */
int
flow_talk_remove(struct store_conn *c, const char *id)
{
	static const char *const statements[] = {
		"DELETE FROM messages WHERE conversation = ?1",
		("UPDATE conversations SET status = 'ended', flow = '', "
		 "started_with = '', origin = '', state = '{}', awaits = '', "
		 "problem = '', token = CAST(?1 AS BLOB) WHERE id = ?1 AND "
		 "grants = 1"),
		"DELETE FROM conversations WHERE id = ?1 AND grants = 0",
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_LEN(statements) && !rc; i++)
		rc = store_exec(c, NULL, statements[i], "s", id);
	return rc;
}

/* Ids that a query gives, at most a batch. */
static int
ids_read(struct store_stmt *st, batch_ids ids, size_t *count)
{
	int rc = 0;

	*count = 0;
	while (*count < BATCH && (rc = store_step(st)) == 1)
		slice_copy(store_col(st, 0), ids[(*count)++], 27);
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* A batch of a flow's as one transaction; *count: how many it was. */
static int
talks_batch(struct store_conn *c, const char *flow, size_t *count)
{
	struct store_stmt *st = NULL;
	batch_ids ids;
	size_t i;
	int rc = store_begin(c);

	*count = 0;
	if (!rc)
		rc = store_query(c, &st,
				 "SELECT id FROM conversations WHERE flow = ?1 "
				 "LIMIT ?2",
				 "si", flow, (int64_t)BATCH);
	if (!rc)
		rc = ids_read(st, ids, count);
	for (i = 0; i < *count && !rc; i++)
		rc = flow_talk_remove(c, ids[i]);
	if (!rc)
		rc = store_commit(c);
	store_rollback(c);
	return rc;
}

int
flow_talks_remove(struct store_conn *c, const char *flow)
{
	size_t count = BATCH;
	int rc = 0;

	while (!rc && count == BATCH)
		rc = talks_batch(c, flow, &count);
	return rc ? rc
		  : store_exec(c, NULL,
			       "DELETE FROM flows_deleted WHERE flow = ?1", "s",
			       flow);
}

/* Deleted ones that the store, or the end of the process, came between. */
static int
deleted_remove(struct store_conn *c)
{
	struct store_stmt *st = NULL;
	batch_ids ids;
	size_t i, count = 0;
	int rc = store_query(c, &st, "SELECT flow FROM flows_deleted LIMIT ?1",
			     "i", (int64_t)BATCH);

	if (!rc)
		rc = ids_read(st, ids, &count);
	for (i = 0; i < count && !rc; i++)
		rc = flow_talks_remove(c, ids[i]);
	return rc;
}

/* ---- at a member's word ---- */

static int
erase_may(struct store_conn *c, const struct connect_who *who,
	  const struct flow_talk *t, struct connect_problem *p)
{
	struct people_object o = { 0 };
	struct store_stmt *st = NULL;
	char owner[PEOPLE_ID_SIZE] = "";
	int rc = store_query(c, &st, "SELECT owner FROM flows WHERE id = ?1",
			     "s", t->flow);

	if (!rc && (rc = store_step(st)) == 1)
		slice_copy(store_col(st, 0), owner, sizeof(owner));
	store_done(st);
	if (rc < 0)
		return flow_fail_store(p, c, rc);
	o.member = owner;
	return flow_may(c, who, PEOPLE_CONVERSATION_DELETE, &o, t->id, p);
}

int
flow_talk_erase(struct store_conn *c, const struct connect_who *who,
		const struct flow_talk *t, struct connect_problem *p)
{
	int rc = erase_may(c, who, t, p);

	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM handoffs WHERE conversation = ?1",
				"s", t->id);
	if (!rc)
		rc = flow_talk_remove(c, t->id);
	if (!rc)
		rc = flow_audit(c, who, "conversation.delete", t->id, NULL,
				NULL);
	if (!rc)
		rc = store_commit(c);
	store_rollback(c);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

/* ---- when the time is over ---- */

struct tidy {
	struct flow_engine *engine;
	struct store_conn *c;
	int64_t before; /* last moved */
	int64_t now, silent_ms;
};

/* One batch as one transaction; *count: how many it was.  They are looked for
 * before it, since that takes nobody's turn to write; each looks once more. */
static int
tidy_batch(struct tidy *t, const char *sql,
	   int (*each)(struct tidy *, const char *id), size_t *count)
{
	struct store_stmt *st = NULL;
	batch_ids ids;
	size_t i;
	int rc = store_query(t->c, &st, sql, "ii", t->before, (int64_t)BATCH);

	*count = 0;
	if (!rc)
		rc = ids_read(st, ids, count);
	if (rc || !*count)
		return rc;
	rc = store_begin(t->c);
	for (i = 0; i < *count && !rc; i++)
		rc = each(t, ids[i]);
	if (!rc)
		rc = store_commit(t->c);
	store_rollback(t->c);
	for (i = 0; i < *count && !rc; i++)
		flow_tell(t->engine, ids[i], FLOW_SETTLED);
	return rc;
}

/* 1: there is more. */
static int
tidy_each(struct tidy *t, const char *sql,
	  int (*each)(struct tidy *, const char *id))
{
	size_t count = BATCH, i;
	int rc = 0;

	for (i = 0; i < BATCHES_MAX && count == BATCH && !rc; i++)
		rc = tidy_batch(t, sql, each, &count);
	return rc ? rc : count == BATCH;
}

static int
silent_end(struct tidy *t, const char *id)
{
	char why[100];

	snprintf(why, sizeof(why), "The visitor was silent for %lld %s.",
		 (long long)(t->silent_ms /
			     (t->silent_ms >= DAY_MS ? DAY_MS : 1000)),
		 t->silent_ms >= DAY_MS ? "days" : "seconds");
	return store_exec(t->c, NULL,
			  "UPDATE conversations SET status = 'ended', problem "
			  "= ?2, step = step + 1, updated_at = ?3 WHERE id = "
			  "?1 AND status = 'waiting' AND updated_at < ?4",
			  "ssii", id, why, t->now, t->before);
}

static int
old_remove(struct tidy *t, const char *id)
{
	struct store_stmt *st = NULL;
	int rc = store_query(t->c, &st,
			     "SELECT 1 FROM conversations WHERE id = ?1 AND "
			     "updated_at < ?2 AND status <> 'calling'",
			     "si", id, t->before);

	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc == 1 ? flow_talk_remove(t->c, id) : rc;
}

static int
handoff_remove(struct tidy *t, const char *id)
{
	return store_exec(t->c, NULL,
			  "DELETE FROM handoffs WHERE id = ?1 AND closed_at > "
			  "0 AND closed_at < ?2",
			  "si", id, t->before);
}

/* Moved under a wall clock that was set back since: as if just now. */
static int
talks_of_the_future(struct store_conn *c)
{
	int64_t wall = clock_wall_ms();
	int rc = store_exec(c, NULL,
			    "UPDATE conversations SET updated_at = ?1 WHERE "
			    "updated_at > ?2",
			    "ii", wall, wall + DAY_MS);

	return rc ? rc
		  : store_exec(c, NULL,
			       "UPDATE handoffs SET closed_at = ?1 WHERE "
			       "closed_at > ?2",
			       "ii", wall, wall + DAY_MS);
}

const char flow_silent_sql[] =
	"SELECT id FROM conversations WHERE updated_at < ?1 AND status = "
	"'waiting' LIMIT ?2";

int
flow_tidy(struct flow_engine *e, struct store_conn *c, int64_t now,
	  int64_t keep_ms, int64_t silent_ms)
{
	struct tidy t = {
		.engine = e, .c = c, .now = now, .silent_ms = silent_ms
	};
	int silent = 0, old = 0, closed = 0, rc = talks_of_the_future(c);

	if (!rc)
		rc = deleted_remove(c);
	if (rc)
		return rc;

	t.before = now - silent_ms;
	if (silent_ms)
		silent = tidy_each(&t, flow_silent_sql, silent_end);
	t.before = now - keep_ms;
	if (silent >= 0 && keep_ms)
		old = tidy_each(&t,
				"SELECT id FROM conversations WHERE updated_at "
				"< ?1 AND status <> 'calling' AND flow <> '' "
				"LIMIT ?2",
				old_remove);
	if (silent >= 0 && old >= 0 && keep_ms)
		closed = tidy_each(&t,
				   "SELECT id FROM handoffs WHERE closed_at > "
				   "0 AND closed_at < ?1 LIMIT ?2",
				   handoff_remove);
	if (silent < 0 || old < 0 || closed < 0)
		return silent < 0 ? silent : old < 0 ? old : closed;
	rc = store_exec(c, NULL,
			"DELETE FROM flow_engines WHERE until < ?1 OR until > "
			"?2",
			"ii", now - DAY_MS, clock_wrong_after_ms(DAY_MS));
	return rc ? rc : silent || old || closed;
}
