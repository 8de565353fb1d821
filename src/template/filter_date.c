/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The date filter.
 *
 * Takes RFC 3339 text, a date alone (its midnight in UTC), or a number of
 * seconds since 1970, which are milliseconds from 100000000000 on (as
 * seconds, that would be the year 5138).  Writes one of a few formats, in UTC
 * or at an offset given as argument.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "template/template_priv.h"

static const int64_t milliseconds_from = 100000000000;
/* 0000-01-01 to 9999-12-31, in milliseconds. */
static const int64_t first_ms = -62167219200000, last_ms = 253402300799999;

/* Letters stand for what strftime(3) has under them; NULL: a number. */
static const struct format {
	const char *name;
	const char *pattern;
	bool utc; /* by definition: takes no offset */
} formats[] = {
	{ "date", "Y-m-d", false },
	{ "time", "H:M", false },
	{ "datetime", "Y-m-d H:M", false },
	{ "dmy", "d.m.Y", false },
	{ "mdy", "m/d/Y", false },
	{ "weekday", "A", false },
	{ "rfc3339", "Y-m-dTH:M:Sz", false },
	{ "http", "a, d b Y H:M:S Z", true },
	{ "unix", NULL, true },
	{ "unix_ms", NULL, true },
};

static const struct format *
format_find(struct slice name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(formats); i++)
		if (slice_eq(name, slice_str(formats[i].name)))
			return &formats[i];
	return NULL;
}

/* "+02:00", "-05:30", "Z" in minutes. */
static bool
offset_parse(struct slice s, int *minutes)
{
	uint64_t h, m;

	*minutes = 0;
	if (slice_eq(s, SLICE("Z")))
		return true;
	if (s.len != 6 || (s.ptr[0] != '+' && s.ptr[0] != '-') ||
	    s.ptr[3] != ':' || slice_to_u64(slice_of(s.ptr + 1, 2), 23, &h) ||
	    slice_to_u64(slice_of(s.ptr + 4, 2), 59, &m))
		return false;
	*minutes = (int)(h * 60 + m) * (s.ptr[0] == '-' ? -1 : 1);
	return true;
}

bool
template_filter_date_check(const struct filter_call *call, const char **why)
{
	const struct format *f = format_find(call->arguments[0].text);
	int minutes;

	*why = "the format is date, time, datetime, dmy, mdy, weekday, "
	       "rfc3339, http, unix or unix_ms";
	if (!f)
		return false;
	if (call->count == 1)
		return true;
	*why = "this format has no offset";
	if (f->utc)
		return false;
	*why = "an offset looks like \"+02:00\", \"-05:30\" or \"Z\"";
	return offset_parse(call->arguments[1].text, &minutes);
}

/* ---- reading ---- */

static int
text_instant(struct slice text, int64_t *ms)
{
	char whole[32];

	if (text.len == 10) {
		snprintf(whole, sizeof(whole), "%.*sT00:00:00Z",
			 SLICE_ARG(text));
		text = slice_str(whole);
	}
	return clock_parse(text, ms);
}

static bool
number_instant(json_int_t n, int64_t *ms)
{
	if (n > -milliseconds_from && n < milliseconds_from)
		n *= 1000;
	*ms = n;
	return n >= first_ms && n <= last_ms;
}

static int
instant(struct filter_run *run, const json_t *in, int64_t *ms)
{
	struct argument n;
	struct slice s;

	if (json_is_integer(in) && number_instant(json_integer_value(in), ms))
		return 0;
	if (json_is_string(in)) {
		if (template_filter_charge(run, json_string_length(in)))
			return ERR_TOO_LARGE;
		s = slice_trim(slice_of(json_string_value(in),
					json_string_length(in)));
		if (!text_instant(s, ms))
			return 0;
		if (!template_number(s, &n) && n.kind == ARGUMENT_INTEGER &&
		    number_instant(n.integer, ms))
			return 0;
	}
	return template_filter_refuse(run, "is no date");
}

/* ---- writing ---- */

static const char *const weekdays[] = { "Sunday",    "Monday",	 "Tuesday",
					"Wednesday", "Thursday", "Friday",
					"Saturday" };
static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

/* One letter of a pattern. */
static void
put_letter(char letter, const struct tm *tm, int offset, struct buf *out)
{
	switch (letter) {
	case 'Y':
		buf_printf(out, "%04d", tm->tm_year + 1900);
		break;
	case 'm':
		buf_printf(out, "%02d", tm->tm_mon + 1);
		break;
	case 'd':
		buf_printf(out, "%02d", tm->tm_mday);
		break;
	case 'H':
		buf_printf(out, "%02d", tm->tm_hour);
		break;
	case 'M':
		buf_printf(out, "%02d", tm->tm_min);
		break;
	case 'S':
		buf_printf(out, "%02d", tm->tm_sec);
		break;
	case 'A':
		buf_puts(out, weekdays[tm->tm_wday]);
		break;
	case 'a':
		buf_put(out, weekdays[tm->tm_wday], 3);
		break;
	case 'b':
		buf_puts(out, months[tm->tm_mon]);
		break;
	case 'Z':
		buf_puts(out, "GMT");
		break;
	case 'z':
		if (offset)
			buf_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+',
				   abs(offset) / 60, abs(offset) % 60);
		else
			buf_puts(out, "Z");
		break;
	default:
		buf_putc(out, letter);
	}
}

/* Whole seconds, rounded down before 1970 too. */
static int64_t
seconds_of(int64_t ms)
{
	return (ms - first_ms) / 1000 + first_ms / 1000;
}

static int
put_instant(struct filter_run *run, const struct format *f, int64_t ms,
	    int offset, struct buf *out)
{
	int64_t local = ms + (int64_t)offset * 60000;
	time_t s = (time_t)seconds_of(local);
	const char *p;
	struct tm tm;

	if (local < first_ms || local > last_ms || !gmtime_r(&s, &tm))
		return template_filter_refuse(run, "is out of range as a date");
	for (p = f->pattern; *p; p++)
		put_letter(*p, &tm, offset, out);
	return buf_err(out);
}

int
template_filter_date(struct filter_run *run, const struct filter_call *call,
		     const json_t *in, json_t **out)
{
	const struct format *f = format_find(call->arguments[0].text);
	int err, offset = 0;
	struct buf text;
	int64_t ms;

	err = instant(run, in, &ms);
	if (err)
		return err;
	if (!f->pattern) {
		*out = json_integer(strcmp(f->name, "unix") ? ms
							    : seconds_of(ms));
		return *out ? 0 : ERR_NOMEM;
	}
	if (call->count > 1)
		offset_parse(call->arguments[1].text, &offset);
	buf_init(&text, run->max);
	err = put_instant(run, f, ms, offset, &text);
	if (!err)
		err = template_filter_output(run, &text, out);
	buf_release(&text);
	return err;
}
