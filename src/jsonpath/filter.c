/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling what stands behind a ?: logical expressions, comparisons and
 * function calls, RFC 9535 sections 2.3.5 and 2.4.
 *
 * What is compared must have one value at most, and a test must have none:
 * that is checked here, so that a compiled query cannot go wrong by the
 * types of what it meets.
 */
#include <stdio.h>

#include "jsonpath/jsonpath_priv.h"

static int parse_or(struct parser *p, struct logical **out);
static int parse_call(struct parser *p, struct call **out);

static struct logical *
logical_new(struct parser *p, enum logical_kind kind)
{
	struct logical *l = arena_alloc(p->path->arena, sizeof(*l));

	if (l)
		l->kind = kind;
	return l;
}

/* ---- operands: what can be compared, or be an argument ---- */

/* A name that begins like a function's; its end, which may be its begin. */
static const char *
word_end(const struct parser *p)
{
	const char *s = p->at;

	if (s == p->end || *s < 'a' || *s > 'z')
		return s;
	while (s < p->end &&
	       ((*s >= 'a' && *s <= 'z') || *s == '_' || scan_is_digit(*s)))
		s++;
	return s;
}

/* true, false, null, or a function call. */
static int
parse_word(struct parser *p, struct operand *o)
{
	static const struct {
		struct slice word;
		enum value_kind kind;
	} words[] = {
		{ { "true", 4 }, VALUE_TRUE },
		{ { "false", 5 }, VALUE_FALSE },
		{ { "null", 4 }, VALUE_NULL },
	};
	const char *end = word_end(p);
	struct slice word = slice_of(p->at, (size_t)(end - p->at));
	size_t i;

	if (end < p->end && *end == '(') {
		o->kind = OPERAND_CALL;
		return parse_call(p, &o->call);
	}
	for (i = 0; i < ARRAY_LEN(words); i++) {
		if (!slice_eq(word, words[i].word))
			continue;
		p->at = end;
		o->kind = OPERAND_LITERAL;
		o->literal.kind = words[i].kind;
		return 0;
	}
	return parser_fail(p, p->at,
			   "expected true, false, null or a function with its"
			   " ( (a text stands in quotes)");
}

static int
parse_operand(struct parser *p, struct operand *o)
{
	char c = scan_peek(p);

	if (scan_take(p, "@") || scan_take(p, "$")) {
		o->kind = OPERAND_QUERY;
		return parse_query(p, c == '@', &o->query);
	}
	o->kind = OPERAND_LITERAL;
	if (c == '\'' || c == '"') {
		o->literal.kind = VALUE_STRING;
		return scan_string(p, &o->literal.string);
	}
	if (c == '-' || scan_is_digit(c))
		return scan_number(p, &o->literal);
	if (word_end(p) > p->at)
		return parse_word(p, o);
	return parser_fail(p, p->at, "expected @, $, a literal or a function");
}

/* That the operand has one value or none, to be compared or passed on. */
static int
check_value(struct parser *p, const char *at, const struct operand *o)
{
	if (o->kind == OPERAND_CALL && o->call->function->result != TYPE_VALUE)
		return parser_fail(p, at,
				   "%s() is true or false by itself: it has no"
				   " value to compare",
				   o->call->function->name);
	if (o->kind != OPERAND_QUERY || o->query->comparable)
		return 0;
	if (o->query->singular)
		return parser_fail(p, at,
				   "no blanks inside the brackets of what is"
				   " compared");
	return parser_fail(p, at,
			   "this may give several values: of names and"
			   " indexes only, please");
}

/* ---- function calls ---- */

static int
check_argument(struct parser *p, const char *at, enum type want,
	       const struct operand *o)
{
	if (want == TYPE_VALUE)
		return check_value(p, at, o);
	ASSERT(want == TYPE_NODES);
	if (o->kind == OPERAND_QUERY)
		return 0;
	return parser_fail(p, at, "expected a query: @… or $…");
}

