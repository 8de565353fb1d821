/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With whom a connection is shared: of two lists made from one the first
 * counts, and the audit tells who came and who went.
 */
#include "../support/front_world.h"

enum { MANY = 150 };

static struct connect_info shared;
static char members[MANY][PEOPLE_ID_SIZE];

static int
begin_share(void **state)
{
	struct connect_new n = { .name = "Shared", .service = "test_desk" };
	char email[40], name[120];
	int i, rc = begin_test(state);

	if (!rc && !members[0][0]) {
		rc = store_begin(w.c);
		for (i = 0; i < MANY && !rc; i++) {
			snprintf(email, sizeof(email), "m%d@example.org", i);
			snprintf(name, sizeof(name), "Member %d %090d", i, i);
			rc = people_member_create(w.c, w.owner->org, email,
						  name, PEOPLE_BUILDER, NULL,
						  members[i]);
		}
		rc = rc ? rc : store_commit(w.c);
	}
	return rc ? rc
		  : connect_front_create(w.front, w.c, &w.who, &n, w.arena,
					 &shared, &w.p);
}

static struct people_share
member(int number, bool manage)
{
	struct people_share s = { .kind = PEOPLE_SHARE_MEMBER,
				  .manage = manage };

	memcpy(s.subject, members[number], sizeof(s.subject));
	return s;
}

static int
put(int64_t if_match, const struct people_share *items, size_t count,
    struct connect_shares *out)
{
	struct connect_shares to = { .items = (struct people_share *)items,
				     .count = count };

	return connect_front_shares_set(w.front, w.c, &w.who, shared.link,
					if_match, &to, w.arena, out, &w.p);
}

static struct connect_shares
look(void)
{
	struct connect_shares out;

	if (connect_front_shares(w.front, w.c, &w.who, shared.link, w.arena,
				 &out, &w.p))
		fail_msg("%s", w.p.detail);
	return out;
}

#define RECORDS \
	"SELECT count(*) FROM audit WHERE action = 'connection.share' AND " \
	"object = ?1"

/* Whether the connection's audit says so; what: a pattern. */
static bool
is_told(const char *what)
{
	struct store_stmt *st = NULL;
	bool found;

	assert_int_equal(
		store_query(w.c, &st,
			    "SELECT 1 FROM audit WHERE action = "
			    "'connection.share' AND object = ?1 AND record "
			    "LIKE '%' || ?2 || '%'",
			    "ss", shared.id, what),
		0);
	found = store_step(st) == 1;
	store_done(st);
	return found;
}

static void
a_list_made_of_an_older_one_is_refused(void **state)
{
	struct people_share two[] = { member(0, true), member(1, false) };
	struct connect_shares out, morning;

	(void)state;
	assert_int_equal(put(0, two, 2, &out), 0);
	morning = look();
	assert_int_equal(out.version, morning.version);
	assert_int_equal(morning.count, 2);
	assert_int_equal(put(morning.version, two + 1, 1, &out), 0);
	assert_int_equal(out.version, morning.version + 1);
	two[1] = member(2, false);
	assert_int_equal(put(morning.version, two, 2, &out), ERR_CONFLICT);
	assert_string_equal(w.p.code, "changed_meanwhile");
	assert_int_equal(look().count, 1);
	assert_string_equal(look().items[0].subject, members[1]);
}

static void
the_audit_names_who_came_and_who_went(void **state)
{
	struct people_share two[] = { member(0, true), member(1, false) };
	struct people_share other[] = { member(1, true),
					{ .kind = PEOPLE_SHARE_EVERYONE } };
	struct connect_shares out;
	char text[200];

	(void)state;
	assert_int_equal(put(0, two, 2, &out), 0);
	snprintf(text, sizeof(text), "added Member 0 %%(%s): manage",
		 members[0]);
	assert_true(is_told(text));
	assert_int_equal(put(0, other, 2, &out), 0);
	assert_int_equal(number(RECORDS, shared.id), 2);
	snprintf(text, sizeof(text), "removed Member 0 %%(%s): manage",
		 members[0]);
	assert_true(is_told(text));
	snprintf(text, sizeof(text),
		 "changed Member 1 %%(%s): manage, was use%%added everyone: "
		 "use",
		 members[1]);
	assert_true(is_told(text));
}

static void
what_changes_nothing_is_no_change(void **state)
{
	struct people_share one = member(0, false);
	struct connect_shares out, again;

	(void)state;
	assert_int_equal(put(0, &one, 1, &out), 0);
	assert_int_equal(put(out.version, &one, 1, &again), 0);
	assert_int_equal(again.version, out.version);
	assert_int_equal(again.items[0].created_at, out.items[0].created_at);
	assert_int_equal(number(RECORDS, shared.id), 1);
	assert_int_equal(look().version, out.version);
}

static void
of_many_none_is_left_out_of_the_audit(void **state)
{
	struct people_share many[MANY];
	struct connect_shares out;
	char text[200];
	int i;

	(void)state;
	for (i = 0; i < MANY; i++)
		many[i] = member(i, i % 2 == 0);
	assert_int_equal(put(0, many, MANY, &out), 0);
	assert_int_equal(put(0, NULL, 0, &out), 0);
	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "added Member %d %%(%.26s): %s", i,
			 members[i], i % 2 ? "use" : "manage");
		assert_true(is_told(text));
		snprintf(text, sizeof(text), "removed Member %d %%(%.26s): %s",
			 i, members[i], i % 2 ? "use" : "manage");
		assert_true(is_told(text));
	}
}

#define IN_WORLD(test) \
	cmocka_unit_test_setup_teardown(test, begin_share, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_list_made_of_an_older_one_is_refused),
		IN_WORLD(the_audit_names_who_came_and_who_went),
		IN_WORLD(what_changes_nothing_is_no_change),
		IN_WORLD(of_many_none_is_left_out_of_the_audit),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
