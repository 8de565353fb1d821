/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and picking JSON over jansson.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"

enum { DEPTH_MAX = 32 };

void
json_problem_set(struct json_problem *p, const char *pointer, const char *fmt,
		 ...)
{
	va_list ap;

	if (!p || p->set)
		return;
	p->set = true;
	snprintf(p->pointer, sizeof(p->pointer), "%s", pointer);
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	va_end(ap);
}

/* Brackets outside strings, counted before jansson recurses over them. */
static bool
depth_is_fine(struct slice text)
{
	bool in_string = false;
	unsigned depth = 0;
	size_t i;
	char c;

	for (i = 0; i < text.len; i++) {
		c = text.ptr[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > DEPTH_MAX)
				return false;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return true;
}

int
json_read(struct slice text, size_t max_bytes, json_t **out,
	  struct json_problem *p)
{
	json_error_t error;

	*out = NULL;
	if (text.len > max_bytes) {
		json_problem_set(p, "", "larger than %zu bytes", max_bytes);
		return ERR_TOO_LARGE;
	}
	if (!depth_is_fine(text)) {
		json_problem_set(p, "", "nested deeper than %d levels",
				 DEPTH_MAX);
		return ERR_INVALID;
	}
	*out = json_loadb(text.ptr ? text.ptr : "", text.len,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (*out)
		return 0;
	json_problem_set(p, "", "line %d, column %d: %s", error.line,
			 error.column, error.text);
	return ERR_INVALID;
}

/* ---- picking ---- */

void
json_pointer(const struct json_at *at, const char *name, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s/", at->pointer);

	for (; *name && n + 2 < size; name++) {
		if (*name == '~' || *name == '/') {
			out[n++] = '~';
			out[n++] = *name == '~' ? '0' : '1';
		} else {
			out[n++] = *name;
		}
	}
	if (n < size)
		out[n] = 0;
	else if (size)
		out[size - 1] = 0;
}

static void
at_problem(const struct json_at *at, const char *name, const char *detail)
{
	char pointer[256];

	json_pointer(at, name, pointer, sizeof(pointer));
	json_problem_set(at->problem, pointer, "%s", detail);
}

bool
json_at_object(struct json_at *at, const json_t *value, const char *pointer,
	       struct json_problem *problem)
{
	at->object = value;
	at->pointer = pointer;
	at->problem = problem;
	if (json_is_object(value))
		return true;
	json_problem_set(problem, pointer, "must be an object");
	return false;
}

static const char *
nearest_name(const char *name, const char *const *names)
{
	const char *best = NULL;
	unsigned d, least = 3;

	for (; *names; names++) {
		d = slice_distance(slice_str(name), slice_str(*names));
		if (d < least) {
			least = d;
			best = *names;
		}
	}
	return best;
}

bool
json_only(const struct json_at *at, const char *const *names)
{
	char pointer[256];
	const char *key, *near;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)at->object, key, value)
	{
		for (i = 0; names[i] && strcmp(names[i], key); i++)
			;
		if (names[i])
			continue;
		near = nearest_name(key, names);
		json_pointer(at, key, pointer, sizeof(pointer));
		if (near)
			json_problem_set(at->problem, pointer,
					 "unknown field; did you mean \"%s\"?",
					 near);
		else
			json_problem_set(at->problem, pointer, "unknown field");
		return false;
	}
	return true;
}

/* The member, or NULL if absent or null (a problem if it is required). */
static const json_t *
at_member(const struct json_at *at, const char *name, int flags)
{
	const json_t *v = json_object_get(at->object, name);

	if (v && !json_is_null(v))
		return v;
	if (flags & JSON_REQUIRED)
		at_problem(at, name, "is required");
	return NULL;
}

const char *
json_get_str(const struct json_at *at, const char *name, int flags,
	     size_t max_len, const char *fallback)
{
	const json_t *v = at_member(at, name, flags);
	char detail[64];

	if (!v)
		return fallback;
	if (!json_is_string(v)) {
		at_problem(at, name, "must be a string");
		return fallback;
	}
	if (json_string_length(v) > max_len) {
		snprintf(detail, sizeof(detail),
			 "must not be longer than %zu bytes", max_len);
		at_problem(at, name, detail);
		return fallback;
	}
	if (strlen(json_string_value(v)) != json_string_length(v)) {
		at_problem(at, name, "must not contain NUL");
		return fallback;
	}
	return json_string_value(v);
}

int64_t
json_get_int(const struct json_at *at, const char *name, int flags, int64_t min,
	     int64_t max, int64_t fallback)
{
	const json_t *v = at_member(at, name, flags);
	char detail[96];

	if (!v)
		return fallback;
	if (json_is_integer(v) && json_integer_value(v) >= min &&
	    json_integer_value(v) <= max)
		return json_integer_value(v);
	snprintf(detail, sizeof(detail),
		 "must be a whole number from %lld to %lld", (long long)min,
		 (long long)max);
	at_problem(at, name, detail);
	return fallback;
}

bool
json_get_bool(const struct json_at *at, const char *name, bool fallback)
{
	const json_t *v = at_member(at, name, 0);

	if (!v)
		return fallback;
	if (json_is_boolean(v))
		return json_is_true(v);
	at_problem(at, name, "must be true or false");
	return fallback;
}

const json_t *
json_get_object(const struct json_at *at, const char *name, int flags)
{
	const json_t *v = at_member(at, name, flags);

	if (!v || json_is_object(v))
		return v;
	at_problem(at, name, "must be an object");
	return NULL;
}

const json_t *
json_get_array(const struct json_at *at, const char *name, int flags,
	       size_t max_items)
{
	const json_t *v = at_member(at, name, flags);
	char detail[64];

	if (!v)
		return NULL;
	if (!json_is_array(v)) {
		at_problem(at, name, "must be a list");
		return NULL;
	}
	if (json_array_size(v) > max_items) {
		snprintf(detail, sizeof(detail),
			 "must not have more than %zu items", max_items);
		at_problem(at, name, detail);
		return NULL;
	}
	return v;
}
