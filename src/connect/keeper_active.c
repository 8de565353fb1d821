/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that something happens to: a refresh, somebody who waits, a timer.
 *
 * There is one object for a grant at most, which is why a hundred callers
 * make one token request.  A grant that nobody has asked for lately has
 * none, however many are stored.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_priv.h"

static void
active_key(const struct connect_msg_subject *who, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", who->connection, who->subject);
}

int
keeper_active_get(struct keeper *k, const struct connect_msg_subject *who,
		  struct keeper_active **out)
{
	struct keeper_row now;

	return keeper_active_look(k, who, &now, out);
}

/* What is under way goes on from the row that it began with; but whether
 * anybody may have it is not its to say. */
static void
active_update(struct keeper_active *a, const struct keeper_row *now)
{
	if (a->row.who.generation != now->who.generation)
		a->in_use = false;
	if (a->state == KEEPER_IDLE)
		a->row = *now;
	a->row.suspended = now->suspended;
	a->row.leaving = now->leaving;
}

int
keeper_active_look(struct keeper *k, const struct connect_msg_subject *who,
		   struct keeper_row *now, struct keeper_active **out)
{
	struct keeper_active *a;
	char key[sizeof(a->key)];
	int rc;

	*out = NULL;
	rc = keeper_row_load(k, who, now);
	if (rc)
		return rc;
	active_key(who, key, sizeof(key));
	a = table_get(k->active, slice_str(key));
	if (a) {
		active_update(a, now);
		*out = a;
		return 0;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	a->keeper = k;
	a->row = *now;
	memcpy(a->key, key, sizeof(key));
	rc = table_set(k->active, slice_str(key), a, NULL);
	if (rc) {
		free(a);
		return rc;
	}
	*out = a;
	return 0;
}

static void
active_free(struct keeper_active *a)
{
	keeper_keep_ended(a);
	loop_timer_cancel(&a->timer);
	if (a->call.channel) {
		proc_call_cancel(&a->call);
		a->keeper->under_way--;
	}
	keeper_app_release(&a->app);
	keeper_payload_release(&a->payload);
	free(a);
}

void
keeper_active_put(struct keeper_active *a)
{
	if (a->state != KEEPER_IDLE || a->waits || a->timer.prev)
		return;
	table_remove(a->keeper->active, slice_str(a->key));
	active_free(a);
}

bool
keeper_active_storing(struct keeper *k)
{
	size_t cursor = 0;
	struct slice key;
	void *value;

	while (table_next(k->active, &cursor, &key, &value))
		if (((struct keeper_active *)value)->state == KEEPER_STORING)
			return true;
	return false;
}

void
keeper_active_drop(struct keeper *k, const char *connection,
		   const char *subject)
{
	struct connect_msg_problem problem;
	struct keeper_active *a;
	struct slice key;
	size_t cursor = 0;
	void *value;

	keeper_problem_set(&problem, "", CONNECT_NOT_CONNECTED,
			   "The connection has been deleted.");
	while (table_next(k->active, &cursor, &key, &value)) {
		a = value;
		if (strcmp(a->row.who.connection, connection) != 0 ||
		    (subject[0] && strcmp(a->row.who.subject, subject) != 0))
			continue;
		a->row.status = CONNECT_REVOKED; /* nothing to give out */
		keeper_inject_answer_all(a, ERR_NOT_FOUND, &problem);
		table_remove(k->active, key);
		active_free(a);
	}
}

void
keeper_active_free_all(struct keeper *k)
{
	struct connect_msg_problem problem;
	struct slice key;
	size_t cursor = 0;
	void *value;

	keeper_problem_set(&problem, "", CONNECT_CONNECTED,
			   "Drawbridge is being stopped.");
	while (table_next(k->active, &cursor, &key, &value)) {
		struct keeper_active *a = value;

		a->row.status = CONNECT_REVOKED;
		keeper_inject_answer_all(a, ERR_CLOSED, &problem);
		table_remove(k->active, key);
		active_free(a);
	}
	table_free(k->active);
	k->active = NULL;
}
