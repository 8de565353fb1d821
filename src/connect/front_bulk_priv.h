/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between front_bulk.c and front_bulk_item.c.
 */
#ifndef CONNECT_FRONT_BULK_PRIV_H
#define CONNECT_FRONT_BULK_PRIV_H

#include "connect/front_priv.h"

/* Reasons of a connection that is disabled. */
#define FRONT_BULK_SUSPENDED "It was suspended together with others."
#define FRONT_BULK_REVOKING "Its access is being revoked."

struct bulk {
	char id[CONNECT_ID_SIZE], org[CONNECT_ID_SIZE];
	bool revoke;
};

struct bulk_item {
	char connection[CONNECT_ID_SIZE];
	char was[20]; /* its status; "disabled" also if it is to be since */
};

/* Does one that waits.  0 also if another one has done it. */
int front_bulk_item(struct connect_front *f, struct store_conn *c,
		    const struct connect_who *who, const struct bulk *b,
		    const struct bulk_item *i);

#endif
