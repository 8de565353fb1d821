/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may sign in, how long, and as what: against a real store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "people/people_priv.h"
#include "../support/store_world.h"

static struct secret *right, *wrong;
static char org[PEOPLE_ID_SIZE], ada[PEOPLE_ID_SIZE];

static void
member(const char *email, enum people_role role, const struct secret *password,
       char id[PEOPLE_ID_SIZE])
{
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(people_member_create(conn, org, email, email, role,
					      password, id),
			 0);
	assert_int_equal(store_commit(conn), 0);
}

static int
begin(void **state)
{
	if (vault_init() || store_world_begin(state) || store_begin(conn) ||
	    people_org_ensure(conn, org) || store_commit(conn))
		return -1;
	right = secret_from("the right one", 13);
	wrong = secret_from("a wrong one!!", 13);
	member("ada@example.com", PEOPLE_BUILDER, right, ada);
	return 0;
}

static int
end(void **state)
{
	secret_free(right);
	secret_free(wrong);
	return store_world_end(state);
}

static void
change(const char *sql)
{
	assert_int_equal(store_exec(conn, NULL, sql, ""), 0);
}

static int
sign_in(const char *email, const struct secret *password, const char *address)
{
	char id[PEOPLE_ID_SIZE];
	unsigned retry;
	int rc = people_sign_in(conn, slice_str(email), password, address, id,
				&retry);

	assert_int_equal(rc == 0, id[0] != '\0');
	assert_int_equal(rc == ERR_BUSY, retry > 0);
	return rc;
}

/* ---- sign-in ---- */

static void
the_right_password_signs_in_whatever_the_addresss_case(void **state)
{
	(void)state;
	assert_int_equal(sign_in("ada@example.com", right, "192.0.2.1"), 0);
	assert_int_equal(sign_in("Ada@Example.COM", right, "192.0.2.1"), 0);
	assert_int_equal(sign_in("ada@example.com", wrong, "192.0.2.1"),
			 ERR_FORBIDDEN);
	assert_int_equal(sign_in("nobody@example.com", right, "192.0.2.1"),
			 ERR_FORBIDDEN);
}

static void
eight_failures_of_an_account_and_address_make_even_the_right_wait(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(sign_in("ada@example.com", wrong, "192.0.2.1"),
				 ERR_FORBIDDEN);
	assert_int_equal(sign_in("ada@example.com", right, "192.0.2.1"),
			 ERR_BUSY);
	/* whoever guesses locks nobody out who is elsewhere */
	assert_int_equal(sign_in("ada@example.com", right, "192.0.2.2"), 0);
	/* and the window ends */
	change("UPDATE sign_in_failures SET window_start = window_start - "
	       "15 * 60 * 1000");
	assert_int_equal(sign_in("ada@example.com", right, "192.0.2.1"), 0);
}

static void
a_window_of_a_clock_that_was_set_back_is_over(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		sign_in("ada@example.com", wrong, "192.0.2.1");
	change("UPDATE sign_in_failures SET window_start = window_start + "
	       "86400000");
	assert_int_equal(sign_in("ada@example.com", wrong, "192.0.2.1"),
			 ERR_FORBIDDEN);
	assert_int_equal(sign_in("ada@example.com", right, "192.0.2.1"), 0);
}

static void
an_ipv6_network_counts_as_one_address(void **state)
{
	char address[64];
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		snprintf(address, sizeof(address), "2001:db8::%d", i);
		sign_in("ada@example.com", wrong, address);
	}
	assert_int_equal(sign_in("ada@example.com", right, "2001:db8::ff"),
			 ERR_BUSY);
	assert_int_equal(sign_in("ada@example.com", right, "2001:db8:0:1::1"),
			 0);
}

static void
where_everybody_comes_from_an_address_locks_nobody_out(void **state)
{
	static const char *const shared[] = { "127.0.0.1", "::1", "unix" };
	char email[64];
	size_t n;
	int i;

	(void)state;
	for (n = 0; n < ARRAY_LEN(shared); n++) {
		for (i = 0; i < 41; i++) {
			snprintf(email, sizeof(email), "n%d@example.com", i);
			change("DELETE FROM sign_in_failures WHERE subject "
			       "LIKE 'account:n%'");
			assert_int_equal(
				people_failures_add(conn, email, shared[n]), 0);
		}
		assert_int_equal(sign_in("ada@example.com", right, shared[n]),
				 0);
	}
	for (i = 0; i < 41; i++) {
		snprintf(email, sizeof(email), "n%d@example.com", i);
		assert_int_equal(people_failures_add(conn, email, "192.0.2.9"),
				 0);
	}
	assert_int_equal(sign_in("ada@example.com", right, "192.0.2.9"),
			 ERR_BUSY);
	assert_int_equal(sign_in("ada@example.com", right, "::ffff:192.0.2.9"),
			 ERR_BUSY);
	assert_int_equal(sign_in("ada@example.com", right, "::ffff:192.0.2.8"),
			 0);
}

