/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a connection: look up, judge, connect, shake hands.
 *
 *   RESOLVE -> CONNECT (address after address) -> TLS -> done
 *
 * The name is looked up once, each address is judged by the guard, and the
 * socket is opened to exactly an address that was judged: whatever the name
 * resolves to a moment later plays no part.  Refused addresses are struck
 * from the list; if none is left, the call is refused.
 *
 * This is the only place of the program that opens an outgoing socket.
 */
#include <stdio.h>
#include <stdlib.h>

#include "egress/egress_priv.h"

enum opening_state { OPEN_RESOLVE, OPEN_CONNECT, OPEN_TLS };

struct egress_opening {
	struct egress_open *owner;
	struct egress_dest *dest;
	struct egress_wire *wire; /* from CONNECT on */
	enum opening_state state;
	struct net_resolve resolve;
	struct loop_timer timer;
	struct loop_timer attempt; /* of one address, while there are more */
	struct loop_task soon;	   /* an error found before start returned */
	int soon_err;
	bool soon_posted;
	unsigned next_addr;
	uint64_t phase_ms; /* when the current phase began */
	uint32_t resolve_ms;
};

static void opening_try_next(struct egress_opening *o);

/* An opening is counted either by itself or by its connection. */
static void
opening_set_wire(struct egress_opening *o, struct egress_wire *w)
{
	ASSERT(!o->wire != !w);
	o->wire = w;
	if (w)
		o->dest->opening--;
	else
		o->dest->opening++;
}

/* The address has not answered. */
static void
opening_drop_wire(struct egress_opening *o)
{
	struct egress_wire *w = o->wire;

	opening_set_wire(o, NULL);
	egress_drop(&w->conn);
}

static void
opening_release(struct egress_opening *o)
{
	loop_timer_cancel(&o->timer);
	loop_timer_cancel(&o->attempt);
	net_resolve_cancel(&o->resolve);
	if (o->wire)
		opening_drop_wire(o);
	o->dest->opening--;
	if (o->soon_posted)
		o->owner = NULL; /* the posted task frees it */
	else
		free(o);
}

static void
opening_fail(struct egress_opening *o, int err)
{
	struct egress_open *owner = o->owner;

	owner->opening = NULL;
	opening_release(o);
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
		opening_fail(o, o->soon_err);
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
		[OPEN_CONNECT] = "connecting to",
		[OPEN_TLS] = "shaking hands with",
	};
	struct egress_opening *o =
		CONTAINER_OF(t, struct egress_opening, timer);

	snprintf(o->owner->detail, sizeof(o->owner->detail),
		 "time ran out while %s %.100s", doing[o->state],
		 o->dest->authority);
	opening_fail(o, ERR_TIMEOUT);
}

/* Milliseconds of the phase that ends now. */
static uint32_t
opening_phase(struct egress_opening *o)
{
	uint64_t now = clock_mono_ms();
	uint32_t took = (uint32_t)(now - o->phase_ms);

	o->phase_ms = now;
	return took;
}

static void
opening_objected(struct egress_opening *o, const struct net_addr *a,
		 const char *why)
{
	char ip[NET_ADDR_TEXT];

	net_addr_format_ip(a, ip);
	snprintf(o->owner->detail, sizeof(o->owner->detail),
		 "%.80s is %.50s: %.100s", o->dest->authority, ip, why);
}

static void
opening_done(struct egress_opening *o)
{
	struct egress_open *owner = o->owner;
	struct egress_wire *w = o->wire;
	const char *why = egress_wire_objection(w);

	if (why) { /* while it was being opened */
		opening_objected(o, &w->addr, why);
		opening_fail(o, ERR_BLOCKED);
		return;
	}
	opening_set_wire(o, NULL);
	owner->opening = NULL;
	opening_release(o);
	w->io.ready = egress_wire_ready;
	w->conn.reader.drained = 0;
	owner->done(owner, 0, &w->conn);
}

static void
opening_handshake(struct egress_opening *o)
{
	int rc = net_stream_handshake(&o->wire->stream, o->owner->detail,
				      sizeof(o->owner->detail));

	if (rc == ERR_AGAIN)
		return;
	if (rc) {
		opening_fail(o, rc);
		return;
	}
	o->wire->conn.tls_ms = opening_phase(o);
	opening_done(o);
}

static void
opening_connected(struct egress_opening *o)
{
	struct egress_dest *d = o->dest;

	loop_timer_cancel(&o->attempt);
	o->wire->conn.connect_ms = opening_phase(o);
	if (!d->url.https) {
		opening_done(o);
		return;
	}
	o->state = OPEN_TLS;
	if (net_stream_start_tls(&o->wire->stream, egress_dest_tls(d),
				 d->url.host, d->session_key)) {
		opening_fail(o, ERR_TLS);
		return;
	}
	opening_handshake(o);
}

