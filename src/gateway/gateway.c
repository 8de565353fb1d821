/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange on /via, from the request's head to the end of the answer.
 *
 *   check the request -> key -> call_start() -> (body up) -> answer's head
 *   -> body down -> end
 *
 * Bodies are relayed block by block; each direction stops reading when the
 * other side does not take more, so that a transfer of any size needs two
 * blocks.  The request's body is kept (up to 64 KiB) only where the service
 * may refuse the token in a way that allows sending again.
 *
 * If the answer breaks off, the client's connection is cut with a reset: it
 * must never look complete.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/gateway_priv.h"

enum {
	SPARE_MAX = 256,
	BODY_TIMEOUT_MS = 60 * 1000,
	TIMEOUT_MAX_S = 600,
	RELAY_ROUNDS = 16,
};

static const struct slice prefix = { "/via/", 5 };

int
gateway_new(struct call_worker *calls, struct people_view *people, bool scrub,
	    struct gateway **out)
{
	struct gateway *g = calloc(1, sizeof(*g));

	*out = g;
	if (!g)
		return ERR_NOMEM;
	g->calls = calls;
	g->people = people;
	g->scrub = scrub;
	return 0;
}

void
gateway_free(struct gateway *g)
{
	struct via *v;

	if (!g)
		return;
	while ((v = g->spare)) {
		g->spare = v->next;
		buf_release(&v->held);
		free(v);
	}
	free(g);
}

bool
gateway_takes(struct slice target)
{
	return slice_starts(target, prefix);
}

/* ---- one exchange ---- */

static void via_key_known(struct people_wait *w, int err,
			  struct people_actor *actor);

static struct via *
via_take(struct gateway *g)
{
	struct via *v = g->spare;

	if (v) {
		g->spare = v->next;
		g->spare_count--;
	} else {
		v = calloc(1, sizeof(*v));
		if (v)
			buf_init(&v->held, CALL_HELD_MAX);
	}
	return v;
}

/* All but the call, which has an init of its own, and the held bytes, whose
 * memory is used again. */
static void
via_reset(struct via *v)
{
	memset(&v->wait, 0, sizeof(v->wait));
	v->wait.done = via_key_known;
	v->waiting = false;
	v->answering = false;
	v->key_len = 0;
	v->held_sent = 0;
	v->held_attempt = 0;
	v->peeked_sent = 0;
	v->for_client = false;
	v->scrub = NULL;
	v->scrub_done = 0;
}

static void
via_give(struct via *v)
{
	struct gateway *g = v->gateway;

	loop_again_cancel(&v->again);
	gateway_scrub_end(v);
	secret_wipe(v->key, v->key_len);
	if (v->held.len)
		secret_wipe(v->held.data, v->held.len);
	buf_reset(&v->held);
	if (g->spare_count >= SPARE_MAX) {
		buf_release(&v->held);
		free(v);
		return;
	}
	v->next = g->spare;
	g->spare = v;
	g->spare_count++;
}

static struct via *
via_of(struct http_exchange *x)
{
	return http_exchange_owner(x);
}

static void
via_refuse(struct via *v, int status, const char *code, const char *hint,
	   const char *detail)
{
	struct call_problem p = { .status = status,
				  .code = code,
				  .hint = hint };
	struct http_exchange *x = v->x;

	snprintf(p.detail, sizeof(p.detail), "%s", detail);
	via_give(v);
	gateway_answer_problem(x, &p);
}

static void
via_refuse_target(struct via *v, const char *why)
{
	char detail[200];

	snprintf(detail, sizeof(detail), "The target cannot be used: %s.", why);
	via_refuse(v, 400, "invalid_target",
		   "Write /via/{link}/{path} or "
		   "/via/{link}/https://host/path.",
		   detail);
}

/* ---- the answer's body ---- */

