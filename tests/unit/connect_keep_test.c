/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time does to grants: idle ones are kept alive, ends are foretold,
 * refresh tokens are counted, and a wall clock that is set changes nothing.
 */
#include "../support/keeper_world.h"

/* ---- staying alive ---- */

static void
connect_idle(const char *refresh)
{
	char more[256];

	snprintf(more, sizeof(more), "\"refresh\":{%s},", refresh);
	define(more);
	connect_another();
}

/* Lets the scheduler look, after so many days. */
static void
days_later(int days)
{
	int i;

	pass((int64_t)days * DAY_S * 1000);
	loop_timer_cancel(&w.k[0].keep);
	keeper_keep_start(&w.k[0]);
	for (i = 0; i < 120 && !provider.refreshes; i++)
		run(10);
	run(20);
}

static void
idle_grant_is_renewed_before_it_dies(void **state)
{
	int64_t end;

	(void)state;
	connect_idle("\"idle_life_s\":7776000"); /* 90 days */
	end = row().idle_ends_at;
	assert_in_range(end - row().obtained_at, 90LL * DAY_S * 1000,
			90LL * DAY_S * 1000);
	days_later(44);
	assert_int_equal(provider.refreshes, 0);
	days_later(24); /* 68: past three quarters */
	assert_int_equal(provider.refreshes, 1);
	assert_true(row().idle_ends_at > end);
	assert_int_equal(counts(0).kept_alive, 1);
	assert_int_equal(w.k[0].keeping, 0);
	/* and again, for as long as nobody uses it */
	provider.refreshes = 0;
	days_later(68);
	assert_int_equal(provider.refreshes, 1);
}

static void
restart_forgets_no_idle_grant(void **state)
{
	int64_t base;

	(void)state;
	connect_idle("\"idle_life_s\":7776000");
	keeper_restart(0);
	base = w.k[0].clock.base_ms;
	assert_true(base > 0);
	days_later(68);
	assert_int_equal(provider.refreshes, 1);
}

static void
grants_that_do_not_die_are_left_alone(void **state)
{
	(void)state;
	days_later(400); /* the world's own has no idle life */
	assert_int_equal(provider.refreshes, 0);
	assert_int_equal(row().keep_at, 0);
}

static void
suspended_grant_is_not_kept_alive_until_it_goes_on(void **state)
{
	struct asked a;

	(void)state;
	connect_idle("\"idle_life_s\":7776000");
	ask(0, &a, CONNECT_KEEPER_SUSPEND, 1);
	run_until(&a.done);
	days_later(68);
	assert_int_equal(provider.refreshes, 0);
	ask(0, &a, CONNECT_KEEPER_SUSPEND, 0);
	run_until(&a.done);
	days_later(0);
	assert_int_equal(provider.refreshes, 1);
}

static void
failed_keeping_is_tried_again_within_the_time_left(void **state)
{
	int i;

	(void)state;
	connect_idle("\"idle_life_s\":7776000");
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_TRANSIENT;
	days_later(68);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	provider.says = SAYS_TOKENS;
	provider.refreshes = 0;
	for (i = 0; i < 3 && !provider.refreshes; i++) {
		pass(HOUR_MS);
		days_later(0);
	}
	assert_int_equal(provider.refreshes, 1);
}

static void
many_due_at_once_are_taken_a_few_at_a_time(void **state)
{
	int i;

	(void)state;
	connect_idle("\"idle_life_s\":7776000");
	for (i = 0; i < 40; i++)
		connect_another();
	provider.says = HOLDS;
	days_later(68);
	run(2500); /* several turns */
	assert_int_equal(provider.held_count, 16);
	assert_int_equal(w.k[0].keeping, 16);
	provider_forget();
}

/* ---- the end, foretold ---- */

static void
end_is_foretold_from_the_total_life(void **state)
{
	(void)state;
	connect_idle("\"total_life_s\":31536000,\"idle_life_s\":7776000");
	assert_string_equal(row().ends_why, "total_life");
	assert_int_equal(row().ends_at - row().granted_at,
			 365LL * DAY_S * 1000);
	run(10);
	assert_in_range(w.told.ends_at, row().ends_at - 1000,
			row().ends_at + 1000);
	/* a refresh does not put it off */
	days_later(68);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(row().ends_at - row().granted_at,
			 365LL * DAY_S * 1000);
}

static void
end_is_foretold_from_the_refresh_token(void **state)
{
	(void)state;
	provider.refresh_life_s = 365 * DAY_S;
	connect_idle("\"rotates\":false");
	assert_string_equal(row().ends_why, "refresh_token");
	assert_in_range(row().ends_at - row().obtained_at,
			365LL * DAY_S * 1000 - 1000, 365LL * DAY_S * 1000);
}

/* Google's, of a project in Testing: it dies after seven days, however often
 * it is used, and would after six months without use. */
