/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's side of connect/ for work threads: connections, consent, apps
 * and services, as the API, the consent pages and the CLI need them.
 *
 * Every function here decides by itself whether the actor may (people_may),
 * opens its own short transactions, writes the audit record into the same
 * transaction, speaks to the keeper (and waits) outside of any, and
 * withdraws from the views before it returns.  So a caller only reads input
 * and shows output.  Never from a loop's thread.
 *
 * Every function returns 0, or an ERR_ code with the whole problem in *p,
 * which is never NULL.  Strings of results live in the caller's arena.
 */
#ifndef CONNECT_FRONT_H
#define CONNECT_FRONT_H

#include "audit/audit.h"
#include "connect/problem.h"
#include "connect/view.h"
#include "proc/proc.h"

/* On whose behalf. */
struct connect_who {
	struct people_actor *actor; /* NULL: a stranger with a ticket */
	const char *address;	    /* for the audit; may be NULL */
	/* Hash of the session's cookie (PEOPLE_HASH_SIZE), or NULL. */
	const unsigned char *session;
	/* The same of the cookie that a visitor's browser got, or NULL. */
	const unsigned char *visitor;
};

struct connect_texts {
	const char **items;
	size_t count;
};

/* A scope that the list does not know as it was given: what is asked for now
 * (the same where that is only a guess), and words for people. */
struct connect_scope_note {
	const char *given, *asked, *detail;
};
struct connect_scope_notes {
	struct connect_scope_note *items;
	size_t count;
};

/* ---- the front's part ---- */

struct connect_front;

struct connect_front_config {
	struct store *store;
	struct loop *loop;	/* the keeper's channel is on it */
	struct loop_pool *pool; /* for storing what the keeper notices */
	const char *public_url; /* no slash behind; copied */
	struct connect_views *views;
	struct egress_policy *policy; /* the workers'; borrowed; may be NULL */
};

/*
 * Loads the catalogue with the custom services of the store.  Make the
 * keeper's channel with connect_front_messages and this front as its arg,
 * then connect_front_attach().
 */
int connect_front_new(const struct connect_front_config *c,
		      struct connect_front **out);
/* All work must be over. */
void connect_front_free(struct connect_front *f);
/* What the keeper may tell the front; arg is the front. */
extern const struct proc_message connect_front_messages[];
/* keeper: borrowed, for good.  Call it again when the keeper was restarted:
 * it asks for what has changed meanwhile, as it does of the store. */
void connect_front_attach(struct connect_front *f, struct proc_channel *keeper);

/* Looks now and then whether custom services and the owner's destinations
 * (below) have changed elsewhere, or something must be tried again; shared:
 * another front is at the database.
 * Call both from config.loop; stop before the loop ends. */
void connect_front_watch(struct connect_front *f, bool shared);
void connect_front_stop(struct connect_front *f);

/* What the keeper has counted, for /metrics. */
int connect_front_counts(struct connect_front *f, uint32_t timeout_ms,
			 struct connect_counts *out);
/* Whether the keeper answers, for /readyz: 0, ERR_TIMEOUT, ERR_CLOSED. */
int connect_front_ping(struct connect_front *f, uint32_t timeout_ms);

/* ---- private destinations ---- */

enum { CONNECT_EGRESS_NOTE_MAX = 200 };

/* A private destination that the owner has allowed. */
struct connect_egress {
	char id[27];
	char destination[EGRESS_ALLOWED_TEXT]; /* "10.1.2.0/24:443" */
	const char *note;		       /* "" if none */
	char by[27];			       /* the member */
	const char *by_name;
	int64_t created_at;
};

/* In the order of their making.  locked: the operator has forbidden them, so
 * they count for nothing. */
int connect_front_egress_list(struct connect_front *f, struct store_conn *c,
			      const struct connect_who *who,
			      struct arena *arena, struct connect_egress **out,
			      size_t *count, bool *locked,
			      struct connect_problem *p);
/* Counts when it returns, for the exchanger perhaps a moment later.
 * ERR_EXISTS; ERR_WRONG_STATE (egress_full); ERR_FORBIDDEN (egress_locked). */
