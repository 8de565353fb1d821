/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One master key takes another's place while the keeper works.
 *
 *   begin     the next key is noted, sealed under the current one
 *   batches   each rewraps some data keys in one transaction; whichever key
 *             a row is wrapped with is one of the two that are at hand
 *   switch    no row needs the current key any more: in one transaction the
 *             next becomes the current, and the other a former one, whose
 *             id alone is kept; then the files follow (keeper_ring.c)
 *   turn      with --data-keys: each owner's data key is made anew, and what
 *             it has sealed is resealed, some owners in one transaction
 *
 * A kill between any two of these leaves a database that the next keeper
 * goes on with.  Between batches the loop runs: nobody waits for all of it.
 * But an owner is resealed in one piece, since a row opens with the one data
 * key that its owner has: while a connection's grants are sealed anew (some
 * 40 µs each, 20000 users' in 0.8 s) the keeper does nothing else.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "connect/keeper_keys_priv.h"

enum {
	REWRAP_AT_ONCE = 128,
	RESEAL_AT_ONCE = 16, /* owners, … */
	ROWS_AT_ONCE = 256,  /* … fewer where they have many rows */
	PAUSE_MS = 1,
};

static uint64_t
count(struct keeper *k, const char *sql, const char *text, uint64_t number)
{
	struct store_stmt *st;
	uint64_t n = 0;

	if (text ? store_query(k->db, &st, sql, "s", text)
		 : store_query(k->db, &st, sql, "i", (int64_t)number))
		return 0;
	if (store_step(st) == 1)
		n = (uint64_t)store_col_int(st, 0);
	store_done(st);
	return n;
}

/* What is left of this phase. */
static uint64_t
rotate_left(struct keeper *k)
{
	struct keeper_ring *r = k->ring;

	return r->phase == CONNECT_ROTATION_MASTER
		       ? count(k,
			       "SELECT count(*) FROM datakeys "
			       "WHERE master = ?1",
			       r->current_id, 0)
		       : count(k,
			       "SELECT count(*) FROM datakeys "
			       "WHERE turn < ?1",
			       NULL, r->turn);
}

/* ---- telling ---- */

static void
ring_tell(struct keeper *k, struct proc_request *rq)
{
	const struct keeper_ring *r = k->ring;
	struct connect_msg_keyring m = {
		.source = r->source,
		.since = r->since,
		.phase = r->phase,
		.turn = r->turn,
		.with_data_keys = r->with_data_keys,
		.begun_at = r->begun_at,
		.ended_at = r->ended_at,
		.total = r->total,
		.done = r->done,
		.failed = r->failed,
	};
	struct proc_pack *p = proc_pack_new();

	memcpy(m.id, r->current_id, sizeof(m.id));
	if (r->next)
		memcpy(m.next_id, r->next_id, sizeof(m.next_id));
	m.former = count(k, "SELECT count(*) FROM master_keys WHERE state = ?1",
			 "former", 0);
	m.data_keys = count(k, "SELECT count(*) FROM datakeys WHERE turn >= ?1",
			    NULL, 0);
	m.oldest_at = (int64_t)count(k,
				     "SELECT coalesce(min(created_at), 0) "
				     "FROM datakeys WHERE created_at > ?1",
				     NULL, 0);
	connect_msg_keyring_pack(&m, p);
	proc_reply(rq, 0, p);
}

void
keeper_keyring(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	if (proc_unpack_done(in))
		ring_tell(arg, rq);
	else
		proc_reply(rq, ERR_PROTOCOL, NULL);
}

/* ---- rewrapping ---- */

/* Rows are read first, and then written. */
struct rewrap {
	char owner[KEEPER_OWNER_SIZE];
	char bytes[KEEPER_WRAPPED_SIZE];
	size_t len;
};

