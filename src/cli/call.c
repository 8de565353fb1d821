/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call: one call through a connection.
 *
 * The gateway wants a key, also on the server's own machine: there a key is
 * made that opens this connection alone and is good for two minutes, and is
 * ended after the call.
 */
#include <unistd.h>

#include "cli/cli_priv.h"

enum {
	BODY_MAX = 64 * 1024 * 1024,
	FIELDS_MAX = 24 * 1024,
	KEY_LIFE_MS = 120000
};

static const struct cli_option call_options[] = {
	{ "header", CLI_LIST, "'NAME: VALUE'", "a header field", 'H' },
	{ "body", CLI_VALUE, "TEXT", "the request's body; @FILE: that file",
	  'd' },
	{ "body-file", CLI_VALUE, "FILE", "the same (-: standard input)" },
	{ "include", CLI_FLAG, NULL, "show the answer's head too", 'i' },
	{ NULL },
};

/* ---- the request ---- */

static int
header_add(const char *text, struct buf *fields, bool *typed)
{
	struct slice line = slice_str(text);
	size_t colon = slice_find(line, ':');
	struct slice name = slice_head(line, colon);
	struct slice value = slice_trim(slice_from(line, colon + 1));

	if (colon == line.len || !http_is_token(name) ||
	    !http_is_field_value(value))
		return ERR_INVALID;
	*typed |= slice_eq_nocase(name, SLICE("Content-Type"));
	buf_put_slice(fields, name);
	buf_puts(fields, ": ");
	buf_put_slice(fields, value);
	return buf_puts(fields, "\r\n");
}

static int
headers_add(struct cli *c, const struct buf *body, struct buf *fields)
{
	const char *text;
	bool typed = false;
	size_t cursor = 0;

	while ((text = cli_next(&c->args, "header", &cursor)))
		if (header_add(text, fields, &typed))
			return cli_misused(c, "-H wants 'Name: value'");
	if (!body->len || typed)
		return CLI_OK;
	buf_puts(fields, body->data[0] == '{' || body->data[0] == '['
				 ? "Content-Type: application/json\r\n"
				 : "Content-Type: text/plain; "
				   "charset=utf-8\r\n");
	return CLI_OK;
}

static int
body_get(struct cli *c, struct buf *out)
{
	const char *text = cli_value(&c->args, "body");
	const char *file = cli_value(&c->args, "body-file");

	buf_init(out, BODY_MAX);
	if (text && file)
		return cli_misused(c, "--body and --body-file: one of them");
	if (text && text[0] == '@')
		file = text + 1;
	if (file)
		return cli_file_read(file, BODY_MAX, out);
	if (text)
		buf_puts(out, text);
	return CLI_OK;
}

/* LINK [METHOD] PATH */
static int
target_get(struct cli *c, bool has_body, struct cli_stream *s)
{
	size_t last = c->args.word_count - 1;
	const char *path = cli_word(c, last), *why = "";
	const char *method = last == 2	? cli_word(c, 1)
			     : has_body ? "POST"
					: "GET";

	if (!http_is_token(slice_str(method)))
		return cli_misused(c, "\"%s\" is no method", method);
	path = arena_printf(c->arena, "/via/%s%s%s",
			    cli_path(c, "{}", cli_word(c, 0)),
			    path[0] == '/' ? "" : "/", path);
	if (!path || http_path_check(slice_str(path), &why))
		return cli_misused(c, "the path cannot be sent so: %s", why);
	s->method = slice_str(method);
	s->path = slice_str(path);
	return CLI_OK;
}

/* ---- a key for this call ---- */

struct call_key {
	struct secret *text;
	char id[RANDOM_ID_SIZE];
};

static int
key_read(struct cli_answer *a, struct call_key *k)
{
	static const char *const names[] = { "key", NULL };
	struct json_secret found[1] = { 0 };
	const char *id;
	size_t count = 0;

	json_lift_secrets(a->body.data, a->body.len, "", names, found, 1,
			  &count);
	k->text = count ? found[0].value : NULL;
	id = json_string_value(json_object_get(cli_answer_json(a), "id"));
	snprintf(k->id, sizeof(k->id), "%s", id ? id : "");
	return k->text ? CLI_OK
		       : cli_fail(CLI_FAILED, "the server gave no key");
}

