/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/egress-destinations: private destinations that the owner allows calls
 * to reach.
 */
#include "api/api_priv.h"

static json_t *
egress_json(const struct connect_egress *e)
{
	return json_pack("{s:s, s:s, s:o, s:{s:s, s:s}, s:o}", "id", e->id,
			 "destination", e->destination, "note",
			 api_json_text(e->note), "created_by", "id", e->by,
			 "name", e->by_name, "created_at",
			 api_json_time(e->created_at));
}

int
api_egress_list(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_egress *list;
	struct connect_who who;
	size_t count, i;
	json_t *items;
	bool locked;

	api_who(r, &who);
	if (connect_front_egress_list(r->api->config.connect, r->db, &who,
				      r->arena, &list, &count, &locked, &p))
		return api_problem_connect(r, &p);
	items = json_array();
	for (i = 0; i < count; i++)
		json_array_append_new(items, egress_json(&list[i]));
	return api_answer(r, 200,
			  json_pack("{s:o, s:n, s:b}", "items", items, "next",
				    "locked", (int)locked));
}

int
api_egress_create(struct api_request *r)
{
	static const char *const names[] = { "destination", "note", NULL };
	struct connect_problem p = { 0 };
	const char *text, *note;
	struct connect_egress e;
	struct connect_who who;

	if (!api_body_only(r, names))
		return 0;
	text = json_get_str(&r->body, "destination", JSON_REQUIRED,
			    EGRESS_ALLOWED_TEXT - 1, "");
	note = json_get_str(&r->body, "note", 0, CONNECT_EGRESS_NOTE_MAX, "");
	if (!api_input_ok(r))
		return 0;
	api_who(r, &who);
	if (connect_front_egress_add(r->api->config.connect, r->db, &who, text,
				     note, r->arena, &e, &p))
		return api_problem_connect(r, &p);
	return api_answer(r, 201, egress_json(&e));
}

int
api_egress_delete(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_egress_remove(r->api->config.connect, r->db, &who,
					r->params[0], &p))
		return api_problem_connect(r, &p);
	return api_answer_empty(r);
}
