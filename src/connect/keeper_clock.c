/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's time.
 *
 * Tokens age by the clock that nobody can set: how long a token has lived is
 * counted in the machine's steady time (which goes on in suspend), anchored
 * to the wall clock once, at the start.  A wall clock that is set back
 * therefore keeps no token alive, and one that is set forward kills none.
 *
 * The latest time known is stored now and then.  A keeper that starts under
 * an earlier wall clock goes on from there.  How long nothing ran is not known
 * then, and so no stored token's age: each is renewed before it is used again,
 * where it can be.
 *
 * A keeper that starts beside another one (new settings, a new program) goes on
 * with that one's time, however the wall clock was set since: both count from
 * the same anchor, which each keeper that starts alone has stored.  Leases mean
 * the same to both then.
 *
 * What was stored before the start is judged by whichever is later, this time
 * or the wall clock: a machine that wakes up in the past and is corrected
 * afterwards does not take old tokens for fresh ones.
 *
 * Consents under way live by this time, too.  While nothing ran they did not
 * age: the front, which has the wall clock, says no to those that are too old.
 *
 * Runs in the keeper.
 */
#include "connect/keeper_priv.h"

/* A step that is worth a line in the log. */
enum { STEP_MS = 5000 };

void
keeper_clock_start(struct keeper_clock *c, int64_t wall_ms, uint64_t boot_ms,
		   int64_t seen_ms)
{
	c->base_ms = wall_ms > seen_ms ? wall_ms : seen_ms;
	c->boot_ms = boot_ms;
	c->unsure = wall_ms < seen_ms - STEP_MS;
	c->ahead_ms = c->base_ms - wall_ms;
}

bool
keeper_clock_share(struct keeper_clock *c, int64_t wall_ms, uint64_t boot_ms,
		   int64_t seen_ms, int64_t anchor_ms)
{
	int64_t now = anchor_ms + (int64_t)boot_ms;

	keeper_clock_start(c, wall_ms, boot_ms, seen_ms);
	/* one of another program's, or of an earlier start of the machine */
	if (!anchor_ms || now < seen_ms)
		return false;
	c->base_ms = now;
	c->ahead_ms = now - wall_ms;
	return true;
}

int64_t
keeper_clock_anchor(const struct keeper_clock *c)
{
	return c->base_ms - (int64_t)c->boot_ms;
}

int64_t
keeper_clock_at(const struct keeper_clock *c, uint64_t boot_ms)
{
	return c->base_ms + (int64_t)(boot_ms - c->boot_ms);
}

int64_t
keeper_clock_step(struct keeper_clock *c, int64_t wall_ms, uint64_t boot_ms)
{
	int64_t ahead = keeper_clock_at(c, boot_ms) - wall_ms;
	int64_t step = c->ahead_ms - ahead;

	if (step > -STEP_MS && step < STEP_MS)
		return 0;
	c->ahead_ms = ahead;
	return step;
}

int64_t
keeper_now(const struct keeper *k)
{
	return keeper_clock_at(&k->clock, clock_boot_ms());
}

int64_t
keeper_row_now(const struct keeper *k, const struct keeper_row *r)
{
	int64_t now = keeper_now(k), wall;

	if (r->obtained_at >= k->clock.base_ms)
		return now;
	if (k->clock.unsure && strcmp(r->ends_why, "no_refresh") != 0)
		return INT64_MAX / 2;
	wall = clock_wall_ms();
	return wall > now ? wall : now;
}

int64_t
keeper_to_wall(const struct keeper *k, int64_t at_ms)
{
	int64_t off = clock_wall_ms() - keeper_now(k);

	if (at_ms <= 0)
		return 0;
	/* a little is the two clocks being read one after the other */
	if (off > -STEP_MS && off < STEP_MS)
		return at_ms;
	return at_ms + off > 0 ? at_ms + off : 1;
}
