/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destinations and idle connections: what is kept, and what must not be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/anchors.h"
#include "egress/egress_priv.h"

static struct {
	struct loop *loop;
	struct loop_pool *pool;
	struct egress_policy *policy;
	struct egress *egress;
	struct egress_open open;
	struct egress_conn *conn;
	struct egress_dest *again;
	int listener, peer;
} world;

static int
begin_with(bool allow_all)
{
	struct egress_policy_config config = { .allow_all = allow_all };
	char detail[200];

	memset(&world, 0, sizeof(world));
	world.listener = world.peer = -1;
	return loop_new(&world.loop) || loop_pool_new(1, &world.pool) ||
	       egress_policy_new(&config, &world.policy, detail,
				 sizeof(detail)) ||
	       egress_new(world.loop, world.pool, world.policy, &world.egress);
}

static int
world_begin(void **state)
{
	(void)state;
	return begin_with(true);
}

/* Nothing but what the owner allows. */
static int
guarded_begin(void **state)
{
	(void)state;
	return begin_with(false);
}

static int
world_end(void **state)
{
	(void)state;
	egress_free(world.egress);
	egress_policy_free(world.policy);
	loop_pool_free(world.pool);
	loop_free(world.loop);
	if (world.peer >= 0)
		close(world.peer);
	if (world.listener >= 0)
		close(world.listener);
	return 0;
}

static struct egress_dest *
dest(unsigned number)
{
	struct egress_dest *d;
	struct http_url url = { .https = true, .port = 443 };

	snprintf(url.host, sizeof(url.host), "n%u.example.com", number);
	assert_int_equal(egress_dest(world.egress, &url, false, NULL, &d), 0);
	return d;
}

static void
destinations_that_nobody_uses_go(void **state)
{
	struct egress_dest *first = dest(0);
	unsigned i;

	(void)state;
	egress_dest_pin(first);
	for (i = 1; i < 20000; i++)
		dest(i);
	assert_true(table_count(world.egress->dests) < 3000);
	assert_ptr_equal(dest(0), first);
}

static struct egress_dest *
trusting(const char *host, const char *anchors)
{
	struct egress_dest *d;
	struct http_url url = { .https = true, .port = 443 };

	snprintf(url.host, sizeof(url.host), "%s", host);
	assert_int_equal(egress_dest(world.egress, &url, true, anchors, &d), 0);
	assert_int_equal(
		egress_dest(world.egress, &url, true, anchors, &world.again),
		0);
	assert_ptr_equal(d, world.again);
	return d;
}

/* Connections are of a destination and TLS sessions of a context: who trusts
 * others shares neither. */
static void
other_anchors_are_another_destination(void **state)
{
	struct egress_dest *none = trusting("x.example", NULL);
	struct egress_dest *a = trusting("x.example", ANCHOR_A);
	struct egress_dest *b = trusting("x.example", ANCHOR_B);
	struct egress_dest *both = trusting("x.example", ANCHOR_A ANCHOR_B);
	struct egress_dest *other = trusting("y.example", ANCHOR_A);

	(void)state;
	assert_ptr_not_equal(none, a);
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(a, both);
	assert_ptr_not_equal(b, both);
	assert_ptr_not_equal(none, b);
	assert_ptr_equal(egress_dest_tls(none),
			 egress_policy_tls(world.policy));
	assert_ptr_not_equal(egress_dest_tls(a), egress_dest_tls(none));
	assert_ptr_not_equal(egress_dest_tls(a), egress_dest_tls(b));
	assert_ptr_not_equal(egress_dest_tls(a), egress_dest_tls(both));
	/* one context for all hosts of a service */
	assert_ptr_equal(egress_dest_tls(other), egress_dest_tls(a));
	assert_int_equal(other->trust->refs, 2);
}

static void
anchors_go_with_the_last_destination_that_has_them(void **state)
{
	struct egress_dest *d;
	char host[64];
	unsigned i;

	(void)state;
	trusting("first.example", ANCHOR_A);
	for (i = 0; i < 3000; i++) {
		snprintf(host, sizeof(host), "n%u.example", i);
		trusting(host, i == 0 ? ANCHOR_B : NULL);
	}
	assert_null(world.egress->trusts);
	d = trusting("first.example", ANCHOR_A);
	assert_ptr_equal(d->trust, world.egress->trusts);
}

