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
 * The operator's exceptions name a network and, if wanted, a port.  After
 * them the owner's are asked (allowed.c), unless the operator has locked
 * that; they reach neither a metadata address nor this server itself.
 *
 * Roles: front, exchanger, CLI.  Read-only after it was made, but for the
 * newest of the owner's lists (publish.c).
 */
#include <stdio.h>
#include <stdlib.h>

#include "egress/egress_priv.h"

static const struct egress_range ranges[] = {
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

int
egress_bare_from(const struct net_addr *a, struct egress_bare *out)
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

bool
egress_range_has(const struct egress_range *r, const struct egress_bare *a)
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (r->family != a->family || memcmp(r->prefix, a->bytes, whole))
		return false;
	return !rest || (r->prefix[whole] & mask) == (a->bytes[whole] & mask);
}

static bool
policy_excepts(const struct egress_policy *p, const struct egress_bare *a)
{
	const struct egress_exception *e;
	size_t i;

	for (i = 0; i < p->count; i++) {
		e = &p->exceptions[i];
		if ((!e->port || e->port == a->port) &&
		    egress_range_has(&e->net, a))
			return true;
	}
	return false;
}

static bool
bare_is_any(const struct egress_bare *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->bytes, zero, sizeof(zero));
}

/* Whether this server itself listens there.  Who listens on all addresses is
 * found at each that this machine has. */
static bool
policy_is_own(const struct egress_policy *p, const struct net_addr *addr,
	      const struct egress_bare *a)
{
	const struct egress_bare *own;
	size_t i;

	for (i = 0; i < p->own_count; i++) {
		own = &p->own[i];
		if (own->port != a->port)
			continue;
		if (own->family == a->family &&
		    !memcmp(own->bytes, a->bytes, sizeof(a->bytes)))
			return true;
		if (bare_is_any(own) && net_addr_is_here(addr))
			return true;
	}
	return false;
}

/* Whether somebody has allowed the address; what it cannot be in spite of
 * that is in *why. */
static bool
policy_lets(const struct egress_policy *p, const struct egress_allowed *allowed,
	    const struct net_addr *addr, const struct egress_bare *a,
	    const char **why)
{
	if (policy_excepts(p, a))
		return true;
	if (p->locked || !allowed || !egress_allowed_has(allowed, a))
		return false;
	if (!policy_is_own(p, addr, a))
		return true;
	*why = "where Drawbridge itself listens";
	return false;
}

static const char *
bare_objection(const struct egress_bare *a)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(ranges); i++)
		if (egress_range_has(&ranges[i], a))
			return ranges[i].what;
	if (a->family == 6 && (a->bytes[0] & 0xe0) != 0x20)
		return "an address outside the public IPv6 space";
	return NULL;
}

const char *
egress_range_what(const struct egress_range *net)
{
	struct egress_bare a = { .family = net->family };
	size_t i;

	memcpy(a.bytes, net->prefix, sizeof(a.bytes));
	for (i = 0; i < ARRAY_LEN(ranges); i++)
		if (ranges[i].bits <= net->bits &&
		    egress_range_has(&ranges[i], &a))
			return ranges[i].what;
	return NULL;
}

int
egress_address_check(const struct egress_policy *p,
		     const struct egress_allowed *allowed,
		     const struct net_addr *a, const char **why)
{
	struct egress_bare bare;

	*why = NULL;
	if (p->allow_all)
		return 0;
	if (egress_bare_from(a, &bare)) {
		*why = "not an Internet address";
		return ERR_BLOCKED;
	}
	if (policy_lets(p, allowed, a, &bare, why))
		return 0;
	if (!*why)
		*why = bare_objection(&bare);
	return *why ? ERR_BLOCKED : 0;
}

bool
egress_address_is_public(const struct net_addr *a)
{
	struct egress_bare bare;

	return !egress_bare_from(a, &bare) && !bare_objection(&bare);
}

bool
egress_address_is_own(const struct egress_policy *p, const struct net_addr *a)
{
	struct egress_bare bare;

	return !egress_bare_from(a, &bare) && policy_is_own(p, a, &bare);
}

