/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binding: a definition with a connection's choices put in, self-contained.
 *
 * It says where a credential may go and how it is got, renewed and attached;
 * a grant is sealed with it.  Its JSON carries the definition's part for one
 * method, with every data centre, so that keeper and exchanger need no
 * catalogue, and so that nothing that happens to the catalogue later moves
 * a stored credential.  It holds no secret.
 *
 * A binding is read-only to everybody who shares it; the two verbs that
 * change one (capture, switch) are for its single owner during consent.
 */
#ifndef CATALOG_BINDING_H
#define CATALOG_BINDING_H

#include "catalog/service.h"

/* One place that calls may go to. */
struct binding_host {
	const char *name; /* canonical; of a wildcard: the suffix, ".x.com" */
	bool wildcard;	  /* any name that ends in it (not the bare x.com) */
	uint16_t port;	  /* 0: the scheme's own */
};

struct binding {
	const struct service *service;	     /* cut down: this method alone, no
					* scopes, docs, sources */
	const struct catalog_method *method; /* unresolved, but see below */
	enum catalog_kind kind;
	const char *service_id;
	const char *app_id;
	const char *method_id;
	const char *data_centre;	 /* NULL where the service has none */
	struct catalog_pairs parameters; /* all, defaults included */
	struct catalog_pairs values;	 /* captured and looked up */
	enum catalog_http allow_http;

	/* Resolved. */
	const char *base_url; /* no trailing slash */
	struct binding_host *hosts;
	size_t host_count;
	struct catalog_pairs headers;	  /* of the API */
	struct catalog_injections inject; /* only {fields of the credential}
					   * are left in the values */
	struct catalog_basic basic;	  /* likewise */
	const char *authorize_url;	  /* these: NULL where there is none */
	const char *issuer;
	const char *token_url;
	const char *refresh_url; /* the token URL where it has no own */
	const char *revoke_url;	 /* {client_id} may be left in it */
	const char *device_url;
	struct catalog_pairs authorize_parameters;
	struct catalog_pairs token_parameters, token_headers;
	struct catalog_pairs refresh_parameters, refresh_headers;
	const char **lookup_urls; /* one for each of method->lookups */
	struct catalog_pairs *lookup_where; /* likewise */
	/* One for each of service->api.tests: a URL, or a path where the base
	 * URL is not known before consent. */
	const char **test_urls;
};

void binding_free(struct binding *b);
/* A copy with the same contents, for a new owner; NULL: out of memory. */
struct binding *binding_dup(const struct binding *b);

enum { BINDING_JSON_MAX = 64 * 1024 };
/* Appends the sealed form.  The same binding always gives the same bytes. */
int binding_to_json(const struct binding *b, struct buf *out);
/* Reads it back: strict, to the last member.  ERR_INVALID with a problem. */
int binding_from_json(struct slice text, struct binding **out,
		      struct json_problem *problem);

/* ---- where a credential may go ---- */

/*
 * Whether a call to this place may carry the injection.  host as written or
 * canonical (compared after lower-casing, without one trailing dot); port 0
 * is the scheme's own.  Plain http only as allow_http says.
 */
bool binding_hosts_allow(const struct binding *b, bool https, struct slice host,
			 uint16_t port);
/* Where a grant is: sealed with its own data centre, or with none. */
const char *binding_grant_centre(const struct binding *now,
				 const struct binding *sealed);
/* Whether what is resolved in `now` is of another data centre than the
 * grant's own: that of a connection says nothing of each user's grant. */
bool binding_grant_is_abroad(const struct binding *now,
			     const struct binding *sealed);
/*
 * The same for what a definition says now (without a grant's own values), of
 * a grant: in its own data centre, and in no other; hosts that wait for a
 * captured value get the grant's.
 */
bool binding_hosts_allow_grant(const struct binding *now,
			       const struct binding *sealed, bool https,
			       struct slice host, uint16_t port);
/* The same for a token, revoke, device or look-up URL: it must be one of the
 * binding's own, to the letter. */
bool binding_endpoint_allows(const struct binding *b, struct slice url);
enum { CATALOG_ANCHORS_MAX = 8, CATALOG_ANCHOR_ID = 64 + 1 };

/* What tells each of these trust anchors (PEM; NULL: none) from others,
 * however it is written.  Their number. */
size_t catalog_anchor_ids(const char *ca,
			  char out[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID]);
/*
 * Who may vouch for the hosts that a grant goes to: those whom the binding
 * that it was sealed with and the definition as it is now both trust.  *out
 * is PEM, borrowed from sealed or from `common` (an empty buffer), or NULL:
 * the system's.  ERR_BLOCKED: they have none in common.
 */
int binding_anchors(const struct binding *now, const struct binding *sealed,
		    struct buf *common, const char **out);
