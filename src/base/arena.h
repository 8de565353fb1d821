/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that lives as long as one request, step or command.
 *
 * Never holds secrets (nothing here is wiped or locked).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena;

/* An arena that hands out at most `max` bytes; NULL when out of memory. */
struct arena *arena_new(size_t max);
void arena_free(struct arena *a);
/* Zeroed, 16-byte aligned; NULL over the limit.  Borrowed until arena_free. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_slice(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
