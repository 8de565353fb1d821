/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connections at once: suspend, revoke, and what came of it.
 */
#include "api/api_priv.h"

static const char *const states[] = { "waiting", "pending", "suspended",
				      "revoked", "by_hand", "nothing",
				      "already" };

static json_t *
counts_json(const struct connect_bulk_counts *n)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "waiting",
		(json_int_t)n->waiting, "pending", (json_int_t)n->pending,
		"suspended", (json_int_t)n->suspended, "revoked",
		(json_int_t)n->revoked, "by_hand", (json_int_t)n->by_hand,
		"nothing", (json_int_t)n->nothing, "already",
		(json_int_t)n->already);
}

static json_t *
bulk_json(const struct connect_bulk *b)
{
	json_t *owner = b->owner[0] ? json_pack("{s:s, s:s}", "id", b->owner,
						"name", b->owner_name)
				    : json_null();

	return json_pack(
		"{s:s, s:s, s:b, s:o, s:o, s:{s:s, s:s}, s:o, s:s, "
		"s:o, s:o}",
		"id", b->id, "action", b->revoke ? "revoke" : "suspend", "all",
		!b->service[0] && !b->owner[0], "service",
		api_json_text(b->service), "owner", owner, "asked_by", "id",
		b->by, "name", b->by_name, "asked_at",
		api_json_time(b->asked_at), "state",
		b->ended_at ? "done" : "running", "ended_at",
		api_json_time(b->ended_at), "counts", counts_json(&b->n));
}

static int
bulk_ask(struct api_request *r, bool revoke)
{
	static const char *const names[] = { "service", "owner", "all", NULL };
	struct connect_bulk_new n = { .revoke = revoke };
	struct connect_problem p = { 0 };
	struct connect_bulk out;
	struct connect_who who;

	if (!api_body_only(r, names))
		return 0;
	n.service = json_get_str(&r->body, "service", 0, CATALOG_ID_MAX, "");
	n.owner = json_get_str(&r->body, "owner", 0, PEOPLE_EMAIL_SIZE - 1, "");
	n.all = json_get_bool(&r->body, "all", false);
	if (!api_input_ok(r))
		return 0;
	api_who(r, &who);
	if (connect_front_bulk(r->api->config.connect, r->db, &who, &n,
			       r->arena, &out, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 202, bulk_json(&out));
}

int
api_connections_suspend(struct api_request *r)
{
	return bulk_ask(r, false);
}

int
api_connections_revoke(struct api_request *r)
{
	return bulk_ask(r, true);
}

int
api_bulk_get(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_bulk out;
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_bulk_get(r->api->config.connect, r->db, &who,
				   r->params[0], r->arena, &out, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 200, bulk_json(&out));
}

int
api_bulks_list(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_bulk *list;
	struct connect_who who;
	size_t count, i, limit;
	const char *after;
	json_t *items;

	if (!api_paging(r, &limit, &after))
		return 0;
	api_who(r, &who);
	if (connect_front_bulks(r->api->config.connect, r->db, &who, after,
				limit + 1, r->arena, &list, &count, &p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count && i < limit; i++)
		json_array_append_new(items, bulk_json(&list[i]));
	return api_answer_list(r, items,
			       count > limit ? list[limit - 1].id : NULL);
}

static json_t *
item_json(const struct connect_bulk_item *i)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o}",
			 "link_name", i->link, "name", i->name, "service",
			 i->service, "user", api_json_text(i->subject), "email",
			 api_json_text(i->email), "account",
			 api_json_text(i->account), "state", i->state, "detail",
			 api_json_text(i->detail), "retry_at",
			 api_json_time(i->retry_at));
}

static bool
state_get(struct api_request *r, const char **out)
{
	size_t i;

	*out = api_query(r, "state");
	for (i = 0; i < ARRAY_LEN(states); i++)
		if (!strcmp(*out, states[i]))
			return true;
	if (!(*out)[0])
		return true;
	api_problem_parameter(r, "state",
			      "One of waiting, pending, suspended, revoked, "
			      "by_hand, nothing, already.");
	return false;
}

int
api_bulk_items(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_bulk_item *list;
	struct connect_who who;
	const char *after, *state;
	size_t count, i, limit;
	json_t *items;

	if (!api_paging(r, &limit, &after) || !state_get(r, &state))
		return 0;
	api_who(r, &who);
	if (connect_front_bulk_items(r->api->config.connect, r->db, &who,
				     r->params[0], state, after, limit + 1,
				     r->arena, &list, &count, &p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count && i < limit; i++)
		json_array_append_new(items, item_json(&list[i]));
	return api_answer_list(r, items,
			       count > limit ? list[limit - 1].cursor : NULL);
}
