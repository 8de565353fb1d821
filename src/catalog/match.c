/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules on responses: what an answer means, as a definition says it.
 *
 * At most 4 KiB of a body are looked at, and parsed at most once for a list
 * of rules.  A body that is not JSON is tried as a form, since some token
 * endpoints answer so.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>

enum { MATCH_BODY_MAX = 4096 };

/* One answer with its body parsed when first asked for. */
struct view {
	const struct binding_answer *a;
	struct slice body;
	json_t *json;
	bool tried;
};

const json_t *
binding_path_get(const json_t *value, const char *path)
{
	struct slice rest = slice_str(path), token;
	char name[128];
	uint64_t index;

	while (value && slice_next(&rest, '.', &token)) {
		if (json_is_array(value)) {
			if (slice_to_u64(token, 100000, &index) < 0)
				return NULL;
			value = json_array_get(value, (size_t)index);
		} else {
			if (slice_copy(token, name, sizeof(name)) < 0)
				return NULL;
			value = json_object_get(value, name);
		}
	}
	return value;
}

struct slice
binding_words_get(const json_t *value, const char *path)
{
	const json_t *v = binding_path_get(value, path);
	struct slice text;

	if (!json_is_string(v))
		return SLICE_NONE;
	text = slice_of(json_string_value(v), json_string_length(v));
	return slice_has_control(text) ? SLICE_NONE : text;
}

static json_t *
parse_form(struct slice body)
{
	struct slice rest = body, name, value;
	json_t *out = json_object();
	struct buf key, text;
	size_t n = 0;

	buf_init(&key, 128);
	buf_init(&text, MATCH_BODY_MAX);
	while (out && n++ < 50 && http_query_next(&rest, &name, &value)) {
		buf_reset(&key);
		buf_reset(&text);
		if (codec_percent_decode(&key, name, true) < 0 ||
		    codec_percent_decode(&text, value, true) < 0 ||
		    !slice_is_utf8(buf_slice(&text)))
			continue;
		json_object_set_new(
			out, buf_cstr(&key),
			json_stringn(text.data ? text.data : "", text.len));
	}
	buf_release(&key);
	buf_wipe(&text);
	return out;
}

static const json_t *
view_json(struct view *v)
{
	struct json_problem ignored = { 0 };

	if (v->tried)
		return v->json;
	v->tried = true;
	if (json_read(v->body, MATCH_BODY_MAX, &v->json, &ignored) < 0) {
		v->json = NULL;
		if (slice_find(v->body, '=') < v->body.len &&
		    slice_find(v->body, '<') == v->body.len &&
		    slice_find(v->body, '{') == v->body.len)
			v->json = parse_form(v->body);
	}
	return v->json;
}

static struct view
view_of(const struct binding_answer *a)
{
	return (struct view){ .a = a,
			      .body = slice_head(a->body, MATCH_BODY_MAX) };
}

/* ---- the parts of a predicate ---- */

static bool
status_matches(const struct catalog_match *m, int status)
{
	size_t i;

	for (i = 0; i < m->status.count; i++)
		if (status >= m->status.items[i].from &&
		    status <= m->status.items[i].to)
			return true;
	return m->status.count == 0;
}

static bool
one_of(const struct catalog_texts *list, struct slice s)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (slice_eq(slice_str(list->items[i]), s))
			return true;
	return false;
}

static bool
json_matches(const struct catalog_match *m, const json_t *root)
{
	const json_t *value = binding_path_get(root, m->json);
	char number[32];
	int n;

	if (!value || json_is_null(value))
		return false;
	if (json_is_string(value)) {
		struct slice s = slice_of(json_string_value(value),
					  json_string_length(value));
		return m->is.count ? one_of(&m->is, s) : s.len > 0;
	}
	if (!m->is.count)
		return !json_is_false(value);
	if (json_is_boolean(value))
		return one_of(&m->is, json_is_true(value) ? SLICE("true")
							  : SLICE("false"));
	if (!json_is_integer(value))
		return false;
	n = snprintf(number, sizeof(number), "%lld",
		     (long long)json_integer_value(value));
	return one_of(&m->is, slice_of(number, (size_t)n));
}

static bool
has_text(struct slice in, const char *text)
{
	return in.len && memmem(in.ptr, in.len, text, strlen(text)) != NULL;
}

static bool
body_matches(const struct catalog_match *m, struct slice body)
{
	size_t i;

	for (i = 0; i < m->body_has.count; i++)
		if (has_text(body, m->body_has.items[i]))
			return true;
	return m->body_has.count == 0;
}

