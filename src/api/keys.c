/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/keys: credentials with which programs call Drawbridge.
 *
 * The key itself is in one answer, once, and in no JSON tree.
 */
#include <stdio.h>

#include "api/api_priv.h"

enum { LIST_MAX = 100 };

static json_t *
texts_json(const struct people_texts *t)
{
	json_t *list;
	size_t i;

	if (!t->items)
		return json_null();
	list = json_array();
	for (i = 0; i < t->count; i++)
		json_array_append_new(list, json_string(t->items[i]));
	return list;
}

/* Ids of connections as link names, which is what people know. */
static json_t *
links_json(struct api_request *r, const struct people_texts *ids)
{
	struct store_stmt *st;
	json_t *list;
	size_t i;

	if (!ids->items)
		return json_null();
	list = json_array();
	for (i = 0; i < ids->count; i++) {
		st = NULL;
		if (!store_query(r->db, &st,
				 "SELECT link_name FROM "
				 "connections WHERE id = ?1 AND "
				 "org = ?2",
				 "ss", ids->items[i], r->actor->org) &&
		    store_step(st) == 1)
			json_array_append_new(
				list, json_stringn(store_col(st, 0).ptr,
						   store_col(st, 0).len));
		store_done(st);
	}
	return list;
}

static json_t *
key_json(struct api_request *r, const struct people_key *k)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o}",
			 "id", k->id, "name", k->name, "prefix", k->prefix,
			 "role", people_role_name(k->role), "member", k->member,
			 "connections", links_json(r, &k->connections),
			 "methods", texts_json(&k->methods), "path_prefixes",
			 texts_json(&k->path_prefixes), "rate_per_minute",
			 k->rate_per_minute ? json_integer(k->rate_per_minute)
					    : json_null(),
			 "expires_at", api_json_time(k->expires_at),
			 "created_at", api_json_time(k->created_at),
			 "revoked_at", api_json_time(k->revoked_at));
}

static void
key_object(const struct people_key *k, struct people_object *o)
{
	*o = (struct people_object){ .member = k->member,
				     .role = k->role,
				     .key = k->id };
}

static bool
key_is_seen(const struct api_request *r, const struct people_key *k)
{
	struct people_object o;

	key_object(k, &o);
	return !people_may(r->actor, PEOPLE_KEY_SEE, &o, NULL);
}

int
api_keys_list(struct api_request *r)
{
	const char *after, *whose;
	struct people_object o = { .key = r->actor->key };
	struct people_key *k;
	size_t limit, count, i;
	json_t *items;
	bool all;
	int rc;

	if (!api_paging(r, &limit, &after) || !api_query_flag(r, "all", &all))
		return 0;
	/* Mine; with all=true everybody's, which takes an admin. */
	whose = all ? NULL : r->actor->member;
	o.member = whose ? whose : "";
	rc = api_may(r, PEOPLE_KEY_SEE, &o, NULL);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	rc = people_keys_list(r->db, r->actor->org, whose, after, limit + 1,
			      r->arena, &k, &count);
	if (rc)
		return rc;
	items = json_array();
	for (i = 0; i < count && i < limit; i++)
		if (key_is_seen(r, &k[i]))
			json_array_append_new(items, key_json(r, &k[i]));
	return api_answer_list(r, items,
			       count > limit ? k[limit - 1].id : NULL);
}

/* Finds the key and asks whether it may be seen or revoked. */
static int
key_find(struct api_request *r, enum people_action action, struct people_key *k)
{
	struct people_object o;
	int rc;

	rc = people_key_find(r->db, r->actor->org, r->params[0], r->arena, k);
	if (rc) {
		api_problem_err(r, rc, "The key");
		return API_PENDING;
	}
	key_object(k, &o);
	return api_may(r, action, &o, k->id);
}

int
api_key_get(struct api_request *r)
{
	struct people_key k;
	int rc = key_find(r, PEOPLE_KEY_SEE, &k);

	if (rc)
		return rc == API_PENDING ? 0 : rc;
	return api_answer(r, 200, key_json(r, &k));
}

