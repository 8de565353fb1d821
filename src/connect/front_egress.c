/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private destinations that the owner allows: stored with their audit record,
 * and then brought to everybody who opens sockets.
 *
 *   stored ──> the workers' guards ──> keeper ──> the exchanger's guard
 *
 * What is published is always what the database holds now, read under a lock,
 * so that of two changes at once the later one stays.  A change is answered
 * when all go by it.  When the exchanger cannot be told (it is being started
 * anew), it is told again until it has heard; and while another front is at
 * the same database (for the time of a reload or an upgrade), this one looks
 * every moment for what the other has changed.
 *
 * With --egress-lock nothing can be added, and the guards let what is stored
 * count for nothing.
 *
 * Runs in the front, on work threads; the timer on the channel's loop.
 */
#include <stdlib.h>

#include "connect/front_priv.h"

enum { LOOK_MS = 2000 };

/* ---- publishing ---- */

static int
stored_read(struct store_conn *c, struct connect_msg_egress *m)
{
	struct store_stmt *st = NULL;
	int rc;

	memset(m, 0, sizeof(*m));
	rc = store_query(c, &st,
			 "SELECT destination FROM egress_destinations "
			 "ORDER BY id LIMIT ?1",
			 "i", (int64_t)EGRESS_ALLOWED_MAX);
	while (!rc && (rc = store_step(st)) == 1) {
		rc = slice_copy(store_col(st, 0), m->items[m->count],
				EGRESS_ALLOWED_TEXT);
		if (!rc)
			m->count++;
	}
	store_done(st);
	return rc;
}

static int
guards_tell(struct connect_front *f, const struct connect_msg_egress *m)
{
	struct egress_allowed *list = connect_msg_egress_allowed(m);

	if (!list)
		return ERR_NOMEM;
	egress_policy_allow(f->policy, list);
	egress_allowed_unref(list);
	f->published = *m;
	f->egress_untold = true;
	return 0;
}

/* The exchanger's guard, by way of the keeper. */
static int
exchanger_tell(struct connect_front *f)
{
	struct proc_pack *body = proc_pack_new();
	struct connect_problem p;
	int rc;

	if (!body)
		return ERR_NOMEM;
	connect_msg_egress_pack(&f->published, body);
	rc = front_ask(f, CONNECT_KEEPER_EGRESS, body, CONNECT_QUICK_MS, NULL,
		       &p, NULL);
	if (!rc)
		f->egress_untold = false;
	return rc;
}

int
front_egress_publish(struct connect_front *f, struct store_conn *c)
{
	struct connect_msg_egress m;
	int rc;

	if (!f->policy)
		return 0;
	pthread_mutex_lock(&f->publishing);
	rc = stored_read(c, &m);
	if (!rc && memcmp(&m, &f->published, sizeof(m)) != 0)
		rc = guards_tell(f, &m);
	if (!rc && f->egress_untold)
		rc = exchanger_tell(f);
	pthread_mutex_unlock(&f->publishing);
	if (rc)
		log_warn("private destinations are not told everybody yet",
			 LOG_E(rc));
	return rc;
}

int
front_egress_load(struct connect_front *f, struct store_conn *c)
{
	struct connect_msg_egress m;
	int rc;

	if (!f->policy)
		return 0;
	rc = stored_read(c, &m);
	return rc ? rc : guards_tell(f, &m);
}

/* ---- looking ---- */

struct look {
	struct loop_work work;
	struct connect_front *front;
};

static void
look_work(struct loop_work *w)
{
	struct look *l = CONTAINER_OF(w, struct look, work);
	struct connect_problem p;
	struct store_conn *c;

	if (!store_acquire(l->front->store, &c)) {
		front_egress_publish(l->front, c);
		if (l->front->shared || l->front->catalog_old)
			front_catalog_look(l->front, c);
		if (atomic_exchange(&l->front->behind, false))
			front_catch_up(l->front, c, &p);
		store_release(c);
	}
	l->front->looking = false;
	free(l);
}

static void
look_start(struct connect_front *f)
{
	struct look *l = calloc(1, sizeof(*l));

	if (!l)
		return;
	f->looking = true;
	l->front = f;
	l->work.work = look_work;
	loop_work_start(f->pool, &l->work);
}

