/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook run: makes a webhook's request once, and shows what has come of it.
 */
#include <stdlib.h>

#include "cli/cli_priv.h"

enum { DOCUMENT_MAX = 1024 * 1024, SHOWN_MAX = 4 * 1024 * 1024 };

static const struct cli_option run_options[] = {
	{ "file", CLI_VALUE, "FILE",
	  "the webhook: {request, connection, response_list} (-: standard "
	  "input)",
	  'f' },
	{ "connection", CLI_VALUE, "LINK", "through this one instead" },
	{ "input", CLI_LIST, "NAME=TEXT", "input.NAME" },
	{ "variables", CLI_VALUE, "FILE",
	  "the other scopes, a JSON object: {\"flow\": {…}, …}" },
	{ "dry-run", CLI_FLAG, NULL, "show the request, and do not send it" },
	{ "paths", CLI_FLAG, NULL,
	  "list the answer's values with their JSONPath" },
	{ NULL },
};

/* ---- the request ---- */

static int
json_file(struct cli *c, const char *file, json_t **out)
{
	struct json_problem p = { 0 };
	struct buf text;
	int rc;

	*out = NULL;
	buf_init(&text, DOCUMENT_MAX);
	rc = cli_file_read(file, DOCUMENT_MAX, &text);
	if (!rc && json_read(buf_slice(&text), DOCUMENT_MAX, out, &p))
		rc = cli_misused(c, "%s is no JSON: %s", file, p.detail);
	buf_release(&text);
	if (!rc && !json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		rc = cli_misused(c, "%s must be a JSON object", file);
	}
	return rc;
}

/* --input NAME=TEXT, beside what the file has. */
static int
inputs_put(struct cli *c, json_t *body)
{
	json_t *input = json_object_get(body, "input");
	const char *text, *value;
	size_t cursor = 0;
	char name[100];

	if (!json_is_object(input)) {
		input = json_object();
		json_object_set_new(body, "input", input);
	}
	while ((text = cli_next(&c->args, "input", &cursor))) {
		value = cli_pair(text, name, sizeof(name));
		if (!value ||
		    json_object_set_new(input, name, json_string(value)))
			return cli_misused(c, "--input wants NAME=TEXT");
	}
	return CLI_OK;
}

static int
body_make(struct cli *c, json_t **body)
{
	const char *file = cli_value(&c->args, "file");
	const char *link = cli_value(&c->args, "connection");
	json_t *variables = NULL;
	int rc;

	*body = NULL;
	if (!file)
		return cli_misused(c, "-f FILE names the webhook");
	rc = json_file(c, file, body);
	if (!rc)
		rc = inputs_put(c, *body);
	if (!rc && link)
		json_object_set_new(*body, "connection", json_string(link));
	if (!rc && cli_flag(&c->args, "dry-run"))
		json_object_set_new(*body, "dry_run", json_true());
	if (!rc && cli_flag(&c->args, "paths"))
		json_object_set_new(*body, "paths", json_true());
	if (!rc && cli_value(&c->args, "variables"))
		rc = json_file(c, cli_value(&c->args, "variables"), &variables);
	if (!rc && variables)
		json_object_set_new(*body, "variables", variables);
	return rc;
}

/* ---- what has come of it ---- */

static const char *
text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static void
put_fields(const json_t *list, const char *mark, struct buf *out)
{
	const json_t *f;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		f = json_array_get(list, i);
		buf_printf(out, "%s %s: %s\n", mark, text_of(f, "name"),
			   text_of(f, "value"));
	}
}

static void
put_lines(const char *text, const char *mark, struct buf *out)
{
	struct slice rest = slice_str(text), line;

	while (slice_next(&rest, '\n', &line))
		buf_printf(out, "%s %.*s\n", mark, SLICE_ARG(line));
}

static void
put_request(const json_t *r, struct buf *out)
{
	if (!json_is_object(r))
		return;
	buf_printf(out, "> %s %s\n", text_of(r, "method"), text_of(r, "url"));
	put_fields(json_object_get(r, "headers"), ">", out);
	if (text_of(r, "body")[0])
		put_lines(text_of(r, "body"), ">", out);
	if (text_of(r, "replaced_host")[0])
		buf_printf(out, "  in place of %s\n",
			   text_of(r, "replaced_host"));
}

static void
put_response(const json_t *r, struct buf *out)
{
	const json_t *body = json_object_get(r, "body");
	char *text;

	if (!json_is_object(r))
		return;
	buf_printf(out, "< %lld\n",
		   (long long)json_integer_value(json_object_get(r, "status")));
	put_fields(json_object_get(r, "headers"), "<", out);
	text = json_is_string(body)
		       ? NULL
		       : json_dumps(body, JSON_INDENT(2) | JSON_ENCODE_ANY);
	put_lines(text ? text : text_of(r, "body"), "<", out);
	free(text);
	if (json_is_true(json_object_get(r, "truncated")))
		buf_puts(out, "< … (cut at max_bytes)\n");
}

