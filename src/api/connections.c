/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: list, create, look at, change, delete; and their JSON.
 */
#include <stdio.h>

#include "api/api_priv.h"

enum { SCOPES_MAX = 100, SCOPE_BYTES = 256 };

void
api_who(const struct api_request *r, struct connect_who *out)
{
	*out = (struct connect_who){
		.actor = r->actor,
		.address = r->peer,
		.session = r->has_session ? r->session : NULL,
		.visitor = r->has_visitor ? r->visitor_hash : NULL,
	};
}

/* ---- JSON ---- */

json_t *
api_json_texts(const struct connect_texts *t)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < t->count; i++)
		json_array_append_new(list, json_string(t->items[i]));
	return list;
}

static json_t *
parameters_json(const char *text)
{
	struct json_problem ignored = { 0 };
	json_t *o = NULL;

	return json_read(slice_str(text), 64 * 1024, &o, &ignored)
		       ? json_object()
		       : o;
}

json_t *
api_json_forecast(const struct connect_forecast *f)
{
	if (!f->at)
		return json_null();
	return json_pack("{s:o, s:s, s:s}", "at", api_json_time(f->at),
			 "reason", f->reason, "detail", f->text);
}

/* How the grants of its users stand, for who manages it. */
static json_t *
users_json(const struct connect_info *i)
{
	if (!i->per_user || !i->may_manage)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "connected",
			 (json_int_t)i->users_connected, "needs_reconnect",
			 (json_int_t)i->users_need_reconnect, "revoked",
			 (json_int_t)i->users_revoked, "degraded",
			 (json_int_t)i->users_degraded, "expiring",
			 (json_int_t)i->users_expiring);
}

static json_t *
connection_json(const struct connect_info *i)
{
	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o}",
		"link_name", i->link, "name", i->name, "service", i->service,
		"method", i->method, "status", connect_status_name(i->status),
		"reason", api_json_text(i->reason), "health",
		i->degraded ? "degraded" : "ok", "health_reason",
		api_json_text(i->degraded ? i->health_reason : ""),
		"health_since",
		api_json_time(i->degraded ? i->health_since : 0), "retry_at",
		api_json_time(i->retry_at));

	json_object_set_new(o, "scopes_asked",
			    api_json_texts(&i->scopes_asked));
	json_object_set_new(o, "second_scopes_asked",
			    api_json_texts(&i->second_scopes_asked));
	json_object_set_new(o, "scopes_granted",
			    api_json_texts(&i->scopes_granted));
	json_object_set_new(o, "account", api_json_text(i->account));
	json_object_set_new(o, "data_centre", api_json_text(i->data_centre));
	json_object_set_new(
		o, "owner",
		json_pack("{s:s, s:s}", "id", i->owner, "name", i->owner_name));
	json_object_set_new(o, "parameters", parameters_json(i->parameters));
	json_object_set_new(o, "per_user", json_boolean(i->per_user));
	json_object_set_new(o, "may_manage", json_boolean(i->may_manage));
	json_object_set_new(o, "version", json_integer(i->version));
	json_object_set_new(o, "created_at", api_json_time(i->created_at));
	json_object_set_new(o, "updated_at", api_json_time(i->updated_at));
	json_object_set_new(o, "connected_at", api_json_time(i->connected_at));
	json_object_set_new(o, "last_used_at", api_json_time(i->last_used_at));
	json_object_set_new(o, "expires_at", api_json_time(i->expires_at));
	json_object_set_new(o, "expires_forecast",
			    api_json_forecast(&i->forecast));
	json_object_set_new(o, "warning", api_json_text(i->warning));
	json_object_set_new(o, "users", users_json(i));
	return o;
}

int
api_connection_answer(struct api_request *r, int status,
		      const struct connect_info *i)
{
	api_etag(r, i->version);
	return api_answer(r, status, connection_json(i));
}

