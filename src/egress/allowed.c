/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the owner allows: private destinations, each a network and a port.
 *
 * They are read by the operator's own grammar (policy.c) and are narrower: a
 * port is needed, and the network lies within one of those that are private.
 * So they add nothing to what is public, and never reach what is neither
 * (multicast, this network, documentation …).  Addresses under which clouds
 * give a machine its credentials are struck from whatever is allowed, also
 * where a network spans them.
 *
 * Roles: front, exchanger.  A list never changes after it was made.
 */
#include <stdio.h>
#include <stdlib.h>

#include "egress/egress_priv.h"

struct egress_allowed {
	_Atomic unsigned refs;
	size_t count;
	struct egress_exception items[EGRESS_ALLOWED_MAX];
};

static const struct egress_range private_ranges[] = {
	{ 4, 8, { 10 }, "" },	     { 4, 10, { 100, 64 }, "" },
	{ 4, 8, { 127 }, "" },	     { 4, 12, { 172, 16 }, "" },
	{ 4, 16, { 192, 168 }, "" }, { 6, 128, { [15] = 1 }, "" },
	{ 6, 7, { 0xfc }, "" },
};

/* Of IPv6's private space (fc00::/7) everybody has a /48; a provider perhaps
 * some of them. */
enum { BITS_LEAST_V6 = 32 };

/* Where clouds answer a machine about itself: by link-local addresses, and by
 * these of the private and shared ones. */
static const struct egress_range metadata_ranges[] = {
	{ 4, 16, { 169, 254 }, "" },
	{ 4, 32, { 100, 100, 100, 200 }, "" },		    /* Alibaba */
	{ 6, 32, { 0xfd, 0x00, 0x0e, 0xc2 }, "" },	    /* AWS */
	{ 6, 32, { 0xfd, 0x20, 0x00, 0xce }, "" },	    /* Google */
	{ 6, 32, { 0xfd, 0x00, 0x00, 0xc1 }, "" },	    /* Oracle */
	{ 6, 32, { 0xfd, 0x00, 0x00, 0x42 }, "" },	    /* Scaleway */
	{ 6, 32, { 0xfd, 0x00, 0x01, 0x00 }, "" },	    /* Alibaba */
	{ 6, 48, { 0xfd, 0, 0xa9, 0xfe, 0xa9, 0xfe }, "" }, /* Linode */
	{ 6, 10, { 0xfe, 0x80 }, "" },
};

static bool
among(const struct egress_range *ranges, size_t count,
      const struct egress_bare *a, unsigned bits)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (ranges[i].bits <= bits && egress_range_has(&ranges[i], a))
			return true;
	return false;
}

static struct egress_bare
first_of(const struct egress_range *net)
{
	struct egress_bare a = { .family = net->family };

	memcpy(a.bytes, net->prefix, sizeof(a.bytes));
	return a;
}

/* Sets those bits to zero that do not count; whether one of them was set. */
static bool
clear_rest(struct egress_range *net)
{
	bool stray = false;
	unsigned i, bits;
	uint8_t keep;

	for (i = 0; i < sizeof(net->prefix); i++) {
		bits = net->bits > 8 * i ? net->bits - 8 * i : 0;
		keep = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
		stray |= (net->prefix[i] & ~keep) != 0;
		net->prefix[i] &= keep;
	}
	return stray;
}

/* ---- text ---- */

static void
format_ip(const struct egress_range *net, char out[NET_ADDR_TEXT])
{
	struct net_addr a = { 0 };

	if (net->family == 4) {
		a.u.in.sin_family = AF_INET;
		memcpy(&a.u.in.sin_addr, net->prefix, 4);
	} else {
		a.u.in6.sin6_family = AF_INET6;
		memcpy(&a.u.in6.sin6_addr, net->prefix, 16);
	}
	net_addr_format_ip(&a, out);
}

