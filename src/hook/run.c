/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a run.
 *
 *            +--------- redirect, again ----------+
 *            v                                    |
 *   BUILD -> CALL -> (head) -> (body) -> FINISH   |
 *     |       |  \       \                  |     |
 *     |       |   +-------+------> PAUSE ---+-----+
 *     |       +-- failed -----------------> FINISH -> OVER
 *     +-- cannot be built -----------------------> OVER
 *
 * BUILD and FINISH are on a work thread, the rest on the worker's loop; so at
 * any time one thread has the run.  One deadline holds for all of it up to
 * FINISH; in BUILD it, and a cancel, tell the work thread to stop.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hook/hook_priv.h"

/* Callers have bounds of their own below this; each run takes some 10 KiB while
 * its service thinks. */
enum { RUNS_MAX = 16 * 1024, CANCELLED = 499 };

/* Of the whole process. */
static _Atomic unsigned runs;

#define TO(state) (1u << HOOK_RUN_##state)

static const unsigned moves[] = {
	[HOOK_RUN_BUILD] = TO(CALL) | TO(OVER),
	[HOOK_RUN_CALL] = TO(PAUSE) | TO(FINISH) | TO(OVER),
	[HOOK_RUN_PAUSE] = TO(CALL) | TO(FINISH) | TO(OVER),
	[HOOK_RUN_FINISH] = TO(OVER),
	[HOOK_RUN_OVER] = 0,
};

static void
run_move(struct hook_run *r, enum hook_run_state to)
{
	ASSERT(moves[r->state] & 1u << to);
	r->state = to;
}

/* ---- the end ---- */

static void
run_free(struct hook_run *r)
{
	size_t i;

	loop_timer_cancel(&r->deadline);
	loop_timer_cancel(&r->pause);
	loop_again_cancel(&r->again);
	for (i = 0; i < r->injection_count; i++)
		connect_injection_unref(r->injections[i]);
	for (i = 0; i < HOOK_REDIRECTS_MAX; i++)
		buf_wipe(&r->hop_urls[i]);
	buf_wipe(&r->next);
	buf_wipe(&r->onward);
	buf_wipe(&r->head);
	buf_wipe(&r->body);
	hook_built_release(&r->built);
	hook_result_free(r->result);
	hook_document_unref(r->config.document);
	people_actor_unref(r->config.actor);
	json_decref(r->config.values);
	free(r->subject);
	free(r);
	atomic_fetch_sub_explicit(&runs, 1, memory_order_relaxed);
}

static void
run_over(struct hook_run *r)
{
	void (*done)(void *, struct hook_result *) = r->config.done;
	struct hook_result *result = r->result;
	void *arg = r->config.arg;

	run_move(r, HOOK_RUN_OVER);
	if (result)
		result->times.total_ms =
			(int64_t)(clock_mono_us() - r->began_us) / 1000;
	r->result = NULL;
	run_free(r);
	done(arg, result);
}

static void
run_finish_work(struct loop_work *w)
{
	hook_run_finish(CONTAINER_OF(w, struct hook_run, work));
}

static void
run_finish_done(struct loop_work *w)
{
	struct hook_run *r = CONTAINER_OF(w, struct hook_run, work);

	if (r->cancelled)
		run_free(r);
	else
		run_over(r);
}

static void
run_finish(struct hook_run *r)
{
	run_move(r, HOOK_RUN_FINISH);
	loop_timer_cancel(&r->deadline);
	loop_timer_cancel(&r->pause);
	loop_again_cancel(&r->again);
	r->work.work = run_finish_work;
	r->work.done = run_finish_done;
	loop_work_start(r->config.pool, &r->work);
}

void
hook_run_no_answer(struct hook_run *r)
{
	r->status = 0;
	r->result->problem.outcome_unknown = r->sent;
	run_finish(r);
}

static const char slow_hint[] = "Raise timeout_ms if the service is slow.";

