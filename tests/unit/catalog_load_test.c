/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading definitions: the default ones are sound, and every mistake in a
 * custom one is told with its place and reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../support/anchors.h"
#include "catalog/catalog_priv.h"

/* A sound custom definition; %s comes before its last brace. */
#define SOUND \
	"{\"id\":\"acme\",\"name\":\"Acme\"," \
	"\"methods\":{\"key\":{\"kind\":\"api_key\",\"name\":\"Key\"," \
	"\"inject\":[{\"in\":\"header\",\"name\":\"X-Key\"," \
	"\"value\":\"{api_key}\"}]}}," \
	"\"api\":{\"base_url\":\"https://api.acme.example\"," \
	"\"hosts\":[\"api.acme.example\"]}%s}"

static struct catalog_report report;

static int
check(const char *text)
{
	char id[CATALOG_ID_MAX + 1];

	return catalog_check(NULL, slice_str(text), id, &report);
}

/* Checks SOUND with some of its text replaced. */
static int
check_changed(const char *from, const char *to)
{
	char text[8192], sound[2048], *at;

	snprintf(sound, sizeof(sound), SOUND, "");
	at = strstr(sound, from);
	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - sound), sound, to,
		 at + strlen(from));
	return check(text);
}

static int
check_with(const char *more)
{
	static char text[40000];

	snprintf(text, sizeof(text), SOUND, more);
	return check(text);
}

static void
assert_problem(const char *pointer, const char *part)
{
	size_t i;

	for (i = 0; i < report.count; i++)
		if (!strcmp(report.items[i].pointer, pointer) &&
		    strstr(report.items[i].detail, part))
			return;
	for (i = 0; i < report.count; i++)
		print_message("has: %s: %s\n", report.items[i].pointer,
			      report.items[i].detail);
	fail_msg("no problem \"%s\" at %s", part, pointer);
}

/* ---- the default services ---- */

static void
default_services_are_all_there(void **state)
{
	static const char *const ids[] = { "zoho",	    "zoho_desk",
					   "zoho_crm",	    "slack",
					   "google_sheets", "github",
					   "stripe",	    "practice_desk" };
	struct catalog *c;
	size_t i;
	int err;

	(void)state;
	err = catalog_new(NULL, 0, &c, &report);
	for (i = 0; i < report.count; i++)
		print_message("%s%s: %s\n", report.items[i].file,
			      report.items[i].pointer, report.items[i].detail);
	assert_int_equal(err, 0);
	for (i = 0; i < ARRAY_LEN(ids); i++) {
		const struct service *s = catalog_find(c, NULL, ids[i]);

		assert_non_null(s);
		assert_string_equal(s->id, ids[i]);
		assert_false(s->custom);
		assert_true(service_source(s).len > 0);
	}
	catalog_unref(c);
}

static void
services_come_by_name(void **state)
{
	const struct service *s, *last = NULL;
	struct catalog *c;
	size_t cursor = 0, n = 0;

	(void)state;
	assert_int_equal(catalog_new(NULL, 0, &c, NULL), 0);
	while ((s = catalog_next(c, NULL, &cursor)) != NULL) {
		if (last)
			assert_true(strcasecmp(last->name, s->name) <= 0);
		last = s;
		n++;
	}
	assert_true(n >= 8);
	catalog_unref(c);
}

static void
zoho_services_share_one_app(void **state)
{
	struct catalog *c;

	(void)state;
	assert_int_equal(catalog_new(NULL, 0, &c, NULL), 0);
	assert_string_equal(catalog_find(c, NULL, "zoho")->app.id, "zoho");
	assert_string_equal(catalog_find(c, NULL, "zoho_desk")->app.id, "zoho");
	assert_string_equal(catalog_find(c, NULL, "zoho_crm")->app.id, "zoho");
	assert_string_equal(catalog_find(c, NULL, "slack")->app.id, "slack");
	catalog_unref(c);
}

