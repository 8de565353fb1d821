/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of people/: members, sign-in, sessions, keys, roles and sharing;
 * the only place that answers "may X do Y?".
 *
 * Two sides.  The call path's (people/view.h) runs on the workers' loops and
 * takes no lock.  The rest, here, is for work threads: every function takes
 * a store_conn, and those that change something run inside the caller's
 * transaction, so that the change and its audit record are one.
 *
 * Passwords, session cookies, keys and one-time links are stored as hashes
 * alone; what is given out is given out once.
 */
#ifndef PEOPLE_PEOPLE_H
#define PEOPLE_PEOPLE_H

#include "people/view.h"
#include "vault/vault.h"

enum {
	PEOPLE_HASH_SIZE =
		VAULT_HASH_SIZE, /* SHA-256 of a key, cookie or link */
	PEOPLE_ID_SIZE = RANDOM_ID_SIZE,
	PEOPLE_NAME_SIZE = 128,
	PEOPLE_EMAIL_SIZE = 255,
	PEOPLE_KEY_SIZE = 48, /* "dbk_", 43 characters, NUL */
	PEOPLE_PASSWORD_MIN = 10,
	PEOPLE_PASSWORD_MAX = 1024,
};

/* The hash under which a key, cookie or link is stored. */
void people_token_hash(struct slice token, unsigned char out[PEOPLE_HASH_SIZE]);

/* ---- roles: may X do Y? ---- */

/* "caller", "viewer", …; NULL for what is none. */
const char *people_role_name(enum people_role role);
/* ERR_INVALID. */
int people_role_parse(struct slice name, enum people_role *out);

enum people_action {
	PEOPLE_SELF_SEE,    /* who am I? */
	PEOPLE_SELF_CHANGE, /* own password */
	PEOPLE_SERVICE_SEE,
	PEOPLE_SERVICE_CREATE, /* a custom one */
	PEOPLE_SERVICE_CHANGE, /* object: whose */
	PEOPLE_APP_SEE,
	PEOPLE_APP_SET,
	PEOPLE_CONNECTION_LIST,
	PEOPLE_CONNECTION_CREATE,
	PEOPLE_CONNECTION_SEE, /* object: sharing; so are these */
	PEOPLE_CONNECTION_USE,
	PEOPLE_CONNECTION_MANAGE,
	PEOPLE_CONNECTION_TRANSFER,
	PEOPLE_CONNECTION_FORCE, /* delete although it is in use */
	PEOPLE_CONNECTION_BULK,	 /* suspend or revoke many at once */
	PEOPLE_WEBHOOK_RUN,	 /* the connection is asked about by the call */
	PEOPLE_MEMBER_SEE,
	PEOPLE_MEMBER_CHANGE, /* object: the role he has or is to have */
	PEOPLE_KEY_CREATE,    /* object: the key's role */
	PEOPLE_KEY_SEE,	      /* object: whose */
	PEOPLE_KEY_REVOKE,
	PEOPLE_CALLS_SEE, /* object: whose; NULL: everybody's */
	PEOPLE_AUDIT_SEE,
	PEOPLE_FLOW_SEE,
	PEOPLE_FLOW_CHANGE, /* and make, try, publish */
	PEOPLE_FLOW_DELETE, /* object: whose */
	PEOPLE_GLOBAL_SEE,
	PEOPLE_GLOBAL_SET,
	PEOPLE_CONVERSATION_START,  /* of a published flow */
	PEOPLE_CONVERSATION_SEE,    /* what others have said */
	PEOPLE_CONVERSATION_ANSWER, /* object: who began it */
	PEOPLE_CONVERSATION_DELETE,
	PEOPLE_HANDOFF_SEE,
	PEOPLE_HANDOFF_CLOSE,
	PEOPLE_EGRESS_SEE, /* private destinations */
	PEOPLE_EGRESS_CHANGE,
	PEOPLE_ACTIONS,
};

/* What an action is about; members that it does not name are NULL or 0. */
struct people_object {
	const char *member; /* whose it is */
	const struct people_sharing *sharing;
	enum people_role role;
	const char *key; /* its id, where it is an API key */
};

/*
 * The decision.  0; ERR_NOT_FOUND when the actor may not even know of the
 * object; ERR_FORBIDDEN.  *why (may be NULL) gets static text for people.
 * object may be NULL where the action has none.
 */
int people_may(const struct people_actor *actor, enum people_action action,
	       const struct people_object *object, const char **why);
/* The least role that can be allowed an action at all: for route tables. */
enum people_role people_action_least(enum people_action action);

/* ---- addresses that are counted ---- */

