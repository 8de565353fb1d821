/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of RFC 9535 section 2.4: one table, from which calls are
 * checked when a query is compiled, and made when it runs.
 */
#include <stdio.h>

#include "jsonpath/jsonpath_priv.h"

static size_t
count_chars(struct slice s)
{
	size_t n = 0, i;

	for (i = 0; i < s.len; i++)
		n += (s.ptr[i] & 0xc0) != 0x80;
	return n;
}

/* Characters of a string, items, members; else Nothing. */
static int
call_length(struct eval *e, const struct call *c, const struct place *at,
	    struct value *out)
{
	struct value v;
	int rc = judge_value(e, &c->args[0], at, &v);

	out->kind = VALUE_NOTHING;
	if (rc)
		return rc;
	if (v.kind == VALUE_STRING) {
		rc = eval_charge_bytes(e, v.string.len);
		out->integer = rc ? 0 : (int64_t)count_chars(v.string);
	} else if (v.kind == VALUE_TREE && json_is_array(v.tree)) {
		out->integer = (int64_t)json_array_size(v.tree);
	} else if (v.kind == VALUE_TREE) {
		out->integer = (int64_t)json_object_size(v.tree);
	} else {
		return 0;
	}
	out->kind = VALUE_INTEGER;
	return rc;
}

static int
call_count(struct eval *e, const struct call *c, const struct place *at,
	   struct value *out)
{
	struct sink sink = { 0 };
	int rc = walk_query(e, c->args[0].query, at, &sink);

	out->kind = VALUE_INTEGER;
	out->integer = (int64_t)sink.count;
	return rc;
}

/* The value of the only node, Nothing where there are none or several. */
static int
call_value(struct eval *e, const struct call *c, const struct place *at,
	   struct value *out)
{
	struct sink sink = { .enough = 2 };
	int rc = walk_query(e, c->args[0].query, at, &sink);

	*out = value_of(sink.count == 1 ? sink.first : NULL);
	return rc;
}

/*
 * A pattern that comes out of the document: compiled when it is another than
 * the last one was.  *out is NULL if it is none.
 */
static int
dynamic_pattern(struct eval *e, struct slice pattern, const struct regexp **out)
{
	size_t ops = REGEXP_OPS_MAX + 1;
	int rc = eval_charge_bytes(e, pattern.len);

	*out = e->regexp;
	if (rc || (e->pattern.ptr && slice_eq(pattern, e->pattern)))
		return rc;
	*out = NULL;
	if (pattern.len > e->limits.text_bytes)
		return ERR_TOO_LARGE;
	regexp_free(e->regexp);
	e->regexp = NULL;
	e->pattern = pattern;
	rc = regexp_compile(pattern, &ops, &e->regexp);
	if (rc && rc != ERR_INVALID)
		return rc;
	*out = e->regexp;
	/* What reading it took, and writing its program. */
	return eval_charge(e, pattern.len + REGEXP_OPS_MAX + 1 - ops);
}

/* What is no string, and what is no pattern, matches nothing. */
static int
match(struct eval *e, const struct call *c, const struct place *at,
      bool anywhere, bool *out)
{
	const struct regexp *regexp = c->regexp;
	struct value text = { 0 }, pattern = { 0 };
	int rc = judge_value(e, &c->args[0], at, &text);

	*out = false;
	if (!rc)
		rc = judge_value(e, &c->args[1], at, &pattern);
	if (rc || text.kind != VALUE_STRING || pattern.kind != VALUE_STRING)
		return rc;
	if (!c->pattern_is_literal)
		rc = dynamic_pattern(e, pattern.string, &regexp);
	if (rc || !regexp)
		return rc;
	return regexp_match(regexp, text.string, anywhere, &e->scratch,
			    &e->steps, out);
}

static int
call_match(struct eval *e, const struct call *c, const struct place *at,
	   bool *out)
{
	return match(e, c, at, false, out);
}

static int
call_search(struct eval *e, const struct call *c, const struct place *at,
	    bool *out)
{
	return match(e, c, at, true, out);
}

static const struct function functions[] = {
	{ .name = "length",
	  .result = TYPE_VALUE,
	  .count = 1,
	  .params = { TYPE_VALUE },
	  .value = call_length },
	{ .name = "count",
	  .result = TYPE_VALUE,
	  .count = 1,
	  .params = { TYPE_NODES },
	  .value = call_count },
	{ .name = "match",
	  .result = TYPE_LOGICAL,
	  .count = 2,
	  .params = { TYPE_VALUE, TYPE_VALUE },
	  .has_pattern = true,
	  .logical = call_match },
	{ .name = "search",
	  .result = TYPE_LOGICAL,
	  .count = 2,
	  .params = { TYPE_VALUE, TYPE_VALUE },
	  .has_pattern = true,
	  .logical = call_search },
	{ .name = "value",
	  .result = TYPE_VALUE,
	  .count = 1,
	  .params = { TYPE_NODES },
	  .value = call_value },
};

const struct function *
function_find(struct slice name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(functions); i++)
		if (slice_eq(name, slice_str(functions[i].name)))
			return &functions[i];
	return NULL;
}

void
function_list(char *out, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(functions) && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "",
				      functions[i].name);
}

int
jsonpath_pattern_check(struct slice pattern)
{
	size_t ops = REGEXP_OPS_MAX;
	struct regexp *r = NULL;
	int rc = regexp_compile(pattern, &ops, &r);

	regexp_free(r);
	return rc;
}
