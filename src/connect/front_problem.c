/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems, decisions and audit records of the front's side; and asking the
 * keeper.
 *
 * The sentence for people is made here, once, where it is known what was
 * tried; below there are codes.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

int
front_fail_store(struct connect_problem *p, struct store_conn *c, int err)
{
	if (err == ERR_CONFLICT)
		return connect_fail(
			p, err, CONNECT_P_CHANGED,
			"Load it again, and repeat the change.",
			"It was changed by somebody else meanwhile.");
	if (err == ERR_BUSY)
		return connect_fail(p, err, CONNECT_P_UNAVAILABLE,
				    "Try again soon.",
				    "Too much is under way, or another "
				    "program holds the database.");
	log_error("database failed", LOG_E(err),
		  LOG_S("why", store_message(c)));
	return connect_fail(p, err, CONNECT_P_INTERNAL, "Try again.",
			    "The database failed: %s.", err_text(err));
}

int
front_fail_json(struct connect_problem *p, const struct json_problem *jp)
{
	connect_fail(p, ERR_INVALID, CONNECT_P_INVALID, NULL, "%s", jp->detail);
	snprintf(p->pointer, sizeof(p->pointer), "%s", jp->pointer);
	return ERR_INVALID;
}

/* ---- the keeper ---- */

static const struct {
	const char *code; /* of the keeper's problem; "" any */
	int err;
	enum connect_problem_id which;
	const char *hint;
} keeper_problems[] = {
	{ "app_missing", ERR_NOT_FOUND, CONNECT_P_APP_MISSING,
	  "Set the service's client id and secret." },
	{ "app_refused", ERR_PROTOCOL, CONNECT_P_PROVIDER_REFUSED,
	  "Check the OAuth app's client id and secret." },
	{ "app_replaced", ERR_BUSY, CONNECT_P_REFRESH_UNAVAILABLE,
	  "Set the OAuth app's former client id again, or connect again." },
	{ "state_spent", ERR_NOT_FOUND, CONNECT_P_CONSENT_FAILED,
	  "Start again with Connect." },
	{ "captured_value_refused", ERR_FORBIDDEN, CONNECT_P_CONSENT_FAILED,
	  "Start again with Connect; if it happens again, the provider sends "
	  "something that its definition does not allow." },
	{ "credential_refused", ERR_PROTOCOL, CONNECT_P_CREDENTIAL_REFUSED,
	  "Check what was given. It can be used all the same (force)." },
	{ "credential_untested", ERR_CONNECT, CONNECT_P_CREDENTIAL_UNTESTED,
	  "Give it again later. It can be used all the same (force)." },
	{ "keys_busy", ERR_WRONG_STATE, CONNECT_P_KEYS_BUSY,
	  "Try again when it is over." },
	{ "", ERR_CONFLICT, CONNECT_P_CHANGED,
	  "Load the connection again, and see how it is." },
	{ "", ERR_INVALID, CONNECT_P_INVALID, NULL },
	{ "app_of_another", ERR_FORBIDDEN, CONNECT_P_EXISTS,
	  "Make the custom service anew with another id." },
	{ "", ERR_FORBIDDEN, CONNECT_P_NOT_ALLOWED, NULL },
	{ "", ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD, NULL },
	{ "", ERR_BUSY, CONNECT_P_REFRESH_UNAVAILABLE,
	  "The connection stays connected; try again later." },
	{ "", ERR_CONNECT, CONNECT_P_PROVIDER_UNREACHABLE, "Try again." },
	{ "", ERR_PROTOCOL, CONNECT_P_PROVIDER_REFUSED, NULL },
	{ "provider_unreachable", ERR_TIMEOUT, CONNECT_P_PROVIDER_TIMEOUT,
	  "Try again." },
	{ "", ERR_TIMEOUT, CONNECT_P_KEEPER, "Try again in a moment." },
	{ "", ERR_CLOSED, CONNECT_P_KEEPER, "Try again in a moment." },
};

