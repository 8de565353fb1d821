/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which scope is missing.
 *
 * Some services say it: in WWW-Authenticate (RFC 6750 3), in a header of
 * their own (GitHub: X-Accepted-OAuth-Scopes), in the body (Slack: "needed").
 * Others say only that one is missing (Zoho: SCOPE_MISMATCH); then the
 * definition's scopes are searched for one that is named like a segment of
 * the path and allows this method, and it is told as a guess.
 */
#include <stdio.h>

#include "call/call_priv.h"

enum { NAMED_MAX = 160, WORD_MAX = 64 };

/* ---- as the service says it ---- */

/* Only what can be scopes: RFC 6749 3.3, and commas between them. */
static bool
can_be_scopes(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e || s.ptr[i] == '"' ||
		    s.ptr[i] == '\\' || s.ptr[i] == '<')
			return false;
	return s.len > 0 && s.len < NAMED_MAX;
}

/* scope="…" of a challenge. */
static struct slice
of_challenge(struct slice value)
{
	static const char mark[] = "scope=\"";
	size_t i, n = sizeof(mark) - 1;
	struct slice rest;

	for (i = 0; i + n < value.len; i++) {
		rest = slice_from(value, i);
		if (slice_starts_nocase(rest, SLICE("scope=\"")) &&
		    (!i || strchr(" ,\t", value.ptr[i - 1]))) {
			rest = slice_from(rest, n);
			return slice_head(rest, slice_find(rest, '"'));
		}
	}
	return SLICE_NONE;
}

static struct slice
of_header(const struct binding_answer *a)
{
	struct slice named;

	named = of_challenge(
		a->header(a->header_arg, SLICE("www-authenticate")));
	if (!can_be_scopes(named))
		named = a->header(a->header_arg,
				  SLICE("x-accepted-oauth-scopes"));
	return named;
}

static bool
of_body(const struct binding_answer *a, char *out, size_t size)
{
	struct json_problem ignored = { 0 };
	json_t *tree = NULL;
	const char *needed;
	bool found = false;

	if (!a->body.len || json_read(a->body, CALL_PEEK_MAX, &tree, &ignored))
		return false;
	needed = json_string_value(json_object_get(tree, "needed"));
	if (needed && can_be_scopes(slice_str(needed))) {
		snprintf(out, size, "%s", needed);
		found = true;
	}
	json_decref(tree);
	return found;
}

/* ---- a guess ---- */

/* Words of a scope that allow a method; broad: together with others. */
static bool
word_allows(struct slice word, struct slice method, bool broad)
{
	static const struct {
		const char *method, *words;
	} rules[] = {
		{ "GET", " read readonly view " },
		{ "HEAD", " read readonly view " },
		{ "POST", " create write " },
		{ "PUT", " update write " },
		{ "PATCH", " update write " },
		{ "DELETE", " delete write " },
	};
	char spaced[WORD_MAX + 3];
	size_t i;

	if (!word.len || word.len > WORD_MAX)
		return false;
	snprintf(spaced, sizeof(spaced), " %.*s ", (int)word.len, word.ptr);
	for (i = 0; spaced[i]; i++)
		if (spaced[i] >= 'A' && spaced[i] <= 'Z')
			spaced[i] = (char)(spaced[i] + ('a' - 'A'));
	if (broad && strstr(" all full ", spaced))
		return true;
	for (i = 0; i < ARRAY_LEN(rules); i++)
		if (slice_eq(method, slice_str(rules[i].method)))
			return strstr(rules[i].words, spaced) != NULL;
	return false;
}

/* "ticket" and "tickets" are one. */
static bool
word_is_segment(struct slice word, struct slice segment)
{
	if (word.len && (word.ptr[word.len - 1] | 0x20) == 's')
		word.len--;
	if (segment.len && (segment.ptr[segment.len - 1] | 0x20) == 's')
		segment.len--;
	return word.len > 2 && slice_eq_nocase(word, segment);
}

static bool
word_is_of_path(struct slice word, struct slice path)
{
	struct slice segment;

	path = slice_head(path, slice_find(path, '?'));
	while (slice_next(&path, '/', &segment))
		if (word_is_segment(word, segment))
			return true;
	return false;
}

static struct slice
next_word(struct slice *rest)
{
	struct slice word;
	size_t n = 0;

	while (n < rest->len && !strchr(".:_-/ ", rest->ptr[n]))
		n++;
	word = slice_head(*rest, n);
	*rest = slice_from(*rest, n < rest->len ? n + 1 : n);
	return word;
}

static bool
scope_fits(const char *scope, struct slice method, struct slice path,
	   bool broad)
{
	struct slice rest = slice_str(scope), word;
	bool allows = false, names = false;

	while (rest.len) {
		word = next_word(&rest);
		allows |= word_allows(word, method, broad);
		names |= word_is_of_path(word, path);
	}
	return allows && names;
}

/* The narrowest that fits, or the first of the broad ones. */
static const char *
scope_guess(const struct service *def, struct slice method, struct slice path)
{
	int broad;
	size_t i;

	for (broad = 0; broad < 2; broad++)
		for (i = 0; i < def->scopes.count; i++)
			if (scope_fits(def->scopes.items[i].name, method, path,
				       broad))
				return def->scopes.items[i].name;
	return NULL;
}

void
call_scope_missing(const struct call *c, const struct binding_answer *a,
		   char *out, size_t size)
{
	const struct connect_snapshot *s = c->snapshot;
	const struct service *def;
	struct slice named = of_header(a);
	const char *guess = NULL;

	out[0] = '\0';
	if (can_be_scopes(named)) {
		snprintf(out, size, "%.*s", (int)named.len, named.ptr);
		return;
	}
	if (of_body(a, out, size))
		return;
	def = catalog_find(s->catalog, s->org, s->service);
	if (def)
		guess = scope_guess(def, c->method, c->path);
	if (guess)
		snprintf(out, size, "perhaps %s", guess);
}
