/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users' grants that others end, as the front sees it: what is noted, done in
 * the background, tried again, and told to the audit.
 */
#include "../support/front_world.h"
#include "connect/front_priv.h"

static struct connect_info
shared_by(const char *const subjects[])
{
	static const char *scopes[] = { "tickets.READ", "tickets.ALL" };
	static const char *second[] = { "me.READ" };
	struct connect_new n = { .name = "Each his own",
				 .service = "test_desk",
				 .scopes = { scopes, 2 },
				 .second_scopes = { second, 1 },
				 .per_user = true };
	struct connect_info info;

	memset(&keeper, 0, sizeof(keeper));
	store_exec(w.c, NULL, "DELETE FROM withdrawals", "");
	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &info,
				 &w.p))
		fail_msg("%s", w.p.detail);
	for (; *subjects; subjects++)
		store_exec(w.c, NULL,
			   "INSERT INTO connection_users (connection, subject, "
			   "status) VALUES (?1, ?2, 'connected')",
			   "ss", info.id, *subjects);
	return info;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)
#define ROWS "SELECT count(*) FROM withdrawals WHERE connection = ?1"
#define RECORDS \
	"SELECT count(*) FROM audit WHERE object = ?1 AND action = " \
	"'connection.withdraw'"

static void
take_away(const struct connect_info *i)
{
	assert_int_equal(
		connect_front_delete(w.front, w.c, &w.who, i->link, true, 0,
				     &(struct connect_revoked){ 0 }, &w.p),
		0);
}

/* As often as there is something to do now. */
static void
pass(int times)
{
	for (; times > 0; times--) {
		store_exec(w.c, NULL, "UPDATE withdrawals SET next_at = 0", "");
		assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	}
}

static void
deletion_notes_all_and_revokes_them_later(void **state)
{
	struct connect_info i = shared_by(
		(const char *const[]){ "v_one", "v_two", "member", NULL });

	(void)state;
	take_away(&i);
	assert_int_equal(keeper.left, 1);
	assert_int_equal(keeper.revoked, 0);
	assert_int_equal(keeper.forgotten, 0);
	assert_int_equal(number(ROWS, i.id), 3);
	assert_int_equal(
		number("SELECT count(*) FROM connections WHERE id = ?1", i.id),
		0);
	assert_int_equal(number(RECORDS, i.id), 0);
	pass(1);
	assert_int_equal(keeper.revoked, 3);
	assert_int_equal(keeper.revoked_how, CONNECT_REVOKE_TRY);
	assert_int_equal(keeper.forgotten, 1);
	assert_int_equal(number(ROWS, i.id), 0);
	assert_int_equal(number(RECORDS, i.id), 1);
	pass(1);
	assert_int_equal(number(RECORDS, i.id), 1);
}

static void
deletion_that_nobody_is_hit_by_notes_nothing(void **state)
{
	struct connect_info i = shared_by((const char *const[]){ NULL });

	(void)state;
	take_away(&i);
	assert_int_equal(number(ROWS, i.id), 0);
	assert_int_equal(keeper.forgotten, 1);
}

static void
keeper_that_cannot_is_asked_so_often_and_then_told(void **state)
{
	struct connect_info i =
		shared_by((const char *const[]){ "v_one", NULL });

	(void)state;
	take_away(&i);
	keeper.revoke_err = ERR_BUSY;
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 1); /* not at once again */
	pass(4);
	assert_int_equal(number(ROWS, i.id), 1);
	assert_int_equal(keeper.revoked_how, CONNECT_REVOKE_TRY);
	pass(1);
	assert_int_equal(keeper.revoked, 6);
	assert_int_equal(keeper.revoked_how, CONNECT_REVOKE_LAST);
	assert_int_equal(number(ROWS, i.id), 0);
	assert_int_equal(
		number(RECORDS " AND record LIKE '%Not confirmed: 1.%'", i.id),
		1);
}

static void
clock_that_was_set_back_makes_nobody_wait(void **state)
{
	struct connect_info i =
		shared_by((const char *const[]){ "v_one", NULL });

	(void)state;
	take_away(&i);
	store_exec(w.c, NULL, "UPDATE withdrawals SET next_at = next_at + ?1",
		   "i", (int64_t)7 * 24 * 3600 * 1000);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(number(ROWS, i.id), 0);
}

