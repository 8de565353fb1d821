/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users' grants whose end was begun at the keeper and not noted, since whoever
 * was to note it has died or could not: they are found, and revoked.
 */
#include "../support/front_world.h"
#include "connect/front_priv.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)
#define ROWS "SELECT count(*) FROM withdrawals WHERE connection = ?1"
#define REVOKED \
	"SELECT count(*) FROM connection_users WHERE connection = ?1 AND " \
	"status = 'revoked'"
#define RECORDS \
	"SELECT count(*) FROM audit WHERE object = ?1 AND action = " \
	"'connection.withdraw'"

/* A connection with so many users, "v_00" …, whose grants have generation 3,
 * and a keeper that nobody has left. */
static struct connect_info
shared_by(int users)
{
	struct connect_new n = { .name = "Each his own",
				 .service = "test_desk",
				 .per_user = true };
	struct connect_info info;
	char subject[16];
	int i;

	memset(&keeper, 0, sizeof(keeper));
	store_exec(w.c, NULL, "DELETE FROM withdrawals", "");
	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &info,
				 &w.p))
		fail_msg("%s", w.p.detail);
	for (i = 0; i < users; i++) {
		snprintf(subject, sizeof(subject), "v_%02d", i);
		store_exec(w.c, NULL,
			   "INSERT INTO connection_users (connection, subject, "
			   "status, generation) VALUES (?1, ?2, 'connected', "
			   "3)",
			   "ss", info.id, subject);
	}
	/* what an earlier test has left */
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	keeper.looked = 0;
	return info;
}

/* The keeper has it as one that was left. */
static void
mark(const struct connect_info *i, int user, uint64_t generation)
{
	struct connect_msg_subject *m = &keeper.marked[keeper.marked_count++];

	snprintf(m->org, sizeof(m->org), "%s", w.owner->org);
	snprintf(m->connection, sizeof(m->connection), "%s", i->id);
	snprintf(m->subject, sizeof(m->subject), "v_%02d", user);
	m->generation = generation;
}

static void
look(void)
{
	front_left_unnoted(w.front);
	assert_int_equal(front_left_note(w.front, w.c), 0);
}

static void
one_is_noted_and_revoked(void **state)
{
	struct connect_info i = shared_by(2);

	(void)state;
	mark(&i, 1, 3);
	look();
	assert_int_equal(number(ROWS " AND because = 'revoke' AND subject = "
				     "'v_01'",
				i.id),
			 1);
	assert_int_equal(number(REVOKED " AND subject = 'v_01'", i.id), 1);
	assert_int_equal(number(REVOKED, i.id), 1);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(keeper.left, 0); /* it is so already */
	assert_int_equal(number(ROWS, i.id), 0);
	assert_int_equal(number(RECORDS, i.id), 1);
}

/* The keeper may keep one that it could not open. */
static void
one_that_is_done_with_is_not_noted_again(void **state)
{
	struct connect_info i = shared_by(1);

	(void)state;
	mark(&i, 0, 3);
	look();
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 1);
	look();
	assert_int_equal(number(ROWS, i.id), 0);
}

static void
one_that_is_noted_stays_as_it_is(void **state)
{
	struct connect_info i = shared_by(1);

	(void)state;
	front_withdraw_note(w.c, w.owner->org, i.id, "v_00", "user");
	store_exec(w.c, NULL, "UPDATE withdrawals SET tries = 4", "");
	mark(&i, 0, 3);
	look();
	assert_int_equal(number(ROWS " AND because = 'user' AND tries = 4 AND "
				     "service = 'test_desk'",
				i.id),
			 1);
	assert_int_equal(number(REVOKED, i.id), 0);
}

/* … while the list was on its way. */
static void
one_that_was_granted_anew_stays(void **state)
{
	struct connect_info i = shared_by(1);

	(void)state;
	mark(&i, 0, 2);
	look();
	assert_int_equal(number(REVOKED, i.id), 0);
	keeper.revoke_err = ERR_NOT_FOUND;
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(number(ROWS, i.id), 0);
	assert_int_equal(number(RECORDS, i.id), 0);
}

