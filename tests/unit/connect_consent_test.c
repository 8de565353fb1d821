/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent as the front sees it: tickets, and the button.
 */
#include "../support/consent_world.h"

/* ---- tickets ---- */

static void
page_shows_what_is_asked_and_spends_nothing(void **state)
{
	struct connect_page page;
	struct trip t;
	int i;

	(void)state;
	create(&t, false);
	ask_ticket(&t);
	for (i = 0; i < 3; i++)
		assert_int_equal(connect_front_page(w.front, w.c, &stranger,
						    slice_str(t.ticket),
						    w.arena, &page, &w.p),
				 0);
	assert_string_equal(page.connection, "Desk reader");
	assert_string_equal(page.service, "Test Desk");
	assert_string_equal(page.host, "login.example.com");
	assert_string_equal(page.asked_by, w.owner->name);
	assert_false(page.reconnect);
	assert_int_equal(page.scope_count, 3);
	assert_string_equal(page.scopes[0].name, "tickets.READ");
	assert_string_equal(page.scopes[0].description, "Read tickets");
	assert_string_equal(page.scopes[2].name, "me.READ");
	assert_string_equal(page.scopes[2].description, "See who you are");
	assert_int_equal(keeper.begun, 0);
	press(&t);
}

static void
ticket_is_pressed_once(void **state)
{
	struct connect_page page;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND);
	assert_string_equal(w.p.code, "ticket_not_found");
	assert_int_equal(connect_front_page(w.front, w.c, &stranger,
					    slice_str(t.ticket), w.arena, &page,
					    &w.p),
			 ERR_NOT_FOUND);
	assert_int_equal(keeper.begun, 1);
	assert_int_equal(number("SELECT count(*) FROM oauth_states "
				"WHERE connection = ?1",
				t.info.id),
			 1);
}

struct presser {
	struct trip *trip;
	struct connect_problem problem;
	int rc;
};

static void *
press_elsewhere(void *arg)
{
	struct arena *arena = arena_new(1 << 20);
	struct store_conn *c = NULL;
	struct presser *presser = arg;
	const char *url;

	presser->rc = store_acquire(w.store, &c);
	if (!presser->rc)
		presser->rc = connect_front_press(
			w.front, c, &stranger, slice_str(presser->trip->ticket),
			slice_str("another"), arena, &url, &presser->problem);
	if (c)
		store_release(c);
	arena_free(arena);
	return NULL;
}

static void
of_two_who_press_at_once_one_goes_on(void **state)
{
	struct presser other = { 0 };
	pthread_t thread;
	struct trip t;
	int rc;

	(void)state;
	create(&t, false);
	ask_ticket(&t);
	keeper.in_pairs = true;
	other.trip = &t;
	assert_int_equal(pthread_create(&thread, NULL, press_elsewhere, &other),
			 0);
	rc = press_as(&t, &stranger);
	pthread_join(thread, NULL);
	assert_int_equal(keeper.begun, 2);
	assert_true((rc == 0) != (other.rc == 0));
	assert_string_equal(rc ? w.p.code : other.problem.code,
			    "ticket_not_found");
	assert_int_equal(number("SELECT count(*) FROM oauth_states "
				"WHERE connection = ?1",
				t.info.id),
			 1);
}

static void
ticket_ends_after_a_quarter_of_an_hour(void **state)
{
	struct trip t;

	(void)state;
	create(&t, false);
	ask_ticket(&t);
	assert_in_range(number("SELECT expires_at - created_at FROM "
			       "connect_tickets WHERE connection = ?1",
			       t.info.id),
			15 * 60 * 1000 - 1000, 15 * 60 * 1000);
	store_exec(w.c, NULL,
		   "UPDATE connect_tickets SET expires_at = ?2 "
		   "WHERE connection = ?1",
		   "si", t.info.id, clock_wall_ms() - 1);
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND);
	assert_string_equal(w.p.code, "ticket_not_found");
	assert_int_equal(keeper.begun, 0);
}

static void
ticket_and_state_are_stored_as_hashes_alone(void **state)
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct store_stmt *st = NULL;
	struct trip t;

	(void)state;
	set_out(&t);
	people_token_hash(slice_str(t.ticket), hash);
	store_query(w.c, &st,
		    "SELECT hash FROM connect_tickets WHERE connection = ?1",
		    "s", t.info.id);
	assert_int_equal(store_step(st), 1);
	assert_memory_equal(store_col(st, 0).ptr, hash, sizeof(hash));
	store_done(st);
	people_token_hash(slice_str(t.state), hash);
	store_query(w.c, &st,
		    "SELECT hash FROM oauth_states WHERE connection = ?1", "s",
		    t.info.id);
	assert_int_equal(store_step(st), 1);
	assert_memory_equal(store_col(st, 0).ptr, hash, sizeof(hash));
	store_done(st);
	assert_memory_equal(keeper.begin.state, hash, sizeof(hash));
}

static void
users_own_ticket_works_in_his_session_alone(void **state)
{
	unsigned char here[PEOPLE_HASH_SIZE], there[PEOPLE_HASH_SIZE];
	struct connect_who other = { .session = there };
	struct connect_who same = { .session = here };
	struct trip t;

	(void)state;
	owner_signs_in(here);
	owner_signs_in(there);
	w.who.session = here;
	create(&t, true);
	ask_ticket(&t);
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND);
	assert_int_equal(press_as(&t, &other), ERR_NOT_FOUND);
	assert_int_equal(press_as(&t, &same), 0);
	assert_string_equal(keeper.begin.who.subject, w.owner->member);
}

