/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address that Connect leads to, as each default service wants it: how
 * scopes are joined, where the second list goes, and whether a code challenge
 * is sent (the keeper gives one where the definition says so).
 */
#include "../support/consent_world.h"

/* Lists end with NULL; NULL: the definition's presets. */
struct asked {
	const char *service, *method, *parameters;
	const char *scopes[4], *second[4];
};

static struct connect_texts
texts(const char **all)
{
	struct connect_texts t = { all, 0 };

	while (all[t.count])
		t.count++;
	return t.count ? t : (struct connect_texts){ NULL, 0 };
}

static void
give_app(const char *service)
{
	struct connect_app_new app = { .client_id = "id" };

	if (connect_front_app_set(w.front, w.c, &w.who, service, &app, &w.p))
		fail_msg("%s: %s", service, w.p.detail);
}

static const char *
led_to(const struct asked *a)
{
	struct asked copy = *a;
	struct connect_new n = { .name = "Asked",
				 .service = a->service,
				 .method = a->method,
				 .scopes = texts(copy.scopes),
				 .second_scopes = texts(copy.second) };
	json_t *parameters =
		a->parameters ? json_loads(a->parameters, 0, NULL) : NULL;
	struct trip t;
	int rc;

	give_app(a->service);
	memset(&t, 0, sizeof(t));
	n.parameters = parameters;
	rc = connect_front_create(w.front, w.c, &w.who, &n, w.arena, &t.info,
				  &w.p);
	json_decref(parameters);
	if (rc)
		fail_msg("%s: %s", a->service, w.p.detail);
	ask_ticket(&t);
	press(&t);
	return t.url;
}

static void
assert_asks(const struct asked *a, const char *want)
{
	const char *url = led_to(a);

	if (!strstr(url, want))
		fail_msg("%s: no %s in %s", a->service, want, url);
}

static void
slack_and_shopify_and_zoho_join_scopes_with_commas(void **state)
{
	(void)state;
	assert_asks(&(struct asked){ "slack",
				     "oauth",
				     NULL,
				     { "chat:write", "channels:read" },
				     { NULL } },
		    "&scope=chat%3Awrite%2Cchannels%3Aread&");
	assert_asks(&(struct asked){ "shopify",
				     "oauth",
				     "{\"shop\":\"acme\"}",
				     { "read_products", "write_orders" },
				     { NULL } },
		    "&scope=read_products%2Cwrite_orders&");
	assert_asks(
		&(struct asked){ "zoho_desk",
				 "oauth",
				 NULL,
				 { "Desk.tickets.READ", "Desk.search.READ" },
				 { NULL } },
		"&scope=Desk.tickets.READ%2CDesk.search.READ&");
}

static void
slack_s_person_is_asked_in_user_scope(void **state)
{
	(void)state;
	assert_asks(&(struct asked){ "slack",
				     "oauth_user",
				     NULL,
				     { NULL },
				     { "search:read", "users:read" } },
		    "&user_scope=search%3Aread%2Cusers%3Aread&");
}

static void
hubspot_s_optional_scopes_are_apart_and_joined_with_spaces(void **state)
{
	static const struct asked a = {
		"hubspot",
		"oauth",
		NULL,
		{ "oauth", "crm.objects.contacts.read" },
		{ "crm.objects.deals.read", "crm.objects.deals.write" }
	};

	(void)state;
	assert_asks(&a, "&scope=oauth%20crm.objects.contacts.read&");
	assert_asks(&a, "&optional_scope=crm.objects.deals.read%20"
			"crm.objects.deals.write&");
}

static void
others_join_them_with_spaces(void **state)
{
	static const char *const all[] = {
		"github", "gmail",	     "jira",
		"gitlab", "microsoft_graph", "salesforce"
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++)
		assert_asks(&(struct asked){ all[i],
					     "oauth",
					     NULL,
					     { "one.x", "two.x" },
					     { NULL } },
			    "&scope=one.x%20two.x&");
}

/* Without it there is no refresh token, and the connection dies after an
 * hour. */
static void
who_asks_for_nothing_special_asks_for_a_refresh_token(void **state)
{
	static const char *const all[][2] = {
		{ "jira", "offline_access" },
		{ "microsoft_graph", "offline_access" },
		{ "salesforce", "refresh_token" },
		{ "gmail", "&access_type=offline" },
		{ "zoho_desk", "&access_type=offline" },
		{ "dropbox", "&token_access_type=offline" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++)
		assert_asks(
			&(struct asked){
				all[i][0], "oauth", NULL, { NULL }, { NULL } },
			all[i][1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slack_and_shopify_and_zoho_join_scopes_with_commas),
		TEST(slack_s_person_is_asked_in_user_scope),
		TEST(hubspot_s_optional_scopes_are_apart_and_joined_with_spaces),
		TEST(others_join_them_with_spaces),
		TEST(who_asks_for_nothing_special_asks_for_a_refresh_token),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
