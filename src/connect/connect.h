/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of connect/: connections and grants.
 *
 *   view.h   the call path's side: snapshots and injections, without locks
 *   front.h  the front's work threads: life cycle, consent, apps, services
 *   front_keys.h  what it carries between command line and keeper
 *   roles.h  the keeper and the exchanger
 */
#ifndef CONNECT_CONNECT_H
#define CONNECT_CONNECT_H

#include "connect/front.h"
#include "connect/front_keys.h"
#include "connect/roles.h"
#include "connect/view.h"

#endif
