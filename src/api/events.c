/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/conversations/{id}/events: messages as they come, as server-sent
 * events (HTML standard, 9.2).
 *
 *   FETCH (work) -> SEND (loop) -> IDLE -- moved, or time is up --> FETCH
 *
 * What is sent is read from the store, so that nothing is lost between two
 * looks, or by a connection that breaks off: Last-Event-ID goes on behind it.
 * Nothing is read before the client has all of what was: one who takes no byte
 * for STALL_MS costs one look, and is cut then.
 * The stream ends when the conversation is over, or the right to listen is,
 * which each look asks for anew; or, with the event "reconnect", when the
 * process leaves: it goes on at the next one.  In any case the last chunk is
 * sent, so that a client can tell an end from a break.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api_priv.h"

enum {
	LOOK_MS = 15 * 1000,
	STALL_MS = 60 * 1000, /* a client that does not read */
	EVENTS_MAX = 1 << 20, /* of one look, and one more message */
	STREAMS_MAX = 16,     /* of one conversation and worker */
};

struct events {
	struct api_request *r;
	struct http_exchange *x; /* NULL: gone */
	struct flow_listener listener;
	struct loop_timer timer;
	struct buf out;
	char id[27];
	bool by_actor; /* not by the conversation's own token */
	bool busy; /* a work thread has the next: out, seq, step, more, over */
	int64_t seq, step;
	bool more; /* than one look takes */
	bool over;
	bool moved;    /* again, while it was looked or is sent */
	bool unsent;   /* the client does not take what there is */
	uint64_t sent; /* by the writer, when it was tried last */
	bool leaving;
};

static void
events_free(void *state)
{
	struct events *e = state;

	loop_timer_cancel(&e->timer);
	flow_listen_stop(&e->listener);
	buf_release(&e->out);
	free(e);
}

static void events_look(struct events *e);

/* ---- FETCH, on a work thread ---- */

static void
event_put(struct events *e, const json_t *message)
{
	e->seq = json_integer_value(json_object_get(message, "seq"));
	buf_printf(&e->out,
		   "id: %lld\nevent: message\ndata: ", (long long)e->seq);
	json_write(message, &e->out);
	buf_puts(&e->out, "\n\n");
}

static void
state_put(struct events *e, const struct flow_talk *t)
{
	const json_t *expects = flow_talk_expects(t);
	json_t *o = json_pack("{s:s, s:o}", "state",
			      flow_status_name(t->status), "expects",
			      expects ? json_deep_copy(expects) : json_null());

	buf_puts(&e->out, "event: state\ndata: ");
	json_write(o, &e->out);
	buf_puts(&e->out, "\n\n");
	json_decref(o);
}

static void events_send(struct api_request *r);

/* Whether who listens still may: a conversation's token is good as long as the
 * conversation is there, but a key, a session and a role may have ended. */
static int
events_may(struct events *e, const struct flow_talk *talk)
{
	int rc;

	if (!e->by_actor)
		return 0;
	rc = api_auth_again(e->r);
	return rc ? rc : flow_talk_may_see(talk, e->r->actor);
}

static int
events_fetch(struct api_request *r)
{
	struct events *e = r->state;
	struct connect_problem p = { 0 };
	struct flow_talk talk = { 0 };
	json_t *list = NULL, *message;
	size_t i;

	r->later = events_send;
	if (flow_talk_get(r->db, e->id, &talk, &p) ||
	    flow_talk_messages(r->db, e->id, e->seq, &list, &p) ||
	    events_may(e, &talk)) { /* last: nothing is newer than that */
		e->over = true;	    /* gone, or the client comes again */
	} else {
		json_array_foreach(list, i,
				   message) if (e->out.len < EVENTS_MAX)
			event_put(e, message);
		e->more = e->seq < talk.seq;
		if (!e->more && e->step != talk.step) {
			state_put(e, &talk);
			e->step = talk.step;
		}
		e->over = !e->more && talk.status != FLOW_S_WAITING &&
			  talk.status != FLOW_S_CALLING;
	}
	json_decref(list);
	flow_talk_release(&talk);
	return API_PENDING;
}

/* ---- SEND, on the loop ---- */

/* whole: all was sent; else the client is gone, with some of it unsent. */
static void
events_end(struct events *e, bool whole)
{
	struct http_exchange *x = e->x;
	struct api_request *r = e->r;

	r->x = NULL;
	r->status = 200;
	if (x)
		http_exchange_set_owner(x, NULL);
	api_finish(r);
	if (x && whole)
		http_exchange_end(x);
	else if (x)
		http_exchange_abort(x);
}

/* The time to take it begins anew with each byte that is taken, and with
 * nothing else. */
static void
events_wait(struct events *e, uint64_t sent)
{
	if (!e->unsent || e->sent != sent)
		http_exchange_touch(e->x, STALL_MS);
	e->unsent = true;
	e->sent = sent;
}

/* What is to be sent is sent: 0, or ERR_AGAIN; anything else is its end. */
static int
events_write(struct events *e)
{
	struct http_writer *w = http_exchange_writer(e->x);
	size_t taken = 0;
	int rc = http_writer_send(w, buf_slice(&e->out), &taken);

	buf_consume(&e->out, taken);
	if (!rc && e->over)
		rc = http_writer_end(w);
	if (!rc)
		rc = http_writer_flush(w);
	if (rc == ERR_AGAIN) {
		events_wait(e, w->sent);
	} else {
		http_exchange_touch(e->x, 0);
		e->unsent = false;
	}
	return rc;
}

