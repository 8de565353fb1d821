/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's policy: which addresses may be reached.
 *
 * Addresses are judged by range tables after the IANA special-purpose
 * registries, never by their spelling.  IPv4 inside IPv6 (mapped) is judged
 * as IPv4; of IPv6 only global unicast (2000::/3) is public, and of that not
 * the ranges that carry IPv4 or tunnels (6to4, Teredo).  NAT64 and "::" are
 * outside 2000::/3 and so refused.
 *
 * The operator's exceptions name a network and, if wanted, a port.
 *
 * Roles: front, exchanger, CLI.  Read-only after it was made.
 */
#include <stdio.h>
#include <stdlib.h>

#include "egress/egress_priv.h"

struct range {
	uint8_t family; /* 4 or 6 */
	uint8_t bits;
	uint8_t prefix[16];
	const char *what;
};

static const struct range ranges[] = {
	{ 4, 8, { 0 }, "this network (0.0.0.0/8)" },
	{ 4, 8, { 10 }, "a private address" },
	{ 4, 10, { 100, 64 }, "a shared address (100.64.0.0/10)" },
	{ 4, 8, { 127 }, "a loopback address" },
	{ 4, 16, { 169, 254 }, "a link-local or metadata address" },
	{ 4, 12, { 172, 16 }, "a private address" },
	{ 4, 24, { 192, 0, 0 }, "a reserved address" },
	{ 4, 24, { 192, 0, 2 }, "a documentation address" },
	{ 4, 24, { 192, 31, 196 }, "a reserved address" },
	{ 4, 24, { 192, 52, 193 }, "a reserved address" },
	{ 4, 24, { 192, 88, 99 }, "a 6to4 relay address" },
	{ 4, 16, { 192, 168 }, "a private address" },
	{ 4, 24, { 192, 175, 48 }, "a reserved address" },
	{ 4, 15, { 198, 18 }, "a benchmarking address" },
	{ 4, 24, { 198, 51, 100 }, "a documentation address" },
	{ 4, 24, { 203, 0, 113 }, "a documentation address" },
	{ 4, 4, { 224 }, "a multicast address" },
	{ 4, 4, { 240 }, "a reserved or broadcast address" },
	{ 6, 23, { 0x20, 0x01 }, "a reserved or Teredo address" },
	{ 6, 32, { 0x20, 0x01, 0x0d, 0xb8 }, "a documentation address" },
	{ 6, 16, { 0x20, 0x02 }, "a 6to4 address" },
	{ 6, 48, { 0x26, 0x20, 0, 0x4f, 0x80 }, "a reserved address" },
	{ 6, 20, { 0x3f, 0xff }, "a documentation address" },
};

struct exception {
	struct range net;
	uint16_t port; /* 0: any */
};

struct egress_policy {
	bool allow_all;
	struct net_tls *tls;
	size_t count;
	struct exception exceptions[];
};

/* An address as the tables see it. */
struct bare {
	uint8_t family;
	uint8_t bytes[16];
	uint16_t port;
};

static int
bare_from(const struct net_addr *a, struct bare *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *v6;

	memset(out, 0, sizeof(*out));
	out->port = net_addr_port(a);
	if (a->u.sa.sa_family == AF_INET) {
		out->family = 4;
		memcpy(out->bytes, &a->u.in.sin_addr, 4);
		return 0;
	}
	if (a->u.sa.sa_family != AF_INET6)
		return ERR_INVALID;
	v6 = a->u.in6.sin6_addr.s6_addr;
	if (!memcmp(v6, mapped, sizeof(mapped))) {
		out->family = 4;
		memcpy(out->bytes, v6 + 12, 4);
		return 0;
	}
	out->family = 6;
	memcpy(out->bytes, v6, 16);
	return 0;
}

static bool
range_has(const struct range *r, const struct bare *a)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (r->family != a->family || memcmp(r->prefix, a->bytes, whole))
		return false;
	return !rest || (r->prefix[whole] & mask) == (a->bytes[whole] & mask);
}

static bool
policy_excepts(const struct egress_policy *p, const struct bare *a)
{
	const struct exception *e;
	size_t i;

	for (i = 0; i < p->count; i++) {
		e = &p->exceptions[i];
		if ((!e->port || e->port == a->port) && range_has(&e->net, a))
			return true;
	}
	return false;
}

