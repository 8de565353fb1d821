/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of api/: everything that the front answers beside /via.
 *
 * /v1 (JSON), the consent pages (/connect/…, /oauth/…), the owner's
 * first page (/setup/…), and /healthz, /readyz, /metrics.  One table of
 * routes says what there is; docs/openapi.yaml says the same to others.
 *
 *   worker's loop: route -> collect the body -> lift secrets
 *   work thread:   who asks? -> may he? -> the route's handler
 *   worker's loop: answer
 *
 * The only folder that turns objects into JSON.  Runs in the front.
 */
#ifndef API_API_H
#define API_API_H

#include "audit/audit.h"
#include "call/call.h"
#include "flow/flow.h"

struct api;	   /* one a front */
struct api_worker; /* one a worker */

/* Whoever waits to hear whether calls can be made. */
struct api_ready {
	struct loop *loop; /* where told is called */
	void (*told)(struct loop_task *task);
	struct loop_task task;
	const char *why; /* not: static text for people; NULL: they can */
	struct api_ready *next;
};

/* A role that has ended although nobody wanted it to: how often, and how often
 * because it hung. */
struct api_deaths {
	const char *role; /* static */
	uint64_t ended, hung;
};

struct api_config {
	struct loop_pool *pool;
	/* What takes a password hash, and what watches over the server, run
	 * apart, so that neither waits for the other or for the rest; NULL:
	 * they run in pool. */
	struct loop_pool *passwords, *watch;
	/* What waits for providers, apart for the same reason.  Not NULL. */
	struct loop_pool *providers;
	struct store *store;
	struct people_views *people;
	struct connect_front *connect;
	struct flow_engine *flows;
	const char *public_url; /* "https://bridge.example", no slash behind */
	const char *version;	/* Drawbridge's own, for /healthz */
	const char *data;	/* the data folder, for backups; borrowed */
	bool shared;		/* another front is at the folder, too */
	/* Asks whether calls can be made now, for /readyz, on a loop: w->told
	 * is called later.  May be NULL: they can. */
	void (*ready)(struct api_ready *w, void *arg);
	/* Of each role, for /metrics: start with *cursor = 0; false at the
	 * end.  From any thread.  May be NULL. */
	bool (*deaths)(size_t *cursor, struct api_deaths *out, void *arg);
	void *arg;
};

/* Strings are copied; the rest is borrowed until api_free. */
int api_new(const struct api_config *c, struct api **out);
/* No other front is at the folder any more.  On the main loop. */
void api_alone(struct api *a);
/* All workers' parts must be free. */
void api_free(struct api *a);

/* calls: for tests of connections, and for its counters. */
int api_worker_new(struct api *a, struct loop *l, struct call_worker *calls,
		   struct flow_worker *flows, struct api_worker **out);
/* All exchanges must be over. */
void api_worker_free(struct api_worker *w);

/* Takes over an exchange whose target is not the gateway's. */
void api_handle(struct api_worker *w, struct http_exchange *x);
/* Answers a malformed request (http_server_config.refuse). */
void api_refuse(struct http_exchange *x, int status, const char *why);

/*
 * Walks the table of routes: start with *cursor = 0; false at the end.
 * Method and path template ("/v1/connections/{link}"), borrowed for good.
 */
bool api_route_next(size_t *cursor, const char **method, const char **path);

/* How long what is kept, in ms; 0: for good.  A conversation whose visitor has
 * been silent for silent_ms is over. */
struct api_keep {
	int64_t calls_ms, talks_ms, silent_ms;
};

/* Housekeeping, once an hour on a work thread: forgets what has expired, in
 * small transactions.  1: there is more than one run takes. */
int api_tidy(struct api *a, const struct api_keep *keep);

#endif
