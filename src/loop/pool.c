/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work threads: what may block runs here, in the order it was queued.
 *
 * A piece of work runs on one of the threads; then its done() is posted to
 * the loop that asked.  Never on the path of a call that needs nothing from
 * a database.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "loop/loop.h"

struct loop_pool {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	pthread_cond_t idle;
	struct loop_work *head, **tail;
	size_t queued;
	unsigned busy; /* threads at work */
	unsigned alive;
	bool stop, abandoned;
	unsigned count;
	pthread_t threads[];
};

static void
work_done(struct loop_task *task)
{
	struct loop_work *w = CONTAINER_OF(task, struct loop_work, task);

	w->done(w);
}

/* The next piece of work; NULL when the pool ends. */
static struct loop_work *
pool_next(struct loop_pool *p)
{
	struct loop_work *w;

	pthread_mutex_lock(&p->mutex);
	while (!p->head && !p->stop)
		pthread_cond_wait(&p->filled, &p->mutex);
	w = p->head;
	if (w) {
		p->head = w->next;
		p->queued--;
		if (!p->head)
			p->tail = &p->head;
		p->busy++;
	}
	pthread_mutex_unlock(&p->mutex);
	return w;
}

/* l: where done() is called; NULL: w may be freed by now.  Posted under the
 * mutex, so that an abandoned pool reaches no loop. */
static void
pool_did(struct loop_pool *p, struct loop *l, struct loop_work *w)
{
	pthread_mutex_lock(&p->mutex);
	if (l && !p->abandoned) {
		w->task.run = work_done;
		loop_post(l, &w->task);
	}
	if (!--p->busy && !p->head)
		pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->mutex);
}

static void
pool_destroy(struct loop_pool *p)
{
	pthread_cond_destroy(&p->filled);
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* The last thread of an abandoned pool takes it along. */
static void
pool_leave(struct loop_pool *p)
{
	bool last;

	pthread_mutex_lock(&p->mutex);
	last = !--p->alive && p->abandoned;
	pthread_mutex_unlock(&p->mutex);
	if (last)
		pool_destroy(p);
}

bool
loop_pool_wait(struct loop_pool *p)
{
	bool waited = false;

	pthread_mutex_lock(&p->mutex);
	while (p->head || p->busy) {
		waited = true;
		pthread_cond_wait(&p->idle, &p->mutex);
	}
	pthread_mutex_unlock(&p->mutex);
	return waited;
}

static void *
pool_thread(void *arg)
{
	struct loop_pool *p = arg;
	struct loop_work *w;
	struct loop *l;

	while ((w = pool_next(p))) {
		l = w->loop; /* without one, work() may free w */
		w->work(w);
		pool_did(p, l, w);
	}
	pool_leave(p);
	return NULL;
}

int
loop_pool_new(unsigned threads, struct loop_pool **out)
{
	struct loop_pool *p;
	sigset_t all, old;

	*out = NULL;
	ASSERT(threads > 0);
	p = calloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));
	if (!p)
		return ERR_NOMEM;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->filled, NULL);
	pthread_cond_init(&p->idle, NULL);
	p->tail = &p->head;
	p->alive = threads;
	/* Signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->count < threads &&
	       !pthread_create(&p->threads[p->count], NULL, pool_thread, p))
		p->count++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (p->count < threads) {
		loop_pool_free(p); /* joins those that there are */
		return ERR_SYSTEM;
	}
	*out = p;
	return 0;
}

void
loop_pool_free(struct loop_pool *p)
{
	unsigned i;

	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stop = true;
	pthread_cond_broadcast(&p->filled);
	pthread_mutex_unlock(&p->mutex);
	for (i = 0; i < p->count; i++)
		pthread_join(p->threads[i], NULL);
	pool_destroy(p);
}

void
loop_pool_abandon(struct loop_pool *p)
{
	unsigned i;

	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stop = p->abandoned = true;
	p->head = NULL;
	p->tail = &p->head;
	p->queued = 0;
	for (i = 0; i < p->count; i++)
		pthread_detach(p->threads[i]);
	pthread_cond_broadcast(&p->filled);
	pthread_mutex_unlock(&p->mutex);
}

bool
loop_work_offer(struct loop_pool *p, struct loop_work *w, size_t max)
{
	bool taken;

	w->next = NULL;
	pthread_mutex_lock(&p->mutex);
	taken = p->queued < max;
	if (taken) {
		*p->tail = w;
		p->tail = &w->next;
		p->queued++;
		pthread_cond_signal(&p->filled);
	}
	pthread_mutex_unlock(&p->mutex);
	return taken;
}

void
loop_work_start(struct loop_pool *p, struct loop_work *w)
{
	loop_work_offer(p, w, SIZE_MAX);
}
