/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/flows: drafts, publishing, versions, files; /v1/globals: constants.
 */
#include <stdio.h>

#include "api/api_priv.h"

static const char export_format[] = "drawbridge-flow/1";

/* ---- JSON ---- */

static json_t *
number_or_null(int64_t n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *
flow_json(const struct flow_info *i)
{
	return json_pack(
		"{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:o, s:I, s:o, "
		"s:o, s:o, s:I, s:I}",
		"id", i->id, "link_name", i->link, "name", i->name, "owner",
		"id", i->owner, "name", i->owner_name, "saved_by", "id",
		i->saved_by, "name", i->saved_by_name, "published_version",
		number_or_null(i->published_version), "last_version",
		(json_int_t)i->last_version, "published_at",
		api_json_time(i->published_at), "created_at",
		api_json_time(i->created_at), "updated_at",
		api_json_time(i->updated_at), "errors", (json_int_t)i->errors,
		"warnings", (json_int_t)i->warnings);
}

static json_t *
unshared_json(const struct flow_info *i)
{
	json_t *list = json_array();
	size_t n;

	for (n = 0; n < i->unshared_count; n++)
		json_array_append_new(list, json_string(i->unshared[n]));
	return list;
}

/* JSON text that we have written ourselves. */
static json_t *
stored_json(const char *text)
{
	struct json_problem ignored = { 0 };
	json_t *value = NULL;

	if (!text ||
	    json_read(slice_str(text), 2 * FLOW_TEXT_MAX, &value, &ignored))
		return json_null();
	return value;
}

static int
flow_answer(struct api_request *r, int status, const struct flow_info *i,
	    const char *draft, const char *problems)
{
	json_t *o = flow_json(i);

	if (draft)
		json_object_set_new(o, "draft", stored_json(draft));
	if (problems)
		json_object_set_new(o, "problems", stored_json(problems));
	if (draft)
		json_object_set_new(o, "unshared", unshared_json(i));
	api_etag(r, i->version);
	return api_answer(r, status, o);
}

/* A problem with the list of the draft's own beside it. */
static int
flow_refuse(struct api_request *r, const struct connect_problem *p,
	    const char *problems)
{
	struct json_problem ignored = { 0 };
	json_t *o = NULL;
	int rc = api_problem_connect(r, p);

	if (rc || !problems || strcmp(p->code, "flow_has_problems") != 0 ||
	    json_read(buf_slice(&r->answer), 64 * 1024, &o, &ignored))
		return rc;
	json_object_set_new(o, "problems", stored_json(problems));
	buf_reset(&r->answer);
	rc = json_write(o, &r->answer);
	json_decref(o);
	return rc;
}

static bool
if_match(struct api_request *r, int64_t *version)
{
	if (!api_if_match(r, version))
		return true;
	api_problem(r, CONNECT_P_INVALID, NULL,
		    "If-Match must be an ETag as it was given.");
	return false;
}

/* A version's number in path or query: from 0 (the draft) on. */
static bool
version_of(struct api_request *r, const char *name, const char *text,
	   int64_t *out)
{
	uint64_t n = 0;

	*out = 0;
	if (!strcmp(text, "draft"))
		return true;
	if (!slice_to_u64(slice_str(text), INT32_MAX, &n)) {
		*out = (int64_t)n;
		return true;
	}
	api_problem_parameter(r, name, "A version's number, or \"draft\".");
	return false;
}

/* ---- flows ---- */

int
api_flows_list(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct flow_info *list;
	size_t limit, count, i;
	const char *after;
	json_t *items, *o;

	if (!api_paging(r, &limit, &after))
		return 0;
	api_who(r, &who);
	if (flow_list(r->db, &who, after, limit + 1, r->arena, &list, &count,
		      &p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count && i < limit; i++) {
		o = flow_json(&list[i]);
		json_object_set_new(o, "unshared", unshared_json(&list[i]));
		json_array_append_new(items, o);
	}
	return api_answer_list(r, items,
			       count > limit ? list[limit - 1].link : NULL);
}

int
api_flow_get(struct api_request *r)
{
	const char *draft, *problems;
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct flow_info info;

	api_who(r, &who);
	if (flow_get(r->db, &who, r->params[0], r->arena, &info, &draft,
		     &problems, &p))
		return api_problem_connect(r, &p);
	return flow_answer(r, 200, &info, draft, problems);
}

/* {"draft": {…}, "link_name"?} */
static int
flow_write(struct api_request *r, const char *id, const char *link,
	   int64_t version, const json_t *document, int status)
{
	struct connect_problem p = { 0 };
	const char *problems = NULL;
	struct connect_who who;
	struct flow_info info;

	api_who(r, &who);
	if (flow_save(r->db, &who, id, link, version, document, r->arena, &info,
		      &problems, &p))
		return api_problem_connect(r, &p);
	return flow_answer(r, status, &info, NULL, problems);
}

int
api_flow_create(struct api_request *r)
{
	static const char *const names[] = { "draft", "link_name", NULL };
	const json_t *document;
	const char *link;

	if (!api_body_only(r, names))
		return 0;
	document = json_get_object(&r->body, "draft", JSON_REQUIRED);
	link = json_get_str(&r->body, "link_name", 0, 50, NULL);
	if (!api_input_ok(r))
		return 0;
	return flow_write(r, NULL, link, 0, document, 201);
}

int
api_flow_replace(struct api_request *r)
{
	static const char *const names[] = { "draft", NULL };
	const json_t *document;
	int64_t version;

	if (!if_match(r, &version) || !api_body_only(r, names))
		return 0;
	document = json_get_object(&r->body, "draft", JSON_REQUIRED);
	if (!api_input_ok(r))
		return 0;
	return flow_write(r, r->params[0], NULL, version, document, 200);
}

int
api_flow_delete(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;
	int64_t version;

	if (!if_match(r, &version))
		return 0;
	api_who(r, &who);
	if (flow_delete(r->db, &who, r->params[0], version, &p))
		return api_problem_connect(r, &p);
	return api_answer_empty(r);
}

int
api_flow_publish(struct api_request *r)
{
	static const char *const names[] = { "note", NULL };
	const char *note, *problems = NULL;
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct flow_info info;
	int64_t version;

	if (!if_match(r, &version) || !api_body_only(r, names))
		return 0;
	note = json_get_str(&r->body, "note", 0, 1000, "");
	if (!api_input_ok(r))
		return 0;
	api_who(r, &who);
	if (flow_publish(r->db, &who, r->params[0], version, note, r->arena,
			 &info, &problems, &p))
		return flow_refuse(r, &p, problems);
	return flow_answer(r, 200, &info, NULL, problems);
}

/* ---- versions ---- */

static json_t *
version_json(const struct flow_version *v)
{
	json_t *o = json_pack(
		"{s:I, s:o, s:o, s:o}", "number", (json_int_t)v->number,
		"published_at", api_json_time(v->published_at), "published_by",
		api_json_text(v->published_by), "note", api_json_text(v->note));

	if (v->document)
		json_object_set_new(o, "document", stored_json(v->document));
	return o;
}

int
api_flow_versions(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct flow_version *list;
	size_t limit, count, i;
	struct connect_who who;
	const char *after;
	char next[24] = "";
	int64_t before;
	json_t *items;

	if (!api_paging(r, &limit, &after) ||
	    !version_of(r, "after", after[0] ? after : "0", &before))
		return 0;
	api_who(r, &who);
	if (flow_versions(r->db, &who, r->params[0], before, limit + 1,
			  r->arena, &list, &count, &p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count && i < limit; i++)
		json_array_append_new(items, version_json(&list[i]));
	if (count > limit)
		snprintf(next, sizeof(next), "%lld",
			 (long long)list[limit - 1].number);
	return api_answer_list(r, items, next);
}

int
api_flow_version_get(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct flow_version v;
	int64_t number;

	if (!version_of(r, "number", r->params[1], &number))
		return 0;
	api_who(r, &who);
	if (flow_version_get(r->db, &who, r->params[0], number, r->arena, &v,
			     &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200, version_json(&v));
}

int
api_flow_restore(struct api_request *r)
{
	static const char *const names[] = { "version", NULL };
	struct connect_problem p = { 0 };
	const char *problems = NULL;
	struct connect_who who;
	struct flow_info info;
	int64_t version, number;

	if (!if_match(r, &version) || !api_body_only(r, names))
		return 0;
	number = json_get_int(&r->body, "version", JSON_REQUIRED, 1, INT32_MAX,
			      1);
	if (!api_input_ok(r))
		return 0;
	api_who(r, &who);
	if (flow_restore(r->db, &who, r->params[0], number, version, r->arena,
			 &info, &problems, &p))
		return api_problem_connect(r, &p);
	return flow_answer(r, 200, &info, NULL, problems);
}

int
api_flow_diff(struct api_request *r)
{
	const char *from = api_query(r, "from"), *to = api_query(r, "to");
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct flow_info info;
	int64_t a, b;
	json_t *diff;

	api_who(r, &who);
	if (!version_of(r, "from", from[0] ? from : "draft", &a) ||
	    !version_of(r, "to", to[0] ? to : "draft", &b))
		return 0;
	if (!from[0]) { /* from what is published, if that is anything */
		if (flow_get(r->db, &who, r->params[0], r->arena, &info, NULL,
			     NULL, &p))
			return api_problem_connect(r, &p);
		a = info.published_version;
	}
	if (flow_diff(r->db, &who, r->params[0], a, b, r->arena, &diff, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200, diff);
}

/* ---- files ---- */

int
api_flow_export(struct api_request *r)
{
	const char *which = api_query(r, "version"), *draft;
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct flow_version v;
	struct flow_info info;
	int64_t number;

	api_who(r, &who);
	if (!version_of(r, "version", which[0] ? which : "draft", &number))
		return 0;
	if (flow_get(r->db, &who, r->params[0], r->arena, &info, &draft, NULL,
		     &p) ||
	    (number &&
	     flow_version_get(r->db, &who, info.id, number, r->arena, &v, &p)))
		return api_problem_connect(r, &p);
	api_field(r, "Content-Disposition",
		  "attachment; filename=\"%s.flow.json\"", info.link);
	return api_answer(r, 200,
			  json_pack("{s:s, s:s, s:o}", "format", export_format,
				    "link_name", info.link, "flow",
				    stored_json(number ? v.document : draft)));
}

int
api_flow_import(struct api_request *r)
{
	static const char *const names[] = { "format", "link_name", "flow",
					     NULL };
	const char *format, *link;
	const json_t *document;

	if (!api_body_only(r, names))
		return 0;
	format = json_get_str(&r->body, "format", JSON_REQUIRED, 40, "");
	link = json_get_str(&r->body, "link_name", 0, 50, NULL);
	document = json_get_object(&r->body, "flow", JSON_REQUIRED);
	if (strcmp(format, export_format) != 0)
		json_problem_set(&r->problem, "/format", "must be \"%s\"",
				 export_format);
	if (!api_input_ok(r))
		return 0;
	return flow_write(r, NULL, link, 0, document, 201);
}

/* ---- constants ---- */

int
api_globals_list(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct flow_global *list;
	struct connect_who who;
	size_t count, i;
	json_t *items;

	api_who(r, &who);
	if (flow_globals(r->db, &who, r->arena, &list, &count, &p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count; i++)
		json_array_append_new(
			items, json_pack("{s:s, s:o, s:I, s:o}", "name",
					 list[i].name, "value",
					 json_loads(list[i].value,
						    JSON_DECODE_ANY, NULL),
					 "version", (json_int_t)list[i].version,
					 "updated_at",
					 api_json_time(list[i].updated_at)));
	return api_answer_list(r, items, NULL);
}

int
api_global_set(struct api_request *r)
{
	static const char *const names[] = { "value", NULL };
	struct connect_problem p = { 0 };
	struct connect_who who;
	const json_t *value;
	int64_t version;

	if (!if_match(r, &version) || !api_body_only(r, names))
		return 0;
	value = json_object_get(r->json, "value");
	if (!value)
		json_problem_set(&r->problem, "/value", "is needed");
	if (!api_input_ok(r))
		return 0;
	api_who(r, &who);
	if (flow_global_set(r->db, &who, r->params[0], value, version, &p))
		return api_problem_connect(r, &p);
	return api_answer_empty(r);
}

int
api_global_delete(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;

	api_who(r, &who);
	if (flow_global_delete(r->db, &who, r->params[0], &p))
		return api_problem_connect(r, &p);
	return api_answer_empty(r);
}
