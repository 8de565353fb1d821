/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling a query: segments and selectors.
 *
 * A parser by descent over the grammar of RFC 9535, appendix A; what stands
 * behind a ? is read in filter.c, which comes back here for the queries
 * inside.  The first problem ends it.
 */
#include <stdlib.h>

#include "jsonpath/jsonpath_priv.h"

/* What one byte of text may become in the tree; far above what any does. */
enum { TREE_BYTES_PER_BYTE = 256 };

enum {
	TEXT_BYTES = 8192,
	QUERY_DEPTH = 16,
	QUERY_DEPTH_MAX = 24,
	DOCUMENT_DEPTH = 100,
	DOCUMENT_DEPTH_MAX = 128,
};

struct jsonpath_limits
jsonpath_limits_of(const struct jsonpath_limits *given)
{
	struct jsonpath_limits l = { 0 };

	if (given)
		l = *given;
	ASSERT(l.query_depth <= QUERY_DEPTH_MAX);
	ASSERT(l.document_depth <= DOCUMENT_DEPTH_MAX);
	l.text_bytes = l.text_bytes ? l.text_bytes : TEXT_BYTES;
	l.query_depth = l.query_depth ? l.query_depth : QUERY_DEPTH;
	l.document_depth = l.document_depth ? l.document_depth : DOCUMENT_DEPTH;
	l.nodes = l.nodes ? l.nodes : JSONPATH_NODES_MAX;
	l.steps = l.steps ? l.steps : JSONPATH_STEPS_MAX;
	return l;
}

/* ---- selectors ---- */

static bool
at_int(const struct parser *p)
{
	return scan_peek(p) == '-' || scan_is_digit(scan_peek(p));
}

/* An int and the blanks behind it, if there is one. */
static int
parse_bound(struct parser *p, bool *has, int64_t *out)
{
	int rc;

	*has = at_int(p);
	if (!*has)
		return 0;
	rc = scan_int(p, out);
	if (!rc)
		scan_blanks(p);
	return rc;
}

/* Behind the first colon of a slice. */
static int
parse_slice(struct parser *p, struct bounds *b)
{
	bool has_step;
	int rc;

	scan_blanks(p);
	rc = parse_bound(p, &b->has_end, &b->end);
	if (rc || !scan_take(p, ":"))
		return rc;
	scan_blanks(p);
	/* The blanks behind a step would be the bracket's as well. */
	return parse_bound(p, &has_step, &b->step);
}

static int
parse_index_or_slice(struct parser *p, struct selector *s)
{
	struct bounds b = { .step = 1 };
	int rc = parse_bound(p, &b.has_start, &b.start);

	if (rc)
		return rc;
	if (scan_take(p, ":")) {
		s->kind = SELECT_SLICE;
		rc = parse_slice(p, &b);
		s->bounds = b;
		return rc;
	}
	s->kind = SELECT_INDEX;
	s->index = b.start;
	return 0;
}

/* A selector of a bracket. */
static int
parse_selector(struct parser *p, struct selector *s)
{
	char c = scan_peek(p);

	if (c == '"' || c == '\'') {
		s->kind = SELECT_NAME;
		return scan_string(p, &s->name);
	}
	if (scan_take(p, "*")) {
		s->kind = SELECT_WILDCARD;
		return 0;
	}
	if (scan_take(p, "?")) {
		s->kind = SELECT_FILTER;
		scan_blanks(p);
		return parse_filter(p, &s->filter);
	}
	if (c == ':' || at_int(p))
		return parse_index_or_slice(p, s);
	if (scan_is_name_first(p))
		return parser_fail(p, p->at,
				   "a name in brackets stands in quotes");
	return parser_fail(p, p->at,
			   "expected a selector: 'name', an index, a slice,"
			   " * or ?");
}

static struct selector *
selector_new(struct parser *p, struct selector ***link)
{
	struct selector *s = arena_alloc(p->path->arena, sizeof(*s));

	if (s) {
		**link = s;
		*link = &s->next;
	}
	return s;
}

/* Behind the opening bracket. */
static int
parse_bracket(struct parser *p, struct segment *segment)
{
	const char *open = p->at - 1;
	struct selector **link = &segment->first, *s;
	int rc;

	do {
		scan_blanks(p);
		s = selector_new(p, &link);
		if (!s)
			return ERR_NOMEM;
		rc = parse_selector(p, s);
		if (rc)
			return rc;
		scan_blanks(p);
	} while (scan_take(p, ","));
	if (scan_take(p, "]"))
		return 0;
	if (p->at == p->end)
		return parser_fail(p, open, "a [ without its ]");
	return parser_fail(p, p->at, "expected , or ]");
}

/* ---- segments ---- */

/* * or a name, behind one dot or two. */
static int
parse_shorthand(struct parser *p, struct segment *segment)
{
	struct selector **link = &segment->first, *s = selector_new(p, &link);

	if (!s)
		return ERR_NOMEM;
	if (scan_take(p, "*")) {
		s->kind = SELECT_WILDCARD;
		return 0;
	}
	s->kind = SELECT_NAME;
	return scan_name(p, &s->name);
}

