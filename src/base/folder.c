/* SPDX-License-Identifier: Apache-2.0 */
/* Folders: what fsync(2) of a file alone does not bring to disk, its name. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/base.h"

int
folder_sync_of(const char *path)
{
	char folder[PATH_MAX];
	struct slice text = slice_str(path), name;
	int fd, rc;

	for (name = text; slice_find(name, '/') < name.len;)
		name = slice_from(name, slice_find(name, '/') + 1);
	text.len -= name.len;
	if (!text.len)
		text = SLICE(".");
	if (slice_copy(text, folder, sizeof(folder)))
		return ERR_SYSTEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 || fsync(fd) ? ERR_SYSTEM : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}
