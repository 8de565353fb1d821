/* SPDX-License-Identifier: Apache-2.0 */
/* Problems of this folder, in the form that connect/ gives them, too. */
#include "flow/flow_priv.h"

int
flow_fail_store(struct connect_problem *p, struct store_conn *c, int err)
{
	switch (err) {
	case ERR_CONFLICT:
		return connect_fail(p, err, CONNECT_P_CHANGED,
				    "Read it again, and change that.",
				    "It has been changed meanwhile.");
	case ERR_BUSY:
	case ERR_TIMEOUT:
		connect_fail(p, err, CONNECT_P_UNAVAILABLE, "Try again soon.",
			     "Too much is under way.");
		p->retry_after_s = 2;
		return err;
	default:
		log_error("flows: the store has failed", LOG_E(err),
			  LOG_S("store", c ? store_message(c) : ""));
		return connect_fail(p, err, CONNECT_P_INTERNAL,
				    "The log has more.", "%s.", err_text(err));
	}
}

int
flow_may(struct store_conn *c, const struct connect_who *who,
	 enum people_action action, const struct people_object *object,
	 const char *id, struct connect_problem *p)
{
	struct audit_event e = { .org = who->actor->org,
				 .actor = who->actor,
				 .address = who->address,
				 .action = "flow",
				 .object = id,
				 .refused = true };
	int rc = people_may(who->actor, action, object, &e.detail);

	if (!rc)
		return 0;
	if (audit_refusal(c, &e))
		log_warn("a refusal could not be written down");
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_FLOW_NOT_FOUND, NULL,
				    "There is no such flow.");
	return connect_fail(p, rc, CONNECT_P_FORBIDDEN, NULL,
			    "Not allowed: %s.", e.detail);
}

int
flow_audit(struct store_conn *c, const struct connect_who *who,
	   const char *action, const char *id, const char *name,
	   const char *detail)
{
	struct audit_event e = { .org = who->actor->org,
				 .actor = who->actor,
				 .address = who->address,
				 .action = action,
				 .object = id,
				 .object_name = name,
				 .detail = detail };

	return audit_append(c, &e);
}
