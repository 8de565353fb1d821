/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routes: what is found under a path, with which parameters,
 * which methods are offered instead, and what must hold for every row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/api_priv.h"

struct found {
	int rc;
	const struct api_route *route;
	struct slice params[API_PARAMS];
	char allow[64];
};

static struct found
find(const char *method, const char *path)
{
	struct found f = { 0 };

	f.rc = api_route_find(slice_str(method), slice_str(path), &f.route,
			      f.params, f.allow, sizeof(f.allow));
	return f;
}

/* ---- finding ---- */

static void
a_route_is_found_by_method_and_path(void **state)
{
	struct found f = find("GET", "/v1/connections");

	(void)state;
	assert_int_equal(f.rc, 0);
	assert_string_equal(f.route->path, "/v1/connections");
	assert_ptr_equal(f.route->handle, api_connections_list);
	assert_null(f.params[0].ptr);
	assert_string_equal(f.allow, "");
	f = find("POST", "/v1/connections");
	assert_ptr_equal(f.route->handle, api_connection_create);
}

static void
parameters_are_taken_from_the_path(void **state)
{
	struct found f = find("POST", "/v1/connections/desk_2/authorize");

	(void)state;
	assert_int_equal(f.rc, 0);
	assert_ptr_equal(f.route->handle, api_connection_authorize);
	assert_true(slice_eq(f.params[0], SLICE("desk_2")));
	assert_null(f.params[1].ptr);
	f = find("GET", "/connect/a-Ticket_0");
	assert_ptr_equal(f.route->handle, api_connect_page);
	assert_true(slice_eq(f.params[0], SLICE("a-Ticket_0")));
}

static void
parameters_stay_encoded(void **state)
{
	/* An encoded slash is part of the name, and ends no segment. */
	struct found f = find("GET", "/v1/services/a%2Fapp");

	(void)state;
	assert_int_equal(f.rc, 0);
	assert_ptr_equal(f.route->handle, api_service_get);
	assert_true(slice_eq(f.params[0], SLICE("a%2Fapp")));
}

static void
words_of_the_api_can_be_names(void **state)
{
	struct found f = find("GET", "/v1/connections/usage");

	(void)state;
	assert_ptr_equal(f.route->handle, api_connection_get);
	assert_true(slice_eq(f.params[0], SLICE("usage")));
	f = find("GET", "/v1/connections/calls/calls");
	assert_ptr_equal(f.route->handle, api_connection_calls);
	assert_true(slice_eq(f.params[0], SLICE("calls")));
}

static void
nothing_is_left_of_templates_that_did_not_fit(void **state)
{
	struct found f = { 0 };

	(void)state;
	f.params[0] = f.params[1] = SLICE("stale");
	f.rc = api_route_find(SLICE("GET"), SLICE("/v1/me"), &f.route, f.params,
			      f.allow, sizeof(f.allow));
	assert_int_equal(f.rc, 0);
	assert_null(f.params[0].ptr);
	assert_null(f.params[1].ptr);
}

static void
head_is_answered_by_get(void **state)
{
	struct found f = find("HEAD", "/healthz");

	(void)state;
	assert_int_equal(f.rc, 0);
	assert_ptr_equal(f.route->handle, api_healthz);
	f = find("HEAD", "/v1/connections/desk");
	assert_ptr_equal(f.route->handle, api_connection_get);
	/* Where nothing can be got, there is no head of it either. */
	f = find("HEAD", "/v1/connections/desk/test");
	assert_int_equal(f.rc, ERR_UNSUPPORTED);
	assert_string_equal(f.allow, "POST");
}

/* ---- what is not there ---- */

static void
other_paths_are_not_found(void **state)
{
	static const char *const paths[] = {
		"",
		"*",
		"/",
		"//",
		"/v1",
		"/v1/",
		"v1/connections",
		"/v1/connection",
		"/v1/connectionsx",
		"/V1/connections",
		"/v1/connections/",
		"/v1//connections",
		"//v1/connections",
		"/v1/connections//",
		"/v1/connections//test",
		"/v1/connections/desk/",
		"/v1/connections/desk/test/",
		"/v1/connections/desk/test/more",
		"/v1/connections/desk/nothing",
		"/v1/services/desk/app/more",
		"/v1/%63onnections",
		"/connect",
		"/connect/",
		"/setup/",
		"/oauth/callback/",
		"/oauth/callback/desk",
		"/oauth/services",
		"/oauth/services/desk",
		"/oauth/services//callback",
		"/oauth/services/desk/callback/",
		"/oauth",
		"/healthz/",
		"/via/desk/tickets",
		"http://host/v1/connections",
	};
	struct found f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(paths); i++) {
		f = find("GET", paths[i]);
		if (f.rc != ERR_NOT_FOUND)
			fail_msg("\"%s\" was found", paths[i]);
		assert_null(f.route);
		assert_string_equal(f.allow, "");
	}
}

