/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the keeper (keeper*.c).
 *
 * One thread, one loop, one database connection.  What happens to a grant is
 * decided here and nowhere else.
 */
#ifndef CONNECT_KEEPER_PRIV_H
#define CONNECT_KEEPER_PRIV_H

#include "connect/message.h"
#include "connect/roles.h"
#include "store/store.h"
#include "vault/vault.h"

struct keeper {
	struct proc_env *env;
	struct loop *loop;
	struct keeper_ring *ring; /* master keys; keeper_keys_priv.h */
	struct store *store;
	struct store_conn *db;
	struct proc_channel *front;
	struct proc_channel *exchanger;
	struct table *active;		  /* struct keeper_active, by grant */
	uint64_t change;		  /* the last that was given out */
	struct loop_timer tidy;		  /* forgets expired consents */
	struct connect_msg_counts counts; /* what is counted in memory */
};

/* ---- keeper_row.c: rows of grants ---- */

/* A grant as it is stored, without what is sealed. */
struct keeper_row {
	struct connect_msg_subject who; /* with the generation now */
	char app[64];
	enum connect_status status;
	char reason[256];
	bool suspended;
	int64_t obtained_at;
	int64_t expires_at; /* of the access token; 0: never */
	uint64_t intent;    /* generation that a refresh was sent for; 0 */
	int64_t lease_until;
	bool in_doubt;
	unsigned failures;
	bool degraded;
	char health_reason[256];
	int64_t retry_at;
	uint64_t refused; /* see the migration */
};

/* ERR_NOT_FOUND; ERR_STORE. */
int keeper_row_load(struct keeper *k, const struct connect_msg_subject *who,
		    struct keeper_row *out);
/* Writes all of it with a new change number, and with these sealed bytes
 * (ptr NULL: they stay).  Inside a transaction. */
int keeper_row_save(struct keeper *k, const struct keeper_row *r,
		    struct slice sealed);
/* Tells the front what people are to see; after the commit.  app: the one
 * that is misconfigured, or NULL. */
void keeper_row_tell(struct keeper *k, const struct keeper_row *r,
		     const char *app, const char *data_centre);
/*
 * Claims the refresh of exactly this generation: the intent is durable when
 * this returns 0.  ERR_CONFLICT when the generation has moved on or another
 * holds the lease.
 */
int keeper_row_claim(struct keeper *k, struct keeper_row *r, int64_t lease_ms);
/* Appends the sealed bytes. */
int keeper_row_sealed(struct keeper *k, const struct keeper_row *r,
		      struct buf *out);
/* Notes a token request; inside a transaction. */
int keeper_row_note_request(struct keeper *k, const struct keeper_row *r,
			    int64_t now_ms);
/* When a further token request is within the service's quota: 0 now, else
 * the wall time. */
int64_t keeper_row_quota(struct keeper *k, const struct keeper_row *r,
			 const struct binding *b, int64_t now_ms);
/* All rows and data key of a connection. */
int keeper_row_forget(struct keeper *k, const char *connection);
/* At the start: claims of the keeper before this one are free. */
int keeper_row_recover(struct keeper *k);
int keeper_row_changes(struct keeper *k, uint64_t after, struct proc_pack *out);
int keeper_row_suspend(struct keeper *k, const struct connect_msg_subject *who,
		       bool suspend);

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

struct keeper_app {
	char org[CONNECT_ID_SIZE];
	char app[64];
	char data_centre[32]; /* of the row that was found */
	char client_id[512];
	struct secret *client_secret;
	char **endpoints;
	size_t endpoint_count;
	int64_t flagged_at;
};

void keeper_app_release(struct keeper_app *a);
/* The app for a binding: of its data centre, else the one for all.
 * ERR_NOT_FOUND. */
int keeper_app_load(struct keeper *k, const char *org, const struct binding *b,
		    struct keeper_app *out);
/* Whether its secret may go to this URL. */
bool keeper_app_allows(const struct keeper_app *a, const char *url);
int keeper_app_flag(struct keeper *k, const struct keeper_app *a, bool flag);
void keeper_app_put(struct proc_request *rq, struct proc_unpack *in, void *k);

