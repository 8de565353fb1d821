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

static const struct {
	int status;
	const char *code;
	const char *title;
} problems[] = {
#define FRONT_PROBLEM_ROW(name, status, code, title) { status, code, title },
	FRONT_PROBLEM_LIST(FRONT_PROBLEM_ROW)
#undef FRONT_PROBLEM_ROW
};

static void
problem_fill(struct connect_problem *p, enum front_problem which,
	     const char *hint)
{
	memset(p, 0, sizeof(*p));
	p->status = problems[which].status;
	p->code = problems[which].code;
	p->title = problems[which].title;
	snprintf(p->hint, sizeof(p->hint), "%s", hint ? hint : "");
}

int
front_fail(struct connect_problem *p, int err, enum front_problem which,
	   const char *hint, const char *fmt, ...)
{
	va_list ap;

	ASSERT(err < 0);
	problem_fill(p, which, hint);
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	va_end(ap);
	slice_trim_utf8(p->detail);
	return err;
}

int
front_fail_store(struct connect_problem *p, struct store_conn *c, int err)
{
	if (err == ERR_CONFLICT)
		return front_fail(p, err, FRONT_CHANGED,
				  "Load it again, and repeat the change.",
				  "It was changed by somebody else meanwhile.");
	log_error("database failed", LOG_E(err),
		  LOG_S("why", store_message(c)));
	return front_fail(p, err, FRONT_INTERNAL, "Try again.",
			  "The database failed: %s.", err_text(err));
}

int
front_fail_json(struct connect_problem *p, const struct json_problem *jp)
{
	front_fail(p, ERR_INVALID, FRONT_INVALID, NULL, "%s", jp->detail);
	snprintf(p->pointer, sizeof(p->pointer), "%s", jp->pointer);
	return ERR_INVALID;
}

/* ---- the keeper ---- */

static const struct {
	const char *code; /* of the keeper's problem; "" any */
	int err;
	enum front_problem which;
	const char *hint;
} keeper_problems[] = {
	{ "app_missing", ERR_NOT_FOUND, FRONT_APP_MISSING,
	  "Set the service's client id and secret." },
	{ "app_refused", ERR_PROTOCOL, FRONT_PROVIDER_REFUSED,
	  "Check the OAuth app's client id and secret." },
	{ "state_spent", ERR_NOT_FOUND, FRONT_CONSENT_FAILED,
	  "Start again with Connect." },
	{ "captured_value_refused", ERR_FORBIDDEN, FRONT_CONSENT_FAILED,
	  "Start again with Connect; if it happens again, the provider sends "
	  "something that its definition does not allow." },
	{ "", ERR_INVALID, FRONT_INVALID, NULL },
	{ "", ERR_FORBIDDEN, FRONT_NOT_ALLOWED, NULL },
	{ "", ERR_UNSUPPORTED, FRONT_WRONG_METHOD, NULL },
	{ "", ERR_BUSY, FRONT_REFRESH_UNAVAILABLE,
	  "The connection stays connected; try again later." },
	{ "", ERR_CONNECT, FRONT_PROVIDER_UNREACHABLE, "Try again." },
	{ "", ERR_PROTOCOL, FRONT_PROVIDER_REFUSED, NULL },
	{ "provider_unreachable", ERR_TIMEOUT, FRONT_PROVIDER_TIMEOUT,
	  "Try again." },
	{ "", ERR_TIMEOUT, FRONT_KEEPER, "Try again in a moment." },
	{ "", ERR_CLOSED, FRONT_KEEPER, "Try again in a moment." },
};

static enum front_problem
problem_of_status(enum connect_status s)
{
	switch (s) {
	case CONNECT_NEEDS_RECONNECT:
		return FRONT_NEEDS_RECONNECT;
	case CONNECT_DISABLED:
		return FRONT_DISABLED;
	case CONNECT_CONNECTED:
		return FRONT_WRONG_METHOD;
	case CONNECT_NOT_CONNECTED:
	case CONNECT_REVOKED:
		break;
	}
	return FRONT_NOT_CONNECTED;
}

static void
problem_of_keeper(int err, const struct connect_msg_problem *m,
		  struct connect_problem *p)
{
	enum front_problem which = FRONT_INTERNAL;
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
	front_fail(p, err, which, hint, "%s", m->detail);
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
		return front_fail(p, rc, FRONT_CONNECTION_NOT_FOUND, NULL,
				  "There is no such connection that you may "
				  "know of.");
	return front_fail(p, rc, FRONT_FORBIDDEN, NULL, "%s.",
			  why ? why : "Your role does not allow it");
}
