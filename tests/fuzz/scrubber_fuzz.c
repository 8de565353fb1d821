/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echoed secrets: whatever the secrets and wherever the text is cut, the
 * result is that of one pass; every byte that belongs to a spelling of a
 * secret is masked, nothing else is changed into anything but a star, and
 * less than the longest spelling is held back.
 *
 * Input: how many secrets, and of each its length and its bytes; a seed for
 * the cuts; then the text, in which 0xff and a byte stand for one of the
 * secrets in one of its spellings.
 */
#include <stdlib.h>

#include "../support/fuzz_wire.h"
#include "call/scrub.h"

enum { SECRETS = 3, LENGTH = 48, TEXT_MAX = 32 * 1024, BEFORE = 3 };

/* A text, and which of its bytes no answer may have. */
struct text {
	struct buf bytes;
	struct buf secret; /* 'x': of a secret */
};

static struct slice secrets[SECRETS];
static size_t secret_count;

static void
add(struct text *t, struct slice bytes, char mark)
{
	size_t i;

	if (buf_put_slice(&t->bytes, bytes))
		return;
	for (i = 0; i < bytes.len; i++)
		buf_put(&t->secret, &mark, 1);
}

static void
lower(struct buf *b)
{
	size_t i;

	for (i = 0; i + 2 < b->len; i++)
		if (b->data[i] == '%') {
			b->data[i + 1] |= b->data[i + 1] >= 'A' ? 0x20 : 0;
			b->data[i + 2] |= b->data[i + 2] >= 'A' ? 0x20 : 0;
			i += 2;
		}
}

/* With some bytes in front and behind, as in "user:password".  What shares a
 * character with those may stay. */
static void
add_base64(struct text *t, struct slice s, unsigned how)
{
	size_t before = how % BEFORE, after = how / BEFORE % BEFORE, i;
	char plain[2 * BEFORE + LENGTH] = "ab", text[2 * sizeof(plain)];
	bool url = how & 32, whole;

	memcpy(plain + before, s.ptr, s.len);
	memcpy(plain + before + s.len, "yz", after);
	if (url)
		codec_base64url(plain, before + s.len + after, text);
	else
		codec_base64(plain, before + s.len + after, text);
	for (i = 0; text[i]; i++) {
		whole = i * 6 >= before * 8 &&
			(i + 1) * 6 <= (before + s.len) * 8;
		add(t, slice_of(text + i, 1), whole ? 'x' : ' ');
	}
}

static void
add_spelling(struct text *t, unsigned how)
{
	typedef int spell(struct buf *, struct slice);
	static spell *const all[] = { buf_put_slice, codec_percent, codec_form,
				      codec_json, codec_html };
	struct slice s = secrets[how % SECRETS % secret_count];
	char mark = s.len < CALL_SCRUB_MIN ? ' ' : 'x';
	struct buf b;

	how /= SECRETS;
	if (how % 8 >= ARRAY_LEN(all) + 2) { /* a part of it */
		add(t, slice_head(s, s.len / 2), ' ');
	} else if (how % 8 >= ARRAY_LEN(all)) {
		if (mark == 'x')
			add_base64(t, s, how / 8 | (how & 1) << 5);
	} else {
		buf_init(&b, 8 * LENGTH);
		all[how % 8](&b, s);
		if (how & 8 && (how % 8 == 1 || how % 8 == 2))
			lower(&b);
		add(t, buf_slice(&b), mark);
		buf_release(&b);
	}
}

static void
text_read(struct slice input, struct text *t)
{
	buf_init(&t->bytes, TEXT_MAX);
	buf_init(&t->secret, TEXT_MAX);
	for (; input.len && t->bytes.len < TEXT_MAX - 8 * LENGTH;
	     input = slice_from(input, 1)) {
		if ((unsigned char)input.ptr[0] != 0xff || input.len < 2) {
			add(t, slice_head(input, 1), ' ');
			continue;
		}
		input = slice_from(input, 1);
		add_spelling(t, (unsigned char)input.ptr[0]);
	}
}

/* Where a secret stands by chance, or where two overlap. */
static void
text_mark(struct text *t)
{
	struct slice at;
	size_t i, n;

	for (n = 0; n < secret_count; n++) {
		if (secrets[n].len < CALL_SCRUB_MIN)
			continue;
		for (i = 0; i + secrets[n].len <= t->bytes.len; i++) {
			at = slice_of(t->bytes.data + i, secrets[n].len);
			if (slice_eq(at, secrets[n]))
				memset(t->secret.data + i, 'x', at.len);
		}
	}
}

/* In pieces, as an answer comes: what is held back is given again. */
static size_t
mask(struct call_scrub *s, struct slice text, uint32_t cuts, struct buf *out)
{
	size_t at = 0, held = 0, n, done, found = call_scrub_found(s);
	char *window = malloc(text.len + 1);

	do {
		n = fuzz_cut(&cuts, at, text.len);
		memcpy(window + held, text.ptr + at, n);
		held += n;
		at += n;
		done = call_scrub_mask(s, window, held, at == text.len);
		ASSERT(done <= held);
		buf_put(out, window, done);
		held -= done;
		memmove(window, window + done, held);
		ASSERT(!held || held < call_scrub_longest(s));
	} while (at < text.len);
	ASSERT(!held);
	free(window);
	return call_scrub_found(s) - found;
}

static void
check(struct call_scrub *s, const struct text *t, uint32_t cuts)
{
	struct slice text = buf_slice(&t->bytes);
	size_t found, changed = 0, i;
	struct buf once, pieces;

	buf_init(&once, TEXT_MAX);
	buf_init(&pieces, TEXT_MAX);
	found = mask(s, text, 0, &once);
	ASSERT(mask(s, text, cuts, &pieces) == found);
	ASSERT(slice_eq(buf_slice(&once), buf_slice(&pieces)));
	ASSERT(once.len == text.len);
	for (i = 0; i < text.len; i++) {
		ASSERT(once.data[i] == '*' || (once.data[i] == text.ptr[i] &&
					       t->secret.data[i] != 'x'));
		changed += once.data[i] != text.ptr[i];
	}
	ASSERT(changed <= found * call_scrub_longest(s));
	buf_release(&once);
	buf_release(&pieces);
}

static struct call_scrub *
scrub_read(struct slice *input)
{
	struct secret *copies[SECRETS];
	struct call_scrub *s;
	size_t i, len;

	secret_count = 1 + (unsigned char)input->ptr[0] % SECRETS;
	*input = slice_from(*input, 1);
	for (i = 0; i < secret_count; i++) {
		len = input->len ? (unsigned char)input->ptr[0] % LENGTH : 0;
		*input = slice_from(*input, input->len ? 1 : 0);
		secrets[i] = slice_head(*input, len);
		*input = slice_from(*input, secrets[i].len);
		copies[i] = secret_from(secrets[i].ptr, secrets[i].len);
		ASSERT(copies[i]);
	}
	ASSERT(!call_scrub_new(copies, secret_count, &s));
	for (i = 0; i < secret_count; i++)
		secret_free(copies[i]);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	struct call_scrub *s;
	struct text t;
	uint32_t cuts;

	if (!size)
		return 0;
	s = scrub_read(&input);
	cuts = 1 + (input.len ? (unsigned char)input.ptr[0] : 0);
	text_read(slice_from(input, input.len ? 1 : 0), &t);
	text_mark(&t);
	if (t.bytes.len)
		check(s, &t, cuts * 2654435761U);
	buf_release(&t.bytes);
	buf_release(&t.secret);
	call_scrub_free(s);
	return 0;
}
