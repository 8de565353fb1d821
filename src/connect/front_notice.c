/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper tells the front.
 *
 * A notice is copied on the channel's loop and stored on a work thread, one
 * after the other as they came.  Each of a grant carries the number of its
 * change; the one up to which all were stored is remembered, so that a front
 * that was away, has missed some or could not store one, asks for the rest,
 * until it has it.  What is told of an OAuth app has no number, and nobody
 * could be asked for it: it waits here until it is stored.
 *
 * Runs in the front.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

static const char setting_change[] = "keeper_change";

/* ---- a notice ---- */

#define STAYS "?4 = 'ok' AND " FRONT_HEALTH_STAYS("?8")

/* A connection that a person has switched off stays so.  What is only to be
 * revoked is what whoever ends it makes of it, in a transaction of his own:
 * while he is at it, nothing of it counts as done. */
static int
status_store(struct store_conn *c, const struct connect_msg_status *m)
{
	const char *status = connect_status_name(m->status);

	if (m->who.subject[0])
		return front_user_status(c, m);
	if (m->leaving)
		return 0;
	return store_exec(
		c, NULL,
		"UPDATE connections SET "
		"status = CASE WHEN status = 'disabled' THEN status "
		"ELSE ?2 END, "
		"status_before = CASE WHEN status = 'disabled' THEN ?2 "
		"ELSE status_before END, "
		"reason = CASE WHEN status = 'disabled' THEN reason "
		"ELSE ?3 END, "
		"health = CASE WHEN " STAYS " THEN health ELSE ?4 END, "
		"health_reason = CASE WHEN " STAYS " THEN health_reason "
		"ELSE ?5 END, "
		"health_since = CASE WHEN health = 'ok' AND ?4 <> 'ok' "
		"THEN ?6 ELSE health_since END, "
		"retry_at = CASE WHEN " STAYS " THEN retry_at ELSE ?7 END, "
		"generation = ?8, expires_at = ?9, "
		"ends_at = ?10, ends_why = ?11, idle_ends_at = ?12, "
		"unconfirmed = " FRONT_UNCONFIRMED(
			"?2", "?3", "?13") " "
					   "WHERE id = ?1 AND generation <= ?8",
		"sssssiiiiisii", m->who.connection, status, m->reason,
		m->degraded ? "degraded" : "ok", m->health_reason,
		clock_wall_ms(), m->retry_at, (int64_t)m->who.generation,
		m->expires_at, m->ends_at, m->ends_why, m->idle_ends_at,
		(int64_t)m->lives);
}

/* No reason: it works again.  The time is that of the first: it may be told
 * again and again. */
