/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection suspend, report, and revoke of many at once.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_priv.h"

enum { POLL_US = 500 * 1000, WAIT_S = 60, WAIT_MAX_S = 24 * 3600 };

const struct cli_option cli_bulk_options[] = {
	{ "all", CLI_FLAG, NULL, "all connections" },
	{ "service", CLI_VALUE, "ID", "those to this service" },
	{ "owner", CLI_VALUE, "MEMBER",
	  "this member's (an id or e-mail address)" },
	{ "yes", CLI_FLAG, NULL, "do not ask whether that is meant" },
	{ "wait", CLI_VALUE, "SECONDS",
	  "how long to wait for what is left to do (60)" },
	{ NULL },
};

static const struct cli_option report_options[] = {
	{ "state", CLI_VALUE, "STATE",
	  "those alone: by_hand, pending, waiting, revoked, suspended, "
	  "nothing, already" },
	{ NULL },
};

static const struct cli_column report_columns[] = {
	{ "Report", "id" },
	{ "Action", "action" },
	{ "Service", "service" },
	{ "Owner", "owner.name" },
	{ "Asked by", "asked_by.name" },
	{ "Asked", "asked_at" },
	{ "State", "state" },
	{ "Ended", "ended_at" },
	{ "Suspended", "counts.suspended" },
	{ "Revoked", "counts.revoked" },
	{ "By hand", "counts.by_hand" },
	{ "At the provider", "counts.pending" },
	{ "Waiting", "counts.waiting" },
	{ "No credential", "counts.nothing" },
	{ "Before already", "counts.already" },
	{ NULL },
};

static const struct cli_column item_columns[] = {
	{ "LINK", "link_name" },
	{ "SERVICE", "service" },
	{ "USER", "email" },
	{ "ACCOUNT", "account" },
	{ "STATE", "state" },
	{ "WHAT TO DO", "detail" },
	{ NULL },
};

/* ---- the report ---- */

/* Whether somebody has to do something, or may have to. */
static bool
is_open(const json_t *item)
{
	const char *state = json_string_value(json_object_get(item, "state"));

	return state &&
	       (!strcmp(state, "by_hand") || !strcmp(state, "pending") ||
		!strcmp(state, "waiting"));
}

static int64_t
count_of(const json_t *report, const char *name)
{
	return json_integer_value(
		json_object_get(json_object_get(report, "counts"), name));
}

/* What is not confirmed makes the command fail: a script is to see it. */
static int
report_code(const json_t *report)
{
	return count_of(report, "by_hand") || count_of(report, "pending") ||
			       count_of(report, "waiting")
		       ? CLI_FAILED
		       : CLI_OK;
}

static void
drop_closed(json_t *list)
{
	json_t *items = json_object_get(list, "items");
	size_t i = json_array_size(items);

	while (i-- > 0)
		if (!is_open(json_array_get(items, i)))
			json_array_remove(items, i);
}

/* With --json the report with all its items; else those that need somebody,
 * or all of the state that was asked for. */
static int
report_show(struct cli *c, struct cli_answer *a, const char *state)
{
	json_t *report = json_deep_copy(cli_answer_json(a)), *list = NULL;
	const char *id = json_string_value(json_object_get(report, "id"));
	const char *path;
	int rc;

	path = cli_path(c,
			state ? "/v1/bulk-actions/{}/items?state={}"
			      : "/v1/bulk-actions/{}/items",
			id ? id : "", state);
	rc = cli_request_list(c, path, 0, &list);
	if (!rc && c->json) {
		json_object_set(report, "items",
				json_object_get(list, "items"));
		rc = cli_show_list(c, report, item_columns, "");
	} else if (!rc) {
		if (!state)
			drop_closed(list);
		rc = cli_show_object(c, a, report_columns);
		if (!rc)
			rc = cli_show_list(c, list, item_columns,
					   state ? "There is none."
						 : "Nothing is left to do.");
	}
	json_decref(list);
	json_decref(report);
	return rc;
}

