/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that end in the background: users' own, whose connection is deleted
 * or revoked, whose conversation is over, or who are removed from the
 * connection's users; and all that are revoked at once (front_bulk.c).
 *
 *   mark      the keeper gives them out to nobody any more
 *   note      a row for each in withdrawals, in the transaction that ends
 *             what they were for
 *   withdraw  in the background: each is revoked at the provider; tried again
 *             where that gives no answer, TRIES_MAX times
 *   close     when all of one end have an outcome: they are forgotten, and
 *             the audit says how many the provider has confirmed
 *             (front_withdrawn.c)
 *
 * Whoever dies in between leaves rows for the next, or before they are there,
 * a mark that the keeper tells of (front_left.c).  Each step can be done
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
	SLOW_MAX_MS = 4 * CONNECT_REVOKE_MS,
	LONGEST_MS = AGAIN_MS << (2 * TRIES_MAX),
};

/* ---- mark, note ---- */

int
front_withdraw_ask(struct connect_front *f, const char *org,
		   const char *connection, const char *subject,
		   enum connect_message type, uint64_t how,
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
	int rc = front_withdraw_ask(f, org, connection, subject,
				    CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE, NULL,
				    p);

	if (rc) { /* it may have come to the keeper all the same */
		front_left_unnoted(f);
		return rc;
	}
	step_reached("withdraw.left");
	/* Whose grant is not known here yet is to be noted, too. */
	rc = front_catch_up(f, c, p);
	if (rc)
		front_left_unnoted(f);
	return rc;
}

