/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent of a conversation's visitor: his ticket, and the end of his grant.
 */
#include "../support/consent_world.h"

/* A ticket for a conversation: with this cookie, or (NULL) this member. */
static int
ask_visit(struct trip *t, const unsigned char *visitor, const char *member)
{
	struct connect_visit v = { .org = w.owner->org,
				   .connection = t->info.id,
				   .conversation = "01conversation",
				   .subject = "v_of-this-conversation",
				   .visitor = visitor,
				   .member = member };
	struct connect_ticket ticket;
	int rc = connect_front_visit(w.front, w.c, &stranger, &v, w.arena,
				     &ticket, &w.p);

	if (!rc)
		t->ticket = ticket.url + 29;
	return rc;
}

static void
visitors_ticket_works_with_its_cookie_alone(void **state)
{
	unsigned char here[PEOPLE_HASH_SIZE] = { 1 };
	unsigned char there[PEOPLE_HASH_SIZE] = { 2 };
	struct connect_who other = { .visitor = there };
	struct connect_who session = { .session = here };
	struct connect_who same = { .visitor = here };
	struct connect_about about;
	struct trip t;

	(void)state;
	create(&t, true);
	assert_int_equal(ask_visit(&t, here, ""), 0);
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND);
	assert_int_equal(press_as(&t, &other), ERR_NOT_FOUND);
	assert_int_equal(press_as(&t, &session), ERR_NOT_FOUND);
	assert_int_equal(connect_front_about(w.c, &same, slice_str(t.ticket),
					     &about, &w.p),
			 0);
	assert_string_equal(about.conversation, "01conversation");
	assert_int_equal(press_as(&t, &same), 0);
	assert_string_equal(keeper.begin.who.subject, "v_of-this-conversation");
	assert_int_equal(press_as(&t, &same), ERR_NOT_FOUND);
}

static void
visitors_ticket_ends_and_gives_way_to_the_next(void **state)
{
	unsigned char here[PEOPLE_HASH_SIZE] = { 1 };
	struct connect_who same = { .visitor = here };
	struct trip t, next;

	(void)state;
	create(&t, true);
	next = t;
	assert_int_equal(ask_visit(&t, here, ""), 0);
	assert_int_equal(ask_visit(&next, here, ""), 0);
	assert_int_equal(press_as(&t, &same), ERR_NOT_FOUND);
	store_exec(w.c, NULL,
		   "UPDATE connect_tickets SET expires_at = ?1 WHERE "
		   "conversation <> ''",
		   "i", clock_wall_ms() - 1);
	assert_int_equal(press_as(&next, &same), ERR_NOT_FOUND);
}

static void
conversations_link_is_for_its_member_signed_in(void **state)
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	unsigned char other[PEOPLE_HASH_SIZE] = { 9 };
	struct connect_who signed_in = { .session = hash };
	struct connect_who nobody = { .session = other, .visitor = other };
	struct trip t;

	(void)state;
	create(&t, true);
	assert_int_equal(ask_visit(&t, NULL, w.owner->member), 0);
	assert_int_equal(press_as(&t, &stranger), ERR_FORBIDDEN);
	assert_int_equal(press_as(&t, &nobody), ERR_FORBIDDEN);
	owner_signs_in(hash);
	assert_int_equal(press_as(&t, &signed_in), 0);
}

static void
visitor_is_not_asked_for_a_shared_connection(void **state)
{
	unsigned char here[PEOPLE_HASH_SIZE] = { 1 };
	struct trip t;

	(void)state;
	create(&t, false);
	assert_int_equal(ask_visit(&t, here, ""), ERR_UNSUPPORTED);
	assert_int_equal(number("SELECT count(*) FROM connect_tickets WHERE "
				"connection = ?1",
				t.info.id),
			 0);
}

static void
subject_is_forgotten_by_keeper_and_store(void **state)
{
	unsigned int before = (unsigned)keeper.forgotten;
	struct trip t;

	(void)state;
	create(&t, true);
	store_exec(w.c, NULL,
		   "INSERT INTO connection_users (connection, subject, status) "
		   "VALUES (?1, 'v_one', 'connected'), (?1, 'v_two', "
		   "'connected')",
		   "s", t.info.id);
	assert_int_equal(connect_front_forget(w.front, w.c, w.owner->org,
					      t.info.id, "v_one"),
			 0);
	assert_int_equal(number("SELECT count(*) FROM connection_users WHERE "
				"connection = ?1",
				t.info.id),
			 1);
	assert_int_equal((unsigned)keeper.forgotten, before);
	assert_int_equal(connect_front_withdraw(w.front, w.c), 0);
	assert_int_equal((unsigned)keeper.forgotten, before + 1);
	assert_int_equal(number("SELECT count(*) FROM withdrawals WHERE "
				"connection = ?1",
				t.info.id),
			 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(visitors_ticket_works_with_its_cookie_alone),
		TEST(visitors_ticket_ends_and_gives_way_to_the_next),
		TEST(conversations_link_is_for_its_member_signed_in),
		TEST(visitor_is_not_asked_for_a_shared_connection),
		TEST(subject_is_forgotten_by_keeper_and_store),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
