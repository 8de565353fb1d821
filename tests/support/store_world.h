/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main database in a folder of the test's own, and a connection to it.
 *
 * A unit test includes it behind cmocka, and calls store_world_begin and
 * store_world_end in its set-up and tear-down.
 */
#ifndef TESTS_SUPPORT_STORE_WORLD_H
#define TESTS_SUPPORT_STORE_WORLD_H

#include "store/store.h"
#include "../support/temp_folder.h"

static struct store *db;
static struct store_conn *conn;

static inline int
store_world_begin(void **state)
{
	char url[200], detail[200] = "";

	if (temp_folder_begin(state))
		return -1;
	snprintf(url, sizeof(url), "sqlite:%s", temp_path("main.db"));
	if (store_open(url, "main", &db, detail, sizeof(detail)))
		return -1;
	return store_acquire(db, &conn) ? -1 : 0;
}

static inline int
store_world_end(void **state)
{
	store_release(conn);
	store_close(db);
	return temp_folder_end(state);
}

/* The one number that a query gives. */
static inline int64_t
number_of(const char *sql)
{
	struct store_stmt *st;
	int64_t n;

	assert_int_equal(store_query(conn, &st, sql, ""), 0);
	assert_int_equal(store_step(st), 1);
	n = store_col_int(st, 0);
	store_done(st);
	return n;
}

#endif
