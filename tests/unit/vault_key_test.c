/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the master key comes from: a file, or a passphrase with its salt
 * beside the database.  And how a start tells what is wrong: another key, a
 * mistyped passphrase, a lost or damaged file, one that others may read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "vault/vault.h"
#include "../support/temp_folder.h"

static char why[300];

static int
begin(void **state)
{
	return temp_folder_begin(state) || vault_init() ? -1 : 0;
}

static int
from_file(const char *name, bool create, struct secret **out)
{
	why[0] = 0;
	*out = (void *)1;
	return vault_key_from_file(temp_path(name), create, out, NULL, why,
				   sizeof(why));
}

static int
from_phrase(const char *phrase, const char *params, struct secret **out)
{
	struct secret *p = secret_from(phrase, strlen(phrase));
	struct vault_kdf used;
	int rc;

	why[0] = 0;
	*out = (void *)1;
	rc = vault_key_from_passphrase(p, temp_path(params), true, out, &used,
				       why, sizeof(why));
	secret_free(p);
	return rc;
}

/* ---- a file ---- */

static void
a_key_is_made_once_for_its_owner_alone(void **state)
{
	struct secret *key, *again, *other;

	(void)state;
	assert_int_equal(from_file("a.key", true, &key), 0);
	assert_int_equal(secret_len(key), VAULT_KEY_SIZE);
	assert_int_equal(file_mode(temp_path("a.key")), 0600);
	assert_int_equal(file_mode(temp_path("a.key.new")), 0);
	assert_int_equal(from_file("a.key", true, &again), 0);
	assert_true(secret_eq(key, again));
	assert_int_equal(from_file("b.key", true, &other), 0);
	assert_false(secret_eq(key, other));
	secret_free(key);
	secret_free(again);
	secret_free(other);
}

static void
a_lost_key_is_not_quietly_made_anew(void **state)
{
	struct secret *key;

	(void)state;
	assert_int_equal(from_file("lost.key", false, &key), ERR_NOT_FOUND);
	assert_null(key);
	assert_non_null(strstr(why, "lost.key"));
	assert_int_equal(file_mode(temp_path("lost.key")), 0);
}

static void
a_key_that_others_may_read_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0601, 0666 };
	struct secret *key;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(modes); i++) {
		file_put(temp_path("open.key"),
			 "0123456789abcdef0123456789abcdef", 32, modes[i]);
		assert_int_equal(from_file("open.key", true, &key),
				 ERR_FORBIDDEN);
		assert_null(key);
		assert_non_null(strstr(why, "chmod 600"));
	}
	assert_int_equal(chmod(temp_path("open.key"), 0400), 0);
	assert_int_equal(from_file("open.key", true, &key), 0);
	assert_memory_equal(secret_peek(key), "0123456789abcdef", 16);
	secret_free(key);
}