static enum connect_problem_id
problem_of_status(enum connect_status s)
{
	switch (s) {
	case CONNECT_NEEDS_RECONNECT:
		return CONNECT_P_NEEDS_RECONNECT;
	case CONNECT_DISABLED:
		return CONNECT_P_DISABLED;
	case CONNECT_CONNECTED:
		return CONNECT_P_WRONG_METHOD;
	case CONNECT_NOT_CONNECTED:
	case CONNECT_REVOKED:
		break;
	}
	return CONNECT_P_NOT_CONNECTED;
}

static void
problem_of_keeper(int err, const struct connect_msg_problem *m,
		  struct connect_problem *p)
{
	enum connect_problem_id which = CONNECT_P_INTERNAL;
	const char *hint = NULL;
	size_t i;

	if (err == ERR_WRONG_STATE)
		which = problem_of_status(m->status);
	for (i = 0; i < ARRAY_LEN(keeper_problems); i++) {
		if (keeper_problems[i].err != err ||
		    (keeper_problems[i].code[0] &&
		     strcmp(keeper_problems[i].code, m->code)))
			continue;
		which = keeper_problems[i].which;
		hint = keeper_problems[i].hint;
		break;
	}
	connect_fail(p, err, which, hint, "%s", m->detail);
	snprintf(p->pointer, sizeof(p->pointer), "%s", m->pointer);
	p->retry_after_s = m->retry_after_s;
}

int
front_ask(struct connect_front *f, enum connect_message type,
	  struct proc_pack *body, uint32_t timeout_ms, struct secret **reply,
	  struct connect_problem *p, struct connect_msg_problem *why)
{
	struct connect_msg_problem m;
	struct proc_channel *keeper;
	struct secret *got = NULL;
	struct proc_unpack u;
	int rc = ERR_CLOSED;

	pthread_mutex_lock(&f->mutex);
	keeper = f->keeper;
	pthread_mutex_unlock(&f->mutex);
	if (keeper)
		rc = proc_call_wait(keeper, (uint16_t)type, body, timeout_ms,
				    &got);
	else
		proc_pack_free(body);
	if (rc) {
		u = proc_unpack_from(got);
		connect_msg_problem_unpack(got ? &u : NULL, rc, &m);
		problem_of_keeper(rc, &m, p);
		if (why)
			*why = m;
	}
	if (reply && !rc)
		*reply = got;
	else
		secret_free(got);
	return rc;
}

/* ---- may he? ---- */

int
front_audit(struct store_conn *c, const struct connect_who *who,
	    const char *org, const char *action, const char *object,
	    const char *object_name, const char *detail)
{
	struct audit_event e = { .org = org,
				 .actor = who->actor,
				 .address = who->address,
				 .action = action,
				 .object = object,
				 .object_name = object_name,
				 .detail = detail };

	return audit_append(c, &e);
}

static void
note_refusal(struct store_conn *c, const struct connect_who *who,
	     const char *object_id, const char *why)
{
	struct audit_event e = { .org = who->actor->org,
				 .actor = who->actor,
				 .address = who->address,
				 .action = "connection.refused",
				 .object = object_id,
				 .refused = true,
				 .detail = why };

	if (audit_refusal(c, &e))
		log_warn("a refusal could not be written down");
}

int
front_may(struct store_conn *c, const struct connect_who *who,
	  enum people_action action, const struct people_object *object,
	  const char *object_id, struct connect_problem *p)
{
	const char *why = NULL;
	int rc = ERR_NOT_FOUND;

	if (who->actor)
		rc = people_may(who->actor, action, object, &why);
	if (!rc)
		return 0;
	if (who->actor)
		note_refusal(c, who, object_id, why);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_CONNECTION_NOT_FOUND, NULL,
				    "There is no such connection that you may "
				    "know of.");
	return connect_fail(p, rc, CONNECT_P_FORBIDDEN, NULL, "%s.",
			    why ? why : "Your role does not allow it");
}
