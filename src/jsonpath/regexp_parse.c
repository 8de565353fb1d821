/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of I-Regexp (RFC 9485, section 4): text to a tree.
 *
 * A quantity is written out in the program as often as it says, so each node
 * knows how many operations it takes, and a pattern that takes too many is
 * refused before the first is written.  As in XML Schema, of whose patterns
 * these are a part, a quantity runs upwards ({2,1} is none).
 */
#include "jsonpath/regexp_compile_priv.h"

static int parse_choice(struct regexp_compiler *c, struct regexp_node **out);

static struct regexp_node *
node_new(struct regexp_compiler *c, enum regexp_node_kind kind)
{
	struct regexp_node *n = arena_alloc(c->arena, sizeof(*n));

	if (n)
		n->kind = kind;
	return n;
}

static int
parse_leaf(struct regexp_compiler *c, struct regexp_op *op)
{
	char first = *c->at;

	if (regexp_at_category(c))
		return regexp_parse_category(c, op);
	if (first && strchr("*+?{})|]", first))
		return ERR_INVALID;
	if (first == '[')
		return regexp_parse_class(c, op);
	op->code = REGEXP_CHAR;
	if (first == '\\') {
		c->at++;
		return regexp_parse_escape(c, &op->a);
	}
	if (first == '.')
		op->code = REGEXP_ANY;
	else if (first == '^')
		op->code = REGEXP_BEGIN;
	else if (first == '$')
		op->code = REGEXP_END;
	op->a = regexp_next_char(&c->at, c->end);
	return 0;
}

static int
parse_atom(struct regexp_compiler *c, struct regexp_node **out)
{
	int rc;

	if (regexp_take(c, '(')) {
		if (++c->depth > REGEXP_DEPTH_MAX)
			return ERR_TOO_LARGE;
		rc = parse_choice(c, out);
		c->depth--;
		if (rc)
			return rc;
		return regexp_take(c, ')') ? 0 : ERR_INVALID;
	}
	*out = node_new(c, NODE_LEAF);
	if (!*out)
		return ERR_NOMEM;
	(*out)->size = 1;
	return parse_leaf(c, &(*out)->op);
}

/* QuantExact; what is larger than any program is as good as any other. */
static int
parse_quantity(struct regexp_compiler *c, uint32_t *out)
{
	const char *begin = c->at;
	uint32_t n = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
		if (n < 100 * REGEXP_OPS_MAX)
			n = n * 10 + (uint32_t)(*c->at - '0');
	*out = n;
	return c->at > begin ? 0 : ERR_INVALID;
}

/* range-quantifier, behind its opening brace. */
static int
parse_range(struct regexp_compiler *c, struct regexp_node *n)
{
	int rc = parse_quantity(c, &n->min);

	n->max = n->min;
	if (!rc && regexp_take(c, ',')) {
		n->max = REGEXP_INFINITE;
		if (c->at < c->end && *c->at != '}')
			rc = parse_quantity(c, &n->max);
	}
	if (rc || !regexp_take(c, '}') || n->max < n->min)
		return ERR_INVALID;
	return 0;
}

/*
 * How many operations a repeated node takes, see emit_repeat().  At most
 * REGEXP_OPS_MAX of the child times a quantity below 2^23: 64 bits suffice.
 */
static uint64_t
repeat_size(const struct regexp_node *n)
{
	uint64_t one = n->children->size;

	if (!one)
		return 0;
	if (n->max != REGEXP_INFINITE)
		return n->min * one + (n->max - n->min) * (one + 1);
	return n->min ? n->min * one + 1 : one + 2;
}

static int
set_size(struct regexp_node *n, uint64_t size)
{
	if (size > REGEXP_OPS_MAX)
		return ERR_TOO_LARGE;
	n->size = (uint32_t)size;
	return 0;
}

static int
parse_quantifier(struct regexp_compiler *c, struct regexp_node *n)
{
	n->max = REGEXP_INFINITE;
	if (regexp_take(c, '{'))
		return parse_range(c, n);
	if (regexp_take(c, '+'))
		n->min = 1;
	else if (regexp_take(c, '?'))
		n->max = 1;
	else
		c->at++; /* * */
	return 0;
}

static int
parse_piece(struct regexp_compiler *c, struct regexp_node **out)
{
	struct regexp_node *n = NULL, *repeat;
	int rc = parse_atom(c, &n);

	*out = n;
	if (rc || c->at == c->end || !*c->at || !strchr("*+?{", *c->at))
		return rc;
	*out = repeat = node_new(c, NODE_REPEAT);
	if (!repeat)
		return ERR_NOMEM;
	repeat->children = n;
	rc = parse_quantifier(c, repeat);
	return rc ? rc : set_size(repeat, repeat_size(repeat));
}

static int
parse_branch(struct regexp_compiler *c, struct regexp_node **out)
{
	struct regexp_node *n = *out = node_new(c, NODE_BRANCH), **link;
	uint64_t size = 0;
	int rc = 0;

	if (!n)
		return ERR_NOMEM;
	link = &n->children;
	while (!rc && c->at < c->end && *c->at != '|' && *c->at != ')') {
		rc = parse_piece(c, link);
		if (rc)
			break;
		size += (*link)->size;
		if ((*link)->size)
			link = &(*link)->next;
		else
			*link = NULL; /* nothing to do for it, ever */
	}
	return rc ? rc : set_size(n, size);
}

/* i-regexp: branches with bars between them. */
static int
parse_choice(struct regexp_compiler *c, struct regexp_node **out)
{
	struct regexp_node *n = *out = node_new(c, NODE_CHOICE), **link;
	uint64_t size = 0;
	int rc;

	if (!n)
		return ERR_NOMEM;
	link = &n->children;
	for (;;) {
		rc = parse_branch(c, link);
		if (rc)
			return rc;
		size += (*link)->size;
		link = &(*link)->next;
		if (!regexp_take(c, '|'))
			return set_size(n, size);
		size += 2;
	}
}

int
regexp_parse(struct regexp_compiler *c, struct regexp_node **out)
{
	int rc = parse_choice(c, out);

	/* What is left begins with a parenthesis too many. */
	return !rc && c->at < c->end ? ERR_INVALID : rc;
}