static void
one_without_a_row_is_forgotten_and_one_without_a_connection(void **state)
{
	struct connect_info i = shared_by(0), gone = i;

	(void)state;
	mark(&i, 0, 1);
	snprintf(gone.id, sizeof(gone.id), "zz-gone");
	mark(&gone, 1, 1);
	look();
	assert_int_equal(number(ROWS " AND because = 'user'", i.id), 1);
	assert_int_equal(number(ROWS " AND because = 'delete'", gone.id), 1);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 2);
	assert_int_equal(keeper.forgotten, 2);
}

static void
more_than_are_told_at_once_are_all_noted(void **state)
{
	struct connect_info i = shared_by(80);
	int n;

	(void)state;
	for (n = 0; n < 80; n++)
		mark(&i, n, 3);
	look();
	assert_int_equal(number(ROWS, i.id), 80);
	assert_int_equal(number(REVOKED, i.id), 80);
	assert_int_equal(keeper.looked, 2);
}

/* Not with every look for something to do. */
static void
keeper_is_asked_when_there_may_be_some(void **state)
{
	struct connect_info i = shared_by(1);

	(void)state;
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.looked, 0);
	mark(&i, 0, 3);
	front_left_unnoted(w.front);
	keeper.looked_err = ERR_CLOSED;
	assert_int_equal(connect_front_withdraw(w.front, w.c), ERR_CLOSED);
	keeper.looked_err = 0;
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(keeper.looked, 2);
	w.front->left_looked_ms -= 3600 * 1000;
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.looked, 3);
}

/* ---- who could not note it ---- */

static void
remove_user(const struct connect_info *i, int expected)
{
	struct connect_revoked revoked;

	assert_int_equal(connect_front_user_remove(w.front, w.c, &w.who,
						   i->link, "v_00", w.arena,
						   &revoked, &w.p),
			 expected);
}

static void
take_away(const struct connect_info *i, int expected)
{
	assert_int_equal(
		connect_front_delete(w.front, w.c, &w.who, i->link, true, 0,
				     &(struct connect_revoked){ 0 }, &w.p),
		expected);
}

static void
revoke_all(const struct connect_info *i, int expected)
{
	struct connect_revoked revoked;
	struct connect_info now;

	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, i->link,
					      w.arena, &now, &revoked, &w.p),
			 expected);
}

static void (*const ends[])(const struct connect_info *,
			    int) = { remove_user, take_away, revoke_all };

static void
store_that_cannot_loses_no_end(void **state)
{
	struct connect_info i;
	size_t n;

	(void)state;
	for (n = 0; n < ARRAY_LEN(ends); n++) {
		i = shared_by(1);
		store_exec(w.c, NULL,
			   "CREATE TRIGGER full BEFORE INSERT ON withdrawals "
			   "BEGIN SELECT RAISE(ABORT, 'full'); END",
			   "");
		log_setup("test", LOG_ERROR + 1);
		ends[n](&i, ERR_STORE);
		log_setup("test", LOG_ERROR);
		assert_int_equal(keeper.left, 1);
		mark(&i, 0, 3);
		store_exec(w.c, NULL, "DROP TRIGGER full", "");
		assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
		assert_int_equal(keeper.revoked, 1);
		assert_int_equal(number(RECORDS, i.id), 1);
	}
}

/* It may have done as it was told, and the answer was lost. */
static void
keeper_that_does_not_answer_loses_none(void **state)
{
	struct connect_info i;
	size_t n;

	(void)state;
	for (n = 0; n < ARRAY_LEN(ends); n++) {
		i = shared_by(1);
		keeper.suspend_err = ERR_CLOSED;
		ends[n](&i, ERR_CLOSED);
		keeper.suspend_err = 0;
		mark(&i, 0, 3);
		assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
		assert_int_equal(keeper.revoked, 1);
		/* and can be asked for again */
		ends[n](&i, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_is_noted_and_revoked),
		TEST(one_that_is_done_with_is_not_noted_again),
		TEST(one_that_is_noted_stays_as_it_is),
		TEST(one_that_was_granted_anew_stays),
		TEST(one_without_a_row_is_forgotten_and_one_without_a_connection),
		TEST(more_than_are_told_at_once_are_all_noted),
		TEST(keeper_is_asked_when_there_may_be_some),
		TEST(store_that_cannot_loses_no_end),
		TEST(keeper_that_does_not_answer_loses_none),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
