/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connections at once, where something was done to them before: what the
 * report says is true, and what is to be done by hand is not forgotten.
 */
#include "../support/bulk_world.h"

static struct connect_bulk_item *
items(const struct connect_bulk *b, const char *state, size_t *count)
{
	struct connect_bulk_item *list;

	assert_int_equal(connect_front_bulk_items(w.front, w.c, &w.who, b->id,
						  state, "", 10, w.arena, &list,
						  count, &w.p),
			 0);
	return list;
}

static void
what_was_never_connected_is_for_nobody(void **state)
{
	struct connect_info i = made(false);
	struct connect_bulk_item *list;
	struct connect_bulk b;
	size_t count;

	(void)state;
	made(false);
	store_exec(w.c, NULL,
		   "UPDATE connections SET status = 'not_connected' WHERE id = "
		   "?1",
		   "s", i.id);
	b = ask(false); /* in the order of a panic: first all stand still */
	assert_int_equal(b.n.suspended, 2);
	b = ask(true);
	assert_int_equal(b.n.nothing, 1);
	assert_int_equal(b.n.pending, 1);
	list = items(&b, "nothing", &count);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].detail, "It was not connected.");
	pass();
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(look(&b).n.by_hand, 0);
	assert_int_equal(number("SELECT count(*) FROM connections WHERE id = "
				"?1 AND status = 'disabled' AND status_before "
				"= 'not_connected'",
				i.id),
			 1);
}

static void
one_that_was_revoked_alone_is_told_as_that_went(void **state)
{
	struct connect_info confirmed = made(false), kept = made(false), info;
	struct connect_bulk_item *list;
	struct connect_revoked revoked;
	struct connect_bulk b;
	size_t count;

	(void)state;
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who,
					      confirmed.link, w.arena, &info,
					      &revoked, &w.p),
			 0);
	keeper.revoke_fails = true;
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, kept.link,
					      w.arena, &info, &revoked, &w.p),
			 0);
	assert_true(revoked.lives);
	b = ask(true);
	assert_int_equal(b.n.already, 1);
	assert_int_equal(b.n.by_hand, 1);
	list = items(&b, "by_hand", &count);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].link, kept.link);
	assert_string_equal(list[0].detail, "HTTP 400");
	/* and so it is when they were suspended meanwhile */
	ask(false);
	b = ask(true);
	assert_int_equal(b.n.already, 1);
	assert_int_equal(b.n.by_hand, 1);
	assert_int_equal(keeper.revoked, 2);
}

/* Revoked once more, the keeper has less to say than it had. */
static void
one_that_was_revoked_twice_says_what_was_said_first(void **state)
{
	struct connect_info i = made(false), info;
	struct connect_bulk_item *list;
	struct connect_revoked revoked;
	struct connect_bulk b;
	size_t count;
	int n;

	(void)state;
	keeper.revoke_fails = true;
	for (n = 0; n < 2; n++) {
		assert_int_equal(connect_front_revoke(w.front, w.c, &w.who,
						      i.link, w.arena, &info,
						      &revoked, &w.p),
				 0);
		if (!n)
			store_exec(w.c, NULL,
				   "UPDATE connections SET unconfirmed = "
				   "'Take it back there.' WHERE id = ?1",
				   "s", i.id);
	}
	assert_int_equal(number(AUDITED("connection.revoke"), i.id), 2);
	b = ask(true);
	list = items(&b, "by_hand", &count);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].detail, "Take it back there.");
}

/* Who revoked it has died, or not heard the answer: the keeper's word counts,
 * until it is connected anew. */
