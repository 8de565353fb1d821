/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: the bot says something: text, an image, buttons that open links.
 *
 * A URL begins with https:// or http://, in the document's own text: no
 * value can make it one that runs a script.
 */
#include "flow/flow_priv.h"

enum { CONTENT_MAX = 20, LINKS_MAX = 10 };

static const char *const fields[] = { "content", NULL };

enum part_kind { PART_TEXT, PART_IMAGE, PART_LINKS };

struct link {
	struct template *label, *url;
};

struct part {
	enum part_kind kind;
	struct template *text; /* or an image's alt */
	struct template *url;
	struct link *links;
	size_t link_count;
};

struct message {
	struct part *parts;
	size_t count;
};

static struct template *
get_url(const struct flow_at *at, const char *name)
{
	const char *text = json_string_value(json_object_get(at->object, name));
	struct template *t;

	if (text && strncmp(text, "https://", 8) != 0 &&
	    strncmp(text, "http://", 7) != 0) {
		flow_at_problem(at, name, "invalid_url",
				"It must begin with https:// or http://.");
		return NULL;
	}
	t = flow_get_template(at, name, JSON_REQUIRED, TEMPLATE_IN_URL);
	/* cppcheck-suppress CastIntegerToAddressAtReturn */
	return t;
}

static void
links_compile(const struct flow_at *at, struct part *p)
{
	static const char *const names[] = { "label", "url", NULL };
	const json_t *list =
		flow_get_array(at, "links", JSON_REQUIRED, LINKS_MAX);
	struct flow_at item;
	size_t i;

	p->links = flow_alloc(at->c,
			      (json_array_size(list) + 1) * sizeof(*p->links));
	for (i = 0; p->links && i < json_array_size(list); i++) {
		if (!flow_get_item(at, "links", list, i, &item))
			continue;
		flow_only(&item, names, NULL);
		p->links[p->link_count].label = flow_get_template(
			&item, "label", JSON_REQUIRED, TEMPLATE_IN_TEXT);
		p->links[p->link_count++].url = get_url(&item, "url");
	}
}

static void
part_compile(const struct flow_at *at, struct part *p)
{
	static const char *const text[] = { "type", "text", NULL };
	static const char *const image[] = { "type", "url", "alt", NULL };
	static const char *const links[] = { "type", "links", NULL };
	const char *type = flow_get_str(at, "type", JSON_REQUIRED, 20, "");

	if (!strcmp(type, "text")) {
		p->kind = PART_TEXT;
		flow_only(at, text, NULL);
		p->text = flow_get_template(at, "text", JSON_REQUIRED,
					    TEMPLATE_IN_TEXT);
	} else if (!strcmp(type, "image")) {
		p->kind = PART_IMAGE;
		flow_only(at, image, NULL);
		p->url = get_url(at, "url");
		p->text = flow_get_template(at, "alt", JSON_REQUIRED,
					    TEMPLATE_IN_TEXT);
	} else if (!strcmp(type, "links")) {
		p->kind = PART_LINKS;
		flow_only(at, links, NULL);
		links_compile(at, p);
	} else if (flow_is_given(at, "type")) {
		flow_at_problem(at, "type", "invalid",
				"One of \"text\", \"image\", \"links\".");
	}
}

static void
message_compile(const struct flow_at *at, struct flow_block *b)
{
	const json_t *list =
		flow_get_array(at, "content", JSON_REQUIRED, CONTENT_MAX);
	struct message *m = flow_alloc(at->c, sizeof(*m));
	struct flow_at item;
	size_t i, n = json_array_size(list);

	flow_exit_add(at->c, b, "next", true);
	if (list && !n)
		flow_at_problem(at, "content", "invalid",
				"There must be something to say.");
	if (!m)
		return;
	b->data = m;
	m->parts = flow_alloc(at->c, (n + 1) * sizeof(*m->parts));
	for (i = 0; m->parts && i < n; i++)
		if (flow_get_item(at, "content", list, i, &item))
			part_compile(&item, &m->parts[m->count++]);
}

static void
say_links(struct flow_run *run, const struct part *p)
{
	json_t *links = json_array();
	size_t i;

	for (i = 0; i < p->link_count; i++)
		json_array_append_new(
			links,
			json_pack("{s:o, s:o}", "label",
				  flow_render(run, p->links[i].label), "url",
				  flow_render(run, p->links[i].url)));
	flow_say_content(
		run, json_pack("{s:s, s:o}", "type", "links", "links", links));
}

static enum flow_next
message_enter(struct flow_run *run, const struct flow_block *b)
{
	const struct message *m = b->data;
	const struct part *p;
	size_t i;

	for (i = 0; i < m->count; i++) {
		p = &m->parts[i];
		if (p->kind == PART_TEXT)
			flow_say(run, p->text);
		else if (p->kind == PART_LINKS)
			say_links(run, p);
		else
			flow_say_content(
				run,
				json_pack("{s:s, s:o, s:o}", "type", "image",
					  "url", flow_render(run, p->url),
					  "alt", flow_render(run, p->text)));
	}
	run->exit = "next";
	return FLOW_GO;
}

const struct flow_block_type flow_message = {
	.name = "message",
	.help = "says something: text, an image, buttons with links",
	.fields = fields,
	.compile = message_compile,
	.enter = message_enter,
};
