/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes of a connection: as they are asked for, and what of them was given.
 *
 * A service has one list of scopes or two, and a method asks for one of them
 * or for both.  What a provider tells is compared with what was asked by the
 * rules of the method's definition (binding_scope_covers()), so that another
 * name for the same thing is not taken for a refusal.  What a person gives is
 * read here first: a scope that the definition knows by another spelling is
 * never stored as it was typed.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

enum { SCOPES_MAX = 100 };

/* ---- as they are given ---- */

/* Whether they fit into the one parameter that they become. */
static bool
scopes_fit(const struct catalog_method *m, const struct connect_texts *t)
{
	const char *separator =
		m && m->authorize ? m->authorize->scope_separator : NULL;
	size_t i, n = 0, between = separator ? strlen(separator) : 1;

	for (i = 0; i < t->count; i++)
		n += (i ? between : 0) + strlen(t->items[i]);
	return n < CONNECT_SCOPES_SIZE;
}

static bool
texts_have(const struct connect_texts *t, const char *text)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (!strcmp(t->items[i], text))
			return true;
	return false;
}

/* Words about a scope, and what is asked for; there is room for them. */
static int
note_add(struct front_scope_reader *r, const char *given,
	 const struct catalog_suggestion *seen, const char **asked)
{
	struct connect_scope_note *n = &r->notes->items[r->notes->count];
	const char *meant = seen->scope ? seen->scope->name : seen->meant;

	*n = (struct connect_scope_note){ .given = given, .asked = given };
	if (seen->alias) {
		n->asked = arena_strdup(r->arena, meant);
		n->detail = arena_printf(
			r->arena,
			"\"%s\", as some articles spell it, is \"%s\" at %s: "
			"that is asked for instead.",
			given, meant, r->service->name);
	} else {
		n->detail = arena_printf(
			r->arena,
			"\"%s\" is not in the list of %s's scopes and is "
			"asked for as it stands; perhaps \"%s\" is meant.",
			given, r->service->name, meant);
	}
	if (!n->asked || !n->detail)
		return front_fail_store(r->problem, r->db, ERR_NOMEM);
	*asked = n->asked;
	r->notes->count++;
	return 0;
}

/* One of them: looked at, noted where that is due, and appended to out. */
static int
scope_read(struct front_scope_reader *r, bool second,
	   const struct connect_texts *given, size_t i,
	   struct connect_texts *out)
{
	const char *text = given->items[i];
	struct catalog_suggestion seen;
	struct json_problem jp = { 0 };
	char at[64];
	int rc = 0;

	catalog_scope_suggest(r->service, second, slice_str(text), &seen);
	if (!seen.valid) {
		snprintf(at, sizeof(at), "/%s/%zu",
			 second ? "second_scopes" : "scopes", i);
		json_problem_set(&jp, at, "cannot be a scope");
		return front_fail_json(r->problem, &jp);
	}
	if (!seen.known && (seen.scope || seen.meant[0]))
		rc = note_add(r, text, &seen, &text);
	/* it may be there by its own name as well */
	if (!rc &&
	    !(seen.alias && (texts_have(given, text) || texts_have(out, text))))
		out->items[out->count++] = text;
	return rc;
}

/* Room for all of them, and for a note on each of both lists. */
static int
reader_room(struct front_scope_reader *r, size_t count,
	    struct connect_texts *out)
{
	struct connect_scope_notes *notes = r->notes;

	*out = (struct connect_texts){ 0 };
	out->items = arena_alloc(r->arena, (count + 1) * sizeof(char *));
	if (!notes->items)
		notes->items = arena_alloc(
			r->arena, 2 * SCOPES_MAX * sizeof(*notes->items));
	if (out->items && notes->items)
		return 0;
	return front_fail_store(r->problem, r->db, ERR_NOMEM);
}

int
front_scopes_read(struct front_scope_reader *r, bool second,
		  struct connect_texts *t)
{
	const char *pointer = second ? "/second_scopes" : "/scopes";
	const struct catalog_method *m = r->method;
	struct json_problem jp = { 0 };
	struct connect_texts out;
	size_t i;
	int rc;

	if (t->count && m && m->token && !catalog_method_asks(m, second)) {
		json_problem_set(&jp, pointer, "\"%s\" asks for %s only",
				 m->name, second ? "scopes" : "second_scopes");
		return front_fail_json(r->problem, &jp);
	}
	if (t->count > SCOPES_MAX) {
		json_problem_set(&jp, pointer, "at most %d scopes", SCOPES_MAX);
		return front_fail_json(r->problem, &jp);
	}
	rc = reader_room(r, t->count, &out);
	for (i = 0; !rc && i < t->count; i++)
		rc = scope_read(r, second, t, i, &out);
	if (rc)
		return rc;
	if (!scopes_fit(m, &out)) {
		json_problem_set(&jp, pointer, "at most %d bytes in all",
				 CONNECT_SCOPES_SIZE - 1);
		return front_fail_json(r->problem, &jp);
	}
	*t = out;
	return 0;
}