static void
a_data_centre_without_the_service_is_not_usable(void **state)
{
	const struct service *desk, *crm;
	struct catalog *c;

	(void)state;
	assert_int_equal(catalog_new(NULL, 0, &c, NULL), 0);
	desk = catalog_find(c, NULL, "zoho_desk");
	crm = catalog_find(c, NULL, "zoho_crm");
	assert_true(service_data_centre(desk, "sg")->usable);
	assert_false(service_data_centre(crm, "sg")->usable);
	assert_false(service_data_centre(desk, "uk")->usable);
	assert_true(service_data_centre(crm, "uk")->usable);
	assert_null(service_data_centre(crm, "mars"));
	catalog_unref(c);
}

/* ---- the schema for editors ---- */

static const json_t *
schema_properties(const json_t *schema, const char *name)
{
	return json_object_get(
		json_object_get(json_object_get(schema, "$defs"), name),
		"properties");
}

static void
schema_and_tables_name_the_same_members(void **state)
{
	const struct embed_file *f = embed_find("services/schema.json");
	struct json_problem problem = { 0 };
	const struct shape *s;
	json_t *schema;
	size_t cursor = 0, i;

	(void)state;
	assert_non_null(f);
	assert_int_equal(json_read(slice_of(f->data, f->size), 1 << 20, &schema,
				   &problem),
			 0);
	while ((s = shape_next(&cursor)) != NULL) {
		const json_t *p = schema_properties(schema, s->name);

		if (!p)
			fail_msg("the schema has no %s", s->name);
		for (i = 0; i < s->count; i++)
			if (!json_object_get(p, s->fields[i].name))
				fail_msg("schema: %s has no %s", s->name,
					 s->fields[i].name);
		if (json_object_size(p) != s->count)
			fail_msg("schema: %s has members that are not read",
				 s->name);
	}
	json_decref(schema);
}

/* ---- mistakes ---- */

static void
sound_definition_has_no_problem(void **state)
{
	char text[2048], id[CATALOG_ID_MAX + 1];

	(void)state;
	snprintf(text, sizeof(text), SOUND, "");
	assert_int_equal(catalog_check(NULL, slice_str(text), id, &report), 0);
	assert_string_equal(id, "acme");
	assert_int_equal(report.total, 0);
}

static void
text_that_is_no_json_is_told(void **state)
{
	(void)state;
	assert_int_equal(check("{\"id\":"), ERR_INVALID);
	assert_int_equal(report.count, 1);
	assert_int_equal(check("[]"), ERR_INVALID);
	assert_problem("", "must be an object");
}

static void
unknown_field_is_refused_with_a_suggestion(void **state)
{
	(void)state;
	assert_int_equal(check_with(",\"scops\":[]"), ERR_INVALID);
	assert_problem("/scops", "did you mean \"scopes\"?");
	assert_int_equal(check_changed("\"hosts\"", "\"hostz\""), ERR_INVALID);
	assert_problem("/api/hostz", "did you mean \"hosts\"?");
	assert_problem("/api", "\"hosts\" is missing");
}

static void
every_problem_is_told_not_only_the_first(void **state)
{
	(void)state;
	assert_int_equal(check("{\"id\":7,\"name\":\"\",\"methods\":"
			       "{\"K!\":{\"kind\":\"magic\",\"name\":\"x\"}},"
			       "\"api\":{\"hosts\":[1]}}"),
			 ERR_INVALID);
	assert_problem("/id", "must be a text");
	assert_problem("/name", "is empty");
	assert_problem("/methods/K!", "is no id");
	assert_problem("/methods/K!/kind", "oauth2_code");
	assert_problem("/api/hosts/0", "must be a text");
}

static void
report_keeps_twenty_problems_and_counts_all(void **state)
{
	char text[4096] = "{";
	size_t i, n = 1;

	(void)state;
	for (i = 0; i < 30; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "\"unknown_%zu\":1,", i);
	snprintf(text + n, sizeof(text) - n, "\"id\":\"x\"}");
	assert_int_equal(check(text), ERR_INVALID);
	assert_int_equal(report.count, CATALOG_PROBLEMS_MAX);
	assert_true(report.total >= 30);
}

