/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source addresses (--egress-bind): what services' allow-lists know this
 * server by.
 *
 * They are for public addresses, and for the proxy on the way to them.
 * Private destinations are reached as the machine's routes say: a public
 * source seldom finds its way back from there.  Where addresses are given,
 * nothing public is reached from any other, nor by a family (IPv4, IPv6)
 * that none was given for: a service that knows us by one would refuse the
 * call, and who set it meant it.
 *
 * Roles: front, exchanger.
 */
#include <stdio.h>

#include "egress/egress_priv.h"

/* What one cannot call from: "", or words for people. */
static const char *
source_objection(const struct net_addr *a)
{
	static const uint8_t none[16];
	struct egress_bare bare;

	if (egress_bare_from(a, &bare))
		return "is no IP address";
	if (bare.family == 4 && a->u.sa.sa_family == AF_INET6)
		return "is an IPv4 address; write it as one";
	if (!memcmp(bare.bytes, none, sizeof(none)))
		return "is any address; name one";
	return net_source_check(a) ? "is no address of this machine" : "";
}

static int
source_read(struct egress_policy *p, const char *text, char *detail,
	    size_t size)
{
	struct net_addr a, *to;
	const char *why;

	if (net_addr_from_ip(slice_str(text), 0, &a)) {
		snprintf(detail, size, "--egress-bind: %.60s is no IP address",
			 text);
		return ERR_INVALID;
	}
	why = source_objection(&a);
	to = &p->source[a.u.sa.sa_family == AF_INET6];
	if (!why[0] && to->len)
		why = "is a second one of its kind; one for IPv4 and one for "
		      "IPv6 can be named";
	if (why[0]) {
		snprintf(detail, size, "--egress-bind: %.60s %s", text, why);
		return ERR_INVALID;
	}
	*to = a;
	return 0;
}

int
egress_sources_read(struct egress_policy *p,
		    const struct egress_policy_config *c, char *detail,
		    size_t size)
{
	size_t i;
	int rc;

	for (i = 0; i < c->bind_count; i++) {
		rc = source_read(p, c->bind[i], detail, size);
		if (rc)
			return rc;
	}
	return 0;
}

int
egress_source_for(const struct egress_policy *p, const struct net_addr *to,
		  bool by_proxy, const struct net_addr **from)
{
	const struct net_addr *a = &p->source[to->u.sa.sa_family == AF_INET6];

	*from = NULL;
	if (!p->source[0].len && !p->source[1].len)
		return 0;
	if (!by_proxy && !egress_address_is_public(to))
		return 0;
	if (!a->len)
		return ERR_CONNECT;
	*from = a;
	return 0;
}
