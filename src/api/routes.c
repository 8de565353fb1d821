/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routes: everything that can be asked of the API.
 *
 * From it follow dispatch, who may ask, how large a body may be, and which
 * members are lifted into secrets before a tree is made.  docs/openapi.yaml
 * tells others the same; `make check-openapi` compares the two.
 */
#include <stdio.h>

#include "api/api_priv.h"

enum {
	KIB = 1024,
	SMALL = 16 * KIB,
	MEDIUM = 64 * KIB,
	FLOW_BODY = FLOW_TEXT_MAX + MEDIUM
};

static const char *const paging[] = { "limit", "after", NULL };
static const char *const keys_query[] = { "limit", "after", "all", NULL };
static const char *const services_query[] = { "limit", "after", "q", "category",
					      NULL };
static const char *const connections_query[] = { "limit",  "after", "service",
						 "status", "q",	    NULL };
static const char *const calls_query[] = { "limit", "after", "connection",
					   "failed", NULL };
static const char *const audit_query[] = { "limit", "after", "object", NULL };
static const char *const users_query[] = { "limit", "after", "status",
					   "attention", NULL };
static const char *const bulk_query[] = { "limit", "after", "state", NULL };
static const char *const force_query[] = { "force", NULL };
static const char *const copy_query[] = { "copy", NULL };
static const char *const talk_query[] = { "after", NULL };
static const char *const wait_query[] = { "wait", NULL };
static const char *const handoffs_query[] = { "limit", "after", "open", NULL };
static const char *const diff_query[] = { "from", "to", NULL };
static const char *const export_query[] = { "version", NULL };
static const char *const app_query[] = { "data_centre", NULL };

static const char *const secret_password[] = { "password", NULL };
static const char *const secret_passwords[] = { "password", "new_password",
						NULL };
static const char *const secret_token[] = { "token", NULL };
static const char *const secret_curl[] = { "curl", NULL };
static const char *const secret_client[] = { "client_secret", NULL };

#define LIFT(under, names) .lifts = { { under, names } }
#define LIFT_CREDENTIALS .lifts = { { "/credentials", NULL } }
#define LIFT_ALL .lifts = { { "", NULL }, { "/credentials", NULL } }
#define CONNECTION "/v1/connections/{link}"
#define FLOW "/v1/flows/{id}"
#define TALK "/v1/conversations/{id}"

/* Within one path the order is free; paths with parameters come after those
 * without at the same place. */
