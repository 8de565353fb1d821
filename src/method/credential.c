/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials: named secrets, and whether they are what the method asks for.
 *
 * Runs in the keeper.  Messages name fields, never values.
 */
#include <stdio.h>

#include "method/method.h"

void
method_credential_release(struct method_credential *c)
{
	while (c->count)
		secret_free(c->items[--c->count].value);
}

static size_t
credential_index(const struct method_credential *c, struct slice name)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (slice_eq(name, slice_str(c->items[i].name)))
			break;
	return i;
}

const struct secret *
method_credential_get(const struct method_credential *c, struct slice name)
{
	size_t i = credential_index(c, name);

	return i < c->count ? c->items[i].value : NULL;
}

int
method_credential_set(struct method_credential *c, const char *name,
		      struct secret *value)
{
	size_t i = credential_index(c, slice_str(name));

	if (i < c->count) {
		secret_free(c->items[i].value);
		c->items[i].value = value;
		if (!value)
			c->items[i] = c->items[--c->count];
		return 0;
	}
	if (!value)
		return 0;
	if (c->count == METHOD_FIELDS_MAX ||
	    slice_copy(slice_str(name), c->items[c->count].name,
		       METHOD_NAME_SIZE)) {
		secret_free(value);
		return ERR_TOO_LARGE;
	}
	c->items[c->count++].value = value;
	return 0;
}

static const struct catalog_field *
field_find(const struct binding *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->method->fields.count; i++)
		if (!strcmp(b->method->fields.items[i].name, name))
			return &b->method->fields.items[i];
	return NULL;
}

static int
field_problem(struct json_problem *problem, const char *name,
	      const char *detail)
{
	char pointer[96];

	snprintf(pointer, sizeof(pointer), "/credentials/%s", name);
	json_problem_set(problem, pointer, "%s", detail);
	return ERR_INVALID;
}

static int
field_check(const struct catalog_field *f, const struct secret *value,
	    struct json_problem *problem)
{
	struct slice text = slice_of(secret_peek(value), secret_len(value));

	if (!text.len && !f->optional)
		return field_problem(problem, f->name, "must not be empty");
	if (slice_has_control(text))
		return field_problem(problem, f->name,
				     "must not contain control characters "
				     "(is there a line break at its end?)");
	if (f->pattern && text.len &&
	    !binding_pattern_matches(f->pattern, text))
		return field_problem(problem, f->name,
				     "does not have the form that this "
				     "service's credentials have");
	return 0;
}

int
method_credential_check(const struct binding *b,
			const struct method_credential *c,
			struct json_problem *problem)
{
	const struct catalog_field *f;
	const struct secret *value;
	size_t i;
	int rc = 0;

	for (i = 0; i < c->count && !rc; i++) {
		f = field_find(b, c->items[i].name);
		if (!f)
			rc = field_problem(problem, c->items[i].name,
					   "is no field of this method");
		else
			rc = field_check(f, c->items[i].value, problem);
	}
	for (i = 0; i < b->method->fields.count && !rc; i++) {
		f = &b->method->fields.items[i];
		value = method_credential_get(c, slice_str(f->name));
		if (!value && !f->optional)
			rc = field_problem(problem, f->name, "is required");
	}
	return rc;
}
