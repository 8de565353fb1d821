/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring rotate: another master key.
 *
 * Where the key is kept in the data folder, the keeper makes the new one and
 * nothing of it is seen here.  A key that is kept elsewhere is made here and
 * handed to the keeper sealed: one for a file is put on disk before, and what
 * a passphrase takes goes with its key.  Nothing that a running server or its
 * next start needs is touched: the keeper alone writes in its folder.
 *
 * Once the key was sent, its file is not removed unless it was refused: an
 * answer that does not come says nothing of what has been begun.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/keys_priv.h"

enum { POLL_US = 100 * 1000 };

const struct cli_option cli_rotate_options[] = {
	{ "data-keys", CLI_FLAG, NULL,
	  "make the data keys anew too: every credential is sealed again" },
	{ "new-key-file", CLI_VALUE, "FILE",
	  "the new key is in this file (made if missing)" },
	{ "new-passphrase-file", CLI_VALUE, "FILE",
	  "the new key is made from this passphrase" },
	{ "new-passphrase-stdin", CLI_FLAG, NULL,
	  "the same, from standard input (asked for on a terminal)" },
	{ "into-folder", CLI_FLAG, NULL,
	  "the new key is kept in the data folder, wherever the former was" },
	{ "no-wait", CLI_FLAG, NULL, "do not wait for the end" },
	CLI_PATIENCE_OPTION("a backup or an upgrade"),
	{ NULL },
};

/* What is done, and what is left to people. */
struct rotation {
	struct cli *c;
	struct cli_place place;
	struct cli_paper paper;
	enum connect_key_source to;
	struct secret *key; /* NULL: the keeper makes it */
	char id[VAULT_KEY_ID_SIZE];
	char params[VAULT_PARAMS_SIZE]; /* of a passphrase; "" */
	char file[4200];		/* where the new key lies; "" */
	bool replace;			/* in the place of the former file */
	bool made;			/* the file, by this command */
	bool sent;
	int status; /* of what was answered; 0: nothing */
};

/* ---- what the server has ---- */

/* Where the new key is there. */
enum there {
	THERE_UNKNOWN,
	THERE_NOT,
	THERE_NEXT, /* a rotation to it has not ended */
	THERE_CURRENT,
};

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static enum there
key_ask(struct rotation *r, const char *id)
{
	enum there where = THERE_NOT;
	const json_t *told, *rotation;
	struct cli_answer a;

	if (cli_request_quiet(r->c, "/v1/keyring", &a))
		return THERE_UNKNOWN;
	told = cli_answer_json(&a);
	rotation = json_object_get(told, "rotation");
	if (!text_of(told, "id")[0])
		where = THERE_UNKNOWN;
	else if (!strcmp(text_of(told, "id"), id))
		where = !strcmp(text_of(rotation, "phase"), "data_keys")
				? THERE_NEXT
				: THERE_CURRENT;
	else if (!strcmp(text_of(rotation, "next_id"), id))
		where = THERE_NEXT;
	cli_answer_release(&a);
	return where;
}

/* ---- the new key ---- */

/* One command at a time looks what lies beside the former key, and moves it:
 * what it has seen there is what it moves.  A descriptor, to be closed. */
static int
files_lock(const struct rotation *r)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/keeper", r->place.data);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}

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

/* Nothing but this key takes the place of the former one.  Locked. */
static int
file_replace(struct rotation *r, const char *id)
{
	char there[VAULT_KEY_ID_SIZE];

	file_id(r->file, there);
	if (strcmp(there, id) != 0) {
		file_id(r->paper.path, there);
		if (strcmp(there, id) != 0)
			return cli_fail(CLI_FAILED,
					"the key was replaced, but %s does not "
					"hold the new one (key %s) any more, "
					"nor does %s: find it before the next "
					"start, or make a backup now, which "
					"holds it",
					r->file, id, r->paper.path);
		/* another command was faster */
	} else if (rename(r->file, r->paper.path)) {
		return cli_fail(CLI_FAILED,
				"the key was replaced, but %s could not be put "
				"in the place of %s: %s. Do it by hand before "
				"the next start",
				r->file, r->paper.path, strerror(errno));
	}
	if (folder_sync_of(r->paper.path))
		return cli_fail(CLI_FAILED,
				"%s holds the new key, but its folder could "
				"not be brought to disk: %s",
				r->paper.path, strerror(errno));
	cli_say(r->c, "%s holds the new key now.", r->paper.path);
	return CLI_OK;
}

