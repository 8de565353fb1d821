/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's side, put together: catalogue, keeper, and what it tells.
 *
 * A notice of the keeper's is copied on the channel's loop and stored on a
 * work thread, one after the other as they came.  Each carries the number of
 * its change; the one up to which all were stored is remembered, so that a
 * front that was away, has missed some or could not store one, asks for the
 * rest.
 *
 * Runs in the front.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

static const char setting_change[] = "keeper_change";

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

/* ---- what the keeper tells ---- */

/* A connection that a person has switched off stays so. */
static int
status_store(struct store_conn *c, const struct connect_msg_status *m)
{
	const char *status = connect_status_name(m->status);

	if (m->who.subject[0])
		return front_user_status(c, m);
	return store_exec(
		c, NULL,
		"UPDATE connections SET "
		"status = CASE WHEN status = 'disabled' THEN status "
		"ELSE ?2 END, "
		"status_before = CASE WHEN status = 'disabled' THEN ?2 "
		"ELSE status_before END, "
		"reason = CASE WHEN status = 'disabled' THEN reason "
		"ELSE ?3 END, "
		"health = CASE WHEN ?4 = 'ok' AND " FRONT_HEALTH_STAYS(
			"?8") " THEN health ELSE ?4 END, "
			      "health_reason = CASE WHEN ?4 = 'ok' AND " FRONT_HEALTH_STAYS(
				      "?8") " THEN health_reason ELSE ?5 END, "
					    "health_since = CASE WHEN health = 'ok' AND ?4 <> 'ok' "
					    "THEN ?6 ELSE health_since END, "
					    "retry_at = CASE WHEN ?4 = 'ok' AND " FRONT_HEALTH_STAYS(
						    "?8") " THEN retry_at ELSE ?7 END, "
							  "generation = ?8, expires_at = ?9, "
							  "ends_at = ?10, ends_why = ?11, idle_ends_at = ?12 "
							  "WHERE id = ?1 AND generation <= ?8",
		"sssssiiiiisi", m->who.connection, status, m->reason,
		m->degraded ? "degraded" : "ok", m->health_reason,
		clock_wall_ms(), m->retry_at, (int64_t)m->who.generation,
		m->expires_at, m->ends_at, m->ends_why, m->idle_ends_at);
}

/* No reason: it works again. */
static int
flag_store(struct store_conn *c, const struct connect_msg_status *m)
{
	int64_t at = m->health_reason[0] ? clock_wall_ms() : 0;

	if (m->flagged_app[0])
		return store_exec(c, NULL,
				  "UPDATE oauth_apps SET flagged = ?4, "
				  "flagged_at = ?5 WHERE org = ?1 "
				  "AND app = ?2 AND data_centre = ?3 "
				  "AND (?4 <> '' OR flagged <> '')",
				  "ssssi", m->who.org, m->flagged_app,
				  m->flagged_data_centre, m->health_reason, at);
	return 0;
}

static int
change_remember(struct store_conn *c, const struct connect_msg_status *m)
{
	char number[24];

	snprintf(number, sizeof(number), "%020llu",
		 (unsigned long long)m->change);
	return store_exec(c, NULL,
			  "INSERT INTO settings (org, name, value) "
			  "VALUES (?1, ?2, ?3) ON CONFLICT (org, name) "
			  "DO UPDATE SET value = ?3 "
			  "WHERE settings.value < ?3",
			  "sss", "", setting_change, number);
}

/* What calls go by must be withdrawn; a new token need not: who has the one
 * before asks when that ends.  One that never ends would be used for good. */
static bool
status_matters(struct store_conn *c, const struct connect_msg_status *m)
{
	const char *status = connect_status_name(m->status);
	int64_t generation = (int64_t)m->who.generation;
	struct store_stmt *st = NULL;
	bool same = false;
	int rc;

	rc = m->who.subject[0]
		     ? store_query(c, &st,
				   "SELECT 1 FROM connection_users "
				   "WHERE connection = ?1 AND status = ?2 "
				   "AND reason = ?3 AND subject = ?6 "
				   "AND (?5 > 0 OR generation >= ?4)",
				   "sssiis", m->who.connection, status,
				   m->reason, generation, m->expires_at,
				   m->who.subject)
		     : store_query(c, &st,
				   "SELECT 1 FROM connections WHERE id = ?1 "
				   "AND status = ?2 AND reason = ?3 "
				   "AND (?5 > 0 OR generation >= ?4)",
				   "sssii", m->who.connection, status,
				   m->reason, generation, m->expires_at);
	if (rc)
		return true;
	same = store_step(st) == 1;
	store_done(st);
	return !same;
}

