/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling: a template's life, and what can be said about a problem.
 */
#include <stdarg.h>
#include <stdio.h>

#include "template/template_priv.h"

/* Texts grow sixfold at most (" in XML), and parts are bounded too. */
enum { ARENA_MAX = 4 * 1024 * 1024 };

const char *const template_usual_scopes[] = { "input",	"block",   "flow",
					      "global", "session", "zoho",
					      NULL };

int
template_problem_set(struct template_problem *p, int code, size_t at,
		     size_t len, const char *fmt, ...)
{
	va_list ap;

	if (!p)
		return code;
	memset(p, 0, sizeof(*p));
	p->at = at;
	p->len = len;
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	slice_mend_utf8(p->text);
	return code;
}

int
template_problem_variable(struct template_problem *p, int code,
			  const struct variable *v, const char *what)
{
	template_problem_set(p, code, v->use.at, v->use.len, "%s %s",
			     v->use.name, what);
	if (p)
		snprintf(p->name, sizeof(p->name), "%s", v->use.name);
	return code;
}

/* The variables in one list, now that they can be counted. */
static int
list_variables(struct template *t)
{
	const struct part *part;
	size_t n = 0;

	for (part = t->parts; part; part = part->next)
		n += part->variable != NULL;
	t->variables = arena_alloc(t->arena, (n + 1) * sizeof(*t->variables));
	if (!t->variables)
		return ERR_NOMEM;
	for (part = t->parts; part; part = part->next)
		if (part->variable)
			t->variables[t->variable_count++] = part->variable->use;
	return 0;
}

int
template_compile_into(struct arena *arena, struct slice text,
		      enum template_place place, const char *const *scopes,
		      struct template **out, struct template_problem *problem)
{
	struct template *t;
	struct parser p = { .scopes = scopes, .problem = problem };
	int err;

	*out = NULL;
	if (text.len > TEMPLATE_TEXT_MAX)
		return template_problem_set(problem, ERR_TOO_LARGE, 0, text.len,
					    "A template has at most %d bytes.",
					    TEMPLATE_TEXT_MAX);
	if (!slice_is_utf8(text))
		return template_problem_set(problem, ERR_INVALID, 0, text.len,
					    "The template is not UTF-8.");
	t = arena_alloc(arena, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->arena = arena;
	t->place = place;
	t->text = slice_of(arena_slice(arena, text), text.len);
	if (!t->text.ptr)
		return ERR_NOMEM;
	p.t = t;
	p.tail = &t->parts;
	err = template_parse(&p);
	if (!err)
		err = template_place_parts(t, problem);
	if (!err)
		err = list_variables(t);
	if (!err)
		*out = t;
	return err;
}

int
template_compile(struct slice text, enum template_place place,
		 const char *const *scopes, struct template **out,
		 struct template_problem *problem)
{
	struct arena *arena = arena_new(ARENA_MAX);
	int err;

	*out = NULL;
	if (!arena)
		return ERR_NOMEM;
	err = template_compile_into(arena, text, place, scopes, out, problem);
	if (err)
		arena_free(arena);
	return err;
}

void
template_free(struct template *t)
{
	if (t)
		arena_free(t->arena);
}

size_t
template_variables(const struct template *t,
		   const struct template_variable **list)
{
	*list = t->variables;
	return t->variable_count;
}
