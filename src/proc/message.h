/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the roles.
 *
 * A channel is a SOCK_SEQPACKET socket pair on a loop.  The boundary is a
 * table: message, who may ask, handler.  Requests and replies are packed
 * fields, read back strictly: a message that does not unpack to its end, or
 * that this peer may not send, closes the channel (the parent then starts
 * both sides' connection anew).  Packed bytes live in locked memory and are
 * wiped, since messages carry secrets.
 */
#ifndef PROC_MESSAGE_H
#define PROC_MESSAGE_H

#include "loop/loop.h"

enum proc_role {
	PROC_PARENT,
	PROC_KEEPER,
	PROC_EXCHANGER,
	PROC_FRONT,
	PROC_ROLES,
};

enum { PROC_MESSAGE_MAX = 96 * 1024 };

/* ---- packing ---- */

struct proc_pack; /* fields being written; errors stick */

struct proc_pack *proc_pack_new(void);
void proc_pack_free(struct proc_pack *p); /* wipes; NULL is fine */
void proc_pack_u64(struct proc_pack *p, uint64_t v);
void proc_pack_bytes(struct proc_pack *p, struct slice s);
void proc_pack_str(struct proc_pack *p, const char *s); /* NULL as "" */
void proc_pack_secret(struct proc_pack *p, const struct secret *s);
/* How many bytes it has room for, lengths of fields among them. */
size_t proc_pack_room(const struct proc_pack *p);

/* The fields alone, to be sealed or kept (proc_unpack_from reads them).  Takes
 * p; NULL when a field did not fit. */
struct secret *proc_pack_detach(struct proc_pack *p);

/* Reading: the first mistake sticks and later getters give zeros. */
struct proc_unpack {
	struct slice rest;
	bool failed;
};

uint64_t proc_unpack_u64(struct proc_unpack *u);
/* Borrowed from the message. */
struct slice proc_unpack_bytes(struct proc_unpack *u, size_t max);
/* Copied with NUL into out[size]; NUL inside is a mistake. */
void proc_unpack_str(struct proc_unpack *u, char *out, size_t size);
/* A C string of the heap (free()), NULL on a mistake. */
char *proc_unpack_dup(struct proc_unpack *u, size_t max);
/* Owned; NULL on a mistake or when empty. */
struct secret *proc_unpack_secret(struct proc_unpack *u, size_t max);
/* True if everything was read, without mistake. */
bool proc_unpack_done(const struct proc_unpack *u);

/* ---- channels ---- */

struct proc_channel;
struct proc_request; /* one that was received and waits for its reply */

struct proc_message {
	uint16_t type;
	const char *name;
	unsigned from; /* bit mask of 1 << enum proc_role */
	/* Must reply once, now or later. */
	void (*handle)(struct proc_request *rq, struct proc_unpack *in,
		       void *arg);
};

/* Takes fd (-1: not connected yet).  The table ends with a NULL name. */
int proc_channel_new(struct loop *l, int fd, enum proc_role peer,
		     const struct proc_message *table, void *arg,
		     struct proc_channel **out);
void proc_channel_free(struct proc_channel *c);
/* The peer was restarted: calls under way end with ERR_CLOSED, and the
 * channel goes on over this fd. */
void proc_channel_replace(struct proc_channel *c, int fd);

/* For how long the asker waits from now on; UINT32_MAX: for ever.  What comes
 * when that is over already is not handled: the asker was told that it has
 * failed. */
uint32_t proc_request_left_ms(const struct proc_request *rq);
/* Whether the asker still waits: it has not been restarted, and its time is
 * not over. */
bool proc_request_is_awaited(const struct proc_request *rq);
/* Replies; takes `out` (may be NULL).  err goes to the asker. */
void proc_reply(struct proc_request *rq, int err, struct proc_pack *out);

/* A request under way; embedded in its owner. */
struct proc_call {
	/* in is valid during the call only (NULL unless err came with
	 * fields). */
	void (*done)(struct proc_call *call, int err, struct proc_unpack *in);
	struct proc_call *next;
	struct proc_channel *channel;
	struct loop_timer timer;
	uint32_t id;
};

/* Takes `body`.  done() is called later, also on ERR_CLOSED, ERR_TIMEOUT,
 * ERR_BUSY.  From the channel's loop only. */
void
proc_call_start(struct proc_channel *c, uint16_t type, struct proc_pack *body,
		uint32_t timeout_ms, struct proc_call *call,
		void (*done)(struct proc_call *, int, struct proc_unpack *));
void proc_call_cancel(struct proc_call *call);
/* A notice: no reply.  Takes body.  One that finds no room (thousands wait
 * for a peer that takes none) is dropped and counted. */
void proc_notify(struct proc_channel *c, uint16_t type, struct proc_pack *body);
/* Called when notices were dropped and there is room again; arg is the
 * table's. */
void proc_channel_on_missed(struct proc_channel *c,
			    void (*missed)(struct proc_channel *c, void *arg));
/*
 * A request from another thread (a work thread), waiting: *reply is owned
 * secret memory to unpack from (proc_unpack_from), NULL when err came
 * without fields.  Never from the channel's own thread.
 */
int proc_call_wait(struct proc_channel *c, uint16_t type,
		   struct proc_pack *body, uint32_t timeout_ms,
		   struct secret **reply);
struct proc_unpack proc_unpack_from(const struct secret *message);

#endif
