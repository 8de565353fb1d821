/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on a stream: a reader and a writer, each embedded in the owner of
 * a connection (a server's or an outgoing one).
 *
 * The reader holds one block of memory; head and body bytes are handed out
 * as slices of it, so nothing is copied on the way from one connection to
 * the other.  The writer frames what it is given (length or chunks) and
 * sends head, framing and body with one system call.
 *
 * Blocks come from a per-thread list (http_blocks) and are held only while
 * there is something in them: an idle connection has none.
 */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include "http/head.h"
#include "net/net.h"

/* ---- blocks ---- */

enum { HTTP_BLOCK_SIZE = HTTP_HEAD_MAX + 1024 };

struct http_blocks {
	struct http_block *free;
	unsigned free_count;
	unsigned used_count;
};

void http_blocks_release(struct http_blocks *b);

/* ---- reading ---- */

struct http_reader {
	struct net_stream *stream;
	struct http_blocks *blocks;
	char *data;	   /* NULL: no block */
	size_t begin, end; /* unread bytes; begin is past the kept head */
	size_t keep;	   /* bytes at the front that must stay (the head) */
	/* body */
	enum http_body body;
	uint64_t left;	     /* of the length, or of the current chunk */
	uint8_t chunk_state; /* private */
	uint8_t done;	     /* the body is read to its end: never if failed */
	uint16_t line_used;  /* bytes of the current chunk line or trailer */
	uint32_t waste; /* bytes of extensions not yet outweighed by data */
	uint8_t failed;
	uint8_t drained; /* the socket had no more at the last read */
	uint8_t hangup;	 /* the peer's end is on its way: read up to it */
};

/* The socket's owner tells what its loop has seen (LOOP_… bits). */
static inline void
http_reader_ready(struct http_reader *r, unsigned events)
{
	if (events & LOOP_READ)
		r->drained = 0;
	if (events & LOOP_HANGUP)
		r->hangup = 1;
}

void http_reader_init(struct http_reader *r, struct net_stream *s,
		      struct http_blocks *b);
void http_reader_release(struct http_reader *r);
/* Reads once from the stream.  >0; 0 at the stream's end; ERR_AGAIN;
 * ERR_CLOSED; ERR_TOO_LARGE when the block is full of unread bytes. */
ssize_t http_reader_fill(struct http_reader *r);
/* The unread bytes. */
struct slice http_reader_bytes(const struct http_reader *r);
/* Drops unread bytes (an interim answer's head), while no head is kept. */
void http_reader_skip(struct http_reader *r, size_t n);
enum { HTTP_INTERIM_MAX = 32 }; /* 1xx responses before the final one */
/*
 * The head of a response (RFC 9110, 15.2): interim ones are dropped and
 * counted in *interim, which begins at 0 for each request.  0 with *h, whose
 * bytes are unread still (http_reader_start_body comes next): the final one;
 * or, with a status below 200, a 101, or one interim response too many, after
 * which there is no going on.  ERR_AGAIN; ERR_CLOSED at the stream's end, with
 * unread bytes if that cut a head short; ERR_PROTOCOL with h->why;
 * ERR_TOO_LARGE.
 */
int http_reader_response(struct http_reader *r, bool to_head, unsigned *interim,
			 struct http_head *h);
/* After a parsed head: keeps its bytes in place and sets the body up. */
void http_reader_start_body(struct http_reader *r, const struct http_head *h);
/*
 * The next body bytes that are there: 0 with data (len > 0, borrowed until
 * consume); ERR_CLOSED at the end of the body (r->done); ERR_AGAIN when
 * none is there now (it has read the stream until it would block);
 * ERR_PROTOCOL when cut short or malformed.
 */
int http_reader_peek(struct http_reader *r, struct slice *data);
void http_reader_consume(struct http_reader *r, size_t n);
/* Forgets the message (must be done); bytes of the next one stay. */
void http_reader_next(struct http_reader *r);

/* ---- writing ---- */

struct http_writer {
	struct net_stream *stream;
	struct http_blocks *blocks;
	char *out; /* head and framing not yet sent; NULL: none */
	size_t out_begin, out_end;
	enum http_body body;
	uint64_t left; /* of the length, or of the chunk being sent */
	uint8_t in_chunk;
	uint8_t ended; /* http_writer_end was called */
	uint64_t sent; /* bytes taken by the stream, all in all */
};

void http_writer_init(struct http_writer *w, struct net_stream *s,
		      struct http_blocks *b);
void http_writer_release(struct http_writer *w);
/* Room for `len` bytes of head: write there, then http_writer_added().
 * NULL when it does not fit (ERR_TOO_LARGE) or memory is used up. */
char *http_writer_room(struct http_writer *w, size_t len);
void http_writer_added(struct http_writer *w, size_t len);
/* Copies head bytes.  0, ERR_TOO_LARGE, ERR_NOMEM. */
int http_writer_put(struct http_writer *w, struct slice bytes);
/* After the head: how the body is framed. */
void http_writer_start_body(struct http_writer *w, enum http_body body,
			    uint64_t length);
/* Sends pending bytes and then as much of data as the stream takes; *taken
 * tells how much.  0 when all was taken, ERR_AGAIN, ERR_CLOSED. */
int http_writer_send(struct http_writer *w, struct slice data, size_t *taken);
/* The body is complete (the last chunk is written).  Then flush.  ERR_AGAIN
 * and ERR_CLOSED as when sending: what is pending left no room for it. */
int http_writer_end(struct http_writer *w);
/* Sends what is pending: 0 when nothing is left, ERR_AGAIN, ERR_CLOSED. */
int http_writer_flush(struct http_writer *w);
/* Whether nothing waits to be sent. */
static inline bool
http_writer_is_empty(const struct http_writer *w)
{
	return w->out_begin == w->out_end;
}

/* Ready for the next message. */
void http_writer_next(struct http_writer *w);

/* ---- from one to the other ---- */

enum http_relay {
	HTTP_RELAY_DONE,	/* the whole body is over and flushed */
	HTTP_RELAY_WAIT,	/* one side must become ready */
	HTTP_RELAY_MORE,	/* others' turn: call again soon */
	HTTP_RELAY_READ_FAILED, /* the source broke off or lied */
	HTTP_RELAY_WRITE_FAILED,
};

/* Moves body bytes from r to w until one of them would block. */
enum http_relay http_relay(struct http_reader *r, struct http_writer *w,
			   uint64_t *moved);

#endif
