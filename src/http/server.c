/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of server connections: accepting, heads, time-outs, closing.
 *
 * A connection that waits for a request holds its own struct and nothing
 * else: no block, no head.  All callbacks run on the server's loop; a closed
 * connection stays in memory until the end of the turn, so that whoever
 * closed it deep in a callback can still return through it.
 *
 * Runs in the front (and in the practice service).
 */
#include <stdlib.h>
#include <unistd.h>

#include "http/server_priv.h"

enum {
	ACCEPTS_A_TURN = 32,
	SPARE_HEADS_MAX = 256,
	LINGER_MS = 2000,
	LINGER_TURN_BYTES = 256 * 1024, /* then others have their turn */
	STEPS_A_TURN = 32,		/* then too: heads, or parts of one */
	RESUME_MS = 100,		/* after an accept that failed */
};

static void server_pause(struct http_server *s);
static void server_resume(struct http_server *s);
static void conn_timeout(struct loop_timer *t);

/* ---- closing ---- */

static void
server_bury(struct loop_again *again)
{
	struct http_server *s = CONTAINER_OF(again, struct http_server, bury);
	struct http_exchange *x;

	while ((x = s->dead)) {
		s->dead = x->next;
		free(x);
	}
	if (s->draining && !s->count && s->drained) {
		s->draining = false;
		s->drained(s->drained_arg);
	}
}

static void
server_bury_soon(struct http_server *s)
{
	loop_again_start(s->loop, &s->bury, server_bury);
}

void
http_conn_give_head(struct http_exchange *x)
{
	struct http_server *s = x->server;
	struct spare_head *spare = (void *)x->head;

	x->head = NULL;
	if (!spare)
		return;
	if (s->spare_count >= SPARE_HEADS_MAX) {
		free(spare);
		return;
	}
	spare->next = s->spare;
	s->spare = spare;
	s->spare_count++;
}

static struct http_head *
conn_take_head(struct http_server *s)
{
	struct spare_head *spare = s->spare;

	if (!spare)
		return malloc(sizeof(struct http_head));
	s->spare = spare->next;
	s->spare_count--;
	return (void *)spare;
}

void
http_conn_close(struct http_exchange *x, bool reset)
{
	struct http_server *s = x->server;

	if (x->state == CONN_CLOSED)
		return;
	x->state = CONN_CLOSED;
	loop_io_cancel(&x->io);
	loop_timer_cancel(&x->timer);
	loop_again_cancel(&x->turn);
	loop_again_cancel(&x->linger);
	if (reset)
		net_stream_abort(&x->stream);
	else
		net_stream_close(&x->stream);
	http_reader_release(&x->reader);
	http_writer_release(&x->writer);
	http_conn_give_head(x);
	buf_wipe(&x->body);
	*x->prev = x->next;
	if (x->next)
		x->next->prev = x->prev;
	x->next = s->dead;
	s->dead = x;
	s->count--;
	if (s->paused && s->count < s->config.max_connections)
		server_resume(s);
	server_bury_soon(s);
}

/* Closing with bytes unread would be a reset, which takes the answer from a
 * client that has not read it yet. */
static void
conn_drop_input(struct loop_again *again)
{
	struct http_exchange *x =
		CONTAINER_OF(again, struct http_exchange, linger);
	char waste[4096];
	ssize_t n;
	int i;

	for (i = 0; i < LINGER_TURN_BYTES / (int)sizeof(waste); i++) {
		n = net_stream_read(&x->stream, waste, sizeof(waste));
		if (n == ERR_AGAIN)
			return;
		if (n <= 0) {
			http_conn_close(x, false);
			return;
		}
	}
	loop_again_start(x->server->loop, &x->linger, conn_drop_input);
}

void
http_conn_linger(struct http_exchange *x)
{
	net_stream_shutdown(&x->stream);
	x->state = CONN_LINGER;
	loop_again_cancel(&x->turn);
	http_conn_give_head(x);
	http_reader_release(&x->reader);
	loop_timer_start(x->server->loop, &x->timer, LINGER_MS, conn_timeout);
	conn_drop_input(&x->linger);
}

/* ---- heads ---- */

static void
conn_wait(struct http_exchange *x)
{
	const struct http_server_config *c = &x->server->config;
	bool partial = http_reader_bytes(&x->reader).len > 0;

	if (x->server->draining && !partial) {
		http_conn_close(x, false);
		return;
	}
	/* A head under way keeps the deadline that began with it. */
	if (partial && x->head_begun)
		return;
	x->head_begun = partial;
	loop_timer_start(x->server->loop, &x->timer,
			 partial ? c->head_timeout_ms : c->idle_timeout_ms,
			 conn_timeout);
}

