/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections are made: link names, scopes, typed credentials; and what a
 * refused request leaves behind, which is nothing.
 */
#include "../support/front_world.h"

static int
create(struct connect_new *n, struct connect_info *out)
{
	memset(&w.p, 0, sizeof(w.p));
	if (!n->service)
		n->service = "test_desk";
	return connect_front_create(w.front, w.c, &w.who, n, w.arena, out,
				    &w.p);
}

static int64_t
rows_named(const char *name)
{
	return number("SELECT count(*) FROM connections WHERE name = ?1", name);
}

static struct json_secret
typed(const char *value)
{
	struct json_secret s = { .name = "api_key" };

	s.value = secret_from(value, strlen(value));
	assert_non_null(s.value);
	return s;
}

/* ---- link names ---- */

static void
link_name_is_made_of_the_name(void **state)
{
	static const struct {
		const char *name, *link;
	} cases[] = {
		{ "ZohoDesk_TicketReader", "zohodesk_ticketreader" },
		{ "Desk  (EU) reader!", "desk_eu_reader" },
		{ "2nd desk", "nd_desk" },
		{ "\xc3\x84rger", "rger" },
		{ "42", "" },
	};
	char link[51];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		connect_link_of_name(slice_str(cases[i].name), link);
		assert_string_equal(link, cases[i].link);
	}
}

static void
taken_link_name_gets_a_number(void **state)
{
	static const char *const expected[] = { "clash", "clash_2", "clash_3" };
	struct connect_new n = { .name = "Clash" };
	struct connect_info info;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(expected); i++) {
		assert_int_equal(create(&n, &info), 0);
		assert_string_equal(info.link, expected[i]);
		assert_int_equal(info.status, CONNECT_NOT_CONNECTED);
		assert_string_not_equal(info.reason, "");
	}
}

static void
number_fits_behind_a_long_name(void **state)
{
	struct connect_new n = {
		.name = "a234567890b234567890c234567890d234567890e234567890x"
	};
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(strlen(info.link), 50);
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(strlen(info.link), 50);
	assert_string_equal(info.link + 46, "78_2");
}

static void
name_without_letters_takes_the_services(void **state)
{
	struct connect_new n = { .name = "42" };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_string_equal(info.link, "test_desk");
}

