/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhook documents in tests: from text to a document, and to a request.
 */
#ifndef SUPPORT_HOOK_WORLD_H
#define SUPPORT_HOOK_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "hook/hook_priv.h"

static inline json_t *
hook_world_json(const char *text)
{
	struct json_problem p = { 0 };
	json_t *tree;

	if (json_read(slice_str(text), 8 << 20, &tree, &p))
		fail_msg("%s: %s", text, p.detail);
	return tree;
}

/* "pointer code" of each problem, a line each; a warning with a '-'. */
static char hook_world_problems[16 * 1024];
static char hook_world_detail[1024]; /* of the last */

static inline void
hook_world_report(void *arg, const struct hook_problem *p)
{
	size_t len = strlen(hook_world_problems);

	(void)arg;
	assert_true(slice_is_utf8(slice_str(p->pointer)));
	assert_true(slice_is_utf8(slice_str(p->detail)));
	assert_true(p->detail[0]);
	snprintf(hook_world_problems + len, sizeof(hook_world_problems) - len,
		 "%s%s %s\n", p->severity == HOOK_WARNING ? "-" : "",
		 p->pointer, p->code);
	snprintf(hook_world_detail, sizeof(hook_world_detail), "%s", p->detail);
}

/* NULL when it has errors; the problems are noted. */
static inline struct hook_document *
hook_world_compile(const char *text)
{
	json_t *tree = hook_world_json(text);
	struct hook_document *d;
	int rc;

	hook_world_problems[0] = hook_world_detail[0] = '\0';
	rc = hook_compile(tree, NULL, hook_world_report, NULL, &d);
	json_decref(tree);
	assert_true(rc == 0 || rc == ERR_INVALID);
	assert_true((rc == 0) == (d != NULL));
	return d;
}

static inline struct hook_document *
hook_world_document(const char *text)
{
	struct hook_document *d = hook_world_compile(text);

	if (!d)
		fail_msg("%s: %s%s", text, hook_world_problems,
			 hook_world_detail);
	return d;
}

/* One built request at a time. */
static struct hook_built hook_world_built;
static struct arena *hook_world_arena;

static inline int
hook_world_build(const struct hook_document *d, const json_t *values)
{
	hook_built_release(&hook_world_built);
	arena_free(hook_world_arena);
	hook_world_arena = arena_new(8 << 20);
	return hook_build(d, values, hook_world_arena, NULL, &hook_world_built);
}

static inline void
hook_world_end(void)
{
	hook_built_release(&hook_world_built);
	arena_free(hook_world_arena);
	hook_world_arena = NULL;
	memset(&hook_world_built, 0, sizeof(hook_world_built));
}

#endif
