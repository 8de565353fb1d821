/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: leases, and what makes up for a crash.
 *
 * A conversation that is calling belongs to the process whose call it is
 * (lease_owner).  The lease is the process's own: one row in flow_engines,
 * renewed every few seconds, however many conversations there are.  With the
 * same look a process takes over
 *
 *   - conversations of processes whose lease has run out, or that have said
 *     that they go;
 *   - conversations that somebody has given back (lease_owner '');
 *   - its own of which no drive knows: there was no memory for one, or the
 *     store has failed at the wrong moment;
 *   - those whose visitor has given his consent, if the process that heard
 *     of it did not get to it.
 *
 * So whatever happens to a call, somebody looks after its conversation: at
 * once when the front is started anew, within FLOW_LEASE_MS and a look when
 * another node has died.  What becomes of the call is drive.c's to say.
 *
 * The timer is on the front's main loop, the statements on a work thread.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { TAKE_MAX = 500, MORE_MS = 50, CONSENT_LOOK_MS = 3600 * 1000 };

/* ---- taking over ---- */

/* Posted to a worker. */
struct takeover {
	struct loop_task task;
	struct flow_worker *worker;
	char id[27], flow[27];
};

struct lost {
	char id[27], flow[27], owner[27];
};

static void
takeover_run(struct loop_task *task)
{
	struct takeover *t = CONTAINER_OF(task, struct takeover, task);

	/* One that finds no room is found again. */
	flow_drive_start(t->worker, t->id, t->flow);
	free(t);
}

static void
takeover_post(struct flow_engine *e, const struct lost *lost)
{
	struct takeover *t = calloc(1, sizeof(*t));
	struct flow_worker *w;
	unsigned i;

	if (!t)
		return;
	memcpy(t->id, lost->id, sizeof(t->id));
	memcpy(t->flow, lost->flow, sizeof(t->flow));
	t->task.run = takeover_run;
	pthread_mutex_lock(&e->mutex);
	w = e->workers;
	for (i = e->worker_count ? e->turn++ % e->worker_count : 0; w && i; i--)
		w = w->next;
	t->worker = w;
	if (w)
		loop_post(w->loop, &t->task);
	else
		free(t);
	pthread_mutex_unlock(&e->mutex);
}

static int
lost_read(struct store_stmt *st, struct lost *lost, size_t max, size_t *count)
{
	struct lost *l;
	int rc;

	while (*count < max && (rc = store_step(st)) == 1) {
		l = &lost[(*count)++];
		slice_copy(store_col(st, 0), l->id, sizeof(l->id));
		slice_copy(store_col(st, 1), l->flow, sizeof(l->flow));
		slice_copy(store_col(st, 2), l->owner, sizeof(l->owner));
	}
	return *count < max ? rc : 0;
}

/* Nobody's, or of somebody who is gone. */
static int
lost_find(struct flow_engine *e, struct store_conn *c, int64_t now,
	  struct lost *lost, size_t *count)
{
	struct store_stmt *st = NULL;
	int rc = store_query(
		c, &st,
		"SELECT id, flow, lease_owner FROM conversations WHERE status "
		"= 'calling' AND lease_owner = '' AND (lease_until <= ?1 OR "
		"lease_until > ?2)",
		"ii", now, clock_wrong_after_ms(FLOW_LEASE_MS));

	*count = 0;
	if (!rc)
		rc = lost_read(st, lost, TAKE_MAX, count);
	store_done(st);
	if (!rc && *count < TAKE_MAX)
		rc = store_query(
			c, &st,
			"SELECT id, flow, lease_owner FROM conversations c "
			"WHERE status = 'calling' AND lease_owner > '' AND "
			"lease_owner <> ?2 AND NOT EXISTS (SELECT 1 FROM "
			"flow_engines e WHERE e.id = c.lease_owner AND e.until "
			"> ?1)",
			"is", e->leases.fair ? now : 0, e->owner);
	else
		return rc;
	if (!rc)
		rc = lost_read(st, lost, TAKE_MAX, count);
	store_done(st);
	return rc;
}

static int
lost_claim(struct flow_engine *e, struct store_conn *c, struct lost *lost,
	   size_t count)
{
	int64_t taken;
	size_t i;
	int rc = count ? store_begin(c) : 0;

	for (i = 0; i < count && !rc; i++) {
		rc = store_exec(c, &taken,
				"UPDATE conversations SET lease_owner = ?2 "
				"WHERE id = ?1 AND lease_owner = ?3 AND status "
				"= 'calling'",
				"sss", lost[i].id, e->owner, lost[i].owner);
		if (!taken)
			lost[i].id[0] = '\0';
	}
	if (count && !rc)
		rc = store_commit(c);
	store_rollback(c);
	for (i = 0; i < count && !rc; i++)
		if (lost[i].id[0])
			takeover_post(e, &lost[i]);
	return rc;
}

