/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Testing a connection: the definition's test request, made like any call.
 *
 *   work thread: which request? -> worker's loop: call/ -> work thread:
 *   what has come of it is stored and answered
 *
 * The service's answer itself is judged and not shown; the account's name is
 * read from it, and shown without the connection's secrets: who writes the
 * definition says where the name is, and could mean an echo of the token.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api_priv.h"

enum { TEST_BODY_MAX = 256 * 1024, TEST_TIMEOUT_MS = 20 * 1000 };

struct test {
	struct api_request *r;
	struct connect_test test;
	struct connect_tested tested; /* generation 0: it was never sent */
	struct call call;
	struct buf body;
	bool done;
	int status; /* of the service; 0: none */
	bool ok;
	char account[256];
	char detail[400];
	const char *code; /* of our own problem; NULL: none */
	uint64_t began_ms, took_ms;
};

/* On the loop, when call/ has long returned from calling back. */
static void
test_free(void *arg)
{
	struct test *t = arg;

	if (t->test.catalog)
		catalog_unref(t->test.catalog);
	buf_wipe(&t->body);
	free(t);
}

/* ---- afterwards, on a work thread ---- */

static int
test_stored(struct api_request *r)
{
	struct test *t = r->state;
	int rc = 0;

	/* what has kept the call from being sent is not the grant's trouble */
	if (t->tested.generation)
		rc = connect_front_tested(r->db, &t->tested, t->account,
					  t->ok ? NULL : t->detail);
	if (!rc)
		rc = api_answer(r, 200,
				json_pack("{s:b, s:o, s:o, s:o, s:o, s:I}",
					  "ok", (int)t->ok, "status",
					  t->status ? json_integer(t->status)
						    : json_null(),
					  "account", api_json_text(t->account),
					  "code", api_json_text(t->code),
					  "detail", api_json_text(t->detail),
					  "time_ms", (json_int_t)t->took_ms));
	return rc;
}

/* ---- the call, on the loop ---- */

static void
test_end(struct test *t)
{
	t->took_ms = clock_mono_ms() - t->began_ms;
	api_resume(t->r, test_stored);
}

static struct slice
test_header(void *arg, struct slice name)
{
	const struct http_field *f = http_head_find_name(arg, name);

	return f ? f->value : SLICE_NONE;
}

/* Whether it was done: without the account's name rather than with a secret
 * in it. */
static bool
test_scrub(struct test *t, char *text, size_t len)
{
	const struct connect_injection *in = t->call.injection;
	struct call_scrub *s = NULL;

	if (in->scrub_count && call_scrub_new(in->scrub, in->scrub_count, &s))
		return false;
	if (s)
		call_scrub_mask(s, text, len, true);
	call_scrub_free(s);
	return true;
}

/* Whole, since what is cut off first could leave half of a secret. */
static void
test_take_account(struct test *t, struct slice name)
{
	char *copy = slice_dup(name);

	if (copy && test_scrub(t, copy, name.len))
		slice_cut(slice_of(copy, name.len), t->account,
			  sizeof(t->account));
	if (copy)
		secret_wipe(copy, name.len);
	free(copy);
}

/* RFC 8259 text of the account's name, if the definition says where. */
static void
test_read_account(struct test *t)
{
	const char *path = t->test.test->account;
	struct json_problem ignored = { 0 };
	json_t *tree = NULL;
	struct slice name;

	if (!path ||
	    json_read(buf_slice(&t->body), TEST_BODY_MAX, &tree, &ignored))
		return;
	name = binding_words_get(tree, path);
	if (name.len)
		test_take_account(t, name);
	json_decref(tree);
}

static void
test_judge(struct test *t)
{
	struct binding_answer a = { .status = t->call.head.status,
				    .body = buf_slice(&t->body),
				    .header = test_header,
				    .header_arg = &t->call.head };

	t->status = a.status;
	t->ok = binding_match(&t->test.test->success, &a);
	if (t->ok)
		test_read_account(t);
	else
		snprintf(t->detail, sizeof(t->detail),
			 "The service answered the test request with HTTP "
			 "%d.",
			 a.status);
	call_end(&t->call, a.status);
	test_end(t);
}

