/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of vault/: private files, what a passphrase takes. */
#ifndef VAULT_VAULT_PRIV_H
#define VAULT_VAULT_PRIV_H

#include "vault/vault.h"

/* Up to size bytes of a file that its owner alone can read.  ERR_NOT_FOUND;
 * ERR_FORBIDDEN: others can; ERR_INVALID: no file; ERR_SYSTEM.  detail is for
 * people. */
int vault_file_read(const char *path, void *out, size_t size, size_t *len,
		    char *detail, size_t detail_size);
/* A new file, 0600, whole or not at all, on disk when this returns.
 * ERR_EXISTS, ERR_SYSTEM. */
int vault_file_create(const char *path, const void *data, size_t len,
		      char *detail, size_t size);

/*
 * The text of keeper/passphrase.params:
 *
 *   argon2id <opslimit> <memlimit in bytes> <salt in hex> <check>\n
 *
 * where the check is the begin of the SHA-256 of what is before it: a damaged
 * file is told from a mistyped passphrase.
 */
enum { VAULT_PARAMS_SIZE = 160 };
void vault_params_write(const struct vault_kdf *p, char out[VAULT_PARAMS_SIZE]);
/* ERR_INVALID: not what it writes, or beyond what vault_kdf() takes. */
int vault_params_read(struct slice text, struct vault_kdf *out);

#endif
