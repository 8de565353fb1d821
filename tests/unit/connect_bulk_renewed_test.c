/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody connects while a connection is being revoked, with others or for all
 * of its users.  Before its row says revoked: the new grant is marked, too, and
 * ends with the others.  After that: it stays.  At no time does the row say
 * that it is revoked while the keeper gives it out.
 */
#include "../support/bulk_world.h"

static char connection[CONNECT_ID_SIZE];
static bool again; /* and once more, each time */

/* Their row is written as front_row_connected() does, on this thread. */
static void
other_writes(const char *sql)
{
	struct store_conn *c;

	assert_int_equal(store_acquire(w.store, &c), 0);
	assert_int_equal(store_exec(c, NULL, sql, "s", connection), 0);
	store_release(c);
}

/* A credential that is typed in takes no look at whether it is disabled. */
static void
other_connects(void)
{
	other_writes("UPDATE connections SET generation = generation + 1, "
		     "granted = granted + 1, status_before = CASE WHEN status "
		     "= 'disabled' THEN 'connected' ELSE '' END, status = CASE "
		     "WHEN status = 'disabled' THEN status ELSE 'connected' "
		     "END, unconfirmed = '' WHERE id = ?1");
	if (again)
		keeper.meanwhile = other_connects;
}

static void
other_enables(void)
{
	other_writes("UPDATE connections SET status = status_before, "
		     "status_before = '' WHERE id = ?1");
}

static void
other_user_connects(void)
{
	other_writes("INSERT INTO connection_users (connection, subject, "
		     "status, account, granted, generation, connected_at) "
		     "VALUES (?1, 'late', 'connected', 'bob', 1, 1, 1)");
}

static void
user_connects_anew(void)
{
	other_writes("UPDATE connection_users SET granted = 2, generation = 2, "
		     "connected_at = 2 WHERE connection = ?1");
}

static struct connect_info
made_known(bool per_user)
{
	struct connect_info i = made(per_user);

	memcpy(connection, i.id, sizeof(connection));
	again = false;
	return i;
}

#define WITHDRAWALS "SELECT count(*) FROM withdrawals WHERE connection = ?1"

static void
a_grant_given_while_it_is_marked_is_marked_too(void **state)
{
	struct connect_bulk b;

	(void)state;
	made_known(false);
	keeper.meanwhile = other_connects;
	b = ask(true);
	assert_int_equal(keeper.left, 2);
	assert_int_equal(b.n.pending, 1);
	assert_int_equal(number(WITHDRAWALS, connection), 1);
	assert_int_equal(number(STATUS("revoked"), ""), 1);
	pass();
	assert_int_equal(look(&b).n.revoked, 1);
	assert_int_equal(number(AUDITED("connection.revoke"), connection), 1);
}

static void
one_that_is_given_all_the_time_has_its_turn_later(void **state)
{
	struct connect_bulk b;

	(void)state;
	made_known(false);
	again = true;
	keeper.meanwhile = other_connects;
	log_setup("test", LOG_ERROR + 1);
	b = ask(true);
	log_setup("test", LOG_ERROR);
	assert_int_equal(b.n.waiting, 1);
	assert_int_equal(number(STATUS("revoked"), ""), 0);
	assert_int_equal(number(WITHDRAWALS, connection), 0);
	again = false;
	keeper.meanwhile = NULL;
	pass();
	assert_int_equal(look(&b).n.revoked, 1);
	assert_int_equal(number(STATUS("revoked"), ""), 1);
}

static void
a_grant_given_after_it_was_noted_stays(void **state)
{
	struct connect_bulk b;

	(void)state;
	made_known(false);
	b = ask(true);
	assert_int_equal(keeper.left, 1);
	other_connects();
	keeper.revoke_err = ERR_NOT_FOUND; /* it is not one that was left */
	pass();
	assert_int_equal(look(&b).n.pending, 0);
	assert_int_equal(number(STATUS("connected"), ""), 1);
	assert_int_equal(number(WITHDRAWALS, connection), 0);
}

static void
one_enabled_while_it_is_marked_is_not_disabled_again(void **state)
{
	(void)state;
	made_known(false);
	ask(false);
	keeper.meanwhile = other_enables;
	ask(true);
	assert_int_equal(number(STATUS("revoked"), ""), 1);
	assert_int_equal(number(WITHDRAWALS, connection), 1);
}

static void
of_users_those_who_come_while_it_is_marked_end_too(void **state)
{
	struct connect_info i = made_known(true);
	struct connect_bulk b;

	(void)state;
	user(&i, "early");
	keeper.meanwhile = other_user_connects;
	b = ask(true);
	assert_int_equal(keeper.left, 2);
	assert_int_equal(b.n.pending, 2);
	assert_int_equal(number(WITHDRAWALS, connection), 2);
}

static void
so_it_is_where_one_connection_is_revoked_for_all(void **state)
{
	struct connect_info i = made_known(true), info;
	struct connect_revoked revoked;

	(void)state;
	user(&i, "early");
	keeper.meanwhile = user_connects_anew;
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, i.link,
					      w.arena, &info, &revoked, &w.p),
			 0);
	assert_int_equal(keeper.left, 2);
	assert_int_equal(number(WITHDRAWALS, connection), 1);
	assert_int_equal(number("SELECT count(*) FROM connection_users WHERE "
				"connection = ?1 AND status = 'revoked'",
				connection),
			 1);
	assert_int_equal(number(AUDITED("connection.revoke"), connection), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_grant_given_while_it_is_marked_is_marked_too),
		TEST(one_that_is_given_all_the_time_has_its_turn_later),
		TEST(a_grant_given_after_it_was_noted_stays),
		TEST(one_enabled_while_it_is_marked_is_not_disabled_again),
		TEST(of_users_those_who_come_while_it_is_marked_end_too),
		TEST(so_it_is_where_one_connection_is_revoked_for_all),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
