/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The refresh of one keeper: what it asks for, what it stores before anybody
 * uses it, and what becomes of each kind of failure.
 */
#include "../support/keeper_world.h"

/* ---- one request, committed before use ---- */

static void
hundred_callers_make_one_request(void **state)
{
	static struct asked callers[100];
	size_t i;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	for (i = 0; i < ARRAY_LEN(callers); i++)
		ask(0, &callers[i], CONNECT_KEEPER_INJECT, 0);
	run(30);
	assert_int_equal(provider.held_count, 1);
	provider_release();
	for (i = 0; i < ARRAY_LEN(callers); i++) {
		run_until(&callers[i].done);
		assert_int_equal(callers[i].err, 0);
		assert_string_equal(callers[i].token,
				    "Authorization: Bearer access-2\r\n");
	}
	assert_int_equal(provider.refreshes, 1);
}

/* A new worker that asks for a token which is still good was answered, and
 * with it, that it cannot be had, whoever waited for the next one. */
static void
call_meanwhile_answers_nobody_who_waits_for_the_next_token(void **state)
{
	struct asked forced, refused, meanwhile;

	(void)state;
	provider.says = HOLDS;
	ask(0, &forced, CONNECT_KEEPER_REFRESH, 0);
	ask(0, &refused, CONNECT_KEEPER_REFUSED, 1);
	run(30);
	get(0, &meanwhile, CONNECT_KEEPER_INJECT);
	assert_string_equal(meanwhile.token,
			    "Authorization: Bearer access-1\r\n");
	assert_false(forced.done || refused.done);
	provider_release();
	run_until(&forced.done);
	run_until(&refused.done);
	assert_int_equal(forced.err, 0);
	assert_string_equal(refused.token,
			    "Authorization: Bearer access-2\r\n");
	assert_int_equal(provider.refreshes, 1);
}

static void
intent_is_stored_before_the_request_leaves(void **state)
{
	struct asked a;
	struct keeper_row r;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &a, CONNECT_KEEPER_INJECT, 0);
	run(30);
	/* as another connection to the database sees it */
	assert_int_equal(keeper_row_load(&w.k[1], &w.who, &r), 0);
	assert_int_equal(r.intent, r.who.generation);
	assert_true(r.lease_until >
		    keeper_now(&w.k[0]) + CONNECT_TOKEN_MS - 1000);
	assert_string_equal(r.lease_by, "node0");
	provider_release();
	run_until(&a.done);
	r = row();
	assert_int_equal(r.intent, 0);
	assert_int_equal(r.who.generation, 2);
}

static void
new_token_is_not_used_while_it_cannot_be_stored(void **state)
{
	struct asked a;

	(void)state;
	pass(HOUR_MS);
	/* the disk is full, as it were: no write goes through */
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "CREATE TRIGGER full BEFORE UPDATE OF "
				    "generation ON grants WHEN NEW.generation "
				    "<> OLD.generation BEGIN "
				    "SELECT RAISE(ABORT, 'full'); END",
				    ""),
			 0);
	ask(0, &a, CONNECT_KEEPER_INJECT, 0);
	run(300);
	assert_int_equal(provider.refreshes, 1);
	assert_false(a.done);
	assert_int_equal(store_exec(w.k[0].db, NULL, "DROP TRIGGER full", ""),
			 0);
	run(1200);
	assert_true(a.done);
	assert_int_equal(a.err, 0);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(row().who.generation, 2);
}

static void
old_refresh_token_is_kept_when_none_comes_back(void **state)
{
	(void)state;
	provider.rotates = false;
	pass(HOUR_MS);
	assert_string_equal(injected(0),
			    "Authorization: Bearer access-again-1\r\n");
	pass(HOUR_MS);
	assert_string_equal(injected(0),
			    "Authorization: Bearer access-again-2\r\n");
	assert_string_equal(provider.last_sent, "refresh-1");
}

static void
expired_token_is_never_given_out(void **state)
{
	struct asked a;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_TRANSIENT;
	pass(HOUR_MS - 20 * 1000); /* within the last moments already */
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_BUSY);
	assert_true(a.problem.retry_after_s > 0);
	assert_int_equal(row().status, CONNECT_CONNECTED);
}

static void
lifetime_counts_from_when_it_was_asked_for(void **state)
{
	struct asked a;
	int64_t asked_at;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	asked_at = keeper_now(&w.k[0]);
	ask(0, &a, CONNECT_KEEPER_INJECT, 0);
	run(30);
	pass(15 * 1000); /* the provider was slow */
	provider_release();
	run_until(&a.done);
	assert_in_range(row().expires_at, asked_at + HOUR_MS,
			asked_at + HOUR_MS + 1000);
	assert_true(a.fresh_ms <= HOUR_MS - 15 * 1000 - 30 * 1000);
}