/* A connection has stopped working by itself, for its owner or for one of its
 * users: that is a change, too. */
static int
status_audit(struct store_conn *c, const struct connect_msg_status *m)
{
	struct audit_event e = { .org = m->who.org,
				 .action = "connection.needs_reconnect",
				 .object = m->who.connection,
				 .detail = m->reason };
	struct store_stmt *st = NULL;
	char name[512] = "", detail[512];
	int rc;

	if (m->status != CONNECT_NEEDS_RECONNECT)
		return 0;
	rc = store_query(c, &st,
			 "SELECT c.name FROM connections c "
			 "LEFT JOIN connection_users u "
			 "ON u.connection = c.id AND u.subject = ?2 "
			 "WHERE c.id = ?1 "
			 "AND coalesce(u.status, c.status) = 'connected'",
			 "ss", m->who.connection, m->who.subject);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		slice_copy(store_col(st, 0), name, sizeof(name));
	store_done(st);
	if (rc != 1)
		return rc;
	e.object_name = name;
	if (m->who.subject[0]) {
		snprintf(detail, sizeof(detail), "For the user %s: %s",
			 m->who.subject, m->reason);
		e.detail = detail;
	}
	return audit_append(c, &e);
}

/* remember: nothing before it is missing.  Whether it was stored. */
static bool
status_apply(struct connect_front *f, struct store_conn *c,
	     const struct connect_msg_status *m, bool remember)
{
	bool matters = false;
	int rc = store_begin(c);

	if (!rc && m->who.connection[0]) {
		matters = status_matters(c, m);
		rc = status_audit(c, m);
		if (!rc)
			rc = status_store(c, m);
	}
	if (!rc)
		rc = flag_store(c, m);
	if (!rc && remember)
		rc = change_remember(c, m);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		f->behind = true;
		store_rollback(c);
		log_error("the keeper's notice was not stored", LOG_E(rc),
			  LOG_S("connection", m->who.connection));
	}
	if (matters)
		connect_views_withdraw(f->views, m->who.connection);
	return !rc;
}

/* Up to which change all were stored. */
static uint64_t
change_known(struct store_conn *c)
{
	struct store_stmt *st = NULL;
	uint64_t n = 0;

	if (store_query(c, &st,
			"SELECT value FROM settings WHERE org = ?1 "
			"AND name = ?2",
			"ss", "", setting_change))
		return 0;
	if (store_step(st) == 1)
		slice_to_u64(store_col(st, 0), INT64_MAX, &n);
	store_done(st);
	return n;
}

/* ---- notices, in their order ---- */

struct front_notice {
	struct front_notice *next;
	struct connect_msg_status status;
};

static struct front_notice *
notice_next(struct connect_front *f)
{
	struct front_notice *n;

	pthread_mutex_lock(&f->mutex);
	n = f->notices;
	if (n)
		f->notices = n->next;
	if (!f->notices)
		f->notices_end = &f->notices;
	pthread_mutex_unlock(&f->mutex);
	return n;
}

/* Under f->applying: whatever has come so far.  Whether some are missing
 * before one of them.  After one that was not stored, the others would wait
 * for the database as long: they are asked for later (behind). */
static bool
notices_apply(struct connect_front *f, struct store_conn *c, bool *stored)
{
	uint64_t known = change_known(c);
	struct front_notice *n;
	bool gap = false;

	while ((n = notice_next(f))) {
		bool next = n->status.change <= known + 1;

		*stored = *stored && status_apply(f, c, &n->status, next);
		if (*stored && next && n->status.change > known)
			known = n->status.change;
		gap |= *stored && !next;
		free(n);
	}
	return gap;
}

/* One piece of work for all that wait, since two at once could store what is
 * older last. */
static void
notices_work(struct loop_work *w)
{
	struct connect_front *f =
		CONTAINER_OF(w, struct connect_front, notices_work);
	struct store_conn *c;
	bool gap, stored = true;

	pthread_mutex_lock(&f->mutex);
	f->notices_queued = false;
	pthread_mutex_unlock(&f->mutex);
	if (store_acquire(f->store, &c))
		return; /* they wait for the next */
	pthread_mutex_lock(&f->applying);
	gap = notices_apply(f, c, &stored);
	pthread_mutex_unlock(&f->applying);
	if (gap)
		front_catch_up(f, c);
	store_release(c);
}