static void
a_success_takes_the_failures_back(void **state)
{
	int i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 7; i++)
			assert_int_equal(
				sign_in("ada@example.com", wrong, "192.0.2.1"),
				ERR_FORBIDDEN);
		assert_int_equal(sign_in("ada@example.com", right, "192.0.2.1"),
				 0);
	}
}

static void
who_is_disabled_does_not_sign_in(void **state)
{
	(void)state;
	change("UPDATE members SET disabled_at = 1 "
	       "WHERE email = 'ada@example.com'");
	assert_int_equal(sign_in("ada@example.com", right, "192.0.2.1"),
			 ERR_FORBIDDEN);
}

/* ---- sessions ---- */

static void
session(unsigned char hash[PEOPLE_HASH_SIZE])
{
	char value[RANDOM_TOKEN_SIZE];

	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(people_session_create(conn, ada, value), 0);
	assert_int_equal(store_commit(conn), 0);
	people_token_hash(slice_str(value), hash);
}

static int
session_find(const unsigned char hash[PEOPLE_HASH_SIZE])
{
	struct people_actor *a = NULL;
	int rc = people_session_find(conn, hash, &a);

	assert_int_equal(!rc, a != NULL);
	if (a) {
		assert_string_equal(a->member, ada);
		assert_int_equal(a->role, PEOPLE_BUILDER);
		assert_string_equal(a->key, "");
	}
	people_actor_unref(a);
	return rc;
}

static void
a_session_is_its_members_until_it_ends(void **state)
{
	unsigned char one[PEOPLE_HASH_SIZE], two[PEOPLE_HASH_SIZE];

	(void)state;
	session(one);
	session(two);
	assert_int_equal(session_find(one), 0);
	assert_int_equal(people_session_end(conn, one), 0);
	assert_int_equal(session_find(one), ERR_NOT_FOUND);
	assert_int_equal(session_find(two), 0);
	assert_int_equal(people_sessions_end_all(conn, ada), 0);
	assert_int_equal(session_find(two), ERR_NOT_FOUND);
}

static void
a_new_password_ends_the_sessions(void **state)
{
	unsigned char hash[PEOPLE_HASH_SIZE];

	(void)state;
	session(hash);
	assert_int_equal(people_member_set_password(conn, ada, wrong), 0);
	assert_int_equal(session_find(hash), ERR_NOT_FOUND);
	assert_int_equal(sign_in("ada@example.com", wrong, ""), 0);
}

static void
who_is_disabled_has_no_session(void **state)
{
	unsigned char hash[PEOPLE_HASH_SIZE];

	(void)state;
	session(hash);
	change("UPDATE members SET disabled_at = 1 "
	       "WHERE email = 'ada@example.com'");
	assert_int_equal(session_find(hash), ERR_NOT_FOUND);
}

static void
a_session_of_a_clock_that_was_set_back_ends_as_if_made_now(void **state)
{
	unsigned char hash[PEOPLE_HASH_SIZE];

	(void)state;
	session(hash);
	change("UPDATE sessions SET seen_at = seen_at + 31536000000, "
	       "expires_at = expires_at + 31536000000");
	assert_int_equal(people_tidy(conn), 0);
	assert_int_equal(session_find(hash), 0);
	/* a day later it was not used */
	change("UPDATE sessions SET seen_at = seen_at - 86400000");
	assert_int_equal(session_find(hash), ERR_NOT_FOUND);
}

static int
session_look(const unsigned char hash[PEOPLE_HASH_SIZE])
{
	struct people_actor *a = NULL;
	int rc = people_session_look(conn, hash, &a);

	assert_int_equal(!rc, a != NULL);
	people_actor_unref(a);
	return rc;
}

