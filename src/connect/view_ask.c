/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the keeper for injections.
 *
 *   view's loop ──post──> keeper channel's loop ──message──> keeper
 *        ^                        │
 *        └─────────post───────────┘
 *
 * One request for whatever waits for the same grant in this view; the keeper
 * makes one token request for all views.  An injection is kept until shortly
 * before it expires (the keeper says when) and is never given out after.
 *
 * Runs in the front.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/view_priv.h"

struct view_ask {
	struct connect_view *view; /* NULL: it has gone */
	struct connect_views *all;
	struct loop *loop;     /* the view's */
	struct view_ask *next; /* of those unattached */
	char key[160];
	char link[51];
	struct connect_msg_subject who;
	enum connect_message type;
	uint64_t epoch;
	struct connect_wait *waiting;
	struct loop_task task;
	struct loop_work withdraw;
	struct proc_call call;
	/* the answer */
	int err;
	struct connect_injection *injection;
	struct connect_msg_problem problem;
};

/* ---- the answer, on the view's loop ---- */

/* The keeper knows better: the snapshot gets its status. */
static void
ask_renew_snapshot(struct view_ask *a, struct view_entry *e)
{
	struct connect_snapshot *s;

	if (a->problem.status == CONNECT_CONNECTED ||
	    e->seen.snapshot->status != CONNECT_CONNECTED ||
	    e->seen.snapshot->per_user)
		return;
	s = view_snapshot_with(e->seen.snapshot, a->problem.status,
			       a->problem.detail);
	if (s)
		view_entry_set_snapshot(e, s);
}

/* What the callers' contract knows. */
static int
ask_error(const struct view_ask *a)
{
	switch (a->err) {
	case 0:
	case ERR_TIMEOUT:
	case ERR_CLOSED:
		return a->err;
	case ERR_WRONG_STATE:
		/* a status that tells nothing would be asked for again */
		if (a->type == CONNECT_KEEPER_REFUSED ||
		    a->problem.status != CONNECT_CONNECTED)
			return a->err;
		return ERR_BUSY;
	default:
		return ERR_BUSY;
	}
}

static void
ask_keep(struct connect_view *v, struct view_ask *a)
{
	struct view_entry *e = view_entry_find(v, a->link);

	if (!e || strcmp(e->seen.snapshot->id, a->who.connection))
		return;
	if (a->err == ERR_WRONG_STATE) {
		ask_renew_snapshot(a, e);
	} else if (!a->err) {
		view_entry_set_injection(e, a->who.subject, a->injection);
		a->injection = NULL;
	}
}

static void
ask_finish(struct view_ask *a)
{
	struct connect_view *v = a->view;
	int err;

	if (v) {
		table_remove(v->asking, slice_str(a->key));
		/* withdrawn meanwhile: whoever waits looks again */
		if (a->epoch == loop_circle_epoch(&v->all->circle))
			ask_keep(v, a);
	}
	err = ask_error(a);
	while (a->waiting) {
		struct connect_wait *w = a->waiting;

		snprintf(w->detail, sizeof(w->detail), "%.255s",
			 a->problem.detail);
		slice_mend_utf8(w->detail);
		w->status = a->problem.status;
		w->retry_after_s = a->problem.retry_after_s;
		w->refused_again = !strcmp(a->problem.code, "refused_again");
		view_wait_finish(w, err);
	}
	connect_injection_unref(a->injection);
	free(a);
}

static void
ask_withdraw_work(struct loop_work *w)
{
	struct view_ask *a = CONTAINER_OF(w, struct view_ask, withdraw);

	view_withdraw_injection(a->all, a->link, a->who.subject);
}

static void
ask_withdraw_done(struct loop_work *w)
{
	ask_finish(CONTAINER_OF(w, struct view_ask, withdraw));
}

static void
ask_answered(struct loop_task *task)
{
	struct view_ask *a = CONTAINER_OF(task, struct view_ask, task);

	step_reached("front.answered");
	if (a->err || a->type != CONNECT_KEEPER_REFUSED) {
		ask_finish(a);
		return;
	}
	/* The refused token is in other views, too, and no call is to carry
	 * it after this one was told: it may not be such as can be sent
	 * again. */
	a->withdraw.work = ask_withdraw_work;
	a->withdraw.done = ask_withdraw_done;
	a->withdraw.loop = a->loop;
	loop_work_start(a->all->pool, &a->withdraw);
}

/* ---- on the keeper channel's loop ---- */

