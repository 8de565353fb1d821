/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter behind its bar: name, and arguments behind a colon: texts in
 * single or double quotes, numbers, true, false, null.
 *
 * All is checked here, so that rendering meets no filter that it does not
 * know and no argument that does not fit.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "template/template_priv.h"

/* The byte that an escape stands for; -1: none such. */
static int
escaped_byte(int c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case '"':
	case '\'':
	case '\\':
		return c;
	default:
		return -1;
	}
}

/* A text in single or double quotes, unescaped into the arena. */
int
template_draft_quoted(struct draft *d, struct slice *out)
{
	struct parser *p = d->p;
	int quote = parser_peek(p, 0), c;
	char text[TEMPLATE_ARGUMENT_MAX];
	size_t n = 0;

	p->at++;
	while ((c = parser_peek(p, 0)) != quote) {
		if (c < 0)
			return template_draft_expect(
				d, "The closing quote is missing.");
		if (c == '\\') {
			p->at++;
			c = escaped_byte(parser_peek(p, 0));
			if (c < 0)
				return template_draft_expect(
					d, "After \\ stands n, r, t, a "
					   "quote or another \\.");
		}
		if (n == sizeof(text))
			return template_draft_too_much(d, "bytes in quotes",
						       TEMPLATE_ARGUMENT_MAX);
		text[n++] = (char)c;
		p->at++;
	}
	p->at++;
	out->ptr = arena_slice(p->t->arena, slice_of(text, n));
	out->len = n;
	return out->ptr ? 0 : ERR_NOMEM;
}

/* The length of the number grammar at the front; 0: none. */
static size_t
number_length(struct slice s)
{
	size_t n = 0, digits;
	int part;

	if (n < s.len && s.ptr[n] == '-')
		n++;
	for (part = 0; part < 3; part++) {
		if (part == 1 && !(n < s.len && s.ptr[n] == '.'))
			continue;
		if (part == 2 &&
		    !(n < s.len && (s.ptr[n] == 'e' || s.ptr[n] == 'E')))
			break;
		if (part)
			n++;
		if (part == 2 && n < s.len &&
		    (s.ptr[n] == '+' || s.ptr[n] == '-'))
			n++;
		for (digits = 0;
		     n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9'; n++)
			digits++;
		if (!digits ||
		    (!part && digits > 1 && s.ptr[n - digits] == '0'))
			return 0;
	}
	return n;
}

int
template_number(struct slice text, struct argument *out)
{
	char copy[64], *end;

	if (!text.len || number_length(text) != text.len)
		return ERR_INVALID;
	if (slice_copy(text, copy, sizeof(copy)))
		return ERR_TOO_LARGE;
	errno = 0;
	if (!strpbrk(copy, ".eE")) {
		out->kind = ARGUMENT_INTEGER;
		out->integer = strtoll(copy, &end, 10);
		return errno ? ERR_TOO_LARGE : 0;
	}
	out->kind = ARGUMENT_REAL;
	out->real = strtod(copy, &end);
	return isfinite(out->real) ? 0 : ERR_TOO_LARGE;
}

static int
read_word(struct draft *d, struct argument *out)
{
	static const struct {
		const char *word;
		enum argument_kind kind;
	} words[] = {
		{ "true", ARGUMENT_TRUE },
		{ "false", ARGUMENT_FALSE },
		{ "null", ARGUMENT_NULL },
	};
	struct slice rest = parser_rest(d->p);
	size_t i, n = template_bare_name(rest);

	for (i = 0; i < ARRAY_LEN(words); i++)
		if (slice_eq(slice_head(rest, n), slice_str(words[i].word))) {
			out->kind = words[i].kind;
			d->p->at += n;
			return 0;
		}
	return template_draft_expect(
		d, "A text in quotes, a number, true, false or null "
		   "must stand here.");
}

static int
read_argument(struct draft *d, struct argument *out)
{
	struct parser *p = d->p;
	int c = parser_peek(p, 0);
	size_t n;

	if (c == '"' || c == '\'') {
		out->kind = ARGUMENT_TEXT;
		return template_draft_quoted(d, &out->text);
	}
	if (c != '-' && (c < '0' || c > '9'))
		return read_word(d, out);
	n = number_length(parser_rest(p));
	if (template_number(slice_head(parser_rest(p), n), out))
		return template_draft_expect(
			d, "This is no number, or too large a one.");
	p->at += n;
	return 0;
}

static int
read_arguments(struct draft *d, struct filter_call *call)
{
	struct parser *p = d->p;
	struct argument extra;
	int err;

	do {
		template_skip_spaces(p);
		if (call->count == FILTER_ARGUMENTS_MAX) {
			err = read_argument(d, &extra);
			call->count++;
			return err;
		}
		memset(&call->arguments[call->count], 0, sizeof(extra));
		err = read_argument(d, &call->arguments[call->count++]);
		template_skip_spaces(p);
	} while (!err && template_take(p, ','));
	return err;
}

static int
unknown_filter(struct draft *d, size_t begin, struct slice name,
	       const char *near)
{
	return template_problem_set(
		d->p->problem, ERR_INVALID, begin, name.len,
		near ? "There is no filter \"%.*s\"; did you mean "
		       "\"%s\"?"
		     : "There is no filter \"%.*s\".%s",
		(int)(name.len < 60 ? name.len : 60), name.ptr,
		near ? near : "");
}

int
template_draft_filter(struct draft *d)
{
	struct parser *p = d->p;
	struct filter_call *call;
	struct slice name;
	const char *why;
	size_t begin;
	int err = 0;

	if (d->filter_count == TEMPLATE_FILTERS_MAX)
		return template_draft_too_much(d, "filters on a variable",
					       TEMPLATE_FILTERS_MAX);
	call = &d->filters[d->filter_count++];
	memset(call, 0, sizeof(*call));
	template_skip_spaces(p);
	begin = p->at;
	name = slice_head(parser_rest(p), template_bare_name(parser_rest(p)));
	if (!name.len)
		return template_draft_expect(
			d, "A filter's name must stand here.");
	call->filter = template_filter_find(name, &why);
	if (!call->filter)
		return unknown_filter(d, begin, name, why);
	p->at += name.len;
	template_skip_spaces(p);
	if (template_take(p, ':'))
		err = read_arguments(d, call);
	if (!err && !template_filter_fits(call, &why))
		return template_problem_set(p->problem, ERR_INVALID, begin,
					    p->at - begin,
					    "%s: %s.  It is used like "
					    "this: %s",
					    call->filter->about.name, why,
					    call->filter->about.usage);
	return err;
}
