/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses as text, and the guard's judgement: what is read and written
 * reads back the same, has one spelling as a host, and is judged alike
 * whether it comes as IPv4 or as IPv4 within IPv6; an exception is obeyed for
 * the network that it names.  What an owner may allow is kept in one form,
 * is an exception of the operator's too, and is nothing public.
 */
#include <stdio.h>
#include <stdlib.h>

#include "egress/egress.h"

static struct egress_policy *
policy_with(const char *allow)
{
	struct egress_policy_config config = { .allow = &allow,
					       .allow_count = allow ? 1 : 0 };
	struct egress_policy *p;
	char detail[512];

	return egress_policy_new(&config, &p, detail, sizeof(detail)) ? NULL
								      : p;
}

static void
check_text(const struct net_addr *a)
{
	char text[NET_ADDR_TEXT], host[HTTP_HOST_MAX + 1];
	char again[HTTP_HOST_MAX + 1], bracketed[NET_ADDR_TEXT + 2];
	struct net_addr back;

	net_addr_format(a, text);
	ASSERT(!net_addr_parse(slice_str(text), &back));
	ASSERT(net_addr_eq(a, &back));
	if (a->u.sa.sa_family == AF_UNIX)
		return;
	net_addr_format_ip(a, text);
	ASSERT(!net_addr_from_ip(slice_str(text), net_addr_port(a), &back));
	ASSERT(net_addr_eq(a, &back));
	snprintf(bracketed, sizeof(bracketed),
		 a->u.sa.sa_family == AF_INET6 ? "[%s]" : "%s", text);
	ASSERT(!http_host_canonical(slice_str(bracketed), host));
	ASSERT(!http_host_canonical(slice_str(host), again));
	ASSERT(!strcmp(host, again));
}

/* ::ffff:a.b.c.d is a.b.c.d; no other IPv6 that holds IPv4 is public. */
static void
check_judgement(const struct egress_policy *p, const struct net_addr *a)
{
	static const unsigned char nat64[12] = { 0, 0x64, 0xff, 0x9b };
	struct net_addr six = { .len = sizeof(six.u.in6) };
	unsigned char *bytes = six.u.in6.sin6_addr.s6_addr;
	const char *why, *same;
	int rc = egress_address_check(p, NULL, a, &why);

	ASSERT(!rc == !why);
	ASSERT(!egress_address_is_excepted(p, NULL, a));
	if (a->u.sa.sa_family == AF_UNIX)
		ASSERT(rc == ERR_BLOCKED);
	if (a->u.sa.sa_family != AF_INET)
		return;
	six.u.in6.sin6_family = AF_INET6;
	bytes[10] = bytes[11] = 0xff;
	memcpy(bytes + 12, &a->u.in.sin_addr, 4);
	ASSERT(egress_address_check(p, NULL, &six, &same) == rc && same == why);
	memcpy(bytes, nat64, sizeof(nat64));
	ASSERT(egress_address_check(p, NULL, &six, &same) == ERR_BLOCKED);
}

static void
check_exception(const char *text)
{
	struct egress_policy *p = policy_with(text);
	struct net_addr a;
	const char *why;

	if (!p)
		return;
	/* a plain address is a network of its own, with any port */
	if (!net_addr_from_ip(slice_str(text), 443, &a)) {
		ASSERT(!egress_address_check(p, NULL, &a, &why));
		ASSERT(egress_address_is_excepted(p, NULL, &a));
	}
	egress_policy_free(p);
}

/* Under the operator's policy nothing is allowed, but for what is public. */
static void
check_allowed(const struct egress_policy *plain, struct slice data)
{
	char one[EGRESS_ALLOWED_TEXT], two[EGRESS_ALLOWED_TEXT], why[512] = "";
	struct egress_allowed *list;
	const char *items = one, *reason;
	struct net_addr a;
	size_t left_out;

	if (egress_allowed_read(data, one, why, sizeof(why))) {
		ASSERT(why[0] && !one[0]);
		return;
	}
	ASSERT(!egress_allowed_read(slice_str(one), two, why, sizeof(why)));
	ASSERT(!strcmp(one, two));
	list = egress_allowed_new(&items, 1, &left_out);
	ASSERT(list && !left_out);
	/* one address alone: it opens this, and was not open before */
	if (!net_addr_parse(slice_str(one), &a)) {
		ASSERT(egress_address_check(plain, NULL, &a, &reason));
		ASSERT(!egress_address_check(plain, list, &a, &reason));
	}
	egress_allowed_unref(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct egress_policy *plain;
	static unsigned runs;
	struct net_addr a;
	char text[128];

	if (size >= sizeof(text))
		return 0;
	if (!plain)
		plain = policy_with(NULL);
	ASSERT(plain);
	memcpy(text, data, size);
	text[size] = 0;
	if (!net_addr_parse(slice_of(data, size), &a)) {
		check_text(&a);
		check_judgement(plain, &a);
	}
	if (!net_addr_from_ip(slice_of(data, size), 443, &a)) {
		check_text(&a);
		check_judgement(plain, &a);
	}
	check_allowed(plain, slice_of(data, size));
	/* making a policy reads the trust anchors: now and then is enough */
	if (strlen(text) == size && runs++ % 512 == 0)
		check_exception(text);
	return 0;
}
