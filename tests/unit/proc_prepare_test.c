/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parent makes of a passphrase before anything runs: the keys that it
 * gives with either file, each with what it took; and what it says where there
 * is no file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proc/parent_priv.h"
#include "vault/vault.h"
#include "../support/temp_folder.h"

static struct vault_kdf cheap = { .ops = 1, .mem = 8192 };
static struct proc_prepared made;
static char said[1024];

static int
begin(void **state)
{
	if (temp_folder_begin(state) || vault_init() ||
	    mkdir(temp_path("data"), 0700) ||
	    mkdir(temp_path("data/keeper"), 0700))
		return -1;
	file_put(temp_path("phrase"), "open sesame\r\n\n", 14, 0600);
	file_put(temp_path("data/keeper/grants.db"), "", 0, 0600);
	return 0;
}

static void
put(const char *name, unsigned char salt)
{
	char path[64], why[300];

	snprintf(path, sizeof(path), "data/keeper/%s", name);
	cheap.salt[0] = salt;
	assert_int_equal(
		vault_params_to_file(temp_path(path), &cheap, why, sizeof(why)),
		0);
}

/* With what is said on standard error. */
static int
prepare(void)
{
	char data[64], phrase[64];
	char *const argv[] = { (char[]){ "--data" },
			       data,
			       (char[]){ "--listen" },
			       (char[]){ "127.0.0.1:0" },
			       (char[]){ "--passphrase-file" },
			       phrase,
			       NULL };
	struct proc_parent_config config = { 0 };
	struct conf_problem problem;
	struct conf *conf;
	int before = dup(2), rc;
	size_t len;

	snprintf(data, sizeof(data), "%s", temp_path("data"));
	snprintf(phrase, sizeof(phrase), "%s", temp_path("phrase"));
	assert_int_equal(conf_load(6, argv, &conf, &problem), 0);
	config.conf = conf;
	unlink(temp_path("said"));
	close(2);
	assert_int_equal(open(temp_path("said"), O_WRONLY | O_CREAT, 0600), 2);
	rc = proc_prepare(&config, &made);
	dup2(before, 2);
	close(before);
	len = file_get(temp_path("said"), said, sizeof(said) - 1);
	said[len] = '\0';
	conf_free(conf);
	return rc;
}

/* The key of the passphrase with this salt, and what it took behind it. */
static void
assert_key(enum proc_key which, unsigned char salt)
{
	struct secret *phrase = secret_from("open sesame", 11), *key;
	char params[VAULT_PARAMS_SIZE];
	struct slice got;

	cheap.salt[0] = salt;
	assert_int_equal(vault_kdf(&cheap, phrase, &key), 0);
	vault_params_write(&cheap, params);
	assert_non_null(made.keys[which]);
	got = slice_of(secret_peek(made.keys[which]),
		       secret_len(made.keys[which]));
	assert_memory_equal(got.ptr, secret_peek(key), VAULT_KEY_SIZE);
	assert_true(
		slice_eq(slice_from(got, VAULT_KEY_SIZE), slice_str(params)));
	secret_free(key);
	secret_free(phrase);
}

static void
either_file_gives_a_key_with_what_it_took(void **state)
{
	(void)state;
	put("passphrase.params", 1);
	assert_int_equal(prepare(), 0);
	assert_key(PROC_KEY_MAIN, 1);
	assert_null(made.keys[PROC_KEY_NEXT]);
	proc_prepared_release(&made);
	put("passphrase.params.next", 2);
	assert_int_equal(prepare(), 0);
	assert_key(PROC_KEY_MAIN, 1);
	assert_key(PROC_KEY_NEXT, 2);
	assert_string_equal(said, "");
	proc_prepared_release(&made);
}

/* The switch to the first passphrase was cut off. */
static void
there_may_be_the_next_one_alone(void **state)
{
	(void)state;
	put("passphrase.params.next", 2);
	assert_int_equal(prepare(), 0);
	assert_null(made.keys[PROC_KEY_MAIN]);
	assert_key(PROC_KEY_NEXT, 2);
	assert_string_equal(said, "");
	proc_prepared_release(&made);
	file_put(temp_path("data/keeper/passphrase.params"), "x", 1, 0600);
	assert_int_equal(prepare(), 0);
	assert_key(PROC_KEY_NEXT, 2);
	assert_non_null(strstr(said, "passphrase.params is damaged"));
	proc_prepared_release(&made);
}

static void
none_is_made_beside_grants(void **state)
{
	(void)state;
	assert_int_equal(prepare(), ERR_NOT_FOUND);
	assert_non_null(strstr(said, "passphrase.params is missing"));
	proc_prepared_release(&made);
	assert_int_equal(file_mode(temp_path("data/keeper/passphrase.params")),
			 0);
	file_put(temp_path("data/keeper/passphrase.params.next"), "x", 1, 0600);
	assert_int_equal(prepare(), ERR_NOT_FOUND);
	proc_prepared_release(&made);
}

static void
a_passphrase_of_ends_of_lines_is_none(void **state)
{
	(void)state;
	put("passphrase.params", 1);
	file_put(temp_path("phrase"), "\r\n\n", 3, 0600);
	assert_int_equal(prepare(), ERR_INVALID);
	assert_non_null(strstr(said, "no passphrase in"));
	proc_prepared_release(&made);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, temp_folder_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(either_file_gives_a_key_with_what_it_took),
		CASE(there_may_be_the_next_one_alone),
		CASE(none_is_made_beside_grants),
		CASE(a_passphrase_of_ends_of_lines_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
