/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question: asks, checks the answer, and puts it into a variable.  An answer
 * that is none is asked for again with the retry text; after so many
 * attempts the path "failed" is taken, if there is one.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { ATTEMPTS = 3, ATTEMPTS_MAX = 20, PATTERN_MAX = 500 };

static const char *const fields[] = { "text",	  "kind",	"variable",
				      "choices",  "validation", "retry_text",
				      "attempts", NULL };
static const char *const input_scopes[] = { "input", NULL };

struct question {
	struct template *text, *retry;
	enum flow_kind kind;
	const char *variable;
	struct flow_option *options; /* of choice and yes_no */
	json_t **values;	     /* of choice: what each stands for */
	size_t count;
	struct flow_limits limits;
	int64_t attempts;
};

/* ---- compiling ---- */

static void
option_compile(const struct flow_at *at, struct question *q)
{
	static const char *const names[] = { "value", "label", NULL };
	struct flow_option *o = &q->options[q->count++];
	const char *value;

	flow_only(at, names, NULL);
	value = flow_get_str(at, "value", JSON_REQUIRED, 200, "");
	o->id = flow_strdup(at->c, value);
	o->label = flow_strdup(at->c, flow_get_str(at, "label", 0, 200, value));
}

static void
options_compile(const struct flow_at *at, struct question *q)
{
	const json_t *list = flow_get_array(
		at, "choices", q->kind == FLOW_CHOICE ? JSON_REQUIRED : 0,
		FLOW_CHOICES_MAX);
	struct flow_at item;
	size_t i;

	if (list && q->kind != FLOW_CHOICE && q->kind != FLOW_YES_NO)
		flow_at_problem(at, "choices", "invalid",
				"Only for the kinds choice and yes_no.");
	if (list && q->kind == FLOW_CHOICE && !json_array_size(list))
		flow_at_problem(at, "choices", "invalid",
				"There must be something to choose.");
	q->options = flow_alloc(at->c, (json_array_size(list) + 2) *
					       sizeof(*q->options));
	for (i = 0; q->options && i < json_array_size(list); i++)
		if (flow_get_item(at, "choices", list, i, &item))
			option_compile(&item, q);
	if (q->kind != FLOW_YES_NO || !q->options)
		return;
	if (!q->count) {
		q->options[0] = (struct flow_option){ "yes", "Yes" };
		q->options[1] = (struct flow_option){ "no", "No" };
		q->count = 2;
	} else if (q->count != 2 || strcmp(q->options[0].id, "yes") != 0 ||
		   strcmp(q->options[1].id, "no") != 0) {
		flow_at_problem(at, "choices", "invalid",
				"Of yes_no: the values \"yes\" and \"no\", "
				"each with its label.");
	}
}

static void
bound_compile(const struct flow_at *at, const char *name, enum flow_kind kind,
	      bool *has, double *number, const char **date)
{
	const json_t *value = json_object_get(at->object, name);

	if (!value)
		return;
	if (kind == FLOW_NUMBER && json_is_number(value)) {
		*has = true;
		*number = json_number_value(value);
	} else if (kind == FLOW_DATE && json_is_string(value) &&
		   flow_is_date(json_string_value(value))) {
		*date = flow_strdup(at->c, json_string_value(value));
	} else {
		flow_at_problem(at, name, "invalid",
				"A number (of kind number) or a date like "
				"\"2030-01-31\" (of kind date).");
	}
}

static void
validation_compile(const struct flow_at *parent, struct question *q)
{
	static const char *const names[] = { "min",	   "max",
					     "min_length", "max_length",
					     "pattern",	   NULL };
	const json_t *value = json_object_get(parent->object, "validation");
	struct flow_limits *l = &q->limits;
	const char *pattern;
	struct flow_at at;

	if (!value || !flow_at_object(&at, parent, value,
				      flow_pointer(parent, "validation")))
		return;
	flow_only(&at, names, NULL);
	bound_compile(&at, "min", q->kind, &l->has_min, &l->min, &l->min_date);
	bound_compile(&at, "max", q->kind, &l->has_max, &l->max, &l->max_date);
	if ((l->has_min && l->has_max && l->min > l->max) ||
	    (l->min_date && l->max_date &&
	     strcmp(l->min_date, l->max_date) > 0))
		flow_at_problem(&at, "max", "invalid_range", "Less than min.");
	l->min_length =
		(size_t)flow_get_int(&at, "min_length", 0, FLOW_ANSWER_MAX, 0);
	l->max_length =
		(size_t)flow_get_int(&at, "max_length", 1, FLOW_ANSWER_MAX, 0);
	if (l->max_length && l->min_length > l->max_length)
		flow_at_problem(&at, "max_length", "invalid_range",
				"Less than min_length.");
	pattern = flow_get_str(&at, "pattern", 0, PATTERN_MAX, NULL);
	if (pattern && flow_pattern_compile(pattern, &l->pattern))
		flow_at_problem(&at, "pattern", "pattern",
				"This is no pattern (RFC 9485).");
}

static enum flow_kind
kind_get(const struct flow_at *at)
{
	const char *kind = flow_get_str(at, "kind", 0, 20, "text");
	size_t i;

	for (i = 0; i < FLOW_KINDS; i++)
		if (!strcmp(kind, flow_kind_names[i]))
			return (enum flow_kind)i;
	flow_at_problem(at, "kind", "invalid",
			"One of text, number, email, phone, date, choice, "
			"yes_no.");
	return FLOW_TEXT;
}

