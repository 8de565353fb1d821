/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connections at once: suspended and revoked as one list, whatever
 * happens on the way; and what the report says of each.
 */
#include "../support/bulk_world.h"

static void
all_are_suspended_and_it_is_told_which_were(void **state)
{
	struct connect_info off = made(false), info;
	struct connect_bulk b;

	(void)state;
	made(false);
	made(true);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, off.link,
					      false, w.arena, &info, &w.p),
			 0);
	keeper.suspended = 0;
	b = ask(false);
	assert_true(b.ended_at > 0);
	assert_int_equal(b.n.suspended, 2);
	assert_int_equal(b.n.already, 1);
	assert_int_equal(keeper.suspended, 2);
	assert_int_equal(keeper.left, 0);
	assert_int_equal(number(STATUS("disabled"), ""), 3);
	assert_int_equal(number(AUDITED("connections.suspend"), b.id), 1);
	assert_int_equal(number(AUDITED("connections.suspended"), b.id), 1);
	assert_int_equal(number(AUDITED("connection.disable"), off.id), 1);
}

static void
enabled_again_it_is_as_before(void **state)
{
	struct connect_info i = made(false), info;

	(void)state;
	ask(false);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, i.link,
					      true, w.arena, &info, &w.p),
			 0);
	assert_int_equal(info.status, CONNECT_CONNECTED);
}

static void
all_are_revoked_in_the_background(void **state)
{
	struct connect_info i = made(false);
	struct connect_bulk b;

	(void)state;
	made(false);
	b = ask(true);
	assert_int_equal(b.ended_at, 0);
	assert_int_equal(b.n.pending, 2);
	assert_int_equal(keeper.left, 2);
	assert_int_equal(keeper.revoked, 0);
	assert_int_equal(number(STATUS("revoked"), ""), 2);
	pass();
	b = look(&b);
	assert_int_equal(b.n.revoked, 2);
	pass();
	b = look(&b);
	assert_true(b.ended_at > 0);
	assert_int_equal(keeper.forgotten, 0);
	assert_int_equal(number(AUDITED("connection.revoke"), i.id), 1);
	assert_int_equal(
		number(AUDITED("connection.withdraw") " AND record "
						      "LIKE '%\"Revoked at the provider.\"%'",
		       i.id),
		1);
	assert_int_equal(number(AUDITED("connections.revoked"), b.id), 1);
	pass();
	assert_int_equal(number(AUDITED("connections.revoked"), b.id), 1);
}

static void
what_is_not_confirmed_is_for_a_person(void **state)
{
	struct connect_bulk b;
	struct connect_bulk_item *list;
	size_t count;

	(void)state;
	made(false);
	keeper.revoke_fails = true;
	b = ask(true);
	pass();
	assert_int_equal(look(&b).n.by_hand, 1);
	assert_int_equal(connect_front_bulk_items(w.front, w.c, &w.who, b.id,
						  "by_hand", "", 10, w.arena,
						  &list, &count, &w.p),
			 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].detail, "HTTP 400");
	assert_string_equal(list[0].account, "ada");
	/* and is still there for who asks again */
	pass();
	keeper.revoke_fails = false;
	b = ask(true);
	assert_int_equal(b.n.by_hand, 1);
	assert_int_equal(keeper.revoked, 1);
}

static void
one_that_is_asked_for_twice_is_done_once(void **state)
{
	struct connect_bulk a, b;

	(void)state;
	made(false);
	a = ask(true);
	b = ask(true);
	assert_int_equal(b.n.pending, 1);
	pass();
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(keeper.left, 1);
	assert_int_equal(look(&a).n.revoked, 1);
	assert_int_equal(look(&b).n.revoked, 1);
}

static void
each_user_is_one_of_the_report(void **state)
{
	struct connect_info i = made(true);
	struct connect_bulk b;

	(void)state;
	made(true);
	user(&i, "v_one");
	user(&i, "v_two");
	b = ask(true);
	assert_int_equal(b.n.pending, 2);
	assert_int_equal(b.n.nothing, 1);
	assert_int_equal(number("SELECT count(*) FROM connection_users WHERE "
				"connection = ?1 AND status = 'revoked'",
				i.id),
			 2);
	/* who may use it may connect anew */
	assert_int_equal(number(STATUS("not_connected"), ""), 2);
	pass();
	assert_int_equal(look(&b).n.revoked, 2);
}

