/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a webhook: what the block's Test does.
 *
 *   work thread: the document is compiled -> worker's loop: hook/ runs it ->
 *   work thread: what has come of it is answered
 *
 * The answer is 200 whenever the run itself was possible, whatever the
 * service said; a document that does not compile is 400 with all its
 * problems.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api_priv.h"

/* A body of 16 MiB, in which each byte may have to be escaped, and more. */
enum { ANSWER_MAX = 104 << 20, PATHS_MAX = 500 };

struct api_run {
	struct api_request *r;
	struct hook_document *document;
	json_t *values;
	bool dry_run, paths;
	struct hook_run *run; /* while it is under way */
	struct hook_result *result;
	int err;
	struct api_run *next, **prev; /* worker's, while under way */
};

static void
run_free(void *arg)
{
	struct api_run *t = arg;

	hook_result_free(t->result);
	hook_document_unref(t->document);
	json_decref(t->values);
	free(t);
}

/* ---- the answer ---- */

static json_t *
fields_json(const struct hook_fields *f)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < f->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name",
						      f->items[i].name, "value",
						      f->items[i].value));
	return list;
}

static json_t *
request_json(const struct hook_result *h)
{
	const struct hook_shown *s = &h->request;
	json_t *o, *unset;
	size_t i;

	if (!s->method)
		return json_null();
	unset = json_array();
	for (i = 0; i < h->unset_count; i++)
		json_array_append_new(unset, json_string(h->unset[i]));
	o = json_pack("{s:s, s:s?, s:o, s:s?, s:o}", "method", s->method, "url",
		      s->url, "headers", fields_json(&s->headers), "body",
		      s->body, "unset", unset);
	if (s->replaced)
		json_object_set_new(o, "replaced_host",
				    json_string(s->replaced));
	return o;
}

static json_t *
hops_json(const struct hook_result *h)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < h->hop_count; i++)
		json_array_append_new(
			list, json_pack("{s:i, s:s?, s:b}", "status",
					h->hops[i].status, "url",
					h->hops[i].url, "with_credential",
					(int)h->hops[i].with_credential));
	return list;
}

static json_t *
response_json(const struct hook_result *h)
{
	if (!h->status)
		return json_null();
	return json_pack("{s:i, s:o, s:O, s:b, s:b, s:I, s:I}", "status",
			 h->status, "headers", fields_json(&h->headers), "body",
			 h->body, "json", (int)h->body_is_json, "truncated",
			 (int)h->truncated, "bytes", (json_int_t)h->bytes,
			 "masked", (json_int_t)h->scrubbed);
}

static json_t *
phase_json(int64_t ms)
{
	return ms < 0 ? json_null() : json_integer(ms);
}

static json_t *
time_json(const struct hook_times *t)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "build_ms",
			 phase_json(t->build_us / 1000), "resolve_ms",
			 phase_json(t->resolve_ms), "connect_ms",
			 phase_json(t->connect_ms), "tls_ms",
			 phase_json(t->tls_ms), "first_byte_ms",
			 phase_json(t->first_byte_ms), "total_ms",
			 phase_json(t->total_ms));
}

static json_t *
problem_json(const struct hook_result *h)
{
	json_t *o;

	if (!h->problem.code)
		return json_null();
	o = json_pack("{s:s, s:s}", "code", h->problem.code, "detail",
		      h->problem.detail);
	if (h->problem.hint)
		json_object_set_new(o, "hint", json_string(h->problem.hint));
	if (h->problem.retry_after_s)
		json_object_set_new(o, "retry_after_s",
				    json_integer(h->problem.retry_after_s));
	if (h->problem.outcome_unknown)
		json_object_set_new(o, "outcome_unknown", json_true());
	return o;
}

static int
run_answer(struct api_request *r)
{
	struct api_run *t = r->state;
	const struct hook_result *h = t->result;
	json_t *paths = NULL;
	int rc;

	if (t->err)
		return t->err;
	if (!h)
		return ERR_NOMEM;
	rc = t->paths ? hook_result_paths(h, PATHS_MAX, &paths) : 0;
	if (rc)
		return rc;
	r->answer.max = ANSWER_MAX;
	return api_answer(
		r, 200,
		json_pack("{s:s?, s:o, s:s?, s:o, s:o, s:o, s:i, s:o, s:o, "
			  "s:o*}",
			  "path", h->path, "request", request_json(h), "rule",
			  h->rule, "response", response_json(h), "time",
			  time_json(&h->times), "variables",
			  h->variables ? json_incref(h->variables)
				       : json_object(),
			  "attempts", (int)h->attempts, "redirects",
			  hops_json(h), "problem", problem_json(h), "paths",
			  paths));
}

