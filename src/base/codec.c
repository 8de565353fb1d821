/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings: hex, base64, percent, and the escapes of JSON and HTML.
 */
#include <stdio.h>

#include "base/base.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static const char hex_digits[] = "0123456789abcdef";
static const char base64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789-_";

void
codec_hex(const void *bytes, size_t len, char *out)
{
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = hex_digits[p[i] >> 4];
		*out++ = hex_digits[p[i] & 15];
	}
	*out = 0;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
codec_hex_decode(struct slice text, void *out, size_t size, size_t *len)
{
	unsigned char *p = out;
	int hi, lo;
	size_t i;

	*len = 0;
	if (text.len % 2)
		return ERR_INVALID;
	if (text.len / 2 > size)
		return ERR_TOO_LARGE;
	for (i = 0; i < text.len; i += 2) {
		hi = hex_value(text.ptr[i]);
		lo = hex_value(text.ptr[i + 1]);
		if (hi < 0 || lo < 0)
			return ERR_INVALID;
		p[i / 2] = (unsigned char)(hi << 4 | lo);
	}
	*len = text.len / 2;
	return 0;
}

/* Returns the end of what was written. */
static char *
base64_encode(const unsigned char *p, size_t len, const char *digits, bool pad,
	      char *out)
{
	uint32_t v;
	size_t i;

	for (i = 0; i + 2 < len; i += 3) {
		v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = digits[v >> 6 & 63];
		*out++ = digits[v & 63];
	}
	if (i == len)
		return out;
	v = (uint32_t)p[i] << 16 | (i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0);
	*out++ = digits[v >> 18];
	*out++ = digits[v >> 12 & 63];
	if (i + 1 < len)
		*out++ = digits[v >> 6 & 63];
	else if (pad)
		*out++ = '=';
	if (pad)
		*out++ = '=';
	return out;
}

void
codec_base64(const void *bytes, size_t len, char *out)
{
	*base64_encode(bytes, len, base64_std, true, out) = 0;
}

void
codec_base64url(const void *bytes, size_t len, char *out)
{
	*base64_encode(bytes, len, base64_url, false, out) = 0;
}

static int
base64_decode(struct slice text, const char *digits, void *out, size_t size,
	      size_t *len)
{
	unsigned char *p = out;
	const char *at;
	uint32_t v = 0;
	size_t i, n = 0;
	int bits = 0;

	*len = 0;
	if (text.len % 4 == 1)
		return ERR_INVALID;
	for (i = 0; i < text.len; i++) {
		at = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;
		if (!at)
			return ERR_INVALID;
		v = v << 6 | (uint32_t)(at - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (n == size)
			return ERR_TOO_LARGE;
		p[n++] = (unsigned char)(v >> bits);
		v &= (1u << bits) - 1;
	}
	if (v) /* stray bits: a second spelling of the same bytes */
		return ERR_INVALID;
	*len = n;
	return 0;
}

int
codec_base64_decode(struct slice text, void *out, size_t size, size_t *len)
{
	size_t pad = 0;

	*len = 0;
	if (text.len % 4)
		return ERR_INVALID;
	while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=')
		pad++;
	return base64_decode(slice_head(text, text.len - pad), base64_std, out,
			     size, len);
}

int
codec_base64url_decode(struct slice text, void *out, size_t size, size_t *len)
{
	return base64_decode(text, base64_url, out, size, len);
}

static bool
is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

static int
percent_encode(struct buf *out, struct slice text, bool form)
{
	unsigned char c;
	char escaped[3];
	size_t i;

	for (i = 0; i < text.len; i++) {
		c = (unsigned char)text.ptr[i];
		if (is_unreserved(text.ptr[i])) {
			buf_putc(out, (char)c);
		} else if (form && c == ' ') {
			buf_putc(out, '+');
		} else {
			escaped[0] = '%';
			escaped[1] = "0123456789ABCDEF"[c >> 4];
			escaped[2] = "0123456789ABCDEF"[c & 15];
			buf_put(out, escaped, 3);
		}
	}
	return buf_err(out);
}

int
codec_percent(struct buf *out, struct slice text)
{
	return percent_encode(out, text, false);
}

int
codec_form(struct buf *out, struct slice text)
{
	return percent_encode(out, text, true);
}

int
codec_percent_decode(struct buf *out, struct slice text, bool form)
{
	int hi, lo;
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (form && text.ptr[i] == '+') {
			buf_putc(out, ' ');
			continue;
		}
		if (text.ptr[i] != '%') {
			buf_putc(out, text.ptr[i]);
			continue;
		}
		if (i + 2 >= text.len)
			return ERR_INVALID;
		hi = hex_value(text.ptr[i + 1]);
		lo = hex_value(text.ptr[i + 2]);
		if (hi < 0 || lo < 0)
			return ERR_INVALID;
		buf_putc(out, (char)(hi << 4 | lo));
		i += 2;
	}
	return buf_err(out);
}

int
codec_json(struct buf *out, struct slice text)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < text.len; i++) {
		c = (unsigned char)text.ptr[i];
		if (c == '"' || c == '\\') {
			buf_putc(out, '\\');
			buf_putc(out, (char)c);
		} else if (c == '\n') {
			buf_puts(out, "\\n");
		} else if (c == '\r') {
			buf_puts(out, "\\r");
		} else if (c == '\t') {
			buf_puts(out, "\\t");
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_putc(out, (char)c);
		}
	}
	return buf_err(out);
}

/* The well-formed runs by put(), U+FFFD for each byte between them. */
static int
put_runs(struct buf *out, struct slice bytes,
	 int (*put)(struct buf *, struct slice))
{
	size_t n;

	for (;;) {
		n = slice_utf8_run(bytes);
		put(out, slice_head(bytes, n));
		bytes = slice_from(bytes, n);
		if (!bytes.len || buf_err(out))
			return buf_err(out);
		buf_puts(out, REPLACEMENT);
		bytes = slice_from(bytes, 1);
	}
}

int
codec_json_bytes(struct buf *out, struct slice bytes)
{
	return put_runs(out, bytes, codec_json);
}

/* All but NUL. */
static int
put_text(struct buf *out, struct slice run)
{
	size_t n;

	while ((n = slice_find(run, '\0')) < run.len) {
		buf_put_slice(out, slice_head(run, n));
		buf_puts(out, REPLACEMENT);
		run = slice_from(run, n + 1);
	}
	return buf_put_slice(out, run);
}

int
codec_utf8(struct buf *out, struct slice bytes)
{
	return put_runs(out, bytes, put_text);
}

int
codec_html(struct buf *out, struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		switch (text.ptr[i]) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		case '\'':
			buf_puts(out, "&#39;");
			break;
		default:
			buf_putc(out, text.ptr[i]);
		}
	}
	return buf_err(out);
}
