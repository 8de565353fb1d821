/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: each worker's own tables of connections and injections.
 *
 * A call whose connection and injection are at hand costs one look-up in a
 * table that no other thread touches.  What is missing is loaded once,
 * however many calls wait for it.
 *
 * The views are a circle (loop/): what is withdrawn is forgotten by each of
 * them before the withdrawal returns, and a load that began before it is not
 * kept (its epoch is old) but done again.
 *
 * Runs in the front, each view on its worker's loop.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/view_priv.h"

enum {
	UNKNOWN_MAX = 1024,
	UNKNOWN_MS = 1000,
	ENTRIES_MAX = 100 * 1000,
};

/* One connection being loaded. */
struct view_load {
	struct connect_view *view; /* NULL: it has gone */
	struct connect_views *all;
	struct loop_work work;
	struct connect_wait *waiting;
	char link[51];
	uint64_t epoch;
	struct catalog *catalog;
	struct connect_snapshot *snapshot;
	struct view_users users; /* of it, if it is per user */
	int err;
};

/* ---- waiting ---- */

void
view_wait_add(struct connect_wait **list, struct connect_wait *w)
{
	w->next = *list;
	w->prev = list;
	if (w->next)
		w->next->prev = &w->next;
	*list = w;
}

void
connect_wait_cancel(struct connect_wait *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->next = NULL;
	w->prev = NULL;
}

void
view_wait_finish(struct connect_wait *w, int err)
{
	connect_wait_cancel(w);
	w->done(w, err);
}

/* ---- all views ---- */

int
connect_views_new(struct store *s, struct loop_pool *pool,
		  struct connect_views **out)
{
	struct connect_views *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (!v)
		return ERR_NOMEM;
	v->store = s;
	v->pool = pool;
	loop_circle_init(&v->circle);
	pthread_mutex_init(&v->mutex, NULL);
	*out = v;
	return 0;
}

void
connect_views_free(struct connect_views *v)
{
	if (!v)
		return;
	loop_circle_release(&v->circle);
	if (v->catalog)
		catalog_unref(v->catalog);
	pthread_mutex_destroy(&v->mutex);
	free(v);
}

void
connect_views_set_catalog(struct connect_views *v, struct catalog *c)
{
	struct catalog *before;

	pthread_mutex_lock(&v->mutex);
	before = v->catalog;
	v->catalog = catalog_ref(c);
	pthread_mutex_unlock(&v->mutex);
	if (!before)
		return;
	connect_views_withdraw(v, NULL);
	catalog_unref(before);
}

void
connect_views_attach(struct connect_views *v, struct loop *l,
		     struct proc_channel *keeper)
{
	pthread_mutex_lock(&v->mutex);
	v->keeper_loop = l;
	v->keeper = keeper;
	view_ask_attached(v);
	pthread_mutex_unlock(&v->mutex);
}

/* ---- entries ---- */

struct view_entry *
view_entry_find(struct connect_view *v, const char *link)
{
	return table_get(v->entries, slice_str(link));
}

void
view_entry_set_snapshot(struct view_entry *e, struct connect_snapshot *s)
{
	connect_snapshot_unref(e->seen.snapshot);
	e->seen.snapshot = s;
	e->seen.base = NULL; /* its URL may be another now */
	e->seen.base_for = NULL;
	e->seen.degraded = s->degraded;
}

struct connect_injection *
view_entry_injection(const struct view_entry *e, const char *subject)
{
	if (!subject[0])
		return e->injection;
	return e->by_user ? table_get(e->by_user, slice_str(subject)) : NULL;
}

void
view_entry_set_injection(struct view_entry *e, const char *subject,
			 struct connect_injection *i)
{
	void *before = NULL;

	e->seen.base_for = NULL;
	if (!subject[0]) {
		connect_injection_unref(e->injection);
		e->injection = i;
		return;
	}
	if (!e->by_user)
		e->by_user = table_new();
	if (!e->by_user) {
		connect_injection_unref(i);
		return;
	}
	if (!i)
		before = table_remove(e->by_user, slice_str(subject));
	else if (table_set(e->by_user, slice_str(subject), i, &before))
		connect_injection_unref(i);
	connect_injection_unref(before);
}

