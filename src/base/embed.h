/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are part of the binary: web pages, default services, schema,
 * migrations.  Read-only, found by path ("services/zoho_desk.json",
 * "migrations/main/0001_start.sql", "practice/ticket_help.json").
 * The table is generated at build time.
 */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

struct embed_file {
	const char *path;
	const unsigned char *data;
	size_t size;
	const char *etag; /* quoted-string-safe hex of its SHA-256's start */
};

/* NULL where there is no such file. */
const struct embed_file *embed_find(const char *path);
/* The next file whose path begins with prefix; start with *cursor = 0. */
const struct embed_file *embed_next(const char *prefix, size_t *cursor);

#endif
