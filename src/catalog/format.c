/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of a service definition, as tables.
 *
 * Every member that a definition can have is one line here: name, kind,
 * where it goes, its limit and what it is when nothing is said.
 * services/schema.json says the same to editors; a unit test compares them.
 */
#include "catalog/catalog_priv.h"

#include <stddef.h>

const char *const words_kind[] = { "oauth2_code", "oauth2_client_credentials",
				   "api_key",	  "basic",
				   "bearer",	  "none",
				   NULL };
const char *const words_place[] = { "header", "query", "form", "path", NULL };
const char *const words_class[] = { "throttled", "dead_grant", "misconfigured",
				    "transient", NULL };
static const char *const words_auth[] = { "body", "basic", "none",
					  "basic_secret", NULL };
static const char *const words_body[] = { "form", "json", "query", NULL };
static const char *const words_during[] = { "any", "exchange", "refresh",
					    NULL };
static const char *const words_unit[] = { "s",	   "ms",      "at_s",
					  "at_ms", "rfc3339", NULL };
static const char *const words_lists[] = { "both", "first", "second", NULL };
static const char *const words_type[] = { "label", "host", "text", NULL };
static const char *const words_from[] = { "callback", "token", NULL };
static const char *const words_sets[] = { "value", "data_centre", "base_url",
					  "nothing", NULL };
const char *const words_of[] = { "token_requests", "refresh_tokens",
				 "access_tokens",  "codes",
				 "calls",	   NULL };
static const char *const words_limit[] = { "rate", "quota", "concurrency",
					   NULL };
const char *const words_per[] = { "grant", "user", "app", "account", NULL };

#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT(t, m, ...) \
	{ \
		.name = #m, .kind = SHAPE_TEXT, AT(t, m), __VA_ARGS__ \
	}
#define LONG_TEXT(t, m) TEXT(t, m, .flags = SHAPE_LONG)
#define NEED_TEXT(t, m) TEXT(t, m, .flags = SHAPE_REQUIRED | SHAPE_NONEMPTY)
#define TEXTS(t, m, n) \
	{ \
		.name = #m, .kind = SHAPE_TEXTS, AT(t, m), .max = n \
	}
#define PAIRS(t, m, n) \
	{ \
		.name = #m, .kind = SHAPE_PAIRS, AT(t, m), \
		.flags = SHAPE_LONG, .max = n \
	}
#define NUMBER(t, m, most, usual) \
	{ \
		.name = #m, .kind = SHAPE_NUMBER, AT(t, m), .max = most, \
		.preset = usual \
	}
#define BOOL(t, m, usual) \
	{ \
		.name = #m, .kind = SHAPE_BOOL, AT(t, m), .preset = usual \
	}
#define WORD(t, m, list, ...) \
	{ \
		.name = #m, .kind = SHAPE_WORD, AT(t, m), .words = list, \
		__VA_ARGS__ \
	}
#define OBJECT(t, m, shape) \
	{ \
		.name = #m, .kind = SHAPE_OBJECT, AT(t, m), .sub = &shape \
	}
#define POINTER(t, m, shape) \
	{ \
		.name = #m, .kind = SHAPE_POINTER, AT(t, m), .sub = &shape \
	}
#define LIST(t, m, shape, n) \
	{ \
		.name = #m, .kind = SHAPE_LIST, AT(t, m), .sub = &shape, \
		.max = n \
	}
#define MAP(t, m, shape, n) \
	{ \
		.name = #m, .kind = SHAPE_MAP, AT(t, m), .sub = &shape, \
		.max = n \
	}
#define SKIP(n) \
	{ \
		.name = n, .kind = SHAPE_SKIP \
	}
