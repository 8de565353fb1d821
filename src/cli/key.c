/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key create, list, revoke: what programs call Drawbridge with.
 */
#include "cli/cli_priv.h"

static const struct cli_option create_options[] = {
	{ "role", CLI_VALUE, "ROLE", "admin, builder, viewer or caller" },
	{ "name", CLI_VALUE, "NAME", "what it is for" },
	{ "connection", CLI_LIST, "LINK", "a caller may use this one" },
	{ "method", CLI_LIST, "METHOD", "a caller may send this one" },
	{ "path-prefix", CLI_LIST, "PATH", "a caller may call below this" },
	{ "rate", CLI_VALUE, "N", "calls a minute, of a caller" },
	{ "expires", CLI_VALUE, "TIME",
	  "until when it is good: 2030-01-31T00:00:00Z" },
	{ NULL },
};

static const struct cli_option list_options[] = {
	{ "all", CLI_FLAG, NULL, "everybody's keys, not mine alone" },
	{ NULL },
};

/* The key and what to do with it, for people: it goes from the answer's
 * text to the screen, and is in no tree. */
static int
key_show(struct cli *c, struct cli_answer *a)
{
	static const char *const names[] = { "key", NULL };
	struct json_secret found[1] = { 0 };
	size_t count = 0;
	int rc = CLI_FAILED;

	if (c->json)
		return cli_show_raw(a);
	json_lift_secrets(a->body.data, a->body.len, "", names, found, 1,
			  &count);
	if (count) {
		rc = cli_put(slice_of(secret_peek(found[0].value),
				      secret_len(found[0].value)));
		cli_put(SLICE("\n"));
		fprintf(stderr, "This is shown once.  Send it as "
				"Authorization: Bearer dbk_...\n");
		secret_free(found[0].value);
	}
	return rc;
}

static int
create_run(struct cli *c)
{
	const char *role = cli_value(&c->args, "role");
	const char *name = cli_value(&c->args, "name");
	const char *rate = cli_value(&c->args, "rate");
	struct cli_answer a;
	struct buf text;
	uint64_t number;
	json_t *body;
	int rc;

	if (!role)
		return cli_misused(c, "--role is missing");
	if (rate && slice_to_u64(slice_str(rate), INT32_MAX, &number))
		return cli_misused(c, "--rate wants a number");
	body = json_pack("{s:s, s:s, s:s*}", "role", role, "name",
			 name ? name : role, "expires_at",
			 cli_value(&c->args, "expires"));
	if (rate)
		json_object_set_new(body, "rate_per_minute",
				    json_integer((json_int_t)number));
	rc = cli_list_put(c, "connection", "connections", body);
	if (!rc)
		rc = cli_list_put(c, "method", "methods", body);
	if (!rc)
		rc = cli_list_put(c, "path-prefix", "path_prefixes", body);
	buf_init(&text, 64 * 1024);
	if (!rc && (!body || json_write(body, &text)))
		rc = cli_fail(CLI_USAGE, "this is too much, or no UTF-8");
	if (!rc)
		rc = cli_request(c, "POST", "/v1/keys", buf_slice(&text), &a);
	buf_release(&text);
	json_decref(body);
	if (rc)
		return rc;
	rc = key_show(c, &a);
	cli_answer_release(&a);
	return rc;
}

static int
list_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "ID", "id" },
		{ "NAME", "name" },
		{ "KEY", "prefix" },
		{ "ROLE", "role" },
		{ "MADE", "created_at" },
		{ "UNTIL", "expires_at" },
		{ "REVOKED", "revoked_at" },
		{ NULL },
	};
	json_t *list;
	int rc;

	rc = cli_request_list(
		c, cli_flag(&c->args, "all") ? "/v1/keys?all=true" : "/v1/keys",
		0, &list);
	if (rc)
		return rc;
	rc = cli_show_list(c, list, columns, "There are no keys yet.");
	json_decref(list);
	return rc;
}

static int
revoke_run(struct cli *c)
{
	struct cli_answer a;
	int rc;

	rc = cli_request(c, "DELETE",
			 cli_path(c, "/v1/keys/{}", cli_word(c, 0)), SLICE_NONE,
			 &a);
	if (rc)
		return rc;
	cli_answer_release(&a);
	cli_say(c, "The key %s opens nothing any more.", cli_word(c, 0));
	return CLI_OK;
}

const struct cli_command cli_key_commands[] = {
	{ "key create", "--role ROLE --name NAME",
	  "make a key for a program; it is shown once",
	  "A caller's key can only call, through all connections that its "
	  "member may use or\nthe given ones.  With --json the answer has "
	  "the key as \"key\".",
	  create_run, create_options },
	{ "key list", "", "which keys there are", NULL, list_run,
	  list_options },
	{ "key revoke", "ID", "end a key, at once", NULL, revoke_run, NULL, 1,
	  1 },
	{ NULL },
};