static void
keeper_that_is_away_loses_nothing(void **state)
{
	struct connect_bulk b;

	(void)state;
	made(false);
	made(false);
	keeper.suspend_err = ERR_CLOSED;
	b = ask(true);
	assert_int_equal(b.n.waiting, 2);
	assert_int_equal(b.ended_at, 0);
	assert_int_equal(number(STATUS("disabled"), ""), 2); /* no call */
	pass();
	assert_int_equal(look(&b).n.waiting, 2);
	keeper.suspend_err = 0;
	pass();
	assert_int_equal(look(&b).n.revoked, 2);
	pass();
	assert_true(look(&b).ended_at > 0);
}

static void
who_works_through_it_is_left_alone(void **state)
{
	struct connect_bulk b;

	(void)state;
	made(false);
	keeper.suspend_err = ERR_CLOSED;
	b = ask(false);
	keeper.suspend_err = 0;
	store_exec(w.c, NULL, "UPDATE bulks SET leased_until = ?1", "i",
		   clock_wall_ms() + 30 * 1000);
	connect_front_withdraw(w.front, w.c);
	assert_int_equal(look(&b).n.waiting, 1);
	/* unless a clock was wrong */
	store_exec(w.c, NULL, "UPDATE bulks SET leased_until = ?1", "i",
		   clock_wall_ms() + (int64_t)24 * 3600 * 1000);
	connect_front_withdraw(w.front, w.c);
	assert_int_equal(look(&b).n.suspended, 1);
}

static void
one_enabled_meanwhile_is_left_alone_or_revoked(void **state)
{
	struct connect_info i = made(false), info;
	struct connect_bulk suspend, revoke;

	(void)state;
	keeper.suspend_err = ERR_CLOSED;
	suspend = ask(false);
	keeper.suspend_err = 0;
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, i.link,
					      true, w.arena, &info, &w.p),
			 0);
	pass();
	assert_int_equal(look(&suspend).n.nothing, 1);
	assert_int_equal(number(STATUS("connected"), ""), 1);
	revoke = ask(true);
	assert_int_equal(revoke.n.pending, 1);
}

static void
what_was_suspended_stays_so_when_it_is_revoked(void **state)
{
	struct connect_info i = made(false), info;

	(void)state;
	store_exec(w.c, NULL,
		   "UPDATE connections SET not_granted = 'a.READ' "
		   "WHERE id = ?1",
		   "s", i.id);
	ask(false);
	ask(true);
	pass();
	assert_int_equal(connect_front_get(w.front, w.c, &w.who, i.link,
					   w.arena, &info, &w.p),
			 0);
	assert_false(info.degraded); /* there is no grant that lacks it */
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(number(STATUS("disabled"), ""), 1);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, i.link,
					      true, w.arena, &info, &w.p),
			 0);
	assert_int_equal(info.status, CONNECT_REVOKED);
}

static void
who_asks_while_it_waits_is_told_the_same(void **state)
{
	struct connect_bulk a, b, c;

	(void)state;
	made(false);
	keeper.suspend_err = ERR_CLOSED;
	a = ask(true);
	keeper.suspend_err = 0;
	b = ask(true);
	assert_int_equal(b.n.pending, 1);
	pass();
	assert_int_equal(look(&a).n.revoked, 1);
	assert_int_equal(look(&b).n.revoked, 1);
	assert_int_equal(keeper.left, 1 + 1); /* the first was not heard */
	assert_int_equal(number(STATUS("revoked"), ""), 1);
	/* one that is to be suspended as well stays so */
	made(false);
	keeper.suspend_err = ERR_CLOSED;
	ask(true);
	keeper.suspend_err = 0;
	c = ask(false);
	assert_int_equal(c.n.already, 0);
	pass();
	assert_int_equal(number(STATUS("disabled"), ""), 2);
	assert_int_equal(number(STATUS("disabled") " AND status_before = "
						   "'revoked'",
				""),
			 2);
}

