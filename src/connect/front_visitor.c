/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants of conversations' visitors: tickets to give one.  How they end is
 * front_withdraw.c's.
 *
 * A visitor is no member: he has a subject, which flow/ makes for his
 * conversation, and a browser, which a cookie of ours tells.  Whether the
 * conversation waits for him is flow/'s to say; that the connection is one
 * for users, and made by consent, is said here.
 *
 * Runs on the front's work threads.
 */
#include "connect/front_priv.h"

static int
visit_check(struct connect_front *f, struct store_conn *c,
	    const struct front_row *r, struct connect_problem *p)
{
	int rc = 0;

	if (!r->info.per_user)
		rc = connect_fail(
			p, ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD, NULL,
			"This connection is not made by each user for "
			"himself.");
	if (!rc)
		rc = front_not_disabled(r, p);
	return rc ? rc : front_authorize_check(f, c, r, p);
}

int
connect_front_visit(struct connect_front *f, struct store_conn *c,
		    const struct connect_who *who,
		    const struct connect_visit *v, struct arena *arena,
		    struct connect_ticket *out, struct connect_problem *p)
{
	struct front_row r = { 0 };
	int rc = front_row_load_id(c, v->connection, false, arena, &r);

	ASSERT(v->subject[0] && v->conversation[0]);
	ASSERT(v->visitor || v->member[0]);
	if (!rc && strcmp(r.org, v->org) != 0)
		rc = ERR_NOT_FOUND;
	if (rc == ERR_NOT_FOUND)
		connect_fail(p, rc, CONNECT_P_CONNECTION_NOT_FOUND, NULL,
			     "The connection is not there any more.");
	else if (rc)
		front_fail_store(p, c, rc);
	else
		rc = visit_check(f, c, &r, p);
	if (!rc)
		rc = front_ticket_make(f, c, who, &r, v, arena, out, p);
	front_row_release(&r);
	return rc;
}
