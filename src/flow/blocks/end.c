/* SPDX-License-Identifier: Apache-2.0 */
/* end: the conversation is over, with or without a last word. */
#include "flow/flow_priv.h"

static const char *const fields[] = { "text", NULL };

static void
end_compile(const struct flow_at *at, struct flow_block *b)
{
	b->data = flow_get_template(at, "text", 0, TEMPLATE_IN_TEXT);
}

static enum flow_next
end_enter(struct flow_run *run, const struct flow_block *b)
{
	if (b->data)
		flow_say(run, b->data);
	return FLOW_ENDED;
}

const struct flow_block_type flow_end = {
	.name = "end",
	.help = "ends the conversation",
	.fields = fields,
	.compile = end_compile,
	.enter = end_enter,
};
