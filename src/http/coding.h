/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content codings (RFC 9110 8.4.1), opened: gzip, deflate, br (RFC 7932),
 * zstd (RFC 8878).
 */
#ifndef HTTP_CODING_H
#define HTTP_CODING_H

#include "base/base.h"

enum {
	HTTP_CODINGS_MAX = 3, /* one over the other */
	/* What RFC 9659 lets a zstd encoder use on the Web. */
	HTTP_ZSTD_WINDOW_LOG = 23,
};

/* What http_coding_decode() opens, for Accept-Encoding. */
extern const char http_coding_accept[];

/*
 * Opens a whole body: coding is the value of Content-Encoding ("" and
 * "identity": as it is).  Appends to out, whose limit is the limit of what
 * comes out of a body, however small it is.
 *
 * 0; or, with out holding what came out until then:
 *   ERR_TOO_LARGE    out is full, and more would come
 *   ERR_CLOSED       the body ends too early
 * or, with out to be forgotten:
 *   ERR_PROTOCOL     the body is not what the coding says
 *   ERR_UNSUPPORTED  a coding that is none of these, or too many
 *   ERR_NOMEM
 */
int http_coding_decode(struct slice coding, struct slice body, struct buf *out);

#endif
