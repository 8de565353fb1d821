/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON after tables of fields.
 *
 * Strict: an unknown member, a wrong type, a text too long or with control
 * characters, a word that is not in its list are problems, each with its
 * place; reading goes on after one, so that a person sees them all at once.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>
#include <stdlib.h>

static void *
reader_alloc(struct reader *r, size_t size)
{
	void *p = arena_alloc(r->arena, size ? size : 1);

	if (!p && !r->no_memory) {
		r->no_memory = true;
		r->problems++;
	}
	return p;
}

/* ---- values ---- */

/* A text of the tree, copied; NULL with a problem. */
static const char *
read_text(struct reader *r, const json_t *value, unsigned flags)
{
	struct slice s;
	size_t max = flags & SHAPE_PEM	  ? NET_ANCHORS_TEXT
		     : flags & SHAPE_LONG ? 1000
					  : 300;
	char *copy;

	if (!json_is_string(value)) {
		reader_problem(r, "must be a text");
		return NULL;
	}
	s = slice_of(json_string_value(value), json_string_length(value));
	if (s.len > max) {
		reader_problem(r, "is longer than %zu bytes", max);
		return NULL;
	}
	if (!(flags & SHAPE_PEM) && slice_has_control(s)) {
		reader_problem(r, "has a control character");
		return NULL;
	}
	if (!s.len && (flags & SHAPE_NONEMPTY)) {
		reader_problem(r, "is empty");
		return NULL;
	}
	copy = arena_slice(r->arena, s);
	if (!copy)
		reader_alloc(r, SIZE_MAX / 2);
	return copy;
}

static void
read_texts(struct reader *r, const struct shape_field *f, const json_t *value,
	   struct catalog_texts *out)
{
	size_t i, mark, n = json_array_size(value);
	const char *text;

	if (json_is_string(value))
		n = 1;
	else if (!json_is_array(value)) {
		reader_problem(r, "must be a list of texts");
		return;
	}
	if (n > f->max) {
		reader_problem(r, "has more than %u items", f->max);
		return;
	}
	out->items = reader_alloc(r, n * sizeof(*out->items));
	if (!out->items)
		return;
	if (json_is_string(value)) {
		text = read_text(r, value, f->flags | SHAPE_NONEMPTY);
		if (text)
			out->items[out->count++] = text;
		return;
	}
	for (i = 0; i < n; i++) {
		mark = reader_enter_index(r, i);
		text = read_text(r, json_array_get(value, i),
				 f->flags | SHAPE_NONEMPTY);
		if (text)
			out->items[out->count++] = text;
		reader_leave(r, mark);
	}
}

static void
read_pairs(struct reader *r, const struct shape_field *f, const json_t *value,
	   struct catalog_pairs *out)
{
	const char *name, *text;
	json_t *member;
	size_t mark;

	if (!json_is_object(value)) {
		reader_problem(r, "must be an object of texts");
		return;
	}
	if (json_object_size(value) > f->max) {
		reader_problem(r, "has more than %u members", f->max);
		return;
	}
	out->items =
		reader_alloc(r, json_object_size(value) * sizeof(*out->items));
	if (!out->items)
		return;
	json_object_foreach((json_t *)value, name, member)
	{
		mark = reader_enter(r, name);
		text = read_text(r, member, f->flags);
		if (!*name || strlen(name) > 100 ||
		    slice_has_control(slice_str(name))) {
			reader_problem(r, "is no usable name");
		} else if (text) {
			out->items[out->count].name =
				arena_strdup(r->arena, name);
			if (!out->items[out->count].name)
				reader_alloc(r, SIZE_MAX / 2);
			out->items[out->count++].value = text;
		}
		reader_leave(r, mark);
	}
}

static void
read_word(struct reader *r, const struct shape_field *f, const json_t *value,
	  int *out)
{
	const char *text = json_string_value(value);
	char all[200] = "";
	size_t i, n = 0;

	for (i = 0; text && f->words[i]; i++) {
		if (!strcmp(f->words[i], text)) {
			*out = (int)i;
			return;
		}
	}
	for (i = 0; f->words[i] && n < sizeof(all); i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s",
				      i ? ", " : "", f->words[i]);
	reader_problem(r, "must be one of: %s", all);
}

