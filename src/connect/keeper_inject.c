/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving out injections.
 *
 * A token that is known to have expired is never given out: who asks waits
 * for the refresh.  The front keeps what it gets until shortly before its
 * end, so that this is asked once per token and worker, not per call.
 *
 * Runs in the keeper.
 */
#include <stdlib.h>

#include "connect/keeper_priv.h"

/* A token that was renewed because a service refused the one before, and is
 * refused as well, is not renewed again for so long; twice as long each time
 * that it happens in a row. */
enum { REFUSED_AGAIN_MS = 60 * 1000, REFUSED_AGAIN_MAX_MS = 3600 * 1000 };

static void
problem_of_row(const struct keeper_row *r, struct connect_msg_problem *p)
{
	if (r->leaving)
		keeper_problem_set(p, "", CONNECT_REVOKED,
				   "The access was revoked. Connect again to "
				   "use it.");
	else if (r->suspended)
		keeper_problem_set(p, "", CONNECT_DISABLED,
				   "The connection is disabled.");
	else
		keeper_problem_set(p, "", r->status, "%s", r->reason);
}

static bool
row_is_usable(const struct keeper_row *r)
{
	return r->status == CONNECT_CONNECTED && !r->suspended;
}

static bool
token_is_good(const struct keeper *k, const struct keeper_row *r)
{
	return !r->good_until || keeper_row_now(k, r) < r->good_until;
}

/* The injection of an opened payload, as a message. */
static int
reply_injection(const struct keeper *k, struct proc_request *rq,
		const struct keeper_row *r, const struct keeper_payload *pl)
{
	struct connect_msg_injection m = { .generation = r->who.generation,
					   .binding = pl->binding };
	struct method_secrets secrets = { .count = 0 };
	struct proc_pack *out;
	int64_t left;
	int rc;

	rc = method_inject(pl->binding, &pl->fields, &m.add);
	if (!rc)
		rc = method_secrets_list(pl->binding, &pl->fields, &secrets);
	if (rc) {
		method_injection_release(&m.add);
		return rc;
	}
	memcpy(m.scrub, secrets.items, sizeof(m.scrub));
	m.scrub_count = secrets.count;
	if (r->good_until) {
		left = r->good_until - keeper_row_now(k, r);
		m.fresh_ms = left > 0 ? (uint64_t)left : 1;
	}
	out = proc_pack_new();
	connect_msg_injection_pack(&m, out);
	proc_reply(rq, 0, out);
	method_injection_release(&m.add);
	method_secrets_release(&secrets);
	return 0;
}

/* Answers one from this row.  False when it cannot be satisfied. */
static bool
satisfy(struct keeper_active *a, const struct keeper_row *r,
	const struct keeper_wait *w, const struct keeper_payload *pl)
{
	if (!row_is_usable(r) || r->who.generation <= w->newer_than ||
	    !token_is_good(a->keeper, r))
		return false;
	if (w->wants_grant) {
		keeper_reply_grant(a->keeper, w->rq, r, pl, NULL, "", "");
		return true;
	}
	if (reply_injection(a->keeper, w->rq, r, pl))
		return false;
	if (a->row.who.generation == r->who.generation)
		keeper_refresh_ahead(a, pl->binding);
	return true;
}

void
keeper_inject_answer_all(struct keeper_active *a, int err,
			 const struct connect_msg_problem *problem)
{
	struct connect_msg_problem own;
	struct keeper_payload pl = { 0 };
	struct keeper_wait *w;
	bool opened;

	if (!a->waits)
		return;
	opened = row_is_usable(&a->row) &&
		 !keeper_payload_open(a->keeper, &a->row, &pl);
	if (!problem) {
		problem_of_row(&a->row, &own);
		problem = &own;
		err = ERR_WRONG_STATE;
	}
	while ((w = a->waits)) {
		a->waits = w->next;
		if (!opened || !satisfy(a, &a->row, w, &pl))
			keeper_fail(w->rq, err, problem);
		free(w);
	}
	keeper_payload_release(&pl);
}

void
keeper_inject_wait(struct keeper_active *a, struct proc_request *rq,
		   bool wants_grant, uint64_t newer_than)
{
	struct keeper_wait *w = calloc(1, sizeof(*w));

	if (!w) {
		keeper_fail_with(rq, ERR_NOMEM, "", CONNECT_CONNECTED,
				 "Out of memory.");
		return;
	}
	w->rq = rq;
	w->wants_grant = wants_grant;
	w->newer_than = newer_than;
	w->next = a->waits;
	a->waits = w;
}

