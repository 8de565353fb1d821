/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New data keys where owners have many grants: in pieces, between which the
 * keeper does its work.
 */
#include "../support/keeper_world.h"

/* As many more grants of w.who's connection as users. */
static void
add_users(unsigned count)
{
	struct keeper_row r = row();
	struct keeper_payload p;
	unsigned i;

	assert_int_equal(keeper_payload_open(&w.k[0], &r, &p), 0);
	for (i = 0; i < count; i++) {
		struct keeper_row user = r;

		user.base = 0;
		snprintf(user.who.subject, sizeof(user.who.subject), "v_%06u",
			 i);
		assert_int_equal(keeper_row_store(&w.k[0], &user, &p, NULL), 0);
	}
	keeper_payload_release(&p);
}

static void
begin_new_data_keys(void)
{
	struct keeper_ring *r = w.k[0].ring;

	r->turn = 1;
	r->with_data_keys = true;
	r->phase = CONNECT_ROTATION_DATA_KEYS;
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "INSERT INTO rotations (turn, data_keys, "
				    "begun_at) VALUES (1, 1, 1)",
				    ""),
			 0);
	keeper_rotate_hold(&w.k[0], false);
}

static int64_t
owners_left(void)
{
	struct store_stmt *st;
	int64_t n;

	assert_int_equal(store_query(w.k[0].db, &st,
				     "SELECT count(*) FROM datakeys "
				     "WHERE turn < 1",
				     ""),
			 0);
	assert_int_equal(store_step(st), 1);
	n = store_col_int(st, 0);
	store_done(st);
	return n;
}

static void
run_until_renewed(void)
{
	unsigned i;

	for (i = 0; i < 1000; i++)
		if (w.k[0].ring->phase != CONNECT_ROTATION_NONE)
			run(5);
	assert_int_equal(owners_left(), 0);
}

static void
owners_with_many_grants_take_turns_of_their_own(void **state)
{
	struct connect_msg_subject first = w.who;
	int64_t before;
	unsigned i;

	(void)state;
	for (i = 0; i < 6; i++) {
		connect_another();
		add_users(200);
	}
	before = owners_left();
	begin_new_data_keys();
	while (owners_left() == before)
		run(0);
	/* two of them are a piece */
	assert_true(owners_left() >= 3);
	run_until_renewed();
	assert_int_equal(w.k[0].ring->failed, 0);
	assert_string_not_equal(injected(0), "");
	snprintf(w.who.subject, sizeof(w.who.subject), "v_000199");
	assert_string_not_equal(injected(0), "");
	w.who = first;
	assert_string_not_equal(injected(0), "");
}

/* Looked at before it is sealed anew, and left if anything does not open. */
static void
damaged_owner_is_left_and_others_go_on(void **state)
{
	struct connect_msg_subject damaged;

	(void)state;
	connect_another();
	add_users(300);
	damaged = w.who;
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "UPDATE grants SET sealed = zeroblob(99) "
				    "WHERE connection = ?1 AND subject = "
				    "'v_000250'",
				    "s", damaged.connection),
			 0);
	connect_another();
	begin_new_data_keys();
	run_until_renewed();
	assert_int_equal(w.k[0].ring->failed, 1);
	assert_string_not_equal(injected(0), "");
	w.who = damaged;
	assert_string_not_equal(injected(0), "");
	snprintf(w.who.subject, sizeof(w.who.subject), "v_000250");
	assert_string_equal(injected(0), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(owners_with_many_grants_take_turns_of_their_own),
		CASE(damaged_owner_is_left_and_others_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
