/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: what is put in comes out, transactions hold or leave nothing,
 * writers wait for each other, and a database that is not ours to use is
 * left alone.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/store.h"
#include "../support/temp_folder.h"

static struct store *db;
static struct store_conn *conn;

static int
open_named(const char *name, const char *set, struct store **out, char *detail,
	   size_t size)
{
	char url[200];

	snprintf(url, sizeof(url), "sqlite:%s", temp_path(name));
	return store_open(url, set, out, detail, size);
}

static int
begin(void **state)
{
	char detail[200] = "";

	if (temp_folder_begin(state) ||
	    open_named("main.db", "main", &db, detail, sizeof(detail)))
		return -1;
	if (store_acquire(db, &conn))
		return -1;
	return store_exec(conn, NULL,
			  "CREATE TABLE things (id BIGINT NOT NULL PRIMARY "
			  "KEY, name TEXT UNIQUE, bytes BYTEA)",
			  "");
}

static int
end(void **state)
{
	store_release(conn);
	store_close(db);
	return temp_folder_end(state);
}

static int64_t
number_of(struct store_conn *c, const char *sql)
{
	struct store_stmt *st;
	int64_t n;

	assert_int_equal(store_query(c, &st, sql, ""), 0);
	assert_int_equal(store_step(st), 1);
	n = store_col_int(st, 0);
	store_done(st);
	return n;
}

static int64_t
things(struct store_conn *c)
{
	return number_of(c, "SELECT COUNT(*) FROM things");
}

static int
add(struct store_conn *c, int64_t id, const char *name)
{
	return store_exec(c, NULL,
			  "INSERT INTO things (id, name) VALUES (?1, ?2)", "is",
			  id, name);
}

static int
forget(void **state)
{
	(void)state;
	store_rollback(conn);
	return store_exec(conn, NULL, "DELETE FROM things", "");
}

/* ---- values ---- */

static void
what_is_put_in_comes_out(void **state)
{
	static const char bytes[] = "\0a\xff\0";
	static const char sql[] =
		"INSERT INTO things (id, name, bytes) VALUES (?1, ?2, ?3)";
	struct store_stmt *st;

	(void)state;
	assert_int_equal(store_exec(conn, NULL, sql, "isb", INT64_MIN,
				    "\xc3\xa4 'quoted'", slice_of(bytes, 4)),
			 0);
	assert_int_equal(store_exec(conn, NULL, sql, "ilb", INT64_MAX,
				    slice_of("cut here", 3), slice_of("", 0)),
			 0);
	assert_int_equal(store_query(conn, &st,
				     "SELECT id, name, bytes FROM things "
				     "ORDER BY id",
				     ""),
			 0);
	assert_int_equal(store_step(st), 1);
	assert_true(store_col_int(st, 0) == INT64_MIN);
	assert_true(slice_eq(store_col(st, 1), SLICE("\xc3\xa4 'quoted'")));
	assert_true(slice_eq(store_col(st, 2), slice_of(bytes, 4)));
	assert_int_equal(store_step(st), 1);
	assert_true(store_col_int(st, 0) == INT64_MAX);
	assert_true(slice_eq(store_col(st, 1), SLICE("cut")));
	assert_false(store_col_is_null(st, 2)); /* empty is not NULL */
	assert_non_null(store_col(st, 2).ptr);
	assert_int_equal(store_step(st), 0);
	store_done(st);
}

static void
null_is_told_from_empty(void **state)
{
	struct store_stmt *st;

	(void)state;
	assert_int_equal(store_query(conn, &st, "SELECT ?1, ?2, ?3, ?4, ?5, ?6",
				     "slbnsi", NULL, SLICE_NONE, SLICE_NONE, "",
				     (int64_t)0),
			 0);
	assert_int_equal(store_step(st), 1);
	for (int col = 0; col < 4; col++) {
		assert_true(store_col_is_null(st, col));
		assert_null(store_col(st, col).ptr);
		assert_int_equal(store_col_int(st, col), 0);
	}
	assert_false(store_col_is_null(st, 4));
	assert_false(store_col_is_null(st, 5));
	store_done(st);
	store_done(NULL);
}

static void
a_value_is_never_read_as_sql(void **state)
{
	(void)state;
	assert_int_equal(add(conn, 1, "x'); DROP TABLE things; --"), 0);
	assert_int_equal(things(conn), 1);
}

