/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a credential is masked where a service repeats it: secret fields,
 * and what they are sent in; not a user name beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "method/method.h"

#define USER "\"name\":\"user\",\"label\":\"User\",\"secret\":false"
#define KEY "\"name\":\"key\",\"label\":\"Key\""
#define BASIC "\"kind\":\"basic\",\"name\":\"Basic\""
#define BOTH \
	"\"kind\":\"api_key\",\"name\":\"Key\",\"fields\":[{" USER "},{" KEY \
	"}],\"inject\":"

/* A method's binding, as it is sealed with a grant. */
static struct binding *
sealed(const char *method)
{
	struct json_problem problem = { 0 };
	struct catalog_report report = { 0 };
	struct catalog_source source = { .org = "org" };
	struct binding *made, *b;
	struct catalog *c;
	struct buf json;
	char text[4096];

	snprintf(text, sizeof(text),
		 "{\"id\":\"own\",\"name\":\"Own\",\"methods\":{\"m\":{%s}},"
		 "\"api\":{\"base_url\":\"https://api.example.com\","
		 "\"hosts\":[\"api.example.com\"]}}",
		 method);
	source.text = slice_str(text);
	if (catalog_new(&source, 1, &c, &report) || report.count)
		fail_msg("%s: %s", report.items[0].pointer,
			 report.items[0].detail);
	if (catalog_bind(catalog_find(c, "org", "own"), "m", NULL, &made,
			 &problem))
		fail_msg("%s", problem.detail);
	catalog_unref(c);
	buf_init(&json, BINDING_JSON_MAX);
	assert_int_equal(binding_to_json(made, &json), 0);
	assert_int_equal(binding_from_json(buf_slice(&json), &b, &problem), 0);
	buf_release(&json);
	binding_free(made);
	return b;
}

static void
give(struct method_credential *c, const char *name, const char *value)
{
	assert_int_equal(method_credential_set(
				 c, name, secret_from(value, strlen(value))),
			 0);
}

/* All of them, each with a bar behind it; c is released. */
static const char *
listed(const char *method, struct method_credential *c)
{
	static char text[2048];
	struct binding *b = sealed(method);
	struct method_secrets s;
	size_t i, n = 0;

	assert_int_equal(method_secrets_list(b, c, &s), 0);
	text[0] = '\0';
	for (i = 0; i < s.count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s|",
				      secret_peek(s.items[i]));
	method_secrets_release(&s);
	method_credential_release(c);
	binding_free(b);
	return text;
}

static const char *
of_both(const char *method, const char *user, const char *key)
{
	struct method_credential c = { 0 };

	give(&c, "user", user);
	give(&c, "key", key);
	return listed(method, &c);
}

static void
basic_has_its_password_and_the_pair(void **state)
{
	struct method_credential c = { 0 };

	(void)state;
	give(&c, "username", "ada@example.com");
	give(&c, "password", "hush-4711");
	assert_string_equal(listed(BASIC, &c),
			    "hush-4711|YWRhQGV4YW1wbGUuY29tOmh1c2gtNDcxMQ==|");
}

/* Of these the key is typed in as the user name. */
static void
user_name_counts_where_no_password_proves_anything(void **state)
{
	static const char *const passwords[] = { "X", "", "1234567" };
	struct method_credential c = { 0 };
	const char *all;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(passwords); i++) {
		give(&c, "username", "key-0815-4711");
		give(&c, "password", passwords[i]);
		all = listed(BASIC, &c);
		assert_ptr_equal(strstr(all, "key-0815-4711|"), all);
		assert_non_null(strstr(all, "|a2V5LTA4MTUtNDcxM"));
	}
}

static void
field_is_secret_unless_the_definition_says_otherwise(void **state)
{
	(void)state;
	assert_string_equal(
		of_both("\"kind\":\"api_key\",\"name\":\"Key\",\"fields\":["
			"{\"name\":\"user\",\"label\":\"User\"},{" KEY
			"}],\"inject\":[{\"in\":\"header\",\"name\":\"X-Key\","
			"\"value\":\"{key}\"}]",
			"ada-lovelace", "hush-4711"),
		"ada-lovelace|hush-4711|");
	assert_string_equal(of_both(BOTH
				    "[{\"in\":\"header\",\"name\":\"X-Key\","
				    "\"value\":\"{key}\"}]",
				    "ada-lovelace", "hush-4711"),
			    "hush-4711|");
}

