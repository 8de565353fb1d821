/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes that people type: known, meant, or unknown.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>

static const struct catalog_scope *
scope_find(const struct catalog_scopes *list, struct slice name, bool nocase)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		struct slice have = slice_str(list->items[i].name);

		if (nocase ? slice_eq_nocase(have, name) : slice_eq(have, name))
			return &list->items[i];
	}
	return NULL;
}

void
catalog_scope_suggest(const struct service *s, bool second, struct slice typed,
		      struct catalog_suggestion *out)
{
	const struct catalog_scopes *list =
		second ? &s->second_scopes : &s->scopes;
	size_t i;

	memset(out, 0, sizeof(*out));
	out->valid = catalog_is_scope(typed);
	if (!out->valid)
		return;
	out->scope = scope_find(list, typed, false);
	if (out->scope) {
		out->known = true;
		return;
	}
	out->scope = scope_find(list, typed, true);
	for (i = 0; !out->scope && i < s->scope_aliases.count; i++) {
		const struct catalog_alias *a = &s->scope_aliases.items[i];
		struct slice rest;

		if (!slice_starts_nocase(typed, slice_str(a->prefix)))
			continue;
		rest = slice_from(typed, strlen(a->prefix));
		snprintf(out->meant, sizeof(out->meant), "%s%.*s", a->becomes,
			 SLICE_ARG(rest));
		out->scope = scope_find(list, slice_str(out->meant), true);
		if (out->scope)
			out->meant[0] = '\0';
		else if (!strcmp(a->prefix, a->becomes))
			out->meant[0] = '\0';
	}
}