/* An open stream looks for days: it is no use of the session's. */
static void
a_session_that_is_looked_at_lives_no_longer_by_it(void **state)
{
	unsigned char hash[PEOPLE_HASH_SIZE];

	(void)state;
	session(hash);
	change("UPDATE sessions SET seen_at = seen_at - 86100000");
	assert_int_equal(session_look(hash), 0);
	change("UPDATE sessions SET seen_at = seen_at - 600000");
	assert_int_equal(session_look(hash), ERR_NOT_FOUND);
	assert_int_equal(session_find(hash), ERR_NOT_FOUND);
}

/* ---- keys ---- */

static int
key_actor(enum people_role role, int64_t expires_at, struct people_actor **out)
{
	struct people_key k = { .role = role, .expires_at = expires_at };
	unsigned char hash[PEOPLE_HASH_SIZE];
	char text[PEOPLE_KEY_SIZE];

	snprintf(k.name, sizeof(k.name), "a key");
	memcpy(k.member, ada, sizeof(k.member));
	assert_int_equal(store_begin(conn), 0);
	assert_int_equal(people_key_create(conn, org, &k, text), 0);
	assert_int_equal(store_commit(conn), 0);
	people_token_hash(slice_str(text), hash);
	return people_actor_of_key(conn, hash, out);
}

static void
keys_that_have_ended_are_kept_for_a_week(void **state)
{
	static const char mine[] = "SELECT count(*) FROM api_keys";
	int64_t now = clock_wall_ms();
	struct people_actor *a;

	(void)state;
	assert_int_equal(key_actor(PEOPLE_VIEWER, 0, &a), 0);
	people_actor_unref(a);
	assert_int_equal(key_actor(PEOPLE_VIEWER, 0, &a), 0);
	assert_int_equal(people_key_revoke(conn, org, a->key), 0);
	people_actor_unref(a);
	assert_int_equal(key_actor(PEOPLE_CALLER, now + 3600000, &a), 0);
	people_actor_unref(a);
	assert_int_equal(people_tidy(conn), 0);
	assert_int_equal(number_of(mine), 3);
	change("UPDATE api_keys SET revoked_at = revoked_at - 7 * 86400000 "
	       "WHERE revoked_at > 0");
	change("UPDATE api_keys SET expires_at = expires_at - 7 * 86400000 "
	       "WHERE expires_at > 0");
	assert_int_equal(people_tidy(conn), 0);
	assert_int_equal(number_of(mine), 2); /* one has an hour still */
	change("UPDATE api_keys SET expires_at = expires_at - 7200000 "
	       "WHERE expires_at > 0");
	assert_int_equal(people_tidy(conn), 0);
	assert_int_equal(number_of(mine), 1);
}

static void
a_key_never_has_more_than_its_member(void **state)
{
	struct people_actor *a;

	(void)state;
	assert_int_equal(key_actor(PEOPLE_ADMIN, 0, &a), 0);
	assert_int_equal(a->role, PEOPLE_BUILDER);
	people_actor_unref(a);
	assert_int_equal(key_actor(PEOPLE_CALLER, 0, &a), 0);
	assert_int_equal(a->role, PEOPLE_CALLER);
	people_actor_unref(a);
}

static void
the_callers_key_of_a_viewer_is_not_in_force(void **state)
{
	struct people_actor *a;

	(void)state;
	change("UPDATE members SET role = 'viewer' "
	       "WHERE email = 'ada@example.com'");
	assert_int_equal(key_actor(PEOPLE_CALLER, 0, &a), ERR_NOT_FOUND);
	assert_null(a);
	assert_int_equal(key_actor(PEOPLE_VIEWER, 0, &a), 0);
	people_actor_unref(a);
}

static void
a_key_that_has_ended_is_none(void **state)
{
	struct people_actor *a;

	(void)state;
	assert_int_equal(key_actor(PEOPLE_VIEWER, clock_wall_ms() - 1, &a),
			 ERR_NOT_FOUND);
	assert_int_equal(key_actor(PEOPLE_VIEWER, clock_wall_ms() + 60000, &a),
			 0);
	people_actor_unref(a);
}

/* ---- sharing ---- */

