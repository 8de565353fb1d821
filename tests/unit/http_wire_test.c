/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on the wire, over a real socket pair: lengths, chunks, cuts, the
 * relay from one connection to another, and heads of responses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/http.h"

struct pair {
	int far; /* the test's own end */
	struct net_stream stream;
	struct http_blocks blocks;
	struct http_reader reader;
	struct http_writer writer;
};

static void
pair_init(struct pair *p)
{
	int fds[2];

	memset(p, 0, sizeof(*p));
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	p->far = fds[0];
	net_stream_accept(&p->stream, fds[1], NULL);
	http_reader_init(&p->reader, &p->stream, &p->blocks);
	http_writer_init(&p->writer, &p->stream, &p->blocks);
}

static void
pair_release(struct pair *p)
{
	http_reader_release(&p->reader);
	http_writer_release(&p->writer);
	net_stream_close(&p->stream);
	if (p->far >= 0)
		close(p->far);
	http_blocks_release(&p->blocks);
	assert_int_equal(p->blocks.used_count, 0);
}

static void
far_send(struct pair *p, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(write(p->far, text, len), (ssize_t)len);
	http_reader_ready(&p->reader, LOOP_READ);
}

static void
far_close(struct pair *p)
{
	close(p->far);
	p->far = -1;
	http_reader_ready(&p->reader, LOOP_READ | LOOP_HANGUP);
}

static void
body_begins(struct pair *p, enum http_body body, uint64_t length)
{
	struct http_head h = { .body = body, .content_length = length };

	http_reader_start_body(&p->reader, &h);
}

/* Reads the body as far as it goes; the final code. */
static int
read_all(struct pair *p, struct buf *out)
{
	struct slice data;
	int rc;

	while (!(rc = http_reader_peek(&p->reader, &data))) {
		buf_put_slice(out, data);
		http_reader_consume(&p->reader, data.len);
	}
	return rc;
}

static void
assert_chunked(const char *wire, int code, const char *body)
{
	struct pair p;
	struct buf b;
	size_t i;
	char one[2] = "";
	int rc = ERR_AGAIN;

	/* whole, and byte by byte */
	pair_init(&p);
	buf_init(&b, 1 << 16);
	far_send(&p, wire);
	body_begins(&p, HTTP_BODY_CHUNKED, 0);
	assert_int_equal(read_all(&p, &b), code);
	assert_int_equal(p.reader.done, code == ERR_CLOSED);
	if (body)
		assert_string_equal(buf_cstr(&b), body);
	pair_release(&p);
	buf_reset(&b);
	pair_init(&p);
	body_begins(&p, HTTP_BODY_CHUNKED, 0);
	for (i = 0; wire[i] && rc == ERR_AGAIN; i++) {
		one[0] = wire[i];
		far_send(&p, one);
		rc = read_all(&p, &b);
	}
	assert_int_equal(rc, code);
	assert_int_equal(p.reader.done, code == ERR_CLOSED);
	if (body)
		assert_string_equal(buf_cstr(&b), body);
	pair_release(&p);
	buf_release(&b);
}

static void
chunks_are_decoded(void **state)
{
	(void)state;
	assert_chunked("5\r\nhello\r\n0\r\n\r\n", ERR_CLOSED, "hello");
	assert_chunked("2\r\nhe\r\n03\r\nllo\r\n0\r\n\r\n", ERR_CLOSED,
		       "hello");
	assert_chunked("5;a=b\r\nhello\r\n0;x\r\n\r\n", ERR_CLOSED, "hello");
	assert_chunked("0\r\nTrailer: x\r\n\r\n", ERR_CLOSED, "");
	assert_chunked("5\r\nhel", ERR_AGAIN, "hel");
}

