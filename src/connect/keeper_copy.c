/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of the keeper's database, for a backup.
 *
 *   NONE ──start──> RUNNING ──all pages──> READY ──drop, silence──> NONE
 *                      └── disk full … ──> FAILED ──start, drop──>
 *
 * No rotation of keys begins in RUNNING or READY, and no copy during one: so
 * the master key that goes with a copy is the one that opens it.  Whoever
 * had it made and is silent was killed, and holds up nobody for long.
 *
 * Some pages at a time between the loop's other work, by the connection that
 * writes: so the copy is of one instant, its end, and never begins anew.
 * Beside it goes the master key, sealed under a key that whoever makes the
 * backup has handed over.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <unistd.h>

#include "connect/keeper_keys_priv.h"

enum { PAGES_AT_ONCE = 256, PAUSE_MS = 1, SILENCE_MS = 10 * 1000 };

static void
copy_end(struct keeper *k)
{
	struct keeper_ring *r = k->ring;

	loop_timer_cancel(&r->copy.timer);
	store_copy_end(r->copy.copy);
	r->copy.copy = NULL;
}

void
keeper_copy_drop(struct keeper *k)
{
	char path[4096];

	copy_end(k);
	secret_free(k->ring->copy.transport);
	k->ring->copy.transport = NULL;
	k->ring->copy.state = CONNECT_COPY_NONE;
	keeper_path(k, "backup.db", path, sizeof(path));
	unlink(path);
}

static void
copy_fail(struct keeper *k, const char *why)
{
	char detail[sizeof(k->ring->copy.detail)];

	snprintf(detail, sizeof(detail), "%s", why);
	log_error("the copy for a backup has failed", LOG_S("why", detail));
	keeper_copy_drop(k);
	k->ring->copy.state = CONNECT_COPY_FAILED;
	memcpy(k->ring->copy.detail, detail, sizeof(detail));
}

static void
copy_silence(struct loop_timer *t)
{
	struct keeper_ring *r = CONTAINER_OF(t, struct keeper_ring, copy.timer);

	copy_fail(r->keeper, "Nobody has fetched it in time.");
}

/* All pages are there.  A newer program may have been at the database; what
 * it has done is in the copy, since this is asked after it. */
static void
copy_ready(struct keeper *k)
{
	struct keeper_ring *r = k->ring;

	if (store_migrations_newest(k->db, &r->copy.schema)) {
		copy_fail(k, "the keeper's database does not say of which "
			     "version it is");
		return;
	}
	copy_end(k);
	r->copy.state = CONNECT_COPY_READY;
	loop_timer_start(k->loop, &r->copy.timer, SILENCE_MS, copy_silence);
	step_reached("backup.part");
}

static void
copy_step(struct loop_timer *t)
{
	struct keeper_ring *r = CONTAINER_OF(t, struct keeper_ring, copy.timer);
	struct keeper *k = r->keeper;
	int rc;

	rc = step_fails("backup.part")
		     ? ERR_STORE
		     : store_copy_step(r->copy.copy, PAGES_AT_ONCE,
				       &r->copy.done, &r->copy.total);
	if (rc == 1) {
		loop_timer_start(k->loop, &r->copy.timer, PAUSE_MS, copy_step);
	} else if (rc) {
		copy_fail(k, "the keeper's database could not be copied; is "
			     "the disk full?");
	} else {
		copy_ready(k);
	}
}

static int
copy_start(struct keeper *k, struct slice handover)
{
	struct keeper_ring *r = k->ring;
	struct secret *transport;
	char path[4096];
	int rc = keeper_ring_take(k, handover, &transport, NULL);

	if (rc)
		return rc;
	keeper_copy_drop(k);
	keeper_ring_settle(k); /* who makes a backup takes them, too */
	r->copy.transport = transport;
	keeper_path(k, "backup.db", path, sizeof(path));
	rc = store_copy_begin(k->db, path, false, &r->copy.copy);
	if (rc) {
		keeper_copy_drop(k);
		return rc;
	}
	r->copy.state = CONNECT_COPY_RUNNING;
	r->copy.done = r->copy.total = 0;
	r->copy.schema = 0;
	loop_timer_start(k->loop, &r->copy.timer, PAUSE_MS, copy_step);
	return 0;
}

/* The master key goes with a copy that is ready: with the one that wraps
 * what is in it. */
static int
copy_tell(struct keeper *k, struct proc_request *rq)
{
	const struct keeper_ring *r = k->ring;
	struct connect_msg_copied m = { .state = r->copy.state,
					.done = r->copy.done,
					.total = r->copy.total,
					.schema = r->copy.schema,
					.source = r->source };
	struct proc_pack *p;
	char identity[64];
	struct buf sealed;
	int rc = 0;

	buf_init(&sealed, sizeof(m.key));
	memcpy(m.id, r->current_id, sizeof(m.id));
	if (m.state == CONNECT_COPY_FAILED)
		memcpy(m.detail, r->copy.detail, sizeof(m.detail));
	if (m.state == CONNECT_COPY_READY) {
		snprintf(identity, sizeof(identity), "backup/%s", m.id);
		rc = vault_seal(r->copy.transport, identity,
				slice_of(secret_peek(r->current),
					 secret_len(r->current)),
				&sealed);
	}
	if (!rc && sealed.len == sizeof(m.key)) {
		memcpy(m.key, sealed.data, sizeof(m.key));
		m.key_len = sizeof(m.key);
	}
	buf_release(&sealed);
	if (rc)
		return rc;
	p = proc_pack_new();
	connect_msg_copied_pack(&m, p);
	proc_reply(rq, 0, p);
	return 0;
}

const char *
keeper_copy_hindrance(const struct keeper *k)
{
	enum connect_copy state = k->ring->copy.state;

	if (state == CONNECT_COPY_RUNNING || state == CONNECT_COPY_READY)
		return "A backup is being made.";
	return k->ring->held ? "An upgrade or a reload is under way." : NULL;
}

/* Why no copy can be begun; the problem is told then. */
static bool
copy_refuse(const struct keeper *k, struct proc_request *rq)
{
	const char *why = k->ring->phase != CONNECT_ROTATION_NONE
				  ? "A rotation of keys is under way."
				  : keeper_copy_hindrance(k);

	if (why)
		keeper_fail_with(rq, ERR_WRONG_STATE, "keys_busy",
				 CONNECT_CONNECTED, "%s", why);
	return why != NULL;
}

void
keeper_copy(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct keeper *k = arg;
	struct connect_msg_copy m;
	int rc = connect_msg_copy_unpack(in, &m);

	if (!rc &&
	    (m.what == CONNECT_COPY_MAY || m.what == CONNECT_COPY_START) &&
	    copy_refuse(k, rq))
		return;
	if (!rc && m.what == CONNECT_COPY_START)
		rc = copy_start(k, m.handover);
	else if (!rc && m.what == CONNECT_COPY_DROP)
		keeper_copy_drop(k);
	if (!rc)
		rc = copy_tell(k, rq);
	if (rc == ERR_CRYPTO)
		keeper_fail_with(rq, ERR_WRONG_STATE, "keys_busy",
				 CONNECT_CONNECTED, "%s", KEEPER_PAPER_SPENT);
	else if (rc)
		keeper_fail_with(rq, rc, "", CONNECT_CONNECTED,
				 "The keeper's database could not be copied: "
				 "%s.",
				 err_text(rc));
}