static void
a_statement_forgets_its_values_when_done(void **state)
{
	static const char sql[] = "SELECT ?1";
	struct store_stmt *st, *again;

	(void)state;
	assert_int_equal(store_query(conn, &st, sql, "s", "first"), 0);
	assert_int_equal(store_step(st), 1);
	store_done(st);
	assert_int_equal(store_prepare(conn, sql, &again), 0);
	assert_ptr_equal(again, st); /* prepared once */
	assert_int_equal(store_step(again), 1);
	assert_true(store_col_is_null(again, 0));
	store_done(again);
}

static void
changed_rows_are_counted(void **state)
{
	int64_t changed = 7;

	(void)state;
	assert_int_equal(add(conn, 1, "a"), 0);
	assert_int_equal(add(conn, 2, "b"), 0);
	assert_int_equal(add(conn, 3, "c"), 0);
	assert_int_equal(store_exec(conn, &changed,
				    "DELETE FROM things WHERE id > ?1", "i",
				    (int64_t)1),
			 0);
	assert_int_equal(changed, 2);
	assert_int_equal(store_exec(conn, &changed,
				    "DELETE FROM things WHERE id > ?1 ", "i",
				    (int64_t)9),
			 0);
	assert_int_equal(changed, 0);
}

/* ---- mistakes have names ---- */

static void
what_is_there_already_is_told(void **state)
{
	(void)state;
	assert_int_equal(add(conn, 1, "a"), 0);
	assert_int_equal(add(conn, 1, "b"), ERR_EXISTS); /* primary key */
	assert_int_equal(add(conn, 2, "a"), ERR_EXISTS); /* unique */
	assert_int_equal(things(conn), 1);
	assert_int_equal(add(conn, 2, "b"), 0);
}

static void
half_a_character_is_replaced(void **state)
{
	struct store_stmt *st;

	(void)state;
	assert_int_equal(store_exec(conn, NULL,
				    "INSERT INTO things VALUES (1, ?1, ?2)",
				    "sb", "a\xc3\" z", SLICE("\xc3\xff")),
			 0);
	assert_int_equal(
		store_query(conn, &st, "SELECT name, bytes FROM things", ""),
		0);
	assert_int_equal(store_step(st), 1);
	assert_true(slice_eq(store_col(st, 0), SLICE("a\xef\xbf\xbd\" z")));
	assert_true(slice_eq(store_col(st, 1), SLICE("\xc3\xff")));
	store_done(st);
}

static void
other_constraints_are_no_doubles(void **state)
{
	static const char orphan[] =
		"INSERT INTO sessions (hash, org, member, created_at, seen_at, "
		"expires_at) VALUES (?1, 'o', 'nobody', 1, 1, 1)";

	(void)state;
	assert_int_equal(store_exec(conn, NULL,
				    "INSERT INTO things (id) VALUES (NULL)",
				    ""),
			 ERR_STORE);
	assert_int_equal(store_exec(conn, NULL, orphan, "b", SLICE("h")),
			 ERR_STORE); /* foreign keys hold */
}

static void
bad_sql_is_refused_with_the_engines_words(void **state)
{
	struct store_stmt *st;

	(void)state;
	assert_int_equal(store_prepare(conn, "SELEC 1", &st), ERR_STORE);
	assert_null(st);
	assert_non_null(strstr(store_message(conn), "SELEC"));
	assert_string_equal(store_message(NULL), "no connection");
}

/* ---- transactions ---- */

static void
a_rollback_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(add(conn, 1, "a"), 0);
	assert_int_equal(things(conn), 1);
	store_rollback(conn);
	assert_int_equal(things(conn), 0);
	store_rollback(conn); /* none is open: fine */
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(add(conn, 1, "a"), 0);
	assert_int_equal(store_commit(conn), 0);
	store_rollback(conn);
	assert_int_equal(things(conn), 1);
}

