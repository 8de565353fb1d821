/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook import: a curl command as a webhook block's request.
 *
 * The command may hold a credential: it is read into locked memory, is no
 * argument, and what is shown is what the server answers.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_priv.h"

enum { COMMAND_MAX = 96 * 1024 };

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void
put_notes(struct buf *out, const json_t *answer)
{
	const char *option;
	json_t *note;
	size_t i;

	json_array_foreach(json_object_get(answer, "notes"), i, note)
	{
		option = text_of(note, "option");
		buf_printf(out, "note: %s%s%s\n", option, option[0] ? ": " : "",
			   text_of(note, "detail"));
	}
	json_array_foreach(json_object_get(answer, "hints"), i, note)
	{
		buf_printf(out, "hint: %s: %s\n", text_of(note, "pointer"),
			   text_of(note, "detail"));
	}
}

static void
put_offers(struct buf *out, const json_t *answer)
{
	json_t *offer, *service;
	size_t i, k;

	json_array_foreach(json_object_get(answer, "offers"), i, offer)
	{
		buf_printf(out,
			   "left out: a credential (%s) in the %s %s; make a "
			   "connection for %s",
			   text_of(offer, "kind"), text_of(offer, "place"),
			   text_of(offer, "name"), text_of(offer, "host"));
		json_array_foreach(json_object_get(offer, "services"), k,
				   service)
		{
			buf_printf(out, "%s%s", k ? ", " : ": ",
				   json_string_value(service));
		}
		buf_putc(out, '\n');
	}
}

/* The request alone on standard output, the rest beside it. */
static int
show(struct cli *c, struct cli_answer *a)
{
	const json_t *answer = cli_answer_json(a);
	struct buf text, safe;
	char *request;
	int rc;

	if (c->json || !answer)
		return cli_show_raw(a);
	request =
		json_dumps(json_object_get(answer, "request"), JSON_INDENT(2));
	if (!request)
		return cli_fail(CLI_FAILED, "out of memory");
	rc = cli_put(slice_str(request));
	if (!rc)
		rc = cli_put(SLICE("\n"));
	free(request);
	buf_init(&text, CLI_ANSWER_MAX);
	buf_init(&safe, CLI_ANSWER_MAX);
	put_offers(&text, answer);
	put_notes(&text, answer);
	while (text.len) {
		struct slice line = slice_head(
			buf_slice(&text), slice_find(buf_slice(&text), '\n'));

		cli_safe(&safe, line);
		buf_putc(&safe, '\n');
		buf_consume(&text,
			    line.len < text.len ? line.len + 1 : line.len);
	}
	fwrite(safe.len ? safe.data : "", 1, safe.len, stderr);
	buf_release(&text);
	buf_release(&safe);
	return rc;
}

static int
import_run(struct cli *c)
{
	const char *file = cli_word(c, 0);
	struct cli_answer a = { 0 };
	struct cli_body b;
	struct secret *s;
	struct slice body;
	int rc;

	if (!file || !strcmp(file, "-"))
		/* A terminal too is read to its end: a command may have
		 * several lines. */
		file = isatty(STDIN_FILENO) ? "/dev/stdin" : NULL;
	rc = file ? cli_secret_read(file, COMMAND_MAX, &s)
		  : cli_secret_ask("Command", COMMAND_MAX, &s);
	if (rc)
		return rc;
	cli_body_init(&b);
	cli_body_secret(&b, "curl", s);
	secret_free(s);
	if (cli_body_end(&b, &body))
		rc = cli_fail(CLI_USAGE, "this is too much, or no UTF-8");
	if (!rc)
		rc = cli_request(c, "POST", "/v1/webhooks/import", body, &a);
	cli_body_release(&b);
	if (rc)
		return rc;
	rc = show(c, &a);
	cli_answer_release(&a);
	return rc;
}

const struct cli_command cli_webhook_import_commands[] = {
	{ "webhook import", "[FILE|-]", "a curl command as a webhook's request",
	  "Reads the command from a file or standard input and shows the "
	  "request as JSON.\nCredentials in it are left out: for each there "
	  "is a line that says which\nconnection to make.  Nothing is run or "
	  "sent.",
	  import_run, NULL, 0, 1 },
	{ NULL },
};
