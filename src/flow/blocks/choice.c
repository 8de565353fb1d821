/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choice: buttons, and a path for each.  What is typed in place of a button
 * is taken for one when it is its id, its label, or its number.
 */
#include "flow/flow_priv.h"

static const char *const fields[] = { "text", "choices", "variable",
				      "retry_text", NULL };
static const char *const input_scopes[] = { "input", NULL };

struct choice {
	struct template *text, *retry;
	struct flow_option *options;
	size_t count;
	const char *variable; /* "" none */
};

static void
option_compile(const struct flow_at *at, struct flow_block *b,
	       struct choice *ch)
{
	static const char *const names[] = { "id", "label", NULL };
	struct flow_option *o = &ch->options[ch->count];
	const char *id;
	size_t i;

	flow_only(at, names, NULL);
	id = flow_get_str(at, "id", JSON_REQUIRED, 100, "");
	if (flow_is_given(at, "id") && !flow_is_id(id))
		flow_at_problem(at, "id", "invalid_id",
				"Lower-case letters, digits and underscores, "
				"a letter first.");
	for (i = 0; i < ch->count; i++)
		if (!strcmp(ch->options[i].id, id))
			flow_at_problem(at, "id", "duplicate_id",
					"There is a choice \"%s\" already.",
					ch->options[i].id);
	o->id = flow_strdup(at->c, id);
	o->label = flow_strdup(
		at->c, flow_get_str(at, "label", JSON_REQUIRED, 200, ""));
	if (id[0])
		flow_exit_add(at->c, b, o->id, true);
	ch->count++;
}

static void
choice_compile(const struct flow_at *at, struct flow_block *b)
{
	struct choice *ch = flow_alloc(at->c, sizeof(*ch));
	const json_t *list;
	struct flow_at item;
	size_t i;

	if (!ch)
		return;
	b->data = ch;
	ch->text =
		flow_get_template(at, "text", JSON_REQUIRED, TEMPLATE_IN_TEXT);
	ch->retry = flow_get_template(at, "retry_text", 0, TEMPLATE_IN_TEXT);
	ch->variable = flow_get_variable(at, "variable", 0, input_scopes);
	if (ch->variable[0])
		flow_known_add(at->c, NULL, ch->variable);
	list = flow_get_array(at, "choices", JSON_REQUIRED, FLOW_CHOICES_MAX);
	if (list && !json_array_size(list))
		flow_at_problem(at, "choices", "invalid",
				"There must be something to choose.");
	ch->options = flow_alloc(at->c, (json_array_size(list) + 1) *
						sizeof(*ch->options));
	for (i = 0; ch->options && i < json_array_size(list); i++)
		if (flow_get_item(at, "choices", list, i, &item))
			option_compile(&item, b, ch);
}

static enum flow_next
choice_wait(struct flow_run *run, const struct choice *ch)
{
	run->expects = json_pack("{s:s, s:o}", "type", "choice", "choices",
				 flow_options_json(ch->options, ch->count));
	return FLOW_WAIT;
}

static enum flow_next
choice_enter(struct flow_run *run, const struct flow_block *b)
{
	const struct choice *ch = b->data;

	flow_say(run, ch->text);
	return choice_wait(run, ch);
}

static enum flow_next
choice_answer(struct flow_run *run, const struct flow_block *b,
	      const struct flow_answer *a)
{
	const struct choice *ch = b->data;
	int i = flow_option_find(ch->options, ch->count, a);

	if (i < 0) {
		if (ch->retry)
			flow_say(run, ch->retry);
		else
			flow_say_text(run, "Please choose one of these.");
		return choice_wait(run, ch);
	}
	if (ch->variable[0])
		flow_value_set(run, ch->variable,
			       json_string(ch->options[i].id));
	run->exit = ch->options[i].id;
	return FLOW_GO;
}

const struct flow_block_type flow_choice = {
	.name = "choice",
	.help = "buttons, and a path for each",
	.fields = fields,
	.pauses = true,
	.compile = choice_compile,
	.enter = choice_enter,
	.answer = choice_answer,
};