static void
malformed_chunks_are_refused(void **state)
{
	(void)state;
	assert_chunked("x\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("5\nhello\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("5\r\nhelloX\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("5\r\nhello\n", ERR_PROTOCOL, NULL);
	assert_chunked(" 5\r\nhello\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("0x5\r\nhello\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("+5\r\nhello\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("5 \r\nhello\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("fffffffffffffffff\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("0\r\n: x\r\n\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("0\r\nA: \x01\r\n\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("5;\x01\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("5;\"\r\n\"\r\nhello\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("0\r\nGET / HTTP/1.1\r\n\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("0\r\nA : x\r\n\r\n", ERR_PROTOCOL, NULL);
	assert_chunked("0\r\n\rX", ERR_PROTOCOL, NULL);
	assert_chunked("0\r\nA: x\r\n\rX", ERR_PROTOCOL, NULL);
	assert_chunked("0\r\n\r\r\n", ERR_PROTOCOL, NULL);
}

static void
zeros_before_a_size_have_an_end(void **state)
{
	(void)state;
	assert_chunked("0000000000000005\r\nhello\r\n0\r\n\r\n", ERR_CLOSED,
		       "hello");
	assert_chunked("00000000000000005\r\nhello\r\n", ERR_PROTOCOL, NULL);
}

/* `count` chunks of `size` bytes, each with an extension of `waste`. */
static int
chunks_with_extensions(size_t count, size_t size, size_t waste)
{
	struct pair p;
	struct buf b, line;
	int rc = ERR_AGAIN;

	pair_init(&p);
	buf_init(&b, 1 << 24);
	buf_init(&line, 1 << 16);
	body_begins(&p, HTTP_BODY_CHUNKED, 0);
	while (count-- && rc == ERR_AGAIN) {
		buf_reset(&line);
		buf_printf(&line, "%zx;%0*d\r\n%0*d\r\n", size, (int)waste, 0,
			   (int)size, 0);
		far_send(&p, buf_cstr(&line));
		rc = read_all(&p, &b);
	}
	buf_release(&line);
	buf_release(&b);
	pair_release(&p);
	return rc;
}

static void
extensions_may_not_outweigh_what_they_come_with(void **state)
{
	(void)state;
	assert_int_equal(chunks_with_extensions(100, 1, 1000), ERR_PROTOCOL);
	assert_int_equal(chunks_with_extensions(100, 1000, 1000), ERR_AGAIN);
	assert_int_equal(chunks_with_extensions(10, 1, 1000), ERR_AGAIN);
}

static void
a_length_ends_where_it_says(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	pair_init(&p);
	buf_init(&b, 100);
	far_send(&p, "helloGET");
	body_begins(&p, HTTP_BODY_LENGTH, 5);
	assert_int_equal(read_all(&p, &b), ERR_CLOSED);
	assert_string_equal(buf_cstr(&b), "hello");
	http_reader_next(&p.reader);
	assert_true(slice_eq(http_reader_bytes(&p.reader), SLICE("GET")));
	buf_release(&b);
	pair_release(&p);
}

static void
a_body_that_is_cut_short_is_an_error(void **state)
{
	struct pair p;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	pair_init(&p);
	far_send(&p, "hel");
	far_close(&p);
	body_begins(&p, HTTP_BODY_LENGTH, 5);
	assert_int_equal(read_all(&p, &b), ERR_PROTOCOL);
	pair_release(&p);
	pair_init(&p);
	far_send(&p, "5\r\nhello\r\n");
	far_close(&p);
	body_begins(&p, HTTP_BODY_CHUNKED, 0);
	assert_int_equal(read_all(&p, &b), ERR_PROTOCOL);
	pair_release(&p);
	pair_init(&p);
	buf_reset(&b);
	far_send(&p, "all of it");
	far_close(&p);
	body_begins(&p, HTTP_BODY_UNTIL_CLOSE, 0);
	assert_int_equal(read_all(&p, &b), ERR_CLOSED);
	assert_string_equal(buf_cstr(&b), "all of it");
	pair_release(&p);
	buf_release(&b);
}

/* Relays `total` bytes from one pair to another, reading the far end in
 * pieces; the bytes must arrive in order. */
static void
relay_bytes(size_t total, enum http_body framing)
{
	struct pair from, to;
	struct http_reader check;
	struct slice data;
	size_t sent = 0, got = 0, i, n;
	uint64_t moved = 0;
	char piece[4096];
	enum http_relay state = HTTP_RELAY_WAIT;
	struct net_stream far_stream;
	struct http_head h = { .body = framing, .content_length = total };

	pair_init(&from);
	pair_init(&to);
	net_stream_accept(&far_stream, to.far, NULL);
	http_reader_init(&check, &far_stream, &to.blocks);
	http_reader_start_body(&check, &h);
	body_begins(&from, HTTP_BODY_LENGTH, total);
	http_writer_start_body(&to.writer, framing, total);
	while (state != HTTP_RELAY_DONE || !check.done) {
		for (n = 0; n < 7 && sent < total; n++) {
			for (i = 0; i < sizeof(piece); i++)
				piece[i] = (char)((sent + i) * 31 >> 3);
			i = total - sent < sizeof(piece) ? total - sent
							 : sizeof(piece);
			if (write(from.far, piece, i) != (ssize_t)i)
				break;
			sent += i;
		}
		http_reader_ready(&from.reader, LOOP_READ);
		if (state != HTTP_RELAY_DONE)
			state = http_relay(&from.reader, &to.writer, &moved);
		assert_true(state != HTTP_RELAY_READ_FAILED &&
			    state != HTTP_RELAY_WRITE_FAILED);
		http_reader_ready(&check, LOOP_READ);
		while (!http_reader_peek(&check, &data)) {
			for (i = 0; i < data.len; i++)
				if (data.ptr[i] != (char)((got + i) * 31 >> 3))
					fail_msg("byte %zu is wrong", got + i);
			got += data.len;
			http_reader_consume(&check, data.len);
		}
		assert_false(check.failed);
	}
	assert_int_equal(got, total);
	assert_int_equal(moved, total);
	http_reader_release(&check);
	pair_release(&from);
	pair_release(&to);
}

static void
bodies_cross_with_either_framing(void **state)
{
	(void)state;
	relay_bytes(0, HTTP_BODY_CHUNKED);
	relay_bytes(1, HTTP_BODY_LENGTH);
	relay_bytes(4096 * 400 + 77, HTTP_BODY_LENGTH);
	relay_bytes(4096 * 400 + 77, HTTP_BODY_CHUNKED);
}

/* A head that leaves `room` bytes of its block; a chunked body; its end. */
static void
chunks_behind_a_head(size_t room, const char *body, const char *framed)
{
	char bytes[HTTP_BLOCK_SIZE + 64];
	size_t len = HTTP_BLOCK_SIZE - room, taken = 0;
	struct pair p;

	memset(bytes, 'h', len);
	pair_init(&p);
	assert_int_equal(http_writer_put(&p.writer, slice_of(bytes, len)), 0);
	http_writer_start_body(&p.writer, HTTP_BODY_CHUNKED, 0);
	if (*body)
		assert_int_equal(
			http_writer_send(&p.writer, slice_str(body), &taken),
			0);
	assert_int_equal(taken, strlen(body));
	assert_int_equal(http_writer_end(&p.writer), 0);
	assert_int_equal(http_writer_flush(&p.writer), 0);
	assert_int_equal(read(p.far, bytes, sizeof(bytes)),
			 len + strlen(framed));
	assert_memory_equal(bytes + len, framed, strlen(framed));
	pair_release(&p);
}

static void
a_chunk_that_finds_no_room_waits_for_what_is_before_it(void **state)
{
	size_t room;

	(void)state;
	for (room = 0; room < 12; room++) {
		chunks_behind_a_head(room, "hello", "5\r\nhello\r\n0\r\n\r\n");
		chunks_behind_a_head(room, "", "0\r\n\r\n");
	}
}

static void
the_end_of_a_body_waits_for_a_full_socket(void **state)
{
	char bytes[HTTP_BLOCK_SIZE + 64] = { 0 };
	size_t len = HTTP_BLOCK_SIZE - 3, junk = 0, got = 0;
	struct pair p;
	ssize_t n;

	(void)state;
	pair_init(&p);
	while ((n = write(p.stream.fd, bytes, 1000)) > 0)
		junk += (size_t)n;
	memset(bytes, 'h', len);
	assert_int_equal(http_writer_put(&p.writer, slice_of(bytes, len)), 0);
	http_writer_start_body(&p.writer, HTTP_BODY_CHUNKED, 0);
	assert_int_equal(http_writer_end(&p.writer), ERR_AGAIN);
	assert_int_equal(http_writer_end(&p.writer), ERR_AGAIN);
	while (got < junk && (n = read(p.far, bytes, 1000)) > 0)
		got += (size_t)n;
	assert_int_equal(http_writer_end(&p.writer), 0);
	assert_int_equal(http_writer_flush(&p.writer), 0);
	assert_int_equal(read(p.far, bytes, sizeof(bytes)), len + 5);
	assert_memory_equal(bytes + len, "0\r\n\r\n", 5);
	pair_release(&p);
}

/* ---- heads of responses ---- */

static int
response(struct pair *p, unsigned *interim, struct http_head *h)
{
	return http_reader_response(&p->reader, false, interim, h);
}

static void
interim_responses_stay_behind(void **state)
{
	struct http_head h;
	unsigned interim = 0;
	struct pair p;

	(void)state;
	pair_init(&p);
	assert_int_equal(response(&p, &interim, &h), ERR_AGAIN);
	far_send(&p, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
		     "Link: </a>\r\n\r\nHTTP/1.1 20");
	assert_int_equal(response(&p, &interim, &h), ERR_AGAIN);
	assert_int_equal(interim, 2);
	far_send(&p, "1 Created\r\nContent-Length: 2\r\n\r\nhi");
	assert_int_equal(response(&p, &interim, &h), 0);
	assert_int_equal(h.status, 201);
	assert_int_equal(h.count, 1);
	http_reader_start_body(&p.reader, &h);
	assert_true(slice_eq(http_reader_bytes(&p.reader), SLICE("hi")));
	pair_release(&p);
}

static void
interim_responses_have_an_end(void **state)
{
	struct http_head h;
	unsigned interim = 0, i;
	struct pair p;

	(void)state;
	pair_init(&p);
	for (i = 0; i < HTTP_INTERIM_MAX; i++)
		far_send(&p, "HTTP/1.1 102 Processing\r\n\r\n");
	assert_int_equal(response(&p, &interim, &h), ERR_AGAIN);
	far_send(&p, "HTTP/1.1 102 Processing\r\n\r\n");
	assert_int_equal(response(&p, &interim, &h), 0);
	assert_int_equal(h.status, 102);
	pair_release(&p);
}

static void
a_switch_of_protocols_is_given_as_it_is(void **state)
{
	struct http_head h;
	unsigned interim = 0;
	struct pair p;

	(void)state;
	pair_init(&p);
	far_send(&p, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
	assert_int_equal(response(&p, &interim, &h), 0);
	assert_int_equal(h.status, 101);
	pair_release(&p);
}

static void
a_stream_that_ends_tells_whether_a_head_had_begun(void **state)
{
	static const char *const heads[] = { "", "HTTP/1.1 200 OK\r\nA: b" };
	struct http_head h;
	unsigned interim = 0;
	struct pair p;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(heads); i++) {
		pair_init(&p);
		far_send(&p, heads[i]);
		far_close(&p);
		assert_int_equal(response(&p, &interim, &h), ERR_CLOSED);
		assert_int_equal(http_reader_bytes(&p.reader).len,
				 strlen(heads[i]));
		pair_release(&p);
	}
}

static void
what_is_no_response_says_why(void **state)
{
	struct http_head h;
	unsigned interim = 0;
	struct pair p;

	(void)state;
	pair_init(&p);
	far_send(&p, "SSH-2.0-OpenSSH_9.2\r\n");
	assert_int_equal(response(&p, &interim, &h), ERR_PROTOCOL);
	assert_non_null(h.why);
	pair_release(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_decoded),
		cmocka_unit_test(the_end_of_a_body_waits_for_a_full_socket),
		cmocka_unit_test(
			a_chunk_that_finds_no_room_waits_for_what_is_before_it),
		cmocka_unit_test(malformed_chunks_are_refused),
		cmocka_unit_test(zeros_before_a_size_have_an_end),
		cmocka_unit_test(
			extensions_may_not_outweigh_what_they_come_with),
		cmocka_unit_test(a_length_ends_where_it_says),
		cmocka_unit_test(a_body_that_is_cut_short_is_an_error),
		cmocka_unit_test(bodies_cross_with_either_framing),
		cmocka_unit_test(interim_responses_stay_behind),
		cmocka_unit_test(interim_responses_have_an_end),
		cmocka_unit_test(a_switch_of_protocols_is_given_as_it_is),
		cmocka_unit_test(
			a_stream_that_ends_tells_whether_a_head_had_begun),
		cmocka_unit_test(what_is_no_response_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
