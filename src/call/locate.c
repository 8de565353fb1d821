/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOCATE, INJECT, REFRESH: what a call gets from people/ and connect/ before
 * anything is sent.
 *
 * The connection out of the worker's view, the decision whether the actor may
 * call it, its injection, and another injection when a service has refused
 * the token.  Where the view has to ask store or keeper, the call waits; when
 * it goes on it looks again, from the start.
 */
#include <stdio.h>

#include "call/call_priv.h"

enum {
	/* More than store and keeper take by their own times: it is for a
	 * keeper that has never been there. */
	WAIT_TIMEOUT_MS = 45 * 1000,
	/* An answer that stands anyway is held back so long at most, so that
	 * who tries again has the new token; it is renewed without him, too. */
	RENEW_TIMEOUT_MS = 2 * 1000,
	WAITS_MAX = 8,
};

static void call_inject(struct call *c, struct connect_entry *entry);

/* The view could not give what the call needs. */
static void
call_fail_wait(struct call *c, int err)
{
	const struct connect_wait *w = &c->wait.connection;

	switch (err) {
	case ERR_NOT_FOUND:
		call_problem_set(c, 404, "connection_not_found", NULL,
				 "There is no connection \"%.*s\" that you "
				 "may use.",
				 SLICE_ARG(slice_head(c->link, 60)));
		break;
	case ERR_BUSY:
		call_problem_set(c, 503, "refresh_unavailable",
				 "The connection stays connected; try again "
				 "later.",
				 "No fresh token can be had for \"%.*s\" now: "
				 "%s",
				 SLICE_ARG(slice_head(c->link, 60)), w->detail);
		c->problem.retry_after_s = w->retry_after_s;
		break;
	default:
		call_problem_set(c, 503, "unavailable", NULL,
				 "\"%.*s\" cannot be used at the moment: %s",
				 SLICE_ARG(slice_head(c->link, 60)),
				 w->detail[0] ? w->detail : err_text(err));
		c->problem.retry_after_s = 1;
	}
	call_fail(c);
}

/* Consent of the user's own would help; told beside whatever is answered. */
static void
call_note_consent(struct call *c)
{
	const struct connect_snapshot *s = c->snapshot;

	if (!s->per_user || !s->binding ||
	    s->binding->kind != CATALOG_OAUTH2_CODE ||
	    c->wait.connection.status == CONNECT_CONNECTED)
		return;
	snprintf(c->problem.consent, sizeof(c->problem.consent), "%s",
		 s->binding->service->name);
	slice_mend_utf8(c->problem.consent);
}

/* ---- waiting ---- */

/* What has come of the refusal: another token (0), or none. */
static void
call_refreshed(struct call *c, int err)
{
	if (err == ERR_WRONG_STATE) {
		call_note_consent(c);
		if (c->wait.connection.refused_again)
			call_judge_refused_again(c);
	}
	if (!err) {
		c->refreshed = true;
		call_count(&c->worker->counters.refreshed, 1);
	}
	if (err || c->only_renew || !people_actor_stands(c->actor)) {
		call_stands(c);
		return;
	}
	call_release_conn(c, false);
	buf_reset(&c->peeked);
	call_look_again(c);
}

static void call_refuse(struct call *c);

static void
call_waited(struct connect_wait *w, int err)
{
	struct call *c = CONTAINER_OF(w, struct call, wait.connection);

	c->waiting_connection = false;
	if (c->state == CALL_REFRESH) {
		if (!err && !c->asked_other) {
			call_refuse(c); /* the connection is there again */
			return;
		}
		loop_timer_cancel(&c->timer);
		call_refreshed(c, err);
		return;
	}
	loop_timer_cancel(&c->timer);
	if (err == ERR_WRONG_STATE && c->snapshot->per_user) {
		/* its status says nothing of this user's own grant */
		call_problem_set(c, 409, "connection_not_connected",
				 "Each user connects this connection himself.",
				 "\"%s\" is not connected for you: %s",
				 c->snapshot->link, w->detail);
		call_note_consent(c);
		call_fail(c);
	} else if (err && err != ERR_WRONG_STATE) {
		call_fail_wait(c, err);
	} else if (++c->waits > WAITS_MAX) {
		call_fail_wait(c, ERR_TIMEOUT);
	} else {
		call_locate(c); /* look again, also at the status */
	}
}

