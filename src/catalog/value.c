/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the placeholders of a binding stand for: hosts of its data centre,
 * parameters, and what was captured or looked up.
 *
 * A value says what it is, so that the place where it is put in can tell
 * whether it may stand there.  The host of a captured base URL is derived
 * from the URL here and stored nowhere.
 */
#include "catalog/catalog_priv.h"

const char *
pairs_get(const struct catalog_pairs *p, struct slice name)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (slice_eq(slice_str(p->items[i].name), name))
			return p->items[i].value;
	return NULL;
}

const struct catalog_parameter *
catalog_parameter_find(const struct service *s, const struct catalog_method *m,
		       struct slice name)
{
	size_t i;

	for (i = 0; i < s->parameters.count; i++)
		if (slice_eq(slice_str(s->parameters.items[i].name), name))
			return &s->parameters.items[i];
	for (i = 0; i < m->parameters.count; i++)
		if (slice_eq(slice_str(m->parameters.items[i].name), name))
			return &m->parameters.items[i];
	return NULL;
}

static struct template_value
known(enum template_class class, const char *text)
{
	return (struct template_value){ text ? class : TEMPLATE_MISSING, text };
}

const char *
catalog_base_url(const struct service *s, const struct catalog_method *m)
{
	return m && m->base_url ? m->base_url : s->api.base_url;
}

const struct catalog_texts *
catalog_hosts(const struct service *s, const struct catalog_method *m)
{
	return m && m->hosts.count ? &m->hosts : &s->api.hosts;
}

/* "instance_url.host": the host of a captured base URL. */
static struct template_value
captured_host(const struct binding *b, const struct catalog_capture *c,
	      struct slice name)
{
	const struct binding_full *f =
		(const struct binding_full *)(const void *)b;

	if (!slice_starts(name, slice_str(c->name)) ||
	    !slice_eq(slice_from(name, strlen(c->name)), SLICE(".host")))
		return known(TEMPLATE_UNKNOWN, "");
	return known(TEMPLATE_HOST, f->base_host[0] ? f->base_host : NULL);
}

static struct template_value
captured_value(const struct binding *b, struct slice name)
{
	const struct catalog_method *m = b->method;
	struct template_value v;
	size_t i, j;

	for (i = 0; i < m->captures.count; i++) {
		const struct catalog_capture *c = &m->captures.items[i];

		if (c->sets == CATALOG_SETS_BASE_URL) {
			v = captured_host(b, c, name);
			if (v.class != TEMPLATE_UNKNOWN)
				return v;
		}
		if (!slice_eq(slice_str(c->name), name))
			continue;
		if (c->sets == CATALOG_SETS_BASE_URL)
			return known(TEMPLATE_URL, pairs_get(&b->values, name));
		if (c->sets == CATALOG_SETS_VALUE)
			return known(TEMPLATE_TEXT,
				     pairs_get(&b->values, name));
	}
	for (i = 0; i < m->lookups.count; i++)
		for (j = 0; j < m->lookups.items[i].values.count; j++)
			if (slice_eq(slice_str(m->lookups.items[i]
						       .values.items[j]
						       .name),
				     name))
				return known(TEMPLATE_TEXT,
					     pairs_get(&b->values, name));
	return known(TEMPLATE_UNKNOWN, "");
}

struct template_value
binding_value_in(const struct binding *b, const char *data_centre,
		 struct slice name)
{
	const struct catalog_data_centre *dc =
		service_data_centre(b->service, data_centre);
	const struct catalog_parameter *p;
	const char *text;

	if (slice_starts(name, SLICE("dc.")))
		return known(TEMPLATE_HOST,
			     dc ? pairs_get(&dc->hosts, slice_from(name, 3))
				: NULL);
	p = catalog_parameter_find(b->service, b->method, name);
	if (!p && slice_eq(name, SLICE("data_centre")))
		return known(TEMPLATE_TEXT, dc ? dc->id : NULL);
	if (!p)
		return captured_value(b, name);
	text = pairs_get(&b->parameters, name);
	if (p->type == CATALOG_PARAMETER_TEXT)
		return known(TEMPLATE_TEXT, text);
	if (p->type == CATALOG_PARAMETER_HOST || p->choices.count)
		return known(TEMPLATE_HOST, text);
	return known(TEMPLATE_LABEL, text);
}

struct template_value
binding_value(void *arg, struct slice name)
{
	const struct binding *b = arg;

	return binding_value_in(b, b->data_centre, name);
}

int
binding_expand(const struct binding *b, const char *text, struct buf *out)
{
	return template_expand(text, binding_value, (void *)(uintptr_t)b, 0,
			       out, NULL);
}

const char *
binding_text(const struct binding *b, struct slice name)
{
	const char *text = pairs_get(&b->parameters, name);

	return text ? text : pairs_get(&b->values, name);
}
