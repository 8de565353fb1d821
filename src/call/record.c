/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call records: written in batches, off the hot path.
 *
 * A worker fills one of two arrays; twice a second, or when it is half full,
 * the arrays change places and the full one is written by a work thread in
 * one transaction.  If that thread cannot keep up, new records are dropped
 * and counted (call_counters.records_lost): calls never wait for them.
 */
#include <stdlib.h>

#include "call/call_priv.h"

enum { QUEUE = 4096, FLUSH_MS = 500 };

struct batch {
	size_t count;
	struct call_record items[QUEUE];
};

struct call_records {
	struct call_worker *worker;
	struct loop_timer timer;
	struct loop_work work;
	bool writing;
	size_t lost; /* of the batch being written */
	struct batch *filling, *written;
};

static const char insert_sql[] =
	"INSERT INTO calls (id, org, at, connection, member, api_key, method, "
	"host, path, status, code, total_us, first_byte_us, bytes_up, "
	"bytes_down, refreshed, reused) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
	"?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

static int
record_insert(struct store_conn *c, const char *id, const struct call_record *r)
{
	return store_exec(
		c, NULL, insert_sql, "ssissssssisiiiiii", id, r->org, r->at_ms,
		r->connection, r->member, r->key, r->method, r->host, r->path,
		(int64_t)r->status, r->code ? r->code : "",
		(int64_t)r->total_us, (int64_t)r->first_byte_us, (int64_t)r->up,
		(int64_t)r->down, (int64_t)r->refreshed, (int64_t)r->reused);
}

/* A connection's last use: once for each that the batch has. */
static int
batch_note_use(struct store_conn *c, const struct batch *b)
{
	const struct call_record *r;
	size_t i;
	int rc = 0;

	for (i = b->count; i > 0 && !rc; i--) {
		r = &b->items[i - 1];
		/* newest first: the rest of its records change nothing */
		if (r->connection[0] &&
		    (i == b->count ||
		     strcmp(r->connection, b->items[i].connection)))
			rc = connect_front_used(c, r->connection, r->at_ms);
	}
	return rc;
}

static int
batch_write(struct store *s, const struct batch *b)
{
	struct store_conn *c = NULL;
	char id[RANDOM_ID_SIZE];
	size_t i;
	int rc;

	rc = store_acquire(s, &c);
	if (rc)
		return rc;
	clock_settled_look();
	rc = store_begin(c);
	random_id(id);
	for (i = 0; i < b->count && !rc; i++, random_id_next(id))
		rc = record_insert(c, id, &b->items[i]);
	if (!rc)
		rc = batch_note_use(c, b);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		log_warn("call records were lost", LOG_E(rc),
			 LOG_I("count", (int64_t)b->count),
			 LOG_S("store", store_message(c)));
		store_rollback(c);
	}
	store_release(c);
	return rc;
}

static void
records_work(struct loop_work *w)
{
	struct call_records *r = CONTAINER_OF(w, struct call_records, work);

	if (batch_write(r->worker->config.store, r->written))
		r->lost = r->written->count;
	r->written->count = 0;
}

static void
records_done(struct loop_work *w)
{
	struct call_records *r = CONTAINER_OF(w, struct call_records, work);

	/* here, since a counter has one writer: the worker */
	call_count(&r->worker->counters.records_lost, r->lost);
	r->lost = 0;
	r->writing = false;
}

static void
records_flush(struct call_records *r)
{
	struct batch *full = r->filling;

	if (r->writing || !full->count)
		return;
	r->filling = r->written;
	r->written = full;
	r->writing = true;
	r->work.work = records_work;
	r->work.done = records_done;
	r->work.loop = r->worker->config.loop;
	loop_work_start(r->worker->config.pool, &r->work);
}

static void
records_tick(struct loop_timer *t)
{
	struct call_records *r = CONTAINER_OF(t, struct call_records, timer);

	records_flush(r);
	if (r->filling->count)
		loop_timer_start(r->worker->config.loop, t, FLUSH_MS,
				 records_tick);
}

int
call_records_new(struct call_worker *w, struct call_records **out)
{
	struct call_records *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (!r)
		return ERR_NOMEM;
	r->worker = w;
	r->filling = malloc(sizeof(*r->filling));
	r->written = malloc(sizeof(*r->written));
	if (!r->filling || !r->written) {
		free(r->filling);
		free(r->written);
		free(r);
		return ERR_NOMEM;
	}
	r->filling->count = r->written->count = 0;
	*out = r;
	return 0;
}

struct call_record *
call_records_slot(struct call_records *r)
{
	if (!r->worker->config.store)
		return NULL;
	if (r->filling->count < QUEUE)
		return &r->filling->items[r->filling->count];
	call_count(&r->worker->counters.records_lost, 1);
	return NULL;
}

void
call_records_commit(struct call_records *r)
{
	r->filling->count++;
	if (r->filling->count == QUEUE / 2)
		records_flush(r);
	if (!r->timer.prev)
		loop_timer_start(r->worker->config.loop, &r->timer, FLUSH_MS,
				 records_tick);
}

void
call_records_free(struct call_records *r)
{
	if (!r)
		return;
	loop_timer_cancel(&r->timer);
	if (r->writing) /* the loop has ended: its done() does not come */
		loop_pool_wait(r->worker->config.pool);
	if (r->filling->count)
		batch_write(r->worker->config.store, r->filling);
	free(r->filling);
	free(r->written);
	free(r);
}

/* ---- the worker ---- */

int
call_worker_new(const struct call_worker_config *c, struct call_worker **out)
{
	struct call_worker *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (!w)
		return ERR_NOMEM;
	w->config = *c;
	rc = call_records_new(w, &w->records);
	if (rc) {
		free(w);
		return rc;
	}
	*out = w;
	return 0;
}

void
call_worker_free(struct call_worker *w)
{
	if (!w)
		return;
	call_records_free(w->records);
	free(w);
}

const struct call_counters *
call_worker_counters(const struct call_worker *w)
{
	return &w->counters;
}
