/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose OAuth app it is: what an organisation registered for a default service
 * is never a custom service's, and the other way round, although they may be
 * called the same (google is no service's id, and a later catalogue brings
 * new ones).
 */
#include "../support/keeper_world.h"

static struct keeper *k = &w.k[0];

/* The world's binding, of a service that is called so. */
static struct binding *
binding_as(const char *id, bool custom)
{
	static const char flag[] = "\"custom\":true";
	struct json_problem problem = { 0 };
	struct binding *b = NULL;
	struct buf json, out;
	struct slice rest;

	buf_init(&json, BINDING_JSON_MAX);
	buf_init(&out, BINDING_JSON_MAX);
	assert_int_equal(binding_to_json(w.binding, &json), 0);
	for (rest = buf_slice(&json); rest.len;) {
		if (slice_starts(rest, SLICE("test_desk"))) {
			buf_puts(&out, id);
			rest = slice_from(rest, strlen("test_desk"));
		} else if (!custom && slice_starts(rest, slice_str(flag))) {
			buf_puts(&out, "\"custom\":false");
			rest = slice_from(rest, strlen(flag));
		} else {
			buf_putc(&out, rest.ptr[0]);
			rest = slice_from(rest, 1);
		}
	}
	if (binding_from_json(buf_slice(&out), &b, &problem))
		fail_msg("%s", problem.detail);
	assert_int_equal(b->service->custom, custom);
	assert_string_equal(b->app_id, id);
	buf_release(&json);
	buf_release(&out);
	return b;
}

static int
set_app(const char *app, bool custom, const char *client_id)
{
	static struct connect_msg_app m;
	struct proc_pack *p = proc_pack_new();
	static struct asked a;

	memset(&m, 0, sizeof(m));
	snprintf(m.org, sizeof(m.org), "org");
	snprintf(m.app, sizeof(m.app), "%s", app);
	snprintf(m.client_id, sizeof(m.client_id), "%s", client_id);
	m.custom = custom;
	connect_msg_app_pack(&m, p);
	ask_with(0, &a, CONNECT_KEEPER_APP, p);
	run_until(&a.done);
	if (a.err) {
		assert_string_equal(a.problem.code, "app_of_another");
		assert_non_null(strstr(a.problem.detail, "default service"));
	}
	return a.err;
}

/* As it was stored before it said whose it is. */
static void
store_app_of_before(const char *app, const char *data_centre,
		    const char *client_id)
{
	struct proc_pack *fields = proc_pack_new();
	char owner[64], identity[128];
	struct buf sealed;

	snprintf(owner, sizeof(owner), "app/org/%s", app);
	keeper_app_identity("org", app, data_centre, 1, identity,
			    sizeof(identity));
	proc_pack_str(fields, client_id);
	proc_pack_secret(fields, NULL);
	proc_pack_u64(fields, 1);
	proc_pack_str(fields, "https://login.example.com/token");
	buf_init(&sealed, 4096);
	assert_int_equal(keeper_seal(k, owner, identity, fields, &sealed), 0);
	assert_int_equal(store_exec(k->db, NULL,
				    "INSERT INTO apps (org, app, data_centre, "
				    "version, sealed) VALUES ('org', ?1, ?2, "
				    "1, ?3)",
				    "ssb", app, data_centre,
				    buf_slice(&sealed)),
			 0);
	buf_release(&sealed);
}

/* The client id of the app that such a service gets; "" for none. */
static const char *
client_in(const char *id, bool custom, const char *data_centre)
{
	static char client_id[512];
	struct binding *b = binding_as(id, custom), copy = *b;
	struct keeper_app a;
	int rc;

	copy.data_centre = data_centre;
	rc = keeper_app_load(k, "org", &copy, &a);
	if (rc)
		assert_int_equal(rc, ERR_NOT_FOUND);
	snprintf(client_id, sizeof(client_id), "%s", rc ? "" : a.client_id);
	keeper_app_release(&a);
	binding_free(b);
	return client_id;
}

static const char *
client_of(const char *id, bool custom)
{
	return client_in(id, custom, NULL);
}

/* ---- using one ---- */