/* A pattern that is known already is compiled already; one that is none
 * matches nothing (RFC 9535 section 2.4.6). */
static int
compile_pattern(struct parser *p, const char *at, struct call *c)
{
	const struct operand *o = &c->args[c->function->count - 1];
	int rc;

	if (!c->function->has_pattern || o->kind != OPERAND_LITERAL)
		return 0;
	c->pattern_is_literal = true;
	if (o->literal.kind != VALUE_STRING)
		return 0;
	rc = regexp_compile(o->literal.string, &p->regexp_ops, &c->regexp);
	if (rc == ERR_TOO_LARGE)
		return parser_too_large(p, at, "the pattern is too large");
	if (rc == ERR_INVALID)
		return 0;
	if (rc)
		return rc;
	c->regexp->next = p->path->regexps;
	p->path->regexps = c->regexp;
	return 0;
}

static int
parse_argument(struct parser *p, struct call *c, unsigned i)
{
	const char *at = p->at;
	int rc = parse_operand(p, &c->args[i]);

	if (!rc)
		rc = check_argument(p, at, c->function->params[i], &c->args[i]);
	if (!rc && i + 1 == c->function->count)
		rc = compile_pattern(p, at, c);
	return rc;
}

/* Behind the parenthesis. */
static int
parse_arguments(struct parser *p, struct call *c)
{
	const struct function *f = c->function;
	unsigned i;
	int rc;

	for (i = 0; i < f->count; i++) {
		scan_blanks(p);
		if (i && !scan_take(p, ","))
			return parser_fail(p, p->at,
					   "expected a comma: %s() takes %u"
					   " arguments",
					   f->name, f->count);
		scan_blanks(p);
		rc = parse_argument(p, c, i);
		if (rc)
			return rc;
	}
	scan_blanks(p);
	if (scan_take(p, ")"))
		return 0;
	return parser_fail(p, p->at, "expected ): %s() takes %u argument%s",
			   f->name, f->count, f->count == 1 ? "" : "s");
}

static int
parse_call(struct parser *p, struct call **out)
{
	struct call *c = *out = arena_alloc(p->path->arena, sizeof(*c));
	const char *end = word_end(p);
	struct slice name = slice_of(p->at, (size_t)(end - p->at));
	char list[80];
	int rc;

	if (!c)
		return ERR_NOMEM;
	c->function = function_find(name);
	if (!c->function) {
		function_list(list, sizeof(list));
		return parser_fail(p, p->at, "no such function: there are %s",
				   list);
	}
	p->at = end + 1;
	rc = parser_enter(p);
	if (!rc)
		rc = parse_arguments(p, c);
	parser_leave(p);
	return rc;
}

/* ---- comparisons and tests ---- */

static bool
take_comparison(struct parser *p, enum comparison *out)
{
	/* The longer before those that they begin with. */
	static const struct {
		char text[3];
		enum comparison comparison;
	} all[] = {
		{ "==", EQUAL },      { "!=", NOT_EQUAL },
		{ "<=", LESS_EQUAL }, { ">=", GREATER_EQUAL },
		{ "<", LESS },	      { ">", GREATER },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++) {
		if (scan_take(p, all[i].text)) {
			*out = all[i].comparison;
			return true;
		}
	}
	return false;
}

/* The operand alone, as a test. */
static int
make_test(struct parser *p, const char *at, const struct operand *o,
	  struct logical *l)
{
	switch (o->kind) {
	case OPERAND_QUERY:
		l->kind = LOGICAL_EXISTS;
		l->query = o->query;
		return 0;
	case OPERAND_CALL:
		l->kind = LOGICAL_CALL;
		l->call = o->call;
		if (o->call->function->result == TYPE_LOGICAL)
			return 0;
		return parser_fail(p, at,
				   "what %s() gives must be compared with"
				   " something",
				   o->call->function->name);
	default:
		return parser_fail(p, at,
				   "a literal must be compared with"
				   " something");
	}
}

