/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that each user gives for himself, as the front has them: their
 * health, who needs attention, and what counting them takes.
 */
#define FRONT_WORLD_THREADS 2
#include "../support/front_world.h"

#include "connect/front_priv.h"
#include "connect/view_priv.h"

enum { DAY_MS = 24 * 3600 * 1000, HOUR_MS = 3600 * 1000 };

/* A connection that each user connects for himself. */
static struct connect_info
create(const char *name)
{
	const char *ask[] = { "tickets.READ", "tickets.ALL" };
	struct connect_new n = { .name = name,
				 .service = "test_desk",
				 .method = "oauth",
				 .scopes = { ask, 2 },
				 .per_user = true };
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

/* Those that the filter lets through, at most 8. */
static size_t
users(const struct connect_info *info, const char *after, bool attention,
      size_t limit, struct connect_user **out)
{
	struct connect_filter filter = { .after = after,
					 .status = "",
					 .attention = attention,
					 .limit = limit };
	size_t count;

	if (connect_front_users(w.front, w.c, &w.who, info->link, &filter,
				w.arena, out, &count, &w.p))
		fail_msg("%s", w.p.detail);
	return count;
}

static const struct connect_user *
user(const struct connect_info *info)
{
	struct connect_user *list;

	assert_int_equal(users(info, "", false, 8, &list), 1);
	return &list[0];
}

/* Whoever is asked for is the user "u_1". */
static void
connects(const struct connect_info *info, uint64_t generation,
	 const char *scope)
{
	struct connect_msg_grant *g = calloc(1, sizeof(*g));
	struct binding *b;
	struct front_row r;

	assert_non_null(g);
	g->generation = generation;
	g->has_scope = true;
	snprintf(g->scope, sizeof(g->scope), "%s", scope);
	assert_int_equal(front_row_load(w.front, w.c, &w.who, info->link,
					PEOPLE_CONNECTION_MANAGE, w.arena, &r,
					&w.p),
			 0);
	assert_int_equal(front_row_bind(w.front, &r, &b, &w.p), 0);
	assert_int_equal(front_row_connected(w.front, w.c, &w.who, b, &r, "u_1",
					     "connection.consent", "", g, &w.p),
			 0);
	binding_free(b);
	front_row_release(&r);
	free(g);
}

/* As the keeper tells of his grant of this generation. */
static void
told(const struct connect_info *info, uint64_t generation,
     enum connect_status status, const char *trouble)
{
	struct connect_msg_status m = { .status = status };

	snprintf(m.who.connection, sizeof(m.who.connection), "%s", info->id);
	snprintf(m.who.subject, sizeof(m.who.subject), "u_1");
	m.who.generation = generation;
	m.degraded = trouble[0] != '\0';
	m.retry_at = trouble[0] ? 12345 : 0;
	snprintf(m.health_reason, sizeof(m.health_reason), "%s", trouble);
	assert_int_equal(store_begin(w.c), 0);
	assert_int_equal(front_user_status(w.c, &m), 0);
	assert_int_equal(store_commit(w.c), 0);
}

/* ---- what the keeper tells ---- */

static void
trouble_is_kept_with_its_reason_until_it_is_well(void **state)
{
	struct connect_info info = create("Told of users");
	int64_t since;

	(void)state;
	told(&info, 1, CONNECT_CONNECTED, "");
	assert_false(user(&info)->degraded);
	assert_string_equal(user(&info)->attention, "");
	told(&info, 1, CONNECT_CONNECTED, "The provider asks to wait.");
	assert_true(user(&info)->degraded);
	assert_string_equal(user(&info)->health_reason,
			    "The provider asks to wait.");
	assert_string_equal(user(&info)->attention, "degraded");
	assert_int_equal(user(&info)->retry_at, 12345);
	since = user(&info)->health_since;
	assert_true(since > 0);
	usleep(3000);
	told(&info, 1, CONNECT_CONNECTED, "The provider gave no token.");
	assert_int_equal(user(&info)->health_since, since);
	told(&info, 2, CONNECT_CONNECTED, "");
	assert_false(user(&info)->degraded);
	assert_string_equal(user(&info)->health_reason, "");
	assert_int_equal(user(&info)->health_since, 0);
	assert_int_equal(user(&info)->retry_at, 0);
}

static void
what_is_told_of_an_older_grant_changes_nothing(void **state)
{
	struct connect_info info = create("Told late of users");

	(void)state;
	connects(&info, 5, "tickets.READ tickets.ALL");
	told(&info, 4, CONNECT_CONNECTED, "The provider asks to wait.");
	assert_false(user(&info)->degraded);
	told(&info, 4, CONNECT_NEEDS_RECONNECT, "");
	assert_int_equal(user(&info)->status, CONNECT_CONNECTED);
	told(&info, 5, CONNECT_NEEDS_RECONNECT, "");
	assert_int_equal(user(&info)->status, CONNECT_NEEDS_RECONNECT);
}

static void
scope_that_was_not_granted_is_his_trouble_until_he_grants_it(void **state)
{
	struct connect_info info = create("Scopes of users");

	(void)state;
	connects(&info, 1, "tickets.READ");
	assert_true(user(&info)->degraded);
	assert_non_null(strstr(user(&info)->health_reason,
			       "Not granted: tickets.ALL."));
	assert_true(user(&info)->health_since > 0);
	told(&info, 2, CONNECT_CONNECTED, ""); /* a refresh */
	assert_true(user(&info)->degraded);
	assert_true(user(&info)->health_since > 0);
	connects(&info, 3, "tickets.READ tickets.ALL");
	assert_false(user(&info)->degraded);
	assert_int_equal(user(&info)->health_since, 0);
	assert_false(look(&info).degraded); /* that is of nobody's grant */
}

#define NOT_GRANTED \
	"Not granted: tickets.ALL. Connect again and accept them, or edit " \
	"the scopes."

/* As it was at his consent. */
static void
only_scopes_are_his_trouble(const struct connect_info *info, int64_t since)
{
	assert_true(user(info)->degraded);
	assert_string_equal(user(info)->attention, "degraded");
	assert_string_equal(user(info)->health_reason, NOT_GRANTED);
	assert_int_equal(user(info)->health_since, since);
	assert_int_equal(user(info)->retry_at, 0);
}

static void
other_trouble_is_told_before_what_was_not_granted_and_leaves_it(void **state)
{
	struct connect_info info = create("Scopes and trouble of users");
	int64_t since;

	(void)state;
	connects(&info, 1, "tickets.READ");
	since = user(&info)->connected_at;
	only_scopes_are_his_trouble(&info, since);
	usleep(3000);
	told(&info, 2, CONNECT_CONNECTED, "The provider asks to wait.");
	assert_string_equal(user(&info)->health_reason,
			    "The provider asks to wait. " NOT_GRANTED);
	assert_true(user(&info)->health_since > since);
	assert_int_equal(user(&info)->retry_at, 12345);
	told(&info, 3, CONNECT_CONNECTED, "");
	only_scopes_are_his_trouble(&info, since);
}

static void
revoked_grant_takes_what_it_lacked_with_it(void **state)
{
	struct connect_info info = create("Scopes of nobody"), now;
	struct connect_revoked revoked;

	(void)state;
	connects(&info, 1, "tickets.READ");
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, info.link,
					      w.arena, &now, &revoked, &w.p),
			 0);
	assert_int_equal(now.users_degraded, 0);
	assert_string_equal(user(&info)->attention, "revoked");
	/* as the keeper tells of another, of which it does not know more */
	told(&info, 3, CONNECT_CONNECTED, "");
	assert_false(user(&info)->degraded);
}