static void
notice_add(struct connect_front *f, struct front_notice *n)
{
	bool queued;

	n->next = NULL;
	pthread_mutex_lock(&f->mutex);
	*f->notices_end = n;
	f->notices_end = &n->next;
	queued = f->notices_queued;
	f->notices_queued = true;
	pthread_mutex_unlock(&f->mutex);
	if (queued)
		return;
	f->notices_work.work = notices_work;
	loop_work_start(f->pool, &f->notices_work);
}

static void
front_status(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct front_notice *n = calloc(1, sizeof(*n));

	if (n && !connect_msg_status_unpack(in, &n->status))
		notice_add(arg, n);
	else
		free(n);
	proc_reply(rq, 0, NULL);
}

/* ---- what was missed ---- */

struct catch_up {
	struct loop_work work;
	struct connect_front *front;
};

/* One batch; how many there were, or an error.  None after one that was not
 * stored: it would be taken for known. */
static int
catch_up_batch(struct connect_front *f, struct store_conn *c)
{
	struct proc_pack *body = proc_pack_new();
	struct connect_msg_status m;
	struct connect_problem p;
	struct secret *reply = NULL;
	struct proc_unpack u;
	bool stored = true;
	uint64_t i, n;
	int rc;

	proc_pack_u64(body, change_known(c));
	rc = front_ask(f, CONNECT_KEEPER_CHANGES, body, CONNECT_QUICK_MS,
		       &reply, &p, NULL);
	if (rc)
		return rc;
	u = proc_unpack_from(reply);
	n = proc_unpack_u64(&u);
	/* The keeper's notices before this answer are in the list by now. */
	pthread_mutex_lock(&f->applying);
	notices_apply(f, c, &stored);
	for (i = 0; i < n && stored; i++) {
		if (connect_msg_status_read(&u, &m))
			break;
		stored = status_apply(f, c, &m, true);
	}
	pthread_mutex_unlock(&f->applying);
	secret_free(reply);
	return stored ? (int)i : ERR_STORE;
}

void
front_catch_up(struct connect_front *f, struct store_conn *c)
{
	while (catch_up_batch(f, c) > 0)
		;
}

static void
catch_up_work(struct loop_work *w)
{
	struct catch_up *u = CONTAINER_OF(w, struct catch_up, work);
	struct store_conn *c;

	if (!store_acquire(u->front->store, &c)) {
		front_catch_up(u->front, c);
		front_egress_publish(u->front, c);
		store_release(c);
	}
	free(u);
}

static void
catch_up_start(struct connect_front *f)
{
	struct catch_up *u = calloc(1, sizeof(*u));

	if (!u)
		return;
	u->front = f;
	u->work.work = catch_up_work;
	loop_work_start(f->pool, &u->work);
}

static void
front_missed(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)in;
	catch_up_start(arg);
	proc_reply(rq, 0, NULL);
}

const struct proc_message connect_front_messages[] = {
	{ CONNECT_FRONT_STATUS, "status", 1u << PROC_KEEPER, front_status },
	{ CONNECT_FRONT_MISSED, "missed", 1u << PROC_KEEPER, front_missed },
	{ 0, NULL, 0, NULL },
};

void
connect_front_attach(struct connect_front *f, struct proc_channel *keeper)
{
	pthread_mutex_lock(&f->mutex);
	f->keeper = keeper;
	pthread_mutex_unlock(&f->mutex);
	f->egress_untold = true;
	connect_views_attach(f->views, f->loop, keeper);
	catch_up_start(f);
}

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
	struct front_notice *n;

	if (!f)
		return;
	connect_front_stop(f);
	if (f->catalog)
		catalog_unref(f->catalog);
	while ((n = notice_next(f)))
		free(n);
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
			clock_latest(CONNECT_TICKET_LIFE_S * 1000));
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM oauth_states WHERE (expires_at < "
				"?1 OR expires_at > ?3) AND (used_at <> 0 OR "
				"subject <> '' OR expires_at < ?2)",
				"iii", now, now - UNFINISHED_KEEP_MS,
				clock_latest(CONNECT_STATE_LIFE_S * 1000));
	return rc;
}
