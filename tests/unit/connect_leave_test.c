/* SPDX-License-Identifier: Apache-2.0 */
/* Grants that were left: given out to nobody, until they are revoked. */
#include "../support/keeper_world.h"

static int
tell(enum connect_message type, uint64_t how, struct asked *a)
{
	ask(0, a, type, how);
	run_until(&a->done);
	return a->err;
}

static void
leave(void)
{
	struct asked a;

	assert_int_equal(tell(CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE, &a), 0);
}

static void
left_grant_is_given_to_nobody_and_does_not_come_back(void **state)
{
	struct asked a;

	(void)state;
	assert_string_not_equal(injected(0), "");
	leave();
	assert_int_equal(tell(CONNECT_KEEPER_INJECT, 0, &a), ERR_WRONG_STATE);
	assert_int_equal(a.problem.status, CONNECT_REVOKED);
	tell(CONNECT_KEEPER_SUSPEND, CONNECT_SUSPEND, &a);
	tell(CONNECT_KEEPER_SUSPEND, CONNECT_RESUME, &a);
	assert_string_equal(injected(0), "");
	keeper_restart(0);
	assert_string_equal(injected(0), "");
	assert_int_equal(row().status, CONNECT_CONNECTED); /* not yet revoked */
}

/* A refresh is under way, and the token is good still. */
static void
begin_refresh(struct asked *forced)
{
	provider.says = HOLDS;
	ask(0, forced, CONNECT_KEEPER_REFRESH, 0);
	run(30);
	assert_string_not_equal(injected(0), "");
}

static void
nobody_gets_what_is_suspended_during_a_refresh(void **state)
{
	struct asked forced, a;

	(void)state;
	begin_refresh(&forced);
	tell(CONNECT_KEEPER_SUSPEND, CONNECT_SUSPEND, &a);
	assert_int_equal(tell(CONNECT_KEEPER_INJECT, 0, &a), ERR_WRONG_STATE);
	assert_int_equal(a.problem.status, CONNECT_DISABLED);
	tell(CONNECT_KEEPER_SUSPEND, CONNECT_RESUME, &a);
	assert_string_not_equal(injected(0), "");
	tell(CONNECT_KEEPER_SUSPEND, CONNECT_SUSPEND, &a);
	provider_release();
	run_until(&forced.done); /* stored, and given to nobody */
	assert_int_equal(forced.err, ERR_WRONG_STATE);
	assert_int_equal(row().who.generation, 2);
	assert_string_equal(injected(0), "");
}

static void
nobody_gets_what_was_left_during_a_refresh(void **state)
{
	struct asked forced, a;

	(void)state;
	begin_refresh(&forced);
	leave();
	assert_int_equal(tell(CONNECT_KEEPER_INJECT, 0, &a), ERR_WRONG_STATE);
	assert_int_equal(a.problem.status, CONNECT_REVOKED);
	provider_release();
	run_until(&forced.done);
	assert_int_equal(forced.err, ERR_WRONG_STATE);
}

static void
only_the_subject_that_left_is_left(void **state)
{
	struct asked a;

	(void)state;
	snprintf(w.who.subject, sizeof(w.who.subject), "v_one");
	consent(&a);
	snprintf(w.who.subject, sizeof(w.who.subject), "v_two");
	consent(&a);
	leave();
	assert_string_equal(injected(0), "");
	snprintf(w.who.subject, sizeof(w.who.subject), "v_one");
	assert_string_not_equal(injected(0), "");
	/* and "" is everybody */
	w.who.subject[0] = '\0';
	leave();
	snprintf(w.who.subject, sizeof(w.who.subject), "v_one");
	assert_string_equal(injected(0), "");
}

static void
new_consent_of_who_left_is_not_revoked(void **state)
{
	struct asked a;

	(void)state;
	leave();
	consent(&a);
	assert_int_equal(a.err, 0);
	run(10); /* the former one is revoked by that */
	provider.revocations = 0;
	assert_string_not_equal(injected(0), "");
	assert_int_equal(tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a),
			 ERR_NOT_FOUND);
	assert_int_equal(tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_LAST, &a),
			 ERR_NOT_FOUND);
	assert_int_equal(provider.revocations, 0);
	assert_string_not_equal(injected(0), "");
}

static void
provider_without_an_answer_is_asked_with_the_same_tokens_again(void **state)
{
	static const char *const away[] = { "HTTP 503", "HTTP 500", "HTTP 408",
					    "HTTP 429" };
	struct asked a;
	size_t i;

	(void)state;
	leave();
	for (i = 0; i < ARRAY_LEN(away); i++) {
		provider.revoke_error = away[i];
		assert_int_equal(
			tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a),
			ERR_BUSY);
		assert_int_equal(row().status, CONNECT_CONNECTED);
		assert_string_equal(injected(0), "");
	}
	keeper_restart(0);
	provider.revoke_error = NULL;
	assert_int_equal(tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a),
			 0);
	assert_true(a.revoked.upstream);
	assert_int_equal(provider.revocations, 5);
	assert_string_equal(provider.revoked, "refresh-1");
	assert_int_equal(row().status, CONNECT_REVOKED);
}

