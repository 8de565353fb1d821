/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit: every kind of tampering with the chain is found, and refusals,
 * which anybody can make, are counted but cannot fill the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "../support/store_world.h"

static struct people_actor *actor;

static int
begin(void **state)
{
	if (vault_init() || store_world_begin(state))
		return -1;
	actor = people_actor_new("01org", "01me", PEOPLE_ADMIN, "Ada");
	return actor ? 0 : -1;
}

static int
end(void **state)
{
	people_actor_unref(actor);
	return store_world_end(state);
}

/* As somebody would who has the database's file. */
static void
tamper(const char *sql)
{
	int64_t changed;

	assert_int_equal(store_exec(conn, &changed, sql, ""), 0);
	assert_int_not_equal(changed, 0);
}

static void
append_inside(const char *action)
{
	struct audit_event e = { .org = "01org",
				 .actor = actor,
				 .address = "192.0.2.1",
				 .action = action,
				 .object = "01thing",
				 .object_name = "A \"thing\"",
				 .detail = "why" };

	assert_int_equal(audit_append(conn, &e), 0);
}

static void
append(const char *action)
{
	assert_int_equal(store_begin(conn), 0);
	append_inside(action);
	assert_int_equal(store_commit(conn), 0);
}

static void
append_five(void)
{
	append("a.one");
	append("a.two");
	append("a.three");
	append("a.four");
	append("a.five");
}

/* At which record a check finds it; 0: nowhere. */
static int64_t
broken_at(void)
{
	struct audit_report report;
	int rc = audit_verify(conn, "01org", &report);

	assert_int_equal(rc, report.broken_at ? ERR_CRYPTO : 0);
	assert_true(!report.broken_at == !report.detail[0]);
	return report.broken_at;
}

/* ---- the chain ---- */

static void
a_chain_as_it_was_written_is_sound(void **state)
{
	struct audit_report report;

	(void)state;
	assert_int_equal(broken_at(), 0);
	append_five();
	assert_int_equal(audit_verify(conn, "01org", &report), 0);
	assert_int_equal(report.count, 5);
	assert_int_equal(audit_verify(conn, "01other", &report), 0);
	assert_int_equal(report.count, 0);
}

static void
a_rollback_takes_the_record_back(void **state)
{
	(void)state;
	append("a.one");
	assert_int_equal(store_begin(conn), 0);
	append_inside("a.two");
	store_rollback(conn);
	append("a.three");
	assert_int_equal(number_of("SELECT MAX(seq) FROM audit"), 2);
	assert_int_equal(broken_at(), 0);
}

static void
a_changed_text_is_found(void **state)
{
	(void)state;
	append_five();
	tamper("UPDATE audit SET record = REPLACE(record, 'a.three', 'a.free') "
	       "WHERE seq = 3");
	assert_int_equal(broken_at(), 3);
}

static void
a_changed_column_is_found(void **state)
{
	static const char *const changes[] = {
		"UPDATE audit SET actor = '01you' WHERE seq = 3",
		"UPDATE audit SET action = 'a.free' WHERE seq = 3",
		"UPDATE audit SET object = '01other' WHERE seq = 3",
		"UPDATE audit SET outcome = 'refused' WHERE seq = 3",
		"UPDATE audit SET at = at + 1000 WHERE seq = 3",
	};
	size_t i;

	(void)state;
	append_five();
	for (i = 0; i < ARRAY_LEN(changes); i++) {
		assert_int_equal(store_begin(conn), 0);
		tamper(changes[i]);
		assert_int_equal(broken_at(), 3);
		store_rollback(conn);
	}
	assert_int_equal(broken_at(), 0);
}

static void
a_changed_hash_is_found(void **state)
{
	(void)state;
	append_five();
	tamper("UPDATE audit SET hash = (SELECT hash FROM audit "
	       "WHERE seq = 2) WHERE seq = 3");
	assert_int_equal(broken_at(), 3);
}

static void
a_record_left_out_is_found(void **state)
{
	(void)state;
	append_five();
	tamper("DELETE FROM audit WHERE seq = 3");
	assert_int_equal(broken_at(), 4);
}

