/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consents that never come back: the window was closed, or the provider has
 * shown an error on its own page, as it must where it does not know the app
 * or its redirect URI (RFC 6749 4.1.2.1).
 *
 *   expired, not used -> marked (once) -> was it the last one? -> reason
 *
 * A mark ends nothing: it is set once what waits is over, by a clock that
 * waits a day before it believes a step forward, and what was marked all the
 * same, since the clock was wrong, goes on when that is set right.
 *
 * A connection that works goes on as it is; the audit tells of the attempt.
 * Users' own consents say nothing of the connection: a member sees his own
 * to be missing, and a chat shows its button again.
 *
 * Runs on a work thread of the front.
 */
#include <stdio.h>

#include "connect/front_priv.h"

enum { PASS_MAX = 50 };

struct unfinished {
	unsigned char hash[PEOPLE_HASH_SIZE];
	char org[CONNECT_ID_SIZE], connection[CONNECT_ID_SIZE];
	int64_t created_at;
	bool pressed; /* a state; else a ticket that nobody has used */
	char redirect_uri[CONNECT_URL_SIZE]; /* a state's */
};

static int
unfinished_list(struct store_conn *c, int64_t now, struct unfinished *out,
		size_t *count)
{
	struct store_stmt *st = NULL;
	struct unfinished *u;
	int rc = store_query(
		c, &st,
		"SELECT hash, org, connection, created_at, 1, redirect_uri "
		"FROM oauth_states WHERE (expires_at <= ?1 OR expires_at > ?3) "
		"AND used_at = 0 AND subject = '' UNION ALL SELECT hash, org, "
		"connection, created_at, 0, '' FROM connect_tickets WHERE "
		"(expires_at <= ?1 OR expires_at > ?4) AND used_at = 0 AND "
		"subject = '' LIMIT ?2",
		"iiii", now, (int64_t)PASS_MAX,
		clock_wrong_after_ms(CONNECT_STATE_LIFE_S * 1000),
		clock_wrong_after_ms(CONNECT_TICKET_LIFE_S * 1000));

	*count = 0;
	while (!rc && *count < PASS_MAX && (rc = store_step(st)) == 1) {
		u = &out[(*count)++];
		rc = store_col(st, 0).len == sizeof(u->hash) ? 0 : ERR_STORE;
		if (!rc)
			memcpy(u->hash, store_col(st, 0).ptr, sizeof(u->hash));
		slice_copy(store_col(st, 1), u->org, sizeof(u->org));
		slice_copy(store_col(st, 2), u->connection,
			   sizeof(u->connection));
		u->created_at = store_col_int(st, 3);
		u->pressed = store_col_int(st, 4) != 0;
		slice_copy(store_col(st, 5), u->redirect_uri,
			   sizeof(u->redirect_uri));
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Two fronts at once, a press, or a callback: one of them changes the row.
 * What was marked can still be spent: whether it is too old is not said by
 * this. */
static int
unfinished_mark(struct store_conn *c, const struct unfinished *u)
{
	struct slice hash = slice_of(u->hash, sizeof(u->hash));
	int64_t changed = 0;
	int rc;

	if (u->pressed)
		rc = store_exec(c, &changed,
				"UPDATE oauth_states SET used_at = -1 "
				"WHERE hash = ?1 AND used_at = 0",
				"b", hash);
	else
		rc = store_exec(c, &changed,
				"UPDATE connect_tickets SET used_at = -1 "
				"WHERE hash = ?1 AND used_at = 0",
				"b", hash);
	return rc ? rc : changed ? 0 : ERR_CONFLICT;
}

static void
unfinished_words(const struct unfinished *u, char *out, size_t size)
{
	if (u->pressed)
		snprintf(out, size,
			 "The last consent was not finished: nobody came back "
			 "from the provider in %d minutes. Where it shows an "
			 "error of its own, check the OAuth app there: client "
			 "id, data centre, redirect URI %s",
			 CONNECT_STATE_LIFE_S / 60, u->redirect_uri);
	else
		snprintf(out, size,
			 "The last consent was not finished: nobody pressed "
			 "Connect behind its link in %d minutes. Press Connect "
			 "again.",
			 CONNECT_TICKET_LIFE_S / 60);
	slice_mend_utf8(out);
}

/* What came later says more: another consent, or a grant that has ended
 * since. */
static int
unfinished_reason(struct store_conn *c, const struct unfinished *u,
		  const char *words)
{
	return store_exec(
		c, NULL,
		"UPDATE connections SET reason = ?2, updated_at = ?3 "
		"WHERE id = ?1 AND connected_at < ?4 AND "
		"(status = 'not_connected' OR (?5 = 1 AND status IN "
		"('needs_reconnect', 'revoked'))) AND per_user = 0 "
		"AND NOT EXISTS (SELECT 1 FROM oauth_states WHERE "
		"connection = ?1 AND subject = '' AND created_at > ?4) "
		"AND NOT EXISTS (SELECT 1 FROM connect_tickets WHERE "
		"connection = ?1 AND subject = '' AND created_at > ?4)",
		"ssiii", u->connection, words, clock_wall_ms(), u->created_at,
		(int64_t)u->pressed);
}

static int
unfinished_audit(struct store_conn *c, const struct unfinished *u,
		 const char *words)
{
	static const struct connect_who nobody;
	struct store_stmt *st = NULL;
	char name[256] = "";
	int rc = store_query(c, &st,
			     "SELECT name FROM connections WHERE id = ?1", "s",
			     u->connection);

	if (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), name, sizeof(name));
		rc = 0;
	}
	store_done(st);
	return rc ? rc
		  : front_audit(c, &nobody, u->org, "connection.connect_failed",
				u->connection, name, words);
}

static int
unfinished_note(struct connect_front *f, struct store_conn *c,
		const struct unfinished *u)
{
	char words[CONNECT_URL_SIZE + 256];
	int rc = store_begin(c);

	unfinished_words(u, words, sizeof(words));
	if (!rc)
		rc = unfinished_mark(c, u);
	if (!rc)
		rc = unfinished_reason(c, u, words);
	/* That a link was made stands there already. */
	if (!rc && u->pressed)
		rc = unfinished_audit(c, u, words);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	else
		connect_views_withdraw(f->views, u->connection);
	return rc == ERR_CONFLICT ? 0 : rc;
}

int
connect_front_unfinished(struct connect_front *f, struct store_conn *c)
{
	struct unfinished list[PASS_MAX];
	size_t i, count;
	int rc = unfinished_list(c, clock_settled_ms(), list, &count);

	for (i = 0; i < count && !rc; i++)
		rc = unfinished_note(f, c, &list[i]);
	return rc;
}
