/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow chat: a conversation on a terminal, or a pipe.
 *
 *   ask -> show -> wait for a line -> ask …
 *                  wait for a line, looking on once a second, as long as the
 *                  bot goes on by itself: a call is under way, or consent is
 *                  given in a browser
 *
 * Lines are read by our own buffer, since one of stdio's could hold a line
 * back from poll().
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cli/cli_priv.h"

enum { LINE_MAX_BYTES = 4096, LOOK_MS = 1000 };

struct chat {
	struct cli *c;
	char id[40];
	int64_t seq; /* of the last message that was shown */
	char state[16];
	char connect[64];  /* link name of the connection it waits for; "" */
	char shown[64];	   /* whose link is on the screen */
	char problem[512]; /* why it has failed */
	struct buf in;
	bool eof;
};

const struct cli_option cli_chat_options[] = {
	{ "draft", CLI_FLAG, NULL, "the draft, in place of what is published" },
	{ NULL },
};

/* ---- showing ---- */

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void
content_show(const json_t *content, struct buf *out)
{
	const char *text = text_of(content, "text");

	if (!strcmp(text_of(content, "type"), "connect")) {
		buf_puts(out, "[Connect ");
		cli_safe(out, slice_str(text_of(content, "name")));
		buf_puts(out, "]\n");
		return;
	}
	if (!text[0])
		text = text_of(content, "url");
	cli_safe(out, slice_str(text[0] ? text : "(links)"));
	buf_putc(out, '\n');
}

/* What the bot has said since; choices by their numbers. */
static void
chat_show(struct chat *t, const json_t *answer)
{
	const json_t *expects = json_object_get(answer, "expects"), *m, *item;
	struct buf out;
	int64_t seq;
	size_t i;

	buf_init(&out, 1 << 20);
	json_array_foreach(json_object_get(answer, "messages"), i, m)
	{
		seq = json_integer_value(json_object_get(m, "seq"));
		if (seq > t->seq && !strcmp(text_of(m, "from"), "bot"))
			content_show(json_object_get(m, "content"), &out);
	}
	json_array_foreach(json_object_get(expects, "choices"), i, item)
	{
		buf_printf(&out, "  %zu  ", i + 1);
		cli_safe(&out, slice_str(text_of(item, "label")));
		buf_putc(&out, '\n');
	}
	cli_put(buf_slice(&out));
	buf_release(&out);
	fflush(stdout);
}

/* Whether there is anything in it that was not shown. */
static bool
chat_take(struct chat *t, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "messages");
	const json_t *expects = json_object_get(answer, "expects");
	const json_t *last = json_array_get(list, json_array_size(list) - 1);
	int64_t seq = json_integer_value(json_object_get(last, "seq"));
	bool is_news =
		seq > t->seq || strcmp(t->state, text_of(answer, "state"));

	if (seq > t->seq) {
		t->seq = seq;
		t->shown[0] = '\0'; /* asked for again: another link */
	}
	slice_copy(slice_str(text_of(answer, "id")), t->id, sizeof(t->id));
	slice_copy(slice_str(text_of(answer, "state")), t->state,
		   sizeof(t->state));
	slice_copy(slice_str(text_of(answer, "problem")), t->problem,
		   sizeof(t->problem));
	t->connect[0] = '\0';
	if (!strcmp(text_of(expects, "type"), "connect"))
		slice_copy(slice_str(text_of(expects, "connection")),
			   t->connect, sizeof(t->connect));
	return is_news;
}

/* ---- asking ---- */

/* quiet: with nothing to show there is nothing said. */
static int
chat_request(struct chat *t, const char *method, const char *path, json_t *body,
	     bool quiet)
{
	struct cli_answer a;
	int64_t before = t->seq;
	bool is_news;
	struct buf b;
	int rc;

	buf_init(&b, 64 * 1024);
	rc = body && json_write(body, &b) ? CLI_FAILED : CLI_OK;
	json_decref(body);
	if (!rc)
		rc = cli_request(t->c, method, path, buf_slice(&b), &a);
	buf_release(&b);
	if (rc)
		return rc;
	is_news = chat_take(t, cli_answer_json(&a));
	if (t->c->json && (is_news || !quiet)) {
		rc = cli_show_raw(&a);
	} else if (!t->c->json && (is_news || !quiet)) {
		int64_t now = t->seq;

		t->seq = before;
		chat_show(t, cli_answer_json(&a));
		t->seq = now;
	}
	cli_answer_release(&a);
	return rc;
}

static int
chat_look(struct chat *t)
{
	char path[128]; /* not in the arena: this may go on for hours */

	snprintf(path, sizeof(path), "/v1/conversations/%s?after=%lld", t->id,
		 (long long)t->seq);
	return chat_request(t, "GET", path, NULL, true);
}

