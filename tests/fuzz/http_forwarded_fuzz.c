/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X-Forwarded-For in any number of fields (lines): whoever is not trusted is
 * not believed; what comes out was written there, and is either no proxy of
 * ours or the end of what could be read; and whatever stands before the
 * client that was found changes nothing.
 */
#include <stdio.h>

#include "http/http.h"

enum { FIELDS = 4, INPUT_MAX = 1024 };

static struct http_proxies trusted;

static void
client_of(const char *peer, struct slice first, struct slice rest,
	  struct net_addr *out)
{
	static struct http_head h;
	struct net_addr a;
	unsigned fields = FIELDS + (first.ptr ? 1 : 0);
	struct slice line;

	h.count = 0;
	if (first.ptr) {
		h.fields[h.count].name = SLICE("X-Forwarded-For");
		h.fields[h.count++].value = first;
	}
	while (h.count < fields && slice_next(&rest, '\n', &line)) {
		h.fields[h.count].name = SLICE("X-Forwarded-For");
		h.fields[h.count++].value = line;
	}
	ASSERT(!net_addr_parse(slice_str(peer), &a));
	http_forwarded_client(&trusted, &a, &h, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	struct net_addr out, again, peer;
	struct http_proxy p;
	char one[NET_ADDR_TEXT];

	if (size > INPUT_MAX)
		return 0;
	if (!trusted.count) {
		ASSERT(!http_proxy_parse(SLICE("10.0.0.0/8"),
					 &trusted.items[trusted.count++]));
		ASSERT(!http_proxy_parse(SLICE("2001:db8::/33"),
					 &trusted.items[trusted.count++]));
		ASSERT(!http_proxy_parse(SLICE("unix"),
					 &trusted.items[trusted.count++]));
	}
	if (!http_proxy_parse(text, &p))
		ASSERT(p.family == AF_UNIX || p.bits);
	ASSERT(!net_addr_from_ip(SLICE("203.0.113.1"), 5, &peer));
	client_of("203.0.113.1:5", SLICE_NONE, text, &out);
	ASSERT(net_addr_eq(&out, &peer));
	client_of("10.0.0.1:5", SLICE_NONE, text, &out);
	if (out.u.sa.sa_family == AF_INET && !memchr(data, ':', size)) {
		net_addr_format_ip(&out, one);
		ASSERT(!strcmp(one, "10.0.0.1") ||
		       memmem(data, size, one, strlen(one)));
	}
	client_of("10.0.0.1:5", SLICE("8.8.8.8, 10.0.0.7"), text, &again);
	if (!http_proxies_trust(&trusted, &out))
		ASSERT(net_addr_eq(&out, &again));
	client_of("unix:/x", SLICE_NONE, text, &again);
	ASSERT(out.u.sa.sa_family == again.u.sa.sa_family
		       ? 1
		       : again.u.sa.sa_family == AF_UNIX);
	return 0;
}