static int
rewrap_read(struct keeper *k, struct rewrap *rows, size_t *n)
{
	struct store_stmt *st;
	struct slice wrapped;
	int rc;

	*n = 0;
	rc = store_query(k->db, &st,
			 "SELECT owner, wrapped FROM datakeys "
			 "WHERE master = ?1 LIMIT 128",
			 "s", k->ring->current_id);
	if (rc)
		return rc;
	while (*n < REWRAP_AT_ONCE && (rc = store_step(st)) == 1) {
		wrapped = slice_head(store_col(st, 1), KEEPER_WRAPPED_SIZE);
		rc = slice_copy(store_col(st, 0), rows[*n].owner,
				KEEPER_OWNER_SIZE);
		if (rc)
			break;
		memcpy(rows[*n].bytes, wrapped.ptr, wrapped.len);
		rows[(*n)++].len = wrapped.len;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* One that does not open was damaged before: it is left as it is, under no
 * key that there is, and told. */
static int
rewrap_one(struct keeper *k, const struct rewrap *row)
{
	struct keeper_ring *r = k->ring;
	struct buf made;
	int rc;

	buf_init(&made, KEEPER_WRAPPED_SIZE);
	rc = vault_datakey_rewrap(r->current, r->next, row->owner,
				  slice_of(row->bytes, row->len), &made);
	if (rc == ERR_CRYPTO) {
		r->failed++;
		log_error("a data key does not open: what it has sealed was "
			  "damaged before",
			  LOG_S("owner", row->owner));
		rc = store_exec(k->db, NULL,
				"UPDATE datakeys SET master = 'damaged' "
				"WHERE owner = ?1",
				"s", row->owner);
	} else if (!rc) {
		rc = store_exec(k->db, NULL,
				"UPDATE datakeys SET wrapped = ?2, "
				"master = ?3 WHERE owner = ?1",
				"sbs", row->owner, buf_slice(&made),
				r->next_id);
	}
	buf_release(&made);
	return rc;
}

/* 1: there is more to do; 0: none is left. */
static int
rewrap_batch(struct keeper *k)
{
	struct rewrap *rows = calloc(REWRAP_AT_ONCE, sizeof(*rows));
	uint64_t failed = k->ring->failed;
	size_t i, n = 0;
	int rc = rows ? store_begin(k->db) : ERR_NOMEM;

	if (!rc)
		rc = rewrap_read(k, rows, &n);
	for (i = 0; i < n && !rc; i++)
		rc = rewrap_one(k, &rows[i]);
	if (!rc && k->ring->failed != failed)
		rc = store_exec(k->db, NULL,
				"UPDATE rotations SET failed = ?2 "
				"WHERE turn = ?1",
				"ii", (int64_t)k->ring->turn,
				(int64_t)k->ring->failed);
	if (!rc)
		rc = store_commit(k->db);
	store_rollback(k->db);
	free(rows);
	if (rc) {
		k->ring->failed = failed;
		return rc;
	}
	k->ring->done += n;
	if (n)
		step_reached("rotate.batch");
	return n != 0;
}

/* ---- the switch ---- */

static int
switch_write(struct keeper *k, bool ends)
{
	struct keeper_ring *r = k->ring;
	int64_t now = clock_wall_ms();
	int rc = store_begin(k->db);

	if (!rc)
		rc = store_exec(k->db, NULL,
				"UPDATE master_keys SET state = 'former', "
				"since = ?2, params = '' WHERE id = ?1",
				"si", r->current_id, now);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"UPDATE master_keys SET state = 'current', "
				"since = ?2, sealed = NULL WHERE id = ?1",
				"si", r->next_id, now);
	if (!rc && ends)
		rc = store_exec(k->db, NULL,
				"UPDATE rotations SET ended_at = ?2 "
				"WHERE turn = ?1",
				"ii", (int64_t)r->turn, now);
	if (!rc)
		rc = store_commit(k->db);
	store_rollback(k->db);
	if (rc)
		return rc;
	secret_free(r->current);
	r->current = r->next;
	memcpy(r->current_id, r->next_id, sizeof(r->current_id));
	memcpy(r->params, r->next_params, sizeof(r->params));
	r->source = r->next_source;
	r->since = now;
	r->next = NULL;
	if (ends)
		r->ended_at = now;
	return 0;
}

static int
switch_keys(struct keeper *k)
{
	struct keeper_ring *r = k->ring;
	int rc = keeper_settle_next(k);

	step_reached("rotate.rewrapped");
	if (!rc)
		rc = switch_write(k, !r->with_data_keys);
	if (rc)
		return rc;
	step_reached("rotate.switched");
	keeper_ring_settle(k);
	/* What the former key has sealed is not to be found any more. */
	store_checkpoint(k->db);
	keeper_ring_paper(k); /* its source may be another one */
	log_info("the master key was replaced", LOG_S("key", r->current_id));
	return 0;
}

/* ---- data keys ---- */

static int
owner_next(struct keeper *k, char owner[KEEPER_OWNER_SIZE])
{
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT owner FROM datakeys WHERE turn < ?1 "
			 "ORDER BY turn, owner LIMIT 1",
			 "i", (int64_t)k->ring->turn);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		rc = slice_copy(store_col(st, 0), owner, KEEPER_OWNER_SIZE);
	else if (!rc)
		rc = ERR_NOT_FOUND;
	store_done(st);
	return rc;
}

