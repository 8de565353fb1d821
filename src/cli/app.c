/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app set, show: the OAuth app that was registered with a service.
 */
#include "cli/cli_priv.h"

enum { CLIENT_SECRET_MAX = 16 * 1024 };

static const struct cli_option set_options[] = {
	{ "client-id", CLI_VALUE, "ID", "as the service gave it" },
	{ "client-secret-file", CLI_VALUE, "FILE",
	  "the client secret (default: standard input)" },
	{ "public", CLI_FLAG, NULL, "there is no client secret" },
	{ "data-centre", CLI_VALUE, "NAME",
	  "for this data centre alone (eu, in …)" },
	{ "parameter", CLI_LIST, "NAME=VALUE", "a parameter of the service" },
	{ NULL },
};

static const struct cli_option show_options[] = {
	{ "data-centre", CLI_VALUE, "NAME", "of this data centre" },
	{ NULL },
};

static int
secret_put(struct cli *c, struct cli_body *b)
{
	const char *file = cli_value(&c->args, "client-secret-file");
	struct secret *s;
	int rc;

	if (cli_flag(&c->args, "public"))
		return CLI_OK;
	rc = file ? cli_secret_read(file, CLIENT_SECRET_MAX, &s)
		  : cli_secret_ask("Client secret", CLIENT_SECRET_MAX, &s);
	if (rc)
		return rc;
	cli_body_secret(b, "client_secret", s);
	secret_free(s);
	return CLI_OK;
}

static int
set_run(struct cli *c)
{
	const char *id = cli_value(&c->args, "client-id");
	struct cli_answer a = { 0 };
	struct cli_body b;
	struct slice body;
	json_t *members;
	int rc;

	if (!id)
		return cli_misused(c, "--client-id is missing");
	members = json_pack("{s:s, s:s*}", "client_id", id, "data_centre",
			    cli_value(&c->args, "data-centre"));
	rc = cli_parameters_put(c, members);
	cli_body_init(&b);
	cli_body_members(&b, members);
	if (!rc)
		rc = secret_put(c, &b);
	if (!rc && cli_body_end(&b, &body))
		rc = cli_fail(CLI_USAGE, "this is too much, or no UTF-8");
	if (!rc)
		rc = cli_request(
			c, "PUT",
			cli_path(c, "/v1/services/{}/app", cli_word(c, 0)),
			body, &a);
	cli_body_release(&b);
	if (rc)
		return rc;
	if (c->json && a.body.len)
		rc = cli_show_raw(&a);
	cli_say(c, "The OAuth app of %s is set.", cli_word(c, 0));
	cli_answer_release(&a);
	return rc;
}

/* One line for each data centre that has an app of its own. */
static int
apps_show(struct cli *c, struct cli_answer *a)
{
	static const struct cli_column columns[] = {
		{ "DATA CENTRE", "data_centre" }, { "CLIENT ID", "client_id" },
		{ "SET", "updated_at" },	  { "REFUSED", "flagged_at" },
		{ "BECAUSE", "flagged" },	  { NULL },
	};
	json_t *list = json_pack("{s:O}", "items",
				 json_object_get(cli_answer_json(a), "apps"));
	const char *none =
		arena_printf(c->arena,
			     "There is no app yet: `drawbridge app set %s` "
			     "sets one.",
			     cli_word(c, 0));
	int rc;

	rc = cli_put(SLICE("\n"));
	if (!rc)
		rc = list && none ? cli_show_list(c, list, columns, none)
				  : CLI_FAILED;
	json_decref(list);
	return rc;
}

static int
show_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "Service", "service" },
		{ "Redirect URI", "redirect_uri" },
		{ NULL },
	};
	const char *dc = cli_value(&c->args, "data-centre");
	struct cli_answer a;
	int rc;

	rc = cli_request(
		c, "GET",
		dc ? cli_path(c, "/v1/services/{}/app?data_centre={}",
			      cli_word(c, 0), dc)
		   : cli_path(c, "/v1/services/{}/app", cli_word(c, 0)),
		SLICE_NONE, &a);
	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	if (!rc && !c->json)
		rc = apps_show(c, &a);
	cli_answer_release(&a);
	return rc;
}

const struct cli_command cli_app_commands[] = {
	{ "app set", "SERVICE --client-id ID",
	  "the OAuth app you registered with a service",
	  "Services of one provider share an app.  The client secret comes "
	  "from a file or\nstandard input, never as an argument, and cannot "
	  "be read again.",
	  set_run, set_options, 1, 1 },
	{ "app show", "SERVICE",
	  "which OAuth app a service has, and the "
	  "redirect URI for it",
	  NULL, show_run, show_options, 1, 1 },
	{ NULL },
};
