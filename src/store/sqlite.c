/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite behind the store: one file, with a write-ahead log.
 *
 * What a commit has promised survives the power going off: it returns when
 * the log is on disk.  That is done here and not by SQLite, which would hold
 * the lock of writers meanwhile: so writers that wait for the disk at the
 * same time share one fdatasync().  (SQLite itself runs with
 * synchronous=NORMAL: it brings log and database to disk before it makes one
 * of them anew.)  Others may read what is committed and not yet on disk; who
 * has committed it tells nobody before it is.
 *
 * When the disk fails a sync, the kernel gives up what was to be written, and
 * the next sync says that all is well (fsync(2), "errors"; PostgreSQL's wiki,
 * "Fsync Errors").  So nothing that was in the log then counts as being on
 * disk before it has been folded into the database's own file.
 *
 * Writers of one process wait for each other here, not in SQLite's
 * pauses; those of another process (a second generation, a backup) still do.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store_priv.h"

enum {
	BUSY_MS = 5000,
	FOLD_BUSY_MS = 1000, /* others wait for the disk meanwhile */
};

struct database {
	char path[4096], log[4104];
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t written, synced;
	bool writing; /* somebody has the lock of writers */
	int fd;	      /* of the log; -1 */
	ino_t inode;
	uint64_t asked, done;	  /* commits, counted; on disk up to done */
	uint64_t lost_from, lost; /* from the first that failed to the last */
	bool syncing;
	bool torn; /* the log on disk may be another; of the one that syncs */
};

static int
sqlite_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_ROW:
		return 1;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE ||
				       rc == SQLITE_CONSTRAINT_PRIMARYKEY
			       ? ERR_EXISTS
			       : ERR_STORE;
	default:
		return ERR_STORE;
	}
}

