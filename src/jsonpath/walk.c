/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a query: down through its segments, RFC 9535 section 2.5.
 *
 * Each node that a segment selects goes on to the next segment at once, so
 * there are no lists in between, and nodes come out in the order in which
 * the RFC puts them.  Where a node stands is a chain of places on the stack.
 *
 * What calls itself here goes one level down in the document each time, or
 * to the next segment of a descendant one; the level is bounded, and where a
 * filter begins anew, so is the nesting of filters.
 */
#include "jsonpath/jsonpath_priv.h"

/* The sink has enough; no error. */
enum { STOP = 1 };

static int walk(struct eval *e, const struct segment *s, struct place *at,
		struct sink *sink);

static int
sink_take(struct sink *sink, struct place *at)
{
	if (!sink->count++)
		sink->first = at->value;
	if (sink->list) {
		int rc = nodes_add(sink->list, at);

		if (rc)
			return rc;
	}
	return sink->count == sink->enough ? STOP : 0;
}

/* A place one level below another, for its value that was found. */
static int
place_below(struct eval *e, struct place *at, const json_t *value,
	    const char *key, size_t n, struct place *out)
{
	*out = (struct place){
		.up = at,
		.value = value,
		.key = key,
		.n = n,
		.depth = at->depth + 1,
	};
	if (out->depth > e->limits.document_depth)
		return ERR_TOO_LARGE;
	return eval_charge(e, 1);
}

/* ---- children ---- */

/* What is below a place, one after the other. */
struct children {
	struct place *at;
	size_t i, count; /* of an array */
	void *iter;	 /* of an object */
};

static struct children
children_of(struct place *at)
{
	struct children c = { .at = at };

	if (json_is_array(at->value))
		c.count = json_array_size(at->value);
	else if (json_is_object(at->value))
		c.iter = json_object_iter((json_t *)at->value);
	return c;
}

/* *rc is 0, or says why there are no more. */
static bool
children_next(struct eval *e, struct children *c, struct place *out, int *rc)
{
	void *i = c->iter;

	if (c->i < c->count) {
		*rc = place_below(e, c->at, json_array_get(c->at->value, c->i),
				  NULL, c->i, out);
		c->i++;
		return !*rc;
	}
	if (!i)
		return false;
	*rc = place_below(e, c->at, json_object_iter_value(i),
			  json_object_iter_key(i), json_object_iter_key_len(i),
			  out);
	c->iter = json_object_iter_next((json_t *)c->at->value, i);
	return !*rc;
}

/* ---- selectors: each gives what it selects below `at` to segment s ---- */

static int
select_name(struct eval *e, struct slice name, const struct segment *s,
	    struct place *at, struct sink *sink)
{
	struct place below;
	json_t *value;
	int rc;

	if (!json_is_object(at->value))
		return 0;
	value = json_object_getn(at->value, name.ptr, name.len);
	if (!value)
		return 0;
	rc = place_below(e, at, value, name.ptr, name.len, &below);
	below.key_is_of_query = true;
	return rc ? rc : walk(e, s, &below, sink);
}

static int
select_index(struct eval *e, int64_t index, const struct segment *s,
	     struct place *at, struct sink *sink)
{
	int64_t len = (int64_t)json_array_size(at->value);
	struct place below;
	int rc;

	if (index < 0)
		index += len;
	if (index < 0 || index >= len)
		return 0; /* no array is as good as an empty one */
	rc = place_below(e, at, json_array_get(at->value, (size_t)index), NULL,
			 (size_t)index, &below);
	return rc ? rc : walk(e, s, &below, sink);
}

static int64_t
clamp(int64_t i, int64_t len, int64_t low, int64_t high)
{
	if (i < 0)
		i += len;
	return i < low ? low : i > high ? high : i;
}

/* RFC 9535 section 2.3.4.2.2 */
static int
select_slice(struct eval *e, const struct bounds *b, const struct segment *s,
	     struct place *at, struct sink *sink)
{
	int64_t len = (int64_t)json_array_size(at->value), i, end;
	int rc = 0;

	if (b->step > 0) {
		i = b->has_start ? clamp(b->start, len, 0, len) : 0;
		end = b->has_end ? clamp(b->end, len, 0, len) : len;
	} else {
		i = b->has_start ? clamp(b->start, len, -1, len - 1) : len - 1;
		end = b->has_end ? clamp(b->end, len, -1, len - 1) : -1;
	}
	for (; !rc && b->step && (b->step > 0 ? i < end : i > end);
	     i += b->step)
		rc = select_index(e, i, s, at, sink);
	return rc;
}

static int
select_wildcard(struct eval *e, const struct segment *s, struct place *at,
		struct sink *sink)
{
	struct children c = children_of(at);
	struct place below;
	int rc = 0;

	while (!rc && children_next(e, &c, &below, &rc))
		rc = walk(e, s, &below, sink);
	return rc;
}

static int
select_filter(struct eval *e, const struct logical *filter,
	      const struct segment *s, struct place *at, struct sink *sink)
{
	struct children c = children_of(at);
	struct place below;
	bool yes;
	int rc = 0;

	while (!rc && children_next(e, &c, &below, &rc)) {
		rc = judge(e, filter, &below, &yes);
		if (!rc && yes)
			rc = walk(e, s, &below, sink);
	}
	return rc;
}

/* ---- segments ---- */

/* The selectors of a segment, one after the other, from this place. */
static int
walk_children(struct eval *e, const struct segment *s, struct place *at,
	      struct sink *sink)
{
	const struct selector *one;
	int rc = eval_charge(e, 1);

	for (one = s->first; !rc && one; one = one->next) {
		switch (one->kind) {
		case SELECT_NAME:
			rc = select_name(e, one->name, s->next, at, sink);
			break;
		case SELECT_WILDCARD:
			rc = select_wildcard(e, s->next, at, sink);
			break;
		case SELECT_INDEX:
			rc = select_index(e, one->index, s->next, at, sink);
			break;
		case SELECT_SLICE:
			rc = select_slice(e, &one->bounds, s->next, at, sink);
			break;
		case SELECT_FILTER:
			rc = select_filter(e, one->filter, s->next, at, sink);
			break;
		}
		/* Selectors that find nothing cost something, too. */
		if (!rc && one->next)
			rc = eval_charge(e, 1);
	}
	return rc;
}

/* The same from this place and all below it. */
static int
walk_descendants(struct eval *e, const struct segment *s, struct place *at,
		 struct sink *sink)
{
	struct children c = children_of(at);
	struct place below;
	int rc = walk_children(e, s, at, sink);

	while (!rc && children_next(e, &c, &below, &rc))
		if (json_is_array(below.value) || json_is_object(below.value))
			rc = walk_descendants(e, s, &below, sink);
	return rc;
}

static int
walk(struct eval *e, const struct segment *s, struct place *at,
     struct sink *sink)
{
	if (!s)
		return sink_take(sink, at);
	if (s->descendant)
		return walk_descendants(e, s, at, sink);
	return walk_children(e, s, at, sink);
}

int
walk_query(struct eval *e, const struct query *q, const struct place *at,
	   struct sink *sink)
{
	struct place start = { .value = e->root };
	int rc;

	if (q->relative) {
		start.value = at->value;
		start.depth = at->depth;
	}
	rc = walk(e, q->first, &start, sink);
	return rc == STOP ? 0 : rc;
}
