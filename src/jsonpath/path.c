/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalized paths, RFC 9535 section 2.7: the one way to write where a value
 * stands in a document.
 */
#include "jsonpath/jsonpath_priv.h"

/* A character that stands for itself with a backslash before it, or else
 * 0; NUL has none. */
static char
short_escape(char c)
{
	static const char from[] = "\b\f\n\r\t'\\", to[] = "bfnrt'\\";
	const char *found = c ? strchr(from, c) : NULL;

	return found ? to[found - from] : 0;
}

static void
put_name(struct buf *out, struct slice name)
{
	size_t i;
	char c;

	for (i = 0; i < name.len; i++) {
		c = name.ptr[i];
		if (short_escape(c))
			buf_printf(out, "\\%c", short_escape(c));
		else if ((unsigned char)c < 0x20)
			buf_printf(out, "\\u%04x", (unsigned)c);
		else
			buf_putc(out, c);
	}
}

void
path_put_step(struct buf *out, struct jsonpath_step step)
{
	if (step.is_index) {
		buf_printf(out, "[%zu]", step.index);
		return;
	}
	buf_puts(out, "['");
	put_name(out, step.name);
	buf_puts(out, "']");
}

int
jsonpath_normalize(const struct jsonpath_step *steps, size_t count,
		   struct buf *out)
{
	size_t i;

	buf_putc(out, '$');
	for (i = 0; i < count; i++)
		path_put_step(out, steps[i]);
	return buf_err(out);
}