/* As when the disk is full: the engine ends the transaction by itself. */
static void
what_went_wrong_is_known_after_the_rollback(void **state)
{
	(void)state;
	assert_int_equal(store_exec(conn, NULL,
				    "CREATE TRIGGER full BEFORE INSERT ON "
				    "things BEGIN SELECT RAISE(ROLLBACK, 'no "
				    "room'); END",
				    ""),
			 0);
	assert_int_equal(store_begin(conn), 0);
	assert_true(add(conn, 1, "a") < 0);
	store_rollback(conn);
	assert_non_null(strstr(store_message(conn), "no room"));
	store_rollback(conn);
	assert_non_null(strstr(store_message(conn), "no room"));
	assert_int_equal(store_exec(conn, NULL, "DROP TRIGGER full", ""), 0);
	assert_int_equal(store_begin(conn), 0); /* it can go on */
	assert_int_equal(add(conn, 1, "a"), 0);
	assert_true(add(conn, 2, "a") < 0);
	store_rollback(conn);
	assert_non_null(strstr(store_message(conn), "things.name"));
	assert_int_equal(things(conn), 0);
	assert_null(strstr(store_message(conn), "things.name"));
}

static void
others_see_a_change_when_it_is_committed(void **state)
{
	struct store_conn *other;

	(void)state;
	assert_int_equal(store_acquire(db, &other), 0);
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(add(conn, 1, "a"), 0);
	assert_int_equal(things(other), 0); /* readers do not wait */
	assert_int_equal(store_commit(conn), 0);
	assert_int_equal(things(other), 1);
	store_release(other);
}

static void
a_connection_that_is_given_back_leaves_no_transaction(void **state)
{
	struct store_conn *other, *again;

	(void)state;
	assert_int_equal(store_acquire(db, &other), 0);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(add(other, 1, "a"), 0);
	store_release(other);
	assert_int_equal(things(conn), 0);
	assert_int_equal(store_acquire(db, &again), 0);
	assert_ptr_equal(again, other); /* kept for the next */
	assert_int_equal(store_begin(again), 0);
	store_release(again);
	store_release(NULL);
}

static void
who_waits_too_long_is_told_so(void **state)
{
	struct store_conn *other;
	uint64_t before;

	(void)state;
	assert_int_equal(store_acquire(db, &other), 0);
	assert_int_equal(store_begin(conn), 0);
	before = clock_mono_ms();
	assert_int_equal(store_begin(other), ERR_BUSY);
	assert_in_range(clock_mono_ms() - before, 4000, 20000);
	store_rollback(conn);
	assert_int_equal(store_begin(other), 0); /* and may try again */
	store_release(other);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 50 };

static void *
count_up(void *arg)
{
	struct store_conn *c = NULL;
	bool ok = !store_acquire(db, &c);
	int64_t n;
	int i;

	(void)arg;
	for (i = 0; ok && i < ROUNDS; i++) {
		ok = !store_begin(c);
		n = ok ? number_of(c, "SELECT id FROM things") : 0;
		ok = ok && !store_exec(c, NULL, "UPDATE things SET id = ?1",
				       "i", n + 1);
		ok = ok && !store_commit(c);
	}
	store_release(c);
	return ok ? db : NULL;
}

static void
no_change_is_lost_between_threads(void **state)
{
	pthread_t threads[THREADS];
	void *result;
	int i;

	(void)state;
	assert_int_equal(add(conn, 0, "counter"), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
	}
	assert_int_equal(number_of(conn, "SELECT id FROM things"),
			 THREADS * ROUNDS);
}

/* ---- opening ---- */

static void
databases_are_for_their_owner_alone(void **state)
{
	struct store *s;

	(void)state;
	assert_int_equal(file_mode(temp_path("main.db")), 0600);
	assert_int_equal(file_mode(temp_path("main.db-wal")), 0600);
	assert_int_equal(
		store_open("sqlite:/nowhere/at/all.db", "main", &s, NULL, 0),
		ERR_STORE);
	assert_null(s);
	/* A link that somebody has put in the way is not followed. */
	file_put(temp_path("target.db"), "", 0, 0644);
	assert_int_equal(symlink(temp_path("target.db"), temp_path("link.db")),
			 0);
	assert_int_equal(open_named("link.db", "main", &s, NULL, 0), ERR_STORE);
}

static void
other_engines_are_refused_by_name(void **state)
{
	char detail[100] = "";
	struct store *s = db;

	(void)state;
	assert_int_equal(store_open("postgres://localhost/x", "main", &s,
				    detail, sizeof(detail)),
			 ERR_UNSUPPORTED);
	assert_null(s);
	assert_string_not_equal(detail, "");
}

