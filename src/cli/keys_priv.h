/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the commands about keys and backups (keyring.c, rotate.c, backup.c,
 * restore.c).
 */
#ifndef CLI_KEYS_PRIV_H
#define CLI_KEYS_PRIV_H

#include "cli/cli_priv.h"
#include "connect/connect.h"

enum {
	CLI_PASSPHRASE_MAX = 4096,
	CLI_SEALED_SIZE = CODEC_BASE64_SIZE(CONNECT_HANDOVER_MAX),
};

/* What the keeper has left for those who have a key for it. */
struct cli_paper {
	unsigned char paper[VAULT_PAPER_SIZE];
	enum connect_key_source source; /* of its own key */
	char path[4096]; /* the key's or the passphrase's file; "-" */
};

/* The data folder, with a server at it that answers. */
int cli_keys_place(struct cli *c, struct cli_place *out);
/* Gives a file to the owner of the data folder, when this is root. */
int cli_keys_owner(const char *data, const char *path);
int cli_paper_read(const char *data, struct cli_paper *out);
/* In base64url, for a member "handover". */
int cli_paper_seal(const struct cli_paper *p, const struct secret *key,
		   char out[CLI_SEALED_SIZE]);

/* ---- rotate.c ---- */

extern const struct cli_option cli_rotate_options[];
int cli_rotate_run(struct cli *c);

/* ---- patience.c: what cannot be done at the same time takes turns ---- */

enum { CLI_WHY_SIZE = 256 };

/* How long a command waits, and what for. */
struct cli_patience {
	uint64_t seconds, until; /* until: of clock_mono_ms() */
	char told[CLI_WHY_SIZE]; /* said last */
};

/* --patience SECONDS, for the options of a command. */
#define CLI_PATIENCE_OPTION(what) \
	{ \
		"patience", CLI_VALUE, "SECONDS", \
			"wait so long for " what " that is under way (600)" \
	}

/* From now on, as long as --patience says. */
int cli_patience_begin(const struct cli *c, struct cli_patience *p);
/* Some moments, and says why once.  CLI_FAILED, and told: long enough. */
int cli_patience_wait(struct cli_patience *p, const char *why);
/* POST; why: the sentence for cli_patience_wait() where the server is busy
 * with something that excludes it, and "" where it was done.  CLI_OK: with an
 * answer, to be released; else out->status is what was read of one, or 0. */
int cli_patience_request(struct cli *c, const char *path, struct slice body,
			 char why[CLI_WHY_SIZE], struct cli_answer *out);

/* A line on a terminal's standard error that is written over. */
void cli_progress(const struct cli *c, const char *what, uint64_t done,
		  uint64_t total);
/* Takes it away. */
void cli_progress_end(const struct cli *c);

#endif
