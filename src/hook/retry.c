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

#include "hook/hook_priv.h"

enum { FIRST_MS = 250, LONGEST_MS = 8000 };

bool
hook_retry_is_allowed(struct slice method, bool keyed)
{
	return keyed || (!slice_eq(method, SLICE("POST")) &&
			 !slice_eq(method, SLICE("PATCH")));
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
	asked = http_retry_after_ms(o->retry_after, clock_wall_ms());
	if (asked > wait)
		wait = asked;
	if (wait >= left_ms)
		return false;
	*delay_ms = wait;
	return true;
}
