/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: each worker's own table from keys to actors.
 *
 * A key in the view costs two short hashes and one look-up, without lock or
 * allocation.  The table knows a key by a 128-bit tag, made with a secret
 * drawn at process start (table_hash, twice), so no key's text stays in
 * memory.  What is not in the view is loaded by a work thread; workers that
 * load the same key share one actor, and with it one rate limit, through a
 * registry that is locked on that path alone.
 *
 * Withdrawal: the epoch is raised first, then the registry forgets, then all
 * views, which are a circle (loop/), then people_views_withdraw() returns.  A
 * load notes the epoch before it reads the store, and reads again when it has
 * changed, so what was read before a change is never kept after it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "people/people_priv.h"

enum { TAG_SIZE = 16, UNKNOWN_MAX = 1024, UNKNOWN_MS = 1000 };

struct people_views {
	struct store *store;
	struct loop_pool *pool;
	struct loop_circle circle; /* of the views */
	pthread_mutex_t mutex;	   /* of the actors */
	struct table *actors;	   /* key id to actor, each with a reference */
};

struct people_view {
	struct people_views *all;
	struct loop_peer peer;
	struct loop *loop;
	struct table *keys; /* tag to actor, each with a reference */
	struct table *unknown;
	struct table *loading; /* tag to load */
	uint64_t unknown_since_ms;
};

/* One key being loaded. */
struct load {
	struct people_view *view; /* NULL: it has gone */
	struct loop_work work;
	struct people_wait *waiting;
	unsigned char tag[TAG_SIZE];
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct people_views *all;
	uint64_t epoch;
	struct people_actor *actor;
	int err;
};

static struct slice
tag_slice(const unsigned char tag[TAG_SIZE])
{
	return slice_of(tag, TAG_SIZE);
}

static void
key_tag(struct slice key, unsigned char tag[TAG_SIZE])
{
	char text[PEOPLE_KEY_SIZE];
	uint64_t half;

	ASSERT(key.len == PEOPLE_KEY_SIZE - 1);
	memcpy(text, key.ptr, key.len);
	half = table_hash(slice_of(text, key.len));
	memcpy(tag, &half, sizeof(half));
	text[key.len] = '2';
	half = table_hash(slice_of(text, key.len + 1));
	memcpy(tag + sizeof(half), &half, sizeof(half));
	secret_wipe(text, sizeof(text));
}

/* ---- the registry of all workers ---- */

int
people_views_new(struct store *s, struct loop_pool *pool,
		 struct people_views **out)
{
	struct people_views *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (!v)
		return ERR_NOMEM;
	v->store = s;
	v->pool = pool;
	v->actors = table_new();
	if (!v->actors) {
		free(v);
		return ERR_NOMEM;
	}
	loop_circle_init(&v->circle);
	pthread_mutex_init(&v->mutex, NULL);
	*out = v;
	return 0;
}

/* Out of a table: calls may go on with it, and can ask. */
static void
actor_withdraw(struct people_actor *a)
{
	if (a)
		atomic_store(&a->withdrawn, true);
	people_actor_unref(a);
}

static void
actors_empty(struct table *t, void (*drop)(struct people_actor *))
{
	size_t cursor = 0;
	struct slice key;
	void *actor;

	while (table_next(t, &cursor, &key, &actor)) {
		table_remove(t, key);
		drop(actor);
	}
}

void
people_views_free(struct people_views *v)
{
	if (!v)
		return;
	loop_circle_release(&v->circle);
	actors_empty(v->actors, people_actor_unref);
	table_free(v->actors);
	pthread_mutex_destroy(&v->mutex);
	free(v);
}

/* Gives the actor that others have for this key already, or makes this one
 * known.  False when the epoch has moved on: it may be out of date. */
static bool
views_share(struct people_views *v, uint64_t epoch, struct people_actor **actor)
{
	struct people_actor *known;
	bool current;

	pthread_mutex_lock(&v->mutex);
	current = loop_circle_epoch(&v->circle) == epoch;
	if (current) {
		known = table_get(v->actors, slice_str((*actor)->key));
		if (known) {
			people_actor_ref(known);
			people_actor_unref(*actor);
			*actor = known;
		} else if (!table_set(v->actors, slice_str((*actor)->key),
				      *actor, NULL)) {
			people_actor_ref(*actor);
		}
	}
	pthread_mutex_unlock(&v->mutex);
	return current;
}

/* ---- one worker's ---- */

static void
view_forget(struct loop_peer *p, const char *key_id)
{
	struct people_view *v = CONTAINER_OF(p, struct people_view, peer);
	size_t cursor = 0;
	struct slice tag;
	void *actor;

	if (!key_id)
		v->unknown_since_ms = 0;
	while (table_next(v->keys, &cursor, &tag, &actor)) {
		if (key_id &&
		    strcmp(((struct people_actor *)actor)->key, key_id))
			continue;
		table_remove(v->keys, tag);
		actor_withdraw(actor);
	}
}

int
people_view_new(struct people_views *all, struct loop *l,
		struct people_view **out)
{
	struct people_view *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (!v)
		return ERR_NOMEM;
	v->all = all;
	v->loop = l;
	v->keys = table_new();
	v->unknown = table_new();
	v->loading = table_new();
	if (!v->keys || !v->unknown || !v->loading) {
		table_free(v->keys);
		table_free(v->unknown);
		table_free(v->loading);
		free(v);
		return ERR_NOMEM;
	}
	loop_circle_join(&all->circle, &v->peer, l, view_forget);
	*out = v;
	return 0;
}

