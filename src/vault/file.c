/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small private files: the master key's, and that of a passphrase.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/vault_priv.h"

/*
 * Whether its owner alone can read a file, or the owner is root and has given
 * it to the user that we run as.  systemd gives its credentials to a unit's
 * User= by an access list, whose mask stat() shows as the group's bits: 0440.
 */
static bool
is_private(const struct stat *st)
{
	mode_t others = st->st_mode & 077;

	return !others || (others == 040 && st->st_uid == 0 && geteuid() != 0);
}

int
vault_file_read(const char *path, void *out, size_t size, size_t *len,
		char *detail, size_t detail_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	ssize_t n;
	int rc = 0;

	*len = 0;
	if (fd < 0) {
		snprintf(detail, detail_size, "%s cannot be read: %m", path);
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(detail, detail_size, "%s is not a file", path);
		rc = ERR_INVALID;
	} else if (!is_private(&st)) {
		snprintf(detail, detail_size,
			 "%s may be read by others (mode %04o); chmod 600 it",
			 path, (unsigned)(st.st_mode & 07777));
		rc = ERR_FORBIDDEN;
	} else {
		n = read(fd, out, size);
		if (n < 0) {
			snprintf(detail, detail_size, "%s: %m", path);
			rc = ERR_SYSTEM;
		} else {
			*len = (size_t)n;
		}
	}
	close(fd);
	return rc;
}

/* The file under its own name.  Never over one that is there, unless asked:
 * link() does not do that, and rename() does it at once. */
static int
file_place(const char *made, const char *path, bool over)
{
	if (over ? !rename(made, path) : !link(made, path))
		return 0;
	return !over && errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM;
}

int
vault_file_write(const char *path, const void *data, size_t len, bool over,
		 char *detail, size_t size)
{
	char made[4200];
	int fd, rc = 0;

	if ((size_t)snprintf(made, sizeof(made), "%s.new", path) >=
	    sizeof(made)) {
		snprintf(detail, size, "%.200s…: the name is too long", path);
		return ERR_SYSTEM;
	}
	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fsync(fd))
		rc = ERR_SYSTEM;
	if (fd >= 0)
		close(fd);
	if (!rc)
		rc = file_place(made, path, over);
	if (!rc)
		rc = folder_sync_of(path);
	if (rc)
		snprintf(detail, size, "%s cannot be written: %m", path);
	unlink(made);
	return rc;
}
