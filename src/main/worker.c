/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker of the front: one loop, one thread, one of everything that a call
 * needs.
 *
 *   socket -> http -> /via/…        gateway -> call -> connect -> egress
 *                  -> /v1, pages …  api (on work threads)
 *                  -> the rest      studio
 *
 * Workers share listening sockets, the read-only policy and nothing that is
 * locked on the way of a call.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "main/front_priv.h"
#include "studio/studio.h"

enum {
	HEAD_MS = 10 * 1000,
	IDLE_MS = 75 * 1000,
	BODY_MS = 60 * 1000,
	OWN_FILES = 256,   /* descriptors that are not connections */
	FLOW_SLOTS = 2048, /* calls of conversations at a time, at most */
};

static void
worker_request(struct http_exchange *x, void *arg)
{
	struct front_worker *w = arg;
	const struct http_head *h = http_exchange_head(x);

	if (gateway_takes(h->target))
		gateway_handle(w->gateway, x);
	else if (studio_takes(h))
		studio_handle(x);
	else
		api_handle(w->api, x);
}

static void
worker_refuse(struct http_exchange *x, int status, const char *why, void *arg)
{
	(void)arg;
	gateway_refuse(x, status, why);
}

static int
worker_listen(struct front_worker *w)
{
	const struct proc_env *env = w->front->env;
	const struct proc_listener *l;
	bool is_unix;
	size_t i;
	int rc = 0;

	for (i = 0; i < env->listener_count && !rc; i++) {
		l = &env->listeners[i];
		is_unix = !strncmp(l->address, "unix:", 5);
		rc = http_server_listen(w->server, l->fd,
					is_unix ? NULL : w->front->tls,
					l->local);
	}
	return rc;
}

static int
worker_init_calls(struct front_worker *w)
{
	struct front *f = w->front;
	const struct conf *c = f->env->conf;
	struct call_worker_config config = {
		.loop = w->loop,
		.pool = f->pools[FRONT_HOUSE],
		.store = conf_bool(c, CONF_RECORDS) ? f->store : NULL,
		.egress = w->egress,
		.connections = w->connections,
		.connect_timeout_ms =
			(uint32_t)conf_number(c, CONF_CONNECT_TIMEOUT),
		.first_byte_timeout_ms =
			(uint32_t)conf_number(c, CONF_ANSWER_TIMEOUT),
		.body_timeout_ms = (uint32_t)conf_number(c, CONF_BODY_TIMEOUT),
	};

	return call_worker_new(&config, &w->calls);
}

/* Its part of the descriptors: max, but never so many that there is none for
 * what the others are for.  Half are for clients, whose calls may want a
 * connection to a service each; a quarter for calls of conversations. */
static uint32_t
worker_files(const struct front_worker *w, unsigned part, uint64_t max)
{
	struct rlimit files;
	uint64_t room;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return (uint32_t)max;
	room = files.rlim_cur > OWN_FILES ? files.rlim_cur - OWN_FILES : 0;
	room = room / part / w->front->worker_count;
	if (room < 16)
		room = 16;
	return (uint32_t)(room < max ? room : max);
}

static uint32_t
worker_max_connections(const struct front_worker *w)
{
	return worker_files(
		w, 2, conf_number(w->front->env->conf, CONF_MAX_CONNECTIONS));
}

static int
worker_init_flows(struct front_worker *w)
{
	struct flow_worker_config config = {
		.loop = w->loop,
		.calls = w->calls,
		.slots = worker_files(w, 4, FLOW_SLOTS),
	};

	return flow_worker_new(w->front->flows, &config, &w->flows);
}

static int
worker_init_server(struct front_worker *w)
{
	struct http_server_config config = {
		.head_timeout_ms = HEAD_MS,
		.idle_timeout_ms = IDLE_MS,
		.body_timeout_ms = BODY_MS,
		.max_connections = worker_max_connections(w),
		.proxies = &w->front->proxies,
		.request = worker_request,
		.refuse = worker_refuse,
		.arg = w,
	};
	int rc = http_server_new(w->loop, &config, &w->server);

	return rc ? rc : worker_listen(w);
}

