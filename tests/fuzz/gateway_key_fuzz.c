/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's key and cookies in a request's head: a key that is found is
 * one, fits, and was in the head (or in Basic's base64); two are refused.
 */
#include "gateway/gateway_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head h;
	char key[GATEWAY_KEY_MAX];
	struct slice value;
	size_t len, i;
	int rc;

	if (http_head_request(slice_of(data, size), &h))
		return 0;
	rc = gateway_key_find(&h, key, &len);
	ASSERT(rc == 0 || rc == ERR_NOT_FOUND || rc == ERR_INVALID);
	if (http_head_count(&h, HTTP_AUTHORIZATION) > 1)
		ASSERT(rc == ERR_INVALID);
	if (!rc) {
		ASSERT(len > 8 && len < sizeof(key));
		ASSERT(!memcmp(key, "dbk_", 4));
		for (i = 0; i < len; i++)
			ASSERT(http_is_token(slice_of(key + i, 1)));
	}
	if (http_head_cookie(&h, "drawbridge_session", &value))
		ASSERT(value.ptr >= h.fields[0].name.ptr &&
		       value.ptr + value.len <= (const char *)data + h.size);
	return 0;
}
