/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of gateway/.
 */
#ifndef GATEWAY_GATEWAY_PRIV_H
#define GATEWAY_GATEWAY_PRIV_H

#include "gateway/gateway.h"

enum { GATEWAY_KEY_MAX = 128 };

/* One exchange on /via; from the gateway's list of spare ones. */
struct via {
	struct call call;
	struct gateway *gateway;
	struct http_exchange *x;
	struct people_wait wait;
	bool waiting;
	bool for_client;	   /* the rest of its body is waited for */
	uint64_t client_up;	   /* what had come of it */
	bool answering;		   /* the answer's head is on its way */
	char key[GATEWAY_KEY_MAX]; /* wiped at the end */
	size_t key_len;
	struct buf held;  /* request bytes kept for a second sending */
	size_t held_sent; /* of them, in this attempt */
	unsigned held_attempt;
	size_t peeked_sent;
	struct call_scrub *scrub; /* NULL: the answer goes as it comes */
	struct buf scrub_buf;	  /* of the answer: on its way through */
	size_t scrub_done;	  /* of them, masked already */
	struct loop_again again;
	struct via *next; /* spare */
};

struct gateway {
	struct call_worker *calls;
	struct people_view *people;
	bool scrub; /* the setting */
	struct via *spare;
	unsigned spare_count;
};

/* ---- key.c ---- */
/*
 * The caller's key, copied out of wherever it is; 0, ERR_NOT_FOUND, or
 * ERR_INVALID (two different keys, two Authorization fields).
 */
int gateway_key_find(const struct http_head *h, char out[GATEWAY_KEY_MAX],
		     size_t *len);

/* ---- rewrite.c ---- */
/* What a reference in an answer is read against. */
struct gateway_url_base {
	struct slice link;
	const struct binding *binding;
	bool https; /* of the URL that was called */
	struct slice authority;
	struct slice base_path, path; /* one after the other; with query */
	struct slice own_host;	      /* as the client calls this server */
};

/*
 * Appends the gateway's form of a URL reference (RFC 3986 4.1): references
 * to hosts of the binding, and relative ones, become /via/{link}/URL; others
 * stay.  What leads to this server itself gets that form too (and is refused
 * there), so that no answer sends the client's key to another of its
 * connections; for the same reason nothing is written for an http URL that
 * cannot be read strictly.  Errors stick in out.
 */
void gateway_url_rewrite(const struct gateway_url_base *from, struct slice url,
			 struct buf *out);

/* ---- scrub.c ---- */
/* A field of the client's that is not passed on, so that the answer can be
 * searched for secrets. */
bool gateway_scrub_withholds(const struct via *v, const struct http_field *f);
/* Before the answer's head goes out: masks it, and sets v->scrub where the
 * body must be masked.  ERR_UNSUPPORTED: the body is compressed; ERR_NOMEM. */
int gateway_scrub_start(struct via *v);
void gateway_scrub_end(struct via *v);
/* As http_relay(), with what was read ahead in front, of a scrubbed answer. */
enum http_relay gateway_scrub_relay(struct via *v, struct http_writer *w,
				    uint64_t *moved);

/* ---- link.c ---- */
/*
 * Appends a Link field's value (RFC 8288 3) with all of its references so.
 * What cannot be read strictly, and all behind it, is left out; nothing is
 * appended when that is all.  Errors stick in out.
 */
void gateway_link_rewrite(const struct gateway_url_base *from,
			  struct slice value, struct buf *out);

/* ---- answer.c ---- */
/* Writes the head of the service's answer for the client; sets the body's
 * framing.  0 or ERR_TOO_LARGE, then nothing is written. */
int gateway_answer_head(struct via *v);
/* Answers with a problem of our own and ends the exchange. */
void gateway_answer_problem(struct http_exchange *x,
			    const struct call_problem *p);

#endif
