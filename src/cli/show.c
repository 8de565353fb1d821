/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output: tables for people, JSON for programs.
 *
 * What a server says may come from strangers (a ticket's subject, a name
 * over there): nothing of it reaches a terminal that could move its cursor.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "cli/cli_priv.h"

enum { OUTPUT_MAX = 64 * 1024 * 1024, TEXT_MAX = 64 * 1024 };

/* ---- safe texts ---- */

/* Bytes of the UTF-8 character at the front; 0 where it is none, or one
 * that a terminal acts upon (C1 controls, directions of writing). */
static size_t
character_len(struct slice s)
{
	unsigned char first = (unsigned char)s.ptr[0];
	size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	const unsigned char *p = (const unsigned char *)s.ptr;

	if (n > s.len || first < 0x20 || first == 0x7f ||
	    !slice_is_utf8(slice_head(s, n)))
		return 0;
	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	if (n == 3 && p[0] == 0xe2 &&
	    ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
	     (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)))
		return 0;
	return n;
}

void
cli_safe(struct buf *out, struct slice text)
{
	size_t n;

	while (text.len) {
		n = character_len(text);
		if (n)
			buf_put(out, text.ptr, n);
		else
			buf_putc(out, '?');
		text = slice_from(text, n ? n : 1);
	}
}

/* Bytes that the first character of this says it has. */
static size_t
character_wants(struct slice s)
{
	unsigned char first = (unsigned char)s.ptr[0];

	if (first < 0xc2 || first > 0xf4)
		return 1;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

void
cli_safe_text(struct buf *out, struct buf *rest, struct slice more)
{
	struct slice all;
	size_t n;

	buf_put_slice(rest, more);
	all = buf_slice(rest);
	while (all.len && (n = character_wants(all)) <= all.len) {
		if (all.ptr[0] == '\n' || all.ptr[0] == '\t')
			buf_putc(out, all.ptr[0]);
		else if (all.ptr[0] != '\r' && character_len(all))
			cli_safe(out, slice_head(all, n));
		else if (all.ptr[0] != '\r') {
			buf_putc(out, '?');
			n = 1;
		}
		all = slice_from(all, n);
	}
	buf_consume(rest, rest->len - all.len);
}

size_t
cli_width(struct slice text)
{
	size_t i, n = 0;

	for (i = 0; i < text.len; i++)
		n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return n;
}

int
cli_put(struct slice text)
{
	if (fwrite(text.ptr ? text.ptr : "", 1, text.len, stdout) != text.len ||
	    fflush(stdout))
		return CLI_FAILED;
	return CLI_OK;
}

void
cli_say(const struct cli *c, const char *fmt, ...)
{
	struct buf text, safe;
	struct slice rest, line;
	va_list ap;

	if (c->json)
		return;
	buf_init(&text, TEXT_MAX);
	buf_init(&safe, TEXT_MAX);
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	rest = buf_slice(&text);
	while (slice_next(&rest, '\n', &line)) {
		cli_safe(&safe, line);
		buf_putc(&safe, '\n');
	}
	cli_put(buf_slice(&safe));
	buf_release(&safe);
	buf_release(&text);
}

/* ---- tables ---- */

void
cli_table_init(struct cli_table *t, const char *const *heads, size_t columns)
{
	*t = (struct cli_table){ .heads = heads, .columns = columns };
	buf_init(&t->cells, OUTPUT_MAX);
}

void
cli_table_release(struct cli_table *t)
{
	buf_release(&t->cells);
}

void
cli_table_put_slice(struct cli_table *t, struct slice text)
{
	if (!text.len)
		text = SLICE("-");
	cli_safe(&t->cells, text);
	buf_putc(&t->cells, '\0');
	t->count++;
}

void
cli_table_put(struct cli_table *t, const char *text)
{
	cli_table_put_slice(t, slice_str(text));
}

/* The next cell; its column follows from the count. */
static struct slice
cell_next(struct slice *rest)
{
	struct slice cell = slice_str(rest->ptr);

	*rest = slice_from(*rest, cell.len + 1);
	return cell;
}

static void
cell_write(struct buf *out, struct slice cell, size_t width, bool last)
{
	size_t have = cli_width(cell);

	buf_put_slice(out, cell);
	if (last) {
		buf_putc(out, '\n');
		return;
	}
	for (; have < width + 2; have++)
		buf_putc(out, ' ');
}

int
cli_table_write(const struct cli_table *t, struct buf *out)
{
	struct slice rest = buf_slice(&t->cells), cell;
	size_t widths[16], i, column;

	ASSERT(t->columns && t->columns <= ARRAY_LEN(widths));
	ASSERT(t->cells.err || t->count % t->columns == 0);
	if (t->cells.err)
		return t->cells.err;
	for (i = 0; i < t->columns; i++)
		widths[i] = cli_width(slice_str(t->heads[i]));
	for (i = 0; i < t->count; i++) {
		cell = cell_next(&rest);
		if (cli_width(cell) > widths[i % t->columns])
			widths[i % t->columns] = cli_width(cell);
	}
	for (i = 0; i < t->columns; i++)
		cell_write(out, slice_str(t->heads[i]), widths[i],
			   i + 1 == t->columns);
	rest = buf_slice(&t->cells);
	for (i = 0; i < t->count; i++) {
		column = i % t->columns;
		cell_write(out, cell_next(&rest), widths[column],
			   column + 1 == t->columns);
	}
	return buf_err(out);
}

/* ---- values ---- */

/* The member at "a.b"; NULL where there is none. */
static const json_t *
value_find(const json_t *object, const char *key)
{
	struct slice rest = slice_str(key), part;
	char name[64];

	while (object && slice_next(&rest, '.', &part)) {
		if (slice_copy(part, name, sizeof(name)))
			return NULL;
		object = json_object_get(object, name);
	}
	return object;
}

static void
list_text(const json_t *list, struct buf *out)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		if (i)
			buf_puts(out, ", ");
		cli_value_text(json_array_get(list, i), out);
	}
}