static void
closing_the_gap_does_not_help(void **state)
{
	(void)state;
	append_five();
	tamper("DELETE FROM audit WHERE seq = 3");
	tamper("UPDATE audit SET seq = seq - 1 WHERE seq > 3");
	assert_int_equal(broken_at(), 3);
}

static void
two_records_that_changed_places_are_found(void **state)
{
	(void)state;
	append_five();
	tamper("UPDATE audit SET seq = -seq WHERE seq IN (2, 3)");
	tamper("UPDATE audit SET seq = 5 + seq WHERE seq IN (-2, -3)");
	assert_int_equal(broken_at(), 2);
}

static void
a_record_put_in_at_the_end_is_found(void **state)
{
	(void)state;
	append_five();
	tamper("INSERT INTO audit SELECT org, 6, at, actor, action, object, "
	       "outcome, record, hash FROM audit WHERE seq = 5");
	assert_int_equal(broken_at(), 6);
}

static void
an_end_that_was_cut_off_is_found_by_the_head(void **state)
{
	(void)state;
	append_five();
	tamper("DELETE FROM audit WHERE seq = 5");
	assert_int_equal(broken_at(), 5);
}

static void
another_organisations_record_is_found(void **state)
{
	(void)state;
	append_five();
	tamper("UPDATE audit SET org = '02org'");
	tamper("UPDATE audit_heads SET org = '02org'");
	actor->org[1] = '2';
	assert_int_equal(broken_at(), 0);
	{
		struct audit_report report;

		assert_int_equal(audit_verify(conn, "02org", &report),
				 ERR_CRYPTO);
		assert_int_equal(report.broken_at, 1);
	}
}

static void
a_long_detail_is_cut_between_characters(void **state)
{
	char detail[AUDIT_DETAIL_MAX + 10];
	struct audit_event e = { .org = "01org",
				 .action = "a.long",
				 .detail = detail };

	(void)state;
	memset(detail, 'x', sizeof(detail));
	memcpy(detail + AUDIT_DETAIL_MAX - 1, "\xc3\xa9", 2);
	detail[sizeof(detail) - 1] = '\0';
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(audit_append(conn, &e), 0);
	assert_int_equal(store_commit(conn), 0);
	assert_int_equal(broken_at(), 0);
}

static void
words_that_are_cut_within_characters_break_no_chain(void **state)
{
	struct audit_event e = { .org = "01org",
				 .actor = actor,
				 .action = "connection.connect",
				 .object = "01thing\xc3",
				 .object_name = "\xe2\x82",
				 .detail = "It says \"\xf0\x9f\x98\"." };

	(void)state;
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(audit_append(conn, &e), 0);
	assert_int_equal(store_commit(conn), 0);
	assert_int_equal(broken_at(), 0);
}

/* ---- refusals ---- */

static void
refuse(const char *action, const char *object)
{
	struct audit_event e = { .org = "01org",
				 .actor = actor,
				 .address = "192.0.2.1",
				 .action = action,
				 .object = object,
				 .refused = true,
				 .detail = "not allowed" };

	assert_int_equal(audit_refusal(conn, &e), 0);
}

/* A minute must not end in between: the counts begin anew then. */
static void
early_in_a_minute(void)
{
	while (clock_wall_ms() % 60000 > 55000)
		;
}