/* What came is not what the service meant to say, whatever its status. */
static void
test_broken(struct test *t)
{
	t->status = t->call.head.status;
	t->code = "upstream_malformed";
	snprintf(t->detail, sizeof(t->detail),
		 "The service broke off its answer to the test request.");
	call_end(&t->call, 502);
	test_end(t);
}

static void
test_readable(struct call *c)
{
	struct test *t = CONTAINER_OF(c, struct test, call);
	struct slice data;
	int rc = 0;

	if (c->problem.status) { /* it stalled */
		snprintf(t->detail, sizeof(t->detail), "%s", c->problem.detail);
		t->code = c->problem.code;
		call_end(c, c->problem.status);
		test_end(t);
		return;
	}
	while (t->body.len < TEST_BODY_MAX &&
	       !(rc = http_reader_peek(&c->conn->reader, &data))) {
		data = slice_head(data, TEST_BODY_MAX - t->body.len);
		buf_put_slice(&t->body, data);
		http_reader_consume(&c->conn->reader, data.len);
		call_touch(c, data.len);
	}
	if (rc == ERR_AGAIN)
		return;
	if (rc && rc != ERR_CLOSED)
		test_broken(t);
	else
		test_judge(t); /* whole, or cut at its limit */
}

static void
test_answer(struct call *c)
{
	struct test *t = CONTAINER_OF(c, struct test, call);

	buf_put_slice(&t->body, buf_slice(&c->peeked));
	test_readable(c);
}

static void
test_fail(struct call *c)
{
	struct test *t = CONTAINER_OF(c, struct test, call);

	snprintf(t->detail, sizeof(t->detail), "%s%s%s", c->problem.detail,
		 c->problem.hint ? " " : "",
		 c->problem.hint ? c->problem.hint : "");
	t->code = c->problem.code;
	test_end(t);
}

static int
test_put_fields(struct call *c, struct http_writer *w)
{
	(void)c;
	return http_writer_put(w, SLICE("Accept: application/json\r\n"
					"User-Agent: Drawbridge\r\n"));
}

static enum http_relay
test_send_body(struct call *c, struct http_writer *w)
{
	int rc = http_writer_flush(w);

	(void)c;
	return rc == 0		 ? HTTP_RELAY_DONE
	       : rc == ERR_AGAIN ? HTTP_RELAY_WAIT
				 : HTTP_RELAY_WRITE_FAILED;
}

/* The call tells itself whose grant it takes, and which. */
static void
test_aimed(struct call *c)
{
	struct test *t = CONTAINER_OF(c, struct test, call);
	struct connect_tested *to = &t->tested;

	snprintf(to->connection, sizeof(to->connection), "%s", c->snapshot->id);
	snprintf(to->subject, sizeof(to->subject), "%s", c->user);
	to->generation = c->injection->generation;
}

static const struct call_client test_client = {
	.put_fields = test_put_fields,
	.send_body = test_send_body,
	.answer = test_answer,
	.readable = test_readable,
	.fail = test_fail,
	.aimed = test_aimed,
};

static void
test_start(struct api_request *r)
{
	struct test *t = r->state;
	struct call *c = &t->call;

	call_init(c, r->worker->calls, &test_client);
	c->actor = r->actor;
	people_actor_ref(c->actor);
	c->link = slice_str(r->params[0]);
	c->subject = "";
	c->method = slice_str(t->test.method);
	c->target = slice_str(t->test.url);
	c->body = !strcmp(t->test.method, "POST") ? HTTP_BODY_LENGTH
						  : HTTP_BODY_NONE;
	c->body_replayable = true;
	c->timeout_ms = TEST_TIMEOUT_MS;
	t->began_ms = clock_mono_ms();
	call_start(c);
}

int
api_connection_test(struct api_request *r)
{
	static const char *const nothing[] = { NULL };
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct test *t;

	if (!api_body_only(r, nothing))
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->r = r;
	r->state = t;
	r->state_free = test_free;
	buf_init(&t->body, TEST_BODY_MAX);
	api_who(r, &who);
	if (connect_front_test(r->api->config.connect, r->db, &who,
			       r->params[0], r->arena, &t->test, &p))
		return api_problem_connect(r, &p);
	r->later = test_start;
	return API_PENDING;
}
