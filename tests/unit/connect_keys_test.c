/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages about keys and copies: both sides agree, and what is not of its
 * form is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connect/message_keys.h"

/* The packed fields of a message, taken. */
static struct secret *
fields_of(struct proc_pack *p)
{
	struct secret *s = proc_pack_detach(p);

	assert_non_null(s);
	return s;
}

static void
a_keyring_arrives_as_it_was_sent(void **state)
{
	static const struct connect_msg_keyring m = {
		.id = "0123456789abcdef",
		.source = CONNECT_KEY_CREDENTIAL,
		.since = 1,
		.former = 2,
		.data_keys = 3,
		.oldest_at = 4,
		.phase = CONNECT_ROTATION_DATA_KEYS,
		.next_id = "fedcba9876543210",
		.turn = 5,
		.with_data_keys = true,
		.begun_at = 6,
		.ended_at = 7,
		.total = 8,
		.done = 9,
		.failed = 10
	};
	struct connect_msg_keyring got;
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *s;

	(void)state;
	connect_msg_keyring_pack(&m, p);
	s = fields_of(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_keyring_unpack(&u, &got), 0);
	assert_memory_equal(&got, &m, sizeof(m));
	secret_free(s);
}

static void
a_rotation_is_asked_for_with_a_key_or_without(void **state)
{
	struct connect_msg_rotate m = { .data_keys = true,
					.source = CONNECT_KEY_PASSPHRASE,
					.handover = SLICE("sealed") };
	struct connect_msg_rotate got;
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *s;

	(void)state;
	connect_msg_rotate_pack(&m, p);
	s = fields_of(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_rotate_unpack(&u, &got), 0);
	assert_true(got.data_keys && got.source == CONNECT_KEY_PASSPHRASE);
	assert_true(slice_eq(got.handover, m.handover));
	secret_free(s);
	p = proc_pack_new();
	proc_pack_u64(p, 0);
	proc_pack_u64(p, CONNECT_KEY_SOURCES); /* there is none such */
	proc_pack_bytes(p, SLICE_NONE);
	s = fields_of(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_rotate_unpack(&u, &got), ERR_PROTOCOL);
	secret_free(s);
}

static void
a_copy_brings_a_whole_key_or_none(void **state)
{
	struct connect_msg_copied m = { .state = CONNECT_COPY_READY,
					.done = 1,
					.total = 2,
					.schema = 9000,
					.id = "0123456789abcdef",
					.key_len = CONNECT_SEALED_KEY_SIZE };
	struct connect_msg_copied got;
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *s;

	(void)state;
	memset(m.key, 7, sizeof(m.key));
	connect_msg_copied_pack(&m, p);
	s = fields_of(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_copied_unpack(&u, &got), 0);
	assert_memory_equal(got.key, m.key, sizeof(m.key));
	assert_int_equal(got.schema, 9000);
	secret_free(s);
	m.schema = -1;
	p = proc_pack_new();
	connect_msg_copied_pack(&m, p);
	s = fields_of(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_copied_unpack(&u, &got), ERR_PROTOCOL);
	secret_free(s);
	m.schema = 0;
	m.key_len--;
	p = proc_pack_new();
	connect_msg_copied_pack(&m, p);
	s = fields_of(p);
	u = proc_unpack_from(s);
	assert_int_equal(connect_msg_copied_unpack(&u, &got), ERR_PROTOCOL);
	secret_free(s);
}

static void
sources_have_names(void **state)
{
	enum connect_key_source s, got;

	(void)state;
	for (s = 0; s < CONNECT_KEY_SOURCES; s++) {
		assert_int_equal(
			connect_key_source_parse(
				slice_str(connect_key_source_name(s)), &got),
			0);
		assert_int_equal(got, s);
	}
	assert_int_equal(connect_key_source_parse(SLICE("cloud"), &got),
			 ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_keyring_arrives_as_it_was_sent),
		cmocka_unit_test(a_rotation_is_asked_for_with_a_key_or_without),
		cmocka_unit_test(a_copy_brings_a_whole_key_or_none),
		cmocka_unit_test(sources_have_names),
	};

	return cmocka_run_group_tests_name("connect keys", tests, NULL, NULL);
}
