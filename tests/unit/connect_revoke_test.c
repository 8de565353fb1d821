/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back, where that has more than one meaning: providers that end every
 * access of an account at once, or that give one account the same tokens
 * again and again.  And what cannot be taken back from here.
 */
#include "../support/keeper_world.h"

#define TAKES_ALL \
	"{\"url\":\"https://login.example.com/revoke\",\"takes_all\":true}"

static int
begin_with_all(void **state)
{
	int rc;

	world_revoke = TAKES_ALL;
	rc = begin(state);
	world_revoke = "{\"url\":\"https://login.example.com/revoke\"}";
	return rc;
}

/* Google's: without client authentication. */
static int
begin_without_client(void **state)
{
	int rc;

	world_revoke = "{\"url\":\"https://login.example.com/revoke\","
		       "\"parameters\":{\"token\":\"{token}\"},"
		       "\"client_auth\":\"none\"}";
	rc = begin(state);
	world_revoke = "{\"url\":\"https://login.example.com/revoke\"}";
	return rc;
}

/* Stripe's: the account's whole access of whichever app asks. */
static int
begin_without_token(void **state)
{
	int rc;

	world_revoke = "{\"url\":\"https://login.example.com/revoke\","
		       "\"parameters\":{\"client_id\":\"{client_id}\"}}";
	rc = begin(state);
	world_revoke = "{\"url\":\"https://login.example.com/revoke\"}";
	return rc;
}

#define NO_CLIENT(f) \
	cmocka_unit_test_setup_teardown(f, begin_without_client, end)
#define NO_TOKEN(f) cmocka_unit_test_setup_teardown(f, begin_without_token, end)
#define ALL(f) cmocka_unit_test_setup_teardown(f, begin_with_all, end)

/* ---- connected anew ---- */

static void
reconnect_revokes_nothing_where_that_would_end_the_new_grant(void **state)
{
	struct asked anew;

	(void)state;
	consent(&anew);
	assert_int_equal(anew.err, 0);
	run(30);
	assert_int_equal(provider.revocations, 0);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
}

static void
tokens_that_come_too_late_are_left_alone_there(void **state)
{
	struct asked one, anew;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &one, CONNECT_KEEPER_INJECT, 0);
	run(30);
	consent(&anew);
	memcpy(provider.held_token[0], "refresh-40", 11);
	provider.current = 40; /* another family than the stored one */
	provider_release();
	run_until(&one.done);
	run(30);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(provider.revocations, 0);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	assert_int_equal(row().who.generation, 2);
}

static void
tokens_that_are_the_same_again_are_not_revoked(void **state)
{
	struct asked anew;

	(void)state;
	provider.current = 0; /* this account's are always number 1 */
	consent(&anew);
	assert_int_equal(anew.err, 0);
	run(30);
	assert_int_equal(provider.exchanges, 2);
	assert_int_equal(provider.revocations, 0);
	assert_string_equal(injected(0), "Authorization: Bearer access-1\r\n");
	consent(&anew); /* these are others */
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked, "refresh-1");
}

static void
access_token_that_is_the_same_again_is_not_revoked(void **state)
{
	struct asked anew;

	(void)state;
	provider.gives_refresh = false;
	connect_another();
	provider.current--;
	consent(&anew);
	assert_int_equal(anew.err, 0);
	run(30);
	assert_int_equal(provider.revocations, 0);
	consent(&anew);
	run(30);
	assert_int_equal(provider.revocations, 1);
}

/* ---- who revokes is told ---- */

static void
who_ends_other_connections_is_told(void **state)
{
	struct asked gone;

	(void)state;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_int_equal(gone.err, 0);
	assert_true(gone.revoked.upstream);
	assert_non_null(strstr(gone.revoked.detail,
			       "other connections of the same account have to "
			       "be connected again"));
}