static struct connect_wait *
call_wait(struct call *c)
{
	struct connect_wait *w = &c->wait.connection;

	w->done = call_waited;
	w->next = NULL;
	w->prev = NULL;
	w->detail[0] = '\0';
	w->status = CONNECT_CONNECTED;
	w->retry_after_s = 0;
	w->refused_again = false;
	c->waiting_connection = true;
	return w;
}

void
call_locate_timeout(struct call *c)
{
	if (c->state != CALL_REFRESH) {
		call_fail_wait(c, ERR_TIMEOUT);
		return;
	}
	connect_wait_cancel(&c->wait.connection);
	call_waited(&c->wait.connection, ERR_TIMEOUT);
}

/* The connection in this turn; false: the call waits or has failed. */
static bool
call_entry(struct call *c, struct connect_entry **entry)
{
	int rc = connect_view_find(c->worker->config.connections, c->link,
				   call_wait(c), entry);

	if (rc == ERR_AGAIN) {
		call_start_timer(c, WAIT_TIMEOUT_MS);
		return false;
	}
	c->waiting_connection = false;
	if (rc)
		call_fail_wait(c, rc);
	return rc == 0;
}

static bool
call_is_connected(struct call *c)
{
	static const struct {
		const char *code;
		const char *text;
		const char *hint;
	} not_so[] = {
		[CONNECT_NOT_CONNECTED] = { "connection_not_connected",
					    "is not connected", "Connect it." },
		[CONNECT_NEEDS_RECONNECT] = { "connection_needs_reconnect",
					      "needs to be reconnected",
					      "Reconnect it." },
		[CONNECT_DISABLED] = { "connection_disabled", "is disabled",
				       "Enable it." },
		[CONNECT_REVOKED] = { "connection_not_connected", "was revoked",
				      "Connect it anew." },
	};
	enum connect_status s = c->snapshot->status;

	if (s == CONNECT_CONNECTED ||
	    (c->snapshot->per_user && s == CONNECT_NOT_CONNECTED))
		return true;
	call_problem_set(c, 409, not_so[s].code, not_so[s].hint,
			 "The connection \"%s\" %s%s%s", c->snapshot->link,
			 not_so[s].text, c->snapshot->reason[0] ? ": " : ".",
			 c->snapshot->reason);
	call_fail(c);
	return false;
}

static bool
call_is_permitted(struct call *c)
{
	struct slice path = c->base_unknown ? SLICE_NONE : call_target_path(c);
	const char *why = NULL;
	unsigned retry = 0;
	int rc;

	rc = people_may_call(c->actor, c->snapshot->id, &c->snapshot->sharing,
			     c->method, path, &why, &retry);
	if (!rc)
		return true;
	if (rc == ERR_NOT_FOUND) {
		call_fail_wait(c, rc);
		return false;
	}
	if (rc == ERR_BUSY) {
		call_problem_set(c, 429, "rate_limited", NULL,
				 "This key has used up its calls of this "
				 "minute.");
		c->problem.retry_after_s = retry;
	} else {
		call_problem_set(c, 403, "forbidden", NULL, "%s",
				 why ? why : "This call is not allowed.");
	}
	call_fail(c);
	return false;
}

/* The path of a captured base URL is known with the injection only; and what
 * was asked about has to be what is called. */
static bool
call_path_is_permitted(struct call *c)
{
	const char *why = "";

	if (!people_may_call_path(c->actor, call_target_path(c), &why))
		return true;
	call_problem_set(c, 403, "forbidden", NULL, "%s", why);
	call_fail(c);
	return false;
}

/* Whose grant; "": the connection's own.  A flow has none, and its
 * publisher's is not meant. */
static const char *
call_user(const struct call *c)
{
	if (!c->snapshot->per_user)
		return "";
	if (c->subject[0] || c->actor->flow[0])
		return c->subject;
	return c->actor->member;
}

