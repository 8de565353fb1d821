/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the exchanger.
 */
#ifndef CONNECT_EXCHANGER_PRIV_H
#define CONNECT_EXCHANGER_PRIV_H

#include "connect/message.h"

enum { CONNECT_ANSWER_MAX = 64 * 1024 }; /* bytes of an endpoint's answer */

/* ---- exchanger_lookup.c ---- */
/*
 * What the answer to the binding's look-up of this index says, into a zeroed
 * m: the values and the account, or m->err with m->detail.
 */
void connect_lookup_read(const struct binding *b, size_t index, int status,
			 struct slice body, struct connect_msg_looked_up *m);

#endif
