/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunked bodies over a socket pair: decoding never reads past what came,
 * and what one reader decodes, framed anew, decodes to the same.
 */
#include <fcntl.h>
#include <unistd.h>

#include "http/http.h"

static int
decode(const void *data, size_t size, struct buf *out)
{
	struct http_head h = { .body = HTTP_BODY_CHUNKED };
	struct http_blocks blocks = { 0 };
	struct net_stream stream;
	struct http_reader r;
	struct slice piece;
	int fds[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return ERR_SYSTEM;
	if (write(fds[0], data, size) != (ssize_t)size)
		size = 0;
	close(fds[0]);
	net_stream_accept(&stream, fds[1], NULL);
	http_reader_init(&r, &stream, &blocks);
	http_reader_ready(&r, LOOP_READ | LOOP_HANGUP);
	http_reader_start_body(&r, &h);
	while (!(rc = http_reader_peek(&r, &piece))) {
		buf_put_slice(out, piece);
		http_reader_consume(&r, piece.len);
	}
	http_reader_release(&r);
	net_stream_close(&stream);
	http_blocks_release(&blocks);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first, again, wire;

	if (size > 40 * 1024) /* a block and more */
		return 0;
	buf_init(&first, 64 * 1024);
	buf_init(&again, 64 * 1024);
	buf_init(&wire, 64 * 1024);
	if (decode(data, size, &first) == ERR_CLOSED) {
		if (first.len)
			buf_printf(&wire, "%zx\r\n", first.len);
		buf_put_slice(&wire, buf_slice(&first));
		buf_puts(&wire, first.len ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
		ASSERT(decode(wire.data, wire.len, &again) == ERR_CLOSED);
		ASSERT(slice_eq(buf_slice(&first), buf_slice(&again)));
	}
	buf_release(&first);
	buf_release(&again);
	buf_release(&wire);
	return 0;
}
