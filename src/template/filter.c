/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters: the table, and how one is applied.
 *
 * A filter turns one value into another and knows nothing else: no other
 * variable, no clock, no state.  What it makes is bounded by the result that
 * the caller allows, and what all of them read and make by his budget.
 */
#include <stdio.h>

#include "template/template_priv.h"

/* To write a number as text takes so much longer than to copy it. */
enum { WRITTEN_WEIGHT = 4 };

/* In alphabetical order. */
static const struct filter filters[] = {
	{ { "base64", "base64", "The text in base64 (RFC 4648)." },
	  .text = template_text_base64 },
	{ { "date", "date: \"datetime\", \"+02:00\"",
	    "A date or time in one of the formats date, time, datetime, dmy, "
	    "mdy, weekday, rfc3339, http, unix, unix_ms; UTC, or at an "
	    "offset." },
	  .apply = template_filter_date,
	  .kinds = "tt",
	  .required = 1,
	  .check = template_filter_date_check },
	{ { "default", "default: \"none\"",
	    "Another value where there is none, null or an empty text." },
	  .apply = template_filter_default,
	  .kinds = "a",
	  .required = 1,
	  .takes_null = true,
	  .takes_absent = true },
	{ { "first", "first", "The first item of a list." },
	  .apply = template_filter_first },
	{ { "fixed", "fixed: 2", "A number as text with that many decimals." },
	  .apply = template_filter_fixed,
	  .kinds = "n",
	  .required = 1,
	  .max = 9 },
	{ { "join", "join: \", \"",
	    "The items of a list as one text, with a text between them." },
	  .apply = template_filter_join,
	  .kinds = "t" },
	{ { "json", "json", "Any value as JSON text." },
	  .apply = template_filter_json,
	  .takes_null = true },
	{ { "last", "last", "The last item of a list." },
	  .apply = template_filter_last },
	{ { "length", "length",
	    "How many characters a text, items a list, members an object "
	    "has." },
	  .apply = template_filter_length,
	  .takes_null = true },
	{ { "lower", "lower", "The text in lower case." },
	  .text = template_text_lower },
	{ { "number", "number",
	    "The number that a text is, so that it stands in JSON as one." },
	  .apply = template_filter_number },
	{ { "replace", "replace: \"from\", \"to\"",
	    "Every occurrence of one text as another." },
	  .text = template_text_replace,
	  .kinds = "tt",
	  .required = 2,
	  .check = template_filter_first_not_empty },
	{ { "round", "round: 2",
	    "A number rounded to that many decimals, or to a whole one." },
	  .apply = template_filter_round,
	  .kinds = "n",
	  .max = 9 },
	{ { "split", "split: \",\"", "A text as a list of its pieces." },
	  .apply = template_filter_split,
	  .kinds = "t",
	  .required = 1,
	  .check = template_filter_first_not_empty },
	{ { "text", "text",
	    "Any value as text, so that it stands in JSON as "
	    "a string." },
	  .text = template_text_same,
	  .takes_null = true },
	{ { "trim", "trim", "The text without white space at its ends." },
	  .text = template_text_trim },
	{ { "truncate", "truncate: 100, \"\xe2\x80\xa6\"",
	    "The text cut to that many characters, with a mark where it was "
	    "cut." },
	  .text = template_text_truncate,
	  .kinds = "nt",
	  .required = 1,
	  .min = 1,
	  .max = 100000 },
	{ { "upper", "upper", "The text in capitals." },
	  .text = template_text_upper },
	{ { "urlencode", "urlencode",
	    "The text percent-encoded, beyond what its place does anyway." },
	  .text = template_text_urlencode },
};

const struct template_filter *
template_filter_at(size_t i)
{
	return i < ARRAY_LEN(filters) ? &filters[i].about : NULL;
}

const struct filter *
template_filter_find(struct slice name, const char **near)
{
	unsigned d, least = 3;
	size_t i;

	*near = NULL;
	for (i = 0; i < ARRAY_LEN(filters); i++) {
		d = slice_distance(name, slice_str(filters[i].about.name));
		if (!d)
			return &filters[i];
		if (d < least) {
			least = d;
			*near = filters[i].about.name;
		}
	}
	return NULL;
}

static bool
argument_fits(const struct filter *f, const struct argument *a, char kind,
	      const char **why)
{
	switch (kind) {
	case 't':
		*why = "a text in quotes must stand here";
		return a->kind == ARGUMENT_TEXT;
	case 'n':
		*why = "the number is not whole, or out of range";
		return a->kind == ARGUMENT_INTEGER && a->integer >= f->min &&
		       a->integer <= f->max;
	default:
		return true;
	}
}

bool
template_filter_fits(const struct filter_call *call, const char **why)
{
	const struct filter *f = call->filter;
	const char *kinds = f->kinds ? f->kinds : "";
	size_t i;

	*why = "too many arguments";
	if (call->count > strlen(kinds))
		return false;
	*why = "an argument is missing";
	if (call->count < f->required)
		return false;
	for (i = 0; i < call->count; i++)
		if (!argument_fits(f, &call->arguments[i], kinds[i], why))
			return false;
	return !f->check || f->check(call, why);
}

bool
template_filter_first_not_empty(const struct filter_call *call,
				const char **why)
{
	*why = "the first text must not be empty";
	return call->arguments[0].text.len > 0;
}

/* ---- applying ---- */

int
template_filter_refuse(struct filter_run *run, const char *why)
{
	run->why = why;
	return ERR_NOT_FOUND;
}

int
template_filter_charge(struct filter_run *run, size_t bytes)
{
	if (bytes > run->budget->left) {
		run->budget->left = 0;
		return ERR_TOO_LARGE;
	}
	run->budget->left -= bytes;
	return 0;
}

int
template_filter_input(struct filter_run *run, const json_t *value,
		      struct buf *scratch, struct slice *out)
{
	int err = template_value_text(value, scratch, out);

	if (err)
		return err;
	return template_filter_charge(run, json_is_string(value)
						   ? out->len
						   : WRITTEN_WEIGHT * out->len);
}

int
template_filter_output(struct filter_run *run, struct buf *b, json_t **out)
{
	int err = template_filter_charge(run, b->len);

	if (!err)
		return template_buf_string(b, out);
	buf_release(b);
	return err;
}

static int
apply_text(struct filter_run *run, const struct filter_call *call,
	   const json_t *in, json_t **out)
{
	struct buf scratch, result;
	struct slice s;
	int err;

	buf_init(&scratch, run->max);
	buf_init(&result, run->max);
	err = template_filter_input(run, in, &scratch, &s);
	if (!err)
		err = call->filter->text(call, s, &result);
	if (!err)
		err = template_filter_output(run, &result, out);
	buf_release(&result);
	buf_release(&scratch);
	return err;
}

int
template_filter_apply(struct filter_run *run, const struct filter_call *call,
		      json_t **value)
{
	const struct filter *f = call->filter;
	json_t *in = *value, *out = NULL;
	int err;

	if ((!in && !f->takes_absent) || (json_is_null(in) && !f->takes_null))
		return 0;
	err = f->text ? apply_text(run, call, in, &out)
		      : f->apply(run, call, in, &out);
	json_decref(in);
	*value = out;
	return err == ERR_NOT_FOUND ? 0 : err;
}
