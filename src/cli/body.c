/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of requests: what options say, as JSON, and secrets beside it.
 *
 * A secret goes from locked memory into the text, which is wiped; it is in
 * no JSON tree.
 */
#include "cli/cli_priv.h"

enum { BODY_MAX = 4 * 1024 * 1024 };

/* ---- from options ---- */

/* A restriction that is left out is none: so nothing is left out. */
static int
no_text(const char *option)
{
	return cli_fail(CLI_USAGE, "--%s: this is no UTF-8", option);
}

int
cli_list_put(const struct cli *c, const char *option, const char *member,
	     json_t *body)
{
	json_t *list = json_array();
	const char *value;
	size_t cursor = 0;
	int rc = CLI_OK;

	while (!rc && (value = cli_next(&c->args, option, &cursor)))
		if (json_array_append_new(list, json_string(value)))
			rc = no_text(option);
	if (!rc && json_array_size(list) && json_object_set(body, member, list))
		rc = no_text(option);
	json_decref(list);
	return rc;
}

int
cli_parameters_put(const struct cli *c, json_t *body)
{
	json_t *parameters = json_object();
	const char *text, *value;
	char name[128];
	size_t cursor = 0;
	int rc = CLI_OK;

	while (!rc && (text = cli_next(&c->args, "parameter", &cursor))) {
		value = cli_pair(text, name, sizeof(name));
		if (!value)
			rc = cli_misused(c, "--parameter wants NAME=VALUE");
		else if (json_object_set_new(parameters, name,
					     json_string(value)))
			rc = no_text("parameter");
	}
	if (!rc && json_object_size(parameters) &&
	    json_object_set(body, "parameters", parameters))
		rc = no_text("parameter");
	json_decref(parameters);
	return rc;
}

/* ---- with secrets ---- */

void
cli_body_init(struct cli_body *b)
{
	buf_init(&b->text, BODY_MAX);
	buf_putc(&b->text, '{');
	b->first = true;
}

void
cli_body_release(struct cli_body *b)
{
	buf_wipe(&b->text);
}

static void
body_comma(struct cli_body *b)
{
	if (!b->first)
		buf_putc(&b->text, ',');
	b->first = false;
}

void
cli_body_members(struct cli_body *b, json_t *object)
{
	struct buf text;

	buf_init(&text, BODY_MAX);
	if (!object || json_write(object, &text) || text.len < 2) {
		b->text.err = ERR_NOMEM;
	} else if (text.len > 2) {
		body_comma(b);
		buf_put(&b->text, text.data + 1, text.len - 2);
	}
	buf_release(&text);
	json_decref(object);
}

static void
body_name(struct cli_body *b, const char *name)
{
	body_comma(b);
	buf_putc(&b->text, '"');
	codec_json(&b->text, slice_str(name));
	buf_puts(&b->text, "\":");
}

void
cli_body_secret(struct cli_body *b, const char *name,
		const struct secret *value)
{
	body_name(b, name);
	buf_putc(&b->text, '"');
	codec_json(&b->text, slice_of(secret_peek(value), secret_len(value)));
	buf_putc(&b->text, '"');
}

void
cli_body_open(struct cli_body *b, const char *name)
{
	body_name(b, name);
	buf_putc(&b->text, '{');
	b->first = true;
}

void
cli_body_close(struct cli_body *b)
{
	buf_putc(&b->text, '}');
	b->first = false;
}

int
cli_body_end(struct cli_body *b, struct slice *out)
{
	buf_putc(&b->text, '}');
	*out = buf_slice(&b->text);
	return buf_err(&b->text);
}
