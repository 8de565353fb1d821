/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: text to sockaddr and back.
 *
 * Only strict forms are read (inet_pton): "127.1", octal and hex spellings
 * of IPv4 are no addresses here.  Runs in every role; opens nothing that
 * anybody could hear of.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "net/net.h"

static int
addr_set_v4(const char *ip, uint16_t port, struct net_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, ip, &out->u.in.sin_addr) != 1)
		return ERR_INVALID;
	out->u.in.sin_family = AF_INET;
	out->u.in.sin_port = htons(port);
	out->len = sizeof(out->u.in);
	return 0;
}

static int
addr_set_v6(const char *ip, uint16_t port, struct net_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, ip, &out->u.in6.sin6_addr) != 1)
		return ERR_INVALID;
	out->u.in6.sin6_family = AF_INET6;
	out->u.in6.sin6_port = htons(port);
	out->len = sizeof(out->u.in6);
	return 0;
}

int
net_addr_from_ip(struct slice ip, uint16_t port, struct net_addr *out)
{
	char text[INET6_ADDRSTRLEN];

	if (slice_copy(ip, text, sizeof(text)))
		return ERR_INVALID;
	if (strlen(text) != ip.len)
		return ERR_INVALID;
	if (!addr_set_v4(text, port, out))
		return 0;
	return addr_set_v6(text, port, out);
}

static int
addr_parse_unix(struct slice path, struct net_addr *out)
{
	memset(out, 0, sizeof(*out));
	out->u.un.sun_family = AF_UNIX;
	if (path.len == 0 || memchr(path.ptr, 0, path.len) ||
	    slice_copy(path, out->u.un.sun_path, sizeof(out->u.un.sun_path)))
		return ERR_INVALID;
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			       path.len + 1);
	return 0;
}

int
net_addr_parse(struct slice text, struct net_addr *out)
{
	struct slice host, port;
	uint64_t number;
	size_t end;

	if (slice_starts(text, SLICE("unix:")))
		return addr_parse_unix(slice_from(text, 5), out);
	if (slice_starts(text, SLICE("["))) {
		end = slice_find(text, ']');
		host = slice_head(slice_from(text, 1), end ? end - 1 : 0);
		port = slice_from(text, end + 1);
		if (slice_find(host, ':') == host.len)
			return ERR_INVALID; /* brackets are for IPv6 */
	} else {
		end = slice_find(text, ':');
		host = slice_head(text, end);
		port = slice_from(text, end);
	}
	if (!slice_starts(port, SLICE(":")) ||
	    slice_to_u64(slice_from(port, 1), 65535, &number))
		return ERR_INVALID;
	return net_addr_from_ip(host, (uint16_t)number, out);
}

void
net_addr_format_ip(const struct net_addr *a, char out[NET_ADDR_TEXT])
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &a->u.in.sin_addr, out, NET_ADDR_TEXT);
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, out, NET_ADDR_TEXT);
		break;
	case AF_UNIX:
		snprintf(out, NET_ADDR_TEXT, "unix");
		break;
	default:
		snprintf(out, NET_ADDR_TEXT, "unknown");
	}
}

void
net_addr_format(const struct net_addr *a, char out[NET_ADDR_TEXT])
{
	char ip[NET_ADDR_TEXT];

	net_addr_format_ip(a, ip);
	if (a->u.sa.sa_family == AF_UNIX)
		snprintf(out, NET_ADDR_TEXT, "unix:%s", a->u.un.sun_path);
	else if (a->u.sa.sa_family == AF_INET6)
		snprintf(out, NET_ADDR_TEXT, "[%.60s]:%u", ip,
			 net_addr_port(a));
	else
		snprintf(out, NET_ADDR_TEXT, "%.60s:%u", ip, net_addr_port(a));
}

uint16_t
net_addr_port(const struct net_addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return ntohs(a->u.in.sin_port);
	case AF_INET6:
		return ntohs(a->u.in6.sin6_port);
	default:
		return 0;
	}
}

bool
net_addr_eq(const struct net_addr *a, const struct net_addr *b)
{
	if (a->u.sa.sa_family != b->u.sa.sa_family)
		return false;
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return a->u.in.sin_port == b->u.in.sin_port &&
		       a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	case AF_INET6:
		return a->u.in6.sin6_port == b->u.in6.sin6_port &&
		       a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id &&
		       !memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 16);
	default:
		return a->len == b->len &&
		       !memcmp(&a->u.un, &b->u.un, (size_t)a->len);
	}
}

/* Only an own address can be bound to. */
bool
net_addr_is_here(const struct net_addr *a)
{
	struct net_addr local = *a;
	bool here;
	int fd;

	if (a->u.sa.sa_family == AF_INET)
		local.u.in.sin_port = 0;
	else if (a->u.sa.sa_family == AF_INET6)
		local.u.in6.sin6_port = 0;
	else
		return true;
	fd = socket(a->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	here = !bind(fd, &local.u.sa, local.len) || errno != EADDRNOTAVAIL;
	close(fd);
	return here;
}