int connect_front_egress_add(struct connect_front *f, struct store_conn *c,
			     const struct connect_who *who, const char *text,
			     const char *note, struct arena *arena,
			     struct connect_egress *out,
			     struct connect_problem *p);
/* No call goes there any more when it returns; calls under way may end.
 * ERR_TIMEOUT, ERR_CLOSED (keeper_unavailable): it is removed, but whether the
 * exchanger knows is not certain yet; it is told until it does. */
int connect_front_egress_remove(struct connect_front *f, struct store_conn *c,
				const struct connect_who *who, const char *id,
				struct connect_problem *p);

/* ---- services ---- */

/* The catalogue now: a reference (catalog_unref). */
struct catalog *connect_front_catalog(struct connect_front *f);

struct connect_service {
	const struct service *service; /* borrowed from catalog */
	struct catalog *catalog;       /* a reference: catalog_unref */
	int64_t version;	       /* of a custom one; else 0 */
	int64_t updated_at;
};

/* ERR_NOT_FOUND. */
int connect_front_service(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, const char *id,
			  struct connect_service *out,
			  struct connect_problem *p);
/*
 * Creates (replace NULL) or replaces (replace: the id) a custom service; the
 * text is a definition.  if_match 0: whichever version; ERR_CONFLICT when it
 * was changed since, or is while this is done.  report tells every
 * problem of the text (then ERR_INVALID, code invalid_definition).  id gets
 * its id.  ERR_TOO_LARGE (services_full): an organisation may not keep more.
 */
int connect_front_service_save(struct connect_front *f, struct store_conn *c,
			       const struct connect_who *who,
			       const char *replace, int64_t if_match,
			       struct slice text, struct catalog_report *report,
			       char id[CATALOG_ID_MAX + 1],
			       struct connect_problem *p);
/* ERR_WRONG_STATE (in_use) while connections use it. */
int connect_front_service_delete(struct connect_front *f, struct store_conn *c,
				 const struct connect_who *who, const char *id,
				 struct connect_problem *p);

/* ---- OAuth apps ---- */

/* What is known of an app; its secret is known to the keeper alone. */
struct connect_app {
	const char *app;	 /* services with the same one share it */
	const char *data_centre; /* "": all that have no own */
	const char *client_id;
	const char *flagged; /* what the provider says is wrong, or "" */
	int64_t flagged_at;
	int64_t updated_at;
	int64_t version;
};

/* All apps of a service, those of data centres included.  Also gives the
 * redirect URI to register: a custom service has one of its own. */
int connect_front_app_get(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, const char *service,
			  struct arena *arena, struct connect_app **out,
			  size_t *count, const char **redirect_uri,
			  struct connect_problem *p);
struct connect_app_new {
	const char *data_centre; /* "" or NULL: all */
	const char *client_id;
	/* NULL: a public client, which has none.  Taken. */
	struct secret *client_secret;
	/* Of the service, where its token URL has some: the secret is bound
	 * to the endpoints that they give.  May be NULL. */
	const json_t *parameters;
};
int connect_front_app_set(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, const char *service,
			  const struct connect_app_new *app,
			  struct connect_problem *p);

/* ---- connections ---- */

/* When a grant is likely to end (0: not known, or it is kept alive), the
 * reason as a word ("total_life"), and in words (static; "" if none). */
struct connect_forecast {
	int64_t at;
	const char *reason, *text;
};
/* A user's grant that ends within this needs attention. */
#define CONNECT_SOON_MS (INT64_C(7) * 24 * 3600 * 1000)

