/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent as the front sees it: the way back from the provider.
 */
#include "../support/consent_world.h"

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
	/* not told: as asked, of both lists */
	assert_int_equal(t.info.scopes_granted.count, 3);
	assert_string_equal(t.info.scopes_granted.items[2], "me.READ");
}

static void
scopes_that_were_not_granted_are_named(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	keeper.scope = "tickets.READ me.READ";
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	assert_string_equal(out.missing, "tickets.ALL");
	look(&t);
	assert_int_equal(t.info.status, CONNECT_CONNECTED);
	assert_int_equal(t.info.scopes_granted.count, 2);
	assert_true(t.info.degraded);
	assert_string_equal(t.info.health_reason,
			    "Not granted: tickets.ALL. Connect again and "
			    "accept them, or edit the scopes.");
	assert_true(t.info.health_since > 0);
	assert_int_equal(t.info.health_since, t.info.connected_at);
}

static void
scopes_of_the_second_list_that_were_not_granted_are_named(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	keeper.scope = "tickets.ALL tickets.READ";
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	assert_string_equal(out.missing, "me.READ");
	look(&t);
	assert_true(t.info.degraded);
	assert_non_null(strstr(t.info.health_reason, "Not granted: me.READ."));
}

static void
scopes_edited_meanwhile_were_not_consented_to(void **state)
{
	static const char *edited[] = { "tickets.FUTURE" };
	const struct connect_texts scopes = { edited, 1 };
	const struct connect_change change = { .scopes = &scopes,
					       .second_scopes = &scopes };
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
	assert_int_equal(t.info.scopes_granted.count, 3);
	assert_string_equal(t.info.scopes_granted.items[0], "tickets.READ");
	assert_string_equal(t.info.scopes_granted.items[2], "me.READ");
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
	struct connect_back back = { .browser = slice_str(browser) };
	struct connect_consent out;
	struct buf big;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(queries); i++) {
		back.query = slice_str(queries[i]);
		assert_int_equal(connect_front_callback(w.front, w.c, &stranger,
							&back, w.arena, &out,
							&w.p),
				 ERR_INVALID);
		assert_string_equal(out.connection, "");
	}
	buf_init(&big, 1 << 20);
	buf_puts(&big, "state=");
	for (i = 0; i < 100 * 1024; i++)
		buf_putc(&big, 'a');
	back.query = buf_slice(&big);
	assert_int_equal(connect_front_callback(w.front, w.c, &stranger, &back,
						w.arena, &out, &w.p),
			 ERR_INVALID);
	buf_release(&big);
	assert_int_equal(keeper.finished, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(consent_connects),
		TEST(scopes_that_were_not_granted_are_named),
		TEST(scopes_of_the_second_list_that_were_not_granted_are_named),
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
