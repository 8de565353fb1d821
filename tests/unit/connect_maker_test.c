/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever asked for a consent must still be allowed to when it is given: a
 * link and a state outlive nobody's rights.  And a credential of his own, which
 * needs no more than they do.
 */
#include "../support/consent_world.h"

/* A member to whom the connection is lent, and who asks for its consent. */
static struct maker {
	struct people_member m;
	struct people_actor *actor;
	struct connect_who who;
	unsigned char session[PEOPLE_HASH_SIZE];
} maker;

static void
maker_change(enum people_role role, bool disabled)
{
	char id[PEOPLE_ID_SIZE];

	memcpy(id, maker.m.id, sizeof(id));
	assert_int_equal(
		people_member_find(w.c, w.owner->org, slice_str(id), &maker.m),
		0);
	maker.m.role = role;
	maker.m.disabled = disabled;
	assert_int_equal(store_begin(w.c), 0);
	assert_int_equal(people_member_update(w.c, w.owner->org, &maker.m), 0);
	assert_int_equal(store_commit(w.c), 0);
}

static void
share(struct trip *t, bool manage, bool none)
{
	struct people_share s = { .kind = PEOPLE_SHARE_MEMBER,
				  .manage = manage };
	struct connect_shares to = { .items = &s, .count = none ? 0 : 1 };
	struct arena *arena = arena_new(1 << 20);
	struct connect_shares shares;

	memcpy(s.subject, maker.m.id, sizeof(s.subject));
	if (connect_front_shares_set(w.front, w.c, &w.who, t->info.link, 0, &to,
				     arena, &shares, &w.p))
		fail_msg("%s", w.p.detail);
	arena_free(arena);
}

static int
begin_maker(void **state)
{
	static int n;
	char id[PEOPLE_ID_SIZE], email[64], value[RANDOM_TOKEN_SIZE];

	if (begin_test(state))
		return -1;
	memset(&maker, 0, sizeof(maker));
	snprintf(email, sizeof(email), "max%d@example.org", ++n);
	if (store_begin(w.c) ||
	    people_member_create(w.c, w.owner->org, email, "Max",
				 PEOPLE_BUILDER, NULL, id) ||
	    people_session_create(w.c, id, value) || store_commit(w.c) ||
	    people_member_find(w.c, w.owner->org, slice_str(id), &maker.m))
		return -1;
	people_token_hash(slice_str(value), maker.session);
	maker.actor = people_actor_new(w.owner->org, id, PEOPLE_BUILDER, "Max");
	maker.who.actor = maker.actor;
	maker.who.session = maker.session;
	return maker.actor ? 0 : -1;
}

static int
end_maker(void **state)
{
	people_actor_unref(maker.actor);
	return end_test(state);
}

/* The maker's ticket; as the test world's asks for the owner's. */
static void
maker_asks(struct trip *t)
{
	struct connect_who owner = w.who;

	w.who = maker.who;
	ask_ticket(t);
	w.who = owner;
}

static int
page_as(struct trip *t, const struct connect_who *who)
{
	struct connect_page page;

	return connect_front_page(w.front, w.c, who, slice_str(t->ticket),
				  w.arena, &page, &w.p);
}

static void
ticket_refused(struct trip *t, const struct connect_who *who)
{
	unsigned begun = keeper.begun;

	assert_true(page_as(t, who) < 0);
	assert_in_range(w.p.status, 403, 404);
	assert_true(press_as(t, who) < 0);
	assert_in_range(w.p.status, 403, 404);
	assert_int_equal(keeper.begun, begun);
}

enum loss { DISABLED, UNSHARED, MAY_USE_ALONE, DEMOTED, LOSSES };

static void
lose(struct trip *t, enum loss how)
{
	if (how == DISABLED)
		maker_change(PEOPLE_BUILDER, true);
	else if (how == DEMOTED)
		maker_change(PEOPLE_VIEWER, false);
	else
		share(t, false, how == UNSHARED);
}

static void
regain(struct trip *t)
{
	maker_change(PEOPLE_BUILDER, false);
	share(t, true, false);
}