struct connect_info {
	char id[27];
	char link[51];
	const char *name;
	const char *service;
	const char *method;
	enum connect_status status;
	const char *reason; /* plain words, with what to do; "" if none */
	bool degraded;
	const char *health_reason;
	int64_t health_since; /* 0: none */
	int64_t retry_at;     /* of the next try; 0: unknown */
	struct connect_texts scopes_asked, second_scopes_asked;
	struct connect_texts scopes_granted;
	const char *account;	 /* who granted it, over there; "" */
	const char *data_centre; /* the grant's own; "" */
	char owner[27];		 /* a member's id */
	const char *owner_name;
	const char *parameters; /* JSON text of an object */
	bool per_user;
	int64_t version, created_at, updated_at;
	int64_t connected_at, last_used_at, expires_at; /* 0: none */
	struct connect_forecast forecast;
	/* per_user: users that are connected; of them those who need
	 * attention (no one twice); and who must connect again */
	int64_t users_connected, users_degraded, users_expiring;
	int64_t users_need_reconnect, users_revoked;
	const char *warning; /* what its owner should know, or "" */
	bool may_manage;     /* the actor may change it */
	/* of what was given: to creating and changing alone */
	struct connect_scope_notes scope_notes;
};

/* "not_connected" …; and back: ERR_INVALID. */
const char *connect_status_name(enum connect_status s);
int connect_status_parse(struct slice name, enum connect_status *out);
/* The link name that a connection name gives (DESIGN 2), without looking
 * whether it is free; "" when it has no usable letter. */
void connect_link_of_name(struct slice name, char out[51]);

struct connect_new {
	const char *name;      /* 1 to 100 characters */
	const char *link_name; /* NULL: made from the name */
	const char *service;
	const char *method; /* NULL: the usual one */
	/* asked for; NULL items: the definition's presets */
	struct connect_texts scopes, second_scopes;
	const json_t *parameters; /* or NULL */
	/* values of the method's fields; taken (each value freed) */
	struct json_secret *credentials;
	size_t credential_count;
	bool per_user;
};

/*
 * Creates a connection.  With credentials (or a method that needs none, or
 * client credentials) it is connected at once; else it is not_connected and
 * waits for consent.  When the connection was made but could not be
 * connected (the provider refused), the result is 0 and its reason tells.
 */
int connect_front_create(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, struct connect_new *n,
			 struct arena *arena, struct connect_info *out,
			 struct connect_problem *p);
struct connect_filter {
	const char *service; /* NULL: any */
	const char *status;  /* NULL: any */
	const char *text;    /* in name or link; NULL */
	const char *after;   /* a link name: those behind it; NULL */
	bool attention;	     /* only users that need it */
	size_t limit;
};
/* Those that the actor may know of, by link name.  More may follow when
 * *count == limit. */
int connect_front_list(struct connect_front *f, struct store_conn *c,
		       const struct connect_who *who,
		       const struct connect_filter *filter, struct arena *arena,
		       struct connect_info **out, size_t *count,
		       struct connect_problem *p);
int connect_front_get(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const char *link,
		      struct arena *arena, struct connect_info *out,
		      struct connect_problem *p);

/* NULL members stay as they are. */
struct connect_change {
	const char *name;
	const struct connect_texts *scopes, *second_scopes;
	const json_t *parameters; /* the whole object */
	const char *owner;	  /* a member's id: transfer */
};
/* Scopes and parameters that go further need consent (or the credential)
 * again; until then the grant goes on as it was. */
int connect_front_change(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 int64_t if_match, const struct connect_change *ch,
			 struct arena *arena, struct connect_info *out,
			 struct connect_problem *p);
/* Values of the method's fields, all of them; taken.  What would replace one in
 * use is tested first; untested: it is not. */
int connect_front_credentials(struct connect_front *f, struct store_conn *c,
			      const struct connect_who *who, const char *link,
			      struct json_secret *values, size_t count,
			      bool untested, struct arena *arena,
			      struct connect_info *out,
			      struct connect_problem *p);
/* What became of a revocation upstream. */
struct connect_revoked {
	bool upstream;	    /* the provider has confirmed it */
	bool lives;	    /* it has not: the grant may live on there */
	char detail[256];   /* why not, and what to do by hand */
	int64_t generation; /* of the keeper's: this, or before, is revoked */
};
/* The grant is revoked upstream first, as well as that goes; *revoked says what
 * came of it, also of one that was revoked before. */
int connect_front_delete(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 bool force, int64_t if_match,
			 struct connect_revoked *revoked,
			 struct connect_problem *p);
/* A forced refresh. */
int connect_front_refresh(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who, const char *link,
			  struct arena *arena, struct connect_info *out,
			  struct connect_problem *p);
