/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of http/: character classes and field numbers.
 */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include "http/http.h"

enum {
	HTTP_TOKEN = 1,	   /* RFC 9110 5.6.2 tchar */
	HTTP_VALUE = 2,	   /* field-vchar, space, tab */
	HTTP_TARGET = 4,   /* visible ASCII */
	HTTP_HOSTCHAR = 8, /* of Host: unreserved, ':', '[', ']' */
	HTTP_HEX = 16,
};

extern const uint8_t http_class[256];

#define HTTP_IS(c, what) (http_class[(unsigned char)(c)] & (what))

/* -1 for what is no hex digit. */
int http_hex_value(char c);

#endif
