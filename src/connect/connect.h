/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of connect/: connections and grants.
 */
#ifndef CONNECT_CONNECT_H
#define CONNECT_CONNECT_H

#include "connect/view.h"

#endif
