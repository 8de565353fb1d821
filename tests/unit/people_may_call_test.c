/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision of the call path: sharing, connections, methods, paths, rate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "people/people.h"

static const char connection[] = "01connection";
static char me[] = "01me", get[] = "GET", api[] = "/api/v1", all[] = "/all/";
static struct people_actor *actor;
static struct people_sharing mine;

static int
begin(void **state)
{
	(void)state;
	actor = people_actor_new("01org", me, PEOPLE_CALLER, "a key");
	mine = (struct people_sharing){ .owner = "01me" };
	return actor ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	actor->methods = actor->path_prefixes = actor->connections = NULL;
	actor->method_count = actor->path_prefix_count = 0;
	people_actor_unref(actor);
	return 0;
}

static int
ask(const char *method, struct slice path)
{
	const char *why;
	unsigned retry;

	return people_may_call(actor, connection, &mine, slice_str(method),
			       path, &why, &retry);
}

static void
what_is_not_shared_is_not_there(void **state)
{
	char *users[] = { me };

	(void)state;
	assert_int_equal(ask("GET", SLICE("/")), 0);
	snprintf(mine.owner, sizeof(mine.owner), "01other");
	assert_int_equal(ask("GET", SLICE("/")), ERR_NOT_FOUND);
	mine.users = users;
	mine.user_count = 1;
	assert_int_equal(ask("GET", SLICE("/")), 0);
	mine.user_count = 0;
	mine.everyone_may_use = true;
	assert_int_equal(ask("GET", SLICE("/")), 0);
}

static void
an_empty_list_of_connections_allows_none(void **state)
{
	char *none[] = { NULL };

	(void)state;
	actor->connections = none;
	assert_int_equal(ask("GET", SLICE("/")), ERR_NOT_FOUND);
}

/* What a call that lasts asks before it sends a second time. */
static void
an_actor_stands_until_his_key_is_withdrawn_or_over(void **state)
{
	(void)state;
	assert_true(people_actor_stands(actor));
	actor->expires_at = clock_wall_ms() + 60000;
	assert_true(people_actor_stands(actor));
	actor->expires_at = clock_wall_ms();
	assert_false(people_actor_stands(actor));
	actor->expires_at = 0;
	actor->withdrawn = true;
	assert_false(people_actor_stands(actor));
}

static void
viewers_do_not_call(void **state)
{
	(void)state;
	actor->role = PEOPLE_VIEWER;
	assert_int_equal(ask("GET", SLICE("/")), ERR_FORBIDDEN);
}

static void
methods_are_taken_to_the_letter(void **state)
{
	char *methods[] = { get };

	(void)state;
	actor->methods = methods;
	actor->method_count = 1;
	assert_int_equal(ask("GET", SLICE("/")), 0);
	assert_int_equal(ask("get", SLICE("/")), ERR_FORBIDDEN);
	assert_int_equal(ask("POST", SLICE("/")), ERR_FORBIDDEN);
}

static void
prefixes_end_at_a_segment(void **state)
{
	static const char *const good[] = { "/api/v1",	 "/api/v1/",
					    "/api/v1/x", "/api/v1?x",
					    "/all/",	 "/all/x" };
	static const char *const bad[] = {
		"/",
		"/api",
		"/api/v10",
		"/api/v1;x",
		"/all",
		"/api/%761/x",
		"/api/v1/..;/x",
		"/all/%2e.;a",
		"/api/v1/%2e%2e;/",
	};
	char *prefixes[] = { api, all };
	size_t i;

	(void)state;
	actor->path_prefixes = prefixes;
	actor->path_prefix_count = 2;
	for (i = 0; i < ARRAY_LEN(good); i++)
		if (ask("GET", slice_str(good[i])))
			fail_msg("%s is refused", good[i]);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (ask("GET", slice_str(bad[i])) != ERR_FORBIDDEN)
			fail_msg("%s passes", bad[i]);
}

static void
a_path_that_is_not_known_yet_is_asked_for_later(void **state)
{
	char *prefixes[] = { api };
	const char *why;

	(void)state;
	actor->path_prefixes = prefixes;
	actor->path_prefix_count = 1;
	assert_int_equal(ask("GET", SLICE_NONE), 0);
	assert_int_equal(ask("GET", SLICE("")), ERR_FORBIDDEN);
	assert_int_equal(people_may_call_path(actor, SLICE("/other"), &why),
			 ERR_FORBIDDEN);
	assert_int_equal(people_may_call_path(actor, SLICE("/api/v1/x"), &why),
			 0);
}

static void
a_rate_is_used_up_and_says_when(void **state)
{
	const char *why;
	unsigned retry, i;

	(void)state;
	actor->rate_per_minute = 5;
	for (i = 0; i < 5; i++)
		assert_int_equal(ask("GET", SLICE("/")), 0);
	assert_int_equal(people_may_call(actor, connection, &mine, SLICE("GET"),
					 SLICE("/"), &why, &retry),
			 ERR_BUSY);
	assert_in_range(retry, 1, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_shared_is_not_there),
		TEST(an_empty_list_of_connections_allows_none),
		TEST(an_actor_stands_until_his_key_is_withdrawn_or_over),
		TEST(viewers_do_not_call),
		TEST(methods_are_taken_to_the_letter),
		TEST(prefixes_end_at_a_segment),
		TEST(a_path_that_is_not_known_yet_is_asked_for_later),
		TEST(a_rate_is_used_up_and_says_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
