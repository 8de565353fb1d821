/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a client's secret may go: to the endpoints that it was given for, and
 * to no other, whatever the definition or the grant says.
 */
#include "../support/keeper_world.h"

#define LOGIN "https://login.example.com"

/* The app as it is set with these endpoints (up to a NULL). */
static void
give_secret(const char *const *endpoints)
{
	static struct connect_msg_app m;
	struct proc_pack *p = proc_pack_new();
	static struct asked a;

	memset(&m, 0, sizeof(m));
	snprintf(m.org, sizeof(m.org), "org");
	snprintf(m.app, sizeof(m.app), "test_desk");
	m.custom = true;
	snprintf(m.client_id, sizeof(m.client_id), "client");
	m.client_secret = secret_from("s3cret", 6);
	m.endpoints = calloc(CONNECT_ENDPOINTS_MAX, sizeof(*m.endpoints));
	for (; *endpoints; endpoints++)
		m.endpoints[m.endpoint_count++] =
			slice_dup(slice_str(*endpoints));
	connect_msg_app_pack(&m, p);
	connect_msg_app_release(&m);
	ask_with(0, &a, CONNECT_KEEPER_APP, p);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
}

static const char *const own[] = { LOGIN "/token", LOGIN "/revoke", NULL };
static const char *const others[] = { LOGIN "/token/", LOGIN "/toke",
				      "https://login.example.org/token",
				      "http://login.example.com/token", NULL };

static void
new_connection(void)
{
	snprintf(w.who.connection, sizeof(w.who.connection), "connection%u",
		 ++w.connections);
}

/* ---- a code ---- */

static void
code_and_secret_go_to_no_endpoint_that_the_secret_was_not_given_for(
	void **state)
{
	struct asked a;

	(void)state;
	give_secret(others);
	new_connection();
	provider.exchanges = 0;
	consent(&a);
	assert_int_equal(a.err, ERR_FORBIDDEN);
	assert_string_equal(a.problem.code, "destination_not_allowed");
	assert_non_null(strstr(a.problem.detail, "was not given for"));
	assert_non_null(strstr(a.problem.detail, "set the app again"));
	assert_int_equal(provider.exchanges, 0);
	give_secret(own);
	consent(&a);
	assert_int_equal(a.err, 0);
	assert_int_equal(provider.exchanges, 1);
}

static void
definition_that_changes_later_does_not_get_the_secret(void **state)
{
	struct asked a;

	(void)state;
	give_secret(own);
	world_token = "https://elsewhere.example.com/token";
	define("");
	world_token = LOGIN "/token";
	new_connection();
	provider.exchanges = 0;
	consent(&a);
	assert_int_equal(a.err, ERR_FORBIDDEN);
	assert_string_equal(a.problem.code, "destination_not_allowed");
	assert_int_equal(provider.exchanges, 0);
}

/* ---- a refresh ---- */

static void
refresh_sends_the_secret_to_no_endpoint_that_it_was_not_given_for(void **state)
{
	struct asked a;

	(void)state;
	give_secret(others);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_FORBIDDEN);
	assert_string_equal(a.problem.code, "destination_not_allowed");
	assert_non_null(strstr(a.problem.detail, "was not given for"));
	assert_non_null(strstr(a.problem.detail, "Connect again"));
	assert_int_equal(a.problem.status, CONNECT_CONNECTED);
	/* neither do calls and time */
	assert_string_equal(injected(0), "Authorization: Bearer access-1\r\n");
	pass(HOUR_MS);
	get(0, &a, CONNECT_KEEPER_INJECT);
	assert_int_equal(a.err, ERR_FORBIDDEN);
	assert_string_equal(a.problem.code, "destination_not_allowed");
	assert_int_equal(provider.refreshes, 0);
	assert_int_equal(row().status, CONNECT_CONNECTED);
	/* it is no end: the app's owner gives the secret for it again */
	give_secret(own);
	assert_string_equal(injected(0), "Authorization: Bearer access-2\r\n");
}

static void
refresh_url_of_its_own_must_be_among_them(void **state)
{
	static const char *const both[] = { LOGIN "/token", LOGIN "/refresh",
					    NULL };
	struct asked a;

	(void)state;
	define("\"refresh\":{\"url\":\"" LOGIN "/refresh\"},");
	give_secret(own);
	connect_another();
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_FORBIDDEN);
	assert_string_equal(a.problem.code, "destination_not_allowed");
	assert_int_equal(provider.refreshes, 0);
	give_secret(both);
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
	assert_int_equal(provider.refreshes, 1);
	assert_string_equal(provider.last_url, LOGIN "/refresh");
}

static void
old_grant_goes_on_where_it_went_when_the_definition_changes(void **state)
{
	struct asked a;

	(void)state;
	give_secret(own);
	world_token = "https://elsewhere.example.com/token";
	define("");
	world_token = LOGIN "/token";
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
	assert_int_equal(provider.refreshes, 1);
	assert_string_equal(provider.last_url, LOGIN "/token");
}

/* ---- no secret ---- */

static void
public_client_has_nothing_to_give_away(void **state)
{
	struct asked a;

	(void)state;
	give_app(); /* no secret, no endpoints */
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
	assert_int_equal(provider.refreshes, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(code_and_secret_go_to_no_endpoint_that_the_secret_was_not_given_for),
		CASE(definition_that_changes_later_does_not_get_the_secret),
		CASE(refresh_sends_the_secret_to_no_endpoint_that_it_was_not_given_for),
		CASE(refresh_url_of_its_own_must_be_among_them),
		CASE(old_grant_goes_on_where_it_went_when_the_definition_changes),
		CASE(public_client_has_nothing_to_give_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
