/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs with which a document is read: where reading has come to, members
 * of their types, templates; each tells what is wrong, and reading goes on.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "hook/hook_priv.h"

/* ---- where, and what is wrong there ---- */

size_t
hook_at(struct hook_compiling *c, const char *name)
{
	size_t end = sizeof(c->pointer) - 1;
	size_t mark = c->len, n = mark;

	if (n < end)
		c->pointer[n++] = '/';
	for (; *name && n + 1 < end; name++) {
		if (*name == '~' || *name == '/') {
			c->pointer[n++] = '~';
			c->pointer[n++] = *name == '~' ? '0' : '1';
		} else {
			c->pointer[n++] = *name;
		}
	}
	c->pointer[n] = '\0';
	slice_mend_utf8(c->pointer);
	c->len = strlen(c->pointer);
	return mark;
}

size_t
hook_at_index(struct hook_compiling *c, size_t i)
{
	char digits[SLICE_U64_SIZE + 1];

	snprintf(digits, sizeof(digits), "%zu", i);
	return hook_at(c, digits);
}

void
hook_at_back(struct hook_compiling *c, size_t mark)
{
	c->len = mark;
	c->pointer[mark] = '\0';
}

void
hook_problem(struct hook_compiling *c, enum hook_severity severity,
	     const char *code, const char *fmt, ...)
{
	struct hook_problem p = { severity, c->pointer, code, NULL };
	char detail[512];
	va_list ap;

	if (severity == HOOK_ERROR)
		c->failed = true;
	if (!c->report || c->reported >= HOOK_PROBLEMS_MAX)
		return;
	c->reported++;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	slice_mend_utf8(detail);
	p.detail = detail;
	c->report(c->arg, &p);
}

void *
hook_alloc(struct hook_compiling *c, size_t size)
{
	void *p = arena_alloc(c->d->arena, size);

	if (!p)
		c->starved = true;
	return p;
}

const char *
hook_copy(struct hook_compiling *c, const char *text)
{
	const char *copy = arena_strdup(c->d->arena, text);

	if (!copy)
		c->starved = true;
	return copy ? copy : "";
}

/* ---- members ---- */

static const char *
closest(const char *name, const char *const *names)
{
	unsigned best = 3, d;
	const char *found = NULL;

	for (; *names; names++) {
		d = slice_distance(slice_str(name), slice_str(*names));
		if (d < best) {
			best = d;
			found = *names;
		}
	}
	return found;
}

void
hook_only(struct hook_compiling *c, const json_t *o, const char *const *names)
{
	const char *const *n, *name, *meant;
	const json_t *value;
	size_t mark;

	json_object_foreach((json_t *)(uintptr_t)o, name, value)
	{
		for (n = names; *n && strcmp(*n, name); n++)
			;
		if (*n)
			continue;
		mark = hook_at(c, name);
		meant = closest(name, names);
		hook_problem(c, HOOK_ERROR, "unknown_field",
			     meant ? "unknown field; did you mean \"%s\"?"
				   : "unknown field",
			     meant);
		hook_at_back(c, mark);
	}
}

const json_t *
hook_member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	return json_is_null(v) ? NULL : v;
}

void
hook_wrong(struct hook_compiling *c, const char *name, const char *code,
	   const char *what)
{
	size_t mark = hook_at(c, name);

	hook_problem(c, HOOK_ERROR, code, "%s", what);
	hook_at_back(c, mark);
}

/* A string member; NULL: absent, or a problem. */
static const json_t *
string_member(struct hook_compiling *c, const json_t *o, const char *name,
	      bool required)
{
	const json_t *v = hook_member(o, name);

	if (!v && required)
		hook_wrong(c, name, "missing", "must be given");
	if (v && !json_is_string(v)) {
		hook_wrong(c, name, "wrong_type", "must be a string");
		return NULL;
	}
	return v;
}

const char *
hook_get_str(struct hook_compiling *c, const json_t *o, const char *name,
	     bool required, size_t max)
{
	const json_t *v = string_member(c, o, name, required);
	const char *s = json_string_value(v);
	size_t mark;

	if (!s)
		return NULL;
	if (strlen(s) != json_string_length(v)) {
		hook_wrong(c, name, "invalid_value", "must not hold NUL");
		return NULL;
	}
	if (json_string_length(v) <= max)
		return s;
	mark = hook_at(c, name);
	hook_problem(c, HOOK_ERROR, "too_large", "at most %zu bytes", max);
	hook_at_back(c, mark);
	return NULL;
}

int64_t
hook_get_int(struct hook_compiling *c, const json_t *o, const char *name,
	     int64_t min, int64_t max, int64_t fallback)
{
	const json_t *v = hook_member(o, name);
	int64_t n = json_integer_value(v);
	size_t mark;

	if (!v || (json_is_integer(v) && n >= min && n <= max))
		return v ? n : fallback;
	mark = hook_at(c, name);
	hook_problem(c, HOOK_ERROR,
		     json_is_integer(v) ? "invalid_value" : "wrong_type",
		     "must be a whole number from %lld to %lld", (long long)min,
		     (long long)max);
	hook_at_back(c, mark);
	return fallback;
}

bool
hook_get_bool(struct hook_compiling *c, const json_t *o, const char *name,
	      bool fallback)
{
	const json_t *v = hook_member(o, name);

	if (!v || json_is_boolean(v))
		return v ? json_is_true(v) : fallback;
	hook_wrong(c, name, "wrong_type", "must be true or false");
	return fallback;
}

