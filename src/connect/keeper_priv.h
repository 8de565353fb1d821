/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the keeper (keeper*.c).
 *
 * One thread, one loop, one database connection.  What happens to a grant is
 * decided here and nowhere else.
 */
#ifndef CONNECT_KEEPER_PRIV_H
#define CONNECT_KEEPER_PRIV_H

#include "catalog/catalog.h"
#include "connect/message.h"
#include "connect/roles.h"
#include "store/store.h"
#include "vault/vault.h"

/* The keeper's time: see keeper_clock.c. */
struct keeper_clock {
	int64_t base_ms;  /* when it started */
	uint64_t boot_ms; /* the machine's steady time then */
	int64_t ahead_ms; /* of the wall clock, when last looked */
	bool unsure;	  /* how old what is stored is */
};

struct keeper {
	struct proc_env *env;
	struct loop *loop;
	struct keeper_ring *ring; /* master keys; keeper_keys_priv.h */
	struct store *store;
	struct store_conn *db;
	struct proc_channel *front;
	struct proc_channel *exchanger;
	struct table *active;	   /* struct keeper_active, by grant */
	uint64_t change;	   /* the last that was given out */
	char node[RANDOM_ID_SIZE]; /* this data folder: holds leases */
	struct keeper_clock clock;
	struct loop_timer tidy;	   /* forgets expired consents */
	struct loop_timer tick;	   /* looks at the clock */
	struct loop_timer keep;	   /* the next grants to keep alive */
	int64_t keep_turn_at;	   /* when it looks for them next */
	unsigned keeping;	   /* such refreshes under way */
	struct revoking *revoking; /* those that wait for a refresh */
	unsigned under_way;	   /* requests at the exchanger */
	bool stopping;		   /* no new ones, but for these */
	struct loop_timer stop;
	int64_t counted_at;		   /* counts of rows are of then */
	struct connect_counts counts;	   /* what is counted in memory */
	struct connect_msg_egress *egress; /* as told; NULL: not yet */
	struct catalog *defaults; /* to tell apps of before; NULL: not yet */
};

extern const struct proc_message keeper_messages[];    /* keeper.c */
extern const struct proc_message keeper_no_messages[]; /* the exchanger's */
/* What of all grants is counted. */
enum { KEEPER_COUNTED = 6 };
extern const char *const keeper_counts_sql[KEEPER_COUNTED];

/* ---- keeper_egress.c: the owner's private destinations ---- */

void keeper_egress(struct proc_request *rq, struct proc_unpack *in, void *k);
/* Another exchanger has come. */
void keeper_egress_tell(struct keeper *k);

/* ---- keeper_clock.c: time that nobody can set ---- */

/* Now: for whatever is stored and compared.  Not to be shown to people. */
int64_t keeper_now(const struct keeper *k);
/* Shown to people (0 and less stay 0). */
int64_t keeper_to_wall(const struct keeper *k, int64_t at_ms);

/* seen_ms: the latest time that an earlier keeper has stored, or 0. */
void keeper_clock_start(struct keeper_clock *c, int64_t wall_ms,
			uint64_t boot_ms, int64_t seen_ms);
/* So, beside a keeper that counts from this anchor (0: not known); false: that
 * cannot be its own, and the time is as alone. */
bool keeper_clock_share(struct keeper_clock *c, int64_t wall_ms,
			uint64_t boot_ms, int64_t seen_ms, int64_t anchor_ms);
/* This time minus the machine's steady time: the same as long as it runs. */
int64_t keeper_clock_anchor(const struct keeper_clock *c);
int64_t keeper_clock_at(const struct keeper_clock *c, uint64_t boot_ms);
/* By how much the wall clock was set since it was last looked at; 0: not. */
int64_t keeper_clock_step(struct keeper_clock *c, int64_t wall_ms,
			  uint64_t boot_ms);

/* ---- keeper_row.c: rows of grants ---- */

