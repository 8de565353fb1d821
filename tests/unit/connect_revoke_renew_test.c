/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back where the provider wants to see the access token (Slack,
 * GitHub, Dropbox, Zendesk, Notion), and that has run out: it is renewed
 * first, as carefully as for a call; or the provider is not asked at all, and
 * who revokes is told so.
 */
#include "../support/keeper_world.h"

#define SHOWS_ACCESS \
	"{\"url\":\"https://login.example.com/revoke\",\"client_auth\":" \
	"\"none\",\"headers\":{\"Authorization\":\"Bearer {access_token}\"}}"

static int
begin_with_access(void **state)
{
	int rc;

	world_revoke = SHOWS_ACCESS;
	rc = begin(state);
	world_revoke = "{\"url\":\"https://login.example.com/revoke\"}";
	return rc;
}

#define ACCESS(f) cmocka_unit_test_setup_teardown(f, begin_with_access, end)

/* As it is asked for a user who has left, or else for a person. */
static void
take_back(struct asked *a, enum connect_revoke how)
{
	if (how != CONNECT_REVOKE_NOW) {
		ask(0, a, CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE);
		run_until(&a->done);
		assert_int_equal(a->err, 0);
	}
	ask(0, a, CONNECT_KEEPER_REVOKE, how);
	run_until(&a->done);
}

static void
assert_revoked_with(const struct asked *a, const char *access)
{
	assert_int_equal(a->err, 0);
	assert_true(a->revoked.upstream);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked_access, access);
	assert_int_equal(row().status, CONNECT_REVOKED);
	assert_int_equal(provider.reused, 0);
}

/* It was not asked, and these words say why. */
static void
assert_unasked(const struct asked *a, const char *why)
{
	assert_int_equal(a->err, 0);
	assert_false(a->revoked.upstream);
	assert_int_equal(provider.revocations, 0);
	if (!strstr(a->revoked.detail, "could not be renewed") ||
	    !strstr(a->revoked.detail, why) ||
	    !strstr(a->revoked.detail, "account's own settings"))
		fail_msg("%s", a->revoked.detail);
	assert_int_equal(row().status, CONNECT_REVOKED);
	assert_non_null(strstr(row().reason, "has not confirmed"));
}

/* ---- it can be renewed ---- */

static void
token_that_is_good_is_not_renewed(void **state)
{
	struct asked gone;

	(void)state;
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_revoked_with(&gone, "access-1");
	assert_int_equal(provider.refreshes, 0);
}

static void
token_that_has_run_out_is_renewed_first(void **state)
{
	struct asked gone;

	(void)state;
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_revoked_with(&gone, "access-2");
	assert_int_equal(provider.refreshes, 1);
}

static void
so_it_is_of_a_user_who_has_left(void **state)
{
	struct asked gone;

	(void)state;
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_TRY);
	assert_revoked_with(&gone, "access-2");
	assert_true(row().leaving);
	assert_string_equal(injected(0), "");
}

static void
where_the_refresh_token_is_taken_nothing_is_renewed(void **state)
{
	struct asked gone;

	(void)state;
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_revoked_with(&gone, "access-1");
	assert_string_equal(provider.revoked, "refresh-1");
	assert_int_equal(provider.refreshes, 0);
}

/* ---- as carefully as for a call ---- */

static void
refresh_that_is_under_way_is_waited_for(void **state)
{
	struct asked call, gone;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &call, CONNECT_KEEPER_INJECT, 0);
	run(30);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_NOW);
	run(150);
	assert_false(gone.done);
	provider_release();
	run_until(&gone.done);
	assert_revoked_with(&gone, "access-2");
	assert_int_equal(provider.refreshes, 1);
}

static void
so_it_is_if_another_keeper_has_begun_it(void **state)
{
	struct asked call, gone;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(1, &call, CONNECT_KEEPER_INJECT, 0);
	run(30);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_NOW);
	run(250);
	assert_false(gone.done);
	assert_int_equal(provider.revocations, 0);
	provider_release();
	run_until(&gone.done);
	assert_revoked_with(&gone, "access-2");
	assert_int_equal(provider.refreshes, 1);
}