void
people_view_free(struct people_view *v)
{
	size_t cursor = 0;
	struct slice key;
	void *load;

	if (!v)
		return;
	loop_circle_leave(&v->peer);
	while (table_next(v->loading, &cursor, &key, &load)) {
		ASSERT(!((struct load *)load)->waiting);
		((struct load *)load)->view = NULL;
	}
	actors_empty(v->keys, people_actor_unref);
	table_free(v->keys);
	table_free(v->unknown);
	table_free(v->loading);
	free(v);
}

/* ---- loading ---- */

static void
wait_add(struct load *l, struct people_wait *w)
{
	w->next = l->waiting;
	w->prev = &l->waiting;
	if (w->next)
		w->next->prev = &w->next;
	l->waiting = w;
}

void
people_wait_cancel(struct people_wait *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->next = NULL;
	w->prev = NULL;
}

/* On a work thread. */
static void
load_work(struct loop_work *work)
{
	struct load *l = CONTAINER_OF(work, struct load, work);
	struct store_conn *c = NULL;

	do {
		people_actor_unref(l->actor);
		l->actor = NULL;
		l->epoch = loop_circle_epoch(&l->all->circle);
		l->err = store_acquire(l->all->store, &c);
		if (l->err)
			return;
		l->err = people_actor_of_key(c, l->hash, &l->actor);
		store_release(c);
	} while (!l->err && !views_share(l->all, l->epoch, &l->actor));
}

static void
unknown_remember(struct people_view *v, const unsigned char tag[TAG_SIZE])
{
	uint64_t now = loop_now_ms(v->loop);
	struct table *fresh;

	if (now - v->unknown_since_ms > UNKNOWN_MS) {
		fresh = table_new();
		if (!fresh)
			return;
		table_free(v->unknown);
		v->unknown = fresh;
		v->unknown_since_ms = now;
	}
	if (table_count(v->unknown) < UNKNOWN_MAX)
		table_set(v->unknown, tag_slice(tag), v, NULL);
}

/* Keeps what was loaded; false when it has to be loaded once more. */
static bool
load_keep(struct people_view *v, struct load *l)
{
	void *old = NULL;

	if (loop_circle_epoch(&v->all->circle) != l->epoch)
		return false;
	if (l->err == ERR_NOT_FOUND)
		unknown_remember(v, l->tag);
	if (!l->err && !table_set(v->keys, tag_slice(l->tag), l->actor, &old)) {
		people_actor_ref(l->actor);
		people_actor_unref(old);
	}
	return true;
}

/* On the loop. */
static void
load_done(struct loop_work *work)
{
	struct load *l = CONTAINER_OF(work, struct load, work);
	struct people_view *v = l->view;
	struct people_wait *w;

	if (v && !load_keep(v, l)) {
		loop_work_start(v->all->pool, &l->work);
		return;
	}
	if (v)
		table_remove(v->loading, tag_slice(l->tag));
	while ((w = l->waiting)) {
		people_wait_cancel(w);
		w->done(w,
			l->err == ERR_NOT_FOUND ? l->err
			: l->err		? ERR_STORE
						: 0,
			l->actor);
	}
	people_actor_unref(l->actor);
	free(l);
}

static int
load_start(struct people_view *v, struct slice key,
	   const unsigned char tag[TAG_SIZE], struct people_wait *w)
{
	struct load *l = calloc(1, sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	l->view = v;
	l->all = v->all;
	memcpy(l->tag, tag, TAG_SIZE);
	people_token_hash(key, l->hash);
	l->work.work = load_work;
	l->work.done = load_done;
	l->work.loop = v->loop;
	if (table_set(v->loading, tag_slice(tag), l, NULL)) {
		free(l);
		return ERR_NOMEM;
	}
	wait_add(l, w);
	loop_work_start(v->all->pool, &l->work);
	return ERR_AGAIN;
}

static bool
unknown_has(struct people_view *v, const unsigned char tag[TAG_SIZE])
{
	return v->unknown_since_ms &&
	       loop_now_ms(v->loop) - v->unknown_since_ms <= UNKNOWN_MS &&
	       table_get(v->unknown, tag_slice(tag));
}

int
people_view_key(struct people_view *v, struct slice key, struct people_wait *w,
		struct people_actor **out)
{
	unsigned char tag[TAG_SIZE];
	struct people_actor *a;
	struct load *l;

	*out = NULL;
	w->next = NULL;
	w->prev = NULL;
	if (!people_key_has_form(key))
		return ERR_NOT_FOUND;
	key_tag(key, tag);
	a = table_get(v->keys, tag_slice(tag));
	if (a) {
		if (a->expires_at && a->expires_at <= clock_wall_ms())
			return ERR_NOT_FOUND;
		*out = a;
		return 0;
	}
	if (unknown_has(v, tag))
		return ERR_NOT_FOUND;
	l = table_get(v->loading, tag_slice(tag));
	if (l) {
		wait_add(l, w);
		return ERR_AGAIN;
	}
	return load_start(v, key, tag, w);
}

/* ---- withdrawing ---- */

/* Under the mutex. */
static void
registry_drop(struct people_views *v, const char *key_id)
{
	if (!key_id)
		actors_empty(v->actors, actor_withdraw);
	else
		actor_withdraw(table_remove(v->actors, slice_str(key_id)));
}

void
people_views_withdraw(struct people_views *v, const char *key_id)
{
	pthread_mutex_lock(&v->mutex);
	/* first: else a load could bring back what is dropped here */
	loop_circle_advance(&v->circle);
	registry_drop(v, key_id);
	pthread_mutex_unlock(&v->mutex);
	loop_circle_tell(&v->circle, key_id);
}
