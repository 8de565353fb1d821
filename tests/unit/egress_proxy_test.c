/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections through a proxy: what it is asked, and what its answers mean,
 * however they come in pieces.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "egress/egress_priv.h"

/* A proxy that hears one head and says what it is told to. */
static struct {
	pthread_t thread;
	int listener;
	const char *says;
	bool stays; /* afterwards, until the other side goes */
	char heard[1024];
	size_t len;
} proxy;

static struct {
	struct loop *loop;
	struct loop_pool *pool;
	struct egress_policy *policy;
	struct egress *egress;
	struct egress_open open;
	struct egress_conn *conn;
	int err;
} world;

static void *
proxy_run(void *arg)
{
	struct pollfd p = { .fd = proxy.listener, .events = POLLIN };
	int fd = poll(&p, 1, 5000) == 1 ? accept(p.fd, NULL, NULL) : -1;
	const char *at;
	ssize_t n = 1;
	char byte;

	(void)arg;
	while (n > 0 && proxy.len < sizeof(proxy.heard) - 1 &&
	       !strstr(proxy.heard, "\r\n\r\n")) {
		n = recv(fd, proxy.heard + proxy.len, 1, 0);
		if (n > 0)
			proxy.len++;
	}
	/* in pieces at first, then what is left at once */
	for (at = proxy.says; *at && at - proxy.says < 14; at++) {
		send(fd, at, 1, MSG_NOSIGNAL);
		usleep(500);
	}
	send(fd, at, strlen(at), MSG_NOSIGNAL);
	while (proxy.stays && recv(fd, &byte, 1, 0) > 0)
		;
	close(fd);
	return NULL;
}

