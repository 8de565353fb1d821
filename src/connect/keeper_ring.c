/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's master keys: which there are, and which is the right one.
 *
 * The database says by its id which key the data keys are wrapped with.  The
 * key itself comes from where the settings say: a file in the folder, a file
 * elsewhere, a credential of systemd, or a passphrase (from which the parent
 * has made it).  During a rotation there are two: the next one is in the
 * database, sealed under the current one, so that a kill at any time leaves
 * both at hand.
 *
 * Files beside the database follow it, never the other way round:
 *
 *   master.key              the current key, where it is kept in the folder
 *   master.key.next         written before the database switches to it
 *   passphrase.params(.next)  the same of a passphrase
 *   handover                for whoever has a key for us
 *
 * Runs in the keeper.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connect/keeper_keys_priv.h"

enum { PATH_SIZE = 4096, DATE_SIZE = 11 };

void
keeper_path(const struct keeper *k, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/keeper/%s", k->env->data, name);
}

const struct secret *
keeper_ring_key(const struct keeper *k, struct slice id)
{
	const struct keeper_ring *r = k->ring;

	if (slice_eq(id, slice_str(r->current_id)))
		return r->current;
	if (r->next && slice_eq(id, slice_str(r->next_id)))
		return r->next;
	return NULL;
}

const struct secret *
keeper_ring_newest(const struct keeper *k, const char **id)
{
	const struct keeper_ring *r = k->ring;

	*id = r->next ? r->next_id : r->current_id;
	return r->next ? r->next : r->current;
}

/* ---- what the database says ---- */

/* ERR_NOT_FOUND: there is no key of this state. */
static int
row_of_state(struct keeper *k, const char *state, char id[VAULT_KEY_ID_SIZE],
	     enum connect_key_source *source, int64_t *since,
	     struct buf *sealed)
{
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT id, source, since, sealed FROM master_keys "
			 "WHERE state = ?1",
			 "s", state);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		rc = slice_copy(store_col(st, 0), id, VAULT_KEY_ID_SIZE);
		if (!rc)
			rc = connect_key_source_parse(store_col(st, 1), source);
		*since = store_col_int(st, 2);
		if (!rc && sealed)
			rc = buf_put_slice(sealed, store_col(st, 3));
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	return rc;
}

/* When a key of this id was replaced; 0: it never was ours. */
static int64_t
former_since(struct keeper *k, const char *id)
{
	struct store_stmt *st;
	int64_t since = 0;

	if (store_query(k->db, &st,
			"SELECT since FROM master_keys WHERE id = ?1 "
			"AND state = 'former'",
			"s", id))
		return 0;
	if (store_step(st) == 1)
		since = store_col_int(st, 0);
	store_done(st);
	return since;
}

static bool
has_data_keys(struct keeper *k)
{
	struct store_stmt *st;
	bool any = true;

	if (store_query(k->db, &st, "SELECT 1 FROM datakeys LIMIT 1", ""))
		return true;
	any = store_step(st) != 0;
	store_done(st);
	return any;
}

/* A database from before keys had ids: whether this key opens it. */
static int
old_database_opens(struct keeper *k, const struct secret *key)
{
	char owner[KEEPER_OWNER_SIZE];
	struct secret *data = NULL;
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT owner, wrapped FROM datakeys LIMIT 1", "");
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		rc = slice_copy(store_col(st, 0), owner, sizeof(owner));
		if (!rc)
			rc = vault_datakey_open(key, owner, store_col(st, 1),
						&data);
	}
	store_done(st);
	secret_free(data);
	return rc;
}

/* The first key of this database. */
static int
ring_adopt(struct keeper *k, const struct secret *key)
{
	struct keeper_ring *r = k->ring;
	int rc = old_database_opens(k, key);

	if (rc)
		return rc;
	vault_key_id(key, r->current_id);
	r->since = clock_wall_ms();
	rc = store_begin(k->db);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"INSERT INTO master_keys (id, state, source, "
				"since) VALUES (?1, 'current', ?2, ?3)",
				"ssi", r->current_id,
				connect_key_source_name(r->source), r->since);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"UPDATE datakeys SET master = ?1 "
				"WHERE master = ''",
				"s", r->current_id);
	if (!rc)
		rc = store_commit(k->db);
	store_rollback(k->db);
	return rc;
}

/* ---- where keys may be ---- */