static void
run_deadline(struct loop_timer *t)
{
	struct hook_run *r = CONTAINER_OF(t, struct hook_run, deadline);
	uint32_t s = r->config.document->timeout_ms / 1000;

	if (r->state == HOOK_RUN_BUILD) {
		r->late = true;
		atomic_store_explicit(&r->stop, true, memory_order_relaxed);
		return;
	}
	if (r->state == HOOK_RUN_CALL) {
		r->call.problem.status = 504;
		r->call.problem.code = "upstream_timeout";
		hook_run_keep_injection(r);
		call_end(&r->call, 504);
	}
	hook_result_problem(r->result, "upstream_timeout", slow_hint,
			    "There was no whole answer within %u seconds.", s);
	hook_run_no_answer(r);
}

/* ---- once more ---- */

static int64_t
run_left_ms(const struct hook_run *r)
{
	uint64_t now = loop_now_ms(r->config.loop);

	return r->ends_ms > now ? (int64_t)(r->ends_ms - now) : 0;
}

static void
run_pause_over(struct loop_timer *t)
{
	struct hook_run *r = CONTAINER_OF(t, struct hook_run, pause);

	run_move(r, HOOK_RUN_CALL);
	hook_run_call(r);
}

/* Whether the attempt that has ended so is followed by another; a redirect's
 * is not: its way would have to be walked again. */
static bool
run_again(struct hook_run *r, const struct hook_outcome *o)
{
	const struct hook_document *d = r->config.document;
	int64_t delay;

	if (r->result->hop_count ||
	    !hook_retry(&d->retries, slice_str(d->method), r->built.keyed, o,
			r->result->attempts, run_left_ms(r), random_u64(),
			&delay))
		return false;
	run_move(r, HOOK_RUN_PAUSE);
	loop_timer_start(r->config.loop, &r->pause, (uint64_t)delay,
			 run_pause_over);
	return true;
}

static void
run_goes_on(struct loop_again *a)
{
	struct hook_run *r = CONTAINER_OF(a, struct hook_run, again);

	run_move(r, HOOK_RUN_CALL);
	hook_run_call(r);
}

void
hook_run_go_on(struct hook_run *r)
{
	run_move(r, HOOK_RUN_PAUSE);
	loop_again_start(r->config.loop, &r->again, run_goes_on);
}

/* ---- the answer ---- */

static void
run_take_times(struct hook_run *r)
{
	struct hook_times *t = &r->result->times;
	const struct call *c = &r->call;

	if (!c->conn->reused) {
		t->resolve_ms = c->conn->resolve_ms;
		t->connect_ms = c->conn->connect_ms;
		t->tls_ms = c->url.https ? (int64_t)c->conn->tls_ms : -1;
	}
	t->first_byte_ms = (int64_t)(c->head_us - r->began_us) / 1000;
}

/* "application/json", "application/hal+json" … */
static bool
type_is_json(struct slice type)
{
	for (; type.len >= 4; type = slice_from(type, 1))
		if (slice_starts_nocase(type, SLICE("json")))
			return true;
	return false;
}

/*
 * A piece of the bytes (RFC 9110 15.3.7): where it was cut, a secret may be
 * cut as well.  Parts in other units, as of a list's items, are whole.
 */
static bool
head_is_piece(const struct http_head *h)
{
	const struct http_field *f;
	unsigned i;

	if (h->status != 206)
		return false;
	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		if (slice_eq_nocase(f->name, SLICE("Content-Range")) &&
		    slice_starts_nocase(f->value, SLICE("bytes")))
			return true;
		if (f->id == HTTP_CONTENT_TYPE &&
		    slice_starts_nocase(f->value,
					SLICE("multipart/byteranges")))
			return true;
	}
	return false;
}