static void
world_begin(const char *login_file)
{
	struct egress_policy_config config = { .proxy_login = login_file };
	const char *allow = "93.184.216.34:80";
	char url[64], detail[200];
	struct net_addr a;

	memset(&world, 0, sizeof(world));
	assert_int_equal(net_addr_from_ip(SLICE("127.0.0.1"), 0, &a), 0);
	assert_int_equal(net_listen(&a, &proxy.listener), 0);
	fcntl(proxy.listener, F_SETFL, 0); /* its thread waits */
	a.len = sizeof(a.u);
	assert_int_equal(getsockname(proxy.listener, &a.u.sa, &a.len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", net_addr_port(&a));
	config.proxy = url;
	config.allow = &allow;
	config.allow_count = 1;
	assert_int_equal(loop_new(&world.loop), 0);
	assert_int_equal(loop_pool_new(1, &world.pool), 0);
	assert_int_equal(egress_policy_new(&config, &world.policy, detail,
					   sizeof(detail)),
			 0);
	assert_int_equal(
		egress_new(world.loop, world.pool, world.policy, &world.egress),
		0);
}

static void
world_end(void)
{
	if (world.conn)
		egress_drop(world.conn);
	egress_free(world.egress);
	egress_policy_free(world.policy);
	loop_pool_free(world.pool);
	loop_free(world.loop);
	pthread_join(proxy.thread, NULL);
	close(proxy.listener);
}

static void
opened(struct egress_open *o, int err, struct egress_conn *conn)
{
	(void)o;
	world.err = err;
	world.conn = conn;
	loop_stop(world.loop);
}

/* Opens a connection by a proxy that says this; what comes of it. */
static int
through(const char *says, const char *login_file)
{
	struct http_url url = { .host = "93.184.216.34", .port = 80 };
	struct egress_dest *d;

	memset(&proxy, 0, sizeof(proxy));
	proxy.says = says;
	proxy.stays = says[0] && !strchr(says, '!');
	world_begin(login_file);
	assert_int_equal(egress_dest(world.egress, &url, true, NULL, &d), 0);
	assert_int_equal(pthread_create(&proxy.thread, NULL, proxy_run, NULL),
			 0);
	egress_open(d, &world.open, 5000, opened);
	loop_run(world.loop);
	assert_int_equal(d->opening, 0);
	assert_int_equal(d->count, world.conn ? 1 : 0);
	if (world.conn)
		egress_drop(world.conn);
	world.conn = NULL;
	return world.err;
}

static void
it_is_asked_for_the_address_and_a_tunnel_is_plain(void **state)
{
	static const char *const yes[] = {
		"HTTP/1.1 200 Connection established\r\n\r\n",
		"HTTP/1.0 200 OK\r\nProxy-agent: some/1.0\r\n\r\n",
		"HTTP/1.1 204 \r\nVia: 1.1 a\r\n\r\n",
		"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(yes); i++) {
		assert_int_equal(through(yes[i], NULL), 0);
		assert_string_equal(proxy.heard,
				    "CONNECT 93.184.216.34:80 HTTP/1.1\r\n"
				    "Host: 93.184.216.34:80\r\n\r\n");
		world_end();
	}
}

static void
anything_else_is_no_tunnel(void **state)
{
	static const struct {
		const char *says, *words;
	} no[] = {
		{ "", "closed before it answered" },
		{ "HTTP/1.1 200 OK\r\n!", "no sound answer" },
		{ "HTTP/1.1 200 OK\r\n\r\nx", "no sound answer" },
		{ "HTTP/1.1 200 OK\n\n", "no sound answer" },
		{ "HTTP/3 200 OK\r\n\r\n", "no sound answer" },
		{ "220 smtp ESMTP\r\n", "no sound answer" },
		{ "HTTP/1.1 101 No\r\n\r\n", "no sound answer" },
		{ "HTTP/1.1 301 No\r\n\r\n", "(HTTP 301)" },
		{ "HTTP/1.1 403 No\r\n\r\n", "(HTTP 403)" },
		{ "HTTP/1.1 407 No\r\n\r\n", "wants a user and password" },
		{ "HTTP/1.1 503 No\r\n\r\n", "(HTTP 503)" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(no); i++) {
		assert_int_equal(through(no[i].says, NULL), ERR_CONNECT);
		if (!strstr(world.open.detail, no[i].words))
			fail_msg("\"%s\": %s", no[i].says, world.open.detail);
		assert_non_null(strstr(world.open.detail, "127.0.0.1:"));
		world_end();
	}
}

static void
user_and_password_are_those_of_the_file(void **state)
{
	char file[] = "/tmp/drawbridge-login-XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "Aladdin:open sesame\n", 20), 20);
	close(fd);
	/* RFC 7617's own example */
	assert_int_equal(through("HTTP/1.1 200 OK\r\n\r\n", file), 0);
	assert_non_null(strstr(proxy.heard,
			       "\r\nProxy-Authorization: Basic "
			       "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));
	world_end();
	assert_int_equal(through("HTTP/1.1 407 No\r\n\r\n", file), ERR_CONNECT);
	assert_non_null(strstr(world.open.detail, "wants another user"));
	world_end();
	unlink(file);
}

static void
stop_loop(struct loop_timer *t)
{
	(void)t;
	loop_stop(world.loop);
}

static void
cancelled_at_any_time_it_leaves_nothing(void **state)
{
	struct http_url url = { .host = "93.184.216.34", .port = 80 };
	struct loop_timer timer = { 0 };
	struct egress_dest *d;
	unsigned ms;

	(void)state;
	for (ms = 1; ms < 40; ms += 3) {
		memset(&proxy, 0, sizeof(proxy));
		proxy.says = "HTTP/1.1 200 OK\r\nX-A: bbbbbbbbbbbbb\r\n\r\n";
		world_begin(NULL);
		assert_int_equal(
			egress_dest(world.egress, &url, true, NULL, &d), 0);
		assert_int_equal(
			pthread_create(&proxy.thread, NULL, proxy_run, NULL),
			0);
		egress_open(d, &world.open, 5000, opened);
		loop_timer_start(world.loop, &timer, ms, stop_loop);
		loop_run(world.loop);
		loop_timer_cancel(&timer);
		egress_open_cancel(&world.open);
		assert_int_equal(d->opening, 0);
		assert_int_equal(d->count, world.conn ? 1 : 0);
		world_end();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			it_is_asked_for_the_address_and_a_tunnel_is_plain),
		cmocka_unit_test(anything_else_is_no_tunnel),
		cmocka_unit_test(user_and_password_are_those_of_the_file),
		cmocka_unit_test(cancelled_at_any_time_it_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
