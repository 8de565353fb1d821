/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service as its definition describes it: read-only data.
 *
 * The members follow services/schema.json one to one, where each is
 * described with examples; docs/service-definitions.md tells the story.
 * Strings are NUL-terminated UTF-8 and never NULL unless "may be NULL" is
 * said here (absent in the definition).  Everything is borrowed from the
 * catalogue (or binding) that the service came from.
 *
 * A *template* is text with {name} in it: {dc.KEY} (a host of the chosen
 * data centre), a parameter, a captured value ({NAME.host}
 * is the host of a captured base URL), and where it is said the
 * fields of a credential.  Other folders read templates resolved, from
 * struct binding.
 */
#ifndef CATALOG_SERVICE_H
#define CATALOG_SERVICE_H

#include "json/json.h"

enum catalog_kind {
	CATALOG_OAUTH2_CODE,
	CATALOG_OAUTH2_CLIENT_CREDENTIALS,
	CATALOG_API_KEY, /* any number of parts, each in its place */
	CATALOG_BASIC,
	CATALOG_BEARER,
	CATALOG_NONE,
};

enum catalog_place {
	CATALOG_IN_HEADER,
	CATALOG_IN_QUERY,
	CATALOG_IN_FORM,
	CATALOG_IN_PATH, /* a prefix of the path: "/bot{token}" */
};

enum catalog_client_auth {
	CATALOG_AUTH_BODY,  /* client_id and client_secret as parameters */
	CATALOG_AUTH_BASIC, /* RFC 6749 2.3.1, both form-encoded first */
	CATALOG_AUTH_NONE,  /* client_id alone: a public client */
	/* HTTP Basic with the secret as user name and no password */
	CATALOG_AUTH_BASIC_SECRET,
};

enum catalog_body { CATALOG_BODY_FORM, CATALOG_BODY_JSON, CATALOG_BODY_QUERY };

/* What an error of a token endpoint means. */
enum catalog_class {
	CATALOG_THROTTLED,     /* wait as told; still connected */
	CATALOG_DEAD_GRANT,    /* needs_reconnect */
	CATALOG_MISCONFIGURED, /* the OAuth app's fault; flag the app */
	CATALOG_TRANSIENT,     /* back off and try again */
	/* The server refuses, and no rule knows why: never in a definition.
	 * Try once more, then take it for a dead grant (refresh) or a failed
	 * consent. */
	CATALOG_REFUSED,
};

/* When a rule applies. */
enum catalog_during {
	CATALOG_DURING_ANY,
	CATALOG_DURING_EXCHANGE, /* of the code (or client credentials) */
	CATALOG_DURING_REFRESH,
};

/* How a lifetime in a token response is written.  A number may come as a
 * number or as a string of digits. */
enum catalog_unit {
	CATALOG_SECONDS,      /* from now */
	CATALOG_MILLISECONDS, /* from now */
	CATALOG_AT_SECONDS,   /* since 1970 */
	CATALOG_AT_MILLISECONDS,
	CATALOG_AT_RFC3339,
};

/* How far plain http is allowed. */
enum catalog_http {
	CATALOG_HTTP_NEVER,
	CATALOG_HTTP_LOOPBACK, /* to 127.0.0.1 and [::1], literally */
	CATALOG_HTTP_YES,      /* custom services; the guard still decides */
};

struct catalog_texts {
	const char **items;
	size_t count;
};

struct catalog_pair {
	const char *name;
	const char *value;
};

struct catalog_pairs {
	struct catalog_pair *items;
	size_t count;
};

struct catalog_status {
	uint16_t from, to; /* inclusive: "4xx" is 400 to 499 */
};

/*
 * A predicate on a response; all that is given must hold, and one with
 * nothing given holds always.  Ask with binding_match().
 */
struct catalog_match {
	struct {
		struct catalog_status *items;
		size_t count;
	} status;
	const char *json;	 /* path of a value in the body, or NULL */
	struct catalog_texts is; /* the value's text is one of these; none:
				  * it is there and not null, false, "" */
	struct catalog_texts body_has; /* any of these in the first 4 KiB */
	const char *header;	       /* name of a header field, or NULL */
	const char *header_has; /* text in its value; NULL: it is there */
};

struct catalog_matches {
	struct catalog_match *items;
	size_t count;
};

/* What there was too much of, when a service throttles. */
enum catalog_limit {
	CATALOG_LIMIT_RATE,	   /* calls in a short time */
	CATALOG_LIMIT_QUOTA,	   /* calls of a day or month: used up */
	CATALOG_LIMIT_CONCURRENCY, /* calls at the same time */
};

