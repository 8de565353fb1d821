/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters on numbers.
 *
 * They take numbers, and texts that are one as JSON writes it.  Rounding is
 * as on paper, half away from zero, of fifteen digits: 2.675 becomes 2.68,
 * although the nearest binary number is a little less.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "template/template_priv.h"

/* Beyond it a real has no decimals to speak of. */
#define ROUND_BELOW 1e15

static struct slice
trimmed(const json_t *in)
{
	return slice_trim(
		slice_of(json_string_value(in), json_string_length(in)));
}

/* The number that a value is; ERR_NOT_FOUND. */
static int
take_number(struct filter_run *run, const json_t *in, struct argument *out)
{
	if (json_is_integer(in)) {
		out->kind = ARGUMENT_INTEGER;
		out->integer = json_integer_value(in);
		return 0;
	}
	if (json_is_real(in)) {
		out->kind = ARGUMENT_REAL;
		out->real = json_real_value(in);
		return 0;
	}
	if (!json_is_string(in))
		return template_filter_refuse(run, "is no number");
	if (template_filter_charge(run, json_string_length(in)))
		return ERR_TOO_LARGE;
	switch (template_number(trimmed(in), out)) {
	case 0:
		return 0;
	case ERR_TOO_LARGE:
		return template_filter_refuse(run, "is too large a number");
	default:
		return template_filter_refuse(run, "is no number");
	}
}

int
template_filter_number(struct filter_run *run, const struct filter_call *call,
		       const json_t *in, json_t **out)
{
	struct argument n;
	int err = take_number(run, in, &n);

	(void)call;
	if (err)
		return err;
	*out = n.kind == ARGUMENT_INTEGER ? json_integer(n.integer)
					  : json_real(n.real);
	return *out ? 0 : ERR_NOMEM;
}

/* Adds one to the last digit of a decimal number; text has room before it
 * for a carry.  Returns where the number begins then. */
static char *
count_up(char *text)
{
	char *p = text + strlen(text);

	while (p > text) {
		if (*--p == '.')
			continue;
		if (*p != '9') {
			++*p;
			return text;
		}
		*p = '0';
	}
	*--text = '1';
	return text;
}

/* |real| with `decimals`, rounded by the digit behind them. */
static const char *
round_digits(double real, int decimals, char *text, size_t size)
{
	int before = snprintf(text, size, "%.0f", floor(real));
	int after = DBL_DIG - before;
	char *p = text + 1; /* room for a carry */
	bool up;

	if (after <= decimals) {
		snprintf(p, size - 1, "%.*f", decimals, real);
		return p;
	}
	snprintf(p, size - 1, "%.*f", after, real);
	up = strchr(p, '.')[1 + decimals] >= '5';
	strchr(p, '.')[decimals ? 1 + decimals : 0] = 0;
	return up ? count_up(p) : p;
}

/* The number with `decimals`, as text; ERR_NOT_FOUND. */
static int
with_decimals(struct filter_run *run, const struct argument *n, int decimals,
	      char *text, size_t size)
{
	static const char zeros[] = "000000000";
	const char *digits;
	char room[64];
	bool minus;

	if (n->kind == ARGUMENT_INTEGER) {
		snprintf(text, size, "%lld%s%.*s", (long long)n->integer,
			 decimals ? "." : "", decimals, zeros);
		return 0;
	}
	if (fabs(n->real) >= ROUND_BELOW)
		return template_filter_refuse(run,
					      "is too large to be rounded");
	digits = round_digits(fabs(n->real), decimals, room, sizeof(room));
	/* No sign on what has become zero. */
	minus = n->real < 0 && strspn(digits, "0.") != strlen(digits);
	snprintf(text, size, "%s%s", minus ? "-" : "", digits);
	return 0;
}

int
template_filter_fixed(struct filter_run *run, const struct filter_call *call,
		      const json_t *in, json_t **out)
{
	struct argument n;
	char text[64];
	int err = take_number(run, in, &n);

	if (!err)
		err = with_decimals(run, &n, (int)call->arguments[0].integer,
				    text, sizeof(text));
	if (err)
		return err;
	*out = json_string(text);
	return *out ? 0 : ERR_NOMEM;
}

int
template_filter_round(struct filter_run *run, const struct filter_call *call,
		      const json_t *in, json_t **out)
{
	int decimals = call->count ? (int)call->arguments[0].integer : 0;
	struct argument n;
	char text[64];
	int err = take_number(run, in, &n);

	if (!err)
		err = with_decimals(run, &n, decimals, text, sizeof(text));
	if (err)
		return err;
	if (n.kind == ARGUMENT_INTEGER)
		*out = json_integer(n.integer);
	else if (!decimals)
		*out = json_integer(strtoll(text, NULL, 10));
	else
		*out = json_real(strtod(text, NULL));
	return *out ? 0 : ERR_NOMEM;
}
