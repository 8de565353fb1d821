/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two keepers on one database: the fence, the lease, and what is dropped.
 */
#include "../support/keeper_world.h"

static void
two_keepers_make_one_request(void **state)
{
	struct asked one, two;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	ask(1, &two, CONNECT_KEEPER_INJECT, 0);
	run(150);
	assert_int_equal(provider.held_count, 1);
	assert_false(one.done || two.done);
	provider_release();
	run_until(&one.done);
	run_until(&two.done);
	assert_int_equal(one.err, 0);
	assert_int_equal(two.err, 0);
	assert_string_equal(one.token, two.token);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(provider.reused, 0);
}

/* The keeper that asks first has a clock that is so much ahead of the other's;
 * both come to one grant. */
static void
assert_one_request(int64_t ahead_ms, uint32_t after_ms)
{
	struct asked one, two;

	pass(HOUR_MS);
	w.k[0].clock.base_ms += ahead_ms;
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	pass(after_ms);
	ask(1, &two, CONNECT_KEEPER_INJECT, 0);
	run(250);
	assert_int_equal(provider.held_count, 1);
	provider_release();
	run_until(&one.done);
	run_until(&two.done);
	assert_int_equal(one.err, 0);
	assert_string_equal(one.token, two.token);
	assert_int_equal(provider.refreshes, 1);
}

static void
lease_of_who_is_ahead_is_a_lease(void **state)
{
	(void)state;
	assert_one_request(500, 0);
}

static void
so_it_is_of_who_is_far_ahead(void **state)
{
	(void)state;
	assert_one_request(KEEPER_LEASE_MS - 1000, 0);
}

/* As long as a request may be out. */
static void
lease_of_who_is_behind_outlives_its_request(void **state)
{
	(void)state;
	assert_one_request(-9000, CONNECT_TOKEN_MS);
}

static void
revocation_minds_the_lease_of_who_is_ahead(void **state)
{
	struct asked one, gone;

	(void)state;
	pass(HOUR_MS);
	w.k[0].clock.base_ms += 500;
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	ask(1, &gone, CONNECT_KEEPER_REVOKE, 0);
	run(250);
	assert_int_equal(provider.revocations, 0);
	provider_release();
	run_until(&one.done);
	run_until(&gone.done);
	assert_true(gone.revoked.upstream);
	assert_string_equal(provider.revoked, "refresh-2");
}

/* The wall clock was set forward by an hour since the first one began. */
static void
keeper_beside_another_has_its_time(void **state)
{
	(void)state;
	keeper_restart(0); /* the last that has started */
	w.k[0].clock.base_ms -= HOUR_MS;
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE counters SET value = value - ?1 "
				    "WHERE name IN ('seen', 'anchor')",
				    "i", (int64_t)HOUR_MS),
			 0);
	keeper_env.shared = true;
	keeper_restart(1);
	keeper_env.shared = false;
	assert_int_equal(w.k[1].clock.base_ms - (int64_t)w.k[1].clock.boot_ms,
			 w.k[0].clock.base_ms - (int64_t)w.k[0].clock.boot_ms);
	/* alone, it goes by the wall clock */
	keeper_restart(1);
	assert_in_range(keeper_now(&w.k[1]), clock_wall_ms() - 1000,
			clock_wall_ms() + 1000);
}

/* An anchor of an earlier start of the machine says nothing. */
static void
time_before_the_latest_known_is_not_gone_back_to(void **state)
{
	int64_t now = keeper_now(&w.k[0]);

	(void)state;
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE counters SET value = value - ?1 "
				    "WHERE name = 'anchor'",
				    "i", (int64_t)HOUR_MS),
			 0);
	keeper_env.shared = true;
	keeper_restart(1);
	keeper_env.shared = false;
	assert_true(keeper_now(&w.k[1]) >= now);
}

