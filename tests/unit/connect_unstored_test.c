/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A code was redeemed, and what came cannot be stored (the disk is full): the
 * tokens are given back to the provider at once.  Where that would break more
 * than it mends, or there is no way, who has consented is told what to do.
 */
#include "../support/keeper_world.h"

#define TAKES_ALL \
	"{\"url\":\"https://login.example.com/revoke\",\"takes_all\":true}"

static int
begin_with(void **state, const char *revoke)
{
	const char *usual = world_revoke;
	int rc;

	world_revoke = revoke;
	rc = begin(state);
	world_revoke = usual;
	return rc;
}

static int
begin_with_all(void **state)
{
	return begin_with(state, TAKES_ALL);
}

static int
begin_with_none(void **state)
{
	return begin_with(state, NULL);
}

#define ALL(f) cmocka_unit_test_setup_teardown(f, begin_with_all, end)
#define NONE(f) cmocka_unit_test_setup_teardown(f, begin_with_none, end)

/* The disk is full, as it were: no grant can be written. */
static void
fill(void)
{
	static const char *const triggers[] = {
		"CREATE TRIGGER full BEFORE UPDATE OF generation ON grants "
		"WHEN NEW.generation <> OLD.generation BEGIN "
		"SELECT RAISE(ABORT, 'full'); END",
		"CREATE TRIGGER fuller BEFORE INSERT ON grants BEGIN "
		"SELECT RAISE(ABORT, 'full'); END",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(triggers); i++)
		assert_int_equal(store_exec(w.k[0].db, NULL, triggers[i], ""),
				 0);
}

static void
make_room(void)
{
	assert_int_equal(store_exec(w.k[0].db, NULL, "DROP TRIGGER full", ""),
			 0);
	assert_int_equal(store_exec(w.k[0].db, NULL, "DROP TRIGGER fuller", ""),
			 0);
}

static void
another_name(void)
{
	snprintf(w.who.connection, sizeof(w.who.connection), "connection%u",
		 ++w.connections);
}

static void
assert_failed(const struct asked *a, const char *words)
{
	assert_true(a->err < 0);
	assert_non_null(strstr(a->problem.detail, "could not be stored"));
	if (words && !strstr(a->problem.detail, words))
		fail_msg("%s", a->problem.detail);
	if (!words)
		assert_string_equal(a->problem.detail,
				    "The credential could not be stored.");
}

static void
tokens_that_cannot_be_stored_are_given_back(void **state)
{
	struct asked anew;

	(void)state;
	fill();
	another_name();
	consent(&anew);
	assert_failed(&anew, NULL);
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked, "refresh-2");
	assert_string_equal(provider.revoked_access, "access-2");
}

static void
the_grant_that_was_there_goes_on(void **state)
{
	struct asked anew;

	(void)state;
	fill();
	consent(&anew);
	assert_failed(&anew, NULL);
	run(30);
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked, "refresh-2");
	assert_string_equal(injected(0), "Authorization: Bearer access-1\r\n");
	make_room();
	consent(&anew);
	assert_int_equal(anew.err, 0);
	run(30);
	assert_string_equal(injected(0), "Authorization: Bearer access-3\r\n");
	assert_int_equal(provider.revocations, 2);
	assert_string_equal(provider.revoked, "refresh-1");
}

static void
tokens_that_are_those_of_the_stored_grant_are_kept(void **state)
{
	struct asked anew;

	(void)state;
	provider.current = 0; /* this account's are always number 1 */
	fill();
	consent(&anew);
	assert_failed(&anew, NULL);
	run(30);
	assert_int_equal(provider.revocations, 0);
}

static void
provider_that_does_not_confirm_is_not_asked_for_ever(void **state)
{
	struct asked anew;

	(void)state;
	provider.revoke_error = "HTTP 503";
	fill();
	another_name();
	consent(&anew);
	assert_failed(&anew, NULL);
	run(300);
	assert_int_equal(provider.revocations, 1);
}

/* ---- nobody waits for it any more ---- */

/* Asks for a consent's end, which the provider holds back. */
static void
ask_held(struct asked *a, unsigned char tag, uint32_t ms)
{
	begin_consent(tag);
	provider.holds_exchange = true;
	ask_finish(tag, a, ms);
	for (int i = 0; i < 500 && !provider.exchange; i++)
		run(2);
	assert_non_null(provider.exchange);
	provider.holds_exchange = false;
}

static void
consent_that_the_front_has_given_up_changes_nothing(void **state)
{
	unsigned tellings = w.tellings;
	struct asked late;

	(void)state;
	ask_held(&late, 200, 60);
	run_until(&late.done);
	assert_int_equal(late.err, ERR_TIMEOUT);
	provider_exchange();
	run(30);
	assert_int_equal(w.tellings, tellings);
	assert_int_equal(row().who.generation, 1);
	assert_string_equal(injected(0), "Authorization: Bearer access-1\r\n");
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked, "refresh-2");
}

static void
so_does_one_whose_front_has_died(void **state)
{
	struct proc_channel *before = w.front[0];
	struct asked late;
	int fds[2];

	(void)state;
	ask_held(&late, 201, 30000);
	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   fds),
		0);
	proc_channel_replace(w.k[0].front, fds[1]);
	assert_int_equal(proc_channel_new(w.loop, fds[0], PROC_KEEPER,
					  front_table, NULL, &w.front[0]),
			 0);
	proc_channel_free(before);
	assert_true(late.done);
	provider_exchange();
	run(30);
	assert_int_equal(row().who.generation, 1);
	assert_string_equal(injected(0), "Authorization: Bearer access-1\r\n");
	assert_int_equal(provider.revocations, 1);
	assert_string_equal(provider.revoked, "refresh-2");
}

/* ---- not given back, and told ---- */

static void
what_would_end_the_accounts_others_is_left_and_told(void **state)
{
	struct asked anew;

	(void)state;
	fill();
	another_name();
	consent(&anew);
	assert_failed(&anew, "would end its other connections: connect again, "
			     "or take the access back");
	run(30);
	assert_int_equal(provider.revocations, 0);
}

static void
so_is_what_there_is_no_way_to_revoke(void **state)
{
	struct asked anew;

	(void)state;
	fill();
	another_name();
	consent(&anew);
	assert_failed(&anew, "no way to revoke: take the access back in the "
			     "account's own settings");
	run(30);
	assert_int_equal(provider.revocations, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tokens_that_cannot_be_stored_are_given_back),
		CASE(the_grant_that_was_there_goes_on),
		CASE(tokens_that_are_those_of_the_stored_grant_are_kept),
		CASE(provider_that_does_not_confirm_is_not_asked_for_ever),
		CASE(consent_that_the_front_has_given_up_changes_nothing),
		CASE(so_does_one_whose_front_has_died),
		ALL(what_would_end_the_accounts_others_is_left_and_told),
		NONE(so_is_what_there_is_no_way_to_revoke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
