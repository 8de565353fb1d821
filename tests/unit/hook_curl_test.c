/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing curl commands: what becomes of real ones (the table in
 * tests/support/curl_cases.h), of shells' quotes, and of credentials.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../support/curl_cases.h"
#include "hook/hook.h"

enum { TEXT_MAX = 64 * 1024 };

static struct catalog *catalogue;
static struct hook_curl out;

static int
load(void **state)
{
	(void)state;
	return catalog_new(NULL, 0, &catalogue, NULL);
}

static int
unload(void **state)
{
	(void)state;
	catalog_unref(catalogue);
	return 0;
}

static int
import(const char *command)
{
	struct secret *s = secret_from(command, strlen(command));
	int rc;

	assert_non_null(s);
	rc = hook_curl_import(s, catalogue, NULL, &out);
	secret_free(s);
	return rc;
}

static void
request_text(struct buf *b)
{
	buf_init(b, TEXT_MAX);
	assert_int_equal(json_write(out.request, b), 0);
}

static void
offers_text(struct buf *b)
{
	const struct hook_curl_offer *o;
	size_t i, k;

	buf_init(b, TEXT_MAX);
	for (i = 0; i < out.offer_count; i++) {
		o = &out.offers[i];
		buf_printf(b, "%s%s %s %s '%s' %s", i ? "; " : "", o->kind,
			   o->place, o->name, o->prefix, o->host);
		for (k = 0; k < o->service_count; k++)
			buf_printf(b, " %s", o->services[k]);
	}
}

static void
notes_text(struct buf *b)
{
	size_t i;

	buf_init(b, TEXT_MAX);
	for (i = 0; i < out.note_count; i++)
		buf_printf(b, "%s%s", i ? " " : "",
			   out.notes[i].option[0] ? out.notes[i].option : "-");
}

static void
hint_put(void *arg, const struct hook_hint *hint)
{
	struct buf *b = arg;

	buf_printf(b, "%s%s %s", b->len ? "; " : "", hint->pointer, hint->code);
}

static void
is_text(struct buf *have, const char *want, const char *name, const char *what)
{
	const char *text = buf_cstr(have);

	if (strcmp(text, want))
		fail_msg("%s: %s are\n%s\nnot\n%s", name, what, text, want);
	buf_release(have);
}

static void
case_holds(const struct curl_case *c)
{
	struct buf b;
	int rc = import(c->command);

	if (rc)
		fail_msg("%s: refused, %s", c->name, out.problem);
	request_text(&b);
	is_text(&b, c->request, c->name, "the request's members");
	offers_text(&b);
	is_text(&b, c->offers, c->name, "the offers");
	notes_text(&b);
	is_text(&b, c->notes, c->name, "the notes");
	buf_init(&b, TEXT_MAX);
	hook_hints(out.request, hint_put, &b);
	is_text(&b, c->hints, c->name, "the hints");
	hook_curl_release(&out);
}

static void
commands_of_real_life_become_requests(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(curl_cases); i++)
		case_holds(&curl_cases[i]);
}

static void
problem_put(void *arg, const struct hook_problem *p)
{
	if (p->severity == HOOK_ERROR)
		buf_printf(arg, "%s %s; ", p->pointer, p->code);
}

/* With a connection, since without one http is refused; and but for what the
 * notes say cannot be sent. */
static void
what_is_imported_is_a_sound_document(void **state)
{
	struct hook_document *d;
	struct buf b;
	json_t *whole;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(curl_cases); i++) {
		assert_int_equal(import(curl_cases[i].command), 0);
		whole = json_pack("{s:O, s:s}", "request", out.request,
				  "connection", "some_link");
		buf_init(&b, TEXT_MAX);
		if (hook_compile(whole, NULL, problem_put, &b, &d) &&
		    !strstr(curl_cases[i].notes, "--request") &&
		    strcmp(curl_cases[i].name, "Postman"))
			fail_msg("%s: %s", curl_cases[i].name, buf_cstr(&b));
		hook_document_unref(d);
		buf_release(&b);
		json_decref(whole);
		hook_curl_release(&out);
	}
}

/* ---- the shell ---- */

static void
quotes_are_read_as_a_shell_does(void **state)
{
	/* What stands behind -d, and the text that is sent. */
	static const struct {
		const char *word, *text;
	} rows[] = {
		{ "'a \"b\" \\n $X'", "a \"b\" \\n $X" },
		{ "\"a \\\"b\\\" \\\\ \\$X \\` \\n\"", "a \"b\" \\ $X ` \\n" },
		{ "a\\ b\\\nc", "a bc" },
		{ "\"a\\\nb\"", "ab" },
		{ "'a'\"b\"c$'d'", "abcd" },
		{ "$'\\x41\\101\\u00e9\\U0001f600\\e\\cA\\t\\'\\\"\\?\\q'",
		  "AA\xc3\xa9\xf0\x9f\x98\x80\033\001\t'\"?\\q" },
		{ "$\"a b\"", "a b" },
		{ "a#b", "a#b" },
		{ "\"$X ${Y:-z} $(echo \"a b\") `date`\"",
		  "$X ${Y:-z} $(echo \"a b\") `date`" },
		{ "a$", "a$" },
		{ "x{y,z}*~", "x{y,z}*~" },
		{ "it^s", "it^s" },
	};
	char command[300];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		const json_t *body;

		snprintf(command, sizeof(command),
			 "curl https://h.example/ -H 'Content-Type: text/x' "
			 "-d %s",
			 rows[i].word);
		assert_int_equal(import(command), 0);
		body = json_object_get(json_object_get(out.request, "body"),
				       "content");
		assert_string_equal(json_string_value(body), rows[i].text);
		hook_curl_release(&out);
	}
}