static int
parse_right(struct parser *p, const char *at, struct logical *l)
{
	int rc = check_value(p, at, &l->left);

	scan_blanks(p);
	at = p->at;
	if (!rc)
		rc = parse_operand(p, &l->right);
	if (!rc)
		rc = check_value(p, at, &l->right);
	return rc;
}

/* A comparison, or a test; which of them shows behind the first operand. */
static int
parse_comparison(struct parser *p, struct logical **out)
{
	struct logical *l = *out = logical_new(p, LOGICAL_COMPARE);
	struct operand o = { 0 };
	const char *at = p->at, *behind;
	int rc;

	if (!l)
		return ERR_NOMEM;
	rc = parse_operand(p, &o);
	if (rc)
		return rc;
	behind = p->at;
	scan_blanks(p);
	if (take_comparison(p, &l->comparison)) {
		l->left = o;
		return parse_right(p, at, l);
	}
	p->at = behind;
	return make_test(p, at, &o, l);
}

/* Behind the parenthesis. */
static int
parse_group(struct parser *p, struct logical **out)
{
	const char *open = p->at - 1;
	enum comparison comparison;
	int rc = parser_enter(p);

	scan_blanks(p);
	if (!rc)
		rc = parse_or(p, out);
	parser_leave(p);
	if (rc)
		return rc;
	scan_blanks(p);
	if (!scan_take(p, ")"))
		return parser_fail(p, p->at == p->end ? open : p->at,
				   p->at == p->end ? "a ( without its )"
						   : "expected ), && or ||");
	open = p->at;
	scan_blanks(p);
	if (take_comparison(p, &comparison))
		return parser_fail(p, open,
				   "what stands in parentheses has no value to"
				   " compare");
	p->at = open;
	return 0;
}

/* basic-expr */
static int
parse_basic(struct parser *p, struct logical **out)
{
	bool negated = scan_take(p, "!");
	const char *at;
	int rc;

	if (negated)
		scan_blanks(p);
	at = p->at;
	rc = scan_take(p, "(") ? parse_group(p, out) : parse_comparison(p, out);
	if (rc || !negated)
		return rc;
	if ((*out)->kind == LOGICAL_COMPARE && *at != '(')
		return parser_fail(p, at,
				   "a comparison that is negated stands in"
				   " parentheses");
	(*out)->negated = !(*out)->negated;
	return 0;
}

/*
 * Terms with an operator between them; a term alone is what it is.  Blanks
 * behind the last belong to whatever follows.
 */
static int
parse_terms(struct parser *p, enum logical_kind kind, const char *operator,
	    int (*parse)(struct parser *, struct logical **),
	    struct logical **out)
{
	struct logical *l, **link;
	const char *behind;
	int rc = parse(p, out);

	if (rc)
		return rc;
	behind = p->at;
	scan_blanks(p);
	if (!scan_take(p, operator)) {
		p->at = behind;
		return 0;
	}
	l = logical_new(p, kind);
	if (!l)
		return ERR_NOMEM;
	l->terms = *out;
	link = &(*out)->next;
	*out = l;
	do {
		scan_blanks(p);
		rc = parse(p, link);
		if (rc)
			return rc;
		link = &(*link)->next;
		behind = p->at;
		scan_blanks(p);
	} while (scan_take(p, operator));
	p->at = behind;
	return 0;
}

static int
parse_and(struct parser *p, struct logical **out)
{
	return parse_terms(p, LOGICAL_AND, "&&", parse_basic, out);
}

static int
parse_or(struct parser *p, struct logical **out)
{
	return parse_terms(p, LOGICAL_OR, "||", parse_and, out);
}

int
parse_filter(struct parser *p, struct logical **out)
{
	return parse_or(p, out);
}
