/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose answer a callback brings: `iss` where the definition names no issuer,
 * and definitions that change while a consent is under way.
 */
#include "../support/consent_world.h"

/* The world's definition by another name, without an issuer. */
static const char *
text_of(const char *id, const char *login, const char *token)
{
	return arena_printf(
		w.arena,
		"{\"id\":\"%s\",\"name\":\"Plain\",\"categories\":[\"Test\"],"
		"\"methods\":{\"oauth\":{\"kind\":\"oauth2_code\",\"name\":"
		"\"Sign in\",\"authorize\":{\"url\":\"%s/auth\"},\"token\":"
		"{\"url\":\"%s/token\"},\"inject\":[{\"in\":\"header\","
		"\"name\":\"Authorization\",\"value\":\"Bearer "
		"{access_token}\"}]}},\"api\":{\"base_url\":"
		"\"https://api.example.com\",\"hosts\":[\"api.example.com\"]}}",
		id, login, token);
}

static void
save(const char *replace, const char *text)
{
	struct catalog_report report = { 0 };
	char id[CATALOG_ID_MAX + 1];

	if (connect_front_service_save(w.front, w.c, &w.who, replace, 0,
				       slice_str(text), &report, id, &w.p))
		fail_msg("%s %s", w.p.detail, report.items[0].detail);
}

static void
set_app(const char *service)
{
	struct connect_app_new app = { .client_id = "app & co" };

	if (connect_front_app_set(w.front, w.c, &w.who, service, &app, &w.p))
		fail_msg("%s", w.p.detail);
}

static void
set_out_for(struct trip *t, const char *service)
{
	struct connect_new n = { .name = "One", .service = service };

	memset(t, 0, sizeof(*t));
	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &t->info,
				 &w.p))
		fail_msg("%s", w.p.detail);
	ask_ticket(t);
	press(t);
}

static void
answers(const char *service, const char *iss, bool taken)
{
	unsigned finished = keeper.finished;
	struct connect_consent out;
	struct trip t;
	int rc;

	set_out_for(&t, service);
	rc = come_back(&t,
		       iss ? arena_printf(w.arena, "code=c&iss=%s", iss)
			   : "code=c",
		       &out);
	if ((rc == 0) != taken)
		fail_msg("%s: iss %s: %s", service, iss ? iss : "none",
			 rc ? w.p.detail : "taken");
	assert_int_equal(keeper.finished, finished + taken);
	if (!taken)
		assert_non_null(strstr(w.p.detail, "\"iss\""));
}

static void
custom_service_takes_the_origin_that_was_asked_alone(void **state)
{
	static const char *const good[] = {
		NULL,
		"https%3A%2F%2Flogin.example.com",
		"https%3A%2F%2Flogin.example.com%2Frealms%2Fone",
		"https%3A%2F%2FLOGIN.example.com%3A443%2F",
	};
	static const char *const bad[] = {
		"https%3A%2F%2Faccounts.google.com",
		"https%3A%2F%2Ftoken.example.com",
		"https%3A%2F%2Flogin.example.com.evil.example",
		"https%3A%2F%2Flogin.example.com%40evil.example",
		"http%3A%2F%2Flogin.example.com",
		"https%3A%2F%2Flogin.example.com%3A8443",
		"login.example.com",
		"",
	};
	size_t i;

	(void)state;
	save(NULL, text_of("plain", "https://login.example.com",
			   "https://token.example.com"));
	set_app("plain");
	for (i = 0; i < ARRAY_LEN(good); i++)
		answers("plain", good[i], true);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		answers("plain", bad[i], false);
}

static void
default_service_takes_its_providers_other_hosts(void **state)
{
	(void)state;
	set_app("zoho_desk");
	answers("zoho_desk", NULL, true);
	answers("zoho_desk", "https%3A%2F%2Faccounts.zoho.com", true);
	answers("zoho_desk", "https%3A%2F%2Faccounts.zoho.eu", true);
	answers("zoho_desk", "https%3A%2F%2Faccounts.zoho.eu%3A444", false);
	answers("zoho_desk", "https%3A%2F%2Faccounts.zoho.example", false);
	answers("zoho_desk", "https%3A%2F%2Faccounts.google.com", false);
	set_app("gmail");
	answers("gmail", "https%3A%2F%2Faccounts.google.com", true);
	answers("gmail", "https%3A%2F%2Foauth2.googleapis.com", false);
	answers("gmail", "https%3A%2F%2Faccounts.zoho.com", false);
	set_app("microsoft_graph");
	answers("microsoft_graph",
		"https%3A%2F%2Flogin.microsoftonline.com%2Fabc%2Fv2.0", true);
	set_app("jira");
	answers("jira", "https%3A%2F%2Fauth.atlassian.com", true);
	set_app("hubspot");
	answers("hubspot", "https%3A%2F%2Fapp.hubspot.com", true);
	answers("hubspot", "https%3A%2F%2Fapi.hubapi.com", true);
	answers("hubspot", "https%3A%2F%2Fapp.hubapi.com", false);
	set_app("dropbox");
	answers("dropbox", "https%3A%2F%2Fwww.dropbox.com", true);
}

/* Who may edit the definition must not make another server's answer right
 * after he has led somebody there. */
static void
definition_changed_meanwhile_answers_for_nobody(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	save(NULL, text_of("turncoat", "https://evil.example.com",
			   "https://evil.example.com"));
	set_app("turncoat");
	set_out_for(&t, "turncoat");
	save("turncoat", text_of("turncoat", "https://login.example.com",
				 "https://evil.example.com"));
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
			 ERR_WRONG_STATE);
	assert_int_equal(keeper.finished, 0);
	assert_non_null(strstr(w.p.detail, "changed"));
}

/* By the version before this one. */
static void
consent_begun_before_whom_was_kept_ends(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	store_exec(w.c, NULL,
		   "UPDATE oauth_states SET scopes = '[[\"a\"],[]]' WHERE "
		   "connection = ?1",
		   "s", t.info.id);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(custom_service_takes_the_origin_that_was_asked_alone),
		TEST(default_service_takes_its_providers_other_hosts),
		TEST(definition_changed_meanwhile_answers_for_nobody),
		TEST(consent_begun_before_whom_was_kept_ends),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
