/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault: what is sealed opens in its own place under its own key, and
 * nowhere else; keys are made once and kept from others; another key is told
 * from a damaged file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "vault/vault.h"
#include "../support/temp_folder.h"

static const char row[] = "grant/c1//7";
static const char plain[] = "refresh token";

static struct secret *master;
static char why[300];

static int
begin(void **state)
{
	if (temp_folder_begin(state) || vault_init())
		return -1;
	return vault_key_from_file(temp_path("master.key"), true, &master, NULL,
				   why, sizeof(why));
}

static int
end(void **state)
{
	secret_free(master);
	return temp_folder_end(state);
}

static struct secret *
other_key(void)
{
	struct secret *key = secret_dup(master);

	secret_bytes(key)[VAULT_KEY_SIZE - 1] ^= 1;
	return key;
}

static void
seal_plain(struct buf *out)
{
	buf_init(out, 4096);
	assert_int_equal(vault_seal(master, row, slice_str(plain), out), 0);
}

/* 0 only if it opens, and to what was sealed. */
static int
opens(const struct secret *key, const char *identity, struct slice sealed)
{
	struct secret *out = (void *)1;
	int rc = vault_open(key, identity, sealed, &out);

	if (rc) {
		assert_null(out);
		return rc;
	}
	assert_int_equal(secret_len(out), strlen(plain));
	assert_memory_equal(secret_peek(out), plain, strlen(plain));
	secret_free(out);
	return 0;
}

/* ---- sealing ---- */

static void
what_is_sealed_opens_in_its_place(void **state)
{
	struct buf sealed;

	(void)state;
	seal_plain(&sealed);
	assert_int_equal(sealed.len, strlen(plain) + VAULT_OVERHEAD);
	assert_null(memmem(sealed.data, sealed.len, plain, 4));
	assert_int_equal(opens(master, row, buf_slice(&sealed)), 0);
	buf_release(&sealed);
}

static void
nothing_and_much_can_be_sealed(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 65536 };
	struct secret *data = secret_new(65536), *out;
	struct buf sealed;
	size_t i;

	(void)state;
	memset(secret_bytes(data), 'd', 65536);
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		buf_init(&sealed, 100000);
		assert_int_equal(
			vault_seal(master, row,
				   slice_of(secret_peek(data), sizes[i]),
				   &sealed),
			0);
		assert_int_equal(
			vault_open(master, row, buf_slice(&sealed), &out), 0);
		assert_int_equal(secret_len(out), sizes[i]);
		assert_memory_equal(secret_peek(out), secret_peek(data),
				    sizes[i]);
		secret_free(out);
		buf_release(&sealed);
	}
	secret_free(data);
}

static void
sealing_appends_and_keeps_the_buffers_limit(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, strlen(plain) + VAULT_OVERHEAD + 2);
	buf_puts(&b, "ab");
	assert_int_equal(vault_seal(master, row, slice_str(plain), &b), 0);
	assert_memory_equal(b.data, "ab", 2);
	assert_int_equal(opens(master, row, slice_from(buf_slice(&b), 2)), 0);
	assert_int_equal(vault_seal(master, row, slice_str(plain), &b),
			 ERR_TOO_LARGE);
	buf_release(&b);
}

static void
the_same_is_never_sealed_alike(void **state)
{
	struct buf a, b;

	(void)state;
	seal_plain(&a);
	seal_plain(&b);
	/* The nonce, and with it all that follows, is new each time. */
	assert_memory_not_equal(a.data + 1, b.data + 1, 24);
	assert_memory_not_equal(a.data + 25, b.data + 25, strlen(plain));
	buf_release(&a);
	buf_release(&b);
}

static void
a_row_that_was_moved_does_not_open(void **state)
{
	static const char *const places[] = {
		"grant/c2//7", "grant/c1//8", "grant/c1//", "grant/c1//70",
		"Grant/c1//7", "app/c1//7",   "",
	};
	struct buf sealed;
	size_t i;

	(void)state;
	seal_plain(&sealed);
	for (i = 0; i < ARRAY_LEN(places); i++)
		assert_int_equal(opens(master, places[i], buf_slice(&sealed)),
				 ERR_CRYPTO);
	buf_release(&sealed);
}