/* ---- the run, on the loop ---- */

static void
run_unlink(struct api_run *t)
{
	t->run = NULL;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

static void
run_done(void *arg, struct hook_result *result)
{
	struct api_run *t = arg;

	run_unlink(t);
	t->result = result;
	api_resume(t->r, run_answer);
}

static void
run_start(struct api_request *r)
{
	struct api_run *t = r->state;
	struct hook_run_config c = {
		.document = t->document,
		.calls = r->worker->calls,
		.loop = r->worker->loop,
		.pool = r->api->config.pool,
		.actor = r->actor,
		.values = t->values,
		.dry_run = t->dry_run,
		.show = true,
		.done = run_done,
		.arg = t,
	};

	t->err = hook_run_start(&c, &t->run);
	if (t->err) {
		api_resume(r, run_answer);
		return;
	}
	t->next = r->worker->runs;
	t->prev = &r->worker->runs;
	if (t->next)
		t->next->prev = &t->next;
	r->worker->runs = t;
}

void
api_webhooks_end(struct api_worker *w)
{
	struct api_run *t;

	while ((t = w->runs)) {
		hook_run_cancel(t->run);
		run_unlink(t);
		api_finish(t->r); /* its client has gone */
	}
}

/* ---- the request, on a work thread ---- */

struct problems {
	struct api_request *r;
	json_t *list;
	const char *code; /* of the first error */
};

static void
problem_add(void *arg, const struct hook_problem *p)
{
	struct problems *all = arg;
	bool error = p->severity == HOOK_ERROR;

	json_array_append_new(all->list,
			      json_pack("{s:s, s:s, s:s, s:s}", "pointer",
					p->pointer, "code", p->code, "detail",
					p->detail, "severity",
					error ? "error" : "warning"));
	if (!error || all->code)
		return;
	all->code = p->code;
	json_problem_set(&all->r->problem, p->pointer, "%s", p->detail);
}

static int
problems_answer(struct api_request *r, const struct problems *all)
{
	int rc = api_problem_input(r);
	json_t *o =
		rc ? NULL : json_loadb(r->answer.data, r->answer.len, 0, NULL);

	if (o && !json_object_set(o, "problems", all->list)) {
		buf_wipe(&r->answer);
		rc = json_write(o, &r->answer);
	}
	json_decref(o);
	return rc;
}

/* The three members that are the document. */
static json_t *
document_json(struct api_request *r)
{
	static const char *const names[] = { "request", "connection",
					     "response_list" };
	json_t *o = json_object(), *v;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		v = json_object_get(r->json, names[i]);
		if (v)
			json_object_set(o, names[i], v);
	}
	return o;
}

/* 0, or API_PENDING when the problems were answered. */
static int
run_compile(struct api_request *r, struct api_run *t)
{
	struct problems all = { .r = r, .list = json_array() };
	json_t *document = document_json(r);
	int rc = hook_compile(document, NULL, problem_add, &all, &t->document);

	json_decref(document);
	if (rc == ERR_INVALID) {
		rc = problems_answer(r, &all);
		rc = rc ? rc : API_PENDING;
	}
	json_decref(all.list);
	return rc;
}

/* {"input": input, and each member of variables}. */
static bool
run_take_values(struct api_request *r, struct api_run *t)
{
	const json_t *input = json_get_object(&r->body, "input", 0);
	const json_t *others = json_get_object(&r->body, "variables", 0);
	static const char *const scopes[] = { "block",	 "flow", "global",
					      "session", "zoho", NULL };
	struct json_at at;
	size_t i;

	t->values =
		others ? json_copy((json_t *)(uintptr_t)others) : json_object();
	if (t->values && input)
		json_object_set(t->values, "input", (json_t *)(uintptr_t)input);
	if (others && json_at_object(&at, others, "/variables", &r->problem)) {
		json_only(&at, scopes);
		for (i = 0; scopes[i]; i++)
			json_get_object(&at, scopes[i], 0);
	}
	return t->values && api_input_ok(r);
}

int
api_webhook_run(struct api_request *r)
{
	static const char *const fields[] = { "request",       "connection",
					      "response_list", "input",
					      "variables",     "dry_run",
					      "paths",	       NULL };
	struct api_run *t;
	int rc;

	if (!api_body_only(r, fields))
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->r = r;
	r->state = t;
	r->state_free = run_free;
	t->dry_run = json_get_bool(&r->body, "dry_run", false);
	t->paths = json_get_bool(&r->body, "paths", false);
	if (!run_take_values(r, t))
		return t->values ? 0 : ERR_NOMEM;
	rc = run_compile(r, t);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	r->later = run_start;
	return API_PENDING;
}
