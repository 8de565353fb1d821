/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of many connections at once: the report, as people read it and
 * as front_withdraw.c goes on writing it.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

/* ---- written ---- */

/* What happened to it meanwhile, nobody can say: a person has to look. */
static const char lost[] =
	"It was connected anew, or deleted, before the provider was asked. If "
	"that was another account, take the former one's access back in its "
	"own settings there.";

int
front_bulk_outcome(struct store_conn *c, const char *connection,
		   const char *subject, const char *outcome, const char *detail)
{
	bool revoked = !strcmp(outcome, "revoked");

	if (!strcmp(outcome, "none"))
		detail = lost;
	return store_exec(c, NULL,
			  "UPDATE bulk_items SET state = ?3, detail = ?4 WHERE "
			  "connection = ?1 AND subject = ?2 AND state = "
			  "'pending'",
			  "ssss", connection, subject,
			  revoked ? "revoked" : "by_hand", detail);
}

int
front_bulk_wait(struct store_conn *c, const char *connection,
		const char *subject, const char *why)
{
	return store_exec(c, NULL,
			  "UPDATE bulk_items SET detail = ?3 WHERE connection "
			  "= ?1 AND subject = ?2 AND state = 'pending'",
			  "sss", connection, subject, why);
}

/* What a program before this one has ended it did not note here. */
#define ORPHANS \
	"state = 'pending' AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE " \
	"w.connection = bulk_items.connection AND w.subject = " \
	"bulk_items.subject)"

int
front_bulk_orphans(struct store_conn *c)
{
	struct store_stmt *st = NULL;
	int rc = store_query(
		c, &st, "SELECT 1 FROM bulk_items WHERE " ORPHANS " LIMIT 1",
		"");

	if (!rc)
		rc = store_step(st);
	store_done(st);
	if (rc <= 0) /* looking alone holds up nobody who writes */
		return rc;
	return store_exec(c, NULL,
			  "UPDATE bulk_items SET state = 'by_hand', detail = "
			  "?1 WHERE " ORPHANS,
			  "s",
			  "What the provider has said was not noted here: see "
			  "connection.withdraw in the audit.");
}

/* ---- read ---- */

int
front_bulk_counts(struct store_conn *c, const char *id,
		  struct connect_bulk_counts *out)
{
	const struct {
		const char *state;
		int64_t *count;
	} states[] = {
		{ "waiting", &out->waiting },	  { "pending", &out->pending },
		{ "suspended", &out->suspended }, { "revoked", &out->revoked },
		{ "by_hand", &out->by_hand },	  { "nothing", &out->nothing },
		{ "already", &out->already },
	};
	struct store_stmt *st = NULL;
	size_t i;
	int rc = store_query(c, &st,
			     "SELECT state, count(*) FROM bulk_items WHERE "
			     "bulk = ?1 GROUP BY state",
			     "s", id);

	memset(out, 0, sizeof(*out));
	while (!rc && (rc = store_step(st)) == 1) {
		for (i = 0; i < ARRAY_LEN(states); i++)
			if (slice_eq(store_col(st, 0),
				     slice_str(states[i].state)))
				*states[i].count = store_col_int(st, 1);
		rc = 0;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

#define BULK_COLUMNS \
	"SELECT b.id, b.action, b.service, b.owner, coalesce(o.name, ''), " \
	"b.asked_by, coalesce(m.name, ''), b.asked_at, b.ended_at FROM bulks " \
	"b LEFT JOIN members m ON m.id = b.asked_by LEFT JOIN members o ON " \
	"o.id = b.owner "

static int
bulk_read(struct store_stmt *st, struct arena *arena, struct connect_bulk *out)
{
	memset(out, 0, sizeof(*out));
	slice_copy(store_col(st, 0), out->id, sizeof(out->id));
	out->revoke = slice_eq(store_col(st, 1), SLICE("revoke"));
	out->service = arena_slice(arena, store_col(st, 2));
	out->owner = arena_slice(arena, store_col(st, 3));
	out->owner_name = arena_slice(arena, store_col(st, 4));
	out->by = arena_slice(arena, store_col(st, 5));
	out->by_name = arena_slice(arena, store_col(st, 6));
	out->asked_at = store_col_int(st, 7);
	out->ended_at = store_col_int(st, 8);
	return out->service && out->owner && out->owner_name && out->by &&
			       out->by_name
		       ? 0
		       : ERR_NOMEM;
}

static int
bulk_load(struct store_conn *c, const char *org, const char *id,
	  struct arena *arena, struct connect_bulk *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     BULK_COLUMNS "WHERE b.org = ?1 AND b.id = ?2",
			     "ss", org, id);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = store_step(st);
	rc = rc == 1 ? bulk_read(st, arena, out) : rc ? rc : ERR_NOT_FOUND;
	store_done(st);
	return rc ? rc : front_bulk_counts(c, id, &out->n);
}

int
connect_front_bulk_get(struct connect_front *f, struct store_conn *c,
		       const struct connect_who *who, const char *id,
		       struct arena *arena, struct connect_bulk *out,
		       struct connect_problem *p)
{
	int rc = front_may(c, who, PEOPLE_CONNECTION_BULK, NULL, NULL, p);

