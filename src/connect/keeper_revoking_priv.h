/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the keeper's files that take grants back: of those that people end
 * (keeper_revoke.c), and of those that nobody has any more
 * (keeper_replaced.c).
 */
#ifndef CONNECT_KEEPER_REVOKING_PRIV_H
#define CONNECT_KEEPER_REVOKING_PRIV_H

#include "connect/keeper_priv.h"

/* One grant that is taken back; on the heap. */
struct revoking {
	struct keeper *keeper;
	struct revoking *next, **prev; /* while it waits */
	struct loop_timer timer;
	struct proc_request *rq; /* NULL: nobody waits for it */
	struct keeper_row row;
	struct keeper_payload payload;
	struct keeper_app app;
	struct proc_call call;
	enum connect_revoke how;
	bool renewing;	  /* a new access token is got, to revoke with */
	bool repeated;	  /* the exchanger has died over the first request */
	uint64_t sent_ms; /* when that was made (clock_mono_ms) */
	int64_t asked_at; /* … of one that was replaced */
};

/* ---- keeper_revoke.c ---- */

/* With all that it holds, wiped; it waits no more.  Does not answer rq. */
void keeper_revoking_free(struct revoking *v);
/* Why upstream cannot be asked; NULL when it can: the app is loaded then. */
const char *keeper_revoking_obstacle(struct revoking *v);
/* Whether the provider ends all of the account's grants with this one. */
bool keeper_revoking_takes_all(const struct revoking *v);
/*
 * Whether the provider is shown the access token, and that is good for
 * nothing any more: it would refuse it, or (GitHub) call a token that it does
 * not know revoked.
 */
bool keeper_revoking_has_run_out(const struct revoking *v);
/* Why there is no way to a new one from here; NULL where there is. */
const char *keeper_revoking_cannot_renew(const struct revoking *v);
/*
 * Whether the provider is asked in the name of another OAuth app than the one
 * that the tokens were given to: then it may call a token that is not this
 * app's revoked (RFC 7009 2.2), and has confirmed nothing.
 */
bool keeper_revoking_is_for_another(const struct revoking *v);
/* Asks the provider with the tokens as they are in v. */
void keeper_revoking_ask(struct revoking *v,
			 void (*done)(struct proc_call *, int,
				      struct proc_unpack *));

#endif
