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

#define ALL "tickets.READ tickets.ALL"
#define NOT_GRANTED \
	"Not granted: tickets.ALL. Connect again and accept them, or edit " \
	"the scopes."

/* The front hears that a consent has made this generation, and granted so. */
static int
connects_with(const struct connect_info *info, const char *subject,
	      uint64_t generation, const char *account, const char *scope)
{
	static struct connect_msg_grant g;
	struct front_row r;
	struct binding *b;
	int rc;

	grant_of(&g, generation, account, scope, "");
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

static int
connects(const struct connect_info *info, const char *subject,
	 uint64_t generation, const char *account)
{
	return connects_with(info, subject, generation, account, ALL);
}

/* The keeper tells how a grant stands (trouble "": well); brought NULL: it
 * knows no more. */
static void
told_trouble(const struct connect_info *info, const char *subject,
	     uint64_t generation, enum connect_status status,
	     const char *trouble, const struct connect_msg_grant *brought)
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
	m->degraded = trouble[0] != '\0';
	snprintf(m->health_reason, sizeof(m->health_reason), "%s", trouble);
	if (brought)
		m->brought = *brought;
	assert_int_equal(front_catch_up(w.front, w.c, &w.p), 0);
	m->change = 0;
}

static void
told(const struct connect_info *info, const char *subject, uint64_t generation,
     enum connect_status status, const struct connect_msg_grant *brought)
{
	told_trouble(info, subject, generation, status, "", brought);
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
	assert_int_equal(connects_with(&info, "", 5, "ada", "tickets.READ"), 0);
	assert_string_equal(look(&info).account, "ada");
	assert_int_equal(look(&info).status, CONNECT_CONNECTED);
	assert_string_equal(look(&info).health_reason, NOT_GRANTED);
}

/* ---- what was not granted ---- */

static void
only_scopes_are_its_trouble(const struct connect_info *info)
{
	struct connect_info now = look(info);

	assert_true(now.degraded);
	assert_string_equal(now.health_reason, NOT_GRANTED);
	assert_int_equal(now.health_since, now.connected_at);
	assert_int_equal(now.retry_at, 0);
}

static void
what_was_not_granted_is_told_until_all_is(void **state)
{
	struct connect_info info = create("Less than all", false);

	(void)state;
	assert_int_equal(connects_with(&info, "", 1, "ada", "tickets.READ"), 0);
	only_scopes_are_its_trouble(&info);
	told(&info, "", 2, CONNECT_CONNECTED, NULL); /* a refresh */
	only_scopes_are_its_trouble(&info);
	assert_int_equal(connects(&info, "", 3, "ada"), 0);
	assert_false(look(&info).degraded);
	assert_int_equal(look(&info).health_since, 0);
}

static void
other_trouble_is_told_before_it_and_leaves_it(void **state)
{
	struct connect_info info = create("Less, and trouble", false), now;

	(void)state;
	assert_int_equal(connects_with(&info, "", 1, "ada", "tickets.READ"), 0);
	usleep(3000);
	told_trouble(&info, "", 2, CONNECT_CONNECTED, "The provider waits.",
		     NULL);
	now = look(&info);
	assert_true(now.degraded);
	assert_string_equal(now.health_reason,
			    "The provider waits. " NOT_GRANTED);
	assert_true(now.health_since > now.connected_at);
	told(&info, "", 3, CONNECT_CONNECTED, NULL);
	only_scopes_are_its_trouble(&info);
}

struct answering {
	struct loop_task task;
	struct view_entry *e;
	const char *problem;
	_Atomic bool done;
};

static void
answer_seen(struct loop_task *task)
{
	struct answering *a = CONTAINER_OF(task, struct answering, task);
	struct connect_view v = { .all = w.views, .loop = w.loop };
	struct connect_trouble t = { .problem = a->problem };

	connect_view_health(&v, &a->e->seen, "", 1, &t);
	atomic_store(&a->done, true);
}

