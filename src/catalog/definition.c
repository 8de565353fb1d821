/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One definition: read into an arena of its own, checked, counted.
 *
 * For each method a cut-down copy is made at once: what a grant is sealed
 * with.  It has that method, the API and the hosts that they name, and
 * nothing that is only for people.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	FULL_MAX = 8 * 1024 * 1024,
	SEALED_MAX = 1024 * 1024,
};

static bool
mode_is_sealed(enum definition_mode mode)
{
	return mode == DEFINITION_SEALED_DEFAULT ||
	       mode == DEFINITION_SEALED_CUSTOM;
}

int
definition_new(struct reader *r, const json_t *value, struct slice source,
	       enum definition_mode mode, struct definition **out)
{
	size_t before = r->problems;
	struct definition *d = NULL;
	struct arena *arena;
	char *text;
	int err = ERR_NOMEM;

	*out = NULL;
	arena = arena_new(mode_is_sealed(mode) ? SEALED_MAX : FULL_MAX);
	if (!arena)
		return ERR_NOMEM;
	r->arena = arena;
	d = arena_alloc(arena, sizeof(*d));
	text = arena_slice(arena, source);
	if (!d || !text)
		goto out;
	atomic_init(&d->refs, 1);
	d->arena = arena;
	d->source = slice_of(text, source.len);
	shape_read(r, &shape_service, value, &d->service);
	d->service.custom =
		mode == DEFINITION_CUSTOM || mode == DEFINITION_SEALED_CUSTOM;
	if (r->problems == before && !r->no_memory) {
		usual_fill(r, &d->service);
		if (!mode_is_sealed(mode) && !r->no_memory)
			check_definition(r, &d->service, mode);
	}
	err = r->no_memory	      ? ERR_NOMEM
	      : r->problems != before ? ERR_INVALID
				      : 0;
out:
	r->arena = NULL;
	if (err)
		arena_free(arena);
	else
		*out = d;
	return err;
}

struct definition *
definition_ref(struct definition *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}

void
definition_unref(struct definition *d)
{
	size_t i;

	if (!d ||
	    atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (i = 0; d->bound && i < d->service.methods.count; i++)
		definition_unref(d->bound[i]);
	arena_free(d->arena);
}

/* ---- cutting down ---- */

/* Whether a list of captures looks at this key of data centres' hosts. */
static bool
captures_use(const json_t *method, const char *key)
{
	const json_t *captures = json_object_get(method, "captures");
	size_t i, j;

	for (i = 0; i < json_array_size(captures); i++) {
		const json_t *hosts =
			json_object_get(json_array_get(captures, i), "hosts");

		if (json_is_string(hosts) &&
		    !strcmp(json_string_value(hosts), key))
			return true;
		for (j = 0; j < json_array_size(hosts); j++)
			if (!strcmp(json_string_value(json_array_get(hosts, j)),
				    key))
				return true;
	}
	return false;
}

/* Drops hosts that neither the method nor the API names. */
static void
prune_hosts(json_t *centres, const json_t *method, const char *text)
{
	json_t *centre, *hosts, *host;
	char placeholder[128];
	const char *id, *key;
	void *next;

	json_object_foreach(centres, id, centre)
	{
		hosts = json_object_get(centre, "hosts");
		json_object_foreach_safe(hosts, next, key, host)
		{
			snprintf(placeholder, sizeof(placeholder), "{dc.%s}",
				 key);
			if (!strstr(text, placeholder) &&
			    !captures_use(method, key))
				json_object_del(hosts, key);
		}
	}
}

/* What stays of a definition for one method, or NULL. */
static json_t *
cut_down(const json_t *value, const struct service *s, const char *method)
{
	static const char *const kept[] = {
		"id",	      "name",	      "allow_http",
		"ca",	      "data_centres", "default_data_centre",
		"parameters", "api"
	};
	json_t *out = json_object(), *m, *part;
	char *text;
	size_t i;

	for (i = 0; i < ARRAY_LEN(kept); i++) {
		part = json_object_get(value, kept[i]);
		if (part)
			json_object_set_new(out, kept[i], json_deep_copy(part));
	}
	json_object_set_new(out, "app", json_pack("{s:s}", "id", s->app.id));
	m = json_deep_copy(
		json_object_get(json_object_get(value, "methods"), method));
	json_object_del(m, "help");
	json_object_set_new(out, "methods", json_pack("{s:o}", method, m));
	json_object_del(json_object_get(out, "api"), "rate_limits");
	part = json_pack("[O,O]", m, json_object_get(out, "api"));
	text = part ? json_dumps(part, JSON_COMPACT) : NULL;
	json_decref(part);
	if (!text || !json_object_get(out, "api")) {
		free(text);
		json_decref(out);
		return NULL;
	}
	prune_hosts(json_object_get(out, "data_centres"), m, text);
	free(text);
	return out;
}

int
reduce_definition(struct definition *d, const json_t *value)
{
	const struct service *s = &d->service;
	enum definition_mode mode = s->custom ? DEFINITION_SEALED_CUSTOM
					      : DEFINITION_SEALED_DEFAULT;
	size_t i;
	int err = 0;

	d->bound = arena_alloc(d->arena, s->methods.count * sizeof(*d->bound));
	if (!d->bound)
		return ERR_NOMEM;
	for (i = 0; !err && i < s->methods.count; i++) {
		struct reader r = { 0 };
		struct buf text;
		json_t *cut;

		buf_init(&text, BINDING_JSON_MAX);
		cut = cut_down(value, s, s->methods.items[i].id);
		err = cut ? json_write(cut, &text) : ERR_NOMEM;
		if (!err)
			err = definition_new(&r, cut, buf_slice(&text), mode,
					     &d->bound[i]);
		json_decref(cut);
		buf_release(&text);
	}
	return err;
}
