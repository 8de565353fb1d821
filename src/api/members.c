/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/members: who belongs to the organisation, with what role.
 */
#include <stdio.h>

#include "api/api_priv.h"

static json_t *
member_json(const struct people_member *m)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o}", "id",
			 m->id, "email", m->email, "name", m->name, "role",
			 people_role_name(m->role), "has_password",
			 (int)m->has_password, "disabled", (int)m->disabled,
			 "created_at", api_json_time(m->created_at),
			 "last_sign_in_at", api_json_time(m->last_sign_in_at));
}

static int
answer_member(struct api_request *r, int status, const char *id)
{
	struct people_member m;
	int rc;

	rc = people_member_find(r->db, r->actor->org, slice_str(id), &m);
	if (rc)
		return api_problem_err(r, rc, "The member");
	api_etag(r, m.version);
	return api_answer(r, status, member_json(&m));
}

int
api_members_list(struct api_request *r)
{
	struct people_member *m;
	json_t *items = json_array();
	size_t limit, count, i;
	const char *after;
	int rc;

	if (!api_paging(r, &limit, &after)) {
		json_decref(items);
		return 0;
	}
	rc = people_members_list(r->db, r->actor->org, after, limit + 1,
				 r->arena, &m, &count);
	for (i = 0; !rc && i < count && i < limit; i++)
		json_array_append_new(items, member_json(&m[i]));
	if (rc) {
		json_decref(items);
		return rc;
	}
	return api_answer_list(r, items,
			       count > limit ? m[limit - 1].id : NULL);
}

int
api_member_get(struct api_request *r)
{
	return answer_member(r, 200, r->params[0]);
}

/* A role's name in the body; stays as it is where there is none. */
static void
role_get(struct api_request *r, int flags, enum people_role *role)
{
	const char *text = json_get_str(&r->body, "role", flags, 16, NULL);

	if (!text)
		return;
	if (people_role_parse(slice_str(text), role) || *role == PEOPLE_CALLER)
		json_problem_set(&r->problem, "/role",
				 "one of owner, admin, builder, viewer");
}

/* Who asks with a key that ends lets nobody in, and makes nobody more: what he
 * gave would outlive the key. */
static int
key_outlived(struct api_request *r, const char *object)
{
	if (!r->actor->expires_at)
		return 0;
	return api_refused(r, ERR_FORBIDDEN, r->route->path, object,
			   "a key that ends makes no members, sets no "
			   "passwords, gives no higher role and lets no "
			   "disabled member in again, since that would "
			   "outlive it");
}

static int
member_create(struct api_request *r, const char *email, const char *name,
	      enum people_role role, const struct secret *password)
{
	char id[PEOPLE_ID_SIZE];
	int rc;

	rc = store_begin(r->db);
	if (!rc)
		rc = people_member_create(r->db, r->actor->org, email, name,
					  role, password, id);
	if (!rc)
		rc = api_audit(r, "member.create", id, name,
			       people_role_name(role));
	if (!rc)
		rc = store_commit(r->db);
	if (rc == ERR_EXISTS)
		return api_problem(r, CONNECT_P_EXISTS, NULL,
				   "Somebody has this e-mail address "
				   "already.");
	if (rc)
		return rc;
	api_field(r, "Location", "/v1/members/%s", id);
	return answer_member(r, 201, id);
}

