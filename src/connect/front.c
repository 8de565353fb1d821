/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's side, put together: its catalogue, its begin and end.
 *
 * Runs in the front.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

/* ---- the catalogue ---- */

struct catalog *
connect_front_catalog(struct connect_front *f)
{
	struct catalog *c;

	pthread_mutex_lock(&f->mutex);
	c = catalog_ref(f->catalog);
	pthread_mutex_unlock(&f->mutex);
	return c;
}

enum { CUSTOM_MAX = 1000 };

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

int
front_catalog_load(struct connect_front *f, struct store_conn *c)
{
	struct arena *arena = arena_new(64 << 20);
	struct catalog *made = NULL, *before;
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
		rc = catalog_new(sources, count, &made, &report);
	arena_free(arena);
	if (rc)
		return rc;
	for (i = 0; i < report.count; i++)
		log_warn("a service's definition is left out",
			 LOG_S("place", report.items[i].pointer),
			 LOG_S("why", report.items[i].detail));
	pthread_mutex_lock(&f->mutex);
	before = f->catalog;
	f->catalog = made;
	pthread_mutex_unlock(&f->mutex);
	connect_views_set_catalog(f->views, made);
	if (before)
		catalog_unref(before);
	return 0;
}

/* ---- what the keeper is asked ---- */

int
connect_front_counts(struct connect_front *f, uint32_t timeout_ms,
		     struct connect_counts *out)
{
	struct secret *reply = NULL;
	struct connect_problem p;
	struct proc_unpack u;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = front_ask(f, CONNECT_KEEPER_COUNTS, proc_pack_new(), timeout_ms,
		       &reply, &p, NULL);
	if (!rc && reply) {
		u = proc_unpack_from(reply);
		rc = connect_msg_counts_unpack(&u, out);
	}
	secret_free(reply);
	return rc ? rc : front_users_count(f->store, &out->user_degraded);
}

int
connect_front_ping(struct connect_front *f, uint32_t timeout_ms)
{
	struct proc_pack *body = proc_pack_new();
	struct connect_problem p;

	/* Anybody may ask for readiness, so it must cost the keeper little:
	 * what has changed after all that can. */
	proc_pack_u64(body, INT64_MAX);
	return front_ask(f, CONNECT_KEEPER_CHANGES, body, timeout_ms, NULL, &p,
			 NULL);
}

/* ---- begin and end ---- */

int
connect_front_new(const struct connect_front_config *config,
		  struct connect_front **out)
{
	struct connect_front *f = calloc(1, sizeof(*f));
	struct store_conn *c = NULL;
	int rc;

	*out = NULL;
	if (!f)
		return ERR_NOMEM;
	f->store = config->store;
	f->loop = config->loop;
	f->pool = config->pool;
	f->views = config->views;
	f->policy = config->policy;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_mutex_init(&f->publishing, NULL);
	pthread_mutex_init(&f->applying, NULL);
	f->notices_end = &f->notices;
	f->unnoted = true; /* by the front before */
	f->public_url = slice_dup(slice_str(config->public_url));
	rc = f->public_url ? store_acquire(f->store, &c) : ERR_NOMEM;
	if (!rc)
		rc = front_catalog_load(f, c);
	if (!rc)
		rc = front_egress_load(f, c);
	if (c)
		store_release(c);
	if (rc)
		connect_front_free(f);
	else
		*out = f;
	return rc;
}

void
connect_front_free(struct connect_front *f)
{
	if (!f)
		return;
	connect_front_stop(f);
	if (f->catalog)
		catalog_unref(f->catalog);
	front_notices_free(f);
	pthread_mutex_destroy(&f->publishing);
	pthread_mutex_destroy(&f->applying);
	pthread_mutex_destroy(&f->mutex);
	free(f->public_url);
	free(f);
}

/* ---- housekeeping ---- */

enum { UNFINISHED_KEEP_MS = 10 * 60 * 1000 };

int
connect_front_used(struct store_conn *c, const char *id, int64_t at)
{
	return store_exec(c, NULL,
			  "UPDATE connections SET last_used_at = ?2 "
			  "WHERE id = ?1 AND last_used_at < ?2",
			  "si", id, at);
}

int
connect_front_tidy(struct connect_front *f, struct store_conn *c)
{
	int64_t now = clock_settled_ms();
	int rc;

	(void)f;
	/* Those that connect_front_unfinished() looks for stay a while. */
	rc = store_exec(c, NULL,
			"DELETE FROM connect_tickets WHERE (expires_at < ?1 OR "
			"expires_at > ?3) AND (used_at <> 0 OR subject <> '' "
			"OR expires_at < ?2)",
			"iii", now, now - UNFINISHED_KEEP_MS,
			clock_wrong_after_ms(CONNECT_TICKET_LIFE_S * 1000));
	if (!rc)
		rc = store_exec(
			c, NULL,
			"DELETE FROM oauth_states WHERE (expires_at < "
			"?1 OR expires_at > ?3) AND (used_at <> 0 OR "
			"subject <> '' OR expires_at < ?2)",
			"iii", now, now - UNFINISHED_KEEP_MS,
			clock_wrong_after_ms(CONNECT_STATE_LIFE_S * 1000));
	return rc ? rc : front_bulk_tidy(c, now);
}
