/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening, plain streams and name look-up, all on this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"

static char folder[] = "/tmp/net_listen_test.XXXXXX";
static struct net_addr socket_path;

static int
folder_make(void **state)
{
	char text[NET_ADDR_TEXT];

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(text, sizeof(text), "unix:%s/s", folder);
	return net_addr_parse(slice_str(text), &socket_path);
}

static int
folder_remove(void **state)
{
	(void)state;
	unlink(socket_path.u.un.sun_path);
	return rmdir(folder);
}

/* Waits, since nothing in net/ does. */
static void
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

/* Listens on a free port of this machine; where gets the address. */
static int
listen_tcp(struct net_addr *where)
{
	int fd;

	assert_int_equal(net_addr_parse(SLICE("127.0.0.1:0"), where), 0);
	assert_int_equal(net_listen(where, &fd), 0);
	assert_int_equal(getsockname(fd, &where->u.sa, &where->len), 0);
	assert_int_not_equal(net_addr_port(where), 0);
	return fd;
}

static void
connect_pair(const struct net_addr *where, int listener,
	     struct net_stream *client, struct net_stream *server)
{
	struct net_addr peer;
	int fd;

	assert_int_equal(net_stream_connect(client, where, NULL), 0);
	wait_for(client->fd, POLLOUT);
	assert_int_equal(net_stream_connected(client), 0);
	wait_for(listener, POLLIN);
	assert_int_equal(net_accept(listener, &fd, &peer), 0);
	assert_int_equal(net_stream_accept(server, fd, NULL), 0);
}

/* ---- listening ---- */