const struct api_route api_routes[] = {
	{ "GET", "/v1/services", api_services_list, PEOPLE_SERVICE_SEE,
	  .query = services_query },
	{ "POST", "/v1/services", api_service_create, PEOPLE_SERVICE_CREATE,
	  API_CREATES, CATALOG_TEXT_MAX },
	{ "GET", "/v1/services/{id}", api_service_get, PEOPLE_SERVICE_SEE },
	{ "PUT", "/v1/services/{id}", api_service_replace,
	  PEOPLE_SERVICE_CHANGE, 0, CATALOG_TEXT_MAX },
	{ "DELETE", "/v1/services/{id}", api_service_delete,
	  PEOPLE_SERVICE_CHANGE },
	{ "GET", "/v1/services/{id}/app", api_app_get, PEOPLE_APP_SEE,
	  .query = app_query },
	{ "PUT", "/v1/services/{id}/app", api_app_set, PEOPLE_APP_SET, 0, SMALL,
	  LIFT("", secret_client) },

	{ "GET", "/v1/connections", api_connections_list,
	  PEOPLE_CONNECTION_LIST, .query = connections_query },
	{ "POST", "/v1/connections", api_connection_create,
	  PEOPLE_CONNECTION_CREATE, API_CREATES | API_PROVIDER, 2 * MEDIUM,
	  LIFT_CREDENTIALS },
	{ "POST", "/v1/connections/suspend", api_connections_suspend,
	  PEOPLE_CONNECTION_BULK, API_CREATES, SMALL },
	{ "POST", "/v1/connections/revoke", api_connections_revoke,
	  PEOPLE_CONNECTION_BULK, API_CREATES, SMALL },
	{ "GET", "/v1/bulk-actions", api_bulks_list, PEOPLE_CONNECTION_BULK,
	  .query = paging },
	{ "GET", "/v1/bulk-actions/{id}", api_bulk_get,
	  PEOPLE_CONNECTION_BULK },
	{ "GET", "/v1/bulk-actions/{id}/items", api_bulk_items,
	  PEOPLE_CONNECTION_BULK, .query = bulk_query },
	{ "GET", CONNECTION, api_connection_get, PEOPLE_CONNECTION_SEE },
	{ "PATCH", CONNECTION, api_connection_update, PEOPLE_CONNECTION_MANAGE,
	  0, MEDIUM },
	{ "DELETE", CONNECTION, api_connection_delete, PEOPLE_CONNECTION_MANAGE,
	  API_PROVIDER | API_STAYS, .query = force_query },
	{ "POST", CONNECTION "/authorize", api_connection_authorize,
	  PEOPLE_CONNECTION_USE, API_NO_BODY, MEDIUM },
	{ "PUT", CONNECTION "/credentials", api_connection_credentials,
	  PEOPLE_CONNECTION_USE, API_PROVIDER, 2 * MEDIUM, LIFT_ALL,
	  .query = force_query },
	{ "POST", CONNECTION "/test", api_connection_test,
	  PEOPLE_CONNECTION_USE, API_NO_BODY, SMALL },
	{ "POST", CONNECTION "/refresh", api_connection_refresh,
	  PEOPLE_CONNECTION_USE, API_NO_BODY | API_PROVIDER, SMALL },
	{ "POST", CONNECTION "/revoke", api_connection_revoke,
	  PEOPLE_CONNECTION_MANAGE, API_NO_BODY | API_PROVIDER | API_STAYS,
	  SMALL },
	{ "POST", CONNECTION "/disable", api_connection_disable,
	  PEOPLE_CONNECTION_MANAGE, API_NO_BODY, SMALL },
	{ "POST", CONNECTION "/enable", api_connection_enable,
	  PEOPLE_CONNECTION_MANAGE, API_NO_BODY, SMALL },
	{ "GET", CONNECTION "/usage", api_connection_usage,
	  PEOPLE_CONNECTION_SEE },
	{ "GET", CONNECTION "/calls", api_connection_calls,
	  PEOPLE_CONNECTION_SEE, .query = paging },
	{ "GET", CONNECTION "/users", api_connection_users,
	  PEOPLE_CONNECTION_MANAGE, .query = users_query },
	{ "GET", CONNECTION "/users/{user}", api_connection_user,
	  PEOPLE_CONNECTION_USE },
	{ "DELETE", CONNECTION "/users/{user}", api_connection_user_remove,
	  PEOPLE_CONNECTION_USE },
	{ "GET", CONNECTION "/shares", api_shares_get, PEOPLE_CONNECTION_SEE },
	{ "PUT", CONNECTION "/shares", api_shares_set, PEOPLE_CONNECTION_MANAGE,
	  0, MEDIUM },

	{ "POST", "/v1/webhooks/run", api_webhook_run, PEOPLE_WEBHOOK_RUN, 0,
	  1024 * KIB },

	{ "POST", "/v1/session", api_session_create, PEOPLE_SELF_SEE,
	  API_OPEN | API_PASSWORD, SMALL, LIFT("", secret_password) },
	{ "DELETE", "/v1/session", api_session_end, PEOPLE_SELF_SEE, API_OPEN },
	{ "POST", "/v1/owner", api_owner_create, PEOPLE_SELF_SEE,
	  API_OPEN | API_PASSWORD, SMALL, LIFT("", secret_password) },
	{ "GET", "/v1/me", api_me_get, PEOPLE_SELF_SEE },
	{ "PUT", "/v1/me/password", api_me_password, PEOPLE_SELF_CHANGE,
	  API_PASSWORD, SMALL, LIFT("", secret_passwords) },

	{ "GET", "/v1/members", api_members_list, PEOPLE_MEMBER_SEE,
	  .query = paging },
	{ "POST", "/v1/members", api_member_create, PEOPLE_MEMBER_CHANGE,
	  API_CREATES | API_PASSWORD, SMALL, LIFT("", secret_password) },
	{ "GET", "/v1/members/{id}", api_member_get, PEOPLE_MEMBER_SEE },
	{ "PATCH", "/v1/members/{id}", api_member_update, PEOPLE_MEMBER_CHANGE,
	  API_PASSWORD, SMALL, LIFT("", secret_password) },

	{ "GET", "/v1/keys", api_keys_list, PEOPLE_KEY_SEE,
	  .query = keys_query },
	{ "POST", "/v1/keys", api_key_create, PEOPLE_KEY_CREATE, API_CREATES,
	  MEDIUM },
	{ "GET", "/v1/keys/{id}", api_key_get, PEOPLE_KEY_SEE },
	{ "DELETE", "/v1/keys/{id}", api_key_revoke, PEOPLE_KEY_REVOKE },

	{ "POST", "/v1/webhooks/import", api_webhook_import,
	  PEOPLE_CONNECTION_CREATE, 0, 4 * MEDIUM, LIFT("", secret_curl) },

	{ "GET", "/v1/calls", api_calls_list, PEOPLE_CALLS_SEE,
	  .query = calls_query },
	{ "GET", "/v1/audit", api_audit_list, PEOPLE_AUDIT_SEE,
	  .query = audit_query },

	{ "GET", "/v1/flows", api_flows_list, PEOPLE_FLOW_SEE,
	  .query = paging },
	{ "POST", "/v1/flows", api_flow_create, PEOPLE_FLOW_CHANGE, API_CREATES,
	  FLOW_BODY },
	{ "POST", "/v1/flows/import", api_flow_import, PEOPLE_FLOW_CHANGE,
	  API_CREATES, FLOW_BODY },
	{ "GET", FLOW, api_flow_get, PEOPLE_FLOW_SEE },
	{ "PUT", FLOW, api_flow_replace, PEOPLE_FLOW_CHANGE, 0, FLOW_BODY },
	{ "DELETE", FLOW, api_flow_delete, PEOPLE_FLOW_DELETE },
	{ "POST", FLOW "/publish", api_flow_publish, PEOPLE_FLOW_CHANGE,
	  API_NO_BODY, SMALL },
	{ "GET", FLOW "/versions", api_flow_versions, PEOPLE_FLOW_SEE,
	  .query = paging },
	{ "GET", FLOW "/versions/{number}", api_flow_version_get,
	  PEOPLE_FLOW_SEE },
	{ "POST", FLOW "/restore", api_flow_restore, PEOPLE_FLOW_CHANGE, 0,
	  SMALL },
	{ "GET", FLOW "/diff", api_flow_diff, PEOPLE_FLOW_SEE,
	  .query = diff_query },
	{ "GET", FLOW "/export", api_flow_export, PEOPLE_FLOW_SEE,
	  .query = export_query },
	{ "POST", FLOW "/conversations", api_talk_begin,
	  PEOPLE_CONVERSATION_START, API_OPEN, MEDIUM, .query = wait_query,
	  .cors = api_cors_flow },
	{ "OPTIONS", FLOW "/conversations", api_flow_preflight,
	  PEOPLE_CONVERSATION_START, API_OPEN, .cors = api_cors_flow },
	{ "GET", FLOW "/widget", api_widget_get, PEOPLE_CONVERSATION_START,
	  API_OPEN, .cors = api_cors_widget },
	{ "GET", TALK, api_talk_get, PEOPLE_CONVERSATION_SEE, API_OPEN,
	  .query = talk_query, .cors = api_cors_talk },
	{ "DELETE", TALK, api_talk_end, PEOPLE_CONVERSATION_SEE, API_OPEN,
	  .cors = api_cors_talk },
	{ "OPTIONS", TALK, api_talk_preflight, PEOPLE_CONVERSATION_SEE,
	  API_OPEN, .query = talk_query, .cors = api_cors_talk },
	{ "POST", TALK "/messages", api_talk_answer, PEOPLE_CONVERSATION_SEE,
	  API_OPEN, SMALL, .query = wait_query, .cors = api_cors_talk },
	{ "OPTIONS", TALK "/messages", api_talk_preflight,
	  PEOPLE_CONVERSATION_SEE, API_OPEN, .cors = api_cors_talk },
	{ "POST", TALK "/connect", api_talk_connect, PEOPLE_CONVERSATION_SEE,
	  API_OPEN, SMALL },
	{ "GET", TALK "/events", api_talk_events, PEOPLE_CONVERSATION_SEE,
	  API_OPEN, .query = talk_query, .cors = api_cors_talk },
	{ "OPTIONS", TALK "/events", api_talk_preflight,
	  PEOPLE_CONVERSATION_SEE, API_OPEN, .query = talk_query,
	  .cors = api_cors_talk },
	{ "GET", "/v1/handoffs", api_handoffs_list, PEOPLE_HANDOFF_SEE,
	  .query = handoffs_query },
	{ "POST", "/v1/handoffs/{id}/close", api_handoff_close,
	  PEOPLE_HANDOFF_CLOSE, API_NO_BODY, SMALL },
	{ "GET", "/v1/globals", api_globals_list, PEOPLE_GLOBAL_SEE },
	{ "PUT", "/v1/globals/{name}", api_global_set, PEOPLE_GLOBAL_SET, 0,
	  MEDIUM },
	{ "DELETE", "/v1/globals/{name}", api_global_delete,
	  PEOPLE_GLOBAL_SET },
	{ "GET", "/v1/egress-destinations", api_egress_list,
	  PEOPLE_EGRESS_SEE },
	{ "POST", "/v1/egress-destinations", api_egress_create,
	  PEOPLE_EGRESS_CHANGE, API_CREATES, SMALL },
	{ "DELETE", "/v1/egress-destinations/{id}", api_egress_delete,
	  PEOPLE_EGRESS_CHANGE },
	{ "GET", "/v1/keyring", api_keyring_get, PEOPLE_SELF_SEE, API_LOCAL },
	{ "POST", "/v1/keyring/rotate", api_keyring_rotate, PEOPLE_SELF_SEE,
	  API_LOCAL | API_NO_BODY, SMALL },
	{ "GET", "/v1/backup", api_backup_get, PEOPLE_SELF_SEE, API_LOCAL },
	{ "POST", "/v1/backup", api_backup_make, PEOPLE_SELF_SEE, API_LOCAL,
	  SMALL },
	{ "DELETE", "/v1/backup", api_backup_end, PEOPLE_SELF_SEE, API_LOCAL,
	  .query = copy_query },

	{ "GET", "/healthz", api_healthz, PEOPLE_SELF_SEE,
	  API_OPEN | API_AT_ONCE | API_ANY_QUERY },
	{ "GET", "/readyz", api_readyz, PEOPLE_SELF_SEE,
	  API_OPEN | API_AT_ONCE | API_ANY_QUERY },
	{ "GET", "/metrics", api_metrics, PEOPLE_SELF_SEE,
	  API_OPEN | API_WATCH | API_ANY_QUERY },

	{ "POST", "/connect/visitor", api_visit, PEOPLE_SELF_SEE,
	  API_OPEN | API_PAGE | API_FORM, SMALL, LIFT("", secret_token) },
	{ "GET", "/connect/{ticket}", api_connect_page, PEOPLE_SELF_SEE,
	  API_OPEN | API_PAGE | API_ANY_QUERY },
	{ "POST", "/connect/{ticket}", api_connect_go, PEOPLE_SELF_SEE,
	  API_OPEN | API_PAGE | API_FORM | API_NO_BODY, SMALL },
	{ "GET", "/oauth/callback", api_callback, PEOPLE_SELF_SEE,
	  API_OPEN | API_PAGE | API_ANY_QUERY | API_PROVIDER | API_STAYS },
	{ "GET", "/oauth/services/{id}/callback", api_callback, PEOPLE_SELF_SEE,
	  API_OPEN | API_PAGE | API_ANY_QUERY | API_PROVIDER | API_STAYS },
	{ "GET", "/setup/{token}", api_setup_page, PEOPLE_SELF_SEE,
	  API_OPEN | API_PAGE | API_ANY_QUERY },
	{ "POST", "/setup/{token}", api_setup_claim, PEOPLE_SELF_SEE,
	  API_OPEN | API_PAGE | API_FORM | API_PASSWORD, SMALL,
	  LIFT("", secret_password) },
};

