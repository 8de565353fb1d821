/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of method/: what authentication methods do with credentials.
 *
 * Methods differ in data (the binding), not in code paths: a credential is a
 * handful of named secrets, an injection is templates over them.  OAuth 2.0
 * besides builds requests to token endpoints and reads their answers.
 *
 * Roles: the keeper checks credentials and makes injections; the exchanger
 * builds token requests and reads answers.  Never used in the front.
 */
#ifndef METHOD_METHOD_H
#define METHOD_METHOD_H

#include "catalog/catalog.h"

/* ---- credentials ---- */

enum { METHOD_FIELDS_MAX = 16, METHOD_NAME_SIZE = 64 };

/* Named secrets: the method's own fields, or a grant's tokens. */
struct method_credential {
	struct {
		char name[METHOD_NAME_SIZE];
		struct secret *value;
	} items[METHOD_FIELDS_MAX];
	size_t count;
};

/* Frees the secrets; the struct may be used again. */
void method_credential_release(struct method_credential *c);
/* NULL where there is none; borrowed. */
const struct secret *method_credential_get(const struct method_credential *c,
					   struct slice name);
/* Takes value (NULL removes).  ERR_TOO_LARGE. */
int method_credential_set(struct method_credential *c, const char *name,
			  struct secret *value);
/*
 * Whether it is what a person has to give for this method: all required
 * fields, no unknown ones, patterns, no control characters.  ERR_INVALID
 * with a problem that names "/credentials/<field>" and never the value.
 */
int method_credential_check(const struct binding *b,
			    const struct method_credential *c,
			    struct json_problem *problem);

/* ---- injections ---- */

/* What is added to a request, ready to be copied. */
struct method_injection {
	struct secret *headers; /* "Name: value\r\n…", NULL: none */
	struct secret *query;	/* "name=value&…", encoded */
	struct secret *form;	/* the same */
	struct secret *path;	/* "/bot…", encoded */
};

void method_injection_release(struct method_injection *i);
/* Expands the binding's templates.  ERR_INVALID when a field is missing or a
 * header's value cannot be sent (control characters). */
int method_inject(const struct binding *b, const struct method_credential *c,
		  struct method_injection *out);

/* ---- what is to be masked ---- */

enum { METHOD_SECRETS_MAX = METHOD_FIELDS_MAX + 24 };

struct method_secrets {
	struct secret *items[METHOD_SECRETS_MAX];
	size_t count;
};

void method_secrets_release(struct method_secrets *s);
/*
 * The secrets that an API could repeat, as they are and as they are sent: all
 * values of the credential but a refresh token, and those of fields that the
 * definition calls none ("secret": false, a user name), and what they are part
 * of in a request, such as the base64 of {basic}.  Where nothing of at least
 * 8 bytes stands beside such a field, it is taken for the secret.  The same
 * errors as of method_inject(); *out holds none then.
 */
int method_secrets_list(const struct binding *b,
			const struct method_credential *c,
			struct method_secrets *out);

/* ---- OAuth 2.0 requests (RFC 6749, 7636, 7009) ---- */

enum method_request {
	METHOD_EXCHANGE,	   /* authorization_code */
	METHOD_REFRESH,		   /* refresh_token */
	METHOD_CLIENT_CREDENTIALS, /* client_credentials */
	METHOD_REVOKE,
};

/* Everything that a request may need; NULL where it does not. */
struct method_request_input {
	enum method_request what;
	const struct binding *binding;
	const char *client_id;
	const struct secret *client_secret;
	const struct secret *code;
	const struct secret *verifier;
	const char *redirect_uri;
	const struct secret *refresh_token;
	const struct secret *access_token;
	const char *scope; /* as sent: joined by the method's separator */
};

struct method_http {
	const char *method; /* static, or the binding's */
	char *url;	    /* with a query that may hold secrets: wiped */
	struct secret *fields;
	struct secret *body;
};

void method_http_release(struct method_http *h);
int method_oauth2_request(const struct method_request_input *in,
			  struct method_http *out);

/* ---- OAuth 2.0 callbacks ---- */

/*
 * Whether a callback's query (undecoded, without '?') is signed with the
 * client's secret, where the definition says that it must be.  0 (also where
 * it says nothing); ERR_FORBIDDEN: unsigned, ambiguous or forged; ERR_NOMEM.
 */
int method_callback_check(const struct binding *b, struct slice query,
			  const struct secret *client_secret);

/* ---- OAuth 2.0 answers ---- */

enum { METHOD_CAPTURES_MAX = 16, METHOD_SCOPE_SIZE = 4096 };

/* What a token endpoint has answered. */
struct method_answer {
	/* false: class and the texts below say why */
	bool ok;
	enum catalog_class class;
	uint32_t wait_s;       /* throttled, transient; 0: unknown */
	char error[96];	       /* the provider's code, cleaned */
	char description[256]; /* its words, cleaned */
	char hint[256];	       /* the definition's */
	/* ok: */
	struct secret *access_token;
	struct secret *refresh_token;	      /* NULL: none came */
	int64_t expires_at;		      /* wall ms; 0: does not */
	int64_t refresh_expires_at;	      /* 0: unknown */
	char scope[METHOD_SCOPE_SIZE];	      /* joined by spaces */
	char second_scope[METHOD_SCOPE_SIZE]; /* or "" */
	bool has_scope;
	char account[256];
	/* Values for the definition's captures, to be judged by the keeper;
	 * by their index in method->captures. */
	struct {
		size_t index;
		char value[512];
	} captures[METHOD_CAPTURES_MAX];
	size_t capture_count;
};

void method_answer_release(struct method_answer *a);
/*
 * Reads an answer.  body is changed in place (secrets are lifted out of it).
 * head (may be NULL) is asked for fields.  now_ms is the wall clock.
 */
void method_oauth2_answer(const struct binding *b, enum method_request what,
			  int status, char *body, size_t len,
			  struct slice (*header)(void *arg, struct slice name),
			  void *header_arg, int64_t now_ms,
			  struct method_answer *out);
/*
 * Takes a secret out of a provider's words (a text of at most size - 1
 * bytes): as it is, percent-encoded, or a part of it where the words were
 * cut.  A NULL secret is in none.  Of a failure's words both at once: the
 * tokens that came with it have been taken out already, what was sent is the
 * caller's to name.
 */
void method_words_redact(char *text, size_t size, const struct secret *secret);
void method_answer_redact(struct method_answer *a, const struct secret *secret);
/* Whether a revocation is sent with the access token, whatever else there is:
 * then one that has run out is of no use for it. */
bool method_oauth2_revoke_shows_access(const struct binding *b);
/* Whether it says at all which token it is about; or else it is about all that
 * the client has of an account (Stripe). */
bool method_oauth2_revoke_shows_token(const struct binding *b);
/* Whether it goes with the client's credentials, so that what is answered may
 * be about this client's tokens alone (RFC 7009 2.1). */
bool method_oauth2_revoke_proves_client(const struct binding *b);
/* Whether a revocation went through; never where there is no way to. */
bool method_oauth2_revoked(const struct binding *b, int status,
			   struct slice body);

#endif
