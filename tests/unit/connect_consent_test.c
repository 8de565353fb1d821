/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent as the front sees it: tickets, the button, the way back.
 */
#include "../support/front_world.h"

static const struct connect_who stranger;
static const char browser[] = "the-cookie-of-this-browser";
static const char issuer[] = "iss=https%3A%2F%2Flogin.example.com";

/* ---- a connection on its way ---- */

struct trip {
	struct connect_info info;
	const char *ticket;
	const char *url;
	char state[64];
};

static void
create(struct trip *t, bool per_user)
{
	static const char *scopes[] = { "tickets.READ", "tickets.ALL" };
	static const char *second[] = { "me.READ" };
	struct connect_new n = { .name = "Desk reader",
				 .service = "test_desk",
				 .scopes = { scopes, 2 },
				 .second_scopes = { second, 1 },
				 .per_user = per_user };

	memset(t, 0, sizeof(*t));
	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &t->info,
				 &w.p))
		fail_msg("%s", w.p.detail);
}

static void
ask_ticket(struct trip *t)
{
	struct connect_ticket ticket;

	if (connect_front_authorize(w.front, w.c, &w.who, t->info.link, w.arena,
				    &ticket, &w.p))
		fail_msg("%s", w.p.detail);
	assert_memory_equal(ticket.url, "https://draw.example/connect/", 29);
	t->ticket = ticket.url + 29;
	assert_int_equal(strlen(t->ticket), 43);
}

static int
press_as(struct trip *t, const struct connect_who *who)
{
	return connect_front_press(w.front, w.c, who, slice_str(t->ticket),
				   slice_str(browser), w.arena, &t->url, &w.p);
}

static void
press(struct trip *t)
{
	const char *at;

	if (press_as(t, &stranger))
		fail_msg("%s", w.p.detail);
	at = strstr(t->url, "&state=");
	assert_non_null(at);
	snprintf(t->state, sizeof(t->state), "%.43s", at + 7);
}

static void
set_out(struct trip *t)
{
	create(t, false);
	ask_ticket(t);
	press(t);
}

static int
come_back_in(struct trip *t, const char *cookie, const char *query,
	     struct connect_consent *out)
{
	char text[8192];

	snprintf(text, sizeof(text), "state=%s&%s", t->state, query);
	memset(&w.p, 0, sizeof(w.p));
	return connect_front_callback(w.front, w.c, &stranger, slice_str(text),
				      slice_str(cookie), w.arena, out, &w.p);
}

static int
come_back(struct trip *t, const char *query, struct connect_consent *out)
{
	return come_back_in(t, browser, query, out);
}

static const char *
with_issuer(const char *query)
{
	return arena_printf(w.arena, "%s&%s", query, issuer);
}

static void
look(struct trip *t)
{
	if (connect_front_get(w.front, w.c, &w.who, t->info.link, w.arena,
			      &t->info, &w.p))
		fail_msg("%s", w.p.detail);
}

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
	unsigned char here[PEOPLE_HASH_SIZE] = { 1 };
	unsigned char there[PEOPLE_HASH_SIZE] = { 2 };
	struct connect_who other = { .session = there };
	struct connect_who same = { .session = here };
	struct trip t;

	(void)state;
	w.who.session = here;
	create(&t, true);
	ask_ticket(&t);
	assert_int_equal(press_as(&t, &stranger), ERR_NOT_FOUND);
	assert_int_equal(press_as(&t, &other), ERR_NOT_FOUND);
	assert_int_equal(press_as(&t, &same), 0);
	assert_string_equal(keeper.begin.who.subject, w.owner->member);
}

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
	char value[RANDOM_TOKEN_SIZE];
	struct trip t;

	(void)state;
	create(&t, true);
	assert_int_equal(ask_visit(&t, NULL, w.owner->member), 0);
	assert_int_equal(press_as(&t, &stranger), ERR_FORBIDDEN);
	assert_int_equal(press_as(&t, &nobody), ERR_FORBIDDEN);
	assert_int_equal(people_session_create(w.c, w.owner->member, value), 0);
	people_token_hash(slice_str(value), hash);
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
		 "%%2Fcallback&scope=tickets.READ%%2Ctickets.ALL"
		 "&user_scope=me.READ&state=%s&code_challenge=CHALLENGE"
		 "&code_challenge_method=S256&prompt=consent",
		 t.state);
	assert_string_equal(t.url, expected);
	assert_string_equal(keeper.begin.scope, "tickets.READ,tickets.ALL");
	assert_string_equal(keeper.begin.redirect_uri,
			    "https://draw.example/oauth/callback");
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

/* ---- the way back ---- */

