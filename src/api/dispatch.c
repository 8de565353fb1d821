/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a request through the API.
 *
 *   ROUTE -> (LOOK) -> COLLECT -> WORK -> (LATER -> WORK …) -> ANSWER
 *     |        |         |                                      ^
 *     +--------+---------+--------- refused --------------------+
 *
 * ROUTE, COLLECT, LATER and ANSWER are on the worker's loop, LOOK and WORK on
 * a work thread.  No body is collected for somebody who shows no credential
 * where one is needed; whoever sends a large one has his looked up before
 * (LOOK); and all bodies together have their bounds, so that nobody fills the
 * front's memory.  The body is copied before it goes there, since the client
 * may leave at any time; secrets in it have been lifted out by then.  A client
 * that has left does not stop the work: what was begun is ended, and nobody
 * is answered.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_priv.h"

enum {
	ARENA_MAX = 8 << 20,
	ANSWER_MAX = 8 << 20,
	FIELDS_MAX = 24 * 1024,
	PASSWORDS_MAX = 64,	/* a few seconds of work */
	BODY_SMALL = 16 * 1024, /* is collected before anybody is looked up */
	BODY_FREE = 4 * 1024,	/* of each body, is not counted */
	BODY_MS = 120 * 1000,	/* for the whole of one */
	BODIES_MAX = 128 << 20, /* of all under way */
	STRANGE_BODIES_MAX = 32 << 20, /* of those, on open routes */
};

static const char json_csp[] = "default-src 'none'; frame-ancestors 'none'";

/* ---- beginning and end ---- */

static struct api_request *
request_new(struct api_worker *w, struct http_exchange *x)
{
	struct api_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->arena = arena_new(ARENA_MAX);
	if (!r->arena) {
		free(r);
		return NULL;
	}
	r->api = w->api;
	r->worker = w;
	r->x = x;
	buf_init(&r->answer, ANSWER_MAX);
	buf_init(&r->fields, FIELDS_MAX);
	http_exchange_peer(x, r->peer);
	return r;
}

static _Atomic size_t *
request_bodies(const struct api_request *r)
{
	return r->route->flags & API_OPEN ? &r->api->strange_bodies
					  : &r->api->bodies;
}

static void
request_let_go(struct api_request *r)
{
	if (r->held)
		atomic_fetch_sub(request_bodies(r), r->held);
	r->held = 0;
}

static void
request_free(struct api_request *r)
{
	size_t i;

	if (r->state && r->state_free)
		r->state_free(r->state);
	if (r->counted)
		atomic_fetch_sub(&r->api->passwords, 1);
	request_let_go(r);
	for (i = 0; i < r->secret_count; i++)
		secret_free(r->secrets[i].value);
	if (r->text) {
		secret_wipe(r->text, r->text_len);
		free(r->text);
	}
	json_decref(r->json);
	people_actor_unref(r->actor);
	buf_wipe(&r->answer);
	buf_wipe(&r->fields);
	arena_free(r->arena);
	secret_wipe(r->hash, sizeof(r->hash));
	secret_wipe(r->salt, sizeof(r->salt));
	free(r);
}

static void
request_count(struct api_request *r)
{
	atomic_fetch_add_explicit(&r->worker->requests, 1,
				  memory_order_relaxed);
	if (r->status >= 100 && r->status < 600)
		atomic_fetch_add_explicit(&r->worker->statuses[r->status / 100],
					  1, memory_order_relaxed);
}

/* Fields that every answer carries. */
static const char *
answer_fields(struct api_request *r)
{
	if (r->type)
		buf_printf(&r->fields, "Content-Type: %s%s\r\n", r->type,
			   slice_starts(slice_str(r->type), SLICE("text/"))
				   ? "; charset=utf-8"
				   : "");
	buf_printf(&r->fields,
		   "Content-Security-Policy: %s\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "X-Frame-Options: DENY\r\n"
		   "Referrer-Policy: %s\r\n"
		   "Cross-Origin-Resource-Policy: same-origin\r\n"
		   "Cache-Control: no-store\r\n",
		   r->csp ? r->csp : json_csp,
		   /* "no-referrer" would make the Origin of a page's own form
		    * "null". */
		   r->csp ? "same-origin" : "no-referrer");
	return buf_cstr(&r->fields);
}

