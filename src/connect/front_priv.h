/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the front's side (front*.c).
 */
#ifndef CONNECT_FRONT_PRIV_H
#define CONNECT_FRONT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "connect/connect_priv.h"

/* Tells one state of the stored custom services from another. */
struct front_catalog_stamp {
	int64_t count, versions, written;
};

struct connect_front {
	struct store *store;
	struct loop *loop;
	struct loop_pool *pool;
	struct connect_views *views;
	char *public_url;
	pthread_mutex_t mutex; /* of all but applying */
	struct catalog *catalog;
	struct proc_channel *keeper;		     /* NULL until attached */
	struct front_notice *notices, **notices_end; /* not stored yet */
	struct loop_work notices_work;
	bool notices_queued;
	pthread_mutex_t applying; /* what the keeper tells is being stored */
	_Atomic bool behind;	  /* some of it was not, and is looked for */
	struct front_awaited *awaited; /* grants, front_granted.c */
	/* front_catalog.c */
	pthread_mutex_t building; /* of the next */
	struct front_catalog_stamp built;
	_Atomic bool catalog_old; /* it could not be built anew */
	/* front_left.c */
	_Atomic bool unnoted;	 /* a user's end may not be noted */
	uint64_t left_looked_ms; /* for such; steady */
	/* front_egress.c */
	struct egress_policy *policy; /* NULL: no guard to tell */
	pthread_mutex_t publishing;   /* of the next */
	struct connect_msg_egress published;
	_Atomic bool egress_untold; /* the exchanger may not know of it */
	_Atomic bool shared;	    /* another front is at the database */
	_Atomic bool looking;	    /* whether anything has changed */
	struct loop_timer egress_timer;
};

/* ---- front_egress.c ---- */

/* At the start: what is stored counts before anything is called. */
int front_egress_load(struct connect_front *f, struct store_conn *c);
/* Brings what is stored to those who open sockets, if they do not go by it
 * already.  On a work thread; ERR_ codes are of the keeper and exchanger, who
 * will be told again. */
int front_egress_publish(struct connect_front *f, struct store_conn *c);

/* That trouble, as it is stored, outlasts the keeper's news that the grant is
 * well: what the service has answered to this generation (a parameter) stays
 * until the next. */
#define FRONT_HEALTH_STAYS(generation_told) \
	"(health_reason LIKE '" VIEW_HEALTH_WORDS "%' " \
	"AND generation = " generation_told ")"

/*
 * health, health_reason and health_since as they are told, of a row with this
 * prefix for its columns.  Stored is the trouble that comes and goes; scopes
 * that were not granted are told behind it, and alone where there is none, for
 * as long as the grant is there.
 */
#define FRONT_HEALTH_TOLD(t) \
	FRONT_HEALTH_COLUMNS(t, t "not_granted > '' AND " t \
				  "status IN ('connected', 'disabled')")
#define FRONT_HEALTH_COLUMNS(t, is_short) \
	"CASE WHEN " is_short " THEN 'degraded' ELSE " t "health END, " \
	"ltrim(CASE WHEN " t "health = 'ok' THEN '' ELSE " t \
	"health_reason END || CASE WHEN " is_short \
	" THEN ' Not granted: ' || " t "not_granted || '. Connect again and " \
	"accept them, or edit the scopes.' ELSE '' END), " \
	"CASE WHEN " is_short " AND " t "health = 'ok' THEN " t \
	"connected_at ELSE " t "health_since END"
enum { FRONT_NOT_GRANTED_SIZE = 201 };

/* What is kept of a revocation when the keeper tells how a grant stands, with
 * the parameters status, reason, and whether it lives on: whoever has revoked
 * it says more. */
#define FRONT_UNCONFIRMED(status, reason, lives) \
	"CASE WHEN " status " <> 'revoked' OR " lives " = 0 THEN '' " \
	"WHEN unconfirmed = '' THEN " reason " ELSE unconfirmed END"

/* ---- front_users.c ---- */

/* Of a row of connection_users, with this prefix for its columns: that it
 * works, but not as it should, since there is trouble, or since scopes were not
 * granted; that it will end soon (a parameter).  Each is a range of the index
 * connection_users_standing. */
#define FRONT_USER_TROUBLED(u) \
	u "status = 'connected' AND " u "health = 'degraded'"
#define FRONT_USER_SHORT(u) \
	u "status = 'connected' AND " u "health = 'ok' AND " u \
	  "not_granted > ''"
