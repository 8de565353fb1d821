/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents: from JSON to blocks.
 *
 * The members are read in order, then the blocks, each by its type; what
 * only shows on the whole (check.c) comes last.  A document with errors is
 * nothing that could run, so only its problems are given.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { ARENA_MAX = 32 << 20 };

/* ---- life ---- */

static void
document_free(struct flow_document *d)
{
	struct flow_template *t;
	size_t i;

	for (i = 0; i < d->block_count; i++)
		if (d->blocks[i].type && d->blocks[i].type->release)
			d->blocks[i].type->release(&d->blocks[i]);
	for (t = d->templates; t; t = t->next) {
		template_free(t->text);
		template_json_free(t->json);
	}
	json_decref(d->flow_values);
	json_decref(d->session_values);
	arena_free(d->arena);
	free(d);
}

struct flow_document *
flow_document_ref(struct flow_document *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}

void
flow_document_unref(struct flow_document *d)
{
	if (d &&
	    atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1)
		document_free(d);
}

const struct flow_widget *
flow_document_widget(const struct flow_document *d)
{
	return &d->widget;
}

const json_t *
flow_document_defaults(const struct flow_document *d)
{
	return d->flow_values;
}

const json_t *
flow_document_session(const struct flow_document *d)
{
	return d->session_values;
}

const char *
flow_document_connection(const struct flow_document *d, size_t i)
{
	return i < d->connection_count ? d->connections[i] : NULL;
}

/* ---- variables ---- */

static void
read_scope(const struct flow_at *at, const char *scope, json_t *values)
{
	static const char *const names[] = { "name", "default", NULL };
	const json_t *list = flow_get_array(at, scope, 0, FLOW_VARIABLES_MAX);
	const char *only[] = { scope, NULL }, *name;
	struct flow_at item;
	json_t *value;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		if (!flow_get_item(at, scope, list, i, &item))
			continue;
		flow_only(&item, names, NULL);
		name = flow_get_variable(&item, "name", JSON_REQUIRED, only);
		if (!name[0])
			continue;
		if (json_object_get(values, name + strlen(scope) + 1)) {
			flow_at_problem(&item, "name", "duplicate",
					"It is declared twice.");
			continue;
		}
		value = json_object_get(item.object, "default");
		json_object_set_new(values, name + strlen(scope) + 1,
				    value ? json_deep_copy(value)
					  : json_null());
		flow_known_add(at->c, NULL, name);
	}
}

/* A conversation begins with them, and keeps them. */
static void
check_defaults(const struct flow_at *at)
{
	struct flow_document *d = at->c->doc;
	struct flow_run run = { .document = d };

	run.values =
		json_pack("{s:{}, s:{}, s:O, s:O}", "input", "block", "flow",
			  d->flow_values, "session", d->session_values);
	if (!run.values)
		at->c->oom = true;
	else if (!flow_values_fit(&run))
		flow_at_problem(at, NULL, "too_large",
				"The defaults have more than %d bytes "
				"together.",
				FLOW_VALUES_MAX);
	json_decref(run.values);
}

static void
read_variables(const struct flow_at *root)
{
	static const char *const names[] = { "flow", "session", NULL };
	const json_t *value = json_object_get(root->object, "variables");
	const char *const *g;
	struct flow_at at;

	if (value && flow_at_object(&at, root, value, "/variables")) {
		flow_only(&at, names, NULL);
		read_scope(&at, "flow", root->c->doc->flow_values);
		read_scope(&at, "session", root->c->doc->session_values);
		check_defaults(&at);
	}
	for (g = root->c->world ? root->c->world->globals : NULL; g && *g; g++)
		flow_known_add(root->c, "global", *g);
}

/* ---- channels ---- */