/* A file that systemd hands over (LoadCredential=drawbridge.key:…). */
static bool
credential_path(char *out, size_t size)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	return dir && dir[0] == '/' &&
	       (size_t)snprintf(out, size, "%s/drawbridge.key", dir) < size &&
	       !access(out, F_OK);
}

/* What the settings lead to. */
struct found {
	struct secret *key;
	bool has_id;
	enum connect_key_source source;
	char where[300]; /* for people */
};

static int
found_configured(struct keeper *k, bool first_start, struct found *f,
		 char *detail, size_t size)
{
	const char *file = conf_text(k->env->conf, CONF_KEY_FILE);
	const char *phrase = conf_text(k->env->conf, CONF_PASSPHRASE_FILE);
	char path[PATH_SIZE];

	if (phrase[0]) {
		f->source = CONNECT_KEY_PASSPHRASE;
		snprintf(f->where, sizeof(f->where), "%s", phrase);
		if (k->env->keys[PROC_KEY_MAIN])
			f->key = secret_dup(k->env->keys[PROC_KEY_MAIN]);
		return f->key ? 0 : ERR_NOMEM;
	}
	f->source = CONNECT_KEY_FOLDER;
	if (file[0]) {
		f->source = CONNECT_KEY_FILE;
		snprintf(path, sizeof(path), "%s", file);
	} else if (credential_path(path, sizeof(path))) {
		f->source = CONNECT_KEY_CREDENTIAL;
	} else {
		keeper_path(k, "master.key", path, sizeof(path));
	}
	snprintf(f->where, sizeof(f->where), "%.299s", path);
	return vault_key_from_file(
		path, first_start && f->source == CONNECT_KEY_FOLDER, &f->key,
		&f->has_id, detail, size);
}

static bool
is_current(const struct keeper *k, const struct secret *key)
{
	char id[VAULT_KEY_ID_SIZE];

	if (!key)
		return false;
	vault_key_id(key, id);
	return !strcmp(id, k->ring->current_id);
}

/*
 * What the settings do not lead to, and is there all the same: a key that the
 * parent was given during a rotation, or one whose file was written just
 * before a kill.
 */
static struct secret *
found_besides(struct keeper *k)
{
	char path[PATH_SIZE], unused[512];
	struct secret *key = NULL;
	size_t i;

	for (i = 0; i < PROC_KEYS; i++)
		if (is_current(k, k->env->keys[i]))
			return secret_dup(k->env->keys[i]);
	keeper_path(k, "master.key.next", path, sizeof(path));
	vault_key_from_file(path, false, &key, NULL, unused, sizeof(unused));
	if (is_current(k, key))
		return key;
	secret_free(key);
	return NULL;
}

/* ---- why not ---- */

static void
explain_missing(const struct keeper *k, const struct found *f, char *detail,
		size_t size)
{
	if (f->source == CONNECT_KEY_FOLDER &&
	    k->ring->source == CONNECT_KEY_PASSPHRASE)
		snprintf(detail, size,
			 "the grants were sealed with a key from a passphrase "
			 "(key %s): start with --passphrase-file",
			 k->ring->current_id);
	else if (f->source == CONNECT_KEY_FOLDER)
		snprintf(detail, size,
			 "the master key %s is missing; the stored grants were "
			 "sealed with it (key %s): put it back from a copy, "
			 "name it with --key-file, or restore a backup",
			 f->where, k->ring->current_id);
	/* else vault_key_from_file() has said which file */
}

static void
explain_passphrase(const struct keeper *k, const struct found *f, char *detail,
		   size_t size)
{
	const struct keeper_ring *r = k->ring;

	if (r->source != CONNECT_KEY_PASSPHRASE)
		snprintf(detail, size,
			 "the grants were sealed with a key from a file (%s, "
			 "key %s), not from a passphrase: start without "
			 "--passphrase-file; `drawbridge keyring rotate "
			 "--new-passphrase-file FILE` changes that",
			 connect_key_source_name(r->source), r->current_id);
	else
		snprintf(detail, size,
			 "wrong passphrase: the one in %s does not give the "
			 "key that the grants were sealed with (key %s). It "
			 "is mistyped, or that of another installation",
			 f->where, r->current_id);
}

