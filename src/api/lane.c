/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lane of requests that wait for providers.
 *
 *   QUEUED --a place is free--> RUNS --done--> NONE
 *      +------client gone-------------------->  NONE
 *
 * Somebody else's server decides how long such a request takes, so they have
 * threads of their own, and everybody has some of these at the most: who
 * connects to a server that never answers holds up himself.  What everybody
 * may have under way and waiting is bounded, and what all have is.
 *
 * The list holds all of them in the order in which they came; it is short.
 * A queued one belongs to its worker's loop, which alone takes it out again.
 */
#include "api/api_priv.h"

enum {
	LANE_ALL = 512,
	LANE_EACH = 64,	    /* of one member */
	LANE_EACH_RUNS = 4, /* of these, under way: a quarter of the threads */
};

bool
api_lane_is_for(const struct api_request *r)
{
	if (!(r->route->flags & API_PROVIDER) || !r->lane_of[0])
		return false;
	/* A connection without a credential is a row, and quickly made. */
	return !(r->route->flags & API_CREATES) || r->secret_count > 0;
}

/* Who has begun the consent that the callback ends; "": nobody knows it, and
 * it will be refused at once. */
static int
consent_of(struct api_request *r)
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct store_stmt *st = NULL;
	int rc;

	people_token_hash(slice_str(api_query(r, "state")), hash);
	rc = store_query(r->db, &st,
			 "SELECT conversation, created_by FROM oauth_states "
			 "WHERE hash = ?1 AND used_at = 0",
			 "b", slice_of(hash, sizeof(hash)));
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, store_col(st, 0).len ? 0 : 1),
			   r->lane_of, sizeof(r->lane_of));
		rc = 0;
	}
	store_done(st);
	return rc;
}

int
api_lane_find(struct api_request *r)
{
	r->lane_of[0] = '\0';
	if (!(r->route->flags & API_PROVIDER))
		return 0;
	if (!r->actor)
		return consent_of(r);
	memcpy(r->lane_of, r->actor->member, sizeof(r->lane_of));
	return 0;
}

/* ---- the list, under its mutex ---- */

static void
lane_count(const struct api_lane *l, const char *whose, unsigned *all,
	   unsigned *his, unsigned *run)
{
	const struct api_request *r;

	*all = *his = *run = 0;
	for (r = l->first; r; r = r->lane_next) {
		++*all;
		if (strcmp(r->lane_of, whose) != 0)
			continue;
		++*his;
		*run += r->lane == API_LANE_RUNS;
	}
}

static void
lane_run(struct api_request *r)
{
	ASSERT(r->lane == API_LANE_QUEUED);
	r->lane = API_LANE_RUNS;
	loop_work_start(r->api->config.providers, &r->work);
}

static void
lane_put(struct api_lane *l, struct api_request *r)
{
	struct api_request **at = &l->first;

	while (*at)
		at = &(*at)->lane_next;
	r->lane_next = NULL;
	r->lane = API_LANE_QUEUED;
	*at = r;
}

static void
lane_take(struct api_lane *l, struct api_request *r)
{
	struct api_request **at = &l->first;

	while (*at != r) {
		ASSERT(*at);
		at = &(*at)->lane_next;
	}
	*at = r->lane_next;
	r->lane = API_LANE_NONE;
}

/* ---- on the loop ---- */

int
api_lane_enter(struct api_request *r)
{
	struct api_lane *l = &r->api->lane;
	unsigned all, his, run;
	int rc = 0;

	pthread_mutex_lock(&l->mutex);
	lane_count(l, r->lane_of, &all, &his, &run);
	if (his >= LANE_EACH)
		rc = ERR_FORBIDDEN;
	else if (all >= LANE_ALL)
		rc = ERR_BUSY;
	else
		lane_put(l, r);
	if (!rc && run < LANE_EACH_RUNS)
		lane_run(r);
	pthread_mutex_unlock(&l->mutex);
	return rc;
}

void
api_lane_leave(struct api_request *r)
{
	struct api_lane *l = &r->api->lane;
	unsigned all, his, run;
	struct api_request *next;

	if (r->lane == API_LANE_NONE) /* nobody else changes that */
		return;
	pthread_mutex_lock(&l->mutex);
	lane_take(l, r);
	lane_count(l, r->lane_of, &all, &his, &run);
	for (next = l->first; next && run < LANE_EACH_RUNS;
	     next = next->lane_next) {
		if (next->lane != API_LANE_QUEUED ||
		    strcmp(next->lane_of, r->lane_of) != 0)
			continue;
		lane_run(next);
		run++;
	}
	pthread_mutex_unlock(&l->mutex);
}

bool
api_lane_drop(struct api_request *r)
{
	struct api_lane *l = &r->api->lane;
	bool queued;

	if (!(r->route->flags & API_PROVIDER))
		return false;
	pthread_mutex_lock(&l->mutex);
	queued = r->lane == API_LANE_QUEUED;
	if (queued)
		lane_take(l, r);
	pthread_mutex_unlock(&l->mutex);
	return queued;
}