static void
end_of_a_refresh_token_that_stays_is_not_put_off_by_use(void **state)
{
	struct asked a;
	int64_t end;

	(void)state;
	provider.refresh_life_s = 7 * DAY_S;
	connect_idle("\"idle_life_s\":15552000");
	assert_string_equal(row().ends_why, "refresh_token");
	end = row().ends_at;
	assert_in_range(end - row().obtained_at, 7LL * DAY_S * 1000 - 1000,
			7LL * DAY_S * 1000);
	assert_true(row().idle_ends_at > end);
	assert_int_equal(row().keep_at, 0); /* nothing keeps it alive */
	run(10);
	assert_in_range(w.told.ends_at, end - 1000, end + 1000);
	/* renewed, and nothing said of it this time */
	provider.refresh_life_s = 0;
	pass(3LL * DAY_S * 1000);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(row().ends_at, end);
	assert_string_equal(row().ends_why, "refresh_token");
	assert_true(row().idle_ends_at > end + 100LL * DAY_S * 1000);
}

static void
refresh_token_that_is_replaced_is_kept_alive(void **state)
{
	(void)state;
	provider.refresh_life_s = 30 * DAY_S;
	connect_idle("\"rotates\":true");
	assert_int_equal(row().ends_at, 0);
	assert_true(row().keep_at > 0);
	days_later(23);
	assert_int_equal(provider.refreshes, 1);
}

static void
grant_without_a_refresh_token_ends_with_its_token(void **state)
{
	(void)state;
	provider.gives_refresh = false;
	connect_another();
	assert_string_equal(row().ends_why, "no_refresh");
	assert_int_equal(row().ends_at, row().expires_at);
}

/* ---- how many refresh tokens ---- */

static void
tokens_of_an_account_are_counted_and_warned_of(void **state)
{
	struct connect_msg_subject first;
	struct asked a;
	int i;

	(void)state;
	define("\"refresh\":{\"tokens_per_account\":5},");
	provider.account = "ada@example.com";
	connect_another();
	first = w.who;
	for (i = 2; i <= 4; i++) {
		connect_another();
		assert_int_equal(row().issue, 1);
	}
	consent(&a); /* the fifth, until the one before it is revoked */
	assert_non_null(strstr(a.grant.warning, "5 of the 5"));
	assert_non_null(strstr(a.grant.warning, "the next one"));
	run(30);
	assert_string_equal(provider.revoked, "refresh-5");
	connect_another(); /* so this is the fifth again */
	snprintf(w.who.connection, sizeof(w.who.connection), "one-more");
	consent(&a);
	assert_non_null(strstr(a.grant.warning, "6 of the 5"));
	assert_non_null(strstr(a.grant.warning, "ends the oldest"));
	run(10);
	assert_string_equal(w.told.who.connection, first.connection);
	assert_true(w.told.degraded);
	assert_int_equal(w.told.status, CONNECT_CONNECTED);
}

static void
tokens_of_unknown_accounts_end_nobody(void **state)
{
	unsigned tellings;
	struct asked a;

	(void)state;
	define("\"refresh\":{\"tokens_per_account\":2},");
	connect_another();
	run(10);
	tellings = w.tellings;
	snprintf(w.who.connection, sizeof(w.who.connection), "third");
	consent(&a);
	assert_non_null(strstr(a.grant.warning, "up to 3 of the 2"));
	run(10);
	assert_int_equal(w.tellings, tellings + 1); /* its own alone */
	provider.account = "ada@example.com";
	snprintf(w.who.connection, sizeof(w.who.connection), "fourth");
	consent(&a);
	assert_string_equal(a.grant.warning, "");
}

static void
revoked_tokens_are_not_counted(void **state)
{
	struct asked a;

	(void)state;
	define("\"quotas\":[{\"of\":\"refresh_tokens\",\"per\":\"user\","
	       "\"count\":2,\"evicts\":true}],");
	get(0, &a, CONNECT_KEEPER_REVOKE);
	assert_true(a.revoked.upstream);
	snprintf(w.who.connection, sizeof(w.who.connection), "another");
	consent(&a);
	assert_string_equal(a.grant.warning, "");
}

/* ---- clocks ---- */

static void
clock_that_was_set_back_between_starts_makes_no_token_younger(void **state)
{
	struct keeper_clock c;

	(void)state;
	keeper_clock_start(&c, 1000000, 50, 5000000);
	assert_int_equal(keeper_clock_at(&c, 50), 5000000);
	assert_int_equal(keeper_clock_at(&c, 1050), 5001000);
	keeper_clock_start(&c, 9000000, 50, 5000000);
	assert_int_equal(keeper_clock_at(&c, 50), 9000000);
}

