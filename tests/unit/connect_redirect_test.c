/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a provider sends the browser back to: each custom service has an
 * address of its own, and what comes to another one is not used.
 */
#include "../support/consent_world.h"

#include "connect/front_priv.h"

static const char shared[] = "https://draw.example/oauth/callback";

/* ---- the address ---- */

/* As a front with this public URL has it; in the test's arena. */
static const char *
uri_at(const char *public_url, const char *id, bool custom)
{
	struct connect_front f = { .public_url =
					   slice_dup(slice_str(public_url)) };
	const struct service s = { .id = id, .custom = custom };
	char uri[CONNECT_URL_SIZE];
	int rc = front_redirect_uri(&f, &s, uri, &w.p);

	free(f.public_url);
	if (rc)
		fail_msg("%s: %s", id, w.p.detail);
	return arena_strdup(w.arena, uri);
}

static const char *
uri_of(const char *id, bool custom)
{
	return uri_at("https://draw.example", id, custom);
}

static bool
is_at(const char *public_url, const char *uri, const char *custom)
{
	struct connect_front f = { .public_url =
					   slice_dup(slice_str(public_url)) };
	bool is = front_redirect_is_at(&f, uri, custom);

	free(f.public_url);
	return is;
}

static void
default_services_share_one_address(void **state)
{
	(void)state;
	assert_string_equal(uri_of("zoho_desk", false), shared);
	assert_string_equal(uri_of("gmail", false), shared);
}

static void
custom_service_has_its_own(void **state)
{
	(void)state;
	assert_string_equal(uri_of("acme", true),
			    "https://draw.example/oauth/services/acme/"
			    "callback");
	assert_string_equal(uri_at("http://127.0.0.1:7070/under", "acme", true),
			    "http://127.0.0.1:7070/under/oauth/services/acme/"
			    "callback");
}

/* Ids that look like a piece of a path, or like the beginning of another. */
static const char *const ids[] = {
	"a",
	"ab",
	"oauth",
	"callback",
	"services",
	"oauth_callback",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
	NULL, /* the shared one */
};

static const char *
uri_number(size_t i)
{
	return uri_of(ids[i] ? ids[i] : "any", ids[i] != NULL);
}

/* There are providers that take whatever begins so, or is below it. */
static void
no_address_is_the_beginning_of_another(void **state)
{
	const char *one, *other;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(ids); i++)
		for (j = 0; j < ARRAY_LEN(ids); j++) {
			one = uri_number(i);
			other = uri_number(j);
			if (i != j &&
			    slice_starts(slice_str(other), slice_str(one)))
				fail_msg("%s begins as %s", other, one);
		}
}

static void
browser_is_at_the_address_of_its_consent_alone(void **state)
{
	static const char *const urls[] = { "https://draw.example",
					    "http://127.0.0.1:7070",
					    "https://[::1]:7070",
					    "https://draw.example/under",
					    "https://draw.example/oauth" };
	const char *public_url, *uri;
	size_t i, j, k;

	(void)state;
	for (k = 0; k < ARRAY_LEN(urls); k++)
		for (i = 0; i < ARRAY_LEN(ids); i++)
			for (j = 0; j < ARRAY_LEN(ids); j++) {
				public_url = urls[k];
				uri = uri_at(public_url,
					     ids[i] ? ids[i] : "any",
					     ids[i] != NULL);
				if (is_at(public_url, uri, ids[j]) != (i == j))
					fail_msg("%s at that of %s", uri,
						 ids[j] ? ids[j] : "all");
			}
}

