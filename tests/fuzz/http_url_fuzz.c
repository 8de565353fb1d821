/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs, hosts and paths: a canonical host stays what it is when it is read
 * again, and a path that is let through has no dot segment even when it is
 * decoded once.
 */
#include "http/http.h"

/* The decoded path has no segment "." or ".." between slashes. */
static void
check_segments(struct slice path)
{
	struct slice rest, segment;
	struct buf decoded;

	buf_init(&decoded, 1 << 20);
	ASSERT(!codec_percent_decode(&decoded, path, false));
	rest = buf_slice(&decoded);
	while (slice_next(&rest, '/', &segment)) {
		ASSERT(!slice_eq(segment, SLICE(".")));
		ASSERT(!slice_eq(segment, SLICE("..")));
	}
	buf_release(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size), path, query;
	char again[HTTP_HOST_MAX + 1];
	struct http_url u;
	const char *why;

	if (!http_url_parse(text, &u, &why)) {
		ASSERT(!http_host_canonical(slice_str(u.host), again));
		ASSERT(!strcmp(u.host, again));
		ASSERT(u.port);
	}
	if (!http_path_check(text, &why)) {
		http_path_split(text, &path, &query);
		check_segments(path);
	}
	return 0;
}