static int
flag_store(struct store_conn *c, const struct connect_msg_status *m)
{
	int64_t at = m->health_reason[0] ? clock_wall_ms() : 0;

	if (m->flagged_app[0])
		return store_exec(
			c, NULL,
			"UPDATE oauth_apps SET flagged = ?4, "
			"flagged_at = CASE WHEN ?4 <> '' AND flagged "
			"<> '' THEN flagged_at ELSE ?5 END "
			"WHERE org = ?1 AND app = ?2 AND data_centre = ?3 "
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

	if (m->status != CONNECT_NEEDS_RECONNECT || m->leaving)
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

/* *remember: nothing before it is missing; false then, if it has to come
 * again.  Whether it was stored. */
static bool
status_apply(struct connect_front *f, struct store_conn *c,
	     const struct connect_msg_status *m, bool *remember)
{
	enum front_granted granted = FRONT_GRANTED_KNOWN;
	bool matters = false;
	int rc = store_begin(c);

	if (!rc && m->who.connection[0]) {
		matters = status_matters(c, m);
		rc = status_audit(c, m);
		if (!rc)
			rc = status_store(c, m);
		if (!rc)
			rc = front_granted_told(f, c, m, &granted);
	}
	if (!rc)
		rc = flag_store(c, m);
	if (granted == FRONT_GRANTED_AWAITED) {
		*remember = false;
		f->behind = true;
	}
	if (!rc && *remember)
		rc = change_remember(c, m);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		f->behind = true;
		store_rollback(c);
		log_error("the keeper's notice was not stored", LOG_E(rc),
			  LOG_S("connection", m->who.connection));
	}
	if (matters || granted == FRONT_GRANTED_NEWS)
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

static bool
is_of_same_app(const struct connect_msg_status *a,
	       const struct connect_msg_status *b)
{
	return !strcmp(a->who.org, b->who.org) &&
	       !strcmp(a->flagged_app, b->flagged_app) &&
	       !strcmp(a->flagged_data_centre, b->flagged_data_centre);
}

/* One that was not stored: what it says of an app is kept, in place of what
 * was said of that before; of a grant, the keeper can be asked.  The list. */
static struct front_notice *
notice_keep(struct front_notice *kept, struct front_notice *n)
{
	struct front_notice **at = &kept, *before;

	if (!n->status.flagged_app[0]) {
		free(n);
		return kept;
	}
	for (before = kept; before; before = *at) {
		if (is_of_same_app(&before->status, &n->status)) {
			*at = before->next;
			free(before);
		} else {
			at = &before->next;
		}
	}
	n->status.who.connection[0] = n->status.who.subject[0] = '\0';
	n->status.change = 0;
	n->next = NULL;
	*at = n;
	return kept;
}

/* Before those that have come meanwhile. */
static void
notices_put_back(struct connect_front *f, struct front_notice *kept)
{
	struct front_notice **end = &kept;

	if (!kept)
		return;
	while (*end)
		end = &(*end)->next;
	pthread_mutex_lock(&f->mutex);
	*end = f->notices;
	if (!f->notices)
		f->notices_end = end;
	f->notices = kept;
	pthread_mutex_unlock(&f->mutex);
}

/* Under f->applying: whatever has come so far.  Whether some are missing
 * before one of them.  After one that was not stored, the others would wait
 * for the database as long: they are asked for later (behind). */
static bool
notices_apply(struct connect_front *f, struct store_conn *c, bool *stored)
{
	uint64_t known = change_known(c);
	struct front_notice *n, *kept = NULL;
	bool gap = false;

	while ((n = notice_next(f))) {
		bool next = n->status.change <= known + 1;

		*stored = *stored && status_apply(f, c, &n->status, &next);
		if (*stored && next && n->status.change > known)
			known = n->status.change;
		gap |= *stored && !next;
		if (*stored)
			free(n);
		else
			kept = notice_keep(kept, n);
	}
	notices_put_back(f, kept);
	return gap;
}

/* One piece of work for all that wait, since two at once could store what is
 * older last. */
static void
notices_work(struct loop_work *w)
{
	struct connect_front *f =
		CONTAINER_OF(w, struct connect_front, notices_work);
	struct connect_problem p;
	struct store_conn *c;
	bool gap, stored = true;

	pthread_mutex_lock(&f->mutex);
	f->notices_queued = false;
	pthread_mutex_unlock(&f->mutex);
	if (store_acquire(f->store, &c)) {
		f->behind = true;
		return;
	}
	pthread_mutex_lock(&f->applying);
	gap = notices_apply(f, c, &stored);
	pthread_mutex_unlock(&f->applying);
	if (gap)
		front_catch_up(f, c, &p);
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
catch_up_batch(struct connect_front *f, struct store_conn *c,
	       struct connect_problem *p)
{
	struct proc_pack *body = proc_pack_new();
	struct connect_msg_status m;
	struct secret *reply = NULL;
	struct proc_unpack u;
	bool stored = true, next = true;
	int rc, n;

	proc_pack_u64(body, change_known(c));
	rc = front_ask(f, CONNECT_KEEPER_CHANGES, body, CONNECT_QUICK_MS,
		       &reply, p, NULL);
	if (rc)
		return rc;
	u = proc_unpack_from(reply);
	/* The keeper's notices before this answer are in the list by now. */
	pthread_mutex_lock(&f->applying);
	notices_apply(f, c, &stored);
	for (n = 0; u.rest.len && stored; n++) {
		if (connect_msg_status_read(&u, &m))
			break;
		stored = status_apply(f, c, &m, &next);
	}
	pthread_mutex_unlock(&f->applying);
	secret_free(reply);
	if (stored && !next)
		return 0; /* the same would come again now */
	return stored ? n : front_fail_store(p, c, ERR_BUSY);
}

int
front_catch_up(struct connect_front *f, struct store_conn *c,
	       struct connect_problem *p)
{
	int rc;

	do {
		rc = catch_up_batch(f, c, p);
	} while (rc > 0);
	if (rc)
		f->behind = true;
	return rc;
}

static void
catch_up_work(struct loop_work *w)
{
	struct catch_up *u = CONTAINER_OF(w, struct catch_up, work);
	struct connect_problem p;
	struct store_conn *c;

	if (store_acquire(u->front->store, &c)) {
		u->front->behind = true;
	} else {
		front_catch_up(u->front, c, &p);
		front_egress_publish(u->front, c);
		front_catalog_look(u->front, c);
		store_release(c);
	}
	free(u);
}

static void
catch_up_start(struct connect_front *f)
{
	struct catch_up *u = calloc(1, sizeof(*u));

	if (!u) {
		f->behind = true;
		return;
	}
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

void
front_notices_free(struct connect_front *f)
{
	struct front_notice *n;

	while ((n = notice_next(f)))
		free(n);
}
