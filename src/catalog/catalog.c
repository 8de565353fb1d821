/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue: default services over their parts, and custom ones.
 *
 * Built once and then only read, from any thread; whoever changes a custom
 * service builds a new one.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct catalog {
	atomic_uint refs;
	struct definition **items; /* by name */
	size_t count;
	size_t cap;
};

static struct definition *
definition_of(const struct service *s)
{
	return (struct definition *)(uintptr_t)s;
}

int
catalog_check(const struct catalog *c, struct slice text,
	      char id[CATALOG_ID_MAX + 1], struct catalog_report *report)
{
	struct catalog_source source = { .text = text };
	struct definition *d = NULL;
	int err;

	id[0] = '\0';
	memset(report, 0, sizeof(*report));
	err = load_custom(c, &source, report, &d);
	if (!err)
		err = slice_copy(slice_str(d->service.id), id,
				 CATALOG_ID_MAX + 1);
	definition_unref(d);
	return err == ERR_TOO_LARGE ? ERR_INVALID : err;
}

/* ---- the catalogue ---- */

/* Takes d. */
static int
catalog_add(struct catalog *c, struct definition *d)
{
	struct definition **more;

	if (c->count == c->cap) {
		more = realloc(c->items, (c->cap * 2 + 16) * sizeof(*more));
		if (!more) {
			definition_unref(d);
			return ERR_NOMEM;
		}
		c->items = more;
		c->cap = c->cap * 2 + 16;
	}
	c->items[c->count++] = d;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct definition *x = *(struct definition *const *)a;
	const struct definition *y = *(struct definition *const *)b;
	int order = strcasecmp(x->service.name, y->service.name);

	return order ? order : strcmp(x->service.id, y->service.id);
}

static bool
is_service_file(const char *path)
{
	return strcmp(path, "services/schema.json") &&
	       slice_ends(slice_str(path), SLICE(".json")) &&
	       !strchr(path + strlen("services/"), '/');
}

static int
add_defaults(struct catalog *c, struct catalog_report *report)
{
	const struct embed_file *f;
	struct definition *d;
	json_t *parts = NULL;
	char path[80];
	size_t cursor = 0;
	int err;

	err = load_parts(&parts, report);
	while (!err && (f = embed_next("services/", &cursor)) != NULL) {
		if (!is_service_file(f->path))
			continue;
		d = NULL;
		err = load_default(f, parts, report, &d);
		if (err)
			break;
		snprintf(path, sizeof(path), "services/%s.json", d->service.id);
		if (strcmp(path, f->path)) {
			report_add(report, f->path, "/id",
				   "must be the file's name");
			definition_unref(d);
			err = ERR_INVALID;
			break;
		}
		err = catalog_add(c, d);
	}
	json_decref(parts);
	return err;
}

/* One that is broken, or too large for its memory, is left out and reported. */
static int
add_custom(struct catalog *c, const struct catalog_source *source,
	   struct catalog_report *report)
{
	struct definition *d = NULL;
	const struct service *taken;
	int err;

	err = load_custom(c, source, report, &d);
	if (err)
		return 0;
	taken = catalog_find(c, source->org, d->service.id);
	if (taken) {
		report_add(report, source->file, "/id",
			   "there is a service with this id");
		definition_unref(d);
		return 0;
	}
	return catalog_add(c, d);
}

int
catalog_new(const struct catalog_source *custom, size_t count,
	    struct catalog **out, struct catalog_report *report)
{
	struct catalog *c = calloc(1, sizeof(*c));
	size_t i;
	int err;

	*out = NULL;
	if (report)
		memset(report, 0, sizeof(*report));
	if (!c)
		return ERR_NOMEM;
	atomic_init(&c->refs, 1);
	err = add_defaults(c, report);
	for (i = 0; !err && i < count; i++)
		err = add_custom(c, &custom[i], report);
	if (err) {
		catalog_unref(c);
		return err;
	}
	if (c->count)
		qsort(c->items, c->count, sizeof(*c->items), by_name);
	*out = c;
	return 0;
}