static void
entry_free(struct view_entry *e)
{
	size_t cursor = 0;
	struct slice key;
	void *i;

	connect_snapshot_unref(e->seen.snapshot);
	connect_injection_unref(e->injection);
	while (e->by_user && table_next(e->by_user, &cursor, &key, &i))
		connect_injection_unref(i);
	table_free(e->by_user);
	view_users_release(&e->users);
	free(e);
}

/* Those of a connection (NULL: all). */
static void
entries_drop(struct connect_view *v, const char *connection)
{
	size_t cursor = 0;
	struct slice link;
	void *value;

	while (table_next(v->entries, &cursor, &link, &value)) {
		struct view_entry *e = value;

		if (connection && strcmp(e->seen.snapshot->id, connection))
			continue;
		table_remove(v->entries, link);
		entry_free(e);
	}
}

/* ---- one view ---- */

/* One injection alone is named "!link/subject". */
static void
injection_drop(struct connect_view *v, const char *named)
{
	const char *subject = strchr(named, '/') + 1;
	struct slice link = slice_of(named + 1, (size_t)(subject - named - 2));
	struct view_entry *e = table_get(v->entries, link);

	if (e)
		view_entry_set_injection(e, subject, NULL);
}

static void
view_forget(struct loop_peer *p, const char *connection)
{
	struct connect_view *v = CONTAINER_OF(p, struct connect_view, peer);

	if (connection && connection[0] == '!') {
		injection_drop(v, connection);
		return;
	}
	v->unknown_since_ms = 0;
	entries_drop(v, connection);
}

int
connect_view_new(struct connect_views *all, struct loop *l,
		 struct connect_view **out)
{
	struct connect_view *v = calloc(1, sizeof(*v));

	*out = NULL;
	if (!v)
		return ERR_NOMEM;
	v->all = all;
	v->loop = l;
	v->entries = table_new();
	v->unknown = table_new();
	v->loading = table_new();
	v->asking = table_new();
	if (!v->entries || !v->unknown || !v->loading || !v->asking) {
		table_free(v->entries);
		table_free(v->unknown);
		table_free(v->loading);
		table_free(v->asking);
		free(v);
		return ERR_NOMEM;
	}
	loop_circle_join(&all->circle, &v->peer, l, view_forget);
	*out = v;
	return 0;
}

void
connect_view_free(struct connect_view *v)
{
	size_t cursor = 0;
	struct slice key;
	void *load;

	if (!v)
		return;
	loop_circle_leave(&v->peer);
	view_ask_forget(v);
	while (table_next(v->loading, &cursor, &key, &load)) {
		ASSERT(!((struct view_load *)load)->waiting);
		((struct view_load *)load)->view = NULL;
	}
	entries_drop(v, NULL);
	table_free(v->entries);
	table_free(v->unknown);
	table_free(v->loading);
	table_free(v->asking);
	free(v);
}

/* ---- loading ---- */

static void
load_work(struct loop_work *w)
{
	struct view_load *l = CONTAINER_OF(w, struct view_load, work);

	l->epoch = loop_circle_epoch(&l->all->circle);
	pthread_mutex_lock(&l->all->mutex);
	l->catalog = l->all->catalog ? catalog_ref(l->all->catalog) : NULL;
	pthread_mutex_unlock(&l->all->mutex);
	l->err = l->catalog ? view_snapshot_load(l->all, l->catalog, l->link,
						 &l->snapshot, &l->users)
			    : ERR_CLOSED;
	if (l->catalog)
		catalog_unref(l->catalog);
}

static void
unknown_add(struct connect_view *v, const char *link)
{
	static char present;
	uint64_t now = loop_now_ms(v->loop);

	if (now - v->unknown_since_ms > UNKNOWN_MS ||
	    table_count(v->unknown) >= UNKNOWN_MAX) {
		table_free(v->unknown);
		v->unknown = table_new();
		v->unknown_since_ms = now;
	}
	if (v->unknown)
		table_set(v->unknown, slice_str(link), &present, NULL);
}

