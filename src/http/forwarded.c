/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X-Forwarded-For, read from behind.
 *
 * Items are plain addresses, without port or brackets; several fields are one
 * list (RFC 9110 5.3).  Reads no more of them than HTTP_HOPS_MAX, and nothing
 * where the peer is not trusted.
 */
#include "http/http_priv.h"

/* An IPv4 within IPv6, as a listener for both gives it, is that IPv4. */
static struct net_addr
addr_plain(const struct net_addr *a)
{
	struct net_addr four = { .len = sizeof(four.u.in) };

	if (a->u.sa.sa_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return *a;
	four.u.in.sin_family = AF_INET;
	four.u.in.sin_port = a->u.in6.sin6_port;
	memcpy(&four.u.in.sin_addr, a->u.in6.sin6_addr.s6_addr + 12, 4);
	return four;
}

static void
addr_bytes(const struct net_addr *a, unsigned char out[16])
{
	memset(out, 0, 16);
	if (a->u.sa.sa_family == AF_INET)
		memcpy(out, &a->u.in.sin_addr, 4);
	else if (a->u.sa.sa_family == AF_INET6)
		memcpy(out, &a->u.in6.sin6_addr, 16);
}

int
http_proxy_parse(struct slice text, struct http_proxy *out)
{
	size_t slash = slice_find(text, '/');
	struct net_addr a;
	uint64_t bits;
	unsigned most;

	memset(out, 0, sizeof(*out));
	if (slice_eq(text, SLICE("unix"))) {
		out->family = AF_UNIX;
		return 0;
	}
	if (net_addr_from_ip(slice_head(text, slash), 0, &a))
		return ERR_INVALID;
	a = addr_plain(&a);
	out->family = a.u.sa.sa_family;
	addr_bytes(&a, out->prefix);
	out->bits = most = out->family == AF_INET ? 32 : 128;
	if (slash == text.len)
		return 0;
	if (slice_to_u64(slice_from(text, slash + 1), most, &bits) || !bits)
		return ERR_INVALID;
	out->bits = (unsigned)bits;
	return 0;
}

static bool
proxy_holds(const struct http_proxy *p, sa_family_t family,
	    const unsigned char bytes[16])
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;
	unsigned char mask = (unsigned char)(0xff00u >> rest);

	if (p->family != family || memcmp(p->prefix, bytes, whole) != 0)
		return false;
	return !rest || (p->prefix[whole] & mask) == (bytes[whole] & mask);
}

bool
http_proxies_trust(const struct http_proxies *p, const struct net_addr *a)
{
	struct net_addr plain = addr_plain(a);
	unsigned char bytes[16];
	size_t i;

	addr_bytes(&plain, bytes);
	for (i = 0; i < p->count; i++)
		if (proxy_holds(&p->items[i], plain.u.sa.sa_family, bytes))
			return true;
	return false;
}

/* Takes the last item off a list; an empty list has an empty one. */
static struct slice
list_last(struct slice *list)
{
	size_t at = list->len;
	struct slice item;

	while (at && list->ptr[at - 1] != ',')
		at--;
	item = slice_trim(slice_from(*list, at));
	*list = at ? slice_head(*list, at - 1) : SLICE_NONE;
	return item;
}

/* Goes on through one field from behind; false: it ends here. */
static bool
field_walk(const struct http_proxies *p, struct slice list, unsigned *hops,
	   struct net_addr *client)
{
	struct net_addr a;

	do {
		if (!http_proxies_trust(p, client) || !*hops)
			return false;
		--*hops;
		if (net_addr_from_ip(list_last(&list), 0, &a))
			return false;
		*client = addr_plain(&a);
	} while (list.ptr);
	return true;
}

void
http_forwarded_client(const struct http_proxies *p, const struct net_addr *peer,
		      const struct http_head *h, struct net_addr *out)
{
	unsigned hops = HTTP_HOPS_MAX, i;

	*out = addr_plain(peer);
	for (i = h->count; i-- > 0;)
		if (slice_eq_nocase(h->fields[i].name,
				    SLICE("X-Forwarded-For")) &&
		    !field_walk(p, h->fields[i].value, &hops, out))
			return;
}
