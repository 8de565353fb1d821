/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of proc/: the processes and the messages between them.
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include "proc/message.h"

#endif
