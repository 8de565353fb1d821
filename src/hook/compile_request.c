/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request: method, URL, rows, limits, retries.
 */
#include "hook/hook_priv.h"

enum { MEDIA_TYPE_MAX = 200 };

static const char *const request_fields[] = {
	"method",    "url",
	"query",     "headers",
	"body",	     "timeout_ms",
	"max_bytes", "max_redirects",
	"retries",   "idempotency_key",
	NULL,
};

/* ---- method and URL ---- */

static void
compile_method(struct hook_compiling *c, const json_t *o)
{
	static const char *const methods[] = { "GET",	  "HEAD",  "POST",
					       "PUT",	  "PATCH", "DELETE",
					       "OPTIONS", NULL };
	const char *text = json_string_value(json_object_get(o, "method"));
	size_t mark;
	int i;

	c->d->method = methods[0];
	if (!text) {
		hook_get_str(c, o, "method", true, 20);
		return;
	}
	for (i = 0; methods[i]; i++)
		if (slice_eq_nocase(slice_str(methods[i]), slice_str(text)))
			break;
	if (methods[i])
		c->d->method = methods[i];
	if (!methods[i] || !strcmp(methods[i], text)) {
		hook_get_word(c, o, "method", methods, 0);
		return;
	}
	mark = hook_at(c, "method");
	hook_problem(c, HOOK_ERROR, "invalid_value",
		     "methods are written in capitals: %s", methods[i]);
	hook_at_back(c, mark);
}

/* A call without a connection goes by https to a host of its own. */
static void
compile_url(struct hook_compiling *c, const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "url"));
	struct slice url = slice_str(text ? text : "");
	size_t mark;

	hook_get_template(c, o, "url", true, TEMPLATE_IN_URL, &c->d->url);
	if (!c->d->url || c->d->connection[0])
		return;
	mark = hook_at(c, "url");
	if (slice_starts(url, SLICE("/")))
		hook_problem(c, HOOK_ERROR, "url",
			     "without a connection the URL must be whole: "
			     "https://host/path");
	else if (!slice_starts_nocase(url, SLICE("https://")))
		hook_problem(c, HOOK_ERROR, "url",
			     "without a connection calls go by https alone");
	hook_at_back(c, mark);
}

/* ---- rows ---- */

static void
compile_header_name(struct hook_compiling *c, const json_t *o,
		    struct hook_row *row)
{
	const char *name = hook_get_str(c, o, "name", true, 100);
	struct slice s = slice_str(name);
	size_t mark;

	if (!name)
		return;
	row->header = hook_copy(c, name);
	mark = hook_at(c, "name");
	if (!http_is_token(s))
		hook_problem(c, HOOK_ERROR, "invalid_value",
			     "is no name of a header field");
	else if (http_field_is_metadata(s))
		hook_problem(c, HOOK_ERROR, "not_allowed",
			     "this field opens metadata services of clouds");
	else if (!call_name_passes(s) &&
		 !slice_eq_nocase(s, SLICE("Authorization")) &&
		 !slice_eq_nocase(s, SLICE("Cookie")))
		hook_problem(c, HOOK_ERROR, "not_allowed",
			     "this field is Drawbridge's own to set");
	else if (c->d->connection[0] && call_name_asks_for_part(s))
		hook_problem(c, HOOK_WARNING, "not_allowed",
			     "is not sent where the connection has a secret: "
			     "answers come whole");
	hook_at_back(c, mark);
}

static void
compile_name(struct hook_compiling *c, const json_t *o,
	     enum hook_rows_kind kind, struct hook_row *row)
{
	static const enum template_place places[] = {
		[HOOK_IN_QUERY] = TEMPLATE_IN_QUERY,
		[HOOK_IN_FORM] = TEMPLATE_IN_FORM,
		[HOOK_IN_PARTS] = TEMPLATE_IN_PART_NAME,
	};
	const json_t *v = json_object_get(o, "name");
	size_t mark;

