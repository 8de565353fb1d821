/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a grant brought with it, in rows: consents that come to their end in
 * another order than the keeper has stored them, a revocation among them, and
 * a front that has heard of one from the keeper alone.
 */
#define FRONT_WORLD_THREADS 2
#include "../support/front_world.h"

#include "connect/front_priv.h"
#include "connect/view_priv.h"

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
user(const struct connect_info *info)
{
	struct connect_filter filter = { .after = "",
					 .status = "",
					 .limit = 8 };
	struct connect_user *list;
	size_t count;

	assert_int_equal(connect_front_users(w.front, w.c, &w.who, info->link,
					     &filter, w.arena, &list, &count,
					     &w.p),
			 0);
	assert_int_equal(count, 1);
	return list[0];
}

static void
grant_of(struct connect_msg_grant *g, uint64_t generation, const char *account,
	 const char *scope, const char *data_centre)
{
	memset(g, 0, sizeof(*g));
	g->generation = generation;
	g->has_scope = true;
	snprintf(g->scope, sizeof(g->scope), "%s", scope);
	snprintf(g->account, sizeof(g->account), "%s", account);
	snprintf(g->data_centre, sizeof(g->data_centre), "%s", data_centre);
}

/* The front hears that a consent has made this generation. */
static int
connects(const struct connect_info *info, const char *subject,
	 uint64_t generation, const char *account)
{
	static struct connect_msg_grant g;
	struct front_row r;
	struct binding *b;
	int rc;

	grant_of(&g, generation, account, "tickets.READ tickets.ALL", "");
	assert_int_equal(front_row_load(w.front, w.c, &w.who, info->link,
					PEOPLE_CONNECTION_MANAGE, w.arena, &r,
					&w.p),
			 0);
	assert_int_equal(front_row_bind(w.front, &r, &b, &w.p), 0);
	rc = front_row_connected(w.front, w.c, &w.who, b, &r, subject,
				 "connection.consent", "", &g, &w.p);
	binding_free(b);
	front_row_release(&r);
	return rc;
}

/* The keeper tells how a grant stands; brought NULL: it knows no more. */
static void
told(const struct connect_info *info, const char *subject, uint64_t generation,
     enum connect_status status, const struct connect_msg_grant *brought)
{
	struct connect_msg_status *m = &keeper.change;
	static uint64_t change;

	memset(m, 0, sizeof(*m));
	m->change = ++change;
	m->status = status;
	snprintf(m->who.org, sizeof(m->who.org), "%s", w.who.actor->org);
	snprintf(m->who.connection, sizeof(m->who.connection), "%s", info->id);
	snprintf(m->who.subject, sizeof(m->who.subject), "%s", subject);
	m->who.generation = generation;
	m->expires_at = clock_wall_ms() + 3600 * 1000;
	if (brought)
		m->brought = *brought;
	assert_int_equal(front_catch_up(w.front, w.c, &w.p), 0);
	m->change = 0;
}

/* ---- in another order ---- */

static void
later_consent_stays_where_the_earlier_is_written_last(void **state)
{
	struct connect_info info = create("Two at once", false);

	(void)state;
	assert_int_equal(connects(&info, "", 6, "bob"), 0);
	assert_int_equal(connects(&info, "", 5, "ada"), ERR_CONFLICT);
	assert_string_equal(w.p.code, "changed_meanwhile");
	assert_string_equal(look(&info).account, "bob");
	assert_int_equal(look(&info).status, CONNECT_CONNECTED);
	assert_int_equal(connects(&info, "", 7, "eve"), 0);
	assert_string_equal(look(&info).account, "eve");
}

static void
so_does_a_users(void **state)
{
	struct connect_info info = create("Two of a user", true);

	(void)state;
	assert_int_equal(connects(&info, "u_1", 6, "bob"), 0);
	assert_int_equal(connects(&info, "u_1", 5, "ada"), ERR_CONFLICT);
	assert_string_equal(user(&info).account, "bob");
	assert_int_equal(connects(&info, "u_1", 7, "eve"), 0);
	assert_string_equal(user(&info).account, "eve");
}

static void
what_was_revoked_stays_so_where_its_consent_is_written_last(void **state)
{
	struct connect_info info = create("Revoked at once", false);

	(void)state;
	assert_int_equal(connects(&info, "", 4, "ada"), 0);
	told(&info, "", 6, CONNECT_REVOKED, NULL);
	assert_int_equal(connects(&info, "", 5, "bob"), ERR_CONFLICT);
	assert_int_equal(look(&info).status, CONNECT_REVOKED);
}

static void
consent_stays_where_an_earlier_revocation_is_written_last(void **state)
{
	struct connect_info info = create("Connected at once", false), now;
	struct connect_revoked revoked;

	(void)state;
	/* the keeper here revokes generation 1 */
	assert_int_equal(connects(&info, "", 2, "bob"), 0);
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, info.link,
					      w.arena, &now, &revoked, &w.p),
			 0);
	assert_int_equal(now.status, CONNECT_CONNECTED);
	assert_string_equal(now.account, "bob");
}

