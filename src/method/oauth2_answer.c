/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of token endpoints, whatever they look like.
 *
 * Success is never judged by the status alone: 2xx, a non-empty access token
 * at the definition's place, no "error", and the definition's own predicate.
 * Tokens are lifted out of the text into locked memory before any tree is
 * made of it.  An answer that is a form (as some give unless asked) is
 * turned into an object first.
 *
 * Runs in the exchanger: it is the code that reads what foreign servers
 * send.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/http.h"
#include "method/method.h"

enum { ANSWER_MAX = 64 * 1024 };

void
method_answer_release(struct method_answer *a)
{
	secret_free(a->access_token);
	secret_free(a->refresh_token);
	memset(a, 0, sizeof(*a));
}

/* Text of the provider's for people: printable, cut. */
static void
copy_clean(const char *from, char *out, size_t size)
{
	size_t n = 0;

	for (; from && *from && n + 1 < size; from++)
		if ((unsigned char)*from >= 0x20 && *from != 0x7f)
			out[n++] = *from;
	out[n] = 0;
	if (from && *from) /* perhaps cut within a character */
		slice_mend_utf8(out);
	if (from && !slice_is_utf8(slice_str(out)))
		out[0] = 0;
}

/* ---- lifting tokens ---- */

/* "a.b.c" -> under "/a/b", name "c". */
static int
lift_at(const char *path, char *body, size_t len, struct secret **out)
{
	const char *names[2] = { NULL, NULL };
	struct json_secret found[4];
	char under[256];
	const char *dot = strrchr(path, '.');
	size_t count, i;

	*out = NULL;
	names[0] = dot ? dot + 1 : path;
	snprintf(under, sizeof(under), "%s%.*s", dot ? "/" : "",
		 dot ? (int)(dot - path) : 0, path);
	for (i = 0; under[i]; i++)
		if (under[i] == '.')
			under[i] = '/';
	if (json_lift_secrets(body, len, under, names, found, ARRAY_LEN(found),
			      &count))
		return ERR_INVALID;
	for (i = 0; i < count; i++) {
		if (!i && secret_len(found[i].value))
			*out = found[i].value;
		else
			secret_free(found[i].value);
	}
	return 0;
}

static bool
form_next(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice pair;
	size_t eq;

	if (!slice_next(rest, '&', &pair))
		return false;
	eq = slice_find(pair, '=');
	*name = slice_head(pair, eq);
	*value = slice_from(pair, eq + 1);
	return true;
}

/* The first of these places that holds a text; the others are lifted too, so
 * that no token stays in the body. */
static int
lift_first(const struct catalog_texts *paths, char *body, size_t len,
	   struct secret **out)
{
	struct secret *found;
	size_t i;

	for (i = 0; i < paths->count; i++) {
		if (lift_at(paths->items[i], body, len, &found))
			return ERR_INVALID;
		if (*out)
			secret_free(found);
		else
			*out = found;
	}
	return 0;
}

static bool
texts_have(const struct catalog_texts *texts, const char *text)
{
	size_t i;

	for (i = 0; i < texts->count; i++)
		if (!strcmp(texts->items[i], text))
			return true;
	return false;
}

/* Tokens that may come beside the one that is wanted, and are not kept. */
static const char *const other_tokens[] = { "access_token", "refresh_token",
					    "id_token" };

/* One pair of a form: a token goes straight into a secret. */
static void
form_pair(const struct catalog_answer *places, const char *key,
	  struct slice text, json_t *object, struct method_answer *out)
{
	struct secret **token = NULL;
	size_t i;

	if (texts_have(&places->access_token, key))
		token = &out->access_token;
	else if (texts_have(&places->refresh_token, key))
		token = &out->refresh_token;
	for (i = 0; !token && i < ARRAY_LEN(other_tokens); i++)
		if (!strcmp(key, other_tokens[i]))
			return;
	if (!token)
		json_object_set_new(
			object, key,
			json_stringn(text.len ? text.ptr : "", text.len));
	else if (!*token)
		*token = secret_from(text.ptr, text.len);
}