/* An owner whose key or rows do not open keeps what it has. */
static int
owner_renew(struct keeper *k, const char *owner, size_t *rows)
{
	size_t seen = 0;
	struct secret *from = NULL, *to = NULL;
	const struct secret *master;
	const char *id;
	struct buf wrapped;
	int rc;

	buf_init(&wrapped, KEEPER_WRAPPED_SIZE);
	master = keeper_ring_newest(k, &id);
	rc = keeper_datakey_read(k, owner, &from);
	if (!rc)
		rc = keeper_reseal(k, owner, from, NULL, &seen);
	if (!rc)
		rc = vault_datakey_new(master, owner, &to, &wrapped);
	if (!rc)
		rc = keeper_reseal(k, owner, from, to, rows);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"UPDATE datakeys SET wrapped = ?2, "
				"master = ?3, turn = ?4, created_at = ?5 "
				"WHERE owner = ?1",
				"sbsii", owner, buf_slice(&wrapped), id,
				(int64_t)k->ring->turn, clock_wall_ms());
	secret_free(from);
	secret_free(to);
	buf_release(&wrapped);
	if (rc != ERR_CRYPTO)
		return rc;
	k->ring->failed++;
	log_error("what a data key has sealed does not open: it was damaged "
		  "before, and is left as it is",
		  LOG_S("owner", owner));
	return store_exec(k->db, NULL,
			  "UPDATE datakeys SET turn = ?2 WHERE owner = ?1",
			  "si", owner, (int64_t)k->ring->turn);
}

static int
renew_batch(struct keeper *k)
{
	char owner[KEEPER_OWNER_SIZE];
	uint64_t failed = k->ring->failed;
	size_t n = 0, rows = 0;
	int rc = store_begin(k->db);
	bool last;

	while (!rc && n < RESEAL_AT_ONCE && rows < ROWS_AT_ONCE) {
		rc = owner_next(k, owner);
		if (!rc)
			rc = owner_renew(k, owner, &rows);
		if (!rc)
			n++;
	}
	last = rc == ERR_NOT_FOUND;
	if (last)
		rc = store_exec(k->db, NULL,
				"UPDATE rotations SET ended_at = ?2, "
				"failed = ?3 WHERE turn = ?1",
				"iii", (int64_t)k->ring->turn, clock_wall_ms(),
				(int64_t)k->ring->failed);
	if (!rc)
		rc = store_commit(k->db);
	store_rollback(k->db);
	if (rc) {
		k->ring->failed = failed;
		return rc;
	}
	k->ring->done += n;
	step_reached("rotate.data_key");
	return !last;
}

/* ---- going on ---- */

static void
phase_begin(struct keeper *k, enum connect_rotation phase)
{
	struct keeper_ring *r = k->ring;

	r->phase = phase;
	r->done = r->total = 0;
	if (phase != CONNECT_ROTATION_NONE)
		r->total = rotate_left(k);
}