static void
tokens_are_secret_and_what_no_definition_knows(void **state)
{
	struct method_credential c = { 0 };

	(void)state;
	give(&c, "access_token", "access-4711");
	give(&c, "refresh_token", "refresh-4711");
	give(&c, "unheard_of", "other-4711");
	assert_string_equal(
		listed("\"kind\":\"oauth2_client_credentials\",\"name\":\"M\","
		       "\"token\":{\"url\":\"https://api.example.com/t\"}",
		       &c),
		"access-4711|other-4711|");
}

static void
what_it_is_sent_in_is_secret_as_a_whole(void **state)
{
	static const struct {
		const char *inject, *all;
	} cases[] = {
		{ "{\"in\":\"header\",\"name\":\"X-Key\","
		  "\"value\":\"Token identity-{key}\"}",
		  "hush-4711|identity-hush-4711|" },
		{ "{\"in\":\"path\",\"value\":\"/bot{key}\"}",
		  "hush-4711|bothush-4711|" },
		/* what is public ends it */
		{ "{\"in\":\"header\",\"name\":\"X-Key\","
		  "\"value\":\"{user}:{key}\"}",
		  "hush-4711|" },
		{ "{\"in\":\"header\",\"name\":\"X-Key\","
		  "\"value\":\"by-{user}-with-{key}-now, {user}\"}",
		  "hush-4711|-with-hush-4711-now|" },
		{ "{\"in\":\"query\",\"name\":\"key\",\"value\":\"{key}\"},"
		  "{\"in\":\"query\",\"name\":\"user\",\"value\":\"{user}\"}",
		  "hush-4711|" },
	};
	char method[512];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(method, sizeof(method), BOTH "[%s]", cases[i].inject);
		assert_string_equal(
			of_both(method, "ada-lovelace", "hush-4711"),
			cases[i].all);
	}
}

/* A pair of two that are public proves nothing. */
static void
pair_without_a_secret_is_none(void **state)
{
	struct method_credential c = { 0 };

	(void)state;
	give(&c, "user", "ada");
	give(&c, "realm", "example");
	give(&c, "key", "hush-4711");
	assert_string_equal(
		listed(BASIC ",\"fields\":[{" USER "},{\"name\":\"realm\","
			     "\"label\":\"Realm\",\"secret\":false},{" KEY
			     "}],\"basic\":{\"username\":\"{user}\","
			     "\"password\":\"{realm}\"},\"inject\":[{\"in\":"
			     "\"header\",\"name\":\"Authorization\",\"value\":"
			     "\"Basic {basic}\"},{\"in\":\"header\",\"name\":"
			     "\"X-Key\",\"value\":\"{key}\"}]",
		       &c),
		"hush-4711|");
}

static void
as_many_pieces_as_there_are_do_no_harm(void **state)
{
	char method[2000] = BOTH "[";
	const char *all, *at;
	size_t n = strlen(method), i, count = 0;

	(void)state;
	for (i = 0; i < 20; i++)
		n += (size_t)snprintf(method + n, sizeof(method) - n,
				      "%s{\"in\":\"header\",\"name\":\"X-%zu\","
				      "\"value\":\"a%zu{key} b%zu{key}\"}",
				      i ? "," : "", i, i, i);
	snprintf(method + n, sizeof(method) - n, "]");
	all = of_both(method, "ada-lovelace", "hush-4711");
	assert_ptr_equal(strstr(all, "hush-4711|a0hush-4711|"), all);
	for (at = all; (at = strchr(at, '|')); at++)
		count++;
	assert_int_equal(count, METHOD_SECRETS_MAX);
}

static void
missing_field_is_an_error_and_lists_nothing(void **state)
{
	struct method_credential c = { 0 };
	struct binding *b = sealed(BASIC);
	struct method_secrets s;

	(void)state;
	give(&c, "username", "ada");
	assert_int_equal(method_secrets_list(b, &c, &s), ERR_INVALID);
	assert_int_equal(s.count, 0);
	method_credential_release(&c);
	binding_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basic_has_its_password_and_the_pair),
		cmocka_unit_test(
			user_name_counts_where_no_password_proves_anything),
		cmocka_unit_test(
			field_is_secret_unless_the_definition_says_otherwise),
		cmocka_unit_test(
			tokens_are_secret_and_what_no_definition_knows),
		cmocka_unit_test(what_it_is_sent_in_is_secret_as_a_whole),
		cmocka_unit_test(pair_without_a_secret_is_none),
		cmocka_unit_test(as_many_pieces_as_there_are_do_no_harm),
		cmocka_unit_test(missing_field_is_an_error_and_lists_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