static int
parse_segment(struct parser *p, struct segment *s)
{
	if (scan_take(p, "["))
		return parse_bracket(p, s);
	s->descendant = scan_take(p, "..");
	if (s->descendant && scan_take(p, "["))
		return parse_bracket(p, s);
	if (!s->descendant)
		scan_take(p, ".");
	return parse_shorthand(p, s);
}

static bool
segment_is_singular(const struct segment *s)
{
	return !s->descendant && !s->first->next &&
	       (s->first->kind == SELECT_NAME ||
		s->first->kind == SELECT_INDEX);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The grammar of a comparison has no blanks inside such a query's brackets
 * (name-segment and index-segment in RFC 9535 section 2.3.5.1). */
static bool
segment_is_tight(const char *begin, const char *end)
{
	return *begin != '[' || (!is_blank(begin[1]) && !is_blank(end[-2]));
}

/* Takes blanks only where a segment follows them. */
static bool
at_segment(struct parser *p)
{
	const char *before = p->at;

	scan_blanks(p);
	if (scan_peek(p) == '.' || scan_peek(p) == '[')
		return true;
	p->at = before;
	return false;
}

static int
parse_segments(struct parser *p, struct query *q)
{
	struct segment **link = &q->first;
	const char *begin;
	int rc;

	q->singular = q->comparable = true;
	while (at_segment(p)) {
		*link = arena_alloc(p->path->arena, sizeof(**link));
		if (!*link)
			return ERR_NOMEM;
		begin = p->at;
		rc = parse_segment(p, *link);
		if (rc)
			return rc;
		q->singular = q->singular && segment_is_singular(*link);
		q->comparable = q->comparable && q->singular &&
				segment_is_tight(begin, p->at);
		link = &(*link)->next;
	}
	return 0;
}

int
parse_query(struct parser *p, bool relative, struct query **out)
{
	struct query *q = *out = arena_alloc(p->path->arena, sizeof(*q));
	int rc;

	if (!q)
		return ERR_NOMEM;
	q->relative = relative;
	rc = parser_enter(p);
	if (!rc)
		rc = parse_segments(p, q);
	parser_leave(p);
	return rc;
}

/* ---- all of it ---- */

/* The bytes before the first that is no UTF-8. */
static const char *
utf8_end(struct slice text)
{
	size_t good = 0, n = 1;

	while (good + n <= text.len && n <= 4) {
		if (slice_is_utf8(slice_of(text.ptr + good, n))) {
			good += n;
			n = 1;
		} else {
			n++;
		}
	}
	return text.ptr + good;
}

static int
parse_all(struct parser *p, struct slice text)
{
	int rc;

	if (text.len > p->limits.text_bytes)
		return parser_too_large(p, p->begin,
					"a query has at most %zu bytes",
					p->limits.text_bytes);
	if (!slice_is_utf8(text))
		return parser_fail(p, utf8_end(text), "no UTF-8");
	if (!scan_take(p, "$"))
		return parser_fail(p, p->at, "a query begins with $");
	rc = parse_query(p, false, &p->path->query);
	if (rc || p->at == p->end)
		return rc;
	if (is_blank(*p->at))
		return parser_fail(p, p->at,
				   "blanks stand between segments only");
	return parser_fail(p, p->at, "expected . or [ or the end");
}

static struct jsonpath *
path_new(struct parser *p, size_t len)
{
	struct jsonpath *path = calloc(1, sizeof(*path));

	if (!path)
		return NULL;
	path->arena = arena_new(TREE_BYTES_PER_BYTE * (len + 16));
	if (path->arena)
		p->strings = arena_alloc(path->arena, len + 1);
	if (p->strings)
		return path;
	jsonpath_free(path);
	return NULL;
}

int
jsonpath_compile(struct slice text, const struct jsonpath_limits *limits,
		 struct jsonpath **out, struct jsonpath_problem *problem)
{
	struct parser p = {
		.begin = text.len ? text.ptr : "",
		.limits = jsonpath_limits_of(limits),
		.regexp_ops = REGEXP_OPS_QUERY,
		.problem = problem,
	};
	size_t room = text.len;
	int rc;

	*out = NULL;
	p.at = p.begin;
	p.end = p.begin + text.len;
	if (room > p.limits.text_bytes)
		room = 0; /* is refused */
	p.path = path_new(&p, room);
	if (!p.path)
		return ERR_NOMEM;
	rc = parse_all(&p, text);
	if (rc)
		jsonpath_free(p.path);
	else
		*out = p.path;
	return rc;
}

void
jsonpath_free(struct jsonpath *path)
{
	struct regexp *r;

	if (!path)
		return;
	while ((r = path->regexps)) {
		path->regexps = r->next;
		regexp_free(r);
	}
	arena_free(path->arena);
	free(path);
}

bool
jsonpath_is_singular(const struct jsonpath *path)
{
	return path->query->singular;
}
