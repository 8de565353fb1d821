/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of egress/: the only way out.
 *
 * The guard decides every call (not every connect): scheme, host, port,
 * method and path against what the credential is bound to.  Names are
 * looked up once; every address is checked against the ranges that are not
 * the public Internet; the socket is opened to exactly the checked address.
 * Pools keep idle connections, newest first, and give one back only for the
 * same scheme, host, port and trust anchors.
 *
 * What the owner has allowed besides (struct egress_allowed) is an immutable
 * list that each egress refers to; another one takes its place between two
 * turns of the loop, and what it does not allow any more is not used again.
 *
 * Roles: front (calls), exchanger (token endpoints), the CLI.  One struct
 * egress a loop; the policy is shared, and read-only but for which list is
 * the newest.
 */
#ifndef EGRESS_EGRESS_H
#define EGRESS_EGRESS_H

#include "http/http.h"

/* ---- policy ---- */

struct egress_policy;

struct egress_policy_config {
	/* Operator's exceptions: "10.0.0.0/8:443", "[::1]/128", … */
	const char *const *allow;
	size_t allow_count;
	const char *ca_file; /* trust anchors beside the system's, or NULL */
	bool allow_all;	     /* the CLI, talking to its own server */
	bool locked;	     /* what the owner allows counts for nothing */
	const char *proxy;   /* "http://host:port" for public addresses, or
				 * NULL: straight */
	const char *proxy_login; /* file with user:password, or NULL */
	/* Addresses of this machine, at most one of each family, from which
	 * public ones are reached, or the proxy; none: as routes say. */
	const char *const *bind;
	size_t bind_count;
	/* Where this server listens ("127.0.0.1:7070", "unix:…" is passed
	 * over): the owner can never allow that. */
	const char *const *own;
	size_t own_count;
};

/* ERR_INVALID names the entry in detail. */
int egress_policy_new(const struct egress_policy_config *c,
		      struct egress_policy **out, char *detail, size_t size);
void egress_policy_free(struct egress_policy *p);
bool egress_policy_is_locked(const struct egress_policy *p);

/* ---- what the owner allows ---- */

enum {
	EGRESS_ALLOWED_MAX = 64,
	EGRESS_ALLOWED_TEXT = 64, /* one, with NUL */
};

/*
 * Reads a destination that an owner wants to allow: an operator's exception
 * ("10.1.2.0/24:443"), but always with a port, within one private network,
 * without stray bits, and no metadata address.  out gets the one form in
 * which it is kept.  ERR_INVALID with words for people in detail.
 */
int egress_allowed_read(struct slice text, char out[EGRESS_ALLOWED_TEXT],
			char *detail, size_t size);

/* Immutable; shared by threads by reference count. */
struct egress_allowed;

/* Those that egress_allowed_read() would refuse, and whatever is beyond the
 * most, are left out and counted in *left_out.  NULL: out of memory. */
struct egress_allowed *egress_allowed_new(const char *const *texts,
					  size_t count, size_t *left_out);
void egress_allowed_ref(struct egress_allowed *a);   /* NULL is fine */
void egress_allowed_unref(struct egress_allowed *a); /* NULL is fine */

/*
 * From now on these (NULL: none) count for every egress of the policy, those
 * to come included.  Takes a reference of its own.  Returns when each loop
 * goes by them, and no idle connection is left that they do not allow; calls
 * under way may end.  From any thread but a loop's.
 */
void egress_policy_allow(struct egress_policy *p, struct egress_allowed *a);

/* ---- judging ---- */

/* 0, or ERR_BLOCKED with *why (static text: "loopback address" …).  allowed
 * may be NULL. */
int egress_address_check(const struct egress_policy *p,
			 const struct egress_allowed *allowed,
			 const struct net_addr *a, const char **why);
/* Whether plain http may go to this address: only where an exception names
 * it.  (The caller's definition must allow http as well.) */
bool egress_address_is_excepted(const struct egress_policy *p,
				const struct egress_allowed *allowed,
				const struct net_addr *a);

/* ---- destinations ---- */

struct egress;

int egress_new(struct loop *l, struct loop_pool *pool, struct egress_policy *p,
	       struct egress **out);
/* Closes idle connections; all calls must be over. */
void egress_free(struct egress *e);
/* As egress_policy_allow(), for this egress alone and at once; on its loop. */
void egress_allow(struct egress *e, struct egress_allowed *a);

