/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection's choices: its data centre and parameters, checked against
 * the definition before anything is made of them.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>

struct choice {
	const struct service *s;
	const struct catalog_method *m;
	const char *data_centre;
	struct catalog_pair items[40];
	char numbers[40][24];
	size_t count;
	struct json_problem *problem;
};

/* A problem at a parameter: "Port: is missing". */
static void
refuse(struct choice *c, const char *name, const char *who, const char *what)
{
	char pointer[128];

	snprintf(pointer, sizeof(pointer), "/parameters/%.100s", name);
	json_problem_set(c->problem, pointer, "%s: %s", who, what);
}

bool
catalog_parameter_is_sound(const struct catalog_parameter *p, const char *value)
{
	struct slice s = slice_str(value);
	bool ok;
	size_t i;

	for (i = 0; i < p->choices.count; i++)
		if (!strcmp(p->choices.items[i].value, value))
			return true;
	if (p->choices.count)
		return false;
	ok = p->type == CATALOG_PARAMETER_LABEL	 ? catalog_is_label(s)
	     : p->type == CATALOG_PARAMETER_HOST ? catalog_is_host(value, false)
						 : catalog_is_value(s);
	return ok && (!p->pattern || binding_pattern_matches(p->pattern, s));
}

/* The text of a member: a string, or a whole number. */
static const char *
choice_text(struct choice *c, const json_t *value)
{
	char *number = c->numbers[c->count];

	if (json_is_string(value) &&
	    strlen(json_string_value(value)) == json_string_length(value) &&
	    json_string_length(value) <= 256)
		return json_string_value(value);
	if (!json_is_integer(value))
		return NULL;
	snprintf(number, sizeof(c->numbers[0]), "%lld",
		 (long long)json_integer_value(value));
	return number;
}

static bool
choose_data_centre(struct choice *c, const json_t *value)
{
	const struct catalog_data_centre *dc;
	const char *text = json_string_value(value);

	if (!c->s->data_centres.count) {
		if (value)
			refuse(c, "data_centre", c->s->name,
			       "has no data centres");
		return !value;
	}
	c->data_centre = c->s->default_data_centre;
	if (!value)
		return true;
	dc = text ? service_data_centre(c->s, text) : NULL;
	if (!dc) {
		refuse(c, "data_centre", c->s->name, "has no such data centre");
		return false;
	}
	c->data_centre = dc->id;
	return true;
}

static bool
choose_parameter(struct choice *c, const struct catalog_parameter *p,
		 const json_t *given)
{
	const json_t *value = json_object_get(given, p->name);
	const char *text = p->fallback;

	if (value && !json_is_null(value)) {
		text = choice_text(c, value);
		if (!text) {
			refuse(c, p->name, p->label, "must be a text");
			return false;
		}
	}
	if (!text) {
		if (!p->optional)
			refuse(c, p->name, p->label, "is missing");
		return p->optional;
	}
	if (!catalog_parameter_is_sound(p, text)) {
		refuse(c, p->name, p->label,
		       p->choices.count ? "is none of the choices"
					: "is not of its form");
		return false;
	}
	c->items[c->count].name = p->name;
	c->items[c->count++].value = text;
	return true;
}

static bool
choose(struct choice *c, const json_t *given)
{
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)given, name, value)
	{
		if (strcmp(name, "data_centre") &&
		    !catalog_parameter_find(c->s, c->m, slice_str(name))) {
			refuse(c, name, c->s->name, "unknown parameter");
			return false;
		}
	}
	if (!choose_data_centre(c, json_object_get(given, "data_centre")))
		return false;
	for (i = 0; i < c->s->parameters.count; i++)
		if (!choose_parameter(c, &c->s->parameters.items[i], given))
			return false;
	for (i = 0; i < c->m->parameters.count; i++)
		if (!choose_parameter(c, &c->m->parameters.items[i], given))
			return false;
	return true;
}

int
catalog_bind(const struct service *s, const char *method,
	     const json_t *parameters, struct binding **out,
	     struct json_problem *problem)
{
	struct definition *d = (struct definition *)(uintptr_t)s;
	const struct catalog_method *m = service_method(s, method);
	struct choice c = { .s = s, .m = m, .problem = problem };
	struct catalog_pairs chosen;
	int err;

	*out = NULL;
	if (!m) {
		json_problem_set(problem, "/method", "%s has no such method",
				 s->name);
		return ERR_NOT_FOUND;
	}
	if (parameters && !json_is_object(parameters)) {
		json_problem_set(problem, "/parameters", "must be an object");
		return ERR_INVALID;
	}
	if (!choose(&c, parameters))
		return ERR_INVALID;
	chosen = (struct catalog_pairs){ c.items, c.count };
	err = binding_resolve(d->bound ? d->bound[m - s->methods.items] : d,
			      c.data_centre, &chosen, NULL, out, problem);
	return err == ERR_NOMEM ? err : err ? ERR_INVALID : 0;
}
