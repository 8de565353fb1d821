/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: found by name, and written as text.
 */
#include "template/template_priv.h"

const json_t *
template_value_find(const json_t *values, const struct variable *v)
{
	const struct step *step = v->steps;
	size_t i;

	for (i = 0; values && i < v->step_count; i++, step++) {
		/* Of another type than asked for: jansson says NULL. */
		if (step->member.ptr)
			values = json_object_getn(values, step->member.ptr,
						  step->member.len);
		else
			values = json_array_get(values, step->index);
	}
	return values;
}

int
template_value_text(const json_t *value, struct buf *scratch, struct slice *out)
{
	int err = 0;

	*out = SLICE("");
	if (json_is_null(value))
		return 0;
	if (json_is_string(value)) {
		*out = slice_of(json_string_value(value),
				json_string_length(value));
		return slice_is_utf8(*out) ? 0 : ERR_INVALID;
	}
	buf_reset(scratch);
	err = json_write(value, scratch);
	*out = buf_slice(scratch);
	return err;
}

int
template_buf_string(struct buf *b, json_t **out)
{
	int err = buf_err(b);

	if (!err) {
		*out = json_stringn(b->len ? b->data : "", b->len);
		err = *out ? 0 : ERR_NOMEM;
	}
	buf_release(b);
	return err;
}

bool
template_value_is_shallow(const json_t *value, int levels)
{
	void *at;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return true;
	if (!levels)
		return false;
	for (i = 0; i < json_array_size(value); i++)
		if (!template_value_is_shallow(json_array_get(value, i),
					       levels - 1))
			return false;
	/* jansson's iterators take no const; nothing is changed. */
	for (at = json_object_iter((json_t *)value); at;
	     at = json_object_iter_next((json_t *)value, at))
		if (!template_value_is_shallow(json_object_iter_value(at),
					       levels - 1))
			return false;
	return true;
}
