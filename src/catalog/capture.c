/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes a binding during consent: values that the provider sent or
 * that were looked up.
 *
 * Each is judged by the definition's own table, pattern or template, and the
 * whole binding is then resolved anew, so that a value which would make an
 * unusable URL is refused as well.  On an error the binding is as before.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>

/* The binding is resolved anew with these, and takes the result over. */
static int
binding_renew(struct binding *b, const char *data_centre,
	      const struct catalog_pairs *values, char *detail, size_t size)
{
	struct binding_full *f = binding_full_of(b), *n, old;
	struct json_problem problem = { 0 };
	struct binding *fresh;
	int err;

	err = binding_resolve(f->def, data_centre, &b->parameters, values,
			      &fresh, &problem);
	if (err) {
		snprintf(detail, size, "%s", problem.detail);
		return err;
	}
	n = binding_full_of(fresh);
	old = *f;
	*f = *n;
	*n = old;
	binding_free(fresh);
	return 0;
}

static int
binding_add_value(struct binding *b, const char *name, const char *value,
		  char *detail, size_t size)
{
	struct catalog_pair items[32];
	struct catalog_pairs all = { items, 0 };
	size_t i;

	for (i = 0; i < b->values.count && all.count < 31; i++)
		if (strcmp(b->values.items[i].name, name))
			items[all.count++] = b->values.items[i];
	items[all.count++] = (struct catalog_pair){ name, value };
	return binding_renew(b, b->data_centre, &all, detail, size);
}

int
binding_switch_data_centre(struct binding *b, const char *data_centre)
{
	char detail[256];

	if (!service_data_centre(b->service, data_centre))
		return ERR_NOT_FOUND;
	return binding_renew(b, data_centre, &b->values, detail,
			     sizeof(detail));
}

/* The data centre whose host (of one of the capture's keys) this is. */
static const struct catalog_data_centre *
captured_centre(const struct binding *b, const struct catalog_capture *c,
		struct slice value)
{
	const struct service *s = b->service;
	struct http_url u;
	const char *host;
	size_t i, j;

	if (http_url_parse(value, &u, NULL) < 0 || !u.https ||
	    (u.path.len && !slice_eq(u.path, SLICE("/"))))
		return NULL;
	for (i = 0; i < s->data_centres.count; i++) {
		for (j = 0; j < c->hosts.count; j++) {
			struct binding_host h;

			host = pairs_get(&s->data_centres.items[i].hosts,
					 slice_str(c->hosts.items[j]));
			if (!host || !binding_host_parse(host, NULL, &h))
				continue;
			h.name = host;
			if (!h.port &&
			    binding_host_covers(&h, u.host, true, u.port))
				return &s->data_centres.items[i];
		}
	}
	return NULL;
}

static int
capture_refuse(const struct catalog_capture *c, char *detail, size_t size)
{
	snprintf(detail, size,
		 "the provider sent a value for %s that is not in the "
		 "service's own list or form",
		 c->field);
	return ERR_FORBIDDEN;
}

static bool
capture_equals(const struct binding *b, const char *text, struct slice value)
{
	struct buf want;
	bool ok;

	buf_init(&want, 1024);
	ok = !binding_expand(b, text, &want) &&
	     slice_eq(buf_slice(&want), value);
	buf_release(&want);
	return ok;
}

int
binding_capture(struct binding *b, const struct catalog_capture *c,
		struct slice value, char *detail, size_t size)
{
	const struct catalog_data_centre *dc = NULL;
	char text[1025];
	int err = 0;

	if (size)
		detail[0] = '\0';
	if (slice_copy(value, text, sizeof(text)) < 0 ||
	    !catalog_is_value(value))
		return capture_refuse(c, detail, size);
	if (c->hosts.count) {
		dc = captured_centre(b, c, value);
		if (!dc)
			return capture_refuse(c, detail, size);
	} else if (c->pattern && !binding_pattern_matches(c->pattern, value)) {
		return capture_refuse(c, detail, size);
	}
	if (c->equals && !capture_equals(b, c->equals, value))
		return capture_refuse(c, detail, size);
	if (c->sets == CATALOG_SETS_DATA_CENTRE) {
		err = binding_renew(b, dc->id, &b->values, detail, size);
	} else if (c->sets == CATALOG_SETS_BASE_URL) {
		/* Not into another data centre than the account's. */
		if (dc && (!b->data_centre || strcmp(dc->id, b->data_centre)))
			return capture_refuse(c, detail, size);
		err = binding_add_value(b, c->name, text, detail, size);
	} else if (c->sets == CATALOG_SETS_VALUE) {
		err = binding_add_value(b, c->name, text, detail, size);
	}
	return err && err != ERR_NOMEM ? ERR_FORBIDDEN : err;
}

int
binding_set_value(struct binding *b, const struct catalog_lookup_value *v,
		  struct slice value, char *detail, size_t size)
{
	char text[1025];
	int err;

	if (size)
		detail[0] = '\0';
	if (slice_copy(value, text, sizeof(text)) < 0 ||
	    !catalog_is_value(value) ||
	    !binding_pattern_matches(v->pattern, value)) {
		snprintf(detail, size,
			 "the value looked up for %s is not of "
			 "its form",
			 v->name);
		return ERR_FORBIDDEN;
	}
	err = binding_add_value(b, v->name, text, detail, size);
	return err && err != ERR_NOMEM ? ERR_FORBIDDEN : err;
}

/* ---- look-ups ---- */

/* Whether all of the pairs (path, text) hold in this item. */
static bool
item_is(const struct catalog_pairs *where, const json_t *item)
{
	const json_t *v;
	size_t i;

	for (i = 0; i < where->count; i++) {
		v = binding_path_get(item, where->items[i].name);
		if (!json_is_string(v) ||
		    strcmp(json_string_value(v), where->items[i].value))
			return false;
	}
	return true;
}

const json_t *
binding_lookup_item(const struct binding *b, size_t index, const json_t *tree,
		    char *detail, size_t size)
{
	const struct catalog_lookup *l = &b->method->lookups.items[index];
	const struct catalog_pairs *where = &b->lookup_where[index];
	const json_t *list, *item;
	size_t i;

	if (size)
		detail[0] = '\0';
	if (!l->list)
		return tree;
	list = binding_path_get(tree, l->list);
	json_array_foreach(list, i, item)
	{
		if (item_is(where, item))
			return item;
	}
	if (json_array_size(list) && where->count)
		snprintf(detail, size, "the account cannot reach %s",
			 where->items[0].value);
	else
		snprintf(detail, size, "the account can reach nothing here");
	return NULL;
}
