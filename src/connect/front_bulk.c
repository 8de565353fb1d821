/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many connections at once: suspended, or revoked upstream.
 *
 *   ask    one transaction: which connections they are, a row for each, and
 *          none of them lets a call through any more; then the views forget
 *          them all.  However many there are, this is one write: of very many
 *          connections nobody else writes for some seconds
 *   work   one after the other: the keeper is told; of a revocation it is
 *          noted for front_withdraw.c, which asks the providers in the
 *          background and says here what came of it
 *   end    each has its outcome: the audit has the counts
 *
 * Who asks works through the list himself, for a bounded time; the rest, and
 * what a front that died has left, is done by whoever comes by next.  A lease
 * keeps two from the same list.  Each step can be done twice.
 *
 * What is to be revoked is disabled until it is its turn, so that nobody
 * connects anew what is then revoked.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_bulk_priv.h"

enum {
	ASKED_MS = 10 * 1000, /* who asks works, and waits, for so long */
	PASS_MS = 5 * 1000,
	LEASE_MS = 60 * 1000, /* more than that, and a keeper that is slow */
	OPEN_MAX = 20,
	KEEP_DAYS = 90,
};

static const struct connect_who nobody = { .actor = NULL };

/* The second condition is the one that the index bulk_items_open has. */
#define IS_WAITING(i) \
	i "state = 'waiting' AND " i "state IN ('waiting', 'pending')"

static const char *
bulk_words(const struct bulk *b)
{
	return b->revoke ? "revoke" : "suspend";
}

/* ---- ask ---- */

#define CHOSEN \
	"org = ?1 AND (?2 = '' OR service = ?2) AND (?3 = '' OR owner = ?3)"
/* What somebody could use, or each user could. */
#define IN_USE(revoke) \
	"status <> 'disabled' AND (" revoke " = 0 OR per_user = 1 OR " \
	"status NOT IN ('revoked', 'not_connected'))"

/* Its status before: of one that waits to be revoked, what it was earlier. */
#define WAS \
	"coalesce((SELECT o.was FROM bulk_items o JOIN bulks b ON b.id = " \
	"o.bulk WHERE o.connection = connections.id AND o.subject = '' AND " \
	"o.state = 'waiting' AND b.action = 'revoke' ORDER BY o.bulk LIMIT " \
	"1), status)"

static int
ask_fail(struct connect_problem *p, const char *pointer, const char *words)
{
	struct json_problem jp = { 0 };

	json_problem_set(&jp, pointer, "%s", words);
	return front_fail_json(p, &jp);
}

/* A word that fits nothing is a slip, and the panic goes on unseen. */
static int
ask_check(struct connect_front *f, struct store_conn *c,
	  const struct connect_who *who, const struct connect_bulk_new *n,
	  char owner[CONNECT_ID_SIZE], struct connect_problem *p)
{
	struct connect_service s = { 0 };
	struct people_member m;
	int rc = 0;

	owner[0] = '\0';
	if (!n->all + !n->service[0] + !n->owner[0] != 2)
		return ask_fail(p, "",
				"exactly one of \"service\", \"owner\" "
				"and \"all\": true");
	if (n->owner[0]) {
		rc = people_member_find(c, who->actor->org, slice_str(n->owner),
					&m);
		if (rc == ERR_NOT_FOUND)
			return ask_fail(p, "/owner", "there is no such member");
		if (rc)
			return front_fail_store(p, c, rc);
		snprintf(owner, CONNECT_ID_SIZE, "%s", m.id);
	} else if (n->service[0]) {
		rc = connect_front_service(f, c, who, n->service, &s, p);
		if (s.catalog)
			catalog_unref(s.catalog);
		if (rc == ERR_NOT_FOUND)
			return ask_fail(p, "/service",
					"there is no such service");
	}
	return rc;
}