static void
who_ends_one_alone_hears_nothing_of_others(void **state)
{
	struct asked gone;

	(void)state;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_true(gone.revoked.upstream);
	assert_string_equal(gone.revoked.detail, "");
	run(10);
	assert_int_equal(w.told.status, CONNECT_REVOKED);
	assert_false(w.told.lives);
}

static void
what_is_not_confirmed_has_not_ended_others(void **state)
{
	struct asked gone;

	(void)state;
	provider.revoke_error = "HTTP 400";
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_false(gone.revoked.upstream);
	assert_non_null(strstr(gone.revoked.detail, "not confirmed"));
	assert_null(strstr(gone.revoked.detail, "other connections"));
	run(10);
	assert_true(w.told.lives);
}

static void
who_asks_again_hears_the_same(void **state)
{
	struct asked gone, again;

	(void)state;
	ask(0, &gone, CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE);
	run_until(&gone.done);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY);
	run_until(&gone.done);
	ask(0, &again, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY);
	run_until(&again.done);
	assert_true(again.revoked.upstream);
	assert_string_equal(again.revoked.detail, gone.revoked.detail);
	assert_true(again.revoked.detail[0] != 0);
	assert_int_equal(provider.revocations, 1);
}

/* What is revoked is not revoked again: the answer is what is known, and the
 * row stays as it is. */
static void
revoke_again_with(enum connect_revoke how, struct asked *again)
{
	struct keeper_row before = row();
	unsigned asked = provider.revocations, told = w.tellings;

	ask(0, again, CONNECT_KEEPER_REVOKE, how);
	run_until(&again->done);
	run(30);
	assert_int_equal(again->err, 0);
	assert_int_equal(row().who.generation, before.who.generation);
	assert_string_equal(row().reason, before.reason);
	assert_int_equal(provider.revocations, asked);
	assert_int_equal(w.tellings, told);
}

static void
what_was_confirmed_is_so_a_second_time(void **state)
{
	struct asked gone, again;

	(void)state;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_true(gone.revoked.upstream);
	revoke_again_with(CONNECT_REVOKE_NOW, &again);
	assert_true(again.revoked.upstream);
	assert_string_equal(again.revoked.detail, "It was revoked already.");
}

static void
what_it_has_ended_is_told_a_second_time(void **state)
{
	struct asked gone, again;

	(void)state;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	revoke_again_with(CONNECT_REVOKE_NOW, &again);
	assert_true(again.revoked.upstream);
	assert_string_equal(again.revoked.detail, gone.revoked.detail);
}

static void
what_was_not_confirmed_is_still_to_be_done(void **state)
{
	struct asked gone, again;

	(void)state;
	ask(0, &gone, CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE);
	run_until(&gone.done);
	provider.revoke_error = "HTTP 400";
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_false(gone.revoked.upstream);
	provider.revoke_error = NULL;
	revoke_again_with(CONNECT_REVOKE_NOW, &again);
	assert_false(again.revoked.upstream);
	if (!strstr(again.revoked.detail, "account's own settings"))
		fail_msg("%s", again.revoked.detail);
	revoke_again_with(CONNECT_REVOKE_TRY, &again);
	assert_false(again.revoked.upstream);
	if (!strstr(again.revoked.detail, "account's own settings"))
		fail_msg("%s", again.revoked.detail);
}

/* ---- what cannot be taken back ---- */

/* Revoked here alone, and these words say why. */
static void
assert_here_alone(const char *words)
{
	struct asked gone;
	unsigned before = provider.revocations;

	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_int_equal(gone.err, 0);
	assert_false(gone.revoked.upstream);
	if (!strstr(gone.revoked.detail, words))
		fail_msg("%s", gone.revoked.detail);
	assert_int_equal(provider.revocations, before);
	assert_int_equal(row().status, CONNECT_REVOKED);
	assert_non_null(strstr(row().reason, "has not confirmed"));
	assert_string_equal(injected(0), "");
}

