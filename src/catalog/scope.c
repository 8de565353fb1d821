/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes that people type: known, meant, or unknown; and scopes that were
 * asked for, seen among those that an answer tells.
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

/* What the alias makes of it; false: nothing that can be a scope. */
static bool
alias_read(const struct catalog_alias *a, struct slice typed,
	   char out[CATALOG_SCOPE_MAX + 1])
{
	int n;

	if (!slice_starts_nocase(typed, slice_str(a->prefix)))
		return false;
	typed = slice_from(typed, strlen(a->prefix));
	n = snprintf(out, CATALOG_SCOPE_MAX + 1, "%s%.*s", a->becomes,
		     SLICE_ARG(typed));
	return n <= CATALOG_SCOPE_MAX && catalog_is_scope(slice_str(out));
}

void
catalog_scope_suggest(const struct service *s, bool second, struct slice typed,
		      struct catalog_suggestion *out)
{
	const struct catalog_scopes *list =
		second ? &s->second_scopes : &s->scopes;
	char meant[CATALOG_SCOPE_MAX + 1];
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

		if (!alias_read(a, typed, meant))
			continue;
		out->scope = scope_find(list, slice_str(meant), true);
		out->alias = out->scope != NULL;
		if (!out->scope && strcmp(a->prefix, a->becomes) != 0)
			memcpy(out->meant, meant, sizeof(meant));
	}
	if (out->alias)
		out->meant[0] = '\0';
}

/* ---- asked for and granted ---- */

bool
catalog_method_asks(const struct catalog_method *m, bool second)
{
	const struct catalog_authorize *a = m->authorize;

	if (!second)
		return !a || a->scope_lists != CATALOG_SCOPES_SECOND;
	return a && a->second_scope_parameter &&
	       a->scope_lists != CATALOG_SCOPES_FIRST;
}

static bool
same(const struct catalog_answer *a, struct slice one, struct slice other)
{
	return a->scope_any_case ? slice_eq_nocase(one, other)
				 : slice_eq(one, other);
}

/* Whether the text is of this form; star gets what its '*' stands for. */
static bool
form_fits(const struct catalog_answer *a, const char *form, struct slice text,
	  struct slice *star)
{
	struct slice whole = slice_str(form), before, after;
	size_t at = slice_find(whole, '*');

	*star = SLICE_NONE;
	if (at == whole.len)
		return same(a, whole, text);
	before = slice_head(whole, at);
	after = slice_from(whole, at + 1);
	if (text.len <= before.len + after.len ||
	    !same(a, before, slice_head(text, before.len)) ||
	    !same(a, after, slice_from(text, text.len - after.len)))
		return false;
	*star = slice_from(slice_head(text, text.len - after.len), before.len);
	return true;
}

/* Whether one of the rule's names for what was asked is what was granted. */
static bool
rule_covers(const struct catalog_answer *a, const struct catalog_scope_rule *r,
	    struct slice asked, struct slice granted)
{
	struct slice meant, given;
	size_t i;

	if (!r->granted_as.count || !form_fits(a, r->asked, asked, &meant))
		return false;
	for (i = 0; i < r->granted_as.count; i++)
		if (form_fits(a, r->granted_as.items[i], granted, &given) &&
		    (!given.len || same(a, meant, given)))
			return true;
	return false;
}

bool
binding_scope_covers(const struct binding *b, struct slice asked,
		     struct slice granted)
{
	const struct catalog_answer *a = b->method->answer;
	size_t i;

	if (!a)
		return slice_eq(asked, granted);
	if (same(a, asked, granted))
		return true;
	for (i = 0; i < a->scope_rules.count; i++)
		if (rule_covers(a, &a->scope_rules.items[i], asked, granted))
			return true;
	return false;
}

bool
binding_scope_is_told(const struct binding *b, struct slice asked)
{
	const struct catalog_answer *a = b->method->answer;
	struct slice star;
	size_t i;

	for (i = 0; a && i < a->scope_rules.count; i++)
		if (a->scope_rules.items[i].never_told &&
		    form_fits(a, a->scope_rules.items[i].asked, asked, &star))
			return false;
	return true;
}