int connect_front_revoke(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 struct arena *arena, struct connect_info *out,
			 struct connect_revoked *revoked,
			 struct connect_problem *p);
int connect_front_enable(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 bool enable, struct arena *arena,
			 struct connect_info *out, struct connect_problem *p);
/* A flow that calls a connection. */
struct connect_use {
	const char *link, *name; /* of the flow */
	bool draft;		 /* its draft does */
	bool published;		 /* its version in force does */
};
/* The flows that call a connection (its id), by link name: the first limit
 * ones.  For who may see the connection; asks nobody. */
int connect_front_uses(struct store_conn *c, const char *connection,
		       size_t limit, struct arena *arena,
		       struct connect_use **out, size_t *count);
/* The grant that a user has given for himself. */
struct connect_user {
	const char *subject;	  /* a member's id, or a visitor's */
	const char *name, *email; /* a member's; "" */
	enum connect_status status;
	const char *reason, *account; /* "" if none */
	bool degraded;
	const char *health_reason;
	int64_t health_since, retry_at; /* 0: none */
	/* "needs_reconnect", "revoked", "degraded", "expiring"; "" if none */
	const char *attention;
	struct connect_texts scopes_granted;
	int64_t connected_at, expires_at; /* 0: none */
	struct connect_forecast forecast;
};
/* Those of a connection, by subject, for who may manage it.  Of the filter:
 * status or attention, after (a subject), limit. */
int connect_front_users(struct connect_front *f, struct store_conn *c,
			const struct connect_who *who, const char *link,
			const struct connect_filter *filter,
			struct arena *arena, struct connect_user **out,
			size_t *count, struct connect_problem *p);
/* One of them (a subject); for himself also for who may use the connection,
 * and CONNECT_NOT_CONNECTED where he has none. */
int connect_front_user(struct connect_front *f, struct store_conn *c,
		       const struct connect_who *who, const char *link,
		       const char *subject, struct arena *arena,
		       struct connect_user *out, struct connect_problem *p);
/*
 * Takes his grant back, and forgets him: from now on it is given out to
 * nobody, and connect_front_withdraw() revokes it upstream (audited), also
 * where this fails after the keeper has been told.  He may connect again at
 * once.  *revoked says so, and what else ends with it.  For whom
 * connect_front_user() is.
 */
int connect_front_user_remove(struct connect_front *f, struct store_conn *c,
			      const struct connect_who *who, const char *link,
			      const char *subject, struct arena *arena,
			      struct connect_revoked *revoked,
			      struct connect_problem *p);
/* Whom a connection is shared with, and its version then. */
struct connect_shares {
	struct people_share *items;
	size_t count;
	int64_t version;
};
int connect_front_shares(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 struct arena *arena, struct connect_shares *out,
			 struct connect_problem *p);
/* Replaces them all (audited: who came, who went; views withdrawn), and gives
 * them as they are then.  if_match 0: whichever version; ERR_CONFLICT (to's own
 * is not looked at).  What changes nothing raises no version. */
int connect_front_shares_set(struct connect_front *f, struct store_conn *c,
			     const struct connect_who *who, const char *link,
			     int64_t if_match, const struct connect_shares *to,
			     struct arena *arena, struct connect_shares *out,
			     struct connect_problem *p);

/* The test request of a connection, to be made through call/. */
struct connect_test {
	const char *method; /* "GET" */
	const char *url;    /* whole, or a path under the grant's base URL */
	/* Judge the answer by binding_match(&test->success, …), and read
	 * the account's name at test->account if that is not NULL. */
	const struct catalog_test *test;
	struct catalog *catalog; /* a reference that test borrows from */
};
/* ERR_NOT_FOUND (code no_test): the service has none for the scopes that were
 * granted, to the actor where each user connects for himself. */
int connect_front_test(struct connect_front *f, struct store_conn *c,
		       const struct connect_who *who, const char *link,
		       struct arena *arena, struct connect_test *out,
		       struct connect_problem *p);
/* The grant that it was made with. */
struct connect_tested {
	char connection[27]; /* its id */
	char subject[64];    /* whose; "": the connection's own */
	uint64_t generation;
};
/*
 * What the test has found: account (may be ""), or what is wrong (NULL:
 * nothing).  Stored with this very grant; trouble that others have noted
 * stays as it is.
 */
