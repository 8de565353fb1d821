/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that have ended in the background (front_withdraw.c) and have their
 * outcome, all of one end: the keeper forgets them, and the audit says what the
 * provider has confirmed.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

enum { CLOSE_MAX = 20 };

static const struct connect_who nobody = { .actor = NULL };

struct ended {
	char org[CONNECT_ID_SIZE], connection[CONNECT_ID_SIZE], subject[64];
	char name[256], because[16], detail[CONNECT_DETAIL_SIZE];
	bool users; /* their own */
	int64_t count, revoked, kept;
};

static int
ended_list(struct store_conn *c, struct ended out[CLOSE_MAX], size_t *count)
{
	struct store_stmt *st = NULL;
	struct ended *e;
	int rc = store_query(
		c, &st,
		"SELECT org, connection, because, CASE WHEN because IN "
		"('visitor', 'user') THEN subject ELSE '' END AS who, "
		"max(name), "
		"count(*), sum(CASE WHEN outcome = 'revoked' THEN 1 ELSE 0 "
		"END), sum(CASE WHEN outcome = 'kept' THEN 1 ELSE 0 END), "
		"coalesce(max(CASE WHEN outcome = 'kept' THEN detail END), "
		"max(detail)), max(subject) <> '' "
		"FROM withdrawals WHERE EXISTS (SELECT 1 FROM withdrawals "
		"WHERE outcome <> '') GROUP BY org, connection, because, who "
		"HAVING min(CASE WHEN outcome = '' THEN 0 ELSE 1 END) = 1 "
		"LIMIT ?1",
		"i", (int64_t)CLOSE_MAX);

	*count = 0;
	while (!rc && *count < CLOSE_MAX && (rc = store_step(st)) == 1) {
		e = &out[(*count)++];
		slice_copy(store_col(st, 0), e->org, sizeof(e->org));
		slice_copy(store_col(st, 1), e->connection,
			   sizeof(e->connection));
		slice_copy(store_col(st, 2), e->because, sizeof(e->because));
		slice_copy(store_col(st, 3), e->subject, sizeof(e->subject));
		slice_copy(store_col(st, 4), e->name, sizeof(e->name));
		e->count = store_col_int(st, 5);
		e->revoked = store_col_int(st, 6);
		e->kept = store_col_int(st, 7);
		slice_copy(store_col(st, 8), e->detail, sizeof(e->detail));
		e->users = store_col_int(st, 9) != 0;
		rc = 0;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Nothing is said of a visitor's whose revocation was confirmed. */
static int
ended_audit(struct store_conn *c, const struct ended *e)
{
	char detail[CONNECT_DETAIL_SIZE + 200];

	if (!e->kept && (!e->revoked || !strcmp(e->because, "visitor")))
		return 0;
	if (e->users)
		snprintf(detail, sizeof(detail),
			 "Users' grants revoked at the provider: %lld. Not "
			 "confirmed: %lld.%s%s",
			 (long long)e->revoked, (long long)e->kept,
			 e->detail[0] ? " " : "", e->detail);
	else
		snprintf(detail, sizeof(detail), "%s%s%s",
			 e->kept ? "Not confirmed by the provider."
				 : "Revoked at the provider.",
			 e->detail[0] ? " " : "", e->detail);
	slice_mend_utf8(detail);
	if (e->kept)
		log_warn("grants may live on at the provider",
			 LOG_S("connection", e->connection),
			 LOG_I("count", e->kept), LOG_S("why", e->detail));
	return front_audit(c, &nobody, e->org, "connection.withdraw",
			   e->connection, e->name, detail);
}

static int
ended_close(struct connect_front *f, struct store_conn *c,
	    const struct ended *e)
{
	bool user = !strcmp(e->because, "user");
	struct connect_problem p;
	int64_t changed = 0;
	int rc = 0;

	/* After a "revoke" the rows stay, and say that they were revoked. */
	if (strcmp(e->because, "revoke") != 0)
		rc = front_withdraw_ask(
			f, e->org, e->connection, e->subject,
			CONNECT_KEEPER_FORGET,
			user ? CONNECT_FORGET_LEFT : CONNECT_FORGET, NULL, &p);
	step_reached("withdraw.forgotten");
	if (!rc)
		rc = store_begin(c);
	if (!rc)
		rc = store_exec(c, &changed,
				"DELETE FROM withdrawals WHERE connection = ?1 "
				"AND because = ?2 AND (?3 = '' OR subject = "
				"?3) AND outcome <> ''",
				"sss", e->connection, e->because, e->subject);
	/* another front may have closed it, or there is one more */
	if (!rc && changed != e->count)
		rc = ERR_CONFLICT;
	if (!rc)
		rc = ended_audit(c, e);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc == ERR_CONFLICT ? 0 : rc;
}

int
front_withdraw_close(struct connect_front *f, struct store_conn *c)
{
	struct ended *ended = calloc(CLOSE_MAX, sizeof(*ended));
	size_t i, count = 0;
	int rc = ended ? ended_list(c, ended, &count) : ERR_NOMEM;

	for (i = 0; !rc && i < count; i++)
		rc = ended_close(f, c, &ended[i]);
	free(ended);
	return rc;
}
