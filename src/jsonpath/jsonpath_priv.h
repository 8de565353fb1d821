/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside jsonpath/: the tree that a query is compiled to, the parser's and
 * the run's own structures.
 *
 *	compile.c   scan.c      text to tree: queries, segments, selectors
 *	filter.c                text to tree: what stands behind a ?
 *	function.c              the table of functions, and what they do
 *	walk.c      judge.c     running: segments and selectors, filters
 *	value.c                 comparing
 *	nodes.c     path.c      the results and their paths
 *	regexp*.c   category.c  I-Regexp
 *
 * The tree lives in the query's arena and does not change after compiling.
 */
#ifndef JSONPATH_JSONPATH_PRIV_H
#define JSONPATH_JSONPATH_PRIV_H

#include "jsonpath/jsonpath.h"
#include "jsonpath/regexp_priv.h"

/* ---- values ---- */

/* A value of ValueType: a JSON value, or Nothing (RFC 9535 section 2.4.1). */
enum value_kind {
	VALUE_NOTHING,
	VALUE_NULL,
	VALUE_FALSE,
	VALUE_TRUE,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_STRING,
	VALUE_TREE, /* an array or an object */
};

struct value {
	enum value_kind kind;
	union {
		int64_t integer;
		double real;
		struct slice string;
		const json_t *tree;
	};
};

/* ---- the tree ---- */

struct query {
	bool relative;	 /* from @, not from $ */
	bool singular;	 /* one node or none */
	bool comparable; /* singular as a comparison wants it spelled */
	struct segment *first;
};

struct segment {
	struct segment *next;
	struct selector *first;
	bool descendant;
};

enum selector_kind {
	SELECT_NAME,
	SELECT_WILDCARD,
	SELECT_INDEX,
	SELECT_SLICE,
	SELECT_FILTER,
};

struct bounds {
	bool has_start, has_end;
	int64_t start, end, step;
};

struct selector {
	struct selector *next;
	enum selector_kind kind;
	union {
		struct slice name;
		int64_t index;
		struct bounds bounds;
		struct logical *filter;
	};
};

/* Something that has a value, or is a function's argument. */
enum operand_kind { OPERAND_LITERAL, OPERAND_QUERY, OPERAND_CALL };

struct operand {
	enum operand_kind kind;
	union {
		struct value literal;
		struct query *query;
		struct call *call;
	};
};

enum { ARGUMENTS_MAX = 2 };

struct call {
	const struct function *function;
	struct operand args[ARGUMENTS_MAX];
	bool pattern_is_literal;
	struct regexp *regexp; /* of a literal pattern; NULL: it is none */
};

enum comparison { EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL };

enum logical_kind {
	LOGICAL_OR, /* of its terms */
	LOGICAL_AND,
	LOGICAL_EXISTS, /* the query gives a node */
	LOGICAL_CALL,
	LOGICAL_COMPARE,
};

struct logical {
	struct logical *next;
	enum logical_kind kind;
	bool negated;
	enum comparison comparison;
	union {
		struct logical *terms;
		struct query *query;
		struct call *call;
		struct {
			struct operand left, right;
		};
	};
};

struct jsonpath {
	struct arena *arena;
	struct query *query;
	struct regexp *regexps; /* of literal patterns */
};

/* The caller's limits, with the defaults filled in. */
struct jsonpath_limits jsonpath_limits_of(const struct jsonpath_limits *given);

/* ---- compiling ---- */

struct parser {
	const char *begin, *at, *end;
	struct jsonpath *path;
	struct jsonpath_limits limits;
	char *strings; /* room for all names and strings, decoded, with a NUL
			* each: as they are spelled they are longer */
	unsigned depth;
	size_t regexp_ops; /* that its patterns may have yet, all together */
	struct jsonpath_problem *problem;
};