int connect_front_tested(struct store_conn *c, const struct connect_tested *t,
			 const char *account, const char *problem);
/* It was used: called in batches with call records. */
int connect_front_used(struct store_conn *c, const char *id, int64_t at);

/* ---- consent ---- */

enum {
	CONNECT_TICKET_LIFE_S = 15 * 60,
	CONNECT_STATE_LIFE_S = 15 * 60,
};

struct connect_ticket {
	const char *url; /* of the page with the Connect button */
	int64_t expires_at;
};

/* A ticket to connect (or reconnect) with.  subject is the actor where the
 * connection is per user. */
int connect_front_authorize(struct connect_front *f, struct store_conn *c,
			    const struct connect_who *who, const char *link,
			    struct arena *arena, struct connect_ticket *out,
			    struct connect_problem *p);

/*
 * A conversation's visitor is to give his consent to a per-user connection.
 * That the conversation waits for just this is the caller's to know.
 */
struct connect_visit {
	const char *org, *connection; /* ids */
	const char *conversation;     /* its id, for conversations' own use */
	const char *subject;	      /* whose grant it becomes */
	/* The ticket is good in one browser alone: that of the visitor whose
	 * cookie has this hash; or (NULL) one where this member is signed in
	 * (id). */
	const unsigned char *visitor;
	const char *member;
};

int connect_front_visit(struct connect_front *f, struct store_conn *c,
			const struct connect_who *who,
			const struct connect_visit *v, struct arena *arena,
			struct connect_ticket *out, struct connect_problem *p);
/*
 * Takes a subject's grant back: from now on it is given out to nobody, and
 * connect_front_withdraw() revokes it upstream.  0 too where there is none.
 */
int connect_front_forget(struct connect_front *f, struct store_conn *c,
			 const char *org, const char *connection,
			 const char *subject);
/*
 * Goes on with revoking grants that have ended (users' whose conversation is
 * over, whose connection was deleted or revoked, or who were removed; and what
 * was revoked together with others): a bounded part of them,
 * from a work thread that may wait for providers.  To be called every few
 * seconds; what fails is tried again by a later call.
 */
int connect_front_withdraw(struct connect_front *f, struct store_conn *c);

/* What a ticket is about, for whom it is good; spends nothing. */
struct connect_about {
	char connection[27];   /* id */
	char conversation[27]; /* "" */
};
int connect_front_about(struct store_conn *c, const struct connect_who *who,
			struct slice ticket, struct connect_about *out,
			struct connect_problem *p);

struct connect_page_scope {
	const char *name;
	const char *description; /* or "" */
};

/* What the page with the Connect button shows. */
struct connect_page {
	const char *connection; /* its name */
	const char *link;
	const char *service; /* its name */
	const char *method;  /* its name */
	const char *asked_by;
	const char *host; /* of the provider's consent page */
	struct connect_page_scope *scopes;
	size_t scope_count;
	bool reconnect; /* a grant is there, and goes on until then */
	int64_t expires_at;
	struct connect_about about;
};

/*
 * Looks at a ticket; spends nothing.  who->actor may be NULL.  ERR_NOT_FOUND
 * (ticket_not_found): never was, expired, or used.
 */
int connect_front_page(struct connect_front *f, struct store_conn *c,
		       const struct connect_who *who, struct slice ticket,
		       struct arena *arena, struct connect_page *out,
		       struct connect_problem *p);
/*
 * Connect was pressed: spends the ticket, binds the consent to the browser
 * whose cookie has this value (256 random bits; the caller sets it), and
 * gives the URL to go to.
 */
int connect_front_press(struct connect_front *f, struct store_conn *c,
			const struct connect_who *who, struct slice ticket,
			struct slice browser, struct arena *arena,
			const char **authorize_url, struct connect_problem *p);

