/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is tried again, and when.
 *
 *               asked for   answered 429,   not answered
 *               at all      502, 503, 504
 *   GET HEAD OPTIONS yes      yes             yes
 *   PUT DELETE       yes      yes             yes (they are idempotent)
 *   POST PATCH       with a key alone
 *
 * A POST without an idempotency key is never sent twice, whatever has come of
 * it: if its outcome is not known it may have been done, and what 502 and 504
 * say is that nobody knows.
 *
 * The wait grows from a quarter of a second, doubled each time, by chance
 * between half of it and all of it; it is what the service asks for where it
 * does (RFC 9110 10.2.3).  What would end after the run's own time is not
 * waited for: then the answer stands.
 */
#include <stdio.h>
#include <time.h>

#include "hook/hook_priv.h"

enum { FIRST_MS = 250, LONGEST_MS = 8000, RETRY_AFTER_MAX_S = 24 * 3600 };

bool
hook_retry_is_allowed(struct slice method, bool keyed)
{
	return keyed || (!slice_eq(method, SLICE("POST")) &&
			 !slice_eq(method, SLICE("PATCH")));
}

/* IMF-fixdate (RFC 9110 5.6.7), and the two old forms, by strptime. */
static int64_t
date_ms(struct slice value)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
					     "%A, %d-%b-%y %H:%M:%S GMT",
					     "%a %b %d %H:%M:%S %Y" };
	char text[64];
	struct tm tm;
	const char *end;
	size_t i;

	if (slice_copy(value, text, sizeof(text)))
		return -1;
	for (i = 0; i < ARRAY_LEN(forms); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, forms[i], &tm);
		if (end && !*end)
			return (int64_t)timegm(&tm) * 1000;
	}
	return -1;
}

int64_t
hook_retry_after_ms(struct slice value, int64_t now_wall_ms)
{
	int64_t at;
	uint64_t s;

	value = slice_trim(value);
	if (!value.len)
		return 0;
	if (!slice_to_u64(value, RETRY_AFTER_MAX_S, &s))
		return (int64_t)s * 1000;
	/* digits, and too many */
	if (value.ptr[0] >= '0' && value.ptr[0] <= '9')
		return (int64_t)RETRY_AFTER_MAX_S * 1000;
	at = date_ms(value);
	return at > now_wall_ms ? at - now_wall_ms : 0;
}

unsigned
hook_retry_on_status(int64_t status)
{
	switch (status) {
	case 429:
		return HOOK_ON_429;
	case 502:
		return HOOK_ON_502;
	case 503:
		return HOOK_ON_503;
	case 504:
		return HOOK_ON_504;
	default:
		return 0;
	}
}

static unsigned
outcome_kind(const struct hook_outcome *o)
{
	return o->transport ? HOOK_ON_TRANSPORT
			    : hook_retry_on_status(o->status);
}

bool
hook_retry(const struct hook_retries *r, struct slice method, bool keyed,
	   const struct hook_outcome *o, unsigned attempt, int64_t left_ms,
	   uint64_t random, int64_t *delay_ms)
{
	int64_t wait = LONGEST_MS, asked;

	*delay_ms = 0;
	if (attempt > r->max || !(r->on & outcome_kind(o)) ||
	    !hook_retry_is_allowed(method, keyed))
		return false;
	if (attempt <= 5)
		wait = FIRST_MS << (attempt - 1);
	wait = wait / 2 + (int64_t)(random % (uint64_t)(wait / 2 + 1));
	asked = hook_retry_after_ms(o->retry_after, clock_wall_ms());
	if (asked > wait)
		wait = asked;
	if (wait >= left_ms)
		return false;
	*delay_ms = wait;
	return true;
}
