/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed bodies: the first byte chooses the coding.  What comes out stays
 * within its limit.
 */
#include <stdlib.h>

#include "http/coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const codings[] = {
		"gzip",	      "deflate",  "br",	     "zstd",
		"gzip, zstd", "br, gzip", "zstd,br", "deflate, x-gzip"
	};
	enum { LIMIT = 200 * 1000 };
	struct buf out;

	if (!size)
		return 0;
	buf_init(&out, LIMIT);
	http_coding_decode(slice_str(codings[data[0] & 7]),
			   slice_of((const char *)data + 1, size - 1), &out);
	if (out.len > LIMIT)
		abort();
	buf_release(&out);
	return 0;
}