static void
link_name_that_was_asked_for_is_not_changed(void **state)
{
	struct connect_new n = { .name = "Wanted", .link_name = "wanted" };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(create(&n, &info), ERR_EXISTS);
	assert_int_equal(w.p.status, 409);
	assert_string_equal(w.p.pointer, "/link_name");
	n.link_name = "Wanted";
	assert_int_equal(create(&n, &info), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/link_name");
	assert_int_equal(rows_named("Wanted"), 1);
}

/* ---- scopes ---- */

static void
unknown_scope_is_allowed_and_an_impossible_one_is_not(void **state)
{
	static const char *scopes[] = { "tickets.READ", "tickets.FUTURE" };
	static const char *bad[] = { "tickets.READ", "two words" };
	struct connect_new n = { .name = "Scopes", .scopes = { scopes, 2 } };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(info.scopes_asked.count, 2);
	assert_string_equal(info.scopes_asked.items[1], "tickets.FUTURE");
	n.scopes.items = bad;
	assert_int_equal(create(&n, &info), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/scopes/1");
	assert_int_equal(w.p.status, 400);
	assert_int_equal(rows_named("Scopes"), 1);
}

/* In all they are one parameter, with a comma between each two here. */
static void
scopes_that_are_too_long_together_are_refused(void **state)
{
	enum { COUNT = 32, EACH = CONNECT_SCOPES_SIZE / COUNT - 1 };
	static char texts[COUNT][EACH + 2];
	static const char *items[COUNT];
	const struct connect_texts all = { items, COUNT };
	struct connect_new n = { .name = "Long" };
	struct connect_change change = { .second_scopes = &all };
	struct connect_info info;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT; i++) {
		memset(texts[i], 'x', EACH);
		items[i] = texts[i];
	}
	n.scopes = n.second_scopes = all;
	if (create(&n, &info))
		fail_msg("%s: %s", w.p.pointer, w.p.detail);
	texts[0][EACH] = 'x';
	assert_int_equal(create(&n, &info), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/scopes");
	assert_non_null(strstr(w.p.detail, "in all"));
	n.scopes.count--;
	assert_int_equal(create(&n, &info), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/second_scopes");
	n.second_scopes.count--;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(connect_front_change(w.front, w.c, &w.who, info.link,
					      0, &change, w.arena, &info, &w.p),
			 ERR_INVALID);
	assert_string_equal(w.p.pointer, "/second_scopes");
	change.second_scopes = NULL;
	change.scopes = &all;
	assert_int_equal(connect_front_change(w.front, w.c, &w.who, info.link,
					      0, &change, w.arena, &info, &w.p),
			 ERR_INVALID);
	assert_string_equal(w.p.pointer, "/scopes");
	assert_int_equal(rows_named("Long"), 2);
}

/* Slack's bot has scopes of the one list, a person of the other. */
static void
method_takes_and_presets_its_own_scopes_alone(void **state)
{
	static const char *scopes[] = { "search:read" };
	const struct connect_texts some = { scopes, 1 };
	struct connect_new bot = { .name = "Bot", .service = "slack" };
	struct connect_new person = { .name = "Person",
				      .service = "slack",
				      .method = "oauth_user" };
	const struct connect_change change = { .scopes = &some };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&bot, &info), 0);
	assert_int_equal(info.scopes_asked.count, 2);
	assert_int_equal(info.second_scopes_asked.count, 0);
	assert_int_equal(create(&person, &info), 0);
	assert_int_equal(info.scopes_asked.count, 0);
	assert_int_equal(info.second_scopes_asked.count, 2);
	assert_string_equal(info.second_scopes_asked.items[0], "chat:write");
	assert_int_equal(connect_front_change(w.front, w.c, &w.who, info.link,
					      0, &change, w.arena, &info, &w.p),
			 ERR_INVALID);
	assert_string_equal(w.p.pointer, "/scopes");
	bot.second_scopes = some;
	assert_int_equal(create(&bot, &info), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/second_scopes");
	assert_non_null(strstr(w.p.detail, "asks for scopes only"));
	person.scopes = some;
	assert_int_equal(create(&person, &info), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/scopes");
	assert_non_null(strstr(w.p.detail, "asks for second_scopes only"));
}

static void
scopes_that_are_not_given_are_the_presets(void **state)
{
	struct connect_new n = { .name = "Presets" };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(info.scopes_asked.count, 1);
	assert_string_equal(info.scopes_asked.items[0], "tickets.READ");
}

/* ---- credentials ---- */

static void
typed_credential_connects_at_once(void **state)
{
	struct json_secret key = typed("k-1");
	struct connect_new n = { .name = "Keyed",
				 .method = "key",
				 .credentials = &key,
				 .credential_count = 1 };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(info.status, CONNECT_CONNECTED);
	assert_string_equal(info.reason, "");
	assert_null(key.value); /* taken */
	assert_int_equal(keeper.credentials, 1);
}

static void
missing_credential_is_told(void **state)
{
	struct connect_new n = { .name = "Keyless", .method = "key" };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), ERR_INVALID);
	assert_int_equal(w.p.status, 400);
	assert_string_equal(w.p.pointer, "/credentials");
	assert_int_equal(rows_named("Keyless"), 0);
	assert_int_equal(keeper.credentials, 0);
}

static void
credential_for_a_consent_method_is_refused(void **state)
{
	struct json_secret key = typed("k-2");
	struct connect_new n = { .name = "Overdone",
				 .credentials = &key,
				 .credential_count = 1 };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/credentials");
	assert_null(key.value);
	assert_int_equal(rows_named("Overdone"), 0);
}

static void
refused_credential_leaves_nothing(void **state)
{
	struct json_secret key = typed("bad");
	struct connect_new n = { .name = "Wrong key",
				 .method = "key",
				 .credentials = &key,
				 .credential_count = 1 };
	struct connect_info info;

	(void)state;
	keeper.err = ERR_INVALID;
	keeper.code = "";
	keeper.detail = "The key does not look like one.";
	keeper.pointer = "/credentials/api_key";
	assert_int_equal(create(&n, &info), ERR_INVALID);
	assert_int_equal(w.p.status, 400);
	assert_string_equal(w.p.pointer, "/credentials/api_key");
	assert_int_equal(rows_named("Wrong key"), 0);
	assert_int_equal(keeper.forgotten, 0); /* it has stored none */
}

static void
credential_of_an_undone_connection_is_forgotten(void **state)
{
	struct json_secret key = typed("k-3");
	struct connect_new n = { .name = "Unlucky",
				 .method = "key",
				 .credentials = &key,
				 .credential_count = 1 };
	struct connect_info info;

	(void)state;
	keeper.err = ERR_TIMEOUT;
	keeper.code = "";
	keeper.detail = "The keeper took too long.";
	assert_int_equal(create(&n, &info), ERR_TIMEOUT);
	assert_int_equal(rows_named("Unlucky"), 0);
	assert_int_equal(keeper.forgotten, 1);
}

static void
new_key_does_not_enable_what_was_disabled(void **state)
{
	struct json_secret key = typed("k-4");
	struct connect_new n = { .name = "Leaked",
				 .method = "key",
				 .credentials = &key,
				 .credential_count = 1 };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, "leaked",
					      false, w.arena, &info, &w.p),
			 0);
	key = typed("k-5");
	assert_int_equal(connect_front_credentials(w.front, w.c, &w.who,
						   "leaked", &key, 1, false,
						   w.arena, &info, &w.p),
			 0);
	assert_int_equal(info.status, CONNECT_DISABLED);
	assert_string_not_equal(info.reason, "");
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, "leaked",
					      true, w.arena, &info, &w.p),
			 0);
	assert_int_equal(info.status, CONNECT_CONNECTED);
	assert_string_equal(info.reason, "");
}

