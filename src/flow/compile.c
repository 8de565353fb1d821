/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the compiler of documents stands on: problems, and getters that note
 * each problem with its pointer and go on, so that an author sees all of
 * them at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

const char *const flow_scopes[] = { "input",  "block",	 "flow",
				    "global", "session", NULL };

void *
flow_alloc(struct flow_compiler *c, size_t size)
{
	void *p = arena_alloc(c->doc->arena, size ? size : 1);

	if (!p)
		c->oom = true;
	return p;
}

const char *
flow_strdup(struct flow_compiler *c, const char *text)
{
	const char *p = arena_strdup(c->doc->arena, text);

	if (!p)
		c->oom = true;
	return p ? p : "";
}

/* ---- problems ---- */

bool
flow_problems_full(const struct flow_compiler *c)
{
	return json_array_size(c->problems) >= FLOW_PROBLEMS_MAX;
}

static void
problem_add(struct flow_compiler *c, const struct flow_block *b,
	    enum flow_severity severity, const char *pointer, const char *code,
	    const char *detail)
{
	json_t *p;

	if (severity == FLOW_ERROR)
		c->errors++;
	if (flow_problems_full(c))
		return;
	p = json_pack("{s:o, s:s, s:s, s:s, s:s}", "block",
		      b && b->id[0] ? json_string(b->id) : json_null(),
		      "pointer", pointer, "code", code, "detail", detail,
		      "severity", severity == FLOW_ERROR ? "error" : "warning");
	if (!p || json_array_append_new(c->problems, p))
		c->oom = true;
}

__attribute__((format(printf, 6, 0))) static void
problem_format(struct flow_compiler *c, const struct flow_block *b,
	       enum flow_severity severity, const char *pointer,
	       const char *code, const char *fmt, va_list ap)
{
	char detail[512];

	vsnprintf(detail, sizeof(detail), fmt, ap);
	slice_mend_utf8(detail);
	problem_add(c, b, severity, pointer, code, detail);
}

void
flow_problem(struct flow_compiler *c, const struct flow_block *b,
	     enum flow_severity severity, const char *pointer, const char *code,
	     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_format(c, b, severity, pointer, code, fmt, ap);
	va_end(ap);
}

const char *
flow_pointer(const struct flow_at *at, const char *member)
{
	struct json_at j = { at->object, at->pointer, NULL };
	char out[256];

	if (!member)
		return at->pointer;
	json_pointer(&j, member, out, sizeof(out));
	return flow_strdup(at->c, out);
}

void
flow_at_problem(const struct flow_at *at, const char *member, const char *code,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_format(at->c, at->block, FLOW_ERROR, flow_pointer(at, member),
		       code, fmt, ap);
	va_end(ap);
}

/* ---- members ---- */

bool
flow_at_object(struct flow_at *out, const struct flow_at *parent,
	       const json_t *value, const char *pointer)
{
	*out = *parent;
	out->object = value;
	out->pointer = flow_strdup(parent->c, pointer);
	if (json_is_object(value))
		return true;
	out->object = NULL;
	flow_at_problem(out, NULL, "invalid", "This must be an object.");
	return false;
}

static const char *
suggest(const char *name, const char *const *names, const char *best,
	unsigned *distance)
{
	unsigned d;

	for (; names && *names; names++) {
		d = slice_distance(slice_str(name), slice_str(*names));
		if (d < *distance) {
			*distance = d;
			best = *names;
		}
	}
	return best;
}

static bool
among(const char *name, const char *const *names)
{
	for (; names && *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

void
flow_only(const struct flow_at *at, const char *const *names,
	  const char *const *more)
{
	const char *name, *best;
	unsigned distance;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)at->object, name, value)
	{
		if (among(name, names) || among(name, more))
			continue;
		distance = 3;
		best = suggest(name, names, NULL, &distance);
		best = suggest(name, more, best, &distance);
		flow_at_problem(at, name, "unknown_field",
				best ? "There is no field of this name here; "
				       "did you mean \"%s\"?"
				     : "There is no field of this name here.%s",
				best ? best : "");
	}
}

/* An own problem for each getter. */
struct getter {
	struct json_problem problem;
	struct json_at at;
};

static void
getter_init(struct getter *g, const struct flow_at *at)
{
	memset(g, 0, sizeof(*g));
	g->at = (struct json_at){ at->object, at->pointer, &g->problem };
}

static void
getter_end(struct getter *g, const struct flow_at *at, const char *name)
{
	bool missing;

	if (!g->problem.set)
		return;
	missing = !json_object_get(at->object, name);
	flow_problem(at->c, at->block, FLOW_ERROR,
		     g->problem.pointer[0] ? g->problem.pointer : at->pointer,
		     missing ? "missing_field" : "invalid", "%s",
		     g->problem.detail);
}

const char *
flow_get_str(const struct flow_at *at, const char *name, int flags, size_t max,
	     const char *fallback)
{
	const char *text;
	struct getter g;

	getter_init(&g, at);
	text = json_get_str(&g.at, name, flags, max, fallback);
	getter_end(&g, at, name);
	return text;
}

int64_t
flow_get_int(const struct flow_at *at, const char *name, int64_t min,
	     int64_t max, int64_t fallback)
{
	struct getter g;
	int64_t n;

	getter_init(&g, at);
	n = json_get_int(&g.at, name, 0, min, max, fallback);
	getter_end(&g, at, name);
	return n;
}

bool
flow_get_bool(const struct flow_at *at, const char *name, bool fallback)
{
	struct getter g;
	bool value;

	getter_init(&g, at);
	value = json_get_bool(&g.at, name, fallback);
	getter_end(&g, at, name);
	return value;
}