static void
run_take_head(struct hook_run *r)
{
	const struct http_head *h = &r->call.head;
	const struct http_field *f;
	unsigned i;

	buf_wipe(&r->head);
	buf_wipe(&r->body);
	r->status = h->status;
	r->truncated = false;
	r->is_piece = head_is_piece(h);
	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		if (f->hop || f->id == HTTP_SET_COOKIE)
			continue;
		buf_put_slice(&r->head, f->name);
		buf_puts(&r->head, ": ");
		buf_put_slice(&r->head, f->value);
		buf_puts(&r->head, "\r\n");
	}
	f = http_head_find(h, HTTP_CONTENT_ENCODING);
	r->coding[0] = '\0';
	if (f && slice_copy(f->value, r->coding, sizeof(r->coding)))
		memcpy(r->coding, "?", 2); /* one that nobody opens */
	f = http_head_find(h, HTTP_CONTENT_TYPE);
	r->is_json = f && type_is_json(f->value);
	buf_put_slice(&r->body, buf_slice(&r->call.peeked));
}

void
hook_run_answered(struct hook_run *r)
{
	struct call *c = &r->call;
	struct hook_outcome o = { .status = c->head.status };
	const struct http_field *f = http_head_find(&c->head, HTTP_RETRY_AFTER);

	hook_run_keep_injection(r);
	run_take_times(r);
	memcpy(r->result->consent, c->problem.consent,
	       sizeof(c->problem.consent));
	if (f)
		o.retry_after = f->value;
	if (hook_run_follows(r))
		return;
	run_take_head(r);
	if (run_again(r, &o)) {
		call_end(c, o.status);
		return;
	}
	hook_run_read(r);
}

/* There is no room for more of it. */
static void
run_overloaded(struct hook_run *r)
{
	struct call *c = &r->call;

	c->problem.status = 503;
	c->problem.code = "overloaded";
	call_end(c, 503);
	hook_run_no_answer(r);
}

/* The body broke off, or is not framed as HTTP says. */
static void
run_broken(struct hook_run *r)
{
	struct hook_outcome o = { .transport = true };
	struct call *c = &r->call;
	bool more = http_reader_bytes(&c->conn->reader).len > 0;

	c->problem.status = 502;
	c->problem.code = more ? "upstream_malformed" : "upstream_cut";
	call_end(c, 502);
	if (run_again(r, &o))
		return;
	hook_result_problem(r->result, c->problem.code, NULL,
			    more ? "The answer of %s is not framed as HTTP "
				   "says."
				 : "The answer of %s broke off.",
			    c->url.host);
	hook_run_no_answer(r);
}

void
hook_run_read(struct hook_run *r)
{
	struct call *c = &r->call;
	size_t max = r->config.document->max_bytes, room;
	struct slice data;
	int rc;

	if (c->problem.status) { /* it stalled */
		struct call_problem p = c->problem;

		call_end(c, p.status);
		hook_run_failed(r, &p);
		return;
	}
	if (r->body.len > max) { /* what was read ahead */
		r->body.len = max;
		r->truncated = true;
	}
	while (!(rc = http_reader_peek(&c->conn->reader, &data))) {
		room = max - r->body.len;
		if (!room || r->truncated) {
			r->truncated = true;
			break;
		}
		data = slice_head(data, room);
		if (!hook_hold(r->result, r->body.len + data.len)) {
			run_overloaded(r);
			return;
		}
		if (buf_put_slice(&r->body, data)) {
			r->truncated = true;
			break;
		}
		http_reader_consume(&c->conn->reader, data.len);
		call_touch(c, data.len);
	}
	if (rc == ERR_AGAIN)
		return;
	if (rc && rc != ERR_CLOSED) {
		run_broken(r);
		return;
	}
	call_end(c, r->status);
	run_finish(r);
}

void
hook_run_failed(struct hook_run *r, const struct call_problem *p)
{
	static const char *const passing[] = { "upstream_unreachable",
					       "upstream_timeout",
					       "upstream_malformed",
					       "overloaded" };
	char after[SLICE_U64_SIZE];
	struct hook_outcome o = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_LEN(passing); i++)
		if (!strcmp(p->code, passing[i]))
			o.transport = true;
	if (p->retry_after_s)
		o.retry_after = slice_u64(p->retry_after_s, after);
	if (o.transport && run_again(r, &o))
		return;
	r->result->problem.retry_after_s = p->retry_after_s;
	memcpy(r->result->consent, p->consent, sizeof(p->consent));
	/* the call's own hint is of the gateway's field */
	hook_result_problem(r->result, p->code,
			    !strcmp(p->code, "upstream_timeout") ? slow_hint
								 : p->hint,
			    "%s", p->detail);
	hook_run_no_answer(r);
}