	if (kind == HOOK_IN_HEADERS) {
		compile_header_name(c, o, row);
		return;
	}
	hook_get_template(c, o, "name", true, places[kind], &row->name);
	if (!json_is_string(v) || json_string_length(v))
		return;
	mark = hook_at(c, "name");
	hook_problem(c, HOOK_ERROR, "missing", "must not be empty");
	hook_at_back(c, mark);
}

/* A part's bytes. */
static void
compile_data(struct hook_compiling *c, const json_t *o, struct hook_row *row)
{
	const char *text = hook_get_str(c, o, "content_base64", false,
					CODEC_BASE64_SIZE(HOOK_BODY_TEXT_MAX));
	struct slice s = slice_str(text);
	size_t mark, len = 0;
	char *bytes;

	if (!text)
		return;
	mark = hook_at(c, "content_base64");
	if (json_object_get(o, "value"))
		hook_problem(c, HOOK_ERROR, "not_allowed",
			     "a part has value or content_base64, not both");
	bytes = hook_alloc(c, s.len + 1);
	if (bytes && codec_base64_decode(s, bytes, s.len + 1, &len))
		hook_problem(c, HOOK_ERROR, "invalid_value",
			     "is no base64 (with its padding)");
	row->data = slice_of(bytes, len);
	hook_at_back(c, mark);
}

static void
compile_part(struct hook_compiling *c, const json_t *o, struct hook_row *row)
{
	const char *type =
		hook_get_str(c, o, "content_type", false, MEDIA_TYPE_MAX);
	size_t mark;

	hook_get_template(c, o, "filename", false, TEMPLATE_IN_PART_NAME,
			  &row->filename);
	compile_data(c, o, row);
	if (!type)
		return;
	row->content_type = hook_copy(c, type);
	mark = hook_at(c, "content_type");
	if (!type[0] || !http_is_field_value(slice_str(type)))
		hook_problem(c, HOOK_ERROR, "invalid_value",
			     "is no media type");
	hook_at_back(c, mark);
}

/* False: the row is off. */
static bool
compile_row(struct hook_compiling *c, const json_t *o, enum hook_rows_kind kind,
	    struct hook_row *row)
{
	static const char *const plain[] = { "name", "value", "off", NULL };
	static const char *const part[] = {
		"name",		"value",	  "off", "filename",
		"content_type", "content_base64", NULL
	};
	static const enum template_place places[] = {
		[HOOK_IN_QUERY] = TEMPLATE_IN_QUERY,
		[HOOK_IN_HEADERS] = TEMPLATE_IN_HEADER,
		[HOOK_IN_FORM] = TEMPLATE_IN_FORM,
		[HOOK_IN_PARTS] = TEMPLATE_IN_PART,
	};

	if (!json_is_object(o)) {
		hook_problem(c, HOOK_ERROR, "wrong_type", "must be an object");
		return false;
	}
	hook_only(c, o, kind == HOOK_IN_PARTS ? part : plain);
	if (hook_get_bool(c, o, "off", false))
		return false;
	compile_name(c, o, kind, row);
	if (kind == HOOK_IN_PARTS)
		compile_part(c, o, row);
	if (!row->data.ptr)
		hook_get_template(c, o, "value",
				  !hook_member(o, "content_base64"),
				  places[kind], &row->value);
	return true;
}

void
hook_compile_rows(struct hook_compiling *c, const json_t *list,
		  enum hook_rows_kind kind, struct hook_rows *out)
{
	size_t i, mark, n = json_array_size(list);

	if (!n)
		return;
	out->items = hook_alloc(c, n * sizeof(*out->items));
	for (i = 0; out->items && i < n; i++) {
		mark = hook_at_index(c, i);
		if (compile_row(c, json_array_get(list, i), kind,
				&out->items[out->count]))
			out->count++;
		hook_at_back(c, mark);
	}
}

