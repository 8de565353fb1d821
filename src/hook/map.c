/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The response list at work: which entry an answer falls under, and what is
 * taken from it.
 *
 * Runs on a work thread.
 */
#include <stdio.h>

#include "hook/hook_priv.h"

enum { HEADER_VALUE_MAX = 32 * 1024 };

/* ---- which entry ---- */

static const struct hook_entry *
entry_with(const struct hook_document *d, int status, bool exact)
{
	const struct hook_codes *c;
	size_t i, j;

	for (i = 0; i < d->entry_count; i++) {
		for (j = 0; j < d->entries[i].code_count; j++) {
			c = &d->entries[i].codes[j];
			if ((c->from == c->to) == exact && status >= c->from &&
			    status <= c->to)
				return &d->entries[i];
		}
	}
	return NULL;
}

const struct hook_entry *
hook_entry_find(const struct hook_document *d, int status)
{
	const struct hook_entry *e = entry_with(d, status, true);

	return e ? e : entry_with(d, status, false);
}

/* ---- values ---- */

/* All fields of the name, as one value (RFC 9110 5.3). */
static int
header_value(const struct hook_answer *a, const char *name, json_t **out)
{
	const struct hook_field *f;
	struct buf value;
	size_t i, found = 0;
	int rc = 0;

	*out = NULL;
	buf_init(&value, HEADER_VALUE_MAX);
	for (i = 0; i < a->headers->count; i++) {
		f = &a->headers->items[i];
		if (!slice_eq_nocase(slice_str(f->name), slice_str(name)))
			continue;
		if (found++)
			buf_puts(&value, ", ");
		buf_puts(&value, f->value);
	}
	if (found) {
		*out = json_stringn(value.data ? value.data : "", value.len);
		rc = *out ? 0 : ERR_NOMEM;
	}
	buf_release(&value);
	return rc;
}

static int
path_list(const struct hook_mapping *m, const json_t *body, json_t **out)
{
	struct jsonpath_nodes *nodes = NULL;
	size_t i, n;
	int rc = jsonpath_select(m->path, body, NULL, &nodes);

	*out = NULL;
	if (rc)
		return rc;
	n = jsonpath_nodes_count(nodes);
	if (n) {
		*out = json_array();
		rc = *out ? 0 : ERR_NOMEM;
	}
	for (i = 0; i < n && !rc; i++)
		if (json_array_append(*out, jsonpath_nodes_value(nodes, i)))
			rc = ERR_NOMEM;
	jsonpath_nodes_free(nodes);
	return rc;
}

static int
path_single(const struct hook_mapping *m, const json_t *body, json_t **out)
{
	json_t *found = NULL;
	int rc = jsonpath_first(m->path, body, NULL, &found);

	*out = rc ? NULL : json_incref(found);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* What the answer has for it; *out stays NULL where it has nothing. */
static int
mapping_find(const struct hook_mapping *m, const struct hook_answer *a,
	     json_t **out)
{
	*out = NULL;
	switch (m->from) {
	case HOOK_STATUS:
		*out = json_integer(a->status);
		return *out ? 0 : ERR_NOMEM;
	case HOOK_WHOLE_BODY:
		*out = json_incref(a->body);
		return 0;
	case HOOK_HEADER:
		return header_value(a, m->header, out);
	case HOOK_JSONPATH:
		if (a->too_many)
			return ERR_TOO_LARGE;
		if (!a->body_is_json)
			return 0;
		return m->list ? path_list(m, a->body, out)
			       : path_single(m, a->body, out);
	}
	return 0;
}

/* A list where one is asked for: paths give one already. */
static int
mapping_shape(const struct hook_mapping *m, json_t **value)
{
	json_t *list;

	if (!m->list || m->from == HOOK_JSONPATH || json_is_array(*value))
		return 0;
	list = json_array();
	if (!list || json_array_append(list, *value)) {
		json_decref(list);
		return ERR_NOMEM;
	}
	json_decref(*value);
	*value = list;
	return 0;
}

static int
mapping_missing(const struct hook_mapping *m, json_t **out)
{
	switch (m->missing) {
	case HOOK_MISSING_EMPTY:
		*out = m->list ? json_array() : json_null();
		break;
	case HOOK_MISSING_DEFAULT:
		*out = json_deep_copy(m->fallback);
		break;
	case HOOK_MISSING_ERROR:
		return ERR_NOT_FOUND;
	}
	return *out ? 0 : ERR_NOMEM;
}

static int
mapping_value(const struct hook_mapping *m, const struct hook_answer *a,
	      json_t **out)
{
	int rc = mapping_find(m, a, out);

	if (!rc && *out)
		rc = mapping_shape(m, out);
	else if (!rc)
		rc = mapping_missing(m, out);
	if (rc) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

int
hook_map(const struct hook_entry *e, const struct hook_answer *a, json_t **out,
	 char *why, size_t size)
{
	json_t *all = json_object(), *value;
	size_t i;
	int rc = all ? 0 : ERR_NOMEM;

	*out = NULL;
	for (i = 0; i < e->mapping_count && !rc; i++) {
		rc = mapping_value(&e->mappings[i], a, &value);
		if (rc == ERR_NOT_FOUND)
			snprintf(why, size,
				 "The answer has nothing at %.200s, which "
				 "%.100s must have.",
				 e->mappings[i].source,
				 e->mappings[i].variable);
		if (rc == ERR_TOO_LARGE)
			snprintf(why, size,
				 a->too_many
					 ? "The answer has too many values to "
					   "look for %.200s, which %.100s is "
					   "to have."
					 : "%.200s finds too much in the "
					   "answer, or has too much to look "
					   "at, for %.100s.",
				 e->mappings[i].source,
				 e->mappings[i].variable);
		if (!rc &&
		    json_object_set_new(all, e->mappings[i].variable, value))
			rc = ERR_NOMEM;
	}
	if (rc)
		json_decref(all);
	else
		*out = all;
	return rc;
}