/* A grant as it is stored, without what is sealed. */
struct keeper_row {
	struct connect_msg_subject who; /* with the generation now */
	uint64_t base; /* the generation as it is stored, the fence; 0: new */
	char app[64];
	enum connect_status status;
	char reason[256];
	bool suspended;
	bool leaving; /* … for good: it is only to be revoked */
	int64_t obtained_at;
	int64_t expires_at; /* of the access token; 0: never */
	uint64_t intent;    /* generation that a refresh was sent for; 0 */
	int64_t lease_until;
	char lease_by[RANDOM_ID_SIZE]; /* a node */
	/* 2: a request of this generation brought no answer; 1: one of the
	 * generation before, and may have been worked on since */
	unsigned in_doubt;
	unsigned failures;
	unsigned unexplained; /* refusals that no rule knows; of the failures */
	bool foreign_app;     /* it waits for another client id */
	bool degraded;
	char health_reason[256];
	int64_t retry_at;
	uint64_t refused; /* see the migrations for these */
	unsigned refusals;
	int64_t good_until;
	int64_t granted_at;
	uint64_t issue;
	int64_t keep_at;
	int64_t ends_at;
	char ends_why[16]; /* "no_refresh", "total_life", "refresh_token" */
	int64_t idle_ends_at;
};

/* Now, as this row's token is to be judged. */
int64_t keeper_row_now(const struct keeper *k, const struct keeper_row *r);

/* ERR_NOT_FOUND; ERR_STORE. */
int keeper_row_load(struct keeper *k, const struct connect_msg_subject *who,
		    struct keeper_row *out);
/* Writes all of it with a new change number, and with these sealed bytes
 * (ptr NULL: they stay).  Inside a transaction.  ERR_CONFLICT when the stored
 * generation is not r->base any more; else base is what was written. */
int keeper_row_save(struct keeper *k, struct keeper_row *r,
		    struct slice sealed);
/* Tells the front what people are to see; after the commit.  app: the one
 * that is misconfigured, or NULL. */
void keeper_row_tell(struct keeper *k, const struct keeper_row *r,
		     const char *app, const char *data_centre);
/*
 * Claims the refresh of exactly this generation, for KEEPER_LEASE_MS; inside a
 * transaction, whose commit makes the intent durable.  ERR_CONFLICT when the
 * generation or the status has moved on, or another holds the lease.
 */
int keeper_row_claim(struct keeper *k, struct keeper_row *r);
struct keeper_payload;
/* Seals and saves, in a transaction of its own; as keeper_row_save().
 * brought: with a grant that was given; NULL: it was before. */
int keeper_row_store(struct keeper *k, struct keeper_row *r,
		     const struct keeper_payload *p,
		     const struct connect_msg_grant *brought);
/* Appends the sealed bytes. */
int keeper_row_sealed(struct keeper *k, const struct keeper_row *r,
		      struct buf *out);
/* Notes a token request; inside a transaction. */
int keeper_row_note_request(struct keeper *k, const struct keeper_row *r,
			    int64_t now_ms);
/* Another refresh token is there: what was asked with the old one does not
 * count for it.  Inside a transaction. */
int keeper_row_forget_requests(struct keeper *k, const struct keeper_row *r);
/* When a further token request is within the service's quota: 0 now, else
 * the wall time. */
int64_t keeper_row_quota(struct keeper *k, const struct keeper_row *r,
			 const struct binding *b, int64_t now_ms);
/* All rows and data key of a connection; or the rows of one subject, where
 * that is not "". */
int keeper_row_forget(struct keeper *k, const char *connection,
		      const char *subject);
/* One subject's row, if it was left and not granted anew. */
int keeper_row_forget_left(struct keeper *k, const char *connection,
			   const char *subject);
/* At the start, with k->node set: claims of this node's keeper before are
 * free, and the clock goes on where it was; beside another keeper both stay
 * that one's. */
int keeper_row_recover(struct keeper *k);
/* Stores the time, for the clock of the keeper after this one. */
int keeper_row_seen(struct keeper *k);
int keeper_row_changes(struct keeper *k, uint64_t after, struct proc_pack *out);
/* Packs the answer of CONNECT_KEEPER_LEFT. */
extern const char keeper_row_left_sql[];
int keeper_row_left(struct keeper *k, const struct connect_msg_subject *after,
		    struct proc_pack *out);