/* Bytes that were read ahead for a judgement go first. */
static int
via_send_peeked(struct via *v, struct http_writer *w)
{
	struct slice rest;
	size_t taken;
	int rc;

	rest = slice_from(buf_slice(&v->call.peeked), v->peeked_sent);
	if (!rest.len)
		return 0;
	rc = http_writer_send(w, rest, &taken);
	v->peeked_sent += taken;
	return rc;
}

static void
via_cut(struct via *v)
{
	struct http_exchange *x = v->x;

	call_end(&v->call, v->call.head.status);
	via_give(v);
	http_exchange_abort(x);
}

static void
via_done(struct via *v)
{
	struct http_exchange *x = v->x;

	call_end(&v->call, v->call.head.status);
	via_give(v);
	http_exchange_end(x);
}

static void via_relay_down(struct via *v);

static void
via_relay_again(struct loop_again *a)
{
	via_relay_down(CONTAINER_OF(a, struct via, again));
}

static enum http_relay
via_relay(struct via *v, struct http_writer *w, uint64_t *moved)
{
	int rc;

	if (v->scrub)
		return gateway_scrub_relay(v, w, moved);
	rc = via_send_peeked(v, w);
	if (rc)
		return rc == ERR_AGAIN ? HTTP_RELAY_WAIT
				       : HTTP_RELAY_WRITE_FAILED;
	return http_relay(&v->call.conn->reader, w, moved);
}

static void
via_relay_down(struct via *v)
{
	struct http_writer *w = http_exchange_writer(v->x);
	uint64_t moved = 0;

	if (v->call.problem.status) { /* it stalled */
		via_cut(v);
		return;
	}
	switch (via_relay(v, w, &moved)) {
	case HTTP_RELAY_DONE:
		call_touch(&v->call, moved);
		via_done(v);
		return;
	case HTTP_RELAY_MORE:
		loop_again_start(http_exchange_loop(v->x), &v->again,
				 via_relay_again);
		break;
	case HTTP_RELAY_WAIT:
		break;
	case HTTP_RELAY_READ_FAILED:
	case HTTP_RELAY_WRITE_FAILED:
		via_cut(v);
		return;
	}
	if (!moved)
		return;
	call_touch(&v->call, moved);
	if (!v->call.sent_all) /* both ways at once: neither is idle */
		http_exchange_touch(v->x, BODY_TIMEOUT_MS);
}

/* ---- what call/ asks for ---- */

static int
via_put_fields(struct call *c, struct http_writer *w)
{
	struct via *v = CONTAINER_OF(c, struct via, call);
	const struct http_head *h = http_exchange_head(v->x);
	const struct http_field *f;
	unsigned i;
	char *room;
	size_t len;

	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		if (!call_field_passes(c, f) || gateway_scrub_withholds(v, f))
			continue;
		len = f->name.len + 2 + f->value.len + 2;
		room = http_writer_room(w, len);
		if (!room)
			return ERR_TOO_LARGE;
		memcpy(room, f->name.ptr, f->name.len);
		room += f->name.len;
		*room++ = ':';
		*room++ = ' ';
		memcpy(room, f->value.ptr, f->value.len);
		room += f->value.len;
		*room++ = '\r';
		*room++ = '\n';
		http_writer_added(w, len);
	}
	return v->gateway->scrub
		       ? http_writer_put(w,
					 SLICE("Accept-Encoding: identity\r\n"))
		       : 0;
}

static bool
via_has_field(struct call *c, struct slice name)
{
	struct via *v = CONTAINER_OF(c, struct via, call);
	const struct http_field *f;

	f = http_head_find_name(http_exchange_head(v->x), name);
	return f && call_field_passes(c, f);
}

/* What an earlier attempt has read already. */
static int
via_send_held(struct via *v, struct http_writer *w)
{
	struct slice rest;
	size_t taken;
	int rc;

	if (v->held_attempt != v->call.attempt) {
		v->held_attempt = v->call.attempt;
		v->held_sent = 0;
	}
	rest = slice_from(buf_slice(&v->held), v->held_sent);
	if (!rest.len)
		return 0;
	rc = http_writer_send(w, rest, &taken);
	v->held_sent += taken;
	return rc;
}

