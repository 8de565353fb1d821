/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of call/: one outgoing call through a connection.
 *
 * A call knows who makes it, through which connection, and where to; it
 * gets the injection, passes the guard, sends, and holds the answer's head
 * until it has seen whether the token was refused (then it gets another, and
 * sends once more if that is safe).  Where request bytes come from and
 * answer bytes go is its client's business: the gateway streams, a test
 * collects.
 *
 *   LOCATE -> INJECT -> CONNECT -> SEND -> JUDGE -> BODY -> end
 *     ^                             |        |        ^
 *     +------- closed on us --------+        |        |
 *     +----------------------- REFRESH <-----+        |
 *                                 +---- not again ----+
 *
 * A call without a connection (a *bare* one, of a webhook block that needs
 * no credential) goes from LOCATE to CONNECT with nothing to inject; the
 * guard lets it go to public addresses over https alone.
 *
 * Runs on a worker's loop in the front.  On the path of a call whose
 * connection, injection and socket are at hand there is no lock, no
 * allocation and no message to another process.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include "call/scrub.h"
#include "connect/connect.h"

/* ---- a worker's part ---- */

/* Counted by one worker, read by others (relaxed). */
struct call_counters {
	_Atomic uint64_t calls;
	_Atomic uint64_t failed; /* by Drawbridge, not by the service */
	_Atomic uint64_t refreshed;
	_Atomic uint64_t replayed;
	_Atomic uint64_t reused; /* sent on a pooled connection */
	_Atomic uint64_t opened;
	_Atomic uint64_t bytes_up;
	_Atomic uint64_t bytes_down;
	_Atomic uint64_t records_lost; /* the queue was full */
	_Atomic uint64_t statuses[6];  /* [2]: 2xx … */
};

struct call_worker;

struct call_worker_config {
	struct loop *loop;
	struct loop_pool *pool;
	struct store *store; /* for records; NULL: none are kept */
	struct egress *egress;
	struct connect_view *connections;
	uint32_t connect_timeout_ms;	/* 0: 5 s */
	uint32_t first_byte_timeout_ms; /* 0: 60 s */
	uint32_t body_timeout_ms;	/* 0: 5 min */
};

int call_worker_new(const struct call_worker_config *c,
		    struct call_worker **out);
/* All calls must be over; queued records are written. */
void call_worker_free(struct call_worker *w);
const struct call_counters *call_worker_counters(const struct call_worker *w);

/* ---- one call ---- */

/* Why a call failed, or what is to be answered in its place. */
struct call_problem {
	int status;	  /* 0: none */
	const char *code; /* DESIGN 10: "upstream_timeout" … */
	char detail[320]; /* for people; no secret */
	const char *hint; /* what to do; may be NULL */
	unsigned retry_after_s;
	/* The service's name, where the user whose grant is missing, or works
	 * no more, can give another by his consent; "" */
	char consent[64];
};

enum call_state {
	CALL_NEW,
	CALL_LOCATE,
	CALL_INJECT,
	CALL_CONNECT,
	CALL_SEND, /* and wait for the answer's head */
	CALL_JUDGE,
	CALL_REFRESH,
	CALL_BODY,
	CALL_ENDED,
};

struct call;

/* What a call's client does. */
struct call_client {
	/*
	 * Writes the request's own field lines; call_field_passes() tells
	 * which may go.  0 or an error (ERR_TOO_LARGE).
	 */
	int (*put_fields)(struct call *c, struct http_writer *w);
	/* Whether the client itself sends a field of this name, so that the
	 * service's default is left out.  May be NULL: it sends none. */
	bool (*has_field)(struct call *c, struct slice name);
	/*
	 * Moves request body bytes to w (again from the start when
	 * c->attempt > 1).  As http_relay(); must not end the writer.
	 */
	enum http_relay (*send_body)(struct call *c, struct http_writer *w);
	/* The answer's head is there, and stands: c->head.  The body is
	 * c->peeked (already read), then c->conn->reader. */
	void (*answer)(struct call *c);
	/* The upstream is ready again while the body is read. */
	void (*readable)(struct call *c);
	/* The call cannot be made: c->problem.  The call has ended. */
	void (*fail)(struct call *c);
	/* Where the call goes and what it adds are known: call_show_…() may
	 * be used.  Before each connect; may be NULL. */
	void (*aimed)(struct call *c);
	/* Of a rehearsal alone: all but connecting and sending was done, and
	 * nothing stands in the way.  Must call_end(). */
	void (*rehearsed)(struct call *c);
};

enum {
	CALL_HELD_MAX = 64 * 1024, /* request bytes kept for a replay */
	CALL_PEEK_MAX = 4 * 1024,  /* answer bytes that rules look at */
};

