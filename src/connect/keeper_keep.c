/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that die if nobody uses them, kept alive.
 *
 * Some refresh tokens end when they were not used for so many days. Each such
 * grant has a time in its row (keeper_when.c says which); from time to time
 * the next few that are due are refreshed.  It is the database that knows
 * them, not a timer each, so that a million idle grants cost nothing, and a
 * restart forgets none.  However many are due, a few are under way at once.
 *
 * Nothing is kept alive that is suspended, or that needs a person.
 *
 * Grants that wait for their OAuth app take the same turns when it is set
 * (keeper_foreign.c), also those that need not be kept alive: these once.
 *
 * Runs in the keeper.
 */
#include "connect/keeper_priv.h"

enum {
	BATCH = 8,	    /* looked at in one turn */
	UNDER_WAY_MAX = 16, /* refreshes for this reason */
	SOON_MS = 1000,	    /* when more are due */
	LATER_MS = 60 * 1000,
	/* One that cannot be renewed is tried again after so long at most. */
	POSTPONED_MS = 60 * 60 * 1000,
	POSTPONED_LEAST_MS = 5 * 1000,
};

static int
keep_due(struct keeper *k, int64_t now, struct connect_msg_subject out[BATCH],
	 size_t *count, int64_t *next)
{
	struct store_stmt *st;
	int64_t at;
	int rc;

	*count = 0;
	*next = now + LATER_MS;
	rc = store_query(k->db, &st,
			 "SELECT org, connection, subject, keep_at FROM grants "
			 "WHERE keep_at > 0 AND suspended = 0 "
			 "AND status = 'connected' ORDER BY keep_at LIMIT 9",
			 "");
	if (rc)
		return rc;
	while ((rc = store_step(st)) == 1) {
		at = store_col_int(st, 3);
		if (at > now || *count == BATCH) {
			*next = at;
			break;
		}
		memset(&out[*count], 0, sizeof(*out));
		slice_copy(store_col(st, 0), out[*count].org, sizeof(out->org));
		slice_copy(store_col(st, 1), out[*count].connection,
			   sizeof(out->connection));
		slice_copy(store_col(st, 2), out[*count].subject,
			   sizeof(out->subject));
		++*count;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Out of the way for a part of the time that is left, whatever comes of the
 * try: the outcome sets another time, a crash before it leaves this one. */
static void
keep_postpone(struct keeper *k, struct keeper_row *r, int64_t now)
{
	int64_t wait = (r->idle_ends_at - now) / 4;

	if (wait > POSTPONED_MS || r->idle_ends_at <= now)
		wait = POSTPONED_MS;
	if (wait < POSTPONED_LEAST_MS)
		wait = POSTPONED_LEAST_MS;
	wait -= (int64_t)(random_u64() % (uint64_t)(wait / 4));
	r->keep_at = now + wait;
	store_exec(k->db, NULL,
		   "UPDATE grants SET keep_at = ?3 WHERE connection = ?1 "
		   "AND subject = ?2 AND keep_at > 0",
		   "ssi", r->who.connection, r->who.subject, r->keep_at);
}

/* Whether it is to be tried again, with nobody asking.  One that would die
 * otherwise is; another one (it waited for its app: keeper_foreign.c) where
 * time alone is missing, since it is made due whenever the app is set. */
static bool
keep_goes_on(const struct keeper_row *r, int rc, const char *code, int64_t now)
{
	if (r->idle_ends_at > now && (!r->ends_at || r->ends_at > now))
		return true;
	return rc == ERR_BUSY && strcmp(code, "app_replaced") != 0;
}

/* It could not be begun.  Unless another keeper has worked on it meanwhile,
 * its time is the one of keep_postpone(). */
static void
keep_failed(struct keeper *k, const struct keeper_row *r, int rc,
	    const struct connect_msg_problem *problem, int64_t now)
{
	bool goes_on = keep_goes_on(r, rc, problem->code, now);

	if (!goes_on)
		store_exec(k->db, NULL,
			   "UPDATE grants SET keep_at = 0 WHERE connection = "
			   "?1 AND subject = ?2 AND keep_at = ?3",
			   "ssi", r->who.connection, r->who.subject,
			   r->keep_at);
	if (!goes_on && !strcmp(problem->code, "app_replaced"))
		return; /* whoever has replaced it was told */
	log_warn(r->idle_ends_at ? "an idle grant could not be kept alive yet"
				 : "a grant that has waited for its OAuth app "
				   "could not be renewed yet",
		 LOG_S("connection", r->who.connection),
		 LOG_S("why", problem->detail));
}

static void
keep_one(struct keeper *k, const struct connect_msg_subject *who, int64_t now)
{
	struct connect_msg_problem problem = { 0 };
	struct keeper_active *a;
	int rc;

	if (keeper_active_get(k, who, &a))
		return;
	keep_postpone(k, &a->row, now);
	rc = a->state == KEEPER_IDLE ? keeper_refresh_start(a, &problem)
				     : ERR_BUSY;
	if (!rc) {
		a->keeping = true;
		k->keeping++;
	} else if (problem.code[0]) {
		keep_failed(k, &a->row, rc, &problem, now);
	}
	keeper_active_put(a);
}

static void keep_start(struct keeper *k, int64_t now, int64_t wait);

static void
keep_turn(struct loop_timer *t)
{
	struct keeper *k = CONTAINER_OF(t, struct keeper, keep);
	struct connect_msg_subject due[BATCH];
	int64_t now = keeper_now(k), next, wait;
	size_t count, i;

	if (keep_due(k, now, due, &count, &next))
		next = now + LATER_MS;
	for (i = 0; i < count && k->keeping < UNDER_WAY_MAX; i++)
		keep_one(k, &due[i], now);
	wait = next - now;
	if (wait > LATER_MS)
		wait = LATER_MS;
	keep_start(k, now, wait);
}

static void
keep_start(struct keeper *k, int64_t now, int64_t wait)
{
	if (wait < SOON_MS)
		wait = SOON_MS;
	wait += (int64_t)(random_u64() % (uint64_t)(wait / 4));
	k->keep_turn_at = now + wait;
	loop_timer_start(k->loop, &k->keep, (uint64_t)wait, keep_turn);
}

void
keeper_keep_soon(struct keeper *k)
{
	int64_t now = keeper_now(k);

	if (k->keep.prev && k->keep_turn_at > now + 2 * SOON_MS)
		keep_start(k, now, SOON_MS);
}

void
keeper_keep_sooner(struct keeper *k, const struct keeper_row *r)
{
	int64_t now = keeper_now(k);

	if (r->keep_at && k->keep.prev && r->keep_at < k->keep_turn_at &&
	    k->keep_turn_at > now + 2 * SOON_MS)
		keep_start(k, now, r->keep_at - now);
}

void
keeper_keep_start(struct keeper *k)
{
	k->keep_turn_at = keeper_now(k) + SOON_MS;
	loop_timer_start(k->loop, &k->keep, 1 + random_u64() % SOON_MS,
			 keep_turn);
}

void
keeper_keep_ended(struct keeper_active *a)
{
	if (!a->keeping)
		return;
	a->keeping = false;
	ASSERT(a->keeper->keeping > 0);
	a->keeper->keeping--;
}
