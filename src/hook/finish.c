/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the answer's bytes to the result: opened, scrubbed, read, judged,
 * mapped.
 *
 * Nothing of the answer is shown before it was scrubbed; if that cannot be
 * done (no locked memory is left), nothing is shown at all.
 *
 * Runs on a work thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hook/hook_priv.h"

int
hook_run_scrub(struct hook_run *r, struct call_scrub **out)
{
	struct secret **all;
	size_t i, n = 0;
	int rc;

	*out = NULL;
	for (i = 0; i < r->injection_count; i++)
		n += r->injections[i]->scrub_count;
	if (!n)
		return 0;
	all = calloc(n, sizeof(*all));
	if (!all)
		return ERR_NOMEM;
	for (i = n = 0; i < r->injection_count; i++) {
		memcpy(all + n, r->injections[i]->scrub,
		       r->injections[i]->scrub_count * sizeof(*all));
		n += r->injections[i]->scrub_count;
	}
	rc = call_scrub_new(all, n, out);
	free(all);
	return rc;
}

/* Masks a whole text; of one that was cut, what may be a secret's beginning
 * goes. */
static void
scrub_text(struct call_scrub *s, struct buf *b, bool cut)
{
	if (s && b->len)
		b->len = call_scrub_mask(s, b->data, b->len, !cut);
}

/* ---- header fields, hops ---- */

static const char *
keep_utf8(struct hook_run *r, struct slice text)
{
	const char *copy;
	struct buf b;

	buf_init(&b, text.len * 3 + 1);
	codec_utf8(&b, text);
	copy = buf_err(&b) ? NULL
			   : arena_slice(r->result->arena, buf_slice(&b));
	buf_release(&b);
	return copy ? copy : "";
}

static int
finish_head(struct hook_run *r, struct call_scrub *s)
{
	struct hook_fields *all = &r->result->headers;
	struct slice rest, line;
	size_t colon;

	all->items = arena_alloc(r->result->arena,
				 HTTP_FIELDS_MAX * sizeof(*all->items));
	if (!all->items)
		return ERR_NOMEM;
	scrub_text(s, &r->head, false);
	rest = buf_slice(&r->head);
	while (all->count < HTTP_FIELDS_MAX && slice_next(&rest, '\n', &line)) {
		if (!line.len)
			continue;
		line.len--; /* CR */
		colon = slice_find(line, ':');
		all->items[all->count].name =
			keep_utf8(r, slice_head(line, colon));
		all->items[all->count++].value =
			keep_utf8(r, slice_trim(slice_from(line, colon + 1)));
	}
	return 0;
}

bool
hook_scrub_escaped(struct call_scrub *s, struct buf *url)
{
	size_t found = call_scrub_found(s);
	struct buf plain;
	bool more = false;

	buf_init(&plain, url->max);
	if (!codec_percent_decode(&plain, buf_slice(url), false) && plain.len) {
		call_scrub_mask(s, plain.data, plain.len, true);
		more = call_scrub_found(s) > found;
	}
	if (more) {
		buf_wipe(url);
		*url = plain;
	} else {
		buf_wipe(&plain);
	}
	return more;
}

static void
finish_hops(struct hook_run *r, struct call_scrub *s)
{
	size_t i;

	for (i = 0; i < r->result->hop_count; i++) {
		scrub_text(s, &r->hop_urls[i], false);
		if (s)
			hook_scrub_escaped(s, &r->hop_urls[i]);
		r->result->hops[i].url =
			keep_utf8(r, buf_slice(&r->hop_urls[i]));
	}
}

/* ---- the body ---- */

static int
finish_open(struct hook_run *r, struct buf *opened)
{
	bool coded = r->coding[0] != '\0';
	int rc;

	if (!r->body.len)
		return 0;
	if (!hook_hold(r->result,
		       r->body.len + (coded ? opened->max : r->body.len)))
		return ERR_BUSY;
	rc = http_coding_decode(slice_str(r->coding), buf_slice(&r->body),
				opened);
	if (rc == ERR_TOO_LARGE || (rc == ERR_CLOSED && r->truncated)) {
		r->truncated = true;
		return 0;
	}
	if (rc == ERR_CLOSED)
		hook_result_problem(r->result, "upstream_cut", NULL,
				    "The answer's compressed body ends too "
				    "early.");
	else if (rc && rc != ERR_NOMEM)
		/* Without the coding's name: it may be of any bytes. */
		hook_result_problem(r->result, "upstream_malformed", NULL,
				    "The answer's body cannot be opened: its "
				    "Content-Encoding is none of %s, or the "
				    "bytes are not of it.",
				    http_coding_accept);
	return rc && rc != ERR_NOMEM ? ERR_PROTOCOL : rc;
}

/* Whether it is worth trying. */
static bool
looks_like_json(const struct hook_run *r, struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (!strchr(" \t\r\n", text.ptr[i]))
			break;
	return i < text.len &&
	       (r->is_json || text.ptr[i] == '{' || text.ptr[i] == '[');
}

/* ERR_INVALID, ERR_TOO_LARGE: it is to be a text. */
static int
finish_json(struct hook_run *r, struct slice text, size_t *held)
{
	struct buf clean;
	size_t size;
	int rc = 0;

	buf_init(&clean, text.len * 2 + 16);
	if (!hook_hold(r->result, *held + text.len))
		rc = ERR_BUSY;
	if (!rc)
		rc = hook_json_clean(text, &clean, &size);
	if (!rc && !hook_hold(r->result, *held + clean.len + size))
		rc = ERR_BUSY;
	if (!rc)
		rc = hook_json_load(&clean, &r->result->body);
	if (!rc)
		*held = size;
	buf_wipe(&clean);
	return rc;
}