static int64_t
audited(const char *action)
{
	struct store_stmt *st;
	int64_t n = 0;

	assert_int_equal(store_query(w.c, &st,
				     "SELECT count(*) FROM audit "
				     "WHERE action = ?1",
				     "s", action),
			 0);
	if (store_step(st) == 1)
		n = store_col_int(st, 0);
	store_done(st);
	return n;
}

static int
replace_key(bool untested, struct connect_info *info)
{
	struct json_secret key = typed("k-7");
	int rc = connect_front_credentials(w.front, w.c, &w.who, "replaced",
					   &key, 1, untested, w.arena, info,
					   &w.p);

	assert_null(key.value);
	return rc;
}

static void
key_that_failed_its_test_is_told_and_audited(void **state)
{
	struct json_secret key = typed("k-6");
	struct connect_new n = { .name = "Replaced",
				 .method = "key",
				 .credentials = &key,
				 .credential_count = 1 };
	struct connect_info before, after;

	(void)state;
	assert_int_equal(create(&n, &before), 0);
	keeper.err = ERR_PROTOCOL;
	keeper.code = "credential_refused";
	keeper.detail = "HTTP 401.";
	assert_int_equal(replace_key(false, &after), ERR_PROTOCOL);
	assert_false(keeper.untested);
	assert_int_equal(w.p.status, 422);
	assert_string_equal(w.p.code, "credential_refused");
	assert_string_equal(w.p.detail, "HTTP 401.");
	keeper.err = ERR_CONNECT;
	keeper.code = "credential_untested";
	assert_int_equal(replace_key(false, &after), ERR_CONNECT);
	assert_int_equal(w.p.status, 502);
	assert_string_equal(w.p.code, "credential_untested");
	assert_int_equal(audited("connection.credentials_refused"), 2);
	keeper.err = ERR_CONFLICT; /* it was not the test */
	keeper.code = "";
	assert_int_equal(replace_key(false, &after), ERR_CONFLICT);
	assert_int_equal(w.p.status, 412);
	assert_int_equal(audited("connection.credentials_refused"), 2);
	assert_int_equal(connect_front_get(w.front, w.c, &w.who, "replaced",
					   w.arena, &after, &w.p),
			 0);
	assert_int_equal(after.status, CONNECT_CONNECTED);
	assert_int_equal(after.version, before.version);
	keeper.err = 0;
	assert_int_equal(replace_key(true, &after), 0);
	assert_true(keeper.untested);
	assert_int_equal(audited("connection.credentials_forced"), 1);
	assert_int_equal(replace_key(false, &after), 0);
	assert_int_equal(audited("connection.credentials"), 2); /* k-5, k-7 */
}

