/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of an earlier version: what the next migrations make of what is
 * in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/store_priv.h"
#include "../support/temp_folder.h"

/* The main database as a version left it that had migrations up to this one;
 * release and close. */
static struct store_conn *
opened_at(int64_t newest, struct store **s)
{
	size_t cursor = 0, prefix = strlen("migrations/main/");
	const struct embed_file *f;
	struct store_conn *c;
	char url[200], *sql;

	snprintf(url, sizeof(url), "sqlite:%s", temp_path("main.db"));
	assert_int_equal(store_open(url, "none", s, NULL, 0), 0);
	assert_int_equal(store_acquire(*s, &c), 0);
	while ((f = embed_next("migrations/main/", &cursor))) {
		if (atoi(f->path + prefix) > newest)
			continue;
		sql = slice_dup(slice_of(f->data, f->size));
		assert_int_equal(store_engine_of(c)->script(c->conn, sql), 0);
		free(sql);
		assert_int_equal(
			store_exec(c, NULL,
				   "INSERT INTO migrations (number, name, "
				   "checksum, applied_at) VALUES (?1, ?2, ?3, "
				   "1)",
				   "iss", (int64_t)atoi(f->path + prefix),
				   f->path, f->etag),
			0);
	}
	return c;
}

/* And as this version opens it. */
static struct store_conn *
opened_now(struct store **s)
{
	char url[200], detail[200] = "";
	struct store_conn *c;

	snprintf(url, sizeof(url), "sqlite:%s", temp_path("main.db"));
	if (store_open(url, "main", s, detail, sizeof(detail)))
		fail_msg("%s", detail);
	assert_int_equal(store_acquire(*s, &c), 0);
	return c;
}

static void
must(struct store_conn *c, const char *sql)
{
	if (store_exec(c, NULL, sql, ""))
		fail_msg("%s: %s", sql, store_message(c));
}

/* The only row's columns, with a bar between them. */
static const char *
row(struct store_conn *c, const char *sql)
{
	static char text[400];
	struct store_stmt *st;

	assert_int_equal(store_query(c, &st, sql, ""), 0);
	assert_int_equal(store_step(st), 1);
	slice_copy(store_col(st, 0), text, sizeof(text));
	store_done(st);
	return text;
}

#define TOLD \
	"SELECT health || '|' || health_reason || '|' || health_since || " \
	"'|' || retry_at || '|' || not_granted FROM "

static void
what_was_not_granted_is_kept_apart_from_health(void **state)
{
	struct store *s;
	struct store_conn *c = opened_at(13, &s);

	(void)state;
	must(c, "PRAGMA foreign_keys = OFF");
	must(c, "INSERT INTO connections (id, org, link_name, name, service, "
		"method, owner, status, health, health_reason, health_since, "
		"created_at, updated_at) SELECT column1, 'o', column1, "
		"column1, 's', 'm', 'x', 'connected', column2, column3, "
		"column4, 1, 1 FROM (VALUES "
		"('short', 'degraded', 'Not granted: a.READ https://b/c. "
		"Connect again and accept them, or edit the scopes.', 7), "
		"('busy', 'degraded', 'The service asks to call less often.', "
		"8), ('well', 'ok', '', 0))");
	must(c, "INSERT INTO connection_users (connection, subject, status, "
		"health, health_reason, health_since) VALUES "
		"('short', 'u', 'connected', 'degraded', 'Not granted: "
		"Mail.Send. Connect again and accept them, or edit the "
		"scopes.', 7), "
		"('short', 'v', 'connected', 'degraded', 'The provider asks "
		"to wait.', 8)");
	store_release(c);
	store_close(s);

	c = opened_now(&s);
	assert_string_equal(row(c, TOLD "connections WHERE id = 'short'"),
			    "ok||0|0|a.READ https://b/c");
	assert_string_equal(row(c, TOLD "connections WHERE id = 'busy'"),
			    "degraded|The service asks to call less often.|"
			    "8|0|");
	assert_string_equal(row(c, TOLD "connections WHERE id = 'well'"),
			    "ok||0|0|");
	assert_string_equal(row(c, TOLD "connection_users WHERE subject = 'u'"),
			    "ok||0|0|Mail.Send");
	assert_string_equal(row(c, TOLD "connection_users WHERE subject = 'v'"),
			    "degraded|The provider asks to wait.|8|0|");
	store_release(c);
	store_close(s);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, temp_folder_begin, \
					temp_folder_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_not_granted_is_kept_apart_from_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
