/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential that replaces one in use: it is tested first, nobody has it
 * before it is stored, and whatever comes of the test but a yes leaves the one
 * that there is.
 */
#include "../support/keeper_world.h"

#define TEST_HEADER "[{\"path\":\"/me\",\"account\":\"name\"}]"
#define IN_HEADER \
	"{\"in\":\"header\",\"name\":\"X-Key\",\"value\":\"{api_key}\"}"

/* A service with this method from now on, and nothing connected. */
static void
define_method(const char *method, const char *tests_of)
{
	struct catalog_report report = { 0 };
	struct json_problem problem = { 0 };
	struct catalog_source source = { .org = "org" };
	char text[2048];

	snprintf(
		text, sizeof(text),
		"{\"id\":\"keyed\",\"name\":\"Keyed\",\"methods\":{\"key\":{%s}},"
		"\"api\":{\"base_url\":\"https://api.example.com\","
		"\"hosts\":[\"api.example.com\"],\"tests\":%s}}",
		method, tests_of);
	source.text = slice_str(text);
	binding_free(w.binding);
	catalog_unref(w.catalog);
	if (catalog_new(&source, 1, &w.catalog, &report) || report.count)
		fail_msg("%s: %s", report.items[0].pointer,
			 report.items[0].detail);
	if (catalog_bind(catalog_find(w.catalog, "org", "keyed"), "key", NULL,
			 &w.binding, &problem))
		fail_msg("%s", problem.detail);
	snprintf(w.who.connection, sizeof(w.who.connection), "connection%u",
		 ++w.connections);
}

/* One with keys. */
static void
define_key(const char *inject, const char *tests_of)
{
	char method[1024];

	snprintf(method, sizeof(method),
		 "\"kind\":\"api_key\",\"name\":\"Key\","
		 "\"inject\":[%s]",
		 inject);
	define_method(method, tests_of);
}

static void
give_to(unsigned n, struct asked *a, const char *key, bool untested)
{
	struct connect_msg_credential m = { .who = w.who,
					    .binding = w.binding,
					    .untested = untested };
	struct proc_pack *p = proc_pack_new();

	assert_int_equal(method_credential_set(&m.fields, "api_key",
					       secret_from(key, strlen(key))),
			 0);
	connect_msg_credential_pack(&m, p);
	method_credential_release(&m.fields);
	ask_with(n, a, CONNECT_KEEPER_CREDENTIAL, p);
}

static void
give(struct asked *a, const char *key)
{
	give_to(0, a, key, false);
}

static void
run_until_tested(size_t count)
{
	int i;

	for (i = 0; i < 500 && trials.count < count; i++)
		run(2);
	assert_int_equal(trials.count, count);
}

/* Stored at once, and without a test. */
static void
stored_untested(const char *key, bool untested)
{
	static struct asked a;
	size_t before = trials.count;

	give_to(0, &a, key, untested);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
	assert_int_equal(trials.count, before);
}

static void
in_use(const char *key)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "X-Key: %s\r\n", key);
	assert_string_equal(injected(0), expected);
}

static void
connected_with(const char *key)
{
	define_key(IN_HEADER, TEST_HEADER);
	stored_untested(key, false);
	in_use(key);
}

static const struct connect_msg_tested passed = {
	.verdict = CONNECT_TEST_PASSED, .status = 200, .account = "Ada"
};
static const struct connect_msg_tested refused = {
	.verdict = CONNECT_TEST_REFUSED,
	.status = 401,
	.said = "no such key: new-key-7782",
};

/* Gives another key, whose test ends so; the answer is in *a. */
static void
replace(struct asked *a, const struct connect_msg_tested *m)
{
	size_t before = trials.count;

	give(a, "new-key-7782");
	run_until_tested(before + 1);
	test_answer(before, m);
	run_until(&a->done);
}

static void
first_one_is_stored_without_a_test(void **state)
{
	(void)state;
	connected_with("old-key-1");
}

static void
old_one_serves_until_the_new_one_has_passed(void **state)
{
	struct asked a;

	(void)state;
	connected_with("old-key-1");
	give(&a, "new-key-7782");
	run_until_tested(1);
	assert_string_equal(trials.headers[0], "X-Key: new-key-7782\r\n");
	run(20);
	assert_false(a.done);
	in_use("old-key-1");
	test_answer(0, &passed);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.grant.generation, 2);
	assert_string_equal(a.grant.account, "Ada");
	in_use("new-key-7782");
}