struct call {
	/* set by the client before call_start() */
	struct call_worker *worker;
	const struct call_client *client;
	struct people_actor *actor; /* a reference, released at the end */
	struct slice link;	    /* borrowed until the end, as all slices;
				     * "": no connection, nothing is added */
	/* Whose grant, where the connection is per user; "": the actor's. */
	const char *subject;
	struct slice method;
	struct slice target; /* origin-form path, or an absolute URL */
	struct slice key;    /* text that must not leave; may be empty */
	enum http_body body;
	uint64_t body_length;
	bool body_is_form;    /* application/x-www-form-urlencoded */
	bool body_replayable; /* send_body can start again */
	/* The target is what a service has answered with (a redirect), and
	 * may hold what it has heard: it is not recorded. */
	bool redirected;
	uint32_t timeout_ms; /* to the first byte; 0: the usual */
	/* Asks and judges as any call, looks the name up, and then neither
	 * connects nor sends; nothing is recorded. */
	bool rehearsal;

	/* what has come of it */
	enum call_state state;
	unsigned attempt; /* 1, then 2 after a refresh or a stale socket */
	bool refreshed;
	struct connect_snapshot *snapshot;   /* a reference; NULL: bare */
	const char *user;		     /* whose grant; "": of all */
	struct connect_injection *injection; /* a reference */
	struct egress_dest *dest;
	struct http_url url;	/* host that is called; path not set */
	bool host_replaced;	/* by the grant's own data centre */
	struct slice base_path; /* of the base URL, for relative targets */
	struct slice path;	/* behind it; with query */
	struct egress_conn *conn;
	struct buf peeked; /* decoded answer bytes read ahead */
	struct call_problem problem;

	/* private */
	union {
		struct connect_wait connection;
		struct egress_open open;
	} wait;
	bool waiting_connection, waiting_open;
	bool sent_all;
	bool permitted;	    /* people/ has said yes, for this snapshot */
	bool base_unknown;  /* until the injection's own binding is there */
	bool degraded;	    /* as the grant was seen last */
	bool fresh;	    /* take no pooled connection */
	bool only_renew;    /* refused, and not to be sent again */
	bool asked_other;   /* for another token, in this refusal */
	uint8_t waits;	    /* look-ups so far, against going in circles */
	unsigned interim;   /* 1xx answers of this attempt */
	uint64_t form_tail; /* bytes of the form injection still to send */
	struct loop_timer timer;
	struct loop_again again;
	uint64_t began_us, head_us;
	uint64_t up, down;

	/* Of the answer; valid while conn is held.  Last, since it is large
	 * and need not be zeroed. */
	struct http_head head;
};

/* Prepares the struct (zeroing it). */
void call_init(struct call *c, struct call_worker *w,
	       const struct call_client *client);
/* Starts; the client is called back, possibly before this returns. */
void call_start(struct call *c);
/* The client's side has become ready: go on sending the body, also while an
 * early answer is on its way.  False when the call has ended by that. */
bool call_go_on(struct call *c);
/* Body bytes have moved: the inactivity timer starts anew. */
void call_touch(struct call *c, uint64_t down_bytes);
/*
 * Ends the call: the connection goes back to the pool if the answer was
 * read to its end, else it is closed; the call is recorded.  status: what
 * the caller was told.
 */
void call_end(struct call *c, int status);

/*
 * Whether a field of the client's may go to the service: not hop-by-hop,
 * not framing, not a cookie, no forwarding header, none that the injection
 * sets (in any case, and whatever stands for its hyphens), none that
 * carries c->key.
 */
bool call_field_passes(const struct call *c, const struct http_field *f);
/* Whether the injection sets a field of this name (in any spelling). */
bool call_field_is_injected(const struct call *c, struct slice name);
/* Whether a field of this name, in any spelling, may go to a service at all:
 * what call_field_passes() says of the name alone. */
bool call_name_passes(struct slice name);
/*
 * Whether a field of this name, in any spelling, asks for a part of the
 * answer: with it, a secret that the service echoes could be had in pieces
 * that the scrubber does not know.
 */
bool call_name_asks_for_part(struct slice name);

/* ---- what goes out, for people: show.c ---- */

/* Stands for each secret. */
#define CALL_MASK "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2" /* "•••" */

/*
 * From c->aimed() on, as long as the call lives.  Each appends, and none has
 * a secret in it: where one stands in the request, CALL_MASK stands here.
 * Errors of buf.
 */
/* The URL that is called, with the injection's path and parameters. */
int call_show_url(struct call *c, struct buf *out);
/* The fields that the service and the injection add to the client's own:
 * "Name: value\r\n" each. */
int call_show_fields(struct call *c, struct buf *out);
/* What the injection appends to a form ("&name=•••"); mostly nothing. */
int call_show_form(struct call *c, struct buf *out);
/* A sentence's part: which base URL or allowed host of which service let the
 * credential go there, and whose place it took. */
int call_show_rule(struct call *c, struct buf *out);

#endif
