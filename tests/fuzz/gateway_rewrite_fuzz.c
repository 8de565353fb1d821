/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References in answers: whatever a service writes, the result is a clean
 * URL reference that leads through this connection, or to a host that is
 * neither the service's nor ours.
 *
 * Input: the path that was called up to a LF (or none), then the reference.
 */
#include "gateway/gateway_priv.h"

static struct binding_host hosts[] = {
	{ "api.example.com", false, 0 },
	{ ".eu.example.com", true, 0 },
};
static const struct binding binding = {
	.hosts = hosts,
	.host_count = ARRAY_LEN(hosts),
};
static const struct slice link = { "/via/desk/", 10 };

/* Behind the origin there is no dot segment that a client would walk. */
static void
check_ours(struct slice out)
{
	struct slice url = slice_from(out, link.len);
	struct http_url u;
	const char *why;
	size_t end;

	url = slice_head(url, slice_find(url, '#'));
	ASSERT(!http_url_parse(url, &u, &why));
	end = slice_find(u.path, '?');
	while (end > 0) {
		size_t slash = 0, i;
		struct slice segment;

		for (i = 0; i < end; i++)
			if (u.path.ptr[i] == '/')
				slash = i;
		segment = slice_of(u.path.ptr + slash + 1, end - slash - 1);
		ASSERT(!slice_eq(segment, SLICE(".")));
		ASSERT(!slice_eq(segment, SLICE("..")));
		ASSERT(!slice_eq_nocase(segment, SLICE("%2e")));
		ASSERT(!slice_eq_nocase(segment, SLICE("%2e%2e")));
		ASSERT(!slice_eq_nocase(segment, SLICE(".%2e")));
		ASSERT(!slice_eq_nocase(segment, SLICE("%2e.")));
		end = slash;
	}
}

static void
check_foreign(struct slice out)
{
	struct slice url = slice_head(out, slice_find(out, '#'));
	struct http_url u;
	struct buf whole;

	ASSERT(!slice_starts(out, SLICE("/")) ||
	       slice_starts(out, SLICE("//")));
	if (!slice_starts_nocase(url, SLICE("http:")) &&
	    !slice_starts_nocase(url, SLICE("https:")) &&
	    !slice_starts(url, SLICE("//")))
		return; /* empty, a fragment, or of another scheme */
	buf_init(&whole, HTTP_HEAD_MAX * 2);
	if (slice_starts(url, SLICE("//")))
		buf_puts(&whole, "https:");
	buf_put_slice(&whole, url);
	ASSERT(!http_url_parse(buf_slice(&whole), &u, NULL));
	ASSERT(strcmp(u.host, "bridge.internal") || u.port != 7070);
	ASSERT(!binding_hosts_allow(&binding, u.https, slice_str(u.host),
				    u.port));
	buf_release(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway_url_base base = {
		.link = SLICE("desk"),
		.binding = &binding,
		.https = true,
		.authority = SLICE("api.example.com"),
		.base_path = SLICE("/v1"),
		.path = SLICE("/tickets/7?x=y"),
		.own_host = SLICE("Bridge.internal:7070"),
	};
	struct slice text = slice_of(data, size), called;
	size_t end = slice_find(text, '\n'), i;
	struct buf out;

	called = slice_head(text, end);
	if (end < size && !http_path_check(called, NULL)) {
		base.base_path = SLICE_NONE;
		base.path = called;
		text = slice_from(text, end + 1);
	}
	buf_init(&out, HTTP_HEAD_MAX);
	gateway_url_rewrite(&base, text, &out);
	if (!buf_err(&out)) {
		for (i = 0; i < out.len; i++)
			ASSERT(out.data[i] > ' ' && out.data[i] < 0x7f &&
			       out.data[i] != '\\');
		if (slice_starts(buf_slice(&out), link))
			check_ours(buf_slice(&out));
		else
			check_foreign(buf_slice(&out));
	}
	buf_release(&out);
	return 0;
}
