/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness from the kernel.
 */
#include <errno.h>
#include <sys/random.h>

#include "base/base.h"

void
random_bytes(void *out, size_t len)
{
	unsigned char *p = out;
	ssize_t n;

	while (len) {
		n = getrandom(p, len, 0);
		if (n < 0) {
			ASSERT(errno == EINTR);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

uint64_t
random_u64(void)
{
	uint64_t n;

	random_bytes(&n, sizeof(n));
	return n;
}

/* Crockford's base32, in ascending order of characters. */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

enum { ID_TIME = 10, ID_LEN = RANDOM_ID_SIZE - 1 };

void
random_id_at(int64_t wall_ms, char out[RANDOM_ID_SIZE])
{
	uint64_t time = wall_ms > 0 ? (uint64_t)wall_ms : 0;
	int i;

	for (i = ID_TIME - 1; i >= 0; i--, time >>= 5)
		out[i] = digits[time & 31];
	memset(out + ID_TIME, digits[0], ID_LEN - ID_TIME);
	out[ID_LEN] = '\0';
}

void
random_id(char out[RANDOM_ID_SIZE])
{
	unsigned char bits[ID_LEN - ID_TIME];
	int i;

	random_id_at(clock_wall_ms(), out);
	random_bytes(bits, sizeof(bits));
	for (i = ID_TIME; i < ID_LEN; i++)
		out[i] = digits[bits[i - ID_TIME] & 31];
}

void
random_id_next(char id[RANDOM_ID_SIZE])
{
	const char *digit;
	int i;

	for (i = ID_LEN - 1; i >= 0; i--) {
		digit = strchr(digits, id[i]);
		ASSERT(digit && *digit);
		if (digit[1]) {
			id[i] = digit[1];
			return;
		}
		id[i] = digits[0]; /* and carry */
	}
}

void
random_token(char out[RANDOM_TOKEN_SIZE])
{
	unsigned char bytes[32];

	random_bytes(bytes, sizeof(bytes));
	codec_base64url(bytes, sizeof(bytes), out);
	secret_wipe(bytes, sizeof(bytes));
}
