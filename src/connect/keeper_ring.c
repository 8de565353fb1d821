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
 *   passphrase.params(.next)  the same of a passphrase: what it takes, which is
 *                             in the database with the key that it belongs to
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
	     char params[VAULT_PARAMS_SIZE], struct buf *sealed)
{
	struct store_stmt *st;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT id, source, since, params, sealed "
			 "FROM master_keys WHERE state = ?1",
			 "s", state);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		rc = slice_copy(store_col(st, 0), id, VAULT_KEY_ID_SIZE);
		if (!rc)
			rc = connect_key_source_parse(store_col(st, 1), source);
		*since = store_col_int(st, 2);
		if (!rc)
			rc = slice_copy(store_col(st, 3), params,
					VAULT_PARAMS_SIZE);
		if (!rc && sealed)
			rc = buf_put_slice(sealed, store_col(st, 4));
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	return rc;
}

int64_t
keeper_ring_former_since(struct keeper *k, const char *id)
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

/* Whether the database has a key of this id, and perhaps in this state. */
static bool
is_in_state(struct keeper *k, const struct secret *key, const char *state)
{
	char id[VAULT_KEY_ID_SIZE];
	struct store_stmt *st;
	bool is;

	vault_key_id(key, id);
	if (store_query(k->db, &st,
			"SELECT 1 FROM master_keys WHERE id = ?1 "
			"AND state LIKE ?2",
			"ss", id, state))
		return false;
	is = store_step(st) == 1;
	store_done(st);
	return is;
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
				"since, params) "
				"VALUES (?1, 'current', ?2, ?3, ?4)",
				"ssis", r->current_id,
				connect_key_source_name(r->source), r->since,
				r->params);
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

static bool
is_current(const struct keeper *k, const struct secret *key)
{
	char id[VAULT_KEY_ID_SIZE];

	if (!key)
		return false;
	vault_key_id(key, id);
	return !strcmp(id, k->ring->current_id);
}

/* Where the settings lead to, and the path there. */
static enum connect_key_source
configured(const struct keeper *k, char *path, size_t size)
{
	const char *file = conf_text(k->env->conf, CONF_KEY_FILE);
	const char *phrase = conf_text(k->env->conf, CONF_PASSPHRASE_FILE);

	if (phrase[0]) {
		snprintf(path, size, "%s", phrase);
		return CONNECT_KEY_PASSPHRASE;
	}
	if (file[0]) {
		snprintf(path, size, "%s", file);
		return CONNECT_KEY_FILE;
	}
	if (credential_path(path, size))
		return CONNECT_KEY_CREDENTIAL;
	keeper_path(k, "master.key", path, size);
	return CONNECT_KEY_FOLDER;
}

/* What the settings lead to. */
struct found {
	struct secret *key;
	bool has_id;
	enum connect_key_source source;
	char where[300]; /* for people */
	const char *params;
};

/* What the passphrase gives with the one file or the other: the current key,
 * or else one that can be told of. */
static enum proc_key
found_of(struct keeper *k)
{
	static const char *const states[] = { "current", "next", "%" };
	struct secret *const *keys = k->env->keys;
	size_t state, i;

	for (state = 0; state < ARRAY_LEN(states); state++)
		for (i = PROC_KEY_MAIN; i <= PROC_KEY_NEXT; i++)
			if (keys[i] && is_in_state(k, keys[i], states[state]))
				return (enum proc_key)i;
	return keys[PROC_KEY_MAIN] ? PROC_KEY_MAIN : PROC_KEY_NEXT;
}

static int
found_passphrase(struct keeper *k, struct found *f)
{
	enum proc_key of = found_of(k);

	f->params = k->ring->told[of];
	f->key = secret_dup(k->env->keys[of]);
	return f->key ? 0 : ERR_NOMEM;
}

static int
found_configured(struct keeper *k, bool first_start, struct found *f,
		 char *detail, size_t size)
{
	char path[PATH_SIZE];

	f->params = "";
	f->source = configured(k, path, sizeof(path));
	snprintf(f->where, sizeof(f->where), "%.299s", path);
	if (f->source == CONNECT_KEY_PASSPHRASE)
		return found_passphrase(k, f);
	return vault_key_from_file(
		path, first_start && f->source == CONNECT_KEY_FOLDER, &f->key,
		&f->has_id, detail, size);
}

