/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call path's side of people/: who calls, and may he?
 *
 * Each worker thread has a view of its own: a table of the keys it has seen,
 * read without locks.  What is not in the view is loaded from the store on a
 * work thread.  A changed key, member or share is withdrawn from all views
 * (people_views_withdraw) before the change is answered.
 */
#ifndef PEOPLE_VIEW_H
#define PEOPLE_VIEW_H

#include "loop/loop.h"
#include "store/store.h"

enum people_role {
	PEOPLE_CALLER, /* a key that can only call */
	PEOPLE_VIEWER,
	PEOPLE_BUILDER,
	PEOPLE_ADMIN,
	PEOPLE_OWNER,
};

/* Who is acting: a member by session, local socket or key; or a caller key.
 * Immutable, shared by threads by reference count. */
struct people_actor {
	_Atomic unsigned refs;
	enum people_role role;
	char org[27];
	char member[27]; /* the member, also behind a key */
	char key[27];	 /* "" when signed in by session or local socket */
	/* A published flow, on behalf of who published it; else "".  Whether
	 * he may use the connections below was asked when he did. */
	char flow[27];
	char name[128];	    /* the member's or key's name, for records */
	int64_t expires_at; /* wall ms; 0: never */
	/* caller keys and flows; NULL / 0: no restriction */
	char **connections; /* connection ids */
	size_t connection_count;
	char **methods;
	size_t method_count;
	char **path_prefixes;
	size_t path_prefix_count;
	uint32_t rate_per_minute;
	_Atomic int64_t rate_tat; /* GCRA: theoretical arrival, mono µs */
	_Atomic bool withdrawn; /* from the views: see people_actor_stands() */
};

void people_actor_ref(struct people_actor *a);
void people_actor_unref(struct people_actor *a); /* NULL is fine */
/*
 * Whether an actor out of a view still stands for who he was made of: false
 * once his key was withdrawn or has expired (also when it was withdrawn with
 * all others, and would be found anew).  For whoever has kept him a while.
 */
bool people_actor_stands(const struct people_actor *a);

/* Who a thing belongs to and is shared with. */
struct people_sharing {
	char owner[27];
	bool everyone_may_use;
	bool everyone_may_manage;
	char **users; /* member ids that may use */
	size_t user_count;
	char **managers;
	size_t manager_count;
};

/*
 * The one decision of the call path: may actor call this connection with
 * this method and path (as the service will see it)?  0; ERR_NOT_FOUND
 * when he may not even know of it; ERR_FORBIDDEN with *why.
 * Takes from the rate limit: ERR_BUSY with *retry_after_s.
 * A path without ptr is not known yet: then people_may_call_path() has to be
 * asked as soon as it is.
 */
int people_may_call(struct people_actor *actor, const char *connection_id,
		    const struct people_sharing *sharing, struct slice method,
		    struct slice path, const char **why,
		    unsigned *retry_after_s);

/* Only whether the path is one that the actor may call: 0, or ERR_FORBIDDEN
 * with *why.  Takes nothing from the rate limit. */
int people_may_call_path(const struct people_actor *actor, struct slice path,
			 const char **why);
/* The same for a call without a connection, to the public Internet: never
 * ERR_NOT_FOUND.  A caller's key is for its connections alone. */
int people_may_call_bare(struct people_actor *actor, const char **why);

/* ---- views ---- */

struct people_views; /* of all workers of a front */
struct people_view;  /* of one */

int people_views_new(struct store *s, struct loop_pool *pool,
		     struct people_views **out);
void people_views_free(struct people_views *v);
int people_view_new(struct people_views *all, struct loop *l,
		    struct people_view **out);
void people_view_free(struct people_view *v);

/* Waiting for a look-up; embedded in its owner. */
struct people_wait {
	/* err: 0 with actor (borrowed; take a reference to keep it), or
	 * ERR_NOT_FOUND (no such key, revoked, expired), ERR_STORE. */
	void (*done)(struct people_wait *w, int err,
		     struct people_actor *actor);
	struct people_wait *next;
	struct people_wait **prev;
};

/*
 * The actor of a key text ("dbk_…").  0 with *out (borrowed until the loop's
 * turn ends; no lock, no allocation); ERR_NOT_FOUND; or ERR_AGAIN: w->done
 * will be called.  Unknown keys are remembered for a second, boundedly.
 */
int people_view_key(struct people_view *v, struct slice key,
		    struct people_wait *w, struct people_actor **out);
void people_wait_cancel(struct people_wait *w);

/* Any thread but a worker's: returns when no view holds the key (key id;
 * NULL: all keys). */
void people_views_withdraw(struct people_views *v, const char *key_id);

#endif
