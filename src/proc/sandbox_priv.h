/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the sandbox (sandbox.c, landlock.c, seccomp.c).
 * What the kernel cannot do is logged there and gone without.
 */
#ifndef PROC_SANDBOX_PRIV_H
#define PROC_SANDBOX_PRIV_H

#include "proc/proc.h"

/* Files: these paths alone, without what the role must not read in them. */
void proc_landlock(const struct proc_env *env, const char *const *read_paths,
		   const char *const *write_paths);
/* System calls: the role's own list alone, for all its threads. */
void proc_seccomp(const struct proc_env *env);

#endif
