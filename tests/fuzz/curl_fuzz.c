/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing curl commands: whatever stands behind a credential, it never
 * comes out; what comes out is well-formed.
 *
 * Input: a byte that chooses how the credential is given, then the rest of
 * the command.  (In front of it the rest could make the credential part of
 * something else.)
 */
#include <stdio.h>

#include "hook/curl.h"
#include "hook/hints.h"

#define MARK "Qz7-Marker-9xW3k"

enum { OUT_MAX = 8 << 20 };

static const char *const begins[] = {
	"curl -u x:" MARK " ",
	"curl -u" MARK " ",
	"curl --user '" MARK ":' ",
	"curl -H 'Authorization: Bearer " MARK "' ",
	"curl -H \"authorization:Bearer " MARK "\" ",
	"curl --oauth2-bearer " MARK " ",
	"curl -b 'sid=" MARK "' ",
	"",
};

static void
check_text(const char *text)
{
	ASSERT(slice_is_utf8(slice_str(text)));
	ASSERT(!strstr(text, MARK));
}

static void
hint_check(void *arg, const struct hook_hint *hint)
{
	(void)arg;
	check_text(hint->pointer);
	check_text(hint->detail);
}

static void
check(const struct hook_curl *o)
{
	struct buf b;
	size_t i;

	buf_init(&b, OUT_MAX);
	ASSERT(json_is_object(o->request));
	ASSERT(!json_write(o->request, &b));
	check_text(buf_cstr(&b));
	ASSERT(json_is_string(json_object_get(o->request, "url")));
	ASSERT(json_is_array(json_object_get(o->request, "query")));
	ASSERT(json_is_array(json_object_get(o->request, "headers")));
	ASSERT(json_is_object(json_object_get(o->request, "body")));
	for (i = 0; i < o->note_count; i++)
		check_text(o->notes[i].detail);
	for (i = 0; i < o->offer_count; i++) {
		check_text(o->offers[i].name);
		check_text(o->offers[i].host);
		check_text(o->offers[i].prefix);
	}
	hook_hints(o->request, hint_check, NULL);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hook_curl out;
	const char *begin;
	struct secret *s;
	size_t len;
	int rc;

	if (!size || size > HOOK_CURL_MAX)
		return 0;
	begin = begins[data[0] % ARRAY_LEN(begins)];
	if (memmem(data + 1, size - 1, MARK, sizeof(MARK) - 1))
		return 0;
	len = strlen(begin);
	s = secret_new(len + size - 1);
	if (!s)
		return 0;
	memcpy(secret_bytes(s), begin, len);
	memcpy(secret_bytes(s) + len, data + 1, size - 1);
	rc = hook_curl_import(s, NULL, NULL, &out);
	secret_free(s);
	if (!rc)
		check(&out);
	else
		ASSERT(rc != ERR_INVALID || out.problem);
	ASSERT(!rc == (out.request != NULL));
	hook_curl_release(&out);
	return 0;
}