static void
ask_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct view_ask *a = CONTAINER_OF(call, struct view_ask, call);
	struct connect_msg_injection m;

	step_reached("front.injection");
	if (err) {
		connect_msg_problem_unpack(in, err, &a->problem);
	} else {
		err = in ? connect_msg_injection_unpack(in, &m) : ERR_PROTOCOL;
		if (!err) {
			a->injection = view_injection_new(&m);
			connect_msg_injection_release(&m);
			err = a->injection ? 0 : ERR_NOMEM;
		}
		if (err)
			connect_msg_problem_unpack(NULL, err, &a->problem);
	}
	a->err = err;
	a->task.run = ask_answered;
	loop_post(a->loop, &a->task);
}

static void
ask_send(struct loop_task *task)
{
	struct view_ask *a = CONTAINER_OF(task, struct view_ask, task);
	struct proc_pack *p = proc_pack_new();

	connect_msg_subject_pack(&a->who, p);
	proc_call_start(a->all->keeper, (uint16_t)a->type, p, CONNECT_INJECT_MS,
			&a->call, ask_done);
}

/* ---- asking ---- */

static void
ask_post(struct view_ask *a)
{
	struct connect_views *all = a->all;

	a->task.run = ask_send;
	pthread_mutex_lock(&all->mutex);
	if (all->keeper_loop) {
		loop_post(all->keeper_loop, &a->task);
	} else {
		a->next = all->unattached;
		all->unattached = a;
	}
	pthread_mutex_unlock(&all->mutex);
}

void
view_ask_attached(struct connect_views *v)
{
	struct view_ask *a;

	while ((a = v->unattached)) {
		v->unattached = a->next;
		loop_post(v->keeper_loop, &a->task);
	}
}

void
view_ask_forget(struct connect_view *v)
{
	size_t cursor = 0;
	struct slice key;
	void *value;

	while (table_next(v->asking, &cursor, &key, &value)) {
		struct view_ask *a = value;

		ASSERT(!a->waiting);
		a->view = NULL;
	}
}

static int
ask_start(struct connect_view *v, const struct view_entry *e,
	  const char *subject, enum connect_message type, uint64_t generation,
	  struct connect_wait *w)
{
	struct view_ask *a;
	char key[sizeof(a->key)];

	snprintf(key, sizeof(key), "%d/%llu/%s/%s", (int)type,
		 (unsigned long long)generation, e->seen.snapshot->id, subject);
	a = table_get(v->asking, slice_str(key));
	if (a) {
		view_wait_add(&a->waiting, w);
		return ERR_AGAIN;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	memcpy(a->key, key, sizeof(key));
	if (table_set(v->asking, slice_str(key), a, NULL)) {
		free(a);
		return ERR_NOMEM;
	}
	a->view = v;
	a->all = v->all;
	a->loop = v->loop;
	a->type = type;
	a->epoch = loop_circle_epoch(&v->all->circle);
	memcpy(a->link, e->link, sizeof(a->link));
	snprintf(a->who.org, sizeof(a->who.org), "%s", e->seen.snapshot->org);
	snprintf(a->who.connection, sizeof(a->who.connection), "%s",
		 e->seen.snapshot->id);
	snprintf(a->who.subject, sizeof(a->who.subject), "%s", subject);
	a->who.generation = generation;
	view_wait_add(&a->waiting, w);
	ask_post(a);
	return ERR_AGAIN;
}

/*
 * A token expires also while the machine is suspended, when the loop's own
 * time stands still.  So the other clock is read, at each call for a grant
 * that expires: some 30 ns, and as little a system call as CLOCK_MONOTONIC is
 * (vDSO: none on x86_64, seen with strace on Linux 6.18).
 */
static bool
injection_is_fresh(const struct connect_injection *i)
{
	return i && (!i->stale_boot_ms || clock_boot_ms() < i->stale_boot_ms);
}

int
connect_view_inject(struct connect_view *v, struct connect_entry *seen,
		    const char *subject, struct connect_wait *w,
		    struct connect_injection **out)
{
	struct view_entry *e = CONTAINER_OF(seen, struct view_entry, seen);
	struct connect_injection *i = view_entry_injection(e, subject);

	*out = NULL;
	if (injection_is_fresh(i)) {
		*out = i;
		return 0;
	}
	return ask_start(v, e, subject, CONNECT_KEEPER_INJECT, 0, w);
}

void
connect_view_refuse(struct connect_view *v, struct connect_entry *seen,
		    const char *subject, uint64_t generation,
		    struct connect_wait *w)
{
	struct view_entry *e = CONTAINER_OF(seen, struct view_entry, seen);

	if (ask_start(v, e, subject, CONNECT_KEEPER_REFUSED, generation, w) ==
	    ERR_NOMEM)
		w->done(w, ERR_NOMEM);
}
