/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places: which encoding each part of a template gets.
 *
 * A URL and an XML document are read (url.c, xml.c), since there it depends
 * on where a variable stands.  Everywhere else all parts get the same, texts
 * once and for all.
 */
#include "template/template_priv.h"

static enum encoding
encoding_of(enum template_place place)
{
	switch (place) {
	case TEMPLATE_IN_TEXT:
		return ENCODING_TEXT;
	case TEMPLATE_IN_PATH:
	case TEMPLATE_IN_QUERY:
		return ENCODING_PERCENT;
	case TEMPLATE_IN_FORM:
		return ENCODING_FORM;
	case TEMPLATE_IN_JSON:
		return ENCODING_JSON;
	case TEMPLATE_IN_XML_TEXT:
		return ENCODING_XML_TEXT;
	case TEMPLATE_IN_XML_ATTRIBUTE:
		return ENCODING_XML_ATTRIBUTE;
	case TEMPLATE_IN_HEADER:
		return ENCODING_HEADER;
	case TEMPLATE_IN_PART_NAME:
		return ENCODING_PART_NAME;
	case TEMPLATE_IN_VALUE:
	case TEMPLATE_IN_PART:
		return ENCODING_NONE;
	default:
		ASSERT(!"a place of its own");
		return ENCODING_NONE;
	}
}

int
template_place_text(struct template *t, struct part *part, enum encoding e,
		    struct template_problem *problem)
{
	const char *why, *copy;
	struct buf out;
	int err;

	part->encoding = e;
	if (e == ENCODING_NONE)
		return 0;
	buf_init(&out, part->text.len * 6);
	err = template_encode_text(e, part->text, &out, &why);
	if (err == ERR_INVALID)
		template_problem_set(problem, err, part->at, part->text.len,
				     "The text %s.", why);
	copy = err ? NULL : arena_slice(t->arena, buf_slice(&out));
	if (copy)
		part->text = slice_of(copy, out.len);
	else if (!err)
		err = ERR_NOMEM;
	buf_release(&out);
	return err;
}

/* A path segment without variables can be judged now. */
static int
check_segment(const struct template *t, struct template_problem *problem)
{
	const struct part *part;
	const char *why = NULL;
	struct buf b;

	if (t->place != TEMPLATE_IN_PATH)
		return 0;
	buf_init(&b, t->text.len * 3 + 1);
	buf_putc(&b, '/');
	for (part = t->parts; part && !part->variable; part = part->next)
		buf_put_slice(&b, part->text);
	if (!part && !buf_err(&b))
		why = template_url_segment_fault(buf_slice(&b));
	buf_release(&b);
	if (!why)
		return buf_err(&b);
	return template_problem_set(problem, ERR_INVALID, 0, t->text.len,
				    "This would be %s.", why);
}

int
template_place_parts(struct template *t, struct template_problem *problem)
{
	enum encoding e;
	struct part *part;
	int err = 0;

	if (t->place == TEMPLATE_IN_URL)
		return template_url_place(t, problem);
	if (t->place == TEMPLATE_IN_XML)
		return template_xml_place(t, problem);
	e = encoding_of(t->place);
	for (part = t->parts; part && !err; part = part->next) {
		if (part->variable)
			part->encoding = e;
		else
			err = template_place_text(t, part, e, problem);
	}
	return err ? err : check_segment(t, problem);
}