static int
key_in_the_way(const struct rotation *r, const char *id, enum there where)
{
	if (where == THERE_NEXT)
		return cli_fail(CLI_FAILED,
				"%s holds the key of a rotation that is under "
				"way (key %s): leave it there until that has "
				"ended; `drawbridge keyring status` tells",
				r->file, id);
	return cli_fail(CLI_FAILED,
			"%s is there already%s%s%s. Where `drawbridge keyring "
			"status` does not name its key it is of no use, and "
			"can go; or name another file with --new-key-file",
			r->file, id[0] ? " (key " : "", id, id[0] ? ")" : "");
}

/* One that is there may be of a command that did not come to its end.  The
 * key that is in use goes where it belongs.  Locked. */
static int
key_left(struct rotation *r)
{
	char id[VAULT_KEY_ID_SIZE];
	enum there where = THERE_NOT;

	if (access(r->file, F_OK) && errno == ENOENT)
		return CLI_OK;
	file_id(r->file, id);
	if (id[0])
		where = key_ask(r, id);
	return where == THERE_CURRENT ? file_replace(r, id)
				      : key_in_the_way(r, id, where);
}

static int
key_make(struct rotation *r)
{
	char detail[512] = "";
	int rc;

	r->key = vault_key_new();
	rc = r->key ? vault_key_to_file(r->file, r->key, false, detail,
					sizeof(detail))
		    : ERR_NOMEM;
	if (rc == ERR_EXISTS) /* since we looked */
		return key_in_the_way(r, "", THERE_UNKNOWN);
	r->made = true;
	if (rc)
		return cli_fail(CLI_FAILED, "%s",
				detail[0] ? detail : err_text(rc));
	return cli_keys_owner(r->place.data, r->file);
}

static int
key_given(struct rotation *r, const char *file)
{
	char detail[512] = "";
	int rc;

	/* The keeper, not this command, will be given the name. */
	if (file[0] != '/' && r->paper.source != CONNECT_KEY_CREDENTIAL)
		return cli_misused(r->c, "--new-key-file wants a whole path");
	r->to = r->paper.source == CONNECT_KEY_CREDENTIAL
			? CONNECT_KEY_CREDENTIAL
			: CONNECT_KEY_FILE;
	snprintf(r->file, sizeof(r->file), "%s", file);
	if (access(file, F_OK) && errno == ENOENT)
		return key_make(r);
	rc = vault_key_from_file(file, false, &r->key, NULL, detail,
				 sizeof(detail));
	return rc ? cli_fail(CLI_FAILED, "%s", detail) : CLI_OK;
}

static int
key_of_passphrase(struct rotation *r, const char *file)
{
	struct secret *passphrase = NULL;
	struct vault_kdf kdf;
	int rc;

	rc = file ? cli_secret_read(file, CLI_PASSPHRASE_MAX, &passphrase)
		  : cli_secret_ask("New passphrase", CLI_PASSPHRASE_MAX,
				   &passphrase);
	if (rc)
		return rc;
	r->to = CONNECT_KEY_PASSPHRASE;
	vault_passphrase_trim(passphrase);
	vault_kdf_new(&kdf);
	vault_params_write(&kdf, r->params);
	rc = vault_kdf(&kdf, passphrase, &r->key);
	secret_free(passphrase);
	if (!rc)
		return CLI_OK;
	return cli_fail(CLI_FAILED, "%s",
			rc == ERR_INVALID ? "the new passphrase is empty"
					  : err_text(rc));
}

/* In the place of the former, at the end. */
static int
key_beside(struct rotation *r)
{
	int lock, rc;

	if (r->paper.path[0] != '/')
		return cli_misused(r->c,
				   "the server was started with a --key-file "
				   "that is no whole path: say where the new "
				   "key is to be with --new-key-file");
	snprintf(r->file, sizeof(r->file), "%s" CONNECT_KEY_NEW, r->paper.path);
	r->replace = true;
	lock = files_lock(r);
	rc = key_left(r);
	if (!rc)
		rc = key_make(r);
	if (lock >= 0)
		close(lock);
	return rc;
}

/* Nothing was said of where the new key is to be. */
static int
key_usual(struct rotation *r)
{
	r->to = r->paper.source;
	switch (r->paper.source) {
	case CONNECT_KEY_FILE:
		return key_beside(r);
	case CONNECT_KEY_CREDENTIAL:
		return cli_misused(r->c,
				   "the key is a credential of systemd: name "
				   "the file for the new one with "
				   "--new-key-file");
	case CONNECT_KEY_PASSPHRASE:
		return cli_misused(r->c,
				   "the key is made from a passphrase: give "
				   "the new one with --new-passphrase-file or "
				   "--new-passphrase-stdin");
	case CONNECT_KEY_FOLDER:
	case CONNECT_KEY_SOURCES:
		break;
	}
	return CLI_OK;
}