static void
who_waits_for_the_other_is_told_of_its_failure(void **state)
{
	struct asked one, two;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	ask(1, &two, CONNECT_KEEPER_INJECT, 0);
	run(150);
	provider.current = 77; /* so that it is refused */
	provider_release();
	run_until(&one.done);
	run_until(&two.done);
	assert_int_equal(one.err, ERR_WRONG_STATE);
	assert_int_equal(two.err, ERR_WRONG_STATE);
	assert_int_equal(two.problem.status, CONNECT_NEEDS_RECONNECT);
	assert_int_equal(provider.refreshes, 1);
}

static void
lease_that_is_over_is_taken_over(void **state)
{
	struct asked one, two;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	/* the first is gone, and never comes back */
	provider_forget();
	ask(1, &two, CONNECT_KEEPER_INJECT, 0);
	run(150);
	assert_false(two.done);
	pass(CONNECT_TOKEN_MS + 10 * 1000);
	run_until(&two.done);
	assert_int_equal(two.err, 0);
	assert_int_equal(two.generation, 2);
}

static void
restart_frees_its_own_leases_alone(void **state)
{
	struct asked one, two;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	keeper_restart(1);
	pass(HOUR_MS);
	w.k[0].clock.base_ms -= HOUR_MS; /* both at the same time again */
	ask(1, &two, CONNECT_KEEPER_INJECT, 0);
	run(150);
	assert_int_equal(provider.held_count, 1); /* the lease holds */
	provider_release();
	run_until(&one.done);
	run_until(&two.done);
	assert_int_equal(provider.refreshes, 1);
}

static void
late_answer_does_not_overwrite_a_newer_generation(void **state)
{
	struct asked one, two;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	provider.says = SAYS_TOKENS;
	pass(CONNECT_TOKEN_MS + 10 * 1000);
	get(1, &two, CONNECT_KEEPER_INJECT);
	assert_int_equal(two.err, 0);
	/* now the first one's: it is refused upstream, and must not say that
	 * the grant is dead */
	provider_release();
	run_until(&one.done);
	assert_int_equal(one.err, 0);
	assert_string_equal(one.token, two.token);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	assert_int_equal(row().who.generation, 2);
}

static void
lease_from_the_future_holds_nobody_up(void **state)
{
	(void)state;
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE grants SET intent = generation, "
				    "lease_by = 'elsewhere', lease_until = ?1",
				    "i", keeper_now(&w.k[0]) + 24 * HOUR_MS),
			 0);
	pass(HOUR_MS);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
}

/* ---- connected anew, revoked, deleted meanwhile ---- */

static void
consent_wins_over_a_refresh_under_way(void **state)
{
	struct asked one, anew;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	consent(&anew);
	assert_int_equal(anew.err, 0);
	provider.current = 1; /* the old family goes on to 2 */
	provider_release();
	run_until(&one.done);
	assert_int_equal(one.err, 0);
	assert_string_equal(one.token, "Authorization: Bearer access-2\r\n");
	run(30);
	assert_int_equal(row().issue, 2);
	/* neither the old grant nor what came too late lives on upstream; here
	 * both families count alike, so that the late one has the same name
	 * as the stored one and is left alone */
	assert_true(provider.revocations >= 1);
}

/* The old grant's request hangs; calls do not wait for it. */
static void
new_credential_is_used_during_the_old_one_s_refresh(void **state)
{
	struct asked forced, anew, call;

	(void)state;
	provider.says = HOLDS;
	ask(0, &forced, CONNECT_KEEPER_REFRESH, 0);
	run(30);
	consent(&anew);
	assert_int_equal(anew.err, 0);
	get(0, &call, CONNECT_KEEPER_INJECT);
	assert_int_equal(call.err, 0);
	assert_string_equal(call.token, "Authorization: Bearer access-2\r\n");
	assert_int_equal(call.generation, 2);
	/* and by who has had the old one refused */
	ask(0, &call, CONNECT_KEEPER_REFUSED, 1);
	run_until(&call.done);
	assert_int_equal(call.err, 0);
	assert_int_equal(call.generation, 2);
	assert_false(forced.done);
	provider_release();
	run_until(&forced.done);
	assert_int_equal(forced.err, 0);
	assert_int_equal(row().who.generation, 2);
	assert_int_equal(row().issue, 2);
}