#define FRONT_USER_EXPIRING(u, soon) \
	u "status = 'connected' AND " u "health = 'ok' AND " u \
	  "not_granted = '' AND " u "ends_at > 0 AND " u "ends_at < " soon

/* A user has given his grant, within the caller's transaction (none changed:
 * the connection is gone, or more was heard of it already); what it brought,
 * beside how it stands; and what the keeper tells of it later. */
int front_user_connected(struct store_conn *c, const char *connection,
			 const char *subject, const struct connect_msg_grant *g,
			 struct slice granted, const char *not_granted,
			 int64_t *changed);
int front_user_brought(struct store_conn *c, const char *connection,
		       const char *subject, const struct connect_msg_grant *g,
		       struct slice granted, const char *not_granted,
		       int64_t *changed);
int front_user_status(struct store_conn *c, const struct connect_msg_status *m);
/* How many there are whose grant is degraded, of all connections. */
extern const char front_users_degraded[];
int front_users_count(struct store *s, uint64_t *degraded);

/* ---- front_withdraw.c, front_withdrawn.c: grants that end ---- */

struct front_row;
/* Asks the keeper something about a grant by its ids; out: of a revocation. */
int front_withdraw_ask(struct connect_front *f, const char *org,
		       const char *connection, const char *subject,
		       enum connect_message type, uint64_t how,
		       struct connect_msg_revoked *out,
		       struct connect_problem *p);
/* Those that have their outcome. */
int front_withdraw_close(struct connect_front *f, struct store_conn *c);
/* The keeper gives this grant (subject "": all of the connection's) to nobody
 * any more; afterwards the store knows of all there are. */
int front_withdraw_mark(struct connect_front *f, struct store_conn *c,
			const char *org, const char *connection,
			const char *subject, struct connect_problem *p);
/*
 * Who consents anew has not left, whatever was marked before; and his grant
 * must not be written down as revoked.  So who notes all of a connection's
 * takes a stamp before the mark, and asks within the transaction that notes
 * whether it holds: ERR_AGAIN if somebody has connected since; then once more
 * from the stamp on, and that grant ends with the others.  (Who is at the
 * keeper by then and not in his row yet, writes that he is connected after
 * what says revoked; and so he is.)
 */
struct front_withdraw_stamp {
	int64_t own;		       /* granted last */
	int64_t users, granted, since; /* their own, all together */
};
enum { FRONT_WITHDRAW_STAMPS = 5 }; /* so often, then ERR_AGAIN */
int front_withdraw_stamp(struct store_conn *c, const char *connection,
			 struct front_withdraw_stamp *out);
int front_withdraw_stamp_holds(struct store_conn *c, const char *connection,
			       const struct front_withdraw_stamp *was);
/* That it is to be revoked, within the caller's transaction; because:
 * "delete", "revoke", "visitor" or "user" (he himself, or who may manage). */
int front_withdraw_note(struct store_conn *c, const char *org,
			const char *connection, const char *subject,
			const char *because);
int front_withdraw_note_all(struct store_conn *c, const struct front_row *r,
			    const char *because);
/* That it was: the user's row, up to this generation; subject "": all of the
 * connection's. */
int front_withdraw_user_row(struct store_conn *c, const char *connection,
			    const char *subject, int64_t generation);
/* How many of the connection are there to be revoked. */
int front_withdraw_count(struct store_conn *c, const char *connection,
			 int64_t *count);
/* What is told of that; all: see front_ends_all(). */
void front_withdraw_words(int64_t count, bool all, char *out, size_t size);
/* All users' grants of a connection that stays. */
int front_withdraw_revoke(struct connect_front *f, struct store_conn *c,
			  const struct connect_who *who,
			  const struct front_row *r,
			  struct connect_revoked *revoked,
			  struct connect_problem *p);

/* ---- front_bulk.c, front_bulk_read.c: many connections at once ---- */

/* Goes on with those that nobody works through; closes those that are done. */
int front_bulk_go_on(struct connect_front *f, struct store_conn *c);
int front_bulk_end(struct store_conn *c);
/* Reports that are old. */
int front_bulk_tidy(struct store_conn *c, int64_t now);
/* What front_withdraw.c says of a grant, within its transaction: an outcome of
 * withdrawals; and that it is tried again, and why. */
int front_bulk_outcome(struct store_conn *c, const char *connection,
		       const char *subject, const char *outcome,
		       const char *detail);
int front_bulk_wait(struct store_conn *c, const char *connection,
		    const char *subject, const char *why);