static void
new_token_is_shown_to_nobody_before_it_is_stored(void **state)
{
	struct asked gone;

	(void)state;
	pass(HOUR_MS);
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "CREATE TRIGGER full BEFORE UPDATE OF "
				    "generation ON grants WHEN NEW.generation "
				    "<> OLD.generation BEGIN "
				    "SELECT RAISE(ABORT, 'full'); END",
				    ""),
			 0);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_NOW);
	run(300);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(provider.revocations, 0);
	assert_int_equal(store_exec(w.k[0].db, NULL, "DROP TRIGGER full", ""),
			 0);
	run(1200);
	assert_true(gone.done);
	assert_revoked_with(&gone, "access-2");
	assert_int_equal(provider.refreshes, 1);
}

/* ---- it cannot be renewed ---- */

static void
grant_that_has_ended_is_not_asked_for(void **state)
{
	struct asked gone;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_DEAD_GRANT;
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_unasked(&gone, "The provider no longer accepts this access");
	assert_int_equal(provider.refreshes, 1);
}

static void
nor_is_one_that_had_ended_before(void **state)
{
	struct asked call, gone;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_DEAD_GRANT;
	pass(HOUR_MS);
	get(0, &call, CONNECT_KEEPER_INJECT);
	assert_int_equal(row().status, CONNECT_NEEDS_RECONNECT);
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_unasked(&gone, "The provider no longer accepts this access");
	assert_int_equal(provider.refreshes, 1);
}

static void
without_a_refresh_token_it_is_told(void **state)
{
	struct asked gone;

	(void)state;
	provider.gives_refresh = false;
	connect_another();
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_unasked(&gone, "there is no refresh token");
	assert_int_equal(provider.refreshes, 0);
}

static void
provider_that_is_away_is_told_of_to_a_person(void **state)
{
	struct asked gone;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_TRANSIENT;
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_unasked(&gone, "The provider gave no token at the moment");
}

static void
and_asked_another_time_for_who_has_left(void **state)
{
	struct asked gone;

	(void)state;
	provider.says = SAYS_NOTHING;
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_TRY);
	assert_int_equal(gone.err, ERR_BUSY);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	assert_true(row().intent > 0); /* its doubt is remembered */
	assert_int_equal(provider.revocations, 0);
	provider.says = SAYS_TOKENS;
	ask(0, &gone, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY);
	run_until(&gone.done); /* our own backoff is not waited for */
	assert_revoked_with(&gone, "access-2");
}

static void
the_last_time_it_goes_all_the_same(void **state)
{
	struct asked gone;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_TRANSIENT;
	pass(HOUR_MS);
	take_back(&gone, CONNECT_REVOKE_LAST);
	assert_unasked(&gone, "The provider gave no token at the moment");
}

/* In its last seconds it is given to no call, and still a token. */
static void
token_in_its_last_seconds_is_shown_if_no_other_can_be_had(void **state)
{
	struct asked gone;

	(void)state;
	provider.gives_refresh = false;
	connect_another();
	pass(HOUR_MS - 15 * 1000);
	assert_string_equal(injected(0), "");
	/* … and so it still is, if a call has asked in vain */
	take_back(&gone, CONNECT_REVOKE_NOW);
	assert_revoked_with(&gone, "access-2");
}

/* ---- a grant that was replaced ---- */

static void
replaced_grant_is_renewed_to_be_revoked(void **state)
{
	struct asked anew;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	consent(&anew);
	assert_int_equal(anew.err, 0);
	run(30);
	assert_int_equal(provider.held_count, 1);
	assert_string_equal(provider.held_token[0], "refresh-1");
	memcpy(provider.held_token[0], "refresh-40", 11);
	provider.current = 40; /* another family than the stored one */
	provider_release();
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked_access, "access-41");
	assert_int_equal(row().who.generation, 2);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
}

