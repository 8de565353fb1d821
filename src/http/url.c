/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs and paths, read strictly.
 *
 * A host has one canonical spelling here; whoever compares hosts compares
 * that.  International names come as A-labels ("xn--…"): a request target
 * and a Host field are ASCII, so letters beyond it are refused.
 *
 * Runs in every role.
 */
#include <stdio.h>

#include "http/http_priv.h"

static bool
host_is_name(const char *host, size_t len)
{
	size_t i, label = 0;
	bool numeric_last = true;

	for (i = 0; i <= len; i++) {
		if (i == len || host[i] == '.') {
			if (label == 0 || label > 63 || host[i - 1] == '-' ||
			    host[i - label] == '-')
				return false;
			if (i < len)
				numeric_last = true;
			label = 0;
			continue;
		}
		if (!((host[i] >= 'a' && host[i] <= 'z') ||
		      (host[i] >= '0' && host[i] <= '9') || host[i] == '-' ||
		      host[i] == '_'))
			return false;
		if (host[i] < '0' || host[i] > '9')
			numeric_last = false;
		label++;
	}
	return !numeric_last && len >= 1;
}

/* A last label like "0x7f" is read as a number by some. */
static bool
host_looks_hex(const char *host, size_t len)
{
	size_t dot = len;

	while (dot > 0 && host[dot - 1] != '.')
		dot--;
	return len - dot >= 2 && host[dot] == '0' && host[dot + 1] == 'x';
}

int
http_host_canonical(struct slice text, char out[HTTP_HOST_MAX + 1])
{
	struct net_addr addr;
	char ip[NET_ADDR_TEXT];
	size_t i;

	if (slice_starts(text, SLICE("[")) && slice_ends(text, SLICE("]"))) {
		text = slice_of(text.ptr + 1, text.len - 2);
		if (net_addr_from_ip(text, 0, &addr) ||
		    addr.u.sa.sa_family != AF_INET6)
			return ERR_INVALID;
		net_addr_format_ip(&addr, ip);
		snprintf(out, HTTP_HOST_MAX + 1, "[%s]", ip);
		return 0;
	}
	if (text.len > 1 && text.ptr[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || text.len > 253)
		return ERR_INVALID;
	for (i = 0; i < text.len; i++)
		out[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z'
				 ? (char)(text.ptr[i] | 0x20)
				 : text.ptr[i];
	out[i] = 0;
	if (!net_addr_from_ip(slice_str(out), 0, &addr))
		return addr.u.sa.sa_family == AF_INET ? 0 : ERR_INVALID;
	if (!host_is_name(out, text.len) || host_looks_hex(out, text.len))
		return ERR_INVALID;
	return 0;
}

static int
url_refuse(const char **why, const char *text)
{
	if (why)
		*why = text;
	return ERR_INVALID;
}

/* host[:port], without userinfo */
static int
url_authority(struct slice a, struct http_url *out, const char **why)
{
	struct slice host = a, port = SLICE_NONE;
	uint64_t number;
	size_t end;

	if (slice_find(a, '@') < a.len)
		return url_refuse(why, "user information in the URL");
	if (slice_starts(a, SLICE("["))) {
		end = slice_find(a, ']');
		if (end == a.len)
			return url_refuse(why, "the host is not a host");
		host = slice_head(a, end + 1);
		port = slice_from(a, end + 1);
	} else {
		end = slice_find(a, ':');
		host = slice_head(a, end);
		port = slice_from(a, end);
	}
	if (port.len) {
		if (port.ptr[0] != ':' || port.len > 6 ||
		    slice_to_u64(slice_from(port, 1), 65535, &number) ||
		    number == 0)
			return url_refuse(why, "the port is not a port");
		out->port = (uint16_t)number;
	}
	if (http_host_canonical(host, out->host))
		return url_refuse(why, "the host is not a host");
	return 0;
}

int
http_url_parse(struct slice text, struct http_url *out, const char **why)
{
	struct slice rest;
	size_t i, end;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] >= 0x80)
			return url_refuse(why, "a letter beyond ASCII: write "
					       "it as xn--... in the host, "
					       "percent-encoded elsewhere");
		if (!HTTP_IS(text.ptr[i], HTTP_TARGET) || text.ptr[i] == '\\')
			return url_refuse(why, "a character that must be "
					       "percent-encoded");
	}
	if (slice_find(text, '#') < text.len)
		return url_refuse(why, "a fragment in the URL");
	if (slice_starts_nocase(text, SLICE("https://"))) {
		out->https = true;
		out->port = 443;
		rest = slice_from(text, 8);
	} else if (slice_starts_nocase(text, SLICE("http://"))) {
		out->port = 80;
		rest = slice_from(text, 7);
	} else {
		return url_refuse(why, "neither https nor http");
	}
	for (end = 0; end < rest.len; end++)
		if (rest.ptr[end] == '/' || rest.ptr[end] == '?')
			break;
	out->path = slice_from(rest, end);
	return url_authority(slice_head(rest, end), out, why);
}

