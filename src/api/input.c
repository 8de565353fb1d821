/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request brings: fields of its body, query and form parameters,
 * lifted secrets.
 */
#include <stdio.h>

#include "api/api_priv.h"

enum { PARAMETER_MAX = 4096 };

bool
api_body_only(struct api_request *r, const char *const *names)
{
	if (!r->json && (r->route->flags & API_NO_BODY)) {
		r->json = json_object();
		if (!r->json) {
			api_problem_err(r, ERR_NOMEM, "");
			return false;
		}
	}
	if (json_at_object(&r->body, r->json, "", &r->problem))
		json_only(&r->body, names);
	return api_input_ok(r);
}

bool
api_input_ok(struct api_request *r)
{
	if (!r->problem.set)
		return true;
	api_problem_input(r);
	return false;
}

/* The decoded parameter of an encoded text, in the arena. */
static const char *
parameter(struct api_request *r, struct slice text, const char *name)
{
	const char *out = "";
	struct buf b;

	buf_init(&b, PARAMETER_MAX);
	if (!http_query_get(text, name, &b) &&
	    !memchr(b.data ? b.data : "", 0, b.len))
		out = arena_slice(r->arena, buf_slice(&b));
	buf_release(&b);
	return out ? out : "";
}

const char *
api_query(struct api_request *r, const char *name)
{
	return parameter(r, r->query, name);
}

bool
api_query_flag(struct api_request *r, const char *name, bool *out)
{
	const char *text = api_query(r, name);

	*out = !strcmp(text, "true");
	if (*out || !text[0] || !strcmp(text, "false"))
		return true;
	api_problem_parameter(r, name, "true or false.");
	return false;
}

const char *
api_form(struct api_request *r, const char *name)
{
	return parameter(r, slice_of(r->text, r->text_len), name);
}

enum { CURSOR_MAX = 128 };

bool
api_paging(struct api_request *r, size_t *limit, const char **after)
{
	const char *text = api_query(r, "limit");
	uint64_t n = API_LIMIT_DEFAULT;

	*after = api_query(r, "after");
	*limit = API_LIMIT_DEFAULT;
	if (text[0] &&
	    (slice_to_u64(slice_str(text), API_LIMIT_MAX, &n) || !n)) {
		api_problem_parameter(r, "limit", "A number from 1 to 200.");
		return false;
	}
	*limit = (size_t)n;
	if (strlen(*after) > CURSOR_MAX) {
		api_problem_parameter(r, "after",
				      "This is no cursor of a list.");
		return false;
	}
	return true;
}

struct secret *
api_secret(struct api_request *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->secret_count; i++)
		if (!strcmp(r->secrets[i].name, name))
			return r->secrets[i].value;
	return NULL;
}

bool
api_secrets_only(struct api_request *r, const char *const *names)
{
	const char *const *n;
	char pointer[80];
	size_t i;

	for (i = 0; i < r->secret_count; i++) {
		for (n = names; *n; n++)
			if (!strcmp(r->secrets[i].name, *n))
				break;
		if (*n)
			continue;
		snprintf(pointer, sizeof(pointer), "/%s", r->secrets[i].name);
		json_problem_set(&r->problem, pointer, "unknown field");
	}
	return api_input_ok(r);
}
