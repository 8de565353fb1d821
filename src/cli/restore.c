/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore FILE: a data folder out of a backup.
 *
 *   read all of it into DATA.restoring, beside DATA -> whole and true? ->
 *   DATA is moved aside (--force) -> DATA.restoring becomes DATA
 *
 * Until the last two steps nothing of DATA is touched; a backup that is
 * damaged anywhere leaves it as it was.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/backup_priv.h"
#include "store/store.h"

static const struct cli_option restore_options[] = {
	{ "passphrase-file", CLI_VALUE, "FILE",
	  "the backup's passphrase (default: standard input)" },
	{ "key-file", CLI_VALUE, "FILE", "the backup's key" },
	{ "check", CLI_FLAG, NULL,
	  "only look whether it is whole and true; nothing is written" },
	{ "force", CLI_FLAG, NULL,
	  "move a data folder that is there aside, and tell where to" },
	{ "master-key", CLI_VALUE, "write|omit",
	  "put the master key into the folder, or not (default: unless it "
	  "came from a passphrase)" },
	{ NULL },
};

struct restoring {
	struct cli *c;
	const char *file;
	int fd;
	struct cli_place place;
	char folder[4200]; /* DATA.restoring */
	char aside[4200];  /* where DATA was moved to; "" */
	bool check, made;
	int lock;	   /* of DATA; -1 */
	struct stat owner; /* st_uid, st_gid of what is made */
	int out;	   /* the part under way; -1 */
	char path[4300];   /* what ERR_SYSTEM is about */
	bool write_key;
	uint64_t done, total;
};

/* ---- reading ---- */

static ssize_t
file_read(void *arg, void *out, size_t size)
{
	struct restoring *r = arg;
	ssize_t n;

	do
		n = read(r->fd, out, size);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		r->done += (uint64_t)n;
	if (n < 0) { /* errno is asked for */
		snprintf(r->path, sizeof(r->path), "%s", r->file);
		return ERR_SYSTEM;
	}
	cli_progress(r->c, "Reading, bytes", r->done, r->total);
	return n;
}

static int
manifest_take(void *arg, const struct backup_manifest *m)
{
	struct restoring *r = arg;
	const char *key = cli_value(&r->c->args, "master-key");

	r->write_key = key ? !strcmp(key, "write")
			   : strcmp(m->key_source, "passphrase") != 0;
	return m->schema_main > store_migrations_known("main") ||
			       m->schema_keeper >
				       store_migrations_known("keeper")
		       ? ERR_UNSUPPORTED
		       : 0;
}

/* ---- writing ---- */

static int
part_end(struct restoring *r)
{
	int fd = r->out, rc = 0;

	r->out = -1;
	if (fd < 0)
		return 0;
	if (fsync(fd) || (r->owner.st_uid != geteuid() &&
			  fchown(fd, r->owner.st_uid, r->owner.st_gid)))
		rc = ERR_SYSTEM;
	if (close(fd))
		rc = ERR_SYSTEM;
	return rc;
}

static int
part_begin(void *arg, enum backup_part part, uint64_t size)
{
	struct restoring *r = arg;
	int rc = part_end(r);

	if (rc || r->check || (part == BACKUP_KEY && !r->write_key))
		return rc;
	snprintf(r->path, sizeof(r->path), "%s/%s", r->folder,
		 backup_part_path(part));
	r->out = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (r->out < 0)
		return ERR_SYSTEM;
	/* Told early, not half way. */
	if (size && posix_fallocate(r->out, 0, (off_t)size) == ENOSPC) {
		errno = ENOSPC;
		return ERR_SYSTEM;
	}
	return 0;
}

