/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of jsonpath/: queries over JSON values, RFC 9535 whole.
 *
 * A query is compiled once from its text, and then run over as many
 * documents as one likes, from as many threads as one likes: a compiled
 * query does not change.  Documents are read, never changed, and no
 * reference to them is counted.
 *
 * Text, nesting, results and the work of a run are bounded, so that a query
 * or a document made to hurt ends quickly with ERR_TOO_LARGE.  The patterns
 * of match() and search() are I-Regexps (RFC 9485), matched in time linear
 * in the text; a ^ or a $ outside brackets is an anchor, as in that RFC's
 * own mappings to other dialects (sections 5.3 and 5.4).
 */
#ifndef JSONPATH_JSONPATH_H
#define JSONPATH_JSONPATH_H

#include "json/json.h"

struct jsonpath;
struct jsonpath_nodes;

enum { JSONPATH_NODES_MAX = 10 * 1000, JSONPATH_STEPS_MAX = 2 * 1000 * 1000 };

/* How much may be asked.  0 is the default in brackets. */
struct jsonpath_limits {
	size_t text_bytes;	 /* of a query, and of a pattern (8192) */
	unsigned query_depth;	 /* filters, parentheses, functions in each
				  * other; at most 24 (16) */
	unsigned document_depth; /* levels below the root that are looked
				  * at; at most 128 (100) */
	size_t nodes;		 /* results (JSONPATH_NODES_MAX) */
	uint64_t steps;		 /* of one run: values looked at, characters
				  * matched, … (JSONPATH_STEPS_MAX,
				  * which take some 20 ms) */
};

/* What is wrong with a query, for people. */
struct jsonpath_problem {
	size_t offset;	 /* in bytes, where it is */
	unsigned column; /* the same in characters, from 1 */
	char detail[160];
};

/*
 * Compiles a query (UTF-8).  `limits` may be NULL; text_bytes and query_depth
 * count here.  *out is owned (jsonpath_free) and NULL after an error:
 * ERR_INVALID (no query, or one that is not well-typed, RFC 9535 section
 * 2.4.3) and ERR_TOO_LARGE fill *problem (which may be NULL), which says
 * what was expected; ERR_NOMEM.
 */
int jsonpath_compile(struct slice text, const struct jsonpath_limits *limits,
		     struct jsonpath **out, struct jsonpath_problem *problem);
void jsonpath_free(struct jsonpath *path);
/* Whether a text is an I-Regexp as match() takes it: 0, ERR_INVALID (a query
 * with another one compiles, and matches nothing), ERR_TOO_LARGE,
 * ERR_NOMEM. */
int jsonpath_pattern_check(struct slice pattern);
/* True if it gives one value or none, whatever the document: of names and
 * indexes only, one in each segment. */
bool jsonpath_is_singular(const struct jsonpath *path);

/*
 * Runs the query.  `limits` may be NULL; what counts here is all but
 * query_depth (text_bytes for patterns that come out of the document).
 * *out is owned (jsonpath_nodes_free) and NULL after an error; it may have
 * no nodes at all.  It borrows the document, unchanged, until it is freed.
 * ERR_TOO_LARGE, ERR_NOMEM.
 */
int jsonpath_select(const struct jsonpath *path, const json_t *document,
		    const struct jsonpath_limits *limits,
		    struct jsonpath_nodes **out);
/*
 * The first node's value alone, borrowed from the document; of a singular
 * query, the only one.  No list is made for it.  ERR_NOT_FOUND where
 * there is none; else as jsonpath_select().
 */
int jsonpath_first(const struct jsonpath *path, const json_t *document,
		   const struct jsonpath_limits *limits, json_t **out);

void jsonpath_nodes_free(struct jsonpath_nodes *nodes);
size_t jsonpath_nodes_count(const struct jsonpath_nodes *nodes);
/* i < count.  Borrowed from the document. */
json_t *jsonpath_nodes_value(const struct jsonpath_nodes *nodes, size_t i);
/* Appends the normalized path (RFC 9535 section 2.7), e.g. $['data'][0], of
 * node i < count.  Errors of buf. */
int jsonpath_nodes_path(const struct jsonpath_nodes *nodes, size_t i,
			struct buf *out);

/* One step from a value to one inside it. */
struct jsonpath_step {
	bool is_index;
	size_t index;	   /* into an array, or */
	struct slice name; /* of an object's member, UTF-8 */
};
/* Appends the normalized path of the value that these steps lead to from
 * the root; none is "$".  Errors of buf. */
int jsonpath_normalize(const struct jsonpath_step *steps, size_t count,
		       struct buf *out);

#endif
