/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a consent: what was got is sealed and committed.
 *
 * Row, sealed bytes and the count of refresh tokens are one transaction; the
 * grant that was there works until then, and is revoked upstream after it.
 * If it cannot be committed, that one stays, and what has come is given back.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_getting_priv.h"

int
keeper_granted_row(struct keeper *k, const struct connect_msg_subject *who,
		   struct keeper_row *out)
{
	int rc = keeper_row_load(k, who, out);

	if (rc == ERR_NOT_FOUND) {
		memset(out, 0, sizeof(*out));
		out->who = *who;
		out->who.generation = 0;
		rc = 0;
	}
	return rc;
}

/* The grant and what is counted of it, together. */
static int
getting_store(struct keeper_getting *g, struct keeper_row *row,
	      const struct method_answer *told)
{
	struct connect_msg_grant brought;
	struct keeper *k = g->keeper;
	struct buf sealed;
	int rc;

	keeper_grant_fill(k, row, &g->payload, told, g->account,
			  keeper_kept_words(g, row), &brought);
	buf_init(&sealed, 128 * 1024);
	rc = store_begin(k->db);
	if (!rc)
		rc = keeper_payload_seal(k, &row->who, &g->payload, &sealed);
	if (!rc)
		rc = keeper_row_save(k, row, buf_slice(&sealed));
	if (!rc)
		rc = keeper_brought_save(k, row, &brought);
	if (!rc &&
	    method_credential_get(&g->payload.fields, SLICE("refresh_token")))
		rc = keeper_token_note(k, row, g->app.client_id, g->account);
	/* Quotas of a refresh token begin anew with it; for an app that gets
	 * tokens for itself this was a request as any other. */
	if (!rc &&
	    g->payload.binding->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		rc = keeper_row_note_request(k, row, g->asked_at);
	else if (!rc && !g->kept)
		rc = keeper_row_forget_requests(k, row);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	buf_release(&sealed);
	return rc;
}

static int
getting_take(struct keeper_getting *g, struct keeper_row *row,
	     const struct method_answer *told)
{
	int rc = keeper_granted_row(g->keeper, &g->who, row);
	struct keeper_row old;

	if (!rc)
		keeper_kept_take(g, row);
	old = *row;
	row->granted_at = g->kept ? old.granted_at : g->asked_at;
	row->refused = 0;
	row->in_doubt = 0;
	row->refusals = 0;
	snprintf(row->app, sizeof(row->app), "%s", g->app.app);
	if (!rc)
		rc = keeper_refresh_take(row, &g->payload, &g->answer,
					 g->asked_at);
	/* what is known of a refresh token stays with it */
	row->issue = g->kept ? old.issue : row->who.generation;
	if (g->kept)
		row->in_doubt = old.in_doubt;
	return rc ? rc : getting_store(g, row, told);
}

/* What people should know: who has died meanwhile hears of it later. */
static void
getting_warn(struct keeper_getting *g, const struct keeper_row *row,
	     char *warning, size_t size)
{
	snprintf(warning, size, "%s", keeper_kept_words(g, row));
	if (warning[0])
		return;
	keeper_token_warn(g->keeper, row, g->payload.binding, g->app.client_id,
			  g->account, warning, size);
	if (warning[0])
		keeper_brought_warn(g->keeper, row, warning);
}

void
keeper_getting_finish(struct keeper_getting *g)
{
	struct keeper *k = g->keeper;
	struct keeper_row row;
	struct method_answer told = g->answer;
	struct revoking *old = keeper_revoke_prepare(k, &g->who);
	char warning[CONNECT_WARNING_SIZE];
	int rc;

	/* told keeps what is no secret; take() moves the tokens out */
	rc = getting_take(g, &row, &told);
	if (rc) {
		keeper_revoke_replaced(old, NULL);
		keeper_kept_drop(g);
		keeper_getting_fail(g, rc, "",
				    "The credential could not be stored.");
		return;
	}
	step_reached("consent.stored");
	keeper_keep_sooner(k, &row);
	keeper_row_tell(k, &row, NULL, NULL);
	keeper_app_works(k, &g->app);
	getting_warn(g, &row, warning, sizeof(warning));
	told.access_token = told.refresh_token = NULL;
	keeper_reply_grant(k, g->rq, &row, &g->payload, &told, g->account,
			   warning);
	step_reached("consent.told");
	keeper_revoke_replaced(old, g->kept ? NULL : &g->payload);
	keeper_getting_free(g);
}
