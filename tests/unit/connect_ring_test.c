/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files beside the database follow it: what a passphrase takes belongs to
 * the key that it came with, and nothing else that lies there is believed.
 * And what a keeper hands to the parent, so that the next one has its key.
 */
#include "../support/keeper_world.h"

static struct keeper_ring *ring;
static char first[VAULT_PARAMS_SIZE], second[VAULT_PARAMS_SIZE];

static void
params_new(char out[VAULT_PARAMS_SIZE])
{
	struct vault_kdf kdf;

	vault_kdf_new(&kdf);
	vault_params_write(&kdf, out);
}

static void
put(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "keeper/%s", name);
	file_put(temp_path(path), text, strlen(text), 0600);
}

static void
assert_file(const char *name, const char *text)
{
	char path[64], got[VAULT_PARAMS_SIZE + 1] = "";

	snprintf(path, sizeof(path), "keeper/%s", name);
	if (!text) {
		assert_int_equal(file_mode(temp_path(path)), 0);
		return;
	}
	got[file_get(temp_path(path), got, sizeof(got) - 1)] = '\0';
	assert_string_equal(got, text);
}

static int
ring_begin(void **state)
{
	char *const argv[] = { NULL };
	struct conf_problem problem;
	int rc = begin(state);

	if (rc || mkdir(temp_path("keeper"), 0700))
		return -1;
	rc = conf_load(0, argv, &keeper_env.conf, &problem);
	ring = w.k[0].ring;
	ring->source = CONNECT_KEY_PASSPHRASE;
	params_new(first);
	params_new(second);
	return rc;
}

static int
ring_end(void **state)
{
	size_t i;

	for (i = 0; i < PROC_KEYS; i++) {
		secret_free(keeper_env.keys[i]);
		keeper_env.keys[i] = NULL;
	}
	conf_free(keeper_env.conf);
	keeper_env.conf = NULL;
	return end(state);
}

/* ---- what a passphrase takes ---- */

static void
what_came_with_the_key_is_written(void **state)
{
	(void)state;
	memcpy(ring->params, first, sizeof(first));
	keeper_ring_settle(&w.k[0]);
	assert_file("passphrase.params", first);
	put("passphrase.params", second);
	put("passphrase.params.next", second);
	keeper_ring_settle(&w.k[0]);
	assert_file("passphrase.params", first);
	assert_file("passphrase.params.next", NULL);
	put("passphrase.params", "damaged");
	keeper_ring_settle(&w.k[0]);
	assert_file("passphrase.params", first);
}

static void
both_files_stay_where_that_is_not_known(void **state)
{
	(void)state;
	put("passphrase.params", first);
	put("passphrase.params.next", second);
	keeper_ring_settle(&w.k[0]);
	assert_file("passphrase.params", first);
	assert_file("passphrase.params.next", second);
}

static void
nothing_is_touched_during_a_rotation_or_beside_another_keeper(void **state)
{
	(void)state;
	put("passphrase.params", first);
	put("passphrase.params.next", second);
	memcpy(ring->params, second, sizeof(second));
	ring->next = vault_key_new();
	keeper_ring_settle(&w.k[0]);
	assert_file("passphrase.params", first);
	secret_free(ring->next);
	ring->next = NULL;
	keeper_env.shared = true;
	keeper_ring_settle(&w.k[0]);
	keeper_env.shared = false;
	assert_file("passphrase.params", first);
	assert_file("passphrase.params.next", second);
}

static void
it_goes_with_the_key_that_was_replaced_alone(void **state)
{
	(void)state;
	put("passphrase.params", first);
	ring->source = CONNECT_KEY_FOLDER;
	ring->since = 77;
	keeper_ring_settle(&w.k[0]);
	assert_file("passphrase.params", first);
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "INSERT INTO master_keys (id, state, "
				    "source, since) VALUES ('0123456789abcdef',"
				    " 'former', 'passphrase', 77)",
				    ""),
			 0);
	keeper_ring_settle(&w.k[0]);
	assert_file("passphrase.params", NULL);
}

static void
next_is_written_before_the_switch_and_the_current_stays(void **state)
{
	(void)state;
	put("passphrase.params", first);
	memcpy(ring->params, first, sizeof(first));
	memcpy(ring->next_params, second, sizeof(second));
	ring->next_source = CONNECT_KEY_PASSPHRASE;
	assert_int_equal(keeper_settle_next(&w.k[0]), 0);
	assert_file("passphrase.params", first);
	assert_file("passphrase.params.next", second);
}

static void
next_key_takes_the_place_of_what_a_kill_has_left(void **state)
{
	struct secret *key;
	char why[300];

	(void)state;
	ring->next_source = CONNECT_KEY_FOLDER;
	ring->next = vault_key_new();
	put("master.key.next", "left");
	put("master.key.next.new", "left");
	assert_int_equal(keeper_settle_next(&w.k[0]), 0);
	assert_int_equal(
		vault_key_from_file(temp_path("keeper/master.key.next"), false,
				    &key, NULL, why, sizeof(why)),
		0);
	assert_true(secret_eq(key, ring->next));
	assert_file("master.key.next.new", NULL);
	secret_free(key);
}

