/* SPDX-License-Identifier: Apache-2.0 */
/* start: where a conversation begins. */
#include "flow/flow_priv.h"

static const char *const fields[] = { NULL };

static void
start_compile(const struct flow_at *at, struct flow_block *b)
{
	flow_exit_add(at->c, b, "next", true);
}

static enum flow_next
start_enter(struct flow_run *run, const struct flow_block *b)
{
	(void)b;
	run->exit = "next";
	return FLOW_GO;
}

const struct flow_block_type flow_start = {
	.name = "start",
	.help = "where a conversation begins",
	.fields = fields,
	.compile = start_compile,
	.enter = start_enter,
};