static void
opening_ready(struct loop_io *io, unsigned events)
{
	struct egress_wire *w = CONTAINER_OF(io, struct egress_wire, io);
	struct egress_opening *o = w->conn.owner;
	int rc;

	(void)events;
	if (o->state == OPEN_TLS) {
		opening_handshake(o);
		return;
	}
	rc = net_stream_connected(&w->stream);
	if (rc == ERR_AGAIN)
		return;
	if (!rc) {
		opening_connected(o);
		return;
	}
	opening_drop_wire(o);
	opening_try_next(o);
}

/* Connects to the next address that was looked up. */
static int
opening_try(struct egress_opening *o, const struct net_addr *a)
{
	struct egress_wire *w = egress_wire_new(o->dest);
	int rc;

	if (!w)
		return ERR_NOMEM;
	w->conn.owner = o;
	w->conn.resolve_ms = o->resolve_ms;
	w->addr = *a;
	w->judged = o->dest->egress->round;
	rc = net_stream_connect(&w->stream, a);
	if (!rc)
		rc = loop_io_start(o->dest->egress->loop, &w->io, w->stream.fd,
				   opening_ready);
	if (rc) {
		egress_drop(&w->conn);
		return rc;
	}
	opening_set_wire(o, w);
	return 0;
}

/* An address that says nothing must not eat the time of the others. */
static void
opening_attempt_over(struct loop_timer *t)
{
	struct egress_opening *o =
		CONTAINER_OF(t, struct egress_opening, attempt);

	opening_drop_wire(o);
	opening_try_next(o);
}

/* An even share of the time that is left, unless it is the last address. */
static void
opening_limit_attempt(struct egress_opening *o)
{
	struct loop *l = o->dest->egress->loop;
	uint64_t now = loop_now_ms(l), left = 0;
	unsigned others = o->resolve.count - o->next_addr;

	loop_timer_cancel(&o->attempt);
	if (!others)
		return;
	if (o->timer.at_ms > now)
		left = o->timer.at_ms - now;
	loop_timer_start(l, &o->attempt, left / (others + 1),
			 opening_attempt_over);
}

static void
opening_try_next(struct egress_opening *o)
{
	const struct net_addr *a;

	while (o->next_addr < o->resolve.count) {
		a = &o->resolve.addrs[o->next_addr++];
		/* again: what is allowed may be another by now */
		if (egress_objection(o->dest, a) || opening_try(o, a))
			continue;
		opening_limit_attempt(o);
		return;
	}
	loop_timer_cancel(&o->attempt);
	snprintf(o->owner->detail, sizeof(o->owner->detail),
		 "nobody answers at %.100s", o->dest->authority);
	opening_fail(o, ERR_CONNECT);
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
	opening_objected(o, refused, last);
	return ERR_BLOCKED;
}

/* The name is known and allowed. */
static void
opening_judged(struct egress_opening *o)
{
	struct egress_open *owner = o->owner;

	if (!owner->judge_only) {
		o->state = OPEN_CONNECT;
		opening_try_next(o);
		return;
	}
	owner->opening = NULL;
	opening_release(o);
	owner->done(owner, 0, NULL);
}

static void
opening_resolved(struct net_resolve *r, int err)
{
	struct egress_opening *o =
		CONTAINER_OF(r, struct egress_opening, resolve);

	o->resolve_ms = opening_phase(o);
	if (err) {
		snprintf(o->owner->detail, sizeof(o->owner->detail),
			 "the name %.100s cannot be looked up",
			 o->dest->url.host);
		opening_fail(o, err);
		return;
	}
	err = opening_judge(o);
	if (err) {
		opening_fail(o, err);
		return;
	}
	opening_judged(o);
}

/* An address in the URL needs no look-up, but the same judgement. */
static bool
opening_has_address(struct egress_opening *o)
{
	const struct http_url *u = &o->dest->url;
	struct slice host = slice_str(u->host);

	if (o->dest->unix_addr.len) {
		o->resolve.addrs[0] = o->dest->unix_addr;
		o->resolve.count = 1;
		return true;
	}
	if (slice_starts(host, SLICE("[")))
		host = slice_of(host.ptr + 1, host.len - 2);
	if (net_addr_from_ip(host, u->port, &o->resolve.addrs[0]))
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

	if (o->dest->count + o->dest->opening > EGRESS_CONNECTIONS_MAX)
		return ERR_BUSY;
	if (!opening_has_address(o))
		return net_resolve_start(&o->resolve, e->loop, e->pool,
					 o->dest->url.host, o->dest->url.port,
					 opening_resolved);
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

	ASSERT(o); /* 3 KiB; without them the process is lost anyway */
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
		opening_release(o);
}