static void
one_that_the_keeper_tells_of_is_for_a_person(void **state)
{
	struct connect_info i = made(false), users = made(true);
	struct connect_msg_status *m = &keeper.change;
	struct connect_bulk b;

	(void)state;
	user(&users, "v_one");
	m->change = 3000;
	m->status = CONNECT_REVOKED;
	m->lives = true;
	m->who.generation = 7;
	snprintf(m->reason, sizeof(m->reason), "Not confirmed there.");
	snprintf(m->who.org, sizeof(m->who.org), "%s", w.owner->org);
	snprintf(m->who.connection, sizeof(m->who.connection), "%s", i.id);
	assert_int_equal(front_catch_up(w.front, w.c, &w.p), 0);
	m->change++;
	snprintf(m->who.connection, sizeof(m->who.connection), "%s", users.id);
	snprintf(m->who.subject, sizeof(m->who.subject), "v_one");
	assert_int_equal(front_catch_up(w.front, w.c, &w.p), 0);
	b = ask(true);
	assert_int_equal(b.n.by_hand, 2);
	m->change++;
	m->status = CONNECT_CONNECTED;
	m->lives = false;
	assert_int_equal(front_catch_up(w.front, w.c, &w.p), 0);
	assert_int_equal(number("SELECT count(*) FROM connection_users WHERE "
				"connection = ?1 AND unconfirmed = ''",
				users.id),
			 1);
}

static void
one_that_there_was_nothing_of_is_not_for_a_person(void **state)
{
	struct connect_info i = made(false), info;
	struct connect_revoked revoked;
	struct connect_bulk b;

	(void)state;
	keeper.revoke_err = ERR_NOT_FOUND;
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, i.link,
					      w.arena, &info, &revoked, &w.p),
			 0);
	assert_false(revoked.lives);
	b = ask(true);
	assert_int_equal(b.n.already, 1);
}

static void
users_that_were_not_confirmed_are_told_again(void **state)
{
	struct connect_info i = made(true), willing = made(true);
	struct connect_bulk_item *list;
	struct connect_bulk b;
	size_t count;

	(void)state;
	user(&i, "v_one");
	keeper.revoke_fails = true;
	ask(true);
	pass();
	pass();
	keeper.revoke_fails = false;
	user(&i, "v_two");
	user(&willing, "v_one");
	b = ask(true);
	assert_int_equal(b.n.by_hand, 1);
	assert_int_equal(b.n.pending, 2);
	list = items(&b, "by_hand", &count);
	assert_string_equal(list[0].subject, "v_one");
	assert_string_equal(list[0].detail, "HTTP 400");
	assert_string_equal(list[0].account, "eve");
	pass();
	pass();
	b = ask(true);
	assert_int_equal(b.n.by_hand, 1);
	assert_int_equal(b.n.already, 1); /* the willing one's */
	assert_int_equal(keeper.revoked, 3);
}

/* A front has died after the keeper had heard of it, and the next one looks for
 * users' grants that nobody has noted. */
static void
users_whose_turn_is_yet_to_come_are_left_to_the_list(void **state)
{
	struct connect_info i = made(true);
	struct connect_msg_subject *m = &keeper.marked[0];
	struct connect_bulk b;

	(void)state;
	user(&i, "v_one");
	keeper.suspend_err = ERR_CLOSED;
	b = ask(true);
	keeper.suspend_err = 0;
	keeper.marked_count = 1;
	snprintf(m->org, sizeof(m->org), "%s", w.owner->org);
	snprintf(m->connection, sizeof(m->connection), "%s", i.id);
	snprintf(m->subject, sizeof(m->subject), "v_one");
	front_left_unnoted(w.front);
	assert_int_equal(front_left_note(w.front, w.c), 0);
	assert_int_equal(number("SELECT count(*) FROM withdrawals WHERE "
				"connection = ?1",
				i.id),
			 0);
	pass();
	assert_int_equal(look(&b).n.revoked, 1);
	assert_int_equal(look(&b).n.nothing, 0);
}

/* Its outcome was known, and it was connected anew, before that was closed. */
static void
new_grant_of_one_that_is_deleted_is_revoked(void **state)
{
	struct connect_info i = made(false);

	(void)state;
	assert_int_equal(
		front_withdraw_note(w.c, w.owner->org, i.id, "", "revoke"), 0);
	store_exec(w.c, NULL,
		   "UPDATE withdrawals SET outcome = 'revoked' WHERE "
		   "connection = ?1",
		   "s", i.id);
	assert_int_equal(
		connect_front_delete(w.front, w.c, &w.who, i.link, true, 0,
				     &(struct connect_revoked){ 0 }, &w.p),
		0);
	assert_int_equal(keeper.revoked, 0);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.left, 1);
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(keeper.forgotten, 1);
}