static void
anchors_that_are_none_give_no_destination(void **state)
{
	struct egress_dest *d;
	struct http_url url = { .https = true, .port = 443, .host = "x" };

	(void)state;
	assert_int_equal(egress_dest(world.egress, &url, false, "x", &d),
			 ERR_TLS);
	assert_null(d);
	assert_int_equal(egress_dest(world.egress, &url, false, "", &d),
			 ERR_TLS);
	assert_null(d);
	assert_int_equal(table_count(world.egress->dests), 0);
	assert_null(world.egress->trusts);
}

static void
opened(struct egress_open *o, int err, struct egress_conn *conn)
{
	(void)o;
	assert_int_equal(err, 0);
	world.conn = conn;
	loop_stop(world.loop);
}

/* An own listener, and the way to it. */
static struct egress_dest *
listener(void)
{
	struct net_addr a;
	struct egress_dest *d;
	struct http_url url = { .host = "127.0.0.1" };

	assert_int_equal(net_addr_from_ip(SLICE("127.0.0.1"), 0, &a), 0);
	assert_int_equal(net_listen(&a, &world.listener), 0);
	a.len = sizeof(a.u);
	assert_int_equal(getsockname(world.listener, &a.u.sa, &a.len), 0);
	url.port = net_addr_port(&a);
	assert_int_equal(egress_dest(world.egress, &url, true, NULL, &d), 0);
	return d;
}

/* A lent connection whose message is over, as its borrower sees it. */
static struct egress_dest *
lend_at(struct egress_dest *d)
{
	struct net_addr none;

	egress_open(d, &world.open, 5000, opened);
	assert_int_equal(d->opening, 1);
	loop_run(world.loop);
	assert_int_equal(d->opening, 0);
	assert_int_equal(net_accept(world.listener, &world.peer, &none), 0);
	world.conn->reader.done = 1;
	return d;
}

static struct egress_dest *
lend(void)
{
	return lend_at(listener());
}

/* The owner allows the listener's port, or another. */
static void
allow(const struct egress_dest *d, unsigned beside)
{
	char text[EGRESS_ALLOWED_TEXT];
	const char *items = text;
	struct egress_allowed *l;
	size_t left_out;

	snprintf(text, sizeof(text), "127.0.0.0/24:%u",
		 (d->url.port + beside - 1) % 65535 + 1);
	l = egress_allowed_new(&items, 1, &left_out);
	assert_true(l && !left_out);
	egress_allow(world.egress, l);
	egress_allowed_unref(l);
}

static void
a_connection_is_lent_again(void **state)
{
	struct egress_dest *d = lend();

	(void)state;
	egress_keep(world.conn);
	assert_ptr_equal(egress_take(d, false), world.conn);
	assert_true(world.conn->reused);
	egress_drop(world.conn);
}

static void
bytes_behind_an_answer_are_not_the_next_ones(void **state)
{
	struct egress_dest *d = lend();

	(void)state;
	assert_int_equal(write(world.peer, "HTTP/1.1 200 OK\r\n", 17), 17);
	world.conn->reader.drained = 0; /* its edge was seen */
	egress_keep(world.conn);
	assert_null(egress_take(d, false));
	assert_int_equal(d->count, 0);
}

/* An answer of one chunk, whose end goes so. */
static struct egress_dest *
lend_chunked(const char *end)
{
	struct http_head h = { .body = HTTP_BODY_CHUNKED };
	struct egress_dest *d = lend();
	struct slice data;

	http_reader_start_body(&world.conn->reader, &h);
	assert_int_equal(write(world.peer, "1\r\na\r\n0\r\n", 9), 9);
	assert_int_equal(write(world.peer, end, strlen(end)), strlen(end));
	while (!http_reader_peek(&world.conn->reader, &data))
		http_reader_consume(&world.conn->reader, data.len);
	egress_keep(world.conn);
	return d;
}

static void
who_ends_a_body_wrongly_is_not_lent_again(void **state)
{
	struct egress_dest *d = lend_chunked("\rX");

	(void)state;
	assert_null(egress_take(d, false));
	assert_int_equal(d->count, 0);
}

static void
who_ends_a_body_rightly_is_lent_again(void **state)
{
	struct egress_dest *d = lend_chunked("\r\n");

	(void)state;
	assert_ptr_equal(egress_take(d, false), world.conn);
	egress_drop(world.conn);
}

static void
idle_connections_that_are_not_allowed_any_more_are_closed(void **state)
{
	struct egress_dest *d = listener();

	(void)state;
	allow(d, 0);
	lend_at(d);
	egress_keep(world.conn);
	allow(d, 0); /* another list, which allows it, too */
	assert_int_equal(d->idle_count, 1);
	allow(d, 1);
	assert_int_equal(d->idle_count, 0);
	assert_int_equal(d->count, 0);
	assert_null(egress_take(d, false));
}

