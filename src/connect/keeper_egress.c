/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's private destinations on their way to the exchanger, who speaks
 * to the keeper alone.
 *
 * The front tells all of them whenever they change, and whenever it or the
 * keeper has begun; the keeper hands them on, answers when the exchanger goes
 * by them, and tells them to an exchanger that begins anew.  Until the front
 * has told them there are none: token endpoints at private addresses are not
 * reached for a moment, and asked again.
 *
 * Runs in the keeper, which opens no socket and makes no use of them itself.
 */
#include <stdlib.h>

#include "connect/keeper_priv.h"

enum { ANSWER_EARLIER_MS = 500 }; /* than the front gives up */

/* The front waits for the exchanger. */
struct telling {
	struct proc_call call;
	struct proc_request *rq;
};

static struct proc_pack *
told_packed(const struct keeper *k)
{
	struct proc_pack *p = proc_pack_new();

	if (p)
		connect_msg_egress_pack(k->egress, p);
	return p;
}

static void
telling_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct telling *t = CONTAINER_OF(call, struct telling, call);

	(void)in;
	proc_reply(t->rq, err, NULL);
	free(t);
}

/* Keeps what was told, in place of what was told before. */
static int
keep_told(struct keeper *k, struct proc_unpack *in)
{
	struct connect_msg_egress *m = malloc(sizeof(*m));
	int rc = m ? connect_msg_egress_unpack(in, m) : ERR_NOMEM;

	if (rc) {
		free(m);
		return rc;
	}
	free(k->egress);
	k->egress = m;
	return 0;
}

void
keeper_egress(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	uint32_t left = proc_request_left_ms(rq);
	struct keeper *k = arg;
	struct telling *t = NULL;
	int rc = keep_told(k, in);

	if (!rc) {
		t = calloc(1, sizeof(*t));
		rc = t ? 0 : ERR_NOMEM;
	}
	if (rc) {
		proc_reply(rq, rc, NULL);
		return;
	}
	t->rq = rq;
	proc_call_start(k->exchanger, CONNECT_EXCHANGER_EGRESS, told_packed(k),
			left > ANSWER_EARLIER_MS ? left - ANSWER_EARLIER_MS : 0,
			&t->call, telling_done);
}

void
keeper_egress_tell(struct keeper *k)
{
	if (k->egress)
		proc_notify(k->exchanger, CONNECT_EXCHANGER_EGRESS,
			    told_packed(k));
}