/*
 * What the settings do not lead to, and is there all the same: a key that the
 * parent was given during a rotation, one whose file was written just before
 * a kill, or the new one beside a key file, of a command that did not come to
 * putting it in its place.
 */
static struct secret *
found_besides(struct keeper *k, const struct found *f, char *where, size_t size)
{
	struct secret *key = NULL;
	char unused[512];
	size_t i;

	for (i = 0; i < PROC_KEYS; i++)
		if (is_current(k, k->env->keys[i])) {
			snprintf(where, size, "the parent's memory");
			return secret_dup(k->env->keys[i]);
		}
	keeper_path(k, "master.key.next", where, size);
	vault_key_from_file(where, false, &key, NULL, unused, sizeof(unused));
	if (!is_current(k, key) && f->source == CONNECT_KEY_FILE) {
		secret_free(key);
		snprintf(where, size, "%s" CONNECT_KEY_NEW,
			 conf_text(k->env->conf, CONF_KEY_FILE));
		vault_key_from_file(where, false, &key, NULL, unused,
				    sizeof(unused));
	}
	if (is_current(k, key))
		return key;
	secret_free(key);
	return NULL;
}

void
keeper_ring_keep(struct keeper *k, const struct secret *key,
		 enum connect_key_source source)
{
	char unused[PATH_SIZE];
	size_t i;

	if (source == CONNECT_KEY_FOLDER &&
	    configured(k, unused, sizeof(unused)) == CONNECT_KEY_FOLDER)
		return;
	for (i = 0; i < PROC_KEYS; i++)
		if (k->env->keys[i] && secret_eq(k->env->keys[i], key))
			return; /* the parent has it */
	/* The current one stays: it opens the next until the switch. */
	proc_env_keep_key(k->env,
			  is_current(k, k->env->keys[PROC_KEY_HANDED])
				  ? PROC_KEY_OTHER
				  : PROC_KEY_HANDED,
			  key);
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
	since = keeper_ring_former_since(k, id);
	clock_format(since, at);
	at[DATE_SIZE - 1] = '\0';
	if (is_in_state(k, f->key, "next"))
		snprintf(detail, size,
			 "a rotation to the %s in %s is under way, and has "
			 "not ended: start once more with the former (key %s); "
			 "`drawbridge keyring status` tells when it has ended",
			 f->source == CONNECT_KEY_PASSPHRASE ? "passphrase"
							     : "master key",
			 f->where, r->current_id);
	else if (since)
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
		snprintf(r->params, sizeof(r->params), "%s", f.params);
	if (!rc)
		rc = ring_adopt(k, f.key);
	if (rc == ERR_CRYPTO && f.key)
		snprintf(detail, size,
			 "%s is not the master key that the grants were sealed "
			 "with",
			 f.where);
	return rc;
}

/* The settings lead to the current key.  What it took is known from now on,
 * where a version has left that to the files. */
static int
ring_found(struct keeper *k, const struct found *f)
{
	struct keeper_ring *r = k->ring;

	r->current = f->key;
	r->source = f->source;
	if (!r->params[0])
		snprintf(r->params, sizeof(r->params), "%s", f->params);
	return store_exec(k->db, NULL,
			  "UPDATE master_keys SET source = ?2, params = ?3 "
			  "WHERE id = ?1 AND (source <> ?2 OR params <> ?3)",
			  "sss", r->current_id,
			  connect_key_source_name(r->source), r->params);
}

