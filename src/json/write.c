/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON: compact, members in the order they were set.
 *
 * Of its own because of numbers: jansson writes 19.9 as 19.899999999999999.
 * Here a real has the fewest digits that read back as the same real, and
 * always a point or an exponent, so that it is a real again when read.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"

enum {
	DEPTH_MAX = 64,
	DIGITS_MAX = 17, /* enough for any double */
	FIXED_BELOW = 21 /* 1e21 and above have an exponent, as in JavaScript */
};

/* d.ddde±x apart: digits without their point, and x. */
struct decimal {
	bool minus;
	char digits[DIGITS_MAX + 1];
	int count;
	int exponent;
};

static void
decimal_shortest(double real, struct decimal *d)
{
	char text[32], *p = text;
	/* Fifteen digits name any number of up to fifteen; the smallest
	 * numbers of all have fewer. */
	int precision = fabs(real) < DBL_MIN ? 1 : DBL_DIG;

	do {
		snprintf(text, sizeof(text), "%.*e", precision - 1, real);
	} while (strtod(text, NULL) != real && ++precision <= DIGITS_MAX);
	d->minus = *p == '-';
	p += d->minus;
	for (d->count = 0; *p && *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			d->digits[d->count++] = *p;
	d->exponent = *p ? atoi(p + 1) : 0;
	while (d->count > 1 && d->digits[d->count - 1] == '0')
		d->count--;
}

static void
put_zeros(struct buf *out, int count)
{
	while (count-- > 0)
		buf_putc(out, '0');
}

static void
put_digits(struct buf *out, const struct decimal *d, int from)
{
	if (from < d->count)
		buf_put(out, d->digits + from, (size_t)(d->count - from));
}

static int
write_real(double real, struct buf *out)
{
	struct decimal d;
	int whole;

	decimal_shortest(real, &d);
	whole = d.exponent + 1 < d.count ? d.exponent + 1 : d.count;
	if (d.minus)
		buf_putc(out, '-');
	if (d.exponent >= FIXED_BELOW || d.exponent < -6) {
		buf_putc(out, d.digits[0]);
		if (d.count > 1)
			buf_putc(out, '.');
		put_digits(out, &d, 1);
		return buf_printf(out, "e%d", d.exponent);
	}
	if (d.exponent < 0) {
		buf_puts(out, "0.");
		put_zeros(out, -d.exponent - 1);
		put_digits(out, &d, 0);
		return buf_err(out);
	}
	buf_put(out, d.digits, (size_t)whole);
	put_zeros(out, d.exponent + 1 - whole);
	buf_putc(out, '.');
	if (whole == d.count)
		buf_putc(out, '0');
	put_digits(out, &d, whole);
	return buf_err(out);
}

static int
write_string(const char *text, size_t len, struct buf *out)
{
	if (!slice_is_utf8(slice_of(text, len)))
		return ERR_INVALID;
	buf_putc(out, '"');
	codec_json(out, slice_of(text, len));
	return buf_putc(out, '"');
}

static int write_value(const json_t *value, int depth, struct buf *out);

static int
write_array(const json_t *array, int depth, struct buf *out)
{
	size_t i, n = json_array_size(array);
	int err = 0;

	buf_putc(out, '[');
	for (i = 0; i < n && !err; i++) {
		if (i)
			buf_putc(out, ',');
		err = write_value(json_array_get(array, i), depth - 1, out);
	}
	return err ? err : buf_putc(out, ']');
}

static int
write_object(const json_t *object, int depth, struct buf *out)
{
	/* jansson's iterators take no const; nothing is changed. */
	json_t *o = (json_t *)object;
	const char *comma = "";
	void *at;
	int err = 0;

	buf_putc(out, '{');
	for (at = json_object_iter(o); at && !err;
	     at = json_object_iter_next(o, at)) {
		buf_puts(out, comma);
		comma = ",";
		err = write_string(json_object_iter_key(at),
				   json_object_iter_key_len(at), out);
		if (err)
			break;
		buf_putc(out, ':');
		err = write_value(json_object_iter_value(at), depth - 1, out);
	}
	return err ? err : buf_putc(out, '}');
}

static int
write_value(const json_t *value, int depth, struct buf *out)
{
	if (!value ||
	    (!depth && (json_is_object(value) || json_is_array(value))))
		return ERR_INVALID;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return write_object(value, depth, out);
	case JSON_ARRAY:
		return write_array(value, depth, out);
	case JSON_STRING:
		return write_string(json_string_value(value),
				    json_string_length(value), out);
	case JSON_INTEGER:
		return buf_printf(out, "%lld",
				  (long long)json_integer_value(value));
	case JSON_REAL:
		return write_real(json_real_value(value), out);
	case JSON_TRUE:
		return buf_puts(out, "true");
	case JSON_FALSE:
		return buf_puts(out, "false");
	default:
		return buf_puts(out, "null");
	}
}

int
json_write(const json_t *value, struct buf *out)
{
	int err = write_value(value, DEPTH_MAX, out);

	return err ? err : buf_err(out);
}
