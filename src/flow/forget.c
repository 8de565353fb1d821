/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visitors' grants die with their conversations.
 *
 * Every few seconds: conversations that have asked for a grant and are over,
 * or have not moved for a day, lose theirs.  What has failed (the keeper is
 * away) is tried again; a consent that is just being stored keeps its
 * conversation on the list until that is over.  Then connect/ notes which
 * consents have ended without a callback, and goes on with revoking upstream
 * what has ended, here and by deletion of connections.
 *
 * The timer is on the front's main loop, the work on a work thread of its
 * own, since a provider may take its time.
 */
#include "flow/flow_priv.h"

enum { FORGET_MS = 2000, FORGET_MAX = 20, USES_MAX = 50, SPENT_MS = 60 * 1000 };

struct forgotten {
	char id[27], org[27], subject[64];
};

static int
forget_list(struct store_conn *c, int64_t now, struct forgotten *out,
	    size_t *count)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT id, org, subject FROM conversations WHERE "
			     "grants = 1 AND (status IN ('ended', "
			     "'handed_off', 'failed') OR updated_at < ?1) "
			     "ORDER BY updated_at LIMIT ?2",
			     "ii", now - FLOW_GRANT_IDLE_MS,
			     (int64_t)FORGET_MAX);

	*count = 0;
	while (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), out[*count].id, 27);
		slice_copy(store_col(st, 1), out[*count].org, 27);
		slice_copy(store_col(st, 2), out[*count].subject, 64);
		(*count)++;
		rc = 0;
	}
	store_done(st);
	return rc;
}

static int
forget_grants(struct flow_engine *e, struct store_conn *c,
	      const struct forgotten *f)
{
	struct store_stmt *st = NULL;
	char connections[USES_MAX][27];
	size_t i, count = 0;
	int rc = store_query(c, &st,
			     "SELECT connection FROM connection_users WHERE "
			     "subject = ?1",
			     "s", f->subject);

	while (!rc && count < USES_MAX && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), connections[count++], 27);
		rc = 0;
	}
	store_done(st);
	for (i = 0; i < count && !rc; i++)
		rc = connect_front_forget(e->connect, c, f->org, connections[i],
					  f->subject);
	return rc;
}

/* No consent can come any more, or it is on its way: then once more. */
static int
forget_row(struct store_conn *c, const struct forgotten *f, int64_t now)
{
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM connect_tickets WHERE "
				"conversation = ?1",
				"s", f->id);
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM oauth_states WHERE conversation = "
				"?1 AND used_at < ?2",
				"si", f->id, now - SPENT_MS);
	if (!rc)
		rc = store_exec(
			c, NULL,
			"UPDATE conversations SET grants = 0 WHERE id = ?1 AND "
			"NOT EXISTS (SELECT 1 FROM oauth_states WHERE "
			"conversation = ?1) AND NOT EXISTS (SELECT 1 FROM "
			"connection_users WHERE subject = ?2)",
			"ss", f->id, f->subject);
	if (!rc) /* one whose flow was deleted before */
		rc = store_exec(c, NULL,
				"DELETE FROM conversations WHERE id = ?1 AND "
				"grants = 0 AND NOT EXISTS (SELECT 1 FROM "
				"flows WHERE id = conversations.flow)",
				"s", f->id);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

static void
forget_work(struct loop_work *w)
{
	struct flow_engine *e =
		CONTAINER_OF(w, struct flow_engine, forget_work);
	struct forgotten list[FORGET_MAX];
	int64_t now = clock_settled_ms();
	struct store_conn *c = NULL;
	size_t i, count = 0;
	int rc = store_acquire(e->store, &c);

	if (!rc)
		rc = forget_list(c, now, list, &count);
	for (i = 0; i < count; i++) {
		rc = forget_grants(e, c, &list[i]);
		if (!rc)
			rc = forget_row(c, &list[i], now);
		if (rc) /* the next time */
			log_warn("a visitor's grant could not be taken back",
				 LOG_E(rc), LOG_S("conversation", list[i].id));
	}
	if (c && connect_front_unfinished(e->connect, c))
		log_warn("consents that ended could not be noted");
	if (c && connect_front_withdraw(e->connect, c))
		log_debug("users' grants are revoked later");
	if (c)
		store_release(c);
}

static void forget_soon(struct flow_engine *e);

static void
forget_done(struct loop_work *w)
{
	forget_soon(CONTAINER_OF(w, struct flow_engine, forget_work));
}

static void
forget_fire(struct loop_timer *t)
{
	struct flow_engine *e =
		CONTAINER_OF(t, struct flow_engine, forget_timer);

	e->forget_work.work = forget_work;
	e->forget_work.done = forget_done;
	e->forget_work.loop = e->loop;
	loop_work_start(e->forget_pool, &e->forget_work);
}

static void
forget_soon(struct flow_engine *e)
{
	if (!e->stopped)
		loop_timer_start(e->loop, &e->forget_timer, FORGET_MS,
				 forget_fire);
}

void
flow_forget_start(struct flow_engine *e)
{
	if (e->connect)
		forget_soon(e);
}
