/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of characters in an I-Regexp: brackets, categories, escapes.
 *
 * Ranges are gathered in the order in which they stand there, then sorted
 * and joined, so that a character is looked up by halves.  Beyond RFC 9485's
 * grammar a range runs upwards, and "[^" begins a class of all others, as
 * XML Schema has it.
 */
#include <stdlib.h>

#include "jsonpath/regexp_compile_priv.h"

/* The character behind a backslash, if it is one of SingleCharEsc. */
int
regexp_parse_escape(struct regexp_compiler *c, uint32_t *out)
{
	static const char same[] = "()*+-.?[\\]^{|}";
	char e;

	if (c->at == c->end)
		return ERR_INVALID;
	e = *c->at++;
	if (e == 'n')
		*out = '\n';
	else if (e == 'r')
		*out = '\r';
	else if (e == 't')
		*out = '\t';
	else if (e && strchr(same, e))
		*out = (unsigned char)e;
	else
		return ERR_INVALID;
	return 0;
}

/* \p{Lu} or \P{Lu} */
static int
category_parse(struct regexp_compiler *c, uint32_t *bits)
{
	bool complement = c->at[1] == 'P';
	struct slice rest;
	size_t len;

	c->at += 2;
	if (!regexp_take(c, '{'))
		return ERR_INVALID;
	rest = slice_of(c->at, (size_t)(c->end - c->at));
	len = slice_find(rest, '}');
	*bits = category_bits(slice_head(rest, len));
	if (len == rest.len || !*bits)
		return ERR_INVALID;
	c->at += len + 1;
	if (complement)
		*bits = category_all() & ~*bits;
	return 0;
}

bool
regexp_at_category(const struct regexp_compiler *c)
{
	return c->end - c->at >= 2 && c->at[0] == '\\' &&
	       (c->at[1] == 'p' || c->at[1] == 'P');
}

/* CCchar: a character inside brackets. */
static int
parse_class_char(struct regexp_compiler *c, uint32_t *out)
{
	if (c->at == c->end)
		return ERR_INVALID;
	if (regexp_take(c, '\\'))
		return regexp_parse_escape(c, out);
	if (strchr("-[]", *c->at) && *c->at)
		return ERR_INVALID;
	*out = regexp_next_char(&c->at, c->end);
	return 0;
}

/* CCE1: a character, a range or a category. */
static int
parse_class_item(struct regexp_compiler *c, struct regexp_set *set)
{
	struct regexp_range range;
	uint32_t bits;
	int rc;

	if (regexp_at_category(c)) {
		rc = category_parse(c, &bits);
		set->categories |= rc ? 0 : bits;
		return rc;
	}
	rc = parse_class_char(c, &range.low);
	range.high = range.low;
	/* A hyphen before the bracket is none of a range. */
	if (!rc && c->end - c->at >= 2 && c->at[0] == '-' && c->at[1] != ']') {
		c->at++;
		rc = parse_class_char(c, &range.high);
	}
	if (rc || range.low > range.high)
		return ERR_INVALID;
	c->ranges[c->range_count++] = range;
	return 0;
}

static int
range_order(const void *a, const void *b)
{
	const struct regexp_range *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

/* Sorts the ranges and joins those that overlap, for set_has(). */
static int
set_finish(struct regexp_compiler *c, struct regexp_set *set)
{
	struct regexp_range *own;
	uint32_t i, n = 0;

	if (!c->range_count)
		return 0;
	own = arena_alloc(c->arena, c->range_count * sizeof(*own));
	if (!own)
		return ERR_NOMEM;
	qsort(c->ranges, c->range_count, sizeof(*own), range_order);
	for (i = 0; i < c->range_count; i++) {
		if (n && c->ranges[i].low <= own[n - 1].high) {
			if (c->ranges[i].high > own[n - 1].high)
				own[n - 1].high = c->ranges[i].high;
		} else {
			own[n++] = c->ranges[i];
		}
	}
	set->ranges = own;
	set->count = n;
	return 0;
}

static void
class_hyphen(struct regexp_compiler *c)
{
	c->ranges[c->range_count++] = (struct regexp_range){ '-', '-' };
}

/* charClassExpr */
int
regexp_parse_class(struct regexp_compiler *c, struct regexp_op *op)
{
	struct regexp_set *set = &c->sets[c->set_count];
	bool first = true;
	int rc = 0;

	memset(set, 0, sizeof(*set));
	c->range_count = 0;
	c->at++;
	set->negated = regexp_take(c, '^');
	if (regexp_take(c, '-')) {
		class_hyphen(c);
		first = false;
	}
	while (!rc && (first || !regexp_take(c, ']'))) {
		if (c->end - c->at >= 2 && !memcmp(c->at, "-]", 2) && !first) {
			class_hyphen(c);
			c->at++;
			continue;
		}
		rc = parse_class_item(c, set);
		first = false;
	}
	if (!rc)
		rc = set_finish(c, set);
	*op = (struct regexp_op){ .code = REGEXP_SET, .a = c->set_count++ };
	return rc;
}

/* A category alone is a class of its own. */
int
regexp_parse_category(struct regexp_compiler *c, struct regexp_op *op)
{
	struct regexp_set *set = &c->sets[c->set_count];

	memset(set, 0, sizeof(*set));
	*op = (struct regexp_op){ .code = REGEXP_SET, .a = c->set_count++ };
	return category_parse(c, &set->categories);
}