static int
key_choose(struct rotation *r)
{
	const struct cli_args *a = &r->c->args;
	const char *file = cli_value(a, "new-key-file");
	const char *phrase = cli_value(a, "new-passphrase-file");
	bool asked = cli_flag(a, "new-passphrase-stdin");
	bool folder = cli_flag(a, "into-folder");

	if ((file != NULL) + (phrase != NULL) + asked + folder > 1)
		return cli_misused(r->c, "one new key at a time");
	if (file)
		return key_given(r, file);
	if (phrase || asked)
		return key_of_passphrase(r, phrase);
	if (!folder)
		return key_usual(r);
	r->to = CONNECT_KEY_FOLDER;
	return CLI_OK;
}

/* ---- asking, waiting ---- */

/* The key, and behind it what a passphrase takes. */
static int
key_seal(struct rotation *r, char handover[CLI_SEALED_SIZE])
{
	size_t len = strlen(r->params);
	struct cli_paper paper; /* another one, after a wait */
	struct secret *given;
	int rc = cli_paper_read(r->place.data, &paper);

	if (rc)
		return rc;
	given = secret_new(VAULT_KEY_SIZE + len);
	if (!given)
		return cli_fail(CLI_FAILED, "%s", err_text(ERR_NOMEM));
	memcpy(secret_bytes(given), secret_peek(r->key), VAULT_KEY_SIZE);
	memcpy(secret_bytes(given) + VAULT_KEY_SIZE, r->params, len);
	rc = cli_paper_seal(&paper, given, handover);
	secret_free(given);
	return rc;
}

/* why: as cli_patience_request(). */
static int
rotate_send(struct rotation *r, char why[CLI_WHY_SIZE])
{
	char handover[CLI_SEALED_SIZE] = "";
	struct cli_answer a = { 0 };
	struct buf body;
	json_t *json;
	int rc = r->key ? key_seal(r, handover) : CLI_OK;

	if (rc)
		return rc;
	json = json_pack("{s:b, s:s, s:s}", "data_keys",
			 cli_flag(&r->c->args, "data-keys"), "source",
			 connect_key_source_name(r->to), "handover", handover);
	buf_init(&body, 4096);
	json_write(json, &body);
	json_decref(json);
	r->sent = true;
	rc = cli_patience_request(r->c, "/v1/keyring/rotate", buf_slice(&body),
				  why, &a);
	r->status = a.status;
	if (!rc)
		cli_answer_release(&a);
	buf_release(&body);
	return rc;
}

static int
rotate_begin(struct rotation *r)
{
	char why[CLI_WHY_SIZE];
	struct cli_patience p;
	int rc = cli_patience_begin(r->c, &p);

	while (!rc) {
		rc = rotate_send(r, why);
		if (rc || !why[0])
			break;
		rc = cli_patience_wait(&p, why);
	}
	return rc;
}

