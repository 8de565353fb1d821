/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of proc/.
 */
#ifndef PROC_PROC_PRIV_H
#define PROC_PROC_PRIV_H

#include "proc/proc.h"

enum { PROC_HEADER = 24 };

enum proc_kind { PROC_REQUEST = 1, PROC_REPLY, PROC_NOTICE };

struct proc_header {
	uint8_t kind;
	uint16_t type;
	uint32_t id;
	int err;
	uint64_t
		until_ms; /* clock_mono_ms(): the asker waits no longer; or 0 */
};

struct proc_pack {
	struct secret *bytes; /* header, then fields */
	size_t len;
	bool failed;
	struct proc_pack *next; /* waiting to be sent */
	uint32_t id;		/* of the request in it, or 0 */
};

void proc_header_write(struct proc_pack *p, const struct proc_header *h);
int proc_header_read(struct slice message, struct proc_header *h,
		     struct proc_unpack *u);

/* In a role: the channel to this peer was closed because it broke the
 * protocol; the parent gives both a new one. */
void proc_role_lost(enum proc_role peer);
/* In a role of one loop: it goes on.  For work that may hold it up for long
 * in pieces that are short; tells the parent at most once a second. */
void proc_role_alive(void);

/* The text of PROC_CONTROL_DEATHS.  ERR_PROTOCOL. */
void proc_deaths_write(const struct proc_deaths deaths[PROC_ROLES],
		       struct buf *out);
int proc_deaths_read(struct slice text, struct proc_deaths out[PROC_ROLES]);

#endif
