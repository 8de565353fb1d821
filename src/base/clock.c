/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks, and RFC 3339 text.
 */
#include <stdio.h>
#include <time.h>

#include "base/base.h"

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_mono_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t
clock_mono_us(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000u;
}

uint64_t
clock_boot_ms(void)
{
	return clock_ns(CLOCK_BOOTTIME) / 1000000u;
}

int64_t
clock_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_wrong_after_ms(int64_t life_ms)
{
	return clock_wall_ms() + 2 * life_ms;
}

bool
clock_is_to_come(int64_t at_ms, int64_t life_ms)
{
	return at_ms > clock_wall_ms() &&
	       at_ms <= clock_wrong_after_ms(life_ms);
}

void
clock_format(int64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
	int64_t ms = wall_ms % 1000;
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n;

	if (ms < 0) {
		ms += 1000;
		s--;
	}
	gmtime_r(&s, &tm);
	n = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_TEXT_SIZE - n, ".%03dZ", (int)ms);
}

/* Exactly `count` digits at the front of *s. */
static int
take_digits(struct slice *s, size_t count, int *out)
{
	uint64_t n;

	if (s->len < count || slice_to_u64(slice_head(*s, count), 9999, &n))
		return ERR_INVALID;
	*out = (int)n;
	*s = slice_from(*s, count);
	return 0;
}

static int
take_char(struct slice *s, const char *any_of)
{
	char c;

	if (!s->len || !strchr(any_of, s->ptr[0]) || !s->ptr[0])
		return 0;
	c = s->ptr[0];
	*s = slice_from(*s, 1);
	return c;
}

static int
take_fraction(struct slice *s, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (!take_char(s, "."))
		return 0;
	if (!s->len || s->ptr[0] < '0' || s->ptr[0] > '9')
		return ERR_INVALID;
	for (; s->len && s->ptr[0] >= '0' && s->ptr[0] <= '9';
	     *s = slice_from(*s, 1), scale /= 10)
		*ms += (s->ptr[0] - '0') * scale;
	return 0;
}

static int
take_offset(struct slice *s, int *minutes)
{
	int sign = take_char(s, "Zz+-"), h = 0, m = 0;

	*minutes = 0;
	if (!sign)
		return ERR_INVALID;
	if (sign == 'Z' || sign == 'z')
		return 0;
	if (take_digits(s, 2, &h) || !take_char(s, ":") ||
	    take_digits(s, 2, &m) || h > 23 || m > 59)
		return ERR_INVALID;
	*minutes = (sign == '-' ? -1 : 1) * (h * 60 + m);
	return 0;
}

int
clock_parse(struct slice t, int64_t *wall_ms)
{
	struct tm tm = { 0 }, again;
	int ms, offset, year;
	time_t s;

	*wall_ms = 0;
	if (take_digits(&t, 4, &year) || !take_char(&t, "-") ||
	    take_digits(&t, 2, &tm.tm_mon) || !take_char(&t, "-") ||
	    take_digits(&t, 2, &tm.tm_mday) || !take_char(&t, "Tt ") ||
	    take_digits(&t, 2, &tm.tm_hour) || !take_char(&t, ":") ||
	    take_digits(&t, 2, &tm.tm_min) || !take_char(&t, ":") ||
	    take_digits(&t, 2, &tm.tm_sec) || take_fraction(&t, &ms) ||
	    take_offset(&t, &offset) || t.len)
		return ERR_INVALID;
	tm.tm_year = year - 1900;
	tm.tm_mon -= 1;
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return ERR_INVALID;
	again = (struct tm){ .tm_year = tm.tm_year,
			     .tm_mon = tm.tm_mon,
			     .tm_mday = tm.tm_mday };
	timegm(&again);
	if (again.tm_mon != tm.tm_mon)
		return ERR_INVALID; /* 31 February */
	s = timegm(&tm);
	*wall_ms = ((int64_t)s - offset * 60) * 1000 + ms;
	return 0;
}
