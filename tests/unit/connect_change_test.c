/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes a connection that is there: a person, and what the keeper
 * tells of its grant.
 */
#define FRONT_WORLD_THREADS 8
#include "../support/front_world.h"

static struct connect_info
create(const struct connect_who *who, const char *name)
{
	struct json_secret key = { .name = "api_key" };
	struct connect_new n = { .name = name,
				 .service = "test_desk",
				 .method = "key",
				 .credentials = &key,
				 .credential_count = 1 };
	struct connect_info info;

	key.value = secret_from("k-1", 3);
	if (connect_front_create(w.front, w.c, who, &n, w.arena, &info, &w.p))
		fail_msg("%s", w.p.detail);
	return info;
}

/* ---- by people ---- */

static struct people_actor *
builder(const char *email)
{
	char id[PEOPLE_ID_SIZE];

	assert_int_equal(store_begin(w.c), 0);
	assert_int_equal(people_member_create(w.c, w.owner->org, email, email,
					      PEOPLE_BUILDER, NULL, id),
			 0);
	assert_int_equal(store_commit(w.c), 0);
	return people_actor_new(w.owner->org, id, PEOPLE_BUILDER, email);
}

static void
who_hands_a_connection_over_is_told_that_it_went_well(void **state)
{
	struct people_actor *ada = builder("ada@example.com");
	struct people_actor *ben = builder("ben@example.com");
	struct connect_who who = { .actor = ada };
	struct connect_change ch = { .owner = ben->member };
	struct connect_info info = create(&who, "Handed over"), seen;

	(void)state;
	if (connect_front_change(w.front, w.c, &who, info.link, 0, &ch, w.arena,
				 &seen, &w.p))
		fail_msg("%d %s", w.p.status, w.p.detail);
	assert_string_equal(seen.owner, ben->member);
	assert_false(seen.may_manage);
	assert_int_equal(connect_front_get(w.front, w.c, &who, info.link,
					   w.arena, &seen, &w.p),
			 ERR_NOT_FOUND);
	who.actor = ben;
	assert_int_equal(connect_front_get(w.front, w.c, &who, info.link,
					   w.arena, &seen, &w.p),
			 0);
	assert_true(seen.may_manage);
	people_actor_unref(ada);
	people_actor_unref(ben);
}

/* ---- by the keeper ---- */

enum { NOTICES = 300 };

static struct telling {
	struct loop_task task;
	struct connect_msg_status status;
} telling;

/* On the loop, where the keeper's end of the channel is. */
static void
tell(struct loop_task *task)
{
	struct telling *t = CONTAINER_OF(task, struct telling, task);
	struct proc_pack *p;
	int i;

	for (i = 1; i <= NOTICES; i++) {
		t->status.change = (uint64_t)i;
		t->status.expires_at = i;
		t->status.status = i == NOTICES ? CONNECT_NEEDS_RECONNECT
						: CONNECT_CONNECTED;
		snprintf(t->status.reason, sizeof(t->status.reason),
			 "notice %d", i);
		p = proc_pack_new();
		connect_msg_status_pack(&t->status, p);
		proc_notify(w.far, CONNECT_FRONT_STATUS, p);
	}
}

static void
what_the_keeper_told_last_is_what_stays(void **state)
{
	struct connect_info info = create(&w.who, "Told of");
	int i;

	(void)state;
	memset(&telling, 0, sizeof(telling));
	snprintf(telling.status.who.org, CONNECT_ID_SIZE, "%s", w.owner->org);
	snprintf(telling.status.who.connection, CONNECT_ID_SIZE, "%s", info.id);
	telling.status.who.generation = 1;
	telling.task.run = tell;
	loop_post(w.loop, &telling.task);
	for (i = 0; i < 1000; i++) {
		if (number("SELECT value FROM settings WHERE "
			   "name = ?1",
			   "keeper_change") == NOTICES)
			break;
		usleep(10 * 1000);
	}
	loop_pool_wait(w.pool);
	assert_int_equal(
		number("SELECT expires_at FROM connections WHERE id = ?1",
		       info.id),
		NOTICES);
	assert_int_equal(number("SELECT count(*) FROM connections WHERE "
				"id = ?1 AND status = 'needs_reconnect'",
				info.id),
			 1);
}

