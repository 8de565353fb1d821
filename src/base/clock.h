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

enum { CLOCK_TEXT_SIZE = 32 };
/* RFC 3339 with milliseconds and Z: 2026-01-02T03:04:05.678Z. */
void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
/* RFC 3339, any offset; ERR_INVALID. */
int clock_parse(struct slice text, int64_t *wall_ms);

#endif