static int
ask_rows(struct store_conn *c, const struct connect_who *who,
	 const struct bulk *b, const char *service, const char *owner)
{
	int64_t now = clock_wall_ms();
	int rc = store_exec(c, NULL,
			    "INSERT INTO bulks (id, org, action, service, "
			    "owner, asked_by, asked_at, leased_until) VALUES "
			    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			    "ssssssii", b->id, b->org, bulk_words(b), service,
			    owner, who->actor->member, now, now + LEASE_MS);

	if (!rc)
		rc = store_exec(
			c, NULL,
			"INSERT INTO bulk_items (bulk, connection, subject, "
			"link_name, name, service, account, was, state) "
			"SELECT ?4, id, '', link_name, name, service, account, "
			"" WAS ", CASE WHEN ?5 = 0 AND " WAS " = 'disabled' "
			"THEN 'already' ELSE 'waiting' END FROM connections "
			"WHERE " CHOSEN,
			"ssssi", b->org, service, owner, b->id,
			(int64_t)b->revoke);
	if (!rc)
		rc = store_exec(
			c, NULL,
			"UPDATE connections SET status_before = status, "
			"status = 'disabled', reason = ?4, updated_at = ?5, "
			"version = version + 1 WHERE " CHOSEN
			" AND " IN_USE("?6"),
			"ssssii", b->org, service, owner,
			b->revoke ? FRONT_BULK_REVOKING : FRONT_BULK_SUSPENDED,
			now, (int64_t)b->revoke);
	return rc;
}

static int
ask_note(struct store_conn *c, const struct connect_who *who,
	 const struct bulk *b, const char *service, const char *owner,
	 const char *name)
{
	int rc = store_begin(c);

	if (!rc)
		rc = ask_rows(c, who, b, service, owner);
	if (!rc)
		rc = front_audit(c, who, b->org,
				 b->revoke ? "connections.revoke"
					   : "connections.suspend",
				 b->id, name, NULL);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

static int bulk_work(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const struct bulk *b,
		     uint64_t for_ms);

int
connect_front_bulk(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who,
		   const struct connect_bulk_new *n, struct arena *arena,
		   struct connect_bulk *out, struct connect_problem *p)
{
	char owner[CONNECT_ID_SIZE], name[300];
	struct bulk b = { .revoke = n->revoke };
	int rc = front_may(c, who, PEOPLE_CONNECTION_BULK, NULL, NULL, p);

	if (!rc)
		rc = ask_check(f, c, who, n, owner, p);
	if (rc)
		return rc;
	random_id(b.id);
	snprintf(b.org, sizeof(b.org), "%s", who->actor->org);
	snprintf(name, sizeof(name), "%s%s",
		 n->all	       ? "all connections"
		 : n->owner[0] ? "all connections of the member "
			       : "all connections of the service ",
		 n->all	       ? ""
		 : n->owner[0] ? n->owner
			       : n->service);
	rc = ask_note(c, who, &b, n->service, owner, name);
	if (rc)
		return front_fail_store(p, c, rc);
	connect_views_withdraw(f->views, NULL);
	step_reached("bulk.noted");
	if (bulk_work(f, c, who, &b, ASKED_MS) || front_bulk_end(c))
		log_warn("what was asked for goes on in the background",
			 LOG_S("bulk", b.id));
	return connect_front_bulk_get(f, c, who, b.id, arena, out, p);
}

/* ---- work ---- */

/* The next behind this one: 1, 0 at the end. */
static int
item_next(struct store_conn *c, const struct bulk *b, struct bulk_item *i)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT i.connection, CASE WHEN EXISTS (SELECT 1 "
			     "FROM bulk_items s JOIN bulks b ON b.id = s.bulk "
			     "WHERE s.connection = i.connection AND s.bulk > "
			     "i.bulk AND b.action = 'suspend') THEN 'disabled' "
			     "ELSE i.was END FROM bulk_items i WHERE i.bulk = "
			     "?1 AND i.connection > ?2 AND " IS_WAITING(
				     "i.") " ORDER BY i.connection LIMIT 1",
			     "ss", b->id, i->connection);

	if (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), i->connection,
			   sizeof(i->connection));
		slice_copy(store_col(st, 1), i->was, sizeof(i->was));
	}
	store_done(st);
	return rc;
}

/* Gives the lease back.  An error: some are left, and the first reason. */
static int
bulk_work(struct connect_front *f, struct store_conn *c,
	  const struct connect_who *who, const struct bulk *b, uint64_t for_ms)
{
	uint64_t until = clock_mono_ms() + for_ms;
	struct bulk_item i = { 0 };
	int rc = 0, first = 0;

	while (rc != ERR_CLOSED && rc != ERR_TIMEOUT) {
		if (clock_mono_ms() >= until) {
			rc = ERR_BUSY;
			break;
		}
		rc = item_next(c, b, &i);
		if (rc != 1)
			break;
		rc = front_bulk_item(f, c, who, b, &i);
		if (rc)
			log_warn("a connection's turn comes again", LOG_E(rc),
				 LOG_S("connection", i.connection));
		if (!first)
			first = rc;
	}
	store_exec(c, NULL, "UPDATE bulks SET leased_until = 0 WHERE id = ?1",
		   "s", b->id);
	return rc ? rc : first;
}