/* ---- as they are asked for ---- */

int
front_scope_join(const struct binding *b, bool second,
		 const struct connect_texts *t, char *out, size_t size)
{
	const struct catalog_authorize *a = b->method->authorize;
	const char *separator =
		a && a->scope_separator ? a->scope_separator : " ";
	size_t i, n = 0;

	out[0] = '\0';
	if (!catalog_method_asks(b->method, second))
		return 0;
	for (i = 0; i < t->count; i++) {
		n += (size_t)snprintf(out + n, size - n, "%s%s",
				      i ? separator : "", t->items[i]);
		if (n >= size)
			return ERR_TOO_LARGE;
	}
	return 0;
}

int
front_asked_json(const struct front_row *r, const char *whom, struct buf *out)
{
	int rc = buf_putc(out, '[');

	if (!rc)
		rc = front_texts_json(&r->scopes, out);
	if (!rc)
		rc = buf_putc(out, ',');
	if (!rc)
		rc = front_texts_json(&r->second_scopes, out);
	return rc ? rc : buf_printf(out, ",\"%s\"]", whom);
}

int
front_asked_of_json(struct slice text, struct arena *arena,
		    struct connect_texts *first, struct connect_texts *second,
		    char whom[FRONT_WHOM_SIZE])
{
	struct json_problem problem = { 0 };
	json_t *tree = NULL;
	int rc = json_read(text, 2 * FRONT_ROW_JSON_MAX, &tree, &problem);

	whom[0] = '\0';
	if (!rc && !json_is_array(json_array_get(tree, 0))) {
		/* begun before the second list was kept */
		rc = front_texts_of_tree(tree, arena, first);
		goto out;
	}
	if (!rc)
		rc = front_texts_of_tree(json_array_get(tree, 0), arena, first);
	if (!rc)
		rc = front_texts_of_tree(json_array_get(tree, 1), arena,
					 second);
	if (!rc && json_is_string(json_array_get(tree, 2)))
		snprintf(whom, FRONT_WHOM_SIZE, "%s",
			 json_string_value(json_array_get(tree, 2)));
out:
	json_decref(tree);
	return rc;
}

/* ---- as they were granted ---- */

static void
texts_add(const struct connect_texts *more, struct connect_texts *all)
{
	size_t i;

	for (i = 0; i < more->count && all->count < FRONT_SCOPES_MAX; i++)
		all->items[all->count++] = more->items[i];
}

int
front_scopes_granted(const struct binding *b, const struct front_row *r,
		     const struct connect_msg_grant *g, struct arena *arena,
		     struct buf *out)
{
	struct connect_texts all = { 0 }, told;
	int rc = 0;

	all.items = arena_alloc(arena, FRONT_SCOPES_MAX * sizeof(char *));
	if (!all.items)
		return ERR_NOMEM;
	if (g->has_scope) {
		rc = front_texts_of_words(g->scope, arena, &told);
		if (!rc)
			texts_add(&told, &all);
		if (!rc)
			rc = front_texts_of_words(g->second_scope, arena,
						  &told);
		if (!rc)
			texts_add(&told, &all);
	} else {
		if (!b || catalog_method_asks(b->method, false))
			texts_add(&r->scopes, &all);
		if (!b || catalog_method_asks(b->method, true))
			texts_add(&r->second_scopes, &all);
	}
	return rc ? rc : front_texts_json(&all, out);
}

static bool
is_granted(const struct binding *b, struct slice asked, const char *told)
{
	struct slice rest = slice_str(told), one;

	while (slice_next(&rest, ' ', &one))
		if (one.len && binding_scope_covers(b, asked, one))
			return true;
	return false;
}

/* Appends what of a list is neither told nor left untold as a rule. */
static void
missing_add(const struct binding *b, const struct connect_texts *asked,
	    const char *told, struct buf *out)
{
	struct slice one;
	size_t i;

	for (i = 0; i < asked->count; i++) {
		one = slice_str(asked->items[i]);
		if (binding_scope_is_told(b, one) && !is_granted(b, one, told))
			buf_printf(out, "%s%s", out->len ? " " : "",
				   asked->items[i]);
	}
}

const char *
front_scopes_missing(const struct binding *b, const struct front_row *r,
		     const struct connect_msg_grant *g, struct arena *arena)
{
	const struct catalog_authorize *a = b->method->authorize;
	const struct catalog_answer *places = b->method->answer;
	const char *second_told = g->scope;
	struct buf out;
	char *text;

	if (!g->has_scope)
		return "";
	buf_init(&out, CONNECT_SCOPES_SIZE);
	if (catalog_method_asks(b->method, false))
		missing_add(b, &r->scopes, g->scope, &out);
	if (places && places->second_scope)
		second_told = g->second_scope;
	if (catalog_method_asks(b->method, true) && !a->second_scopes_optional)
		missing_add(b, &r->second_scopes, second_told, &out);
	text = out.len && buf_cstr(&out) ? arena_strdup(arena, buf_cstr(&out))
					 : NULL;
	buf_release(&out);
	return text ? text : "";
}
