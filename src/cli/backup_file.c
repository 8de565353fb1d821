/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a backup: FILE.part while it is written, FILE once it is whole
 * and on disk.
 *
 * Who writes FILE.part holds a lock on it: one that is locked belongs to
 * another command that is at work, any other to one that was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/backup_priv.h"

static int
file_busy(const struct cli_backup_file *f)
{
	return cli_fail(CLI_FAILED,
			"another backup to %s is being made; try again when it "
			"is over",
			f->path);
}

static int
file_there(const struct cli_backup_file *f)
{
	return cli_fail(CLI_FAILED, "%s is there already; --force replaces it",
			f->path);
}

int
cli_backup_file_failed(const struct cli_backup_file *f, int err)
{
	return cli_fail(CLI_FAILED, "%s: %s", f->part,
			err == ERR_SYSTEM ? strerror(errno) : err_text(err));
}

/* Whether it is ours alone; file systems without locks: as if it were. */
static bool
part_lock(int fd)
{
	return !flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK;
}

/* Removes what a command that was killed has left. */
static int
part_clear(const struct cli_backup_file *f)
{
	int fd = open(f->part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat ours, named;
	int rc = CLI_OK;

	if (fd < 0) {
		unlink(f->part); /* a link; or there is none */
		return CLI_OK;
	}
	/* Another may have removed this one, and have begun his own. */
	if (!part_lock(fd) || fstat(fd, &ours) || lstat(f->part, &named) ||
	    ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		rc = file_busy(f);
	else
		unlink(f->part);
	close(fd);
	return rc;
}

int
cli_backup_file_begin(struct cli_backup_file *f, const char *path,
		      bool replaces)
{
	struct stat st;
	int rc;

	*f = (struct cli_backup_file){ .path = path,
				       .replaces = replaces,
				       .fd = -1 };
	snprintf(f->part, sizeof(f->part), "%s.part", path);
	if (!replaces && !lstat(path, &st))
		return file_there(f);
	rc = part_clear(f);
	if (rc)
		return rc;
	f->fd = open(f->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return errno == EEXIST ? file_busy(f)
				       : cli_backup_file_failed(f, ERR_SYSTEM);
	if (part_lock(f->fd))
		return CLI_OK;
	/* Another was quicker, and takes it for one that was left. */
	close(f->fd);
	f->fd = -1;
	return file_busy(f);
}

/* The name, which nobody may have taken meanwhile. */
static int
file_name(const struct cli_backup_file *f)
{
	if (f->replaces)
		return rename(f->part, f->path);
	if (!renameat2(AT_FDCWD, f->part, AT_FDCWD, f->path, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(f->part, f->path)) /* NFS cannot do the other */
		return -1;
	unlink(f->part);
	return 0;
}

int
cli_backup_file_place(struct cli_backup_file *f)
{
	if (fsync(f->fd))
		return cli_backup_file_failed(f, ERR_SYSTEM);
	if (file_name(f))
		return errno == EEXIST ? file_there(f)
				       : cli_fail(CLI_FAILED, "%s: %s", f->path,
						  strerror(errno));
	close(f->fd); /* it is on disk */
	f->fd = -1;
	if (folder_sync_of(f->path))
		return cli_fail(CLI_FAILED,
				"%s is written, and whole; but its folder "
				"could not be brought to disk (%s), so that a "
				"power cut may take it away",
				f->path, strerror(errno));
	return CLI_OK;
}

void
cli_backup_file_end(struct cli_backup_file *f)
{
	if (f->fd < 0)
		return;
	unlink(f->part);
	close(f->fd);
	f->fd = -1;
}
