/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of http/: HTTP/1.1 after RFC 9110 and RFC 9112.
 *
 * Knows bytes, heads, bodies and connections; no log, no product word.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "http/coding.h"
#include "http/forwarded.h"
#include "http/head.h"
#include "http/url.h"
#include "http/wire.h"
#include "http/server.h"

#endif
