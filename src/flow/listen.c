/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening: who waits for a conversation to move is told on its own loop,
 * whichever thread has moved it.  Listeners lie in buckets by the hash of
 * their conversation; a worker that has none is not even told.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

/* Posted to a worker. */
struct tell {
	struct loop_task task;
	struct flow_worker *worker;
	enum flow_news news;
	char id[27];
};

static struct flow_listener **
bucket_of(struct flow_worker *w, const char *id)
{
	return &w->listeners[table_hash(slice_str(id)) % FLOW_BUCKETS];
}

void
flow_listen(struct flow_worker *w, struct flow_listener *l)
{
	struct flow_listener **first = bucket_of(w, l->id);

	l->worker = w;
	l->next = *first;
	l->prev = first;
	if (l->next)
		l->next->prev = &l->next;
	*first = l;
	atomic_fetch_add(&w->listening, 1);
}

void
flow_listen_stop(struct flow_listener *l)
{
	if (!l->worker)
		return;
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	atomic_fetch_sub(&l->worker->listening, 1);
	l->worker = NULL;
}

unsigned
flow_listening(struct flow_worker *w, const char *id)
{
	struct flow_listener *l;
	unsigned n = 0;

	for (l = *bucket_of(w, id); l; l = l->next)
		n += !strcmp(l->id, id);
	return n;
}

/* A listener may stop listening when it is told, itself alone. */
static void
tell_run(struct loop_task *task)
{
	struct tell *t = CONTAINER_OF(task, struct tell, task);
	struct flow_listener *l, *next;

	for (l = *bucket_of(t->worker, t->id); l; l = next) {
		next = l->next;
		if (!strcmp(l->id, t->id))
			l->moved(l, t->news);
	}
	free(t);
}

void
flow_listeners_leave(struct flow_worker *w)
{
	struct flow_listener *l, *next;
	size_t i;

	for (i = 0; i < FLOW_BUCKETS; i++)
		for (l = w->listeners[i]; l; l = next) {
			next = l->next;
			l->moved(l, FLOW_LEAVING);
		}
}

void
flow_tell(struct flow_engine *e, const char *id, enum flow_news news)
{
	struct flow_worker *w;
	struct tell *t;

	pthread_mutex_lock(&e->mutex);
	for (w = e->workers; w; w = w->next) {
		if (!atomic_load(&w->listening))
			continue;
		t = calloc(1, sizeof(*t));
		if (!t)
			break; /* they look by themselves, later */
		slice_copy(slice_str(id), t->id, sizeof(t->id));
		t->worker = w;
		t->news = news;
		t->task.run = tell_run;
		loop_post(w->loop, &t->task);
	}
	pthread_mutex_unlock(&e->mutex);
}
