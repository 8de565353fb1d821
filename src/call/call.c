/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a call, step by step.
 *
 * Each state has one function that does its step and goes on to the next, or
 * waits to be called again: by the view (LOCATE, INJECT, REFRESH, which are in
 * locate.c), by egress (CONNECT), by the socket (SEND, JUDGE, BODY).  Whatever
 * fails ends in call_fail(), once.
 *
 * A call is sent a second time in two cases only: a pooled connection was
 * closed by the service before a byte of the answer came (and the method is
 * idempotent), or the service refused the token in a way that its definition
 * calls side-effect free.  A refused token is renewed in any case.  The second
 * time goes by what holds then: connection, permission, injection and key.
 */
#include <stdarg.h>
#include <stdio.h>

#include "call/call_priv.h"

enum {
	CONNECT_TIMEOUT_MS = 5 * 1000,
	FIRST_BYTE_TIMEOUT_MS = 60 * 1000,
	BODY_TIMEOUT_MS = 5 * 60 * 1000, /* between two bytes */
};

#define TO(state) (1u << CALL_##state)

/* The legal moves; to the end from everywhere. */
static const unsigned moves[] = {
	[CALL_NEW] = TO(LOCATE),
	[CALL_LOCATE] = TO(LOCATE) | TO(INJECT) | TO(CONNECT),
	[CALL_INJECT] = TO(LOCATE) | TO(CONNECT),
	[CALL_CONNECT] = TO(SEND),
	[CALL_SEND] = TO(LOCATE) | TO(JUDGE),
	[CALL_JUDGE] = TO(JUDGE) | TO(REFRESH) | TO(BODY),
	[CALL_REFRESH] = TO(LOCATE) | TO(BODY),
	[CALL_BODY] = 0,
	[CALL_ENDED] = 0,
};

void
call_move(struct call *c, enum call_state to)
{
	ASSERT(to == CALL_ENDED || moves[c->state] & 1u << to);
	c->state = to;
}

static void call_send(struct call *c);
static void call_read_head(struct call *c);
static void call_conn_ready(struct egress_conn *conn);

/* ---- ending ---- */

void
call_problem_set(struct call *c, int status, const char *code, const char *hint,
		 const char *fmt, ...)
{
	va_list ap;

	c->problem.status = status;
	c->problem.code = code;
	c->problem.hint = hint;
	va_start(ap, fmt);
	vsnprintf(c->problem.detail, sizeof(c->problem.detail), fmt, ap);
	va_end(ap);
}

static void
call_record(struct call *c, int status)
{
	uint64_t now = clock_mono_us();
	struct call_record *r;
	struct slice path;

	if (c->rehearsal)
		return;
	r = call_records_slot(c->worker->records);

	if (!r)
		return;
	r->at_ms = clock_wall_ms();
	r->status = status;
	r->code = c->problem.status ? c->problem.code : NULL;
	r->total_us = now - c->began_us;
	r->first_byte_us = c->head_us ? c->head_us - c->began_us : 0;
	r->up = c->up;
	r->down = c->down;
	r->refreshed = c->refreshed;
	r->reused = c->conn && c->conn->reused;
	memcpy(r->org, c->actor->org, sizeof(r->org));
	memcpy(r->member, c->actor->member, sizeof(r->member));
	memcpy(r->key, c->actor->key, sizeof(r->key));
	if (c->snapshot)
		memcpy(r->connection, c->snapshot->id, sizeof(r->connection));
	else
		r->connection[0] = 0;
	slice_copy(slice_head(c->method, CALL_METHOD_SIZE - 1), r->method,
		   CALL_METHOD_SIZE);
	slice_copy(slice_head(slice_str(c->url.host), CALL_HOST_SIZE - 1),
		   r->host, CALL_HOST_SIZE);
	path = c->redirected ? SLICE_NONE : call_target_path(c);
	slice_copy(slice_head(path, CALL_PATH_SIZE - 1), r->path,
		   CALL_PATH_SIZE);
	call_records_commit(c->worker->records);
}