/* A file of root's, 0440: to its group, or by a list whose mask looks so. */
static void
a_key_that_root_hands_over_is_taken(void **state)
{
	struct secret *key, *refused;
	int rc, rc_open;

	(void)state;
	if (geteuid() != 0)
		skip();
	file_put(temp_path("given.key"), "0123456789abcdef0123456789abcdef", 32,
		 0440);
	file_put(temp_path("world.key"), "0123456789abcdef0123456789abcdef", 32,
		 0444);
	assert_int_equal(from_file("given.key", false, &key), ERR_FORBIDDEN);
	assert_int_equal(chmod(temp_path("."), 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	rc = from_file("given.key", false, &key);
	rc_open = from_file("world.key", false, &refused);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(rc, 0);
	assert_int_equal(rc_open, ERR_FORBIDDEN);
	secret_free(key);
}

static void
a_key_of_another_size_is_refused(void **state)
{
	static const size_t sizes[] = { 0, 1, 31, 33, 64 };
	struct secret *key;
	char bytes[64];
	size_t i;

	(void)state;
	memset(bytes, 'k', sizeof(bytes));
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		file_put(temp_path("size.key"), bytes, sizes[i], 0600);
		assert_int_equal(from_file("size.key", true, &key),
				 ERR_INVALID);
		assert_null(key);
		/* And is left as it was. */
		assert_int_equal(file_get(temp_path("size.key"), bytes, 64),
				 sizes[i]);
	}
}

static void
a_key_is_a_plain_file(void **state)
{
	struct secret *key;

	(void)state;
	assert_int_equal(mkdir(temp_path("dir.key"), 0700), 0);
	assert_int_equal(from_file("dir.key", true, &key), ERR_INVALID);
	file_put(temp_path("real.key"), "0123456789abcdef0123456789abcdef", 32,
		 0600);
	assert_int_equal(symlink("real.key", temp_path("link.key")), 0);
	assert_int_equal(from_file("link.key", true, &key), ERR_SYSTEM);
	assert_null(key);
	assert_int_equal(from_file("no/such/folder.key", true, &key),
			 ERR_SYSTEM);
	assert_null(key);
}

/* ---- a passphrase ---- */

static void
a_passphrase_gives_the_same_key_beside_its_salt(void **state)
{
	struct secret *key, *again, *wrong, *elsewhere;
	char text[200] = "";

	(void)state;
	assert_int_equal(from_phrase("open sesame", "params", &key), 0);
	assert_int_equal(secret_len(key), VAULT_KEY_SIZE);
	assert_int_equal(file_mode(temp_path("params")), 0600);
	file_get(temp_path("params"), text, sizeof(text) - 1);
	assert_int_equal(strncmp(text, "argon2id ", 9), 0);
	assert_null(strstr(text, "sesame"));
	assert_int_equal(from_phrase("open sesame", "params", &again), 0);
	assert_true(secret_eq(key, again));
	assert_int_equal(from_phrase("open sesamE", "params", &wrong), 0);
	assert_false(secret_eq(key, wrong));
	/* With another salt it is another key. */
	assert_int_equal(from_phrase("open sesame", "others", &elsewhere), 0);
	assert_false(secret_eq(key, elsewhere));
	secret_free(key);
	secret_free(again);
	secret_free(wrong);
	secret_free(elsewhere);
}

static void
no_passphrase_is_none(void **state)
{
	struct secret *key;

	(void)state;
	assert_int_equal(from_phrase("", "unused", &key), ERR_INVALID);
	assert_null(key);
	assert_int_equal(file_mode(temp_path("unused")), 0);
}

static void
a_damaged_salt_is_no_reason_for_a_new_one(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"argon2id",
		"argon2id 3 268435456\n",
		"argon2id 3 268435456 00112233445566778899aabbccddee\n",
		"argon2id 3 268435456 00112233445566778899aabbccddeeff00\n",
		"argon2id 3 268435456 00112233445566778899aabbccddeegg\n",
		"argon2id 0 268435456 00112233445566778899aabbccddeeff\n",
		"argon2id 3 0 00112233445566778899aabbccddeeff\n",
		"argon2id 1001 268435456 00112233445566778899aabbccddeeff\n",
		"argon2id 3 4294967297 00112233445566778899aabbccddeeff\n",
		"argon2id -3 268435456 00112233445566778899aabbccddeeff\n",
		"scrypt 3 268435456 00112233445566778899aabbccddeeff\n",
		"argon2id 3 268435456 00112233445566778899aabbccddeeff\nx",
		/* with the right check */
		"argon2id 0 268435456 00112233445566778899aabbccddeeff "
		"ee98debdc8573702\n",
		"argon2id 3 1 00112233445566778899aabbccddeeff "
		"5b737e00ab874940\n",
	};
	struct secret *key;
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		file_put(temp_path("bad"), texts[i], strlen(texts[i]), 0600);
		assert_int_equal(from_phrase("phrase", "bad", &key),
				 ERR_INVALID);
		assert_null(key);
		assert_non_null(strstr(why, "damaged"));
		assert_int_equal(file_get(temp_path("bad"), text, 200),
				 strlen(texts[i]));
	}
	file_put(temp_path("bad"), "x", 1, 0644);
	assert_int_equal(from_phrase("phrase", "bad", &key), ERR_FORBIDDEN);
}

static void
a_lost_salt_is_not_made_anew_beside_grants(void **state)
{
	struct secret *p = secret_from("open sesame", 11), *key;
	struct vault_kdf used;

	(void)state;
	assert_int_equal(vault_key_from_passphrase(p, temp_path("lost"), false,
						   &key, &used, why,
						   sizeof(why)),
			 ERR_NOT_FOUND);
	assert_null(key);
	assert_int_equal(file_mode(temp_path("lost")), 0);
	secret_free(p);
}

/* ---- ids, and what is damaged ---- */

static void
keys_are_known_by_their_ids(void **state)
{
	char a[VAULT_KEY_ID_SIZE], b[VAULT_KEY_ID_SIZE], c[VAULT_KEY_ID_SIZE];
	struct secret *one = vault_key_new(), *two = vault_key_new();

	(void)state;
	vault_key_id(one, a);
	vault_key_id(one, b);
	vault_key_id(two, c);
	assert_int_equal(strlen(a), VAULT_KEY_ID_SIZE - 1);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	secret_free(one);
	secret_free(two);
}

static void
every_flipped_bit_of_a_key_file_is_told(void **state)
{
	struct secret *key, *again;
	char bytes[64];
	size_t len, i;
	bool has_id;

	(void)state;
	assert_int_equal(from_file("flip.key", true, &key), 0);
	len = file_get(temp_path("flip.key"), bytes, sizeof(bytes));
	assert_int_equal(len, VAULT_KEY_SIZE + 8);
	assert_int_equal(vault_key_from_file(temp_path("flip.key"), false,
					     &again, &has_id, why, sizeof(why)),
			 0);
	assert_true(has_id);
	assert_true(secret_eq(key, again));
	for (i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (char)(1 << i % 8);
		file_put(temp_path("flip.key"), bytes, len, 0600);
		bytes[i / 8] ^= (char)(1 << i % 8);
		secret_free(again);
		assert_int_equal(from_file("flip.key", true, &again),
				 ERR_CRYPTO);
		assert_null(again);
		assert_non_null(strstr(why, "damaged"));
	}
	/* The key alone is one, too; nothing then tells of damage. */
	file_put(temp_path("flip.key"), bytes, VAULT_KEY_SIZE, 0600);
	assert_int_equal(vault_key_from_file(temp_path("flip.key"), false,
					     &again, &has_id, why, sizeof(why)),
			 0);
	assert_false(has_id);
	assert_true(secret_eq(key, again));
	secret_free(key);
	secret_free(again);
}

