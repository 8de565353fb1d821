/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the front ready?
 *
 * Anybody may ask, without a key, so it must cost little: one look at a time
 * (database, then keeper), on one work thread, whose answer holds for a
 * second; whoever asks meanwhile waits on his own loop and holds no thread.
 */
#include "main/front_priv.h"

enum {
	KEEPER_MS = 2000,
	READY_HOLDS_MS = 1000,
	UNREADY_HOLDS_MS = 100, /* a start is soon over */
};

void
front_ready_init(struct front_ready *r)
{
	pthread_mutex_init(&r->mutex, NULL);
}

static bool
store_answers(struct front *f)
{
	struct store_conn *c = NULL;
	struct store_stmt *st = NULL;
	bool ok;

	if (store_acquire(f->store, &c))
		return false;
	ok = !store_query(c, &st, "SELECT 1 FROM organisations LIMIT 1", "") &&
	     store_step(st) == 1;
	store_done(st);
	store_release(c);
	return ok;
}

static void
ready_tell(struct api_ready *w, const char *why)
{
	w->why = why;
	w->task.run = w->told;
	loop_post(w->loop, &w->task);
}

static const char *
ready_look(struct front *f)
{
	if (f->stopping)
		return "It is being stopped.";
	if (!store_answers(f))
		return "The database does not answer.";
	if (connect_front_ping(f->connect, KEEPER_MS))
		return "The keeper does not answer yet.";
	return NULL;
}

static void
ready_work(struct loop_work *work)
{
	struct front *f = CONTAINER_OF(work, struct front, ready.work);
	struct front_ready *r = &f->ready;
	const char *why = ready_look(f);
	struct api_ready *w, *next;

	pthread_mutex_lock(&r->mutex);
	w = r->waiting;
	r->waiting = NULL;
	r->asking = false;
	r->why = why;
	r->until_ms =
		clock_mono_ms() + (why ? UNREADY_HOLDS_MS : READY_HOLDS_MS);
	pthread_mutex_unlock(&r->mutex);
	for (; w; w = next) {
		next = w->next; /* told, it may be gone */
		ready_tell(w, why);
	}
}

void
front_ready_ask(struct api_ready *w, void *arg)
{
	struct front *f = arg;
	struct front_ready *r = &f->ready;
	bool known, start = false;
	const char *why;

	pthread_mutex_lock(&r->mutex);
	known = clock_mono_ms() < r->until_ms;
	why = r->why;
	if (!known) {
		w->next = r->waiting;
		r->waiting = w;
		start = !r->asking;
		r->asking = true;
	}
	pthread_mutex_unlock(&r->mutex);
	if (known)
		ready_tell(w, why);
	if (!start)
		return;
	r->work.work = ready_work;
	loop_work_start(f->pools[FRONT_HOUSE], &r->work);
}