/* There is a key, and it is another one. */
static void
explain_other(struct keeper *k, const struct found *f, char *detail,
	      size_t size)
{
	const struct keeper_ring *r = k->ring;
	char id[VAULT_KEY_ID_SIZE], at[CLOCK_TEXT_SIZE];
	int64_t since;

	vault_key_id(f->key, id);
	since = former_since(k, id);
	clock_format(since, at);
	at[DATE_SIZE - 1] = '\0';
	if (since)
		snprintf(detail, size,
			 "%s holds a %s that was replaced on %s by "
			 "`drawbridge keyring rotate`: use the one that took "
			 "its place (key %s)",
			 f->where,
			 f->source == CONNECT_KEY_PASSPHRASE ? "passphrase"
							     : "master key",
			 at, r->current_id);
	else if (f->source == CONNECT_KEY_PASSPHRASE)
		explain_passphrase(k, f, detail, size);
	else if (r->source == CONNECT_KEY_PASSPHRASE)
		snprintf(detail, size,
			 "the grants were sealed with a key from a passphrase "
			 "(key %s), not with the one in %s (key %s): start "
			 "with --passphrase-file",
			 r->current_id, f->where, id);
	else if (f->has_id)
		snprintf(detail, size,
			 "%s is whole, but the master key of another "
			 "installation (key %s): the grants here were sealed "
			 "with key %s",
			 f->where, id, r->current_id);
	else
		snprintf(detail, size,
			 "%s is not the master key that the grants were sealed "
			 "with (key %s, not %s): it is that of another "
			 "installation, or damaged",
			 f->where, r->current_id, id);
}

/* ---- opening ---- */

/* Nothing says yet which key it is.  A new one beside grants that another
 * has sealed would open nothing. */
static int
ring_find_first(struct keeper *k, char *detail, size_t size)
{
	struct keeper_ring *r = k->ring;
	struct found f = { 0 };
	int rc;

	rc = found_configured(k, !has_data_keys(k), &f, detail, size);
	r->source = f.source;
	r->current = f.key;
	if (!rc)
		rc = ring_adopt(k, f.key);
	if (rc == ERR_CRYPTO && f.key)
		snprintf(detail, size,
			 "%s is not the master key that the grants were sealed "
			 "with",
			 f.where);
	return rc;
}

static int
ring_find(struct keeper *k, char *detail, size_t size)
{
	struct keeper_ring *r = k->ring;
	struct found f = { 0 };
	int rc = found_configured(k, false, &f, detail, size);

	if (!rc && is_current(k, f.key)) {
		r->current = f.key;
		r->source = f.source;
		return store_exec(k->db, NULL,
				  "UPDATE master_keys SET source = ?2 "
				  "WHERE id = ?1 AND source <> ?2",
				  "ss", r->current_id,
				  connect_key_source_name(r->source));
	}
	r->current = found_besides(k);
	if (r->current) {
		log_warn("the master key was replaced, and the settings lead "
			 "to the former one still",
			 LOG_S("place", f.where), LOG_S("key", r->current_id));
		rc = 0;
	} else if (!rc) {
		explain_other(k, &f, detail, size);
		rc = ERR_CRYPTO;
	} else if (rc == ERR_NOT_FOUND) {
		explain_missing(k, &f, detail, size);
	}
	secret_free(f.key);
	return rc;
}

/* The next key, of a rotation that was begun. */
static int
ring_find_next(struct keeper *k, char *detail, size_t size)
{
	struct keeper_ring *r = k->ring;
	struct buf sealed;
	int64_t since;
	int rc;

	buf_init(&sealed, 1024);
	rc = row_of_state(k, "next", r->next_id, &r->next_source, &since,
			  &sealed);
	if (!rc)
		rc = vault_open(r->current, r->next_id, buf_slice(&sealed),
				&r->next);
	buf_release(&sealed);
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc)
		snprintf(detail, size,
			 "the next master key (key %s) in grants.db does not "
			 "open: the file is damaged; restore a backup",
			 r->next_id);
	return rc;
}

int
keeper_ring_open(struct keeper *k, char *detail, size_t size)
{
	struct keeper_ring *r = k->ring = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return ERR_NOMEM;
	r->keeper = k;
	rc = row_of_state(k, "current", r->current_id, &r->source, &r->since,
			  NULL);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	rc = rc ? ring_find_first(k, detail, size) : ring_find(k, detail, size);
	if (!rc)
		rc = ring_find_next(k, detail, size);
	if (!rc)
		rc = keeper_rotate_resume(k);
	if (rc)
		return rc;
	keeper_ring_settle(k);
	if (!k->env->shared)
		keeper_copy_drop(k); /* of a keeper that was killed */
	rc = keeper_ring_paper(k);
	if (rc)
		snprintf(detail, size, "%s/keeper/handover cannot be written",
			 k->env->data);
	return rc;
}

