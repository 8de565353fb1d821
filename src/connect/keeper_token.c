/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many refresh tokens an account has given to an OAuth app.
 *
 * Some providers allow only so many (Zoho 20 for each user and app, Google
 * 100), and silently end the oldest when there is one more.  So each that was
 * issued is noted until it is confirmed to be of no use: the provider has
 * revoked it, or refuses it.  One whose revocation failed still counts, also
 * when its connection is deleted.
 *
 * Where the account is not known (no scope lets us ask), those of unknown
 * accounts are counted together: the warning then says "up to", and no
 * connection is told that it may have been ended.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

int
keeper_token_note(struct keeper *k, const struct keeper_row *r,
		  const char *client_id, const char *account)
{
	return store_exec(k->db, NULL,
			  "INSERT INTO refresh_tokens (connection, subject, "
			  "issue, org, app, client_id, account, issued_at) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
			  "ON CONFLICT (connection, subject, issue) DO NOTHING",
			  "ssissssi", r->who.connection, r->who.subject,
			  (int64_t)r->issue, r->who.org, r->app, client_id,
			  account, keeper_now(k));
}

void
keeper_token_forget(struct keeper *k, const struct keeper_row *r)
{
	if (store_exec(k->db, NULL,
		       "DELETE FROM refresh_tokens WHERE connection = ?1 "
		       "AND subject = ?2 AND issue = ?3",
		       "ssi", r->who.connection, r->who.subject,
		       (int64_t)r->issue))
		log_warn("a refresh token is still counted",
			 LOG_S("connection", r->who.connection),
			 LOG_S("why", store_message(k->db)));
}

int
keeper_token_account(struct keeper *k, const struct keeper_row *r, char *out,
		     size_t size)
{
	struct store_stmt *st;
	int rc;

	out[0] = '\0';
	rc = store_query(k->db, &st,
			 "SELECT account FROM refresh_tokens WHERE "
			 "connection = ?1 AND subject = ?2 AND issue = ?3",
			 "ssi", r->who.connection, r->who.subject,
			 (int64_t)r->issue);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		slice_copy(store_col(st, 0), out, size);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

/* How many the service allows (0: not known), and whether one too many
 * silently ends the oldest. */
static uint32_t
token_quota(const struct binding *b, bool *evicts)
{
	const struct catalog_quota *q;
	size_t i;

	*evicts = true;
	if (b->method->refresh && b->method->refresh->tokens_per_account)
		return b->method->refresh->tokens_per_account;
	for (i = 0; i < b->method->quotas.count; i++) {
		q = &b->method->quotas.items[i];
		if (q->of == CATALOG_QUOTA_REFRESH_TOKENS && !q->window_s) {
			*evicts = q->evicts;
			return q->count;
		}
	}
	return 0;
}

#define TOKENS_WHERE \
	"FROM refresh_tokens WHERE org = ?1 AND app = ?2 AND client_id = ?3 " \
	"AND account = ?4"

static int
token_count(struct keeper *k, const struct keeper_row *r, const char *client_id,
	    const char *account, uint64_t *out)
{
	struct store_stmt *st;
	int rc;

	*out = 0;
	rc = store_query(k->db, &st, "SELECT count(*) " TOKENS_WHERE, "ssss",
			 r->who.org, r->app, client_id, account);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		*out = (uint64_t)store_col_int(st, 0);
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* The oldest, which one too many has ended. */
static int
token_oldest(struct keeper *k, const struct keeper_row *r,
	     const char *client_id, const char *account,
	     struct connect_msg_subject *out)
{
	struct store_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = store_query(k->db, &st,
			 "SELECT org, connection, subject, issue " TOKENS_WHERE
			 " ORDER BY issued_at LIMIT 1",
			 "ssss", r->who.org, r->app, client_id, account);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), out->org, sizeof(out->org));
		slice_copy(store_col(st, 1), out->connection,
			   sizeof(out->connection));
		slice_copy(store_col(st, 2), out->subject,
			   sizeof(out->subject));
		out->generation = (uint64_t)store_col_int(st, 3);
	}
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

/* Its connection, if it still holds that token, is told so. */
static void
token_evicted(struct keeper *k, const struct keeper_row *by,
	      const char *client_id, const char *account)
{
	struct connect_msg_subject who;
	struct keeper_row r;
	int rc;

	if (token_oldest(k, by, client_id, account, &who) ||
	    keeper_row_load(k, &who, &r) || r.issue != who.generation ||
	    r.status != CONNECT_CONNECTED)
		return;
	r.degraded = true;
	snprintf(r.health_reason, sizeof(r.health_reason),
		 "The provider may have ended this access: another connection "
		 "has got one refresh token more than it allows for each "
		 "account. Test it, and connect again if it fails.");
	rc = store_begin(k->db);
	if (!rc)
		rc = keeper_row_save(k, &r, SLICE_NONE);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	else
		keeper_row_tell(k, &r, NULL, NULL);
}

void
keeper_token_warn(struct keeper *k, const struct keeper_row *r,
		  const struct binding *b, const char *client_id,
		  const char *account, char *out, size_t size)
{
	uint64_t all;
	bool evicts;
	uint32_t most = token_quota(b, &evicts);

	out[0] = '\0';
	if (!most || token_count(k, r, client_id, account, &all))
		return;
	if (all < most - most / 10) /* the last tenth */
		return;
	snprintf(out, size,
		 "This account has given %s%llu of the %u refresh tokens that "
		 "the provider allows for one OAuth app%s. Delete connections "
		 "that nobody uses.",
		 account[0] ? "" : "up to ", (unsigned long long)all, most,
		 !evicts      ? ""
		 : all > most ? "; it silently ends the oldest"
		 : all < most ? "; beyond that it silently ends the oldest"
			      : "; the next one silently ends the oldest");
	log_warn("refresh tokens of an account run short",
		 LOG_S("connection", r->who.connection), LOG_S("app", r->app),
		 LOG_I("count", (int64_t)all));
	if (all > most && evicts && account[0])
		token_evicted(k, r, client_id, account);
}