/* ---- what is handed over ---- */

/* Of a key and so many bytes behind it; what the keeper says. */
static int
take(const char *behind, size_t len, char params[VAULT_PARAMS_SIZE])
{
	unsigned char paper[VAULT_PAPER_SIZE];
	struct secret *given, *key = NULL;
	struct buf sealed;
	int rc;

	buf_init(&sealed, 1024);
	secret_free(ring->handover);
	assert_int_equal(vault_handover_new(&ring->handover, paper), 0);
	given = secret_new(VAULT_KEY_SIZE + len);
	memset(secret_bytes(given), 7, VAULT_KEY_SIZE);
	memcpy(secret_bytes(given) + VAULT_KEY_SIZE, behind, len);
	assert_int_equal(vault_handover_seal(paper, given, &sealed), 0);
	rc = keeper_ring_take(&w.k[0], buf_slice(&sealed), &key, params);
	assert_true(rc ? !key : secret_len(key) == VAULT_KEY_SIZE);
	secret_free(key);
	secret_free(given);
	buf_release(&sealed);
	return rc;
}

static void
a_key_comes_alone_or_with_what_its_passphrase_takes(void **state)
{
	char params[VAULT_PARAMS_SIZE] = "before";

	(void)state;
	assert_int_equal(take("", 0, params), 0);
	assert_string_equal(params, "");
	assert_int_equal(take(first, strlen(first), params), 0);
	assert_string_equal(params, first);
	assert_int_equal(take(first, strlen(first) - 2, params), ERR_INVALID);
	assert_int_equal(take("x", 1, params), ERR_INVALID);
	assert_int_equal(take(first, strlen(first), NULL), ERR_INVALID);
	assert_int_equal(take("", 0, NULL), 0);
}

static void
the_next_key_takes_not_the_place_of_the_current_one(void **state)
{
	struct secret *one = vault_key_new(), *two = vault_key_new();
	struct secret *const *keys = keeper_env.keys;

	(void)state;
	keeper_ring_keep(&w.k[0], ring->current, CONNECT_KEY_FOLDER);
	assert_null(keys[PROC_KEY_HANDED]); /* it is found there */
	keeper_ring_keep(&w.k[0], ring->current, CONNECT_KEY_FILE);
	assert_true(secret_eq(keys[PROC_KEY_HANDED], ring->current));
	keeper_ring_keep(&w.k[0], ring->current, CONNECT_KEY_FILE);
	assert_null(keys[PROC_KEY_OTHER]);
	keeper_ring_keep(&w.k[0], one, CONNECT_KEY_FILE);
	keeper_ring_keep(&w.k[0], two,
			 CONNECT_KEY_FILE); /* one was for nothing */
	assert_true(secret_eq(keys[PROC_KEY_HANDED], ring->current));
	assert_true(secret_eq(keys[PROC_KEY_OTHER], two));
	vault_key_id(two, ring->current_id);
	keeper_ring_keep(&w.k[0], one, CONNECT_KEY_FILE);
	assert_true(secret_eq(keys[PROC_KEY_HANDED], one));
	assert_true(secret_eq(keys[PROC_KEY_OTHER], two));
	secret_free(one);
	secret_free(two);
}

/* ---- two keepers ---- */

static void
keeper_that_was_overtaken_is_started_anew(void **state)
{
	(void)state;
	assert_int_equal(store_exec(w.k[0].db, NULL,
				    "INSERT INTO master_keys (id, state, "
				    "source, since) VALUES (?1, 'current', "
				    "'folder', 1)",
				    "s", ring->current_id),
			 0);
	ring->held = true;
	keeper_ring_alone(&w.k[0], true);
	assert_false(ring->held);
	assert_non_null(ring->handover);
	ring->held = true;
	secret_free(ring->handover);
	ring->handover = NULL;
	assert_int_equal(store_exec(w.k[1].db, NULL,
				    "INSERT INTO master_keys (id, state, "
				    "source, since) VALUES "
				    "('0123456789abcdef', 'next', 'file', 1)",
				    ""),
			 0);
	keeper_ring_alone(&w.k[0], true);
	assert_true(ring->held); /* it does nothing any more */
	assert_null(ring->handover);
}

#define RING(f) cmocka_unit_test_setup_teardown(f, ring_begin, ring_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RING(what_came_with_the_key_is_written),
		RING(both_files_stay_where_that_is_not_known),
		RING(nothing_is_touched_during_a_rotation_or_beside_another_keeper),
		RING(it_goes_with_the_key_that_was_replaced_alone),
		RING(next_is_written_before_the_switch_and_the_current_stays),
		RING(next_key_takes_the_place_of_what_a_kill_has_left),
		RING(a_key_comes_alone_or_with_what_its_passphrase_takes),
		RING(the_next_key_takes_not_the_place_of_the_current_one),
		RING(keeper_that_was_overtaken_is_started_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
