/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the exchanger.
 */
#ifndef CONNECT_EXCHANGER_PRIV_H
#define CONNECT_EXCHANGER_PRIV_H

#include "connect/message.h"
#include "egress/egress.h"

enum { CONNECT_ANSWER_MAX = 64 * 1024 }; /* bytes of an endpoint's answer */

/* ---- exchanger.c ---- */

struct exchanger;

/* One request under way; which of the messages it has is reply's to know. */
struct exchange {
	struct exchanger *all;
	struct exchange *next, **prev;
	struct proc_request *rq;
	struct connect_msg_token token;
	struct connect_msg_lookup lookup;
	struct connect_msg_test test;
	/* Answers rq; err 0: the answer is in fetch; ERR_TOO_LARGE: so is what
	 * there was room for. */
	void (*reply)(struct exchange *e, int err, const char *detail);
	struct method_http http;
	struct egress_fetch fetch;
	bool fetching;
};

/* NULL when too many are under way: rq is answered then. */
struct exchange *
connect_exchange_new(struct exchanger *x, struct proc_request *rq,
		     void (*reply)(struct exchange *, int, const char *));
void connect_exchange_free(struct exchange *e);
/* Answers, and frees it. */
void connect_exchange_end(struct exchange *e, int err, const char *detail);
/* ERR_INVALID with a detail of size bytes; out borrows from url. */
int connect_exchange_url(const char *url, struct http_url *out, char *detail,
			 size_t size);
/* Where fetch goes; the caller has seen to it that it may. */
int connect_exchange_aim(struct exchange *e, const struct binding *b,
			 const struct http_url *u, char *detail, size_t size);
/* The same for a URL whose form without secrets, `checked`, must be one of the
 * binding's own endpoints, to the letter: else ERR_BLOCKED. */
int connect_exchange_dest(struct exchange *e, const struct binding *b,
			  const char *checked, const char *url, char *detail,
			  size_t size);
/* Takes e: sends what is in fetch; for most_ms at most (0: as the keeper
 * waits). */
void connect_exchange_start(struct exchange *e, uint32_t most_ms);
/* A field of the answer; arg is the fetch. */
struct slice connect_exchange_header(void *arg, struct slice name);

/* ---- exchanger_lookup.c ---- */

void connect_exchanger_lookup(struct proc_request *rq, struct proc_unpack *in,
			      void *exchanger);
/* http.fields: what is injected (may be NULL), what the API always wants, and
 * what makes the answer JSON; form: of a body that is one. */
int connect_exchange_fields(struct exchange *e, const struct binding *b,
			    const struct secret *add, bool form);
/*
 * What the answer to the binding's look-up of this index says, into a zeroed
 * m: the values and the account, or m->err with m->detail.
 */
void connect_lookup_read(const struct binding *b, size_t index, int status,
			 struct slice body, struct connect_msg_looked_up *m);

/* ---- exchanger_test.c ---- */

void connect_exchanger_test(struct proc_request *rq, struct proc_unpack *in,
			    void *exchanger);
/* The URL of a binding's test with what a credential adds to path and query,
 * appended to out (wiped by its owner).  ERR_BLOCKED with a detail where the
 * binding does not send its credential there. */
int connect_test_url(const struct binding *b, const char *url,
		     const struct method_injection *add, struct buf *out,
		     char *detail, size_t size);
/* What the answer to the binding's test of this index says of the credential,
 * into a zeroed m. */
void connect_test_read(const struct binding *b, size_t index,
		       const struct binding_answer *a,
		       struct connect_msg_tested *m);

#endif
