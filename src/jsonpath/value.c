/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing values, RFC 9535 section 2.3.5.2.2.
 *
 * Numbers are compared by what they are, whole or not: a whole number of 64
 * bits is never rounded to a double on the way.  Strings are compared by
 * their bytes, which for UTF-8 is the order of their characters.
 */
#include "jsonpath/jsonpath_priv.h"

struct value
value_of(const json_t *json)
{
	struct value v = { .kind = VALUE_TREE, .tree = json };

	if (!json)
		return (struct value){ .kind = VALUE_NOTHING };
	switch (json_typeof(json)) {
	case JSON_NULL:
		v.kind = VALUE_NULL;
		break;
	case JSON_FALSE:
		v.kind = VALUE_FALSE;
		break;
	case JSON_TRUE:
		v.kind = VALUE_TRUE;
		break;
	case JSON_INTEGER:
		v.kind = VALUE_INTEGER;
		v.integer = json_integer_value(json);
		break;
	case JSON_REAL:
		v.kind = VALUE_REAL;
		v.real = json_real_value(json);
		break;
	case JSON_STRING:
		v.kind = VALUE_STRING;
		v.string = slice_of(json_string_value(json),
				    json_string_length(json));
		break;
	default:
		break;
	}
	return v;
}

static bool
is_number(const struct value *v)
{
	return v->kind == VALUE_INTEGER || v->kind == VALUE_REAL;
}

/* < 0, 0, > 0. */
static int
order_mixed(int64_t i, double r)
{
	const double edge = 9223372036854775808.0; /* 2^63 */
	int64_t whole;

	if (r >= edge)
		return -1;
	if (r < -edge)
		return 1;
	whole = (int64_t)r; /* towards zero */
	if (i != whole)
		return i < whole ? -1 : 1;
	r -= (double)whole;
	return r > 0 ? -1 : r < 0;
}

static int
order_numbers(const struct value *a, const struct value *b)
{
	if (a->kind == VALUE_INTEGER && b->kind == VALUE_INTEGER)
		return a->integer < b->integer ? -1 : a->integer > b->integer;
	if (a->kind == VALUE_INTEGER)
		return order_mixed(a->integer, b->real);
	if (b->kind == VALUE_INTEGER)
		return -order_mixed(b->integer, a->real);
	return a->real < b->real ? -1 : a->real > b->real;
}

static int
order_strings(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

/* ---- equal ---- */

static int equal(struct eval *e, const struct value *a, const struct value *b,
		 unsigned depth, bool *out);

static int
equal_json(struct eval *e, const json_t *a, const json_t *b, unsigned depth,
	   bool *out)
{
	struct value x = value_of(a), y = value_of(b);

	return equal(e, &x, &y, depth, out);
}

static int
equal_arrays(struct eval *e, const json_t *a, const json_t *b, unsigned depth,
	     bool *out)
{
	size_t n = json_array_size(a), i;
	int rc = 0;

	*out = n == json_array_size(b);
	for (i = 0; !rc && *out && i < n; i++)
		rc = equal_json(e, json_array_get(a, i), json_array_get(b, i),
				depth + 1, out);
	return rc;
}

static int
equal_objects(struct eval *e, const json_t *a, const json_t *b, unsigned depth,
	      bool *out)
{
	json_t *all = (json_t *)a, *other;
	void *i;
	int rc = 0;

	*out = json_object_size(a) == json_object_size(b);
	for (i = json_object_iter(all); !rc && *out && i;
	     i = json_object_iter_next(all, i)) {
		other = json_object_getn(b, json_object_iter_key(i),
					 json_object_iter_key_len(i));
		*out = other != NULL;
		if (other)
			rc = equal_json(e, json_object_iter_value(i), other,
					depth + 1, out);
	}
	return rc;
}

static int
equal_trees(struct eval *e, const json_t *a, const json_t *b, unsigned depth,
	    bool *out)
{
	if (depth > e->limits.document_depth)
		return ERR_TOO_LARGE;
	*out = a == b;
	if (*out || json_typeof(a) != json_typeof(b))
		return 0;
	if (json_is_array(a))
		return equal_arrays(e, a, b, depth, out);
	return equal_objects(e, a, b, depth, out);
}

static int
equal(struct eval *e, const struct value *a, const struct value *b,
      unsigned depth, bool *out)
{
	int rc = eval_charge(e, 1);

	*out = false;
	if (rc)
		return rc;
	if (is_number(a) && is_number(b)) {
		*out = !order_numbers(a, b);
		return 0;
	}
	if (a->kind != b->kind)
		return 0;
	if (a->kind == VALUE_TREE)
		return equal_trees(e, a->tree, b->tree, depth, out);
	if (a->kind == VALUE_STRING) {
		*out = slice_eq(a->string, b->string);
		return *out ? eval_charge_bytes(e, a->string.len) : 0;
	}
	*out = true; /* Nothing, null, true, false are alike */
	return 0;
}

/* ---- less ---- */

static int
less(struct eval *e, const struct value *a, const struct value *b, bool *out)
{
	*out = false;
	if (is_number(a) && is_number(b))
		*out = order_numbers(a, b) < 0;
	if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
		return 0;
	*out = order_strings(a->string, b->string) < 0;
	return eval_charge_bytes(e, a->string.len < b->string.len
					    ? a->string.len
					    : b->string.len);
}

int
value_compare(struct eval *e, enum comparison op, const struct value *a,
	      const struct value *b, bool *out)
{
	const struct value *swap = a;
	int rc;

	if (op == GREATER || op == GREATER_EQUAL) {
		a = b;
		b = swap;
	}
	if (op == EQUAL || op == NOT_EQUAL) {
		rc = equal(e, a, b, 0, out);
		*out ^= op == NOT_EQUAL;
		return rc;
	}
	rc = less(e, a, b, out);
	if (!rc && !*out && (op == LESS_EQUAL || op == GREATER_EQUAL))
		rc = equal(e, a, b, 0, out);
	return rc;
}