void
keeper_ring_start(struct keeper *k)
{
	keeper_rotate_hold(k, k->env->shared);
}

void
keeper_ring_alone(struct keeper *k, bool alone)
{
	keeper_rotate_hold(k, !alone);
	if (!alone)
		return;
	if (k->ring->copy.state == CONNECT_COPY_NONE)
		keeper_copy_drop(k); /* of another that was killed */
	keeper_ring_settle(k);
	if (keeper_ring_paper(k)) /* the other has written one of its own */
		log_error("no key can be handed over: its paper cannot be "
			  "written");
}

void
keeper_ring_free(struct keeper *k)
{
	struct keeper_ring *r = k->ring;

	if (!r)
		return;
	loop_timer_cancel(&r->timer);
	if (r->copy.state != CONNECT_COPY_NONE) /* or it is another keeper's */
		keeper_copy_drop(k);
	secret_free(r->current);
	secret_free(r->next);
	secret_free(r->handover);
	free(r);
	k->ring = NULL;
}

/* ---- files ---- */

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

static void
settle_rename(const char *from, const char *to)
{
	if (rename(from, to))
		log_error("a key's file could not be put in its place",
			  LOG_S("file", to), LOG_I("errno", errno));
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
		if (ours && !strcmp(id, k->ring->current_id))
			settle_rename(next, path);
		else
			unlink(next);
	}
	/* Replaced by one that is kept elsewhere. */
	file_id(path, id);
	if (!ours && id[0] && former_since(k, id)) {
		log_info("the former master key was removed from the folder",
			 LOG_S("file", path));
		unlink(path);
	}
}

/* The salt of a passphrase. */
static void
settle_params(struct keeper *k)
{
	char path[PATH_SIZE], next[PATH_SIZE];

	keeper_path(k, "passphrase.params", path, sizeof(path));
	keeper_path(k, "passphrase.params.next", next, sizeof(next));
	if (k->ring->source == CONNECT_KEY_PASSPHRASE) {
		if (!access(next, F_OK) &&
		    !is_current(k, k->env->keys[PROC_KEY_MAIN]))
			settle_rename(next, path);
		else
			unlink(next);
	} else {
		unlink(next);
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

/* ---- handing over ---- */

static int
paper_write(const struct keeper *k, const char *text, size_t len)
{
	char path[PATH_SIZE], made[PATH_SIZE];
	int fd, rc = 0;

	keeper_path(k, "handover", path, sizeof(path));
	keeper_path(k, "handover.new", made, sizeof(made));
	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		rc = ERR_SYSTEM;
	if (fd >= 0)
		close(fd);
	if (!rc && rename(made, path))
		rc = ERR_SYSTEM;
	return rc;
}

/* "<paper in hex> <source> <path of the key's file>\n" */
int
keeper_ring_paper(struct keeper *k)
{
	unsigned char paper[VAULT_PAPER_SIZE];
	char hex[CODEC_HEX_SIZE(VAULT_PAPER_SIZE)], text[PATH_SIZE + 256];
	struct keeper_ring *r = k->ring;
	int n, rc;

	secret_free(r->handover);
	rc = vault_handover_new(&r->handover, paper);
	if (rc)
		return rc;
	codec_hex(paper, sizeof(paper), hex);
	n = snprintf(text, sizeof(text), "%s %s %s\n", hex,
		     connect_key_source_name(r->source),
		     r->source == CONNECT_KEY_FILE
			     ? conf_text(k->env->conf, CONF_KEY_FILE)
		     : r->source == CONNECT_KEY_PASSPHRASE
			     ? conf_text(k->env->conf, CONF_PASSPHRASE_FILE)
			     : "-");
	rc = n < (int)sizeof(text) ? paper_write(k, text, (size_t)n)
				   : ERR_TOO_LARGE;
	secret_wipe(text, sizeof(text));
	secret_wipe(hex, sizeof(hex));
	secret_wipe(paper, sizeof(paper));
	return rc;
}

int
keeper_ring_take(struct keeper *k, struct slice sealed, struct secret **out)
{
	int rc = vault_handover_open(k->ring->handover, sealed, out);

	/* Once: what was sealed for this paper opens no more. */
	if (!rc)
		rc = keeper_ring_paper(k);
	if (!rc && secret_len(*out) != VAULT_KEY_SIZE)
		rc = ERR_INVALID;
	if (rc) {
		secret_free(*out);
		*out = NULL;
	}
	return rc;
}
