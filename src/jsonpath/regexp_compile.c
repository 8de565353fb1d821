/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling an I-Regexp: the tree of regexp_parse.c to a program.
 */
#include "jsonpath/regexp_compile_priv.h"

static void emit(struct regexp_compiler *c, const struct regexp_node *n);

static uint32_t
emit_op(struct regexp_compiler *c, struct regexp_op op)
{
	ASSERT(c->count < c->max);
	c->ops[c->count] = op;
	return c->count++;
}

static uint32_t
emit_split(struct regexp_compiler *c, uint32_t a, uint32_t b)
{
	return emit_op(c, (struct regexp_op){ .code = REGEXP_SPLIT,
					      .a = a,
					      .b = (uint16_t)b });
}

/*
 *	split 1, 2    1: first    jump 3    2: second    3:
 */
static void
emit_choice(struct regexp_compiler *c, const struct regexp_node *n)
{
	uint32_t end = c->count + n->size;
	const struct regexp_node *child;

	for (child = n->children; child; child = child->next) {
		if (child->next)
			emit_split(c, c->count + 1, c->count + child->size + 2);
		emit(c, child);
		if (child->next)
			emit_op(c, (struct regexp_op){ .code = REGEXP_JUMP,
						       .a = end });
	}
}

/*
 *	{2,4}  x x    split 1, 3    1: x    split 2, 3    2: x    3:
 *	{2,}   x      1: x          split 1, 2            2:
 *	*      1: split 2, 3        2: x    jump 1        3:
 */
static void
emit_repeat(struct regexp_compiler *c, const struct regexp_node *n)
{
	uint32_t end = c->count + n->size, start = c->count, i;

	if (!n->size)
		return;
	if (n->max == REGEXP_INFINITE && !n->min) {
		emit_split(c, start + 1, end);
		emit(c, n->children);
		emit_op(c,
			(struct regexp_op){ .code = REGEXP_JUMP, .a = start });
		return;
	}
	for (i = 0; i < n->min; i++) {
		start = c->count;
		emit(c, n->children);
	}
	if (n->max == REGEXP_INFINITE) {
		emit_split(c, start, end);
		return;
	}
	for (; i < n->max; i++) {
		emit_split(c, c->count + 1, end);
		emit(c, n->children);
	}
}

static void
emit(struct regexp_compiler *c, const struct regexp_node *n)
{
	const struct regexp_node *child;

	switch (n->kind) {
	case NODE_LEAF:
		emit_op(c, n->op);
		break;
	case NODE_BRANCH:
		for (child = n->children; child; child = child->next)
			emit(c, child);
		break;
	case NODE_CHOICE:
		emit_choice(c, n);
		break;
	case NODE_REPEAT:
		emit_repeat(c, n);
		break;
	}
}

/* ---- all of it ---- */

/* Room for as many sets and ranges as the pattern can have. */
static int
compiler_init(struct regexp_compiler *c, struct slice pattern)
{
	size_t i, sets = 0;

	c->at = pattern.len ? pattern.ptr : "";
	c->end = c->at + pattern.len;
	for (i = 0; i < pattern.len; i++)
		sets += c->at[i] == '[' || c->at[i] == 'p' || c->at[i] == 'P';
	c->arena = arena_new(sizeof(struct regexp_op) * (REGEXP_OPS_MAX + 1) +
			     256 * (pattern.len + 16));
	if (!c->arena)
		return ERR_NOMEM;
	c->sets = arena_alloc(c->arena, (sets + 1) * sizeof(*c->sets));
	c->ranges =
		arena_alloc(c->arena, (pattern.len + 1) * sizeof(*c->ranges));
	return c->sets && c->ranges ? 0 : ERR_NOMEM;
}

static int
compile(struct regexp_compiler *c, size_t ops_left)
{
	struct regexp_node *n;
	int rc = regexp_parse(c, &n);

	if (rc)
		return rc;
	c->max = n->size + 1;
	if (c->max > ops_left)
		return ERR_TOO_LARGE;
	c->ops = arena_alloc(c->arena, c->max * sizeof(*c->ops));
	if (!c->ops)
		return ERR_NOMEM;
	emit(c, n);
	emit_op(c, (struct regexp_op){ .code = REGEXP_MATCH });
	ASSERT(c->count == c->max);
	return 0;
}

int
regexp_compile(struct slice pattern, size_t *ops_left, struct regexp **out)
{
	struct regexp_compiler c = { 0 };
	struct regexp *r = NULL;
	int rc;

	*out = NULL;
	if (!slice_is_utf8(pattern))
		return ERR_INVALID;
	rc = compiler_init(&c, pattern);
	if (!rc)
		rc = compile(&c, *ops_left);
	if (!rc)
		r = arena_alloc(c.arena, sizeof(*r));
	if (!r) {
		arena_free(c.arena);
		return rc ? rc : ERR_NOMEM;
	}
	*ops_left -= c.count;
	r->arena = c.arena;
	r->ops = c.ops;
	r->count = c.count;
	r->sets = c.sets;
	*out = r;
	return 0;
}

void
regexp_free(struct regexp *r)
{
	if (r)
		arena_free(r->arena);
}