/* scheme://host[:port], as browsers write an Origin (RFC 6454 6.2). */
static const char *
origin_of(struct flow_compiler *c, const char *text)
{
	char *out = arena_strdup(c->doc->arena, text), *p;
	const char *host;

	if (!out) {
		c->oom = true;
		return NULL;
	}
	for (p = out; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	if (!strncmp(out, "https://", 8))
		host = out + 8;
	else if (!strncmp(out, "http://", 7))
		host = out + 7;
	else
		return NULL;
	if (!host[0] || host[0] == ':' ||
	    strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") !=
		    strlen(host))
		return NULL;
	return out;
}

static void
read_origins(const struct flow_at *at, struct flow_widget *w)
{
	const json_t *list = flow_get_array(at, "origins", 0, FLOW_ORIGINS_MAX);
	char pointer[300];
	const char *text;
	size_t i;

	w->origins = flow_alloc(at->c, (json_array_size(list) + 1) *
					       sizeof(*w->origins));
	if (!w->origins)
		return;
	for (i = 0; i < json_array_size(list); i++) {
		text = json_string_value(json_array_get(list, i));
		text = text ? origin_of(at->c, text) : NULL;
		snprintf(pointer, sizeof(pointer), "%s/origins/%zu",
			 at->pointer, i);
		if (text)
			w->origins[w->origin_count++] = text;
		else
			flow_problem(
				at->c, NULL, FLOW_ERROR, pointer,
				"invalid_origin",
				"An origin such as "
				"\"https://example.org\", without a path.");
	}
}

static bool
is_colour(const char *text)
{
	size_t n = strspn(text + (text[0] == '#'), "0123456789abcdefABCDEF");

	return !text[0] ||
	       (text[0] == '#' && !text[n + 1] && (n == 3 || n == 6));
}

static void
read_channels(const struct flow_at *root)
{
	static const char *const names[] = { "widget", NULL };
	static const char *const fields[] = { "enabled",  "origins", "title",
					      "greeting", "colour",  NULL };
	const json_t *value = json_object_get(root->object, "channels");
	struct flow_widget *w = &root->c->doc->widget;
	struct flow_at at, widget;

	w->title = w->greeting = w->colour = "";
	if (!value || !flow_at_object(&at, root, value, "/channels"))
		return;
	flow_only(&at, names, NULL);
	value = json_object_get(at.object, "widget");
	if (!value || !flow_at_object(&widget, &at, value, "/channels/widget"))
		return;
	flow_only(&widget, fields, NULL);
	w->enabled = flow_get_bool(&widget, "enabled", false);
	read_origins(&widget, w);
	w->title =
		flow_strdup(at.c, flow_get_str(&widget, "title", 0, 100, ""));
	w->greeting = flow_strdup(
		at.c, flow_get_str(&widget, "greeting", 0, 500, ""));
	w->colour =
		flow_strdup(at.c, flow_get_str(&widget, "colour", 0, 7, ""));
	if (!is_colour(w->colour))
		flow_at_problem(&widget, "colour", "invalid",
				"A colour such as \"#0a6cff\".");
}

/* ---- blocks ---- */

static const char *const block_fields[] = { "id", "type", "name", "paths",
					    NULL };

/* Names of the types, for "did you mean". */
static void
type_unknown(const struct flow_at *at, const char *type)
{
	const struct flow_block_type *t;
	unsigned distance, best = 3;
	const char *name = NULL;
	size_t i;

	for (i = 0; (t = flow_block_type_at(i)); i++) {
		distance = slice_distance(slice_str(type), slice_str(t->name));
		if (distance < best) {
			best = distance;
			name = t->name;
		}
	}
	flow_at_problem(at, "type", "unknown_type",
			name ? "There is no block of this type; did you mean "
			       "\"%s\"?"
			     : "There is no block of this type.%s",
			name ? name : "");
}

static bool
id_is_taken(const struct flow_document *d, const struct flow_block *b)
{
	const struct flow_block *other;

	for (other = d->blocks; other < b; other++)
		if (!strcmp(other->id, b->id))
			return true;
	return false;
}

static void
read_block_head(struct flow_at *at, struct flow_block *b)
{
	struct flow_compiler *c = at->c;
	const char *id, *type;

	id = flow_get_str(at, "id", JSON_REQUIRED, 100, "");
	b->id = flow_strdup(c, id);
	if (flow_is_given(at, "id") && !flow_is_id(id))
		flow_at_problem(at, "id", "invalid_id",
				"Lower-case letters, digits and underscores, "
				"a letter first, at most %d.",
				FLOW_ID_MAX);
	if (id[0] && id_is_taken(c->doc, b))
		flow_at_problem(at, "id", "duplicate_id",
				"There is a block \"%s\" already.", b->id);
	b->name =
		flow_strdup(c, flow_get_str(at, "name", 0, FLOW_NAME_MAX, ""));
	type = flow_get_str(at, "type", JSON_REQUIRED, 40, "");
	b->type = type[0] ? flow_block_type_find(type) : NULL;
	if (flow_is_given(at, "type") && !b->type)
		type_unknown(at, type);
}

static void
read_block(const struct flow_at *root, const json_t *value, size_t i)
{
	struct flow_block *b = &root->c->doc->blocks[i];
	struct flow_at at;
	char pointer[40];

	snprintf(pointer, sizeof(pointer), "/blocks/%zu", i);
	b->id = b->name = "";
	b->pointer = flow_strdup(root->c, pointer);
	if (!flow_at_object(&at, root, value, pointer))
		return;
	at.block = b;
	read_block_head(&at, b);
	if (!b->type)
		return;
	flow_only(&at, block_fields, b->type->fields);
	b->type->compile(&at, b);
}

static void
read_blocks(const struct flow_at *root)
{
	struct flow_document *d = root->c->doc;
	const json_t *list;
	size_t i;

	list = flow_get_array(root, "blocks", JSON_REQUIRED, FLOW_BLOCKS_MAX);
	d->blocks = flow_alloc(root->c, (json_array_size(list) + 1) *
						sizeof(*d->blocks));
	if (!d->blocks)
		return;
	for (i = 0; i < json_array_size(list); i++) {
		d->block_count = i + 1;
		read_block(root, json_array_get(list, i), i);
	}
	/* Which exits there are is known when all blocks are. */
	for (i = 0; i < d->block_count; i++)
		if (d->blocks[i].type)
			flow_check_exits(
				root->c, &d->blocks[i],
				json_object_get(json_array_get(list, i),
						"paths"));
}

static void
read_document(struct flow_at *root)
{
	static const char *const names[] = { "$schema",	    "name",
					     "description", "variables",
					     "blocks",	    "channels",
					     "positions",   NULL };
	struct flow_document *d = root->c->doc;
	const json_t *positions;
	struct flow_at at;
	const char *name;

	flow_only(root, names, NULL);
	name = flow_get_str(root, "name", JSON_REQUIRED, FLOW_NAME_MAX, "");
	if (!slice_trim(slice_str(name)).len &&
	    json_object_get(root->object, "name"))
		flow_at_problem(root, "name", "invalid", "It needs a name.");
	d->name = flow_strdup(root->c, name);
	flow_get_str(root, "$schema", 0, 500, "");
	flow_get_str(root, "description", 0, 2000, "");
	positions = json_object_get(root->object, "positions");
	if (positions)
		flow_at_object(&at, root, positions, "/positions");
	read_variables(root);
	read_channels(root);
	read_blocks(root);
	if (!root->c->oom)
		flow_check_whole(root->c);
}

static struct flow_document *
document_new(void)
{
	struct flow_document *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	atomic_store(&d->refs, 1);
	d->templates_end = &d->templates;
	d->arena = arena_new(ARENA_MAX);
	d->flow_values = json_object();
	d->session_values = json_object();
	if (d->arena && d->flow_values && d->session_values)
		return d;
	document_free(d);
	return NULL;
}

int
flow_compile(const json_t *json, const struct flow_world *world,
	     json_t **problems, struct flow_document **out)
{
	struct flow_compiler c = { .world = world, .problems = json_array() };
	struct flow_at top = { .c = &c, .pointer = "" }, root;
	int rc = 0;

	*out = NULL;
	*problems = c.problems;
	c.doc = document_new();
	if (!c.doc || !c.problems) {
		flow_document_unref(c.doc);
		return ERR_NOMEM;
	}
	if (flow_at_object(&root, &top, json, ""))
		read_document(&root);
	free(c.known);
	if (c.oom)
		rc = ERR_NOMEM;
	else if (c.errors)
		rc = ERR_INVALID;
	if (rc) {
		flow_document_unref(c.doc);
		return rc;
	}
	*out = c.doc;
	return 0;
}
