/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of errors, and the end of the process when an assertion fails.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

const char *
err_text(int code)
{
	switch (code) {
	case ERR_OK:
		return "no error";
#define ERR_TEXT(name, value, text) \
	case value: \
		return text;
		ERR_LIST(ERR_TEXT)
#undef ERR_TEXT
	default:
		return "unknown error";
	}
}

void
base_assert_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, cond);
	abort();
}
