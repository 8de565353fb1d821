/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time.  Durations and deadlines use the monotonic clock, stored instants
 * the wall clock (milliseconds since 1970, UTC).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/slice.h"

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
/* Like clock_mono_ms(), but goes on while the machine is suspended: how old
 * something is. */
uint64_t clock_boot_ms(void);
int64_t clock_wall_ms(void);

/*
 * Whether an instant that was at most life_ms ahead when it was stored is still
 * to come.  One that is much further ahead was stored under a wall clock that
 * has been set back since, and would live as much longer: it is over.
 */
bool clock_is_to_come(int64_t at_ms, int64_t life_ms);
/*
 * An instant later than this was stored under such a clock: now + 2 * life_ms.
 * Twice, so that a clock that is set back by up to life_ms ends nothing; what
 * was stored before then lives as much longer, and no more.  Of instants that
 * are never ahead (when something was made) life_ms is that leeway alone.
 */
int64_t clock_wrong_after_ms(int64_t life_ms);

enum { CLOCK_TEXT_SIZE = 32 };
/* RFC 3339 with milliseconds and Z: 2026-01-02T03:04:05.678Z. */
void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
/* RFC 3339, any offset; ERR_INVALID. */
int clock_parse(struct slice text, int64_t *wall_ms);

#endif