static void
what_is_no_command_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "", "no curl command" },
		{ "wget https://h.example/", "no curl command" },
		{ "echo curl https://h.example/", "no curl command" },
		{ "# curl https://h.example/", "no curl command" },
		{ "curl", "no URL" },
		{ "curl -X", "wants a value" },
		{ "curl 'https://h.example/", "not closed" },
		{ "curl \"https://h.example/", "not closed" },
		{ "curl $'https://h.example/", "not closed" },
		{ "curl https://h.example/$(x", "not closed" },
		{ "curl https://h.example/`x", "not closed" },
		{ "curl --no-such https://h.example/", "does not have" },
		{ "curl --reque PUT https://h.example/", "does not have" },
		{ "curl --no-data x https://h.example/", "does not have" },
		{ "curl ftp://h.example/", "not one of http" },
		{ "curl \"https://h.example/\" ^\r\n  -H \"A: b\"", "Windows" },
		{ "curl ^\"https://h.example/^\" ^\n -H ^\"A: b^\"",
		  "Windows" },
		{ "curl.exe `\n  https://h.example/", "Windows" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(import(rows[i].text), ERR_INVALID);
		assert_non_null(out.problem);
		if (!strstr(out.problem, rows[i].problem))
			fail_msg("%s: %s", rows[i].text, out.problem);
		assert_null(out.request);
	}
}

static void
a_command_beyond_the_limit_is_refused(void **state)
{
	size_t len = HOOK_CURL_MAX + 1;
	struct secret *s = secret_new(len);

	(void)state;
	memset(secret_bytes(s), 'a', len);
	assert_int_equal(hook_curl_import(s, NULL, NULL, &out), ERR_TOO_LARGE);
	secret_free(s);
	s = secret_from("curl \0 x", 8);
	assert_int_equal(hook_curl_import(s, NULL, NULL, &out), ERR_INVALID);
	secret_free(s);
}

/* ---- credentials ---- */

#define MARK "n0t-t0-b3-s33n-8841"

static const char *const secret_commands[] = {
	"-u " MARK ":x",
	"-u x:" MARK,
	"-ux:" MARK,
	"--user=x:" MARK,
	"--oauth " MARK,
	"--oauth2-bearer " MARK,
	"-H 'Authorization: Bearer " MARK "'",
	"-H 'authorization:" MARK "'",
	"-H 'AUTHORIZATION: Odd " MARK "'",
	"-H 'X-Api-Key: " MARK "'",
	"-H 'Private-Token:\t" MARK "'",
	"-H 'X-Any: ghp_0123456789abcdefghij" MARK "'",
	"-H 'Authorization: Bearer\n" MARK "'",
	"-H \"Authorization: Bearer $(echo " MARK ")\"",
	"-b 'session=" MARK "'",
	"-b \"$(" MARK ")\"",
	"-H 'Cookie: " MARK "'",
	"--proxy-user x:" MARK,
	"-U x:" MARK,
	"-x http://x:" MARK "@proxy",
	"-E cert.pem:" MARK,
	"--pass " MARK,
	"--tlspassword " MARK,
	"--digest -u x:" MARK,
	"--aws-sigv4 aws:amz -u x:" MARK,
	"--proxy-header 'A: " MARK "'",
	"-o " MARK,
	"--netrc-file " MARK,
	"--variable token=" MARK,
	"-d client_secret=" MARK,
	"-d 'a=1&user%5Bpassword%5D=" MARK "'",
	"-d 'flag&token=" MARK "'",
	"--data-urlencode api_key=" MARK,
	"-G -d access_token=" MARK,
	"--url-query token=" MARK,
	"--json '{\"a\":[{\"password\":\"" MARK "\"}]}'",
	"--json '{\"secret\":[\"" MARK "\"],}'",
	"-d '<a>sk_live_" MARK "0123456789</a>'",
	"-F password=" MARK,
	"-F 'x=@a;filename=xoxb-" MARK "'",
	"-F 'sk_live_" MARK "=1'",
	"https://x:" MARK "@other.example/",
	"--next -d " MARK,
	"; echo " MARK,
	"| sh -c " MARK,
	"> " MARK,
	"# " MARK,
};

static void
no_credential_is_in_what_comes_out(void **state)
{
	char command[400];
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(secret_commands); i++) {
		snprintf(command, sizeof(command), "curl https://h.example/ %s",
			 secret_commands[i]);
		assert_int_equal(import(command), 0);
		request_text(&b);
		if (strstr(buf_cstr(&b), MARK))
			fail_msg("%s: %s", secret_commands[i], b.data);
		buf_release(&b);
		offers_text(&b);
		assert_null(b.len ? strstr(buf_cstr(&b), MARK) : NULL);
		buf_release(&b);
		hook_curl_release(&out);
	}
}

static void
user_information_of_the_first_url_is_left_out(void **state)
{
	struct buf b;

	(void)state;
	assert_int_equal(import("curl https://x:" MARK "@h.example/a@b"), 0);
	request_text(&b);
	assert_null(strstr(buf_cstr(&b), MARK));
	assert_non_null(strstr(buf_cstr(&b), "\"https://h.example/a@b\""));
	buf_release(&b);
	assert_string_equal(out.offers[0].kind, "basic");
	hook_curl_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_of_real_life_become_requests),
		cmocka_unit_test(what_is_imported_is_a_sound_document),
		cmocka_unit_test(quotes_are_read_as_a_shell_does),
		cmocka_unit_test(what_is_no_command_is_refused_with_a_reason),
		cmocka_unit_test(a_command_beyond_the_limit_is_refused),
		cmocka_unit_test(no_credential_is_in_what_comes_out),
		cmocka_unit_test(user_information_of_the_first_url_is_left_out),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
