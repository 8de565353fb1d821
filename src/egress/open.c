/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a connection: look up, judge, then connect and shake hands.
 *
 *   RESOLVE -> CONNECT (address after address) -> TLS -> done
 *
 * and for public addresses where there is a proxy (proxy.c), which is the
 * operator's word and not judged but for loops:
 *
 *   RESOLVE -> PROXY_NAME -> CONNECT (to the proxy) -> TUNNEL -> TLS -> done
 *
 * The name is looked up once, each address is judged by the guard, and the
 * socket is opened to exactly an address that was judged: whatever the name
 * resolves to a moment later plays no part.  Refused addresses are struck
 * from the list; if none is left, the call is refused.
 *
 * From CONNECT on it is attempt.c's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "egress/egress_priv.h"

/* A URL's host that is an address; ERR_INVALID: it is a name. */
static int
address_of_host(const char *text, uint16_t port, struct net_addr *out)
{
	struct slice host = slice_str(text);

	if (slice_starts(host, SLICE("[")))
		host = slice_of(host.ptr + 1, host.len - 2);
	return net_addr_from_ip(host, port, out);
}

void
egress_opening_release(struct egress_opening *o)
{
	loop_timer_cancel(&o->timer);
	loop_timer_cancel(&o->attempt);
	net_resolve_cancel(&o->resolve);
	net_resolve_cancel(&o->via);
	egress_tunnel_release(&o->tunnel);
	if (o->wire)
		egress_opening_drop(o);
	o->dest->opening--;
	if (o->soon_posted)
		o->owner = NULL; /* the posted task frees it */
	else
		free(o);
}

void
egress_opening_fail(struct egress_opening *o, int err)
{
	struct egress_open *owner = o->owner;

	owner->opening = NULL;
	egress_opening_release(o);
	owner->done(owner, err, NULL);
}

static void
opening_soon(struct loop_task *task)
{
	struct egress_opening *o =
		CONTAINER_OF(task, struct egress_opening, soon);

	o->soon_posted = false;
	if (!o->owner)
		free(o);
	else
		egress_opening_fail(o, o->soon_err);
}

static void
opening_fail_soon(struct egress_opening *o, int err)
{
	o->soon_err = err;
	o->soon_posted = true;
	o->soon.run = opening_soon;
	loop_post(o->dest->egress->loop, &o->soon);
}

static void
opening_timeout(struct loop_timer *t)
{
	static const char *const doing[] = {
		[OPEN_RESOLVE] = "looking up the name of",
		[OPEN_PROXY_NAME] = "looking up the name of",
		[OPEN_CONNECT] = "connecting to",
		[OPEN_TUNNEL] = "waiting for",
		[OPEN_TLS] = "shaking hands with",
	};
	struct egress_opening *o =
		CONTAINER_OF(t, struct egress_opening, timer);
	const struct egress_proxy *p = o->dest->egress->policy->proxy;
	bool at_proxy = o->state == OPEN_PROXY_NAME ||
			o->state == OPEN_TUNNEL ||
			(o->state == OPEN_CONNECT && o->by_proxy);

	snprintf(o->owner->detail, sizeof(o->owner->detail),
		 "time ran out while %s %s%.100s", doing[o->state],
		 at_proxy ? "the proxy " : "",
		 at_proxy ? p->name : o->dest->authority);
	egress_opening_fail(o, ERR_TIMEOUT);
}

/* Strikes the refused addresses; ERR_BLOCKED when none is left. */
static int
opening_judge(struct egress_opening *o)
{
	struct net_resolve *r = &o->resolve;
	const struct net_addr *refused = NULL;
	const char *why, *last = NULL;
	unsigned i, kept = 0;

	for (i = 0; i < r->count; i++) {
		why = egress_objection(o->dest, &r->addrs[i]);
		if (!why) {
			r->addrs[kept++] = r->addrs[i];
			continue;
		}
		refused = &r->addrs[i];
		last = why;
	}
	r->count = kept;
	if (kept || !last)
		return 0;
	egress_opening_objected(o, refused, last);
	return ERR_BLOCKED;
}

/* ---- the proxy's own name ---- */

/* It is not judged: it is the operator's word.  But it is not this server. */
static void
opening_proxy_found(struct egress_opening *o)
{
	const struct egress_policy *p = o->dest->egress->policy;
	struct net_resolve *r = &o->via;
	unsigned i, kept = 0;

	for (i = 0; i < r->count; i++)
		if (!egress_address_is_own(p, &r->addrs[i]))
			r->addrs[kept++] = r->addrs[i];
	r->count = kept;
	if (kept) {
		egress_opening_connect(o);
		return;
	}
	snprintf(o->owner->detail, sizeof(o->owner->detail),
		 "the proxy %.100s is where Drawbridge itself listens",
		 p->proxy->name);
	egress_opening_fail(o, ERR_CONNECT);
}

