/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of conversations: a drive takes one that is calling on until it is
 * not.
 *
 *   WAIT    (loop)  for a slot (lane.c); holds no more than the id
 *   PREPARE (work)  the row, its document, whose permission; the attempt is
 *                   written down
 *   PROBE   (loop)  after a crash: would this request be safe to make again?
 *   CALL    (loop)  hook/ makes it; no thread is held
 *   TAKE    (work)  the result becomes the next move, in one transaction
 *
 *   WAIT -> PREPARE -> (PROBE ->) CALL -> TAKE -> PREPARE ... or the end
 *              |          |                ^ |
 *              +----------+--- not again --+ +-- the store fails: again soon
 *                             (the path no_answer)
 *
 * An attempt that was written down and has no result may have been carried
 * out.  GET, HEAD, OPTIONS and what carries an idempotency key are made
 * again; nothing else is.  A conversation has one drive at a time in a
 * process (engine->driven), so that a message that is sent twice, or a look
 * for lost calls, does not take a call under way for a lost one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { SOON_MS = 1000, GONE_AWAY = 1, TAKE_TRIES = 60, UNTAKEN_MS = 1000 };

static void drive_prepare(struct flow_drive *d);
static void drive_take(struct flow_drive *d);

/* ---- life ---- */

static void
call_release(struct flow_drive *d)
{
	hook_result_free(d->result);
	flow_document_unref(d->document);
	people_actor_unref(d->actor);
	json_decref(d->values);
	d->result = NULL;
	d->document = NULL;
	d->actor = NULL;
	d->values = NULL;
}

/* Nobody else drives it here: 0, ERR_EXISTS, ERR_BUSY, ERR_NOMEM. */
static int
drive_register(struct flow_drive *d)
{
	struct flow_engine *e = d->worker->engine;
	struct slice id = slice_str(d->id);
	int rc;

	pthread_mutex_lock(&e->mutex);
	if (table_get(e->driven, id))
		rc = ERR_EXISTS;
	else if (table_count(e->driven) >= FLOW_DRIVES_MAX)
		rc = ERR_BUSY;
	else
		rc = table_set(e->driven, id, d, NULL);
	pthread_mutex_unlock(&e->mutex);
	return rc;
}

static void
drive_free(struct flow_drive *d)
{
	struct flow_engine *e = d->worker->engine;

	pthread_mutex_lock(&e->mutex);
	table_remove(e->driven, slice_str(d->id));
	pthread_mutex_unlock(&e->mutex);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	loop_timer_cancel(&d->timer);
	flow_lane_leave(d);
	call_release(d);
	free(d);
}

static void
drives_go(struct flow_worker *w)
{
	struct flow_drive *d;

	while ((d = flow_lane_next(w)))
		drive_prepare(d);
}

static void
drive_end(struct flow_drive *d)
{
	struct flow_worker *w = d->worker;
	char id[27];

	memcpy(id, d->id, sizeof(id));
	drive_free(d);
	flow_tell(w->engine, id, FLOW_SETTLED);
	if (w->leaving && !w->running)
		flow_worker_left(w);
	else
		drives_go(w);
}

void
flow_drives_cancel(struct flow_worker *w)
{
	struct flow_drive *d;

	while ((d = w->drives)) {
		if (d->run)
			hook_run_cancel(d->run);
		drive_free(d);
	}
}

int
flow_drive_start(struct flow_worker *w, const char *id, const char *flow)
{
	struct flow_drive *d;
	int rc;

	if (w->leaving)
		return ERR_BUSY;
	d = calloc(1, sizeof(*d));
	if (!d)
		return ERR_NOMEM;
	d->worker = w;
	slice_copy(slice_str(id), d->id, sizeof(d->id));
	rc = drive_register(d);
	if (rc) {
		free(d);
		return rc == ERR_EXISTS ? 0 : rc;
	}
	d->next = w->drives;
	d->prev = &w->drives;
	if (d->next)
		d->next->prev = &d->next;
	w->drives = d;
	rc = flow_lane_wait(d, flow);
	if (rc)
		drive_free(d);
	else
		drives_go(w);
	return rc;
}

