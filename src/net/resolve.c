/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name look-up: getaddrinfo(3) on a work thread, so that /etc/hosts and the
 * system's resolver settings hold.
 *
 * A look-up that was called off is not begun, or goes on in its thread; its
 * job is freed when it comes back.  A name server that is silent holds a
 * thread for many seconds: whom it has kept waiting in vain, it keeps no
 * thread for later.
 */
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "net/net.h"

struct net_resolve_job {
	struct loop_work work;
	struct net_resolve *owner; /* NULL: called off; the loop's */
	atomic_bool off;	   /* the same, for the thread */
	char *host;
	uint16_t port;
	int err;
	unsigned count;
	struct net_addr addrs[NET_RESOLVE_MAX];
};

static void
resolve_work(struct loop_work *w)
{
	struct net_resolve_job *job =
		CONTAINER_OF(w, struct net_resolve_job, work);
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG,
	};
	struct addrinfo *list = NULL, *ai;
	struct net_addr *a;

	if (atomic_load(&job->off))
		return;
	if (getaddrinfo(job->host, NULL, &hints, &list)) {
		job->err = ERR_RESOLVE;
		return;
	}
	for (ai = list; ai && job->count < NET_RESOLVE_MAX; ai = ai->ai_next) {
		a = &job->addrs[job->count];
		if (ai->ai_addrlen > sizeof(a->u))
			continue;
		memcpy(&a->u, ai->ai_addr, ai->ai_addrlen);
		a->len = ai->ai_addrlen;
		if (ai->ai_family == AF_INET)
			a->u.in.sin_port = htons(job->port);
		else if (ai->ai_family == AF_INET6)
			a->u.in6.sin6_port = htons(job->port);
		else
			continue;
		job->count++;
	}
	freeaddrinfo(list);
	if (!job->count)
		job->err = ERR_RESOLVE;
}

static void
resolve_free(struct net_resolve_job *job)
{
	free(job->host);
	free(job);
}

static void
resolve_done(struct loop_work *w)
{
	struct net_resolve_job *job =
		CONTAINER_OF(w, struct net_resolve_job, work);
	struct net_resolve *r = job->owner;
	int err = job->err;

	if (r) {
		memcpy(r->addrs, job->addrs, sizeof(r->addrs));
		r->count = job->count;
		r->job = NULL;
	}
	resolve_free(job);
	if (r)
		r->done(r, err);
}

int
net_resolve_start(struct net_resolve *r, struct loop *l, struct loop_pool *pool,
		  const char *host, uint16_t port,
		  void (*done)(struct net_resolve *, int))
{
	struct net_resolve_job *job = calloc(1, sizeof(*job));

	r->job = NULL;
	r->count = 0;
	r->done = done;
	if (!job || !(job->host = strdup(host))) {
		free(job);
		return ERR_NOMEM;
	}
	job->port = port;
	job->owner = r;
	job->work.work = resolve_work;
	job->work.done = resolve_done;
	job->work.loop = l;
	if (!loop_work_offer(pool, &job->work, NET_RESOLVE_WAITING_MAX)) {
		resolve_free(job);
		return ERR_BUSY;
	}
	r->job = job;
	return 0;
}

void
net_resolve_cancel(struct net_resolve *r)
{
	if (!r->job)
		return;
	r->job->owner = NULL;
	atomic_store(&r->job->off, true);
	r->job = NULL;
}
