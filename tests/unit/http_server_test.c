/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server connections over real sockets, with times that a test can wait for:
 * who is cut off when, and who waits for whom.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/http.h"

enum {
	HEAD_MS = 900,
	IDLE_MS = 400,
	BODY_MS = 250,
	WHOLE_MS = 600,
	TURN_MS = 20,
	ROOM = 500, /* for what "/within" collects, in all */
};

static struct {
	struct loop *loop;
	struct http_server *server;
	struct loop_timer end;
	int listener;
	struct net_addr addr;
	unsigned requests, refused;
	int body_err;	     /* of the last body that was collected */
	size_t kept;	     /* bytes that "/within" has room for no more */
	unsigned other_came; /* as which request */
	struct loop_again amid;
	void (*amid_run)(struct loop_again *);
	unsigned amid_came; /* after so many requests */
	int flood;
	bool drained;
} world;

static void
body_ready(struct http_exchange *x, struct slice body, int err, void *arg)
{
	(void)arg;
	world.body_err = err;
	if (err != ERR_CLOSED)
		http_exchange_answer(x, err ? 400 : 200, NULL, body);
}

static int
body_grows(struct http_exchange *x, size_t more, void *arg)
{
	(void)x, (void)arg;
	if (world.kept + more > ROOM)
		return ERR_BUSY;
	world.kept += more;
	return 0;
}

static void
take_within(struct http_exchange *x)
{
	const struct http_collect c = { .max = 1000,
					.total_ms = WHOLE_MS,
					.grows = body_grows,
					.ready = body_ready };

	http_exchange_collect_within(x, &c);
}

/* As one that relays it: what is wrong in the body is answered, no more. */
static void
take_streamed(struct http_exchange *x)
{
	struct http_reader *r = http_exchange_reader(x);
	struct slice data;
	int rc;

	while (!(rc = http_reader_peek(r, &data)))
		http_reader_consume(r, data.len);
	http_exchange_answer(x, rc == ERR_CLOSED ? 200 : 400, NULL, SLICE_NONE);
}

static void
take_request(struct http_exchange *x, void *arg)
{
	const struct http_head *h = http_exchange_head(x);

	(void)arg;
	world.requests++;
	if (slice_eq(h->target, SLICE("/other")))
		world.other_came = world.requests;
	if (world.requests == 1 && world.amid_run)
		loop_again_start(world.loop, &world.amid, world.amid_run);
	if (slice_eq(h->target, SLICE("/streamed")))
		take_streamed(x);
	else if (slice_eq(h->target, SLICE("/within")))
		take_within(x);
	else if (h->body == HTTP_BODY_NONE)
		http_exchange_answer(x, 200, NULL, h->target);
	else
		http_exchange_collect(x, 1000, body_ready, NULL);
}

static void
refuse(struct http_exchange *x, int status, const char *why, void *arg)
{
	(void)arg;
	world.refused++;
	http_exchange_answer(x, status, NULL, slice_str(why));
}

static int
world_begin(void **state)
{
	struct http_server_config config = {
		.head_timeout_ms = HEAD_MS,
		.idle_timeout_ms = IDLE_MS,
		.body_timeout_ms = BODY_MS,
		.max_connections = 2,
		.request = take_request,
		.refuse = refuse,
	};

	(void)state;
	memset(&world, 0, sizeof(world));
	assert_int_equal(net_addr_parse(SLICE("127.0.0.1:0"), &world.addr), 0);
	assert_int_equal(net_listen(&world.addr, &world.listener), 0);
	assert_int_equal(
		getsockname(world.listener, &world.addr.u.sa, &world.addr.len),
		0);
	assert_int_equal(loop_new(&world.loop), 0);
	assert_int_equal(http_server_new(world.loop, &config, &world.server),
			 0);
	return http_server_listen(world.server, world.listener, NULL, false);
}

static int
world_end(void **state)
{
	(void)state;
	http_server_free(world.server);
	loop_free(world.loop);
	close(world.listener);
	return 0;
}