static int
part_data(void *arg, struct slice bytes)
{
	struct restoring *r = arg;
	ssize_t n;

	while (bytes.len && r->out >= 0) {
		n = write(r->out, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_SYSTEM;
		bytes = slice_from(bytes, (size_t)n);
	}
	return 0;
}

/* ---- folders ---- */

static int
entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
folder_remove(const char *path)
{
	nftw(path, entry_remove, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int
folder_fail(const char *path)
{
	return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
}

/* Whether there is anything in it. */
static bool
folder_is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool empty = true;

	while (dir && empty && (e = readdir(dir)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

/* DATA is free for this: no server is at it, and it is empty, or may go. */
static int
target_check(struct restoring *r)
{
	const char *data = r->place.data;
	char path[4200];

	r->owner.st_uid = geteuid();
	r->owner.st_gid = getegid();
	if (lstat(data, &r->owner))
		return errno == ENOENT ? CLI_OK : folder_fail(data);
	if (!S_ISDIR(r->owner.st_mode))
		return cli_fail(CLI_FAILED, "%s is no folder", data);
	if (folder_is_empty(data))
		return CLI_OK;
	if (!cli_flag(&r->c->args, "force"))
		return cli_fail(CLI_FAILED,
				"%s is not empty; --force moves it aside",
				data);
	snprintf(path, sizeof(path), "%s/lock", data);
	r->lock = open(path, O_RDWR | O_CLOEXEC);
	if (r->lock >= 0 && flock(r->lock, LOCK_EX | LOCK_NB))
		return cli_fail(CLI_FAILED,
				"a server is using %s; stop it first", data);
	return CLI_OK;
}

static int
folder_make(struct restoring *r)
{
	static const char *const inner[] = { "", "/keeper", "/store" };
	char path[4300];
	size_t i;

	snprintf(r->folder, sizeof(r->folder), "%.4090s.restoring",
		 r->place.data);
	folder_remove(r->folder); /* of one that was killed */
	for (i = 0; i < ARRAY_LEN(inner); i++) {
		snprintf(path, sizeof(path), "%s%s", r->folder, inner[i]);
		if (mkdir(path, 0700) ||
		    (r->owner.st_uid != geteuid() &&
		     chown(path, r->owner.st_uid, r->owner.st_gid)))
			return folder_fail(path);
		r->made = true;
	}
	return CLI_OK;
}

/* Tells the next keeper that these grants came out of a backup. */
static int
note_write(struct restoring *r, const struct backup_manifest *m)
{
	char text[32];
	int n;

	n = snprintf(text, sizeof(text), "%lld\n", (long long)m->made_at);
	snprintf(r->path, sizeof(r->path), "%s/keeper/restored", r->folder);
	r->out = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (r->out < 0 || part_data(r, slice_of(text, (size_t)n)) ||
	    part_end(r))
		return folder_fail(r->path);
	if (folder_sync_of(r->path))
		return folder_fail(r->path);
	snprintf(r->path, sizeof(r->path), "%s/store/", r->folder);
	return folder_sync_of(r->path) ? folder_fail(r->path) : CLI_OK;
}

/* The moment in which DATA changes. */
static int
folder_place(struct restoring *r)
{
	const char *data = r->place.data;
	struct tm tm;
	time_t now = time(NULL);
	char stamp[32];
	int rc = CLI_OK;

	step_reached("restore.written");
	if (rmdir(data) && errno != ENOENT) {
		if (errno != ENOTEMPTY && errno != EEXIST)
			return folder_fail(data);
		gmtime_r(&now, &tm);
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
		snprintf(r->aside, sizeof(r->aside), "%.4060s.before-%s", data,
			 stamp);
		if (rename(data, r->aside))
			return folder_fail(data);
	}
	step_reached("restore.aside");
	if (rename(r->folder, data)) {
		rc = folder_fail(data);
		if (r->aside[0] && rename(r->aside, data))
			cli_fail(CLI_FAILED, "%s is where the folder was moved",
				 r->aside);
		return rc;
	}
	r->made = false;
	folder_sync_of(data);
	return CLI_OK;
}

/* ---- all of it ---- */

static void
restore_tell(struct restoring *r, const struct backup_manifest *m)
{
	char at[CLOCK_TEXT_SIZE];
	struct buf out;
	json_t *json;

	clock_format(m->made_at, at);
	buf_init(&out, 16 * 1024);
	json = json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s?, s:s?}", "file",
			 r->file, "checked_only", r->check, "made_at", at,
			 "made_by", m->made_by, "key_id", m->key_id,
			 "key_source", m->key_source, "data",
			 r->check ? NULL : r->place.data, "moved_aside",
			 r->aside[0] ? r->aside : NULL);
	if (r->c->json && json && !json_write(json, &out) &&
	    !buf_putc(&out, '\n'))
		cli_put(buf_slice(&out));
	json_decref(json);
	buf_release(&out);
	if (r->check) {
		cli_say(r->c, "%s is whole and true: made %s by %s.", r->file,
			at, m->made_by);
		return;
	}
	if (r->aside[0])
		cli_say(r->c, "What was in the way is in %s now.", r->aside);
	cli_say(r->c,
		"%s is as it was on %s.\nRefresh tokens that their provider "
		"has renewed since will be refused: such connections\nsay so, "
		"and want to be connected again.",
		r->place.data, at);
	if (!r->write_key)
		cli_say(r->c,
			"The master key is not in the folder: start the "
			"server with %s.",
			!strcmp(m->key_source, "passphrase")
				? "--passphrase-file, as before"
				: "--key-file");
}

static int
restore_read(struct restoring *r, const struct backup_reader_config *config,
	     struct backup_manifest *m)
{
	struct backup_problem problem;
	struct cli_backup_secret s = { 0 };
	bool phrase;
	int rc, err, why;

	if (backup_wants_passphrase(config, &phrase, &problem))
		return cli_fail(CLI_FAILED, "%s: %s", r->file, problem.text);
	rc = cli_backup_secret_get(r->c, phrase, &s);
	if (!rc && !r->check)
		rc = folder_make(r);
	if (rc || lseek(r->fd, 0, SEEK_SET)) {
		cli_backup_secret_free(&s);
		return rc ? rc : folder_fail(r->file);
	}
	r->done = 0;
	err = backup_read(config,
			  &(struct backup_secret){ .passphrase = s.passphrase,
						   .key = s.key },
			  m, &problem);
	if (!err && part_end(r))
		err = ERR_SYSTEM;
	why = errno;
	cli_progress_end(r->c);
	cli_backup_secret_free(&s);
	errno = why;
	if (err == ERR_UNSUPPORTED && m->made_at)
		return cli_fail(CLI_FAILED,
				"%s wants a newer version of Drawbridge: this "
				"program does not know its databases (made by "
				"%s)",
				r->file, m->made_by);
	if (err == ERR_SYSTEM)
		return cli_fail(CLI_FAILED, "%s: %s", r->path, strerror(errno));
	return err ? cli_fail(err == ERR_CRYPTO ? CLI_REFUSED : CLI_FAILED,
			      "%s: %s", r->file, problem.text)
		   : CLI_OK;
}

static int
restore_begin(struct restoring *r)
{
	const char *key = cli_value(&r->c->args, "master-key");
	struct stat st;
	size_t len;
	int rc = CLI_OK;

	if (key && strcmp(key, "write") != 0 && strcmp(key, "omit") != 0)
		return cli_misused(r->c, "--master-key is write or omit");
	if (!r->check)
		rc = cli_place_find(r->c, &r->place);
	/* DIR/ is DIR: what is made beside it would else be made within. */
	for (len = strlen(r->place.data);
	     len > 1 && r->place.data[len - 1] == '/'; len--)
		r->place.data[len - 1] = '\0';
	if (!rc && !r->check && !r->place.local)
		rc = cli_fail(CLI_USAGE, "a restore is done on the server's "
					 "own machine: with --data");
	if (!rc && !r->check)
		rc = target_check(r);
	if (rc)
		return rc;
	r->fd = open(r->file, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &st))
		return cli_fail(errno == ENOENT ? CLI_NOT_FOUND : CLI_FAILED,
				"%s: %s", r->file, strerror(errno));
	r->total = (uint64_t)st.st_size;
	return CLI_OK;
}

static int
restore_run(struct cli *c)
{
	struct restoring r = { .c = c,
			       .file = cli_word(c, 0),
			       .fd = -1,
			       .lock = -1,
			       .out = -1,
			       .check = cli_flag(&c->args, "check") };
	struct backup_reader_config config = { .read = file_read,
					       .part = part_begin,
					       .data = part_data,
					       .manifest = manifest_take,
					       .arg = &r };
	struct backup_manifest m;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	if (vault_init())
		return CLI_FAILED;
	rc = restore_begin(&r);
	if (!rc)
		rc = restore_read(&r, &config, &m);
	step_reached("restore.checked");
	if (!rc && !r.check)
		rc = note_write(&r, &m);
	if (!rc && !r.check)
		rc = folder_place(&r);
	if (r.out >= 0)
		close(r.out);
	if (r.made) /* nothing half made stays */
		folder_remove(r.folder);
	if (!rc)
		restore_tell(&r, &m);
	if (r.fd >= 0)
		close(r.fd);
	if (r.lock >= 0)
		close(r.lock);
	return rc;
}

const struct cli_command cli_restore_commands[] = {
	{ "restore", "FILE", "a data folder out of a backup",
	  "The whole file is read and checked before anything is changed; a "
	  "folder that is\nnot empty is left alone, or with --force moved "
	  "aside.  --check needs no folder.\nThe server must not be running.",
	  restore_run, restore_options, 1, 1 },
	{ NULL },
};