static void
consent_connects(void **state)
{
	struct connect_consent out;
	struct trip t;
	int rc;

	(void)state;
	set_out(&t);
	rc = come_back(&t, with_issuer("code=4%2Fa+b&realmId=123&x=1"), &out);
	if (rc)
		fail_msg("%s", w.p.detail);
	assert_true(out.connected);
	assert_string_equal(out.connection, "Desk reader");
	assert_string_equal(out.link, t.info.link);
	assert_string_equal(out.account, "ada@example.com");
	assert_string_equal(out.missing, "");
	assert_string_equal(keeper.sent_code, "4/a b");
	assert_int_equal(keeper.captures, 1);
	assert_string_equal(keeper.captured, "123");
	assert_true(keeper.state_fits);
	look(&t);
	assert_int_equal(t.info.status, CONNECT_CONNECTED);
	assert_string_equal(t.info.reason, "");
	assert_string_equal(t.info.account, "ada@example.com");
	assert_int_equal(t.info.scopes_granted.count, 2);
}

static void
scopes_that_were_not_granted_are_named(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	keeper.scope = "tickets.READ";
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	assert_string_equal(out.missing, "tickets.ALL");
	look(&t);
	assert_int_equal(t.info.status, CONNECT_CONNECTED);
	assert_int_equal(t.info.scopes_granted.count, 1);
}

static void
scopes_edited_meanwhile_were_not_consented_to(void **state)
{
	static const char *edited[] = { "tickets.FUTURE" };
	const struct connect_texts scopes = { edited, 1 };
	const struct connect_change change = { .scopes = &scopes };
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(connect_front_change(w.front, w.c, &w.who, t.info.link,
					      0, &change, w.arena, &t.info,
					      &w.p),
			 0);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	look(&t);
	assert_int_equal(t.info.scopes_asked.count, 1);
	assert_int_equal(t.info.scopes_granted.count, 2);
	assert_string_equal(t.info.scopes_granted.items[0], "tickets.READ");
}

static void
another_browser_gets_nowhere(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(
		come_back_in(&t, "another", with_issuer("code=c"), &out),
		ERR_FORBIDDEN);
	assert_int_equal(come_back_in(&t, "", with_issuer("code=c"), &out),
			 ERR_FORBIDDEN);
	assert_string_equal(w.p.code, "consent_failed");
	assert_string_equal(out.connection, "");
	assert_int_equal(keeper.finished, 0);
	/* and does not spoil it for the right one */
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
}

static void
callback_that_comes_twice_does_nothing_again(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_WRONG_STATE);
	assert_int_equal(
		come_back(&t, with_issuer("error=access_denied"), &out),
		ERR_WRONG_STATE);
	assert_false(out.connected);
	assert_string_equal(out.link, t.info.link);
	assert_int_equal(keeper.finished, 1);
	look(&t);
	assert_int_equal(t.info.status, CONNECT_CONNECTED);
}

static void
state_is_spent_even_when_the_exchange_fails(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	keeper.err = ERR_PROTOCOL;
	keeper.code = "provider_refused";
	keeper.detail = "The provider gave no token: invalid_grant.";
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_PROTOCOL);
	assert_int_equal(w.p.status, 502);
	look(&t);
	assert_int_equal(t.info.status, CONNECT_NOT_CONNECTED);
	assert_string_equal(t.info.reason, keeper.detail);
	keeper.err = 0;
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_WRONG_STATE);
	assert_int_equal(keeper.finished, 1);
}

static void
expired_state_is_refused(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	store_exec(w.c, NULL,
		   "UPDATE oauth_states SET expires_at = ?2 "
		   "WHERE connection = ?1",
		   "si", t.info.id, clock_wall_ms() - 1);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_TIMEOUT);
	assert_string_equal(out.link, t.info.link);
	assert_int_equal(keeper.finished, 0);
	look(&t);
	assert_int_equal(t.info.status, CONNECT_NOT_CONNECTED);
	assert_non_null(strstr(t.info.reason, "15 minutes"));
}

static void
providers_errors_become_plain_words(void **state)
{
	static const struct {
		const char *query, *code, *words;
	} cases[] = {
		{ "error=access_denied", "consent_denied",
		  "Consent was refused" },
		{ "error=invalid_scope&error_description=no%20such%20scope",
		  "consent_failed", "It says: no such scope" },
		{ "error=server_error", "consent_failed",
		  "an error of its own" },
		{ "error=temporarily_unavailable", "consent_failed",
		  "not available at the moment" },
		{ "error=org_suspended&code=c", "consent_failed",
		  "\"org_suspended\"" },
		{ "nothing=here", "consent_failed", "neither a code nor" },
	};
	struct connect_consent out;
	struct trip t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		set_out(&t);
		assert_true(come_back(&t, with_issuer(cases[i].query), &out) <
			    0);
		assert_string_equal(w.p.code, cases[i].code);
		assert_int_equal(w.p.status, 400);
		assert_non_null(strstr(w.p.detail, cases[i].words));
		assert_string_equal(out.link, t.info.link);
		look(&t);
		assert_int_equal(t.info.status, CONNECT_NOT_CONNECTED);
		assert_string_equal(t.info.reason, w.p.detail);
	}
	assert_int_equal(keeper.finished, 0);
}

