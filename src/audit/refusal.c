/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals: anybody can make them, so they are counted, and bounded.
 *
 * Of somebody known the first of a kind is a record of the chain, and a row
 * in audit_refusals counts what comes again in that minute.  There is a row
 * for a record and never more, so that rows are as bounded as records are.
 * Strangers have no records, and counts alone.
 */
#include "audit/audit.h"

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 3600 * 1000 };

/* Which row counts it. */
struct kind {
	int64_t minute;
	const char *org, *actor, *action, *object;
};

/* Whether there is such a row, and it has counted one more. */
static int
kind_count(struct store_conn *c, const struct kind *k, bool *counted)
{
	int64_t changed = 0;
	int rc = store_exec(c, &changed,
			    "UPDATE audit_refusals SET count = count + 1 "
			    "WHERE org = ?1 AND minute = ?2 AND actor = ?3 "
			    "AND action = ?4 AND object = ?5",
			    "sisss", k->org, k->minute, k->actor, k->action,
			    k->object);

	*counted = changed > 0;
	return rc;
}

/* The chain's head is the record that was just appended. */
static int
kind_add(struct store_conn *c, const struct kind *k)
{
	return store_exec(c, NULL,
			  "INSERT INTO audit_refusals (org, minute, actor, "
			  "action, object, seq, count) SELECT ?1, ?2, ?3, ?4, "
			  "?5, seq, 1 FROM audit_heads WHERE org = ?1",
			  "sisss", k->org, k->minute, k->actor, k->action,
			  k->object);
}

static int
actor_is_full(struct store_conn *c, const struct kind *k, bool *full)
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(c, &st,
			 "SELECT COUNT(*) FROM audit_refusals WHERE org = ?1 "
			 "AND minute = ?2 AND actor = ?3",
			 "sis", k->org, k->minute, k->actor);
	if (!rc)
		rc = store_step(st);
	*full = rc == 1 && store_col_int(st, 0) >= AUDIT_REFUSALS_A_MINUTE;
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* A new kind; beyond the limit, one of the others. */
static int
refusal_new(struct store_conn *c, const struct audit_event *e, struct kind *k)
{
	struct audit_event others = *e;
	bool full = false, counted = false;
	int rc = actor_is_full(c, k, &full);

	if (rc)
		return rc;
	if (full) {
		k->action = k->object = "";
		others.action = "others.refused";
		others.object = others.object_name = NULL;
		others.detail = "more refusals in this minute, of other kinds";
		e = &others;
		rc = kind_count(c, k, &counted);
		if (rc || counted)
			return rc;
	}
	rc = audit_append(c, e);
	return rc ? rc : kind_add(c, k);
}

static int
refusal_write(struct store_conn *c, const struct audit_event *e)
{
	struct kind k = { .minute = clock_wall_ms() / MINUTE_MS,
			  .org = e->org,
			  .actor = e->actor->key[0] ? e->actor->key
						    : e->actor->member,
			  .action = e->action,
			  .object = e->object ? e->object : "" };
	bool counted = false;
	int rc = kind_count(c, &k, &counted);

	return rc || counted ? rc : refusal_new(c, e, &k);
}

int
audit_refusal(struct store_conn *c, const struct audit_event *e)
{
	int rc;

	ASSERT(e->refused && e->actor);
	rc = store_begin(c);
	if (!rc)
		rc = refusal_write(c, e);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

/* ---- strangers ---- */

static int
strangers_count(struct store_conn *c, int64_t minute, int64_t *count)
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(c, &st,
			 "SELECT COUNT(*) FROM audit_strangers "
			 "WHERE ?1 = 0 OR minute = ?1",
			 "i", minute);
	if (!rc)
		rc = store_step(st);
	*count = rc == 1 ? store_col_int(st, 0) : 0;
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* What is counted already stays with its address. */
int
audit_stranger(struct store_conn *c, const char *address, const char *action)
{
	static const char again[] =
		"UPDATE audit_strangers SET count = count + 1 "
		"WHERE minute = ?1 AND address = ?2 AND action = ?3";
	static const char first[] =
		"INSERT INTO audit_strangers AS s (minute, address, action, "
		"count) VALUES (?1, ?2, ?3, 1) ON CONFLICT (minute, address, "
		"action) DO UPDATE SET count = s.count + 1";
	int64_t minute = clock_wall_ms() / MINUTE_MS, count, changed = 0;
	int rc;

	rc = store_exec(c, &changed, again, "iss", minute, address, action);
	if (rc || changed)
		return rc;
	rc = strangers_count(c, minute, &count);
	if (rc)
		return rc;
	return store_exec(
		c, NULL, first, "iss", minute,
		count >= AUDIT_STRANGERS_A_MINUTE ? "others" : address, action);
}

/* Those of before this minute, an hour and action each into one. */
static int
strangers_fold(struct store_conn *c, int64_t minute)
{
	static const char sum[] =
		"INSERT INTO audit_strangers AS s (minute, address, action, "
		"count) SELECT minute - minute % 60, 'folded', action, "
		"SUM(count) FROM audit_strangers WHERE minute < ?1 "
		"AND address <> 'folded' GROUP BY minute - minute % 60, "
		"action ON CONFLICT (minute, address, action) DO UPDATE "
		"SET count = s.count + excluded.count";
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(c, NULL, sum, "i", minute);
	if (!rc)
		rc = store_exec(c, NULL,
				"DELETE FROM audit_strangers WHERE "
				"minute < ?1 AND address <> 'folded'",
				"i", minute);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

int
audit_tidy(struct store_conn *c, int64_t before_ms)
{
	int64_t count = 0;
	int rc;

	rc = store_exec(c, NULL,
			"DELETE FROM audit_strangers WHERE minute < ?1", "i",
			before_ms / MINUTE_MS);
	if (!rc)
		rc = strangers_count(c, 0, &count);
	if (rc || count <= AUDIT_STRANGERS_MAX)
		return rc;
	return strangers_fold(c, (clock_wall_ms() - DAY_MS) / MINUTE_MS);
}
