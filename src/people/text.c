/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things that the files of people/ share: columns, lists of texts.
 */
#include <stdlib.h>

#include "json/json.h"
#include "people/people_priv.h"

enum { TEXTS_MAX = 64 * 1024 };

void
people_col_copy(struct store_stmt *st, int col, char *out, size_t size)
{
	struct slice s = slice_head(store_col(st, col), size - 1);

	if (s.len)
		memcpy(out, s.ptr, s.len);
	out[s.len] = '\0';
}

void
people_texts_release(struct people_texts *t)
{
	size_t i;

	for (i = 0; t->items && i < t->count; i++)
		free(t->items[i]);
	free(t->items);
	*t = (struct people_texts){ 0 };
}

static int
texts_take(const json_t *list, struct people_texts *out)
{
	const json_t *item;
	size_t i, n = json_array_size(list);

	/* One more, so that an empty list is not "no restriction". */
	out->items = calloc(n + 1, sizeof(*out->items));
	if (!out->items)
		return ERR_NOMEM;
	for (i = 0; i < n; i++) {
		item = json_array_get(list, i);
		if (!json_is_string(item))
			return ERR_INVALID;
		out->items[i] = strdup(json_string_value(item));
		if (!out->items[i])
			return ERR_NOMEM;
		out->count++;
	}
	return 0;
}

int
people_texts_parse(struct slice json, struct people_texts *out)
{
	struct json_problem problem = { 0 };
	json_t *list = NULL;
	int rc;

	*out = (struct people_texts){ 0 };
	if (!json.ptr)
		return 0;
	rc = json_read(json, TEXTS_MAX, &list, &problem);
	if (!rc)
		rc = json_is_array(list) ? texts_take(list, out) : ERR_INVALID;
	json_decref(list);
	if (rc)
		people_texts_release(out);
	return rc;
}

int
people_texts_write(const struct people_texts *t, struct buf *out)
{
	size_t i;

	buf_putc(out, '[');
	for (i = 0; i < t->count; i++) {
		buf_puts(out, i ? ",\"" : "\"");
		codec_json(out, slice_str(t->items[i]));
		buf_putc(out, '"');
	}
	return buf_putc(out, ']');
}

int
people_texts_arena(const struct people_texts *t, struct arena *arena,
		   struct people_texts *out)
{
	size_t i;

	*out = (struct people_texts){ 0 };
	if (!t->items)
		return 0;
	out->items = arena_alloc(arena, (t->count + 1) * sizeof(char *));
	if (!out->items)
		return ERR_NOMEM;
	for (i = 0; i < t->count; i++) {
		out->items[i] = arena_strdup(arena, t->items[i]);
		if (!out->items[i])
			return ERR_NOMEM;
		out->count++;
	}
	return 0;
}