static void
call_count_end(struct call *c, int status)
{
	struct call_counters *n = &c->worker->counters;

	if (c->rehearsal)
		return;
	call_count(&n->calls, 1);
	call_count(&n->bytes_up, c->up);
	call_count(&n->bytes_down, c->down);
	if (c->problem.status)
		call_count(&n->failed, 1);
	if (status >= 100 && status < 600)
		call_count(&n->statuses[status / 100], 1);
}

void
call_release_conn(struct call *c, bool whole)
{
	struct egress_conn *conn = c->conn;

	c->conn = NULL;
	if (!conn)
		return;
	conn->ready = NULL;
	if (whole && c->sent_all && c->head.keep_alive)
		egress_keep(conn);
	else
		egress_drop(conn);
}

static void
call_release(struct call *c)
{
	loop_timer_cancel(&c->timer);
	loop_again_cancel(&c->again);
	if (c->waiting_connection)
		connect_wait_cancel(&c->wait.connection);
	if (c->waiting_open)
		egress_open_cancel(&c->wait.open);
	c->waiting_connection = c->waiting_open = false;
	call_release_conn(c, c->state == CALL_BODY);
	buf_wipe(&c->peeked);
	connect_injection_unref(c->injection);
	connect_snapshot_unref(c->snapshot);
	people_actor_unref(c->actor);
	c->injection = NULL;
	c->snapshot = NULL;
	c->actor = NULL;
	call_move(c, CALL_ENDED);
}

void
call_end(struct call *c, int status)
{
	if (c->state == CALL_ENDED)
		return;
	call_count_end(c, status);
	call_record(c, status);
	call_release(c);
}

void
call_fail(struct call *c)
{
	call_end(c, c->problem.status);
	c->client->fail(c);
}

static void
call_fail_open(struct call *c, int err)
{
	const char *detail = c->wait.open.detail;

	switch (err) {
	case ERR_BLOCKED:
		call_problem_set(c, 403, "destination_not_allowed",
				 "The operator can allow a private address "
				 "(serve --egress-allow), and so can an owner "
				 "(drawbridge egress allow).",
				 "The guard refuses the destination: %s.",
				 detail);
		break;
	case ERR_TIMEOUT:
		call_problem_set(c, 504, "upstream_timeout", NULL,
				 "The service could not be reached: %s.",
				 detail);
		break;
	case ERR_BUSY:
		call_problem_set(c, 503, "overloaded", NULL,
				 "The service cannot be called now: %s.",
				 detail);
		c->problem.retry_after_s = 1;
		break;
	default:
		call_problem_set(c, 502, "upstream_unreachable", NULL,
				 "The service could not be reached: %s.",
				 detail[0] ? detail : err_text(err));
	}
	call_fail(c);
}

/* ---- time ---- */

static void
call_timeout(struct loop_timer *t)
{
	struct call *c = CONTAINER_OF(t, struct call, timer);

	if (c->state == CALL_BODY) {
		/* The head is out: all that is left is to cut. */
		call_problem_set(c, 504, "upstream_timeout", NULL,
				 "The answer's body stalled.");
		c->client->readable(c);
		return;
	}
	if (c->state == CALL_REFRESH || c->waiting_connection) {
		call_locate_timeout(c);
		return;
	}
	call_problem_set(c, 504, "upstream_timeout",
			 "For slow services raise it: Drawbridge-Timeout.",
			 "%s has not answered in time.", c->url.host);
	call_fail(c);
}

static uint32_t
call_first_byte_ms(const struct call *c)
{
	uint32_t own =
		c->injection->binding->service->api.first_byte_timeout_ms;

	if (c->timeout_ms)
		return c->timeout_ms;
	if (own)
		return own;
	own = c->worker->config.first_byte_timeout_ms;
	return own ? own : FIRST_BYTE_TIMEOUT_MS;
}

void
call_start_timer(struct call *c, uint32_t ms)
{
	loop_timer_start(c->worker->config.loop, &c->timer, ms, call_timeout);
}

