/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users' grants that end: their connection is deleted or revoked, their
 * conversation is over, or they are removed from the connection's users.
 *
 *   mark      the keeper gives them out to nobody any more
 *   note      a row for each in withdrawals, in the transaction that ends
 *             what they were for
 *   withdraw  in the background: each is revoked at the provider; tried again
 *             where that gives no answer, TRIES_MAX times
 *   close     when all of one end have an outcome: they are forgotten, and
 *             the audit says how many the provider has confirmed
 *
 * Whoever dies in between leaves rows for the next.  Each step can be done
 * twice: the keeper remembers what the provider said until it is closed.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

enum {
	PASS_MAX = 20,
	PASS_MS = 10 * 1000, /* begin no further one after that */
	TRIES_MAX = 6,
	AGAIN_MS = 5 * 1000, /* then four times as long each time */
	LONGEST_MS = AGAIN_MS << (2 * TRIES_MAX),
};

static const struct connect_who nobody = { .actor = NULL };

/* ---- mark, note ---- */

static int
ask_subject(struct connect_front *f, const char *org, const char *connection,
	    const char *subject, enum connect_message type, uint64_t how,
	    struct connect_msg_revoked *out, struct connect_problem *p)
{
	struct connect_msg_subject m = { .generation = how };
	struct proc_pack *body = proc_pack_new();
	struct secret *reply = NULL;
	struct proc_unpack u;
	int rc;

	snprintf(m.org, sizeof(m.org), "%s", org);
	snprintf(m.connection, sizeof(m.connection), "%s", connection);
	snprintf(m.subject, sizeof(m.subject), "%s", subject);
	connect_msg_subject_pack(&m, body);
	rc = front_ask(f, type, body,
		       out ? CONNECT_REVOKE_MS : CONNECT_QUICK_MS, &reply, p,
		       NULL);
	if (!rc && out) {
		u = proc_unpack_from(reply);
		rc = connect_msg_revoked_unpack(&u, out);
	}
	secret_free(reply);
	return rc;
}

int
front_withdraw_mark(struct connect_front *f, struct store_conn *c,
		    const char *org, const char *connection,
		    const char *subject, struct connect_problem *p)
{
	int rc = ask_subject(f, org, connection, subject,
			     CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE, NULL, p);

	/* Whose grant is not known here yet is to be noted, too. */
	if (!rc)
		front_catch_up(f, c);
	return rc;
}

#define NOTE_AGAIN \
	"ON CONFLICT (connection, subject) DO UPDATE SET because = " \
	"excluded.because, asked_at = excluded.asked_at, tries = 0, " \
	"next_at = excluded.next_at, outcome = '', detail = ''"

int
front_withdraw_note(struct store_conn *c, const char *org,
		    const char *connection, const char *name,
		    const char *subject, const char *because)
{
	return store_exec(c, NULL,
			  "INSERT INTO withdrawals (org, connection, name, "
			  "subject, because, asked_at, next_at) VALUES (?1, "
			  "?2, ?3, ?4, ?5, ?6, ?6) " NOTE_AGAIN,
			  "sssssi", org, connection, name, subject, because,
			  clock_wall_ms());
}

int
front_withdraw_note_all(struct store_conn *c, const struct front_row *r,
			const char *because)
{
	int rc = store_exec(
		c, NULL,
		"INSERT INTO withdrawals (org, connection, name, subject, "
		"because, asked_at, next_at) SELECT ?1, connection, ?3, "
		"subject, ?4, ?5, ?5 FROM connection_users WHERE connection = "
		"?2 AND status <> 'revoked' " NOTE_AGAIN,
		"ssssi", r->org, r->info.id, r->info.name, because,
		clock_wall_ms());

	/* What ended before, and is not done, ends with the connection. */
	if (!rc && !strcmp(because, "delete"))
		rc = store_exec(c, NULL,
				"UPDATE withdrawals SET because = 'delete' "
				"WHERE connection = ?1",
				"s", r->info.id);
	return rc;
}

