/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints on a request: literal secrets, and requests that are traps.
 *
 * Walks the document as it is written; what is not of its form is for the
 * document's own checks to say.  A value is looked at and never quoted.
 */
#include "hook/hints.h"

#include "http/http.h"
#include "template/template.h"

struct walk {
	hook_hint_report *report;
	void *arg;
	size_t count;
	char pointer[256];
	size_t len; /* of the pointer */
};

enum { DEPTH_MAX = 40 };

/* ---- telling ---- */

const char hook_hint_variable[] = "variable_secret";

static const struct text {
	const char *code;
	bool soft;
	const char *detail;
} texts[] = {
#define LITERAL 0
	{ "literal_secret", false,
	  "This looks like a password or token. Whoever sees the flow sees "
	  "it: make a connection and take it out here." },
#define VARIABLE 1
	{ hook_hint_variable, true,
	  "A credential comes from a variable here. That is fine for one "
	  "which the visitor's own page brings; for an account of yours use "
	  "a connection." },
#define RANDOM 2
	{ "looks_secret", true,
	  "This long random text may be a key. If it is, use a connection; "
	  "if it is an id, all is well." },
};

/* Requests that do something else than they seem to. */
static const struct trap {
	const char *path, *parameter, *code, *detail;
} traps[] = {
	{ "/api/v1/tickets", "ticketNumber", "filter_ignored",
	  "Zoho Desk's list call ignores ticketNumber and returns every "
	  "ticket: use /api/v1/tickets/search with ticketNumber." },
};

static void
tell(struct walk *w, const char *code, bool soft, const char *detail)
{
	struct hook_hint hint = { w->pointer, code, detail, soft };

	if (w->count >= HOOK_HINTS_MAX)
		return;
	w->count++;
	if (w->report)
		w->report(w->arg, &hint);
}

static void
tell_text(struct walk *w, int i)
{
	tell(w, texts[i].code, texts[i].soft, texts[i].detail);
}

/* ---- pointers ---- */

static size_t
enter(struct walk *w, const char *name)
{
	size_t mark = w->len;
	struct buf b;

	buf_init(&b, sizeof(w->pointer));
	for (buf_putc(&b, '/'); *name; name++) {
		if (*name == '~')
			buf_puts(&b, "~0");
		else if (*name == '/')
			buf_puts(&b, "~1");
		else
			buf_putc(&b, *name);
	}
	if (!buf_err(&b) && w->len + b.len < sizeof(w->pointer)) {
		memcpy(w->pointer + w->len, b.data, b.len);
		w->len += b.len;
		w->pointer[w->len] = '\0';
	}
	buf_release(&b);
	return mark;
}

static size_t
enter_index(struct walk *w, size_t i)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", i);
	return enter(w, text);
}

static void
leave(struct walk *w, size_t mark)
{
	w->len = mark;
	w->pointer[mark] = '\0';
}

/* ---- values ---- */

/* The text around the variables, and how many of these there are; as it is
 * where it is no template. */
static size_t
literal_of(struct slice text, struct buf *out)
{
	const struct template_variable *list;
	struct template *t = NULL;
	size_t i, n = 0, at = 0;

	if (!template_compile(text, TEMPLATE_IN_PART, template_usual_scopes, &t,
			      NULL))
		n = template_variables(t, &list);
	for (i = 0; i < n; i++) {
		buf_put(out, text.ptr + at, list[i].at - at);
		at = list[i].at + list[i].len;
	}
	buf_put_slice(out, slice_from(text, at));
	template_free(t);
	return n;
}

/* named: the place is one for a credential, whatever stands there. */
static void
look(struct walk *w, bool named, struct slice text)
{
	size_t variables;
	struct buf b;
	struct slice literal;

	if (!text.len)
		return;
	buf_init(&b, text.len);
	variables = literal_of(text, &b);
	literal = buf_slice(&b);
	if (hook_secret_shape(literal) || (named && !variables))
		tell_text(w, LITERAL);
	else if (named)
		tell_text(w, VARIABLE);
	else if (!variables && hook_secret_random(literal))
		tell_text(w, RANDOM);
	buf_wipe(&b);
}

