/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done with a connection: authorize, refresh, revoke, disable,
 * enable; who shares it, where it is used, its calls.
 */
#include <stdio.h>

#include "api/api_priv.h"

static const char *const nothing[] = { NULL };

int
api_connection_authorize(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_ticket t;
	struct connect_who who;

	if (!api_body_only(r, nothing))
		return 0;
	api_who(r, &who);
	if (connect_front_authorize(r->api->config.connect, r->db, &who,
				    r->params[0], r->arena, &t, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200,
			  json_pack("{s:s, s:o}", "authorize_url", t.url,
				    "expires_at", api_json_time(t.expires_at)));
}

int
api_connection_refresh(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_info info;
	struct connect_who who;

	if (!api_body_only(r, nothing))
		return 0;
	api_who(r, &who);
	if (connect_front_refresh(r->api->config.connect, r->db, &who,
				  r->params[0], r->arena, &info, &p))
		return api_problem_connect(r, &p);
	return api_connection_answer(r, 200, &info);
}

int
api_connection_revoke(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_revoked revoked;
	struct connect_info info;
	struct connect_who who;

	if (!api_body_only(r, nothing))
		return 0;
	api_who(r, &who);
	if (connect_front_revoke(r->api->config.connect, r->db, &who,
				 r->params[0], r->arena, &info, &revoked, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200,
			  json_pack("{s:s, s:s, s:b, s:o}", "link_name",
				    info.link, "status",
				    connect_status_name(info.status),
				    "revoked_upstream", (int)revoked.upstream,
				    "detail", api_json_text(revoked.detail)));
}

static int
enable(struct api_request *r, bool on)
{
	struct connect_problem p = { 0 };
	struct connect_info info;
	struct connect_who who;

	if (!api_body_only(r, nothing))
		return 0;
	api_who(r, &who);
	if (connect_front_enable(r->api->config.connect, r->db, &who,
				 r->params[0], on, r->arena, &info, &p))
		return api_problem_connect(r, &p);
	return api_connection_answer(r, 200, &info);
}

int
api_connection_disable(struct api_request *r)
{
	return enable(r, false);
}

int
api_connection_enable(struct api_request *r)
{
	return enable(r, true);
}

/* ---- usage and calls ---- */

static int
usage_counts(struct api_request *r, const char *id, json_t *out)
{
	static const char sql[] =
		"SELECT count(*), coalesce(sum(CASE WHEN status >= 400 "
		"THEN 1 ELSE 0 END), 0), coalesce(max(at), 0) FROM calls "
		"WHERE connection = ?1 AND id > ?2";
	const int64_t day = 24 * 3600 * 1000;
	struct store_stmt *st = NULL;
	char since[RANDOM_ID_SIZE];
	int rc;

	random_id_at(clock_wall_ms() - day, since);
	rc = store_query(r->db, &st, sql, "ss", id, since);
	if (!rc && store_step(st) == 1) {
		json_object_set_new(out, "calls_last_day",
				    json_integer(store_col_int(st, 0)));
		json_object_set_new(out, "failed_last_day",
				    json_integer(store_col_int(st, 1)));
	}
	store_done(st);
	return rc;
}

/* Keys that are narrowed to connections, and name this one: my own, and
 * everybody's for who manages the connection. */
static int
usage_keys(struct api_request *r, const struct connect_info *info, json_t *out)
{
	struct store_stmt *st = NULL;
	json_t *keys = json_array();
	char pattern[64];
	int rc;

	snprintf(pattern, sizeof(pattern), "%%\"%s\"%%", info->id);
	rc = store_query(r->db, &st,
			 "SELECT name, prefix FROM api_keys WHERE org = ?1 "
			 "AND revoked_at = 0 AND connections LIKE ?2 "
			 "AND (?3 = '' OR member = ?3) "
			 "ORDER BY id LIMIT 100",
			 "sss", r->actor->org, pattern,
			 info->may_manage ? "" : r->actor->member);
	while (!rc && (rc = store_step(st)) == 1) {
		json_array_append_new(
			keys,
			json_pack("{s:s%, s:s%}", "name", store_col(st, 0).ptr,
				  store_col(st, 0).len, "prefix",
				  store_col(st, 1).ptr, store_col(st, 1).len));
		rc = 0;
	}
	store_done(st);
	json_object_set_new(out, "keys", keys);
	return rc;
}

/* Flows whose draft, or version in force, calls it. */
static int
usage_flows(struct api_request *r, const char *id, json_t *out)
{
	enum { FLOWS_SHOWN = 200 };
	struct connect_use *list;
	json_t *flows;
	size_t count, i;
	int rc = connect_front_uses(r->db, id, FLOWS_SHOWN, r->arena, &list,
				    &count);

	if (rc)
		return rc;
	flows = json_array();
	for (i = 0; i < count; i++)
		json_array_append_new(
			flows, json_pack("{s:s, s:s, s:b, s:b}", "link_name",
					 list[i].link, "name", list[i].name,
					 "draft", list[i].draft, "published",
					 list[i].published));
	return json_object_set_new(out, "flows", flows) ? ERR_NOMEM : 0;
}

int
api_connection_usage(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_info info;
	struct connect_who who;
	json_t *out;
	int rc;

	api_who(r, &who);
	if (connect_front_get(r->api->config.connect, r->db, &who, r->params[0],
			      r->arena, &info, &p))
		return api_problem_connect(r, &p);
	out = json_pack("{s:s, s:o}", "link_name", info.link, "last_used_at",
			api_json_time(info.last_used_at));
	rc = usage_counts(r, info.id, out);
	if (!rc)
		rc = usage_keys(r, &info, out);
	if (!rc)
		rc = usage_flows(r, info.id, out);
	if (rc) {
		json_decref(out);
		return rc;
	}
	return api_answer(r, 200, out);
}

int
api_connection_calls(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_info info;
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_get(r->api->config.connect, r->db, &who, r->params[0],
			      r->arena, &info, &p))
		return api_problem_connect(r, &p);
	/* who manages it sees everybody's calls through it */
	return api_calls_answer(r, info.may_manage ? "" : r->actor->member,
				info.id, false);
}

/* ---- grants of its users ---- */

static json_t *
user_json(const struct connect_user *u)
{
	json_t *o = json_pack(
		"{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"subject", u->subject, "name", api_json_text(u->name), "email",
		api_json_text(u->email), "status",
		connect_status_name(u->status), "reason",
		api_json_text(u->reason), "account", api_json_text(u->account),
		"scopes_granted", api_json_texts(&u->scopes_granted),
		"connected_at", api_json_time(u->connected_at), "expires_at",
		api_json_time(u->expires_at), "expires_forecast",
		api_json_forecast(&u->forecast), "attention",
		api_json_text(u->attention));

	json_object_set_new(o, "health",
			    json_string(u->degraded ? "degraded" : "ok"));
	json_object_set_new(o, "health_reason",
			    api_json_text(u->degraded ? u->health_reason : ""));
	json_object_set_new(o, "health_since",
			    api_json_time(u->degraded ? u->health_since : 0));
	json_object_set_new(o, "retry_at", api_json_time(u->retry_at));
	return o;
}

/* false: a problem was answered. */
static bool
attention_get(struct api_request *r, struct connect_filter *filter)
{
	const char *text = api_query(r, "attention");

	filter->attention = !strcmp(text, "true");
	if (text[0] && !filter->attention && strcmp(text, "false") != 0) {
		api_problem_parameter(r, "attention", "true or false.");
		return false;
	}
	if (filter->attention && filter->status[0]) {
		api_problem_parameter(r, "attention",
				      "Without status: it is of several.");
		return false;
	}
	return true;
}

/* The user of the path; "me" is who asks. */
static const char *
user_named(const struct api_request *r)
{
	return strcmp(r->params[1], "me") ? r->params[1] : r->actor->member;
}

int
api_connection_user(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_user user;
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_user(r->api->config.connect, r->db, &who,
			       r->params[0], user_named(r), r->arena, &user,
			       &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200, user_json(&user));
}

int
api_connection_user_remove(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_revoked revoked;
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_user_remove(r->api->config.connect, r->db, &who,
				      r->params[0], user_named(r), r->arena,
				      &revoked, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200, json_pack("{s:s}", "detail", revoked.detail));
}

int
api_connection_users(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_filter filter;
	struct connect_user *list;
	struct connect_who who;
	size_t count, i, limit;
	json_t *items;

	if (!api_connection_filter(
		    r, "One of connected, needs_reconnect, revoked.", &filter,
		    &limit))
		return 0;
	if (!attention_get(r, &filter))
		return 0;
	api_who(r, &who);
	if (connect_front_users(r->api->config.connect, r->db, &who,
				r->params[0], &filter, r->arena, &list, &count,
				&p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count && i < limit; i++)
		json_array_append_new(items, user_json(&list[i]));
	return api_answer_list(r, items,
			       count > limit ? list[limit - 1].subject : NULL);
}

/* ---- shares ---- */

static const char *const share_kinds[] = {
	[PEOPLE_SHARE_MEMBER] = "member",
	[PEOPLE_SHARE_TEAM] = "team",
	[PEOPLE_SHARE_EVERYONE] = "everyone",
};

static int
shares_answer(struct api_request *r, const struct connect_shares *shares)
{
	const struct people_share *s;
	json_t *items = json_array(), *item;
	size_t i;

	for (i = 0; i < shares->count; i++) {
		s = &shares->items[i];
		item = json_pack("{s:s, s:s, s:o}", "kind",
				 share_kinds[s->kind], "level",
				 s->manage ? "manage" : "use", "created_at",
				 api_json_time(s->created_at));
		if (s->subject[0]) {
			json_object_set_new(item, "subject",
					    json_string(s->subject));
			json_object_set_new(item, "name", json_string(s->name));
		}
		json_array_append_new(items, item);
	}
	api_etag(r, shares->version);
	return api_answer(r, 200,
			  json_pack("{s:o, s:n, s:I}", "items", items, "next",
				    "version", (json_int_t)shares->version));
}

int
api_shares_get(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_shares shares;
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_shares(r->api->config.connect, r->db, &who,
				 r->params[0], r->arena, &shares, &p))
		return api_problem_connect(r, &p);
	return shares_answer(r, &shares);
}

static void
share_get(struct api_request *r, const json_t *item, size_t index,
	  struct people_share *out)
{
	static const char *const names[] = { "kind", "subject", "level", NULL };
	char pointer[32];
	struct json_at at;
	const char *kind, *level, *subject;
	size_t i;

	*out = (struct people_share){ 0 };
	snprintf(pointer, sizeof(pointer), "/items/%zu", index);
	if (!json_at_object(&at, item, pointer, &r->problem) ||
	    !json_only(&at, names))
		return;
	kind = json_get_str(&at, "kind", JSON_REQUIRED, 20, "");
	level = json_get_str(&at, "level", 0, 20, "use");
	subject = json_get_str(&at, "subject", 0, PEOPLE_ID_SIZE - 1, "");
	slice_copy(slice_str(subject), out->subject, sizeof(out->subject));
	out->manage = !strcmp(level, "manage");
	if (!out->manage && strcmp(level, "use") != 0)
		json_problem_set(&r->problem, pointer,
				 "level is \"use\" or \"manage\"");
	for (i = 0; i < ARRAY_LEN(share_kinds); i++)
		if (!strcmp(kind, share_kinds[i]))
			break;
	out->kind = (enum people_share_kind)i;
	if (i == ARRAY_LEN(share_kinds))
		json_problem_set(&r->problem, pointer,
				 "kind is \"member\", \"team\" or "
				 "\"everyone\"");
	else if ((out->kind == PEOPLE_SHARE_EVERYONE) == (subject[0] != 0))
		json_problem_set(&r->problem, pointer,
				 "a member or team needs its id as subject, "
				 "everyone has none");
}

int
api_shares_set(struct api_request *r)
{
	static const char *const names[] = { "items", NULL };
	enum { SHARES_MAX = 200 };
	struct connect_shares to = { 0 }, shares;
	struct connect_problem p = { 0 };
	struct connect_who who;
	const json_t *items;
	int64_t version;
	size_t i;

	if (api_if_match(r, &version))
		return api_problem(r, CONNECT_P_INVALID, NULL,
				   "If-Match must be an ETag as it was given.");
	if (!api_body_only(r, names))
		return 0;
	items = json_get_array(&r->body, "items", JSON_REQUIRED, SHARES_MAX);
	to.count = json_array_size(items);
	to.items = arena_alloc(r->arena, (to.count + 1) * sizeof(*to.items));
	if (!to.items)
		return ERR_NOMEM;
	for (i = 0; i < to.count; i++)
		share_get(r, json_array_get(items, i), i, &to.items[i]);
	if (!api_input_ok(r))
		return 0;
	api_who(r, &who);
	if (connect_front_shares_set(r->api->config.connect, r->db, &who,
				     r->params[0], version, &to, r->arena,
				     &shares, &p))
		return api_problem_connect(r, &p);
	return shares_answer(r, &shares);
}
