/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set: changes variables of the flow, of blocks and of the session, in
 * order: "value" is a JSON template; "add" a template for a number that is
 * added to what the variable has (nothing, or no number: 0).
 *
 * A value may be made of others, and so be twice as long as they are: what
 * all blocks make until the next wait has a bound, and so has all work.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { SETS_MAX = 50, VALUE_MAX = 64 * 1024 };

static const char *const fields[] = { "set", NULL };
static const char *const scopes[] = { "flow", "block", "session", "input",
				      NULL };

struct set {
	const char *variable;
	struct template_json *value, *add; /* one of the two */
};

struct sets {
	struct set *items;
	size_t count;
};

/* A flow's variable must be declared; the others come to be so. */
static void
check_variable(const struct flow_at *at, const char *name)
{
	struct flow_compiler *c = at->c;

	if (!strncmp(name, "flow.", 5) &&
	    !json_object_get(c->doc->flow_values, name + 5))
		flow_at_problem(at, "variable", "unknown_variable",
				"Declare it under variables.flow.");
	else if (!strncmp(name, "session.", 8) &&
		 !json_object_get(c->doc->session_values, name + 8))
		flow_at_problem(at, "variable", "unknown_variable",
				"Declare it under variables.session.");
	else if (name[0])
		flow_known_add(c, NULL, name);
}

static void
set_one(const struct flow_at *at, struct set *s)
{
	static const char *const names[] = { "variable", "value", "add", NULL };
	const json_t *value = json_object_get(at->object, "value");
	const json_t *add = json_object_get(at->object, "add");

	flow_only(at, names, NULL);
	s->variable = flow_get_variable(at, "variable", JSON_REQUIRED, scopes);
	check_variable(at, s->variable);
	if (!value == !add)
		flow_at_problem(at, NULL, "invalid",
				"Either \"value\" or \"add\".");
	else if (add && !json_is_number(add) && !json_is_string(add))
		flow_at_problem(at, "add", "invalid",
				"A number, or a template that gives one.");
	else if (value)
		s->value = flow_get_value(at, "value", 0);
	else
		s->add = flow_get_value(at, "add", 0);
}

static void
set_compile(const struct flow_at *at, struct flow_block *b)
{
	const json_t *list = flow_get_array(at, "set", JSON_REQUIRED, SETS_MAX);
	struct sets *s = flow_alloc(at->c, sizeof(*s));
	struct flow_at item;
	size_t i;

	flow_exit_add(at->c, b, "next", true);
	if (!s)
		return;
	b->data = s;
	s->items = flow_alloc(at->c,
			      (json_array_size(list) + 1) * sizeof(*s->items));
	for (i = 0; s->items && i < json_array_size(list); i++)
		if (flow_get_item(at, "set", list, i, &item))
			set_one(&item, &s->items[s->count++]);
}

/* A number, or a text that is one. */
static bool
number_of(const json_t *value, json_t **out)
{
	*out = NULL;
	if (json_is_number(value))
		*out = json_deep_copy(value);
	else if (json_is_string(value))
		*out = flow_answer_value(FLOW_NUMBER, json_string_value(value),
					 NULL);
	return *out != NULL;
}

static json_t *
sum(json_t *a, json_t *b)
{
	json_int_t n;
	double x;

	if (json_is_integer(a) && json_is_integer(b) &&
	    !__builtin_add_overflow(json_integer_value(a),
				    json_integer_value(b), &n))
		return json_integer(n);
	x = json_number_value(a) + json_number_value(b);
	return isfinite(x) ? json_real(x) : json_null();
}

static void
set_add(struct flow_run *run, const struct set *s, const json_t *by)
{
	json_t *have, *more;

	if (!number_of(by, &more))
		return; /* nothing to add */
	if (!number_of(flow_value_get(run, s->variable), &have))
		have = json_integer(0);
	flow_value_set(run, s->variable, sum(have, more));
	json_decref(have);
	json_decref(more);
}

/* What cannot be made changes nothing, but was as much work as the longest. */
static void
set_make(struct flow_run *run, const struct set *s)
{
	json_t *value =
		flow_render_value(run, s->value ? s->value : s->add, VALUE_MAX);

	if (!value) {
		run->made += VALUE_MAX;
		return;
	}
	run->made += json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
	if (s->value)
		flow_value_set(run, s->variable, json_deep_copy(value));
	else
		set_add(run, s, value);
	json_decref(value);
}

static enum flow_next
set_enter(struct flow_run *run, const struct flow_block *b)
{
	const struct sets *sets = b->data;
	size_t i;

	for (i = 0; i < sets->count; i++) {
		set_make(run, &sets->items[i]);
		if (run->made <= FLOW_MADE_MAX)
			continue;
		snprintf(run->problem, sizeof(run->problem),
			 "runaway: the values are too long, all together, "
			 "without a question.");
		return FLOW_FAILED;
	}
	run->exit = "next";
	return FLOW_GO;
}

const struct flow_block_type flow_set = {
	.name = "set",
	.help = "changes variables",
	.fields = fields,
	.compile = set_compile,
	.enter = set_enter,
};
