/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection …: making connections and looking after them.
 */
#include "cli/cli_priv.h"

#define CREDENTIAL_OPTIONS \
	{ "credential", CLI_LIST, "NAME=@FILE", \
	  "a value of the method's fields, from a file" }, \
		{ "credential-stdin", CLI_VALUE, "NAME", \
		  "the same, from standard input" }, \
	{ \
		"credential-text", CLI_LIST, "NAME=VALUE", \
			"a value that is no secret, such as a user name" \
	}

static const struct cli_option create_options[] = {
	{ "service", CLI_VALUE, "ID", "what to connect to" },
	{ "link-name", CLI_VALUE, "LINK", "what programs call it by" },
	{ "method", CLI_VALUE, "NAME", "how to authenticate" },
	{ "scope", CLI_LIST, "SCOPE", "what it may do" },
	{ "second-scope", CLI_LIST, "SCOPE",
	  "of a service with a second list (Slack's user scopes)" },
	{ "parameter", CLI_LIST, "NAME=VALUE", "a parameter of the service" },
	CREDENTIAL_OPTIONS,
	{ "per-user", CLI_FLAG, NULL, "each user gives his own consent" },
	{ NULL },
};

static const struct cli_option change_options[] = {
	{ "name", CLI_VALUE, "NAME", "its name for people" },
	{ "scope", CLI_LIST, "SCOPE", "the scopes, all of them" },
	{ "second-scope", CLI_LIST, "SCOPE", "those of the second list" },
	{ "parameter", CLI_LIST, "NAME=VALUE", "the parameters, all" },
	{ "owner", CLI_VALUE, "MEMBER", "give it to this member (an id)" },
	{ NULL },
};

static const struct cli_option credentials_options[] = {
	CREDENTIAL_OPTIONS,
	{ "force", CLI_FLAG, NULL,
	  "use it without a test: where the service does not take it, or "
	  "cannot be asked" },
	{ NULL },
};

static const struct cli_option list_options[] = {
	{ "service", CLI_VALUE, "ID", "those to this service" },
	{ "status", CLI_VALUE, "STATUS",
	  "connected, not_connected, needs_reconnect, disabled, revoked" },
	{ "search", CLI_VALUE, "TEXT", "those with this in their name" },
	{ NULL },
};

static const struct cli_option delete_options[] = {
	{ "force", CLI_FLAG, NULL, "although it is in use" },
	{ NULL },
};

static const struct cli_option calls_options[] = {
	{ "limit", CLI_VALUE, "N", "how many (50)" },
	{ NULL },
};

static const struct cli_column object_columns[] = {
	{ "Link name", "link_name" },
	{ "Name", "name" },
	{ "Service", "service" },
	{ "Method", "method" },
	{ "Status", "status" },
	{ "Reason", "reason" },
	{ "Health", "health" },
	{ "Degraded because", "health_reason" },
	{ "Degraded since", "health_since" },
	{ "Tried again", "retry_at" },
	{ "Account", "account" },
	{ "Data centre", "data_centre" },
	{ "Scopes asked", "scopes_asked" },
	{ "User scopes", "second_scopes_asked" },
	{ "Scopes granted", "scopes_granted" },
	{ "Parameters", "parameters" },
	{ "Owner", "owner" },
	{ "Per user", "per_user" },
	{ "Made", "created_at" },
	{ "Last used", "last_used_at" },
	{ "Token until", "expires_at" },
	{ "Access until", "expires_forecast.at" },
	{ "Because", "expires_forecast.detail" },
	{ "Users connected", "users.connected" },
	{ "Users to reconnect", "users.needs_reconnect" },
	{ "Users that revoked", "users.revoked" },
	{ "Users degraded", "users.degraded" },
	{ "Users ending soon", "users.expiring" },
	{ "Warning", "warning" },
	{ NULL },
};

/* ---- one request, one object ---- */

static int
object_request(struct cli *c, const char *method, const char *path,
	       struct slice body, const struct cli_column *columns)
{
	struct cli_answer a;
	int rc = cli_request(c, method, path, body, &a);

	if (rc)
		return rc;
	if (a.body.len)
		rc = cli_show_object(c, &a, columns);
	cli_answer_release(&a);
	return rc;
}

/* The flows that call it, a line each, from what /usage has said. */
static int
flows_show(struct cli *c, const json_t *usage)
{
	static const struct cli_column columns[] = {
		{ "FLOW", "link_name" },
		{ "NAME", "name" },
		{ "IN ITS DRAFT", "draft" },
		{ "PUBLISHED", "published" },
		{ NULL },
	};
	const json_t *flows = json_object_get(usage, "flows");
	json_t *list;
	int rc;

	if (!json_array_size(flows)) {
		cli_say(c, "No flow uses it.");
		return CLI_OK;
	}
	list = json_pack("{s:O}", "items", flows);
	rc = cli_show_list(c, list, columns, "");
	json_decref(list);
	return rc;
}

