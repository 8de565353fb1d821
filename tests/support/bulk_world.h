/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connections at once, in a front of support/front_world.h: made, asked
 * for, and worked through as often as a test wants.
 */
#ifndef SUPPORT_BULK_WORLD_H
#define SUPPORT_BULK_WORLD_H

#include "front_world.h"

#include "connect/front_priv.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_bulk, end_test)
#define STATUS(s) \
	"SELECT count(*) FROM connections WHERE status = '" s "' AND ?1 = ''"
#define ITEMS(s) \
	"SELECT count(*) FROM bulk_items WHERE state = '" s "' AND ?1 = ''"
#define AUDITED(a) \
	"SELECT count(*) FROM audit WHERE action = '" a "' AND object = ?1"

static int
begin_bulk(void **state)
{
	static const char *const tables[] = {
		"DELETE FROM bulk_items",  "DELETE FROM bulks",
		"DELETE FROM withdrawals", "DELETE FROM connection_users",
		"DELETE FROM connections",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(tables); i++)
		assert_int_equal(store_exec(w.c, NULL, tables[i], ""), 0);
	return begin_test(state);
}

static struct connect_info
made(bool per_user)
{
	struct connect_new n = { .name = "One of many",
				 .service = "test_desk",
				 .per_user = per_user };
	struct connect_info info;

	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &info,
				 &w.p))
		fail_msg("%s", w.p.detail);
	if (!per_user)
		store_exec(w.c, NULL,
			   "UPDATE connections SET status = 'connected', "
			   "account = 'ada' WHERE id = ?1",
			   "s", info.id);
	return info;
}

static void
user(const struct connect_info *i, const char *subject)
{
	store_exec(w.c, NULL,
		   "INSERT INTO connection_users (connection, subject, status, "
		   "account) VALUES (?1, ?2, 'connected', 'eve')",
		   "ss", i->id, subject);
}

static struct connect_bulk
ask(bool revoke)
{
	struct connect_bulk_new n = {
		.revoke = revoke, .all = true, .service = "", .owner = ""
	};
	struct connect_bulk out;

	if (connect_front_bulk(w.front, w.c, &w.who, &n, w.arena, &out, &w.p))
		fail_msg("%s", w.p.detail);
	return out;
}

static struct connect_bulk
look(const struct connect_bulk *b)
{
	struct connect_bulk out;

	assert_int_equal(connect_front_bulk_get(w.front, w.c, &w.who, b->id,
						w.arena, &out, &w.p),
			 0);
	return out;
}

static void
pass(void)
{
	store_exec(w.c, NULL, "UPDATE withdrawals SET next_at = 0", "");
	store_exec(w.c, NULL, "UPDATE bulks SET leased_until = 0", "");
	connect_front_withdraw(w.front, w.c);
}

#endif
