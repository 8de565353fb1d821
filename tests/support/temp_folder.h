/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of the test's own, with all that is in it taken away at the end;
 * and the small things that tests do with files.
 *
 * A unit test includes it behind cmocka.
 */
#ifndef SUPPORT_TEMP_FOLDER_H
#define SUPPORT_TEMP_FOLDER_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temp_folder[40];

static int
temp_folder_begin(void **state)
{
	(void)state;
	strcpy(temp_folder, "/tmp/drawbridge_test.XXXXXX");
	return mkdtemp(temp_folder) ? 0 : -1;
}

static inline int
temp_folder_drop(const char *path, const struct stat *st, int kind,
		 struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static int
temp_folder_end(void **state)
{
	(void)state;
	return nftw(temp_folder, temp_folder_drop, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder; borrowed until the eighth call from now. */
static inline const char *
temp_path(const char *name)
{
	static char paths[8][160];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", temp_folder, name);
	return path;
}

static inline void
file_put(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Its length. */
static inline size_t
file_get(const char *path, void *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, bytes, size);
	assert_true(n >= 0);
	close(fd);
	return (size_t)n;
}

/* Its permissions; 0 where there is none. */
static inline unsigned
file_mode(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_mode & 07777;
}

#endif
