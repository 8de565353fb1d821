/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canned upstream for the bench: as little work as a server can do.
 *
 *   upstream --bearer SECRET --bytes N,N,…
 *
 * Takes a free port of 127.0.0.1 and prints "ready PORT".  Answers
 * GET /…/bytes/N with N bytes that were made beforehand, 404 for another N,
 * and 403 unless the request carries "Authorization: Bearer SECRET" exactly
 * once: a proxy that leaves its work out, or lets the caller's own token
 * through, cannot be fast.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 16 * 1024, FDS_MAX = 4096, EVENTS = 256, ANSWERS_MAX = 8 };

struct client {
	char in[REQUEST_MAX];
	size_t len;
};

struct answer {
	size_t body_len, len;
	char *bytes;
};

static struct client *clients[FDS_MAX];
static struct answer answers[ANSWERS_MAX];
static size_t answer_count;
static char wanted[512];
static const char refused[] =
	"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
static const char unknown[] =
	"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
add_answer(size_t body_len)
{
	struct answer *a = &answers[answer_count++];
	int head;

	a->body_len = body_len;
	a->bytes = malloc(256 + body_len);
	if (!a->bytes)
		fail("malloc");
	head = sprintf(a->bytes,
		       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
		       "Content-Length: %zu\r\n\r\n",
		       body_len);
	memset(a->bytes + head, 'x', body_len);
	a->len = (size_t)head + body_len;
}

/* By the number after the path's last "bytes/". */
static const struct answer *
find_answer(const char *head)
{
	const char *at = strstr(head, "/bytes/");
	size_t body_len = at ? strtoul(at + strlen("/bytes/"), NULL, 10) : 0;
	size_t i;

	for (i = 0; i < answer_count; i++)
		if (answers[i].body_len == body_len)
			return &answers[i];
	return NULL;
}

/* The field once, whatever the case of its name. */
static int
is_authorized(const char *head)
{
	const char *first = strcasestr(head, wanted);

	return first && !strcasestr(first + 2, "\r\nauthorization:");
}

static void
send_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

static void
drop(int fd)
{
	free(clients[fd]);
	clients[fd] = NULL;
	close(fd);
}

static void
answer_one(int fd, const char *head)
{
	const struct answer *a = find_answer(head);

	if (!is_authorized(head))
		send_all(fd, refused, sizeof(refused) - 1);
	else if (!a)
		send_all(fd, unknown, sizeof(unknown) - 1);
	else
		send_all(fd, a->bytes, a->len);
}

static void
serve(int fd)
{
	struct client *c = clients[fd];
	ssize_t n = recv(fd, c->in + c->len, REQUEST_MAX - 1 - c->len, 0);
	size_t used;
	char *end;

	if (n <= 0) {
		drop(fd);
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = '\0';
	while ((end = strstr(c->in, "\r\n\r\n"))) {
		used = (size_t)(end + 4 - c->in);
		end[2] = '\0';
		answer_one(fd, c->in);
		memmove(c->in, c->in + used, c->len - used + 1);
		c->len -= used;
	}
}

/* Returns the socket; the port is the kernel's choice. */
static int
listen_somewhere(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(fd, 1024) || getsockname(fd, (struct sockaddr *)&a, &len))
		fail("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static void
accept_one(int epoll, int listener)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = accept(listener, NULL, NULL), one = 1;

	if (fd < 0)
		return;
	if (fd >= FDS_MAX || !(clients[fd] = calloc(1, sizeof(**clients)))) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	e.data.fd = fd;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static void
read_options(int argc, char **argv)
{
	char *size;

	if (argc != 5 || strcmp(argv[1], "--bearer") ||
	    strcmp(argv[3], "--bytes")) {
		fputs("usage: upstream --bearer SECRET --bytes N,N,...\n",
		      stderr);
		exit(2);
	}
	snprintf(wanted, sizeof(wanted), "\r\nauthorization: bearer %s\r\n",
		 argv[2]);
	for (size = strtok(argv[4], ","); size && answer_count < ANSWERS_MAX;
	     size = strtok(NULL, ","))
		add_answer(strtoul(size, NULL, 10));
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS], e = { .events = EPOLLIN };
	int epoll = epoll_create1(0), listener, n, i;
	unsigned port;

	read_options(argc, argv);
	listener = listen_somewhere(&port);
	e.data.fd = listener;
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	printf("ready %u\n", port);
	fflush(stdout);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_one(epoll, listener);
			else
				serve(events[i].data.fd);
		}
	}
}