/* A whole head, or one that is refused: hands the exchange over. */
static void
conn_begin(struct http_exchange *x, int rc)
{
	struct http_server *s = x->server;

	x->state = CONN_ACTIVE;
	x->owner = NULL;
	x->events = &http_exchange_idle_events;
	x->close_after = rc || !x->head->keep_alive || s->draining;
	x->continue_sent = false;
	x->head_begun = false;
	x->answered = 0;
	loop_timer_start(s->loop, &x->timer, s->config.body_timeout_ms,
			 conn_timeout);
	if (rc) {
		x->reader.body = HTTP_BODY_NONE;
		x->reader.done = 1;
		s->config.refuse(x, (int)x->head->error, x->head->why,
				 s->config.arg);
		return;
	}
	http_reader_start_body(&x->reader, x->head);
	s->config.request(x, s->config.arg);
}

/*
 * Whether to parse again: not before another line has ended or the limit is
 * reached.  A client that sends byte by byte would else cost the square of
 * its head.
 */
static bool
conn_may_have_head(struct http_exchange *x, struct slice bytes)
{
	struct slice more = slice_from(bytes, x->parsed);
	bool first = x->parsed == 0;

	x->parsed = bytes.len;
	return bytes.len && (first || bytes.len >= HTTP_HEAD_MAX ||
			     slice_find(more, '\n') < more.len);
}

/* One step: true while there may be more to do. */
static bool
conn_step(struct http_exchange *x)
{
	struct slice bytes = http_reader_bytes(&x->reader);
	int rc = ERR_AGAIN;
	ssize_t n;

	if (conn_may_have_head(x, bytes)) {
		if (!x->head)
			x->head = conn_take_head(x->server);
		if (!x->head) {
			http_conn_close(x, true);
			return false;
		}
		rc = http_head_request(bytes, x->head);
	}
	if (rc != ERR_AGAIN) {
		x->parsed = 0;
		conn_begin(x, rc);
		return x->state == CONN_HEAD;
	}
	n = http_reader_fill(&x->reader);
	if (n > 0)
		return true;
	if (n == ERR_AGAIN) {
		http_conn_give_head(x);
		conn_wait(x);
		return false;
	}
	http_conn_close(x, false);
	return false;
}

static void
conn_next_turn(struct loop_again *again)
{
	http_conn_advance(CONTAINER_OF(again, struct http_exchange, turn));
}

/*
 * A client that pipelines as fast as it is answered never runs out of bytes:
 * after some steps others have their turn.  The timer may be one of the last
 * request's still.
 */
static void
conn_wait_turn(struct http_exchange *x)
{
	struct http_server *s = x->server;

	if (!x->head_begun)
		loop_timer_start(s->loop, &x->timer, s->config.head_timeout_ms,
				 conn_timeout);
	loop_again_start(s->loop, &x->turn, conn_next_turn);
}

void
http_conn_advance(struct http_exchange *x)
{
	int steps = STEPS_A_TURN;

	if (x->advancing || x->turn.prev)
		return;
	x->advancing = true;
	while (x->state == CONN_HEAD && conn_step(x)) {
		if (--steps)
			continue;
		conn_wait_turn(x);
		break;
	}
	x->advancing = false;
}

/* ---- events ---- */

static void
conn_handshake(struct http_exchange *x)
{
	char detail[160];
	int rc = net_stream_handshake(&x->stream, detail, sizeof(detail));

	if (rc == ERR_AGAIN)
		return;
	if (rc) {
		http_conn_close(x, false);
		return;
	}
	x->state = CONN_HEAD;
	http_conn_advance(x);
}

static void
conn_broken(struct http_exchange *x)
{
	x->events->gone(x, ERR_CLOSED);
	http_conn_close(x, true);
}

static void
conn_ready(struct loop_io *io, unsigned events)
{
	struct http_exchange *x = CONTAINER_OF(io, struct http_exchange, io);

	http_reader_ready(&x->reader, events);
	switch (x->state) {
	case CONN_HANDSHAKE:
		conn_handshake(x);
		break;
	case CONN_HEAD:
		if (events & LOOP_READ || net_stream_pending(&x->stream))
			http_conn_advance(x);
		break;
	case CONN_ACTIVE:
		/* A service that is silent would hold it for minutes. */
		if (events & LOOP_BROKEN)
			conn_broken(x);
		else
			x->events->ready(x);
		break;
	case CONN_LINGER:
		conn_drop_input(&x->linger);
		break;
	case CONN_CLOSED:
		break;
	}
}

static void
conn_timeout(struct loop_timer *t)
{
	struct http_exchange *x = CONTAINER_OF(t, struct http_exchange, timer);

	if (x->state == CONN_ACTIVE)
		x->events->gone(x, ERR_TIMEOUT);
	http_conn_close(x, x->state == CONN_ACTIVE);
}

/* ---- accepting ---- */