enum { PEOPLE_NETWORK_SIZE = 128 };
/* What is counted of a client's address: an IPv6 host has a /64 to itself.
 * What is no address stays as it is. */
void people_address_network(const char *address, char *out, size_t size);
/* Whether all who come from there can be counted together.  Not by a Unix
 * socket or from this machine: that is everybody, behind a proxy. */
bool people_address_is_one(const char *address);

/* ---- the organisation and its owner ---- */

/*
 * The one organisation, made on the first start together with an owner whom
 * nobody can sign in as until he is claimed.  Inside a transaction.
 */
int people_org_ensure(struct store_conn *c, char org[PEOPLE_ID_SIZE]);
/* Whether the owner has been claimed. */
int people_owner_is_claimed(struct store_conn *c, bool *out);
/*
 * Gives the unclaimed owner his e-mail address and password.  ERR_EXISTS
 * when he is claimed already; ERR_INVALID with *why for a bad address or
 * password.
 */
int people_owner_claim(struct store_conn *c, struct slice email,
		       const struct secret *password,
		       char member[PEOPLE_ID_SIZE], const char **why);
/* A link's token to claim the owner with: works once, for a day, and
 * replaces an earlier one. */
int people_owner_link_create(struct store_conn *c,
			     char token[RANDOM_TOKEN_SIZE]);
/* Whether a token is good; does not spend it.  ERR_NOT_FOUND. */
int people_owner_link_check(struct store_conn *c, struct slice token);
/* All links are spent: after the claim. */
int people_owner_link_spend(struct store_conn *c);

/* ---- members ---- */

struct people_member {
	char id[PEOPLE_ID_SIZE];
	char email[PEOPLE_EMAIL_SIZE];
	char name[PEOPLE_NAME_SIZE];
	enum people_role role;
	bool has_password;
	bool disabled;
	int64_t version;
	int64_t created_at;
	int64_t last_sign_in_at; /* 0: never */
};

/* An e-mail address in the form in which it is kept: lower case.
 * ERR_INVALID. */
int people_email_canonical(struct slice text, char out[PEOPLE_EMAIL_SIZE]);
/* 0 or ERR_INVALID with *why: too short, too long. */
int people_password_check(const struct secret *password, const char **why);

/* By id or e-mail address; ERR_NOT_FOUND. */
int people_member_find(struct store_conn *c, const char *org,
		       struct slice id_or_email, struct people_member *out);
/* In the order of their making, after this id ("" for the first page). */
int people_members_list(struct store_conn *c, const char *org,
			const char *after, size_t limit, struct arena *arena,
			struct people_member **out, size_t *count);
/* password may be NULL: he cannot sign in with one.  ERR_EXISTS. */
int people_member_create(struct store_conn *c, const char *org,
			 const char *email, const char *name,
			 enum people_role role, const struct secret *password,
			 char id[PEOPLE_ID_SIZE]);
/*
 * Sets name, role and disabled from m, whose version must be the stored one
 * (ERR_CONFLICT).  ERR_WRONG_STATE when no owner who can sign in would be
 * left.  Disabling ends his sessions.  Afterwards, and after the commit:
 * people_views_withdraw(…, NULL).
 */
int people_member_update(struct store_conn *c, const char *org,
			 const struct people_member *m);
/* Ends his sessions too. */
int people_member_set_password(struct store_conn *c, const char *member,
			       const struct secret *password);
/* 0, or ERR_FORBIDDEN.  Costs as much as a sign-in; counts as one. */
int people_member_verify_password(struct store_conn *c, const char *member,
				  const struct secret *password,
				  const char *address, unsigned *retry_after_s);

/* ---- sign-in and sessions ---- */

enum {
	PEOPLE_SESSION_IDLE_S = 24 * 3600,
	PEOPLE_SESSION_LIFE_S = 14 * 24 * 3600,
};

/*
 * Checks e-mail address and password.  0 with the member's id; ERR_FORBIDDEN
 * when they do not fit (no telling which); ERR_BUSY with *retry_after_s after
 * too many failures of the account or the address (address "" is not
 * counted).  Takes as long for an unknown account.  Opens transactions of
 * its own.
 */
int people_sign_in(struct store_conn *c, struct slice email,
		   const struct secret *password, const char *address,
		   char member[PEOPLE_ID_SIZE], unsigned *retry_after_s);
/* A session of this member: the cookie's value, given once. */
int people_session_create(struct store_conn *c, const char *member,
			  char value[RANDOM_TOKEN_SIZE]);
/* Who it is: *out is owned (people_actor_unref).  ERR_NOT_FOUND when there
 * is none, it has expired, or the member is disabled. */
