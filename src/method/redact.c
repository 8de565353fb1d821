/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of a provider's words, which go to pages, reasons, log and
 * audit: there are servers that repeat the code or token that they refuse.
 *
 * The words may be cut, by the provider or by us: the beginning of a secret
 * is taken for it, if it is long, or if it ends the text.
 *
 * Runs in the exchanger and in the front.
 */
#include "method/method.h"

/* Of a short secret parts stand in any sentence. */
enum { WHOLE_MIN = 8, PART_MIN = 16, TAIL_MIN = 6 };

static const char mask[] = "\u2022\u2022\u2022";

/* How much of the text's beginning is to go. */
static size_t
secret_at(struct slice text, struct slice secret)
{
	size_t n = 0;

	while (n < text.len && n < secret.len && text.ptr[n] == secret.ptr[n])
		n++;
	if (n == secret.len || n >= PART_MIN ||
	    (n == text.len && n >= TAIL_MIN))
		return n;
	return 0;
}

static void
redact_one(char *text, size_t size, struct slice secret)
{
	struct slice rest = slice_str(text);
	struct buf out;
	size_t n;

	if (secret.len < WHOLE_MIN)
		return;
	buf_init(&out, 4 * size);
	while (rest.len) {
		n = secret_at(rest, secret);
		if (n)
			buf_puts(&out, mask);
		else
			buf_putc(&out, rest.ptr[0]);
		rest = slice_of(rest.ptr + (n ? n : 1), rest.len - (n ? n : 1));
	}
	text[0] = '\0'; /* nothing rather than a secret */
	if (!buf_err(&out))
		slice_copy(slice_head(buf_slice(&out), size - 1), text, size);
	slice_mend_utf8(text);
	buf_wipe(&out);
}

static size_t
tail_of(struct slice text, struct slice secret)
{
	size_t n = text.len < secret.len ? text.len : secret.len;

	while (n >= TAIL_MIN &&
	       !slice_eq(slice_from(text, text.len - n), slice_head(secret, n)))
		n--;
	return n >= TAIL_MIN && secret.len >= WHOLE_MIN ? n : 0;
}

/* Room for masks is made by a cut, and that may be within a secret. */
static void
end_clean(char *text, struct slice secret, struct slice encoded)
{
	size_t before, len = strlen(text);

	do {
		before = len;
		text[len - tail_of(slice_str(text), secret)] = '\0';
		len = strlen(text);
		text[len - tail_of(slice_str(text), encoded)] = '\0';
		slice_mend_utf8(text);
		len = strlen(text);
	} while (len != before);
}

void
method_words_redact(char *text, size_t size, const struct secret *secret)
{
	struct buf encoded;
	struct slice s;

	if (!secret || !text[0])
		return;
	s = slice_of(secret_peek(secret), secret_len(secret));
	buf_init(&encoded, 4 * s.len + 1);
	codec_percent(&encoded, s);
	redact_one(text, size, s);
	if (encoded.len != s.len)
		redact_one(text, size, buf_slice(&encoded));
	end_clean(text, s, buf_slice(&encoded));
	if (buf_err(&encoded))
		text[0] = '\0';
	buf_wipe(&encoded);
}

void
method_answer_redact(struct method_answer *a, const struct secret *secret)
{
	method_words_redact(a->error, sizeof(a->error), secret);
	method_words_redact(a->description, sizeof(a->description), secret);
}