void
cli_value_text(const json_t *value, struct buf *out)
{
	const char *text;

	if (!value)
		return;
	switch (json_typeof(value)) {
	case JSON_STRING:
		buf_put(out, json_string_value(value),
			json_string_length(value));
		break;
	case JSON_INTEGER:
		buf_printf(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		buf_printf(out, "%.1f", json_real_value(value));
		break;
	case JSON_TRUE:
		buf_puts(out, "yes");
		break;
	case JSON_FALSE:
		buf_puts(out, "no");
		break;
	case JSON_ARRAY:
		list_text(value, out);
		break;
	case JSON_OBJECT:
		/* A named thing is its name. */
		text = json_string_value(json_object_get(value, "name"));
		if (text)
			buf_puts(out, text);
		else if (json_object_size(value))
			json_write(value, out);
		break;
	case JSON_NULL:
		break;
	}
}

/* ---- answers ---- */

int
cli_show_raw(const struct cli_answer *a)
{
	int rc = cli_put(buf_slice(&a->body));

	return rc ? rc : cli_put(SLICE("\n"));
}

static int
show_json(const json_t *value)
{
	struct buf out;
	int rc;

	buf_init(&out, OUTPUT_MAX);
	rc = json_write(value, &out);
	buf_putc(&out, '\n');
	rc = rc ? CLI_FAILED : cli_put(buf_slice(&out));
	buf_release(&out);
	return rc;
}

static void
row_put(struct cli_table *t, const json_t *item,
	const struct cli_column *columns)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	for (; columns->head; columns++) {
		buf_reset(&text);
		cli_value_text(value_find(item, columns->key), &text);
		cli_table_put_slice(t, buf_slice(&text));
	}
	buf_release(&text);
}

int
cli_show_list(const struct cli *c, const json_t *list,
	      const struct cli_column *columns, const char *none)
{
	const json_t *items = json_object_get(list, "items");
	const char *heads[16];
	struct cli_table t;
	struct buf out;
	size_t i, n = 0;
	int rc;

	if (c->json)
		return show_json(list);
	if (!json_array_size(items)) {
		cli_say(c, "%s", none);
		return CLI_OK;
	}
	for (; columns[n].head; n++) {
		ASSERT(n < ARRAY_LEN(heads));
		heads[n] = columns[n].head;
	}
	cli_table_init(&t, heads, n);
	for (i = 0; i < json_array_size(items); i++)
		row_put(&t, json_array_get(items, i), columns);
	buf_init(&out, OUTPUT_MAX);
	rc = cli_table_write(&t, &out) ? CLI_FAILED : cli_put(buf_slice(&out));
	buf_release(&out);
	cli_table_release(&t);
	return rc;
}

static void
line_put(struct buf *out, const char *head, const json_t *value)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	cli_value_text(value, &text);
	if (text.len) {
		buf_printf(out, "%-16s ", head);
		cli_safe(out, buf_slice(&text));
		buf_putc(out, '\n');
	}
	buf_release(&text);
}

int
cli_show_object(const struct cli *c, struct cli_answer *a,
		const struct cli_column *columns)
{
	bool all = columns == NULL;
	const json_t *object;
	const char *name;
	struct buf out;
	json_t *value;
	int rc;

	if (c->json)
		return cli_show_raw(a);
	object = cli_answer_json(a);
	buf_init(&out, OUTPUT_MAX);
	for (; columns && columns->head; columns++)
		line_put(&out, columns->head, value_find(object, columns->key));
	if (!all)
		object = NULL;
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		line_put(&out, name, value);
	}
	rc = buf_err(&out) ? CLI_FAILED : cli_put(buf_slice(&out));
	buf_release(&out);
	return rc;
}
