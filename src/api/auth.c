/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks?
 *
 * By key (Authorization: Bearer dbk_…, or Drawbridge-Key), by session cookie,
 * or, on the machine's own socket, by uid: the server's own and root's act
 * as the owner.  A key goes before a cookie; a key that is not good is never
 * made up for by a cookie.  What is kept of key and cookie is a hash.
 *
 * A cookie alone does not allow changes: the request must come from a page
 * of our own origin.
 */
#include <stdio.h>
#include <unistd.h>

#include "api/api_priv.h"

const char api_cookie_session[] = "drawbridge_session";
const char api_cookie_browser[] = "drawbridge_consent";
const char api_cookie_visitor[] = "drawbridge_visitor";

enum { COOKIE_NAME_MAX = 64 };

/* Over TLS a cookie has the name that browsers guard (RFC 6265bis). */
static void
cookie_name(const struct api *a, const char *name, char out[COOKIE_NAME_MAX])
{
	snprintf(out, COOKIE_NAME_MAX, "%s%s", a->secure ? "__Host-" : "",
		 name);
}

/* The first cookie of this name; false where there is none. */
static bool
cookie_find(const struct api *a, const struct http_head *h, const char *name,
	    struct slice *out)
{
	char full[COOKIE_NAME_MAX];

	cookie_name(a, name, full);
	return http_head_cookie(h, full, out) &&
	       out->len == RANDOM_TOKEN_SIZE - 1;
}

void
api_cookie_set(struct api_request *r, const char *name, const char *value,
	       unsigned max_age_s)
{
	char full[COOKIE_NAME_MAX];

	cookie_name(r->api, name, full);
	api_field(r, "Set-Cookie",
		  "%s=%s; Path=/; Max-Age=%u; HttpOnly; SameSite=Lax%s", full,
		  value, max_age_s, r->api->secure ? "; Secure" : "");
}

/* Origin is ours when it is the public URL's, or that of the host asked. */
static bool
origin_is_ours(const struct api_request *r, struct slice origin)
{
	const struct http_head *h = http_exchange_head(r->x);
	const struct http_field *host = http_head_find(h, HTTP_HOST);
	struct slice authority;

	if (slice_eq_nocase(origin, slice_str(r->api->origin)))
		return true;
	if (slice_starts_nocase(origin, SLICE("https://")))
		authority = slice_from(origin, 8);
	else if (slice_starts_nocase(origin, SLICE("http://")) &&
		 !http_exchange_is_tls(r->x))
		authority = slice_from(origin, 7);
	else
		return false;
	return host && authority.len && slice_eq_nocase(authority, host->value);
}

static void
origin_read(struct api_request *r, const struct http_head *h)
{
	const struct http_field *f = http_head_find(h, HTTP_ORIGIN);
	const struct http_field *site = http_head_find(h, HTTP_SEC_FETCH_SITE);

	r->origin_given = f != NULL;
	if (f && slice_copy(f->value, r->origin, sizeof(r->origin)))
		memcpy(r->origin, "?", 2);
	r->origin_ours = f && http_head_count(h, HTTP_ORIGIN) == 1 &&
			 origin_is_ours(r, f->value);
	r->cross_site = site && !slice_eq(site->value, SLICE("same-origin")) &&
			!slice_eq(site->value, SLICE("none"));
}

/* The key's text, where the API looks for it. */
static bool
key_find(const struct http_head *h, struct slice *out)
{
	const struct http_field *own = http_head_find(h, HTTP_DRAWBRIDGE_KEY);
	const struct http_field *f = http_head_find(h, HTTP_AUTHORIZATION);

	*out = SLICE_NONE;
	if (own) {
		*out = own->value;
		return true;
	}
	if (!f)
		return false;
	if (slice_starts_nocase(f->value, SLICE("Bearer ")))
		*out = slice_trim(slice_from(f->value, 7));
	return true;
}

/* Key and cookie are 256 random bits, and the store has another hash. */
static void
salt_of(struct slice text, unsigned char out[VAULT_HASH_SIZE])
{
	struct vault_hasher h;

	vault_hasher_init(&h);
	vault_hasher_add(&h, SLICE("what a request's secrets are hashed with"));
	vault_hasher_add(&h, text);
	vault_hasher_end(&h, out);
}

