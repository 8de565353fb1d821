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

/* ---- more than there is room for ---- */

static int
end_filled(void **state)
{
	return store_exec(w.c, NULL,
			  "DELETE FROM custom_services WHERE id <> "
			  "'test_desk'",
			  "") ||
	       front_catalog_load(w.front, w.c) || end_test(state);
}

static int
begin_filled(void **state)
{
	return begin_test(state) || end_filled(state) || begin_test(state);
}

/* As a version without these limits has stored them, after the others. */
static void
stored_before(int count, const char *letter, size_t padding)
{
	char id[40], *text = calloc(1, CATALOG_TEXT_MAX + 1);
	size_t n;
	int i;

	assert_non_null(text);
	assert_int_equal(store_begin(w.c), 0);
	for (i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%s%04d", letter, i);
		definition_of(id, text, CATALOG_TEXT_MAX);
		n = strlen(text);
		memset(text + n, ' ', padding > n ? padding - n : 0);
		text[padding > n ? padding : n] = '\0';
		assert_int_equal(
			store_exec(w.c, NULL,
				   "INSERT INTO custom_services (org, id, "
				   "source, created_by, created_at, updated_at)"
				   " SELECT org, ?1, ?2, id, ?3, ?3 FROM "
				   "members",
				   "ssi", id, text, (int64_t)4e12 + i),
			0);
	}
	assert_int_equal(store_commit(w.c), 0);
	free(text);
}

/* Whether another front starts, and whether it knows of these. */
static void
a_front_starts_with(const char *const *known, const char *unknown)
{
	struct connect_front_config config = { .store = w.store,
					       .loop = w.loop,
					       .pool = w.pool,
					       .public_url = "https://d.test",
					       .views = w.views };
	struct connect_front *f = NULL;
	struct connect_service s;
	struct connect_problem p;

	log_setup("test", LOG_ERROR + 1);
	assert_int_equal(connect_front_new(&config, &f), 0);
	for (; *known; known++) {
		if (connect_front_service(f, w.c, &w.who, *known, &s, &p))
			fail_msg("%s", p.detail);
		catalog_unref(s.catalog);
	}
	assert_int_equal(connect_front_service(f, w.c, &w.who, unknown, &s, &p),
			 ERR_NOT_FOUND);
	connect_front_free(f);
	log_setup("test", LOG_ERROR);
}

static void
long_definitions_keep_no_front_from_starting(void **state)
{
	static const char *const known[] = { "test_desk", "long0000", "slack",
					     NULL };

	(void)state;
	stored_before(300, "long", CATALOG_TEXT_MAX);
	a_front_starts_with(known, "long0299");
	assert_int_equal(front_catalog_load(w.front, w.c), 0);
	assert_true(is_known(w.c, "test_desk"));
}

static void
many_definitions_push_out_no_older_one(void **state)
{
	static const char *const known[] = { "test_desk", "a0000", NULL };

	(void)state;
	stored_before(2 * FRONT_SERVICES_MAX, "a", 0);
	a_front_starts_with(known, "a0999");
}

static int
save_padded(const char *replace, const char *id, size_t length)
{
	char got[CATALOG_ID_MAX + 1], *text = calloc(1, length + 600);
	struct catalog_report report;
	size_t n;
	int rc;

	assert_non_null(text);
	definition_of(id, text, length + 600);
	n = strlen(text);
	memset(text + n, ' ', length > n ? length - n : 0);
	rc = connect_front_service_save(w.front, w.c, &w.who, replace, 0,
					slice_str(text), &report, got, &w.p);
	free(text);
	return rc;
}

static void
assert_full(int rc, const char *words)
{
	assert_int_equal(rc, ERR_TOO_LARGE);
	assert_string_equal(w.p.code, "services_full");
	if (!strstr(w.p.detail, words) || !strstr(w.p.hint, "elete"))
		fail_msg("%s %s", w.p.detail, w.p.hint);
}

static void
of_so_many_services_no_more_is_taken(void **state)
{
	(void)state;
	stored_before(FRONT_SERVICES_MAX - 2, "b", 0);
	assert_int_equal(save_padded(NULL, "the_last", 0), 0);
	assert_full(save_padded(NULL, "one_more", 0), "may have 500");
	assert_false(is_known(w.c, "one_more"));
	/* what is there can be changed, and makes room */
	assert_int_equal(save_padded("the_last", "the_last", 5000), 0);
	assert_int_equal(connect_front_service_delete(w.front, w.c, &w.who,
						      "b0001", &w.p),
			 0);
	assert_int_equal(save_padded(NULL, "one_more", 0), 0);
	assert_true(is_known(w.c, "one_more"));
}

static void
blanks_count_in_what_all_definitions_may_have(void **state)
{
	char id[40];
	int i, fit = FRONT_SERVICES_BYTES / CATALOG_TEXT_MAX - 1;

	(void)state;
	for (i = 0; i < fit; i++) {
		snprintf(id, sizeof(id), "padded_%d", i);
		assert_int_equal(save_padded(NULL, id, CATALOG_TEXT_MAX), 0);
	}
	assert_full(save_padded(NULL, "too_long", CATALOG_TEXT_MAX),
		    "may have 4096 KiB");
	assert_int_equal(save_padded(NULL, "short", 0), 0);
	assert_full(save_padded("short", "short", CATALOG_TEXT_MAX), "KiB");
	assert_int_equal(save_padded("padded_0", "padded_0", 0), 0);
	assert_int_equal(save_padded("short", "short", CATALOG_TEXT_MAX / 2),
			 0);
}

#define IN_WORLD(test) \
	cmocka_unit_test_setup_teardown(test, begin_test, end_test)

#define IN_FILLED_WORLD(test) \
	cmocka_unit_test_setup_teardown(test, begin_filled, end_filled)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(of_many_at_once_each_is_known),
		IN_WORLD(what_another_front_has_changed_is_found),
		IN_WORLD(it_is_looked_for_when_the_other_has_gone),
		IN_WORLD(what_could_not_be_read_is_read_later),
		IN_FILLED_WORLD(long_definitions_keep_no_front_from_starting),
		IN_FILLED_WORLD(many_definitions_push_out_no_older_one),
		IN_FILLED_WORLD(of_so_many_services_no_more_is_taken),
		IN_FILLED_WORLD(blanks_count_in_what_all_definitions_may_have),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
