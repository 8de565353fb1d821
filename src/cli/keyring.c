/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring status, rotate, make: the master key, and another in its place
 * (rotate.c).
 */
#include "cli/keys_priv.h"

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
	rc = key ? vault_key_to_file(path, key, false, detail, sizeof(detail))
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
	  cli_rotate_run, cli_rotate_options },
	{ "keyring make", "FILE",
	  "make a key file, for --key-file or a "
	  "backup",
	  "32 random bytes and a check of them, mode 0600.  An existing file "
	  "is left alone.",
	  make_run, NULL, 1, 1 },
	{ NULL },
};
