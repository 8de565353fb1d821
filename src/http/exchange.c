/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges: one request and its answer, from its owner's side.
 *
 * A streaming owner (the gateway) uses reader, writer and events itself.
 * Others collect the body and answer with a whole one; these two are events
 * tables of their own that the exchange passes through.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/server_priv.h"

enum { DRAIN_BYTES = 64 * 1024 };

static void
ignore_ready(struct http_exchange *x)
{
	(void)x;
}

static void
ignore_gone(struct http_exchange *x, int err)
{
	(void)x, (void)err;
}

const struct http_exchange_events http_exchange_idle_events = {
	.ready = ignore_ready,
	.gone = ignore_gone,
};

const struct http_head *
http_exchange_head(const struct http_exchange *x)
{
	return x->head;
}

struct loop *
http_exchange_loop(const struct http_exchange *x)
{
	return x->server->loop;
}

void
http_exchange_peer(const struct http_exchange *x, char out[NET_ADDR_TEXT])
{
	static const struct http_proxies nobody;
	const struct http_proxies *p = x->server->config.proxies;
	struct net_addr client;

	/* The machine's own socket is no proxy's. */
	http_forwarded_client(p && !x->local ? p : &nobody, &x->peer, x->head,
			      &client);
	net_addr_format_ip(&client, out);
}

int
http_exchange_local_uid(const struct http_exchange *x, uid_t *uid)
{
	if (!x->local || net_peer_uid(x->stream.fd, uid))
		return ERR_FORBIDDEN;
	return 0;
}

bool
http_exchange_is_tls(const struct http_exchange *x)
{
	return x->stream.ssl != NULL;
}

void
http_exchange_set_owner(struct http_exchange *x, void *owner)
{
	x->owner = owner;
}

void *
http_exchange_owner(const struct http_exchange *x)
{
	return x->owner;
}

void
http_exchange_set_events(struct http_exchange *x,
			 const struct http_exchange_events *events)
{
	x->events = events;
}

struct http_reader *
http_exchange_reader(struct http_exchange *x)
{
	return &x->reader;
}

struct http_writer *
http_exchange_writer(struct http_exchange *x)
{
	return &x->writer;
}

void
http_exchange_continue(struct http_exchange *x)
{
	if (!x->head->expect_continue || x->continue_sent)
		return;
	x->continue_sent = true;
	if (http_writer_put(&x->writer, SLICE("HTTP/1.1 100 Continue\r\n\r\n")))
		return;
	http_writer_flush(&x->writer);
}

bool
http_exchange_keeps_alive(const struct http_exchange *x)
{
	return !x->close_after;
}

void
http_exchange_close_after(struct http_exchange *x)
{
	x->close_after = true;
}

static void
exchange_timeout(struct loop_timer *t)
{
	struct http_exchange *x = CONTAINER_OF(t, struct http_exchange, timer);

	x->events->gone(x, ERR_TIMEOUT);
	http_conn_close(x, true);
}

void
http_exchange_touch(struct http_exchange *x, uint32_t timeout_ms)
{
	if (timeout_ms)
		loop_timer_start(x->server->loop, &x->timer, timeout_ms,
				 exchange_timeout);
	else
		loop_timer_cancel(&x->timer);
}

/* A body may hold what a person has typed in: no copy of it stays in a block
 * that the next connection gets. */
static void
exchange_wipe(struct slice read)
{
	secret_wipe((char *)(uintptr_t)read.ptr, read.len);
}

/* Reads over what is left of a small request body; true if it is done. */
static bool
exchange_pass_body(struct http_exchange *x)
{
	struct http_reader *r = &x->reader;
	struct slice data;
	size_t passed = 0;

	/* A client that was never told to continue may not send at all. */
	if (x->head->expect_continue && !x->continue_sent)
		return r->done;
	while (passed < DRAIN_BYTES && !http_reader_peek(r, &data)) {
		passed += data.len;
		exchange_wipe(data);
		http_reader_consume(r, data.len);
	}
	return r->done;
}

void
http_exchange_end(struct http_exchange *x)
{
	ASSERT(x->state == CONN_ACTIVE);
	ASSERT(http_writer_is_empty(&x->writer));
	buf_wipe(&x->body);
	x->collected = NULL;
	if (!exchange_pass_body(x)) {
		http_conn_linger(x);
		return;
	}
	if (x->close_after) {
		/* What it has pipelined behind would turn the close into a
		 * reset that may overtake the answer. */
		http_conn_linger(x);
		return;
	}
	http_writer_next(&x->writer);
	http_reader_next(&x->reader);
	x->state = CONN_HEAD;
	x->events = &http_exchange_idle_events;
	http_conn_advance(x);
}

void
http_exchange_abort(struct http_exchange *x)
{
	http_conn_close(x, true);
}

/* ---- collecting ---- */

static void
collect_finish(struct http_exchange *x, int err)
{
	void (*ready)(struct http_exchange *, struct slice, int, void *) =
		x->collected;
	void *arg = x->collected_arg;

	x->collected = NULL;
	x->events = &http_exchange_idle_events;
	loop_timer_cancel(&x->timer);
	ready(x, buf_slice(&x->body), err, arg);
}

