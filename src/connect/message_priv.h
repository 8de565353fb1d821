/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of messages, for the files that pack and unpack them.
 */
#ifndef CONNECT_MESSAGE_PRIV_H
#define CONNECT_MESSAGE_PRIV_H

#include "connect/message.h"

/* 0 when everything was read; else ERR_PROTOCOL. */
int connect_msg_done(const struct proc_unpack *u);
void connect_msg_pack_binding(struct proc_pack *p, const struct binding *b);
/* Owned; NULL on a mistake. */
struct binding *connect_msg_unpack_binding(struct proc_unpack *u);
/* Exactly so many bytes. */
void connect_msg_unpack_raw(struct proc_unpack *u, void *out, size_t size);
/* A number up to this one; more is a mistake. */
uint64_t connect_msg_unpack_most(struct proc_unpack *u, uint64_t most);

#endif