static void
grant_that_is_of_no_use_has_no_health(void **state)
{
	struct connect_info info = create("Ends of users");

	(void)state;
	connects(&info, 1, "tickets.READ");
	assert_true(user(&info)->degraded);
	told(&info, 2, CONNECT_NEEDS_RECONNECT, "");
	assert_false(user(&info)->degraded);
	assert_string_equal(user(&info)->health_reason, "");
	assert_int_equal(user(&info)->health_since, 0);
	assert_string_equal(user(&info)->attention, "needs_reconnect");
	connects(&info, 3, "tickets.READ");
	told(&info, 4, CONNECT_REVOKED, "");
	assert_false(user(&info)->degraded);
	assert_string_equal(user(&info)->attention, "revoked");
}

/* ---- what the service answers ---- */

static struct view_entry *
entry_new(const struct connect_info *info)
{
	struct view_entry *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->seen.snapshot = calloc(1, sizeof(*e->seen.snapshot));
	assert_non_null(e->seen.snapshot);
	e->seen.snapshot->refs = 1;
	e->seen.snapshot->per_user = true;
	memcpy(e->seen.snapshot->id, info->id, sizeof(info->id));
	assert_int_equal(view_users_load(w.c, info->id, &e->users), 0);
	return e;
}

static void
entry_free(struct view_entry *e)
{
	view_users_release(&e->users);
	free(e->seen.snapshot);
	free(e);
}