static void
one_that_is_refused_changes_nothing(void **state)
{
	struct asked a;

	(void)state;
	connected_with("old-key-1");
	replace(&a, &refused);
	assert_int_equal(a.err, ERR_PROTOCOL);
	assert_string_equal(a.problem.code, "credential_refused");
	assert_non_null(strstr(a.problem.detail, "HTTP 401: \"no such key: "));
	assert_null(strstr(a.problem.detail, "7782"));
	in_use("old-key-1");
	assert_int_equal(row().who.generation, 1);
	assert_int_equal(row().status, CONNECT_CONNECTED);
}

static void
what_does_not_tell_changes_nothing(void **state)
{
	static const struct {
		struct connect_msg_tested m;
		int err;
		const char *code, *words;
	} cases[] = {
		{ { .verdict = CONNECT_TEST_LACKS, .status = 403 },
		  ERR_PROTOCOL,
		  "credential_refused",
		  "it lacks what the test request needs: HTTP 403." },
		{ { .verdict = CONNECT_TEST_UNSURE,
		    .status = 503,
		    .wait_s = 7 },
		  ERR_CONNECT,
		  "credential_untested",
		  "HTTP 503." },
		{ { .verdict = CONNECT_TEST_UNSURE,
		    .err = ERR_TIMEOUT,
		    .detail = "the answer took too long" },
		  ERR_CONNECT,
		  "credential_untested",
		  "could not be made: the answer took too long." },
	};
	struct asked a;
	size_t i;

	(void)state;
	connected_with("old-key-1");
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		replace(&a, &cases[i].m);
		assert_int_equal(a.err, cases[i].err);
		assert_string_equal(a.problem.code, cases[i].code);
		assert_non_null(strstr(a.problem.detail, cases[i].words));
		assert_int_equal(a.problem.retry_after_s, cases[i].m.wait_s);
		in_use("old-key-1");
	}
}

/* As a server might that shows what came in. */
static void
field_that_is_repeated_is_masked_as_it_was_sent(void **state)
{
	struct connect_msg_tested m = refused;
	struct asked a;

	(void)state;
	define_key("{\"in\":\"header\",\"name\":\"Authorization\","
		   "\"value\":\"Token identity-{api_key}\"}",
		   TEST_HEADER);
	stored_untested("old-key-1", false);
	snprintf(m.said, sizeof(m.said), "Token identity-pw-1 is unknown");
	give(&a, "pw-1");
	run_until_tested(1);
	test_answer(0, &m);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_PROTOCOL);
	assert_non_null(strstr(a.problem.detail,
			       "\"Token \xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2"
			       " is unknown\""));
}

/* "abc" stands in many a word, and cannot be masked. */
static void
short_one_that_is_repeated_leaves_no_words(void **state)
{
	struct connect_msg_tested m = refused;
	struct asked a;

	(void)state;
	connected_with("old-key-1");
	snprintf(m.said, sizeof(m.said), "bad key pw-1");
	give(&a, "pw-1");
	run_until_tested(1);
	test_answer(0, &m);
	run_until(&a.done);
	assert_non_null(strstr(a.problem.detail, "HTTP 401. "));
	assert_null(strstr(a.problem.detail, "pw-1"));
}

/* ---- user name and password ---- */

static void
give_basic(struct asked *a, const char *user, const char *password)
{
	struct connect_msg_credential m = { .who = w.who,
					    .binding = w.binding };
	struct proc_pack *p = proc_pack_new();

	method_credential_set(&m.fields, "username",
			      secret_from(user, strlen(user)));
	method_credential_set(&m.fields, "password",
			      secret_from(password, strlen(password)));
	connect_msg_credential_pack(&m, p);
	method_credential_release(&m.fields);
	ask_with(0, a, CONNECT_KEEPER_CREDENTIAL, p);
}

/* Connected as this user, who gives another password; what the service says
 * of it.  The answer is in *a. */
static void
replace_password(struct asked *a, const char *user, const char *password,
		 const struct connect_msg_tested *m)
{
	size_t before = trials.count;

	define_method("\"kind\":\"basic\",\"name\":\"Basic\"", TEST_HEADER);
	give_basic(a, user, "old-word-1");
	run_until(&a->done);
	assert_int_equal(a->err, 0);
	give_basic(a, user, password);
	run_until_tested(before + 1);
	test_answer(before, m);
	run_until(&a->done);
}

