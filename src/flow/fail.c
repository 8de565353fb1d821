/* SPDX-License-Identifier: Apache-2.0 */
/* Problems of this folder, in the form that connect/ gives them, too. */
#include <stdio.h>

#include "flow/flow_priv.h"

static const struct {
	int status;
	const char *code, *title;
} problems[] = {
#define FLOW_PROBLEM_ROW(name, status, code, title) \
	[FLOW_P_##name] = { status, code, title },
	FLOW_PROBLEM_LIST(FLOW_PROBLEM_ROW)
#undef FLOW_PROBLEM_ROW
};

int
flow_fail(struct connect_problem *p, int err, enum flow_problem_id which,
	  const char *hint, const char *fmt, ...)
{
	va_list ap;

	ASSERT(err);
	memset(p, 0, sizeof(*p));
	p->status = problems[which].status;
	p->code = problems[which].code;
	p->title = problems[which].title;
	snprintf(p->hint, sizeof(p->hint), "%s", hint ? hint : "");
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	va_end(ap);
	slice_trim_utf8(p->detail);
	return err;
}

int
flow_fail_store(struct connect_problem *p, struct store_conn *c, int err)
{
	switch (err) {
	case ERR_CONFLICT:
		return flow_fail(p, err, FLOW_P_CHANGED,
				 "Read it again, and change that.",
				 "It has been changed meanwhile.");
	case ERR_BUSY:
	case ERR_TIMEOUT:
		flow_fail(p, err, FLOW_P_UNAVAILABLE, "Try again soon.",
			  "Too much is under way.");
		p->retry_after_s = 2;
		return err;
	default:
		log_error("flows: the store has failed", LOG_E(err),
			  LOG_S("store", c ? store_message(c) : ""));
		return flow_fail(p, err, FLOW_P_INTERNAL, "The log has more.",
				 "%s.", err_text(err));
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
		return flow_fail(p, rc, FLOW_P_NOT_FOUND, NULL,
				 "There is no such flow.");
	return flow_fail(p, rc, FLOW_P_FORBIDDEN, NULL, "Not allowed: %s.",
			 e.detail);
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
