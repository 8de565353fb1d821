/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes and identifiers from the kernel (getrandom(2)).
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills out; aborts if the kernel has no randomness to give. */
void random_bytes(void *out, size_t len);
uint64_t random_u64(void);

enum { RANDOM_ID_SIZE = 27 };
/*
 * A time-ordered identifier: 48 bits of wall-clock milliseconds and 80
 * random bits, 26 lower-case Crockford base32 characters and NUL (ULID's
 * shape).  Not a secret.
 */
void random_id(char out[RANDOM_ID_SIZE]);
/* The next of a series: greater by one, as ULID does it for what is made
 * within one millisecond.  For many at once: no system call. */
void random_id_next(char id[RANDOM_ID_SIZE]);
/* What every identifier of this time and later is not less than. */
void random_id_at(int64_t wall_ms, char out[RANDOM_ID_SIZE]);

enum { RANDOM_TOKEN_SIZE = 44 };
/* 256 random bits in base64url, 43 characters and NUL: for capabilities. */
void random_token(char out[RANDOM_TOKEN_SIZE]);

#endif