static void
question_compile(const struct flow_at *at, struct flow_block *b)
{
	struct question *q = flow_alloc(at->c, sizeof(*q));

	flow_exit_add(at->c, b, "next", true);
	flow_exit_add(at->c, b, "failed", false);
	if (!q)
		return;
	b->data = q;
	q->text =
		flow_get_template(at, "text", JSON_REQUIRED, TEMPLATE_IN_TEXT);
	q->retry = flow_get_template(at, "retry_text", 0, TEMPLATE_IN_TEXT);
	q->kind = kind_get(at);
	q->variable =
		flow_get_variable(at, "variable", JSON_REQUIRED, input_scopes);
	if (q->variable[0])
		flow_known_add(at->c, NULL, q->variable);
	options_compile(at, q);
	validation_compile(at, q);
	q->attempts = flow_get_int(at, "attempts", 1, ATTEMPTS_MAX, ATTEMPTS);
}

static void
question_release(struct flow_block *b)
{
	struct question *q = b->data;

	if (q)
		jsonpath_free(q->limits.pattern);
}

/* ---- asking ---- */

static enum flow_next
question_wait(struct flow_run *run, const struct question *q)
{
	run->expects = json_pack("{s:s}", "type", flow_kind_names[q->kind]);
	if (q->count)
		json_object_set_new(run->expects, "choices",
				    flow_options_json(q->options, q->count));
	return FLOW_WAIT;
}

static enum flow_next
question_enter(struct flow_run *run, const struct flow_block *b)
{
	const struct question *q = b->data;

	flow_say(run, q->text);
	return question_wait(run, q);
}

static const char *const retry_texts[FLOW_KINDS] = {
	[FLOW_TEXT] = "Please write it differently.",
	[FLOW_NUMBER] = "Please give a number.",
	[FLOW_EMAIL] = "Please give an e-mail address.",
	[FLOW_PHONE] = "Please give a telephone number.",
	[FLOW_DATE] = "Please give a date, such as 2030-01-31.",
	[FLOW_CHOICE] = "Please choose one of these.",
	[FLOW_YES_NO] = "Please say yes or no.",
};

static json_t *
yes_no(const struct question *q, const struct flow_answer *a)
{
	static const char *const yes[] = { "y", "true", NULL };
	static const char *const no[] = { "n", "false", NULL };
	struct slice text = slice_trim(slice_str(a->text));
	int i = flow_option_find(q->options, q->count, a);
	size_t n;

	if (i >= 0)
		return json_boolean(i == 0);
	if (json_is_boolean(a->value))
		return json_boolean(json_is_true(a->value));
	for (n = 0; yes[n]; n++)
		if (slice_eq_nocase(text, slice_str(yes[n])))
			return json_true();
	for (n = 0; no[n]; n++)
		if (slice_eq_nocase(text, slice_str(no[n])))
			return json_false();
	return NULL;
}

static json_t *
question_value(const struct question *q, const struct flow_answer *a)
{
	struct buf text;
	json_t *value;
	int i;

	if (q->kind == FLOW_YES_NO)
		return yes_no(q, a);
	if (q->kind == FLOW_CHOICE) {
		i = flow_option_find(q->options, q->count, a);
		return i >= 0 ? json_string(q->options[i].id) : NULL;
	}
	if (!a->value || a->text)
		return a->text ? flow_answer_value(q->kind, a->text, &q->limits)
			       : NULL;
	buf_init(&text, FLOW_ANSWER_MAX);
	if (json_is_string(a->value))
		buf_puts(&text, json_string_value(a->value));
	else if (json_is_number(a->value))
		json_write(a->value, &text);
	value = text.len ? flow_answer_value(q->kind, buf_cstr(&text),
					     &q->limits)
			 : NULL;
	buf_release(&text);
	return value;
}

static enum flow_next
question_again(struct flow_run *run, const struct flow_block *b)
{
	const struct question *q = b->data;
	int64_t n =
		json_integer_value(json_object_get(run->memory, "attempts")) +
		1;

	if (n >= q->attempts && flow_exit_find(b, "failed")->block >= 0) {
		run->exit = "failed";
		return FLOW_GO;
	}
	json_decref(run->memory);
	run->memory = json_pack("{s:I}", "attempts", (json_int_t)n);
	if (q->retry)
		flow_say(run, q->retry);
	else
		flow_say_text(run, retry_texts[q->kind]);
	return question_wait(run, q);
}

static enum flow_next
question_answer(struct flow_run *run, const struct flow_block *b,
		const struct flow_answer *a)
{
	const struct question *q = b->data;
	json_t *value = question_value(q, a);

	if (!value)
		return question_again(run, b);
	flow_value_set(run, q->variable, value);
	run->exit = "next";
	return FLOW_GO;
}

const struct flow_block_type flow_question = {
	.name = "question",
	.help = "asks, checks the answer, and keeps it in a variable",
	.fields = fields,
	.pauses = true,
	.compile = question_compile,
	.enter = question_enter,
	.answer = question_answer,
	.release = question_release,
};
