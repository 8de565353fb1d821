/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants whose OAuth app was replaced by another.
 *
 * A refresh token belongs to the client id that it was issued to.  While the
 * app that is stored has another one, nothing is sent, and nothing is lost:
 * the grant is degraded and says which client id it waits for, and the app
 * says so too.  When that one is set again, all who wait for it are renewed,
 * whether anybody calls them or not (keeper_keep.c's turns).
 *
 * The app's own word goes when it is set, or with the next tokens that it
 * gets once nobody waits any more: each was connected anew, or revoked.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

enum { AGAIN_S = KEEPER_FLAGGED_MS / 1000 };

static void
foreign_words(const char *client_id, char out[256])
{
	enum { CUT = 80 };
	char id[CUT + 1];

	slice_copy(slice_head(slice_str(client_id), CUT), id, sizeof(id));
	slice_mend_utf8(id);
	snprintf(out, 256,
		 "The OAuth app has another client id now, which cannot renew "
		 "what was given to %s%s. Set that one again, and it goes on "
		 "by itself; or connect again.",
		 id, strlen(client_id) > strlen(id) ? "…" : "");
}

/* Under the claim, so that a refresh of another keeper is not written over. */
static int
foreign_store(struct keeper *k, struct keeper_row *r,
	      const struct keeper_app *app)
{
	int rc = store_begin(k->db);

	if (!rc)
		rc = keeper_row_claim(k, r);
	r->intent = 0;
	r->lease_until = 0;
	if (!rc)
		rc = keeper_row_save(k, r, SLICE_NONE);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"UPDATE apps SET foreign_at = ?4 WHERE "
				"org = ?1 AND app = ?2 AND data_centre = ?3",
				"sssi", app->org, app->app, app->data_centre,
				keeper_now(k));
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	return rc;
}

void
keeper_foreign_wait(struct keeper_active *a,
		    struct connect_msg_problem *problem)
{
	struct keeper *k = a->keeper;
	struct keeper_row r = a->row;
	const struct keeper_app *app = &a->app;
	char reason[sizeof(r.health_reason)];

	foreign_words(a->payload.client_id, reason);
	keeper_problem_set(problem, "app_replaced", r.status, "%s", reason);
	problem->retry_after_s = AGAIN_S;
	if (r.foreign_app && app->foreign_at &&
	    !strcmp(r.health_reason, reason))
		return;
	r.foreign_app = true;
	r.degraded = true;
	snprintf(r.health_reason, sizeof(r.health_reason), "%s", reason);
	if (foreign_store(k, &r, app))
		return; /* whoever asks next comes here again */
	a->row = r;
	k->counts.failed++;
	keeper_row_tell(k, &r, app->app, app->data_centre);
	log_warn("the OAuth app has another client id than a connection",
		 LOG_S("connection", r.who.connection), LOG_S("app", app->app));
}

int
keeper_foreign_try(struct keeper *k, const char *org, const char *app)
{
	/* what is suspended has its time put aside */
	return store_exec(k->db, NULL,
			  "UPDATE grants SET keep_at = CASE WHEN suspended = 0 "
			  "THEN ?3 ELSE -?3 END WHERE org = ?1 AND app = ?2 "
			  "AND foreign_app = 1 AND status = 'connected'",
			  "ssi", org, app, keeper_now(k));
}

bool
keeper_foreign_left(struct keeper *k, const struct keeper_app *a)
{
	struct store_stmt *st;
	bool left;

	if (!a->foreign_at ||
	    store_query(k->db, &st,
			"SELECT 1 FROM grants WHERE org = ?1 AND app = ?2 "
			"AND foreign_app = 1 AND status = 'connected' LIMIT 1",
			"ss", a->org, a->app))
		return false;
	left = store_step(st) == 1;
	store_done(st);
	return left;
}
