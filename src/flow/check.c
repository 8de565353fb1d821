/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only shows on the whole document: exits that lead nowhere, blocks
 * that nothing leads to, loops in which nobody is ever asked.  (Variables that
 * nothing sets: names.c.)
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

static int
block_index(const struct flow_document *d, const char *id)
{
	size_t i;

	for (i = 0; i < d->block_count; i++)
		if (!strcmp(d->blocks[i].id, id))
			return (int)i;
	return -1;
}

static const char *
block_suggest(const struct flow_document *d, const char *id)
{
	const char *best = NULL;
	unsigned distance, least = 4;
	size_t i;

	for (i = 0; i < d->block_count; i++) {
		distance = slice_distance(slice_str(id),
					  slice_str(d->blocks[i].id));
		if (distance < least) {
			least = distance;
			best = d->blocks[i].id;
		}
	}
	return best;
}

/* ---- exits ---- */

/* A webhook's paths fall to its "next", where there is one. */
static bool
has_next(const struct flow_block *b)
{
	const struct flow_exit *e = flow_exit_find(b, "next");

	return b->type == &flow_webhook && e && e->target;
}

static void
exit_resolve(struct flow_compiler *c, struct flow_block *b, struct flow_exit *e,
	     const char *pointer)
{
	const char *best;

	if (!e->target) {
		if (e->required && !has_next(b))
			flow_problem(c, b, FLOW_ERROR, pointer, "missing_exit",
				     "The path \"%s\" leads nowhere.", e->name);
		return;
	}
	e->block = block_index(c->doc, e->target);
	if (e->block >= 0)
		return;
	best = flow_problems_full(c) ? NULL : block_suggest(c->doc, e->target);
	flow_problem(c, b, FLOW_ERROR, pointer, "no_such_block",
		     best ? "There is no block \"%s\"; did you mean \"%s\"?"
			  : "There is no block \"%s\".%s",
		     e->target, best ? best : "");
}

static void
exits_fill(const struct flow_at *at, struct flow_block *b)
{
	const char *name, *target;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)at->object, name, value)
	{
		for (i = 0; i < b->exit_count; i++)
			if (!b->exits[i].fixed &&
			    !strcmp(b->exits[i].name, name))
				break;
		target = json_string_value(value);
		if (i == b->exit_count)
			flow_at_problem(at, name, "unknown_exit",
					"A block of type \"%s\" has no such "
					"path here.",
					b->type->name);
		else if (!target && !json_is_null(value))
			flow_at_problem(at, name, "invalid",
					"The id of a block.");
		else if (target)
			b->exits[i].target = flow_strdup(at->c, target);
	}
}

void
flow_check_exits(struct flow_compiler *c, struct flow_block *b,
		 const json_t *paths)
{
	struct flow_at parent = { c, b, NULL, b->pointer }, at = parent;
	size_t i;

	at.object = NULL;
	at.pointer = flow_pointer(&parent, "paths");
	if (paths && flow_at_object(&at, &parent, paths, at.pointer))
		exits_fill(&at, b);
	for (i = 0; i < b->exit_count; i++)
		exit_resolve(c, b, &b->exits[i],
			     b->exits[i].fixed
				     ? flow_pointer(&parent, b->exits[i].name)
				     : flow_pointer(&at, b->exits[i].name));
}

/* ---- reach ---- */

static void
check_start(struct flow_compiler *c)
{
	struct flow_document *d = c->doc;
	size_t i, found = 0;

	for (i = 0; i < d->block_count; i++) {
		if (d->blocks[i].type != &flow_start)
			continue;
		if (!found++)
			d->start = i;
		else
			flow_problem(c, &d->blocks[i], FLOW_ERROR,
				     d->blocks[i].pointer, "second_start",
				     "There is one start already.");
	}
	if (!found)
		flow_problem(c, NULL, FLOW_ERROR, "/blocks", "no_start",
			     "One block must be of type \"start\".");
}

/* Goes on from each block that is reached; todo has room for all. */
static void
reach(const struct flow_document *d, bool *seen, size_t *todo)
{
	const struct flow_block *b;
	size_t n = 0, i;

	seen[d->start] = true;
	todo[n++] = d->start;
	while (n) {
		b = &d->blocks[todo[--n]];
		for (i = 0; i < b->exit_count; i++) {
			if (b->exits[i].block < 0 || seen[b->exits[i].block])
				continue;
			seen[b->exits[i].block] = true;
			todo[n++] = (size_t)b->exits[i].block;
		}
	}
}

static void
check_reach(struct flow_compiler *c, bool *seen, size_t *todo)
{
	const struct flow_document *d = c->doc;
	size_t i;

	if (!d->block_count || d->blocks[d->start].type != &flow_start)
		return;
	reach(d, seen, todo);
	for (i = 0; i < d->block_count; i++)
		if (!seen[i])
			flow_problem(c, &d->blocks[i], FLOW_WARNING,
				     d->blocks[i].pointer, "unreachable",
				     "No path leads to this block.");
}

/* ---- loops ---- */

/*
 * Blocks that neither wait nor call are taken away as soon as all that they
 * lead to are: what stays leads round and round.  (Kahn's way of sorting,
 * from behind; no depth, whatever the document.)
 */
static void
check_loops(struct flow_compiler *c, bool *done)
{
	const struct flow_document *d = c->doc;
	const struct flow_block *b;
	bool changed = true, open;
	size_t i, e;

	while (changed) {
		changed = false;
		for (i = 0; i < d->block_count; i++) {
			b = &d->blocks[i];
			if (done[i])
				continue;
			open = false;
			for (e = 0; e < b->exit_count; e++)
				if (b->exits[e].block >= 0 &&
				    !done[b->exits[e].block])
					open = true;
			if (open && b->type && !b->type->pauses)
				continue;
			done[i] = changed = true;
		}
	}
}

/* Whether block `from` comes back to itself through blocks that are left. */
static bool
comes_back(const struct flow_document *d, size_t from, const bool *done,
	   bool *seen, size_t *todo)
{
	const struct flow_block *b;
	size_t n = 0, i;
	int to;

	memset(seen, 0, d->block_count * sizeof(*seen));
	todo[n++] = from;
	while (n) {
		b = &d->blocks[todo[--n]];
		for (i = 0; i < b->exit_count; i++) {
			to = b->exits[i].block;
			if (to < 0 || done[to])
				continue;
			if ((size_t)to == from)
				return true;
			if (!seen[to]) {
				seen[to] = true;
				todo[n++] = (size_t)to;
			}
		}
	}
	return false;
}

static void
report_loops(struct flow_compiler *c, const bool *done, bool *seen,
	     size_t *todo)
{
	const struct flow_document *d = c->doc;
	size_t i;

	for (i = 0; i < d->block_count; i++)
		if (!done[i] && comes_back(d, i, done, seen, todo))
			flow_problem(c, &d->blocks[i], FLOW_ERROR,
				     d->blocks[i].pointer, "loop",
				     "From here the flow comes back to this "
				     "block without a question, choice or "
				     "webhook on the way.");
}

void
flow_check_whole(struct flow_compiler *c)
{
	size_t n = c->doc->block_count + 1;
	bool *seen = calloc(n, sizeof(*seen)), *done = calloc(n, sizeof(*done));
	size_t *todo = calloc(n, sizeof(*todo));

	if (seen && done && todo) {
		check_start(c);
		check_reach(c, seen, todo);
		check_loops(c, done);
		report_loops(c, done, seen, todo);
		flow_check_names(c);
	} else {
		c->oom = true;
	}
	free(seen);
	free(done);
	free(todo);
}
