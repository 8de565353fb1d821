/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection users, leave: who has connected an account of his own, and
 * taking one back.
 */
#include "cli/cli_priv.h"

static const struct cli_option users_options[] = {
	{ "attention", CLI_FLAG, NULL,
	  "only those who must connect again, soon, or look into it" },
	{ NULL },
};

static const struct cli_column list_columns[] = {
	{ "USER", "email" },
	{ "ID", "subject" },
	{ "STATUS", "status" },
	{ "HEALTH", "health" },
	{ "ACCOUNT", "account" },
	{ "ENDS", "expires_forecast.at" },
	{ "REASON", "reason" },
	{ "HEALTH REASON", "health_reason" },
	{ NULL },
};

static const struct cli_column object_columns[] = {
	{ "User", "email" },
	{ "Name", "name" },
	{ "Id", "subject" },
	{ "Status", "status" },
	{ "Reason", "reason" },
	{ "Health", "health" },
	{ "Health reason", "health_reason" },
	{ "Account", "account" },
	{ "Scopes granted", "scopes_granted" },
	{ "Connected", "connected_at" },
	{ "Token until", "expires_at" },
	{ "Access until", "expires_forecast.at" },
	{ "Because", "expires_forecast.detail" },
	{ NULL },
};

static int
user_show(struct cli *c)
{
	struct cli_answer a;
	int rc = cli_request(c, "GET",
			     cli_path(c, "/v1/connections/{}/users/{}",
				      cli_word(c, 0), cli_word(c, 1)),
			     SLICE_NONE, &a);

	if (rc)
		return rc;
	rc = cli_show_object(c, &a, object_columns);
	cli_answer_release(&a);
	return rc;
}

static int
users_run(struct cli *c)
{
	bool attention = cli_flag(&c->args, "attention");
	const char *path;
	json_t *list;
	int rc;

	if (cli_word(c, 1) && attention)
		return cli_fail(CLI_USAGE,
				"--attention is for the list: without USER");
	if (cli_word(c, 1))
		return user_show(c);
	path = cli_path(c,
			attention ? "/v1/connections/{}/users?attention=true"
				  : "/v1/connections/{}/users",
			cli_word(c, 0));
	rc = cli_request_list(c, path, 0, &list);
	if (rc)
		return rc;
	rc = cli_show_list(c, list, list_columns, "There are none.");
	json_decref(list);
	return rc;
}

static int
leave_run(struct cli *c)
{
	const char *user = cli_word(c, 1) ? cli_word(c, 1) : "me";
	const char *detail; /* says what else ends with it */
	struct cli_answer a;
	int rc;

	rc = cli_request(c, "DELETE",
			 cli_path(c, "/v1/connections/{}/users/{}",
				  cli_word(c, 0), user),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	detail = json_string_value(
		json_object_get(cli_answer_json(&a), "detail"));
	if (c->json)
		rc = cli_show_object(c, &a, NULL);
	else
		cli_say(c, "%s is not used any more. %s",
			strcmp(user, "me") ? "The account" : "Your account",
			detail ? detail : "");
	cli_answer_release(&a);
	return rc;
}

const struct cli_command cli_user_commands[] = {
	{ "connection users", "LINK [USER]",
	  "who has connected an account of his own, and who must again",
	  "Of a connection for each user.  USER is an id of the list, or "
	  "\"me\"; all but that is\nfor who may manage the connection.",
	  users_run, users_options, 1, 2 },
	{ "connection leave", "LINK [USER]",
	  "take your own account back from it, or a user's",
	  "Of a connection for each user.  It counts at once; the service is "
	  "told in the\nbackground, and the audit says if it does not confirm. "
	  "Who has left can connect\nagain.  USER is an id of "
	  "`connection users`, for who may manage the connection.\n" CLI_REVOKES_ALL,
	  leave_run, NULL, 1, 2 },
	{ NULL },
};
