/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that a service echoes, taken out on the way back.
 *
 * Every byte of a found secret becomes '*', so that lengths (and JSON, and
 * framing) stay as they were.  Found are the secret as it is, percent- and
 * form-encoded (hex digits in either case), in base64 and base64url at any
 * of the three alignments (so also within "user:password"), and as JSON and
 * HTML escape it; across the borders of pieces too.
 *
 * Secrets of fewer than CALL_SCRUB_MIN bytes are left alone: they would be
 * found in what has nothing to do with them.
 *
 * Runs anywhere in the front; a scrubber belongs to one thread at a time.
 */
#ifndef CALL_SCRUB_H
#define CALL_SCRUB_H

#include "base/base.h"

enum { CALL_SCRUB_MIN = 6 };

struct call_scrub;

/*
 * A scrubber for these secrets, which are copied into locked memory.  Owned
 * (call_scrub_free).  ERR_NOMEM, also when locked memory is used up: then
 * nothing may be shown.
 */
int call_scrub_new(struct secret *const *secrets, size_t count,
		   struct call_scrub **out);
void call_scrub_free(struct call_scrub *s);
/*
 * Masks in place.  Returns how many bytes from the start are done; the rest
 * may be the beginning of a secret and must be given again, at the start of
 * the next piece (it is shorter than call_scrub_longest()).  With `last`
 * all is done, and the next piece is the first of another text.
 */
size_t call_scrub_mask(struct call_scrub *s, char *bytes, size_t len,
		       bool last);
size_t call_scrub_longest(const struct call_scrub *s);
/* How many secrets were found so far. */
size_t call_scrub_found(const struct call_scrub *s);

#endif
