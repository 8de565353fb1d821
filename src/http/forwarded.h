/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands behind a proxy: X-Forwarded-For, believed of named peers alone.
 *
 * Each proxy adds the address that it was asked from at the end of the list,
 * so only the end can be believed, and only as far as those who have written
 * it are trusted: the first address from behind that is no trusted proxy's is
 * the client.  Whatever stands before it, a client may have made up.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "http/head.h"
#include "net/net.h"

/* Peers that are trusted: a network, or whoever comes by a Unix socket. */
struct http_proxy {
	sa_family_t family; /* AF_INET, AF_INET6, AF_UNIX */
	unsigned bits;
	unsigned char prefix[16];
};

enum { HTTP_PROXIES_MAX = 64, HTTP_HOPS_MAX = 32 };

struct http_proxies {
	struct http_proxy items[HTTP_PROXIES_MAX];
	size_t count;
};

/* "10.0.0.0/8", "2001:db8::1" or "unix"; ERR_INVALID also for a network of
 * everybody. */
int http_proxy_parse(struct slice text, struct http_proxy *out);
bool http_proxies_trust(const struct http_proxies *p, const struct net_addr *a);
/*
 * Whose request it is, without port.  An item that is no address ends the
 * walk: it is the last good one before, and at the worst the peer.
 */
void http_forwarded_client(const struct http_proxies *p,
			   const struct net_addr *peer,
			   const struct http_head *h, struct net_addr *out);

#endif