/* Grants that are still to be revoked in a report alone. */
int front_bulk_orphans(struct store_conn *c);
int front_bulk_counts(struct store_conn *c, const char *id,
		      struct connect_bulk_counts *out);

/* ---- front_left.c: ends that were begun and not noted ---- */

/* What front_withdraw_mark() has marked, or may have, was not noted. */
void front_left_unnoted(struct connect_front *f);
/* Notes those that there are, where that may be: at the start, after the
 * above, and each hour.  On a work thread, one at a time; not within a
 * transaction.  On an error the rest waits for the next time. */
int front_left_note(struct connect_front *f, struct store_conn *c);
/* The keeper has told of one that is marked.  Whoever marked it is about to
 * note it, or has: his row stays as it is until then, so that it is counted
 * among those to end.  One without a row is noted here.  Within a
 * transaction. */
int front_left_told(struct store_conn *c, const struct connect_msg_subject *m);

/* ---- front_problem.c ---- */

/* A store's error (logs the engine's message): ERR_CONFLICT, ERR_BUSY … */
int front_fail_store(struct connect_problem *p, struct store_conn *c, int err);
/* Of a JSON problem: INVALID with its pointer. */
int front_fail_json(struct connect_problem *p, const struct json_problem *jp);

/*
 * Asks the keeper and waits.  Takes body.  0 with *reply (owned; may be NULL
 * when there are no fields), or an error with *p made from the keeper's
 * msg_problem (also given in *why, which may be NULL).
 */
int front_ask(struct connect_front *f, enum connect_message type,
	      struct proc_pack *body, uint32_t timeout_ms,
	      struct secret **reply, struct connect_problem *p,
	      struct connect_msg_problem *why);

/* people_may() with *p filled and the refusal noted in the audit. */
int front_may(struct store_conn *c, const struct connect_who *who,
	      enum people_action action, const struct people_object *object,
	      const char *object_id, struct connect_problem *p);
/* Appends the audit record of a change inside the open transaction. */
int front_audit(struct store_conn *c, const struct connect_who *who,
		const char *org, const char *action, const char *object,
		const char *object_name, const char *detail);

/* ---- front_catalog.c ---- */

/* How many custom services an organisation may keep, and how many bytes all of
 * their definitions may have together. */
enum { FRONT_SERVICES_MAX = 500, FRONT_SERVICES_BYTES = 4 << 20 };

/* Puts the default services and the stored custom ones in place, as they are
 * now, but for custom ones that are broken or find no room.  ERR_ codes are of
 * store and memory; it is tried again then (front_egress.c). */
int front_catalog_load(struct connect_front *f, struct store_conn *c);
/* Does so if another front has changed them. */
void front_catalog_look(struct connect_front *f, struct store_conn *c);

/* ---- front_notice.c: what the keeper tells ---- */

/* Stores now what the keeper has told and is still on its way: what follows
 * an answer of its must not be older than that.  While the store refuses it
 * or the keeper does not answer, it is tried again every few seconds
 * (front_egress.c). */
int front_catch_up(struct connect_front *f, struct store_conn *c,
		   struct connect_problem *p);
/* What is not stored at the end. */
void front_notices_free(struct connect_front *f);

/* ---- front_row.c: a connection's row ---- */

enum { FRONT_SCOPES_MAX = 200, FRONT_ROW_JSON_MAX = 64 * 1024 };

struct front_row {
	struct connect_info info; /* strings in the arena */
	char org[CONNECT_ID_SIZE];
	struct people_sharing sharing; /* release with people_sharing_release */
	json_t *parameters;	       /* owned */
	struct connect_texts scopes, second_scopes;
	int64_t generation; /* of the keeper's, as last heard of */
};

/*
 * Loads the actor's connection by link and asks front_may(action).  A
 * stranger (actor NULL) is not allowed any.  Release in any case.
 */
int front_row_load(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who, const char *link,
		   enum people_action action, struct arena *arena,
		   struct front_row *out, struct connect_problem *p);
/* By id, without asking anybody: for consent and the keeper's notices.  users:
 * also counts them, which takes longer the more there are. */
int front_row_load_id(struct store_conn *c, const char *id, bool users,
		      struct arena *arena, struct front_row *out);
void front_row_release(struct front_row *r);
/* When a grant is likely to end: the earlier of what cannot be helped and,
 * where nothing is renewed, of idleness. */
struct connect_forecast front_forecast(enum connect_status status,
				       int64_t ends_at, struct slice why,
				       int64_t idle);