static void
server_add(struct server_listener *l, int fd, const struct net_addr *peer)
{
	struct http_server *s = l->server;
	struct http_exchange *x = calloc(1, sizeof(*x));

	if (!x) {
		close(fd);
		return;
	}
	x->server = s;
	x->peer = *peer;
	x->local = l->local;
	x->state = l->tls ? CONN_HANDSHAKE : CONN_HEAD;
	x->next = s->conns;
	x->prev = &s->conns;
	if (x->next)
		x->next->prev = &x->next;
	s->conns = x;
	s->count++;
	http_reader_init(&x->reader, &x->stream, &s->blocks);
	http_writer_init(&x->writer, &x->stream, &s->blocks);
	if (net_stream_accept(&x->stream, fd, l->tls) ||
	    loop_io_start(s->loop, &x->io, fd, conn_ready)) {
		http_conn_close(x, true);
		return;
	}
	/* Its first readiness event does the rest; until then: */
	loop_timer_start(s->loop, &x->timer, s->config.head_timeout_ms,
			 conn_timeout);
}

static void
server_try_again(struct loop_timer *t)
{
	struct http_server *s = CONTAINER_OF(t, struct http_server, resume);

	if (s->paused && s->count < s->config.max_connections)
		server_resume(s);
}

/* No descriptor is left: the waiting connection would be announced without
 * end, and nobody else be served. */
static void
server_pause_a_while(struct http_server *s)
{
	server_pause(s);
	loop_timer_start(s->loop, &s->resume, RESUME_MS, server_try_again);
}

static void
server_accept(struct loop_io *io, unsigned events)
{
	struct server_listener *l =
		CONTAINER_OF(io, struct server_listener, io);
	struct http_server *s = l->server;
	struct net_addr peer;
	int i, fd, rc;

	(void)events;
	for (i = 0; i < ACCEPTS_A_TURN; i++) {
		if (s->count >= s->config.max_connections) {
			server_pause(s);
			return;
		}
		rc = net_accept(io->fd, &fd, &peer);
		if (rc == ERR_AGAIN)
			return;
		if (rc == ERR_NOMEM) {
			server_pause_a_while(s);
			return;
		}
		if (!rc)
			server_add(l, fd, &peer);
	}
}

static void
server_pause(struct http_server *s)
{
	struct server_listener *l;
	int fd;

	s->paused = true;
	for (l = s->listeners; l; l = l->next) {
		fd = l->io.fd;
		loop_io_cancel(&l->io);
		l->io.fd = fd; /* kept for server_resume() */
	}
}

static void
server_resume(struct http_server *s)
{
	struct server_listener *l;

	s->paused = false;
	if (s->draining)
		return;
	for (l = s->listeners; l; l = l->next)
		if (!l->io.loop && l->io.fd >= 0)
			loop_io_start_listener(s->loop, &l->io, l->io.fd,
					       server_accept);
}

/* ---- the door ---- */

int
http_server_new(struct loop *l, const struct http_server_config *c,
		struct http_server **out)
{
	struct http_server *s = calloc(1, sizeof(*s));

	*out = s;
	if (!s)
		return ERR_NOMEM;
	s->loop = l;
	s->config = *c;
	return 0;
}

int
http_server_listen(struct http_server *s, int fd, struct net_tls *tls,
		   bool local)
{
	struct server_listener *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return ERR_NOMEM;
	l->server = s;
	l->tls = tls;
	l->local = local;
	rc = loop_io_start_listener(s->loop, &l->io, fd, server_accept);
	if (rc) {
		free(l);
		return rc;
	}
	l->next = s->listeners;
	s->listeners = l;
	return 0;
}

unsigned
http_server_connections(const struct http_server *s)
{
	return s->count;
}

void
http_server_drain(struct http_server *s, bool gentle, void (*done)(void *),
		  void *arg)
{
	struct http_exchange *x, *next;

	server_pause(s);
	loop_timer_cancel(&s->resume); /* for good */
	s->draining = true;
	s->drained = done;
	s->drained_arg = arg;
	for (x = s->conns; x; x = next) {
		next = x->next;
		if (x->state == CONN_ACTIVE)
			x->close_after = true;
		else if (gentle)
			continue; /* its next request is the last */
		else if (x->turn.prev)
			http_conn_linger(x); /* there are answers under way */
		else
			http_conn_close(x, false);
	}
	server_bury_soon(s);
}

void
http_server_free(struct http_server *s)
{
	struct server_listener *l;
	struct spare_head *spare;
	struct http_exchange *x;

	if (!s)
		return;
	s->draining = true;
	s->drained = NULL;
	server_pause(s);
	loop_timer_cancel(&s->resume);
	while ((x = s->conns)) {
		if (x->state == CONN_ACTIVE)
			x->events->gone(x, ERR_CANCELLED);
		http_conn_close(x, true);
	}
	loop_again_cancel(&s->bury); /* the loop may go on without s */
	while ((x = s->dead)) {
		s->dead = x->next;
		free(x);
	}
	while ((l = s->listeners)) {
		s->listeners = l->next;
		free(l);
	}
	while ((spare = s->spare)) {
		s->spare = spare->next;
		free(spare);
	}
	http_blocks_release(&s->blocks);
	free(s);
}
