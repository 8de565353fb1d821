/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings: base64 and base64url (RFC 4648), hex, percent (RFC 3986), form.
 *
 * Decoders are strict: no white space, no missing or doubled padding, no
 * stray bits.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/buf.h"

/* Sizes including the terminating NUL. */
#define CODEC_HEX_SIZE(n) ((n)*2 + 1)
#define CODEC_BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* out must have the size above; NUL-terminated. */
void codec_hex(const void *bytes, size_t len, char *out);
void codec_base64(const void *bytes, size_t len, char *out);
/* Without padding, as RFC 7515 and RFC 7636 want it. */
void codec_base64url(const void *bytes, size_t len, char *out);
/* Decode into out[size]; *len gets the byte count.  ERR_INVALID,
 * ERR_TOO_LARGE. */
int codec_hex_decode(struct slice text, void *out, size_t size, size_t *len);
int codec_base64_decode(struct slice text, void *out, size_t size, size_t *len);
int codec_base64url_decode(struct slice text, void *out, size_t size,
			   size_t *len);

/* Appends text with all but RFC 3986 unreserved bytes as %XX. */
int codec_percent(struct buf *out, struct slice text);
/* The same for application/x-www-form-urlencoded (space as '+'). */
int codec_form(struct buf *out, struct slice text);
/* Appends the decoded text; '+' is a space if `form`.  ERR_INVALID on a
 * broken escape. */
int codec_percent_decode(struct buf *out, struct slice text, bool form);
/* Appends text as the inside of a JSON string (no quotes). */
int codec_json(struct buf *out, struct slice text);
/* The same of any bytes: U+FFFD stands for what is no UTF-8. */
int codec_json_bytes(struct buf *out, struct slice bytes);
/* Appends UTF-8 as it is; U+FFFD for what is not, and for NUL. */
int codec_utf8(struct buf *out, struct slice bytes);
/* Appends text with & < > " ' as entities, for HTML and XML text. */
int codec_html(struct buf *out, struct slice text);

#endif