static void
end_fire(struct loop_timer *t)
{
	(void)t;
	loop_stop(world.loop);
}

static void
run_for(uint64_t ms)
{
	loop_timer_start(world.loop, &world.end, ms, end_fire);
	loop_run(world.loop);
}

static int
client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &world.addr.u.sa, world.addr.len), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

/* What has come so far; NULL at an end (or cut) without a byte. */
static const char *
heard(int fd)
{
	static char text[8192];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		return NULL;
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static bool
is_open(int fd)
{
	return heard(fd) != NULL;
}

/* How long until the server closes, while `drip` is said each turn. */
static uint64_t
closed_after(int fd, const char *drip)
{
	uint64_t began = clock_mono_ms();

	while (is_open(fd) && clock_mono_ms() - began < 3000) {
		if (drip)
			send(fd, drip, strlen(drip), MSG_NOSIGNAL);
		run_for(TURN_MS);
	}
	return clock_mono_ms() - began;
}

#define REQUEST(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

static void
a_head_that_comes_byte_by_byte_is_read(void **state)
{
	static const char text[] = REQUEST("/slowly");
	char one[2] = "";
	int fd = client(), i;

	(void)state;
	for (i = 0; text[i]; i++) {
		one[0] = text[i];
		say(fd, one);
		run_for(1);
	}
	run_for(TURN_MS);
	assert_non_null(strstr(heard(fd), "/slowly"));
	assert_int_equal(world.requests, 1);
	close(fd);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	const char *text, *one, *two;
	int fd = client();

	(void)state;
	say(fd, REQUEST("/one") REQUEST("/two") "GET /thr");
	run_for(TURN_MS);
	say(fd, "ee HTTP/1.1\r\nHost: x\r\n\r\n");
	run_for(TURN_MS);
	text = heard(fd);
	one = strstr(text, "/one");
	two = strstr(text, "/two");
	assert_true(one && two && one < two && two < strstr(text, "/three"));
	close(fd);
}

static void
a_head_has_its_time_however_it_comes(void **state)
{
	uint64_t ms;
	int fd = client();

	(void)state;
	say(fd, "GET / HTTP/1.1\r\nX-Slow: ");
	ms = closed_after(fd, "a");
	assert_in_range(ms, HEAD_MS - TURN_MS, HEAD_MS + 1000);
	close(fd);
	fd = client();
	ms = closed_after(fd, NULL);
	assert_in_range(ms, HEAD_MS - TURN_MS, HEAD_MS + 1000);
	assert_int_equal(world.requests, 0);
	close(fd);
}

static void
a_body_within_bounds_has_its_time_however_busily_it_comes(void **state)
{
	uint64_t ms;
	int fd = client();

	(void)state;
	say(fd, "POST /within HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 400\r\n\r\n");
	run_for(TURN_MS);
	ms = closed_after(fd, "b");
	assert_in_range(ms, WHOLE_MS - 2 * TURN_MS, WHOLE_MS + 1000);
	assert_int_equal(world.body_err, ERR_CLOSED);
	close(fd);
}

static void
bytes_of_a_body_are_kept_where_there_is_room(void **state)
{
	char many[ROOM + 2];
	int fd = client();

	(void)state;
	memset(many, 'b', sizeof(many) - 1);
	many[sizeof(many) - 1] = 0;
	say(fd, "POST /within HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 900\r\n\r\n");
	say(fd, many);
	run_for(TURN_MS);
	assert_non_null(strstr(heard(fd), "400 "));
	assert_int_equal(world.body_err, ERR_BUSY);
	close(fd);
}

static void
an_idle_connection_has_its_time_anew_after_each_request(void **state)
{
	uint64_t ms;
	int fd = client();
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		say(fd, REQUEST("/"));
		run_for(IDLE_MS / 2);
		assert_non_null(strstr(heard(fd), "200 OK"));
	}
	ms = closed_after(fd, NULL);
	assert_in_range(ms, IDLE_MS / 2 - 2 * TURN_MS, IDLE_MS + 1000);
	close(fd);
}