/* A place to send to, with its pool; interned per egress.  Borrowed until the
 * end of the loop's turn, while a connection or a connect of it is under way,
 * or, when it was pinned, as long as the egress. */
struct egress_dest;

/*
 * The destination of a URL's canonical host (its path is not looked at).
 * `allow_http` must be set for plain http, else ERR_BLOCKED; even then only
 * addresses that operator or owner have allowed are reached without TLS.
 * anchors: PEM of those who alone may vouch for the host, or NULL (the
 * system's); other anchors are another destination, with connections and TLS
 * sessions of its own.  ERR_TLS: they cannot be used.
 */
int egress_dest(struct egress *e, const struct http_url *url, bool allow_http,
		const char *anchors, struct egress_dest **out);
/* Keeps it for good.  For what is configured (base URLs); what callers write
 * is without end when a service allows *.example.com. */
void egress_dest_pin(struct egress_dest *d);
/* A Unix socket; only under an allow_all policy (else ERR_BLOCKED). */
int egress_dest_unix(struct egress *e, const char *path,
		     struct egress_dest **out);
/* "host" or "host:port" where it is not the scheme's own: for Host. */
struct slice egress_dest_authority(const struct egress_dest *d);
const char *egress_dest_host(const struct egress_dest *d);

/* ---- connections ---- */

/* One outgoing connection, lent to one call at a time. */
struct egress_conn {
	struct http_reader reader;
	struct http_writer writer;
	bool reused; /* has carried a call before */
	/* While lent: the borrower's. */
	void *owner;
	void (*ready)(struct egress_conn *c);
	/* Times of this connect, for records: 0 when reused. */
	uint32_t resolve_ms, connect_ms, tls_ms;
};

/*
 * An idle connection, or NULL: then use egress_open.  once: what will be sent
 * must not be sent again, so the connection is first asked whether the other
 * side has closed it.
 */
struct egress_conn *egress_take(struct egress_dest *d, bool once);

/* A connect under way; embedded in its owner. */
struct egress_open {
	/* err: 0 with conn; ERR_RESOLVE, ERR_BLOCKED, ERR_CONNECT, ERR_TLS,
	 * ERR_TIMEOUT, ERR_BUSY; detail is for people. */
	void (*done)(struct egress_open *o, int err, struct egress_conn *conn);
	char detail[256];
	/* Set before the start: looks up and judges, and connects nowhere;
	 * done() then gets no connection. */
	bool judge_only;
	struct egress_opening *opening; /* private */
};

/* done() is never called before this returns. */
void egress_open(struct egress_dest *d, struct egress_open *o,
		 uint32_t timeout_ms,
		 void (*done)(struct egress_open *, int, struct egress_conn *));
void egress_open_cancel(struct egress_open *o);
/* Gives back a connection whose message is read to its end: it waits in the
 * pool for the next call.  One that has more to say is closed: whatever that
 * is, it is no answer to a request still to come. */
void egress_keep(struct egress_conn *c);
/* Closes. */
void egress_drop(struct egress_conn *c);

/* ---- a whole request, for cold paths ---- */

/*
 * One request with a small body and a bounded answer: token endpoints,
 * look-ups, the CLI.  No redirect is followed.
 */
struct egress_fetch {
	/* set before the start; borrowed until done() */
	struct egress_dest *dest;
	struct slice method;
	struct slice path;   /* with query; "/" at least */
	struct slice fields; /* header lines, "Name: value\r\n" each; Host,
			      * Content-Length, Connection are added */
	struct slice body;
	size_t max_bytes; /* of the answer's body: ERR_TOO_LARGE, with the head
			   * and what there is of the body */
	uint32_t timeout_ms;
	/* err: 0, or as egress_open, ERR_PROTOCOL, ERR_CLOSED.  When sent is
	 * false nothing has left this machine. */
	void (*done)(struct egress_fetch *f, int err);
	/* the answer, until egress_fetch_release */
	bool sent;
	int status;
	const struct http_head *head;
	struct buf answer; /* wiped on release */
	char detail[256];
	struct egress_fetching *fetching; /* private */
};

void egress_fetch_start(struct egress_fetch *f);
void egress_fetch_cancel(struct egress_fetch *f);
/* Wipes and frees the answer (after done or cancel). */
void egress_fetch_release(struct egress_fetch *f);

#endif
