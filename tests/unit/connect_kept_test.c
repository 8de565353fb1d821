/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consent that brings no refresh token, for a grant that had one: when that
 * stays, and when people are told that it does not.
 */
#include "../support/keeper_world.h"

/* Connected as this account, with refresh-2; the next consent has none. */
static void
connected_as(const char *account)
{
	provider.account = account;
	connect_another();
	provider.gives_refresh = false;
}

static int64_t
tokens_counted(void)
{
	struct store_stmt *st;
	int64_t n = -1;

	assert_int_equal(store_query(w.k[0].db, &st,
				     "SELECT count(*) FROM refresh_tokens "
				     "WHERE connection = ?1",
				     "s", w.who.connection),
			 0);
	if (store_step(st) == 1)
		n = store_col_int(st, 0);
	store_done(st);
	return n;
}

static void
assert_kept(void)
{
	struct asked a;

	run(10);
	assert_int_equal(provider.revocations, 0);
	assert_int_equal(tokens_counted(), 1);
	assert_string_equal(row().ends_why, "");
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_string_equal(provider.last_sent, "refresh-2");
}

static void
assert_told(const struct asked *a)
{
	assert_int_equal(a->err, 0);
	assert_non_null(strstr(a->grant.warning, "gave no refresh token"));
	assert_non_null(strstr(a->grant.warning, "prompt=consent"));
	assert_string_equal(row().ends_why, "no_refresh");
}

static void
refresh_token_of_the_same_account_stays(void **state)
{
	uint64_t issue;
	struct asked a;

	(void)state;
	connected_as("ada");
	issue = row().issue;
	consent(&a);
	assert_int_equal(a.err, 0);
	assert_string_equal(a.grant.warning, "");
	assert_string_equal(injected(0), "Authorization: Bearer access-3\r\n");
	assert_int_equal(row().issue, issue);
	assert_kept();
}

/* Who has added prompt=consent, say, has changed nothing of that. */
static void
it_stays_when_the_definition_reaches_no_further(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada");
	define("\"refresh\":{\"margin_s\":10},");
	consent(&a);
	assert_string_equal(a.grant.warning, "");
	assert_kept();
}

static void
another_one_that_comes_takes_its_place(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada");
	provider.gives_refresh = true;
	consent(&a);
	run(10);
	assert_string_equal(a.grant.warning, "");
	assert_string_equal(provider.revoked, "refresh-2");
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_string_equal(provider.last_sent, "refresh-3");
}

static void
another_accounts_is_not_kept(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada");
	provider.account = "bert";
	consent(&a);
	assert_told(&a);
	run(10);
	assert_string_equal(provider.revoked, "refresh-2");
}

static void
an_account_that_nobody_knows_is_another_one(void **state)
{
	struct asked a;

	(void)state;
	connected_as(NULL);
	consent(&a);
	assert_told(&a);
}

static void
one_that_may_be_spent_is_not_kept(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada");
	provider.says = SAYS_NOTHING;
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_true(row().intent != 0);
	consent(&a);
	assert_told(&a);
}

static void
one_that_was_refused_is_not_kept(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada");
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_DEAD_GRANT;
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(row().status, CONNECT_NEEDS_RECONNECT);
	consent(&a);
	assert_told(&a);
}

/* Of a definition that was changed so as to get it. */
static void
it_goes_nowhere_that_it_was_not_given_for(void **state)
{
	const char *revoke = world_revoke;
	struct asked a;

	(void)state;
	connected_as("ada");
	world_revoke = "{\"url\":\"https://login.example.org/revoke\"}";
	define("");
	world_revoke = revoke;
	consent(&a);
	assert_told(&a);
}

static void
another_client_ids_is_not_kept(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada");
	give_app_of("other", "");
	consent(&a);
	assert_told(&a);
}

static void
first_consent_is_told_by_the_forecast_alone(void **state)
{
	(void)state;
	provider.gives_refresh = false;
	provider.account = "ada";
	connect_another();
	assert_string_equal(row().ends_why, "no_refresh");
}

static void
one_that_is_kept_survives_a_consent_that_cannot_be_stored(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada");
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "CREATE TRIGGER full BEFORE UPDATE OF "
				    "generation ON grants WHEN NEW.generation "
				    "<> OLD.generation BEGIN "
				    "SELECT RAISE(ABORT, 'full'); END",
				    ""),
			 0);
	consent(&a);
	assert_int_not_equal(a.err, 0);
	run(10);
	/* what has come is given back, and that alone */
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked, "");
	assert_string_equal(provider.revoked_access, "access-3");
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(refresh_token_of_the_same_account_stays),
		CASE(it_stays_when_the_definition_reaches_no_further),
		CASE(another_one_that_comes_takes_its_place),
		CASE(another_accounts_is_not_kept),
		CASE(an_account_that_nobody_knows_is_another_one),
		CASE(one_that_may_be_spent_is_not_kept),
		CASE(one_that_was_refused_is_not_kept),
		CASE(it_goes_nowhere_that_it_was_not_given_for),
		CASE(another_client_ids_is_not_kept),
		CASE(first_consent_is_told_by_the_forecast_alone),
		CASE(one_that_is_kept_survives_a_consent_that_cannot_be_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
