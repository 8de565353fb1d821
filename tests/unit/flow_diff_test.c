/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed between two documents of a flow. */
#include <stdio.h>
#include <time.h>

#include "../support/flow_world.h"

/* So many blocks; when turned, the last one first and none as it was. */
static json_t *
of_blocks(unsigned count, bool turned)
{
	json_t *list = json_array();
	char id[20];
	unsigned i;

	for (i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "b%u", turned ? count - i : i);
		json_array_append_new(list, json_pack("{s:s, s:b}", "id", id,
						      "turned", turned));
	}
	return json_pack("{s:o}", "blocks", list);
}

static size_t
count_of(const json_t *diff, const char *member)
{
	return json_array_size(json_object_get(diff, member));
}

static int64_t
cpu_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
each_change_is_told_once(void **state)
{
	json_t *from = flow_json("{'name': 'A', 'old': 1, 'blocks': [{'id': "
				 "'same'}, {'id': 'gone'}, {'id': 'other', "
				 "'text': 'x'}, {'id': 'other'}, {}]}");
	json_t *to = flow_json("{'name': 'B', 'blocks': [{'id': 'new'}, "
			       "{'id': 'other', 'text': 'y'}, {'id': 'same'}, "
			       "{'id': 7}], 'more': 2}");
	json_t *expected = flow_json("{'added': ['new'], 'removed': ['gone'], "
				     "'changed': ['other'], 'other': ['name', "
				     "'old', 'more']}");
	json_t *diff = flow_diff_documents(from, to);

	(void)state;
	assert_true(json_equal(diff, expected));
	json_decref(diff);
	json_decref(expected);
	json_decref(to);
	json_decref(from);
}

/* A draft is stored with what is wrong in it, as too many blocks are. */
static void
large_documents_take_no_long_work(void **state)
{
	json_t *from = of_blocks(50000, false), *to = of_blocks(50000, true);
	int64_t before = cpu_ms();
	json_t *diff = flow_diff_documents(from, to);

	(void)state;
	assert_in_range(cpu_ms() - before, 0, 3000);
	assert_int_equal(count_of(diff, "added"), 1);
	assert_int_equal(count_of(diff, "removed"), 1);
	assert_int_equal(count_of(diff, "changed"), 49999);
	json_decref(diff);
	json_decref(to);
	json_decref(from);
}

static void
many_members_take_no_long_work(void **state)
{
	json_t *from = json_object(), *to = json_object(), *diff;
	int64_t before;
	char name[20];
	unsigned i;

	(void)state;
	for (i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		json_object_set_new(from, name, json_integer(1));
		json_object_set_new(to, name, json_integer(2));
	}
	before = cpu_ms();
	diff = flow_diff_documents(from, to);
	assert_in_range(cpu_ms() - before, 0, 3000);
	assert_int_equal(count_of(diff, "other"), 50000);
	json_decref(diff);
	json_decref(to);
	json_decref(from);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_is_told_once),
		cmocka_unit_test(large_documents_take_no_long_work),
		cmocka_unit_test(many_members_take_no_long_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