/* One piece; the phase that follows when this one is over. */
static int
rotate_piece(struct keeper *k)
{
	struct keeper_ring *r = k->ring;
	int rc;

	if (r->phase == CONNECT_ROTATION_MASTER) {
		rc = rewrap_batch(k);
		if (!rc)
			rc = switch_keys(k);
		else
			return rc < 0 ? rc : 0;
		if (!rc)
			phase_begin(k, r->with_data_keys
					       ? CONNECT_ROTATION_DATA_KEYS
					       : CONNECT_ROTATION_NONE);
		return rc;
	}
	rc = renew_batch(k);
	if (rc)
		return rc < 0 ? rc : 0;
	r->ended_at = clock_wall_ms();
	store_checkpoint(k->db);
	phase_begin(k, CONNECT_ROTATION_NONE);
	log_info("all data keys were made anew",
		 LOG_I("failed", (int64_t)r->failed));
	return 0;
}

enum { AGAIN_MS = 1000 };

static void
rotate_step(struct loop_timer *t)
{
	struct keeper_ring *r = CONTAINER_OF(t, struct keeper_ring, timer);
	struct keeper *k = r->keeper;
	int rc;

	if (r->held || r->phase == CONNECT_ROTATION_NONE)
		return;
	rc = step_fails("rotate.piece") ? ERR_STORE : rotate_piece(k);
	if (rc)
		log_error("the rotation of keys waits", LOG_E(rc),
			  LOG_S("why", store_message(k->db)));
	if (r->phase != CONNECT_ROTATION_NONE)
		loop_timer_start(k->loop, &r->timer, rc ? AGAIN_MS : PAUSE_MS,
				 rotate_step);
}

void
keeper_rotate_hold(struct keeper *k, bool hold)
{
	k->ring->held = hold;
	if (hold)
		loop_timer_cancel(&k->ring->timer);
	else
		loop_timer_start(k->loop, &k->ring->timer, PAUSE_MS,
				 rotate_step);
}

int
keeper_rotate_resume(struct keeper *k)
{
	struct keeper_ring *r = k->ring;
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT turn, data_keys, begun_at, ended_at, failed "
			 "FROM rotations ORDER BY turn DESC LIMIT 1",
			 "");
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		r->turn = (uint64_t)store_col_int(st, 0);
		r->with_data_keys = store_col_int(st, 1) != 0;
		r->begun_at = store_col_int(st, 2);
		r->ended_at = store_col_int(st, 3);
		r->failed = (uint64_t)store_col_int(st, 4);
	}
	store_done(st);
	if (rc < 0)
		return rc;
	if (r->next)
		phase_begin(k, CONNECT_ROTATION_MASTER);
	else if (r->turn && !r->ended_at)
		phase_begin(k, CONNECT_ROTATION_DATA_KEYS);
	if (r->phase != CONNECT_ROTATION_NONE)
		log_info("going on with a rotation of keys",
			 LOG_I("left", (int64_t)r->total));
	return 0;
}

/* ---- beginning ---- */

/* A commit may fail when it is done, and only not on disk yet: what follows
 * brings it there, or waits.  Whoever is told that nothing was begun throws
 * the key away. */
static bool
begin_is_there(struct keeper *k, const char *id)
{
	struct store_stmt *st;
	bool is;

	if (store_query(k->db, &st,
			"SELECT 1 FROM master_keys WHERE id = ?1 "
			"AND state = 'next'",
			"s", id))
		return false;
	is = store_step(st) == 1;
	store_done(st);
	return is;
}

static int
begin_write(struct keeper *k, const struct secret *key, const char *params,
	    const char *id, const struct connect_msg_rotate *m, int64_t now)
{
	struct buf sealed;
	int rc;

	buf_init(&sealed, 1024);
	rc = vault_seal(k->ring->current, id,
			slice_of(secret_peek(key), secret_len(key)), &sealed);
	if (!rc)
		rc = store_begin(k->db);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"INSERT INTO master_keys (id, state, source, "
				"since, sealed, params) "
				"VALUES (?1, 'next', ?2, ?3, ?4, ?5)",
				"ssibs", id, connect_key_source_name(m->source),
				now, buf_slice(&sealed), params);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"INSERT INTO rotations (turn, data_keys, "
				"begun_at) VALUES (?1, ?2, ?3)",
				"iii", (int64_t)k->ring->turn + 1,
				(int64_t)m->data_keys, now);
	if (!rc)
		rc = store_commit(k->db);
	store_rollback(k->db);
	buf_release(&sealed);
	return rc && begin_is_there(k, id) ? 0 : rc;
}

