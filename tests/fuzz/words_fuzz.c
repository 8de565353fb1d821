/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service says to a test request: a verdict, and words for people that
 * are short and clean; and what is left of them, and of any words, when the
 * secret that was sent is taken out: never the secret, as it is or
 * percent-encoded, nor a long part of it, nor its beginning at the end.
 *
 * Input: a byte for the service, one for the status, one for the secret's
 * length, and the secret; a Retry-After up to a LF; then the answer, in which
 * 0xff and a byte stand for the secret in a spelling, or for a part of it.
 */
#include "../support/fuzz_wire.h"
#include "connect/exchanger_priv.h"
#include "proc/proc_priv.h"

enum { LENGTH_MAX = 96, WHOLE_MIN = 8, PART_MIN = 16, TAIL_MIN = 6 };

static const char *const services[][2] = {
	{ "stripe", "key" },   { "github", "token" }, { "slack", "token" },
	{ "openai", "key" },   { "sendgrid", "key" }, { "hubspot", "token" },
	{ "notion", "token" },
};
static struct binding *bindings[ARRAY_LEN(services)];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct json_problem problem = { 0 };
	struct catalog *cat;
	size_t i;

	(void)argc, (void)argv;
	ASSERT(!catalog_new(NULL, 0, &cat, NULL));
	for (i = 0; i < ARRAY_LEN(services); i++) {
		ASSERT(!catalog_bind(catalog_find(cat, NULL, services[i][0]),
				     services[i][1], NULL, &bindings[i],
				     &problem));
		ASSERT(bindings[i]->service->api.tests.count);
	}
	catalog_unref(cat);
	return 0;
}

/* ---- the answer ---- */

static void
put_secret(struct buf *out, struct slice secret, unsigned how)
{
	switch (how % 5) {
	case 0:
		buf_put_slice(out, secret);
		break;
	case 1:
		codec_percent(out, secret);
		break;
	case 2:
		codec_json(out, secret);
		break;
	case 3: /* cut */
		buf_put_slice(out, slice_head(secret, how / 5));
		break;
	case 4:
		codec_percent(out, slice_head(secret, how / 5));
		break;
	}
}

static void
answer_write(struct slice rest, struct slice secret, struct buf *out)
{
	for (; rest.len; rest = slice_from(rest, 1)) {
		if ((unsigned char)rest.ptr[0] != 0xff || rest.len < 2) {
			buf_putc(out, rest.ptr[0]);
			continue;
		}
		rest = slice_from(rest, 1);
		put_secret(out, secret, (unsigned char)rest.ptr[0]);
	}
}

static struct slice
header(void *arg, struct slice name)
{
	const struct slice *retry_after = arg;

	return slice_eq_nocase(name, SLICE("retry-after")) ? *retry_after
							   : SLICE_NONE;
}

/* ---- what is told ---- */

static void
check_clean(const char *text)
{
	ASSERT(slice_is_utf8(slice_str(text)));
	ASSERT(!slice_has_control(slice_str(text)));
}

static void
check_told(const struct connect_msg_tested *m, int status)
{
	static struct connect_msg_tested back;
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *bytes;

	ASSERT(m->verdict <= CONNECT_TEST_UNSURE && m->status == status);
	ASSERT(m->verdict == CONNECT_TEST_PASSED || !m->account[0]);
	ASSERT(m->verdict != CONNECT_TEST_PASSED || !m->said[0]);
	ASSERT(m->verdict == CONNECT_TEST_UNSURE || !m->wait_s);
	ASSERT(status != 429 || m->verdict == CONNECT_TEST_UNSURE);
	ASSERT(status != 401 || m->verdict != CONNECT_TEST_PASSED);
	check_clean(m->said);
	check_clean(m->account);
	connect_msg_tested_pack(m, p);
	bytes = proc_pack_detach(p);
	ASSERT(bytes);
	u = (struct proc_unpack){ .rest = slice_of(secret_peek(bytes),
						   secret_len(bytes)) };
	ASSERT(!connect_msg_tested_unpack(&u, &back));
	ASSERT(back.verdict == m->verdict && back.wait_s == m->wait_s);
	ASSERT(!strcmp(back.said, m->said));
	ASSERT(!strcmp(back.account, m->account));
	secret_free(bytes);
}