static void
replaced_grant_that_is_being_renewed_is_not_renewed_twice(void **state)
{
	struct asked call, anew;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &call, CONNECT_KEEPER_INJECT, 0);
	run(30);
	consent(&anew);
	run(30);
	assert_int_equal(provider.held_count, 1);
	memcpy(provider.held_token[0], "refresh-40", 11);
	provider.current = 40;
	provider_release();
	run_until(&call.done);
	run(30);
	assert_int_equal(provider.refreshes, 1);
	assert_string_equal(provider.revoked_access, "access-41");
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
}

/* What the provider would say of a token that it does not know would be no
 * confirmation: it is not asked, and the grant still counts. */
static void
assert_replaced_unasked(unsigned refreshes)
{
	struct asked anew;

	consent(&anew);
	assert_int_equal(anew.err, 0);
	run(30);
	assert_int_equal(provider.revocations, 0);
	assert_int_equal(provider.refreshes, refreshes);
	assert_string_not_equal(injected(0), "");
}

static int64_t
refresh_tokens_counted(void)
{
	struct store_stmt *st;
	int64_t n;

	assert_int_equal(store_query(w.k[0].db, &st,
				     "SELECT count(*) FROM refresh_tokens "
				     "WHERE connection = ?1",
				     "s", w.who.connection),
			 0);
	assert_int_equal(store_step(st), 1);
	n = store_col_int(st, 0);
	store_done(st);
	return n;
}

static void
replaced_grant_of_another_app_is_not_asked_for(void **state)
{
	(void)state;
	pass(HOUR_MS);
	give_app_of("another-client", "");
	assert_replaced_unasked(0);
	assert_int_equal(refresh_tokens_counted(), 2);
}

static void
nor_is_one_without_a_refresh_token(void **state)
{
	(void)state;
	provider.gives_refresh = false;
	connect_another();
	pass(HOUR_MS);
	assert_replaced_unasked(0);
}

/* Its refresh token may have been used. */
static void
nor_is_one_whose_refresh_brought_no_answer(void **state)
{
	struct asked call;

	(void)state;
	pass(HOUR_MS);
	provider.says = SAYS_NOTHING;
	get(0, &call, CONNECT_KEEPER_INJECT);
	assert_true(row().intent > 0);
	provider.says = SAYS_TOKENS;
	assert_replaced_unasked(0);
}

static void
replaced_token_in_its_last_seconds_is_shown(void **state)
{
	struct asked anew;

	(void)state;
	provider.gives_refresh = false;
	connect_another();
	pass(HOUR_MS - 15 * 1000);
	consent(&anew);
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked_access, "access-2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ACCESS(token_that_is_good_is_not_renewed),
		ACCESS(token_that_has_run_out_is_renewed_first),
		ACCESS(so_it_is_of_a_user_who_has_left),
		CASE(where_the_refresh_token_is_taken_nothing_is_renewed),
		ACCESS(refresh_that_is_under_way_is_waited_for),
		ACCESS(so_it_is_if_another_keeper_has_begun_it),
		ACCESS(new_token_is_shown_to_nobody_before_it_is_stored),
		ACCESS(grant_that_has_ended_is_not_asked_for),
		ACCESS(nor_is_one_that_had_ended_before),
		ACCESS(without_a_refresh_token_it_is_told),
		ACCESS(provider_that_is_away_is_told_of_to_a_person),
		ACCESS(and_asked_another_time_for_who_has_left),
		ACCESS(the_last_time_it_goes_all_the_same),
		ACCESS(token_in_its_last_seconds_is_shown_if_no_other_can_be_had),
		ACCESS(replaced_grant_is_renewed_to_be_revoked),
		ACCESS(replaced_grant_that_is_being_renewed_is_not_renewed_twice),
		ACCESS(replaced_grant_of_another_app_is_not_asked_for),
		ACCESS(nor_is_one_without_a_refresh_token),
		ACCESS(nor_is_one_whose_refresh_brought_no_answer),
		ACCESS(replaced_token_in_its_last_seconds_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
