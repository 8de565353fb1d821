/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendering: each part in turn, looked up, filtered, encoded, appended.
 *
 * What a value holds is never looked at for variables.
 */
#include <stdio.h>

#include "template/template_priv.h"

/* What went wrong with a variable's value, in words. */
static int
value_problem(const struct render *r, int err, const struct variable *v)
{
	switch (err) {
	case ERR_INVALID:
		return template_problem_variable(
			r->problem, err, v,
			"is not UTF-8, or nested too deeply.");
	case ERR_TOO_LARGE:
		return template_problem_variable(
			r->problem, err, v,
			r->budget->left ? "is too large for what it is put in."
					: "is too large for so many filters.");
	default:
		return err;
	}
}

static int
absent_problem(struct template_problem *problem, const struct variable *v,
	       const char *why)
{
	char what[100];

	if (!why)
		return template_problem_variable(problem, ERR_NOT_FOUND, v,
						 "has no value.");
	snprintf(what, sizeof(what), "%s.", why);
	return template_problem_variable(problem, ERR_NOT_FOUND, v, what);
}

int
template_variable_value(const struct render *r, const struct variable *v,
			size_t max, json_t **out)
{
	struct filter_run run = { .max = max, .budget = r->budget };
	json_t *value;
	size_t i;
	int err = 0;

	*out = NULL;
	value = json_incref((json_t *)template_value_find(r->values, v));
	for (i = 0; !err && i < v->filter_count; i++)
		err = template_filter_apply(&run, &v->filters[i], &value);
	if (err) {
		json_decref(value);
		return value_problem(r, err, v);
	}
	if (!value && r->missing == TEMPLATE_MISSING_ERROR)
		return absent_problem(r->problem, v, run.why);
	*out = value;
	return 0;
}

static int
put_encoded(const struct render *r, const struct part *part,
	    const json_t *value, struct buf *out)
{
	const struct variable *v = part->variable;
	const char *why = NULL;
	struct buf scratch;
	struct slice s;
	char what[128];
	int err;

	buf_init(&scratch, out->max);
	err = template_value_text(value, &scratch, &s);
	if (err)
		err = value_problem(r, err, v);
	else
		err = template_encode_text(part->encoding, s, out, &why);
	buf_release(&scratch);
	if (!why)
		return err;
	snprintf(what, sizeof(what), "%s.", why);
	return template_problem_variable(r->problem, err, v, what);
}

static int
put_variable(const struct render *r, const struct part *part, struct buf *out)
{
	json_t *value;
	int err;

	err = template_variable_value(r, part->variable, out->max, &value);
	if (!err && value)
		err = put_encoded(r, part, value, out);
	json_decref(value);
	return err;
}

static int
put_parts(const struct render *r, const struct template *t, struct buf *out)
{
	const struct part *part;
	int err = 0;

	for (part = t->parts; part && !err; part = part->next)
		err = part->variable ? put_variable(r, part, out)
				     : buf_put_slice(out, part->text);
	return err;
}

static int
put_url(const struct render *r, const struct template *t, struct buf *out)
{
	const struct part *part;
	struct url_watch watch;
	int err = 0;

	template_url_watch_begin(&watch, out);
	for (part = t->parts; part && !err; part = part->next) {
		if (part->variable) {
			err = put_variable(r, part, out);
			template_url_watch_variable(&watch, part->variable);
			continue;
		}
		err = buf_put_slice(out, part->text);
		if (!err)
			err = template_url_watch_text(&watch, part->text,
						      r->problem);
	}
	return err ? err : template_url_watch_end(&watch, r->problem);
}

/* A segment is judged with the slash that will stand before it. */
static int
put_segment(const struct render *r, const struct template *t, struct buf *out)
{
	struct template_problem *problem = r->problem;
	const char *fault = NULL;
	struct buf segment;
	int err;

	buf_init(&segment, out->max);
	buf_putc(&segment, '/');
	err = put_parts(r, t, &segment);
	if (!err)
		fault = template_url_segment_fault(buf_slice(&segment));
	if (fault)
		err = template_problem_set(problem, ERR_INVALID, 0, t->text.len,
					   "As a path segment, this would be "
					   "%s.",
					   fault);
	if (!err)
		err = buf_put_slice(out, slice_from(buf_slice(&segment), 1));
	buf_release(&segment);
	if (fault && problem && t->variable_count)
		snprintf(problem->name, sizeof(problem->name), "%s",
			 t->variables[0].name);
	return err;
}