static void
throttle_says_which_answers_and_which_limit(void **state)
{
	static const char *const rules[][3] = {
		{ "{\"status\":[429],\"limit\":\"quota\",\"wait_s\":60}", NULL,
		  NULL },
		{ "{\"limit\":\"quota\"}", "/api/throttled_on/0",
		  "must say which answers" },
		{ "{\"status\":[429],\"limit\":\"day\"}",
		  "/api/throttled_on/0/limit", "concurrency" },
		{ "{\"status\":[429],\"limits\":\"quota\"}",
		  "/api/throttled_on/0/limits", "did you mean \"limit\"?" },
		{ "{\"status\":[429],\"wait_s\":86401}",
		  "/api/throttled_on/0/wait_s", "86400" },
		{ "{\"status\":[429],\"wait_s\":-1}",
		  "/api/throttled_on/0/wait_s", "number" },
		{ "{\"is\":\"45\",\"status\":[429]}", "/api/throttled_on/0/is",
		  "needs \"json\"" },
	};
	char api[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rules); i++) {
		snprintf(api, sizeof(api),
			 "[\"api.acme.example\"],\"throttled_on\":[%s]",
			 rules[i][0]);
		assert_int_equal(check_changed("[\"api.acme.example\"]", api),
				 rules[i][1] ? ERR_INVALID : 0);
		if (rules[i][1])
			assert_problem(rules[i][1], rules[i][2]);
	}
}

static void
http_needs_to_be_allowed(void **state)
{
	(void)state;
	assert_int_equal(check_changed("https://api", "http://api"),
			 ERR_INVALID);
	assert_problem("/api/base_url", "must be https");
	assert_int_equal(check_changed("\"base_url\":\"https://api.acme.example"
				       "\",\"hosts\":[\"api.acme.example\"]}",
				       "\"base_url\":\"http://127.0.0.1:7\","
				       "\"hosts\":[\"127.0.0.1:7\"]},"
				       "\"allow_http\":\"loopback\""),
			 0);
	assert_int_equal(check_changed("\"base_url\":\"https://api.acme.example"
				       "\",\"hosts\":[\"api.acme.example\"]}",
				       "\"base_url\":\"http://10.0.0.1\","
				       "\"hosts\":[\"10.0.0.1\"]},"
				       "\"allow_http\":\"loopback\""),
			 ERR_INVALID);
	assert_problem("/api/base_url", "127.0.0.1 and [::1] only");
	assert_int_equal(check_changed("\"base_url\":\"https://api.acme.example"
				       "\",\"hosts\":[\"api.acme.example\"]}",
				       "\"base_url\":\"http://10.0.0.1\","
				       "\"hosts\":[\"10.0.0.1\"]},"
				       "\"allow_http\":true"),
			 0);
}

static int
check_ca(const char *pem)
{
	static struct buf more;
	int rc;

	buf_init(&more, 32768);
	buf_puts(&more, ",\"ca\":\"");
	codec_json(&more, slice_str(pem));
	buf_putc(&more, '"');
	rc = check_with(buf_cstr(&more));
	buf_release(&more);
	return rc;
}

static void
anchors_are_certificates_and_nothing_else(void **state)
{
	static char lines[NET_ANCHORS_TEXT + 2];

	(void)state;
	assert_int_equal(check_ca(ANCHOR_A ANCHOR_B), 0);
	assert_int_equal(check_ca(""), ERR_INVALID);
	assert_problem("/ca", "holds no certificate");
	assert_int_equal(check_ca(ANCHOR_A "-----BEGIN PRIVATE KEY-----\n"),
			 ERR_INVALID);
	assert_problem("/ca", "something else than PEM certificates");
	assert_int_equal(check_ca(ANCHOR_A "-----BEGIN CERTIFICATE-----\n"
					   "MAA=\n-----END CERTIFICATE-----\n"),
			 ERR_INVALID);
	assert_problem("/ca", "certificate 2 cannot be read");
	assert_int_equal(check_with(",\"ca\":[\"x\"]"), ERR_INVALID);
	assert_problem("/ca", "must be a text");
	memset(lines, ' ', sizeof(lines) - 1);
	assert_int_equal(check_ca(lines), ERR_INVALID);
	assert_problem("/ca", "is longer than 16384 bytes");
}