struct answering {
	struct loop_task task;
	struct view_entry *e;
	const char *subject;
	uint64_t generation;
	struct connect_trouble t;
	_Atomic bool done;
};

static void
answer_seen(struct loop_task *task)
{
	struct answering *a = CONTAINER_OF(task, struct answering, task);
	struct connect_view v = { .all = w.views, .loop = w.loop };

	connect_view_health(&v, &a->e->seen, a->subject, a->generation, &a->t);
	atomic_store(&a->done, true);
}

/* As a worker does, on its loop. */
static void
trouble(struct view_entry *e, const char *subject, uint64_t generation,
	struct connect_trouble t)
{
	struct answering a = { .task.run = answer_seen,
			       .e = e,
			       .subject = subject,
			       .t = t,
			       .generation = generation };
	int i;

	loop_post(w.loop, &a.task);
	for (i = 0; i < 10000 && !atomic_load(&a.done); i++)
		usleep(1000);
	assert_true(a.done);
	loop_pool_wait(w.pool);
}

static void
answer(struct view_entry *e, const char *subject, uint64_t generation,
       const char *problem)
{
	trouble(e, subject, generation,
		(struct connect_trouble){ .problem = problem });
}

static void
service_that_misses_a_scope_of_one_user_marks_him_alone(void **state)
{
	struct connect_info info = create("Answers to users");
	struct view_entry *e = entry_new(&info);

	(void)state;
	connects(&info, 1, "tickets.READ tickets.ALL");
	assert_false(connect_view_degraded(&e->seen, "u_1"));
	answer(e, "u_1", 1, "missing_scope");
	assert_true(connect_view_degraded(&e->seen, "u_1"));
	assert_false(connect_view_degraded(&e->seen, "u_2"));
	assert_true(user(&info)->degraded);
	assert_non_null(strstr(user(&info)->health_reason, "scope is missing"));
	assert_false(look(&info).degraded);
	answer(e, "u_1", 1, NULL); /* within the minute */
	assert_true(user(&info)->degraded);
	entry_free(e);
	e = entry_new(&info); /* by another worker */
	assert_true(connect_view_degraded(&e->seen, "u_1"));
	assert_false(connect_view_degraded(&e->seen, "u_2"));
	answer(e, "u_1", 1, NULL);
	assert_false(connect_view_degraded(&e->seen, "u_1"));
	assert_false(user(&info)->degraded);
	entry_free(e);
}

static void
news_of_the_token_does_not_clear_what_the_service_has_said_of_it(void **state)
{
	struct connect_info info = create("News of users");
	struct view_entry *e = entry_new(&info);

	(void)state;
	connects(&info, 1, "tickets.READ tickets.ALL");
	answer(e, "u_1", 2, "token_refused"); /* its news come later */
	assert_true(user(&info)->degraded);
	told(&info, 2, CONNECT_CONNECTED, "");
	assert_true(user(&info)->degraded);
	assert_true(user(&info)->health_since > 0);
	told(&info, 3, CONNECT_CONNECTED, "");
	assert_false(user(&info)->degraded);
	entry_free(e);
}

static void
answer_to_a_grant_of_before_says_nothing_of_the_new_one(void **state)
{
	struct connect_info info = create("Answers of before");
	struct view_entry *e = entry_new(&info);

	(void)state;
	connects(&info, 5, "tickets.READ tickets.ALL");
	answer(e, "u_1", 4, "missing_scope");
	assert_false(user(&info)->degraded);
	entry_free(e);
}

static void
good_answer_does_not_clear_what_others_have_noted(void **state)
{
	struct connect_info info = create("Others of users");
	struct view_entry *e;

	(void)state;
	connects(&info, 1, "tickets.READ");
	told(&info, 1, CONNECT_CONNECTED, "The provider asks to wait.");
	e = entry_new(&info);
	assert_false(connect_view_degraded(&e->seen, "u_1"));
	e->users.more = true; /* it knows nothing of him */
	assert_true(connect_view_degraded(&e->seen, "u_1"));
	answer(e, "u_1", 1, NULL);
	assert_false(connect_view_degraded(&e->seen, "u_1"));
	assert_string_equal(user(&info)->health_reason,
			    "The provider asks to wait. " NOT_GRANTED);
	entry_free(e);
}