/* ---- what is left ---- */

static bool
has(struct slice text, struct slice what)
{
	return what.len && memmem(text.ptr, text.len, what.ptr, what.len);
}

static void
check_gone_in(struct slice text, struct slice secret)
{
	size_t n;

	if (secret.len < WHOLE_MIN)
		return;
	ASSERT(!has(text, secret));
	ASSERT(secret.len < PART_MIN ||
	       !has(text, slice_head(secret, PART_MIN)));
	for (n = TAIL_MIN; n < secret.len && n <= text.len; n++)
		ASSERT(!slice_eq(slice_from(text, text.len - n),
				 slice_head(secret, n)));
}

/* The mask is three bullets: of a secret that has any the words may. */
static void
check_gone(char *text, size_t size, const struct secret *secret)
{
	struct slice s = slice_of(secret_peek(secret), secret_len(secret));
	struct buf encoded;

	method_words_redact(text, size, secret);
	ASSERT(strlen(text) < size);
	if (has(s, SLICE("\xe2")) || has(s, SLICE("\x80")) ||
	    has(s, SLICE("\xa2")))
		return;
	check_gone_in(slice_str(text), s);
	buf_init(&encoded, 4 * LENGTH_MAX);
	ASSERT(!codec_percent(&encoded, s));
	check_gone_in(slice_str(text), buf_slice(&encoded));
	buf_release(&encoded);
}

/* As a provider's words are when they come in, whatever they say. */
static void
check_any(struct slice answer, const struct secret *secret)
{
	char text[256];
	bool clean;

	slice_copy(slice_head(answer, sizeof(text) - 1), text, sizeof(text));
	slice_mend_utf8(text);
	clean = slice_is_utf8(slice_str(text));
	check_gone(text, sizeof(text), secret);
	ASSERT(!clean || slice_is_utf8(slice_str(text)) ||
	       !slice_is_utf8(
		       slice_of(secret_peek(secret), secret_len(secret))));
}

static void
check_answer(const struct binding *b, int status, struct slice retry_after,
	     struct slice body, const struct secret *secret)
{
	static struct connect_msg_tested m;
	struct binding_answer a = { .status = status,
				    .body = body,
				    .header = header,
				    .header_arg = &retry_after };

	memset(&m, 0, sizeof(m));
	connect_test_read(b, 0, &a, &m);
	check_told(&m, status);
	check_gone(m.said, sizeof(m.said), secret);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 201, 204, 302, 400, 401,
					403, 404, 429, 500, 503 };
	struct slice rest = slice_of(data, size), text, retry_after;
	struct secret *secret;
	struct buf answer;

	if (size < 3)
		return 0;
	rest = slice_from(rest, 3);
	text = slice_head(rest, data[2] % LENGTH_MAX);
	if (memchr(text.ptr, '\0', text.len))
		return 0;
	rest = slice_from(rest, text.len);
	retry_after = slice_head(rest, slice_find(rest, '\n'));
	rest = slice_from(rest, retry_after.len + 1);
	secret = secret_from(text.ptr, text.len);
	ASSERT(secret);
	buf_init(&answer, 8 * 1024 * 1024);
	answer_write(rest, text, &answer);
	check_answer(bindings[data[0] % ARRAY_LEN(bindings)],
		     statuses[data[1] % ARRAY_LEN(statuses)], retry_after,
		     buf_slice(&answer), secret);
	check_any(buf_slice(&answer), secret);
	buf_release(&answer);
	secret_free(secret);
	return 0;
}
