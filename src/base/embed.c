/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking files up in the table of what is built in.
 *
 * The table is generated (tools/embed) and sorted by path, so a file is
 * found by halving and a prefix's files stand together.  Any role may ask;
 * nothing here opens a file.
 */
#include <stdlib.h>
#include <string.h>

#include "base/embed.h"

extern const struct embed_file embed_files[];
extern const size_t embed_files_count;

static int
embed_compare(const void *path, const void *file)
{
	return strcmp(path, ((const struct embed_file *)file)->path);
}

const struct embed_file *
embed_find(const char *path)
{
	return bsearch(path, embed_files, embed_files_count,
		       sizeof(embed_files[0]), embed_compare);
}

const struct embed_file *
embed_next(const char *prefix, size_t *cursor)
{
	size_t len = strlen(prefix);

	while (*cursor < embed_files_count) {
		const struct embed_file *f = &embed_files[(*cursor)++];

		if (strncmp(f->path, prefix, len) == 0)
			return f;
	}
	return NULL;
}