static void
trouble_with_the_service_that_is_over_leaves_what_was_not_granted(void **state)
{
	static const char *const troubles[] = { "missing_scope", "throttled",
						"token_refused" };
	struct connect_info info = create("Scopes and answers of users");
	struct view_entry *e;
	int64_t since;
	size_t i;

	(void)state;
	connects(&info, 1, "tickets.READ");
	since = user(&info)->connected_at;
	for (i = 0; i < ARRAY_LEN(troubles); i++) {
		e = entry_new(&info);
		assert_false(connect_view_degraded(&e->seen, "u_1"));
		usleep(3000);
		answer(e, "u_1", 1, troubles[i]);
		assert_true(connect_view_degraded(&e->seen, "u_1"));
		assert_true(slice_starts(slice_str(user(&info)->health_reason),
					 SLICE("The service ")));
		assert_non_null(
			strstr(user(&info)->health_reason, ". " NOT_GRANTED));
		assert_true(user(&info)->health_since > since);
		entry_free(e);
		e = entry_new(&info); /* by another worker */
		assert_true(connect_view_degraded(&e->seen, "u_1"));
		answer(e, "u_1", 1, NULL);
		only_scopes_are_his_trouble(&info, since);
		entry_free(e);
	}
}

/* Its kind and the time are as the service told them last. */
static void
throttled(const struct connect_info *info, struct view_entry *e,
	  enum catalog_limit limit, int64_t wait_ms)
{
	trouble(e, "u_1", 1,
		(struct connect_trouble){ .problem = "throttled",
					  .limit = limit,
					  .wait_ms = wait_ms });
	assert_true(user(info)->degraded);
}

static void
throttle_is_told_with_what_there_was_too_much_of_and_until_when(void **state)
{
	struct connect_info info = create("Throttles of users");
	struct view_entry *e = entry_new(&info);
	int64_t now = clock_wall_ms(), at;

	(void)state;
	connects(&info, 1, "tickets.READ tickets.ALL");
	throttled(&info, e, CATALOG_LIMIT_RATE, 0);
	assert_string_equal(user(&info)->health_reason,
			    "The service asks to call less often.");
	assert_int_equal(user(&info)->retry_at, 0);
	throttled(&info, e, CATALOG_LIMIT_CONCURRENCY, 0);
	assert_non_null(strstr(user(&info)->health_reason, "the same time"));
	assert_int_equal(user(&info)->retry_at, 0);
	throttled(&info, e, CATALOG_LIMIT_QUOTA, 7200 * 1000);
	at = user(&info)->retry_at;
	assert_true(at >= now + 7200 * 1000 && at < now + 7260 * 1000);
	assert_non_null(strstr(user(&info)->health_reason, "used up, until 2"));
	/* within the minute the graver one stays, as it was told first */
	throttled(&info, e, CATALOG_LIMIT_CONCURRENCY, 0);
	throttled(&info, e, CATALOG_LIMIT_QUOTA, 1000);
	assert_int_equal(user(&info)->retry_at, at);
	told(&info, 1, CONNECT_CONNECTED, ""); /* of that token, late */
	assert_int_equal(user(&info)->retry_at, at);
	entry_free(e);
	e = entry_new(&info);
	answer(e, "u_1", 1, NULL);
	assert_false(user(&info)->degraded);
	assert_int_equal(user(&info)->retry_at, 0);
	entry_free(e);
}

static void
throttle_that_outlives_what_was_told_of_it_is_told_anew(void **state)
{
	struct connect_info info = create("Long throttles of users");
	struct view_entry *e = entry_new(&info);
	int64_t first, since;

	(void)state;
	connects(&info, 1, "tickets.READ tickets.ALL");
	throttled(&info, e, CATALOG_LIMIT_QUOTA, 1);
	first = user(&info)->retry_at;
	since = user(&info)->health_since;
	assert_true(first && since);
	usleep(5000);
	throttled(&info, e, CATALOG_LIMIT_QUOTA, 7200 * 1000);
	assert_true(user(&info)->retry_at > first + 3600 * 1000);
	assert_int_equal(user(&info)->health_since, since);
	/* and after a renewal of the token, which has cleared it */
	told(&info, 2, CONNECT_CONNECTED, "");
	assert_false(user(&info)->degraded);
	trouble(e, "u_1", 2,
		(struct connect_trouble){ .problem = "throttled",
					  .limit = CATALOG_LIMIT_RATE });
	assert_true(user(&info)->degraded);
	assert_int_equal(user(&info)->retry_at, 0);
	entry_free(e);
}