static void
custom_service_gets_no_default_ones_app(void **state)
{
	(void)state;
	assert_int_equal(set_app("google", false, "ours"), 0);
	assert_int_equal(set_app("of_later", false, "ours"), 0);
	assert_string_equal(client_of("google", true), "");
	assert_string_equal(client_of("of_later", true), "");
	assert_string_equal(client_of("google", false), "ours");
	assert_string_equal(client_of("of_later", false), "ours");
}

static void
default_service_gets_no_custom_ones_app(void **state)
{
	(void)state;
	assert_int_equal(set_app("of_later", true, "theirs"), 0);
	assert_string_equal(client_of("of_later", false), "");
	assert_string_equal(client_of("of_later", true), "theirs");
}

static void
app_of_before_is_a_default_services_where_one_is_called_so(void **state)
{
	(void)state;
	store_app_of_before("google", "", "ours");
	store_app_of_before("slack", "", "ours");
	store_app_of_before("acme", "", "theirs");
	assert_string_equal(client_of("google", true), "");
	assert_string_equal(client_of("google", false), "ours");
	assert_string_equal(client_of("slack", true), "");
	assert_string_equal(client_of("acme", true), "theirs");
	/* a service that the catalogue has no more */
	assert_string_equal(client_of("acme", false), "theirs");
}

static void
others_app_of_the_data_centre_hides_not_the_own_one_for_all(void **state)
{
	(void)state;
	store_app_of_before("google", "eu", "ours in eu");
	assert_string_equal(client_in("google", true, "eu"), "");
	assert_int_equal(set_app("google", true, "theirs"), 0);
	assert_string_equal(client_in("google", true, "eu"), "theirs");
	assert_string_equal(client_in("google", false, "eu"), "ours in eu");
	assert_string_equal(client_in("google", false, "us"), "");
}

/* ---- setting one ---- */

static void
custom_services_app_is_not_written_over_a_default_ones(void **state)
{
	(void)state;
	assert_int_equal(set_app("google", false, "ours"), 0);
	assert_int_equal(set_app("google", true, "theirs"), ERR_FORBIDDEN);
	assert_string_equal(client_of("google", false), "ours");
	store_app_of_before("microsoft", "", "ours");
	assert_int_equal(set_app("microsoft", true, "theirs"), ERR_FORBIDDEN);
	assert_string_equal(client_of("microsoft", false), "ours");
	/* nor where it opens no more */
	assert_int_equal(store_exec(k->db, NULL,
				    "UPDATE apps SET version = version + 1",
				    ""),
			 0);
	assert_int_equal(set_app("google", true, "theirs"), ERR_FORBIDDEN);
	assert_int_equal(set_app("google", false, "ours again"), 0);
	assert_string_equal(client_of("google", false), "ours again");
	assert_int_equal(set_app("test_desk", true, "theirs again"), 0);
	assert_string_equal(client_of("test_desk", true), "theirs again");
}

static void
own_app_is_set_again_and_again(void **state)
{
	(void)state;
	store_app_of_before("acme", "", "theirs");
	assert_int_equal(set_app("acme", true, "theirs, anew"), 0);
	assert_int_equal(set_app("acme", true, "theirs, again"), 0);
	assert_string_equal(client_of("acme", true), "theirs, again");
	assert_string_equal(client_of("acme", false), "");
}

/* A newer catalogue's service has the id of a custom one. */
static void
id_that_became_a_default_services_gets_its_own_app(void **state)
{
	struct asked a;

	(void)state;
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, 0);
	assert_int_equal(provider.refreshes, 1);
	assert_int_equal(set_app("test_desk", false, "client"), 0);
	assert_string_equal(client_of("test_desk", false), "client");
	assert_string_equal(client_of("test_desk", true), "");
	/* the custom one's grants get nothing of it, not even its client id */
	get(0, &a, CONNECT_KEEPER_REFRESH);
	assert_int_equal(a.err, ERR_NOT_FOUND);
	assert_string_equal(a.problem.code, "app_missing");
	assert_int_equal(provider.refreshes, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(custom_service_gets_no_default_ones_app),
		CASE(default_service_gets_no_custom_ones_app),
		CASE(app_of_before_is_a_default_services_where_one_is_called_so),
		CASE(others_app_of_the_data_centre_hides_not_the_own_one_for_all),
		CASE(custom_services_app_is_not_written_over_a_default_ones),
		CASE(own_app_is_set_again_and_again),
		CASE(id_that_became_a_default_services_gets_its_own_app),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