static void
base_url_must_be_on_a_host_of_the_definition(void **state)
{
	(void)state;
	assert_int_equal(check_changed("[\"api.acme.example\"]",
				       "[\"api.acme.example.evil.example\"]"),
			 ERR_INVALID);
	assert_problem("/api/base_url", "none of the hosts");
	assert_int_equal(check_changed("[\"api.acme.example\"]",
				       "[\"api.acme.example:8443\"]"),
			 ERR_INVALID);
	assert_int_equal(
		check_changed("[\"api.acme.example\"]", "[\"*.acme.example\"]"),
		0);
}

static void
hosts_are_hosts(void **state)
{
	static const char *const bad[] = { "[\"https://api.acme.example\"]",
					   "[\"API.acme.example\"]",
					   "[\"*.example\"]",
					   "[\"*\"]",
					   "[\"a.*.example\"]",
					   "[\"api.acme.example/x\"]",
					   "[\"api.acme.example:0\"]",
					   "[\"api.acme.example:99999\"]",
					   "[\"user@api.acme.example\"]",
					   "[\"\"]" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (check_changed("[\"api.acme.example\"]", bad[i]) !=
		    ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(check_changed("[\"api.acme.example\"]", "[]"),
			 ERR_INVALID);
	assert_problem("/api/hosts", "at least one");
}

static void
placeholder_that_nothing_fills_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check_changed("https://api.acme.example",
				       "https://{tenant}.acme.example"),
			 ERR_INVALID);
	assert_problem("/api/base_url", "{tenant} is not known here");
	assert_int_equal(check_changed("{api_key}", "{access_token}"),
			 ERR_INVALID);
	assert_problem("/methods/key/inject/0",
		       "{access_token} is not known here");
}

static void
free_text_may_not_stand_in_a_host(void **state)
{
	(void)state;
	assert_int_equal(
		check_with(",\"parameters\":[{\"name\":\"x\",\"label\":\"X\","
			   "\"type\":\"text\",\"pattern\":\"^[a-z.]+$\"}],"
			   "\"docs\":\"https://a.example\""),
		0);
	assert_int_equal(
		check_changed("\"api\":{\"base_url\":\"https://api.acme.example"
			      "\",\"hosts\":[\"api.acme.example\"]}",
			      "\"parameters\":[{\"name\":\"x\","
			      "\"label\":\"X\",\"type\":\"text\","
			      "\"pattern\":\"^[a-z.]+$\"}],"
			      "\"api\":{\"base_url\":\"https://{x}.example\","
			      "\"hosts\":[\"{x}.example\"]}"),
		ERR_INVALID);
	assert_problem("/api/base_url", "may not stand there");
}

static void
injection_that_carries_no_credential_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check_changed("\"{api_key}\"", "\"fixed\""),
			 ERR_INVALID);
	assert_problem("/methods/key/inject/0/value", "nothing of");
}

