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
	struct net_resolver names;
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
	struct egress_proxy *proxy; /* NULL: straight */
	struct net_addr source[2];  /* IPv4, IPv6; len 0: none */
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

/* ---- proxy.c ---- */

struct egress_proxy {
	char host[HTTP_HOST_MAX + 1];
	uint16_t port;
	char name[HTTP_HOST_MAX + 8]; /* "host:port" */
	struct secret *login;	      /* a whole header line, or NULL */
};

/* A CONNECT under way; zeroed before the first start. */
struct egress_tunnel {
	struct buf request;
	size_t sent;
	unsigned interim; /* 1xx answers so far */
	int status;	  /* of the answer; 0: there is none yet */
};

/* login_file (may be NULL) holds "user:password".  ERR_INVALID, ERR_SYSTEM
 * with words for people in detail. */
int egress_proxy_new(const char *url, const char *login_file,
		     struct egress_proxy **out, char *detail, size_t size);
void egress_proxy_free(struct egress_proxy *p); /* NULL is fine */
int egress_tunnel_start(struct egress_tunnel *t, const struct egress_proxy *p,
			const struct net_addr *to);
/* On each readiness of w, which is connected to the proxy.  0: w is connected
 * to what was asked for; ERR_AGAIN; else the reason, with t as it ended. */
int egress_tunnel_go_on(struct egress_tunnel *t, struct egress_wire *w);
void egress_tunnel_release(struct egress_tunnel *t);
/* Why it failed, for people. */
void egress_tunnel_say(const struct egress_tunnel *t,
		       const struct egress_proxy *p, const char *authority,
		       int err, char *detail, size_t size);

/* ---- source.c ---- */

/* ERR_INVALID with words for people in detail. */
int egress_sources_read(struct egress_policy *p,
			const struct egress_policy_config *c, char *detail,
			size_t size);
/* Where a connection to this address has to come from; NULL: as routes say.
 * ERR_CONNECT: there is no source for it. */
int egress_source_for(const struct egress_policy *p, const struct net_addr *to,
		      bool by_proxy, const struct net_addr **from);

/* ---- opening: open.c, and attempt.c from CONNECT on ---- */

enum opening_state {
	OPEN_RESOLVE,
	OPEN_PROXY_NAME,
	OPEN_CONNECT,
	OPEN_TUNNEL,
	OPEN_TLS,
};

struct egress_opening {
	struct egress_open *owner;
	struct egress_dest *dest;
	struct egress_wire *wire; /* from CONNECT on */
	enum opening_state state;
	struct net_resolve resolve;
	struct loop_timer timer;
	struct loop_timer attempt; /* of one address, while there are more */
	struct loop_task soon;	   /* an error found before start returned */
	int soon_err;
	bool soon_posted;
	unsigned next_addr;
	/* Where there is a proxy. */
	struct net_resolve via;
	unsigned next_via; /* of its addresses, until one answers */
	bool by_proxy;	   /* the wire goes to the proxy */
	bool sourceless;   /* an address has no source to be reached from */
	bool tried;	   /* another one had */
	struct egress_tunnel tunnel;
	uint64_t phase_ms; /* when the current phase began */
	uint32_t resolve_ms;
};

/* Ends it: nothing is left but what the owner is told. */
void egress_opening_fail(struct egress_opening *o, int err);
void egress_opening_release(struct egress_opening *o);
/* The next address that is allowed; at last fails. */
void egress_opening_connect(struct egress_opening *o);
/* Closes its connection: that address has not answered. */
void egress_opening_drop(struct egress_opening *o);
/* Milliseconds of the phase that ends now. */
uint32_t egress_opening_phase(struct egress_opening *o);
/* Says why the address must not be used. */
void egress_opening_objected(struct egress_opening *o, const struct net_addr *a,
			     const char *why);

/* ---- policy.c ---- */

/* Whether it is on the public Internet, allowed or not. */
bool egress_address_is_public(const struct net_addr *a);
/* Whether this server listens there. */
bool egress_address_is_own(const struct egress_policy *p,
			   const struct net_addr *a);

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