int
front_withdraw_count(struct store_conn *c, const char *connection,
		     int64_t *count)
{
	struct store_stmt *st = NULL;
	int rc = store_query(
		c, &st,
		"SELECT count(*) FROM (SELECT subject FROM connection_users "
		"WHERE connection = ?1 AND status <> 'revoked' UNION SELECT "
		"subject FROM withdrawals WHERE connection = ?1) AS grants",
		"s", connection);

	*count = 0;
	if (!rc && (rc = store_step(st)) == 1)
		*count = store_col_int(st, 0);
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* ---- a connection's, revoked for all of its users ---- */

static int
revoke_rows(struct store_conn *c, const struct connect_who *who,
	    const struct front_row *r, const char *detail)
{
	int rc = front_withdraw_note_all(c, r, "revoke");

	if (!rc)
		rc = store_exec(
			c, NULL,
			"UPDATE connection_users SET status = 'revoked', "
			"reason = 'The access was revoked. Connect again to "
			"use it.', expires_at = 0, health = 'ok', "
			"health_reason = '', health_since = 0, retry_at = 0 "
			"WHERE connection = ?1 AND status <> 'revoked'",
			"s", r->info.id);
	if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE connections SET updated_at = ?2, "
				"version = version + 1 WHERE id = ?1",
				"si", r->info.id, clock_wall_ms());
	return rc ? rc
		  : front_audit(c, who, r->org, "connection.revoke", r->info.id,
				r->info.name, detail);
}

void
front_withdraw_words(int64_t count, bool all, char *out, size_t size)
{
	if (!count)
		snprintf(out, size, "No user had connected an account.");
	else
		snprintf(out, size,
			 "The access of %lld user%s is being revoked at the "
			 "provider; the audit will tell how that went.%s",
			 (long long)count, count == 1 ? "" : "s",
			 !all ? ""
			      : " It ends every access that the OAuth app has "
				"to the same accounts: other connections of "
				"them have to be connected again.");
}

int
front_withdraw_revoke(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const struct front_row *r,
		      struct connect_revoked *revoked,
		      struct connect_problem *p)
{
	int64_t count = 0;
	int rc;

	memset(revoked, 0, sizeof(*revoked));
	rc = front_withdraw_mark(f, c, r->org, r->info.id, "", p);
	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = front_withdraw_count(c, r->info.id, &count);
	front_withdraw_words(count, front_ends_all(f, r), revoked->detail,
			     sizeof(revoked->detail));
	if (!rc)
		rc = revoke_rows(c, who, r, revoked->detail);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc ? front_fail_store(p, c, rc) : 0;
}

/* ---- a conversation's ---- */

int
connect_front_forget(struct connect_front *f, struct store_conn *c,
		     const char *org, const char *connection,
		     const char *subject)
{
	struct connect_problem p;
	int rc;

	ASSERT(subject[0]); /* "" would be everybody's */
	rc = front_withdraw_mark(f, c, org, connection, subject, &p);
	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = store_exec(c, NULL,
				"INSERT INTO withdrawals (org, connection, "
				"name, subject, because, asked_at, next_at) "
				"SELECT ?1, ?2, coalesce((SELECT name FROM "
				"connections WHERE id = ?2), ''), ?3, "
				"'visitor', ?4, ?4 WHERE true " NOTE_AGAIN,
				"sssi", org, connection, subject,
				clock_wall_ms());
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM connection_users WHERE connection "
				"= ?1 AND subject = ?2",
				"ss", connection, subject);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	connect_views_withdraw(f->views, connection);
	return rc;
}

/* ---- withdraw ---- */

struct withdrawal {
	char org[CONNECT_ID_SIZE], connection[CONNECT_ID_SIZE], subject[64];
	char because[16];
	int64_t tries;
};