/* ---- in the background ---- */

static int
bulks_open(struct store_conn *c, const char *which, struct bulk *out,
	   size_t *count)
{
	struct store_stmt *st = NULL;
	struct bulk *b;
	int rc = store_query(c, &st, which, "i", (int64_t)OPEN_MAX);

	*count = 0;
	while (!rc && *count < OPEN_MAX && (rc = store_step(st)) == 1) {
		b = &out[(*count)++];
		slice_copy(store_col(st, 0), b->id, sizeof(b->id));
		slice_copy(store_col(st, 1), b->org, sizeof(b->org));
		b->revoke = slice_eq(store_col(st, 2), SLICE("revoke"));
		rc = 0;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

static int
bulk_lease(struct store_conn *c, const struct bulk *b, bool *have)
{
	int64_t changed = 0, now = clock_wall_ms();
	int rc = store_exec(c, &changed,
			    "UPDATE bulks SET leased_until = ?2 WHERE id = ?1 "
			    "AND (leased_until <= ?3 OR leased_until > ?4)",
			    "siii", b->id, now + LEASE_MS, now,
			    clock_wrong_after_ms(LEASE_MS));

	*have = changed > 0;
	return rc;
}

static int
bulk_end(struct store_conn *c, const struct bulk *b)
{
	struct connect_bulk_counts n;
	int64_t changed = 0;
	char words[300];
	int rc = front_bulk_counts(c, b->id, &n);

	snprintf(words, sizeof(words),
		 b->revoke ? "Confirmed by the provider: %lld. To be taken "
			     "back by hand: %lld. Without a credential, or "
			     "revoked before: %lld."
			   : "Suspended: %lld. Not suspended: %lld. It was so "
			     "before: %lld.",
		 (long long)(b->revoke ? n.revoked : n.suspended),
		 (long long)(b->revoke ? n.by_hand : n.nothing),
		 (long long)(b->revoke ? n.nothing + n.already : n.already));
	if (!rc)
		rc = store_begin(c);
	if (rc)
		return rc;
	rc = store_exec(c, &changed,
			"UPDATE bulks SET ended_at = ?2 WHERE id = ?1 AND "
			"ended_at = 0",
			"si", b->id, clock_wall_ms());
	if (!rc && !changed)
		rc = ERR_CONFLICT; /* another front's */
	if (!rc)
		rc = front_audit(c, &nobody, b->org,
				 b->revoke ? "connections.revoked"
					   : "connections.suspended",
				 b->id, "", words);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc == ERR_CONFLICT ? 0 : rc;
}

int
front_bulk_end(struct store_conn *c)
{
	struct bulk list[OPEN_MAX];
	size_t i, count = 0;
	int rc = front_bulk_orphans(c);

	if (!rc)
		rc = bulks_open(
			c,
			"SELECT id, org, action FROM bulks WHERE ended_at "
			"= 0 AND NOT EXISTS (SELECT 1 FROM bulk_items "
			"WHERE bulk = bulks.id AND state IN ('waiting', "
			"'pending')) ORDER BY id LIMIT ?1",
			list, &count);

	for (i = 0; i < count && !rc; i++)
		rc = bulk_end(c, &list[i]);
	return rc;
}

int
front_bulk_go_on(struct connect_front *f, struct store_conn *c)
{
	struct bulk list[OPEN_MAX];
	bool have = false;
	size_t i, count;
	int rc = bulks_open(
		c,
		"SELECT id, org, action FROM bulks WHERE ended_at "
		"= 0 AND EXISTS (SELECT 1 FROM bulk_items WHERE "
		"bulk = bulks.id AND " IS_WAITING("") ") ORDER BY id LIMIT ?1",
		list, &count);

	for (i = 0; i < count && !rc; i++) {
		rc = bulk_lease(c, &list[i], &have);
		if (!rc && have)
			bulk_work(f, c, &nobody, &list[i], PASS_MS);
	}
	return rc;
}

int
front_bulk_tidy(struct store_conn *c, int64_t now)
{
	int64_t before = now - (int64_t)KEEP_DAYS * 24 * 3600 * 1000;
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM bulk_items WHERE bulk IN (SELECT "
				"id FROM bulks WHERE ended_at > 0 AND ended_at "
				"< ?1)",
				"i", before);
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM bulks WHERE ended_at > 0 AND "
				"ended_at < ?1",
				"i", before);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}
