/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing a curl command line as a webhook block's request.
 *
 * A pasted command is a secret until it was looked through: it comes in
 * locked memory, its words and body stay in locked memory, and what is a
 * credential in it (-u, Authorization, cookies, names and values as in
 * hints.h) is left out of the result and becomes an *offer*: make a
 * connection for it.  No value of a credential, and nothing of an option
 * that may hold one, is ever in the result.
 *
 * Runs in the front.  Opens nothing and runs nothing: files that the command
 * names are not read, substitutions of the shell are not made.
 */
#ifndef HOOK_CURL_H
#define HOOK_CURL_H

#include "catalog/catalog.h"
#include "http/http.h"
#include "json/json.h"

enum {
	HOOK_CURL_MAX = 96 * 1024, /* bytes of a command */
	HOOK_CURL_NOTES_MAX = 40,
	HOOK_CURL_OFFERS_MAX = 16,
	HOOK_CURL_SERVICES_MAX = 8,
	HOOK_CURL_NAME_MAX = 100,
	HOOK_CURL_HOST_SIZE = HTTP_HOST_MAX + 8, /* with ":port" and NUL */
};

/* What could not be taken over, or was taken over otherwise. */
struct hook_curl_note {
	const char *option; /* "--proxy"; "" where it is none.  Static */
	const char *detail; /* sentences, for people.  Static */
};

/* A credential that was left out, and the connection to make for it. */
struct hook_curl_offer {
	const char *kind;  /* "bearer", "basic", "api_key", "cookie" */
	const char *place; /* "header", "query", "form", "json", "path",
			    * "multipart" */
	char name[HOOK_CURL_NAME_MAX + 1]; /* of header, parameter, member */
	const char *prefix;		   /* "Zoho-oauthtoken ", or "" */
	char host[HOOK_CURL_HOST_SIZE];	   /* "" where the command's is none */
	/* Ids of services of the catalogue that have this host. */
	char services[HOOK_CURL_SERVICES_MAX][CATALOG_ID_MAX + 1];
	size_t service_count;
};

struct hook_curl {
	json_t *request; /* owned: {method, url, query, headers, body, …} */
	struct hook_curl_note notes[HOOK_CURL_NOTES_MAX];
	size_t note_count;
	struct hook_curl_offer offers[HOOK_CURL_OFFERS_MAX];
	size_t offer_count;
	/* Why there is no request (ERR_INVALID), and what to do; static. */
	const char *problem, *hint;
};

/*
 * Reads the command.  The catalogue may be NULL; org as in catalog_next().
 * 0; ERR_INVALID with problem (hint may be NULL): no curl command, or one
 * that curl or a shell would refuse; ERR_TOO_LARGE; ERR_NOMEM.  Give the
 * release an `out` in any state.
 */
int hook_curl_import(const struct secret *text, const struct catalog *catalog,
		     const char *org, struct hook_curl *out);
void hook_curl_release(struct hook_curl *out);

#endif
