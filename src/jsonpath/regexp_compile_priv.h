/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the compiler of I-Regexps: the tree between text and program.
 *
 *	regexp_parse.c     the grammar of RFC 9485, section 4
 *	regexp_class.c     what stands in brackets, escapes, categories
 *	regexp_compile.c   tree to program
 */
#ifndef JSONPATH_REGEXP_COMPILE_PRIV_H
#define JSONPATH_REGEXP_COMPILE_PRIV_H

#include "jsonpath/regexp_priv.h"

enum { REGEXP_INFINITE = UINT32_MAX };

enum regexp_node_kind {
	NODE_LEAF,   /* one operation */
	NODE_BRANCH, /* its children in a row */
	NODE_CHOICE, /* one of its children */
	NODE_REPEAT, /* its only child, from min to max times */
};

struct regexp_node {
	struct regexp_node *next, *children;
	enum regexp_node_kind kind;
	struct regexp_op op;
	uint32_t min, max;
	uint32_t size; /* in operations */
};

struct regexp_compiler {
	const char *at, *end;
	struct arena *arena;
	struct regexp_op *ops;
	uint32_t count, max;
	struct regexp_set *sets;
	struct regexp_range *ranges; /* room for the class being read */
	uint32_t set_count, range_count;
	unsigned depth;
};

/* All that the compiler has yet to read, as a tree in its arena. */
int regexp_parse(struct regexp_compiler *c, struct regexp_node **out);
/* What follows a backslash, if it is one of SingleCharEsc. */
int regexp_parse_escape(struct regexp_compiler *c, uint32_t *out);
/* True before \p and \P. */
bool regexp_at_category(const struct regexp_compiler *c);
/* These as operations: a category, and a class from its opening bracket. */
int regexp_parse_category(struct regexp_compiler *c, struct regexp_op *op);
int regexp_parse_class(struct regexp_compiler *c, struct regexp_op *op);

/* Takes this character, if it is the next. */
static inline bool
regexp_take(struct regexp_compiler *c, char want)
{
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

#endif
