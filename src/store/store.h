/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of store/: SQL that is the same on SQLite and PostgreSQL.
 *
 * A store is one database; a connection to it (struct store_conn) belongs to
 * one thread at a time.  Statements are written in the dialect that both
 * engines share: ?1 … ?9 for parameters, ON CONFLICT, RETURNING; types in
 * migrations are TEXT, BIGINT and BYTEA.  Callers keep their SQL in their
 * own folder; no caller knows which engine is behind.
 *
 * Roles: the keeper opens its own store (the grants); the front's worker
 * pool opens the main one.  Nothing here runs on an event loop.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/base.h"

struct store;
struct store_conn;
struct store_stmt;

/*
 * Opens `url` ("sqlite:/path/file.db"; "postgres://…" later: ERR_UNSUPPORTED
 * until that twin is there), creates the file (0600), and applies the
 * embedded migrations "migrations/<set>/NNNN_name.sql" in order under a
 * lock.  A newer schema than this binary knows is ERR_CONFLICT.  On error
 * `detail` (may be NULL) says what and where.  *out is owned.
 */
int store_open(const char *url, const char *migration_set, struct store **out,
	       char *detail, size_t detail_size);
/*
 * The same beside a newer program, which has been at this database while ours
 * ran: its migrations are no reason to refuse, since our statements work on
 * (a rule that they keep).  What there is of them is in `detail`; else it is
 * empty.
 */
int store_open_beside(const char *url, const char *migration_set,
		      struct store **out, char *detail, size_t detail_size);
void store_close(struct store *s);
/* A connection for one thread.  Owned; give back with store_release. */
int store_acquire(struct store *s, struct store_conn **out);
void store_release(struct store_conn *c);

/* A write transaction (BEGIN IMMEDIATE); not nested. */
int store_begin(struct store_conn *c);
/* Returns when it is on disk.  ERR_STORE: the disk has failed, and what was
 * committed may be there after a crash or not; store_exec outside of a
 * transaction says the same.  Each later commit tries to mend it. */
int store_commit(struct store_conn *c);
/* Runs at the end of each transaction of this connection from now on, as a
 * part of it; an error keeps it from being committed.  NULL: nothing does, as
 * after store_release. */
typedef int store_last(struct store_conn *c, void *arg);
void store_before_commit(struct store_conn *c, store_last *last, void *arg);
/* Fine to call when no transaction is open. */
void store_rollback(struct store_conn *c);

/*
 * A prepared statement, cached per connection and text (give string
 * literals).  Borrowed until store_done(), which resets it.  Bind by
 * 1-based index, then step.
 */
int store_prepare(struct store_conn *c, const char *sql,
		  struct store_stmt **out);
void store_bind_int(struct store_stmt *st, int index, int64_t value);
/* Text and blobs are borrowed until store_done.  NULL ptr binds NULL.  Text is
 * UTF-8: U+FFFD takes the place of what is not. */
void store_bind_text(struct store_stmt *st, int index, struct slice text);
void store_bind_str(struct store_stmt *st, int index, const char *text);
void store_bind_blob(struct store_stmt *st, int index, struct slice bytes);
void store_bind_null(struct store_stmt *st, int index);
/* 1: a row is there; 0: no more rows; or ERR_STORE, ERR_EXISTS (a unique
 * constraint), ERR_BUSY (locked for longer than 5 s).  What writes belongs
 * into a transaction, or to store_exec. */
int store_step(struct store_stmt *st);
/* Columns of the current row, 0-based; borrowed until the next step.  NULL
 * columns give 0 and an empty slice with NULL ptr. */
int64_t store_col_int(struct store_stmt *st, int col);
struct slice store_col(struct store_stmt *st, int col);
bool store_col_is_null(struct store_stmt *st, int col);
/* Resets; NULL is fine. */
void store_done(struct store_stmt *st);

/*
 * The short form for one statement: types is a string of 'i' (int64_t),
 * 's' (const char *), 'l' (struct slice, text), 'b' (struct slice, blob),
 * 'n' (null, no argument), then the values.  store_exec runs it to its end
 * and gives the number of changed rows in *changed (may be NULL).
 * store_query binds and leaves stepping to the caller.
 */
int store_exec(struct store_conn *c, int64_t *changed, const char *sql,
	       const char *types, ...);
int store_query(struct store_conn *c, struct store_stmt **out, const char *sql,
		const char *types, ...);
/* Whether what follows waits for another program that holds the database, as
 * it does at first (5 s), or is ERR_BUSY at once: for what can be done later
 * and must hold nobody up. */
void store_set_patience(struct store_conn *c, bool waits);
/* Folds what was written into the database's own file, and leaves nothing of
 * it beside: what was deleted is gone then.  ERR_BUSY while others read. */
int store_checkpoint(struct store_conn *c);
/* The number of the newest migration of a set that this program knows. */
int64_t store_migrations_known(const char *set);
/* That of the newest one that was run on this database: by a newer program
 * perhaps. */
int store_migrations_newest(struct store_conn *c, int64_t *out);

/*
 * A copy of the database into a new file (0600), while it is in use: as it
 * was at one instant.  pinned: that of the begin, whatever others write (this
 * connection must not, until the end); else that of the end, for the one
 * connection that writes.  Step until 0: 1 with pages left, ERR_STORE (disk
 * full …).  One that is ended before that is no database; the file is the
 * caller's to remove.  ERR_UNSUPPORTED where the engine has tools of its own
 * for this.
 */
struct store_copy;
int store_copy_begin(struct store_conn *c, const char *path, bool pinned,
		     struct store_copy **out);
int store_copy_step(struct store_copy *copy, unsigned pages, uint64_t *done,
		    uint64_t *total);
/* NULL is fine. */
void store_copy_end(struct store_copy *copy);

/* The engine's last message on this connection, for the log (no values): of
 * what went wrong before a rollback, until something else is asked. */
const char *store_message(struct store_conn *c);

#endif