/* One alone, and many before it were lost. */
static void
tell_late(struct loop_task *task)
{
	struct telling *t = CONTAINER_OF(task, struct telling, task);
	struct proc_pack *p = proc_pack_new();

	connect_msg_status_pack(&t->status, p);
	proc_notify(w.far, CONNECT_FRONT_STATUS, p);
}

static void
tell_missed(struct loop_task *task)
{
	(void)task;
	proc_notify(w.far, CONNECT_FRONT_MISSED, NULL);
}

static int64_t
wait_for_change(int64_t n)
{
	int64_t known = 0;
	int i;

	for (i = 0; i < 500 && known != n; i++) {
		usleep(10 * 1000);
		known = number("SELECT value FROM settings WHERE name = ?1",
			       "keeper_change");
	}
	loop_pool_wait(w.pool);
	return known;
}

static void
a_notice_before_which_some_are_missing_makes_the_front_ask(void **state)
{
	struct connect_info told = create(&w.who, "Told");
	struct connect_info missed = create(&w.who, "Missed");

	(void)state;
	memset(&telling, 0, sizeof(telling));
	telling.status.change = 700;
	telling.status.who.generation = 1;
	telling.status.status = CONNECT_CONNECTED;
	telling.status.expires_at = 7;
	snprintf(telling.status.who.org, CONNECT_ID_SIZE, "%s", w.owner->org);
	keeper.change = telling.status;
	keeper.change.change = 701;
	snprintf(telling.status.who.connection, CONNECT_ID_SIZE, "%s", told.id);
	snprintf(keeper.change.who.connection, CONNECT_ID_SIZE, "%s",
		 missed.id);
	telling.task.run = tell_late;
	loop_post(w.loop, &telling.task);
	assert_int_equal(wait_for_change(701), 701);
	assert_int_equal(number("SELECT expires_at FROM connections WHERE "
				"id = ?1",
				told.id),
			 7);
	assert_int_equal(number("SELECT expires_at FROM connections WHERE "
				"id = ?1",
				missed.id),
			 7);
}

static void
the_front_asks_when_it_is_told_that_it_missed_something(void **state)
{
	struct connect_info missed = create(&w.who, "Missed");

	(void)state;
	memset(&keeper.change, 0, sizeof(keeper.change));
	keeper.change.change = 900;
	keeper.change.who.generation = 1;
	keeper.change.status = CONNECT_CONNECTED;
	snprintf(keeper.change.who.org, CONNECT_ID_SIZE, "%s", w.owner->org);
	snprintf(keeper.change.who.connection, CONNECT_ID_SIZE, "%s",
		 missed.id);
	telling.task.run = tell_missed;
	loop_post(w.loop, &telling.task);
	assert_int_equal(wait_for_change(900), 900);
}

static void
watch(struct loop_task *task)
{
	(void)task;
	connect_front_watch(w.front, false);
}

static struct loop_task watching = { .run = watch };

static void
the_front_asks_again_while_the_keeper_does_not_answer(void **state)
{
	struct connect_info missed = create(&w.who, "Missed");

	(void)state;
	memset(&keeper.change, 0, sizeof(keeper.change));
	keeper.change.change = 1100;
	keeper.change.who.generation = 1;
	keeper.change.status = CONNECT_CONNECTED;
	snprintf(keeper.change.who.org, CONNECT_ID_SIZE, "%s", w.owner->org);
	snprintf(keeper.change.who.connection, CONNECT_ID_SIZE, "%s",
		 missed.id);
	keeper.changes_refused = 1;
	loop_post(w.loop, &watching);
	telling.task.run = tell_missed;
	loop_post(w.loop, &telling.task);
	assert_int_equal(wait_for_change(1100), 1100);
	assert_int_equal(keeper.changes_refused, 0);
}