/* The grant that is asked for, in a state to be used, with its row as it is
 * stored now; else answers rq. */
static struct keeper_active *
ask_for(struct keeper *k, struct proc_request *rq, struct proc_unpack *in,
	struct connect_msg_subject *who, struct keeper_row *now)
{
	struct connect_msg_problem problem;
	struct keeper_active *a = NULL;
	int rc;

	rc = connect_msg_subject_unpack(in, who);
	if (!rc)
		rc = keeper_active_look(k, who, now, &a);
	if (rc == ERR_NOT_FOUND) {
		keeper_fail_with(rq, ERR_WRONG_STATE, "", CONNECT_NOT_CONNECTED,
				 "The connection was never connected.");
		return NULL;
	}
	if (rc) {
		keeper_fail_with(rq, rc, "", CONNECT_CONNECTED,
				 "The credential could not be read: %s.",
				 err_text(rc));
		return NULL;
	}
	if (!row_is_usable(now)) {
		problem_of_row(now, &problem);
		keeper_fail(rq, ERR_WRONG_STATE, &problem);
		keeper_active_put(a);
		return NULL;
	}
	return a;
}

/* rq has what there is.  Not so those who wait for a refresh under way, which
 * may be of a generation that was replaced meanwhile. */
static void
answer_at_once(struct keeper_active *a, const struct keeper_row *now,
	       struct proc_request *rq, uint64_t newer_than)
{
	const struct keeper_wait w = { .rq = rq, .newer_than = newer_than };
	struct connect_msg_problem problem;
	struct keeper_payload pl = { 0 };

	if (keeper_payload_open(a->keeper, now, &pl) ||
	    !satisfy(a, now, &w, &pl)) {
		problem_of_row(now, &problem);
		keeper_fail(rq, ERR_WRONG_STATE, &problem);
	}
	keeper_payload_release(&pl);
}

/* rq waits for what a refresh brings; answered at once if none can start. */
static void
wait_for_refresh(struct keeper_active *a)
{
	struct connect_msg_problem problem = { 0 };
	int rc = keeper_refresh_start(a, &problem);

	if (rc)
		keeper_inject_answer_all(a, rc, &problem);
}

void
keeper_inject(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct keeper *k = arg;
	struct connect_msg_subject who;
	struct keeper_row now;
	struct keeper_active *a = ask_for(k, rq, in, &who, &now);

	if (!a)
		return;
	if (token_is_good(k, &now)) {
		answer_at_once(a, &now, rq, 0);
	} else {
		keeper_inject_wait(a, rq, false, 0);
		wait_for_refresh(a);
	}
	keeper_active_put(a);
}

/* Whether this token was itself made because a service had refused the one
 * before, not long ago. */
static bool
refused_again(const struct keeper *k, const struct keeper_row *r)
{
	int64_t wait = REFUSED_AGAIN_MS;
	unsigned n;

	if (r->refused != r->who.generation)
		return false;
	for (n = 1; n < r->refusals && wait < REFUSED_AGAIN_MAX_MS; n++)
		wait *= 2;
	return keeper_now(k) - r->obtained_at < wait;
}

void
keeper_refused(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct keeper *k = arg;
	struct connect_msg_subject who;
	struct keeper_row now;
	struct keeper_active *a = ask_for(k, rq, in, &who, &now);

	if (!a)
		return;
	if (now.who.generation > who.generation && token_is_good(k, &now)) {
		/* somebody else has had it renewed already */
		answer_at_once(a, &now, rq, who.generation);
	} else if (a->state == KEEPER_IDLE && refused_again(k, &a->row)) {
		keeper_fail_with(rq, ERR_WRONG_STATE, "refused_again",
				 CONNECT_CONNECTED,
				 "The service refuses a token that was made "
				 "because it had refused the one before.");
	} else {
		if (a->state == KEEPER_IDLE) {
			a->row.refused = a->row.who.generation + 1;
			a->row.refusals++;
		}
		keeper_inject_wait(a, rq, false, who.generation);
		wait_for_refresh(a);
	}
	keeper_active_put(a);
}

void
keeper_refresh(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct keeper *k = arg;
	struct connect_msg_subject who;
	struct keeper_row now;
	struct keeper_active *a = ask_for(k, rq, in, &who, &now);

	if (!a)
		return;
	keeper_inject_wait(a, rq, true, a->row.who.generation);
	a->forced = true;
	wait_for_refresh(a);
	keeper_active_put(a);
}
