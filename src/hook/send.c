/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as a client of call/: what it sends, and what people see of it.
 *
 * Runs on the worker's loop.
 */
#include <stdio.h>

#include "hook/hook_priv.h"

enum { SHOWN_MAX = 64 * 1024 };

static struct hook_run *
run_of(struct call *c)
{
	return CONTAINER_OF(c, struct hook_run, call);
}

/* ---- which fields go ---- */

/* An author's Authorization or Cookie goes where no connection sets it. */
static bool
is_authors_credential(struct slice name)
{
	return slice_eq_nocase(name, SLICE("Authorization")) ||
	       slice_eq_nocase(name, SLICE("Cookie"));
}

/* Of this call, or of one before it: what a host has heard, another may say. */
static bool
has_secrets(const struct call *c, const struct hook_run *r)
{
	return r->injection_count || c->injection->scrub_count;
}

static bool
service_has_field(const struct call *c, struct slice name)
{
	const struct catalog_pairs *h = &c->injection->binding->headers;
	size_t i;

	for (i = 0; i < h->count; i++)
		if (slice_eq_nocase(slice_str(h->items[i].name), name))
			return true;
	return false;
}

/* The i-th of the built fields. */
static bool
field_goes(const struct call *c, const struct hook_run *r, size_t i)
{
	const struct hook_field *own = &r->built.headers.items[i];
	struct http_field f = { .name = slice_str(own->name),
				.value = slice_str(own->value) };

	f.id = http_field_lookup(f.name);
	f.hop = http_field_is_hop(f.id);
	if (i >= r->built.firm && service_has_field(c, f.name))
		return false;
	if (r->foreign && !hook_redirect_keeps(f.name))
		return false;
	if (call_name_asks_for_part(f.name) && has_secrets(c, r))
		return false;
	if (is_authors_credential(f.name))
		return !call_field_is_injected(c, f.name);
	return call_field_passes(c, &f);
}

static int
put_line(struct http_writer *w, struct slice name, struct slice value)
{
	int rc = http_writer_put(w, name);

	if (!rc)
		rc = http_writer_put(w, SLICE(": "));
	if (!rc)
		rc = http_writer_put(w, value);
	return rc ? rc : http_writer_put(w, SLICE("\r\n"));
}

static const char form_type[] = "application/x-www-form-urlencoded";

/* A form that holds what the injection adds, and nothing else. */
static bool
is_bare_form(const struct call *c, const struct hook_run *r)
{
	return c->body_is_form && !hook_built_header(&r->built, "Content-Type");
}

static int
run_put_fields(struct call *c, struct http_writer *w)
{
	struct hook_run *r = run_of(c);
	const struct hook_field *f;
	size_t i;
	int rc = 0;

	r->sent = true;
	for (i = 0; i < r->built.headers.count && !rc; i++) {
		f = &r->built.headers.items[i];
		if (field_goes(c, r, i))
			rc = put_line(w, slice_str(f->name),
				      slice_str(f->value));
	}
	if (!rc && is_bare_form(c, r))
		rc = put_line(w, SLICE("Content-Type"), slice_str(form_type));
	return rc;
}

static bool
run_has_field(struct call *c, struct slice name)
{
	struct hook_run *r = run_of(c);
	size_t i;

	if (call_name_asks_for_part(name) && has_secrets(c, r))
		return true; /* so that the service's default stays behind */
	for (i = 0; i < r->built.firm; i++)
		if (slice_eq_nocase(slice_str(r->built.headers.items[i].name),
				    name))
			return field_goes(c, r, i);
	return false;
}

static enum http_relay
run_send_body(struct call *c, struct http_writer *w)
{
	struct hook_run *r = run_of(c);
	struct slice rest;
	size_t taken;
	int rc;

	if (r->body_attempt != c->attempt) {
		r->body_attempt = c->attempt;
		r->body_sent = 0;
	}
	rest = slice_from(buf_slice(&r->built.body), r->body_sent);
	if (rest.len) {
		rc = http_writer_send(w, rest, &taken);
		r->body_sent += taken;
		c->up += taken;
	} else {
		rc = http_writer_flush(w);
	}
	return rc == 0		 ? HTTP_RELAY_DONE
	       : rc == ERR_AGAIN ? HTTP_RELAY_WAIT
				 : HTTP_RELAY_WRITE_FAILED;
}

/* ---- what people see ---- */

static const char *
shown_text(struct hook_run *r, int (*show)(struct call *, struct buf *))
{
	const char *text;
	struct buf b;

	buf_init(&b, SHOWN_MAX);
	text = show(&r->call, &b)
		       ? NULL
		       : arena_slice(r->result->arena, buf_slice(&b));
	buf_release(&b);
	return text;
}

static void
shown_add(struct hook_run *r, struct slice name, struct slice value)
{
	struct hook_fields *all = &r->result->request.headers;
	struct hook_field *f = &all->items[all->count];

	f->name = arena_slice(r->result->arena, name);
	f->value = arena_slice(r->result->arena, value);
	if (f->name && f->value)
		all->count++;
}

/* "Name: value\r\n" lines of call/. */
static void
shown_add_lines(struct hook_run *r, struct slice lines, size_t room)
{
	struct slice line;
	size_t colon;

	while (room-- && slice_next(&lines, '\n', &line)) {
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		colon = slice_find(line, ':');
		if (line.len)
			shown_add(r, slice_head(line, colon),
				  slice_trim(slice_from(line, colon + 1)));
	}
}

