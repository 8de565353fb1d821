/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of answers under way, counted for the whole process.
 *
 * What a service sends lies here until its run is over, and for a moment
 * takes several times its size: opened, as text, as values.  Many large ones
 * at a time, or a few that are made to grow, would take all the memory there
 * is.  So each run says how much it has, and where too much is held already
 * it ends for want of room.  A small part of each is free, so that ordinary
 * answers have their place whatever large ones do.
 *
 * Runs on loops and on work threads.
 */
#include "hook/hook_priv.h"

/* Of all runs, beyond what is free. */
static _Atomic size_t held;

static size_t
counted(size_t bytes)
{
	return bytes > HOOK_HOLD_FREE ? bytes - HOOK_HOLD_FREE : 0;
}

bool
hook_hold(struct hook_result *r, size_t bytes)
{
	size_t have = counted(r->held), want = counted(bytes);

	if (want > have && atomic_fetch_add_explicit(&held, want - have,
						     memory_order_relaxed) +
					   want - have >
				   HOOK_HOLD_MAX) {
		atomic_fetch_sub_explicit(&held, want - have,
					  memory_order_relaxed);
		hook_result_problem(r, "overloaded",
				    "Lower max_bytes, or ask the service for "
				    "less.",
				    "Answers under way have all the memory "
				    "that there is for them: this one of more "
				    "than %d KiB found no room.",
				    HOOK_HOLD_FREE / 1024);
		return false;
	}
	if (want < have)
		atomic_fetch_sub_explicit(&held, have - want,
					  memory_order_relaxed);
	r->held = bytes;
	return true;
}