bool
egress_address_is_excepted(const struct egress_policy *p,
			   const struct egress_allowed *allowed,
			   const struct net_addr *a)
{
	struct egress_bare bare;
	const char *why;

	if (p->allow_all)
		return true;
	return !egress_bare_from(a, &bare) &&
	       policy_lets(p, allowed, a, &bare, &why);
}

/* "10.0.0.0/8:443", "127.0.0.1:8080", "[fd00::]/8:443", "fd00::/8" */
int
egress_exception_read(struct slice text, struct egress_exception *out)
{
	struct slice ip = text, rest = SLICE_NONE, bits;
	uint64_t port = 0, n;
	struct net_addr addr;
	struct egress_bare bare;
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
	if (net_addr_from_ip(ip, 0, &addr) || egress_bare_from(&addr, &bare))
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

/* Unix sockets are never reached. */
static int
policy_read_own(struct egress_policy *p, const struct egress_policy_config *c)
{
	struct net_addr a;
	size_t i;

	for (i = 0; i < c->own_count; i++) {
		if (net_addr_parse(slice_str(c->own[i]), &a) ||
		    a.u.sa.sa_family == AF_UNIX)
			continue;
		if (p->own_count == EGRESS_OWN_MAX)
			return ERR_TOO_LARGE;
		if (!egress_bare_from(&a, &p->own[p->own_count]))
			p->own_count++;
	}
	return 0;
}

static struct egress_policy *
policy_alloc(const struct egress_policy_config *c)
{
	struct egress_policy *p = calloc(
		1, sizeof(*p) + c->allow_count * sizeof(p->exceptions[0]));

	if (!p)
		return NULL;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->told, NULL);
	p->allow_all = c->allow_all;
	p->locked = c->locked;
	p->count = c->allow_count;
	return p;
}

static int
policy_read_exceptions(struct egress_policy *p,
		       const struct egress_policy_config *c, char *detail,
		       size_t size)
{
	size_t i;

	for (i = 0; i < c->allow_count; i++) {
		if (!egress_exception_read(slice_str(c->allow[i]),
					   &p->exceptions[i]))
			continue;
		snprintf(detail, size,
			 "\"%s\" is not a network such as "
			 "10.0.0.0/8 or 10.1.2.3:443",
			 c->allow[i]);
		return ERR_INVALID;
	}
	return 0;
}

static int
policy_read(struct egress_policy *p, const struct egress_policy_config *c,
	    char *detail, size_t size)
{
	int rc;

	if (policy_read_own(p, c)) {
		snprintf(detail, size, "too many addresses to listen on");
		return ERR_TOO_LARGE;
	}
	rc = policy_read_exceptions(p, c, detail, size);
	if (rc)
		return rc;
	if (!c->proxy && c->proxy_login) {
		snprintf(detail, size,
			 "--egress-proxy-login-file is for --egress-proxy");
		return ERR_INVALID;
	}
	if (c->proxy)
		rc = egress_proxy_new(c->proxy, c->proxy_login, &p->proxy,
				      detail, size);
	if (!rc)
		rc = egress_sources_read(p, c, detail, size);
	if (rc)
		return rc;
	rc = net_tls_client_new(c->ca_file, NULL, NULL, &p->tls);
	if (rc)
		snprintf(detail, size, "the trust anchors in %s cannot be read",
			 c->ca_file ? c->ca_file : "the system's store");
	return rc;
}

int
egress_policy_new(const struct egress_policy_config *c,
		  struct egress_policy **out, char *detail, size_t size)
{
	struct egress_policy *p;
	int rc;

	*out = NULL;
	p = policy_alloc(c);
	if (!p)
		return ERR_NOMEM;
	rc = policy_read(p, c, detail, size);
	if (rc)
		egress_policy_free(p);
	else
		*out = p;
	return rc;
}

void
egress_policy_free(struct egress_policy *p)
{
	if (!p)
		return;
	ASSERT(!p->first);
	egress_allowed_unref(p->allowed);
	egress_proxy_free(p->proxy);
	net_tls_free(p->tls);
	pthread_cond_destroy(&p->told);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

bool
egress_policy_is_locked(const struct egress_policy *p)
{
	return p->locked;
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