void
api_finish(struct api_request *r)
{
	struct http_exchange *x = r->x;
	const char *fields;

	request_count(r);
	if (x) {
		http_exchange_set_owner(x, NULL);
		fields = answer_fields(r);
		if (!fields || buf_err(&r->answer))
			http_exchange_answer(x, 500, "", SLICE_NONE);
		else
			http_exchange_answer(x, r->status, fields,
					     buf_slice(&r->answer));
	}
	request_free(r);
}

/* ---- on a work thread ---- */

static int
request_read_json(struct api_request *r)
{
	if (!r->route->body_max || (r->route->flags & API_FORM))
		return 0;
	if (!r->text_len && (r->route->flags & API_NO_BODY))
		return 0;
	if (json_read(slice_of(r->text, r->text_len), r->route->body_max,
		      &r->json, &r->problem)) {
		api_problem(r, CONNECT_P_INVALID_JSON, NULL, "%s",
			    r->problem.detail);
		return API_PENDING;
	}
	return 0;
}

/* Query parameters that the route does not know. */
static int
request_check_query(struct api_request *r)
{
	struct slice rest = r->query, name, value;
	const char *const *known;
	char text[64];

	if (r->route->flags & API_ANY_QUERY)
		return 0;
	while (http_query_next(&rest, &name, &value)) {
		for (known = r->route->query; known && *known; known++)
			if (slice_eq(name, slice_str(*known)))
				break;
		if (known && *known)
			continue;
		slice_copy(slice_head(name, sizeof(text) - 1), text,
			   sizeof(text));
		if (!slice_is_utf8(slice_str(text)))
			text[0] = '\0';
		api_problem_parameter(r, text, "There is no such parameter.");
		return API_PENDING;
	}
	return 0;
}

/* Pages of other sites that may ask may read why they were refused. */
static void
request_tell_pages(struct api_request *r)
{
	if (r->route->cors && r->db && !r->cors_told)
		r->route->cors(r);
}

/* It was refused before anybody was asked; only who may read it is left. */
static int
request_refused(struct api_request *r)
{
	request_tell_pages(r);
	return 0;
}

/* Who asks, and what; then the handler. */
static int
request_handle(struct api_request *r)
{
	int rc, idempotent;

	rc = r->db ? api_auth_check(r) : 0;
	if (!rc)
		rc = request_check_query(r);
	if (!rc)
		rc = request_read_json(r);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	idempotent = (r->route->flags & API_CREATES) && r->idempotency_key[0];
	if (idempotent) {
		rc = api_idempotency_begin(r);
		if (rc)
			return rc == API_PENDING ? 0 : rc;
	}
	rc = r->route->handle(r);
	if (r->db)
		store_rollback(r->db); /* what a refusal has left open */
	if (rc < 0)
		rc = api_problem_err(r, rc, "It");
	if (idempotent)
		api_idempotency_end(r);
	return rc;
}

static void body_collect(struct api_request *r);

/* Before the body comes: somebody without a credential is refused, and one
 * who is known may go on. */
static int
request_look(struct api_request *r)
{
	int rc = api_auth_check(r);

	if (!rc)
		rc = request_check_query(r);
	if (!rc)
		rc = api_lane_find(r);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	r->later = body_collect;
	return API_PENDING;
}

/* The first time on a work thread. */
static int
request_first(struct api_request *r)
{
	int rc = request_handle(r);

	request_tell_pages(r);
	return rc;
}

static int
request_store(struct api_request *r)
{
	if (r->lost && step_fails("events.look"))
		return ERR_STORE;
	return store_acquire(r->api->config.store, &r->db);
}

/* Of what has waited in a queue, and was not begun: nobody wants it now.
 * Quick changes are made all the same, as somebody may have meant them. */
static bool
request_is_dropped(const struct api_request *r)
{
	if (!atomic_load_explicit(&r->gone, memory_order_relaxed))
		return false;
	if (r->step == request_look)
		return true;
	return r->step == request_first && !(r->route->flags & API_STAYS) &&
	       (r->lane || !strcmp(r->route->method, "GET"));
}

