/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision of the call path: people_may_call().
 *
 * Runs on a worker's loop; no lock, no allocation.  A caller key's
 * restrictions come on top of what its member may: its rate is a GCRA on one
 * atomic number that all workers share.
 */
#include <stdatomic.h>

#include "people/people_priv.h"

static bool
restricted_to(char *const *items, size_t count, struct slice text)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (slice_eq(slice_str(items[i]), text))
			return true;
	return false;
}

/* A prefix ends at a segment's end: "/a/b" lets "/a/b/c" and "/a/b?d" pass,
 * not "/a/bc". */
static bool
prefix_holds(const char *prefix, struct slice path)
{
	size_t len = strlen(prefix);

	if (!slice_starts(path, slice_of(prefix, len)))
		return false;
	return len == 0 || prefix[len - 1] == '/' || path.len == len ||
	       path.ptr[len] == '/' || path.ptr[len] == '?';
}

/* The next character, with one percent-encoding undone. */
static char
path_char(struct slice path, size_t *at)
{
	unsigned char byte;
	size_t len;

	if (path.ptr[*at] == '%' && path.len - *at >= 3 &&
	    !codec_hex_decode(slice_of(path.ptr + *at + 1, 2), &byte, 1,
			      &len)) {
		*at += 3;
		return (char)byte;
	}
	return path.ptr[(*at)++];
}

/* Some servers cut "..;x" down to "..": such a path could leave its prefix
 * over there. */
static bool
path_climbs(struct slice path)
{
	size_t at = 0;
	unsigned dots = 0;
	bool only_dots = true;
	char c;

	while (at < path.len && path.ptr[at] != '?') {
		c = path_char(path, &at);
		if (c == '/' || c == '\\') {
			dots = 0;
			only_dots = true;
		} else if (c == '.' && only_dots) {
			dots++;
		} else if (c == ';' && only_dots && dots > 0) {
			return true;
		} else {
			only_dots = false;
		}
	}
	return false;
}

static bool
path_is_allowed(const struct people_actor *a, struct slice path)
{
	size_t i;

	if (path_climbs(path))
		return false;
	for (i = 0; i < a->path_prefix_count; i++)
		if (prefix_holds(a->path_prefixes[i], path))
			return true;
	return false;
}

/* GCRA (ITU-T I.371) with a burst of one minute's worth. */
static int
rate_take(struct people_actor *a, unsigned *retry_after_s)
{
	int64_t step, now, tat, next, early;

	if (!a->rate_per_minute)
		return 0;
	step = 60000000 / (int64_t)a->rate_per_minute;
	if (step < 1)
		step = 1;
	early = step * ((int64_t)a->rate_per_minute - 1);
	now = (int64_t)clock_mono_us();
	tat = atomic_load_explicit(&a->rate_tat, memory_order_relaxed);
	do {
		next = tat > now ? tat : now;
		if (next - now > early) {
			*retry_after_s =
				(unsigned)((next - now - early + 999999) /
					   1000000);
			return ERR_BUSY;
		}
		next += step;
	} while (!atomic_compare_exchange_weak_explicit(
		&a->rate_tat, &tat, next, memory_order_relaxed,
		memory_order_relaxed));
	return 0;
}

int
people_may_call_path(const struct people_actor *a, struct slice path,
		     const char **why)
{
	if (!a->path_prefixes || path_is_allowed(a, path))
		return 0;
	*why = "this key may not call this path";
	return ERR_FORBIDDEN;
}

int
people_may_call(struct people_actor *a, const char *connection_id,
		const struct people_sharing *sharing, struct slice method,
		struct slice path, const char **why, unsigned *retry_after_s)
{
	*why = "";
	*retry_after_s = 0;
	if (!a->flow[0] && !people_sharing_lets_use(sharing, a->member))
		return ERR_NOT_FOUND;
	/* A flow without a list would be one that may use everything. */
	if (a->flow[0] && !a->connections)
		return ERR_NOT_FOUND;
	if (a->connections &&
	    !restricted_to(a->connections, a->connection_count,
			   slice_str(connection_id)))
		return ERR_NOT_FOUND;
	if (a->role == PEOPLE_VIEWER) {
		*why = "viewers look, and cannot call";
		return ERR_FORBIDDEN;
	}
	if (a->methods && !restricted_to(a->methods, a->method_count, method)) {
		*why = "this key may not use this method";
		return ERR_FORBIDDEN;
	}
	if (path.ptr && people_may_call_path(a, path, why))
		return ERR_FORBIDDEN;
	return rate_take(a, retry_after_s);
}

int
people_may_call_bare(struct people_actor *a, const char **why)
{
	*why = "";
	if (a->flow[0] || a->role >= PEOPLE_BUILDER)
		return 0;
	*why = a->role == PEOPLE_VIEWER
		       ? "viewers look, and cannot call"
		       : "this key calls through connections alone";
	return ERR_FORBIDDEN;
}
