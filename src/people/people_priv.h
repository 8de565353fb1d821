/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of people/ share.
 */
#ifndef PEOPLE_PEOPLE_PRIV_H
#define PEOPLE_PEOPLE_PRIV_H

#include "people/people.h"

/* Copies a column into a text of fixed size; what is too long is cut. */
void people_col_copy(struct store_stmt *st, int col, char *out, size_t size);
/* A JSON list of texts, from the heap (people_texts_release); a NULL column
 * gives none.  ERR_INVALID, ERR_NOMEM. */
int people_texts_parse(struct slice json, struct people_texts *out);
void people_texts_release(struct people_texts *t);
/* Appends the list as JSON. */
int people_texts_write(const struct people_texts *t, struct buf *out);
/* A copy in the arena. */
int people_texts_arena(const struct people_texts *t, struct arena *arena,
		       struct people_texts *out);

/* Whether a key's text has a key's form. */
bool people_key_has_form(struct slice text);

/* Whether this member may use, or manage, what is shared so. */
bool people_sharing_lets_use(const struct people_sharing *s,
			     const char *member);
bool people_sharing_lets_manage(const struct people_sharing *s,
				const char *member);

/* Removes those that have ended before that instant. */
int people_keys_tidy(struct store_conn *c, int64_t before);

/* Counting failures (signin.c): 0, or ERR_BUSY with the time to wait. */
int people_failures_check(struct store_conn *c, const char *account,
			  const char *address, unsigned *retry_after_s);
int people_failures_add(struct store_conn *c, const char *account,
			const char *address);
int people_failures_clear(struct store_conn *c, const char *account,
			  const char *address);

#endif