/* ---- keeper_active.c: grants that something happens to ---- */

/* Somebody who waits for a token. */
struct keeper_wait {
	struct proc_request *rq;
	bool wants_grant;    /* replies with msg_grant, not msg_injection */
	uint64_t newer_than; /* no token of this generation or before; 0: any */
	struct keeper_wait *next;
};

/*
 *            ask / timer                 the exchanger answers
 *   IDLE ───────────────> ASKING ───────────────────────────────> IDLE
 *     (claim is committed)   │                (outcome is committed)  ^
 *                            └──> STORING: commit failed, tried again ┘
 */
enum keeper_state { KEEPER_IDLE, KEEPER_ASKING, KEEPER_STORING };

struct keeper_active {
	struct keeper *keeper;
	char key[CONNECT_ID_SIZE + 64 + 2];
	struct keeper_row row;
	enum keeper_state state;
	bool in_use; /* this generation was given out */
	bool forced; /* the next start is a person's wish */
	struct keeper_wait *waits;
	struct proc_call call;
	struct loop_timer timer; /* the refresh ahead, the retry, STORING */
	/* While ASKING and STORING: */
	struct keeper_app app;
	struct keeper_payload payload;
	struct keeper_row next; /* to be stored */
};

/* The active object of a grant with its row loaded anew; made if need be. */
int keeper_active_get(struct keeper *k, const struct connect_msg_subject *who,
		      struct keeper_active **out);
/* Frees it unless something happens to it. */
void keeper_active_put(struct keeper_active *a);
/* The connection is gone, or has another credential: nobody waits on. */
void keeper_active_drop(struct keeper *k, const char *connection);
void keeper_active_free_all(struct keeper *k);

/* ---- keeper_refresh.c ---- */

/* How long before its end a token is not given out any more, and when it is
 * renewed ahead. */
int64_t keeper_refresh_unsafe_at(const struct keeper_row *r);
int64_t keeper_refresh_due_at(const struct keeper_row *r,
			      const struct binding *b);
/* Whether there is a way to a new token at all. */
bool keeper_refresh_possible(const struct keeper_payload *p);
/*
 * Starts one unless it is under way.  Otherwise problem is filled: ERR_BUSY
 * (retry_after_s), ERR_NOT_FOUND (no app), ERR_FORBIDDEN, ERR_WRONG_STATE
 * (there is no way to a new token).
 */
int keeper_refresh_start(struct keeper_active *a,
			 struct connect_msg_problem *problem);
/* Arms the timer of the refresh ahead: this generation is in use. */
void keeper_refresh_ahead(struct keeper_active *a, const struct binding *b);
/* The token request for a payload, filled from app and payload; borrows. */
void keeper_refresh_ask(struct keeper *k, const struct connect_msg_token *m,
			struct proc_call *call,
			void (*done)(struct proc_call *, int,
				     struct proc_unpack *));
/* The answer, or what the lack of one means.  Release it. */
void keeper_refresh_read(int err, struct proc_unpack *in,
			 struct connect_msg_token_answer *out);
/* Moves what a token answer brought into row and payload: tokens, times. */
int keeper_refresh_take(struct keeper_row *r, struct keeper_payload *p,
			struct method_answer *a, int64_t now_ms);
/* What the provider said, or why it could not be asked, in words. */
void keeper_refresh_words(const struct connect_msg_token_answer *a, char *out,
			  size_t size);
/* Stores that the grant is of no use any more (needs_reconnect), with this
 * reason; tells the front. */
void keeper_refresh_dead(struct keeper *k, struct keeper_row *r,
			 const char *reason);

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
void keeper_revoke(struct proc_request *rq, struct proc_unpack *in, void *k);

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
/* a (NULL: none) is the answer that it came with. */
void keeper_reply_grant(struct proc_request *rq, const struct keeper_row *r,
			const struct keeper_payload *p,
			const struct method_answer *a, const char *account);

#endif
