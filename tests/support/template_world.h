/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates in tests: one call from text and values to the result.
 */
#ifndef SUPPORT_TEMPLATE_WORLD_H
#define SUPPORT_TEMPLATE_WORLD_H

#include <stdio.h>

#include "template/template.h"

/* Of the last call that failed; cleared by the next. */
static struct template_problem world_problem;
/* Of the last result, which may hold NUL. */
static size_t world_len;

static inline json_t *
world_json(const char *text)
{
	struct json_problem p = { 0 };
	json_t *tree;

	if (json_read(slice_str(text), 1 << 20, &tree, &p))
		fail_msg("%s: %s", text, p.detail);
	return tree;
}

/* Compiles, or NULL with *err. */
static inline struct template *
world_compile(const char *text, enum template_place place, int *err)
{
	static const char *const scopes[] = { "input", "flow", "zoho", "ticket",
					      NULL };
	struct template *t;

	memset(&world_problem, 0, sizeof(world_problem));
	*err = template_compile(slice_str(text), place, scopes, &t,
				&world_problem);
	assert_true(*err == 0 || t == NULL);
	return t;
}

/* The result, or an error's name in angle brackets.  Borrowed until the
 * next call. */
static inline const char *
world_render(const char *text, enum template_place place, const json_t *values,
	     enum template_missing missing)
{
	static char result[1 << 16];
	struct template *t;
	struct buf out;
	int err;

	t = world_compile(text, place, &err);
	buf_init(&out, sizeof(result) - 1);
	if (!err)
		err = template_render(t, values, missing, &out, &world_problem);
	world_len = out.len;
	if (!err)
		memcpy(result, buf_cstr(&out), out.len + 1);
	else
		snprintf(result, sizeof(result), "<%s>",
			 err == ERR_INVALID	? "invalid"
			 : err == ERR_NOT_FOUND ? "not found"
			 : err == ERR_TOO_LARGE ? "too large"
						: err_text(err));
	if (err)
		assert_int_equal(out.len, 0);
	buf_release(&out);
	template_free(t);
	return result;
}

/* The same with values as JSON text, and "" for what is missing. */
static inline const char *
world_expand(const char *text, enum template_place place, const char *values)
{
	json_t *tree = world_json(values);
	const char *result;

	result = world_render(text, place, tree, TEMPLATE_MISSING_EMPTY);
	json_decref(tree);
	return result;
}

/* The template as a JSON value, written as JSON. */
static inline const char *
world_value(const char *text, const char *values)
{
	static char result[1 << 16];
	json_t *tree = world_json(values), *value;
	struct template *t;
	struct buf out;
	int err;

	t = world_compile(text, TEMPLATE_IN_VALUE, &err);
	if (!err)
		err = template_value(t, tree, TEMPLATE_MISSING_EMPTY,
				     sizeof(result) - 1, &value,
				     &world_problem);
	if (err) {
		snprintf(result, sizeof(result), "<%s>", err_text(err));
	} else {
		buf_init(&out, sizeof(result) - 1);
		assert_int_equal(json_write(value, &out), 0);
		memcpy(result, buf_cstr(&out), out.len + 1);
		buf_release(&out);
		json_decref(value);
	}
	template_free(t);
	json_decref(tree);
	return result;
}

#endif