static uint64_t
number_of(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* Until the rotation has ended; the last answer. */
static int
rotate_wait(struct rotation *r, struct cli_answer *a)
{
	const json_t *rotation;
	const char *phase;
	int rc;

	for (;;) {
		rc = cli_request(r->c, "GET", "/v1/keyring", SLICE_NONE, a);
		if (rc)
			break;
		rotation = json_object_get(cli_answer_json(a), "rotation");
		phase = text_of(rotation, "phase");
		if (!phase[0] || !strcmp(phase, "ended"))
			break;
		cli_progress(r->c,
			     !strcmp(phase, "data_keys") ? "Sealing again"
							 : "Rewrapping",
			     number_of(rotation, "done"),
			     number_of(rotation, "total"));
		cli_answer_release(a);
		usleep(POLL_US);
	}
	cli_progress_end(r->c);
	return rc;
}

/* ---- what is left to do ---- */

/* What is not known is said: where the key is, and what decides. */
static int
doubt_tell(const struct rotation *r, int rc, const char *what)
{
	if (r->to == CONNECT_KEY_PASSPHRASE)
		return cli_fail((enum cli_exit)rc,
				"%s Keep both passphrases: `drawbridge keyring "
				"status` decides. If it names the key %s, that "
				"is of the new one; if as the one that a "
				"rotation leads to, it is once that has ended; "
				"if not at all, the former one stays",
				what, r->id);
	return cli_fail((enum cli_exit)rc,
			"%s %s holds the new key (key %s): leave it there. "
			"`drawbridge keyring status` decides: if it names that "
			"key, %s%s once the rotation has ended; if not at all, "
			"it is of no use",
			what, r->file, r->id,
			r->replace ? "put the file in the place of "
				   : "the server wants it",
			r->replace ? r->paper.path : "");
}

/* Made for nothing; by now it may be another command's. */
static void
file_remove(const struct rotation *r)
{
	int lock = files_lock(r);
	char id[VAULT_KEY_ID_SIZE];

	file_id(r->file, id);
	if (!strcmp(id, r->id))
		unlink(r->file);
	if (lock >= 0)
		close(lock);
}

/*
 * The request has failed, and perhaps its answer alone.  Refused is what was
 * told so; an answer that was lost on the way, or a failure of who should have
 * answered, may be of a rotation that has begun.
 */
static int
rotate_failed(struct rotation *r, int rc)
{
	bool refused = !r->sent || (r->status >= 400 && r->status < 500);
	enum there where;

	if (!r->key)
		return rc;
	vault_key_id(r->key, r->id);
	where = r->sent ? key_ask(r, r->id) : THERE_NOT;
	if (where >= THERE_NEXT) {
		cli_say(r->c, "It has begun all the same.");
		return CLI_OK;
	}
	if (!refused)
		return doubt_tell(r, rc,
				  "Whether the rotation has begun is not "
				  "known.");
	if (r->replace && r->made)
		file_remove(r);
	return rc;
}

static void
rotate_tell(struct rotation *r)
{
	if (r->to == CONNECT_KEY_FILE)
		cli_say(r->c,
			"Start the server with --key-file %s from now on: the "
			"running one has the new key already.",
			r->file);
	else if (r->to == CONNECT_KEY_CREDENTIAL)
		cli_say(r->c,
			"Make %s the credential drawbridge.key of the unit "
			"before its next start: the running server has the "
			"new key already.",
			r->file);
	else if (r->to == CONNECT_KEY_PASSPHRASE)
		cli_say(r->c,
			"Put the new passphrase into the file of "
			"--passphrase-file before the next start: the running "
			"server has the new key already.");
	else if (r->paper.source != CONNECT_KEY_FOLDER)
		cli_say(r->c, "Start the server without --key-file, "
			      "--passphrase-file or credential from now on.");
}

/* It was begun, and nobody waits for its end. */
static int
rotate_leave(struct rotation *r)
{
	cli_say(r->c, "It has begun; `drawbridge keyring status` tells how far "
		      "it is.");
	if (r->replace)
		cli_say(r->c,
			"Once it has ended, put %s in the place of %s: it "
			"holds the new key.",
			r->file, r->paper.path);
	else if (r->to != CONNECT_KEY_FOLDER ||
		 r->paper.source != CONNECT_KEY_FOLDER)
		cli_say(r->c, "Once it has ended:");
	if (!r->replace)
		rotate_tell(r);
	return CLI_OK;
}

/* The key that there is now: ours, unless there was another rotation since. */
static int
rotate_ended(struct rotation *r, const char *id)
{
	int lock, rc;

	if (r->key && strcmp(id, r->id) != 0)
		return cli_fail(CLI_FAILED,
				"the master key is another one (%s) than this "
				"rotation has led to (%s): one has followed "
				"it, or a backup was restored. %s%s",
				id, r->id, r->file,
				r->file[0] ? " was left where it is" : "");
	cli_say(r->c, "The master key is another one now: %s.", id);
	if (!r->replace) {
		rotate_tell(r);
		return CLI_OK;
	}
	lock = files_lock(r);
	rc = file_replace(r, r->id);
	if (lock >= 0)
		close(lock);
	return rc;
}

static int
rotate_finish(struct rotation *r)
{
	struct cli_answer a;
	uint64_t failed;
	int rc;

	if (r->key)
		vault_key_id(r->key, r->id);
	rc = rotate_wait(r, &a);
	if (rc && r->key)
		return doubt_tell(r, rc,
				  "The rotation has begun, and its end was not "
				  "seen.");
	if (rc)
		return rc;
	failed = number_of(json_object_get(cli_answer_json(&a), "rotation"),
			   "failed");
	rc = r->c->json ? cli_show_raw(&a) : CLI_OK;
	if (!rc)
		rc = rotate_ended(r, text_of(cli_answer_json(&a), "id"));
	cli_answer_release(&a);
	if (!rc && failed)
		rc = cli_fail(CLI_FAILED,
			      "%llu data keys did not open, since they or what "
			      "they have sealed were damaged before; the log "
			      "names them",
			      (unsigned long long)failed);
	return rc;
}

int
cli_rotate_run(struct cli *c)
{
	struct rotation r = { .c = c };
	int rc = vault_init() ? CLI_FAILED : cli_keys_place(c, &r.place);

	if (!rc)
		rc = cli_paper_read(r.place.data, &r.paper);
	if (!rc)
		rc = key_choose(&r);
	if (!rc)
		rc = rotate_begin(&r);
	if (rc)
		rc = rotate_failed(&r, rc);
	if (!rc)
		rc = cli_flag(&c->args, "no-wait") ? rotate_leave(&r)
						   : rotate_finish(&r);
	secret_free(r.key);
	return rc;
}