/* Now, and CONNECT_SOON_MS. */
int64_t front_row_soon(void);
/* A page of rows for front_row_read(): organisation, after this link,
 * service, status, pattern ("" each: any), front_row_soon(). */
extern const char front_row_page[];
int front_row_read(struct store_conn *c, struct store_stmt *st,
		   struct arena *arena, struct front_row *out);
bool front_row_may_manage(const struct connect_who *who,
			  const struct front_row *r);
/* Appends texts as a JSON list; and texts of words between spaces. */
int front_texts_json(const struct connect_texts *t, struct buf *out);
int front_texts_of_words(const char *words, struct arena *arena,
			 struct connect_texts *out);
int front_texts_of_json(struct slice text, struct arena *arena,
			struct connect_texts *out);
int front_texts_of_tree(const json_t *list, struct arena *arena,
			struct connect_texts *out);
/* The binding of the row's service, method and parameters as the catalogue
 * says it now; ERR_NOT_FOUND (SERVICE_NOT_FOUND) … */
int front_row_bind(struct connect_front *f, const struct front_row *r,
		   struct binding **out, struct connect_problem *p);
/* ---- front_granted.c ---- */

/* Sets status, reason and what a grant brought with it, in a transaction of
 * its own with an audit record (more: said there besides, or ""), then
 * withdraws from the views.  ERR_CONFLICT: another has taken its place, or it
 * was revoked, before this could be written; the row says so. */
int front_row_connected(struct connect_front *f, struct store_conn *c,
			const struct connect_who *who, const struct binding *b,
			struct front_row *r, const char *subject,
			const char *action, const char *more,
			const struct connect_msg_grant *g,
			struct connect_problem *p);
/* A grant that the keeper is asked for: who waits for it writes down who it
 * was that gave it.  From before it is asked for until it is written. */
struct front_awaited {
	struct front_awaited *next;
	const char *connection, *subject;
};
void front_await(struct connect_front *f, struct front_awaited *a,
		 const char *connection, const char *subject);
void front_await_end(struct connect_front *f, struct front_awaited *a);
enum front_granted {
	FRONT_GRANTED_KNOWN,   /* it is in its row, or there is none */
	FRONT_GRANTED_NEWS,    /* it was written into it, and into the audit */
	FRONT_GRANTED_AWAITED, /* who waits for it writes it; ask again */
};
/* What the keeper remembers of a grant; inside a transaction, when the row
 * says how it stands. */
int front_granted_told(struct connect_front *f, struct store_conn *c,
		       const struct connect_msg_status *m,
		       enum front_granted *out);

/* ---- front_former.c: the account that a consent takes the place of ---- */

struct front_former {
	bool connected;
	char account[256]; /* "": not known */
};
/* As it is before the consent is finished; r: as it was loaded then. */
int front_former_load(struct store_conn *c, const struct front_row *r,
		      const char *subject, struct front_former *out);
/* That its access lives on at the provider, and what to do; "" where it does
 * not, or the account is the same.  Whether it is known to be another one: the
 * words say "if" where it is not. */
bool front_former_words(const struct front_former *former,
			const struct binding *b, const char *account, char *out,
			size_t size);
/* Whether the provider ends, with one grant, all that the OAuth app has of the
 * account, as the catalogue says it now. */
bool front_ends_all(struct connect_front *f, const struct front_row *r);

/* ---- front_scopes.c: asked for, and granted ---- */

/*
 * Reads a list of scopes that a person has given: the one way in.  They must
 * be able to be scopes, and of a list that the method asks for; unknown ones
 * are fine.  One that the definition says is another spelling becomes the
 * service's own, and is noted; so is one that is probably meant otherwise,
 * which stays.  *t gets a list of its own; all of it in the arena.
 */
struct front_scope_reader {
	const struct service *service;
	const struct catalog_method *method; /* NULL: gone */
	struct store_conn *db;		     /* for its words */
	struct arena *arena;
	struct connect_scope_notes *notes;
	struct connect_problem *problem;
};
int front_scopes_read(struct front_scope_reader *r, bool second,
		      struct connect_texts *t);
/* A list's scopes as they are sent: joined by the method's separator; "" for
 * none, or when the method does not ask for this list. */
int front_scope_join(const struct binding *b, bool second,
		     const struct connect_texts *t, char *out, size_t size);
/* What a consent asks for, kept until its end: the row's two lists, which
 * may be edited meanwhile; and whom, as front_issuer_whom() says it ("" of one
 * that was begun before that was kept). */
