/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader and writer: messages on a stream, without copying bodies.
 *
 * The reader's block:   [ kept head | read | unread ........ | free ]
 *                       0           keep   begin           end
 *
 * Chunked bodies are decoded strictly and framed anew by the writer, so that
 * what leaves has one reading whatever came in: chunk extensions and
 * trailers end here.
 *
 * Runs in the front on the call path, in the exchanger and the CLI.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/http_priv.h"

/* ---- blocks ---- */

enum {
	FREE_BLOCKS_MAX = 256,
	CHUNK_LINE_MAX = 4096,	     /* an extension, or all trailers */
	CHUNK_DIGITS_MAX = 16,	     /* of a size, zeros in front included */
	CHUNK_WASTE_MAX = 16 * 1024, /* extensions beyond what they carry */
	RELAY_ROUNDS = 16,	     /* blocks in a row for one message */
};

struct http_block {
	struct http_block *next;
};

static char *
block_take(struct http_blocks *b)
{
	struct http_block *block = b->free;

	if (block) {
		b->free = block->next;
		b->free_count--;
	} else {
		block = malloc(HTTP_BLOCK_SIZE);
		if (!block)
			return NULL;
	}
	b->used_count++;
	return (char *)block;
}

static void
block_give(struct http_blocks *b, char *data)
{
	struct http_block *block = (void *)data;

	if (!data)
		return;
	b->used_count--;
	if (b->free_count >= FREE_BLOCKS_MAX) {
		free(data);
		return;
	}
	block->next = b->free;
	b->free = block;
	b->free_count++;
}

void
http_blocks_release(struct http_blocks *b)
{
	struct http_block *block;

	while ((block = b->free)) {
		b->free = block->next;
		free(block);
	}
	b->free_count = 0;
}

/* ---- reading ---- */

enum chunk_state {
	CHUNK_SIZE_FIRST, /* a digit must come */
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER_FIRST,
	CHUNK_TRAILER_NAME,
	CHUNK_TRAILER,
	CHUNK_TRAILER_LF,
	CHUNK_END_LF,
};

void
http_reader_init(struct http_reader *r, struct net_stream *s,
		 struct http_blocks *b)
{
	memset(r, 0, sizeof(*r));
	r->stream = s;
	r->blocks = b;
}

void
http_reader_release(struct http_reader *r)
{
	block_give(r->blocks, r->data);
	r->data = NULL;
	r->begin = r->end = r->keep = 0;
}

/* Makes room behind the unread bytes. */
static int
reader_make_room(struct http_reader *r)
{
	if (!r->data) {
		r->data = block_take(r->blocks);
		if (!r->data)
			return ERR_NOMEM;
		r->begin = r->end = r->keep = 0;
	}
	if (r->begin == r->end)
		r->begin = r->end = r->keep;
	if (r->end < HTTP_BLOCK_SIZE)
		return 0;
	if (r->begin == r->keep)
		return ERR_TOO_LARGE;
	memmove(r->data + r->keep, r->data + r->begin, r->end - r->begin);
	r->end -= r->begin - r->keep;
	r->begin = r->keep;
	return 0;
}

ssize_t
http_reader_fill(struct http_reader *r)
{
	size_t room;
	ssize_t n;
	int rc;

	if (r->drained)
		return ERR_AGAIN;
	rc = reader_make_room(r);
	if (rc)
		return rc;
	room = HTTP_BLOCK_SIZE - r->end;
	n = net_stream_read(r->stream, r->data + r->end, room);
	if (n > 0) {
		r->end += (size_t)n;
		/* A short read of a plain socket has emptied it: its next
		 * bytes will be announced. */
		r->drained = (size_t)n < room && !r->stream->ssl && !r->hangup;
	} else if (n == ERR_AGAIN) {
		r->drained = 1;
		if (r->begin == r->end && r->keep == 0)
			http_reader_release(r);
	}
	return n;
}

struct slice
http_reader_bytes(const struct http_reader *r)
{
	if (!r->data)
		return SLICE_NONE;
	return slice_of(r->data + r->begin, r->end - r->begin);
}

void
http_reader_skip(struct http_reader *r, size_t n)
{
	ASSERT(!r->keep && n <= r->end - r->begin);
	r->begin += n;
	memmove(r->data, r->data + r->begin, r->end - r->begin);
	r->end -= r->begin;
	r->begin = 0;
}

void
http_reader_start_body(struct http_reader *r, const struct http_head *h)
{
	r->begin += h->size;
	r->keep = r->begin;
	r->body = h->body;
	r->left = h->body == HTTP_BODY_LENGTH ? h->content_length : 0;
	r->chunk_state = CHUNK_SIZE_FIRST;
	r->line_used = 0;
	r->waste = 0;
	r->failed = 0;
	r->done = h->body == HTTP_BODY_NONE ||
		  (h->body == HTTP_BODY_LENGTH && r->left == 0);
}