static int
show_run(struct cli *c)
{
	struct cli_answer a;
	int rc = object_request(
		c, "GET", cli_path(c, "/v1/connections/{}", cli_word(c, 0)),
		SLICE_NONE, object_columns);

	if (rc || c->json)
		return rc;
	rc = cli_request(
		c, "GET",
		cli_path(c, "/v1/connections/{}/usage", cli_word(c, 0)),
		SLICE_NONE, &a);
	if (rc)
		return rc;
	rc = flows_show(c, cli_answer_json(&a));
	cli_answer_release(&a);
	return rc;
}

/* refresh, revoke, disable, enable, usage: the last word of the name. */
static const char *
action_path(struct cli *c)
{
	return cli_path(c, "/v1/connections/{}/{}", cli_word(c, 0),
			strrchr(c->command->name, ' ') + 1);
}

static int
action_run(struct cli *c)
{
	return object_request(c, "POST", action_path(c), SLICE_NONE,
			      object_columns);
}

static int
revoke_run(struct cli *c)
{
	if (cli_bulk_given(c) && !cli_word(c, 0))
		return cli_bulk_run(c);
	if (cli_bulk_given(c) || !cli_word(c, 0))
		return cli_misused(c, "one of LINK, --all, --service and "
				      "--owner");
	return object_request(c, "POST", action_path(c), SLICE_NONE, NULL);
}

static int
usage_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "Calls, a day", "calls_last_day" },
		{ "Failed, a day", "failed_last_day" },
		{ "Last used", "last_used_at" },
		{ "Keys", "keys" },
		{ NULL },
	};
	struct cli_answer a;
	int rc = cli_request(c, "GET", action_path(c), SLICE_NONE, &a);

	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	if (!rc && !c->json)
		rc = flows_show(c, cli_answer_json(&a));
	cli_answer_release(&a);
	return rc;
}

/* The request was made; what it has found is in the answer. */
static int
test_run(struct cli *c)
{
	struct cli_answer a;
	const json_t *ok;
	int rc;

	rc = cli_request(c, "POST", action_path(c), SLICE_NONE, &a);
	if (rc)
		return rc;
	rc = cli_show_object(c, &a, NULL);
	ok = json_object_get(cli_answer_json(&a), "ok");
	if (!rc && json_is_false(ok))
		rc = CLI_FAILED;
	cli_answer_release(&a);
	return rc;
}

/* That it is gone, and what became of its access at the service. */
static void
deleted_say(struct cli *c, struct cli_answer *a)
{
	const json_t *o = cli_answer_json(a);
	const char *detail = json_string_value(json_object_get(o, "detail"));
	bool confirmed = json_is_true(json_object_get(o, "revoked_upstream"));

	cli_say(c, "The connection %s is gone.%s%s%s", cli_word(c, 0),
		confirmed ? " The service has confirmed that its access is "
			    "revoked."
			  : "",
		detail ? " " : "", detail ? detail : "");
}

static int
delete_run(struct cli *c)
{
	struct cli_answer a;
	bool force = cli_flag(&c->args, "force");
	int rc;

	rc = cli_request(c, "DELETE",
			 cli_path(c,
				  force ? "/v1/connections/{}?force=true"
					: "/v1/connections/{}",
				  cli_word(c, 0)),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	if (c->json && a.body.len)
		rc = cli_show_raw(&a);
	deleted_say(c, &a);
	cli_answer_release(&a);
	return rc;
}

/* ---- lists ---- */

static int
list_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "LINK", "link_name" },    { "NAME", "name" },
		{ "SERVICE", "service" },   { "STATUS", "status" },
		{ "ACCOUNT", "account" },   { "OWNER", "owner" },
		{ "USED", "last_used_at" }, { NULL },
	};
	static const char *const names[][2] = {
		{ "service", "service" },
		{ "status", "status" },
		{ "search", "q" },
	};
	const char *path = "/v1/connections?", *value;
	json_t *list;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		value = cli_value(&c->args, names[i][0]);
		if (value)
			path = arena_printf(c->arena, "%s%s=%s&", path,
					    names[i][1],
					    cli_path(c, "{}", value));
		if (!path)
			return cli_fail(CLI_USAGE, "this is too much");
	}
	path = arena_slice(c->arena,
			   slice_head(slice_str(path), strlen(path) - 1));
	rc = cli_request_list(c, path, 0, &list);
	if (rc)
		return rc;
	rc = cli_show_list(c, list, columns, "There are no connections.");
	json_decref(list);
	return rc;
}

