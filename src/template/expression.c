/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One variable: its name and its filters.
 *
 *   bare     name ( "." name | "[" digits "]" )*
 *   braced   name ( "." name | "[" digits "]" | "[" text "]" )*
 *            ( "|" filter ( ":" argument ( "," argument )* )? )*
 *
 * with spaces anywhere between the words of the second form.  A bare name is
 * letters, digits and underscore; in braces also hyphens and whatever is not
 * ASCII.  Bare, what does not go on as a name is text again ("@input.id.").
 */
#include "template/template_priv.h"

int
template_draft_expect(const struct draft *d, const char *what)
{
	const struct parser *p = d->p;

	if (p->at < p->t->text.len)
		return template_problem_set(p->problem, ERR_INVALID, p->at, 1,
					    "%s", what);
	return template_problem_set(
		p->problem, ERR_INVALID, d->begin, 2,
		"The variable that begins here is not closed.  "
		"(A literal {{ is written {{{{, and @{ is @@{.)");
}

int
template_draft_too_much(const struct draft *d, const char *what, int max)
{
	return template_problem_set(d->p->problem, ERR_TOO_LARGE, d->begin,
				    d->p->at - d->begin, "At most %d %s.", max,
				    what);
}

void
template_skip_spaces(struct parser *p)
{
	int c;

	while ((c = parser_peek(p, 0)) == ' ' || c == '\t' || c == '\n' ||
	       c == '\r')
		p->at++;
}

bool
template_take(struct parser *p, char c)
{
	if (parser_peek(p, 0) != c)
		return false;
	p->at++;
	return true;
}

/* ---- the name ---- */

static int
add_step(struct draft *d, struct step step)
{
	if (d->step_count == TEMPLATE_STEPS_MAX)
		return template_draft_too_much(d, "steps in a variable's name",
					       TEMPLATE_STEPS_MAX);
	d->steps[d->step_count++] = step;
	if (!step.member.ptr)
		buf_printf(&d->name, "[%zu]", step.index);
	else if (d->step_count > 1)
		buf_puts(&d->name, ".");
	if (step.member.ptr)
		buf_put_slice(&d->name, step.member);
	if (buf_err(&d->name) == ERR_TOO_LARGE)
		return template_draft_too_much(d, "bytes in a variable's name",
					       TEMPLATE_NAME_MAX);
	return buf_err(&d->name);
}

/* A member whose name is quoted: a["any name"]. */
static int
add_quoted(struct draft *d, struct slice member)
{
	if (d->step_count == TEMPLATE_STEPS_MAX)
		return template_draft_too_much(d, "steps in a variable's name",
					       TEMPLATE_STEPS_MAX);
	d->steps[d->step_count++] = (struct step){ .member = member };
	buf_puts(&d->name, "[\"");
	codec_json(&d->name, member);
	buf_puts(&d->name, "\"]");
	if (buf_err(&d->name) == ERR_TOO_LARGE)
		return template_draft_too_much(d, "bytes in a variable's name",
					       TEMPLATE_NAME_MAX);
	return buf_err(&d->name);
}

/* The length of the name at the front, as it may be in braces. */
static size_t
braced_name(struct slice s)
{
	size_t n = 0;

	if (!s.len || s.ptr[0] == '-' || (s.ptr[0] >= '0' && s.ptr[0] <= '9'))
		return 0;
	while (n < s.len && (template_is_word((unsigned char)s.ptr[n]) ||
			     s.ptr[n] == '-' || (s.ptr[n] & 0x80)))
		n++;
	return n;
}

/* The length of "[digits]" at the front, and the number; 0: none. */
static size_t
index_at(struct slice s, size_t *index)
{
	size_t end = slice_find(s, ']');
	uint64_t n;

	if (!slice_starts(s, SLICE("[")) || end == s.len || end > 6 ||
	    slice_to_u64(slice_of(s.ptr + 1, end - 1), TEMPLATE_INDEX_MAX, &n))
		return 0;
	*index = (size_t)n;
	return end + 1;
}

static int
read_bare_name(struct draft *d)
{
	struct parser *p = d->p;
	size_t n = template_bare_name(parser_rest(p));
	struct step step = { .member = slice_head(parser_rest(p), n) };
	int err;

	for (;;) {
		err = add_step(d, step);
		if (err)
			return err;
		p->at += n;
		if (parser_peek(p, 0) == '.') {
			n = template_bare_name(
				slice_from(p->t->text, p->at + 1));
			if (!n)
				return 0;
			p->at++;
			step.member = slice_head(parser_rest(p), n);
		} else {
			n = index_at(parser_rest(p), &step.index);
			if (!n)
				return 0;
			step.member = SLICE_NONE;
		}
	}
}

