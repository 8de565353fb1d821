/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the test of a connection leaves behind: with the grant that it was
 * made with alone, and nothing of what others have noted.
 */
#include "../support/front_world.h"

#include "connect/front_priv.h"

#define REFUSED "The service answered the test request with HTTP 403."

static struct connect_info
create(const char *name, bool per_user)
{
	const char *ask[] = { "tickets.READ", "tickets.ALL" };
	struct connect_new n = { .name = name,
				 .service = "test_desk",
				 .method = "oauth",
				 .scopes = { ask, 2 },
				 .per_user = per_user };
	struct connect_info info;

	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &info,
				 &w.p))
		fail_msg("%s %s", w.p.detail, w.p.pointer);
	return info;
}

/* The account has its subject's name; "": the connection's own. */
static void
connects(const struct connect_info *info, const char *subject,
	 uint64_t generation, const char *scope)
{
	struct connect_msg_grant *g = calloc(1, sizeof(*g));
	struct binding *b;
	struct front_row r;

	assert_non_null(g);
	g->generation = generation;
	g->has_scope = true;
	snprintf(g->scope, sizeof(g->scope), "%s", scope);
	snprintf(g->account, sizeof(g->account), "of %s", subject);
	assert_int_equal(front_row_load(w.front, w.c, &w.who, info->link,
					PEOPLE_CONNECTION_MANAGE, w.arena, &r,
					&w.p),
			 0);
	assert_int_equal(front_row_bind(w.front, &r, &b, &w.p), 0);
	assert_int_equal(front_row_connected(w.front, w.c, &w.who, b, &r,
					     subject, "connection.consent", "",
					     g, &w.p),
			 0);
	binding_free(b);
	front_row_release(&r);
	free(g);
}

static struct connect_info
look(const struct connect_info *info)
{
	struct connect_info now;

	assert_int_equal(connect_front_get(w.front, w.c, &w.who, info->link,
					   w.arena, &now, &w.p),
			 0);
	return now;
}

static struct connect_user
user(const struct connect_info *info, const char *subject)
{
	struct connect_user now;

	assert_int_equal(connect_front_user(w.front, w.c, &w.who, info->link,
					    subject, w.arena, &now, &w.p),
			 0);
	return now;
}

static void
tested(const struct connect_info *info, const char *subject,
       uint64_t generation, const char *account, const char *problem)
{
	struct connect_tested t = { .generation = generation };

	snprintf(t.connection, sizeof(t.connection), "%s", info->id);
	snprintf(t.subject, sizeof(t.subject), "%s", subject);
	assert_int_equal(connect_front_tested(w.c, &t, account, problem), 0);
}

/* As another has noted it. */
static void
noted(const struct connect_info *info, const char *words)
{
	assert_int_equal(store_exec(w.c, NULL,
				    "UPDATE connections SET health = "
				    "'degraded', health_reason = ?2, "
				    "health_since = 7, retry_at = 9 "
				    "WHERE id = ?1",
				    "ss", info->id, words),
			 0);
}

static void
test_of_one_user_says_nothing_of_the_connection_or_of_another(void **state)
{
	struct connect_info info = create("Tests of users", true), now;
	struct connect_user other;

	(void)state;
	connects(&info, "u_1", 1, "tickets.READ tickets.ALL");
	connects(&info, "u_2", 1, "tickets.READ tickets.ALL");
	tested(&info, "u_1", 1, "Ada", REFUSED);
	assert_string_equal(user(&info, "u_1").account, "Ada");
	assert_true(user(&info, "u_1").degraded);
	assert_string_equal(user(&info, "u_1").health_reason, REFUSED);
	other = user(&info, "u_2");
	assert_false(other.degraded);
	assert_string_equal(other.account, "of u_2");
	now = look(&info);
	assert_false(now.degraded);
	assert_string_equal(now.account, "");
	tested(&info, "u_2", 1, "", NULL); /* his says nothing of hers */
	assert_true(user(&info, "u_1").degraded);
	tested(&info, "u_1", 1, "", NULL);
	assert_false(user(&info, "u_1").degraded);
	assert_string_equal(user(&info, "u_1").account, "Ada");
	tested(&info, "u_3", 1, "Nobody", REFUSED); /* has no grant here */
	assert_false(look(&info).degraded);
}

