/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files that put the front together.
 */
#ifndef MAIN_FRONT_PRIV_H
#define MAIN_FRONT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "gateway/gateway.h"
#include "proc/proc.h"

struct front;

/* One event loop for calls, on a thread of its own: all that a call needs is
 * here, and shared with no other worker. */
struct front_worker {
	struct front *front;
	pthread_t thread;
	bool running;
	struct loop *loop;
	struct http_server *server;
	struct egress *egress;
	struct people_view *people;
	struct connect_view *connections;
	struct call_worker *calls;
	struct gateway *gateway;
	struct flow_worker *flows;
	struct api_worker *api;
	struct loop_task drain, hurry, close, barrier, stop, turns;
	bool gentle, drained, left;
};

/*
 * Work threads by what they wait for, so that who waits long holds up none
 * but his like.
 */
enum front_pool {
	FRONT_NAMES,	 /* name look-up: name servers */
	FRONT_LOOKUPS,	 /* a call's key and connection: the database */
	FRONT_HOUSE,	 /* records, notices, readiness, housekeeping */
	FRONT_API,	 /* the API: the database, the keeper */
	FRONT_PROVIDERS, /* the API: other people's servers (api/lane.c) */
	FRONT_PASSWORDS, /* Argon2: a core and 64 MiB each */
	FRONT_FLOWS,	 /* moves of conversations: the disk */
	FRONT_POOLS,
};

/* Whether the front is ready, as it was found within the last second. */
struct front_ready {
	pthread_mutex_t mutex;
	struct loop_work work;
	struct api_ready *waiting;
	bool asking;
	const char *why;   /* it is not; NULL: it is */
	uint64_t until_ms; /* the answer holds */
};

struct front {
	struct proc_env *env;
	struct loop *loop; /* the channels' */
	struct loop_pool *pools[FRONT_POOLS];
	struct front_ready ready;
	struct store *store;
	struct egress_policy *policy;
	struct net_tls *tls; /* NULL: plain */
	struct http_proxies proxies;
	struct people_views *people;
	struct connect_views *views;
	struct connect_front *connect;
	struct proc_channel *keeper;
	struct flow_engine *flows;
	struct api *api;
	char public_url[512];
	char boot_id[37]; /* of this boot of the machine; "": not known */
	struct front_worker *workers;
	unsigned worker_count;
	_Atomic unsigned not_turned; /* workers, since the parent has asked */
	struct {
		_Atomic uint64_t ended, hung;
	} deaths[PROC_ROLES];
	/* the end */
	struct loop_timer drain_timer;
	struct loop_timer tidy_timer;
	struct loop_work tidy;
	bool tidying, tidy_again;
	_Atomic bool stopping;
	pthread_t closer;
	struct loop_task drained_task;
	_Atomic unsigned draining;
};

/* ---- worker.c ---- */

int front_worker_init(struct front_worker *w, struct front *f);
/* Starts its thread. */
int front_worker_start(struct front_worker *w);
/* Stops accepting; counts down front->draining, twice. */
void front_worker_drain(struct front_worker *w);
/* After that, if it was gentle: waits for nobody who has no call under way. */
void front_worker_hurry(struct front_worker *w);
/* Closes what is still open, and waits until that is done. */
void front_worker_close(struct front_worker *w);
/* Returns when the worker's loop has run everything posted before. */
void front_worker_barrier(struct front_worker *w);
/* Ends the thread and frees all but the loop. */
void front_worker_stop(struct front_worker *w);
void front_worker_release(struct front_worker *w);

/* ---- ready.c ---- */

void front_ready_init(struct front_ready *r);
/* api_config.ready; arg: the front. */
void front_ready_ask(struct api_ready *w, void *arg);

/* ---- alive.c ---- */

/* proc_env.beat, proc_env.deaths. */
void front_beat(struct proc_env *env);
void front_deaths(struct proc_env *env,
		  const struct proc_deaths deaths[PROC_ROLES]);
/* api_config.deaths; arg: the front. */
bool front_deaths_next(size_t *cursor, struct api_deaths *out, void *arg);

/* ---- settled.c ---- */

/* Before the sandbox. */
void front_settled_init(struct front *f);
/* At the start: what the front before took for the time.  A store that fails
 * is logged. */
void front_settled_begin(const struct front *f, struct store_conn *c);
/* Notes it for the next one. */
void front_settled_keep(const struct front *f, struct store_conn *c);

/* ---- front.c ---- */

int front_main(struct proc_env *env);
/* Called on a worker's thread when its last request is over, and when the last
 * call of its conversations is. */
void front_worker_drained(struct front *f);

#endif