int
front_withdraw_stamp(struct store_conn *c, const char *connection,
		     struct front_withdraw_stamp *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT coalesce((SELECT granted FROM connections "
			     "WHERE id = ?1), 0), count(*), "
			     "coalesce(sum(granted), 0), "
			     "coalesce(sum(connected_at), 0) FROM "
			     "connection_users WHERE connection = ?1",
			     "s", connection);

	memset(out, 0, sizeof(*out));
	if (!rc && (rc = store_step(st)) == 1) {
		out->own = store_col_int(st, 0);
		out->users = store_col_int(st, 1);
		out->granted = store_col_int(st, 2);
		out->since = store_col_int(st, 3);
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

int
front_withdraw_stamp_holds(struct store_conn *c, const char *connection,
			   const struct front_withdraw_stamp *was)
{
	struct front_withdraw_stamp now;
	int rc = front_withdraw_stamp(c, connection, &now);

	return rc ? rc : memcmp(&now, was, sizeof(now)) ? ERR_AGAIN : 0;
}

#define NOTE_AGAIN \
	"ON CONFLICT (connection, subject) DO UPDATE SET because = " \
	"excluded.because, asked_at = excluded.asked_at, tries = 0, " \
	"next_at = excluded.next_at, outcome = '', detail = ''"

int
front_withdraw_note(struct store_conn *c, const char *org,
		    const char *connection, const char *subject,
		    const char *because)
{
	return store_exec(c, NULL,
			  "INSERT INTO withdrawals (org, connection, name, "
			  "service, subject, because, asked_at, next_at) "
			  "SELECT ?1, ?2, coalesce(max(name), ''), "
			  "coalesce(max(service), ''), ?3, ?4, ?5, ?5 FROM "
			  "connections WHERE id = ?2 " NOTE_AGAIN,
			  "ssssi", org, connection, subject, because,
			  clock_wall_ms());
}

/* What ended before, and is not done, ends with the connection; and its own
 * grant, where somebody has connected it a moment ago, or has not been told
 * yet that it is gone. */
static int
note_deletion(struct store_conn *c, const struct front_row *r)
{
	int rc = store_exec(c, NULL,
			    "UPDATE withdrawals SET because = 'delete' WHERE "
			    "connection = ?1",
			    "s", r->info.id);

	if (!rc && !r->info.per_user)
		rc = front_withdraw_note(c, r->org, r->info.id, "", "delete");
	return rc;
}

int
front_withdraw_note_all(struct store_conn *c, const struct front_row *r,
			const char *because)
{
	int rc = store_exec(
		c, NULL,
		"INSERT INTO withdrawals (org, connection, name, service, "
		"subject, because, asked_at, next_at) SELECT ?1, connection, "
		"?3, ?4, subject, ?5, ?6, ?6 FROM connection_users WHERE "
		"connection = ?2 AND status <> 'revoked' " NOTE_AGAIN,
		"sssssi", r->org, r->info.id, r->info.name, r->info.service,
		because, clock_wall_ms());

	if (!rc && !strcmp(because, "delete"))
		rc = note_deletion(c, r);
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

int
front_withdraw_user_row(struct store_conn *c, const char *connection,
			const char *subject, int64_t generation)
{
	return store_exec(c, NULL,
			  "UPDATE connection_users SET status = 'revoked', "
			  "reason = 'The access was revoked. Connect again to "
			  "use it.', expires_at = 0, not_granted = '', "
			  "unconfirmed = '', " VIEW_HEALTH_WELL " "
			  "WHERE connection = ?1 AND status <> 'revoked' AND "
			  "(?2 = '' OR (subject = ?2 AND generation <= ?3))",
			  "ssi", connection, subject, generation);
}

static int
revoke_rows(struct store_conn *c, const struct connect_who *who,
	    const struct front_row *r, const char *detail)
{
	int rc = front_withdraw_note_all(c, r, "revoke");

	if (!rc)
		rc = front_withdraw_user_row(c, r->info.id, "", 0);
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

/* Once: ERR_AGAIN if somebody has connected meanwhile. */
static int
withdraw_all(struct connect_front *f, struct store_conn *c,
	     const struct connect_who *who, const struct front_row *r,
	     struct connect_revoked *revoked, struct connect_problem *p)
{
	struct front_withdraw_stamp stamp;
	int64_t count = 0;
	int rc = front_withdraw_stamp(c, r->info.id, &stamp);

	if (rc)
		return front_fail_store(p, c, rc);
	rc = front_withdraw_mark(f, c, r->org, r->info.id, "", p);
	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = front_withdraw_stamp_holds(c, r->info.id, &stamp);
	if (!rc)
		rc = front_withdraw_count(c, r->info.id, &count);
	front_withdraw_words(count, front_ends_all(f, r), revoked->detail,
			     sizeof(revoked->detail));
	if (!rc)
		rc = revoke_rows(c, who, r, revoked->detail);
	if (!rc)
		rc = store_commit(c);
	if (!rc)
		return 0;
	store_rollback(c);
	if (rc == ERR_AGAIN)
		return rc;
	front_left_unnoted(f);
	return front_fail_store(p, c, rc);
}

int
front_withdraw_revoke(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const struct front_row *r,
		      struct connect_revoked *revoked,
		      struct connect_problem *p)
{
	int i, rc = ERR_AGAIN;

	memset(revoked, 0, sizeof(*revoked));
	for (i = 0; rc == ERR_AGAIN && i < FRONT_WITHDRAW_STAMPS; i++)
		rc = withdraw_all(f, c, who, r, revoked, p);
	if (rc != ERR_AGAIN)
		return rc;
	front_left_unnoted(f);
	return front_fail_store(p, c, ERR_BUSY);
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
		rc = front_withdraw_note(c, org, connection, subject,
					 "visitor");
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
	char group[96]; /* the service; or the connection, if it is not known */
	int64_t tries;
};

#define GROUP "CASE WHEN service = '' THEN connection ELSE service END"

/* Of each service one before a second of any, so that a long list of one holds
 * up no other; of one service those that somebody waits for first. */
static int
withdraw_list(struct store_conn *c, struct withdrawal out[PASS_MAX],
	      size_t *count)
{
	struct store_stmt *st = NULL;
	struct withdrawal *w;
	int rc = store_query(
		c, &st,
		"SELECT org, connection, subject, because, tries, its_group "
		"FROM (SELECT org, connection, subject, because, tries, "
		"next_at, " GROUP " AS its_group, row_number() OVER (PARTITION "
		"BY org, " GROUP " ORDER BY CASE WHEN because = 'revoke' THEN "
		"1 ELSE 0 END, next_at) AS turn FROM withdrawals WHERE outcome "
		"= '' AND (next_at <= ?1 OR next_at > ?3)) AS due "
		"ORDER BY turn, tries, next_at LIMIT ?2",
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
		slice_copy(store_col(st, 5), w->group, sizeof(w->group));
		rc = 0;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Who revokes once more is told the same. */
static int
row_outcome(struct store_conn *c, const struct withdrawal *w,
	    const char *unconfirmed)
{
	if (w->subject[0])
		return store_exec(c, NULL,
				  "UPDATE connection_users SET unconfirmed = "
				  "?3 WHERE connection = ?1 AND subject = ?2 "
				  "AND status = 'revoked'",
				  "sss", w->connection, w->subject,
				  unconfirmed);
	return store_exec(c, NULL,
			  "UPDATE connections SET unconfirmed = ?2 WHERE id = "
			  "?1 AND (status = 'revoked' OR status = 'disabled' "
			  "AND status_before = 'revoked')",
			  "ss", w->connection, unconfirmed);
}

static int
withdraw_outcome(struct store_conn *c, const struct withdrawal *w,
		 const char *outcome, const char *detail)
{
	bool kept = !strcmp(outcome, "kept");
	int rc = store_begin(c);

	if (kept && !detail[0])
		detail = "The provider has not confirmed it.";

	if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE withdrawals SET outcome = ?3, detail = "
				"?4 WHERE connection = ?1 AND subject = ?2",
				"ssss", w->connection, w->subject, outcome,
				detail);
	if (!rc)
		rc = front_bulk_outcome(c, w->connection, w->subject, outcome,
					detail);
	if (!rc)
		rc = row_outcome(c, w, kept ? detail : "");
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

static int
withdraw_later(struct store_conn *c, const struct withdrawal *w, int64_t tries,
	       int64_t wait)
{
	return store_exec(c, NULL,
			  "UPDATE withdrawals SET tries = ?3, next_at = ?4 "
			  "WHERE connection = ?1 AND subject = ?2",
			  "ssii", w->connection, w->subject, tries,
			  clock_wall_ms() + wait);
}

/* The provider gave no answer, after so long.  The service's others would fare
 * no better now: they wait, longer the slower it is, at no cost of their tries;
 * so a provider that hangs takes a fifth of the time at most. */
static int
withdraw_again(struct store_conn *c, const struct withdrawal *w, uint64_t took,
	       const char *why)
{
	int64_t own = (int64_t)AGAIN_MS << (2 * w->tries);
	int64_t all = 4 * (int64_t)took;
	int rc;

	all = all < AGAIN_MS ? AGAIN_MS : all > SLOW_MAX_MS ? SLOW_MAX_MS : all;
	rc = store_exec(c, NULL,
			"UPDATE withdrawals SET next_at = ?3 WHERE outcome = "
			"'' AND next_at < ?3 AND org = ?1 AND " GROUP " = ?2",
			"ssi", w->org, w->group, clock_wall_ms() + all);
	if (!rc)
		rc = withdraw_later(c, w, w->tries + 1, own > all ? own : all);
	if (!rc)
		rc = front_bulk_wait(c, w->connection, w->subject, why);
	return rc ? rc : 1;
}

/* One grant.  < 0: the keeper or the store is not there for any; 1: others of
 * its service are to wait. */
static int
withdraw_one(struct connect_front *f, struct store_conn *c,
	     const struct withdrawal *w)
{
	bool last = w->tries + 1 >= TRIES_MAX;
	uint64_t begun = clock_mono_ms();
	struct connect_msg_revoked m = { 0 };
	struct connect_problem p = { 0 };
	int rc = 0;

	/* One that was stored after its connection had been deleted.  After a
	 * "revoke" or "user" he may consent anew, and that grant stays. */
	if (strcmp(w->because, "revoke") != 0 &&
	    strcmp(w->because, "user") != 0)
		rc = front_withdraw_ask(f, w->org, w->connection, w->subject,
					CONNECT_KEEPER_SUSPEND, CONNECT_LEAVE,
					NULL, &p);
	if (!rc)
		rc = front_withdraw_ask(f, w->org, w->connection, w->subject,
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
		withdraw_later(c, w, w->tries, AGAIN_MS);
		return rc;
	}
	log_info("a user's grant is not revoked yet", LOG_E(rc),
		 LOG_S("connection", w->connection), LOG_S("why", p.detail));
	return last ? withdraw_outcome(c, w, "kept", p.detail)
		    : withdraw_again(c, w, clock_mono_ms() - begun, p.detail);
}

static int
withdraw_pass(struct connect_front *f, struct store_conn *c)
{
	struct withdrawal list[PASS_MAX];
	uint64_t until = clock_mono_ms() + PASS_MS;
	size_t i, count, done = 0;
	int rc;

	do { /* once more where some of the list are to wait now */
		rc = withdraw_list(c, list, &count);
		for (i = 0; i < count && !rc; i++) {
			if (done++ >= PASS_MAX || clock_mono_ms() >= until)
				return 0;
			rc = withdraw_one(f, c, &list[i]);
		}
	} while (rc > 0);
	return rc;
}

int
connect_front_withdraw(struct connect_front *f, struct store_conn *c)
{
	/* those that it may find are looked for again: nobody waits for them */
	int left = front_left_note(f, c);
	int rc = front_bulk_go_on(f, c);

	if (!rc)
		rc = withdraw_pass(f, c);
	if (!rc)
		rc = front_withdraw_close(f, c);
	if (!rc)
		rc = front_bulk_end(c);
	return rc ? rc : left;
}