static int
calls_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "AT", "at" },		{ "METHOD", "method" },
		{ "HOST", "host" },	{ "PATH", "path" },
		{ "STATUS", "status" }, { "CODE", "code" },
		{ "MS", "total_ms" },	{ NULL },
	};
	const char *text = cli_value(&c->args, "limit");
	uint64_t limit = 50;
	json_t *list;
	int rc;

	if (text && (slice_to_u64(slice_str(text), 100000, &limit) || !limit))
		return cli_misused(c, "--limit wants a number");
	rc = cli_request_list(c, action_path(c), (size_t)limit, &list);
	if (rc)
		return rc;
	rc = cli_show_list(c, list, columns, "There were no calls yet.");
	json_decref(list);
	return rc;
}

/* ---- making and changing ---- */

/* What became of scopes that were given in another spelling. */
static void
scope_notes_say(struct cli *c, const json_t *connection)
{
	const json_t *notes = json_object_get(connection, "scope_notes");
	const char *detail;
	size_t i;

	for (i = 0; i < json_array_size(notes); i++) {
		detail = json_string_value(
			json_object_get(json_array_get(notes, i), "detail"));
		if (detail)
			cli_say(c, "Note: %s", detail);
	}
}

/* Sends what is in b, and shows the connection that comes back; the caller
 * releases *a. */
static int
body_exchange(struct cli *c, const char *method, const char *path,
	      struct cli_body *b, struct cli_answer *a)
{
	struct slice body;
	int rc;

	*a = (struct cli_answer){ 0 };
	if (cli_body_end(b, &body))
		return cli_fail(CLI_USAGE, "this is too much, or no UTF-8");
	rc = cli_request(c, method, path, body, a);
	if (!rc && a->body.len)
		rc = cli_show_object(c, a, object_columns);
	if (!rc && a->body.len)
		scope_notes_say(c, cli_answer_json(a));
	return rc;
}

static int
body_send(struct cli *c, const char *method, const char *path,
	  struct cli_body *b)
{
	struct cli_answer a;
	int rc = body_exchange(c, method, path, b, &a);

	cli_answer_release(&a);
	return rc;
}

/* What creating and changing have in common. */
static int
lists_put(const struct cli *c, json_t *members)
{
	int rc = cli_list_put(c, "scope", "scopes", members);

	if (!rc)
		rc = cli_list_put(c, "second-scope", "second_scopes", members);
	return rc ? rc : cli_parameters_put(c, members);
}

/* Makes it, shows it, and tests what it was given to connect with. */
static int
create_send(struct cli *c, struct cli_body *b)
{
	struct cli_answer a;
	int rc = body_exchange(c, "POST", "/v1/connections", b, &a);

	if (!rc && cli_credentials_given(c))
		cli_credential_try(c, cli_answer_json(&a));
	cli_answer_release(&a);
	return rc;
}

static int
create_run(struct cli *c)
{
	const char *service = cli_value(&c->args, "service");
	struct cli_body b;
	json_t *members;
	int rc;

	if (!service)
		return cli_misused(c, "--service is missing");
	members = json_pack("{s:s, s:s, s:s*, s:s*}", "name", cli_word(c, 0),
			    "service", service, "link_name",
			    cli_value(&c->args, "link-name"), "method",
			    cli_value(&c->args, "method"));
	rc = lists_put(c, members);
	if (cli_flag(&c->args, "per-user"))
		json_object_set_new(members, "per_user", json_true());
	cli_body_init(&b);
	cli_body_members(&b, members);
	if (!rc && cli_credentials_given(c)) {
		cli_body_open(&b, "credentials");
		rc = cli_credentials_put(c, service, &b);
		cli_body_close(&b);
	}
	if (!rc)
		rc = create_send(c, &b);
	cli_body_release(&b);
	return rc;
}

static int
change_run(struct cli *c)
{
	struct cli_body b;
	json_t *members;
	int rc;

	members = json_pack("{s:s*, s:s*}", "name", cli_value(&c->args, "name"),
			    "owner", cli_value(&c->args, "owner"));
	rc = lists_put(c, members);
	cli_body_init(&b);
	cli_body_members(&b, members);
	if (!rc)
		rc = body_send(
			c, "PATCH",
			cli_path(c, "/v1/connections/{}", cli_word(c, 0)), &b);
	cli_body_release(&b);
	return rc;
}

