/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a client's fields go to the service.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "call/call.h"

static char injected[] = "x-api-key", get[] = "GET", prefix[] = "/v1/";
static char *names[] = { injected }, *methods[] = { get };
static char *prefixes[] = { prefix };
static struct connect_injection injection = { .names = names, .name_count = 1 };
static struct people_actor actor;
static struct call call = { .actor = &actor, .injection = &injection };

static bool
passes(const char *name, const char *value)
{
	struct http_field f = { .name = slice_str(name),
				.value = slice_str(value),
				.id = http_field_lookup(slice_str(name)) };

	f.hop = http_field_is_hop(f.id);
	return call_field_passes(&call, &f);
}

static void
framing_and_hop_by_hop_fields_stay_in_every_spelling(void **state)
{
	static const char *const bad[] = {
		"Content-Length",
		"content_length",
		"Transfer-Encoding",
		"TRANSFER_ENCODING",
		"Connection",
		"Upgrade",
		"TE",
		"Host",
		"Cookie",
		"Authorization",
		"AUTHORIZATION",
		"Proxy_Authorization",
		"Drawbridge-Key",
		"drawbridge_key",
		"X-Forwarded-For",
		"x_forwarded_host",
		"Proxy-Connection",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (passes(bad[i], "x"))
			fail_msg("%s passes", bad[i]);
	assert_true(passes("Accept", "*/*"));
	assert_true(passes("X-Fine", "yes"));
}

static void
what_is_injected_cannot_be_sent_beside_it(void **state)
{
	(void)state;
	assert_false(passes("X-Api-Key", "mine"));
	assert_false(passes("x_api_KEY", "mine"));
	assert_true(passes("X-Api-Keys", "mine"));
}

static void
the_callers_key_stays(void **state)
{
	(void)state;
	call.key = SLICE("dbk_0123456789");
	assert_false(passes("X-Other", "my dbk_0123456789!"));
	assert_true(passes("X-Other", "dbk_01234"));
	call.key = SLICE_NONE;
}

static void
a_narrowed_key_does_not_say_that_it_means_another_method(void **state)
{
	(void)state;
	assert_true(passes("X-HTTP-Method-Override", "DELETE"));
	actor.methods = methods;
	assert_false(passes("X-HTTP-Method-Override", "DELETE"));
	assert_false(passes("x_http_method", "DELETE"));
	assert_false(passes("X-Method-Override", "DELETE"));
	assert_true(passes("X-Original-URL", "/admin"));
	actor.path_prefixes = prefixes;
	assert_false(passes("X-Original-URL", "/admin"));
	assert_false(passes("X-Rewrite_Url", "/admin"));
	actor.methods = actor.path_prefixes = NULL;
}

static void
what_opens_a_metadata_service_stays_in_every_spelling(void **state)
{
	static const char *const bad[] = {
		"Metadata-Flavor",
		"metadata_flavor",
		"METADATA.FLAVOR",
		"Metadata",
		"metadata_",
		"X-Google-Metadata-Request",
		"X-aws-ec2-metadata-token",
		"x_aws_ec2_metadata_token",
		"X-aws-ec2-metadata-token-ttl-seconds",
		"X-aliyun-ecs-metadata-token",
		"X-aliyun-ecs-metadata-token-ttl-seconds",
		"Metadata-Token",
		"Metadata-Token-Expiry-Seconds",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		if (passes(bad[i], "Google"))
			fail_msg("%s passes", bad[i]);
		if (call_name_passes(slice_str(bad[i])))
			fail_msg("%s passes in a block", bad[i]);
	}
	assert_true(passes("X-Metadata", "x"));
	assert_true(passes("X-Ms-Meta-Data", "x"));
	assert_true(passes("Metadatas", "x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			framing_and_hop_by_hop_fields_stay_in_every_spelling),
		cmocka_unit_test(what_is_injected_cannot_be_sent_beside_it),
		cmocka_unit_test(the_callers_key_stays),
		cmocka_unit_test(
			a_narrowed_key_does_not_say_that_it_means_another_method),
		cmocka_unit_test(
			what_opens_a_metadata_service_stays_in_every_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
