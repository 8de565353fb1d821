/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service list, show, add, replace, delete: what can be connected to.
 */
#include "cli/cli_priv.h"

enum { DEFINITION_MAX = 4 * 1024 * 1024 };

static const struct cli_option list_options[] = {
	{ "search", CLI_VALUE, "TEXT", "those with this in their name" },
	{ "category", CLI_VALUE, "NAME", "those of this category" },
	{ NULL },
};

static int
list_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "ID", "id" },
		{ "NAME", "name" },
		{ "CATEGORIES", "categories" },
		{ "CUSTOM", "custom" },
		{ NULL },
	};
	const char *q = cli_value(&c->args, "search");
	const char *category = cli_value(&c->args, "category");
	json_t *list;
	int rc;

	rc = cli_request_list(c,
			      cli_path(c, "/v1/services?q={}&category={}",
				       q ? q : "", category ? category : ""),
			      0, &list);
	if (rc)
		return rc;
	rc = cli_show_list(c, list, columns, "There is no such service.");
	json_decref(list);
	return rc;
}

static const char *
window_words(long long seconds, char *text, size_t size)
{
	static const struct {
		long long seconds;
		const char *words;
	} usual[] = { { 0, "at the same time" },
		      { 1, "in a second" },
		      { 60, "in a minute" },
		      { 3600, "in an hour" },
		      { 86400, "in a day" } };
	size_t i;

	for (i = 0; i < ARRAY_LEN(usual); i++)
		if (usual[i].seconds == seconds)
			return usual[i].words;
	snprintf(text, size, "in %lld seconds", seconds);
	return text;
}

static const char *
member_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* A line for each limit: "calls: 100 in a minute for each user." */
static void
show_limits(const struct cli *c, const json_t *limits)
{
	const json_t *limit;
	size_t i;

	json_array_foreach(limits, i, limit)
	{
		const char *per = member_text(limit, "per");
		const char *note = member_text(limit, "note");
		char window[64], of[32], *p;

		snprintf(of, sizeof(of), "%s", member_text(limit, "of"));
		for (p = of; *p; p++)
			if (*p == '_')
				*p = ' ';
		cli_say(c, "%-16s %s: %lld %s for each %s.%s%s", "Limits", of,
			(long long)json_integer_value(
				json_object_get(limit, "count")),
			window_words(json_integer_value(json_object_get(
					     limit, "window_s")),
				     window, sizeof(window)),
			!strcmp(per, "grant") ? "connection" : per,
			note[0] ? " " : "", note);
	}
}

static int
show_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "Id", "id" },
		{ "Name", "name" },
		{ "Description", "description" },
		{ "Categories", "categories" },
		{ "Documentation", "docs" },
		{ "Custom", "custom" },
		{ "Methods", "methods" },
		{ "Base URL", "base_url" },
		{ "Hosts", "hosts" },
		{ NULL },
	};
	struct cli_answer a;
	int rc;

	rc = cli_request(c, "GET",
			 cli_path(c, "/v1/services/{}", cli_word(c, 0)),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	if (!c->json)
		show_limits(
			c, json_object_get(cli_answer_json(&a), "rate_limits"));
	cli_say(c, "\n--json shows all of its definition.");
	cli_answer_release(&a);
	return rc;
}

/* Sends a definition as it stands in its file. */
static int
definition_send(struct cli *c, const char *method, const char *path,
		const char *file)
{
	struct cli_answer a;
	struct buf text;
	const char *id;
	int rc = cli_file_read(file, DEFINITION_MAX, &text);

	if (rc)
		return rc;
	rc = cli_request(c, method, path, buf_slice(&text), &a);
	buf_release(&text);
	if (rc)
		return rc;
	if (c->json)
		rc = cli_show_raw(&a);
	id = json_string_value(json_object_get(cli_answer_json(&a), "id"));
	cli_say(c, "The service %s is there.", id ? id : "");
	cli_answer_release(&a);
	return rc;
}

static int
add_run(struct cli *c)
{
	return definition_send(c, "POST", "/v1/services", cli_word(c, 0));
}

static int
replace_run(struct cli *c)
{
	return definition_send(c, "PUT",
			       cli_path(c, "/v1/services/{}", cli_word(c, 0)),
			       cli_word(c, 1));
}

static int
delete_run(struct cli *c)
{
	struct cli_answer a;
	int rc;

	rc = cli_request(c, "DELETE",
			 cli_path(c, "/v1/services/{}", cli_word(c, 0)),
			 SLICE_NONE, &a);
	if (rc)
		return rc;
	cli_answer_release(&a);
	cli_say(c, "The service %s is gone.", cli_word(c, 0));
	return CLI_OK;
}

const struct cli_command cli_service_commands[] = {
	{ "service list", "", "what can be connected to", NULL, list_run,
	  list_options },
	{ "service show", "ID", "what a service is like", NULL, show_run, NULL,
	  1, 1 },
	{ "service add", "FILE", "define a service of your own",
	  "FILE (or - for standard input) holds a definition in JSON.", add_run,
	  NULL, 1, 1 },
	{ "service replace", "ID FILE", "change a service of your own",
	  "What the definition allows beyond the old one must be consented "
	  "to anew.",
	  replace_run, NULL, 2, 2 },
	{ "service delete", "ID", "take a service of your own away",
	  "Refused while connections use it.", delete_run, NULL, 1, 1 },
	{ NULL },
};
