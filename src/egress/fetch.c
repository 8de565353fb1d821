/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole request for cold paths: token endpoints, look-ups, the CLI.
 *
 *   open -> send -> head -> body -> done
 *
 * Always on a connection of its own, so that a request is never sent twice
 * behind its owner's back.  Answer and request bytes are wiped.
 */
#include <stdlib.h>

#include "egress/egress_priv.h"

struct egress_fetching {
	struct egress_fetch *owner;
	struct egress_open open;
	struct egress_conn *conn;
	struct loop_timer timer;
	uint64_t until_ms; /* nothing is sent after it, if we slept meanwhile */
	bool sent_all;
	bool have_head;
	unsigned interim; /* 1xx answers so far */
	struct buf request;
	size_t request_sent;
	struct http_head head;
	char *kept; /* the bytes that head points into, after the end */
};

static void
fetching_release(struct egress_fetching *g)
{
	loop_timer_cancel(&g->timer);
	egress_open_cancel(&g->open);
	if (g->conn)
		egress_drop(g->conn);
	g->conn = NULL;
	buf_wipe(&g->request);
}

static void
fetch_finish(struct egress_fetching *g, int err)
{
	struct egress_fetch *f = g->owner;

	fetching_release(g); /* g itself holds the head until release */
	f->done(f, err);
}

static void
fetch_timeout(struct loop_timer *t)
{
	struct egress_fetching *g =
		CONTAINER_OF(t, struct egress_fetching, timer);

	slice_copy(SLICE("the answer took too long"), g->owner->detail,
		   sizeof(g->owner->detail));
	fetch_finish(g, ERR_TIMEOUT);
}

/* Sends; 0 when everything has left, ERR_AGAIN, ERR_CLOSED. */
static int
fetch_send(struct egress_fetching *g)
{
	struct slice rest = slice_from(buf_slice(&g->request), g->request_sent);
	size_t taken;
	int rc;

	if (g->sent_all)
		return 0;
	rc = http_writer_send(&g->conn->writer, rest, &taken);
	g->request_sent += taken;
	g->owner->sent |= g->conn->writer.sent > 0;
	g->sent_all = rc == 0;
	return rc;
}

static int
fetch_head(struct egress_fetching *g)
{
	struct http_reader *r = &g->conn->reader;
	bool to_head = slice_eq(g->owner->method, SLICE("HEAD"));
	int rc = http_reader_response(r, to_head, &g->interim, &g->head);

	if (rc)
		return rc;
	if (g->head.status < 200)
		return ERR_PROTOCOL;
	http_reader_start_body(r, &g->head);
	g->have_head = true;
	g->owner->status = g->head.status;
	return 0;
}

static int
fetch_body(struct egress_fetching *g)
{
	struct slice data;
	int rc;

	while (!(rc = http_reader_peek(&g->conn->reader, &data))) {
		rc = buf_put(&g->owner->answer, data.ptr, data.len);
		if (rc)
			return rc;
		/* tokens: no copy stays in a block that is used again */
		secret_wipe((char *)(uintptr_t)data.ptr, data.len);
		http_reader_consume(&g->conn->reader, data.len);
	}
	return rc;
}

/* Re-points the head's slices into memory that outlives the connection. */
static int
fetch_keep_head(struct egress_fetching *g)
{
	const char *from =
		g->conn->reader.data + g->conn->reader.keep - g->head.size;
	char *copy = g->kept = malloc(g->head.size);
	struct http_field *field;
	unsigned i;

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, from, g->head.size);
	for (i = 0; i < g->head.count; i++) {
		field = &g->head.fields[i];
		field->name.ptr = copy + (field->name.ptr - from);
		field->value.ptr = copy + (field->value.ptr - from);
	}
	g->head.reason = SLICE_NONE;
	g->owner->head = &g->head;
	return 0;
}

static void
fetch_go_on(struct egress_fetching *g)
{
	int rc = fetch_send(g);

	/* An early answer is read even while the request cannot be sent. */
	if (rc == 0 || rc == ERR_AGAIN || rc == ERR_CLOSED) {
		rc = g->have_head ? 0 : fetch_head(g);
		if (!rc)
			rc = fetch_body(g);
	}
	if (rc == ERR_AGAIN)
		return;
	if (rc == ERR_CLOSED && g->have_head && g->conn->reader.done)
		rc = fetch_keep_head(g);
	else if (rc == ERR_TOO_LARGE && g->have_head && fetch_keep_head(g))
		rc = ERR_NOMEM;
	fetch_finish(g, rc);
}

static void
fetch_ready(struct egress_conn *c)
{
	fetch_go_on(c->owner);
}

static int
fetch_build(struct egress_fetching *g)
{
	struct egress_fetch *f = g->owner;
	struct buf *b = &g->request;
	bool bodyless = slice_eq(f->method, SLICE("GET")) ||
			slice_eq(f->method, SLICE("HEAD"));

	buf_put_slice(b, f->method);
	buf_putc(b, ' ');
	buf_put_slice(b, f->path);
	buf_puts(b, " HTTP/1.1\r\nHost: ");
	buf_put_slice(b, egress_dest_authority(f->dest));
	buf_puts(b, "\r\nConnection: close\r\n");
	if (f->body.len || !bodyless)
		buf_printf(b, "Content-Length: %zu\r\n", f->body.len);
	buf_put_slice(b, f->fields);
	buf_puts(b, "\r\n");
	buf_put_slice(b, f->body);
	return buf_err(b);
}

static void
fetch_opened(struct egress_open *o, int err, struct egress_conn *conn)
{
	struct egress_fetching *g =
		CONTAINER_OF(o, struct egress_fetching, open);

	if (err) {
		memcpy(g->owner->detail, o->detail, sizeof(o->detail));
		fetch_finish(g, err);
		return;
	}
	g->conn = conn;
	conn->owner = g;
	conn->ready = fetch_ready;
	if (loop_now_ms(g->owner->dest->egress->loop) >= g->until_ms) {
		fetch_timeout(&g->timer);
		return;
	}
	err = fetch_build(g);
	if (err) {
		fetch_finish(g, err);
		return;
	}
	http_writer_start_body(&conn->writer, HTTP_BODY_NONE, 0);
	fetch_go_on(g);
}

void
egress_fetch_start(struct egress_fetch *f)
{
	struct egress_fetching *g = calloc(1, sizeof(*g));

	ASSERT(g);
	f->fetching = g;
	f->sent = false;
	f->status = 0;
	f->head = NULL;
	f->detail[0] = 0;
	buf_init(&f->answer, f->max_bytes);
	g->owner = f;
	buf_init(&g->request, HTTP_HEAD_MAX + f->body.len);
	loop_timer_start(f->dest->egress->loop, &g->timer, f->timeout_ms,
			 fetch_timeout);
	g->until_ms = loop_now_ms(f->dest->egress->loop) + f->timeout_ms;
	egress_open(f->dest, &g->open, f->timeout_ms, fetch_opened);
}

void
egress_fetch_cancel(struct egress_fetch *f)
{
	if (f->fetching)
		fetching_release(f->fetching);
}

void
egress_fetch_release(struct egress_fetch *f)
{
	struct egress_fetching *g = f->fetching;

	buf_wipe(&f->answer);
	if (!g)
		return;
	fetching_release(g);
	free(g->kept);
	f->head = NULL;
	f->fetching = NULL;
	free(g);
}
