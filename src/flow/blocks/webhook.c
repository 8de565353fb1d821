/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook: calls a service, and takes a path by its answer.
 *
 * The document of the call is hook/'s; each entry of its response list is a
 * path, besides "other" and "no_answer".  Paths that lead nowhere fall to
 * "next".  The call itself is drive.c's; the block waits for the visitor only
 * where he is to give his consent (consent.c).
 */
#include <stdio.h>

#include "flow/flow_priv.h"

static const char *const fields[] = { "request", "connection", "response_list",
				      NULL };

static void
webhook_report(void *arg, const struct hook_problem *p)
{
	const struct flow_at *at = arg;
	char pointer[300];

	snprintf(pointer, sizeof(pointer), "%s%s", at->pointer, p->pointer);
	flow_problem(at->c, at->block,
		     p->severity == HOOK_ERROR ? FLOW_ERROR : FLOW_WARNING,
		     pointer, p->code, "%s", p->detail);
}

static void
webhook_connection(const struct flow_at *at, const char *link)
{
	const struct flow_world *w = at->c->world;
	struct flow_document *d = at->c->doc;

	if (!link[0])
		return;
	d->connections[d->connection_count++] = flow_strdup(at->c, link);
	if (w && w->connection && w->connection(w->arg, link))
		flow_at_problem(at, "connection", "connection_not_found",
				"There is no connection \"%.50s\" that you "
				"may use.",
				link);
}

static void
webhook_learn(const struct flow_at *at, struct flow_block *b,
	      const struct hook_document *d)
{
	const char *name;
	size_t i, n;

	flow_known_add(at->c, NULL, "block.problem");
	for (i = 0; (name = hook_document_path(d, i)); i++) {
		if (!flow_exit_find(b, name))
			flow_exit_add(at->c, b, name, true);
		for (n = 0; (name = hook_document_sets(d, i, n)); n++)
			flow_known_add(at->c, NULL, name);
	}
}

static void
webhook_compile(const struct flow_at *at, struct flow_block *b)
{
	struct hook_document *d = NULL;
	json_t *json = json_object(), *value;
	size_t i;
	int rc;

	flow_exit_add(at->c, b, "next", false);
	for (i = 0; fields[i]; i++) {
		value = json_object_get(at->object, fields[i]);
		if (value)
			json_object_set(json, fields[i], value);
	}
	rc = hook_compile(json, flow_scopes, webhook_report,
			  (void *)(uintptr_t)at, &d);
	json_decref(json);
	if (rc == ERR_NOMEM)
		at->c->oom = true;
	else if (rc)
		at->c->errors++;
	if (rc)
		return;
	b->data = d;
	webhook_connection(at, hook_document_connection(d));
	webhook_learn(at, b, d);
}

static void
webhook_release(struct flow_block *b)
{
	hook_document_unref(b->data);
}

/* Only consent takes it on, which is no answer; or that it is skipped. */
static enum flow_next
webhook_answer(struct flow_run *run, const struct flow_block *b,
	       const struct flow_answer *a)
{
	const char *what = a->choice ? a->choice : a->text ? a->text : "";
	const struct flow_exit *e = flow_exit_find(b, hook_path_no_answer);

	if (!slice_eq_nocase(slice_trim(slice_str(what)), SLICE("skip")) &&
	    flow_consent_expect(run, b)) {
		flow_say_text(run, "Press Connect to go on, or skip it.");
		return FLOW_WAIT;
	}
	flow_problem_set(run, "connect_skipped");
	run->exit = e && e->block >= 0 ? hook_path_no_answer : "next";
	return FLOW_GO;
}

static enum flow_next
webhook_enter(struct flow_run *run, const struct flow_block *b)
{
	(void)run;
	(void)b;
	return FLOW_CALL;
}

bool
flow_is_webhook(const struct flow_document *d, int block)
{
	return block >= 0 && d->blocks[block].type == &flow_webhook;
}

const struct flow_block_type flow_webhook = {
	.name = "webhook",
	.help = "calls a service, and takes a path by its answer",
	.fields = fields,
	.pauses = true,
	.compile = webhook_compile,
	.enter = webhook_enter,
	.answer = webhook_answer,
	.release = webhook_release,
};