/*
 * Reads one byte of a path, decoding %XX once; a decoded slash or backslash
 * counts as the plain one here, since some server will read it so.
 */
static int
path_byte(struct slice p, size_t *at)
{
	int hi, lo, c = (unsigned char)p.ptr[*at];

	if (c != '%') {
		(*at)++;
		return c;
	}
	if (*at + 2 >= p.len)
		return -1;
	hi = http_hex_value(p.ptr[*at + 1]);
	lo = http_hex_value(p.ptr[*at + 2]);
	if (hi < 0 || lo < 0)
		return -1;
	*at += 3;
	return hi * 16 + lo;
}

int
http_path_check(struct slice target, const char **why)
{
	struct slice path, query;
	size_t at = 0, dots = 0, others = 0;
	int c;

	if (slice_find(target, '#') < target.len)
		return url_refuse(why, "a fragment in the path");
	http_path_split(target, &path, &query);
	if (!slice_starts(path, SLICE("/")))
		return url_refuse(why, "the path does not begin with /");
	while (at < path.len) {
		if (path.ptr[at] == '\\' || !HTTP_IS(path.ptr[at], HTTP_TARGET))
			return url_refuse(why, "a character that must be "
					       "percent-encoded in the path");
		c = path_byte(path, &at);
		if (c < 0)
			return url_refuse(why, "a broken %-escape");
		if (c < 0x20 || c == 0x7f)
			return url_refuse(why,
					  "a control character in the path");
		if (c == '/' || c == '\\' || c == ';') {
			if (!others && (dots == 1 || dots == 2))
				return url_refuse(why, "a dot segment");
			if (c != ';')
				dots = others = 0;
			else
				others += dots ? 0 : 1;
		} else if (c == '.') {
			dots++;
		} else {
			others++;
		}
	}
	if (!others && (dots == 1 || dots == 2))
		return url_refuse(why, "a dot segment");
	return 0;
}

void
http_path_split(struct slice target, struct slice *path, struct slice *query)
{
	size_t mark = slice_find(target, '?');

	*path = slice_head(target, mark);
	*query = slice_from(target, mark + 1);
}

bool
http_query_next(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice pair;
	size_t eq;

	if (!slice_next(rest, '&', &pair))
		return false;
	eq = slice_find(pair, '=');
	*name = slice_head(pair, eq);
	*value = slice_from(pair, eq + 1);
	return true;
}

int
http_query_get(struct slice query, const char *want, struct buf *out)
{
	struct slice name, value;
	struct buf decoded;
	bool same;

	buf_init(&decoded, 1024);
	while (http_query_next(&query, &name, &value)) {
		buf_reset(&decoded);
		if (codec_percent_decode(&decoded, name, true))
			continue;
		same = slice_eq(buf_slice(&decoded), slice_str(want));
		if (!same)
			continue;
		buf_release(&decoded);
		return codec_percent_decode(out, value, true);
	}
	buf_release(&decoded);
	return ERR_NOT_FOUND;
}
