/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name look-up: getaddrinfo(3) on a work thread, so that /etc/hosts and the
 * system's resolver settings hold.
 *
 * A name server that is silent holds a thread for many seconds.  So that it
 * holds up no other names, who asks for a name that is being looked up waits
 * for that answer, a name whose askers are all gone is not begun, and one
 * that is under way by then is kept for the next who asks.
 */
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "net/net.h"

struct net_resolve_job {
	struct loop_work work;
	struct net_resolver *resolver; /* NULL: being answered, or it ended */
	struct net_resolve_job *next, **prev; /* of the resolver's */
	struct net_resolve *first, **last;    /* who waits */
	atomic_bool off; /* nobody waits: not to be begun */
	bool skipped;	 /* the thread has seen off, and not begun */
	char *host;
	int err;
	unsigned count;
	struct net_addr addrs[NET_RESOLVE_MAX]; /* without a port */
};

/* ---- in the work thread ---- */

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

	job->skipped = atomic_load(&job->off);
	if (job->skipped)
		return;
	if (getaddrinfo(job->host, NULL, &hints, &list)) {
		job->err = ERR_RESOLVE;
		return;
	}
	for (ai = list; ai && job->count < NET_RESOLVE_MAX; ai = ai->ai_next) {
		a = &job->addrs[job->count];
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		if (ai->ai_addrlen > sizeof(a->u))
			continue;
		memcpy(&a->u, ai->ai_addr, ai->ai_addrlen);
		a->len = ai->ai_addrlen;
		job->count++;
	}
	freeaddrinfo(list);
	if (!job->count)
		job->err = ERR_RESOLVE;
}

/* ---- who waits ---- */

static void
job_join(struct net_resolve_job *job, struct net_resolve *r)
{
	r->job = job;
	r->next = NULL;
	r->prev = job->last;
	*job->last = r;
	job->last = &r->next;
	atomic_store(&job->off, false);
}

static void
job_leave(struct net_resolve_job *job, struct net_resolve *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		job->last = r->prev;
	r->job = NULL;
	if (!job->first)
		atomic_store(&job->off, true);
}

static void
resolve_answer(struct net_resolve *r, const struct net_resolve_job *job)
{
	unsigned i;

	r->count = job->count;
	for (i = 0; i < job->count; i++) {
		r->addrs[i] = job->addrs[i];
		if (r->addrs[i].u.sa.sa_family == AF_INET)
			r->addrs[i].u.in.sin_port = htons(r->port);
		else
			r->addrs[i].u.in6.sin6_port = htons(r->port);
	}
}

/* ---- jobs ---- */

static void
job_unlink(struct net_resolve_job *job)
{
	*job->prev = job->next;
	if (job->next)
		job->next->prev = job->prev;
	job->resolver = NULL;
}

static void
job_link(struct net_resolve_job *job, struct net_resolver *n)
{
	job->resolver = n;
	job->next = n->jobs;
	job->prev = &n->jobs;
	if (job->next)
		job->next->prev = &job->next;
	n->jobs = job;
}

static void
job_free(struct net_resolve_job *job)
{
	free(job->host);
	free(job);
}

static void
job_done(struct loop_work *w)
{
	struct net_resolve_job *job =
		CONTAINER_OF(w, struct net_resolve_job, work);
	struct net_resolver *n = job->resolver;
	struct net_resolve *r;

	if (n && job->skipped && job->first) { /* who came after all */
		if (loop_work_offer(n->pool, w, NET_RESOLVE_WAITING_MAX))
			return;
		job->err = ERR_BUSY;
	}
	/* Who is told may ask anew, and call others off that wait here. */
	if (n)
		job_unlink(job);
	while ((r = job->first)) {
		job_leave(job, r);
		resolve_answer(r, job);
		r->done(r, job->err);
	}
	job_free(job);
}

static int
job_start(struct net_resolver *n, const char *host,
	  struct net_resolve_job **out)
{
	struct net_resolve_job *job = calloc(1, sizeof(*job));

	if (!job || !(job->host = strdup(host))) {
		free(job);
		return ERR_NOMEM;
	}
	job->last = &job->first;
	job->work.work = resolve_work;
	job->work.done = job_done;
	job->work.loop = n->loop;
	if (!loop_work_offer(n->pool, &job->work, NET_RESOLVE_WAITING_MAX)) {
		job_free(job);
		return ERR_BUSY;
	}
	job_link(job, n);
	*out = job;
	return 0;
}

static struct net_resolve_job *
job_of(struct net_resolver *n, const char *host)
{
	struct net_resolve_job *job = n->jobs;

	while (job && strcmp(job->host, host) != 0)
		job = job->next;
	return job;
}

/* ---- the door ---- */

void
net_resolver_begin(struct net_resolver *n, struct loop *l,
		   struct loop_pool *pool)
{
	*n = (struct net_resolver){ .loop = l, .pool = pool };
}

void
net_resolver_end(struct net_resolver *n)
{
	while (n->jobs)
		job_unlink(n->jobs);
}

int
net_resolve_start(struct net_resolve *r, struct net_resolver *n,
		  const char *host, uint16_t port,
		  void (*done)(struct net_resolve *, int))
{
	struct net_resolve_job *job = job_of(n, host);
	int rc = 0;

	r->done = done;
	r->count = 0;
	r->port = port;
	r->job = NULL;
	if (!job)
		rc = job_start(n, host, &job);
	if (!rc)
		job_join(job, r);
	return rc;
}

void
net_resolve_cancel(struct net_resolve *r)
{
	if (r->job)
		job_leave(r->job, r);
}