/* ERR_INVALID, with the problem at this place of the text. */
int parser_fail(struct parser *p, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* ERR_TOO_LARGE, likewise. */
int parser_too_large(struct parser *p, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* One level down; every parser that calls itself again does it in between
 * these.  ERR_TOO_LARGE. */
int parser_enter(struct parser *p);
void parser_leave(struct parser *p);

/* Passes over blanks. */
void scan_blanks(struct parser *p);
/* The byte at the cursor; 0 at the end. */
char scan_peek(const struct parser *p);
/* Takes the text, if it stands at the cursor. */
bool scan_take(struct parser *p, const char *text);
bool scan_is_digit(char c);
bool scan_is_name_first(const struct parser *p);
/* A member name in shorthand. */
int scan_name(struct parser *p, struct slice *out);
/* An index, or the like: within the range of I-JSON. */
int scan_int(struct parser *p, int64_t *out);
/* A number of a comparison. */
int scan_number(struct parser *p, struct value *out);
/* A quoted string, decoded; the cursor is at its quote. */
int scan_string(struct parser *p, struct slice *out);

/* The segments behind a $ or @ that was taken already. */
int parse_query(struct parser *p, bool relative, struct query **out);
/* What stands behind a ?. */
int parse_filter(struct parser *p, struct logical **out);

/* ---- functions ---- */

/* RFC 9535 section 2.4.1. */
enum type { TYPE_VALUE, TYPE_LOGICAL, TYPE_NODES };

struct eval;
struct place;

/*
 * A function.  None takes a LogicalType or gives a NodesType: parse_call()
 * would have to learn that.
 */
struct function {
	const char *name;
	enum type result;
	unsigned count; /* of arguments */
	enum type params[ARGUMENTS_MAX];
	bool has_pattern; /* the last argument is an I-Regexp */
	/* The one for its result; `at` is what @ stands for. */
	int (*value)(struct eval *e, const struct call *c,
		     const struct place *at, struct value *out);
	int (*logical)(struct eval *e, const struct call *c,
		       const struct place *at, bool *out);
};

/* NULL where there is none. */
const struct function *function_find(struct slice name);
/* "length, count, …" into out[size]. */
void function_list(char *out, size_t size);

/* ---- running ---- */

struct eval {
	const json_t *root;
	struct jsonpath_limits limits;
	uint64_t steps; /* left */
	struct regexp_scratch scratch;
	/* The last pattern that came out of the document. */
	struct slice pattern;
	struct regexp *regexp; /* NULL if it is none */
};

/* A value on the way down from the root, on the stack. */
struct place {
	struct place *up;
	const json_t *value;
	const char *key;      /* NUL-terminated; NULL: n is an index */
	size_t n;	      /* length of the key */
	bool key_is_of_query; /* not of the document */
	unsigned depth;
	uint32_t saved; /* where nodes.c keeps it; 0: not yet */
};

/* Where the nodes of a query go. */
struct sink {
	struct jsonpath_nodes *list; /* may be NULL */
	const json_t *first;
	size_t count;
	size_t enough; /* stop at this many; 0: never */
};

/* Takes n steps from what is left.  ERR_TOO_LARGE. */
static inline int
eval_charge(struct eval *e, uint64_t n)
{
	if (e->steps < n) {
		e->steps = 0;
		return ERR_TOO_LARGE;
	}
	e->steps -= n;
	return 0;
}

/* The same for n bytes that a fast loop runs over. */
static inline int
eval_charge_bytes(struct eval *e, size_t n)
{
	return eval_charge(e, 1 + n / 8);
}

/* Gives the nodes of the query to the sink; `at` is what @ stands for. */
int walk_query(struct eval *e, const struct query *q, const struct place *at,
	       struct sink *sink);
int judge(struct eval *e, const struct logical *l, const struct place *at,
	  bool *out);
/* An operand of ValueType. */
int judge_value(struct eval *e, const struct operand *o, const struct place *at,
		struct value *out);
/* RFC 9535 section 2.3.5.2.2 */
int value_compare(struct eval *e, enum comparison op, const struct value *a,
		  const struct value *b, bool *out);
struct value value_of(const json_t *json);
/* Adds a node.  ERR_TOO_LARGE, ERR_NOMEM. */
int nodes_add(struct jsonpath_nodes *nodes, struct place *at);
/* Appends one step of a normalized path. */
void path_put_step(struct buf *out, struct jsonpath_step step);

#endif
