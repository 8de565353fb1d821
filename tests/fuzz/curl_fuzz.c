/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing curl commands: whatever stands behind a credential, it never
 * comes out; what comes out is well-formed.
 *
 * Input: a byte that chooses how the credential is given, then the rest of
 * the command.  (In front of it the rest could make the credential part of
 * something else.)
 */
#include <inttypes.h>
#include <stdio.h>

#include "hook/curl.h"
#include "hook/hints.h"

enum { OUT_MAX = 8 << 20 };

static const struct {
	const char *before, *after; /* the credential */
} begins[] = {
	{ "curl -u x:", " " },
	{ "curl -u", " " },
	{ "curl --user '", ":' " },
	{ "curl -H 'Authorization: Bearer ", "' " },
	{ "curl -H \"authorization:Bearer ", "\" " },
	{ "curl --oauth2-bearer ", " " },
	{ "curl -b 'sid=", "' " },
	{ "", "" },
};

/* The credential is made of the whole input, so that no input can hold its
 * own: not even in pieces that the shell puts together. */
static char mark[32];

static void
make_mark(const uint8_t *data, size_t size)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
	size_t i;

	for (i = 0; i < size; i++)
		h = (h ^ data[i]) * 0x100000001b3;
	snprintf(mark, sizeof(mark), "Qz7-%016" PRIx64, h);
}

static void
check_text(const char *text)
{
	ASSERT(slice_is_utf8(slice_str(text)));
	ASSERT(!strstr(text, mark));
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
	struct secret *s;
	struct buf b;
	size_t i;
	int rc;

	if (!size || size > HOOK_CURL_MAX)
		return 0;
	i = data[0] % ARRAY_LEN(begins);
	make_mark(data, size);
	buf_init(&b, OUT_MAX);
	ASSERT(!buf_puts(&b, begins[i].before));
	ASSERT(!*begins[i].before || !buf_puts(&b, mark));
	ASSERT(!buf_puts(&b, begins[i].after));
	ASSERT(!buf_put(&b, data + 1, size - 1));
	s = secret_new(b.len);
	if (s && b.len)
		memcpy(secret_bytes(s), b.data, b.len);
	buf_release(&b);
	if (!s)
		return 0;
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
