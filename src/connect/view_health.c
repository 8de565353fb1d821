/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health of a grant, by what the service answers to calls with it.
 *
 * A worker remembers whose grants are in trouble: of a connection for
 * everybody in its entry, of one for each user in a table of those users
 * alone, so that a call of all others costs one look into it (none, where it
 * is empty).  Only a change is written, on a work thread.
 *
 * A worker that has just loaded the connection takes over who is in trouble
 * as it is stored, up to a bound; of whom it then knows nothing it writes
 * once that he is well.
 *
 * Runs in the front: views on their worker's loop, writing on a work thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/view_priv.h"

enum { CALM_MS = 60 * 1000, USERS_LOADED_MAX = 1000 };

/* ---- whose grants are in trouble ---- */

struct view_user {
	bool degraded;
	uint64_t troubled_ms; /* when he last had trouble; 0 */
};

void
view_users_release(struct view_users *u)
{
	size_t cursor = 0;
	struct slice subject;
	void *value;

	while (u->by_subject &&
	       table_next(u->by_subject, &cursor, &subject, &value))
		free(value);
	table_free(u->by_subject);
	memset(u, 0, sizeof(*u));
}

static struct view_user *
user_find(const struct view_users *u, const char *subject)
{
	return u->by_subject ? table_get(u->by_subject, slice_str(subject))
			     : NULL;
}

/* NULL: out of memory. */
static struct view_user *
user_add(struct view_users *u, struct slice subject, bool degraded)
{
	struct view_user *user = calloc(1, sizeof(*user));

	if (user && !u->by_subject)
		u->by_subject = table_new();
	if (user &&
	    (!u->by_subject || table_set(u->by_subject, subject, user, NULL))) {
		free(user);
		user = NULL;
	}
	if (user)
		user->degraded = degraded;
	return user;
}

int
view_users_load(struct store_conn *c, const char *connection,
		struct view_users *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT subject FROM connection_users WHERE "
			     "connection = ?1 AND health = 'degraded' AND "
			     "health_reason LIKE '" VIEW_HEALTH_WORDS
			     "%' ORDER BY subject LIMIT ?2",
			     "si", connection, (int64_t)USERS_LOADED_MAX + 1);

	memset(out, 0, sizeof(*out));
	while (!rc && (rc = store_step(st)) == 1) {
		out->more = out->by_subject &&
			    table_count(out->by_subject) >= USERS_LOADED_MAX;
		rc = out->more || user_add(out, store_col(st, 0), true)
			     ? 0
			     : ERR_NOMEM;
	}
	store_done(st);
	if (rc < 0)
		view_users_release(out);
	return rc < 0 ? rc : 0;
}

bool
connect_view_degraded(const struct connect_entry *seen, const char *subject)
{
	const struct view_entry *e =
		CONTAINER_OF(seen, const struct view_entry, seen);
	const struct view_user *user;

	if (!subject[0])
		return seen->degraded;
	user = user_find(&e->users, subject);
	return user ? user->degraded : e->users.more;
}

/* Takes over what is told of him now; whether that is a change. */
static bool
user_note(struct view_entry *e, const char *subject, bool degraded,
	  uint64_t now_ms)
{
	struct view_user *user = user_find(&e->users, subject);

	if (!user && !degraded && !e->users.more)
		return false;
	if (!user)
		user = user_add(&e->users, slice_str(subject), !degraded);
	if (!user)
		return false;
	if (degraded)
		user->troubled_ms = now_ms;
	else if (user->troubled_ms && now_ms - user->troubled_ms < CALM_MS)
		return false;
	if (user->degraded == degraded)
		return false;
	user->degraded = degraded;
	return true;
}

static bool
entry_note(struct view_entry *e, bool degraded, uint64_t now_ms)
{
	if (degraded)
		e->troubled_ms = now_ms;
	else if (e->troubled_ms && now_ms - e->troubled_ms < CALM_MS)
		return false;
	if (e->seen.degraded == degraded)
		return false;
	e->seen.degraded = degraded;
	return true;
}

/* ---- writing, off the hot path ---- */

struct view_health {
	struct loop_work work;
	struct connect_views *all;
	char connection[CONNECT_ID_SIZE];
	char subject[64]; /* "": everybody's */
	uint64_t generation;
	char problem[32]; /* "": well again */
	char detail[192];
};

