/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slice: some bytes that somebody else owns.
 *
 * Slices are passed by value.  They are not terminated and may hold NUL.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

/* A slice of a string literal. */
#define SLICE(lit) ((struct slice){ "" lit, sizeof(lit) - 1 })
#define SLICE_NONE ((struct slice){ NULL, 0 })
/* For printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice
slice_of(const void *ptr, size_t len)
{
	return (struct slice){ ptr, len };
}

/* A slice of a C string; NULL gives an empty slice. */
static inline struct slice
slice_str(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

/* ASCII case-insensitive equality. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* Index of the first `c`, or s.len where there is none. */
size_t slice_find(struct slice s, char c);
/* From index `from` (clamped) to the end. */
struct slice slice_from(struct slice s, size_t from);
/* The first `len` bytes (clamped). */
struct slice slice_head(struct slice s, size_t len);
/* Without leading and trailing spaces and tabs. */
struct slice slice_trim(struct slice s);
/*
 * Takes the next token up to `sep` off the front of *rest (and `sep` with
 * it).  Returns false when nothing is left.
 */
bool slice_next(struct slice *rest, char sep, struct slice *token);
/*
 * A decimal number without sign, digits only, at most `max`.
 * ERR_INVALID, ERR_TOO_LARGE.
 */
int slice_to_u64(struct slice s, uint64_t max, uint64_t *out);
enum { SLICE_U64_SIZE = 20 };
/* n in decimal, written into buf (no NUL); borrows it. */
struct slice slice_u64(uint64_t n, char buf[SLICE_U64_SIZE]);
/* A heap copy with a terminating NUL; NULL when out of memory. */
char *slice_dup(struct slice s);
/* Copies into buf[size] with NUL; ERR_TOO_LARGE when it does not fit. */
int slice_copy(struct slice s, char *buf, size_t size);
enum { SLICE_DISTANCE_NONE = 99 };
/* How many letters must be added, dropped or changed to make b of a, for
 * "did you mean"; SLICE_DISTANCE_NONE for texts over 60 bytes. */
unsigned slice_distance(struct slice a, struct slice b);
/* True if some byte is < 0x20 or 0x7f. */
bool slice_has_control(struct slice s);
/* Copies as much as fits with NUL, to a whole UTF-8 character; size > 0. */
void slice_cut(struct slice s, char *buf, size_t size);
/* Takes out what is no whole UTF-8 character: a text may have been cut to its
 * buffer, or of several that were cut ("%.60s"). */
void slice_mend_utf8(char *text);
/* How much of it, from its beginning, is well-formed UTF-8 (RFC 3629). */
size_t slice_utf8_run(struct slice s);
/* True if all of it is. */
bool slice_is_utf8(struct slice s);

#endif
