/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition: a fork on variables.  Branches are tried in order; the first
 * that holds is taken, or else "else".
 *
 *   {"all": [when…]}  {"any": [when…]}  {"left", "op", "right"}
 *
 * Two numbers (or texts that are numbers) compare as numbers, all else as
 * texts; "in" asks whether left is an item of the list that right gives (or
 * of a text's words between commas).
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { VALUE_MAX = 64 * 1024 };

static const char *const fields[] = { "branches", NULL };

enum op {
	OP_EQ,
	OP_NE,
	OP_GT,
	OP_GE,
	OP_LT,
	OP_LE,
	OP_CONTAINS,
	OP_STARTS,
	OP_ENDS,
	OP_MATCHES,
	OP_EMPTY,
	OP_NOT_EMPTY,
	OP_IN,
	OP_COUNT,
};

static const char *const op_names[OP_COUNT] = {
	"eq",	  "ne",	  "gt",	     "ge",    "lt",	   "le", "contains",
	"starts", "ends", "matches", "empty", "not_empty", "in",
};

struct when {
	enum { WHEN_ALL, WHEN_ANY, WHEN_TERM } kind;
	struct when **parts;
	size_t count;
	enum op op;
	struct template_json *left, *right;
	struct jsonpath *pattern; /* of matches, where it is a constant */
};

struct branch {
	const char *id;
	struct when *when;
};

struct condition {
	struct branch *branches;
	size_t count;
	struct when **patterns; /* whens that own one */
	size_t pattern_count;
	unsigned terms;
};

/* ---- compiling ---- */

static void
term_pattern(const struct flow_at *at, struct condition *cond, struct when *w)
{
	const json_t *right = json_object_get(at->object, "right");

	if (!json_is_string(right)) {
		flow_at_problem(at, "right", "invalid", "A pattern.");
		return;
	}
	if (flow_pattern_compile(json_string_value(right), &w->pattern)) {
		flow_at_problem(at, "right", "pattern",
				"This is no pattern (RFC 9485).");
		return;
	}
	cond->patterns[cond->pattern_count++] = w;
}

static void
term_compile(const struct flow_at *at, struct condition *cond, struct when *w)
{
	static const char *const names[] = { "left", "op", "right", NULL };
	const char *op;
	size_t i;

	flow_only(at, names, NULL);
	w->kind = WHEN_TERM;
	w->left = flow_get_value(at, "left", JSON_REQUIRED);
	op = flow_get_str(at, "op", JSON_REQUIRED, 20, "");
	for (i = 0; i < OP_COUNT; i++)
		if (!strcmp(op, op_names[i]))
			break;
	w->op = (enum op)i;
	if (i == OP_COUNT && flow_is_given(at, "op"))
		flow_at_problem(at, "op", "invalid",
				"One of eq, ne, gt, ge, lt, le, contains, "
				"starts, ends, matches, empty, not_empty, in.");
	if (i == OP_COUNT)
		return;
	if (w->op == OP_MATCHES) {
		term_pattern(at, cond, w);
	} else if (w->op == OP_EMPTY || w->op == OP_NOT_EMPTY) {
		if (json_object_get(at->object, "right"))
			flow_at_problem(at, "right", "invalid",
					"\"%s\" compares with nothing.", op);
	} else {
		w->right = flow_get_value(at, "right", JSON_REQUIRED);
	}
}

static struct when *when_compile(const struct flow_at *at,
				 struct condition *cond, unsigned depth);

static void
parts_compile(const struct flow_at *at, struct condition *cond, struct when *w,
	      const char *name, unsigned depth)
{
	const char *const names[] = { name, NULL };
	const json_t *list =
		flow_get_array(at, name, JSON_REQUIRED, FLOW_CONDITION_TERMS);
	struct flow_at item;
	size_t i;

	flow_only(at, names, NULL);
	w->parts = flow_alloc(at->c, (json_array_size(list) + 1) *
					     sizeof(struct when *));
	for (i = 0; w->parts && i < json_array_size(list); i++) {
		if (!flow_get_item(at, name, list, i, &item))
			continue;
		w->parts[w->count] = when_compile(&item, cond, depth + 1);
		if (w->parts[w->count])
			w->count++;
	}
}

static struct when *
when_compile(const struct flow_at *at, struct condition *cond, unsigned depth)
{
	struct when *w = flow_alloc(at->c, sizeof(*w));

	if (!w)
		return NULL;
	if (depth > FLOW_CONDITION_DEPTH ||
	    cond->terms++ >= FLOW_CONDITION_TERMS) {
		flow_at_problem(at, NULL, "too_large",
				"At most %d comparisons, %d deep.",
				FLOW_CONDITION_TERMS, FLOW_CONDITION_DEPTH);
		return NULL;
	}
	if (json_object_get(at->object, "all")) {
		w->kind = WHEN_ALL;
		parts_compile(at, cond, w, "all", depth);
	} else if (json_object_get(at->object, "any")) {
		w->kind = WHEN_ANY;
		parts_compile(at, cond, w, "any", depth);
	} else {
		term_compile(at, cond, w);
	}
	return w;
}

static void
branch_compile(const struct flow_at *at, struct flow_block *b,
	       struct condition *cond)
{
	static const char *const names[] = { "id", "when", NULL };
	struct branch *branch = &cond->branches[cond->count];
	const json_t *when = json_object_get(at->object, "when");
	struct flow_at sub;
	const char *id;
	size_t i;

	flow_only(at, names, NULL);
	id = flow_get_str(at, "id", JSON_REQUIRED, 100, "");
	if (flow_is_given(at, "id") && (!flow_is_id(id) || !strcmp(id, "else")))
		flow_at_problem(at, "id", "invalid_id",
				"Lower-case letters, digits and underscores, "
				"a letter first, and not \"else\".");
	for (i = 0; i < cond->count; i++)
		if (!strcmp(cond->branches[i].id, id))
			flow_at_problem(at, "id", "duplicate_id",
					"There is a branch \"%s\" already.",
					cond->branches[i].id);
	branch->id = flow_strdup(at->c, id);
	if (id[0])
		flow_exit_add(at->c, b, branch->id, true);
	if (!when)
		flow_at_problem(at, "when", "missing_field",
				"When is it taken?");
	else if (flow_at_object(&sub, at, when, flow_pointer(at, "when")))
		branch->when = when_compile(&sub, cond, 0);
	cond->count++;
}

static void
condition_compile(const struct flow_at *at, struct flow_block *b)
{
	struct condition *cond = flow_alloc(at->c, sizeof(*cond));
	const json_t *list;
	struct flow_at item;
	size_t i;

	if (!cond)
		return;
	b->data = cond;
	list = flow_get_array(at, "branches", JSON_REQUIRED, FLOW_BRANCHES_MAX);
	if (list && !json_array_size(list))
		flow_at_problem(at, "branches", "invalid",
				"There must be a branch.");
	cond->branches = flow_alloc(at->c, (json_array_size(list) + 1) *
						   sizeof(*cond->branches));
	cond->patterns = flow_alloc(at->c, FLOW_CONDITION_TERMS *
						   sizeof(*cond->patterns));
	for (i = 0;
	     cond->branches && cond->patterns && i < json_array_size(list); i++)
		if (flow_get_item(at, "branches", list, i, &item))
			branch_compile(&item, b, cond);
	flow_exit_add(at->c, b, "else", true);
}

static void
condition_release(struct flow_block *b)
{
	struct condition *cond = b->data;
	size_t i;

	for (i = 0; cond && i < cond->pattern_count; i++)
		jsonpath_free(cond->patterns[i]->pattern);
}

/* ---- deciding ---- */

static json_t *
value_of(struct flow_run *run, const struct template_json *t)
{
	json_t *value = flow_render_value(run, t, VALUE_MAX);

	return value ? value : json_null();
}

static bool
is_empty(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL:
		return true;
	case JSON_STRING:
		return json_string_length(v) == 0;
	case JSON_ARRAY:
		return json_array_size(v) == 0;
	case JSON_OBJECT:
		return json_object_size(v) == 0;
	default:
		return false;
	}
}

