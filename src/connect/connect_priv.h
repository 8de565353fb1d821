/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of connect/ in the front: views and work threads.
 */
#ifndef CONNECT_CONNECT_PRIV_H
#define CONNECT_CONNECT_PRIV_H

#include "connect/connect.h"
#include "connect/message.h"

/* How reasons begin that tell what the service itself has answered. */
#define VIEW_HEALTH_WORDS "The service "
/* Columns of a grant that is in no trouble. */
#define VIEW_HEALTH_WELL \
	"health = 'ok', health_reason = '', health_since = 0, retry_at = 0"

/* The catalogue that snapshots are made with from now on (takes a reference
 * of its own), any thread.  Withdraws all snapshots when it replaces one. */
void connect_views_set_catalog(struct connect_views *v, struct catalog *c);
/* The keeper's channel and the loop that it is on; for good. */
void connect_views_attach(struct connect_views *v, struct loop *l,
			  struct proc_channel *keeper);

#endif