int
template_render_within(const struct template *t, const json_t *values,
		       enum template_missing missing,
		       struct template_budget *budget, struct buf *out,
		       struct template_problem *problem)
{
	const struct render r = { values, missing, budget, problem };
	size_t begin = out->len;
	int err = buf_err(out);

	ASSERT(t->place != TEMPLATE_IN_VALUE);
	if (err)
		return err;
	if (problem)
		memset(problem, 0, sizeof(*problem));
	if (t->place == TEMPLATE_IN_URL)
		err = put_url(&r, t, out);
	else if (t->place == TEMPLATE_IN_PATH)
		err = put_segment(&r, t, out);
	else
		err = put_parts(&r, t, out);
	if (err == ERR_TOO_LARGE && problem && !problem->text[0])
		template_problem_set(problem, err, 0, t->text.len,
				     "The result would be larger than %zu "
				     "bytes.",
				     out->max);
	if (err)
		out->len = begin;
	return err;
}

int
template_render(const struct template *t, const json_t *values,
		enum template_missing missing, struct buf *out,
		struct template_problem *problem)
{
	struct template_budget own = { TEMPLATE_WORK_MAX };

	return template_render_within(t, values, missing, &own, out, problem);
}

/* ---- as a JSON value ---- */

int
template_measure(const json_t *value, size_t max_bytes, size_t *size,
		 struct template_problem *problem)
{
	struct buf text;
	int err = 0;

	if (!template_value_is_shallow(value, TEMPLATE_JSON_DEPTH_MAX))
		return template_problem_set(
			problem, ERR_TOO_LARGE, 0, 0,
			"The result would be nested deeper than %d levels.",
			TEMPLATE_JSON_DEPTH_MAX);
	buf_init(&text, max_bytes);
	err = json_write(value, &text);
	*size = text.len;
	buf_release(&text);
	if (err == ERR_TOO_LARGE)
		template_problem_set(problem, err, 0, 0,
				     "The result would be larger than %zu "
				     "bytes.",
				     max_bytes);
	else if (err == ERR_INVALID)
		template_problem_set(problem, err, 0, 0,
				     "The result is not UTF-8.");
	return err;
}

static int
string_value(const struct render *r, const struct template *t, size_t max_bytes,
	     json_t **out)
{
	struct buf text;
	int err;

	buf_init(&text, max_bytes);
	err = put_parts(r, t, &text);
	if (!err)
		err = template_buf_string(&text, out);
	if (err == ERR_TOO_LARGE && r->problem && !r->problem->text[0])
		template_problem_set(r->problem, err, 0, t->text.len,
				     "The result would be larger than %zu "
				     "bytes.",
				     max_bytes);
	buf_release(&text);
	return err;
}

int
template_value_sized(const struct render *r, const struct template *t,
		     size_t max_bytes, json_t **out, size_t *size)
{
	const struct part *only = t->parts;
	int err;

	ASSERT(t->place == TEMPLATE_IN_VALUE);
	*out = NULL;
	if (r->problem)
		memset(r->problem, 0, sizeof(*r->problem));
	if (only && only->variable && !only->next)
		err = template_variable_value(r, only->variable, max_bytes,
					      out);
	else
		err = string_value(r, t, max_bytes, out);
	if (!err && !*out)
		*out = json_null();
	if (!err)
		err = template_measure(*out, max_bytes, size, r->problem);
	if (err) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}

int
template_value_within(const struct template *t, const json_t *values,
		      enum template_missing missing,
		      struct template_budget *budget, size_t max_bytes,
		      json_t **out, struct template_problem *problem)
{
	const struct render r = { values, missing, budget, problem };
	size_t size;

	return template_value_sized(&r, t, max_bytes, out, &size);
}

int
template_value(const struct template *t, const json_t *values,
	       enum template_missing missing, size_t max_bytes, json_t **out,
	       struct template_problem *problem)
{
	struct template_budget own = { TEMPLATE_WORK_MAX };

	return template_value_within(t, values, missing, &own, max_bytes, out,
				     problem);
}