/* The command line makes one for each call on the server's own machine, and
 * nobody looks for it among the others; the audit has it. */
static bool
key_was_for_a_call(const struct api_request *r, const struct people_key *k)
{
	return r->by == API_BY_SOCKET && k->role == PEOPLE_CALLER &&
	       k->expires_at && !strcmp(k->name, "drawbridge call");
}

int
api_key_revoke(struct api_request *r)
{
	struct people_key k;
	int rc = key_find(r, PEOPLE_KEY_REVOKE, &k);

	if (rc)
		return rc == API_PENDING ? 0 : rc;
	rc = store_begin(r->db);
	if (!rc)
		rc = key_was_for_a_call(r, &k)
			     ? people_key_remove(r->db, r->actor->org, k.id)
			     : people_key_revoke(r->db, r->actor->org, k.id);
	if (!rc)
		rc = api_audit(r, "key.revoke", k.id, k.name, k.prefix);
	if (!rc)
		rc = store_commit(r->db);
	if (rc == ERR_NOT_FOUND) /* it is not in force: as was asked */
		return api_answer_empty(r);
	if (rc)
		return rc;
	people_views_withdraw(r->api->config.people, k.id);
	return api_answer_empty(r);
}

/* ---- making one ---- */

/* A list of texts in the body, in the arena. */
static int
texts_get(struct api_request *r, const char *name, size_t max_len,
	  struct people_texts *out)
{
	const json_t *list = json_get_array(&r->body, name, 0, LIST_MAX);
	const json_t *item;
	char pointer[64];
	size_t i;

	*out = (struct people_texts){ 0 };
	if (!list)
		return 0;
	out->items = arena_alloc(r->arena,
				 (json_array_size(list) + 1) * sizeof(char *));
	if (!out->items)
		return ERR_NOMEM;
	json_array_foreach((json_t *)(uintptr_t)list, i, item)
	{
		snprintf(pointer, sizeof(pointer), "/%s/%zu", name, i);
		if (!json_is_string(item) || !json_string_length(item) ||
		    json_string_length(item) > max_len ||
		    strlen(json_string_value(item)) !=
			    json_string_length(item)) {
			json_problem_set(&r->problem, pointer,
					 "a text of at most %zu characters",
					 max_len);
			return 0;
		}
		out->items[out->count] =
			arena_strdup(r->arena, json_string_value(item));
		if (!out->items[out->count++])
			return ERR_NOMEM;
	}
	return 0;
}

/* Link names become ids; what he may not know of is not there for him. */
static int
links_to_ids(struct api_request *r, struct people_texts *links)
{
	struct connect_problem p;
	struct connect_info info;
	struct connect_who who;
	char pointer[64];
	size_t i;
	int rc = 0;

	api_who(r, &who);
	for (i = 0; i < links->count && !rc; i++) {
		rc = connect_front_get(r->api->config.connect, r->db, &who,
				       links->items[i], r->arena, &info, &p);
		if (rc == ERR_NOT_FOUND) {
			snprintf(pointer, sizeof(pointer), "/connections/%zu",
				 i);
			json_problem_set(&r->problem, pointer,
					 "there is no such connection");
			return 0;
		}
		if (!rc)
			links->items[i] = arena_strdup(r->arena, info.id);
		if (!rc && !links->items[i])
			rc = ERR_NOMEM;
	}
	return rc;
}

static void
check_lists(struct api_request *r, const struct people_key *k)
{
	char pointer[64];
	size_t i;

	for (i = 0; i < k->methods.count; i++) {
		snprintf(pointer, sizeof(pointer), "/methods/%zu", i);
		if (!http_is_token(slice_str(k->methods.items[i])))
			json_problem_set(&r->problem, pointer,
					 "a method such as GET");
	}
	for (i = 0; i < k->path_prefixes.count; i++) {
		snprintf(pointer, sizeof(pointer), "/path_prefixes/%zu", i);
		if (k->path_prefixes.items[i][0] != '/')
			json_problem_set(&r->problem, pointer,
					 "a path that begins with /");
	}
}

