/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: blocks in a list, handed out from the front one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

enum { BLOCK = 4096, ALIGN = 16 };

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGN) char data[];
};

struct arena {
	size_t left;
	struct block *blocks;
};

struct arena *
arena_new(size_t max)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->left = max;
	return a;
}

void
arena_free(struct arena *a)
{
	struct block *b;

	if (!a)
		return;
	while ((b = a->blocks)) {
		a->blocks = b->next;
		free(b);
	}
	free(a);
}

static struct block *
arena_grow(struct arena *a, size_t size)
{
	struct block *b;

	if (size < BLOCK)
		size = BLOCK;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	b->used = 0;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->blocks;
	void *p;

	if (size > a->left)
		return NULL;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size > a->left)
		return NULL;
	if (!b || b->size - b->used < size)
		b = arena_grow(a, size);
	if (!b)
		return NULL;
	p = b->data + b->used;
	b->used += size;
	a->left -= size;
	return memset(p, 0, size);
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_slice(a, slice_str(s));
}

char *
arena_slice(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, s.len + 1);

	if (copy && s.len)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *out;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0);
	out = arena_alloc(a, (size_t)n + 1);
	if (!out)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(out, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return out;
}
