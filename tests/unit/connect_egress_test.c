/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's private destinations, from the store to those who open sockets:
 * what is told to whom, when it fails, and when another front has changed it.
 */
#include "../support/front_world.h"

#include "connect/front_priv.h"
#include "egress/egress_priv.h"

static int
begin_guarded(void **state)
{
	struct egress_policy_config config = { 0 };
	char detail[200];

	if (egress_policy_new(&config, &w.policy, detail, sizeof(detail)))
		return -1;
	return begin_world(state);
}

static int
begin_empty(void **state)
{
	loop_pool_wait(w.pool);
	if (store_exec(w.c, NULL, "DELETE FROM egress_destinations", "") ||
	    front_egress_publish(w.front, w.c))
		return -1;
	return begin_test(state);
}

static int
allow(const char *text, struct connect_egress *out)
{
	return connect_front_egress_add(w.front, w.c, &w.who, text, "a note",
					w.arena, out, &w.p);
}

static bool
guard_lets(const char *ip, uint16_t port)
{
	const char *why;
	struct net_addr a;

	assert_int_equal(net_addr_from_ip(slice_str(ip), port, &a), 0);
	return !egress_address_check(w.policy, w.policy->allowed, &a, &why);
}

static void
a_change_is_told_to_guards_and_keeper(void **state)
{
	struct connect_egress e;

	(void)state;
	assert_int_equal(allow("10.1.2.3/32:443", &e), 0);
	assert_string_equal(e.destination, "10.1.2.3:443");
	assert_true(guard_lets("10.1.2.3", 443));
	assert_int_equal(keeper.egress.count, 1);
	assert_string_equal(keeper.egress.items[0], "10.1.2.3:443");
	assert_int_equal(number("SELECT count(*) FROM audit WHERE action = "
				"'egress_destination.create' AND object = ?1",
				e.id),
			 1);
	assert_int_equal(
		connect_front_egress_remove(w.front, w.c, &w.who, e.id, &w.p),
		0);
	assert_false(guard_lets("10.1.2.3", 443));
	assert_int_equal(keeper.egress.count, 0);
	assert_int_equal(number("SELECT count(*) FROM audit WHERE action = "
				"'egress_destination.delete' AND object = ?1",
				e.id),
			 1);
}

static void
a_change_that_is_refused_leaves_nothing(void **state)
{
	struct connect_egress e;
	int64_t records =
		number("SELECT count(*) FROM audit WHERE ?1 = ''", "");

	(void)state;
	assert_int_equal(allow("0.0.0.0/0:443", &e), ERR_INVALID);
	assert_string_equal(w.p.pointer, "/destination");
	assert_int_equal(allow("10.1.2.3:443", &e), 0);
	assert_int_equal(allow("10.1.2.3:443", &e), ERR_EXISTS);
	assert_string_equal(w.p.code, "already_exists");
	assert_int_equal(number("SELECT count(*) FROM audit WHERE ?1 = ''", ""),
			 records + 1);
	assert_int_equal(number("SELECT count(*) FROM egress_destinations "
				"WHERE ?1 = ''",
				""),
			 1);
}

static void
a_removal_that_the_keeper_has_not_heard_of_is_told_again(void **state)
{
	struct connect_egress e;

	(void)state;
	assert_int_equal(allow("10.1.2.3:443", &e), 0);
	keeper.err = ERR_CLOSED;
	keeper.code = keeper.detail = "";
	assert_int_equal(
		connect_front_egress_remove(w.front, w.c, &w.who, e.id, &w.p),
		ERR_CLOSED);
	assert_string_equal(w.p.code, "keeper_unavailable");
	/* the workers' guards have, and it is stored */
	assert_false(guard_lets("10.1.2.3", 443));
	assert_true(w.front->egress_untold);
	keeper.err = 0;
	keeper.egress.count = 7;
	assert_int_equal(front_egress_publish(w.front, w.c), 0);
	assert_int_equal(keeper.egress.count, 0);
	assert_false(w.front->egress_untold);
}

static void
what_has_not_changed_is_not_told(void **state)
{
	struct connect_egress e;
	unsigned told;

	(void)state;
	assert_int_equal(allow("10.1.2.3:443", &e), 0);
	told = keeper.egress_told;
	assert_int_equal(front_egress_publish(w.front, w.c), 0);
	assert_int_equal(keeper.egress_told, told);
	/* another keeper has to hear of it */
	connect_front_attach(w.front, w.near);
	loop_pool_wait(w.pool);
	assert_int_equal(keeper.egress_told, told + 1);
	assert_int_equal(keeper.egress.count, 1);
}

