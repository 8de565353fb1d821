/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between front, keeper and exchanger, as a taken-over peer might
 * write them: any bytes are refused or become a message; what was read,
 * packed and read again packs to the same bytes.
 *
 * Input: a byte that chooses the message, then its fields (after a header
 * where that byte is 255).
 */
#include <stdlib.h>

#include "connect/message_keys.h"
#include "proc/proc_priv.h"

#define NOTHING(m) (void)(m)
#define connect_msg_counts connect_counts /* the view's own struct */
/* Each message by its name, and what releases it. */
#define MESSAGES(X) \
	X(subject, NOTHING) \
	X(credential, connect_msg_credential_release) \
	X(grant, NOTHING) \
	X(app, connect_msg_app_release) \
	X(begin, connect_msg_begin_release) \
	X(begun, NOTHING) \
	X(finish, connect_msg_finish_release) \
	X(injection, connect_msg_injection_release) \
	X(revoked, NOTHING) \
	X(status, NOTHING) \
	X(token, connect_msg_token_release) \
	X(token_answer, connect_msg_token_answer_release) \
	X(lookup, connect_msg_lookup_release) \
	X(looked_up, NOTHING) \
	X(keyring, NOTHING) \
	X(rotate, NOTHING) \
	X(copy, NOTHING) \
	X(copied, NOTHING) \
	X(egress, NOTHING) \
	X(counts, NOTHING) \
	X(test, connect_msg_test_release) \
	X(tested, NOTHING)

#define PAIR(name, release) \
	static struct secret *name##_again(struct slice bytes) \
	{ \
		static struct connect_msg_##name m; \
		struct proc_unpack u = { .rest = bytes }; \
		struct proc_pack *p; \
\
		if (connect_msg_##name##_unpack(&u, &m)) \
			return NULL; \
		p = proc_pack_new(); \
		ASSERT(p); \
		connect_msg_##name##_pack(&m, p); \
		release(&m); \
		return proc_pack_detach(p); \
	}
MESSAGES(PAIR)
#undef PAIR

static struct secret *(*const again[])(struct slice) = {
#define ENTRY(name, release) name##_again,
	MESSAGES(ENTRY)
#undef ENTRY
};

static struct slice
bytes_of(const struct secret *s)
{
	return slice_of(secret_peek(s), secret_len(s));
}

static void
check_header(struct slice bytes)
{
	struct proc_header h, back;
	struct proc_unpack u;
	struct proc_pack *p;

	if (proc_header_read(bytes, &h, &u))
		return;
	ASSERT(u.rest.len == bytes.len - PROC_HEADER);
	p = proc_pack_new();
	proc_header_write(p, &h);
	ASSERT(!proc_header_read(slice_of(secret_peek(p->bytes), PROC_HEADER),
				 &back, &u));
	ASSERT(back.kind == h.kind && back.type == h.type && back.id == h.id &&
	       back.err == h.err);
	proc_pack_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connect_msg_problem problem;
	struct secret *one, *two;
	struct proc_unpack u;
	struct slice bytes;

	if (!size)
		return 0;
	bytes = slice_of(data + 1, size - 1);
	if (data[0] == 255) {
		check_header(bytes);
		u = (struct proc_unpack){ .rest = bytes };
		connect_msg_problem_unpack(&u, ERR_BUSY, &problem);
		ASSERT(problem.detail[0]);
		return 0;
	}
	one = again[data[0] % ARRAY_LEN(again)](bytes);
	if (!one)
		return 0;
	two = again[data[0] % ARRAY_LEN(again)](bytes_of(one));
	ASSERT(two && slice_eq(bytes_of(one), bytes_of(two)));
	secret_free(one);
	secret_free(two);
	return 0;
}