static int
chunk_size_digit(struct http_reader *r, char c)
{
	int value = http_hex_value(c);

	if (value >= 0) {
		if (r->left >> 56 || ++r->line_used > CHUNK_DIGITS_MAX)
			return ERR_PROTOCOL;
		r->left = r->left * 16 + (unsigned)value;
		r->chunk_state = CHUNK_SIZE;
		return 0;
	}
	if (r->chunk_state == CHUNK_SIZE_FIRST)
		return ERR_PROTOCOL;
	if (c == ';')
		r->chunk_state = CHUNK_EXTENSION;
	else if (c == '\r')
		r->chunk_state = CHUNK_SIZE_LF;
	else
		return ERR_PROTOCOL;
	return 0;
}

/* Text up to CR: an extension or a trailer line, which are dropped. */
static int
chunk_text(struct http_reader *r, char c, enum chunk_state after)
{
	if (c == '\r') {
		r->chunk_state = (uint8_t)after;
		return 0;
	}
	if (!HTTP_IS(c, HTTP_VALUE) || ++r->line_used > CHUNK_LINE_MAX)
		return ERR_PROTOCOL;
	return 0;
}

/*
 * An extension's byte.  Those of all chunks together may not outweigh the
 * data by more than CHUNK_WASTE_MAX: else a body of one byte a chunk would
 * cost thousands of times what it carries.
 */
static int
chunk_extension(struct http_reader *r, char c)
{
	if (++r->waste > CHUNK_WASTE_MAX)
		return ERR_PROTOCOL;
	return chunk_text(r, c, CHUNK_SIZE_LF);
}

/* The size line is over. */
static int
chunk_begin(struct http_reader *r, char c)
{
	r->waste -= r->waste < r->left ? r->waste : (uint32_t)r->left;
	r->chunk_state = r->left ? CHUNK_DATA : CHUNK_TRAILER_FIRST;
	return c == '\n' ? 0 : ERR_PROTOCOL;
}

static int
chunk_trailer_name(struct http_reader *r, char c)
{
	if (c == ':') {
		r->chunk_state = CHUNK_TRAILER;
		return 0;
	}
	if (!HTTP_IS(c, HTTP_TOKEN) || ++r->line_used > CHUNK_LINE_MAX)
		return ERR_PROTOCOL;
	return 0;
}

static int
chunk_expect(struct http_reader *r, char c, char want, enum chunk_state after)
{
	r->chunk_state = (uint8_t)after;
	return c == want ? 0 : ERR_PROTOCOL;
}

/* Takes one byte of framing. */
static int
chunk_step(struct http_reader *r, char c)
{
	switch ((enum chunk_state)r->chunk_state) {
	case CHUNK_SIZE_FIRST:
	case CHUNK_SIZE:
		return chunk_size_digit(r, c);
	case CHUNK_EXTENSION:
		return chunk_extension(r, c);
	case CHUNK_SIZE_LF:
		return chunk_begin(r, c);
	case CHUNK_DATA_CR:
		return chunk_expect(r, c, '\r', CHUNK_DATA_LF);
	case CHUNK_DATA_LF:
		r->line_used = 0;
		return chunk_expect(r, c, '\n', CHUNK_SIZE_FIRST);
	case CHUNK_TRAILER_FIRST:
		if (c == '\r') {
			r->chunk_state = CHUNK_END_LF;
			return 0;
		}
		if (!HTTP_IS(c, HTTP_TOKEN))
			return ERR_PROTOCOL;
		r->chunk_state = CHUNK_TRAILER_NAME;
		return chunk_trailer_name(r, c);
	case CHUNK_TRAILER_NAME:
		return chunk_trailer_name(r, c);
	case CHUNK_TRAILER:
		return chunk_text(r, c, CHUNK_TRAILER_LF);
	case CHUNK_TRAILER_LF:
		return chunk_expect(r, c, '\n', CHUNK_TRAILER_FIRST);
	case CHUNK_END_LF:
		r->done = c == '\n';
		return r->done ? 0 : ERR_PROTOCOL;
	case CHUNK_DATA:
		break;
	}
	return ERR_PROTOCOL;
}

/* Passes framing bytes until data, the end, or the end of what is there. */
static int
reader_pass_framing(struct http_reader *r)
{
	int rc;

	while (r->begin < r->end && r->chunk_state != CHUNK_DATA) {
		rc = chunk_step(r, r->data[r->begin++]);
		if (rc)
			return rc;
		if (r->done)
			return ERR_CLOSED;
	}
	return 0;
}

/* Body bytes among those that are there: 0, ERR_AGAIN, ERR_CLOSED at the
 * end, ERR_PROTOCOL. */
