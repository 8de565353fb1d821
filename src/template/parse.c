/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to parts: finds the variables in the three spellings.
 *
 * What an @ or a brace means is decided by what stands beside it:
 *
 *   @@            a literal @
 *   @{{           a literal @, and what {{ means
 *   @{            a variable up to }
 *   word@         a literal @ (name@host)
 *   @scope        a variable, as far as it goes
 *   @             a literal @
 *   {{            a variable up to }}
 *   {{{           a literal {, and what {{ means
 *   {{{{          a literal {{
 *   {             a literal {
 *
 * A text part is a slice of the source, so that every problem has its place.
 */
#include "template/template_priv.h"

bool
template_is_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

size_t
template_bare_name(struct slice s)
{
	size_t n = 0;

	if (!s.len || (s.ptr[0] >= '0' && s.ptr[0] <= '9'))
		return 0;
	while (n < s.len && template_is_word((unsigned char)s.ptr[n]))
		n++;
	return n;
}

static struct part *
part_add(struct parser *p)
{
	struct part *part = arena_alloc(p->t->arena, sizeof(*part));

	if (!part)
		return NULL;
	*p->tail = part;
	p->tail = &part->next;
	p->parts++;
	return part;
}

static int
too_many(struct parser *p)
{
	return template_problem_set(p->problem, ERR_TOO_LARGE, p->at, 0,
				    "A template has at most %d parts.",
				    TEMPLATE_PARTS_MAX);
}

/* The text up to `end` becomes a part; reading goes on at `next`. */
static int
put_literal(struct parser *p, size_t end, size_t next)
{
	struct part *part;

	if (end > p->literal) {
		if (p->parts >= TEMPLATE_PARTS_MAX)
			return too_many(p);
		part = part_add(p);
		if (!part)
			return ERR_NOMEM;
		part->at = p->literal;
		part->text =
			slice_of(p->t->text.ptr + p->literal, end - p->literal);
	}
	p->at = next;
	p->literal = next;
	return 0;
}

/* The variable just read, which ends at p->at. */
static int
put_variable(struct parser *p, const struct variable *v)
{
	struct part *part;

	if (p->parts >= TEMPLATE_PARTS_MAX)
		return too_many(p);
	part = part_add(p);
	if (!part)
		return ERR_NOMEM;
	part->variable = v;
	part->at = v->use.at;
	p->literal = p->at;
	return 0;
}

static int
put_braced(struct parser *p, const char *close)
{
	size_t begin = p->at;
	struct variable *v;
	int err;

	err = put_literal(p, begin, begin + 2);
	if (!err)
		err = template_read_braced(p, begin, close, &v);
	if (!err)
		err = put_variable(p, v);
	return err;
}

/* A hint only: what does not fit is not told. */
static void
note_stray(struct parser *p, size_t len, bool after_word)
{
	struct template *t = p->t;

	if (!t->strays)
		t->strays =
			arena_alloc(t->arena, STRAYS_MAX * sizeof(*t->strays));
	if (t->strays && t->stray_count < STRAYS_MAX)
		t->strays[t->stray_count++] =
			(struct stray){ p->at, len, after_word };
}

static bool
is_scope(const struct parser *p, struct slice name)
{
	const char *const *s;

	for (s = p->scopes; *s; s++)
		if (slice_eq(name, slice_str(*s)))
			return true;
	return false;
}

/* An @ with neither @ nor { behind it. */
static int
read_bare(struct parser *p)
{
	struct slice rest = slice_from(p->t->text, p->at + 1);
	size_t begin = p->at, n = template_bare_name(rest);
	bool after_word, known;
	struct variable *v;
	int err;

	after_word = begin > 0 &&
		     template_is_word((unsigned char)p->t->text.ptr[begin - 1]);
	known = n && is_scope(p, slice_head(rest, n));
	if (after_word || !known) {
		if (n && after_word == known)
			note_stray(p, n + 1, after_word);
		p->at++;
		return 0;
	}
	err = put_literal(p, begin, begin + 1);
	if (!err)
		err = template_read_bare(p, begin, &v);
	if (!err)
		err = put_variable(p, v);
	return err;
}

static int
read_at(struct parser *p)
{
	int next = parser_peek(p, 1);

	if (next == '@')
		return put_literal(p, p->at + 1, p->at + 2);
	if (next != '{')
		return read_bare(p);
	if (parser_peek(p, 2) != '{')
		return put_braced(p, "}");
	p->at++;
	return 0;
}

static int
read_brace(struct parser *p)
{
	size_t run = 1;

	while (run < 4 && parser_peek(p, run) == '{')
		run++;
	if (run == 4)
		return put_literal(p, p->at + 2, p->at + 4);
	if (run == 2)
		return put_braced(p, "}}");
	p->at++;
	return 0;
}

int
template_parse(struct parser *p)
{
	int err = 0;

	while (!err && p->at < p->t->text.len) {
		switch (p->t->text.ptr[p->at]) {
		case '@':
			err = read_at(p);
			break;
		case '{':
			err = read_brace(p);
			break;
		default:
			p->at++;
		}
	}
	return err ? err : put_literal(p, p->at, p->at);
}