int keeper_row_suspend(struct keeper *k, const struct connect_msg_subject *who,
		       enum connect_suspend how);

/* ---- keeper_brought.c: what came with a grant when it was given ---- */

#define KEEPER_BROUGHT_COLUMNS \
	"granted, account, data_centre, scope, second_scope, has_scope, " \
	"warning"

/* Of the generation that the row has been saved with; in that transaction. */
int keeper_brought_save(struct keeper *k, const struct keeper_row *r,
			const struct connect_msg_grant *g);
/* What people should know of it, as is seen afterwards. */
int keeper_brought_warn(struct keeper *k, const struct keeper_row *r,
			const char *warning);
/* From these columns, the first of which is col.  Times are left 0; generation
 * 0: nothing is known. */
void keeper_brought_read(struct store_stmt *st, int col,
			 struct connect_msg_grant *out);
void keeper_brought_load(struct keeper *k,
			 const struct connect_msg_subject *who,
			 struct connect_msg_grant *out);

/* ---- keeper_seal.c: what is sealed ---- */

/* A grant's secrets and what they are bound to. */
struct keeper_payload {
	struct binding *binding;
	char client_id[512]; /* of OAuth: whose tokens they are */
	char scope[CONNECT_SCOPES_SIZE];
	int64_t refresh_expires_at; /* 0: unknown */
	/* The fields that a person gave; or access_token, refresh_token. */
	struct method_credential fields;
};

void keeper_payload_release(struct keeper_payload *p);
/* For the generation in who. */
int keeper_payload_seal(struct keeper *k, const struct connect_msg_subject *who,
			const struct keeper_payload *p, struct buf *out);
/* ERR_CRYPTO; ERR_NOT_FOUND. */
int keeper_payload_open(struct keeper *k, const struct keeper_row *r,
			struct keeper_payload *out);
/* Packed fields (taken) under the data key of owner, made if there is none;
 * and back. */
int keeper_seal(struct keeper *k, const char *owner, const char *identity,
		struct proc_pack *fields, struct buf *out);
int keeper_open(struct keeper *k, const char *owner, const char *identity,
		struct slice sealed, struct secret **out);

/* The data key of an owner; ERR_NOT_FOUND; ERR_CRYPTO. */
int keeper_datakey_read(struct keeper *k, const char *owner,
			struct secret **out);
/* As what a row is sealed. */
void keeper_grant_identity(const struct connect_msg_subject *who, char *out,
			   size_t size);
void keeper_consent_identity(const unsigned char *state, char *out,
			     size_t size);
void keeper_app_identity(const char *org, const char *app,
			 const char *data_centre, int64_t version, char *out,
			 size_t size);

/* ---- keeper_restore.c ---- */

/* Puts before the reason that the grant came out of a backup, if it did. */
void keeper_restore_words(struct keeper *k,
			  const struct connect_msg_subject *who, char *reason,
			  size_t size);

/* ---- keeper_app.c: OAuth apps ---- */

/* Whose app it is; never a custom service's and a default one's at once. */
enum keeper_app_of {
	KEEPER_APP_UNTOLD, /* set before that was sealed with it */
	KEEPER_APP_DEFAULT,
	KEEPER_APP_CUSTOM
};

struct keeper_app {
	char org[CONNECT_ID_SIZE];
	char app[64];
	char data_centre[32]; /* of the row that was found */
	char client_id[512];
	struct secret *client_secret;
	char **endpoints;
	size_t endpoint_count;
	enum keeper_app_of of;
	int64_t flagged_at; /* 0: it is not */
	int64_t foreign_at; /* grants wait for another client id; 0: none */
};

void keeper_app_release(struct keeper_app *a);
/* The app for a binding: of its data centre, else the one for all.
 * ERR_NOT_FOUND, also where it is not for such a service. */
int keeper_app_load(struct keeper *k, const char *org, const struct binding *b,
		    struct keeper_app *out);
/* So, for a grant that this client id was given: of these two the one that has
 * it.  ERR_CONFLICT: neither has; out is what is there, to be released. */
