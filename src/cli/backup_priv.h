/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between backup.c, backup_copies.c, backup_file.c and restore.c.
 */
#ifndef CLI_BACKUP_PRIV_H
#define CLI_BACKUP_PRIV_H

#include "backup/backup.h"
#include "cli/keys_priv.h"

struct cli_backup_secret {
	struct secret *passphrase, *key;
};
/* By --passphrase-file, --key-file, or asked for. */
int cli_backup_secret_get(struct cli *c, bool wants_passphrase,
			  struct cli_backup_secret *out);
void cli_backup_secret_free(struct cli_backup_secret *s);

/* ---- backup_copies.c; errors are told, and exit codes come back ---- */

/* What is read of a data folder. */
#define CLI_MAIN_COPY "store/backup.db"
#define CLI_KEEPER_COPY "keeper/backup.db"
#define CLI_PARAMS "keeper/passphrase.params"

struct cli_backup_copies {
	struct cli *c;
	const char *data;		    /* the folder; borrowed */
	int main_copy, keeper_copy, params; /* -1: not open */
	bool asked;		   /* for copies, which are to be ended */
	char copy[RANDOM_ID_SIZE]; /* which they are; "": not told */
	struct secret *transport, *master;
	struct backup_manifest manifest; /* of them and of the key */
};
#define CLI_BACKUP_COPIES_NONE(cli) \
	{ \
		.c = (cli), .main_copy = -1, .keeper_copy = -1, .params = -1 \
	}
/* Has them made, and opens them; nothing of them has a name after that. */
int cli_backup_copies_get(struct cli_backup_copies *m);
/* In any case, at the end. */
void cli_backup_copies_close(struct cli_backup_copies *m);

/* ---- backup_file.c; as these ---- */

struct cli_backup_file {
	const char *path; /* borrowed */
	bool replaces;	  /* one that is there */
	char part[4200];  /* path.part */
	int fd;		  /* of that; -1: none */
};
/* Opens path.part.  Where that fails there is nothing to end. */
int cli_backup_file_begin(struct cli_backup_file *f, const char *path,
			  bool replaces);
/* Writing has failed: ERR_SYSTEM (errno) … */
int cli_backup_file_failed(const struct cli_backup_file *f, int err);
/* It is whole: brings it to disk, and gives it its name. */
int cli_backup_file_place(struct cli_backup_file *f);
/* Nothing half made stays.  After placing it: nothing to do. */
void cli_backup_file_end(struct cli_backup_file *f);

#endif
