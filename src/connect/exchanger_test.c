/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential that is to replace another is tested: the definition's test
 * request is made with it, once, and what the service answers is judged by
 * the definition's rules.
 *
 * Here and not in the gateway, since the credential is stored nowhere and no
 * call may carry it.  It goes only where the binding that it would be sealed
 * with lets it go.
 *
 * Runs in the exchanger.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/exchanger_priv.h"

enum { TEST_MOST_MS = CONNECT_TEST_MS - 2000 };

/* ---- the answer ---- */

/* The service's own words, where they usually are. */
static void
words_read(const json_t *tree, char *out, size_t size)
{
	static const char *const paths[] = {
		"error.message",   "error_description",
		"message",	   "errors.0.message",
		"errors.0.detail", "errors.0",
		"detail",	   "error",
		"title",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(paths) && !out[0]; i++)
		slice_cut(binding_words_get(tree, paths[i]), out, size);
}

static bool
rules_say_dead(const struct catalog_api *api, const struct binding_answer *a)
{
	size_t i;

	for (i = 0; i < api->refresh_on.count; i++)
		if (binding_match(&api->refresh_on.items[i].when, a))
			return true;
	return false;
}

/* 404 speaks of the path and 503 of the service: neither is a no. */
static enum connect_verdict
test_judge(const struct binding *b, const struct catalog_test *t,
	   const struct binding_answer *a)
{
	const struct catalog_api *api = &b->service->api;

	if (a->status == 429 || binding_throttled(b, a))
		return CONNECT_TEST_UNSURE;
	if (binding_match(&t->success, a))
		return CONNECT_TEST_PASSED;
	if (binding_match_any(&api->missing_scope_on, a))
		return CONNECT_TEST_LACKS;
	if (rules_say_dead(api, a) || a->status / 100 == 2 ||
	    a->status == 400 || a->status == 401 || a->status == 403)
		return CONNECT_TEST_REFUSED;
	return CONNECT_TEST_UNSURE;
}

void
connect_test_read(const struct binding *b, size_t index,
		  const struct binding_answer *a, struct connect_msg_tested *m)
{
	const struct catalog_test *t = &b->service->api.tests.items[index];
	struct json_problem ignored = { 0 };
	json_t *tree = NULL;
	int64_t wait_ms = 0;

	m->status = a->status;
	m->verdict = test_judge(b, t, a);
	if (m->verdict == CONNECT_TEST_UNSURE && a->header)
		wait_ms = http_retry_after_ms(
			a->header(a->header_arg, SLICE("retry-after")),
			clock_wall_ms());
	m->wait_s = (uint32_t)((wait_ms + 999) / 1000);
	if (json_read(a->body, CONNECT_ANSWER_MAX, &tree, &ignored))
		return;
	if (m->verdict != CONNECT_TEST_PASSED)
		words_read(tree, m->said, sizeof(m->said));
	else if (t->account)
		slice_cut(binding_words_get(tree, t->account), m->account,
			  sizeof(m->account));
	json_decref(tree);
}

static void
reply_test(struct exchange *e, int err, const char *detail)
{
	struct connect_msg_tested m = { .verdict = CONNECT_TEST_UNSURE };
	struct egress_fetch *f = &e->fetch;
	struct binding_answer a = { .status = f->status,
				    .body = buf_slice(&f->answer),
				    .header = connect_exchange_header,
				    .header_arg = f };
	struct proc_pack *p = proc_pack_new();

	/* what has come of a long answer is enough */
	if (!err || (err == ERR_TOO_LARGE && f->head)) {
		connect_test_read(e->test.binding, e->test.index, &a, &m);
	} else {
		m.err = err;
		snprintf(m.detail, sizeof(m.detail), "%s", detail);
	}
	connect_msg_tested_pack(&m, p);
	proc_reply(e->rq, 0, p);
}

/* ---- the request ---- */

int
connect_test_url(const struct binding *b, const char *url,
		 const struct method_injection *add, struct buf *out,
		 char *detail, size_t size)
{
	struct http_url u;
	int rc = connect_exchange_url(url, &u, detail, size);

	if (rc)
		return rc;
	if (!binding_hosts_allow(b, u.https, slice_str(u.host), u.port)) {
		snprintf(detail, size,
			 "the test request's host is not one of "
			 "the service's");
		return ERR_BLOCKED;
	}
	buf_put(out, url, strlen(url) - u.path.len);
	if (add->path)
		buf_put(out, secret_peek(add->path), secret_len(add->path));
	if (!add->path && (!u.path.len || u.path.ptr[0] == '?'))
		buf_putc(out, '/');
	buf_put_slice(out, u.path);
	if (add->query) {
		buf_putc(out, slice_find(u.path, '?') < u.path.len ? '&' : '?');
		buf_put(out, secret_peek(add->query), secret_len(add->query));
	}
	return buf_err(out);
}

/* Where it goes; checked once more with the injection in it. */
static int
test_aim(struct exchange *e, char *detail, size_t size)
{
	const struct binding *b = e->test.binding;
	struct http_url u;
	struct buf url;
	int rc;

	buf_init(&url, CONNECT_ANSWER_MAX);
	rc = connect_test_url(b, b->test_urls[e->test.index], &e->test.add,
			      &url, detail, size);
	if (!rc)
		e->http.url = buf_detach(&url);
	buf_wipe(&url);
	if (!rc && !e->http.url)
		rc = ERR_NOMEM;
	if (!rc)
		rc = connect_exchange_url(e->http.url, &u, detail, size);
	if (!rc && !binding_hosts_allow(b, u.https, slice_str(u.host), u.port))
		rc = ERR_BLOCKED;
	return rc ? rc : connect_exchange_aim(e, b, &u, detail, size);
}

static void
test_send(struct exchange *e)
{
	const struct binding *b = e->test.binding;
	const struct catalog_test *t =
		&b->service->api.tests.items[e->test.index];
	const struct secret *form = NULL;
	uint32_t own_ms = b->service->api.first_byte_timeout_ms;
	char detail[256] = "";
	int rc;

	if (!strcmp(t->method, "POST"))
		form = e->test.add.form;
	rc = connect_exchange_fields(e, b, e->test.add.headers, form != NULL);
	if (!rc)
		rc = test_aim(e, detail, sizeof(detail));
	if (rc) {
		connect_exchange_end(e, rc, detail[0] ? detail : err_text(rc));
		return;
	}
	e->fetch.method = slice_str(t->method);
	e->fetch.fields = slice_of(secret_peek(e->http.fields),
				   secret_len(e->http.fields));
	if (form)
		e->fetch.body = slice_of(secret_peek(form), secret_len(form));
	connect_exchange_start(e, own_ms && own_ms < TEST_MOST_MS ? own_ms : 0);
}

void
connect_exchanger_test(struct proc_request *rq, struct proc_unpack *in,
		       void *arg)
{
	struct exchange *e = connect_exchange_new(arg, rq, reply_test);
	int rc;

	if (!e)
		return;
	rc = connect_msg_test_unpack(in, &e->test);
	if (!rc &&
	    (e->test.index >= e->test.binding->service->api.tests.count ||
	     !e->test.binding->test_urls[e->test.index]))
		rc = ERR_PROTOCOL;
	if (rc) {
		proc_reply(rq, rc, NULL);
		connect_exchange_free(e);
		return;
	}
	test_send(e);
}