/* An answer that says that too much was asked. */
struct catalog_throttle {
	struct catalog_match when; /* first: its members are the rule's own */
	enum catalog_limit limit;
	uint32_t wait_s; /* unless Retry-After says; 0: unknown */
};

/* ---- what a person gives ---- */

/* One value of a credential. */
struct catalog_field {
	const char *name;  /* "api_key": the member of "credentials" */
	const char *label; /* "Secret key" */
	bool secret;	   /* default true */
	bool optional;
	const char *pattern; /* POSIX extended, or NULL */
	const char *help;    /* or NULL */
	const char *example; /* or NULL */
};

struct catalog_choice {
	const char *value;
	const char *label;
};

enum catalog_parameter_type {
	CATALOG_PARAMETER_LABEL, /* [a-z0-9_-]{1,63}: a tenant's name, a port */
	CATALOG_PARAMETER_HOST,	 /* a host[:port]: self-hosted products */
	CATALOG_PARAMETER_TEXT,	 /* never in a URL's host: header values */
};

/* A tenant variable, in the connection's "parameters". */
struct catalog_parameter {
	const char *name;
	const char *label;
	enum catalog_parameter_type type;
	bool optional;
	const char *pattern; /* POSIX extended, anchored; or NULL */
	struct {
		struct catalog_choice *items;
		size_t count;
	} choices;	      /* if any: nothing else is taken */
	const char *fallback; /* "default" in the definition, or NULL */
	const char *help;     /* or NULL */
	const char *example;  /* or NULL */
};

struct catalog_parameters {
	struct catalog_parameter *items;
	size_t count;
};

struct catalog_scope {
	const char *name;
	const char *description;
	const char *group; /* heading in a list, or NULL */
	bool preset;	   /* picked to begin with */
};

struct catalog_scopes {
	struct catalog_scope *items;
	size_t count;
};

/* Which of the service's scope lists a method asks for. */
enum catalog_scope_lists {
	CATALOG_SCOPES_BOTH, /* the second where it has a parameter for it */
	CATALOG_SCOPES_FIRST,
	CATALOG_SCOPES_SECOND,
};

/*
 * How a scope that was asked for is told in the answer, where it is not told
 * by its own name.  One '*' in `asked` stands for any text, and '*' in
 * `granted_as` for the same.
 */
struct catalog_scope_rule {
	const char *asked;
	struct catalog_texts granted_as; /* any of these: it was granted */
	bool never_told; /* the answer never names it, granted or not */
};

/* "ZohoDesk.tickets.READ" is meant as "Desk.tickets.READ". */
struct catalog_alias {
	const char *prefix;
	const char *becomes;
};

/* ---- methods ---- */

/* One part of what is added to a request.  value is a template over the
 * credential: {access_token}, the fields' names, {basic} (base64 of
 * user:password, see struct catalog_basic), parameters and captures. */
struct catalog_injection {
	enum catalog_place place; /* "in" */
	const char *name;	  /* of header or parameter; "" for path */
	const char *value;
};

struct catalog_injections {
	struct catalog_injection *items;
	size_t count;
};

/* Templates over fields and parameters: what {basic} is made of. */
struct catalog_basic {
	const char *username; /* "{username}" */
	const char *password; /* "{password}" */
};

struct catalog_authorize {
	const char *url; /* template */
	struct catalog_pairs parameters;
	bool pkce; /* S256; default true */
	const char *scope_parameter;
	const char *scope_separator;
	const char *second_scope_parameter; /* "user_scope", or NULL */
	enum catalog_scope_lists scope_lists;
	/* What is not granted of the second list was to be expected. */
	bool second_scopes_optional;
	const char *issuer; /* `iss` must equal it if sent (RFC 9207); template,
			     * or NULL: not known */
	bool issuer_required;
	/* The callback's parameter that holds the hex HMAC-SHA256 of all the
	 * others, made with the client secret; or NULL: it has none. */
	const char *hmac_parameter;
};

struct catalog_answer;

struct catalog_token {
	const char *url; /* template */
	enum catalog_client_auth client_auth;
	enum catalog_body body;
	struct catalog_pairs parameters;
	struct catalog_pairs headers;
	bool send_scope; /* scopes in exchange and refresh too (a client
			  * credentials request always has them) */
};