/* The service of a connection, in the command's arena. */
static int
service_of(struct cli *c, const char *link, const char **out)
{
	struct cli_answer a;
	const char *text;
	int rc;

	rc = cli_request(c, "GET", cli_path(c, "/v1/connections/{}", link),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	text = json_string_value(
		json_object_get(cli_answer_json(&a), "service"));
	*out = arena_strdup(c->arena, text ? text : "");
	cli_answer_release(&a);
	return *out ? CLI_OK : cli_fail(CLI_FAILED, "out of memory");
}

static int
credentials_run(struct cli *c)
{
	const char *service;
	struct cli_body b;
	int rc;

	if (!cli_credentials_given(c))
		return cli_misused(c, "which values? --credential NAME=@FILE "
				      "or --credential-stdin NAME");
	rc = service_of(c, cli_word(c, 0), &service);
	if (rc)
		return rc;
	cli_body_init(&b);
	rc = cli_credentials_put(c, service, &b);
	if (!rc)
		rc = body_send(
			c, "PUT",
			cli_path(c,
				 cli_flag(&c->args, "force")
					 ? "/v1/connections/{}/credentials"
					   "?force=true"
					 : "/v1/connections/{}/credentials",
				 cli_word(c, 0)),
			&b);
	cli_body_release(&b);
	return rc;
}

const struct cli_command cli_connection_commands[] = {
	{ "connection list", "",
	  "which connections there are, and how they "
	  "are",
	  NULL, list_run, list_options },
	{ "connection create", "NAME --service ID", "make a connection",
	  "With credentials it is connected at once; one that needs consent "
	  "is connected\nwith `drawbridge connection connect`.  Secrets come "
	  "from files or standard input.\n\nWhere the service has a test "
	  "request it is made then, which takes a while if the\nservice is "
	  "silent.  A credential that it refuses, or that could not be "
	  "tested, is a\nwarning on standard error, also with --json; the "
	  "connection is made, and the exit\nstatus is 0.  Without a test "
	  "request nothing is said.",
	  create_run, create_options, 1, 1 },
	{ "connection show", "LINK", "how a connection is", NULL, show_run,
	  NULL, 1, 1 },
	{ "connection change", "LINK",
	  "change its name, scopes, parameters "
	  "or owner",
	  "More scopes need consent again; until then it goes on as it was.",
	  change_run, change_options, 1, 1 },
	{ "connection connect", "LINK", "give consent in a browser",
	  "Shows a link that anybody may open who is to give the consent, and "
	  "waits until\nhe has.  Where the provider shows an error of its own, "
	  "nobody comes back from it:\ncompare the app there with "
	  "`drawbridge app show SERVICE`.",
	  cli_connect_run, cli_connect_options, 1, 1 },
	{ "connection authorize", "LINK", "a link for giving consent",
	  "Like connect, without waiting.", cli_authorize_run, NULL, 1, 1 },
	{ "connection credentials", "LINK",
	  "replace the key or password of a connection",
	  "All values of the method's fields.  The old ones serve until the "
	  "new ones are\nthere.  Where the service has a test request it is "
	  "made with the new ones first;\nwhat the service does not take, or "
	  "cannot be asked about, changes nothing.",
	  credentials_run, credentials_options, 1, 1 },
	{ "connection test", "LINK", "make its service's test call", NULL,
	  test_run, NULL, 1, 1 },
	{ "connection refresh", "LINK", "get a new token now", NULL, action_run,
	  NULL, 1, 1 },
	{ "connection disable", "LINK", "let no call through", NULL, action_run,
	  NULL, 1, 1 },
	{ "connection enable", "LINK", "let calls through again", NULL,
	  action_run, NULL, 1, 1 },
	{ "connection revoke", "LINK|--all|--service ID|--owner MEMBER",
	  "take its credential back, at the service first",
	  CLI_REVOKES_ALL
	  "\n\nMany at once are for owner and admins: none of them lets a call "
	  "through when it\nreturns, and the providers are asked in the "
	  "background.  What they do not confirm is\nlisted, with what to do "
	  "(`connection report`).",
	  revoke_run, cli_bulk_options, 0, 1 },
	{ "connection delete", "LINK", "revoke a connection and forget it",
	  CLI_REVOKES_ALL, delete_run, delete_options, 1, 1 },
	{ "connection usage", "LINK",
	  "how much it is used, by which flows and keys", NULL, usage_run, NULL,
	  1, 1 },
	{ "connection calls", "LINK", "its last calls", NULL, calls_run,
	  calls_options, 1, 1 },
	{ NULL },
};
