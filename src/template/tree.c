/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON templates: a tree whose strings are templates.
 *
 * Compiling keeps a copy of the tree, and the compiled strings in the order
 * in which a walk meets them; rendering makes the same walk.  Names of
 * members are never looked at.  A tree has at most 32 levels, so the walks
 * are recursive.
 */
#include <stdio.h>
#include <stdlib.h>

#include "template/template_priv.h"

enum { ARENA_MAX = 16 * 1024 * 1024 };

struct text {
	const struct template *t;
	const char *pointer;
};

struct template_json {
	json_t *tree;
	struct arena *arena;
	struct text *texts;
	size_t count;
};

/* A string without either is itself. */
static bool
is_template(const json_t *string)
{
	const char *s = json_string_value(string);
	size_t len = json_string_length(string);

	return memchr(s, '@', len) || memmem(s, len, "{{", 2);
}

/* ---- compiling ---- */

struct compiling {
	struct template_json *t;
	const char *const *scopes;
	struct template_problem *problem;
	size_t cap, bytes;
	char pointer[256];
};

static int
compile_problem(struct compiling *c, int err)
{
	if (c->problem)
		snprintf(c->problem->pointer, sizeof(c->problem->pointer), "%s",
			 c->pointer);
	return err;
}

/* Room for one more. */
static int
texts_grow(struct compiling *c)
{
	struct text *more;
	size_t cap = c->cap ? c->cap * 2 : 16;

	if (c->t->count < c->cap)
		return 0;
	if (c->t->count == TEMPLATE_JSON_TEXTS_MAX)
		return template_problem_set(
			c->problem, ERR_TOO_LARGE, 0, 0,
			"A JSON template has at most %d strings with "
			"variables.",
			TEMPLATE_JSON_TEXTS_MAX);
	if (cap > TEMPLATE_JSON_TEXTS_MAX)
		cap = TEMPLATE_JSON_TEXTS_MAX;
	more = realloc(c->t->texts, cap * sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	c->t->texts = more;
	c->cap = cap;
	return 0;
}

static int
compile_string(struct compiling *c, const json_t *string)
{
	struct template *t;
	struct text *text;
	int err;

	if (!is_template(string))
		return 0;
	err = texts_grow(c);
	c->bytes += json_string_length(string);
	if (!err && c->bytes > TEMPLATE_JSON_BYTES_MAX)
		err = template_problem_set(
			c->problem, ERR_TOO_LARGE, 0, 0,
			"The strings of a JSON template have at most %d bytes.",
			TEMPLATE_JSON_BYTES_MAX);
	if (!err)
		err = template_compile_into(
			c->t->arena,
			slice_of(json_string_value(string),
				 json_string_length(string)),
			TEMPLATE_IN_VALUE, c->scopes, &t, c->problem);
	if (err)
		return compile_problem(c, err);
	text = &c->t->texts[c->t->count];
	text->t = t;
	text->pointer = arena_strdup(c->t->arena, c->pointer);
	if (!text->pointer)
		return ERR_NOMEM;
	c->t->count++;
	return 0;
}

static int compile_node(struct compiling *c, const json_t *node);

/* A member or item; the pointer is put back. */
static int
compile_child(struct compiling *c, const char *name, const json_t *node)
{
	size_t len = strlen(c->pointer);
	char pointer[sizeof(c->pointer)];
	struct json_at at = { .pointer = pointer };
	int err;

	memcpy(pointer, c->pointer, len + 1);
	json_pointer(&at, name, c->pointer, sizeof(c->pointer));
	slice_mend_utf8(c->pointer);
	err = compile_node(c, node);
	c->pointer[len] = 0;
	return err;
}

static int
compile_node(struct compiling *c, const json_t *node)
{
	json_t *n = (json_t *)node;
	char index[24];
	int err = 0;
	void *at;
	size_t i;

	if (json_is_string(node))
		return compile_string(c, node);
	for (i = 0; !err && i < json_array_size(node); i++) {
		snprintf(index, sizeof(index), "%zu", i);
		err = compile_child(c, index, json_array_get(node, i));
	}
	for (at = json_object_iter(n); at && !err;
	     at = json_object_iter_next(n, at))
		err = compile_child(c, json_object_iter_key(at),
				    json_object_iter_value(at));
	return err;
}

int
template_json_compile(const json_t *tree, const char *const *scopes,
		      struct template_json **out,
		      struct template_problem *problem)
{
	struct compiling c = { .scopes = scopes, .problem = problem };
	int err = ERR_NOMEM;

	ASSERT(tree);
	*out = NULL;
	if (!template_value_is_shallow(tree, TEMPLATE_JSON_DEPTH_MAX))
		return template_problem_set(
			problem, ERR_TOO_LARGE, 0, 0,
			"A JSON template has at most %d levels.",
			TEMPLATE_JSON_DEPTH_MAX);
	c.t = calloc(1, sizeof(*c.t));
	if (!c.t)
		return ERR_NOMEM;
	c.t->arena = arena_new(ARENA_MAX);
	c.t->tree = json_deep_copy(tree);
	if (c.t->arena && c.t->tree)
		err = compile_node(&c, c.t->tree);
	if (err)
		template_json_free(c.t);
	else
		*out = c.t;
	return err;
}

void
template_json_free(struct template_json *t)
{
	if (!t)
		return;
	json_decref(t->tree);
	arena_free(t->arena);
	free(t->texts);
	free(t);
}

const struct template *
template_json_at(const struct template_json *t, size_t i, const char **pointer)
{
	*pointer = i < t->count ? t->texts[i].pointer : NULL;
	return i < t->count ? t->texts[i].t : NULL;
}

/* ---- rendering ---- */

struct rendering {
	const struct template_json *t;
	struct render with;
	size_t next; /* text */
	size_t left; /* bytes that all of them may have */
};

static int
render_string(struct rendering *r, json_t **out)
{
	struct template_problem *problem = r->with.problem;
	const struct text *text;
	size_t size;
	int err;

	ASSERT(r->next < r->t->count);
	text = &r->t->texts[r->next++];
	err = template_value_sized(&r->with, text->t, r->left, out, &size);
	if (!err)
		r->left -= size;
	else if (problem)
		snprintf(problem->pointer, sizeof(problem->pointer), "%s",
			 text->pointer);
	return err;
}

static int render_node(struct rendering *r, const json_t *node, json_t **out);

static int
render_array(struct rendering *r, const json_t *node, json_t *out)
{
	json_t *item;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < json_array_size(node); i++) {
		err = render_node(r, json_array_get(node, i), &item);
		/* Takes the item even when it fails. */
		if (json_array_append_new(out, item) && !err)
			err = ERR_NOMEM;
	}
	return err;
}

