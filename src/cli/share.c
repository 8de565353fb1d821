/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection share: who else may use or manage a connection.
 *
 * The API knows the whole list; this takes one entry in or out of it.  Where
 * somebody else has changed the list meanwhile, the same is done with that one.
 */
#include "cli/cli_priv.h"

static const struct cli_option share_options[] = {
	{ "with", CLI_LIST, "MEMBER", "an id or e-mail address" },
	{ "with-team", CLI_LIST, "TEAM", "a team's id" },
	{ "everyone", CLI_FLAG, NULL, "the whole organisation" },
	{ "manage", CLI_FLAG, NULL, "may change it too, not just use it" },
	{ "remove", CLI_FLAG, NULL, "not any more" },
	{ NULL },
};

/* Whether an entry is about this one. */
static bool
is_entry(const json_t *entry, const char *kind, const char *subject)
{
	const char *k = json_string_value(json_object_get(entry, "kind"));
	const char *s = json_string_value(json_object_get(entry, "subject"));

	return k && !strcmp(k, kind) &&
	       (!subject || (s && !strcmp(s, subject)));
}

/* Takes the entry out of the list, and puts it in anew if it is to be. */
static void
entry_set(const struct cli *c, json_t *list, const char *kind,
	  const char *subject)
{
	size_t i = 0;

	while (i < json_array_size(list)) {
		if (is_entry(json_array_get(list, i), kind, subject))
			json_array_remove(list, i);
		else
			i++;
	}
	if (cli_flag(&c->args, "remove"))
		return;
	json_array_append_new(
		list,
		json_pack("{s:s, s:s*, s:s}", "kind", kind, "subject", subject,
			  "level",
			  cli_flag(&c->args, "manage") ? "manage" : "use"));
}

/* The entries as the API takes them: without what it tells beside. */
static json_t *
entries_of(const json_t *answer)
{
	const json_t *items = json_object_get(answer, "items"), *item;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < json_array_size(items); i++) {
		item = json_array_get(items, i);
		json_array_append_new(
			list,
			json_pack("{s:O?, s:O*, s:O?}", "kind",
				  json_object_get(item, "kind"), "subject",
				  json_object_get(item, "subject"), "level",
				  json_object_get(item, "level")));
	}
	return list;
}

/* A member's id for an id or e-mail address. */
static int
member_find(struct cli *c, const char *who, const char **out)
{
	struct cli_answer a;
	const char *id;
	int rc;

	rc = cli_request(c, "GET", cli_path(c, "/v1/members/{}", who),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	id = json_string_value(json_object_get(cli_answer_json(&a), "id"));
	*out = arena_strdup(c->arena, id ? id : "");
	cli_answer_release(&a);
	return *out ? CLI_OK : cli_fail(CLI_FAILED, "out of memory");
}

static int
entries_change(struct cli *c, json_t *list)
{
	const char *who, *id;
	size_t cursor = 0;
	int rc = CLI_OK;

	while (!rc && (who = cli_next(&c->args, "with", &cursor))) {
		rc = member_find(c, who, &id);
		if (!rc)
			entry_set(c, list, "member", id);
	}
	cursor = 0;
	while (!rc && (id = cli_next(&c->args, "with-team", &cursor)))
		entry_set(c, list, "team", id);
	if (!rc && cli_flag(&c->args, "everyone"))
		entry_set(c, list, "everyone", NULL);
	return rc;
}

static int
entries_show(struct cli *c, struct cli_answer *a)
{
	static const struct cli_column columns[] = {
		{ "WITH", "kind" }, { "ID", "subject" },
		{ "NAME", "name" }, { "MAY", "level" },
		{ NULL },
	};

	if (c->json)
		return cli_show_raw(a);
	return cli_show_list(c, cli_answer_json(a), columns,
			     "It is private: nobody else may use it.");
}

/* One try, of the list that was read (read: released).  out: what it is then,
 * or 412. */
static int
entries_send(struct cli *c, const char *path, struct cli_answer *read,
	     struct cli_answer *out)
{
	json_t *list = entries_of(cli_answer_json(read));
	int64_t version = json_integer_value(
		json_object_get(cli_answer_json(read), "version"));
	struct buf text;
	int rc;

	cli_answer_release(read);
	rc = entries_change(c, list);
	list = json_pack("{s:o}", "items", list);
	buf_init(&text, 256 * 1024);
	if (!rc && json_write(list, &text))
		rc = cli_fail(CLI_FAILED, "there are too many");
	if (!rc)
		rc = cli_request_of_version(c, "PUT", path, buf_slice(&text),
					    version, out);
	buf_release(&text);
	json_decref(list);
	return rc;
}

static int
entries_run(struct cli *c, const char *path, struct cli_answer *a)
{
	enum { TRIES = 10 };
	int i, rc;

	for (i = 0;; i++) {
		rc = cli_request(c, "GET", path, SLICE_NONE, a);
		if (!rc)
			rc = entries_send(c, path, a, a);
		if (rc || a->status != 412)
			return rc;
		if (i + 1 == TRIES)
			break;
		cli_answer_release(a);
		fprintf(stderr, "drawbridge: somebody else has changed with "
				"whom it is shared; trying again with the list "
				"as it is now\n");
	}
	rc = cli_problem_tell(c, a->status, buf_slice(&a->body));
	cli_answer_release(a);
	return rc;
}

/* Shown in place of what was meant, it would look done. */
static int
share_misused(const struct cli *c, bool changes)
{
	bool manage = cli_flag(&c->args, "manage");
	bool remove = cli_flag(&c->args, "remove");

	if (manage && remove)
		return cli_misused(c, "--remove takes the whole entry away: "
				      "leave out --manage");
	if ((manage || remove) && !changes)
		return cli_misused(c,
				   "--%s needs whom: --with MEMBER, "
				   "--with-team TEAM or --everyone",
				   manage ? "manage" : "remove");
	return CLI_OK;
}

static int
share_run(struct cli *c)
{
	const char *path =
		cli_path(c, "/v1/connections/{}/shares", cli_word(c, 0));
	bool changes = cli_value(&c->args, "with") ||
		       cli_value(&c->args, "with-team") ||
		       cli_flag(&c->args, "everyone");
	struct cli_answer a;
	int rc = share_misused(c, changes);

	if (rc)
		return rc;
	rc = changes ? entries_run(c, path, &a)
		     : cli_request(c, "GET", path, SLICE_NONE, &a);
	if (rc)
		return rc;
	rc = entries_show(c, &a);
	cli_answer_release(&a);
	return rc;
}

const struct cli_command cli_share_commands[] = {
	{ "connection share", "LINK", "who else may use a connection",
	  "Without options it is shown.  Each entry is added, or taken away "
	  "with --remove.",
	  share_run, share_options, 1, 1 },
	{ NULL },
};
