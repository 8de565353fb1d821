/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs (RFC 3986) of http and https, and the paths of requests.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/base.h"

enum { HTTP_HOST_MAX = 255 };

struct http_url {
	bool https;
	char host[HTTP_HOST_MAX + 1]; /* canonical: lower case, A-labels, no
				       * trailing dot; IPv6 in brackets */
	uint16_t port;		      /* the scheme's own where none given */
	struct slice path;	      /* with query, as written; may be "" */
};

/*
 * An absolute URL.  Userinfo, fragments, control characters, backslashes,
 * spaces, odd ports and hosts that are no hosts are ERR_INVALID with *why
 * (may be NULL; static text).
 */
int http_url_parse(struct slice text, struct http_url *out, const char **why);
/*
 * A host as written (without port) in canonical form.  Numeric forms that
 * are not strict dotted decimal (0x7f.1, 2130706433, 0177.0.0.1) are
 * ERR_INVALID.
 */
int http_host_canonical(struct slice text, char out[HTTP_HOST_MAX + 1]);
/*
 * Whether an origin-form path may go on byte for byte: it starts with '/',
 * has no dot segment (plain or percent-encoded, also between encoded
 * slashes or backslashes), backslash, %00, control character, space or
 * fragment (in the query neither).
 */
int http_path_check(struct slice path, const char **why);
/* Splits at the first '?': path and query without it. */
void http_path_split(struct slice target, struct slice *path,
		     struct slice *query);
/* The decoded value of the first query or form parameter of this name,
 * appended to out; ERR_NOT_FOUND, ERR_INVALID. */
int http_query_get(struct slice query, const char *name, struct buf *out);
/* Walks name=value pairs, still encoded. */
bool http_query_next(struct slice *rest, struct slice *name,
		     struct slice *value);

#endif