static void
keeper_that_is_away_costs_no_try(void **state)
{
	struct connect_info i =
		shared_by((const char *const[]){ "v_one", NULL });
	int n;

	(void)state;
	take_away(&i);
	keeper.revoke_err = ERR_CLOSED;
	for (n = 0; n < 10; n++) {
		store_exec(w.c, NULL, "UPDATE withdrawals SET next_at = 0", "");
		assert_int_equal(connect_front_withdraw(w.front, w.c),
				 ERR_CLOSED);
	}
	keeper.revoke_err = 0;
	pass(1);
	assert_int_equal(number(ROWS, i.id), 0);
	assert_int_equal(
		number(RECORDS " AND record LIKE '%Not confirmed: 0.%'", i.id),
		1);
}

static void
what_is_not_confirmed_is_counted(void **state)
{
	struct connect_info i =
		shared_by((const char *const[]){ "v_one", "v_two", NULL });

	(void)state;
	take_away(&i);
	keeper.revoke_fails = true;
	pass(1);
	assert_int_equal(number(RECORDS " AND record LIKE '%provider: 0. Not "
					"confirmed: 2. HTTP 400%'",
				i.id),
			 1);
}

static void
revoking_ends_all_and_keeps_the_connection(void **state)
{
	struct connect_info i =
		shared_by((const char *const[]){ "v_one", "v_two", NULL });
	struct connect_revoked revoked;
	struct connect_info now;

	(void)state;
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, i.link,
					      w.arena, &now, &revoked, &w.p),
			 0);
	assert_false(revoked.upstream);
	assert_non_null(strstr(revoked.detail, "2 users"));
	assert_int_equal(keeper.left, 1);
	assert_int_equal(number("SELECT count(*) FROM connection_users WHERE "
				"connection = ?1 AND status = 'revoked'",
				i.id),
			 2);
	pass(1);
	assert_int_equal(keeper.revoked, 2);
	assert_int_equal(keeper.left, 1); /* who connects anew is not left */
	assert_int_equal(keeper.forgotten, 0);
	assert_int_equal(number(RECORDS, i.id), 1);
}

static void
grant_of_a_connection_that_is_gone_is_noted(void **state)
{
	struct connect_info i = shared_by((const char *const[]){ NULL });
	struct connect_msg_status m = { .status = CONNECT_CONNECTED };

	(void)state;
	take_away(&i);
	snprintf(m.who.org, sizeof(m.who.org), "%s", w.owner->org);
	snprintf(m.who.connection, sizeof(m.who.connection), "%s", i.id);
	snprintf(m.who.subject, sizeof(m.who.subject), "v_late");
	assert_int_equal(front_user_status(w.c, &m), 0);
	assert_int_equal(number(ROWS, i.id), 1);
	pass(1);
	assert_int_equal(keeper.left, 2);
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(number(ROWS, i.id), 0);
}

/* As the keeper tells of a grant that it has marked, to whoever asks next. */
static void
keeper_tells_of_left(const struct connect_info *i, const char *subject)
{
	struct connect_msg_status *m = &keeper.change;
	static uint64_t change = 1000;

	m->change = ++change;
	m->status = CONNECT_CONNECTED;
	m->leaving = true;
	m->who.generation = 7;
	snprintf(m->who.org, sizeof(m->who.org), "%s", w.owner->org);
	snprintf(m->who.connection, sizeof(m->who.connection), "%s", i->id);
	snprintf(m->who.subject, sizeof(m->who.subject), "%s", subject);
}

static void
one_that_got_a_token_while_it_was_marked_is_noted(void **state)
{
	static const char *const subjects[] = { "v_one", "v_none" };
	struct connect_revoked revoked;
	struct connect_info i, info;
	size_t k;

	(void)state;
	/* one that has a row here, and one that had none yet */
	for (k = 0; k < ARRAY_LEN(subjects); k++) {
		i = shared_by((const char *const[]){ "v_one", "v_two", NULL });
		keeper_tells_of_left(&i, subjects[k]);
		assert_int_equal(connect_front_revoke(w.front, w.c, &w.who,
						      i.link, w.arena, &info,
						      &revoked, &w.p),
				 0);
		assert_int_equal(number(ROWS, i.id), k ? 3 : 2);
		assert_int_equal(number("SELECT count(*) FROM connection_users "
					"WHERE connection = ?1 AND status = "
					"'revoked'",
					i.id),
				 2);
		pass(1);
		assert_int_equal(keeper.revoked, k ? 3 : 2);
		assert_int_equal(number(ROWS, i.id), 0);
	}
}

