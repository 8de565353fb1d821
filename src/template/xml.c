/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML documents: where the variables in them stand.
 *
 * No parser of XML: only as much as tells text, quoted attribute values and
 * CDATA sections from the places where a value could become markup.  There
 * a variable is refused.
 *
 *   TEXT --<!----> COMMENT --"-->"--> TEXT
 *        --<![CDATA[--> CDATA --"]]>"--> TEXT
 *        --<?--> INSTRUCTION --"?>"--> TEXT
 *        --<!--> DECLARATION -->--> TEXT
 *        --<--> TAG -->--> TEXT;  TAG --quote--> VALUE --quote--> TAG
 *   TEXT, VALUE --&--> REFERENCE --;--> back
 */
#include "template/template_priv.h"

enum state {
	TEXT,
	COMMENT,
	CDATA,
	INSTRUCTION,
	DECLARATION,
	TAG,
	VALUE_SINGLE,
	VALUE_DOUBLE,
};

struct scan {
	enum state state;
	bool reference; /* behind &, in a text or a value */
};

/* What begins here, in text; returns how many bytes say so. */
static size_t
scan_text(struct scan *x, struct slice s)
{
	static const struct {
		struct slice token;
		enum state state;
	} tokens[] = {
		{ { "<!--", 4 }, COMMENT },   { { "<![CDATA[", 9 }, CDATA },
		{ { "<!", 2 }, DECLARATION }, { { "<?", 2 }, INSTRUCTION },
		{ { "<", 1 }, TAG },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(tokens); i++)
		if (slice_starts(s, tokens[i].token)) {
			x->state = tokens[i].state;
			return tokens[i].token.len;
		}
	return 1;
}

/* To the text behind `end`, which stands here or does not. */
static size_t
scan_until(struct scan *x, struct slice s, struct slice end)
{
	if (!slice_starts(s, end))
		return 1;
	x->state = TEXT;
	return end.len;
}

static size_t
scan_tag(struct scan *x, char c)
{
	if (c == '>')
		x->state = TEXT;
	else if (c == '\'')
		x->state = VALUE_SINGLE;
	else if (c == '"')
		x->state = VALUE_DOUBLE;
	return 1;
}

static void
scan_reference(struct scan *x, char c)
{
	if (c == '&')
		x->reference = true;
	else if (!template_is_word((unsigned char)c) && c != '#')
		x->reference = false;
}

/* Reads what stands at the front of s; returns how many bytes. */
static size_t
scan_step(struct scan *x, struct slice s)
{
	char c = s.ptr[0];

	scan_reference(x, c);
	switch (x->state) {
	case TEXT:
		return scan_text(x, s);
	case COMMENT:
		return scan_until(x, s, SLICE("-->"));
	case CDATA:
		return scan_until(x, s, SLICE("]]>"));
	case INSTRUCTION:
		return scan_until(x, s, SLICE("?>"));
	case DECLARATION:
		return scan_until(x, s, SLICE(">"));
	case TAG:
		return scan_tag(x, c);
	case VALUE_SINGLE:
	case VALUE_DOUBLE:
		if (c == (x->state == VALUE_SINGLE ? '\'' : '"'))
			x->state = TAG;
		return 1;
	}
	return 1;
}

/* The encoding for a variable here, or why there is none. */
static const char *
encoding_here(const struct scan *x, enum encoding *e)
{
	switch (x->state) {
	case TEXT:
		*e = ENCODING_XML_TEXT;
		break;
	case VALUE_SINGLE:
	case VALUE_DOUBLE:
		*e = ENCODING_XML_ATTRIBUTE;
		break;
	case CDATA:
		*e = ENCODING_XML_CDATA;
		return NULL;
	case TAG:
		return "cannot stand in a tag, except in the quotes of an "
		       "attribute.";
	case COMMENT:
		return "cannot stand in a comment.";
	case INSTRUCTION:
		return "cannot stand in a processing instruction.";
	case DECLARATION:
		return "cannot stand in a declaration.";
	}
	return x->reference ? "cannot stand in a reference (&…;)." : NULL;
}

static int
check_declaration(const struct part *part, size_t i,
		  struct template_problem *problem)
{
	if (part->text.ptr[i] != '[')
		return 0;
	return template_problem_set(problem, ERR_INVALID, part->at + i, 1,
				    "A document type with declarations cannot "
				    "be a template.");
}

static int
scan_part(struct scan *x, const struct part *part,
	  struct template_problem *problem)
{
	const char *fault;
	size_t i = 0;
	int err = 0;

	fault = template_encoding_fault(ENCODING_XML_TEXT, part->text);
	if (fault)
		return template_problem_set(problem, ERR_INVALID, part->at,
					    part->text.len, "The text %s.",
					    fault);
	while (!err && i < part->text.len) {
		if (x->state == DECLARATION)
			err = check_declaration(part, i, problem);
		i += scan_step(x, slice_from(part->text, i));
	}
	return err;
}

int
template_xml_place(struct template *t, struct template_problem *problem)
{
	struct scan x = { TEXT, false };
	struct part *part;
	const char *why;
	int err = 0;

	for (part = t->parts; part && !err; part = part->next) {
		if (part->variable) {
			why = encoding_here(&x, &part->encoding);
			if (why)
				err = template_problem_variable(
					problem, ERR_INVALID, part->variable,
					why);
			continue;
		}
		part->encoding = ENCODING_NONE;
		err = scan_part(&x, part, problem);
	}
	if (!err && x.state != TEXT)
		err = template_problem_set(problem, ERR_INVALID, t->text.len, 0,
					   "The document ends within a tag, a "
					   "comment or a section.");
	return err;
}
