/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/session, /v1/me: signing in and out, and who I am.
 */
#include "api/api_priv.h"

static json_t *
me_json(const struct api_request *r, const struct people_member *m)
{
	const struct people_actor *a = r->actor;

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:b}", "member", m->id,
			 "name", m->name, "email", m->email, "role",
			 people_role_name(a->role), "key",
			 api_json_text(a->key), "member_role",
			 people_role_name(m->role), "has_password",
			 (int)m->has_password);
}

static int
answer_me(struct api_request *r, int status)
{
	struct people_member m;
	int rc;

	rc = people_member_find(r->db, r->actor->org,
				slice_str(r->actor->member), &m);
	if (rc)
		return rc;
	return api_answer(r, status, me_json(r, &m));
}

int
api_me_get(struct api_request *r)
{
	return answer_me(r, 200);
}

static int
sign_in_refused(struct api_request *r, int err, unsigned retry_after_s)
{
	audit_stranger(r->db, r->peer, "sign_in");
	if (err == ERR_BUSY && retry_after_s) {
		api_retry_after(r, retry_after_s);
		return api_problem(r, CONNECT_P_RATE_LIMITED, NULL,
				   "Too many attempts have failed. Try again "
				   "in %u minutes.",
				   (retry_after_s + 59) / 60);
	}
	if (err == ERR_FORBIDDEN)
		return api_problem(r, CONNECT_P_WRONG_PASSWORD, NULL,
				   "Nobody signs in with this e-mail address "
				   "and password.");
	return err;
}

/* The session and its record; gives the cookie. */
static int
session_begin(struct api_request *r, const char *member)
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	char value[RANDOM_TOKEN_SIZE];
	int rc;

	rc = store_begin(r->db);
	if (!rc)
		rc = people_session_create(r->db, member, value);
	if (rc)
		return rc;
	people_token_hash(slice_str(value), hash);
	rc = people_session_find(r->db, hash, &r->actor);
	if (!rc)
		rc = api_audit(r, "session.create", member, r->actor->name,
			       NULL);
	if (!rc)
		rc = store_commit(r->db);
	if (!rc)
		api_cookie_set(r, api_cookie_session, value,
			       PEOPLE_SESSION_LIFE_S);
	secret_wipe(value, sizeof(value));
	return rc ? rc : answer_me(r, 200);
}

int
api_session_create(struct api_request *r)
{
	static const char *const names[] = { "email", "password", NULL };
	char member[PEOPLE_ID_SIZE];
	struct secret *password = api_secret(r, "password");
	unsigned retry_after_s = 0;
	const char *email;
	int rc;

	if (r->cross_site || (r->origin_given && !r->origin_ours))
		return api_problem(r, CONNECT_P_WRONG_ORIGIN, NULL,
				   "Signing in works from Drawbridge's own "
				   "pages.");
	if (!api_body_only(r, names))
		return 0;
	email = json_get_str(&r->body, "email", JSON_REQUIRED,
			     PEOPLE_EMAIL_SIZE - 1, "");
	if (!password)
		json_problem_set(&r->problem, "/password",
				 "a text is needed here");
	if (!api_input_ok(r))
		return 0;
	rc = people_sign_in(r->db, slice_str(email), password, r->peer, member,
			    &retry_after_s);
	if (rc)
		return sign_in_refused(r, rc, retry_after_s);
	return session_begin(r, member);
}

int
api_session_end(struct api_request *r)
{
	int rc;

	if (!r->has_session)
		return api_answer_empty(r);
	if (!r->origin_ours || r->cross_site)
		return api_problem(r, CONNECT_P_WRONG_ORIGIN, NULL,
				   "Signing out works from Drawbridge's own "
				   "pages.");
	rc = store_begin(r->db);
	if (!rc)
		rc = people_session_find(r->db, r->session, &r->actor);
	if (!rc)
		rc = people_session_end(r->db, r->session);
	if (!rc)
		rc = api_audit(r, "session.end", r->actor->member,
			       r->actor->name, NULL);
	if (!rc)
		rc = store_commit(r->db);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	api_cookie_set(r, api_cookie_session, "", 0);
	return api_answer_empty(r);
}

static int
password_change(struct api_request *r, const struct secret *password)
{
	int rc = store_begin(r->db);

	if (!rc)
		rc = people_member_set_password(r->db, r->actor->member,
						password);
	if (!rc)
		rc = api_audit(r, "member.password", r->actor->member,
			       r->actor->name, "all sessions have ended");
	if (!rc)
		rc = store_commit(r->db);
	return rc ? rc : api_answer_empty(r);
}

int
api_me_password(struct api_request *r)
{
	static const char *const names[] = { "password", "new_password", NULL };
	struct secret *old = api_secret(r, "password");
	struct secret *new = api_secret(r, "new_password");
	unsigned retry_after_s = 0;
	const char *why = "";
	int rc;

	if (!api_body_only(r, names))
		return 0;
	if (!old)
		json_problem_set(&r->problem, "/password",
				 "the present password is needed here");
	if (people_password_check(new, &why))
		json_problem_set(&r->problem, "/new_password", "%s", why);
	if (!api_input_ok(r))
		return 0;
	/* A key acts for its member, but does not know his password: then it
	 * is asked for all the same. */
	rc = people_member_verify_password(r->db, r->actor->member, old,
					   r->peer, &retry_after_s);
	if (rc == ERR_BUSY && retry_after_s)
		return sign_in_refused(r, rc, retry_after_s);
	if (rc == ERR_FORBIDDEN)
		return api_problem(r, CONNECT_P_WRONG_PASSWORD, NULL,
				   "This is not the present password.");
	return rc ? rc : password_change(r, new);
}