static void
what_was_not_connected_says_so_when_enabled_again(void **state)
{
	struct connect_new n = { .name = "Paused" };
	struct connect_info info;

	(void)state;
	assert_int_equal(create(&n, &info), 0);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, "paused",
					      false, w.arena, &info, &w.p),
			 0);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, "paused",
					      true, w.arena, &info, &w.p),
			 0);
	assert_int_equal(info.status, CONNECT_NOT_CONNECTED);
	assert_string_not_equal(info.reason, "");
}

/* ---- lists ---- */

static void
list_goes_on_behind_a_link_and_hides_what_is_not_shared(void **state)
{
	struct connect_filter filter = { .text = "PAGE", .limit = 2 };
	struct connect_new n = { 0 };
	struct connect_info info, *page;
	struct people_actor *builder;
	struct connect_who other = { 0 };
	char name[16];
	size_t i, count;

	(void)state;
	for (i = 1; i <= 3; i++) {
		snprintf(name, sizeof(name), "page %zu", i);
		n.name = name;
		assert_int_equal(create(&n, &info), 0);
	}
	assert_int_equal(connect_front_list(w.front, w.c, &w.who, &filter,
					    w.arena, &page, &count, &w.p),
			 0);
	assert_int_equal(count, 2);
	assert_string_equal(page[1].link, "page_2");
	filter.after = "page_2";
	assert_int_equal(connect_front_list(w.front, w.c, &w.who, &filter,
					    w.arena, &page, &count, &w.p),
			 0);
	assert_int_equal(count, 1);
	assert_string_equal(page[0].link, "page_3");
	assert_true(page[0].may_manage);

	builder = people_actor_new(w.owner->org, "01builder", PEOPLE_BUILDER,
				   "Bo");
	other.actor = builder;
	filter.after = NULL;
	assert_int_equal(connect_front_list(w.front, w.c, &other, &filter,
					    w.arena, &page, &count, &w.p),
			 0);
	assert_int_equal(count, 0);
	assert_int_equal(connect_front_get(w.front, w.c, &other, "page_1",
					   w.arena, &info, &w.p),
			 ERR_NOT_FOUND);
	people_actor_unref(builder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(link_name_is_made_of_the_name),
		TEST(taken_link_name_gets_a_number),
		TEST(number_fits_behind_a_long_name),
		TEST(name_without_letters_takes_the_services),
		TEST(link_name_that_was_asked_for_is_not_changed),
		TEST(unknown_scope_is_allowed_and_an_impossible_one_is_not),
		TEST(scopes_that_are_too_long_together_are_refused),
		TEST(method_takes_and_presets_its_own_scopes_alone),
		TEST(scopes_that_are_not_given_are_the_presets),
		TEST(typed_credential_connects_at_once),
		TEST(missing_credential_is_told),
		TEST(credential_for_a_consent_method_is_refused),
		TEST(refused_credential_leaves_nothing),
		TEST(credential_of_an_undone_connection_is_forgotten),
		TEST(new_key_does_not_enable_what_was_disabled),
		TEST(key_that_failed_its_test_is_told_and_audited),
		TEST(what_was_not_connected_says_so_when_enabled_again),
		TEST(list_goes_on_behind_a_link_and_hides_what_is_not_shared),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
