/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between backup.c and restore.c.
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

#endif