static int
ring_find(struct keeper *k, char *detail, size_t size)
{
	struct keeper_ring *r = k->ring;
	struct found f = { 0 };
	char where[PATH_SIZE];
	int rc = found_configured(k, false, &f, detail, size);

	if (!rc && is_current(k, f.key))
		return ring_found(k, &f);
	r->current = found_besides(k, &f, where, sizeof(where));
	if (r->current) {
		log_warn("the master key was replaced, and the settings lead "
			 "to the former one still",
			 LOG_S("place", f.where), LOG_S("found", where),
			 LOG_S("key", r->current_id));
		keeper_ring_keep(k, r->current, r->source);
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
			  r->next_params, &sealed);
	if (!rc)
		rc = vault_open(r->current, r->next_id, buf_slice(&sealed),
				&r->next);
	buf_release(&sealed);
	if (!rc) /* the parent may be another one than when it was begun */
		keeper_ring_keep(k, r->next, r->next_source);
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc)
		snprintf(detail, size,
			 "the next master key (key %s) in grants.db does not "
			 "open: the file is damaged; restore a backup",
			 r->next_id);
	return rc;
}

/* What the parent has told with its keys is taken from behind them. */
static int
ring_hear(struct keeper *k)
{
	struct secret *key;
	struct slice rest;
	size_t i;

	for (i = 0; i < PROC_KEYS; i++) {
		key = k->env->keys[i];
		if (!key)
			continue;
		if (secret_len(key) < VAULT_KEY_SIZE)
			return ERR_PROTOCOL;
		rest = slice_from(slice_of(secret_peek(key), secret_len(key)),
				  VAULT_KEY_SIZE);
		if (slice_copy(rest, k->ring->told[i], VAULT_PARAMS_SIZE))
			return ERR_PROTOCOL;
		secret_truncate(key, VAULT_KEY_SIZE);
	}
	return 0;
}

int
keeper_ring_open(struct keeper *k, char *detail, size_t size)
{
	struct keeper_ring *r = k->ring = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return ERR_NOMEM;
	r->keeper = k;
	rc = ring_hear(k);
	if (rc)
		return rc;
	rc = row_of_state(k, "current", r->current_id, &r->source, &r->since,
			  r->params, NULL);
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

/* Whether the other keeper has begun or ended a rotation since this one has
 * looked: it was held late, being busy. */
static bool
ring_is_old(struct keeper *k)
{
	char id[VAULT_KEY_ID_SIZE] = "", next[VAULT_KEY_ID_SIZE] = "";
	char params[VAULT_PARAMS_SIZE];
	const struct keeper_ring *r = k->ring;
	enum connect_key_source source;
	int64_t since;
	int rc = row_of_state(k, "current", id, &source, &since, params, NULL);

	if (rc && rc != ERR_NOT_FOUND)
		return false; /* a database that is busy says nothing */
	rc = row_of_state(k, "next", next, &source, &since, params, NULL);
	if (rc && rc != ERR_NOT_FOUND)
		return false;
	return strcmp(id, r->current_id) != 0 ||
	       strcmp(next, r->next ? r->next_id : "") != 0;
}

void
keeper_ring_alone(struct keeper *k, bool alone)
{
	if (alone && ring_is_old(k)) {
		/* What it lacks it may not read any more: the next one does. */
		log_warn("another keeper has changed the master keys: this one "
			 "ends, and is started anew");
		loop_stop(k->loop);
		return;
	}
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

/* The key, and what may stand behind it. */
static int
taken_split(struct secret *given, char params[VAULT_PARAMS_SIZE])
{
	struct slice bytes = slice_of(secret_peek(given), secret_len(given));
	struct vault_kdf kdf;
	struct slice rest;

	if (params)
		params[0] = '\0';
	if (bytes.len < VAULT_KEY_SIZE)
		return ERR_INVALID;
	rest = slice_from(bytes, VAULT_KEY_SIZE);
	if (rest.len && (!params || vault_params_read(rest, &kdf)))
		return ERR_INVALID;
	if (rest.len)
		vault_params_write(&kdf, params);
	secret_truncate(given, VAULT_KEY_SIZE);
	return 0;
}

int
keeper_ring_take(struct keeper *k, struct slice sealed, struct secret **out,
		 char params[VAULT_PARAMS_SIZE])
{
	int rc = vault_handover_open(k->ring->handover, sealed, out);

	/* Once: what was sealed for this paper opens no more. */
	if (!rc)
		rc = keeper_ring_paper(k);
	if (!rc)
		rc = taken_split(*out, params);
	if (rc) {
		secret_free(*out);
		*out = NULL;
	}
	return rc;
}