int keeper_app_of(struct keeper *k, const char *org, const struct binding *b,
		  const char *client_id, struct keeper_app *out);
/* Whether its secret may go to this URL of the binding. */
bool keeper_app_allows(const struct keeper_app *a, const struct binding *b,
		       const char *url);
/* The provider has refused it: it is left alone for a while. */
int keeper_app_flag(struct keeper *k, const struct keeper_app *a);
/* People see at the app what the provider has refused of it: at a consent,
 * where there is no grant yet to tell it with.  "": nothing any more. */
void keeper_app_tell(struct keeper *k, const struct keeper_app *a,
		     const char *why);
/* The provider has given tokens to it; if it was flagged, it is so no more
 * (unless grants wait for another client id), and people see that. */
void keeper_app_works(struct keeper *k, const struct keeper_app *a);
/* Once more, of those that work again, and of those whose grants wait for
 * another client id: the front may not have heard of it. */
void keeper_app_tell_again(struct keeper *k);
void keeper_app_put(struct proc_request *rq, struct proc_unpack *in, void *k);

/* ---- keeper_foreign.c: the app was replaced by another ---- */

struct keeper_active;
/* The app in a has another client id than its grant: the grant waits, and both
 * say so.  problem is filled, for ERR_BUSY. */
void keeper_foreign_wait(struct keeper_active *a,
			 struct connect_msg_problem *problem);
/* The app was set: grants that wait for another client id are tried soon.
 * Inside a transaction. */
int keeper_foreign_try(struct keeper *k, const char *org, const char *app);
/* Whether any still waits for another client id than this app's. */
bool keeper_foreign_left(struct keeper *k, const struct keeper_app *a);

/* ---- keeper_active.c: grants that something happens to ---- */

/* Somebody who waits for a token. */
struct keeper_wait {
	struct proc_request *rq;
	bool wants_grant;    /* replies with msg_grant, not msg_injection */
	uint64_t newer_than; /* no token of this generation or before; 0: any */
	struct keeper_wait *next;
};

/*
 *              claimed                the exchanger answers
 *   IDLE ───────────────────> ASKING ───────────────────────> IDLE
 *    │ ^     (committed)        │      (outcome committed)      ^
 *    │ │                        └──> STORING ───────────────────┘
 *    │ │                             (commit failed, tried again)
 *    │ └───────────────── WATCHING
 *    └── claim is taken ─────^  until the generation moves on, the claim is
 *                               given back, or its lease is over; or, where
 *                               too much is under way, until it is less
 */
enum keeper_state {
	KEEPER_IDLE,
	KEEPER_WATCHING,
	KEEPER_ASKING,
	KEEPER_STORING,
};

struct keeper_active {
	struct keeper *keeper;
	char key[CONNECT_ID_SIZE + 64 + 2];
	struct keeper_row row;
	enum keeper_state state;
	bool in_use;  /* this generation was given out */
	bool forced;  /* the next start, or what is watched, is a person's */
	bool keeping; /* what is under way keeps it alive */
	bool queued;  /* WATCHING: until fewer requests are under way */
	struct keeper_wait *waits;
	struct proc_call call;
	/* the refresh ahead, the retry, WATCHING, STORING */
	struct loop_timer timer;
	/* While ASKING and STORING: */
	int64_t asked_at;
	struct keeper_app app;
	struct keeper_payload payload;
	struct keeper_row next; /* to be stored */
};

/* The active object of a grant with its row loaded anew; made if need be. */
int keeper_active_get(struct keeper *k, const struct connect_msg_subject *who,
		      struct keeper_active **out);
/* Likewise, with the row as it is stored now: what is under way keeps the one
 * that it began with. */
int keeper_active_look(struct keeper *k, const struct connect_msg_subject *who,
		       struct keeper_row *now, struct keeper_active **out);
/* Frees it unless something happens to it. */
void keeper_active_put(struct keeper_active *a);
/* Whether new tokens still wait to be stored. */
bool keeper_active_storing(struct keeper *k);
/* The connection is gone, or (subject not "") this one's grant: nobody waits
 * on. */
