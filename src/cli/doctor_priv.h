/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of doctor share: findings.
 */
#ifndef CLI_DOCTOR_PRIV_H
#define CLI_DOCTOR_PRIV_H

#include "cli/cli_priv.h"

enum cli_result { CLI_RESULT_OK, CLI_RESULT_WARN, CLI_RESULT_FAIL };

struct cli_finding {
	enum cli_result result;
	char detail[512];
	char advice[256]; /* "" where there is nothing to do */
};

void cli_finding_set(struct cli_finding *f, enum cli_result result,
		     const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* In folder.c. */
void cli_check_folder(struct cli *c, struct cli_finding *f);
void cli_check_modes(struct cli *c, struct cli_finding *f);
void cli_check_disk(struct cli *c, struct cli_finding *f);

#endif
