/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handoff: a message for a person.  The bot asks for the message and an
 * e-mail address; both are stored as a hand-off, which people find in the
 * list of them.  With "next" the flow goes on; without, it is over for the
 * bot.
 */
#include "flow/flow_priv.h"

static const char *const fields[] = { "text", "email_text", "retry_text",
				      "done_text", NULL };

struct handoff {
	struct template *text, *email, *retry, *done;
};

static void
handoff_compile(const struct flow_at *at, struct flow_block *b)
{
	struct handoff *h = flow_alloc(at->c, sizeof(*h));

	flow_exit_add(at->c, b, "next", false);
	if (!h)
		return;
	b->data = h;
	h->text =
		flow_get_template(at, "text", JSON_REQUIRED, TEMPLATE_IN_TEXT);
	h->email = flow_get_template(at, "email_text", 0, TEMPLATE_IN_TEXT);
	h->retry = flow_get_template(at, "retry_text", 0, TEMPLATE_IN_TEXT);
	h->done = flow_get_template(at, "done_text", 0, TEMPLATE_IN_TEXT);
}

static enum flow_next
handoff_wait(struct flow_run *run, const char *type, const char *field)
{
	run->expects = json_pack("{s:s, s:s}", "type", type, "field", field);
	return FLOW_WAIT;
}

static void
say_or(struct flow_run *run, const struct template *t, const char *usual)
{
	if (t)
		flow_say(run, t);
	else
		flow_say_text(run, usual);
}

static enum flow_next
handoff_enter(struct flow_run *run, const struct flow_block *b)
{
	const struct handoff *h = b->data;

	flow_say(run, h->text);
	return handoff_wait(run, "text", "message");
}

static enum flow_next
handoff_message(struct flow_run *run, const struct handoff *h, const char *text)
{
	if (!flow_trim(text).len)
		return handoff_wait(run, "text", "message");
	json_decref(run->memory); /* of what a draft had here before */
	run->memory = json_pack("{s:s}", "message", text);
	say_or(run, h->email, "At which e-mail address can we reach you?");
	return handoff_wait(run, "email", "email");
}

static enum flow_next
handoff_answer(struct flow_run *run, const struct flow_block *b,
	       const struct flow_answer *a)
{
	const json_t *message = json_object_get(run->memory, "message");
	const struct handoff *h = b->data;
	const char *text = a->text ? a->text : "";
	struct slice email = flow_trim(text);
	char address[256];

	if (!message)
		return handoff_message(run, h, text);
	if (slice_copy(email, address, sizeof(address)) ||
	    !flow_is_email(address)) {
		say_or(run, h->retry, "This is no e-mail address.");
		return handoff_wait(run, "email", "email");
	}
	run->handoff = json_pack("{s:s, s:s}", "message",
				 json_string_value(message), "email", address);
	say_or(run, h->done, "Thank you. Somebody will write to you.");
	run->exit = "next";
	return flow_exit_find(b, "next")->block >= 0 ? FLOW_GO
						     : FLOW_HANDED_OFF;
}

const struct flow_block_type flow_handoff = {
	.name = "handoff",
	.help = "takes a message for a person",
	.fields = fields,
	.pauses = true,
	.compile = handoff_compile,
	.enter = handoff_enter,
	.answer = handoff_answer,
};