static void
allow_lists_the_methods_that_are_there(void **state)
{
	struct found f = find("DELETE", "/v1/connections");

	(void)state;
	assert_int_equal(f.rc, ERR_UNSUPPORTED);
	assert_string_equal(f.route->path, "/v1/connections");
	assert_string_equal(f.allow, "GET, POST");
	f = find("PUT", "/v1/conversations/one/messages");
	assert_ptr_equal(f.route->cors, api_cors_talk);
	assert_true(slice_eq(f.params[0], SLICE("one")));
	f = find("PUT", "/v1/connections/desk");
	assert_string_equal(f.allow, "GET, PATCH, DELETE");
	f = find("POST", "/v1/services/desk");
	assert_string_equal(f.allow, "GET, PUT, DELETE");
	f = find("GET", "/v1/session");
	assert_string_equal(f.allow, "POST, DELETE");
	f = find("POST", "/oauth/callback");
	assert_string_equal(f.allow, "GET");
}

static void
methods_are_case_sensitive(void **state)
{
	static const char *const methods[] = { "get",	  "Get",   "GETT",
					       "GE",	  "TRACE", "CONNECT",
					       "OPTIONS", "" };
	struct found f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(methods); i++) {
		f = find(methods[i], "/v1/me");
		if (f.rc != ERR_UNSUPPORTED)
			fail_msg("\"%s\" was taken", methods[i]);
		assert_string_equal(f.allow, "GET");
	}
}

/* ---- what holds for every row ---- */

/* The template with names in the places of its parameters. */
static void
example_of(const char *template, char *out)
{
	for (; *template; template ++) {
		if (*template == '{') {
			*out++ = 'x';
			template = strchr(template, '}');
		} else {
			*out++ = *template;
		}
	}
	*out = '\0';
}

static void
every_route_is_reached(void **state)
{
	char path[128];
	struct found f;
	size_t i;

	(void)state;
	for (i = 0; i < api_route_count; i++) {
		example_of(api_routes[i].path, path);
		f = find(api_routes[i].method, path);
		if (f.rc || f.route != &api_routes[i])
			fail_msg("%s %s is hidden by another",
				 api_routes[i].method, api_routes[i].path);
	}
}

/* What needs nobody to be known, in full: a row more is a decision. */
static void
few_routes_are_open(void **state)
{
	static const char *const open[] = {
		"POST /v1/session",
		"DELETE /v1/session",
		"POST /v1/owner",
		/* they ask by themselves: the conversation's token, the page's
		 * origin, or a key or session */
		"POST /v1/flows/{id}/conversations",
		"OPTIONS /v1/flows/{id}/conversations",
		"GET /v1/flows/{id}/widget",
		"GET /v1/conversations/{id}",
		"DELETE /v1/conversations/{id}",
		"OPTIONS /v1/conversations/{id}",
		"POST /v1/conversations/{id}/messages",
		"OPTIONS /v1/conversations/{id}/messages",
		"POST /v1/conversations/{id}/connect",
		"GET /v1/conversations/{id}/events",
		"OPTIONS /v1/conversations/{id}/events",
		"GET /healthz",
		"GET /readyz",
		"GET /metrics",
		"POST /connect/visitor",
		"GET /connect/{ticket}",
		"POST /connect/{ticket}",
		"GET /oauth/callback",
		"GET /oauth/services/{id}/callback",
		"GET /setup/{token}",
		"POST /setup/{token}",
	};
	size_t i, n = 0;
	char name[128];

	(void)state;
	for (i = 0; i < api_route_count; i++) {
		if (!(api_routes[i].flags & API_OPEN))
			continue;
		snprintf(name, sizeof(name), "%s %s", api_routes[i].method,
			 api_routes[i].path);
		assert_true(n < ARRAY_LEN(open));
		assert_string_equal(name, open[n++]);
	}
	assert_int_equal(n, ARRAY_LEN(open));
}