static void
refused_reconnect_leaves_the_old_grant(void **state)
{
	struct connect_consent out;
	struct connect_page page;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	ask_ticket(&t);
	assert_int_equal(connect_front_page(w.front, w.c, &stranger,
					    slice_str(t.ticket), w.arena, &page,
					    &w.p),
			 0);
	assert_true(page.reconnect);
	press(&t);
	assert_int_equal(
		come_back(&t, with_issuer("error=access_denied"), &out),
		ERR_FORBIDDEN);
	look(&t);
	assert_int_equal(t.info.status, CONNECT_CONNECTED);
	assert_string_equal(t.info.reason, "");
}

static void
answer_of_another_issuer_is_refused(void **state)
{
	static const char *const queries[] = {
		"code=c&iss=https%3A%2F%2Fevil.example.com",
		"code=c&iss=https%3A%2F%2Flogin.example.com%2F",
		"code=c&iss=",
		"code=c", /* the definition says that it must come */
		"error=access_denied&iss=https%3A%2F%2Fevil.example.com",
	};
	struct connect_consent out;
	struct trip t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(queries); i++) {
		set_out(&t);
		assert_int_equal(come_back(&t, queries[i], &out),
				 ERR_FORBIDDEN);
		assert_non_null(strstr(w.p.detail, "\"iss\""));
		assert_string_equal(out.link, t.info.link);
	}
	assert_int_equal(keeper.finished, 0);
}

static void
parameter_that_comes_twice_is_refused(void **state)
{
	static const char *const queries[] = {
		"code=a&code=b",
		"code=a&c%6Fde=b",
		"code=a&state=b",
		"code=a&error=x&error=y",
		"code=a&realmId=1&realmId=2",
	};
	struct connect_consent out;
	struct trip t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(queries); i++) {
		set_out(&t);
		assert_true(come_back(&t, with_issuer(queries[i]), &out) < 0);
		assert_int_equal(w.p.status, 400);
		assert_false(out.connected);
	}
	assert_int_equal(keeper.finished, 0);
}

static void
foreign_queries_lead_nowhere(void **state)
{
	static const char *const queries[] = {
		"",	  "state=",    "state=AAAA",
		"code=c", "state=%zz", "state=a%00b&code=c",
		"%",
	};
	struct connect_consent out;
	struct buf big;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(queries); i++) {
		assert_int_equal(connect_front_callback(w.front, w.c, &stranger,
							slice_str(queries[i]),
							slice_str(browser),
							w.arena, &out, &w.p),
				 ERR_INVALID);
		assert_string_equal(out.connection, "");
	}
	buf_init(&big, 1 << 20);
	buf_puts(&big, "state=");
	for (i = 0; i < 100 * 1024; i++)
		buf_putc(&big, 'a');
	assert_int_equal(
		connect_front_callback(w.front, w.c, &stranger, buf_slice(&big),
				       slice_str(browser), w.arena, &out, &w.p),
		ERR_INVALID);
	buf_release(&big);
	assert_int_equal(keeper.finished, 0);
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
		TEST(visitors_ticket_works_with_its_cookie_alone),
		TEST(visitors_ticket_ends_and_gives_way_to_the_next),
		TEST(conversations_link_is_for_its_member_signed_in),
		TEST(visitor_is_not_asked_for_a_shared_connection),
		TEST(subject_is_forgotten_by_keeper_and_store),
		TEST(button_leads_to_the_providers_page),
		TEST(ticket_is_kept_when_the_keeper_refuses),
		TEST(disabled_connection_is_not_connected_by_an_old_ticket),
		TEST(consent_connects),
		TEST(scopes_that_were_not_granted_are_named),
		TEST(scopes_edited_meanwhile_were_not_consented_to),
		TEST(another_browser_gets_nowhere),
		TEST(callback_that_comes_twice_does_nothing_again),
		TEST(state_is_spent_even_when_the_exchange_fails),
		TEST(expired_state_is_refused),
		TEST(providers_errors_become_plain_words),
		TEST(refused_reconnect_leaves_the_old_grant),
		TEST(answer_of_another_issuer_is_refused),
		TEST(parameter_that_comes_twice_is_refused),
		TEST(foreign_queries_lead_nowhere),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
