/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting to addresses that were looked up and judged (open.c), one after
 * the other, straight or through the proxy, and shaking hands.
 *
 * This is the only place of the program that opens an outgoing socket.
 */
#include <stdio.h>

#include "egress/egress_priv.h"

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
void
egress_opening_drop(struct egress_opening *o)
{
	struct egress_wire *w = o->wire;

	opening_set_wire(o, NULL);
	egress_drop(&w->conn);
}

/* Milliseconds of the phase that ends now. */
uint32_t
egress_opening_phase(struct egress_opening *o)
{
	uint64_t now = clock_mono_ms();
	uint32_t took = (uint32_t)(now - o->phase_ms);

	o->phase_ms = now;
	return took;
}

void
egress_opening_objected(struct egress_opening *o, const struct net_addr *a,
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
		egress_opening_objected(o, &w->addr, why);
		egress_opening_fail(o, ERR_BLOCKED);
		return;
	}
	opening_set_wire(o, NULL);
	owner->opening = NULL;
	egress_opening_release(o);
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
		egress_opening_fail(o, rc);
		return;
	}
	o->wire->conn.tls_ms = egress_opening_phase(o);
	opening_done(o);
}

/* All the way to the destination. */
static void
opening_through(struct egress_opening *o)
{
	struct egress_dest *d = o->dest;

	loop_timer_cancel(&o->attempt);
	o->wire->conn.connect_ms = egress_opening_phase(o);
	if (!d->url.https) {
		opening_done(o);
		return;
	}
	o->state = OPEN_TLS;
	if (net_stream_start_tls(&o->wire->stream, egress_dest_tls(d),
				 d->url.host, d->session_key)) {
		egress_opening_fail(o, ERR_TLS);
		return;
	}
	opening_handshake(o);
}

/* What the proxy says: no way to one address is not yet none to the next. */
static void
opening_tunnel(struct egress_opening *o)
{
	const struct egress_proxy *p = o->dest->egress->policy->proxy;
	int rc = egress_tunnel_go_on(&o->tunnel, o->wire);

	if (rc == ERR_AGAIN)
		return;
	if (!rc) {
		opening_through(o);
		return;
	}
	egress_tunnel_say(&o->tunnel, p, o->dest->authority, rc,
			  o->owner->detail, sizeof(o->owner->detail));
	if (rc == ERR_CONNECT && o->next_addr < o->resolve.count) {
		egress_opening_drop(o);
		egress_opening_connect(o);
		return;
	}
	egress_opening_fail(o, ERR_CONNECT);
}

static void
opening_connected(struct egress_opening *o)
{
	const struct egress_proxy *p = o->dest->egress->policy->proxy;

	if (!o->by_proxy) {
		opening_through(o);
		return;
	}
	o->state = OPEN_TUNNEL;
	if (egress_tunnel_start(&o->tunnel, p, &o->wire->addr))
		egress_opening_fail(o, ERR_NOMEM);
	else
		opening_tunnel(o);
}

/* Nobody has answered. */
static void
opening_attempt_failed(struct egress_opening *o)
{
	/* the same address by another of the proxy's */
	if (o->by_proxy && o->state == OPEN_CONNECT) {
		o->next_via++;
		o->next_addr--;
	}
	egress_opening_drop(o);
	egress_opening_connect(o);
}

static void
opening_ready(struct loop_io *io, unsigned events)
{
	struct egress_wire *w = CONTAINER_OF(io, struct egress_wire, io);
	struct egress_opening *o = w->conn.owner;
	int rc;

	if (o->state == OPEN_TLS) {
		opening_handshake(o);
		return;
	}
	if (o->state == OPEN_TUNNEL) {
		http_reader_ready(&w->conn.reader, events);
		opening_tunnel(o);
		return;
	}
	rc = net_stream_connected(&w->stream);
	if (!rc)
		opening_connected(o);
	else if (rc != ERR_AGAIN)
		opening_attempt_failed(o);
}

/* Connects to this address that was looked up, or to the proxy for it. */
static int
opening_try(struct egress_opening *o, const struct net_addr *a)
{
	const struct net_addr *from,
		*to = o->by_proxy ? &o->via.addrs[o->next_via] : a;
	struct egress_wire *w;
	int rc;

	rc = egress_source_for(o->dest->egress->policy, to, o->by_proxy, &from);
	if (rc) {
		o->sourceless = true;
		return rc;
	}
	w = egress_wire_new(o->dest);
	if (!w)
		return ERR_NOMEM;
	w->conn.owner = o;
	w->conn.resolve_ms = o->resolve_ms;
	w->addr = *a;
	w->judged = o->dest->egress->round;
	rc = net_stream_connect(&w->stream, to, from);
	if (rc == ERR_INVALID)
		o->sourceless = true;
	if (!rc)
		rc = loop_io_start(o->dest->egress->loop, &w->io, w->stream.fd,
				   opening_ready);
	if (rc) {
		egress_drop(&w->conn);
		return rc;
	}
	opening_set_wire(o, w);
	o->tried = true;
	return 0;
}

/* An address that says nothing must not eat the time of the others. */
static void
opening_attempt_over(struct loop_timer *t)
{
	struct egress_opening *o =
		CONTAINER_OF(t, struct egress_opening, attempt);

	opening_attempt_failed(o);
}

/* An even share of the time that is left, unless it is the last address. */
static void
opening_limit_attempt(struct egress_opening *o)
{
	struct loop *l = o->dest->egress->loop;
	uint64_t now = loop_now_ms(l), left = 0;
	unsigned others = o->resolve.count - o->next_addr;

	if (o->by_proxy)
		others += o->via.count - o->next_via - 1;
	loop_timer_cancel(&o->attempt);
	if (!others)
		return;
	if (o->timer.at_ms > now)
		left = o->timer.at_ms - now;
	loop_timer_start(l, &o->attempt, left / (others + 1),
			 opening_attempt_over);
}

/* By the proxy: whichever of its addresses takes it. */
static int
opening_try_proxy(struct egress_opening *o, const struct net_addr *a)
{
	for (; o->next_via < o->via.count; o->next_via++)
		if (!opening_try(o, a))
			return 0;
	return ERR_CONNECT;
}

static void
opening_nobody(struct egress_opening *o)
{
	const struct egress_proxy *p = o->dest->egress->policy->proxy;
	char *detail = o->owner->detail;
	size_t size = sizeof(o->owner->detail);

	loop_timer_cancel(&o->attempt);
	if (o->sourceless && !o->tried)
		snprintf(detail, size,
			 "no connection to %.100s can be made from the "
			 "addresses of --egress-bind",
			 o->by_proxy ? p->name : o->dest->authority);
	else if (o->by_proxy && o->next_via >= o->via.count)
		snprintf(detail, size, "nobody answers at the proxy %.100s",
			 p->name);
	else if (!o->by_proxy || !detail[0])
		snprintf(detail, size, "nobody answers at %.100s",
			 o->dest->authority);
	egress_opening_fail(o, ERR_CONNECT);
}

void
egress_opening_connect(struct egress_opening *o)
{
	const struct net_addr *a;

	o->state = OPEN_CONNECT;
	while (o->next_addr < o->resolve.count) {
		a = &o->resolve.addrs[o->next_addr++];
		/* again: what is allowed may be another by now */
		if (egress_objection(o->dest, a))
			continue;
		o->by_proxy = o->via.count && egress_address_is_public(a);
		if (o->by_proxy ? opening_try_proxy(o, a) : opening_try(o, a))
			continue;
		opening_limit_attempt(o);
		return;
	}
	opening_nobody(o);
}