static void
what_is_accepted_does_not_block_and_is_not_inherited(void **state)
{
	struct net_stream client;
	struct net_addr where, peer, mine = { .len = sizeof(mine.u) };
	int listener = listen_tcp(&where), fd;

	(void)state;
	assert_int_equal(net_accept(listener, &fd, &peer), ERR_AGAIN);
	assert_int_equal(fd, -1);
	assert_int_equal(net_stream_connect(&client, &where, NULL), 0);
	wait_for(listener, POLLIN);
	assert_int_equal(net_accept(listener, &fd, &peer), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(listener, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockname(client.fd, &mine.u.sa, &mine.len), 0);
	assert_true(net_addr_eq(&peer, &mine));
	net_stream_close(&client);
	close(fd);
	close(listener);
}

static void
a_port_in_use_is_refused(void **state)
{
	struct net_addr where;
	int listener = listen_tcp(&where), second;

	(void)state;
	assert_int_equal(net_listen(&where, &second), ERR_SYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(second, -1);
	close(listener);
}

static void
a_unix_socket_is_its_owners_alone(void **state)
{
	mode_t mask = umask(0), after;
	struct stat st;
	int listener;

	(void)state;
	assert_int_equal(net_listen(&socket_path, &listener), 0);
	after = umask(mask);
	assert_int_equal(after, 0);
	assert_int_equal(stat(socket_path.u.un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(listener);
}

static void
a_dead_unix_socket_is_replaced_a_living_one_not(void **state)
{
	int first, second;

	(void)state;
	assert_int_equal(net_listen(&socket_path, &first), 0);
	assert_int_equal(net_listen(&socket_path, &second), ERR_SYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	close(first); /* the file stays, as after a crash */
	assert_int_equal(net_listen(&socket_path, &second), 0);
	close(second);
}

static void
another_kind_of_file_is_never_removed(void **state)
{
	const char *path = socket_path.u.un.sun_path;
	struct stat st;
	int fd, listener;

	(void)state;
	unlink(path);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(net_listen(&socket_path, &listener), ERR_SYSTEM);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(path);
}

static void
the_user_behind_a_unix_socket_is_known(void **state)
{
	struct net_stream client, server;
	struct net_addr where;
	int listener;
	uid_t uid = (uid_t)-1;

	(void)state;
	assert_int_equal(net_listen(&socket_path, &listener), 0);
	connect_pair(&socket_path, listener, &client, &server);
	assert_int_equal(net_peer_uid(server.fd, &uid), 0);
	assert_int_equal(uid, getuid());
	net_stream_close(&client);
	net_stream_close(&server);
	close(listener);
	listener = listen_tcp(&where);
	connect_pair(&where, listener, &client, &server);
	assert_int_equal(net_peer_uid(server.fd, &uid), ERR_UNSUPPORTED);
	net_stream_close(&client);
	net_stream_close(&server);
	close(listener);
}

/* ---- plain streams ---- */

static void
bytes_go_across_until_the_orderly_end(void **state)
{
	struct iovec parts[] = { { (char *)"one ", 4 }, { (char *)"two", 3 } };
	struct net_stream client, server;
	struct net_addr where;
	int listener = listen_tcp(&where);
	char text[16];

	(void)state;
	connect_pair(&where, listener, &client, &server);
	assert_int_equal(net_stream_read(&server, text, 16), ERR_AGAIN);
	assert_int_equal(net_stream_writev(&client, parts, 2), 7);
	wait_for(server.fd, POLLIN);
	assert_int_equal(net_stream_read(&server, text, 16), 7);
	assert_memory_equal(text, "one two", 7);
	assert_false(net_stream_pending(&server));
	net_stream_shutdown(&client);
	wait_for(server.fd, POLLIN);
	assert_int_equal(net_stream_read(&server, text, 16), 0);
	/* Half closed: the other direction is open still. */
	assert_int_equal(net_stream_write(&server, "bye", 3), 3);
	wait_for(client.fd, POLLIN);
	assert_int_equal(net_stream_read(&client, text, 16), 3);
	net_stream_close(&client);
	net_stream_close(&client);
	assert_int_equal(client.fd, -1);
	assert_int_equal(net_stream_read(&client, text, 16), ERR_CLOSED);
	assert_int_equal(net_stream_write(&client, "x", 1), ERR_CLOSED);
	net_stream_close(&server);
	close(listener);
}

static void
a_full_pipe_says_again(void **state)
{
	static char much[64 * 1024];
	struct net_stream client, server;
	struct net_addr where;
	int listener = listen_tcp(&where), i;
	ssize_t n = 1;

	(void)state;
	connect_pair(&where, listener, &client, &server);
	for (i = 0; i < 10000 && n > 0; i++)
		n = net_stream_write(&client, much, sizeof(much));
	assert_int_equal(n, ERR_AGAIN);
	net_stream_close(&client);
	net_stream_close(&server);
	close(listener);
}

static void
an_abort_is_no_orderly_end(void **state)
{
	struct net_stream client, server;
	struct net_addr where;
	int listener = listen_tcp(&where);
	char text[16];

	(void)state;
	connect_pair(&where, listener, &client, &server);
	net_stream_abort(&client);
	wait_for(server.fd, POLLIN);
	assert_int_equal(net_stream_read(&server, text, 16), ERR_CLOSED);
	/* And no signal ends us when we write to it. */
	assert_int_equal(net_stream_write(&server, "x", 1), ERR_CLOSED);
	net_stream_close(&server);
	close(listener);
}

static void
nobody_there_is_an_error(void **state)
{
	struct net_stream client;
	struct net_addr where;
	int listener = listen_tcp(&where);

	(void)state;
	close(listener);
	if (net_stream_connect(&client, &where,
			       NULL)) /* some kernels know at once */
		return;
	wait_for(client.fd, POLLOUT);
	assert_int_equal(net_stream_connected(&client), ERR_CONNECT);
	net_stream_close(&client);
}

/* ---- name look-up ---- */

static struct loop *loop;
static int resolve_err;
static unsigned resolve_calls;

static void
resolved(struct net_resolve *r, int err)
{
	(void)r;
	resolve_err = err;
	resolve_calls++;
	loop_stop(loop);
}

static void
give_up(struct loop_timer *t)
{
	(void)t;
	loop_stop(loop);
}

static void
resolve(struct net_resolve *r, const char *host, bool cancel)
{
	struct loop_timer timer = { 0 };
	struct net_resolver resolver;
	struct loop_pool *pool;

	resolve_err = 1;
	resolve_calls = 0;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_pool_new(1, &pool), 0);
	net_resolver_begin(&resolver, loop, pool);
	assert_int_equal(net_resolve_start(r, &resolver, host, 443, resolved),
			 0);
	if (cancel)
		net_resolve_cancel(r);
	loop_timer_start(loop, &timer, cancel ? 100 : 20000, give_up);
	loop_run(loop);
	loop_timer_cancel(&timer);
	loop_pool_free(pool);
	loop_free(loop);
}

static void
a_number_is_looked_up_to_itself(void **state)
{
	struct net_resolve r;
	char text[NET_ADDR_TEXT];

	(void)state;
	resolve(&r, "127.0.0.1", false);
	assert_int_equal(resolve_calls, 1);
	assert_int_equal(resolve_err, 0);
	assert_int_equal(r.count, 1);
	net_addr_format(&r.addrs[0], text);
	assert_string_equal(text, "127.0.0.1:443");
}

static void
the_machines_own_name_is_found_in_its_files(void **state)
{
	struct net_resolve r;
	char text[NET_ADDR_TEXT];
	unsigned i;

	(void)state;
	resolve(&r, "localhost", false);
	assert_int_equal(resolve_err, 0);
	assert_in_range(r.count, 1, NET_RESOLVE_MAX);
	for (i = 0; i < r.count; i++) {
		net_addr_format(&r.addrs[i], text);
		if (strcmp(text, "[::1]:443"))
			assert_int_equal(strncmp(text, "127.", 4), 0);
	}
}

static void
what_is_no_name_is_not_found(void **state)
{
	char label[65]; /* longer than DNS has any: nobody is asked */
	struct net_resolve r;

	(void)state;
	memset(label, 'a', 64);
	label[64] = 0;
	resolve(&r, label, false);
	assert_int_equal(resolve_calls, 1);
	assert_int_equal(resolve_err, ERR_RESOLVE);
	assert_int_equal(r.count, 0);
}

static void
a_look_up_that_is_called_off_stays_silent(void **state)
{
	struct net_resolve r;

	(void)state;
	resolve(&r, "127.0.0.1", true);
	assert_int_equal(resolve_calls, 0);
	net_resolve_cancel(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_accepted_does_not_block_and_is_not_inherited),
		cmocka_unit_test(a_port_in_use_is_refused),
		cmocka_unit_test(a_unix_socket_is_its_owners_alone),
		cmocka_unit_test(
			a_dead_unix_socket_is_replaced_a_living_one_not),
		cmocka_unit_test(another_kind_of_file_is_never_removed),
		cmocka_unit_test(the_user_behind_a_unix_socket_is_known),
		cmocka_unit_test(bytes_go_across_until_the_orderly_end),
		cmocka_unit_test(a_full_pipe_says_again),
		cmocka_unit_test(an_abort_is_no_orderly_end),
		cmocka_unit_test(nobody_there_is_an_error),
		cmocka_unit_test(a_number_is_looked_up_to_itself),
		cmocka_unit_test(the_machines_own_name_is_found_in_its_files),
		cmocka_unit_test(what_is_no_name_is_not_found),
		cmocka_unit_test(a_look_up_that_is_called_off_stays_silent),
	};

	return cmocka_run_group_tests_name("net listen", tests, folder_make,
					   folder_remove);
}
