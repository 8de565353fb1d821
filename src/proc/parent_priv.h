/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the parent (parent.c, prepare.c).
 */
#ifndef PROC_PARENT_PRIV_H
#define PROC_PARENT_PRIV_H

#include "proc/control.h"

/* What the parent holds for as long as the server runs. */
struct proc_prepared {
	char data[4096]; /* absolute */
	int lock;	 /* of the data folder */
	struct proc_listener listeners[PROC_LISTENERS_MAX];
	size_t listener_count;
	struct secret *keys[PROC_KEYS]; /* NULL: in a file, or none */
	struct buf settings;
};

/*
 * Makes the data folder ready, locks it, opens the sockets, makes the key
 * from the passphrase.  What is wrong is said on standard error.
 */
int proc_prepare(const struct proc_parent_config *c, struct proc_prepared *out);
void proc_prepared_release(struct proc_prepared *p);

#endif