/* Held afterwards is what the value takes. */
static int
finish_value(struct hook_run *r, struct call_scrub *s, struct slice text)
{
	struct hook_result *result = r->result;
	size_t held = result->held;
	int rc = ERR_INVALID;

	if (looks_like_json(r, text) && !r->truncated)
		rc = finish_json(r, text, &held);
	r->too_many = rc == ERR_TOO_LARGE;
	if (rc && rc != ERR_INVALID && rc != ERR_TOO_LARGE)
		return rc;
	result->body_is_json = rc == 0;
	if (rc) {
		if (!hook_hold(result, held + text.len))
			return ERR_BUSY;
		result->body = json_stringn_nocheck(text.ptr ? text.ptr : "",
						    text.len);
		hook_hold(result, text.len);
		return result->body ? 0 : ERR_NOMEM;
	}
	/* What was escaped in the text is plain now. */
	rc = s && memchr(text.ptr, '\\', text.len)
		     ? hook_json_scrub(s, &result->body)
		     : 0;
	hook_hold(result, held);
	return rc;
}

static int
finish_body(struct hook_run *r, struct call_scrub *s)
{
	struct buf opened, text;
	int rc;

	buf_init(&opened, r->config.document->max_bytes);
	buf_init(&text, r->config.document->max_bytes * 3 + 16);
	rc = finish_open(r, &opened);
	buf_wipe(&r->body);
	r->result->bytes = opened.len;
	r->result->truncated = r->truncated;
	scrub_text(s, &opened, r->truncated);
	if (!rc && !hook_hold(r->result, opened.len * 4))
		rc = ERR_BUSY;
	if (!rc)
		rc = codec_utf8(&text, buf_slice(&opened));
	buf_wipe(&opened);
	if (!rc) {
		hook_hold(r->result, text.len);
		rc = finish_value(r, s, buf_slice(&text));
	}
	buf_wipe(&text);
	return rc;
}

/* ---- the path ---- */

static void
finish_too_large(struct hook_run *r, const char *why)
{
	r->result->path = hook_path_other;
	hook_result_problem(r->result, "mapping_too_large",
			    "Map less of the answer, or ask the service for "
			    "less.",
			    "%s", why);
}

/* The variables of one run go on into conversations, which remember so much
 * and no more. */
static void
finish_bound(struct hook_run *r)
{
	struct buf text;
	char why[80];
	int rc;

	buf_init(&text, HOOK_VALUES_MAX);
	rc = json_write(r->result->variables, &text);
	buf_release(&text);
	if (rc != ERR_TOO_LARGE)
		return;
	json_decref(r->result->variables);
	r->result->variables = NULL;
	snprintf(why, sizeof(why),
		 "The variables have more than %d bytes together.",
		 HOOK_VALUES_MAX);
	finish_too_large(r, why);
}

static int
finish_path(struct hook_run *r)
{
	struct hook_result *result = r->result;
	const struct hook_entry *e =
		hook_entry_find(r->config.document, r->status);
	struct hook_answer a = {
		.status = r->status,
		.headers = &result->headers,
		.body = result->body,
		.body_is_json = result->body_is_json,
		.too_many = r->too_many,
	};
	char why[400];
	int rc;

	result->path = e ? e->name : hook_path_other;
	if (!e)
		return 0;
	rc = hook_map(e, &a, &result->variables, why, sizeof(why));
	if (rc == ERR_NOT_FOUND) {
		result->path = hook_path_other;
		hook_result_problem(result, "mapping_missing", NULL, "%s", why);
		rc = 0;
	} else if (rc == ERR_TOO_LARGE) {
		finish_too_large(r, why);
		rc = 0;
	} else if (!rc) {
		finish_bound(r);
	}
	if (!rc && result->truncated)
		hook_result_problem(result, "truncated",
				    "Raise max_bytes, or ask the service for "
				    "less.",
				    "The answer is larger than %zu bytes: the "
				    "rest was not read.",
				    r->config.document->max_bytes);
	return rc;
}

/* No Range went out: nobody needs such an answer, and what is at its ends
 * cannot be scrubbed. */
static int
finish_piece(struct hook_run *r)
{
	hook_result_problem(r->result, "upstream_malformed",
			    "Through a connection no Range is sent: ask for "
			    "the whole, up to max_bytes.",
			    "The service answered with a piece of the bytes "
			    "(206), which is not shown: a secret could be cut "
			    "in two there.");
	return ERR_PROTOCOL;
}

static int
finish_answer(struct hook_run *r, struct call_scrub *s)
{
	int rc = finish_head(r, s);

	if (!rc && s && r->is_piece)
		return finish_piece(r);
	if (!rc)
		rc = finish_body(r, s);
	if (rc)
		return rc;
	r->result->status = r->status;
	return finish_path(r);
}

void
hook_run_finish(struct hook_run *r)
{
	struct call_scrub *s = NULL;
	int rc = 0;

	r->result->path = r->config.dry_run && !r->result->problem.code
				  ? NULL
				  : hook_path_no_answer;
	rc = hook_run_scrub(r, &s);
	if (!rc)
		finish_hops(r, s);
	if (!rc && r->status)
		rc = finish_answer(r, s);
	if (s)
		r->result->scrubbed = call_scrub_found(s);
	call_scrub_free(s);
	if (rc && rc != ERR_PROTOCOL && rc != ERR_BUSY) {
		hook_result_free(r->result);
		r->result = NULL;
		return;
	}
	/* It was answered, so it was sent. */
	r->result->problem.outcome_unknown |= rc != 0;
	buf_wipe(&r->body);
	if (!r->config.show)
		hook_result_slim(r->result);
	else if (!r->result->body)
		hook_hold(r->result, 0);
}