static void
ticket_ends_with_its_makers_right(void **state)
{
	struct trip t;
	int how;

	(void)state;
	create(&t, false);
	for (how = 0; how < LOSSES; how++) {
		regain(&t);
		maker_asks(&t);
		assert_int_equal(page_as(&t, &stranger), 0);
		lose(&t, how);
		ticket_refused(&t, &stranger);
		assert_non_null(strstr(w.p.detail, "asked for"));
		regain(&t);
		assert_int_equal(press_as(&t, &stranger), 0);
	}
}

static void
state_ends_with_its_makers_right(void **state)
{
	struct connect_consent out;
	struct trip t;
	int how;

	(void)state;
	set_out(&t);
	assert_int_equal(come_back(&t, with_issuer("code=old"), &out), 0);
	for (how = 0; how < LOSSES; how++) {
		regain(&t);
		maker_asks(&t);
		press(&t);
		lose(&t, how);
		assert_int_equal(come_back(&t, with_issuer("code=new"), &out),
				 ERR_FORBIDDEN);
		assert_non_null(strstr(w.p.detail, "asked for"));
		assert_int_equal(keeper.finished, 1);
		assert_string_equal(keeper.sent_code, "old");
		look(&t);
		assert_int_equal(t.info.status, CONNECT_CONNECTED);
		assert_string_equal(t.info.reason, "");
		/* spent, so that it does not come to life again */
		regain(&t);
		assert_true(come_back(&t, with_issuer("code=new"), &out) < 0);
		assert_int_equal(keeper.finished, 1);
	}
}

static void
manager_by_role_asks_while_he_has_it(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	create(&t, false);
	maker_change(PEOPLE_ADMIN, false);
	maker.actor->role = PEOPLE_ADMIN;
	share(&t, false, false);
	maker_asks(&t);
	press(&t);
	maker_change(PEOPLE_BUILDER, false);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_FORBIDDEN);
	maker_change(PEOPLE_ADMIN, false);
	maker_asks(&t);
	press(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
}

static void
users_own_ends_with_his_right_to_use_it(void **state)
{
	struct connect_consent out;
	struct trip t;
	int how;

	(void)state;
	create(&t, true);
	for (how = UNSHARED; how < LOSSES; how++) {
		if (how == MAY_USE_ALONE)
			continue; /* which is all he needs */
		regain(&t);
		maker_asks(&t);
		assert_int_equal(page_as(&t, &maker.who), 0);
		lose(&t, how);
		ticket_refused(&t, &maker.who);
		regain(&t);
		assert_int_equal(press_as(&t, &maker.who), 0);
		snprintf(t.state, sizeof(t.state), "%.43s",
			 strstr(t.url, "&state=") + 7);
		lose(&t, how);
		assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
				 ERR_FORBIDDEN);
	}
	assert_int_equal(keeper.finished, 0);
}

static void
session_that_has_ended_opens_no_ticket(void **state)
{
	struct trip t;

	(void)state;
	create(&t, true);
	share(&t, false, false);
	maker_asks(&t);
	assert_int_equal(page_as(&t, &maker.who), 0);
	assert_int_equal(people_session_end(w.c, maker.session), 0);
	ticket_refused(&t, &maker.who);
}

/* The maker asks with a key of his. */
static void
key_asks(struct trip *t, enum people_role role, struct people_key *k)
{
	char text[PEOPLE_KEY_SIZE];

	*k = (struct people_key){ .role = role };
	memcpy(k->member, maker.m.id, sizeof(k->member));
	snprintf(k->name, sizeof(k->name), "pipeline");
	assert_int_equal(store_begin(w.c), 0);
	assert_int_equal(people_key_create(w.c, w.owner->org, k, text), 0);
	assert_int_equal(store_commit(w.c), 0);
	memcpy(maker.actor->key, k->id, sizeof(maker.actor->key));
	maker_asks(t);
	maker.actor->key[0] = '\0';
}

static void
key_revoke(const struct people_key *k)
{
	assert_int_equal(store_begin(w.c), 0);
	assert_int_equal(people_key_revoke(w.c, w.owner->org, k->id), 0);
	assert_int_equal(store_commit(w.c), 0);
}

