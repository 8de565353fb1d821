/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The callers of the bench: some connections, a fixed number of calls, and
 * every answer checked.
 *
 *   load --connect 127.0.0.1:PORT|unix:PATH --path PATH --bytes N
 *        --tokens FILE [--connections 64] [--calls N] [--rate N]
 *        [--timeout SECONDS]
 *
 * Without a rate each connection calls again as soon as it has its answer.
 * With one (calls per second over all connections) calls fall due by the
 * clock whatever the answers do, and the latency counts from then, so a
 * proxy that stalls is not flattered.  Each line of FILE is a token; call by
 * call the next one is sent as "Authorization: Bearer …".
 *
 * An answer is right if its status is 200 and both its Content-Length and
 * its body are N bytes.  Prints one JSON object; the exit status is 1 if any
 * call failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 8192, BLOCK = 128 * 1024, EVENTS = 256, TOKENS = 4096 };

#define NS 1000000000ull

struct conn {
	int fd;
	bool busy;
	uint64_t since; /* when the call was sent, or was due */
	size_t have;	/* of the head */
	size_t left;	/* of the body, once the head is there */
	bool in_body;
	char head[HEAD_MAX];
};

static struct {
	const char *connect, *path, *tokens;
	size_t bytes, connections, calls, rate, timeout_s;
} opt = { .connections = 64, .calls = 20000, .timeout_s = 60 };

static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
} peer;
static socklen_t peer_len;

static char *requests[TOKENS]; /* one for each token */
static size_t request_lens[TOKENS], token_count;

static int ep, timer = -1;
static struct conn *conns, **idle;
static size_t idle_count;
static uint64_t began, ended;
static size_t due, started, finished, good, failed, reopened;
static uint32_t *latencies; /* ns, of the calls that went well */
static char first_error[128];
static volatile sig_atomic_t timed_out;

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *
must_have(void *p)
{
	if (!p)
		die("memory");
	return p;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* ---- connections ---- */

static void
peer_parse(void)
{
	const char *colon = strrchr(opt.connect, ':');

	if (!strncmp(opt.connect, "unix:", 5)) {
		peer.un.sun_family = AF_UNIX;
		snprintf(peer.un.sun_path, sizeof(peer.un.sun_path), "%s",
			 opt.connect + 5);
		peer_len = sizeof(peer.un);
		return;
	}
	peer.in.sin_family = AF_INET;
	peer.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer.in.sin_port =
		htons((uint16_t)(colon ? strtoul(colon + 1, NULL, 10) : 0));
	peer_len = sizeof(peer.in);
}

static void
conn_open(struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET,
				  .data.ptr = c };
	int on = 1;

	c->fd = socket(peer.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, &peer.any, peer_len))
		die(opt.connect);
	if (peer.any.sa_family == AF_INET)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev))
		die("connection");
}

static void
conn_reopen(struct conn *c)
{
	close(c->fd);
	reopened++;
	conn_open(c);
}

/* ---- a call ---- */

static void
call_over(struct conn *c)
{
	c->busy = false;
	finished++;
	idle[idle_count++] = c;
	if (finished == opt.calls)
		ended = now_ns();
}

/* The connection is not to be trusted any more. */
static void
call_fail(struct conn *c, const char *why)
{
	if (!failed++)
		snprintf(first_error, sizeof(first_error), "%s", why);
	conn_reopen(c);
	call_over(c);
}