int people_session_find(struct store_conn *c,
			const unsigned char hash[PEOPLE_HASH_SIZE],
			struct people_actor **out);
/* The same, without noting it as a use: for what goes on by itself. */
int people_session_look(struct store_conn *c,
			const unsigned char hash[PEOPLE_HASH_SIZE],
			struct people_actor **out);
int people_session_end(struct store_conn *c,
		       const unsigned char hash[PEOPLE_HASH_SIZE]);
int people_sessions_end_all(struct store_conn *c, const char *member);

/* ---- actors ---- */

/* The local command line: the organisation's owner.  Owned. */
int people_actor_local(struct store_conn *c, struct people_actor **out);
/* A member as he is now, for what he has begun; ERR_NOT_FOUND (none,
 * disabled).  Owned. */
int people_actor_of_member(struct store_conn *c, const char *org,
			   const char *member, struct people_actor **out);
/* By the hash of a key's text; ERR_NOT_FOUND (none, revoked, expired).
 * Owned. */
int people_actor_of_key(struct store_conn *c,
			const unsigned char hash[PEOPLE_HASH_SIZE],
			struct people_actor **out);
/* The same by its id, for what was begun with it. */
int people_actor_of_key_id(struct store_conn *c, const char *org,
			   const char *key, struct people_actor **out);
/* A bare one, for tests and for work that Drawbridge does by itself.  NULL:
 * out of memory.  Owned. */
struct people_actor *people_actor_new(const char *org, const char *member,
				      enum people_role role, const char *name);

/* ---- keys ---- */

/* A list of texts; items NULL: no restriction. */
struct people_texts {
	char **items;
	size_t count;
};

struct people_key {
	char id[PEOPLE_ID_SIZE];
	char member[PEOPLE_ID_SIZE];
	char name[PEOPLE_NAME_SIZE];
	char prefix[16]; /* "dbk_AbCd" */
	enum people_role role;
	/* callers only */
	struct people_texts connections;   /* ids */
	struct people_texts methods;	   /* "GET" */
	struct people_texts path_prefixes; /* "/api/v1/" */
	uint32_t rate_per_minute;	   /* 0: no limit */
	int64_t expires_at;		   /* 0: never */
	int64_t created_at;
	int64_t revoked_at; /* 0: in force */
};

/*
 * Makes a key: name, member, role and restrictions are read from k, the rest
 * is filled in.  text gets the key, which is nowhere else from now on: the
 * caller shows it once and wipes it.
 */
int people_key_create(struct store_conn *c, const char *org,
		      struct people_key *k, char text[PEOPLE_KEY_SIZE]);
/* member NULL: everybody's.  In the order of their making, after this id. */
int people_keys_list(struct store_conn *c, const char *org, const char *member,
		     const char *after, size_t limit, struct arena *arena,
		     struct people_key **out, size_t *count);
/* ERR_NOT_FOUND. */
int people_key_find(struct store_conn *c, const char *org, const char *id,
		    struct arena *arena, struct people_key *out);
/* After the commit: people_views_withdraw(…, id). */
int people_key_revoke(struct store_conn *c, const char *org, const char *id);
/* The same, and nothing of it stays: for one that nobody will look for. */
int people_key_remove(struct store_conn *c, const char *org, const char *id);

/* ---- sharing ---- */

enum people_share_kind {
	PEOPLE_SHARE_MEMBER,
	PEOPLE_SHARE_TEAM,
	PEOPLE_SHARE_EVERYONE,
};

struct people_share {
	enum people_share_kind kind;
	char subject[PEOPLE_ID_SIZE]; /* "" for everyone */
	char name[PEOPLE_NAME_SIZE];  /* of the member or team */
	bool manage;		      /* else: use */
	int64_t created_at;
};

/* Whom a connection is shared with, teams resolved to members.  out is
 * initialised here; people_sharing_release. */
int people_sharing_load(struct store_conn *c, const char *connection,
			const char *owner, struct people_sharing *out);
void people_sharing_release(struct people_sharing *s);
/* As it was shared, for people. */
int people_shares_list(struct store_conn *c, const char *connection,
		       struct arena *arena, struct people_share **out,
		       size_t *count);
/*
 * Replaces all shares of a connection.  ERR_NOT_FOUND with *bad when a member
 * or team is not of this organisation.  After the commit:
 * connect_views_withdraw(…, connection).
 */
int people_shares_set(struct store_conn *c, const char *org,
		      const char *connection, const char *by,
		      const struct people_share *shares, size_t count,
		      size_t *bad);

/* ---- housekeeping ---- */

/* Forgets expired sessions, links and counts of failures. */
int people_tidy(struct store_conn *c);

#endif