/* As text: strings as they are, all else as JSON; null is "". */
static void
text_of(const json_t *v, struct buf *out)
{
	buf_init(out, VALUE_MAX);
	if (json_is_string(v))
		buf_put(out, json_string_value(v), json_string_length(v));
	else if (!json_is_null(v))
		json_write(v, out);
}

static bool
as_number(const json_t *v, double *out)
{
	json_t *n;

	if (json_is_number(v)) {
		*out = json_number_value(v);
		return true;
	}
	if (!json_is_string(v))
		return false;
	n = flow_answer_value(FLOW_NUMBER, json_string_value(v), NULL);
	*out = json_number_value(n);
	json_decref(n);
	return n != NULL;
}

/* A value as it is compared: it is read once, with however many others. */
struct side {
	bool is_number;
	double number;
	struct slice text;
	struct buf made; /* where text is not the value's own */
};

static void
side_init(struct side *s, const json_t *v)
{
	memset(s, 0, sizeof(*s));
	s->is_number = as_number(v, &s->number);
	if (json_is_string(v)) {
		s->text = slice_of(json_string_value(v), json_string_length(v));
		return;
	}
	text_of(v, &s->made);
	s->text = buf_slice(&s->made);
}

static void
side_release(struct side *s)
{
	if (s->made.data)
		buf_release(&s->made);
}

