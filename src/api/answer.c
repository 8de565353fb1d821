/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: JSON, problems (RFC 9457), entity tags, lists.
 *
 * The sentence for people is made here and in the handlers, where the
 * context is known; what comes from below is codes.
 */
#include <stdarg.h>
#include <stdio.h>

#include "api/api_priv.h"

json_t *
api_json_time(int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	if (!at)
		return json_null();
	clock_format(at, text);
	return json_string(text);
}

json_t *
api_json_cut(const char *text)
{
	char *whole = slice_dup(slice_str(text));
	json_t *v;

	if (!whole)
		return NULL;
	slice_mend_utf8(whole);
	v = json_string(whole);
	free(whole);
	return v;
}

json_t *
api_json_text(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

static int
answer_set(struct api_request *r, int status, const char *type, json_t *value)
{
	int rc;

	r->status = status;
	r->type = type;
	buf_wipe(&r->answer);
	rc = value ? json_write(value, &r->answer) : ERR_NOMEM;
	json_decref(value);
	return rc;
}

int
api_answer(struct api_request *r, int status, json_t *value)
{
	r->storable = true;
	r->spliced = 0;
	return answer_set(r, status, "application/json", value);
}

int
api_answer_empty(struct api_request *r)
{
	r->status = 204;
	r->type = NULL;
	buf_wipe(&r->answer);
	return 0;
}

int
api_answer_list(struct api_request *r, json_t *items, const char *next)
{
	return api_answer(r, 200,
			  json_pack("{s:o, s:o}", "items", items, "next",
				    api_json_text(next)));
}

int
api_answer_splice(struct api_request *r, const char *name, const char *text)
{
	struct buf b;
	int rc;

	ASSERT(r->answer.len > 1 && r->answer.data[0] == '{');
	buf_init(&b, r->answer.max);
	buf_printf(&b, "{\"%s\":\"", name);
	codec_json_bytes(&b, slice_str(text));
	buf_puts(&b, r->answer.data[1] == '}' ? "\"" : "\",");
	r->spliced = b.len - 1;
	rc = buf_put(&b, r->answer.data + 1, r->answer.len - 1);
	if (rc) {
		buf_wipe(&b);
		return rc;
	}
	buf_wipe(&r->answer);
	r->answer = b;
	return 0;
}

void
api_field(struct api_request *r, const char *name, const char *fmt, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	/* Header values are ours or checked; a line's end must not come in. */
	ASSERT(!strpbrk(value, "\r\n"));
	buf_printf(&r->fields, "%s: %s\r\n", name, value);
}

void
api_field_long(struct api_request *r, const char *name, const char *value)
{
	ASSERT(!strpbrk(value, "\r\n"));
	buf_puts(&r->fields, name);
	buf_puts(&r->fields, ": ");
	buf_puts(&r->fields, value);
	buf_puts(&r->fields, "\r\n");
}

void
api_retry_after(struct api_request *r, unsigned seconds)
{
	if (seconds)
		api_field(r, "Retry-After", "%u", seconds);
}

void
api_etag(struct api_request *r, int64_t version)
{
	api_field(r, "ETag", "\"%lld\"", (long long)version);
}

int
api_if_match(struct api_request *r, int64_t *version)
{
	struct slice s = slice_trim(slice_str(r->if_match));
	uint64_t n;

	*version = 0;
	if (!s.len || slice_eq(s, SLICE("*")))
		return 0;
	if (s.len < 3 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"' ||
	    slice_to_u64(slice_head(slice_from(s, 1), s.len - 2), INT64_MAX,
			 &n) ||
	    !n)
		return ERR_INVALID;
	*version = (int64_t)n;
	return 0;
}

/* ---- problems ---- */

static int
problem_answer(struct api_request *r, enum connect_problem_id id,
	       const char *detail, const char *hint, const char *where,
	       const char *place)
{
	const struct connect_problem_kind *kind = connect_problem_kind(id);
	json_t *p = json_pack("{s:s, s:s, s:i}", "code", kind->code, "title",
			      kind->title, "status", kind->status);

	r->storable = false;
	if (detail && detail[0])
		json_object_set_new(p, "detail", json_string(detail));
	if (hint)
		json_object_set_new(p, "hint", json_string(hint));
	if (where)
		json_object_set_new(p, where, api_json_cut(place));
	if (r->route && (r->route->flags & API_PAGE)) {
		json_decref(p);
		return api_page_message(r, kind->status, kind->title, detail,
					hint);
	}
	return answer_set(r, kind->status, "application/problem+json", p);
}

int
api_problem(struct api_request *r, enum connect_problem_id id, const char *hint,
	    const char *fmt, ...)
{
	char detail[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	slice_mend_utf8(detail);
	return problem_answer(r, id, detail, hint, NULL, NULL);
}

int
api_problem_connect(struct api_request *r, const struct connect_problem *p)
{
	json_t *o =
		json_pack("{s:s, s:s, s:i, s:s}", "code", p->code, "title",
			  p->title, "status", p->status, "detail", p->detail);

	r->storable = false;
	if (p->hint[0])
		json_object_set_new(o, "hint", json_string(p->hint));
	if (p->pointer[0])
		json_object_set_new(o, "pointer", api_json_cut(p->pointer));
	api_retry_after(r, p->retry_after_s);
	return answer_set(r, p->status, "application/problem+json", o);
}

int
api_problem_input(struct api_request *r)
{
	enum connect_problem_id id = CONNECT_P_INVALID;

	if (!strncmp(r->problem.detail, "unknown field", 13))
		id = CONNECT_P_UNKNOWN_FIELD;
	return problem_answer(r, id, r->problem.detail, NULL, "pointer",
			      r->problem.pointer);
}

int
api_problem_parameter(struct api_request *r, const char *name,
		      const char *detail)
{
	return problem_answer(r, CONNECT_P_INVALID, detail, NULL, "parameter",
			      name);
}

int
api_problem_err(struct api_request *r, int err, const char *what)
{
	switch (err) {
	case ERR_NOT_FOUND:
		return api_problem(r, CONNECT_P_NOT_FOUND, NULL,
				   "%s is not there.", what);
	case ERR_EXISTS:
		return api_problem(r, CONNECT_P_EXISTS, NULL,
				   "%s is there already.", what);
	case ERR_CONFLICT:
		return api_problem(r, CONNECT_P_CHANGED,
				   "Read it again, and change that.",
				   "%s has been changed meanwhile.", what);
	case ERR_FORBIDDEN:
		return api_problem(r, CONNECT_P_FORBIDDEN, NULL,
				   "%s: not allowed.", what);
	case ERR_BUSY:
	case ERR_TIMEOUT:
	case ERR_CLOSED:
		api_retry_after(r, 2);
		return api_problem(r, CONNECT_P_UNAVAILABLE, "Try again soon.",
				   "Too much is under way, or a part of "
				   "Drawbridge is starting.");
	default:
		log_error("a request failed", LOG_E(err),
			  LOG_S("route", r->route ? r->route->path : ""),
			  LOG_S("store", r->db ? store_message(r->db) : ""));
		return api_problem(r, CONNECT_P_INTERNAL, "The log has more.",
				   "%s.", err_text(err));
	}
}