static void
a_refusal_that_comes_again_is_counted_on_the_first(void **state)
{
	struct arena *arena = arena_new(1 << 20);
	struct audit_record *a;
	size_t count, i;

	(void)state;
	early_in_a_minute();
	append("a.one");
	for (i = 0; i < 1000; i++)
		refuse("connection.refused", "01thing");
	refuse("connection.refused", "01other");
	assert_int_equal(
		audit_list(conn, "01org", NULL, 0, 50, arena, &a, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(a[0].count, 1);
	assert_int_equal(a[1].count, 1000);
	assert_int_equal(a[2].count, 1);
	assert_int_equal(broken_at(), 0);
	arena_free(arena);
}

static void
two_keys_of_a_member_are_two_actors(void **state)
{
	(void)state;
	early_in_a_minute();
	refuse("connection.refused", "01thing");
	snprintf(actor->key, sizeof(actor->key), "01key");
	refuse("connection.refused", "01thing");
	assert_int_equal(number_of("SELECT COUNT(*) FROM audit"), 2);
}

static void
the_next_minute_has_a_record_of_its_own(void **state)
{
	(void)state;
	early_in_a_minute();
	refuse("connection.refused", "01thing");
	tamper("UPDATE audit_refusals SET minute = minute - 1");
	refuse("connection.refused", "01thing");
	assert_int_equal(number_of("SELECT COUNT(*) FROM audit"), 2);
}

static void
many_different_refusals_are_bounded_and_all_counted(void **state)
{
	char object[32];
	unsigned i;

	(void)state;
	early_in_a_minute();
	for (i = 0; i < 500; i++) {
		snprintf(object, sizeof(object), "01thing%u", i);
		refuse("connection.refused", object);
	}
	refuse("connection.refused", "01thing3");
	assert_int_equal(number_of("SELECT COUNT(*) FROM audit"),
			 AUDIT_REFUSALS_A_MINUTE + 1);
	assert_int_equal(number_of("SELECT SUM(count) FROM audit_refusals"),
			 501);
	assert_int_equal(number_of("SELECT count FROM audit_refusals "
				   "WHERE action = ''"),
			 500 - AUDIT_REFUSALS_A_MINUTE);
	assert_int_equal(number_of("SELECT count FROM audit_refusals "
				   "WHERE object = '01thing3'"),
			 2);
	assert_int_equal(broken_at(), 0);
}

/* ---- strangers ---- */

static void
strangers_are_bounded_and_all_counted(void **state)
{
	char address[32];
	unsigned i;

	(void)state;
	early_in_a_minute();
	for (i = 0; i < 300; i++) {
		snprintf(address, sizeof(address), "198.51.100.%u", i);
		assert_int_equal(audit_stranger(conn, address, "api"), 0);
	}
	assert_int_equal(audit_stranger(conn, "198.51.100.7", "api"), 0);
	assert_int_equal(number_of("SELECT COUNT(*) FROM audit_strangers"),
			 AUDIT_STRANGERS_A_MINUTE + 1);
	assert_int_equal(number_of("SELECT SUM(count) FROM audit_strangers"),
			 301);
	assert_int_equal(number_of("SELECT count FROM audit_strangers "
				   "WHERE address = '198.51.100.7'"),
			 2);
}

static void
too_many_strangers_are_folded_by_the_hour(void **state)
{
	static const char many[] =
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
		"FROM n WHERE i < 100100) INSERT INTO audit_strangers "
		"SELECT ?1 - ?1 % 60 + i % 60, 'a' || i, 'api', 2 FROM n";
	int64_t old = clock_wall_ms() / 60000 - 3 * 24 * 60;

	(void)state;
	assert_int_equal(audit_stranger(conn, "192.0.2.1", "api"), 0);
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(store_exec(conn, NULL, many, "i", old), 0);
	assert_int_equal(store_commit(conn), 0);
	assert_int_equal(audit_tidy(conn, (old - 1000) * 60000), 0);
	assert_int_equal(number_of("SELECT COUNT(*) FROM audit_strangers"), 2);
	assert_int_equal(number_of("SELECT SUM(count) FROM audit_strangers"),
			 200201);
	assert_int_equal(audit_tidy(conn, (old + 1000) * 60000), 0);
	assert_int_equal(number_of("SELECT COUNT(*) FROM audit_strangers"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_chain_as_it_was_written_is_sound),
		TEST(a_rollback_takes_the_record_back),
		TEST(a_changed_text_is_found),
		TEST(a_changed_column_is_found),
		TEST(a_changed_hash_is_found),
		TEST(a_record_left_out_is_found),
		TEST(closing_the_gap_does_not_help),
		TEST(two_records_that_changed_places_are_found),
		TEST(a_record_put_in_at_the_end_is_found),
		TEST(an_end_that_was_cut_off_is_found_by_the_head),
		TEST(another_organisations_record_is_found),
		TEST(a_long_detail_is_cut_between_characters),
		TEST(words_that_are_cut_within_characters_break_no_chain),
		TEST(a_refusal_that_comes_again_is_counted_on_the_first),
		TEST(two_keys_of_a_member_are_two_actors),
		TEST(the_next_minute_has_a_record_of_its_own),
		TEST(many_different_refusals_are_bounded_and_all_counted),
		TEST(strangers_are_bounded_and_all_counted),
		TEST(too_many_strangers_are_folded_by_the_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
