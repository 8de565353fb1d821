/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consents that never come back: what is noted of them, once, and what is
 * left as it was.
 */
#include "../support/consent_world.h"

/* As if so many minutes had passed for a connection's tickets and states. */
static void
minutes_pass(const struct trip *t, int minutes)
{
	int64_t ms = minutes * INT64_C(60000);

	if (store_exec(w.c, NULL,
		       "UPDATE oauth_states SET created_at = created_at - ?2, "
		       "expires_at = expires_at - ?2 WHERE connection = ?1",
		       "si", t->info.id, ms) ||
	    store_exec(w.c, NULL,
		       "UPDATE connect_tickets SET created_at = created_at - "
		       "?2, expires_at = expires_at - ?2 WHERE connection = ?1",
		       "si", t->info.id, ms))
		fail();
}

static void
settle(struct trip *t)
{
	assert_int_equal(connect_front_unfinished(w.front, w.c), 0);
	look(t);
}

static int64_t
failures(const struct trip *t)
{
	struct store_stmt *st = NULL;
	int64_t count = -1;

	if (!store_query(w.c, &st,
			 "SELECT count(*) FROM audit WHERE object = ?1 AND "
			 "action = 'connection.connect_failed'",
			 "s", t->info.id) &&
	    store_step(st) == 1)
		count = store_col_int(st, 0);
	store_done(st);
	return count;
}

static void
window_that_was_closed_is_told_when_its_time_is_over(void **state)
{
	struct trip t;

	(void)state;
	set_out(&t);
	minutes_pass(&t, 14);
	settle(&t);
	assert_null(strstr(t.info.reason, "not finished"));
	minutes_pass(&t, 1);
	settle(&t);
	assert_int_equal(t.info.status, CONNECT_NOT_CONNECTED);
	assert_non_null(strstr(t.info.reason, "The last consent was not "
					      "finished: nobody came back from "
					      "the provider in 15 minutes"));
	assert_non_null(strstr(t.info.reason,
			       "redirect URI https://draw.example/oauth/"
			       "services/test_desk/callback"));
	assert_non_null(strstr(t.info.reason, "client id"));
	assert_int_equal(failures(&t), 1);
	/* once */
	settle(&t);
	assert_int_equal(failures(&t), 1);
}

static void
link_that_nobody_used_is_told(void **state)
{
	struct trip t;

	(void)state;
	create(&t, false);
	ask_ticket(&t);
	minutes_pass(&t, 15);
	settle(&t);
	assert_non_null(strstr(t.info.reason, "nobody pressed Connect"));
	assert_int_equal(failures(&t), 0);
}

static void
consent_under_a_clock_that_was_set_back_is_over(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	minutes_pass(&t, -15); /* a little does no harm */
	settle(&t);
	assert_null(strstr(t.info.reason, "not finished"));
	minutes_pass(&t, -60);
	settle(&t);
	assert_non_null(strstr(t.info.reason, "not finished"));
	assert_int_not_equal(come_back(&t, with_issuer("code=c"), &out), 0);
}

static void
what_was_told_under_a_wrong_clock_goes_on_under_the_right_one(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	create(&t, false);
	ask_ticket(&t);
	minutes_pass(&t, 60);
	settle(&t);
	assert_non_null(strstr(t.info.reason, "nobody pressed Connect"));
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND);
	minutes_pass(&t, -60);
	press(&t);
	minutes_pass(&t, -60);
	settle(&t);
	assert_non_null(strstr(t.info.reason, "nobody came back"));
	minutes_pass(&t, 60);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND); /* once */
}

static void
connection_that_works_is_not_marked(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	ask_ticket(&t);
	press(&t);
	minutes_pass(&t, 20);
	settle(&t);
	assert_int_equal(t.info.status, CONNECT_CONNECTED);
	assert_string_equal(t.info.reason, "");
	assert_false(t.info.degraded);
	assert_int_equal(failures(&t), 1); /* the audit knows */
}

static void
disabled_one_keeps_its_reason(void **state)
{
	char before[256];
	struct trip t;

	(void)state;
	set_out(&t);
	if (connect_front_enable(w.front, w.c, &w.who, t.info.link, false,
				 w.arena, &t.info, &w.p))
		fail_msg("%s", w.p.detail);
	look(&t);
	snprintf(before, sizeof(before), "%s", t.info.reason);
	minutes_pass(&t, 20);
	settle(&t);
	assert_int_equal(t.info.status, CONNECT_DISABLED);
	assert_string_equal(t.info.reason, before);
}

static void
later_consent_is_the_one_that_counts(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	minutes_pass(&t, 10);
	ask_ticket(&t); /* under way */
	minutes_pass(&t, 6);
	settle(&t);
	assert_null(strstr(t.info.reason, "not finished"));
	press(&t);
	assert_true(come_back(&t, with_issuer("error=access_denied"), &out) <
		    0);
	minutes_pass(&t, 20);
	settle(&t);
	assert_non_null(strstr(t.info.reason, "Consent was refused"));
}

static void
who_comes_after_all_is_told_that_it_took_too_long(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	minutes_pass(&t, 16);
	settle(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_TIMEOUT);
	assert_int_equal(keeper.finished, 0);
	look(&t);
	assert_non_null(strstr(t.info.reason, "longer than 15 minutes"));
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_WRONG_STATE);
}

static void
consent_of_one_user_says_nothing_of_the_connection(void **state)
{
	unsigned char here[PEOPLE_HASH_SIZE];
	char before[256];
	struct trip t;

	(void)state;
	owner_signs_in(here);
	create(&t, true);
	snprintf(before, sizeof(before), "%s", t.info.reason);
	w.who.session = here;
	ask_ticket(&t);
	if (press_as(&t, &w.who))
		fail_msg("%s", w.p.detail);
	minutes_pass(&t, 20);
	settle(&t);
	assert_string_equal(t.info.reason, before);
	assert_int_equal(failures(&t), 0);
}

static void
more_than_one_pass_takes_are_noted_in_the_next(void **state)
{
	struct trip t;
	int i;

	(void)state;
	create(&t, false);
	for (i = 0; i < 60; i++) {
		ask_ticket(&t);
		press(&t);
	}
	minutes_pass(&t, 20);
	settle(&t);
	assert_in_range(failures(&t), 1, 59);
	settle(&t);
	assert_int_equal(failures(&t), 60);
	assert_non_null(strstr(t.info.reason, "not finished"));
}

static void
housekeeping_waits_for_what_is_not_noted_yet(void **state)
{
	struct trip t;

	(void)state;
	set_out(&t);
	minutes_pass(&t, 16);
	assert_int_equal(connect_front_tidy(w.front, w.c), 0);
	settle(&t);
	assert_non_null(strstr(t.info.reason, "not finished"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(window_that_was_closed_is_told_when_its_time_is_over),
		TEST(link_that_nobody_used_is_told),
		TEST(consent_under_a_clock_that_was_set_back_is_over),
		TEST(what_was_told_under_a_wrong_clock_goes_on_under_the_right_one),
		TEST(connection_that_works_is_not_marked),
		TEST(disabled_one_keeps_its_reason),
		TEST(later_consent_is_the_one_that_counts),
		TEST(who_comes_after_all_is_told_that_it_took_too_long),
		TEST(consent_of_one_user_says_nothing_of_the_connection),
		TEST(more_than_one_pass_takes_are_noted_in_the_next),
		TEST(housekeeping_waits_for_what_is_not_noted_yet),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
