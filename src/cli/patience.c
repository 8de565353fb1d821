/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for one's turn: a backup and a rotation of keys, or an upgrade, do
 * not go together, and whichever comes second waits, but not for ever.
 */
#include <unistd.h>

#include "cli/keys_priv.h"

enum { USUAL_S = 600, MOST_S = 7 * 24 * 3600, NAP_US = 250 * 1000 };

int
cli_patience_begin(const struct cli *c, struct cli_patience *p)
{
	const char *text = cli_value(&c->args, "patience");

	*p = (struct cli_patience){ .seconds = USUAL_S };
	if (text && slice_to_u64(slice_str(text), MOST_S, &p->seconds))
		return cli_misused(c, "--patience wants seconds");
	p->until = clock_mono_ms() + p->seconds * 1000;
	return CLI_OK;
}

int
cli_patience_wait(struct cli_patience *p, const char *why)
{
	if (!p->seconds)
		return cli_fail(CLI_FAILED,
				"%s Try again when it is over, or let this "
				"wait with --patience",
				why);
	if (clock_mono_ms() >= p->until)
		return cli_fail(CLI_FAILED,
				"%s It was not over within %llu seconds: try "
				"again later, or with a longer --patience",
				why, (unsigned long long)p->seconds);
	if (strcmp(p->told, why) != 0)
		fprintf(stderr,
			"drawbridge: %s Waiting for its end, at most %llu "
			"seconds.\n",
			why, (unsigned long long)p->seconds);
	snprintf(p->told, sizeof(p->told), "%s", why);
	usleep(NAP_US);
	return CLI_OK;
}

int
cli_patience_request(struct cli *c, const char *path, struct slice body,
		     char why[CLI_WHY_SIZE], struct cli_answer *out)
{
	const char *detail;
	int rc = cli_request_unless(c, "POST", path, body, "keys_busy", out);

	why[0] = '\0';
	if (rc)
		return rc;
	detail = json_string_value(
		json_object_get(cli_answer_json(out), "detail"));
	if (out->status == 409)
		snprintf(why, CLI_WHY_SIZE, "%s",
			 detail ? detail : "It is busy.");
	return CLI_OK;
}