/* What the service has answered a worker that knows it in trouble, or not. */
static void
answered(const struct connect_info *info, bool degraded, const char *problem)
{
	struct connect_snapshot snapshot = { .refs = 1 };
	struct view_entry e = { .seen = { .snapshot = &snapshot,
					  .degraded = degraded } };
	struct answering a = { .task.run = answer_seen,
			       .e = &e,
			       .problem = problem };
	int i;

	memcpy(snapshot.id, info->id, sizeof(snapshot.id));
	loop_post(w.loop, &a.task);
	for (i = 0; i < 10000 && !atomic_load(&a.done); i++)
		usleep(1000);
	assert_true(a.done);
	loop_pool_wait(w.pool);
}

static void
trouble_with_the_service_that_is_over_leaves_it(void **state)
{
	static const char *const troubles[] = { "missing_scope", "throttled",
						"token_refused" };
	struct connect_info info = create("Less, and answers", false), now;
	size_t i;

	(void)state;
	assert_int_equal(connects_with(&info, "", 1, "ada", "tickets.READ"), 0);
	for (i = 0; i < ARRAY_LEN(troubles); i++) {
		usleep(3000);
		answered(&info, false, troubles[i]);
		now = look(&info);
		assert_true(slice_starts(slice_str(now.health_reason),
					 SLICE("The service ")));
		assert_non_null(strstr(now.health_reason, ". " NOT_GRANTED));
		assert_true(now.health_since > now.connected_at);
		answered(&info, true, NULL); /* by another worker */
		only_scopes_are_its_trouble(&info);
	}
}

static void
disabled_meanwhile_it_still_lacks_them(void **state)
{
	struct connect_info info = create("Less, and disabled", false), now;

	(void)state;
	assert_int_equal(connects_with(&info, "", 1, "ada", "tickets.READ"), 0);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, info.link,
					      false, w.arena, &now, &w.p),
			 0);
	only_scopes_are_its_trouble(&info);
	assert_int_equal(connect_front_enable(w.front, w.c, &w.who, info.link,
					      true, w.arena, &now, &w.p),
			 0);
	only_scopes_are_its_trouble(&info);
}

static void
revoked_grant_takes_what_it_lacked_with_it(void **state)
{
	struct connect_info info = create("Less, and revoked", false), now;
	struct connect_revoked revoked;

	(void)state;
	assert_int_equal(connects_with(&info, "", 1, "ada", "tickets.READ"), 0);
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, info.link,
					      w.arena, &now, &revoked, &w.p),
			 0);
	assert_int_equal(now.status, CONNECT_REVOKED);
	assert_false(now.degraded);
	/* as the keeper tells of another, of which it does not know more */
	told(&info, "", 2, CONNECT_CONNECTED, NULL);
	assert_int_equal(look(&info).status, CONNECT_CONNECTED);
	assert_false(look(&info).degraded);
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

static void
what_is_wrong_with_it_is_kept_beside_it(void **state)
{
	static struct connect_msg_grant g;
	struct connect_info info = create("Troubled unseen", false),
			    own = create("Troubled users unseen", true);

	(void)state;
	grant_of(&g, 2, "bob", "tickets.READ", "");
	told_trouble(&info, "", 3, CONNECT_CONNECTED, "It waits.", &g);
	assert_string_equal(look(&info).health_reason,
			    "It waits. " NOT_GRANTED);
	told(&info, "", 4, CONNECT_CONNECTED, &g);
	assert_string_equal(look(&info).health_reason, NOT_GRANTED);
	told_trouble(&own, "u_1", 3, CONNECT_CONNECTED, "It waits.", &g);
	assert_string_equal(user(&own).health_reason, "It waits. " NOT_GRANTED);
	told(&own, "u_1", 4, CONNECT_CONNECTED, &g);
	assert_string_equal(user(&own).health_reason, NOT_GRANTED);
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
		TEST(what_was_not_granted_is_told_until_all_is),
		TEST(other_trouble_is_told_before_it_and_leaves_it),
		TEST(trouble_with_the_service_that_is_over_leaves_it),
		TEST(disabled_meanwhile_it_still_lacks_them),
		TEST(revoked_grant_takes_what_it_lacked_with_it),
		TEST(what_a_dead_front_has_not_written_is_written),
		TEST(so_is_what_a_user_has_given),
		TEST(what_is_written_is_not_written_over_by_what_the_keeper_remembers),
		TEST(why_it_does_not_work_is_kept_beside_it),
		TEST(what_is_wrong_with_it_is_kept_beside_it),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
