/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the answer says about the token: refused, lacking a scope, throttled.
 *
 * A token that was refused is renewed, whether or not the call can be sent
 * again: else a connection whose calls never can would go on with it until
 * its expiry.
 *
 * The rules are the service definition's.  Most answers are judged by their
 * status alone; where a rule looks into the body, up to 4 KiB of it are read
 * ahead into c->peeked and handed on afterwards; compressed ones are opened.
 */
#include "call/call_priv.h"

static struct slice
judge_header(void *arg, struct slice name)
{
	const struct http_field *f = http_head_find_name(arg, name);

	return f ? f->value : SLICE_NONE;
}

static bool
matches_want_body(const struct catalog_matches *m, int status)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (binding_match_wants_body(&m->items[i], status))
			return true;
	return false;
}

static bool
judge_has_rules(const struct call *c)
{
	const struct catalog_api *api = &c->injection->binding->service->api;

	return api->refresh_on.count || api->missing_scope_on.count ||
	       api->throttled_on.count;
}

static bool
judge_wants_body(const struct call *c)
{
	const struct catalog_api *api = &c->injection->binding->service->api;
	size_t i;

	for (i = 0; i < api->refresh_on.count; i++)
		if (binding_match_wants_body(&api->refresh_on.items[i].when,
					     c->head.status))
			return true;
	for (i = 0; i < api->throttled_on.count; i++)
		if (binding_match_wants_body(&api->throttled_on.items[i].when,
					     c->head.status))
			return true;
	return matches_want_body(&api->missing_scope_on, c->head.status);
}

/* Reads ahead; true when enough is there. */
static bool
judge_read_ahead(struct call *c)
{
	struct slice data;
	size_t room;

	for (;;) {
		room = CALL_PEEK_MAX - c->peeked.len;
		if (!room)
			return true;
		switch (http_reader_peek(&c->conn->reader, &data)) {
		case 0:
			break;
		case ERR_AGAIN:
			return false;
		default:
			return true;
		}
		data = slice_head(data, room);
		if (buf_put_slice(&c->peeked, data))
			return true;
		http_reader_consume(&c->conn->reader, data.len);
	}
}

/* Whether it throttles: of what there was too much, and for how long. */
static bool
judge_throttle(const struct call *c, const struct binding_answer *a,
	       struct connect_trouble *t)
{
	const struct catalog_throttle *rule =
		binding_throttled(c->injection->binding, a);
	const struct http_field *f;

	if (!rule && a->status != 429)
		return false;
	f = http_head_find(&c->head, HTTP_RETRY_AFTER);
	t->problem = "throttled";
	t->limit = rule ? rule->limit : CATALOG_LIMIT_RATE;
	t->wait_ms = f ? http_retry_after_ms(f->value, clock_wall_ms()) : 0;
	if (!t->wait_ms && rule)
		t->wait_ms = (int64_t)rule->wait_s * 1000;
	return true;
}

/* The view may have had to forget the connection while it was called, as for
 * any change of it: a trouble is noted all the same. */
static void
judge_note(struct call *c, const struct connect_trouble *t)
{
	struct connect_view *view = c->worker->config.connections;
	uint64_t generation = c->injection->generation;
	struct connect_entry *entry;
	int rc = call_find_again(c, NULL, &entry);

	if (!rc)
		connect_view_health(view, entry, c->user, generation, t);
	else if (rc == ERR_AGAIN && t->problem)
		connect_view_trouble(view, c->snapshot->id, c->user, generation,
				     t);
}

void
call_judge_refused_again(struct call *c)
{
	struct connect_trouble t = { .problem = "token_refused" };

	judge_note(c, &t);
}

/* refused: the token was, and had just been renewed for this call. */
static void
judge_health(struct call *c, const struct binding_answer *a, bool refused)
{
	const struct catalog_api *api = &c->injection->binding->service->api;
	struct connect_trouble t = { 0 };

	/* some say no with a status that says yes */
	if (binding_match_any(&api->missing_scope_on, a))
		t.problem = "missing_scope";
	else if (!judge_throttle(c, a, &t) && refused)
		t.problem = "token_refused";
	if (!t.problem && (!c->degraded || a->status < 200 || a->status >= 400))
		return;
	if (t.problem && !strcmp(t.problem, "missing_scope"))
		call_scope_missing(c, a, t.detail, sizeof(t.detail));
	judge_note(c, &t);
}

/* Of a refused call: safe, and possible. */
static bool
judge_can_replay(const struct call *c, const struct catalog_refresh_on *rule)
{
	return rule->executed_nothing &&
	       (c->body == HTTP_BODY_NONE || c->body_replayable);
}

/* What was read ahead as the rules want to see it; out is used where it had
 * to be opened (bounded: a bomb ends at 4 KiB). */
static struct slice
judge_body(const struct call *c, struct buf *out)
{
	const struct http_field *f =
		http_head_find(&c->head, HTTP_CONTENT_ENCODING);

	if (!c->peeked.len || !f)
		return buf_slice(&c->peeked);
	switch (http_coding_decode(f->value, buf_slice(&c->peeked), out)) {
	case 0:
	case ERR_TOO_LARGE:
	case ERR_CLOSED: /* there is more than was read ahead */
		return buf_slice(out);
	default:
		return SLICE_NONE;
	}
}

enum call_verdict
call_judge(struct call *c)
{
	struct binding_answer a = {
		.status = c->head.status,
		.header = judge_header,
		.header_arg = &c->head,
	};
	const struct catalog_refresh_on *rule;
	enum call_verdict verdict = CALL_STANDS;
	struct buf opened;

	if (!c->snapshot || /* nothing was added that could be refused */
	    (c->head.status < 400 && !c->degraded && !judge_has_rules(c)))
		return CALL_STANDS;
	if (judge_wants_body(c) && !judge_read_ahead(c))
		return CALL_NEEDS_BODY;
	buf_init(&opened, CALL_PEEK_MAX);
	a.body = judge_body(c, &opened);
	rule = binding_refresh_on(c->injection->binding, &a);
	if (rule && !c->refreshed)
		verdict = judge_can_replay(c, rule) ? CALL_SEND_AGAIN
						    : CALL_RENEW_ONLY;
	else
		judge_health(c, &a, rule != NULL);
	buf_release(&opened);
	return verdict;
}
