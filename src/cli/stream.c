/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request whose answer goes to standard output as it comes.
 *
 *   open -> send -> head -> body, block by block -> end
 *
 * Drawbridge's own refusals (Drawbridge-Error) are not the service's answer:
 * they are told on standard error.
 */
#include <unistd.h>

#include "cli/cli_priv.h"
#include "egress/egress.h"

enum {
	OPEN_MS = 15 * 1000,
	/* Longer than the gateway may wait for a first byte. */
	IDLE_MS = 660 * 1000,
	PROBLEM_MAX = 64 * 1024,
	SHOWN_MAX = 1024 * 1024,
};

struct streaming {
	struct cli_stream *s;
	struct cli_client *client;
	struct egress_open open;
	struct egress_conn *conn;
	struct loop_timer timer;
	struct buf request, problem;
	struct buf shown, rest; /* of the body, where people look at it */
	bool to_people;
	size_t sent;
	bool sent_all, have_head;
	unsigned interim; /* 1xx answers so far */
	struct http_head head;
	int err;
	bool output_failed;
};

static void
stream_finish(struct streaming *g, int err)
{
	g->err = err;
	loop_timer_cancel(&g->timer);
	egress_open_cancel(&g->open);
	if (g->conn)
		egress_drop(g->conn);
	g->conn = NULL;
	loop_stop(g->client->loop);
}

static void
stream_timeout(struct loop_timer *t)
{
	stream_finish(CONTAINER_OF(t, struct streaming, timer), ERR_TIMEOUT);
}

static int
stream_send(struct streaming *g)
{
	struct slice rest = slice_from(buf_slice(&g->request), g->sent);
	size_t taken;
	int rc;

	if (g->sent_all)
		return 0;
	rc = http_writer_send(&g->conn->writer, rest, &taken);
	g->sent += taken;
	g->sent_all = rc == 0;
	return rc;
}

static void
head_show(const struct http_head *h)
{
	struct buf out;
	unsigned i;

	buf_init(&out, 2 * HTTP_HEAD_MAX);
	buf_printf(&out, "%d %s\n", h->status, http_reason(h->status));
	for (i = 0; i < h->count; i++) {
		cli_safe(&out, h->fields[i].name);
		buf_puts(&out, ": ");
		cli_safe(&out, h->fields[i].value);
		buf_putc(&out, '\n');
	}
	buf_putc(&out, '\n');
	cli_put(buf_slice(&out));
	buf_release(&out);
}

static int
stream_head(struct streaming *g)
{
	struct http_reader *r = &g->conn->reader;
	bool to_head = slice_eq(g->s->method, SLICE("HEAD"));
	int rc = http_reader_response(r, to_head, &g->interim, &g->head);

	if (rc)
		return rc;
	if (g->head.status < 200)
		return ERR_PROTOCOL;
	g->s->status = g->head.status;
	g->s->own = http_head_find(&g->head, HTTP_DRAWBRIDGE_ERROR) != NULL;
	if (g->s->show_head && !g->s->own)
		head_show(&g->head);
	http_reader_start_body(r, &g->head);
	g->have_head = true;
	return 0;
}

/* Strangers may have written it: a terminal takes nothing of it for a command.
 * What goes to a file or a pipe is as it came. */
static int
body_put(struct streaming *g, struct slice data)
{
	int rc;

	if (!g->to_people)
		return cli_put(data);
	buf_reset(&g->shown);
	cli_safe_text(&g->shown, &g->rest, data);
	rc = buf_err(&g->shown);
	return rc ? rc : cli_put(buf_slice(&g->shown));
}

static int
stream_body(struct streaming *g)
{
	struct http_reader *r = &g->conn->reader;
	struct slice data;
	int rc;

	while (!(rc = http_reader_peek(r, &data))) {
		if (g->s->own) {
			buf_put_slice(&g->problem, data);
		} else if (body_put(g, data)) {
			g->output_failed = true;
			return ERR_CANCELLED;
		}
		http_reader_consume(r, data.len);
	}
	return rc;
}

