/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy's answer to CONNECT: however it is cut, the same is made of it, and
 * the way is open where one sound head of 2xx is all that has come, and else
 * never; words for people say so.
 *
 * Input: a seed for the cuts, then what the proxy sends before it closes.
 */
#include <unistd.h>

#include "../support/fuzz_wire.h"
#include "egress/egress_priv.h"

enum { WIRE_MAX = 40 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct egress egress;

static int
tunnel(struct slice wire, uint32_t cuts, struct egress_tunnel *t)
{
	static struct egress_dest dest = { .egress = &egress };
	static const struct egress_proxy proxy = { .name = "proxy:1" };
	struct egress_wire w = { .dest = &dest };
	int fds[2], rc = ERR_AGAIN;
	char asked[256], words[400];
	struct net_addr to;
	size_t at, n;

	ASSERT(!net_addr_parse(SLICE("192.0.2.1:443"), &to));
	ASSERT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	net_stream_accept(&w.stream, fds[1], NULL);
	http_reader_init(&w.conn.reader, &w.stream, &egress.blocks);
	ASSERT(!egress_tunnel_start(t, &proxy, &to));
	for (at = 0; at < wire.len && rc == ERR_AGAIN; at += n) {
		n = fuzz_cut(&cuts, at, wire.len);
		ASSERT(write(fds[0], wire.ptr + at, n) == (ssize_t)n);
		http_reader_ready(&w.conn.reader, LOOP_READ);
		rc = egress_tunnel_go_on(t, &w);
	}
	ASSERT(read(fds[0], asked, sizeof(asked)) > 0);
	ASSERT(!memcmp(asked, "CONNECT 192.0.2.1:443 HTTP/1.1\r\n", 32));
	close(fds[0]);
	if (rc == ERR_AGAIN) {
		http_reader_ready(&w.conn.reader, LOOP_READ | LOOP_HANGUP);
		rc = egress_tunnel_go_on(t, &w);
	}
	ASSERT(rc != ERR_AGAIN);
	if (rc) /* whoever it was meant for says it */
		egress_tunnel_say(t, &proxy, "h.example:443", rc, words,
				  sizeof(words));
	http_reader_release(&w.conn.reader);
	net_stream_close(&w.stream);
	ASSERT(!egress.blocks.used_count);
	return rc;
}

/* Open: a 2xx, and its head is the last thing that came. */
static void
check_open(struct slice wire)
{
	ASSERT(wire.len > 12);
	ASSERT(!memcmp(wire.ptr + wire.len - 4, "\r\n\r\n", 4));
	ASSERT(memmem(wire.ptr, wire.len, "HTTP/1.1 2", 10) ||
	       memmem(wire.ptr, wire.len, "HTTP/1.0 2", 10));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct egress_tunnel once = { 0 }, pieces = { 0 };
	struct slice wire;
	int rc, cut;

	if (size < 2 || size > WIRE_MAX)
		return 0;
	wire = slice_of(data + 1, size - 1);
	rc = tunnel(wire, 0, &once);
	cut = tunnel(wire, (data[0] + 1U) * 2654435761U, &pieces);
	ASSERT(rc == 0 || rc == ERR_PROTOCOL || rc == ERR_CLOSED ||
	       rc == ERR_CONNECT || rc == ERR_FORBIDDEN);
	/* What comes later is no answer any more: TLS will refuse it. */
	ASSERT(cut == rc || (cut == 0 && rc == ERR_PROTOCOL));
	if (!rc)
		check_open(wire);
	ASSERT(rc != ERR_CONNECT || once.status / 100 == 5);
	ASSERT(rc != ERR_FORBIDDEN || once.status / 100 != 2);
	ASSERT(once.interim <= HTTP_INTERIM_MAX + 1);
	egress_tunnel_release(&once);
	egress_tunnel_release(&pieces);
	return 0;
}
