/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What foreign token servers and browsers send: a success always has a token
 * that can be sent, a refusal has none and a reason, and a callback without
 * the right signature is never believed.
 *
 * Input: a byte that chooses the service, a byte for status and content
 * type, then the body of a token answer, which is read as a callback too.
 */
#include <stdlib.h>

#include "method/method.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 64 * 1024 };

static const char *const services[] = { "zoho_crm", "slack", "github", "notion",
					"airtable" };
static struct binding *bindings[ARRAY_LEN(services)];
static struct binding *shop;
static struct secret *hush;

static struct binding *
bound(const struct catalog *cat, const char *service, json_t *parameters)
{
	struct json_problem problem = { 0 };
	struct binding *b = NULL;
	int rc = catalog_bind(catalog_find(cat, NULL, service), "oauth",
			      parameters, &b, &problem);

	ASSERT(rc == 0);
	json_decref(parameters);
	return b;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct catalog *cat;
	size_t i;
	int rc = catalog_new(NULL, 0, &cat, NULL);

	(void)argc;
	(void)argv;
	ASSERT(rc == 0);
	for (i = 0; i < ARRAY_LEN(services); i++)
		bindings[i] = bound(cat, services[i], NULL);
	shop = bound(cat, "shopify", json_pack("{s:s}", "shop", "acme"));
	hush = secret_from("hush", 4);
	catalog_unref(cat);
	return 0;
}

static struct slice
header(void *arg, struct slice name)
{
	if (slice_eq_nocase(name, SLICE("content-type")) && *(bool *)arg)
		return SLICE("application/x-www-form-urlencoded");
	return SLICE_NONE;
}

static void
check_answer(const struct method_answer *a)
{
	if (!a->ok) {
		ASSERT(!a->access_token && !a->refresh_token);
		ASSERT(a->error[0]);
		return;
	}
	ASSERT(a->access_token && secret_len(a->access_token));
	ASSERT(!slice_has_control(slice_of(secret_peek(a->access_token),
					   secret_len(a->access_token))));
	ASSERT(a->expires_at >= 0);
	ASSERT(slice_is_utf8(slice_str(a->account)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 400, 401, 503 };
	struct method_answer answer;
	bool form;
	char *body;

	if (size < 2 || size > BODY_MAX)
		return 0;
	body = malloc(size - 1);
	if (!body)
		return 0;
	memcpy(body, data + 2, size - 2);
	body[size - 2] = '\0';
	/* Nobody here knows the secret: a match would be a forgery. */
	ASSERT(method_callback_check(shop, slice_of(body, size - 2), hush) < 0);
	form = data[1] & 4;
	method_oauth2_answer(bindings[data[0] % ARRAY_LEN(services)],
			     data[0] & 0x80 ? METHOD_REFRESH : METHOD_EXCHANGE,
			     statuses[data[1] & 3], body, size - 2, header,
			     &form, 1700000000000, &answer);
	check_answer(&answer);
	method_answer_release(&answer);
	free(body);
	return 0;
}