static int
read_quoted_step(struct draft *d)
{
	struct slice member;
	int err;

	err = template_draft_quoted(d, &member);
	if (err)
		return err;
	template_skip_spaces(d->p);
	if (!template_take(d->p, ']'))
		return template_draft_expect(d, "] is missing here.");
	return add_quoted(d, member);
}

/* What stands in brackets, after the opening one. */
static int
read_bracket(struct draft *d)
{
	struct parser *p = d->p;
	struct step step = { .member = SLICE_NONE };
	struct slice digits;
	uint64_t index;
	size_t n = 0;

	template_skip_spaces(p);
	if (parser_peek(p, 0) == '"' || parser_peek(p, 0) == '\'')
		return read_quoted_step(d);
	digits = parser_rest(p);
	while (n < digits.len && digits.ptr[n] >= '0' && digits.ptr[n] <= '9')
		n++;
	if (slice_to_u64(slice_head(digits, n), TEMPLATE_INDEX_MAX, &index))
		return template_draft_expect(
			d, "In [ ] stands a number from 0 to 99999, or "
			   "a name in quotes.");
	p->at += n;
	template_skip_spaces(p);
	if (!template_take(p, ']'))
		return template_draft_expect(d, "] is missing here.");
	step.index = (size_t)index;
	return add_step(d, step);
}

static int
read_braced_name(struct draft *d)
{
	struct parser *p = d->p;
	struct step step = { .index = 0 };
	size_t n;
	int err;

	for (;;) {
		template_skip_spaces(p);
		n = braced_name(parser_rest(p));
		if (!n)
			return template_draft_expect(
				d, "A name such as input.email must "
				   "stand here.");
		step.member = slice_head(parser_rest(p), n);
		p->at += n;
		err = add_step(d, step);
		template_skip_spaces(p);
		while (!err && template_take(p, '[')) {
			err = read_bracket(d);
			template_skip_spaces(p);
		}
		if (err || !template_take(p, '.'))
			return err;
	}
}

/* ---- the whole ---- */

static int
finish(struct draft *d, struct variable **out)
{
	struct arena *arena = d->p->t->arena;
	struct variable *v = arena_alloc(arena, sizeof(*v));
	size_t steps = d->step_count * sizeof(*d->steps);
	size_t filters = d->filter_count * sizeof(*d->filters), i;
	void *s, *f;

	s = arena_alloc(arena, steps + 1);
	f = arena_alloc(arena, filters + 1);
	if (!v || !s || !f)
		return ERR_NOMEM;
	memcpy(s, d->steps, steps);
	memcpy(f, d->filters, filters);
	v->steps = s;
	v->step_count = d->step_count;
	v->filters = f;
	v->filter_count = d->filter_count;
	v->use.at = d->begin;
	v->use.len = d->p->at - d->begin;
	for (i = 0; i < d->filter_count; i++)
		v->use.has_default |= d->filters[i].filter->takes_absent;
	v->use.name = arena_slice(arena, buf_slice(&d->name));
	*out = v;
	return v->use.name ? 0 : ERR_NOMEM;
}

int
template_read_bare(struct parser *p, size_t begin, struct variable **out)
{
	struct draft d;
	int err;

	d.p = p;
	d.begin = begin;
	d.step_count = d.filter_count = 0;
	buf_init(&d.name, TEMPLATE_NAME_MAX);
	err = read_bare_name(&d);
	if (!err)
		err = finish(&d, out);
	buf_release(&d.name);
	return err;
}

int
template_read_braced(struct parser *p, size_t begin, const char *close,
		     struct variable **out)
{
	struct draft d;
	int err;

	d.p = p;
	d.begin = begin;
	d.step_count = d.filter_count = 0;
	buf_init(&d.name, TEMPLATE_NAME_MAX);
	err = read_braced_name(&d);
	while (!err && template_take(p, '|')) {
		err = template_draft_filter(&d);
		template_skip_spaces(p);
	}
	if (!err && !slice_starts(parser_rest(p), slice_str(close)))
		err = template_problem_set(
			p->problem, ERR_INVALID, begin, p->at - begin,
			"This variable does not end with %s here.  "
			"(A literal %s is written %s.)",
			close, close[1] ? "{{" : "@{",
			close[1] ? "{{{{" : "@@{");
	if (!err) {
		p->at += strlen(close);
		err = finish(&d, out);
	}
	buf_release(&d.name);
	return err;
}
