/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sample values, with which the templates of a definition are tried.
 */
#include "catalog/check_priv.h"

static bool
host_key_exists(const struct service *s, struct slice key)
{
	size_t i;

	for (i = 0; i < s->data_centres.count; i++)
		if (pairs_get(&s->data_centres.items[i].hosts, key))
			return true;
	return false;
}

static struct template_value
parameter_sample(const struct catalog_parameters *p, struct slice name)
{
	struct template_value none = { TEMPLATE_UNKNOWN, NULL };
	size_t i;

	for (i = 0; i < p->count; i++) {
		const struct catalog_parameter *q = &p->items[i];

		if (!slice_eq(name, slice_str(q->name)))
			continue;
		if (q->type == CATALOG_PARAMETER_HOST)
			return (struct template_value){ TEMPLATE_HOST,
							"host.example" };
		if (q->type == CATALOG_PARAMETER_TEXT)
			return (struct template_value){ TEMPLATE_TEXT, "A.1" };
		if (q->choices.count)
			return (struct template_value){
				TEMPLATE_HOST, q->choices.items[0].value
			};
		/* A digit: it may stand where a port does. */
		return (struct template_value){ TEMPLATE_LABEL, "1" };
	}
	return none;
}

static struct template_value
method_sample(const struct catalog_method *m, struct slice name)
{
	struct template_value v = parameter_sample(&m->parameters, name);
	size_t i, j;

	if (v.class != TEMPLATE_UNKNOWN)
		return v;
	for (i = 0; i < m->captures.count; i++) {
		const struct catalog_capture *c = &m->captures.items[i];

		if (c->sets == CATALOG_SETS_BASE_URL && c->name &&
		    slice_starts(name, slice_str(c->name)) &&
		    slice_eq(slice_from(name, strlen(c->name)), SLICE(".host")))
			return (struct template_value){ TEMPLATE_HOST,
							"captured.example" };
		if (!slice_eq(name, slice_str(c->name)))
			continue;
		if (c->sets == CATALOG_SETS_BASE_URL)
			return (struct template_value){
				TEMPLATE_URL, "https://captured.example"
			};
		if (c->sets == CATALOG_SETS_VALUE)
			return (struct template_value){ TEMPLATE_TEXT, "a1" };
	}
	for (i = 0; i < m->lookups.count; i++)
		for (j = 0; j < m->lookups.items[i].values.count; j++)
			if (slice_eq(name, slice_str(m->lookups.items[i]
							     .values.items[j]
							     .name)))
				return (struct template_value){ TEMPLATE_TEXT,
								"a1" };
	return v;
}

struct template_value
check_sample(void *arg, struct slice name)
{
	struct template_value v = { TEMPLATE_UNKNOWN, NULL };
	const struct check *c = arg;
	size_t i;

	for (i = 0; c->also && c->also[i]; i++)
		if (slice_eq(name, slice_str(c->also[i])))
			return (struct template_value){ TEMPLATE_TEXT, "a1" };
	if (slice_starts(name, SLICE("dc."))) {
		name = slice_from(name, 3);
		v.text = c->dc ? pairs_get(&c->dc->hosts, name) : NULL;
		if (v.text)
			v.class = TEMPLATE_HOST;
		else if (host_key_exists(c->s, name))
			v.class = TEMPLATE_MISSING;
		return v;
	}
	v = parameter_sample(&c->s->parameters, name);
	if (v.class != TEMPLATE_UNKNOWN)
		return v;
	if (c->s->data_centres.count && slice_eq(name, SLICE("data_centre")))
		return (struct template_value){ TEMPLATE_TEXT, "a1" };
	if (c->method)
		return method_sample(c->method, name);
	for (i = 0; i < c->s->methods.count; i++) {
		v = method_sample(&c->s->methods.items[i], name);
		if (v.class != TEMPLATE_UNKNOWN)
			break;
	}
	return v;
}
