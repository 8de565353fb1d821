/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching an I-Regexp: all ways through the program at once.
 *
 * Between two characters, `now` lists the operations that wait for a
 * character.  A character leads some of them on, and with them to all
 * operations that can be reached without another character: those wait in
 * `then`.  Each operation is listed once at most, so a character costs no
 * more than the program is long.
 */
#include <stdlib.h>

#include "jsonpath/regexp_priv.h"

struct run {
	const struct regexp *r;
	struct regexp_scratch *s;
	uint32_t now, then; /* how many are listed */
	bool at_begin, at_end, matched;
	uint64_t *steps;
};

void
regexp_scratch_release(struct regexp_scratch *s)
{
	free(s->mark);
	free(s->now);
	free(s->then);
	free(s->stack);
	memset(s, 0, sizeof(*s));
}

static int
scratch_reserve(struct regexp_scratch *s, uint32_t size)
{
	if (s->size >= size)
		return 0;
	regexp_scratch_release(s);
	s->mark = calloc(size, sizeof(*s->mark));
	s->now = calloc(size, sizeof(*s->now));
	s->then = calloc(size, sizeof(*s->then));
	s->stack = calloc(size, sizeof(*s->stack));
	if (!s->mark || !s->now || !s->then || !s->stack) {
		regexp_scratch_release(s);
		return ERR_NOMEM;
	}
	s->size = size;
	return 0;
}

/* A new round: nothing was added in it yet. */
static void
round_begin(struct regexp_scratch *s)
{
	if (++s->round)
		return;
	memset(s->mark, 0, s->size * sizeof(*s->mark));
	s->round = 1;
}

static int
charge(struct run *run, uint64_t n)
{
	if (*run->steps < n) {
		*run->steps = 0;
		return ERR_TOO_LARGE;
	}
	*run->steps -= n;
	return 0;
}

static void
push(struct run *run, uint32_t *depth, uint32_t op)
{
	if (run->s->mark[op] == run->s->round)
		return;
	run->s->mark[op] = run->s->round;
	run->s->stack[(*depth)++] = (uint16_t)op;
}

/* Lists in `then` all that can be reached from this operation. */
static int
add(struct run *run, uint32_t op)
{
	const struct regexp_op *o;
	uint32_t depth = 0, seen = 0;

	push(run, &depth, op);
	while (depth) {
		op = run->s->stack[--depth];
		o = &run->r->ops[op];
		seen++;
		switch (o->code) {
		case REGEXP_JUMP:
			push(run, &depth, o->a);
			break;
		case REGEXP_SPLIT:
			push(run, &depth, o->b);
			push(run, &depth, o->a);
			break;
		case REGEXP_BEGIN:
			if (run->at_begin)
				push(run, &depth, op + 1);
			break;
		case REGEXP_END:
			if (run->at_end)
				push(run, &depth, op + 1);
			break;
		case REGEXP_MATCH:
			run->matched = true;
			break;
		default:
			run->s->then[run->then++] = (uint16_t)op;
		}
	}
	return charge(run, seen);
}

static bool
set_has(const struct regexp_set *set, uint32_t c)
{
	size_t low = 0, high = set->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (c < set->ranges[middle].low)
			high = middle;
		else if (c > set->ranges[middle].high)
			low = middle + 1;
		else
			return !set->negated;
	}
	if (set->categories && (set->categories & category_bit(c)))
		return !set->negated;
	return set->negated;
}

static bool
op_takes(const struct regexp *r, const struct regexp_op *o, uint32_t c)
{
	switch (o->code) {
	case REGEXP_CHAR:
		return o->a == c;
	case REGEXP_ANY:
		return c != '\n' && c != '\r';
	default:
		return set_has(&r->sets[o->a], c);
	}
}

/* What was listed for later is now. */
static void
turn(struct run *run)
{
	uint16_t *spare = run->s->now;

	run->s->now = run->s->then;
	run->s->then = spare;
	run->now = run->then;
	run->then = 0;
	run->matched = false;
	round_begin(run->s);
}

static int
take_char(struct run *run, uint32_t c)
{
	uint32_t i, op;
	int rc = charge(run, 1 + run->now);

	for (i = 0; !rc && i < run->now; i++) {
		op = run->s->now[i];
		if (op_takes(run->r, &run->r->ops[op], c))
			rc = add(run, op + 1);
	}
	return rc;
}

int
regexp_match(const struct regexp *r, struct slice text, bool anywhere,
	     struct regexp_scratch *scratch, uint64_t *steps, bool *out)
{
	struct run run = { .r = r, .s = scratch, .steps = steps };
	const char *at = text.len ? text.ptr : "", *end = at + text.len;
	uint32_t c;
	int rc;

	*out = false;
	rc = scratch_reserve(scratch, r->count);
	if (rc)
		return rc;
	round_begin(scratch);
	run.at_begin = true;
	run.at_end = at == end;
	rc = add(&run, 0);
	while (!rc && at < end) {
		if ((anywhere && run.matched) || (!anywhere && !run.then))
			break;
		c = regexp_next_char(&at, end);
		turn(&run);
		run.at_begin = false;
		run.at_end = at == end;
		rc = take_char(&run, c);
		if (!rc && anywhere)
			rc = add(&run, 0);
	}
	*out = !rc && run.matched && (anywhere || at == end);
	return rc;
}
