/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's side of keys and backups: it carries what the machine's own
 * command line and the keeper say to each other, and can read none of the
 * keys in it.  For work threads; errors as in front.h.
 */
#ifndef CONNECT_FRONT_KEYS_H
#define CONNECT_FRONT_KEYS_H

#include "connect/front.h"
#include "connect/message_keys.h"

int connect_front_keyring(struct connect_front *f,
			  struct connect_msg_keyring *out,
			  struct connect_problem *p);
/* Begins, and gives how it is then.  ERR_WRONG_STATE: one is under way
 * (wrong_state), or a backup or another keeper, for which one can wait
 * (keys_busy). */
int connect_front_rotate(struct connect_front *f,
			 const struct connect_msg_rotate *m,
			 struct connect_msg_keyring *out,
			 struct connect_problem *p);
/* Asks for, begins or drops the copy of the keeper's database.  MAY, START:
 * ERR_WRONG_STATE (keys_busy) while a rotation, another backup or another
 * keeper is at it. */
int connect_front_copy(struct connect_front *f,
		       const struct connect_msg_copy *m,
		       struct connect_msg_copied *out,
		       struct connect_problem *p);

#endif