/* A key of OpenAI's, typed in. */
static void
give_key(void)
{
	struct connect_msg_credential m = { .who = w.who };
	struct json_problem problem = { 0 };
	struct proc_pack *p = proc_pack_new();
	static struct asked a;

	snprintf(w.who.connection, sizeof(w.who.connection), "key");
	m.who = w.who;
	if (catalog_bind(catalog_find(w.catalog, "org", "openai"), "key", NULL,
			 &m.binding, &problem))
		fail_msg("%s", problem.detail);
	method_credential_set(&m.fields, "token",
			      secret_from("sk-0123456789abcdefghij", 23));
	connect_msg_credential_pack(&m, p);
	connect_msg_credential_release(&m);
	ask_with(0, &a, CONNECT_KEEPER_CREDENTIAL, p);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
}

static void
key_is_changed_at_the_service_itself(void **state)
{
	(void)state;
	give_key();
	assert_true(injected(0)[0] != 0);
	assert_here_alone("A key or password cannot be revoked from here: "
			  "change or delete it at the service.");
}

static void
so_it_is_told_a_second_time(void **state)
{
	struct asked gone, again;

	(void)state;
	give_key();
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	revoke_again_with(CONNECT_REVOKE_NOW, &again);
	assert_false(again.revoked.upstream);
	assert_string_equal(again.revoked.detail, gone.revoked.detail);
}

static int
begin_without_revocation(void **state)
{
	int rc;

	world_revoke = NULL;
	rc = begin(state);
	world_revoke = "{\"url\":\"https://login.example.com/revoke\"}";
	return rc;
}

static void
so_it_is_where_the_service_offers_no_way(void **state)
{
	struct asked gone, again;

	(void)state;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	revoke_again_with(CONNECT_REVOKE_NOW, &again);
	assert_false(again.revoked.upstream);
	assert_non_null(strstr(again.revoked.detail, "offers no way"));
	assert_string_equal(again.revoked.detail, gone.revoked.detail);
}

static void
without_its_app_nothing_can_be_asked(void **state)
{
	(void)state;
	assert_int_equal(store_exec(w.k[0].db, NULL, "DELETE FROM apps", ""),
			 0);
	assert_here_alone("The OAuth app needed for revoking is missing: take "
			  "the access back in the account's own settings.");
}

/* Its endpoints were sealed with the secret, and the definition names another
 * one since. */
static void
secret_that_is_not_for_that_endpoint_does_not_go_there(void **state)
{
	static struct connect_msg_app m;
	struct proc_pack *p = proc_pack_new();
	static struct asked a;

	(void)state;
	memset(&m, 0, sizeof(m));
	snprintf(m.org, sizeof(m.org), "org");
	snprintf(m.app, sizeof(m.app), "test_desk");
	m.custom = true;
	snprintf(m.client_id, sizeof(m.client_id), "client");
	m.client_secret = secret_from("hush", 4);
	connect_msg_app_pack(&m, p);
	secret_free(m.client_secret);
	ask_with(0, &a, CONNECT_KEEPER_APP, p);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
	assert_here_alone("The OAuth app needed for revoking is missing");
}

/* ---- the OAuth app was replaced by another ---- */

static int64_t
refresh_tokens_counted(void)
{
	struct store_stmt *st;
	int64_t n;

	assert_int_equal(store_query(w.k[0].db, &st,
				     "SELECT count(*) FROM refresh_tokens", ""),
			 0);
	assert_int_equal(store_step(st), 1);
	n = store_col_int(st, 0);
	store_done(st);
	return n;
}

/* RFC 7009 2.2: 200 is also what it says of a token that it does not know as
 * one of this client's. */
