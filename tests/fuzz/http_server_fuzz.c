/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the server's, with requests one behind the other: however his
 * bytes are cut, each request that is whole gets its one answer, in order;
 * one that is not HTTP is refused, and nothing behind it is read for a
 * request; the connection is told to stay or not, and does so; and when he
 * has said his last the server holds nothing of him, in a bounded number of
 * turns.
 *
 * Input: a seed for the cuts, then the bytes.
 */
#include <unistd.h>

#include "../support/fuzz_wire.h"
#include "http/server_priv.h"

enum {
	BODY_MAX = 64 * 1024,
	WIRE_MAX = 40 * 1024,
	ANSWERS_MAX = 2500,
	TURNS = 3,
	LONG_MS = 3600 * 1000,
};

static struct {
	struct loop *loop;
	struct http_server *server;
	struct net_addr addr;
	struct loop_again turn;
	unsigned turns;
} world;

/* What the answers are to be, or were. */
struct answers {
	struct buf text;
	bool to_head[ANSWERS_MAX];
	unsigned count;
	/* The last is due to the end of a line that is not whole: it comes
	 * or not, as the server looks again where a line ends. */
	bool perhaps;
	size_t without; /* of the text, when it does not */
};

static void
note(struct answers *a, int status, bool stays, uint64_t length,
     struct slice body)
{
	buf_printf(&a->text, "%d %s %llu ", status, stays ? "stays" : "ends",
		   (unsigned long long)length);
	buf_put_slice(&a->text, body);
	buf_puts(&a->text, "\n");
}

/* ---- the server's side ---- */

static int
status_of(int err)
{
	return !err ? 200 : err == ERR_TOO_LARGE ? 413 : 400;
}

static void
body_ready(struct http_exchange *x, struct slice body, int err, void *arg)
{
	(void)arg;
	if (err != ERR_CLOSED)
		http_exchange_answer(x, status_of(err), NULL,
				     err ? SLICE_NONE : body);
}

static void
request(struct http_exchange *x, void *arg)
{
	const struct http_head *h = http_exchange_head(x);

	(void)arg;
	if (h->body == HTTP_BODY_NONE)
		http_exchange_answer(x, 200, NULL, h->target);
	else
		http_exchange_collect(x, BODY_MAX, body_ready, NULL);
}

static void
refuse(struct http_exchange *x, int status, const char *why, void *arg)
{
	(void)arg;
	http_exchange_answer(x, status, NULL, slice_str(why));
}

static void
world_begin(void)
{
	static const struct http_server_config config = {
		.head_timeout_ms = LONG_MS,
		.idle_timeout_ms = LONG_MS,
		.body_timeout_ms = LONG_MS,
		.max_connections = 4,
		.request = request,
		.refuse = refuse,
	};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* Without a path: the kernel chooses a name that is no file's. */
	world.addr.len = sizeof(sa_family_t);
	world.addr.u.sa.sa_family = AF_UNIX;
	ASSERT(!bind(fd, &world.addr.u.sa, world.addr.len));
	world.addr.len = sizeof(world.addr.u);
	ASSERT(!getsockname(fd, &world.addr.u.sa, &world.addr.len));
	ASSERT(!listen(fd, 4));
	ASSERT(!loop_new(&world.loop));
	ASSERT(!http_server_new(world.loop, &config, &world.server));
	ASSERT(!http_server_listen(world.server, fd, NULL, true));
}

static void
turn_over(struct loop_again *again)
{
	if (--world.turns)
		loop_again_start(world.loop, again, turn_over);
	else
		loop_stop(world.loop);
}

static void
go_on(void)
{
	world.turns = TURNS;
	loop_again_start(world.loop, &world.turn, turn_over);
	loop_run(world.loop);
}

/* ---- the client's side ---- */

static bool
hear(int fd, struct buf *out)
{
	char piece[16 * 1024];
	size_t before = out->len;
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		ASSERT(!buf_put(out, piece, (size_t)n));
	return out->len > before;
}

static void
talk(struct slice wire, uint32_t cuts, struct buf *heard)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	size_t at, n;

	ASSERT(!connect(fd, &world.addr.u.sa, world.addr.len));
	for (at = 0; at < wire.len; at += n) {
		n = fuzz_cut(&cuts, at, wire.len);
		if (send(fd, wire.ptr + at, n, MSG_NOSIGNAL) < 0)
			break; /* it has closed */
		go_on();
		while (hear(fd, heard))
			go_on();
	}
	shutdown(fd, SHUT_WR);
	do
		go_on();
	while (hear(fd, heard));
	ASSERT(!http_server_connections(world.server));
	ASSERT(!world.server->blocks.used_count);
	close(fd);
}

/* ---- what is right ---- */

/* A chunked body at the start of the bytes: ERR_CLOSED when it is whole. */
static int
read_chunked(struct slice bytes, struct buf *body, size_t *size)
{
	struct http_head h = { .body = HTTP_BODY_CHUNKED };
	struct http_blocks blocks = { 0 };
	struct net_stream stream;
	struct http_reader r;
	struct slice data;
	int fds[2], rc;

	ASSERT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	ASSERT(write(fds[0], bytes.ptr, bytes.len) == (ssize_t)bytes.len);
	close(fds[0]);
	net_stream_accept(&stream, fds[1], NULL);
	http_reader_init(&r, &stream, &blocks);
	http_reader_ready(&r, LOOP_READ | LOOP_HANGUP);
	http_reader_start_body(&r, &h);
	while (!(rc = http_reader_peek(&r, &data))) {
		buf_put_slice(body, data);
		http_reader_consume(&r, data.len);
	}
	http_reader_release(&r);
	net_stream_close(&stream);
	http_blocks_release(&blocks);
	buf_reset(body);
	*size = rc == ERR_CLOSED ? fuzz_unchunk(bytes, body) : 0;
	return rc;
}

