/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a server whose loop goes on, and what stays of bodies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server_priv.h"

static struct {
	struct loop *loop;
	struct http_server *server;
	struct loop_task free_it;
	struct loop_timer end;
	int listener, client;
	unsigned requests, gone, bodies;
	char body[64];
} world;

static void
world_gone(struct http_exchange *x, int err)
{
	(void)x;
	assert_int_equal(err, ERR_CANCELLED);
	world.gone++;
}

static void
world_ready(struct http_exchange *x)
{
	(void)x;
}

static const struct http_exchange_events held = { world_ready, world_gone };

static void
world_free(struct loop_task *task)
{
	(void)task;
	http_server_free(world.server);
	world.server = NULL;
}

static void
world_stop(struct loop_timer *t)
{
	(void)t;
	loop_stop(world.loop);
}

/* Is never answered: the server ends in the middle of it. */
static void
request_hold(struct http_exchange *x, void *arg)
{
	(void)arg;
	world.requests++;
	http_exchange_set_events(x, &held);
	world.free_it.run = world_free;
	loop_post(world.loop, &world.free_it);
	loop_timer_start(world.loop, &world.end, 50, world_stop);
}

static void
body_come(struct http_exchange *x, struct slice body, int err, void *arg)
{
	(void)arg;
	assert_int_equal(err, 0);
	world.bodies++;
	slice_copy(body, world.body, sizeof(world.body));
	http_exchange_answer(x, 204, "", SLICE_NONE);
	loop_timer_start(world.loop, &world.end, 50, world_stop);
}

static void
request_collect(struct http_exchange *x, void *arg)
{
	(void)arg;
	world.requests++;
	http_exchange_collect(x, sizeof(world.body) - 1, body_come, NULL);
}

static void
request_refuse(struct http_exchange *x, int status, const char *why, void *arg)
{
	(void)why, (void)arg;
	http_exchange_answer(x, status, "", SLICE_NONE);
}

static void
world_begin(void (*request)(struct http_exchange *, void *))
{
	struct http_server_config config = {
		.head_timeout_ms = 5000,
		.idle_timeout_ms = 5000,
		.body_timeout_ms = 5000,
		.max_connections = 10,
		.request = request,
		.refuse = request_refuse,
	};
	struct net_addr a;

	memset(&world, 0, sizeof(world));
	assert_int_equal(loop_new(&world.loop), 0);
	assert_int_equal(http_server_new(world.loop, &config, &world.server),
			 0);
	assert_int_equal(net_addr_from_ip(SLICE("127.0.0.1"), 0, &a), 0);
	assert_int_equal(net_listen(&a, &world.listener), 0);
	assert_int_equal(
		http_server_listen(world.server, world.listener, NULL, false),
		0);
	a.len = sizeof(a.u);
	assert_int_equal(getsockname(world.listener, &a.u.sa, &a.len), 0);
	world.client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(world.client, &a.u.sa, a.len), 0);
}

static void
world_run(const char *request)
{
	size_t len = strlen(request);

	assert_int_equal(write(world.client, request, len), (ssize_t)len);
	loop_run(world.loop);
	loop_timer_cancel(&world.end);
}

static void
world_end(void)
{
	http_server_free(world.server);
	loop_free(world.loop);
	close(world.client);
	close(world.listener);
}

static void
a_server_is_freed_while_its_loop_goes_on(void **state)
{
	(void)state;
	world_begin(request_hold);
	world_run("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(world.requests, 1);
	assert_int_equal(world.gone, 1);
	assert_null(world.server);
	world_end();
}

static void
no_copy_of_a_body_stays_in_a_block(void **state)
{
	static const char secret[] = "a password that was typed in";
	struct http_block {
		struct http_block *next;
	} * block;
	char request[200];

	(void)state;
	world_begin(request_collect);
	snprintf(request, sizeof(request),
		 "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
		 sizeof(secret) - 1, secret);
	world_run(request);
	assert_int_equal(world.bodies, 1);
	assert_string_equal(world.body, secret);
	block = (void *)world.server->blocks.free;
	assert_non_null(block); /* given back, to be used by the next */
	for (; block; block = block->next)
		assert_null(memmem((char *)block + sizeof(*block),
				   HTTP_BLOCK_SIZE - sizeof(*block), secret + 8,
				   sizeof(secret) - 9));
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_freed_while_its_loop_goes_on),
		cmocka_unit_test(no_copy_of_a_body_stays_in_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