static int
reader_have(struct http_reader *r, struct slice *data)
{
	int rc;

	if (r->body == HTTP_BODY_CHUNKED) {
		rc = reader_pass_framing(r);
		if (rc)
			return rc;
	}
	if (r->begin == r->end)
		return ERR_AGAIN;
	*data = http_reader_bytes(r);
	if (r->body != HTTP_BODY_UNTIL_CLOSE && data->len > r->left)
		data->len = (size_t)r->left;
	return 0;
}

int
http_reader_peek(struct http_reader *r, struct slice *data)
{
	ssize_t n;
	int rc;

	for (;;) {
		if (r->failed)
			return ERR_PROTOCOL;
		if (r->done)
			return ERR_CLOSED;
		rc = reader_have(r, data);
		if (rc == ERR_PROTOCOL)
			r->failed = 1;
		if (rc != ERR_AGAIN)
			return rc;
		n = http_reader_fill(r);
		if (n > 0)
			continue;
		if (n == ERR_AGAIN || n == ERR_NOMEM)
			return (int)n;
		if (n == 0 && r->body == HTTP_BODY_UNTIL_CLOSE)
			r->done = 1;
		else
			r->failed = 1;
	}
}

void
http_reader_consume(struct http_reader *r, size_t n)
{
	ASSERT(n <= r->end - r->begin);
	r->begin += n;
	if (r->body == HTTP_BODY_UNTIL_CLOSE)
		return;
	ASSERT(n <= r->left);
	r->left -= n;
	if (r->left)
		return;
	if (r->body == HTTP_BODY_CHUNKED)
		r->chunk_state = CHUNK_DATA_CR;
	else
		r->done = 1;
}

void
http_reader_next(struct http_reader *r)
{
	size_t unread = r->end - r->begin;

	if (unread)
		memmove(r->data, r->data + r->begin, unread);
	r->begin = r->keep = 0;
	r->end = unread;
	r->done = 0;
	r->failed = 0;
	if (!unread)
		http_reader_release(r);
}

/* ---- writing ---- */

void
http_writer_init(struct http_writer *w, struct net_stream *s,
		 struct http_blocks *b)
{
	memset(w, 0, sizeof(*w));
	w->stream = s;
	w->blocks = b;
}

static void
writer_give_block(struct http_writer *w)
{
	block_give(w->blocks, w->out);
	w->out = NULL;
	w->out_begin = w->out_end = 0;
}

void
http_writer_release(struct http_writer *w)
{
	if (w->out) /* heads carry credentials */
		secret_wipe(w->out, w->out_end);
	writer_give_block(w);
}

char *
http_writer_room(struct http_writer *w, size_t len)
{
	size_t pending = w->out_end - w->out_begin;

	if (!w->out) {
		w->out = block_take(w->blocks);
		if (!w->out)
			return NULL;
		w->out_begin = w->out_end = 0;
	}
	if (w->out_end + len > HTTP_BLOCK_SIZE && w->out_begin) {
		memmove(w->out, w->out + w->out_begin, pending);
		secret_wipe(w->out + pending, w->out_end - pending);
		w->out_end = pending;
		w->out_begin = 0;
	}
	if (w->out_end + len > HTTP_BLOCK_SIZE)
		return NULL;
	return w->out + w->out_end;
}

void
http_writer_added(struct http_writer *w, size_t len)
{
	w->out_end += len;
	ASSERT(w->out_end <= HTTP_BLOCK_SIZE);
}

int
http_writer_put(struct http_writer *w, struct slice bytes)
{
	char *room;

	if (!bytes.len)
		return 0;
	room = http_writer_room(w, bytes.len);
	if (!room)
		return w->out ? ERR_TOO_LARGE : ERR_NOMEM;
	memcpy(room, bytes.ptr, bytes.len);
	http_writer_added(w, bytes.len);
	return 0;
}

void
http_writer_start_body(struct http_writer *w, enum http_body body,
		       uint64_t length)
{
	w->body = body;
	w->left = body == HTTP_BODY_LENGTH ? length : 0;
	w->in_chunk = 0;
	w->ended = 0;
}

/* Of n written bytes: what was pending, what was data; the rest was the
 * chunk's tail. */
static void
writer_account(struct http_writer *w, size_t n, size_t piece, size_t tail,
	       size_t *taken)
{
	size_t pending = w->out_end - w->out_begin;
	size_t part = n < pending ? n : pending;

	w->sent += n;
	w->out_begin += part;
	n -= part;
	if (w->out_begin == w->out_end && w->out) {
		secret_wipe(w->out, w->out_end);
		writer_give_block(w);
	}
	part = n < piece ? n : piece;
	n -= part;
	*taken += part;
	if (w->body == HTTP_BODY_LENGTH || w->body == HTTP_BODY_CHUNKED)
		w->left -= part;
	if (tail && part == piece) {
		w->in_chunk = 0;
		if (n < tail) /* room was made before */
			http_writer_put(w, slice_from(SLICE("\r\n"), n));
	}
}

