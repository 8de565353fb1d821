/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of base/: what every other folder stands on.
 *
 * Nothing here knows HTTP, a database or a product word.  All of it may be
 * called in every role.  Parts are included through this door only.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include "base/err.h"
#include "base/assert.h"
#include "base/slice.h"
#include "base/buf.h"
#include "base/arena.h"
#include "base/secret.h"
#include "base/codec.h"
#include "base/clock.h"
#include "base/settled.h"
#include "base/random.h"
#include "base/table.h"
#include "base/log.h"
#include "base/embed.h"
#include "base/folder.h"
#include "base/step.h"

#endif
