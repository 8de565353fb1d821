/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another client id is set for an OAuth app whose grants were made with the
 * one before: nobody is disconnected, and the right one brings all of it back.
 */
#include "../support/keeper_world.h"

/* Set by mistake, and noticed by a call whose token has run out. */
static void
other_app_is_noticed(struct asked *a)
{
	give_app_of("other", "");
	pass(HOUR_MS);
	get(0, a, CONNECT_KEEPER_INJECT);
	run(10);
}

static void
other_client_id_disconnects_nobody(void **state)
{
	struct asked a;
	unsigned tellings;

	(void)state;
	other_app_is_noticed(&a);
	assert_int_equal(a.err, ERR_BUSY);
	assert_string_equal(a.problem.code, "app_replaced");
	assert_int_equal(a.problem.status, CONNECT_CONNECTED);
	assert_int_equal(a.problem.retry_after_s, 10);
	assert_int_equal(provider.refreshes, 0);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	assert_true(w.told.degraded);
	assert_non_null(strstr(w.told.health_reason, "given to client."));
	assert_non_null(strstr(w.told.health_reason, "connect again"));
	assert_string_equal(w.told.flagged_app, "test_desk");
	/* it is said once, and nobody is asked */
	tellings = w.tellings;
	get(0, &a, CONNECT_KEEPER_INJECT);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
	run(10);
	assert_int_equal(w.tellings, tellings);
	assert_int_equal(provider.refreshes, 0);
}

static void
right_client_id_brings_it_back(void **state)
{
	struct asked a;

	(void)state;
	other_app_is_noticed(&a);
	give_app();
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	run(10);
	assert_false(w.told.degraded);
	assert_string_equal(w.told.health_reason, "");
	assert_false(row().foreign_app);
	assert_int_equal(counts(0).needs_reconnect, 0);
}

/* Of a connection that nobody calls any more. */
static void
right_client_id_cures_what_is_not_in_use(void **state)
{
	struct asked a;
	int i;

	(void)state;
	keeper_keep_start(&w.k[0]);
	give_app_of("other", "");
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
	assert_true(row().degraded);
	keeper_restart(0);
	keeper_keep_start(&w.k[0]);
	give_app_of("a third one", ""); /* which does not cure it */
	run(1600);
	assert_true(row().degraded);
	assert_int_equal(provider.refreshes, 0);
	give_app();
	for (i = 0; i < 40 && row().degraded; i++)
		run(100);
	assert_false(row().degraded);
	assert_int_equal(row().keep_at, 0); /* need not be kept alive */
	assert_int_equal(provider.refreshes, 1);
}

/* Those that are due are tried, and what comes of it; the row then. */
static struct keeper_row
tried_in_turn(void)
{
	loop_timer_cancel(&w.k[0].keep);
	keeper_keep_start(&w.k[0]);
	run(1100);
	return row();
}

/* It waits for another client id than the one that is set now. */
static void
wait_for_the_right_one(void)
{
	struct asked a;

	other_app_is_noticed(&a);
	assert_int_equal(a.err, ERR_BUSY);
	give_app_of("a third one", "");
	assert_true(row().keep_at > 0); /* to be tried */
}

static void
one_that_need_not_be_kept_alive_is_tried_once_for_each_app(void **state)
{
	(void)state;
	wait_for_the_right_one();
	assert_int_equal(tried_in_turn().keep_at, 0);
	assert_true(row().foreign_app);
	give_app_of("a fourth one", "");
	assert_true(row().keep_at > 0);
	assert_int_equal(tried_in_turn().keep_at, 0);
	give_app();
	assert_false(tried_in_turn().foreign_app);
	assert_int_equal(provider.refreshes, 1);
}

static void
so_it_is_when_there_is_no_app(void **state)
{
	(void)state;
	wait_for_the_right_one();
	assert_int_equal(store_exec(w.k[0].db, NULL, "DELETE FROM apps", ""),
			 0);
	assert_int_equal(tried_in_turn().keep_at, 0);
}

/* Nothing but time is missing: it is tried again. */
static void
one_that_may_not_ask_yet_is_tried_again(void **state)
{
	(void)state;
	wait_for_the_right_one();
	give_app();
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE apps SET flagged_at = ?1", "i",
				    keeper_now(&w.k[0])),
			 0);
	assert_true(tried_in_turn().keep_at > keeper_now(&w.k[0]));
	assert_int_equal(provider.refreshes, 0);
	pass(HOUR_MS);
	assert_false(tried_in_turn().foreign_app);
	assert_int_equal(provider.refreshes, 1);
}

static void
one_that_dies_unused_is_tried_until_then(void **state)
{
	(void)state;
	define("\"refresh\":{\"idle_life_s\":7776000},");
	connect_another();
	wait_for_the_right_one();
	assert_true(tried_in_turn().keep_at > keeper_now(&w.k[0]));
	pass(91LL * DAY_S * 1000);
	assert_int_equal(tried_in_turn().keep_at, 0);
	assert_int_equal(provider.refreshes, 0);
	assert_int_equal(row().status, CONNECT_CONNECTED);
}

