/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of studio/: serving the web pages.
 *
 * The pages are files under web/, embedded in the binary.  They are public
 * (they hold no data); what they show comes from /v1 with the session.
 */
#ifndef STUDIO_STUDIO_H
#define STUDIO_STUDIO_H

#include "http/http.h"

/*
 * Whether a request is the studio's: GET or HEAD of a path whose first
 * segment is not kept for the gateway, the API, consent or health.
 * "/connections" is the studio's, "/connect/…" is not.
 */
bool studio_takes(const struct http_head *h);

/*
 * Answers a request that studio_takes(): 200 with the file, 304 when the
 * client has it (If-None-Match, RFC 9110 13.1.2), 404.  Paths of the app
 * itself ("/", "/connections/…") get index.html.  Never blocks: the files
 * are in memory (but see WEB_DIR in studio.c).
 */
void studio_handle(struct http_exchange *x);

#endif