const json_t *
flow_get_array(const struct flow_at *at, const char *name, int flags,
	       size_t max)
{
	const json_t *list;
	struct getter g;

	getter_init(&g, at);
	list = json_get_array(&g.at, name, flags, max);
	getter_end(&g, at, name);
	return list;
}

bool
flow_get_item(const struct flow_at *at, const char *name, const json_t *list,
	      size_t i, struct flow_at *out)
{
	char pointer[300];

	snprintf(pointer, sizeof(pointer), "%s/%zu", flow_pointer(at, name), i);
	return flow_at_object(out, at, json_array_get(list, i), pointer);
}

/* ---- templates ---- */

static void
template_keep(const struct flow_at *at, const char *pointer,
	      struct template *text, struct template_json *json)
{
	struct flow_template *t = flow_alloc(at->c, sizeof(*t));

	if (!t) {
		template_free(text);
		template_json_free(json);
		return;
	}
	t->text = text;
	t->json = json;
	t->block = at->block;
	t->pointer = pointer;
	*at->c->doc->templates_end = t;
	at->c->doc->templates_end = &t->next;
}

struct template *
flow_get_template(const struct flow_at *at, const char *name, int flags,
		  enum template_place place)
{
	const char *text = flow_get_str(at, name, flags, FLOW_SAID_MAX, NULL);
	struct template_problem p = { 0 };
	struct template *out = NULL;
	int rc;

	if (!text)
		return NULL;
	rc = template_compile(slice_str(text), place, flow_scopes, &out, &p);
	if (rc == ERR_NOMEM)
		at->c->oom = true;
	else if (rc)
		flow_at_problem(at, name, "template", "%s", p.text);
	if (rc)
		return NULL;
	template_keep(at, flow_pointer(at, name), out, NULL);
	return at->c->oom ? NULL : out;
}

struct template_json *
flow_get_value(const struct flow_at *at, const char *name, int flags)
{
	const json_t *tree = json_object_get(at->object, name);
	struct template_problem p = { 0 };
	struct template_json *out = NULL;
	int rc;

	if (!tree) {
		if (flags & JSON_REQUIRED)
			flow_at_problem(at, name, "missing_field",
					"This field is needed.");
		return NULL;
	}
	rc = template_json_compile(tree, flow_scopes, &out, &p);
	if (rc == ERR_NOMEM)
		at->c->oom = true;
	else if (rc)
		flow_problem(at->c, at->block, FLOW_ERROR,
			     arena_printf(at->c->doc->arena, "%s%s",
					  flow_pointer(at, name), p.pointer),
			     "template", "%s", p.text);
	if (rc)
		return NULL;
	template_keep(at, flow_pointer(at, name), NULL, out);
	return at->c->oom ? NULL : out;
}

/* ---- names ---- */

bool
flow_is_given(const struct flow_at *at, const char *name)
{
	return json_is_string(json_object_get(at->object, name));
}

bool
flow_is_id(const char *text)
{
	size_t i;

	if (text[0] < 'a' || text[0] > 'z')
		return false;
	for (i = 1; text[i]; i++)
		if (!(text[i] >= 'a' && text[i] <= 'z') &&
		    !(text[i] >= '0' && text[i] <= '9') && text[i] != '_')
			return false;
	return i <= FLOW_ID_MAX;
}

/* Letters (any case), digits, underscores. */
static bool
is_variable_name(const char *text)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (!((text[i] | 32) >= 'a' && (text[i] | 32) <= 'z') &&
		    text[i] != '_' && !(i && text[i] >= '0' && text[i] <= '9'))
			return false;
	return i > 0 && i <= FLOW_ID_MAX;
}

const char *
flow_get_variable(const struct flow_at *at, const char *name, int flags,
		  const char *const *scopes)
{
	const char *text = flow_get_str(at, name, flags, 100, NULL), *dot;
	const char *const *scope;
	struct slice first;

	if (!text)
		return "";
	dot = strchr(text, '.');
	first = slice_of(text, dot ? (size_t)(dot - text) : 0);
	for (scope = scopes; dot && *scope; scope++)
		if (slice_eq(first, slice_str(*scope)))
			break;
	if ((dot && !*scope) || !is_variable_name(dot ? dot + 1 : text)) {
		flow_at_problem(at, name, "invalid_variable",
				"A name such as \"%s.order\": letters, digits "
				"and underscores.",
				scopes[0]);
		return "";
	}
	if (dot)
		return flow_strdup(at->c, text);
	text = arena_printf(at->c->doc->arena, "%s.%s", scopes[0], text);
	if (!text)
		at->c->oom = true;
	return text ? text : "";
}

void
flow_known_add(struct flow_compiler *c, const char *scope, const char *name)
{
	size_t room = c->known_room ? 2 * c->known_room : 64;
	const char **grown, *full = name;

	if (c->known_count + 1 >= c->known_room) {
		grown = realloc(c->known, room * sizeof(*grown));
		if (!grown) {
			c->oom = true;
			return;
		}
		c->known = grown;
		c->known_room = room;
	}
	if (scope)
		full = arena_printf(c->doc->arena, "%s.%s", scope, name);
	if (!full) {
		c->oom = true;
		return;
	}
	c->known[c->known_count++] = full;
	c->known[c->known_count] = NULL;
}

struct flow_exit *
flow_exit_add(struct flow_compiler *c, struct flow_block *b, const char *name,
	      bool required)
{
	struct flow_exit *exits;

	exits = flow_alloc(c, (b->exit_count + 1) * sizeof(*exits));
	if (!exits)
		return NULL;
	if (b->exit_count)
		memcpy(exits, b->exits, b->exit_count * sizeof(*exits));
	b->exits = exits;
	exits += b->exit_count++;
	exits->name = flow_strdup(c, name);
	exits->required = required;
	exits->block = -1;
	return exits;
}
