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
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

enum { CUSTOM_MAX = 1000 };

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
static int
custom_read(struct store_stmt *st, struct arena *arena,
	    struct catalog_source *out, size_t *count)
{
	int rc;

	*count = 0;
	while ((rc = store_step(st)) == 1 && *count < CUSTOM_MAX) {
		struct slice text = store_col(st, 1);
		char *copy = arena_slice(arena, text);

		out[*count].org = arena_slice(arena, store_col(st, 0));
		out[*count].text = slice_of(copy, text.len);
		if (!copy || !out[*count].org)
			return ERR_NOMEM;
		++*count;
	}
	return rc < 0 ? rc : 0;
}

static int
catalog_build(struct store_conn *c, struct catalog **out)
{
	struct arena *arena = arena_new(64 << 20);
	struct catalog_source *sources = NULL;
	struct catalog_report report;
	struct store_stmt *st = NULL;
	size_t count = 0, i;
	int rc = arena ? 0 : ERR_NOMEM;

	if (!rc) {
		sources = arena_alloc(arena, CUSTOM_MAX * sizeof(*sources));
		rc = sources ? store_query(c, &st,
					   "SELECT org, source FROM "
					   "custom_services ORDER BY org, id",
					   "")
			     : ERR_NOMEM;
	}
	if (!rc)
		rc = custom_read(st, arena, sources, &count);
	store_done(st);
	if (!rc)
		rc = catalog_new(sources, count, out, &report);
	arena_free(arena);
	for (i = 0; !rc && i < report.count; i++)
		log_warn("a service's definition is left out",
			 LOG_S("place", report.items[i].pointer),
			 LOG_S("why", report.items[i].detail));
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