static void
grant_that_was_renewed_before_it_was_written_is_written(void **state)
{
	struct connect_info info = create("Renewed at once", false);

	(void)state;
	told(&info, "", 6, CONNECT_CONNECTED, NULL);
	assert_int_equal(connects(&info, "", 5, "ada"), 0);
	assert_string_equal(look(&info).account, "ada");
	assert_int_equal(look(&info).status, CONNECT_CONNECTED);
}

/* ---- from the keeper alone ---- */

static void
what_a_dead_front_has_not_written_is_written(void **state)
{
	static struct connect_msg_grant g;
	struct connect_info info = create("Front is dead", false), now;

	(void)state;
	assert_int_equal(connects(&info, "", 1, "ada"), 0);
	grant_of(&g, 2, "bob", "tickets.READ", "eu");
	snprintf(g.warning, sizeof(g.warning), "There are many.");
	told(&info, "", 3, CONNECT_CONNECTED, &g);
	now = look(&info);
	assert_string_equal(now.account, "bob");
	assert_string_equal(now.data_centre, "eu");
	assert_string_equal(now.warning, "There are many.");
	assert_int_equal(now.scopes_granted.count, 1);
	assert_string_equal(now.scopes_granted.items[0], "tickets.READ");
	assert_true(now.degraded);
	assert_non_null(strstr(now.health_reason, "Not granted: tickets.ALL"));
	grant_of(&g, 4, "eve", "tickets.READ tickets.ALL", "");
	told(&info, "", 4, CONNECT_CONNECTED, &g);
	now = look(&info);
	assert_string_equal(now.account, "eve");
	assert_string_equal(now.data_centre, "");
	assert_string_equal(now.warning, "");
	assert_int_equal(now.scopes_granted.count, 2);
	assert_false(now.degraded);
}

static void
so_is_what_a_user_has_given(void **state)
{
	static struct connect_msg_grant g;
	struct connect_info info = create("Front of users is dead", true);

	(void)state;
	grant_of(&g, 1, "ada", "tickets.READ", "");
	told(&info, "u_1", 1, CONNECT_CONNECTED, &g);
	assert_string_equal(user(&info).account, "ada");
	assert_int_equal(user(&info).scopes_granted.count, 1);
	assert_string_equal(user(&info).attention, "degraded");
	grant_of(&g, 2, "bob", "tickets.READ tickets.ALL", "");
	told(&info, "u_1", 2, CONNECT_CONNECTED, &g);
	assert_string_equal(user(&info).account, "bob");
	assert_int_equal(user(&info).scopes_granted.count, 2);
	assert_string_equal(user(&info).attention, "");
}

static void
what_is_written_is_not_written_over_by_what_the_keeper_remembers(void **state)
{
	static struct connect_msg_grant g;
	struct connect_info info = create("Front lives", false);

	(void)state;
	assert_int_equal(connects(&info, "", 2, "ada"), 0);
	store_exec(w.c, NULL,
		   "UPDATE connections SET warning = 'Told', "
		   "scopes_granted = '[\"x\"]' WHERE id = ?1",
		   "s", info.id);
	grant_of(&g, 2, "ada", "tickets.READ", "eu");
	told(&info, "", 3, CONNECT_CONNECTED, &g);
	assert_string_equal(look(&info).warning, "Told");
	assert_string_equal(look(&info).scopes_granted.items[0], "x");
	assert_string_equal(look(&info).data_centre, "");
	grant_of(&g, 1, "old", "tickets.READ", "eu");
	told(&info, "", 4, CONNECT_CONNECTED, &g);
	assert_string_equal(look(&info).account, "ada");
}

static void
why_it_does_not_work_is_kept_beside_it(void **state)
{
	static struct connect_msg_grant g;
	struct connect_info info = create("Ended unseen", false);

	(void)state;
	assert_int_equal(connects(&info, "", 1, "ada"), 0);
	grant_of(&g, 2, "bob", "tickets.READ", "");
	told(&info, "", 3, CONNECT_NEEDS_RECONNECT, &g);
	assert_string_equal(look(&info).account, "bob");
	assert_int_equal(look(&info).status, CONNECT_NEEDS_RECONNECT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(later_consent_stays_where_the_earlier_is_written_last),
		TEST(so_does_a_users),
		TEST(what_was_revoked_stays_so_where_its_consent_is_written_last),
		TEST(consent_stays_where_an_earlier_revocation_is_written_last),
		TEST(grant_that_was_renewed_before_it_was_written_is_written),
		TEST(what_a_dead_front_has_not_written_is_written),
		TEST(so_is_what_a_user_has_given),
		TEST(what_is_written_is_not_written_over_by_what_the_keeper_remembers),
		TEST(why_it_does_not_work_is_kept_beside_it),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