/* ---- crashes ---- */

static void
kill_before_the_request_costs_nothing(void **state)
{
	struct asked a;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &a, CONNECT_KEEPER_INJECT, 0);
	run(30);
	keeper_restart(0); /* the provider never worked on it */
	assert_true(a.done);
	provider_forget();
	pass(HOUR_MS);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	/* it cannot be known that the first was never worked on */
	assert_int_equal(row().in_doubt, 1);
}

static void
kill_before_the_commit_ends_in_doubt_and_is_counted(void **state)
{
	struct connect_counts n;
	struct asked a;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &a, CONNECT_KEEPER_INJECT, 0);
	run(30);
	provider.current++; /* it has rotated; the answer is lost */
	provider_forget();
	keeper_restart(0);
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_WRONG_STATE);
	assert_int_equal(a.problem.status, CONNECT_NEEDS_RECONNECT);
	assert_memory_equal(a.problem.detail, "In doubt:", 9);
	assert_int_equal(provider.refreshes, 1); /* tried once */
	n = counts(0);
	assert_int_equal(n.needs_reconnect, 1);
	assert_int_equal(n.lost_in_doubt, 1);
	/* and never again */
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(provider.refreshes, 1);
}

static void
lost_answer_leaves_a_doubt_that_the_next_one_ends(void **state)
{
	struct asked a;

	(void)state;
	pass(HOUR_MS);
	provider.says = SAYS_NOTHING;
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_BUSY);
	assert_int_equal(row().intent, 1);
	provider.says = SAYS_TOKENS;
	pass(HOUR_MS);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	assert_int_equal(counts(0).in_doubt, 0);
}

static void
request_that_was_given_up_may_end_the_grant_later(void **state)
{
	struct asked a;

	(void)state;
	pass(HOUR_MS);
	provider.says = SAYS_NOTHING;
	get(0, &a, CONNECT_KEEPER_INJECT);
	provider.says = SAYS_TOKENS;
	pass(HOUR_MS);
	assert_string_not_equal(injected(0), "");
	/* now the first one is worked on, and the provider sees a reuse */
	provider.current = 77;
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.problem.status, CONNECT_NEEDS_RECONNECT);
	assert_memory_equal(a.problem.detail, "In doubt:", 9);
	assert_int_equal(counts(0).lost_in_doubt, 1);
}

/* ---- failures by class ---- */

static void
throttled_waits_as_told(void **state)
{
	struct asked a;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_THROTTLED;
	provider.wait_s = 600;
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
	assert_in_range(a.problem.retry_after_s, 599, 601);
	run(10);
	assert_true(w.told.degraded);
	assert_int_equal(w.told.status, CONNECT_CONNECTED);
	assert_true(w.told.retry_at > clock_wall_ms());
	/* not even a person's wish asks before that */
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
	assert_int_equal(provider.refreshes, 1);
	provider.says = SAYS_TOKENS;
	pass(600 * 1000);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
	run(10);
	assert_false(w.told.degraded);
}

static void
transient_backs_off_further_each_time(void **state)
{
	int64_t before = 0, wait;
	struct asked a;
	int i;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_TRANSIENT;
	pass(HOUR_MS);
	for (i = 1; i <= 6; i++) {
		get(0, &a, CONNECT_KEEPER_INJECT);
		assert_int_equal(a.err, ERR_BUSY);
		assert_int_equal(provider.refreshes, i);
		wait = row().retry_at - keeper_now(&w.k[0]);
		assert_true(wait * 4 > before); /* jitter halves at most */
		assert_true(wait <= 5 * 60 * 1000);
		before = wait;
		get(0, &a, CONNECT_KEEPER_INJECT); /* too early */
		assert_int_equal(provider.refreshes, i);
		pass(wait);
	}
	assert_true(before > 8000);
	assert_int_equal(row().status, CONNECT_CONNECTED);
}

static void
dead_grant_is_told_once(void **state)
{
	struct asked a;
	unsigned tellings;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_DEAD_GRANT;
	pass(HOUR_MS);
	tellings = w.tellings;
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_WRONG_STATE);
	assert_int_equal(a.problem.status, CONNECT_NEEDS_RECONNECT);
	get(0, &a, CONNECT_KEEPER_INJECT);
	run(10);
	assert_int_equal(w.tellings, tellings + 1);
	assert_int_equal(w.told.status, CONNECT_NEEDS_RECONNECT);
	assert_string_not_equal(w.told.reason, "");
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(counts(0).lost_in_doubt, 0);
}

