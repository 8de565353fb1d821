/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destinations and their idle connections.
 *
 * A destination is interned by scheme, host, port and the trust anchors that
 * it has in place of the system's; its idle connections are a list, newest
 * first, since the newest is the one least likely to be closed by the other
 * side.  Bytes or an end that come on an idle connection close it at once, so
 * that a taken one is rarely stale.
 *
 * Runs on the loop of its egress; no lock.
 */
#include <stdio.h>
#include <stdlib.h>

#include "egress/egress_priv.h"

enum {
	IDLE_MAX = 256, /* a destination and loop */
	IDLE_MS = 50 * 1000,
	AGE_MAX_MS = 10 * 60 * 1000, /* then its name is looked up again */
	SWEEP_AT = 1024,	     /* destinations */
};

int
egress_new(struct loop *l, struct loop_pool *pool, struct egress_policy *p,
	   struct egress **out)
{
	struct egress *e = calloc(1, sizeof(*e));

	*out = NULL;
	if (!e)
		return ERR_NOMEM;
	e->loop = l;
	net_resolver_begin(&e->names, l, pool);
	e->policy = p;
	e->sweep_at = SWEEP_AT;
	e->dests = table_new();
	if (!e->dests) {
		free(e);
		return ERR_NOMEM;
	}
	egress_policy_join(p, e);
	*out = e;
	return 0;
}

static void
egress_free_dead(struct egress *e)
{
	struct egress_wire *w;

	while ((w = e->dead)) {
		e->dead = w->next;
		free(w);
	}
}

static void
egress_bury(struct loop_again *again)
{
	egress_free_dead(CONTAINER_OF(again, struct egress, bury));
}

static void
dest_free(struct egress_dest *d)
{
	egress_trust_put(d->trust);
	free(d);
}

void
egress_free(struct egress *e)
{
	struct egress_dest *d;
	struct slice key;
	size_t cursor = 0;
	void *value;

	if (!e)
		return;
	egress_policy_leave(e->policy, e);
	net_resolver_end(&e->names);
	while (table_next(e->dests, &cursor, &key, &value)) {
		d = value;
		while (d->idle)
			egress_drop(&d->idle->conn);
		dest_free(d);
	}
	table_free(e->dests);
	loop_again_cancel(&e->bury); /* the loop may go on without e */
	egress_free_dead(e);
	http_blocks_release(&e->blocks);
	egress_allowed_unref(e->allowed);
	free(e);
}

/* ---- destinations ---- */

/* Those that nobody uses go, when there are many. */
static void
dests_sweep(struct egress *e)
{
	struct egress_dest *d;
	struct slice key;
	size_t cursor = 0;
	void *value;

	if (table_count(e->dests) < e->sweep_at)
		return;
	while (table_next(e->dests, &cursor, &key, &value)) {
		d = value;
		if (d->count || d->opening || d->pinned)
			continue;
		table_remove(e->dests, key);
		dest_free(d);
	}
	e->sweep_at = 2 * table_count(e->dests);
	if (e->sweep_at < SWEEP_AT)
		e->sweep_at = SWEEP_AT;
}

static void
dest_name(struct egress_dest *d, const struct http_url *url)
{
	int n;

	d->url = *url;
	d->url.path = SLICE_NONE;
	if (url->port == (url->https ? 443 : 80))
		n = snprintf(d->authority, sizeof(d->authority), "%s",
			     url->host);
	else
		n = snprintf(d->authority, sizeof(d->authority), "%s:%u",
			     url->host, url->port);
	d->authority_len = (size_t)n;
	snprintf(d->session_key, sizeof(d->session_key), "%s:%u", url->host,
		 url->port);
}

/* trust (may be NULL) becomes the destination's on success. */
static int
dest_new(struct egress *e, const struct http_url *url, const char *key,
	 struct egress_trust *trust, struct egress_dest **out)
{
	struct egress_dest *d;

	dests_sweep(e);
	d = calloc(1, sizeof(*d));
	if (!d)
		return ERR_NOMEM;
	d->egress = e;
	dest_name(d, url);
	if (table_set(e->dests, slice_str(key), d, NULL)) {
		free(d);
		return ERR_NOMEM;
	}
	d->trust = trust;
	*out = d;
	return 0;
}

/* One that is vouched for by these anchors alone. */
static int
dest_trusting(struct egress *e, const struct http_url *url,
	      struct slice anchors, struct egress_dest **out)
{
	char id[EGRESS_TRUST_ID], key[HTTP_HOST_MAX + EGRESS_TRUST_ID + 16];
	struct egress_trust *trust = NULL;
	int rc = egress_trust_id(anchors, id);

	if (rc)
		return rc;
	snprintf(key, sizeof(key), "t:%s:%u:%s", url->host, url->port, id);
	*out = table_get(e->dests, slice_str(key));
	if (*out)
		return 0;
	rc = egress_trust_get(e, id, anchors, &trust);
	if (!rc)
		rc = dest_new(e, url, key, trust, out);
	if (rc)
		egress_trust_put(trust);
	return rc;
}

int
egress_dest(struct egress *e, const struct http_url *url, bool allow_http,
	    const char *anchors, struct egress_dest **out)
{
	char key[HTTP_HOST_MAX + 16];

	*out = NULL;
	if (!url->https && !allow_http)
		return ERR_BLOCKED;
	if (url->https && anchors)
		return dest_trusting(e, url, slice_str(anchors), out);
	snprintf(key, sizeof(key), "%s:%s:%u", url->https ? "s" : "p",
		 url->host, url->port);
	*out = table_get(e->dests, slice_str(key));
	return *out ? 0 : dest_new(e, url, key, NULL, out);
}

