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
	struct view_trouble trouble;
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

/* Which trouble is told where there are several. */
static unsigned
trouble_weight(const struct connect_trouble *t)
{
	static const unsigned of_limit[] = {
		[CATALOG_LIMIT_RATE] = 1,
		[CATALOG_LIMIT_CONCURRENCY] = 2,
		[CATALOG_LIMIT_QUOTA] = 3,
	};

	if (!strcmp(t->problem, "throttled"))
		return of_limit[t->limit];
	return !strcmp(t->problem, "missing_scope") ? 4 : 5;
}

/* Of a grant that is in trouble already: whether this is news. */
static bool
trouble_is_other(const struct view_trouble *was,
		 const struct connect_trouble *t, uint64_t generation,
		 uint64_t now_ms)
{
	unsigned weight = trouble_weight(t);

	if (generation != was->generation) /* its own news have cleared it */
		return generation > was->generation;
	if (weight != was->weight)
		return weight > was->weight ||
		       now_ms - was->written_ms >= CALM_MS;
	return was->retry_at && was->retry_at <= clock_wall_ms();
}

/* Takes over what is told now; whether that is news. */
static bool
trouble_note(struct view_trouble *was, bool *degraded,
	     const struct connect_trouble *t, uint64_t generation,
	     uint64_t now_ms)
{
	bool before = *degraded;

	if (t->problem)
		was->troubled_ms = now_ms;
	else if (was->troubled_ms && now_ms - was->troubled_ms < CALM_MS)
		return false;
	if (!t->problem && !before)
		return false;
	if (t->problem && before &&
	    !trouble_is_other(was, t, generation, now_ms))
		return false;
	*degraded = t->problem != NULL;
	was->written_ms = now_ms;
	was->generation = generation;
	was->weight = t->problem ? trouble_weight(t) : 0;
	was->retry_at =
		t->problem && t->wait_ms ? clock_wall_ms() + t->wait_ms : 0;
	return true;
}

static bool
user_note(struct view_entry *e, const char *subject,
	  const struct connect_trouble *t, uint64_t generation, uint64_t now_ms)
{
	struct view_user *user = user_find(&e->users, subject);

	if (!user && !t->problem && !e->users.more)
		return false;
	if (!user) /* of whom nothing is known: either is news */
		user = user_add(&e->users, slice_str(subject), !t->problem);
	return user && trouble_note(&user->trouble, &user->degraded, t,
				    generation, now_ms);
}

static bool
entry_note(struct view_entry *e, const struct connect_trouble *t,
	   uint64_t generation, uint64_t now_ms)
{
	return trouble_note(&e->trouble, &e->seen.degraded, t, generation,
			    now_ms);
}

/* ---- writing, off the hot path ---- */

struct view_health {
	struct loop_work work;
	struct connect_views *all;
	char connection[CONNECT_ID_SIZE];
	char subject[64]; /* "": everybody's */
	uint64_t generation;
	struct connect_trouble told;
	int64_t retry_at; /* 0: not told */
	bool unseen;	  /* no entry knows of it */
};

/* What there was too much of, and when calls are taken again. */
static void
throttle_words(const struct view_health *h, char *out, size_t size)
{
	static const char *const words[][2] = {
		[CATALOG_LIMIT_RATE] = { "asks to call less often", "." },
		[CATALOG_LIMIT_QUOTA] = { "says that the calls it allows are "
					  "used up",
					  "." },
		[CATALOG_LIMIT_CONCURRENCY] = { "says that too many calls are "
						"made at the same time",
						": it takes the next when "
						"others have ended." },
	};
	char at[CLOCK_TEXT_SIZE], until[64] = "";

	if (h->retry_at) {
		clock_format(h->retry_at, at);
		snprintf(until, sizeof(until), ", until %.10s %.8s UTC", at,
			 at + 11);
	}
	snprintf(out, size, VIEW_HEALTH_WORDS "%s%s%s", words[h->told.limit][0],
		 until, words[h->told.limit][1]);
}

static void
health_words(const struct view_health *h, char *out, size_t size)
{
	const struct connect_trouble *t = &h->told;

	if (!t->problem)
		out[0] = '\0';
	else if (!strcmp(t->problem, "missing_scope"))
		snprintf(out, size,
			 VIEW_HEALTH_WORDS
			 "says that a scope is missing%s%s: "
			 "edit the scopes, and connect again.",
			 t->detail[0] ? ", " : "", t->detail);
	else if (!strcmp(t->problem, "throttled"))
		throttle_words(h, out, size);
	else
		snprintf(out, size,
			 VIEW_HEALTH_WORDS
			 "refuses even a token that was just "
			 "renewed: look whether the account may do this, or "
			 "connect again.");
}