static void
trouble_of_many_users_is_bounded_in_a_worker_and_cleared_all_the_same(
	void **state)
{
	struct connect_info info = create("Many in trouble");
	struct view_entry *e;

	(void)state;
	assert_int_equal(
		store_exec(w.c, NULL,
			   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
			   "SELECT i + 1 FROM n WHERE i < 1500) "
			   "INSERT INTO connection_users (connection, subject, "
			   "status, health, health_reason) SELECT ?1, "
			   "printf('m_%05d', i), 'connected', 'degraded', "
			   "'The service asks to call less often.' FROM n",
			   "s", info.id),
		0);
	assert_int_equal(look(&info).users_degraded, 1500);
	e = entry_new(&info);
	assert_true(e->users.more);
	assert_int_equal(table_count(e->users.by_subject), 1000);
	answer(e, "m_01400", 1, NULL);
	assert_int_equal(look(&info).users_degraded, 1499);
	entry_free(e);
}

/* ---- who needs attention ---- */

static void
put(const struct connect_info *info, const char *subject, const char *status,
    const char *health, int64_t ends_at)
{
	assert_int_equal(
		store_exec(w.c, NULL,
			   "INSERT INTO connection_users (connection, subject, "
			   "status, health, ends_at, ends_why) VALUES (?1, ?2, "
			   "?3, ?4, ?5, 'total_life')",
			   "ssssi", info->id, subject, status, health, ends_at),
		0);
}

static void
who_needs_attention_is_counted_once_and_listed_by_page(void **state)
{
	struct connect_info info = create("Attention"), now;
	int64_t at = clock_wall_ms();
	struct connect_user *list;

	(void)state;
	put(&info, "a", "connected", "ok", 0);
	put(&info, "b", "connected", "degraded", at + HOUR_MS);
	put(&info, "c", "connected", "ok", at + 6 * (int64_t)DAY_MS);
	put(&info, "d", "connected", "ok", at + 8 * (int64_t)DAY_MS);
	put(&info, "e", "needs_reconnect", "ok", 0);
	put(&info, "f", "revoked", "ok", 0);
	now = look(&info);
	assert_int_equal(now.users_connected, 4);
	assert_int_equal(now.users_degraded, 1);
	assert_int_equal(now.users_expiring, 1);
	assert_int_equal(now.users_need_reconnect, 1);
	assert_int_equal(now.users_revoked, 1);
	assert_int_equal(users(&info, "", false, 8, &list), 6);
	assert_int_equal(users(&info, "", true, 3, &list), 3);
	assert_string_equal(list[0].subject, "b");
	assert_string_equal(list[0].attention, "degraded");
	assert_string_equal(list[1].subject, "c");
	assert_string_equal(list[1].attention, "expiring");
	assert_string_equal(list[2].subject, "e");
	assert_string_equal(list[2].attention, "needs_reconnect");
	assert_int_equal(users(&info, "e", true, 3, &list), 1);
	assert_string_equal(list[0].attention, "revoked");
}

static uint64_t
degraded_in_all(void)
{
	uint64_t degraded;

	assert_int_equal(front_users_count(w.store, &degraded), 0);
	return degraded;
}

