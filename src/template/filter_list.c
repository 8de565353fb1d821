/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that look at the type of a value: lists, defaults, JSON.
 */
#include "template/template_priv.h"

enum { SPLIT_MAX = 1000 };

static json_t *
argument_json(const struct argument *a)
{
	switch (a->kind) {
	case ARGUMENT_TEXT:
		return json_stringn(a->text.ptr, a->text.len);
	case ARGUMENT_INTEGER:
		return json_integer(a->integer);
	case ARGUMENT_REAL:
		return json_real(a->real);
	case ARGUMENT_TRUE:
		return json_true();
	case ARGUMENT_FALSE:
		return json_false();
	default:
		return json_null();
	}
}

int
template_filter_default(struct filter_run *run, const struct filter_call *call,
			const json_t *in, json_t **out)
{
	(void)run;
	if (in && !json_is_null(in) &&
	    !(json_is_string(in) && !json_string_length(in)))
		*out = json_incref((json_t *)in);
	else
		*out = argument_json(&call->arguments[0]);
	return *out ? 0 : ERR_NOMEM;
}

static int
item(struct filter_run *run, const json_t *in, size_t index, json_t **out)
{
	if (!json_is_array(in))
		return template_filter_refuse(run, "is no list");
	if (!json_array_size(in))
		return template_filter_refuse(run, "is an empty list");
	*out = json_incref(json_array_get(in, index));
	return 0;
}

int
template_filter_first(struct filter_run *run, const struct filter_call *call,
		      const json_t *in, json_t **out)
{
	(void)call;
	return item(run, in, 0, out);
}

int
template_filter_last(struct filter_run *run, const struct filter_call *call,
		     const json_t *in, json_t **out)
{
	(void)call;
	return item(run, in, json_array_size(in) - 1, out);
}

int
template_filter_join(struct filter_run *run, const struct filter_call *call,
		     const json_t *in, json_t **out)
{
	struct slice between = SLICE(", "), s;
	struct buf scratch, result;
	size_t i;
	int err = 0;

	if (!json_is_array(in))
		return template_filter_refuse(run, "is no list");
	if (call->count)
		between = call->arguments[0].text;
	buf_init(&scratch, run->max);
	buf_init(&result, run->max);
	for (i = 0; !err && i < json_array_size(in); i++) {
		if (i)
			buf_put_slice(&result, between);
		err = template_filter_input(run, json_array_get(in, i),
					    &scratch, &s);
		if (!err)
			err = buf_put_slice(&result, s);
	}
	if (!err)
		err = template_filter_output(run, &result, out);
	buf_release(&result);
	buf_release(&scratch);
	return err;
}

static int
split_text(struct slice s, struct slice at, json_t *list)
{
	const char *hit;
	size_t len;

	for (;;) {
		if (json_array_size(list) == SPLIT_MAX)
			return ERR_TOO_LARGE;
		hit = memmem(s.ptr, s.len, at.ptr, at.len);
		len = hit ? (size_t)(hit - s.ptr) : s.len;
		if (json_array_append_new(list, json_stringn(s.ptr, len)))
			return ERR_NOMEM;
		if (!hit)
			return 0;
		s = slice_from(s, len + at.len);
	}
}

int
template_filter_split(struct filter_run *run, const struct filter_call *call,
		      const json_t *in, json_t **out)
{
	struct buf scratch;
	struct slice s;
	json_t *list;
	int err;

	list = json_array();
	if (!list)
		return ERR_NOMEM;
	buf_init(&scratch, run->max);
	err = template_filter_input(run, in, &scratch, &s);
	if (!err)
		err = template_filter_charge(run, s.len); /* of the pieces */
	if (!err && s.len)
		err = split_text(s, call->arguments[0].text, list);
	buf_release(&scratch);
	if (err)
		json_decref(list);
	else
		*out = list;
	return err;
}

int
template_filter_length(struct filter_run *run, const struct filter_call *call,
		       const json_t *in, json_t **out)
{
	struct buf scratch;
	struct slice s;
	size_t n = 0;
	int err = 0;

	(void)call;
	if (json_is_array(in)) {
		n = json_array_size(in);
	} else if (json_is_object(in)) {
		n = json_object_size(in);
	} else {
		buf_init(&scratch, run->max);
		err = template_filter_input(run, in, &scratch, &s);
		if (!err)
			n = template_utf8_count(s);
		buf_release(&scratch);
	}
	if (err)
		return err;
	*out = json_integer((json_int_t)n);
	return *out ? 0 : ERR_NOMEM;
}

int
template_filter_json(struct filter_run *run, const struct filter_call *call,
		     const json_t *in, json_t **out)
{
	struct buf result;
	int err;

	(void)call;
	buf_init(&result, run->max);
	err = json_write(in, &result);
	if (!err)
		err = template_filter_output(run, &result, out);
	buf_release(&result);
	return err;
}