static void
refusal_that_no_rule_knows_is_tried_once_more(void **state)
{
	struct asked a;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_REFUSED;
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_BUSY);
	pass(60 * 1000);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_WRONG_STATE);
	assert_int_equal(provider.refreshes, 2);
}

/* What the provider says to the next try, after its time has come. */
static int tried(enum catalog_class class)
{
	struct asked a;

	provider.class = class;
	pass(60 * 1000);
	get(0, &a, CONNECT_KEEPER_INJECT);
	return a.err;
}

/* An outage whose proxy then answers in words of its own had ended every
 * grant in use. */
static void
other_failures_are_no_refusals(void **state)
{
	struct asked a;

	(void)state;
	provider.says = SAYS_FAILURE;
	pass(HOUR_MS);
	assert_int_equal(tried(CATALOG_TRANSIENT), ERR_BUSY);
	assert_int_equal(tried(CATALOG_TRANSIENT), ERR_BUSY);
	assert_int_equal(tried(CATALOG_MISCONFIGURED), ERR_BUSY);
	assert_int_equal(tried(CATALOG_REFUSED), ERR_BUSY);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	provider.says = SAYS_NOTHING;
	assert_int_equal(tried(CATALOG_REFUSED), ERR_BUSY);
	provider.says = SAYS_FAILURE;
	assert_int_equal(tried(CATALOG_TRANSIENT), ERR_BUSY);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	keeper_restart(0); /* they are counted in the row */
	pass(HOUR_MS);
	provider.class = CATALOG_REFUSED;
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_WRONG_STATE);
	assert_int_equal(row().status, CONNECT_NEEDS_RECONNECT);
}

static void
refusals_count_from_the_last_tokens(void **state)
{
	(void)state;
	pass(HOUR_MS);
	provider.says = SAYS_FAILURE;
	assert_int_equal(tried(CATALOG_REFUSED), ERR_BUSY);
	provider.says = SAYS_TOKENS;
	assert_int_equal(tried(CATALOG_REFUSED), 0);
	pass(HOUR_MS);
	provider.says = SAYS_FAILURE;
	assert_int_equal(tried(CATALOG_REFUSED), ERR_BUSY);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	assert_int_equal(tried(CATALOG_REFUSED), ERR_WRONG_STATE);
}

static void
flagged_app_is_tried_every_ten_seconds_for_all_its_grants(void **state)
{
	struct connect_msg_subject first;
	struct asked a;

	(void)state;
	first = w.who;
	connect_another();
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_MISCONFIGURED;
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_BUSY);
	assert_string_equal(a.problem.code, "app_refused");
	run(10);
	assert_string_equal(w.told.flagged_app, "test_desk");
	assert_int_equal(w.told.status, CONNECT_CONNECTED);
	w.who = first;
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_BUSY);
	assert_string_equal(a.problem.code, "app_refused");
	assert_in_range(a.problem.retry_after_s, 1, 10);
	assert_int_equal(provider.refreshes, 1);
	pass(10 * 1000);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(provider.refreshes, 2);
}

static void
changed_app_is_tried_at_once(void **state)
{
	struct asked a;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_MISCONFIGURED;
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	give_app();
	provider.says = SAYS_TOKENS;
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
}

static void
app_that_works_again_is_told_of_once(void **state)
{
	struct asked a;
	unsigned told;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_MISCONFIGURED;
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	run(10);
	assert_string_equal(w.told.flagged_app, "test_desk");
	assert_true(w.told.health_reason[0] != 0);
	provider.says = SAYS_TOKENS;
	pass(10 * 1000);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
	run(10);
	assert_string_equal(w.told.flagged_app, "test_desk");
	assert_string_equal(w.told.who.org, "org");
	assert_string_equal(w.told.who.connection, "");
	assert_string_equal(w.told.health_reason, "");
	told = w.tellings;
	pass(HOUR_MS);
	assert_string_equal(injected(0), "Authorization: Bearer access-3\r\n");
	run(10);
	assert_int_equal(w.tellings, told + 1); /* of the grant alone */
	assert_string_equal(w.told.flagged_app, "");
}

static void
app_that_gives_a_consent_works_again(void **state)
{
	struct asked a;

	(void)state;
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_MISCONFIGURED;
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	connect_another();
	run(10);
	assert_string_equal(w.told.flagged_app, "test_desk");
	assert_string_equal(w.told.health_reason, "");
}