/* Keeps sent bytes while that is possible. */
static void
via_hold(struct via *v, struct slice data)
{
	if (!v->call.body_replayable)
		return;
	if (buf_put_slice(&v->held, data)) {
		v->call.body_replayable = false;
		return;
	}
	v->held_sent = v->held.len;
}

static enum http_relay
via_relay_up(struct via *v, struct http_writer *w)
{
	struct http_reader *r = http_exchange_reader(v->x);
	struct slice data;
	size_t taken;
	int rc, round;

	for (round = 0; round < RELAY_ROUNDS; round++) {
		rc = http_reader_peek(r, &data);
		if (rc == ERR_CLOSED)
			return HTTP_RELAY_DONE;
		if (rc == ERR_AGAIN) {
			rc = http_writer_flush(w);
			return rc && rc != ERR_AGAIN ? HTTP_RELAY_WRITE_FAILED
						     : HTTP_RELAY_WAIT;
		}
		if (rc)
			return HTTP_RELAY_READ_FAILED;
		rc = http_writer_send(w, data, &taken);
		via_hold(v, slice_head(data, taken));
		http_reader_consume(r, taken);
		v->call.up += taken;
		if (rc == ERR_AGAIN)
			return HTTP_RELAY_WAIT;
		if (rc)
			return HTTP_RELAY_WRITE_FAILED;
	}
	return HTTP_RELAY_MORE;
}

/* A service that does not read is the call's to wait for.  What it says while
 * the client is silent gives the client no more time. */
static void
via_await_client(struct via *v, bool wait)
{
	if (!wait)
		http_exchange_touch(v->x, 0);
	else if (!v->for_client || v->client_up != v->call.up)
		http_exchange_touch(v->x, BODY_TIMEOUT_MS);
	v->for_client = wait;
	v->client_up = v->call.up;
}

static enum http_relay
via_send_body(struct call *c, struct http_writer *w)
{
	struct via *v = CONTAINER_OF(c, struct via, call);
	enum http_relay state;
	int rc;

	http_exchange_continue(v->x);
	rc = via_send_held(v, w);
	if (rc)
		return rc == ERR_AGAIN ? HTTP_RELAY_WAIT
				       : HTTP_RELAY_WRITE_FAILED;
	state = via_relay_up(v, w);
	via_await_client(v,
			 state != HTTP_RELAY_DONE && http_writer_is_empty(w));
	return state;
}

/* In place of the service's answer, of which nothing has gone out. */
static void
via_refuse_answer(struct via *v, const struct call_problem *p)
{
	struct http_exchange *x = v->x;

	v->call.problem = *p;
	call_end(&v->call, p->status);
	via_give(v);
	gateway_answer_problem(x, p);
}

/* The answer's head does not fit; what was written of it is gone. */
static void
via_refuse_head(struct via *v)
{
	struct call_problem p = { .status = 502, .code = "upstream_malformed" };

	snprintf(p.detail, sizeof(p.detail),
		 "The head of the answer of %.200s is too large.",
		 v->call.url.host);
	via_refuse_answer(v, &p);
}

/* What cannot be searched for secrets, where it must be. */
static void
via_refuse_unseen(struct via *v, int err)
{
	struct call_problem p = { .status = 503, .code = "overloaded" };

	snprintf(p.detail, sizeof(p.detail),
		 "There is no memory to search the "
		 "answer for secrets.");
	p.retry_after_s = 1;
	if (err == ERR_UNSUPPORTED) {
		p = (struct call_problem){ .status = 502,
					   .code = "upstream_malformed" };
		snprintf(p.detail, sizeof(p.detail),
			 "The answer of %.200s is compressed, which was not "
			 "asked for, and cannot be searched for secrets.",
			 v->call.url.host);
	}
	via_refuse_answer(v, &p);
}