static void
framing_headers_are_not_a_definitions_to_set(void **state)
{
	static const char *const bad[] = { "\"Metadata\"",
					   "\"X-AWS-EC2-Metadata-Token\"",
					   "\"Host\"",
					   "\"content-length\"",
					   "\"Transfer-Encoding\"",
					   "\"Connection\"",
					   "\"X Key\"",
					   "\"Drawbridge-Key\"" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		if (check_changed("\"X-Key\"", bad[i]) != ERR_INVALID)
			fail_msg("%s was taken", bad[i]);
}

static void
control_characters_are_refused_everywhere(void **state)
{
	(void)state;
	assert_int_equal(
		check_changed("{api_key}", "{api_key}\\r\\nHost: evil"),
		ERR_INVALID);
	assert_problem("/methods/key/inject/0/value", "control character");
}

static void
patterns_must_be_anchored_and_compile(void **state)
{
	(void)state;
	assert_int_equal(check_with(",\"parameters\":[{\"name\":\"a\","
				    "\"label\":\"A\",\"pattern\":\"[a-z]+\"},"
				    "{\"name\":\"b\",\"label\":\"B\","
				    "\"pattern\":\"^[a-z$\"},"
				    "{\"name\":\"c\",\"label\":\"C\","
				    "\"pattern\":\"[a-z]+$\"},"
				    "{\"name\":\"d\",\"label\":\"D\","
				    "\"pattern\":\"^[a-z]+\"}]"),
			 ERR_INVALID);
	assert_problem("/parameters/0/pattern", "from ^ to $");
	assert_problem("/parameters/1/pattern", "from ^ to $");
	assert_problem("/parameters/2/pattern", "from ^ to $");
	assert_problem("/parameters/3/pattern", "from ^ to $");
}

static void
capture_without_table_or_pattern_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
		check("{\"id\":\"a\",\"name\":\"A\",\"methods\":{\"oauth\":{"
		      "\"kind\":\"oauth2_code\",\"name\":\"O\","
		      "\"authorize\":{\"url\":\"https://a.example/a\"},"
		      "\"token\":{\"url\":\"https://a.example/t\"},"
		      "\"captures\":[{\"name\":\"base\",\"from\":\"token\","
		      "\"field\":\"api\",\"sets\":\"base_url\"}]}},"
		      "\"api\":{\"hosts\":[\"a.example\"]}}"),
		ERR_INVALID);
	assert_problem("/methods/oauth/captures/0", "nothing is taken unseen");
}

static void
custom_service_cannot_take_anothers_app_or_part(void **state)
{
	(void)state;
	assert_int_equal(check_with(",\"app\":{\"id\":\"zoho\"}"), ERR_INVALID);
	assert_problem("/app/id", "app of its own");
	assert_int_equal(check_with(",\"uses\":\"zoho_oauth\""), ERR_INVALID);
	assert_problem("/uses", "default services");
}

static void
custom_service_cannot_take_a_default_ones_id(void **state)
{
	char id[CATALOG_ID_MAX + 1], text[2048];
	struct catalog *c;

	(void)state;
	assert_int_equal(catalog_new(NULL, 0, &c, NULL), 0);
	snprintf(text, sizeof(text), SOUND, "");
	memcpy(strstr(text, "acme"), "zoho", 4);
	assert_int_equal(catalog_check(c, slice_str(text), id, &report),
			 ERR_INVALID);
	assert_problem("/id", "default service");
	catalog_unref(c);
}

/* SOUND with another id. */
static void
sound_as(const char *id, char *text, size_t size)
{
	char sound[2048], *at;

	snprintf(sound, sizeof(sound), SOUND, "");
	at = strstr(sound, "acme");
	assert_non_null(at);
	snprintf(text, size, "%.*s%s%s", (int)(at - sound), sound, id,
		 at + strlen("acme"));
}

/* Google's, say, which is no service's id. */
static void
custom_service_cannot_be_called_as_a_default_ones_app(void **state)
{
	char id[CATALOG_ID_MAX + 1], text[2048];
	struct catalog *c, *with;
	struct catalog_source source = { .org = "one", .file = "stored" };
	const struct service *s;
	size_t cursor = 0, n = 0;

	(void)state;
	assert_int_equal(catalog_new(NULL, 0, &c, NULL), 0);
	while ((s = catalog_next(c, NULL, &cursor))) {
		n += !catalog_find(c, NULL, s->app.id);
		sound_as(s->app.id, text, sizeof(text));
		assert_int_equal(catalog_check(c, slice_str(text), id, &report),
				 ERR_INVALID);
		assert_problem("/id", "default service");
		/* stored before */
		source.text = slice_str(text);
		assert_int_equal(catalog_new(&source, 1, &with, &report), 0);
		assert_problem("/id", "default service");
		s = catalog_find(with, "one", s->app.id);
		assert_true(!s || !s->custom);
		catalog_unref(with);
	}
	assert_true(n > 2);
	catalog_unref(c);
}