static void
call_done(struct conn *c)
{
	uint64_t ns = now_ns() - c->since;

	latencies[good++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
	call_over(c);
}

static void
call_start(struct conn *c)
{
	size_t i = started % token_count;
	ssize_t n;

	/* With a rate, from when it fell due. */
	c->since = opt.rate ? began + started * NS / opt.rate : now_ns();
	c->busy = true;
	c->in_body = false;
	c->have = 0;
	started++;
	n = send(c->fd, requests[i], request_lens[i], MSG_NOSIGNAL);
	if (n != (ssize_t)request_lens[i])
		call_fail(c, "the request could not be sent");
}

/* Starts what is due, as far as there are connections. */
static void
calls_start(void)
{
	while (idle_count && started < due)
		call_start(idle[--idle_count]);
}

/* ---- an answer ---- */

/* The one Content-Length of the head; false: none, or no number. */
static bool
head_length(const char *head, const char *end, size_t *out)
{
	static const char name[] = "content-length:";
	const char *line = head, *p;
	char *after;

	while ((line = memchr(line, '\n', (size_t)(end - line)))) {
		line++;
		if ((size_t)(end - line) < sizeof(name) ||
		    strncasecmp(line, name, sizeof(name) - 1))
			continue;
		p = line + sizeof(name) - 1;
		*out = strtoul(p, &after, 10);
		return after != p && *after == '\r';
	}
	return false;
}

/* Looks for a whole head; false: the call has failed. */
static bool
answer_head(struct conn *c)
{
	char *end = memmem(c->head, c->have, "\r\n\r\n", 4);
	char why[64];
	size_t len, body;

	if (!end) {
		if (c->have == HEAD_MAX)
			call_fail(c, "the answer's head is too long");
		return c->have < HEAD_MAX;
	}
	if (strncmp(c->head, "HTTP/1.1 200 ", 13)) {
		snprintf(why, sizeof(why), "answered %.40s", c->head);
		why[strcspn(why, "\r\n")] = '\0';
		call_fail(c, why);
		return false;
	}
	if (!head_length(c->head, end + 2, &len) || len != opt.bytes) {
		call_fail(c, "not the right Content-Length");
		return false;
	}
	body = c->have - (size_t)(end + 4 - c->head);
	if (body > opt.bytes) {
		call_fail(c, "more than the announced body");
		return false;
	}
	c->in_body = true;
	c->left = opt.bytes - body;
	if (!c->left)
		call_done(c);
	return true;
}

/* Takes what came; false: there is nothing more to read for now. */
static bool
answer_take(struct conn *c)
{
	static char block[BLOCK];
	size_t room = c->in_body ? BLOCK : HEAD_MAX - c->have;
	char *to = c->in_body ? block : c->head + c->have;
	ssize_t n = recv(c->fd, to, room, 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		call_fail(c, "the connection was closed before the answer");
		return false;
	}
	if (!c->in_body) {
		c->have += (size_t)n;
		if (!answer_head(c))
			return false;
	} else if ((size_t)n > c->left) {
		call_fail(c, "more than the announced body");
		return false;
	} else {
		c->left -= (size_t)n;
		if (!c->left)
			call_done(c);
	}
	/* Less than there was room for: there will be another event. */
	return c->busy && (size_t)n == room;
}

static void
conn_run(struct conn *c)
{
	char byte;
	ssize_t n;

	if (c->busy) {
		while (answer_take(c))
			;
		return;
	}
	/* Nothing was asked: closed, or something that nobody wants. */
	n = recv(c->fd, &byte, 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0 && !failed++)
		snprintf(first_error, sizeof(first_error),
			 "an answer to nothing");
	conn_reopen(c);
}

/* ---- the run ---- */

static void
clock_start(void)
{
	struct itimerspec every = { 0 };
	struct epoll_event ev = { .events = EPOLLIN };

	began = now_ns();
	if (!opt.rate) {
		due = opt.calls;
		return;
	}
	every.it_value.tv_nsec = every.it_interval.tv_nsec =
		(long)(NS / opt.rate);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, timer, &ev))
		die("timer");
	due = 1;
}

static void
clock_tick(void)
{
	uint64_t fired;

	if (read(timer, &fired, sizeof(fired)) != sizeof(fired))
		return;
	due = (now_ns() - began) * opt.rate / NS + 1;
	if (due > opt.calls)
		due = opt.calls;
}

static void
run(void)
{
	struct epoll_event events[EVENTS];
	int i, n;

	clock_start();
	calls_start();
	while (finished < opt.calls && !timed_out) {
		n = epoll_wait(ep, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				clock_tick();
			else
				conn_run(events[i].data.ptr);
			calls_start();
		}
	}
	if (!ended)
		ended = now_ns();
}

/* ---- what is told ---- */

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile_us(size_t count, double p)
{
	size_t i = (size_t)((double)count * p);

	return count ? latencies[i < count ? i : count - 1] / 1000.0 : 0;
}

