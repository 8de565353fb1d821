/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow list, show, import, export, publish, delete, chat: bots.
 */
#include "cli/cli_priv.h"

enum { FILE_MAX = 2 * 1024 * 1024 };

static const struct cli_column flow_columns[] = {
	{ "LINK", "link_name" },
	{ "NAME", "name" },
	{ "PUBLISHED", "published_version" },
	{ "ERRORS", "errors" },
	{ "UNSHARED", "unshared" },
	{ "OWNER", "owner.name" },
	{ NULL },
};

static int
list_run(struct cli *c)
{
	json_t *list;
	int rc = cli_request_list(c, "/v1/flows", 0, &list);

	if (rc)
		return rc;
	rc = cli_show_list(c, list, flow_columns, "There is no flow yet.");
	json_decref(list);
	return rc;
}

/* Problems, a line each, on standard output. */
static int
problems_show(const json_t *problems)
{
	static const char *const heads[] = { "SEVERITY", "BLOCK", "AT",
					     "PROBLEM" };
	static const char *const keys[] = { "severity", "block", "pointer",
					    "detail" };
	struct cli_table t;
	const json_t *p;
	struct buf out;
	size_t i, k;
	int rc = CLI_OK;

	if (!json_array_size(problems))
		return CLI_OK;
	cli_table_init(&t, heads, ARRAY_LEN(heads));
	json_array_foreach((json_t *)(uintptr_t)problems, i,
			   p) for (k = 0; k < ARRAY_LEN(keys); k++)
		cli_table_put(&t,
			      json_string_value(json_object_get(p, keys[k])));
	buf_init(&out, 1 << 20);
	if (!cli_table_write(&t, &out))
		rc = cli_put(buf_slice(&out));
	buf_release(&out);
	cli_table_release(&t);
	return rc;
}

static int
show_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "Link name", "link_name" },
		{ "Name", "name" },
		{ "Owner", "owner.name" },
		{ "Published version", "published_version" },
		{ "Published", "published_at" },
		{ "Changed", "updated_at" },
		{ "Draft saved by", "saved_by.name" },
		{ "Errors", "errors" },
		{ "Warnings", "warnings" },
		{ "No more shared", "unshared" },
		{ NULL },
	};
	struct cli_answer a;
	int rc = cli_request(c, "GET",
			     cli_path(c, "/v1/flows/{}", cli_word(c, 0)),
			     SLICE_NONE, &a);

	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	if (!rc && !c->json)
		rc = problems_show(
			json_object_get(cli_answer_json(&a), "problems"));
	cli_answer_release(&a);
	return rc;
}

static int
told(struct cli *c, struct cli_answer *a, const char *what)
{
	const json_t *o = cli_answer_json(a);
	const char *link = json_string_value(json_object_get(o, "link_name"));
	int rc = CLI_OK;

	if (c->json)
		rc = cli_show_raw(a);
	cli_say(c, "The flow %s %s.", link ? link : "", what);
	if (!rc && !c->json)
		rc = problems_show(json_object_get(o, "problems"));
	cli_answer_release(a);
	return rc;
}

static const struct cli_option import_options[] = {
	{ "replace", CLI_VALUE, "FLOW", "as the draft of this one" },
	{ NULL },
};

/* A file as export writes it, or a bare document. */
static json_t *
import_body(struct cli *c, const struct buf *text, bool replace,
	    const char **path)
{
	struct json_problem p = { 0 };
	json_t *file = NULL, *flow;

	if (json_read(buf_slice(text), FILE_MAX, &file, &p)) {
		cli_misused(c, "%s is no JSON: %s", cli_word(c, 0), p.detail);
		return NULL;
	}
	if (!json_is_object(file)) {
		cli_misused(c, "%s must be a JSON object", cli_word(c, 0));
		json_decref(file);
		return NULL;
	}
	flow = json_object_get(file, "flow");
	*path = "/v1/flows";
	if (flow && !replace) {
		*path = "/v1/flows/import";
		return file;
	}
	flow = json_pack("{s:O}", "draft", flow ? flow : file);
	json_decref(file);
	return flow;
}