static void
revoked_grant_is_refused_during_a_refresh_as_such(void **state)
{
	struct asked forced, gone, call;

	(void)state;
	provider.says = HOLDS;
	ask(0, &forced, CONNECT_KEEPER_REFRESH, 0);
	run(30);
	/* the other keeper's, which has taken the lease for over */
	w.k[1].clock.base_ms += KEEPER_LEASE_MS;
	get(1, &gone, CONNECT_KEEPER_REVOKE);
	assert_int_equal(gone.err, 0);
	get(0, &call, CONNECT_KEEPER_INJECT);
	assert_int_equal(call.err, ERR_WRONG_STATE);
	assert_int_equal(call.problem.status, CONNECT_REVOKED);
}

static void
tokens_that_come_too_late_are_given_back(void **state)
{
	struct asked one, anew;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	consent(&anew); /* refresh-2 */
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked, "refresh-1");
	provider.current = 1;
	provider.refreshes = 0;
	provider.says = SAYS_TOKENS;
	provider.current = 1;
	/* the late one's next token gets another name */
	memcpy(provider.held_token[0], "refresh-40", 11);
	provider.current = 40;
	provider_release(); /* refresh-41 */
	run_until(&one.done);
	run(30);
	assert_int_equal(provider.revocations, 2);
	assert_string_equal(provider.revoked, "refresh-41");
	assert_int_equal(row().status, CONNECT_CONNECTED);
	assert_int_equal(row().who.generation, 2);
}

static void
revocation_waits_for_the_refresh_under_way(void **state)
{
	struct asked one, gone;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, 0);
	run(150);
	assert_false(gone.done);
	assert_int_equal(provider.revocations, 0);
	provider_release();
	run_until(&one.done);
	run_until(&gone.done);
	assert_int_equal(gone.err, 0);
	assert_true(gone.revoked.upstream);
	assert_string_equal(provider.revoked, "refresh-2");
	assert_int_equal(row().status, CONNECT_REVOKED);
}

static void
nobody_refreshes_what_is_being_revoked(void **state)
{
	struct asked gone, call;

	(void)state;
	pass(HOUR_MS);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, 0);
	ask(0, &call, CONNECT_KEEPER_INJECT, 0);
	run_until(&gone.done);
	run_until(&call.done);
	assert_true(gone.revoked.upstream);
	assert_int_equal(call.err, ERR_WRONG_STATE);
	assert_int_equal(provider.refreshes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(two_keepers_make_one_request),
		CASE(lease_of_who_is_ahead_is_a_lease),
		CASE(so_it_is_of_who_is_far_ahead),
		CASE(lease_of_who_is_behind_outlives_its_request),
		CASE(revocation_minds_the_lease_of_who_is_ahead),
		CASE(keeper_beside_another_has_its_time),
		CASE(time_before_the_latest_known_is_not_gone_back_to),
		CASE(who_waits_for_the_other_is_told_of_its_failure),
		CASE(lease_that_is_over_is_taken_over),
		CASE(restart_frees_its_own_leases_alone),
		CASE(late_answer_does_not_overwrite_a_newer_generation),
		CASE(lease_from_the_future_holds_nobody_up),
		CASE(consent_wins_over_a_refresh_under_way),
		CASE(new_credential_is_used_during_the_old_one_s_refresh),
		CASE(revoked_grant_is_refused_during_a_refresh_as_such),
		CASE(tokens_that_come_too_late_are_given_back),
		CASE(revocation_waits_for_the_refresh_under_way),
		CASE(nobody_refreshes_what_is_being_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
