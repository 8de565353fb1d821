/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of json/: our few verbs over jansson.
 *
 * Reading is bounded (bytes, depth) and strict (duplicate keys refused, one
 * value, UTF-8).  Picking values out of an object collects the *first*
 * problem with its JSON pointer, so that a caller picks all it wants and
 * asks once.  JSON trees never hold secrets: write-only fields are lifted
 * out of the text with json_lift_secrets() before the tree is made.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <jansson.h>

#include "base/base.h"

/* What is wrong, and where (RFC 6901 pointer; "" is the whole document). */
struct json_problem {
	bool set;
	char pointer[256];
	char detail[256];
};

/* Notes the first problem only; later ones are dropped. */
void json_problem_set(struct json_problem *p, const char *pointer,
		      const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Parses text of at most max_bytes with at most 32 levels.  ERR_TOO_LARGE,
 * ERR_INVALID (detail has line and column).  *out is owned (json_decref).
 */
int json_read(struct slice text, size_t max_bytes, json_t **out,
	      struct json_problem *p);
/*
 * Appends the compact text; members in the order they were set; a real with
 * the fewest digits that read back as it (19.9, 20.0, 1e21).  ERR_INVALID for
 * more than 64 levels or a text that is not UTF-8; buf's errors.
 */
int json_write(const json_t *value, struct buf *out);

/* A place in a document: an object and its pointer. */
struct json_at {
	const json_t *object;
	const char *pointer;
	struct json_problem *problem;
};

/* False, with a problem, if value is no object. */
bool json_at_object(struct json_at *at, const json_t *value,
		    const char *pointer, struct json_problem *problem);
/*
 * Refuses members whose names are not in the NULL-terminated list ("unknown
 * field, did you mean …?").
 */
bool json_only(const struct json_at *at, const char *const *names);

/* Flags of the getters. */
enum { JSON_REQUIRED = 1 };

/*
 * Getters: absent (or null) and not required gives the default given.
 * A wrong type notes a problem and gives the default.  Strings are borrowed
 * from the tree; max_len in bytes.  NUL inside a string is refused.
 */
const char *json_get_str(const struct json_at *at, const char *name, int flags,
			 size_t max_len, const char *fallback);
int64_t json_get_int(const struct json_at *at, const char *name, int flags,
		     int64_t min, int64_t max, int64_t fallback);
bool json_get_bool(const struct json_at *at, const char *name, bool fallback);
const json_t *json_get_object(const struct json_at *at, const char *name,
			      int flags);
const json_t *json_get_array(const struct json_at *at, const char *name,
			     int flags, size_t max_items);
/* Writes at->pointer + "/" + name (escaped) into out. */
void json_pointer(const struct json_at *at, const char *name, char *out,
		  size_t size);

/*
 * Secrets out of a request: for an object text, takes every *string* member
 * value found at pointer `under` (an object, or "" for the document itself)
 * whose name is in names (or all string members if names is NULL) into
 * struct secrets, and overwrites the characters in text with '*' (same
 * length), so that the tree made afterwards holds none.  JSON escapes in
 * the value are decoded into the secret.  `text` is changed in place.
 * None (and 0) where the pointer leads to no object.  Only what lies on the
 * way is looked at: ERR_INVALID for what is no JSON there, for a name with
 * an escape, a NUL; whether all of it is JSON is for json_read() to say.
 * ERR_TOO_LARGE for more than `max`, or a value above SECRET_MAX; ERR_NOMEM.
 * After an error nothing is owned by the caller, and text may hold secrets
 * still: it must not be read further.
 */
struct json_secret {
	char name[64];
	struct secret *value; /* owned by the caller */
};
int json_lift_secrets(char *text, size_t len, const char *under,
		      const char *const *names, struct json_secret *out,
		      size_t max, size_t *count);

#endif