/* How a consent has ended. */
struct connect_consent {
	bool connected;
	const char *connection; /* its name; "" when no connection is known */
	const char *link;
	const char *account; /* or "" */
	const char *missing; /* scopes that were not granted, or "" */
	const char *left;    /* what else there is to know and to do, or "" */
	struct connect_about about; /* "" when the state told nothing */
	bool denied;		    /* by the person, at the provider */
};

/* What a browser comes back with. */
struct connect_back {
	/* Whose redirect URI it has come to: a custom service's id, as it
	 * stands there; NULL: that of all default ones. */
	const char *service;
	struct slice query;   /* as it came, still encoded */
	struct slice browser; /* the cookie's value; empty: it has none */
};

/*
 * The provider sends the browser back.  0: connected.  Otherwise *p says in
 * plain words what went wrong and what to do (status 4xx, 502, 504), and
 * out->connection what it was about, if the state told.
 */
int connect_front_callback(struct connect_front *f, struct store_conn *c,
			   const struct connect_who *who,
			   const struct connect_back *back, struct arena *arena,
			   struct connect_consent *out,
			   struct connect_problem *p);

/* ---- many connections at once ---- */

struct connect_bulk_new {
	bool revoke; /* else: suspend */
	/* Exactly one: */
	bool all;
	const char *service; /* an id; "" */
	const char *owner;   /* a member's id or e-mail address; "" */
};

/* How many there are of each. */
struct connect_bulk_counts {
	int64_t waiting; /* not begun; no call gets through already */
	int64_t pending; /* given to nobody here; the provider is being asked */
	int64_t suspended, revoked;
	int64_t by_hand; /* the provider has not confirmed: a person must act */
	int64_t nothing; /* no credential; enabled or deleted meanwhile */
	int64_t already; /* it was so before */
};

struct connect_bulk {
	char id[27];
	bool revoke;
	const char *service;	      /* "" unless it was a service's */
	const char *owner;	      /* a member's id; "" */
	const char *owner_name;	      /* "" */
	const char *by, *by_name;     /* the member who asked */
	int64_t asked_at, ended_at;   /* ended_at 0: not done yet */
	struct connect_bulk_counts n; /* of connections, and users' grants */
};

/* What became of one. */
struct connect_bulk_item {
	const char *link, *name, *service; /* as it was called then */
	const char *subject, *email;	   /* of a user's own grant; "" */
	const char *account;		   /* "" if it is not known */
	const char *state;		   /* a word of connect_bulk_counts */
	const char *detail;		   /* "" */
	int64_t retry_at;		   /* pending: asked again then; 0 */
	const char *cursor;
};

/*
 * When it returns no call gets through any of them; for whom
 * PEOPLE_CONNECTION_BULK is.  What is left to do (see *out) is done by
 * connect_front_withdraw(), also by that of another front.
 */
int connect_front_bulk(struct connect_front *f, struct store_conn *c,
		       const struct connect_who *who,
		       const struct connect_bulk_new *n, struct arena *arena,
		       struct connect_bulk *out, struct connect_problem *p);
int connect_front_bulk_get(struct connect_front *f, struct store_conn *c,
			   const struct connect_who *who, const char *id,
			   struct arena *arena, struct connect_bulk *out,
			   struct connect_problem *p);
/* The newest first, those before this id ("": all). */
int connect_front_bulks(struct connect_front *f, struct store_conn *c,
			const struct connect_who *who, const char *before,
			size_t limit, struct arena *arena,
			struct connect_bulk **out, size_t *count,
			struct connect_problem *p);
/* state: "" or those alone; after: a cursor, or "". */
int connect_front_bulk_items(struct connect_front *f, struct store_conn *c,
			     const struct connect_who *who, const char *id,
			     const char *state, const char *after, size_t limit,
			     struct arena *arena,
			     struct connect_bulk_item **out, size_t *count,
			     struct connect_problem *p);

/* ---- housekeeping ---- */

/* Forgets expired tickets and states. */
int connect_front_tidy(struct connect_front *f, struct store_conn *c);
/*
 * Notes the consents that have ended without a callback, a bounded part of
 * them: in the audit and, unless the connection works or a later consent has
 * begun, as its reason.  To be called every few seconds.
 */
int connect_front_unfinished(struct connect_front *f, struct store_conn *c);

#endif
