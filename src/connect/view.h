/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call path's side of connect/ (front): connections and injections.
 *
 * Each worker thread has a view of its own: tables that it alone reads, so
 * that a call takes no lock.  What is missing is loaded on a work thread
 * (the connection) or asked of the keeper (the injection) while the call
 * waits.  Snapshots and injections are immutable and shared by reference
 * count; withdrawing one reaches every view before it is answered.
 */
#ifndef CONNECT_VIEW_H
#define CONNECT_VIEW_H

#include "catalog/catalog.h"
#include "egress/egress.h"
#include "people/people.h"

enum connect_status {
	CONNECT_NOT_CONNECTED,
	CONNECT_CONNECTED,
	CONNECT_NEEDS_RECONNECT,
	CONNECT_DISABLED,
	CONNECT_REVOKED,
};

/* What the keeper has counted. */
struct connect_counts {
	/* now (to within some seconds) */
	uint64_t grants, usable, in_doubt, refreshing;
	/* of grants that each user gives for himself */
	uint64_t user_grants, user_needs_reconnect, user_degraded;
	/* since the keeper's start */
	uint64_t token_requests, refreshed, failed, kept_alive;
	uint64_t needs_reconnect, lost_in_doubt;
};

/* A connection as calls see it. */
struct connect_snapshot {
	_Atomic unsigned refs;
	char id[27];
	char org[27];
	char link[51];
	char service[64];
	enum connect_status status;
	char reason[256]; /* in plain words, with what to do */
	bool per_user;
	bool degraded; /* as an entry's, when it was loaded */
	struct people_sharing sharing;
	/* What the definition says now: where calls may go is what both this
	 * and the grant's own sealed binding allow. */
	struct binding *binding;
	/* Of binding->base_url, into which its path points. */
	struct http_url base;
	const char *base_problem; /* why there is none; NULL: there is */
	struct catalog *catalog;  /* a reference */
};

/* What one grant adds to a request.  Bytes are in locked memory. */
struct connect_injection {
	_Atomic unsigned refs;
	uint64_t generation;
	uint64_t stale_boot_ms;	 /* not to be sent from then on; 0: never */
	struct binding *binding; /* the one sealed with the grant */
	/* Ready to be copied: "Name: value\r\n…"; "name=value&…" */
	struct secret *headers; /* NULL: none */
	struct secret *query;
	struct secret *form;
	struct secret *path; /* a path prefix ("/bot<token>") */
	/* The secrets themselves, to be scrubbed from echoes. */
	struct secret **scrub;
	size_t scrub_count;
	/* Lower-case names of injected header fields. */
	char **names;
	size_t name_count;
};

void connect_snapshot_ref(struct connect_snapshot *s);
void connect_snapshot_unref(struct connect_snapshot *s);
void connect_injection_ref(struct connect_injection *i);
void connect_injection_unref(struct connect_injection *i);

struct connect_views; /* of all workers of a front */
struct connect_view;  /* of one */

/* One connection in one view; valid until the end of the loop's turn. */
struct connect_entry {
	struct connect_snapshot *snapshot;
	/* Kept by call/ until one of the two changes: the base URL's
	 * destination, and the injection that may go there. */
	struct egress_dest *base;
	const struct connect_injection *base_for;
	/* By what the service has answered last; unless per_user, where
	 * connect_view_degraded() knows it of each. */
	bool degraded;
};

/* Waiting for the store or the keeper; embedded in its owner. */
struct connect_wait {
	void (*done)(struct connect_wait *w, int err);
	struct connect_wait *next;
	struct connect_wait **prev;
	/* Why it failed, for people; and when to try again (0: unknown). */
	char detail[256];
	enum connect_status status; /* of the grant, with ERR_WRONG_STATE */
	unsigned retry_after_s;
	/* With ERR_WRONG_STATE: the refused token was itself made because the
	 * one before had been refused, not long ago. */
	bool refused_again;
};

/* 0 with *out; ERR_NOT_FOUND; or ERR_AGAIN: w->done() will be called (0:
 * look again). */
int connect_view_find(struct connect_view *v, struct slice link,
		      struct connect_wait *w, struct connect_entry **out);
/*
 * The injection of a connection for a subject ("" unless per_user).  0 with
 * *out, borrowed until the end of the turn (take a reference to keep it);
 * or ERR_AGAIN: w->done() will be called with 0 (look again) or
 *   ERR_WRONG_STATE  not connected or needs reconnect: the snapshot's status
 *                  has been renewed and tells which;
 *   ERR_BUSY       the provider throttles or is down (retry_after_s);
 *   ERR_TIMEOUT, ERR_CLOSED  the keeper does not answer.
 * A fresh injection costs one table look-up; an expired one is never given.
 */
int connect_view_inject(struct connect_view *v, struct connect_entry *e,
			const char *subject, struct connect_wait *w,
			struct connect_injection **out);
/*
 * The service has refused the token of this generation: get another.  Always
 * answers through w->done(): 0 when a newer generation is there,
 * ERR_WRONG_STATE (none to be had; refused once before for this token),
 * ERR_BUSY, ….  It goes on when nobody waits any more; then every view
 * forgets the refused one.
 */
void connect_view_refuse(struct connect_view *v, struct connect_entry *e,
			 const char *subject, uint64_t generation,
			 struct connect_wait *w);
/* Whether the service's last answers for this subject ("" unless per_user)
 * were such that connect_view_health() has something to clear. */
bool connect_view_degraded(const struct connect_entry *e, const char *subject);
/* What a service's answer says of a grant. */
struct connect_trouble {
	/* "missing_scope"; "throttled"; "token_refused", though it was just
	 * made; NULL: none, it is well.  Static. */
	const char *problem;
	char detail[192];	  /* the scope, as far as it is known; "" */
	enum catalog_limit limit; /* throttled: of what there was too much */
	int64_t wait_ms;	  /* throttled: for how long; 0: not told */
};

/*
 * Notes what the service has said: health of this subject's grant (of this
 * generation), off the hot path.  Only news are written: another trouble, or
 * the same when what was told of it is over.  It is well only when a minute
 * has gone without trouble, and a lesser trouble takes the place of another
 * only then, so that a service which throttles every other call does not
 * make a write of each.
 */
void connect_view_health(struct connect_view *v, struct connect_entry *e,
			 const char *subject, uint64_t generation,
			 const struct connect_trouble *t);
/* The same of a trouble (never of none) where the view has had to forget the
 * connection, this id, since it was called. */
void connect_view_trouble(struct connect_view *v, const char *connection,
			  const char *subject, uint64_t generation,
			  const struct connect_trouble *t);
void connect_wait_cancel(struct connect_wait *w);

/*
 * All views of a front.  pool's threads load connections from store.  The
 * catalogue and the keeper's channel come from connect_front_new() and
 * connect_front_attach(); until then look-ups wait.
 */
int connect_views_new(struct store *s, struct loop_pool *pool,
		      struct connect_views **out);
/* All views must be free. */
void connect_views_free(struct connect_views *v);
int connect_view_new(struct connect_views *all, struct loop *l,
		     struct connect_view **out);
void connect_view_free(struct connect_view *v);
/* Any thread but a worker's: returns when no view holds the connection
 * (NULL: any connection), so that no later call carries its injection. */
void connect_views_withdraw(struct connect_views *v, const char *connection);

#endif