static void
whatever_is_no_id_is_at_no_address(void **state)
{
	static const char *const others[] = {
		"",	    "ACME",	    "acme/callback",
		"acm",	    "acmee",	    "../services/acme",
		"acme?x=1", "acme/../acme", "acme/callback?",
	};
	char longer[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(others); i++)
		assert_false(is_at("https://draw.example", uri_of("acme", true),
				   others[i]));
	/* and the longest id is not that of a longer one that begins so */
	memset(longer, 'a', sizeof(longer));
	longer[CATALOG_ID_MAX] = '\0';
	assert_true(
		is_at("https://draw.example", uri_of(longer, true), longer));
	longer[CATALOG_ID_MAX] = 'a';
	longer[sizeof(longer) - 1] = '\0';
	assert_false(is_at("https://draw.example",
			   "https://draw.example/oauth/services/aaaaaaaaaaaaaaa"
			   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/callback",
			   longer));
	assert_false(is_at("https://draw.example", "", NULL));
	assert_false(
		is_at("https://draw.example", "https://draw.example", NULL));
}

static void
address_has_room_or_is_refused(void **state)
{
	char id[CATALOG_ID_MAX + 1], public_url[CONNECT_URL_SIZE] = "https://";
	struct connect_front f = { .public_url = public_url };
	const struct service s = { .id = id, .custom = true };
	char uri[CONNECT_URL_SIZE];
	size_t room = CONNECT_URL_SIZE - 1 - CATALOG_ID_MAX -
		      strlen("/oauth/services//callback");

	(void)state;
	memset(id, 'i', CATALOG_ID_MAX);
	id[CATALOG_ID_MAX] = '\0';
	memset(public_url + 8, 'h', room - 8);
	assert_int_equal(front_redirect_uri(&f, &s, uri, &w.p), 0);
	assert_int_equal(strlen(uri), CONNECT_URL_SIZE - 1);
	assert_true(slice_ends(slice_str(uri), SLICE("/callback")));
	public_url[room] = 'h';
	assert_int_equal(front_redirect_uri(&f, &s, uri, &w.p), ERR_TOO_LARGE);
	assert_string_equal(uri, "");
	assert_non_null(strstr(w.p.hint, "--public-url"));
}

/* ---- who is told of it ---- */

static const char *
told_of(const char *service)
{
	struct connect_app *apps;
	const char *uri;
	size_t count;

	if (connect_front_app_get(w.front, w.c, &w.who, service, w.arena, &apps,
				  &count, &uri, &w.p))
		fail_msg("%s", w.p.detail);
	return uri;
}

static void
app_tells_the_address_that_the_provider_is_given(void **state)
{
	struct trip t;

	(void)state;
	set_out(&t);
	assert_string_equal(told_of("test_desk"), t.redirect_uri);
	assert_string_equal(told_of("test_desk"), uri_of("test_desk", true));
	assert_string_equal(told_of("zoho_desk"), shared);
}

/* ---- coming back ---- */

static int64_t
failures(const struct trip *t)
{
	return number("SELECT count(*) FROM audit WHERE object = ?1 AND "
		      "action = 'connection.connect_failed' AND record LIKE "
		      "'%another redirect URI%'",
		      t->info.id);
}

static void
answer_at_another_address_is_not_used(void **state)
{
	static const char *const others[] = { NULL, "acme", "test_des",
					      "test_desk2", "" };
	struct connect_consent out;
	struct trip t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(others); i++) {
		set_out(&t);
		assert_int_equal(come_back_to(&t, others[i], browser,
					      with_issuer("code=c"), &out),
				 ERR_FORBIDDEN);
		assert_int_equal(w.p.status, 400);
		assert_string_equal(w.p.code, "consent_failed");
		assert_non_null(strstr(w.p.detail, "another redirect URI"));
		assert_non_null(strstr(w.p.hint, "mixing up"));
		assert_false(out.connected);
		assert_string_equal(out.link, t.info.link);
		assert_int_equal(failures(&t), 1);
		look(&t);
		assert_int_equal(t.info.status, CONNECT_NOT_CONNECTED);
		assert_non_null(strstr(t.info.reason, "another redirect URI"));
		/* and is spent: it is of no use at its own either */
		assert_int_equal(come_back(&t, with_issuer("code=c"), &out),
				 ERR_WRONG_STATE);
	}
	assert_int_equal(keeper.finished, 0);
}

