/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running blocks: from one wait to the next.
 *
 *   flow_run_begin    -> enter start ------+
 *   flow_run_answer   -> answer of block --+-> GO: enter the next … until
 *   flow_run_result   -> a webhook's path -+   WAIT, CALL, TO_FLOW or an end
 *
 * Nothing here opens a database or waits: a step is a function of document,
 * values and answer, which is why it can be done again after a crash.
 */
#include <stdio.h>

#include "flow/flow_priv.h"

enum {
	SAID_WEIGHS = 4, /* it is stored, too */
	VALUE_WEIGHS = 16,
};

/* ---- work ---- */

bool
flow_work(struct flow_run *run, size_t bytes)
{
	size_t left = FLOW_WORK_MAX - run->work;

	run->work += bytes < left ? bytes : left;
	return bytes < left;
}

size_t
flow_value_size(const json_t *value)
{
	size_t i, size = VALUE_WEIGHS + json_string_length(value);
	const char *name;
	json_t *item;

	json_array_foreach((json_t *)(uintptr_t)value, i, item) size +=
		flow_value_size(item);
	json_object_foreach((json_t *)(uintptr_t)value, name, item) size +=
		strlen(name) + flow_value_size(item);
	return size;
}

/* What filters may still do; given back by work_took(). */
static struct template_budget
work_left(const struct flow_run *run)
{
	return (struct template_budget){ FLOW_WORK_MAX - run->work };
}

static void
work_took(struct flow_run *run, const struct template_budget *b)
{
	run->work = FLOW_WORK_MAX - b->left;
}

json_t *
flow_render_value(struct flow_run *run, const struct template_json *t,
		  size_t max)
{
	struct template_budget budget = work_left(run);
	json_t *value = NULL;

	if (!t || !budget.left)
		return NULL;
	if (template_json_render_within(t, run->values, TEMPLATE_MISSING_EMPTY,
					&budget, max, &value, NULL))
		value = NULL;
	work_took(run, &budget);
	flow_work(run, flow_value_size(value));
	return value;
}

/* ---- what blocks say ---- */

json_t *
flow_render(struct flow_run *run, const struct template *t)
{
	struct template_budget budget = work_left(run);
	json_t *text;
	struct buf out;

	buf_init(&out, FLOW_SAID_MAX);
	if (!t || template_render_within(t, run->values, TEMPLATE_MISSING_EMPTY,
					 &budget, &out, NULL))
		buf_reset(&out);
	work_took(run, &budget);
	flow_work(run, SAID_WEIGHS * (VALUE_WEIGHS + out.len));
	text = json_stringn(out.data ? out.data : "", out.len);
	buf_release(&out);
	return text ? text : json_string("");
}

void
flow_say_content(struct flow_run *run, json_t *content)
{
	json_array_append_new(run->messages, content);
}

void
flow_say(struct flow_run *run, const struct template *t)
{
	json_t *text = flow_render(run, t);

	if (json_string_length(text))
		flow_say_content(run, json_pack("{s:s, s:O}", "type", "text",
						"text", text));
	json_decref(text);
}

void
flow_say_text(struct flow_run *run, const char *text)
{
	flow_say_content(run,
			 json_pack("{s:s, s:s}", "type", "text", "text", text));
}

/* ---- variables ---- */

void
flow_value_set(struct flow_run *run, const char *name, json_t *value)
{
	const char *dot = strchr(name, '.');
	char scope[16];
	json_t *values;

	ASSERT(dot && (size_t)(dot - name) < sizeof(scope));
	memcpy(scope, name, (size_t)(dot - name));
	scope[dot - name] = '\0';
	values = json_object_get(run->values, scope);
	if (!values) {
		values = json_object();
		json_object_set_new(run->values, scope, values);
	}
	json_object_set_new(values, dot + 1, value ? value : json_null());
}

json_t *
flow_value_get(const struct flow_run *run, const char *name)
{
	const char *dot = strchr(name, '.');
	json_t *scope;
	char first[16];

	ASSERT(dot && (size_t)(dot - name) < sizeof(first));
	memcpy(first, name, (size_t)(dot - name));
	first[dot - name] = '\0';
	scope = json_object_get(run->values, first);
	return json_object_get(scope, dot + 1);
}