/*
 * Whether everything that `now` may reach (hosts, endpoints, plain http) is
 * reachable for `sealed` too, with the same method, and nobody else vouches
 * for it: then the grant stays
 * attached.  When not, detail says what was added.
 */
bool binding_covers(const struct binding *sealed, const struct binding *now,
		    char *detail, size_t size);

/* ---- during consent, single owner ---- */

/*
 * Takes a value that the provider sent (decoded).  It must be in the
 * capture's table or of its pattern: ERR_FORBIDDEN otherwise, with a detail
 * for people, and the consent is to be refused whole.  All resolved members
 * are renewed.  On an error the binding is as before.
 */
int binding_capture(struct binding *b, const struct catalog_capture *c,
		    struct slice value, char *detail, size_t size);
/* Takes a looked-up value; ERR_FORBIDDEN if not of its pattern. */
int binding_set_value(struct binding *b, const struct catalog_lookup_value *v,
		      struct slice value, char *detail, size_t size);
/*
 * Where the paths of look-up number index begin in its answer: the answer
 * itself, or the item of its list that is meant.  Borrowed from the tree;
 * NULL with a detail for people where there is none.
 */
const json_t *binding_lookup_item(const struct binding *b, size_t index,
				  const json_t *tree, char *detail,
				  size_t size);
/* Moves everything to another data centre; ERR_NOT_FOUND, ERR_UNSUPPORTED
 * (the service is not there). */
int binding_switch_data_centre(struct binding *b, const char *data_centre);

/* The value of a parameter, or what was captured or looked up under a name;
 * NULL where there is none.  Borrowed. */
const char *binding_text(const struct binding *b, struct slice name);

/* ---- scopes ---- */

/* Whether a method asks for scopes of this list of its service. */
bool catalog_method_asks(const struct catalog_method *m, bool second);
/*
 * Whether `granted`, a scope that the provider told, says that `asked` was
 * granted: by its name, or by a rule of the method's answer (another name, or
 * a scope that includes it).  This is the one place where the two are
 * compared.
 */
bool binding_scope_covers(const struct binding *b, struct slice asked,
			  struct slice granted);
/* Whether the provider would name the scope had it been granted. */
bool binding_scope_is_told(const struct binding *b, struct slice asked);

/* ---- templates over a credential ---- */

/*
 * Walks a template's pieces: literal text, or the name of a placeholder.
 * Start with *rest = the whole.  False at the end.
 */
bool binding_template_next(struct slice *rest, struct slice *text,
			   bool *is_name);

/* ---- reading answers ---- */

/* A response, as far as rules look at it. */
struct binding_answer {
	int status;
	struct slice body; /* as far as held; 4 KiB are looked at */
	/* The value of a header field, or an empty slice; may be NULL when
	 * there are no fields to ask. */
	struct slice (*header)(void *arg, struct slice name);
	void *header_arg;
};

bool binding_match(const struct catalog_match *m,
		   const struct binding_answer *a);
/* All of them (true for none). */
bool binding_match_all(const struct catalog_matches *m,
		       const struct binding_answer *a);
/* Any of them (false for none). */
bool binding_match_any(const struct catalog_matches *m,
		       const struct binding_answer *a);
/* Whether an answer of this status must show its body before it can be told
 * that it matches. */
bool binding_match_wants_body(const struct catalog_match *m, int status);
/* The value at a path ("a.b.0.c"), or NULL; borrowed. */
const json_t *binding_path_get(const json_t *value, const char *path);
/*
 * The text for people at a path (an account's name, an error's words); none
 * where there is no text, or one with control characters.  Whole and borrowed:
 * who masks secrets in it does so before it is cut, since half of one is not
 * seen.
 */
struct slice binding_words_get(const json_t *value, const char *path);

/*
 * What a refused token request means: *rule (may be NULL) gets the rule that
 * told, or NULL.  Then 429 is throttled; REFUSED what the authorization server
 * itself refuses (RFC 6749 5.2: an "error", or 400 and 401 with an object or
 * without a body); and all else transient: 5xx, and pages of whatever stands
 * before that server.
 */
enum catalog_class binding_error_class(const struct binding *b,
				       enum catalog_during during,
				       const struct binding_answer *a,
				       const struct catalog_error **rule);
/* The API's answer says that the token is dead; NULL if it does not. */
const struct catalog_refresh_on *
binding_refresh_on(const struct binding *b, const struct binding_answer *a);

/* The API's answer says that too much was asked, and of what; NULL if it does
 * not.  429 means that also where no rule says so. */
const struct catalog_throttle *
binding_throttled(const struct binding *b, const struct binding_answer *a);

/* Whether `text` (at most 1024 bytes, no NUL) matches a POSIX extended
 * pattern; a pattern that does not compile matches nothing. */
bool binding_pattern_matches(const char *pattern, struct slice text);

#endif