static bool
header_matches(const struct catalog_match *m, const struct binding_answer *a)
{
	struct slice value;

	if (!m->header)
		return true;
	if (!a->header)
		return false;
	value = a->header(a->header_arg, slice_str(m->header));
	return m->header_has ? has_text(value, m->header_has)
			     : value.ptr != NULL;
}

static bool
view_match(struct view *v, const struct catalog_match *m)
{
	return status_matches(m, v->a->status) && header_matches(m, v->a) &&
	       body_matches(m, v->body) &&
	       (!m->json || json_matches(m, view_json(v)));
}

/* ---- the door ---- */

bool
binding_match(const struct catalog_match *m, const struct binding_answer *a)
{
	struct view v = view_of(a);
	bool ok = view_match(&v, m);

	json_decref(v.json);
	return ok;
}

bool
binding_match_all(const struct catalog_matches *m,
		  const struct binding_answer *a)
{
	struct view v = view_of(a);
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < m->count; i++)
		ok = view_match(&v, &m->items[i]);
	json_decref(v.json);
	return ok;
}

bool
binding_match_any(const struct catalog_matches *m,
		  const struct binding_answer *a)
{
	struct view v = view_of(a);
	bool ok = false;
	size_t i;

	for (i = 0; !ok && i < m->count; i++)
		ok = view_match(&v, &m->items[i]);
	json_decref(v.json);
	return ok;
}

bool
binding_match_wants_body(const struct catalog_match *m, int status)
{
	return status_matches(m, status) && (m->json || m->body_has.count);
}

/* ---- what a token endpoint says ---- */

/* Its first byte that is no white space (RFC 8259 2); 0: there is none. */
static char
body_begins(struct slice body)
{
	size_t i;

	for (i = 0; i < body.len; i++)
		if (!memchr(" \t\r\n", body.ptr[i], 4))
			return body.ptr[i];
	return 0;
}

/*
 * Whether it is the authorization server that refuses, and not whatever stands
 * before it or in its place (a firewall, a proxy, a deploy): it names an error
 * (RFC 6749 5.2; some with a status that says yes), or answers with the status
 * of that section and an object, or nothing at all.
 */
static bool
view_refuses(struct view *v)
{
	const json_t *error = json_object_get(view_json(v), "error");
	char first = body_begins(v->body);
	int status = v->a->status;

	if (status == 404 || status == 405) /* there is none, at the moment */
		return false;
	if (json_is_string(error) && json_string_length(error))
		return true;
	return (status == 400 || status == 401) && (!first || first == '{');
}

enum catalog_class
binding_error_class(const struct binding *b, enum catalog_during during,
		    const struct binding_answer *a,
		    const struct catalog_error **rule)
{
	const struct catalog_error *e, *found = NULL;
	struct view v = view_of(a);
	bool refuses;
	size_t i;

	for (i = 0; !found && i < b->method->errors.count; i++) {
		e = &b->method->errors.items[i];
		if (e->during != CATALOG_DURING_ANY && e->during != during)
			continue;
		if (view_match(&v, &e->when))
			found = e;
	}
	refuses = view_refuses(&v);
	json_decref(v.json);
	if (rule)
		*rule = found;
	if (found)
		return found->class;
	if (a->status == 429)
		return CATALOG_THROTTLED;
	if (a->status == 408 || a->status >= 500)
		return CATALOG_TRANSIENT;
	return refuses ? CATALOG_REFUSED : CATALOG_TRANSIENT;
}

const struct catalog_throttle *
binding_throttled(const struct binding *b, const struct binding_answer *a)
{
	const struct catalog_api *api = &b->service->api;
	const struct catalog_throttle *found = NULL;
	struct view v = view_of(a);
	size_t i;

	for (i = 0; !found && i < api->throttled_on.count; i++)
		if (view_match(&v, &api->throttled_on.items[i].when))
			found = &api->throttled_on.items[i];
	json_decref(v.json);
	return found;
}

const struct catalog_refresh_on *
binding_refresh_on(const struct binding *b, const struct binding_answer *a)
{
	const struct catalog_api *api = &b->service->api;
	const struct catalog_refresh_on *found = NULL;
	struct view v = view_of(a);
	size_t i;

	if (b->kind != CATALOG_OAUTH2_CODE &&
	    b->kind != CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		return NULL;
	for (i = 0; !found && i < api->refresh_on.count; i++)
		if (view_match(&v, &api->refresh_on.items[i].when))
			found = &api->refresh_on.items[i];
	json_decref(v.json);
	return found;
}