const json_t *
hook_get_array(struct hook_compiling *c, const json_t *o, const char *name,
	       bool required, size_t max)
{
	const json_t *v = hook_member(o, name);
	size_t mark;

	if (!v && required)
		hook_wrong(c, name, "missing", "must be given");
	if (v && !json_is_array(v)) {
		hook_wrong(c, name, "wrong_type", "must be a list");
		return NULL;
	}
	if (json_array_size(v) <= max)
		return v;
	mark = hook_at(c, name);
	hook_problem(c, HOOK_ERROR, "too_large", "at most %zu items", max);
	hook_at_back(c, mark);
	return NULL;
}

int
hook_get_word(struct hook_compiling *c, const json_t *o, const char *name,
	      const char *const *words, int fallback)
{
	const json_t *v = string_member(c, o, name, false);
	char list[200] = "";
	size_t len = 0;
	int i;

	if (!v)
		return fallback;
	for (i = 0; words[i]; i++) {
		if (!strcmp(words[i], json_string_value(v)))
			return i;
		len = strlen(list);
		snprintf(list + len, sizeof(list) - len, "%s%s",
			 i ? ", " : "must be one of: ", words[i]);
	}
	hook_wrong(c, name, "invalid_value", list);
	return fallback;
}

/* ---- templates ---- */

static bool
keep_text(struct hook_compiling *c, const struct template *t,
	  const char *pointer, bool owned)
{
	struct hook_document *d = c->d;
	size_t room = d->text_room ? d->text_room * 2 : 32;
	struct hook_text *grown;

	if (d->text_count == d->text_room) {
		grown = realloc(d->texts, room * sizeof(*grown));
		if (!grown) {
			c->starved = true;
			return false;
		}
		d->texts = grown;
		d->text_room = room;
	}
	d->texts[d->text_count++] = (struct hook_text){
		.t = t,
		.pointer = hook_copy(c, pointer),
		.owned = owned,
	};
	return true;
}

/* What template/ has found wrong, at the pointer and what is below it. */
static void
template_is_wrong(struct hook_compiling *c, int err,
		  const struct template_problem *p)
{
	size_t mark = c->len;

	if (err == ERR_NOMEM) {
		c->starved = true;
		return;
	}
	if (p->pointer[0] && c->len + strlen(p->pointer) < sizeof(c->pointer)) {
		memcpy(c->pointer + c->len, p->pointer, strlen(p->pointer) + 1);
		c->len += strlen(p->pointer);
	}
	hook_problem(c, HOOK_ERROR,
		     err == ERR_TOO_LARGE ? "too_large" : "template", "%s",
		     p->text);
	hook_at_back(c, mark);
}

void
hook_get_template(struct hook_compiling *c, const json_t *o, const char *name,
		  bool required, enum template_place place,
		  const struct template **out)
{
	const json_t *v = string_member(c, o, name, required);
	struct template_problem problem = { 0 };
	struct template *t;
	size_t mark;
	int rc;

	*out = NULL;
	if (!v)
		return;
	mark = hook_at(c, name);
	rc = template_compile(
		slice_of(json_string_value(v), json_string_length(v)), place,
		c->scopes, &t, &problem);
	if (rc)
		template_is_wrong(c, rc, &problem);
	else if (keep_text(c, t, c->pointer, true))
		*out = t;
	else
		template_free(t);
	hook_at_back(c, mark);
}

/* A tree's strings one by one, since its compiler stops at the first fault.
 * How many faults there were. */
static size_t
json_faults(struct hook_compiling *c, const json_t *v, unsigned depth)
{
	struct template_problem problem = { 0 };
	struct template *t;
	const char *name;
	size_t i, mark, n = 0;
	json_t *item;
	int rc;

	if (json_is_string(v)) {
		rc = template_compile(
			slice_of(json_string_value(v), json_string_length(v)),
			TEMPLATE_IN_VALUE, c->scopes, &t, &problem);
		template_free(t);
		if (rc)
			template_is_wrong(c, rc, &problem);
		return rc != 0;
	}
	for (i = 0; depth && i < json_array_size(v); i++) {
		mark = hook_at_index(c, i);
		n += json_faults(c, json_array_get(v, i), depth - 1);
		hook_at_back(c, mark);
	}
	if (!depth || !json_is_object(v))
		return n;
	json_object_foreach((json_t *)(uintptr_t)v, name, item)
	{
		mark = hook_at(c, name);
		n += json_faults(c, item, depth - 1);
		hook_at_back(c, mark);
	}
	return n;
}

struct template_json *
hook_template_json(struct hook_compiling *c, const json_t *tree)
{
	struct template_problem problem = { 0 };
	const struct template *t;
	struct template_json *all;
	const char *pointer;
	char whole[768];
	size_t i;
	int rc = template_json_compile(tree, c->scopes, &all, &problem);

	if (rc == ERR_INVALID && json_faults(c, tree, TEMPLATE_JSON_DEPTH_MAX))
		return NULL; /* each is told */
	if (rc) {
		template_is_wrong(c, rc, &problem);
		return NULL;
	}
	for (i = 0; (t = template_json_at(all, i, &pointer)); i++) {
		snprintf(whole, sizeof(whole), "%s%s", c->pointer, pointer);
		if (!keep_text(c, t, whole, false))
			break;
	}
	return all;
}