static void
a_key_file_is_never_written_over(void **state)
{
	struct secret *key = vault_key_new(), *again;

	(void)state;
	assert_int_equal(vault_key_to_file(temp_path("once.key"), key, false,
					   why, sizeof(why)),
			 0);
	assert_int_equal(file_mode(temp_path("once.key")), 0600);
	secret_bytes(key)[0] ^= 1;
	assert_int_equal(vault_key_to_file(temp_path("once.key"), key, false,
					   why, sizeof(why)),
			 ERR_EXISTS);
	assert_int_equal(from_file("once.key", false, &again), 0);
	assert_false(secret_eq(key, again));
	secret_free(again);
	/* unless that was asked for, and then at once */
	assert_int_equal(vault_key_to_file(temp_path("once.key"), key, true,
					   why, sizeof(why)),
			 0);
	assert_int_equal(file_mode(temp_path("once.key")), 0600);
	assert_int_equal(from_file("once.key", false, &again), 0);
	assert_true(secret_eq(key, again));
	assert_int_equal(file_mode(temp_path("once.key.new")), 0);
	secret_free(key);
	secret_free(again);
}

static void
ends_of_lines_are_no_part_of_a_passphrase(void **state)
{
	static const char *const texts[] = { "a\nb", "a\nb\n", "a\nb\r\n\n" };
	struct secret *p;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		p = secret_from(texts[i], strlen(texts[i]));
		vault_passphrase_trim(p);
		assert_int_equal(secret_len(p), 3);
		secret_free(p);
	}
	p = secret_from("\n", 1);
	vault_passphrase_trim(p);
	assert_int_equal(secret_len(p), 0);
	secret_free(p);
}

static void
every_changed_character_of_the_salt_is_told(void **state)
{
	struct secret *key;
	char text[200];
	size_t len, i;

	(void)state;
	assert_int_equal(from_phrase("open sesame", "turned", &key), 0);
	secret_free(key);
	len = file_get(temp_path("turned"), text, sizeof(text));
	for (i = 0; i < len; i++) {
		text[i] ^= 1;
		file_put(temp_path("turned"), text, len, 0600);
		text[i] ^= 1;
		assert_int_equal(from_phrase("open sesame", "turned", &key),
				 ERR_INVALID);
		assert_non_null(strstr(why, "damaged"));
	}
}

static void
costs_beyond_the_limits_are_refused(void **state)
{
	struct secret *p = secret_from("open sesame", 11), *key;
	struct vault_kdf kdf = { .ops = 1, .mem = 8192 };

	(void)state;
	assert_int_equal(vault_kdf(&kdf, p, &key), 0);
	secret_free(key);
	kdf.ops = VAULT_KDF_OPS_MAX + 1;
	assert_int_equal(vault_kdf(&kdf, p, &key), ERR_INVALID);
	kdf.ops = 1;
	kdf.mem = (uint64_t)VAULT_KDF_MEM_MAX + 1;
	assert_int_equal(vault_kdf(&kdf, p, &key), ERR_INVALID);
	kdf.mem = 0;
	assert_int_equal(vault_kdf(&kdf, p, &key), ERR_INVALID);
	assert_null(key);
	secret_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_made_once_for_its_owner_alone),
		cmocka_unit_test(a_lost_key_is_not_quietly_made_anew),
		cmocka_unit_test(a_key_that_others_may_read_is_refused),
		cmocka_unit_test(a_key_that_root_hands_over_is_taken),
		cmocka_unit_test(a_key_of_another_size_is_refused),
		cmocka_unit_test(a_key_is_a_plain_file),
		cmocka_unit_test(
			a_passphrase_gives_the_same_key_beside_its_salt),
		cmocka_unit_test(no_passphrase_is_none),
		cmocka_unit_test(a_damaged_salt_is_no_reason_for_a_new_one),
		cmocka_unit_test(a_lost_salt_is_not_made_anew_beside_grants),
		cmocka_unit_test(keys_are_known_by_their_ids),
		cmocka_unit_test(every_flipped_bit_of_a_key_file_is_told),
		cmocka_unit_test(a_key_file_is_never_written_over),
		cmocka_unit_test(ends_of_lines_are_no_part_of_a_passphrase),
		cmocka_unit_test(every_changed_character_of_the_salt_is_told),
		cmocka_unit_test(costs_beyond_the_limits_are_refused),
	};

	return cmocka_run_group_tests_name("vault key", tests, begin,
					   temp_folder_end);
}
