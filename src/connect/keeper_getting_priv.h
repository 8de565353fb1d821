/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the keeper's files that get tokens: how one comes by consent
 * (keeper_consent.c) or by what somebody typed (keeper_credential.c,
 * keeper_trial.c), is asked for (keeper_exchange.c), brings values with it
 * (keeper_capture.c, keeper_lookup.c), and is stored (keeper_granted.c),
 * perhaps with the refresh token that was there (keeper_kept.c).
 */
#ifndef CONNECT_KEEPER_GETTING_PRIV_H
#define CONNECT_KEEPER_GETTING_PRIV_H

#include "connect/keeper_priv.h"

/*
 * Tokens being got for one request of the front's.  On the heap; whoever has
 * it hands it on to the next of these steps, and the last one answers rq and
 * frees it.
 */
struct keeper_getting {
	struct keeper *keeper;
	struct proc_request *rq;
	struct connect_msg_subject who;
	struct keeper_payload payload;
	struct keeper_app app;
	struct secret *verifier; /* of PKCE; NULL: none */
	int64_t asked_at;	 /* the keeper's time */
	char redirect_uri[CONNECT_URL_SIZE];
	struct proc_call call;
	struct method_answer answer;
	char account[256];
	size_t lookup;	  /* the next */
	bool had_refresh; /* the grant before had a refresh token … */
	bool kept;	  /* … which stays, since no other has come … */
	bool narrower;	  /* … though it was given for other scopes */
};

/* ---- keeper_exchange.c ---- */

/* With all that it holds, wiped; NULL is fine.  Does not answer rq. */
void keeper_getting_free(struct keeper_getting *g);
/* Answers rq with this problem, and frees g; tokens that have come are given
 * back upstream, or the answer says that they are not. */
void keeper_getting_fail(struct keeper_getting *g, int err, const char *code,
			 const char *detail);
/* Loads the binding's OAuth app.  ERR_NOT_FOUND; ERR_FORBIDDEN: its secret
 * was not given for this token endpoint; rq is answered then, and g is still
 * the caller's. */
int keeper_getting_app(struct keeper_getting *g);
/* Sends the token request (code: of METHOD_EXCHANGE, borrowed; else NULL) and
 * takes g: all that follows, to the answer, is its own. */
void keeper_getting_ask(struct keeper_getting *g, enum method_request what,
			struct secret *code);

/* ---- keeper_capture.c ---- */

/* Take what the callback, or the token answer in g, brought into the binding.
 * ERR_FORBIDDEN, ERR_PROTOCOL: the consent is refused, and detail (of size
 * bytes) says why. */
int keeper_captures_of_callback(struct keeper_getting *g,
				const struct connect_msg_finish *m,
				char *detail, size_t size);
int keeper_captures_of_token(struct keeper_getting *g, char *detail,
			     size_t size);

/* ---- keeper_lookup.c ---- */

/* Sends look-up number g->lookup with the new token, or goes on to the end
 * (keeper_getting_finish).  Takes g. */
void keeper_getting_look_up(struct keeper_getting *g);

/* ---- keeper_granted.c ---- */

/* Takes g: stores the grant, answers, revokes the one that was there. */
void keeper_getting_finish(struct keeper_getting *g);
/* The row that a new credential goes into: as it is stored, or a new one.
 * ERR_STORE. */
int keeper_granted_row(struct keeper *k, const struct connect_msg_subject *who,
		       struct keeper_row *out);

/* ---- keeper_kept.c ---- */

/* Before the answer is taken: where no refresh token has come, puts the one of
 * row into the payload if it is of the same access. */
void keeper_kept_take(struct keeper_getting *g, const struct keeper_row *row);
/* It could not be stored: the payload's own tokens are left. */
void keeper_kept_drop(struct keeper_getting *g);
/* What people should know of that, or "". */
const char *keeper_kept_words(const struct keeper_getting *g,
			      const struct keeper_row *row);

/* ---- keeper_credential.c ---- */

/* Stores what a person gave as the next generation of row, and answers rq; or
 * answers that it could not be, where rc says so already. */
void keeper_credential_store(struct keeper *k, struct proc_request *rq, int rc,
			     struct keeper_row *row,
			     const struct keeper_payload *p,
			     const char *account);

/* ---- keeper_trial.c ---- */

/* Whether a credential for this row is to be tested, and by which of the
 * definition's tests. */
bool keeper_trial_find(const struct keeper_row *row, const struct binding *b,
		       const struct method_injection *add, size_t *index);
/* Takes rq, the binding and the fields of m: tests with add, stores (or not)
 * and answers. */
void keeper_trial_start(struct keeper *k, struct proc_request *rq,
			const struct keeper_row *row,
			struct connect_msg_credential *m,
			const struct method_injection *add, size_t index);

#endif