static void
stream_go_on(struct streaming *g)
{
	int rc = stream_send(g);

	loop_timer_start(g->client->loop, &g->timer, IDLE_MS, stream_timeout);
	/* An early answer is read even while the request cannot be sent. */
	if (rc == 0 || rc == ERR_AGAIN || rc == ERR_CLOSED) {
		rc = g->have_head ? 0 : stream_head(g);
		if (!rc)
			rc = stream_body(g);
	}
	if (rc == ERR_AGAIN)
		return;
	if (rc == ERR_CLOSED && g->have_head && g->conn->reader.done)
		rc = 0;
	stream_finish(g, rc);
}

static void
stream_ready(struct egress_conn *c)
{
	stream_go_on(c->owner);
}

static void
stream_opened(struct egress_open *o, int err, struct egress_conn *conn)
{
	struct streaming *g = CONTAINER_OF(o, struct streaming, open);

	if (err) {
		stream_finish(g, err);
		return;
	}
	g->conn = conn;
	conn->owner = g;
	conn->ready = stream_ready;
	http_writer_start_body(&conn->writer, HTTP_BODY_NONE, 0);
	stream_go_on(g);
}

static int
stream_build(struct streaming *g)
{
	const struct cli_stream *s = g->s;
	struct buf *b = &g->request;
	bool bodyless = slice_eq(s->method, SLICE("GET")) ||
			slice_eq(s->method, SLICE("HEAD"));

	buf_init(b, HTTP_HEAD_MAX + s->body.len);
	buf_put_slice(b, s->method);
	buf_putc(b, ' ');
	buf_put_slice(b, s->path);
	buf_puts(b, " HTTP/1.1\r\nHost: ");
	buf_put_slice(b, egress_dest_authority(g->client->dest));
	buf_puts(b, "\r\nConnection: close\r\n");
	if (s->body.len || !bodyless)
		buf_printf(b, "Content-Length: %zu\r\n", s->body.len);
	buf_put_slice(b, s->fields);
	buf_puts(b, "\r\n");
	buf_put_slice(b, s->body);
	return buf_err(b);
}

/* How it has ended, in words where that is needed. */
static int
stream_tell(struct cli *c, struct streaming *g)
{
	if (g->output_failed)
		return CLI_FAILED;
	if (g->err && !g->have_head)
		return cli_fail(CLI_UNREACHABLE, "the server: %s",
				g->open.detail[0] ? g->open.detail
						  : err_text(g->err));
	if (g->err)
		return cli_fail(CLI_FAILED, "the answer broke off: %s",
				err_text(g->err));
	if (g->s->own)
		cli_problem_tell(c, g->s->status, buf_slice(&g->problem));
	return CLI_OK;
}

int
cli_stream_run(struct cli *c, struct cli_stream *s)
{
	struct streaming *g;
	int rc = cli_client_open(c);

	if (rc)
		return rc;
	g = arena_alloc(c->arena, sizeof(*g));
	ASSERT(g);
	g->s = s;
	g->client = c->client;
	g->to_people = isatty(STDOUT_FILENO);
	buf_init(&g->problem, PROBLEM_MAX);
	buf_init(&g->shown, SHOWN_MAX);
	buf_init(&g->rest, SHOWN_MAX);
	rc = stream_build(g);
	if (rc) {
		rc = cli_fail(CLI_USAGE, "the request: %s", err_text(rc));
	} else {
		egress_open(g->client->dest, &g->open, OPEN_MS, stream_opened);
		loop_run(g->client->loop);
		if (g->rest.len) /* a character that broke off */
			cli_put(SLICE("?"));
		rc = stream_tell(c, g);
	}
	buf_wipe(&g->request);
	buf_release(&g->problem);
	buf_release(&g->shown);
	buf_release(&g->rest);
	return rc;
}