/* A form as an object without tokens. */
static json_t *
form_to_object(const struct catalog_answer *places, struct slice body,
	       struct method_answer *out)
{
	struct slice name, value;
	json_t *object = json_object();
	struct buf key, text;

	buf_init(&key, 256);
	buf_init(&text, ANSWER_MAX);
	while (form_next(&body, &name, &value)) {
		buf_reset(&key);
		buf_reset(&text);
		if (codec_percent_decode(&key, name, true) ||
		    codec_percent_decode(&text, value, true) || !key.len ||
		    memchr(key.data, 0, key.len))
			continue;
		form_pair(places, buf_cstr(&key), buf_slice(&text), object,
			  out);
	}
	buf_wipe(&key);
	buf_wipe(&text);
	return object;
}

/* The answer as a tree without tokens; NULL when it is neither JSON nor a
 * form. */
static json_t *
read_body(const struct catalog_answer *places, char *body, size_t len,
	  bool is_form, struct method_answer *out)
{
	const struct catalog_texts other = {
		(const char **)(uintptr_t)other_tokens, ARRAY_LEN(other_tokens)
	};
	struct json_problem problem = { 0 };
	struct secret *ignored = NULL;
	json_t *tree = NULL;

	if (is_form)
		return form_to_object(places, slice_of(body, len), out);
	if (!lift_first(&places->access_token, body, len, &out->access_token) &&
	    !lift_first(&places->refresh_token, body, len,
			&out->refresh_token) &&
	    !lift_first(&other, body, len, &ignored))
		json_read(slice_of(body, len), ANSWER_MAX, &tree, &problem);
	secret_free(ignored);
	return tree;
}

/* ---- reading values ---- */

static const char *
text_at(const json_t *tree, const char *path)
{
	const json_t *v = path ? binding_path_get(tree, path) : NULL;

	return json_is_string(v) ? json_string_value(v) : NULL;
}

/* A number, or a string of digits (perhaps with a fraction, which goes). */
static bool
number_at(const json_t *tree, const char *path, int64_t *out)
{
	const json_t *v = path ? binding_path_get(tree, path) : NULL;
	struct slice text;
	uint64_t n;

	if (json_is_integer(v)) {
		*out = json_integer_value(v);
		return *out >= 0;
	}
	if (json_is_real(v)) {
		if (json_real_value(v) < 0 || json_real_value(v) >= 1e15)
			return false;
		*out = (int64_t)json_real_value(v);
		return true;
	}
	if (!json_is_string(v))
		return false;
	text = slice_str(json_string_value(v));
	text = slice_head(text, slice_find(text, '.'));
	if (slice_to_u64(text, INT64_MAX / 1000, &n))
		return false;
	*out = (int64_t)n;
	return true;
}

static bool
expiry_at(const json_t *tree, const struct catalog_expiry *e, int64_t now_ms,
	  int64_t *out)
{
	const char *text;
	int64_t n;

	if (e->unit == CATALOG_AT_RFC3339) {
		text = text_at(tree, e->path);
		if (!text || clock_parse(slice_str(text), out))
			return false;
		/* "0001-01-01T00:00:00Z", as some write that there is none */
		if (*out < 0)
			*out = 0;
		return true;
	}
	/* no token lives for 0 seconds: that is a way to say nothing */
	if (!number_at(tree, e->path, &n) || !n || n > INT64_MAX / 2000)
		return false;
	switch (e->unit) {
	case CATALOG_SECONDS:
		*out = now_ms + n * 1000;
		break;
	case CATALOG_MILLISECONDS:
		*out = now_ms + n;
		break;
	case CATALOG_AT_SECONDS:
		*out = n * 1000;
		break;
	case CATALOG_AT_MILLISECONDS:
	case CATALOG_AT_RFC3339:
		*out = n;
		break;
	}
	return true;
}

