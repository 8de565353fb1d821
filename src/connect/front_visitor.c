/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants of conversations' visitors: tickets to give one, and taking one
 * back.
 *
 * A visitor is no member: he has a subject, which flow/ makes for his
 * conversation, and a browser, which a cookie of ours tells.  Whether the
 * conversation waits for him is flow/'s to say; that the connection is one
 * for users, and made by consent, is said here.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

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

/* ---- taking it back ---- */

static int
forget_ask(struct connect_front *f, const char *org, const char *connection,
	   const char *subject, enum connect_message type, uint32_t timeout_ms,
	   struct connect_msg_revoked *out)
{
	struct connect_msg_subject m = { 0 };
	struct proc_pack *body = proc_pack_new();
	struct secret *reply = NULL;
	struct connect_problem p;
	struct proc_unpack u;
	int rc;

	snprintf(m.org, sizeof(m.org), "%s", org);
	snprintf(m.connection, sizeof(m.connection), "%s", connection);
	snprintf(m.subject, sizeof(m.subject), "%s", subject);
	connect_msg_subject_pack(&m, body);
	rc = front_ask(f, type, body, timeout_ms, &reply, &p, NULL);
	if (!rc && out) {
		u = proc_unpack_from(reply);
		rc = connect_msg_revoked_unpack(&u, out);
	}
	secret_free(reply);
	return rc;
}

int
connect_front_forget(struct connect_front *f, struct store_conn *c,
		     const char *org, const char *connection,
		     const char *subject)
{
	struct connect_msg_revoked m = { 0 };
	int rc;

	ASSERT(subject[0]); /* "" would be everybody's */
	rc = forget_ask(f, org, connection, subject, CONNECT_KEEPER_REVOKE,
			CONNECT_INJECT_MS, &m);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	if (!rc && !m.upstream)
		log_info("a visitor's grant is gone here; upstream says",
			 LOG_S("connection", connection),
			 LOG_S("detail", m.detail));
	rc = forget_ask(f, org, connection, subject, CONNECT_KEEPER_FORGET,
			CONNECT_QUICK_MS, NULL);
	if (rc)
		return rc;
	front_catch_up(f, c); /* what it told before must not come after */
	rc = store_exec(c, NULL,
			"DELETE FROM connection_users WHERE connection = ?1 "
			"AND subject = ?2",
			"ss", connection, subject);
	connect_views_withdraw(f->views, connection);
	return rc;
}