enum { FRONT_WHOM_SIZE = 2 * VAULT_HASH_SIZE + 1 };
int front_asked_json(const struct front_row *r, const char *whom,
		     struct buf *out);
int front_asked_of_json(struct slice text, struct arena *arena,
			struct connect_texts *first,
			struct connect_texts *second,
			char whom[FRONT_WHOM_SIZE]);
/* Appends a JSON list of what was granted: as told, else as asked. */
int front_scopes_granted(const struct binding *b, const struct front_row *r,
			 const struct connect_msg_grant *g, struct arena *arena,
			 struct buf *out);
/* Scopes of either list that were asked for and not given, by spaces; in the
 * arena.  "" when the provider did not tell. */
const char *front_scopes_missing(const struct binding *b,
				 const struct front_row *r,
				 const struct connect_msg_grant *g,
				 struct arena *arena);

/* ---- front_grant.c ---- */

/*
 * Asks the keeper something about a connection's grant: of a connection that
 * each user connects for himself the actor's, or all of them where there is
 * no actor.  Otherwise as front_ask().
 */
int front_grant_ask(struct connect_front *f, const struct front_row *r,
		    const struct connect_who *who, enum connect_message type,
		    uint64_t generation, uint32_t timeout_ms,
		    struct secret **reply, struct connect_problem *p,
		    struct connect_msg_problem *why);
/* Upstream first, then at the keeper; the row is the caller's.  A grant that
 * was never there is no error. */
int front_grant_revoke(struct connect_front *f, const struct front_row *r,
		       const struct connect_who *who,
		       struct connect_revoked *revoked,
		       struct connect_problem *p);

/* ---- front_maker.c: who asked for a consent ---- */

/*
 * Whether he may still do what he asked for: rights that he had when he made
 * the ticket may have ended since.  subject "": the connection's own grant.
 * By: a member's id; with: the id of his API key, or "".  Not for
 * conversations, whose consents end with them.
 */
int front_maker_may(struct store_conn *c, const struct front_row *r,
		    const char *subject, const char *by, const char *with,
		    struct connect_problem *p);
enum { FRONT_ASKED_SIZE = PEOPLE_EMAIL_SIZE + 20 };
/* "Asked for by …." for the audit; "" for nobody's. */
void front_maker_words(struct store_conn *c, const char *org, const char *by,
		       char out[FRONT_ASKED_SIZE]);

/* ---- front_issuer.c: who answers must be who was asked ---- */

/* A hash of the endpoints and the issuer that a consent was begun with. */
void front_issuer_whom(const struct binding *b, char out[FRONT_WHOM_SIZE]);
/* The callback's `iss` (NULL: it had none), by the definition as it is now,
 * which must still be that of whom ("": not known). */
int front_issuer_check(const struct binding *b, const char *iss,
		       const char *whom, struct connect_problem *p);

/* ---- front_redirect.c: where the provider sends the browser back to ---- */

/* A service's redirect URI: a custom one's own, else that of all default ones.
 * ERR_TOO_LARGE with *p. */
int front_redirect_uri(const struct connect_front *f, const struct service *s,
		       char out[CONNECT_URL_SIZE], struct connect_problem *p);
/* Whether it (as a consent was begun with it) is where a browser has come to:
 * that of the custom service with this id, or (NULL) of all default ones. */
bool front_redirect_is_at(const struct connect_front *f, const char *uri,
			  const char *custom);

/* ---- front_consent.c ---- */

/* Stores a ticket; v NULL: not for a conversation. */
int front_ticket_make(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const struct front_row *r,
		      const struct connect_visit *v, struct arena *arena,
		      struct connect_ticket *out, struct connect_problem *p);
/* Only consent goes through a browser; and there must be an app for it. */
int front_authorize_check(struct connect_front *f, struct store_conn *c,
			  const struct front_row *r, struct connect_problem *p);
/* What a person has disabled is not connected by anybody's consent. */
int front_not_disabled(const struct front_row *r, struct connect_problem *p);

/* ---- front_connection.c ---- */

int front_name_check(const char *name, struct connect_problem *p);
/* A typed credential (values are taken) to the keeper. */
int front_credential_send(struct connect_front *f, const struct front_row *r,
			  const struct connect_who *who, struct binding *b,
			  struct json_secret *values, size_t count,
			  bool untested, struct connect_msg_grant *g,
			  struct connect_problem *p);

#endif