static void
last_time_and_a_refusal_end_it_and_say_so(void **state)
{
	struct asked a;

	(void)state;
	leave();
	provider.revoke_error = "HTTP 503";
	assert_int_equal(tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_LAST, &a),
			 0);
	assert_false(a.revoked.upstream);
	assert_non_null(strstr(a.revoked.detail, "HTTP 503"));
	assert_int_equal(row().status, CONNECT_REVOKED);
	consent(&a);
	leave();
	provider.revoke_error = "HTTP 400";
	assert_int_equal(tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a),
			 0);
	assert_false(a.revoked.upstream);
}

static void
who_asks_again_is_told_the_same(void **state)
{
	struct asked a;
	int confirmed;

	(void)state;
	for (confirmed = 0; confirmed < 2; confirmed++) {
		consent(&a);
		run(10);
		leave();
		provider.revoke_error = confirmed ? NULL : "HTTP 400";
		tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a);
		provider.revocations = 0;
		keeper_restart(0);
		assert_int_equal(
			tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a), 0);
		assert_int_equal(a.revoked.upstream, confirmed);
		assert_int_equal(provider.revocations, 0);
	}
}

/* Whom the front is told of: "" for none. */
static const char *
told_left(const char *connection, const char *subject)
{
	static struct asked a;
	struct connect_msg_subject after = { .generation = 0 };
	struct proc_pack *p = proc_pack_new();

	snprintf(after.connection, sizeof(after.connection), "%s", connection);
	snprintf(after.subject, sizeof(after.subject), "%s", subject);
	connect_msg_subject_pack(&after, p);
	ask_with(0, &a, CONNECT_KEEPER_LEFT, p);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
	return a.left;
}

static void
those_that_were_left_are_told_until_they_are_revoked(void **state)
{
	struct asked a;

	(void)state;
	leave(); /* no user's */
	assert_string_equal(told_left("", ""), "");
	snprintf(w.who.subject, sizeof(w.who.subject), "v_one");
	consent(&a);
	snprintf(w.who.subject, sizeof(w.who.subject), "v_two");
	consent(&a);
	assert_string_equal(told_left("", ""), "");
	leave();
	assert_string_equal(told_left("", ""), "v_two|");
	snprintf(w.who.subject, sizeof(w.who.subject), "v_one");
	leave();
	assert_string_equal(told_left("", ""), "v_one|v_two|");
	assert_string_equal(told_left(w.who.connection, "v_one"), "v_two|");
	assert_string_equal(told_left(w.who.connection, "v_two"), "");
	keeper_restart(0);
	tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a);
	assert_string_equal(told_left("", ""), "v_two|");
	snprintf(w.who.subject, sizeof(w.who.subject), "v_two");
	consent(&a);
	assert_string_equal(told_left("", ""), "");
}

static void
token_that_comes_after_that_is_nobodys(void **state)
{
	struct asked a, waits;

	(void)state;
	pass(HOUR_MS);
	provider.says = HOLDS;
	ask(0, &waits, CONNECT_KEEPER_INJECT, 0);
	run(30);
	assert_int_equal(provider.held_count, 1);
	leave();
	provider_release();
	run_until(&waits.done);
	assert_int_equal(waits.err, ERR_WRONG_STATE);
	run(10);
	assert_true(w.told.leaving); /* as it is, and that it is to end */
	assert_int_equal(w.told.status, CONNECT_CONNECTED);
	assert_int_equal(row().status, CONNECT_CONNECTED); /* to be revoked */
	assert_int_equal(tell(CONNECT_KEEPER_REVOKE, CONNECT_REVOKE_TRY, &a),
			 0);
	assert_string_equal(provider.revoked, "refresh-2");
	consent(&a);
	run(10);
	assert_false(w.told.leaving);
	assert_int_equal(w.told.status, CONNECT_CONNECTED);
	assert_string_not_equal(injected(0), "");
}

static void
words_that_there_are_not_are_refused(void **state)
{
	struct asked a;

	(void)state;
	assert_int_equal(tell(CONNECT_KEEPER_SUSPEND, 3, &a), ERR_PROTOCOL);
	assert_int_equal(tell(CONNECT_KEEPER_REVOKE, 3, &a), ERR_PROTOCOL);
	assert_string_not_equal(injected(0), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(left_grant_is_given_to_nobody_and_does_not_come_back),
		CASE(nobody_gets_what_is_suspended_during_a_refresh),
		CASE(nobody_gets_what_was_left_during_a_refresh),
		CASE(only_the_subject_that_left_is_left),
		CASE(new_consent_of_who_left_is_not_revoked),
		CASE(provider_without_an_answer_is_asked_with_the_same_tokens_again),
		CASE(last_time_and_a_refusal_end_it_and_say_so),
		CASE(who_asks_again_is_told_the_same),
		CASE(token_that_comes_after_that_is_nobodys),
		CASE(those_that_were_left_are_told_until_they_are_revoked),
		CASE(words_that_there_are_not_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