	(void)f;
	if (rc)
		return rc;
	rc = bulk_load(c, who->actor->org, id, arena, out);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(
			p, rc, CONNECT_P_NOT_FOUND, NULL,
			"There is no such report, or it is too old.");
	return rc ? front_fail_store(p, c, rc) : 0;
}

static int
bulks_read(struct store_conn *c, const char *org, const char *before,
	   size_t limit, struct arena *arena, struct connect_bulk *out,
	   size_t *count)
{
	struct store_stmt *st = NULL;
	size_t i;
	int rc = store_query(c, &st,
			     BULK_COLUMNS "WHERE b.org = ?1 AND (?2 = '' OR "
					  "b.id < ?2) ORDER BY b.id DESC "
					  "LIMIT ?3",
			     "ssi", org, before, (int64_t)limit);

	while (!rc && *count < limit && (rc = store_step(st)) == 1)
		rc = bulk_read(st, arena, &out[(*count)++]);
	store_done(st);
	for (i = 0; i < *count && rc >= 0; i++)
		rc = front_bulk_counts(c, out[i].id, &out[i].n);
	return rc < 0 ? rc : 0;
}

int
connect_front_bulks(struct connect_front *f, struct store_conn *c,
		    const struct connect_who *who, const char *before,
		    size_t limit, struct arena *arena,
		    struct connect_bulk **out, size_t *count,
		    struct connect_problem *p)
{
	int rc = front_may(c, who, PEOPLE_CONNECTION_BULK, NULL, NULL, p);

	(void)f;
	*count = 0;
	*out = NULL;
	if (rc)
		return rc;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	rc = *out ? bulks_read(c, who->actor->org, before, limit, arena, *out,
			       count)
		  : ERR_NOMEM;
	return rc ? front_fail_store(p, c, rc) : 0;
}

static int
item_read(struct store_stmt *st, struct arena *arena,
	  struct connect_bulk_item *out)
{
	const char **texts[] = { &out->link,	&out->name,   &out->service,
				 &out->subject, &out->email,  &out->account,
				 &out->state,	&out->detail, &out->cursor };
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		*texts[i] = arena_slice(arena, store_col(st, (int)i));
		if (!*texts[i])
			return ERR_NOMEM;
	}
	out->retry_at = store_col_int(st, (int)i);
	return 0;
}

static int
items_read(struct store_conn *c, const char *id, const char *state,
	   const char *after, size_t limit, struct arena *arena,
	   struct connect_bulk_item *out, size_t *count)
{
	struct slice user = slice_str(after), connection = slice_str("");
	struct store_stmt *st = NULL;
	int rc;

	slice_next(&user, '.', &connection); /* as the cursor has them */
	rc = store_query(
		c, &st,
		"SELECT i.link_name, i.name, i.service, i.subject, "
		"coalesce(m.email, ''), i.account, i.state, i.detail, "
		"i.connection || '.' || i.subject, CASE WHEN i.state "
		"= 'pending' THEN coalesce(w.next_at, 0) ELSE 0 END FROM "
		"bulk_items i LEFT JOIN members m ON m.id = i.subject LEFT "
		"JOIN withdrawals w ON w.connection = i.connection AND "
		"w.subject = i.subject AND w.tries > 0 WHERE i.bulk = ?1 AND "
		"(?2 = '' OR i.state = ?2) AND (i.connection, i.subject) > "
		"(?3, ?4) ORDER BY i.connection, i.subject LIMIT ?5",
		"sslli", id, state, connection, user, (int64_t)limit);
	while (!rc && *count < limit && (rc = store_step(st)) == 1)
		rc = item_read(st, arena, &out[(*count)++]);
	store_done(st);
	return rc < 0 ? rc : 0;
}

int
connect_front_bulk_items(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *id,
			 const char *state, const char *after, size_t limit,
			 struct arena *arena, struct connect_bulk_item **out,
			 size_t *count, struct connect_problem *p)
{
	struct connect_bulk bulk;
	int rc = connect_front_bulk_get(f, c, who, id, arena, &bulk, p);

	*count = 0;
	*out = NULL;
	if (rc)
		return rc;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	rc = *out ? items_read(c, bulk.id, state, after, limit, arena, *out,
			       count)
		  : ERR_NOMEM;
	return rc ? front_fail_store(p, c, rc) : 0;
}
