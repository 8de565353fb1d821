/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files beside the database: the master key in the folder, and what a
 * passphrase takes.  They follow the database, which switches from one key to
 * another at once:
 *
 *   before   NAME.next is written, so that a start finds the next key too
 *   after    it becomes NAME, and what belongs to a former key goes
 *
 * A kill between any two of these is made good by the next settling.
 *
 * Runs in the keeper.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "connect/keeper_keys_priv.h"

enum { PATH_SIZE = 4096 };

/* The id of the key in a file; "" where there is none. */
static void
file_id(const char *path, char id[VAULT_KEY_ID_SIZE])
{
	struct secret *key = NULL;
	char unused[512];

	id[0] = '\0';
	vault_key_from_file(path, false, &key, NULL, unused, sizeof(unused));
	if (key)
		vault_key_id(key, id);
	secret_free(key);
}

static void
keys_sync(const struct keeper *k)
{
	char path[PATH_SIZE];

	keeper_path(k, "", path, sizeof(path));
	if (folder_sync_of(path))
		log_warn("the folder of keys could not be brought to disk");
}

/* The key that lies in the folder. */
static void
settle_key(struct keeper *k)
{
	char path[PATH_SIZE], next[PATH_SIZE], id[VAULT_KEY_ID_SIZE];
	bool ours = k->ring->source == CONNECT_KEY_FOLDER;

	keeper_path(k, "master.key", path, sizeof(path));
	keeper_path(k, "master.key.next", next, sizeof(next));
	if (!access(next, F_OK)) {
		file_id(next, id);
		if (!ours || strcmp(id, k->ring->current_id) != 0)
			unlink(next);
		else if (rename(next, path))
			log_error("a key's file could not be put in its place",
				  LOG_S("file", path), LOG_I("errno", errno));
	}
	/* Replaced by one that is kept elsewhere. */
	file_id(path, id);
	if (!ours && id[0] && keeper_ring_former_since(k, id)) {
		log_info("the former master key was removed from the folder",
			 LOG_S("file", path));
		unlink(path);
	}
}

/* Whether the file says this, and nothing else. */
static bool
params_lie_in(const char *path, const char *text)
{
	char now[VAULT_PARAMS_SIZE], unused[512];
	struct vault_kdf there;

	if (vault_params_from_file(path, false, &there, unused, sizeof(unused)))
		return false;
	vault_params_write(&there, now);
	return !strcmp(now, text);
}

static int
params_write(const char *path, const char *text)
{
	char detail[512] = "";
	struct vault_kdf kdf;
	int rc;

	if (params_lie_in(path, text))
		return 0;
	rc = vault_params_read(slice_str(text), &kdf);
	if (!rc)
		rc = vault_params_to_file(path, &kdf, detail, sizeof(detail));
	if (rc)
		log_error("what the passphrase takes cannot be written",
			  LOG_E(rc), LOG_S("why", detail));
	return rc;
}

/* Whether the current key has taken the place of one from a passphrase. */
static bool
follows_passphrase(struct keeper *k)
{
	struct store_stmt *st;
	bool does;

	if (store_query(k->db, &st,
			"SELECT 1 FROM master_keys WHERE state = 'former' "
			"AND source = 'passphrase' AND since = ?1",
			"i", k->ring->since))
		return false;
	does = store_step(st) == 1;
	store_done(st);
	return does;
}

/*
 * What a passphrase takes to become the current key.  Where that is not known,
 * since a version before has begun the rotation, either file may be the right
 * one: both stay until a start with the passphrase tells (keeper_ring.c).
 */
static void
settle_params(struct keeper *k)
{
	const struct keeper_ring *r = k->ring;
	char path[PATH_SIZE], next[PATH_SIZE];

	keeper_path(k, "passphrase.params", path, sizeof(path));
	keeper_path(k, "passphrase.params.next", next, sizeof(next));
	if (r->params[0]) {
		/* Which a full disk does not keep from. */
		if (params_lie_in(next, r->params) && !rename(next, path))
			return;
		if (!params_write(path, r->params))
			unlink(next);
	} else if (r->source != CONNECT_KEY_PASSPHRASE) {
		unlink(next);
		if (follows_passphrase(k))
			unlink(path);
	}
}

void
keeper_ring_settle(struct keeper *k)
{
	if (k->ring->next || k->env->shared)
		return; /* both are needed still */
	settle_key(k);
	settle_params(k);
	keys_sync(k);
}

int
keeper_settle_next(struct keeper *k)
{
	const struct keeper_ring *r = k->ring;
	char path[PATH_SIZE], detail[512] = "";
	int rc;

	if (r->next_params[0]) {
		keeper_path(k, "passphrase.params.next", path, sizeof(path));
		return params_write(path, r->next_params);
	}
	if (r->next_source != CONNECT_KEY_FOLDER)
		return 0;
	keeper_path(k, "master.key.next", path, sizeof(path));
	rc = vault_key_to_file(path, r->next, true, detail, sizeof(detail));
	if (rc)
		log_error("the new master key cannot be written",
			  LOG_S("why", detail));
	return rc;
}
