/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of token endpoints, read under several services' rules: success
 * has a token, failure has a class, and what is shown to people is clean
 * text.
 *
 * Input: a byte for the service, one for the request, two for the status,
 * then a Retry-After up to a LF, then the body.
 */
#include <stdlib.h>

#include "catalog/catalog.h"
#include "method/method.h"

static const char *const services[] = { "zoho_desk", "slack", "github",
					"gmail",     "jira",  "hubspot" };
static struct binding *bindings[ARRAY_LEN(services)];

static void
bind_all(void)
{
	const struct service *s;
	struct catalog *cat;
	size_t i;

	ASSERT(!catalog_new(NULL, 0, &cat, NULL));
	for (i = 0; i < ARRAY_LEN(services); i++) {
		s = catalog_find(cat, NULL, services[i]);
		ASSERT(s &&
		       !catalog_bind(s, "oauth", NULL, &bindings[i], NULL));
	}
	catalog_unref(cat);
}

static struct slice
header(void *arg, struct slice name)
{
	const struct slice *retry_after = arg;

	return slice_eq_nocase(name, SLICE("retry-after")) ? *retry_after
							   : SLICE_NONE;
}

static void
check(const struct method_answer *a)
{
	ASSERT(!a->ok || (a->access_token && secret_len(a->access_token)));
	ASSERT(a->ok || a->class <= CATALOG_REFUSED);
	ASSERT(!slice_has_control(slice_str(a->error)));
	ASSERT(!slice_has_control(slice_str(a->description)));
	ASSERT(slice_is_utf8(slice_str(a->description)));
	ASSERT(a->capture_count <= METHOD_CAPTURES_MAX);
	ASSERT(a->expires_at >= 0 && a->refresh_expires_at >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct method_answer a;
	struct slice rest, retry_after;
	struct binding *b;
	char *body;
	int status;

	if (!bindings[0])
		bind_all();
	if (size < 4)
		return 0;
	b = bindings[data[0] % ARRAY_LEN(bindings)];
	status = 100 + (data[2] << 8 | data[3]) % 500;
	rest = slice_of(data + 4, size - 4);
	retry_after = slice_head(rest, slice_find(rest, '\n'));
	rest = slice_from(rest, retry_after.len + 1);
	body = malloc(rest.len + 1);
	if (rest.len)
		memcpy(body, rest.ptr, rest.len);
	memset(&a, 0, sizeof(a));
	method_oauth2_revoked(b, status, slice_of(body, rest.len));
	method_oauth2_answer(b, (enum method_request)(data[1] % 4), status,
			     body, rest.len, header, &retry_after,
			     1700000000000, &a);
	check(&a);
	method_answer_release(&a);
	free(body);
	return 0;
}