/* What a mapping could take, ready to be copied. */
static void
put_paths(const json_t *list, struct buf *out)
{
	const json_t *item;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		item = json_array_get(list, i);
		buf_printf(out, "%s = ", text_of(item, "path"));
		json_write(json_object_get(item, "value"), out);
		buf_putc(out, '\n');
	}
}

static void
put_outcome(const json_t *all, struct buf *out)
{
	const json_t *problem = json_object_get(all, "problem");
	const json_t *variables = json_object_get(all, "variables");
	const char *name;
	json_t *value;

	if (text_of(all, "rule")[0])
		buf_printf(out, "rule: %s\n", text_of(all, "rule"));
	buf_printf(out, "path: %s\n",
		   text_of(all, "path")[0] ? text_of(all, "path")
					   : "- (not sent)");
	json_object_foreach((json_t *)(uintptr_t)variables, name, value)
	{
		buf_printf(out, "%s = ", name);
		json_write(value, out);
		buf_putc(out, '\n');
	}
	if (!json_is_object(problem))
		return;
	buf_printf(out, "problem: %s: %s\n", text_of(problem, "code"),
		   text_of(problem, "detail"));
	if (text_of(problem, "hint")[0])
		buf_printf(out, "  %s\n", text_of(problem, "hint"));
}

/* Line by line, safe for a terminal. */
static int
put_safe(const struct buf *text)
{
	struct slice rest = buf_slice(text), line;
	struct buf safe;
	int rc;

	buf_init(&safe, 8 * SHOWN_MAX);
	while (slice_next(&rest, '\n', &line)) {
		cli_safe(&safe, line);
		buf_putc(&safe, '\n');
	}
	rc = cli_put(buf_slice(&safe));
	buf_release(&safe);
	return rc;
}

static int
result_show(const json_t *all)
{
	const json_t *response = json_object_get(all, "response");
	struct buf out, end;
	int rc;

	buf_init(&out, SHOWN_MAX);
	buf_init(&end, SHOWN_MAX);
	put_request(json_object_get(all, "request"), &out);
	put_response(response, &out);
	put_paths(json_object_get(all, "paths"), &out);
	put_outcome(all, &end);
	rc = put_safe(&out);
	if (!rc && buf_err(&out))
		rc = cli_put(SLICE("… (--json shows all of it)\n"));
	if (!rc)
		rc = put_safe(&end);
	buf_release(&out);
	buf_release(&end);
	return rc;
}

/* 0: an expected answer (or, with nothing expected, one below 400). */
static int
result_code(const json_t *all, const json_t *body)
{
	const json_t *problem = json_object_get(all, "problem");
	const json_t *response = json_object_get(all, "response");
	const char *path = text_of(all, "path"), *code;
	json_int_t status =
		json_integer_value(json_object_get(response, "status"));

	if (!strcmp(path, "other"))
		return json_array_size(
			       json_object_get(body, "response_list")) == 0 &&
				       status < 400
			       ? CLI_OK
			       : CLI_FAILED;
	if (strcmp(path, "no_answer") != 0)
		return CLI_OK;
	code = text_of(problem, "code");
	if (!strcmp(code, "connection_not_found"))
		return CLI_NOT_FOUND;
	if (!strcmp(code, "forbidden") ||
	    !strcmp(code, "destination_not_allowed"))
		return CLI_REFUSED;
	return CLI_FAILED;
}

static int
run_run(struct cli *c)
{
	struct cli_answer a;
	struct buf text;
	json_t *body;
	int rc = body_make(c, &body), shown;

	buf_init(&text, 2 * DOCUMENT_MAX);
	if (!rc && json_write(body, &text))
		rc = cli_misused(c, "the webhook is too large");
	if (!rc)
		rc = cli_request(c, "POST", "/v1/webhooks/run",
				 buf_slice(&text), &a);
	buf_release(&text);
	if (!rc) {
		rc = result_code(cli_answer_json(&a), body);
		shown = c->json ? cli_show_raw(&a)
				: result_show(cli_answer_json(&a));
		if (shown)
			rc = shown;
		cli_answer_release(&a);
	}
	json_decref(body);
	return rc;
}

const struct cli_command cli_webhook_commands[] = {
	{ "webhook run", "-f FILE", "make a webhook's request once",
	  "The file is what a webhook block holds; docs/webhooks.md describes "
	  "it.  Shown are the\nrequest as it went out, with secrets masked, the "
	  "answer, the path that a flow\nwould take and the variables it would "
	  "set.  The exit code is 0 for an expected\nanswer, 3 for an unknown "
	  "connection, 4 for a refusal, and 1 for any other\noutcome.",
	  run_run, run_options },
	{ NULL },
};
