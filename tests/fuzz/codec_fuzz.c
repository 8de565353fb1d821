/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings, queries and forms: what is encoded decodes to itself, what is
 * decoded was well-formed, and a parameter that is put in comes out, alone.
 */
#include <stdlib.h>

#include "http/http.h"

enum { TEXT_MAX = 1 << 20 };

static void
check_percent(struct slice text, bool form)
{
	struct buf coded, plain;

	buf_init(&coded, TEXT_MAX);
	buf_init(&plain, TEXT_MAX);
	ASSERT(!(form ? codec_form : codec_percent)(&coded, text));
	ASSERT(!codec_percent_decode(&plain, buf_slice(&coded), form));
	ASSERT(slice_eq(buf_slice(&plain), text));
	buf_reset(&plain);
	if (!codec_percent_decode(&plain, text, form))
		ASSERT(plain.len <= text.len);
	buf_release(&coded);
	buf_release(&plain);
}

/* Decodes text; what it gives, encoded again, is the text. */
static void
check_base(struct slice text,
	   int (*decode)(struct slice, void *, size_t, size_t *),
	   void (*encode)(const void *, size_t, char *), bool nocase)
{
	char *plain = malloc(text.len + 1), *coded = malloc(4 * text.len + 8);
	struct slice again;
	size_t len;

	if (!decode(text, plain, text.len, &len)) {
		ASSERT(len <= text.len);
		encode(plain, len, coded);
		again = slice_str(coded);
		ASSERT(nocase ? slice_eq_nocase(again, text)
			      : slice_eq(again, text));
	}
	encode(text.ptr, text.len, coded);
	ASSERT(!decode(slice_str(coded), plain, text.len, &len));
	ASSERT(slice_eq(slice_of(plain, len), text));
	free(coded);
	free(plain);
}

static void
check_query(struct slice text)
{
	struct slice name, value, rest;
	struct buf query, out;

	buf_init(&query, TEXT_MAX);
	buf_init(&out, TEXT_MAX);
	rest = text;
	while (http_query_next(&rest, &name, &value))
		ASSERT(name.len + value.len <= text.len);
	buf_puts(&query, "other=%41&name=");
	codec_form(&query, text);
	buf_puts(&query, "&name=second");
	ASSERT(!http_query_get(buf_slice(&query), "name", &out));
	ASSERT(slice_eq(buf_slice(&out), text));
	buf_reset(&out);
	ASSERT(http_query_get(buf_slice(&query), "nam", &out) == ERR_NOT_FOUND);
	http_query_get(text, "name", &out);
	buf_release(&query);
	buf_release(&out);
}

static void
check_html(struct slice text)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	ASSERT(!codec_html(&out, text));
	ASSERT(!out.len || !memchr(out.data, '<', out.len));
	ASSERT(!out.len || !memchr(out.data, '"', out.len));
	buf_reset(&out);
	ASSERT(!codec_json(&out, text));
	ASSERT(!slice_has_control(buf_slice(&out)) ||
	       memchr(text.ptr, 0x7f, text.len));
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);

	if (!size || size > 4096)
		return 0;
	check_percent(text, false);
	check_percent(text, true);
	check_base(text, codec_base64_decode, codec_base64, false);
	check_base(text, codec_base64url_decode, codec_base64url, false);
	check_base(text, codec_hex_decode, codec_hex, true);
	check_query(text);
	check_html(text);
	return 0;
}
