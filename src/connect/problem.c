/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems: a code of the one list, with the sentence of who has tried.
 *
 * Runs in the front.
 */
#include <stdarg.h>
#include <stdio.h>

#include "connect/front_priv.h"

static const struct connect_problem_kind kinds[] = {
#define CONNECT_PROBLEM_ROW(name, status, code, title) \
	[CONNECT_P_##name] = { status, code, title },
	CONNECT_PROBLEM_LIST(CONNECT_PROBLEM_ROW)
#undef CONNECT_PROBLEM_ROW
};

const struct connect_problem_kind *
connect_problem_kind(enum connect_problem_id id)
{
	ASSERT((unsigned)id < ARRAY_LEN(kinds));
	return &kinds[id];
}

int
connect_fail(struct connect_problem *p, int err, enum connect_problem_id id,
	     const char *hint, const char *fmt, ...)
{
	const struct connect_problem_kind *kind = connect_problem_kind(id);
	va_list ap;

	ASSERT(err < 0);
	memset(p, 0, sizeof(*p));
	p->status = kind->status;
	p->code = kind->code;
	p->title = kind->title;
	snprintf(p->hint, sizeof(p->hint), "%s", hint ? hint : "");
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	va_end(ap);
	slice_mend_utf8(p->detail);
	slice_mend_utf8(p->hint);
	return err;
}