static int
sqlite_connect(void *db, void **out)
{
	static const char settings[] = "PRAGMA journal_mode = WAL;"
				       "PRAGMA synchronous = NORMAL;"
				       "PRAGMA foreign_keys = ON;"
				       "PRAGMA trusted_schema = OFF;"
				       "PRAGMA secure_delete = ON;"
				       /* no file outside its folder */
				       "PRAGMA temp_store = MEMORY;";
	struct database *d = db;
	sqlite3 *conn = NULL;
	int rc;

	rc = sqlite3_open_v2(d->path, &conn,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(conn, BUSY_MS);
		rc = sqlite3_exec(conn, settings, NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK) {
		sqlite3_close_v2(conn);
		return sqlite_error(rc);
	}
	*out = conn;
	return 0;
}

static void
sqlite_disconnect(void *conn)
{
	sqlite3_close_v2(conn);
}

static int
sqlite_open_(const char *where, void **db, char *detail, size_t size)
{
	struct database *d = calloc(1, sizeof(*d));
	pthread_condattr_t monotonic;
	int fd;

	*db = NULL;
	if (!d)
		return ERR_NOMEM;
	snprintf(d->path, sizeof(d->path), "%s", where);
	snprintf(d->log, sizeof(d->log), "%s-wal", d->path);
	fd = open(where, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		snprintf(detail, size, "%s cannot be opened: %m", where);
		free(d);
		return ERR_STORE;
	}
	close(fd);
	d->fd = -1;
	pthread_mutex_init(&d->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&d->written, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&d->synced, NULL);
	*db = d;
	return 0;
}

static void
sqlite_close_(void *db)
{
	struct database *d = db;

	if (d->fd >= 0)
		close(d->fd);
	pthread_cond_destroy(&d->written);
	pthread_mutex_destroy(&d->mutex);
	pthread_cond_destroy(&d->synced);
	free(d);
}

static void
sqlite_set_patience(void *conn, bool waits)
{
	sqlite3_busy_timeout(conn, waits ? BUSY_MS : 0);
}

/* ---- writers ---- */

static int
sqlite_lock(void *db)
{
	struct database *d = db;
	struct timespec end;
	int late = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += BUSY_MS / 1000;
	pthread_mutex_lock(&d->mutex);
	while (d->writing && !late)
		late = pthread_cond_timedwait(&d->written, &d->mutex, &end);
	late = d->writing;
	d->writing = true;
	pthread_mutex_unlock(&d->mutex);
	return late ? ERR_BUSY : 0;
}

static void
sqlite_unlock(void *db)
{
	struct database *d = db;

	pthread_mutex_lock(&d->mutex);
	d->writing = false;
	pthread_cond_signal(&d->written);
	pthread_mutex_unlock(&d->mutex);
}

/* The log as it is now; it stays while there is a connection.  By the one
 * that syncs. */
static int
log_open(struct database *d)
{
	struct stat st;

	if (stat(d->log, &st))
		return ERR_STORE;
	if (d->fd >= 0 && d->inode == st.st_ino)
		return 0;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = open(d->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (d->fd < 0 || fstat(d->fd, &st))
		return ERR_STORE;
	d->inode = st.st_ino;
	return 0;
}

static int
sqlite_checkpoint(void *conn)
{
	return sqlite_error(sqlite3_wal_checkpoint_v2(
		conn, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

/* Everything into the database's own file and to disk, from memory; the log
 * begins anew.  ERR_BUSY while somebody reads what was before. */
static int
log_fold(struct database *d)
{
	void *conn;
	int rc = sqlite_connect(d, &conn);

	if (rc)
		return rc;
	sqlite3_busy_timeout(conn, FOLD_BUSY_MS);
	rc = sqlite_checkpoint(conn);
	sqlite_disconnect(conn);
	return rc;
}

/* By the one that syncs. */
static int
log_sync(struct database *d)
{
	int rc = d->torn ? ERR_STORE : log_open(d);

	if (!rc && !fdatasync(d->fd))
		return 0;
	d->torn = true;
	if (log_fold(d))
		return ERR_STORE;
	d->torn = false;
	return 0;
}

/*
 * Whoever comes while nobody syncs does it for all that have committed so
 * far; who comes meanwhile waits for the next one.  Who is slow to hear of a
 * sync that went well, between two that failed, is told that it failed: that
 * is to err on the safe side.
 */
static int
sqlite_sync(void *db)
{
	struct database *d = db;
	uint64_t mine, upto;
	int rc = 0;

	pthread_mutex_lock(&d->mutex);
	mine = ++d->asked;
	while (d->done < mine) {
		if (d->syncing) {
			pthread_cond_wait(&d->synced, &d->mutex);
			continue;
		}
		d->syncing = true;
		upto = d->asked;
		pthread_mutex_unlock(&d->mutex);
		rc = log_sync(d);
		pthread_mutex_lock(&d->mutex);
		d->syncing = false;
		if (rc && !d->lost)
			d->lost_from = d->done + 1;
		if (rc) /* whoever has not heard of an earlier one is in it */
			d->lost = upto;
		d->done = upto;
		pthread_cond_broadcast(&d->synced);
	}
	if (mine >= d->lost_from && mine <= d->lost)
		rc = ERR_STORE;
	pthread_mutex_unlock(&d->mutex);
	return rc;
}

static int
sqlite_script(void *conn, const char *sql)
{
	return sqlite_error(sqlite3_exec(conn, sql, NULL, NULL, NULL));
}

static int
sqlite_prepare_(void *conn, const char *sql, void **stmt)
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v3(conn, sql, -1, SQLITE_PREPARE_PERSISTENT, &st,
				NULL);
	*stmt = st;
	return sqlite_error(rc);
}

static void
sqlite_finalize_(void *stmt)
{
	sqlite3_finalize(stmt);
}

static bool
sqlite_writes(void *stmt)
{
	return !sqlite3_stmt_readonly(stmt);
}

static void
sqlite_reset_(void *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

static void
sqlite_bind_int_(void *stmt, int index, int64_t value)
{
	int rc = sqlite3_bind_int64(stmt, index, value);

	ASSERT(rc == SQLITE_OK);
}

/* Half a character in a row would make all answers fail that show it, for as
 * long as the row lives, where no words are worth that. */
static void
bind_mended(sqlite3_stmt *stmt, int index, struct slice text)
{
	struct buf whole;
	int rc;

	buf_init(&whole, text.len * 3 + 1);
	rc = codec_utf8(&whole, text);
	ASSERT(!rc);
	rc = sqlite3_bind_text64(stmt, index, whole.data, whole.len,
				 SQLITE_TRANSIENT, SQLITE_UTF8);
	ASSERT(rc == SQLITE_OK);
	buf_wipe(&whole);
}

static void
sqlite_bind_text_(void *stmt, int index, struct slice text)
{
	int rc;

	if (!slice_is_utf8(text)) {
		bind_mended(stmt, index, text);
		return;
	}
	rc = sqlite3_bind_text64(stmt, index, text.ptr, text.len, SQLITE_STATIC,
				 SQLITE_UTF8);
	ASSERT(rc == SQLITE_OK);
}

static void
sqlite_bind_blob_(void *stmt, int index, struct slice bytes)
{
	int rc = sqlite3_bind_blob64(stmt, index, bytes.ptr, bytes.len,
				     SQLITE_STATIC);

	ASSERT(rc == SQLITE_OK);
}

static void
sqlite_bind_null_(void *stmt, int index)
{
	sqlite3_bind_null(stmt, index);
}

static int
sqlite_step_(void *stmt)
{
	return sqlite_error(sqlite3_step(stmt));
}

static int64_t
sqlite_col_int(void *stmt, int col)
{
	return sqlite3_column_int64(stmt, col);
}

static struct slice
sqlite_col(void *stmt, int col)
{
	const void *data = sqlite3_column_blob(stmt, col);
	int len = sqlite3_column_bytes(stmt, col);

	if (!data && sqlite3_column_type(stmt, col) != SQLITE_NULL)
		data = ""; /* empty, but not NULL */
	return slice_of(data, (size_t)len);
}

static bool
sqlite_col_is_null(void *stmt, int col)
{
	return sqlite3_column_type(stmt, col) == SQLITE_NULL;
}

static int64_t
sqlite_changes(void *conn)
{
	return sqlite3_changes64(conn);
}

static const char *
sqlite_message(void *conn)
{
	return sqlite3_errmsg(conn);
}

/* ---- whole databases ---- */

/* Steps of one backup: what its own source connection writes meanwhile goes
 * into it too, so that it need not begin anew. */
struct copy {
	sqlite3 *from, *to;
	bool pinned; /* by a read transaction: nothing of others comes in */
	sqlite3_backup *backup;
};

static void
sqlite_copy_end(void *copy)
{
	struct copy *c = copy;

	sqlite3_backup_finish(c->backup);
	sqlite3_close_v2(c->to);
	if (c->pinned)
		sqlite3_exec(c->from, "COMMIT", NULL, NULL, NULL);
	free(c);
}

static int
sqlite_copy_begin(void *conn, const char *path, bool pinned, void **copy)
{
	struct copy *c = calloc(1, sizeof(*c));
	int fd, rc;

	if (!c)
		return ERR_NOMEM;
	c->from = conn;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd >= 0)
		close(fd);
	rc = fd < 0 ? SQLITE_CANTOPEN
		    : sqlite3_open_v2(path, &c->to,
				      SQLITE_OPEN_READWRITE |
					      SQLITE_OPEN_NOMUTEX,
				      NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->to,
				  "PRAGMA journal_mode = OFF;"
				  "PRAGMA temp_store = MEMORY;",
				  NULL, NULL, NULL);
	if (rc == SQLITE_OK && pinned) {
		rc = sqlite3_exec(conn,
				  "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;",
				  NULL, NULL, NULL);
		c->pinned = !sqlite3_get_autocommit(conn);
	}
	if (rc == SQLITE_OK) {
		c->backup = sqlite3_backup_init(c->to, "main", conn, "main");
		rc = c->backup ? SQLITE_OK : sqlite3_errcode(c->to);
	}
	if (rc == SQLITE_OK) {
		*copy = c;
		return 0;
	}
	sqlite_copy_end(c);
	return sqlite_error(rc);
}

static int
sqlite_copy_step(void *copy, unsigned pages, uint64_t *done, uint64_t *total)
{
	struct copy *c = copy;
	int rc = sqlite3_backup_step(c->backup, (int)pages);

	*total = (uint64_t)sqlite3_backup_pagecount(c->backup);
	*done = *total - (uint64_t)sqlite3_backup_remaining(c->backup);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return 1;
	return sqlite_error(rc);
}

const struct store_engine store_sqlite = {
	.open = sqlite_open_,
	.close = sqlite_close_,
	.lock = sqlite_lock,
	.unlock = sqlite_unlock,
	.sync = sqlite_sync,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.set_patience = sqlite_set_patience,
	.script = sqlite_script,
	.prepare = sqlite_prepare_,
	.finalize = sqlite_finalize_,
	.writes = sqlite_writes,
	.reset = sqlite_reset_,
	.bind_int = sqlite_bind_int_,
	.bind_text = sqlite_bind_text_,
	.bind_blob = sqlite_bind_blob_,
	.bind_null = sqlite_bind_null_,
	.step = sqlite_step_,
	.col_int = sqlite_col_int,
	.col = sqlite_col,
	.col_is_null = sqlite_col_is_null,
	.changes = sqlite_changes,
	.message = sqlite_message,
	.checkpoint = sqlite_checkpoint,
	.copy_begin = sqlite_copy_begin,
	.copy_step = sqlite_copy_step,
	.copy_end = sqlite_copy_end,
};