static void
a_row_does_not_contradict_itself(void **state)
{
	const struct api_route *r;
	bool is_get, is_post;
	size_t i;

	(void)state;
	for (i = 0; i < api_route_count; i++) {
		r = &api_routes[i];
		is_get = !strcmp(r->method, "GET");
		is_post = !strcmp(r->method, "POST");
		assert_non_null(r->handle);
		/* Reading takes no body, and so has no secrets in it. */
		assert_false(is_get && r->body_max);
		assert_false(r->lifts[0].under && !r->body_max);
		/* An open route cannot keep an answer for an actor. */
		assert_false((r->flags & API_CREATES) && (r->flags & API_OPEN));
		assert_false((r->flags & API_CREATES) && !is_post);
		/* Without a database nobody can be known. */
		assert_false((r->flags & (API_AT_ONCE | API_WATCH)) &&
			     !(r->flags & API_OPEN));
		/* A form's secrets are lifted by name. */
		assert_false((r->flags & API_FORM) && r->lifts[0].under &&
			     !r->lifts[0].names);
	}
}

/* Wherever a person types a secret, it must be lifted before a tree is made
 * of the body. */
static void
secrets_are_lifted(void **state)
{
	static const struct {
		const char *method, *path, *under, *name;
	} secrets[] = {
		{ "POST", "/v1/session", "", "password" },
		{ "POST", "/v1/owner", "", "password" },
		{ "PUT", "/v1/me/password", "", "password" },
		{ "PUT", "/v1/me/password", "", "new_password" },
		{ "POST", "/v1/members", "", "password" },
		{ "PATCH", "/v1/members/x", "", "password" },
		{ "POST", "/setup/x", "", "password" },
		{ "PUT", "/v1/services/x/app", "", "client_secret" },
		{ "POST", "/v1/connections", "/credentials", "api_key" },
		{ "PUT", "/v1/connections/x/credentials", "", "api_key" },
		{ "PUT", "/v1/connections/x/credentials", "/credentials",
		  "token" },
	};
	const char *const *name;
	const struct api_lift *l;
	struct found f;
	bool lifted;
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(secrets); i++) {
		f = find(secrets[i].method, secrets[i].path);
		assert_int_equal(f.rc, 0);
		lifted = false;
		for (k = 0; k < API_LIFTS; k++) {
			l = &f.route->lifts[k];
			if (!l->under || strcmp(l->under, secrets[i].under))
				continue;
			lifted = lifted || !l->names;
			for (name = l->names; name && *name; name++)
				lifted = lifted ||
					 !strcmp(*name, secrets[i].name);
		}
		if (!lifted)
			fail_msg("%s %s: %s is not lifted", secrets[i].method,
				 secrets[i].path, secrets[i].name);
	}
}

static void
the_walk_shows_every_row_once(void **state)
{
	const char *method, *path;
	size_t cursor = 0, n = 0;

	(void)state;
	while (api_route_next(&cursor, &method, &path)) {
		assert_string_equal(method, api_routes[n].method);
		assert_string_equal(path, api_routes[n].path);
		n++;
	}
	assert_int_equal(n, api_route_count);
	assert_false(api_route_next(&cursor, &method, &path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_is_found_by_method_and_path),
		cmocka_unit_test(parameters_are_taken_from_the_path),
		cmocka_unit_test(parameters_stay_encoded),
		cmocka_unit_test(words_of_the_api_can_be_names),
		cmocka_unit_test(nothing_is_left_of_templates_that_did_not_fit),
		cmocka_unit_test(head_is_answered_by_get),
		cmocka_unit_test(other_paths_are_not_found),
		cmocka_unit_test(allow_lists_the_methods_that_are_there),
		cmocka_unit_test(methods_are_case_sensitive),
		cmocka_unit_test(every_route_is_reached),
		cmocka_unit_test(few_routes_are_open),
		cmocka_unit_test(a_row_does_not_contradict_itself),
		cmocka_unit_test(secrets_are_lifted),
		cmocka_unit_test(the_walk_shows_every_row_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
