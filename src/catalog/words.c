/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small checks on names, hosts, patterns and URLs, shared by the reader of
 * definitions and by bindings.  All refuse rather than repair.
 */
#include "catalog/catalog_priv.h"

#include <regex.h>

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
catalog_is_name(const char *s, size_t max, const char *more)
{
	size_t i, len = strlen(s);

	if (!len || len > max || !is_lower(s[0]))
		return false;
	for (i = 1; i < len; i++)
		if (!is_lower(s[i]) && !is_digit(s[i]) && !strchr(more, s[i]))
			return false;
	return true;
}

bool
catalog_is_label(struct slice s)
{
	size_t i;

	if (!s.len || s.len > 63)
		return false;
	for (i = 0; i < s.len; i++)
		if (!is_lower(s.ptr[i]) && !is_digit(s.ptr[i]) &&
		    s.ptr[i] != '-' && s.ptr[i] != '_')
			return false;
	return true;
}

bool
catalog_is_value(struct slice s)
{
	size_t i;

	if (!s.len || s.len > 256)
		return false;
	for (i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e || s.ptr[i] == '{' ||
		    s.ptr[i] == '}')
			return false;
	return s.ptr[0] != ' ' && s.ptr[s.len - 1] != ' ';
}

/* RFC 6749 3.3: %x21 / %x23-5B / %x5D-7E, and no comma, which separates. */
bool
catalog_is_scope(struct slice s)
{
	size_t i;

	if (!s.len || s.len > CATALOG_SCOPE_MAX)
		return false;
	for (i = 0; i < s.len; i++)
		if (s.ptr[i] <= 0x20 || s.ptr[i] > 0x7e || s.ptr[i] == '"' ||
		    s.ptr[i] == '\\' || s.ptr[i] == ',')
			return false;
	return true;
}

bool
catalog_is_loopback(const char *host)
{
	return !strcmp(host, "127.0.0.1") || !strcmp(host, "[::1]");
}

/* ---- hosts ---- */

/* Where the port begins in host[:port], or the length. */
static size_t
port_at(struct slice s)
{
	size_t colon = s.len;

	while (colon && is_digit(s.ptr[colon - 1]))
		colon--;
	if (colon && colon < s.len && s.ptr[colon - 1] == ':')
		return colon - 1;
	return s.len;
}

bool
binding_host_parse(const char *text, struct arena *a, struct binding_host *out)
{
	struct slice s = slice_str(text), name;
	char canonical[HTTP_HOST_MAX + 1];
	size_t colon = port_at(s);
	uint64_t port = 0;

	memset(out, 0, sizeof(*out));
	name = slice_head(s, colon);
	if (colon < s.len &&
	    (slice_to_u64(slice_from(s, colon + 1), 65535, &port) < 0 || !port))
		return false;
	if (slice_starts(name, SLICE("*."))) {
		out->wildcard = true;
		name = slice_from(name, 2);
		/* A whole top-level domain is nobody's service. */
		if (slice_find(name, '.') == name.len)
			return false;
	}
	if (http_host_canonical(name, canonical) < 0 ||
	    !slice_eq(name, slice_str(canonical)))
		return false;
	out->port = (uint16_t)port;
	if (!a)
		return true;
	out->name =
		arena_printf(a, "%s%s", out->wildcard ? "." : "", canonical);
	return out->name != NULL;
}

bool
catalog_is_host(const char *s, bool wildcard)
{
	struct binding_host host;

	return binding_host_parse(s, NULL, &host) &&
	       (wildcard || !host.wildcard);
}

bool
catalog_url_is_allowed(const char *url, enum catalog_http allow,
		       const char **why)
{
	struct http_url u;

	*why = NULL;
	if (http_url_parse(slice_str(url), &u, why) < 0)
		return false;
	if (u.https || allow == CATALOG_HTTP_YES)
		return true;
	if (allow == CATALOG_HTTP_LOOPBACK && catalog_is_loopback(u.host))
		return true;
	*why = allow == CATALOG_HTTP_LOOPBACK
		       ? "plain http is for 127.0.0.1 and [::1] only"
		       : "must be https";
	return false;
}

/* ---- patterns ---- */

enum { PATTERN_WORK_MAX = 4000, PATTERN_DEPTH_MAX = 16 };

/* The upper bound in "{n}", "{n,}", "{n,m}" at *p, which is moved to its
 * end; 0 when it is none. */
static uint64_t
bound_at(const char **p)
{
	uint64_t first = 0, last = 0, *n = &first;
	const char *q = *p + 1;

	for (; *q && *q != '}'; q++) {
		if (*q == ',' && n == &first)
			n = &last;
		else if (is_digit(*q) && *n < 1000)
			*n = *n * 10 + (uint64_t)(*q - '0');
		else
			return 0;
	}
	if (!*q)
		return 0;
	*p = q;
	return last > first ? last : first;
}

/* To the end of "[…]" at p, which may begin with ] or ^]. */
static const char *
bracket_end(const char *p)
{
	const char *q = p + 1;

	if (*q == '^')
		q++;
	if (*q == ']')
		q++;
	while (*q && *q != ']')
		q++;
	return *q ? q : q - 1;
}

/*
 * Whether compiling and matching stay small: repetitions are unrolled by
 * regcomp(3), nested ones multiply, and back-references cost without end.
 */
static bool
pattern_is_bounded(const char *p)
{
	uint64_t sum[PATTERN_DEPTH_MAX] = { 0 }, atom = 0, n;
	int depth = 0;

	for (; *p; p++) {
		if (*p == '{') {
			n = bound_at(&p);
			if (!n)
				return false;
			sum[depth] += atom * (n - 1);
			atom *= n;
		} else if (*p == '(') {
			if (++depth == PATTERN_DEPTH_MAX)
				return false;
			sum[depth] = 0;
			atom = 0;
			continue;
		} else if (*p == ')' && depth) {
			atom = sum[depth--] + 1;
			sum[depth] += atom;
		} else if (!strchr("*+?|", *p)) {
			if (*p == '\\' && (!p[1] || is_digit(*++p)))
				return false;
			if (*p == '[')
				p = bracket_end(p);
			atom = 1;
			sum[depth]++;
		}
		if (sum[depth] > PATTERN_WORK_MAX)
			return false;
	}
	return true;
}

bool
catalog_pattern_is_sound(const char *pattern)
{
	size_t len = strlen(pattern);
	regex_t re;

	if (len < 3 || pattern[0] != '^' || pattern[len - 1] != '$' ||
	    pattern[len - 2] == '\\' || !pattern_is_bounded(pattern))
		return false;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	regfree(&re);
	return true;
}

bool
binding_pattern_matches(const char *pattern, struct slice text)
{
	char copy[1025];
	regmatch_t all;
	regex_t re;
	int rc;

	if (slice_copy(text, copy, sizeof(copy)) < 0 ||
	    memchr(text.ptr ? text.ptr : "", '\0', text.len))
		return false;
	if (!pattern_is_bounded(pattern) || regcomp(&re, pattern, REG_EXTENDED))
		return false;
	rc = regexec(&re, copy, 1, &all, 0);
	regfree(&re);
	secret_wipe(copy, sizeof(copy));
	/* "^a|b$" is anchored at one end each: the match must be the whole. */
	return rc == 0 && all.rm_so == 0 && (size_t)all.rm_eo == text.len;
}