static void
app_says_so_until_nobody_waits(void **state)
{
	struct connect_msg_subject first = w.who;
	struct asked a;

	(void)state;
	connect_another();
	other_app_is_noticed(&a);
	w.who = first;
	get(0, &a, CONNECT_KEEPER_INJECT);
	consent(&a); /* with the other one, as was meant */
	assert_int_equal(a.err, 0);
	run(10);
	assert_false(row().degraded);
	assert_string_not_equal(w.told.who.connection, ""); /* not the app */
	snprintf(w.who.connection, sizeof(w.who.connection), "connection%u",
		 w.connections);
	assert_true(row().foreign_app);
	consent(&a);
	assert_int_equal(a.err, 0);
	run(10);
	assert_string_equal(w.told.who.connection, "");
	assert_string_equal(w.told.flagged_app, "test_desk");
	assert_string_equal(w.told.health_reason, "");
}

static void
app_that_is_set_says_so_again_if_it_is_still_another(void **state)
{
	struct asked a;

	(void)state;
	other_app_is_noticed(&a);
	give_app_of("other", ""); /* with another secret, say */
	w.told.flagged_app[0] = 0;
	get(0, &a, CONNECT_KEEPER_INJECT);
	run(10);
	assert_int_equal(a.err, ERR_BUSY);
	assert_string_equal(w.told.flagged_app, "test_desk");
}

/* What a front that has missed the first word of it is told of the app; how
 * many such words there are. */
static unsigned
told_again(void)
{
	unsigned before = w.tellings;

	memset(&w.told, 0, sizeof(w.told));
	keeper_app_tell_again(&w.k[0]);
	run(10);
	return w.tellings - before;
}

static void
front_that_was_away_hears_what_the_app_says(void **state)
{
	struct asked a;

	(void)state;
	assert_int_equal(told_again(), 0);
	other_app_is_noticed(&a);
	keeper_restart(0);
	assert_int_equal(told_again(), 1);
	assert_string_equal(w.told.who.org, "org");
	assert_string_equal(w.told.who.connection, "");
	assert_string_equal(w.told.flagged_app, "test_desk");
	assert_non_null(strstr(w.told.health_reason,
			       "wait for another client id of this app"));
	assert_int_equal(told_again(), 1); /* it may have missed that, too */
	give_app();
	assert_string_not_equal(injected(0), "");
	run(10);
	assert_int_equal(told_again(), 0);
}

static void
and_nothing_once_nobody_waits(void **state)
{
	struct asked a;

	(void)state;
	other_app_is_noticed(&a);
	get(0, &a, CONNECT_KEEPER_REVOKE);
	assert_int_equal(a.err, 0);
	run(10);
	assert_int_equal(told_again(), 0);
}

/* … as others of it do: that was before. */
static void
and_not_that_it_works(void **state)
{
	struct asked a;

	(void)state;
	other_app_is_noticed(&a);
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE apps SET flagged_at = -1", ""),
			 0);
	assert_int_equal(told_again(), 1);
	assert_string_not_equal(w.told.health_reason, "");
}

/* The provider refuses it besides: that has its words, at every try. */
static void
and_not_instead_of_a_refusal(void **state)
{
	struct asked a;

	(void)state;
	other_app_is_noticed(&a);
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE apps SET flagged_at = 1", ""),
			 0);
	assert_int_equal(told_again(), 0);
}

static void
refresh_of_another_keeper_is_not_written_over(void **state)
{
	struct asked one, two;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(1, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	give_app_of("other", "");
	get(0, &two, CONNECT_KEEPER_INJECT);
	assert_int_equal(two.err, ERR_BUSY);
	assert_int_equal(row().intent, 1);
	assert_false(row().foreign_app);
	provider_release();
	run_until(&one.done);
	assert_int_equal(one.err, 0);
	assert_int_equal(row().who.generation, 2);
}

/* An app of its own for a data centre is set beside the one for all. */
static void
app_that_made_the_grant_is_found_beside_another(void **state)
{
	struct binding b = *w.binding;
	struct keeper_app app;

	(void)state;
	b.data_centre = "eu";
	give_app_of("european", "eu");
	assert_int_equal(keeper_app_load(&w.k[0], "org", &b, &app), 0);
	assert_string_equal(app.client_id, "european");
	keeper_app_release(&app);
	assert_int_equal(keeper_app_of(&w.k[0], "org", &b, "client", &app), 0);
	assert_string_equal(app.client_id, "client");
	assert_string_equal(app.data_centre, "");
	keeper_app_release(&app);
	assert_int_equal(keeper_app_of(&w.k[0], "org", &b, "european", &app),
			 0);
	assert_string_equal(app.data_centre, "eu");
	keeper_app_release(&app);
	assert_int_equal(keeper_app_of(&w.k[0], "org", &b, "gone", &app),
			 ERR_CONFLICT);
	assert_string_equal(app.client_id, "european");
	keeper_app_release(&app);
	b.app_id = "unknown";
	assert_int_equal(keeper_app_of(&w.k[0], "org", &b, "client", &app),
			 ERR_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(other_client_id_disconnects_nobody),
		CASE(right_client_id_brings_it_back),
		CASE(right_client_id_cures_what_is_not_in_use),
		CASE(one_that_need_not_be_kept_alive_is_tried_once_for_each_app),
		CASE(so_it_is_when_there_is_no_app),
		CASE(one_that_may_not_ask_yet_is_tried_again),
		CASE(one_that_dies_unused_is_tried_until_then),
		CASE(app_says_so_until_nobody_waits),
		CASE(app_that_is_set_says_so_again_if_it_is_still_another),
		CASE(front_that_was_away_hears_what_the_app_says),
		CASE(and_nothing_once_nobody_waits),
		CASE(and_not_that_it_works),
		CASE(and_not_instead_of_a_refusal),
		CASE(refresh_of_another_keeper_is_not_written_over),
		CASE(app_that_made_the_grant_is_found_beside_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
