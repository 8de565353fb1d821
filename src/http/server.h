/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 server connections.
 *
 *   accept -> (TLS) -> HEAD -> EXCHANGE -> HEAD … or CLOSE
 *
 * A server belongs to one loop.  For each request head it calls the handler,
 * which then owns the exchange until it ends it: at once with an answer
 * (http_exchange_answer), after collecting the body (http_exchange_collect),
 * or by streaming (the gateway reads and writes through reader and writer).
 * Requests of one connection come one after the other (pipelining is
 * queued in the reader).
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/forwarded.h"
#include "http/wire.h"

struct http_server;
struct http_exchange;

struct http_server_config {
	uint32_t head_timeout_ms; /* 10 s for a head */
	uint32_t idle_timeout_ms; /* 75 s between requests */
	uint32_t body_timeout_ms; /* 60 s without a byte, either way */
	uint32_t max_connections; /* then accepting pauses */
	/* Whose X-Forwarded-For is believed; borrowed, NULL: nobody's. */
	const struct http_proxies *proxies;
	/* A request head has come.  For heads that were refused the server
	 * answers by itself, through refuse. */
	void (*request)(struct http_exchange *x, void *arg);
	/* Writes the answer to a malformed request: status and reason. */
	void (*refuse)(struct http_exchange *x, int status, const char *why,
		       void *arg);
	void *arg;
};

int http_server_new(struct loop *l, const struct http_server_config *c,
		    struct http_server **out);
/* Accepts from this listening fd (shared with other workers). tls may be
 * NULL.  `local` marks the Unix socket of the machine's own CLI. */
int http_server_listen(struct http_server *s, int fd, struct net_tls *tls,
		       bool local);
/* Stops accepting, closes idle connections, lets exchanges end (they get
 * Connection: close); done() when none is left.  gentle: an idle connection
 * may send one more request, so that nobody's is lost on its way; until it is
 * called again, not gently. */
void http_server_drain(struct http_server *s, bool gentle,
		       void (*done)(void *arg), void *arg);
/* Closes all at once, then frees. */
void http_server_free(struct http_server *s);
unsigned http_server_connections(const struct http_server *s);

/* ---- exchanges ---- */

/* The request's head; valid until the exchange ends. */
const struct http_head *http_exchange_head(const struct http_exchange *x);
struct loop *http_exchange_loop(const struct http_exchange *x);
/* The other end's address as text, for records ("unix" for sockets); of one
 * behind a trusted proxy his own. */
void http_exchange_peer(const struct http_exchange *x, char out[NET_ADDR_TEXT]);
/* The local CLI's uid: 0 and *uid, or ERR_FORBIDDEN on other listeners. */
int http_exchange_local_uid(const struct http_exchange *x, uid_t *uid);
bool http_exchange_is_tls(const struct http_exchange *x);
/* A place for the owner's pointer. */
void http_exchange_set_owner(struct http_exchange *x, void *owner);
void *http_exchange_owner(const struct http_exchange *x);

/* Called when the exchange moves on (see below); owner's. */
struct http_exchange_events {
	/* The socket is ready, either way: go on reading and writing. */
	void (*ready)(struct http_exchange *x);
	/* The client is gone, or too slow: let go of x now (it ends itself
	 * right after this call). */
	void (*gone)(struct http_exchange *x, int err);
};
void http_exchange_set_events(struct http_exchange *x,
			      const struct http_exchange_events *events);

/* For streaming owners. */
struct http_reader *http_exchange_reader(struct http_exchange *x);
struct http_writer *http_exchange_writer(struct http_exchange *x);
/* Queues "100 Continue" once, if the client waits for it. */
void http_exchange_continue(struct http_exchange *x);
/* Whether the answer must carry Connection: close, and that it will. */
bool http_exchange_keeps_alive(const struct http_exchange *x);
void http_exchange_close_after(struct http_exchange *x);
/* Restarts the inactivity timer (bytes have moved); 0 switches it off. */
void http_exchange_touch(struct http_exchange *x, uint32_t timeout_ms);
/* The answer is flushed: goes on with the next request, or closes (also
 * when some of the request's body is unread). */
void http_exchange_end(struct http_exchange *x);
/* Cuts the connection with a reset: the answer cannot be completed. */
void http_exchange_abort(struct http_exchange *x);

/* ---- the simple way ---- */

/*
 * Collects the body (at most max bytes), then calls ready(x, body, 0, arg);
 * body is borrowed until the exchange ends and may be changed in place (it
 * is wiped afterwards).  ERR_TOO_LARGE, ERR_PROTOCOL; ERR_CLOSED when the
 * client has gone: x is not to be used then.
 */
void http_exchange_collect(struct http_exchange *x, size_t max,
			   void (*ready)(struct http_exchange *x,
					 struct slice body, int err, void *arg),
			   void *arg);
/*
 * The same within bounds.  total_ms: for the whole body, however busily it
 * comes (0: no end); then it is as if the client had gone.  grows (may be
 * NULL) is asked before `more` bytes are kept: an ERR_ code of its own ends
 * the collecting with that.
 */
struct http_collect {
	size_t max;
	uint32_t total_ms;
	int (*grows)(struct http_exchange *x, size_t more, void *arg);
	void (*ready)(struct http_exchange *x, struct slice body, int err,
		      void *arg);
	void *arg;
};
void http_exchange_collect_within(struct http_exchange *x,
				  const struct http_collect *c);
/* Wipes and frees what was collected, before the exchange ends. */
void http_exchange_drop_body(struct http_exchange *x);
/*
 * A whole answer.  fields: further header lines, each "Name: value\r\n"
 * (NULL: none); Content-Length, Date and Connection are added.  Ends the
 * exchange when flushed.  Copies everything.
 */
void http_exchange_answer(struct http_exchange *x, int status,
			  const char *fields, struct slice body);

#endif