static void
answer_for_a_default_service_at_a_custom_ones_is_not_used(void **state)
{
	struct connect_app_new app = { .client_id = "app" };
	struct connect_new n = { .name = "Desk", .service = "zoho_desk" };
	struct connect_consent out;
	struct trip t = { 0 };

	(void)state;
	if (connect_front_app_set(w.front, w.c, &w.who, "zoho_desk", &app,
				  &w.p) ||
	    connect_front_create(w.front, w.c, &w.who, &n, w.arena, &t.info,
				 &w.p))
		fail_msg("%s", w.p.detail);
	ask_ticket(&t);
	press(&t);
	assert_string_equal(t.redirect_uri, shared);
	assert_int_equal(come_back_to(&t, "test_desk", browser, "code=c", &out),
			 ERR_FORBIDDEN);
	assert_int_equal(keeper.finished, 0);
}

static void
grant_of_before_goes_on_when_an_answer_comes_elsewhere(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
	ask_ticket(&t);
	press(&t);
	assert_int_equal(
		come_back_to(&t, NULL, browser, with_issuer("code=c"), &out),
		ERR_FORBIDDEN);
	assert_int_equal(keeper.finished, 1);
	look(&t);
	assert_int_equal(t.info.status, CONNECT_CONNECTED);
	assert_string_equal(t.info.reason, "");
	assert_string_equal(t.info.account, "ada@example.com");
}

/* Whoever has the address but not the cookie must not end it for the other. */
static void
another_browser_elsewhere_spends_nothing(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(
		come_back_to(&t, NULL, "another", with_issuer("code=c"), &out),
		ERR_FORBIDDEN);
	assert_int_equal(failures(&t), 0);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
}

/* By the version before custom services had addresses of their own. */
static void
consent_begun_with_the_shared_address_ends_there(void **state)
{
	struct connect_consent out;
	struct trip t;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		set_out(&t);
		assert_int_equal(
			store_exec(w.c, NULL,
				   "UPDATE oauth_states SET redirect_uri = ?2 "
				   "WHERE connection = ?1",
				   "ss", t.info.id, shared),
			0);
		assert_int_equal(come_back_to(&t, i ? "test_desk" : NULL,
					      browser, with_issuer("code=c"),
					      &out),
				 i ? ERR_FORBIDDEN : 0);
	}
	assert_int_equal(keeper.finished, 1);
}

/* Its host may have been renamed meanwhile. */
static void
another_host_of_ours_is_the_same_address(void **state)
{
	struct connect_consent out;
	struct trip t;

	(void)state;
	set_out(&t);
	assert_int_equal(store_exec(w.c, NULL,
				    "UPDATE oauth_states SET redirect_uri = ?2 "
				    "WHERE connection = ?1",
				    "ss", t.info.id,
				    "http://old.example:7070/oauth/services/"
				    "test_desk/callback"),
			 0);
	assert_int_equal(come_back(&t, with_issuer("code=c"), &out), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(default_services_share_one_address),
		TEST(custom_service_has_its_own),
		TEST(no_address_is_the_beginning_of_another),
		TEST(browser_is_at_the_address_of_its_consent_alone),
		TEST(whatever_is_no_id_is_at_no_address),
		TEST(address_has_room_or_is_refused),
		TEST(app_tells_the_address_that_the_provider_is_given),
		TEST(answer_at_another_address_is_not_used),
		TEST(answer_for_a_default_service_at_a_custom_ones_is_not_used),
		TEST(grant_of_before_goes_on_when_an_answer_comes_elsewhere),
		TEST(another_browser_elsewhere_spends_nothing),
		TEST(consent_begun_with_the_shared_address_ends_there),
		TEST(another_host_of_ours_is_the_same_address),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
