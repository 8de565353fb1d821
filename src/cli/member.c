/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member add, list, change: who belongs to the organisation.
 */
#include "cli/cli_priv.h"

enum { PASSWORD_MAX = 1024 };

static const struct cli_option add_options[] = {
	{ "role", CLI_VALUE, "ROLE", "owner, admin, builder or viewer" },
	{ "name", CLI_VALUE, "NAME", "his name" },
	{ "password-file", CLI_VALUE, "FILE", "his first password" },
	{ "password-stdin", CLI_FLAG, NULL, "the same, from standard input" },
	{ NULL },
};

static const struct cli_option change_options[] = {
	{ "role", CLI_VALUE, "ROLE", "owner, admin, builder or viewer" },
	{ "name", CLI_VALUE, "NAME", "his name" },
	{ "disable", CLI_FLAG, NULL, "he and his keys may do nothing" },
	{ "enable", CLI_FLAG, NULL, "they may again" },
	{ "password-file", CLI_VALUE, "FILE", "a new password" },
	{ "password-stdin", CLI_FLAG, NULL, "the same, from standard input" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "ID", "id" },
	{ "E-MAIL", "email" },
	{ "NAME", "name" },
	{ "ROLE", "role" },
	{ "PASSWORD", "has_password" },
	{ "DISABLED", "disabled" },
	{ "LAST SIGN-IN", "last_sign_in_at" },
	{ NULL },
};

/* members is taken; the password, if one is given, goes beside them. */
static int
member_send(struct cli *c, const char *method, const char *path,
	    json_t *members, struct cli_answer *a)
{
	const char *file = cli_value(&c->args, "password-file");
	struct secret *password = NULL;
	struct cli_body b;
	struct slice body;
	int rc = CLI_OK;

	if (file)
		rc = cli_secret_read(file, PASSWORD_MAX, &password);
	else if (cli_flag(&c->args, "password-stdin"))
		rc = cli_secret_ask("Password", PASSWORD_MAX, &password);
	cli_body_init(&b);
	cli_body_members(&b, members);
	if (password)
		cli_body_secret(&b, "password", password);
	secret_free(password);
	if (!rc && cli_body_end(&b, &body))
		rc = cli_fail(CLI_USAGE, "this is too much, or no UTF-8");
	if (!rc)
		rc = cli_request(c, method, path, body, a);
	cli_body_release(&b);
	return rc;
}

static int
add_run(struct cli *c)
{
	const char *role = cli_value(&c->args, "role");
	struct cli_answer a;
	int rc;

	if (!role)
		return cli_misused(c, "--role is missing");
	rc = member_send(c, "POST", "/v1/members",
			 json_pack("{s:s, s:s, s:s*}", "email", cli_word(c, 0),
				   "role", role, "name",
				   cli_value(&c->args, "name")),
			 &a);
	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	cli_answer_release(&a);
	return rc;
}

static int
list_run(struct cli *c)
{
	json_t *list;
	int rc = cli_request_list(c, "/v1/members", 0, &list);

	if (rc)
		return rc;
	rc = cli_show_list(c, list, columns, "There are no members.");
	json_decref(list);
	return rc;
}

static int
change_run(struct cli *c)
{
	bool disable = cli_flag(&c->args, "disable");
	bool enable = cli_flag(&c->args, "enable");
	struct cli_answer a;
	json_t *members;
	int rc;

	if (disable && enable)
		return cli_misused(c, "--disable and --enable: one of them");
	members = json_pack("{s:s*, s:s*}", "role", cli_value(&c->args, "role"),
			    "name", cli_value(&c->args, "name"));
	if (disable || enable)
		json_object_set_new(members, "disabled", json_boolean(disable));
	rc = member_send(c, "PATCH",
			 cli_path(c, "/v1/members/{}", cli_word(c, 0)), members,
			 &a);
	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	cli_answer_release(&a);
	return rc;
}

const struct cli_command cli_member_commands[] = {
	{ "member add", "EMAIL --role ROLE", "let somebody in",
	  "Without a password he cannot sign in yet.", add_run, add_options, 1,
	  1 },
	{ "member list", "", "who belongs to the organisation", NULL,
	  list_run },
	{ "member change", "MEMBER", "change role, name, password or access",
	  "MEMBER is an id or an e-mail address.  What is not given stays as "
	  "it is.",
	  change_run, change_options, 1, 1 },
	{ NULL },
};