static void
health_words(const struct view_health *h, char *out, size_t size)
{
	if (!strcmp(h->problem, "missing_scope"))
		snprintf(out, size,
			 VIEW_HEALTH_WORDS
			 "says that a scope is missing%s%s: "
			 "edit the scopes, and connect again.",
			 h->detail[0] ? ", " : "", h->detail);
	else if (!strcmp(h->problem, "throttled"))
		snprintf(out, size,
			 VIEW_HEALTH_WORDS "asks to call less often.");
	else
		snprintf(out, size,
			 VIEW_HEALTH_WORDS
			 "refuses even a token that was just "
			 "renewed: look whether the account may do this, or "
			 "connect again.");
}

/*
 * What others have noted is theirs to clear.  The generation is stored with
 * the words: the keeper's news that this very one was made must not clear
 * them, also where it comes later.
 */
static int
connection_store(struct store_conn *c, const struct view_health *h,
		 const char *words)
{
	if (h->problem[0])
		return store_exec(c, NULL,
				  "UPDATE connections SET "
				  "health = 'degraded', health_reason = ?2, "
				  "health_since = ?3, retry_at = 0, "
				  "generation = CASE WHEN generation < ?4 "
				  "THEN ?4 ELSE generation END "
				  "WHERE id = ?1",
				  "ssii", h->connection, words, clock_wall_ms(),
				  (int64_t)h->generation);
	return store_exec(c, NULL,
			  "UPDATE connections SET health = 'ok', "
			  "health_reason = '', health_since = 0 "
			  "WHERE id = ?1 AND health_reason LIKE "
			  "'" VIEW_HEALTH_WORDS "%'",
			  "s", h->connection);
}

static int
user_store(struct store_conn *c, const struct view_health *h, const char *words)
{
	if (h->problem[0])
		return store_exec(c, NULL,
				  "UPDATE connection_users SET "
				  "health = 'degraded', health_reason = ?3, "
				  "health_since = ?4, retry_at = 0, "
				  "generation = ?5 "
				  "WHERE connection = ?1 AND subject = ?2 "
				  "AND status = 'connected' "
				  "AND generation <= ?5",
				  "sssii", h->connection, h->subject, words,
				  clock_wall_ms(), (int64_t)h->generation);
	return store_exec(c, NULL,
			  "UPDATE connection_users SET health = 'ok', "
			  "health_reason = '', health_since = 0 "
			  "WHERE connection = ?1 AND subject = ?2 "
			  "AND health_reason LIKE '" VIEW_HEALTH_WORDS "%'",
			  "ss", h->connection, h->subject);
}

static void
health_work(struct loop_work *w)
{
	struct view_health *h = CONTAINER_OF(w, struct view_health, work);
	struct store_conn *c = NULL;
	char words[400];
	int rc = store_acquire(h->all->store, &c);

	health_words(h, words, sizeof(words));
	if (!rc)
		rc = h->subject[0] ? user_store(c, h, words)
				   : connection_store(c, h, words);
	if (rc)
		log_warn("health not stored",
			 LOG_S("connection", h->connection), LOG_E(rc));
	if (c)
		store_release(c);
	free(h);
}

void
connect_view_health(struct connect_view *v, struct connect_entry *seen,
		    const char *subject, uint64_t generation,
		    const char *problem, const char *detail)
{
	struct view_entry *e = CONTAINER_OF(seen, struct view_entry, seen);
	uint64_t now_ms = loop_now_ms(v->loop);
	struct view_health *h;

	if (!(subject[0] ? user_note(e, subject, problem != NULL, now_ms)
			 : entry_note(e, problem != NULL, now_ms)))
		return;
	h = calloc(1, sizeof(*h));
	if (!h)
		return;
	h->all = v->all;
	memcpy(h->connection, seen->snapshot->id, sizeof(h->connection));
	slice_copy(slice_str(subject), h->subject, sizeof(h->subject));
	h->generation = generation;
	slice_copy(slice_str(problem), h->problem, sizeof(h->problem));
	snprintf(h->detail, sizeof(h->detail), "%s", detail);
	h->work.work = health_work;
	loop_work_start(v->all->pool, &h->work);
}