static void
another_key_does_not_open(void **state)
{
	struct secret *key;
	struct buf sealed;
	int bit;

	(void)state;
	seal_plain(&sealed);
	for (bit = 0; bit < VAULT_KEY_SIZE * 8; bit++) {
		key = secret_dup(master);
		secret_bytes(key)[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(opens(key, row, buf_slice(&sealed)),
				 ERR_CRYPTO);
		secret_free(key);
	}
	buf_release(&sealed);
}

static void
a_changed_bit_anywhere_is_noticed(void **state)
{
	struct buf sealed;
	size_t i;
	int bit;

	(void)state;
	seal_plain(&sealed);
	for (i = 0; i < sealed.len; i++) {
		for (bit = 0; bit < 8; bit++) {
			sealed.data[i] ^= (char)(1 << bit);
			assert_int_equal(opens(master, row, buf_slice(&sealed)),
					 ERR_CRYPTO);
			sealed.data[i] ^= (char)(1 << bit);
		}
	}
	assert_int_equal(opens(master, row, buf_slice(&sealed)), 0);
	buf_release(&sealed);
}

static void
what_was_cut_or_lengthened_does_not_open(void **state)
{
	struct buf sealed;
	char *exact;
	size_t len;

	(void)state;
	seal_plain(&sealed);
	for (len = 0; len < sealed.len; len++) {
		/* Of its own size, so that a read beyond it is seen. */
		exact = malloc(len ? len : 1);
		memcpy(exact, sealed.data, len);
		assert_int_equal(opens(master, row, slice_of(exact, len)),
				 ERR_CRYPTO);
		free(exact);
		assert_int_equal(
			opens(master, row,
			      slice_from(buf_slice(&sealed), sealed.len - len)),
			ERR_CRYPTO);
	}
	assert_int_equal(opens(master, row, SLICE_NONE), ERR_CRYPTO);
	buf_putc(&sealed, 0);
	assert_int_equal(opens(master, row, buf_slice(&sealed)), ERR_CRYPTO);
	buf_release(&sealed);
}

static void
what_is_larger_than_a_secret_does_not_open(void **state)
{
	struct slice huge = { calloc(1, 1 << 20), 1 << 20 };

	(void)state;
	*(char *)huge.ptr = 1;
	assert_int_equal(opens(master, row, huge), ERR_CRYPTO);
	free((char *)huge.ptr);
}

/* ---- data keys ---- */

static void
each_connection_has_a_data_key_of_its_own(void **state)
{
	struct secret *key, *next, *again;
	struct buf wrapped, second, sealed;

	(void)state;
	buf_init(&wrapped, 256);
	buf_init(&second, 256);
	buf_init(&sealed, 256);
	assert_int_equal(
		vault_datakey_new(master, "connection/a", &key, &wrapped), 0);
	assert_int_equal(
		vault_datakey_new(master, "connection/b", &next, &second), 0);
	assert_int_equal(secret_len(key), VAULT_KEY_SIZE);
	assert_false(secret_eq(key, next));
	assert_null(memmem(wrapped.data, wrapped.len, secret_peek(key), 8));
	assert_int_equal(vault_datakey_open(master, "connection/a",
					    buf_slice(&wrapped), &again),
			 0);
	assert_true(secret_eq(key, again));
	/* What one has sealed, the other does not open. */
	assert_int_equal(vault_seal(key, row, slice_str(plain), &sealed), 0);
	assert_int_equal(opens(again, row, buf_slice(&sealed)), 0);
	assert_int_equal(opens(next, row, buf_slice(&sealed)), ERR_CRYPTO);
	assert_int_equal(opens(master, row, buf_slice(&sealed)), ERR_CRYPTO);
	secret_free(key);
	secret_free(next);
	secret_free(again);
	buf_release(&wrapped);
	buf_release(&second);
	buf_release(&sealed);
}

static void
a_data_key_opens_for_its_connection_alone(void **state)
{
	struct secret *key, *out, *other = other_key();
	struct buf wrapped, forged;

	(void)state;
	buf_init(&wrapped, 256);
	buf_init(&forged, 256);
	assert_int_equal(
		vault_datakey_new(master, "connection/a", &key, &wrapped), 0);
	assert_int_equal(vault_datakey_open(master, "connection/b",
					    buf_slice(&wrapped), &out),
			 ERR_CRYPTO);
	assert_null(out);
	assert_int_equal(vault_datakey_open(other, "connection/a",
					    buf_slice(&wrapped), &out),
			 ERR_CRYPTO);
	/* A sealed record is no data key, not even one of the master's. */
	assert_int_equal(vault_seal(master, "connection/a",
				    slice_of(secret_peek(key), 32), &forged),
			 0);
	assert_int_equal(vault_datakey_open(master, "connection/a",
					    buf_slice(&forged), &out),
			 ERR_CRYPTO);
	/* Nor is one of another length. */
	buf_reset(&forged);
	assert_int_equal(vault_seal(master, "datakey/connection/a",
				    slice_of(secret_peek(key), 31), &forged),
			 0);
	assert_int_equal(vault_datakey_open(master, "connection/a",
					    buf_slice(&forged), &out),
			 ERR_CRYPTO);
	assert_null(out);
	secret_free(key);
	secret_free(other);
	buf_release(&wrapped);
	buf_release(&forged);
}

static void
data_keys_go_over_to_a_new_master_key(void **state)
{
	struct secret *key, *out, *to = other_key();
	struct buf before, after;

	(void)state;
	buf_init(&before, 256);
	buf_init(&after, 256);
	assert_int_equal(
		vault_datakey_new(master, "connection/a", &key, &before), 0);
	assert_int_equal(vault_datakey_rewrap(master, to, "connection/a",
					      buf_slice(&before), &after),
			 0);
	assert_int_equal(
		vault_datakey_open(to, "connection/a", buf_slice(&after), &out),
		0);
	assert_true(secret_eq(key, out));
	secret_free(out);
	assert_int_equal(vault_datakey_open(master, "connection/a",
					    buf_slice(&after), &out),
			 ERR_CRYPTO);
	buf_reset(&after);
	assert_int_equal(vault_datakey_rewrap(to, master, "connection/a",
					      buf_slice(&before), &after),
			 ERR_CRYPTO);
	assert_int_equal(after.len, 0);
	secret_free(key);
	secret_free(to);
	buf_release(&before);
	buf_release(&after);
}

/* ---- hashes ---- */

static void
hashes_are_sha_256_in_one_piece_or_many(void **state)
{
	/* FIPS 180-4's example "abc". */
	static const char known[] = "ba7816bf8f01cfea414140de5dae2223"
				    "b00361a396177a9cb410ff61f20015ad";
	uint8_t one[VAULT_HASH_SIZE], many[VAULT_HASH_SIZE];
	char hex[CODEC_HEX_SIZE(VAULT_HASH_SIZE)];
	struct vault_hasher h;

	(void)state;
	vault_hash(SLICE("abc"), one);
	codec_hex(one, sizeof(one), hex);
	assert_string_equal(hex, known);
	vault_hasher_init(&h);
	vault_hasher_add(&h, SLICE("a"));
	vault_hasher_add(&h, SLICE_NONE);
	vault_hasher_add(&h, SLICE("bc"));
	vault_hasher_end(&h, many);
	assert_memory_equal(one, many, sizeof(one));
}

static void
a_password_is_kept_as_a_hash_that_costs(void **state)
{
	struct secret *right = secret_from("correct horse", 13);
	struct secret *wrong = secret_from("correct hors", 12);
	char text[VAULT_PASSWORD_SIZE], again[VAULT_PASSWORD_SIZE];

	(void)state;
	assert_int_equal(vault_password_hash(right, text), 0);
	assert_int_equal(vault_password_hash(right, again), 0);
	assert_string_not_equal(text, again); /* salted */
	assert_int_equal(strncmp(text, "$argon2id$v=19$m=65536,", 23), 0);
	assert_null(strstr(text, "horse"));
	assert_int_equal(vault_password_verify(right, text), 0);
	assert_int_equal(vault_password_verify(right, again), 0);
	assert_int_equal(vault_password_verify(wrong, text), ERR_FORBIDDEN);
	assert_int_equal(vault_password_verify(right, ""), ERR_FORBIDDEN);
	assert_int_equal(vault_password_verify(right, "plain"), ERR_FORBIDDEN);
	text[strlen(text) - 1] ^= 1;
	assert_int_equal(vault_password_verify(right, text), ERR_FORBIDDEN);
	secret_free(right);
	secret_free(wrong);
}

static void
an_account_that_is_not_there_takes_as_long(void **state)
{
	struct secret *p = secret_from("correct horse", 13);
	char text[VAULT_PASSWORD_SIZE];
	uint64_t start, known, unknown;

	(void)state;
	assert_int_equal(vault_password_hash(p, text), 0);
	start = clock_mono_us();
	assert_int_equal(vault_password_verify(p, text), 0);
	known = clock_mono_us() - start;
	start = clock_mono_us();
	assert_int_equal(vault_password_verify(p, NULL), ERR_FORBIDDEN);
	unknown = clock_mono_us() - start;
	/* Far from the microseconds of no work at all. */
	assert_true(unknown > known / 4);
	secret_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_opens_in_its_place),
		cmocka_unit_test(nothing_and_much_can_be_sealed),
		cmocka_unit_test(sealing_appends_and_keeps_the_buffers_limit),
		cmocka_unit_test(the_same_is_never_sealed_alike),
		cmocka_unit_test(a_row_that_was_moved_does_not_open),
		cmocka_unit_test(another_key_does_not_open),
		cmocka_unit_test(a_changed_bit_anywhere_is_noticed),
		cmocka_unit_test(what_was_cut_or_lengthened_does_not_open),
		cmocka_unit_test(what_is_larger_than_a_secret_does_not_open),
		cmocka_unit_test(each_connection_has_a_data_key_of_its_own),
		cmocka_unit_test(a_data_key_opens_for_its_connection_alone),
		cmocka_unit_test(data_keys_go_over_to_a_new_master_key),
		cmocka_unit_test(hashes_are_sha_256_in_one_piece_or_many),
		cmocka_unit_test(a_password_is_kept_as_a_hash_that_costs),
		cmocka_unit_test(an_account_that_is_not_there_takes_as_long),
	};

	return cmocka_run_group_tests_name("vault", tests, begin, end);
}