/* Whoever was at it has died after the keeper had heard of it. */
static void
one_that_got_a_token_while_it_was_marked_is_revoked(void **state)
{
	struct connect_info i = made(false);
	struct connect_msg_status *m = &keeper.change;
	struct connect_bulk b;

	(void)state;
	m->change = 2000;
	m->status = CONNECT_CONNECTED;
	m->leaving = true;
	m->who.generation = 7;
	snprintf(m->who.org, sizeof(m->who.org), "%s", w.owner->org);
	snprintf(m->who.connection, sizeof(m->who.connection), "%s", i.id);
	front_catch_up(w.front, w.c, &w.p);
	assert_int_equal(number(STATUS("connected"), ""), 1);
	b = ask(true);
	assert_int_equal(b.n.pending, 1);
	pass();
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(look(&b).n.revoked, 1);
}

static void
one_that_is_deleted_meanwhile_is_revoked_all_the_same(void **state)
{
	struct connect_info i = made(false);
	struct connect_bulk b;

	(void)state;
	b = ask(true);
	assert_int_equal(
		connect_front_delete(w.front, w.c, &w.who, i.link, true, 0,
				     &(struct connect_revoked){ 0 }, &w.p),
		0);
	assert_int_equal(keeper.revoked, 0);
	assert_int_equal(keeper.forgotten, 0);
	pass();
	assert_int_equal(keeper.revoked, 1);
	assert_int_equal(keeper.forgotten, 1);
	assert_int_equal(look(&b).n.revoked, 1);
}

static void
one_that_has_vanished_is_for_a_person(void **state)
{
	struct connect_bulk b;

	(void)state;
	made(false);
	b = ask(true);
	keeper.revoke_err = ERR_NOT_FOUND; /* connected anew */
	pass();
	assert_int_equal(look(&b).n.by_hand, 1);
}

static void
what_another_program_has_ended_is_not_waited_for(void **state)
{
	struct connect_bulk b;

	(void)state;
	made(false);
	b = ask(true);
	store_exec(w.c, NULL, "DELETE FROM withdrawals", "");
	pass();
	assert_int_equal(look(&b).n.by_hand, 1);
	assert_true(look(&b).ended_at > 0);
}

static void
builder_may_not(void **state)
{
	struct connect_bulk_new n = { .all = true, .service = "", .owner = "" };
	enum people_role role = w.owner->role;
	struct connect_bulk out, *list;
	struct connect_bulk b;
	size_t count;

	(void)state;
	made(false);
	b = ask(false);
	w.owner->role = PEOPLE_BUILDER;
	assert_int_equal(connect_front_bulk(w.front, w.c, &w.who, &n, w.arena,
					    &out, &w.p),
			 ERR_FORBIDDEN);
	assert_int_equal(connect_front_bulk_get(w.front, w.c, &w.who, b.id,
						w.arena, &out, &w.p),
			 ERR_FORBIDDEN);
	assert_int_equal(connect_front_bulks(w.front, w.c, &w.who, "", 10,
					     w.arena, &list, &count, &w.p),
			 ERR_FORBIDDEN);
	w.owner->role = role;
	assert_int_equal(connect_front_bulks(w.front, w.c, &w.who, "", 10,
					     w.arena, &list, &count, &w.p),
			 0);
	assert_int_equal(count, 1);
}

static void
slips_are_told_and_do_nothing(void **state)
{
	static const struct {
		struct connect_bulk_new n;
		const char *pointer;
	} cases[] = {
		{ { .service = "", .owner = "" }, "" },
		{ { .all = true, .service = "test_desk", .owner = "" }, "" },
		{ { .service = "test_desk", .owner = "ada" }, "" },
		{ { .service = "tset_desk", .owner = "" }, "/service" },
		{ { .service = "", .owner = "nobody@example.com" }, "/owner" },
	};
	struct connect_bulk out;
	size_t i;

	(void)state;
	made(false);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		memset(&w.p, 0, sizeof(w.p));
		assert_int_equal(connect_front_bulk(w.front, w.c, &w.who,
						    &cases[i].n, w.arena, &out,
						    &w.p),
				 ERR_INVALID);
		assert_string_equal(w.p.pointer, cases[i].pointer);
	}
	assert_int_equal(number(STATUS("connected"), ""), 1);
	assert_int_equal(number("SELECT count(*) FROM bulks WHERE ?1 = ''", ""),
			 0);
}