static void
opening_proxy_resolved(struct net_resolve *r, int err)
{
	struct egress_opening *o = CONTAINER_OF(r, struct egress_opening, via);

	o->phase_ms = clock_mono_ms();
	if (!err) {
		opening_proxy_found(o);
		return;
	}
	snprintf(o->owner->detail, sizeof(o->owner->detail),
		 "the name of the proxy %.100s cannot be looked up",
		 o->dest->egress->policy->proxy->name);
	egress_opening_fail(o, err);
}

/* Where it is busy, it says why. */
static int
opening_look_up(struct egress_opening *o, struct net_resolve *r,
		const char *host, uint16_t port,
		void (*done)(struct net_resolve *, int))
{
	struct egress *e = o->dest->egress;
	int rc = net_resolve_start(r, &e->names, host, port, done);

	if (rc == ERR_BUSY)
		snprintf(o->owner->detail, sizeof(o->owner->detail),
			 "too many names wait to be looked up, %.100s among "
			 "them; a name server may be silent",
			 host);
	return rc;
}

static void
opening_find_proxy(struct egress_opening *o, const struct egress_proxy *p)
{
	int rc;

	o->state = OPEN_PROXY_NAME;
	if (!address_of_host(p->host, p->port, &o->via.addrs[0])) {
		o->via.count = 1;
		opening_proxy_found(o);
		return;
	}
	rc = opening_look_up(o, &o->via, p->host, p->port,
			     opening_proxy_resolved);
	if (rc)
		egress_opening_fail(o, rc);
}

static bool
opening_wants_proxy(const struct egress_opening *o)
{
	unsigned i;

	if (!o->dest->egress->policy->proxy || o->dest->unix_addr.len)
		return false;
	for (i = 0; i < o->resolve.count; i++)
		if (egress_address_is_public(&o->resolve.addrs[i]))
			return true;
	return false;
}

/* ---- the destination's name ---- */

/* The name is known and allowed. */
static void
opening_judged(struct egress_opening *o)
{
	struct egress_open *owner = o->owner;

	if (!owner->judge_only) {
		if (opening_wants_proxy(o))
			opening_find_proxy(o, o->dest->egress->policy->proxy);
		else
			egress_opening_connect(o);
		return;
	}
	owner->opening = NULL;
	egress_opening_release(o);
	owner->done(owner, 0, NULL);
}

static void
opening_resolved(struct net_resolve *r, int err)
{
	struct egress_opening *o =
		CONTAINER_OF(r, struct egress_opening, resolve);

	o->resolve_ms = egress_opening_phase(o);
	if (err) {
		snprintf(o->owner->detail, sizeof(o->owner->detail),
			 "the name %.100s cannot be looked up",
			 o->dest->url.host);
		egress_opening_fail(o, err);
		return;
	}
	err = opening_judge(o);
	if (err) {
		egress_opening_fail(o, err);
		return;
	}
	opening_judged(o);
}

/* An address in the URL needs no look-up, but the same judgement. */
static bool
opening_has_address(struct egress_opening *o)
{
	const struct http_url *u = &o->dest->url;

	if (o->dest->unix_addr.len)
		o->resolve.addrs[0] = o->dest->unix_addr;
	else if (address_of_host(u->host, u->port, &o->resolve.addrs[0]))
		return false;
	o->resolve.count = 1;
	return true;
}

static void
opening_numeric(struct loop_task *task)
{
	struct egress_opening *o =
		CONTAINER_OF(task, struct egress_opening, soon);

	o->soon_posted = false;
	if (!o->owner)
		free(o);
	else
		opening_resolved(&o->resolve, 0);
}

static int
opening_start(struct egress_opening *o)
{
	struct egress *e = o->dest->egress;

	if (o->dest->count + o->dest->opening > EGRESS_CONNECTIONS_MAX) {
		snprintf(o->owner->detail, sizeof(o->owner->detail),
			 "too many connections to %.100s are open",
			 o->dest->url.host);
		return ERR_BUSY;
	}
	if (!opening_has_address(o))
		return opening_look_up(o, &o->resolve, o->dest->url.host,
				       o->dest->url.port, opening_resolved);
	o->soon_posted = true;
	o->soon.run = opening_numeric;
	loop_post(e->loop, &o->soon);
	return 0;
}

void
egress_open(struct egress_dest *d, struct egress_open *owner,
	    uint32_t timeout_ms,
	    void (*done)(struct egress_open *, int, struct egress_conn *))
{
	struct egress_opening *o = calloc(1, sizeof(*o));
	int rc;

	ASSERT(o); /* 5 KiB; without them the process is lost anyway */
	owner->done = done;
	owner->detail[0] = 0;
	owner->opening = o;
	o->owner = owner;
	o->dest = d;
	d->opening++;
	o->phase_ms = clock_mono_ms();
	loop_timer_start(d->egress->loop, &o->timer, timeout_ms,
			 opening_timeout);
	rc = opening_start(o);
	if (rc)
		opening_fail_soon(o, rc);
}

void
egress_open_cancel(struct egress_open *owner)
{
	struct egress_opening *o = owner->opening;

	owner->opening = NULL;
	if (o)
		egress_opening_release(o);
}