static void
look_fire(struct loop_timer *t)
{
	struct connect_front *f =
		CONTAINER_OF(t, struct connect_front, egress_timer);

	if ((f->shared || f->egress_untold || f->behind || f->catalog_old) &&
	    !f->looking)
		look_start(f);
	loop_timer_start(f->loop, &f->egress_timer, LOOK_MS, look_fire);
}

void
connect_front_watch(struct connect_front *f, bool shared)
{
	f->shared = shared;
	loop_timer_start(f->loop, &f->egress_timer, LOOK_MS, look_fire);
}

void
connect_front_stop(struct connect_front *f)
{
	loop_timer_cancel(&f->egress_timer);
}

/* ---- the list ---- */

static int
row_read(struct store_stmt *st, struct arena *arena, struct connect_egress *e)
{
	int rc = slice_copy(store_col(st, 0), e->id, sizeof(e->id));

	if (!rc)
		rc = slice_copy(store_col(st, 1), e->destination,
				sizeof(e->destination));
	if (!rc)
		rc = slice_copy(store_col(st, 3), e->by, sizeof(e->by));
	e->note = arena_slice(arena, store_col(st, 2));
	e->by_name = arena_slice(arena, store_col(st, 4));
	e->created_at = store_col_int(st, 5);
	return rc ? rc : e->note && e->by_name ? 0 : ERR_NOMEM;
}

#define ROWS \
	"SELECT e.id, e.destination, e.note, e.created_by, m.name, " \
	"e.created_at FROM egress_destinations e " \
	"JOIN members m ON m.id = e.created_by WHERE e.org = ?1 "

static int
rows_read(struct store_conn *c, const char *org, struct arena *arena,
	  struct connect_egress *out, size_t *count)
{
	struct store_stmt *st = NULL;
	int rc;

	*count = 0;
	rc = store_query(c, &st, ROWS "ORDER BY e.id LIMIT ?2", "si", org,
			 (int64_t)EGRESS_ALLOWED_MAX);
	while (!rc && (rc = store_step(st)) == 1) {
		rc = row_read(st, arena, &out[*count]);
		++*count;
	}
	store_done(st);
	return rc;
}

int
connect_front_egress_list(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, struct arena *arena,
			  struct connect_egress **out, size_t *count,
			  bool *locked, struct connect_problem *p)
{
	int rc = front_may(c, who, PEOPLE_EGRESS_SEE, NULL, NULL, p);

	*count = 0;
	*locked = f->policy && egress_policy_is_locked(f->policy);
	*out = NULL;
	if (rc)
		return rc;
	*out = arena_alloc(arena, EGRESS_ALLOWED_MAX * sizeof(**out));
	rc = *out ? rows_read(c, who->actor->org, arena, *out, count)
		  : ERR_NOMEM;
	return rc ? front_fail_store(p, c, rc) : 0;
}

/* ---- changes ---- */

/* Inside a transaction, so that two at once do not both find the last place. */
static int
row_add(struct store_conn *c, const char *org, const struct connect_egress *e)
{
	struct store_stmt *st = NULL;
	int64_t count = 0;
	int rc = store_query(c, &st, "SELECT count(*) FROM egress_destinations",
			     "");

	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		count = store_col_int(st, 0);
	store_done(st);
	if (rc < 0)
		return rc;
	if (count >= EGRESS_ALLOWED_MAX)
		return ERR_WRONG_STATE;
	return store_exec(c, NULL,
			  "INSERT INTO egress_destinations (id, org, "
			  "destination, note, created_by, created_at) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			  "sssssi", e->id, org, e->destination, e->note, e->by,
			  e->created_at);
}

static int
fail_add(struct connect_problem *p, struct store_conn *c, int err,
	 const struct connect_egress *e)
{
	if (err == ERR_EXISTS)
		return connect_fail(p, err, CONNECT_P_EXISTS, NULL,
				    "%s is allowed already.", e->destination);
	if (err == ERR_WRONG_STATE)
		return connect_fail(
			p, err, CONNECT_P_EGRESS_FULL,
			"Remove one that is not called any more, or "
			"allow a network in place of its addresses.",
			"%d destinations are allowed, and there can "
			"be no more.",
			EGRESS_ALLOWED_MAX);
	return front_fail_store(p, c, err);
}

