/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a long command is: a line on a terminal, written over.
 */
#include <unistd.h>

#include "cli/keys_priv.h"

static bool
is_shown(const struct cli *c)
{
	return !c->json && isatty(STDERR_FILENO);
}

void
cli_progress(const struct cli *c, const char *what, uint64_t done,
	     uint64_t total)
{
	if (!is_shown(c) || !total)
		return;
	fprintf(stderr, "\r%s: %3llu %% of %llu\033[K", what,
		(unsigned long long)(done * 100 / total),
		(unsigned long long)total);
	fflush(stderr);
}

void
cli_progress_end(const struct cli *c)
{
	if (is_shown(c))
		fputs("\r\033[K", stderr);
}