static void
account_that_is_the_user_name_is_shown(void **state)
{
	static const char *const users[] = { "ada.lovelace@example.com", "a",
					     "Ada" };
	struct connect_msg_tested m = passed;
	struct asked a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(users); i++) {
		snprintf(m.account, sizeof(m.account), "%s", users[i]);
		replace_password(&a, users[i], "new-word-2", &m);
		assert_int_equal(a.err, 0);
		assert_string_equal(a.grant.account, users[i]);
	}
}

static void
words_have_the_user_name_and_not_the_password(void **state)
{
	struct connect_msg_tested m = refused;
	struct asked a;

	(void)state;
	snprintf(m.said, sizeof(m.said),
		 "a@example.com is not new-word-2, Basic "
		 "YUBleGFtcGxlLmNvbTpuZXctd29yZC0y");
	replace_password(&a, "a@example.com", "new-word-2", &m);
	assert_int_equal(a.err, ERR_PROTOCOL);
	assert_non_null(strstr(a.problem.detail,
			       "\"a@example.com is not "
			       "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2, Basic "
			       "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2\""));
}

static void
key_that_is_typed_in_as_the_user_name_is_masked(void **state)
{
	struct connect_msg_tested m = refused;
	struct asked a;

	(void)state;
	snprintf(m.said, sizeof(m.said), "no such key: key-0815-4711");
	replace_password(&a, "key-0815-4711", "-", &m);
	assert_int_equal(a.err, ERR_PROTOCOL);
	assert_null(strstr(a.problem.detail, "key-0815"));
}

/* Cut before it was masked, the half of it would not be seen. */
static void
password_where_words_and_account_are_cut_is_masked(void **state)
{
	struct connect_msg_tested m = refused;
	struct asked a;

	(void)state;
	memset(m.said, 'x', 155);
	memset(m.account, 'x', 251);
	strcpy(m.said + 155, "new-word-2");
	strcpy(m.account + 251, "new-word-2");
	replace_password(&a, "ada", "new-word-2", &m);
	assert_non_null(strstr(a.problem.detail, "xxxx\xe2\x80\xa2"));
	assert_null(strstr(a.problem.detail, "new"));
	m.verdict = CONNECT_TEST_PASSED;
	replace_password(&a, "ada", "new-word-2", &m);
	assert_int_equal(a.err, 0);
	assert_ptr_equal(strstr(a.grant.account, "\xe2\x80\xa2"),
			 a.grant.account + 251);
	assert_int_equal(strlen(a.grant.account), 254);
}

static void
calls_have_the_password_and_the_pair_masked(void **state)
{
	struct asked a;

	(void)state;
	replace_password(&a, "a@example.com", "new-word-2", &passed);
	ask(0, &a, CONNECT_KEEPER_INJECT, 0);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
	assert_string_equal(a.scrub,
			    "new-word-2|YUBleGFtcGxlLmNvbTpuZXctd29yZC0y|");
}

static void
it_is_used_all_the_same_where_that_is_said(void **state)
{
	(void)state;
	connected_with("old-key-1");
	stored_untested("new-key-7782", true);
	in_use("new-key-7782");
}

static void
without_a_test_that_fits_it_is_stored(void **state)
{
	(void)state;
	define_key(IN_HEADER, "[]");
	stored_untested("old-key-1", false);
	stored_untested("new-key-7782", false);
	in_use("new-key-7782");
	define_key(IN_HEADER, "[{\"path\":\"/me\",\"needs_scope\":[\"a\"]}]");
	stored_untested("old-key-1", false);
	stored_untested("new-key-7782", false);
	in_use("new-key-7782");
	/* a key in a form is in no GET: the answer would say nothing of it */
	define_key("{\"in\":\"form\",\"name\":\"key\","
		   "\"value\":\"{api_key}\"}",
		   "[{\"path\":\"/me\"}]");
	stored_untested("old-key-1", false);
	stored_untested("new-key-7782", false);
}

static void
test_that_fits_is_chosen(void **state)
{
	struct asked a;

	(void)state;
	define_key("{\"in\":\"form\",\"name\":\"key\","
		   "\"value\":\"{api_key}\"}",
		   "[{\"path\":\"/a\",\"needs_scope\":[\"a\"]},"
		   "{\"path\":\"/b\"},{\"path\":\"/c\",\"method\":\"POST\"}]");
	stored_untested("old-key-1", false);
	replace(&a, &passed);
	assert_int_equal(a.err, 0);
	assert_int_equal(trials.index, 2);
}