static int
key_make(struct cli *c, struct call_key *k)
{
	const char *link = cli_word(c, 0);
	char until[CLOCK_TEXT_SIZE];
	struct cli_answer a;
	struct buf text;
	json_t *body;
	int rc;

	/* Where there is no such connection, this says so. */
	rc = cli_request(c, "GET", cli_path(c, "/v1/connections/{}", link),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	cli_answer_release(&a);
	clock_format(clock_wall_ms() + KEY_LIFE_MS, until);
	body = json_pack("{s:s, s:s, s:[s], s:s}", "name", "drawbridge call",
			 "role", "caller", "connections", link, "expires_at",
			 until);
	buf_init(&text, 4096);
	rc = json_write(body, &text)
		     ? cli_fail(CLI_USAGE, "there is no such connection")
		     : cli_request(c, "POST", "/v1/keys", buf_slice(&text), &a);
	buf_release(&text);
	json_decref(body);
	if (rc)
		return rc;
	rc = key_read(&a, k);
	cli_answer_release(&a);
	return rc;
}

static void
key_end(struct cli *c, struct call_key *k)
{
	struct cli_answer a;

	if (k->id[0] &&
	    !cli_request(c, "DELETE", cli_path(c, "/v1/keys/{}", k->id),
			 SLICE_NONE, &a))
		cli_answer_release(&a);
	secret_free(k->text);
}

/* ---- the call ---- */

static int
call_send(struct cli *c, struct cli_stream *s, const struct call_key *k,
	  struct buf *fields)
{
	int rc;

	if (k->text) {
		buf_puts(fields, "Drawbridge-Key: ");
		buf_put(fields, secret_peek(k->text), secret_len(k->text));
		buf_puts(fields, "\r\n");
	} else if (c->client->key) {
		buf_puts(fields, "Drawbridge-Key: ");
		buf_put(fields, secret_peek(c->client->key),
			secret_len(c->client->key));
		buf_puts(fields, "\r\n");
	}
	if (buf_err(fields))
		return cli_fail(CLI_USAGE, "the headers are too long");
	s->fields = buf_slice(fields);
	rc = cli_stream_run(c, s);
	return rc ? rc : (int)cli_exit_of_status(s->status);
}

static int
call_run(struct cli *c)
{
	struct cli_stream s = { .show_head = cli_flag(&c->args, "include") };
	struct call_key k = { 0 };
	struct buf body, fields;
	int rc;

	buf_init(&fields, FIELDS_MAX);
	rc = body_get(c, &body);
	if (!rc)
		rc = target_get(c, body.len > 0, &s);
	if (!rc)
		rc = headers_add(c, &body, &fields);
	if (!rc)
		rc = cli_client_open(c);
	if (!rc && c->client->place.local)
		rc = key_make(c, &k);
	s.body = buf_slice(&body);
	if (!rc)
		rc = call_send(c, &s, &k, &fields);
	if (k.text || k.id[0])
		key_end(c, &k);
	/* The body ends without a new line: a terminal wants one. */
	if (s.status && !s.own && isatty(STDOUT_FILENO))
		cli_put(SLICE("\n"));
	buf_wipe(&fields);
	buf_wipe(&body);
	return rc;
}

const struct cli_command cli_call_commands[] = {
	{ "call", "LINK [METHOD] PATH", "call a service through a connection",
	  "PATH is the service's own, or a whole https URL of one of its "
	  "hosts.  METHOD is\nGET, or POST with a body.  The answer's body "
	  "goes to standard output; the exit\ncode is 0 below 400, 3 for "
	  "404, 4 for 401 and 403, and 1 for other errors.",
	  call_run, call_options, 2, 3 },
	{ NULL },
};
