/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that the keeper would make and that are not sent, since too many
 * are under way: nothing is in doubt after them, and nothing lost.
 */
#include "../support/keeper_world.h"

/* ---- the exchanger takes none ---- */

static void
assert_refresh_is_declined(int err)
{
	struct asked one;

	pass(HOUR_MS);
	provider.declines = err;
	get(0, &one, CONNECT_KEEPER_INJECT);
	assert_int_equal(one.err, ERR_BUSY);
	if (!strstr(one.problem.detail, "The provider was not asked"))
		fail_msg("%s", one.problem.detail);
	assert_int_equal(row().intent, 0);
	assert_int_equal(row().lease_until, 0);
	assert_int_equal(row().failures, 0);
	provider.declines = 0;
	pass(10 * 1000);
}

static void
what_is_declined_is_not_in_doubt(void **state)
{
	(void)state;
	assert_refresh_is_declined(ERR_BUSY);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	assert_int_equal(row().in_doubt, 0);
}

static void
so_it_is_without_memory(void **state)
{
	(void)state;
	assert_refresh_is_declined(ERR_NOMEM);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	assert_int_equal(row().in_doubt, 0);
}

static void
refusal_after_it_is_an_ordinary_one(void **state)
{
	(void)state;
	assert_refresh_is_declined(ERR_BUSY);
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_DEAD_GRANT;
	assert_string_equal(injected(0), "");
	assert_int_equal(row().status, CONNECT_NEEDS_RECONNECT);
	assert_null(strstr(row().reason, "In doubt"));
	assert_int_equal(counts(0).lost_in_doubt, 0);
}

/* It may have been sent before the exchanger died. */
static void
what_brought_no_answer_is_in_doubt_as_ever(void **state)
{
	struct asked one;

	(void)state;
	pass(HOUR_MS);
	provider.declines = ERR_CLOSED;
	get(0, &one, CONNECT_KEEPER_INJECT);
	assert_int_equal(one.err, ERR_BUSY);
	assert_true(row().intent != 0);
	provider.declines = 0;
	pass(10 * 1000);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	assert_int_equal(row().in_doubt, 1);
}

static void
revocation_that_is_declined_loses_nothing(void **state)
{
	struct asked gone;

	(void)state;
	provider.declines = ERR_BUSY;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_int_equal(gone.err, ERR_BUSY);
	if (!strstr(gone.problem.detail, "The provider was not asked"))
		fail_msg("%s", gone.problem.detail);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	assert_int_equal(row().intent, 0);
	provider.declines = 0;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_int_equal(gone.err, 0);
	assert_true(gone.revoked.upstream);
	assert_string_equal(provider.revoked, "refresh-1");
}

static void
consent_that_is_declined_says_what_to_do(void **state)
{
	struct asked anew;

	(void)state;
	provider.declines = ERR_BUSY;
	consent(&anew);
	assert_int_equal(anew.err, ERR_CONNECT);
	if (!strstr(anew.problem.detail, "The provider was not asked") ||
	    !strstr(anew.problem.detail, "Connect again"))
		fail_msg("%s", anew.problem.detail);
	assert_string_equal(injected(0), "Authorization: Bearer access-1\r\n");
}

/* ---- the keeper's own bound ---- */

static void
who_is_one_too_many_waits_in_turn(void **state)
{
	struct asked one, two;

	(void)state;
	pass(HOUR_MS);
	w.k[0].under_way += KEEPER_REFRESHES_MOST;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	ask(0, &two, CONNECT_KEEPER_INJECT, 0);
	run(250);
	assert_false(one.done || two.done);
	assert_int_equal(row().intent, 0);
	w.k[0].under_way -= KEEPER_REFRESHES_MOST;
	run_until(&one.done);
	run_until(&two.done);
	assert_string_equal(one.token, "Authorization: Bearer access-2\r\n");
	assert_int_equal(provider.refreshes, 1);
}

static void
who_revokes_need_not_wait_for_that(void **state)
{
	struct asked one, gone;

	(void)state;
	pass(HOUR_MS);
	w.k[0].under_way += KEEPER_REFRESHES_MOST;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_true(gone.revoked.upstream);
	w.k[0].under_way -= KEEPER_REFRESHES_MOST;
	run_until(&one.done);
	assert_int_equal(one.err, ERR_WRONG_STATE);
	assert_int_equal(one.problem.status, CONNECT_REVOKED);
	assert_int_equal(provider.refreshes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_declined_is_not_in_doubt),
		CASE(so_it_is_without_memory),
		CASE(refusal_after_it_is_an_ordinary_one),
		CASE(what_brought_no_answer_is_in_doubt_as_ever),
		CASE(revocation_that_is_declined_loses_nothing),
		CASE(consent_that_is_declined_says_what_to_do),
		CASE(who_is_one_too_many_waits_in_turn),
		CASE(who_revokes_need_not_wait_for_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