#define REQUIRED .flags = SHAPE_REQUIRED
#define SHAPE(id, type) \
	static const struct shape shape_##id = { #id, sizeof(struct type), \
						 fields_##id, \
						 ARRAY_LEN(fields_##id) }

enum { YEARS_10 = 10 * 366 * 86400 };

/* ---- predicates ---- */

#define MATCH_FIELDS \
	{ .name = "status", .kind = SHAPE_STATUS, AT(catalog_match, status) }, \
		TEXT(catalog_match, json, .flags = SHAPE_NONEMPTY), \
		TEXTS(catalog_match, is, 40), \
		TEXTS(catalog_match, body_has, 20), \
		TEXT(catalog_match, header, .flags = SHAPE_NONEMPTY), \
		TEXT(catalog_match, header_has, .flags = SHAPE_NONEMPTY)

static const struct shape_field fields_match[] = { MATCH_FIELDS };
SHAPE(match, catalog_match);

/* A predicate with what it means beside it. */
static const struct shape_field fields_throttle[] = {
	MATCH_FIELDS,
	WORD(catalog_throttle, limit, words_limit),
	NUMBER(catalog_throttle, wait_s, 86400, 0),
};
SHAPE(throttle, catalog_throttle);
_Static_assert(offsetof(struct catalog_throttle, when) == 0,
	       "its predicate's members are read into it");

/* ---- what a person gives ---- */

static const struct shape_field fields_credential[] = {
	NEED_TEXT(catalog_field, name),	   NEED_TEXT(catalog_field, label),
	BOOL(catalog_field, secret, true), BOOL(catalog_field, optional, false),
	TEXT(catalog_field, pattern),	   LONG_TEXT(catalog_field, help),
	TEXT(catalog_field, example),
};
SHAPE(credential, catalog_field);

static const struct shape_field fields_choice[] = {
	NEED_TEXT(catalog_choice, value),
	NEED_TEXT(catalog_choice, label),
};
SHAPE(choice, catalog_choice);

static const struct shape_field fields_parameter[] = {
	NEED_TEXT(catalog_parameter, name),
	NEED_TEXT(catalog_parameter, label),
	WORD(catalog_parameter, type, words_type),
	BOOL(catalog_parameter, optional, false),
	TEXT(catalog_parameter, pattern),
	LIST(catalog_parameter, choices, shape_choice, 100),
	{ .name = "default",
	  .kind = SHAPE_TEXT,
	  AT(catalog_parameter, fallback),
	  .flags = SHAPE_NONEMPTY },
	LONG_TEXT(catalog_parameter, help),
	TEXT(catalog_parameter, example),
};
SHAPE(parameter, catalog_parameter);

static const struct shape_field fields_scope[] = {
	NEED_TEXT(catalog_scope, name),
	NEED_TEXT(catalog_scope, description),
	TEXT(catalog_scope, group),
	BOOL(catalog_scope, preset, false),
};
SHAPE(scope, catalog_scope);

static const struct shape_field fields_alias[] = {
	NEED_TEXT(catalog_alias, prefix),
	NEED_TEXT(catalog_alias, becomes),
};
SHAPE(alias, catalog_alias);

/* ---- methods ---- */

static const struct shape_field fields_injection[] = {
	{ .name = "in",
	  .kind = SHAPE_WORD,
	  AT(catalog_injection, place),
	  .words = words_place,
	  REQUIRED },
	TEXT(catalog_injection, name, .fallback = ""),
	NEED_TEXT(catalog_injection, value),
};
SHAPE(injection, catalog_injection);

static const struct shape_field fields_basic[] = {
	TEXT(catalog_basic, username, .fallback = "{username}"),
	TEXT(catalog_basic, password, .fallback = "{password}"),
};
SHAPE(basic, catalog_basic);

static const struct shape_field fields_authorize[] = {
	TEXT(catalog_authorize, url, .flags = SHAPE_NONEMPTY),
	PAIRS(catalog_authorize, parameters, 20),
	BOOL(catalog_authorize, pkce, true),
	TEXT(catalog_authorize, scope_parameter, .fallback = "scope",
	     .flags = SHAPE_NONEMPTY),
	TEXT(catalog_authorize, scope_separator, .fallback = " ",
	     .flags = SHAPE_NONEMPTY),
	TEXT(catalog_authorize, second_scope_parameter,
	     .flags = SHAPE_NONEMPTY),
	WORD(catalog_authorize, scope_lists, words_lists),
	BOOL(catalog_authorize, second_scopes_optional, false),
	TEXT(catalog_authorize, issuer, .flags = SHAPE_NONEMPTY),
	BOOL(catalog_authorize, issuer_required, false),
	TEXT(catalog_authorize, hmac_parameter, .flags = SHAPE_NONEMPTY),
};
SHAPE(authorize, catalog_authorize);

static const struct shape_field fields_token[] = {
	NEED_TEXT(catalog_token, url),
	WORD(catalog_token, client_auth, words_auth),
	WORD(catalog_token, body, words_body),
	PAIRS(catalog_token, parameters, 20),
	PAIRS(catalog_token, headers, 20),
	BOOL(catalog_token, send_scope, false),
};
SHAPE(token, catalog_token);

static const struct shape_field fields_revoke[] = {
	NEED_TEXT(catalog_revoke, url),
	TEXT(catalog_revoke, method, .fallback = "POST"),
	WORD(catalog_revoke, body, words_body),
	PAIRS(catalog_revoke, parameters, 20),
	PAIRS(catalog_revoke, headers, 20),
	WORD(catalog_revoke, client_auth, words_auth),
	BOOL(catalog_revoke, takes_all, false),
	LIST(catalog_revoke, success, shape_match, 10),
};
SHAPE(revoke, catalog_revoke);

static const struct shape_field fields_device[] = {
	NEED_TEXT(catalog_device, url),
};
SHAPE(device, catalog_device);

static const struct shape_field fields_expiry[] = {
	NEED_TEXT(catalog_expiry, path),
	WORD(catalog_expiry, unit, words_unit),
};
SHAPE(expiry, catalog_expiry);

static const struct shape_field fields_scope_rule[] = {
	NEED_TEXT(catalog_scope_rule, asked),
	TEXTS(catalog_scope_rule, granted_as, 10),
	BOOL(catalog_scope_rule, never_told, false),
};
SHAPE(scope_rule, catalog_scope_rule);

static const struct shape_field fields_answer[] = {
	TEXTS(catalog_answer, access_token, 5),
	TEXTS(catalog_answer, refresh_token, 5),
	LIST(catalog_answer, expires, shape_expiry, 5),
	NUMBER(catalog_answer, expires_fallback_s, YEARS_10, 0),
	TEXT(catalog_answer, refresh_expires, .flags = SHAPE_NONEMPTY),
	TEXT(catalog_answer, scope, .fallback = "scope",
	     .flags = SHAPE_NONEMPTY),
	TEXT(catalog_answer, scope_separator, .fallback = " ",
	     .flags = SHAPE_NONEMPTY),
	TEXT(catalog_answer, second_scope, .flags = SHAPE_NONEMPTY),
	LIST(catalog_answer, scope_rules, shape_scope_rule, 60),
	BOOL(catalog_answer, scope_any_case, false),
	TEXT(catalog_answer, token_type, .fallback = "token_type",
	     .flags = SHAPE_NONEMPTY),
	TEXT(catalog_answer, account, .flags = SHAPE_NONEMPTY),
	LIST(catalog_answer, success, shape_match, 10),
};
SHAPE(answer, catalog_answer);

static const struct shape_field fields_refresh[] = {
	BOOL(catalog_refresh, supported, true),
	TEXT(catalog_refresh, url, .flags = SHAPE_NONEMPTY),
	PAIRS(catalog_refresh, parameters, 20),
	PAIRS(catalog_refresh, headers, 20),
	BOOL(catalog_refresh, rotates, false),
	NUMBER(catalog_refresh, margin_s, 86400, 0),
	NUMBER(catalog_refresh, window_s, 86400, 0),
	NUMBER(catalog_refresh, idle_life_s, YEARS_10, 0),
	NUMBER(catalog_refresh, total_life_s, YEARS_10, 0),
	NUMBER(catalog_refresh, tokens_per_account, 100000, 0),
	POINTER(catalog_refresh, answer, shape_answer),
};
SHAPE(refresh, catalog_refresh);

static const struct shape_field fields_error[] = {
	{ .name = "when",
	  .kind = SHAPE_OBJECT,
	  AT(catalog_error, when),
	  .sub = &shape_match,
	  REQUIRED },
	{ .name = "class",
	  .kind = SHAPE_WORD,
	  AT(catalog_error, class),
	  .words = words_class,
	  REQUIRED },
	WORD(catalog_error, during, words_during),
	NUMBER(catalog_error, wait_s, 86400, 0),
	LONG_TEXT(catalog_error, hint),
};
SHAPE(error, catalog_error);

static const struct shape_field fields_capture[] = {
	NEED_TEXT(catalog_capture, name),
	WORD(catalog_capture, from, words_from, REQUIRED),
	NEED_TEXT(catalog_capture, field),
	TEXTS(catalog_capture, hosts, 10),
	TEXT(catalog_capture, pattern),
	TEXT(catalog_capture, equals, .flags = SHAPE_NONEMPTY),
	WORD(catalog_capture, sets, words_sets),
	BOOL(catalog_capture, required, false),
};
SHAPE(capture, catalog_capture);

static const struct shape_field fields_lookup_value[] = {
	NEED_TEXT(catalog_lookup_value, name),
	NEED_TEXT(catalog_lookup_value, path),
	NEED_TEXT(catalog_lookup_value, pattern),
};
SHAPE(lookup_value, catalog_lookup_value);

static const struct shape_field fields_lookup[] = {
	NEED_TEXT(catalog_lookup, url),
	TEXTS(catalog_lookup, needs_scope, 20),
	TEXT(catalog_lookup, list),
	PAIRS(catalog_lookup, where, 5),
	TEXT(catalog_lookup, account, .flags = SHAPE_NONEMPTY),
	LIST(catalog_lookup, values, shape_lookup_value, 10),
	BOOL(catalog_lookup, required, false),
};
SHAPE(lookup, catalog_lookup);

static const struct shape_field fields_quota[] = {
	WORD(catalog_quota, of, words_of, REQUIRED),
	WORD(catalog_quota, per, words_per, REQUIRED),
	{ .name = "count",
	  .kind = SHAPE_NUMBER,
	  AT(catalog_quota, count),
	  .max = 1000000000,
	  REQUIRED },
	NUMBER(catalog_quota, window_s, YEARS_10, 0),
	BOOL(catalog_quota, evicts, false),
	LONG_TEXT(catalog_quota, note),
};
SHAPE(quota, catalog_quota);

static const struct shape_field fields_method[] = {
	WORD(catalog_method, kind, words_kind, REQUIRED),
	NEED_TEXT(catalog_method, name),
	LONG_TEXT(catalog_method, help),
	LIST(catalog_method, fields, shape_credential, 20),
	LIST(catalog_method, parameters, shape_parameter, 20),
	LIST(catalog_method, inject, shape_injection, 20),
	OBJECT(catalog_method, basic, shape_basic),
	TEXT(catalog_method, base_url, .flags = SHAPE_NONEMPTY),
	TEXTS(catalog_method, hosts, 60),
	POINTER(catalog_method, authorize, shape_authorize),
	POINTER(catalog_method, token, shape_token),
	POINTER(catalog_method, refresh, shape_refresh),
	POINTER(catalog_method, revoke, shape_revoke),
	POINTER(catalog_method, device, shape_device),
	POINTER(catalog_method, answer, shape_answer),
	PAIRS(catalog_method, rename, 10),
	LIST(catalog_method, errors, shape_error, 40),
	LIST(catalog_method, captures, shape_capture, 10),
	LIST(catalog_method, lookups, shape_lookup, 5),
	LIST(catalog_method, quotas, shape_quota, 20),
};
SHAPE(method, catalog_method);

/* ---- the API ---- */

static const struct shape_field fields_test[] = {
	TEXT(catalog_test, method, .fallback = "GET"),
	NEED_TEXT(catalog_test, path),
	TEXTS(catalog_test, needs_scope, 20),
	OBJECT(catalog_test, success, shape_match),
	TEXT(catalog_test, account, .flags = SHAPE_NONEMPTY),
};
SHAPE(test, catalog_test);

static const struct shape_field fields_refresh_on[] = {
	{ .name = "when",
	  .kind = SHAPE_OBJECT,
	  AT(catalog_refresh_on, when),
	  .sub = &shape_match,
	  REQUIRED },
	BOOL(catalog_refresh_on, executed_nothing, false),
};
SHAPE(refresh_on, catalog_refresh_on);

static const struct shape_field fields_api[] = {
	TEXT(catalog_api, base_url, .flags = SHAPE_NONEMPTY),
	{ .name = "hosts",
	  .kind = SHAPE_TEXTS,
	  AT(catalog_api, hosts),
	  .max = 60,
	  REQUIRED },
	PAIRS(catalog_api, headers, 20),
	LIST(catalog_api, tests, shape_test, 10),
	LIST(catalog_api, refresh_on, shape_refresh_on, 10),
	LIST(catalog_api, missing_scope_on, shape_match, 10),
	LIST(catalog_api, throttled_on, shape_throttle, 10),
	LIST(catalog_api, rate_limits, shape_quota, 20),
	NUMBER(catalog_api, connect_timeout_ms, 60000, 0),
	NUMBER(catalog_api, first_byte_timeout_ms, 600000, 0),
};
SHAPE(api, catalog_api);

static const struct shape_field fields_data_centre[] = {
	NEED_TEXT(catalog_data_centre, name),
	{ .name = "hosts",
	  .kind = SHAPE_PAIRS,
	  AT(catalog_data_centre, hosts),
	  .max = 60,
	  REQUIRED },
};
SHAPE(data_centre, catalog_data_centre);

static const struct shape_field fields_app[] = {
	TEXT(catalog_app, id, .flags = SHAPE_NONEMPTY),
	TEXT(catalog_app, register_url, .flags = SHAPE_NONEMPTY),
	LONG_TEXT(catalog_app, help),
	BOOL(catalog_app, per_data_centre, false),
};
SHAPE(app, catalog_app);

static const struct shape_field fields_service[] = {
	SKIP("$schema"),
	SKIP("uses"),
	NEED_TEXT(service, id),
	NEED_TEXT(service, name),
	TEXT(service, description, .fallback = "", .flags = SHAPE_LONG),
	TEXTS(service, categories, 10),
	TEXT(service, docs, .flags = SHAPE_NONEMPTY),
	TEXTS(service, sources, 30),
	OBJECT(service, app, shape_app),
	{ .name = "allow_http", .kind = SHAPE_HTTP, AT(service, allow_http) },
	TEXT(service, ca, .flags = SHAPE_PEM),
	MAP(service, data_centres, shape_data_centre, 40),
	TEXT(service, default_data_centre, .flags = SHAPE_NONEMPTY),
	LIST(service, parameters, shape_parameter, 20),
	{ .name = "methods",
	  .kind = SHAPE_MAP,
	  AT(service, methods),
	  .sub = &shape_method,
	  .max = 10,
	  REQUIRED },
	LIST(service, scopes, shape_scope, 2000),
	LIST(service, second_scopes, shape_scope, 2000),
	LIST(service, scope_aliases, shape_alias, 20),
	{ .name = "api",
	  .kind = SHAPE_OBJECT,
	  AT(service, api),
	  .sub = &shape_api,
	  REQUIRED },
};

const struct shape shape_service = { "service", sizeof(struct service),
				     fields_service,
				     ARRAY_LEN(fields_service) };

const struct shape *
shape_next(size_t *cursor)
{
	static const struct shape *const all[] = {
		&shape_service,	     &shape_match,	 &shape_credential,
		&shape_choice,	     &shape_parameter,	 &shape_scope,
		&shape_alias,	     &shape_injection,	 &shape_basic,
		&shape_authorize,    &shape_token,	 &shape_refresh,
		&shape_revoke,	     &shape_device,	 &shape_expiry,
		&shape_answer,	     &shape_error,	 &shape_capture,
		&shape_lookup_value, &shape_lookup,	 &shape_quota,
		&shape_method,	     &shape_test,	 &shape_refresh_on,
		&shape_api,	     &shape_data_centre, &shape_app,
		&shape_scope_rule,   &shape_throttle,
	};

	return *cursor < ARRAY_LEN(all) ? all[(*cursor)++] : NULL;
}
