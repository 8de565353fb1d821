/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as a template that says just this text.
 *
 * Every brace of {{ is written twice; an @ too, but one right after a word
 * character, which is text by itself ("ada@example.com").
 */
#include "template/template_priv.h"

/* How many braces stand here. */
static size_t
brace_run(struct slice text, size_t at)
{
	size_t n = at;

	while (n < text.len && text.ptr[n] == '{')
		n++;
	return n - at;
}

/* Whether the @ at this place is text whatever follows the whole. */
static bool
at_is_text(struct slice text, size_t at)
{
	return at > 0 && template_is_word((unsigned char)text.ptr[at - 1]) &&
	       at + 1 < text.len && text.ptr[at + 1] != '@' &&
	       text.ptr[at + 1] != '{';
}

int
template_quote(struct buf *out, struct slice text)
{
	size_t i = 0, run, n;

	while (i < text.len) {
		run = brace_run(text, i);
		for (n = 0; n < run / 2; n++)
			buf_puts(out, "{{{{");
		if (run % 2)
			buf_putc(out, '{');
		i += run;
		if (run || i == text.len)
			continue;
		if (text.ptr[i] == '@' && !at_is_text(text, i))
			buf_putc(out, '@');
		buf_putc(out, text.ptr[i++]);
	}
	return buf_err(out);
}