static void
step_of_the_wall_clock_is_noticed_once(void **state)
{
	struct keeper_clock c;

	(void)state;
	keeper_clock_start(&c, 1000000, 0, 0);
	assert_int_equal(keeper_clock_step(&c, 1010000, 10000), 0);
	assert_int_equal(keeper_clock_step(&c, 1020900, 20000), 0); /* slewed */
	assert_int_equal(keeper_clock_step(&c, 1000000 + HOUR_MS, 30000),
			 HOUR_MS - 30000);
	assert_int_equal(keeper_clock_step(&c, 1000000 + HOUR_MS, 30000), 0);
	assert_int_equal(keeper_clock_step(&c, 1040000, 40000),
			 -(HOUR_MS - 30000));
}

static void
time_is_stored_for_the_next_start(void **state)
{
	int64_t before;

	(void)state;
	pass(48 * HOUR_MS); /* as if the wall clock were set back by that */
	assert_int_equal(keeper_row_seen(&w.k[0]), 0);
	before = keeper_now(&w.k[0]);
	keeper_restart(0);
	assert_in_range(keeper_now(&w.k[0]) - before + 500, 0, 1000);
	/* how long nothing ran is not known: its token is renewed first */
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	assert_int_equal(provider.refreshes, 1);
	/* and people see their own time */
	assert_in_range(keeper_to_wall(&w.k[0], keeper_now(&w.k[0])) -
				clock_wall_ms() + 1000,
			0, 2000);
}

static void
consent_lives_by_the_time_that_nobody_can_set(void **state)
{
	struct asked a;

	(void)state;
	begin_consent('a');
	begin_consent('b');
	pass(50 * 1000);
	finish_consent('a', &a);
	assert_int_equal(a.err, 0);
	pass(11 * 1000);
	finish_consent('b', &a);
	assert_int_equal(a.err, ERR_NOT_FOUND);
}

static void
consent_has_as_much_time_as_before_when_a_keeper_has_started(void **state)
{
	struct asked a;

	(void)state;
	/* as if the wall clock were set forward by that */
	pass(-HOUR_MS);
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE counters SET value = 0 "
				    "WHERE name = 'seen'",
				    ""),
			 0);
	begin_consent('a');
	begin_consent('b');
	pass(30 * 1000);
	assert_int_equal(keeper_row_seen(&w.k[0]), 0);
	keeper_restart(0);
	pass(20 * 1000);
	finish_consent('a', &a);
	assert_int_equal(a.err, 0);
	pass(11 * 1000);
	finish_consent('b', &a);
	assert_int_equal(a.err, ERR_NOT_FOUND);
}

static void
old_row_is_judged_by_the_later_clock(void **state)
{
	struct keeper_row r = { .obtained_at = 1 };

	(void)state;
	/* a machine that woke up in the past and was corrected since */
	w.k[0].clock.base_ms = 5000000;
	assert_true(keeper_row_now(&w.k[0], &r) > 1000000000000);
	/* what was obtained since the start ages by the steady clock */
	r.obtained_at = 5000001;
	assert_true(keeper_row_now(&w.k[0], &r) < 1000000000000);
}

static void
token_of_unknown_age_that_cannot_be_renewed_is_used(void **state)
{
	struct keeper_row r = { .obtained_at = 1, .ends_why = "no_refresh" };

	(void)state;
	keeper_clock_start(&w.k[0].clock, clock_wall_ms(), clock_boot_ms(),
			   clock_wall_ms() + HOUR_MS);
	assert_in_range(keeper_row_now(&w.k[0], &r) - keeper_now(&w.k[0]) + 100,
			0, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(idle_grant_is_renewed_before_it_dies),
		CASE(restart_forgets_no_idle_grant),
		CASE(grants_that_do_not_die_are_left_alone),
		CASE(suspended_grant_is_not_kept_alive_until_it_goes_on),
		CASE(failed_keeping_is_tried_again_within_the_time_left),
		CASE(many_due_at_once_are_taken_a_few_at_a_time),
		CASE(end_is_foretold_from_the_total_life),
		CASE(end_is_foretold_from_the_refresh_token),
		CASE(end_of_a_refresh_token_that_stays_is_not_put_off_by_use),
		CASE(refresh_token_that_is_replaced_is_kept_alive),
		CASE(grant_without_a_refresh_token_ends_with_its_token),
		CASE(tokens_of_an_account_are_counted_and_warned_of),
		CASE(tokens_of_unknown_accounts_end_nobody),
		CASE(revoked_tokens_are_not_counted),
		CASE(clock_that_was_set_back_between_starts_makes_no_token_younger),
		CASE(step_of_the_wall_clock_is_noticed_once),
		CASE(time_is_stored_for_the_next_start),
		CASE(consent_lives_by_the_time_that_nobody_can_set),
		CASE(consent_has_as_much_time_as_before_when_a_keeper_has_started),
		CASE(old_row_is_judged_by_the_later_clock),
		CASE(token_of_unknown_age_that_cannot_be_renewed_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