struct catalog_refresh {
	/* Whether there are refresh tokens at all; when not, a client
	 * credentials grant asks anew, and others live until they die. */
	bool supported;	 /* default true */
	const char *url; /* template; NULL: the token URL */
	struct catalog_pairs parameters;
	struct catalog_pairs headers;
	bool rotates;	       /* each refresh token is used once */
	uint32_t margin_s;     /* ahead of expiry; 0: the usual */
	uint32_t window_s;     /* only in the last … seconds; 0: any time */
	uint32_t idle_life_s;  /* refresh token dies unused; 0: does not */
	uint32_t total_life_s; /* … or in any case; 0: does not */
	/* How many one account may have of one app at a time: one more
	 * silently ends the oldest; 0: no such limit is known. */
	uint32_t tokens_per_account;
	/* Where things are in the answer to a refresh; NULL: where they are
	 * in the answer to the exchange. */
	const struct catalog_answer *answer;
};

/* How to take a grant back upstream. */
struct catalog_revoke {
	const char *url;    /* template, also over {client_id} */
	const char *method; /* POST, DELETE, GET */
	enum catalog_body body;
	/* Over {refresh_token}, {access_token}, {client_id}, and {token}: the
	 * refresh token if there is one, else the access token. */
	struct catalog_pairs parameters;
	struct catalog_pairs headers;
	enum catalog_client_auth client_auth;
	/* It takes back every grant of this account and app: an old grant is
	 * then not revoked when a new one replaces it. */
	bool takes_all;
	struct catalog_matches success; /* all must hold; none: 2xx */
};

/* Read and checked only: there is no device flow yet. */
struct catalog_device {
	const char *url;
};

struct catalog_expiry {
	const char *path;
	enum catalog_unit unit;
};

/* Where things are in a token response.  Paths: names joined by dots, an
 * array's index as a number: "authed_user.access_token". */
struct catalog_answer {
	struct catalog_texts access_token;  /* the first that is there */
	struct catalog_texts refresh_token; /* likewise */
	struct {
		struct catalog_expiry *items;
		size_t count;
	} expires;		     /* the first that is there counts */
	uint32_t expires_fallback_s; /* none is there; 0: does not expire */
	const char *refresh_expires; /* seconds, or NULL */
	const char *scope;
	const char *scope_separator; /* in the answer; any of its characters,
				      * spaces always */
	const char *second_scope;    /* or NULL: told among the first */
	struct {
		struct catalog_scope_rule *items;
		size_t count;
	} scope_rules;
	bool scope_any_case; /* scopes are told in letters of either case */
	const char *token_type;
	const char *account; /* the account's name, or NULL */
	/* All must hold, besides what always must: 2xx, a non-empty access
	 * token, and no "error". */
	struct catalog_matches success;
};

struct catalog_error {
	struct catalog_match when;
	enum catalog_class class;
	enum catalog_during during;
	uint32_t wait_s;  /* throttled: unless Retry-After says; 0: unknown */
	const char *hint; /* for people, or NULL */
};

enum catalog_capture_from { CATALOG_FROM_CALLBACK, CATALOG_FROM_TOKEN };
enum catalog_capture_sets {
	CATALOG_SETS_VALUE,	  /* {name} in templates */
	CATALOG_SETS_DATA_CENTRE, /* all endpoints move there */
	CATALOG_SETS_BASE_URL,
	CATALOG_SETS_NOTHING, /* looked at only: must be in its table */
};

/* A value of the provider's that changes where things go; taken only if it
 * is in the definition's own table or of its pattern. */
struct catalog_capture {
	const char *name;
	enum catalog_capture_from from;
	const char *field; /* query parameter, or path in the token response */
	struct catalog_texts hosts; /* the value is https://HOST of one of these
				     * keys of some data centre */
	const char *pattern;	    /* POSIX extended, anchored; or NULL */
	const char *equals;	    /* template: what it must be; or NULL */
	enum catalog_capture_sets sets;
	bool required;
};

struct catalog_lookup_value {
	const char *name; /* {name} in templates */
	const char *path;
	const char *pattern;
};

/* A call made once after consent, with the new token. */
struct catalog_lookup {
	const char *url;		  /* template; GET */
	struct catalog_texts needs_scope; /* any of them; none: always */
	/* Path of an array, "" for the answer itself: paths then begin in its
	 * first item for which all of where (path: template) holds; NULL:
	 * they begin in the answer. */
	const char *list;
	struct catalog_pairs where;
	const char *account; /* path of the account's name, or NULL */
	struct {
		struct catalog_lookup_value *items;
		size_t count;
	} values;
	bool required; /* else its failure is of no account */
};

enum catalog_quota_of {
	CATALOG_QUOTA_TOKEN_REQUESTS,
	CATALOG_QUOTA_REFRESH_TOKENS,
	CATALOG_QUOTA_ACCESS_TOKENS,
	CATALOG_QUOTA_CODES,
	CATALOG_QUOTA_CALLS,
};
enum catalog_quota_per {
	CATALOG_PER_GRANT,
	CATALOG_PER_USER,
	CATALOG_PER_APP,
	CATALOG_PER_ACCOUNT,
};

