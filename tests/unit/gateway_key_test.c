/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a program's key may stand: wherever its SDK puts the credential of
 * the service that it believes to talk to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/gateway_priv.h"

#define KEY "dbk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
#define OTHER "dbk_ZbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"

static char found[GATEWAY_KEY_MAX];
static size_t found_len;

/* Looks for the key in a request with this target and these fields. */
static int
find(const char *target, const char *fields)
{
	static struct http_head h;
	char text[4096];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n",
		 target, fields);
	assert_int_equal(http_head_request(slice_str(text), &h), 0);
	return gateway_key_find(&h, found, &found_len);
}

static void
assert_found(const char *target, const char *fields)
{
	if (find(target, fields) ||
	    !slice_eq(slice_of(found, found_len), SLICE(KEY)))
		fail_msg("not found in %s %s", target, fields);
}

static void
assert_not_found(const char *target, const char *fields)
{
	if (find(target, fields) != ERR_NOT_FOUND)
		fail_msg("found in %s %s", target, fields);
}

static void
it_stands_behind_any_scheme_of_authorization(void **state)
{
	(void)state;
	assert_found("/", "Authorization: Bearer " KEY "\r\n");
	assert_found("/", "Authorization: bearer   " KEY "\r\n");
	assert_found("/", "Authorization: Zoho-oauthtoken " KEY "\r\n");
	assert_found("/", "authorization: " KEY "\r\n");
}

static void
it_stands_in_a_field_of_the_services_own(void **state)
{
	(void)state;
	assert_found("/", "X-Api-Key: " KEY "\r\n");
	assert_found("/", "X-Shopify-Access-Token: " KEY "\r\n");
	assert_found("/", "X-Auth: Token " KEY "\r\n");
}

static void
it_is_user_name_or_password_of_basic(void **state)
{
	char text[256], fields[512];
	static const char *const pairs[] = { KEY ":", KEY ":x", "user:" KEY,
					     ":" KEY };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(pairs); i++) {
		codec_base64(pairs[i], strlen(pairs[i]), text);
		snprintf(fields, sizeof(fields), "Authorization: Basic %s\r\n",
			 text);
		assert_found("/", fields);
		/* Basic in another field is none */
		snprintf(fields, sizeof(fields), "X-Other: Basic %s\r\n", text);
		assert_not_found("/", fields);
	}
	assert_not_found("/", "Authorization: Basic !!!\r\n");
	assert_not_found("/", "Authorization: Basic\r\n");
}

static void
it_is_a_whole_value_of_the_query(void **state)
{
	(void)state;
	assert_found("/via/x/y?api_key=" KEY, "");
	assert_found("/via/x/y?a=1&key=" KEY "&b=2", "");
	assert_not_found("/via/x/y?api_key=x" KEY, "");
	assert_not_found("/via/x/y?api_key=" KEY "%20", "");
	assert_not_found("/via/" KEY "/y", "");
}

static void
the_query_is_looked_at_last(void **state)
{
	(void)state;
	assert_found("/?key=" OTHER, "Authorization: Bearer " KEY "\r\n");
}

static void
drawbridge_key_goes_before_all(void **state)
{
	(void)state;
	assert_found("/?key=" OTHER, "Drawbridge-Key: " KEY "\r\n"
				     "Authorization: Bearer " OTHER "\r\n");
	assert_not_found("/", "Drawbridge-Key: nonsense\r\n"
			      "Authorization: Bearer " KEY "\r\n");
}

static void
two_different_keys_are_refused_two_alike_are_not(void **state)
{
	(void)state;
	assert_found("/",
		     "Authorization: Bearer " KEY "\r\nX-Api-Key: " KEY "\r\n");
	assert_int_equal(find("/", "Authorization: Bearer " KEY
				   "\r\nX-Api-Key: " OTHER "\r\n"),
			 ERR_INVALID);
	assert_int_equal(find("/?a=" KEY "&b=" OTHER, ""), ERR_INVALID);
}

static void
two_fields_of_a_kind_are_refused(void **state)
{
	(void)state;
	assert_int_equal(find("/", "Authorization: Bearer " KEY
				   "\r\nAuthorization: Bearer " KEY "\r\n"),
			 ERR_INVALID);
	assert_int_equal(find("/", "Drawbridge-Key: " KEY
				   "\r\nDrawbridge-Key: " KEY "\r\n"),
			 ERR_INVALID);
}

static void
what_is_no_key_is_none(void **state)
{
	(void)state;
	assert_not_found("/", "");
	assert_not_found("/", "Authorization: Bearer theirs\r\n");
	assert_not_found("/", "Authorization: Bearer dbk_\r\n");
	assert_not_found("/", "Authorization: Bearer DBK_AbCdEfGhIjKl\r\n");
	assert_not_found("/", "Cookie: key=" KEY "\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stands_behind_any_scheme_of_authorization),
		cmocka_unit_test(it_stands_in_a_field_of_the_services_own),
		cmocka_unit_test(it_is_user_name_or_password_of_basic),
		cmocka_unit_test(it_is_a_whole_value_of_the_query),
		cmocka_unit_test(the_query_is_looked_at_last),
		cmocka_unit_test(drawbridge_key_goes_before_all),
		cmocka_unit_test(
			two_different_keys_are_refused_two_alike_are_not),
		cmocka_unit_test(two_fields_of_a_kind_are_refused),
		cmocka_unit_test(what_is_no_key_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
