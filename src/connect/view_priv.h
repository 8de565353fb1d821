/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the call path's side (view*.c).
 */
#ifndef CONNECT_VIEW_PRIV_H
#define CONNECT_VIEW_PRIV_H

#include <pthread.h>

#include "connect/connect_priv.h"

struct connect_views {
	struct store *store;
	struct loop_pool *pool;
	struct loop_circle circle; /* of the views */
	pthread_mutex_t mutex;	   /* of all that follows */
	struct catalog *catalog;
	struct loop *keeper_loop; /* NULL: not attached yet */
	struct proc_channel *keeper;
	struct view_ask *unattached; /* asked before the keeper was there */
};

struct connect_view {
	struct connect_views *all;
	struct loop_peer peer;
	struct loop *loop;
	struct table *entries; /* by link */
	struct table *unknown; /* links that were not there just now */
	struct table *loading; /* struct view_load by link */
	struct table *asking;  /* struct view_ask by what is asked */
	uint64_t unknown_since_ms;
};

/* Users whose grants are in trouble, or were since this was loaded. */
struct view_users {
	struct table *by_subject; /* NULL: none */
	bool more;		  /* than were loaded */
};

/* What was noted last of a grant's health. */
struct view_trouble {
	uint64_t troubled_ms; /* when there last was trouble; 0 */
	uint64_t written_ms;
	unsigned weight;     /* of what was written; 0: not known */
	uint64_t generation; /* likewise */
	int64_t retry_at;    /* likewise; wall clock, 0: not told */
};

struct view_entry {
	struct connect_entry seen; /* what callers get */
	char link[51];
	struct connect_injection *injection; /* of the connection itself */
	struct table *by_user;		     /* per user: injections */
	struct view_users users;
	struct view_trouble trouble; /* of the connection itself */
};

/* ---- view_snapshot.c: immutable things ---- */

/* The connection of this link as the store has it, on a work thread.
 * ERR_NOT_FOUND, ERR_STORE.  *out has one reference; release *users. */
int view_snapshot_load(struct connect_views *v, struct catalog *catalog,
		       const char *link, struct connect_snapshot **out,
		       struct view_users *users);
/* The same with another status; NULL when out of memory. */
struct connect_snapshot *view_snapshot_with(const struct connect_snapshot *s,
					    enum connect_status status,
					    const char *reason);
/* Takes what the message owns; NULL when out of memory. */
struct connect_injection *view_injection_new(struct connect_msg_injection *m);

/* ---- view.c ---- */

void view_wait_add(struct connect_wait **list, struct connect_wait *w);
/* Takes w off its list and calls done. */
void view_wait_finish(struct connect_wait *w, int err);
struct view_entry *view_entry_find(struct connect_view *v, const char *link);
void view_entry_set_snapshot(struct view_entry *e,
			     struct connect_snapshot *s /* taken */);
/* Replaces; takes the injection (NULL: removes). */
void view_entry_set_injection(struct view_entry *e, const char *subject,
			      struct connect_injection *i);
/* A work thread: returns when no view has the injection that it had for this
 * subject; the rest of the entry stays. */
void view_withdraw_injection(struct connect_views *v, const char *link,
			     const char *subject);
struct connect_injection *view_entry_injection(const struct view_entry *e,
					       const char *subject);

/* ---- view_health.c ---- */

/* Those of a connection who are in trouble by what the service has answered,
 * as it is stored; on a work thread.  ERR_STORE; ERR_NOMEM. */
int view_users_load(struct store_conn *c, const char *connection,
		    struct view_users *out);
/* All zero is fine, and what it is then. */
void view_users_release(struct view_users *u);

/* ---- view_ask.c: asking the keeper ---- */

/* Under the mutex: the keeper is there now. */
void view_ask_attached(struct connect_views *v);
/* The view goes: its requests under way find nobody any more. */
void view_ask_forget(struct connect_view *v);

#endif