struct catalog_quota {
	enum catalog_quota_of of;
	enum catalog_quota_per per;
	uint32_t count;
	uint32_t window_s; /* 0: at any time */
	bool evicts;	   /* one too many silently kills the oldest */
	const char *note;  /* for people, or NULL */
};

struct catalog_quotas {
	struct catalog_quota *items;
	size_t count;
};

struct catalog_method {
	const char *id; /* "oauth", "key" */
	enum catalog_kind kind;
	const char *name; /* "Sign in with Zoho" */
	const char *help; /* or NULL */
	/* For API key, Basic and bearer; filled in where the kind has usual
	 * ones: api_key; username, password; token. */
	struct {
		struct catalog_field *items;
		size_t count;
	} fields;
	struct catalog_parameters parameters; /* beside the service's */
	struct catalog_injections inject;
	struct catalog_basic basic;
	/* Where calls by this method go, in place of the API's own; NULL and
	 * none: there. */
	const char *base_url;
	struct catalog_texts hosts;
	/* OAuth, else NULL (revoke, device: may be NULL there too) */
	const struct catalog_authorize *authorize;
	const struct catalog_token *token;
	const struct catalog_refresh *refresh;
	const struct catalog_revoke *revoke;
	const struct catalog_device *device;
	const struct catalog_answer *answer;
	/* "client_id" is called "client_key" here */
	struct catalog_pairs rename;
	struct {
		struct catalog_error *items;
		size_t count;
	} errors; /* the definition's, then RFC 6749's own */
	struct {
		struct catalog_capture *items;
		size_t count;
	} captures;
	struct {
		struct catalog_lookup *items;
		size_t count;
	} lookups;
	struct catalog_quotas quotas;
};

/* ---- the API itself ---- */

struct catalog_test {
	const char *method; /* GET, HEAD or POST */
	const char *path;   /* under the base URL, or a whole URL; template */
	struct catalog_texts needs_scope; /* any of them; none: always */
	struct catalog_match success;	  /* default: 2xx */
	const char *account; /* path of the account's name, or NULL */
};

/* When an answer says that the token is dead. */
struct catalog_refresh_on {
	struct catalog_match when;
	bool executed_nothing; /* the refused call may be sent again */
};

struct catalog_api {
	const char *base_url;	      /* template, no trailing slash */
	struct catalog_texts hosts;   /* templates: host[:port], *.suffix */
	struct catalog_pairs headers; /* values are templates; a header of the
				       * client's of that name wins */
	struct {
		struct catalog_test *items;
		size_t count;
	} tests; /* the first whose scopes are granted */
	struct {
		struct catalog_refresh_on *items;
		size_t count;
	} refresh_on; /* any; default for OAuth: 401 */
	struct catalog_matches missing_scope_on; /* any: degraded */
	struct {
		struct catalog_throttle *items;
		size_t count;
	} throttled_on; /* any: degraded; beside 429 */
	struct catalog_quotas rate_limits;
	uint32_t connect_timeout_ms;	/* 0: the gateway's own */
	uint32_t first_byte_timeout_ms; /* 0: the gateway's own */
};

struct catalog_data_centre {
	const char *id;		    /* "eu" */
	const char *name;	    /* "Europe" */
	struct catalog_pairs hosts; /* "desk": "desk.zoho.eu" */
	bool usable; /* has the hosts that the service's URLs need */
};

/* The OAuth app that an organisation registers. */
struct catalog_app {
	const char *id;		  /* services with the same id share it */
	const char *register_url; /* or NULL */
	const char *help;	  /* or NULL */
	bool per_data_centre;	  /* secrets may differ by data centre */
};

struct service {
	const char *id;
	const char *name;
	const char *description;
	struct catalog_texts categories;
	const char *docs;	      /* URL, or NULL */
	struct catalog_texts sources; /* where its facts were read */
	bool custom;
	struct catalog_app app;
	enum catalog_http allow_http;
	/* PEM certificates of those who alone may vouch for its hosts and
	 * endpoints, or NULL: the system's.  Custom services only. */
	const char *ca;
	struct {
		struct catalog_data_centre *items;
		size_t count;
	} data_centres;			 /* none: the service is in one place */
	const char *default_data_centre; /* NULL where there are none */
	struct catalog_parameters parameters;
	struct {
		struct catalog_method *items;
		size_t count;
	} methods; /* at least one; the first is the usual one */
	struct catalog_scopes scopes;
	struct catalog_scopes second_scopes;
	struct {
		struct catalog_alias *items;
		size_t count;
	} scope_aliases;
	struct catalog_api api;
};

#endif
