/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jump: goes on at another block, or in another flow (its published
 * version, from its start; answers and what webhooks gave go along).
 */
#include "flow/flow_priv.h"

static const char *const fields[] = { "to", NULL };
static const char *const to_fields[] = { "block", "flow", NULL };

static void
jump_to_flow(const struct flow_at *to, struct flow_block *b, const char *link)
{
	const struct flow_world *w = to->c->world;

	b->data = (void *)(uintptr_t)flow_strdup(to->c, link);
	if (w && w->flow && w->flow(w->arg, link))
		flow_at_problem(to, "flow", "no_such_flow",
				"There is no flow \"%.50s\" that is "
				"published.",
				link);
}

static void
jump_compile(const struct flow_at *at, struct flow_block *b)
{
	const json_t *value = json_object_get(at->object, "to");
	const char *block, *flow;
	struct flow_exit *e;
	struct flow_at to;

	if (!value) {
		flow_at_problem(at, "to", "missing_field",
				"Where to: {\"block\": …} or {\"flow\": …}.");
		return;
	}
	if (!flow_at_object(&to, at, value, flow_pointer(at, "to")))
		return;
	flow_only(&to, to_fields, NULL);
	block = flow_get_str(&to, "block", 0, 100, NULL);
	flow = flow_get_str(&to, "flow", 0, 50, NULL);
	if (!block == !flow) {
		flow_at_problem(&to, NULL, "invalid",
				"Either a block or a flow.");
	} else if (flow) {
		jump_to_flow(&to, b, flow);
	} else {
		e = flow_exit_add(at->c, b, "to", true);
		if (e) {
			e->fixed = true;
			e->target = flow_strdup(at->c, block);
		}
	}
}

static enum flow_next
jump_enter(struct flow_run *run, const struct flow_block *b)
{
	if (b->data) {
		run->to_flow = b->data;
		return FLOW_TO_FLOW;
	}
	run->exit = "to";
	return FLOW_GO;
}

const struct flow_block_type flow_jump = {
	.name = "jump",
	.help = "goes on at another block, or in another flow",
	.fields = fields,
	.compile = jump_compile,
	.enter = jump_enter,
};
