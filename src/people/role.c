/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles: the one table from which "may X do Y?" is answered.
 *
 * A rule has a least role and a tie that the actor must have to the object;
 * from some role on the tie is not asked for.  Who lacks even the tie that
 * lets him see an object is told that it is not there.
 *
 * Nobody is let do anything by a rule that is not in the table: an action
 * without a row is our own bug.
 */
#include "people/people_priv.h"

enum tie {
	TIE_NONE,
	TIE_OWN,    /* it is his: object->member */
	TIE_KEY,    /* his key; who asks with one: itself, or none above it */
	TIE_SHARED, /* a connection that he may use */
	TIE_MANAGE, /* a connection that he may manage */
	TIE_OWNER,  /* a connection that is his */
	TIE_RANK,   /* object->role is not above what he may do himself */
};

enum { NOBODY = PEOPLE_OWNER + 1 };

struct rule {
	enum people_role least;
	enum tie tie;
	int free_from; /* from this role on the tie is not asked for */
	bool hidden;   /* without the tie: ERR_NOT_FOUND */
	const char *why;
};

static const struct rule rules[PEOPLE_ACTIONS] = {
	[PEOPLE_SELF_SEE] = { PEOPLE_CALLER, TIE_NONE, 0, false, "" },
	[PEOPLE_SELF_CHANGE] = { PEOPLE_VIEWER, TIE_NONE, 0, false,
				 "a caller key can only call" },
	[PEOPLE_SERVICE_SEE] = { PEOPLE_VIEWER, TIE_NONE, 0, false,
				 "a caller key can only call" },
	[PEOPLE_SERVICE_CREATE] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
				    "defining a service takes a builder" },
	[PEOPLE_SERVICE_CHANGE] = { PEOPLE_BUILDER, TIE_OWN, PEOPLE_ADMIN,
				    false,
				    "only an admin, or the builder who "
				    "defined the service, may change it" },
	[PEOPLE_APP_SEE] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
			     "seeing OAuth apps takes a builder" },
	[PEOPLE_APP_SET] = { PEOPLE_ADMIN, TIE_NONE, 0, false,
			     "setting an OAuth app takes an admin" },
	[PEOPLE_CONNECTION_LIST] = { PEOPLE_VIEWER, TIE_NONE, 0, false,
				     "a caller key can only call" },
	[PEOPLE_CONNECTION_CREATE] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
				       "making a connection takes a builder" },
	[PEOPLE_CONNECTION_SEE] = { PEOPLE_VIEWER, TIE_SHARED, PEOPLE_ADMIN,
				    true, "a caller key can only call" },
	[PEOPLE_CONNECTION_USE] = { PEOPLE_BUILDER, TIE_SHARED, NOBODY, false,
				    "using a connection takes a builder whom "
				    "it is shared with" },
	[PEOPLE_CONNECTION_MANAGE] = { PEOPLE_BUILDER, TIE_MANAGE, PEOPLE_ADMIN,
				       false,
				       "this takes the connection's owner, an "
				       "admin, or a builder whom it is shared "
				       "with to manage" },
	[PEOPLE_CONNECTION_TRANSFER] = { PEOPLE_BUILDER, TIE_OWNER,
					 PEOPLE_ADMIN, false,
					 "only the connection's owner or an "
					 "admin may hand it over" },
	[PEOPLE_CONNECTION_FORCE] = { PEOPLE_ADMIN, TIE_NONE, 0, false,
				      "force takes an admin" },
	[PEOPLE_CONNECTION_BULK] = { PEOPLE_ADMIN, TIE_NONE, 0, false,
				     "suspending or revoking many connections "
				     "at once takes an admin" },
	[PEOPLE_WEBHOOK_RUN] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
				 "running a webhook takes a builder" },
	[PEOPLE_MEMBER_SEE] = { PEOPLE_VIEWER, TIE_NONE, 0, false,
				"a caller key can only call" },
	[PEOPLE_MEMBER_CHANGE] = { PEOPLE_ADMIN, TIE_RANK, PEOPLE_OWNER, false,
				   "this takes an admin, and for owners an "
				   "owner" },
	[PEOPLE_KEY_CREATE] = { PEOPLE_VIEWER, TIE_RANK, PEOPLE_OWNER, false,
				"a key cannot have a higher role than who "
				"makes it" },
	[PEOPLE_KEY_SEE] = { PEOPLE_VIEWER, TIE_KEY, PEOPLE_ADMIN, true,
			     "a caller key can only call" },
	[PEOPLE_KEY_REVOKE] = { PEOPLE_VIEWER, TIE_KEY, PEOPLE_ADMIN, true,
				"a caller key can only call" },
	[PEOPLE_CALLS_SEE] = { PEOPLE_VIEWER, TIE_OWN, PEOPLE_ADMIN, false,
			       "seeing others' calls takes an admin" },
	[PEOPLE_AUDIT_SEE] = { PEOPLE_ADMIN, TIE_NONE, 0, false,
			       "the audit trail takes an admin" },
	[PEOPLE_FLOW_SEE] = { PEOPLE_VIEWER, TIE_NONE, 0, false,
			      "a caller key can only call" },
	[PEOPLE_FLOW_CHANGE] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
				 "flows are made and published by builders" },
	[PEOPLE_FLOW_DELETE] = { PEOPLE_BUILDER, TIE_OWN, PEOPLE_ADMIN, false,
				 "only an admin, or the builder who made the "
				 "flow, may delete it" },
	[PEOPLE_GLOBAL_SEE] = { PEOPLE_VIEWER, TIE_NONE, 0, false,
				"a caller key can only call" },
	[PEOPLE_GLOBAL_SET] = { PEOPLE_ADMIN, TIE_NONE, 0, false,
				"constants count in every flow: setting them "
				"takes an admin" },
	[PEOPLE_CONVERSATION_START] = { PEOPLE_CALLER, TIE_NONE, 0, false, "" },
	[PEOPLE_CONVERSATION_SEE] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
				      "what visitors have said is for "
				      "builders" },
	[PEOPLE_CONVERSATION_ANSWER] = { PEOPLE_BUILDER, TIE_OWN, NOBODY, false,
					 "a conversation is answered by who "
					 "began it" },
	[PEOPLE_CONVERSATION_DELETE] = { PEOPLE_BUILDER, TIE_OWN, PEOPLE_ADMIN,
					 false,
					 "only an admin, or the builder who "
					 "made the flow, may delete its "
					 "conversations" },
	[PEOPLE_HANDOFF_SEE] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
				 "what visitors have said is for builders" },
	[PEOPLE_HANDOFF_CLOSE] = { PEOPLE_BUILDER, TIE_NONE, 0, false,
				   "what visitors have said is for builders" },
	[PEOPLE_EGRESS_SEE] = { PEOPLE_OWNER, TIE_NONE, 0, false,
				"private destinations are the owner's" },
	[PEOPLE_EGRESS_CHANGE] = { PEOPLE_OWNER, TIE_NONE, 0, false,
				   "only an owner may allow private "
				   "destinations, signed in or at the "
				   "machine's own command line" },
};