bool
flow_values_fit(const struct flow_run *run)
{
	json_t *values = json_copy(run->values);
	struct buf text;
	int rc;

	buf_init(&text, FLOW_VALUES_MAX);
	json_object_del(values, "global");
	rc = json_write(values, &text);
	buf_release(&text);
	json_decref(values);
	return rc != ERR_TOO_LARGE;
}

bool
flow_value_is_shallow(const json_t *value, unsigned levels)
{
	const char *name;
	json_t *item;
	size_t i;

	if (!json_is_array(value) && !json_is_object(value))
		return true;
	if (!levels)
		return false;
	json_array_foreach((json_t *)(uintptr_t)value, i, item)
	{
		if (!flow_value_is_shallow(item, levels - 1))
			return false;
	}
	json_object_foreach((json_t *)(uintptr_t)value, name, item)
	{
		if (!flow_value_is_shallow(item, levels - 1))
			return false;
	}
	return true;
}

/* ---- going on ---- */

const struct flow_exit *
flow_exit_find(const struct flow_block *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->exit_count; i++)
		if (!strcmp(b->exits[i].name, name))
			return &b->exits[i];
	return NULL;
}

static enum flow_next
run_fail(struct flow_run *run, const char *why)
{
	snprintf(run->problem, sizeof(run->problem), "%s", why);
	return FLOW_FAILED;
}

/* The block that this one's exit leads to; false: nowhere. */
static bool
run_follow(struct flow_run *run, const struct flow_block *b)
{
	const struct flow_exit *e = flow_exit_find(b, run->exit);

	if (!e || e->block < 0)
		return false;
	run->block = e->block;
	json_decref(run->memory);
	run->memory = NULL;
	return true;
}

static enum flow_next
run_on(struct flow_run *run, enum flow_next next)
{
	const struct flow_block *b;

	while (run->work < FLOW_WORK_MAX && next == FLOW_GO) {
		b = &run->document->blocks[run->block];
		if (!run_follow(run, b))
			return run_fail(run, "The path leads nowhere.");
		if (++run->steps > FLOW_STEPS_MAX)
			return run_fail(run, "runaway: too many blocks without "
					     "a question.");
		b = &run->document->blocks[run->block];
		next = b->type->enter(run, b);
	}
	if (run->work >= FLOW_WORK_MAX && next != FLOW_FAILED)
		return run_fail(run, "runaway: too much to compute without a "
				     "question.");
	return next;
}

enum flow_next
flow_run_begin(struct flow_run *run)
{
	const struct flow_block *b;

	run->block = (int)run->document->start;
	json_decref(run->memory);
	run->memory = NULL;
	b = &run->document->blocks[run->block];
	return run_on(run, b->type->enter(run, b));
}

enum flow_next
flow_run_answer(struct flow_run *run, const struct flow_answer *a)
{
	const struct flow_block *b = &run->document->blocks[run->block];

	if (!b->type->answer)
		return run_fail(run, "This block takes no answer.");
	return run_on(run, b->type->answer(run, b, a));
}

enum flow_next
flow_run_exit(struct flow_run *run, const char *path)
{
	const struct flow_block *b = &run->document->blocks[run->block];
	const struct flow_exit *e = flow_exit_find(b, path);

	run->exit = e && e->block >= 0 ? path : "next";
	return run_on(run, FLOW_GO);
}

int
flow_run_find(const struct flow_document *d, const char *block)
{
	size_t i;

	for (i = 0; i < d->block_count; i++)
		if (!strcmp(d->blocks[i].id, block))
			return (int)i;
	return -1;
}

void
flow_run_release(struct flow_run *run)
{
	json_decref(run->values);
	json_decref(run->memory);
	json_decref(run->messages);
	json_decref(run->expects);
	json_decref(run->handoff);
	memset(run, 0, sizeof(*run));
}
