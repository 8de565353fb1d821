/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom services that change: by many at once, and by another front at the
 * same database.  Whatever the store holds can be found, and nothing else.
 */
#include "../support/front_world.h"

#include "connect/front_priv.h"

enum { THREADS = 8, EACH = 6 };

static void
definition_of(const char *id, char *out, size_t size)
{
	snprintf(out, size,
		 "{\"id\":\"%s\",\"name\":\"%s\",\"categories\":[\"Test\"],"
		 "\"methods\":{\"key\":{\"kind\":\"api_key\",\"name\":\"Key\","
		 "\"fields\":[{\"name\":\"api_key\",\"label\":\"Key\"}],"
		 "\"inject\":[{\"in\":\"header\",\"name\":\"X-Key\","
		 "\"value\":\"{api_key}\"}]}},"
		 "\"api\":{\"base_url\":\"https://api.example.com\","
		 "\"hosts\":[\"api.example.com\"]}}",
		 id, id);
}

static bool
is_known(struct store_conn *c, const char *id)
{
	struct connect_service s;
	struct connect_problem p;

	if (connect_front_service(w.front, c, &w.who, id, &s, &p))
		return false;
	catalog_unref(s.catalog);
	return true;
}

static int
save(struct store_conn *c, const char *id)
{
	struct catalog_report report;
	struct connect_problem p;
	char got[CATALOG_ID_MAX + 1], text[600];

	definition_of(id, text, sizeof(text));
	return connect_front_service_save(w.front, c, &w.who, NULL, 0,
					  slice_str(text), &report, got, &p);
}

/* ---- many at once ---- */

struct writer {
	pthread_t thread;
	int number;
	int failed;  /* saves */
	int unknown; /* right after it was saved, or still after its end */
};

static void *
write_services(void *arg)
{
	struct writer *me = arg;
	struct store_conn *c;
	struct connect_problem p;
	char id[40];
	int i;

	if (store_acquire(w.store, &c)) {
		me->failed = EACH;
		return NULL;
	}
	for (i = 0; i < EACH; i++) {
		snprintf(id, sizeof(id), "desk_%d_%d", me->number, i);
		me->failed += save(c, id) != 0;
		me->unknown += !is_known(c, id);
		if (i % 2 == 0)
			continue;
		me->failed += connect_front_service_delete(w.front, c, &w.who,
							   id, &p) != 0;
		me->unknown += is_known(c, id);
	}
	store_release(c);
	return NULL;
}

static void
of_many_at_once_each_is_known(void **state)
{
	struct writer writers[THREADS] = { 0 };
	char id[40];
	int i, k;

	(void)state;
	for (i = 0; i < THREADS; i++) {
		writers[i].number = i;
		assert_int_equal(pthread_create(&writers[i].thread, NULL,
						write_services, &writers[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(writers[i].thread, NULL);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(writers[i].failed, 0);
		assert_int_equal(writers[i].unknown, 0);
		for (k = 0; k < EACH; k++) {
			snprintf(id, sizeof(id), "desk_%d_%d", i, k);
			assert_int_equal(is_known(w.c, id), k % 2 == 0);
		}
	}
}

/* ---- another front ---- */

/* As the other front's transaction leaves it. */
static void
other_saves(const char *id)
{
	char text[600];

	definition_of(id, text, sizeof(text));
	assert_int_equal(
		store_exec(w.c, NULL,
			   "INSERT INTO custom_services (org, id, source, "
			   "created_by, created_at, updated_at) SELECT org, "
			   "?1, ?2, id, 1, 1 FROM members",
			   "ss", id, text),
		0);
}

static void
what_another_front_has_changed_is_found(void **state)
{
	struct catalog *before;

	(void)state;
	other_saves("elsewhere");
	assert_false(is_known(w.c, "elsewhere"));
	front_catalog_look(w.front, w.c);
	assert_true(is_known(w.c, "elsewhere"));
	assert_int_equal(store_exec(w.c, NULL,
				    "UPDATE custom_services SET source = "
				    "replace(source, 'X-Key', 'X-Token'), "
				    "version = 2, updated_at = 2 WHERE id = "
				    "'elsewhere'",
				    ""),
			 0);
	before = connect_front_catalog(w.front);
	front_catalog_look(w.front, w.c);
	catalog_unref(before);
	assert_ptr_not_equal(before, w.front->catalog);
	/* nothing has changed: nothing is built */
	before = w.front->catalog;
	front_catalog_look(w.front, w.c);
	assert_ptr_equal(before, w.front->catalog);
	assert_int_equal(store_exec(w.c, NULL,
				    "DELETE FROM custom_services WHERE id = "
				    "'elsewhere'",
				    ""),
			 0);
	front_catalog_look(w.front, w.c);
	assert_false(is_known(w.c, "elsewhere"));
}

static void
it_is_looked_for_when_the_other_has_gone(void **state)
{
	(void)state;
	other_saves("left_behind");
	connect_front_attach(w.front, w.near);
	loop_pool_wait(w.pool);
	assert_true(is_known(w.c, "left_behind"));
}

static void
what_could_not_be_read_is_read_later(void **state)
{
	(void)state;
	other_saves("later");
	assert_int_equal(store_exec(w.c, NULL,
				    "ALTER TABLE custom_services RENAME TO "
				    "away",
				    ""),
			 0);
	log_setup("test", LOG_ERROR + 1);
	assert_int_not_equal(front_catalog_load(w.front, w.c), 0);
	assert_true(w.front->catalog_old);
	assert_true(is_known(w.c, "test_desk")); /* what there was, stays */
	assert_int_equal(store_exec(w.c, NULL,
				    "ALTER TABLE away RENAME TO "
				    "custom_services",
				    ""),
			 0);
	front_catalog_look(w.front, w.c);
	log_setup("test", LOG_ERROR);
	assert_false(w.front->catalog_old);
	assert_true(is_known(w.c, "later"));
}

#define IN_WORLD(test) \
	cmocka_unit_test_setup_teardown(test, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(of_many_at_once_each_is_known),
		IN_WORLD(what_another_front_has_changed_is_found),
		IN_WORLD(it_is_looked_for_when_the_other_has_gone),
		IN_WORLD(what_could_not_be_read_is_read_later),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