static void
those_of_deleted_connections_wait_for_each_other(void **state)
{
	struct connect_info i, other = made(true);
	int n;

	(void)state;
	user(&other, "v_one");
	store_exec(w.c, NULL,
		   "UPDATE connections SET service = 'other' WHERE id = ?1",
		   "s", other.id);
	for (n = 0; n < 4; n++) {
		i = made(true);
		user(&i, "v_one");
		assert_int_equal(connect_front_delete(
					 w.front, w.c, &w.who, i.link, true, 0,
					 &(struct connect_revoked){ 0 }, &w.p),
				 0);
	}
	assert_int_equal(
		connect_front_delete(w.front, w.c, &w.who, other.link, true, 0,
				     &(struct connect_revoked){ 0 }, &w.p),
		0);
	keeper.revoke_err = ERR_BUSY;
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 2); /* one of each service */
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 2);
	keeper.revoke_err = 0;
	pass();
	assert_int_equal(number("SELECT count(*) FROM withdrawals WHERE ?1 = "
				"''",
				""),
			 0);
}

/* Somebody suspends all while one is being enabled: the row counts. */
static void
one_that_is_enabled_is_so_at_the_keeper_too(void **state)
{
	struct connect_info i = made(false), info;
	unsigned suspended;

	(void)state;
	ask(false);
	keeper.resumed = 0;
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, i.link,
					      true, w.arena, &info, &w.p),
			 0);
	assert_int_equal(keeper.resumed, 2); /* before its row, and after */
	assert_int_equal(info.status, CONNECT_CONNECTED);
	/* suspended again as soon as it is enabled */
	ask(false);
	suspended = keeper.suspended;
	assert_int_equal(
		store_exec(w.c, NULL,
			   "CREATE TRIGGER again AFTER UPDATE ON connections "
			   "WHEN NEW.status = 'connected' BEGIN UPDATE "
			   "connections SET status = 'disabled', status_before "
			   "= 'connected' WHERE id = NEW.id; END",
			   ""),
		0);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, i.link,
					      true, w.arena, &info, &w.p),
			 0);
	assert_int_equal(store_exec(w.c, NULL, "DROP TRIGGER again", ""), 0);
	assert_int_equal(info.status, CONNECT_DISABLED);
	assert_int_equal(keeper.suspended, suspended + 1);
}

static void
pages_of_a_report_have_each_row_once(void **state)
{
	struct connect_info users = made(true);
	struct connect_bulk_item *list;
	struct connect_bulk b;
	char after[120] = "";
	size_t count, seen = 0;

	(void)state;
	user(&users, "v_one");
	user(&users, "v_two");
	user(&users, "v_zwei");
	made(false);
	made(false);
	b = ask(true);
	do {
		assert_int_equal(connect_front_bulk_items(
					 w.front, w.c, &w.who, b.id, "", after,
					 2, w.arena, &list, &count, &w.p),
				 0);
		seen += count;
		if (!count)
			break;
		assert_true(strcmp(list[0].cursor, after) > 0);
		snprintf(after, sizeof(after), "%s", list[count - 1].cursor);
	} while (seen < 20);
	assert_int_equal(seen, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_never_connected_is_for_nobody),
		TEST(one_that_was_revoked_alone_is_told_as_that_went),
		TEST(one_that_was_revoked_twice_says_what_was_said_first),
		TEST(one_that_the_keeper_tells_of_is_for_a_person),
		TEST(one_that_there_was_nothing_of_is_not_for_a_person),
		TEST(users_that_were_not_confirmed_are_told_again),
		TEST(users_whose_turn_is_yet_to_come_are_left_to_the_list),
		TEST(new_grant_of_one_that_is_deleted_is_revoked),
		TEST(those_of_deleted_connections_wait_for_each_other),
		TEST(one_that_is_enabled_is_so_at_the_keeper_too),
		TEST(pages_of_a_report_have_each_row_once),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