enum { OTHERS_MAX = 60 };

static void
shown_headers(struct hook_run *r)
{
	struct call *c = &r->call;
	struct hook_fields *all = &r->result->request.headers;
	size_t i, own = r->built.headers.count;
	char digits[SLICE_U64_SIZE];
	struct buf lines;

	all->count = 0;
	all->items = arena_alloc(r->result->arena,
				 (own + OTHERS_MAX + 3) * sizeof(*all->items));
	if (!all->items)
		return;
	shown_add(r, SLICE("Host"), egress_dest_authority(c->dest));
	if (c->body_length && !c->injection->form)
		shown_add(r, SLICE("Content-Length"),
			  slice_u64(c->body_length, digits));
	for (i = 0; i < own; i++)
		if (field_goes(c, r, i))
			shown_add(r, slice_str(r->built.headers.items[i].name),
				  slice_str(r->built.headers.items[i].value));
	if (is_bare_form(c, r))
		shown_add(r, SLICE("Content-Type"), slice_str(form_type));
	buf_init(&lines, SHOWN_MAX);
	call_show_fields(c, &lines);
	shown_add_lines(r, buf_slice(&lines), OTHERS_MAX);
	buf_release(&lines);
}

static void
shown_body(struct hook_run *r)
{
	struct buf b;

	if (!r->built.body.len && !r->call.injection->form)
		return;
	buf_init(&b, 3 * HOOK_BODY_MAX + SHOWN_MAX);
	codec_utf8(&b, buf_slice(&r->built.body));
	call_show_form(&r->call, &b);
	if (!buf_err(&b))
		r->result->request.body =
			arena_slice(r->result->arena, buf_slice(&b));
	buf_release(&b);
}

static void
shown_take(struct hook_run *r)
{
	struct hook_shown *s = &r->result->request;
	struct http_url asked;

	s->method = r->config.document->method;
	if (!r->config.show)
		return;
	s->url = shown_text(r, call_show_url);
	r->result->rule = shown_text(r, call_show_rule);
	if (r->call.host_replaced &&
	    !http_url_parse(r->call.target, &asked, NULL))
		s->replaced = arena_strdup(r->result->arena, asked.host);
	shown_headers(r);
	shown_body(r);
}

/* A body-less write through a connection whose key is a form's field. */
static void
run_add_form(struct hook_run *r)
{
	struct call *c = &r->call;

	if (c->body == HTTP_BODY_NONE && c->injection->form &&
	    (slice_eq(c->method, SLICE("POST")) ||
	     slice_eq(c->method, SLICE("PUT")) ||
	     slice_eq(c->method, SLICE("PATCH"))))
		c->body_is_form = true;
}

static void
run_aimed(struct call *c)
{
	struct hook_run *r = run_of(c);
	size_t n = r->result->hop_count;

	run_add_form(r);
	if (!n) {
		if (!r->result->request.method)
			shown_take(r);
		return;
	}
	buf_reset(&r->hop_urls[n - 1]);
	call_show_url(c, &r->hop_urls[n - 1]);
	r->result->hops[n - 1].with_credential = c->snapshot != NULL;
}

/* ---- what call/ tells ---- */

static void
run_answer(struct call *c)
{
	hook_run_answered(run_of(c));
}

static void
run_readable(struct call *c)
{
	hook_run_read(run_of(c));
}

static void
run_fail(struct call *c)
{
	struct call_problem p = c->problem;

	hook_run_failed(run_of(c), &p);
}

static void
run_rehearsed(struct call *c)
{
	call_end(c, 0);
	hook_run_rehearsed(run_of(c));
}

const struct call_client hook_client = {
	.put_fields = run_put_fields,
	.has_field = run_has_field,
	.send_body = run_send_body,
	.answer = run_answer,
	.readable = run_readable,
	.fail = run_fail,
	.aimed = run_aimed,
	.rehearsed = run_rehearsed,
};

void
hook_run_keep_injection(struct hook_run *r)
{
	struct connect_injection *in = r->call.injection;
	size_t i;

	if (!in || !in->scrub_count)
		return;
	for (i = 0; i < r->injection_count; i++)
		if (r->injections[i] == in)
			return;
	/* Attempts and redirects are fewer than there is room. */
	ASSERT(r->injection_count < HOOK_INJECTIONS_MAX);
	connect_injection_ref(in);
	r->injections[r->injection_count++] = in;
}

void
hook_run_call(struct hook_run *r)
{
	const struct hook_document *d = r->config.document;
	struct call *c = &r->call;

	call_init(c, r->config.calls, &hook_client);
	c->actor = r->config.actor;
	people_actor_ref(c->actor);
	c->link = r->foreign ? SLICE_NONE : slice_str(d->connection);
	c->subject = r->subject;
	c->method = slice_str(d->method);
	c->target = slice_str(r->target);
	c->body = r->built.body.len ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
	c->body_length = r->built.body.len;
	c->body_is_form = d->body == HOOK_BODY_FORM;
	c->body_replayable = true;
	c->timeout_ms = d->timeout_ms;
	c->rehearsal = r->config.dry_run;
	c->redirected = r->result->hop_count > 0;
	r->body_sent = 0;
	r->body_attempt = 0;
	if (!r->result->hop_count && !c->rehearsal)
		r->result->attempts++;
	call_start(c);
}