static void
change_schema(const char *sql)
{
	assert_int_equal(store_begin(w.c), 0);
	assert_int_equal(store_exec(w.c, NULL, sql, ""), 0);
	assert_int_equal(store_commit(w.c), 0);
}

/* What is told of an app alone, and how many of those are refused then. */
static int64_t
refused_apps(const char *why, int64_t expected)
{
	int64_t count = -1;
	int i;

	memset(&telling, 0, sizeof(telling));
	snprintf(telling.status.who.org, CONNECT_ID_SIZE, "%s", w.owner->org);
	snprintf(telling.status.flagged_app, sizeof(telling.status.flagged_app),
		 "test_desk");
	snprintf(telling.status.health_reason,
		 sizeof(telling.status.health_reason), "%s", why);
	telling.task.run = tell_late;
	loop_post(w.loop, &telling.task);
	for (i = 0; i < 500 && count != expected; i++) {
		usleep(10 * 1000);
		count = number("SELECT count(*) FROM oauth_apps WHERE app = ?1 "
			       "AND flagged <> '' AND flagged_at > 0",
			       "test_desk");
	}
	loop_pool_wait(w.pool);
	return count;
}

#define STILL \
	"SELECT count(*) FROM oauth_apps WHERE flagged = ?1 AND flagged_at = 7"

static void
an_app_is_shown_as_refused_until_it_works_again(void **state)
{
	int i;

	(void)state;
	assert_int_equal(refused_apps("The provider refuses it.", 1), 1);
	/* since then, however often that is told */
	assert_int_equal(store_exec(w.c, NULL,
				    "UPDATE oauth_apps SET flagged_at = 7", ""),
			 0);
	assert_int_equal(refused_apps("It refuses it still.", 1), 1);
	for (i = 0; i < 500 && !number(STILL, "It refuses it still."); i++)
		usleep(10 * 1000);
	assert_int_equal(number(STILL, "It refuses it still."), 1);
	assert_int_equal(refused_apps("", 0), 0);
	assert_int_equal(number("SELECT count(*) FROM oauth_apps WHERE app = "
				"?1 AND flagged = '' AND flagged_at = 0",
				"test_desk"),
			 1);
}

static void
what_was_told_of_an_app_waits_while_it_cannot_be_stored(void **state)
{
	int64_t count = 1;
	int i;

	(void)state;
	change_schema("CREATE TRIGGER refuse BEFORE UPDATE ON oauth_apps "
		      "BEGIN SELECT RAISE(ABORT, 'not now'); END");
	loop_post(w.loop, &watching);
	assert_int_equal(refused_apps("Refused.", 0), 0);
	usleep(300 * 1000);
	loop_pool_wait(w.pool);
	assert_int_equal(refused_apps("It refuses it still.", 0), 0);
	usleep(300 * 1000);
	loop_pool_wait(w.pool);
	change_schema("DROP TRIGGER refuse");
	for (i = 0; i < 500 && count == 1; i++) {
		usleep(10 * 1000);
		count = number("SELECT count(*) FROM oauth_apps WHERE "
			       "flagged = '' AND app = ?1",
			       "test_desk");
	}
	loop_pool_wait(w.pool);
	assert_int_equal(number("SELECT count(*) FROM oauth_apps WHERE "
				"flagged = ?1",
				"It refuses it still."),
			 1);
	assert_int_equal(refused_apps("", 0), 0);
}

static void
readiness_counts_no_grants(void **state)
{
	(void)state; /* this keeper knows of no CONNECT_KEEPER_COUNTS */
	assert_int_equal(connect_front_ping(w.front, 2000), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_hands_a_connection_over_is_told_that_it_went_well),
		TEST(what_the_keeper_told_last_is_what_stays),
		TEST(a_notice_before_which_some_are_missing_makes_the_front_ask),
		TEST(the_front_asks_when_it_is_told_that_it_missed_something),
		TEST(the_front_asks_again_while_the_keeper_does_not_answer),
		TEST(an_app_is_shown_as_refused_until_it_works_again),
		TEST(what_was_told_of_an_app_waits_while_it_cannot_be_stored),
		TEST(readiness_counts_no_grants),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