static int
body_of(const struct http_head *h, struct slice rest, struct buf *body,
	size_t *size)
{
	int rc = 0;

	*size = 0;
	if (h->body == HTTP_BODY_CHUNKED) {
		rc = read_chunked(rest, body, size);
		return rc == ERR_CLOSED ? 0 : ERR_PROTOCOL;
	}
	if (h->content_length > BODY_MAX)
		return ERR_TOO_LARGE;
	if (h->content_length > rest.len)
		return ERR_PROTOCOL;
	*size = (size_t)h->content_length;
	return buf_put_slice(body, slice_head(rest, *size));
}

/* One request's answer; what is left, nothing when the connection ends. */
static struct slice
expect_one(struct answers *a, const struct http_head *h, struct slice rest)
{
	bool to_head = slice_eq(h->method, SLICE("HEAD")), stays;
	struct slice said = h->target;
	struct buf body;
	size_t size = 0;
	int err = 0;

	ASSERT(a->count < ANSWERS_MAX);
	a->to_head[a->count++] = to_head;
	buf_init(&body, BODY_MAX);
	if (h->body != HTTP_BODY_NONE) {
		err = body_of(h, rest, &body, &size);
		said = err ? SLICE_NONE : buf_slice(&body);
		if (h->expect_continue && err != ERR_TOO_LARGE)
			note(a, 100, true, 0, SLICE_NONE);
	}
	stays = h->keep_alive && !err;
	note(a, status_of(err), stays, said.len, to_head ? SLICE_NONE : said);
	buf_release(&body);
	return stays ? slice_from(rest, size) : SLICE_NONE;
}

/* Whether a head that is refused would not be, up to its last line's end. */
static bool
is_unsure(struct slice rest)
{
	static struct http_head h;
	size_t len = rest.len;

	while (len && rest.ptr[len - 1] != '\n')
		len--;
	return !len ||
	       http_head_request(slice_head(rest, len), &h) == ERR_AGAIN;
}

static void
expect(struct slice wire, struct answers *a)
{
	static struct http_head h;
	struct slice rest = wire, why;
	int rc;

	while (rest.len) {
		rc = http_head_request(rest, &h);
		if (rc == ERR_AGAIN)
			break;
		if (!rc) {
			rest = expect_one(a, &h, slice_from(rest, h.size));
			continue;
		}
		why = slice_str(h.why);
		a->perhaps = is_unsure(rest);
		a->without = a->text.len;
		a->to_head[a->count++] = slice_eq(h.method, SLICE("HEAD"));
		note(a, (int)h.error, false, why.len,
		     a->to_head[a->count - 1] ? SLICE_NONE : why);
		break;
	}
}

/* What Content-Length says, also where no body comes. */
static uint64_t
length_of(const struct http_head *h)
{
	uint64_t n = 0;

	if (h->status == 100)
		return 0;
	ASSERT(http_head_count(h, HTTP_CONTENT_LENGTH) == 1);
	ASSERT(!slice_to_u64(http_head_find(h, HTTP_CONTENT_LENGTH)->value,
			     BODY_MAX, &n));
	return n;
}

/* What was heard, as it should be. */
static void
understand(struct slice heard, struct answers *a, const struct answers *want)
{
	static struct http_head h;
	size_t len;

	while (heard.len) {
		ASSERT(a->count < want->count);
		ASSERT(!http_head_response(heard, want->to_head[a->count], &h));
		heard = slice_from(heard, h.size);
		len = h.body == HTTP_BODY_LENGTH ? h.content_length : 0;
		ASSERT(len <= heard.len);
		note(a, h.status, h.keep_alive, length_of(&h),
		     slice_head(heard, len));
		heard = slice_from(heard, len);
		a->count += h.status != 100;
	}
}

static void
check(struct slice wire, uint32_t cuts, const struct answers *want)
{
	static struct answers got;
	struct buf heard;

	got.count = 0;
	buf_init(&heard, 4 << 20);
	buf_init(&got.text, 4 << 20);
	talk(wire, cuts, &heard);
	understand(buf_slice(&heard), &got, want);
	if (want->perhaps && got.count < want->count) {
		ASSERT(got.count == want->count - 1);
		ASSERT(got.text.len == want->without);
	} else {
		ASSERT(got.text.len == want->text.len);
	}
	ASSERT(slice_eq(buf_slice(&got.text),
			slice_head(buf_slice(&want->text), got.text.len)));
	buf_release(&got.text);
	buf_release(&heard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answers want;
	struct slice wire;

	if (!world.loop)
		world_begin();
	if (!size || size > WIRE_MAX)
		return 0;
	wire = slice_of(data + 1, size - 1);
	want.count = 0;
	want.perhaps = false;
	buf_init(&want.text, 4 << 20);
	expect(wire, &want);
	check(wire, 0, &want);
	check(wire, (data[0] + 1U) * 2654435761U, &want);
	buf_release(&want.text);
	return 0;
}
