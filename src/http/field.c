/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters, field names and reasons: the tables of HTTP.
 *
 * Field names that the program knows are found through a small hash table
 * that is filled once, before main().
 */
#include "http/http_priv.h"

#define T HTTP_TOKEN
#define V HTTP_VALUE
#define G HTTP_TARGET
#define H HTTP_HOSTCHAR
#define X HTTP_HEX

/* clang-format off */
const uint8_t http_class[256] = {
	['\t'] = V, [' '] = V,
	['!'] = T|V|G, ['"'] = V|G, ['#'] = T|V|G, ['$'] = T|V|G,
	['%'] = T|V|G, ['&'] = T|V|G, ['\''] = T|V|G, ['('] = V|G,
	[')'] = V|G, ['*'] = T|V|G, ['+'] = T|V|G, [','] = V|G,
	['-'] = T|V|G|H, ['.'] = T|V|G|H, ['/'] = V|G,
	['0' ... '9'] = T|V|G|H|X,
	[':'] = V|G|H, [';'] = V|G, ['<'] = V|G, ['='] = V|G,
	['>'] = V|G, ['?'] = V|G, ['@'] = V|G,
	['A' ... 'F'] = T|V|G|H|X, ['G' ... 'Z'] = T|V|G|H,
	['['] = V|G|H, ['\\'] = V|G, [']'] = V|G|H,
	['^'] = T|V|G, ['_'] = T|V|G|H, ['`'] = T|V|G,
	['a' ... 'f'] = T|V|G|H|X, ['g' ... 'z'] = T|V|G|H,
	['{'] = V|G, ['|'] = T|V|G, ['}'] = V|G, ['~'] = T|V|G|H,
	[128 ... 255] = V,
};
/* clang-format on */

#undef T
#undef V
#undef G
#undef H
#undef X

static const struct slice names[HTTP_FIELD_IDS] = {
#define FIELD_NAME(id, name) [HTTP_##id] = { name, sizeof(name) - 1 },
	HTTP_FIELD_LIST(FIELD_NAME)
#undef FIELD_NAME
};

enum { SLOTS = 256 };
static uint8_t slots[SLOTS];

static unsigned
field_slot(struct slice name)
{
	unsigned first = (unsigned char)name.ptr[0] | 0x20;
	unsigned last = (unsigned char)name.ptr[name.len - 1] | 0x20;

	return ((unsigned)name.len * 31 + first * 7 + last * 3) % SLOTS;
}

__attribute__((constructor)) static void
field_fill(void)
{
	unsigned id, slot;

	for (id = 1; id < HTTP_FIELD_IDS; id++) {
		slot = field_slot(names[id]);
		while (slots[slot])
			slot = (slot + 1) % SLOTS;
		slots[slot] = (uint8_t)id;
	}
}

uint8_t
http_field_lookup(struct slice name)
{
	unsigned slot = field_slot(name);

	for (; slots[slot]; slot = (slot + 1) % SLOTS)
		if (slice_eq_nocase(names[slots[slot]], name))
			return slots[slot];
	return HTTP_OTHER;
}

bool
http_field_is_hop(uint8_t id)
{
	switch (id) {
	case HTTP_CONNECTION:
	case HTTP_KEEP_ALIVE:
	case HTTP_PROXY_AUTHENTICATE:
	case HTTP_PROXY_AUTHENTICATION_INFO:
	case HTTP_PROXY_AUTHORIZATION:
	case HTTP_PROXY_CONNECTION:
	case HTTP_TE:
	case HTTP_TRAILER:
	case HTTP_TRANSFER_ENCODING:
	case HTTP_UPGRADE:
		return true;
	default:
		return false;
	}
}

/* In any case; all that is neither letter nor digit is a hyphen. */
static bool
name_starts(struct slice name, struct slice start)
{
	size_t i;
	char c;

	for (i = 0; i < start.len && i < name.len; i++) {
		c = name.ptr[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		else if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			c = '-';
		if (c != start.ptr[i])
			return false;
	}
	return i == start.len;
}

/*
 * A forged request cannot have these, that is what they are for:
 *
 *   Google, IBM   Metadata-Flavor, formerly X-Google-Metadata-Request
 *   Azure         Metadata
 *   AWS           X-aws-ec2-metadata-token, …-token-ttl-seconds
 *   Alibaba       X-aliyun-ecs-metadata-token, …-token-ttl-seconds
 *   Linode        Metadata-Token, Metadata-Token-Expiry-Seconds
 *
 * docs/reliability.md says where that is written.
 */
bool
http_field_is_metadata(struct slice name)
{
	static const struct slice starts[] = {
		{ "metadata-flavor", 15 },
		{ "metadata-token", 14 },
		{ "x-aliyun-ecs-metadata", 21 },
		{ "x-aws-ec2-metadata", 18 },
		{ "x-google-metadata-request", 25 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(starts); i++)
		if (name_starts(name, starts[i]))
			return true;
	return name_starts(name, SLICE("metadata")) &&
	       (name.len == 8 ||
		(name.len == 9 && name_starts(name, SLICE("metadata-"))));
}

int
http_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

const struct http_field *
http_head_find(const struct http_head *h, enum http_field_id id)
{
	unsigned i;

	for (i = 0; i < h->count; i++)
		if (h->fields[i].id == id)
			return &h->fields[i];
	return NULL;
}

const struct http_field *
http_head_find_name(const struct http_head *h, struct slice name)
{
	unsigned i;

	for (i = 0; i < h->count; i++)
		if (slice_eq_nocase(h->fields[i].name, name))
			return &h->fields[i];
	return NULL;
}

/* One pair of a Cookie field, if it has this name. */
static bool
cookie_is(struct slice pair, struct slice name, struct slice *value)
{
	size_t eq;

	pair = slice_trim(pair);
	eq = slice_find(pair, '=');
	if (eq == pair.len || !slice_eq(slice_head(pair, eq), name))
		return false;
	*value = slice_from(pair, eq + 1);
	return true;
}

bool
http_head_cookie(const struct http_head *h, const char *name,
		 struct slice *value)
{
	struct slice rest, pair;
	unsigned i;

	for (i = 0; i < h->count; i++) {
		if (h->fields[i].id != HTTP_COOKIE)
			continue;
		rest = h->fields[i].value;
		while (slice_next(&rest, ';', &pair))
			if (cookie_is(pair, slice_str(name), value))
				return true;
	}
	return false;
}

unsigned
http_head_count(const struct http_head *h, enum http_field_id id)
{
	unsigned i, n = 0;

	for (i = 0; i < h->count; i++)
		n += h->fields[i].id == id;
	return n;
}

static bool
all_are(struct slice s, uint8_t what)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!HTTP_IS(s.ptr[i], what))
			return false;
	return true;
}

bool
http_is_token(struct slice s)
{
	return s.len > 0 && all_are(s, HTTP_TOKEN);
}

bool
http_is_field_value(struct slice s)
{
	return all_are(s, HTTP_VALUE);
}

bool
http_method_is_idempotent(struct slice m)
{
	return slice_eq(m, SLICE("GET")) || slice_eq(m, SLICE("HEAD")) ||
	       slice_eq(m, SLICE("PUT")) || slice_eq(m, SLICE("DELETE")) ||
	       slice_eq(m, SLICE("OPTIONS"));
}

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 100, "Continue" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
http_reason(int status)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}