static bool
unknown_has(struct connect_view *v, struct slice link)
{
	return v->unknown && v->unknown_since_ms &&
	       loop_now_ms(v->loop) - v->unknown_since_ms <= UNKNOWN_MS &&
	       table_get(v->unknown, link);
}

static void
load_take(struct view_load *l, struct view_entry *e)
{
	view_entry_set_snapshot(e, l->snapshot);
	l->snapshot = NULL;
	view_users_release(&e->users);
	e->users = l->users;
	memset(&l->users, 0, sizeof(l->users));
}

static int
load_keep(struct connect_view *v, struct view_load *l)
{
	struct view_entry *e = view_entry_find(v, l->link);

	if (e) { /* its status was renewed meanwhile */
		load_take(l, e);
		return 0;
	}
	if (table_count(v->entries) >= ENTRIES_MAX)
		entries_drop(v, NULL);
	e = calloc(1, sizeof(*e));
	if (!e)
		return ERR_NOMEM;
	memcpy(e->link, l->link, sizeof(e->link));
	if (table_set(v->entries, slice_str(e->link), e, NULL)) {
		free(e);
		return ERR_NOMEM;
	}
	load_take(l, e);
	return 0;
}

static void
load_done(struct loop_work *work)
{
	struct view_load *l = CONTAINER_OF(work, struct view_load, work);
	struct connect_view *v = l->view;
	int err = l->err;

	if (v && l->epoch != loop_circle_epoch(&v->all->circle)) {
		/* withdrawn meanwhile: may be out of date */
		connect_snapshot_unref(l->snapshot);
		l->snapshot = NULL;
		view_users_release(&l->users);
		loop_work_start(v->all->pool, &l->work);
		return;
	}
	if (v) {
		table_remove(v->loading, slice_str(l->link));
		if (!err)
			err = load_keep(v, l);
		else if (err == ERR_NOT_FOUND)
			unknown_add(v, l->link);
	}
	while (l->waiting) {
		struct connect_wait *w = l->waiting;

		if (err && err != ERR_NOT_FOUND)
			slice_copy(err == ERR_UNSUPPORTED
					   ? SLICE("its service is not in the "
						   "catalogue any more.")
					   : slice_str(err_text(err)),
				   w->detail, sizeof(w->detail));
		view_wait_finish(w, err);
	}
	connect_snapshot_unref(l->snapshot);
	view_users_release(&l->users);
	free(l);
}

static int
load_start(struct connect_view *v, struct slice link, struct connect_wait *w)
{
	struct view_load *l = calloc(1, sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	l->view = v;
	l->all = v->all;
	slice_copy(link, l->link, sizeof(l->link));
	l->work.work = load_work;
	l->work.done = load_done;
	l->work.loop = v->loop;
	if (table_set(v->loading, link, l, NULL)) {
		free(l);
		return ERR_NOMEM;
	}
	view_wait_add(&l->waiting, w);
	loop_work_start(v->all->pool, &l->work);
	return ERR_AGAIN;
}

int
connect_view_find(struct connect_view *v, struct slice link,
		  struct connect_wait *w, struct connect_entry **out)
{
	struct view_entry *e = table_get(v->entries, link);
	struct view_load *l;

	if (e) {
		*out = &e->seen;
		return 0;
	}
	*out = NULL;
	if (!link.len || link.len >= sizeof(e->link) || unknown_has(v, link))
		return ERR_NOT_FOUND;
	if (!w)
		return ERR_AGAIN;
	l = table_get(v->loading, link);
	if (!l)
		return load_start(v, link, w);
	view_wait_add(&l->waiting, w);
	return ERR_AGAIN;
}

/* ---- withdrawing ---- */

void
connect_views_withdraw(struct connect_views *v, const char *connection)
{
	loop_circle_tell(&v->circle, connection);
}

void
view_withdraw_injection(struct connect_views *v, const char *link,
			const char *subject)
{
	char named[192];

	snprintf(named, sizeof(named), "!%s/%s", link, subject);
	loop_circle_tell(&v->circle, named);
}