static void
users_own_ticket_is_not_given_without_a_session(void **state)
{
	struct connect_ticket ticket;
	struct trip t;

	(void)state;
	create(&t, true);
	assert_int_equal(connect_front_authorize(w.front, w.c, &w.who,
						 t.info.link, w.arena, &ticket,
						 &w.p),
			 ERR_FORBIDDEN);
	assert_int_equal(w.p.status, 403);
}

/* ---- the button ---- */

static void
button_leads_to_the_providers_page(void **state)
{
	struct trip t;
	char expected[1024];

	(void)state;
	set_out(&t);
	snprintf(expected, sizeof(expected),
		 "https://login.example.com/auth?tenant=1"
		 "&response_type=code&client_key=app%%20%%26%%20co"
		 "&redirect_uri=https%%3A%%2F%%2Fdraw.example%%2Foauth"
		 "%%2Fservices%%2Ftest_desk%%2Fcallback"
		 "&scope=tickets.READ%%2Ctickets.ALL"
		 "&user_scope=me.READ&state=%s&code_challenge=CHALLENGE"
		 "&code_challenge_method=S256&prompt=consent",
		 t.state);
	assert_string_equal(t.url, expected);
	assert_string_equal(keeper.begin.scope, "tickets.READ,tickets.ALL");
	assert_string_equal(keeper.begin.redirect_uri,
			    "https://draw.example/oauth/services/test_desk/"
			    "callback");
	assert_string_equal(keeper.begin.who.connection, t.info.id);
}

static void
ticket_is_kept_when_the_keeper_refuses(void **state)
{
	struct trip t;

	(void)state;
	create(&t, false);
	ask_ticket(&t);
	keeper.err = ERR_NOT_FOUND;
	keeper.code = "app_missing";
	keeper.detail = "The service's OAuth app is missing.";
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND);
	assert_string_equal(w.p.code, "app_missing");
	keeper.err = 0;
	press(&t);
}

/* As they were stored before their length was looked at. */
static void
ticket_is_kept_where_the_scopes_are_too_long(void **state)
{
	static const char *const updates[] = {
		"UPDATE connections SET scopes_asked = ?2 WHERE id = ?1",
		"UPDATE connections SET second_scopes_asked = ?2 WHERE id = ?1",
	};
	static char long_one[CONNECT_SCOPES_SIZE + 1];
	struct trip t;
	size_t i;

	(void)state;
	memset(long_one, 'x', CONNECT_SCOPES_SIZE);
	for (i = 0; i < ARRAY_LEN(updates); i++) {
		create(&t, false);
		ask_ticket(&t);
		assert_int_equal(
			store_exec(w.c, NULL, updates[i], "ss", t.info.id,
				   arena_printf(w.arena, "[\"%s\"]", long_one)),
			0);
		memset(&w.p, 0, sizeof(w.p));
		assert_int_equal(press_as(&t, &stranger), ERR_TOO_LARGE);
		assert_int_equal(w.p.status, 400);
		assert_non_null(strstr(w.p.detail, "too many scopes"));
		assert_int_equal(
			store_exec(w.c, NULL,
				   "UPDATE connections SET scopes_asked = "
				   "'[\"a.READ\"]', second_scopes_asked = '[]' "
				   "WHERE id = ?1",
				   "s", t.info.id),
			0);
		press(&t);
	}
}

static void
disabled_connection_is_not_connected_by_an_old_ticket(void **state)
{
	struct connect_consent out;
	struct trip pressed, fresh;

	(void)state;
	create(&fresh, false);
	ask_ticket(&fresh);
	set_out(&pressed);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who,
					      fresh.info.link, false, w.arena,
					      &fresh.info, &w.p),
			 0);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who,
					      pressed.info.link, false, w.arena,
					      &pressed.info, &w.p),
			 0);
	assert_int_equal(press_as(&fresh, &stranger), ERR_WRONG_STATE);
	assert_string_equal(w.p.code, "connection_disabled");
	assert_int_equal(come_back(&pressed, with_issuer("code=c"), &out),
			 ERR_WRONG_STATE);
	assert_string_equal(w.p.code, "connection_disabled");
	assert_int_equal(keeper.finished, 0);
	look(&pressed);
	assert_int_equal(pressed.info.status, CONNECT_DISABLED);
	assert_string_equal(pressed.info.reason,
			    "It was disabled by a person.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(page_shows_what_is_asked_and_spends_nothing),
		TEST(ticket_is_pressed_once),
		TEST(of_two_who_press_at_once_one_goes_on),
		TEST(ticket_ends_after_a_quarter_of_an_hour),
		TEST(ticket_and_state_are_stored_as_hashes_alone),
		TEST(users_own_ticket_works_in_his_session_alone),
		TEST(users_own_ticket_is_not_given_without_a_session),
		TEST(button_leads_to_the_providers_page),
		TEST(ticket_is_kept_when_the_keeper_refuses),
		TEST(ticket_is_kept_where_the_scopes_are_too_long),
		TEST(disabled_connection_is_not_connected_by_an_old_ticket),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
