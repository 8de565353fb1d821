/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor's look at the data folder: whose it is, who else can read it, and
 * what it lies on.
 */
#include <errno.h>
#include <fts.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "cli/doctor_priv.h"

enum { FREE_WARN_MB = 256, FREE_FAIL_MB = 16 };

/* The folder's name, or NULL when there is none to look at (and f says so). */
static const char *
folder_find(struct cli *c, struct cli_place *place, struct cli_finding *f)
{
	struct stat st;

	if (cli_place_find(c, place) || !place->local) {
		cli_finding_set(f, CLI_RESULT_OK, "", "not on this machine");
		return NULL;
	}
	if (stat(place->data, &st)) {
		cli_finding_set(f, CLI_RESULT_OK, "", "%.200s is not there yet",
				place->data);
		return NULL;
	}
	return place->data;
}

void
cli_check_folder(struct cli *c, struct cli_finding *f)
{
	struct cli_place place;
	const char *data = folder_find(c, &place, f);
	struct stat st;

	if (!data)
		return;
	if (stat(data, &st) || !S_ISDIR(st.st_mode))
		cli_finding_set(f, CLI_RESULT_FAIL, "name another with --data",
				"%.200s is no folder", data);
	else if (st.st_uid != geteuid())
		cli_finding_set(f, CLI_RESULT_WARN,
				"run commands as the user that the server "
				"runs as",
				"%.200s belongs to user %u, and this is %u",
				data, (unsigned)st.st_uid, (unsigned)geteuid());
	else
		cli_finding_set(f, CLI_RESULT_OK, "", "%.200s", data);
}

/* The first thing in the folder that others may touch; how many. */
static size_t
modes_walk(const char *data, char *first, size_t size)
{
	char *const paths[] = { (char *)(uintptr_t)data, NULL };
	FTS *walk =
		fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *e;
	size_t n = 0;

	while (walk && (e = fts_read(walk))) {
		if (e->fts_info != FTS_D && e->fts_info != FTS_F &&
		    e->fts_info != FTS_DEFAULT)
			continue;
		if (!(e->fts_statp->st_mode & 077))
			continue;
		if (!n++)
			snprintf(first, size, "%s is %04o", e->fts_path,
				 (unsigned)e->fts_statp->st_mode & 07777);
	}
	if (walk)
		fts_close(walk);
	return n;
}

void
cli_check_modes(struct cli *c, struct cli_finding *f)
{
	char first[400] = "", advice[256];
	struct cli_place place;
	const char *data = folder_find(c, &place, f);
	size_t n;

	if (!data)
		return;
	n = modes_walk(data, first, sizeof(first));
	snprintf(advice, sizeof(advice), "chmod -R go= %.200s", data);
	if (n)
		cli_finding_set(f, CLI_RESULT_FAIL, advice,
				"others may touch it: %s%s", first,
				n > 1 ? ", and more" : "");
	else
		cli_finding_set(f, CLI_RESULT_OK, "",
				"nobody else can read it");
}

/* SQLite's locks and shared memory want a file system of this machine. */
static bool
is_of_network(const struct statfs *fs)
{
	return fs->f_type == NFS_SUPER_MAGIC || fs->f_type == SMB_SUPER_MAGIC ||
	       fs->f_type == 0xff534d42 /* CIFS */;
}

void
cli_check_disk(struct cli *c, struct cli_finding *f)
{
	struct cli_place place;
	const char *data = folder_find(c, &place, f);
	unsigned long long free_mb;
	struct statfs fs;

	if (!data)
		return;
	if (statfs(data, &fs)) {
		cli_finding_set(f, CLI_RESULT_WARN, "", "%s", strerror(errno));
		return;
	}
	free_mb = (unsigned long long)fs.f_bavail *
		  (unsigned long long)fs.f_bsize / (1024 * 1024);
	if (is_of_network(&fs))
		cli_finding_set(f, CLI_RESULT_FAIL,
				"put the data folder on a local disk",
				"it is on a network: the database's locks do "
				"not hold there");
	else if (free_mb < FREE_WARN_MB)
		cli_finding_set(f,
				free_mb < FREE_FAIL_MB ? CLI_RESULT_FAIL
						       : CLI_RESULT_WARN,
				"make room", "%llu MiB are free", free_mb);
	else
		cli_finding_set(f, CLI_RESULT_OK, "", "%llu MiB are free",
				free_mb);
}
