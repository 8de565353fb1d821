/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the keeper's files about keys: which master keys it has
 * (keeper_ring.c), the files beside its database (keeper_settle.c), how one
 * key takes another's place (keeper_rotate.c), copies of its database
 * (keeper_copy.c), and what came out of one (keeper_restore.c).
 */
#ifndef CONNECT_KEEPER_KEYS_PRIV_H
#define CONNECT_KEEPER_KEYS_PRIV_H

#include "connect/keeper_priv.h"
#include "connect/message_keys.h"

enum { KEEPER_OWNER_SIZE = 160, KEEPER_WRAPPED_SIZE = 128 };

/*
 *         rotate                 all data keys rewrapped
 *   NONE ────────> MASTER ──────────────────────────────┐
 *     ^              │ another start: goes on           │
 *     │              └──<──┘                            v
 *     │                                       --data-keys?
 *     ├───────────────────────no───────────────────────┤
 *     └── all owners resealed ── DATA_KEYS <────yes─────┘
 */
struct keeper_ring {
	struct keeper *keeper;
	struct secret *current, *next; /* next: NULL unless MASTER */
	char current_id[VAULT_KEY_ID_SIZE], next_id[VAULT_KEY_ID_SIZE];
	enum connect_key_source source, next_source;
	/* What a passphrase took to become it; "": none, or not known. */
	char params[VAULT_PARAMS_SIZE], next_params[VAULT_PARAMS_SIZE];
	char told[PROC_KEYS][VAULT_PARAMS_SIZE]; /* with the parent's keys */
	int64_t since;
	struct secret *handover; /* our half; see vault_handover_new() */
	/* the rotation under way, or the last one */
	enum connect_rotation phase;
	uint64_t turn;
	bool with_data_keys;
	int64_t begun_at, ended_at;
	uint64_t total, done, failed;
	struct loop_timer timer;
	bool held; /* another keeper is at the same database: no rotation */
	/* a copy for a backup */
	struct {
		enum connect_copy state;
		struct store_copy *copy;
		uint64_t done, total;
		int64_t schema; /* READY: the newest migration in it */
		char detail[256];
		struct secret *transport; /* seals the master key */
		struct loop_timer timer;
	} copy;
};

/* ---- keeper_ring.c ---- */

/* DATA/keeper/<name>. */
void keeper_path(const struct keeper *k, const char *name, char *out,
		 size_t size);
/* Finds the master key among what there is, or says in plain words why none
 * of it is the right one.  After the store was opened, before the sandbox. */
int keeper_ring_open(struct keeper *k, char *detail, size_t size);
void keeper_ring_free(struct keeper *k);
/* The rest of the start, on the loop: goes on with a rotation. */
void keeper_ring_start(struct keeper *k);
/* Another keeper is at the same database from now on, or no more. */
void keeper_ring_alone(struct keeper *k, bool alone);
/* The key of this id, or NULL. */
const struct secret *keeper_ring_key(const struct keeper *k, struct slice id);
/* The one that wraps new data keys. */
const struct secret *keeper_ring_newest(const struct keeper *k,
					const char **id);
/* When a key of this id was replaced; 0: it never was ours. */
int64_t keeper_ring_former_since(struct keeper *k, const char *id);
/* The parent keeps a key that is about to be the current one, unless a keeper
 * that is started anew finds it in the folder. */
void keeper_ring_keep(struct keeper *k, const struct secret *key,
		      enum connect_key_source source);
/* Writes a new paper for whoever hands us a key. */
int keeper_ring_paper(struct keeper *k);
/* Opens what was sealed for the paper, and makes a new one.  params: what came
 * behind the key, or ""; NULL: nothing may.  ERR_CRYPTO: it was sealed for
 * another one, as when two have read the same. */
int keeper_ring_take(struct keeper *k, struct slice sealed, struct secret **out,
		     char params[VAULT_PARAMS_SIZE]);

/* ---- keeper_settle.c ---- */

/* Writes what a start with the next key needs, before the database switches
 * to it. */
int keeper_settle_next(struct keeper *k);
/* Brings the files beside the database to what it says: after a switch of
 * keys, and at the start, since a kill may have come between. */
void keeper_ring_settle(struct keeper *k);

/* ---- keeper_rotate.c ---- */

void keeper_keyring(struct proc_request *rq, struct proc_unpack *in, void *k);
void keeper_rotate(struct proc_request *rq, struct proc_unpack *in, void *k);
/* Goes on where the last keeper has stopped, if it had begun one. */
int keeper_rotate_resume(struct keeper *k);
/* Holds, or goes on: another keeper came or went. */
void keeper_rotate_hold(struct keeper *k, bool hold);

/* ---- keeper_reseal.c ---- */

/* All rows that the owner's data key has sealed, from one to the other; to
 * NULL: only looks whether all of them open.  Inside a transaction.  Counts
 * them. */
int keeper_reseal(struct keeper *k, const char *owner,
		  const struct secret *from, const struct secret *to,
		  size_t *rows);
/* The next of a connection's grants: behind ?2, or from it on. */
extern const char *const keeper_reseal_grants_sql[2];

/* ---- keeper_copy.c ---- */

void keeper_copy(struct proc_request *rq, struct proc_unpack *in, void *k);
void keeper_copy_drop(struct keeper *k);
/* What is told of ERR_CRYPTO: the next try has the next paper. */
#define KEEPER_PAPER_SPENT \
	"Another command has handed a key over at the same time."
/* Why neither a copy nor a rotation can begin now, as a sentence; or NULL. */
const char *keeper_copy_hindrance(const struct keeper *k);

/* ---- keeper_restore.c ---- */

/* At the start: grants that came out of a backup are marked as such. */
int keeper_restore_note(struct keeper *k, char *detail, size_t size);

#endif
