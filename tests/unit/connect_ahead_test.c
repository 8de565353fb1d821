/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewal ahead of the end: when it is due, that it comes without a call that
 * waits for it, inside the service's window, and only for what is used.
 */
#include "../support/keeper_world.h"

/* ---- when ---- */

/* In seconds: of a token's life, how long before its end it is renewed (from
 * the shortest to the longest), and from when on nobody gets it. */
static const struct {
	uint32_t life, margin, window;
	double least, most, unsafe;
} cases[] = {
	/* five minutes or a tenth, whichever is less */
	{ 86400, 0, 0, 300, 337.5, 30 },
	{ 3600, 0, 0, 300, 337.5, 30 },
	{ 3000, 0, 0, 300, 337.5, 30 },
	{ 600, 0, 0, 60, 67.5, 30 },
	{ 60, 0, 0, 6, 6.75, 3 },
	{ 10, 0, 0, 1, 1.125, 0.5 },
	/* the service can say otherwise, … */
	{ 3600, 60, 0, 60, 67.5, 30 },
	{ 3600, 900, 0, 900, 1012.5, 30 },
	/* … but not more than half of the life, nor when it is too late */
	{ 3600, 3600, 0, 1800, 2025, 30 },
	{ 60, 120, 0, 30, 33.75, 3 },
	{ 3600, 5, 0, 30, 33.75, 30 },
	/* Exact Online: ten minutes, renewed in the last thirty seconds */
	{ 600, 0, 30, 26.25, 30, 15 },
	{ 600, 120, 30, 26.25, 30, 15 },
	{ 600, 20, 30, 20, 22.5, 15 },
	{ 600, 0, 60, 52.5, 60, 30 },
	{ 600, 0, 120, 60, 67.5, 30 },
};

static void
due_is_as_the_service_says(void **state)
{
	static struct catalog_method m;
	static struct catalog_refresh rule;
	static struct binding b = { .method = &m,
				    .kind = CATALOG_OAUTH2_CLIENT_CREDENTIALS };
	struct keeper_payload p = { .binding = &b };
	struct keeper_row r = { .obtained_at = 1000000 };
	double ahead, shortest, longest;
	size_t i, n;

	(void)state;
	m.refresh = &rule;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		rule.margin_s = cases[i].margin;
		rule.window_s = cases[i].window;
		r.expires_at = r.obtained_at + cases[i].life * 1000LL;
		keeper_when_set(&r, &p);
		shortest = 1e9;
		longest = 0;
		for (n = 0; n < 1000; n++) {
			ahead = (double)(r.expires_at -
					 keeper_refresh_due_at(&r, &b)) /
				1000;
			shortest = ahead < shortest ? ahead : shortest;
			longest = ahead > longest ? ahead : longest;
		}
		if (shortest < cases[i].least || longest > cases[i].most)
			fail_msg("row %zu: %g to %g s", i, shortest, longest);
		/* not all at once */
		if (longest - shortest < (cases[i].most - cases[i].least) / 2)
			fail_msg("row %zu: %g to %g s", i, shortest, longest);
		if ((double)(r.expires_at - r.good_until) / 1000 !=
		    cases[i].unsafe)
			fail_msg("row %zu: good until %g s before", i,
				 (double)(r.expires_at - r.good_until) / 1000);
		if (cases[i].window)
			assert_int_equal(r.expires_at -
						 cases[i].window * 1000LL,
					 keeper_refresh_opens_at(&r, &b));
		else
			assert_int_equal(keeper_refresh_opens_at(&r, &b), 0);
	}
}

/* ---- that it comes ---- */

/* A connection whose tokens live for so long, called once at this time. */
static void
called_once_at(int64_t life_s, int64_t at_ms)
{
	provider.life_s = life_s;
	connect_another();
	pass(at_ms);
	assert_string_not_equal(injected(0), "");
	assert_int_equal(provider.refreshes, 0);
}

static void
run_until_renewed(unsigned times, uint32_t most_ms)
{
	uint32_t ms;

	for (ms = 0; ms < most_ms && provider.refreshes < times; ms += 10)
		run(10);
	assert_int_equal(provider.refreshes, times);
}