static void
only_those_that_were_chosen(void **state)
{
	struct connect_bulk_new n = { .service = "test_desk", .owner = "" };
	struct connect_bulk out;
	struct connect_info other = made(false);

	(void)state;
	made(false);
	store_exec(w.c, NULL,
		   "UPDATE connections SET service = 'other' WHERE id = ?1",
		   "s", other.id);
	assert_int_equal(connect_front_bulk(w.front, w.c, &w.who, &n, w.arena,
					    &out, &w.p),
			 0);
	assert_int_equal(out.n.suspended, 1);
	assert_int_equal(number("SELECT count(*) FROM connections WHERE id = "
				"?1 AND status = 'connected'",
				other.id),
			 1);
	n = (struct connect_bulk_new){ .service = "",
				       .owner = w.owner->member };
	assert_int_equal(connect_front_bulk(w.front, w.c, &w.who, &n, w.arena,
					    &out, &w.p),
			 0);
	assert_int_equal(out.n.suspended, 1);
	assert_int_equal(out.n.already, 1);
}

/* ---- the others' turn ---- */

static void
long_list_holds_up_no_other_service(void **state)
{
	struct connect_info other = made(false), users = made(true);
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		made(false);
	store_exec(w.c, NULL,
		   "UPDATE connections SET service = 'other' WHERE id = ?1",
		   "s", other.id);
	user(&users, "v_one");
	ask(true);
	/* the last that was noted, and a user's of the same service */
	store_exec(w.c, NULL,
		   "UPDATE withdrawals SET next_at = CASE WHEN connection = ?1 "
		   "THEN 2 WHEN subject <> '' THEN 3 ELSE 1 END, because = "
		   "CASE WHEN subject = '' THEN because ELSE 'user' END",
		   "s", other.id);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 20);
	assert_int_equal(number(ITEMS("revoked") " AND service = 'other'", ""),
			 1);
	assert_int_equal(number(ITEMS("revoked") " AND subject <> ''", ""), 1);
}

static void
provider_that_gives_no_answer_is_asked_once_and_the_others_go_on(void **state)
{
	struct connect_info other = made(false);
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		made(false);
	store_exec(w.c, NULL,
		   "UPDATE connections SET service = 'other' WHERE id = ?1",
		   "s", other.id);
	ask(true);
	keeper.revoke_err = ERR_BUSY;
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 2); /* one of each service */
	assert_int_equal(number("SELECT count(*) FROM withdrawals WHERE tries "
				"> 0 AND ?1 = ''",
				""),
			 2);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal(keeper.revoked, 2);
	keeper.revoke_err = 0;
	pass();
	assert_int_equal(number(ITEMS("revoked"), ""), 6);
}

static void
reports_are_kept_for_a_while(void **state)
{
	struct connect_bulk b;
	int64_t day = (int64_t)24 * 3600 * 1000, now = clock_wall_ms();

	(void)state;
	made(false);
	b = ask(false);
	assert_int_equal(front_bulk_tidy(w.c, now + 89 * day), 0);
	assert_int_equal(look(&b).n.suspended, 1);
	assert_int_equal(front_bulk_tidy(w.c, now + 91 * day), 0);
	assert_int_equal(number(ITEMS("suspended"), ""), 0);
	assert_int_equal(
		number("SELECT count(*) FROM bulks WHERE id = ?1", b.id), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_are_suspended_and_it_is_told_which_were),
		TEST(enabled_again_it_is_as_before),
		TEST(all_are_revoked_in_the_background),
		TEST(what_is_not_confirmed_is_for_a_person),
		TEST(one_that_is_asked_for_twice_is_done_once),
		TEST(each_user_is_one_of_the_report),
		TEST(keeper_that_is_away_loses_nothing),
		TEST(who_works_through_it_is_left_alone),
		TEST(one_enabled_meanwhile_is_left_alone_or_revoked),
		TEST(what_was_suspended_stays_so_when_it_is_revoked),
		TEST(who_asks_while_it_waits_is_told_the_same),
		TEST(one_that_got_a_token_while_it_was_marked_is_revoked),
		TEST(one_that_is_deleted_meanwhile_is_revoked_all_the_same),
		TEST(one_that_has_vanished_is_for_a_person),
		TEST(what_another_program_has_ended_is_not_waited_for),
		TEST(builder_may_not),
		TEST(slips_are_told_and_do_nothing),
		TEST(only_those_that_were_chosen),
		TEST(long_list_holds_up_no_other_service),
		TEST(provider_that_gives_no_answer_is_asked_once_and_the_others_go_on),
		TEST(reports_are_kept_for_a_while),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