/* Below 0, 0, above 0. */
static int
sides_compare(const struct side *a, const struct side *b)
{
	size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
	int d;

	if (a->is_number && b->is_number)
		return (a->number > b->number) - (a->number < b->number);
	d = len ? memcmp(a->text.ptr, b->text.ptr, len) : 0;
	return d ? d
		 : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static int
compare(const json_t *a, const json_t *b)
{
	struct side x, y;
	int d;

	side_init(&x, a);
	side_init(&y, b);
	d = sides_compare(&x, &y);
	side_release(&x);
	side_release(&y);
	return d;
}

static bool
is_in_list(const struct side *item, const json_t *list)
{
	struct side side;
	json_t *other;
	bool found;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, other)
	{
		side_init(&side, other);
		found = !sides_compare(item, &side);
		side_release(&side);
		if (found)
			return true;
	}
	return false;
}

static bool
is_among(const json_t *item, const json_t *list)
{
	struct slice rest, word;
	struct side side;
	bool found = false;

	side_init(&side, item);
	if (json_is_array(list))
		found = is_in_list(&side, list);
	rest = slice_of(json_string_value(list), json_string_length(list));
	while (!found && slice_next(&rest, ',', &word))
		found = slice_eq(slice_trim(word), side.text);
	side_release(&side);
	return found;
}

static bool
text_holds(enum op op, const json_t *a, const json_t *b)
{
	struct buf x, y;
	bool yes;

	text_of(a, &x);
	text_of(b, &y);
	if (op == OP_STARTS)
		yes = slice_starts(buf_slice(&x), buf_slice(&y));
	else if (op == OP_ENDS)
		yes = slice_ends(buf_slice(&x), buf_slice(&y));
	else
		yes = !y.len || (x.len && memmem(x.data, x.len, y.data, y.len));
	buf_release(&x);
	buf_release(&y);
	return yes;
}

/* What a pattern costs shows when it is tried: within little, within more. */
static bool
matches(struct flow_run *run, const struct when *w, const json_t *left)
{
	static const size_t steps[] = { 4096, 65536, 2000 * 1000 };
	struct buf text;
	json_t *doc, *found;
	int rc = ERR_TOO_LARGE;
	size_t i;

	text_of(left, &text);
	doc = json_pack("[s%]", text.data ? text.data : "", text.len);
	for (i = 0; doc && rc == ERR_TOO_LARGE && i < ARRAY_LEN(steps); i++) {
		struct jsonpath_limits limits = { .steps = steps[i] };

		if (!flow_work(run, steps[i]))
			break;
		rc = jsonpath_first(w->pattern, doc, &limits, &found);
	}
	json_decref(doc);
	buf_release(&text);
	return !rc;
}

static bool
term_decide(struct flow_run *run, const struct when *w, const json_t *a,
	    const json_t *b)
{
	switch (w->op) {
	case OP_EQ:
		return compare(a, b) == 0;
	case OP_NE:
		return compare(a, b) != 0;
	case OP_GT:
		return compare(a, b) > 0;
	case OP_GE:
		return compare(a, b) >= 0;
	case OP_LT:
		return compare(a, b) < 0;
	case OP_LE:
		return compare(a, b) <= 0;
	case OP_CONTAINS:
		return json_is_array(a) ? is_among(b, a)
					: text_holds(w->op, a, b);
	case OP_STARTS:
	case OP_ENDS:
		return text_holds(w->op, a, b);
	case OP_MATCHES:
		return matches(run, w, a);
	case OP_EMPTY:
		return is_empty(a);
	case OP_NOT_EMPTY:
		return !is_empty(a);
	case OP_IN:
		return is_among(a, b);
	default:
		return false;
	}
}

/* No deeper than FLOW_CONDITION_DEPTH: the compiler sees to it. */
static bool
when_holds(struct flow_run *run, const struct when *w)
{
	json_t *left, *right;
	bool yes;
	size_t i;

	if (w->kind == WHEN_TERM) {
		left = value_of(run, w->left);
		right = value_of(run, w->right);
		yes = term_decide(run, w, left, right);
		json_decref(left);
		json_decref(right);
		return yes;
	}
	for (i = 0; i < w->count; i++)
		if (when_holds(run, w->parts[i]) != (w->kind == WHEN_ALL))
			return w->kind == WHEN_ANY;
	return w->kind == WHEN_ALL;
}

static enum flow_next
condition_enter(struct flow_run *run, const struct flow_block *b)
{
	const struct condition *cond = b->data;
	size_t i;

	run->exit = "else";
	for (i = 0; i < cond->count; i++)
		if (when_holds(run, cond->branches[i].when)) {
			run->exit = cond->branches[i].id;
			break;
		}
	return FLOW_GO;
}

const struct flow_block_type flow_condition = {
	.name = "condition",
	.help = "a fork on variables",
	.fields = fields,
	.compile = condition_compile,
	.enter = condition_enter,
	.release = condition_release,
};