const size_t api_route_count = ARRAY_LEN(api_routes);

bool
api_route_next(size_t *cursor, const char **method, const char **path)
{
	if (*cursor >= api_route_count)
		return false;
	*method = api_routes[*cursor].method;
	*path = api_routes[*cursor].path;
	++*cursor;
	return true;
}

/* Whether the path is this template's; params get what stands for {…}. */
static bool
path_matches(const char *template, struct slice path,
	     struct slice params[API_PARAMS])
{
	struct slice want = slice_from(slice_str(template), 1);
	struct slice have = slice_from(path, 1), w, h;
	size_t n = 0;

	/* What a template before this one has left there. */
	memset(params, 0, API_PARAMS * sizeof(*params));
	for (;;) {
		w = slice_head(want, slice_find(want, '/'));
		h = slice_head(have, slice_find(have, '/'));
		if (slice_starts(w, SLICE("{"))) {
			ASSERT(n < API_PARAMS);
			if (!h.len)
				return false;
			params[n++] = h;
		} else if (!slice_eq(w, h)) {
			return false;
		}
		if (w.len == want.len || h.len == have.len)
			return w.len == want.len && h.len == have.len;
		want = slice_from(want, w.len + 1);
		have = slice_from(have, h.len + 1);
	}
}

static void
allow_add(char *allow, size_t size, const char *method)
{
	size_t len = strlen(allow);

	snprintf(allow + len, size - len, "%s%s", len ? ", " : "", method);
}

int
api_route_find(struct slice method, struct slice path,
	       const struct api_route **out, struct slice params[API_PARAMS],
	       char *allow, size_t size)
{
	const struct api_route *r, *other = NULL;
	size_t i;

	*out = NULL;
	allow[0] = '\0';
	if (!slice_starts(path, SLICE("/")))
		return ERR_NOT_FOUND;
	if (slice_eq(method, SLICE("HEAD")))
		method = SLICE("GET");
	for (i = 0; i < api_route_count; i++) {
		r = &api_routes[i];
		if (!path_matches(r->path, path, params))
			continue;
		if (slice_eq(method, slice_str(r->method))) {
			*out = r;
			return 0;
		}
		allow_add(allow, size, r->method);
		if (!other)
			other = r;
	}
	if (!other || !path_matches(other->path, path, params))
		return ERR_NOT_FOUND;
	*out = other;
	return ERR_UNSUPPORTED;
}