/* The front was away when it was told. */
static void
app_that_works_again_is_told_of_to_the_next_front(void **state)
{
	struct asked a;

	(void)state;
	keeper_app_tell_again(&w.k[0]);
	run(10);
	assert_string_equal(w.told.flagged_app, ""); /* it always worked */
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_MISCONFIGURED;
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	run(10);
	memset(&w.told, 0, sizeof(w.told));
	keeper_app_tell_again(&w.k[0]);
	run(10);
	assert_string_equal(w.told.flagged_app, ""); /* it does not */
	provider.says = SAYS_TOKENS;
	pass(10 * 1000);
	assert_true(injected(0)[0] != 0);
	run(10);
	memset(&w.told, 0, sizeof(w.told));
	keeper_restart(0);
	keeper_app_tell_again(&w.k[0]);
	run(10);
	assert_string_equal(w.told.flagged_app, "test_desk");
	assert_string_equal(w.told.health_reason, "");
	give_app();
	memset(&w.told, 0, sizeof(w.told));
	keeper_app_tell_again(&w.k[0]);
	run(10);
	assert_string_equal(w.told.flagged_app, ""); /* that is past */
}

/* ---- refused by the service ---- */

static void
each_token_is_renewed_once_on_refusal(void **state)
{
	struct asked a;

	(void)state;
	ask(0, &a, CONNECT_KEEPER_REFUSED, 1);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.generation, 2);
	/* who was refused with the same token gets what is there */
	ask(0, &a, CONNECT_KEEPER_REFUSED, 1);
	run_until(&a.done);
	assert_int_equal(a.generation, 2);
	/* the next one is refused as well: that is not cured by a third */
	ask(0, &a, CONNECT_KEEPER_REFUSED, 2);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_WRONG_STATE);
	assert_string_equal(a.problem.code, "refused_again");
	assert_int_equal(provider.refreshes, 1);
}

static void
service_that_refuses_everything_is_asked_less_and_less(void **state)
{
	uint64_t generation = 1;
	struct asked a;
	int minute;

	(void)state;
	for (minute = 0; minute < 240; minute++) {
		ask(0, &a, CONNECT_KEEPER_REFUSED, generation);
		run_until(&a.done);
		if (!a.err)
			generation = a.generation;
		pass(60 * 1000);
	}
	assert_in_range(provider.refreshes, 5, 12);
}

/* ---- quotas and windows ---- */

static void
forced_refreshes_count_in_the_quota(void **state)
{
	struct asked a;
	int i;

	(void)state;
	define("\"quotas\":[{\"of\":\"token_requests\",\"per\":\"grant\","
	       "\"count\":3,\"window_s\":600}],");
	connect_another();
	for (i = 0; i < 3; i++) {
		get(0, &a, CONNECT_KEEPER_REFRESH);
		assert_int_equal(a.err, 0);
	}
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
	assert_in_range(a.problem.retry_after_s, 590, 600);
	assert_int_equal(provider.refreshes, 3);
	pass(600 * 1000);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
}

static void
quota_of_an_app_is_shared_by_its_grants(void **state)
{
	struct asked a;

	(void)state;
	define("\"quotas\":[{\"of\":\"token_requests\",\"per\":\"app\","
	       "\"count\":2,\"window_s\":600}],");
	connect_another();
	get(0, &a, CONNECT_KEEPER_REFRESH);
	connect_another();
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
}

static void
reconnect_begins_its_quota_anew(void **state)
{
	struct asked a;

	(void)state;
	define("\"quotas\":[{\"of\":\"token_requests\",\"per\":\"grant\","
	       "\"count\":1,\"window_s\":600}],");
	connect_another();
	get(0, &a, CONNECT_KEEPER_REFRESH);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
	consent(&a);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
}

static void
window_is_kept_to(void **state)
{
	struct asked a;

	(void)state;
	define("\"refresh\":{\"window_s\":30},");
	provider.life_s = 600;
	connect_another();
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_BUSY);
	assert_string_equal(a.problem.code, "too_early");
	assert_in_range(a.problem.retry_after_s, 565, 571);
	assert_int_equal(provider.refreshes, 0);
	/* still good within the window, since it cannot be renewed before */
	pass((600 - 29) * 1000);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, 0);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
}

/* ---- what cannot be taken, whose wish it was ---- */

