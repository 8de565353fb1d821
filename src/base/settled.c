/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settled clock: from look to look.
 *
 *   as before --ahead by more than STEP_MS--> waits: goes on as before
 *   waits --the wall clock is set right, or SETTLES_MS are over--> follows
 *
 * Set back, or by less (the clocks' own drift): it follows at once.
 */
#include <pthread.h>

#include "base/base.h"

enum { STEP_MS = 60 * 1000, SETTLES_MS = 24 * 3600 * 1000 };

int64_t
clock_settle(struct clock_settled *s, int64_t wall_ms, int64_t steady_ms)
{
	int64_t off = wall_ms - steady_ms;

	if (s->known && off - s->off_ms > STEP_MS) {
		/* a since that is still to come is none */
		if (!s->ahead_since_ms || s->ahead_since_ms > steady_ms) {
			s->ahead_since_ms = steady_ms;
			log_warn("the wall clock was set forward; what is "
				 "removed by its age waits for a day",
				 LOG_I("by_ms", off - s->off_ms));
		}
		if (steady_ms - s->ahead_since_ms < SETTLES_MS)
			return steady_ms + s->off_ms;
	}
	if (s->ahead_since_ms)
		log_info("what is removed by its age follows the wall clock "
			 "again");
	s->known = true;
	s->off_ms = off;
	s->ahead_since_ms = 0;
	return wall_ms;
}

static pthread_mutex_t settled_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct clock_settled settled; /* under it */

/* Under the mutex. */
static int64_t
settled_look(void)
{
	return clock_settle(&settled, clock_wall_ms(),
			    (int64_t)clock_boot_ms());
}

int64_t
clock_settled_ms(void)
{
	int64_t now;

	pthread_mutex_lock(&settled_mutex);
	now = settled_look();
	pthread_mutex_unlock(&settled_mutex);
	return now;
}

void
clock_settled_look(void)
{
	clock_settled_ms();
}

void
clock_settled_get(struct clock_settled *out)
{
	pthread_mutex_lock(&settled_mutex);
	settled_look();
	*out = settled;
	pthread_mutex_unlock(&settled_mutex);
}

void
clock_settled_begin(const struct clock_settled *before)
{
	pthread_mutex_lock(&settled_mutex);
	settled = *before;
	settled_look();
	pthread_mutex_unlock(&settled_mutex);
}