void
call_touch(struct call *c, uint64_t down_bytes)
{
	uint32_t ms = c->worker->config.body_timeout_ms;

	c->down += down_bytes;
	call_start_timer(c, ms ? ms : BODY_TIMEOUT_MS);
}

/* ---- CONNECT ---- */

static void
call_opened(struct egress_open *o, int err, struct egress_conn *conn)
{
	struct call *c = CONTAINER_OF(o, struct call, wait.open);

	c->waiting_open = false;
	if (err) {
		call_fail_open(c, err);
		return;
	}
	if (c->rehearsal) {
		c->client->rehearsed(c);
		return;
	}
	call_count(&c->worker->counters.opened, 1);
	c->conn = conn;
	call_send(c);
}

void
call_connect(struct call *c)
{
	uint32_t ms = c->injection->binding->service->api.connect_timeout_ms;

	call_move(c, CALL_CONNECT);
	c->attempt++;
	if (c->client->aimed)
		c->client->aimed(c);
	c->conn = c->fresh || c->rehearsal
			  ? NULL
			  : egress_take(c->dest,
					!http_method_is_idempotent(c->method));
	if (c->conn) {
		call_count(&c->worker->counters.reused, 1);
		call_send(c);
		return;
	}
	if (!ms)
		ms = c->worker->config.connect_timeout_ms;
	c->waiting_open = true;
	c->wait.open.judge_only = c->rehearsal;
	egress_open(c->dest, &c->wait.open, ms ? ms : CONNECT_TIMEOUT_MS,
		    call_opened);
}

/* ---- SEND ---- */

static void
call_again(struct loop_again *a)
{
	call_go_on(CONTAINER_OF(a, struct call, again));
}

/* The service closed before it answered.  What is sent again is looked at
 * again: neither a credential nor a caller that was withdrawn meanwhile is for
 * a second request. */
static void
call_broken(struct call *c)
{
	bool again = c->conn->reused && !c->fresh &&
		     http_method_is_idempotent(c->method) &&
		     (c->body == HTTP_BODY_NONE || c->body_replayable) &&
		     people_actor_stands(c->actor);

	call_release_conn(c, false);
	loop_timer_cancel(&c->timer);
	if (again) {
		c->fresh = true;
		c->sent_all = false;
		call_count(&c->worker->counters.replayed, 1);
		call_look_again(c);
		return;
	}
	call_problem_set(c, 502, "upstream_unreachable", NULL,
			 "%s closed the connection before it answered.",
			 c->url.host);
	call_fail(c);
}

static int
call_send_end(struct call *c)
{
	struct http_writer *w = &c->conn->writer;
	int rc = call_request_put_form(c);

	if (!rc)
		rc = http_writer_end(w);
	if (!rc)
		rc = http_writer_flush(w);
	return rc;
}

static bool
call_send_on(struct call *c)
{
	enum http_relay state = HTTP_RELAY_DONE;
	int rc;

	if (c->sent_all)
		return true;
	if (c->body != HTTP_BODY_NONE)
		state = c->client->send_body(c, &c->conn->writer);
	if (c->state == CALL_ENDED)
		return false;
	if (state == HTTP_RELAY_MORE)
		loop_again_start(c->worker->config.loop, &c->again, call_again);
	if (state == HTTP_RELAY_WAIT || state == HTTP_RELAY_MORE)
		return true;
	if (state == HTTP_RELAY_READ_FAILED) {
		call_problem_set(c, 400, "invalid_body", NULL,
				 "The request's body broke off, or is not "
				 "framed as RFC 9112 says.");
		call_fail(c);
		return false;
	}
	rc = state == HTTP_RELAY_DONE ? call_send_end(c) : ERR_CLOSED;
	if (rc == 0)
		c->sent_all = true;
	/* On a broken pipe the answer may be there all the same. */
	return true;
}

/* Sends on; true while the call lives and goes on to read.  What the service
 * has taken gives it new time; what it says meanwhile does not, or else a head
 * that drips would hold the call for good. */