static void
used_token_is_renewed_before_its_end_with_nobody_waiting(void **state)
{
	struct keeper_row before;

	(void)state;
	called_once_at(60, 53000);
	before = row();
	run_until_renewed(1, 3000); /* due 53.25 to 54 s; nobody calls */
	run(10);
	assert_int_equal(row().who.generation, before.who.generation + 1);
	assert_true(row().obtained_at < before.good_until);
}

static void
token_that_nobody_uses_is_left_to_end(void **state)
{
	(void)state;
	provider.life_s = 10;
	connect_another();
	pass(9000);
	run(300);
	assert_int_equal(provider.refreshes, 0);
}

static bool
something_is_to_come(void)
{
	size_t cursor = 0;
	struct slice key;
	void *value;

	return table_next(w.k[0].active, &cursor, &key, &value);
}

/* One call, and silence: a provider that is gone is not asked for ever. */
static void
silence_ends_the_tries_too(void **state)
{
	(void)state;
	called_once_at(60, 53000);
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_TRANSIENT;
	run_until_renewed(1, 3000);
	run(10);
	assert_true(something_is_to_come()); /* the token lives still */
	pass(HOUR_MS);
	run_until_renewed(2, 3000);
	run(10);
	assert_false(something_is_to_come());
	pass(HOUR_MS);
	assert_string_equal(injected(0), ""); /* a caller begins one */
	assert_int_equal(provider.refreshes, 3);
	run(10);
	assert_false(something_is_to_come());
}

/* Nor where it asks to wait until after the token's end. */
static void
token_that_ends_before_is_not_waited_for(void **state)
{
	(void)state;
	called_once_at(60, 53000);
	provider.says = SAYS_FAILURE;
	provider.class = CATALOG_THROTTLED;
	provider.wait_s = 60;
	run_until_renewed(1, 3000);
	run(10);
	assert_false(something_is_to_come());
}

/* One call, and silence: the token that it has used is renewed, and no other
 * after that. */
static void
silence_ends_the_renewals(void **state)
{
	int i;

	(void)state;
	called_once_at(10, 8950);
	run_until_renewed(1, 2000);
	for (i = 0; i < 4; i++) { /* the ends of the next tokens, as it were */
		pass(2500);
		run(50);
	}
	assert_int_equal(provider.refreshes, 1);
	assert_string_not_equal(injected(0), ""); /* used again: on demand */
	assert_int_equal(provider.refreshes, 2);
}

static void
replaced_credential_is_not_in_use_by_the_call_before(void **state)
{
	struct asked a;

	(void)state;
	called_once_at(10, 8800);
	consent(&a); /* anew; nobody has called with that one */
	assert_int_equal(a.err, 0);
	run(400);
	assert_int_equal(provider.refreshes, 0);
}

/* ---- inside the window ---- */

/* Life and window in the relation of Exact Online's, two seconds for its
 * thirty: without the window it would be due four seconds before the end. */
static void
renewal_waits_for_the_window_and_comes_in_it(void **state)
{
	(void)state;
	define("\"refresh\":{\"window_s\":2},");
	called_once_at(40, 37700);
	run(150);
	assert_int_equal(provider.refreshes, 0); /* opens at 38 s */
	run_until_renewed(1, 1500);		 /* nobody asks */
	assert_int_equal(row().status, CONNECT_CONNECTED);
}

/* The timer may be a little early, and the quota be used up just then. */
static void
renewal_that_cannot_begin_is_tried_again(void **state)
{
	struct keeper_row r;

	(void)state;
	define("\"quotas\":[{\"of\":\"token_requests\",\"per\":\"grant\","
	       "\"count\":1,\"window_s\":1}],");
	provider.life_s = 60;
	connect_another();
	pass(54100); /* it is due */
	r = row();
	assert_int_equal(
		keeper_row_note_request(&w.k[0], &r, keeper_now(&w.k[0])), 0);
	assert_string_not_equal(injected(0), "");
	run(200);
	assert_int_equal(provider.refreshes, 0);
	run_until_renewed(1, 4000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_is_as_the_service_says),
		CASE(used_token_is_renewed_before_its_end_with_nobody_waiting),
		CASE(token_that_nobody_uses_is_left_to_end),
		CASE(silence_ends_the_renewals),
		CASE(silence_ends_the_tries_too),
		CASE(token_that_ends_before_is_not_waited_for),
		CASE(replaced_credential_is_not_in_use_by_the_call_before),
		CASE(renewal_waits_for_the_window_and_comes_in_it),
		CASE(renewal_that_cannot_begin_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