static void
request_work(struct loop_work *w)
{
	struct api_request *r = CONTAINER_OF(w, struct api_request, work);
	api_handler *step = r->step;
	int rc = 0;

	r->later = NULL;
	if (request_is_dropped(r))
		return;
	if (!(r->route->flags & (API_AT_ONCE | API_WATCH)))
		rc = request_store(r);
	if (!rc)
		rc = step(r);
	if (rc < 0 && !r->lost)
		api_problem_err(r, rc, "It");
	if (rc != API_PENDING)
		r->later = r->lost;
	if (r->db) {
		store_rollback(r->db);
		store_release(r->db);
	}
	r->db = NULL;
}

static void
request_done(struct loop_work *w)
{
	struct api_request *r = CONTAINER_OF(w, struct api_request, work);

	api_lane_leave(r);
	request_let_go(r); /* what there is of it now is the handler's */
	if (r->later)
		r->later(r);
	else
		api_finish(r);
}

static struct loop_pool *
request_pool(const struct api_request *r)
{
	const struct api_config *c = &r->api->config;

	if (r->waits)
		return c->pool;
	if ((r->route->flags & API_PASSWORD) && c->passwords)
		return c->passwords;
	if ((r->route->flags & API_WATCH) && c->watch)
		return c->watch;
	return c->pool;
}

static void
request_set_step(struct api_request *r, api_handler *step)
{
	r->step = step;
	r->work.work = request_work;
	r->work.done = request_done;
	r->work.loop = r->worker->loop;
}

void
api_resume(struct api_request *r, api_handler *step)
{
	request_set_step(r, step);
	if (r->route->flags & API_AT_ONCE) {
		request_work(&r->work);
		request_done(&r->work);
		return;
	}
	loop_work_start(request_pool(r), &r->work);
}

/* ---- on the loop ---- */

static void
request_gone(struct http_exchange *x, int err)
{
	struct api_request *r = http_exchange_owner(x);

	(void)err;
	if (!r)
		return;
	r->x = NULL;
	atomic_store_explicit(&r->gone, true, memory_order_relaxed);
	if (r->route && !(r->route->flags & API_STAYS) && api_lane_drop(r)) {
		http_exchange_set_owner(x, NULL);
		request_free(r);
	}
}

/* One that still waits in the lane, and whose client will not send any more:
 * that is how most of them leave.  True: x is over. */
static bool
request_left_lane(struct api_request *r)
{
	struct http_exchange *x = r->x;

	if (!http_exchange_reader(x)->hangup || (r->route->flags & API_STAYS) ||
	    !api_lane_drop(r))
		return false;
	http_exchange_set_owner(x, NULL);
	request_free(r);
	http_exchange_abort(x);
	return true;
}

static void
request_idle(struct http_exchange *x)
{
	struct api_request *r = http_exchange_owner(x);

	if (r && r->route)
		request_left_lane(r);
}

static const struct http_exchange_events request_events = {
	.ready = request_idle,
	.gone = request_gone,
};

/* A work thread is next; the client may leave meanwhile. */
static void
request_begin(struct api_request *r, api_handler *step)
{
	http_exchange_set_owner(r->x, r);
	http_exchange_set_events(r->x, &request_events);
	api_resume(r, step);
}

/* Whoever wants a password hash takes a place in the queue for them; false:
 * it is full, and the request is answered. */
static bool
request_take_place(struct api_request *r)
{
	if (!(r->route->flags & API_PASSWORD))
		return true;
	r->counted = true;
	if (atomic_fetch_add(&r->api->passwords, 1) < PASSWORDS_MAX)
		return true;
	api_retry_after(r, 5);
	api_problem(r, CONNECT_P_UNAVAILABLE, "Try again in a moment.",
		    "Too many want a password looked at.");
	api_finish(r);
	return false;
}

/* Waits in the lane for its turn, if there is room. */
static void
request_queue(struct api_request *r)
{
	struct http_exchange *x = r->x;
	int rc;

	http_exchange_set_owner(x, r);
	http_exchange_set_events(x, &request_events);
	request_set_step(r, request_first);
	rc = api_lane_enter(r);
	if (!rc) {
		request_left_lane(r);
		return;
	}
	api_retry_after(r, 5);
	if (rc == ERR_FORBIDDEN)
		api_problem(r, CONNECT_P_RATE_LIMITED,
			    "Wait for those under way.",
			    "Too many of your requests wait for services.");
	else
		api_problem(r, CONNECT_P_UNAVAILABLE, "Try again in a moment.",
			    "Too many requests wait for services.");
	api_finish(r);
}