static int
withdraw_list(struct store_conn *c, struct withdrawal out[PASS_MAX],
	      size_t *count)
{
	struct store_stmt *st = NULL;
	struct withdrawal *w;
	int rc = store_query(c, &st,
			     "SELECT org, connection, subject, because, tries "
			     "FROM withdrawals WHERE outcome = '' AND "
			     "(next_at <= ?1 OR next_at > ?3) ORDER BY next_at "
			     "LIMIT ?2",
			     "iii", clock_wall_ms(), (int64_t)PASS_MAX,
			     clock_wrong_after_ms(LONGEST_MS));

	*count = 0;
	while (!rc && *count < PASS_MAX && (rc = store_step(st)) == 1) {
		w = &out[(*count)++];
		slice_copy(store_col(st, 0), w->org, sizeof(w->org));
		slice_copy(store_col(st, 1), w->connection,
			   sizeof(w->connection));
		slice_copy(store_col(st, 2), w->subject, sizeof(w->subject));
		slice_copy(store_col(st, 3), w->because, sizeof(w->because));
		w->tries = store_col_int(st, 4);
		rc = 0;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

static int
withdraw_outcome(struct store_conn *c, const struct withdrawal *w,
		 const char *outcome, const char *detail)
{
	return store_exec(c, NULL,
			  "UPDATE withdrawals SET outcome = ?3, detail = ?4 "
			  "WHERE connection = ?1 AND subject = ?2",
			  "ssss", w->connection, w->subject, outcome, detail);
}

static int
withdraw_later(struct store_conn *c, const struct withdrawal *w, bool counts)
{
	int64_t tries = w->tries + counts;
	int64_t wait = (int64_t)AGAIN_MS << (2 * (counts ? w->tries : 0));

	return store_exec(c, NULL,
			  "UPDATE withdrawals SET tries = ?3, next_at = ?4 "
			  "WHERE connection = ?1 AND subject = ?2",
			  "ssii", w->connection, w->subject, tries,
			  clock_wall_ms() + wait);
}

/* One grant; < 0: the keeper or the store is not there for any. */
static int
withdraw_one(struct connect_front *f, struct store_conn *c,
	     const struct withdrawal *w)
{
	bool last = w->tries + 1 >= TRIES_MAX;
	struct connect_msg_revoked m = { 0 };
	struct connect_problem p = { 0 };
	int rc = 0;

	/* One that was stored after its connection had been deleted.  After a
	 * "revoke" or "user" he may consent anew, and that grant stays. */
	if (strcmp(w->because, "revoke") != 0 &&
	    strcmp(w->because, "user") != 0)
		rc = ask_subject(f, w->org, w->connection, w->subject,
				 CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE, NULL,
				 &p);
	if (!rc)
		rc = ask_subject(f, w->org, w->connection, w->subject,
				 CONNECT_KEEPER_REVOKE,
				 last ? CONNECT_REVOKE_LAST
				      : CONNECT_REVOKE_TRY,
				 &m, &p);
	step_reached("withdraw.revoked");
	if (!rc)
		return withdraw_outcome(c, w, m.upstream ? "revoked" : "kept",
					m.detail);
	if (rc == ERR_NOT_FOUND)
		return withdraw_outcome(c, w, "none", "");
	if (rc == ERR_CLOSED || rc == ERR_TIMEOUT) {
		withdraw_later(c, w, false);
		return rc;
	}
	log_info("a user's grant is not revoked yet", LOG_E(rc),
		 LOG_S("connection", w->connection), LOG_S("why", p.detail));
	return last ? withdraw_outcome(c, w, "kept", p.detail)
		    : withdraw_later(c, w, true);
}

/* ---- close ---- */

struct ended {
	char org[CONNECT_ID_SIZE], connection[CONNECT_ID_SIZE], subject[64];
	char name[256], because[16], detail[CONNECT_DETAIL_SIZE];
	int64_t count, revoked, kept;
};

static int
ended_list(struct store_conn *c, struct ended out[PASS_MAX], size_t *count)
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
		"max(detail)) "
		"FROM withdrawals WHERE EXISTS (SELECT 1 FROM withdrawals "
		"WHERE outcome <> '') GROUP BY org, connection, because, who "
		"HAVING min(CASE WHEN outcome = '' THEN 0 ELSE 1 END) = 1 "
		"LIMIT ?1",
		"i", (int64_t)PASS_MAX);

	*count = 0;
	while (!rc && *count < PASS_MAX && (rc = store_step(st)) == 1) {
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
	snprintf(detail, sizeof(detail),
		 "Users' grants revoked at the provider: %lld. Not confirmed: "
		 "%lld.%s%s",
		 (long long)e->revoked, (long long)e->kept,
		 e->detail[0] ? " " : "", e->detail);
	slice_trim_utf8(detail);
	if (e->kept)
		log_warn("users' grants may live on at the provider",
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
		rc = ask_subject(f, e->org, e->connection, e->subject,
				 CONNECT_KEEPER_FORGET,
				 user ? CONNECT_FORGET_LEFT : CONNECT_FORGET,
				 NULL, &p);
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
connect_front_withdraw(struct connect_front *f, struct store_conn *c)
{
	struct withdrawal list[PASS_MAX];
	struct ended *ended;
	uint64_t until = clock_mono_ms() + PASS_MS;
	size_t i, count;
	int rc = withdraw_list(c, list, &count);

	for (i = 0; i < count && !rc && clock_mono_ms() < until; i++)
		rc = withdraw_one(f, c, &list[i]);
	if (rc)
		return rc;
	ended = calloc(PASS_MAX, sizeof(*ended));
	rc = ended ? ended_list(c, ended, &count) : ERR_NOMEM;
	for (i = 0; !rc && i < count; i++)
		rc = ended_close(f, c, &ended[i]);
	free(ended);
	return rc;
}