/* Another snapshot may be another connection: what was asked about the one
 * before says nothing.  False: it is one per user, and there is none. */
static bool
call_take_snapshot(struct call *c, const struct connect_entry *entry)
{
	if (c->snapshot != entry->snapshot)
		c->permitted = false;
	connect_snapshot_ref(entry->snapshot);
	connect_snapshot_unref(c->snapshot);
	c->snapshot = entry->snapshot;
	c->user = call_user(c);
	c->degraded = connect_view_degraded(entry, c->user);
	return !c->snapshot->per_user || c->user[0];
}

/* What a call without a connection adds: nothing. */
static const struct service no_service;
static const struct catalog_method no_method;
static struct binding no_binding = { .service = &no_service,
				     .method = &no_method };
static struct connect_injection no_injection = { .refs = 1,
						 .binding = &no_binding };

static void
call_bare(struct call *c)
{
	const char *why = NULL;

	if (people_may_call_bare(c->actor, &why)) {
		call_problem_set(c, 403, "forbidden", NULL, "%s.", why);
		call_fail(c);
		return;
	}
	connect_injection_ref(&no_injection);
	c->injection = &no_injection;
	if (call_target_bare(c))
		call_fail(c);
	else
		call_connect(c);
}

void
call_locate(struct call *c)
{
	struct connect_entry *entry;

	call_move(c, CALL_LOCATE);
	if (!c->link.len) {
		call_bare(c);
		return;
	}
	if (!call_entry(c, &entry))
		return;
	if (!call_take_snapshot(c, entry) ||
	    strcmp(c->actor->org, c->snapshot->org)) {
		call_fail_wait(c, ERR_NOT_FOUND);
		return;
	}
	if (call_target_locate(c)) {
		call_fail(c);
		return;
	}
	if (!c->permitted && !call_is_permitted(c))
		return;
	c->permitted = true;
	if (call_is_connected(c))
		call_inject(c, entry);
}

void
call_look_again(struct call *c)
{
	connect_injection_unref(c->injection);
	c->injection = NULL;
	call_locate(c);
}

static void
call_inject(struct call *c, struct connect_entry *entry)
{
	struct connect_injection *injection;
	int rc;

	call_move(c, CALL_INJECT);
	rc = connect_view_inject(c->worker->config.connections, entry, c->user,
				 call_wait(c), &injection);
	if (rc == ERR_AGAIN) {
		call_start_timer(c, WAIT_TIMEOUT_MS);
		return;
	}
	c->waiting_connection = false;
	if (rc) {
		call_fail_wait(c, rc);
		return;
	}
	connect_injection_ref(injection);
	connect_injection_unref(c->injection);
	c->injection = injection;
	if (call_target_aim(c, entry))
		call_fail(c);
	else if (call_path_is_permitted(c))
		call_connect(c);
}

int
call_find_again(struct call *c, struct connect_wait *w,
		struct connect_entry **out)
{
	int rc = connect_view_find(c->worker->config.connections, c->link, w,
				   out);

	if (!rc && strcmp((*out)->snapshot->id, c->snapshot->id))
		rc = ERR_NOT_FOUND;
	return rc;
}

/* Asks for another token; first for the connection, if the view has had to
 * forget it meanwhile. */
static void
call_refuse(struct call *c)
{
	struct connect_view *view = c->worker->config.connections;
	struct connect_entry *entry;
	int rc;

	rc = call_find_again(c, call_wait(c), &entry);
	if (rc == ERR_AGAIN)
		return;
	c->asked_other = true;
	if (rc)
		call_waited(&c->wait.connection, rc);
	else
		connect_view_refuse(view, entry, c->user,
				    c->injection->generation, call_wait(c));
}

void
call_refresh(struct call *c, bool only_renew)
{
	call_move(c, CALL_REFRESH);
	c->only_renew = only_renew;
	c->asked_other = false;
	call_start_timer(c, only_renew ? RENEW_TIMEOUT_MS : WAIT_TIMEOUT_MS);
	call_refuse(c);
}
