/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of method/. */
#ifndef METHOD_METHOD_PRIV_H
#define METHOD_METHOD_PRIV_H

#include "method/method.h"

enum { METHOD_EXPANDED_MAX = 32 * 1024 };

/* Appends a template with the credential's values, and {basic}, in it.
 * ERR_INVALID when a field is missing.  inject.c */
int method_expand(const struct binding *b, const struct method_credential *c,
		  const char *template, struct buf *out);

#endif