static bool
call_pump(struct call *c)
{
	uint64_t sent = c->conn->writer.sent;

	if (!call_send_on(c))
		return false;
	if (c->conn->writer.sent == sent)
		return true;
	if (c->state == CALL_SEND)
		call_start_timer(c, call_first_byte_ms(c));
	else if (c->state == CALL_BODY)
		call_touch(c, 0);
	return true;
}

static void
call_send(struct call *c)
{
	int rc;

	call_move(c, CALL_SEND);
	c->sent_all = false;
	c->interim = 0;
	c->conn->owner = c;
	c->conn->ready = call_conn_ready;
	rc = call_request_put_head(c);
	if (rc) {
		call_problem_set(c, 431, "too_large", NULL,
				 "The request's head is too large.");
		call_fail(c);
		return;
	}
	call_start_timer(c, call_first_byte_ms(c));
	if (call_pump(c) && !c->conn->reused)
		call_read_head(c); /* it may be there already */
}

bool
call_go_on(struct call *c)
{
	if (c->state != CALL_SEND && c->state != CALL_BODY)
		return c->state != CALL_ENDED;
	if (c->sent_all || !c->conn)
		return true;
	return call_pump(c);
}

/* ---- HEAD, JUDGE ---- */

void
call_stands(struct call *c)
{
	call_move(c, CALL_BODY);
	call_touch(c, 0);
	/* The rest of an early answered request, which was left alone while
	 * the answer was judged: nobody tells again that it can go on. */
	if (!c->sent_all)
		loop_again_start(c->worker->config.loop, &c->again, call_again);
	c->client->answer(c);
}

static void
call_judge_answer(struct call *c)
{
	enum call_verdict verdict;

	call_move(c, CALL_JUDGE);
	verdict = call_judge(c);
	switch (verdict) {
	case CALL_NEEDS_BODY:
		return;
	case CALL_SEND_AGAIN:
	case CALL_RENEW_ONLY:
		call_refresh(c, verdict == CALL_RENEW_ONLY);
		return;
	case CALL_STANDS:
		call_stands(c);
	}
}

static void
call_fail_malformed(struct call *c, int rc)
{
	const char *why = rc ? c->head.why
			  : c->head.status == 101
				  ? "it changes to another protocol"
				  : "it has too many interim answers";

	call_problem_set(c, 502, "upstream_malformed", NULL,
			 "The answer of %s is not HTTP: %s.", c->url.host,
			 why ? why : "it broke off");
	call_fail(c);
}

static void
call_read_head(struct call *c)
{
	struct http_reader *r = &c->conn->reader;
	int rc = http_reader_response(r, slice_eq(c->method, SLICE("HEAD")),
				      &c->interim, &c->head);

	if (rc == ERR_AGAIN)
		return;
	if (rc == ERR_CLOSED && !http_reader_bytes(r).len) {
		call_broken(c);
		return;
	}
	if (rc || c->head.status < 200) {
		call_fail_malformed(c, rc);
		return;
	}
	c->head_us = clock_mono_us();
	http_reader_start_body(r, &c->head);
	/* Some of the body may have to come before it can be judged. */
	call_start_timer(c, call_first_byte_ms(c));
	call_judge_answer(c);
}

static void
call_conn_ready(struct egress_conn *conn)
{
	struct call *c = conn->owner;

	switch (c->state) {
	case CALL_SEND:
		if (call_pump(c) && c->state == CALL_SEND)
			call_read_head(c);
		break;
	case CALL_JUDGE:
		call_judge_answer(c);
		break;
	case CALL_BODY:
		if (!c->sent_all && !call_pump(c))
			return;
		c->client->readable(c);
		break;
	default:
		break;
	}
}

/* ---- the door ---- */

void
call_init(struct call *c, struct call_worker *w,
	  const struct call_client *client)
{
	memset(c, 0, offsetof(struct call, head));
	c->head.status = 0;
	c->worker = w;
	c->client = client;
	c->subject = c->user = "";
	buf_init(&c->peeked, CALL_PEEK_MAX);
}

void
call_start(struct call *c)
{
	c->began_us = clock_mono_us();
	call_locate(c);
}