struct catalog *
catalog_ref(struct catalog *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
catalog_unref(struct catalog *c)
{
	size_t i;

	if (!c ||
	    atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < c->count; i++)
		definition_unref(c->items[i]);
	free(c->items);
	free(c);
}

/* ---- looking up ---- */

static bool
is_visible(const struct definition *d, const char *org)
{
	return !d->service.custom || (org && d->org && !strcmp(d->org, org));
}

const struct service *
catalog_find(const struct catalog *c, const char *org, const char *id)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (!strcmp(c->items[i]->service.id, id) &&
		    is_visible(c->items[i], org))
			return &c->items[i]->service;
	return NULL;
}

const struct service *
catalog_next(const struct catalog *c, const char *org, size_t *cursor)
{
	while (*cursor < c->count) {
		struct definition *d = c->items[(*cursor)++];

		if (is_visible(d, org))
			return &d->service;
	}
	return NULL;
}

bool
catalog_has_default_app(const struct catalog *c, const char *app)
{
	const struct service *s;
	size_t cursor = 0;

	while ((s = catalog_next(c, NULL, &cursor)))
		if (!strcmp(s->app.id, app))
			return true;
	return false;
}

struct slice
service_source(const struct service *s)
{
	return definition_of(s)->source;
}

const struct catalog_method *
service_method(const struct service *s, const char *id)
{
	size_t i;

	if (!id)
		return s->methods.count ? &s->methods.items[0] : NULL;
	for (i = 0; i < s->methods.count; i++)
		if (!strcmp(s->methods.items[i].id, id))
			return &s->methods.items[i];
	return NULL;
}

const struct catalog_data_centre *
service_data_centre(const struct service *s, const char *id)
{
	size_t i;

	for (i = 0; id && i < s->data_centres.count; i++)
		if (!strcmp(s->data_centres.items[i].id, id))
			return &s->data_centres.items[i];
	return NULL;
}

/* Whether calls may go to hosts of this key. */
static bool
is_api_key(const struct service *s, const char *key)
{
	const struct catalog_texts *hosts;
	char name[128];
	size_t i, j;

	snprintf(name, sizeof(name), "dc.%s", key);
	for (i = 0; i < s->methods.count; i++) {
		hosts = catalog_hosts(s, &s->methods.items[i]);
		for (j = 0; j < hosts->count; j++)
			if (template_uses(hosts->items[j], name))
				return true;
	}
	return false;
}

const char *
catalog_equivalent_host(const struct service *s, struct slice host,
			const char *data_centre)
{
	const struct catalog_data_centre *to;
	const char *own;
	size_t i, j;

	to = service_data_centre(s, data_centre);
	if (!to)
		return NULL;
	if (host.len && host.ptr[host.len - 1] == '.')
		host.len--;
	for (i = 0; i < s->data_centres.count; i++) {
		const struct catalog_pairs *p = &s->data_centres.items[i].hosts;

		for (j = 0; j < p->count; j++) {
			if (!slice_eq_nocase(slice_str(p->items[j].value),
					     host) ||
			    !is_api_key(s, p->items[j].name))
				continue;
			own = pairs_get(&to->hosts,
					slice_str(p->items[j].name));
			if (own && strcmp(own, p->items[j].value))
				return own;
		}
	}
	return NULL;
}

const char *
catalog_kind_name(enum catalog_kind k)
{
	return words_kind[k];
}

const char *
catalog_quota_of_name(enum catalog_quota_of of)
{
	return words_of[of];
}

const char *
catalog_quota_per_name(enum catalog_quota_per per)
{
	return words_per[per];
}

const char *
catalog_place_name(enum catalog_place p)
{
	return words_place[p];
}

const char *
catalog_class_name(enum catalog_class c)
{
	return c == CATALOG_REFUSED ? "refused" : words_class[c];
}