static int
body_lift(struct api_request *r, char *text, size_t len)
{
	const struct api_lift *lift;
	struct json_secret *out;
	size_t i, count;
	int rc = 0;

	for (i = 0; i < API_LIFTS && !rc; i++) {
		lift = &r->route->lifts[i];
		if (!lift->under)
			break;
		out = r->secrets + r->secret_count;
		count = 0;
		if (r->route->flags & API_FORM)
			rc = api_form_lift(text, len, lift->names, out,
					   API_SECRETS - r->secret_count,
					   &count);
		else
			rc = json_lift_secrets(
				text, len, lift->under, lift->names, out,
				API_SECRETS - r->secret_count, &count);
		r->secret_count += count;
	}
	return rc;
}

/* A refusal of the loop's is there. */
static void
request_end_refused(struct api_request *r)
{
	if (!r->route || !r->route->cors || !r->origin_given) {
		api_finish(r);
		return;
	}
	request_begin(r, request_refused);
}

/* What cannot even be read. */
static void
body_refuse(struct api_request *r, int err)
{
	if (err == ERR_BUSY)
		api_retry_after(r, 5);
	if (err == ERR_BUSY)
		api_problem(r, CONNECT_P_UNAVAILABLE, "Try again in a moment.",
			    "Too many requests with large bodies are under "
			    "way.");
	else if (err == ERR_TOO_LARGE)
		api_problem(r, CONNECT_P_TOO_LARGE, NULL,
			    "At most %zu bytes are taken here.",
			    r->route->body_max);
	else if (err == ERR_INVALID)
		api_problem(r, CONNECT_P_INVALID_JSON, NULL,
			    "The body cannot be read; what is wrong with it "
			    "is not said, since it holds secrets.");
	else
		api_problem(r, CONNECT_P_INVALID, NULL,
			    "The body has not come whole.");
	request_end_refused(r);
}

static void
body_ready(struct http_exchange *x, struct slice body, int err, void *arg)
{
	struct api_request *r = arg;
	char *text = (char *)(uintptr_t)body.ptr; /* ours to change */

	if (err == ERR_CLOSED) {
		r->x = NULL;
		request_free(r);
		return;
	}
	if (!err && body.len && !r->route->body_max)
		err = ERR_TOO_LARGE;
	if (!err && body.len)
		err = body_lift(r, text, body.len);
	if (err) {
		body_refuse(r, err);
		return;
	}
	r->text = malloc(body.len + 1);
	if (!r->text) {
		http_exchange_abort(x);
		request_free(r);
		return;
	}
	if (body.len)
		memcpy(r->text, text, body.len);
	r->text[body.len] = '\0';
	r->text_len = body.len;
	http_exchange_drop_body(x);
	r->waits = false;
	if (api_lane_is_for(r))
		request_queue(r);
	else if (request_take_place(r))
		request_begin(r, request_first);
}

/* Takes the bytes' place among all that are under way. */
static int
body_grows(struct http_exchange *x, size_t more, void *arg)
{
	struct api_request *r = arg;
	size_t max =
		r->route->flags & API_OPEN ? STRANGE_BODIES_MAX : BODIES_MAX;
	_Atomic size_t *all = request_bodies(r);

	(void)x;
	r->text_len += more;
	if (r->text_len <= BODY_FREE)
		return 0;
	more = r->text_len - BODY_FREE - r->held;
	if (atomic_fetch_add(all, more) > max - more) {
		atomic_fetch_sub(all, more);
		return ERR_BUSY;
	}
	r->held += more;
	return 0;
}

/* On the loop, once it is clear that it may come. */
static void
body_collect(struct api_request *r)
{
	struct http_exchange *x = r->x;
	struct http_collect c = {
		.max = r->route->body_max,
		.total_ms = BODY_MS,
		.grows = body_grows,
		.ready = body_ready,
		.arg = r,
	};

	if (!x) {
		request_free(r);
		return;
	}
	/* A body that is not asked for is read over, and must be empty. */
	if (!c.max)
		c.max = 1024;
	http_exchange_set_owner(x, NULL);
	http_exchange_collect_within(x, &c);
}