static int
report_run(struct cli *c)
{
	const char *id = cli_word(c, 0), *state = cli_value(&c->args, "state");
	struct cli_answer a;
	const json_t *last;
	int rc;

	if (!id) {
		rc = cli_request(c, "GET", "/v1/bulk-actions?limit=1",
				 SLICE_NONE, &a);
		if (rc)
			return rc;
		last = json_array_get(
			json_object_get(cli_answer_json(&a), "items"), 0);
		id = json_string_value(json_object_get(last, "id"));
		id = id ? arena_strdup(c->arena, id) : NULL;
		cli_answer_release(&a);
	}
	if (!id)
		return cli_fail(CLI_FAILED, "nothing was suspended or revoked "
					    "together with others yet");
	rc = cli_request(c, "GET", cli_path(c, "/v1/bulk-actions/{}", id),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	rc = report_show(c, &a, state);
	if (!rc)
		rc = report_code(cli_answer_json(&a));
	cli_answer_release(&a);
	return rc;
}

/* ---- asking ---- */

bool
cli_bulk_given(const struct cli *c)
{
	return cli_flag(&c->args, "all") || cli_value(&c->args, "service") ||
	       cli_value(&c->args, "owner");
}

/* Typed by a person, since one word too few has hit everything. */
static int
bulk_confirm(struct cli *c, const char *verb)
{
	const char *service = cli_value(&c->args, "service");
	const char *owner = cli_value(&c->args, "owner");
	char line[64] = "";
	struct slice said;

	if (cli_flag(&c->args, "yes"))
		return CLI_OK;
	if (!isatty(STDIN_FILENO))
		return cli_misused(c, "nobody is there to be asked: say --yes "
				      "if you mean it");
	fprintf(stderr,
		"This will %s all connections%s%s%s%s.\nType %s to go "
		"on: ",
		verb, service ? " of the service " : "", service ? service : "",
		owner ? " of the member " : "", owner ? owner : "", verb);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	said = slice_str(line);
	said = slice_head(said, slice_find(said, '\n'));
	if (slice_eq(said, slice_str(verb)))
		return CLI_OK;
	return cli_fail(CLI_FAILED, "nothing was done");
}

static int
bulk_post(struct cli *c, const char *verb, struct cli_answer *out)
{
	json_t *body = json_pack("{s:s*, s:s*}", "service",
				 cli_value(&c->args, "service"), "owner",
				 cli_value(&c->args, "owner"));
	struct buf text;
	int rc = CLI_OK;

	if (cli_flag(&c->args, "all"))
		json_object_set_new(body, "all", json_true());
	buf_init(&text, 16 * 1024);
	if (!body || json_write(body, &text))
		rc = cli_fail(CLI_USAGE, "this is too much, or no UTF-8");
	if (!rc)
		rc = cli_request(c, "POST",
				 cli_path(c, "/v1/connections/{}", verb),
				 buf_slice(&text), out);
	buf_release(&text);
	json_decref(body);
	return rc;
}

static bool
is_running(struct cli_answer *a)
{
	const char *state =
		json_string_value(json_object_get(cli_answer_json(a), "state"));

	return state && !strcmp(state, "running");
}

/* *a is the newest answer afterwards. */
static int
bulk_wait(struct cli *c, struct cli_answer *a, uint64_t wait_s)
{
	uint64_t until = clock_mono_ms() + wait_s * 1000;
	const char *id = arena_strdup(
		c->arena,
		json_string_value(json_object_get(cli_answer_json(a), "id")));
	struct cli_answer next;
	int rc;

	while (id && is_running(a) && clock_mono_ms() < until) {
		usleep(POLL_US);
		rc = cli_request(c, "GET",
				 cli_path(c, "/v1/bulk-actions/{}", id),
				 SLICE_NONE, &next);
		if (rc)
			return rc;
		cli_answer_release(a);
		*a = next;
	}
	return CLI_OK;
}

static void
bulk_hint(const struct cli *c, struct cli_answer *a)
{
	const json_t *report = cli_answer_json(a);
	const char *id = json_string_value(json_object_get(report, "id"));

	if (is_running(a))
		cli_say(c,
			"It goes on by itself: drawbridge connection report "
			"%s",
			id);
	if (count_of(report, "by_hand"))
		cli_say(c,
			"What the provider has not confirmed must be changed "
			"by hand.");
}

int
cli_bulk_run(struct cli *c)
{
	const char *verb = strrchr(c->command->name, ' ') + 1;
	const char *text = cli_value(&c->args, "wait");
	uint64_t wait_s = WAIT_S;
	struct cli_answer a;
	int rc;

	if (cli_flag(&c->args, "all") + !!cli_value(&c->args, "service") +
		    !!cli_value(&c->args, "owner") !=
	    1)
		return cli_misused(c, "one of --all, --service and --owner");
	if (text && slice_to_u64(slice_str(text), WAIT_MAX_S, &wait_s))
		return cli_misused(c, "--wait wants a number of seconds");
	rc = bulk_confirm(c, verb);
	if (!rc)
		rc = bulk_post(c, verb, &a);
	if (rc)
		return rc;
	rc = bulk_wait(c, &a, wait_s);
	if (!rc)
		rc = report_show(c, &a, NULL);
	if (!rc) {
		bulk_hint(c, &a);
		rc = report_code(cli_answer_json(&a));
	}
	cli_answer_release(&a);
	return rc;
}

const struct cli_command cli_bulk_commands[] = {
	{ "connection suspend", "--all|--service ID|--owner MEMBER",
	  "let no call through many connections at once",
	  "For owner and admins.  None of them lets a call through when it "
	  "returns.  One is put\ninto force again by `connection enable`; for "
	  "one alone there is `connection disable`.",
	  cli_bulk_run, cli_bulk_options, 0, 0 },
	{ "connection report", "[ID]",
	  "what became of many that were suspended or revoked",
	  "Without ID the last one.  It fails while something is left to do, "
	  "or must be done by\nhand.",
	  report_run, report_options, 0, 1 },
	{ NULL },
};