static void
read_expiry(const struct catalog_answer *places, const json_t *tree,
	    int64_t now_ms, struct method_answer *out)
{
	int64_t n;
	size_t i;

	for (i = 0; i < places->expires.count; i++)
		if (expiry_at(tree, &places->expires.items[i], now_ms,
			      &out->expires_at))
			break;
	if (!out->expires_at && places->expires_fallback_s)
		out->expires_at =
			now_ms + (int64_t)places->expires_fallback_s * 1000;
	if (number_at(tree, places->refresh_expires, &n) && n &&
	    n < INT64_MAX / 2000)
		out->refresh_expires_at = now_ms + n * 1000;
}

/* Whole, or not at all: a part of it could be another's name. */
static void
scope_add(const char *item, char out[METHOD_SCOPE_SIZE])
{
	size_t n = strlen(out), at = n ? n + 1 : 0;

	if (at + strlen(item) >= METHOD_SCOPE_SIZE)
		return;
	copy_clean(item, out + at, METHOD_SCOPE_SIZE - at);
	if (n && out[at])
		out[n] = ' ';
}

/* Scopes as a list by spaces, whatever separates them in the answer. */
static void
read_scope(const json_t *tree, const char *path, const char *separator,
	   char out[METHOD_SCOPE_SIZE])
{
	const json_t *v = path ? binding_path_get(tree, path) : NULL, *item;
	size_t i;

	out[0] = 0;
	if (json_is_string(v)) {
		copy_clean(json_string_value(v), out, METHOD_SCOPE_SIZE);
		for (i = 0; out[i]; i++)
			if (strchr(separator, out[i]))
				out[i] = ' ';
		return;
	}
	json_array_foreach(v, i, item)
	{
		if (json_is_string(item))
			scope_add(json_string_value(item), out);
	}
}

static void
read_captures(const struct binding *b, const json_t *tree,
	      struct method_answer *out)
{
	const struct catalog_capture *c;
	const char *text;
	size_t i;

	for (i = 0; i < b->method->captures.count; i++) {
		c = &b->method->captures.items[i];
		text = c->from == CATALOG_FROM_TOKEN ? text_at(tree, c->field)
						     : NULL;
		if (!text || out->capture_count == METHOD_CAPTURES_MAX ||
		    strlen(text) >= sizeof(out->captures[0].value))
			continue;
		out->captures[out->capture_count].index = i;
		snprintf(out->captures[out->capture_count].value,
			 sizeof(out->captures[0].value), "%s", text);
		out->capture_count++;
	}
}

/* ---- judging ---- */

static bool
has_error(const json_t *tree)
{
	const json_t *v = json_object_get(tree, "error");

	return v && !json_is_null(v) && !json_is_false(v) &&
	       !(json_is_string(v) && !json_string_length(v));
}

/* As the service says; else as the definition does. */
static uint32_t
read_wait(const struct catalog_error *rule, const struct binding_answer *a,
	  int64_t now_ms)
{
	int64_t ms = 0;

	if (a->header)
		ms = http_retry_after_ms(
			a->header(a->header_arg, SLICE("retry-after")), now_ms);
	if (ms)
		return (uint32_t)((ms + 999) / 1000);
	return rule ? rule->wait_s : 0;
}

static void
read_failure(const struct binding *b, enum method_request what,
	     const json_t *tree, const struct binding_answer *answer,
	     int64_t now_ms, struct method_answer *out)
{
	const struct catalog_error *rule = NULL;
	const json_t *nested;
	const char *error;

	error = text_at(tree, "error");
	nested = json_object_get(tree, "error");
	if (!error && json_is_object(nested))
		error = text_at(nested, "type");
	copy_clean(error, out->error, sizeof(out->error));
	copy_clean(text_at(tree, "error_description"), out->description,
		   sizeof(out->description));
	out->class = binding_error_class(b,
					 what == METHOD_REFRESH
						 ? CATALOG_DURING_REFRESH
						 : CATALOG_DURING_EXCHANGE,
					 answer, &rule);
	if (rule && rule->hint)
		copy_clean(rule->hint, out->hint, sizeof(out->hint));
	if (out->class == CATALOG_THROTTLED || out->class == CATALOG_TRANSIENT)
		out->wait_s = read_wait(rule, answer, now_ms);
	if (!out->error[0])
		snprintf(out->error, sizeof(out->error), "HTTP %d",
			 answer->status);
}

