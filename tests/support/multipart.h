/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of multipart/form-data of the tests' own (RFC 7578, RFC 2046
 * 5.1), strict: what it finds is what a careful server finds.
 */
#ifndef SUPPORT_MULTIPART_H
#define SUPPORT_MULTIPART_H

#include <stdio.h>

#include "base/base.h"

struct multipart_part {
	struct slice name, filename, type; /* still as they stand there */
	bool has_filename;
	struct slice data;
};

/* "name="…"" behind `key` in a line; the inside of the quotes. */
static inline bool
multipart_parameter(struct slice line, const char *key, struct slice *out)
{
	const char *at = memmem(line.ptr, line.len, key, strlen(key));
	const char *end;

	if (!at)
		return false;
	at += strlen(key);
	end = memchr(at, '"', (size_t)(line.ptr + line.len - at));
	if (!end)
		return false;
	*out = slice_of(at, (size_t)(end - at));
	return true;
}

/* One part between two delimiters, from behind the delimiter's line. */
static inline bool
multipart_read_part(struct slice s, struct multipart_part *p)
{
	const char *end = memmem(s.ptr, s.len, "\r\n\r\n", 4);
	struct slice head, line;
	const char *eol;

	memset(p, 0, sizeof(*p));
	if (!end)
		return false;
	head = slice_of(s.ptr, (size_t)(end - s.ptr) + 2);
	p->data = slice_from(s, head.len + 2);
	while (head.len) {
		eol = memmem(head.ptr, head.len, "\r\n", 2);
		if (!eol)
			return false;
		line = slice_head(head, (size_t)(eol - head.ptr));
		head = slice_from(head, line.len + 2);
		if (slice_starts(line, SLICE("Content-Type: "))) {
			p->type = slice_from(line, 14);
			continue;
		}
		if (!slice_starts(line, SLICE("Content-Disposition: "
					      "form-data; name=\"")) ||
		    !multipart_parameter(line, "; name=\"", &p->name))
			return false;
		p->has_filename = multipart_parameter(line, "; filename=\"",
						      &p->filename);
	}
	return true;
}

/* How many parts there are, of which up to max are given; -1: it is none. */
static inline int
multipart_read(struct slice type, struct slice body, struct multipart_part *out,
	       int max)
{
	static const struct slice want = { "multipart/form-data; boundary=",
					   30 };
	char delimiter[160];
	const char *next;
	int n = 0, len;

	if (!slice_starts(type, want))
		return -1;
	len = snprintf(delimiter, sizeof(delimiter), "\r\n--%.*s",
		       SLICE_ARG(slice_from(type, want.len)));
	/* The first has no line before it. */
	if (!slice_starts(body, slice_of(delimiter + 2, (size_t)len - 2)))
		return -1;
	body = slice_from(body, (size_t)len - 2);
	while (!slice_eq(body, SLICE("--\r\n"))) {
		if (!slice_starts(body, SLICE("\r\n")))
			return -1;
		body = slice_from(body, 2);
		next = memmem(body.ptr, body.len, delimiter, (size_t)len);
		if (!next || n == max)
			return -1;
		if (!multipart_read_part(
			    slice_head(body, (size_t)(next - body.ptr)),
			    &out[n++]))
			return -1;
		body = slice_from(body, (size_t)(next - body.ptr + len));
	}
	return n;
}

#endif