/* 401, "401", "4xx", "500-599". */
static bool
read_status(const json_t *value, struct catalog_status *out)
{
	struct slice s =
		slice_of(json_string_value(value), json_string_length(value));
	uint64_t from = 0, to = 0;

	if (json_is_integer(value)) {
		json_int_t n = json_integer_value(value);
		if (n < 100 || n > 599)
			return false;
		from = to = (uint64_t)n;
	} else if (!json_is_string(value)) {
		return false;
	} else if (s.len == 3 && s.ptr[1] == 'x' && s.ptr[2] == 'x' &&
		   s.ptr[0] >= '1' && s.ptr[0] <= '5') {
		from = (uint64_t)(s.ptr[0] - '0') * 100;
		to = from + 99;
	} else {
		size_t dash = slice_find(s, '-');
		if (slice_to_u64(slice_head(s, dash), 599, &from) < 0)
			return false;
		to = from;
		if (dash < s.len &&
		    slice_to_u64(slice_from(s, dash + 1), 599, &to) < 0)
			return false;
	}
	if (from < 100 || to < from)
		return false;
	out->from = (uint16_t)from;
	out->to = (uint16_t)to;
	return true;
}

/* {items, count} as all lists in service.h have it. */
struct shape_list {
	void *items;
	size_t count;
};

static void
read_statuses(struct reader *r, const json_t *value, struct shape_list *out)
{
	size_t i, mark, n = json_array_size(value);
	struct catalog_status *items;

	if (!json_is_array(value) || n > 20) {
		reader_problem(r, "must be a list of at most 20 statuses");
		return;
	}
	items = reader_alloc(r, n * sizeof(*items));
	if (!items)
		return;
	for (i = 0; i < n; i++) {
		mark = reader_enter_index(r, i);
		if (read_status(json_array_get(value, i), &items[out->count]))
			out->count++;
		else
			reader_problem(r, "must be a status: 401, \"4xx\" "
					  "or \"500-599\"");
		reader_leave(r, mark);
	}
	out->items = items;
}

static void
read_list(struct reader *r, const struct shape_field *f, const json_t *value,
	  struct shape_list *out)
{
	size_t i, mark, n = json_array_size(value);
	char *items;

	if (!json_is_array(value)) {
		reader_problem(r, "must be a list");
		return;
	}
	if (n > f->max) {
		reader_problem(r, "has more than %u items", f->max);
		return;
	}
	items = reader_alloc(r, n * f->sub->size);
	if (!items)
		return;
	for (i = 0; i < n; i++) {
		mark = reader_enter_index(r, i);
		shape_read(r, f->sub, json_array_get(value, i),
			   items + i * f->sub->size);
		reader_leave(r, mark);
	}
	out->items = items;
	out->count = n;
}

static void
read_map(struct reader *r, const struct shape_field *f, const json_t *value,
	 struct shape_list *out)
{
	const char *name, *copy;
	json_t *member;
	size_t mark;
	char *items;

	if (!json_is_object(value)) {
		reader_problem(r, "must be an object");
		return;
	}
	if (json_object_size(value) > f->max) {
		reader_problem(r, "has more than %u members", f->max);
		return;
	}
	items = reader_alloc(r, json_object_size(value) * f->sub->size);
	if (!items)
		return;
	out->items = items;
	json_object_foreach((json_t *)value, name, member)
	{
		mark = reader_enter(r, name);
		if (!catalog_is_name(name, CATALOG_ID_MAX, "_-"))
			reader_problem(r, "is no id: lower-case letters, "
					  "digits, _ and -, a letter first");
		shape_read(r, f->sub, member, items);
		copy = arena_strdup(r->arena, name);
		if (!copy)
			copy = reader_alloc(r, SIZE_MAX / 2);
		memcpy(items, &copy, sizeof(copy));
		items += f->sub->size;
		out->count++;
		reader_leave(r, mark);
	}
}

static void
read_http(struct reader *r, const json_t *value, enum catalog_http *out)
{
	const char *text = json_string_value(value);

	if (json_is_boolean(value))
		*out = json_is_true(value) ? CATALOG_HTTP_YES
					   : CATALOG_HTTP_NEVER;
	else if (text && !strcmp(text, "loopback"))
		*out = CATALOG_HTTP_LOOPBACK;
	else
		reader_problem(r, "must be true, false or \"loopback\"");
}

static void
read_number(struct reader *r, const struct shape_field *f, const json_t *value,
	    uint32_t *out)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > (json_int_t)f->max)
		reader_problem(r, "must be a whole number from 0 to %u",
			       f->max);
	else
		*out = (uint32_t)n;
}

/* ---- objects ---- */