/* Who asks with a key that ends can make none that outlives it: otherwise
 * whoever finds it could keep what it opens for good. */
static void
expiry_limit(struct api_request *r, struct people_key *k)
{
	int64_t end = r->actor->expires_at;
	char when[CLOCK_TEXT_SIZE];

	if (!end)
		return;
	if (!k->expires_at)
		k->expires_at = end;
	if (k->expires_at <= end)
		return;
	clock_format(end, when);
	json_problem_set(&r->problem, "/expires_at",
			 "the key that asks ends at %s, and makes none that "
			 "ends later",
			 when);
}

static void
expiry_get(struct api_request *r, struct people_key *k)
{
	const char *text = json_get_str(&r->body, "expires_at", 0, 40, NULL);

	if (!text)
		return;
	if (clock_parse(slice_str(text), &k->expires_at))
		json_problem_set(&r->problem, "/expires_at",
				 "a time such as 2030-01-31T00:00:00Z");
	else if (k->expires_at <= clock_wall_ms())
		json_problem_set(&r->problem, "/expires_at",
				 "this is in the past");
}

/* Reads the body into k; noted problems are in r->problem. */
static int
key_read(struct api_request *r, struct people_key *k)
{
	const char *text;
	int rc;

	text = json_get_str(&r->body, "name", JSON_REQUIRED,
			    PEOPLE_NAME_SIZE - 1, "");
	snprintf(k->name, sizeof(k->name), "%s", text);
	if (!text[0])
		json_problem_set(&r->problem, "/name", "it needs a name");
	text = json_get_str(&r->body, "role", JSON_REQUIRED, 16, "");
	if (people_role_parse(slice_str(text), &k->role) ||
	    k->role == PEOPLE_OWNER)
		json_problem_set(&r->problem, "/role",
				 "one of admin, builder, viewer, caller");
	rc = texts_get(r, "connections", 50, &k->connections);
	if (!rc)
		rc = texts_get(r, "methods", 20, &k->methods);
	if (!rc)
		rc = texts_get(r, "path_prefixes", 512, &k->path_prefixes);
	if (!rc)
		rc = links_to_ids(r, &k->connections);
	k->rate_per_minute = (uint32_t)json_get_int(&r->body, "rate_per_minute",
						    0, 1, 10000000, 0);
	expiry_get(r, k);
	expiry_limit(r, k);
	check_lists(r, k);
	if (k->role != PEOPLE_CALLER &&
	    (k->connections.items || k->methods.items ||
	     k->path_prefixes.items || k->rate_per_minute))
		json_problem_set(&r->problem, "/role",
				 "only a caller can be restricted");
	return rc;
}

int
api_key_create(struct api_request *r)
{
	static const char *const names[] = {
		"name",		 "role",
		"connections",	 "methods",
		"path_prefixes", "rate_per_minute",
		"expires_at",	 NULL,
	};
	struct people_key k = { 0 };
	struct people_object o = { 0 };
	char text[PEOPLE_KEY_SIZE];
	int rc;

	if (!api_body_only(r, names))
		return 0;
	rc = key_read(r, &k);
	if (rc || !api_input_ok(r))
		return rc;
	o.role = k.role;
	rc = api_may(r, PEOPLE_KEY_CREATE, &o, NULL);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	memcpy(k.member, r->actor->member, sizeof(k.member));
	rc = store_begin(r->db);
	if (!rc)
		rc = people_key_create(r->db, r->actor->org, &k, text);
	if (!rc)
		rc = api_audit(r, "key.create", k.id, k.name,
			       people_role_name(k.role));
	if (!rc)
		rc = store_commit(r->db);
	if (!rc)
		rc = api_answer(r, 201, key_json(r, &k));
	if (!rc)
		rc = api_answer_splice(r, "key", text);
	if (!rc)
		api_field(r, "Location", "/v1/keys/%s", k.id);
	secret_wipe(text, sizeof(text));
	return rc;
}