/* Takes key. */
static int
rotate_begin(struct keeper *k, struct secret *key, const char *params,
	     const struct connect_msg_rotate *m)
{
	struct keeper_ring *r = k->ring;
	char id[VAULT_KEY_ID_SIZE];
	int64_t now = clock_wall_ms();
	int rc;

	vault_key_id(key, id);
	/* What a keeper that is started anew will need, when the settings
	 * lead to the former key still. */
	keeper_ring_keep(k, key, m->source);
	rc = begin_write(k, key, params, id, m, now);
	if (rc) {
		secret_free(key);
		return rc;
	}
	r->next = key;
	memcpy(r->next_id, id, sizeof(id));
	snprintf(r->next_params, sizeof(r->next_params), "%s", params);
	r->next_source = m->source;
	r->turn++;
	r->with_data_keys = m->data_keys;
	r->begun_at = now;
	r->ended_at = 0;
	r->failed = 0;
	phase_begin(k, CONNECT_ROTATION_MASTER);
	log_info("a rotation of keys begins", LOG_S("from", r->current_id),
		 LOG_S("to", id), LOG_I("data_keys", (int64_t)r->total));
	step_reached("rotate.begun");
	keeper_rotate_hold(k, false);
	return 0;
}

/* Why it cannot begin; the problem is told then. */
static bool
rotate_refuse(struct keeper *k, struct proc_request *rq,
	      const struct connect_msg_rotate *m)
{
	const char *why = keeper_copy_hindrance(k);

	if (k->ring->phase != CONNECT_ROTATION_NONE)
		keeper_fail_with(rq, ERR_WRONG_STATE, "", CONNECT_CONNECTED,
				 "A rotation is under way already; `drawbridge "
				 "keyring status` tells when it has ended.");
	else if (why)
		keeper_fail_with(rq, ERR_WRONG_STATE, "keys_busy",
				 CONNECT_CONNECTED, "%s", why);
	else if (!m->handover.len && m->source != CONNECT_KEY_FOLDER)
		keeper_fail_with(rq, ERR_INVALID, "", CONNECT_CONNECTED,
				 "The master key is not kept in the data "
				 "folder: the new one must be given.");
	else
		return false;
	return true;
}

void
keeper_rotate(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct keeper *k = arg;
	struct connect_msg_rotate m;
	char params[VAULT_PARAMS_SIZE] = "";
	struct secret *key = NULL;
	int rc = connect_msg_rotate_unpack(in, &m);

	if (!rc && rotate_refuse(k, rq, &m))
		return;
	if (!rc && m.handover.len) {
		rc = keeper_ring_take(k, m.handover, &key, params);
	} else if (!rc) {
		key = vault_key_new();
		rc = key ? 0 : ERR_NOMEM;
	}
	/* A passphrase without what it took gives this key never again. */
	if (!rc && (m.source == CONNECT_KEY_PASSPHRASE) != (params[0] != 0)) {
		secret_free(key);
		rc = ERR_INVALID;
	}
	if (!rc)
		rc = rotate_begin(k, key, params, &m);
	if (!rc)
		ring_tell(k, rq);
	else if (rc == ERR_EXISTS)
		keeper_fail_with(rq, ERR_INVALID, "", CONNECT_CONNECTED,
				 "This key is, or was, a master key here "
				 "already: take another one.");
	else if (rc == ERR_CRYPTO)
		keeper_fail_with(rq, ERR_WRONG_STATE, "keys_busy",
				 CONNECT_CONNECTED, "%s", KEEPER_PAPER_SPENT);
	else
		keeper_fail_with(rq, rc, "", CONNECT_CONNECTED,
				 "The rotation could not be begun: %s.",
				 err_text(rc));
}
