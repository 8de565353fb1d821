/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints on a webhook block's request: secrets that were typed into it, and
 * requests that do not do what they seem to.
 *
 * What means a credential (names, beginnings of values) and which requests
 * are traps are tables in hints.c and secret_word.c.  A hint never quotes a
 * value.
 */
#ifndef HOOK_HINTS_H
#define HOOK_HINTS_H

#include "json/json.h"

struct hook_hint {
	const char *pointer; /* RFC 6901, from the request's root */
	const char *code;    /* "literal_secret" …, for programs */
	const char *detail;  /* sentences, for people */
	bool soft;	     /* may well be meant */
};

extern const char hook_hint_variable[]; /* the code "variable_secret" */

typedef void hook_hint_report(void *arg, const struct hook_hint *hint);

enum { HOOK_HINTS_MAX = 50 };

/*
 * Looks at a request ({method, url, query, headers, body}, as in a webhook
 * block; what is not of its form is passed over) and reports up to
 * HOOK_HINTS_MAX hints, each borrowed for the call.  Returns how many.
 *
 * Codes: literal_secret; variable_secret (soft: a credential that a variable
 * brings); looks_secret (soft: a long random text under an ordinary name);
 * filter_ignored (the API ignores a parameter and answers with everything).
 */
size_t hook_hints(const json_t *request, hook_hint_report *report, void *arg);

/* ---- what means a credential, for imports too ---- */

/* Whether a header, parameter or member of this name holds a credential,
 * however it is spelt: X-API-Key, apiKey, api_key, user[password]. */
bool hook_secret_name(struct slice name);
/* Whether a word of the text begins as the secrets of a known service do
 * (sk_live_…, ghp_…, a JWT, a PEM block). */
bool hook_secret_shape(struct slice text);
/* The first such word: its place in the text, and its length (0: none). */
size_t hook_secret_find(struct slice text, size_t *at);
/* Whether the text is one long random word: probably a key, perhaps an id. */
bool hook_secret_random(struct slice text);
/* A scheme of Authorization at the front, with its space ("Bearer "), as the
 * table spells it; NULL: none that is known. */
const char *hook_secret_scheme(struct slice value);

#endif
