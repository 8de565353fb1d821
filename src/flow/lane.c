/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: which conversation calls next.
 *
 * A worker makes so many calls of conversations at a time (its slots), as
 * many as it has descriptors for.  The others wait here, each with no more
 * than its id.  Each flow has a lane; lanes take turns, and none has all
 * slots, so that a flow whose service hangs holds up none but its own
 * conversations.
 *
 * Runs on the worker's loop.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

struct flow_lane {
	char flow[27];
	unsigned running;
	struct flow_drive *first, **last; /* by lane_next */
	struct flow_lane *next, **prev;
};

static void
lane_link(struct flow_lane *l, struct flow_lane **at)
{
	l->next = *at;
	l->prev = at;
	if (l->next)
		l->next->prev = &l->next;
	*at = l;
}

static void
lane_unlink(struct flow_lane *l)
{
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
}

static struct flow_lane *
lane_of(struct flow_worker *w, const char *flow)
{
	struct flow_lane **at, *l;

	for (at = &w->lanes; (l = *at); at = &l->next)
		if (!strcmp(l->flow, flow))
			return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	slice_copy(slice_str(flow), l->flow, sizeof(l->flow));
	l->last = &l->first;
	lane_link(l, at);
	return l;
}

static void
lane_free_if_empty(struct flow_lane *l)
{
	if (l->running || l->first)
		return;
	lane_unlink(l);
	free(l);
}

int
flow_lane_wait(struct flow_drive *d, const char *flow)
{
	struct flow_lane *l = lane_of(d->worker, flow);

	if (!l)
		return ERR_NOMEM;
	d->lane = l;
	d->lane_next = NULL;
	*l->last = d;
	l->last = &d->lane_next;
	return 0;
}

/* Its turn: to the end of the row. */
static struct flow_drive *
lane_take(struct flow_worker *w, struct flow_lane *l)
{
	struct flow_drive *d = l->first;
	struct flow_lane **end;

	l->first = d->lane_next;
	if (!l->first)
		l->last = &l->first;
	d->lane_next = NULL;
	d->in_slot = true;
	l->running++;
	w->running++;
	lane_unlink(l);
	for (end = &w->lanes; *end; end = &(*end)->next)
		;
	lane_link(l, end);
	return d;
}

struct flow_drive *
flow_lane_next(struct flow_worker *w)
{
	unsigned share = w->slots - w->slots / 4;
	struct flow_lane *l;

	if (w->leaving || w->running >= w->slots)
		return NULL;
	for (l = w->lanes; l; l = l->next)
		if (l->first && l->running < share)
			return lane_take(w, l);
	return NULL;
}

void
flow_lane_leave(struct flow_drive *d)
{
	struct flow_lane *l = d->lane;
	struct flow_drive **p;

	if (!l)
		return;
	d->lane = NULL;
	if (d->in_slot) {
		d->in_slot = false;
		l->running--;
		d->worker->running--;
	} else {
		for (p = &l->first; *p != d; p = &(*p)->lane_next)
			;
		*p = d->lane_next;
		if (!*p)
			l->last = p;
	}
	lane_free_if_empty(l);
}