static void
whoever_has_not_granted_all_scopes_is_counted_and_listed_once(void **state)
{
	struct connect_info info = create("Attention to scopes"), now;
	int64_t soon = clock_wall_ms() + HOUR_MS;
	uint64_t before = degraded_in_all();
	struct connect_user *list;

	(void)state;
	put(&info, "a", "connected", "ok", 0);
	put(&info, "u_2", "connected", "degraded", soon);
	connects(&info, 1, "tickets.READ");
	/* that it will end soon as well is not told */
	store_exec(w.c, NULL,
		   "UPDATE connection_users SET ends_at = ?2, ends_why = "
		   "'total_life' WHERE connection = ?1 AND subject = 'u_1'",
		   "si", info.id, soon);
	now = look(&info);
	assert_int_equal(now.users_connected, 3);
	assert_int_equal(now.users_degraded, 2);
	assert_int_equal(now.users_expiring, 0);
	assert_int_equal(degraded_in_all(), before + 2);
	assert_int_equal(users(&info, "", true, 8, &list), 2);
	assert_string_equal(list[0].subject, "u_1");
	assert_string_equal(list[0].attention, "degraded");
	assert_string_equal(list[1].subject, "u_2");
	told(&info, 2, CONNECT_CONNECTED, "The provider asks to wait.");
	assert_int_equal(look(&info).users_degraded, 2);
	assert_int_equal(degraded_in_all(), before + 2);
	assert_int_equal(users(&info, "", true, 8, &list), 2);
	told(&info, 3, CONNECT_NEEDS_RECONNECT, "");
	assert_int_equal(look(&info).users_degraded, 1);
	assert_int_equal(look(&info).users_need_reconnect, 1);
	assert_int_equal(degraded_in_all(), before + 1);
	assert_int_equal(users(&info, "", true, 8, &list), 2);
	assert_string_equal(list[0].attention, "needs_reconnect");
}

static void
revoking_ends_grants_and_not_the_connection(void **state)
{
	struct connect_info info = create("Revoked by one"), now;
	struct connect_revoked revoked;

	(void)state;
	assert_int_equal(connect_front_revoke(w.front, w.c, &w.who, info.link,
					      w.arena, &now, &revoked, &w.p),
			 0);
	assert_int_equal(now.status, CONNECT_NOT_CONNECTED);
}

/* Every look at users goes by an index, and none sorts all of them. */
static void
counting_walks_over_no_table(void **state)
{
	static char sql[sizeof("EXPLAIN QUERY PLAN ") + 8192];
	struct store_stmt *st = NULL;
	int counts = 0;
	char step[400];

	(void)state;
	snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", front_row_page);
	assert_int_equal(store_query(w.c, &st, sql, "sssssi", "o", "", "", "",
				     "", (int64_t)1),
			 0);
	while (store_step(st) == 1) {
		slice_copy(store_col(st, 3), step, sizeof(step));
		if (strstr(step, "SCAN u"))
			fail_msg("%s", step);
		counts += strstr(step, "COVERING INDEX "
				       "connection_users_standing") != NULL;
	}
	store_done(st);
	assert_int_equal(counts, 6);
}

static void
counting_the_degraded_of_all_connections_walks_over_no_table(void **state)
{
	static char sql[sizeof("EXPLAIN QUERY PLAN ") + 400];
	struct store_stmt *st = NULL;
	char step[400];

	(void)state;
	snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s",
		 front_users_degraded);
	assert_int_equal(store_query(w.c, &st, sql, ""), 0);
	assert_int_equal(store_step(st), 1);
	slice_copy(store_col(st, 3), step, sizeof(step));
	assert_string_equal(step,
			    "SEARCH connection_users USING COVERING INDEX "
			    "connection_users_told (status=?)");
	assert_int_equal(store_step(st), 0);
	store_done(st);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(trouble_is_kept_with_its_reason_until_it_is_well),
		TEST(what_is_told_of_an_older_grant_changes_nothing),
		TEST(scope_that_was_not_granted_is_his_trouble_until_he_grants_it),
		TEST(other_trouble_is_told_before_what_was_not_granted_and_leaves_it),
		TEST(revoked_grant_takes_what_it_lacked_with_it),
		TEST(grant_that_is_of_no_use_has_no_health),
		TEST(service_that_misses_a_scope_of_one_user_marks_him_alone),
		TEST(news_of_the_token_does_not_clear_what_the_service_has_said_of_it),
		TEST(answer_to_a_grant_of_before_says_nothing_of_the_new_one),
		TEST(good_answer_does_not_clear_what_others_have_noted),
		TEST(trouble_with_the_service_that_is_over_leaves_what_was_not_granted),
		TEST(throttle_is_told_with_what_there_was_too_much_of_and_until_when),
		TEST(throttle_that_outlives_what_was_told_of_it_is_told_anew),
		TEST(trouble_of_many_users_is_bounded_in_a_worker_and_cleared_all_the_same),
		TEST(who_needs_attention_is_counted_once_and_listed_by_page),
		TEST(whoever_has_not_granted_all_scopes_is_counted_and_listed_once),
		TEST(revoking_ends_grants_and_not_the_connection),
		TEST(counting_walks_over_no_table),
		TEST(counting_the_degraded_of_all_connections_walks_over_no_table),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
