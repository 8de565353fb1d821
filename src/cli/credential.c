/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials of key and Basic methods, from files and standard input.
 *
 * A value that the service's definition calls no secret (a user name) may be
 * given as an argument; the definition is asked, not the caller.
 */
#include "cli/cli_priv.h"

enum { CREDENTIAL_MAX = 64 * 1024 };

/* Whether a definition has a field of this name, and it is a secret. */
struct field_look {
	const char *name;
	bool found, secret;
};

static void
field_look(const json_t *value, struct field_look *look)
{
	const json_t *secret;
	const char *key, *name;
	json_t *member;
	size_t i;

	if (json_is_array(value)) {
		for (i = 0; i < json_array_size(value); i++)
			field_look(json_array_get(value, i), look);
		return;
	}
	if (!json_is_object(value))
		return;
	name = json_string_value(json_object_get(value, "name"));
	secret = json_object_get(value, "secret");
	if (name && !strcmp(name, look->name) && json_is_boolean(secret)) {
		look->found = true;
		look->secret |= json_is_true(secret);
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		field_look(member, look);
	}
}

static int
plain_check(struct cli *c, const char *service, const char *name)
{
	struct field_look look = { name, false, false };
	struct cli_answer a;
	int rc;

	rc = cli_request(c, "GET", cli_path(c, "/v1/services/{}", service),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	field_look(cli_answer_json(&a), &look);
	cli_answer_release(&a);
	if (look.found ? !look.secret : !strcmp(name, "username"))
		return CLI_OK;
	return cli_fail(CLI_USAGE,
			"%s is a secret: give it as --credential %s=@FILE or "
			"--credential-stdin %s",
			name, name, name);
}

/* NAME=@FILE.  What stands there instead of @ may be a secret: it is not
 * repeated. */
static int
file_put(struct cli *c, const char *text, struct cli_body *b)
{
	struct secret *s;
	char name[64];
	const char *file = cli_pair(text, name, sizeof(name));
	int rc;

	if (!file || file[0] != '@' || !file[1])
		return cli_misused(c, "--credential wants NAME=@FILE: secrets "
				      "are no arguments");
	rc = cli_secret_read(file + 1, CREDENTIAL_MAX, &s);
	if (rc)
		return rc;
	cli_body_secret(b, name, s);
	secret_free(s);
	return CLI_OK;
}

static int
stdin_put(struct cli *c, struct cli_body *b)
{
	const char *name = cli_value(&c->args, "credential-stdin");
	struct secret *s;
	int rc;

	if (!name)
		return CLI_OK;
	rc = cli_secret_ask(name, CREDENTIAL_MAX, &s);
	if (rc)
		return rc;
	cli_body_secret(b, name, s);
	secret_free(s);
	return CLI_OK;
}

static int
plain_put(struct cli *c, const char *service, const char *text,
	  struct cli_body *b)
{
	char name[64];
	const char *value = cli_pair(text, name, sizeof(name));
	struct secret *s;
	int rc;

	if (!value || !value[0])
		return cli_misused(c, "--credential-text wants NAME=VALUE");
	rc = plain_check(c, service, name);
	if (rc)
		return rc;
	s = secret_from(value, strlen(value));
	if (!s)
		return cli_fail(CLI_FAILED, "out of memory");
	cli_body_secret(b, name, s);
	secret_free(s);
	return CLI_OK;
}

bool
cli_credentials_given(const struct cli *c)
{
	return cli_value(&c->args, "credential") ||
	       cli_value(&c->args, "credential-stdin") ||
	       cli_value(&c->args, "credential-text");
}

int
cli_credentials_put(struct cli *c, const char *service, struct cli_body *b)
{
	const char *text;
	size_t cursor = 0;
	int rc = CLI_OK;

	while (!rc && (text = cli_next(&c->args, "credential-text", &cursor)))
		rc = plain_put(c, service, text, b);
	cursor = 0;
	while (!rc && (text = cli_next(&c->args, "credential", &cursor)))
		rc = file_put(c, text, b);
	return rc ? rc : stdin_put(c, b);
}
