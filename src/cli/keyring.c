/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring status, rotate, make: the master key, and another in its place.
 *
 * Where the key is kept in the data folder, the keeper makes the new one and
 * nothing of it is seen here.  A key that is kept elsewhere is made here,
 * put on disk, and handed to the keeper sealed.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/keys_priv.h"

enum { POLL_US = 100 * 1000 };

static const struct cli_option rotate_options[] = {
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

static const struct cli_column columns[] = {
	{ "KEY", "id" },
	{ "KEPT IN", "source" },
	{ "SINCE", "since" },
	{ "FORMER KEYS", "former" },
	{ "DATA KEYS", "data_keys.count" },
	{ "OLDEST DATA KEY", "data_keys.oldest_at" },
	{ "ROTATION", "rotation.phase" },
	{ "  TO", "rotation.next_id" },
	{ "  BEGUN", "rotation.begun_at" },
	{ "  ENDED", "rotation.ended_at" },
	{ "  DONE", "rotation.done" },
	{ "  OF", "rotation.total" },
	{ "  FAILED", "rotation.failed" },
	{ NULL },
};

/* ---- status ---- */

static int
status_run(struct cli *c)
{
	struct cli_answer a;
	struct cli_place place;
	int rc = cli_keys_place(c, &place);

	if (!rc)
		rc = cli_request(c, "GET", "/v1/keyring", SLICE_NONE, &a);
	if (rc)
		return rc;
	rc = cli_show_object(c, &a, columns);
	cli_answer_release(&a);
	return rc;
}

/* ---- rotate: the new key ---- */

/* What is done, and what is left to people. */
struct rotation {
	struct cli *c;
	struct cli_place place;
	struct cli_paper paper;
	enum connect_key_source to;
	struct secret *key; /* NULL: the keeper makes it */
	char file[4200];    /* where the new key lies; "" */
	bool replace;	    /* it takes the place of the former file */
};

static int
key_make(struct rotation *r)
{
	char detail[512] = "";
	int rc;

	r->key = vault_key_new();
	rc = r->key ? vault_key_to_file(r->file, r->key, detail, sizeof(detail))
		    : ERR_NOMEM;
	if (rc == ERR_EXISTS)
		return cli_fail(CLI_FAILED,
				"%s is there already, perhaps of a rotation "
				"that was begun (see `drawbridge keyring "
				"status`); move it away, or name it with "
				"--new-key-file",
				r->file);
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
	char params[4200], detail[512] = "";
	int rc;

	rc = file ? cli_secret_read(file, CLI_PASSPHRASE_MAX, &passphrase)
		  : cli_secret_ask("New passphrase", CLI_PASSPHRASE_MAX,
				   &passphrase);
	if (rc)
		return rc;
	r->to = CONNECT_KEY_PASSPHRASE;
	snprintf(params, sizeof(params), "%s/keeper/passphrase.params.next",
		 r->place.data);
	unlink(params); /* of one that never began */
	rc = vault_key_from_passphrase(passphrase, params, true, &r->key,
				       detail, sizeof(detail));
	secret_free(passphrase);
	if (rc)
		return cli_fail(CLI_FAILED, "%s",
				detail[0] ? detail : err_text(rc));
	return cli_keys_owner(r->place.data, params);
}

/* Nothing was said of where the new key is to be. */
static int
key_usual(struct rotation *r)
{
	r->to = r->paper.source;
	switch (r->paper.source) {
	case CONNECT_KEY_FILE:
		snprintf(r->file, sizeof(r->file), "%s.new", r->paper.path);
		r->replace = true;
		return key_make(r);
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

/* ---- rotate: asking, waiting ---- */

/* why: as cli_patience_request(). */
static int
rotate_send(struct rotation *r, char why[CLI_WHY_SIZE])
{
	char handover[CLI_SEALED_SIZE] = "";
	struct cli_paper paper; /* another one, after a wait */
	struct cli_answer a;
	struct buf body;
	json_t *json;
	int rc = CLI_OK;

	if (r->key)
		rc = cli_paper_read(r->place.data, &paper);
	if (r->key && !rc)
		rc = cli_paper_seal(&paper, r->key, handover);
	if (rc)
		return rc;
	json = json_pack("{s:b, s:s, s:s}", "data_keys",
			 cli_flag(&r->c->args, "data-keys"), "source",
			 connect_key_source_name(r->to), "handover", handover);
	buf_init(&body, 4096);
	json_write(json, &body);
	json_decref(json);
	rc = cli_patience_request(r->c, "/v1/keyring/rotate", buf_slice(&body),
				  why, &a);
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
		phase = json_string_value(json_object_get(rotation, "phase"));
		if (!phase || !strcmp(phase, "ended"))
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

/* ---- rotate: what is left to do ---- */

static int
file_replace(struct rotation *r)
{
	if (!rename(r->file, r->paper.path)) {
		cli_say(r->c, "%s holds the new key now.", r->paper.path);
		return CLI_OK;
	}
	return cli_fail(CLI_FAILED,
			"the key was replaced, but %s could not be put in the "
			"place of %s: %s. Do it by hand before the next start",
			r->file, r->paper.path, strerror(errno));
}

static int
rotate_tell(struct rotation *r)
{
	if (r->replace)
		return file_replace(r);
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
	return CLI_OK;
}

static int
rotate_finish(struct rotation *r)
{
	struct cli_answer a;
	uint64_t failed;
	int rc = rotate_wait(r, &a);

	if (rc)
		return rc;
	failed = number_of(json_object_get(cli_answer_json(&a), "rotation"),
			   "failed");
	rc = r->c->json ? cli_show_raw(&a) : CLI_OK;
	cli_say(r->c, "The master key is another one now: %s.",
		json_string_value(json_object_get(cli_answer_json(&a), "id")));
	cli_answer_release(&a);
	if (!rc)
		rc = rotate_tell(r);
	if (!rc && failed)
		rc = cli_fail(CLI_FAILED,
			      "%llu data keys did not open, since they or what "
			      "they have sealed were damaged before; the log "
			      "names them",
			      (unsigned long long)failed);
	return rc;
}

static int
rotate_run(struct cli *c)
{
	struct rotation r = { .c = c };
	int rc = vault_init() ? CLI_FAILED : cli_keys_place(c, &r.place);

	if (!rc)
		rc = cli_paper_read(r.place.data, &r.paper);
	if (!rc)
		rc = key_choose(&r);
	if (!rc)
		rc = rotate_begin(&r);
	if (rc && r.replace && r.key)
		unlink(r.file); /* made for nothing */
	if (!rc && cli_flag(&c->args, "no-wait"))
		cli_say(c, "It has begun; `drawbridge keyring status` tells "
			   "how far it is.");
	else if (!rc)
		rc = rotate_finish(&r);
	secret_free(r.key);
	return rc;
}

/* ---- make ---- */

static int
make_run(struct cli *c)
{
	char detail[512] = "", id[VAULT_KEY_ID_SIZE];
	const char *path = cli_word(c, 0);
	struct secret *key;
	int rc;

	if (vault_init())
		return CLI_FAILED;
	key = vault_key_new();
	rc = key ? vault_key_to_file(path, key, detail, sizeof(detail))
		 : ERR_NOMEM;
	if (rc) {
		secret_free(key);
		return cli_fail(CLI_FAILED, "%s",
				detail[0] ? detail : err_text(rc));
	}
	vault_key_id(key, id);
	secret_free(key);
	if (c->json) {
		snprintf(detail, sizeof(detail), "{\"id\":\"%s\"}\n", id);
		return cli_put(slice_str(detail));
	}
	cli_say(c, "%s holds the new key %s.", path, id);
	return CLI_OK;
}

const struct cli_command cli_keyring_commands[] = {
	{ "keyring status", "", "which master key there is, and how old", NULL,
	  status_run },
	{ "keyring rotate", "", "put another master key in the place of this",
	  "Works beside a running server, without a pause, and without one; "
	  "a kill at any\ntime loses nothing: the next server goes on.  The "
	  "new key is kept where the\nformer was, unless an option says "
	  "otherwise.  A key file elsewhere is replaced\nat the end (FILE.new "
	  "until then); a credential of systemd and a passphrase are\nyours "
	  "to replace before the next start.\n\n"
	  "Without --data-keys the credentials stay sealed as they are, with "
	  "data keys of\ntheir own, which are wrapped anew.  After a leak of "
	  "the master key take\n--data-keys, and read docs/operations.md: who "
	  "had key and database has the\ncredentials.",
	  rotate_run, rotate_options },
	{ "keyring make", "FILE",
	  "make a key file, for --key-file or a "
	  "backup",
	  "32 random bytes and a check of them, mode 0600.  An existing file "
	  "is left alone.",
	  make_run, NULL, 1, 1 },
	{ NULL },
};
