/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: leases, and what makes up for a crash.
 *
 * A conversation that is calling is leased to the process whose call it is.
 * Every few seconds a process renews all its leases in one statement, and
 * takes over conversations whose lease has run out: their process has died,
 * or could not go on.  What becomes of the call is drive.c's to say.
 *
 * The timer is on the front's main loop, the statements on a work thread.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { TAKE_MAX = 50 };

/* ---- taking over ---- */

/* Posted to a worker. */
struct takeover {
	struct loop_task task;
	struct flow_worker *worker;
	char id[27];
};

static void
takeover_run(struct loop_task *task)
{
	struct takeover *t = CONTAINER_OF(task, struct takeover, task);

	flow_drive_start(t->worker, t->id, NULL, NULL);
	free(t);
}

static void
takeover_post(struct flow_engine *e, const char *id)
{
	struct takeover *t = calloc(1, sizeof(*t));
	struct flow_worker *w;
	unsigned i;

	if (!t)
		return;
	memcpy(t->id, id, sizeof(t->id));
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
lost_find(struct store_conn *c, int64_t now, char ids[][27], size_t *count)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT id FROM conversations WHERE status = "
			     "'calling' AND lease_until < ?1 ORDER BY "
			     "lease_until LIMIT ?2",
			     "ii", now, (int64_t)TAKE_MAX);

	*count = 0;
	while (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), ids[(*count)++], 27);
		rc = 0;
	}
	store_done(st);
	return rc;
}

static void
look_work(struct loop_work *w)
{
	struct flow_engine *e = CONTAINER_OF(w, struct flow_engine, work);
	int64_t now = clock_wall_ms(), taken;
	struct store_conn *c = NULL;
	char ids[TAKE_MAX][27];
	size_t i, count = 0;
	int rc = store_acquire(e->store, &c);

	if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE conversations SET lease_until = ?2 "
				"WHERE lease_owner = ?1 AND status = 'calling' "
				"AND lease_until > 0",
				"si", e->owner, now + FLOW_LEASE_MS);
	if (!rc)
		rc = lost_find(c, now, ids, &count);
	for (i = 0; i < count && !rc; i++) {
		rc = store_exec(c, &taken,
				"UPDATE conversations SET lease_owner = ?2, "
				"lease_until = ?3 WHERE id = ?1 AND status = "
				"'calling' AND lease_until < ?4",
				"ssii", ids[i], e->owner, now + FLOW_LEASE_MS,
				now);
		if (!rc && taken)
			takeover_post(e, ids[i]);
	}
	if (rc)
		log_warn("conversations could not be looked after", LOG_E(rc));
	if (c)
		store_release(c);
}

static void look_soon(struct flow_engine *e);

static void
look_done(struct loop_work *w)
{
	struct flow_engine *e = CONTAINER_OF(w, struct flow_engine, work);

	e->working = false;
	look_soon(e);
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
look_soon(struct flow_engine *e)
{
	if (!e->stopped)
		loop_timer_start(e->loop, &e->timer, FLOW_LOOK_MS, look_fire);
}

/* ---- life ---- */

int
flow_engine_new(const struct flow_engine_config *c, struct flow_engine **out)
{
	struct flow_engine *e = calloc(1, sizeof(*e));

	*out = e;
	if (!e)
		return ERR_NOMEM;
	e->store = c->store;
	e->loop = c->loop;
	e->pool = c->pool;
	random_id(e->owner);
	pthread_mutex_init(&e->mutex, NULL);
	look_soon(e);
	return 0;
}

void
flow_engine_stop(struct flow_engine *e)
{
	if (!e)
		return;
	e->stopped = true;
	loop_timer_cancel(&e->timer);
}

void
flow_engine_free(struct flow_engine *e)
{
	size_t i;

	if (!e)
		return;
	ASSERT(!e->workers);
	loop_timer_cancel(&e->timer);
	for (i = 0; i < FLOW_CACHE; i++)
		flow_document_unref(e->cache[i].document);
	pthread_mutex_destroy(&e->mutex);
	free(e);
}

int
flow_worker_new(struct flow_engine *e, struct loop *l,
		struct call_worker *calls, struct flow_worker **out)
{
	struct flow_worker *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return ERR_NOMEM;
	w->engine = e;
	w->loop = l;
	w->calls = calls;
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

/* ---- listening ---- */

void
flow_listen(struct flow_worker *w, struct flow_listener *l)
{
	l->worker = w;
	l->next = w->listeners;
	l->prev = &w->listeners;
	if (l->next)
		l->next->prev = &l->next;
	w->listeners = l;
}

void
flow_listen_stop(struct flow_listener *l)
{
	if (!l->worker)
		return;
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	l->worker = NULL;
}

static void
tell_run(struct loop_task *task)
{
	struct takeover *t = CONTAINER_OF(task, struct takeover, task);
	struct flow_listener *l, *next;

	for (l = t->worker->listeners; l; l = next) {
		next = l->next;
		if (!strcmp(l->id, t->id))
			l->moved(l);
	}
	free(t);
}

void
flow_tell(struct flow_engine *e, const char *id)
{
	struct flow_worker *w;
	struct takeover *t;

	pthread_mutex_lock(&e->mutex);
	for (w = e->workers; w; w = w->next) {
		t = calloc(1, sizeof(*t));
		if (!t)
			break; /* they look by themselves, later */
		slice_copy(slice_str(id), t->id, sizeof(t->id));
		t->worker = w;
		t->task.run = tell_run;
		loop_post(w->loop, &t->task);
	}
	pthread_mutex_unlock(&e->mutex);
}