/* Opens a chunk of this size, if none is open.  ERR_TOO_LARGE: what is
 * pending leaves no room. */
static int
writer_open_chunk(struct http_writer *w, size_t len)
{
	char line[24];
	int n, rc;

	if (w->in_chunk)
		return 0;
	n = snprintf(line, sizeof(line), "%zx\r\n", len);
	rc = http_writer_put(w, slice_of(line, (size_t)n));
	if (rc)
		return rc;
	w->left = len;
	w->in_chunk = 1;
	return 0;
}

static int
writer_send_once(struct http_writer *w, struct slice data, size_t *taken)
{
	size_t piece = data.len, tail = 0, total;
	struct iovec iov[3];
	int count = 0, rc;
	ssize_t n;

	if (w->body == HTTP_BODY_CHUNKED && piece) {
		rc = writer_open_chunk(w, piece);
		if (rc == ERR_TOO_LARGE)
			piece = 0; /* first what is pending */
		else if (rc)
			return rc;
		else if (piece >= w->left) {
			piece = (size_t)w->left;
			tail = 2;
		}
	}
	if (!http_writer_is_empty(w))
		iov[count++] = (struct iovec){ w->out + w->out_begin,
					       w->out_end - w->out_begin };
	if (piece)
		iov[count++] = (struct iovec){ (void *)data.ptr, piece };
	if (tail)
		iov[count++] = (struct iovec){ (void *)"\r\n", 2 };
	if (!count)
		return 0;
	total = w->out_end - w->out_begin + piece + tail;
	n = net_stream_writev(w->stream, iov, count);
	if (n < 0)
		return (int)n;
	writer_account(w, (size_t)n, piece, tail, taken);
	/* TLS joins at most one record a call: a short count is no news
	 * there, so it is asked again until it says so. */
	return (size_t)n < total && !w->stream->ssl ? ERR_AGAIN : 0;
}

int
http_writer_send(struct http_writer *w, struct slice data, size_t *taken)
{
	int rc;

	*taken = 0;
	ASSERT(w->body != HTTP_BODY_LENGTH || data.len <= w->left);
	do {
		rc = writer_send_once(w, slice_from(data, *taken), taken);
		if (rc)
			return rc;
	} while (*taken < data.len || !http_writer_is_empty(w));
	return 0;
}

int
http_writer_flush(struct http_writer *w)
{
	size_t taken = 0;
	int rc = 0;

	while (!rc && !http_writer_is_empty(w))
		rc = writer_send_once(w, SLICE_NONE, &taken);
	return rc;
}

int
http_writer_end(struct http_writer *w)
{
	int rc = 0;

	if (w->ended)
		return 0;
	if (w->body == HTTP_BODY_CHUNKED) {
		ASSERT(!w->in_chunk);
		rc = http_writer_put(w, SLICE("0\r\n\r\n"));
		if (rc == ERR_TOO_LARGE) {
			rc = http_writer_flush(w);
			if (!rc)
				rc = http_writer_put(w, SLICE("0\r\n\r\n"));
		}
	}
	if (!rc)
		w->ended = 1;
	return rc;
}

void
http_writer_next(struct http_writer *w)
{
	ASSERT(http_writer_is_empty(w));
	w->body = HTTP_BODY_NONE;
	w->left = 0;
	w->ended = 0;
	w->in_chunk = 0;
}

/* ---- from one to the other ---- */

static enum http_relay
relay_end(struct http_writer *w)
{
	int rc = http_writer_end(w);

	if (!rc)
		rc = http_writer_flush(w);
	if (rc == ERR_AGAIN)
		return HTTP_RELAY_WAIT;
	return rc ? HTTP_RELAY_WRITE_FAILED : HTTP_RELAY_DONE;
}

enum http_relay
http_relay(struct http_reader *r, struct http_writer *w, uint64_t *moved)
{
	struct slice data;
	size_t taken;
	int rc, round;

	for (round = 0; round < RELAY_ROUNDS; round++) {
		rc = http_reader_peek(r, &data);
		if (rc == ERR_CLOSED)
			return relay_end(w);
		if (rc == ERR_AGAIN) {
			rc = http_writer_flush(w);
			return rc && rc != ERR_AGAIN ? HTTP_RELAY_WRITE_FAILED
						     : HTTP_RELAY_WAIT;
		}
		if (rc)
			return HTTP_RELAY_READ_FAILED;
		rc = http_writer_send(w, data, &taken);
		http_reader_consume(r, taken);
		*moved += taken;
		if (rc == ERR_AGAIN)
			return HTTP_RELAY_WAIT;
		if (rc)
			return HTTP_RELAY_WRITE_FAILED;
	}
	return HTTP_RELAY_MORE;
}
