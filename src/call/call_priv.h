/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of call/.
 */
#ifndef CALL_CALL_PRIV_H
#define CALL_CALL_PRIV_H

#include <stdatomic.h>

#include "call/call.h"

enum {
	CALL_METHOD_SIZE = 16,
	CALL_HOST_SIZE = 128,
	CALL_PATH_SIZE = 256,
};

/* What is kept of a call.  Built from named fields, never from a request. */
struct call_record {
	int64_t at_ms;
	char org[27];
	char connection[27];
	char member[27];
	char key[27];
	char method[CALL_METHOD_SIZE];
	char host[CALL_HOST_SIZE];
	char path[CALL_PATH_SIZE]; /* without the query */
	int status;
	const char *code; /* of our own refusal, or NULL; static */
	uint64_t total_us, first_byte_us;
	uint64_t up, down;
	bool refreshed, reused;
};

struct call_records; /* one worker's queue of records */

struct call_worker {
	struct call_worker_config config;
	struct call_counters counters;
	struct call_records *records;
	char scratch[HTTP_HEAD_MAX + 2048]; /* a composed path, for a moment */
};

static inline void
call_count(_Atomic uint64_t *counter, uint64_t by)
{
	/* One writer: a load and a store will do. */
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + by, memory_order_relaxed);
}

/* ---- record.c ---- */
int call_records_new(struct call_worker *w, struct call_records **out);
/* A slot to fill, or NULL when the queue is full; then _commit. */
struct call_record *call_records_slot(struct call_records *r);
void call_records_commit(struct call_records *r);
/* Writes what is queued, waiting for it. */
void call_records_free(struct call_records *r);

/* ---- target.c ---- */
/* The URL that base path, path and actor's permission are judged by, before
 * any credential is asked for.  0, or ERR_BLOCKED, ERR_INVALID with
 * c->problem. */
int call_target_locate(struct call *c);
/* The guard's decision, with the sealed binding at hand; sets c->dest. */
int call_target_aim(struct call *c, struct connect_entry *entry);
/* Both for a bare call: an absolute https URL.  ERR_BLOCKED, ERR_INVALID. */
int call_target_bare(struct call *c);
/* Base path and path without query, composed in the worker's scratch; empty
 * (which no prefix allows) when they are longer than that. */
struct slice call_target_path(struct call *c);

/* ---- scope.c ---- */
/* The scope that an answer says is missing ("tickets.write"), or that is
 * probably meant ("perhaps Desk.tickets.READ"); "" when nothing is known. */
void call_scope_missing(const struct call *c, const struct binding_answer *a,
			char *out, size_t size);

/* ---- request.c ---- */
/* Writes the head of the request into the connection's writer. */
int call_request_put_head(struct call *c);
/* The bytes of the form injection, '&' included where needed. */
uint64_t call_request_form_length(const struct call *c);
int call_request_put_form(struct call *c);

/* ---- show.c ---- */
/* What the injection adds in this place, secrets masked, as it stands in the
 * request: "Name: Bearer •••\r\n", "name=•••&…".  Appends. */
void call_show_place(const struct call *c, enum catalog_place place,
		     struct buf *out);

/* ---- judge.c ---- */
enum call_verdict {
	CALL_STANDS,
	/* The token was refused: with another it is safe to send again … */
	CALL_SEND_AGAIN,
	/* … or it is not, and this answer stands. */
	CALL_RENEW_ONLY,
	CALL_NEEDS_BODY, /* more of the body must be read first */
};
enum call_verdict call_judge(struct call *c);
/* The token is not renewed, since it was made for the same reason. */
void call_judge_refused_again(struct call *c);

/* ---- locate.c ---- */
/* From the start: connection, permission, injection, then call_connect(). */
void call_locate(struct call *c);
/* The same for a call that was sent already, and is to be sent again. */
void call_look_again(struct call *c);
/* The connection that the call was sent through, as connect_view_find();
 * ERR_NOT_FOUND also where another has its link name by now. */
int call_find_again(struct call *c, struct connect_wait *w,
		    struct connect_entry **out);
/* The service has refused the token: with another one the call is sent again,
 * unless only_renew, or there is none: then the answer stands. */
void call_refresh(struct call *c, bool only_renew);
/* What the view was asked for has not come in time. */
void call_locate_timeout(struct call *c);

/* ---- call.c ---- */
/* The one setter of c->state; only legal moves. */
void call_move(struct call *c, enum call_state to);
/* Ends the call and tells its client; c->problem is set. */
void call_fail(struct call *c);
void call_connect(struct call *c);
/* The answer is the one that the client gets. */
void call_stands(struct call *c);
/* Back to the pool if whole and kept alive, else closed. */
void call_release_conn(struct call *c, bool whole);
/* The one timer of a call: what is late then depends on the state. */
void call_start_timer(struct call *c, uint32_t ms);
__attribute__((format(printf, 5, 6))) void
call_problem_set(struct call *c, int status, const char *code, const char *hint,
		 const char *fmt, ...);

#endif