static void
lent_ones_end_and_are_not_kept(void **state)
{
	struct egress_dest *d = listener();

	(void)state;
	allow(d, 0);
	lend_at(d);
	egress_allow(world.egress, NULL);
	assert_int_equal(d->count, 1);
	egress_keep(world.conn);
	assert_int_equal(d->count, 0);
	assert_null(egress_take(d, false));
}

static void
lent_ones_that_are_allowed_again_are_kept(void **state)
{
	struct egress_dest *d = listener();

	(void)state;
	allow(d, 0);
	lend_at(d);
	egress_allow(world.egress, NULL);
	allow(d, 0);
	egress_keep(world.conn);
	assert_ptr_equal(egress_take(d, false), world.conn);
	egress_drop(world.conn);
}

static int open_err;

static void
not_opened(struct egress_open *o, int err, struct egress_conn *conn)
{
	(void)o;
	open_err = err;
	assert_null(conn);
	loop_stop(world.loop);
}

static void
what_is_being_opened_is_judged_again(void **state)
{
	struct egress_dest *d = listener();

	(void)state;
	allow(d, 0);
	open_err = 0;
	egress_open(d, &world.open, 5000, not_opened);
	egress_allow(world.egress, NULL);
	loop_run(world.loop);
	assert_true(open_err == ERR_BLOCKED || open_err == ERR_CONNECT);
	assert_int_equal(d->count + d->opening, 0);
}

/* ---- told to all ---- */

static void *
turn_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void
a_list_counts_everywhere_when_it_is_published(void **state)
{
	const char *items = "127.0.0.1:443";
	struct egress_allowed *l;
	struct egress *late;
	pthread_t thread;
	size_t left_out;

	(void)state;
	l = egress_allowed_new(&items, 1, &left_out);
	assert_int_equal(pthread_create(&thread, NULL, turn_loop, world.loop),
			 0);
	egress_policy_allow(world.policy, l);
	loop_stop(world.loop);
	pthread_join(thread, NULL);
	assert_ptr_equal(world.egress->allowed, l);
	assert_int_equal(
		egress_new(world.loop, world.pool, world.policy, &late), 0);
	assert_ptr_equal(late->allowed, l);
	egress_free(late);
	egress_allowed_unref(l);
}

static unsigned done_count, busy_count;

static void
counted(struct egress_open *o, int err, struct egress_conn *conn)
{
	(void)o;
	if (err == ERR_BUSY)
		busy_count++;
	else
		assert_int_equal(err, 0);
	if (conn)
		egress_drop(conn);
	if (++done_count == 5)
		loop_stop(world.loop);
}

static void
connections_that_are_being_opened_count(void **state)
{
	struct egress_dest *d = lend();
	struct egress_open open[5] = { 0 };
	size_t i;

	(void)state;
	egress_drop(world.conn);
	assert_int_equal(d->count, 0);
	done_count = busy_count = 0;
	d->count = EGRESS_CONNECTIONS_MAX - 2;
	for (i = 0; i < ARRAY_LEN(open); i++)
		egress_open(d, &open[i], 5000, counted);
	loop_run(world.loop);
	assert_int_equal(busy_count, 3);
	assert_int_equal(d->opening, 0);
	assert_int_equal(d->count, EGRESS_CONNECTIONS_MAX - 2);
	d->count = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			destinations_that_nobody_uses_go, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			other_anchors_are_another_destination, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			anchors_go_with_the_last_destination_that_has_them,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			anchors_that_are_none_give_no_destination, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(a_connection_is_lent_again,
						world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			bytes_behind_an_answer_are_not_the_next_ones,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			who_ends_a_body_wrongly_is_not_lent_again, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			who_ends_a_body_rightly_is_lent_again, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			connections_that_are_being_opened_count, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			idle_connections_that_are_not_allowed_any_more_are_closed,
			guarded_begin, world_end),
		cmocka_unit_test_setup_teardown(lent_ones_end_and_are_not_kept,
						guarded_begin, world_end),
		cmocka_unit_test_setup_teardown(
			lent_ones_that_are_allowed_again_are_kept,
			guarded_begin, world_end),
		cmocka_unit_test_setup_teardown(
			what_is_being_opened_is_judged_again, guarded_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			a_list_counts_everywhere_when_it_is_published,
			guarded_begin, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
