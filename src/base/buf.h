/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a limit.
 *
 * Errors stick: after the first failed put every later put fails too, so a
 * caller writes a whole message and asks buf_err() once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/slice.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* ERR_TOO_LARGE beyond this many bytes */
	int err;
};

/* An empty buffer that may grow to `max` bytes; allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer may be used again (same limit). */
void buf_release(struct buf *b);
/* Like buf_release, after wiping the bytes. */
void buf_wipe(struct buf *b);
/* Forgets bytes and error, keeps the memory. */
void buf_reset(struct buf *b);

static inline int
buf_err(const struct buf *b)
{
	return b->err;
}

static inline struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->data, b->len);
}

/* Each returns 0, or the sticking error (ERR_NOMEM, ERR_TOO_LARGE). */
int buf_put(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *s);
int buf_put_slice(struct buf *b, struct slice s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Makes room for `more` bytes after len; write there, then raise len. */
int buf_reserve(struct buf *b, size_t more);
/* Drops the first `n` bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* NUL-terminates (not counted in len) and returns the borrowed string, or
 * NULL on a sticking error. */
const char *buf_cstr(struct buf *b);
/* Returns the owned, NUL-terminated string (free()) and empties the
 * buffer; NULL on a sticking error. */
char *buf_detach(struct buf *b);

#endif