void keeper_active_drop(struct keeper *k, const char *connection,
			const char *subject);
void keeper_active_free_all(struct keeper *k);

/* ---- keeper_when.c ---- */

/* When it is renewed ahead, with some jitter. */
int64_t keeper_refresh_due_at(const struct keeper_row *r,
			      const struct binding *b);
/* Before then the service renews nothing (Exact Online); 0: any time. */
int64_t keeper_refresh_opens_at(const struct keeper_row *r,
				const struct binding *b);
/* Whether there is a way to a new token at all. */
bool keeper_refresh_possible(const struct keeper_payload *p);
/* Sets all instants that follow from obtained_at, expires_at and granted_at
 * and from what the definition and the provider say. */
void keeper_when_set(struct keeper_row *r, const struct keeper_payload *p);

/* ---- keeper_refresh.c, keeper_outcome.c ---- */

enum {
	KEEPER_FLAGGED_MS = 10 * 1000, /* between tries with a bad app */
	/* A claim outlives the request that it is for. */
	KEEPER_LEASE_MS = CONNECT_TOKEN_MS + 10 * 1000,
	/* While so many requests are under way, of whichever kind, no refresh
	 * is begun.  The exchanger takes 256: what cannot wait in turn (a
	 * consent, a revocation) finds room. */
	KEEPER_REFRESHES_MOST = 192,
	/* One that has more time left was not taken by any clock that agrees
	 * with ours to within a lease. */
	KEEPER_LEASE_MOST_MS = 2 * KEEPER_LEASE_MS,
};

/*
 * Starts one unless it is under way.  Otherwise problem is filled: ERR_BUSY
 * (retry_after_s), ERR_NOT_FOUND (no app), ERR_FORBIDDEN, ERR_WRONG_STATE
 * (there is no way to a new token).
 */
int keeper_refresh_start(struct keeper_active *a,
			 struct connect_msg_problem *problem);
/* It is over: answers whoever waits (see keeper_inject_answer_all); may free
 * the object. */
void keeper_refresh_end(struct keeper_active *a, int err,
			const struct connect_msg_problem *problem);
/* The exchanger has answered. */
void keeper_refresh_done(struct proc_call *call, int err,
			 struct proc_unpack *in);
/* Arms the timer of the refresh ahead: this generation is in use. */
void keeper_refresh_ahead(struct keeper_active *a, const struct binding *b);
/* The request for new tokens, of app and payload; borrows from both. */
void keeper_refresh_fill(const struct keeper_payload *p,
			 const struct keeper_app *app,
			 struct connect_msg_token *m);
/* Sends a token request. */
void keeper_refresh_ask(struct keeper *k, const struct connect_msg_token *m,
			struct proc_call *call,
			void (*done)(struct proc_call *, int,
				     struct proc_unpack *));
/* The answer to one such request, or what the lack of one means.  Release
 * it. */
void keeper_refresh_read(struct keeper *k, int err, struct proc_unpack *in,
			 struct connect_msg_token_answer *out);
/* Whether it was not sent for want of room or memory at this end. */
bool keeper_refresh_was_declined(const struct connect_msg_token_answer *a);
/* Moves what a token answer brought into row and payload: tokens, times;
 * asked_at is the keeper's time. */
int keeper_refresh_take(struct keeper_row *r, struct keeper_payload *p,
			struct method_answer *a, int64_t asked_at);
/* What the provider said, or why it could not be asked, in words. */
void keeper_refresh_words(const struct connect_msg_token_answer *a, char *out,
			  size_t size);
/* Stores that the grant is of no use any more (needs_reconnect), with this
 * reason; tells the front.  ERR_CONFLICT with *r as it is now. */
int keeper_refresh_dead(struct keeper *k, struct keeper_row *r,
			const char *reason);

/* ---- keeper_keep.c: grants that die if nobody uses them ---- */

/* Looks for them from now on, also for those of before the start. */
void keeper_keep_start(struct keeper *k);
/* Some were made due now. */
void keeper_keep_soon(struct keeper *k);
/* This one was stored: looks in time, if that is soon. */
void keeper_keep_sooner(struct keeper *k, const struct keeper_row *r);
/* The refresh is over, if it was one of these. */
void keeper_keep_ended(struct keeper_active *a);