/* The lease runs out soon: somebody, perhaps this process, tries again.  If
 * another has taken it over meanwhile, it is his. */
static void
lease_give_back(struct flow_drive *d, struct store_conn *c, bool not_sent)
{
	store_exec(c, NULL,
		   "UPDATE conversations SET lease_owner = '', lease_until = "
		   "?2, attempt = attempt - ?3 WHERE id = ?1 AND status = "
		   "'calling' AND lease_owner IN ('', ?4)",
		   "siis", d->id, clock_wall_ms() + SOON_MS, (int64_t)not_sent,
		   d->worker->engine->owner);
}

/* ---- PREPARE ---- */

/* 0, or GONE_AWAY when there is no call to be made here. */
static int
prepare_load(struct flow_drive *d, struct store_conn *c, struct flow_talk *t)
{
	struct flow_engine *e = d->worker->engine;
	struct flow_saved saved = { 0 };
	const char *block, *link = "";
	int rc = flow_talk_load(c, d->id, t);

	if (rc == ERR_NOT_FOUND || (!rc && t->status != FLOW_S_CALLING))
		return GONE_AWAY;
	if (!rc)
		rc = flow_talk_document(e, c, t->flow, t->flow_version, &saved,
					&d->document);
	if (!rc)
		rc = flow_draft_pinned(t, &saved);
	if (!rc)
		rc = flow_talk_values(c, t, &d->values);
	block = json_string_value(json_object_get(t->state, "block"));
	if (!rc && block)
		d->block = flow_run_find(d->document, block);
	d->step = t->step;
	memcpy(d->subject, t->subject, sizeof(d->subject));
	if (!rc && flow_is_webhook(d->document, d->block))
		link = hook_document_connection(
			d->document->blocks[d->block].data);
	else
		d->block = -1;
	if (!rc)
		rc = flow_talk_actor(c, t, &saved, link, &d->actor);
	return rc;
}

/* What is wrong does not go away: the draft is another's or has errors by
 * now, or its member is gone. */
static bool
is_for_good(int rc)
{
	return rc == ERR_INVALID || rc == ERR_NOT_FOUND ||
	       rc == ERR_TOO_LARGE || rc == ERR_CONFLICT;
}

static void
drive_fail(struct flow_drive *d, struct store_conn *c, int err,
	   const char *otherwise)
{
	const char *why = err == ERR_CONFLICT ? flow_draft_changed : otherwise;
	struct flow_talk t = { 0 };
	int rc = store_begin(c);

	if (!rc)
		rc = flow_talk_load(c, d->id, &t);
	/* as it was seen: else it has moved on, by somebody else */
	if (!rc && t.status == FLOW_S_CALLING && t.step == d->step)
		rc = flow_move_fail(d->worker->engine, c, &t, why);
	if (!rc)
		rc = store_commit(c);
	store_rollback(c);
	flow_talk_release(&t);
	if (rc)
		lease_give_back(d, c, false);
}

/* The attempt, before anything is sent: 1 when it is noted. */
static int
prepare_note(struct flow_drive *d, struct store_conn *c,
	     const struct flow_talk *t)
{
	int64_t changed = 0;
	int rc;

	d->probing = d->block >= 0 && t->attempt > 0;
	if (t->attempt >= FLOW_CALL_ATTEMPTS)
		d->block = -1;
	rc = store_exec(c, &changed,
			"UPDATE conversations SET attempt = attempt + 1 WHERE "
			"id = ?1 AND step = ?2 AND status = 'calling' AND "
			"lease_owner = ?3",
			"sis", d->id, d->step, d->worker->engine->owner);
	return rc ? rc : changed > 0;
}