/* After creating and changing: with what became of the scopes as given. */
static int
connection_saved(struct api_request *r, int status,
		 const struct connect_info *i)
{
	json_t *o = connection_json(i), *notes = json_array();
	size_t k;

	for (k = 0; k < i->scope_notes.count; k++) {
		const struct connect_scope_note *n = &i->scope_notes.items[k];

		json_array_append_new(notes,
				      json_pack("{s:s, s:s, s:s}", "given",
						n->given, "asked", n->asked,
						"detail", n->detail));
	}
	json_object_set_new(o, "scope_notes", notes);
	api_etag(r, i->version);
	return api_answer(r, status, o);
}

/* ---- looking ---- */

bool
api_connection_filter(struct api_request *r, const char *statuses,
		      struct connect_filter *out, size_t *limit)
{
	enum connect_status ignored;

	*out = (struct connect_filter){ 0 };
	if (!api_paging(r, limit, &out->after))
		return false;
	out->limit = *limit + 1;
	out->status = api_query(r, "status");
	if (!out->status[0] ||
	    !connect_status_parse(slice_str(out->status), &ignored))
		return true;
	api_problem_parameter(r, "status", statuses);
	return false;
}

int
api_connections_list(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_filter filter;
	struct connect_info *list;
	struct connect_who who;
	size_t count, i, limit;
	json_t *items;

	if (!api_connection_filter(
		    r,
		    "One of not_connected, connected, needs_reconnect, "
		    "disabled, revoked.",
		    &filter, &limit))
		return 0;
	filter.service = api_query(r, "service");
	filter.text = api_query(r, "q");
	api_who(r, &who);
	if (connect_front_list(r->api->config.connect, r->db, &who, &filter,
			       r->arena, &list, &count, &p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count && i < limit; i++)
		json_array_append_new(items, connection_json(&list[i]));
	return api_answer_list(r, items,
			       count > limit ? list[limit - 1].link : NULL);
}

int
api_connection_get(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_info info;
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_get(r->api->config.connect, r->db, &who, r->params[0],
			      r->arena, &info, &p))
		return api_problem_connect(r, &p);
	return api_connection_answer(r, 200, &info);
}

/* ---- input ---- */

/* A list of scopes; items stay NULL where the member is absent. */
static int
scopes_get(struct api_request *r, const char *name, struct connect_texts *out)
{
	const json_t *list = json_get_array(&r->body, name, 0, SCOPES_MAX);
	const json_t *item;
	char pointer[64];
	size_t i;

	*out = (struct connect_texts){ 0 };
	if (!list)
		return 0;
	out->items = arena_alloc(r->arena, (json_array_size(list) + 1) *
						   sizeof(*out->items));
	if (!out->items)
		return ERR_NOMEM;
	for (i = 0; i < json_array_size(list); i++) {
		item = json_array_get(list, i);
		if (json_is_string(item) && json_string_length(item) &&
		    json_string_length(item) <= SCOPE_BYTES &&
		    strlen(json_string_value(item)) ==
			    json_string_length(item)) {
			out->items[out->count++] = json_string_value(item);
			continue;
		}
		snprintf(pointer, sizeof(pointer), "/%s/%zu", name, i);
		json_problem_set(&r->problem, pointer,
				 "must be a text of 1 to %d bytes",
				 SCOPE_BYTES);
	}
	return 0;
}

/* "credentials" must be texts: those were lifted; others are still there. */
static void
credentials_check(struct api_request *r, const json_t *object)
{
	const char *name;
	char pointer[128];
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		if (json_is_string(value))
			continue;
		snprintf(pointer, sizeof(pointer), "/credentials/%.60s", name);
		json_problem_set(&r->problem, pointer, "must be a text");
	}
}