int
egress_address_check(const struct egress_policy *p, const struct net_addr *a,
		     const char **why)
{
	struct bare bare;
	size_t i;

	*why = NULL;
	if (p->allow_all)
		return 0;
	if (bare_from(a, &bare)) {
		*why = "not an Internet address";
		return ERR_BLOCKED;
	}
	if (policy_excepts(p, &bare))
		return 0;
	for (i = 0; i < ARRAY_LEN(ranges); i++) {
		if (range_has(&ranges[i], &bare)) {
			*why = ranges[i].what;
			return ERR_BLOCKED;
		}
	}
	if (bare.family == 6 && (bare.bytes[0] & 0xe0) != 0x20) {
		*why = "an address outside the public IPv6 space";
		return ERR_BLOCKED;
	}
	return 0;
}

bool
egress_address_is_excepted(const struct egress_policy *p,
			   const struct net_addr *a)
{
	struct bare bare;

	if (p->allow_all)
		return true;
	return !bare_from(a, &bare) && policy_excepts(p, &bare);
}

/* "10.0.0.0/8:443", "127.0.0.1:8080", "[fd00::]/8:443", "fd00::/8" */
static int
exception_parse(struct slice text, struct exception *out)
{
	struct slice ip = text, rest = SLICE_NONE, bits;
	uint64_t port = 0, n;
	struct net_addr addr;
	struct bare bare;
	size_t end;

	if (slice_starts(text, SLICE("["))) {
		end = slice_find(text, ']');
		if (end == text.len)
			return ERR_INVALID;
		ip = slice_of(text.ptr + 1, end - 1);
		rest = slice_from(text, end + 1);
	} else {
		end = slice_find(text, '/');
		if (end == text.len && !net_addr_from_ip(text, 0, &addr))
			end = text.len; /* a bare address, maybe IPv6 */
		else if (end == text.len)
			end = slice_find(text, ':');
		ip = slice_head(text, end);
		rest = slice_from(text, end);
	}
	if (net_addr_from_ip(ip, 0, &addr) || bare_from(&addr, &bare))
		return ERR_INVALID;
	n = bare.family == 4 ? 32 : 128;
	if (slice_starts(rest, SLICE("/"))) {
		rest = slice_from(rest, 1);
		bits = slice_head(rest, slice_find(rest, ':'));
		if (slice_to_u64(bits, n, &n))
			return ERR_INVALID;
		rest = slice_from(rest, bits.len);
	}
	if (rest.len &&
	    (rest.ptr[0] != ':' ||
	     slice_to_u64(slice_from(rest, 1), 65535, &port) || !port))
		return ERR_INVALID;
	out->net.family = bare.family;
	out->net.bits = (uint8_t)n;
	memcpy(out->net.prefix, bare.bytes, sizeof(bare.bytes));
	out->port = (uint16_t)port;
	return 0;
}

int
egress_policy_new(const struct egress_policy_config *c,
		  struct egress_policy **out, char *detail, size_t size)
{
	struct egress_policy *p;
	size_t i;
	int rc;

	*out = NULL;
	p = calloc(1, sizeof(*p) + c->allow_count * sizeof(p->exceptions[0]));
	if (!p)
		return ERR_NOMEM;
	p->allow_all = c->allow_all;
	p->count = c->allow_count;
	for (i = 0; i < c->allow_count; i++) {
		if (exception_parse(slice_str(c->allow[i]),
				    &p->exceptions[i])) {
			snprintf(detail, size,
				 "\"%s\" is not a network such as "
				 "10.0.0.0/8 or 10.1.2.3:443",
				 c->allow[i]);
			egress_policy_free(p);
			return ERR_INVALID;
		}
	}
	rc = net_tls_client_new(c->ca_file, NULL, NULL, &p->tls);
	if (rc) {
		snprintf(detail, size, "the trust anchors in %s cannot be read",
			 c->ca_file ? c->ca_file : "the system's store");
		egress_policy_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void
egress_policy_free(struct egress_policy *p)
{
	if (!p)
		return;
	net_tls_free(p->tls);
	free(p);
}

struct net_tls *
egress_policy_tls(const struct egress_policy *p)
{
	return p->tls;
}

bool
egress_policy_allows_all(const struct egress_policy *p)
{
	return p->allow_all;
}
