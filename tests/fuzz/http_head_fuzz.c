/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of requests and responses: whatever comes, the parser stays inside
 * the bytes, and what it accepts has one reading.
 */
#include "http/http.h"

static void
check_fields(struct slice bytes, const struct http_head *h)
{
	unsigned i, lengths = 0, codings = 0;
	int64_t wait_ms;

	ASSERT(h->size <= bytes.len);
	for (i = 0; i < h->count; i++) {
		ASSERT(http_is_token(h->fields[i].name));
		ASSERT(http_is_field_value(h->fields[i].value));
		ASSERT(h->fields[i].name.ptr >= bytes.ptr);
		ASSERT(h->fields[i].value.ptr + h->fields[i].value.len <=
		       bytes.ptr + h->size);
		wait_ms =
			http_retry_after_ms(h->fields[i].value, 1700000000000);
		ASSERT(wait_ms >= 0 && wait_ms <= 24 * 3600 * 1000);
		lengths += h->fields[i].id == HTTP_CONTENT_LENGTH;
		codings += h->fields[i].id == HTTP_TRANSFER_ENCODING;
	}
	ASSERT(lengths + codings <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head h;
	struct slice bytes = slice_of(data, size);

	if (!http_head_request(bytes, &h)) {
		check_fields(bytes, &h);
		ASSERT(http_head_count(&h, HTTP_HOST) <= 1);
	}
	if (!http_head_response(bytes, size & 1, &h))
		check_fields(bytes, &h);
	return 0;
}
