/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of block types.  Each is one file in blocks/: its fields, how
 * they are read and checked, and what it does when it is entered and
 * answered.
 */
#include "flow/flow_priv.h"

static const struct flow_block_type *const types[] = {
	&flow_start,	 &flow_message, &flow_question, &flow_choice,
	&flow_condition, &flow_set,	&flow_webhook,	&flow_jump,
	&flow_handoff,	 &flow_end,
};

const struct flow_block_type *
flow_block_type_at(size_t i)
{
	return i < ARRAY_LEN(types) ? types[i] : NULL;
}

const struct flow_block_type *
flow_block_type_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i]->name, name))
			return types[i];
	return NULL;
}

bool
flow_block_help(size_t i, const char **name, const char **help)
{
	const struct flow_block_type *t = flow_block_type_at(i);

	if (!t)
		return false;
	*name = t->name;
	*help = t->help;
	return true;
}