static void
what_was_kept_is_there_after_opening_again(void **state)
{
	struct store_conn *c;
	struct store *s;

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(open_named("kept.db", "keeper", &s, NULL, 0),
				 0);
		assert_int_equal(store_acquire(s, &c), 0);
		/* Each migration is applied once, and with its set alone. */
		assert_int_equal(number_of(c, "SELECT COUNT(*) FROM migrations "
					      "WHERE name NOT LIKE "
					      "'migrations/keeper/%'"),
				 0);
		assert_int_equal(number_of(c, "SELECT COUNT(*) FROM datakeys"),
				 round);
		if (!round)
			assert_int_equal(
				store_exec(c, NULL,
					   "INSERT INTO datakeys (owner, "
					   "wrapped, created_at) "
					   "VALUES ('a', ?1, 1)",
					   "b", SLICE("wrapped")),
				0);
		store_release(c);
		store_close(s);
	}
}

/* The database is opened, changed so, and opened again. */
static int
reopened_after(const char *name, const char *sql, char *detail, size_t size)
{
	struct store_conn *c;
	struct store *s;
	int rc;

	assert_int_equal(open_named(name, "keeper", &s, NULL, 0), 0);
	assert_int_equal(store_acquire(s, &c), 0);
	assert_int_equal(store_exec(c, NULL, sql, ""), 0);
	store_release(c);
	store_close(s);
	rc = open_named(name, "keeper", &s, detail, size);
	store_close(s);
	return rc;
}

static void
a_database_tells_its_newest_migration(void **state)
{
	struct store_conn *c;
	struct store *s;
	int64_t newest = -1;

	(void)state;
	assert_int_equal(open_named("told.db", "keeper", &s, NULL, 0), 0);
	assert_int_equal(store_acquire(s, &c), 0);
	assert_int_equal(store_migrations_newest(c, &newest), 0);
	assert_int_equal(newest, store_migrations_known("keeper"));
	assert_int_equal(store_exec(c, NULL,
				    "INSERT INTO migrations VALUES "
				    "(9999, 'later', 'x', 1)",
				    ""),
			 0);
	assert_int_equal(store_migrations_newest(c, &newest), 0);
	assert_int_equal(newest, 9999);
	store_release(c);
	store_close(s);
}

static void
a_newer_versions_database_is_left_alone(void **state)
{
	char detail[200] = "";

	(void)state;
	assert_int_equal(reopened_after("newer.db",
					"INSERT INTO migrations VALUES "
					"(9999, 'later', 'x', 1)",
					detail, sizeof(detail)),
			 ERR_CONFLICT);
	assert_non_null(strstr(detail, "9999"));
	assert_non_null(strstr(detail, "newer"));
}

static void
beside_a_newer_program_its_migrations_are_told_and_no_reason(void **state)
{
	char url[300], detail[200] = "";
	struct store *s;

	(void)state;
	snprintf(url, sizeof(url), "sqlite:%s", temp_path("beside.db"));
	assert_int_equal(
		store_open_beside(url, "keeper", &s, detail, sizeof(detail)),
		0);
	assert_string_equal(detail, "");
	store_close(s);
	reopened_after("beside.db",
		       "INSERT INTO migrations VALUES (9999, 'later', 'x', 1)",
		       detail, sizeof(detail));
	assert_int_equal(
		store_open_beside(url, "keeper", &s, detail, sizeof(detail)),
		0);
	assert_non_null(strstr(detail, "9999"));
	store_close(s);
}

static void
a_migration_that_was_changed_afterwards_stops_the_start(void **state)
{
	char detail[200] = "";

	(void)state;
	assert_int_equal(reopened_after("changed.db",
					"UPDATE migrations SET checksum = 'x'",
					detail, sizeof(detail)),
			 ERR_CONFLICT);
	assert_non_null(strstr(detail, "0001_start.sql"));
}

static void
a_file_that_is_no_database_is_told(void **state)
{
	static char junk[4096];
	struct store *s;

	(void)state;
	memset(junk, 'j', sizeof(junk));
	file_put(temp_path("junk.db"), junk, sizeof(junk), 0600);
	assert_int_equal(open_named("junk.db", "main", &s, NULL, 0), ERR_STORE);
	assert_null(s);
	store_close(NULL);
}

static int64_t
things_in(const char *name)
{
	char url[200];
	struct store *s;
	struct store_conn *c;
	int64_t n;

	snprintf(url, sizeof(url), "sqlite:%s", temp_path(name));
	assert_int_equal(store_open(url, "main", &s, NULL, 0), 0);
	assert_int_equal(store_acquire(s, &c), 0);
	n = number_of(c, "SELECT COUNT(*) FROM copied");
	store_release(c);
	store_close(s);
	return n;
}

