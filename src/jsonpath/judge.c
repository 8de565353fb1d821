/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a filter: whether its logical expression is true of a value, RFC
 * 9535 section 2.3.5.2.
 *
 * It calls itself as deep as the expression is nested, which was bounded
 * when it was compiled.
 */
#include "jsonpath/jsonpath_priv.h"

int
judge_value(struct eval *e, const struct operand *o, const struct place *at,
	    struct value *out)
{
	struct sink sink = { .enough = 1 };
	int rc;

	switch (o->kind) {
	case OPERAND_LITERAL:
		*out = o->literal;
		return 0;
	case OPERAND_QUERY:
		rc = walk_query(e, o->query, at, &sink);
		*out = value_of(sink.first);
		return rc;
	default:
		return o->call->function->value(e, o->call, at, out);
	}
}

static int
judge_comparison(struct eval *e, const struct logical *l,
		 const struct place *at, bool *out)
{
	struct value left, right;
	int rc = judge_value(e, &l->left, at, &left);

	if (!rc)
		rc = judge_value(e, &l->right, at, &right);
	return rc ? rc : value_compare(e, l->comparison, &left, &right, out);
}

/* Terms until one settles it: a true one an OR, a false one an AND. */
static int
judge_terms(struct eval *e, const struct logical *l, const struct place *at,
	    bool *out)
{
	bool settles = l->kind == LOGICAL_OR;
	const struct logical *term;
	int rc = 0;

	*out = !settles;
	for (term = l->terms; !rc && term && *out != settles; term = term->next)
		rc = judge(e, term, at, out);
	return rc;
}

int
judge(struct eval *e, const struct logical *l, const struct place *at,
      bool *out)
{
	struct sink sink = { .enough = 1 };
	int rc = eval_charge(e, 1);

	*out = false;
	if (rc)
		return rc;
	switch (l->kind) {
	case LOGICAL_OR:
	case LOGICAL_AND:
		rc = judge_terms(e, l, at, out);
		break;
	case LOGICAL_EXISTS:
		rc = walk_query(e, l->query, at, &sink);
		*out = sink.count > 0;
		break;
	case LOGICAL_CALL:
		rc = l->call->function->logical(e, l->call, at, out);
		break;
	case LOGICAL_COMPARE:
		rc = judge_comparison(e, l, at, out);
		break;
	}
	*out ^= l->negated;
	return rc;
}