/* ---- keeper_token.c: how many refresh tokens there are ---- */

/* One was issued for this row (and is its own from now on): inside the
 * transaction that stores the row. */
int keeper_token_note(struct keeper *k, const struct keeper_row *r,
		      const char *client_id, const char *account);
/* The account that this row's was given by, as noted; "": not known.
 * ERR_NOT_FOUND. */
int keeper_token_account(struct keeper *k, const struct keeper_row *r,
			 char *out, size_t size);
/* It is confirmed to be of no use any more. */
void keeper_token_forget(struct keeper *k, const struct keeper_row *r);
/* What the service's quota says of this account now: "" or a warning in
 * words.  The grant that the provider has thereby ended, if there is one, is
 * told to be degraded. */
void keeper_token_warn(struct keeper *k, const struct keeper_row *r,
		       const struct binding *b, const char *client_id,
		       const char *account, char *out, size_t size);

/* ---- handlers by file ---- */

void keeper_inject(struct proc_request *rq, struct proc_unpack *in, void *k);
void keeper_refused(struct proc_request *rq, struct proc_unpack *in, void *k);
void keeper_refresh(struct proc_request *rq, struct proc_unpack *in, void *k);
/* Answers everybody who waits as the grant is now; problem NULL: it is good. */
void keeper_inject_answer_all(struct keeper_active *a, int err,
			      const struct connect_msg_problem *problem);
/* Adds somebody who waits; takes rq. */
void keeper_inject_wait(struct keeper_active *a, struct proc_request *rq,
			bool wants_grant, uint64_t newer_than);
void keeper_credential(struct proc_request *rq, struct proc_unpack *in,
		       void *k);
void keeper_consent_begin(struct proc_request *rq, struct proc_unpack *in,
			  void *k);
void keeper_consent_finish(struct proc_request *rq, struct proc_unpack *in,
			   void *k);
/*
 * A grant that is about to be replaced: NULL when there is none to revoke.
 * When the new one is committed, replaced() revokes the old one upstream and
 * frees it; with now NULL it only frees.
 */
struct revoking;
struct revoking *keeper_revoke_prepare(struct keeper *k,
				       const struct connect_msg_subject *who);
void keeper_revoke_replaced(struct revoking *old,
			    const struct keeper_payload *now);
/* Tokens that came and that nobody will use: given back upstream. Takes what
 * p holds. */
void keeper_revoke_orphan(struct keeper *k, const struct keeper_row *r,
			  struct keeper_payload *p);
/* Likewise those of a consent that came to nothing, of which no row is stored.
 * NULL; or, where they are left as they are, why and what to do, in words. */
const char *keeper_revoke_unstored(struct keeper *k,
				   const struct connect_msg_subject *who,
				   struct keeper_payload *p);
void keeper_revoke(struct proc_request *rq, struct proc_unpack *in, void *k);
/* Those that wait for a refresh; at the end. */
void keeper_revoke_free_all(struct keeper *k);
/* Whether it was revoked here, and the provider has not confirmed that. */
bool keeper_revoke_lives(const struct keeper_row *r);

/* ---- replies ---- */

void keeper_fail(struct proc_request *rq, int err,
		 const struct connect_msg_problem *problem);
/* A problem made on the spot. */
void keeper_fail_with(struct proc_request *rq, int err, const char *code,
		      enum connect_status status, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void keeper_problem_set(struct connect_msg_problem *p, const char *code,
			enum connect_status status, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* a (NULL: none) is the answer that it came with; warning: for people. */
void keeper_grant_fill(struct keeper *k, const struct keeper_row *r,
		       const struct keeper_payload *p,
		       const struct method_answer *a, const char *account,
		       const char *warning, struct connect_msg_grant *out);
void keeper_reply_grant(struct keeper *k, struct proc_request *rq,
			const struct keeper_row *r,
			const struct keeper_payload *p,
			const struct method_answer *a, const char *account,
			const char *warning);

#endif
