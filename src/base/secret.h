/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets have a type.
 *
 * Bytes live in pages that are locked, left out of core files and not handed
 * to children; they are wiped on every way out and compared in constant
 * time.  Nothing prints a secret: there is no function that turns one into a
 * log field, a JSON value or an arena string.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

struct buf;
struct secret;

enum { SECRET_MAX = 100 * 1024 };

/*
 * A secret of `len` bytes, zeroed, to be filled through secret_bytes().
 * NULL when locked memory is used up or len > SECRET_MAX.  Owned by the
 * caller.
 */
struct secret *secret_new(size_t len);
/* A copy of foreign bytes.  The caller wipes its own copy. */
struct secret *secret_from(const void *bytes, size_t len);
struct secret *secret_dup(const struct secret *s);
/* Wipes and frees; NULL is fine. */
void secret_free(struct secret *s);
size_t secret_len(const struct secret *s);
/* The bytes, borrowed until secret_free; there is a NUL behind them. */
const char *secret_peek(const struct secret *s);
char *secret_bytes(struct secret *s);
/* Shortens to len bytes (<= now), wiping the rest. */
void secret_truncate(struct secret *s, size_t len);
/* Constant time in the contents (the lengths are not secret). */
bool secret_eq(const struct secret *a, const struct secret *b);
bool secret_eq_bytes(const void *a, const void *b, size_t len);
/* Wipes memory in a way that the compiler keeps. */
void secret_wipe(void *bytes, size_t len);
/* Whether pages could be locked in this process (doctor tells). */
bool secret_memory_is_locked(void);

#endif