static void
links_for_people_are_https(void **state)
{
	(void)state;
	assert_int_equal(check_with(",\"docs\":\"javascript:alert(1)\""),
			 ERR_INVALID);
	assert_problem("/docs", "https link");
}

/* ---- custom services in a catalogue ---- */

static void
custom_service_is_its_organisations_own(void **state)
{
	char text[2048];
	struct catalog_source source = { .org = "one", .file = "acme" };
	struct catalog *c;

	(void)state;
	snprintf(text, sizeof(text), SOUND, "");
	source.text = slice_str(text);
	assert_int_equal(catalog_new(&source, 1, &c, &report), 0);
	assert_non_null(catalog_find(c, "one", "acme"));
	assert_true(catalog_find(c, "one", "acme")->custom);
	assert_null(catalog_find(c, "two", "acme"));
	assert_null(catalog_find(c, NULL, "acme"));
	catalog_unref(c);
}

static void
broken_custom_service_is_left_out_and_told(void **state)
{
	struct catalog_source source = { .org = "one",
					 .file = "acme",
					 .text = SLICE("{}") };
	struct catalog *c;

	(void)state;
	assert_int_equal(catalog_new(&source, 1, &c, &report), 0);
	assert_true(report.count > 0);
	assert_string_equal(report.items[0].file, "acme");
	assert_null(catalog_find(c, "one", "acme"));
	assert_non_null(catalog_find(c, "one", "slack"));
	catalog_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_services_are_all_there),
		cmocka_unit_test(services_come_by_name),
		cmocka_unit_test(zoho_services_share_one_app),
		cmocka_unit_test(
			a_data_centre_without_the_service_is_not_usable),
		cmocka_unit_test(schema_and_tables_name_the_same_members),
		cmocka_unit_test(sound_definition_has_no_problem),
		cmocka_unit_test(text_that_is_no_json_is_told),
		cmocka_unit_test(unknown_field_is_refused_with_a_suggestion),
		cmocka_unit_test(every_problem_is_told_not_only_the_first),
		cmocka_unit_test(report_keeps_twenty_problems_and_counts_all),
		cmocka_unit_test(throttle_says_which_answers_and_which_limit),
		cmocka_unit_test(http_needs_to_be_allowed),
		cmocka_unit_test(anchors_are_certificates_and_nothing_else),
		cmocka_unit_test(base_url_must_be_on_a_host_of_the_definition),
		cmocka_unit_test(hosts_are_hosts),
		cmocka_unit_test(placeholder_that_nothing_fills_is_refused),
		cmocka_unit_test(free_text_may_not_stand_in_a_host),
		cmocka_unit_test(
			injection_that_carries_no_credential_is_refused),
		cmocka_unit_test(framing_headers_are_not_a_definitions_to_set),
		cmocka_unit_test(control_characters_are_refused_everywhere),
		cmocka_unit_test(patterns_must_be_anchored_and_compile),
		cmocka_unit_test(capture_without_table_or_pattern_is_refused),
		cmocka_unit_test(
			custom_service_cannot_take_anothers_app_or_part),
		cmocka_unit_test(custom_service_cannot_take_a_default_ones_id),
		cmocka_unit_test(
			custom_service_cannot_be_called_as_a_default_ones_app),
		cmocka_unit_test(links_for_people_are_https),
		cmocka_unit_test(custom_service_is_its_organisations_own),
		cmocka_unit_test(broken_custom_service_is_left_out_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
