/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a grant brought with it: the keeper tells it with each status, and to a
 * front that was away.
 */
#include "../support/keeper_world.h"

static void
connected_as(const char *account)
{
	struct asked a;

	provider.account = account;
	consent(&a);
	assert_int_equal(a.err, 0);
	run(10);
}

/* ---- with its status ---- */

static void
it_comes_with_the_status_of_a_consent(void **state)
{
	(void)state;
	connected_as("ada@example.com");
	assert_int_equal(w.told.who.generation, 2);
	assert_int_equal(w.told.brought.generation, 2);
	assert_string_equal(w.told.brought.account, "ada@example.com");
	assert_false(w.told.brought.has_scope);
}

static void
refreshes_change_nothing_of_it(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada@example.com");
	provider.account = "somebody@example.com";
	get(0, &a, CONNECT_KEEPER_REFRESH);
	run(10);
	assert_int_equal(w.told.who.generation, 3);
	assert_int_equal(w.told.brought.generation, 2);
	assert_string_equal(w.told.brought.account, "ada@example.com");
}

static void
another_consent_changes_all_of_it(void **state)
{
	(void)state;
	connected_as("ada@example.com");
	connected_as("bob@example.com");
	assert_int_equal(w.told.brought.generation, 3);
	assert_string_equal(w.told.brought.account, "bob@example.com");
	connected_as(NULL);
	assert_int_equal(w.told.brought.generation, 4);
	assert_string_equal(w.told.brought.account, "");
}

/* So that whoever was away knows whose it was that is revoked. */
static void
it_is_told_of_what_was_revoked(void **state)
{
	struct asked a;

	(void)state;
	connected_as("ada@example.com");
	get(0, &a, CONNECT_KEEPER_REVOKE);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.revoked.generation, 3);
	run(10);
	assert_int_equal(w.told.status, CONNECT_REVOKED);
	assert_string_equal(w.told.brought.account, "ada@example.com");
}

/* ---- to who was away ---- */

static struct connect_msg_status missed[64];

/* How many of them one answer brings. */
static size_t
ask_changes(uint64_t after)
{
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *bytes;
	size_t n = 0;

	assert_int_equal(keeper_row_changes(&w.k[0], after, p), 0);
	bytes = proc_pack_detach(p);
	assert_non_null(bytes);
	u = proc_unpack_from(bytes);
	while (u.rest.len) {
		assert_true(n < ARRAY_LEN(missed));
		assert_int_equal(connect_msg_status_read(&u, &missed[n]), 0);
		n++;
	}
	secret_free(bytes);
	return n;
}

static void
it_is_among_what_was_missed(void **state)
{
	(void)state;
	connected_as("ada@example.com");
	assert_int_equal(ask_changes(0), 1);
	assert_int_equal(missed[0].brought.generation, 2);
	assert_string_equal(missed[0].brought.account, "ada@example.com");
	assert_int_equal(ask_changes(missed[0].change), 0);
}

/* Scopes as long as they can be do not fit 64 times into one message. */
static void
what_is_long_comes_in_several_answers(void **state)
{
	enum { GRANTS = 20 };
	char scope[CONNECT_SCOPES_SIZE];
	uint64_t after = 0;
	size_t n, all = 0;
	int i;

	(void)state;
	for (i = 1; i < GRANTS; i++)
		connect_another();
	memset(scope, 'x', sizeof(scope) - 1);
	scope[sizeof(scope) - 1] = '\0';
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE grants SET scope = ?1, "
				    "second_scope = ?1, has_scope = 1",
				    "s", scope),
			 0);
	while ((n = ask_changes(after))) {
		assert_true(n < GRANTS);
		assert_string_equal(missed[n - 1].brought.second_scope, scope);
		after = missed[n - 1].change;
		all += n;
	}
	assert_int_equal(all, GRANTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_comes_with_the_status_of_a_consent),
		CASE(refreshes_change_nothing_of_it),
		CASE(another_consent_changes_all_of_it),
		CASE(it_is_told_of_what_was_revoked),
		CASE(it_is_among_what_was_missed),
		CASE(what_is_long_comes_in_several_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
