/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of egress/.
 */
#ifndef EGRESS_EGRESS_PRIV_H
#define EGRESS_EGRESS_PRIV_H

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
	struct egress_wire *next; /* idle, newest first; or dead */
	struct egress_wire **prev;
};

struct egress_dest {
	struct egress *egress;
	struct http_url url; /* its path is empty */
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
	const struct egress_policy *policy;
	struct http_blocks blocks;
	struct table *dests;
	size_t sweep_at; /* so many: those that nobody uses go */
	struct egress_wire *dead;
	struct loop_again bury;
};

/* Shared TLS client context of the policy. */
struct net_tls *egress_policy_tls(const struct egress_policy *p);
bool egress_policy_allows_all(const struct egress_policy *p);

/* A wire around a stream that is connected (and, for https, shaken hands):
 * moves the stream into it.  NULL when out of memory. */
struct egress_wire *egress_wire_new(struct egress_dest *d);
void egress_wire_ready(struct loop_io *io, unsigned events);

#endif
