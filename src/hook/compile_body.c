/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body, by its type.
 *
 *   none       nothing
 *   json       a JSON value whose strings are templates
 *   form       rows; application/x-www-form-urlencoded
 *   multipart  rows, some of which are files
 *   text, xml  a template
 *   graphql    {query, variables?, operation_name?}: the query is sent as it
 *              stands, since a value put into it could change what it asks;
 *              variables are a JSON value with templates
 */
#include "hook/hook_priv.h"

static const char *const type_names[] = {
	[HOOK_BODY_NONE] = "none",	 [HOOK_BODY_JSON] = "json",
	[HOOK_BODY_FORM] = "form",	 [HOOK_BODY_MULTIPART] = "multipart",
	[HOOK_BODY_TEXT] = "text",	 [HOOK_BODY_XML] = "xml",
	[HOOK_BODY_GRAPHQL] = "graphql", NULL,
};

static void
compile_body_rows(struct hook_compiling *c, const json_t *o)
{
	bool parts = c->d->body == HOOK_BODY_MULTIPART;
	const json_t *list =
		hook_get_array(c, o, "content", true, HOOK_ROWS_MAX);
	size_t mark = hook_at(c, "content");

	hook_compile_rows(c, list, parts ? HOOK_IN_PARTS : HOOK_IN_FORM,
			  &c->d->parts);
	hook_at_back(c, mark);
}

static void
compile_json(struct hook_compiling *c, const json_t *o)
{
	const json_t *v = json_object_get(o, "content");
	size_t mark = hook_at(c, "content");

	if (!v)
		hook_problem(c, HOOK_ERROR, "missing", "must be given");
	else
		c->d->json = hook_template_json(c, v);
	hook_at_back(c, mark);
}

static void
compile_graphql(struct hook_compiling *c, const json_t *o)
{
	static const char *const fields[] = { "query", "variables",
					      "operation_name", NULL };
	const json_t *v = json_object_get(o, "content"), *variables;
	size_t inner, mark = hook_at(c, "content");
	const char *s;

	if (!json_is_object(v)) {
		hook_problem(c, HOOK_ERROR, v ? "wrong_type" : "missing",
			     "must be an object with query and variables");
		hook_at_back(c, mark);
		return;
	}
	hook_only(c, v, fields);
	s = hook_get_str(c, v, "query", true, TEMPLATE_TEXT_MAX);
	c->d->graphql = hook_copy(c, s ? s : "");
	inner = hook_at(c, "query");
	if (s && strstr(s, "{{"))
		hook_problem(c, HOOK_WARNING, "template",
			     "nothing is put into a GraphQL query: use its "
			     "variables");
	hook_at_back(c, inner);
	s = hook_get_str(c, v, "operation_name", false, 200);
	c->d->operation = s ? hook_copy(c, s) : NULL;
	variables = json_object_get(v, "variables");
	inner = hook_at(c, "variables");
	if (json_is_object(variables))
		c->d->json = hook_template_json(c, variables);
	else if (variables && !json_is_null(variables))
		hook_problem(c, HOOK_ERROR, "wrong_type", "must be an object");
	hook_at_back(c, inner);
	hook_at_back(c, mark);
}

static void
compile_content(struct hook_compiling *c, const json_t *o)
{
	const json_t *content = json_object_get(o, "content");
	size_t mark;

	switch (c->d->body) {
	case HOOK_BODY_NONE:
		mark = hook_at(c, "content");
		if (content && !json_is_null(content))
			hook_problem(c, HOOK_ERROR, "not_allowed",
				     "a body of type none has no content");
		hook_at_back(c, mark);
		break;
	case HOOK_BODY_JSON:
		compile_json(c, o);
		break;
	case HOOK_BODY_FORM:
	case HOOK_BODY_MULTIPART:
		compile_body_rows(c, o);
		break;
	case HOOK_BODY_TEXT:
		hook_get_template(c, o, "content", true, TEMPLATE_IN_TEXT,
				  &c->d->text);
		break;
	case HOOK_BODY_XML:
		hook_get_template(c, o, "content", true, TEMPLATE_IN_XML,
				  &c->d->text);
		break;
	case HOOK_BODY_GRAPHQL:
		compile_graphql(c, o);
		break;
	}
}

/* The boundary is made for each request: an author's type lacks it. */
static void
check_multipart_type(struct hook_compiling *c, const json_t *request)
{
	const json_t *rows = json_object_get(request, "headers"), *name;
	size_t i, mark, inner;

	mark = hook_at(c, "headers");
	for (i = 0; i < json_array_size(rows); i++) {
		name = json_object_get(json_array_get(rows, i), "name");
		if (!json_is_string(name) ||
		    !slice_eq_nocase(slice_str(json_string_value(name)),
				     SLICE("Content-Type")))
			continue;
		inner = hook_at_index(c, i);
		hook_problem(c, HOOK_WARNING, "not_allowed",
			     "a multipart body brings its own Content-Type, "
			     "with its boundary: this row is not sent");
		hook_at_back(c, inner);
	}
	hook_at_back(c, mark);
}

void
hook_compile_body(struct hook_compiling *c, const json_t *request)
{
	static const char *const fields[] = { "type", "content", NULL };
	const json_t *o = json_object_get(request, "body");
	size_t mark;
	int type;

	if (!o || json_is_null(o))
		return;
	mark = hook_at(c, "body");
	if (!json_is_object(o)) {
		hook_problem(c, HOOK_ERROR, "wrong_type", "must be an object");
		hook_at_back(c, mark);
		return;
	}
	hook_only(c, o, fields);
	if (!hook_member(o, "type"))
		hook_get_str(c, o, "type", true, 20);
	type = hook_get_word(c, o, "type", type_names, -1);
	if (type >= 0) {
		c->d->body = (enum hook_body)type;
		compile_content(c, o);
	}
	if (c->d->body != HOOK_BODY_NONE &&
	    (!strcmp(c->d->method, "GET") || !strcmp(c->d->method, "HEAD")))
		hook_problem(c, HOOK_ERROR, "not_allowed",
			     "%s has no body (RFC 9110 section 9.3): use the "
			     "query, or another method",
			     c->d->method);
	hook_at_back(c, mark);
	if (c->d->body == HOOK_BODY_MULTIPART)
		check_multipart_type(c, request);
}
