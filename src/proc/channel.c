/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels: requests, replies and notices over a SOCK_SEQPACKET pair.
 *
 * One message is one packet.  What cannot be sent yet waits in a bounded
 * list, also while the peer is being restarted; requests that were sent and
 * not answered when the peer died end with ERR_CLOSED.  A peer that breaks
 * the protocol loses its channel.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/proc_priv.h"

enum { WAITING_MAX = 4096, SOCKET_BUFFER = 1 << 20 };

struct proc_request {
	struct proc_channel *channel; /* NULL: it was freed */
	struct proc_request *next, **prev;
	uint64_t epoch; /* of the connection that it came on */
	uint64_t until_ms;
	uint32_t id;
	uint16_t type;
};

struct proc_channel {
	struct loop *loop;
	struct loop_io io;
	int fd;
	enum proc_role peer;
	const struct proc_message *table;
	void *arg;
	uint64_t epoch;
	uint32_t next_id;
	struct secret *in;
	struct proc_pack *out, **out_end;
	unsigned out_count;
	uint64_t lost; /* notices, since the list was empty */
	void (*missed)(struct proc_channel *c, void *arg);
	struct proc_call *calls;
	struct proc_request *requests;
};

/* ---- sending ---- */

static int
channel_send_one(struct proc_channel *c, const struct proc_pack *p)
{
	ssize_t n;

	do {
		n = send(c->fd, secret_peek(p->bytes), p->len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS
		       ? ERR_AGAIN
		       : ERR_CLOSED;
}

/* There is room again for what comes: the peer shall hear that it has
 * missed something. */
static void
channel_tell_missed(struct proc_channel *c)
{
	if (!c->lost)
		return;
	log_warn("notices between processes found no room and were dropped",
		 LOG_S("to", proc_role_name(c->peer)),
		 LOG_I("count", (int64_t)c->lost));
	c->lost = 0;
	if (c->missed)
		c->missed(c, c->arg);
}

static void
channel_flush(struct proc_channel *c)
{
	struct proc_pack *p;

	while (c->fd >= 0 && (p = c->out)) {
		if (channel_send_one(c, p))
			return; /* the socket's own event tells more */
		c->out = p->next;
		if (!c->out)
			c->out_end = &c->out;
		c->out_count--;
		proc_pack_free(p);
	}
	if (!c->out && c->fd >= 0)
		channel_tell_missed(c);
}

/* Takes p. */
static int
channel_send(struct proc_channel *c, struct proc_pack *p,
	     const struct proc_header *h)
{
	int rc;

	if (!p || p->failed || c->out_count >= WAITING_MAX) {
		rc = p && p->failed ? ERR_TOO_LARGE : ERR_BUSY;
		proc_pack_free(p);
		return rc;
	}
	proc_header_write(p, h);
	p->id = h->kind == PROC_REQUEST ? h->id : 0;
	p->next = NULL;
	*c->out_end = p;
	c->out_end = &p->next;
	c->out_count++;
	channel_flush(c);
	return 0;
}

/* ---- calls ---- */

static void
call_unlink(struct proc_call *call)
{
	struct proc_call **link = &call->channel->calls;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	loop_timer_cancel(&call->timer);
}

static void
call_finish(struct proc_call *call, int err, struct proc_unpack *in)
{
	call_unlink(call);
	call->channel = NULL;
	call->done(call, err, in);
}

static void
call_timeout(struct loop_timer *t)
{
	call_finish(CONTAINER_OF(t, struct proc_call, timer), ERR_TIMEOUT,
		    NULL);
}

/* A call that could not even be queued still ends by its callback, later. */
static void
call_failed_soon(struct loop_timer *t)
{
	call_finish(CONTAINER_OF(t, struct proc_call, timer), ERR_BUSY, NULL);
}

void
proc_call_start(struct proc_channel *c, uint16_t type, struct proc_pack *body,
		uint32_t timeout_ms, struct proc_call *call,
		void (*done)(struct proc_call *, int, struct proc_unpack *))
{
	struct proc_header h = { PROC_REQUEST, type, ++c->next_id, 0,
				 clock_mono_ms() + timeout_ms };

	if (!h.id)
		h.id = ++c->next_id;
	memset(call, 0, sizeof(*call));
	call->done = done;
	call->channel = c;
	call->id = h.id;
	call->next = c->calls;
	c->calls = call;
	if (channel_send(c, body ? body : proc_pack_new(), &h))
		loop_timer_start(c->loop, &call->timer, 0, call_failed_soon);
	else
		loop_timer_start(c->loop, &call->timer, timeout_ms,
				 call_timeout);
}

void
proc_call_cancel(struct proc_call *call)
{
	if (!call->channel)
		return;
	call_unlink(call);
	call->channel = NULL;
}

void
proc_notify(struct proc_channel *c, uint16_t type, struct proc_pack *body)
{
	struct proc_header h = { PROC_NOTICE, type, 0, 0, 0 };

	if (channel_send(c, body ? body : proc_pack_new(), &h) && !c->lost++)
		log_warn("a notice found no room; the peer takes none",
			 LOG_S("to", proc_role_name(c->peer)));
}

void
proc_channel_on_missed(struct proc_channel *c,
		       void (*missed)(struct proc_channel *c, void *arg))
{
	c->missed = missed;
}

/* ---- requests ---- */

static void
request_free(struct proc_request *rq)
{
	if (rq->channel) {
		*rq->prev = rq->next;
		if (rq->next)
			rq->next->prev = rq->prev;
	}
	free(rq);
}

uint32_t
proc_request_left_ms(const struct proc_request *rq)
{
	uint64_t now = clock_mono_ms();

	if (!rq->until_ms)
		return UINT32_MAX;
	if (rq->until_ms <= now)
		return 0;
	return rq->until_ms - now > UINT32_MAX ? UINT32_MAX
					       : (uint32_t)(rq->until_ms - now);
}

bool
proc_request_is_awaited(const struct proc_request *rq)
{
	return rq->channel && rq->epoch == rq->channel->epoch &&
	       proc_request_left_ms(rq);
}

void
proc_reply(struct proc_request *rq, int err, struct proc_pack *out)
{
	struct proc_channel *c = rq->channel;
	struct proc_header h = { PROC_REPLY, rq->type, rq->id, err, 0 };

	/* A notice has no id; an asker that was restarted has forgotten. */
	if (!c || !rq->id || rq->epoch != c->epoch) {
		proc_pack_free(out);
		request_free(rq);
		return;
	}
	if (out && out->failed) {
		proc_pack_free(out);
		out = NULL;
		h.err = ERR_TOO_LARGE;
	}
	channel_send(c, out ? out : proc_pack_new(), &h);
	request_free(rq);
}

static const struct proc_message *
channel_find(const struct proc_channel *c, uint16_t type)
{
	const struct proc_message *m;

	for (m = c->table; m && m->name; m++)
		if (m->type == type && (m->from & 1u << c->peer))
			return m;
	return NULL;
}

/* ---- receiving ---- */

/* n: of recv() with MSG_TRUNC, which is more than came where that was too
 * long. */
static void
channel_wipe(struct proc_channel *c, ssize_t n)
{
	if (n > 0)
		secret_wipe(secret_bytes(c->in), n < PROC_MESSAGE_MAX
							 ? (size_t)n
							 : PROC_MESSAGE_MAX);
}

static int
channel_take_request(struct proc_channel *c, const struct proc_header *h,
		     struct proc_unpack *u)
{
	const struct proc_message *m = channel_find(c, h->type);
	struct proc_request *rq;

	if (!m || h->err)
		return ERR_PROTOCOL;
	if (h->until_ms && clock_mono_ms() >= h->until_ms) {
		log_warn("a request came too late, and was dropped",
			 LOG_S("what", m->name));
		return 0;
	}
	rq = calloc(1, sizeof(*rq));
	if (!rq)
		return ERR_NOMEM;
	rq->channel = c;
	rq->epoch = c->epoch;
	rq->until_ms = h->until_ms;
	rq->id = h->kind == PROC_REQUEST ? h->id : 0;
	rq->type = h->type;
	rq->next = c->requests;
	rq->prev = &c->requests;
	if (rq->next)
		rq->next->prev = &rq->next;
	c->requests = rq;
	m->handle(rq, u, c->arg);
	return 0;
}

static int
channel_take_reply(struct proc_channel *c, const struct proc_header *h,
		   struct proc_unpack *u)
{
	struct proc_call *call;

	for (call = c->calls; call; call = call->next) {
		if (call->id != h->id)
			continue;
		call_finish(call, h->err, u);
		break;
	}
	return 0; /* one that was given up is no mistake */
}

static int
channel_take(struct proc_channel *c, struct slice message)
{
	struct proc_header h;
	struct proc_unpack u;

	if (proc_header_read(message, &h, &u))
		return ERR_PROTOCOL;
	switch (h.kind) {
	case PROC_REQUEST:
		return h.id ? channel_take_request(c, &h, &u) : ERR_PROTOCOL;
	case PROC_NOTICE:
		return channel_take_request(c, &h, &u);
	case PROC_REPLY:
		return channel_take_reply(c, &h, &u);
	default:
		return ERR_PROTOCOL;
	}
}

/* Answers that were not sent yet: whoever comes next has not asked, and
 * counts his own requests from one again. */
static void
channel_drop_replies(struct proc_channel *c)
{
	struct proc_pack *p, **link = &c->out;

	while ((p = *link)) {
		if (secret_peek(p->bytes)[0] != PROC_REPLY) {
			link = &p->next;
			continue;
		}
		*link = p->next;
		c->out_count--;
		proc_pack_free(p);
	}
	c->out_end = link;
}

/* The peer is gone: what it was asked is lost, what waits goes on waiting. */
static void
channel_lost(struct proc_channel *c)
{
	struct proc_call *call, *next;
	struct proc_pack *p;
	bool waits;

	loop_io_cancel(&c->io);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->epoch++;
	channel_drop_replies(c);
	for (call = c->calls; call; call = next) {
		next = call->next;
		waits = false;
		for (p = c->out; p && !waits; p = p->next)
			waits = p->id == call->id;
		if (waits)
			continue;
		call_finish(call, ERR_CLOSED, NULL);
		next = c->calls; /* done() may have changed the list */
	}
}

static void
channel_ready(struct loop_io *io, unsigned events)
{
	struct proc_channel *c = CONTAINER_OF(io, struct proc_channel, io);
	uint64_t epoch = c->epoch;
	ssize_t n;
	int rc;

	if (events & LOOP_WRITE)
		channel_flush(c);
	while (c->epoch == epoch) {
		n = recv(c->fd, secret_bytes(c->in), PROC_MESSAGE_MAX,
			 MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = ERR_CLOSED;
		else if (n > PROC_MESSAGE_MAX)
			rc = ERR_TOO_LARGE;
		else
			rc = channel_take(
				c, slice_of(secret_peek(c->in), (size_t)n));
		proc_role_alive();
		channel_wipe(c, n);
		if (!rc || c->epoch != epoch)
			continue;
		channel_lost(c);
		if (rc == ERR_CLOSED)
			continue;
		log_error("a message between processes was refused",
			  LOG_S("from", proc_role_name(c->peer)), LOG_E(rc));
		proc_role_lost(c->peer);
	}
}

static void
channel_connect(struct proc_channel *c, int fd)
{
	int size = SOCKET_BUFFER;

	c->fd = fd;
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (loop_io_start(c->loop, &c->io, fd, channel_ready)) {
		close(fd);
		c->fd = -1;
	}
	channel_flush(c);
}

int
proc_channel_new(struct loop *l, int fd, enum proc_role peer,
		 const struct proc_message *table, void *arg,
		 struct proc_channel **out)
{
	struct proc_channel *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return ERR_NOMEM;
	c->in = secret_new(PROC_MESSAGE_MAX);
	if (!c->in) {
		free(c);
		return ERR_NOMEM;
	}
	c->loop = l;
	c->peer = peer;
	c->table = table;
	c->arg = arg;
	c->out_end = &c->out;
	channel_connect(c, fd);
	*out = c;
	return 0;
}

/*
 * What the peer has answered before it died may be unread still, since its
 * successor is there already, and may be the only copy of a rotated refresh
 * token.  What it has asked is of no use to anybody.
 */
static void
channel_hear_out(struct proc_channel *c)
{
	uint64_t epoch = c->epoch;
	char *bytes;
	ssize_t n;

	while (c->fd >= 0 && c->epoch == epoch) {
		bytes = secret_bytes(c->in);
		n = recv(c->fd, bytes, PROC_MESSAGE_MAX, MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && n <= PROC_MESSAGE_MAX && bytes[0] == PROC_REPLY)
			channel_take(c, slice_of(bytes, (size_t)n));
		channel_wipe(c, n);
		if (n <= 0 || n > PROC_MESSAGE_MAX)
			return;
	}
}

void
proc_channel_replace(struct proc_channel *c, int fd)
{
	channel_hear_out(c);
	channel_lost(c);
	channel_connect(c, fd);
}

void
proc_channel_free(struct proc_channel *c)
{
	struct proc_request *rq;
	struct proc_pack *p;

	if (!c)
		return;
	while ((p = c->out)) {
		c->out = p->next;
		proc_pack_free(p);
	}
	c->out_end = &c->out;
	channel_lost(c);
	while ((rq = c->requests)) {
		c->requests = rq->next;
		rq->channel = NULL;
	}
	secret_free(c->in);
	free(c);
}

/* ---- from other threads ---- */

struct waiter {
	struct loop_task task;
	struct proc_call call;
	struct proc_channel *channel;
	uint16_t type;
	struct proc_pack *body;
	uint32_t timeout_ms;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	bool done;
	int err;
	struct secret *reply;
};

static void
waiter_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct waiter *w = CONTAINER_OF(call, struct waiter, call);
	struct secret *reply = NULL;

	if (in && in->rest.len)
		reply = secret_from(in->rest.ptr, in->rest.len);
	pthread_mutex_lock(&w->mutex);
	w->err = in && in->rest.len && !reply ? ERR_NOMEM : err;
	w->reply = reply;
	w->done = true;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->mutex);
}

static void
waiter_start(struct loop_task *task)
{
	struct waiter *w = CONTAINER_OF(task, struct waiter, task);

	proc_call_start(w->channel, w->type, w->body, w->timeout_ms, &w->call,
			waiter_done);
}

int
proc_call_wait(struct proc_channel *c, uint16_t type, struct proc_pack *body,
	       uint32_t timeout_ms, struct secret **reply)
{
	struct waiter w = {
		.task.run = waiter_start,
		.channel = c,
		.type = type,
		.body = body,
		.timeout_ms = timeout_ms,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER,
	};

	if (reply)
		*reply = NULL;
	loop_post(c->loop, &w.task);
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.ended, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	if (reply)
		*reply = w.reply;
	else
		secret_free(w.reply);
	return w.err;
}