static void
a_body_that_stops_is_cut_and_one_that_goes_on_is_not(void **state)
{
	uint64_t ms;
	int fd = client(), i;

	(void)state;
	say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n");
	for (i = 0; i < 9; i++) { /* longer than BODY_MS all in all */
		say(fd, "b");
		run_for(BODY_MS / 4);
		assert_true(is_open(fd));
	}
	ms = closed_after(fd, NULL);
	assert_in_range(ms, BODY_MS / 2, BODY_MS + 1000);
	assert_int_equal(world.body_err, ERR_CLOSED);
	close(fd);
}

static void
beyond_the_maximum_others_wait_until_one_has_gone(void **state)
{
	int fds[3], i;

	(void)state;
	for (i = 0; i < 3; i++) {
		fds[i] = client();
		say(fds[i], REQUEST("/"));
	}
	run_for(TURN_MS);
	assert_int_equal(http_server_connections(world.server), 2);
	assert_int_equal(world.requests, 2);
	close(fds[0]);
	run_for(TURN_MS);
	assert_int_equal(world.requests, 3);
	close(fds[1]);
	close(fds[2]);
}

static uint64_t
cpu_ms(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

/* The listener stays readable all the while: it must not be asked without
 * end. */
static void
without_descriptors_accepting_waits_and_goes_on(void **state)
{
	struct rlimit before, none;
	uint64_t spent;
	int fd = client();

	(void)state;
	say(fd, REQUEST("/late"));
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	spent = cpu_ms();
	run_for(1000);
	spent = cpu_ms() - spent;
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(world.requests, 0);
	assert_in_range(spent, 0, 80);
	run_for(300);
	assert_int_equal(world.requests, 1);
	assert_non_null(strstr(heard(fd), "/late"));
	close(fd);
}

static void
what_is_refused_is_told_and_closed(void **state)
{
	const char *text;
	int fd = client();

	(void)state;
	say(fd, "GET / HTTP/1.1\nHost: x\r\n\r\n" REQUEST("/smuggled"));
	run_for(TURN_MS);
	text = heard(fd);
	assert_non_null(strstr(text, "400 Bad Request"));
	assert_non_null(strstr(text, "Connection: close"));
	assert_int_equal(world.refused, 1);
	assert_int_equal(world.requests, 0);
	run_for(TURN_MS);
	assert_false(is_open(fd));
	close(fd);
}

/* A client that reads nothing before it has sent all. */
static struct {
	int fd;
	_Atomic bool ended;
	size_t sent;
	char answer[400];
} sender;

enum { FAR_TOO_MUCH = 8 * 1024 * 1024 };

static void *
send_all_then_read(void *arg)
{
	static const char block[64 * 1024];
	size_t len = 0;
	ssize_t n = 1;

	while (sender.sent < FAR_TOO_MUCH && n > 0) {
		n = send(sender.fd, block, sizeof(block), MSG_NOSIGNAL);
		sender.sent += n > 0 ? (size_t)n : 0;
	}
	shutdown(sender.fd, SHUT_WR);
	while (n > 0 && len < sizeof(sender.answer) - 1) {
		n = recv(sender.fd, sender.answer + len,
			 sizeof(sender.answer) - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	atomic_store(&sender.ended, true);
	return arg;
}

static void
who_sends_far_too_much_is_told_and_not_cut_off(void **state)
{
	pthread_t thread;

	(void)state;
	memset(&sender, 0, sizeof(sender));
	sender.fd = client();
	say(sender.fd, "POST / HTTP/1.1\r\nHost: x\r\n"
		       "Content-Length: 8388608\r\n\r\n");
	assert_int_equal(
		pthread_create(&thread, NULL, send_all_then_read, NULL), 0);
	while (!atomic_load(&sender.ended))
		run_for(TURN_MS);
	pthread_join(thread, NULL);
	close(sender.fd);
	assert_int_equal(sender.sent, FAR_TOO_MUCH);
	assert_non_null(strstr(sender.answer, "400 Bad Request"));
	assert_int_equal(world.body_err, ERR_TOO_LARGE);
}

#define CHUNKED(end) \
	"POST /streamed HTTP/1.1\r\nHost: x\r\n" \
	"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" end

static void
nothing_behind_a_malformed_body_is_a_request(void **state)
{
	const char *text;
	int fd = client();

	(void)state;
	say(fd, CHUNKED("0\r\n\r\n") REQUEST("/next"));
	run_for(TURN_MS);
	assert_int_equal(world.requests, 2);
	assert_non_null(strstr(heard(fd), "200 OK"));
	say(fd, CHUNKED("0\r\n\rX") REQUEST("/next"));
	run_for(TURN_MS);
	assert_int_equal(world.requests, 3);
	text = heard(fd);
	assert_non_null(strstr(text, "400 Bad Request"));
	assert_non_null(strstr(text, "Connection: close"));
	assert_false(is_open(fd));
	close(fd);
}

/* ---- turns ---- */

enum { FLOOD = 300, FLOOD_TURN_MAX = 64 };

/* Many heads at once; amid is called between two of their turns. */
static int
flood(void (*amid)(struct loop_again *))
{
	static char text[FLOOD * 64];
	int i, n = 0;

	world.flood = client();
	run_for(TURN_MS);
	world.amid_run = amid;
	for (i = 0; i < FLOOD; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
	say(world.flood, text);
	return world.flood;
}

/* How many answers came, in their order; ends: and then the connection's
 * end, not a reset. */
static int
flood_answers(bool ends, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;
	char *at;
	int count = 0;

	while ((n = recv(world.flood, text + len, size - 1 - len,
			 MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	assert_int_equal(n, ends ? 0 : -1);
	text[len] = 0;
	for (at = text; (at = strstr(at, "\r\n\r\n/")); count++) {
		at += strlen("\r\n\r\n/");
		assert_int_equal(strtol(at, &at, 10), count);
	}
	return count;
}

static char flood_text[FLOOD * 200];

static void
who_pipelines_without_end_lets_others_have_their_turn(void **state)
{
	int other = client(), fd = flood(NULL);

	(void)state;
	say(other, REQUEST("/other"));
	run_for(TURN_MS);
	assert_in_range(world.other_came, 2, FLOOD_TURN_MAX);
	assert_int_equal(world.requests, FLOOD + 1);
	assert_int_equal(flood_answers(false, flood_text, sizeof(flood_text)),
			 FLOOD);
	assert_in_range(closed_after(fd, NULL), IDLE_MS - 2 * TURN_MS,
			IDLE_MS + 1000);
	close(other);
	close(fd);
}

static void
amid_say_more(struct loop_again *a)
{
	(void)a;
	world.amid_came = world.requests;
	say(world.flood, REQUEST("/300") "GET /301 HTTP/1.1\r\nHo");
}

static void
what_comes_between_two_turns_is_neither_lost_nor_early(void **state)
{
	int fd = flood(amid_say_more);

	(void)state;
	run_for(TURN_MS);
	assert_in_range(world.amid_came, 1, FLOOD_TURN_MAX);
	assert_int_equal(world.requests, FLOOD + 1);
	say(fd, "st: x\r\n\r\n");
	run_for(TURN_MS);
	assert_int_equal(flood_answers(false, flood_text, sizeof(flood_text)),
			 FLOOD + 2);
	close(fd);
}

static void
amid_reset(struct loop_again *a)
{
	struct linger now = { .l_onoff = 1 };

	(void)a;
	world.amid_came = world.requests;
	setsockopt(world.flood, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(world.flood);
}

static void
a_client_that_goes_between_two_turns_is_let_go(void **state)
{
	(void)state;
	flood(amid_reset);
	run_for(TURN_MS);
	assert_in_range(world.amid_came, 1, FLOOD_TURN_MAX);
	assert_int_equal(http_server_connections(world.server), 0);
}

static void
world_drained(void *arg)
{
	(void)arg;
	world.drained = true;
}

static void
amid_drain(struct loop_again *a)
{
	(void)a;
	world.amid_came = world.requests;
	http_server_drain(world.server, false, world_drained, NULL);
}

static void
amid_drain_gently(struct loop_again *a)
{
	(void)a;
	world.amid_came = world.requests;
	http_server_drain(world.server, true, world_drained, NULL);
}

/* What was answered is not taken back by a reset. */
static void
a_server_that_drains_between_two_turns_ends_in_order(void **state)
{
	int fd = flood(amid_drain), count;

	(void)state;
	run_for(TURN_MS);
	assert_in_range(world.amid_came, 1, FLOOD_TURN_MAX);
	count = flood_answers(true, flood_text, sizeof(flood_text));
	assert_int_equal(count, world.amid_came);
	assert_int_equal(count, world.requests);
	close(fd);
	run_for(TURN_MS);
	assert_true(world.drained);
}

static void
a_server_that_drains_gently_answers_one_more(void **state)
{
	int fd = flood(amid_drain_gently), count;

	(void)state;
	run_for(TURN_MS);
	assert_in_range(world.amid_came, 1, FLOOD_TURN_MAX);
	count = flood_answers(true, flood_text, sizeof(flood_text));
	assert_int_equal(count, world.amid_came + 1);
	assert_int_equal(count, world.requests);
	assert_non_null(strstr(flood_text, "Connection: close"));
	close(fd);
	run_for(TURN_MS);
	assert_true(world.drained);
}

static void
a_server_that_drains_gently_can_be_told_to_wait_no_more(void **state)
{
	int fd = client();

	(void)state;
	say(fd, REQUEST("/"));
	run_for(TURN_MS);
	assert_non_null(strstr(heard(fd), "200"));
	http_server_drain(world.server, true, world_drained, NULL);
	run_for(TURN_MS);
	assert_true(is_open(fd));
	assert_false(world.drained);
	http_server_drain(world.server, false, world_drained, NULL);
	run_for(TURN_MS);
	assert_false(is_open(fd));
	assert_true(world.drained);
	close(fd);
}

static void
amid_stop(struct loop_again *a)
{
	(void)a;
	world.amid_came = world.requests;
	loop_stop(world.loop);
}

static void
a_server_may_be_freed_between_two_turns(void **state)
{
	int fd = flood(amid_stop);

	(void)state;
	loop_run(world.loop);
	assert_in_range(world.amid_came, 1, FLOOD_TURN_MAX);
	http_server_free(world.server);
	world.server = NULL;
	run_for(TURN_MS);
	assert_int_equal(world.requests, world.amid_came);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_head_that_comes_byte_by_byte_is_read),
		TEST(pipelined_requests_are_answered_in_order),
		TEST(a_head_has_its_time_however_it_comes),
		TEST(a_body_within_bounds_has_its_time_however_busily_it_comes),
		TEST(bytes_of_a_body_are_kept_where_there_is_room),
		TEST(an_idle_connection_has_its_time_anew_after_each_request),
		TEST(a_body_that_stops_is_cut_and_one_that_goes_on_is_not),
		TEST(beyond_the_maximum_others_wait_until_one_has_gone),
		TEST(without_descriptors_accepting_waits_and_goes_on),
		TEST(what_is_refused_is_told_and_closed),
		TEST(who_sends_far_too_much_is_told_and_not_cut_off),
		TEST(nothing_behind_a_malformed_body_is_a_request),
		TEST(who_pipelines_without_end_lets_others_have_their_turn),
		TEST(what_comes_between_two_turns_is_neither_lost_nor_early),
		TEST(a_client_that_goes_between_two_turns_is_let_go),
		TEST(a_server_that_drains_between_two_turns_ends_in_order),
		TEST(a_server_that_drains_gently_answers_one_more),
		TEST(a_server_that_drains_gently_can_be_told_to_wait_no_more),
		TEST(a_server_may_be_freed_between_two_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