static void
a_connection_is_shared_as_it_was_said_and_with_nobody_unknown(void **state)
{
	char ben[PEOPLE_ID_SIZE];
	struct people_share shares[2] = { { .kind = PEOPLE_SHARE_MEMBER,
					    .manage = true },
					  { .kind = PEOPLE_SHARE_EVERYONE } };
	struct people_sharing s;
	size_t bad;

	(void)state;
	member("ben@example.com", PEOPLE_BUILDER, NULL, ben);
	/* the connection itself is another folder's */
	change("PRAGMA foreign_keys = OFF");
	memcpy(shares[0].subject, ben, sizeof(ben));
	assert_int_equal(people_shares_set(conn, org, "01connection", ada,
					   shares, 1, &bad),
			 0);
	assert_int_equal(people_sharing_load(conn, "01connection", ada, &s), 0);
	assert_string_equal(s.owner, ada);
	assert_int_equal(s.manager_count, 1);
	assert_string_equal(s.managers[0], ben);
	assert_false(s.everyone_may_use);
	people_sharing_release(&s);
	/* all are replaced */
	assert_int_equal(people_shares_set(conn, org, "01connection", ada,
					   &shares[1], 1, &bad),
			 0);
	assert_int_equal(people_sharing_load(conn, "01connection", ada, &s), 0);
	assert_int_equal(s.manager_count, 0);
	assert_true(s.everyone_may_use);
	assert_false(s.everyone_may_manage);
	people_sharing_release(&s);
	snprintf(shares[0].subject, PEOPLE_ID_SIZE, "01nobody");
	assert_int_equal(people_shares_set(conn, org, "01connection", ada,
					   shares, 2, &bad),
			 ERR_NOT_FOUND);
	assert_int_equal(bad, 0);
}

/* ---- roles ---- */

static int
may(enum people_role role, enum people_action action,
    const struct people_object *o)
{
	struct people_actor *a = people_actor_new(org, ada, role, "x");
	int rc = people_may(a, action, o, NULL);

	people_actor_unref(a);
	return rc;
}

static void
each_action_has_its_least_role(void **state)
{
	static const struct {
		enum people_action action;
		enum people_role least;
	} want[] = {
		{ PEOPLE_SELF_SEE, PEOPLE_CALLER },
		{ PEOPLE_SELF_CHANGE, PEOPLE_VIEWER },
		{ PEOPLE_SERVICE_SEE, PEOPLE_VIEWER },
		{ PEOPLE_SERVICE_CREATE, PEOPLE_BUILDER },
		{ PEOPLE_APP_SEE, PEOPLE_BUILDER },
		{ PEOPLE_APP_SET, PEOPLE_ADMIN },
		{ PEOPLE_CONNECTION_LIST, PEOPLE_VIEWER },
		{ PEOPLE_CONNECTION_CREATE, PEOPLE_BUILDER },
		{ PEOPLE_CONNECTION_FORCE, PEOPLE_ADMIN },
		{ PEOPLE_CONNECTION_BULK, PEOPLE_ADMIN },
		{ PEOPLE_MEMBER_SEE, PEOPLE_VIEWER },
		{ PEOPLE_AUDIT_SEE, PEOPLE_ADMIN },
	};
	size_t i;
	int role;

	(void)state;
	for (i = 0; i < ARRAY_LEN(want); i++)
		for (role = PEOPLE_CALLER; role <= PEOPLE_OWNER; role++)
			if (may((enum people_role)role, want[i].action, NULL) !=
			    ((enum people_role)role < want[i].least
				     ? ERR_FORBIDDEN
				     : 0))
				fail_msg("action %d, role %d", want[i].action,
					 role);
}

static void
nobody_gives_more_than_he_has(void **state)
{
	struct people_object admin = { .role = PEOPLE_ADMIN };
	struct people_object owner = { .role = PEOPLE_OWNER };
	struct people_object caller = { .role = PEOPLE_CALLER };

	(void)state;
	assert_int_equal(may(PEOPLE_BUILDER, PEOPLE_KEY_CREATE, &admin),
			 ERR_FORBIDDEN);
	assert_int_equal(may(PEOPLE_ADMIN, PEOPLE_KEY_CREATE, &admin), 0);
	assert_int_equal(may(PEOPLE_VIEWER, PEOPLE_KEY_CREATE, &caller),
			 ERR_FORBIDDEN);
	assert_int_equal(may(PEOPLE_ADMIN, PEOPLE_MEMBER_CHANGE, &owner),
			 ERR_FORBIDDEN);
	assert_int_equal(may(PEOPLE_OWNER, PEOPLE_MEMBER_CHANGE, &owner), 0);
}

