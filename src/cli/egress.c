/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress list, allow, remove: private destinations that calls may reach.
 */
#include "cli/cli_priv.h"

static const struct cli_option allow_options[] = {
	{ "note", CLI_VALUE, "TEXT", "what is there" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "ID", "id" },
	{ "DESTINATION", "destination" },
	{ "NOTE", "note" },
	{ "BY", "created_by.name" },
	{ "SINCE", "created_at" },
	{ NULL },
};

static void
warn_locked(const struct cli *c, const json_t *answer)
{
	if (!c->json && json_is_true(json_object_get(answer, "locked")))
		fprintf(stderr, "The server runs with --egress-lock: nothing "
				"of this counts.\n");
}

static int
list_run(struct cli *c)
{
	struct cli_answer a;
	const json_t *list;
	int rc;

	rc = cli_request(c, "GET", "/v1/egress-destinations", SLICE_NONE, &a);
	if (rc)
		return rc;
	list = cli_answer_json(&a);
	rc = cli_show_list(c, list, columns,
			   "The owner has allowed no private destinations.");
	warn_locked(c, list);
	cli_answer_release(&a);
	return rc;
}

static int
allow_run(struct cli *c)
{
	struct cli_answer a;
	struct buf text;
	json_t *body;
	int rc = CLI_OK;

	body = json_pack("{s:s, s:s*}", "destination", cli_word(c, 0), "note",
			 cli_value(&c->args, "note"));
	buf_init(&text, 16 * 1024);
	if (!body || json_write(body, &text))
		rc = cli_fail(CLI_USAGE, "this is too much, or no UTF-8");
	if (!rc)
		rc = cli_request(c, "POST", "/v1/egress-destinations",
				 buf_slice(&text), &a);
	buf_release(&text);
	json_decref(body);
	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	cli_answer_release(&a);
	return rc;
}

static int
remove_run(struct cli *c)
{
	struct cli_answer a;
	int rc;

	rc = cli_request(
		c, "DELETE",
		cli_path(c, "/v1/egress-destinations/{}", cli_word(c, 0)),
		SLICE_NONE, &a);
	if (rc)
		return rc;
	cli_answer_release(&a);
	cli_say(c, "Calls do not go there any more.");
	return CLI_OK;
}

const struct cli_command cli_egress_commands[] = {
	{ "egress list", "", "private destinations that the owner allows",
	  "What the operator allows (serve --egress-allow) is not among them.",
	  list_run },
	{ "egress allow", "NETWORK:PORT",
	  "let calls reach a private destination",
	  "NETWORK:PORT is 10.1.2.3:443, 10.1.2.0/24:443 or "
	  "[fd12:3456::]/48:443, within one\nprivate network.  It counts at "
	  "once.  This takes an owner, and a server without\n--egress-lock.",
	  allow_run, allow_options, 1, 1 },
	{ "egress remove", "ID", "allow a private destination no more, at once",
	  "Calls under way may end.", remove_run, NULL, 1, 1 },
	{ NULL },
};
