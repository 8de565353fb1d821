/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test of a credential that a connection was just made with.
 *
 * The connection is there, whatever comes of it: what is wrong is a warning,
 * on standard error with --json, too, and changes no exit code.
 */
#include "cli/cli_priv.h"

enum { WARNING_MAX = 16 * 1024 };

struct trial {
	const char *link; /* of the connection */
	const json_t *said;
};

static const char *
said(const struct trial *t, const char *member)
{
	const char *text = json_string_value(json_object_get(t->said, member));

	return text ? text : "";
}

/* "… is made, but its credential {what}: {detail}", and what to do. */
static void
warn(const struct trial *t, const char *what, const char *before,
     const char *command, const char *after)
{
	struct buf out;

	buf_init(&out, WARNING_MAX);
	buf_puts(&out, "drawbridge: warning: ");
	cli_safe(&out, slice_str(t->link));
	buf_printf(&out, " is made, but its credential %s", what);
	buf_puts(&out, said(t, "detail")[0] ? ": " : ".");
	cli_safe(&out, slice_str(said(t, "detail")));
	buf_printf(&out, "\n  %s `drawbridge connection %s ", before, command);
	cli_safe(&out, slice_str(t->link));
	buf_printf(&out, "`%s", after);
	fprintf(stderr, "%.*s\n", SLICE_ARG(buf_slice(&out)));
	buf_release(&out);
}

/* The service has answered that it takes no such credential, or one that may
 * too little; some say so with 200. */
static bool
is_refused(const struct trial *t)
{
	json_int_t status =
		json_integer_value(json_object_get(t->said, "status"));

	return !said(t, "code")[0] && (status == 400 || status == 401 ||
				       status == 403 || status / 100 == 2);
}

/* tested: there is a result, good or bad. */
static void
trial_tell(const struct cli *c, const struct trial *t, bool tested)
{
	const char *account = said(t, "account");

	if (tested && json_is_true(json_object_get(t->said, "ok")))
		cli_say(c,
			"The service takes the credential: the test has "
			"passed%s%s.",
			account[0] ? ", for " : "", account);
	else if (tested && is_refused(t))
		warn(t, "is refused by the service", "Replace it with",
		     "credentials", ", or see at the service what it may do.");
	else if (strcmp(said(t, "code"), "no_test") != 0)
		warn(t, "could not be tested", "Try again with", "test", ".");
}

void
cli_credential_try(struct cli *c, const json_t *connection)
{
	struct trial t = { .link = json_string_value(
				   json_object_get(connection, "link_name")) };
	const char *status =
		json_string_value(json_object_get(connection, "status"));
	struct cli_answer a;

	if (!t.link || !status || strcmp(status, "connected") != 0)
		return;
	cli_request_any(c, "POST",
			cli_path(c, "/v1/connections/{}/test", t.link),
			SLICE_NONE, &a);
	t.said = cli_answer_json(&a);
	trial_tell(c, &t, a.status == 200);
	cli_answer_release(&a);
}