int
api_connection_create(struct api_request *r)
{
	static const char *const names[] = { "name",	   "link_name",
					     "service",	   "method",
					     "scopes",	   "second_scopes",
					     "parameters", "credentials",
					     "per_user",   NULL };
	struct connect_problem p = { 0 };
	struct connect_new n = { 0 };
	struct connect_info info;
	struct connect_who who;
	int rc;

	if (!api_body_only(r, names))
		return 0;
	n.name = json_get_str(&r->body, "name", JSON_REQUIRED, 400, "");
	n.link_name = json_get_str(&r->body, "link_name", 0, 200, NULL);
	n.service = json_get_str(&r->body, "service", JSON_REQUIRED, 100, "");
	n.method = json_get_str(&r->body, "method", 0, 100, NULL);
	n.parameters = json_get_object(&r->body, "parameters", 0);
	n.per_user = json_get_bool(&r->body, "per_user", false);
	credentials_check(r, json_get_object(&r->body, "credentials", 0));
	rc = scopes_get(r, "scopes", &n.scopes);
	if (!rc)
		rc = scopes_get(r, "second_scopes", &n.second_scopes);
	if (rc)
		return rc;
	if (!api_input_ok(r))
		return 0;
	n.credentials = r->secrets;
	n.credential_count = r->secret_count;
	api_who(r, &who);
	if (connect_front_create(r->api->config.connect, r->db, &who, &n,
				 r->arena, &info, &p))
		return api_problem_connect(r, &p);
	api_field(r, "Location", "/v1/connections/%s", info.link);
	return connection_saved(r, 201, &info);
}

int
api_connection_update(struct api_request *r)
{
	static const char *const names[] = { "name",	      "scopes",
					     "second_scopes", "parameters",
					     "owner",	      NULL };
	struct connect_texts scopes, second_scopes;
	struct connect_problem p = { 0 };
	struct connect_change ch = { 0 };
	struct connect_info info;
	struct connect_who who;
	int64_t version;
	int rc;

	if (api_if_match(r, &version))
		return api_problem(r, CONNECT_P_INVALID, NULL,
				   "If-Match must be an ETag as it was given.");
	if (!api_body_only(r, names))
		return 0;
	ch.name = json_get_str(&r->body, "name", 0, 400, NULL);
	ch.owner = json_get_str(&r->body, "owner", 0, 26, NULL);
	ch.parameters = json_get_object(&r->body, "parameters", 0);
	rc = scopes_get(r, "scopes", &scopes);
	if (!rc)
		rc = scopes_get(r, "second_scopes", &second_scopes);
	if (rc)
		return rc;
	if (!api_input_ok(r))
		return 0;
	ch.scopes = scopes.items ? &scopes : NULL;
	ch.second_scopes = second_scopes.items ? &second_scopes : NULL;
	api_who(r, &who);
	if (connect_front_change(r->api->config.connect, r->db, &who,
				 r->params[0], version, &ch, r->arena, &info,
				 &p))
		return api_problem_connect(r, &p);
	return connection_saved(r, 200, &info);
}

int
api_connection_delete(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_revoked revoked;
	struct connect_who who;
	int64_t version;
	bool force;

	if (api_if_match(r, &version))
		return api_problem(r, CONNECT_P_INVALID, NULL,
				   "If-Match must be an ETag as it was given.");
	if (!api_query_flag(r, "force", &force))
		return 0;
	api_who(r, &who);
	if (connect_front_delete(r->api->config.connect, r->db, &who,
				 r->params[0], force, version, &revoked, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200,
			  json_pack("{s:b, s:o}", "revoked_upstream",
				    (int)revoked.upstream, "detail",
				    api_json_text(revoked.detail)));
}

int
api_connection_credentials(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_info info;
	struct connect_who who;
	const char *name;
	char pointer[128];
	bool force;
	json_t *value;

	if (!api_query_flag(r, "force", &force))
		return 0;
	if (!json_at_object(&r->body, r->json, "", &r->problem))
		return api_problem_input(r);
	json_object_foreach(r->json, name, value)
	{
		/* {"credentials": {…}} is taken as well */
		if (json_is_string(value) ||
		    (!strcmp(name, "credentials") && json_is_object(value)))
			continue;
		snprintf(pointer, sizeof(pointer), "/%.60s", name);
		json_problem_set(&r->problem, pointer, "must be a text");
	}
	if (!api_input_ok(r))
		return 0;
	api_who(r, &who);
	if (connect_front_credentials(r->api->config.connect, r->db, &who,
				      r->params[0], r->secrets, r->secret_count,
				      force, r->arena, &info, &p))
		return api_problem_connect(r, &p);
	return api_connection_answer(r, 200, &info);
}