static int
import_run(struct cli *c)
{
	const char *replace = cli_value(&c->args, "replace"), *path;
	struct cli_answer a;
	struct buf text;
	json_t *body;
	int rc = cli_file_read(cli_word(c, 0), FILE_MAX, &text);

	if (rc)
		return rc;
	body = import_body(c, &text, replace != NULL, &path);
	buf_reset(&text);
	if (!body)
		rc = CLI_USAGE;
	else if (json_write(body, &text))
		rc = CLI_FAILED;
	json_decref(body);
	if (!rc)
		rc = cli_request(c, replace ? "PUT" : "POST",
				 replace ? cli_path(c, "/v1/flows/{}", replace)
					 : path,
				 buf_slice(&text), &a);
	buf_release(&text);
	return rc ? rc : told(c, &a, "is there as a draft");
}

static const struct cli_option export_options[] = {
	{ "version", CLI_VALUE, "N", "this version; else the draft" },
	{ NULL },
};

static int
export_run(struct cli *c)
{
	const char *version = cli_value(&c->args, "version");
	struct cli_answer a;
	char *text;
	int rc = cli_request(c, "GET",
			     cli_path(c, "/v1/flows/{}/export?version={}",
				      cli_word(c, 0),
				      version ? version : "draft"),
			     SLICE_NONE, &a);

	if (rc)
		return rc;
	text = json_dumps(cli_answer_json(&a), JSON_INDENT(2));
	rc = text ? cli_put(slice_str(text)) : CLI_FAILED;
	if (!rc)
		rc = cli_put(SLICE("\n"));
	free(text);
	cli_answer_release(&a);
	return rc;
}

static const struct cli_option publish_options[] = {
	{ "note", CLI_VALUE, "TEXT", "what has changed" },
	{ NULL },
};

static int
publish_run(struct cli *c)
{
	const char *note = cli_value(&c->args, "note");
	json_t *body = json_pack("{s:s}", "note", note ? note : "");
	struct cli_answer a;
	struct buf text;
	int rc;

	buf_init(&text, 64 * 1024);
	rc = json_write(body, &text) ? CLI_FAILED : CLI_OK;
	json_decref(body);
	if (!rc)
		rc = cli_request(
			c, "POST",
			cli_path(c, "/v1/flows/{}/publish", cli_word(c, 0)),
			buf_slice(&text), &a);
	buf_release(&text);
	return rc ? rc : told(c, &a, "is published");
}

static int
delete_run(struct cli *c)
{
	struct cli_answer a;
	int rc = cli_request(c, "DELETE",
			     cli_path(c, "/v1/flows/{}", cli_word(c, 0)),
			     SLICE_NONE, &a);

	if (rc)
		return rc;
	cli_answer_release(&a);
	cli_say(c, "The flow %s is gone, with its conversations.",
		cli_word(c, 0));
	return CLI_OK;
}

const struct cli_command cli_flow_commands[] = {
	{ "flow list", "", "the flows", NULL, list_run },
	{ "flow show", "FLOW", "a flow, and what is wrong with its draft", NULL,
	  show_run, NULL, 1, 1 },
	{ "flow import", "FILE", "a flow out of a file",
	  "FILE (or - for standard input) is as flow export writes it, or a "
	  "bare document.",
	  import_run, import_options, 1, 1 },
	{ "flow export", "FLOW", "a flow as a file, on standard output",
	  "Connections are in it by their link names, and no secrets.",
	  export_run, export_options, 1, 1 },
	{ "flow publish", "FLOW", "put the draft in force",
	  "It runs with your permission to use its connections.", publish_run,
	  publish_options, 1, 1 },
	{ "flow delete", "FLOW", "take a flow away, conversations and all",
	  NULL, delete_run, NULL, 1, 1 },
	{ "flow chat", "FLOW", "talk with a flow, here or on a pipe",
	  "A line is an answer; a choice is made by its number or its text.  "
	  "Where the bot wants your consent, open the link that is shown in a "
	  "browser in which you are signed in; the chat goes on by itself, or "
	  "with \"skip\" without it.",
	  cli_chat_run, cli_chat_options, 1, 1 },
	{ NULL },
};