static struct slice
text_of(const json_t *value)
{
	return slice_of(json_string_value(value), json_string_length(value));
}

static void
look_rows(struct walk *w, const json_t *rows)
{
	const json_t *row, *value;
	size_t i, mark, inner;

	json_array_foreach(rows, i, row)
	{
		value = json_object_get(row, "value");
		if (json_is_true(json_object_get(row, "off")) ||
		    !json_is_string(value))
			continue;
		mark = enter_index(w, i);
		inner = enter(w, "value");
		look(w, hook_secret_name(text_of(json_object_get(row, "name"))),
		     text_of(value));
		leave(w, inner);
		leave(w, mark);
	}
}

/* A list's items have the list's name. */
static void
look_json(struct walk *w, struct slice name, const json_t *value, int depth)
{
	const char *key;
	json_t *member;
	size_t i, mark;

	if (depth > DEPTH_MAX)
		return;
	if (json_is_string(value))
		look(w, hook_secret_name(name), text_of(value));
	json_array_foreach(value, i, member)
	{
		mark = enter_index(w, i);
		look_json(w, name, member, depth + 1);
		leave(w, mark);
	}
	json_object_foreach((json_t *)value, key, member)
	{
		mark = enter(w, key);
		look_json(w, slice_str(key), member, depth + 1);
		leave(w, mark);
	}
}

static void
look_body(struct walk *w, const json_t *body)
{
	const char *type = json_string_value(json_object_get(body, "type"));
	const json_t *content = json_object_get(body, "content");
	size_t mark = enter(w, "content");

	if (type && (!strcmp(type, "form") || !strcmp(type, "multipart")))
		look_rows(w, content);
	else
		look_json(w, SLICE_NONE, content, 0);
	leave(w, mark);
}

/* ---- the URL ---- */

/* The path of a URL, or of the part of one. */
static struct slice
path_of(struct slice url)
{
	const char *scheme = memmem(url.ptr ? url.ptr : "", url.len, "://", 3);
	struct slice path = url, query;

	if (scheme) {
		path = slice_from(url, (size_t)(scheme - url.ptr) + 3);
		path = slice_from(path, slice_find(path, '/'));
	}
	http_path_split(path, &path, &query);
	return path;
}

static bool
has_parameter(const json_t *request, struct slice query, const char *name)
{
	const json_t *row;
	struct slice n, v;
	size_t i;

	while (http_query_next(&query, &n, &v))
		if (slice_eq(n, slice_str(name)))
			return true;
	json_array_foreach(json_object_get(request, "query"), i, row)
	{
		if (!json_is_true(json_object_get(row, "off")) &&
		    slice_eq(text_of(json_object_get(row, "name")),
			     slice_str(name)))
			return true;
	}
	return false;
}

static void
look_url(struct walk *w, const json_t *request, struct slice url)
{
	struct slice path = path_of(url), rest, query, name, value;
	size_t i;

	http_path_split(url, &rest, &query);
	for (i = 0; i < ARRAY_LEN(traps); i++)
		if (slice_eq(path, slice_str(traps[i].path)) &&
		    has_parameter(request, query, traps[i].parameter))
			tell(w, traps[i].code, false, traps[i].detail);
	if (hook_secret_shape(rest))
		tell_text(w, LITERAL);
	while (http_query_next(&query, &name, &value))
		look(w, hook_secret_name(name), value);
}

size_t
hook_hints(const json_t *request, hook_hint_report *report, void *arg)
{
	static const char *const rows[] = { "query", "headers" };
	struct walk w = { .report = report, .arg = arg };
	size_t i, mark;

	mark = enter(&w, "url");
	look_url(&w, request, text_of(json_object_get(request, "url")));
	leave(&w, mark);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		mark = enter(&w, rows[i]);
		look_rows(&w, json_object_get(request, rows[i]));
		leave(&w, mark);
	}
	mark = enter(&w, "body");
	look_body(&w, json_object_get(request, "body"));
	leave(&w, mark);
	return w.count;
}
