/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses on a connection, one behind the other: interim ones, bodies by
 * length, in chunks, until the close, and none.  However the bytes are cut,
 * the same is read; each body is what its head says, read once more in the
 * plainest way, and not a byte behind it is taken.
 *
 * Input: a byte that tells which responses are to HEAD, a seed for the cuts,
 * then what the service sends before it closes.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "../support/fuzz_wire.h"

enum { RESPONSES = 8, WIRE_MAX = 48 * 1024 };

/* One response, as it was read. */
struct response {
	int head, end; /* what the reader said */
	unsigned interim;
	int status;
	enum http_body framing;
	uint64_t length;
	bool to_head;
	struct buf body;
	size_t from, to; /* the body in the wire's bytes */
};

struct reading {
	struct http_blocks blocks;
	struct net_stream stream;
	struct http_reader reader;
	struct http_head h;
	struct response list[RESPONSES];
	unsigned count; /* complete ones */
	bool in_body, over;
	uint8_t heads;
	size_t written;
};

/* How many of the bytes were taken so far. */
static size_t
taken(const struct reading *r)
{
	int waiting = 0;

	ASSERT(!ioctl(r->stream.fd, FIONREAD, &waiting));
	return r->written - (size_t)waiting - http_reader_bytes(&r->reader).len;
}

/* True while there may be more. */
static bool
read_head(struct reading *r)
{
	struct response *a = &r->list[r->count];

	a->to_head = r->heads >> r->count & 1;
	a->head = http_reader_response(&r->reader, a->to_head, &a->interim,
				       &r->h);
	if (a->head == ERR_AGAIN)
		return false;
	r->over = a->head || r->h.status < 200;
	if (a->head)
		return false;
	a->status = r->h.status;
	if (r->over)
		return false;
	a->framing = r->h.body;
	a->length = r->h.content_length;
	http_reader_start_body(&r->reader, &r->h);
	a->from = taken(r);
	buf_init(&a->body, WIRE_MAX);
	r->in_body = true;
	return true;
}

static bool
read_body(struct reading *r)
{
	struct response *a = &r->list[r->count];
	struct slice data;

	while (!(a->end = http_reader_peek(&r->reader, &data))) {
		ASSERT(data.len);
		ASSERT(!buf_put_slice(&a->body, data));
		http_reader_consume(&r->reader, data.len);
	}
	if (a->end == ERR_AGAIN)
		return false;
	a->to = taken(r);
	r->in_body = false;
	r->over = a->end != ERR_CLOSED || a->framing == HTTP_BODY_UNTIL_CLOSE ||
		  ++r->count == RESPONSES;
	if (!r->over)
		http_reader_next(&r->reader);
	return !r->over;
}

static void
go_on(struct reading *r, unsigned events)
{
	http_reader_ready(&r->reader, events);
	while (!r->over && (r->in_body ? read_body(r) : read_head(r)))
		;
}

static void
read_all(struct slice wire, uint8_t heads, uint32_t cuts, struct reading *r)
{
	size_t n;
	int fds[2];

	memset(r, 0, sizeof(*r));
	r->heads = heads;
	ASSERT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	net_stream_accept(&r->stream, fds[1], NULL);
	http_reader_init(&r->reader, &r->stream, &r->blocks);
	/* What nobody reads would fill the socket. */
	while (r->written < wire.len && !r->over) {
		n = fuzz_cut(&cuts, r->written, wire.len);
		ASSERT(write(fds[0], wire.ptr + r->written, n) == (ssize_t)n);
		r->written += n;
		go_on(r, LOOP_READ);
	}
	close(fds[0]);
	if (!r->over)
		go_on(r, LOOP_READ | LOOP_HANGUP);
	ASSERT(r->over);
	http_reader_release(&r->reader);
	ASSERT(!r->blocks.used_count);
	net_stream_close(&r->stream);
	http_blocks_release(&r->blocks);
}

/* The body as the head says, in the plainest way. */
static void
check_body(const struct response *a, struct slice wire)
{
	struct slice rest = slice_from(wire, a->from);
	struct buf plain;
	size_t used = 0;

	buf_init(&plain, WIRE_MAX);
	if (a->to_head || a->status == 204 || a->status == 304)
		ASSERT(a->framing == HTTP_BODY_NONE);
	if (a->framing == HTTP_BODY_LENGTH)
		used = (size_t)a->length;
	else if (a->framing == HTTP_BODY_UNTIL_CLOSE)
		used = rest.len;
	if (a->framing == HTTP_BODY_CHUNKED)
		used = fuzz_unchunk(rest, &plain);
	else
		buf_put_slice(&plain, slice_head(rest, used));
	ASSERT(a->to == a->from + used);
	ASSERT(slice_eq(buf_slice(&plain), buf_slice(&a->body)));
	buf_release(&plain);
}

static void
check_same(const struct response *a, const struct response *b)
{
	ASSERT(a->head == b->head && a->end == b->end);
	ASSERT(a->status == b->status && a->interim == b->interim);
	ASSERT(a->framing == b->framing && a->length == b->length);
	ASSERT(a->from == b->from);
	if (a->end == ERR_CLOSED)
		ASSERT(a->to == b->to);
	ASSERT(slice_eq(buf_slice(&a->body), buf_slice(&b->body)));
	ASSERT(a->interim <= HTTP_INTERIM_MAX + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading once, pieces;
	struct response *a;
	struct slice wire;
	unsigned i;

	if (size < 2 || size > WIRE_MAX)
		return 0;
	wire = slice_of(data + 2, size - 2);
	read_all(wire, data[0], 0, &once);
	read_all(wire, data[0], (data[1] + 1U) * 2654435761U, &pieces);
	ASSERT(once.count == pieces.count);
	for (i = 0; i < RESPONSES; i++) {
		a = &once.list[i];
		check_same(a, &pieces.list[i]);
		if (a->end == ERR_CLOSED)
			check_body(a, wire);
		buf_release(&a->body);
		buf_release(&pieces.list[i].body);
	}
	return 0;
}