/* Whether who asks is looked at before the body comes. */
static bool
request_looks_first(const struct api_request *r, const struct http_head *h)
{
	if (r->route->flags & API_PROVIDER)
		return true;
	if (r->route->flags & API_OPEN)
		return false;
	if (r->by == API_NOBODY || r->by == API_BY_TWO)
		return true;
	return r->route->body_max > BODY_SMALL &&
	       (h->body == HTTP_BODY_CHUNKED ||
		(h->body == HTTP_BODY_LENGTH &&
		 h->content_length > BODY_SMALL));
}

/* ---- beginning ---- */

static void
request_copy_field(const struct http_head *h, enum http_field_id id, char *out,
		   size_t size)
{
	const struct http_field *f = http_head_find(h, id);

	out[0] = '\0';
	if (f && slice_copy(f->value, out, size))
		memcpy(out, "?", 2); /* too long to be right */
}

/* Parameters of the path, decoded. */
static int
request_copy_params(struct api_request *r, const struct slice *params)
{
	struct buf b;
	size_t i;
	int rc = 0;

	buf_init(&b, 256);
	for (i = 0; i < API_PARAMS && params[i].ptr && !rc; i++) {
		buf_reset(&b);
		rc = codec_percent_decode(&b, params[i], false);
		if (!rc && (slice_has_control(buf_slice(&b)) ||
			    !slice_is_utf8(buf_slice(&b))))
			rc = ERR_INVALID;
		if (!rc)
			r->params[i] = arena_slice(r->arena, buf_slice(&b));
		if (!rc && !r->params[i])
			rc = ERR_NOMEM;
	}
	buf_release(&b);
	return rc;
}

static int
request_route(struct api_request *r, const struct http_head *h)
{
	struct slice params[API_PARAMS] = { 0 }, path, query;
	char allow[64];
	int rc;

	http_path_split(h->target, &path, &query);
	rc = api_route_find(h->method, path, &r->route, params, allow,
			    sizeof(allow));
	if (rc == ERR_UNSUPPORTED)
		api_field(r, "Allow", "%s", allow);
	if (rc == ERR_NOT_FOUND)
		return rc;
	r->query = slice_str(arena_slice(r->arena, query));
	return request_copy_params(r, params) ? ERR_NOT_FOUND : rc;
}

static void
request_refuse_route(struct api_request *r, int err)
{
	if (!r->route || !r->route->cors || err != ERR_UNSUPPORTED)
		r->route = NULL; /* it is none of its answers */
	if (err == ERR_UNSUPPORTED)
		api_problem(r, CONNECT_P_METHOD_NOT_ALLOWED, NULL,
			    "The methods that can be used are in Allow.");
	else
		api_problem(r, CONNECT_P_NOT_FOUND,
			    "docs/openapi.yaml lists what there is.",
			    "There is nothing under this path.");
	if (r->route)
		api_auth_read(r);
	request_end_refused(r);
}

void
api_handle(struct api_worker *w, struct http_exchange *x)
{
	const struct http_head *h = http_exchange_head(x);
	struct api_request *r = request_new(w, x);
	int rc;

	if (!r) {
		http_exchange_abort(x);
		return;
	}
	rc = request_route(r, h);
	if (rc) {
		request_refuse_route(r, rc);
		return;
	}
	api_auth_read(r);
	request_copy_field(h, HTTP_IF_MATCH, r->if_match, sizeof(r->if_match));
	request_copy_field(h, HTTP_IDEMPOTENCY_KEY, r->idempotency_key,
			   sizeof(r->idempotency_key));
	r->waits = true;
	if (!request_looks_first(r, h)) {
		body_collect(r);
		return;
	}
	http_exchange_touch(x, 0); /* it waits for us */
	request_begin(r, request_look);
}

void
api_refuse(struct http_exchange *x, int status, const char *why)
{
	static const char fields[] =
		"Content-Type: application/problem+json\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Cache-Control: no-store\r\n";
	struct buf b;

	buf_init(&b, 1024);
	buf_printf(&b,
		   "{\"code\":\"%s\",\"title\":\"%s\",\"status\":%d,"
		   "\"detail\":\"",
		   status == 431 || status == 414 ? "too_large"
						  : "invalid_request",
		   http_reason(status), status);
	codec_json_bytes(&b, slice_str(why));
	buf_puts(&b, ".\"}");
	http_exchange_answer(x, status, fields, buf_slice(&b));
	buf_release(&b);
}
