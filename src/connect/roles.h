/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two processes of connect/: they are started by proc/ and end with it.
 *
 *   keeper     holds master key, refresh tokens, client secrets; decides
 *              about refresh; opens no socket but its channels
 *   exchanger  speaks to token endpoints with the secrets of one grant for
 *              one request; holds no key and no database
 */
#ifndef CONNECT_ROLES_H
#define CONNECT_ROLES_H

#include "proc/proc.h"

/* Run until the process is told to end; the exit status. */
int connect_keeper_main(struct proc_env *env);
int connect_exchanger_main(struct proc_env *env);

#endif