static void
what_a_key_asked_for_ends_with_the_key(void **state)
{
	struct connect_consent out;
	struct people_key k;
	struct trip t;

	(void)state;
	create(&t, false);
	share(&t, true, false);
	key_asks(&t, PEOPLE_BUILDER, &k);
	assert_int_equal(page_as(&t, &stranger), 0);
	key_revoke(&k);
	ticket_refused(&t, &stranger);
	assert_non_null(strstr(w.p.detail, "API key"));
	/* and behind the button */
	key_asks(&t, PEOPLE_BUILDER, &k);
	press(&t);
	key_revoke(&k);
	assert_int_equal(come_back(&t, with_issuer("code=new"), &out),
			 ERR_FORBIDDEN);
	assert_int_equal(keeper.finished, 0);
	key_asks(&t, PEOPLE_BUILDER, &k);
	press(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
}

static void
key_asks_for_no_more_than_its_own_role_may(void **state)
{
	struct people_key k;
	struct trip t;

	(void)state;
	create(&t, false);
	share(&t, true, false);
	key_asks(&t, PEOPLE_VIEWER, &k);
	ticket_refused(&t, &stranger);
	key_asks(&t, PEOPLE_BUILDER, &k);
	assert_int_equal(page_as(&t, &stranger), 0);
	maker_change(PEOPLE_BUILDER, true);
	ticket_refused(&t, &stranger);
}

/* A key's actor beside the cookie of somebody else's session. */
static void
anothers_session_makes_no_ticket(void **state)
{
	struct connect_ticket ticket;
	struct connect_who mixed = { .actor = w.owner,
				     .session = maker.session };
	struct trip t;

	(void)state;
	create(&t, true);
	assert_int_equal(connect_front_authorize(w.front, w.c, &mixed,
						 t.info.link, w.arena, &ticket,
						 &w.p),
			 ERR_FORBIDDEN);
	assert_int_equal(w.p.status, 403);
	assert_int_equal(number("SELECT count(*) FROM connect_tickets WHERE "
				"connection = ?1",
				t.info.id),
			 0);
}

/* One with a typed credential, and the maker's try to give it. */
static int
key_given(const char *name, bool per_user, bool manage, bool none)
{
	struct connect_new n = { .name = name,
				 .service = "test_desk",
				 .method = "key",
				 .per_user = per_user };
	struct json_secret first = { "api_key", secret_from("k1", 2) };
	struct json_secret value = { "api_key", secret_from("k2", 2) };
	struct trip t = { 0 };

	if (!per_user) {
		n.credentials = &first;
		n.credential_count = 1;
	}
	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &t.info,
				 &w.p))
		fail_msg("%s", w.p.detail);
	secret_free(first.value);
	share(&t, manage, none);
	return connect_front_credentials(w.front, w.c, &maker.who, t.info.link,
					 &value, 1, false, w.arena, &t.info,
					 &w.p);
}

static void
own_credential_takes_the_right_to_use_it(void **state)
{
	(void)state;
	assert_int_equal(key_given("Own, used", true, false, false), 0);
	assert_int_equal(keeper.credentials, 1);
	assert_true(key_given("Own, not shared", true, false, true) < 0);
	assert_int_equal(key_given("Everybody's, used", false, false, false),
			 ERR_FORBIDDEN);
	assert_int_equal(keeper.credentials, 2); /* its first */
	assert_int_equal(key_given("Everybody's, managed", false, true, false),
			 0);
	maker.actor->role = PEOPLE_VIEWER;
	assert_int_equal(key_given("Own, of a viewer", true, false, false),
			 ERR_FORBIDDEN);
}

static void
audit_names_who_asked(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	create(&t, false);
	share(&t, true, false);
	maker_asks(&t);
	press(&t);
	assert_int_equal(
		come_back(&t, with_issuer("error=access_denied"), &out),
		ERR_FORBIDDEN);
	maker_asks(&t);
	press(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	assert_int_equal(number("SELECT count(*) FROM audit WHERE action LIKE "
				"'connection.connect%' AND record LIKE "
				"'%Asked for by ' || ?1 || '.%'",
				maker.m.email),
			 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_maker, end_maker)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ticket_ends_with_its_makers_right),
		TEST(state_ends_with_its_makers_right),
		TEST(manager_by_role_asks_while_he_has_it),
		TEST(users_own_ends_with_his_right_to_use_it),
		TEST(session_that_has_ended_opens_no_ticket),
		TEST(what_a_key_asked_for_ends_with_the_key),
		TEST(key_asks_for_no_more_than_its_own_role_may),
		TEST(anothers_session_makes_no_ticket),
		TEST(own_credential_takes_the_right_to_use_it),
		TEST(audit_names_who_asked),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