void
hook_run_rehearsed(struct hook_run *r)
{
	run_finish(r);
}

/* ---- the beginning ---- */

static void
run_build_work(struct loop_work *w)
{
	struct hook_run *r = CONTAINER_OF(w, struct hook_run, work);
	uint64_t began = clock_mono_us();

	r->build_err = hook_build(r->config.document, r->config.values,
				  r->result->arena, &r->stop, &r->built);
	r->result->times.build_us = (int64_t)(clock_mono_us() - began);
}

static void
run_build_done(struct loop_work *w)
{
	struct hook_run *r = CONTAINER_OF(w, struct hook_run, work);
	const struct hook_document *d = r->config.document;

	if (r->cancelled) {
		run_free(r);
		return;
	}
	memcpy(r->result->unset, r->built.unset, sizeof(r->built.unset));
	r->result->unset_count = r->built.unset_count;
	r->result->repeatable =
		r->built.keyed || (!d->key && hook_document_is_repeatable(d));
	if (r->late) {
		r->result->path = hook_path_no_answer;
		hook_result_problem(r->result, "upstream_timeout", slow_hint,
				    "The time of %u seconds was over before "
				    "the request was built.",
				    d->timeout_ms / 1000);
		run_over(r);
		return;
	}
	if (r->build_err == ERR_INVALID) {
		r->result->path = hook_path_no_answer;
		hook_result_problem(r->result, "invalid_request", NULL, "%s",
				    r->built.why);
		run_over(r);
		return;
	}
	if (r->build_err) {
		hook_result_free(r->result);
		r->result = NULL;
		run_over(r);
		return;
	}
	r->target = r->built.url;
	run_move(r, HOOK_RUN_CALL);
	hook_run_call(r);
}

int
hook_run_start(const struct hook_run_config *c, struct hook_run **out)
{
	struct hook_run *r;

	*out = NULL;
	if (atomic_fetch_add_explicit(&runs, 1, memory_order_relaxed) >=
	    RUNS_MAX) {
		atomic_fetch_sub_explicit(&runs, 1, memory_order_relaxed);
		return ERR_BUSY;
	}
	r = calloc(1, sizeof(*r));
	if (r) {
		r->result = hook_result_new();
		r->subject = slice_dup(slice_str(c->subject ? c->subject : ""));
	}
	if (!r || !r->result || !r->subject) {
		if (r) {
			hook_result_free(r->result);
			free(r->subject);
		}
		free(r);
		atomic_fetch_sub_explicit(&runs, 1, memory_order_relaxed);
		return ERR_NOMEM;
	}
	r->config = *c;
	r->config.document = hook_document_ref(c->document);
	people_actor_ref(c->actor);
	json_incref(c->values);
	buf_init(&r->head, HTTP_HEAD_MAX * 2);
	buf_init(&r->body, c->document->max_bytes + CALL_PEEK_MAX);
	r->began_us = clock_mono_us();
	r->ends_ms = loop_now_ms(c->loop) + c->document->timeout_ms;
	loop_timer_start(c->loop, &r->deadline, c->document->timeout_ms,
			 run_deadline);
	r->work.work = run_build_work;
	r->work.done = run_build_done;
	r->work.loop = c->loop;
	loop_work_start(c->pool, &r->work);
	*out = r;
	return 0;
}

void
hook_run_cancel(struct hook_run *r)
{
	switch (r->state) {
	case HOOK_RUN_BUILD:
	case HOOK_RUN_FINISH:
		r->cancelled = true;
		loop_timer_cancel(&r->deadline);
		atomic_store_explicit(&r->stop, true, memory_order_relaxed);
		return;
	case HOOK_RUN_CALL:
		call_end(&r->call, CANCELLED);
		break;
	case HOOK_RUN_PAUSE:
	case HOOK_RUN_OVER:
		break;
	}
	run_free(r);
}