/* "10.1.2.3:443", "10.1.2.0/24:443", "[fd12::1]:443", "[fd12::]/48:443" */
static void
format_exception(const struct egress_exception *e,
		 char out[EGRESS_ALLOWED_TEXT])
{
	bool six = e->net.family == 6;
	char ip[NET_ADDR_TEXT], bits[8] = "";

	format_ip(&e->net, ip);
	if (e->net.bits != (six ? 128 : 32))
		snprintf(bits, sizeof(bits), "/%u", e->net.bits);
	snprintf(out, EGRESS_ALLOWED_TEXT, "%s%.45s%s%s:%u", six ? "[" : "", ip,
		 six ? "]" : "", bits, e->port);
}

/* ---- what may be allowed ---- */

/* Why the network cannot be allowed, or NULL. */
static const char *
network_objection(const struct egress_range *net)
{
	struct egress_bare first = first_of(net);

	if (among(metadata_ranges, ARRAY_LEN(metadata_ranges), &first,
		  net->bits))
		return "is a link-local or metadata address, which cannot be "
		       "allowed here";
	if (among(private_ranges, ARRAY_LEN(private_ranges), &first,
		  net->bits)) {
		if (net->family == 6 && net->bits < BITS_LEAST_V6)
			return "is too wide: of IPv6 at most a /32 can be "
			       "allowed";
		return NULL;
	}
	if (egress_range_what(net))
		return "is neither private nor public, and cannot be allowed";
	return "is not within one private network (10.0.0.0/8, 172.16.0.0/12, "
	       "192.168.0.0/16, 100.64.0.0/10, 127.0.0.0/8, fc00::/7, ::1); "
	       "public addresses need no permission";
}

static size_t
colons(struct slice text)
{
	size_t i, n = 0;

	for (i = 0; i < text.len; i++)
		n += text.ptr[i] == ':';
	return n;
}

/* ERR_INVALID with *why; what an operator may write and an owner may not. */
static int
allowed_read(struct slice text, struct egress_exception *out, const char **why)
{
	*why = "is not a network and port such as 10.1.2.0/24:443, "
	       "10.1.2.3:443 or [fd12:3456::]/48:443";
	if (egress_exception_read(text, out))
		return ERR_INVALID;
	if (out->net.family == 4 && colons(text) > 1) {
		*why = "is IPv4 within IPv6; write it as IPv4: 10.1.2.3:443";
		return ERR_INVALID;
	}
	if (!out->port) {
		*why = "has no port; name the one that is called, as in "
		       "10.1.2.0/24:443 or [fd12:3456::]/48:443";
		return ERR_INVALID;
	}
	if (clear_rest(&out->net)) {
		*why = "has bits behind its prefix; write the network's first "
		       "address, or the one address without a prefix";
		return ERR_INVALID;
	}
	*why = network_objection(&out->net);
	return *why ? ERR_INVALID : 0;
}

int
egress_allowed_read(struct slice text, char out[EGRESS_ALLOWED_TEXT],
		    char *detail, size_t size)
{
	struct egress_exception e;
	const char *why;

	out[0] = '\0';
	if (allowed_read(text, &e, &why)) {
		snprintf(detail, size, "%s", why);
		return ERR_INVALID;
	}
	format_exception(&e, out);
	return 0;
}

/* ---- lists ---- */

struct egress_allowed *
egress_allowed_new(const char *const *texts, size_t count, size_t *left_out)
{
	struct egress_allowed *l = calloc(1, sizeof(*l));
	const char *why;
	size_t i;

	*left_out = 0;
	if (!l)
		return NULL;
	l->refs = 1;
	for (i = 0; i < count; i++) {
		if (l->count < EGRESS_ALLOWED_MAX &&
		    !allowed_read(slice_str(texts[i]), &l->items[l->count],
				  &why))
			l->count++;
		else
			++*left_out;
	}
	return l;
}

void
egress_allowed_ref(struct egress_allowed *l)
{
	if (l)
		atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

void
egress_allowed_unref(struct egress_allowed *l)
{
	if (l && atomic_fetch_sub(&l->refs, 1) == 1)
		free(l);
}

bool
egress_allowed_has(const struct egress_allowed *l, const struct egress_bare *a)
{
	const struct egress_exception *e;
	size_t i;

	for (i = 0; i < l->count; i++) {
		e = &l->items[i];
		if (e->port == a->port && egress_range_has(&e->net, a))
			return !among(metadata_ranges,
				      ARRAY_LEN(metadata_ranges), a, 128);
	}
	return false;
}
