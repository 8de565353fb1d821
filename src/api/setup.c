/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first owner: by a one-time link out of the log, or over the machine's
 * own socket.
 *
 *   GET, POST /setup/{token}   a page with e-mail address and password
 *   POST /v1/owner             for `drawbridge init`, local socket alone
 */
#include "api/api_priv.h"

static int
owner_claim(struct api_request *r, const char *email,
	    const struct secret *password, const char **why)
{
	struct audit_event e = { .address = r->peer,
				 .action = "owner.claim",
				 .object_name = email };
	char member[PEOPLE_ID_SIZE], org[PEOPLE_ID_SIZE];
	int rc = store_begin(r->db);

	*why = "";
	if (!rc)
		rc = people_owner_claim(r->db, slice_str(email), password,
					member, why);
	if (!rc)
		rc = people_owner_link_spend(r->db);
	if (!rc)
		rc = people_org_ensure(r->db, org);
	e.org = org;
	e.object = member;
	if (!rc)
		rc = audit_append(r->db, &e);
	if (!rc)
		rc = store_commit(r->db);
	if (rc)
		store_rollback(r->db);
	return rc;
}

/* ---- the page ---- */

static int
setup_form(struct api_request *r, int status, const char *email,
	   const char *problem)
{
	struct buf b;

	buf_init(&b, 16 * 1024);
	if (problem[0]) {
		buf_puts(&b, "<p role=\"alert\"><b>");
		codec_html(&b, slice_str(problem));
		buf_puts(&b, "</b></p>");
	}
	buf_printf(&b,
		   "<p>This server has no owner yet. Whoever fills this in "
		   "becomes the owner.</p><form method=\"post\">"
		   "<label>E-mail address<input name=\"email\" type=\"email\" "
		   "autocomplete=\"username\" required value=\"");
	codec_html(&b, slice_str(email));
	buf_printf(&b,
		   "\"></label>"
		   "<label>Password<input name=\"password\" type=\"password\" "
		   "autocomplete=\"new-password\" minlength=\"%d\" required>"
		   "</label><p class=\"soft\">At least %d characters.</p>"
		   "<p><button>Become the owner</button></p></form>",
		   PEOPLE_PASSWORD_MIN, PEOPLE_PASSWORD_MIN);
	return api_page(r, status, "Set up Drawbridge", &b);
}

static bool
setup_link_is_good(struct api_request *r)
{
	if (!people_owner_link_check(r->db, slice_str(r->params[0])))
		return true;
	audit_stranger(r->db, r->peer, "setup");
	api_page_message(r, 404, "This link does not work any more",
			 "It was used already, or is older than a day.",
			 "Start the server again to get a new one in its log, "
			 "or run: drawbridge init --owner EMAIL");
	return false;
}

int
api_setup_page(struct api_request *r)
{
	return setup_link_is_good(r) ? setup_form(r, 200, "", "") : 0;
}

int
api_setup_claim(struct api_request *r)
{
	const char *why;
	int rc;

	if (r->cross_site || (r->origin_given && !r->origin_ours))
		return api_problem(r, CONNECT_P_WRONG_ORIGIN, NULL,
				   "The form was sent from another site.");
	if (!setup_link_is_good(r))
		return 0;
	rc = owner_claim(r, api_form(r, "email"), api_secret(r, "password"),
			 &why);
	if (rc == ERR_INVALID)
		return setup_form(r, 400, api_form(r, "email"), why);
	if (rc == ERR_EXISTS)
		return api_page_message(r, 409, "There is an owner already",
					"Sign in, or ask the owner.", NULL);
	if (rc)
		return rc;
	api_field(r, "Location", "/");
	r->csp = r->api->page_csp;
	r->status = 303;
	r->type = NULL;
	return 0;
}

/* ---- the local socket ---- */

int
api_owner_create(struct api_request *r)
{
	static const char *const names[] = { "email", "password", NULL };
	struct secret *password = api_secret(r, "password");
	const char *email, *why;
	int rc;

	if (r->by != API_BY_SOCKET)
		return api_problem(r, CONNECT_P_FORBIDDEN,
				   "Run drawbridge init on the server's own "
				   "machine, or use the link in its log.",
				   "This works over the machine's own socket "
				   "alone.");
	if (!api_body_only(r, names))
		return 0;
	email = json_get_str(&r->body, "email", JSON_REQUIRED,
			     PEOPLE_EMAIL_SIZE - 1, "");
	if (!password)
		json_problem_set(&r->problem, "/password", "is needed");
	if (!api_input_ok(r))
		return 0;
	rc = owner_claim(r, email, password, &why);
	if (rc == ERR_INVALID) {
		json_problem_set(&r->problem, "", "%s", why);
		return api_problem_input(r);
	}
	if (rc == ERR_EXISTS)
		return api_problem(r, CONNECT_P_EXISTS, NULL,
				   "There is an owner already.");
	return rc ? rc
		  : api_answer(r, 201,
			       json_pack("{s:s, s:s}", "email", email, "role",
					 "owner"));
}