/* The sealed fields are full, so that no other token finds a place. */
static void
fill_fields(void)
{
	struct keeper_row r = row();
	struct keeper_payload p;
	char name[METHOD_NAME_SIZE];

	assert_int_equal(keeper_payload_open(&w.k[0], &r, &p), 0);
	method_credential_set(&p.fields, "access_token", NULL);
	while (p.fields.count < METHOD_FIELDS_MAX) {
		snprintf(name, sizeof(name), "other_%zu", p.fields.count);
		assert_int_equal(method_credential_set(&p.fields, name,
						       secret_from("x", 1)),
				 0);
	}
	assert_int_equal(keeper_row_store(&w.k[0], &r, &p, NULL), 0);
	keeper_payload_release(&p);
}

static void
token_that_came_and_cannot_be_taken_leaves_a_doubt(void **state)
{
	struct asked one;

	(void)state;
	fill_fields();
	pass(HOUR_MS);
	get(0, &one, CONNECT_KEEPER_INJECT);
	assert_int_equal(one.err, ERR_BUSY);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(row().who.generation, 1);
	assert_int_equal(row().intent, 1);
	pass(10 * 1000); /* the token that the provider has rotated */
	get(0, &one, CONNECT_KEEPER_INJECT);
	assert_int_equal(row().status, CONNECT_NEEDS_RECONNECT);
	assert_non_null(strstr(row().reason, "In doubt"));
	assert_int_equal(counts(0).lost_in_doubt, 1);
}

static void
wish_during_a_refresh_is_not_the_next_one_s(void **state)
{
	static struct connect_msg_token_answer m;
	struct asked refused, forced;

	(void)state;
	assert_string_not_equal(injected(0), ""); /* in use */
	provider.says = HOLDS;
	ask(0, &refused, CONNECT_KEEPER_REFUSED, 1);
	ask(0, &forced, CONNECT_KEEPER_REFRESH, 0);
	run(30);
	assert_int_equal(provider.held_count, 1);
	memset(&m, 0, sizeof(m));
	provider_refuse(&m, CATALOG_TRANSIENT);
	provider_reply(provider.held[0], &m);
	provider.held_count = 0;
	run_until(&forced.done);
	run_until(&refused.done);
	assert_int_equal(forced.err, ERR_BUSY);
	/* nobody wishes this one: it waits as long as it is told to */
	ask(0, &refused, CONNECT_KEEPER_REFUSED, 1);
	run(100);
	assert_int_equal(provider.held_count, 0);
	assert_int_equal(refused.err, ERR_BUSY);
	ask(0, &forced, CONNECT_KEEPER_REFRESH, 0);
	run(30);
	assert_int_equal(provider.held_count, 1);
	provider_release();
	run_until(&forced.done);
	assert_int_equal(forced.err, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(token_that_came_and_cannot_be_taken_leaves_a_doubt),
		CASE(wish_during_a_refresh_is_not_the_next_one_s),
		CASE(hundred_callers_make_one_request),
		CASE(call_meanwhile_answers_nobody_who_waits_for_the_next_token),
		CASE(intent_is_stored_before_the_request_leaves),
		CASE(new_token_is_not_used_while_it_cannot_be_stored),
		CASE(old_refresh_token_is_kept_when_none_comes_back),
		CASE(expired_token_is_never_given_out),
		CASE(lifetime_counts_from_when_it_was_asked_for),
		CASE(kill_before_the_request_costs_nothing),
		CASE(kill_before_the_commit_ends_in_doubt_and_is_counted),
		CASE(lost_answer_leaves_a_doubt_that_the_next_one_ends),
		CASE(request_that_was_given_up_may_end_the_grant_later),
		CASE(throttled_waits_as_told),
		CASE(transient_backs_off_further_each_time),
		CASE(dead_grant_is_told_once),
		CASE(refusal_that_no_rule_knows_is_tried_once_more),
		CASE(other_failures_are_no_refusals),
		CASE(refusals_count_from_the_last_tokens),
		CASE(flagged_app_is_tried_every_ten_seconds_for_all_its_grants),
		CASE(changed_app_is_tried_at_once),
		CASE(app_that_works_again_is_told_of_once),
		CASE(app_that_gives_a_consent_works_again),
		CASE(app_that_works_again_is_told_of_to_the_next_front),
		CASE(each_token_is_renewed_once_on_refusal),
		CASE(service_that_refuses_everything_is_asked_less_and_less),
		CASE(forced_refreshes_count_in_the_quota),
		CASE(quota_of_an_app_is_shared_by_its_grants),
		CASE(reconnect_begins_its_quota_anew),
		CASE(window_is_kept_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