static void
prepare_work(struct loop_work *w)
{
	struct flow_drive *d = CONTAINER_OF(w, struct flow_drive, work);
	struct flow_talk t = { 0 };
	struct store_conn *c = NULL;
	int rc = store_acquire(d->worker->engine->store, &c);

	d->again = false;
	d->block = -1;
	if (!rc)
		rc = prepare_load(d, c, &t);
	if (!rc)
		rc = prepare_note(d, c, &t);
	else if (rc == GONE_AWAY)
		rc = 0;
	d->again = rc == 1;
	if (rc < 0)
		log_warn("a conversation's call cannot be made", LOG_E(rc),
			 LOG_S("conversation", d->id));
	if (is_for_good(rc))
		drive_fail(d, c, rc,
			   "The call could not be prepared: the flow has "
			   "changed, or is gone.");
	else if (rc < 0 && c)
		lease_give_back(d, c, false);
	flow_talk_release(&t);
	if (c)
		store_release(c);
	step_reached("flow.call_noted");
}

/* ---- CALL ---- */

static int drive_call(struct flow_drive *d);

static void
call_done(void *arg, struct hook_result *result)
{
	struct flow_drive *d = arg;

	d->run = NULL;
	if (d->probing && result && result->repeatable) {
		d->probing = false;
		hook_result_free(result);
		if (drive_call(d))
			drive_take(d);
		return;
	}
	if (d->probing) {
		hook_result_free(result);
		result = NULL;
	}
	d->result = result;
	drive_take(d);
}

static int
drive_call(struct flow_drive *d)
{
	struct hook_run_config config = {
		.document = d->document->blocks[d->block].data,
		.calls = d->worker->calls,
		.loop = d->worker->loop,
		.pool = d->worker->engine->pool,
		.actor = d->actor,
		.subject = d->subject,
		.values = d->values,
		.dry_run = d->probing,
		.done = call_done,
		.arg = d,
	};

	return hook_run_start(&config, &d->run);
}

/* Too much is under way: not sent, and tried again soon. */
static void
later_work(struct loop_work *w)
{
	struct flow_drive *d = CONTAINER_OF(w, struct flow_drive, work);
	struct store_conn *c;

	if (store_acquire(d->worker->engine->store, &c))
		return;
	lease_give_back(d, c, true);
	store_release(c);
}

static void
later_done(struct loop_work *w)
{
	drive_end(CONTAINER_OF(w, struct flow_drive, work));
}

static void
drive_work(struct flow_drive *d, void (*work)(struct loop_work *),
	   void (*done)(struct loop_work *))
{
	d->work.work = work;
	d->work.done = done;
	d->work.loop = d->worker->loop;
	loop_work_start(d->worker->engine->pool, &d->work);
}

static void
prepare_done(struct loop_work *w)
{
	struct flow_drive *d = CONTAINER_OF(w, struct flow_drive, work);

	d->tries = 0;
	if (!d->again)
		drive_end(d);
	else if (d->block < 0)
		drive_take(d);
	else if (drive_call(d))
		drive_work(d, later_work, later_done);
}

static void
drive_prepare(struct flow_drive *d)
{
	call_release(d);
	drive_work(d, prepare_work, prepare_done);
}

/* ---- TAKE ---- */

static void
take_values(struct flow_drive *d, struct flow_run *run)
{
	const char *name;
	json_t *value;
	char full[FLOW_ID_MAX + HOOK_VARIABLE_MAX];

	flow_problem_set(run, d->result->problem.code);
	json_object_foreach(d->result->variables, name, value)
	{
		snprintf(full, sizeof(full), "%s%s",
			 strchr(name, '.') ? "" : "block.", name);
		/* Scopes that a mapping may not write are refused when the
		 * document is compiled. */
		flow_value_set(run, full, json_deep_copy(value));
	}
}

/* Whether what it gave can be remembered with the rest: how much there is,
 * and how deep. */
static bool
take_fits(struct flow_drive *d, const struct flow_run *run)
{
	const char *name;
	json_t *value;

	json_object_foreach(d->result->variables, name, value)
	{
		if (!flow_value_is_shallow(value, FLOW_VALUE_DEPTH))
			return false;
	}
	return flow_values_fit(run);
}

/* The path; an answer of which there is more than can be kept is not what was
 * wanted, and changes nothing. */