static void
compile_rows_of(struct hook_compiling *c, const json_t *o, const char *name,
		enum hook_rows_kind kind, struct hook_rows *out)
{
	const json_t *list = hook_get_array(c, o, name, false, HOOK_ROWS_MAX);
	size_t mark = hook_at(c, name);

	hook_compile_rows(c, list, kind, out);
	hook_at_back(c, mark);
}

/* ---- retries ---- */

static unsigned
retry_on(const json_t *v)
{
	if (json_is_string(v))
		return strcmp(json_string_value(v), "transport")
			       ? 0
			       : HOOK_ON_TRANSPORT;
	return hook_retry_on_status(json_integer_value(v));
}

static void
compile_retry_on(struct hook_compiling *c, const json_t *o)
{
	const json_t *list = hook_get_array(c, o, "on", false, 10);
	size_t i, mark, inner;
	unsigned on;

	c->d->retries.on = list ? 0 : HOOK_ON_ALL;
	mark = hook_at(c, "on");
	for (i = 0; i < json_array_size(list); i++) {
		on = retry_on(json_array_get(list, i));
		c->d->retries.on |= on;
		if (on)
			continue;
		inner = hook_at_index(c, i);
		hook_problem(c, HOOK_ERROR, "invalid_value",
			     "must be \"transport\", 429, 502, 503 or 504");
		hook_at_back(c, inner);
	}
	hook_at_back(c, mark);
}

static void
compile_retries(struct hook_compiling *c, const json_t *o)
{
	static const char *const fields[] = { "max", "on", NULL };
	const json_t *v = json_object_get(o, "retries");
	size_t mark;

	if (!v || json_is_null(v))
		return;
	mark = hook_at(c, "retries");
	if (!json_is_object(v)) {
		hook_problem(c, HOOK_ERROR, "wrong_type", "must be an object");
	} else {
		hook_only(c, v, fields);
		c->d->retries.max = (unsigned)hook_get_int(c, v, "max", 0,
							   HOOK_RETRIES_MAX, 0);
		compile_retry_on(c, v);
	}
	if (c->d->retries.max &&
	    !hook_retry_is_allowed(slice_str(c->d->method), c->d->key))
		hook_problem(c, HOOK_ERROR, "not_allowed",
			     "%s is not tried again without an "
			     "idempotency_key: nobody would know whether it "
			     "was done twice",
			     c->d->method);
	hook_at_back(c, mark);
}

/* ---- the whole ---- */

static void
compile_limits(struct hook_compiling *c, const json_t *o)
{
	struct hook_document *d = c->d;

	d->timeout_ms = (uint32_t)hook_get_int(
		c, o, "timeout_ms", HOOK_TIMEOUT_MIN_MS, HOOK_TIMEOUT_MAX_MS,
		HOOK_TIMEOUT_DEFAULT_MS);
	d->max_bytes = (size_t)hook_get_int(c, o, "max_bytes", 1,
					    HOOK_BYTES_MAX, HOOK_BYTES_DEFAULT);
	d->max_redirects = (unsigned)hook_get_int(c, o, "max_redirects", 0,
						  HOOK_REDIRECTS_MAX,
						  HOOK_REDIRECTS_DEFAULT);
}

void
hook_compile_request(struct hook_compiling *c, const json_t *o)
{
	struct hook_document *d = c->d;

	hook_only(c, o, request_fields);
	compile_method(c, o);
	compile_url(c, o);
	compile_rows_of(c, o, "query", HOOK_IN_QUERY, &d->query);
	compile_rows_of(c, o, "headers", HOOK_IN_HEADERS, &d->headers);
	hook_compile_body(c, o);
	compile_limits(c, o);
	hook_get_template(c, o, "idempotency_key", false, TEMPLATE_IN_HEADER,
			  &d->key);
	compile_retries(c, o);
}
