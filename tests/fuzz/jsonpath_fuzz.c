/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries over documents, both of them foreign: a refusal says where and
 * why; a run ends within its limits, the same each time; and the normalized
 * path of each node is a query that gives just this node.
 *
 * Input: the query, a byte 0xff (which is in no UTF-8), the document.
 */
#include "jsonpath/jsonpath.h"

enum { PATH_MAX_BYTES = 1 << 20 };

static const struct jsonpath_limits limits = {
	.text_bytes = 4096,
	.document_depth = 64,
	.nodes = 200,
	.steps = 50000,
};

/* What jsonpath_select() is asked with for a path, which may be long. */
static const struct jsonpath_limits wide = { .text_bytes = PATH_MAX_BYTES };

static void
check_problem(const struct jsonpath_problem *p, struct slice text)
{
	ASSERT(p->offset <= text.len);
	ASSERT(p->column >= 1 && p->column <= p->offset + 1);
	ASSERT(p->detail[0]);
	ASSERT(memchr(p->detail, 0, sizeof(p->detail)));
	ASSERT(slice_is_utf8(slice_str(p->detail)));
}

/* The path of a node leads to it, and is the only one to do so. */
static void
check_path(const struct jsonpath_nodes *nodes, size_t i, const json_t *document)
{
	struct jsonpath_nodes *found;
	struct jsonpath *path;
	struct buf text, again;

	buf_init(&text, PATH_MAX_BYTES);
	buf_init(&again, PATH_MAX_BYTES);
	ASSERT(!jsonpath_nodes_path(nodes, i, &text));
	ASSERT(!jsonpath_compile(buf_slice(&text), &wide, &path, NULL));
	ASSERT(jsonpath_is_singular(path));
	ASSERT(!jsonpath_select(path, document, NULL, &found));
	ASSERT(jsonpath_nodes_count(found) == 1);
	ASSERT(jsonpath_nodes_value(found, 0) ==
	       jsonpath_nodes_value(nodes, i));
	ASSERT(!jsonpath_nodes_path(found, 0, &again));
	ASSERT(slice_eq(buf_slice(&text), buf_slice(&again)));
	jsonpath_nodes_free(found);
	jsonpath_free(path);
	buf_release(&text);
	buf_release(&again);
}

static void
check_nodes(const struct jsonpath *path, const struct jsonpath_nodes *nodes,
	    const json_t *document)
{
	size_t count = jsonpath_nodes_count(nodes), i;
	json_t *first;
	int rc = jsonpath_first(path, document, &limits, &first);

	ASSERT(count <= limits.nodes);
	ASSERT(count <= 1 || !jsonpath_is_singular(path));
	ASSERT(rc == (count ? 0 : ERR_NOT_FOUND));
	ASSERT(first == (count ? jsonpath_nodes_value(nodes, 0) : NULL));
	for (i = 0; i < count; i++)
		check_path(nodes, i, document);
}

static void
check_run(const struct jsonpath *path, const json_t *document)
{
	struct jsonpath_nodes *nodes, *again;
	int rc = jsonpath_select(path, document, &limits, &nodes);

	ASSERT(rc == jsonpath_select(path, document, &limits, &again));
	if (rc) {
		ASSERT(rc == ERR_TOO_LARGE);
		ASSERT(!nodes && !again);
		return;
	}
	ASSERT(jsonpath_nodes_count(nodes) == jsonpath_nodes_count(again));
	check_nodes(path, nodes, document);
	jsonpath_nodes_free(nodes);
	jsonpath_nodes_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size), text, rest;
	struct jsonpath_problem problem;
	struct jsonpath *path;
	json_t *document;
	int rc;

	text = slice_head(all, slice_find(all, '\xff'));
	rest = slice_from(all, text.len + 1);
	rc = jsonpath_compile(text, &limits, &path, &problem);
	if (rc) {
		ASSERT(!path);
		ASSERT(rc == ERR_INVALID || rc == ERR_TOO_LARGE);
		check_problem(&problem, text);
		return 0;
	}
	document = json_loadb(rest.len ? rest.ptr : "", rest.len,
			      JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (document)
		check_run(path, document);
	json_decref(document);
	jsonpath_free(path);
	return 0;
}