/* The next piece has so long, and no longer than is left for all of them. */
static void
collect_touch(struct http_exchange *x)
{
	uint64_t now = loop_now_ms(x->server->loop), left;
	uint32_t piece = x->server->config.body_timeout_ms;

	if (x->collect_until_ms) {
		left = x->collect_until_ms > now ? x->collect_until_ms - now
						 : 1;
		if (!piece || left < piece)
			piece = (uint32_t)left;
	}
	http_exchange_touch(x, piece);
}

static int
collect_keep(struct http_exchange *x, struct slice data)
{
	int rc = 0;

	if (data.len > x->body.max - x->body.len)
		return ERR_TOO_LARGE;
	if (x->grows)
		rc = x->grows(x, data.len, x->collected_arg);
	return rc ? rc : buf_put(&x->body, data.ptr, data.len);
}

static void
collect_ready(struct http_exchange *x)
{
	struct slice data;
	int rc;

	while (!(rc = http_reader_peek(&x->reader, &data))) {
		rc = collect_keep(x, data);
		if (rc) {
			collect_finish(x, rc);
			return;
		}
		exchange_wipe(data);
		http_reader_consume(&x->reader, data.len);
		collect_touch(x);
	}
	if (rc == ERR_AGAIN)
		return;
	if (rc == ERR_CLOSED) {
		collect_finish(x, 0);
		return;
	}
	x->close_after = true;
	collect_finish(x, ERR_PROTOCOL);
}

static void
collect_gone(struct http_exchange *x, int err)
{
	(void)err;
	collect_finish(x, ERR_CLOSED);
}

static const struct http_exchange_events collect_events = {
	.ready = collect_ready,
	.gone = collect_gone,
};

void
http_exchange_collect_within(struct http_exchange *x,
			     const struct http_collect *c)
{
	buf_release(&x->body);
	buf_init(&x->body, c->max);
	x->collected = c->ready;
	x->collected_arg = c->arg;
	x->grows = c->grows;
	x->collect_until_ms =
		c->total_ms ? loop_now_ms(x->server->loop) + c->total_ms : 0;
	x->events = &collect_events;
	if (x->head->body == HTTP_BODY_LENGTH &&
	    x->head->content_length > c->max) {
		collect_finish(x, ERR_TOO_LARGE);
		return;
	}
	collect_touch(x);
	http_exchange_continue(x);
	collect_ready(x);
}

void
http_exchange_collect(struct http_exchange *x, size_t max,
		      void (*ready)(struct http_exchange *, struct slice, int,
				    void *),
		      void *arg)
{
	const struct http_collect c = { .max = max,
					.ready = ready,
					.arg = arg };

	http_exchange_collect_within(x, &c);
}

void
http_exchange_drop_body(struct http_exchange *x)
{
	buf_wipe(&x->body);
}

/* ---- answering ---- */

static void
answer_ready(struct http_exchange *x)
{
	struct slice rest = slice_from(buf_slice(&x->body), x->answered);
	size_t taken;
	int rc;

	rc = http_writer_send(&x->writer, rest, &taken);
	x->answered += taken;
	if (!rc) {
		http_exchange_end(x);
		return;
	}
	if (rc != ERR_AGAIN) {
		http_conn_close(x, true);
		return;
	}
	http_exchange_touch(x, x->server->config.body_timeout_ms);
}

static const struct http_exchange_events answer_events = {
	.ready = answer_ready,
	.gone = ignore_gone,
};

/* "Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 5.6.7 */
static void
answer_date(char out[40])
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static bool
answer_has_body(const struct http_exchange *x, int status)
{
	return status != 204 && status != 304 && status >= 200 &&
	       !slice_eq(x->head->method, SLICE("HEAD"));
}

void
http_exchange_answer(struct http_exchange *x, int status, const char *fields,
		     struct slice body)
{
	char head[256], length[48] = "", date[40];
	struct buf copy; /* body may be a part of x->body */
	int n;

	/* What is left of the body cannot be told from a next request: the
	 * client must know that this connection is not for one. */
	if (!exchange_pass_body(x))
		x->close_after = true;
	answer_date(date);
	if (status != 204 && status != 304)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
			 body.len);
	n = snprintf(head, sizeof(head), "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s",
		     status, http_reason(status), date, length,
		     x->close_after ? "Connection: close\r\n" : "");
	if (http_writer_put(&x->writer, slice_of(head, (size_t)n)) ||
	    http_writer_put(&x->writer, slice_str(fields)) ||
	    http_writer_put(&x->writer, SLICE("\r\n"))) {
		http_conn_close(x, true);
		return;
	}
	x->answered = 0;
	if (!answer_has_body(x, status))
		body.len = 0;
	buf_init(&copy, body.len);
	if (body.len && buf_put(&copy, body.ptr, body.len)) {
		http_conn_close(x, true);
		return;
	}
	buf_wipe(&x->body);
	x->body = copy;
	http_writer_start_body(&x->writer, HTTP_BODY_LENGTH, body.len);
	x->events = &answer_events;
	answer_ready(x);
}
