/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores: connections, statements and transactions over an engine.
 *
 * Connections are kept for the next thread that asks; each has a cache of
 * its prepared statements, found by the address of their text (they are
 * literals).
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store_priv.h"

struct store {
	const struct store_engine *engine;
	void *db;
	pthread_mutex_t mutex;
	struct store_conn *spare;
};

static const struct {
	const char *scheme;
	const struct store_engine *engine;
} engines[] = {
	{ "sqlite:", &store_sqlite },
};

static const struct store_engine *
engine_of(const char *url, const char **where)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(engines); i++) {
		if (!slice_starts(slice_str(url), slice_str(engines[i].scheme)))
			continue;
		*where = url + strlen(engines[i].scheme);
		return engines[i].engine;
	}
	return NULL;
}

const struct store_engine *
store_engine_of(const struct store_conn *c)
{
	return c->store->engine;
}

static int
store_open_as(const char *url, const char *set, bool newer, struct store **out,
	      char *detail, size_t size)
{
	const struct store_engine *e;
	struct store_conn *c = NULL;
	const char *where = NULL;
	char unused[8];
	struct store *s;
	int rc;

	*out = NULL;
	if (!detail) {
		detail = unused;
		size = sizeof(unused);
	}
	detail[0] = 0;
	e = engine_of(url, &where);
	if (!e) {
		snprintf(detail, size, "no store is known for this URL");
		return ERR_UNSUPPORTED;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	s->engine = e;
	pthread_mutex_init(&s->mutex, NULL);
	rc = e->open(where, &s->db, detail, size);
	if (!rc)
		rc = store_acquire(s, &c);
	if (!rc)
		rc = store_migrate(c, set, newer, detail, size);
	store_release(c);
	if (rc)
		store_close(s);
	else
		*out = s;
	return rc;
}

int
store_open(const char *url, const char *set, struct store **out, char *detail,
	   size_t size)
{
	return store_open_as(url, set, false, out, detail, size);
}

int
store_open_beside(const char *url, const char *set, struct store **out,
		  char *detail, size_t size)
{
	return store_open_as(url, set, true, out, detail, size);
}

static void
conn_free(struct store_conn *c)
{
	struct store_stmt *st;

	while ((st = c->cache)) {
		c->cache = st->next;
		store_engine_of(c)->finalize(st->stmt);
		free(st);
	}
	store_engine_of(c)->disconnect(c->conn);
	free(c);
}

void
store_close(struct store *s)
{
	struct store_conn *c;

	if (!s)
		return;
	while ((c = s->spare)) {
		s->spare = c->next;
		conn_free(c);
	}
	if (s->db)
		s->engine->close(s->db);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

int
store_acquire(struct store *s, struct store_conn **out)
{
	struct store_conn *c;
	int rc;

	pthread_mutex_lock(&s->mutex);
	c = s->spare;
	if (c)
		s->spare = c->next;
	pthread_mutex_unlock(&s->mutex);
	*out = c;
	if (c)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	c->store = s;
	rc = s->engine->connect(s->db, &c->conn);
	if (rc) {
		free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void
store_release(struct store_conn *c)
{
	if (!c)
		return;
	store_rollback(c);
	c->last = NULL;
	pthread_mutex_lock(&c->store->mutex);
	c->next = c->store->spare;
	c->store->spare = c;
	pthread_mutex_unlock(&c->store->mutex);
}

/* ---- transactions ---- */

/* BEGIN and its like: no change of their own. */
static int
conn_control(struct store_conn *c, const char *sql)
{
	struct store_stmt *st;
	int rc = store_prepare(c, sql, &st);

	if (rc)
		return rc;
	rc = store_engine_of(c)->step(st->stmt);
	store_engine_of(c)->reset(st->stmt);
	return rc;
}

int
store_begin(struct store_conn *c)
{
	const struct store_engine *e = store_engine_of(c);
	int rc;

	ASSERT(!c->in_transaction);
	rc = e->lock(c->store->db);
	if (rc)
		return rc;
	rc = conn_control(c, "BEGIN IMMEDIATE");
	if (rc)
		e->unlock(c->store->db);
	c->in_transaction = rc == 0;
	return rc;
}

int
store_commit(struct store_conn *c)
{
	const struct store_engine *e = store_engine_of(c);
	int rc;

	ASSERT(c->in_transaction);
	rc = c->last ? c->last(c, c->last_arg) : 0;
	if (!rc)
		rc = conn_control(c, "COMMIT");
	if (rc)
		return rc;
	c->in_transaction = false;
	e->unlock(c->store->db);
	return e->sync(c->store->db);
}

void
store_before_commit(struct store_conn *c, store_last *last, void *arg)
{
	c->last = last;
	c->last_arg = arg;
}

void
store_rollback(struct store_conn *c)
{
	char why[sizeof(c->why)];

	if (!c->in_transaction)
		return;
	c->in_transaction = false;
	/* The engine may have rolled back by itself (the disk is full), and
	 * then finds fault with this; why it did is what counts. */
	snprintf(why, sizeof(why), "%s", store_message(c));
	conn_control(c, "ROLLBACK");
	memcpy(c->why, why, sizeof(why));
	store_engine_of(c)->unlock(c->store->db);
}

/* ---- statements ---- */

int
store_prepare(struct store_conn *c, const char *sql, struct store_stmt **out)
{
	struct store_stmt *st, **link;
	int rc;

	*out = NULL;
	c->why[0] = '\0';
	for (link = &c->cache; (st = *link); link = &st->next) {
		if (st->sql != sql)
			continue;
		*link = st->next; /* the latest to the front */
		st->next = c->cache;
		c->cache = st;
		*out = st;
		return 0;
	}
	st = calloc(1, sizeof(*st));
	if (!st)
		return ERR_NOMEM;
	rc = store_engine_of(c)->prepare(c->conn, sql, &st->stmt);
	if (rc) {
		free(st);
		return rc;
	}
	st->conn = c;
	st->sql = sql;
	st->writes = store_engine_of(c)->writes(st->stmt);
	st->next = c->cache;
	c->cache = st;
	*out = st;
	return 0;
}

void
store_bind_int(struct store_stmt *st, int index, int64_t value)
{
	store_engine_of(st->conn)->bind_int(st->stmt, index, value);
}

void
store_bind_text(struct store_stmt *st, int index, struct slice text)
{
	if (text.ptr)
		store_engine_of(st->conn)->bind_text(st->stmt, index, text);
	else
		store_engine_of(st->conn)->bind_null(st->stmt, index);
}

void
store_bind_str(struct store_stmt *st, int index, const char *text)
{
	store_bind_text(st, index, slice_str(text));
}

void
store_bind_blob(struct store_stmt *st, int index, struct slice bytes)
{
	if (bytes.ptr)
		store_engine_of(st->conn)->bind_blob(st->stmt, index, bytes);
	else
		store_engine_of(st->conn)->bind_null(st->stmt, index);
}

void
store_bind_null(struct store_stmt *st, int index)
{
	store_engine_of(st->conn)->bind_null(st->stmt, index);
}

int
store_step(struct store_stmt *st)
{
	ASSERT(!st->writes || st->conn->in_transaction);
	return store_engine_of(st->conn)->step(st->stmt);
}

int64_t
store_col_int(struct store_stmt *st, int col)
{
	return store_engine_of(st->conn)->col_int(st->stmt, col);
}

struct slice
store_col(struct store_stmt *st, int col)
{
	return store_engine_of(st->conn)->col(st->stmt, col);
}

bool
store_col_is_null(struct store_stmt *st, int col)
{
	return store_engine_of(st->conn)->col_is_null(st->stmt, col);
}

void
store_done(struct store_stmt *st)
{
	if (st)
		store_engine_of(st->conn)->reset(st->stmt);
}

/* ---- the short form ---- */

static void
bind_all(struct store_stmt *st, const char *types, va_list ap)
{
	int i;

	for (i = 1; *types; types++, i++) {
		switch (*types) {
		case 'i':
			store_bind_int(st, i, va_arg(ap, int64_t));
			break;
		case 's':
			store_bind_str(st, i, va_arg(ap, const char *));
			break;
		case 'l':
			store_bind_text(st, i, va_arg(ap, struct slice));
			break;
		case 'b':
			store_bind_blob(st, i, va_arg(ap, struct slice));
			break;
		default:
			ASSERT(*types == 'n');
			store_bind_null(st, i);
		}
	}
}

int
store_exec(struct store_conn *c, int64_t *changed, const char *sql,
	   const char *types, ...)
{
	const struct store_engine *e = store_engine_of(c);
	struct store_stmt *st;
	bool alone; /* a transaction of its own */
	va_list ap;
	int rc;

	if (changed)
		*changed = 0;
	rc = store_prepare(c, sql, &st);
	if (rc)
		return rc;
	alone = st->writes && !c->in_transaction;
	if (alone)
		rc = e->lock(c->store->db);
	if (rc)
		return rc;
	va_start(ap, types);
	bind_all(st, types, ap);
	va_end(ap);
	do {
		rc = e->step(st->stmt);
	} while (rc == 1);
	if (!rc && changed)
		*changed = e->changes(c->conn);
	e->reset(st->stmt);
	if (alone)
		e->unlock(c->store->db);
	return rc || !alone ? rc : e->sync(c->store->db);
}

void
store_set_patience(struct store_conn *c, bool waits)
{
	store_engine_of(c)->set_patience(c->conn, waits);
}

int
store_query(struct store_conn *c, struct store_stmt **out, const char *sql,
	    const char *types, ...)
{
	va_list ap;
	int rc;

	rc = store_prepare(c, sql, out);
	if (rc)
		return rc;
	va_start(ap, types);
	bind_all(*out, types, ap);
	va_end(ap);
	return 0;
}

const char *
store_message(struct store_conn *c)
{
	if (!c)
		return "no connection";
	return c->why[0] ? c->why : store_engine_of(c)->message(c->conn);
}

/* ---- whole databases ---- */

int
store_checkpoint(struct store_conn *c)
{
	return store_engine_of(c)->checkpoint(c->conn);
}

struct store_copy {
	const struct store_engine *engine;
	void *copy;
};

int
store_copy_begin(struct store_conn *c, const char *path, bool pinned,
		 struct store_copy **out)
{
	const struct store_engine *e = store_engine_of(c);
	struct store_copy *copy;
	int rc;

	*out = NULL;
	if (!e->copy_begin)
		return ERR_UNSUPPORTED;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return ERR_NOMEM;
	copy->engine = e;
	rc = e->copy_begin(c->conn, path, pinned, &copy->copy);
	if (rc)
		free(copy);
	else
		*out = copy;
	return rc;
}

int
store_copy_step(struct store_copy *copy, unsigned pages, uint64_t *done,
		uint64_t *total)
{
	return copy->engine->copy_step(copy->copy, pages, done, total);
}

void
store_copy_end(struct store_copy *copy)
{
	if (!copy)
		return;
	copy->engine->copy_end(copy->copy);
	free(copy);
}
