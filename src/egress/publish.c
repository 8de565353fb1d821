/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How another of the owner's lists takes the place of the one before.
 *
 * The policy knows the newest list and every egress.  Who publishes one waits
 * until each loop has changed its own reference between two turns: from then
 * on every address is judged by the new list, idle connections that it does
 * not allow are closed, those that are lent are judged again when they come
 * back, and those that are being opened before they are lent.
 *
 * So the path of a call takes no lock: it reads its own loop's list.
 *
 * Roles: front (workers), exchanger, CLI (which has no list).
 */
#include "egress/egress_priv.h"

/* ---- judging ---- */

const char *
egress_objection(const struct egress_dest *d, const struct net_addr *a)
{
	const struct egress *e = d->egress;
	const char *why = NULL;

	if (egress_address_check(e->policy, e->allowed, a, &why))
		return why;
	if (!d->url.https &&
	    !egress_address_is_excepted(e->policy, e->allowed, a))
		return "without TLS only addresses that were allowed are "
		       "reached";
	return NULL;
}

const char *
egress_wire_objection(struct egress_wire *w)
{
	const char *why;

	if (w->judged == w->dest->egress->round)
		return NULL;
	why = egress_objection(w->dest, &w->addr);
	if (!why)
		w->judged = w->dest->egress->round;
	return why;
}

/* ---- one egress ---- */

static void
dest_judge_idle(struct egress_dest *d)
{
	struct egress_wire *w, *next;

	for (w = d->idle; w; w = next) {
		next = w->next;
		if (egress_wire_objection(w))
			egress_drop(&w->conn);
	}
}

void
egress_allow(struct egress *e, struct egress_allowed *a)
{
	struct egress_allowed *before = e->allowed;
	struct slice key;
	size_t cursor = 0;
	void *dest;

	egress_allowed_ref(a);
	e->allowed = a;
	e->round++;
	egress_allowed_unref(before);
	while (table_next(e->dests, &cursor, &key, &dest))
		dest_judge_idle(dest);
}

/* ---- all of them ---- */

/* On the egress's loop. */
static void
egress_told(struct loop_task *task)
{
	struct egress *e = CONTAINER_OF(task, struct egress, told);
	struct egress_policy *p = e->policy;

	pthread_mutex_lock(&p->mutex);
	e->told_posted = false;
	egress_allow(e, p->allowed);
	e->turn = p->turn;
	pthread_cond_broadcast(&p->told);
	pthread_mutex_unlock(&p->mutex);
}

/* Under the mutex. */
static bool
policy_all_have(const struct egress_policy *p, uint64_t turn)
{
	const struct egress *e;

	for (e = p->first; e; e = e->next)
		if (e->turn < turn)
			return false;
	return true;
}

void
egress_policy_allow(struct egress_policy *p, struct egress_allowed *a)
{
	struct egress *e;
	uint64_t turn;

	egress_allowed_ref(a);
	pthread_mutex_lock(&p->mutex);
	egress_allowed_unref(p->allowed);
	p->allowed = a;
	turn = ++p->turn;
	for (e = p->first; e; e = e->next) {
		if (e->told_posted)
			continue;
		e->told_posted = true;
		e->told.run = egress_told;
		loop_post(e->loop, &e->told);
	}
	while (!policy_all_have(p, turn))
		pthread_cond_wait(&p->told, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

void
egress_policy_join(struct egress_policy *p, struct egress *e)
{
	pthread_mutex_lock(&p->mutex);
	egress_allowed_ref(p->allowed);
	e->allowed = p->allowed;
	e->turn = p->turn;
	e->next = p->first;
	p->first = e;
	pthread_mutex_unlock(&p->mutex);
}

void
egress_policy_leave(struct egress_policy *p, struct egress *e)
{
	struct egress **at;

	pthread_mutex_lock(&p->mutex);
	for (at = &p->first; *at != e; at = &(*at)->next)
		ASSERT(*at);
	*at = e->next;
	pthread_cond_broadcast(&p->told);
	pthread_mutex_unlock(&p->mutex);
}