static int
chat_answer(struct chat *t, struct slice line)
{
	bool skip = t->connect[0] &&
		    slice_eq_nocase(slice_trim(line), SLICE("skip"));
	json_t *body = skip ? json_pack("{s:s}", "choice", "skip")
			    : json_pack("{s:s%}", "text", line.ptr, line.len);

	if (!body)
		return cli_fail(CLI_FAILED, "The line is not UTF-8.");
	return chat_request(
		t, "POST",
		cli_path(t->c, "/v1/conversations/{}/messages", t->id), body,
		false);
}

/* The link to the page with the Connect button, once for each time. */
static int
chat_link(struct chat *t)
{
	json_t *body = json_pack("{s:s}", "connection", t->connect);
	struct cli_answer a;
	struct buf b;
	int rc;

	memcpy(t->shown, t->connect, sizeof(t->shown));
	if (t->c->client->server) { /* a private one answers no browser */
		cli_say(t->c, "Connecting needs a running server; write "
			      "\"skip\" to go on without.");
		json_decref(body);
		return CLI_OK;
	}
	buf_init(&b, 1024);
	rc = json_write(body, &b) ? CLI_FAILED : CLI_OK;
	json_decref(body);
	if (!rc)
		rc = cli_request(
			t->c, "POST",
			cli_path(t->c, "/v1/conversations/{}/connect", t->id),
			buf_slice(&b), &a);
	buf_release(&b);
	if (rc)
		return rc;
	if (t->c->json)
		rc = cli_show_raw(&a);
	cli_say(t->c,
		"Open this in a browser where you are signed in to Drawbridge, "
		"or write \"skip\":\n\n  %s\n",
		text_of(cli_answer_json(&a), "url"));
	fflush(stdout);
	cli_answer_release(&a);
	return rc;
}

/* ---- lines ---- */

/* More of the input within this time (-1: however long). */
static int
input_read(struct chat *t, int timeout_ms)
{
	struct pollfd wait = { .fd = 0, .events = POLLIN };
	char chunk[1024];
	ssize_t n;

	if (poll(&wait, 1, timeout_ms) <= 0)
		return CLI_OK;
	n = read(0, chunk, sizeof(chunk));
	if (n < 0 && errno == EINTR)
		return CLI_OK;
	if (n <= 0)
		t->eof = true;
	else if (buf_put(&t->in, chunk, (size_t)n))
		return cli_fail(CLI_FAILED, "The line is too long.");
	return CLI_OK;
}

/* A line (or, at the end, what is left), taken off the input. */
static bool
input_line(struct chat *t, char line[LINE_MAX_BYTES])
{
	struct slice all = buf_slice(&t->in), one;
	size_t end = slice_find(all, '\n');

	if (end == all.len && (!t->eof || !all.len))
		return false;
	one = slice_head(all, end);
	if (one.len && one.ptr[one.len - 1] == '\r')
		one.len--;
	if (slice_copy(one, line, LINE_MAX_BYTES))
		line[0] = '\0';
	buf_consume(&t->in, end < all.len ? end + 1 : all.len);
	return true;
}

/* ---- the conversation ---- */

static int
chat_go_on(struct chat *t)
{
	bool calling = !strcmp(t->state, "calling");
	char line[LINE_MAX_BYTES];
	int rc;

	if (t->connect[0] && strcmp(t->shown, t->connect) != 0)
		return chat_link(t);
	if (!calling && input_line(t, line))
		return chat_answer(t, slice_str(line));
	if (calling && t->eof)
		poll(NULL, 0, LOOK_MS);
	else if ((rc = input_read(t, calling || t->connect[0] ? LOOK_MS : -1)))
		return rc;
	return calling || t->connect[0] ? chat_look(t) : CLI_OK;
}

/* Whose draft it is that is going to be tried. */
static int
chat_of_draft(struct cli *c)
{
	struct cli_answer a;
	int rc = cli_request(c, "GET",
			     cli_path(c, "/v1/flows/{}", cli_word(c, 0)),
			     SLICE_NONE, &a);

	if (rc)
		return rc;
	cli_say(c, "This is the draft as %s saved it.",
		text_of(json_object_get(cli_answer_json(&a), "saved_by"),
			"name"));
	fflush(stdout);
	cli_answer_release(&a);
	return CLI_OK;
}

int
cli_chat_run(struct cli *c)
{
	struct chat t = { .c = c };
	int rc = cli_flag(&c->args, "draft") ? chat_of_draft(c) : CLI_OK;

	if (!rc)
		rc = chat_request(&t, "POST",
				  cli_path(c, "/v1/flows/{}/conversations",
					   cli_word(c, 0)),
				  json_pack("{s:b}", "draft",
					    cli_flag(&c->args, "draft")),
				  false);

	buf_init(&t.in, 4 * LINE_MAX_BYTES);
	while (!rc && (!strcmp(t.state, "calling") ||
		       (!strcmp(t.state, "waiting") && !(t.eof && !t.in.len))))
		rc = chat_go_on(&t);
	buf_release(&t.in);
	if (!rc && !strcmp(t.state, "failed"))
		rc = cli_fail(CLI_FAILED, "the conversation has failed%s%s",
			      t.problem[0] ? ": " : "", t.problem);
	return rc;
}
