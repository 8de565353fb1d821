/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a response as it comes in: what is there is parsed, what is
 * missing is read, and interim responses are left behind.
 *
 * Runs in the front on the call path, in the exchanger and the CLI.
 */
#include "http/http.h"

int
http_reader_response(struct http_reader *r, bool to_head, unsigned *interim,
		     struct http_head *h)
{
	ssize_t n;
	int rc;

	for (;;) {
		rc = ERR_AGAIN;
		if (http_reader_bytes(r).len)
			rc = http_head_response(http_reader_bytes(r), to_head,
						h);
		if (!rc && h->status < 200 && h->status != 101 &&
		    ++*interim <= HTTP_INTERIM_MAX) {
			http_reader_skip(r, h->size);
			continue; /* 100, 103 end here */
		}
		if (rc != ERR_AGAIN)
			return rc;
		n = http_reader_fill(r);
		if (n <= 0)
			return n ? (int)n : ERR_CLOSED;
	}
}
