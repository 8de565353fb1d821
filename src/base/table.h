/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from byte strings to pointers, keyed SipHash-1-3 against
 * chosen collisions, open addressing.
 *
 * One thread at a time.  The table copies keys, and owns no values.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/slice.h"

struct table;

struct table *table_new(void);
void table_free(struct table *t);
size_t table_count(const struct table *t);
/* NULL where there is none. */
void *table_get(const struct table *t, struct slice key);
/* Sets or replaces; *old (may be NULL) gets the value before, or NULL.
 * ERR_NOMEM changes nothing.  value must not be NULL. */
int table_set(struct table *t, struct slice key, void *value, void **old);
/* Removes and returns the value; NULL where there was none. */
void *table_remove(struct table *t, struct slice key);
/* Walks all entries; start with *cursor = 0; false at the end.  The table
 * must not change meanwhile (table_remove of the current entry is fine). */
bool table_next(const struct table *t, size_t *cursor, struct slice *key,
		void **value);
/* SipHash-1-3 of the bytes with a key drawn at process start. */
uint64_t table_hash(struct slice key);

#endif