int
api_member_create(struct api_request *r)
{
	static const char *const names[] = { "email", "name", "role",
					     "password", NULL };
	struct secret *password = api_secret(r, "password");
	struct people_object o = { .role = PEOPLE_VIEWER };
	char email[PEOPLE_EMAIL_SIZE];
	const char *text, *name, *why = "";
	int rc;

	if (!api_body_only(r, names))
		return 0;
	text = json_get_str(&r->body, "email", JSON_REQUIRED,
			    PEOPLE_EMAIL_SIZE - 1, "");
	name = json_get_str(&r->body, "name", 0, PEOPLE_NAME_SIZE - 1, text);
	role_get(r, JSON_REQUIRED, &o.role);
	if (text[0] && people_email_canonical(slice_str(text), email))
		json_problem_set(&r->problem, "/email",
				 "this is no e-mail address");
	if (password && people_password_check(password, &why))
		json_problem_set(&r->problem, "/password", "%s", why);
	if (json_object_get(r->json, "password") && !password)
		json_problem_set(&r->problem, "/password", "a text");
	if (!api_input_ok(r))
		return 0;
	rc = api_may(r, PEOPLE_MEMBER_CHANGE, &o, NULL);
	if (!rc)
		rc = key_outlived(r, NULL);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	return member_create(r, email, name, o.role, password);
}

/* Changes him, and puts his new password in, if there is one. */
static int
member_store(struct api_request *r, const struct people_member *m,
	     const struct secret *password, const char *what)
{
	int rc;

	rc = people_member_update(r->db, r->actor->org, m);
	if (!rc && password)
		rc = people_member_set_password(r->db, m->id, password);
	if (!rc)
		rc = api_audit(r, "member.update", m->id, m->name, what);
	if (!rc)
		rc = store_commit(r->db);
	if (rc == ERR_WRONG_STATE)
		return api_problem(r, CONNECT_P_WRONG_STATE,
				   "Make somebody else an owner first.",
				   "An owner must be left.");
	if (rc)
		return api_problem_err(r, rc, "The member");
	/* His keys have other rights now, or none. */
	people_views_withdraw(r->api->config.people, NULL);
	return answer_member(r, 200, m->id);
}

/* Asks about the role that he has and the one that he is to have. */
static int
member_may_change(struct api_request *r, const struct people_member *m,
		  enum people_role to)
{
	struct people_object o = { .role = m->role };
	int rc;

	rc = api_may(r, PEOPLE_MEMBER_CHANGE, &o, m->id);
	o.role = to;
	return rc ? rc : api_may(r, PEOPLE_MEMBER_CHANGE, &o, m->id);
}

int
api_member_update(struct api_request *r)
{
	static const char *const names[] = { "name", "role", "disabled",
					     "password", NULL };
	struct secret *password = api_secret(r, "password");
	enum people_role role;
	struct people_member m;
	bool was_disabled;
	const char *why = "", *name;
	char what[128];
	int64_t version;
	int rc;

	if (!api_body_only(r, names))
		return 0;
	rc = store_begin(r->db);
	if (!rc)
		rc = people_member_find(r->db, r->actor->org,
					slice_str(r->params[0]), &m);
	if (rc)
		return api_problem_err(r, rc, "The member");
	role = m.role;
	was_disabled = m.disabled;
	role_get(r, 0, &role);
	name = json_get_str(&r->body, "name", 0, PEOPLE_NAME_SIZE - 1, m.name);
	m.disabled = json_get_bool(&r->body, "disabled", m.disabled);
	if (password && people_password_check(password, &why))
		json_problem_set(&r->problem, "/password", "%s", why);
	if (json_object_get(r->json, "password") && !password)
		json_problem_set(&r->problem, "/password", "a text");
	if (api_if_match(r, &version))
		json_problem_set(&r->problem, "", "If-Match is no entity tag");
	if (!api_input_ok(r))
		return 0;
	rc = member_may_change(r, &m, role);
	if (!rc && (password || role > m.role || (was_disabled && !m.disabled)))
		rc = key_outlived(r, m.id);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	if (version && version != m.version)
		return api_problem_err(r, ERR_CONFLICT, "The member");
	snprintf(what, sizeof(what), "role %s to %s%s%s",
		 people_role_name(m.role), people_role_name(role),
		 m.disabled ? ", disabled" : "",
		 password ? ", new password" : "");
	m.role = role;
	if (name != m.name)
		snprintf(m.name, sizeof(m.name), "%s", name);
	return member_store(r, &m, password, what);
}
