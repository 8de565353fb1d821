/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of vault/: private files. */
#ifndef VAULT_VAULT_PRIV_H
#define VAULT_VAULT_PRIV_H

#include "vault/vault.h"

/* Up to size bytes of a file that its owner alone can read.  ERR_NOT_FOUND;
 * ERR_FORBIDDEN: others can; ERR_INVALID: no file; ERR_SYSTEM.  detail is for
 * people. */
int vault_file_read(const char *path, void *out, size_t size, size_t *len,
		    char *detail, size_t detail_size);
/* A file, 0600, whole or not at all, on disk when this returns; `over`: in the
 * place of one that is there.  ERR_EXISTS, ERR_SYSTEM. */
int vault_file_write(const char *path, const void *data, size_t len, bool over,
		     char *detail, size_t size);

#endif