static void
read_field(struct reader *r, const struct shape_field *f, const json_t *value,
	   char *at)
{
	const char *text;
	void *sub;

	switch (f->kind) {
	case SHAPE_TEXT:
		text = read_text(r, value, f->flags);
		if (text)
			memcpy(at, &text, sizeof(text));
		break;
	case SHAPE_TEXTS:
		read_texts(r, f, value, (struct catalog_texts *)(void *)at);
		break;
	case SHAPE_PAIRS:
		read_pairs(r, f, value, (struct catalog_pairs *)(void *)at);
		break;
	case SHAPE_NUMBER:
		read_number(r, f, value, (uint32_t *)(void *)at);
		break;
	case SHAPE_BOOL:
		if (json_is_boolean(value))
			*(bool *)at = json_is_true(value);
		else
			reader_problem(r, "must be true or false");
		break;
	case SHAPE_WORD:
		read_word(r, f, value, (int *)(void *)at);
		break;
	case SHAPE_OBJECT:
		shape_read(r, f->sub, value, at);
		break;
	case SHAPE_POINTER:
		sub = reader_alloc(r, f->sub->size);
		if (sub) {
			shape_read(r, f->sub, value, sub);
			memcpy(at, &sub, sizeof(sub));
		}
		break;
	case SHAPE_LIST:
		read_list(r, f, value, (struct shape_list *)(void *)at);
		break;
	case SHAPE_MAP:
		read_map(r, f, value, (struct shape_list *)(void *)at);
		break;
	case SHAPE_STATUS:
		read_statuses(r, value, (struct shape_list *)(void *)at);
		break;
	case SHAPE_HTTP:
		read_http(r, value, (enum catalog_http *)(void *)at);
		break;
	case SHAPE_SKIP:
		break;
	}
}

/* Levenshtein distance, for "did you mean": names are short. */
static unsigned
name_distance(const char *a, const char *b)
{
	unsigned row[40], last, keep, la = (unsigned)strlen(a),
				      lb = (unsigned)strlen(b), i, j;

	if (la >= ARRAY_LEN(row) || lb >= ARRAY_LEN(row))
		return 99;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		last = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			keep = row[j];
			last += a[i - 1] != b[j - 1];
			if (row[j] + 1 < last)
				last = row[j] + 1;
			if (row[j - 1] + 1 < last)
				last = row[j - 1] + 1;
			row[j] = last;
			last = keep;
		}
	}
	return row[lb];
}

static const struct shape_field *
field_find(const struct shape *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (!strcmp(s->fields[i].name, name))
			return &s->fields[i];
	return NULL;
}

static void
refuse_unknown(struct reader *r, const struct shape *s, const char *name)
{
	unsigned best = 3, d;
	const char *meant = NULL;
	size_t i, mark;

	for (i = 0; i < s->count; i++) {
		d = name_distance(name, s->fields[i].name);
		if (d < best) {
			best = d;
			meant = s->fields[i].name;
		}
	}
	mark = reader_enter(r, name);
	if (meant)
		reader_problem(r, "unknown field; did you mean \"%s\"?", meant);
	else
		reader_problem(r, "unknown field");
	reader_leave(r, mark);
}

void
shape_preset(const struct shape *s, void *out)
{
	char *base = out;
	size_t i;

	memset(out, 0, s->size);
	for (i = 0; i < s->count; i++) {
		const struct shape_field *f = &s->fields[i];
		char *at = base + f->offset;

		if (f->kind == SHAPE_TEXT && f->fallback)
			memcpy(at, &f->fallback, sizeof(f->fallback));
		else if (f->kind == SHAPE_NUMBER)
			memcpy(at, &f->preset, sizeof(f->preset));
		else if (f->kind == SHAPE_WORD)
			*(int *)(void *)at = (int)f->preset;
		else if (f->kind == SHAPE_BOOL)
			*(bool *)at = f->preset != 0;
		else if (f->kind == SHAPE_OBJECT)
			shape_preset(f->sub, at);
	}
}

void
shape_read(struct reader *r, const struct shape *s, const json_t *value,
	   void *out)
{
	const char *name;
	json_t *member;
	size_t i, mark;

	shape_preset(s, out);
	if (!json_is_object(value)) {
		reader_problem(r, "must be an object");
		return;
	}
	json_object_foreach((json_t *)value, name, member)
	{
		const struct shape_field *f = field_find(s, name);

		if (!f) {
			refuse_unknown(r, s, name);
			continue;
		}
		mark = reader_enter(r, name);
		read_field(r, f, member, (char *)out + f->offset);
		reader_leave(r, mark);
	}
	for (i = 0; i < s->count; i++)
		if ((s->fields[i].flags & SHAPE_REQUIRED) &&
		    !json_object_get(value, s->fields[i].name))
			reader_problem(r, "\"%s\" is missing",
				       s->fields[i].name);
}