static void
of_two_at_once_the_first_that_passes_stays(void **state)
{
	struct asked a, b;

	(void)state;
	connected_with("old-key-1");
	give(&a, "first-key-1");
	run_until_tested(1);
	give(&b, "second-key-2");
	run_until_tested(2);
	test_answer(1, &passed);
	run_until(&b.done);
	assert_int_equal(b.err, 0);
	test_answer(0, &passed);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_CONFLICT);
	in_use("second-key-2");
	assert_int_equal(row().who.generation, 2);
}

/* Two keepers, as while an upgrade is under way. */
static void
another_keeper_may_have_replaced_it(void **state)
{
	struct asked a, b;

	(void)state;
	connected_with("old-key-1");
	give(&a, "first-key-1");
	run_until_tested(1);
	give_to(1, &b, "second-key-2", true);
	run_until(&b.done);
	test_answer(0, &passed);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_CONFLICT);
	in_use("second-key-2");
}

static void
connection_that_was_deleted_gets_none(void **state)
{
	struct asked a, forget;
	struct keeper_row r;

	(void)state;
	connected_with("old-key-1");
	give(&a, "new-key-7782");
	run_until_tested(1);
	ask(0, &forget, CONNECT_KEEPER_FORGET, 0);
	run_until(&forget.done);
	assert_int_equal(forget.err, 0);
	test_answer(0, &passed);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_CONFLICT);
	assert_int_equal(keeper_row_load(&w.k[0], &w.who, &r), ERR_NOT_FOUND);
}

static void
disabled_one_stays_so_and_is_tested(void **state)
{
	struct asked a, suspend;

	(void)state;
	connected_with("old-key-1");
	ask(0, &suspend, CONNECT_KEEPER_SUSPEND, CONNECT_SUSPEND);
	run_until(&suspend.done);
	replace(&a, &refused);
	assert_string_equal(a.problem.code, "credential_refused");
	replace(&a, &passed);
	assert_int_equal(a.err, 0);
	assert_true(row().suspended);
	assert_int_equal(row().who.generation, 2);
}

static void
exchanger_that_dies_changes_nothing(void **state)
{
	struct asked a;
	int fds[2];

	(void)state;
	connected_with("old-key-1");
	give(&a, "new-key-7782");
	run_until_tested(1);
	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   fds),
		0);
	proc_channel_replace(w.k[0].exchanger, fds[0]);
	run_until(&a.done);
	assert_string_equal(a.problem.code, "credential_untested");
	in_use("old-key-1");
	close(fds[1]);
}

/* Nobody would be told that it is in use, nor write it down. */
static void
asker_that_dies_leaves_the_old_one(void **state)
{
	struct asked a;
	int fds[2];

	(void)state;
	connected_with("old-key-1");
	give(&a, "new-key-7782");
	run_until_tested(1);
	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   fds),
		0);
	proc_channel_replace(w.k[0].front, fds[0]);
	proc_channel_replace(w.front[0], fds[1]);
	run_until(&a.done);
	assert_int_equal(a.err, ERR_CLOSED);
	test_answer(0, &passed);
	run(30);
	in_use("old-key-1");
	assert_int_equal(row().who.generation, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(first_one_is_stored_without_a_test),
		CASE(old_one_serves_until_the_new_one_has_passed),
		CASE(one_that_is_refused_changes_nothing),
		CASE(what_does_not_tell_changes_nothing),
		CASE(field_that_is_repeated_is_masked_as_it_was_sent),
		CASE(short_one_that_is_repeated_leaves_no_words),
		CASE(account_that_is_the_user_name_is_shown),
		CASE(words_have_the_user_name_and_not_the_password),
		CASE(key_that_is_typed_in_as_the_user_name_is_masked),
		CASE(password_where_words_and_account_are_cut_is_masked),
		CASE(calls_have_the_password_and_the_pair_masked),
		CASE(it_is_used_all_the_same_where_that_is_said),
		CASE(without_a_test_that_fits_it_is_stored),
		CASE(test_that_fits_is_chosen),
		CASE(of_two_at_once_the_first_that_passes_stays),
		CASE(another_keeper_may_have_replaced_it),
		CASE(connection_that_was_deleted_gets_none),
		CASE(disabled_one_stays_so_and_is_tested),
		CASE(exchanger_that_dies_changes_nothing),
		CASE(asker_that_dies_leaves_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
