/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing buffers with a limit and a sticking error.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
buf_release(struct buf *b)
{
	size_t max = b->max;

	free(b->data);
	buf_init(b, max);
}

void
buf_wipe(struct buf *b)
{
	if (b->data)
		secret_wipe(b->data, b->cap);
	buf_release(b);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

/* Grows by copying, so that what it held can be wiped: buffers may carry
 * requests with credentials in them. */
static int
buf_grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 128;
	char *data;

	while (cap < need)
		cap *= 2;
	data = malloc(cap);
	if (!data)
		return b->err = ERR_NOMEM;
	if (b->len)
		memcpy(data, b->data, b->len);
	if (b->data)
		secret_wipe(b->data, b->len);
	free(b->data);
	b->data = data;
	b->cap = cap;
	return 0;
}

int
buf_reserve(struct buf *b, size_t more)
{
	if (b->err)
		return b->err;
	if (more > b->max || b->len > b->max - more)
		return b->err = ERR_TOO_LARGE;
	if (b->len + more + 1 <= b->cap)
		return 0;
	return buf_grow(b, b->len + more + 1);
}

int
buf_put(struct buf *b, const void *data, size_t len)
{
	int rc;

	if (!len)
		return b->err;
	rc = buf_reserve(b, len);
	if (rc)
		return rc;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int
buf_puts(struct buf *b, const char *s)
{
	return buf_put(b, s, strlen(s));
}

int
buf_put_slice(struct buf *b, struct slice s)
{
	return buf_put(b, s.ptr, s.len);
}

int
buf_putc(struct buf *b, char c)
{
	return buf_put(b, &c, 1);
}

int
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n, rc;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	ASSERT(n >= 0);
	rc = buf_reserve(b, (size_t)n);
	if (rc)
		return rc;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return rc;
}

void
buf_consume(struct buf *b, size_t n)
{
	ASSERT(n <= b->len);
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

const char *
buf_cstr(struct buf *b)
{
	if (buf_reserve(b, 0))
		return NULL;
	b->data[b->len] = 0;
	return b->data;
}

char *
buf_detach(struct buf *b)
{
	char *data;

	if (!buf_cstr(b))
		return NULL;
	data = b->data;
	buf_init(b, b->max);
	return data;
}