static int
fail_locked(struct connect_problem *p)
{
	return connect_fail(
		p, ERR_FORBIDDEN, CONNECT_P_EGRESS_LOCKED,
		"The operator can take --egress-lock away, or allow "
		"the destination with --egress-allow.",
		"This server runs with --egress-lock: private "
		"destinations are allowed by its operator alone.");
}

static int
fail_invalid(struct connect_problem *p, const char *pointer, const char *text)
{
	connect_fail(p, ERR_INVALID, CONNECT_P_INVALID, NULL, "%s", text);
	slice_copy(slice_str(pointer), p->pointer, sizeof(p->pointer));
	return ERR_INVALID;
}

/* The input, as it will be stored. */
static int
egress_fill(const struct connect_who *who, const char *text, const char *note,
	    struct connect_egress *e, struct connect_problem *p)
{
	char detail[256];

	memset(e, 0, sizeof(*e));
	if (egress_allowed_read(slice_str(text), e->destination, detail,
				sizeof(detail)))
		return fail_invalid(p, "/destination", detail);
	if (slice_has_control(slice_str(note)))
		return fail_invalid(p, "/note",
				    "is one line, without control characters");
	random_id(e->id);
	e->note = note;
	slice_copy(slice_str(who->actor->member), e->by, sizeof(e->by));
	e->created_at = clock_wall_ms();
	return 0;
}

static int
row_find(struct store_conn *c, const char *org, const char *id,
	 struct arena *arena, struct connect_egress *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st, ROWS "AND e.id = ?2", "ss", org, id);

	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		rc = row_read(st, arena, out);
	else if (!rc)
		rc = ERR_NOT_FOUND;
	store_done(st);
	return rc;
}

int
connect_front_egress_add(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *text,
			 const char *note, struct arena *arena,
			 struct connect_egress *out, struct connect_problem *p)
{
	int rc = front_may(c, who, PEOPLE_EGRESS_CHANGE, NULL, NULL, p);

	if (rc)
		return rc;
	if (f->policy && egress_policy_is_locked(f->policy))
		return fail_locked(p);
	rc = egress_fill(who, text, note, out, p);
	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = row_add(c, who->actor->org, out);
	if (!rc)
		rc = front_audit(c, who, who->actor->org,
				 "egress_destination.create", out->id,
				 out->destination, note);
	if (!rc)
		rc = row_find(c, who->actor->org, out->id, arena, out);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		return fail_add(p, c, rc, out);
	}
	/* An exchanger that does not know it yet refuses, for a moment. */
	front_egress_publish(f, c);
	return 0;
}

static int
row_remove(struct store_conn *c, const struct connect_who *who,
	   const struct connect_egress *e)
{
	int rc = store_exec(c, NULL,
			    "DELETE FROM egress_destinations WHERE id = ?1",
			    "s", e->id);

	return rc ? rc
		  : front_audit(c, who, who->actor->org,
				"egress_destination.delete", e->id,
				e->destination, e->note);
}

static int
egress_remove(struct store_conn *c, const struct connect_who *who,
	      const char *id, struct connect_problem *p)
{
	struct arena *arena = arena_new(64 * 1024);
	struct connect_egress e;
	int rc = arena ? store_begin(c) : ERR_NOMEM;

	if (!rc)
		rc = row_find(c, who->actor->org, id, arena, &e);
	if (!rc)
		rc = row_remove(c, who, &e);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	arena_free(arena);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_NOT_FOUND, NULL,
				    "There is no such allowed destination.");
	return rc ? front_fail_store(p, c, rc) : 0;
}

int
connect_front_egress_remove(struct connect_front *f, struct store_conn *c,
			    const struct connect_who *who, const char *id,
			    struct connect_problem *p)
{
	int rc = front_may(c, who, PEOPLE_EGRESS_CHANGE, NULL, NULL, p);

	if (!rc)
		rc = egress_remove(c, who, id, p);
	if (rc)
		return rc;
	rc = front_egress_publish(f, c);
	if (rc)
		return connect_fail(
			p, rc, CONNECT_P_KEEPER,
			"Look at the log if this lasts.",
			"The destination is removed, and calls do not "
			"go there any more; the process that speaks "
			"to token endpoints has not confirmed it yet, "
			"and is told again until it has.");
	return 0;
}
