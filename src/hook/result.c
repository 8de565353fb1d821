/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has come of a run, as its caller gets it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "hook/hook_priv.h"

enum { ARENA_MAX = 8 * 1024 * 1024 };

struct hook_result *
hook_result_new(void)
{
	struct hook_result *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->arena = arena_new(ARENA_MAX);
	if (!r->arena) {
		free(r);
		return NULL;
	}
	r->times.resolve_ms = r->times.connect_ms = r->times.tls_ms = -1;
	r->times.first_byte_ms = -1;
	return r;
}

void
hook_result_free(struct hook_result *r)
{
	if (!r)
		return;
	hook_hold(r, 0);
	json_decref(r->variables);
	json_decref(r->body);
	arena_free(r->arena);
	free(r);
}

void
hook_result_slim(struct hook_result *r)
{
	size_t i;

	json_decref(r->body);
	r->body = NULL;
	arena_free(r->arena);
	r->arena = NULL;
	r->request = (struct hook_shown){ .method = r->request.method };
	memset(&r->headers, 0, sizeof(r->headers));
	r->unset_count = 0;
	r->rule = NULL;
	for (i = 0; i < r->hop_count; i++)
		r->hops[i].url = NULL;
	hook_hold(r, 0);
}

void
hook_result_problem(struct hook_result *r, const char *code, const char *hint,
		    const char *fmt, ...)
{
	va_list ap;
	char *p;

	if (r->problem.code)
		return;
	r->problem.code = code;
	r->problem.hint = hint;
	va_start(ap, fmt);
	vsnprintf(r->problem.detail, sizeof(r->problem.detail), fmt, ap);
	va_end(ap);
	slice_mend_utf8(r->problem.detail);
	/* Whatever a sentence may hold, it can be told. */
	if (!slice_is_utf8(slice_str(r->problem.detail)))
		for (p = r->problem.detail; *p; p++)
			if ((unsigned char)*p >= 0x80)
				*p = '?';
}