static void
events_flush(struct events *e)
{
	int rc;

	if (e->leaving && !e->over) {
		buf_puts(&e->out, "retry: 1000\nevent: reconnect\n"
				  "data: {}\n\n");
		e->over = true;
	}
	step_reached("events.read");
	rc = events_write(e);
	if (rc == ERR_AGAIN)
		return;
	if (rc || e->over)
		events_end(e, !rc);
	else if (e->more || e->moved)
		events_look(e);
}

static void
events_fire(struct loop_timer *t)
{
	struct events *e = CONTAINER_OF(t, struct events, timer);

	if (!e->busy && !e->unsent)
		buf_puts(&e->out, ": still here\n\n");
	events_look(e);
}

static void
events_look(struct events *e)
{
	if (e->busy || e->unsent) {
		e->moved = true;
		return;
	}
	e->busy = true;
	e->moved = false;
	loop_timer_cancel(&e->timer);
	api_resume(e->r, events_fetch);
}

static void
events_moved(struct flow_listener *l, enum flow_news news)
{
	struct events *e = CONTAINER_OF(l, struct events, listener);

	if (news != FLOW_LEAVING) {
		events_look(e);
		return;
	}
	e->leaving = true;
	if (!e->busy)
		events_flush(e);
}

static void
events_send(struct api_request *r)
{
	struct events *e = r->state;

	e->busy = false;
	if (!e->x) {
		events_end(e, false);
		return;
	}
	loop_timer_start(r->worker->loop, &e->timer, LOOK_MS, events_fire);
	events_flush(e);
}

/* It could not be looked: the client comes again. */
static void
events_lost(struct api_request *r)
{
	struct events *e = r->state;

	e->over = true;
	events_send(r);
}

/* ---- beginning ---- */

static void
events_ready(struct http_exchange *x)
{
	struct events *e = http_exchange_owner(x);

	if (e && !e->busy) /* a work thread has the text */
		events_flush(e);
}

static void
events_gone(struct http_exchange *x, int err)
{
	struct events *e = http_exchange_owner(x);

	(void)err;
	if (!e)
		return;
	e->x = NULL;
	if (!e->busy)
		events_end(e, false);
}

static const struct http_exchange_events exchange_events = {
	.ready = events_ready,
	.gone = events_gone,
};

static void
last_event_id(struct events *e)
{
	const struct http_head *h = http_exchange_head(e->x);
	uint64_t n;
	unsigned i;

	for (i = 0; i < h->count; i++)
		if (slice_eq_nocase(h->fields[i].name,
				    SLICE("Last-Event-ID")) &&
		    !slice_to_u64(h->fields[i].value, INT32_MAX, &n))
			e->seq = (int64_t)n;
}

static int
events_head(struct events *e)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
				   "Content-Type: text/event-stream\r\n"
				   "Cache-Control: no-store\r\n"
				   "X-Content-Type-Options: nosniff\r\n"
				   "X-Accel-Buffering: no\r\n"
				   "Connection: close\r\n";
	struct http_writer *w = http_exchange_writer(e->x);
	bool chunks = http_exchange_head(e->x)->minor >= 1;
	int rc = http_writer_put(w, slice_str(head));

	if (!rc && chunks)
		rc = http_writer_put(w,
				     SLICE("Transfer-Encoding: chunked\r\n"));

	if (!rc)
		rc = http_writer_put(w, buf_slice(&e->r->fields));
	if (!rc)
		rc = http_writer_put(w, SLICE("\r\n"));
	http_exchange_close_after(e->x);
	http_writer_start_body(
		w, chunks ? HTTP_BODY_CHUNKED : HTTP_BODY_UNTIL_CLOSE, 0);
	return rc;
}

static void
events_start(struct api_request *r)
{
	struct events *e = r->state;

	if (!r->x) {
		api_finish(r);
		return;
	}
	if (flow_listening(r->worker->flows, e->id) >= STREAMS_MAX) {
		api_retry_after(r, 10);
		api_problem(r, CONNECT_P_RATE_LIMITED,
			    "Close one of the others.",
			    "Too many streams of this conversation are open.");
		api_finish(r);
		return;
	}
	e->x = r->x;
	e->leaving = flow_worker_leaves(r->worker->flows);
	last_event_id(e);
	if (events_head(e)) {
		api_finish(r);
		return;
	}
	http_exchange_set_owner(e->x, e);
	http_exchange_set_events(e->x, &exchange_events);
	http_exchange_touch(e->x, 0);
	e->listener.moved = events_moved;
	slice_copy(slice_str(e->id), e->listener.id, sizeof(e->listener.id));
	flow_listen(r->worker->flows, &e->listener);
	r->lost = events_lost;
	events_look(e);
}

int
api_talk_events(struct api_request *r)
{
	struct flow_talk talk;
	struct events *e;
	int64_t after;
	int rc;

	if (!api_talk_after(r, &after))
		return 0;
	rc = api_talk_find(r, &talk);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	e = calloc(1, sizeof(*e));
	if (e) {
		e->r = r;
		e->seq = after;
		e->step = -1;
		e->by_actor = r->actor != NULL;
		memcpy(e->id, talk.id, sizeof(e->id));
		buf_init(&e->out, 2 * EVENTS_MAX);
		r->state = e;
		r->state_free = events_free;
		r->later = events_start;
	}
	flow_talk_release(&talk);
	return e ? API_PENDING : ERR_NOMEM;
}
