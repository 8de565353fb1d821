/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of egress/.
 */
#ifndef EGRESS_EGRESS_PRIV_H
#define EGRESS_EGRESS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "egress/egress.h"

/*
 *   (opening) -> LENT <-> IDLE
 *                  |        |
 *                  +-> DEAD <+
 */
enum wire_state { WIRE_LENT, WIRE_IDLE, WIRE_DEAD };

enum { EGRESS_CONNECTIONS_MAX = 4096 }; /* to a destination, of a loop */

/* An outgoing connection with its insides. */
struct egress_wire {
	struct egress_conn conn; /* what the borrower sees */
	struct egress_dest *dest;
	struct net_stream stream;
	struct loop_io io;
	struct loop_timer timer; /* while idle */
	enum wire_state state;
	uint64_t born_ms;
	struct net_addr addr;	  /* where it goes */
	uint64_t judged;	  /* in which round of its egress */
	struct egress_wire *next; /* idle, newest first; or dead */
	struct egress_wire **prev;
};

enum { EGRESS_TRUST_ID = 64 + 1 };

/* Trust anchors in place of the system's; of as many destinations as have
 * them. */
struct egress_trust {
	struct egress_trust *next, **prev;
	unsigned refs;
	struct net_tls *tls;
	char id[EGRESS_TRUST_ID];
};

struct egress_dest {
	struct egress *egress;
	struct http_url url;	    /* its path is empty */
	struct egress_trust *trust; /* a reference; NULL: the system's */
	char authority[HTTP_HOST_MAX + 8];
	size_t authority_len;
	char session_key[HTTP_HOST_MAX + 8];
	struct net_addr unix_addr; /* len 0: none */
	struct egress_wire *idle;
	unsigned idle_count;
	unsigned count;	  /* connections: connecting, lent, idle */
	unsigned opening; /* those to be that have no socket yet */
	bool pinned;	  /* somebody keeps a pointer for good */
};

struct egress {
	struct loop *loop;
	struct loop_pool *pool;
	struct egress_policy *policy;
	struct egress_allowed *allowed; /* a reference; may be NULL */
	uint64_t round; /* counts lists: what was judged before is old */
	/* Of the policy's list, under its mutex. */
	struct egress *next;
	uint64_t turn; /* the list that it goes by */
	struct loop_task told;
	bool told_posted;
	struct http_blocks blocks;
	struct table *dests;
	struct egress_trust *trusts;
	size_t sweep_at; /* so many: those that nobody uses go */
	struct egress_wire *dead;
	struct loop_again bury;
};

/* An address as the tables see it. */
struct egress_bare {
	uint8_t family; /* 4 or 6 */
	uint8_t bytes[16];
	uint16_t port;
};

struct egress_range {
	uint8_t family;
	uint8_t bits;
	uint8_t prefix[16];
	const char *what;
};

struct egress_exception {
	struct egress_range net;
	uint16_t port; /* 0: any */
};

enum { EGRESS_OWN_MAX = 32 };

struct egress_policy {
	bool allow_all, locked;
	struct net_tls *tls;
	/* The newest of the owner's lists, and who is to go by it. */
	pthread_mutex_t mutex;
	pthread_cond_t told;
	struct egress_allowed *allowed;
	uint64_t turn;
	struct egress *first;
	size_t own_count;
	struct egress_bare own[EGRESS_OWN_MAX];
	size_t count;
	struct egress_exception exceptions[];
};

/* ---- policy.c ---- */

/* ERR_INVALID: no IP address. */
int egress_bare_from(const struct net_addr *a, struct egress_bare *out);
bool egress_range_has(const struct egress_range *r,
		      const struct egress_bare *a);
/* The one reader of exceptions. */
int egress_exception_read(struct slice text, struct egress_exception *out);
/* What a whole network is ("a multicast address"); NULL: nothing special. */
const char *egress_range_what(const struct egress_range *net);

/* ---- allowed.c ---- */

bool egress_allowed_has(const struct egress_allowed *l,
			const struct egress_bare *a);

/* ---- publish.c ---- */

void egress_policy_join(struct egress_policy *p, struct egress *e);
void egress_policy_leave(struct egress_policy *p, struct egress *e);
/* Why this address may not be used (now), or NULL. */
const char *egress_objection(const struct egress_dest *d,
			     const struct net_addr *a);
/* The same for a connection, judged anew if there is another list since. */
const char *egress_wire_objection(struct egress_wire *w);

/* ---- trust.c ---- */

/* What tells these anchors from others. */
int egress_trust_id(struct slice anchors, char out[EGRESS_TRUST_ID]);
/* Those of this id, which is that of the anchors: a reference.  ERR_TLS. */
int egress_trust_get(struct egress *e, const char *id, struct slice anchors,
		     struct egress_trust **out);
void egress_trust_put(struct egress_trust *t); /* NULL is fine */
/* The TLS client context for connections to d. */
struct net_tls *egress_dest_tls(const struct egress_dest *d);

/* ---- the rest ---- */

/* Shared TLS client context of the policy. */
struct net_tls *egress_policy_tls(const struct egress_policy *p);
bool egress_policy_allows_all(const struct egress_policy *p);

/* A wire around a stream that is connected (and, for https, shaken hands):
 * moves the stream into it.  NULL when out of memory. */
struct egress_wire *egress_wire_new(struct egress_dest *d);
void egress_wire_ready(struct loop_io *io, unsigned events);

#endif