static int
may_with_key(enum people_role role, enum people_action action,
	     const struct people_object *o)
{
	struct people_actor a = { .role = role };

	memcpy(a.member, ada, sizeof(a.member));
	memcpy(a.key, "01key", sizeof("01key"));
	return people_may(&a, action, o, NULL);
}

static void
a_key_ends_itself_and_none_above_it(void **state)
{
	struct people_object o = { .member = ada, .key = "01other" };
	int role;

	(void)state;
	for (role = PEOPLE_CALLER; role <= PEOPLE_ADMIN; role++) {
		o.role = (enum people_role)role;
		/* signed in, all of one's own */
		assert_int_equal(may(PEOPLE_VIEWER, PEOPLE_KEY_REVOKE, &o), 0);
		assert_int_equal(
			may_with_key(PEOPLE_VIEWER, PEOPLE_KEY_REVOKE, &o),
			role == PEOPLE_VIEWER ? 0 : ERR_NOT_FOUND);
		assert_int_equal(
			may_with_key(PEOPLE_BUILDER, PEOPLE_KEY_SEE, &o),
			role == PEOPLE_ADMIN ? ERR_NOT_FOUND : 0);
		assert_int_equal(
			may_with_key(PEOPLE_ADMIN, PEOPLE_KEY_REVOKE, &o), 0);
	}
	o.key = "01key"; /* whatever its member has become */
	assert_int_equal(may_with_key(PEOPLE_VIEWER, PEOPLE_KEY_REVOKE, &o), 0);
	o.member = "01somebody";
	assert_int_equal(may_with_key(PEOPLE_BUILDER, PEOPLE_KEY_REVOKE, &o),
			 ERR_NOT_FOUND);
}

static void
what_is_not_shared_is_hidden_but_from_admins(void **state)
{
	struct people_sharing s = { .owner = "01other" };
	struct people_object o = { .sharing = &s };

	(void)state;
	assert_int_equal(may(PEOPLE_BUILDER, PEOPLE_CONNECTION_SEE, &o),
			 ERR_NOT_FOUND);
	assert_int_equal(may(PEOPLE_ADMIN, PEOPLE_CONNECTION_SEE, &o), 0);
	/* to see it is not to use it */
	assert_int_equal(may(PEOPLE_ADMIN, PEOPLE_CONNECTION_USE, &o),
			 ERR_FORBIDDEN);
	s.everyone_may_use = true;
	assert_int_equal(may(PEOPLE_BUILDER, PEOPLE_CONNECTION_USE, &o), 0);
	assert_int_equal(may(PEOPLE_VIEWER, PEOPLE_CONNECTION_USE, &o),
			 ERR_FORBIDDEN);
	assert_int_equal(may(PEOPLE_BUILDER, PEOPLE_CONNECTION_MANAGE, &o),
			 ERR_FORBIDDEN);
	memcpy(s.owner, ada, sizeof(s.owner));
	assert_int_equal(may(PEOPLE_BUILDER, PEOPLE_CONNECTION_TRANSFER, &o),
			 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_right_password_signs_in_whatever_the_addresss_case),
		TEST(eight_failures_of_an_account_and_address_make_even_the_right_wait),
		TEST(an_ipv6_network_counts_as_one_address),
		TEST(where_everybody_comes_from_an_address_locks_nobody_out),
		TEST(a_window_of_a_clock_that_was_set_back_is_over),
		TEST(a_session_of_a_clock_that_was_set_back_ends_as_if_made_now),
		TEST(a_success_takes_the_failures_back),
		TEST(who_is_disabled_does_not_sign_in),
		TEST(a_session_is_its_members_until_it_ends),
		TEST(a_new_password_ends_the_sessions),
		TEST(who_is_disabled_has_no_session),
		TEST(a_session_that_is_looked_at_lives_no_longer_by_it),
		TEST(keys_that_have_ended_are_kept_for_a_week),
		TEST(a_key_never_has_more_than_its_member),
		TEST(the_callers_key_of_a_viewer_is_not_in_force),
		TEST(a_key_that_has_ended_is_none),
		TEST(a_connection_is_shared_as_it_was_said_and_with_nobody_unknown),
		TEST(each_action_has_its_least_role),
		TEST(nobody_gives_more_than_he_has),
		TEST(a_key_ends_itself_and_none_above_it),
		TEST(what_is_not_shared_is_hidden_but_from_admins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
