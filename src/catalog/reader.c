/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems of definitions, and the places where they are.
 */
#include "catalog/catalog_priv.h"

#include <stdarg.h>
#include <stdio.h>

void
report_add(struct catalog_report *report, const char *file, const char *pointer,
	   const char *detail)
{
	struct catalog_problem *p;

	if (!report)
		return;
	report->total++;
	if (report->count == CATALOG_PROBLEMS_MAX)
		return;
	p = &report->items[report->count++];
	snprintf(p->file, sizeof(p->file), "%s", file ? file : "");
	snprintf(p->pointer, sizeof(p->pointer), "%s", pointer);
	snprintf(p->detail, sizeof(p->detail), "%s", detail);
}

/* The member or item that one reference token names. */
static const json_t *
pointer_step(const json_t *at, struct slice token)
{
	char name[128];
	uint64_t index;

	if (json_is_array(at)) {
		if (slice_to_u64(token, 1 << 20, &index) < 0)
			return NULL;
		return json_array_get(at, (size_t)index);
	}
	if (slice_copy(token, name, sizeof(name)) < 0)
		return NULL;
	return json_object_get(at, name);
}

/* Names with ~ or / do not occur in definitions that have a part. */
static bool
pointer_resolves(const json_t *at, const char *pointer)
{
	struct slice rest = slice_str(pointer), token;

	if (rest.len)
		rest = slice_from(rest, 1);
	while (at && rest.len && slice_next(&rest, '/', &token))
		at = pointer_step(at, token);
	return at != NULL;
}

static void problem_add(struct reader *r, const char *pointer, const char *fmt,
			va_list ap) __attribute__((format(printf, 3, 0)));

static void
problem_add(struct reader *r, const char *pointer, const char *fmt, va_list ap)
{
	char detail[256];
	const char *file = r->file;

	vsnprintf(detail, sizeof(detail), fmt, ap);
	if (r->own && !pointer_resolves(r->own, pointer))
		file = r->part_file;
	r->problems++;
	report_add(r->report, file, pointer, detail);
}

void
reader_problem(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(r, r->path, fmt, ap);
	va_end(ap);
}

void
reader_problem_at(struct reader *r, const char *pointer, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(r, pointer, fmt, ap);
	va_end(ap);
}

size_t
reader_enter(struct reader *r, const char *name)
{
	size_t mark = strlen(r->path), n = mark;

	if (n + 2 < sizeof(r->path))
		r->path[n++] = '/';
	for (; *name && n + 3 < sizeof(r->path); name++) {
		if (*name == '~' || *name == '/') {
			r->path[n++] = '~';
			r->path[n++] = *name == '~' ? '0' : '1';
		} else {
			r->path[n++] = *name;
		}
	}
	r->path[n] = '\0';
	return mark;
}

size_t
reader_enter_index(struct reader *r, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	return reader_enter(r, text);
}

void
reader_leave(struct reader *r, size_t mark)
{
	r->path[mark] = '\0';
}