int
front_worker_init(struct front_worker *w, struct front *f)
{
	int rc;

	w->front = f;
	rc = loop_new(&w->loop);
	if (!rc)
		rc = egress_new(w->loop, f->pools[FRONT_NAMES], f->policy,
				&w->egress);
	if (!rc)
		rc = people_view_new(f->people, w->loop, &w->people);
	if (!rc)
		rc = connect_view_new(f->views, w->loop, &w->connections);
	if (!rc)
		rc = worker_init_calls(w);
	if (!rc)
		rc = gateway_new(w->calls, w->people,
				 conf_bool(f->env->conf, CONF_SCRUB),
				 &w->gateway);
	if (!rc)
		rc = worker_init_flows(w);
	if (!rc)
		rc = api_worker_new(f->api, w->loop, w->calls, w->flows,
				    &w->api);
	return rc ? rc : worker_init_server(w);
}

static void
worker_free_parts(struct front_worker *w)
{
	http_server_free(w->server);
	gateway_free(w->gateway);
	api_worker_free(w->api);
	flow_worker_free(w->flows);
	call_worker_free(w->calls);
	connect_view_free(w->connections);
	people_view_free(w->people);
	if (w->egress)
		egress_free(w->egress);
	w->server = NULL;
	w->gateway = NULL;
	w->api = NULL;
	w->flows = NULL;
	w->calls = NULL;
	w->connections = NULL;
	w->people = NULL;
	w->egress = NULL;
}

static void *
worker_thread(void *arg)
{
	struct front_worker *w = arg;

	loop_run(w->loop);
	worker_free_parts(w);
	return NULL;
}

int
front_worker_start(struct front_worker *w)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, worker_thread, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->running = !rc;
	return rc ? ERR_SYSTEM : 0;
}

/* ---- the end, step by step ---- */

static void
worker_is_drained(void *arg)
{
	struct front_worker *w = arg;

	if (w->drained)
		return;
	w->drained = true;
	front_worker_drained(w->front);
}

static void
worker_has_left(void *arg)
{
	struct front_worker *w = arg;

	if (w->left)
		return;
	w->left = true;
	front_worker_drained(w->front);
}

static void
worker_drain(struct loop_task *task)
{
	struct front_worker *w = CONTAINER_OF(task, struct front_worker, drain);

	flow_worker_leave(w->flows, worker_has_left, w);
	http_server_drain(w->server, w->gentle, worker_is_drained, w);
}

void
front_worker_drain(struct front_worker *w)
{
	w->gentle = w->front->env->gentle;
	w->drain.run = worker_drain;
	loop_post(w->loop, &w->drain);
}

static void
worker_hurry(struct loop_task *task)
{
	struct front_worker *w = CONTAINER_OF(task, struct front_worker, hurry);

	if (!w->drained)
		http_server_drain(w->server, false, worker_is_drained, w);
}

void
front_worker_hurry(struct front_worker *w)
{
	w->hurry.run = worker_hurry;
	loop_post(w->loop, &w->hurry);
}

static void
worker_close(struct loop_task *task)
{
	struct front_worker *w = CONTAINER_OF(task, struct front_worker, close);

	http_server_free(w->server);
	w->server = NULL;
}

void
front_worker_close(struct front_worker *w)
{
	w->close.run = worker_close;
	loop_post(w->loop, &w->close);
	front_worker_barrier(w);
}

struct barrier {
	struct loop_task task;
	pthread_mutex_t mutex;
	pthread_cond_t reached;
	bool done;
};

static void
barrier_reached(struct loop_task *task)
{
	struct barrier *b = CONTAINER_OF(task, struct barrier, task);

	pthread_mutex_lock(&b->mutex);
	b->done = true;
	pthread_cond_signal(&b->reached);
	pthread_mutex_unlock(&b->mutex);
}

void
front_worker_barrier(struct front_worker *w)
{
	struct barrier b = { .task = { .run = barrier_reached },
			     .mutex = PTHREAD_MUTEX_INITIALIZER,
			     .reached = PTHREAD_COND_INITIALIZER };

	loop_post(w->loop, &b.task);
	pthread_mutex_lock(&b.mutex);
	while (!b.done)
		pthread_cond_wait(&b.reached, &b.mutex);
	pthread_mutex_unlock(&b.mutex);
	pthread_mutex_destroy(&b.mutex);
	pthread_cond_destroy(&b.reached);
}

void
front_worker_stop(struct front_worker *w)
{
	if (!w->running) {
		worker_free_parts(w);
		return;
	}
	loop_stop(w->loop);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void
front_worker_release(struct front_worker *w)
{
	if (w->loop)
		loop_free(w->loop);
	w->loop = NULL;
}
