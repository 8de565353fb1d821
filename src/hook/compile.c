/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From JSON to a document: the frame.
 *
 *   compile_read.c     the verbs with which its parts are read
 *   compile_request.c  method, URL, rows, limits, retries
 *   compile_body.c     the body by its type
 *   compile_answer.c   the response list
 *
 * Reading goes on after a problem: whoever edits a block sees all of them at
 * once.  A document that has an error is not given out.
 */
#include <stdlib.h>

#include "hook/hook_priv.h"

enum { ARENA_MAX = 2 * 1024 * 1024, CONNECTION_MAX = 50 };

/* ---- the frame ---- */

static void
compile_connection(struct hook_compiling *c, const json_t *o)
{
	const char *link =
		hook_get_str(c, o, "connection", false, CONNECTION_MAX);
	size_t i;

	c->d->connection = hook_copy(c, link ? link : "");
	for (i = 0; link && link[i]; i++) {
		if ((link[i] >= 'a' && link[i] <= 'z') || link[i] == '_' ||
		    (link[i] >= '0' && link[i] <= '9'))
			continue;
		hook_wrong(
			c, "connection", "invalid_value",
			"must be a connection's link name: lower-case letters, "
			"digits and _");
		return;
	}
	if (link && !link[0])
		hook_wrong(c, "connection", "invalid_value",
			   "must be a link name, or null for a call without a "
			   "connection");
}

/* A credential out of a variable is what a document is for. */
static void
compile_hint(void *arg, const struct hook_hint *hint)
{
	struct hook_compiling *c = arg;
	size_t mark = c->len;

	if (!strcmp(hint->code, hook_hint_variable))
		return;
	if (!slice_copy(slice_str(hint->pointer), c->pointer + mark,
			sizeof(c->pointer) - mark))
		c->len += strlen(hint->pointer);
	hook_problem(c, HOOK_WARNING, hint->code, "%s", hint->detail);
	hook_at_back(c, mark);
}

static void
compile_all(struct hook_compiling *c, const json_t *json)
{
	static const char *const fields[] = { "request", "connection",
					      "response_list", NULL };
	const json_t *request, *list;
	size_t mark;

	if (!json_is_object(json)) {
		hook_problem(c, HOOK_ERROR, "wrong_type", "must be an object");
		return;
	}
	hook_only(c, json, fields);
	compile_connection(c, json);
	request = hook_member(json, "request");
	if (!request)
		hook_wrong(c, "request", "missing", "must be given");
	else if (!json_is_object(request))
		hook_wrong(c, "request", "wrong_type", "must be an object");
	mark = hook_at(c, "request");
	if (json_is_object(request))
		hook_compile_request(c, request);
	if (json_is_object(request) && c->report)
		hook_hints(request, compile_hint, c);
	hook_at_back(c, mark);
	list = hook_get_array(c, json, "response_list", false,
			      HOOK_ENTRIES_MAX);
	mark = hook_at(c, "response_list");
	if (list)
		hook_compile_answer(c, list);
	hook_at_back(c, mark);
}

int
hook_compile(const json_t *json, const char *const *scopes, hook_report *report,
	     void *arg, struct hook_document **out)
{
	struct hook_compiling c = {
		.scopes = scopes ? scopes : template_usual_scopes,
		.report = report,
		.arg = arg,
	};

	*out = NULL;
	c.d = calloc(1, sizeof(*c.d));
	if (!c.d)
		return ERR_NOMEM;
	c.d->refs = 1;
	c.d->arena = arena_new(ARENA_MAX);
	if (c.d->arena)
		compile_all(&c, json);
	else
		c.starved = true;
	if (!c.failed && !c.starved) {
		*out = c.d;
		return 0;
	}
	hook_document_unref(c.d);
	return c.failed ? ERR_INVALID : ERR_NOMEM;
}
