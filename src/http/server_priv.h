/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The insides of a server connection, shared by server.c (its life) and
 * exchange.c (what its owner does with it).
 */
#ifndef HTTP_SERVER_PRIV_H
#define HTTP_SERVER_PRIV_H

#include "http/http_priv.h"

/*
 *            accept
 *              |
 *   (TLS) HANDSHAKE --fail--------------------+
 *              v                              |
 *   +------> HEAD --end of stream, timeout----+
 *   |          | head whole                   v
 *   |        ACTIVE --abort, gone---------> CLOSED
 *   |          | end                          ^
 *   +--keep----+--unread bytes--> LINGER -----+
 *
 * From HEAD to LINGER, too, where heads come without end as the server ends.
 */
enum conn_state {
	CONN_HANDSHAKE,
	CONN_HEAD,
	CONN_ACTIVE,
	CONN_LINGER,
	CONN_CLOSED,
};

struct http_exchange {
	struct http_server *server;
	struct http_exchange *next; /* of the server's connections */
	struct http_exchange **prev;
	enum conn_state state;
	struct net_stream stream;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_again turn;	  /* there may be more heads */
	struct loop_again linger; /* there is more to drop */
	struct http_reader reader;
	struct http_writer writer;
	struct http_head *head; /* while there is one; from the server's list */
	struct net_addr peer;
	bool local;
	bool close_after;
	bool continue_sent;
	bool head_begun; /* the timer runs for a head, not for idling */
	size_t parsed;	 /* bytes of an incomplete head that were looked at */
	bool advancing;	 /* conn_advance() is on the stack */
	/* the owner's */
	void *owner;
	const struct http_exchange_events *events;
	/* collect and answer */
	struct buf body;
	void (*collected)(struct http_exchange *, struct slice, int, void *);
	int (*grows)(struct http_exchange *, size_t, void *);
	void *collected_arg;
	uint64_t collect_until_ms; /* 0: no end */
	size_t answered; /* bytes of body already sent as the answer */
};

struct server_listener {
	struct loop_io io;
	struct http_server *server;
	struct net_tls *tls;
	bool local;
	struct server_listener *next;
};

struct http_server {
	struct loop *loop;
	struct http_server_config config;
	struct http_blocks blocks;
	struct server_listener *listeners;
	struct http_exchange *conns;
	struct http_exchange *dead; /* freed at the end of the turn */
	struct loop_again bury;
	unsigned count;
	bool paused;
	struct loop_timer resume; /* after an accept that failed */
	bool draining;
	void (*drained)(void *arg);
	void *drained_arg;
	/* spare heads: big, and needed only while a request runs */
	struct spare_head {
		struct spare_head *next;
	} * spare;
	unsigned spare_count;
};

extern const struct http_exchange_events http_exchange_idle_events;

/* Reads and parses heads, and hands requests over, until bytes run out or
 * others have their turn. */
void http_conn_advance(struct http_exchange *x);
/* Closes and puts on the list of the dead; x stays valid in this turn. */
void http_conn_close(struct http_exchange *x, bool reset);
/* Half-closes, then reads what still comes for a while. */
void http_conn_linger(struct http_exchange *x);
void http_conn_give_head(struct http_exchange *x);

#endif
