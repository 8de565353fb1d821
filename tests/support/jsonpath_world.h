/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries and documents as text, for the tests of jsonpath/.
 *
 * A unit test includes it once, and cmocka with it.
 */
#ifndef SUPPORT_JSONPATH_WORLD_H
#define SUPPORT_JSONPATH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "jsonpath/jsonpath.h"

static inline json_t *
read_json(const char *text)
{
	json_t *tree = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (!tree)
		fail_msg("%s is no JSON", text);
	return tree;
}

static inline struct jsonpath *
compile_good(const char *query)
{
	struct jsonpath_problem problem;
	struct jsonpath *path;

	if (jsonpath_compile(slice_str(query), NULL, &path, &problem))
		fail_msg("%s, column %u: %s", query, problem.column,
			 problem.detail);
	return path;
}

static inline void
refused(const char *query, unsigned column, const char *why)
{
	struct jsonpath_problem problem;
	struct jsonpath *path = (struct jsonpath *)&problem;

	if (jsonpath_compile(slice_str(query), NULL, &path, &problem) !=
	    ERR_INVALID)
		fail_msg("%s was taken", query);
	assert_null(path);
	if (!strstr(problem.detail, why))
		fail_msg("%s: %s", query, problem.detail);
	if (problem.column != column)
		fail_msg("%s: column %u", query, problem.column);
	/* Without anybody who wants to know: */
	assert_int_equal(jsonpath_compile(slice_str(query), NULL, &path, NULL),
			 ERR_INVALID);
}

static inline int
select_with(const char *query, const json_t *document,
	    const struct jsonpath_limits *limits, struct jsonpath_nodes **nodes)
{
	struct jsonpath *path = compile_good(query);
	int rc = jsonpath_select(path, document, limits, nodes);

	jsonpath_free(path);
	return rc;
}

/* What a query gives, as a list, or the error. */
static inline int
run(const char *query, const char *text, const struct jsonpath_limits *limits,
    char *out, size_t size)
{
	json_t *document = read_json(text), *list = json_array();
	struct jsonpath_nodes *nodes;
	char *dump;
	size_t i;
	int rc = select_with(query, document, limits, &nodes);

	for (i = 0; !rc && i < jsonpath_nodes_count(nodes); i++)
		json_array_append(list, jsonpath_nodes_value(nodes, i));
	dump = json_dumps(list, JSON_COMPACT | JSON_ENCODE_ANY);
	snprintf(out, size, "%s", dump);
	free(dump);
	if (!rc)
		jsonpath_nodes_free(nodes);
	json_decref(list);
	json_decref(document);
	return rc;
}

static inline void
gives(const char *query, const char *document, const char *wanted)
{
	char got[512];

	assert_int_equal(run(query, document, NULL, got, sizeof(got)), 0);
	if (strcmp(got, wanted))
		fail_msg("%s of %s gave %s, not %s", query, document, got,
			 wanted);
}

static inline void
costs_too_much(const char *query, const char *document,
	       const struct jsonpath_limits *limits)
{
	char got[512];

	assert_int_equal(run(query, document, limits, got, sizeof(got)),
			 ERR_TOO_LARGE);
}

/* n times the piece, between two others.  Owned. */
static inline char *
repeat(const char *before, const char *piece, size_t n, const char *after)
{
	struct buf b;

	buf_init(&b, 1 << 24);
	buf_puts(&b, before);
	while (n--)
		buf_puts(&b, piece);
	buf_puts(&b, after);
	return buf_detach(&b);
}

#endif