void
egress_dest_pin(struct egress_dest *d)
{
	d->pinned = true;
}

int
egress_dest_unix(struct egress *e, const char *path, struct egress_dest **out)
{
	struct http_url url = { .port = 80, .host = "localhost" };
	struct net_addr addr;
	struct buf key;
	int rc;

	*out = NULL;
	if (!egress_policy_allows_all(e->policy))
		return ERR_BLOCKED;
	buf_init(&key, NET_ADDR_TEXT);
	buf_printf(&key, "unix:%s", path);
	rc = buf_err(&key) ? ERR_INVALID
			   : net_addr_parse(buf_slice(&key), &addr);
	if (!rc)
		*out = table_get(e->dests, buf_slice(&key));
	if (!rc && !*out)
		rc = dest_new(e, &url, buf_cstr(&key), NULL, out);
	if (!rc)
		(*out)->unix_addr = addr;
	buf_release(&key);
	return rc;
}

struct slice
egress_dest_authority(const struct egress_dest *d)
{
	return slice_of(d->authority, d->authority_len);
}

const char *
egress_dest_host(const struct egress_dest *d)
{
	return d->url.host;
}

/* ---- connections ---- */

struct egress_wire *
egress_wire_new(struct egress_dest *d)
{
	struct egress_wire *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->dest = d;
	w->state = WIRE_LENT;
	w->born_ms = loop_now_ms(d->egress->loop);
	net_stream_init(&w->stream);
	http_reader_init(&w->conn.reader, &w->stream, &d->egress->blocks);
	http_writer_init(&w->conn.writer, &w->stream, &d->egress->blocks);
	d->count++;
	return w;
}

/* Whether an idle connection is still worth keeping: only a TLS session
 * ticket may come on it. */
static bool
wire_is_quiet(struct egress_wire *w)
{
	char byte;

	return net_stream_read(&w->stream, &byte, 1) == ERR_AGAIN;
}

void
egress_wire_ready(struct loop_io *io, unsigned events)
{
	struct egress_wire *w = CONTAINER_OF(io, struct egress_wire, io);

	http_reader_ready(&w->conn.reader, events);
	if (w->state == WIRE_LENT) {
		if (w->conn.ready)
			w->conn.ready(&w->conn);
	} else if (w->state == WIRE_IDLE && (events & LOOP_READ) &&
		   !wire_is_quiet(w)) {
		egress_drop(&w->conn);
	}
}

static void
wire_unlink(struct egress_wire *w)
{
	loop_timer_cancel(&w->timer);
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->dest->idle_count--;
}

static void
wire_expired(struct loop_timer *t)
{
	struct egress_wire *w = CONTAINER_OF(t, struct egress_wire, timer);

	egress_drop(&w->conn);
}

struct egress_conn *
egress_take(struct egress_dest *d, bool once)
{
	struct egress_wire *w;

	while ((w = d->idle) && once && !wire_is_quiet(w))
		egress_drop(&w->conn);
	if (!w)
		return NULL;
	wire_unlink(w);
	w->state = WIRE_LENT;
	w->conn.reused = true;
	w->conn.resolve_ms = w->conn.connect_ms = w->conn.tls_ms = 0;
	return &w->conn;
}

/*
 * Whether the answer was all that came.  A read that emptied the socket has
 * said so; else it is asked again, since for bytes that are there already no
 * further event will come.
 */
static bool
wire_is_over(struct egress_wire *w)
{
	const struct http_reader *r = &w->conn.reader;

	return r->done && r->begin == r->end && !r->hangup &&
	       (r->drained || wire_is_quiet(w));
}

void
egress_keep(struct egress_conn *c)
{
	struct egress_wire *w = CONTAINER_OF(c, struct egress_wire, conn);
	struct egress_dest *d = w->dest;
	struct loop *l = d->egress->loop;

	ASSERT(w->state == WIRE_LENT);
	if (!http_writer_is_empty(&c->writer) || d->idle_count >= IDLE_MAX ||
	    loop_now_ms(l) - w->born_ms > AGE_MAX_MS || !wire_is_over(w) ||
	    egress_wire_objection(w)) {
		egress_drop(c);
		return;
	}
	http_reader_next(&c->reader);
	http_writer_next(&c->writer);
	c->owner = NULL;
	c->ready = NULL;
	w->state = WIRE_IDLE;
	w->next = d->idle;
	w->prev = &d->idle;
	if (w->next)
		w->next->prev = &w->next;
	d->idle = w;
	d->idle_count++;
	loop_timer_start(l, &w->timer, IDLE_MS, wire_expired);
}

void
egress_drop(struct egress_conn *c)
{
	struct egress_wire *w = CONTAINER_OF(c, struct egress_wire, conn);
	struct egress *e = w->dest->egress;

	if (w->state == WIRE_DEAD)
		return;
	if (w->state == WIRE_IDLE)
		wire_unlink(w);
	w->state = WIRE_DEAD;
	loop_io_cancel(&w->io);
	net_stream_close(&w->stream);
	http_reader_release(&c->reader);
	http_writer_release(&c->writer);
	c->ready = NULL;
	w->dest->count--;
	w->next = e->dead;
	e->dead = w;
	loop_again_start(e->loop, &e->bury, egress_bury);
}