static void
report(void)
{
	double seconds = (double)(ended - began) / (double)NS;

	if (finished < opt.calls) {
		if (!failed)
			snprintf(first_error, sizeof(first_error),
				 "%zu calls were not over in time",
				 opt.calls - finished);
		failed += opt.calls - finished;
	}
	qsort(latencies, good, sizeof(*latencies), compare);
	printf("{\"calls\": %zu, \"errors\": %zu, \"reopened\": %zu, "
	       "\"seconds\": %.6f, \"calls_per_s\": %.1f, ",
	       opt.calls, failed, reopened, seconds, (double)good / seconds);
	printf("\"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
	       "\"p999\": %.1f, \"max\": %.1f}, ",
	       percentile_us(good, 0.5), percentile_us(good, 0.9),
	       percentile_us(good, 0.99), percentile_us(good, 0.999),
	       percentile_us(good, 1));
	/* Of a status line only what a status line may hold. */
	printf("\"first_error\": \"");
	for (const char *p = first_error; *p; p++)
		putchar(*p >= ' ' && *p <= '~' && *p != '"' && *p != '\\'
				? *p
				: '?');
	printf("\"}\n");
}

/* ---- the start ---- */

static void
requests_make(void)
{
	char line[512];
	FILE *f = fopen(opt.tokens, "r");
	int len;

	if (!f)
		die(opt.tokens);
	while (token_count < TOKENS && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!line[0])
			continue;
		len = asprintf(&requests[token_count],
			       "GET %s HTTP/1.1\r\n"
			       "Host: api.example.org\r\n"
			       "User-Agent: bench/1.0\r\n"
			       "Accept: application/json\r\n"
			       "Accept-Encoding: gzip\r\n"
			       "Authorization: Bearer %s\r\n\r\n",
			       opt.path, line);
		if (len < 0)
			die("memory");
		request_lens[token_count++] = (size_t)len;
	}
	fclose(f);
	if (!token_count) {
		fprintf(stderr, "load: no token in %s\n", opt.tokens);
		exit(2);
	}
}

static void
conns_make(void)
{
	size_t i;

	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0)
		die("epoll");
	conns = must_have(calloc(opt.connections, sizeof(*conns)));
	idle = must_have(calloc(opt.connections, sizeof(struct conn *)));
	latencies = must_have(calloc(opt.calls, sizeof(*latencies)));
	/* Written once, so that no page fault falls into the measurement. */
	memset(latencies, 1, opt.calls * sizeof(*latencies));
	for (i = 0; i < opt.connections; i++) {
		conn_open(&conns[i]);
		idle[idle_count++] = &conns[i];
	}
}

static void
time_out(int signal)
{
	(void)signal;
	timed_out = 1;
}

static bool
options_take(int argc, char **argv)
{
	static const struct option names[] = {
		{ "connect", required_argument, NULL, 'a' },
		{ "path", required_argument, NULL, 'p' },
		{ "tokens", required_argument, NULL, 'k' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "connections", required_argument, NULL, 'c' },
		{ "calls", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (o == 'a')
			opt.connect = optarg;
		else if (o == 'p')
			opt.path = optarg;
		else if (o == 'k')
			opt.tokens = optarg;
		else if (o == 'b')
			opt.bytes = strtoul(optarg, NULL, 10);
		else if (o == 'c')
			opt.connections = strtoul(optarg, NULL, 10);
		else if (o == 'n')
			opt.calls = strtoul(optarg, NULL, 10);
		else if (o == 'r')
			opt.rate = strtoul(optarg, NULL, 10);
		else if (o == 't')
			opt.timeout_s = strtoul(optarg, NULL, 10);
		else
			return false;
	}
	return opt.connect && opt.path && opt.tokens && opt.connections &&
	       opt.calls && opt.rate < NS;
}

int
main(int argc, char **argv)
{
	struct sigaction on_alarm = { .sa_handler = time_out };

	if (!options_take(argc, argv)) {
		fputs("load: --connect, --path, --bytes and --tokens are "
		      "needed\n",
		      stderr);
		return 2;
	}
	requests_make();
	peer_parse();
	conns_make();
	sigaction(SIGALRM, &on_alarm, NULL);
	alarm((unsigned)opt.timeout_s);
	run();
	report();
	return failed ? 1 : 0;
}