static void
via_answer(struct call *c)
{
	struct via *v = CONTAINER_OF(c, struct via, call);
	int rc;

	http_exchange_touch(v->x, 0);
	rc = gateway_scrub_start(v);
	if (rc) {
		via_refuse_unseen(v, rc);
		return;
	}
	if (gateway_answer_head(v)) {
		via_refuse_head(v);
		return;
	}
	v->answering = true;
	via_relay_down(v);
}

static void
via_readable(struct call *c)
{
	via_relay_down(CONTAINER_OF(c, struct via, call));
}

static void
via_fail(struct call *c)
{
	struct via *v = CONTAINER_OF(c, struct via, call);
	struct http_exchange *x = v->x;
	struct call_problem problem = c->problem;
	bool answering = v->answering;

	via_give(v);
	if (answering)
		http_exchange_abort(x);
	else
		gateway_answer_problem(x, &problem);
}

static const struct call_client via_client = {
	.put_fields = via_put_fields,
	.has_field = via_has_field,
	.send_body = via_send_body,
	.answer = via_answer,
	.readable = via_readable,
	.fail = via_fail,
};

/* ---- what the exchange tells ---- */

static void
via_ready(struct http_exchange *x)
{
	struct via *v = via_of(x);

	/* A service may answer while it is still being sent to. */
	if (call_go_on(&v->call) && v->answering)
		via_relay_down(v);
}

static void
via_gone(struct http_exchange *x, int err)
{
	struct via *v = via_of(x);

	(void)err;
	if (v->waiting)
		people_wait_cancel(&v->wait);
	else
		call_end(&v->call, 499); /* the client closed */
	via_give(v);
}

static const struct http_exchange_events via_events = {
	.ready = via_ready,
	.gone = via_gone,
};

/* ---- the request ---- */

static void
via_start(struct via *v, struct people_actor *actor)
{
	people_actor_ref(actor);
	v->call.actor = actor;
	call_start(&v->call);
}

static void
via_key_known(struct people_wait *w, int err, struct people_actor *actor)
{
	struct via *v = CONTAINER_OF(w, struct via, wait);

	v->waiting = false;
	if (!err)
		via_start(v, actor);
	else if (err == ERR_NOT_FOUND)
		via_refuse(v, 401, "unauthorized", NULL,
			   "This key is unknown, revoked or expired.");
	else
		via_refuse(v, 503, "unavailable", NULL,
			   "Keys cannot be checked at the moment.");
}

static void
via_authenticate(struct via *v)
{
	const struct http_head *h = http_exchange_head(v->x);
	struct people_actor *actor;
	int rc;

	rc = gateway_key_find(h, v->key, &v->key_len);
	if (rc == ERR_INVALID) {
		via_refuse(v, 400, "ambiguous_key", NULL,
			   "The request has two Authorization fields or two "
			   "different keys.");
		return;
	}
	if (rc) {
		via_refuse(v, 401, "unauthorized",
			   "Send Authorization: Bearer dbk_…, or "
			   "Drawbridge-Key: dbk_….",
			   "The request carries no Drawbridge key.");
		return;
	}
	v->call.key = slice_of(v->key, v->key_len);
	v->waiting = true;
	rc = people_view_key(v->gateway->people, v->call.key, &v->wait, &actor);
	if (rc == ERR_AGAIN)
		return;
	if (rc)
		via_key_known(&v->wait, rc, NULL);
	else
		via_key_known(&v->wait, 0, actor);
}

/* Seconds, 1 to 600; 0 when absent, ERR_INVALID. */
static int
via_timeout(const struct http_head *h, uint32_t *ms)
{
	const struct http_field *f = http_head_find(h, HTTP_DRAWBRIDGE_TIMEOUT);
	uint64_t s = 0;

	*ms = 0;
	if (f && (slice_to_u64(f->value, TIMEOUT_MAX_S, &s) || s == 0))
		return ERR_INVALID;
	*ms = (uint32_t)s * 1000;
	return 0;
}