static int
render_object(struct rendering *r, const json_t *node, json_t *out)
{
	json_t *n = (json_t *)node, *member;
	int err = 0;
	void *at;

	for (at = json_object_iter(n); at && !err;
	     at = json_object_iter_next(n, at)) {
		err = render_node(r, json_object_iter_value(at), &member);
		if (json_object_setn_new(out, json_object_iter_key(at),
					 json_object_iter_key_len(at),
					 member) &&
		    !err)
			err = ERR_NOMEM;
	}
	return err;
}

/* *out is owned, also after an error. */
static int
render_node(struct rendering *r, const json_t *node, json_t **out)
{
	*out = NULL;
	switch (json_typeof(node)) {
	case JSON_ARRAY:
		*out = json_array();
		return *out ? render_array(r, node, *out) : ERR_NOMEM;
	case JSON_OBJECT:
		*out = json_object();
		return *out ? render_object(r, node, *out) : ERR_NOMEM;
	case JSON_STRING:
		if (is_template(node))
			return render_string(r, out);
		/* fall through */
	default:
		/* Not shared: who changes the result changes no template. */
		*out = json_copy((json_t *)node);
		return *out ? 0 : ERR_NOMEM;
	}
}

int
template_json_render_within(const struct template_json *t, const json_t *values,
			    enum template_missing missing,
			    struct template_budget *budget, size_t max_bytes,
			    json_t **out, struct template_problem *problem)
{
	struct rendering r = { .t = t,
			       .with = { values, missing, budget, problem },
			       .left = max_bytes };
	size_t size;
	int err;

	if (problem)
		memset(problem, 0, sizeof(*problem));
	err = render_node(&r, t->tree, out);
	if (!err)
		err = template_measure(*out, max_bytes, &size, problem);
	if (err) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}

int
template_json_render(const struct template_json *t, const json_t *values,
		     enum template_missing missing, size_t max_bytes,
		     json_t **out, struct template_problem *problem)
{
	struct template_budget own = { TEMPLATE_WORK_MAX };

	return template_json_render_within(t, values, missing, &own, max_bytes,
					   out, problem);
}
