/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: makes a data folder ready and claims its owner.
 *
 * Works on the server's own machine alone, over its socket: whoever may read
 * the data folder may say who owns what is in it.
 */
#include "cli/cli_priv.h"

enum { PASSWORD_MAX = 1024 };

static const struct cli_option init_options[] = {
	{ "owner", CLI_VALUE, "EMAIL", "the owner's e-mail address" },
	{ "name", CLI_VALUE, "NAME", "the owner's name" },
	{ "password-file", CLI_VALUE, "FILE",
	  "the password (default: standard input)" },
	{ NULL },
};

static int
password_get(struct cli *c, struct secret **out)
{
	const char *file = cli_value(&c->args, "password-file");

	return file ? cli_secret_read(file, PASSWORD_MAX, out)
		    : cli_secret_ask("Password of the owner", PASSWORD_MAX,
				     out);
}

static int
init_run(struct cli *c)
{
	const char *owner = cli_value(&c->args, "owner");
	const char *name = cli_value(&c->args, "name");
	struct secret *password;
	struct cli_answer a;
	struct cli_place place;
	struct cli_body b;
	struct slice body;
	int rc;

	if (!owner)
		return cli_misused(c, "--owner is missing");
	rc = cli_place_find(c, &place);
	if (!rc && !place.local)
		rc = cli_fail(CLI_USAGE,
			      "an owner is claimed on the server's own "
			      "machine: with --data, not with an address");
	if (!rc)
		rc = password_get(c, &password);
	if (rc)
		return rc;
	cli_body_init(&b);
	cli_body_members(
		&b, json_pack("{s:s, s:s*}", "email", owner, "name", name));
	cli_body_secret(&b, "password", password);
	secret_free(password);
	rc = cli_body_end(&b, &body)
		     ? cli_fail(CLI_USAGE, "the owner cannot be sent so")
		     : cli_request(c, "POST", "/v1/owner", body, &a);
	cli_body_release(&b);
	if (rc)
		return rc;
	if (c->json)
		rc = cli_show_raw(&a);
	cli_say(c, "%s owns %s now.", owner, place.data);
	cli_answer_release(&a);
	return rc;
}

const struct cli_command cli_init_commands[] = {
	{ "init", "--owner EMAIL",
	  "make a data folder ready, and say who owns it",
	  "The folder is made where it is not there yet.  The password comes "
	  "from standard\ninput (asked for on a terminal) or from a file.  "
	  "Works beside a running server\nand without one; once only: an "
	  "owner who is there is not replaced.",
	  init_run, init_options },
	{ NULL },
};