/* ---- its own of which no drive knows ---- */

static size_t
drives_count(struct flow_engine *e)
{
	size_t n;

	pthread_mutex_lock(&e->mutex);
	n = table_count(e->driven);
	pthread_mutex_unlock(&e->mutex);
	return n;
}

static bool
is_driven(struct flow_engine *e, const char *id)
{
	bool yes;

	pthread_mutex_lock(&e->mutex);
	yes = table_get(e->driven, slice_str(id)) != NULL;
	pthread_mutex_unlock(&e->mutex);
	return yes;
}

static int
own_count(struct flow_engine *e, struct store_conn *c, size_t *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT count(*) FROM conversations WHERE status "
			     "= 'calling' AND lease_owner = ?1",
			     "s", e->owner);

	*out = 0;
	if (!rc && (rc = store_step(st)) == 1) {
		*out = (size_t)store_col_int(st, 0);
		rc = 0;
	}
	store_done(st);
	return rc;
}

static int
own_find(struct flow_engine *e, struct store_conn *c)
{
	struct store_stmt *st = NULL;
	size_t all, found = 0, n;
	struct lost l;
	int rc = own_count(e, c, &all);

	if (rc || all <= drives_count(e))
		return rc;
	rc = store_query(c, &st,
			 "SELECT id, flow, lease_owner FROM conversations "
			 "WHERE status = 'calling' AND lease_owner = ?1",
			 "s", e->owner);
	while (!rc && found < TAKE_MAX) {
		n = 0;
		rc = lost_read(st, &l, 1, &n);
		if (rc || !n)
			break;
		if (is_driven(e, l.id))
			continue;
		found++;
		takeover_post(e, &l);
	}
	store_done(st);
	return rc;
}

/* ---- whose visitor has given his consent ---- */

static int
consents_find(struct flow_engine *e, struct store_conn *c, int64_t now)
{
	enum { CONSENTS_MAX = 50 };
	int64_t since = now - (e->consents_looked ? CONSENT_LOOK_MS
						  : FLOW_GRANT_IDLE_MS);
	char ids[CONSENTS_MAX][27], connections[CONSENTS_MAX][27];
	struct lost l = { .owner = "" };
	size_t i, count;
	int rc = flow_consent_find(c, since, CONSENTS_MAX, ids, connections,
				   &count);

	for (i = 0; i < count && !rc; i++) {
		memcpy(l.id, ids[i], sizeof(l.id));
		if (!flow_consent_given(e, c, l.id, connections[i], l.flow))
			takeover_post(e, &l);
	}
	e->consents_looked = true;
	return rc;
}

/* ---- the look ---- */

static int
lease_renew(struct flow_engine *e, struct store_conn *c, int64_t now)
{
	return store_exec(c, NULL,
			  "INSERT INTO flow_engines (id, until) VALUES (?1, "
			  "?2) ON CONFLICT (id) DO UPDATE SET until = ?2",
			  "si", e->owner, now + FLOW_LEASE_MS);
}

/* All others are gone: only when that is known. */
static int
lease_alone(struct flow_engine *e, struct store_conn *c)
{
	return store_exec(c, NULL, "DELETE FROM flow_engines WHERE id <> ?1",
			  "s", e->owner);
}

/* Whether the leases of others say anything: not if the wall clock was set
 * since the last look, before they can have renewed theirs. */
static bool
lease_judges(struct flow_engine *e, int64_t now)
{
	int64_t off = now - (int64_t)clock_boot_ms();
	bool fair = e->leases.looked && off - e->leases.off_ms < FLOW_LOOK_MS;

	e->leases.looked = true;
	e->leases.off_ms = off;
	return fair;
}

static void
look_work(struct loop_work *w)
{
	struct flow_engine *e = CONTAINER_OF(w, struct flow_engine, work);
	struct lost *lost = calloc(TAKE_MAX, sizeof(*lost));
	int64_t now = clock_wall_ms();
	struct store_conn *c = NULL;
	size_t count = 0;
	int rc = lost ? store_acquire(e->store, &c) : ERR_NOMEM;

	e->leases.fair = lease_judges(e, now);
	if (!rc)
		rc = lease_renew(e, c, now);
	if (!rc && atomic_exchange(&e->alone, false))
		rc = lease_alone(e, c);
	if (!rc && !atomic_load(&e->leaving) &&
	    drives_count(e) + TAKE_MAX <= FLOW_DRIVES_MAX) {
		rc = lost_find(e, c, now, lost, &count);
		if (!rc)
			rc = lost_claim(e, c, lost, count);
		if (!rc)
			rc = own_find(e, c);
		if (!rc)
			rc = consents_find(e, c, now);
	}
	e->more = count == TAKE_MAX;
	if (rc)
		log_warn("conversations could not be looked after", LOG_E(rc));
	if (c)
		store_release(c);
	free(lost);
}