static const char *
take_path(struct flow_drive *d, struct flow_run *run)
{
	static const char *const scopes[] = { "block", "flow" };
	json_t *before[ARRAY_LEN(scopes)];
	bool fits;
	size_t i;

	if (!d->result) {
		flow_problem_set(run, "outcome_unknown");
		return hook_path_no_answer;
	}
	/* members are replaced, never changed: a shallow copy is enough */
	for (i = 0; i < ARRAY_LEN(scopes); i++)
		before[i] = json_copy(json_object_get(run->values, scopes[i]));
	take_values(d, run);
	fits = take_fits(d, run);
	for (i = 0; i < ARRAY_LEN(scopes); i++) {
		if (!fits)
			json_object_set(run->values, scopes[i], before[i]);
		json_decref(before[i]);
	}
	if (fits)
		return d->result->path;
	flow_problem_set(run, "mapping_too_large");
	log_warn("a call's answer is too large for its conversation",
		 LOG_S("conversation", d->id));
	return hook_path_other;
}

static int
take_move(struct flow_drive *d, struct store_conn *c, struct flow_talk *t)
{
	struct flow_move m = { 0 };
	enum flow_next next = FLOW_FAILED;
	int rc = flow_move_init(&m, d->worker->engine, c, t);

	if (!rc && !flow_is_webhook(m.run.document, m.run.block)) {
		snprintf(m.run.problem, sizeof(m.run.problem),
			 "The block that has called is gone.");
		m.run.block = (int)m.run.document->start;
	} else if (!rc && d->result && d->result->consent[0]) {
		next = flow_consent_ask(&m, d->result->consent);
	} else if (!rc) {
		next = flow_run_exit(&m.run, take_path(d, &m.run));
	}
	if (!rc)
		rc = flow_move_store(&m, next);
	flow_move_release(&m);
	return rc;
}

/* What cannot be stored now is kept here, and tried again: the call was made,
 * and is not to be made for nothing. */
static void
take_failed(struct flow_drive *d, struct store_conn *c, int rc)
{
	if (c && is_for_good(rc)) {
		drive_fail(d, c, rc,
			   "The call's result could not be taken: the "
			   "flow has changed, or is gone.");
		return;
	}
	d->untaken = ++d->tries < TAKE_TRIES;
	log_warn(d->untaken ? "a call's result waits to be stored"
			    : "a call's result could not be stored",
		 LOG_E(rc), LOG_S("conversation", d->id));
	if (!d->untaken && c)
		lease_give_back(d, c, false);
}

static void
take_work(struct loop_work *w)
{
	struct flow_drive *d = CONTAINER_OF(w, struct flow_drive, work);
	struct flow_talk t = { 0 };
	struct store_conn *c = NULL;
	int rc = store_acquire(d->worker->engine->store, &c);

	d->again = d->untaken = false;
	step_reached("flow.call_done");
	if (!rc)
		flow_talk_warm(d->worker->engine, c, d->id);
	if (!rc)
		rc = store_begin(c);
	if (!rc)
		rc = flow_talk_load(c, d->id, &t);
	if (!rc && (t.status != FLOW_S_CALLING || t.step != d->step))
		rc = ERR_CANCELLED; /* ended, or somebody else's by now */
	if (!rc)
		rc = take_move(d, c, &t);
	if (!rc)
		rc = store_commit(c);
	if (!rc)
		d->again = t.status == FLOW_S_CALLING;
	if (c)
		store_rollback(c);
	if (rc && rc != ERR_CANCELLED)
		take_failed(d, c, rc);
	flow_talk_release(&t);
	if (c)
		store_release(c);
	if (!rc)
		step_reached("flow.taken");
}

static void
take_again(struct loop_timer *t)
{
	drive_take(CONTAINER_OF(t, struct flow_drive, timer));
}

static void
take_done(struct loop_work *w)
{
	struct flow_drive *d = CONTAINER_OF(w, struct flow_drive, work);

	if (d->untaken && !d->worker->leaving) {
		loop_timer_start(d->worker->loop, &d->timer, UNTAKEN_MS,
				 take_again);
		return;
	}
	if (!d->again || d->worker->leaving) {
		drive_end(d);
		return;
	}
	flow_tell(d->worker->engine, d->id, FLOW_MOVED);
	drive_prepare(d);
}

static void
drive_take(struct flow_drive *d)
{
	drive_work(d, take_work, take_done);
}