/* The account's name, or its number. */
static void
read_account(const json_t *tree, const char *path, struct method_answer *out)
{
	const json_t *v = path ? binding_path_get(tree, path) : NULL;

	if (json_is_integer(v))
		snprintf(out->account, sizeof(out->account), "%lld",
			 (long long)json_integer_value(v));
	else
		copy_clean(text_at(tree, path), out->account,
			   sizeof(out->account));
}

static void
read_success(const struct binding *b, const struct catalog_answer *places,
	     const json_t *tree, int64_t now_ms, struct method_answer *out)
{
	out->ok = true;
	read_expiry(places, tree, now_ms, out);
	read_scope(tree, places->scope, places->scope_separator, out->scope);
	read_scope(tree, places->second_scope, places->scope_separator,
		   out->second_scope);
	out->has_scope = out->scope[0] || out->second_scope[0];
	read_account(tree, places->account, out);
	read_captures(b, tree, out);
}

static const struct catalog_answer *
places_of(const struct binding *b, enum method_request what)
{
	const struct catalog_refresh *r = b->method->refresh;

	return what == METHOD_REFRESH && r && r->answer ? r->answer
							: b->method->answer;
}

/* Not '{' at its beginning, but told to be a form: then it is one. */
static bool
body_is_form(const char *body, size_t len, struct slice type)
{
	size_t i;

	for (i = 0; i < len && strchr(" \t\r\n", body[i]); i++)
		;
	if (i < len && (body[i] == '{' || body[i] == '['))
		return false;
	return slice_starts_nocase(
		       type, SLICE("application/x-www-form-urlencoded")) ||
	       slice_starts_nocase(type, SLICE("text/plain"));
}

void
method_oauth2_answer(const struct binding *b, enum method_request what,
		     int status, char *body, size_t len,
		     struct slice (*header)(void *, struct slice),
		     void *header_arg, int64_t now_ms,
		     struct method_answer *out)
{
	struct binding_answer answer = { .status = status,
					 .header = header,
					 .header_arg = header_arg };
	const struct catalog_answer *places = places_of(b, what);
	struct slice type = SLICE_NONE;
	json_t *tree;
	bool ok;

	memset(out, 0, sizeof(*out));
	if (header)
		type = header(header_arg, SLICE("content-type"));
	tree = read_body(places, body, len, body_is_form(body, len, type), out);
	answer.body = slice_of(body, len);
	ok = status >= 200 && status < 300 && json_is_object(tree) &&
	     out->access_token && secret_len(out->access_token) &&
	     !slice_has_control(slice_of(secret_peek(out->access_token),
					 secret_len(out->access_token))) &&
	     !has_error(tree) && binding_match_all(&places->success, &answer);
	if (ok)
		read_success(b, places, tree, now_ms, out);
	else
		read_failure(b, what, tree, &answer, now_ms, out);
	json_decref(tree);
	if (ok)
		return;
	method_answer_redact(out, out->access_token);
	method_answer_redact(out, out->refresh_token);
	secret_free(out->access_token);
	secret_free(out->refresh_token);
	out->access_token = out->refresh_token = NULL;
}

bool
method_oauth2_revoked(const struct binding *b, int status, struct slice body)
{
	struct binding_answer answer = { .status = status, .body = body };
	const struct catalog_revoke *r = b->method->revoke;

	if (!r)
		return false;
	if (r->success.count)
		return binding_match_all(&r->success, &answer);
	return status >= 200 && status < 300;
}