static void
good_word_to_another_app_is_no_confirmation(void **state)
{
	struct asked gone;

	(void)state;
	give_app_of("another", "");
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_int_equal(gone.err, 0);
	assert_int_equal(provider.revocations, 1); /* it may help */
	assert_string_equal(provider.revoked_client, "another");
	assert_false(gone.revoked.upstream);
	if (!strstr(gone.revoked.detail, "another OAuth app") ||
	    !strstr(gone.revoked.detail, "account's own settings"))
		fail_msg("%s", gone.revoked.detail);
	assert_int_equal(row().status, CONNECT_REVOKED);
	assert_non_null(strstr(row().reason, "has not confirmed"));
	assert_int_equal(refresh_tokens_counted(), 1);
}

static void
so_it_is_for_who_has_left_and_at_once(void **state)
{
	struct asked gone;

	(void)state;
	give_app_of("another", "");
	ask(0, &gone, CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE);
	run_until(&gone.done);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY);
	run_until(&gone.done);
	assert_int_equal(gone.err, 0);
	assert_false(gone.revoked.upstream);
	ask(0, &gone, CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY);
	run_until(&gone.done);
	assert_false(gone.revoked.upstream);
	assert_int_equal(provider.revocations, 1);
}

static void
so_it_is_for_a_grant_that_was_replaced(void **state)
{
	struct asked anew;

	(void)state;
	give_app_of("another", "");
	consent(&anew);
	assert_int_equal(anew.err, 0);
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_int_equal(refresh_tokens_counted(), 2);
}

static void
without_client_authentication_it_is_asked_as_ever(void **state)
{
	struct asked gone;

	(void)state;
	give_app_of("another", "");
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_int_equal(gone.err, 0);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked_client, "client"); /* its own */
	assert_true(gone.revoked.upstream);
	assert_string_equal(gone.revoked.detail, "");
	assert_int_equal(refresh_tokens_counted(), 0);
}

static void
also_of_a_grant_that_was_replaced(void **state)
{
	struct asked anew;

	(void)state;
	give_app_of("another", "");
	consent(&anew);
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked_client, "client");
	assert_int_equal(refresh_tokens_counted(), 1);
}

/* That would end what the account has granted to the other one. */
static void
what_names_no_token_is_not_asked_by_another_app(void **state)
{
	struct asked gone;

	(void)state;
	get(0, &gone, CONNECT_KEEPER_REVOKE);
	assert_true(gone.revoked.upstream); /* by its own it is */
	connect_another();
	give_app_of("another", "");
	assert_here_alone("The OAuth app was replaced by another, which cannot "
			  "take this access back: do so in the account's own "
			  "settings.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ALL(reconnect_revokes_nothing_where_that_would_end_the_new_grant),
		ALL(tokens_that_come_too_late_are_left_alone_there),
		CASE(tokens_that_are_the_same_again_are_not_revoked),
		CASE(access_token_that_is_the_same_again_is_not_revoked),
		ALL(who_ends_other_connections_is_told),
		CASE(who_ends_one_alone_hears_nothing_of_others),
		ALL(what_is_not_confirmed_has_not_ended_others),
		ALL(who_asks_again_hears_the_same),
		CASE(what_was_confirmed_is_so_a_second_time),
		ALL(what_it_has_ended_is_told_a_second_time),
		CASE(what_was_not_confirmed_is_still_to_be_done),
		CASE(key_is_changed_at_the_service_itself),
		CASE(so_it_is_told_a_second_time),
		cmocka_unit_test_setup_teardown(
			so_it_is_where_the_service_offers_no_way,
			begin_without_revocation, end),
		CASE(without_its_app_nothing_can_be_asked),
		CASE(secret_that_is_not_for_that_endpoint_does_not_go_there),
		CASE(good_word_to_another_app_is_no_confirmation),
		CASE(so_it_is_for_who_has_left_and_at_once),
		CASE(so_it_is_for_a_grant_that_was_replaced),
		NO_CLIENT(without_client_authentication_it_is_asked_as_ever),
		NO_CLIENT(also_of_a_grant_that_was_replaced),
		NO_TOKEN(what_names_no_token_is_not_asked_by_another_app),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
