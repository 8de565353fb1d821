/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection connect, authorize: consent, which is given in a browser.
 *
 * The link is a capability: whoever has it can give the consent, once, for a
 * quarter of an hour.
 */
#include <unistd.h>

#include "cli/cli_priv.h"

enum { POLL_S = 1, WAIT_DEFAULT_S = 15 * 60 };

const struct cli_option cli_connect_options[] = {
	{ "no-wait", CLI_FLAG, NULL, "show the link and end" },
	{ "wait", CLI_VALUE, "SECONDS", "how long to wait (900)" },
	{ NULL },
};

/* The link is on the screen (or, with --json, in the output). */
static int
link_show(struct cli *c)
{
	const char *url, *until;
	struct cli_answer a;
	int rc = cli_client_open(c);

	if (rc)
		return rc;
	/* A private server answers no browser. */
	if (c->client->server)
		return cli_fail(CLI_UNREACHABLE,
				"consent needs a running server: start "
				"`drawbridge serve --data %s`",
				c->client->place.data);
	rc = cli_request(
		c, "POST",
		cli_path(c, "/v1/connections/{}/authorize", cli_word(c, 0)),
		SLICE_NONE, &a);
	if (rc)
		return rc;
	url = json_string_value(
		json_object_get(cli_answer_json(&a), "authorize_url"));
	until = json_string_value(
		json_object_get(cli_answer_json(&a), "expires_at"));
	if (c->json)
		rc = cli_show_raw(&a);
	cli_say(c, "Open this in a browser%s%s:\n", until ? " before " : "",
		until ? until : "");
	cli_say(c, "  %s", url ? url : "");
	cli_answer_release(&a);
	return rc;
}

int
cli_authorize_run(struct cli *c)
{
	return link_show(c);
}

/* When the grant was made; another time than before is another grant. */
struct grant {
	char service[80];
	char status[32];
	char at[40];
	char reason[512];
	char changed[40];
	json_int_t version;
};

static void
member_copy(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(out, size, "%s", text ? text : "");
}

static int
grant_look(struct cli *c, struct grant *out)
{
	struct cli_answer a;
	const json_t *object;
	int rc;

	rc = cli_request(c, "GET",
			 cli_path(c, "/v1/connections/{}", cli_word(c, 0)),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	object = cli_answer_json(&a);
	member_copy(object, "service", out->service, sizeof(out->service));
	member_copy(object, "status", out->status, sizeof(out->status));
	member_copy(object, "connected_at", out->at, sizeof(out->at));
	member_copy(object, "reason", out->reason, sizeof(out->reason));
	member_copy(object, "updated_at", out->changed, sizeof(out->changed));
	out->version = json_integer_value(json_object_get(object, "version"));
	cli_answer_release(&a);
	return CLI_OK;
}

/* A provider that shows an error of its own sends nobody back. */
static int
consent_over(struct cli *c, const struct grant *g)
{
	if (!strcmp(g->status, "connected"))
		return cli_fail(CLI_FAILED,
				"no other consent has come; %s goes on with "
				"the access that it has (where it was refused, "
				"the last page in the browser says why)",
				cli_word(c, 0));
	return cli_fail(CLI_FAILED,
			"nobody has finished the consent; where the provider's "
			"page shows an error, compare client id, redirect URI "
			"and data centre there with `drawbridge app show %s`",
			g->service);
}

/* A consent has failed.  A second one may fail as the first did: then there is
 * a later time with the same reason, where nobody has changed anything. */
static bool
consent_failed(const struct grant *before, const struct grant *now)
{
	if (!now->reason[0] || !strcmp(now->status, "connected"))
		return false;
	return strcmp(now->reason, before->reason) ||
	       (now->version == before->version &&
		strcmp(now->changed, before->changed));
}

static int
consent_wait(struct cli *c, const struct grant *before, uint64_t wait_s)
{
	uint64_t until = clock_mono_ms() + wait_s * 1000;
	struct grant now;
	int rc;

	for (;;) {
		rc = grant_look(c, &now);
		if (rc)
			return rc;
		if (!strcmp(now.status, "connected") &&
		    (strcmp(before->status, "connected") ||
		     strcmp(before->at, now.at))) {
			cli_say(c, "\n%s is connected.", cli_word(c, 0));
			return CLI_OK;
		}
		if (consent_failed(before, &now))
			return cli_fail(CLI_FAILED, "%s", now.reason);
		if (clock_mono_ms() >= until)
			return consent_over(c, before);
		sleep(POLL_S);
	}
}

int
cli_connect_run(struct cli *c)
{
	const char *text = cli_value(&c->args, "wait");
	uint64_t wait_s = WAIT_DEFAULT_S;
	struct grant before;
	int rc;

	if (text && slice_to_u64(slice_str(text), 24 * 3600, &wait_s))
		return cli_misused(c, "--wait wants a number of seconds");
	rc = grant_look(c, &before);
	if (!rc)
		rc = link_show(c);
	if (rc || cli_flag(&c->args, "no-wait"))
		return rc;
	cli_say(c, "\nWaiting for the consent.");
	return consent_wait(c, &before, wait_s);
}
