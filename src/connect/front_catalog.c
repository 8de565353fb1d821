/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue that this front goes by: the default services, and the custom
 * ones of the store.
 *
 * What is put in place is always what the store holds now, read and built under
 * a lock, so that of two changes at once the later one stays.  While another
 * front is at the same database (for the time of a reload or an upgrade), this
 * one looks every moment for what the other has changed.
 *
 * No custom service can keep the others out, or a front from starting: one that
 * is broken, or for which there is no room, is left out with a warning.  What
 * an organisation may keep (front_service.c) is less than there is room for.
 *
 * Runs on the front's work threads.
 */
#include <stdlib.h>

#include "connect/front_priv.h"

enum {
	CUSTOM_MAX = 2 * FRONT_SERVICES_MAX,
	CUSTOM_BYTES = 4 * FRONT_SERVICES_BYTES,
	CUSTOM_ARENA = CUSTOM_BYTES + (1 << 20), /* and their names */
};

struct catalog *
connect_front_catalog(struct connect_front *f)
{
	struct catalog *c;

	pthread_mutex_lock(&f->mutex);
	c = catalog_ref(f->catalog);
	pthread_mutex_unlock(&f->mutex);
	return c;
}

/* ---- building ---- */

static int
stamp_read(struct store_conn *c, struct front_catalog_stamp *out)
{
	struct store_stmt *st = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = store_query(c, &st,
			 "SELECT count(*), coalesce(sum(version), 0), "
			 "coalesce(sum(updated_at), 0) FROM custom_services",
			 "");
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		out->count = store_col_int(st, 0);
		out->versions = store_col_int(st, 1);
		out->written = store_col_int(st, 2);
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Copies of the rows, since the statement's are gone with the next step. */
struct customs {
	struct arena *arena;
	struct catalog_source items[CUSTOM_MAX];
	size_t count, bytes;
	size_t left_out; /* there was no room for them */
};

static bool
custom_add(struct customs *all, struct slice org, struct slice id,
	   struct slice text)
{
	struct catalog_source *s = &all->items[all->count];
	char *copy;

	if (all->count == CUSTOM_MAX || text.len > CUSTOM_BYTES - all->bytes)
		return false;
	s->org = arena_slice(all->arena, org);
	s->file = arena_slice(all->arena, id);
	copy = arena_slice(all->arena, text);
	if (!s->org || !s->file || !copy)
		return false;
	s->text = slice_of(copy, text.len);
	all->bytes += text.len;
	all->count++;
	return true;
}

/* The oldest first: what is new pushes nothing out. */
static int
customs_read(struct store_conn *c, struct customs *all)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT org, id, source FROM custom_services "
			     "ORDER BY created_at, org, id",
			     "");

	while (!rc && (rc = store_step(st)) == 1) {
		all->left_out +=
			!custom_add(all, store_col(st, 0), store_col(st, 1),
				    store_col(st, 2));
		rc = 0;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

static void
customs_log(const struct customs *all, const struct catalog_report *report)
{
	size_t i;

	for (i = 0; i < report->count; i++)
		log_warn("a service's definition is left out",
			 LOG_S("service", report->items[i].file),
			 LOG_S("place", report->items[i].pointer),
			 LOG_S("why", report->items[i].detail));
	if (all->left_out)
		log_warn("custom services are left out, the newest: there is "
			 "no room for so many, or so long ones; delete some",
			 LOG_I("left_out", (int64_t)all->left_out),
			 LOG_I("there", (int64_t)all->count));
}

static int
catalog_build(struct store_conn *c, struct catalog **out)
{
	struct customs *all = calloc(1, sizeof(*all));
	struct catalog_report report;
	int rc = ERR_NOMEM;

	if (!all)
		return rc;
	all->arena = arena_new(CUSTOM_ARENA);
	if (all->arena)
		rc = customs_read(c, all);
	if (!rc)
		rc = catalog_new(all->items, all->count, out, &report);
	if (!rc)
		customs_log(all, &report);
	arena_free(all->arena);
	free(all);
	return rc;
}

/* ---- putting it in place ---- */

static void
catalog_replace(struct connect_front *f, struct catalog *made)
{
	struct catalog *before;

	pthread_mutex_lock(&f->mutex);
	before = f->catalog;
	f->catalog = made;
	pthread_mutex_unlock(&f->mutex);
	connect_views_set_catalog(f->views, made);
	if (before)
		catalog_unref(before);
}

/* With the lock held.  The stamp is read first: what changes between the two
 * is built once more than it need be, and never missed. */
static int
catalog_load(struct connect_front *f, struct store_conn *c, bool if_changed)
{
	struct front_catalog_stamp now;
	struct catalog *made = NULL;
	int rc = stamp_read(c, &now);

	if (!rc && if_changed && !memcmp(&now, &f->built, sizeof(now)))
		return 0;
	if (!rc)
		rc = catalog_build(c, &made);
	if (!rc) {
		catalog_replace(f, made);
		f->built = now;
	}
	return rc;
}

static int
catalog_load_locked(struct connect_front *f, struct store_conn *c,
		    bool if_changed)
{
	int rc;

	pthread_mutex_lock(&f->building);
	rc = catalog_load(f, c, if_changed);
	f->catalog_old = rc != 0;
	pthread_mutex_unlock(&f->building);
	return rc;
}

int
front_catalog_load(struct connect_front *f, struct store_conn *c)
{
	return catalog_load_locked(f, c, false);
}

void
front_catalog_look(struct connect_front *f, struct store_conn *c)
{
	int rc = catalog_load_locked(f, c, true);

	if (rc)
		log_warn("custom services cannot be read anew yet", LOG_E(rc));
}