void
api_auth_read(struct api_request *r)
{
	const struct http_head *h = http_exchange_head(r->x);
	struct slice text;
	uid_t uid;

	origin_read(r, h);
	memcpy(r->salt, r->api->salt, sizeof(r->salt));
	if (cookie_find(r->api, h, api_cookie_browser, &text)) {
		r->has_browser = true;
		slice_copy(text, r->browser, sizeof(r->browser));
	}
	if (cookie_find(r->api, h, api_cookie_visitor, &text)) {
		r->has_visitor = true;
		slice_copy(text, r->visitor, sizeof(r->visitor));
		people_token_hash(text, r->visitor_hash);
	}
	if (cookie_find(r->api, h, api_cookie_session, &text)) {
		r->has_session = true;
		people_token_hash(text, r->session);
		salt_of(text, r->salt);
	}
	if (http_head_count(h, HTTP_AUTHORIZATION) > 1 ||
	    http_head_count(h, HTTP_DRAWBRIDGE_KEY) > 1) {
		r->by = API_BY_TWO;
	} else if (key_find(h, &text)) {
		r->by = API_BY_KEY;
		people_token_hash(text, r->hash);
		salt_of(text, r->salt);
	} else if (r->has_session) {
		r->by = API_BY_SESSION;
		memcpy(r->hash, r->session, sizeof(r->hash));
	} else if (!http_exchange_local_uid(r->x, &uid) &&
		   (uid == 0 || uid == geteuid())) {
		r->by = API_BY_SOCKET;
	}
}

/* ---- on a work thread ---- */

static bool
method_is_safe(const struct api_request *r)
{
	return !strcmp(r->route->method, "GET");
}

/* A stranger's refusal: counted, and answered. */
static int
refuse_stranger(struct api_request *r, const char *detail)
{
	audit_stranger(r->db, r->peer, "api");
	api_field(r, "WWW-Authenticate", "Bearer realm=\"drawbridge\"");
	api_problem(r, CONNECT_P_UNAUTHORIZED,
		    "Send a key (Authorization: Bearer dbk_…), or sign in "
		    "with POST /v1/session.",
		    "%s", detail);
	return API_PENDING;
}

static int
find_actor(struct api_request *r)
{
	switch (r->by) {
	case API_BY_KEY:
		return people_actor_of_key(r->db, r->hash, &r->actor);
	case API_BY_SESSION:
		return people_session_find(r->db, r->hash, &r->actor);
	case API_BY_SOCKET:
		return people_actor_local(r->db, &r->actor);
	default:
		return ERR_NOT_FOUND;
	}
}

int
api_auth_again(struct api_request *r)
{
	people_actor_unref(r->actor);
	r->actor = NULL;
	if (r->by == API_BY_SESSION)
		return people_session_look(r->db, r->hash, &r->actor);
	return find_actor(r);
}

int
api_auth_check(struct api_request *r)
{
	return r->route->flags & API_OPEN ? 0 : api_auth_require(r);
}

int
api_auth_require(struct api_request *r)
{
	int rc;

	people_actor_unref(r->actor); /* from before the body came */
	r->actor = NULL;
	if (r->by == API_BY_TWO) {
		api_problem(r, CONNECT_P_INVALID, NULL,
			    "Two credentials were sent; one is enough.");
		return API_PENDING;
	}
	if (r->by == API_NOBODY)
		return refuse_stranger(r, "Nobody is signed in.");
	rc = find_actor(r);
	if (rc == ERR_NOT_FOUND)
		return refuse_stranger(
			r,
			r->by == API_BY_KEY
				? "This key is not known, or not in force any more."
				: "The session has ended.");
	if (rc)
		return rc;
	if (r->by == API_BY_SESSION && !method_is_safe(r) &&
	    (!r->origin_ours || r->cross_site)) {
		api_problem(r, CONNECT_P_WRONG_ORIGIN, NULL,
			    "A change by cookie must come from a page of "
			    "Drawbridge's own.");
		return API_PENDING;
	}
	if ((r->route->flags & API_LOCAL) && r->by != API_BY_SOCKET)
		return api_refused(r, ERR_FORBIDDEN, r->route->path, NULL,
				   "this is for the command line on the "
				   "server's own machine");
	if (r->actor->role < people_action_least(r->route->action))
		return api_may(r, r->route->action, NULL, NULL);
	return 0;
}

int
api_may(struct api_request *r, enum people_action action,
	const struct people_object *o, const char *object)
{
	const char *why = "";
	int rc = people_may(r->actor, action, o, &why);

	if (!rc)
		return 0;
	return api_refused(r, rc, r->route->path, object, why);
}

int
api_refused(struct api_request *r, int err, const char *action,
	    const char *object, const char *why)
{
	char text[160];
	struct audit_event e = {
		.org = r->actor->org,
		.actor = r->actor,
		.address = r->peer,
		.action = text,
		.object = object,
		.refused = true,
		.detail = why,
	};
	int rc;

	store_rollback(r->db);
	snprintf(text, sizeof(text), "%s %s", r->route->method, action);
	rc = audit_refusal(r->db, &e);
	if (rc)
		return rc;
	if (err == ERR_NOT_FOUND)
		api_problem_err(r, err, "What you asked for");
	else
		api_problem(r, CONNECT_P_FORBIDDEN, NULL, "Not allowed: %s.",
			    why);
	return API_PENDING;
}

int
api_audit(struct api_request *r, const char *action, const char *object,
	  const char *name, const char *detail)
{
	struct audit_event e = {
		.org = r->actor->org,
		.actor = r->actor,
		.address = r->peer,
		.action = action,
		.object = object,
		.object_name = name,
		.detail = detail,
	};

	return audit_append(r->db, &e);
}