static void
what_another_front_has_changed_is_found(void **state)
{
	(void)state;
	assert_int_equal(
		store_exec(w.c, NULL,
			   "INSERT INTO egress_destinations SELECT 'other', "
			   "org, '10.9.9.9:443', '', id, 1 FROM members",
			   ""),
		0);
	assert_false(guard_lets("10.9.9.9", 443));
	assert_int_equal(front_egress_publish(w.front, w.c), 0);
	assert_true(guard_lets("10.9.9.9", 443));
	assert_string_equal(keeper.egress.items[0], "10.9.9.9:443");
}

static void
a_row_that_nobody_may_write_counts_for_nothing(void **state)
{
	(void)state;
	log_setup("test", LOG_ERROR + 1);
	assert_int_equal(
		store_exec(w.c, NULL,
			   "INSERT INTO egress_destinations SELECT 'other', "
			   "org, '0.0.0.0/0:443', '', id, 1 FROM members",
			   ""),
		0);
	assert_int_equal(front_egress_publish(w.front, w.c), 0);
	assert_false(guard_lets("10.9.9.9", 443));
	assert_false(guard_lets("127.0.0.1", 443));
}

static void
only_an_owner_may(void **state)
{
	static const enum people_role roles[] = { PEOPLE_CALLER, PEOPLE_VIEWER,
						  PEOPLE_BUILDER,
						  PEOPLE_ADMIN };
	struct connect_egress e, *list;
	struct people_actor *owner = w.who.actor;
	size_t i, count;
	bool locked;

	(void)state;
	for (i = 0; i < ARRAY_LEN(roles); i++) {
		w.who.actor = people_actor_new(owner->org, owner->member,
					       roles[i], "somebody");
		assert_int_equal(allow("10.1.2.3:443", &e), ERR_FORBIDDEN);
		assert_int_equal(
			connect_front_egress_list(w.front, w.c, &w.who, w.arena,
						  &list, &count, &locked, &w.p),
			ERR_FORBIDDEN);
		assert_int_equal(connect_front_egress_remove(w.front, w.c,
							     &w.who, "x", &w.p),
				 ERR_FORBIDDEN);
		people_actor_unref(w.who.actor);
	}
	w.who.actor = owner;
	assert_int_equal(connect_front_egress_list(w.front, w.c, &w.who,
						   w.arena, &list, &count,
						   &locked, &w.p),
			 0);
	assert_int_equal(count, 0);
	assert_false(locked);
}

static void
a_list_arrives_as_it_was_sent(void **state)
{
	static struct connect_msg_egress m, got;
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *s;

	(void)state;
	memset(&m, 0, sizeof(m));
	for (m.count = 0; m.count < EGRESS_ALLOWED_MAX; m.count++)
		snprintf(m.items[m.count], sizeof(m.items[0]), "10.0.0.%zu:443",
			 m.count);
	connect_msg_egress_pack(&m, p);
	s = proc_pack_detach(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_egress_unpack(&u, &got), 0);
	assert_memory_equal(&m, &got, sizeof(m));
	secret_free(s);
	/* more of them than there may be */
	p = proc_pack_new();
	proc_pack_u64(p, EGRESS_ALLOWED_MAX + 1);
	s = proc_pack_detach(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_egress_unpack(&u, &got), ERR_PROTOCOL);
	secret_free(s);
}

#define IN_WORLD(test) \
	cmocka_unit_test_setup_teardown(test, begin_empty, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_change_is_told_to_guards_and_keeper),
		IN_WORLD(a_change_that_is_refused_leaves_nothing),
		IN_WORLD(
			a_removal_that_the_keeper_has_not_heard_of_is_told_again),
		IN_WORLD(what_has_not_changed_is_not_told),
		IN_WORLD(what_another_front_has_changed_is_found),
		IN_WORLD(only_an_owner_may),
		IN_WORLD(a_row_that_nobody_may_write_counts_for_nothing),
		cmocka_unit_test(a_list_arrives_as_it_was_sent),
	};

	return cmocka_run_group_tests(tests, begin_guarded, end_world);
}