/* It is in trouble already: since then. */
#define TROUBLED \
	"health = 'degraded' AND health_reason LIKE '" VIEW_HEALTH_WORDS "%'"
/* No entry has kept what is no news from being written. */
#define NEWS(unseen, words) \
	"(" unseen " = 0 OR health = 'ok' OR health_reason <> " words ")"

/*
 * What others have noted is theirs to clear.  The generation is stored with
 * the words: the keeper's news that this very one was made must not clear
 * them, also where it comes later.
 */
static int
connection_store(struct store_conn *c, const struct view_health *h,
		 const char *words, int64_t *changed)
{
	if (h->told.problem)
		return store_exec(
			c, changed,
			"UPDATE connections SET "
			"health = 'degraded', health_reason = ?2, "
			"health_since = CASE WHEN " TROUBLED
			" THEN health_since ELSE ?3 END, retry_at = ?5, "
			"generation = CASE WHEN generation < ?4 "
			"THEN ?4 ELSE generation END "
			"WHERE id = ?1 AND " NEWS("?6", "?2"),
			"ssiiii", h->connection, words, clock_wall_ms(),
			(int64_t)h->generation, h->retry_at,
			(int64_t)h->unseen);
	return store_exec(c, changed,
			  "UPDATE connections SET " VIEW_HEALTH_WELL " "
			  "WHERE id = ?1 AND health_reason LIKE "
			  "'" VIEW_HEALTH_WORDS "%'",
			  "s", h->connection);
}

static int
user_store(struct store_conn *c, const struct view_health *h, const char *words,
	   int64_t *changed)
{
	if (h->told.problem)
		return store_exec(c, changed,
				  "UPDATE connection_users SET "
				  "health = 'degraded', health_reason = ?3, "
				  "health_since = CASE WHEN " TROUBLED
				  " THEN health_since ELSE ?4 END, "
				  "retry_at = ?6, generation = ?5 "
				  "WHERE connection = ?1 AND subject = ?2 "
				  "AND status = 'connected' "
				  "AND generation <= ?5 AND " NEWS("?7", "?3"),
				  "sssiiii", h->connection, h->subject, words,
				  clock_wall_ms(), (int64_t)h->generation,
				  h->retry_at, (int64_t)h->unseen);
	return store_exec(c, changed,
			  "UPDATE connection_users SET " VIEW_HEALTH_WELL " "
			  "WHERE connection = ?1 AND subject = ?2 "
			  "AND health_reason LIKE '" VIEW_HEALTH_WORDS "%'",
			  "ss", h->connection, h->subject);
}

static void
health_work(struct loop_work *w)
{
	struct view_health *h = CONTAINER_OF(w, struct view_health, work);
	struct store_conn *c = NULL;
	int64_t changed = 0;
	char words[400];
	int rc = store_acquire(h->all->store, &c);

	health_words(h, words, sizeof(words));
	if (!rc)
		rc = h->subject[0] ? user_store(c, h, words, &changed)
				   : connection_store(c, h, words, &changed);
	/* Whoever has loaded it before that is to know of it, too. */
	if (!rc && h->unseen && changed)
		connect_views_withdraw(h->all, h->connection);
	if (rc)
		log_warn("health not stored",
			 LOG_S("connection", h->connection), LOG_E(rc));
	if (c)
		store_release(c);
	free(h);
}

static void
health_start(struct connect_view *v, const char *connection, bool unseen,
	     const char *subject, uint64_t generation,
	     const struct connect_trouble *t)
{
	struct view_health *h = calloc(1, sizeof(*h));

	if (!h)
		return;
	h->all = v->all;
	h->unseen = unseen;
	slice_copy(slice_str(connection), h->connection, sizeof(h->connection));
	slice_copy(slice_str(subject), h->subject, sizeof(h->subject));
	h->generation = generation;
	h->told = *t;
	h->retry_at = t->wait_ms ? clock_wall_ms() + t->wait_ms : 0;
	h->work.work = health_work;
	loop_work_start(v->all->pool, &h->work);
}

void
connect_view_health(struct connect_view *v, struct connect_entry *seen,
		    const char *subject, uint64_t generation,
		    const struct connect_trouble *t)
{
	struct view_entry *e = CONTAINER_OF(seen, struct view_entry, seen);
	uint64_t now_ms = loop_now_ms(v->loop);

	if (subject[0] ? user_note(e, subject, t, generation, now_ms)
		       : entry_note(e, t, generation, now_ms))
		health_start(v, seen->snapshot->id, false, subject, generation,
			     t);
}

void
connect_view_trouble(struct connect_view *v, const char *connection,
		     const char *subject, uint64_t generation,
		     const struct connect_trouble *t)
{
	health_start(v, connection, true, subject, generation, t);
}