static void
passed_test_clears_what_a_test_has_noted_and_nothing_else(void **state)
{
	static const char *const others[] = {
		"The provider may have ended this access.",
		"The service asks to call less often.",
	};
	struct connect_info info = create("Tests", false);
	size_t i;

	(void)state;
	connects(&info, "", 1, "tickets.READ tickets.ALL");
	tested(&info, "", 1, "Ada", "api.example.com has not answered.");
	assert_string_equal(look(&info).account, "Ada");
	assert_string_equal(look(&info).health_reason,
			    "The service has not passed the test request: "
			    "api.example.com has not answered.");
	tested(&info, "", 1, "", REFUSED);
	assert_string_equal(look(&info).health_reason, REFUSED);
	tested(&info, "", 1, "", NULL);
	assert_false(look(&info).degraded);
	assert_string_equal(look(&info).health_reason, "");
	for (i = 0; i < ARRAY_LEN(others); i++) {
		noted(&info, others[i]);
		tested(&info, "", 1, "", REFUSED);
		tested(&info, "", 1, "", NULL);
		assert_true(look(&info).degraded);
		assert_string_equal(look(&info).health_reason, others[i]);
		assert_int_equal(look(&info).health_since, 7);
		assert_int_equal(look(&info).retry_at, 9);
	}
}

static void
what_was_not_granted_is_told_behind_a_failed_test_and_after_it(void **state)
{
	static const char left[] = "Not granted: tickets.ALL. Connect again "
				   "and accept them, or edit the scopes.",
			  both[] = REFUSED " Not granted: tickets.ALL. Connect "
					   "again and accept them, or edit the "
					   "scopes.";
	struct connect_info info = create("Tests of less", false),
			    own = create("Users' tests of less", true);

	(void)state;
	connects(&info, "", 1, "tickets.READ");
	tested(&info, "", 1, "", NULL);
	assert_string_equal(look(&info).health_reason, left);
	tested(&info, "", 1, "", REFUSED);
	assert_string_equal(look(&info).health_reason, both);
	tested(&info, "", 1, "", NULL);
	assert_true(look(&info).degraded);
	assert_string_equal(look(&info).health_reason, left);
	assert_int_equal(look(&info).health_since, look(&info).connected_at);
	connects(&own, "u_1", 1, "tickets.READ");
	tested(&own, "u_1", 1, "", REFUSED);
	assert_string_equal(user(&own, "u_1").health_reason, both);
	tested(&own, "u_1", 1, "", NULL);
	assert_string_equal(user(&own, "u_1").health_reason, left);
	assert_string_equal(user(&own, "u_1").attention, "degraded");
}

static void
test_of_a_grant_of_before_says_nothing_of_the_new_one(void **state)
{
	struct connect_info info = create("Tests of before", false),
			    own = create("Users' tests of before", true);

	(void)state;
	connects(&info, "", 5, "tickets.READ tickets.ALL");
	tested(&info, "", 4, "Former", REFUSED);
	assert_false(look(&info).degraded);
	assert_string_equal(look(&info).account, "of ");
	connects(&own, "u_1", 5, "tickets.READ tickets.ALL");
	tested(&own, "u_1", 4, "Former", REFUSED);
	assert_false(user(&own, "u_1").degraded);
	assert_string_equal(user(&own, "u_1").account, "of u_1");
}

static void
failed_test_of_what_is_not_connected_is_not_noted(void **state)
{
	struct connect_info info = create("Tests of nothing", false);

	(void)state;
	tested(&info, "", 1, "Ada", REFUSED);
	assert_false(look(&info).degraded);
	assert_string_equal(look(&info).account, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_of_one_user_says_nothing_of_the_connection_or_of_another),
		TEST(passed_test_clears_what_a_test_has_noted_and_nothing_else),
		TEST(what_was_not_granted_is_told_behind_a_failed_test_and_after_it),
		TEST(test_of_a_grant_of_before_says_nothing_of_the_new_one),
		TEST(failed_test_of_what_is_not_connected_is_not_noted),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
