/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine must be able to do.  store.c knows engines through this
 * table only; sqlite.c is the first, a PostgreSQL twin can follow.
 */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include "store/store.h"

struct store_engine {
	/* Opens or creates the database behind the URL's rest; *db is the
	 * engine's own. */
	int (*open)(const char *where, void **db, char *detail, size_t size);
	void (*close)(void *db);
	/* One writer of this process at a time: ERR_BUSY after 5 s. */
	int (*lock)(void *db);
	void (*unlock)(void *db);
	/* Brings all that was committed to disk.  An error: it may be there
	 * or not, and so for all that is committed until one succeeds. */
	int (*sync)(void *db);
	int (*connect)(void *db, void **conn);
	void (*disconnect)(void *conn);
	void (*set_patience)(void *conn, bool waits);
	/* Several statements without parameters (migrations). */
	int (*script)(void *conn, const char *sql);
	int (*prepare)(void *conn, const char *sql, void **stmt);
	void (*finalize)(void *stmt);
	bool (*writes)(void *stmt);
	void (*reset)(void *stmt);
	void (*bind_int)(void *stmt, int index, int64_t value);
	void (*bind_text)(void *stmt, int index, struct slice text);
	void (*bind_blob)(void *stmt, int index, struct slice bytes);
	void (*bind_null)(void *stmt, int index);
	int (*step)(void *stmt);
	int64_t (*col_int)(void *stmt, int col);
	struct slice (*col)(void *stmt, int col);
	bool (*col_is_null)(void *stmt, int col);
	int64_t (*changes)(void *conn);
	const char *(*message)(void *conn);
	int (*checkpoint)(void *conn);
	/* NULL: not possible. */
	int (*copy_begin)(void *conn, const char *path, bool pinned,
			  void **copy);
	int (*copy_step)(void *copy, unsigned pages, uint64_t *done,
			 uint64_t *total);
	void (*copy_end)(void *copy);
};

extern const struct store_engine store_sqlite;

struct store_stmt {
	struct store_conn *conn;
	const char *sql; /* the literal's address is the cache's key */
	void *stmt;
	bool writes;
	struct store_stmt *next;
};

struct store_conn {
	struct store *store;
	void *conn;
	struct store_stmt *cache;
	bool in_transaction;
	store_last *last; /* before each commit; NULL: nothing */
	void *last_arg;
	char why[256];		 /* the message of before a rollback, or "" */
	struct store_conn *next; /* spare */
};

const struct store_engine *store_engine_of(const struct store_conn *c);

/* Applies the set's migrations; what and where goes into detail.  newer: those
 * of a newer program may be there, and are told in detail. */
int store_migrate(struct store_conn *c, const char *set, bool newer,
		  char *detail, size_t size);

#endif