static void look_soon(struct flow_engine *e, uint64_t ms);

static void
look_done(struct loop_work *w)
{
	struct flow_engine *e = CONTAINER_OF(w, struct flow_engine, work);

	e->working = false;
	look_soon(e, e->more ? MORE_MS : FLOW_LOOK_MS);
}

static void
look_fire(struct loop_timer *t)
{
	struct flow_engine *e = CONTAINER_OF(t, struct flow_engine, timer);

	e->working = true;
	e->work.work = look_work;
	e->work.done = look_done;
	e->work.loop = e->loop;
	loop_work_start(e->pool, &e->work);
}

static void
look_soon(struct flow_engine *e, uint64_t ms)
{
	if (!e->stopped && !e->working)
		loop_timer_start(e->loop, &e->timer, ms, look_fire);
}

void
flow_engine_alone(struct flow_engine *e)
{
	atomic_store(&e->alone, true);
	look_soon(e, MORE_MS);
}

/* ---- life ---- */

/* Its lease, before any conversation can be its own. */
static int
engine_begin(struct flow_engine *e, bool shared)
{
	struct store_conn *c;
	int rc = store_acquire(e->store, &c);

	if (rc)
		return rc;
	rc = lease_renew(e, c, clock_wall_ms());
	if (!rc && !shared)
		rc = lease_alone(e, c);
	store_release(c);
	return rc;
}

int
flow_engine_new(const struct flow_engine_config *c, struct flow_engine **out)
{
	struct flow_engine *e = calloc(1, sizeof(*e));
	int rc;

	*out = NULL;
	if (!e)
		return ERR_NOMEM;
	e->store = c->store;
	e->loop = c->loop;
	e->pool = c->pool;
	e->connect = c->connect;
	e->forget_pool = c->forget_pool;
	random_id(e->owner);
	pthread_mutex_init(&e->mutex, NULL);
	e->driven = table_new();
	rc = e->driven ? engine_begin(e, c->shared) : ERR_NOMEM;
	if (rc) {
		flow_engine_free(e);
		return rc;
	}
	look_soon(e, MORE_MS);
	flow_forget_start(e);
	*out = e;
	return 0;
}

void
flow_engine_stop(struct flow_engine *e)
{
	if (!e)
		return;
	e->stopped = true;
	loop_timer_cancel(&e->timer);
	loop_timer_cancel(&e->forget_timer);
}

/* What is still its own is the next one's at once. */
static void
engine_end(struct flow_engine *e)
{
	struct store_conn *c;

	if (store_acquire(e->store, &c))
		return;
	store_exec(c, NULL, "DELETE FROM flow_engines WHERE id = ?1", "s",
		   e->owner);
	store_release(c);
}

void
flow_engine_free(struct flow_engine *e)
{
	size_t i;

	if (!e)
		return;
	ASSERT(!e->workers);
	loop_timer_cancel(&e->timer);
	loop_timer_cancel(&e->forget_timer);
	engine_end(e);
	for (i = 0; i < FLOW_CACHE; i++)
		flow_document_unref(e->cache[i].document);
	table_free(e->driven);
	pthread_mutex_destroy(&e->mutex);
	free(e);
}

int
flow_worker_new(struct flow_engine *e, const struct flow_worker_config *c,
		struct flow_worker **out)
{
	struct flow_worker *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return ERR_NOMEM;
	w->engine = e;
	w->loop = c->loop;
	w->calls = c->calls;
	w->slots = c->slots;
	ASSERT(w->slots);
	pthread_mutex_lock(&e->mutex);
	w->next = e->workers;
	e->workers = w;
	e->worker_count++;
	pthread_mutex_unlock(&e->mutex);
	return 0;
}

void
flow_worker_free(struct flow_worker *w)
{
	struct flow_worker **p;

	if (!w)
		return;
	pthread_mutex_lock(&w->engine->mutex);
	for (p = &w->engine->workers; *p != w; p = &(*p)->next)
		;
	*p = w->next;
	w->engine->worker_count--;
	pthread_mutex_unlock(&w->engine->mutex);
	flow_drives_cancel(w);
	free(w);
}

void
flow_worker_leave(struct flow_worker *w, void (*left)(void *arg), void *arg)
{
	atomic_store(&w->engine->leaving, true);
	w->leaving = true;
	w->left = left;
	w->left_arg = arg;
	flow_listeners_leave(w);
	if (!w->running)
		flow_worker_left(w);
}

void
flow_worker_left(struct flow_worker *w)
{
	void (*left)(void *) = w->left;

	w->left = NULL;
	if (left)
		left(w->left_arg);
}

bool
flow_worker_leaves(const struct flow_worker *w)
{
	return w->leaving;
}