/* What the keeper was told last is not known here: nothing is ended by that. */
static void
keeper_whose_news_cannot_be_heard_ends_nothing(void **state)
{
	struct connect_info i = shared_by((const char *const[]){ "v", NULL });

	(void)state;
	keeper.changes_refused = 1;
	assert_int_not_equal(
		connect_front_delete(w.front, w.c, &w.who, i.link, true, 0,
				     &(struct connect_revoked){ 0 }, &w.p),
		0);
	assert_string_equal(w.p.code, "keeper_unavailable");
	assert_int_equal(keeper.forgotten, 0);
	assert_int_equal(
		number("SELECT count(*) FROM connections WHERE id = ?1", i.id),
		1);
	assert_true(w.front->unnoted); /* it is marked */
	take_away(&i);
	assert_int_equal(number(ROWS, i.id), 1);
	pass(1);
}

/* It was connected while, or after, somebody deleted it: whether the deletion
 * saw the grant or not, it is revoked, once it is there. */
static void
late_grant_of_a_deleted_connection_is_revoked(void **state)
{
	struct connect_new n = { .name = "Late", .service = "test_desk" };
	struct connect_msg_grant g = { .generation = 1 };
	struct connect_info i;
	struct binding *b = NULL;
	struct front_row r;

	(void)state;
	memset(&keeper, 0, sizeof(keeper));
	assert_int_equal(connect_front_create(w.front, w.c, &w.who, &n, w.arena,
					      &i, &w.p),
			 0);
	assert_int_equal(front_row_load(w.front, w.c, &w.who, i.link,
					PEOPLE_CONNECTION_MANAGE, w.arena, &r,
					&w.p),
			 0);
	assert_int_equal(front_row_bind(w.front, &r, &b, &w.p), 0);
	take_away(&i);
	assert_int_equal(number(ROWS " AND subject = ''", i.id), 1);
	keeper.revoke_err = ERR_NOT_FOUND; /* as mostly */
	pass(1);
	assert_int_equal(number(ROWS, i.id), 0);
	assert_int_equal(number(RECORDS, i.id), 0);
	keeper.revoke_err = 0;
	assert_int_equal(front_row_connected(w.front, w.c, &w.who, b, &r, "",
					     "connection.connect", "", &g,
					     &w.p),
			 ERR_NOT_FOUND);
	assert_string_equal(w.p.code, "connection_not_found");
	assert_int_equal(number(ROWS " AND subject = ''", i.id), 1);
	keeper.revoked = 0;
	pass(1);
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(number(ROWS, i.id), 0);
	binding_free(b);
	front_row_release(&r);
}

static void
what_is_noted_of_one_stays_when_it_is_told_of(void **state)
{
	struct connect_info i = shared_by((const char *const[]){ NULL });

	(void)state;
	take_away(&i);
	keeper_tells_of_left(&i, "v_late");
	assert_int_equal(front_user_status(w.c, &keeper.change), 0);
	assert_int_equal(number(ROWS " AND because = 'delete'", i.id), 1);
	store_exec(w.c, NULL, "UPDATE withdrawals SET tries = 3", "");
	assert_int_equal(front_user_status(w.c, &keeper.change), 0);
	assert_int_equal(number(ROWS " AND tries = 3", i.id), 1);
	memset(&keeper.change, 0, sizeof(keeper.change));
	pass(1);
	assert_int_equal(number(ROWS, i.id), 0);
}

static void
end_of_a_chat_is_done_with_its_connection(void **state)
{
	struct connect_info i =
		shared_by((const char *const[]){ "v_one", "v_two", NULL });

	(void)state;
	assert_int_equal(
		connect_front_forget(w.front, w.c, w.owner->org, i.id, "v_one"),
		0);
	take_away(&i);
	assert_int_equal(number(ROWS, i.id), 2);
	pass(1);
	assert_int_equal(keeper.revoked, 2);
	assert_int_equal(number(RECORDS, i.id), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(deletion_notes_all_and_revokes_them_later),
		TEST(deletion_that_nobody_is_hit_by_notes_nothing),
		TEST(keeper_that_cannot_is_asked_so_often_and_then_told),
		TEST(keeper_that_is_away_costs_no_try),
		TEST(clock_that_was_set_back_makes_nobody_wait),
		TEST(what_is_not_confirmed_is_counted),
		TEST(revoking_ends_all_and_keeps_the_connection),
		TEST(grant_of_a_connection_that_is_gone_is_noted),
		TEST(one_that_got_a_token_while_it_was_marked_is_noted),
		TEST(keeper_whose_news_cannot_be_heard_ends_nothing),
		TEST(late_grant_of_a_deleted_connection_is_revoked),
		TEST(what_is_noted_of_one_stays_when_it_is_told_of),
		TEST(end_of_a_chat_is_done_with_its_connection),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