static const char *const role_names[] = {
	[PEOPLE_CALLER] = "caller",   [PEOPLE_VIEWER] = "viewer",
	[PEOPLE_BUILDER] = "builder", [PEOPLE_ADMIN] = "admin",
	[PEOPLE_OWNER] = "owner",
};

const char *
people_role_name(enum people_role role)
{
	if ((size_t)role >= ARRAY_LEN(role_names))
		return NULL;
	return role_names[role];
}

int
people_role_parse(struct slice name, enum people_role *out)
{
	size_t i;

	*out = PEOPLE_CALLER;
	for (i = 0; i < ARRAY_LEN(role_names); i++)
		if (slice_eq(name, slice_str(role_names[i]))) {
			*out = (enum people_role)i;
			return 0;
		}
	return ERR_INVALID;
}

static bool
texts_have(char *const *items, size_t count, const char *text)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(items[i], text))
			return true;
	return false;
}

bool
people_sharing_lets_manage(const struct people_sharing *s, const char *member)
{
	if (!member[0])
		return false;
	return s->everyone_may_manage || !strcmp(s->owner, member) ||
	       texts_have(s->managers, s->manager_count, member);
}

bool
people_sharing_lets_use(const struct people_sharing *s, const char *member)
{
	if (!member[0])
		return false;
	return s->everyone_may_use ||
	       texts_have(s->users, s->user_count, member) ||
	       people_sharing_lets_manage(s, member);
}

static bool
is_his(const struct people_actor *a, const struct people_object *o)
{
	return o->member && a->member[0] && !strcmp(o->member, a->member);
}

/* Callers count as of builders, who alone may make them. */
static bool
is_not_above(const struct people_actor *a, const struct people_object *o)
{
	if (o->role == PEOPLE_CALLER)
		return a->role >= PEOPLE_BUILDER;
	return o->role <= a->role;
}

static bool
tie_holds(const struct people_actor *a, enum tie tie,
	  const struct people_object *o)
{
	ASSERT(tie == TIE_NONE || o);
	switch (tie) {
	case TIE_NONE:
		return true;
	case TIE_OWN:
		return is_his(a, o);
	case TIE_KEY:
		return is_his(a, o) &&
		       (!a->key[0] || (o->key && !strcmp(o->key, a->key)) ||
			is_not_above(a, o));
	case TIE_SHARED:
		return people_sharing_lets_use(o->sharing, a->member);
	case TIE_MANAGE:
		return people_sharing_lets_manage(o->sharing, a->member);
	case TIE_OWNER:
		return a->member[0] && !strcmp(o->sharing->owner, a->member);
	case TIE_RANK:
		return is_not_above(a, o);
	}
	return false;
}

int
people_may(const struct people_actor *a, enum people_action action,
	   const struct people_object *o, const char **why)
{
	const struct rule *r;

	ASSERT((size_t)action < PEOPLE_ACTIONS && rules[action].why);
	r = &rules[action];
	if (why)
		*why = r->why;
	if (a->role < r->least)
		return ERR_FORBIDDEN;
	if ((int)a->role >= r->free_from && r->tie != TIE_NONE)
		return 0;
	if (tie_holds(a, r->tie, o))
		return 0;
	return r->hidden ? ERR_NOT_FOUND : ERR_FORBIDDEN;
}

enum people_role
people_action_least(enum people_action action)
{
	ASSERT((size_t)action < PEOPLE_ACTIONS && rules[action].why);
	return rules[action].least;
}
