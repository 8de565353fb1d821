/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-offs: messages of visitors for people.  They outlive flow and
 * conversation, until somebody has closed them and their time is over.
 *
 * Runs on the front's work threads.
 */
#include "flow/flow_priv.h"

static json_t *
handoff_json(struct store_stmt *st)
{
	static const char *const names[] = { "id",	  "flow",
					     "flow_name", "conversation",
					     "message",	  "email" };
	json_t *o = json_object();
	char at[CLOCK_TEXT_SIZE];
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		json_object_set_new(o, names[i],
				    json_stringn(store_col(st, (int)i).ptr,
						 store_col(st, (int)i).len));
	clock_format(store_col_int(st, 6), at);
	json_object_set_new(o, "at", json_string(at));
	clock_format(store_col_int(st, 7), at);
	json_object_set_new(o, "closed_at",
			    store_col_int(st, 7) ? json_string(at)
						 : json_null());
	return o;
}

int
flow_handoffs(struct store_conn *c, const struct connect_who *who,
	      const char *after, bool open, size_t limit, json_t **out,
	      struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	int rc = flow_may(c, who, PEOPLE_HANDOFF_SEE, NULL, NULL, p);

	*out = NULL;
	if (rc)
		return rc;
	*out = json_array();
	rc = store_query(c, &st,
			 "SELECT id, flow, flow_name, conversation, message, "
			 "email, at, closed_at FROM handoffs WHERE org = ?1 "
			 "AND (?2 = '' OR id < ?2) AND (?3 = 0 OR closed_at = "
			 "0) ORDER BY id DESC LIMIT ?4",
			 "ssii", who->actor->org, after, (int64_t)open,
			 (int64_t)limit);
	while (!rc && (rc = store_step(st)) == 1) {
		json_array_append_new(*out, handoff_json(st));
		rc = 0;
	}
	store_done(st);
	if (!rc)
		return 0;
	json_decref(*out);
	*out = NULL;
	return flow_fail_store(p, c, rc);
}

static int
handoff_exists(struct store_conn *c, const char *org, const char *id)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT 1 FROM handoffs WHERE id = ?1 AND org = "
			     "?2",
			     "ss", id, org);

	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc == 1 ? 0 : rc ? rc : ERR_NOT_FOUND;
}

int
flow_handoff_close(struct store_conn *c, const struct connect_who *who,
		   const char *id, struct connect_problem *p)
{
	int64_t changed = 0;
	int rc = flow_may(c, who, PEOPLE_HANDOFF_CLOSE, NULL, id, p);

	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = store_exec(c, &changed,
				"UPDATE handoffs SET closed_at = ?3, closed_by "
				"= ?4 WHERE id = ?1 AND org = ?2 AND closed_at "
				"= 0",
				"ssis", id, who->actor->org, clock_wall_ms(),
				who->actor->member);
	if (!rc && !changed)
		rc = handoff_exists(c, who->actor->org, id);
	if (!rc && changed)
		rc = flow_audit(c, who, "handoff.close", id, NULL, NULL);
	if (!rc)
		rc = store_commit(c);
	store_rollback(c);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_HANDOFF_NOT_FOUND, NULL,
				    "There is no such hand-off.");
	return rc ? flow_fail_store(p, c, rc) : 0;
}