/* Splits /via/{link}{rest}; what must not be is refused with its reason. */
static const char *
via_split(struct via *v, const struct http_head *h)
{
	struct slice rest = slice_from(h->target, prefix.len);
	const char *why = NULL;
	size_t end;

	if (slice_find(rest, '#') < rest.len)
		return "a request has no fragment"; /* RFC 9112 3.2 */
	for (end = 0; end < rest.len; end++)
		if (rest.ptr[end] == '/' || rest.ptr[end] == '?')
			break;
	v->call.link = slice_head(rest, end);
	rest = slice_from(rest, end);
	if (!end || end > 50)
		return "the link name is missing";
	if (slice_starts_nocase(rest, SLICE("/https://")) ||
	    slice_starts_nocase(rest, SLICE("/http://"))) {
		v->call.target = slice_from(rest, 1);
		end = slice_find(slice_from(rest, 9), '/');
		rest = slice_from(rest, 9 + end);
		if (rest.len && http_path_check(rest, &why))
			return why;
		return NULL;
	}
	v->call.target = rest;
	if (slice_starts(rest, SLICE("/")) && http_path_check(rest, &why))
		return why;
	return NULL;
}

static bool
via_method_is_allowed(struct slice m)
{
	return !slice_eq_nocase(m, SLICE("TRACE")) &&
	       !slice_eq_nocase(m, SLICE("CONNECT"));
}

/* A browser that was led here by another site must not get through. */
static bool
via_is_cross_site(const struct http_head *h)
{
	const struct http_field *f = http_head_find(h, HTTP_SEC_FETCH_SITE);

	return f && !slice_eq_nocase(f->value, SLICE("same-origin")) &&
	       !slice_eq_nocase(f->value, SLICE("none"));
}

static void
via_describe(struct via *v, const struct http_head *h)
{
	const struct http_field *type = http_head_find(h, HTTP_CONTENT_TYPE);
	struct call *c = &v->call;

	c->method = h->method;
	c->body = h->body;
	c->body_length = h->content_length;
	if (c->body == HTTP_BODY_LENGTH && !c->body_length)
		c->body = HTTP_BODY_NONE;
	c->body_replayable =
		c->body != HTTP_BODY_LENGTH || c->body_length <= CALL_HELD_MAX;
	c->body_is_form =
		h->body != HTTP_BODY_CHUNKED && type &&
		slice_starts_nocase(type->value,
				    SLICE("application/x-www-form-urlencoded"));
}

void
gateway_handle(struct gateway *g, struct http_exchange *x)
{
	const struct http_head *h = http_exchange_head(x);
	struct via *v = via_take(g);
	const char *why;

	if (!v) {
		http_exchange_abort(x);
		return;
	}
	via_reset(v);
	call_init(&v->call, g->calls, &via_client);
	v->gateway = g;
	v->x = x;
	http_exchange_set_owner(x, v);
	http_exchange_set_events(x, &via_events);
	if (!via_method_is_allowed(h->method)) {
		via_refuse(v, 405, "method_not_allowed", NULL,
			   "TRACE and CONNECT do not cross the bridge.");
		return;
	}
	why = via_split(v, h);
	if (why) {
		via_refuse_target(v, why);
		return;
	}
	if (via_timeout(h, &v->call.timeout_ms)) {
		via_refuse(v, 400, "invalid_timeout", NULL,
			   "Drawbridge-Timeout is a number of seconds from 1 "
			   "to 600.");
		return;
	}
	if (via_is_cross_site(h)) {
		via_refuse(v, 403, "forbidden", NULL,
			   "A page of another site must not call through the "
			   "gateway.");
		return;
	}
	via_describe(v, h);
	http_exchange_touch(x, 0);
	via_authenticate(v);
}
