/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall clock for what is removed because it is old.
 *
 * A wall clock that is set forward by mistake makes everything old at once,
 * and what is removed then stays so.  Therefore this one goes on as before
 * where the wall clock was set forward by more than a minute, and follows a
 * day later; where it was set back, at once.  Whether it was set is told by
 * its distance to the steady clock of the machine's boot.
 *
 * One for the process, from any thread.  It knows what it has looked at: a
 * clock that is set and set right between two looks was never set.
 */
#ifndef BASE_SETTLED_H
#define BASE_SETTLED_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970; never later than clock_wall_ms() is. */
int64_t clock_settled_ms(void);

/*
 * Looks, and no more: whoever stores the wall clock's time, by which something
 * will be removed, does so before.  If that clock was set back, this one must
 * have followed when it is set right again: what was stored meanwhile would be
 * old at once.
 */
void clock_settled_look(void);

/* What is known of the clocks; all zero at first.  Steady times are
 * clock_boot_ms(). */
struct clock_settled {
	bool known;
	int64_t off_ms; /* the wall clock's distance to the steady one */
	int64_t ahead_since_ms; /* steady; 0: it is not ahead */
};
/* One look; the settled time. */
int64_t clock_settle(struct clock_settled *s, int64_t wall_ms,
		     int64_t steady_ms);

/* What this process knows, for another one of this boot of the machine; and
 * what one before did: the day is counted from its first process on. */
void clock_settled_get(struct clock_settled *out);
void clock_settled_begin(const struct clock_settled *before);

#endif
