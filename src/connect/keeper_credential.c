/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential that a person typed in.
 *
 * Keys, Basic, bearer: what is given is the grant; where it replaces one in
 * use it is tried first (keeper_trial.c).  For client credentials a token is
 * got with it (keeper_exchange.c).
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_getting_priv.h"

static void
credential_client(struct keeper *k, struct proc_request *rq,
		  struct connect_msg_credential *m)
{
	struct keeper_getting *g = calloc(1, sizeof(*g));

	if (!g) {
		keeper_fail_with(rq, ERR_NOMEM, "", CONNECT_NOT_CONNECTED,
				 "Out of memory.");
		return;
	}
	g->keeper = k;
	g->rq = rq;
	g->who = m->who;
	g->payload.binding = m->binding;
	m->binding = NULL;
	snprintf(g->payload.scope, sizeof(g->payload.scope), "%s", m->scope);
	if (keeper_getting_app(g))
		keeper_getting_free(g);
	else
		keeper_getting_ask(g, METHOD_CLIENT_CREDENTIALS, NULL);
}

void
keeper_credential_store(struct keeper *k, struct proc_request *rq, int rc,
			struct keeper_row *row, const struct keeper_payload *p,
			const char *account)
{
	struct connect_msg_grant brought;

	if (!rc) {
		row->who.generation++;
		row->status = CONNECT_CONNECTED;
		row->reason[0] = row->health_reason[0] = '\0';
		row->degraded = false;
		row->intent = 0;
		row->in_doubt = 0;
		row->failures = row->unexplained = 0;
		row->foreign_app = false;
		row->expires_at = row->retry_at = 0;
		row->obtained_at = row->granted_at = keeper_now(k);
		keeper_when_set(row, p);
		keeper_grant_fill(k, row, p, NULL, account, "", &brought);
		rc = keeper_row_store(k, row, p, &brought);
	}
	if (rc) {
		keeper_fail_with(rq, rc, "", CONNECT_NOT_CONNECTED,
				 "The credential could not be stored: %s.",
				 err_text(rc));
		return;
	}
	step_reached("credential.stored");
	keeper_row_tell(k, row, NULL, NULL);
	keeper_reply_grant(k, rq, row, p, NULL, account, "");
}

/* Key, Basic, bearer, none: what is given is the grant. */
static void
credential_take(struct keeper *k, struct proc_request *rq,
		struct connect_msg_credential *m)
{
	struct keeper_payload p = { .binding = m->binding,
				    .fields = m->fields };
	struct method_injection add = { 0 };
	struct keeper_row row;
	size_t index;
	int rc = keeper_granted_row(k, &m->who, &row);

	if (!rc) /* can it be sent at all? */
		rc = method_inject(p.binding, &p.fields, &add);
	if (!rc && !m->untested &&
	    keeper_trial_find(&row, m->binding, &add, &index))
		keeper_trial_start(k, rq, &row, m, &add, index);
	else
		keeper_credential_store(k, rq, rc, &row, &p, "");
	method_injection_release(&add);
}

void
keeper_credential(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_problem problem;
	struct connect_msg_credential m;
	struct json_problem what = { 0 };
	struct keeper *k = arg;

	if (connect_msg_credential_unpack(in, &m)) {
		keeper_fail_with(rq, ERR_PROTOCOL, "", CONNECT_NOT_CONNECTED,
				 "The message was damaged.");
		return;
	}
	if (m.binding->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS) {
		credential_client(k, rq, &m);
	} else if (m.binding->kind == CATALOG_OAUTH2_CODE) {
		keeper_fail_with(rq, ERR_UNSUPPORTED, "wrong_method",
				 CONNECT_NOT_CONNECTED,
				 "This connection is made by consent.");
	} else if (method_credential_check(m.binding, &m.fields, &what)) {
		keeper_problem_set(&problem, "", CONNECT_NOT_CONNECTED, "%s",
				   what.detail);
		snprintf(problem.pointer, sizeof(problem.pointer), "%.127s",
			 what.pointer);
		keeper_fail(rq, ERR_INVALID, &problem);
	} else {
		credential_take(k, rq, &m);
	}
	connect_msg_credential_release(&m);
}