static void
a_copy_is_of_one_instant_while_others_write(void **state)
{
	struct store_conn *reader, *writer;
	struct store_copy *copy;
	uint64_t done, total;
	struct store *s;
	int i, rc;

	(void)state;
	assert_int_equal(open_named("source.db", "main", &s, NULL, 0), 0);
	assert_int_equal(store_acquire(s, &reader), 0);
	assert_int_equal(store_acquire(s, &writer), 0);
	assert_int_equal(
		store_exec(writer, NULL, "CREATE TABLE copied (id BIGINT)", ""),
		0);
	for (i = 0; i < 500; i++)
		store_exec(writer, NULL, "INSERT INTO copied VALUES (?1)", "i",
			   (int64_t)i);
	/* Pinned: nothing of what comes later. */
	assert_int_equal(
		store_copy_begin(reader, temp_path("pinned.db"), true, &copy),
		0);
	while ((rc = store_copy_step(copy, 1, &done, &total)) == 1)
		store_exec(writer, NULL, "INSERT INTO copied VALUES (1)", "");
	assert_int_equal(rc, 0);
	assert_int_equal(done, total);
	store_copy_end(copy);
	assert_int_equal(things_in("pinned.db"), 500);
	assert_int_equal(file_mode(temp_path("pinned.db")), 0600);
	/* By who writes: all of it up to the end. */
	assert_int_equal(
		store_copy_begin(writer, temp_path("own.db"), false, &copy), 0);
	i = 0;
	while ((rc = store_copy_step(copy, 1, &done, &total)) == 1 && i++ < 400)
		store_exec(writer, NULL, "INSERT INTO copied VALUES (1)", "");
	assert_int_equal(rc, 0);
	store_copy_end(copy);
	assert_int_equal(things_in("own.db"),
			 number_of(writer, "SELECT COUNT(*) FROM copied"));
	/* Over what is there: not. */
	assert_true(store_copy_begin(writer, temp_path("own.db"), false,
				     &copy) < 0);
	assert_null(copy);
	assert_int_equal(store_checkpoint(writer), 0);
	store_release(reader);
	store_release(writer);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_is_put_in_comes_out, forget),
		cmocka_unit_test(null_is_told_from_empty),
		cmocka_unit_test_teardown(a_value_is_never_read_as_sql, forget),
		cmocka_unit_test(a_statement_forgets_its_values_when_done),
		cmocka_unit_test_teardown(changed_rows_are_counted, forget),
		cmocka_unit_test_teardown(what_is_there_already_is_told,
					  forget),
		cmocka_unit_test_teardown(half_a_character_is_replaced, forget),
		cmocka_unit_test_teardown(other_constraints_are_no_doubles,
					  forget),
		cmocka_unit_test(bad_sql_is_refused_with_the_engines_words),
		cmocka_unit_test_teardown(a_rollback_leaves_nothing, forget),
		cmocka_unit_test_teardown(
			what_went_wrong_is_known_after_the_rollback, forget),
		cmocka_unit_test_teardown(
			others_see_a_change_when_it_is_committed, forget),
		cmocka_unit_test_teardown(
			a_connection_that_is_given_back_leaves_no_transaction,
			forget),
		cmocka_unit_test_teardown(who_waits_too_long_is_told_so,
					  forget),
		cmocka_unit_test_teardown(no_change_is_lost_between_threads,
					  forget),
		cmocka_unit_test(databases_are_for_their_owner_alone),
		cmocka_unit_test(other_engines_are_refused_by_name),
		cmocka_unit_test(what_was_kept_is_there_after_opening_again),
		cmocka_unit_test(a_newer_versions_database_is_left_alone),
		cmocka_unit_test(a_database_tells_its_newest_migration),
		cmocka_unit_test(
			beside_a_newer_program_its_migrations_are_told_and_no_reason),
		cmocka_unit_test(
			a_migration_that_was_changed_afterwards_stops_the_start),
		cmocka_unit_test(a_file_that_is_no_database_is_told),
		cmocka_unit_test(a_copy_is_of_one_instant_while_others_write),
	};

	return cmocka_run_group_tests_name("store", tests, begin, end);
}
